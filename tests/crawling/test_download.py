"""The real yt-dlp against a local server: what is fetched, resumed, refused; and what is never taken for whole."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.crawling.tube import HLS, PICTURES, SOUNDS, Served, Tube, bytes_of, offer, picture, sound
from yt360.crawling.access import Access
from yt360.crawling.download import Downloader, Fetched, link_into
from yt360.crawling.failures import CrawlError
from yt360.crawling.formats import SOUND, picture_selectors, sort_order
from yt360.crawling.media_kind import MediaKind
from yt360.crawling.selection import Wanted

ID = "AAAAAAAAAAA"
PAGE = f"https://www.youtube.com/watch?v={ID}"
QUICK: dict[str, Any] = {"request_pause_s": 0, "retry_pause_s": 0, "retries": 3, "socket_timeout_s": 5}
Fetch = Callable[..., Fetched]


@pytest.fixture
def downloader(tube: Tube, tmp_path: Path) -> Callable[..., Downloader]:
    def make(check: Callable[[MediaKind, Path], str] = lambda role, path: "", **access: Any) -> Downloader:
        wanted = Wanted(
            picture_selectors(720, 1080, "any"),
            SOUND,
            sort_order(1080, ("vcodec:vp9", "proto")),
            ("youtube",),
            check,
        )
        return Downloader(
            Access.model_validate({**QUICK, **access}),
            wanted,
            tmp_path / "keep",
            cache=None,
            address="direct",
            subject=ID,
        )

    return make


def test_ambisonics_and_mesh_as_two_files_untouched(
    tube: Tube, downloader: Callable[..., Downloader], tmp_path: Path
) -> None:
    offer(tube, ID, SOUNDS + PICTURES + HLS)
    fetched = downloader().fetch_page(PAGE)
    assert {role: choice.format_id for role, choice in fetched.choices.items()} == {"video": "248", "sound": "338"}
    assert fetched.files["video"].read_bytes() == bytes_of(f"{ID}/248", 20_000)
    assert fetched.files["sound"].read_bytes() == bytes_of(f"{ID}/338", 20_000)
    (tmp_path / "work").mkdir()
    assert link_into(tmp_path / "work", fetched.files) == {"video": "video.webm", "sound": "sound.webm"}
    assert fetched.measures["chosen"]["sound"]["note"] == "high, ambisonics_quad"
    assert fetched.measures["formats_offered"] == len(SOUNDS + PICTURES + HLS)


def test_five_one_packed_ambisonics_keep_their_container(tube: Tube, downloader: Callable[..., Downloader]) -> None:
    """yt-dlp's own repair of DASH m4a would remux the file; it must arrive byte by byte."""
    offer(tube, ID, [SOUNDS[0], sound("327", "high, ambisonics_5_1", 6, "m4a", "mp4a.40.2"), *PICTURES])
    fetched = downloader().fetch_page(PAGE)
    assert fetched.files["sound"].suffix == ".m4a"
    assert fetched.files["sound"].read_bytes() == bytes_of(f"{ID}/327", 20_000)


@pytest.mark.parametrize(
    ("formats", "kind"),
    [
        ([*SOUNDS, *HLS], "no-360-format"),
        ([picture("248", "1080p", 1080), sound("327", "high", 6, "m4a", "mp4a.40.2")], "no-360-format"),
        ([*PICTURES, SOUNDS[0], sound("380", "high", 6, "m4a", "ac-3")], "no-ambisonic-format"),
    ],
)
def test_nothing_less_is_taken_instead(
    tube: Tube, downloader: Callable[..., Downloader], formats: list[dict[str, Any]], kind: str
) -> None:
    offer(tube, ID, formats)
    with pytest.raises(CrawlError, match=f"{ID}: .*found {len(formats)} formats") as raised:
        downloader().fetch_page(PAGE)
    assert raised.value.kind == kind
    assert not tube.asked("/media")


def test_formats_behind_sabr_are_named_so(tube: Tube, downloader: Callable[..., Downloader]) -> None:
    told = f"{ID}: Some web client https formats have been skipped as they are missing a URL. SABR streaming"
    offer(tube, ID, [SOUNDS[0], picture("18", "360p", 360)], debug=[told])
    with pytest.raises(CrawlError) as raised:
        downloader().fetch_page(PAGE)
    assert raised.value.kind == "sabr-only"


