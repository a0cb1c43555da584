"""The whole ladder at its smallest: one command, stopped and gone on with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.ladder import registration
from benchmarks.ladder.cells import folder_of
from tests import CHECKOUT


def _ladder(out: Path, *more: str) -> str:
    command = [sys.executable, "-m", "benchmarks.ladder", "--out", str(out), "--size", "smoke", "--device", "cpu"]
    done = subprocess.run([*command, *more], cwd=CHECKOUT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_one_command_makes_the_world_the_models_the_report_and_the_pictures_and_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = _ladder(out, "--limit-min", "0")
    assert " 0 of 12 cells" in first
    told = _ladder(out, "--pictures", str(tmp_path / "pictures"))
    registered = registration.read()
    assert f"Registration {registered.digest}; 12 of 12 cells" in told
    assert registered.text.rstrip() in told
    for hypothesis in registered.hypotheses:
        assert f"| {hypothesis.name} | {hypothesis.text} |" in told
    assert "| avsa-bin oracle | 100.0 | 100.0 | 100.0 |" in told
    assert all((tmp_path / "pictures" / name).stat().st_size for name in ("ladder.png", "ladder-curves.png"))
    (lost, *kept) = [folder_of(out, cell) / "result.json" for cell in registered.cells(registered.sizes["smoke"])]
    before = [path.stat().st_mtime_ns for path in kept]
    lost.unlink()
    _ladder(out)
    assert lost.exists()
    assert [path.stat().st_mtime_ns for path in kept] == before


@pytest.mark.slow
def test_a_run_of_another_size_is_refused(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.ladder", "--out", str(tmp_path), "--part", "report"]
    assert subprocess.run([*command, "--size", "smoke"], cwd=CHECKOUT).returncode == 0
    done = subprocess.run([*command, "--size", "full"], cwd=CHECKOUT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "holds a run of size smoke" in done.stderr
