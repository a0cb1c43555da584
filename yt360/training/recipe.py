"""What a training run does: one YAML file, checked before anything is read.

Every field has the paper's value as its default, so that a recipe names only what differs.
Source of the defaults: section 3.1 of the paper and the released configuration files
``InstDisc.yaml`` and ``Cur-Loc4-TransfD2.yaml``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from yt360.dataset.settings import DataSettings, PublishedBehaviour, SampleSettings, ViewSettings
from yt360.errors import UsageError
from yt360.models.settings import ModelDescription, ModelSettings, SpectrogramSettings
from yt360.settings import Settings, misfit, read_fields, with_current_names


class Phase(Settings):
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


class OptimiserSettings(Settings):
    """Adam with coupled weight decay (L2), constant rate."""

    learning_rate: Annotated[float, Field(gt=0)] = 1e-4
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: Annotated[float, Field(ge=0)] = 1e-5
    temperature: Annotated[float, Field(gt=0)] = 0.07


class HeldOutEvaluation(Settings):
    """How held-out alignment is measured: ``clips_per_video`` windows of each test video, ``views`` each.

    ``every`` steps, and at the end of each phase. 0 measures at the ends only.
    """

    every: Annotated[int, Field(ge=0)] = 0
    views: Annotated[int, Field(ge=2, le=64)] = 4
    batch: Annotated[int, Field(ge=2)] = 28
    clips_per_video: Annotated[int, Field(ge=1)] = 2


class RunSettings(Settings):
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


class TrainingRecipe(Settings):
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

    def sample_settings(self, phase: int) -> SampleSettings:
        """How a training sample of phase number ``phase`` is made."""
        current = self.phases[phase]
        return SampleSettings(
            data=self.data,
            views=self.views,
            behaviour=self.behaviour,
            view_count=current.views,
            several_moments=current.objective == "avts",
        )

    def held_out_settings(self) -> SampleSettings:
        """How a sample of the held-out evaluation is made, in every phase."""
        return SampleSettings(
            data=self.data, views=self.views, behaviour=self.behaviour, view_count=self.evaluation.views
        )

    def description(self) -> ModelDescription:
        """What a reader of the trained weights must know."""
        return ModelDescription.of(self.model, self.sound, self.mode, self.held_out_settings())

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


def load_recipe(path: Path) -> TrainingRecipe:
    """Read and check a YAML recipe; :class:`UsageError` names the key, what was expected and what was found."""
    return parse_recipe(read_fields(path), str(path))


def parse_recipe(fields: dict[str, Any], source: str) -> TrainingRecipe:
    """A :class:`TrainingRecipe` out of plain values; ``source`` is named in errors."""
    fields = with_current_names(TrainingRecipe, fields, source)
    try:
        return TrainingRecipe.model_validate(fields)
    except ValidationError as error:
        raise misfit(error, f"{source}: the recipe does not fit", TrainingRecipe) from error


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
