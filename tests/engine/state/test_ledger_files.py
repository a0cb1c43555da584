"""Opening all files of a ledger while a compaction takes some away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from yt360.engine.state import ledger_files


@pytest.mark.parametrize("times", [1, 2, 19])
def test_files_that_go_meanwhile_are_looked_for_again(
    times: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = [times]

    def opened(path: Path) -> Any:
        if left[0]:
            left[0] -= 1
            raise FileNotFoundError(path)
        return path

    (tmp_path / "a.jsonl").touch()
    monkeypatch.setattr(ledger_files, "open_file", opened)
    found: list[Any] = ledger_files.open_files(tmp_path)
    assert found == [tmp_path / "a.jsonl"]


def test_a_folder_whose_files_go_every_time_is_an_error_and_not_an_empty_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[Path] = []

    def gone(path: Path) -> Path:
        looked.append(path)
        raise FileNotFoundError(path)

    (tmp_path / "a.jsonl").touch()
    monkeypatch.setattr(ledger_files, "open_file", gone)
    with pytest.raises(FileNotFoundError):
        ledger_files.open_files(tmp_path)
    assert len(looked) == 20
