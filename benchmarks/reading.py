"""Is reading from Python as fast as the training loader? CPU time of a sample of several views, by three ways.

    python -m benchmarks.reading [--root DIR] [--out DIR] [--samples 200] [--views 4] [--json]

``--root`` is a finished dataset; without it a procedural one is made in ``--out``. All ways read the same clips in
the same run and take turns, so that a busy machine slows them alike: the training loader's
:func:`yt360.training.samples.make_sample`, an item of :class:`yt360.ClipDataset`, and ``Clip.view`` once a view. The
first two also change the colours. Training turns the sound to the views after the loader; here that is counted for it
as well, because the other two do it. Everything runs on one core.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch

import yt360
from benchmarks.worlds import dataset, machine
from yt360.dataset.manifest import load_split
from yt360.training.batch_plan import Request
from yt360.training.recipe import parse_recipe
from yt360.training.samples import Sample, SampleDataset


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root")
    parser.add_argument("--out", type=Path, default=Path("benchmark-data/loader"))
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--views", type=int, default=4)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    root = arguments.root or str(
        dataset(arguments.out, videos=8, seed=101, duration_s=24.0, size="224x448", test_share=0.25)
    )
    ways = the_ways(root, arguments.views)
    for _ in range(3):  # digests are checked once a process
        for way in ways.values():
            way(0)
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for index in range(arguments.samples):
        for name, way in ways.items():
            began = time.process_time()
            way(index)
            spent[name].append(time.process_time() - began)
    milliseconds = {name: round(1e3 * float(np.median(values)), 2) for name, values in spent.items()}
    if arguments.json:
        print(json.dumps({"machine": machine(), "views": arguments.views, "milliseconds": milliseconds}))
        return
    print(machine())
    first = next(iter(milliseconds.values()))
    for name, value in milliseconds.items():
        print(f"{value:8.2f} ms  {value / first:5.2f} of the training loader  {name}")


def the_ways(root: str, views: int) -> dict[str, Callable[[int], None]]:
    """Ways to read sample ``index``, the training loader first."""
    phase = {"name": "avsa", "objective": "avsa", "views": views, "batch": 2, "translators": True, "steps": 1}
    recipe = parse_recipe({"name": "reading", "phases": [phase]}, "the benchmark")
    split = load_split(root, "train", recipe.data, recipe.sound.sample_rate_hz)
    samples = SampleDataset(recipe, root, [split])
    clips = yt360.ClipDataset(root, views=views)
    data = yt360.open(root).split("train")
    rng = np.random.default_rng(0)

    def training(index: int) -> None:
        number = index % len(split.clips)
        made = samples[Request("train", number, number, (0, 1, 0, 0, index), augment=True)]
        assert isinstance(made, Sample), made
        torch.from_numpy(made.matrices @ made.sound)

    def item(index: int) -> None:
        clips.set_epoch(index // len(clips))
        clips[index % len(clips)]

    def view(index: int) -> None:
        clip = data[split.clips[index % len(split.clips)].clip]
        start_s = rng.uniform(0, clip.duration_s - 1)
        for _ in range(views):
            clip.view(rng.uniform(-180, 180), rng.uniform(-28, 30), rng.uniform(25, 90), start_s=start_s)

    return {
        "make_sample, as training reads": training,
        "yt360.ClipDataset[i]": item,
        f"Clip.view, {views} times": view,
    }


if __name__ == "__main__":
    main()
