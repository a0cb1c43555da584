"""Features of a whole dataset by the engine: what they are, when they are made again, and who takes them away."""

from __future__ import annotations

import errno
import json
import os
import shlex
import shutil
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import yt360
from tests import CHECKOUT
from tests.engine.executors.test_slurm import needs_slurm
from tests.inference.scenes import model_folder
from tests.inline import Inline
from tests.stages.fakes import WITH_EMBED, Dataset
from yt360.cli.main import main as command_line
from yt360.engine import pipeline, recipe
from yt360.engine.stage import Item
from yt360.engine.storage import Root
from yt360.errors import UsageError
from yt360.inference.embedding import Embedder
from yt360.inference.embedding_settings import EmbeddingSettings
from yt360.inference.features_table import read_features
from yt360.publishing import features
from yt360.publishing.manifests import publish
from yt360.stages.embed import Embed, EmbedParams

VIDEOS = {"aaa": 2, "bbb": 1, "ccc": 0}
SHORT = {"data": {"sound_s": 0.5, "picture_s": 0.25}}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_folder(tmp_path_factory.mktemp("model") / "model", **SHORT)


def command(*words: object) -> int:
    with pytest.raises(SystemExit) as ended:
        command_line([str(word) for word in words])
    return int(ended.value.code or 0)


