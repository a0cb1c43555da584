"""Do features of trained models of the ladder help to tell segments apart, alone and with sound? Not registered.

    python -m benchmarks.ladder.segmented --out DIR [--models avsa avc avsa-transformer] [--seeds 0] [--epochs 4]

DIR is that of a finished ``benchmarks.ladder`` run, whose registered size leaves segmentation out for its cost. A
head on a feature pyramid learns the world's true panoptic maps from the training videos, and is judged by mean IoU on
the test videos: from the picture's features, with those of the sound, and (models with translators) with both
translators' features of all views of the sample, as in table 3 of the paper.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
import time
from pathlib import Path

from benchmarks.ladder import registration
from benchmarks.ladder.cells import folder_of
from benchmarks.ladder.measures import Effort, evaluation_recipe, segmented
from yt360.evaluation.context import TaskContext
from yt360.evaluation.pretrained import load_pretrained
from yt360.training.distributed import processes


def scores(root: Path, model: Path, effort: Effort) -> dict[str, float]:
    """Mean IoU in percent of each input."""
    recipe = evaluation_recipe(effort, weights="trained", row=None, device="cpu")
    with processes("cpu") as group, tempfile.TemporaryDirectory() as held:
        pretrained = load_pretrained(recipe, model, group.device)
        job = TaskContext(
            recipe, pretrained, str(root), Path(held), group, lambda: False, lambda what, done, total: None
        )
        return segmented(job, effort)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--models", nargs="+", default=["avsa", "avc", "avsa-transformer"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--world", default="identity-easy")
    arguments = parser.parse_args()
    registered = registration.read()
    size = registered.sizes["registered"]
    effort = dataclasses.replace(size.effort, segmentation_epochs=arguments.epochs)
    for cell in registered.cells(size):
        if cell.model in arguments.models and cell.seed in arguments.seeds and cell.world == arguments.world:
            began = time.process_time()
            found = scores(arguments.out / "worlds" / cell.world, folder_of(arguments.out, cell) / "run", effort)
            words = ", ".join(f"{name} {value:.1f}" for name, value in found.items())
            print(f"{cell.name}: mean IoU {words}; {time.process_time() - began:.0f} CPU s", flush=True)


if __name__ == "__main__":
    main()
