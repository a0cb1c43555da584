"""What counts as a still picture: every threshold of :mod:`yt360.filters.stills.decision`."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from pydantic import Field, model_validator

from yt360.settings import Settings, unit

log = logging.getLogger(__name__)

_GONE = frozenset(
    {
        *("noise_allowance", "weak_background", "weak_share", "flicker_returns", "dark_flatness"),
        *("overlay_share", "dead_background", "dark_level"),
    }
)
"""Thresholds of earlier versions; without them the verdicts on the films of ``fitting/stills.py`` are no worse."""


class StillsThresholds(Settings):
    """When a video, or a clip, is a still image, a slide show, a turning still or a still with an overlay."""

    moving_share: float = Field(
        default=0.005,
        ge=0,
        le=1,
        description="A pair of samples shows no motion when at most this share of the sphere moved. "
        "Raising it drops more videos.",
    )
    turning_share: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="Replaces moving_share where the whole sphere turns (undoing a turn hides small motion); twice "
        "this for motion that only one of the two comparisons sees.",
    )
    drift_share: float = Field(
        default=0.012,
        ge=0,
        le=1,
        description="Quiet samples count only if at most this share of the sphere differs a few seconds later.",
    )
    quiet_share: float = Field(
        default=0.9,
        ge=0,
        le=1,
        description="A video is still when this share of its pairs of samples shows no motion (changes of slides left "
        "out). Raising it drops fewer videos.",
    )
    weak_strength: float = Field(
        default=2.2,
        ge=0,
        description="Motion is weak when its strongest block is at most this many times the motion threshold "
        "(either at the moment or a few seconds later), and never by more than 1.4 times that.",
    )
    weak_peak: float = Field(
        default=0.15,
        ge=0,
        description="Weak motion is ignored in a window in which no place moves as much as this on average, in units "
        "of the least that counts as motion.",
    )
    steady_motion: float = Field(
        default=0.12,
        ge=0,
        description="A place that moves at least this much in nearly all steps is alive and keeps the video, however "
        "weak it is (shimmering water stays in one place, codec noise does not). Same units as weak_peak.",
    )
    steady_ratio: float = Field(
        default=6.0, ge=0, description="Such a place must also move this many times as much as is usual in the picture."
    )
    flicker_quiet_share: float = Field(
        default=0.55,
        ge=0,
        le=1,
        description="Replaces quiet_share where the brightness flickers: flicker leaves blocks that look like motion.",
    )
    flicker_levels: float = Field(
        default=1.0,
        ge=0,
        json_schema_extra=unit("gray levels"),
        description="A video flickers when its brightness changes by at least this much per step on average (less in "
        "pictures darker than 100).",
    )
    pulse_levels: float = Field(
        default=1.0,
        ge=0,
        json_schema_extra=unit("gray levels"),
        description="A picture pulses when its brightness goes up and down with at least this standard deviation.",
    )
    pulse_ratio: float = Field(
        default=0.4,
        ge=0,
        description="And with at least this part of what 0.5 % of the sphere departs by apart from that.",
    )
    daylight_share: float = Field(
        default=0.06,
        ge=0,
        description="Nothing is still while the brightness drifts one way by this share of itself, as at sunset.",
    )
    slide_share: float = Field(
        default=0.1, ge=0, le=1, description="Least share of the sphere that a change of slides replaces."
    )
    slide_steps: int = Field(
        default=4, ge=0, json_schema_extra=unit("samples"), description="Longest change of slides, fades included."
    )
    turning_departure: float = Field(
        default=2.8,
        ge=0,
        json_schema_extra=unit("gray levels"),
        description="A picture turns only if half of the sphere departs from its mean over time by this.",
    )
    lively_departure: float = Field(
        default=8.0,
        ge=0,
        json_schema_extra=unit("gray levels"),
        description="A picture is no still where 0.5 % of the sphere departs from its mean by this and lively_share "
        "moves. Raising it drops more videos.",
    )
    lively_share: float = Field(
        default=0.001, ge=0, le=1, description="Least share of the sphere that moves in half of the steps for that."
    )
    stirring_levels: float = Field(
        default=4.0,
        ge=0,
        json_schema_extra=unit("gray levels"),
        description="A picture is no still where a small place departs from its usual look by this, never for long in "
        "the same way. Raising it drops more videos.",
    )
    overlay_flatness: float = Field(
        default=0.26,
        ge=0,
        description="Something that travels up or down and keeps its pixels at least this well is an overlay, not a "
        "thing in the world, which would stretch (flatness per unit of stretch).",
    )
    far_stretch: float = Field(
        default=0.4,
        ge=0,
        description="Travel is far when a thing in the world would stretch by at least this (natural logarithm).",
    )
    far_flatness: float = Field(
        default=0.06,
        description="Replaces overlay_flatness where travel is far: the two are told apart more surely there.",
    )
    busy_motion: float = Field(
        default=0.9,
        ge=0,
        description="Something that moves at least this much in nearly all steps, in one small place, is an overlay "
        "(units of weak_peak), where the next four limits hold as well.",
    )
    large_busy_motion: float = Field(
        default=2.2, ge=0, description="Replaces busy_motion for a place larger than overlay_extent."
    )
    overlay_extent: float = Field(
        default=0.08,
        ge=0,
        le=1,
        description="Share of the picture inside its bounding boxes up to which busy_motion is enough.",
    )
    busy_ratio: float = Field(
        default=15.0, ge=0, description="It must also move this many times as much as is usual in the picture."
    )
    busy_elsewhere: float = Field(
        default=0.22,
        ge=0,
        description="And the strongest block elsewhere must stay below this part of what counts as motion.",
    )
    busy_sharpness: float = Field(
        default=5.0,
        ge=0,
        description="And its border must be this many times as steep as a slope as long as the place is wide: light "
        "that flickers fades out.",
    )
    least_stretch: float = Field(
        default=0.1,
        ge=0,
        description="Travel counts when a thing in the world would stretch by at least this (natural logarithm).",
    )
    title_extent: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="Largest share of the picture that a title covers, or that is inside the bounding boxes of "
        "whatever is laid over it.",
    )
    title_quiet: float = Field(
        default=0.25, ge=0, le=1, description="Least share of the steps without motion for an overlay to be a title."
    )
    title_held: float = Field(
        default=0.8,
        ge=0,
        le=1,
        description="Least share of the moments at which a title shows that look like the one before or after.",
    )
    title_levels: float = Field(
        default=18.0,
        ge=0,
        json_schema_extra=unit("gray levels"),
        description="Least departure of a title from the picture behind it: an encoder holds what is fainter.",
    )

    @model_validator(mode="before")
    @classmethod
    def _without_what_is_gone(cls, given: Any) -> Any:
        if not isinstance(given, Mapping) or not _GONE & set(given):
            return given
        for name in sorted(_GONE & set(given)):
            log.warning("stills: the threshold %s is gone; what is given for it is ignored", name)
        return {name: value for name, value in given.items() if name not in _GONE}
