from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.filters.pictures import HEIGHT, WIDTH, scenery
from yt360.filters.stills import zoom


@pytest.mark.parametrize(("scale", "right", "down"), [(1.02, 1.5, 0.0), (0.98, -2.0, 1.0), (1.0, 3.0, -2.0)])
def test_a_scaling_of_the_flat_picture_is_found_and_undone(scale: float, right: float, down: float) -> None:
    picture = scenery(5).astype(np.float32)
    truth = np.array([[scale, 0, (1 - scale) * WIDTH / 2 + right], [0, scale, (1 - scale) * HEIGHT / 2 + down]])
    other = cv2.warpAffine(picture, truth, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
    found = zoom.estimate(picture, np.asarray(other, np.float32))
    assert found is not None
    assert zoom.size(found) == pytest.approx(abs(np.log(scale)), abs=0.002)
    undone, inside = zoom.apply(picture, found)
    assert np.abs(undone - other)[inside].mean() < 1.0


def test_a_plain_picture_has_nothing_to_follow() -> None:
    assert zoom.estimate(np.full((HEIGHT, WIDTH), 90, np.float32), np.full((HEIGHT, WIDTH), 95, np.float32)) is None


def test_scalings_one_after_the_other_are_one() -> None:
    one, two = np.array([[1.1, 0, 3], [0, 1.1, -2]]), np.array([[0.9, 0, 1], [0, 0.9, 5]])
    point = np.array([40.0, 25.0, 1.0])
    there = two @ np.append(one @ point, 1.0)
    np.testing.assert_allclose(zoom.compose([one, two]) @ point, there)
    assert zoom.reach_px(zoom.identity(), HEIGHT, WIDTH) == 0
    assert zoom.reach_px(np.array([[1.0, 0, 3], [0, 1.0, 4]]), HEIGHT, WIDTH) == pytest.approx(5.0)


def _scaled(picture: np.ndarray, scale: float, right: float, down: float) -> np.ndarray:
    matrix = np.array([[scale, 0, (1 - scale) * WIDTH / 2 + right], [0, scale, (1 - scale) * HEIGHT / 2 + down]])
    return cv2.warpAffine(picture, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


@pytest.mark.parametrize("scale", [1.016, 0.984])
def test_a_slow_scaling_is_the_same_in_each_step(scale: float) -> None:
    picture = scenery(5).astype(np.float32)
    last = _scaled(picture, scale, 2.0, -1.0)
    step = zoom.slow(picture, last)
    assert step is not None
    assert zoom.size(step) == pytest.approx(abs(np.log(scale)) / zoom.SLOW_STEPS, abs=4e-4)
    undone, inside = zoom.apply(picture, zoom.compose([step] * zoom.SLOW_STEPS))
    assert np.abs(undone - last)[inside].mean() < 1.0


@pytest.mark.parametrize(("scale", "right"), [(1.0, 3.0), (1.0, 0.0), (1.001, 1.0)])
def test_a_shift_alone_is_no_slow_scaling(scale: float, right: float) -> None:
    """A camera that turns slowly shifts the picture as well."""
    picture = scenery(5).astype(np.float32)
    assert zoom.slow(picture, _scaled(picture, scale, right, 0.0)) is None
