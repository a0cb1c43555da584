"""Models and training states on disk: safetensors and JSON, written in one step, read without unpickling.

A model folder holds ``model.safetensors`` and ``model.json`` (architecture, sound input, mode); a
checkpoint folder holds these and ``optimiser.safetensors`` and ``state.json``.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from yt360.errors import UsageError
from yt360.models.spectrogram import SpatialSpectrogram
from yt360.training.recipe import TrainingRecipe

_NAME = re.compile(r"(\d{2})-([a-z0-9-]+)-(\d{8})")
_FORMAT = 1
_FRONT_END = "spectrogram."


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


def describe(recipe: TrainingRecipe) -> dict[str, Any]:
    """What a reader of the weights must know: architecture, sound input, mode and switches."""
    return {
        "format": _FORMAT,
        "model": recipe.model.model_dump(mode="json", exclude={"pretrained"}),
        "sound": recipe.sound.model_dump(mode="json", exclude={"statistics_samples"}),
        "mode": recipe.mode,
        "switches": recipe.behaviour.model_dump(mode="json"),
    }


def model_tensors(model: nn.Module, spectrogram: SpatialSpectrogram) -> dict[str, Tensor]:
    """All weights and buffers, with the sound statistics beside them."""
    tensors = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    for name, value in spectrogram.state_dict().items():
        tensors[_FRONT_END + name] = value.detach().cpu().contiguous()
    return tensors


def write_model(folder: Path, tensors: Mapping[str, Tensor], description: Mapping[str, Any]) -> None:
    """A model folder, in one step; an older one in its place is replaced."""
    with _new_folder(folder) as temporary:
        _write_model(temporary, tensors, description)


def _write_model(folder: Path, tensors: Mapping[str, Tensor], description: Mapping[str, Any]) -> None:
    save_file(dict(tensors), folder / "model.safetensors")
    (folder / "model.json").write_text(json.dumps(description, indent=1, sort_keys=True) + "\n")


def read_model(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and description of a model folder; :class:`UsageError` says what is wrong with it."""
    description = _read_json(folder / "model.json")
    if description.get("format") != _FORMAT:
        raise UsageError(f"{folder}/model.json: format {description.get('format')!r}, this version reads {_FORMAT}")
    return _read_tensors(folder / "model.safetensors"), description


def load_into(module: nn.Module, tensors: Mapping[str, Tensor], source: Path | str) -> None:
    """Load a state dict; names and shapes that do not fit are listed in one :class:`UsageError`."""
    expected = module.state_dict()
    problems = [f"{name} is missing" for name in expected if name not in tensors]
    problems += [f"{name} is not part of this model" for name in tensors if name not in expected]
    problems += [
        f"{name} has shape {tuple(tensors[name].shape)}, expected {tuple(value.shape)}"
        for name, value in expected.items()
        if name in tensors and tensors[name].shape != value.shape
    ]
    if problems:
        raise UsageError(
            f"{source}: weights of another architecture: {'; '.join(problems[:4])}"
            f"{f' and {len(problems) - 4} more' if len(problems) > 4 else ''}; "
            "use the recipe they were trained with, or a new --out"
        )
    module.load_state_dict(tensors)


def part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors below ``prefix``, with it taken off."""
    return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}


def without_front_end(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """All but the sound statistics."""
    return {name: value for name, value in tensors.items() if not name.startswith(_FRONT_END)}


def load_front_end(spectrogram: SpatialSpectrogram, tensors: Mapping[str, Tensor], source: Path | str) -> None:
    """Load the sound statistics that the weights were trained with."""
    load_into(spectrogram, part(tensors, _FRONT_END), source)


def write_checkpoint(
    folder: Path,
    recipe: TrainingRecipe,
    state: State,
    model: nn.Module,
    spectrogram: SpatialSpectrogram,
    optimiser: torch.optim.Optimizer,
    *,
    keep: int,
) -> Path:
    """A checkpoint below ``folder``, in one step. The newest ``keep`` and the last of each phase stay."""
    name = f"{state.phase:02d}-{recipe.phases[state.phase].name}-{state.step:08d}"
    with _new_folder(folder / name) as temporary:
        _write_model(temporary, model_tensors(model, spectrogram), describe(recipe))
        save_file(_optimiser_tensors(model, optimiser), temporary / "optimiser.safetensors")
        (temporary / "state.json").write_text(json.dumps(asdict(state), indent=1, sort_keys=True) + "\n")
    found = list_checkpoints(folder)
    for older, newer in itertools.pairwise(found[: len(found) - keep + 1]):
        if older.name[:2] == newer.name[:2]:
            shutil.rmtree(older)
    return folder / name


def list_checkpoints(folder: Path) -> list[Path]:
    """Whole checkpoints below ``folder``, oldest first."""
    if not folder.is_dir():
        return []
    found = [path for path in folder.iterdir() if _NAME.fullmatch(path.name) and (path / "state.json").is_file()]
    return sorted(found, key=lambda path: (path.name[:2], path.name[-8:]))


def read_state(checkpoint: Path) -> State:
    """The state of a checkpoint."""
    try:
        return State(**_read_json(checkpoint / "state.json"))
    except TypeError as error:
        raise UsageError(f"{checkpoint}/state.json: not a training state ({error}); remove the folder") from error


def read_optimiser(checkpoint: Path, model: nn.Module, optimiser: torch.optim.Optimizer) -> None:
    """Load Adam's moments, parameter by parameter."""
    path = checkpoint / "optimiser.safetensors"
    tensors = _read_tensors(path)
    for name, parameter in model.named_parameters():
        try:
            state = {key: tensors[f"{key}/{name}"] for key in ("exp_avg", "exp_avg_sq", "step")}
        except KeyError:
            if any(other.endswith(f"/{name}") for other in tensors):
                raise UsageError(f"{path}: the state of {name} is not whole; remove the folder {checkpoint}") from None
            continue  # a parameter that no step has touched has no moments
        if state["exp_avg"].shape != parameter.shape:
            raise UsageError(f"{path}: the state of {name} has another shape; use the recipe it was trained with")
        optimiser.state[parameter] = {
            key: value if key == "step" else value.to(parameter.device) for key, value in state.items()
        }


def _optimiser_tensors(model: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    tensors = {}
    for name, parameter in model.named_parameters():
        for key, value in optimiser.state.get(parameter, {}).items():
            tensors[f"{key}/{name}"] = value.detach().cpu().contiguous()
    return tensors


@contextmanager
def _new_folder(path: Path) -> Iterator[Path]:
    """A folder that appears under its name only when it is whole and on the disk."""
    temporary = path.with_name(f".{path.name}.tmp")
    if temporary.exists():
        shutil.rmtree(temporary)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        for file in temporary.iterdir():
            _sync(file)
        if path.exists():
            shutil.rmtree(path)
        temporary.rename(path)
        _sync(path.parent)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UsageError(f"{path.parent}: expected a model or checkpoint folder with {path.name} in it") from error
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: not readable as JSON ({error})") from error
    if not isinstance(value, dict):
        raise UsageError(f"{path}: expected a JSON object, found {type(value).__name__}")
    return value


def _read_tensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except FileNotFoundError as error:
        raise UsageError(f"{path}: the weights are not there") from error
    except (SafetensorError, OSError) as error:
        raise UsageError(f"{path}: not a whole safetensors file ({error}); remove {path.parent}") from error
