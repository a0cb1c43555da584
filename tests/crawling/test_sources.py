"""What a person may write as ``crawl.source``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from yt360.crawling import sources
from yt360.crawling.sources import expand_sources
from yt360.crawling.targets import CrawlTarget, page
from yt360.crawling.youtube import youtube_id
from yt360.errors import UsageError

LISTED: list[str] = []


def _expand(url: str) -> Iterator[CrawlTarget]:
    LISTED.append(url)
    for name in ("LISTED00001", "LISTED00002"):
        yield page("youtube", name, f"https://www.youtube.com/watch?v={name}")


def _names(source: str | list[str]) -> list[str]:
    return [target.name for target in expand_sources(source, _expand)]


def _targets(source: str | list[str]) -> list[CrawlTarget]:
    return list(expand_sources(source, _expand))


@pytest.mark.parametrize(
    "text",
    [
        "dQw4w9WgXcQ",
        "https://www.youtube.com/watch?v=dQw4w9WgXcQ",
        "https://www.youtube.com/watch?v=dQw4w9WgXcQ&list=PL123&t=4s",
        "https://youtu.be/dQw4w9WgXcQ?si=x",
        "http://m.youtube.com/watch?v=dQw4w9WgXcQ",
        "https://www.youtube.com/shorts/dQw4w9WgXcQ",
        "https://www.youtube-nocookie.com/embed/dQw4w9WgXcQ",
        "https://www.youtube.com/live/dQw4w9WgXcQ?feature=share",
    ],
)
def test_all_ways_to_name_a_video(text: str) -> None:
    (target,) = _targets(text)
    assert target.name == "dQw4w9WgXcQ"
    assert target.where == {"page": "https://www.youtube.com/watch?v=dQw4w9WgXcQ"}
    assert target.identity["source"] == "youtube"


@pytest.mark.parametrize(
    "text",
    [
        "ytsearch50:spatial audio 360",
        "ytsearch:x",
        "ytsearchdate5:x",
        "https://www.youtube.com/results?search_query=360&sp=EgJ4AQ%3D%3D",
        "https://www.youtube.com/@someone",
        "https://www.youtube.com/@someone/videos",
        "https://www.youtube.com/channel/UC123",
        "https://www.youtube.com/playlist?list=PL123",
    ],
)
def test_searches_channels_and_playlists_are_listed(text: str) -> None:
    LISTED.clear()
    assert _names(text) == ["LISTED00001", "LISTED00002"]
    assert [text] == LISTED


def test_list_file(tmp_path: Path) -> None:
    (tmp_path / "near.mp4").write_bytes(b"x")
    (tmp_path / "list.txt").write_text(
        "\ufeff# a comment\n\n"
        "dQw4w9WgXcQ\n"
        "-oytwMeyR74\n"
        "http://h.test/pictures/one.webm?x=1\n"
        "http://h.test/a.mp4 http://h.test/a.wav\n"
        "http://h.test/b.wav http://h.test/b.mp4\n"
        "mine = http://h.test/c.mp4\n"
        "pair=http://h.test/d.bin http://h.test/e.bin\n"
        "near.mp4\n"
        "ytsearch2:drums\n"
    )
    targets = {target.name: dict(target.where) for target in _targets(str(tmp_path / "list.txt"))}
    assert [name.partition("-")[0] if name[:1] in "oab" else name for name in targets] == [
        "dQw4w9WgXcQ", "-oytwMeyR74", "one", "a", "b", "mine", "pair", "near", "LISTED00001", "LISTED00002",
    ]  # fmt: skip
    targets |= {name.partition("-")[0]: where for name, where in targets.items()}
    assert targets["a"] == {"video": "http://h.test/a.mp4", "sound": "http://h.test/a.wav"}
    assert targets["b"] == {"video": "http://h.test/b.mp4", "sound": "http://h.test/b.wav"}
    assert targets["mine"] == {"video": "http://h.test/c.mp4"}
    assert targets["pair"] == {"video": "http://h.test/d.bin", "sound": "http://h.test/e.bin"}
    assert targets["near"] == {"video_file": str(tmp_path / "near.mp4")}


def test_each_video_once_in_the_order_of_the_source() -> None:
    assert _names(["BBBBBBBBBBB", "AAAAAAAAAAA", "https://youtu.be/BBBBBBBBBBB"]) == ["BBBBBBBBBBB", "AAAAAAAAAAA"]


@pytest.mark.parametrize("at_once", [1, 2, 100])
def test_ids_of_a_list_come_many_at_once_in_order_and_each_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(sources, "_IDS_AT_ONCE", at_once)
    a, b, c, d = (letter * 11 for letter in "ABCD")
    lines = [a, b, a, f"https://youtu.be/{c}", c, b, f"x=https://youtu.be/{d}", d]
    (tmp_path / "list.txt").write_text("\n".join(lines) + "\n")
    assert _names(str(tmp_path / "list.txt")) == [a, b, c, "x", d]
    blocks = list(sources.expand_in_blocks(str(tmp_path / "list.txt"), _expand))
    sizes = [len(found) if isinstance(found, list) else 0 for found in blocks]
    assert sizes == {1: [1, 1, 0, 0, 1], 2: [2, 0, 0, 1], 100: [2, 0, 0, 1]}[at_once]
    assert _names([str(tmp_path / "list.txt")] * 2) == [a, b, c, "x", d]


def test_an_id_that_is_the_name_of_another_video_is_refused_among_many_too(tmp_path: Path) -> None:
    a, b = "A" * 11, "B" * 11
    (tmp_path / "list.txt").write_text(f"{a}=https://youtu.be/{b}\n{b}\n{a}\n")
    with pytest.raises(UsageError, match=f"another video of this source has the id '{a}' too"):
        _names(str(tmp_path / "list.txt"))


def test_ids_that_get_another_name_come_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("AAAAAAAAAAA\nBBBBBBBBBBB\n")
    found = sources.expand_in_blocks(
        str(tmp_path / "list.txt"), _expand, renamed=lambda target: replace(target, name=target.name.lower())
    )
    assert [target.name for target in found if isinstance(target, CrawlTarget)] == ["aaaaaaaaaaa", "bbbbbbbbbbb"]


def test_the_port_of_a_server_is_no_part_of_a_file_s_identity() -> None:
    (before,) = _targets("http://127.0.0.1:4000/w/a.mp4")
    (after,) = _targets("http://127.0.0.1:5000/w/a.mp4")
    assert (before.name, before.identity) == (after.name, after.identity)


A, B, C = "http://h.test/x/v.mkv", "http://h.test/y/v.mkv", "http://g.test/x/v.mkv"


@pytest.mark.parametrize("order", [(A, B, C), (C, A, B), (B,), (B, A), (C, B, A, A)])
def test_an_id_is_a_function_of_the_address_alone(order: tuple[str, ...]) -> None:
    """F6: with the list in another order the second was crawled twice, the third never, and no word was said."""
    alone = {url: _targets(url)[0].name for url in (A, B, C)}
    assert len(set(alone.values())) == 3
    found = {next(iter(target.where.values())): target.name for target in _targets(list(order))}
    assert found == {url: alone[url] for url in order}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://h.test/v.mp4?x=1", "http://h.test/v.mp4?x=2"),
        ("http://h.test/v.mp4", "http://h.test/v.mp4?"),
        ("http://h.test/a/v.mp4", "http://h.test/b/v.mp4"),
        ("http://h.test/v.mp4", "http://i.test/v.mp4"),
        ("http://h.test/v.mp4", "http://h.test/V.mp4"),
    ],
)
def test_what_an_address_points_at_is_its_host_path_and_query(one: str, other: str) -> None:
    same = other.removesuffix("?") == one
    assert (_names(one) == _names(other)) is same
    assert _names(one) == _names(one.replace("http://", "https://").replace(".test", ".TEST:8080"))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([f"http://{h}.test/{p}/v.mkv" for h in "ab" for p in "xyz"]), min_size=1), st.randoms())
def test_ids_do_not_depend_on_order_or_company(urls: list[str], random: Random) -> None:
    alone = {url: _names(url)[0] for url in urls}
    shuffled = random.sample(urls, len(urls))
    found = {target.where["video"]: target.name for target in _targets(shuffled)}
    assert found == alone
    assert len(set(alone.values())) == len(alone)


def test_of_two_sounds_the_first_stands_for_the_picture(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("http://h.test/a.wav http://h.test/b.wav\n")
    (target,) = _targets(str(tmp_path / "list.txt"))
    assert target.where == {"video": "http://h.test/a.wav", "sound": "http://h.test/b.wav"}


def test_pages_that_end_alike_are_two_videos_and_equal_names_are_refused(caplog: pytest.LogCaptureFixture) -> None:
    assert len(set(_names(["https://h.test/a/watch", "https://h.test/b/watch"]))) == 2
    with caplog.at_level("INFO", "yt360.crawl"):
        _names([A, B])
    assert "1 file names stand in several addresses of the source (v)" in caplog.text


@pytest.mark.parametrize(
    "lines", [f"A={A}\nA={B}\n", "A=https://youtu.be/AAAAAAAAAAA\nA=https://youtu.be/BBBBBBBBBBB\n"]
)
def test_one_name_for_two_videos_is_refused(tmp_path: Path, lines: str) -> None:
    """F6: the second was dropped in silence."""
    (tmp_path / "list.txt").write_text(lines)
    with pytest.raises(UsageError, match="another video of this source has the id 'A'"):
        _names(str(tmp_path / "list.txt"))


@pytest.mark.parametrize("other", ["file", "address"])
def test_file_and_address_of_one_name_are_never_mixed_up(tmp_path: Path, other: str) -> None:
    (tmp_path / "a.mp4").write_bytes(b"x")
    both = [str(tmp_path / "a.mp4"), "http://h.test/a.mp4"]
    assert len(set(_names(both if other == "file" else both[::-1]))) == 2


@pytest.mark.parametrize(
    "line",
    [
        "https://user:CANARY@h.test/a.mp4",
        "https://user:CAN/ARY@h.test/a.mp4",
        "mine=https://user:CANARY@h.test/a.mp4",
        "https://h.test/a.mp4?token=CANARY",
        "https://h.test/a.mp4?x=1&X-Amz-Signature=CANARY",
        "https://h.test/watch?v=1&api_key=CANARY",
        "s3://KEY:CANARY@bucket/prefix",
        "https://h.test/a.mp4 https://h.test/a.wav?sig=CANARY",
        "https://h.test/CANARY/a.mp4?key=1",
        "https://h.test/a.mp4?policy=CANARY&hdnts=1",
    ],
)
def test_an_address_with_a_secret_is_refused_without_repeating_it(tmp_path: Path, line: str) -> None:
    """F12: it became the id: folder names, ledger, plans, logs, manifests."""
    (tmp_path / "list.txt").write_text(f"dQw4w9WgXcQ\n{line}\n")
    with pytest.raises(UsageError, match="line 2") as refused:
        _names(str(tmp_path / "list.txt"))
    assert "CAN" not in str(refused.value)
    assert "$MY_TOKEN" in str(refused.value)


@pytest.mark.parametrize(
    "line",
    [
        "http://[::1",
        "https://[h.test/a.mp4",
        "http://h.test:99999/a.mp4",
        "a=https://[h/a.mp4",
        "https://",
        "x=http:///a",
    ],
)
def test_a_malformed_address_is_named_by_its_line(tmp_path: Path, line: str) -> None:
    """F23: it ended in a traceback."""
    (tmp_path / "list.txt").write_text(f"dQw4w9WgXcQ\n{line}\n")
    with pytest.raises(UsageError, match=r"line 2.*expected an address"):
        _names(str(tmp_path / "list.txt"))


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("", "crawl.source is empty"),
        ("/no/such/folder", "no file or folder of that name"),
        ("list-of-ids.txt", "no file or folder of that name"),
        ("hello world", "found 'hello world'"),
        ("gopher://h.test/a.mp4", "expected an http or https address"),
    ],
)
def test_wrong_source_says_what_was_expected(source: str, found: str) -> None:
    with pytest.raises(UsageError, match=r"expected|empty") as raised:
        _names(source)
    assert found in str(raised.value)


@pytest.mark.parametrize("line", ["hello world", "a b c", "http://h.test/a.mp4 and more", "x=nothing"])
def test_wrong_line_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "list.txt").write_text(f"dQw4w9WgXcQ\n{line}\n")
    with pytest.raises(UsageError, match="line 2"):
        _names(str(tmp_path / "list.txt"))


def test_list_without_lines_is_wrong_use(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("# nothing yet\n")
    with pytest.raises(UsageError, match="found none"):
        _names(str(tmp_path / "list.txt"))


def test_an_id_in_a_list_is_a_folder_where_one_is_called_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = tmp_path / "ids.txt"
    listed.write_text("dQw4w9WgXcQ\naqz-KE-bpKQ\n")
    (tmp_path / "aqz-KE-bpKQ").mkdir()
    (tmp_path / "aqz-KE-bpKQ" / "mine.mp4").write_bytes(b"a picture")
    for most in (100_000, 0):  # by the names beside the list, and line by line
        monkeypatch.setattr(sources, "_MOST_BESIDE", most)
        assert _names(str(listed)) == ["dQw4w9WgXcQ", "mine"]


def test_list_that_names_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("list.txt\n")
    with pytest.raises(UsageError, match="line 1"):
        _names(str(tmp_path / "list.txt"))


def test_text_named_as_media_is_left_to_validate(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("no video at all")
    assert _names(str(tmp_path / "a.mp4")) == ["a"]


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_a_video_or_wrong_use(text: str) -> None:
    assume("\x00" in text or not Path(text.strip()).exists())
    try:
        targets = _targets(text)
    except UsageError:
        return
    for target in targets:
        assert "/" not in target.item().id


@given(st.text(max_size=100))
def test_youtube_id_takes_anything(text: str) -> None:
    found = youtube_id(f"https://www.youtube.com/{text}")
    assert found is None or len(found) == 11
