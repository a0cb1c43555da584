from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import suite_time


def _checkout(folder: Path, tests: str) -> Path:
    made = folder / "checkout"
    made.mkdir()
    (folder / "shared").mkdir()
    (made / "pyproject.toml").write_text('[tool.pytest.ini_options]\naddopts = "-q"\n')
    (made / "test_some.py").write_text(tests)
    return made


def test_tests_and_those_that_fail_are_counted(tmp_path: Path) -> None:
    tests = "import pytest\ndef test_a(): pass\ndef test_b(): assert 0\ndef test_c(): pytest.skip('no')\n"
    found = suite_time.suite(_checkout(tmp_path, tests), 1)
    assert (found["tests"], found["failed"]) == (3, 1)
    assert found["cpu_s"] > 0
    assert found["wall_s"] > 0


def test_a_suite_that_does_not_run_is_no_measurement(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="expected tests that ran"):
        suite_time.suite(_checkout(tmp_path, ""), 1)
