"""The model that comes with yt360: whole, small, found by its name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

import yt360
from yt360.models.hub import local_folder
from yt360.models.shipped import SHIPPED_MODEL, shipped_folder, shipped_models
from yt360.models.tensor_files import read_tensors

ANGLE = "median angle from the direction that fits best to where the sound comes from"


def test_it_is_a_whole_folder_and_small() -> None:
    folder = shipped_folder(SHIPPED_MODEL)
    assert folder is not None
    assert shipped_models() == [SHIPPED_MODEL]
    assert {path.name for path in folder.iterdir()} == {
        "config.json", "model.safetensors", "preprocessor_config.json", "README.md",
    }  # fmt: skip
    assert (folder / "model.safetensors").stat().st_size < 3_000_000


def test_its_card_says_what_it_is_not_and_what_was_measured() -> None:
    folder = shipped_folder(SHIPPED_MODEL)
    assert folder is not None
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "It knows no real world" in card
    assert "license: apache-2.0" in card
    for task in ("avc-bin", "avsa-bin", "localise", "retrieval"):
        assert f"| {task} |" in card


def test_its_card_shows_more_than_guessing() -> None:
    """The whole of each interval."""
    folder = shipped_folder(SHIPPED_MODEL)
    assert folder is not None
    card = (folder / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([a-z-]+) \| (.+?) \| ([\d.]+)(?: \[([\d.]+), ([\d.]+)\])? \|$", card, re.MULTILINE)
    found = {
        (task, what): (float(value), float(low or value), float(high or value)) for task, what, value, low, high in rows
    }
    least = {task: low for (task, what), (_, low, _) in found.items() if what.startswith("accuracy")}
    assert min(least["avc-bin"], least["avsa-bin"]) > 50
    angle, guess = (found["localise", what] for what in (ANGLE, "the same, directions drawn at random"))
    assert angle[2] < guess[0]


def test_half_precision_is_loaded_as_single(tmp_path: Path) -> None:
    folder = shipped_folder(SHIPPED_MODEL)
    assert folder is not None
    held = read_tensors(folder / "model.safetensors")
    assert {value.dtype for value in held.values() if value.is_floating_point()} == {torch.float16}
    model = yt360.AVSAModel.from_pretrained(SHIPPED_MODEL)
    assert {value.dtype for value in model.state_dict().values() if value.is_floating_point()} == {torch.float32}
    for name, value in model.network.state_dict().items():
        assert torch.isfinite(value).all(), name
        assert torch.equal(value, held[name].to(value.dtype)), name


def test_a_folder_of_that_name_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert local_folder(SHIPPED_MODEL) == shipped_folder(SHIPPED_MODEL)
    Path(SHIPPED_MODEL).mkdir()
    assert local_folder(SHIPPED_MODEL) == Path(SHIPPED_MODEL)
    assert shipped_folder("another") is None
