"""How much of a list is still there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import pytest

from yt360.crawling.attrition import Known, attrition, compare, gather, joined, known_from, read_report
from yt360.crawling.failures import KINDS
from yt360.crawling.probe import read_probes
from yt360.crawling.tables import ListedVideo, read_table
from yt360.crawling.targets import name_of_url
from yt360.engine.state.ledger import Record
from yt360.hashing import safe_id

LISTED = [
    ListedVideo("a", "train", [[0, 10], [20, 30], [55, 65]]),
    ListedVideo("b", "train", [[0, 10]]),
    ListedVideo("c", "train", [[0, 10], [10, 20]]),
    ListedVideo("d", "test", [[5, 15]]),
    ListedVideo("e", "test", [[5, 15], [30, 40]]),
]


def test_numbers_by_side_add_up() -> None:
    known = {
        "a": Known("whole", "", 61.0),
        "b": Known("gone", "removed"),
        "c": Known("no-ambisonics", "no-ambisonic-format"),
        "d": Known("whole", "", None),
    }
    report = attrition(LISTED, known)
    train, test, total = report["train"], report["test"], report["total"]
    assert (train["videos"], train["asked"], train["live"], train["with_ambisonics"]) == (3, 3, 2, 1)
    assert (train["segments"], train["segments_recoverable"]) == (6, 2)
    assert (test["videos"], test["asked"], test["segments_recoverable"], test["segments_of_unknown_videos"]) == (
        2,
        1,
        1,
        2,
    )
    for number in ("videos", "asked", "live", "with_ambisonics", "segments", "segments_recoverable"):
        assert total[number] == train[number] + test[number]
    assert total["kinds"] == {"no-ambisonic-format": 1, "not-asked": 1, "removed": 1}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_of_failure_is_placed(kind: str) -> None:
    state = known_from(kind, None).state
    assert state != "whole"
    if KINDS[kind].retry == "soon":
        assert state == "unknown"


def _record(item: str, kind: str = "", started: str = "2026-01-02", **measures: object) -> Record:
    status: Literal["failed", "done"] = "failed" if kind else "done"
    return Record("crawl", item, item, "k", status, 1, kind=kind, started=started, measures=measures)


def test_newest_answer_counts() -> None:
    records = {"a": _record("a", told_duration_s=60), "b": _record("b", "removed"), "c": _record("c", "worker-died")}
    probes: dict[str, dict[str, Any]] = {
        "a": {"kind": "removed", "probed": "2026-03-01"},
        "b": {"kind": "", "probed": "2026-01-01", "duration_s": 5.0},
        "d": {"kind": "", "probed": "2026-01-01", "duration_s": 5.0},
    }
    assert gather(records, probes) == {
        "a": Known("gone", "removed"),
        "b": Known("gone", "removed"),
        "d": Known("whole", "", 5.0),
    }
    assert gather(records, {})["a"] == Known("whole", "", 60)


def test_second_run_says_what_changed(tmp_path: Path) -> None:
    before = attrition(LISTED, {"a": Known("whole"), "b": Known("gone", "removed")})
    (tmp_path / "r.json").write_text(json.dumps(before))
    now = attrition(LISTED, {"a": Known("gone", "private"), "b": Known("gone", "removed"), "c": Known("whole")})
    assert compare(read_report(tmp_path / "r.json"), now) == {"not-asked -> whole": ["c"], "whole -> private": ["a"]}


def test_rows_of_one_video_in_any_spelling_are_one_video_and_known_by_its_id(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text(
        "url,start,end,split\n"
        "https://www.youtube.com/watch?v=AAAAAAAAAAA&t=0s,0,10,test\n"
        "https://youtu.be/AAAAAAAAAAA?t=20,20,30,test\n"
        "AAAAAAAAAAA,0,10,\n"
        "https://h.test/a/walk.mp4,0,10,train\n"
    )
    walk = safe_id(name_of_url("https://h.test/a/walk.mp4"))
    known = {"AAAAAAAAAAA": Known("whole", "", 31.0), walk: Known("gone", "removed")}
    report = attrition(joined(read_table(table).values(), known, {}), known)
    assert report["videos"] == {"AAAAAAAAAAA": "whole", walk: "removed"}
    assert (report["test"]["videos"], report["test"]["segments"], report["test"]["segments_recoverable"]) == (1, 2, 2)
    assert (report["train"]["videos"], report["train"]["live"]) == (1, 0)


def test_what_is_known_of_a_video_does_not_depend_on_who_else_is_listed() -> None:
    known = {"a": Known("whole", "", 61.0), "b": Known("gone", "removed")}
    alone = attrition([LISTED[0]], known)["videos"]["a"]
    assert attrition(LISTED, known)["videos"]["a"] == attrition(LISTED[::-1], known)["videos"]["a"] == alone


@pytest.mark.parametrize(
    "line",
    [
        '{"video": "a"}', '{"video": "a", "kind": 3}', '{"video": "a", "kind": "", "duration_s": "long"}', "[1]", "3",
        '{"video": "a", "kind": "", "bytes": []}', "[" * 100_000, '{"video": "a", "ki',
    ],
)  # fmt: skip
def test_a_damaged_answer_of_a_probe_costs_itself_only(tmp_path: Path, line: str) -> None:
    whole = '{"video": "b", "kind": "removed", "probed": "2026-01-01"}'
    (tmp_path / "crawl-probe.jsonl").write_text(f"{line}\n{whole}\n")
    assert gather({}, read_probes(tmp_path)) == {"b": Known("gone", "removed")}
