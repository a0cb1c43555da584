"""PQ against torchmetrics and by hand; solid angles count what they should."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from yt360 import sphere
from yt360.segmentation.evaluation import PanopticEvaluation
from yt360.segmentation.maps import Category, PanopticMap, PanopticSegment, from_ids

CATEGORIES = (Category(1, "car", True), Category(2, "dog", True), Category(7, "sky", False), Category(9, "sea", False))
ISTHING = {category.id: category.isthing for category in CATEGORIES}


def random_map(rng: np.random.Generator, base: np.ndarray | None = None, void: bool = True) -> PanopticMap:
    """Blocks of random segments; or ``base`` with some of its blocks changed."""
    blocks = rng.integers(0 if void else 1, 7, (4, 8)) if base is None else base.copy()
    if base is not None:
        changed = rng.random(blocks.shape) < 0.3
        blocks[changed] = rng.integers(1, 7, int(changed.sum()))
    ids = np.kron(blocks, np.ones((3, 3), int)).astype(np.int32)
    kinds = {1: 1, 2: 1, 3: 2, 4: 7, 5: 9, 6: 2}
    return from_ids(ids, [PanopticSegment(number, kind, ISTHING[kind], 1.0, 0) for number, kind in kinds.items()])


def as_tensor(panoptic: PanopticMap) -> torch.Tensor:
    return torch.from_numpy(np.stack([panoptic.category_map(), panoptic.ids], axis=-1).astype(np.int64))[None]


@pytest.mark.parametrize("seed", range(6))
def test_quality_is_that_of_torchmetrics(seed: int) -> None:
    quality = pytest.importorskip("torchmetrics.detection").PanopticQuality
    rng = np.random.default_rng(seed)
    ours = PanopticEvaluation(CATEGORIES)
    theirs = quality({1, 2}, {7, 9}, allow_unknown_preds_category=True, return_sq_and_rq=True, return_per_class=True)
    for _ in range(4):
        truth = random_map(rng)
        found = random_map(rng, truth.ids[::3, ::3])
        ours.add(truth, found)
        theirs.update(as_tensor(found), as_tensor(truth))
    per_class = dict(zip((1, 2, 7, 9), 100 * theirs.compute().reshape(4, 3).numpy(), strict=True))
    for name, scores in ours.per_category().items():
        np.testing.assert_allclose((scores.pq, scores.sq, scores.rq), per_class[name], rtol=1e-6)
    mean = np.mean([per_class[name] for name in ours.per_category()], axis=0)
    total = ours.quality()
    np.testing.assert_allclose((total.pq, total.sq, total.rq), mean, rtol=1e-6)
    things = np.mean([per_class[name] for name in ours.per_category() if ISTHING[name]], axis=0)
    np.testing.assert_allclose(ours.quality(isthing=True).pq, things[0], rtol=1e-6)


def test_perfect_maps_have_100_and_empty_ones_0() -> None:
    truth = random_map(np.random.default_rng(0))
    perfect, empty = PanopticEvaluation(CATEGORIES), PanopticEvaluation(CATEGORIES)
    perfect.add(truth, truth)
    empty.add(truth, PanopticMap(np.zeros_like(truth.ids), ()))
    assert perfect.to_json() == pytest.approx(dict.fromkeys(perfect.to_json(), 100.0))
    assert empty.to_json() == pytest.approx(dict.fromkeys(empty.to_json(), 0.0))


def two_halves(height: int, boundary: int, wrong_rows: slice) -> tuple[PanopticMap, PanopticMap]:
    ids = np.ones((height, 2 * height), np.int32)
    ids[boundary:] = 2
    other = ids.copy()
    other[wrong_rows] = 2
    segments = [PanopticSegment(1, 7, False, 1.0, 0), PanopticSegment(2, 9, False, 1.0, 0)]
    return from_ids(ids, segments), from_ids(other, segments)


def test_solid_angle_counts_a_mistake_at_the_pole_for_what_it_is() -> None:
    """The topmost tenth of the rows is called sea: IoU by hand from areas of spherical zones."""
    truth, found = two_halves(100, 50, slice(0, 10))
    pixels, solid = PanopticEvaluation(CATEGORIES), PanopticEvaluation(CATEGORIES, by_solid_angle=True)
    pixels.add(truth, found)
    solid.add(truth, found)
    sky, sea = 40 / 50, 50 / 60
    assert pixels.mean_iou() == pytest.approx(100 * (sky + sea) / 2)
    assert pixels.quality().pq == pytest.approx(100 * (sky + sea) / 2)
    cap = 1 - np.sin(np.pi / 2 - 0.1 * np.pi)  # of a hemisphere of area 1
    assert cap < 0.05
    expected = 100 * ((1 - cap) + 1 / (1 + cap)) / 2
    assert solid.mean_iou() == pytest.approx(expected)
    assert solid.quality().pq == pytest.approx(expected)


def test_a_segment_that_is_half_right_by_pixels_may_not_be_by_solid_angle() -> None:
    """What matches is decided by the same weight: at the pole many pixels are little."""
    truth, found = two_halves(90, 60, slice(0, 25))
    pixels, solid = PanopticEvaluation(CATEGORIES), PanopticEvaluation(CATEGORIES, by_solid_angle=True)
    pixels.add(truth, found)
    solid.add(truth, found)
    rows = sphere.row_solid_angles(90, 180)
    assert (60 - 25) / 60 > 0.5
    assert solid.per_category()[7].sq == pytest.approx(100 * rows[25:60].sum() / rows[:60].sum())


def test_void_and_crowds_are_nobodys_mistake() -> None:
    ids = np.zeros((10, 20), np.int32)
    ids[:, 10:] = 1
    truth = from_ids(ids, [PanopticSegment(1, 1, True, 1.0, 0)])
    found = from_ids(np.where(ids == 0, 5, 0).astype(np.int32), [PanopticSegment(5, 2, True, 1.0, 0)])
    judge = PanopticEvaluation(CATEGORIES)
    judge.add(truth, found)
    assert set(judge.per_category()) == {1}, "the dog lies where the truth says nothing"
    crowd = PanopticEvaluation(CATEGORIES)
    crowd.add(truth, from_ids(ids * 3, [PanopticSegment(3, 1, True, 1.0, 0)]), frozenset({1}))
    assert crowd.quality().categories == 0


def test_maps_of_different_sizes_are_refused() -> None:
    truth = random_map(np.random.default_rng(0))
    with pytest.raises(ValueError, match="different sizes"):
        PanopticEvaluation(CATEGORIES).add(truth, PanopticMap(np.zeros((2, 2), np.int32), ()))
