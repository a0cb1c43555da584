"""Tables of segments, and the list published in 2020."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import SHARED
from yt360.crawling.listing import Listed
from yt360.crawling.sources import expand_sources
from yt360.crawling.tables import published, read_table
from yt360.crawling.targets import CrawlTarget, page
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


@pytest.mark.parametrize(
    "listed",
    [
        "https://www.youtube.com/playlist?list=PL123", "https://www.youtube.com/@somebody", "youtube.com/channel/UC123",
        "ytsearch5:spatial audio", "https://www.youtube.com/embed/videoseries?list=PL123", "folder",
    ],
)  # fmt: skip
def test_segments_of_a_row_are_never_those_of_every_video_of_a_list(tmp_path: Path, listed: str) -> None:
    asked = []

    def expand(address: str) -> Iterator[CrawlTarget]:
        asked.append(address)
        for name in ("LISTED00001", "LISTED00002"):
            yield page("youtube", name, f"https://www.youtube.com/watch?v={name}")

    (tmp_path / "folder").mkdir()
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / "folder" / name).write_bytes(b"x")
    table = tmp_path / "t.tsv"
    table.write_text(f"video\tstart\tend\nAAAAAAAAAAA\t0\t4\n{listed}\t0\t4\n")
    with pytest.raises(UsageError, match=r"t\.tsv, line 3: .*one video where segments are given, found a list"):
        list(expand_sources(str(table), expand))
    assert asked == []  # refused before anything is asked of the site
    table.write_text(f"video\tsplit\n{listed}\ttest\n")
    found = list(expand_sources(str(table), expand))
    assert [target.notes for target in found] == [{"split": "test"}] * 2


def test_an_address_of_a_video_within_a_playlist_is_that_video(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("url,start,end\nhttps://www.youtube.com/watch?v=AAAAAAAAAAA&list=PL123,0,4\n")
    (target,) = expand_sources(str(table), _nothing)
    assert (target.name, target.notes["segments"]) == ("AAAAAAAAAAA", [[0, 4]])


def test_table_may_name_addresses_and_files(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"x")
    (tmp_path / "t.tsv").write_text("url\tsplit\nhttps://youtu.be/AAAAAAAAAAA\ttest\na.mp4\ttrain\n")
    targets = list(expand_sources(str(tmp_path / "t.tsv"), _nothing))
    assert [target.name for target in targets] == ["AAAAAAAAAAA", "a"]
    assert [target.notes["split"] for target in targets] == ["test", "train"]


def test_sides_are_the_same_in_any_case(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(f"video,split,start\n{ID},TEST,0\n{ID}, Test ,20\n")
    assert [row.split for row in read_table(tmp_path / "t.csv").values()] == ["test"]


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
        ("video,start,end\nAAAAAAAAAAA,3,3\n", "line 2: expected an end after the start"),
        ("video,start\nAAAAAAAAAAA,10000000\n", "line 2: expected seconds"),
        ("video,start,start_time\nAAAAAAAAAAA,5,7\n", "line 2: expected one column of each meaning, found start and"),
        ("video,start,Start\nAAAAAAAAAAA,5,5\n", "line 1: expected each column once, found 'start' 2 times"),
        ("video,start,duration\nAAAAAAAAAAA,5,10\n", "line 1: expected known column names, found 'duration'"),
        ("video;start\nAAAAAAAAAAA;5\n", "separated by commas"),
        ("video,split\nAAAAAAAAAAA,test set\n", "line 2: expected a side of the split in up to 20 letters"),
        ("video,split\nAAAAAAAAAAA,../../x\n", "line 2: expected a side of the split"),
        ("video,split,subset\nAAAAAAAAAAA,train,test\n", "line 2: expected one column of each meaning"),
    ],
)
def test_what_is_wrong_is_named_by_its_line(tmp_path: Path, text: str, found: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(UsageError, match=r"t\.csv") as raised:
        read_table(tmp_path / "t.csv")
    assert found in str(raised.value)


@pytest.mark.parametrize(
    ("name", "text", "right"),
    [
        ("t.TSV", "video\tstart\nAAAAAAAAAAA\t0\n", [[0, 10]]),
        ("t.csv", "video,start,end,duration\nAAAAAAAAAAA,1,3,60\n", [[1, 3]]),
        ("t.csv", "video,duration\nAAAAAAAAAAA,60\n", []),
        ("t.csv", "video,start,start_time,end\nAAAAAAAAAAA,1,1,3\n", [[1, 3]]),
        ("t.csv", "video,start\n,\n\nAAAAAAAAAAA,9999999\n , \n", [[9999999, 10000009]]),
        ("t.csv", 'video,starts\nAAAAAAAAAAA,"0,5"\n', [[0, 10], [5, 15]]),
        ("t.csv", "text,video,text\na,AAAAAAAAAAA,b\n", []),
    ],
)
def test_columns_that_say_the_same_or_nothing_are_no_fault(
    tmp_path: Path, name: str, text: str, right: list[list[float]]
) -> None:
    (tmp_path / name).write_text(text)
    assert read_table(tmp_path / name)["AAAAAAAAAAA"].segments == right


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


def _notes(*sources: Path) -> dict[str, dict[str, object]]:
    listed = Listed()
    list(expand_sources([str(source) for source in sources], _nothing, listed.note))
    return listed.said


ID = "dQw4w9WgXcQ"


def test_rows_of_one_video_are_joined_whatever_their_spelling(tmp_path: Path) -> None:
    """Segments of the second spelling, and of the second table, were lost in silence."""
    (tmp_path / "m.mkv").write_bytes(b"x")
    first, second, ids = tmp_path / "a.csv", tmp_path / "b.csv", tmp_path / "ids.txt"
    first.write_text("video,start,end\nm.mkv,0,4\n./m.mkv,4,8\nm.mkv,0,4\n")
    second.write_text("video,start,end\nm.mkv,8,12\n")
    ids.write_text("m.mkv\n")
    assert _notes(first)["m"] == {"segments": [[0, 4], [4, 8]]}
    assert _notes(ids, first, second)["m"] == {"segments": [[0, 4], [4, 8], [8, 12]]}
    rows = [f"https://www.youtube.com/watch?v={ID}&t={at}s,{at},{at + 10},train" for at in (0, 10, 20)]
    first.write_text("\n".join(["video,start,end,split", *rows]))
    assert _notes(first)[ID] == {"segments": [[0, 10], [10, 20], [20, 30]], "split": "train"}


def test_a_video_on_both_sides_is_refused_over_spellings_and_tables(tmp_path: Path) -> None:
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    first.write_text(f"video,split\n{ID},train\n")
    second.write_text(f"video,split\nhttps://youtu.be/{ID},test\n")
    with pytest.raises(UsageError, match="one side of the split for a video, found train and test"):
        _notes(first, second)
    first.write_text(f"video,split\nhttps://youtu.be/{ID},train\n{ID},test\n")
    with pytest.raises(UsageError, match="found train and test"):
        _notes(first)


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("label,youtube_id,time_start,time_end,split,is_cc", f"dog,{ID},5,15,train,0"),
        ("youtubeid,videoid,caption,tstart,tend,fps,totalframes", f'{ID},{ID}_clip_0_019,"a, b",5,15,20.0,26450.0'),
        ("YouTubeID,tStart,tEnd", f"{ID},5,15"),
        ("YouTube ID,start,end", f"{ID},5,15"),
        ("video_id,start_sec,end_sec", f"{ID},5,15"),
        ("id,url,begin,stop", f"1,https://youtu.be/{ID},5,15"),
        ("# YTID, start_seconds, end_seconds, positive_labels", f'{ID}, 5.000, 15.000, "/m/1,/m/2"'),
        ("video,start,end,duration", f"{ID},5,15,300"),
    ],
)
def test_column_names_of_published_tables_are_understood(tmp_path: Path, header: str, row: str) -> None:
    """Kinetics' and Imagine360's own names were ignored: whole videos in place of the segments."""
    (tmp_path / "t.csv").write_text(f"{header}\n{row}\n")
    assert _notes(tmp_path / "t.csv")[ID]["segments"] == [[5, 15]]
    (tmp_path / "UPPER.TSV").write_text(f"video\tstart\tend\n{ID}\t5\t15\n")
    assert _notes(tmp_path / "UPPER.TSV")[ID]["segments"] == [[5, 15]]


@pytest.mark.parametrize("header", ["video,from_s,to_s", "video,begin,duration", "video,clip_start,clip_end"])
def test_an_unknown_column_is_refused_by_name(tmp_path: Path, header: str) -> None:
    (tmp_path / "t.csv").write_text(f"{header}\n{ID},5,15\n")
    with pytest.raises(UsageError, match="line 1: expected known column names") as refused:
        read_table(tmp_path / "t.csv")
    assert repr(header.split(",")[-1]) in str(refused.value)


def test_a_wrong_video_is_named_by_its_line(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(f"video,start\n{ID},5\nno such file.mkv,4\n")
    with pytest.raises(UsageError, match="line 3"):
        _notes(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("id,url", "AAAAAAAAAAA,https://youtu.be/BBBBBBBBBBB"),
        ("url,video_id", "https://www.youtube.com/watch?v=BBBBBBBBBBB&t=3,AAAAAAAAAAA"),
        ("youtube_id,video", "AAAAAAAAAAA,BBBBBBBBBBB"),
        ("video,url", "https://yewtu.be/watch?v=AAAAAAAAAAA,https://youtu.be/BBBBBBBBBBB"),
    ],
)
def test_columns_of_a_row_that_name_two_videos_are_refused(tmp_path: Path, header: str, row: str) -> None:
    """Bug report 3: the address won without a word, and with it went the other video's segments."""
    (tmp_path / "t.csv").write_text(f"{header},start\n{row},10\n")
    with pytest.raises(UsageError, match=r"line 2: expected one video, found [AB]+ \(.+\) and [AB]+ \(.+\)"):
        read_table(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("id,url", "00000000017,https://youtu.be/BBBBBBBBBBB"),
        ("id,url", "17,https://youtu.be/BBBBBBBBBBB"),
        ("url,youtube_id", "https://www.youtube.com/embed/BBBBBBBBBBB,BBBBBBBBBBB"),
        ("id,url", ",https://youtu.be/BBBBBBBBBBB"),
    ],
)
def test_columns_of_a_row_that_name_one_video_are_one(tmp_path: Path, header: str, row: str) -> None:
    (tmp_path / "t.csv").write_text(f"{header}\n{row}\n")
    assert [target.item().id for target in expand_sources(str(tmp_path / "t.csv"), _nothing)] == ["BBBBBBBBBBB"]
