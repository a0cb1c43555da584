from __future__ import annotations

from collections import Counter

from yt360.filters.audit.drawing import draw, random_number
from yt360.filters.audit.strata import Stratum


def _stratum(name: str, dropped: bool, count: int, filter_name: str = "stills") -> Stratum:
    return Stratum(filter_name, name, dropped, tuple(f"{name}{k:04d}" for k in range(count)))


STRATA = [
    _stratum("a", True, 100),
    _stratum("b", True, 100),
    _stratum("c", False, 100),
    _stratum("d", False, 1000),
    _stratum("e", False, 1000),
]


def test_the_sample_is_shared_out_between_dropped_and_kept() -> None:
    drawn = draw(STRATA, 60, seed=1)
    assert [len(videos) for _, videos in drawn] == [15, 15, 10, 10, 10]
    assert all(set(videos) <= set(stratum.videos) for stratum, videos in drawn)


def test_a_larger_sample_holds_the_smaller_one() -> None:
    small, large = draw(STRATA, 40, seed=1), draw(STRATA, 90, seed=1)
    for (_, few), (_, many) in zip(small, large, strict=True):
        assert set(few) <= set(many)
        assert many[: len(few)] == few


def test_what_a_small_stratum_cannot_take_goes_to_others() -> None:
    drawn = draw([_stratum("a", True, 3), _stratum("b", False, 500)], 50, seed=1)
    assert [len(videos) for _, videos in drawn] == [3, 47]
    assert sum(len(videos) for _, videos in draw([_stratum("a", True, 3)], 50, seed=1)) == 3


def test_filters_share_evenly() -> None:
    strata = [_stratum("a", True, 99), _stratum("b", False, 99), _stratum("c", False, 99, "silence")]
    drawn = draw(strata, 30, seed=1)
    assert sum(len(videos) for stratum, videos in drawn if stratum.filter == "silence") == 15


def test_a_moved_threshold_keeps_most_of_what_was_drawn() -> None:
    """The numbers are permanent: a stratum that lost half of its videos keeps the drawn ones among the rest."""
    whole = draw([_stratum("a", True, 200)], 40, seed=1)[0][1]
    rest = tuple(f"a{k:04d}" for k in range(100))
    again = draw([Stratum("stills", "a", True, rest)], 40, seed=1)[0][1]
    assert {video for video in whole if video in rest} <= set(again)


def test_every_video_is_drawn_equally_often() -> None:
    stratum = _stratum("a", True, 20)
    counts = Counter(video for seed in range(2000) for video in draw([stratum], 10, seed)[0][1])
    assert len(counts) == 20
    assert all(900 < count < 1100 for count in counts.values())  # 1000 +- 4.5 standard deviations


def test_the_number_depends_on_seed_filter_and_video() -> None:
    numbers = {random_number(*words) for words in ((1, "a", "b"), (2, "a", "b"), (1, "b", "b"), (1, "a", "c"))}
    assert len(numbers) == 4
