from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from yt360 import ambisonics
from yt360.media.energy_overlay import CONTRAST, OPACITY
from yt360.view.sound_file import sound_wav
from yt360.view.sound_layers import covariances, sound_layers

RATE_HZ = 24_000


def _noise(seconds: float, azimuth: float, elevation: float, level: float = 0.1) -> NDArray[np.float64]:
    return ambisonics.encode(
        np.random.default_rng(0).normal(0, level, round(seconds * RATE_HZ)), azimuth, elevation
    ).astype(float)


def test_a_source_is_where_it_is_and_moves_when_it_does() -> None:
    foa = np.concatenate([_noise(1, 2.0, 0.3), _noise(1, -1.0, -0.5)], axis=1)
    _, heard = sound_layers(foa, RATE_HZ)
    assert heard["moments"] == 20
    assert heard["azimuth_deg"][5] == pytest.approx(np.degrees(2.0), abs=0.01)
    assert heard["elevation_deg"][15] == pytest.approx(np.degrees(-0.5), abs=0.01)
    assert max(heard["diffuseness"][5], heard["diffuseness"][15]) < 1e-6
    assert heard["diffuseness"][10] > 0.1  # half of its window is from elsewhere


def test_the_map_that_the_page_draws_is_that_of_the_sound() -> None:
    """From the ten products alone, by the formula of the page's shader."""
    foa = _noise(0.5, 0.7, 0.2) + 0.3 * _noise(0.5, -2.0, 0.0)[:, ::-1]
    energy, _ = sound_layers(foa, RATE_HZ)
    assert (energy["contrast"], energy["opacity"]) == (CONTRAST, OPACITY)
    products = np.zeros((4, 4))
    products[np.triu_indices(4)] = energy["covariance"][2]
    products = np.triu(products) + np.triu(products, 1).T
    window = foa[:, round(0.1 * RATE_HZ) : round(0.3 * RATE_HZ)]
    wanted = ambisonics.energy_map(window, 30, 60)
    assert np.allclose(ambisonics.covariance_map(products, 30, 60), wanted, rtol=1e-4)
    assert energy["peak"][2] == pytest.approx(wanted.max(), rel=0.005)
    assert energy["floor"][2] == pytest.approx(wanted.min(), rel=0.05)


@pytest.mark.parametrize(("below_db", "strength"), [(0, 1.0), (29.5, 1.0), (35, 0.5), (40.5, 0.0)])
def test_a_quiet_moment_fades(below_db: float, strength: float) -> None:
    foa = np.concatenate([_noise(0.5, 0.0, 0.0), 10 ** (-below_db / 20) * _noise(0.5, 0.0, 0.0)], axis=1)
    energy, heard = sound_layers(foa, RATE_HZ)
    assert heard["level_db"][2] - heard["level_db"][8] == pytest.approx(below_db, abs=0.5)
    assert energy["strength"][8] == pytest.approx(strength, abs=0.06)


def test_silence_has_no_map_and_no_direction() -> None:
    energy, heard = sound_layers(np.zeros((4, RATE_HZ)), RATE_HZ)
    assert set(energy["strength"]) == {0.0}
    assert set(energy["peak"]) == {0.0}
    assert set(heard["diffuseness"]) == {1.0}


@pytest.mark.parametrize(("samples", "moments"), [(1, 1), (2400, 1), (2401, 2), (24_000, 10)])
def test_there_is_a_moment_at_each_tenth_of_a_second_before_the_end(samples: int, moments: int) -> None:
    assert len(covariances(np.ones((4, samples)), RATE_HZ)) == moments


def test_sound_over_full_scale_is_not_clipped() -> None:
    foa = np.array([[0.0, 1.5, -1.2], [0.3, 0.0, 0.0], [0.0, 0.0, 0.0], [0.1, 0.2, 0.3]])
    wav, gain = sound_wav(foa, RATE_HZ)
    samples = np.frombuffer(wav[44:], "<i2").reshape(-1, 4).T / 32767 * gain
    assert gain == 1.5
    assert np.abs(samples - foa).max() < 1e-4


def test_another_number_of_channels_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected first-order sound of shape \(4, samples\), found \(2, 10\)"):
        sound_wav(np.zeros((2, 10)), RATE_HZ)
