"""Two versions of a release, side by side."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from yt360.crawling.removed_ids import Tombstone
from yt360.release.diff import diff
from yt360.release.reading import Published, PublishedClip


def clip(name: str, split: str = "train", digest: str = "0" * 40) -> PublishedClip:
    return PublishedClip(name, name.partition("-")[0], split, 0.0, 10.0, "", "", digest, digest)


def release(*clips: PublishedClip, **more: Any) -> Published:
    return Published("tiny", more.pop("version", "1.0.0"), "d" * 64, clips, **more)


def test_every_clip_is_counted_once_on_its_side() -> None:
    old = release(clip("a-1"), clip("b-1"), clip("c-1"), clip("d-1"), clip("e-1"))
    new = release(clip("a-1"), clip("b-1", digest="f" * 40), clip("c-1", split="test"), clip("f-1"), version="2.0.0")
    found = diff(old, new)
    assert found["splits"] == {
        "test": {"added": 0, "removed": 0, "moved": 1, "changed": 0, "same": 0},
        "train": {"added": 1, "removed": 2, "moved": 0, "changed": 1, "same": 1},
    }
    assert found["clips"] == {"added": ["f-1"], "removed": ["d-1", "e-1"], "moved": ["c-1"], "changed": ["b-1"]}
    assert (found["old"]["version"], found["new"]["version"]) == ("1.0.0", "2.0.0")


def test_why_clips_went() -> None:
    old = release(*(clip(f"{name}-1") for name in "abcdef"), clip("a-2"))
    new = release(
        clip("z-1"),
        takedowns=(Tombstone("b"), Tombstone("other-name", video="c")),
        videos={
            "a": {"status": "filtered", "stage": "stills", "reason": "still"},
            "d": {"status": "kept", "left_out": "policy cc: licence CC-BY-ND"},
            "e": {"status": "kept", "left_out": None},
        },
    )
    found = diff(old, new)
    assert found["removed_why"] == {
        "cut in another way": 1,
        "policy cc: licence CC-BY-ND": 1,
        "stills: still": 2,
        "taken down": 2,
        "the video is not in it": 1,
    }
    assert found["takedowns"] == ["b", "other-name"]
    assert diff(new, replace(new, takedowns=(*new.takedowns, Tombstone("y"))))["takedowns"] == ["y"]


def test_parameters_that_changed() -> None:
    old = release(clip("a-1"), told={"stages": {"chunk": {"version": 4, "parameters": {"fps": 16, "crf": 20}}}})
    new = release(clip("a-1"), told={"stages": {"chunk": {"version": 5, "parameters": {"fps": 16}}, "segment": {}}})
    assert diff(old, new)["parameters"] == {"chunk.parameters.crf": [20, None], "chunk.version": [4, 5]}
    assert diff(old, old)["parameters"] == {}
    assert diff(release(told={"stages": "no"}), old)["parameters"]["chunk.version"] == [None, 4]


def test_secrets_of_a_foreign_release_are_not_repeated() -> None:
    settings = {"proxy": "http://me:pass-word@proxy.example", "api_key": "pass-word", "more": [{"token": "pass-word"}]}
    old = release(clip("a-1"), told={"stages": {"crawl": {"parameters": settings}}})
    found = diff(old, release(clip("a-1"), told={"stages": {}}))["parameters"]
    assert found == {
        "crawl.parameters.api_key": ["(hidden)", None],
        "crawl.parameters.more": [[{"token": "(hidden)"}], None],
        "crawl.parameters.proxy": ["http://(hidden)@proxy.example", None],
    }
