"""One video of YouTube has many addresses: each of them gives its id, and asks nobody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yt360.crawling.access import site_of
from yt360.crawling.sources import expand_sources
from yt360.crawling.targets import CrawlTarget
from yt360.crawling.youtube import YOUTUBE_ID, leads_to_youtube, with_scheme, youtube_id
from yt360.errors import UsageError

ID = "dQw4w9WgXcQ"
FORMS = re.findall(
    r"\S+",
    """
    https://www.youtube.com/watch?v=ID
    https://www.youtube.com/watch?v=ID&list=PL123&index=4&pp=iAQB
    https://www.youtube.com/watch?feature=share&amp;v=ID
    https://www.youtube.com/watch?v=ID#t=3
    https://www.youtube.com/watch?v=ID%20
    https://www.youtube.com/watch%3Fv%3DID
    https://www.youtube.com/watch/ID
    https://www.youtube.com/watch_popup?v=ID
    https://www.youtube.com/?v=ID
    https://www.youtube.com/#!/watch?v=ID
    https://www.youtube.com/#/watch?v=ID
    https://www.youtube.com/movie?v=ID
    https://www.youtube.com/playlist?list=PL123&v=ID
    https://www.youtube.com/attribution_link?a=x&u=%2Fwatch%3Fv%3DID%26feature%3Dshare
    https://www.youtube.com/oembed?url=https%3A//www.youtube.com/watch%3Fv%3DID&format=json
    https://www.youtube.com/v/ID?version=3
    https://www.youtube.com/e/ID
    https://www.youtube.com/embed/ID?start=4
    https://www.youtube.com/embed/ID&rel=0
    https://www.youtube.com/shorts/ID
    https://www.youtube.com/shorts/ID/
    https://www.youtube.com/live/ID?feature=share
    https://img.youtube.com/vi/ID/hqdefault
    https://www.youtube-nocookie.com/embed/ID
    https://www.youtubekids.com/watch?v=ID
    https://youtube.googleapis.com/v/ID
    https://m.youtube.com/watch?v=ID
    https://music.youtube.com/watch?v=ID&list=RDAMVM
    https://gaming.youtube.com/watch?v=ID
    https://consent.youtube.com/m?continue=https%3A%2F%2Fwww.youtube.com%2Fwatch%3Fv%3DID&gl=DE
    https://www.google.com/url?sa=t&url=https%3A%2F%2Fwww.youtube.com%2Fwatch%3Fv%3DID
    HTTPS://WWW.YOUTUBE.COM/watch?v=ID
    http://youtu.be/ID
    https://youtu.be/ID?t=4&si=x
    https://youtu.be/ID/
    https://www.youtube.com/watch?v=ID_52
    https://youtu.be/ID_52
    youtube.com/watch?v=ID
    www.youtube.com/watch?v=ID
    m.youtube.com/watch?v=ID
    youtu.be/ID
    //youtu.be/ID
    https://yewtu.be/watch?v=ID
    https://yewtu.be/ID
    https://yewtu.be/embed/ID
    https://piped.video/watch?v=ID
    https://invidious.snopyta.org/watch?v=ID
    https://hooktube.com/watch?v=ID
    """,
)


def _nothing(url: str) -> Iterator[CrawlTarget]:
    raise AssertionError(f"{url} was asked for")


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_the_same_video_and_nobody_is_asked(form: str) -> None:
    """Some were listings (a request a line while planning), some videos of another host with a pace of its own."""
    (target,) = expand_sources(form.replace("ID", ID), _nothing)
    assert (target.name, target.identity) == (ID, {"source": "youtube", "video": ID})
    assert site_of(target.where["page"]) == "youtube"
    assert not target.item().hints


def test_all_forms_together_are_one_video(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("\n".join(form.replace("ID", ID) for form in FORMS))
    assert [target.name for target in expand_sources(str(path), _nothing)] == [ID]


@pytest.mark.parametrize(
    "url",
    [
        "https://www.youtube.com/embed/videoseries?list=PL123",
        "https://www.youtube.com/embed/live_stream?channel=UC123",
        "https://www.youtube.com/playlist?list=PL123",
        "https://www.youtube.com/watch?list=PL123",
        "https://www.youtube.com/watch?v=short&list=PL123",
        "https://www.youtube.com/@someone",
        "https://www.youtube.com/c/elevenchars",
        "https://www.youtube.com/elevenchars",
        "https://www.youtube.com/channel/UC12345678901",
        "https://www.youtube.com/source/dQw4w9WgXcQ/shorts",
        "https://yewtu.be/playlist?list=PL123",
        "youtube.com/@someone",
    ],
)
def test_lists_are_lists(url: str) -> None:
    """`embed/videoseries` has eleven letters, too: a playlist became a video that nobody has."""
    listed = []

    def expand(address: str) -> Iterator[CrawlTarget]:
        listed.append(address)
        yield from expand_sources(ID, _nothing)

    assert [target.name for target in expand_sources(url, expand)] == [ID]
    assert listed == [with_scheme(url)]


@pytest.mark.parametrize("video", ["short", "", "%20", "abc%20def%20ghi"])
def test_a_watch_page_without_an_id_is_refused_before_anybody_is_asked(tmp_path: Path, video: str) -> None:
    (tmp_path / "list.txt").write_text(f"{ID}\nhttps://www.youtube.com/watch?v={video}&t=3\n")
    with pytest.raises(UsageError, match=r"line 2.*11 characters"):
        list(expand_sources(str(tmp_path / "list.txt"), _nothing))


@pytest.mark.parametrize(
    "page",
    [
        "youtu.be/short",
        "youtu.be/%5B?t=3",
        "youtube.com/shorts/abc",
        "www.youtube.com/embed/x y",
        "m.youtube.com/live/1",
    ],
)
def test_other_pages_of_one_video_without_an_id_are_refused_too(tmp_path: Path, page: str) -> None:
    """A kind of the watch pages above: each was a request of YouTube while planning."""
    (tmp_path / "list.txt").write_text(f"{ID}\nhttps://{page.replace(' ', '%20')}\n")
    with pytest.raises(UsageError, match=r"line 2.*11 characters"):
        list(expand_sources(str(tmp_path / "list.txt"), _nothing))


@pytest.mark.parametrize(
    "url",
    [
        "https://h.test/watch?v=dQw4w9WgXcQ",
        "https://h.test/dQw4w9WgXcQ.mp4",
        "https://h.test/a/dQw4w9WgXcQ",
        "https://youtube.com.h.test/watch?v=dQw4w9WgXcQ",
        "https://notyoutube.com/watch?v=dQw4w9WgXcQ",
        "https://www.youtube.com/redirect?q=https%3A%2F%2Fh.test%2Fwatch%3Fv%3DdQw4w9WgXcQ",
        "https://h.test/?u=https://youtu.be/dQw4w9WgXcQ",
    ],
)
def test_other_hosts_are_their_own(url: str) -> None:
    assert youtube_id(url) is None
    assert url.startswith("https://www.youtube.com/") or site_of(url) != "youtube"


def test_hosts_that_lead_there_are_those_that_yt_dlp_knows() -> None:
    assert all(map(leads_to_youtube, ("www.youtube.com", "youtu.be", "yewtu.be", "piped.video", "invidio.us")))
    assert not any(map(leads_to_youtube, ("h.test", "", "vimeo.com", "web.archive.org")))


@settings(deadline=None, max_examples=200)
@given(st.from_regex(YOUTUBE_ID, fullmatch=True), st.sampled_from(FORMS))
def test_any_id_in_any_form(video: str, form: str) -> None:
    if not video.startswith(("videoseries", "live_stream")):
        assert youtube_id(form.replace("ID", video)) == video


@settings(deadline=None, max_examples=300)
@given(st.text(max_size=80), st.sampled_from(["https://www.youtube.com/", "https://youtu.be/", "https://yewtu.be/"]))
def test_any_tail_is_a_video_or_none(tail: str, host: str) -> None:
    found = youtube_id(host + tail)
    assert found is None or (YOUTUBE_ID.fullmatch(found) and not found.startswith(("videoseries", "live_stream")))


def test_an_address_that_holds_itself_ends() -> None:
    assert youtube_id("https://www.youtube.com/" + "#!/" * 6000) is None
    inside = "https://www.youtube.com/attribution_link?u=" * 40
    assert youtube_id(inside + "/watch") is None
