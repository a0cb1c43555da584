"""The bytes of a clip's members, out of shards on a disk and in a store."""

from __future__ import annotations

import os
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest

from tests.training.world import tiny
from yt360.dataset.decoding import ClipDecoder, decode_planes, decode_sound
from yt360.dataset.manifest import MAX_MEMBER_BYTES, ClipRow, check_shards, load_split
from yt360.dataset.members import MemberReader
from yt360.errors import ItemError


def load(root: Path | str, name: str = "train", **data: Any) -> Any:
    return load_split(str(root), name, tiny(data=data).data, 24_000)


def test_members_are_the_bytes_of_the_manifest(root: Path) -> None:
    reader = MemberReader(str(root))
    for one in load(root).clips:
        assert reader.video(one)[4:8] == b"ftyp"
        assert reader.sound(one)[:4] == b"fLaC"


def test_members_come_from_any_fsspec_store(root: Path) -> None:
    store = fsspec.filesystem("memory")
    for path in root.rglob("*.*"):
        store.pipe(f"/bucket/{path.relative_to(root)}", path.read_bytes())
    split = load("memory://bucket")
    check_shards("memory://bucket", [split])
    assert MemberReader("memory://bucket").sound(split.clips[3]) == MemberReader(str(root)).sound(split.clips[3])


@pytest.mark.parametrize("member", ["video", "foa"])
def test_corrupted_member_is_found_by_its_digest(own_root: Path, member: str) -> None:
    one = load(own_root).clips[0]
    shard = own_root / "shards" / one.shard
    data = bytearray(shard.read_bytes())
    data[getattr(one, f"{member}_offset") + getattr(one, f"{member}_size") // 2] ^= 1
    shard.write_bytes(data)
    reader = MemberReader(str(own_root))
    with pytest.raises(ItemError, match=f"clip {one.clip}: {member} in {one.shard}.*yt360 verify"):
        reader.video(one) if member == "video" else reader.sound(one)


def test_reader_can_be_sent_to_a_worker(root: Path) -> None:
    reader = MemberReader(str(root))
    one = load(root).clips[0]
    data = reader.sound(one)
    again = pickle.loads(pickle.dumps(reader))
    assert again.sound(one) == data
    reader.close()
    again.close()


def row_of(root: Path) -> ClipRow:
    found: ClipRow = load(root).clips[0]
    return found


def without(row: ClipRow, name: str) -> ClipRow:
    lacking: dict[str, Any] = {name: None}
    return replace(row, **lacking)


def test_maps_are_read_where_a_clip_has_them(root: Path) -> None:
    row, reader = row_of(root), MemberReader(str(root))
    assert reader.maps(row)[:2] == b"PK"
    for name in ("panoptic_offset", "panoptic_size", "panoptic_digest"):
        with pytest.raises(ItemError, match=f"clip {row.clip} has no panoptic maps: run yt360 segment and shard"):
            reader.maps(without(row, name))


def test_events_are_read_where_somebody_looked_for_some(root: Path) -> None:
    """The maps stand for them: where a member lies is all that matters here."""
    row, reader = row_of(root), MemberReader(str(root))
    listened = replace(
        row,
        events_offset=row.panoptic_offset,
        events_size=row.panoptic_size,
        events_digest=row.panoptic_digest,
    )
    assert reader.events(listened) == reader.maps(row)
    for name in ("events_offset", "events_size", "events_digest"):
        with pytest.raises(ItemError, match=f"clip {row.clip} has no events: run yt360 annotate and shard"):
            reader.events(without(listened, name))


def test_any_member_is_read_by_its_place(root: Path) -> None:
    row = row_of(root)
    found = MemberReader(str(root)).member(
        row.clip, "foa.flac", row.shard, row.foa_offset, row.foa_size, row.foa_digest
    )
    assert found == MemberReader(str(root)).sound(row)


@pytest.mark.parametrize(
    ("shard", "offset", "size"),
    [
        ("../s.tar", 0, 1),
        ("/s.tar", 0, 1),
        ("a/s.tar", 0, 1),
        ("", 0, 1),
        (".", 0, 1),
        ("..", 0, 1),
        ("s.tar", -1, 1),
        ("s.tar", 0, 0),
        ("s.tar", 0, -1),
        ("s.tar", 0, MAX_MEMBER_BYTES + 1),
    ],
)
def test_a_place_that_cannot_be_is_not_read(tmp_path: Path, shard: str, offset: int, size: int) -> None:
    with pytest.raises(ItemError, match="cannot be"):
        MemberReader(str(tmp_path)).member("c", "foa.flac", shard, offset, size, "")


def test_the_largest_member_and_the_first_byte_may_be_asked_for(tmp_path: Path) -> None:
    (tmp_path / "shards").mkdir()
    (tmp_path / "shards" / "s.tar").write_bytes(b"four")
    with pytest.raises(ItemError, match=f"ends after 4 of {MAX_MEMBER_BYTES} bytes"):
        MemberReader(str(tmp_path)).member("c", "foa.flac", "s.tar", 0, MAX_MEMBER_BYTES, "")


def test_of_a_member_that_was_checked_only_a_window_is_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, row = MemberReader(str(root)), row_of(root)
    decoder = ClipDecoder(reader, row)
    sizes: list[int] = []
    real = os.pread

    def counted(file: int, size: int, offset: int) -> bytes:
        sizes.append(size)
        return real(file, size, offset)

    monkeypatch.setattr(os, "pread", counted)
    read = []
    for _ in range(2):
        sizes.clear()
        pictures, sound = decoder.planes([3]), decoder.sound([100], 1000)
        read.append(sum(sizes))
    assert read[1] < read[0] == row.video_size + row.foa_size
    np.testing.assert_array_equal(pictures, decode_planes(reader.video(row), row, [3]))
    np.testing.assert_array_equal(sound[0], decode_sound(reader.sound(row), row, 100, 1000))


def test_a_shard_that_was_cut_short_after_it_was_checked_is_named(own_root: Path) -> None:
    reader, row = MemberReader(str(own_root)), row_of(own_root)
    decoder = ClipDecoder(reader, row)
    decoder.frames([0])
    os.truncate(own_root / "shards" / row.shard, row.video_offset + 100)
    with pytest.raises(ItemError, match=rf"clip {row.clip}: video: .*{row.shard} ends after .* run yt360 verify"):
        decoder.frames([0])
