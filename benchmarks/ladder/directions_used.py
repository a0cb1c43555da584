"""Does a trained AVC model of the ladder use directions to tell videos apart? Not registered: it looks for reasons.

    python -m benchmarks.ladder.directions_used --out DIR [--registration benchmarks/ladder/longer.yaml]

DIR is that of a finished ``benchmarks.ladder`` run. Each view of a test video is asked for its sound among those of
32 videos, once with the sounds as they are and once with all of them turned by any yaw: what is lost was directions.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import torch

from benchmarks.ladder import registration
from benchmarks.ladder.cells import folder_of
from benchmarks.ladder.measures import Effort, evaluation_recipe
from benchmarks.ladder.models import AVC
from benchmarks.ladder.shards import read_truth
from yt360.evaluation.context import TaskContext
from yt360.evaluation.frozen_features import ANY_YAW
from yt360.evaluation.pretrained import load_pretrained
from yt360.evaluation.samples import TEST
from yt360.training.distributed import processes

OF = 32


@torch.inference_mode()
def found(root: Path, model: Path) -> tuple[float, float]:
    """Percent of pictures whose sound is the most similar of :data:`OF`: as they are, and turned."""
    recipe = evaluation_recipe(Effort(1, 1, 1), weights="trained", row=None, device="cpu")
    rows = read_truth(root, "test")
    with processes("cpu") as group, tempfile.TemporaryDirectory() as held:
        pretrained = load_pretrained(recipe, model, group.device)
        job = TaskContext(
            recipe, pretrained, str(root), Path(held), group, lambda: False, lambda what, done, total: None
        )
        split = job.splits["test"]
        bank = job.extractor(job.sampling(4), recipe.features.batch).bank(split, TEST, 1, (ANY_YAW,))
        keep = [place for place, video in enumerate(bank.videos) if rows[split.videos[video]]["frame"] != "turned"]
        video, directions = bank.video[keep].float(), bank.directions[keep]
        shares = []
        for sound in (bank.sound[keep].float(), bank.turned[keep, 0].float()):
            made = pretrained.model.heads(video, sound, directions)
            similarity = torch.einsum("nkd,mkd->knm", made.sound_prediction, made.sound_target)
            nearer = similarity > similarity.diagonal(dim1=1, dim2=2)[:, :, None]
            others = nearer.float().sum(dim=2) / (similarity.shape[1] - 1)
            shares.append(100 * float(((1 - others) ** (OF - 1)).mean()))
    return shares[0], shares[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--registration", type=Path, default=registration.FILE, help="that of the run")
    arguments = parser.parse_args()
    registered = registration.read(arguments.registration)
    for cell in registered.cells(registered.sizes["registered"]):
        if cell.model == AVC:
            own, turned = found(arguments.out / "worlds" / cell.world, folder_of(arguments.out, cell) / "run")
            print(f"{cell.name}: {own:.1f} % of {OF}, turned {turned:.1f} %", flush=True)


if __name__ == "__main__":
    main()
