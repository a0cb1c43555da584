"""Which sides a split remembers, and what counts towards the share: by hand, without a root."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from yt360.engine.items import Blob, Done, Filtered, Outcome
from yt360.engine.stage import Item
from yt360.errors import UsageError
from yt360.stages.split import Member, Split, SplitParams, _digest, draw

VIDEOS = [f"v{number:02d}" for number in range(20)]


class Memory:
    """A root's state, as a reduction sees it."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def recall(self, name: str) -> str | None:
        return self.texts.get(name)

    def remember(self, name: str, text: str) -> None:
        self.texts[name] = text

    def path(self, blob: Blob) -> Path:
        raise AssertionError(blob)


def _sides(memory: Memory, given: dict[str, str] | None = None, videos: list[str] = VIDEOS, **params: Any) -> Any:
    given = given or {}
    items = []
    for name in videos:
        said = {"side": given[name], "by": "list"} if name in given else {}
        items.append(Item(name, name, meta={"cluster": name, "channel": "", **said}))
    outcomes = Split(SplitParams(**{"test_share": 0.25, **params})).reduce(items, memory)
    assert set(outcomes) == set(videos)
    return {name: _side(outcome) for name, outcome in outcomes.items()}


def _side(outcome: Outcome) -> str:
    return outcome.measures["split"] if isinstance(outcome, Done) else ""


@pytest.mark.parametrize("changed", [{"salt": "another"}, {"test_share": 0.5}, {"by_channel": False}])
def test_another_draw_starts_anew_and_the_same_one_goes_on(changed: dict[str, Any]) -> None:
    memory = Memory()
    first = _sides(memory)
    assert _sides(memory) == first
    assert _sides(memory, **changed) == _sides(Memory(), **changed)
    assert _sides(memory, videos=[*VIDEOS, "a-new-one"], **changed).items() >= _sides(Memory(), **changed).items()


def test_given_sides_are_not_remembered_as_drawn_ones() -> None:
    """A list that is taken away again leaves no trace: its videos are drawn like the others."""
    memory = Memory()
    given = dict.fromkeys(VIDEOS[:8], "test")
    listed = _sides(memory, given)
    assert [name for name in VIDEOS if listed[name] == "test"][:8] == VIDEOS[:8]
    assert set(json.loads(memory.texts["split-sides.json"])["sides"]) == set(VIDEOS[8:])
    after = _sides(memory)
    assert {name: after[name] for name in VIDEOS[8:]} == {name: listed[name] for name in VIDEOS[8:]}


@pytest.mark.parametrize("side", ["train", "test"])
def test_the_share_is_of_the_drawn_videos_alone(side: str) -> None:
    given = dict.fromkeys(VIDEOS[:8], side)
    drawn = [name for name, found in _sides(Memory(), given).items() if name not in given and found == "test"]
    assert len(drawn) == 3  # a quarter of twelve


def test_left_out_videos_are_filtered_and_count_nowhere() -> None:
    given = dict.fromkeys(VIDEOS[:8], "")
    sides = _sides(Memory(), given)
    assert [name for name, side in sides.items() if not side] == VIDEOS[:8]
    assert sum(side == "test" for side in sides.values()) == 3


def test_a_share_of_nothing_and_of_all() -> None:
    assert set(_sides(Memory(), test_share=0.0).values()) == {"train"}
    assert set(_sides(Memory(), test_share=1.0).values()) == {"test"}
    assert draw([], 0.5, "x") == {}


@pytest.mark.parametrize("text", ["{", "[]", "null", '{"params": {}}', '{"params": {}, "sides": 3}'])
def test_sides_that_cannot_be_read_are_refused_not_drawn_anew(text: str) -> None:
    memory = Memory()
    memory.texts["split-sides.json"] = text
    with pytest.raises(UsageError, match="expected the sides of videos"):
        _sides(memory)


def test_a_side_is_part_of_the_key_and_a_dropped_one_too() -> None:
    stage = Split(SplitParams())
    outcomes: list[Done | Filtered] = [
        Done(measures={"split": "train", "by": "draw"}),
        Done(measures={"split": "test", "by": "draw"}),
        Done(measures={"split": "test", "by": "list"}),
        Filtered("not-listed", ""),
        Filtered("both-sides", ""),
    ]
    keys = [stage.key(Item("a", "a", meta=stage.meta_of(outcome))) for outcome in outcomes]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("said", "unlisted", "meta"),
    [
        ("test", "digest", {"side": "test", "by": "table"}),
        (" Train ", "drop", {"side": "train", "by": "table"}),
        ("val2", "digest", {"side": "val2", "by": "table"}),
        ("none", "digest", {}),
        ("none", "drop", {"side": "", "by": "default"}),
        ("none", "train", {"side": "train", "by": "default"}),
        ("", "drop", {}),
        ("a side of its own", "digest", {}),
    ],
)
def test_what_a_table_says_of_a_side(tmp_path: Path, said: str, unlisted: str, meta: dict[str, str]) -> None:
    """`none` is what the published list says of videos on neither side: it is no side."""
    (tmp_path / "listing.json").write_text(json.dumps({"a": {"split": said}}))
    dataset: Any = SimpleNamespace(
        state_dir=tmp_path, stages={}, items_after=lambda *_: iter([Item("a", "a")]), entries=lambda _: {}
    )
    (item,) = Split(SplitParams.model_validate({"unlisted": unlisted})).plan(dataset)
    assert item.meta == {"cluster": "a", "channel": "", **meta}


@pytest.mark.parametrize(("size", "side"), [(10, "test"), (12, "test"), (13, "train")])
def test_a_channel_may_take_test_a_quarter_over_its_share(size: int, side: str) -> None:
    """Ten of forty are wanted: a channel that comes first is taken whole up to twelve."""
    members = [Member(f"v{number:02d}", f"v{number:02d}", "large" if number < size else "") for number in range(40)]
    salt = next(
        salt for salt in map(str, range(10_000)) if min(members, key=lambda one: _digest(salt, one.name)).name == "v00"
    )
    sides = draw(members, 0.25, salt)
    assert {sides[f"v{number:02d}"] for number in range(size)} == {side}
    assert sum(found == "test" for found in sides.values()) == max(10, size if side == "test" else 0)
