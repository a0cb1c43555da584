"""What a rebuild takes from a release, and what it leaves alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from yt360.crawling.removed_ids import Tombstone, Tombstones, bury
from yt360.engine import pipeline
from yt360.engine.storage import Root
from yt360.errors import UsageError
from yt360.rebuild.running import _take_down, rebuild, recipe_of
from yt360.release.reading import Published, PublishedClip
from yt360.stages import REGISTRY


def published(*clips: PublishedClip, stages: dict[str, Any] | None = None, **more: Any) -> Published:
    given = clips or (PublishedClip("-oytwMeyR74-00133", "-oytwMeyR74", "train", 133.0, 10.0),)
    return Published("tiny", "1.0.0", "d" * 64, given, told={"stages": stages or {}}, **more)


def recipe(tmp_path: Path, **more: Any) -> dict[str, Any]:
    made = recipe_of(published(**more), Root(tmp_path / "root"), REGISTRY, ())
    return dict(made.to_json()["stages"])


def test_clips_are_cut_by_the_publishers_parameters(tmp_path: Path) -> None:
    stages = recipe(
        tmp_path,
        stages={
            "crawl": {"parameters": {"lowest_picture": 360, "highest_picture": 720}},
            "validate": {"parameters": {"sample_s": 14}, "thresholds": {"least_duration_s": 3}},
            "chunk": {"version": 4, "parameters": {"height": 64, "width": 128, "fps": 8}, "thresholds": {}},
            "stills": {"parameters": {}},
        },
        prints={"any": {}},
    )
    assert list(stages) == ["crawl", "validate", "fingerprint", "chunk", "split", "shard"], "no filter decides"
    assert (stages["crawl"]["lowest_picture"], stages["crawl"]["highest_picture"]) == (360, 720)
    assert (stages["validate"]["sample_s"], stages["validate"]["thresholds"]["least_duration_s"]) == (14, 3)
    assert (stages["chunk"]["height"], stages["chunk"]["fps"]) == (64, 8)
    assert stages["crawl"]["source"] == str(tmp_path / "root" / "state" / "rebuild-segments.tsv")


def test_a_hostile_release_loads_no_code_and_reaches_no_account(tmp_path: Path) -> None:
    usual = recipe(tmp_path)
    hostile = {
        "crawl": {
            "use": "os:system",
            "parameters": {
                "use": "os:system",
                "source": "/etc/passwd",
                "access": {"cookies_file": "/home/me/cookies.txt", "proxies": ["http://evil.example"]},
                "local_files": "hardlink",
            },
        },
        "chunk": {"use": "os:system", "parameters": {"use": "os:system", "package": "evil"}},
        "validate": "no mapping",
        "split": {"parameters": {"train_list": "/etc/passwd"}},
        "blur": {"use": "evil:Blur"},
    }
    assert recipe(tmp_path, stages=hostile) == usual


@pytest.mark.parametrize(
    ("chunk", "words"), [({"fps": "many"}, "fps"), ({"unheard_of": 1}, "unheard_of"), ({"clip_s": 1e9}, "clip_s")]
)
def test_parameters_that_cannot_be_are_named(tmp_path: Path, chunk: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=rf"tiny: stages.chunk.*{words}"):
        recipe(tmp_path, stages={"chunk": {"parameters": chunk}})


def test_a_list_without_fingerprints_looks_for_none(tmp_path: Path) -> None:
    assert "fingerprint" not in recipe(tmp_path)


def test_a_root_of_something_else_is_left_alone(tmp_path: Path) -> None:
    root = Root(tmp_path / "root")
    root.create()
    root.recipe.write_text(json.dumps({"name": "mine", "stages": {}}))
    with pytest.raises(UsageError, match="found a root of the recipe 'mine'; give another --root"):
        rebuild(published(), root, REGISTRY, pipeline.Options(workers=1, min_free_bytes=0))
    root.recipe.write_text("{")
    with pytest.raises(UsageError, match="that cannot be read"):
        rebuild(published(), root, REGISTRY, pipeline.Options(workers=1, min_free_bytes=0))
    root.recipe.write_text(json.dumps({"name": "rebuild-tiny", "stages": {}}))
    assert recipe_of(published(), root, REGISTRY, ()).name == "rebuild-tiny"


IDS = ("-oytwMeyR74", "aaaaaaaaaaa", "mine")
CLIPS = (
    PublishedClip("-oytwMeyR74-00133", IDS[0], "train", 133.0, 10.0),
    PublishedClip("aaaaaaaaaaa-00000", IDS[1], "train", 0.0, 10.0),
    PublishedClip("mine-00000", IDS[2], "train", 0.0, 10.0, "https://www.youtube.com/watch?v=bbbbbbbbbbb"),
)


def taken_down(root: Root, *stones: Tombstone) -> frozenset[str]:
    root.create()
    listed = published(*CLIPS, takedowns=stones)
    return _take_down(listed, root)


@pytest.mark.parametrize(
    ("stone", "removed"),
    [
        (Tombstone("-oytwMeyR74"), {"-oytwMeyR74"}),
        (Tombstone("their-name", video="aaaaaaaaaaa"), {"aaaaaaaaaaa"}),
        (Tombstone("their-name", video="bbbbbbbbbbb"), {"mine"}),
        (Tombstone("mine"), {"mine"}),
        (Tombstone("unheard-of"), set()),
    ],
)
def test_takedowns_of_the_release_keep_videos_out(tmp_path: Path, stone: Tombstone, removed: set[str]) -> None:
    root = Root(tmp_path / "root")
    assert taken_down(root, stone) == removed
    assert [held.id for held in Tombstones(root.state).held] == [stone.id], "no later crawl brings it back either"
    assert taken_down(root, stone) == removed
    assert len(Tombstones(root.state).held) == 1


def test_tombstones_of_the_root_keep_videos_out(tmp_path: Path) -> None:
    root = Root(tmp_path / "root")
    root.create()
    bury(root.state, [Tombstone("x", video="bbbbbbbbbbb")], "asked")
    assert taken_down(root) == {"mine"}


def test_a_list_of_nothing_but_takedowns_is_refused(tmp_path: Path) -> None:
    stones = tuple(Tombstone(name) for name in IDS)
    with pytest.raises(UsageError, match="found only videos that were taken down"):
        rebuild(
            published(*CLIPS, takedowns=stones),
            Root(tmp_path / "root"),
            REGISTRY,
            pipeline.Options(workers=1, min_free_bytes=0),
        )


def test_files_of_the_publishers_own_cannot_be_cut_again_and_it_says_what_can_be_done(tmp_path: Path) -> None:
    """It said that its videos were taken down, or had no address; a reader knew neither which nor what to do."""
    own = [PublishedClip(f"walk-{start_s:05}", "walk", "train", start_s, 10.0) for start_s in (0, 10)]
    with pytest.raises(UsageError, match=r"found 1 without an address.*yt360\.open"):
        rebuild(published(*own), Root(tmp_path / "root"), REGISTRY, pipeline.Options())
