"""Ids through the maps of a clip."""

from __future__ import annotations

from typing import Any

from tests.segmentation.spheres import BALL, BOX, ColourModel, scene
from yt360.segmentation.on_sphere import segment_spheres
from yt360.segmentation.settings import SphereSettings
from yt360.segmentation.tracking import join_over_time


def tracked(moments: Any) -> Any:
    maps = segment_spheres(ColourModel(), [scene(discs, 112) for discs in moments], SphereSettings())
    return join_over_time(maps)


def ids_of(maps: Any, category: int) -> list[list[int]]:
    return [sorted(s.id for s in each.segments if s.category_id == category) for each in maps]


def test_object_that_moves_across_the_seam_keeps_its_id() -> None:
    maps = tracked([[(BALL, 150.0 + 8 * step, 0.0, 12.0)] for step in range(8)])
    assert len({tuple(ids) for ids in ids_of(maps, BALL)}) == 1
    assert all(len(ids) == 1 for ids in ids_of(maps, BALL))


def test_two_of_a_kind_keep_theirs_and_another_kind_never_takes_over() -> None:
    maps = tracked([[(BALL, 4.0 * step, 0.0, 10.0), (BALL, 60.0 - 4 * step, 0.0, 10.0)] for step in range(4)])
    assert len({tuple(ids) for ids in ids_of(maps, BALL)}) == 1
    maps = tracked([[(BALL, 0.0, 0.0, 10.0)], [(BOX, 0.0, 0.0, 10.0)]])
    assert ids_of(maps, BALL)[0] != ids_of(maps, BOX)[1]


def test_object_that_is_hidden_for_a_moment_is_the_same_after_and_a_late_one_is_not() -> None:
    here = [(BALL, 0.0, 0.0, 12.0)]
    gone: list[tuple[int, float, float, float]] = []
    ids = ids_of(tracked([here, gone, gone, here]), BALL)
    assert ids[0] == ids[3]
    ids = ids_of(tracked([here, gone, gone, gone, here]), BALL)
    assert ids[0] != ids[4]


def test_stuff_keeps_one_id_a_category_and_none_is_given_twice() -> None:
    maps = tracked([[(BALL, 10.0 * step, 0.0, 12.0), (BOX, 120.0, 20.0 * (step - 1), 8.0)] for step in range(3)])
    stuff = {(s.category_id, s.id) for each in maps for s in each.segments if not s.isthing}
    assert len(stuff) == 2
    for each in maps:
        names = [s.id for s in each.segments]
        assert len(names) == len(set(names))
        assert set(names) == set(each.ids.ravel().tolist()) - {0}
