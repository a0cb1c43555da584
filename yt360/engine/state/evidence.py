"""What is known of the items of a :class:`~yt360.engine.stage.FanInStage`, set against what it was last reduced from.

``state/plan-STAGE.parquet`` holds the items of the last reduction with their keys, in which all that was known of
them is digested. An item of which the same is known today stands as its record says. Roots of versions before this
file are taken at the word of their records until the next run, which looks at all items once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from yt360.engine.items import Item
from yt360.engine.stage import FanInStage
from yt360.engine.state.item_states import ItemStates
from yt360.engine.state.latest_records import LatestRecords, places_in
from yt360.engine.state.plan import ItemPlan, write_plan
from yt360.engine.state.record import STATUSES
from yt360.engine.storage import Root
from yt360.files import atomic_write, parse_json

_ENDED = (STATUSES.index("done"), STATUSES.index("filtered"))


@dataclass(frozen=True)
class Reduced:
    """The last reduction. ``digest`` is of the items that got an outcome, empty when one was taken out since.

    ``request`` is the digest of all that it was asked for. ``ids`` and ``keys`` are ``None`` where nothing was kept.
    """

    ids: pa.StringArray | None = None
    keys: pa.StringArray | None = None
    digest: str = ""
    request: str = ""


def path_of(root: Root, stage: FanInStage) -> Path:
    """Where the items of the last reduction are kept; ``plan-…``, so that a removal finds its items there."""
    return root.state / f"plan-{stage.name}.parquet"


def reduced(path: Path) -> Reduced:
    """What a file of :func:`save` holds. One that cannot be read holds nothing, and is made anew by the next run."""
    try:
        with pq.ParquetFile(path) as file:  # pq.read_table would import pyarrow.dataset
            table = file.read(columns=["id", "key"], use_threads=False).combine_chunks()
        told = {name.decode(): value.decode() for name, value in (table.schema.metadata or {}).items()}
        ids, keys = (
            table[name].chunk(0) if table[name].num_chunks else pa.array([], pa.string()) for name in ("id", "key")
        )
        found = Reduced(ids.cast(pa.string()), keys.cast(pa.string()), told.get("digest", ""), told.get("request", ""))
        whole = found.digest in ("", _digest(ids, keys))
    except (OSError, ValueError, LookupError, TypeError, pa.ArrowException):
        return Reduced()
    return found if whole else Reduced()


def save(path: Path, evidence: ItemPlan, request: str) -> None:
    """Keep what a reduction was made from: the items that got an outcome."""
    table = pa.table(
        {
            "id": evidence.ids,
            "source": evidence.sources,
            "key": evidence.keys,
            "rest": pa.nulls(len(evidence), pa.string()),
        }
    )
    table = table.replace_schema_metadata({"digest": digest(evidence), "request": request})
    atomic_write(path, lambda partial: write_plan(table, partial))


def digest(evidence: ItemPlan) -> str:
    """Equal where the same is known of the same items."""
    return _digest(evidence.ids, evidence.keys)


def _digest(ids: pa.StringArray, keys: pa.StringArray) -> str:
    nothing = pa.nulls(len(ids), pa.string())
    return ItemPlan(pa.table({"id": ids, "source": nothing, "key": keys, "rest": nothing})).digest()


def planned(stage: FanInStage, evidence: ItemPlan, last: Reduced, newest: LatestRecords) -> ItemPlan:
    """The items as they stand: with the meta of their record where nothing new is known of them, else as they are."""
    places = places_in(newest.items, evidence.ids)
    same = _unchanged(evidence, last) & (places >= 0)
    same[same] = np.isin(newest.status[places[same]], _ENDED)
    rows = np.flatnonzero(same)
    if not len(rows):
        return evidence
    texts = newest.column("meta", places[rows]).to_pylist()
    keys, rests = evidence.keys.to_pylist(), evidence.table()["rest"].to_pylist()
    ids, sources = evidence.ids.to_pylist(), evidence.sources.to_pylist()
    for row, text in zip(rows.tolist(), texts, strict=True):
        meta: Mapping[str, object] = parse_json(text)
        keys[row] = stage.key(Item(ids[row], sources[row], meta=meta))
        rests[row] = f"[{{}},{text},{{}}]" if meta else None
    columns = {"key": pa.array(keys, pa.string()), "rest": pa.array(rests, pa.string())}
    return ItemPlan(pa.table({"id": evidence.ids, "source": evidence.sources, **columns}))


class Dataset(Protocol):
    """What has items that are reduced."""

    @property
    def root(self) -> Root: ...

    def evidence(self, stage: FanInStage) -> ItemPlan: ...

    def entries(self, stage_name: str) -> ItemStates: ...


def stands(dataset: Dataset, stage: FanInStage) -> bool:
    """Whether a reduction would be of the same as the last one; items that are given up do not count."""
    evidence, last = dataset.evidence(stage), reduced(path_of(dataset.root, stage))
    if not len(evidence):
        return not last.ids
    given_up = dataset.entries(stage.name).rows("failed")
    return last.digest == digest(evidence.take(np.setdiff1d(np.arange(len(evidence)), given_up)))


def _unchanged(evidence: ItemPlan, last: Reduced) -> NDArray[np.bool_]:
    if last.ids is None or last.keys is None:
        return np.ones(len(evidence), bool)
    places = places_in(last.ids, evidence.ids)
    known = np.flatnonzero(places >= 0)
    same = np.zeros(len(evidence), bool)
    then = last.keys.take(pa.array(places[known]))
    same[known] = pc.equal(evidence.keys.take(pa.array(known)), then).to_numpy(zero_copy_only=False)
    return same
