"""Inputs of public bug reports that lie beside the checkout: lists, tables, cookies, takedowns, evaluation inputs."""

from __future__ import annotations

import json
import runpy
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests import SHARED
from tests.crawling.conftest import tube  # noqa: F401  (fixture)
from tests.crawling.tube import PICTURES, SOUNDS, Tube, offer
from tests.stages.fakes import Dataset
from yt360.cli import main
from yt360.cli.takedown import meant
from yt360.crawling.access import Access
from yt360.crawling.listing import Listed
from yt360.crawling.rate_limit import RateLimiter
from yt360.crawling.sources import expand_sources
from yt360.crawling.targets import CrawlTarget
from yt360.engine import pipeline
from yt360.engine.recipe import Recipe
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.storage import Root
from yt360.errors import UsageError
from yt360.hashing import safe_id
from yt360.stages.crawl import Crawl, CrawlParams

CASES = SHARED / "cases" / "pipeline"
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the cases are not beside this checkout")

A, B = "dQw4w9WgXcQ", "AAAAAAAAAAA"


def _nothing(url: str) -> Iterator[CrawlTarget]:
    raise AssertionError(f"{url} was asked for")


def _read(*sources: Path) -> tuple[list[str], dict[str, Any]]:
    """Ids and what tables say of them."""
    listed = Listed()
    found = [target.name for target in expand_sources([str(path) for path in sources], _nothing, listed.note)]
    return found, listed.said


LISTS = {
    "cr-only.txt": [A, B],
    "crlf.txt": [A, B],
    "dups.txt": [A],
    "latin1.txt": [A],
    "nonl.txt": [A],
    "quoted.txt": [A],
    "sphere360-urls.txt": [A],
    "trailing-id.txt": [A],
    "trailing-tab.txt": [A],
    "trailing-url.txt": [A],
    "utf16.txt": [A, B],
}
REFUSED_LISTS = {
    "blank.txt": "found none",
    "bomonly.txt": "found none",
    "empty.txt": "found none",
    "commas.txt": "line 1",
    "id-split.txt": "line 1",
    "sc2.txt": "line 1",
    "segments.txt": "line 1",
    "semicolon-comment.txt": "line 1",
    "sphere360-ids.txt": "line 1",
    "two-ids.txt": "line 1",
}


def test_every_list_has_an_answer() -> None:
    assert {path.name for path in (CASES / "lists").glob("*.txt")} <= {*LISTS, *REFUSED_LISTS}


@pytest.mark.parametrize("name", LISTS)
def test_lists_are_the_right_videos_and_ask_nobody(name: str) -> None:
    assert _read(CASES / "lists" / name)[0] == LISTS[name]


@pytest.mark.parametrize("name", REFUSED_LISTS)
def test_lists_that_say_something_else_are_refused_by_their_line(name: str) -> None:
    with pytest.raises(UsageError, match=REFUSED_LISTS[name]):
        _read(CASES / "lists" / name)


def _segments(*pairs: list[float], **more: Any) -> dict[str, Any]:
    return {"segments": list(pairs), **more}


ONE = {A: _segments([5, 15])}
TABLES = {
    "UPPER.TSV": {A: _segments([0, 10])},
    "audioset.csv": {A: _segments([30, 40])},
    "camel.csv": {A: _segments([690.9, 700.9])},
    "dup-rows.csv": ONE,
    "excel-empty-rows.csv": {B: _segments([1, 11])},
    "id-and-url.csv": {},
    "imagine360-renamed.csv": {A: _segments([690.9, 700.9])},
    "imagine360.csv": {A: _segments([690.9, 700.9])},
    "kinetics.csv": {A: _segments([5, 15], split="train")},
    "kinetics400.csv": {A: _segments([5, 15], split="train")},
    "longrow.csv": ONE,
    "row-number-id.csv": {A: _segments([5, 15]), B: _segments([5, 15])},
    "shortrow.csv": ONE,
    "startsec.csv": ONE,
    "two-spellings.csv": {A: _segments([0, 10], [10, 20]), B: _segments([0, 10])},
    "url-and-rownum.csv": {},
    "url-time.csv": {A: _segments([0, 10], [10, 20], [20, 30], split="train")},
    "videoID.csv": ONE,
    "ytid-space.csv": ONE,
}
REFUSED_TABLES = {
    "beg.csv": "'duration'",
    "comment-after.csv": "line 2",
    "decimalcomma.csv": "found '1,5'",
    "hms.csv": "found '00:01:05'",
    "semicolon.csv": "separated by commas",
    "tabs.csv": "separated by commas",
    "two-splits.csv": "one side",
    "two-starts.csv": "start and starttime that differ",
    "vggsound.csv": "column names",
    "t.json": "extension 'json'",
    "t.jsonl": "extension 'jsonl'",
    "t.parquet": "extension 'parquet'",
}


