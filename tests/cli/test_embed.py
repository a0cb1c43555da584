"""`yt360 embed`: files and clips to a table, again after an interruption, without what cannot be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import yt360
import yt360.errors
from tests.cli.conftest import Command
from tests.inference.scenes import in_form, model_folder
from tests.training.world import make_root
from yt360.inference import embedding
from yt360.inference.features_table import MODALITIES, read_features, write_features


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_folder(tmp_path_factory.mktemp("model") / "model")


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return in_form(tmp_path_factory.mktemp("scene") / "scene.mp4")


def test_a_file_becomes_rows_of_what_the_model_says(
    command: Command, folder: Path, scene: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"no video")
    out = tmp_path / "features.parquet"
    words = ("embed", scene, bad, "--model", folder, "--out", out, "--direction", "90,0", "--direction", "0,-30")
    code, said, err = command(*words, "--modality", "video", "--modality", "sound_from_video")
    assert code == 1
    assert "wrote" in said
    assert f"left out: {bad}" in err
    table, about = read_features(out)
    assert table.num_rows == 3 * 2 * 2  # moments at 0, 1 and 2 s
    assert about["directions_deg"] == [[90.0, 0.0], [0.0, -30.0]]
    rows = table.to_pylist()
    assert [row["start_s"] for row in rows[::4]] == [0.0, 1.0, 2.0]
    model = yt360.AVSAModel.from_pretrained(folder)
    inputs = yt360.AVSAProcessor.from_pretrained(folder)(
        scene, start_s=[0.0, 1.0, 2.0], directions_deg=[(90, 0), (0, -30)]
    )
    features = model(**inputs)
    for row in rows:
        place = ([0.0, 1.0, 2.0].index(row["start_s"]), 0 if row["azimuth_deg"] == 90 else 1)
        np.testing.assert_allclose(row["vector"], getattr(features, row["modality"])[place], atol=1e-5)


def test_clips_of_a_split_and_an_interruption(
    command: Command, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_root(tmp_path / "root", videos=2, test_videos=1, clips=1)
    out = tmp_path / "features.parquet"
    words = ("embed", "--root", root, "--model", folder, "--out", out, "--every", "0.5")
    made: list[Any] = []
    real = embedding.Embedder.rows

    def rows(embedder: Any, name: Any, recording: Any) -> Any:
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(name)
        return real(embedder, name, recording)

    monkeypatch.setattr(embedding.Embedder, "rows", rows)
    assert command(*words)[0] == 130
    assert not out.exists()

    def counted(embedder: Any, name: Any, recording: Any) -> Any:
        made.append(name)
        return real(embedder, name, recording)

    monkeypatch.setattr(embedding.Embedder, "rows", counted)
    assert command(*words)[0] == 0
    assert len(made) == 3  # nothing was done twice
    assert not list(tmp_path.glob(".*.parts"))
    table, _ = read_features(out)
    assert table.column("source").unique().to_pylist() == [clip.id for clip in yt360.open(root)]
    assert command(*words, "--split", "test")[0] == 0
    assert len(read_features(out)[0].column("source").unique()) == 1
    code, _, err = command(*words, "--retry", "all")
    assert code == 2
    assert f"--retry: expected --root with a dataset that was built here, found {root}" in err


@pytest.mark.parametrize("way", ["flip", "cut", "foreign"])
def test_a_damaged_part_of_an_interrupted_call_is_made_again(
    command: Command, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Only the end of the file was looked at: what had rotted in it went into the table, or ended in a traceback."""
    root = make_root(tmp_path / "root", videos=2, test_videos=1, clips=1)
    words = ("embed", "--root", root, "--model", folder, "--every", "0.5", "--out")
    assert command(*words, tmp_path / "whole.parquet")[0] == 0
    out, real = tmp_path / "features.parquet", write_features
    monkeypatch.setattr(embedding, "write_features", lambda *_: pytest.fail("stop here"))
    with pytest.raises(pytest.fail.Exception):
        command(*words, out)
    monkeypatch.setattr(embedding, "write_features", real)
    part = sorted((tmp_path / ".features.parquet.parts").iterdir())[0]
    data = bytearray(part.read_bytes())
    data[len(data) // 4] ^= 0xFF
    if way == "foreign":
        pq.write_table(pa.table({"source": ["x"]}), part)
    else:
        part.write_bytes(data if way == "flip" else data[:-9])
    assert command(*words, out)[0] == 0
    assert out.read_bytes() == (tmp_path / "whole.parquet").read_bytes()


def test_a_file_of_somebody_s_own_is_not_replaced(command: Command, folder: Path, tmp_path: Path) -> None:
    root = make_root(tmp_path / "root", videos=2, test_videos=1, clips=1)
    for place in (tmp_path / "notes.txt", root / "manifests" / "clips.parquet"):
        held = place.read_bytes() if place.exists() else b"mine"
        place.write_bytes(held)
        code, _, err = command("embed", "--root", root, "--model", folder, "--out", place)
        assert code == 2
        assert f"{place}: expected" in err
        assert "it would be lost" in err
        assert place.read_bytes() == held
    code, _, err = command("embed", "--root", root, "--model", folder, "--out", root / "shards" / "f.parquet")
    assert (code, (root / "shards" / "f.parquet").exists()) == (2, False)
    assert "outside the root's own folders, found one in shards/" in err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), "expected files, or --root DIR, found neither"),
        (("a.mp4", "--root", "data"), "found both"),
        (("a.mp4", "--modality", "smell"), "--modality: expected some of video"),
        (("a.mp4", "--direction", "left"), "expected two angles in degrees such as 90,0"),
        (("a.mp4", "--device", "warp"), "--device warp: torch cannot compute there"),
        (("a.mp4", "--engine", "ray"), "--engine: expected --root with a dataset that was built here, found files"),
        (("a.mp4", "--dry-run"), "--dry-run: expected --root with a dataset that was built here, found files"),
    ],
)
def test_wrong_use_is_refused_before_anything_is_read(
    command: Command, folder: Path, tmp_path: Path, words: list[str], expected: str
) -> None:
    code, _, err = command("embed", *words, "--model", folder, "--out", tmp_path / "f.parquet")
    assert code == 2
    assert expected in err
    assert len(MODALITIES) == 8


def test_a_file_that_is_no_table_of_features(tmp_path: Path) -> None:
    (tmp_path / "f.parquet").write_bytes(b"PAR1")
    with pytest.raises(yt360.errors.UsageError, match=r"f\.parquet: expected features of `yt360 embed`"):
        read_features(tmp_path / "f.parquet")
