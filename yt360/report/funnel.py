"""How many videos are left after each rule, beside the numbers of the paper."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.state.entries import ChildEntry

PAPER = {"videos": 5506, "clips": 88_733, "hours": 246.0}
"""What YouTube-360 has (section 4.1 of the paper: 5,506 videos, 88,733 clips, 246 hours)."""

_STEPS = (
    ("crawl", "crawled"),
    ("validate", "valid: 360° with ambisonics"),
    ("stills", "not a still"),
    ("voiceover", "no post-production sound"),
    ("frame_of_reference", "picture and sound in one frame of reference"),
    ("duplicates", "not a duplicate"),
    ("chunk", "with clips"),
    ("split", "in the dataset"),
)


@dataclass(frozen=True)
class FunnelStep:
    """What a stage kept and dropped: ``reasons`` by word, ``failures`` by kind, ``waiting`` not yet decided."""

    stage: str
    words: str
    kept: int
    reasons: dict[str, int]
    failures: dict[str, int]
    waiting: int


@dataclass(frozen=True)
class Funnel:
    """``hours`` are those of the clips; ``listed`` the videos that were asked for."""

    steps: list[FunnelStep]
    listed: int
    videos: int
    clips: int
    hours: float


def clips_of(catalog: DatasetState) -> list[ChildEntry]:
    """Clips that are in the dataset, or that were cut where nothing was split yet."""
    after = ("split",) if "split" in catalog.stages else ()
    return list(catalog.children_after("chunk", after)) if "chunk" in catalog.stages else []


def funnel(catalog: DatasetState, clips: Sequence[ChildEntry] | None = None) -> Funnel:
    """The funnel of a root, from its records; ``clips`` are its :func:`clips_of`, where they are known already."""
    clips = clips_of(catalog) if clips is None else clips
    steps = []
    for stage, words in _STEPS:
        if stage not in catalog.stages:
            continue
        kept, waiting = 0, 0
        reasons: Counter[str] = Counter()
        failures: Counter[str] = Counter()
        for entry in catalog.entries(stage).values():
            if entry.state == "done":
                kept += 1
            elif entry.state == "filtered" and entry.record is not None:
                reasons[entry.record.reason] += 1
            elif entry.state == "failed" and entry.record is not None:
                failures[entry.record.kind] += 1
            else:
                waiting += 1
        steps.append(FunnelStep(stage, words, kept, dict(reasons.most_common()), dict(failures.most_common()), waiting))
    return Funnel(
        steps,
        len(catalog.entries("crawl")) if "crawl" in catalog.stages else 0,
        len({clip.parent.item for clip in clips}),
        len(clips),
        sum(float(clip.meta.get("duration_s", 0.0)) for clip in clips) / 3600,
    )
