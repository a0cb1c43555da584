from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import SHARED
from yt360.errors import UsageError
from yt360.filters.evaluation.labels import read_labels

TAGS = """\tindoor/outdoor\tprimary sound source\tcomments
_65lEmHZ3hQ\tindoor\tband\t
_al-w6QJGHA\tfake\t\t
_n9lMt_JIG0\tedited sound\t\t
aaaaaaaaaaa\tdeleted\t\t
bbbbbbbbbbb\tbad ambix
ccccccccccc\trepeat
"""


def test_the_authors_table_is_read_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "tags.tsv").write_text(TAGS)
    labels = read_labels(tmp_path / "tags.tsv")
    assert labels.wanted == {
        "_65lEmHZ3hQ": "keep", "_al-w6QJGHA": "ambisonics", "_n9lMt_JIG0": "post-production",
        "bbbbbbbbbbb": "ambisonics", "ccccccccccc": "duplicates",
    }  # fmt: skip
    assert labels.unused == {"deleted": 1}


REAL = SHARED / "labels/tags.tsv"


@pytest.mark.skipif(not REAL.is_file(), reason="needs the labels in ../shared/labels beside the checkout")
def test_the_real_table() -> None:
    labels = read_labels(REAL)
    found = [list(labels.wanted.values()).count(name) for name in ("keep", "ambisonics", "post-production")]
    assert found == [1156, 456, 274]  # some ids stand there twice


def test_the_truth_of_a_world(tmp_path: Path) -> None:
    (tmp_path / "truth").mkdir()
    for name, expected in (("a", "keep"), ("b", "voice-over"), ("c", "not-360")):
        truth = {"name": name, "expected": expected}
        (tmp_path / "truth" / f"{name}.truth.json").write_text(json.dumps(truth))
    for path in (tmp_path, tmp_path / "truth", tmp_path / "world.json"):
        assert read_labels(path).wanted == {"a": "keep", "b": "post-production"}
    assert read_labels(tmp_path / "truth" / "b.truth.json").wanted == {"b": "post-production"}


@pytest.mark.parametrize("content", ["", "only\tnonsense\n", "{}"])
def test_a_file_without_labels_is_refused_with_what_was_expected(tmp_path: Path, content: str) -> None:
    (tmp_path / "x.tsv").write_text(content)
    with pytest.raises(UsageError, match=r"x\.tsv: expected"):
        read_labels(tmp_path / "x.tsv")


@given(st.binary(max_size=300))
def test_hostile_tables_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("labels") / "x.tsv"
    path.write_bytes(data)
    try:
        labels = read_labels(path)
    except UsageError:
        return
    assert all("/" not in name for name in labels.wanted)
