"""Where the items of a stage stand: its plan set against its newest records, in columns."""

from __future__ import annotations

import functools
from collections.abc import Callable, ItemsView, Iterator, Mapping, ValuesView

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from yt360.engine.resume import CODE, states_of
from yt360.engine.stage import Stage
from yt360.engine.state.entries import STATES, ItemState, Standing, State
from yt360.engine.state.latest_records import LatestRecords, Names, places_in
from yt360.engine.state.plan import ItemPlan
from yt360.engine.state.record import STATUSES


class ItemStates(Mapping[str, ItemState]):
    """Entries by id, in plan order. Plan and records are read when they are asked for."""

    def __init__(
        self,
        plan: ItemPlan | Callable[[], ItemPlan],
        stage: Stage,
        held: Callable[[], LatestRecords],
        states: NDArray[np.uint8] | None = None,
    ) -> None:
        self._plan = plan
        self._stage = stage
        self._held = held
        self._known_states = states

    @functools.cached_property
    def plan(self) -> ItemPlan:
        return self._plan if isinstance(self._plan, ItemPlan) else self._plan()

    @functools.cached_property
    def newest(self) -> LatestRecords:
        return self._held()

    @functools.cached_property
    def places(self) -> NDArray[np.integer]:
        """Row of each item's newest record, -1 where it has none."""
        return places_in(self.newest.items, self.plan.ids)

    @functools.cached_property
    def states(self) -> NDArray[np.uint8]:
        """Codes of :data:`STATES`, in plan order."""
        if self._known_states is not None:
            return self._known_states
        states = states_of(self._stage, self.plan.keys, self.newest, self.places)
        # From an earlier source: not asked for any more, so nothing waits; each stands as its record says.
        earlier = slice(self.plan.asked, None)
        by_status = np.array([CODE["waiting" if status == "damaged" else status] for status in STATUSES])
        states[earlier] = by_status[self.newest.status[self.places[earlier]]]
        return states

    def rows(self, *states: State) -> NDArray[np.integer]:
        """Rows of the plan that stand so."""
        return np.flatnonzero(np.isin(self.states, [CODE[state] for state in states]))

    def count(self, state: State) -> int:
        return int(np.count_nonzero(self.states == CODE[state]))

    def passing(self) -> NDArray[np.bool_]:
        """Which rows of the newest records pass."""
        chosen = np.zeros(len(self.newest), bool)
        chosen[self.places[self.rows("done")]] = True
        return chosen

    def standing(self, name: str) -> Standing | None:
        """State and newest record of an item; ``None`` where it is not planned. What it is made of is not read."""
        place = self._names.place(name)
        return self.standing_at(int(self._order[place])) if place >= 0 else None

    def standing_at(self, row: int) -> Standing:
        """The same for a row of the plan."""
        place = int(self.places[row])
        return Standing(STATES[self.states[row]], self.newest.record(place) if place >= 0 else None)

    def at(self, row: int) -> ItemState:
        place = int(self.places[row])
        state, record = self.standing_at(row)
        key = self.plan.keys[row].as_py()
        failed = place >= 0 and self.newest.status[place] == STATUSES.index("failed")
        attempts = int(self.newest.attempt[place]) if failed and self.newest.keys[place].as_py() == key else 0
        return ItemState(self.plan[row], key, state, record, attempts)

    @functools.cached_property
    def _order(self) -> NDArray[np.integer]:
        order: NDArray[np.integer] = pc.sort_indices(self.plan.ids).to_numpy()
        return order

    @functools.cached_property
    def _names(self) -> Names:
        return Names(self.plan.ids.take(pa.array(self._order)))

    def __getitem__(self, name: str) -> ItemState:
        place = self._names.place(name)
        if place < 0:
            raise KeyError(name)
        return self.at(int(self._order[place]))

    def __iter__(self) -> Iterator[str]:
        return iter(self.plan.ids.to_pylist())

    def __len__(self) -> int:
        return len(self.states)

    def items(self) -> ItemsView[str, ItemState]:
        return _Items(self)

    def values(self) -> ValuesView[ItemState]:
        return _Values(self)


class _Items(ItemsView[str, ItemState]):
    """Row after row, with no search for each name."""

    _mapping: ItemStates

    def __iter__(self) -> Iterator[tuple[str, ItemState]]:
        return zip(self._mapping, self._mapping.values(), strict=True)


class _Values(ValuesView[ItemState]):
    _mapping: ItemStates

    def __iter__(self) -> Iterator[ItemState]:
        return (self._mapping.at(row) for row in range(len(self._mapping)))
