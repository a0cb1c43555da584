"""What a training run does: one YAML file, checked before anything is read.

Every field has the paper's value as its default, so that a recipe names only what differs.
Source of the defaults: section 3.1 of the paper and the released configuration files
``InstDisc.yaml`` and ``Cur-Loc4-TransfD2.yaml``.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from yt360.errors import UsageError

_MAX_RECIPE_BYTES = 1 << 20


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class PublishedBehaviour(_Section):
    """Where the published code and the paper (or plain geometry) disagree, one field each.

    ``rotation``: ``original`` multiplies yaw and pitch in the order of the published
    ``rotate_ambix``, which leaves a source at the view's centre 14.8° off the front on average.
    ``pool``: negatives of a view; ``slot31`` is own views plus the same slot of the other videos
    (N+K-1), ``full112`` all views of all videos (N·K, Eq. 8); the numbers are those of N=28, K=4.
    ``margin``: least distance of two view centres in the longitude-latitude plane in units of 180°;
    the published code configures 0.2 and never applies it.
    ``coverage``: ``coded`` draws tangent-plane half widths (25.0° to 76.3°, pixels at their upper
    left corner), ``written`` draws angles (25° to 90°, pixels at their centres).
    ``flip_sound``: whether a flipped picture's sound is flipped with it.
    ``channels``: ``misread`` feeds the network what the published loader made out of a 5.1 file
    (X, Y, W, 0.707 Z where it meant W, Y, Z, X).
    """

    rotation: Literal["correct", "original"] = "correct"
    pool: Literal["full112", "slot31"] = "full112"
    margin: Annotated[float, Field(ge=0, lt=0.6)] = 0.2
    coverage: Literal["written", "coded"] = "written"
    flip_sound: bool = True
    channels: Literal["canonical", "misread"] = "canonical"

    @staticmethod
    def original() -> PublishedBehaviour:
        """All switches as the published code behaves."""
        return PublishedBehaviour(
            rotation="original", pool="slot31", margin=0.0, coverage="coded", flip_sound=False, channels="misread"
        )


class DataSettings(_Section):
    """Which clips, and how much of each makes a sample.

    ``clips_per_video``: samples of one video in an epoch (the video is drawn, then one of its
    clips). ``picture_s`` of picture lie at a random place inside ``sound_s`` of sound.
    """

    train_split: str = "train"
    test_split: str = "test"
    clips_per_video: Annotated[int, Field(ge=1)] = 32
    picture_s: Annotated[float, Field(gt=0, le=30)] = 0.5
    frames_per_second: Annotated[float, Field(gt=0, le=120)] = 16.0
    sound_s: Annotated[float, Field(gt=0, le=30)] = 1.0
    workers: Annotated[int, Field(ge=0, le=256)] = 2
    verify_digests: bool = True

    @property
    def frames(self) -> int:
        """Frames of a sample's picture."""
        return max(1, round(self.picture_s * self.frames_per_second))

    @model_validator(mode="after")
    def _picture_inside_sound(self) -> DataSettings:
        if self.picture_s > self.sound_s:
            raise ValueError(f"picture_s ({self.picture_s}) must not exceed sound_s ({self.sound_s})")
        return self


class ViewSettings(_Section):
    """How views are drawn. ``size`` in pixels; ``aspect`` is the range of height/width on the image plane.

    ``energy_share``: share of views drawn around the loudest direction of the sample's sound
    (not in the paper). ``jitter``: strengths of brightness, contrast, saturation and hue.
    ``gain``: range of the random gain on each view's sound.
    """

    size: Annotated[int, Field(ge=16, le=512)] = 112
    elevation_deg: tuple[float, float] = (-28.8, 30.6)
    aspect: tuple[float, float] = (0.75, 4 / 3)
    energy_share: Annotated[float, Field(ge=0, le=1)] = 0.0
    flip: Annotated[float, Field(ge=0, le=1)] = 0.5
    jitter: tuple[float, float, float, float] = (0.4, 0.4, 0.4, 0.2)
    gain: tuple[float, float] = (0.9, 1.1)

    @model_validator(mode="after")
    def _ordered(self) -> ViewSettings:
        for name in ("elevation_deg", "aspect", "gain"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name} must be [low, high], found [{low}, {high}]")
        if not -90 <= self.elevation_deg[0] <= self.elevation_deg[1] <= 90:
            raise ValueError(f"elevation_deg must lie within [-90, 90], found {list(self.elevation_deg)}")
        if self.aspect[0] <= 0 or self.gain[0] <= 0:
            raise ValueError("aspect and gain must be positive")
        if any(not 0 <= strength < 1 for strength in self.jitter[:3]) or not 0 <= self.jitter[3] <= 0.5:
            raise ValueError(f"jitter must lie in [0, 1), its hue in [0, 0.5], found {list(self.jitter)}")
        return self


