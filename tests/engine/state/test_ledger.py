from __future__ import annotations

import json
import multiprocessing
import os
import re
import signal
from dataclasses import replace
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yt360.engine.stage import Blob
from yt360.engine.state import latest_records, ledger, ledger_files
from yt360.engine.state.ledger import LedgerWriter, Record
from yt360.engine.storage import Root
from yt360.errors import UsageError


def record(item: str = "a", sequence: int = 1, **more: Any) -> Record:
    return Record(stage="s", item=item, source=item, key="k", status="done", sequence=sequence, **more)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    blob = Blob("data/s/a/x", "00ff", 3)
    full = record(
        measures={"x": 1.5, "名": ["ü", None]},
        outputs={"x": blob},
        inputs={"y": blob},
        children=({"id": "a-0", "outputs": {"z": blob.to_json()}, "meta": {"n": 1}},),
        tools={"ffmpeg": "9"},
    )
    writer = LedgerWriter(tmp_path, "w")
    writer.append(full)
    assert list(ledger.read(tmp_path)) == [full]  # also while the file is open
    writer.close()
    assert list(ledger.read(tmp_path)) == [full]
    assert [path.suffix for path in tmp_path.iterdir()] == [".jsonl"]
    assert dict(full.blobs()) == {"x": blob, "a-0/z": blob}


@pytest.mark.parametrize("cut", [2, 10, 60])
def test_torn_last_line_is_ignored(tmp_path: Path, cut: int) -> None:
    writer = LedgerWriter(tmp_path, "w")
    for item in "abc":
        writer.append(record(item))
    path = next(tmp_path.iterdir())
    os.truncate(path, path.stat().st_size - cut)
    assert [r.item for r in ledger.read(tmp_path)] == ["a", "b"]


def test_torn_line_in_the_middle_is_damage_and_is_named(tmp_path: Path) -> None:
    lines = [record(item).line() for item in "abc"]
    (tmp_path / "x.jsonl").write_bytes(lines[0] + lines[1][:40] + b"\n" + lines[2])
    with pytest.raises(UsageError, match=r"x\.jsonl, line 2"):
        list(ledger.read(tmp_path))


@pytest.mark.parametrize("place", [0, 1, 3])
def test_a_line_that_no_table_can_hold_is_named_by_its_number(tmp_path: Path, place: int) -> None:
    """Tables are read piece by piece; which line a piece could not be read for is found out afterwards."""
    lines = [record(item).line() for item in "abcd"]
    lines[place] = lines[place][:40] + b"\n"
    (tmp_path / "x.jsonl").write_bytes(b"".join(lines))
    with pytest.raises(UsageError, match=rf"x\.jsonl, line {place + 1}:"):
        latest_records.load(tmp_path)


def test_full_disk_while_appending_leaves_no_torn_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = LedgerWriter(tmp_path, "w")
    writer.append(record("a"))
    sync = os.fsync

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        writer.append(record("b"))
    monkeypatch.setattr(os, "fsync", sync)
    writer.append(record("c"))
    writer.close()
    assert [r.item for r in ledger.read(tmp_path)] == ["a", "c"]


def test_newest_is_by_sequence_whatever_the_clock_says(tmp_path: Path) -> None:
    late = record(sequence=2, started="1999-01-01", reason="newer")
    early = record(sequence=1, started="2030-01-01", reason="older")
    assert ledger.latest([late, early])["a"].reason == "newer"
    assert ledger.latest([early, late])["a"].reason == "newer"


def test_duplicate_records_do_no_harm(tmp_path: Path) -> None:
    for name in ("w1", "w2"):
        writer = LedgerWriter(tmp_path, name)
        writer.append(record())
        writer.close()
    assert len(ledger.latest(ledger.read(tmp_path))) == 1
    ledger.compact(tmp_path)
    assert len(list(ledger.read(tmp_path))) == 1


values = st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False), st.text())
names = st.text(alphabet="abc", min_size=1, max_size=2)
records = st.builds(
    record,
    item=names,
    sequence=st.integers(1, 5),
    measures=st.dictionaries(
        st.text(max_size=5),
        st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
        max_size=3,
    ),
    detail=st.text(max_size=20),
    retryable=st.booleans(),
    seconds=st.floats(0, 1e6),
)


@given(st.lists(records, max_size=12, unique_by=lambda r: (r.item, r.sequence)), st.integers(1, 4))
@settings(deadline=None, max_examples=30)
def test_compaction_keeps_every_record(
    tmp_path_factory: pytest.TempPathFactory, written: list[Record], writers: int
) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    for number in range(writers):
        writer = LedgerWriter(folder, f"w{number}")
        for one in written[number::writers]:
            writer.append(one)
        writer.close()
    before = {(r.item, r.sequence): r for r in ledger.read(folder)}
    ledger.compact(folder)
    assert {(r.item, r.sequence): r for r in ledger.read(folder)} == before
    assert len(list(folder.iterdir())) <= 1
    again = LedgerWriter(folder, "later")
    again.append(record("zz", 9))
    again.close()
    ledger.compact(folder)
    assert len({(r.item, r.sequence) for r in ledger.read(folder)}) == len(before) + 1


