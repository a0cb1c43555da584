"""At which delays channels are alike: none in a sound field, some between microphones, many of echoes and copies."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from yt360.media.ambisonic.lags import LINES, NAMES, lags, line_covariances
from yt360.media.ambisonic.tiles import line_spectra

RATE_HZ = 24_000


def measured(channels: np.ndarray, rate_hz: int = RATE_HZ) -> dict[str, float]:
    return lags([line_covariances(line_spectra(channels.astype(np.float64), rate_hz))])


def noise(count: int, seconds: float = 4.0, seed: int = 1) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).standard_normal((count, round(seconds * RATE_HZ)))


def delayed(signal: np.ndarray, delay_s: float) -> np.ndarray:
    samples = round(delay_s * RATE_HZ)
    return np.concatenate([np.zeros(samples), signal])[: signal.size]


def field(count: int = 3) -> np.ndarray:
    """Plane waves of independent sources, all at once."""
    ways = np.random.default_rng(2).standard_normal((3, count))
    return np.asarray(np.concatenate([np.ones((1, count)), ways / np.linalg.norm(ways, axis=0)]) @ noise(count))


def test_what_is_heard_in_one_place_is_alike_without_delay() -> None:
    found = measured(field())
    assert found["lag_none_w_most"] > 0.5
    assert found["lag_near_above"] < -0.1
    assert found["lag_far_above"] < -0.1
    assert found["lag_quadrature"] < 0.01
    assert found["lag_fourth"] < 0.1  # three sources have three dimensions
    assert found["lag_third"] > 0.01


@pytest.mark.parametrize("delay_s", [0.0003, 0.0006, 0.0012])
def test_microphones_that_are_apart_are_alike_at_the_delay_between_them(delay_s: float) -> None:
    signal = noise(1)[0]
    found = measured(np.stack([delayed(signal, k * delay_s / 3) for k in range(4)]))
    assert found["lag_near_w_most"] > 0.9
    assert found["lag_near_above"] > 0.5
    assert found["lag_far_above"] < 0
    assert found["lag_quadrature"] > 0.2
    assert found["lag_second"] < 0.05


def test_the_delay_of_copies_is_found_and_that_of_microphones_is_not() -> None:
    signal = noise(1)[0]
    found = measured(np.stack([signal, *(delayed(signal, delay_s) for delay_s in (0.005, 0.009, 0.013))]))
    assert found["lag_far_w_mean"] > 0.6
    assert found["lag_far_above"] > 0.5
    assert found["lag_near_above"] < found["lag_far_above"] - 0.5
    assert found["lag_at"] == pytest.approx(np.log10(np.array([500, 900, 1300, 400, 800, 400])).mean(), abs=0.02)


def test_the_likeness_of_a_half_is_a_half() -> None:
    """Two channels that share one of the two signals in each, 0.5 ms apart."""
    same, one, other = noise(3)
    quiet = 1e-6 * noise(2, seed=3)
    found = measured(np.stack([same + one, delayed(same, 0.0005) + other, *quiet]))
    assert found["lag_near_w_most"] == pytest.approx(0.5, abs=0.06)


def test_signals_that_have_nothing_in_common_are_alike_nowhere() -> None:
    found = measured(noise(4))
    for where in ("none", "near", "far"):
        assert found[f"lag_{where}_w_most"] < 0.25
    assert found["lag_fourth"] > 0.3


def test_exchanging_and_flipping_x_y_z_changes_nothing() -> None:
    channels = field() + 0.01 * noise(4, seed=5)
    channels[2] = delayed(channels[2], 0.0004)
    expected = measured(channels)
    for order in itertools.permutations((1, 2, 3)):
        for signs in ((1, 1, 1), (-1, 1, 1), (1, -1, -1)):
            turned = np.concatenate([channels[:1], np.array(signs)[:, None] * channels[list(order)]])
            assert measured(turned) == pytest.approx(expected, abs=1e-3)


def test_a_loud_second_and_a_loud_line_count_as_any_other() -> None:
    channels = field()
    louder = channels.copy()
    louder[:, : 2 * RATE_HZ] *= 30
    assert measured(louder) == pytest.approx(measured(channels), abs=0.06)


@pytest.mark.parametrize("rate_hz", [8_000, 24_000, 44_100, 192_000])
def test_every_rate_is_measured(rate_hz: int) -> None:
    x = 0.1 * np.random.default_rng(6).standard_normal((4, 3 * rate_hz))
    found = line_covariances(line_spectra(x, rate_hz))
    assert found.shape == (3, LINES, 4, 4)
    assert bool(found[:, -1].any()) == (rate_hz > 10_000)
    numbers = lags([found])
    assert tuple(numbers) == NAMES
    assert np.isfinite(list(numbers.values())).all()


@pytest.mark.parametrize("level", [1e-30, 1e25, 1e37])
def test_no_level_is_too_much_for_the_arithmetic(level: float) -> None:
    assert np.isfinite(list(measured(level * field()).values())).all()


@pytest.mark.parametrize("windows", [[], [np.zeros((2, LINES, 4, 4))]])
def test_silence_says_nothing(windows: list[np.ndarray]) -> None:
    assert lags(windows) == dict.fromkeys(NAMES, 0.0)
