"""Every public function of what users call has an example, and the examples are right.

Examples may use a tiny root: ``root`` (its folder), ``data`` (opened), ``clip`` (its first clip) and ``row`` (that
clip's row of the manifest).
"""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import yt360
import yt360.dataset
from tests.evaluation.world import make_labelled_root
from tests.inference.scenes import model_folder
from yt360.dataset.members import MemberReader

ROOM = tuple(f"yt360.dataset.{found.name}" for found in pkgutil.iter_modules(yt360.dataset.__path__))
MODULES = ("yt360", "yt360.sphere", "yt360.ambisonics", *ROOM)
MODELS = ("yt360.models.avsa_model", "yt360.inference.processor")
VIEWS = ("yt360.view.binaural", "yt360.view.path", "yt360.report.page")
FACE = (yt360.Dataset, yt360.Clip, yt360.ClipDataset)


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What examples may use."""
    root: Path = make_labelled_root(tmp_path_factory.mktemp("examples") / "root", videos=2, test_videos=1, clips=1)
    data = yt360.open(root)
    return {
        "np": np,
        "root": str(root),
        "data": data,
        "clip": data[0],
        "row": data[0].row,
        "MemberReader": MemberReader,
        "folder": str(model_folder(root.parent / "model", views={"size": 16})),
    }


def public(module: ModuleType) -> Iterator[tuple[str, str]]:
    """(name, docstring) of the functions that a module defines for others."""
    for name, value in vars(module).items():
        if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_"):
            yield name, value.__doc__ or ""


@pytest.mark.parametrize("name", MODULES + MODELS + VIEWS)
def test_examples_are_right(name: str, names: dict[str, Any]) -> None:
    found = doctest.testmod(importlib.import_module(name), extraglobs=names, optionflags=doctest.ELLIPSIS)
    assert found.failed == 0, f"{found.failed} of {found.attempted} examples differ; the differences are printed above"


@pytest.mark.parametrize("name", MODULES)
def test_every_public_function_has_an_example(name: str) -> None:
    assert [each for each, text in public(importlib.import_module(name)) if ">>>" not in text] == []


@pytest.mark.parametrize("kind", FACE, ids=lambda kind: kind.__name__)
def test_every_public_method_of_the_face_has_an_example(kind: type) -> None:
    methods = {name: value for name, value in vars(kind).items() if inspect.isfunction(value) and name[0] != "_"}
    assert methods
    assert [name for name, value in methods.items() if ">>>" not in (value.__doc__ or "")] == []
