"""The stage and the source that the documentation writes: taken out of its pages, installed as packages, and used."""

from __future__ import annotations

import importlib
import io
import json
import os
import re
import shlex
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest

from tests import CHECKOUT
from tests.cli.conftest import Command
from yt360.crawling.sources import expand_sources
from yt360.crawling.targets import CrawlTarget
from yt360.engine.executors import local
from yt360.engine.executors.base import Task
from yt360.errors import UsageError

DOCS = CHECKOUT / "docs"
Install = Callable[[Path], None]
TUTORIAL, SOURCES = DOCS / "tutorials" / "write-a-stage.md", DOCS / "how-to" / "add-a-source.md"

ACCEPTING = """
from yt360.engine.stage import Done, Stage

class Validate(Stage):
    name, inputs, after = "validate", {"video": "crawl.video"}, ("crawl",)

    def process(self, item, context):
        return Done()
"""


def _blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def _file(page: Path, language: str, name: str) -> str:
    return next(text for text in _blocks(page, language) if text.startswith(f"# {name}\n"))


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Installs the package of a page as pip would: its module, and its metadata with the entry points."""

    def install(page: Path) -> None:
        site = tmp_path / "site"
        project = tomllib.loads(_file(page, "toml", "pyproject.toml"))["project"]
        module = project["name"].replace("-", "_")
        about = site / f"{module}-{project['version']}.dist-info"
        about.mkdir(parents=True)
        (site / f"{module}.py").write_text(_file(page, "python", f"{module}.py"))
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 1.0\n")
        (about / "RECORD").write_text(f"{module}.py,,\n")
        points = {f"[{group}]": names for group, names in project["entry-points"].items()}
        lines = [line for group, names in points.items() for line in (group, *(f"{n} = {p}" for n, p in names.items()))]
        (about / "entry_points.txt").write_text("\n".join(lines) + "\n")
        monkeypatch.syspath_prepend(str(site))
        monkeypatch.delitem(sys.modules, module, raising=False)

    return install


def _video(path: Path, level: int) -> None:
    """Half a second of one grey."""
    with av.open(str(path), "w") as media:
        stream = media.add_stream("mpeg4", rate=8)
        stream.width, stream.height, stream.pix_fmt = 64, 32, "yuv420p"
        picture = np.full((32, 64, 3), level, np.uint8)
        for _ in range(4):
            media.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        media.mux(stream.encode(None))


@pytest.fixture
def page_run(install: Install, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs a line of the tutorial in a folder with its recipe and videos; gives exit code, output and errors."""
    install(TUTORIAL)
    (tmp_path / "videos").mkdir()
    _video(tmp_path / "videos" / "night.mp4", 10)
    _video(tmp_path / "videos" / "day.mp4", 200)
    # Tiny grey videos are no 360° videos: one that keeps them all takes validate's place, none goes on to chunk.
    (tmp_path / "site" / "accepting.py").write_text(ACCEPTING)
    recipe = _file(TUTORIAL, "yaml", "recipe.yaml").replace("validate: {}", "validate: {use: 'accepting:Validate'}")
    lines = [line for line in recipe.splitlines() if not line.strip().startswith(("chunk", "split", "shard"))]
    (tmp_path / "recipe.yaml").write_text("\n".join(lines))
    monkeypatch.chdir(tmp_path)

    def run(line: str, *more: str) -> tuple[int, str, str]:
        assert line in TUTORIAL.read_text(encoding="utf-8")
        return command(*shlex.split(line)[1:], *more)

    return run


def test_the_stage_of_the_tutorial_has_all_that_a_built_in_one_has(
    page_run: Callable[..., Any], tmp_path: Path
) -> None:
    code, out, err = page_run("yt360 run recipe.yaml --root data --workers 2", "--min-free-gb", "0")
    assert code == 0, err
    assert next(line for line in out.splitlines() if line.startswith("dark")).split()[:4] == ["dark", "1", "1", "0"]
    assert "1 filtered: dark" in page_run("yt360 status --root data")[1]
    told = json.loads(page_run("yt360 explain night --root data", "--json")[1])
    assert (told["verdict"], told["history"][-1]["reason"]) == ("filtered", "dark")
    assert 0 < told["history"][-1]["measures"]["luma"] < 40
    assert page_run("yt360 verify --root data")[0] == 0
    kept = json.loads((tmp_path / "data" / "recipe.json").read_text())["stages"]["dark"]
    assert (kept["use"], kept["package"]) == ("yt360_dark:Dark", "yt360-dark==1.0")

    # A new threshold decides again and decodes nothing: the video is gone, and the verdict still changes.
    (tmp_path / "videos" / "night.mp4").unlink()
    for video in (tmp_path / "data" / "data").rglob("video.mp4"):
        video.unlink()
    code, out, err = page_run("yt360 dark --root data -p least_luma=5", "--min-free-gb", "0")
    assert code == 0, err
    assert next(line for line in out.splitlines() if line.startswith("dark")).split()[:4] == ["dark", "2", "0", "0"]


