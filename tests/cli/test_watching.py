"""What one sees of a run: its summary, its log for machines, and `status --follow`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command
from tests.engine.conftest import run_inline
from tests.engine.toys import REGISTRY
from yt360.cli import common, run
from yt360.engine import recipe
from yt360.engine.storage import Root


def _counting(count: int) -> recipe.Recipe:
    return recipe.build({"stages": {"count": {"count": count}, "second": {}}}, REGISTRY, [], where="test")


@pytest.fixture
def yt360(monkeypatch: pytest.MonkeyPatch, command: Command) -> Callable[..., Any]:
    for module in (common, run):
        monkeypatch.setattr(module, "REGISTRY", REGISTRY)
    monkeypatch.setattr(run, "publish", None)
    return command


def test_verbose_summary_tells_throughput_time_bytes_and_the_three_slowest(
    yt360: Callable[..., Any], tmp_path: Path
) -> None:
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps({"stages": {"count": {"count": 14}, "second": {}}}))
    code, out, _ = yt360("run", path, "--root", tmp_path / "root", "--min-free-gb", 0, "-v")
    assert code == 0
    header, first, second, *slowest = out.splitlines()[:6]
    assert header.split()[-4:] == ["on", "seconds", "rate", "written"]
    assert first.split()[:2] == ["count", "14"]
    assert first.split()[-3].endswith("/s")
    assert second.split()[-2:] == ["0.0", "MB"]
    named = [line.removeprefix("slowest: ").split(", ") for line in slowest]
    seconds = [float(words[0].removesuffix(" s")) for words in named]
    assert seconds == sorted(seconds, reverse=True)
    assert all(words[1] in ("count", "second") and words[2].startswith("item") for words in named)
    assert "slowest" not in yt360("run", path, "--root", tmp_path / "root", "--min-free-gb", 0)[1]


def test_log_has_a_line_of_json_for_each_item_and_stage_and_for_the_end(tmp_path: Path) -> None:
    root = Root(tmp_path / "root")
    run_inline(root, _counting(3))
    lines = [json.loads(line) for path in root.logs.glob("*.jsonl") for line in path.open()]
    assert {line["run"] for line in lines} == {next(root.logs.glob("*.jsonl")).stem}
    items = [(line["stage"], line["item"], line["status"]) for line in lines if line["event"] == "item"]
    assert items == [(stage, f"item{n:08d}", "done") for stage in ("count", "second") for n in range(3)]
    stages = {line["stage"]: line for line in lines if line["event"] == "stage"}
    assert (stages["second"]["planned"], stages["second"]["counts"], stages["second"]["bytes"] > 0) == (
        3,
        {"done": 3},
        True,
    )
    assert (lines[-1]["event"], lines[-1]["ok"]) == ("run-ended", True)


def test_follow_prints_again_when_something_changed_and_ends_with_ctrl_c(
    yt360: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Root(tmp_path / "root")
    run_inline(root, _counting(2))
    happens: Iterator[Callable[[], object]] = iter([lambda: None, lambda: run_inline(root, _counting(5))])

    def sleep(seconds: float) -> None:
        assert seconds == 0.5
        try:
            next(happens)()
        except StopIteration:
            raise KeyboardInterrupt from None

    monkeypatch.setattr("yt360.cli.status.time.sleep", sleep)
    code, out, _ = yt360("status", "--root", root.path, "--follow", "--every", 0.5)
    assert code == 130
    assert out.count("UTC") == 1  # the first look found nothing new
    counted = [line.split()[:2] for line in out.splitlines() if line.startswith("count")]
    assert counted == [["count", "2"], ["count", "5"]]
