"""Real sentences of YouTube and yt-dlp, and what each has to be taken for."""

from __future__ import annotations

import errno
import io
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yt_dlp.networking import Response
from yt_dlp.networking.exceptions import (
    HTTPError,
    IncompleteRead,
    ProxyError,
    SSLError,
    TransportError,
    UnsupportedRequest,
)
from yt_dlp.utils import DownloadError, ExtractorError, GeoRestrictedError, UnsupportedError, UserNotLive

from yt360.crawling.failures import KINDS, classify, classify_text

SENTENCES = [
    ("Video unavailable. This video has been removed by the uploader", "removed"),
    ("Video unavailable. This video is no longer available because the YouTube account associated with this video "
     "has been terminated.", "removed"),
    ("Video unavailable. This video is no longer available due to a copyright claim by Some Label", "removed"),
    ("This video has been removed for violating YouTube's Terms of Service", "removed"),
    ("Video unavailable. This video contains content from SME, who has blocked it on copyright grounds", "removed"),
    ("Video unavailable", "removed"),
    ("This video is not available", "removed"),
    ("Private video. Sign in if you've been granted access to this video. Use --cookies-from-browser or --cookies for "
     "the authentication. See  https://github.com/yt-dlp/yt-dlp/wiki/FAQ#how-do-i-pass-cookies-to-yt-dlp", "private"),
    ("Please sign in. Use --cookies-from-browser or --cookies for the authentication.", "private"),
    ("Sign in to confirm your age. This video may be inappropriate for some users. Use --cookies-from-browser or "
     "--cookies for the authentication.", "age-gated"),
    ("This video is age-restricted and only available on YouTube. Learn more", "age-gated"),
    ("The uploader has not made this video available in your country\nYou might want to use a VPN or a proxy server "
     "(with --proxy) to workaround.", "geo-blocked"),
    ("Video unavailable. This video contains content from SME, who has blocked it in your country on copyright "
     "grounds", "geo-blocked"),
    ("Join this channel to get access to members-only content like this video, and other exclusive perks.",
     "members-only"),
    ("This video is available to this channel's members on level: Gold (or any higher level).", "members-only"),
    ("This video requires payment to watch.", "paid"),
    ("This video is DRM protected", "drm"),
    ("This live event will begin in 3 hours.", "live"),
    ("Premieres in 5 hours", "live"),
    ("This live stream recording is not available.", "live"),
    ("Sign in to confirm you\u2019re not a bot. Use --cookies-from-browser or --cookies for the authentication.",
     "bot-wall"),
    ("Sign in to confirm you're not a bot. This helps protect our community. Learn more", "bot-wall"),
    ("Video unavailable. YouTube is requiring a captcha challenge before playback", "bot-wall"),
    ("Video unavailable. This content isn't available, try again later. The current session has been rate-limited by "
     "YouTube for up to an hour. It is recommended to use `-t sleep` to add a delay between video requests to avoid "
     "exceeding the rate limit.", "rate-limited"),
    ("Unable to download API page: HTTP Error 429: Too Many Requests (caused by <HTTPError 429: Too Many Requests>)",
     "rate-limited"),
    ("unable to download video data: HTTP Error 403: Forbidden", "forbidden"),
    ("Unable to download webpage: HTTP Error 404: Not Found (caused by <HTTPError 404: Not Found>)", "not-found"),
    ("YouTube said: The playlist does not exist.", "not-found"),
    ("Unable to download webpage: HTTP Error 503: Service Unavailable", "network"),
    ("Unable to download API page: <urlopen error [Errno -3] Temporary failure in name resolution>", "network"),
    ("[Errno 104] Connection reset by peer", "network"),
    ("Unable to download webpage: ('Connection aborted.', RemoteDisconnected('Remote end closed connection without "
     "response'))", "network"),
    ("The read operation timed out", "network"),
    ("1024 bytes read, 4096 more expected", "network"),
    ("content too short (expected 5000 bytes and served 1000)", "network"),
    ("Failed to extract any player response", "network"),
    ("The page needs to be reloaded.", "network"),
    ("unable to write data: [Errno 28] No space left on device", "disk-full"),
    ("Unsupported URL: https://example.org/page", "unsupported-url"),
    ("Requested format is not available. Use --list-formats for a list of available formats", "no-360-format"),
    ("something nobody has seen before", "unexpected"),
    ("This channel does not have a shorts tab", "not-found"),
    ("Failed to resolve url (does the playlist exist?)", "not-found"),
    ("Failed to resolve album to playlist", "not-found"),
    ("The channel/playlist does not exist and the URL redirected to youtube.com home page", "not-found"),
    ("A video URL was given without video ID", "not-found"),
    ("Incomplete YouTube ID dQw4. URL https://www.youtube.com/watch?v=dQw4 looks truncated.", "not-found"),
    ("Unable to recognize tab page", "unsupported-url"),
    ("The channel is not currently live", "live"),
    ("This live stream has been cancelled by the creator", "live"),
    ("We're processing this video. Check back later.", "live"),
    ("Sign in to view this video", "private"),
    ("This video is only available for registered users. Use --cookies", "private"),
    ("Login details are needed to download this content.", "private"),
    ("Account authentication is required", "private"),
    ("This video is restricted. Try signing in with a Google Workspace account.", "private"),
    ("The following content has been identified by the YouTube community as inappropriate or offensive to some "
     "audiences.", "age-gated"),
    ("This video is only available to users over 18", "age-gated"),
    ("The uploader has closed their YouTube account.", "removed"),
    ("This trailer is no longer available", "removed"),
    ("This video has been blocked by the government", "geo-blocked"),
    ("Watch this video on YouTube. Playback on other websites has been disabled by the video owner", "forbidden"),
    ("All player responses are invalid. Your IP is likely being blocked by Youtube", "bot-wall"),
    ("Incomplete data received. Giving up after 3 retries", "network"),
    ("HTTP Error 416: Requested range not satisfiable. Giving up after 5 retries", "network"),
    ("An error occurred. Please try again later.", "network"),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "kind"), SENTENCES, ids=[text[:40] for text, _ in SENTENCES])
