"""Individuals straight to shards: no stage of the pipeline, a clip a video, and a table of the truth beside them."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.ladder.individuals import DURATION_S, Individual, World, draw
from benchmarks.ladder.rendering import CLASS_NAMES, SILENT, Format, frames, sound
from yt360.dataset.schema import CLIPS, arrow
from yt360.media.clips import ClipVideoWriter, write_clip_sound
from yt360.segmentation.clip_maps import clip_maps_bytes
from yt360.segmentation.maps import Category, PanopticMap, PanopticSegment, from_ids

CATEGORIES = tuple(
    Category(number, name, number >= SILENT, "individuals") for number, name in enumerate(CLASS_NAMES, 1)
)
_MEMBERS = {"video": "video.mp4", "foa": "foa.flac", "panoptic": "panoptic.zip"}
_SPLITS = {"train": 0, "test": 1}


@dataclass(frozen=True)
class WorldSize:
    """Videos of each split."""

    train: int
    test: int


def individual(world: World, seed: int, split: str, index: int) -> Individual:
    """Video number ``index`` of a split of the world of ``seed``, the same on every machine."""
    return draw(np.random.default_rng((seed, _SPLITS[split], index)), world)


def build(root: Path, world: World, seed: int, size: WorldSize, made: Format, workers: int) -> Path:
    """A root with the splits ``train`` and ``test``, one shard each, and ``truth.parquet``, ``things.parquet``.

    What is there already is not made again. The same arguments give the same bytes at any number of ``workers``.
    """
    manifest = root / "manifests" / "clips.parquet"
    if manifest.exists():
        return root
    (root / "shards").mkdir(parents=True, exist_ok=True)
    manifest.parent.mkdir(exist_ok=True)
    rows: list[dict[str, Any]] = []
    truth: list[dict[str, Any]] = []
    things: list[dict[str, Any]] = []
    with ExitStack() as held:
        each: Callable[..., Iterator[tuple[dict[str, Any], dict[str, bytes]]]] = map
        if workers > 1:
            pool = held.enter_context(ProcessPoolExecutor(workers, mp_context=get_context("spawn")))
            each = partial(pool.map, chunksize=16)
        for split, count in (("train", size.train), ("test", size.test)):
            jobs = each(render, [world] * count, [seed] * count, [split] * count, range(count), [made] * count)
            path = root / "shards" / f"{split}-000000.tar"
            with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
                for index, (row, members) in enumerate(jobs):
                    rows.append(row | {"split": split, "shard": path.name} | _add(archive, row["clip"], members))
                    about, of = _truth(row["video"], split, individual(world, seed, split, index))
                    truth.append(about)
                    things += of
    pq.write_table(pa.Table.from_pylist(truth), root / "truth.parquet")
    pq.write_table(pa.Table.from_pylist(things), root / "things.parquet")
    unfinished = manifest.with_suffix(".tmp")
    pq.write_table(pa.Table.from_pylist(rows, schema=arrow(CLIPS)), unfinished)
    os.replace(unfinished, manifest)
    return root


def render(world: World, seed: int, split: str, index: int, made: Format) -> tuple[dict[str, Any], dict[str, bytes]]:
    """A video as the members of one clip, and its row of the manifest."""
    drawn = individual(world, seed, split, index)
    video = f"{split}{index:05d}"
    clip = f"{video}-00000"
    heard = sound(drawn, made)
    maps = []
    with tempfile.TemporaryDirectory() as held:
        picture, flac = Path(held) / "video.mp4", Path(held) / "foa.flac"
        with ClipVideoWriter(
            picture, 2 * made.height, made.height, made.fps, gop=1, crf=20, preset="ultrafast"
        ) as writer:
            for number, (frame, classes) in enumerate(frames(drawn, made)):
                writer.write(frame)
                if number % (made.fps // made.maps_hz) == 0:
                    maps.append(_map(classes))
        write_clip_sound(flac, heard.T, made.sample_rate_hz, "PCM_16", {})
        members = {"video": picture.read_bytes(), "foa": flac.read_bytes()}
    members["panoptic"] = clip_maps_bytes(clip, maps, made.maps_hz, CATEGORIES, {"model": "truth"})
    row = {
        "clip": clip,
        "video": video,
        "start_s": 0.0,
        "duration_s": DURATION_S,
        "frames": writer.frames,
        "fps": float(made.fps),
        "height": made.height,
        "width": 2 * made.height,
        "samples": heard.shape[1],
        "sample_rate_hz": made.sample_rate_hz,
        "convention": "ambix",
        "panoptic_maps": len(maps),
        "panoptic_rate_hz": float(made.maps_hz),
        "panoptic_model": "truth",
    }
    return row, members


def _map(classes: np.ndarray[Any, np.dtype[np.uint8]]) -> PanopticMap:
    present = [CATEGORIES[number - 1] for number in np.unique(classes)]
    return from_ids(classes.astype(np.int32), [PanopticSegment(c.id, c.id, c.isthing, 1.0, 0) for c in present])


def _add(archive: tarfile.TarFile, clip: str, members: dict[str, bytes]) -> dict[str, Any]:
    """Put the members into the shard; where they lie."""
    found: dict[str, Any] = {}
    for name, data in members.items():
        info = tarfile.TarInfo(f"{clip}.{_MEMBERS[name]}")
        info.size = len(data)
        found |= {f"{name}_offset": archive.offset + tarfile.BLOCKSIZE, f"{name}_size": len(data)}
        found[f"{name}_digest"] = hashlib.blake2b(data, digest_size=20).hexdigest()
        archive.addfile(info, io.BytesIO(data))
    return found


def _truth(video: str, split: str, drawn: Individual) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The rows of ``truth.parquet`` and ``things.parquet``."""
    about = {
        "video": video,
        "split": split,
        **drawn.strata(),
        "place": list(drawn.place),
        "reverberation_s": drawn.reverberation_s,
        "turn_deg": float(np.degrees(drawn.turn)),
        "panels_deg": [float(np.degrees(panel)) for panel in drawn.panels],
        "things": len(drawn.things),
    }
    things = [
        {
            "video": video,
            "split": split,
            "azimuth_deg": float(np.degrees(thing.azimuth)),
            "elevation_deg": float(np.degrees(thing.elevation)),
            "speed_deg_s": float(np.degrees(thing.speed)),
            "radius_deg": float(np.degrees(thing.radius)),
            "latents": list(thing.latents),
            "gain": thing.gain,
            "active_s": [list(stretch) for stretch in thing.active],
        }
        for thing in drawn.things
    ]
    return about, things


def read_truth(root: Path, split: str) -> dict[str, dict[str, Any]]:
    """The rows of ``truth.parquet`` of a split by video, each with its ``things`` as rows."""
    found = {row["video"]: row | {"things": []} for row in _rows(root / "truth.parquet") if row["split"] == split}
    for thing in _rows(root / "things.parquet"):
        if thing["split"] == split:
            found[thing["video"]]["things"].append(thing)
    return found


def _rows(path: Path) -> Sequence[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows
