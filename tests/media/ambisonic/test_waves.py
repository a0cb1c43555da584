"""What single waves show: a fixed share of W in a sound field."""

from __future__ import annotations

import numpy as np
import pytest

from yt360.media.ambisonic.waves import single_waves, wave_tiles

RATE_HZ = 24_000


def directions(count: int, rng: np.random.Generator) -> np.ndarray:
    found = rng.standard_normal((3, count))
    return found / np.linalg.norm(found, axis=0)


def bursts(count: int, seconds: float = 0.4) -> np.ndarray:
    """One source after the other ``(count, n)``."""
    rng = np.random.default_rng(1)
    length = round(seconds * RATE_HZ)
    sounds = np.zeros((count, count * length))
    for k in range(count):
        sounds[k, k * length : (k + 1) * length] = 0.1 * rng.standard_normal(length)
    return sounds


def field(sides: float = 1.0) -> np.ndarray:
    """Twelve plane waves, one after the other; ``sides`` is the gain of Y, Z and X."""
    sounds = bursts(12)
    return np.concatenate([sounds.sum(axis=0)[None], sides * directions(12, np.random.default_rng(2)) @ sounds])


def measured(channels: np.ndarray, rate_hz: int = RATE_HZ) -> dict[str, float]:
    return single_waves(wave_tiles(channels.astype(np.float64), rate_hz))


@pytest.mark.parametrize(("sides", "level_db"), [(1.0, 0.0), (2**0.5, 3.01), (3**0.5, 4.77)])
def test_w_has_the_same_share_of_every_wave_in_a_field(sides: float, level_db: float) -> None:
    found = measured(field(sides))
    assert found["median_db"] == pytest.approx(level_db, abs=0.01)
    assert found["quadrature"] < 0.01
    assert found["purity"] > 0.999


def test_waves_that_come_together_in_phase_only_make_w_stronger() -> None:
    """A source panned between two directions is a shorter vector."""
    (sound,) = bursts(1, 4.0)
    ways = directions(8, np.random.default_rng(3))
    for one, other in zip(ways.T[:4], ways.T[4:], strict=True):
        found = measured(np.concatenate([[sound], 0.5 * (one + other)[:, None] * sound]))
        assert found["high_db"] <= 0.01


def test_microphones_that_are_apart_have_phases() -> None:
    (sound,) = bursts(1, 4.0)
    late = np.stack([np.roll(sound, samples) for samples in (0, 7, 13, 20)])
    assert measured(late)["quadrature"] > 0.3


@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, 1), (1, -1, -1)])
@pytest.mark.parametrize("order", [(2, 3, 1), (1, 3, 2), (3, 2, 1)])
def test_exchanging_and_flipping_x_y_z_changes_nothing(order: tuple[int, ...], signs: tuple[int, ...]) -> None:
    channels = field() + 0.01 * np.random.default_rng(5).standard_normal(field().shape)
    turned = np.concatenate([channels[:1], np.array(signs)[:, None] * channels[list(order)]])
    assert measured(turned) == pytest.approx(measured(channels), abs=2e-3)


@pytest.mark.parametrize("rate_hz", [8_000, 24_000, 48_000, 192_000])
def test_every_rate_is_measured(rate_hz: int) -> None:
    rng = np.random.default_rng(6)
    found = measured(0.1 * rng.standard_normal((4, rate_hz)), rate_hz)
    assert set(found) == {"purity", "quadrature", "median_db", "high_db"}
    assert np.isfinite(list(found.values())).all()


def test_what_is_silent_or_shorter_than_a_tile_has_none() -> None:
    assert measured(np.zeros((4, RATE_HZ))) == {}
    assert measured(np.ones((4, 512 + 2 * 256))) == {}
    assert measured(np.random.default_rng(7).standard_normal((4, 512 + 3 * 256)))
