"""Search in a table of features: which moments and directions look or sound like a query.

Up to :data:`EXACT_ROWS` rows every one is compared. Beyond, FAISS keeps a graph of neighbours (HNSW) in a file beside
the table, which is made anew when the table changes. Importing this does not import torch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from yt360.errors import UsageError
from yt360.inference.features_table import about_of
from yt360.inference.search_index import load_or_build

EXACT_ROWS = 100_000
"""Rows of one kind up to which a search looks at all of them."""

KINDS: dict[tuple[str, str], tuple[str, str]] = {
    ("sound", "video"): ("predicted_video_embedding", "video_embedding"),
    ("video", "sound"): ("predicted_sound_embedding", "sound_embedding"),
    ("sound", "sound"): ("sound_embedding", "sound_embedding"),
    ("video", "video"): ("video_embedding", "video_embedding"),
}
"""(what is given, what is looked for) -> kind of the query's features, kind of the table's."""

_AT_ONCE = 65_536
_MOST_NEAR = 4096
"""Neighbours of a query that an index is asked for; who needs more looks at all rows."""

_PLACES = ("source", "start_s", "azimuth_deg", "elevation_deg")


@dataclass(frozen=True)
class Place:
    """A moment (seconds) and a direction (degrees) in a recording."""

    source: str
    start_s: float
    azimuth_deg: float
    elevation_deg: float


@dataclass(frozen=True)
class Hit:
    """A row that is like a query: cosine ``score``, where it is, and where in the query it is like that."""

    score: float
    found: Place
    query: Place

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Vectors:
    """Features of one kind: ``vectors`` (n, d) float32 of length 1, ``places`` in the same order."""

    vectors: NDArray[np.float32]
    places: pa.Table

    def __len__(self) -> int:
        return len(self.vectors)

    def place(self, row: int) -> Place:
        return Place(*(self.places[name][row].as_py() for name in _PLACES))

    @staticmethod
    def of(table: pa.Table, where: str) -> Vectors:
        """Of rows of one kind. Raises :class:`UsageError` for vectors of different lengths, or with what is no
        number."""
        lists = table["vector"].combine_chunks()
        lengths = pc.list_value_length(lists).to_numpy(zero_copy_only=False)
        values = np.asarray(lists.flatten(), np.float32)
        if len(lengths) and not (lengths == lengths[0]).all():
            raise UsageError(f"{where}: expected vectors of one length, found {lengths.min():g} to {lengths.max():g}")
        vectors = values.reshape(len(lengths), -1)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(norms).all():
            raise UsageError(f"{where}: expected vectors of numbers, found some that are none")
        return Vectors(vectors / np.maximum(norms, 1e-12), table.select(_PLACES))


def read_vectors(path: Path, kind: str, source: str | None = None) -> Vectors:
    """The rows of one ``kind`` (and ``source``) of a table, read piece by piece.

    Raises :class:`UsageError` where there are none.
    """
    about_of(path)
    parts = []
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(_AT_ONCE, columns=[*_PLACES, "modality", "vector"]):
                part = pa.Table.from_batches([batch])
                wanted = pc.equal(part["modality"].cast(pa.string()), kind)
                if source is not None:
                    wanted = pc.and_(wanted, pc.equal(part["source"], source))
                parts.append(part.filter(wanted).drop_columns("modality"))
    except (OSError, pa.ArrowException) as error:
        raise UsageError(f"{path}: expected features of `yt360 embed`, found something else ({error})") from error
    table = pa.concat_tables(parts) if parts else None
    if table is None or not len(table):
        of = "" if source is None else f" of {source}"
        raise UsageError(f"{path}: holds no rows {kind}{of}; embed with --modality {kind}")
    return Vectors.of(table, str(path))


def search(
    path: Path,
    kind: str,
    query: Vectors,
    *,
    top: int = 10,
    per_source: int = 1,
    exact: bool = False,
    said: Callable[[str], None] = lambda text: None,
) -> list[Hit]:
    """The ``top`` rows of a ``kind`` in a table that are most like any of the query's, best first.

    At most ``per_source`` of each recording (0: any number); equal scores in order of the table. ``exact``: compare
    every row, however many there are. ``said`` hears of an index that is made.

    Raises :class:`UsageError` for a table without such rows, or with vectors of another length than the query's, and
    where an index is needed and FAISS is not installed.
    """
    stored = read_vectors(path, kind)
    if stored.vectors.shape[1] != query.vectors.shape[1]:
        raise UsageError(
            f"{path}: expected vectors of {query.vectors.shape[1]} numbers as the query's, found "
            f"{stored.vectors.shape[1]}"
        )
    if exact or len(stored) <= EXACT_ROWS:
        ranked = _exactly(stored, query)
    else:
        index = load_or_build(path, kind, stored.vectors, said)
        ranked = _nearby(index, stored, query, top)
    return list(_chosen(ranked, stored, query, top, per_source))


_Ranked = Iterator[tuple[float, int, int]]
"""(score, row of the table, row of the query), best first; rows of the table may come again with less."""


def _exactly(stored: Vectors, query: Vectors) -> _Ranked:
    best = np.empty(len(stored), np.float32)
    which = np.empty(len(stored), np.int64)
    for at in range(0, len(stored), _AT_ONCE):
        scores = stored.vectors[at : at + _AT_ONCE] @ query.vectors.T
        which[at : at + _AT_ONCE] = scores.argmax(axis=1)
        best[at : at + _AT_ONCE] = scores.max(axis=1)
    for row in np.argsort(-best, kind="stable"):
        yield float(best[row]), int(row), int(which[row])


def _nearby(index: Any, stored: Vectors, query: Vectors, top: int) -> _Ranked:
    """More and more neighbours of each query, until whoever takes them has enough; then all rows."""
    wanted = min(len(stored), 4 * top)
    while wanted <= max(_MOST_NEAR, 4 * top):
        index.hnsw.efSearch = max(128, 2 * wanted)
        scores, rows = index.search(query.vectors, wanted)
        for place in np.argsort(-scores, axis=None, kind="stable"):
            which, rank = divmod(int(place), wanted)
            if rows[which, rank] >= 0:
                yield float(scores[which, rank]), int(rows[which, rank]), which
        wanted *= 4
    yield from _exactly(stored, query)


def _chosen(ranked: _Ranked, stored: Vectors, query: Vectors, top: int, per_source: int) -> Iterator[Hit]:
    sources = stored.places["source"].to_pylist()
    room = min(len(sources), per_source * len(set(sources))) if per_source else len(sources)
    seen: set[int] = set()
    of_source: Counter[str] = Counter()
    for score, row, which in ranked:
        if row in seen or (per_source and of_source[sources[row]] >= per_source):
            continue
        of_source[sources[row]] += 1
        seen.add(row)
        yield Hit(score, stored.place(row), query.place(which))
        if len(seen) == min(top, room):
            return


def require_same_model(path: Path, weights: str, processor: dict[str, Any], name: str) -> dict[str, Any]:
    """What a table says of itself, if its features are of the model with these ``weights`` and input.

    Raises :class:`UsageError` for features of another model: vectors of two models have nothing to do with each other.
    """
    about = about_of(path)
    for what, ours in (("model", weights), ("input", processor)):
        if about.get(what) != ours:
            found = f"digest {about.get('model')}" if what == "model" else "the same weights with other input settings"
            raise UsageError(
                f"{path}: expected features of {name} (digest {weights}), found those of a model with {found}: name "
                "that model, or embed again"
            )
    return about


def directions_of(about: dict[str, Any], given: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """The directions to look in: those given, or those of the table."""
    if given:
        return tuple(given)
    try:
        return tuple((float(azimuth), float(elevation)) for azimuth, elevation in about["directions_deg"])
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(
            f"the features do not say which directions they look in ({error}); give --direction"
        ) from error
