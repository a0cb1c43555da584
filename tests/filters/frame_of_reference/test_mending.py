from __future__ import annotations

import numpy as np
import pytest

from yt360 import ambisonics
from yt360.filters.frame_of_reference.decision import Repair
from yt360.filters.frame_of_reference.mending import mended

SOUND = ambisonics.encode(np.arange(1, 11, dtype=np.float32), np.radians(30), 0.0)
BLOCKS = [SOUND[:, :3], SOUND[:, 3:4], SOUND[:, 4:]]


def whole(repair: Repair) -> np.ndarray:
    return np.concatenate(list(mended(BLOCKS, repair, 10)), axis=1)


def test_a_turn_moves_sources_to_the_left() -> None:
    expected = ambisonics.encode(np.arange(1, 11, dtype=np.float32), np.radians(120), 0.0)
    assert np.allclose(whole(Repair(90.0, 0.0)), expected, atol=1e-5)


@pytest.mark.parametrize(("lag_s", "w"), [(0.4, [5, 6, 7, 8, 9, 10]), (0.1, list(range(2, 11)))])
def test_late_sound_comes_earlier(lag_s: float, w: np.ndarray) -> None:
    assert whole(Repair(0.0, lag_s))[0].tolist() == w


def test_early_sound_comes_later_after_silence() -> None:
    assert whole(Repair(0.0, -0.2))[0].tolist() == [0, 0, *range(1, 11)]


def test_nothing_to_do_changes_no_sample() -> None:
    assert np.array_equal(whole(Repair()), SOUND)
