"""What stands out in frequency is told from the floor, and needs no pause."""

from __future__ import annotations

import numpy as np
import pytest

from tests.filters.sounds import RATE
from yt360 import ambisonics
from yt360.filters.post_production import covariance_differences, spectral_salience
from yt360.filters.post_production.spectral_salience import SpectralSalience


def _observed(sound: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    gathered = SpectralSalience()
    covariance_differences.measure_tiles([sound.astype(np.float32)], observers=[gathered.observe])
    return gathered.covariances()


def test_a_held_chord_over_noise_has_its_own_direction() -> None:
    rng = np.random.default_rng(1)
    time_s = np.arange(8 * RATE) / RATE
    chord = sum(np.sin(2 * np.pi * hz * time_s) for hz in (250.0, 400.0, 700.0, 1000.0, 1700.0, 2500.0, 3600.0, 5100.0))
    noise = 0.1 * rng.standard_normal((4, time_s.size))
    out, rest = _observed(0.1 * (ambisonics.encode(chord, 0.8, 0.0) + noise))
    assert out.shape == rest.shape == (4, len(covariance_differences.BAND_EDGES_HZ) - 1, 4, 4)
    np.testing.assert_allclose(out[..., 0, 1] / out[..., 0, 0], np.sin(0.8), atol=0.05)
    np.testing.assert_allclose(out[..., 0, 3] / out[..., 0, 0], np.cos(0.8), atol=0.05)
    assert (np.abs(rest[:, 1:, 0, 3]) < 0.3 * rest[:, 1:, 0, 0]).all()  # the lowest band is too narrow for a floor


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (3, 7), (94, 106)])
def test_points_are_chosen_by_quantiles_as_they_occur(shape: tuple[int, int]) -> None:
    part = np.random.default_rng(2).exponential(size=shape).astype(np.float32)
    assert spectral_salience.quantiles(part) == tuple(np.quantile(part, (0.9, 0.5), method="lower"))


def test_nothing_gives_nothing() -> None:
    assert [part.shape for part in SpectralSalience().covariances()] == [(0, 8, 4, 4)] * 2
