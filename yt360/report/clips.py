"""Reads clips of a finished root by their manifest: a frame and the sound, straight out of the shards."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import pandas as pd
import soundfile
from numpy.typing import NDArray

from yt360.errors import ItemError, UsageError
from yt360.segmentation import ClipMaps


@dataclass(frozen=True)
class Clip:
    """``frame`` ``(height, width, 3)`` RGB at ``time_s``; ``foa`` ``(4, samples)`` AmbiX; ``row`` of the manifest."""

    frame: NDArray[np.uint8]
    time_s: float
    foa: NDArray[np.float32]
    sample_rate_hz: int
    row: dict[str, Any]


def clip_table(root: Path) -> pd.DataFrame:
    """``manifests/clips.parquet`` of a root. Raises :class:`UsageError` when there is none."""
    path = root / "manifests" / "clips.parquet"
    if not path.is_file():
        raise UsageError(f"{path}: expected the clip manifest, found none; run a recipe with the shard stage first")
    return pd.read_parquet(path)


def read_clip(root: Path, row: dict[str, Any], time_s: float) -> Clip:
    """Read one clip; the frame at ``time_s`` seconds into it."""
    path = root / "shards" / row["shard"]
    try:
        with path.open("rb") as stream:
            stream.seek(row["video_offset"])
            video = stream.read(row["video_size"])
            stream.seek(row["foa_offset"])
            sound = stream.read(row["foa_size"])
        samples, rate = soundfile.read(io.BytesIO(sound), dtype="float32", always_2d=True)
        frame = video_frame(video, round(time_s * row["fps"]))
    except (OSError, av.FFmpegError, soundfile.SoundFileError, ValueError) as error:
        raise ItemError("corrupt", f"{path}: clip {row['clip']}: {error}; `yt360 verify` says more") from error
    return Clip(frame, time_s, np.ascontiguousarray(samples.T), rate, row)


def read_clip_maps(root: Path, row: dict[str, Any]) -> ClipMaps | None:
    """The panoptic maps of a clip, or ``None`` where there are none."""
    offset, size = row.get("panoptic_offset"), row.get("panoptic_size")
    if offset is None or size is None or pd.isna(offset) or pd.isna(size):
        return None
    path = root / "shards" / row["shard"]
    try:
        with path.open("rb") as stream:
            stream.seek(int(offset))
            return ClipMaps(stream.read(int(size)), f"{path}: {row['clip']}")
    except OSError as error:
        raise ItemError("corrupt", f"{path}: clip {row['clip']}: {error}; `yt360 verify` says more") from error


def video_frame(video: bytes, index: int) -> NDArray[np.uint8]:
    """Frame ``index`` ``(H, W, 3)`` RGB of a clip's MP4. Raises :class:`ValueError` when it has fewer frames."""
    with av.open(io.BytesIO(video), "r") as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number == index:
                return frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)
    raise ValueError(f"expected more than {index} frames")


def spread(table: pd.DataFrame, count: int) -> Iterator[dict[str, Any]]:
    """Up to ``count`` rows from as many different videos as there are, in a fixed order."""
    ordered = table.sort_values("clip")
    turn = ordered.groupby("video").cumcount()
    chosen = ordered.assign(turn=turn).sort_values(["turn", "clip"]).head(count)
    for row in chosen.drop(columns="turn").to_dict("records"):
        yield {str(key): value for key, value in row.items()}
