"""Frame of reference: do picture and sound turn together, and is what is seen heard from where and when it is seen?

Consumes a video's picture and sound and the decoding specs that ``validate`` found. A few stretches are looked at,
small and gray, sixteen frames a second, each decoded once. What was measured stands in the record, its course over
time in the output ``frame`` (``frame.json``: turn of the picture and direction of the sound, four a second). What
follows from it is decided apart: by default nothing is dropped and nothing is changed; with ``repair``, ``chunk`` turns
and moves the sound of videos where the heading or the lag is known (``docs/explanation/frame-of-reference.md``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from yt360.engine.stage import Context, DatasetView, Done, Filtered, Item, Outcome, Resources, Stage
from yt360.errors import ItemError
from yt360.files import parse_json
from yt360.filters.frame_of_reference import decision, measurement, sound_activity
from yt360.filters.frame_of_reference.measurement import Stretch
from yt360.filters.frame_of_reference.settings import FrameThresholds, StretchSettings
from yt360.media.facts import Facts
from yt360.media.reading_picture import read_frames
from yt360.media.reading_sound import read_sound

NAME = "frame_of_reference"


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


class FrameOfReference(Stage):
    """Reasons: ``frame-of-reference``, where ``quarantine`` is on."""

    name = NAME
    version = 1
    params_type = StretchSettings
    thresholds_type = FrameThresholds
    needs = Resources(timeout_s=1800)
    inputs: ClassVar[Mapping[str, str]] = {"video": "crawl.video", "sound": "crawl.sound?", "facts": "validate.facts"}
    after = ("validate", "stills", "voiceover")

    def process(self, item: Item, context: Context) -> Outcome:
        facts = Facts.load(item.files["facts"])
        found = []
        for at_s, length_s in stretches(*facts.span, self.params):
            stretch = self._look(item, facts, at_s, length_s)
            if stretch is not None:
                found.append(stretch)
        course = json.dumps({"stretches": measurement.course(found)}, separators=(",", ":"))
        (context.workdir / "frame.json").write_text(course + "\n", encoding="utf-8")
        return Done({"frame": "frame.json"}, {"duration_s": round(facts.duration_s, 3), **measurement.measure(found)})

    def _look(self, item: Item, facts: Facts, at_s: float, length_s: float) -> Stretch | None:
        frames = read_frames(
            item.files["video"],
            facts.picture,
            height=measurement.HEIGHT,
            width=measurement.WIDTH,
            fps=measurement.RATE_HZ,
            start_s=at_s,
            duration_s=length_s,
            gray=True,
        )
        blocks = read_sound(
            item.files[facts.sound.source],
            facts.sound,
            sample_rate_hz=sound_activity.SAMPLE_RATE_HZ,
            start_s=at_s,
            duration_s=length_s,
        )
        return measurement.look(at_s, frames, sound_activity.gathered(blocks))

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
        return f"{found.verdict}: {found.words}{mended}"

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
