"""Stills: drop videos whose picture does not live: still images, slide shows, turning stills, overlays on stills.

Consumes a video's picture and the reading recipe that ``validate`` found. A short video is looked at
as a whole, of a long one a few windows spread over it; frames are small and gray. Every comparison is
kept, packed in the record and readable in the output ``timeline`` (``timeline.json``, see
:func:`yt360.filters.stills.frame_differences.to_columns`), so thresholds can change without decoding anything.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from yt360.engine.stage import Context, Done, Filtered, Item, Outcome, Resources, Stage, StageParams, StageThresholds
from yt360.errors import ItemError
from yt360.filters.stills import decision, frame_differences, motion
from yt360.media.facts import Facts
from yt360.media.reading import read_frames

_DEFAULT = decision.StillLimits()


class StillsParams(StageParams):
    """Which frames are looked at, and what counts as a moved block
    (:class:`yt360.filters.stills.motion.MotionSettings`).

    ``rate_hz`` frames a second of ``height`` x ``width``. Up to ``whole_s`` seconds are looked at as a
    whole; of longer videos ``share`` of the time, in windows of ``window_s``, at least ``min_windows``
    and at most ``max_windows`` of them.
    """

    rate_hz: float = Field(default=2.0, gt=0, le=10)
    height: int = Field(default=160, ge=64, le=1024, multiple_of=motion.BLOCK)
    width: int = Field(default=320, ge=128, le=2048, multiple_of=2 * motion.BLOCK)
    whole_s: float = Field(default=24.0, ge=0)
    share: float = Field(default=0.1, gt=0, le=1)
    window_s: float = Field(default=6.0, gt=1)
    min_windows: int = Field(default=3, ge=1)
    max_windows: int = Field(default=8, ge=1)
    block_threshold: float = Field(default=motion.MotionSettings.threshold, gt=0)
    noise_factor: float = Field(default=motion.MotionSettings.noise_factor, ge=0)
    floor_factor: float = Field(default=motion.MotionSettings.floor_factor, ge=0)
    polar_mask: float = Field(default=motion.MotionSettings.polar_mask, ge=0, lt=0.5)


class StillsThresholds(StageThresholds):
    """The limits of :class:`yt360.filters.stills.decision.StillLimits`, by the same names."""

    moving_share: float = Field(default=_DEFAULT.moving_share, ge=0, le=1)
    noise_allowance: float = Field(default=_DEFAULT.noise_allowance, ge=0)
    turning_share: float = Field(default=_DEFAULT.turning_share, ge=0, le=1)
    drift_share: float = Field(default=_DEFAULT.drift_share, ge=0, le=1)
    quiet_share: float = Field(default=_DEFAULT.quiet_share, ge=0, le=1)
    weak_background: float = Field(default=_DEFAULT.weak_background, ge=0)
    weak_strength: float = Field(default=_DEFAULT.weak_strength, ge=0)
    weak_share: float = Field(default=_DEFAULT.weak_share, ge=0, le=1)
    weak_peak: float = Field(default=_DEFAULT.weak_peak, ge=0)
    steady_motion: float = Field(default=_DEFAULT.steady_motion, ge=0)
    steady_ratio: float = Field(default=_DEFAULT.steady_ratio, ge=0)
    flicker_quiet_share: float = Field(default=_DEFAULT.flicker_quiet_share, ge=0, le=1)
    flicker_levels: float = Field(default=_DEFAULT.flicker_levels, ge=0)
    flicker_returns: float = Field(default=_DEFAULT.flicker_returns, ge=0)
    daylight_share: float = Field(default=_DEFAULT.daylight_share, ge=0)
    slide_share: float = Field(default=_DEFAULT.slide_share, ge=0, le=1)
    slide_steps: int = Field(default=_DEFAULT.slide_steps, ge=0)
    overlay_flatness: float = Field(default=_DEFAULT.overlay_flatness, ge=0)
    dark_flatness: float = Field(default=_DEFAULT.dark_flatness, ge=0)
    least_stretch: float = Field(default=_DEFAULT.least_stretch, ge=0)
    overlay_share: float = Field(default=_DEFAULT.overlay_share, ge=0, le=1)
    overlay_extent: float = Field(default=_DEFAULT.overlay_extent, ge=0, le=1)
    title_extent: float = Field(default=_DEFAULT.title_extent, ge=0, le=1)
    title_quiet: float = Field(default=_DEFAULT.title_quiet, ge=0, le=1)
    dead_background: float = Field(default=_DEFAULT.dead_background, ge=0)
    dark_level: float = Field(default=_DEFAULT.dark_level, ge=0)


def windows(start_s: float, end_s: float, params: StillsParams) -> list[tuple[float, float]]:
    """(start, duration) in seconds of the stretches to look at, spread evenly over [start_s, end_s)."""
    duration = end_s - start_s
    if duration <= params.whole_s:
        return [(start_s, duration)] if duration > 0 else []
    count = math.ceil(params.share * duration / params.window_s)
    count = min(max(count, params.min_windows), params.max_windows, max(1, int(duration / params.window_s)))
    room = duration - count * params.window_s
    return [
        (start_s + index * params.window_s + room * (index + 0.5) / count, params.window_s) for index in range(count)
    ]


class Stills(Stage):
    name = "stills"
    version = 4
    params_type = StillsParams
    thresholds_type = StillsThresholds
    needs = Resources(timeout_s=1800)
    inputs: ClassVar[Mapping[str, str]] = {"video": "crawl.video", "facts": "validate.facts"}
    after = ("validate",)

    def process(self, item: Item, context: Context) -> Outcome:
        params: StillsParams = self.params
        facts = Facts.load(item.files["facts"])
        start_s, end_s = facts.span
        settings = motion.MotionSettings(
            params.block_threshold, params.noise_factor, params.floor_factor, params.polar_mask
        )
        steps: list[frame_differences.FrameComparison] = []
        looked_s = 0.0
        for index, (at_s, length_s) in enumerate(windows(start_s, end_s, params)):
            frames = read_frames(
                item.files["video"],
                facts.picture,
                height=params.height,
                width=params.width,
                fps=params.rate_hz,
                start_s=at_s,
                duration_s=length_s,
                gray=True,
            )
            steps += frame_differences.measure_window(
                frames, window=index, start_s=at_s, fps=params.rate_hz, settings=settings
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
        return Done(outputs={"timeline": "timeline.json"}, measures=measures)

    def decide(self, measures: Mapping[str, Any]) -> Filtered | None:
        verdict = decision.judge(frame_differences.unpack(measures["comparisons"]), self._limits)
        return None if verdict is None else Filtered("still", verdict.detail)

    @functools.cached_property
    def _limits(self) -> decision.StillLimits:
        return decision.StillLimits(**self.thresholds.model_dump())

    def check_output(self, name: str, path: Path) -> None:
        try:
            frame_differences.from_columns(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, KeyError, TypeError) as error:
            raise ItemError("damaged-output", f"{path}: expected the comparisons of a video as JSON, {error}") from None
