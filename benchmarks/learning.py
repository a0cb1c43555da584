"""Does AVSA training learn alignment that holds on videos it has not seen?

    python -m benchmarks.learning --root DIR --out DIR [--seeds 3] [--recipe RECIPE] [--json]

``--root`` is a finished dataset, usually of a procedural world (`yt360 synth`, then `yt360 run`)
with a test split. Trains once a seed and compares the AVSA accuracy on the test split (of the views
of one video, is the right one the most similar?) with chance. Exit code 1 if any seed stays under
20 points above chance.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

from yt360.training.loop import train
from yt360.training.recipe import load_recipe, override

RECIPE = Path(__file__).parents[1] / "pipelines" / "train" / "learning.yaml"
GOAL = 0.2


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", required=True)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--recipe", type=Path, default=RECIPE)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    recipe, gains = load_recipe(arguments.recipe), []
    for seed in range(arguments.seeds):
        began = time.monotonic()
        name = f"{recipe.name}-seed{seed}"
        summary = train(override(recipe, [f"seed={seed}"]), arguments.root, arguments.out / name)
        for phase, measures in summary.evaluations.items():
            row = {"seed": seed, "phase": phase, "seconds": round(time.monotonic() - began, 1), **measures}
            if arguments.json:
                print(json.dumps(row))
            else:
                print(
                    f"seed {seed}  {phase}  AVC {measures['avc_accuracy']:.3f} (chance {measures['avc_chance']:.3f})  "
                    f"AVSA {measures['avsa_accuracy']:.3f} (chance {measures['avsa_chance']:.3f})"
                )
        last = summary.evaluations[recipe.phases[-1].name]
        gains.append(last["avsa_accuracy"] - last["avsa_chance"])
    if not arguments.json:
        print(f"AVSA above chance: mean {statistics.mean(gains):+.3f}, least {min(gains):+.3f}, goal {GOAL:+.3f}")
    return 0 if min(gains) >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
