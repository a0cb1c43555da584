"""Takedown: the video is nowhere any more, the others are as they were, and it never comes back."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.stages.fakes import FAKES, Dataset
from yt360.cli import common, main, remove, run
from yt360.crawling.removed_ids import removed_ids
from yt360.engine.state import ledger
from yt360.engine.storage import Root
from yt360.engine.verify import verify

VIDEOS = {"alpha": 3, "beta": 2, "gamma": 2, "delta": 1}
SHARDS: dict[str, Any] = {"shard": {"target_mb": 0.02}, "split": {"test_share": 0.0}}
LARGE: dict[str, Any] = {"shard": {"target_mb": 0.12}, "split": {"test_share": 0.0}}
"""Several clips in each shard."""


@pytest.fixture
def yt360(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    for module in (run, common, remove):
        monkeypatch.setattr(module, "REGISTRY", FAKES)

    def call(*words: object) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main.main([str(word) for word in words])
        return int(ended.value.code or 0), capsys.readouterr().out

    return call


@pytest.fixture
def made(tmp_path: Path) -> Dataset:
    dataset = Dataset(tmp_path / "root")
    dataset.run(VIDEOS, **SHARDS)
    dataset.root.report.mkdir()
    (dataset.root.report / "beta-00000.png").write_bytes(b"a picture")
    (dataset.root.report / "betatron.png").write_bytes(b"another video")
    (dataset.root.report / "report.html").write_text("<figure>beta <audio src=data:></figure>")
    (dataset.root.report / "attrition-1.json").write_text('{"videos": {"alpha": "whole", "beta": "whole"}}')
    (dataset.root.report / "rebuild.md").write_text("| beta | gone |")
    (dataset.root.path / "labels.tsv").write_text("# video\tlabel\nalpha\tduplicate\tme\t\tof beta\nbeta\tstill\tme\n")
    (dataset.root.state / "segments.tsv").write_text(
        "video\tstart\nalpha\t1\nbeta\t2\nx=https://h/beta\t3\nbetatron\t4\n"
    )
    listing = dataset.root.state / "crawl-discovery" / "1.jsonl"
    listing.parent.mkdir()
    listing.write_text('{"listed": "a channel"}\n{"id": "alpha"}\n{"id": "beta"}\n')
    return dataset


def holding(folder: Path, text: str) -> list[str]:
    """Files below a folder whose name or content holds a text; not what the person wrote (the fake crawl's source)."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "recipe.json"]
    return [
        path.relative_to(folder).as_posix() for path in paths if text in str(path) or text.encode() in path.read_bytes()
    ]


def test_nothing_of_it_stays_and_only_its_shards_change(yt360: Callable[..., Any], made: Dataset) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in (made.root.path / "shards").glob("*.tar")}
    clips = pd.read_parquet(made.root.manifests / "clips.parquet")
    touched = set(clips[clips.video == "beta"].shard)
    assert touched < set(before)
    code, out = yt360("remove", "beta", "--root", made.root.path, "--yes", "--reason", "the uploader asked", "--json")
    assert code == 0
    told = json.loads(out)
    assert (told["removed"], told["unknown"], told["pictures"][0][-14:]) == (["beta"], [], "beta-00000.png")
    assert {f"{name}.tar" for name in told["shards"]} == touched
    assert holding(made.root.path, "beta") == ["report/betatron.png", "state/removed.jsonl", "state/segments.tsv"]
    assert (made.root.state / "segments.tsv").read_text() == "video\tstart\nalpha\t1\nbetatron\t4\n"
    assert (made.root.path / "labels.tsv").read_text() == "# video\tlabel\nalpha\tduplicate\tme\t\tof (removed)\n"
    after = {path.name: path.stat().st_mtime_ns for path in (made.root.path / "shards").glob("*.tar")}
    assert {name for name in before if after.get(name) != before[name]} == touched
    left = pd.read_parquet(made.root.manifests / "clips.parquet")
    assert left["clip"].tolist() == clips[clips.video != "beta"]["clip"].tolist()
    assert not verify(made.catalog(VIDEOS, **SHARDS), workers=1).damaged
    assert len(holding(made.root.report, "alpha")) == len(holding(made.root.state / "crawl-discovery", "alpha")) == 1


def test_no_older_record_of_a_shard_names_its_clips(yt360: Callable[..., Any], made: Dataset) -> None:
    """Regression: the record from before the shard was written again stayed in the ledger."""
    assert yt360("remove", "beta", "--root", made.root.path, "--yes")[0] == 0
    records = list(ledger.read(made.root.ledger / "shard"))
    assert records
    assert not [record.item for record in records if any(clip.startswith("beta") for clip in record.meta["clips"])]


