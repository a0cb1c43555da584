"""What a trained model of the ladder can do, video by video, on frozen features of the package's own making."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.ladder.individuals import DURATION_S
from yt360 import sphere
from yt360.dataset.cutting import draw_moments
from yt360.dataset.manifest import ClipSplit
from yt360.dataset.settings import DataSettings
from yt360.evaluation.context import TaskContext
from yt360.evaluation.frozen_features import ANY_YAW, Bank
from yt360.evaluation.pretrained import Pretrained, load_pretrained
from yt360.evaluation.recipe import AvcBinTask, AvsaBinTask, EvaluationRecipe, SegmentationTask, parse_evaluation
from yt360.evaluation.samples import TEST, TRAIN, draw_requests
from yt360.evaluation.tasks import binary
from yt360.evaluation.tasks.fine_tuned import measure_segmentation
from yt360.training.batch_plan import Request
from yt360.training.distributed import processes

RIDGES = (1e-2, 1e-1, 1.0, 10.0, 100.0)
_SHUFFLES = 8
"""Orders that a head on shuffled pairs sees in turn: pairs that stay could be learnt by heart."""

_DIRECTED = 0.6
"""Least share that the loudest source has of what is heard, where its direction is asked for."""


@dataclass(frozen=True)
class Effort:
    """Of the evaluation: samples of a video, epochs of a head, of segmentation's (0: left out)."""

    train_clips: int
    test_clips: int
    head_epochs: int
    segmentation_epochs: int = 0
    views: int = 4


Outcomes = dict[str, dict[str, float]]
"""Of each measure the value of each test video that has one: percent right, or degrees off."""


def evaluation_recipe(effort: Effort, *, weights: str, row: str | None, device: str = "auto") -> EvaluationRecipe:
    """Views look everywhere alike, so that no direction of the sound by itself says whether it was turned."""
    fields: dict[str, Any] = {
        "name": "ladder",
        "weights": weights,
        "seed": 0,
        "features": {
            "views": effort.views,
            "train_clips_per_video": effort.train_clips,
            "test_clips_per_video": effort.test_clips,
            "rounds": 1,
        },
        "tasks": [{"task": "avsa-bin"}],
        "run": {"device": device, "threads": 1, "workers": 0},
    }
    return parse_evaluation(fields | ({"row": row} if row else {}), "ladder")


def measure(
    root: Path, model: Path, out: Path, truth: Mapping[str, Mapping[str, Mapping[str, Any]]], effort: Effort, *,
    untrained: bool = False, device: str = "auto",
) -> tuple[Outcomes, dict[str, float], dict[str, float]]:  # fmt: skip
    """All measures of the model in ``model`` on the world in ``root``; ``out`` holds the features.

    ``truth``: of the splits ``train`` and ``test`` the rows of :func:`benchmarks.ladder.shards.read_truth`. Beside
    the outcomes, controls that must give chance (:func:`_controls`), and the mean IoU of segmentation for each input.
    """
    recipe = evaluation_recipe(effort, weights="random" if untrained else "trained", row=None, device=device)
    with processes(device) as group:
        pretrained = load_pretrained(recipe, model, group.device)
        job = TaskContext(recipe, pretrained, str(root), out, group, lambda: False, lambda what, done, total: None)
        extractor = job.extractor(job.sampling(effort.views), recipe.features.batch)
        train, test = (
            extractor.bank(job.splits[name], kind, clips, (ANY_YAW,))
            for name, kind, clips in (("train", TRAIN, effort.train_clips), ("test", TEST, effort.test_clips))
        )
        found: Outcomes = {}
        names = job.splits["test"].videos
        for task in _tasks(effort, translators=pretrained.model.translates):
            head = binary.train_head(task, [train], pretrained, recipe.seed)
            judged = binary.judge(task, test, head, pretrained, recipe.seed)
            found[_name(task)] = _by_video(100.0 * judged.right, judged.videos, names)
        for what, right in _retrieved(test, pretrained).items():
            found[f"retrieval {what}"] = _by_video(100.0 * right, test.videos, names)
        data = job.sampling(effort.views).data
        heard = [
            _directions(bank, job.splits[name], truth[name], data, draw_requests(job.splits[name], clips, 0, kind))
            for bank, name, kind, clips in ((train, "train", TRAIN, effort.train_clips),
                                            (test, "test", TEST, effort.test_clips))
        ]  # fmt: skip
        errors, guessed = probe(train.sound, *heard[0], train.videos, test.sound, *heard[1])
        asked = heard[1][1]
        owners = np.repeat(test.videos[:, None], effort.views, 1)[asked]
        found["doa"] = _by_video(errors, owners, names)
        found["doa one direction"] = _by_video(guessed, owners, names)
        return found, _controls(train, test, pretrained, effort), segmented(job, effort)


