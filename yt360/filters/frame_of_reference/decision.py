"""Whether picture and sound share a frame of reference: verdicts from what was measured, and what follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from yt360.filters.frame_of_reference.calibration import heading_probability, lag_probability
from yt360.filters.frame_of_reference.settings import FrameThresholds

Verdict = Literal["agrees", "elsewhere", "mirrored", "does-not-turn", "unknown"]

_NEAR_GAIN = 0.25
"""How far from 1, 0 or -1 the gain that fits best may lie."""

_KINDS: tuple[tuple[Literal["follows", "mirrored", "does-not-turn"], float, str], ...] = (
    ("follows", 1.0, "follows"),
    ("does-not-turn", 0.0, "stays"),
    ("mirrored", -1.0, "mirrored"),
)
"""What the sound does, the gain by which it does, and the measure of it."""

_MIRROR_SHARE = 0.8
"""A heading is not known where the sound fits this well with left and right changed over."""


_WORTH_MORE = 0.3
"""Probability of a heading from which more of a video is looked at; where nothing is seen moving and heard moving it
is less. Below it no other stretch would make a heading known."""

_TURNS_DEG = 20.0
"""Turn of the picture from which more of a video is looked at."""


@dataclass(frozen=True)
class FrameOfReference:
    """``yaw_deg`` is to be added to the sound's azimuths, by ``lag_s`` it is late; ``None``: not known.

    ``agrees``: known to come from where and when it is seen, or to turn with the picture; ``elsewhere``: known to be
    turned or moved in time; ``mirrored``: it turns the other way round; ``does-not-turn``: the picture turns and the
    sound stays; ``unknown``: nothing to see that is heard.
    """

    verdict: Verdict
    words: str
    yaw_deg: float | None = None
    lag_s: float | None = None
    heading_probability: float = 0.0
    lag_probability: float = 0.0


@dataclass(frozen=True)
class Repair:
    """What is done to a sound: turned to the left by ``yaw_deg``, moved ``lag_s`` earlier."""

    yaw_deg: float = 0.0
    lag_s: float = 0.0

    def to_json(self) -> dict[str, float]:
        return {"yaw_deg": self.yaw_deg, "lag_s": self.lag_s}

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> Repair:
        return Repair(float(value["yaw_deg"]), float(value["lag_s"]))


def judge(measures: Mapping[str, Any], limits: FrameThresholds) -> FrameOfReference:
    """The verdict on a video from its measures (:func:`.measurement.measure`)."""
    heading, lag = measures["heading"], measures["lag"]
    sure, in_time = heading_probability(heading), lag_probability(lag, heading)
    if heading is not None and heading["mirrored"] > _MIRROR_SHARE * heading["correlation"]:
        sure = in_time = 0.0
    yaw_deg = round(heading["yaw_deg"], 1) if heading is not None and sure >= limits.heading_probability else None
    lag_s = round(lag["lag_s"], 3) if lag is not None and in_time >= limits.lag_probability else None
    turning = _turning(measures["turning"], limits)

    def verdict(kind: Verdict, words: str) -> FrameOfReference:
        return FrameOfReference(kind, words, yaw_deg, lag_s, sure, in_time)

    if turning == "mirrored" or turning == "does-not-turn":
        said = measures["turning"]
        words = f"the picture turns by {said['turned_deg']:.0f}°; the sound " + (
            "turns the other way round" if turning == "mirrored" else "stays where it is"
        )
        return verdict(turning, words)
    apart, chances = [], []
    if yaw_deg is not None and abs(yaw_deg) >= limits.least_yaw_deg:
        apart.append(_aside(yaw_deg))
        chances.append(sure)
    if lag_s is not None and (lag_s <= -limits.least_early_s or lag_s >= limits.least_late_s):
        apart.append(f"{abs(lag_s):.2f} s {'later' if lag_s > 0 else 'earlier'}")
        chances.append(in_time)
    if apart:
        words = f"what is seen is heard {' and '.join(apart)} (probability {min(chances):.2f})"
        return verdict("elsewhere", words)
    if yaw_deg is not None or turning == "follows":
        words = "what is seen moving is heard there" if yaw_deg is not None else "the sound turns with the picture"
        return verdict("agrees", words)
    words = "nothing is seen moving and heard moving alike"
    if heading is not None and sure > 0:
        words += f"; likeliest it is heard {_aside(heading['yaw_deg'])} (probability {sure:.2f})"
    return verdict("unknown", words)


def _aside(yaw_deg: float) -> str:
    """Where what is seen is heard whose sound is to be turned to the left by ``yaw_deg``."""
    if round(yaw_deg) == 0:
        return "where it is seen"
    return f"{abs(yaw_deg):.0f}° further to the {'right' if yaw_deg > 0 else 'left'}"


def open_question(measures: Mapping[str, Any]) -> bool:
    """Whether more of a video could tell: a heading is to be had, or the picture turns, or nothing was seen yet."""
    turning = measures["turning"]
    return (
        not measures["stretches"]
        or heading_probability(measures["heading"]) >= _WORTH_MORE
        or (turning is not None and turning["turned_deg"] >= _TURNS_DEG)
    )


def repair(found: FrameOfReference, limits: FrameThresholds) -> Repair | None:
    """What ``chunk`` is to do to the sound; ``None`` where nothing is known surely enough, or repair is off."""
    if not limits.repair or found.verdict != "elsewhere":
        return None
    yaw = found.yaw_deg if found.yaw_deg is not None and abs(found.yaw_deg) >= limits.least_yaw_deg else 0.0
    lag = found.lag_s if found.lag_s is not None else 0.0
    lag = lag if lag <= -limits.least_early_s or lag >= limits.least_late_s else 0.0
    if (yaw and found.heading_probability < limits.repair_probability) or (
        lag and found.lag_probability < limits.repair_probability
    ):
        return None
    return Repair(yaw, lag)


def _turning(
    turning: Mapping[str, float] | None, limits: FrameThresholds
) -> Literal["follows", "mirrored", "does-not-turn", ""]:
    """Which way the sound turns; nothing where it cannot be told."""
    if turning is None or turning["turned_deg"] < limits.least_turn_deg:
        return ""
    for kind, gain, name in _KINDS:
        others = max(turning[other] for _, _, other in _KINDS if other != name)
        if abs(turning["gain"] - gain) <= _NEAR_GAIN and turning[name] >= limits.turn_contrast * others:
            return kind
    return ""
