"""What a training run does: one YAML file, checked before anything is read.

Every field has the paper's value as its default, so that a recipe names only what differs.
Source of the defaults: section 3.1 of the paper and the released configuration files
``InstDisc.yaml`` and ``Cur-Loc4-TransfD2.yaml``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from yt360 import overrides
from yt360.dataset.settings import DataSettings, PublishedBehaviour, SampleSettings, ViewSettings
from yt360.errors import UsageError
from yt360.files import parse_json
from yt360.models.settings import ModelDescription, ModelSettings, SpectrogramSettings
from yt360.settings import Settings, misfit, read_fields, with_current_names


class Phase(Settings):
    """One phase of the curriculum. Encoders pass from phase to phase; heads, translators and optimiser start fresh."""

    name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9-]{0,31}$",
        description="Name in logs and checkpoints: lower-case letters, digits and dashes, at most 32.",
    )
    objective: Literal["avc", "avts", "avsa"] = Field(
        description="avc: match whole videos (Eq. 6; several views are max-pooled). avsa: match views of different "
        "directions at the same moment (Eq. 8). avts: match moments, one in each equal part of the clip, all seen from "
        "the same direction."
    )
    views: int = Field(ge=1, le=64, description="Views of a sample; at least 2 for avsa and avts.")
    batch: int = Field(ge=2, description="Videos in a batch, over all processes.")
    translators: bool = Field(description="Predict each modality from the other with the translation networks.")
    epochs: int | None = Field(
        default=None,
        ge=1,
        description="Length in passes of data.clips_per_video samples a video. Give epochs or steps.",
    )
    steps: int | None = Field(default=None, ge=1, description="Length in optimiser steps. Give epochs or steps.")
    learning_rate: float | None = Field(
        default=None,
        gt=0,
        description="This phase's own rate instead of the optimiser's (the paper has one rate for all phases).",
    )
    schedule: Literal["constant", "cosine"] = Field(
        default="constant",
        description="How the rate goes over the phase. constant: as in the paper. cosine: up within a hundred steps "
        "(at most a tenth of the phase), then along half a cosine down to nearly zero at its end.",
    )

    @model_validator(mode="after")
    def _one_length(self) -> Phase:
        if (self.epochs is None) == (self.steps is None):
            raise ValueError(f"phase {self.name!r} needs exactly one of epochs and steps")
        if self.objective != "avc" and self.views < 2:
            raise ValueError(f"phase {self.name!r}: {self.objective} compares views of one video and needs views >= 2")
        return self


class OptimiserSettings(Settings):
    """Adam with coupled weight decay (L2), constant rate; temperature of the loss."""

    learning_rate: float = Field(default=1e-4, gt=0, description="Step size of Adam.")
    betas: tuple[float, float] = Field(
        default=(0.9, 0.999), description="Decay of Adam's running means of gradients and of their squares, in [0, 1)."
    )
    weight_decay: float = Field(default=1e-5, ge=0, description="Weight of the L2 penalty.")
    temperature: float = Field(default=0.07, gt=0, description="What similarities are divided by in the loss (Eq. 7).")


class HeldOutEvaluation(Settings):
    """How alignment is measured on the held-out split, at the end of each phase and in between."""

    every: int = Field(
        default=0, ge=0, description="Steps from one evaluation to the next. 0: at the ends of the phases only."
    )
    views: int = Field(default=4, ge=2, le=64, description="Views of each sample.")
    batch: int = Field(
        default=28,
        ge=2,
        description="Videos that are compared with each other; as many as there are if there are fewer.",
    )
    clips_per_video: int = Field(default=2, ge=1, description="Samples of each test video.")


class RunSettings(Settings):
    """What changes speed and bookkeeping, not what is learned (precision apart)."""

    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="Where the network computes. auto: CUDA where there is one."
    )
    precision: Literal["fp32", "bf16", "fp16"] = Field(
        default="fp32",
        description="Precision of the networks; heads and loss are always in fp32. On a CPU bf16 is fp32, too: torch's "
        "gradients of convolutions over two frames are wrong in bf16 there.",
    )
    device_views: bool = Field(
        default=False,
        description="Cut, mirror and recolour views where the network computes, so that data workers only decode; for "
        "GPUs that wait for data. Pictures differ by at most a level of 255. All clips must have one size.",
    )
    channels_last: bool = Field(
        default=False,
        description="Keep channels last in memory on a CUDA device: faster on many. On a CPU they are anyway.",
    )
    compile: bool = Field(default=False, description="Compile the encoders with torch.compile.")
    recompute: bool = Field(
        default=False,
        description="Compute what happens inside the video encoder's blocks again in the backward pass instead of "
        "keeping it (gradient checkpointing): larger batches fit into memory, a step takes about a quarter longer, "
        "gradients are the same. Not together with compile, which chooses by itself what to keep.",
    )
    sync_batchnorm: bool = Field(
        default=False, description="Batch norm over all processes instead of each for itself; CUDA only."
    )
    accumulate: int = Field(default=1, ge=1, description="Batches per optimiser step. Negatives come from one batch.")
    threads: int | None = Field(
        default=None,
        ge=1,
        le=1024,
        description="CPU threads of the network; as many as cores if not given. Threads that share a core with data "
        "workers or other programs wait for each other, so fewer can be faster.",
    )
    log_every: int = Field(default=20, ge=1, description="Steps from one record in log.jsonl to the next.")
    checkpoint_every: int = Field(default=1000, ge=1, description="Steps from one checkpoint to the next.")
    keep: int = Field(default=2, ge=1, description="Newest checkpoints that are kept, besides the last of each phase.")
    tensorboard: bool = Field(
        default=False,
        description="Write losses and accuracies to OUT/tensorboard as well (tensorboard --logdir OUT); needs the "
        "package tensorboard.",
    )

    @model_validator(mode="after")
    def _one_chooses_what_is_kept(self) -> RunSettings:
        if self.compile and self.recompute:
            raise ValueError("compile and recompute both choose what is kept for the backward pass: give one of them")
        return self


class TrainingRecipe(Settings):
    """A whole training run."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        description="Name of the recipe in logs and results: letters, digits, dots, dashes, at most 64.",
    )
    phases: tuple[Phase, ...] = Field(min_length=1, description="Phases of the curriculum, one after another.")
    mode: Literal["correct", "original", "ablation"] = Field(
        default="correct",
        description="correct and original (as the published code behaves) set all switches at once; ablation is "
        "correct with the switches that are named.",
    )
    switches: PublishedBehaviour | None = Field(
        default=None, description="For mode: ablation: where to follow the published code."
    )
    seed: int = Field(default=0, ge=0, lt=2**32, description="Seed of everything random.")
    start_from: str | None = Field(
        default=None,
        description="Folder with a model (yt360 model convert, or the output of another run) whose encoders the first "
        "phase starts with.",
    )
    shrink_batch: bool = Field(
        default=False,
        description="Where the training split has fewer videos than a phase's batch, use as many as it has, and say "
        "so, instead of stopping.",
    )
    data: DataSettings = Field(default=DataSettings(), description="How much of which clips makes a sample.")
    views: ViewSettings = Field(default=ViewSettings(), description="How views are drawn.")
    sound: SpectrogramSettings = Field(default=SpectrogramSettings(), description="The network's sound input.")
    model: ModelSettings = Field(default=ModelSettings(), description="Encoders, translators and heads.")
    optimiser: OptimiserSettings = Field(default=OptimiserSettings(), description="Optimiser and loss.")
    evaluation: HeldOutEvaluation = Field(
        default=HeldOutEvaluation(), description="Measuring on the held-out split during training."
    )
    run: RunSettings = Field(default=RunSettings(), description="Speed and bookkeeping.")

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

    def description(self, steps: Sequence[int] = ()) -> ModelDescription:
        """What a reader of the trained weights must know. ``steps`` of each phase that was gone through."""
        objectives = tuple(phase.objective for phase in self.phases)
        made = ModelDescription.of(self.model, self.sound, self.mode, self.held_out_settings(), objectives=objectives)
        return made.model_copy(update={"steps": tuple(steps)})

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
        del fields["shrink_batch"]  # the batches that it led to count
        return fields


