"""A run that is refused leaves a root as it was: recipe, plans, what tables said, shards, manifests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.stages.fakes import Dataset
from yt360.engine import pipeline
from yt360.engine.recipe import Recipe
from yt360.engine.storage import Root
from yt360.errors import UsageError
from yt360.publishing.manifests import publish
from yt360.stages.crawl import Crawl, CrawlParams
from yt360.stages.split import Split, SplitParams


def _everything(folder: Path) -> dict[str, bytes]:
    """All files but the logs, which tell of refused runs too."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.relative_to(folder).parts[0] != "logs"]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@pytest.mark.parametrize("fault", ["missing", "both", "both-spelled", "no-text"])
def test_wrong_lists_of_a_split_are_refused_before_anything_changes(tmp_path: Path, fault: str) -> None:
    """The recipe, the plan of the crawl and the shards' places were already those of the refused run."""
    dataset = Dataset(tmp_path / "root")
    dataset.run({"alpha": 2, "beta": 1})
    before = _everything(tmp_path / "root")
    train, test = tmp_path / "train.txt", tmp_path / "test.txt"
    train.write_text("gamma\nhttps://youtu.be/dQw4w9WgXcQ\n")
    if fault != "missing":
        lines = {"both": b"gamma\n", "both-spelled": b"dQw4w9WgXcQ # again\n", "no-text": b"\0\1\n"}
        test.write_bytes(lines[fault])
    with pytest.raises(UsageError, match=r"test\.txt"):
        dataset.run({"alpha": 2, "beta": 1, "new": 1}, split={"train_list": str(train), "test_list": str(test)})
    assert _everything(tmp_path / "root") == before


@pytest.mark.parametrize("fault", ["no-source", "wrong-line", "two-sides", "one-name", "cookies"])
def test_wrong_sources_are_refused_before_anything_changes(tmp_path: Path, fault: str) -> None:
    for name in "ab":
        (tmp_path / f"{name}.mp4").write_bytes(b"\0" * 100)
    (tmp_path / "ids.txt").write_text("a.mp4\n")
    root = Root(tmp_path / "root")

    def run(source: str, **params: Any) -> None:
        stages = (Crawl(CrawlParams.model_validate({"source": source, **params})), Split(SplitParams()))
        options = pipeline.Options(workers=1, min_free_bytes=0, quiet=True)
        pipeline.run(Recipe("test", stages), root, options, publish=publish)

    run(str(tmp_path / "ids.txt"))
    before = _everything(root.path)
    wrong = tmp_path / ("wrong.csv" if fault == "two-sides" else "wrong.txt")
    wrong.write_text({
        "wrong-line": "b.mp4\nhello world\n",
        "two-sides": "video,split\nb.mp4,train\n./b.mp4,test\n",
        "one-name": "x=a.mp4\nx=b.mp4\n",
    }.get(fault, "b.mp4\n"))  # fmt: skip
    access = {"cookies_file": str(tmp_path / "none.txt")} if fault == "cookies" else {}
    source = str(tmp_path / "nothing") if fault == "no-source" else str(wrong)
    with pytest.raises(UsageError):
        run(source, access=access)
    assert _everything(root.path) == before


def test_what_is_refused_after_work_was_done_keeps_the_work(tmp_path: Path) -> None:
    dataset = Dataset(tmp_path / "root")
    dataset.run({"alpha": 1})
    (dataset.root.state / "shard-plan.json").write_text("{")
    with pytest.raises(UsageError, match="shard plan"):
        dataset.run({"alpha": 1, "beta": 1})
    assert "beta" in dataset.root.recipe.read_text()
