"""The world of ``benchmarks.paper_claims``: made so that the paper's questions are fair ones.

* Three to five things a video, so that hearing what there is does not say where it is; in most videos two of
  them are of one class, at different places and with voices of their own. One always sounds and goes around the
  camera, so that a place does not tell a video; the others come and go, and half of them move.
* Cars are in streets and nowhere else, and every street has one: the sound of cars goes with the sight of roads.
* Every video has a random loudness (16 dB wide), every thing the same gain, so that loudness says nothing.
* One codec for all, no rooms (whose echo would tell them), ambience at one level, a camera that does not turn;
  directions are uniform around the horizon, so that the seam and the front are nowhere special, and within 12° of
  it, whatever the class. (How far up a view looks may help training; AVSA-Bin turns about the vertical axis only.)
* True panoptic maps, so that what segmentation is measured against is not another model's opinion.
"""

from __future__ import annotations

import hashlib
import io
import math
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from benchmarks.worlds import CLI
from yt360.media.containers import spherical_boxes
from yt360.segmentation.clip_maps import clip_maps_bytes
from yt360.segmentation.maps import Category, PanopticSegment, from_ids
from yt360.synth.classes import PANOPTIC_CLASSES, THING_NAMES
from yt360.synth.delivery import write_video
from yt360.synth.render import Renderer, render_sound
from yt360.synth.scene import Scene, Thing

FPS = 16.0
DURATION_S = 20.0
MAPS_HZ = 2.0
SIZE = (112, 224)
"""Of the clips. Videos are twice as large, so that whether they are spheres can be seen."""

_OUTDOORS = ("field", "beach", "snow", "street")
_NO_STREET = tuple(name for name in THING_NAMES if name != "car")
_GAIN = 0.4
_APART = math.radians(40)
CATEGORIES = tuple(Category(row.id, row.name, row.kind == "thing", "procedural world") for row in PANOPTIC_CLASSES[1:])


def draw_scene(rng: np.random.Generator) -> Scene:
    """One video's scene."""
    kind = str(rng.choice(_OUTDOORS))
    count = int(rng.integers(3, 6))
    names = [str(name) for name in rng.choice(_NO_STREET, count, replace=False)]
    if kind == "street":
        names[0] = "car"
    if rng.random() < 0.7:
        names[1] = names[0]
    azimuths = _spread(rng, count)
    places = enumerate(zip(names, azimuths, strict=True))
    things = tuple(_draw_thing(rng, name, azimuth, leads=not number) for number, (name, azimuth) in places)
    return Scene(
        surroundings=kind,
        seed=int(rng.integers(2**31)),
        duration_s=DURATION_S,
        things=things,
        camera_turn=0.0,
        room=None,
        ambience_db=-26.0,
        grain=2.0,
    )


def _spread(rng: np.random.Generator, count: int) -> list[float]:
    while True:
        azimuths = np.sort(rng.uniform(-np.pi, np.pi, count))
        if np.diff(azimuths, append=azimuths[0] + 2 * np.pi).min() >= _APART:
            return [float(azimuth) for azimuth in rng.permutation(azimuths)]


def _draw_thing(rng: np.random.Generator, name: str, azimuth: float, *, leads: bool) -> Thing:
    """Everything but its sound and its look is the same for all classes: where, how large, how fast, when, how loud."""
    stretches, now = [], float(rng.uniform(-3, 1))
    while now < DURATION_S:
        end = now + float(rng.uniform(3, 7))
        if end > 0:
            stretches.append((max(now, 0.0), min(end, DURATION_S)))
        now = end + float(rng.uniform(1, 4))
    tint = rng.uniform(50, 235, 3)
    speed = float(np.radians(rng.uniform(7, 22)) * rng.choice([-1, 1]))
    return Thing(
        name=name,
        azimuth=azimuth,
        elevation=float(np.radians(rng.uniform(-12, 12))),
        half_extent=float(np.radians(rng.uniform(14, 20))),
        tint=(float(tint[0]), float(tint[1]), float(tint[2])),
        speed=speed if leads or rng.random() < 0.5 else 0.0,
        sway=float(np.radians(rng.uniform(3, 12))),
        bob=float(np.radians(rng.uniform(0.5, 3))),
        period_s=float(rng.uniform(3, 7)),
        gain=_GAIN,
        seed=int(rng.integers(2**31)),
        active=((0.0, DURATION_S),) if leads else tuple(stretches),
    )


