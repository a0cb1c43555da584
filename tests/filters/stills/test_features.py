from __future__ import annotations

import numpy as np
import pytest

from tests.filters.stills.test_decision import made
from yt360.filters.stills import features
from yt360.filters.stills.frame_differences import columns as by_column

SWING = [100 + 5 * (index % 2) for index in range(20)]


def test_a_video_of_twice_the_length_has_the_same_features() -> None:
    rng = np.random.default_rng(0)
    once = by_column(made(SWING, residual=0.02, later=0.01))
    for name in ("residual", "strength", "background", "liveliest", "stretch", "flatness"):
        once[name] = rng.uniform(0, 0.5, 20)
    twice = {name: np.tile(values, 2) for name, values in once.items()}
    twice["window"] = np.repeat([0.0, 1.0], 20)
    assert features.measure(twice) == pytest.approx(features.measure(once))


@pytest.mark.parametrize(("residual", "quiet", "wide"), [(0.005, 1, 0), (0.0051, 0, 0), (0.099, 0, 0), (0.1, 0, 1)])
def test_up_to_half_a_percent_nothing_moves_and_from_a_tenth_on_it_is_another_picture(
    residual: float, quiet: float, wide: float
) -> None:
    found = features.measure(by_column(made(SWING, residual=residual)))
    assert (found["quiet"], found["wide"]) == (quiet, wide)


@pytest.mark.parametrize(("stretch", "travels"), [(0.099, 0.0), (0.1, 1.0)])
def test_something_travels_from_a_tenth_of_stretch_on(stretch: float, travels: float) -> None:
    steps = [step._replace(stretch=stretch, flatness=0.05) for step in made(SWING)]
    found = features.measure(by_column(steps))
    assert found["travels"] == travels
    assert found["flatness"] == pytest.approx(0.5 * travels)


def test_changes_of_brightness_are_parts_of_it_but_not_of_nothing() -> None:
    bright, half = (features.measure(by_column(made([k * level for level in SWING]))) for k in (1.0, 0.5))
    assert half["swing"] == pytest.approx(bright["swing"])
    dark, darker = (features.measure(by_column(made([k + level - 100 for level in SWING]))) for k in (5.0, 1.0))
    assert darker["swing"] == pytest.approx(dark["swing"])
    assert darker["level"] == pytest.approx(np.log(10))
