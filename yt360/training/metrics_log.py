"""What a run says: ``log.jsonl``, a progress bar, TensorBoard where it is asked for.

Each record of the log is one JSON object with ``kind``:

* ``start``: recipe, mode, switches, clips and videos a split, and ``changes`` of the recipe that few videos made;
* ``step``: phase, step, epoch, mean loss and accuracies since the last record (``avsa_accuracy`` is
  null with a single view), ``samples_per_s``, ``data_wait_share``, ``memory_mb``, ``bad_samples``;
* ``evaluation``: the same measures on the test split with their chance levels;
* ``bad-sample``, ``checkpoint``, ``not-finite``, ``end``.
"""

from __future__ import annotations

import json
import math
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from yt360.errors import UsageError
from yt360.files import atomic_write_text, parse_json


def bar_text(loss: float, avc: float, avsa: float, wait_s: float, memory_mb: float) -> str:
    """What the progress bar says of a step: its loss and accuracies, the time that a step waits for its data, and the
    peak of memory. ``avsa`` is NaN with a single view and left out."""
    parts = [f"loss {loss:.3f}", f"avc {avc:.2f}"]
    if not math.isnan(avsa):
        parts.append(f"avsa {avsa:.2f}")
    memory = f"{memory_mb:.0f} MB" if memory_mb < 1000 else f"{memory_mb / 1024:.1f} GB"
    return "  ".join([*parts, f"wait {1000 * wait_s:.0f} ms", f"memory {memory}"])


MEASURES = frozenset(("loss", "avc_accuracy", "avsa_accuracy", "avc_chance", "avsa_chance"))
"""What a record of an evaluation holds."""

_SAY_EVERY_S = 30.0
"""Between two lines of progress where no bar can be drawn (a log file, a batch job)."""


class MetricsLog:
    """Writes nothing unless ``active`` (the first of several processes).

    ``progress``: a bar on a terminal, elsewhere a line every half a minute, the first after the first step.
    """

    def __init__(self, out: Path, *, active: bool, total: int, done: int, tensorboard: bool, progress: bool) -> None:
        self.path = out / "log.jsonl"
        self._active = active
        self._stream = self.path.open("a", encoding="utf-8") if active else None
        self._bar = tqdm(
            total=total,
            initial=done,
            unit="step",
            dynamic_ncols=True,
            disable=not (active and progress and sys.stderr.isatty()),
            file=sys.stderr,
        )
        self._lines = active and progress and not sys.stderr.isatty()
        self._done, self._total, self._said_at = done, total, -math.inf
        self._board: Any = None
        if active and tensorboard:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError as error:
                raise UsageError("run.tensorboard needs the package tensorboard: pip install tensorboard") from error
            self._board = SummaryWriter(str(out / "tensorboard"))

    def write(self, kind: str, **fields: Any) -> None:
        """Append one record."""
        if self._stream:
            self._stream.write(json.dumps({"kind": kind, **fields}, allow_nan=False) + "\n")
            self._stream.flush()

    def say(self, text: str) -> None:
        """A line for a person, beside the progress bar."""
        if self._active:
            self._bar.write(text, file=sys.stderr)

    def step(self, phase: str, text: str) -> None:
        """Move the progress bar by one step of a phase, with ``text`` (:func:`bar_text`) beside it."""
        self._bar.set_description_str(phase, refresh=False)
        self._bar.set_postfix_str(text, refresh=False)
        self._bar.update()
        self._done += 1
        if self._lines and time.monotonic() - self._said_at >= _SAY_EVERY_S:
            self._said_at = time.monotonic()
            self.say(f"{phase}: step {self._done} of {self._total}, {text}")

    def scalars(self, group: str, measures: dict[str, float | None], step: int) -> None:
        """Numbers for TensorBoard; ``step`` counts over all phases."""
        if self._board is not None:
            for name, value in measures.items():
                if value is not None:
                    self._board.add_scalar(f"{group}/{name}", value, step)

    def close(self) -> None:
        """Flush everything."""
        self._bar.close()
        if self._stream:
            self._stream.close()
        if self._board is not None:
            self._board.close()


def rewind(path: Path, phase: int, step: int) -> None:
    """Drop records of later steps than the checkpoint a run goes on from, and a torn last line."""
    if not path.exists():
        return
    kept = []
    for line, record in _records(path):
        if (record.get("phase_number", 0), record.get("step", 0)) <= (phase, step) and record["kind"] != "end":
            kept.append(line + "\n")
    atomic_write_text(path, "".join(kept))


def _records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Lines of a log and what they say; those that are torn or damaged are left out."""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else ():
        try:
            record = parse_json(line)
            where = [record.get(name, 0) for name in ("phase_number", "step")]
            whole = isinstance(record["kind"], str) and all(isinstance(number, int) for number in where)
        except (ValueError, LookupError, AttributeError, TypeError, RecursionError):
            continue
        if whole:
            yield line, record


def memory_mb(device: torch.device) -> float:
    """Peak memory so far: of the device where it is CUDA, else of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def last_evaluations(path: Path) -> dict[str, dict[str, float]]:
    """The newest measures of each phase on the test split, out of the log ``path``; records that lack any are none."""
    found = {}
    for _, record in _records(path):
        measures = {name: value for name, value in record.items() if isinstance(value, float)}
        if record["kind"] == "evaluation" and isinstance(record.get("phase"), str) and measures.keys() >= MEASURES:
            found[record["phase"]] = measures
    return found
