"""What a root holds right now: every stage's plan set against its records.

An item *passes* a stage when its newest record is done, was made from today's inputs and
parameters (same key), and its verdict used today's thresholds. Everything behind a stage sees
only the items that pass, so a changed parameter or threshold anywhere makes what follows wait
until it is done again, and nothing stale slips through.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from yt360.engine import ledger
from yt360.engine.contract import Blob, Item, Stage
from yt360.engine.ledger import Record
from yt360.engine.storage import Root, atomic_write

State = Literal["done", "filtered", "failed", "waiting", "undecided"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One planned item of a stage and where it stands.

    ``undecided``: measured with today's key, but decided by other thresholds; deciding again costs
    nothing. ``attempts`` counts failed attempts with today's key.
    """

    item: Item
    key: str
    state: State
    record: Record | None
    attempts: int


@dataclass(frozen=True)
class ChildEntry:
    """A part (a clip) that a passing item was cut into."""

    id: str
    parent: Record
    outputs: Mapping[str, Blob]
    meta: Mapping[str, Any]


class Catalog:
    """Reads a root's ledger for an ordered list of stages (see the module's text)."""

    def __init__(self, root: Root, stages: Sequence[Stage]) -> None:
        self.root = root
        self.stages = {stage.name: stage for stage in stages}
        self._records: dict[str, dict[str, Record]] = {}
        self._entries: dict[str, dict[str, Entry]] = {}

    @property
    def state_dir(self) -> Path:
        """A folder for what a plan wants to remember (a discovery's result)."""
        return self.root.state

    def records(self, stage: str) -> dict[str, Record]:
        """The newest record of each item of a stage."""
        if stage not in self._records:
            self._records[stage] = ledger.latest(ledger.read(self.root.ledger / stage))
        return self._records[stage]

    def forget(self, stage: str) -> None:
        """Read a stage, and all that follows from it, anew (it has just run)."""
        self._records.pop(stage, None)
        self._entries.clear()

    def renew(self, stage: str, records: Sequence[Record]) -> None:
        """Take in records of a stage that were just written, without reading the ledger again."""
        self.records(stage).update((record.item, record) for record in records)
        self._entries.clear()

    def entries(self, stage_name: str) -> dict[str, Entry]:
        """Every planned item of a stage by id, in plan order.

        A stage without predecessors (the crawl) is planned from outside; here its last saved plan
        and its records stand for it, so that nothing but running it needs the outside.
        """
        if stage_name not in self._entries:
            stage = self.stages[stage_name]
            if stage.after:
                self._entries[stage_name] = {item.id: self.entry(stage, item) for item in stage.plan(self)}
            else:
                self._entries[stage_name] = self._saved_entries(stage)
        return self._entries[stage_name]

    def entry(self, stage: Stage, item: Item) -> Entry:
        """Where one item stands."""
        key = stage.key(item)
        record = self.records(stage.name).get(item.id)
        if record is None or record.key != key:
            return Entry(item, key, "waiting", record, 0)
        status = record.status
        if status == "damaged":
            return Entry(item, key, "waiting", record, 0)
        if status == "failed":
            again = record.retryable and record.attempt < stage.needs.max_attempts
            return Entry(item, key, "waiting" if again else "failed", record, record.attempt)
        decision = record.decision
        if decision and decision != stage.decision_key():
            return Entry(item, key, "undecided", record, 0)
        return Entry(item, key, "done" if status == "done" else "filtered", record, 0)

    def passing(self, stage_name: str) -> dict[str, Record]:
        """Newest records of the items that pass a stage and every stage before it."""
        return {
            name: entry.record
            for name, entry in self.entries(stage_name).items()
            if entry.state == "done" and entry.record is not None
        }

    def items_after(self, after: Sequence[str], inputs: Mapping[str, str]) -> Iterator[Item]:
        """One item for each id that passes all of ``after`` (those that this recipe has), in order of ids.

        ``inputs`` maps a name to ``"stage.output"``; a trailing ``?`` marks an output that may be absent.
        """
        gates = [self.passing(name) for name in after if name in self.stages]
        for item_id in sorted(set.intersection(*(set(gate) for gate in gates))) if gates else ():
            blobs = {}
            for name, spelled in inputs.items():
                stage_name, output = spelled.rstrip("?").split(".", 1)
                record = self.records(stage_name)[item_id]
                if output in record.outputs:
                    blobs[name] = record.outputs[output]
                elif not spelled.endswith("?"):
                    raise KeyError(f"stage {stage_name} left no output {output!r} for {item_id}")
            yield Item(id=item_id, source_id=gates[0][item_id].source, inputs=blobs)

    def children_after(self, stage_name: str, after: Sequence[str] = ()) -> Iterator[ChildEntry]:
        """The parts of all items that pass ``stage_name`` and ``after``, in order of their ids."""
        gates = [set(self.passing(name)) for name in after if name in self.stages]
        found = []
        for item_id, record in self.passing(stage_name).items():
            if all(item_id in gate for gate in gates):
                for child in record.children:
                    outputs = {name: Blob.from_json(blob) for name, blob in child["outputs"].items()}
                    found.append(ChildEntry(child["id"], record, outputs, child["meta"]))
        yield from sorted(found, key=lambda child: child.id)

    def save_plan(self, stage: Stage, items: Sequence[Item]) -> None:
        """Remember what a stage without predecessors was asked to do, so that ``status`` knows what still waits."""

        def write(path: Path) -> None:
            with path.open("w", encoding="utf-8") as stream:
                for i in items:
                    line = {"id": i.id, "source": i.source_id, "meta": dict(i.meta), "hints": dict(i.hints)}
                    stream.write(json.dumps(line, ensure_ascii=False) + "\n")

        atomic_write(self._plan_path(stage), write)

    def _plan_path(self, stage: Stage) -> Path:
        return self.root.state / f"plan-{stage.name}.jsonl"

    def _saved_entries(self, stage: Stage) -> dict[str, Entry]:
        entries = {}
        path = self._plan_path(stage)
        if path.is_file():
            for line in path.read_text(encoding="utf-8").splitlines():
                value = json.loads(line)
                item = Item(id=value["id"], source_id=value["source"], meta=value["meta"], hints=value["hints"])
                entries[item.id] = self.entry(stage, item)
        for name, record in sorted(self.records(stage.name).items()):
            # From an earlier source: no longer asked for, and still part of the dataset as it was made.
            if name not in entries and record.status in ("done", "filtered", "failed"):
                item = Item(id=name, source_id=record.source, meta=record.meta)
                entries[name] = Entry(item, record.key, record.status, record, 0)
        return entries
