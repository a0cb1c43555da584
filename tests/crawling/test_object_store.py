"""Media files in a store, by fsspec; its memory file system and its local one stand in for a bucket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from tests.stages.fakes import context
from yt360.crawling.failures import CrawlError
from yt360.crawling.object_store import take
from yt360.crawling.sources import expand_sources
from yt360.crawling.targets import CrawlTarget
from yt360.engine.stage import Done
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.storage import Root
from yt360.errors import UsageError
from yt360.stages.crawl import Crawl, CrawlParams


def _nothing(url: str) -> Iterator[CrawlTarget]:
    raise AssertionError(url)


@pytest.fixture
def bucket() -> Iterator[str]:
    memory = fsspec.filesystem("memory")
    files = {"a.f137.mp4": b"pp", "a.f327.m4a": b"s", "sub/b.webm": b"bbb", "notes.txt": b"n", ".hidden/c.mp4": b"c"}
    for name, data in files.items():
        memory.pipe(f"/bucket/set/{name}", data)
    yield "memory://bucket/set"
    memory.rm("/bucket", recursive=True)


def test_prefix_is_paired_like_a_folder(bucket: str) -> None:
    found = {target.name: dict(target.where) for target in expand_sources(bucket, _nothing)}
    assert {name: sorted(where) for name, where in found.items()} == {
        "a": ["sound_stored", "video_stored"],
        "sub/b": ["video_stored"],
    }


def test_single_file_of_a_store(bucket: str) -> None:
    (target,) = expand_sources(f"{bucket}/sub/b.webm", _nothing)
    assert target.name == "b"
    with pytest.raises(UsageError, match="expected a media file"):
        list(expand_sources(f"{bucket}/notes.txt", _nothing))


def test_files_arrive_whole(bucket: str, tmp_path: Path) -> None:
    root = Root(tmp_path / "root")
    root.create()
    stage = Crawl(CrawlParams(source=bucket))
    items = list(stage.plan(DatasetState(root, [stage])))
    (tmp_path / "work").mkdir()
    outcome = stage.process(items[0], context(tmp_path / "work"))
    assert isinstance(outcome, Done)
    assert outcome.outputs == {"video": "video.mp4", "sound": "sound.m4a", "info": "info.json"}
    assert (tmp_path / "work" / "video.mp4").read_bytes() == b"pp"
    assert stage.key(items[0]) == Crawl(CrawlParams(projection="mesh")).key(items[0])


def test_replaced_file_is_another_file(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"old")
    (before,) = expand_sources(f"local://{tmp_path}", _nothing)
    (tmp_path / "a.mp4").write_bytes(b"newer")
    (after,) = expand_sources(f"local://{tmp_path}", _nothing)
    assert before.name == after.name == "a"
    assert before.identity != after.identity


@pytest.mark.parametrize(("data", "kind"), [(None, "not-found"), (b"", "empty-file")])
def test_missing_or_empty_file_fails_by_name(tmp_path: Path, data: bytes | None, kind: str) -> None:
    if data is not None:
        (tmp_path / "a.mp4").write_bytes(data)
    with pytest.raises(CrawlError, match=r"a\.mp4") as raised:
        take(f"local://{tmp_path}/a.mp4", tmp_path / "out.mp4")
    assert raised.value.kind == kind


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("memory://empty", "no files"),
        ("nosuchthing://x/y", "a store that fsspec knows"),
        ("local:///no/such/folder", "found"),
    ],
)
def test_what_cannot_be_listed_is_wrong_use(source: str, found: str) -> None:
    with pytest.raises(UsageError, match=r"expected") as raised:
        list(expand_sources(source, _nothing))
    assert found in str(raised.value)
