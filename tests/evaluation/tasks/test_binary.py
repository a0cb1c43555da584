"""AVC-Bin and AVSA-Bin: labels that hold, negatives that are what they say, chance for who knows nothing."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from yt360 import ambisonics, sphere
from yt360.dataset import manifest
from yt360.dataset.members import MemberReader
from yt360.dataset.perspective_crop import DrawnView
from yt360.dataset.settings import PublishedBehaviour
from yt360.dataset.views import sound_matrix
from yt360.evaluation.frozen_features import ANGLES, ANY_YAW, Bank, Extractor, draw_angles, make_views, turned_matrices
from yt360.evaluation.pretrained import Pretrained, load_pretrained, sampling
from yt360.evaluation.recipe import AvcBinTask, AvsaBinTask, EvaluationRecipe, parse_evaluation
from yt360.evaluation.samples import TEST, RequestDataset, draw_requests, videos_of
from yt360.evaluation.tasks import binary
from yt360.training.batch_plan import Request
from yt360.training.distributed import Processes

CPU = torch.device("cpu")
ALONE = Processes(0, 1, CPU)


def _evaluation(**fields: Any) -> EvaluationRecipe:
    return parse_evaluation({"name": "test", "tasks": [{"task": "avc-bin", "views": 2}]} | fields, "test")


def _extractor(
    root: Path, folder: Path, pretrained: Pretrained, evaluation: EvaluationRecipe, batch: int = 8
) -> Extractor:
    settings = sampling(evaluation, pretrained.origin.samples, 2)
    return Extractor(pretrained, settings, str(root), folder, ALONE, evaluation.seed, batch)


@pytest.fixture(scope="module")
def model(checkpoint: Path) -> Pretrained:
    return load_pretrained(_evaluation(run={"workers": 0}), checkpoint, CPU)


@pytest.fixture(scope="module")
def split(labelled_root: Path, model: Pretrained) -> manifest.ClipSplit:
    return manifest.load_split(str(labelled_root), "test", model.origin.samples.data, 24000)


@given(st.lists(st.integers(0, 5), min_size=2, max_size=40), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_partners_are_of_another_video_and_all_alike(videos: list[int], seed: int) -> None:
    names = np.array([*videos, 6])
    found = binary.partners(names, np.random.default_rng(seed))
    assert (names[found] != names).all()
    assert ((found >= 0) & (found < len(names))).all()


def test_partners_are_drawn_evenly() -> None:
    names = np.array([0, 0, 1, 2, 2, 2])
    counts = np.zeros((6, 6))
    for seed in range(3000):
        counts[np.arange(6), binary.partners(names, np.random.default_rng(seed))] += 1
    expected = (names[:, None] != names[None]) / (names[:, None] != names[None]).sum(1, keepdims=True)
    np.testing.assert_allclose(counts / 3000, expected, atol=0.04)


def _oracle_extract(
    pretrained: Any, batch: dict[str, Tensor], *, requests: list[Request], turns: tuple[Any, ...], seed: int
) -> dict[str, Tensor]:
    """Features that are the truth: which clip, and the matrix that turned the sound to the view."""
    own = [requests[int(index)] for index in batch["index"]]
    who = torch.tensor([[float(r.seed[3]), float(r.seed[4])] for r in own])[:, None].expand(-1, 2, -1)
    seen = batch["matrices"].flatten(2)
    angles = np.array([draw_angles(request, turns, seed) for request in own]).reshape(len(own), -1)
    rotations = np.array([[t.rotation(a) for t, a in zip(turns, row, strict=True)] for row in angles])
    rotations = rotations.reshape(len(own), len(turns), 3, 3)
    turned = turned_matrices(batch["matrices"], rotations, PublishedBehaviour()).flatten(3)
    return {
        "video": torch.cat([who, seen], -1),
        "sound": torch.cat([who, seen], -1),
        "turned": torch.cat([who[:, None].expand(-1, len(turns), -1, -1), turned], -1),
        "angles": torch.from_numpy(angles).float(),
        "directions": batch["directions"],
    }


def _knows(video: Tensor, sound: Tensor) -> Tensor:
    same = ((video - sound).abs().amax(dim=(1, 2)) < 1e-4).float()
    return torch.stack([1 - same, same], dim=1)


@pytest.mark.parametrize(
    "task",
    [
        AvcBinTask(views=1),
        AvcBinTask(views=2),
        AvsaBinTask(views=1),
        AvsaBinTask(views=2),
        AvsaBinTask(views=2, negatives="angles"),
    ],
)
def test_an_oracle_scores_100(
    task: AvcBinTask | AvsaBinTask, labelled_root: Path, tmp_path: Path, model: Pretrained, split: manifest.ClipSplit
) -> None:
    """Through the same samples, partners, turns and labels as any model: who knows the truth is always right."""
    evaluation = _evaluation(run={"workers": 0})
    extractor = _extractor(labelled_root, tmp_path, model, evaluation)
    turns = binary.turns_of(task)
    requests = draw_requests(split, 3, 0, TEST)
    make = partial(make_views, settings=extractor.settings, reader=MemberReader(str(labelled_root)))
    extract = partial(_oracle_extract, requests=requests, turns=turns, seed=0)
    found, _ = extractor.run(RequestDataset(requests, split, make), len(requests), extract, "oracle", "oracle")
    tensors: dict[str, Any] = {name: tensor for name, tensor in found.items() if name != "index"}
    bank = Bank(videos=videos_of(split, requests), **tensors)
    judged = binary.judge(task, bank, _knows, model, seed=0)
    assert binary.accuracy(judged).value == 100
    assert judged.truth.sum() == len(requests)
    if isinstance(task, AvsaBinTask):
        rows: Any = binary.by_angle(task, judged)
        assert all(row["recognised"] == 100 for row in rows)
        assert sum(row["n"] for row in rows) == (~judged.truth).sum()


@pytest.mark.parametrize("task", [AvcBinTask(views=2, epochs=3, batch=8), AvsaBinTask(views=2, epochs=3, batch=8)])
def test_a_random_model_scores_chance(
    task: AvcBinTask | AvsaBinTask, labelled_root: Path, checkpoint: Path, tmp_path: Path, split: manifest.ClipSplit
) -> None:
    """Random encoders with a head trained as published: what leaks from labels or samples would show."""
    evaluation = _evaluation(weights="random", run={"workers": 0})
    random = load_pretrained(evaluation, checkpoint, CPU)
    extractor = _extractor(labelled_root, tmp_path, random, evaluation)
    train = manifest.load_split(str(labelled_root), "train", random.origin.samples.data, 24000)
    turns = binary.turns_of(task)
    head = binary.train_head(task, [extractor.bank(train, 1, 4, turns)], random, seed=0)
    judged = binary.judge(task, extractor.bank(split, TEST, 16, turns), head, random, seed=0)
    found = binary.accuracy(judged)
    assert found.low <= 50 <= found.high
    assert found.n == 2 * 16 * 4
    assert found.high - found.low < 40, "an interval that holds everything shows nothing"


def test_guessing_gives_exactly_half_whatever_the_guess(model: Pretrained) -> None:
    rng = np.random.default_rng(0)
    features = torch.from_numpy(rng.normal(size=(30, 2, 16))).half()
    bank = Bank(features, features, features[:, None], torch.zeros(30, 1), torch.zeros(30, 2, 3), np.arange(30) // 3)
    for answer in (0.0, 1.0):
        logits = torch.tensor([[1 - answer, answer]])

        def always(video: Any, _: Any, logits: Any = logits) -> Any:
            return logits.expand(len(video), 2)

        judged = binary.judge(AvcBinTask(views=2), bank, always, model, 0)
        assert binary.accuracy(judged).value == 50


def test_a_head_learns_what_is_there() -> None:
    """Sound features that equal the picture's: the head finds it on training samples and on new ones."""
    model: Any = SimpleNamespace(device=CPU)
    rng = np.random.default_rng(0)

    def bank(seed: int) -> Bank:
        kind = np.random.default_rng(seed).integers(0, 4, 300)
        x = torch.from_numpy(np.eye(4)[kind] * 3).half()[:, None]
        turned = torch.from_numpy(np.eye(4)[(kind + rng.integers(1, 4, 300)) % 4] * 3).half()[:, None, None]
        return Bank(x, x, turned, torch.zeros(300, 1), torch.zeros(300, 1, 3), np.arange(300))

    task = AvsaBinTask(views=1, epochs=12, learning_rate=1e-2, hidden=32)
    head = binary.train_head(task, [bank(1)], model, 0)
    assert binary.accuracy(binary.judge(task, bank(2), head, model, 0)).value > 95


