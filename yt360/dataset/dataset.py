"""``yt360.open``: a finished root as an object: its tables, and its clips by id or number."""

from __future__ import annotations

import difflib
import operator
import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsIndex, overload

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike

from yt360.dataset.clip import Clip
from yt360.dataset.decoding import recent_windows
from yt360.dataset.manifest import join, read_manifest
from yt360.dataset.members import MemberReader
from yt360.dataset.variant import VariantTable
from yt360.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd  # else imported by Arrow when a table is asked for

_REMEMBERED_BYTES = 64 << 20
"""Of members of a store that stay in memory."""

_WINDOW_BYTES = 64 << 20
"""Of decoded pictures and sound that stay in memory, so that several views of one moment decode it once."""


class UnknownClipError(UsageError, KeyError):
    """No clip of this id."""

    __str__ = Exception.__str__  # a KeyError shows its message in quotation marks


class ClipNumberError(UsageError, IndexError):
    """No clip of this number."""


def open_dataset(location: str | os.PathLike[str], *, verify: bool = True) -> Dataset:
    """Open a finished root: a folder, or a URL of any store that fsspec knows (``s3://bucket/yt360``).

    ``verify``: hold each file's digest against the manifest the first time it is read. Needs no torch.
    Raises :class:`yt360.errors.UsageError` where there is no dataset.

    >>> import yt360
    >>> data = yt360.open(root)
    >>> len(data), data[0].id
    (3, 'video000-00000')
    """
    return Dataset(location, verify=verify)


