"""The table that a root is rebuilt from: videos keep their published ids, times their thousandths."""

from __future__ import annotations

from pathlib import Path

import pytest

from yt360.crawling.tables import read_table
from yt360.rebuild.source_table import source_of, target_of, write_table
from yt360.release.reading import PublishedClip


def clip(video: str, start_s: float, duration_s: float = 10.0, address: str = "", **more: str) -> PublishedClip:
    return PublishedClip(
        f"{video}-{start_s:g}", video, more.pop("split", "train"), start_s, duration_s, address, **more
    )


@pytest.mark.parametrize(
    ("video", "address", "source"),
    [
        ("-oytwMeyR74", "", "-oytwMeyR74"),
        ("-oytwMeyR74", "https://www.youtube.com/watch?v=-oytwMeyR74", "-oytwMeyR74"),
        ("mine", "https://www.youtube.com/watch?v=-oytwMeyR74", "mine=https://www.youtube.com/watch?v=-oytwMeyR74"),
        ("a", "https://vimeo.com/1", "a=https://vimeo.com/1"),
        ("a", "https://h/p.mp4 https://h/s.m4a", "a=https://h/p.mp4 https://h/s.m4a"),
        ("not-an-id", "", ""),
    ],
)
def test_a_video_is_named_so_that_it_keeps_its_id(video: str, address: str, source: str) -> None:
    assert source_of(clip(video, 0, address=address)) == source


def test_what_is_written_is_what_the_crawl_reads(tmp_path: Path) -> None:
    clips = [
        clip("-oytwMeyR74", 133.0),
        clip("-oytwMeyR74", 12345.678, 9.875),
        clip("a", 0.0, address="https://vimeo.com/1", split="validation", convention="n3d"),
        clip("gone-part", 3.0, address="https://vimeo.com/2"),
    ]
    path = tmp_path / "list.tsv"
    write_table(path, clips, {one.clip: one.start_s for one in clips[:3]})
    rows = read_table(path)
    assert list(rows) == ["-oytwMeyR74", "a=https://vimeo.com/1"], "a clip without a place is not cut"
    assert rows["-oytwMeyR74"].segments == [[133.0, 143.0], [12345.678, 12355.553]]
    assert (rows["a=https://vimeo.com/1"].split, rows["a=https://vimeo.com/1"].convention) == ("validation", "n3d")


def test_a_list_without_sides_is_one_of_training(tmp_path: Path) -> None:
    write_table(tmp_path / "list.tsv", [clip("-oytwMeyR74", 0, split="all")], {"-oytwMeyR74-0": 0.0})
    assert read_table(tmp_path / "list.tsv")["-oytwMeyR74"].split == "train"


def test_equal_tables_are_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "list.tsv"
    write_table(path, [clip("-oytwMeyR74", 0)], {"-oytwMeyR74-0": 0.0})
    before = path.stat().st_mtime_ns
    write_table(path, [clip("-oytwMeyR74", 0)], {"-oytwMeyR74-0": 0.0})
    assert path.stat().st_mtime_ns == before


@pytest.mark.parametrize("address", ["", "https://youtu.be/-oytwMeyR74", "https://www.youtube.com/embed/-oytwMeyR74"])
def test_a_takedown_finds_a_youtube_video_under_every_address(address: str) -> None:
    target = target_of(clip("-oytwMeyR74", 0, address=address))
    assert target.identity == {"source": "youtube", "video": "-oytwMeyR74"}
