"""Which step size serves each objective, on a world that nothing is judged on.

    python -m benchmarks.ladder.tuning --out DIR [--rates 1e-3 2e-3 6e-3] [--models avc avts avsa] [--steps 400]

The same tries for AVC, AVTS and AVSA, judged by the same number: AVSA-Bin with four views, what is asked in the end.
What it printed stands in ``registration.yaml``, with what was chosen.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.ladder import cells, registration, shards
from benchmarks.ladder.measures import Effort
from benchmarks.ladder.models import AVC, AVSA, AVTS
from benchmarks.ladder.rendering import Format

SEED = 9001

EFFORT = Effort(train_clips=5, test_clips=2, head_epochs=30)
"""Few videos, so several samples of each: heads that saw 300 told nothing apart."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--rates", type=float, nargs="+", default=[1e-3, 2e-3, 6e-3])
    parser.add_argument("--train-videos", type=int, default=300)
    parser.add_argument("--test-videos", type=int, default=150)
    parser.add_argument("--size", default="registered", help="whose network and views")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--models", nargs="+", choices=(AVC, AVTS, AVSA), default=[AVC, AVTS, AVSA])
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    arguments = parser.parse_args()
    size = registration.read().sizes[arguments.size]
    videos = shards.WorldSize(arguments.train_videos, arguments.test_videos)
    root = shards.build(arguments.out / "world", "identity-easy", SEED, videos, Format(), 1)
    for model in arguments.models:
        for rate in arguments.rates:
            budget = replace(size.budget, steps=arguments.steps, rates=dict.fromkeys((AVC, AVTS, AVSA), rate))
            tried = replace(size, budget=budget, effort=EFFORT)
            cell = registration.Cell("identity-easy", model, 0)
            folder = arguments.out / f"{model}-{rate:g}"
            result = cells.run(root, folder, cell, tried, "tuning", arguments.device)
            if result is None:
                raise SystemExit("asked to stop: run again to go on")
            found = {name: float(np.mean(list(values.values()))) for name, values in result["outcomes"].items()}
            cpu_s = result["train_cpu_s"] + result["judge_cpu_s"]
            told = ", ".join(f"{name} {value:.2f}" for name, value in found.items())
            print(f"{model} at {rate:g}: {told}; {cpu_s:.0f} CPU s", flush=True)


if __name__ == "__main__":
    main()
