"""How a model's input is made out of a recording: ``preprocessor_config.json`` of a model folder."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field, model_validator

from yt360.dataset.settings import PublishedBehaviour
from yt360.models.settings import ModelDescription
from yt360.settings import Settings, unit


class ProcessorSettings(Settings):
    """Sizes, rates and lengths of a model's input. Keys of later versions are passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    processor_class: Literal["AVSAProcessor"] = Field(default="AVSAProcessor", description="What reads this file.")
    size: int = Field(
        default=112, ge=16, le=512, description="Width and height of a view.", json_schema_extra=unit("pixels")
    )
    frames_per_second: float = Field(default=16.0, gt=0, le=120, description="Frames of a second of picture.")
    picture_s: float = Field(default=0.5, gt=0, le=30, description="Length of picture, in the middle of the sound.")
    sound_s: float = Field(default=1.0, gt=0, le=30, description="Length of sound.")
    sample_rate_hz: int = Field(default=24000, ge=4000, le=192000, description="Sample rate of the sound.")
    channels: Literal["W Y Z X"] = Field(
        default="W Y Z X", description="Order of the sound's channels: AmbiX, that is ACN order and SN3D weights."
    )
    height: int = Field(
        default=224,
        ge=16,
        le=8192,
        description="Height of the equirectangular picture that views are cut out of; it is twice as wide.",
        json_schema_extra=unit("pixels"),
    )
    fov_deg: float = Field(default=60.0, gt=0, lt=180, description="Field of view of a view that names none.")
    switches: PublishedBehaviour = Field(
        default=PublishedBehaviour(), description="Where the model follows the published code instead of the paper."
    )

    @property
    def frames(self) -> int:
        """Frames of a moment's picture."""
        return max(1, round(self.picture_s * self.frames_per_second))

    @property
    def samples(self) -> int:
        """Samples of a moment's sound."""
        return round(self.sound_s * self.sample_rate_hz)

    @model_validator(mode="after")
    def _picture_inside_sound(self) -> ProcessorSettings:
        if self.picture_s > self.sound_s:
            raise ValueError(f"picture_s ({self.picture_s}) must not exceed sound_s ({self.sound_s})")
        return self

    @staticmethod
    def of(description: ModelDescription) -> ProcessorSettings:
        """What a model was fed with in training; where its description does not say, as the paper has it."""
        given = {} if description.input is None else description.input.model_dump()
        return ProcessorSettings(
            **given, sample_rate_hz=description.sound.sample_rate_hz, switches=description.switches
        )

    def to_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json")
