"""How a head for directions of arrival is built and trained."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from yt360 import overrides
from yt360.dataset.starss import FRAMES_PER_S
from yt360.settings import Settings, misfit, unit

USUAL_EPOCHS, LEAST_STEPS = 60, 800
"""Few recordings make few steps a pass: sixty passes over six minutes end before the head has learned anything."""


class DoaSettings(Settings):
    """Frozen features in a ring of directions, and a head on them."""

    inputs: tuple[Literal["sound", "video"], ...] = Field(
        default=("sound",), min_length=1, description="Whose features the head gets; recordings must have a picture."
    )
    around: int = Field(default=8, ge=1, le=72, description="Directions on the horizon in which the model listens.")
    frames: int = Field(
        default=5,
        ge=1,
        le=50,
        description="Frames of labels that are predicted from one window of the model.",
        json_schema_extra=unit("0.1 s"),
    )
    tracks: int = Field(default=3, ge=1, le=4, description="Most sources of one class at a time.")
    hidden: int = Field(default=256, ge=8, le=4096, description="Width of the head.")
    dropout: float = Field(default=0.2, ge=0, lt=1, description="Share of hidden features dropped in training.")
    sequence: int = Field(default=10, ge=1, le=1000, description="Windows of a training example, one after the other.")
    epochs: int | None = Field(
        default=None,
        ge=1,
        description=f"Passes over the training recordings. Not given: {USUAL_EPOCHS}, or as many as make {LEAST_STEPS} "
        "optimiser steps, if that is more.",
    )
    batch: int = Field(default=16, ge=1, description="Examples in a batch.")
    learning_rate: float = Field(default=1e-3, gt=0, description="Step size of Adam at the start; it falls to zero.")
    weight_decay: float = Field(default=1e-4, ge=0, description="Weight of the decoupled penalty (AdamW).")
    threshold: float = Field(
        default=0.5, gt=0, lt=1, description="Least length of a predicted vector for a source to sound."
    )
    merge_deg: float = Field(
        default=30.0, ge=0, le=180, description="Tracks of one class that are nearer to each other are one source."
    )
    seed: int = Field(default=0, ge=0, lt=2**32, description="Seed of the head and of the order of examples.")

    @property
    def hop_s(self) -> float:
        """Seconds from one window to the next."""
        return self.frames / FRAMES_PER_S

    def passes(self, steps_per_pass: int) -> int:
        """Passes over recordings that make ``steps_per_pass`` batches.

        >>> DoaSettings().passes(1000), DoaSettings().passes(5), DoaSettings(epochs=30).passes(5)
        (60, 160, 30)
        """
        return self.epochs or max(USUAL_EPOCHS, math.ceil(LEAST_STEPS / steps_per_pass))

    @model_validator(mode="after")
    def _inputs_differ(self) -> DoaSettings:
        if len(set(self.inputs)) < len(self.inputs):
            raise ValueError(f"inputs must differ, found {list(self.inputs)}")
        return self


def parse_settings(fields: Any, source: str) -> DoaSettings:
    """Settings out of plain values; ``source`` is named in the :class:`UsageError` for what does not fit."""
    try:
        return DoaSettings.model_validate(fields)
    except ValidationError as error:
        raise misfit(error, f"{source}: the settings of the head do not fit", DoaSettings) from error


def override(settings: DoaSettings, assignments: Sequence[str]) -> DoaSettings:
    """The settings changed by ``--set`` assignments: see :func:`yt360.overrides.override`."""
    return parse_settings(overrides.override(DoaSettings, settings.model_dump(mode="json"), assignments), "--set")
