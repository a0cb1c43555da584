"""Training states on disk, to resume a run from: written in one step, read without unpickling.

A checkpoint folder is a model folder (:mod:`yt360.models.folder`) with ``optimiser.safetensors`` and
``state.json`` beside the model.
"""

from __future__ import annotations

import itertools
import json
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from yt360.errors import UsageError
from yt360.models.folder import list_checkpoints, model_tensors, new_folder, read_json, write_model_files
from yt360.models.spectrogram import SpatialSpectrogram
from yt360.models.tensor_files import read_tensors, save_tensors
from yt360.training.recipe import TrainingRecipe


@dataclass
class State:
    """Where a run stands: ``step`` steps of phase number ``phase`` are done.

    ``interval`` holds the sums since the last log record, ``seen`` and ``bad`` count samples,
    ``scaler`` is the state of the fp16 gradient scaler. Random numbers need no state: every step
    seeds its own.
    """

    phase: int = 0
    step: int = 0
    seen: int = 0
    bad: int = 0
    interval: dict[str, float] = field(default_factory=dict)
    scaler: dict[str, Any] = field(default_factory=dict)
    manifest: str = ""


def write_checkpoint(
    folder: Path,
    recipe: TrainingRecipe,
    state: State,
    model: nn.Module,
    spectrogram: SpatialSpectrogram,
    optimiser: torch.optim.Optimizer,
    *,
    keep: int,
    steps: tuple[int, ...] = (),
) -> Path:
    """A checkpoint below ``folder``, in one step; ``steps`` of each phase led there.

    The newest ``keep`` and the last of each phase stay.
    """
    name = f"{state.phase:02d}-{recipe.phases[state.phase].name}-{state.step:08d}"
    with new_folder(folder / name) as temporary:
        write_model_files(temporary, model_tensors(model, spectrogram), recipe.description(steps))
        save_tensors(temporary / "optimiser.safetensors", _optimiser_tensors(model, optimiser))
        (temporary / "state.json").write_text(json.dumps(asdict(state), indent=1, sort_keys=True) + "\n")
    found = list_checkpoints(folder)
    for older, newer in itertools.pairwise(found[: len(found) - keep + 1]):
        if older.name[:2] == newer.name[:2]:
            shutil.rmtree(older)
    return folder / name


def read_state(checkpoint: Path) -> State:
    """The state of a checkpoint."""
    try:
        return State(**read_json(checkpoint / "state.json"))
    except TypeError as error:
        raise UsageError(f"{checkpoint}/state.json: not a training state ({error}); remove the folder") from error


def read_optimiser(checkpoint: Path, model: nn.Module, optimiser: torch.optim.Optimizer) -> None:
    """Load Adam's moments, parameter by parameter."""
    path = checkpoint / "optimiser.safetensors"
    tensors = read_tensors(path)
    for name, parameter in model.named_parameters():
        try:
            state = {key: tensors[f"{key}/{name}"] for key in ("exp_avg", "exp_avg_sq", "step")}
        except KeyError:
            if any(other.endswith(f"/{name}") for other in tensors):
                raise UsageError(f"{path}: the state of {name} is not whole; remove the folder {checkpoint}") from None
            continue  # a parameter that no step has touched has no moments
        if state["exp_avg"].shape != parameter.shape:
            raise UsageError(f"{path}: the state of {name} has another shape; use the recipe it was trained with")
        # Where a fused optimiser counts its steps, too.
        optimiser.state[parameter] = {key: value.to(parameter.device) for key, value in state.items()}


def _optimiser_tensors(model: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    tensors = {}
    for name, parameter in model.named_parameters():
        for key, value in optimiser.state.get(parameter, {}).items():
            tensors[f"{key}/{name}"] = value
    return tensors
