"""What a root holds right now: every stage's plan set against its records.

An item *passes* a stage when its newest record is done, was made from today's inputs and
parameters (same key), and its verdict used today's thresholds. Everything behind a stage sees
only the items that pass, so a changed parameter or threshold anywhere makes what follows wait
until it is done again, and nothing stale slips through.

Plans and records are columns (:mod:`yt360.engine.state.plan`, :mod:`yt360.engine.state.latest_records`); entries, items
and records are made one by one, for who asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from yt360.arrow_alone import leave_out_pandas
from yt360.engine.stage import Blob, FanInStage, Item, Stage
from yt360.engine.state import evidence, latest_records, snapshot
from yt360.engine.state.entries import ChildEntry, ItemState, State
from yt360.engine.state.gates import Gates
from yt360.engine.state.item_states import ItemStates
from yt360.engine.state.latest_records import LatestRecords, Records, places_in
from yt360.engine.state.plan import ItemPlan, keys_of
from yt360.engine.storage import Root

__all__ = ["ChildEntry", "DatasetState", "ItemState", "ItemStates", "State"]


class DatasetState:
    """Reads a root's ledger for an ordered list of stages (see the module's text)."""

    def __init__(self, root: Root, stages: Sequence[Stage]) -> None:
        leave_out_pandas()
        self.root = root
        self.stages = {stage.name: stage for stage in stages}
        self._newest: dict[str, LatestRecords] = {}
        self.gates = Gates(self.stages)
        root.declare(stages)
        self._entries: dict[str, ItemStates] = {}
        self._evidence: dict[str, ItemPlan] = {}

    @property
    def state_dir(self) -> Path:
        """A folder for what a plan wants to remember (a discovery's result)."""
        return self.root.state

    def newest(self, stage: str) -> LatestRecords:
        """The newest record of each item of a stage, in columns."""
        if stage not in self._newest:
            self._newest[stage] = latest_records.load(self.root.ledger / stage)
        return self._newest[stage]

    def records(self, stage: str) -> Records:
        """The newest record of each item of a stage."""
        return Records(self.newest(stage))

    def forget(self, stage: str) -> None:
        """Read a stage, and all that follows from it, anew (it has just run)."""
        self._newest.pop(stage, None)
        self._entries.clear()
        self._evidence.clear()

    def entries(self, stage_name: str) -> ItemStates:
        """Every planned item of a stage by id, in plan order.

        A stage without predecessors is planned from outside; here its last saved plan
        and its records stand for it, so that nothing but running it needs the outside.
        """
        if stage_name not in self._entries:
            stage = self.stages[stage_name]
            remembered = snapshot.load(self, stage)
            if remembered is not None:
                states, plan = remembered
                self._entries[stage_name] = self.judged(stage, plan, states)
            else:
                self._entries[stage_name] = self.judged(stage, self.plan(stage))
        return self._entries[stage_name]

    def planned(self, stage: Stage, plan: ItemPlan) -> ItemStates:
        """Entries of a plan that was just made and saved (and of nothing besides it)."""
        # Had the plan been another one, saving it would have ended what was remembered.
        remembered = snapshot.load(self, stage)
        return self.judged(stage, plan, remembered[0][: len(plan)] if remembered is not None else None)

    def plan(self, stage: Stage) -> ItemPlan:
        """The items of a stage, as far as the root itself says which they are."""
        if not stage.after:
            return self._saved_plan(stage)
        if isinstance(stage, FanInStage):
            last = evidence.reduced(evidence.path_of(self.root, stage))
            return evidence.planned(stage, self.evidence(stage), last, self.newest(stage.name))
        if stage.own_plan:
            return ItemPlan.of_items(stage, stage.plan(StageView(self, stage)))
        plan = snapshot.load_plan(self, stage)
        if plan is None:
            plan = self._plan_after(stage)
        return ItemPlan(plan.table(), self.maker(stage))

    def evidence(self, stage: FanInStage) -> ItemPlan:
        """What is known today of the items of a stage that is reduced."""
        if stage.name not in self._evidence:
            self._evidence[stage.name] = ItemPlan.of_items(stage, stage.plan(StageView(self, stage)))
        return self._evidence[stage.name]

    def is_settled(self, stage: FanInStage) -> bool:
        """Whether a reduction would be of the same as the last one."""
        known = snapshot.load_settled(self, stage)
        return evidence.stands(self, stage) if known is None else known

    def judged(
        self, stage: Stage, plan: ItemPlan | Callable[[], ItemPlan], states: NDArray[np.uint8] | None = None
    ) -> ItemStates:
        """A plan set against the records of its stage (or the states where they are known)."""
        return ItemStates(plan, stage, lambda: self.newest(stage.name), states)

    def passing(self, stage_name: str) -> Records:
        """Newest records of the items that pass a stage and every stage before it."""
        return Records(self.newest(stage_name), self.entries(stage_name).passing())

    def items_after(self, after: Sequence[str], inputs: Mapping[str, str]) -> Iterator[Item]:
        """One item for each id that passes all of ``after`` (those that this recipe has), in order of ids.

        ``inputs`` maps a name to ``"stage.output"``; a trailing ``?`` marks an output that may be absent.
        """
        ids, sources = self._ids_after(after)
        for item_id, source in zip(ids.to_pylist(), sources.to_pylist(), strict=True):
            yield self._item(item_id, source, inputs)

    def _ids_after(self, after: Sequence[str]) -> tuple[pa.Array, pa.Array]:
        """Ids that pass all stages, in order, and their sources."""
        gates = [self.passing(name) for name in after if name in self.stages]
        if not gates:
            return pa.array([], pa.string()), pa.array([], pa.string())
        first = gates[0].newest
        chosen = first.items.take(pa.array(gates[0].places))
        keep = np.ones(len(chosen), bool)
        for gate in gates[1:]:
            others = gate.newest.items.take(pa.array(gate.places))
            keep &= places_in(others, chosen) >= 0
        places = pa.array(gates[0].places[keep])
        return first.items.take(places), first.sources.take(places)

    def _item(self, item_id: str, source: str, inputs: Mapping[str, str]) -> Item:
        blobs = {}
        for name, spelled in inputs.items():
            stage_name, output = spelled.rstrip("?").split(".", 1)
            # A recipe without that stage left no record either.
            record = self.records(stage_name).get(item_id)
            if record is not None and output in record.outputs:
                blobs[name] = record.outputs[output]
            elif not spelled.endswith("?"):
                raise KeyError(f"stage {stage_name} left no output {output!r} for {item_id}")
        return Item(id=item_id, source_id=source, inputs=blobs)

    def maker(self, stage: Stage) -> Callable[[str, str], Item]:
        """Gives an item of a stage that does not have a plan of its own."""
        return lambda item_id, source: self._item(item_id, source, stage.inputs)

    def _plan_after(self, stage: Stage) -> ItemPlan:
        """What :meth:`Stage.plan` gives where a stage does not have its own, without an object an item."""
        ids, sources = self._ids_after(self.gates.before[stage.name])
        empty = pa.nulls(len(ids), pa.string())
        plan = ItemPlan(pa.table({"id": ids, "source": sources, "key": empty, "rest": empty}), self.maker(stage))
        if stage.own_key or stage.id_in_key or stage.params_vary_with:
            keys = pa.array([stage.key(item) for item in plan], pa.string())
        else:
            digests = {}
            for name, spelled in stage.inputs.items():
                stage_name, output = spelled.rstrip("?").split(".", 1)
                held = self.newest(stage_name)
                found = held.digests(output, places_in(held.items, ids))
                if found.null_count and not spelled.endswith("?"):
                    plan[int(np.flatnonzero(found.is_null().to_numpy(zero_copy_only=False))[0])]  # says which
                digests[name] = found
            keys = keys_of(stage, digests, len(ids))
        return ItemPlan(plan.table().set_column(2, "key", keys), self.maker(stage))

    def children_after(self, stage_name: str, after: Sequence[str] = ()) -> Iterator[ChildEntry]:
        """See :meth:`yt360.engine.stage.DatasetView.children_after`."""
        gates = [self.passing(name) for name in after if name in self.stages]
        found = []
        for item_id, record in self.passing(stage_name).items():
            if all(item_id in gate for gate in gates):
                for child in record.children:
                    outputs = {name: Blob.from_json(blob) for name, blob in child["outputs"].items()}
                    found.append(ChildEntry(child["id"], record, outputs, child["meta"]))
        yield from sorted(found, key=lambda child: child.id)

    def save_plan(self, stage: Stage, items: Sequence[Item]) -> None:
        """Remember what a stage without predecessors was asked to do, so that ``status`` knows what still waits."""
        plan = items if isinstance(items, ItemPlan) else ItemPlan.of_items(stage, items)
        path = self.plan_path(stage)
        if not plan.is_saved(path, stage):
            plan.save(path, stage)
            self._entries.clear()
            self._evidence.clear()

    def plan_path(self, stage: Stage) -> Path:
        """Where the plan of a stage without predecessors is remembered."""
        return self.root.state / f"plan-{stage.name}.parquet"

    def _saved_plan(self, stage: Stage) -> ItemPlan:
        """The last plan, and what is held from an earlier source: not asked for now, and still part of the dataset."""
        path = self.plan_path(stage)
        plan = ItemPlan.load(path, stage) if path.is_file() else ItemPlan.of_items(stage, [])
        held = self.newest(stage.name)
        ended = held.status < 3  # not damaged
        if len(plan):
            ended &= places_in(plan.ids, held.items) < 0
        if not ended.any():
            return plan
        rows = pa.array(np.flatnonzero(ended))
        meta = held.column("meta", np.flatnonzero(ended)).to_pylist()
        rest = pa.array([None if text == "{}" else f"[{{}},{text},{{}}]" for text in meta], pa.string())
        keys = held.keys.take(rows)
        earlier = pa.table({"id": held.items.take(rows), "source": held.sources.take(rows), "key": keys, "rest": rest})
        return ItemPlan(pa.concat_tables([plan.table(), earlier]), asked=len(plan))


class StageView:
    """The dataset as one stage sees it (:class:`yt360.engine.stage.DatasetView`): behind all gates before it."""

    def __init__(self, state: DatasetState, stage: Stage) -> None:
        self._state, self._stage = state, stage
        self.stages = state.stages
        self.state_dir = state.state_dir
        self.records = state.records
        self.passing = state.passing
        self.entries = state.entries

    def items_after(self, after: Sequence[str], inputs: Mapping[str, str]) -> Iterator[Item]:
        own = self._state.gates.before[self._stage.name]
        return self._state.items_after((*after, *(name for name in own if name not in after)), inputs)

    def children_after(self, stage_name: str, after: Sequence[str] = ()) -> Iterator[ChildEntry]:
        gates = self._state.gates
        named = tuple(name for name in (stage_name, *after) if name in self.stages)
        more = gates.missing(gates.kinds[stage_name], named, self._stage.name) if named else ()
        return self._state.children_after(stage_name, (*after, *more))
