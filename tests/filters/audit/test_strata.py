from __future__ import annotations

from yt360.filters.audit.sheet import QUESTIONS
from yt360.filters.audit.strata import _DROPPED, _KEPT, _split
from yt360.filters.evaluation.labels import FILTERS


def test_every_filter_has_a_question() -> None:
    assert set(QUESTIONS) == set(FILTERS)


def test_strata_go_outwards_from_the_threshold() -> None:
    margins = {f"v{k:03d}": -k / 100 for k in range(100)}
    found = _split("stills", False, margins, _KEPT)
    assert [(each.name, len(each.videos)) for each in found] == [
        ("kept, narrowly", 10),
        ("kept, clearly", 30),
        ("kept, far from the threshold", 60),
    ]
    assert found[0].videos[0] == "v000"
    assert found[-1].videos[-1] == "v099"


def test_a_score_exactly_between_belongs_to_one_stratum() -> None:
    found = _split("stills", True, dict.fromkeys((f"v{k}" for k in range(11)), 0.5), _DROPPED)
    assert sorted(video for each in found for video in each.videos) == sorted(f"v{k}" for k in range(11))
    assert [len(each.videos) for each in found] == [6, 5]


def test_nine_are_not_split_and_ten_are() -> None:
    for count, names in ((9, ["dropped"]), (10, ["dropped, narrowly", "dropped, clearly"])):
        found = _split("stills", True, {f"v{k}": k / 10 for k in range(count)}, _DROPPED)
        assert [each.name for each in found] == names


def test_videos_without_a_score_are_a_stratum_of_their_own() -> None:
    found = _split("duplicates", False, {"a": None, "b": 0.1, "c": None}, _KEPT)
    assert [(each.name, each.videos) for each in found] == [("kept", ("b",)), ("kept, without a score", ("a", "c"))]
    assert _split("duplicates", False, {}, _KEPT) == []
