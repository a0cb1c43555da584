"""What is selected from YouTube's offers, by yt-dlp's own selector."""

from __future__ import annotations

from typing import Any

import pytest
from yt_dlp import YoutubeDL

from tests.crawling.tube import HLS, PICTURES, SOUNDS, picture, sound
from yt360.crawling.formats import SOUND, Format, candidates, client_of, describe, holds, picture_selectors, sort_order


def _sorted(formats: list[Format]) -> tuple[YoutubeDL, list[Format]]:
    ydl = YoutubeDL({"quiet": True, "format_sort": sort_order(1080, ["vcodec:vp9", "proto"])}, auto_init=False)
    info: dict[str, Any] = {"id": "x", "formats": [{"url": "https://h.test/", **one} for one in formats]}
    ydl.sort_formats(info)
    return ydl, info["formats"]


def _sounds(formats: list[Format]) -> list[str]:
    ydl, given = _sorted(formats)
    return [one.format_id for one in candidates(ydl, given, SOUND, "sound")]


def _pictures(formats: list[Format], prefer: str = "any") -> list[str]:
    ydl, given = _sorted(formats)
    return [one.format_id for one in candidates(ydl, given, picture_selectors(720, 1080, prefer), "video")]


def test_opus_quad_is_first_and_surround_is_never_taken() -> None:
    chosen = _sounds(SOUNDS + PICTURES + HLS)
    assert chosen[0] == "338"
    assert set(chosen) == {"338", "339", "327"}


def test_yt_dlp_s_own_best_sound_would_be_surround() -> None:
    """The reason for selectors of our own: without them six channels beat four."""
    ydl, given = _sorted(SOUNDS)
    assert next(candidates(ydl, given, ["ba"], "sound")).format_id not in ("338", "339")


@pytest.mark.parametrize(
    ("left", "first"), [(("339", "327", "251"), "339"), (("327", "380", "251"), "327"), (("380", "328", "251"), None)]
)
def test_next_best_ambisonic_format(left: tuple[str, ...], first: str | None) -> None:
    chosen = _sounds([one for one in SOUNDS if one["format_id"] in left])
    assert (chosen[0] if chosen else None) == first


def test_plain_five_one_on_a_flat_video_is_no_ambisonics() -> None:
    assert _sounds([sound("327", "high", 6, "m4a", "mp4a.40.2"), sound("380", "high", 6, "m4a", "ac-3")]) == []


def test_head_locked_pair_is_ambisonics() -> None:
    assert _sounds([sound("338", "high, foa_with_non_diegetic", 6, "webm", "opus"), SOUNDS[0]]) == ["338"]


def test_four_opus_channels_without_a_note_are_taken() -> None:
    assert _sounds([sound("338", "high", 4, "webm", "opus"), SOUNDS[0]]) == ["338"]


def test_picture_is_spherical_within_the_wanted_rows() -> None:
    assert _pictures(SOUNDS + PICTURES + HLS)[0] == "248"
    assert _pictures(PICTURES, "equirectangular")[0] == "399"
    assert _pictures(PICTURES, "mesh")[0] == "248"


def test_hls_copies_are_never_taken() -> None:
    assert _pictures(HLS) == []
    assert not set(_pictures(PICTURES + HLS)) & {one["format_id"] for one in HLS}


def test_flat_video_has_no_360_format() -> None:
    assert _pictures([picture("248", "1080p", 1080), picture("247", "720p60", 720), picture("18", "360p", 360)]) == []


def test_label_with_s_is_enough() -> None:
    assert _pictures([picture("248", "1080s", 1080), picture("399", "1080p", 1080)]) == ["248"]
    assert _pictures([picture("248", "1080s, VISI", 1080)]) == ["248"]


def test_outside_the_wanted_rows_the_nearest_is_taken() -> None:
    assert _pictures([PICTURES[0], PICTURES[-1]])[0] == "313"
    assert _pictures([picture("244", "480s, mesh", 480), picture("243", "360s, mesh", 360)])[0] == "244"
    above = [picture("313", "2160s, mesh", 2160), picture("271", "1440s, mesh", 1440)]
    assert _pictures(above)[0] == "271"


def test_codecs_then_extension_say_what_a_format_holds() -> None:
    assert holds({"vcodec": "none", "acodec": "opus"}) == "sound"
    assert holds({"ext": "flac"}) == "sound"
    assert holds({"ext": "mp4"}) == "video"
    assert holds({"vcodec": "avc1", "ext": "m4a"}) == "video"


def test_description_holds_no_address_and_no_header() -> None:
    described = describe({"format_id": "338", "url": "https://secret", "http_headers": {"Cookie": "x"}, "tbr": 480.5})
    assert described == {"format_id": "338", "tbr": 480.5}


@pytest.mark.parametrize(
    ("note", "client"), [("1080s, mesh, VISI", "VISI"), ("1080s, mesh", ""), ("high, DRC", ""), (None, "")]
)
def test_client_is_the_last_word(note: str | None, client: str) -> None:
    assert client_of({"format_note": note}) == client


def test_the_rows_that_bound_the_wanted_ones_are_wanted_themselves() -> None:
    """720 to 1080 rows are wanted: a format of exactly 720 or 1080 is not taken for one below or above."""
    assert _pictures([picture("247", "720s, mesh", 720), picture("271", "1440s, mesh", 1440)])[0] == "247"
    assert _pictures([picture("271", "1440s, mesh", 1440), picture("248", "1080s, mesh", 1080)])[0] == "248"
