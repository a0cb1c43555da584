"""The newest record of each item, set against a dictionary that is filled one record after the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yt360.engine.stage import Blob
from yt360.engine.state import latest_records, ledger
from yt360.engine.state.ledger import LedgerWriter
from yt360.engine.state.ledger_files import JsonLines
from yt360.engine.state.record import STATUSES, Record
from yt360.errors import UsageError


def record(item: str, sequence: int = 1, **more: Any) -> Record:
    return Record(
        **{"stage": "s", "item": item, "source": item, "key": "k", "status": "done"} | more, sequence=sequence
    )


def write(folder: Path, name: str, *records: Record) -> None:
    writer = LedgerWriter(folder, name)
    for each in records:
        writer.append(each)
    writer.close()


made = st.tuples(st.sampled_from("abcdeäz"), st.integers(1, 4), st.sampled_from(["2026-01", "2026-02", "2026-03"]))


@given(st.lists(made, max_size=20), st.integers(1, 3), st.booleans())
@settings(deadline=None, max_examples=40)
def test_of_each_item_the_highest_number_counts_and_of_two_alike_the_later(
    tmp_path_factory: pytest.TempPathFactory, given: list[tuple[str, int, str]], files: int, compacted: bool
) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    records = [record(item, sequence, started=started, reason=str(place))
               for place, (item, sequence, started) in enumerate(given)]  # fmt: skip
    for number in range(files):
        write(folder, f"w{number}", *records[number::files])
    if compacted and records:
        ledger.compact(folder)
    expected: dict[str, tuple[int, str]] = {}
    for each in records:
        expected[each.item] = max(expected.get(each.item, (0, "")), (each.sequence, each.started))
    found = latest_records.load(folder)
    newest = latest_records.Records(found)
    assert list(newest) == sorted(expected, key=str.encode) == found.items.to_pylist()
    assert {name: (each.sequence, each.started) for name, each in newest.items()} == expected
    assert [each.item for each in newest.values()] == list(newest)
    assert len(newest) == len(found) == len(expected)
    assert found.column("reason").to_pylist() == [newest[name].reason for name in newest]


def test_when_attempts_began_is_read_where_their_numbers_do_not_decide_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a column of texts, which nobody else needs of a million records."""
    read: list[str] = []
    real = JsonLines.columns

    def columns(self: JsonLines, names: Any) -> Any:
        read.extend(names)
        return real(self, names)

    monkeypatch.setattr(JsonLines, "columns", columns)
    write(tmp_path, "w", record("b", 1), record("a", 1), record("a", 3), record("a", 2))
    assert latest_records.Records(latest_records.load(tmp_path))["a"].sequence == 3
    assert "started" not in read
    write(tmp_path, "x", record("a", 3, started="2026"))
    assert latest_records.Records(latest_records.load(tmp_path))["a"].started == "2026"
    assert "started" in read


def test_columns_of_some_rows_come_in_their_order_out_of_any_file(tmp_path: Path) -> None:
    write(tmp_path, "w", *(record(name, reason=name.upper()) for name in "abc"))
    write(tmp_path, "x", *(record(name, reason=name.upper()) for name in "fed"))
    found = latest_records.load(tmp_path)
    for places in ([5, 0, 3], [2, 1, 0], [4], [], [1, 1, 5, 1]):
        names = found.items.take(np.array(places, int)).to_pylist()
        assert found.column("reason", np.array(places, int)).to_pylist() == [name.upper() for name in names]


def test_chosen_records_are_all_that_there_are(tmp_path: Path) -> None:
    write(tmp_path, "w", *(record(name, status=status) for name, status in zip("abc", STATUSES[:3], strict=True)))
    found = latest_records.load(tmp_path)
    assert [STATUSES[number] for number in found.status] == list(STATUSES[:3])
    some = latest_records.Records(found, np.array([True, False, True]))
    assert (list(some), len(some), some.places.tolist()) == (["a", "c"], 2, [0, 2])
    assert "a" in some
    for name in ("b", "d", ""):
        with pytest.raises(KeyError):
            _ = some[name]
    assert list(latest_records.Records(found)) == ["a", "b", "c"]


def test_digests_of_an_output_are_those_of_their_rows(tmp_path: Path) -> None:
    blobs = [Blob(f"u{number}", f"{number:02x}", 1) for number in range(6)]
    write(
        tmp_path,
        "w",
        record("a", outputs={"x": blobs[0], "y": blobs[1]}),
        record("b"),
        record("c", outputs={"x": blobs[2]}),
    )
    write(tmp_path, "v", record("d", outputs={"y": blobs[3], "x": blobs[4]}))
    found = latest_records.load(tmp_path)
    assert found.digests("x", np.array([3, 2, 1, 0, -1])).to_pylist() == ["04", "02", None, "00", None]
    assert found.digests("y", np.array([0, 3])).to_pylist() == ["01", "03"]
    assert found.digests("z", np.array([0])).to_pylist() == [None]
    assert len(latest_records.load(tmp_path / "nothing")) == 0


def test_a_name_is_found_however_often_one_asks() -> None:
    """A thousand questions are searches; then a table of all names is made."""
    held = latest_records.Names(pa.array(["a", "ab", "c", "ä"]))
    expected = {"a": 0, "ab": 1, "c": 2, "ä": 3, "": -1, "b": -1, "z": -1, "ö": -1}
    for count in range(150):
        assert {name: held.place(name) for name in expected} == expected
        assert bool(held._places) is (8 * (count + 1) > 1000)
    assert latest_records.Names(pa.array([], pa.string())).place("a") == -1
    order = pa.array(["c", "a"])
    assert latest_records.places_in(order, pa.array(["a", "x", "c"])).tolist() == [1, -1, 0]
    assert latest_records.places_in(order, pa.array(["c", "a"])).tolist() == [0, 1]


def test_a_status_that_is_none_is_damage_and_its_file_is_named(tmp_path: Path) -> None:
    write(tmp_path, "w", record("a"))
    write(tmp_path, "x", record("b", status="finished"))
    with pytest.raises(UsageError, match=r"x.*\.jsonl: expected records that are done, filtered, failed"):
        latest_records.load(tmp_path)
