"""What a run says: ``log.jsonl``, a progress bar, TensorBoard where it is asked for.

Each record of the log is one JSON object with ``kind``:

* ``start``: recipe, mode, switches, clips and videos a split;
* ``step``: phase, step, epoch, mean loss and accuracies since the last record (``avsa_accuracy`` is
  null with a single view), ``samples_per_s``, ``data_wait_share``, ``memory_mb``, ``bad_samples``;
* ``evaluation``: the same measures on the test split with their chance levels;
* ``bad-sample``, ``checkpoint``, ``not-finite``, ``end``.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from yt360.errors import UsageError
from yt360.files import atomic_write_text


class Journal:
    """Writes nothing unless ``active`` (the first of several processes)."""

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

    def step(self, phase: str, measures: dict[str, float]) -> None:
        """Move the progress bar by one step."""
        self._bar.set_description_str(phase, refresh=False)
        self._bar.set_postfix_str("  ".join(f"{name} {value:.3g}" for name, value in measures.items()), refresh=False)
        self._bar.update()

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
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if (record.get("phase_number", 0), record.get("step", 0)) <= (phase, step) and record["kind"] != "end":
            kept.append(line + "\n")
    atomic_write_text(path, "".join(kept))


def memory_mb(device: torch.device) -> float:
    """Peak memory so far: of the device where it is CUDA, else of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def last_evaluations(path: Path) -> dict[str, dict[str, float]]:
    """The newest measures of each phase on the test split, out of the log ``path``."""
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        if record["kind"] == "evaluation":
            found[record["phase"]] = {name: value for name, value in record.items() if isinstance(value, float)}
    return found
