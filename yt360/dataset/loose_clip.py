"""A clip whose members are files of their own, as stages have it before it lies in a shard."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from yt360.dataset.clip import Clip
from yt360.dataset.members import MemberReader
from yt360.errors import ItemError


class _Files(MemberReader):
    """Members out of files. Their digests are for others to check."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        super().__init__("", verify=False)
        self._paths = dict(files)

    def _read(self, clip: str, shard: str, member: str, offset: int, size: int, digest: str) -> bytes:
        try:
            return self._paths[member].read_bytes()
        except OSError as error:
            raise ItemError("corrupt-member", f"clip {clip}: {self._paths[member]}: {error.strerror}") from error

    def _open(self, clip: str, shard: str, member: str, offset: int, size: int, digest: str) -> bytes:
        return self._read(clip, shard, member, offset, size, digest)


def loose_clip(facts: Mapping[str, Any], video: Path, foa: Path) -> Clip:
    """The clip of an MP4 and a FLAC file.

    ``facts``: its row of the clip manifest without what says where members lie. Raises
    :class:`yt360.errors.UsageError` where facts are missing, or cannot be.

    >>> video, foa = (Path(root).with_name(name) for name in ("loose.mp4", "loose.flac"))
    >>> written = video.write_bytes(MemberReader(root).video(row)), foa.write_bytes(MemberReader(root).sound(row))
    >>> bool((loose_clip(clip.metadata, video, foa).frame(0.5) == clip.frame(0.5)).all())
    True
    """
    files = {"video": video, "foa": foa}
    row: dict[str, Any] = {**facts, "split": facts.get("split", ""), "shard": "none"}
    for member, path in files.items():
        row |= {f"{member}_offset": 0, f"{member}_size": path.stat().st_size, f"{member}_digest": ""}
    return Clip(row, _Files(files), where=str(video))
