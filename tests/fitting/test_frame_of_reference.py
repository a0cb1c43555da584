from __future__ import annotations

import numpy as np
import pytest

from fitting.frame_of_reference import fitted, sample
from yt360.filters.frame_of_reference import calibration
from yt360.filters.frame_of_reference.alignment import SeenAndHeard
from yt360.filters.frame_of_reference.visual_activity import SECTORS


def test_the_weights_of_a_known_law_are_found() -> None:
    rng = np.random.default_rng(0)
    columns = rng.normal(size=(4000, 2)) * [1.0, 3.0] + [0.5, -2.0]
    chance = 1 / (1 + np.exp(-(0.3 + columns @ [2.0, -0.5])))
    found = fitted(columns, rng.random(4000) < chance, ridge=1e-6)
    assert found == pytest.approx([0.3, 2.0, -0.5], abs=0.15)


def test_a_sample_has_a_column_for_each_weight() -> None:
    rng = np.random.default_rng(1)
    material = [
        SeenAndHeard(rng.random((200, SECTORS)) ** 4, rng.random((200, SECTORS)) ** 4, np.zeros(200), 16.0)
        for _ in range(2)
    ]
    made = sample(material, 1, rng)
    assert made is not None
    heading, _, lag, _ = made
    assert len(heading) + 1 == len(calibration.HEADING_WEIGHTS)
    assert len(lag) + 1 == len(calibration.LAG_WEIGHTS)
