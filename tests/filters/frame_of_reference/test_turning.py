from __future__ import annotations

import numpy as np
import pytest

from yt360.filters.frame_of_reference.turning import turning_evidence


def field(turn: np.ndarray, seed: int = 0) -> np.ndarray:
    """Intensity and energy ``(n, bands, 4)``: in each band a source of its own, turned, and a diffuse rest."""
    rng = np.random.default_rng(seed)
    azimuth = rng.uniform(-np.pi, np.pi, 6)[None] + turn[:, None] + rng.normal(0, 0.4, (len(turn), 6))
    loud = rng.uniform(0.2, 1, azimuth.shape)
    return np.stack([loud * np.cos(azimuth), loud * np.sin(azimuth), 0 * loud, 1.3 * loud], axis=-1)


HEADING = np.radians(50 * np.sin(np.arange(80) / 6))


@pytest.mark.parametrize(("gain", "name"), [(1.0, "follows"), (0.0, "stays"), (-1.0, "mirrored")])
def test_it_is_told_how_the_sound_turns(gain: float, name: str) -> None:
    found = turning_evidence([(field(gain * HEADING), HEADING)])
    assert found is not None
    values = {"follows": found.follows, "stays": found.stays, "mirrored": found.mirrored}
    assert max(values, key=values.__getitem__) == name
    assert found.gain == pytest.approx(gain, abs=0.13)
    assert found.turned_deg == pytest.approx(100, abs=1)


def test_a_picture_that_does_not_turn_says_nothing() -> None:
    assert turning_evidence([(field(0 * HEADING), np.radians(9.9) * (np.arange(80) / 79))]) is None
    assert turning_evidence([(field(0 * HEADING), np.radians(10.1) * (np.arange(80) / 79))]) is not None


def test_silence_says_nothing() -> None:
    assert turning_evidence([(np.zeros((80, 6, 4)), HEADING)]) is None
