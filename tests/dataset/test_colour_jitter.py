"""Changes of colour: what is unchanged is, and each factor alone does what its name says. Others: tests/models."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from yt360.dataset import colour_jitter
from yt360.dataset.colour_jitter import UNCHANGED, ColourChange, affine_map, draw_change, jitter, recolour

COLOUR, MEAN = np.array([0.8, 0.3, 0.1]), np.array([0.5, 0.4, 0.2])
LUMA = np.array([0.2989, 0.587, 0.114])


def changed(**what: Any) -> np.ndarray:
    made = affine_map(replace(UNCHANGED, **what), MEAN)
    return np.asarray(made[:, :3] @ COLOUR + made[:, 3])


def test_what_is_unchanged_is() -> None:
    np.testing.assert_allclose(changed(), COLOUR, atol=1e-6)
    assert UNCHANGED.numbers() == (1, 1, 1, 0)


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
    names = ("brightness", "contrast", "saturation")
    np.testing.assert_allclose(changed(**dict(zip(names, factors, strict=True))), expected, atol=2e-4)


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_in_every_order_one_after_the_other_they_make_the_same_map(order: tuple[int, ...]) -> None:
    change = ColourChange(brightness=1.3, contrast=0.7, saturation=1.4, turn=0.11)
    turned = colour_jitter.STILL + math.cos(2 * math.pi * 0.11) * colour_jitter.ALONG
    turned += math.sin(2 * math.pi * 0.11) * colour_jitter.ACROSS
    made = np.eye(4)[:3]
    for operation in order:
        if operation == 0:
            made = 1.3 * made
        elif operation == 1:
            middle = colour_jitter.LUMA @ (made[:, :3] @ MEAN + made[:, 3])
            made = 0.7 * made + [[0, 0, 0, 0.3 * middle]] * 3
        elif operation == 2:
            made = 1.4 * made - 0.4 * (colour_jitter.LUMA @ made)
        else:
            made = turned @ made
    np.testing.assert_allclose(affine_map(change, MEAN), made, atol=1e-12)


def test_a_change_uses_up_as_many_random_numbers_as_when_an_order_was_drawn() -> None:
    one, other = np.random.default_rng(5), np.random.default_rng(5)
    draw_change(one, (0.4, 0.4, 0.4, 0.2))
    other.uniform(size=4), other.permutation(4)
    assert one.random() == other.random()


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
    change = draw_change(np.random.default_rng(1), (0.4, 0.4, 0.4, 0.2))
    assert recolour(pictures, change, pictures) is pictures
    assert np.array_equal(pictures, apart)
