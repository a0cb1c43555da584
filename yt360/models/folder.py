"""Model folders, in the layout of Hugging Face's hub.

``model.safetensors`` holds the weights, ``config.json`` the architecture (``model.json`` in folders of version 0.1),
``preprocessor_config.json`` how the input is made, ``README.md`` the model card. A run of ``yt360 train`` leaves one in
``model/`` and one, without a card, with each checkpoint; ``yt360 model convert`` makes one of a released file. They are
written in one step.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from torch import Tensor, nn

from yt360.errors import UsageError
from yt360.files import fsync_path, parse_json
from yt360.models.processor_settings import ProcessorSettings
from yt360.models.settings import MODEL_FORMAT, ModelDescription
from yt360.models.spectrogram import SpatialSpectrogram
from yt360.models.tensor_files import read_tensors, save_tensors

WEIGHTS, CONFIG, PREPROCESSOR, CARD = "model.safetensors", "config.json", "preprocessor_config.json", "README.md"
"""The files of a model folder."""

_OLD_CONFIG = "model.json"
_FRONT_END = "spectrogram."
_FILES = frozenset((WEIGHTS, CONFIG, _OLD_CONFIG, PREPROCESSOR, CARD, "optimiser.safetensors", "state.json"))
"""What a model folder or a checkpoint holds, and an earlier one in its place is replaced with."""

_CHECKPOINT_NAME = re.compile(r"(\d{2})-([a-z0-9-]+)-(\d{8})")


def write_model(
    folder: Path,
    tensors: Mapping[str, Tensor],
    description: ModelDescription,
    card: str,
    processor: ProcessorSettings | None = None,
) -> None:
    """A model folder, in one step; an older one in its place is replaced. ``card``: text of its README."""
    with new_folder(folder) as temporary:
        write_model_files(temporary, tensors, description, processor)
        (temporary / CARD).write_text(card, encoding="utf-8")


def write_model_files(
    folder: Path,
    tensors: Mapping[str, Tensor],
    description: ModelDescription,
    processor: ProcessorSettings | None = None,
) -> None:
    """The files of a model but its card, into a folder that is being made."""
    save_tensors(folder / WEIGHTS, tensors)
    fields = description.to_json() | {"format": MODEL_FORMAT}
    (folder / CONFIG).write_text(json.dumps(fields, indent=1, sort_keys=True) + "\n")
    made_how = (processor or ProcessorSettings.of(description)).to_json()
    (folder / PREPROCESSOR).write_text(json.dumps(made_how, indent=1, sort_keys=True) + "\n")


def config_of(folder: Path) -> Path | None:
    """The file of a folder that describes a model; ``None`` where there is none."""
    return next((folder / name for name in (CONFIG, _OLD_CONFIG) if (folder / name).is_file()), None)


def read_model(folder: Path) -> tuple[dict[str, Tensor], ModelDescription]:
    """Tensors and description of a model folder; :class:`UsageError` says what is wrong with it."""
    path = config_of(folder) or folder / CONFIG
    fields = read_json(path)
    if fields.get("format") not in range(1, MODEL_FORMAT + 1):
        raise UsageError(
            f"{path}: expected the description of a yt360 model (format 1 to {MODEL_FORMAT}), found format "
            f"{fields.get('format')!r}"
        )
    try:
        description = ModelDescription.model_validate(fields)
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(map(str, problem["loc"]))
        raise UsageError(
            f"{path}: does not describe a model of this version ({key}: {problem['msg']}); "
            "name an output of yt360 train or yt360 model convert"
        ) from error
    return read_tensors(folder / WEIGHTS), description


def read_processor(folder: Path, description: ModelDescription) -> ProcessorSettings:
    """How the input of a folder's model is made; folders of version 0.1 say it in the description alone."""
    path = folder / PREPROCESSOR
    if not path.is_file():
        return ProcessorSettings.of(description)
    try:
        return ProcessorSettings.model_validate(read_json(path))
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(map(str, problem["loc"]))
        raise UsageError(f"{path}: expected how a model's input is made, found {key}: {problem['msg']}") from error


def find_model(folder: Path) -> Path:
    """The model folder in ``folder``: itself, its ``model/``, or its newest checkpoint.

    Raises :class:`UsageError` where there is none.
    """
    candidates = [folder, folder / "model", *reversed(list_checkpoints(folder / "checkpoints"))]
    for candidate in candidates:
        if config_of(candidate) is not None:
            return candidate
    found = "nothing" if not folder.exists() else "a file" if folder.is_file() else "a folder without a model"
    raise UsageError(
        f"{folder}: expected an output folder of yt360 train (with model/ or checkpoints/) or of yt360 model convert, "
        f"found {found}: train one (yt360 train avsa --root ROOT --out {folder})"
    )