def test_every_table_has_an_answer() -> None:
    names = {path.name for path in (CASES / "tables").iterdir()} - {"truth.json", "playlist-in-table.csv"}
    assert names <= {*TABLES, *REFUSED_TABLES}


@pytest.mark.parametrize("name", TABLES)
def test_tables_mean_what_they_say(name: str) -> None:
    ids, said = _read(CASES / "tables" / name)
    assert said == TABLES[name]
    assert set(said) <= set(ids) <= {A, B}


@pytest.mark.parametrize("name", REFUSED_TABLES)
def test_tables_that_cannot_be_understood_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match=REFUSED_TABLES[name]):
        _read(CASES / "tables" / name)


@pytest.mark.parametrize(
    ("sources", "right"),
    [
        (["spellings.csv"], {"0027-clean": [[0, 4], [4, 8]], "0029-clean": [[0, 4]]}),
        (["a.csv", "b.csv"], {"0027-clean": [[0, 4], [4, 8]]}),
        (["ids.txt", "a.csv"], {"0027-clean": [[0, 4]]}),
        (["dups.csv"], {"0027-clean": [[0, 4], [2, 6], [8, 200], [500, 510], [0, 4.5]]}),
        (["atrain.csv", "btest.csv"], None),
    ],
)
def test_segments_of_several_rows_spellings_and_tables_are_joined(
    tmp_path: Path, sources: list[str], right: dict[str, Any] | None
) -> None:
    shutil.copytree(CASES / "table-segments", tmp_path, dirs_exist_ok=True)
    for name in ("0027-clean.mkv", "0029-clean.mkv"):
        (tmp_path / name).write_bytes(b"x")
    if right is None:
        with pytest.raises(UsageError, match="one side"):
            _read(*(tmp_path / name for name in sources))
        return
    said = _read(*(tmp_path / name for name in sources))[1]
    assert {name: notes["segments"] for name, notes in said.items()} == right


NAMES = [safe_id("My Video 1.0 (Clean Version)"), safe_id("日本語 360°")]


@pytest.mark.parametrize(
    ("name", "listed"), [("names.txt", NAMES), ("trailing.txt", NAMES), ("bom-name.txt", NAMES[:1])]
)
def test_listed_videos_are_in_test(tmp_path: Path, name: str, listed: list[str]) -> None:
    dataset = Dataset(tmp_path / "root")
    dataset.run({**dict.fromkeys(NAMES, 1), "other": 1}, split={"test_list": str(CASES / "split-lists" / name)})
    videos = pd.read_parquet(dataset.root.manifests / "videos.parquet").set_index("video")["split"]
    assert [videos[video] for video in listed] == ["test"] * len(listed)


@pytest.mark.parametrize("path", sorted((CASES / "cookies").glob("*.txt")), ids=lambda path: path.name)
def test_cookies_that_yt_dlp_cannot_use_are_refused_and_not_repeated(path: Path) -> None:
    access = Access(cookies_file=path)
    if path.name in ("crlf.txt", "bom.txt"):
        access.require_secrets()
        return
    with pytest.raises(UsageError, match=r"cookies\.txt file") as refused:
        access.require_secrets()
    assert path.name in str(refused.value)
    assert "SECRETVALUE" not in str(refused.value)


QUICK = {"request_pause_s": 0, "retry_pause_s": 0, "youtube_pause_s": (0, 0), "youtube_videos_per_hour": 1e9,
         "retries": 0, "min_free_gb": 0}  # fmt: skip


