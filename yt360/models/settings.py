"""What describes a model: both encoders, the translators between them, and the sound input.

Every field has the paper's value as its default.
"""

from __future__ import annotations

import logging
from typing import Any, Final, Literal

from pydantic import ConfigDict, Field, field_validator, model_validator

from yt360.dataset.settings import OLD_POOLS, PublishedBehaviour, SampleSettings
from yt360.settings import Settings, unit

_LOG = logging.getLogger("yt360.settings")

MODEL_FORMAT: Final = 2
"""Version of the layout of a model folder: 2 since ``config.json``; 1 called it ``model.json``."""


class SpectrogramSettings(Settings):
    """The network's sound input: log-mel spectrograms, and intensity vectors where asked for."""

    sample_rate_hz: int = Field(
        default=24000, ge=4000, le=192000, description="Sample rate of the dataset's sound, which is not resampled."
    )
    n_fft: int = Field(
        default=512,
        ge=64,
        le=8192,
        description="Window of the short-time Fourier transform.",
        json_schema_extra=unit("samples"),
    )
    hop: int = Field(
        default=240, ge=16, le=8192, description="Step between windows.", json_schema_extra=unit("samples")
    )
    mels: int = Field(default=128, ge=8, le=512, description="Mel bands from 0 Hz to half the sample rate.")
    features: Literal["logmel", "logmel+intensity"] = Field(
        default="logmel",
        description="logmel: 4 channels as in the paper, which cannot tell left from right. logmel+intensity adds the "
        "three channels of the intensity vector, which can (not in the paper).",
    )
    statistics_samples: int = Field(
        default=256,
        ge=1,
        description="Windows of the training split from which mean and deviation of each mel band are measured before "
        "the first step.",
    )

    @property
    def channels(self) -> int:
        """Channels of the network's sound input."""
        return 4 if self.features == "logmel" else 7


class TranslatorSettings(Settings):
    """The two translation networks, video to sound and sound to video."""

    kind: Literal["transformer", "mlp"] = Field(
        default="transformer",
        description="transformer: views see each other. mlp: no attention, each view is translated alone.",
    )
    depth: int = Field(default=2, ge=1, le=24, description="Layers of each of the two networks.")
    expansion: int = Field(default=4, ge=1, le=16, description="Width of a feed-forward step over that of its input.")
    heads: int = Field(default=1, ge=1, le=64, description="Attention heads; must divide 8 * model.width.")
    dropout: float = Field(default=0.1, ge=0, lt=1, description="Share of features dropped in training.")
    out_activation: bool = Field(default=True, description="ReLU after each layer, as coded and not in Eq. 5.")
    positions: bool = Field(
        default=False, description="Add an embedding of each view's direction to its features (not in the paper)."
    )


class ModelSettings(Settings):
    """Both encoders and what hangs on them. Features have ``8 * width`` dimensions (512 in the paper)."""

    video: Literal["r2plus1d", "torchvision"] = Field(
        default="r2plus1d",
        description="Video encoder: the paper's R(2+1)D, or torchvision's r2plus1d_18 (width 64 and depth 18 only).",
    )
    pretrained: bool = Field(
        default=False, description="Start from torchvision's Kinetics-400 weights; for video: torchvision only."
    )
    picture_scale: Literal["imagenet", "kinetics"] = Field(
        default="imagenet",
        description="Mean and deviation that pictures are normalised with: imagenet as in the paper, kinetics as "
        "torchvision's Kinetics-400 weights were trained. With pretrained: true it is kinetics where nothing is said.",
    )
    width: int = Field(
        default=64,
        ge=1,
        le=256,
        description="Channels of the first stage of both encoders; the last has 8 times as many.",
    )
    depth: Literal[10, 18] = Field(
        default=18, description="Depth of the video encoder: 18 (two blocks a stage) or 10 (one)."
    )
    projection: int = Field(default=128, ge=2, le=4096, description="Dimensions of the embeddings that are compared.")
    translator: TranslatorSettings = Field(
        default=TranslatorSettings(), description="The translation networks of phases with translators: true."
    )

    @model_validator(mode="before")
    @classmethod
    def _scale_of_the_weights(cls, fields: Any) -> Any:
        """Weights that others trained want pictures in the scale of their training."""
        if isinstance(fields, dict) and fields.get("pretrained") is True:
            if fields.get("picture_scale") == "imagenet":
                _LOG.warning(
                    "model: torchvision's Kinetics-400 weights were trained on pictures in a scale of their own, and "
                    "picture_scale: imagenet feeds them another one; leave it out, or set picture_scale: kinetics"
                )
            return {"picture_scale": "kinetics"} | fields
        return fields

    @model_validator(mode="after")
    def _torchvision_shape(self) -> ModelSettings:
        if self.video == "torchvision" and (self.width, self.depth) != (64, 18):
            raise ValueError("video: torchvision comes with width 64 and depth 18 only")
        if self.pretrained and self.video != "torchvision":
            raise ValueError("pretrained weights exist for video: torchvision only")
        if self.features % self.translator.heads:
            raise ValueError(f"translator.heads must divide the feature size {self.features}")
        return self

    @property
    def features(self) -> int:
        """Dimensions of an encoder's output."""
        return 8 * self.width


