"""An audit of a dataset: what a person has to judge, and what the judgements say about each filter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from yt360.filters.audit.drawing import random_number
from yt360.filters.audit.estimates import FilterEstimate, Judged, estimate, needed
from yt360.filters.audit.sheet import Line
from yt360.filters.audit.strata import Stratum
from yt360.filters.evaluation.labels import KEEP

Drawn = Sequence[tuple[Stratum, tuple[str, ...]]]
"""Each stratum and its sample."""


@dataclass(frozen=True)
class Audited:
    """One filter: counts of the whole dataset, of the sample, and what they give.

    ``more``: how many videos would have to be judged in all for intervals of the wished width (precision, recall).
    """

    name: str
    dropped: int
    kept: int
    asked: int
    judged: int
    strata: tuple[tuple[Stratum, Judged], ...]
    estimate: FilterEstimate
    needed: tuple[int | None, int | None]


def questions(drawn: Drawn, told: Mapping[str, Mapping[str, object]], seed: int) -> list[Line]:
    """A line for each question, in random order: strata do not show."""
    lines = [
        Line(video, stratum.filter, title=_text(told, video, "title"), address=_text(told, video, "url"))
        for stratum, videos in drawn
        for video in videos
    ]
    return sorted(lines, key=lambda line: (line.filter, random_number(seed, line.filter, line.video)))


def _text(told: Mapping[str, Mapping[str, object]], video: str, key: str) -> str:
    value = told.get(video, {}).get(key)
    return value[:300] if isinstance(value, str) else ""


def answers_of_labels(wanted: Mapping[str, str], drawn: Drawn) -> dict[tuple[str, str], bool]:
    """What labels (video -> filter that is to drop it, or keep) say about the sample.

    A video that is labelled for another filter says nothing about this one: a person gives one reason, not all.
    """
    return {
        (stratum.filter, video): wanted[video] == stratum.filter
        for stratum, videos in drawn
        for video in videos
        if wanted.get(video) in (stratum.filter, KEEP)
    }


def audited(drawn: Drawn, answers: Mapping[tuple[str, str], bool], width: float) -> list[Audited]:
    """Every filter of the sample. ``answers``: (filter, video) -> whether the filter should drop it."""
    found = []
    for name in dict.fromkeys(stratum.filter for stratum, _ in drawn):
        strata = []
        asked = 0
        for stratum, videos in drawn:
            if stratum.filter == name:
                known = [answers[name, video] for video in videos if (name, video) in answers]
                strata.append((stratum, Judged(stratum.dropped, len(stratum.videos), len(known), sum(known))))
                asked += len(videos)
        counts = [each for _, each in strata]
        found.append(
            Audited(
                name,
                sum(each.size for each in counts if each.dropped),
                sum(each.size for each in counts if not each.dropped),
                asked,
                int(sum(each.judged for each in counts)),
                tuple(strata),
                estimate(counts),
                needed(counts, width),
            )
        )
    return found
