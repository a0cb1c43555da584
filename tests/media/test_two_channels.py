"""Two ears out of four channels: the left one is at the left."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import eval_legendre

from yt360 import ambisonics
from yt360.media.two_channels import HEAD_RADIUS_M, SPEED_OF_SOUND_M_S, _sphere, head_filters, two_channels

BANDS_HZ = ((100, 300), (300, 800), (800, 2000), (2000, 5000), (5000, 11000))


def _heard(kind: str, azimuth_deg: float, elevation_deg: float, rate_hz: int) -> np.ndarray:
    """Spectra ``(2, frequencies)`` of an impulse from a direction."""
    signal = np.zeros(4096, np.float32)
    signal[2048] = 1
    foa = ambisonics.encode(signal, np.radians(azimuth_deg), np.radians(elevation_deg)).astype(np.float32)
    return np.fft.rfft(np.roll(two_channels(foa, kind, rate_hz), -2048, axis=1))  # type: ignore[arg-type]


def _levels_db(spectra: np.ndarray, rate_hz: int) -> np.ndarray:
    frequencies = np.fft.rfftfreq(4096, 1 / rate_hz)
    bands = [(frequencies >= low) & (frequencies < high) for low, high in BANDS_HZ]
    return np.array([10 * np.log10(np.mean(np.abs(spectra[:, band]) ** 2, axis=1) + 1e-12) for band in bands])


@pytest.mark.parametrize("rate_hz", [24000, 44100, 48000])
@pytest.mark.parametrize("kind", ["stereo", "binaural"])
def test_a_source_at_a_side_is_louder_in_that_ear_in_every_band(kind: str, rate_hz: int) -> None:
    for azimuth_deg in (30, 90, 150):
        left, right = _levels_db(_heard(kind, azimuth_deg, 10, rate_hz), rate_hz).T
        assert (left > right + 0.05).all()
        assert left[-1] > right[-1] + 3
        mirrored = _levels_db(_heard(kind, -azimuth_deg, 10, rate_hz), rate_hz).T
        np.testing.assert_allclose(mirrored, [right, left], atol=1e-3)


@pytest.mark.parametrize("kind", ["stereo", "binaural"])
@pytest.mark.parametrize("direction", [(0, 0), (180, 0), (0, 90), (0, -90), (0, 45)])
def test_what_is_in_the_middle_is_the_same_in_both(kind: str, direction: tuple[float, float]) -> None:
    left, right = _heard(kind, *direction, 48000)
    np.testing.assert_allclose(left, right, atol=1e-5)


def test_the_nearer_ear_hears_first_by_what_a_sphere_gives() -> None:
    """Low frequencies: 3 r / c between the ears for a source at a side (Kuhn 1977)."""
    left, right = _heard("binaural", 90, 0, 48000)
    at = round(250 * 4096 / 48000)
    frequency_hz = at * 48000 / 4096
    delay_s = np.angle(left[at] / right[at]) / (2 * np.pi * frequency_hz)
    assert delay_s == pytest.approx(3 * HEAD_RADIUS_M / SPEED_OF_SOUND_M_S, rel=0.1)


def test_the_sphere_is_the_known_one() -> None:
    """High up, pressure doubles towards the source; behind there is the bright spot, and the shadow beside it."""
    orders = _sphere(np.array([0.0, 20.0, 8000.0]))

    def level_db(angle_deg: float) -> np.ndarray:
        angles = eval_legendre(np.arange(len(orders))[:, None], np.cos(np.radians(angle_deg)))
        return np.asarray(20 * np.log10(np.abs((orders * angles).sum(axis=0))))

    np.testing.assert_allclose(level_db(0)[:2], 0, atol=0.01)
    assert level_db(0)[2] == pytest.approx(6, abs=0.3)
    assert level_db(150)[2] < level_db(180)[2] - 5


def test_filters_end_in_silence_and_keep_the_level_of_low_sounds() -> None:
    for rate_hz in (16000, 48000):
        omni, figure = head_filters(rate_hz)
        assert len(omni) == len(figure)
        assert abs(omni.sum() - 1) < 0.01
        assert np.abs(np.concatenate([omni[:8], omni[-8:], figure[:8], figure[-8:]])).max() < 2e-3


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="expected first-order sound"):
        two_channels(np.zeros((2, 10), np.float32), "stereo", 48000)