def test_sentence_is_taken_for_its_kind(sentence: str, kind: str) -> None:
    assert classify_text(f"ERROR: [youtube] AAAAAAAAAAA: {sentence}") == kind


def test_no_formats_after_a_word_on_sabr_is_sabr_only() -> None:
    warning = (
        "[youtube] AAAAAAAAAAA: Some web client https formats have been skipped as they are missing a URL. "
        "YouTube is forcing SABR streaming for this client."
    )
    text = "Requested format is not available. Use --list-formats for a list of available formats"
    assert classify_text(text, [warning]) == "sabr-only"


def test_only_refusals_that_hold_for_all_stop_the_crawl() -> None:
    assert {kind.name for kind in KINDS.values() if kind.stops} == {"bot-wall", "rate-limited"}


def test_kinds_that_cannot_change_by_themselves_are_not_retried() -> None:
    for name in ("removed", "private", "age-gated", "geo-blocked", "members-only", "not-found", "live"):
        assert not KINDS[name].retryable, name
    for name in ("network", "rate-limited", "bot-wall", "incomplete", "forbidden"):
        assert KINDS[name].retryable, name


def _http_error(status: int, **headers: str) -> HTTPError:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HTTPError(Response(io.BytesIO(b""), "http://x/", named, status=status))


@pytest.mark.parametrize(
    ("cause", "kind"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "disk-full"),
        (GeoRestrictedError("not for you"), "geo-blocked"),
        (TransportError("boom"), "network"),
        (SSLError("boom"), "network"),
        (ProxyError("boom"), "network"),
        (TimeoutError("boom"), "network"),
        (ConnectionResetError("boom"), "network"),
        (socket.gaierror("boom"), "network"),
        (UserNotLive("not today"), "live"),
        (UnsupportedError("https://h.test"), "unsupported-url"),
        (UnsupportedRequest("boom"), "unexpected"),
        (IncompleteRead(partial=10, expected=90), "network"),
        (_http_error(429), "rate-limited"),
        (_http_error(403), "forbidden"),
        (_http_error(500), "network"),
        (_http_error(408), "network"),
        (_http_error(425), "network"),
    ],
)
def test_cause_behind_the_sentence_counts(cause: Exception, kind: str) -> None:
    wrapped = DownloadError(f"ERROR: unable: {cause}", (type(cause), cause, None))
    assert classify(wrapped, "AAAAAAAAAAA").kind == kind


def test_server_may_ask_for_a_longer_pause() -> None:
    error = ExtractorError("Unable to download", cause=_http_error(429, Retry_After="120"))
    assert classify(error, "x").pause_s == 120.0


def test_message_names_video_meaning_and_advice_and_no_signature() -> None:
    text = "ERROR: bad https://rr1.googlevideo.com/videoplayback/sig/ABC?sig=SECRET; please report this issue on  https://x"
    message = str(classify(DownloadError(text), "AAAAAAAAAAA"))
    assert message.startswith("AAAAAAAAAAA: ")
    assert "SECRET" not in message
    assert "ABC" not in message
    assert "please report this issue on" not in message


@given(st.text(max_size=300))
def test_any_sentence_has_a_kind(text: str) -> None:
    assert classify_text(text) in KINDS


@pytest.mark.parametrize("status", [408, 425, 502])
def test_status_counts_where_the_sentence_says_nothing(status: int) -> None:
    cause = _http_error(status)
    assert classify(DownloadError("ERROR: it did not work", (type(cause), cause, None)), "x").kind == "network"


@pytest.mark.parametrize("status", [408, 425, 500, 503])
def test_a_status_in_the_sentence_alone_counts(status: int) -> None:
    assert classify_text(f"ERROR: unable to download: HTTP Error {status}: so it is") == "network"
