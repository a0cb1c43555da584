"""The clip manifest as training reads it: which clips there are, and where their bytes lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from yt360.dataset.schema import CLIPS, MANIFESTS
from yt360.dataset.settings import DataSettings
from yt360.errors import UsageError
from yt360.hashing import digest_json
from yt360.redaction import hide, secret_in

_NEEDED = tuple(column.name for column in CLIPS if column.needed)
_OPTIONAL_MEMBERS = ("panoptic", "events")
_READ = (*_NEEDED, *(f"{member}_{fact}" for member in _OPTIONAL_MEMBERS for fact in ("offset", "size", "digest")))
"""Columns of :class:`ClipRow`; those of optional members may be missing, and are empty where a clip has none."""

MAX_MEMBER_BYTES = 1 << 30


@dataclass(frozen=True)
class ClipRow:
    """One clip: ``frames`` pictures at ``fps`` and ``samples`` of sound at ``sample_rate_hz``, inside ``shard``."""

    clip: str
    video: str
    shard: str
    video_offset: int
    video_size: int
    video_digest: str
    foa_offset: int
    foa_size: int
    foa_digest: str
    frames: int
    fps: float
    height: int
    width: int
    samples: int
    sample_rate_hz: int
    panoptic_offset: int | None = None
    panoptic_size: int | None = None
    panoptic_digest: str | None = None
    events_offset: int | None = None
    events_size: int | None = None
    events_digest: str | None = None


@dataclass(frozen=True)
class ClipSplit:
    """The usable clips of one split, grouped by video.

    ``clips_of``: for each video, the indices of its clips in ``clips``. ``short``: ids of clips that
    are shorter than a sample and were left out.
    """

    name: str
    clips: tuple[ClipRow, ...]
    videos: tuple[str, ...]
    clips_of: tuple[NDArray[np.int64], ...]
    short: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Changes when the clips, their order or their bytes do."""
        return digest_json([[clip.clip, clip.video_digest, clip.foa_digest] for clip in self.clips])


def join(root: str, *parts: str) -> str:
    """A path or URL below ``root``.

    >>> join("s3://bucket/yt360/", "shards", "train-000000.tar")
    's3://bucket/yt360/shards/train-000000.tar'
    """
    return "/".join([root.rstrip("/"), *parts])


