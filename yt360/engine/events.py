"""What a run did, line by line, for machines: JSON with the time, the event and the item's id."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from yt360.engine.results import StageResult
from yt360.engine.state.record import Record


class EventLog:
    """Appends events of one run to a file. Nothing depends on it: a line that cannot be written is no error."""

    def __init__(self, path: Path, run: str) -> None:
        self._path, self._run = path, run
        self._stream: TextIO | None = None

    def __enter__(self) -> EventLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is not None:
            self._write("run-ended", ok=kind is None)
        if self._stream is not None:
            self._stream.close()

    def item(self, record: Record) -> None:
        """An attempt ended. ``stage``, ``item``, ``status``, ``reason`` (or the kind of failure), seconds, bytes."""
        self._write(
            "item",
            stage=record.stage,
            item=record.item,
            source=record.source,
            status=record.status,
            reason=record.reason or record.kind,
            attempt=record.attempt,
            seconds=record.seconds,
            bytes=record.size,
            host=record.host,
            log=record.log,
        )

    def stage(self, result: StageResult) -> None:
        """A stage ended."""
        self._write(
            "stage",
            stage=result.stage,
            planned=result.planned,
            worked=result.worked,
            seconds=round(result.seconds, 3),
            worker_seconds=round(result.worker_seconds, 3),
            bytes=result.size,
            counts=dict(result.counts),
        )

    def _write(self, event: str, **values: Any) -> None:
        line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "run": self._run, "event": event}
        try:
            if self._stream is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._stream = self._path.open("a", encoding="utf-8", errors="replace", buffering=1)
            self._stream.write(json.dumps(line | values, ensure_ascii=False) + "\n")
        except OSError:
            self._stream = None