@pytest.mark.slow
def test_the_stage_of_the_tutorial_runs_on_ray(
    page_run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray", reason="no Ray here: pip install 'yt360[ray]'")
    paths = [str(tmp_path / "site"), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    code, out, err = page_run("yt360 run recipe.yaml --root data --workers 2", "--engine", "ray", "--min-free-gb", "0")
    assert code == 0, err
    assert next(line for line in out.splitlines() if line.startswith("dark")).split()[:4] == ["dark", "1", "1", "0"]


def test_a_worker_without_the_package_says_what_is_missing() -> None:
    stage = SimpleNamespace(stage="yt360_gone:Dark", params={}, thresholds={}, root="r", run="x")
    status, said = local._call(Task("yt360.engine.stage_run:attempt", stage, 1.0, ""), {})
    assert status == "refused"
    assert said.startswith("the stage's class is yt360_gone:Dark, and there is no module 'yt360_gone'")


def test_an_announced_stage_is_listed_with_the_commands(install: Install, command: Command) -> None:
    install(TUTORIAL)
    assert re.search(r"\n  dark +A stage of yt360-dark==1.0", command("--help")[1])
    assert "--root" in command("dark", "--help")[1]


def test_a_root_whose_stage_is_not_installed_says_what_to_install(
    install: Install,
    command: Command,
    tmp_path: Path,
) -> None:
    stages = {"crawl": {}, "dark": {"use": "yt360_gone:Dark", "package": "yt360-gone==1.0"}}
    root = tmp_path / "root"
    for folder in ("ledger", "state"):
        (root / folder).mkdir(parents=True)
    (root / "recipe.json").write_text(json.dumps({"name": "x", "stages": stages}))
    for words in (("status",), ("explain", "day"), ("verify",), ("dark",)):
        code, _, err = command(*words, "--root", root)
        assert code == 2, err
        assert "stage 'dark' is yt360_gone:Dark" in err
        assert "pip install 'yt360-gone==1.0'" in err


def _no_listing(address: str) -> Iterator[CrawlTarget]:
    raise AssertionError(address)


def test_the_source_of_the_how_to_lists_the_videos_of_a_record(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(SOURCES)
    yt360_zenodo = importlib.import_module("yt360_zenodo")
    answer = json.dumps({"files": [{"key": "b.mp4"}, {"key": "a c.webm"}, {"key": "notes.pdf"}]})
    asked: list[str] = []

    def urlopen(address: str, timeout: float) -> io.StringIO:
        asked.append(address)
        return io.StringIO(answer)

    monkeypatch.setattr(yt360_zenodo.urllib.request, "urlopen", urlopen)
    found = list(expand_sources("zenodo:77", _no_listing))
    assert asked == ["https://zenodo.org/api/records/77"]
    assert [target.name for target in found] == ["77-a_c", "77-b"]
    assert found[1].where == {"video": "https://zenodo.org/records/77/files/b.mp4?download=1"}


def test_whatever_a_source_raises_names_the_source(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install(SOURCES)
    yt360_zenodo = importlib.import_module("yt360_zenodo")

    def urlopen(address: str, timeout: float) -> io.StringIO:
        return io.StringIO("<html>")

    monkeypatch.setattr(yt360_zenodo.urllib.request, "urlopen", urlopen)
    with pytest.raises(UsageError, match=r"zenodo:77 \(yt360_zenodo:videos\) failed: JSONDecodeError"):
        list(expand_sources("zenodo:77", _no_listing))
    monkeypatch.setattr(yt360_zenodo, "json", SimpleNamespace(load=lambda _: {"files": []}))
    with pytest.raises(UsageError, match="found no video in it"):
        list(expand_sources("zenodo:77", _no_listing))