def test_kill_between_compaction_and_cleaning_up_leaves_only_doubles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for item in "ab":
        writer = LedgerWriter(tmp_path, item)
        writer.append(record(item))
        writer.close()
    monkeypatch.setattr(Path, "unlink", lambda self, missing_ok=False: None)
    ledger.compact(tmp_path)
    monkeypatch.undo()
    assert len(list(ledger.read(tmp_path))) == 4
    assert sorted(ledger.latest(ledger.read(tmp_path))) == ["a", "b"]
    ledger.compact(tmp_path)
    assert sorted(r.item for r in ledger.read(tmp_path)) == ["a", "b"]


def test_long_file_is_sealed_as_parquet_and_a_kill_in_between_leaves_only_doubles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "_LONG_ROWS", 3)
    writer = LedgerWriter(tmp_path, "w")
    for number in range(7):
        if number == 6:
            monkeypatch.setattr(Path, "unlink", lambda self, missing_ok=False: None)
        writer.append(record(f"item{6 - number}"))
    monkeypatch.undo()
    suffixes = sorted(re.sub(r".*?((\.jsonl\.open)?(\.parquet)?)$", r"\1", path.name) for path in tmp_path.iterdir())
    assert suffixes == [".jsonl.open", ".jsonl.open", ".parquet", ".parquet"]
    assert len(list(ledger.read(tmp_path))) == 10
    assert len(latest_records.load(tmp_path)) == 7
    writer.close()
    ledger.compact(tmp_path)
    assert len(list(ledger.read(tmp_path))) == 10  # the double is of an open file: it stays until its writer is gone
    for path in tmp_path.glob("*.open"):
        path.rename(path.with_suffix(""))
    ledger.compact(tmp_path)
    assert [r.item for r in ledger.read(tmp_path)] == [f"item{n}" for n in range(7)]


