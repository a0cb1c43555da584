"""`yt360 maps …`, as a person runs them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")

from fitting.world_pictures import world_pictures
from yt360.cli.main import main


def run(*words: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    return int(ended.value.code or 0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("pictures")
    frames = [each.picture for each in world_pictures(56_000, 1, 2)]
    Image.fromarray(frames[0]).save(made / "a.png")
    (made / "sub").mkdir()
    Image.fromarray(frames[1]).save(made / "sub" / "a.jpg", quality=90)
    Image.fromarray(frames[0][:100, :150]).convert("L").save(made / "grey.png")
    return made


def test_folder_of_pictures_becomes_coco_maps_and_measures_100_against_itself(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("maps", "images", folder, "--model", "world-fpn", "--out", tmp_path, "--device", "cpu") == 0
    assert "licence" in capsys.readouterr().err
    value = json.loads((tmp_path / "panoptic.json").read_text())
    assert [image["file_name"] for image in value["images"]] == ["a.png", "grey.png", "sub/a.jpg"]
    assert {category["supercategory"] for category in value["categories"]} == {"procedural world"}
    for image, entry in zip(value["images"], value["annotations"], strict=True):
        ids = np.asarray(Image.open(tmp_path / entry["file_name"])).astype(int) @ [1, 256, 65536]
        assert ids.shape == (image["height"], image["width"])
        assert {s["id"] for s in entry["segments_info"]} == set(np.unique(ids).tolist()) - {0}
    assert run("maps", "evaluate", tmp_path / "panoptic.json", tmp_path / "panoptic.json", "--json") == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (found["pixels"]["pq"], found["sphere"]["pq"], found["pictures"]) == (100.0, 100.0, 3)


def test_broken_pictures_are_named_and_the_others_done(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = tmp_path / "pictures"
    shutil.copytree(folder, pictures)
    data = (pictures / "a.png").read_bytes()
    (pictures / "cut.png").write_bytes(data[: len(data) // 2])
    (pictures / "text.jpg").write_text("no picture")
    assert run("maps", "images", pictures, "--model", "world-fpn", "--out", tmp_path / "out", "--device", "cpu") == 1
    said = capsys.readouterr()
    assert "cut.png: expected a whole picture" in said.err
    assert "text.jpg: expected a whole picture" in said.err
    assert "3 of 5 pictures" in said.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("{none}", "--model", "world-fpn"), "expected a folder of pictures, found nothing"),
        (("{empty}", "--model", "world-fpn"), "expected pictures"),
        (("{folder}", "--model", "yolo"), "unknown panoptic model 'yolo'; expected panoptic-fpn-r101"),
        (("{folder}", "--model", "panoptic-fpn-r101", "--weights", "{none}.pkl"), "found no such file"),
        (("{folder}", "--model", "panoptic-fpn-r50", "--weights", "{folder}/a.png"), "fetch it again"),
    ],
)
def test_wrong_use_is_named(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    (tmp_path / "empty").mkdir()
    names = {"none": tmp_path / "none", "empty": tmp_path / "empty", "folder": folder}
    spelled = [word.format(**names) for word in words]
    assert run("maps", "images", *spelled, "--out", tmp_path / "out") == 2
    assert said in capsys.readouterr().err


def test_conversion_names_what_it_cannot_take(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("maps", "convert", tmp_path / "a.pkl", tmp_path / "b.bin") == 2
    assert "ends in .safetensors" in capsys.readouterr().err
    assert run("maps", "convert", tmp_path / "a.pkl", tmp_path / "b.safetensors") == 2
    assert "found no file" in capsys.readouterr().err
