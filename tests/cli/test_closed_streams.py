"""Closed standard streams, pipes as sources, roots that may only be read."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import CHECKOUT
from tests.cli.conftest import Command
from tests.engine.conftest import run_inline, toy_recipe
from yt360.cli import main
from yt360.engine import pipeline, verify
from yt360.engine import recipe as recipes
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.storage import Root
from yt360.stages import REGISTRY

NO_FLOOR = pipeline.Options(workers=1, min_free_bytes=0)


@pytest.mark.parametrize(
    "closed", ["2>&- >&-", *(pytest.param(each, marks=pytest.mark.slow) for each in ("2>&-", "<&- 2>&-"))]
)
def test_closed_streams_change_nothing_but_what_is_said(tmp_path: Path, closed: str) -> None:
    """F28: exit code 1, nothing done, nothing said."""
    (tmp_path / "toy.yaml").write_text("stages: {source: {names: [a, b]}}")
    words = (
        f"{sys.executable} -m tests.engine.toy_cli run {tmp_path}/toy.yaml --root {tmp_path}/root --workers 1 {closed}"
    )
    done = subprocess.run(["bash", "-c", words], cwd=CHECKOUT, capture_output=True, timeout=120)
    assert done.returncode == 0
    assert [path.parent.name for path in sorted((tmp_path / "root" / "data").rglob("*.txt"))] == ["a", "b"]


def test_a_full_disk_under_what_is_printed_is_said() -> None:
    """A kind of F28: a traceback, and at the end another error of Python's own."""
    words = f"{sys.executable} -m yt360 params chunk >/dev/full"
    done = subprocess.run(["bash", "-c", words], cwd=CHECKOUT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr == "yt360: standard output: no room left on the device for what is printed\n"


@pytest.mark.parametrize("name", [None, "state/removed.jsonl"])
def test_a_full_disk_elsewhere_is_no_full_output(
    command: Command, monkeypatch: pytest.MonkeyPatch, name: str | None
) -> None:
    """It was called standard output's, or the advice was to move away a file that must stay."""

    def full(**_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), *([name] if name else []))

    monkeypatch.setattr(main.group, "main", full)
    said = "no room left on the device; free some space and give the command again\n"
    assert command("status") == (1, "", f"yt360: {name + ': ' if name else ''}{said}")


def test_a_pipe_as_a_source_is_refused_and_said_to_be_one(tmp_path: Path) -> None:
    """F30: it was said that no file of that name exists."""
    os.mkfifo(tmp_path / "list")
    words = [
        sys.executable,
        "-m",
        "yt360",
        "crawl",
        "--root",
        str(tmp_path / "root"),
        "--source",
        str(tmp_path / "list"),
    ]
    done = subprocess.run(words, cwd=CHECKOUT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "is a pipe" in done.stderr


@pytest.fixture
def read_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Root:
    root = Root(tmp_path / "root")
    run_inline(root, toy_recipe())
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: access(path, mode) and mode != os.W_OK)
    return root


def test_a_root_of_somebody_else_is_verified_and_left_alone(read_only: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """F20: PermissionError over the lock."""
    (read_only.data / "source" / "a" / "text.txt").write_text("HELLO a\n")
    monkeypatch.setattr(Root, "lock", lambda self: pytest.fail("it was locked"))
    before = {path: path.stat().st_mtime_ns for path in read_only.path.rglob("*")}
    found = verify.verify(DatasetState(read_only, toy_recipe().stages), workers=1, quiet=True)
    assert [(damage.stage, damage.item) for damage in found.damaged] == [("source", "a")]
    assert {path: path.stat().st_mtime_ns for path in read_only.path.rglob("*")} == before


@pytest.fixture
def crawled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root with a (failed) crawl, that may only be read from here on: every writer's way fails."""
    root = Root(tmp_path / "root")
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "a.mp4").write_bytes(b"no video")
    pipeline.run(recipes.default(REGISTRY, [f"crawl.source={tmp_path / 'source'}"]), root, NO_FLOOR, only="crawl")
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: access(path, mode) and mode != os.W_OK)
    return root.path


def _times(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in [folder, *folder.rglob("*")]}


def test_attrition_of_a_root_of_somebody_else_is_told_and_not_kept(
    crawled: Path, tmp_path: Path, command: Command
) -> None:
    (tmp_path / "list.tsv").write_text("video\tstart_s\tend_s\na\t0\t10\n")
    before = _times(crawled)
    code, out, _ = command("crawl", "attrition", "--root", crawled, "--list", tmp_path / "list.tsv")
    assert code == 0
    assert "this root cannot be written: the report is not kept" in out
    assert _times(crawled) == before


def test_report_of_a_root_of_somebody_else_asks_where_to(crawled: Path, tmp_path: Path, command: Command) -> None:
    before = _times(crawled)
    code, _, err = command("report", "--root", crawled)
    assert code == 2
    assert "say where the page goes: --out FILE" in err
    assert command("report", "--root", crawled, "--out", tmp_path / "page.html")[0] == 0
    assert (tmp_path / "page.html").stat().st_size
    assert _times(crawled) == before
