"""What lies in a model folder, and who may read it."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
import torch

from tests.training.world import tiny
from yt360.errors import UsageError
from yt360.models.audio_visual import AudioVisualModel
from yt360.models.encoders import describe_model, load_encoders
from yt360.models.folder import (
    find_model,
    model_tensors,
    new_folder,
    read_model,
    read_processor,
    require_replaceable,
    write_model,
)
from yt360.models.spectrogram import SpatialSpectrogram
from yt360.models.tensor_files import save_tensors
from yt360.training.recipe import TrainingRecipe


def write(folder: Path, recipe: TrainingRecipe) -> None:
    model = AudioVisualModel(recipe.model, recipe.sound.channels, translators=True, whole_video=False)
    write_model(folder, model_tensors(model, SpatialSpectrogram(recipe.sound)), recipe.description(), "# a card\n")


def edit(folder: Path, **fields: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o007, 0o660), (0o077, 0o600)])
def test_who_may_read_a_model_is_what_the_umask_says(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        write(tmp_path / "model", tiny())
        save_tensors(tmp_path / "state.safetensors", {"x": torch.zeros(1)}, {"a": "b"})
    finally:
        os.umask(before)
    files = [*(tmp_path / "model").iterdir(), tmp_path / "state.safetensors"]
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in files} == {
        "config.json": mode,
        "preprocessor_config.json": mode,
        "README.md": mode,
        "model.safetensors": mode,
        "state.safetensors": mode,
    }


def test_a_model_alone_says_what_to_feed_it(tmp_path: Path) -> None:
    write(tmp_path, tiny(data={"frames_per_second": 8.0}))
    said = describe_model(tmp_path).input
    assert said is not None
    assert said.model_dump() == {"size": 16, "frames_per_second": 8.0, "picture_s": 0.25, "sound_s": 1.0}


def test_folders_of_older_and_of_later_versions_still_load(tmp_path: Path) -> None:
    write(tmp_path, tiny())
    path = tmp_path / "config.json"
    fields = json.loads(path.read_text())
    assert "pretrained" not in fields["model"]
    assert "statistics_samples" not in fields["sound"]
    del fields["input"]
    path.unlink()
    (tmp_path / "preprocessor_config.json").unlink()
    (tmp_path / "model.json").write_text(json.dumps(fields | {"format": 1}))  # as version 0.1 left it
    assert describe_model(tmp_path).input is None
    assert read_processor(tmp_path, describe_model(tmp_path)).size == 112
    (tmp_path / "model.json").rename(path)
    assert load_encoders(tmp_path).sound.features == 16
    edit(tmp_path, something_new=[1, 2], switches=fields["switches"] | {"pool": "slot31"})
    assert describe_model(tmp_path).switches.pool == "same_slot"
    assert describe_model(tmp_path).mode == "correct"


def test_another_format_and_another_architecture_are_refused(tmp_path: Path) -> None:
    write(tmp_path, tiny())
    edit(tmp_path, model={"width": -1})
    with pytest.raises(UsageError, match=r"config\.json: does not describe a model of this version \(model\.width: "):
        read_model(tmp_path)
    edit(tmp_path, format=3)
    with pytest.raises(UsageError, match=r"format 1 to 2.*found format 3"):
        read_model(tmp_path)


def test_a_model_is_found_in_a_run_and_in_its_newest_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="found a folder without a model"):
        find_model(tmp_path)
    for name in ("00-avc-00000010", "01-avsa-00000002", ".02-avsa-00000003.tmp"):
        write(tmp_path / "checkpoints" / name, tiny())
        (tmp_path / "checkpoints" / name / "state.json").write_text("{}")
    assert find_model(tmp_path).name == "01-avsa-00000002"
    write(tmp_path / "model", tiny())
    assert find_model(tmp_path) == find_model(tmp_path / "model") == tmp_path / "model"


@pytest.mark.parametrize(
    "files",
    [
        {"notes.txt": "mine"}, {"weights/a.bin": "mine"}, {"model.safetensors": "mine"}, {"config.json/mine": "mine"},
        {"config.json": '{"model_type": "bert"}', "model.safetensors": "mine", "README.md": "mine"},
        {"config.json": "[", "README.md": "mine"},
    ],
)  # fmt: skip
def test_a_folder_of_somebody_else_is_never_replaced(tmp_path: Path, files: dict[str, str]) -> None:
    """The kind of F1: `yt360 model convert --out DIR` and `yt360 train` (DIR/model) deleted whatever lay there."""
    out = tmp_path / "model"
    for name, text in files.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(text)
    words = "expected a new or empty folder, or a model that is replaced"
    with pytest.raises(UsageError, match=words), new_folder(out) as temporary:
        (temporary / "config.json").write_text('{"format": 2}')
    assert {name: (out / name).read_text() for name in files} == files
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_files_beside_a_model_are_not_lost_with_it(tmp_path: Path) -> None:
    out = tmp_path / "model"
    for words in ('{"format": 1}', '{"format": 2}'):
        with new_folder(out) as temporary:
            (temporary / "config.json").write_text(words)
        assert (out / "config.json").read_text() == words
    (out / "thesis.tex").write_text("mine")
    with pytest.raises(UsageError, match=r"other files in it \('thesis.tex'\)"), new_folder(out):
        pass
    assert (out / "thesis.tex").read_text() == "mine"
    (tmp_path / "a file").write_text("mine")
    (tmp_path / "a link").symlink_to(out)
    for wrong in ("a file", "a link"):
        with pytest.raises(UsageError, match=f"found {wrong}"):
            require_replaceable(tmp_path / wrong)
