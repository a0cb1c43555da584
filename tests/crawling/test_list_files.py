"""Lists as people and their programs write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from yt360.crawling.list_files import read_lines, without_note
from yt360.crawling.sources import expand_sources
from yt360.crawling.tables import read_table
from yt360.errors import UsageError

IDS = ["dQw4w9WgXcQ", "-oytwMeyR74"]
TEXT = "# héading\n\ndQw4w9WgXcQ\n  -oytwMeyR74\t\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends(tmp_path: Path, encoding: str, end: str) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(TEXT.replace("\n", end).encode(encoding))
    assert [text for _, text in read_lines(path)] == IDS
    assert [number for number, _ in read_lines(path)] == [3, 4]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_tables_too(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "t.tsv"
    path.write_bytes("video\tstart\nAAAAAAAAAAA\t3\n".encode(encoding))
    assert read_table(path)["AAAAAAAAAAA"].segments == [[3, 13]]


@pytest.mark.parametrize("name", ["list.txt", "table.csv"])
def test_text_with_zero_bytes_is_refused_by_its_encoding(tmp_path: Path, name: str) -> None:
    """It was shown as `found '��dQw4w9WgXcQ'`, without a word on why."""
    path = tmp_path / name
    path.write_bytes("video\ndQw4w9WgXcQ\n".encode("utf-16-le"))
    with pytest.raises(UsageError, match="UTF-16"):
        list(read_table(path) if name.endswith("csv") else read_lines(path))


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.txt.*can be read"):
        list(read_lines(tmp_path / "none.txt"))


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("dQw4w9WgXcQ # a nice one", "dQw4w9WgXcQ"),
        ("https://youtu.be/dQw4w9WgXcQ\t# tab", "https://youtu.be/dQw4w9WgXcQ"),
        ("https://youtu.be/dQw4w9WgXcQ#t=3", "https://youtu.be/dQw4w9WgXcQ#t=3"),
        ('"https://youtu.be/dQw4w9WgXcQ"', "https://youtu.be/dQw4w9WgXcQ"),
        ("'dQw4w9WgXcQ'  # quoted", "dQw4w9WgXcQ"),
        ('"a" "b"', '"a" "b"'),
        ("a#b", "a#b"),
    ],
)
def test_a_comment_behind_a_video_and_quotes_around_it(line: str, meant: str) -> None:
    assert without_note(line) == meant


def test_a_file_may_be_called_like_a_comment(tmp_path: Path) -> None:
    (tmp_path / "walk #2.mp4").write_bytes(b"x")
    (tmp_path / "list.txt").write_text("walk #2.mp4\ndQw4w9WgXcQ #2\n")
    found = list(expand_sources(str(tmp_path / "list.txt"), lambda _: iter(())))
    assert [target.name for target in found] == ["walk #2", "dQw4w9WgXcQ"]


@pytest.mark.parametrize("line", ["dQw4w9WgXcQ,AAAAAAAAAAA", "dQw4w9WgXcQ train", "dQw4w9WgXcQ 0,10,20", "; comment"])
def test_a_refused_line_is_told_what_a_line_may_be_and_no_more(tmp_path: Path, line: str) -> None:
    """The whole list of what `crawl.source` may be stood before each `found`."""
    (tmp_path / "list.txt").write_text(f"dQw4w9WgXcQ\n{line}\n")
    with pytest.raises(UsageError, match=r"line 2: expected one video a line") as refused:
        list(expand_sources(str(tmp_path / "list.txt"), lambda _: iter(())))
    assert f"found {line!r}" in str(refused.value)
    assert len(str(refused.value)) < 400
