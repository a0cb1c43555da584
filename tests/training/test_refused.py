"""What cannot come to a good end is refused before work begins: nothing is read, trained or written for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.runs import run
from tests.training.world import tiny
from yt360.errors import UsageError
from yt360.root_marker import claim
from yt360.training import loop
from yt360.training.distributed import processes
from yt360.training.run_lock import only_run


@pytest.fixture(autouse=True)
def _no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "data_loader", lambda *_: pytest.fail("samples were asked for"))


def _left(out: Path) -> set[str]:
    return {path.name for path in out.iterdir()} - {".lock"} if out.is_dir() else set()


@pytest.mark.parametrize(
    ("name", "found"),
    [("missing", "nothing"), ("file", "a file"), ("empty", "a folder without config.json")],
)
def test_weights_that_are_not_there(root: Path, tmp_path: Path, name: str, found: str) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=rf"{name}: expected a folder with a model .*found {found}"):
        run(tiny(start_from=str(tmp_path / name)), root, tmp_path / "out")
    assert _left(tmp_path / "out") == set()


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"model": {"width": 4}}, "another architecture"),
        ({"sound": {"mels": 32}}, "another sound input"),
        ({"model": {"picture_scale": "kinetics"}}, "normalised otherwise"),
    ],
)
def test_weights_that_do_not_fit(
    root: Path, finished: Path, tmp_path: Path, changed: dict[str, Any], match: str
) -> None:
    with pytest.raises(UsageError, match=match):
        run(tiny(start_from=str(finished / "model"), **changed), root, tmp_path / "out")
    assert _left(tmp_path / "out") == set()


def test_damaged_weights(root: Path, finished: Path, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    for path in (finished / "model").iterdir():
        (tmp_path / "model" / path.name).write_bytes(path.read_bytes()[:500])
    with pytest.raises(UsageError, match="model"):
        run(tiny(start_from=str(tmp_path / "model")), root, tmp_path / "out")
    assert _left(tmp_path / "out") == set()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_a_device_that_is_not_there(root: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="torch sees no CUDA device"):
        run(tiny(run={"device": "cuda"}), root, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_more_processes_than_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("WORLD_SIZE", "3")
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(UsageError, match="found 2 for process 2: start fewer"), processes("auto"):
        pass


@pytest.mark.parametrize("name", ["checkpoints", "model", "recipe.json", "log.jsonl"])
def test_something_else_where_the_run_would_write(root: Path, tmp_path: Path, name: str) -> None:
    if "." in name:
        (tmp_path / name).mkdir()
    else:
        (tmp_path / name).write_text("mine")
    with pytest.raises(UsageError, match=rf"{name}: expected a \w+ that can be written, found a \w+; use another"):
        run(tiny(), root, tmp_path)
    assert _left(tmp_path) == {name}


def test_the_root_of_a_dataset_as_the_output_folder(root: Path, tmp_path: Path) -> None:
    """Its recipe was replaced by that of the training."""
    claim(tmp_path)
    (tmp_path / "recipe.json").write_text("the recipe of a dataset")
    with pytest.raises(UsageError, match="expected an output folder, found the root of a dataset"):
        run(tiny(), root, tmp_path)
    assert (tmp_path / "recipe.json").read_text() == "the recipe of a dataset"
    assert not (tmp_path / ".lock").exists()


@pytest.mark.parametrize("text", ["mine", '{"stages": {}}', "[1]", "\x00"])
def test_a_recipe_of_something_else_is_not_replaced(root: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / "recipe.json").write_text(text)
    with pytest.raises(UsageError, match=r"recipe\.json"):
        run(tiny(), root, tmp_path)
    assert (tmp_path / "recipe.json").read_text() == text
    assert _left(tmp_path) == {"recipe.json"}


def test_folders_that_may_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked of the system: the tests may be run by root, who may write everywhere."""
    (tmp_path / "model").mkdir()
    monkeypatch.setattr("os.access", lambda path, _: Path(path).name != "model")
    with (
        pytest.raises(UsageError, match="a folder that may not be written"),
        only_run(tmp_path, first=True, holds=["model/"]),
    ):
        pass


@pytest.mark.parametrize("out", ["file", "file/below", "x" * 300])
def test_an_output_folder_that_cannot_be(root: Path, tmp_path: Path, out: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="expected an output folder that can be written, found: "):
        run(tiny(), root, tmp_path / out)


def test_a_run_that_goes_on_does_not_ask_for_what_it_began_with(
    root: Path, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    weights = tmp_path / "weights"
    weights.mkdir()
    for path in (finished / "model").iterdir():
        (weights / path.name).write_bytes(path.read_bytes())
    recipe = tiny(start_from=str(weights))
    run(recipe, root, tmp_path / "out")
    for path in weights.iterdir():
        path.unlink()
    assert run(recipe, root, tmp_path / "out").steps == 7
