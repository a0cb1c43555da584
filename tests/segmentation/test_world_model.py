"""The demo's model: small, honest about what it is, and good enough on worlds that it has never seen."""

from __future__ import annotations

import json
from typing import Literal

import numpy as np
import pytest

from benchmarks.segmentation_world import seen, truth_map
from fitting import world_fpn
from fitting.world_pictures import WorldPicture, world_pictures
from yt360 import sphere
from yt360.segmentation.backends import load_model
from yt360.segmentation.backends.fpn import WORLD_WEIGHTS, FpnModel
from yt360.segmentation.evaluation import PanopticEvaluation
from yt360.segmentation.maps import PanopticMap
from yt360.segmentation.on_sphere import segment_spheres
from yt360.segmentation.settings import PanopticModelSettings, SphereSettings

SEED = 55_000
"""Of neither training nor the benchmark."""


@pytest.fixture(scope="module")
def model() -> FpnModel:
    loaded = load_model(PanopticModelSettings(model="world-fpn", device="cpu"))
    assert isinstance(loaded, FpnModel)
    return loaded


@pytest.fixture(scope="module")
def pictures() -> list[WorldPicture]:
    return list(world_pictures(SEED, 4, 2))


def test_weights_are_small_and_nobody_can_take_them_for_coco(model: FpnModel) -> None:
    assert WORLD_WEIGHTS.stat().st_size <= 5_000_000
    assert {category.supercategory for category in model.categories} == {"procedural world"}
    about = json.loads(WORLD_WEIGHTS.with_suffix(".json").read_text())
    assert "not a COCO model" in about["what"]
    assert about["measured_on"]["seed"] != about["trained_on"]["seed"] == world_fpn.SEED
    assert about["measured"]["equirectangular"]["pixels"]["pq"] >= 60


@pytest.mark.parametrize("way", ["equirectangular", "views"])
def test_map_of_a_sphere_depends_on_its_own_picture_only(
    model: FpnModel, pictures: list[WorldPicture], way: Literal["equirectangular", "views"]
) -> None:
    shown = [seen(made.picture) for made in pictures[:2]]
    together = segment_spheres(model, shown, SphereSettings(way=way))
    for picture, found in zip(shown, together, strict=True):
        (alone,) = segment_spheres(model, [picture], SphereSettings(way=way))
        np.testing.assert_array_equal(alone.ids, found.ids)
        assert alone.segments == found.segments


def test_unseen_worlds_are_segmented(model: FpnModel, pictures: list[WorldPicture]) -> None:
    judge = PanopticEvaluation(model.categories)
    maps = segment_spheres(model, [seen(made.picture) for made in pictures], SphereSettings())
    for made, found in zip(pictures, maps, strict=True):
        judge.add(truth_map(made), found)
    assert judge.quality().pq >= 50  # of eight pictures only; the benchmark has the bar of 60 over many
    assert judge.mean_iou() >= 60


def _thing_at(panoptic: PanopticMap, mask: np.ndarray) -> tuple[int, float] | None:
    """The thing that covers most of a region, and its solid angle."""
    counts = np.bincount(panoptic.ids[mask], minlength=1)
    things = {segment.id for segment in panoptic.segments if segment.isthing}
    best = max(things, key=lambda number: counts[number] if number < len(counts) else 0, default=0)
    if not best or best >= len(counts) or counts[best] < 0.5 * mask.sum():
        return None
    rows = sphere.row_solid_angles(*panoptic.ids.shape)
    return best, float(((panoptic.ids == best) * rows[:, None]).sum())


def test_real_thing_turned_across_the_seam_is_one_segment_of_the_same_area(
    model: FpnModel, pictures: list[WorldPicture]
) -> None:
    """The same world, turned so that a thing's middle lies on the seam, or in the middle of the picture."""
    compared = 0
    for made in pictures[::2]:
        width = made.picture.shape[1]
        for number in np.unique(made.instance)[1:]:
            mask = made.instance == number
            columns = np.flatnonzero(mask.any(axis=0))
            if mask.sum() < 300 or columns[-1] - columns[0] > width // 3:
                continue
            middle = int(columns.mean())
            areas = []
            for target in (width // 2, 0):
                turn = target - middle
                found = segment_spheres(model, [np.roll(made.picture, turn, axis=1)], SphereSettings())[0]
                areas.append(_thing_at(found, np.roll(mask, turn, axis=1)))
            if areas[0] is not None:
                assert areas[1] is not None, "found in the middle, and not on the seam"
                assert areas[1][1] == pytest.approx(areas[0][1], rel=0.02)
                compared += 1
        if compared >= 2:
            break
    assert compared >= 2
