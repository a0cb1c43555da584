"""What two ears hear, held against the impulse responses that Omnitone ships and against plain geometry."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from yt360 import ambisonics, sphere
from yt360.view.binaural import HRIR_FILES, HRIRS, BinauralRenderer, binaural, hrirs

RATE_HZ = 48_000
AHEAD = np.eye(3)


def noise(seconds: float = 0.5, rate_hz: int = RATE_HZ) -> NDArray[np.float32]:
    return np.random.default_rng(7).standard_normal(round(seconds * rate_hz)).astype(np.float32) * 0.1


def level_db(ear: NDArray[np.float32], low_hz: float, high_hz: float, rate_hz: int = RATE_HZ) -> float:
    power = np.abs(np.fft.rfft(ear)) ** 2
    at_hz = np.fft.rfftfreq(ear.size, 1 / rate_hz)
    return float(10 * np.log10(power[(at_hz >= low_hz) & (at_hz < high_hz)].sum()))


def difference_db(ears: NDArray[np.float32], low_hz: float, high_hz: float, rate_hz: int = RATE_HZ) -> float:
    """How much louder the left ear is."""
    return level_db(ears[0], low_hz, high_hz, rate_hz) - level_db(ears[1], low_hz, high_hz, rate_hz)


def test_the_files_are_those_of_omnitone() -> None:
    digests = [hashlib.sha256((HRIRS / name).read_bytes()).hexdigest()[:16] for name in HRIR_FILES]
    assert digests == ["28ff31e8d3fd39d5", "8aff90c47b54678b"]


@pytest.mark.parametrize("azimuth_deg", [90, 40, -120])
def test_the_ears_differ_by_what_the_impulse_responses_say(azimuth_deg: float) -> None:
    """The expected levels are of the transfer functions themselves, straight from the files."""
    wy, _ = soundfile.read(str(HRIRS / "foa-wy.wav"))
    zx, _ = soundfile.read(str(HRIRS / "foa-zx.wav"))
    w, y, _, x = (np.fft.rfft(taps, 4096) for taps in (*wy.T, *zx.T))
    sine, cosine = np.sin(np.radians(azimuth_deg)), np.cos(np.radians(azimuth_deg))
    at_hz = np.fft.rfftfreq(4096, 1 / RATE_HZ)
    impulse = np.zeros(4096, np.float32)
    impulse[0] = 1.0
    ears = binaural(ambisonics.encode(impulse, np.radians(azimuth_deg), 0.0), RATE_HZ, AHEAD)
    for low_hz, high_hz in ((500, 1500), (1500, 4000), (4000, 8000), (8000, 16_000)):
        band = (at_hz >= low_hz) & (at_hz < high_hz)
        left, right = (np.sum(np.abs(w + sign * sine * y + cosine * x)[band] ** 2) for sign in (1, -1))
        assert difference_db(ears, low_hz, high_hz) == pytest.approx(10 * np.log10(left / right), abs=0.01)


def test_a_source_at_the_left_is_louder_and_earlier_in_the_left_ear() -> None:
    ears = binaural(ambisonics.encode(noise(), np.pi / 2, 0.0), RATE_HZ, AHEAD)
    assert difference_db(ears, 4000, 8000) == pytest.approx(12.1, abs=1)
    assert difference_db(ears, 500, 1500) > 5
    lags = np.arange(-60, 61)
    alike = [float(np.dot(ears[0][100:-100], np.roll(ears[1], -lag)[100:-100])) for lag in lags]
    assert 10 <= lags[int(np.argmax(alike))] <= 50  # samples that the right ear is late


@pytest.mark.parametrize("direction", [(0.0, 0.0), (np.pi, 0.0), (0.0, 0.7), (0.0, -np.pi / 2)])
def test_on_the_plane_between_the_ears_both_hear_the_same(direction: tuple[float, float]) -> None:
    left, right = binaural(ambisonics.encode(noise(), *direction), RATE_HZ, AHEAD)
    assert np.abs(left).max() > 0.01
    np.testing.assert_allclose(left, right, atol=1e-6)


def test_turning_by_180_degrees_swaps_the_ears_of_what_is_at_the_side() -> None:
    foa = ambisonics.encode(noise(), np.pi / 2, 0.0)
    there, back = binaural(foa, RATE_HZ, AHEAD), binaural(foa, RATE_HZ, sphere.yaw_rotation(np.pi))
    np.testing.assert_allclose(there, back[::-1], atol=1e-6)


@pytest.mark.parametrize(("azimuth", "elevation"), [(0.5, 0.2), (2.9, -0.6), (-1.4, 1.2), (np.pi, 0.0)])
def test_what_one_looks_at_is_heard_from_the_front(azimuth: float, elevation: float) -> None:
    view = sphere.View(azimuth, elevation, np.pi / 2, np.pi / 2)
    seen = binaural(ambisonics.encode(noise(), azimuth, elevation), RATE_HZ, view.rotation)
    np.testing.assert_allclose(seen, binaural(ambisonics.encode(noise(), 0.0, 0.0), RATE_HZ, AHEAD), atol=1e-5)


@pytest.mark.parametrize("rate_hz", [16_000, 24_000, 44_100, 96_000])
def test_other_rates_sound_alike(rate_hz: int) -> None:
    """Level and difference of the ears up to 6 kHz, within half a decibel."""
    foa = ambisonics.encode(np.eye(1, 4096, dtype=np.float32)[0], 1.0, 0.3)
    usual = binaural(foa, RATE_HZ, AHEAD)
    ears = binaural(foa, rate_hz, AHEAD)
    for low_hz, high_hz in ((200, 1000), (1000, 3000), (3000, 6000)):
        # An impulse has a flat spectrum; the number of bins in a band goes with 1 / rate.
        more = 10 * np.log10(RATE_HZ / rate_hz)
        for ear in (0, 1):
            found = level_db(ears[ear], low_hz, high_hz, rate_hz)
            assert found == pytest.approx(level_db(usual[ear], low_hz, high_hz) + more, abs=0.5)


def test_blocks_have_no_seams() -> None:
    foa = ambisonics.encode(noise(), 0.7, -0.3)
    whole = binaural(foa, RATE_HZ, AHEAD)
    render = BinauralRenderer(RATE_HZ)
    parts = [render(part, AHEAD) for part in np.split(foa, [10, 300, 301, 9000], axis=1)]
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, atol=1e-6)


def test_a_turn_between_blocks_does_not_click() -> None:
    tone = np.sin(2 * np.pi * 200 * np.arange(9600) / RATE_HZ).astype(np.float32)
    foa = ambisonics.encode(tone, np.pi / 2, 0.0)
    render = BinauralRenderer(RATE_HZ)
    first, second = render(foa[:, :4800], AHEAD), render(foa[:, 4800:], sphere.yaw_rotation(np.pi))
    ears = np.concatenate([first, second], axis=1)
    steady = np.abs(np.diff(first[:, 480:], axis=1)).max()
    assert np.abs(np.diff(ears[:, 480:], axis=1)).max() < 1.2 * steady
    assert np.abs(ears[1, -480:]).max() > 1.3 * np.abs(ears[0, -480:]).max()


def test_shapes_are_checked_and_the_shared_filters_cannot_be_written() -> None:
    with pytest.raises(ValueError, match=r"\(4, samples\), found \(3, 10\)"):
        binaural(np.zeros((3, 10), np.float32), RATE_HZ, AHEAD)
    assert binaural(np.zeros((4, 0), np.float32), RATE_HZ, AHEAD).shape == (2, 0)
    with pytest.raises(ValueError, match="read-only"):
        hrirs()[0, 0] = 1.0
