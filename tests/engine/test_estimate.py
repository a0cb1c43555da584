"""What a whole run costs, from a few of its items."""

from __future__ import annotations

import pytest

from tests.engine.conftest import NAMES, run_inline, toy_recipe
from tests.engine.toys import REGISTRY
from yt360.engine import recipe
from yt360.engine.estimate import estimate, to_do
from yt360.engine.results import Options
from yt360.engine.stage import Resources
from yt360.engine.storage import Root
from yt360.errors import UsageError

OPTIONS = Options(min_free_bytes=0)


def counted(count: int) -> recipe.Recipe:
    return recipe.build(
        {"name": "toy", "stages": {"count": {"count": count}, "second": {}}}, REGISTRY, [], where="test"
    )


def test_a_sample_is_scaled_up_to_the_whole_and_leaves_nothing(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    made = counted(20)
    monkeypatch.setattr(type(made.stages[1]), "needs", Resources(gpus=2.0))
    first, second = estimate(made, root, OPTIONS, 4)
    assert [(cost.stage, cost.sampled, cost.items) for cost in (first, second)] == [("count", 4, 20), ("second", 4, 20)]
    assert first.size == 20 * len("hi item00000000")
    assert first.worker_hours > 0
    assert first.gpu_hours == 0
    assert second.gpu_hours == pytest.approx(2 * second.worker_hours)
    assert second.worker_hours > 0
    assert not list(root.tmp.iterdir())
    assert not list(root.data.rglob("*.txt"))


def test_a_source_that_is_smaller_than_the_sample_is_the_whole(root: Root) -> None:
    first, _ = estimate(counted(3), root, OPTIONS, 50)
    assert (first.sampled, first.items, first.size) == (3, 3, 3 * len("hi item00000000"))


def test_a_source_without_items_cannot_be_estimated(root: Root) -> None:
    with pytest.raises(UsageError, match="no items"):
        estimate(counted(0), root, OPTIONS, 4)
    assert not list(root.tmp.iterdir())


def test_what_is_to_do_is_counted_and_nothing_is_done(root: Root) -> None:
    root.create()
    assert list(to_do(toy_recipe(), root)) == [("source", 4, 4), ("misbehave", 0, 0), ("gather", 0, 0)]
    run_inline(root, toy_recipe())
    assert list(to_do(toy_recipe(), root)) == [("source", 4, 0), ("misbehave", 4, 0), ("gather", 1, 0)]
    more = toy_recipe(names=[*NAMES, "new"])
    assert next(to_do(more, root)) == ("source", 5, 1)
    assert not (root.data / "source" / "new").exists()
