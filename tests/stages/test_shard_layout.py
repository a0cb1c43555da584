"""Which clip lies in which shard: planned by hand, without a root."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yt360.engine.items import Blob
from yt360.engine.stage import ChildEntry, Item
from yt360.files import with_checksum
from yt360.stages.shard import Shard, ShardParams

SIZES = {"foa": 512, "json": 1, "video": 7679}
"""Bytes of a clip's files: 20 blocks of a tar with their headers, since a file takes whole ones."""

THREE_MB = 3 * 20 * 512 / 1e6


def _dataset(folder: Path, sides: dict[str, str], states: dict[str, str] | None = None) -> Any:
    """A root with one clip a video (``v-00000``); ``states`` are those of its maps, where they are made at all."""
    clips = []
    for video in sorted(sides):
        files = {name: Blob(f"{video}.{name}", f"{video} {name}", size) for name, size in SIZES.items()}
        parent: Any = SimpleNamespace(item=video)
        clips.append(ChildEntry(f"{video}-00000", parent, files, {}))
    maps = {f"{video}-00000": _maps(video, state) for video, state in (states or {}).items()}
    return SimpleNamespace(
        state_dir=folder,
        stages={"chunk": None, "split": None, **({"segment": None} if states is not None else {}), "shard": None},
        children_after=lambda *_: iter(clips),
        passing=lambda _: {video: SimpleNamespace(measures={"split": side}) for video, side in sides.items()},
        entries=lambda stage: maps if stage == "segment" else {},
        records=lambda _: {},
    )


def _maps(video: str, state: str) -> Any:
    blob = Blob(f"{video}.panoptic", f"{video} panoptic", 512)
    return SimpleNamespace(state=state, record=SimpleNamespace(outputs={"panoptic": blob}))


def _plan(folder: Path, sides: dict[str, str], mb: float = THREE_MB, **more: Any) -> dict[str, list[str]]:
    stage = Shard(ShardParams(target_mb=mb))
    dataset = _dataset(folder, sides, **more)
    items = list(stage.plan(dataset))
    stage.remember(dataset, items)
    for item in items:
        assert set(item.inputs) >= {f"{clip}.{name}" for clip in item.meta["clips"] for name in SIZES}
    return {item.id: [clip.rpartition("-")[0] for clip in item.meta["clips"]] for item in items}


def test_a_shard_is_closed_when_the_next_clip_would_take_it_over_its_size(tmp_path: Path) -> None:
    sides = dict.fromkeys("abcdefg", "train")
    assert _plan(tmp_path, sides) == {
        "train-000000": ["a", "b", "c"], "train-000001": ["d", "e", "f"], "train-000002": ["g"],
    }  # fmt: skip
    assert list(_plan(tmp_path, sides, mb=THREE_MB - 1e-6).values()) == [["a", "b"], ["c", "d"], ["e", "f"], ["g"]]
    assert list(_plan(tmp_path, sides, mb=0.001).values()) == [[name] for name in "abcdefg"]
    assert len(_plan(tmp_path, sides, mb=500)) == 1


def test_a_clip_that_changed_its_side_leaves_the_old_one_s_shard(tmp_path: Path) -> None:
    _plan(tmp_path, {"a": "train", "b": "train", "c": "test"})
    assert _plan(tmp_path, {"a": "train", "b": "test", "c": "test"}) == {
        "test-000000": ["c"], "test-000001": ["b"], "train-000000": ["a"],
    }  # fmt: skip
    assert _plan(tmp_path, {"a": "test", "b": "test", "c": "test"}) == {
        "test-000000": ["c"], "test-000001": ["b"], "test-000002": ["a"],
    }  # fmt: skip


def test_sides_of_other_names_have_shards_of_their_own(tmp_path: Path) -> None:
    assert _plan(tmp_path, {"a": "train", "b": "val_2", "c": "train"}) == {
        "train-000000": ["a", "c"], "val_2-000000": ["b"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("state", "stored", "with_maps"),
    [("done", True, True), ("waiting", False, False), ("undecided", False, False), ("failed", True, False),
     ("filtered", True, False)],
)  # fmt: skip
def test_a_clip_waits_for_its_maps_and_goes_without_where_there_will_be_none(
    tmp_path: Path, state: str, stored: bool, with_maps: bool
) -> None:
    dataset = _dataset(tmp_path, {"a": "train"}, {"a": state})
    items: list[Item] = list(Shard(ShardParams()).plan(dataset))
    assert bool(items) is stored
    assert any("a-00000.panoptic" in item.inputs for item in items) is with_maps


def test_a_clip_without_maps_has_a_member_for_them_where_others_have_some(tmp_path: Path) -> None:
    sides = dict.fromkeys("abcd", "train")

    def planned(folder: str, states: dict[str, str] | None) -> list[Item]:
        (tmp_path / folder).mkdir()
        return list(Shard(ShardParams(target_mb=3 * 22 * 512 / 1e6)).plan(_dataset(tmp_path / folder, sides, states)))

    said = {item.id: item.meta.get("stood_for") for item in planned("some", {"a": "done", "b": "done", "c": "failed"})}
    assert said == {"train-000000": ["panoptic"], "train-000001": ["panoptic"]}
    whole = planned("all", dict.fromkeys("abcd", "done"))
    none = planned("none", dict.fromkeys("abcd", "failed"))
    assert not any("stood_for" in item.meta for item in [*whole, *none, *planned("off", None)])
    assert [len(item.meta["clips"]) for item in whole] == [3, 1]


def test_maps_of_a_clip_that_is_gone_are_nobody_s(tmp_path: Path) -> None:
    (item,) = Shard(ShardParams()).plan(_dataset(tmp_path, {"a": "train"}, {"a": "done", "gone": "done"}))
    assert item.meta["clips"] == ["a-00000"]


def test_a_name_in_the_plan_that_is_no_shard_is_left_out(tmp_path: Path) -> None:
    _plan(tmp_path, {"a": "train"})
    path = tmp_path / "shard-plan.json"
    plan = json.loads(path.read_text())
    plan["shards"] = {"train-1": ["a-00000"], "../x-000000": ["a-00000"]}
    path.write_text(json.dumps(with_checksum(plan)))
    assert _plan(tmp_path, {"a": "train"}) == {"train-000000": ["a"]}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from(["train", "test"])), max_size=5))
def test_every_clip_once_on_its_side_and_those_that_stay_keep_their_place(
    tmp_path_factory: pytest.TempPathFactory, history: list[dict[str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("root")
    before: dict[str, list[str]] = {}
    sides_before: dict[str, str] = {}
    for sides in history:
        plan = _plan(folder, sides)
        assert sorted(clip for clips in plan.values() for clip in clips) == sorted(sides)
        assert all(sides[clip] == shard.rpartition("-")[0] for shard, clips in plan.items() for clip in clips)
        assert all(0 < len(clips) <= 3 for clips in plan.values())
        place = {clip: shard for shard, clips in plan.items() for clip in clips}
        for shard, clips in before.items():
            for clip in clips:
                if sides.get(clip) == sides_before[clip]:
                    assert place[clip] == shard
            came = set(plan.get(shard, [])) - set(clips)
            assert not came, "clips are never added to a shard that is written"
        before, sides_before = plan, sides