def test_second_set_of_clients_is_asked_when_the_first_offers_nothing(
    tube: Tube, downloader: Callable[..., Downloader]
) -> None:
    offer(tube, ID, SOUNDS + PICTURES)
    poor = {**tube.videos[ID], "formats": [one for one in tube.videos[ID]["formats"] if one["format_id"] != "338"][:2]}
    tube.videos[ID] = [poor, tube.videos[ID]]
    fetched = downloader().fetch_page(PAGE)
    assert fetched.choices["sound"].format_id == "338"
    assert fetched.measures["client_rounds"] == 2
    tube.videos[ID] = [poor, poor]
    with pytest.raises(CrawlError) as raised:
        downloader(fallback_clients=()).fetch_page(PAGE)
    assert raised.value.kind == "no-360-format"


def _distrust(*contents: bytes) -> Callable[[MediaKind, Path], str]:
    return lambda role, path: "not-360: a flat picture" if path.read_bytes() in contents else ""


def test_format_that_is_not_what_its_label_said_is_replaced(tube: Tube, downloader: Callable[..., Downloader]) -> None:
    offer(tube, ID, SOUNDS + PICTURES)
    fetched = downloader(_distrust(bytes_of(f"{ID}/248", 20_000))).fetch_page(PAGE)
    assert fetched.choices["video"].format_id == "137"
    assert fetched.measures["refused"] == ["248: not-360: a flat picture"]
    assert "not_as_promised" not in fetched.measures


def test_other_client_brings_what_the_first_promised(tube: Tube, downloader: Callable[..., Downloader]) -> None:
    offer(tube, "flatflatfla", SOUNDS + PICTURES[2:3])
    offer(tube, ID, SOUNDS + PICTURES[2:3])
    good = tube.videos[ID]
    tube.videos[ID] = {**good, "by_client": {"default": tube.videos["flatflatfla"], "tv": good}}
    distrust = _distrust(bytes_of("flatflatfla/248", 20_000))
    fetched = downloader(distrust, fallback_clients=(("tv",),)).fetch_page(PAGE)
    assert fetched.files["video"].read_bytes() == bytes_of(f"{ID}/248", 20_000)
    assert fetched.measures["client_rounds"] == 2


def test_nothing_is_lost_when_no_label_holds(tube: Tube, downloader: Callable[..., Downloader], tmp_path: Path) -> None:
    offer(tube, ID, SOUNDS + PICTURES)
    fetched = downloader(lambda role, path: "no" if role == "video" else "").fetch_page(PAGE)
    assert fetched.choices["video"].format_id == "248"
    assert fetched.files["video"].read_bytes() == bytes_of(f"{ID}/248", 20_000)
    assert fetched.measures["not_as_promised"] == {"video": "248: no"}
    assert len(list((tmp_path / "keep").iterdir())) == 2


def test_looking_fetches_nothing(tube: Tube, downloader: Callable[..., Downloader]) -> None:
    offer(tube, ID, SOUNDS + PICTURES)
    seen = downloader().look_at_page(PAGE)
    assert {role: choice.format_id for role, choice in seen.choices.items()} == {"video": "248", "sound": "338"}
    assert not seen.files
    assert not tube.asked("/media")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Private video. Sign in if you've been granted access to this video", "private"),
        ("Video unavailable. This video has been removed by the uploader", "removed"),
        ("Sign in to confirm you\u2019re not a bot. Use --cookies", "bot-wall"),
    ],
)
def test_refusals_of_a_video(tube: Tube, downloader: Callable[..., Downloader], text: str, kind: str) -> None:
    tube.videos[ID] = {"error": text}
    with pytest.raises(CrawlError) as raised:
        downloader().fetch_page(PAGE)
    assert raised.value.kind == kind


def test_live_video_is_not_started(tube: Tube, downloader: Callable[..., Downloader]) -> None:
    offer(tube, ID, SOUNDS + PICTURES, live_status="is_upcoming")
    with pytest.raises(CrawlError) as raised:
        downloader().fetch_page(PAGE)
    assert raised.value.kind == "live"
    assert not tube.asked("/media")