def read_manifest(root: str, name: str) -> pa.Table:
    """``ROOT/manifests/NAME.parquet`` (``clips``, ``videos``, ``shards``, ``events``), checked by
    :mod:`yt360.dataset.schema`.

    ``root`` is a folder or a URL for fsspec. Columns of the schema have its types; columns that it does not know
    are kept as they are. Raises :class:`UsageError` where the file is missing, is no Parquet file, or lacks a
    column that readers need.

    >>> read_manifest(root, "clips").num_rows
    3
    """
    if found := secret_in(root):
        raise UsageError(
            f"{hide(root)}: this address holds {found}, which would end in recipes and logs; give credentials by the "
            "environment or the store's own configuration"
        )
    path = join(root, "manifests", f"{name}.parquet")
    known = {column.name: column for column in MANIFESTS[name]}
    try:
        with fsspec.open(path, "rb") as stream:
            # No threads: one that frees a Python buffer while the interpreter ends aborts the process.
            table = pq.read_table(stream, use_threads=False, pre_buffer=False, page_checksum_verification=True)
            _ = table.schema.names, table.schema.metadata  # decoded when they are asked for, and they may be damaged
    except FileNotFoundError as error:
        what = "no clip manifest there" if name == "clips" else "expected a manifest, found no file"
        raise UsageError(f"{path}: {what}; run the stages up to shard first (yt360 run …)") from error
    except (OSError, pa.ArrowException, ImportError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read as a Parquet manifest ({error}); run yt360 shard again") from error
    missing = [column.name for column in known.values() if column.needed and column.name not in table.column_names]
    if missing:
        raise UsageError(f"{path}: the columns {', '.join(missing)} are missing; run yt360 shard again")
    if len(set(table.column_names)) < len(table.column_names):
        raise UsageError(f"{path}: two columns have one name; run yt360 shard again")
    try:
        types = {field.name: field.type for field in table.schema} | {
            name: column.type for name, column in known.items() if name in table.column_names
        }
        table = table.cast(pa.schema(list(types.items())))
        table.validate(full=True)  # texts are not decoded before somebody looks at them
        return table
    except (pa.ArrowException, ValueError) as error:
        raise UsageError(f"{path}: a column is of another type, or damaged ({error}); run yt360 shard again") from error


def read_table(root: str) -> pa.Table:
    """``ROOT/manifests/clips.parquet`` with the columns of :class:`ClipRow` only; see :func:`read_manifest`.

    >>> read_table(root).column_names[:4]
    ['clip', 'video', 'split', 'shard']
    """
    table = read_manifest(root, "clips")
    return table.select([name for name in _READ if name in table.column_names])


def clip_row(row: Mapping[str, Any], path: str) -> ClipRow:
    """A row of the clip manifest, checked; a :class:`UsageError` names ``path`` and what cannot be.

    >>> row = clip_row(read_table(root).to_pylist()[0], "clips.parquet")
    >>> row.clip, row.frames, row.fps
    ('video000-00000', 32, 16.0)
    """
    values: dict[str, Any] = {name: row.get(name) for name in _READ}
    empty = ", ".join(name for name in _NEEDED if name != "split" and values[name] is None)
    if empty:
        raise UsageError(f"{path}: clip {row['clip']!r} has no value for {empty}; run yt360 shard again")
    values.pop("split")
    if (convention := values.pop("convention")) != "ambix":
        raise UsageError(
            f"{path}: clip {row['clip']!r} holds {convention!r} sound; yt360 reads AmbiX (W Y Z X, SN3D) only: "
            "make the clips again with yt360 chunk and shard"
        )
    clip = ClipRow(**values)
    _check(clip, path)
    return clip


def load_split(
    root: str, split: str, data: DataSettings, sample_rate_hz: int, *, table: pa.Table | None = None
) -> ClipSplit:
    """The clips of ``split`` in manifest order; every disagreement with what training expects is a UsageError.

    A clip shorter than one sample is left out and named in :attr:`ClipSplit.short`; more than 1 % of
    such clips stop the run.

    >>> train = load_split(root, "train", DataSettings(), sample_rate_hz=24000)
    >>> len(train.clips), train.videos
    (2, ('video000', 'video001'))
    """
    table = read_table(root) if table is None else table
    path = join(root, "manifests", "clips.parquet")
    clips: list[ClipRow] = []
    short: list[str] = []
    for row in table.to_pylist():
        if row["split"] != split:
            continue
        clip = clip_row(row, path)
        if clip.sample_rate_hz != sample_rate_hz:
            raise UsageError(
                f"{path}: clip {clip.clip!r} has sound at {clip.sample_rate_hz} Hz, the recipe {sample_rate_hz} Hz: "
                "set sound.sample_rate_hz or make the clips again"
            )
        enough = clip.frames / clip.fps >= data.picture_s and clip.samples / clip.sample_rate_hz >= data.sound_s
        if enough:
            clips.append(clip)
        else:
            short.append(clip.clip)
    if len(short) > 0.01 * (len(clips) + len(short)):
        raise UsageError(
            f"{path}: {len(short)} of {len(clips) + len(short)} {split} clips are shorter than one sample "
            f"({data.sound_s} s of sound, {data.picture_s} s of picture), first {', '.join(short[:5])}: "
            "lower data.sound_s or make longer clips"
        )
    videos: dict[str, list[int]] = {}
    for index, clip in enumerate(clips):
        videos.setdefault(clip.video, []).append(index)
    return ClipSplit(
        name=split,
        clips=tuple(clips),
        videos=tuple(videos),
        clips_of=tuple(np.array(indices) for indices in videos.values()),
        short=tuple(short),
    )


def _check(clip: ClipRow, path: str) -> None:
    plain = PurePosixPath(clip.shard)
    if plain.name != clip.shard or clip.shard in ("", ".", ".."):
        raise UsageError(f"{path}: clip {clip.clip!r} names the shard {clip.shard!r}; expected a plain file name")
    for member in ("video", "foa", *_OPTIONAL_MEMBERS):
        offset, size = getattr(clip, f"{member}_offset"), getattr(clip, f"{member}_size")
        if member in _OPTIONAL_MEMBERS and offset is None and size is None:
            continue
        if offset is None or size is None or offset < 0 or not 0 < size <= MAX_MEMBER_BYTES:
            raise UsageError(f"{path}: clip {clip.clip!r} has the {member} range {offset}+{size}, which cannot be")
    if (
        min(clip.frames, clip.samples, clip.sample_rate_hz, clip.height, clip.width) <= 0
        or not 0 < clip.fps < 1000
        or clip.width % 2
    ):
        raise UsageError(
            f"{path}: clip {clip.clip!r} claims {clip.frames} frames of {clip.width}x{clip.height} at {clip.fps} fps "
            f"and {clip.samples} samples, which cannot be"
        )
    if max(clip.height, clip.width) > 16384:
        raise UsageError(f"{path}: clip {clip.clip!r} claims {clip.width}x{clip.height}; at most 16384 a side")


def check_shards(root: str, splits: list[ClipSplit]) -> None:
    """Every shard named by the clips exists and is long enough; all that are not are named in one UsageError.

    >>> check_shards(root, [load_split(root, "train", DataSettings(), sample_rate_hz=24000)])
    """
    ends: dict[str, int] = {}
    for clip in (clip for split in splits for clip in split.clips):
        end = max(clip.video_offset + clip.video_size, clip.foa_offset + clip.foa_size)
        ends[clip.shard] = max(end, ends.get(clip.shard, 0))
    folder = join(root, "shards")
    filesystem, path = fsspec.core.url_to_fs(folder)
    try:
        listing = filesystem.ls(path, detail=True) if ends else []
    except FileNotFoundError:
        listing = []
    sizes = {PurePosixPath(entry["name"]).name: entry["size"] for entry in listing}
    missing = [shard for shard in ends if shard not in sizes]
    if missing:
        raise UsageError(
            f"{folder}: the manifest names {len(missing)} shard(s) that are not there, first {', '.join(missing[:5])}: "
            "bring them back or run yt360 shard again"
        )
    cut = [shard for shard, end in ends.items() if sizes[shard] is not None and sizes[shard] < end]
    if cut:
        raise UsageError(
            f"{folder}: {len(cut)} shard(s) end before the bytes the manifest names, first {cut[0]} "
            f"({sizes[cut[0]]} bytes, expected at least {ends[cut[0]]}): bring them back or run yt360 shard again"
        )
