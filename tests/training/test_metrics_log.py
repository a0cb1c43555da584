from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from yt360.training.metrics_log import MetricsLog, bar_text, last_evaluations, rewind


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ((1.7904, 0.1667, math.nan, 0.0246, 650.4), "loss 1.790  avc 0.17  wait 25 ms  memory 650 MB"),
        ((12.0, 0.5, 0.25, 1.5, 1220.0), "loss 12.000  avc 0.50  avsa 0.25  wait 1500 ms  memory 1.2 GB"),
    ],
)
def test_the_bar_says_plain_units_and_fixed_decimals(numbers: tuple[float, ...], text: str) -> None:
    assert bar_text(*numbers) == text


def test_without_a_terminal_a_line_says_how_far_training_is_every_half_minute(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("yt360.training.metrics_log.time.monotonic", lambda: now[0])
    log = MetricsLog(tmp_path, active=True, total=9, done=2, tensorboard=False, progress=True)
    for _ in range(5):
        log.step("avc", "loss 1.000")
        now[0] += 12.0
    log.close()
    said = [line for line in capsys.readouterr().err.splitlines() if "step" in line]
    assert said == ["avc: step 3 of 9, loss 1.000", "avc: step 6 of 9, loss 1.000"]


def test_who_wants_no_progress_gets_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = MetricsLog(tmp_path, active=True, total=9, done=0, tensorboard=False, progress=False)
    log.step("avc", "loss 1.000")
    log.close()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "bad",
    [
        "[1]",
        "3",
        "{}",
        '{"kind": 5}',
        '{"kind": "step", "step": "x"}',
        "[" * 100_000,
        '{"ki',
    ],
)
def test_a_damaged_line_of_the_log_costs_itself_only(tmp_path: Path, bad: str) -> None:
    measures = {"loss": 1.5, "avc_accuracy": 0.5, "avsa_accuracy": 0.25, "avc_chance": 0.5, "avsa_chance": 0.5}
    whole = json.dumps({"kind": "evaluation", "phase": "avc", "phase_number": 0, "step": 2, **measures})
    path = tmp_path / "log.jsonl"
    path.write_text(f"{whole}\n{bad}\n")
    assert last_evaluations(path) == {"avc": measures}
    rewind(path, 1, 0)
    assert path.read_text() == f"{whole}\n"
    assert last_evaluations(tmp_path / "gone.jsonl") == {}
    with path.open("a") as log:
        log.write('{"kind": "evaluation", "phase": "avc", "phase_number": 0, "step": 3, "loss": 0.5}\n')
    assert last_evaluations(path) == {"avc": measures}, "an evaluation that lacks measures is none"
