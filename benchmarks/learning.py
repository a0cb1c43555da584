"""Does AVSA training learn alignment that holds on videos it has not seen?

    python -m benchmarks.learning [--root DIR] [--out DIR] [--seeds 3] [--first-seed 0] [--recipe RECIPE]
                                  [--one-core] [--json]

``--root`` is a finished dataset with a test split; without it a procedural one is made in ``--out``:
128 videos of two to four sounding, moving things of different classes, a quarter of them held out.
Trains once a seed and compares the AVSA accuracy on the test split (of the views of one video at one
moment, is the right one the most similar?) with chance. The bar is 15 minutes on two cores; on a
machine that others use as well, ``--one-core`` makes data and steps in one process, whose CPU seconds
(1800 are 15 minutes on two cores) nobody else's work changes much. Exit code 1 if any seed stays
under 20 points above chance.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

from benchmarks.worlds import dataset, machine
from yt360.training.loop import train
from yt360.training.recipe import load_recipe, override

RECIPE = Path(__file__).parents[1] / "pipelines" / "train" / "learning.yaml"
GOAL = 0.2
WORLD_SEED = 4242
"""A world that no recipe was fitted on."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root")
    parser.add_argument("--out", type=Path, default=Path("benchmark-data/learning"))
    parser.add_argument("--recipe", type=Path, default=RECIPE)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--one-core", action="store_true")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    recipe, gains = load_recipe(arguments.recipe), []
    root = arguments.root or str(
        dataset(arguments.out, videos=128, seed=WORLD_SEED, duration_s=11.0, size="112x224", test_share=0.25)
    )
    if not arguments.json:
        print(machine())
    for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
        began, cpu_began = time.monotonic(), time.process_time()
        name = f"{recipe.name}-seed{seed}"
        changes = [f"seed={seed}"] + (["data.workers=0", "run.threads=1"] if arguments.one_core else [])
        summary = train(override(recipe, changes), root, arguments.out / name)
        times = {
            "seconds": round(time.monotonic() - began, 1),
            "cpu_seconds": round(time.process_time() - cpu_began, 1),
        }
        for phase, measures in summary.evaluations.items():
            row = {"seed": seed, "phase": phase, **times, **measures}
            if arguments.json:
                print(json.dumps(row))
            else:
                print(
                    f"seed {seed}  {phase}  AVC {measures['avc_accuracy']:.3f} (chance {measures['avc_chance']:.3f})  "
                    f"AVSA {measures['avsa_accuracy']:.3f} (chance {measures['avsa_chance']:.3f})  "
                    f"{times['seconds']:.0f} s, {times['cpu_seconds']:.0f} CPU s in this process"
                )
        last = summary.evaluations[recipe.phases[-1].name]
        gains.append(last["avsa_accuracy"] - last["avsa_chance"])
    if not arguments.json:
        print(f"AVSA above chance: mean {statistics.mean(gains):+.3f}, least {min(gains):+.3f}, goal {GOAL:+.3f}")
    return 0 if min(gains) >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
