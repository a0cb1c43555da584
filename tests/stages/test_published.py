"""What `verify` says of manifests and the index, and that the next run mends exactly that."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.stages.fakes import Dataset, FakeChunk
from yt360.publishing.manifests import check_manifests

VIDEOS = {"alpha": 2, "beta": 1}


def _flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 4]) + data[middle + 1 :]


def _spoil(path: Path, damaged: bytes | None) -> None:
    """Put other bytes there, or nothing."""
    if damaged is None:
        path.unlink()
    else:
        path.write_bytes(damaged)


@pytest.mark.parametrize("name", ["shards/shards.json", "manifests/clips.parquet", "manifests/videos.parquet"])
def test_damage_is_named_and_mended_by_the_next_run(tmp_path: Path, name: str) -> None:
    """F7: `verify` was blind to the index and to the manifests' content; F13: bytes that are no UTF-8 ended the run."""
    dataset = Dataset(tmp_path / "root")
    dataset.run(VIDEOS)
    path = dataset.root.path / name
    whole = path.read_bytes()
    assert check_manifests(dataset.catalog(VIDEOS)) == []
    for damaged in (None, b"", whole[: len(whole) // 2], _flipped(whole), b"\xff" * 100):
        _spoil(path, damaged)
        (problem,) = check_manifests(dataset.catalog(VIDEOS))
        assert str(path) in problem
        (dataset.root.state / "published.txt").write_bytes(b"\xff\xfe")
        dataset.run(VIDEOS)
        assert path.read_bytes() == whole
        assert check_manifests(dataset.catalog(VIDEOS)) == []


@pytest.mark.parametrize("name", ["README.md", "shards/README.md"])
def test_a_card_that_changed_or_went_is_named_and_mended_and_somebody_s_own_is_neither(
    tmp_path: Path, name: str
) -> None:
    """A kind of F7."""
    dataset = Dataset(tmp_path / "root")
    dataset.run(VIDEOS)
    path = dataset.root.path / name
    whole = path.read_bytes()
    for damaged in (None, whole.replace(b"train", b"trajn")):
        _spoil(path, damaged)
        (problem,) = check_manifests(dataset.catalog(VIDEOS))
        assert str(path) in problem
        dataset.run(VIDEOS)
        assert path.read_bytes() == whole
    path.write_text("# My dataset")
    assert check_manifests(dataset.catalog(VIDEOS)) == []


def test_an_index_of_the_former_name_is_good_and_the_next_run_renames_it(tmp_path: Path) -> None:
    dataset = Dataset(tmp_path / "root")
    dataset.run(VIDEOS)
    new, former = dataset.root.path / "shards" / "shards.json", dataset.root.path / "shards" / "index.json"
    new.rename(former)
    assert check_manifests(dataset.catalog(VIDEOS)) == []
    former.write_bytes(_flipped(former.read_bytes()))
    assert len(check_manifests(dataset.catalog(VIDEOS))) == 1
    former.write_bytes(_flipped(former.read_bytes()))
    whole = former.read_bytes()
    dataset.run(VIDEOS)
    assert not former.exists()
    assert new.read_bytes() == whole


def test_an_index_of_another_tool_is_left_alone(tmp_path: Path) -> None:
    dataset = Dataset(tmp_path / "root")
    dataset.run(VIDEOS)
    for text in ('{"chunks": [], "config": {}}', "not JSON", '{"shards": [{"shard": "train-000000.tar"}]}'):
        other = dataset.root.path / "shards" / "index.json"
        other.write_text(text)
        (dataset.root.manifests / "clips.parquet").unlink()
        dataset.run(VIDEOS)
        assert other.read_text() == text
        assert check_manifests(dataset.catalog(VIDEOS)) == []


def test_what_waits_for_a_newer_version_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an upgrade that raised a stage's version, `verify` called the tables damaged."""
    dataset = Dataset(tmp_path / "root")
    dataset.run(VIDEOS)
    monkeypatch.setattr(FakeChunk, "version", 2)
    assert check_manifests(dataset.catalog(VIDEOS)) == []
    path = dataset.root.manifests / "videos.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert [said.split(":")[0] for said in check_manifests(dataset.catalog(VIDEOS))] == [str(path)]
