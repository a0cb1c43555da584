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
from typing import Any, ClassVar

import torch
from pydantic import ConfigDict, TypeAdapter
from torch import Tensor, nn

from yt360.errors import UsageError
from yt360.files import require_checksum, with_checksum
from yt360.hashing import digest_file
from yt360.models.folder import WEIGHTS, list_checkpoints, model_tensors, new_folder, read_json, write_model_files
from yt360.models.spectrogram import SpatialSpectrogram
from yt360.models.tensor_files import read_tensors, save_tensors
from yt360.training.recipe import TrainingRecipe

_DIGESTS = "digests"
_TENSORS = (WEIGHTS, "optimiser.safetensors")


@dataclass
class State:
    """Where a run stands: ``step`` steps of phase number ``phase`` are done.

    ``interval`` holds the sums since the last log record, ``seen`` and ``bad`` count samples,
    ``scaler`` is the state of the fp16 gradient scaler. Random numbers need no state: every step
    seeds its own.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)

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
        told = with_checksum({**asdict(state), _DIGESTS: {name: digest_file(temporary / name) for name in _TENSORS}})
        (temporary / "state.json").write_text(json.dumps(told, indent=1, sort_keys=True) + "\n")
    found = list_checkpoints(folder)
    for older, newer in itertools.pairwise(found[: len(found) - keep + 1]):
        if older.name[:2] == newer.name[:2]:
            shutil.rmtree(older)
    return folder / name


def read_state(checkpoint: Path) -> State:
    """The state of a checkpoint. Raises :class:`UsageError` where it is not whole, or not what was written."""
    path = checkpoint / "state.json"
    value = read_json(path)
    try:
        require_checksum(value)  # earlier versions wrote neither this nor digests
        held = {name: entry for name, entry in value.items() if name not in ("checksum", _DIGESTS)}
        for name, digest in dict(value.get(_DIGESTS, ())).items():
            if name not in _TENSORS:
                raise ValueError(f"it has a digest of {name!r}")
            if digest_file(checkpoint / name) != digest:
                raise UsageError(
                    f"{checkpoint / name}: expected the file that was written with this checkpoint, found a damaged or "
                    f"another one; remove {checkpoint}"
                )
        state = TypeAdapter(State).validate_json(json.dumps(held))  # a dict alone is not taken strictly
        if min(state.phase, state.step, state.seen, state.bad) < 0 or not {"phase", "step"} <= held.keys():
            raise ValueError("its counts are not such")
    except (ValueError, TypeError, OSError) as error:  # pydantic's is one of the first
        words = " ".join(str(error).split())[:200]
        raise UsageError(f"{path}: not a training state ({words}); remove the folder") from error
    return state


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
        wanted = {"exp_avg": parameter.shape, "exp_avg_sq": parameter.shape, "step": torch.Size()}
        if any(state[key].shape != shape or not state[key].is_floating_point() for key, shape in wanted.items()):
            raise UsageError(
                f"{path}: the state of {name} has another shape or type; use the recipe it was trained with"
            )
        # In the parameter's own layout, which a fused optimiser takes for granted; it counts steps on the device, too.
        moments = {key: torch.empty_like(parameter).copy_(state[key]) for key in ("exp_avg", "exp_avg_sq")}
        optimiser.state[parameter] = {**moments, "step": state["step"].to(parameter.device)}


def _optimiser_tensors(model: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    tensors = {}
    for name, parameter in model.named_parameters():
        for key, value in optimiser.state.get(parameter, {}).items():
            tensors[f"{key}/{name}"] = value
    return tensors
