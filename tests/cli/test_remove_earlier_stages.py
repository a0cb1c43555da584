"""A takedown takes all that was ever made of a video, whatever the recipe says today."""

from __future__ import annotations

import json
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.cli.test_remove import SHARDS, VIDEOS, holding, yt360  # noqa: F401  (a fixture)
from tests.inline import Inline
from tests.stages.fakes import FAKES
from yt360.cli import common, remove, run
from yt360.engine import pipeline, recipe, verify
from yt360.engine.recipe import Registry
from yt360.engine.stage import Context, Done, Item, Outcome, Stage
from yt360.engine.state import ledger
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.storage import Root
from yt360.publishing.manifests import publish


class Sift(Stage):
    """On by default, with a file for each video."""

    name = "sift"
    inputs: ClassVar[Mapping[str, str]] = {"video": "crawl.video"}
    after = ("crawl",)

    def process(self, item: Item, context: Context) -> Outcome:
        (context.workdir / "note.txt").write_text(f"of {item.id}")
        return Done(outputs={"note": "note.txt"}, measures={"about": item.id})


class Blur(Stage):
    """The same for each clip."""

    name = "blur"
    inputs: ClassVar[Mapping[str, str]] = {"video": "chunk.video"}
    after = ("chunk",)
    item_kind = "clip"

    def plan(self, dataset: Any) -> Iterator[Item]:
        for clip in dataset.children_after("chunk"):
            yield Item(clip.id, clip.parent.source, inputs={"video": clip.outputs["video"]})

    def process(self, item: Item, context: Context) -> Outcome:
        (context.workdir / "note.txt").write_text(f"of {item.id}")
        return Done(outputs={"note": "note.txt"})


class Bind(Stage):
    """Joins the clips of all videos in one file beside the shards."""

    name = "bind"
    after = ("chunk",)
    item_kind = "book"
    parts_in = "pages"
    flat_folder = "books"

    def plan(self, dataset: Any) -> Iterator[Item]:
        clips = list(dataset.children_after("chunk"))
        inputs = {clip.id: clip.outputs["json"] for clip in clips}
        yield Item("all", "all", inputs=inputs, meta={"pages": [clip.id for clip in clips]})

    def process(self, item: Item, context: Context) -> Outcome:
        (context.workdir / "all.txt").write_text(" ".join(f"of {page}" for page in item.meta["pages"]))
        return Done(outputs={"book": "all.txt"})


OWN = {name: f"{__name__}:{kind.__name__}" for name, kind in (("sift", Sift), ("blur", Blur), ("bind", Bind))}
ORDER = ("crawl", "sift", "chunk", "blur", "bind", "split", "shard")
ALL = Registry({name: (OWN | dict(FAKES.stages))[name] for name in ORDER})


def _run(root: Root, names: tuple[str, ...]) -> recipe.Recipe:
    parameters: dict[str, Any] = {"crawl": {"videos": VIDEOS}, **SHARDS}
    made = recipe.build({"stages": {name: parameters.get(name, {}) for name in names}}, ALL, [], where="test")
    pipeline.run(made, root, pipeline.Options(min_free_bytes=0), engine=Inline(), publish=publish)
    return made


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = Root(tmp_path_factory.mktemp("all") / "root")
    _run(root, ORDER)
    return root.path


def _members(root: Root) -> dict[str, list[str]]:
    found = {}
    for path in sorted((root.path / "shards").glob("*.tar")):
        with tarfile.open(path) as tar:
            found[path.name] = tar.getnames()
    return found


@pytest.mark.parametrize("installed", [True, False], ids=["known", "package-gone"])
@pytest.mark.parametrize(
    "kept",
    [("crawl", "chunk", "split", "shard"), ("crawl", "chunk", "bind"), ("crawl",)],
    ids=" ".join,
)
def test_what_a_dropped_stage_made_of_it_goes_too(
    yt360: Any,  # noqa: F811
    complete: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kept: tuple[str, ...],
    installed: bool,
) -> None:
    """Stages that are on by default and no more in the recipe were not looked at: their files and records stayed."""
    root = Root(shutil.copytree(complete, tmp_path / "root"))
    whole = _members(root)
    made = _run(root, kept)
    known = ALL if installed else Registry({n: p for n, p in ALL.stages.items() if n in FAKES.stages or n in kept})
    for module in (run, common, remove):
        monkeypatch.setattr(module, "REGISTRY", known)
    told = json.loads(yt360("remove", "beta", "--root", root.path, "--dry-run", "--json")[1])
    before = {path for path in root.path.rglob("*") if path.is_file()}
    assert yt360("remove", "beta", "--root", root.path, "--yes")[0] == 0
    assert holding(root.path, "beta") == ["state/removed.jsonl"]
    for stage in ORDER:
        assert not [r for r in ledger.read(root.ledger / stage) if "beta" in r.line().decode()], stage
    left = {name: [m for m in members if not m.startswith("beta-")] for name, members in whole.items()}
    assert _members(root) == {name: members for name, members in left.items() if members}
    for other in ("alpha", "gamma", "delta"):
        assert (root.data / "sift" / other / "note.txt").read_text() == f"of {other}"
        assert (root.data / "blur" / f"{other}-00000" / "note.txt").is_file()
    assert (root.path / "books" / "all.txt").exists() == ("bind" in kept)
    gone = {str(path) for path in before if not path.exists() and root.ledger not in path.parents}
    listed = [*told["folders"], *told["files"], *told["edited"], *told["rewritten"]]
    assert not {path for path in gone if not any(path == one or path.startswith(f"{one}/") for one in listed)}
    catalog = DatasetState(root, made.stages)
    assert verify.verify(catalog, workers=1).damaged == []


def test_a_folder_without_a_record_goes_and_another_video_s_of_that_name_stays(
    yt360: Any,  # noqa: F811
    tmp_path: Path,
) -> None:
    """Killed between the files and the record, in a stage that nobody knows any more."""
    root = Root(tmp_path / "root")
    videos = {"walk": 2, "walk-00000": 1}
    stages = {"crawl": {"videos": videos}, "sift": {}, "chunk": {}, "blur": {}}
    made = recipe.build({"stages": stages}, ALL, [], where="test")
    pipeline.run(made, root, pipeline.Options(min_free_bytes=0), engine=Inline(), publish=publish)
    less = recipe.build({"stages": {"crawl": {"videos": videos}, "chunk": {}}}, FAKES, [], where="test")
    pipeline.run(less, root, pipeline.Options(min_free_bytes=0), engine=Inline(), publish=publish)
    unrecorded = root.data / "gone" / "walk"
    unrecorded.mkdir(parents=True)
    (unrecorded / "half.txt").write_text("of walk")
    assert (root.data / "blur" / "walk-00000").is_dir()  # of the video walk
    assert yt360("remove", "walk-00000", "--root", root.path, "--yes")[0] == 0
    assert {path.name for path in (root.data / "sift").iterdir()} == {"walk"}
    assert {path.name for path in (root.data / "blur").iterdir()} == {"walk-00000", "walk-00010"}
    assert unrecorded.is_dir()
    assert yt360("remove", "walk", "--root", root.path, "--yes")[0] == 0
    assert not [path for stage in ("sift", "blur", "gone") for path in (root.data / stage).glob("*")]