def test_dropped_connection_is_resumed_within_one_attempt(tube: Tube, downloader: Callable[..., Downloader]) -> None:
    offer(tube, ID, SOUNDS + PICTURES, size=200_000)
    tube.files[f"/media/{ID}/248"].drop_after = [70_000, 50_000]
    fetched = downloader().fetch_page(PAGE)
    assert fetched.files["video"].read_bytes() == bytes_of(f"{ID}/248", 200_000)
    asked = tube.asked(f"/media/{ID}/248")
    assert len(asked) == 3
    assert sum(one.sent for one in asked) < 250_000
    assert asked[1].span.startswith("bytes=")


def test_part_of_an_earlier_attempt_is_resumed(tube: Tube, downloader: Callable[..., Downloader]) -> None:
    offer(tube, ID, SOUNDS + PICTURES, size=400_000)
    tube.files[f"/media/{ID}/338"].drop_after = [250_000]
    with pytest.raises(CrawlError) as raised:
        downloader(retries=0).fetch_page(PAGE)
    assert raised.value.kind == "network"
    sent = sum(one.sent for one in tube.asked("/media"))
    fetched = downloader().fetch_page(PAGE)
    assert fetched.files["sound"].read_bytes() == bytes_of(f"{ID}/338", 400_000)
    assert fetched.files["video"].read_bytes() == bytes_of(f"{ID}/248", 400_000)
    # yt-dlp reads in blocks that grow to its rate; what was cut within one is asked for again.
    assert sum(one.sent for one in tube.asked("/media")) - sent < 380_000
    assert tube.asked(f"/media/{ID}/338")[-1].span.startswith("bytes=")
    assert len(tube.asked(f"/media/{ID}/248")) == 1


def test_finished_file_is_not_fetched_again(tube: Tube, downloader: Callable[..., Downloader], tmp_path: Path) -> None:
    """The run was killed after the download and before the record; the work folder is gone."""
    offer(tube, ID, SOUNDS + PICTURES)
    downloader().fetch_page(PAGE)
    before = len(tube.asked("/media"))
    fetched = downloader().fetch_page(PAGE)
    assert len(tube.asked("/media")) == before
    assert fetched.files["sound"].read_bytes() == bytes_of(f"{ID}/338", 20_000)


def test_kill_between_the_last_byte_and_the_name_loses_nothing(
    tube: Tube, downloader: Callable[..., Downloader], tmp_path: Path
) -> None:
    """Regression: the whole ``.part`` was asked to go on behind its end, and the refusal (416) was final."""
    offer(tube, ID, SOUNDS + PICTURES)
    done = downloader().fetch_page(PAGE).files["sound"]
    done.rename(done.with_name(done.name + ".part"))
    fetched = downloader().fetch_page(PAGE)
    assert fetched.files["sound"].read_bytes() == bytes_of(f"{ID}/338", 20_000)


def test_part_that_is_longer_than_the_file_is_begun_anew(tube: Tube, downloader: Callable[..., Downloader]) -> None:
    offer(tube, ID, SOUNDS + PICTURES)
    done = downloader().fetch_page(PAGE).files["sound"]
    done.rename(done.with_name(done.name + ".part"))
    with done.with_name(done.name + ".part").open("ab") as stream:
        stream.write(b"x" * 5000)
    with pytest.raises(CrawlError) as raised:
        downloader().fetch_page(PAGE)
    assert raised.value.kind == "network"
    assert raised.value.retryable
    fetched = downloader().fetch_page(PAGE)
    assert fetched.files["sound"].read_bytes() == bytes_of(f"{ID}/338", 20_000)


def test_part_of_another_version_is_not_continued(tube: Tube, downloader: Callable[..., Downloader]) -> None:
    offer(tube, ID, SOUNDS + PICTURES, size=300_000)
    tube.files[f"/media/{ID}/248"].drop_after = [100_000]
    with pytest.raises(CrawlError):
        downloader(retries=0).fetch_page(PAGE)
    other = bytes_of("encoded anew", 300_000)
    tube.files[f"/media/{ID}/248"].data = other
    for one in tube.videos[ID]["formats"]:
        one["url"] = one["url"].replace("lmt=17", "lmt=18")
    fetched = downloader().fetch_page(PAGE)
    assert fetched.files["video"].read_bytes() == other