@pytest.fixture(autouse=True)
def _stages(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stages of this test, in this process."""
    for module in ("embed_dataset", "remove"):
        monkeypatch.setattr(f"yt360.cli.{module}.REGISTRY", WITH_EMBED)
    monkeypatch.setattr("yt360.engine.pipeline.WorkerPool", lambda *_, **__: Inline())


def build(folder: Path) -> Dataset:
    made = Dataset(folder)
    options = pipeline.Options(workers=1, min_free_bytes=0)
    assert not pipeline.run(made.recipe(VIDEOS), made.root, options, engine=Inline(), publish=publish).failed
    return made


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return build(tmp_path_factory.mktemp("root"))


@pytest.fixture(scope="module")
def table(dataset: Dataset, model: Path) -> Path:
    """Made by two workers, after a root whose recipe had no such stage."""
    out = dataset.root.path.parent / "features.parquet"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("yt360.cli.embed_dataset.REGISTRY", WITH_EMBED)
        assert command("embed", "--root", dataset.root.path, *words(model, out), "--workers", 2) == 0
    return out


def words(model: Path, out: Path, *more: object) -> list[object]:
    return ["--model", model, "--out", out, "--every", 0.25, "--min-free-gb", 0, *more]


def test_the_table_holds_what_the_model_says_of_each_clip(dataset: Dataset, table: Path, model: Path) -> None:
    found, about = read_features(table)
    data = yt360.open(dataset.root.path)
    embedder = Embedder.load(model, EmbeddingSettings(every_s=0.25))
    assert about == embedder.about
    assert found.column("source").unique().to_pylist() == data.ids
    for clip in data:
        expected = embedder.rows(clip.id, embedder.processor.open(clip))
        own = found.take(np.flatnonzero(np.array(found.column("source").to_pylist()) == clip.id))
        assert own.drop_columns("modality").equals(expected.drop_columns("modality"))
        assert own.column("modality").to_pylist() == expected.column("modality").to_pylist()
        assert len(own) == 3 * 4 * 4  # moments at 0, 0.25 and 0.5 s


def test_any_number_of_workers_and_batches_gives_the_same_bytes(table: Path, model: Path, tmp_path: Path) -> None:
    other = build(tmp_path / "root")
    out = tmp_path / "features.parquet"
    assert command("embed", "--root", other.root.path, *words(model, out, "--workers", 1, "--batch", 1)) == 0
    assert out.read_bytes() == table.read_bytes()


def test_only_what_is_missing_or_changed_is_done(
    dataset: Dataset, table: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def worked(*more: object, out: Path = tmp_path / "out.parquet", folder: Path = model) -> int:
        capsys.readouterr()
        assert command("embed", "--root", dataset.root.path, *words(folder, out, *more)) == 0
        (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("embed ")]
        return int(line.split()[5])

    assert worked() == 0
    assert (tmp_path / "out.parquet").read_bytes() == table.read_bytes()
    assert worked("--split", "train") == 0
    only, _ = read_features(tmp_path / "out.parquet")
    train = {clip.id for clip in yt360.open(dataset.root.path) if clip.split == "train"}
    assert set(only.column("source").to_pylist()) == train
    assert worked("--direction", "10,0") == 3
    assert worked(folder=model_folder(tmp_path / "other", sound={"mels": 24, "features": "logmel"}, **SHORT)) == 3
    assert worked() == 3  # a file a clip: of the model that was asked for last


def test_a_removed_video_leaves_no_row_and_no_file(dataset: Dataset, model: Path, tmp_path: Path) -> None:
    """Also where the recipe has no such stage any more."""
    other, out, gone = build(tmp_path / "root"), tmp_path / "features.parquet", tmp_path / "gone.parquet"
    for path in (out, gone):
        assert command("embed", "--root", other.root.path, *words(model, path)) == 0
    gone.unlink()
    index = tmp_path / "features.parquet.video.faiss"
    index.write_bytes(b"an index")
    other.run(VIDEOS, workers=1)
    assert "embed" not in json.loads(other.root.recipe.read_text())["stages"]
    assert command("remove", "--root", other.root.path, "aaa", "--yes") == 0
    assert read_features(out)[0].column("source").unique().to_pylist() == ["bbb-00000"]
    assert read_features(out)[1]["every_s"] == 0.25
    assert not index.exists()
    assert not gone.exists()
    assert not [path for path in (tmp_path / "root").rglob("*") if path.name.startswith("aaa")]
    assert features.tables(other.root) == [out]


def test_a_takedown_in_a_copy_leaves_the_tables_of_the_original(
    dataset: Dataset, model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The copy knew the table by its path, and took the rows out of what is the other root's."""
    made, copy = build(tmp_path / "root"), tmp_path / "copy"
    outs = {name: tmp_path / f"{name}.parquet" for name in ("root", "copy")}
    inside = made.root.path / "own.parquet"
    for out in (outs["root"], inside):
        assert command("embed", "--root", made.root.path, *words(model, out)) == 0
    before = [path.read_bytes() for path in (outs["root"], inside)]
    shutil.copytree(made.root.path, copy)
    assert command("embed", "--root", copy, *words(model, outs["copy"])) == 0
    assert command("remove", "--root", copy, "aaa", "--yes") == 0
    assert [path.read_bytes() for path in (outs["root"], inside)] == before
    for table in (outs["copy"], copy / "own.parquet"):
        assert read_features(table)[0].column("source").unique().to_pylist() == ["bbb-00000"]
    assert f"{outs['root']} was gathered of {made.root.path}, of which this is a copy" in caplog.text
    moved = made.root.path.rename(tmp_path / "moved")
    assert command("remove", "--root", moved, "aaa", "--yes") == 0
    assert read_features(outs["root"])[0].column("source").unique().to_pylist() == ["bbb-00000"]


def test_a_copy_looks_after_the_tables_of_an_original_that_is_gone(model: Path, tmp_path: Path) -> None:
    made, out = build(tmp_path / "root"), tmp_path / "features.parquet"
    assert command("embed", "--root", made.root.path, *words(model, out)) == 0
    shutil.copytree(made.root.path, tmp_path / "bigger-disk")
    shutil.rmtree(made.root.path)
    assert features.tables(Root(tmp_path / "bigger-disk")) == [out]


def test_what_earlier_versions_and_others_wrote_of_tables_is_read(tmp_path: Path) -> None:
    root = Root(tmp_path / "root")
    root.create()
    (tmp_path / "f.parquet").write_bytes(b"")
    state = root.state / "features.json"
    state.write_text(json.dumps({"tables": [str(tmp_path / "f.parquet")]}))
    assert features.tables(root) == [tmp_path / "f.parquet"]
    for text in ("[1]", '{"tables": [{"path": "x"}]}', '{"tables": [{"path": 1, "root": "", "inode": ""}]}', "\0"):
        state.write_text(text)
        assert features.tables(root) == []


@pytest.mark.parametrize("always", [False, True], ids=["beside-the-old-one", "at-all"])
def test_a_takedown_where_a_table_does_not_fit_beside_the_old_one(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, always: bool
) -> None:
    """It ended before anything of the video was deleted, and repeating was no help."""
    made, out = build(tmp_path / "root"), tmp_path / "features.parquet"
    assert command("embed", "--root", made.root.path, *words(model, out)) == 0
    fsync = os.fsync

    def full(descriptor: int) -> None:
        if ".features.parquet." in os.readlink(f"/proc/self/fd/{descriptor}") and (always or out.exists()):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    assert command("remove", "--root", made.root.path, "aaa", "--yes") == 0
    if always:
        assert not out.exists()
        assert f"{out}: no room for what is left of it: deleted" in caplog.text
    else:
        assert read_features(out)[0].column("source").unique().to_pylist() == ["bbb-00000"]
    assert not (made.root.data / "crawl" / "aaa").exists()


def test_what_a_kill_left_of_a_table_goes_with_a_takedown(model: Path, tmp_path: Path) -> None:
    """A kind of F26: rows of the video stayed beside the table, outside of the root, where nobody looked."""
    made, out = build(tmp_path / "root"), tmp_path / "features.parquet"
    foreign = tmp_path / ".features.parquet.notes.partial"
    left = tmp_path / ".features.parquet.0123abcd.partial"
    for path in (foreign, left):
        path.write_bytes(b"rows of aaa")
    assert features.leftovers(made.root) == []
    assert command("embed", "--root", made.root.path, *words(model, out)) == 0
    out.unlink()  # killed in its first write
    assert features.leftovers(made.root) == [left]
    assert command("remove", "--root", made.root.path, "aaa", "--yes") == 0
    assert (left.exists(), foreign.exists()) == (False, True)


def test_another_table_in_the_place_of_ours_is_no_hindrance(model: Path, tmp_path: Path) -> None:
    """Regression: a table of somebody's own with a column ``source`` there ended the takedown behind its tombstone."""
    made, out = build(tmp_path / "root"), tmp_path / "features.parquet"
    assert command("embed", "--root", made.root.path, *words(model, out)) == 0
    pq.write_table(pa.table({"source": ["aaa-00000"]}), out)
    held = out.read_bytes()
    assert command("remove", "--root", made.root.path, "aaa", "--yes") == 0
    assert out.read_bytes() == held
    assert not (made.root.data / "crawl" / "aaa").exists()


def test_a_clip_that_cannot_be_read_is_named_and_left_out(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The model wants longer sound than these clips have."""
    other = build(tmp_path / "root")
    longer = model_folder(tmp_path / "model", data={"sound_s": 2.0, "picture_s": 0.25})
    assert command("embed", "--root", other.root.path, *words(longer, tmp_path / "f.parquet")) == 2
    said = capsys.readouterr()
    assert "expected at least 2 s with picture and sound, found 1.00 s" in said.err
    assert "expected clips with features, found none" in said.err


def _recipe(**embed: object) -> recipe.Recipe:
    stages = {"crawl": {}, "chunk": {}, "split": {}, "embed": embed}
    return recipe.build({"stages": stages}, WITH_EMBED, [], where="test")


def test_without_a_model_the_stage_does_nothing_and_a_model_must_be_known() -> None:
    stage = _recipe().stages[-1]
    assert stage.off == "no model"
    stage.check()
    with pytest.raises(UsageError, match=r"embed\.model: /none: expected the folder of a model"):
        _recipe(model="/none").stages[-1].check()
    with pytest.raises(UsageError, match=r"embed\.modalities: .*expected some of video, .*found smell"):
        _recipe(modalities=["smell"])


def test_another_model_in_the_same_folder_is_refused(model: Path) -> None:
    with pytest.raises(UsageError, match=r"embed\.weights: expected the digest of the model, found nothing"):
        _recipe(model=str(model)).stages[-1].check()
    with pytest.raises(UsageError, match=r"expected the model with digest 00, found [0-9a-f]+: another one was put"):
        _recipe(model=str(model), weights="00").stages[-1].setup()


def test_what_the_key_depends_on() -> None:
    def key(**params: object) -> str:
        return Embed(EmbedParams.model_validate(params)).key(Item("a-00000", "a"))

    for same in ({"model": "x"}, {"split": "test"}, {"batch": 1}, {"device": "cuda"}):
        assert key(**same) == key()
    for other in (
        {"weights": "ab"},
        {"every_s": 2},
        {"directions_deg": [[0, 0]]},
        {"fov_deg": 90},
        {"modalities": ["sound"]},
    ):
        assert key(**other) != key()


def test_a_gpu_is_asked_for_where_the_network_computes_on_one() -> None:
    assert Embed(EmbedParams(device="cuda:1")).needs.gpus == 1
    assert Embed(EmbedParams()).needs.gpus == Embed.needs.gpus == 0


@pytest.mark.slow
def test_ray_gives_the_same_bytes(table: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="no Ray here: pip install 'yt360[ray]'")
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT))
    monkeypatch.setenv("RAY_raylet_start_wait_time_s", "150")  # on a busy machine,
    monkeypatch.setenv("RAY_worker_niceness", "0")  # where nice workers hardly run
    other, out = build(tmp_path / "root"), tmp_path / "features.parquet"
    assert command("embed", "--root", other.root.path, *words(model, out, "--engine", "ray", "--workers", 1)) == 0
    assert out.read_bytes() == table.read_bytes()


@pytest.mark.slow
@needs_slurm
def test_slurm_gives_the_same_bytes(table: Path, model: Path, tmp_path: Path) -> None:
    other, out = build(tmp_path / "root"), tmp_path / "features.parquet"
    launcher = shlex.join(["env", f"PYTHONPATH={CHECKOUT}", sys.executable, "-m", "tests.stages.embed_cli"])
    cluster = ["--engine", "slurm", "--launcher", launcher, "--tasks", 2]
    assert command("embed", "--root", other.root.path, *words(model, out, *cluster)) == 0
    assert out.read_bytes() == table.read_bytes()
    assert next(other.root.logs.glob("*/*.log"), None)