def load_recipe(path: Path) -> TrainingRecipe:
    """Read and check a YAML recipe; :class:`UsageError` names the key, what was expected and what was found."""
    return parse_recipe(read_fields(path), str(path))


def read_resolved(path: Path) -> TrainingRecipe:
    """The recipe that a run left in its folder (JSON, all values given); :class:`UsageError` for anything else."""
    try:
        fields = parse_json(path.read_text(encoding="utf-8"))
        if not isinstance(fields, dict):
            raise ValueError(f"{type(fields).__name__} instead of an object")
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(
            f"{path}: expected the recipe of a training run, found: {error}; use another --out, or move it away"
        ) from error
    return parse_recipe(fields, str(path))


def parse_recipe(fields: dict[str, Any], source: str) -> TrainingRecipe:
    """A :class:`TrainingRecipe` out of plain values; ``source`` is named in errors."""
    fields = with_current_names(TrainingRecipe, fields, source)
    try:
        return TrainingRecipe.model_validate(fields)
    except ValidationError as error:
        raise misfit(error, f"{source}: the recipe does not fit", TrainingRecipe) from error


def override(recipe: TrainingRecipe, assignments: Sequence[str]) -> TrainingRecipe:
    """The recipe changed by ``--set`` assignments: see :func:`yt360.overrides.override`."""
    fields = overrides.override(TrainingRecipe, recipe.model_dump(mode="json"), assignments)
    return parse_recipe(fields, "--set")
