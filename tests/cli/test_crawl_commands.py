"""`yt360 crawl` and its steps, as people script against them, on the local server that plays YouTube."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.crawling.conftest import tube  # noqa: F401  (fixture)
from tests.crawling.tube import PICTURES, SOUNDS, Tube, offer
from yt360.cli import main
from yt360.crawling import doctor

ACCESS = (
    "access={request_pause_s: 0, retry_pause_s: 0, youtube_pause_s: [0, 0], youtube_videos_per_hour: 3600, "
    "fallback_clients: [], min_free_gb: 0}"
)
LIST = (
    "video\tsplit\tstarts\nAAAAAAAAAAA\ttrain\t0,10,70\nBBBBBBBBBBB\ttest\t5\n"
    "CCCCCCCCCCC\ttrain\t1,2\nDDDDDDDDDDD\ttest\t3\n"
)


@pytest.fixture
def yt360(capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    def call(*words: object) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main.main([str(word) for word in words])
        return int(ended.value.code or 0), capsys.readouterr().out

    return call


@pytest.fixture
def listed(tube: Tube, tmp_path: Path) -> Path:  # noqa: F811
    offer(tube, "AAAAAAAAAAA", SOUNDS + PICTURES)
    offer(tube, "BBBBBBBBBBB", PICTURES)
    tube.videos["CCCCCCCCCCC"] = {"error": "Video unavailable. This video has been removed by the uploader"}
    path = tmp_path / "list.tsv"
    path.write_text(LIST.replace("DDDDDDDDDDD\ttest\t3\n", ""))
    return path


def test_discover_probe_download_one_after_the_other(
    yt360: Callable[..., Any],
    listed: Path,
    tube: Tube,  # noqa: F811
    tmp_path: Path,
) -> None:
    root = tmp_path / "root"
    code, out = yt360("crawl", "discover", "--root", root, "--source", listed, "-p", ACCESS, "--json")
    assert (code, json.loads(out)["videos"]) == (0, 3)
    assert not tube.requests
    waiting = json.loads(yt360("status", "--root", root, "--json")[1])["stages"][0]
    assert (waiting["stage"], waiting["waiting"]) == ("crawl", 3)

    code, out = yt360("crawl", "probe", "--root", root, "--limit", 1, "--json")
    assert (code, json.loads(out)["not_asked"]) == (0, 2)
    code, out = yt360("crawl", "probe", "--root", root, "--json")
    budget = json.loads(out)
    assert (budget["videos"], budget["offered"], budget["not_asked"]) == (3, 1, 0)
    assert budget["unavailable"] == {"no-ambisonic-format": 1, "removed": 1}
    assert (budget["bytes"], budget["sound"]) == (40_000, {"ambisonics_quad": 1})
    assert not tube.asked("/media")

    code, out = yt360(
        "crawl", "download", "--root", root, "--workers", 1, "--min-free-gb", 0, "-p", "check_arrived=false"
    )
    assert code == 1
    assert sorted(path.name for path in (root / "data" / "crawl").iterdir()) == ["AAAAAAAAAAA"]
    failures = json.loads(yt360("status", "--root", root, "--json")[1])["stages"][0]["failures"]
    assert failures == {"no-ambisonic-format": 1, "removed": 1}


def test_a_listed_video_waits_and_is_explained_by_its_address_too(
    yt360: Callable[..., Any], listed: Path, tmp_path: Path
) -> None:
    """It was unknown until it was crawled, and an address was never a video."""
    root = tmp_path / "root"
    yt360("crawl", "discover", "--root", root, "--source", listed, "-p", ACCESS)
    for asked in ("AAAAAAAAAAA", "https://youtu.be/AAAAAAAAAAA", "youtube.com/shorts/AAAAAAAAAAA"):
        code, out = yt360("explain", asked, "--root", root, "--json")
        told = json.loads(out)
        assert (code, told["video"], told["verdict"], told["history"]) == (0, "AAAAAAAAAAA", "waiting", [])
    assert yt360("explain", "ZZZZZZZZZZZ", "--root", root)[0] == 2


def test_a_gone_channel_is_said_by_discover(yt360: Callable[..., Any], tube: Tube, tmp_path: Path) -> None:  # noqa: F811
    gone = "https://www.youtube.com/@gone"
    tube.lists[gone] = {"error": "This channel does not exist."}
    (tmp_path / "list.txt").write_text(f"AAAAAAAAAAA\n{gone}\n")
    words = ("crawl", "discover", "--root", tmp_path / "root", "--source", tmp_path / "list.txt", "-p", ACCESS)
    code, out = yt360(*words, "--json")
    told = json.loads(out)
    assert (code, told["videos"], told["items"]) == (1, 1, ["AAAAAAAAAAA"])
    assert [(each["address"], each["kind"]) for each in told["unlisted"]] == [(gone, "not-found")]
    assert yt360(*words)[0] == 1
    code, out = yt360("crawl", "probe", "--root", tmp_path / "root", "--json")
    assert (code, json.loads(out)["videos"]) == (1, 1)


def test_attrition_of_a_list_and_what_changed_since(
    yt360: Callable[..., Any],
    listed: Path,
    tube: Tube,  # noqa: F811
    tmp_path: Path,
) -> None:
    root, table = tmp_path / "root", tmp_path / "published.tsv"
    table.write_text(LIST)
    yt360("crawl", "probe", "--root", root, "--source", listed, "-p", ACCESS)
    code, out = yt360("crawl", "attrition", "--root", root, "--list", table, "--json")
    first = json.loads(out)
    assert code == 0
    assert first["train"] == {
        "videos": 2, "asked": 2, "live": 1, "reachable": 1, "with_ambisonics": 1, "kinds": {"removed": 1},
        "segments": 5, "segments_recoverable": 2, "segments_of_unknown_videos": 0,
    }  # fmt: skip
    assert first["test"]["videos"] == 2
    assert first["videos"]["DDDDDDDDDDD"] == "not-asked"
    tube.videos["AAAAAAAAAAA"] = {"error": "Private video. Sign in if you've been granted access to this video"}
    yt360("crawl", "probe", "--root", root, "--refresh")
    second = json.loads(yt360("crawl", "attrition", "--root", root, "--list", table, "--json")[1])
    assert second["changed"] == {"whole -> private": ["AAAAAAAAAAA"]}
    assert (
        "1 whole -> private"
        in yt360(
            "crawl", "attrition", "--root", root, "--list", table, "--compare", sorted((root / "report").iterdir())[0]
        )[1]
    )


def test_crawl_without_a_step_does_all_three(yt360: Callable[..., Any], listed: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    words = ("--root", root, "--source", listed, "-p", ACCESS, "-p", "check_arrived=false", "--min-free-gb", 0)
    assert yt360("crawl", *words)[0] == 1
    assert (root / "data" / "crawl" / "AAAAAAAAAAA" / "info.json").is_file()
    record = json.loads(yt360("explain", "AAAAAAAAAAA", "--root", root, "--json")[1])["history"][0]
    assert "source" not in record["params"]


def test_the_doctor_looks_at_this_machine_and_asks_as_each_client(
    yt360: Callable[..., Any],
    tube: Tube,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(doctor, "yt_dlp_version", "2020.01.01")
    code, out = yt360("crawl", "doctor", "--offline")
    assert code == 1
    assert "NOT  yt-dlp: 2020.01.01" in out
    monkeypatch.setattr(doctor, "CLIENTS", ("default", "visionos"))
    monkeypatch.setattr(
        doctor.check_clients, "__kwdefaults__", {**(doctor.check_clients.__kwdefaults__ or {}), "clients": ("default",)}
    )
    offer(tube, "AAAAAAAAAAA", SOUNDS + PICTURES)
    code, out = yt360("crawl", "doctor", "--video", "AAAAAAAAAAA", "-p", ACCESS, "--json")
    told = json.loads(out)
    assert told["clients"][0]["ambisonic"][0] == "338"
    assert told["best"] == [["default", 1]]
