"""The same input has the same result, unless somebody meant to change it.

Of known inputs, each number that a filter measures and each verdict is compared with what was recorded. Where one
differs on purpose: raise the stage's version if it measures or writes something else, say so in CHANGELOG.md, and run
`python -m tests.filters.known_results`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.filters.known_inputs import KNOWN
from tests.filters.known_results import FILE, results, version_of

RECORDED = json.loads(FILE.read_text(encoding="utf-8"))
INPUTS = [(stage, make.__name__) for stage, inputs in KNOWN.items() for make in inputs]


def differences(today: Any, recorded: Any, where: str = "") -> Iterator[str]:
    """Where two results differ by more than processors do."""
    if isinstance(recorded, dict) and isinstance(today, dict) and recorded.keys() == today.keys():
        for name, value in recorded.items():
            yield from differences(today[name], value, f"{where}.{name}")
    elif isinstance(recorded, list) and isinstance(today, list) and len(recorded) == len(today):
        for index, value in enumerate(recorded):
            yield from differences(today[index], value, f"{where}[{index}]")
    elif isinstance(recorded, int | float) and isinstance(today, int | float):
        some: dict[str, Any] = {"rel": 1e-5, "abs": 5e-3} if ".sums" in where else {"rel": 1e-4, "abs": 1e-4}
        if today != pytest.approx(recorded, **some):
            yield f"{where}: {today}, recorded {recorded}"
    elif today != recorded:
        yield f"{where}: {today}, recorded {recorded}"


@pytest.mark.parametrize(("stage", "name"), INPUTS, ids=[name for _, name in INPUTS])
def test_a_result_stays(stage: str, name: str) -> None:
    recorded = RECORDED[stage]
    version = version_of(stage)
    assert recorded["version"] == version, f"{stage} has version {version}: run `python -m tests.filters.known_results`"
    assert list(differences(results(name), recorded[name])) == [], (
        f"{stage} comes to another result; if it should, do as the text of this file says"
    )


def test_a_difference_is_noticed_wherever_it_is() -> None:
    recorded = {"a": [1, 2.0, {"b": None}], "c": "words"}
    assert list(differences(recorded, recorded)) == []
    for other in (
        {"a": [1, 2.001, {"b": None}], "c": "words"},
        {"a": [1, 2.0, {"b": 0}], "c": "words"},
        {"a": [1, 2.0], "c": "words"},
        {"a": [1, 2.0, {"b": None}], "c": "other words"},
        {"a": [1, 2.0, {"b": None}]},
    ):
        assert len(list(differences(other, recorded))) == 1
