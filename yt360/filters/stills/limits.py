"""The limits by which the rules of :mod:`yt360.filters.stills.decision` tell motion from none.

They are constants: none of them decides by itself. What the rules say, as they are and with all limits moved
(:func:`moved`), goes into one probability (:mod:`yt360.filters.stills.certainty`), which has the only threshold.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Limits:
    """When the rules call a video a still image, a slide show, a turning still or a still with an overlay."""

    moving_share: float = 0.005
    """A pair of samples shows no motion when at most this share of the sphere moved."""

    turning_share: float = 0.01
    """Replaces moving_share where the whole sphere turns (undoing a turn hides small motion); twice this for motion
    that only one of the two comparisons sees."""

    drift_share: float = 0.012
    """Quiet samples count only if at most this share of the sphere differs a few seconds later."""

    quiet_share: float = 0.9
    """A video is still when this share of its pairs of samples shows no motion (changes of slides left out)."""

    weak_strength: float = 2.2
    """Motion is weak when its strongest block is at most this many times the motion threshold (either at the moment or
    a few seconds later), and never by more than 1.4 times that."""

    weak_peak: float = 0.15
    """Weak motion is ignored in a window in which no place moves as much as this on average, in units of the least that
    counts as motion."""

    steady_motion: float = 0.12
    """A place that moves at least this much in nearly all steps is alive and keeps the video, however weak it is
    (shimmering water stays in one place, codec noise does not). Same units as weak_peak."""

    steady_ratio: float = 6.0
    """Such a place must also move this many times as much as is usual in the picture."""

    flicker_quiet_share: float = 0.55
    """Replaces quiet_share where the brightness flickers: flicker leaves blocks that look like motion."""

    flicker_levels: float = 1.0
    """A video flickers when its brightness changes by at least this much per step on average (less in pictures darker
    than 100; gray levels)."""

    pulse_levels: float = 1.0
    """A picture pulses when its brightness goes up and down with at least this standard deviation (gray levels)."""

    pulse_ratio: float = 0.4
    """And with at least this part of what 0.5 % of the sphere departs by apart from that."""

    daylight_share: float = 0.06
    """Nothing is still while the brightness drifts one way by this share of itself, as at sunset."""

    slide_share: float = 0.1
    """Least share of the sphere that a change of slides replaces."""

    slide_steps: int = 4
    """Longest change of slides, fades included (samples)."""

    turning_departure: float = 2.8
    """A picture turns only if half of the sphere departs from its mean over time by this (gray levels)."""

    lively_departure: float = 8.0
    """A picture is no still where 0.5 % of the sphere departs from its mean by this and lively_share moves (gray
    levels)."""

    lively_share: float = 0.001
    """Least share of the sphere that moves in half of the steps for that."""

    stirring_levels: float = 4.0
    """A picture is no still where a small place departs from its usual look by this, never for long in the same way
    (gray levels)."""

    overlay_flatness: float = 0.26
    """Something that travels up or down and keeps its pixels at least this well is an overlay, not a thing in the
    world, which would stretch (flatness per unit of stretch)."""

    far_stretch: float = 0.4
    """Travel is far when a thing in the world would stretch by at least this (natural logarithm)."""

    far_flatness: float = 0.06
    """Replaces overlay_flatness where travel is far: the two are told apart more surely there."""

    busy_motion: float = 0.9
    """Something that moves at least this much in nearly all steps, in one small place, is an overlay (units of
    weak_peak), where the next four limits hold as well."""

    large_busy_motion: float = 2.2
    """Replaces busy_motion for a place larger than overlay_extent."""

    overlay_extent: float = 0.08
    """Share of the picture inside its bounding boxes up to which busy_motion is enough."""

    busy_ratio: float = 15.0
    """It must also move this many times as much as is usual in the picture."""

    busy_elsewhere: float = 0.22
    """And the strongest block elsewhere must stay below this part of what counts as motion."""

    busy_sharpness: float = 5.0
    """And its border must be this many times as steep as a slope as long as the place is wide: light that flickers
    fades out."""

    least_stretch: float = 0.1
    """Travel counts when a thing in the world would stretch by at least this (natural logarithm)."""

    title_extent: float = 0.2
    """Largest share of the picture that a title covers, or that is inside the bounding boxes of whatever is laid over
    it."""

    title_quiet: float = 0.25
    """Least share of the steps without motion for an overlay to be a title."""

    title_held: float = 0.8
    """Least share of the moments at which a title shows that look like the one before or after."""

    title_levels: float = 18.0
    """Least departure of a title from the picture behind it: an encoder holds what is fainter (gray levels)."""


LIMITS = Limits()

_RAISED = (
    "moving_share", "turning_share", "drift_share", "weak_strength", "weak_peak", "steady_motion", "steady_ratio",
    "daylight_share", "lively_departure", "lively_share", "busy_elsewhere", "stirring_levels", "title_extent",
)  # fmt: skip
"""Limits that make more stills when they are raised."""

_LOWERED = (
    "flicker_levels", "pulse_levels", "pulse_ratio", "slide_share", "turning_departure", "overlay_flatness",
    "far_stretch", "far_flatness", "busy_motion", "large_busy_motion", "busy_ratio", "busy_sharpness", "title_quiet",
    "title_held", "title_levels",
)  # fmt: skip
"""Limits that make more stills when they are lowered."""

_REST = ("quiet_share", "flicker_quiet_share")
"""Shares of which what is missing to 1 is moved."""

_SHARES = frozenset(
    {
        *("moving_share", "turning_share", "drift_share", "lively_share", "title_extent"),
        *("slide_share", "title_quiet", "title_held"),
    }
)
"""Of the limits that are moved by a factor, those that are at most 1."""


def moved(limits: Limits, factor: float) -> Limits:
    """The limits with all of them moved by a factor: above 1 more videos are stills."""
    factors = {**dict.fromkeys(_RAISED, factor), **dict.fromkeys(_LOWERED, 1 / factor)}
    told = {name: getattr(limits, name) * by for name, by in factors.items()}
    told |= {name: min(1.0, told[name]) for name in _SHARES}
    told |= {name: max(0.0, 1 - (1 - getattr(limits, name)) * factor) for name in _REST}
    return replace(limits, **told)
