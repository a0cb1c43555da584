"""run, the stage commands, status, explain and verify, as people script against them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import CHECKOUT
from tests.cli.conftest import Command
from tests.stages.fakes import FAKES
from yt360.cli import common, explain, plain_text, run
from yt360.engine import pipeline

VIDEOS = {"video1": 2, "video2": 1, "quiet": 0}


@pytest.fixture
def yt360(monkeypatch: pytest.MonkeyPatch, command: Command) -> Callable[..., Any]:
    """Runs a command in this process; gives its exit code and standard output."""
    monkeypatch.setattr(run, "REGISTRY", FAKES)
    monkeypatch.setattr(common, "REGISTRY", FAKES)
    return command


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.yaml"
    stages = {"crawl": {"videos": VIDEOS}, "chunk": {}, "split": {}, "shard": {}}
    path.write_text(json.dumps({"name": "test", "stages": stages}))
    return path


@pytest.mark.usefixtures("worker_processes")
def test_run_then_ask(yt360: Callable[..., Any], recipe: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    code, out, _ = yt360("run", recipe, "--root", root, "--workers", 2, "--min-free-gb", 0)
    assert code == 0
    assert out.splitlines()[0].split()[:4] == ["stage", "kept", "filtered", "failed"]

    code, out, _ = yt360("status", "--root", root, "--json")
    status = {stage["stage"]: stage for stage in json.loads(out)["stages"]}
    assert code == 0
    assert (status["chunk"]["done"], status["chunk"]["filtered"], status["chunk"]["waiting"]) == (2, 1, 0)
    assert status["chunk"]["reasons"] == {"silent": 1}
    assert status["shard"]["bytes"] > 0
    shown = yt360("status", "--root", root)[1]
    assert shown.split()[:4] == ["stage", "kept", "filtered", "failed"]
    assert "1 filtered: silent" in shown

    code, out, _ = yt360("explain", "quiet", "--root", root, "--json")
    told = json.loads(out)
    assert (told["verdict"], told["history"][-1]["reason"]) == ("filtered", "silent")
    told = json.loads(yt360("explain", "video1-00010", "--root", root, "--json")[1])
    assert (told["video"], told["verdict"]) == ("video1", "kept")
    assert [event["stage"] for event in told["history"]] == ["crawl", "chunk", "split", "shard"]
    assert "nothing to hear" in yt360("explain", "quiet", "--root", root)[1]

    code, out, _ = yt360("verify", "--root", root, "--json")
    assert (code, json.loads(out)["ok"], json.loads(out)["damaged"]) == (0, True, [])
    next((root / "shards").glob("*.tar")).write_bytes(b"")
    code, out, _ = yt360("verify", "--root", root, "--json")
    assert (code, len(json.loads(out)["damaged"])) == (1, 1)
    assert yt360("run", recipe, "--root", root, "--min-free-gb", 0)[0] == 0
    assert yt360("verify", "--root", root)[0] == 0


def test_stages_one_by_one_give_the_same_as_a_run(yt360: Callable[..., Any], recipe: Path, tmp_path: Path) -> None:
    whole, steps = tmp_path / "whole", tmp_path / "steps"
    yt360("run", recipe, "--root", whole, "--min-free-gb", 0)
    for stage in ("crawl", "chunk", "split", "shard"):
        words = ["--set", f"crawl.videos={json.dumps(VIDEOS)}"] if stage == "crawl" else []
        assert yt360(stage, "--root", steps, "--min-free-gb", 0, *words)[0] == 0
    for path in sorted(whole.glob("shards/*")) + sorted(whole.glob("manifests/*")):
        assert (steps / path.relative_to(whole)).read_bytes() == path.read_bytes()


def test_stage_before_its_predecessor_does_nothing_and_says_how_many_wait(
    yt360: Callable[..., Any], tmp_path: Path
) -> None:
    code, out, _ = yt360("shard", "--root", tmp_path / "root", "--min-free-gb", 0)
    assert code == 0
    assert out.splitlines()[1].split()[:6] == ["shard", "0", "0", "0", "0", "0"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["status", "--root", "{tmp}/none"], "expected the root of a dataset"),
        (["explain", "x", "--root", "{tmp}/none"], "expected the root of a dataset"),
        (["run", "{tmp}/none.yaml", "--root", "{tmp}/r"], "none.yaml"),
        (["run", "{recipe}", "--root", "{recipe}"], "expected a folder"),
        (["run", "{recipe}", "--root", "{tmp}/r", "--set", "chunk.tone=1"], "did you mean 'tone_hz'"),
        (["run", "{recipe}", "--root", "{tmp}/r", "--set", "chunk.tone_hz=loud"], "chunk.tone_hz"),
        (["run", "{recipe}", "--root", "{tmp}/r", "--workers", "0"], "--workers"),
        (["run", "{recipe}"], "--root"),
        (["segment", "--root", "{tmp}/r"], "no stage 'segment'"),
        (["nonsense"], "nonsense"),
    ],
)
def test_wrong_use_exits_with_2_and_says_what_to_do(
    yt360: Callable[..., Any], recipe: Path, tmp_path: Path, words: list[str], message: str
) -> None:
    code, _, err = yt360(*[word.format(tmp=tmp_path, recipe=recipe) for word in words])
    assert code == 2
    assert message in err


def test_full_disk_exits_with_1_and_names_the_floor(yt360: Callable[..., Any], recipe: Path, tmp_path: Path) -> None:
    code, _, err = yt360("run", recipe, "--root", tmp_path / "r", "--min-free-gb", 1e9)
    assert code == 1
    assert "--min-free-gb" in err


def test_explain_of_something_unknown_says_where_to_look(
    yt360: Callable[..., Any], recipe: Path, tmp_path: Path
) -> None:
    yt360("run", recipe, "--root", tmp_path / "r", "--min-free-gb", 0)
    code, _, err = yt360("explain", "nobody", "--root", tmp_path / "r")
    assert code == 2
    assert "videos.parquet" in err
    assert "did you mean" not in err


def test_explain_of_a_mistyped_id_names_those_that_are_near(
    yt360: Callable[..., Any], recipe: Path, tmp_path: Path
) -> None:
    yt360("run", recipe, "--root", tmp_path / "r", "--min-free-gb", 0)
    code, _, err = yt360("explain", "quite", "--root", tmp_path / "r")
    assert code == 2
    assert "did you mean 'quiet'?" in err


@pytest.mark.parametrize("text", ["\x1b[31mred\x1b[0m", "\u202etxt.exe", "a\nb\tc", "x" * 5000])
def test_text_from_outside_cannot_paint_the_terminal(text: str) -> None:
    shown = plain_text.clean(text)
    assert len(shown) <= 300
    assert shown.isprintable()


def test_the_data_half_never_imports_torch() -> None:
    checked = "; ".join(
        f"import {module}"
        for module in (
            "yt360.cli.main",
            "yt360.cli.run",
            "yt360.stages.chunk",
            "yt360.stages.validate",
            "yt360.stages.stills",
            "yt360.stages.voiceover",
            "yt360.stages.crawl",
            "yt360.stages.shard",
            "yt360.synth",
            "yt360.report.overlays",
        )
    )
    script = f"{checked}; import sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=CHECKOUT).returncode == 0


def test_cli_py_is_the_same_command_line() -> None:
    checkout = CHECKOUT
    done = subprocess.run([sys.executable, checkout / "cli.py", "--help"], capture_output=True, text=True, check=True)
    for command in ("run", "crawl", "validate", "stills", "voiceover", "chunk", "segment", "split", "shard"):
        assert f"\n  {command} " in done.stdout
    for command in ("status", "explain", "verify", "inspect", "synth", "train"):
        assert f"\n  {command} " in done.stdout


def test_explain_shows_scores_with_thresholds_sides_and_nothing_that_only_programs_read() -> None:
    event = {
        "stage": "validate",
        "status": "filtered",
        "reason": "vr180",
        "detail": "it covers 137° of the horizon, expected 360°",
        "started": "2026-11-29T08:54:25.527+00:00",
        "seconds": 1.0,
        "log": "",
        "summary": "wider than a view",
        "scores": [
            {"name": "balance", "value": 2.5, "threshold": 2.0, "drops_above": True},
            {"name": "added", "value": 0.3, "threshold": 0.7, "drops_above": True, "probability": 0.3},
        ],
        "measures": {
            "azimuth_deg": 8.0,
            "elevation_deg": -12.5,
            "packed": "eJytkztIHFEU" * 30,
            "repaired": "",
            "words": "a b",
        },
        "outputs": {},
    }
    lines = [line.strip() for line in explain._lines(event)]
    assert "balance = 2.5, dropped above 2" in lines
    assert "added = 0.3, dropped above 0.7 (a probability)" in lines
    assert "azimuth_deg = 8.0 (left)" in lines
    assert "elevation_deg = -12.5 (down)" in lines
    assert "the picture shows half of the sphere" in lines
    assert "words = a b" in lines
    assert "wider than a view" in lines
    assert not any(line.startswith(("packed", "repaired")) for line in lines)


def test_explain_as_json_has_the_thresholds_in_force(yt360: Callable[..., Any], recipe: Path, tmp_path: Path) -> None:
    yt360("run", recipe, "--root", tmp_path / "r", "--min-free-gb", 0)
    history = json.loads(yt360("explain", "quiet", "--root", tmp_path / "r", "--json")[1])["history"]
    assert all(isinstance(event["thresholds"], dict) for event in history)
    assert all(isinstance(event["scores"], list) for event in history)


@pytest.mark.parametrize(("words", "ahead"), [((), True), (("--ahead",), True), (("--no-ahead",), False)])
def test_stages_are_worked_on_together_unless_asked_not_to(
    yt360: Callable[..., Any],
    recipe: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    ahead: bool,
) -> None:
    asked: list[bool] = []
    worked = pipeline.run

    def noted(recipe: Any, root: Any, options: pipeline.Options, **named: Any) -> Any:
        asked.append(options.ahead)
        return worked(recipe, root, options, **named)

    monkeypatch.setattr(pipeline, "run", noted)
    yt360("run", recipe, "--root", tmp_path / "root", "--workers", 1, "--min-free-gb", 0, *words)
    assert asked == [ahead]