def render(folder: Path, seed: int, index: int) -> None:
    """Video number ``index`` into ``folder/media``, its maps into ``folder/maps``."""
    name = f"{index:04d}"
    done = folder / "maps" / f"{name}.npz"
    if done.exists():
        return
    rng = np.random.default_rng((seed, index))
    scene = draw_scene(rng)
    track = render_sound(scene, FPS)
    size = (2 * SIZE[0], 2 * SIZE[1])
    renderer = Renderer(scene, *size, FPS, track.levels)
    peak = float(np.abs(track.foa).max())
    gain = 10 ** (rng.uniform(-16, 0) / 20) * 0.9 / max(peak, 1e-9)
    sound = track.foa * np.float32(gain)
    files = write_video(folder / "media", name, list(renderer), size, FPS, sound, "aac-pair")
    spherical_boxes.inject(folder / "media" / files[0])
    step = FPS / MAPS_HZ
    maps = [renderer.panoptic(round(number * step)) for number in range(round(DURATION_S * MAPS_HZ))]
    partial = done.with_suffix(".tmp.npz")
    np.savez_compressed(partial, semantic=[a[::2, ::2] for a, _ in maps], instance=[b[::2, ::2] for _, b in maps])
    os.replace(partial, done)


def build(folder: Path, *, videos: int, seed: int, workers: int) -> Path:
    """The root of the finished dataset; what is there already is not made again."""
    for part in ("media", "maps"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        list(pool.map(render, [folder] * videos, [seed] * videos, range(videos)))
    root, recipe = folder / "root", folder / "recipe.yaml"
    if (root / ".with-true-maps").exists():
        return root
    stages = {
        "crawl": {"source": str(folder / "media")},
        "validate": {},
        "chunk": {"width": SIZE[1], "height": SIZE[0], "fps": int(FPS)},
        "split": {"test_share": 0.25},
        "shard": {"target_mb": 64},
    }
    recipe.write_text(yaml.safe_dump({"name": "paper-claims", "stages": stages}, sort_keys=False))
    command = [sys.executable, str(CLI), "run", str(recipe), "--root", str(root), "--workers", str(workers)]
    if subprocess.run(command, stdout=sys.stderr).returncode not in (0, 1):
        raise SystemExit(f"{root}: the pipeline did not finish")
    _add_true_maps(root, folder / "maps")
    (root / ".with-true-maps").touch()
    return root


def _add_true_maps(root: Path, maps: Path) -> None:
    """Write the shards again with each clip's true maps where `yt360 segment` would have put a model's."""
    path = root / "manifests" / "clips.parquet"
    rows = pq.read_table(path).to_pylist()
    for shard in sorted({row["shard"] for row in rows}):
        own = {row["clip"]: row for row in rows if row["shard"] == shard}
        source, target = root / "shards" / shard, root / "shards" / f".{shard}.tmp"
        with tarfile.open(source) as old, tarfile.open(target, "w", format=tarfile.USTAR_FORMAT) as new:
            for clip, member, data in _members(old, own, maps):
                info = tarfile.TarInfo(f"{clip}.{member}")
                info.size = len(data)
                offset = new.offset + tarfile.BLOCKSIZE
                new.addfile(info, io.BytesIO(data))
                name = member.split(".")[0]
                digest = hashlib.blake2b(data, digest_size=20).hexdigest()
                own[clip] |= {f"{name}_offset": offset, f"{name}_size": len(data), f"{name}_digest": digest}
        os.replace(target, source)
    pq.write_table(pa.Table.from_pylist(rows), path)


def _members(old: tarfile.TarFile, own: dict[str, dict[str, Any]], maps: Path) -> Iterator[tuple[str, str, bytes]]:
    for info in old:
        clip, _, member = info.name.partition(".")
        stream = old.extractfile(info)
        assert stream is not None, "shards hold files only"
        if member != "panoptic.zip":
            yield clip, member, stream.read()
        if member == "json":
            yield clip, "panoptic.zip", _clip_maps(own[clip], maps)


def _clip_maps(row: dict[str, Any], maps: Path) -> bytes:
    with np.load(maps / f"{Path(row['video']).stem}.npz") as held:
        semantic, instance = held["semantic"], held["instance"]
    first = round(row["start_s"] * MAPS_HZ)
    found = []
    for number in range(first, min(len(semantic), first + math.ceil(row["duration_s"] * MAPS_HZ))):
        ids = np.where(
            instance[number] > 0, 1000 + instance[number].astype(np.int32), semantic[number].astype(np.int32)
        )
        segments = [
            PanopticSegment(int(name), int(semantic[number][ids == name][0]), name >= 1000, 1.0, 0)
            for name in np.unique(ids)
            if name
        ]
        found.append(from_ids(ids, segments))
    return clip_maps_bytes(row["clip"], found, MAPS_HZ, CATEGORIES, {"model": "truth"})
