"""Objects on the sphere are one segment, wherever the picture's edges and the views' happen to be."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tests.segmentation.spheres import BALL, BOX, GROUND, SKY, ColourModel, scene, solid_angle
from yt360 import sphere
from yt360.segmentation.on_sphere import segment_spheres, view_set
from yt360.segmentation.settings import SphereSettings, Way

WAYS: list[Way] = ["equirectangular", "views"]


def segmented(discs: Any, way: Way, height: int = 224, **settings: Any) -> Any:
    return segment_spheres(ColourModel(), [scene(discs, height)], SphereSettings(way=way, **settings))[0]


@pytest.mark.parametrize("way", WAYS)
def test_object_moved_across_the_seam_keeps_one_segment_and_its_area(way: Way) -> None:
    areas = []
    for azimuth in (0.0, 165.0, 180.0, -172.0):
        found = segmented([(BALL, azimuth, 10.0, 14.0)], way)
        things = [segment for segment in found.segments if segment.isthing]
        assert [segment.category_id for segment in things] == [BALL], azimuth
        areas.append(solid_angle(found, things[0].id))
    cap = 2 * math.pi * (1 - math.cos(math.radians(14)))
    np.testing.assert_allclose(areas, areas[0], rtol=0.02)
    np.testing.assert_allclose(areas, cap, rtol=0.04)


@pytest.mark.parametrize("way", WAYS)
def test_two_objects_beside_the_seam_stay_two(way: Way) -> None:
    found = segmented([(BALL, 168.0, 0.0, 8.0), (BALL, -168.0, 0.0, 8.0), (BOX, 180.0, -30.0, 8.0)], way)
    assert sorted(segment.category_id for segment in found.segments) == [GROUND, SKY, BALL, BALL, BOX]


@pytest.mark.parametrize("way", WAYS)
def test_stuff_is_one_segment_a_category(way: Way) -> None:
    found = segmented([(BALL, 90.0, 0.0, 10.0)], way)
    assert [s.category_id for s in found.segments if not s.isthing] == [GROUND, SKY]
    shares = [solid_angle(found, s.id) / (4 * math.pi) for s in found.segments if not s.isthing]
    np.testing.assert_allclose(shares, 0.5, atol=0.02)


@pytest.mark.parametrize("elevation", [90.0, -90.0, 80.0, -78.0])
def test_poles_are_labelled_by_what_is_there(elevation: float) -> None:
    """A thing over the pole is one, round and of its true size, in the way that looks there."""
    found = segmented([(BALL, 20.0, elevation, 15.0)], "views")
    things = [segment for segment in found.segments if segment.isthing]
    assert len(things) == 1
    cap = 2 * math.pi * (1 - math.cos(math.radians(15)))
    assert solid_angle(found, things[0].id) == pytest.approx(cap, rel=0.04)


def test_views_see_every_direction() -> None:
    rays = sphere.pixel_vectors(64, 128).reshape(-1, 3)
    seen = np.zeros(len(rays), int)
    for view in view_set(SphereSettings().views):
        front = rays @ view.rotation.T
        x, y = front[:, 1] / front[:, 0], front[:, 2] / front[:, 0]
        reach = math.tan(view.horizontal_fov / 2)
        seen += (front[:, 0] > 0) & (np.abs(x) < reach) & (np.abs(y) < reach)
    assert seen.min() >= 1
    assert seen[np.abs(rays[:, 2]) < np.sin(np.radians(30))].min() >= 2, "around the horizon objects must be joined"


@pytest.mark.parametrize("way", WAYS)
def test_every_turn_of_the_camera_gives_the_same_objects(way: Way) -> None:
    discs = [(BALL, 0.0, 5.0, 12.0), (BOX, 40.0, -20.0, 9.0), (BALL, 200.0, 30.0, 10.0), (BOX, 110.0, 35.0, 16.0)]
    for turn in (20, 100, 180, 315):
        found = segmented([(c, azimuth + turn, elevation, r) for c, azimuth, elevation, r in discs], way, 112)
        assert sorted(s.category_id for s in found.segments if s.isthing) == [BALL, BALL, BOX, BOX], turn


def test_nothing_is_continued_where_nobody_asked_for_it() -> None:
    """The authors' own way: without continuation an object across the seam falls into two."""
    found = segmented([(BALL, 180.0, 0.0, 14.0)], "equirectangular", wrap_deg=0.0)
    assert sum(segment.isthing for segment in found.segments) == 2


def test_model_is_called_once_for_all_pictures() -> None:
    model = ColourModel()
    pictures = [scene([(BALL, azimuth, 0.0, 10.0)], 112) for azimuth in (0.0, 180.0)]
    segment_spheres(model, pictures, SphereSettings(way="views", views=6))
    segment_spheres(model, pictures, SphereSettings(way="equirectangular", wrap_deg=90.0))
    assert model.calls == [16, 2]
    assert model.widened[1] == pytest.approx(1.5)