def test_refused_format_is_replaced_by_the_next_best(tube: Tube, downloader: Callable[..., Downloader]) -> None:
    offer(tube, ID, SOUNDS + PICTURES)
    tube.files[f"/media/{ID}/338"].refuse = [403] * 50
    fetched = downloader().fetch_page(PAGE)
    assert fetched.choices["sound"].format_id == "339"
    assert fetched.measures["refused"] == ["338: forbidden"]


def test_all_formats_refused_is_forbidden_and_can_be_retried(tube: Tube, downloader: Callable[..., Downloader]) -> None:
    offer(tube, ID, SOUNDS + PICTURES)
    for one in SOUNDS:
        tube.files[f"/media/{ID}/{one['format_id']}"].refuse = [403] * 50
    with pytest.raises(CrawlError) as raised:
        downloader().fetch_page(PAGE)
    assert (raised.value.kind, raised.value.retryable) == ("forbidden", True)


def test_too_many_requests_is_told_with_the_server_s_wish(tube: Tube, downloader: Callable[..., Downloader]) -> None:
    offer(tube, ID, SOUNDS + PICTURES)
    one = tube.files[f"/media/{ID}/248"]
    one.refuse, one.retry_after_s = [429] * 50, 77
    with pytest.raises(CrawlError) as raised:
        downloader().fetch_page(PAGE)
    assert (raised.value.kind, raised.value.pause_s) == ("rate-limited", 77.0)
    assert len(tube.asked("/media")) == 1


def test_size_that_was_not_promised_is_incomplete(tube: Tube, downloader: Callable[..., Downloader]) -> None:
    """A server that says no length and stops early; YouTube's own list knows the size."""
    offer(tube, ID, SOUNDS + PICTURES, size=100_000)
    for one in tube.files.values():
        one.say_length, one.drop_after = False, [60_000] * 9
    with pytest.raises(CrawlError) as raised:
        downloader().fetch_page(PAGE)
    assert raised.value.kind in ("incomplete", "network")


def test_bandwidth_of_an_address_is_shared_by_what_is_in_flight(
    tube: Tube, downloader: Callable[..., Downloader]
) -> None:
    offer(tube, ID, SOUNDS + PICTURES, size=120_000)
    downloader(bandwidth_mb_s=0.2, concurrent_downloads=2).fetch_page(PAGE)
    began = tube.asked("/media")[0].at
    assert time.time() - began > 0.8 * 2 * 120_000 / 0.1e6


def test_slow_server_ends_at_the_deadline(tube: Tube, downloader: Callable[..., Downloader]) -> None:
    offer(tube, ID, SOUNDS + PICTURES, size=400_000)
    tube.files[f"/media/{ID}/248"].bytes_per_s = 100_000
    with pytest.raises(CrawlError) as raised:
        downloader(download_timeout_s=0.6).fetch_page(PAGE)
    assert raised.value.kind == "timeout"


def test_full_disk_is_noticed_before_it_is_full(tube: Tube, downloader: Callable[..., Downloader]) -> None:
    offer(tube, ID, SOUNDS + PICTURES)
    with pytest.raises(CrawlError, match="min_free_gb") as raised:
        downloader(min_free_gb=1e9).fetch_page(PAGE)
    assert raised.value.kind == "no-room"


@pytest.mark.parametrize(
    "hostile",
    ["../../../../tmp/x", "a;rm -rf ~", "\u202egpj", "x" * 10_000, "<script>alert(1)</script>", "%(id)s", "\x00"],
)
def test_hostile_words_of_a_site_name_no_file(
    tube: Tube, downloader: Callable[..., Downloader], tmp_path: Path, hostile: str
) -> None:
    offer(tube, ID, SOUNDS + PICTURES)
    info = tube.videos[ID]
    info |= {"title": hostile, "uploader": hostile, "id": hostile, "display_id": hostile}
    for one in info["formats"]:
        one["ext"] = hostile
        one["format_id"] = f"{one['format_id']}{hostile}"
    fetched = downloader().fetch_page(PAGE)
    assert {path.parent for path in fetched.files.values()} == {tmp_path / "keep"}
    assert all(len(path.name) < 60 and path.name.isascii() for path in (tmp_path / "keep").iterdir())
    json.dumps(fetched.measures).encode()


