"""The retry rule: which failures are tried again, how often, and what ``--retry`` means.

Whether a kind of failure may pass by itself is said by who fails (:attr:`yt360.engine.items.Failed.retryable`). Here it
is decided what follows: attempts up to the stage's cap, an item that ends its workers is set aside, and one that was
lost with its machine is not blamed for that, up to a point.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, TypeVar

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from yt360.engine.stage import Resources
from yt360.engine.state.latest_records import LatestRecords
from yt360.engine.state.record import STATUSES, Record

POISON_AFTER = 3
"""Workers that an item may end before it is set aside."""
LOST_AT_MOST = 5
"""Times that an item may go down with a machine before that is held against it."""

Flags = TypeVar("Flags", bool, NDArray[np.bool_])


def tries_left(retryable: Flags, attempt: Any, needs: Resources) -> Flags:
    """Whether a failed attempt (counted from 1) is followed by another; of one, or of columns of many."""
    left: Flags = retryable & (attempt < needs.max_attempts)
    return left


def is_poison(attempt: int, needs: Resources) -> bool:
    """Whether an item that ended its worker at this attempt is set aside."""
    return attempt >= min(POISON_AFTER, needs.max_attempts)


class Retries:
    """Decides, within one run, whether an attempt that has just ended is made again."""

    def __init__(self, needs: Resources) -> None:
        self._needs = needs
        self._lost: Counter[str] = Counter()

    def again(self, record: Record, attempt: int, *, lost: bool) -> bool:
        """``lost``: the machine went, not the item's worker alone."""
        if record.status != "failed" or not record.retryable:
            return False
        if lost:
            self._lost[record.item] += 1
            return self._lost[record.item] < LOST_AT_MOST
        return tries_left(True, attempt, self._needs)


def asked_for(
    retry: str, newest: LatestRecords, places: NDArray[np.integer], failed: NDArray[np.integer]
) -> NDArray[np.integer]:
    """Rows of a plan that ``--retry`` means: ``all``, a status, or a kind of failure.

    ``places`` are the rows of their newest records (-1: none), ``failed`` the rows that are given up.
    """
    known = np.flatnonzero(places >= 0)
    if retry == "all":
        return known
    if retry in STATUSES:
        wanted: NDArray[np.integer] = known[newest.status[places[known]] == STATUSES.index(retry)]
        return wanted
    if not len(failed):
        return failed
    kinds = newest.column("kind", places[failed])
    of_kind: NDArray[np.integer] = failed[pc.equal(kinds, retry).to_numpy(zero_copy_only=False)]
    return of_kind