def test_compaction_while_somebody_reads_loses_nothing_for_him(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for item in "abc":
        writer = LedgerWriter(tmp_path, item)
        writer.append(record(item))
        writer.close()
    real = ledger_files.paths

    def listed_and_then_compacted(folder: Path) -> list[Path]:
        monkeypatch.setattr(ledger_files, "paths", real)
        found = real(folder)
        ledger.compact(folder)
        return found

    monkeypatch.setattr(ledger_files, "paths", listed_and_then_compacted)
    assert latest_records.load(tmp_path).items.to_pylist() == ["a", "b", "c"]


def _write_as_a_task(root: Path, number: int, long_rows: int, compacted: Event) -> None:
    """One task of an array: three files one after the other, and a fourth that stays open when it is killed.

    The fourth is written when others were ``compacted``.
    """
    ledger._LONG_ROWS = long_rows
    for part in range(4):
        assert part < 3 or compacted.wait(60)
        writer = ledger.open_writer(Root(root), "s", f"task{number}")
        for row in range(10):
            writer.append(record(f"item{number}{part}{row}"))
        if part < 3:
            writer.close()
    os.kill(os.getpid(), signal.SIGKILL)


def test_compaction_while_processes_of_an_array_write_loses_and_doubles_nothing(tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    compacted = fork.Event()
    tasks = [fork.Process(target=_write_as_a_task, args=(tmp_path, number, 7, compacted)) for number in range(3)]
    for task in tasks:
        task.start()
    folder = tmp_path / "ledger" / "s"
    seen = compactions = 0
    while seen == 0 or any(task.is_alive() for task in tasks):
        ledger.compact(folder)
        compactions += 1
        held = len(latest_records.load(folder))
        assert held >= seen
        seen = held
        if compactions > 1 and seen > 0:
            compacted.set()
    for task in tasks:
        task.join()
        assert task.exitcode == -signal.SIGKILL
    ledger.compact(folder)
    names = [r.item for r in ledger.read(folder)]
    assert names == sorted(set(names))
    assert len(names) == 120
    assert compactions > 1  # while all of them lived: they waited for it
    assert [path.suffix for path in folder.iterdir()] == [".parquet"]  # what the killed left open is in it


def test_ledger_of_another_format_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "old.jsonl").write_text('{"stage":"s","item":"a","key":"k","status":"done","sequence":1,"meta":{}}\n')
    for read in (latest_records.load, lambda folder: list(ledger.read(folder))):
        with pytest.raises(UsageError, match=r"old\.jsonl.*expected a ledger of format 2, found format 1"):
            read(tmp_path)


def test_compacted_file_is_typed_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    writer = LedgerWriter(tmp_path, "w")
    writer.append(replace(record(), seconds=2.5, retryable=True))
    writer.close()
    ledger.compact(tmp_path)
    path = next(tmp_path.glob("*.parquet"))
    assert pq.read_schema(path) == ledger.SCHEMA
    path.write_bytes(b"PAR1 not really")
    with pytest.raises(UsageError, match=path.name):
        list(ledger.read(tmp_path))


def test_field_that_cannot_be_read_is_named_with_its_line_when_it_is_asked_for(tmp_path: Path) -> None:
    lines = [record(item).line() for item in "abc"]
    wrong = lines[1].partition(b',"crc"')[0].replace(b'"meta":"{', b'"meta":"[{')  # as an earlier version left it
    (tmp_path / "x.jsonl").write_bytes(lines[0] + wrong + b"}\n" + lines[2])
    held = latest_records.load(tmp_path)
    assert held.record(1).item == "b"
    with pytest.raises(UsageError, match=r"x\.jsonl, line 2"):
        _ = held.record(1).meta


def stored(folder: Path, made: Record, compacted: bool) -> Record:
    """A record as it is read from a ledger of lines, or of columns."""
    writer = LedgerWriter(folder, "w")
    writer.append(made)
    writer.close()
    if compacted:
        ledger.compact(folder)
    (found,) = ledger.read(folder)
    return found


@pytest.mark.parametrize("compacted", [False, True])
def test_text_of_a_mapping_is_that_of_the_ledger(tmp_path: Path, compacted: bool) -> None:
    made = record("a", measures={"z": 0.1, "a": ["é", "\ud800"]})
    found = stored(tmp_path, made, compacted)
    assert found.text("measures") == made.text("measures")
    assert json.loads(found.text("measures")) == made.measures


@pytest.mark.parametrize("compacted", [False, True])
def test_stored_record_with_another_verdict_is_written_as_one_that_was_taken_apart(
    tmp_path: Path, compacted: bool
) -> None:
    blob = Blob("data/s/a/x", "00ff", 3)
    made = record(
        "a", measures={"z": 0.1, "a": ["é", "\ud800", 1e-7]}, meta={"名": 1}, inputs={"y": blob}, outputs={"x": blob},
        children=({"id": "a-0", "outputs": {"z": blob.to_json()}, "meta": {"n": 1}},), tools={"ffmpeg": "9"},
    )  # fmt: skip
    found = stored(tmp_path, made, compacted)
    verdict: dict[str, Any] = {"status": "filtered", "sequence": 2, "reason": "still", "detail": "größer"}
    again = found.changed(**verdict)
    assert again == replace(made, **verdict) == made.changed(**verdict)
    assert again.line() == made.changed(**verdict).line()
    assert found == made
    last = again.changed(measures={"n": 1}, sequence=3)
    assert (last.status, last.sequence, last.text("measures")) == ("filtered", 3, '{"n":1}')
    assert last.line() == made.changed(**verdict).changed(measures={"n": 1}, sequence=3).line()
    assert replace(again, status="done") == replace(made, **verdict | {"status": "done"})


def test_digests_of_an_output_are_null_where_there_is_none(tmp_path: Path) -> None:
    writer = LedgerWriter(tmp_path, "w")
    writer.append(record("a", outputs={"x": Blob("u", "0a", 1), "y": Blob("v", "0b", 1)}))
    writer.append(record("b", outputs={"y": Blob("v", "0c", 1)}))
    writer.close()
    held = latest_records.load(tmp_path)
    for _ in range(2):
        assert held.digests("x", np.array([1, 0, -1])).to_pylist() == [None, "0a", None]
        assert held.digests("y", np.array([1, 0])).to_pylist() == ["0c", "0b"]
    assert latest_records.load(tmp_path / "nothing").digests("x", np.array([], int)).to_pylist() == []


def test_a_record_behind_the_first_piece_of_a_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is read in pieces, of which one is held: the offsets of a record count from the piece."""
    monkeypatch.setattr(ledger_files, "_AHEAD_BYTES", 1000)
    (tmp_path / "w.jsonl").write_bytes(b"".join(record(f"item{n:03}", reason="r" * n).line() for n in range(100)))
    newest = latest_records.Records(latest_records.load(tmp_path))
    for n in (99, 50, 51, 0, 52, 98):
        assert newest[f"item{n:03}"].reason == "r" * n


@pytest.mark.parametrize("names", ["ab", "ba"])
def test_of_two_attempts_with_one_number_the_one_begun_later_counts(tmp_path: Path, names: str) -> None:
    """Two hosts gave the same number: whichever file comes first decides nothing."""
    for name, year in zip(names, ("1999", "2030"), strict=True):
        (tmp_path / f"{name}.jsonl").write_bytes(record(started=f"{year}-01-01", reason=year).line())
    assert latest_records.Records(latest_records.load(tmp_path))["a"].reason == "2030"
