"""Filters against labels, of records whose every verdict is known."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from yt360.filters.evaluation.against_labels import curves, evaluate
from yt360.filters.evaluation.labels import VideoLabels
from yt360.filters.evaluation.precision_recall import Counts
from yt360.stages.voiceover import Voiceover


def entry(state: str, reason: str = "", **measures: Any) -> Any:
    record = SimpleNamespace(status=state, reason=reason, measures=measures)
    return SimpleNamespace(state=state, record=None if state == "waiting" else record)


def catalog(stages: dict[str, dict[str, Any]]) -> Any:
    kinds = {name: Voiceover() if name == "voiceover" else None for name in stages}
    return SimpleNamespace(stages=kinds, entries=stages.__getitem__)


def labels(**wanted: str) -> VideoLabels:
    return VideoLabels(wanted, {})


VIDEOS = {
    "crawl": {name: entry("done") for name in ("a", "b", "c", "d", "e", "f", "g", "h")},
    "validate": {"d": entry("filtered", "not-360"), "h": entry("failed")}
    | {name: entry("done") for name in ("a", "b", "c", "e", "f", "g")},
    "stills": {"a": entry("filtered", "still"), "b": entry("done"), "c": entry("filtered", "still"),
               "e": entry("done"), "f": entry("filtered", "unheard-of"), "g": entry("waiting")},
}  # fmt: skip


def test_rightly_and_wrongly_dropped_are_counted_of_those_that_reached_the_filter() -> None:
    """``d`` was dropped before, ``g`` is not decided yet, ``h`` failed, ``z`` was never crawled."""
    told = labels(
        a="stills", b="stills", c="keep", e="keep", f="stills", d="stills", g="stills", h="stills", z="stills"
    )
    (found,) = evaluate(catalog(VIDEOS), told)
    assert (found.name, found.stage) == ("stills", "stills")
    assert found.counts == Counts(hits=1, misses=2, alarms=1, passed=1)
    assert (found.elsewhere, found.absent) == (1, 3)


def test_a_label_for_another_filter_says_nothing_about_this_one() -> None:
    told = labels(a="stills", b="ambisonics", d="ambisonics", e="keep")
    found = {each.name: each for each in evaluate(catalog(VIDEOS), told)}
    assert found["stills"].counts == Counts(1, 0, 0, 1)
    # Dropped for another reason than the filter's: a miss.
    assert found["ambisonics"].counts == Counts(0, 2, 0, 1)
    assert set(found) == {"stills", "ambisonics"}


def test_filters_that_nobody_speaks_of_or_that_the_recipe_lacks_have_no_result() -> None:
    assert evaluate(catalog(VIDEOS), labels(a="keep")) == []
    assert evaluate(catalog(VIDEOS), labels(a="silence")) == []
    assert curves(catalog(VIDEOS), labels(a="post-production")) == []


def heard(omni: float) -> Any:
    return entry("filtered" if omni > 0.9 else "done", scores={"omni": omni, "front": 0.1, "bed": 0.1})


def test_a_curve_has_every_score_as_a_threshold_and_today_s_among_them() -> None:
    limit = Voiceover().thresholds.omni
    videos = {"a": heard(limit), "b": heard(limit - 0.01), "c": heard(0.2), "d": heard(0.99), "e": heard(0.95)}
    told = labels(a="post-production", b="post-production", c="keep", d="stills")
    found = {each.score.setting: each for each in curves(catalog({"voiceover": videos}), told)}
    omni = found["omni"]
    assert omni.threshold == pytest.approx(limit)
    assert omni.today == Counts(hits=1, misses=1, alarms=0, passed=1)
    assert sorted(at for at, _ in omni.points)[:3] == pytest.approx([0.2, limit - 0.01, limit])
    assert dict(omni.points)[0.2] == Counts(2, 0, 1, 0)
    assert omni.area == pytest.approx(1.0)
    assert "head_locked_active" not in found, "not measured of any"
