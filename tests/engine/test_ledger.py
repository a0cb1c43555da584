from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yt360.engine import ledger
from yt360.engine.contract import Blob
from yt360.engine.ledger import LedgerWriter, Record
from yt360.errors import UsageError


def record(item: str = "a", sequence: int = 1, **more) -> Record:
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
    lines = [json.dumps(record(item).to_json()) for item in "abc"]
    (tmp_path / "x.jsonl").write_text(lines[0] + "\n" + lines[1][:40] + "\n" + lines[2] + "\n")
    with pytest.raises(UsageError, match=r"x\.jsonl, line 2"):
        list(ledger.read(tmp_path))


def test_full_disk_while_appending_leaves_no_torn_line(tmp_path: Path, monkeypatch) -> None:
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
@settings(deadline=None)
def test_compaction_keeps_every_record(tmp_path_factory, written: list[Record], writers: int) -> None:
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


def test_kill_between_compaction_and_cleaning_up_leaves_only_doubles(tmp_path: Path, monkeypatch) -> None:
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
