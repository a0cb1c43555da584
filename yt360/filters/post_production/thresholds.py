"""When a video counts as post-produced: every threshold of the stage ``voiceover``."""

from __future__ import annotations

from pydantic import Field

from yt360.settings import Settings, unit

_PROBABILITY = "A video is dropped at or above this probability of {}. Raising it drops fewer videos."
"""Description that three thresholds share."""


class VoiceoverThresholds(Settings):
    """Probabilities at or above which a video is dropped, and what its sound is then called."""

    omni: float = Field(
        default=0.66, ge=0, le=1, description=_PROBABILITY.format("sound mixed into W alone (omnidirectional)")
    )
    front: float = Field(
        default=0.62, ge=0, le=1, description=_PROBABILITY.format("a dry sound panned exactly to the front")
    )
    bed: float = Field(default=0.715, ge=0, le=1, description=_PROBABILITY.format("a stereo pair laid over the scene"))
    min_loud: int = Field(
        default=2,
        ge=1,
        json_schema_extra=unit("segments of 2 s"),
        description="Minimum number of segments with sound; with fewer, these probabilities never drop the video.",
    )
    min_active: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="Minimum share of segments with sound; below it, these probabilities never drop the video.",
    )
    head_locked_active: float = Field(
        default=0.3,
        ge=0,
        le=1,
        description="A head-locked stereo pair drops the video when it sounds for at least this share of the time.",
    )
    head_locked_range_db: float = Field(
        default=20.0, ge=0, description="A head-locked pair that is further below W than this is ignored."
    )
    sure: float = Field(
        default=0.3,
        ge=0,
        le=1,
        description="Mean probability of speech or music at or above which it counts as heard, when a dropped video is "
        "called voice-over or background music.",
    )
    syllables: float = Field(
        default=0.22,
        ge=0,
        le=1,
        description="Least share of the modulation at the rate of syllables for a sound to be called voice-over.",
    )
    omni_syllables: float = Field(
        default=0.34,
        ge=0,
        le=1,
        description="The same for sound in W alone: each 0.01 above it counts as 0.08 more speech, below as 0.08 more "
        "music.",
    )
