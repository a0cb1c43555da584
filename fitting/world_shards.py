"""Procedural worlds straight to shards: no files to crawl, nothing decoded and coded twice.

`yt360 synth` renders files as they are delivered, for the pipeline to work on. To train on thousands of seconds of
them costs more than the training itself; here each scene becomes one clip at once.
"""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import soxr

from yt360.dataset.schema import CLIPS, arrow
from yt360.hashing import digest_file
from yt360.media.clips import ClipVideoWriter, write_clip_sound
from yt360.synth.render import SAMPLE_RATE_HZ, Renderer, render_sound
from yt360.synth.scene import draw_scene

_MEMBERS = {"video": "video.mp4", "foa": "foa.flac"}
_QUIETEST_DB = -12.0


@dataclass(frozen=True)
class WorldFormat:
    """How scenes are rendered: ``duration_s`` of picture ``(height, 2 height)`` at ``fps``, and of sound."""

    duration_s: float = 4.0
    height: int = 112
    fps: int = 16
    sample_rate_hz: int = 24000


def make_shards(
    root: Path, splits: Sequence[tuple[str, int, int]], world: WorldFormat | None = None, workers: int = 1
) -> Path:
    """A root whose ``splits`` (name, number of scenes, seed) hold one clip a scene, in a shard a split.

    The same arguments give the same clips at any number of ``workers``.
    """
    world = world or WorldFormat()
    (root / "shards").mkdir(parents=True, exist_ok=True)
    (root / "manifests").mkdir(exist_ok=True)
    rows: list[dict[str, Any]] = []
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool, tempfile.TemporaryDirectory() as held:
        for split, count, seed in splits:
            shard = f"{split}-000000.tar"
            folder = Path(held) / split
            folder.mkdir()
            made = pool.map(render_clip, [folder] * count, [seed] * count, range(count), [world] * count, chunksize=4)
            with tarfile.open(root / "shards" / shard, "w", format=tarfile.USTAR_FORMAT) as archive:
                for row in made:
                    rows.append(row | {"split": split, "shard": shard} | _add(archive, folder, str(row["clip"])))
    pq.write_table(pa.Table.from_pylist(rows, schema=arrow(CLIPS)), root / "manifests" / "clips.parquet")
    return root


def render_clip(folder: Path, seed: int, index: int, world: WorldFormat) -> dict[str, Any]:
    """Scene number ``index`` of the world of ``seed`` as the files of one clip; its row of the manifest."""
    rng = np.random.default_rng((seed, index))
    scene = draw_scene(rng, world.duration_s)
    track = render_sound(scene, world.fps)
    gain = np.float32(10 ** (rng.uniform(_QUIETEST_DB, 0) / 20))
    sound = soxr.resample(track.foa.T * gain, SAMPLE_RATE_HZ, world.sample_rate_hz)
    video = f"world{seed}-{index:05d}"
    clip = f"{video}-00000"
    picture = folder / f"{clip}.{_MEMBERS['video']}"
    with ClipVideoWriter(
        picture, 2 * world.height, world.height, world.fps, gop=world.fps // 2, crf=23, preset="veryfast"
    ) as writer:
        for frame in Renderer(scene, world.height, 2 * world.height, world.fps, track.levels):
            writer.write(frame)
    write_clip_sound(folder / f"{clip}.{_MEMBERS['foa']}", sound, world.sample_rate_hz, "PCM_16", {})
    return {
        "clip": clip,
        "video": video,
        "start_s": 0.0,
        "duration_s": world.duration_s,
        "frames": writer.frames,
        "fps": float(world.fps),
        "height": world.height,
        "width": 2 * world.height,
        "samples": len(sound),
        "sample_rate_hz": world.sample_rate_hz,
        "convention": "ambix",
    }


def _add(archive: tarfile.TarFile, folder: Path, clip: str) -> dict[str, Any]:
    """Move the clip's files into the shard; where they lie."""
    found: dict[str, Any] = {}
    for name, member in _MEMBERS.items():
        path = folder / f"{clip}.{member}"
        info = tarfile.TarInfo(path.name)
        info.size = path.stat().st_size
        found |= {f"{name}_offset": archive.offset + tarfile.BLOCKSIZE, f"{name}_size": info.size}
        found[f"{name}_digest"] = digest_file(path)
        with path.open("rb") as stream:
            archive.addfile(info, stream)
        path.unlink()
    return found
