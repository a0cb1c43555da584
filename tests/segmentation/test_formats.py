"""Files of maps: what was written comes back, equal maps give equal bytes, and hostile files are refused."""

from __future__ import annotations

import contextlib
import io
import json
import struct
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from yt360.errors import ItemError, UsageError
from yt360.segmentation import Category, ClipMaps, PanopticMap, PanopticSegment, clip_maps_bytes
from yt360.segmentation.categories import COCO, COCO_STUFF, COCO_THINGS, INDEX_2020, SUBSET_2020
from yt360.segmentation.clip_maps import no_maps_bytes
from yt360.segmentation.coco import CocoFolder, CocoWriter, decode_ids, encode_ids
from yt360.segmentation.export import classes, export_clip, task_labels
from yt360.segmentation.maps import from_ids

PERSON, CAR, SKY, SAND = 1, 3, 187, 154


def a_map(seed: int = 0, shape: tuple[int, int] = (20, 40)) -> PanopticMap:
    ids = np.random.default_rng(seed).choice([0, 1, 2, 3, 70_000], shape).astype(np.int32)
    kinds = {1: (PERSON, True), 2: (PERSON, True), 3: (SKY, False), 70_000: (SAND, False)}
    return from_ids(ids, [PanopticSegment(number, *kinds[number], 0.75, 0) for number in kinds])


@settings(max_examples=50, deadline=None)
@given(arrays.arrays(np.int32, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 2**24 - 1)))
def test_ids_survive_the_png(ids: np.ndarray) -> None:
    data = encode_ids(ids)
    np.testing.assert_array_equal(decode_ids(data), ids)
    blue_green_red = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert blue_green_red is not None
    red_green_blue = blue_green_red[..., ::-1].astype(int)
    np.testing.assert_array_equal(red_green_blue @ [1, 256, 65536], ids)  # COCO's rule, spelled out


def test_ids_that_do_not_fit_are_refused() -> None:
    for bad in (-1, 2**24):
        with pytest.raises(ValueError, match="segment ids must lie in"):
            encode_ids(np.full((2, 2), bad, np.int32))


def test_maps_of_a_clip_come_back_and_are_coco_when_unzipped(tmp_path: Path) -> None:
    maps = [a_map(seed) for seed in range(5)]
    data = clip_maps_bytes("abc-00010", maps, 4.0, COCO, {"model": "m"})
    assert data == clip_maps_bytes("abc-00010", maps, 4.0, COCO, {"model": "m"})
    read = ClipMaps(data)
    assert (len(read), read.rate_hz, read.categories) == (5, 4.0, COCO)
    assert [read.nearest(t) for t in (-1, 0, 0.3, 0.9, 99)] == [0, 0, 1, 4, 4]
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        archive.extractall(tmp_path)
    value = json.loads((tmp_path / "panoptic.json").read_text())
    assert len(value["categories"]) == 133
    for number, wanted in enumerate(maps):
        found = read.read(number)
        np.testing.assert_array_equal(found.ids, wanted.ids)
        assert found.segments == wanted.segments
        entry = value["annotations"][number]
        ids = decode_ids((tmp_path / entry["file_name"]).read_bytes())
        for segment in entry["segments_info"]:
            x, y, width, height = segment["bbox"]
            assert segment["area"] == (ids == segment["id"]).sum()
            assert (ids[y : y + height, x : x + width] == segment["id"]).sum() == segment["area"]


def test_what_stands_for_no_maps_is_a_zip_without_any() -> None:
    data = no_maps_bytes()
    assert data == no_maps_bytes()
    assert len(data) < 1024
    none = ClipMaps(data, "clip a-00000")
    assert (len(none), none.rate_hz, none.categories) == (0, 0.0, ())
    for read in (none.nearest, none.read):
        with pytest.raises(ItemError, match="clip a-00000: there are no panoptic maps"):
            read(0)


def _zip(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_files_of_maps_are_item_errors(data: st.DataObject) -> None:
    whole = bytearray(clip_maps_bytes("a", [a_map()], 4.0, COCO[:3] + COCO[-60:], {}))
    for _ in range(data.draw(st.integers(1, 8))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(whole)))
    with contextlib.suppress(ItemError):  # anything else would be a crash
        ClipMaps(bytes(whole[:cut] if data.draw(st.booleans()) else whole)).read(0)


