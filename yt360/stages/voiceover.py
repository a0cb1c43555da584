"""Voice-over: drop videos with a significant amount of sound that was laid over the recording.

Consumes a video's sound and the reading recipe that ``validate`` found. What is measured stands in the
record, the course over time in the output ``timeline`` (``timeline.json``: shares of post-production
for each segment, the sound field for each half second), so that thresholds can change without decoding.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from yt360.engine.contract import Done, Filtered, Item, Needs, Outcome, Stage, StageParams, StageThresholds
from yt360.errors import ItemError
from yt360.filters import increments, post_production
from yt360.filters.field import FieldTimeline
from yt360.filters.head_locked import measure_head_locked
from yt360.media.reading import SoundReading, read_head_locked, read_sound

_RULES = post_production.CellRules()


class VoiceoverParams(StageParams):
    """What counts as silence (``silence_db``, dBFS of W) and as head-locked sound (``head_locked_db``, dBFS).

    The rest are the rules of :class:`yt360.filters.post_production.CellRules`, by the same names.
    """

    silence_db: float = -65.0
    head_locked_db: float = -50.0
    omni_db: float = _RULES.omni_db
    omni_drop_db: float = _RULES.omni_drop_db
    omni_gain: float = Field(default=_RULES.omni_gain, gt=0)
    front_tolerance: float = Field(default=_RULES.front_tolerance, gt=0)
    front_room: float = Field(default=_RULES.front_room, gt=0)
    bed_tolerance: float = Field(default=_RULES.bed_tolerance, gt=0)
    bed_leak: float = Field(default=_RULES.bed_leak, gt=0)
    bed_side: float = Field(default=_RULES.bed_side, gt=0)


class VoiceoverThresholds(StageThresholds):
    """Shares of the active sound from which on a video is dropped; :class:`yt360.filters.post_production.Evidence`.

    ``omni_low`` is what the low bands alone need where a stereo pair at ±90° is found as well.
    ``bed_flat`` takes the place of ``bed`` where Z lies more than ``flat_db`` below W: a recording without
    height cannot show that a pair of sources has none.
    Nothing is decided on fewer than ``min_cells`` active cells or where less than ``min_active`` of the
    segments has any. Head-locked sound counts when it sounds in ``head_locked_active`` of the time and is
    at most ``head_locked_range_db`` below W. Sound modulated like speech by ``speech`` or more is called
    voice-over, other sound background music.
    """

    omni: float = Field(default=0.08, ge=0, le=1)
    omni_low: float = Field(default=0.3, ge=0, le=1)
    front: float = Field(default=0.2, ge=0, le=1)
    bed: float = Field(default=0.05, ge=0, le=1)
    bed_flat: float = Field(default=0.4, ge=0, le=1)
    flat_db: float = -45.0
    min_cells: int = Field(default=12, ge=1)
    min_active: float = Field(default=0.25, ge=0, le=1)
    head_locked_active: float = Field(default=0.3, ge=0, le=1)
    head_locked_range_db: float = Field(default=20.0, ge=0)
    speech: float = Field(default=0.22, ge=0, le=1)


class Voiceover(Stage):
    name = "voiceover"
    params_type = VoiceoverParams
    thresholds_type = VoiceoverThresholds
    needs = Needs(timeout_s=1800)
    inputs: ClassVar[Mapping[str, str]] = {"video": "crawl.video", "sound": "crawl.sound?", "facts": "validate.facts"}
    after = ("validate", "stills")

    def process(self, item: Item, workdir: Path) -> Outcome:
        params: VoiceoverParams = self.params
        facts = json.loads(item.files["facts"].read_text(encoding="utf-8"))
        reading = SoundReading.from_json(facts["sound_reading"])
        path = item.files[reading.source]
        start_s = float(facts["start_s"])
        span = {"start_s": start_s, "duration_s": float(facts["end_s"]) - start_s}
        rate = increments.SAMPLE_RATE_HZ
        field = FieldTimeline()
        cells = increments.measure_cells(
            read_sound(path, reading, sample_rate_hz=rate, **span), params.silence_db, [field.observe]
        )
        if not cells.segments:
            raise ItemError("no-samples", f"{path.name}: expected sound, decoded not one sample")
        rules = post_production.CellRules(**params.model_dump(exclude={"silence_db", "head_locked_db"}))
        evidence = post_production.weigh(cells, rules)
        pair = measure_head_locked(read_head_locked(path, reading, sample_rate_hz=rate, **span), params.head_locked_db)
        timeline = {
            "start_s": start_s,
            "segment_s": increments.SEGMENT_S,
            "segments": post_production.per_segment(cells, rules),
            "window_s": 0.5,
            "windows": field.columns(),
        }
        (workdir / "timeline.json").write_text(json.dumps(timeline, separators=(",", ":")), encoding="utf-8")
        measures = {
            **evidence.to_json(),
            "segments": cells.segments,
            "silent": cells.silent,
            "level_db": field.level_db(),
            "height_db": field.height_db(),
            "syllables": field.syllables(),
            "omni_syllables": field.omni_syllables(),
            "head_locked": None if pair is None else pair.to_json(),
        }
        return Done(outputs={"timeline": "timeline.json"}, measures=measures)

    def decide(self, measures: Mapping[str, Any]) -> Filtered | None:
        limits: VoiceoverThresholds = self.thresholds
        pair = measures["head_locked"]
        if (
            pair is not None
            and pair["active"] >= limits.head_locked_active
            and pair["level_db"] >= measures["level_db"] - limits.head_locked_range_db
        ):
            return self._filtered(
                pair["syllables"],
                f"a head-locked pair sounds in {pair['active']:.0%} of the time at {pair['level_db']:.0f} dBFS",
            )
        if measures["cells"] < limits.min_cells or measures["active"] < limits.min_active:
            return None
        if measures["omni"] >= limits.omni:
            return self._filtered(
                measures["omni_syllables"], f"{measures['omni']:.0%} of what comes and goes is in W alone"
            )
        if measures["front"] >= limits.front:
            return self._filtered(
                measures["syllables"], f"{measures['front']:.0%} of what comes and goes is dry and exactly in front"
            )
        flat = measures["height_db"] < limits.flat_db
        pair_at_the_sides = measures["bed"] >= limits.bed and measures["bed_angle_deg"] > 80
        if pair_at_the_sides and measures["omni_low"] >= limits.omni_low:
            # A pair at ±90° whose two sides are alike is W alone; only where it is loud enough is it seen to be.
            return self._filtered(
                measures["omni_syllables"],
                f"{measures['omni_low']:.0%} of what comes and goes below 1300 Hz is in W alone",
            )
        if measures["bed"] >= (limits.bed_flat if flat else limits.bed):
            return Filtered(
                "background-music",
                f"{measures['bed']:.0%} of what comes and goes is a stereo pair at ±{measures['bed_angle_deg']:.0f}°",
            )
        return None

    def _filtered(self, syllables: float, evidence: str) -> Filtered:
        spoken = syllables >= self.thresholds.speech
        words = f"{evidence}; {syllables:.0%} of its modulation is at the rate of syllables"
        return Filtered("voice-over" if spoken else "background-music", words)

    def check_output(self, name: str, path: Path) -> None:
        try:
            timeline = json.loads(path.read_text(encoding="utf-8"))
            whole = isinstance(timeline, dict) and {"segments", "windows", "start_s"} <= set(timeline)
        except ValueError:
            whole = False
        if not whole:
            raise ItemError("damaged-output", f"{path}: expected the course of a sound as JSON, found something else")
