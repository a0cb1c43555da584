"""The doctor's checks, on this machine and against the local server."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from tests.crawling.tube import PICTURES, SOUNDS, Tube, offer
from yt360.crawling.access import Access
from yt360.crawling.doctor import best_clients, check_clients, check_machine

QUICK: dict[str, Any] = {
    "request_pause_s": 0,
    "retry_pause_s": 0,
    "youtube_pause_s": (0, 0),
    "youtube_videos_per_hour": 1e9,
}


def _findings(**access: Any) -> dict[str, Any]:
    return {one.what: one for one in check_machine(Access.model_validate(access), today=date(2026, 9, 1))}


def test_machine_of_the_tests_is_fit() -> None:
    found = _findings()
    assert found["yt-dlp"].found.endswith("days old")
    assert found["JavaScript runtime"].found.startswith(("deno", "node"))


def test_old_yt_dlp_and_missing_runtime_and_cookies_are_named(tmp_path: Path) -> None:
    old = {one.what: one for one in check_machine(Access(), today=date(2036, 1, 1))}
    assert not old["yt-dlp"].well
    assert "pip install" in old["yt-dlp"].advice
    found = _findings(js_runtimes=(), cookies_file=str(tmp_path / "none.txt"))
    assert not found["JavaScript runtime"].well
    assert "pip install deno" in found["JavaScript runtime"].advice
    assert not found["cookies"].well


def test_which_client_offers_ambisonics(tube: Tube, tmp_path: Path) -> None:
    offer(tube, "AAAAAAAAAAA", SOUNDS + PICTURES)
    poor = {**tube.videos["AAAAAAAAAAA"], "formats": tube.videos["AAAAAAAAAAA"]["formats"][:2]}
    tube.videos["AAAAAAAAAAA"] = {**tube.videos["AAAAAAAAAAA"], "by_client": {"mweb": poor}}
    tube.videos["BBBBBBBBBBB"] = {"error": "Video unavailable"}
    rows = list(
        check_clients(
            Access.model_validate(QUICK), tmp_path, videos=("AAAAAAAAAAA", "BBBBBBBBBBB"), clients=("visionos", "mweb")
        )
    )
    assert [(row["client"], row["video"], row["kind"]) for row in rows] == [
        ("visionos", "AAAAAAAAAAA", ""),
        ("visionos", "BBBBBBBBBBB", "removed"),
        ("mweb", "AAAAAAAAAAA", ""),
        ("mweb", "BBBBBBBBBBB", "removed"),
    ]
    assert rows[0]["ambisonic"][0] == "338"
    assert "248" in rows[0]["spherical"]
    assert rows[2]["ambisonic"] == []
    assert best_clients(rows) == [("visionos", 1), ("mweb", 0)]


def test_doctor_does_not_insist_at_the_bot_wall(tube: Tube, tmp_path: Path) -> None:
    tube.videos["AAAAAAAAAAA"] = {"error": "Sign in to confirm you\u2019re not a bot"}
    rows = list(check_clients(Access.model_validate(QUICK), tmp_path, videos=("AAAAAAAAAAA",) * 5))
    assert [row["kind"] for row in rows] == ["bot-wall"]
    assert len(tube.asked("/info")) == 1
