"""Search against brute force, exactly and by an index; an index that is stale, foreign or damaged."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from yt360.errors import UsageError
from yt360.hashing import digest_file
from yt360.inference import search as searching
from yt360.inference.features_table import SCHEMA, write_features
from yt360.inference.search import Place, Vectors, read_vectors, require_same_model, search

COUNT, SIZE, SOURCES = 3000, 24, 60


def table_of(vectors: np.ndarray, modality: str = "video_embedding") -> pa.Table:
    number = np.arange(len(vectors))
    columns = [
        pa.array([f"clip{k % SOURCES:02d}" for k in number]),
        pa.array(number // SOURCES * 0.5),
        pa.array(90.0 * (number % 4), pa.float32()),
        pa.array(np.zeros(len(vectors)), pa.float32()),
        pa.array([modality] * len(vectors)).dictionary_encode().cast(SCHEMA.field("modality").type),
        pa.array(list(vectors.astype(np.float32)), pa.list_(pa.float32())),
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def unit(values: np.ndarray) -> np.ndarray:
    return np.asarray(values / np.linalg.norm(values, axis=-1, keepdims=True))


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    rng = np.random.default_rng(0)
    return unit(rng.standard_normal((COUNT, SIZE)))


@pytest.fixture
def path(vectors: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    out = tmp_path / "features.parquet"
    others = table_of(np.random.default_rng(1).standard_normal((50, 7)), "sound")
    write_features(out, [table_of(vectors[:1000]), others, table_of(vectors)[1000:]], {"model": "m", "input": {}})
    return out


def queries(vectors: np.ndarray, count: int = 40) -> Vectors:
    rng = np.random.default_rng(2)
    near = vectors[rng.integers(len(vectors), size=count)] + 0.05 * rng.standard_normal((count, SIZE))
    return Vectors.of(table_of(near), "query")


def brute_force(vectors: np.ndarray, query: Vectors, top: int, per_source: int) -> list[tuple[str, float]]:
    best = (vectors @ query.vectors.astype(np.float64).T).max(axis=1)
    found: list[tuple[str, float]] = []
    for row in np.argsort(-best):
        source = f"clip{row % SOURCES:02d}"
        if per_source and sum(name == source for name, _ in found) >= per_source:
            continue
        found.append((source, row // SOURCES * 0.5))
        if len(found) == top:
            break
    return found


@pytest.mark.parametrize("per_source", [0, 1, 2])
def test_every_row_is_compared_and_one_recording_comes_so_often(
    path: Path, vectors: np.ndarray, per_source: int
) -> None:
    query = queries(vectors)
    hits = search(path, "video_embedding", query, top=70, per_source=per_source)
    expected = brute_force(vectors, query, 70, per_source)
    assert [(hit.found.source, hit.found.start_s) for hit in hits] == expected
    assert len(hits) == (60 if per_source == 1 else 70)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_the_query_says_where_it_is_like_that(path: Path, vectors: np.ndarray) -> None:
    query = Vectors.of(table_of(vectors[[17, 170]]), "query")
    first, second = search(path, "video_embedding", query, top=2)
    assert {(hit.found.start_s, hit.query.azimuth_deg) for hit in (first, second)} == {(0.0, 0.0), (1.0, 90.0)}
    assert first.score == pytest.approx(1, abs=1e-6)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("faiss", reason="the extra search indexes")
    monkeypatch.setattr(searching, "EXACT_ROWS", 100)


@pytest.mark.usefixtures("small")
def test_an_index_finds_nearly_all_that_brute_force_does(path: Path, vectors: np.ndarray) -> None:
    shares = []
    every = queries(vectors)
    for k in range(len(every)):
        query = Vectors(every.vectors[k : k + 1], every.places.slice(k, 1))
        hits = search(path, "video_embedding", query, top=10, per_source=0)
        exact = search(path, "video_embedding", query, top=10, per_source=0, exact=True)
        assert [(hit.found.source, hit.found.start_s) for hit in exact] == brute_force(vectors, query, 10, 0)
        shares.append(len({hit.found for hit in hits} & {hit.found for hit in exact}) / 10)
    assert np.mean(shares) >= 0.98


@pytest.mark.usefixtures("small")
def test_an_index_gives_each_recording_once_until_there_are_no_more(path: Path, vectors: np.ndarray) -> None:
    hits = search(path, "video_embedding", queries(vectors, 1), top=100)
    assert len({hit.found.source for hit in hits}) == len(hits) == SOURCES


@pytest.mark.usefixtures("small")
def test_an_index_is_made_once_and_again_when_the_table_or_the_file_is_another(
    path: Path, vectors: np.ndarray, tmp_path: Path
) -> None:
    made: list[str] = []
    query = queries(vectors, 1)

    def best() -> Place:
        return search(path, "video_embedding", query, said=made.append)[0].found

    first = best()
    index = path.with_name("features.parquet.video_embedding.faiss")
    assert index.is_file()
    assert (best(), len(made)) == (first, 1)
    foreign = bytearray(index.read_bytes())
    foreign[-3] ^= 1
    index.write_bytes(foreign)  # nobody here wrote that, so FAISS never reads it
    assert (best(), len(made)) == (first, 2)
    write_features(path, [table_of(-vectors)], {"model": "m", "input": {}})
    assert best() != first
    assert len(made) == 3
    for note in (tmp_path / "cache" / "yt360" / "indices").iterdir():
        note.write_text("{")
    best()
    assert len(made) == 4
    assert json.loads((tmp_path / "cache" / "yt360" / "indices" / f"{digest_file(index)}.json").read_text())[1] == (
        "video_embedding"
    )


@pytest.mark.usefixtures("small")
def test_an_index_that_cannot_be_kept_is_made_each_time(
    path: Path, vectors: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    made: list[str] = []
    search(path, "video_embedding", queries(vectors, 1), said=made.append)
    assert "the index cannot be kept" in made[-1]


@pytest.mark.usefixtures("small")
def test_without_faiss_a_large_table_needs_exact(
    path: Path, vectors: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "faiss", None)
    with pytest.raises(UsageError, match=r"pip install 'yt360\[search\]', or give --exact"):
        search(path, "video_embedding", queries(vectors, 1))
    assert search(path, "video_embedding", queries(vectors, 1), exact=True)


def test_what_is_not_there_is_named(path: Path, vectors: np.ndarray) -> None:
    with pytest.raises(UsageError, match="holds no rows sound_embedding; embed with --modality sound_embedding"):
        read_vectors(path, "sound_embedding")
    with pytest.raises(UsageError, match="no rows sound of clip99"):
        read_vectors(path, "sound", "clip99")
    with pytest.raises(UsageError, match="expected vectors of 24 numbers as the query's, found 7"):
        search(path, "sound", queries(vectors, 1))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([[1.0, 2.0], [1.0]], "expected vectors of one length, found 1 to 2"),
        ([[np.nan]], "expected vectors of numbers"),
    ],
)
def test_vectors_that_are_none_are_refused(tmp_path: Path, rows: list[list[float]], words: str) -> None:
    table = table_of(np.zeros((len(rows), 1)))
    table = table.set_column(5, "vector", pa.array(rows, pa.list_(pa.float32())))
    write_features(tmp_path / "f.parquet", [table], {})
    with pytest.raises(UsageError, match=rf"f\.parquet: {words}"):
        read_vectors(tmp_path / "f.parquet", "video_embedding")


def test_features_of_another_model_are_refused(path: Path) -> None:
    assert require_same_model(path, "m", {}, "ours") == {"model": "m", "input": {}}
    with pytest.raises(
        UsageError, match=r"expected features of ours \(digest other\), found those of a model with dig"
    ):
        require_same_model(path, "other", {}, "ours")
    with pytest.raises(UsageError, match="the same weights with other input settings"):
        require_same_model(path, "m", {"size": 16}, "ours")
