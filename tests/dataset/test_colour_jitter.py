"""Changes of colour: what is unchanged is, and each factor alone does what its name says. Others: tests/models."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from yt360.dataset.colour_jitter import UNCHANGED, affine_map, jitter

COLOUR, MEAN = np.array([0.8, 0.3, 0.1]), np.array([0.5, 0.4, 0.2])
LUMA = np.array([0.2989, 0.587, 0.114])


def changed(**what: Any) -> np.ndarray:
    made = affine_map(replace(UNCHANGED, **what), MEAN)
    return np.asarray(made[:, :3] @ COLOUR + made[:, 3])


def test_what_is_unchanged_is() -> None:
    np.testing.assert_allclose(changed(), COLOUR, atol=1e-6)
    np.testing.assert_allclose(changed(order=(3, 2, 1, 0)), COLOUR, atol=1e-6)
    np.testing.assert_array_equal(UNCHANGED.numbers(), [1, 1, 1, 0, 0, 1, 2, 3])


@pytest.mark.parametrize(
    ("factors", "expected"),
    [
        ((0.5, 1, 1), 0.5 * COLOUR),
        ((1, 0.5, 1), 0.5 * (COLOUR + LUMA @ MEAN)),
        ((1, 1, 0), np.full(3, LUMA @ COLOUR)),
        ((1, 1, 2), 2 * COLOUR - LUMA @ COLOUR),
    ],
)
def test_each_factor_alone(factors: tuple[float, float, float], expected: np.ndarray) -> None:
    np.testing.assert_allclose(changed(factors=factors), expected, atol=2e-4)


def test_a_turn_of_hue_keeps_how_bright_a_gray_is_and_comes_round() -> None:
    np.testing.assert_allclose(changed(turn=1.0), COLOUR, atol=1e-6)
    gray = affine_map(replace(UNCHANGED, turn=0.3), MEAN)[:, :3] @ np.full(3, 0.4)
    np.testing.assert_allclose(gray, 0.4, atol=1e-6)
    assert not np.allclose(changed(turn=0.3), COLOUR, atol=0.1)


def test_a_change_in_place_is_the_same() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (3, 20, 24, 3), dtype=np.uint8)
    kept = pictures.copy()
    apart = jitter(np.random.default_rng(1), pictures, (0.4, 0.4, 0.4, 0.2))
    assert np.array_equal(pictures, kept)
    assert jitter(np.random.default_rng(1), pictures, (0.4, 0.4, 0.4, 0.2), out=pictures) is pictures
    assert np.array_equal(pictures, apart)
