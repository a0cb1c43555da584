from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from yt360.filters.stills.classifier import Classifier

FULL = Classifier(
    names=("a", "b"),
    mean=np.array([1.0, 0.0]),
    scale=np.array([2.0, 1.0]),
    weights=np.array([3.0, -1.0]),
    bias=0.5,
    features=np.array([[0, 1, 1, 0, 0, 0, 0]]),
    limits=np.array([[1.0, 2.0, 4.0, 0.0, 0.5, 7.0, 9.0]]),
    leaves=np.arange(8.0)[None],
    start=-1.0,
    calibration=(0.25, 2.0),
)


@pytest.mark.parametrize(
    ("values", "leaf"),
    [
        *(((0.0, 2.0), 0), ((1.0, 2.0), 1), ((0.5, 2.1), 2), ((1.0, 2.1), 3)),
        *(((1.1, 4.0), 4), ((9.0, 4.1), 6), ((9.1, 5.0), 7)),
    ],
)
def test_a_tree_goes_on_to_the_left_up_to_a_limit_and_to_the_right_beyond(
    values: tuple[float, float], leaf: int
) -> None:
    linear = (values[0] - 1) / 2 * 3 - values[1] + 0.5
    assert FULL.logit(np.array(values)) == pytest.approx(0.25 + 2 * (linear + leaf - 1) / 2)


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    FULL.save(tmp_path / "c.npz")
    read = Classifier.load(tmp_path / "c.npz")
    assert (read.names, read.bias, read.start, read.calibration) == (("a", "b"), 0.5, -1.0, (0.25, 2.0))
    for values in ((0.0, 0.0), (3.0, 9.0)):
        assert read.logit(np.array(values)) == FULL.logit(np.array(values))