class SpectrogramSettings(_Section):
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


class TranslatorSettings(_Section):
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


class ModelSettings(_Section):
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


class Phase(_Section):
    """One phase of the curriculum: an objective, and for how long.

    ``avc``: match whole videos (Eq. 6; several views are max-pooled). ``avsa``: match views of
    different directions at the same moment (Eq. 8). ``avts``: match moments, one in each equal part
    of the clip, all seen from the same direction.
    ``batch`` counts videos over all processes. Give either ``epochs`` or ``steps``. ``learning_rate``:
    this phase's own, instead of the optimiser's (the paper has one rate for both phases).
    Encoders pass from phase to phase; heads, translators and the optimiser start fresh.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
    objective: Literal["avc", "avts", "avsa"]
    views: Annotated[int, Field(ge=1, le=64)]
    batch: Annotated[int, Field(ge=2)]
    translators: bool
    epochs: Annotated[int, Field(ge=1)] | None = None
    steps: Annotated[int, Field(ge=1)] | None = None
    learning_rate: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _one_length(self) -> Phase:
        if (self.epochs is None) == (self.steps is None):
            raise ValueError(f"phase {self.name!r} needs exactly one of epochs and steps")
        if self.objective != "avc" and self.views < 2:
            raise ValueError(f"phase {self.name!r}: {self.objective} compares views of one video and needs views >= 2")
        return self


class OptimiserSettings(_Section):
    """Adam with coupled weight decay (L2), constant rate."""

    learning_rate: Annotated[float, Field(gt=0)] = 1e-4
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: Annotated[float, Field(ge=0)] = 1e-5
    temperature: Annotated[float, Field(gt=0)] = 0.07


class HeldOutEvaluation(_Section):
    """How held-out alignment is measured: ``clips_per_video`` windows of each test video, ``views`` each.

    ``every`` steps, and at the end of each phase. 0 measures at the ends only.
    """

    every: Annotated[int, Field(ge=0)] = 0
    views: Annotated[int, Field(ge=2, le=64)] = 4
    batch: Annotated[int, Field(ge=2)] = 28
    clips_per_video: Annotated[int, Field(ge=1)] = 2


class RunSettings(_Section):
    """What changes speed and bookkeeping, not what is learned (precision apart).

    ``accumulate``: batches per optimiser step; negatives come from one batch.
    ``checkpoint_every`` and ``log_every`` in steps; ``keep``: newest checkpoints kept. ``threads``:
    CPU threads of the network (as many as cores if not given; threads that share a core with data
    workers or other programs wait for each other, so fewer can be faster).
    """

    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    channels_last: bool = False
    compile: bool = False
    sync_batchnorm: bool = False
    accumulate: Annotated[int, Field(ge=1)] = 1
    threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    log_every: Annotated[int, Field(ge=1)] = 20
    checkpoint_every: Annotated[int, Field(ge=1)] = 1000
    keep: Annotated[int, Field(ge=1)] = 2
    tensorboard: bool = False


class TrainingRecipe(_Section):
    """A whole training run.

    ``mode``: ``correct`` or ``original`` set all switches at once; ``ablation`` is ``correct`` with
    the ``switches`` that are named. ``start_from``: a folder with a model (``yt360 model convert``, or the
    output of another run) whose encoders the first phase starts with.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    phases: Annotated[tuple[Phase, ...], Field(min_length=1)]
    mode: Literal["correct", "original", "ablation"] = "correct"
    switches: PublishedBehaviour | None = None
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    start_from: str | None = None
    data: DataSettings = DataSettings()
    views: ViewSettings = ViewSettings()
    sound: SpectrogramSettings = SpectrogramSettings()
    model: ModelSettings = ModelSettings()
    optimiser: OptimiserSettings = OptimiserSettings()
    evaluation: HeldOutEvaluation = HeldOutEvaluation()
    run: RunSettings = RunSettings()

    @model_validator(mode="after")
    def _modes_never_mix(self) -> TrainingRecipe:
        if self.mode == "ablation":
            if self.switches in (None, PublishedBehaviour()):
                raise ValueError("mode: ablation needs at least one switch that differs from mode: correct")
        elif self.switches is not None:
            raise ValueError(f"mode: {self.mode} sets every switch itself; to change one, write mode: ablation")
        names = [phase.name for phase in self.phases]
        if len(set(names)) != len(names):
            raise ValueError(f"phase names must differ, found {names}")
        return self

    @property
    def behaviour(self) -> PublishedBehaviour:
        """The switches in force."""
        return PublishedBehaviour.original() if self.mode == "original" else self.switches or PublishedBehaviour()

    def identity(self) -> dict[str, Any]:
        """What must not change when a run goes on: all but speed and bookkeeping."""
        fields = self.model_dump(mode="json")
        for name in (
            "device",
            "threads",
            "compile",
            "channels_last",
            "log_every",
            "checkpoint_every",
            "keep",
            "tensorboard",
        ):
            del fields["run"][name]
        del fields["data"]["workers"], fields["data"]["verify_digests"]
        return fields


