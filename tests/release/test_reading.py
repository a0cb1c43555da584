"""Published lists are read with care: what is damaged, hostile or too new is refused by name."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.release.conftest import LICENCES
from yt360.dataset.schema import arrow
from yt360.errors import UsageError
from yt360.release.reading import read_published, read_release
from yt360.release.schema import LISTED


def signed(folder: Path) -> Path:
    """The checksums anew: what a hostile publisher would do."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "SHA256SUMS")
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n" for path in paths
    ]
    (folder / "SHA256SUMS").write_text("".join(lines))
    return folder


@pytest.fixture
def own(as_list: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(as_list, tmp_path / "release"))


def edited(folder: Path, change: Callable[[list[dict[str, Any]]], None]) -> Path:
    path = folder / "clips" / "train.parquet"
    rows = pq.read_table(path).to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows, schema=arrow(LISTED)), path)
    return signed(folder)


def test_a_release_is_read_back(as_list: Path, with_media: Path) -> None:
    for folder in (as_list, with_media):
        found = read_published(str(folder))
        assert (found.name, found.version) == ("tiny", "1.0.0")
        assert {clip.video for clip in found.clips} == set(LICENCES)
        assert all(found.fingerprint(clip) is not None for clip in found.clips)
        assert set(found.stages) >= {"crawl", "chunk", "split", "shard"}
        assert found.digest == hashlib.sha256((folder / "SHA256SUMS").read_bytes()).hexdigest()


@pytest.mark.parametrize("name", ["clips/train.parquet", "release.json", "takedowns.jsonl", "manifests/videos.parquet"])
def test_a_damaged_file_is_refused(own: Path, name: str) -> None:
    data = (own / name).read_bytes()
    (own / name).write_bytes(data[:-1] + bytes([data[-1] ^ 1]) if data else b"x")
    with pytest.raises(UsageError, match=r"expected the SHA-256 .* get the release again"):
        read_release(own)
    (own / name).unlink()
    with pytest.raises(UsageError, match="expected a file of the release"):
        read_release(own)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("address", "file:///etc/passwd"),
        ("address", "/etc/passwd"),
        ("address", "https://evil.example/?token=$AWS_SECRET_ACCESS_KEY"),
        ("address", "https://a.example/v.mp4\tx"),
        ("clip", "../../../etc/cron.d/x"),
        ("clip", "a" * 500),
        ("video", "a/b"),
        ("video", ""),
        ("split", "train test"),
        ("split", "../x"),
        ("start_s", -1.0),
        ("start_s", float("nan")),
        ("start_s", 1e12),
        ("start_s", None),
        ("duration_s", 0.0),
        ("duration_s", 1e9),
        ("listed_convention", "$(rm)"),
        ("foa_digest", "' or 1=1"),
    ],
)
def test_a_hostile_row_is_refused_by_its_column(own: Path, column: str, value: object) -> None:
    folder = edited(own, lambda rows: rows[0].update({column: value}))
    with pytest.raises(UsageError, match=f"expected a sound value of {column}"):
        read_release(folder)


def test_a_clip_twice_is_refused(own: Path) -> None:
    with pytest.raises(UsageError, match="each clip once"):
        read_release(edited(own, lambda rows: rows.append(rows[0])))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[]", "expected what a release says of itself"),
        ("{", "expected JSON"),
        ("[" * 100_000, "expected JSON"),
        ('{"format": "yt360-release", "format_version": 99}', "update yt360"),
        ('{"format": "yt360-release", "format_version": "1"}', "update yt360"),
    ],
)
def test_another_release_json_is_refused(own: Path, text: str, words: str) -> None:
    (own / "release.json").write_text(text)
    with pytest.raises(UsageError, match=words):
        read_release(signed(own))


@pytest.mark.parametrize("data", [b"", b"PAR1", b"not parquet" * 100])
def test_a_table_that_is_none_is_refused(own: Path, data: bytes) -> None:
    (own / "clips" / "train.parquet").write_bytes(data)
    with pytest.raises(UsageError, match="expected a table of a release"):
        read_release(signed(own))


def test_a_fingerprint_that_is_none_counts_as_missing(own: Path) -> None:
    path = own / "fingerprints" / "train.parquet"
    rows = pq.read_table(path).to_pylist()
    rows[0]["pictures"], rows[1]["times"] = b"short", []
    pq.write_table(pa.Table.from_pylist(rows, schema=pq.read_schema(path)), path)
    found = read_release(signed(own))
    missing = {clip.clip for clip in found.clips if found.fingerprint(clip) is None}
    assert missing == {rows[0]["clip"], rows[1]["clip"]}


def test_takedowns_are_tombstones(own: Path) -> None:
    lines = [{"id": "beta", "video": "beta-------", "address": "", "removed": "2026-01-01"}, {"id": "a/b\u202e"}]
    (own / "takedowns.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    one, other = read_release(signed(own)).takedowns
    assert (one.id, one.video, one.removed) == ("beta", "beta-------", "2026-01-01")
    assert "/" not in other.id
    (own / "takedowns.jsonl").write_text("[]\n")
    with pytest.raises(UsageError, match="line 1: expected a takedown"):
        read_release(signed(own))


def test_the_list_of_2020() -> None:
    found = read_published("yt360-2020")
    assert len(found.clips) == 88_754
    assert {clip.split for clip in found.clips} == {"train", "test"}
    assert len({clip.video for clip in found.clips}) == 5506
    assert not any(clip.foa_digest or found.fingerprint(clip) for clip in found.clips[:100])


def test_a_table_of_segments(tmp_path: Path) -> None:
    path = tmp_path / "mine.tsv"
    path.write_text(
        "video\tsplit\tstarts\n-oytwMeyR74\ttest\t133,12.5\nhttps://youtu.be/aaaaaaaaaaa\tnone\t1\n"
        "https://youtu.be/bbbbbbbbbbb\ttrain\t1\nhttps://h.example/walk.mp4\ttrain\t0\n"
    )
    found = read_published(str(path))
    clips = {clip.clip: (clip.video, clip.address) for clip in found.clips}
    assert list(clips)[:3] == ["-oytwMeyR74-00012_500", "-oytwMeyR74-00133", "bbbbbbbbbbb-00001"]
    assert clips["bbbbbbbbbbb-00001"] == ("bbbbbbbbbbb", "")
    (address,) = (address for name, (_, address) in clips.items() if name.startswith("walk"))
    assert address == "https://h.example/walk.mp4"
    assert found.name == "mine"
    path.write_text("video\tstarts\n/etc/passwd\t1\n")
    with pytest.raises(UsageError, match="line 2: expected a YouTube id or an http"):
        read_published(str(path))
    path.write_text("video\n-oytwMeyR74\n")
    with pytest.raises(UsageError, match="found videos alone"):
        read_published(str(path))


@pytest.mark.parametrize("what", ["nothing-there", "https://huggingface.co/x", ""])
def test_something_else_is_refused(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="expected"):
        read_published(what)


def test_a_folder_that_is_no_release(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"is .* a release"):
        read_published(str(tmp_path))
