"""Further pictures and sounds of a clip (``chunk.variants``): another size, two channels, perspective views."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import av
import fsspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from yt360.dataset.decoding import decode_frames
from yt360.dataset.flac_window import FlacError, decode_window, read_flac_head
from yt360.dataset.manifest import join, read_manifest
from yt360.dataset.members import MemberReader
from yt360.dataset.schema import VARIANTS, arrow
from yt360.errors import ItemError, UsageError

_SLACK_S = 1e-6


class Variant:
    """One further member of a clip. ``metadata`` is its row; columns: :data:`yt360.dataset.schema.VARIANTS`.

    Methods raise :class:`UsageError` for times outside it and for what it is not, and :class:`ItemError` where its
    bytes are not what the manifest says.
    """

    def __init__(self, row: Mapping[str, Any], reader: MemberReader) -> None:
        self.metadata: dict[str, Any] = dict(row)
        self._reader = reader
        self.clip = str(row["clip"])
        self.frames_held, self.height, self.width = (row[name] or 0 for name in ("frames", "height", "width"))
        needed = ("frames", "height", "width", "fps") if self.is_picture else ("samples", "sample_rate_hz", "channels")
        if any(not 0 < (row[name] or 0) < 1 << 40 for name in needed):
            raise UsageError(
                f"variants.parquet: {row['member']} of clip {self.clip} has no {', '.join(needed)} that can be"
            )

    def __repr__(self) -> str:
        row = self.metadata
        if self.is_picture:
            what = f"{self.width}x{self.height} at {row['fps']:g} fps"
        else:
            what = f"{row['channels']} channels, {row['sample_rate_hz']} Hz"
        return f"Variant({self.clip!r}, {row['member']!r}, {what})"

    @property
    def is_picture(self) -> bool:
        """Whether it is a picture; otherwise it is a sound."""
        return self.metadata["frames"] is not None

    @property
    def data(self) -> bytes:
        """The file, held against its digest."""
        row = self.metadata
        return self._reader.member(self.clip, row["member"], row["shard"], row["offset"], row["size"], row["digest"])

    def frames(self, start_s: float = 0.0, duration_s: float | None = None) -> NDArray[np.uint8]:
        """Frames ``(T, H, W, 3)`` uint8 RGB of a stretch; to the end where no duration is given."""
        if not self.is_picture:
            raise UsageError(f"{self!r} is no picture")
        first, count = self._stretch(start_s, duration_s, self.frames_held, self.metadata["fps"])
        return decode_frames(self.data, _Facts(self), range(first, first + count))

    def sound(self, start_s: float = 0.0, duration_s: float | None = None) -> NDArray[np.float32]:
        """Sound ``(channels, N)`` float32 in [-1, 1] of a stretch: AmbiX (W Y Z X) where there are 4 channels, left
        and right where there are 2.
        """
        row = self.metadata
        if self.is_picture:
            raise UsageError(f"{self!r} is no sound")
        first, count = self._stretch(start_s, duration_s, row["samples"], row["sample_rate_hz"])
        try:
            data = self.data
            head = read_flac_head(data)
            if (head.channels, head.samples) != (row["channels"], row["samples"]):
                wanted = f"{row['samples']} samples of {row['channels']} channels"
                found = f"{head.samples} of {head.channels}"
                raise ItemError("corrupt-member", f"{self!r}: expected {wanted}, found {found}; run yt360 verify")
            return decode_window(data, head, first, count)
        except (FlacError, av.error.FFmpegError) as error:
            raise ItemError("corrupt-member", f"{self!r}: the sound does not decode ({error})") from error

    def _stretch(self, start_s: float, duration_s: float | None, held: int, rate: float) -> tuple[int, int]:
        whole_s = held / rate
        end_s = whole_s if duration_s is None else start_s + duration_s
        if not (0 <= start_s < whole_s and start_s < end_s <= whole_s + _SLACK_S):
            raise UsageError(f"{self!r}: {start_s:g} to {end_s:g} s is not inside of its {whole_s:g} s")
        first = min(round(start_s * rate), held - 1)
        return first, max(1, min(round((end_s - start_s) * rate), held - first))


class _Facts:
    """What :func:`decode_frames` has to know of a picture."""

    def __init__(self, variant: Variant) -> None:
        self.clip = f"{variant.clip}, {variant.metadata['member']}"
        self.frames, self.height, self.width = variant.frames_held, variant.height, variant.width


class VariantTable:
    """``variants.parquet`` of a root, read when somebody asks; empty where clips have no variants."""

    def __init__(self, location: str, reader: MemberReader) -> None:
        self._location, self._reader = location, reader

    @cached_property
    def table(self) -> pa.Table:
        """All rows. Raises :class:`UsageError` for a file that cannot be read."""
        filesystem, path = fsspec.core.url_to_fs(join(self._location, "manifests", "variants.parquet"))
        if not filesystem.exists(path):
            return arrow(VARIANTS).empty_table()
        return read_manifest(self._location, "variants")

    @cached_property
    def _rows(self) -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = {}
        for row in self.table.to_pylist():
            found.setdefault(row["clip"], []).append(row)
        return found

    def of(self, clip: str) -> dict[str, Variant]:
        """The variants of a clip by the extension of their members, in order."""
        return {row["member"]: Variant(row, self._reader) for row in self._rows.get(clip, ())}
