"""What TAB offers, asked as a shell asks."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.shell_completion import ShellComplete

from tests.cli.conftest import Command
from yt360.cli import completion
from yt360.cli.main import group


def offered(*words: str) -> list[str]:
    """What is offered for the last of these words."""
    *before, last = words
    items = ShellComplete(group, {}, "yt360", "_YT360_COMPLETE").get_completions(list(before), last)
    return [item.value for item in items if item.type == "plain"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "manifests").mkdir()
    videos = [f"video-{number:05}" for number in range(500)] + ["-bCdEfGhIj_", "other"]
    pq.write_table(pa.table({"video": videos}), tmp_path / "manifests" / "videos.parquet")
    pq.write_table(pa.table({"clip": ["other-00010", "other-00020"]}), tmp_path / "manifests" / "clips.parquet")
    stages = {"crawl": {}, "dark": {"use": "yt360_gone:Dark"}, "stills": {}}
    (tmp_path / "recipe.json").write_text(json.dumps({"name": "x", "stages": stages}))
    return tmp_path


def test_commands_recipes_tasks_and_failures_are_offered() -> None:
    assert offered("st") == ["stills", "status"]
    assert offered("crawl", "do") == ["doctor", "download"]
    assert offered("run", "y") == ["yt360"]
    assert offered("train", "ti") == ["tiny"]
    assert offered("evaluate", "avsa") == ["avsa-bin"]
    assert "table1-avsa-transf" in offered("evaluate", "table1")
    assert offered("run", "yt360", "--retry", "bot") == ["bot-wall"]
    assert offered("recipes", "train", "ti") == ["tiny"]


def test_parameters_are_offered_by_stage(root: Path) -> None:
    assert offered("run", "demo", "--set", "st") == ["stills."]
    assert offered("run", "demo", "--set", "stills.still") == ["stills.still_probability="]
    assert offered("stills", "-p", "still") == ["still_probability="]
    assert offered("crawl", "-p", "lowest") == ["lowest_picture="]
    assert offered("crawl", "--root", str(root), "--set", "") == ["crawl.", "dark.", "stills."]
    assert offered("crawl", "--root", str(root), "--set", "dark.") == []


def test_ids_of_a_root_are_offered_up_to_a_limit(root: Path) -> None:
    assert offered("explain", "--root", str(root), "oth") == ["other", "other-00010", "other-00020"]
    assert len(offered("remove", "--root", str(root), "video")) == completion._MOST_ITEMS
    assert offered("explain", "--root", str(root / "none"), "oth") == []
    (root / "manifests" / "videos.parquet").write_bytes(b"PAR1 torn")
    assert offered("explain", "--root", str(root), "oth") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_is_one_that_the_shell_can_read(command: Command, tmp_path: Path, shell: str) -> None:
    code, script, _ = command("completion", shell)
    assert code == 0
    assert f"_YT360_COMPLETE={shell}_complete" in script
    if shutil.which(shell):
        (tmp_path / "script").write_text(script)
        assert subprocess.run([shell, "-n", tmp_path / "script"]).returncode == 0


def test_bash_goes_on_after_a_stage_and_a_parameter(command: Command) -> None:
    assert "compopt -o nospace" in command("completion", "bash")[1]


def test_a_damaged_or_hostile_id_in_a_table_costs_itself_only(root: Path) -> None:
    names = pa.array([b"whole-1", b"whole-\xff", b"whole-\x1b[2J", b"whole-2"], pa.binary())
    table = pa.table({"video": pa.Array.from_buffers(pa.string(), len(names), names.buffers())})
    pq.write_table(table, root / "manifests" / "videos.parquet")
    assert offered("explain", "--root", str(root), "whole") == ["whole-1", "whole-2"]
