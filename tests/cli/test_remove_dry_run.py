"""What `remove --dry-run` lists is what goes: over roots of several kinds, with copies and without."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command
from tests.stages.fakes import FAKES, Dataset, FakeCrawl
from yt360.cli import common, remove, run
from yt360.engine import recipe
from yt360.engine.recipe import Registry
from yt360.engine.stage import Context, Done, Filtered, Item, Outcome, Stage
from yt360.engine.state import ledger
from yt360.engine.storage import Root

VIDEOS = {"alpha": 3, "beta": 2, "beta-00000": 2, "copy": 1}
SHARDS = {"split": {"test_share": 0.0}, "shard": {"target_mb": 0.02}}
TABLES = ("ledger/", "state/published.txt", "state/removed.jsonl")
"""Where the dry run counts records of each stage instead of naming files, and what the takedown writes."""
WRITTEN = ("tmp/", "state/lock")


def _plain(root: Root) -> None:
    """As it is after a run."""


def _unfinished(root: Root) -> None:
    for name in ("beta", "beta-00000", "alpha"):
        folder = root.state / "crawl-partial" / name
        folder.mkdir(parents=True)
        (folder / "video.part").write_bytes(b"half of it")


def _leftovers(root: Root) -> None:
    for place in ("manifests/.clips.parquet.0123abcd.partial", "state/.plan-crawl.parquet.0123abcd.partial"):
        (root.path / place).write_bytes(b"beta")


def _told(root: Root) -> None:
    """Logs and listings that tell of it, and of others."""
    for name, text in {"run/worker-1.log": "beta: slow", "run/worker-2.log": "alpha: slow, betatron as well"}.items():
        (root.logs / name).parent.mkdir(parents=True, exist_ok=True)
        (root.logs / name).write_text(text)
    folder = root.state / "crawl-discovery"
    folder.mkdir()
    (folder / "1.jsonl").write_text('{"listed": "a channel"}\n{"id": "beta"}\n{"id": "alpha"}\n')
    (folder / "2.jsonl").write_text('{"listed": "a channel"}\n{"id": "alpha"}\n')


def _reported(root: Root) -> None:
    root.report.mkdir(exist_ok=True)
    for name in ("beta-00010.png", "beta.energy.png", "betatron.png", "alpha-00000.png", "beta-00000-00000.png"):
        (root.report / name).write_bytes(b"a picture")
    (root.report / "report.html").write_text("<figure>beta</figure>")
    (root.report / "other.html").write_text("<figure>alpha</figure>")
    (root.path / "labels.tsv").write_text("# video\tlabel\nalpha\tkeep\nbeta\tstill\n")
    (root.report / "attrition-1.json").write_text('{"videos": {"alpha": "whole", "beta": "whole"}}')
    (root.report / "attrition-2.json").write_text('{"videos": {"alpha": "whole"}}')


def _duplicates(root: Root) -> None:
    (root.state / "duplicates.json").write_text(json.dumps({"groups": {"beta": ["copy"], "alpha": []}}))


def _snapshots(root: Root) -> None:
    """As asking a root of very many items leaves them."""
    for name in ("states-crawl.parquet", "states-chunk.parquet"):
        (root.state / "snapshot").mkdir(exist_ok=True)
        (root.state / "snapshot" / name).write_bytes(b"beta and others")


def _everything(root: Root) -> None:
    for plant in (_snapshots, _unfinished, _leftovers, _told, _reported, _duplicates):
        plant(root)


class ResumingCrawl(FakeCrawl):
    host_local = frozenset({"crawl-partial"})


class FakeDuplicates(Stage):
    """``copy`` is one of ``beta``."""

    name = "duplicates"
    after = ("crawl",)

    def process(self, item: Item, context: Context) -> Outcome:
        if item.id != "copy":
            return Done(measures={"group": item.id})
        measures = {"group": "beta", "copy_of": {"video": "beta", "covered": 1.0, "offset_s": 0.0}}
        return Filtered("duplicate", "100% of it is also in beta", measures)


_OWN = {"crawl": "ResumingCrawl", "duplicates": "FakeDuplicates"}
REGISTRY = Registry(
    stages={**FAKES.stages, **{stage: f"tests.cli.test_remove_dry_run:{name}" for stage, name in _OWN.items()}}
)


class JudgedDataset(Dataset):
    def recipe(self, videos: dict[str, int], **parameters: Any) -> recipe.Recipe:
        stages = {"crawl": {"videos": videos}, "duplicates": {}, "chunk": {}, **SHARDS}
        return recipe.build({"stages": stages}, REGISTRY, [], where="test")


def _recorded(root: Root) -> dict[str, set[tuple[object, ...]]]:
    return {
        folder.name: {(record.item, record.sequence, record.started, record.status) for record in ledger.read(folder)}
        for folder in sorted(root.ledger.iterdir())
    }


def _state(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("copies", [False, True], ids=["alone", "with copies"])
@pytest.mark.parametrize(
    "plant", [_plain, _everything, *(pytest.param(each, marks=pytest.mark.slow) for each in (_reported, _snapshots))]
)
def test_what_is_listed_is_gone_and_nothing_else(
    plant: Callable[[Root], None], copies: bool, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (run, common, remove):
        monkeypatch.setattr(module, "REGISTRY", REGISTRY)
    made = JudgedDataset(tmp_path / "root")
    made.run(VIDEOS, workers=1)
    root = made.root
    plant(root)
    asked = ["remove", "beta", "--root", root.path, "--json", *(["--with-copies"] if copies else [])]
    before = _state(root.path)
    recorded = _recorded(root)
    told = json.loads(command(*asked, "--dry-run")[1])
    assert _state(root.path) == before
    assert told["removed"] == (["beta", "copy"] if copies else ["beta"])
    assert json.loads(command(*asked, "--yes")[1]) == told | {"dry_run": False}
    after = _state(root.path)
    left = _recorded(root)
    assert told["ledger"] == {stage: len(records - left[stage]) for stage, records in recorded.items()}
    assert told["records"] == sum(told["ledger"].values())
    assert all(told["ledger"][stage] for stage in ("crawl", "chunk", "shard"))

    def below(kind: str) -> set[str]:
        return {Path(path).relative_to(root.path).as_posix() for path in told[kind]}

    listed = below("files") | below("pictures")
    listed |= {name for name in before if any(name.startswith(f"{folder}/") for folder in below("folders"))}
    assert {f"shards/{name}.tar" for name in told["shards"]} <= below("rewritten")
    touched = {name for name in before if after.get(name) != before[name]}
    seen = {name for name in touched if name.endswith(".partial") or not name.startswith((*TABLES, *WRITTEN))}
    assert listed <= set(before) - set(after)
    assert seen == listed | below("edited") | below("rewritten")
    assert {path.name for path in (root.data / "crawl").iterdir()} == set(VIDEOS) - set(told["removed"])
