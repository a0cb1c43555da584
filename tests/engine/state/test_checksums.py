"""A bit that comes back wrong is found: no flip in the ledger is taken for true, and old files are still read."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from tests.engine.conftest import NAMES, run_inline, toy_recipe
from yt360.engine.state import checksums, ledger
from yt360.engine.state.ledger_files import open_file
from yt360.engine.state.record import Record
from yt360.engine.storage import Root
from yt360.errors import UsageError


@pytest.fixture
def folder(root: Root) -> Path:
    run_inline(root, toy_recipe())
    return root.ledger / "misbehave"


def _all(folder: Path) -> list[dict[str, object]]:
    return sorted((record.to_row() for record in ledger.read(folder)), key=lambda row: str(row["item"]))


@pytest.mark.parametrize("compacted", [False, True])
def test_no_flipped_bit_is_taken_for_true(folder: Path, compacted: bool) -> None:
    """F13: 661 of 1500 flips in lines and 104 in Parquet were, measures included."""
    if compacted:
        ledger.compact(folder)
        (old,) = folder.glob("*.parquet")
        ledger._write_merged(folder / "records-x.parquet", [open_file(old)])  # one file alone is not gathered again
        old.unlink()
    (path,) = [path for path in folder.iterdir() if path.suffix in (".jsonl", ".parquet")]
    whole, expected = path.read_bytes(), _all(folder)
    chance = random.Random(2)
    torn = 0
    for _ in range(300):
        data = bytearray(whole)
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        path.write_bytes(data)
        try:
            found = _all(folder)
        except UsageError as error:
            said = str(error)
        else:  # the end of the last line: a torn line is no record yet
            torn += 1
            said = f"{path}: move this file away and run again"
            assert len(found) == len(expected) - 1
            assert all(row in expected for row in found)
        assert str(path) in said
        assert "move this file away and run again" in said
    assert torn < 10


def test_lines_of_an_earlier_version_are_read(folder: Path) -> None:
    (path,) = folder.glob("*.jsonl")
    expected = _all(folder)
    values = [json.loads(line) for line in path.read_text().splitlines()]
    for value in values:
        del value["crc"]
    path.write_text("".join(json.dumps(value) + "\n" for value in values))
    assert _all(folder) == expected


def test_a_line_whose_checksum_was_lost_is_no_line_of_an_earlier_version(folder: Path) -> None:
    (path,) = folder.glob("*.jsonl")
    path.write_bytes(path.read_bytes().replace(b',"crc":"', b',"crb":"'))
    with pytest.raises(UsageError, match="checksum"):
        _all(folder)


def test_a_compacted_file_of_an_earlier_version_is_read(folder: Path) -> None:
    ledger.compact(folder)
    (path,) = folder.glob("*.parquet")
    assert checksums._IN_NAME.search(path.name)
    expected = _all(folder)
    path.rename(path.with_name("records-0123456789ab.parquet"))
    assert _all(folder) == expected
    assert [record.item for record in ledger.find(folder, NAMES)] == NAMES


def test_a_line_ends_with_its_checksum() -> None:
    line = Record("s", "a", "a", "k", "done", 1, measures={"title": "Ü \ud800"}).line()
    value = json.loads(line)
    assert line.endswith(b',"crc":"%s"}\n' % value["crc"].encode())
    assert checksums.is_whole(line, frozenset())
    assert not checksums.is_whole(line.replace(b'"done"', b'"dune"'), frozenset(value) - {"crc"})


@pytest.mark.parametrize("number", [1, 2, 4])
def test_the_line_that_is_damaged_is_named(folder: Path, number: int) -> None:
    (path,) = folder.glob("*.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    assert len(lines) == len(NAMES)
    lines[number - 1] = lines[number - 1].replace(b'"attempt"', b'"attemqt"')
    path.write_bytes(b"".join(lines))
    with pytest.raises(UsageError, match=rf"{path.name}, line {number}: "):
        list(open_file(path).records())
    with pytest.raises(UsageError, match=rf"{path.name}, line {number}: "):
        open_file(path).columns(["item"])
