"""What single waves show: a fixed share of W in a sound field, few loudspeakers, and the phases of what is apart."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.signal import fftconvolve

from yt360.media.ambisonic.tiles import SHORT_BANDS, SHORT_LINES, short_spectra
from yt360.media.ambisonic.waves import NAMES, single_waves

RATE_HZ = 24_000


def directions(count: int, seed: int) -> np.ndarray:
    found = np.random.default_rng(seed).standard_normal((3, count))
    return np.asarray(found / np.linalg.norm(found, axis=0))


def bursts(count: int, seconds: float = 0.4) -> np.ndarray:
    """One source after the other ``(count, n)``, silence after each."""
    rng = np.random.default_rng(1)
    length = round(seconds * RATE_HZ)
    sounds = np.zeros((count, count * length))
    for k in range(count):
        sounds[k, k * length : k * length + length // 3] = 0.1 * rng.standard_normal(length // 3)
    return sounds


def waves(sides: float = 1.0, count: int = 16) -> np.ndarray:
    """Plane waves, one after the other; ``sides`` is the gain of Y, Z and X."""
    sounds = bursts(count)
    return np.concatenate([sounds.sum(axis=0)[None], sides * directions(count, 2) @ sounds])


def room(sides: float = 1.0, count: int = 16) -> np.ndarray:
    """The same with early reflections that make W loud, and a late field."""
    rng = np.random.default_rng(5)
    out = np.zeros((4, 0))
    for k, dry in enumerate(bursts(1, 0.8)[0] for _ in range(count)):
        taps = round(0.3 * RATE_HZ)
        response = np.zeros((4, taps))
        late = np.sort(rng.uniform(0.012, 0.3, 300)) * RATE_HZ
        for at, gain, way in zip(
            [0.0, *late], [1.0, *(0.25 * np.exp(-late / RATE_HZ / 0.08))], directions(301, 100 + k).T, strict=True
        ):
            response[:, int(at) % taps] += (
                gain * np.array([1.0, *(sides * way)]) * (1.0 if at == 0 else rng.choice((-1, 1)))
            )
        out = np.concatenate([out, fftconvolve(dry[None], response, axes=1)[:, : dry.size]], axis=1)
    return out + 1e-6 * rng.standard_normal(out.shape)


def measured(channels: np.ndarray, rate_hz: int = RATE_HZ) -> dict[str, float]:
    return single_waves([short_spectra(channels.astype(np.float64), rate_hz)])


@pytest.mark.parametrize(("sides", "level_db", "near"), [(1.0, 0.0, "0"), (2**0.5, 3.01, "3"), (3**0.5, 4.77, "5")])
def test_w_has_the_same_share_of_every_wave_in_a_field(sides: float, level_db: float, near: str) -> None:
    found = measured(waves(sides))
    for kind in ("front", "wave"):
        assert found[f"{kind}_level"] == pytest.approx(level_db, abs=0.01)
        assert found[f"{kind}_purity"] > 0.999
        assert found[f"{kind}_at_{near}"] > 0.99
        assert found[f"{kind}_other_spread"] > 1.0  # no other channel is as steady
    assert found["fronts"] > 1.5


@pytest.mark.parametrize(("sides", "level_db"), [(1.0, 0.0), (2**0.5, 3.01), (3**0.5, 4.77)])
def test_fronts_come_before_the_room_and_ends_are_diffuse(sides: float, level_db: float) -> None:
    found = measured(room(sides))
    assert found["front_level"] == pytest.approx(level_db, abs=0.7)
    assert found["end_balance"] == pytest.approx(level_db, abs=1.0)
    assert found["end_w_side"] < 0.3


def test_waves_that_come_together_in_phase_only_make_w_stronger() -> None:
    """A source panned between two directions is a shorter vector."""
    sounds = bursts(8)
    between = 0.5 * (directions(8, 3) + directions(8, 4))
    found = measured(np.concatenate([sounds.sum(axis=0)[None], between @ sounds]))
    assert found["front_high"] <= 0.01
    assert found["wave_above"] == found["front_above"] == 0.0


def test_loudspeakers_are_few_and_of_one_sign_in_a_front() -> None:
    sounds = bursts(8)
    gains = np.zeros((4, 8))
    for k in range(8):
        gains[[k % 4, (k + 1) % 4], k] = np.cos(0.3 * k), np.sin(0.3 * k)
    found = measured(np.abs(gains) @ sounds)
    assert found["front_two"] > 0.99
    assert found["front_negative"] < 0.01
    assert found["front_spread"] > 10
    field = measured(waves())
    assert field["front_two"] < 0.95
    assert field["front_negative"] > 0.1


def test_microphones_that_are_apart_have_phases_above_all_at_high_frequencies() -> None:
    sound = np.random.default_rng(1).standard_normal(4 * RATE_HZ)
    found = measured(np.stack([np.roll(sound, samples) for samples in (0, 1, 2, 3)]))
    assert found["wave_quadrature_high"] > 0.2
    assert found["wave_quadrature_low"] < found["wave_quadrature_high"]
    assert measured(waves())["wave_quadrature_high"] < 0.01


def test_exchanging_and_flipping_x_y_z_changes_nothing() -> None:
    channels = waves() + 0.01 * np.random.default_rng(5).standard_normal((4, waves().shape[1]))
    expected = measured(channels)
    for order in itertools.permutations((1, 2, 3)):
        for signs in ((1, 1, 1), (-1, 1, 1), (1, -1, -1)):
            turned = np.concatenate([channels[:1], np.array(signs)[:, None] * channels[list(order)]])
            assert measured(turned) == pytest.approx(expected, abs=5e-3)


def test_what_begins_with_a_window_is_no_front() -> None:
    noise = [short_spectra(np.random.default_rng(k).standard_normal((4, RATE_HZ)), RATE_HZ) for k in range(6)]
    assert single_waves(noise)["fronts"] < 0.8


@pytest.mark.parametrize("rate_hz", [8_000, 24_000, 44_100, 192_000])
def test_every_rate_is_measured(rate_hz: int) -> None:
    spectra = short_spectra(0.1 * np.random.default_rng(6).standard_normal((4, rate_hz)), rate_hz)
    assert spectra.shape[0::2] == (SHORT_BANDS, 4)
    assert spectra.shape[3] == SHORT_LINES
    assert 180 < spectra.shape[1] < 190
    found = single_waves([spectra])
    assert tuple(found) == NAMES
    assert np.isfinite(list(found.values())).all()


@pytest.mark.parametrize("level", [1e-30, 1e25, 1e37])
def test_no_level_is_too_much_for_the_arithmetic(level: float) -> None:
    found = measured(level * waves())
    assert np.isfinite(list(found.values())).all()


@pytest.mark.parametrize("channels", [np.zeros((4, RATE_HZ)), np.ones((4, 1000)), np.ones((4, 3))])
def test_what_is_silent_or_short_says_nothing(channels: np.ndarray) -> None:
    assert measured(channels) == dict.fromkeys(NAMES, 0.0)
