"""What is drawn for fitting the projection, and what is printed of it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.media_scenes import make_scene
from fitting import projection


def test_photographs_are_measured_beside_worlds_once_and_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photographs, out = tmp_path / "photographs", tmp_path / "out"
    photographs.mkdir()
    scene = make_scene(5, 240, 480).frames(1)[0].mean(axis=2).astype(np.uint8)
    cv2.imwrite(str(photographs / "scene.png"), scene)
    shapes = {"equirectangular": ((2, 1),), "equirectangular-tb": ((1, 1),)}
    monkeypatch.setattr("benchmarks.media_pictures.SHAPES", shapes)
    found = projection.samples(out, 1, photographs)
    assert [(sample.source, sample.kind) for sample in found] == [
        (source, kind) for source, times in (("world-0", 1), ("photograph-scene", 3)) for _ in range(times)
        for kind in shapes
    ]  # fmt: skip
    lines = list(projection.spreads(found))
    assert {tuple(line.split()[:2]) for line in lines} >= {("photograph", "equirectangular")}
    monkeypatch.setattr(projection, "measure_picture", lambda *_: pytest.fail("a finished source is not made again"))
    assert len(projection.samples(out, 1, photographs)) == len(found)


def test_a_file_that_is_no_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("none")
    with pytest.raises(SystemExit, match=r"notes\.txt is no picture"):
        projection.samples(tmp_path / "out", 0, tmp_path)
