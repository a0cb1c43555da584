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


class _Shard:
    """An open file of a local disk, until nobody holds it any more."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def __del__(self) -> None:
        if hasattr(self, "file"):
            os.close(self.file)


class MemberBytes:
    """A member in a shard on a local disk: parts of it are read when they are asked for.

    >>> reader = MemberReader(root, verify=False)
    >>> held = reader.open_sound(row)
    >>> type(held).__name__, held[:4], len(held) == row.foa_size, held[:] == reader.sound(row)
    ('MemberBytes', b'fLaC', True, True)
    """

    def __init__(self, shard: _Shard, offset: int, size: int, name: str) -> None:
        self._shard, self._offset, self._size, self._name = shard, offset, size, name

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice, /) -> bytes:
        """Raises :class:`ItemError` where the shard cannot be read, or is shorter than it was."""
        first, last, _ = part.indices(self._size)
        wanted = max(0, last - first)
        try:
            data = os.pread(self._shard.file, wanted, self._offset + first)
        except OSError as error:
            raise ItemError("unreadable-shard", f"{self._shard.path}: {error}", retryable=True) from error
        return _whole(data, wanted, self._name, self._shard.path)


def _whole(data: bytes, size: int, name: str, shard: str) -> bytes:
    """``data``, which a shard that was cut short does not hold to its end."""
    if len(data) != size:
        raise ItemError("corrupt-member", f"{name}: {shard} ends after {len(data)} of {size} bytes; run yt360 verify")
    return data


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
        self._files: OrderedDict[str, _Shard] = OrderedDict()

    def video(self, clip: ClipRow) -> bytes:
        """The MP4 of a clip. Raises :class:`ItemError` when the bytes are not those of the manifest."""
        return self._read(clip.clip, clip.shard, "video", clip.video_offset, clip.video_size, clip.video_digest)

    def sound(self, clip: ClipRow) -> bytes:
        """The FLAC of a clip. Raises :class:`ItemError` when the bytes are not those of the manifest."""
        return self._read(clip.clip, clip.shard, "foa", clip.foa_offset, clip.foa_size, clip.foa_digest)

    def open_video(self, clip: ClipRow) -> bytes | MemberBytes:
        """What :meth:`video` reads; only its place where it is on a local disk and this process has checked it.

        A window of a clip is a tenth of its bytes.

        >>> len(MemberReader(root).open_video(row)) == row.video_size
        True
        """
        return self._open(clip.clip, clip.shard, "video", clip.video_offset, clip.video_size, clip.video_digest)

    def open_sound(self, clip: ClipRow) -> bytes | MemberBytes:
        """What :meth:`sound` reads, as :meth:`open_video` does.

        >>> MemberReader(root).open_sound(row)[:4]
        b'fLaC'
        """
        return self._open(clip.clip, clip.shard, "foa", clip.foa_offset, clip.foa_size, clip.foa_digest)

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
        """Close all open shards, those apart of which a member is held."""
        self._files.clear()

    def _open(self, clip: str, shard: str, member: str, offset: int, size: int, digest: str) -> bytes | MemberBytes:
        if not self._verify or (clip, member) in self._verified:
            try:
                opened = self._opened(shard)
            except OSError as error:
                raise ItemError("unreadable-shard", f"{join(self._folder, shard)}: {error}", retryable=True) from error
            if opened is not None:
                return MemberBytes(opened, offset, size, f"clip {clip}: {member}")
        return self._read(clip, shard, member, offset, size, digest)

    def _read(self, clip: str, shard: str, member: str, offset: int, size: int, digest: str) -> bytes:
        try:
            data = self._range(shard, offset, size)
        except OSError as error:
            raise ItemError("unreadable-shard", f"{join(self._folder, shard)}: {error}", retryable=True) from error
        _whole(data, size, f"clip {clip}: {member}", shard)
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

    def _opened(self, shard: str) -> _Shard | None:
        """The shard on a local disk; None where it is elsewhere."""
        if self._filesystem is None:
            self._filesystem, self._path = fsspec.core.url_to_fs(self._folder)
            self._local = "file" in _protocols(self._filesystem)
        if not self._local:
            return None
        if shard not in self._files:
            if len(self._files) >= _OPEN_FILES:
                self._files.popitem(last=False)
            self._files[shard] = _Shard(f"{self._path}/{shard}")
        self._files.move_to_end(shard)
        return self._files[shard]

    def _range(self, shard: str, offset: int, size: int) -> bytes:
        opened = self._opened(shard)
        if opened is not None:
            return os.pread(opened.file, size, offset)
        path, filesystem = f"{self._path}/{shard}", self._filesystem
        return self._remembered.get(
            (path, offset, size), lambda: bytes(filesystem.cat_file(path, start=offset, end=offset + size))
        )


def _protocols(filesystem: Any) -> tuple[str, ...]:
    protocol = filesystem.protocol
    return (protocol,) if isinstance(protocol, str) else tuple(protocol)