class Dataset:
    """The clips of a root, in the order of the manifest; of one split, where :meth:`split` made it.

    >>> data
    <yt360 dataset: 3 clips of 3 videos (train 2, test 1), 6 s>
    >>> [clip.id for clip in data]
    ['video000-00000', 'video001-00000', 'video002-00000']
    >>> data["video001-00000"].split, data[-1].split, len(data[:2])
    ('train', 'test', 2)
    """

    def __init__(self, location: str | os.PathLike[str], *, verify: bool = True) -> None:
        text = os.fspath(location)
        self.location = text if "://" in text else str(Path(text).expanduser())
        """The folder or URL that was opened."""
        self._table: pa.Table = read_manifest(self.location, "clips")
        self._reader = MemberReader(self.location, verify=verify, remembered_bytes=_REMEMBERED_BYTES)
        self._windows = recent_windows(_WINDOW_BYTES)
        self._variants = VariantTable(self.location, self._reader)

    @cached_property
    def clips(self) -> pd.DataFrame:
        """One row a clip (``manifests/clips.parquet``); columns: :data:`yt360.dataset.schema.CLIPS`."""
        frame: pd.DataFrame = self._table.to_pandas()
        return frame

    @cached_property
    def videos(self) -> pd.DataFrame:
        """One row a video that was ever crawled, kept or not; columns: :data:`yt360.dataset.schema.VIDEOS`."""
        frame: pd.DataFrame = read_manifest(self.location, "videos").to_pandas()
        return frame

    @cached_property
    def shards(self) -> pd.DataFrame:
        """One row a shard; columns: :data:`yt360.dataset.schema.SHARDS`."""
        frame: pd.DataFrame = read_manifest(self.location, "shards").to_pandas()
        return frame

    @cached_property
    def events(self) -> pd.DataFrame:
        """One row an event of these clips; columns: :data:`yt360.dataset.schema.EVENTS`.

        Raises :class:`UsageError` where nobody looked for events.

        >>> data.events[["clip", "label", "azimuth_deg"]].values.tolist()[0]
        ['video000-00000', 'speech', 40.0]
        """
        if not any(size is not None for size in self._column("events_size")):
            raise UsageError(
                f"{self.location}: no clip has events; run a recipe with annotate.enabled=true (then shard)"
            )
        found: pd.DataFrame = read_manifest(self.location, "events").to_pandas()
        return found[found["clip"].isin(self.ids)].reset_index(drop=True)

    def _column(self, name: str) -> list[Any]:
        """Values of a column of the clip table; empty where an older version built the root."""
        return self._table.column(name).to_pylist() if name in self._table.column_names else []

    @property
    def variants(self) -> pd.DataFrame:
        """One row a further picture or sound of a clip; columns: :data:`yt360.dataset.schema.VARIANTS`."""
        frame: pd.DataFrame = self._variants.table.to_pandas()
        return frame

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self._table.column("clip").to_pylist())}

    @property
    def ids(self) -> list[str]:
        """Ids of the clips in order.

        >>> data.ids
        ['video000-00000', 'video001-00000', 'video002-00000']
        """
        ids: list[str] = self._table.column("clip").to_pylist()
        return ids

    @property
    def splits(self) -> dict[str, int]:
        """How many clips each split holds.

        >>> data.splits
        {'train': 2, 'test': 1}
        """
        found: dict[str, int] = {}
        for name in self._table.column("split").to_pylist():
            found[str(name)] = found.get(str(name), 0) + 1
        return found

    def split(self, name: str) -> Dataset:
        """The clips of one split. Raises :class:`UsageError` where there are none.

        >>> data.split("test")
        <yt360 dataset: 1 clip of 1 video (test 1), 2 s>
        """
        if name not in self.splits:
            raise UsageError(
                f"{self.location}: no clips of a split {name!r}; its splits are {', '.join(map(repr, self.splits))}"
            )
        return self.filter(np.array(self._table.column("split").to_pylist()) == name)

    def filter(self, keep: ArrayLike) -> Dataset:
        """The clips whose place in ``keep`` (one truth value a clip) is true.

        >>> data.filter(data.clips.video != "video000").ids
        ['video001-00000', 'video002-00000']
        """
        mask = np.asarray(keep)
        if mask.shape != (len(self),) or mask.dtype != bool:
            raise UsageError(f"filter: expected {len(self)} truth values, found {mask.dtype} of shape {mask.shape}")
        return self._rows(np.flatnonzero(mask))

    def _rows(self, numbers: Any) -> Dataset:
        part = Dataset.__new__(Dataset)
        part.location, part._reader, part._windows = self.location, self._reader, self._windows
        part._variants = self._variants
        part._table = self._table.take(pa.array(numbers, pa.int64()))
        return part

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def __contains__(self, name: object) -> bool:
        return name in self._numbers

    def __iter__(self) -> Iterator[Clip]:
        return (self[number] for number in range(len(self)))

    @overload
    def __getitem__(self, key: str | SupportsIndex) -> Clip: ...
    @overload
    def __getitem__(self, key: slice) -> Dataset: ...
    def __getitem__(self, key: str | SupportsIndex | slice) -> Clip | Dataset:
        if isinstance(key, slice):
            return self._rows(range(len(self))[key])
        if isinstance(key, str):
            if key not in self._numbers:
                raise UnknownClipError(self._unknown(key))
            number = self._numbers[key]
        else:
            number = operator.index(key)
            if not -len(self) <= number < len(self):
                raise ClipNumberError(f"{self.location}: no clip number {number}: it holds {len(self)} clips")
        row = self._table.slice(number % len(self), 1).to_pylist()[0]
        where = join(self.location, "manifests", "clips.parquet")
        return Clip(row, self._reader, self._windows, where, self._variants)

    def _unknown(self, name: str) -> str:
        of_video = [each for each in self.ids if each.startswith(f"{name}-")]
        if of_video:
            return f"{self.location}: {name!r} is a video, its clips are {', '.join(map(repr, of_video[:5]))}"
        near = difflib.get_close_matches(name, self.ids, 3)
        hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else f"; it holds {len(self)} others, see .ids"
        return f"{self.location}: no clip {name!r}{hint}"

    def __repr__(self) -> str:
        videos = len(set(self._table.column("video").to_pylist()))
        splits = ", ".join(f"{name} {count}" for name, count in self.splits.items())
        seconds = sum(
            frames / fps
            for frames, fps in zip(*(self._table.column(name).to_pylist() for name in ("frames", "fps")), strict=True)
            if frames and fps
        )
        return f"<yt360 dataset: {_count(len(self), 'clip')} of {_count(videos, 'video')} ({splits}), {seconds:.0f} s>"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
