"""Takedown: the video is nowhere any more, the others are as they were, and it never comes back."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.stages.fakes import FAKES, Dataset
from yt360.cli import common, main, remove, run
from yt360.crawling.removed_ids import removed_ids
from yt360.engine.state import ledger
from yt360.engine.verify import verify

VIDEOS = {"alpha": 3, "beta": 2, "gamma": 2, "delta": 1}
SHARDS = {"shard": {"target_mb": 0.02}, "split": {"test_share": 0.0}}


@pytest.fixture
def yt360(monkeypatch, capsys):
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


def test_nothing_of_it_stays_and_only_its_shards_change(yt360, made: Dataset) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in (made.root.path / "shards").glob("*.tar")}
    clips = pd.read_parquet(made.root.manifests / "clips.parquet")
    touched = set(clips[clips.video == "beta"].shard)
    assert touched < set(before)
    code, out = yt360("remove", "beta", "--root", made.root.path, "--yes", "--reason", "the uploader asked", "--json")
    assert code == 0
    told = json.loads(out)
    assert (told["removed"], told["unknown"], told["pictures"][0][-14:]) == (["beta"], [], "beta-00000.png")
    assert {f"{name}.tar" for name in told["shards"]} == touched
    assert holding(made.root.path, "beta") == ["report/betatron.png", "state/removed.jsonl"]
    after = {path.name: path.stat().st_mtime_ns for path in (made.root.path / "shards").glob("*.tar")}
    assert {name for name in before if after.get(name) != before[name]} == touched
    left = pd.read_parquet(made.root.manifests / "clips.parquet")
    assert left["clip"].tolist() == clips[clips.video != "beta"]["clip"].tolist()
    assert not verify(made.catalog(VIDEOS, **SHARDS), workers=1).damaged
    assert len(holding(made.root.report, "alpha")) == len(holding(made.root.state / "crawl-discovery", "alpha")) == 1


def test_no_older_record_of_a_shard_names_its_clips(yt360, made: Dataset) -> None:
    """Regression: the record from before the shard was written again stayed in the ledger."""
    assert yt360("remove", "beta", "--root", made.root.path, "--yes")[0] == 0
    records = list(ledger.read(made.root.ledger / "shard"))
    assert records
    assert not [record.item for record in records if any(clip.startswith("beta") for clip in record.meta["clips"])]


def test_a_shard_that_held_nothing_else_goes(yt360, tmp_path: Path) -> None:
    dataset = Dataset(tmp_path / "root")
    dataset.run(VIDEOS, shard={"target_mb": 0.001}, split={"test_share": 0.0})
    assert len(list((dataset.root.path / "shards").glob("*.tar"))) == 8
    assert yt360("remove", "alpha", "--root", dataset.root.path, "--yes")[0] == 0
    assert len(list((dataset.root.path / "shards").glob("*.tar"))) == 5
    assert len(pd.read_parquet(dataset.root.manifests / "shards.parquet")) == 5


def test_a_dry_run_and_a_no_change_nothing(yt360, made: Dataset, monkeypatch) -> None:
    everything = {path: path.read_bytes() for path in made.root.path.rglob("*") if path.is_file()}
    code, out = yt360("remove", "beta", "--root", made.root.path, "--dry-run")
    assert code == 0
    assert "shards to write again: train-" in out
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _: "n")
    assert yt360("remove", "beta", "--root", made.root.path)[0] == 130
    assert {path: path.read_bytes() for path in made.root.path.rglob("*") if path.is_file()} == everything


def test_a_kill_in_the_middle_is_ended_by_the_same_command(yt360, made: Dataset, monkeypatch) -> None:
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
    assert holding(made.root.path, "beta") == ["report/betatron.png", "state/removed.jsonl"]


def test_a_video_never_seen_is_kept_out(yt360, made: Dataset) -> None:
    code, out = yt360("remove", "epsilon", "--root", made.root.path, "--yes")
    assert code == 0
    assert "epsilon: never seen in this root; its tombstone will keep it out" in out
    assert removed_ids(made.root.state) == {"epsilon"}