def test_picture_bombs_are_refused() -> None:
    png = bytearray(encode_ids(np.zeros((2, 2), np.int32)))
    struct.pack_into(">II", png, 16, 100_000, 100_000)
    with pytest.raises(ItemError, match="100000x100000"):
        decode_ids(bytes(png))
    index = json.dumps({"info": {"rate_hz": 4}, "categories": [], "annotations": [{}], "images": []})
    with pytest.raises(ItemError, match="expected a zip of panoptic maps"):
        ClipMaps(_zip(**{"panoptic.json": index.encode() + b" " * (1 << 27)}))


def test_folder_of_maps_comes_back_and_names_outside_it_are_refused(tmp_path: Path) -> None:
    writer = CocoWriter(tmp_path, COCO, {"model": "m"})
    writer.add("sub/ä.jpg", "sub__ä.png", a_map())
    folder = CocoFolder(writer.close())
    assert folder.pictures == ["sub/ä.jpg"]
    np.testing.assert_array_equal(folder.read("sub/ä.jpg").ids, a_map().ids)
    value = json.loads((tmp_path / "panoptic.json").read_text())
    value["annotations"][0]["file_name"] = "../secret.png"
    (tmp_path / "panoptic.json").write_text(json.dumps(value))
    with pytest.raises(ItemError, match="leaves the folder"):
        CocoFolder(tmp_path / "panoptic.json").read("sub/ä.jpg")
    (tmp_path / "panoptic.json").write_text("[]")
    with pytest.raises(UsageError, match="expected COCO panoptic JSON"):
        CocoFolder(tmp_path / "panoptic.json")


def test_category_lists_are_the_published_ones() -> None:
    assert (len(COCO_THINGS), len(COCO_STUFF)) == (80, 53)
    assert len({category.id for category in COCO}) == 133
    names = {category.id: category.name for category in COCO}
    of_index = {index: names[number] for number, index in INDEX_2020.items()}
    assert [of_index[index] for index in SUBSET_2020] == [
        "person", "car", "airplane", "boat", "motorcycle", "train", "tv", "chair", "dining table", "cake", "bed",
        "umbrella", "bus", "truck", "potted plant", "keyboard", "sky-other-merged", "wall-other-merged", "tree-merged",
        "ceiling-merged", "building-other-merged", "floor-other-merged", "grass-merged", "road", "mountain-merged",
        "pavement-merged", "snow", "dirt-merged", "rock-merged", "sea", "sand", "window-other",
    ]  # fmt: skip


def test_export_reads_back_as_the_published_code_reads_it(tmp_path: Path) -> None:
    maps = [a_map(seed) for seed in range(2)]
    assert export_clip(ClipMaps(clip_maps_bytes("a", maps, 4.0, COCO, {})), tmp_path) == 2
    for number, panoptic in enumerate(maps):
        things = cv2.imread(str(tmp_path / f"things-{number:04d}.png"), cv2.IMREAD_UNCHANGED)
        stuff = cv2.imread(str(tmp_path / f"stuff-{number:04d}.png"), cv2.IMREAD_UNCHANGED)
        # The rule of the published loader: things where there is one, else 80 + stuff; 134 is void.
        assert things is not None
        assert stuff is not None
        merged = np.where(np.not_equal(things, 80), things, stuff.astype(int) + 80)
        merged[merged == 134] = 255
        category = panoptic.category_map()
        for name, index in ((PERSON, 0), (SKY, 120), (SAND, 103), (0, 255)):
            assert (merged[category == name] == index).all()
        np.testing.assert_array_equal(merged, classes(panoptic))
        labels = task_labels(panoptic)
        assert (labels[category == PERSON] == 0).all()
        assert (labels[category == SKY] == 16).all()
        assert (labels[category == 0] == 255).all()


def test_maps_of_other_categories_are_not_exported(tmp_path: Path) -> None:
    world = (Category(1, "sky", False), Category(105, "car", True))
    ids = np.ones((4, 8), np.int32)
    panoptic = PanopticMap(ids, (PanopticSegment(1, 1, False, 1.0, 32),))
    with pytest.raises(UsageError, match="categories that are not COCO's"):
        export_clip(ClipMaps(clip_maps_bytes("a", [panoptic], 4.0, world, {"model": "world-fpn"})), tmp_path)
    with pytest.raises(UsageError, match="none of COCO's"):
        classes(panoptic)
