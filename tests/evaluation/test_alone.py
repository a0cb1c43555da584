"""What is extracted of a sample is its own affair: not its block's, not the number of threads'."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from yt360.evaluation.alone import alone


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
    seen = []
    pretrained: Any = SimpleNamespace(device=torch.device("meta"))
    alone(lambda _, batch: seen.append(len(batch["index"])) or extract(_, batch))(pretrained, block)
    assert seen == [7]
