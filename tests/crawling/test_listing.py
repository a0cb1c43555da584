"""What tables say of videos: written once by the crawl, kept when the source changes, read from older roots too."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from yt360.crawling import kept_ids
from yt360.crawling.listing import read_listing, write_listing
from yt360.engine.stage import Item
from yt360.errors import UsageError


def dataset(state_dir: Path, hints: dict[str, dict[str, Any]] | None = None) -> Any:
    """A dataset whose crawl was planned by an earlier version, which kept notes as hints."""
    entries = {name: SimpleNamespace(item=Item(name, name, hints=own)) for name, own in (hints or {}).items()}
    return SimpleNamespace(state_dir=state_dir, stages={"crawl": None}, entries=lambda _: entries)


def test_what_was_said_stays_and_a_later_table_replaces_it(tmp_path: Path) -> None:
    write_listing(dataset(tmp_path), {"a": {"segments": [[0, 10]], "split": "test"}, "b": {"split": "train"}})
    write_listing(dataset(tmp_path), {"b": {"segments": [[5, 15]], "split": ""}, "c": {"split": "train"}})
    assert read_listing(dataset(tmp_path)) == {
        "a": {"segments": [[0, 10]], "split": "test"},
        "b": {"segments": [[5, 15]], "split": "train"},
        "c": {"split": "train"},
    }


def test_an_unchanged_listing_is_not_written_again(tmp_path: Path) -> None:
    write_listing(dataset(tmp_path), {"a": {"split": "test"}})
    before = (tmp_path / "listing.json").stat().st_mtime_ns
    write_listing(dataset(tmp_path), {"a": {"split": "test"}})
    assert (tmp_path / "listing.json").stat().st_mtime_ns == before


def test_notes_of_earlier_versions_are_read_and_moved_into_the_one_file(tmp_path: Path) -> None:
    (tmp_path / "noted-segments.json").write_text(json.dumps({"a": [[0, 10]]}))
    (tmp_path / "noted-split.json").write_text(json.dumps({"a": "test", "b": "train"}))
    older = dataset(tmp_path, {"b": {"split": "none", "state": "/elsewhere"}, "c": {"segments": [[1, 2]]}, "d": {}})
    expected = {"a": {"segments": [[0, 10]], "split": "test"}, "b": {"split": "none"}, "c": {"segments": [[1, 2]]}}
    assert read_listing(older) == expected
    write_listing(older, {})
    assert [path.name for path in tmp_path.iterdir()] == ["listing.json"]
    assert read_listing(dataset(tmp_path)) == expected


def test_a_listing_that_is_something_else_is_named(tmp_path: Path) -> None:
    (tmp_path / "listing.json").write_text("{torn")
    with pytest.raises(UsageError, match=r"listing\.json: expected what tables say of videos"):
        read_listing(dataset(tmp_path))


def test_a_digit_that_rotted_is_no_other_segment(tmp_path: Path) -> None:
    """A kind of F13: clips would have been cut elsewhere, without a word."""
    said: dict[str, Any] = {"a": {"segments": [[10, 20]]}, "checksum": {"split": "test"}}
    write_listing(dataset(tmp_path), said)
    assert read_listing(dataset(tmp_path)) == said
    path = tmp_path / "listing.json"
    path.write_text(path.read_text().replace("10", "30"))
    with pytest.raises(UsageError, match=r"listing\.json: .*checksum"):
        read_listing(dataset(tmp_path))


def test_a_listing_of_an_earlier_version_had_no_checksum(tmp_path: Path) -> None:
    said: dict[str, Any] = {"a": {"segments": [[10, 20]]}, "checksum": {"split": "test"}}
    (tmp_path / "listing.json").write_text(json.dumps(said))
    assert read_listing(dataset(tmp_path)) == said


def test_an_id_that_rotted_is_no_other_id(tmp_path: Path) -> None:
    known = {"d1": ("v-old", ""), "d2": ("watch", "watch")}
    kept_ids.write(dataset(tmp_path), known)
    path = tmp_path / kept_ids.NAME
    assert kept_ids.read(dataset(tmp_path)) == known
    path.write_text(path.read_text().replace("v-old", "v-odd"))
    with pytest.raises(UsageError, match="expected ids of addresses"):
        kept_ids.read(dataset(tmp_path))
    path.write_text(json.dumps([{"address": "d1", "id": "v-old", "name": ""}]))
    assert kept_ids.read(dataset(tmp_path)) == {"d1": ("v-old", "")}
