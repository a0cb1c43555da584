"""Which parts of a video become clips, and how they are encoded: the settings of :mod:`yt360.stages.chunk`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from yt360.filters.shots.settings import ShotSettings
from yt360.settings import Settings, unit

LONGEST_CLIP_S = 600.0
"""No clip is longer, whatever a list says."""


class VariantSettings(Settings):
    """Further members of each clip, made in the same decode: another size, two channels, perspective views."""

    width: int | None = Field(
        default=None,
        ge=32,
        le=8192,
        multiple_of=4,
        json_schema_extra=unit("pixels"),
        description="Width of a second whole picture, half as high (`KEY.large.video.mp4`); 960 for generators. "
        "null: none.",
    )
    sample_rate_hz: int | None = Field(
        default=None,
        ge=8000,
        le=192000,
        description="Sample rate of a second ambisonic sound (`KEY.large.foa.flac`), and of the sound of the other "
        "variants; 44100 or 48000 for generators. null: no second sound, and the others have the rate of the clips.",
    )
    two_channels: Literal["none", "stereo", "binaural"] = Field(
        default="none",
        description="Sound for two ears facing the front, and the middle of each view: stereo is (W ± Y) / 2 as in "
        "DCASE 2025, binaural the ears of a spherical head.",
    )
    view_azimuths_deg: tuple[Annotated[float, Field(ge=-360, le=360)], ...] = Field(
        default=(),
        max_length=16,
        description="A perspective picture for each of these directions, left is positive (`KEY.view0.video.mp4`, "
        "`KEY.view1.video.mp4` …), with sound turned the same way (`KEY.view0.foa.flac`): its front is the middle of "
        "the view. As in YT-Ambigen and DCASE 2025.",
    )
    view_elevation_deg: float = Field(default=0.0, ge=-90, le=90, description="Elevation of the views.")
    view_fov_deg: float = Field(
        default=100.0, ge=10, le=160, description="Opening angle of the views from left to right; 100 in DCASE 2025."
    )
    view_width: int = Field(
        default=640, ge=32, le=4096, multiple_of=2, json_schema_extra=unit("pixels"), description="Width of the views."
    )
    view_height: int = Field(
        default=360, ge=32, le=4096, multiple_of=2, json_schema_extra=unit("pixels"), description="Height of the views."
    )


class ChunkParams(ShotSettings):
    """Which parts of a video become clips, and how they are encoded."""

    clip_s: float = Field(default=10.0, gt=0, le=LONGEST_CLIP_S, description="Length of a clip.")
    min_clip_s: float = Field(default=9.5, gt=0, description="Least length of the last clip of a stretch.")
    height: int = Field(
        default=224, ge=16, le=4096, multiple_of=2, json_schema_extra=unit("pixels"), description="Height of the clips."
    )
    width: int = Field(
        default=448,
        ge=32,
        le=8192,
        multiple_of=2,
        json_schema_extra=unit("pixels"),
        description="Width of the clips (equirectangular: twice the height).",
    )
    fps: int = Field(
        default=16, ge=1, le=120, json_schema_extra=unit("frames per second"), description="Frame rate of the clips."
    )
    gop: int = Field(
        default=8,
        ge=1,
        le=600,
        json_schema_extra=unit("frames"),
        description="Distance of key frames. To read a window of eight frames, 8 decodes 11.4 on average and 16 "
        "decodes "
        "15.1, for 4 % fewer bytes.",
    )
    crf: float = Field(
        default=20.0,
        ge=0,
        le=51,
        description="libx264's quality: 0 is lossless; raising it by 6 roughly halves the bytes.",
    )
    preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower"] = Field(
        default="medium", description="libx264's trade of encoding time for bytes."
    )
    sample_rate_hz: int = Field(default=24000, ge=8000, le=192000, description="Sample rate of the clips' sound.")
    subtype: Literal["PCM_16", "PCM_24"] = Field(default="PCM_24", description="Bit depth of the FLAC files.")
    silence_floor_db: float = Field(
        default=-70.0,
        json_schema_extra=unit("dBFS"),
        description="Level of W below which it is silent in any recording.",
    )
    silence_range_db: float = Field(
        default=30.0,
        gt=0,
        description="It is also silent this far below the recording's own loudness. Raising it keeps more clips.",
    )
    silence_hysteresis_db: float = Field(
        default=5.0, ge=0, description="Sound ends only when the level falls this far below where it began to count."
    )
    shortest_silence_s: float = Field(
        default=1.0, ge=0, description="Shorter pauses between two sounds count as sound, such as those of speech."
    )
    min_active_share: float = Field(
        default=0.5, ge=0, le=1, description="Least share of a clip that has sound. Raising it keeps fewer clips."
    )
    max_silent_share: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="Largest share of a video's clips, taken together, that is silent, as long as that loses at most "
        "max_lost_share of its sound. Lowering it keeps fewer clips.",
    )
    max_lost_share: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="Largest share of the sound that clips can hold which is given up for max_silent_share; 1 holds "
        "max_silent_share whatever is lost.",
    )
    one_shot: bool = Field(
        default=True,
        description="A clip lies within one shot: it ends at cuts, dissolves and fades. false lets it run across them.",
    )
    drop_still: bool = Field(default=True, description="Leave out clips in which nothing moves.")
    max_clips: int | None = Field(
        default=None, ge=1, description="Take only the first clips of each video; null takes all."
    )
    variants: VariantSettings = Field(
        default_factory=VariantSettings, description="Further members of each clip; none by default."
    )

    @property
    def has_variants(self) -> bool:
        """Whether clips have further members."""
        variants = self.variants
        return bool(
            variants.width or variants.sample_rate_hz or variants.view_azimuths_deg or variants.two_channels != "none"
        )

    @property
    def variants_rate_hz(self) -> int:
        """Sample rate of the variants' sound."""
        return self.variants.sample_rate_hz or self.sample_rate_hz

    def keyed(self, **choice: Any) -> dict[str, Any]:
        fields = super().keyed(**choice)
        if not self.has_variants:
            fields.pop("variants", None)  # clips without any are those that versions before made
        return fields