def read_fields(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; :class:`UsageError` says what was expected and what was found."""
    try:
        if path.stat().st_size > _MAX_RECIPE_BYTES:
            raise UsageError(f"{path}: a recipe is at most 1 MiB")
        fields = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot read the recipe ({error.strerror}); name a YAML file") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not YAML: {error}") from error
    if not isinstance(fields, dict):
        raise UsageError(f"{path}: expected a mapping of keys, found {type(fields).__name__}")
    return fields


def misfit(error: ValidationError, what: str) -> UsageError:
    """``what`` does not fit, key by key: what was expected and what was found."""
    lines = [what]
    for problem in error.errors()[:10]:
        key = ".".join(map(str, problem["loc"])) or "(whole)"
        found = "" if isinstance(problem["input"], dict | BaseModel) else f", found {problem['input']!r:.80}"
        lines.append(f"  {key}: {problem['msg']}{found}")
    return UsageError("\n".join(lines))


def load_recipe(path: Path) -> TrainingRecipe:
    """Read and check a YAML recipe; :class:`UsageError` names the key, what was expected and what was found."""
    return parse_recipe(read_fields(path), str(path))


def parse_recipe(fields: dict[str, Any], source: str) -> TrainingRecipe:
    """A :class:`TrainingRecipe` out of plain values; ``source`` is named in errors."""
    try:
        return TrainingRecipe.model_validate(fields)
    except ValidationError as error:
        raise misfit(error, f"{source}: the recipe does not fit") from error


def override(recipe: TrainingRecipe, assignments: list[str]) -> TrainingRecipe:
    """The recipe with ``key.key=value`` assignments (values are YAML), as ``--set`` on the command line."""
    fields = recipe.model_dump(mode="json")
    for assignment in assignments:
        key, separator, text = assignment.partition("=")
        node: Any = fields
        *parents, last = key.split(".")
        try:
            for parent in parents:
                node = node[int(parent)] if isinstance(node, list) else node[parent]
            slot: Any = int(last) if isinstance(node, list) else last
            if not separator or (isinstance(node, list) and slot >= len(node)) or not isinstance(node, dict | list):
                raise KeyError(key)
            node[slot] = yaml.safe_load(text)
        except (KeyError, IndexError, ValueError, TypeError, yaml.YAMLError) as error:
            raise UsageError(f"--set {assignment!r}: expected key.key=value with a key of the recipe") from error
    return parse_recipe(fields, "--set")


def fingerprint(value: Any) -> str:
    """Short digest of a JSON value: equal values give equal text."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()
