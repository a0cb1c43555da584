"""What describes a model: both encoders, the translators between them, and the sound input.

Every field has the paper's value as its default.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from yt360.dataset.settings import PublishedBehaviour, SampleSettings
from yt360.settings import Settings

MODEL_FORMAT = 1
"""Version of the layout of a model folder."""


class SpectrogramSettings(Settings):
    """The network's sound input. ``logmel``: 4 channels as in the paper, which cannot tell left from
    right; ``logmel+intensity`` adds the three intensity-vector channels that can (not in the paper).

    ``statistics_samples``: windows of the training split from which the mean and the deviation of
    each mel band are measured before the first step.
    """

    sample_rate_hz: Annotated[int, Field(ge=4000, le=192000)] = 24000
    n_fft: Annotated[int, Field(ge=64, le=8192)] = 512
    hop: Annotated[int, Field(ge=16, le=8192)] = 240
    mels: Annotated[int, Field(ge=8, le=512)] = 128
    features: Literal["logmel", "logmel+intensity"] = "logmel"
    statistics_samples: Annotated[int, Field(ge=1)] = 256

    @property
    def channels(self) -> int:
        """Channels of the network's sound input."""
        return 4 if self.features == "logmel" else 7


class TranslatorSettings(Settings):
    """The two translation networks. ``mlp`` has no attention: each view is translated alone.

    ``positions``: add an embedding of the view's direction (not in the paper).
    ``out_activation``: ReLU after each layer, as coded and not in Eq. 5.
    """

    kind: Literal["transformer", "mlp"] = "transformer"
    depth: Annotated[int, Field(ge=1, le=24)] = 2
    expansion: Annotated[int, Field(ge=1, le=16)] = 4
    heads: Annotated[int, Field(ge=1, le=64)] = 1
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    out_activation: bool = True
    positions: bool = False


class ModelSettings(Settings):
    """Both encoders and what hangs on them. Features have ``8 * width`` dimensions (512 in the paper).

    ``depth`` of the video network: 18 (two blocks a stage) or 10 (one). ``video``: the paper's
    R(2+1)D or torchvision's ``r2plus1d_18`` (``pretrained`` loads its Kinetics-400 weights).
    """

    video: Literal["r2plus1d", "torchvision"] = "r2plus1d"
    pretrained: bool = False
    width: Annotated[int, Field(ge=1, le=256)] = 64
    depth: Literal[10, 18] = 18
    projection: Annotated[int, Field(ge=2, le=4096)] = 128
    translator: TranslatorSettings = TranslatorSettings()

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
    """What a model was fed with in training: views of ``size`` x ``size`` pixels, ``picture_s`` seconds of them at
    ``frames_per_second``, and ``sound_s`` seconds of sound."""

    size: int
    frames_per_second: float
    picture_s: float
    sound_s: float


class ModelDescription(Settings):
    """What ``model.json`` says: architecture, sound input, mode and switches, and the size of the input.

    ``input`` is None in folders that an older version wrote. ``source``: the released file that was converted.
    Keys of later versions are passed over.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    format: Literal[1] = 1
    model: ModelSettings
    sound: SpectrogramSettings
    mode: Literal["correct", "original", "ablation"] = "correct"
    switches: PublishedBehaviour = PublishedBehaviour()
    input: ModelInput | None = None
    source: str | None = None

    @staticmethod
    def of(
        model: ModelSettings,
        sound: SpectrogramSettings,
        mode: Literal["correct", "original", "ablation"],
        samples: SampleSettings,
        source: str | None = None,
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
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values, without what only matters before training."""
        empty = {name for name in ("input", "source") if getattr(self, name) is None}
        hidden = {"model": {"pretrained"}, "sound": {"statistics_samples"}} | dict.fromkeys(empty, True)
        return self.model_dump(mode="json", exclude=hidden)