def test_a_shard_that_held_nothing_else_goes(yt360: Callable[..., Any], tmp_path: Path) -> None:
    dataset = Dataset(tmp_path / "root")
    dataset.run(VIDEOS, shard={"target_mb": 0.001}, split={"test_share": 0.0})
    assert len(list((dataset.root.path / "shards").glob("*.tar"))) == 8
    assert yt360("remove", "alpha", "--root", dataset.root.path, "--yes")[0] == 0
    assert len(list((dataset.root.path / "shards").glob("*.tar"))) == 5
    assert len(pd.read_parquet(dataset.root.manifests / "shards.parquet")) == 5


def test_a_dry_run_and_a_no_change_nothing(
    yt360: Callable[..., Any], made: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = {path: path.read_bytes() for path in made.root.path.rglob("*") if path.is_file()}
    code, out = yt360("remove", "beta", "--root", made.root.path, "--dry-run")
    assert code == 0
    assert "shards to write again: train-" in out
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _: "n")
    assert yt360("remove", "beta", "--root", made.root.path)[0] == 130
    assert {path: path.read_bytes() for path in made.root.path.rglob("*") if path.is_file()} == everything


def test_a_kill_in_the_middle_is_ended_by_the_same_command(
    yt360: Callable[..., Any], made: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ledger.forget

    def dies(folder: Path, items: frozenset[str], *more: str) -> int:
        if folder.name == "split":
            raise KeyboardInterrupt
        return real(folder, items, *more)

    monkeypatch.setattr(ledger, "forget", dies)
    assert yt360("remove", "beta", "--root", made.root.path, "--yes")[0] == 130
    monkeypatch.undo()
    for module in (run, common, remove):
        monkeypatch.setattr(module, "REGISTRY", FAKES)
    assert removed_ids(made.root.state) == {"beta"}
    assert yt360("remove", "beta", "--root", made.root.path, "--yes")[0] == 0
    assert holding(made.root.path, "beta") == ["report/betatron.png", "state/removed.jsonl", "state/segments.tsv"]


def test_a_video_never_seen_is_kept_out(yt360: Callable[..., Any], made: Dataset) -> None:
    code, out = yt360("remove", "epsilon", "--root", made.root.path, "--yes")
    assert code == 0
    assert "epsilon: never seen in this root; its tombstone will keep it out" in out
    assert removed_ids(made.root.state) == {"epsilon"}


def _everything(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("gone", "stays"), [("walk", "walk-00000"), ("walk-00000", "walk")])
def test_a_clip_s_id_is_no_video_s_id(yt360: Callable[..., Any], tmp_path: Path, gone: str, stays: str) -> None:
    """F3: the video `walk-00000` went with the video `walk`, whose first clip is called so."""
    dataset = Dataset(tmp_path / "root")
    videos = {"walk": 2, "walk-00000": 2}
    dataset.run(videos, **SHARDS)
    before = pd.read_parquet(dataset.root.manifests / "clips.parquet")
    places = {path.name for path in (dataset.root.data / "chunk" / stays).iterdir()}
    assert yt360("remove", gone, "--root", dataset.root.path, "--yes")[0] == 0
    assert [path.name for path in (dataset.root.data / "crawl").iterdir()] == [stays]
    assert {path.name for path in (dataset.root.data / "chunk" / stays).iterdir()} == places
    left = pd.read_parquet(dataset.root.manifests / "clips.parquet")
    kept = before[before.video == stays]
    assert left[["clip", "video_digest"]].values.tolist() == kept[["clip", "video_digest"]].values.tolist()
    for stage in ("crawl", "chunk", "split"):
        assert {record.item for record in ledger.read(dataset.root.ledger / stage)} == {stays}
    plan = json.loads((dataset.root.state / "shard-plan.json").read_text())
    assert sorted(clip for clips in plan["shards"].values() for clip in clips) == sorted(kept["clip"])
    assert not verify(dataset.catalog({stays: 2}, **SHARDS), workers=1).damaged


def test_a_clip_is_refused_and_its_video_named(
    yt360: Callable[..., Any], made: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    before = _everything(made.root.path)
    with pytest.raises(SystemExit) as ended:
        main.main(["remove", "beta-00000", "--root", str(made.root.path), "--yes"])
    assert ended.value.code == 2
    assert "is a clip of the video 'beta'" in capsys.readouterr().err
    assert _everything(made.root.path) == before


def test_a_video_s_folder_that_is_a_link_goes_and_where_it_led_is_said(
    yt360: Callable[..., Any], made: Dataset, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A kind of F21: the takedown ended behind its tombstone, and all of the video stayed."""
    folder = made.root.data / "crawl" / "beta"
    folder.rename(tmp_path / "bigger-disk")
    folder.symlink_to(tmp_path / "bigger-disk")
    assert yt360("remove", "beta", "--root", made.root.path, "--yes")[0] == 0
    assert f"and stays ({tmp_path / 'bigger-disk'})" in caplog.text
    assert (tmp_path / "bigger-disk" / "video.txt").is_file()
    assert holding(made.root.data, "beta") == []


def test_a_takedown_that_may_not_delete_names_what(
    yt360: Callable[..., Any], made: Dataset, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It said `video.mkv`, and to move that away."""

    def refused(path: Path, **_: object) -> None:
        if path.parent.name == "crawl":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), "video.txt")

    monkeypatch.setattr(shutil, "rmtree", refused)
    with pytest.raises(SystemExit) as ended:
        main.main(["remove", "beta", "--root", str(made.root.path), "--yes"])
    assert ended.value.code == 2
    assert f"{made.root.data}/crawl/beta: expected something that can be deleted" in capsys.readouterr().err


def test_a_takedown_needs_no_free_room(
    yt360: Callable[..., Any], made: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F5: below the floor the shards kept the video, and repeating was no help."""
    monkeypatch.setattr(Root, "free_bytes", lambda _: 1000)
    assert yt360("remove", "beta", "--root", made.root.path, "--yes")[0] == 0
    assert holding(made.root.path / "shards", "beta") == []
    assert "beta" not in set(pd.read_parquet(made.root.manifests / "clips.parquet")["video"])


def test_a_takedown_needs_not_one_free_block(
    yt360: Callable[..., Any], made: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kind of F5: there was no room for the tombstone, and the advice was to move its file away."""
    yt360("remove", "never-seen", "--root", made.root.path, "--yes")
    stones, fsync = made.root.state / "removed.jsonl", os.fsync

    def full(descriptor: int) -> None:
        name = os.readlink(f"/proc/self/fd/{descriptor}")
        if ".removed.jsonl." in name and (made.root.data / "crawl" / "beta").exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    assert yt360("remove", "beta", "--root", made.root.path, "--yes")[0] == 0
    assert [json.loads(line)["id"] for line in stones.read_text().splitlines()] == ["never-seen", "beta"]
    assert holding(made.root.path / "shards", "beta") == holding(made.root.data, "beta") == []


@pytest.mark.parametrize("always", [False, True], ids=["beside-the-old-one", "at-all"])
def test_a_takedown_where_a_shard_does_not_fit(
    yt360: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, always: bool
) -> None:
    """A kind of F5: shards are larger than what a video leaves. The old one kept it, and repeating was no help."""
    made, undisturbed = Dataset(tmp_path / "root"), Dataset(tmp_path / "undisturbed")
    made.run(VIDEOS, **LARGE)
    shutil.copytree(made.root.path, undisturbed.root.path)
    assert yt360("remove", "beta", "--root", undisturbed.root.path, "--yes")[0] == 0
    clips = pd.read_parquet(made.root.manifests / "clips.parquet")
    old = [made.root.path / "shards" / name for name in set(clips[clips.video == "beta"].shard)]
    fsync = os.fsync

    def full(descriptor: int) -> None:
        is_shard = os.readlink(f"/proc/self/fd/{descriptor}").endswith(".tar")
        if is_shard and (always or any(path.exists() for path in old)):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    assert yt360("remove", "beta", "--root", made.root.path, "--yes")[0] == (1 if always else 0)
    assert holding(made.root.path / "shards", "beta-00000") == []
    if always:
        monkeypatch.setattr(os, "fsync", fsync)
        assert yt360("remove", "beta", "--root", made.root.path, "--yes")[0] == 0
    assert made.bytes() == undisturbed.bytes()
    assert not verify(made.catalog(VIDEOS, **LARGE), workers=1).damaged


@pytest.mark.parametrize("hurt", [Path.unlink, lambda path: path.write_bytes(b"rot")], ids=["gone", "rotten"])
def test_a_takedown_where_a_clip_of_another_video_is_damaged(
    yt360: Callable[..., Any], tmp_path: Path, hurt: Callable[[Path], object]
) -> None:
    """The shard could not be written again, the old one kept the video, and the exit code was 0."""
    made = Dataset(tmp_path / "root")
    made.run(VIDEOS, **LARGE)
    clips = pd.read_parquet(made.root.manifests / "clips.parquet")
    (shard,) = set(clips[clips.video == "beta"].shard)
    other = clips[(clips.shard == shard) & (clips.video != "beta")].iloc[0]
    whole = made.bytes()
    hurt(made.root.data / "chunk" / other["video"] / f"{other['clip']}.foa.flac")
    assert yt360("remove", "beta", "--root", made.root.path, "--yes")[0] == 0
    assert holding(made.root.path / "shards", "beta") == []
    left = pd.read_parquet(made.root.manifests / "clips.parquet")
    assert shard not in set(left["shard"])
    assert "beta" not in set(left["video"])
    remaining = {name: count for name, count in VIDEOS.items() if name != "beta"}
    made.run(remaining, **LARGE)
    assert set(pd.read_parquet(made.root.manifests / "clips.parquet")["clip"]) == set(
        clips[clips.video != "beta"]["clip"]
    )
    assert not verify(made.catalog(remaining, **LARGE), workers=1).damaged
    untouched = set(clips.shard) - set(clips[clips.video == "beta"].shard)
    assert {name: made.bytes()[f"shards/{name}"] for name in untouched} == {
        name: whole[f"shards/{name}"] for name in untouched
    }


@pytest.mark.parametrize("changed", [{}, {"chunk": {"tone_hz": 300.0}}], ids=["defaults", "other-parameters"])
def test_a_takedown_needs_no_recipe_and_touches_its_own_shards_alone(
    yt360: Callable[..., Any], tmp_path: Path, changed: dict[str, Any]
) -> None:
    """F19: the default recipe judged the others, and all went."""
    made = Dataset(tmp_path / "root")
    made.run(VIDEOS, **SHARDS, **changed)
    made.root.recipe.unlink()
    before = _everything(made.root.path / "shards")
    clips = pd.read_parquet(made.root.manifests / "clips.parquet")
    videos = pd.read_parquet(made.root.manifests / "videos.parquet")
    touched = set(clips[clips.video == "beta"].shard)
    assert yt360("remove", "beta", "--root", made.root.path, "--yes")[0] == 0
    after = _everything(made.root.path / "shards")
    assert {name for name in before if after.get(name) != before[name]} == touched | {"shards.json"}
    left = pd.read_parquet(made.root.manifests / "clips.parquet")
    assert left["clip"].tolist() == clips[clips.video != "beta"]["clip"].tolist()
    pd.testing.assert_frame_equal(
        pd.read_parquet(made.root.manifests / "videos.parquet"), videos[videos.video != "beta"].reset_index(drop=True)
    )
    assert not made.root.recipe.is_file()
    assert holding(made.root.path, "beta") == ["state/removed.jsonl"]
    made.run({name: count for name, count in VIDEOS.items() if name != "beta"}, **SHARDS, **changed)
    assert {name: _everything(made.root.path / "shards")[name] for name in after} == after


def test_a_dry_run_lists_what_goes(yt360: Callable[..., Any], made: Dataset) -> None:
    """F26: what a kill left of a write still held the video's row, and was never looked at."""
    leftover = made.root.manifests / ".videos.parquet.0123abcd.partial"
    leftover.write_bytes(b"a row of beta")
    log = made.root.logs / "run" / "worker-1.log"
    log.parent.mkdir(parents=True)
    log.write_text("beta: a warning")
    before = _everything(made.root.path)
    code, out = yt360("remove", "beta", "--root", made.root.path, "--dry-run", "--json")
    assert code == 0
    assert _everything(made.root.path) == before
    told = json.loads(out)
    assert yt360("remove", "beta", "--root", made.root.path, "--yes")[0] == 0
    after = _everything(made.root.path)
    root = made.root.path
    listed = {str(Path(path).relative_to(root)) for kind in ("pictures", "files") for path in told[kind]}
    folders = tuple(str(Path(path).relative_to(root)) + "/" for path in told["folders"])
    gone = {name for name in set(before) - set(after) if not name.startswith(("ledger/", "shards/", "state/snapshot/"))}
    assert gone == listed | {name for name in before if name.startswith(folders)}
    assert str(leftover) in told["files"]
    assert str(log) in told["files"]
    assert str(root / "state" / "crawl-discovery" / "1.jsonl") in told["edited"]


def test_foreign_tars_in_the_folder_of_shards_stay(made: Dataset) -> None:
    """F1: every tar that no shard is called as was deleted."""
    foreign = made.root.path / "shards" / "imagenet-000001.tar"
    foreign.write_bytes(b"somebody's own")
    made.run({"alpha": 3}, **SHARDS)
    assert foreign.read_bytes() == b"somebody's own"
