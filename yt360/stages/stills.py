"""Stills: drop videos whose picture does not live: still images, slide shows, turning stills, overlays on stills.

Consumes a video's picture and the decoding spec that ``validate`` found. A short video is looked at
as a whole, of a long one a few windows spread over it, each moved to the key frame in front of it; frames are small
and gray. Every comparison is kept, packed in the record and readable in the output ``timeline`` (``timeline.json``, see
:func:`yt360.filters.stills.frame_differences.to_columns`), so thresholds can change without decoding anything. What
later filters want to see of a short video is measured on the way (``look.npz``, :mod:`yt360.filters.picture_look`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from yt360.engine.stage import Context, Done, Filtered, Item, Outcome, Resources, Stage
from yt360.errors import ItemError
from yt360.files import parse_json
from yt360.filters import picture_look
from yt360.filters.frame_of_reference.picture_course import RATE_HZ
from yt360.filters.stills import certainty, decision, frame_differences, motion
from yt360.filters.stills.settings import MotionSettings
from yt360.filters.stills.thresholds import StillsThresholds
from yt360.media.facts import Facts
from yt360.media.reading_picture import read_frames
from yt360.settings import unit


class StillsParams(MotionSettings):
    """Which frames are looked at, and what counts as motion in them."""

    aliases: ClassVar[Mapping[str, str]] = {"whole_s": "watch_whole_below_s"}

    rate_hz: float = Field(
        default=2.0, gt=0, le=10, description="Frames per second that are looked at. Raising it misses slow motion."
    )
    height: int = Field(
        default=160,
        ge=64,
        le=1024,
        multiple_of=motion.BLOCK,
        json_schema_extra=unit("pixels"),
        description="Height of the frames that are looked at.",
    )
    width: int = Field(
        default=320,
        ge=128,
        le=2048,
        multiple_of=2 * motion.BLOCK,
        json_schema_extra=unit("pixels"),
        description="Width of the frames that are looked at.",
    )
    watch_whole_below_s: float = Field(
        serialization_alias="whole_s",
        default=24.0,
        ge=0,
        description="Videos up to this long are looked at from start to end.",
    )
    share: float = Field(
        default=0.1,
        gt=0,
        le=1,
        description="Share of a longer video that is looked at, in windows spread over it. Raising it costs time.",
    )
    window_s: float = Field(default=6.0, gt=1, description="Length of such a window.")
    min_windows: int = Field(default=3, ge=1, description="Least number of windows.")
    max_windows: int = Field(default=8, ge=1, description="Largest number of windows, however long the video is.")


def windows(start_s: float, end_s: float, params: StillsParams) -> list[tuple[float, float]]:
    """(start, duration) in seconds of the stretches to look at, spread evenly over [start_s, end_s)."""
    duration = end_s - start_s
    if duration <= params.watch_whole_below_s:
        return [(start_s, duration)] if duration > 0 else []
    count = math.ceil(params.share * duration / params.window_s)
    count = min(max(count, params.min_windows), params.max_windows, max(1, int(duration / params.window_s)))
    room = duration - count * params.window_s
    return [
        (start_s + index * params.window_s + room * (index + 0.5) / count, params.window_s) for index in range(count)
    ]


def _every(frames: Sequence[NDArray[np.uint8]], rate_hz: float, length_s: float) -> list[NDArray[np.uint8]]:
    """Of frames at :data:`RATE_HZ` those that are wanted at a lower rate."""
    at = np.rint(np.arange(max(1, round(length_s * rate_hz))) * RATE_HZ / rate_hz).astype(int)
    return [frames[place] for place in at if place < len(frames)]


class Stills(Stage):
    name = "stills"
    version = 11
    params_type = StillsParams
    thresholds_type = StillsThresholds
    needs = Resources(timeout_s=1800)
    inputs: ClassVar[Mapping[str, str]] = {"video": "crawl.video", "facts": "validate.facts"}
    after = ("validate",)

    def process(self, item: Item, context: Context) -> Outcome:
        from yt360.media.key_frames import cheap_start_s  # here: who asks where a root stands does not decode

        params: StillsParams = self.params
        facts = Facts.load(item.files["facts"])
        start_s, end_s = facts.span
        steps: list[frame_differences.FrameComparison] = []
        looked_s = 0.0
        outputs = {"timeline": "timeline.json"}
        free_s = start_s
        for index, (at_s, length_s) in enumerate(windows(start_s, end_s, params)):
            at_s = cheap_start_s(item.files["video"], facts.picture, at_s, (free_s + at_s) / 2)
            free_s = at_s + length_s
            if length_s == end_s - start_s:
                seen = list(self._frames(item, facts, at_s, length_s, RATE_HZ))
                frames: Iterable[NDArray[np.uint8]] = _every(seen, params.rate_hz, length_s)
                looked = picture_look.look(at_s, seen)
                if looked is not None:
                    picture_look.write_look(context.workdir / "look.npz", looked)
                    outputs["look"] = "look.npz"
            else:
                frames = self._frames(item, facts, at_s, length_s, params.rate_hz)
            steps += frame_differences.measure_window(
                frames, window=index, start_s=at_s, fps=params.rate_hz, settings=params
            )
            looked_s += length_s
        if not steps:
            raise ItemError(
                "no-frames",
                f"{item.files['video'].name}: expected at least two frames between {start_s:.2f} s and {end_s:.2f} s, "
                "found none; look at the file with `yt360 inspect`",
            )
        columns = frame_differences.to_columns(steps)
        (context.workdir / "timeline.json").write_text(json.dumps(columns, separators=(",", ":")), encoding="utf-8")
        measures = {
            "looked_s": round(looked_s, 3),
            "duration_s": round(facts.duration_s, 3),
            "comparisons": frame_differences.pack(steps),
        }
        return Done(outputs=outputs, measures=measures)

    def _frames(
        self, item: Item, facts: Facts, at_s: float, length_s: float, fps: float
    ) -> Iterator[NDArray[np.uint8]]:
        return read_frames(
            item.files["video"],
            facts.picture,
            height=self.params.height,
            width=self.params.width,
            fps=fps,
            start_s=at_s,
            duration_s=length_s,
            gray=True,
        )

    def decide(self, measures: Mapping[str, Any]) -> Filtered | None:
        verdict = certainty.verdict(frame_differences.unpack(measures["comparisons"]), self.thresholds)
        return None if verdict is None else Filtered("still", verdict.detail)

    def summary(self, measures: Mapping[str, Any]) -> str:
        if "comparisons" not in measures:
            return ""
        columns = frame_differences.unpack(measures["comparisons"])
        if certainty.verdict(columns, self.thresholds) is not None:
            return ""
        moves = 1 - decision.quiet_share(columns)
        return f"something moves in {moves:.0%} of {len(columns['window'])} comparisons of two frames"

    def check_output(self, name: str, path: Path) -> None:
        if name == "look":
            picture_look.read_look(path)
            return
        try:
            frame_differences.from_columns(parse_json(path.read_text(encoding="utf-8")))
        except (ValueError, KeyError, TypeError) as error:
            raise ItemError("damaged-output", f"{path}: expected the comparisons of a video as JSON, {error}") from None
