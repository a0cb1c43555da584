"""What the sound of a file is: ambisonics or not, in which order and weights, and where it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yt360 import ambisonics
from yt360.media.ambisonic.hypotheses import HYPOTHESES
from yt360.media.ambisonic.measures import measure_ambisonics
from yt360.media.ambisonic.thresholds import AmbisonicThresholds
from yt360.media.ambisonic.validity import AmbisonicVerdict, judge_ambisonics
from yt360.media.channel_order import plan_channels
from yt360.media.containers.spatial import SoundMetadata
from yt360.media.probe import AudioStream
from yt360.media.sound import SILENT, FoaDecodeSpec

_LFE, _BASS_HZ, _ALONE, _FULL = 3, 300.0, 1e-3, 0.02
"""The low-frequency channel of 5.1; above which frequency it holds at most such a part of its power, and what other
channels hold there at least."""


@dataclass(frozen=True)
class SoundFacts:
    """``reading`` is None where the sound cannot enter the dataset; ``reason`` is the code for that.

    ``likeliest`` is how it would be read if it did. ``declared`` names the weights in which the channels were judged,
    ``stated`` says whether something states them, ``with_picture`` whether the sound belongs to a picture.
    """

    verdict: AmbisonicVerdict | None
    reading: FoaDecodeSpec | None
    reason: str
    words: str
    measures: dict[str, Any] = field(default_factory=dict)
    head_locked: tuple[int, ...] = ()
    head_locked_db: float | None = None
    direction: list[dict[str, float]] = field(default_factory=list)
    channel_map: tuple[int, ...] = ()
    convention: str = ""
    declared: str = "ambix"
    stated: bool = False
    with_picture: bool = True
    likeliest: FoaDecodeSpec | None = None

    def to_json(self, stream: AudioStream) -> dict[str, Any]:
        """The ``audio`` part of an inspection."""
        verdict = self.verdict
        return {
            "codec": stream.codec,
            "sample_rate": stream.sample_rate_hz,
            "channels": stream.channels,
            "layout": stream.layout,
            "channel_map": list(self.channel_map),
            "convention": self.convention,
            "ambisonics": {
                "verdict": verdict.verdict if verdict else "invalid",
                "reason": verdict.reason if verdict else self.words,
                "horizontal_only": bool(verdict and verdict.horizontal_only),
                "head_locked": bool(self.head_locked),
                "head_locked_db": self.head_locked_db,
                "flags": list(verdict.flags) if verdict else [],
                "posterior": [[name, share] for name, share in verdict.posterior] if verdict else [],
                "declared": self.declared if self.stated else None,
                "measures": self.measures,
            },
            "direction": self.direction,
        }


def weigh_sound(
    stream: AudioStream,
    metadata: SoundMetadata,
    windows: Sequence[NDArray[np.float32]],
    starts_s: Sequence[float],
    *,
    source: str,
    delay_s: float,
    edits: tuple[tuple[float, float, float], ...] = (),
    drift_ppm: float = 0.0,
    convention: str = "",
    picture: bool = True,
    thresholds: AmbisonicThresholds | None = None,
) -> SoundFacts:
    """Judge decoded ``windows`` of ``(channels, n)``.

    ``convention`` (a name of :data:`yt360.media.ambisonic.hypotheses.DECLARABLE`) is what somebody who knows says the
    weights and order of the four channels are; it overrules the file. ``picture``: the sound belongs to a picture.
    """
    if not windows:
        return SoundFacts(None, None, "no-sound", "no sound could be decoded")
    level_db = [_level_db(windows, k) for k in range(stream.channels)]
    plan = plan_channels(stream, metadata, level_db)
    if plan.order is None:
        return SoundFacts(
            None, None, plan.reason, plan.problem, {"level_db": [round(v, 2) for v in level_db]},
        )  # fmt: skip
    declared = HYPOTHESES[convention or plan.declared]
    stated = bool(convention) or plan.fixed
    channels = [plan.order[k] for k in declared.order or ()]
    gains = np.array(declared.gains, np.float32)[:, None]
    measures = measure_ambisonics([window[channels] * gains for window in windows], stream.sample_rate_hz)
    verdict = judge_ambisonics(measures, declared=stated, picture=picture, thresholds=thresholds)
    if plan.doubt and not stated and verdict.convention != "ambix":
        verdict = replace(verdict, verdict="uncertain", convention="ambix")
    if plan.doubt and not stated and holds_bass_alone(windows, _LFE, stream.sample_rate_hz):
        words = f"channel {_LFE} holds low frequencies alone, as the low-frequency channel of 5.1: loudspeaker feeds"
        verdict = replace(verdict, verdict="invalid", reason=words, convention="ambix", horizontal_only=False)
    elif plan.doubt and not verdict.usable:
        verdict = replace(verdict, reason=f"{plan.doubt} ({verdict.reason})")
    taken = HYPOTHESES[verdict.convention]
    order = tuple(channels[k] for k in taken.order or (0, 1, 2, 3))
    gained = tuple(gain * declared.gains[k] for gain, k in zip(taken.gains, taken.order or (0, 1, 2, 3), strict=True))
    silent_z = bool(verdict.usable and not any(np.any(window[order[2]]) for window in windows))
    reading = FoaDecodeSpec(
        channels=stream.channels,
        sample_rate_hz=stream.sample_rate_hz,
        source="sound" if source == "sound" else "video",
        stream=stream.index,
        codec=stream.codec,
        layout=stream.layout,
        order=(order[0], order[1], SILENT if silent_z else order[2], order[3]),
        gains=(gained[0], gained[1], gained[2], gained[3]),
        convention=_convention(plan.packing, declared.name, verdict.convention),
        head_locked=plan.head_locked,
        repaired=verdict.reason if verdict.verdict == "repaired" else "",
        delay_s=round(delay_s, 6),
        edits=edits,
        parts=stream.parts,
        matrix=stream.matrix,
        opus_header=stream.opus_header,
        drift_ppm=drift_ppm,
    )
    reason = "" if verdict.usable else f"{verdict.verdict}-ambisonics"
    head_locked_db = max(level_db[k] for k in plan.head_locked) if plan.head_locked else None
    direction = _directions(reading, windows, starts_s) if verdict.verdict != "invalid" else []
    return SoundFacts(
        verdict=verdict,
        reading=reading if verdict.usable else None,
        reason=reason,
        words="" if verdict.usable else verdict.reason,
        measures=measures,
        head_locked=plan.head_locked,
        head_locked_db=round(head_locked_db, 2) if head_locked_db is not None else None,
        direction=direction,
        channel_map=(order[0], order[1], order[2], order[3]),
        convention=reading.convention,
        declared=declared.name,
        stated=stated,
        with_picture=picture,
        likeliest=reading,
    )


def holds_bass_alone(windows: Sequence[NDArray[np.float32]], channel: int, rate_hz: int) -> bool:
    """Whether a channel of ``(channels, n)`` windows is cut off at low frequencies, while those in front of it are not.

    No channel of a sound field is: what sounds in W sounds in some side.
    """
    above, total = np.zeros(channel + 1), np.zeros(channel + 1)
    for window in windows:
        power = np.abs(np.fft.rfft(np.nan_to_num(window[: channel + 1]), axis=1)) ** 2
        total += power.sum(axis=1)
        above += power[:, round(_BASS_HZ * window.shape[1] / rate_hz) :].sum(axis=1)
    if not total.all():
        return False
    share = above / total
    return bool(share[channel] < _ALONE and share[:channel].min() > _FULL)


def _convention(packing: str, declared: str, taken: str) -> str:
    """What the file held, in one word: the reading that was taken, the declared one, or the packing."""
    if taken != "ambix":
        return taken
    return packing if declared == "ambix" else declared


def _level_db(windows: Sequence[NDArray[np.float32]], channel: int) -> float:
    power = sum(float(np.nansum(np.square(window[channel], dtype=np.float64))) for window in windows)
    samples = sum(window.shape[1] for window in windows)
    return max(-200.0, float(10 * np.log10(power / max(1, samples) + 1e-20)))


def _directions(
    reading: FoaDecodeSpec, windows: Sequence[NDArray[np.float32]], starts_s: Sequence[float]
) -> list[dict[str, float]]:
    found = []
    for window, start in zip(windows, starts_s, strict=True):
        foa = reading.ambisonic(window)
        for offset, heard in ambisonics.directions_over_time(foa, reading.sample_rate_hz, 1.0):
            found.append(
                {
                    "t_s": round(start + offset, 3),
                    "azimuth_deg": round(float(np.degrees(heard.azimuth)), 2),
                    "elevation_deg": round(float(np.degrees(heard.elevation)), 2),
                    "diffuseness": round(heard.diffuseness, 4),
                    "level_db": round(max(-200.0, float(10 * np.log10(heard.energy + 1e-20))), 2),
                }
            )
    return found
