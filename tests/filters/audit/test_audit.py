"""An audit: what is asked, what labels answer already, and what the answers add up to."""

from __future__ import annotations

from yt360.filters.audit.audit import answers_of_labels, audited, questions
from yt360.filters.audit.estimates import Judged
from yt360.filters.audit.strata import Stratum

DROPPED = Stratum("stills", "dropped", True, tuple(f"d{k}" for k in range(10)))
KEPT = Stratum("stills", "kept", False, tuple(f"k{k}" for k in range(40)))
SILENT = Stratum("silence", "dropped", True, ("d0", "s1", "s2"))
DRAWN = [(DROPPED, ("d0", "d1", "d2")), (KEPT, ("k0", "k1")), (SILENT, ("d0", "s1"))]


def test_every_drawn_video_is_asked_for_once_a_filter_in_random_order_and_told_by_name() -> None:
    told: dict[str, dict[str, object]] = {
        "d0": {"title": "A walk", "url": "https://x.test/1"},
        "d1": {"title": 7},
        "d2": {"title": "x" * 301},
    }
    lines = questions(DRAWN, told, seed=1)
    assert sorted((line.filter, line.video) for line in lines) == sorted(
        (stratum.filter, video) for stratum, videos in DRAWN for video in videos
    )
    assert [line.filter for line in lines] == sorted(line.filter for line in lines)
    found = {(line.filter, line.video): line for line in lines}
    assert (found["stills", "d0"].title, found["silence", "d0"].address) == ("A walk", "https://x.test/1")
    assert (found["stills", "d1"].title, found["stills", "k0"].title, found["stills", "k0"].address) == ("", "", "")
    assert found["stills", "d2"].title == "x" * 300
    orders = {
        tuple(line.video for line in questions(DRAWN, told, seed) if line.filter == "stills") for seed in range(9)
    }
    assert len(orders) > 1
    assert questions(DRAWN, told, 1) == lines


def test_a_label_answers_for_its_own_filter_and_keep_for_all() -> None:
    wanted = {"d0": "stills", "d1": "keep", "k0": "silence", "s1": "silence", "k9": "stills"}
    assert answers_of_labels(wanted, DRAWN) == {
        ("stills", "d0"): True,
        ("stills", "d1"): False,
        ("silence", "s1"): True,
    }


def test_answers_are_counted_by_stratum_and_filter() -> None:
    answers = {("stills", "d0"): True, ("stills", "d1"): False, ("stills", "k0"): True, ("stills", "k1"): False,
               ("silence", "s1"): True, ("silence", "unasked"): True}  # fmt: skip
    stills, silence = audited(DRAWN, answers, 0.2)
    assert (stills.name, stills.dropped, stills.kept, stills.asked, stills.judged) == ("stills", 10, 40, 5, 4)
    assert [counts for _, counts in stills.strata] == [Judged(True, 10, 2, 1), Judged(False, 40, 2, 1)]
    assert [stratum.name for stratum, _ in stills.strata] == ["dropped", "kept"]
    assert (silence.name, silence.dropped, silence.kept, silence.asked, silence.judged) == ("silence", 3, 0, 2, 1)
    assert [counts for _, counts in silence.strata] == [Judged(True, 3, 1, 1)]
    assert audited([], {}, 0.2) == []
