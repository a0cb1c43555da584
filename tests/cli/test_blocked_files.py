"""A folder or a link in circles where a root has a file of its own: named, with a way out, by every command."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.stages.fakes import FAKES, Dataset
from yt360.cli import common, run
from yt360.engine.storage import Root, publish_folder

VIDEOS = {"alpha": 1, "beta": 1}
RECIPE = "stages: {crawl: {videos: {alpha: 1, beta: 1}}, chunk: {}, split: {test_share: 0.0}, shard: {}}"


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _circle(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    dataset = Dataset(tmp_path_factory.mktemp("whole") / "root")
    dataset.run(VIDEOS, split={"test_share": 0.0})
    return dataset.root.path


@pytest.mark.parametrize("spoil", [_folder, _circle])
@pytest.mark.parametrize(
    "name",
    [
        "ledger/chunk/*.jsonl",
        "state/plan-crawl.parquet",
        "state/shard-plan.json",
        "manifests/clips.parquet",
        "shards/shards.json",
        "shards/*.tar",
        "shards/README.md",
        "recipe.json",
        "data/crawl/alpha/video.txt",
    ],
)
def test_what_is_in_the_way_of_a_file_is_named(
    command: Command,
    whole: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    spoil: Callable[[Path], None],
) -> None:
    """Such files of a root ended `status`, `verify`, `explain` and `run` in tracebacks."""
    for module in (run, common):
        monkeypatch.setattr(module, "REGISTRY", FAKES)
    root = Root(shutil.copytree(whole, tmp_path / "root"))
    path = next(iter(root.path.glob(name)))
    before = {each: each.read_bytes() for each in _made(root)}
    spoil(path)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE)
    again = ("run", recipe, "--min-free-gb", 0, "-q")
    for words in (("status",), ("explain", "alpha"), ("verify", "-q"), again):
        code, out, err = command(*words, "--root", root.path)
        assert code in (0, 1, 2)
        assert "Traceback" not in out + err, words
        if code:
            assert path.name in out + err or "expected a file, found none" in out, words
    if code:  # the way out
        path.rmdir() if path.is_dir() else path.unlink()
        assert command(*again, "--root", root.path)[0] == 0
    assert {each: each.read_bytes() for each in _made(root)} == before


def _made(root: Root) -> list[Path]:
    folders = (root.data, root.path / "shards", root.manifests)
    return [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]


def test_a_link_that_leads_nowhere_makes_room_for_outputs(tmp_path: Path) -> None:
    """An item whose folder had become one failed with a traceback for good."""
    prepared, final = tmp_path / "prepared", tmp_path / "final"
    prepared.mkdir()
    final.symlink_to(tmp_path / "gone")
    publish_folder(prepared, final, tmp_path / "trash")
    assert final.is_dir()
    assert not final.is_symlink()


def test_a_whole_root_is_verified_and_the_plan_of_a_stage_of_all_items_checked(
    command: Command, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `split` was made from is kept in another way than a plan: every whole root was called damaged."""
    monkeypatch.setattr(common, "REGISTRY", FAKES)
    root = Root(shutil.copytree(whole, tmp_path / "root"))
    code, out, err = command("verify", "-q", "--root", root.path)
    assert code == 0, out + err
    plan = root.state / "plan-split.parquet"
    data = plan.read_bytes()
    for spoiled in (data[: len(data) // 2], data.replace(b"alpha", b"alphA")):
        plan.write_bytes(spoiled)
        code, out, err = command("verify", "-q", "--root", root.path)
        assert (code, "plan-split.parquet" in out + err) == (1, True)
