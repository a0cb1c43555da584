"""Voice-over: drop videos with a significant amount of sound that was laid over the recording.

Consumes a video's sound and the decoding spec that ``validate`` found. What is measured stands in the
record, the course over time in the output ``timeline`` (``timeline.json``: scores and what is heard for each
segment, the sound field for each half second), so that thresholds can change without decoding.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from yt360.engine.stage import Context, Done, Filtered, Item, Outcome, Resources, Stage
from yt360.errors import ItemError
from yt360.files import parse_json
from yt360.filters.duplicates.peak_files import read_peaks, while_passing, write_peaks
from yt360.filters.post_production import covariance_differences, measurement
from yt360.filters.post_production.head_locked import measure_head_locked
from yt360.filters.post_production.settings import TileRules
from yt360.filters.post_production.thresholds import VoiceoverThresholds
from yt360.media.facts import Facts
from yt360.media.reading_sound import read_head_locked, read_sound
from yt360.settings import unit

_RHYTHM_WEIGHT = 8.0
"""Of the modulation at the rate of syllables against probabilities of speech and music."""

_MOSTLY = 0.5
"""Probability of speech that with its rhythm is speech, whatever music there is in the scene."""

_WHERE = {
    "omni": "something was added in W alone, without a direction",
    "front": "something was added exactly in front, without the room's echo",
    "bed": "a stereo mix was added, spread to both sides",
}


_LIKELIEST = {
    "omni": "something in W alone",
    "front": "something exactly in front",
    "bed": "a stereo mix",
}


class VoiceoverParams(TileRules):
    """What counts as silence, as head-locked sound, and as a tile of post-production."""

    silence_db: float = Field(
        default=-65.0, json_schema_extra=unit("dBFS"), description="Level of W below which a segment is silent."
    )
    head_locked_db: float = Field(
        default=-50.0,
        json_schema_extra=unit("dBFS"),
        description="Level above which a half second of a head-locked stereo pair has sound.",
    )


class Voiceover(Stage):
    name = "voiceover"
    version = 11
    params_type = VoiceoverParams
    thresholds_type = VoiceoverThresholds
    needs = Resources(timeout_s=1800)
    inputs: ClassVar[Mapping[str, str]] = {"video": "crawl.video", "sound": "crawl.sound?", "facts": "validate.facts"}
    after = ("validate", "stills")

    def process(self, item: Item, context: Context) -> Outcome:
        params: VoiceoverParams = self.params
        facts = Facts.load(item.files["facts"])
        path = item.files[facts.sound.source]
        span: dict[str, Any] = {"start_s": facts.start_s, "duration_s": facts.duration_s}
        rate = covariance_differences.SAMPLE_RATE_HZ
        blocks, peaks = while_passing(read_sound(path, facts.sound, sample_rate_hz=rate, **span), rate)
        measures, timeline = measurement.measure(blocks, params.silence_db, params)
        if not measures["segments"]:
            raise ItemError("no-samples", f"{path.name}: expected sound, decoded not one sample")
        pair = measure_head_locked(
            read_head_locked(path, facts.sound, sample_rate_hz=rate, **span), params.head_locked_db
        )
        text = json.dumps({"start_s": facts.start_s, **timeline}, separators=(",", ":"))
        (context.workdir / "timeline.json").write_text(text, encoding="utf-8")
        measures["head_locked"] = None if pair is None else pair.to_json()
        write_peaks(context.workdir / "peaks.npy", peaks())
        return Done(outputs={"timeline": "timeline.json", "peaks": "peaks.npy"}, measures=measures)

    def decide(self, measures: Mapping[str, Any]) -> Filtered | None:
        limits: VoiceoverThresholds = self.thresholds
        pair = measures["head_locked"]
        if (
            pair is not None
            and pair["active"] >= limits.head_locked_active
            and pair["level_db"] >= measures["level_db"] - limits.head_locked_range_db
        ):
            reason = "voice-over" if pair["syllables"] >= limits.syllables else "background-music"
            return Filtered(
                reason,
                f"the head-locked stereo track sounds {pair['active']:.0%} of the time at {pair['level_db']:.0f} dBFS",
            )
        if measures["loud"] < max(limits.min_loud, limits.min_active * measures["segments"]):
            return None
        found = [(measures["scores"][kind] - getattr(limits, kind), kind) for kind in _WHERE]
        over, kind = max(found)
        if over < 0:
            return None
        heard = measures["heard"][kind]
        return Filtered(
            self._reason(kind, heard, measures),
            f"{_WHERE[kind]} (probability {measures['scores'][kind]:.2f}); in it speech is heard "
            f"{heard['speech']:.0%} of the time, music {heard['music']:.0%}",
        )

    def summary(self, measures: Mapping[str, Any]) -> str:
        if not {"scores", "head_locked"} <= set(measures) or self.decide(measures) is not None:
            return ""
        limits: VoiceoverThresholds = self.thresholds
        if measures["loud"] < max(limits.min_loud, limits.min_active * measures["segments"]):
            return f"too little sound to tell: {measures['loud']} of {measures['segments']} segments of two seconds"
        kind = max(_WHERE, key=lambda each: float(measures["scores"][each]))
        chance = measures["scores"][kind]
        return f"nothing is heard that was added; likeliest {_LIKELIEST[kind]} (probability {chance:.2f})"

    def _reason(self, kind: str, heard: Mapping[str, float], measures: Mapping[str, Any]) -> str:
        limits: VoiceoverThresholds = self.thresholds
        speech, music = heard["speech"], max(heard["music"], heard["singing"])
        if kind == "bed":
            # People may talk in a scene under a bed: music is enough to call it one.
            return "voice-over" if speech >= limits.sure > music else "background-music"
        if kind == "omni":
            rhythmic = _RHYTHM_WEIGHT * (measures["omni_syllables"] - limits.omni_syllables)
            spoken = speech - music + rhythmic > 0 or (speech >= _MOSTLY and rhythmic >= 0)
            return "voice-over" if spoken else "background-music"
        rhythm = measures["syllables"] >= limits.syllables
        unsure = max(speech, music) < limits.sure
        spoken = rhythm if unsure else speech > music or (rhythm and speech >= limits.sure)
        return "voice-over" if spoken else "background-music"

    def check_output(self, name: str, path: Path) -> None:
        if name == "peaks":
            read_peaks(path)
            return
        try:
            timeline = parse_json(path.read_text(encoding="utf-8"))
            whole = isinstance(timeline, dict) and {"segments", "windows", "start_s"} <= set(timeline)
        except ValueError:
            whole = False
        if not whole:
            raise ItemError("damaged-output", f"{path}: expected the course of a sound as JSON, found something else")