@pytest.mark.parametrize("name", ["sources.txt", "with-empty.txt", "with-private-list.txt"])
def test_a_gone_listing_costs_itself_only(tmp_path: Path, tube: Tube, name: str) -> None:  # noqa: F811
    for video in ("AAAAAAAAAAA", "BBBBBBBBBBB", "CCCCCCCCCCC"):
        offer(tube, video, SOUNDS + PICTURES)
    tube.lists["https://www.youtube.com/@gone"] = {"error": "This channel does not exist."}
    tube.lists["https://www.youtube.com/playlist?list=PLprivate"] = {"error": "This playlist is private"}
    tube.lists["https://www.youtube.com/@alive"] = {"entries": [{"id": "CCCCCCCCCCC"}]}
    tube.lists["https://www.youtube.com/@empty"] = {"entries": []}
    source = str(CASES / "gone-channel" / name)
    stage = Crawl(CrawlParams.model_validate({"source": source, "access": QUICK, "check_arrived": False}))
    options = pipeline.Options(workers=1, min_free_bytes=0, quiet=True)
    result = pipeline.run(Recipe("test", (stage,)), Root(tmp_path / "root"), options)
    assert [record.kind for record in result.failed] == {"sources.txt": ["not-found"], "with-empty.txt": []}.get(
        name, ["private"]
    )
    assert result.stages[0].counts["done"] == (3 if name == "sources.txt" else 2)


def test_another_host_that_leads_there_has_youtube_s_pace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sites: list[str] = []
    monkeypatch.setattr(RateLimiter, "__init__", lambda self, folder, site, access: sites.append(site))
    monkeypatch.setattr(RateLimiter, "call", lambda self, attempt: None)
    found = []
    for name in ("yewtu.txt", "yt.txt"):
        stage = Crawl(CrawlParams(source=str(CASES / "other-host" / name)))
        root = Root(tmp_path / name)
        root.create()
        items = list(stage.plan(DatasetState(root, [stage])))
        for item in items:
            stage.look(item, root.state)
        found.append([(item.id, stage.key(item)) for item in items])
    assert found[0] == found[1]
    assert sites == ["youtube"] * 8


def test_a_takedown_by_address_means_the_video(tmp_path: Path) -> None:
    root = Root(tmp_path / "root")
    root.create()
    stage = Crawl(CrawlParams(source=str(CASES / "remove-by-url" / "ids.txt")))
    state = DatasetState(root, [stage])
    state.save_plan(stage, list(stage.plan(state)))
    for asked in (
        "https://www.youtube.com/watch?v=AAAAAAAAAAA",
        "https://youtu.be/BBBBBBBBBBB",
        "youtu.be/AAAAAAAAAAA",
    ):
        assert [stone.id for stone in meant(state, "crawl", asked)] == [asked[-11:]]


def test_panoptic_evaluation_refuses_what_would_be_invented(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["make.py", str(tmp_path)])
    runpy.run_path(str(CASES / "coco" / "make.py"))
    right = {
        "same": 0, "reordered-categories": 0, "results-only-annotations": 0, "extra-category-field": 0,
        "png-id-not-in-json": 1, "unknown-category": 2, "no-isthing": 2,
    }  # fmt: skip
    for name, code in right.items():
        with pytest.raises(SystemExit) as ended:
            main.main(["maps", "evaluate", str(tmp_path / "gt.json"), str(tmp_path / f"{name}.json"), "--json"])
        out = capsys.readouterr().out
        assert bool(ended.value.code) == bool(code), name
        assert code or json.loads(out)["pixels"]["miou"] == 100.0, name
    with pytest.raises(SystemExit) as ended:
        main.main(["maps", "evaluate", str(tmp_path / "gt-two.json"), str(tmp_path / "found-two.json")])
    assert ended.value.code == 2
    assert "'a.jpg'" in capsys.readouterr().err


def test_quirks_of_the_action_data_sets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from yt360.evaluation.tasks import action_data

    monkeypatch.setitem(sys.modules, "yt360.evaluation.action_data", action_data)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    runpy.run_path(str(CASES / "action" / "quirks.py"))
    said = dict(line.split(": ", 1) for line in capsys.readouterr().out.splitlines())
    read = {name for name, text in said.items() if text.startswith("ok")}
    assert not [name for name, text in said.items() if text.startswith("CRASH")]
    assert {"handstand file vs folder spelling", "test list with labels", "tab between", "BOM in classInd",
            "double space in classInd", "hmdb special characters", "hmdb with macOS ._ files"} <= read  # fmt: skip
    assert not read & {
        "list spells folder HandStandPushups",
        "classes numbered from 0",
        "mp4 re-encodes",
        "backslashes",
    }
