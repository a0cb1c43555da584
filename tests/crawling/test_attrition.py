"""How much of a list is still there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from yt360.crawling.attrition import Known, attrition, compare, gather, known_from, read_report
from yt360.crawling.failures import KINDS
from yt360.crawling.tables import ListedVideo
from yt360.engine.state.ledger import Record

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
    status = "failed" if kind else "done"
    return Record("crawl", item, item, "k", status, 1, kind=kind, started=started, measures=measures)


def test_newest_answer_counts() -> None:
    records = {"a": _record("a", told_duration_s=60), "b": _record("b", "removed"), "c": _record("c", "worker-died")}
    probes = {
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
