"""What is extracted of a sample is its own affair: not its block's, not the number of threads'."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from yt360.evaluation.alone import alone
from yt360.evaluation.frozen_features import Bank
from yt360.evaluation.recipe import AvsaBinTask, KnnTask
from yt360.evaluation.tasks import binary, probes, retrieval
from yt360.evaluation.tasks.binary import PairHead


@pytest.fixture(scope="module")
def extract() -> Any:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv3d(3, 16, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16 * 2 * 14 * 14, 64)).eval()

    def features(_: Any, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"video": network(batch["pictures"]), "index": batch["index"]}

    return features


@pytest.fixture(scope="module")
def block() -> dict[str, Tensor]:
    return {"pictures": torch.rand(7, 3, 4, 16, 16), "index": torch.arange(7)}


def test_features_are_the_same_in_a_block_of_any_size(extract: Any, block: dict[str, Tensor]) -> None:
    pretrained: Any = SimpleNamespace(device=torch.device("cpu"))
    whole = alone(extract)(pretrained, block)
    assert whole["index"].tolist() == list(range(7))
    for places in ([3], [0, 6], [1, 2, 4, 5]):
        part = alone(extract)(pretrained, {name: value[places] for name, value in block.items()})
        assert torch.equal(part["video"], whole["video"][places])


def test_features_are_the_same_with_any_number_of_threads(extract: Any, block: dict[str, Tensor]) -> None:
    pretrained: Any = SimpleNamespace(device=torch.device("cpu"))
    before = torch.get_num_threads()
    found = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(alone(extract)(pretrained, block)["video"])
    finally:
        torch.set_num_threads(before)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


def test_elsewhere_a_block_goes_through_at_once(extract: Any, block: dict[str, Tensor]) -> None:
    seen: list[int] = []
    pretrained: Any = SimpleNamespace(device=torch.device("meta"))

    def counted(model: Any, batch: Any) -> Any:
        seen.append(len(batch["index"]))
        return extract(model, batch)

    alone(counted)(pretrained, block)
    assert seen == [7]


def _places(count: int) -> list[list[int]]:
    return [[3], [0, count - 1], list(range(1, count, 2)), list(range(count))[::-1]]


def test_votes_of_neighbours_are_the_same_with_any_others_beside_a_sample() -> None:
    torch.manual_seed(1)
    x, x_test = torch.randn(700, 96), torch.randn(300, 96)
    y = np.arange(700) % 7
    task = KnnTask(neighbours=20)
    whole = probes.nearest_neighbours(x, y, x_test, 7, task)
    for places in _places(300):
        assert (probes.nearest_neighbours(x, y, x_test[places], 7, task) == whole[places]).all()


def test_scores_of_a_probe_are_the_same_with_any_others_beside_a_sample() -> None:
    torch.manual_seed(2)
    x, x_test = torch.randn(200, 33), torch.randn(60, 33)
    y, groups = np.arange(200) % 5, np.arange(200) // 10
    whole, _ = probes.linear_probe(x, y, groups, x_test, 5, seed=0)
    for places in _places(60):
        assert (probes.linear_probe(x, y, groups, x_test[places], 5, seed=0)[0] == whole[places]).all()


def _bank(count: int) -> Bank:
    torch.manual_seed(3)
    looks = torch.nn.functional.normalize(torch.randn(count, 2, 3), dim=-1)
    video, sound, turned = torch.randn(count, 2, 24), torch.randn(count, 2, 24), torch.randn(count, 1, 2, 24)
    return Bank(video.half(), sound.half(), turned.half(), torch.rand(count, 1), looks, np.arange(count))


def _part(bank: Bank, places: list[int]) -> Bank:
    video, sound, turned = bank.video[places], bank.sound[places], bank.turned[places]
    return Bank(video, sound, turned, bank.angles[places], bank.directions[places], bank.videos[places])


def test_a_pair_is_judged_the_same_with_any_others_beside_it() -> None:
    bank, head = _bank(50), PairHead(24, 16).eval()
    pretrained: Any = SimpleNamespace(device=torch.device("cpu"))
    task = AvsaBinTask(views=2, negatives="yaw")
    whole = binary.judge(task, bank, head, pretrained, seed=0)
    for places in _places(50):
        part = binary.judge(task, _part(bank, places), head, pretrained, seed=0)
        both = [*places, *(place + 50 for place in places)]
        assert (part.score == whole.score[both]).all()


def test_embeddings_for_retrieval_are_the_same_with_any_others_beside_a_video() -> None:
    bank = _bank(40)
    torch.manual_seed(4)
    layers = nn.ModuleList(nn.Linear(24, 24) for _ in range(4))

    def heads(video: Tensor, sound: Tensor, directions: Tensor, whole_video: bool) -> Any:
        names = ("video_prediction", "sound_target", "sound_prediction", "video_target")
        given = (sound, sound, video, video)
        return SimpleNamespace(**{name: layer(x) for name, layer, x in zip(names, layers, given, strict=True)})

    pretrained: Any = SimpleNamespace(device=torch.device("cpu"), model=SimpleNamespace(heads=heads))
    whole = retrieval.similarities(bank, pretrained, 2)
    places = [1, 5, 17, 39]
    part = retrieval.similarities(_part(bank, places), pretrained, 2)
    for way, found in part.items():
        np.testing.assert_allclose(found, whole[way][np.ix_(places, places)], rtol=1e-12, atol=1e-12)
