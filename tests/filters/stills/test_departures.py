from __future__ import annotations

import numpy as np
import pytest

from tests.filters.pictures import HEIGHT, WIDTH, scenery
from yt360.filters.stills import departures


def test_the_brightness_of_the_whole_is_no_departure() -> None:
    picture = scenery(3).astype(np.float32)
    frames = [picture * np.float32(1 + 0.1 * np.sin(index)) for index in range(12)]
    assert departures.measure(frames, 0.1).liveliest < 0.5


def test_what_half_of_the_sphere_does_and_its_liveliest_part() -> None:
    """White noise of a known strength everywhere, and a strip of 2 % of the picture at the equator that does more."""
    rng = np.random.default_rng(4)
    picture = scenery(4).astype(np.float32)
    frames = []
    for _ in range(60):
        frame = picture + 2 * rng.standard_normal((HEIGHT, WIDTH)).astype(np.float32)
        frame[HEIGHT // 2 - 2 : HEIGHT // 2 + 2] += 30 * rng.standard_normal()
        frames.append(frame)
    found = departures.measure(frames, 0.1)
    assert found.half == pytest.approx(2.0, abs=0.4)
    assert found.liveliest == pytest.approx(30.0, rel=0.3)


def test_one_frame_departs_from_nothing() -> None:
    assert departures.measure([scenery(1).astype(np.float32)], 0.1) == (0.0, 0.0)
