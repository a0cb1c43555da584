"""Bytes that may be anywhere, of which a reader wants a part."""

from __future__ import annotations

from typing import Protocol


class ByteSource(Protocol):
    """What :class:`bytes` and :class:`yt360.dataset.members.MemberBytes` have in common.

    >>> source: ByteSource = b"fLaC"
    >>> len(source), source[:1]
    (4, b'f')
    """

    def __len__(self) -> int: ...
    def __getitem__(self, part: slice, /) -> bytes: ...
