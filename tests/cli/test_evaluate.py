"""`yt360 evaluate` and `yt360 tables`: the errors a person meets, and no torch where none is needed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.evaluation.tables.test_filling import put
from tests.evaluation.world import make_labelled_root
from tests.training.world import tiny
from yt360.training.loop import train


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A root and a tiny AVC run (no translators) on it. Read only."""
    folder = tmp_path_factory.mktemp("cli")
    root = make_labelled_root(folder / "root", videos=4, test_videos=2, clips=1, seconds=1.2)
    avc = {"name": "avc", "objective": "avc", "views": 1, "batch": 4, "translators": False, "steps": 1}
    train(tiny(phases=[avc]), str(root), folder / "avc", progress=False)
    return root, folder / "avc"


def test_a_task_is_measured_and_the_tables_show_it(
    command: Command, trained: tuple[Path, Path], tmp_path: Path
) -> None:
    root, model = trained
    small = ["--set", "features.train_clips_per_video=2", "--set", "features.rounds=1", "--set", "run.workers=0"]
    words = ["evaluate", "avc-bin", "-q", "--root", root, "--checkpoint", model, "--out", tmp_path / "out", *small]
    code, out, err = command(*words, "--set", "tasks.epochs=1", "--set", "features.test_clips_per_video=2")
    assert code == 0, err
    assert err == "", "-q: results only"
    assert out.startswith("avc  avc-bin-4-views\n  accuracy ")
    code, out, _ = command("tables", tmp_path / "out")
    assert code == 0
    row = next(line for line in out.splitlines() if line.startswith("| AVC, no transf."))
    assert "(paper 82.68)" in row
    assert "empty (paper 79.82)" in row
    code, out, _ = command("tables", tmp_path / "out", "--out", tmp_path / "tables")
    assert {path.name for path in (tmp_path / "tables").iterdir()} == {
        "tables.md", "tables.tex", "tables.csv", "tables.png",
    }  # fmt: skip


def _wrong(what: str, *words: str, match: str) -> tuple[str, tuple[str, ...], str]:
    return what, words, match


@pytest.mark.parametrize(
    ("what", "words", "match"),
    [
        _wrong("nothing", match="expected one of avc-bin"),
        _wrong("missing.yaml", match="missing.yaml: found no recipe"),
        _wrong("avc-bin", "--checkpoint", "{tmp}/none", match="none: expected an output folder of yt360 train"),
        _wrong("avc-bin", match="expected --checkpoint"),
        _wrong("avc-bin", "--checkpoint", "{model}", "--root", "{tmp}", match="no clip manifest there"),
        _wrong("avc-bin", "--checkpoint", "{model}", "--set", "mode=original", match="was trained in mode 'correct'"),
        _wrong("avc-bin", "--checkpoint", "{model}", "--set", "row=avsa", match="holds 'avc'.*is for 'avsa'"),
        _wrong(
            "avc-bin", "--checkpoint", "{model}", "--set", "tasks.translators=true", match="has none.*translators: true"
        ),
        _wrong("segmentation", "--checkpoint", "{model}", "--set", "tasks.inputs=[context]", match="has none"),
        _wrong(
            "segmentation", "--checkpoint", "{model}", "--set", "tasks.inputs=[video]", match="coco-32 needs maps"
        ),
        _wrong("action", "--checkpoint", "{model}", match="ucf101 needs UCF-101"),
        _wrong("avc-bin", "--checkpoint", "{model}", "--set", "data.test_split=other", match="'other' holds 0 usable"),
        _wrong("avc-bin", "--checkpoint", "{model}", "--set", "tasks.epochs=0", match="tasks.0.avc-bin.epochs"),
    ],
)  # fmt: skip
def test_wrong_use_says_what_to_do(
    command: Command, trained: tuple[Path, Path], tmp_path: Path, what: str, words: tuple[str, ...], match: str
) -> None:
    root, model = trained
    asked = [word.format(tmp=tmp_path, model=model) for word in words]
    if "--root" not in asked:
        asked += ["--root", str(root)]
    code, _, err = command("evaluate", what, "--out", tmp_path / "out", *asked)
    assert code == 2
    assert re.search(match, err.replace("\n", " ")), err


@pytest.mark.parametrize("name", ["results", "features", "checkpoints", "pictures"])
def test_what_cannot_be_written_is_named_before_anything_is_measured(
    command: Command, trained: tuple[Path, Path], tmp_path: Path, name: str
) -> None:
    root, model = trained
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text("mine")
    words = ["--root", root, "--checkpoint", model, "--out", tmp_path / "out"]
    code, _, err = command("evaluate", "avc-bin", *words)
    assert (code, f"{name}: expected a folder that can be written, found a file" in err.replace("\n", " ")) == (2, True)
    assert {path.name for path in (tmp_path / "out").iterdir()} <= {name, ".lock"}


@pytest.mark.parametrize(
    ("last", "match"),
    [
        ({"task": "avsa-bin", "translators": True}, "needs the translation networks"),
        ({"task": "segmentation", "inputs": ["context"]}, "needs the translation networks"),
        ({"task": "action", "dataset": "ucf101"}, "UCF"),
        ({"task": "probe", "labels": "coco-32"}, "needs maps of a COCO model"),
        ({"task": "avc-bin"}, "found avc-bin-4-views twice"),
    ],
)
def test_what_the_last_task_lacks_is_said_before_the_first_begins(
    command: Command, trained: tuple[Path, Path], tmp_path: Path, last: dict[str, object], match: str
) -> None:
    root, model = trained
    recipe = tmp_path / "all.yaml"
    recipe.write_text(json.dumps({"name": "all", "tasks": [{"task": "avc-bin"}, last]}))
    code, _, err = command("evaluate", recipe, "--root", root, "--checkpoint", model, "--out", tmp_path / "out")
    assert code == 2, err
    assert re.search(match, err.replace("\n", " ")), err
    assert {path.name for path in (tmp_path / "out").iterdir()} <= {".lock"}


def test_weights_of_another_architecture_than_the_recipe_beside_them(
    command: Command, trained: tuple[Path, Path], tmp_path: Path
) -> None:
    root, model = trained
    shutil.copytree(model, tmp_path / "run")
    path = tmp_path / "run" / "recipe.json"
    recipe = json.loads(path.read_text())
    recipe["model"]["width"] = 4
    path.write_text(json.dumps(recipe))
    words = ["--root", root, "--checkpoint", tmp_path / "run", "--out", tmp_path / "out"]
    code, _, err = command("evaluate", "avc-bin", *words)
    assert code == 2
    assert "disagree in model" in err


def test_tables_of_folders_without_results_say_what_makes_them(command: Command, tmp_path: Path) -> None:
    code, out, err = command("tables", tmp_path)
    assert (code, out) == (2, "")
    assert f"no results below {tmp_path}; run `yt360 evaluate" in err


def test_help_and_tables_do_not_import_torch(tmp_path: Path) -> None:
    put(tmp_path, "avsa-bin-4-views", 60.0)
    program = (
        "import sys\n"
        "from yt360.cli.main import main\n"
        "for words in (['--help'], ['evaluate', '--help'], ['tables', sys.argv[1]]):\n"
        "    try:\n"
        "        main(words)\n"
        "    except SystemExit as end:\n"
        "        assert not end.code, words\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
