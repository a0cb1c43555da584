"""COCO panoptic JSON of other programs: what cannot be compared is refused, not counted as something else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from yt360.cli import main

CATEGORIES = [{"id": 1, "name": "person", "isthing": 1}, {"id": 2, "name": "sky", "isthing": 0}]
SEGMENTS = [{"id": 1, "category_id": 1, "iscrowd": 0, "area": 24}, {"id": 2, "category_id": 2, "iscrowd": 0}]
PERSON = np.full((8, 16), 2)
PERSON[2:6, 2:8] = 1


def _write(folder: Path, name: str, maps: dict[str, Any], pictures: list[str] | None = None, **more: Any) -> Path:
    """A JSON with PNGs; ``maps``: PNG -> ids; ``pictures`` are called as their PNGs, or as given."""
    (folder / name).mkdir()
    for png, ids in maps.items():
        shown = np.stack([ids >> 16, (ids >> 8) & 255, ids & 255], -1).astype(np.uint8)
        cv2.imwrite(str(folder / name / png), shown)
    names = pictures or [png.replace("png", "jpg") for png in maps]
    value = {
        "images": [{"id": 7 + k, "file_name": each, "width": 16, "height": 8} for k, each in enumerate(names)],
        "annotations": [{"image_id": 7 + k, "file_name": png, "segments_info": SEGMENTS} for k, png in enumerate(maps)],
        "categories": CATEGORIES,
    }
    path = folder / f"{name}.json"
    path.write_text(json.dumps({key: each for key, each in {**value, **more}.items() if each is not None}))
    return path


@pytest.fixture
def evaluate(capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    def call(truth: Path, found: Path) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main.main(["maps", "evaluate", str(truth), str(found), "--json"])
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out + err

    return call


def test_a_pixel_of_a_segment_that_the_json_lacks_is_refused(evaluate: Callable[..., Any], tmp_path: Path) -> None:
    """It counted as the category of the last listed segment: mIoU 100 with a stray pixel, 40.6 with foreign PNGs."""
    stray = PERSON.copy()
    stray[0, 0] = 9
    truth, found = _write(tmp_path, "gt", {"a.png": PERSON}), _write(tmp_path, "found", {"a.png": stray})
    for pair in ((truth, found), (found, truth)):
        code, said = evaluate(*pair)
        assert code != 0
        assert "1 others, first 9" in said
    assert evaluate(truth, truth)[0] == 0


def test_unlabelled_pixels_are_no_foreign_segment(evaluate: Callable[..., Any], tmp_path: Path) -> None:
    void = PERSON.copy()
    void[0, 0] = 0
    code, said = evaluate(_write(tmp_path, "gt", {"a.png": PERSON}), _write(tmp_path, "found", {"a.png": void}))
    assert code == 0
    assert json.loads(said)["pixels"]["miou"] < 100


def test_two_segments_of_one_id_are_refused(evaluate: Callable[..., Any], tmp_path: Path) -> None:
    """The last one's category held for both."""
    truth = _write(tmp_path, "gt", {"a.png": PERSON})
    found = json.loads(truth.read_text())
    info = found["annotations"][0]["segments_info"]
    found["annotations"][0]["segments_info"] = [*info, {**info[0], "category_id": info[-1]["category_id"]}]
    (tmp_path / "found.json").write_text(json.dumps(found))
    (tmp_path / "found").symlink_to(tmp_path / "gt")
    code, said = evaluate(truth, tmp_path / "found.json")
    assert code != 0
    assert f"2 segments of a.jpg have the id {info[0]['id']}" in said


def test_two_pictures_of_one_name_are_refused(evaluate: Callable[..., Any], tmp_path: Path) -> None:
    """One of them was not counted: PQ 100 though the other was wholly wrong."""
    maps = {"x.png": PERSON, "y.png": PERSON}
    truth = _write(tmp_path, "gt", maps, ["a.jpg", "a.jpg"])
    code, said = evaluate(truth, truth)
    assert code == 2
    assert "the pictures 7 and 8 are both called 'a.jpg'" in said
    apart = _write(tmp_path, "apart", maps, ["one/a.jpg", "two/a.jpg"])
    code, said = evaluate(apart, apart)
    assert (code, json.loads(said)["pictures"]) == (0, 2)


def test_two_maps_of_one_picture_are_refused(evaluate: Callable[..., Any], tmp_path: Path) -> None:
    twice = [{"image_id": 7, "file_name": "a.png", "segments_info": SEGMENTS}] * 2
    path = _write(tmp_path, "gt", {"a.png": PERSON}, annotations=twice)
    code, said = evaluate(path, path)
    assert code == 2
    assert "two maps of the picture 7" in said


def test_categories_in_another_order_are_the_same(evaluate: Callable[..., Any], tmp_path: Path) -> None:
    truth = _write(tmp_path, "gt", {"a.png": PERSON})
    other = _write(tmp_path, "found", {"a.png": PERSON}, categories=CATEGORIES[::-1])
    code, said = evaluate(truth, other)
    assert (code, json.loads(said)["pixels"]["pq"]) == (0, 100.0)


def test_results_of_coco_s_own_form_are_read(evaluate: Callable[..., Any], tmp_path: Path) -> None:
    """They hold annotations alone, and were refused with `KeyError('categories')`."""
    truth = _write(tmp_path, "gt", {"a.png": PERSON})
    plain = [{"image_id": 7, "file_name": "a.png", "segments_info": [{k: s[k] for k in ("id", "category_id")} for s in SEGMENTS]}]  # fmt: skip  # noqa: E501
    found = _write(tmp_path, "found", {"a.png": PERSON}, annotations=plain, categories=None, images=None)
    code, said = evaluate(truth, found)
    assert (code, json.loads(said)["pixels"]["pq"]) == (0, 100.0)
    assert evaluate(found, truth)[0] == 2
