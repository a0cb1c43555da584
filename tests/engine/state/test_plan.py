"""Plans of very many items: what is made at once is what is made one by one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.engine.toys import REGISTRY
from yt360.crawling.sources import youtube
from yt360.engine.stage import AlikeItems, Item
from yt360.engine.state import plan
from yt360.engine.state.plan import ItemPlan
from yt360.stages.crawl import Crawl
from yt360.stages.validate import Validate

_NAMES = ["a" * 11, "b-_4567890A", "name-of-an-", "0" * 11]
_MAKES = {
    "name in meta": lambda name: youtube(name).item(),
    "nothing besides the name": lambda name: Item(name, name),
    "name in hints": lambda name: Item(name, name, hints={"page": f"https://host.test/{name}/{name}?é", "size": 3}),
    "name nowhere else": lambda name: Item(name, name, meta={"source": "url"}),
}


@pytest.mark.parametrize("make", _MAKES.values(), ids=_MAKES)
@pytest.mark.parametrize("stage", [Crawl(), Validate()], ids=["id in the key", "id not in the key"])
def test_items_that_are_alike_are_planned_as_if_one_by_one(stage, make) -> None:  # type: ignore[no-untyped-def]
    apart = [Item("first", "first", meta={"n": 1}), *map(make, _NAMES), Item("last", "last")]
    together = ItemPlan.of_items(stage, [apart[0], AlikeItems(_NAMES, make), apart[-1]])
    assert together.digest() == ItemPlan.of_items(stage, apart).digest()
    assert list(together) == apart
    assert together.keys.to_pylist() == [stage.key(item) for item in apart]


def test_blocks_may_be_empty_and_larger_than_what_is_written_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Crawl()
    whole = ItemPlan.of_items(stage, map(youtube_item, _NAMES))
    monkeypatch.setattr(plan, "_AT_ONCE", 2)
    blocks = [AlikeItems([], youtube_item), AlikeItems(_NAMES[:3], youtube_item), AlikeItems(_NAMES[3:], youtube_item)]
    assert ItemPlan.of_items(stage, blocks).digest() == whole.digest()
    assert ItemPlan.of_items(stage, map(youtube_item, _NAMES)).digest() == whole.digest()


def test_a_stage_with_keys_of_its_own_plans_one_by_one() -> None:
    with pytest.raises(ValueError, match="stage source: expected keys that are digests of keyed_text"):
        ItemPlan.of_items(REGISTRY.load("source")(), [AlikeItems(_NAMES, youtube_item)])


def youtube_item(name: str) -> Item:
    return youtube(name).item()


def test_items_that_differ_in_more_than_their_names_are_refused() -> None:
    def make(name: str) -> Item:
        return replace(youtube_item(name), hints={"length": len(name)})

    with pytest.raises(ValueError, match="aaaaaaaaaaa: expected items that differ in their names alone"):
        ItemPlan.of_items(Crawl(), [AlikeItems(_NAMES, make)])
