"""Bytes of one member out of a shard, at random, from a local disk or any store fsspec knows.

The clip manifest is the index of the shards: it names each member's shard, offset, size and digest.
"""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from pathlib import PurePosixPath
from typing import Any

import fsspec

from yt360.dataset.manifest import MAX_MEMBER_BYTES, ClipRow, join
from yt360.dataset.recent import RecentlyUsed
from yt360.errors import ItemError

_OPEN_FILES = 32


class MemberReader:
    """Reads members by the manifest's offsets. One instance a process; opens lazily, so it can be pickled.

    ``verify``: check each member's BLAKE2b-160 the first time this process reads it. ``remembered_bytes``: how many
    bytes of members of a store are kept, newest first, because each one is a request (members of a local disk are
    kept by the system).

    >>> reader = MemberReader(root)
    >>> reader.video(row)[4:8], reader.sound(row)[:4]
    (b'ftyp', b'fLaC')
    """

    def __init__(self, root: str, *, verify: bool = True, remembered_bytes: int = 0) -> None:
        self._folder = join(root, "shards")
        self._verify = verify
        self._remembered = RecentlyUsed[bytes](remembered_bytes, len)
        self.__setstate__({})

    def __getstate__(self) -> dict[str, Any]:
        return {"_folder": self._folder, "_verify": self._verify, "_remembered": self._remembered}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._verified: set[tuple[str, str]] = set()
        self._filesystem: Any = None
        self._files: OrderedDict[str, int] = OrderedDict()

    def video(self, clip: ClipRow) -> bytes:
        """The MP4 of a clip. Raises :class:`ItemError` when the bytes are not those of the manifest."""
        return self._read(clip.clip, clip.shard, "video", clip.video_offset, clip.video_size, clip.video_digest)

    def sound(self, clip: ClipRow) -> bytes:
        """The FLAC of a clip. Raises :class:`ItemError` when the bytes are not those of the manifest."""
        return self._read(clip.clip, clip.shard, "foa", clip.foa_offset, clip.foa_size, clip.foa_digest)

    def maps(self, clip: ClipRow) -> bytes:
        """The panoptic maps of a clip (:class:`yt360.segmentation.ClipMaps` reads them).

        Raises :class:`ItemError` when it has none, or the bytes are not those of the manifest.
        """
        if clip.panoptic_offset is None or clip.panoptic_size is None or clip.panoptic_digest is None:
            raise ItemError("no-maps", f"clip {clip.clip} has no panoptic maps: run yt360 segment and shard")
        return self._read(
            clip.clip, clip.shard, "panoptic", clip.panoptic_offset, clip.panoptic_size, clip.panoptic_digest
        )

    def member(self, clip: str, member: str, shard: str, offset: int, size: int, digest: str) -> bytes:
        """Any member of a clip by its place in ``shard``. Raises :class:`ItemError` as the others do."""
        if (
            PurePosixPath(shard).name != shard
            or shard in ("", ".", "..")
            or offset < 0
            or not 0 < size <= MAX_MEMBER_BYTES
        ):
            raise ItemError("corrupt-member", f"clip {clip}: {member} in {shard!r}, {offset}+{size}, cannot be")
        return self._read(clip, shard, member, offset, size, digest)

    def events(self, clip: ClipRow) -> bytes:
        """The events of a clip (:func:`yt360.events.clip_events.read_clip_events` reads them).

        Raises :class:`ItemError` when nobody looked for any, or the bytes are not those of the manifest.
        """
        if clip.events_offset is None or clip.events_size is None or clip.events_digest is None:
            raise ItemError("no-events", f"clip {clip.clip} has no events: run yt360 annotate and shard")
        return self._read(clip.clip, clip.shard, "events", clip.events_offset, clip.events_size, clip.events_digest)

    def close(self) -> None:
        """Close all open shards."""
        while self._files:
            os.close(self._files.popitem()[1])

    def _read(self, clip: str, shard: str, member: str, offset: int, size: int, digest: str) -> bytes:
        try:
            data = self._range(shard, offset, size)
        except OSError as error:
            raise ItemError("unreadable-shard", f"{join(self._folder, shard)}: {error}", retryable=True) from error
        if len(data) != size:
            raise ItemError(
                "corrupt-member",
                f"clip {clip}: {member} in {shard} ends after {len(data)} of {size} bytes; run yt360 verify",
            )
        if self._verify and (clip, member) not in self._verified:
            found = hashlib.blake2b(data, digest_size=20).hexdigest()
            if found != digest:
                raise ItemError(
                    "corrupt-member",
                    f"clip {clip}: {member} in {shard} has digest {found}, the manifest says {digest}; "
                    "run yt360 verify",
                )
            self._verified.add((clip, member))
        return data

    def _range(self, shard: str, offset: int, size: int) -> bytes:
        if self._filesystem is None:
            self._filesystem, self._path = fsspec.core.url_to_fs(self._folder)
            self._local = "file" in _protocols(self._filesystem)
        path = f"{self._path}/{shard}"
        if not self._local:
            filesystem = self._filesystem
            return self._remembered.get(
                (path, offset, size), lambda: bytes(filesystem.cat_file(path, start=offset, end=offset + size))
            )
        if shard not in self._files:
            if len(self._files) >= _OPEN_FILES:
                os.close(self._files.popitem(last=False)[1])
            self._files[shard] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._files.move_to_end(shard)
        return os.pread(self._files[shard], size, offset)


def _protocols(filesystem: Any) -> tuple[str, ...]:
    protocol = filesystem.protocol
    return (protocol,) if isinstance(protocol, str) else tuple(protocol)
