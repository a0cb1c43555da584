"""A static folder: the same page on any web server, with what was chosen and nothing else."""

from __future__ import annotations

import functools
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.stages.fakes import FAKES, Dataset
from tests.view.pages import Page, until
from yt360.errors import UsageError
from yt360.view.export import chosen_clips, export
from yt360.view.viewed_root import ViewedRoot


@pytest.fixture(scope="module")
def viewed(tmp_path_factory: pytest.TempPathFactory) -> ViewedRoot:
    made = Dataset(tmp_path_factory.mktemp("clips") / "root")
    made.run({"one": 2, "two": 1, "quiet": 0}, workers=1)
    return ViewedRoot(made.root, FAKES)


@pytest.fixture(scope="module")
def folder(viewed: ViewedRoot, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "site"
    export(viewed, path, ["one-00010"])
    return path


@pytest.fixture
def address(folder: Path) -> Iterator[str]:
    """A web server that knows nothing of yt360."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *words: Any) -> None:
            asked.append(words[1] if len(words) > 1 else "")

    asked: list[Any] = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


def test_it_holds_what_was_chosen_and_nothing_of_other_videos(folder: Path, viewed: ViewedRoot) -> None:
    assert [path.name for path in (folder / "data" / "clips").iterdir()] == ["one-00010"]
    assert [path.name for path in (folder / "data" / "videos").iterdir()] == ["one.json"]
    table = json.loads((folder / "data" / "videos.json").read_text())
    assert table["columns"]["id"] == ["one"]
    assert [clip["id"] for clip in json.loads((folder / "data" / "videos" / "one.json").read_text())["clips"]] == [
        "one-00010"
    ]
    payload = viewed.payload("one-00010")
    for name in payload.names():
        assert (folder / "data" / "clips" / "one-00010" / name).read_bytes() == payload.read(name).data
    for path in folder.rglob("*.json"):
        text = path.read_text(encoding="utf-8")
        assert "two" not in text
        assert "quiet" not in text
        assert str(viewed.root.path) not in text


def test_a_browser_shows_it_from_any_web_server(folder: Path, address: str, browser: Any) -> None:
    page = Page(browser).open(f"{address}#clip=one-00010&az=30&el=-10&fov=80")
    until(lambda: page.js("return document.querySelector('.player canvas') !== null"), "the player")
    until(lambda: page.text(".player").find("1.0 s") >= 0, "how long the clip is")
    until(lambda: "az=30" in page.js("return location.hash"), "the direction of the link")
    assert page.js("return document.querySelector('.labelling').offsetParent") is None
    assert page.texts("[data-tab]") == ["videos", "thresholds"]
    assert page.errors() == []


def test_a_video_stands_for_its_clips(viewed: ViewedRoot) -> None:
    assert chosen_clips(viewed, ["two", "one-00010", "one"]) == ["two-00000", "one-00010", "one-00000"]
    with pytest.raises(UsageError, match="did you mean"):
        chosen_clips(viewed, ["one-0001"])


def test_a_folder_that_is_there_is_not_touched(viewed: ViewedRoot, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    with pytest.raises(UsageError, match="something there"):
        export(viewed, tmp_path / "site", ["one-00000"])
    with pytest.raises(UsageError, match="at least one"):
        export(viewed, tmp_path / "other", [])
    with pytest.raises(UsageError, match="no clip"):
        export(viewed, tmp_path / "other", ["nobody"])
    assert [path.name for path in tmp_path.iterdir()] == ["site"]
