"""An item that a filter dropped goes no further, whether the stages behind name that filter or not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.conftest import run_inline
from tests.engine.toys import REGISTRY as TOYS
from yt360.engine import recipe
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.state.gates import Gates
from yt360.engine.storage import Root
from yt360.stages import REGISTRY


def toys(*names: str, **params: Any) -> recipe.Recipe:
    stages = {name: params.get(name, {}) for name in names}
    return recipe.build({"stages": stages | {"count": {"count": 3}}}, TOYS, [], where="test")


def test_built_in_stages_have_no_other_gates_than_those_they_name() -> None:
    stages = {stage.name: stage for stage in recipe.default(REGISTRY).stages}
    assert Gates(stages).before == {name: stage.after for name, stage in stages.items()}


def test_stages_of_clips_and_shards_are_no_gate_of_videos() -> None:
    kinds = Gates({stage.name: stage for stage in recipe.default(REGISTRY).stages}).kinds
    assert {name for name, kind in kinds.items() if kind != "video"} == {"segment", "annotate", "shard", "embed"}


@pytest.mark.parametrize(("between", "left"), [("drop", 2), ("describe", 3)])
def test_what_a_filter_drops_is_dropped_for_stages_that_do_not_name_it(root: Root, between: str, left: int) -> None:
    made = toys("count", between, "second", "third", **{between: {"unwanted": ["item00000001"]}})
    run_inline(root, made)
    dataset = DatasetState(root, made.stages)
    assert len(dataset.entries("second")) == len(dataset.entries("third")) == left
    assert len(list(dataset.children_after("second"))) == 2 * left


def test_a_filter_behind_a_stage_is_no_gate_of_it(root: Root) -> None:
    made = toys("count", "second", "drop", "third", drop={"unwanted": ["item00000001"]})
    run_inline(root, made)
    dataset = DatasetState(root, made.stages)
    assert (len(dataset.entries("second")), len(dataset.entries("third"))) == (3, 2)