def test_other_site_s_best_whole_file_is_taken(tube: Tube, downloader: Callable[..., Downloader]) -> None:
    """Not a labelled site: yt-dlp's generic extractor, one file with picture and sound."""
    tube.files["/watch/clip"] = Served(bytes_of("clip", 30_000), kind="video/webm")
    fetched = downloader().fetch_page(f"{tube.base}/watch/clip")
    assert list(fetched.files) == ["video"]
    assert fetched.files["video"].read_bytes() == bytes_of("clip", 30_000)


def test_plain_files_of_a_server(tube: Tube, downloader: Callable[..., Downloader]) -> None:
    tube.files["/w/a.mp4"] = Served(bytes_of("picture", 50_000))
    tube.files["/w/a.wav"] = Served(bytes_of("sound", 60_000))
    fetched = downloader().fetch_files({"video": f"{tube.base}/w/a.mp4?sig=1", "sound": f"{tube.base}/w/a.wav"})
    assert fetched.files["video"].read_bytes() == bytes_of("picture", 50_000)
    assert fetched.files["sound"].read_bytes() == bytes_of("sound", 60_000)
    assert fetched.measures["url"] == f"{tube.base}/w/a.mp4"


def test_plain_file_that_changed_is_not_continued(tube: Tube, downloader: Callable[..., Downloader]) -> None:
    tube.files["/a.mp4"] = Served(bytes_of("old", 300_000), drop_after=[100_000])
    with pytest.raises(CrawlError):
        downloader(retries=0).fetch_files({"video": f"{tube.base}/a.mp4"})
    tube.files["/a.mp4"] = Served(bytes_of("new", 300_000), etag='"2"')
    fetched = downloader().fetch_files({"video": f"{tube.base}/a.mp4"})
    assert fetched.files["video"].read_bytes() == bytes_of("new", 300_000)


def test_plain_file_of_a_server_without_head(tube: Tube, downloader: Callable[..., Downloader]) -> None:
    tube.files["/a.mp4"] = Served(bytes_of("a", 50_000), refuse_head=405)
    assert downloader().fetch_files({"video": f"{tube.base}/a.mp4"}).files["video"].stat().st_size == 50_000


@pytest.mark.parametrize(
    ("data", "kind"),
    [(b"<!DOCTYPE html><html>not here</html>", "not-media"), (b"#EXTM3U\n", "not-media"), (b"", "network")],
)
def test_page_or_nothing_instead_of_a_file(
    tube: Tube, downloader: Callable[..., Downloader], data: bytes, kind: str, tmp_path: Path
) -> None:
    tube.files["/a.mp4"] = Served(data)
    with pytest.raises(CrawlError) as raised:
        downloader().fetch_files({"video": f"{tube.base}/a.mp4"})
    assert raised.value.kind in (kind, "empty-file")
    assert not [path for path in (tmp_path / "keep").iterdir() if path.suffix == ".mp4"]


def test_missing_file_and_dead_server(tube: Tube, downloader: Callable[..., Downloader]) -> None:
    with pytest.raises(CrawlError) as raised:
        downloader().fetch_files({"video": f"{tube.base}/nothing.mp4"})
    assert (raised.value.kind, raised.value.retryable) == ("not-found", False)
    with pytest.raises(CrawlError) as raised:
        downloader(retries=1).fetch_files({"video": "http://127.0.0.1:9/a.mp4"})
    assert (raised.value.kind, raised.value.retryable) == ("network", True)


def test_user_s_cookies_are_sent_and_their_file_is_left_alone(
    tube: Tube, downloader: Callable[..., Downloader], tmp_path: Path
) -> None:
    offer(tube, ID, SOUNDS + PICTURES)
    cookies = tmp_path / "cookies.txt"
    text = "# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t0\tSID\tTOPSECRET\n"
    cookies.write_text(text)
    fetched = downloader(cookies_file=cookies).fetch_page(PAGE)
    assert cookies.read_text() == text
    assert "TOPSECRET" not in json.dumps(fetched.measures)