def list_checkpoints(folder: Path) -> list[Path]:
    """Whole checkpoints below ``folder``, oldest first."""
    if not folder.is_dir():
        return []
    found = [
        path for path in folder.iterdir() if _CHECKPOINT_NAME.fullmatch(path.name) and (path / "state.json").is_file()
    ]
    return sorted(found, key=lambda path: (path.name[:2], path.name[-8:]))


def model_tensors(model: nn.Module, spectrogram: SpatialSpectrogram) -> dict[str, Tensor]:
    """All weights and buffers, with the sound statistics beside them."""
    tensors = dict(model.state_dict())
    return tensors | {_FRONT_END + name: value for name, value in spectrogram.state_dict().items()}


def load_into(module: nn.Module, tensors: Mapping[str, Tensor], source: Path | str) -> None:
    """Load a state dict; names, shapes and types that do not fit are listed in one :class:`UsageError`."""
    require_fit(module, tensors, source)
    module.load_state_dict(tensors)


def require_fit(module: nn.Module, tensors: Mapping[str, Tensor], source: Path | str) -> None:
    """Raise :class:`UsageError` where :func:`load_into` would."""
    expected = module.state_dict()
    problems = [f"{name} is missing" for name in expected if name not in tensors]
    problems += [f"{name} is not part of this model" for name in tensors if name not in expected]
    problems += [
        f"{name} has shape {tuple(tensors[name].shape)}, expected {tuple(value.shape)}"
        for name, value in expected.items()
        if name in tensors and tensors[name].shape != value.shape
    ]
    problems += [
        f"{name} holds {tensors[name].dtype}, expected {value.dtype}"
        for name, value in expected.items()
        if name in tensors and tensors[name].is_floating_point() != value.is_floating_point()
    ]
    if problems:
        raise UsageError(
            f"{source}: weights of another architecture: {'; '.join(problems[:4])}"
            f"{f' and {len(problems) - 4} more' if len(problems) > 4 else ''}; "
            "use the recipe they were trained with, or a new --out"
        )


def part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors below ``prefix``, with it taken off."""
    return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}


def without_front_end(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """All but the sound statistics."""
    return {name: value for name, value in tensors.items() if not name.startswith(_FRONT_END)}


def load_front_end(spectrogram: SpatialSpectrogram, tensors: Mapping[str, Tensor], source: Path | str) -> None:
    """Load the sound statistics that the weights were trained with."""
    load_into(spectrogram, part(tensors, _FRONT_END), source)


def require_replaceable(path: Path, names: Collection[str] = ()) -> None:
    """Raise :class:`UsageError` where something other than a model lies at ``path``: it would be lost.

    What may be replaced are an empty folder and a model's files, and files with one of ``names``.
    """
    if not os.path.lexists(path):
        return
    found = "a link" if path.is_symlink() else "" if path.is_dir() else "a file"
    if not found and (there := {entry.name + "/" * entry.is_dir() for entry in path.iterdir()}):
        others = sorted(there - _FILES - set(names))
        if others or not _is_ours(path):
            found = f"a folder with other files in it ({', '.join(map(repr, (others or sorted(there))[:3]))})"
    if found:
        raise UsageError(
            f"{path}: expected a new or empty folder, or a model that is replaced, found {found}; give another "
            "--out, or move it away"
        )


def _is_ours(folder: Path) -> bool:
    """Whether a folder is a model of ours: those of other libraries have files of the same names."""
    config = config_of(folder)
    try:
        return config is not None and read_json(config).get("format") in range(1, MODEL_FORMAT + 1)
    except UsageError:
        return False


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder that appears under its name only when it is whole and on the disk, in place of an earlier model.

    Raises :class:`UsageError` where something else is there (:func:`require_replaceable`).
    """
    require_replaceable(path)
    temporary = path.with_name(f".{path.name}.yt360-partial")
    if temporary.exists():
        shutil.rmtree(temporary)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        for file in temporary.iterdir():
            fsync_path(file)
        if path.exists():
            require_replaceable(path, [file.name for file in temporary.iterdir()])
            shutil.rmtree(path)
        temporary.rename(path)
        fsync_path(path.parent)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object of a model or checkpoint folder; :class:`UsageError` says what else was found."""
    try:
        value = parse_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UsageError(f"{path.parent}: expected a model or checkpoint folder with {path.name} in it") from error
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: not readable as JSON ({error})") from error
    if not isinstance(value, dict):
        raise UsageError(f"{path}: expected a JSON object, found {type(value).__name__}")
    return value