class ModelInput(Settings):
    """What a model was fed with in training."""

    size: int = Field(ge=1, description="Width and height of a view.", json_schema_extra=unit("pixels"))
    frames_per_second: float = Field(gt=0, description="Frames of a second of picture.")
    picture_s: float = Field(gt=0, description="Length of picture.")
    sound_s: float = Field(gt=0, description="Length of sound.")


class ModelDescription(Settings):
    """What ``config.json`` says. Keys of later versions are passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    format: Literal[1, 2] = Field(default=MODEL_FORMAT, description="Version of the layout of the folder.")
    model: ModelSettings = Field(description="Architecture.")
    sound: SpectrogramSettings = Field(description="Sound input.")
    mode: Literal["correct", "original", "ablation"] = Field(
        default="correct", description="How the published code was followed."
    )
    switches: PublishedBehaviour = Field(default=PublishedBehaviour(), description="The same, switch by switch.")
    input: ModelInput | None = Field(
        default=None, description="Size of the input; absent in folders that version 0.1 wrote."
    )
    objectives: tuple[Literal["avc", "avts", "avsa"], ...] = Field(
        default=(), description="What it was trained for, phase after phase; empty where that is not known."
    )
    steps: tuple[int, ...] = Field(
        default=(), description="Optimiser steps of each phase that it was trained for; empty where that is not known."
    )
    source: str | None = Field(default=None, description="Name of the released file that was converted.")

    @field_validator("switches", mode="before")
    @classmethod
    def _pool_by_its_old_name(cls, value: Any) -> Any:
        """Nobody can be asked to change a file that a version before wrote, so there is no warning here."""
        pool = value.get("pool") if isinstance(value, dict) else None
        return value | {"pool": OLD_POOLS[pool]} if isinstance(pool, str) and pool in OLD_POOLS else value

    @staticmethod
    def of(
        model: ModelSettings,
        sound: SpectrogramSettings,
        mode: Literal["correct", "original", "ablation"],
        samples: SampleSettings,
        source: str | None = None,
        objectives: tuple[Literal["avc", "avts", "avsa"], ...] = (),
    ) -> ModelDescription:
        """The description of a model that was trained on ``samples``."""
        data = samples.data
        return ModelDescription(
            model=model,
            sound=sound,
            mode=mode,
            switches=samples.behaviour,
            input=ModelInput(
                size=samples.views.size,
                frames_per_second=data.frames_per_second,
                picture_s=data.picture_s,
                sound_s=data.sound_s,
            ),
            source=source,
            objectives=objectives,
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values, without what only matters before training."""
        empty = {name for name in ("input", "source", "objectives", "steps") if not getattr(self, name)}
        usual = {"picture_scale"} if self.model.picture_scale == "imagenet" else set()  # version 0.1 refuses the key
        hidden = {"model": {"pretrained", *usual}, "sound": {"statistics_samples"}} | dict.fromkeys(empty, True)
        return self.model_dump(mode="json", exclude=hidden)
