from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import CHECKOUT

_BEFORE = """
import gc, sys, weakref
from yt360.importing import importing

class Knot:
    def __init__(self):
        self.itself = self

def held(thing):
    return any(each is thing for each in gc.get_objects())
"""


@pytest.fixture
def module(tmp_path: Path) -> Path:
    """A module that is in nobody's way, of which garbage and lasting things come."""
    path = tmp_path / "freshly_imported.py"
    path.write_text("import gc\nwas_on = gc.isenabled()\nlasting = [[]]\n")
    return path


def _said(script: str, module: Path) -> str:
    whole = f"sys.path.insert(0, {str(module.parent)!r})\n{script}"
    done = subprocess.run(
        [sys.executable, "-c", _BEFORE + whole], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_what_is_imported_is_not_looked_through(module: Path) -> None:
    script = (
        "with importing():\n    import freshly_imported as f\n"
        "print(f.was_on, held(f.lasting), held(f.__dict__), gc.isenabled())"
    )
    assert _said(script, module) == "False False False True"


def test_where_nothing_is_imported_garbage_is_found_as_ever(module: Path) -> None:
    script = (
        "import freshly_imported\ngone = weakref.ref(Knot())\n"
        "with importing():\n    import freshly_imported\n"
        "print(gc.get_freeze_count()); gc.collect(); print(gone())"
    )
    assert _said(script, module) == "0\nNone"


def test_a_failed_import_leaves_the_collector_on(module: Path) -> None:
    script = (
        "try:\n    with importing():\n        import freshly_imported, no_such_module_anywhere\n"
        "except ModuleNotFoundError as error:\n    print(error.name, gc.isenabled(), gc.get_freeze_count() > 0)"
    )
    assert _said(script, module) == "no_such_module_anywhere True True"


def test_a_collector_that_is_off_stays_so(module: Path) -> None:
    script = (
        "gc.disable()\nwith importing():\n    import freshly_imported\nprint(gc.isenabled(), gc.get_freeze_count())"
    )
    assert _said(script, module) == "False 0"
