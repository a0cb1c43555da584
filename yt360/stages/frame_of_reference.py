"""Frame of reference: do picture and sound turn together, and is what is seen heard from where and when it is seen?

Consumes a video's picture and sound and the decoding specs that ``validate`` found, and of a short one what ``stills``
has seen of it. Of a longer one a stretch in the middle is looked at, from a key frame on, small and gray, sixteen
frames a second, and two more where that one has something to say. What was measured stands in the record, its course
over time in the output ``frame`` (``frame.json``: turn of the picture and direction of the sound, four a second). What
follows from it is decided apart: by default nothing is dropped and nothing is changed; with ``repair``, ``chunk`` turns
and moves the sound of videos where the heading or the lag is known (``docs/explanation/frame-of-reference.md``).
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from yt360.engine.stage import Context, DatasetView, Done, Filtered, Item, Outcome, Resources, Stage
from yt360.errors import ItemError
from yt360.files import parse_json
from yt360.filters.frame_of_reference import decision, measurement, picture_course, sound_activity
from yt360.filters.frame_of_reference.measurement import Stretch
from yt360.filters.frame_of_reference.picture_course import RATE_HZ, PictureCourse
from yt360.filters.frame_of_reference.settings import FrameThresholds, StretchSettings
from yt360.filters.picture_look import read_look
from yt360.media.facts import Facts
from yt360.media.reading_picture import read_frames
from yt360.media.reading_sound import read_sound

NAME = "frame_of_reference"

_QUICK_CODECS = ("h264",)
"""Decoding a frame of these costs hardly more than shrinking it: nothing is gained by decoding once."""


def stretches(start_s: float, end_s: float, params: StretchSettings) -> list[tuple[float, float]]:
    """(start, duration) in seconds of what is looked at, all equally long, spread evenly over [start_s, end_s).

    >>> stretches(0.0, 20.0, StretchSettings(window_s=12.0))
    [(0.0, 10.0), (10.0, 10.0)]
    """
    duration = end_s - start_s
    if duration <= 0:
        return []
    count = max(1, -int(-duration // params.window_s))
    if count <= params.max_windows:
        length = duration / count
        return [(start_s + index * length, length) for index in range(count)]
    room = duration - params.max_windows * params.window_s
    step = params.window_s + room / params.max_windows
    first = start_s + room / params.max_windows / 2
    return [(first + index * step, params.window_s) for index in range(params.max_windows)]


def _on_a_frame(at_s: float) -> float:
    """The next moment of which clips have a frame as well: who decodes for both then decodes no frame more.

    >>> _on_a_frame(3.14)
    3.1875
    """
    return math.ceil(at_s * RATE_HZ - 1e-6) / RATE_HZ


def _middle_first(count: int) -> list[int]:
    """Numbers below ``count``, the middle one first.

    >>> _middle_first(3)
    [1, 0, 2]
    """
    middle = count // 2
    return [*([middle] if count else []), *(number for number in range(count) if number != middle)]


class FrameOfReference(Stage):
    """Reasons: ``frame-of-reference``, where ``quarantine`` is on."""

    name = NAME
    version = 5
    params_type = StretchSettings
    thresholds_type = FrameThresholds
    needs = Resources(timeout_s=1800)
    inputs: ClassVar[Mapping[str, str]] = {
        "video": "crawl.video",
        "sound": "crawl.sound?",
        "facts": "validate.facts",
        "look": "stills.look?",
    }
    after = ("validate", "stills", "voiceover")
    ahead_for = "chunk"

    @property
    def works_ahead(self) -> bool:
        limits: FrameThresholds = self.thresholds
        return not limits.repair and not limits.quarantine

    def process_ahead(self, item: Item, context: Context, later: Callable[[], None]) -> Outcome:
        from yt360.media.shared_decoding import Look, sharing

        facts = Facts.load(item.files["facts"])
        if "look" in item.files or facts.picture.codec in _QUICK_CODECS:  # in the first case nothing is decoded for it
            return self.process(item, context)
        size = (picture_course.HEIGHT, picture_course.WIDTH)
        places = self._places(item, facts)
        looks = [Look(item.files["video"], facts.picture, *size, RATE_HZ, at_s, length_s) for at_s, length_s in places]
        with sharing(looks, context.workdir) as shared:
            later()
            shared.stop_taking()
            return self.process(item, context)

    def process(self, item: Item, context: Context) -> Outcome:
        facts = Facts.load(item.files["facts"])
        whole = read_look(item.files["look"]).course if "look" in item.files else None
        spans = stretches(*facts.span, self.params) if whole is not None else self._places(item, facts)
        found: list[Stretch] = []
        measures = measurement.measure(found)
        for number in _middle_first(len(spans)):
            stretch = self._look(item, facts, spans[number], whole)
            if stretch is not None:
                found.append(stretch)
                measures = measurement.measure(found)
            # Where one stretch says nothing at all the others are not decoded.
            if whole is None and not decision.open_question(measures):
                break
        found.sort(key=lambda each: each.start_s)
        course = json.dumps({"stretches": measurement.course(found)}, separators=(",", ":"))
        (context.workdir / "frame.json").write_text(course + "\n", encoding="utf-8")
        return Done({"frame": "frame.json"}, {"duration_s": round(facts.duration_s, 3), **measures})

    def _places(self, item: Item, facts: Facts) -> list[tuple[float, float]]:
        """The stretches, each from a key frame on where that is near enough; none begins inside of the one before."""
        from yt360.media.key_frames import cheap_start_s  # here: who asks where a root stands does not decode

        spans = stretches(*facts.span, self.params)
        free_s = [facts.span[0], *(at_s + length_s for at_s, length_s in spans)]
        return [
            (
                _on_a_frame(cheap_start_s(item.files["video"], facts.picture, at_s, (before_s + at_s) / 2)),
                length_s,
            )
            for (at_s, length_s), before_s in zip(spans, free_s, strict=False)
        ]

    def _look(self, item: Item, facts: Facts, span: tuple[float, float], whole: PictureCourse | None) -> Stretch | None:
        at_s, length_s = span
        if whole is not None:
            first = max(0, round((at_s - whole.start_s) * RATE_HZ))
            course = whole.part(first, round(length_s * RATE_HZ))
            at_s = course.start_s
        else:
            seen = picture_course.watch(at_s, self._frames(item, facts, at_s, length_s))
            if seen is None:
                return None
            course = seen
        blocks = read_sound(
            item.files[facts.sound.source],
            facts.sound,
            sample_rate_hz=sound_activity.SAMPLE_RATE_HZ,
            start_s=at_s,
            duration_s=length_s,
            exact=False,
        )
        return measurement.listen(course, sound_activity.gathered(blocks))

    def _frames(self, item: Item, facts: Facts, at_s: float, length_s: float) -> Iterator[NDArray[np.uint8]]:
        return read_frames(
            item.files["video"],
            facts.picture,
            height=picture_course.HEIGHT,
            width=picture_course.WIDTH,
            fps=RATE_HZ,
            start_s=at_s,
            duration_s=length_s,
            gray=True,
        )

    def decide(self, measures: Mapping[str, Any]) -> Filtered | None:
        limits: FrameThresholds = self.thresholds
        found = decision.judge(measures, limits)
        if not limits.quarantine or found.verdict in ("agrees", "unknown"):
            return None
        return None if decision.repair(found, limits) is not None else Filtered("frame-of-reference", found.words)

    def summary(self, measures: Mapping[str, Any]) -> str:
        limits: FrameThresholds = self.thresholds
        found = decision.judge(measures, limits)
        mended = "; chunk puts it in place" if decision.repair(found, limits) is not None else ""
        there = len(stretches(0.0, float(measures.get("duration_s", 0.0)), self.params))
        part = found.verdict == "unknown" and measures.get("stretches") == 1 < there
        return f"{found.verdict}: {found.words}{mended}" + ("; only the middle was looked at" if part else "")

    def check_output(self, name: str, path: Path) -> None:
        try:
            whole = isinstance(parse_json(path.read_text(encoding="utf-8"))["stretches"], list)
        except (ValueError, KeyError, TypeError):
            whole = False
        if not whole:
            raise ItemError("damaged-output", f"{path}: expected the course of a video as JSON, found something else")


def repairs(dataset: DatasetView) -> dict[str, decision.Repair]:
    """What is to be done to the sounds of videos by id, by the thresholds in force."""
    stage = dataset.stages.get(NAME)
    if not isinstance(stage, FrameOfReference) or not stage.thresholds.repair:
        return {}
    found = {}
    for video, record in dataset.passing(NAME).items():
        mended = decision.repair(decision.judge(record.measures, stage.thresholds), stage.thresholds)
        if mended is not None:
            found[video] = mended
    return found
