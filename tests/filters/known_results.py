"""What the filters measure and decide of the inputs of known_inputs.py, recorded in `known_results.json`.

    python -m tests.filters.known_results

records it anew; test_results_stay.py compares.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.filters.known_inputs import KNOWN
from yt360.stages import REGISTRY

FILE = Path(__file__).with_name("known_results.json")
_LONGEST = 6
"""Numbers of a list that are kept one by one; of a longer one a few sums are, which none of them can leave as it is."""


def in_short(value: Any) -> Any:
    """JSON values of which none can change unseen, and few enough to read: long lists as their length and sums."""
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        return {str(name): in_short(each) for name, each in value.items()}
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, str) or not isinstance(value, Sequence):
        return round(value, 6) if isinstance(value, float) else value
    numbers = list(_numbers(value))
    if len(numbers) <= _LONGEST or None in numbers:
        return [in_short(each) for each in value]
    waves = [float(np.cos(k * np.arange(len(numbers))) @ np.array(numbers)) for k in (0, 1, 2)]
    return {"count": len(numbers), "sums": [round(wave, 4) for wave in waves]}


def _numbers(value: Any) -> Iterator[float | None]:
    """All numbers inside lists and mappings, in order; -1 for what is missing, ``None`` for what is no number."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for each in value:
            yield from _numbers(each)
    else:
        yield -1.0 if value is None else float(value) if isinstance(value, int | float) else None


def results(name: str) -> Any:
    """What the input ``name`` gives today, as it stands in the file."""
    (made,) = [make for inputs in KNOWN.values() for make in inputs if make.__name__ == name]
    return json.loads(json.dumps(in_short(made())))


def version_of(stage: str) -> int:
    """The version of a stage today."""
    return REGISTRY.load(stage).version if stage in REGISTRY.known() else 0


def record() -> None:
    """Writes the file anew."""
    found = {
        stage: {"version": version_of(stage), **{make.__name__: results(make.__name__) for make in inputs}}
        for stage, inputs in KNOWN.items()
    }
    text = json.dumps(found, indent=1, ensure_ascii=False)
    FILE.write_text(re.sub(r"\[[^\[\]{}\"]*\]", lambda each: " ".join(each[0].split()), text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    record()
