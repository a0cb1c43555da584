"""How the demo begins and ends; what lies between is in test_end_to_end.py."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests import CHECKOUT
from yt360.engine.storage import Root


@pytest.fixture
def demo() -> ModuleType:
    spec = importlib.util.spec_from_file_location("demo", CHECKOUT / "pipelines" / "demo.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_demo_runs_in_a_folder_that_already_holds_its_world(demo, tmp_path: Path, monkeypatch, capsys) -> None:
    root = tmp_path / "demo"
    called: list[str] = []

    def world(folder: Path) -> list:
        (folder / "world" / "media").mkdir(parents=True)
        return []

    def command(*words: object) -> int:
        called.append(str(words[0]))
        Root(str(root)).create()  # what `yt360 run` does first; refuses a folder that is somebody's own
        return 2

    monkeypatch.setattr(sys, "argv", ["demo.py", "--root", str(root)])
    monkeypatch.setattr(demo, "world", world)
    monkeypatch.setattr(demo, "command", command)
    assert demo.main() == 1
    assert called == ["run"]
    assert "FAILED: the run stopped before there was a dataset" in capsys.readouterr().out


def test_the_last_line_says_what_is_wrong_or_against_what_it_was_checked(demo) -> None:
    failed = demo.ending(["2 of 34 videos differ from the ground truth", "training stopped"], own=False)
    assert failed == "FAILED: 2 of 34 videos differ from the ground truth; training stopped"
    assert demo.ending([], own=False).startswith("OK: what was kept, dropped and heard agrees with the ground truth")
    assert demo.ending([], own=True) == "OK: there is a dataset"
