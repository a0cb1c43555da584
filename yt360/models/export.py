"""Model folders as graphs for other runtimes: ONNX files, or programs of ``torch.export``.

Each part of a model (:mod:`yt360.models.export_parts`) becomes a file that says in its own metadata what goes in and
out, and is compared with the model that it was made of before it appears.
"""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

import yt360
from yt360.errors import UsageError, Yt360Error
from yt360.files import fsync_path
from yt360.models.avsa_model import AVSAModel
from yt360.models.export_parts import FRAME, ExportPart, export_parts

Target = Literal["onnx", "torch-export"]

LARGEST_DIFFERENCE = 1e-5
"""Root mean square of what an exported graph may differ by, over the standard deviation of what it computes."""

OPSET = 18
INDEX = "export.json"
_SUFFIX: Mapping[Target, str] = {"onnx": ".onnx", "torch-export": ".pt2"}
_PARTS = ("video", "sound", "translators")
_FILES = frozenset((INDEX, *(part + suffix for part in _PARTS for suffix in _SUFFIX.values())))


@dataclass(frozen=True)
class Exported:
    """``files`` in the order of the parts; ``differences``: part -> output -> root mean square over deviation."""

    files: tuple[Path, ...]
    differences: dict[str, dict[str, float]]


def export_model(model: AVSAModel, out: Path, target: Target) -> Exported:
    """Write the parts of ``model`` as graphs into the folder ``out``; an earlier export there is replaced.

    Raises :class:`UsageError` where something else is in ``out`` or a package is missing, and :class:`Yt360Error`
    where a graph computes something other than the model; then nothing is written.
    """
    _require_replaceable(out)
    partial = out.with_name(f".{out.name}.yt360-partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        differences: dict[str, dict[str, float]] = {}
        parts = export_parts(model.cpu())
        for part in parts:
            differences[part.name] = _write(part, partial / (part.name + _SUFFIX[target]), model, target)
        index = {"target": target, "differences": differences, **_about(model)}
        index["parts"] = {part.name: _ports(part) for part in parts}
        (partial / INDEX).write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")
        for file in partial.iterdir():
            fsync_path(file)
        _require_replaceable(out)
        if out.exists():
            shutil.rmtree(out)
        partial.rename(out)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return Exported(tuple(out / (part.name + _SUFFIX[target]) for part in parts), differences)


def _write(part: ExportPart, path: Path, model: AVSAModel, target: Target) -> dict[str, float]:
    metadata = {name: json.dumps(value) for name, value in {**_about(model), "part": part.name, **_ports(part)}.items()}
    with torch.no_grad(), _quiet():
        eager = part.module(*part.example)
        program = torch.export.export(part.module, part.example, dynamic_shapes=part.dynamic_shapes())
        if target == "onnx":
            _write_onnx(part, program, path, metadata)
            computed = _run_onnx(part, path)
        else:
            torch.export.save(program, path, extra_files=metadata)
            computed = torch.export.load(path).module()(*part.example)
    return _compare(part, path.name, eager, computed)


def _write_onnx(part: ExportPart, program: torch.export.ExportedProgram, path: Path, metadata: dict[str, str]) -> None:
    _require("onnx", "onnxscript", "onnxruntime")
    made = torch.onnx.export(
        program,
        input_names=list(part.inputs),
        output_names=list(part.outputs),
        opset_version=OPSET,
        dynamic_shapes=part.dynamic_shapes(),
        dynamo=True,
        verbose=False,
    )
    assert made is not None, "without a file, the program is returned"
    made.model.metadata_props.update(metadata)
    made.model.producer_name, made.model.producer_version = "yt360", yt360.__version__
    made.save(path)


def _run_onnx(part: ExportPart, path: Path) -> tuple[Tensor, ...]:
    import onnx
    import onnxruntime

    onnx.checker.check_model(str(path), full_check=True)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    given = {name: value.numpy() for name, value in zip(part.inputs, part.example, strict=True)}
    return tuple(torch.from_numpy(each) for each in session.run(list(part.outputs), given))


def _compare(part: ExportPart, name: str, eager: tuple[Tensor, ...], computed: tuple[Tensor, ...]) -> dict[str, float]:
    differences = {}
    for output, own, other in zip(part.outputs, eager, computed, strict=True):
        differences[output] = float((own.double() - other.double()).square().mean().sqrt() / own.double().std())
        if not differences[output] < LARGEST_DIFFERENCE:  # NaN, too
            raise Yt360Error(
                f"{name}: expected the output {output!r} to differ from the model's by less than "
                f"{LARGEST_DIFFERENCE:g} of its standard deviation, found {differences[output]:.2g}; nothing was "
                "written. Try other versions of torch, onnxscript and onnxruntime (constraints.txt names tested ones)"
            )
    return differences


def _about(model: AVSAModel) -> dict[str, Any]:
    """What a reader of a graph must know, plain values."""
    return {
        "made_by": f"yt360 {yt360.__version__}",
        "config": model.config.to_json(),
        "preprocessor": model.processor_settings.to_json(),
        "directions": FRAME,
        "sound": "AmbiX: channels W, Y, Z, X (ACN order), SN3D weights",
    }


def _ports(part: ExportPart) -> dict[str, Any]:
    return {
        "inputs": {name: port.to_json() for name, port in part.inputs.items()},
        "outputs": {name: port.to_json() for name, port in part.outputs.items()},
    }


def _require(*packages: str) -> None:
    for package in packages:
        try:
            __import__(package)
        except ImportError as error:
            raise UsageError(f"--to onnx needs {package} ({error}): pip install 'yt360[export]'") from error


def _require_replaceable(out: Path) -> None:
    found = ""
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        found = "a link" if out.is_symlink() else "a file"
    elif (
        out.is_dir()
        and (names := {entry.name for entry in out.iterdir()})
        and (INDEX not in names or not names <= _FILES)
    ):
        found = f"a folder with other files in it ({', '.join(map(repr, sorted(names - _FILES or names)[:3]))})"
    if found:
        raise UsageError(
            f"{out}: expected a new or empty folder, or an earlier export that is replaced, found {found}; give "
            "another --out, or move it away"
        )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporters' talk of their own insides."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")]
    levels = [each.level for each in loggers]
    for each in loggers:
        each.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for each, level in zip(loggers, levels, strict=True):
            each.setLevel(level)
