"""What a run says in the end."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.cli.conftest import Command
from tests.stages.fakes import FAKES
from yt360.cli import common, outcome, run
from yt360.engine.storage import Root
from yt360.stages.segment import Segment, SegmentParams

WEIGHTS = "{item}: the weights of 'oneformer' are not there; get them, or name the file with segment.weights=FILE"


@pytest.fixture
def yt360(monkeypatch: pytest.MonkeyPatch, command: Command) -> Callable[..., Any]:
    monkeypatch.setattr(run, "REGISTRY", FAKES)
    monkeypatch.setattr(common, "REGISTRY", FAKES)
    return command


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.yaml"
    stages = {"crawl": {"videos": {"video1": 2, "quiet": 0}}, "chunk": {}, "split": {}, "shard": {}}
    path.write_text(json.dumps({"name": "test", "stages": stages}))
    return path


def test_failures_of_one_cause_are_one_message_whole_to_its_end(tmp_path: Path) -> None:
    failed = [("segment", f"clip{n}", "no-model", WEIGHTS.format(item=f"clip{n}")) for n in range(8)]
    found = outcome.causes(failed)
    assert [(cause.kind, len(cause.items)) for cause in found] == [("no-model", 8)]
    first, second = outcome.told_causes(found, Root(tmp_path))
    assert first.startswith("failed: segment: 8 items, no-model: the weights")
    assert first.endswith("segment.weights=FILE")
    assert second.split(";")[0].strip() == "clip0, clip1, clip2 and 5 more"


def test_failures_that_differ_in_paths_and_numbers_only_are_one_cause() -> None:
    failed = [
        ("validate", "a", "truncated", "/data/a/sound.wv: it ends after 4.0 s, 97.0 s are promised"),
        ("validate", "b", "truncated", "/data/b/video.mp4: it ends after 12 s, 30.5 s are promised"),
        ("validate", "c", "corrupt", "/data/c/video.mp4: it ends after 12 s, 30.5 s are promised"),
    ]
    assert [cause.items for cause in outcome.causes(failed)] == [("a", "b"), ("c",)]


def test_of_a_traceback_the_last_line_is_shown() -> None:
    """F22: the first 300 characters were shown, and never what went wrong."""
    traceback = 'Traceback (most recent call last):\n  File "x.py", line 3, in f\n    g()\nValueError: 7 is too many\n'
    (cause,) = outcome.causes([("chunk", "a", "unexpected", traceback)])
    assert cause.words == "ValueError: 7 is too many"


def test_a_run_ends_with_the_reasons_the_result_and_the_next_commands(
    yt360: Callable[..., Any], recipe: Path, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    code, out, _ = yt360("run", recipe, "--root", root, "--min-free-gb", 0)
    assert code == 0
    assert "1 filtered: silent (no stretch has enough sound for a clip)" in out
    assert f"hours: {root}/manifests/clips.parquet, " in out
    assert out.count("result: 2 clips of 1 video, ") == 1
    commands = out[out.index("next:") :]
    for command in (f"report --root {root}", f"explain quiet --root {root}", f"verify --root {root}", "train tiny"):
        assert f"  yt360 {command}" in commands


def test_a_stage_alone_and_a_quiet_run_name_no_next_command(
    yt360: Callable[..., Any], recipe: Path, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    code, out, err = yt360("run", recipe, "--root", root, "--min-free-gb", 0, "-q")
    assert (code, err) == (0, "")
    assert "result: 2 clips" in out
    assert "next:" not in out
    assert "next:" not in yt360("chunk", "--root", root, "--min-free-gb", 0)[1]


def test_where_nothing_came_through_no_training_is_proposed(
    yt360: Callable[..., Any], recipe: Path, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    _, out, _ = yt360("run", recipe, "--root", root, "--min-free-gb", 0, "--set", "crawl.videos={quiet: 0}")
    assert "result: no clips: nothing came through all stages" in out
    assert "yt360 explain quiet" in out
    assert "yt360 train" not in out


def test_quiet_and_verbose_exclude_each_other(yt360: Callable[..., Any], recipe: Path, tmp_path: Path) -> None:
    code, _, err = yt360("run", recipe, "--root", tmp_path / "root", "-q", "-v")
    assert code == 2
    assert "exclude each other" in err


def test_a_stage_that_its_parameters_switch_off_is_said_to_be_off(command: Command, tmp_path: Path) -> None:
    segment = Segment(SegmentParams(model="none"), None)
    assert list(outcome.told_off([segment, Segment(SegmentParams(), None)])) == ["    segment: off (no model)"]
    path = tmp_path / "recipe.yaml"
    crawl = {"source": str(tmp_path / "videos")}
    stages = {"crawl": crawl, "validate": {}, "chunk": {}, "segment": {"model": "none"}}
    path.write_text(json.dumps({"name": "test", "stages": stages}))
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "text.mp4").write_text("no video")
    for words in (["run", path, "--min-free-gb", 0, "--workers", 1], ["status"]):
        _, out, err = command(*words, "--root", tmp_path / "root")
        assert "segment: off (no model)" in out, err


def test_a_manifest_with_text_that_is_no_utf8_is_none_to_the_result_and_the_next_run_mends_it(
    yt360: Callable[..., Any], recipe: Path, tmp_path: Path
) -> None:
    """It ended in a UnicodeDecodeError where the flipped bit was in a text that no checksum was asked about."""
    root = Root(tmp_path / "root")
    assert yt360("run", recipe, "--root", root.path, "--min-free-gb", 0)[0] == 0
    path = root.manifests / "clips.parquet"
    whole = path.read_bytes()
    pq.write_table(pq.read_table(path), path, compression="none", use_dictionary=False, write_statistics=False)
    path.write_bytes(path.read_bytes().replace(b"video1", b"vid\xe5o1"))
    assert outcome.result(root) == ""
    assert yt360("run", recipe, "--root", root.path, "--min-free-gb", 0)[0] == 0
    assert path.read_bytes() == whole


def test_a_path_is_said_as_it_is_seen_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert common.from_here(tmp_path / "here" / "data" / "report.html") == "data/report.html"
    assert common.from_here(Path("..data")) == "..data"
    assert common.from_here(tmp_path / "there") == str(tmp_path / "there")