def segmented(job: TaskContext, effort: Effort) -> dict[str, float]:
    """Mean IoU in percent of heads on the video's features, with the sound's, and with both translators' (context)."""
    if not effort.segmentation_epochs:
        return {}
    context = ("context",) if job.pretrained.model.translates else ()
    task = SegmentationTask(
        labels="maps",
        inputs=("video", "sound", *context),
        epochs=effort.segmentation_epochs,
        milestones=(max(1, 2 * effort.segmentation_epochs // 3),),
        learning_rate=2e-3,
        views=effort.views,
        batch=8,
        train_clips_per_video=1,
        test_clips_per_video=effort.test_clips,
        pyramid=32,
        branch=32,
        pictures=0,
    )
    return {str(each.settings["input"]): each.measures["miou"].value for each in measure_segmentation(job, task)}


def _tasks(effort: Effort, *, translators: bool) -> list[AvcBinTask | AvsaBinTask]:
    epochs, last = effort.head_epochs, max(1, 2 * effort.head_epochs // 3)
    head: dict[str, Any] = {
        "epochs": epochs, "batch": 64, "learning_rate": 1e-3, "milestones": (last,), "hidden": 256
    }  # fmt: skip
    kinds: tuple[type[AvcBinTask] | type[AvsaBinTask], ...] = (AvsaBinTask, AvcBinTask)
    tasks: list[AvcBinTask | AvsaBinTask] = [kind(views=views, **head) for kind in kinds for views in (1, effort.views)]
    if translators:
        tasks += [kind(views=effort.views, translators=True, **head) for kind in kinds]
    return tasks


def _name(task: AvcBinTask | AvsaBinTask) -> str:
    return f"{task.task} {task.views}" + (" transf." if task.translators else "")


def _by_video(values: NDArray[Any], videos: NDArray[np.int64], names: Sequence[str]) -> dict[str, float]:
    sums = np.bincount(videos, values, len(names))
    counts = np.bincount(videos, minlength=len(names))
    return {name: float(sums[place] / counts[place]) for place, name in enumerate(names) if counts[place]}


@torch.inference_mode()
def _retrieved(bank: Bank, pretrained: Pretrained) -> dict[str, NDArray[np.float64]]:
    """Share of the views ``(n,)`` whose own sound (picture) is the most similar among those of all views of the
    sample, by the model's heads. What nothing tells apart shares the place."""
    device = pretrained.device
    parts = [part.to(device).float() for part in (bank.video, bank.sound, bank.directions)]
    made = pretrained.model.heads(*parts)
    pairs = {
        "sound to a picture": (made.sound_prediction, made.sound_target),
        "picture to a sound": (made.video_prediction, made.video_target),
    }
    return {name: first_places(torch.einsum("nkd,nld->nkl", *pair).cpu().numpy()) for name, pair in pairs.items()}


def first_places(similarity: NDArray[np.floating]) -> NDArray[np.float64]:
    """Of ``(n, k, k)``, queries in rows: share of queries ``(n,)`` whose own target, on the diagonal, is the most
    similar; equally similar ones share the place."""
    best = similarity >= similarity.max(axis=2, keepdims=True)
    own = np.diagonal(best, axis1=1, axis2=2)
    return np.asarray((own / best.sum(axis=2)).mean(axis=1))


def _directions(
    bank: Bank,
    split: ClipSplit,
    truth: Mapping[str, Mapping[str, Any]],
    data: DataSettings,
    requests: Sequence[Request],
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Where the loudest thing is as seen from each view, ``(n, views, 3)``, and for which views that is asked.

    Not where another is nearly as loud, nor in the mirrored samples of training.
    """
    if len(bank) != len(requests):
        raise ValueError(f"{len(bank)} samples of {len(requests)} could be read; the world is damaged: make it again")
    centres = bank.directions.double().numpy()
    towards = np.zeros((*centres.shape[:2], 3))
    asked = np.zeros(centres.shape[:2], bool)
    for place, request in enumerate(requests):
        clip = split.clips[request.clip]
        moment = draw_moments(np.random.default_rng(request.seed), clip, data, 1)[0]
        middle_s = min(moment.sound_start / clip.sample_rate_hz + data.sound_s / 2, DURATION_S)
        found = loudest(truth[clip.video], middle_s)
        if found is None:
            continue
        for view, centre in enumerate(centres[place]):
            azimuth, elevation = sphere.direction(centre)
            towards[place, view] = sphere.view_rotation(float(azimuth), float(elevation)) @ found
            asked[place, view] = True
    return towards, asked


def loudest(row: Mapping[str, Any], time_s: float) -> NDArray[np.float64] | None:
    """Direction in which the sound of the loudest thing comes from at a moment, in the picture's frame of reference,
    or None where no thing has most of the power."""
    powers, where = [], []
    for thing in row["things"]:
        if any(begin <= time_s < end for begin, end in thing["active_s"]):
            powers.append(thing["gain"] ** 2)
            azimuth = thing["azimuth_deg"] + thing["speed_deg_s"] * time_s + row["turn_deg"]
            where.append(sphere.unit_vector(math.radians(azimuth), math.radians(thing["elevation_deg"])))
    if not powers or max(powers) < _DIRECTED * sum(powers):
        return None
    return where[int(np.argmax(powers))]


def probe(
    train_features: torch.Tensor,
    train_towards: NDArray[np.float64],
    train_asked: NDArray[np.bool_],
    train_videos: NDArray[np.int64],
    test_features: torch.Tensor,
    test_towards: NDArray[np.float64],
    test_asked: NDArray[np.bool_],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Errors in degrees of a ridge regression from frozen features ``(n, views, f)`` to directions ``(n, views, 3)``,
    where asked; and of the best single direction for all. The ridge is chosen on a fifth of the training videos."""
    x, y = train_features[torch.from_numpy(train_asked)].double().numpy(), train_towards[train_asked]
    owners = np.repeat(train_videos[:, None], train_asked.shape[1], 1)[train_asked]
    centre, scale = x.mean(axis=0), x.std(axis=0) + 1e-6
    x = np.hstack([(x - centre) / scale, np.ones((len(x), 1))])
    held = owners % 5 == 0
    tried = [_errors(x[held] @ _ridge(x[~held], y[~held], ridge), y[held]).mean() for ridge in RIDGES]
    weights = _ridge(x, y, RIDGES[int(np.argmin(tried))])
    test = test_features[torch.from_numpy(test_asked)].double().numpy()
    test = np.hstack([(test - centre) / scale, np.ones((len(test), 1))])
    truth = test_towards[test_asked]
    return _errors(test @ weights, truth), _errors(np.broadcast_to(y.mean(axis=0), truth.shape), truth)


def _ridge(x: NDArray[np.float64], y: NDArray[np.float64], ridge: float) -> NDArray[np.float64]:
    penalty = ridge * len(x) * 1e-3 * np.eye(x.shape[1])
    penalty[-1, -1] = 0.0
    return np.asarray(np.linalg.solve(x.T @ x + penalty, x.T @ y))


def _errors(found: NDArray[np.float64], truth: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.degrees(sphere.angle_between(found, truth))


def _controls(train: Bank, test: Bank, pretrained: Pretrained, effort: Effort) -> dict[str, float]:
    """What must give chance: heads trained on shuffled pairs, judged on true ones. And what must be perfect: an
    oracle in the place of the head, which is given what the truth is instead of features."""
    found = {}
    for task in _tasks(effort, translators=False):
        if task.views == effort.views:
            head = binary.train_head(task, [shuffled(train, seed) for seed in range(_SHUFFLES)], pretrained, 0)
            judged = binary.judge(task, test, head, pretrained, 0)
            found[f"{task.task} shuffled"] = binary.accuracy(judged).value
            seen = oracle_bank(test)
            found[f"{task.task} oracle"] = binary.accuracy(binary.judge(task, seen, oracle, pretrained, 0)).value
    return found


def shuffled(bank: Bank, seed: int) -> Bank:
    """The bank with each picture beside the sounds, turned and not, of another sample, drawn for each apart: what is
    called the right sound is as wrong as what is called the wrong one."""
    rng = np.random.default_rng(seed)
    own, turned = (torch.from_numpy(rng.permutation(len(bank))) for _ in range(2))
    return Bank(bank.video, bank.sound[own], bank.turned[turned], bank.angles, bank.directions, bank.videos)


def oracle_bank(bank: Bank) -> Bank:
    """The bank with the truth for features: the number of the video, and by how much the sound was turned."""
    n, views = bank.video.shape[:2]
    owner = torch.from_numpy(bank.videos).float()[:, None, None].expand(n, views, 1)
    none = torch.zeros(n, views, 1)
    turn = bank.angles[:, :, None, None].expand(n, bank.angles.shape[1], views, 1)
    who = owner[:, None].expand(n, bank.angles.shape[1], views, 1)
    video = torch.cat([owner, none], -1)
    return Bank(video, video, torch.cat([who, turn], -1), bank.angles, bank.directions, bank.videos)


def oracle(video: torch.Tensor, sound: torch.Tensor) -> torch.Tensor:
    """Yes where picture and sound of :func:`oracle_bank` are of one video and not turned."""
    same = (video == sound).all(dim=-1).all(dim=-1).float()
    return torch.stack([0.5 - same, same - 0.5], dim=-1)
