"""Every public function of what users call has an example, and the examples are right."""

from __future__ import annotations

import doctest
import importlib
import inspect
from types import ModuleType

import pytest

MODULES = ("yt360.sphere", "yt360.ambisonics")


def public(module: ModuleType) -> list[str]:
    """Names of the functions that a module defines for others."""
    return [
        name
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")
    ]


@pytest.mark.parametrize("name", MODULES)
def test_examples_are_right(name: str) -> None:
    found = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert found.attempted > 0
    assert found.failed == 0, f"{found.failed} of {found.attempted} examples differ; the differences are printed above"


@pytest.mark.parametrize("name", MODULES)
def test_every_public_function_has_an_example(name: str) -> None:
    module = importlib.import_module(name)
    without = [each for each in public(module) if ">>>" not in (vars(module)[each].__doc__ or "")]
    assert without == []
