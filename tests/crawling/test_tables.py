"""Tables of segments, and the list published in 2020."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import SHARED
from yt360.crawling.sources import expand_sources
from yt360.crawling.tables import published, read_table
from yt360.crawling.targets import CrawlTarget
from yt360.errors import UsageError

FACTS = SHARED / "yt360-2020"


def _nothing(url: str) -> Iterator[CrawlTarget]:
    raise AssertionError(url)


def test_published_list_has_its_known_numbers() -> None:
    rows = published()
    train, test = [r for r in rows if r.split == "train"], [r for r in rows if r.split == "test"]
    assert (len(train), len(test)) == (4506, 1000)
    assert sum(len(row.segments) for row in train) == 73_635
    assert sum(len(row.segments) for row in test) == 15_119
    assert len(published("none")) == 217
    assert sum(len(row.segments) for part in ("", "none") for row in published(part)) == 91_176
    assert len({row.video for part in ("", "none") for row in published(part)}) == 5723


@pytest.mark.skipif(not FACTS.is_dir(), reason="the published files are not beside this checkout")
def test_published_list_is_that_of_the_released_files() -> None:
    starts = dict(line.split() for line in (FACTS / "segments.txt").read_text().splitlines())
    for part in ("train", "test"):
        rows = published(part)
        assert [row.video for row in rows] == (FACTS / f"{part}.txt").read_text().split()
        assert all(",".join(f"{s:.0f}" for s, _ in row.segments) == starts[row.video] for row in rows)
    assert all(end - start == 10 for row in published() for start, end in row.segments)


def test_published_list_is_a_source() -> None:
    targets = list(expand_sources("yt360-2020:test", _nothing))
    assert len(targets) == 1000
    item = targets[0].item()
    assert item.id == "XAmMrXLVJj4"
    assert targets[0].notes["split"] == "test"
    assert targets[0].notes["segments"][0][1] - targets[0].notes["segments"][0][0] == 10
    assert "segments" not in item.meta
    with pytest.raises(UsageError, match="expected train, test or none"):
        list(expand_sources("yt360-2020:dev", _nothing))


def test_row_a_segment(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(
        "# YTID, start_seconds, end_seconds, labels\n"
        'AAAAAAAAAAA, 30.000, 40.000, "/m/1,/m/2"\n'
        "BBBBBBBBBBB, 5, , x\n"
        "AAAAAAAAAAA, 10, 20\n"
    )
    rows = read_table(tmp_path / "t.csv")
    assert list(rows) == ["AAAAAAAAAAA", "BBBBBBBBBBB"]
    assert rows["AAAAAAAAAAA"].segments == [[30, 40], [10, 20]]
    assert rows["BBBBBBBBBBB"].segments == [[5, 15]]


def test_table_may_name_addresses_and_files(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"x")
    (tmp_path / "t.tsv").write_text("url\tsplit\nhttps://youtu.be/AAAAAAAAAAA\ttest\na.mp4\ttrain\n")
    targets = list(expand_sources(str(tmp_path / "t.tsv"), _nothing))
    assert [target.name for target in targets] == ["AAAAAAAAAAA", "a"]
    assert [target.notes["split"] for target in targets] == ["test", "train"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "found none"),
        ("a,b,c\n1,2,3\n", "line 1: expected column names"),
        ("video,start\nAAAAAAAAAAA,soon\n", "line 2: expected seconds, found 'soon'"),
        ("video,start,end\nAAAAAAAAAAA,9,3\n", "line 2: expected an end after the start"),
        ("video,split\nA,train\nA,test\n", "line 3: expected one side"),
        ("video,start\n,4\n", "line 2: expected a video"),
        ("video,start\nAAAAAAAAAAA,nan\n", "expected seconds"),
    ],
)
def test_what_is_wrong_is_named_by_its_line(tmp_path: Path, text: str, found: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(UsageError, match=r"t\.csv") as raised:
        read_table(tmp_path / "t.csv")
    assert found in str(raised.value)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_a_table_or_wrong_use(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_text("video,start,end\n" + text, encoding="utf-8", errors="replace")
    try:
        rows = read_table(path)
    except UsageError:
        return
    assert all(row.video and all(end > start >= 0 for start, end in row.segments) for row in rows.values())