@pytest.mark.parametrize("rotation", ["correct", "original"])
@pytest.mark.parametrize("channels", ["canonical", "misread"])
def test_a_turned_sound_comes_from_elsewhere(rotation: Any, channels: Any) -> None:
    """A source in front, turned by 50° to the left: after the view's own turn it is where geometry puts it."""
    switches = PublishedBehaviour(rotation=rotation, channels=channels, margin=0.2)
    view = DrawnView(sphere.View(0.4, 0.3, 1.0, 1.0), flip=False, gain=1.0, corners=False)
    matrix = torch.from_numpy(sound_matrix(view, switches))[None, None]
    angle = np.radians(50)
    turned = turned_matrices(matrix, ANY_YAW.rotation(angle)[None, None], switches)[0, 0, 0].numpy()
    straight = DrawnView(sphere.View(0.0, 0.0, 1.0, 1.0), flip=False, gain=1.0, corners=False)
    loader = sound_matrix(straight, switches)
    heard = loader @ ambisonics.encoding_gains(0.2, 0.1)  # what the loader reads of a source there
    moved = ambisonics.rotation_matrix(sphere.yaw_rotation(angle)) @ heard
    expected = sound_matrix(view, PublishedBehaviour(rotation=rotation)) @ moved
    np.testing.assert_allclose(turned @ ambisonics.encoding_gains(0.2, 0.1), expected, atol=1e-6)


def request(video: int) -> Request:
    return Request("test", 0, video, (0, 2, 0, video, 0), augment=False)


def test_angles_are_drawn_inside_their_bins_both_ways() -> None:
    drawn = np.array([draw_angles(request(video), ANGLES, seed=3) for video in range(200)])
    for place, turn in enumerate(ANGLES):
        sizes = np.degrees(np.abs(drawn[:, place]))
        assert turn.low_deg <= sizes.min() <= sizes.max() <= turn.high_deg
        assert 0.3 < (drawn[:, place] > 0).mean() < 0.7
    anyway = np.array([draw_angles(request(video), (ANY_YAW,), 3)[0] for video in range(800)])
    assert np.histogram(np.degrees(anyway), bins=8, range=(-180, 180))[0].min() > 60
