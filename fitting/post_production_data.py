"""The data that the classifier of post-production is fitted on: segments of procedural mixes, in small files.

    python -m fitting.post_production_data OUT --first 0 --count 40

One file (``NNNNN.npz``) a seed: 12 scenes and two of each kind of post-production, combined at random. The
speakers and instruments are those of the part ``fitting``; nothing of it is used by ``benchmarks/filters.py``.
A finished file is not made again.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from yt360 import ambisonics, sphere
from yt360.filters.post_production.segment_features import measure_segments
from yt360.synth import mixes

SECONDS = 12.0
SCENES, LAYERS, VARIANTS = 12, 2, 9
CODED = 0.15
LEVELS_DB = (-6.0, 10.0)
MUSICAL = 2000
"""Seeds from here on hold beds and music only, over scenes that have music in them more often."""

MUSICAL_CONTENTS = ("music", "talk and music", "loudspeakers", "music", "loudspeakers", "talk", "events", "ambience")


def make(seed: int) -> dict[str, np.ndarray]:
    """Segments of :data:`SCENES` x :data:`VARIANTS` mixes, a third of them clean; labels by kind."""
    rng = np.random.default_rng((77, seed))
    material = mixes.Material("fitting")
    samples = round(SECONDS * mixes.RATE_HZ)
    musical = seed >= MUSICAL
    wanted = [what for what in mixes.POST for _ in range(LAYERS + musical)]
    if musical:
        wanted = [what for what in wanted if not what.startswith("voice")]
    layers = [(what, mixes.post_production(rng, what, material, samples)) for what in wanted]
    vectors, loud, labels, levels = [], [], [], []
    for _ in range(SCENES):
        kind = mixes.draw_kind(rng, str(rng.choice(MUSICAL_CONTENTS)) if musical else None)
        kind = replace(kind, horizontal=bool(rng.random() < 0.35)) if musical else kind
        scene = mixes.scene(rng, kind, material, SECONDS, microphone=False)
        for variant in range(VARIANTS):
            turned = scene
            if rng.random() < 0.5:
                turned = ambisonics.rotate(scene, sphere.yaw_rotation(rng.uniform(-np.pi, np.pi)))
            turned = mixes.through_microphone(rng, turned)
            count = 0 if variant < VARIANTS // 3 else 2 if rng.random() < 0.15 else 1
            chosen = dict(layers[index] for index in rng.choice(len(layers), count, replace=False))
            at_db = {what: float(rng.uniform(*LEVELS_DB)) for what in chosen}
            foa = mixes.mix(turned, kind, chosen, at_db).foa
            if rng.random() < CODED:
                foa = mixes.delivered(foa, str(rng.choice(["opus", "vorbis", "aac"])))
            measured = measure_segments([foa])
            vectors.append(measured.vectors.astype(np.float16))
            loud.append(measured.loud)
            labels.append([float(what in chosen) for what in mixes.POST])
            levels.append([at_db.get(what, np.nan) for what in mixes.POST])
    return {
        "vectors": np.stack(vectors),
        "loud": np.stack(loud),
        "labels": np.array(labels, np.float32),
        "levels_db": np.array(levels, np.float32),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=40)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for seed in range(arguments.first, arguments.first + arguments.count):
        path = arguments.out / f"{seed:05d}.npz"
        if not path.is_file():
            partial = path.with_name(f".{seed:05d}.partial.npz")
            arrays: dict[str, Any] = make(seed)
            np.savez_compressed(partial, **arrays)
            partial.rename(path)


if __name__ == "__main__":
    main()
