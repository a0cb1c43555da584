"""What stands in a release, that its bytes repeat, and that nothing is written over."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
import yaml

import yt360
from tests import CHECKOUT
from tests.evaluation.world import make_labelled_root
from tests.release.conftest import LICENCES, SETTINGS, VIDEOS_MADE, contents_of, state_licences, write
from tests.stages.fakes import Dataset
from yt360 import process_tag
from yt360.crawling.removed_ids import Tombstone, bury
from yt360.dataset.schema import EVENTS, VARIANTS, arrow, markdown
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.storage import Root
from yt360.errors import UsageError, Yt360Error
from yt360.hashing import digest_bytes
from yt360.release import packing
from yt360.release.schema import TABLES
from yt360.release.writing import write_release


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def header(folder: Path) -> dict[str, Any]:
    _, text, _ = (folder / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    return dict(yaml.safe_load(text))


@pytest.mark.parametrize("media", [False, True])
def test_the_same_root_gives_the_same_bytes(catalog: DatasetState, tmp_path: Path, media: bool) -> None:
    one, other = (write(catalog, tmp_path / name / "tiny", media=media) for name in "ab")
    assert files(one) == files(other)


def test_checksums_cover_everything(with_media: Path) -> None:
    lines = (with_media / "SHA256SUMS").read_text().splitlines()
    listed = {name: digest for digest, name in (line.split("  ") for line in lines)}
    found = files(with_media)
    assert listed == {name: hashlib.sha256(data).hexdigest() for name, data in found.items() if name != "SHA256SUMS"}
    done = subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=with_media, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_a_list_has_segments_digests_measures_and_licences_but_no_media(as_list: Path, made: Dataset) -> None:
    clips = pd.concat([pd.read_parquet(path) for path in sorted((as_list / "clips").glob("*.parquet"))])
    known = pd.read_parquet(made.root.manifests / "clips.parquet").set_index("clip")
    assert sorted(clips["clip"]) == sorted(known.index)
    for row in clips.astype(object).where(clips.notna(), None).to_dict("records"):
        assert row["foa_digest"] == known.loc[row["clip"], "foa_digest"]
        assert (row["start_s"], row["duration_s"]) == (float(row["clip"][-5:]), 1.0)
        assert (row["license"], row["channel"]) == (LICENCES[row["video"]], f"channel of {row['video']}")
    assert not [column for column in clips.columns if column.endswith("_offset") or column == "shard"]
    assert not [name for name, data in files(as_list).items() if b"fLaC" in data or b"ftypisom" in data]


def test_every_video_stands_there_with_what_became_of_it(as_list: Path) -> None:
    videos = pd.read_parquet(as_list / "manifests" / "videos.parquet").set_index("video")
    assert videos["status"].to_dict() == dict.fromkeys(LICENCES, "kept") | {"silent": "filtered"}
    assert videos.loc["silent", "reason"] == "silent"
    assert videos["released"].to_dict() == {name: name != "silent" for name in VIDEOS_MADE}
    told = json.loads((as_list / "release.json").read_text())
    (chunk,) = (step for step in told["funnel"] if step["stage"] == "chunk")
    assert (chunk["kept"], chunk["reasons"], chunk["dropped_share"]) == (4, {"silent": 1}, 0.2)
    low, high = chunk["dropped_share_95"]  # Wilson's interval of 1 in 5
    assert (low, high) == pytest.approx((0.0362, 0.6245), abs=1e-3)
    assert "| with clips | 4 | 20.0 % [3.6, 62.4] | silent 1 |" in (as_list / "README.md").read_text()


def test_a_policy_decides_by_licence_and_says_what_it_left_out(catalog: DatasetState, tmp_path: Path) -> None:
    found = contents_of(catalog, policy="cc", media=True)
    assert {row["video"] for row in found.clips} == {"alpha", "delta"}
    assert found.left_out == {
        "policy cc: licence CC-BY-NC-ND": {"videos": 1, "clips": 2},
        "policy cc: the source states no licence": {"videos": 1, "clips": 2},
    }
    out = write(catalog, tmp_path / "cc", policy="cc", media=True)
    card = (out / "README.md").read_text(encoding="utf-8")
    assert "policy cc: licence CC-BY-NC-ND: 1 videos, 2 clips" in card
    videos = pd.read_parquet(out / "manifests" / "videos.parquet").set_index("video")
    assert videos["left_out"].dropna().to_dict() == {
        "beta": "policy cc: the source states no licence",
        "gamma": "policy cc: licence CC-BY-NC-ND",
    }
    for name in ("beta-0", "gamma-0"):
        assert not [path for path, data in files(out).items() if name.encode() in data], name
    with pytest.raises(UsageError, match=r"expected clips to release, found none .*policy public-domain"):
        contents_of(catalog, policy="public-domain")


def test_a_release_with_media_is_a_dataset(with_media: Path, made: Dataset) -> None:
    released, root = yt360.open(with_media), yt360.open(made.root.path)
    assert released.ids == root.ids
    for clip in released:
        assert np.array_equal(clip.foa(), root[clip.id].foa())
        assert np.array_equal(clip.frames(), root[clip.id].frames())
    # Nothing was left out, so the shards are those of the root.
    for path in sorted((made.root.path / "shards").glob("*.tar")):
        assert (with_media / "shards" / path.name).read_bytes() == path.read_bytes()


def test_a_shard_of_which_a_part_is_released_reads_as_well(
    catalog: DatasetState, made: Dataset, tmp_path: Path
) -> None:
    released = yt360.open(write(catalog, tmp_path / "cc", policy="cc", media=True))
    assert {clip.video for clip in released} == {"alpha", "delta"}
    for clip in released:
        assert np.array_equal(clip.foa(), yt360.open(made.root.path)[clip.id].foa())


@pytest.mark.parametrize("split", ["val", "valid", "dev", "validation"])
def test_what_is_called_val_elsewhere_is_validation(
    catalog: DatasetState, split: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from yt360.dataset.manifest import read_manifest as real
    from yt360.release import contents

    def renamed(root: str, name: str) -> Any:
        table = real(root, name)
        names = [split if value == "test" else value for value in table.column("split").to_pylist()]
        return table.set_column(table.column_names.index("split"), "split", [names])

    monkeypatch.setattr(contents, "read_manifest", renamed)
    assert contents_of(catalog).splits == ["train", "validation"]


def test_a_takedown_is_listed_and_nothing_of_it_is_released(tmp_path: Path) -> None:
    """Even where the manifests still have it: the tombstone is written first, and a kill may come between."""
    dataset = Dataset(tmp_path / "root")
    dataset.run(VIDEOS_MADE, **SETTINGS)
    state_licences(dataset)
    bury(dataset.root.state, [Tombstone("beta", video="beta-------"), Tombstone("never-seen")], "Mr X asked")
    out = write(dataset.catalog(VIDEOS_MADE, **SETTINGS), tmp_path / "out")
    stones = [json.loads(line) for line in (out / "takedowns.jsonl").read_text().splitlines()]
    assert [(stone["id"], stone["video"]) for stone in stones] == [("beta", "beta-------"), ("never-seen", "")]
    assert all(stone["removed"] for stone in stones)
    holding = [name for name, data in files(out).items() if b"beta-0" in data]
    assert holding == []
    assert "beta" not in pd.read_parquet(out / "manifests" / "videos.parquet")["video"].tolist()
    assert not [name for name, data in files(out).items() if b"Mr X" in data], "why is nobody's business"


def test_nothing_of_the_publishers_machine_stands_in_it(with_media: Path, as_list: Path, made: Dataset) -> None:
    for folder in (with_media, as_list):
        for name, data in files(folder).items():
            assert str(made.root.path).encode() not in data, name


def test_maps_go_without_media_where_the_licence_allows(tmp_path: Path) -> None:
    """A map is an adaptation of the picture."""
    path = make_labelled_root(tmp_path / "root", videos=2, clips=1, seconds=1.5)
    clips = pd.read_parquet(path / "manifests" / "clips.parquet")
    clips["panoptic_maps"] = 1
    clips.to_parquet(path / "manifests" / "clips.parquet")
    videos = pd.DataFrame({"video": ["video000", "video001"], "license": ["CC BY 4.0", None], "status": "kept"})
    videos.to_parquet(path / "manifests" / "videos.parquet")
    catalog = DatasetState(Root(path), ())
    out = write(catalog, tmp_path / "list")
    (tar,) = (out / "maps").glob("*.tar")
    data = tar.read_bytes()
    assert b"video000-00000.panoptic.zip" in data
    assert b"video001" not in data


def test_nothing_is_written_over(catalog: DatasetState, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "mine.txt").write_text("good work")
    with pytest.raises(UsageError, match="new or empty, found files in it"):
        write(catalog, tmp_path / "there")
    (tmp_path / "file").write_text("good work")
    with pytest.raises(UsageError, match="found a file"):
        write(catalog, tmp_path / "file")
    assert (tmp_path / "there" / "mine.txt").read_text() == "good work"
    (tmp_path / "empty").mkdir()
    assert (write(catalog, tmp_path / "empty") / "README.md").is_file()


def test_a_damaged_shard_leaves_no_release(tmp_path: Path) -> None:
    dataset = Dataset(tmp_path / "root")
    dataset.run({"alpha": 1}, **SETTINGS)
    (shard,) = (dataset.root.path / "shards").glob("*.tar")
    data = bytearray(shard.read_bytes())
    at = data.index(b"fLaC") + 2000
    data[at] ^= 1
    shard.write_bytes(data)
    with pytest.raises(Yt360Error, match=r"alpha-00000.foa.flac in .* is not what the manifest says; run yt360 verify"):
        write(dataset.catalog({"alpha": 1}, **SETTINGS), tmp_path / "out")
    shard.unlink()
    with pytest.raises(Yt360Error, match="expected a shard"):
        write(dataset.catalog({"alpha": 1}, **SETTINGS), tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["root"]


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"policy": "mine"}, "--policy: expected one of all, cc"),
        ({"version": "1.0"}, "--version: expected three numbers"),
        ({"date": "yesterday"}, "--date: expected a day"),
        ({"date": "2026-13-45"}, "--date: expected a day"),
        ({"date": "2026-W01-1"}, "--date: expected a day"),
        ({"licence": "mit\n---"}, "--license: expected the identifier"),
        ({"url": "javascript:alert(1)"}, "--url: expected an http"),
        ({"url": "https://h.test/?token=CANARY"}, "--url: expected an http"),
    ],
)
def test_wrong_wishes_are_answered(catalog: DatasetState, wish: dict[str, str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        contents_of(catalog, **wish)


@pytest.mark.parametrize("media", [False, True])
@pytest.mark.parametrize("name", ["../../x", "/x", "a/b", "x\ny", "\x1b[2J", "x" * 300, ".x", "", "\u202ex", "a.b"])
@pytest.mark.parametrize("column", ["split", "clip", "video"])
def test_names_that_no_file_can_have_are_refused(tmp_path: Path, column: str, name: str, media: bool) -> None:
    """A kind of F16: a split called `../../x` was written beside the release, and left there."""
    path = make_labelled_root(tmp_path / "root", videos=1, clips=1, seconds=1.0)
    clips = pq.read_table(path / "manifests" / "clips.parquet")
    rows = [row | {column: name} for row in clips.to_pylist()]
    pq.write_table(pa.Table.from_pylist(rows, schema=clips.schema), path / "manifests" / "clips.parquet")
    pd.DataFrame({"video": [rows[0]["video"]], "status": "kept"}).to_parquet(path / "manifests" / "videos.parquet")
    with pytest.raises(UsageError) as refused:
        write(DatasetState(Root(path), ()), tmp_path / "deep" / "er" / "out", policy="all", media=media)
    assert f"column {column}" in str(refused.value)
    assert [found.name for found in tmp_path.iterdir()] == ["root"]


def test_what_a_killed_writer_left_goes_with_the_next_release(catalog: DatasetState, tmp_path: Path) -> None:
    """A kind of F26: it may hold what is taken down since."""
    gone, here = f"~{process_tag.mark()[1:9]}.999999999~", process_tag.mark()
    for name in (f".out.01234567{gone}.partial", f".out.01234567{here}.partial", f".other.01234567{gone}.partial"):
        (tmp_path / name).mkdir()
    write(catalog, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [f".other.01234567{gone}.partial", f".out.01234567{here}.partial", "out"]
    )


def test_a_release_lies_outside_of_the_root(catalog: DatasetState, made: Dataset) -> None:
    """A takedown would have left it as it was, in the root."""
    with pytest.raises(UsageError, match="expected a folder outside of the root"):
        write(catalog, made.root.path / "releases" / "1.0")
    assert not (made.root.path / "releases").exists()


def _end(_: object) -> None:
    os._exit(9)


def test_a_worker_that_was_ended_is_no_traceback(
    catalog: DatasetState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "pack", _end)
    with pytest.raises(Yt360Error, match="give fewer --workers"):
        write_release(contents_of(catalog), catalog.root, tmp_path / "out", workers=2)
    assert not list(tmp_path.iterdir())


def test_titles_cannot_break_out_of_the_card(as_list: Path) -> None:
    """Every title is `<b>ID</b>`: hostile words stand in the tables only."""
    card = (as_list / "README.md").read_text(encoding="utf-8")
    assert "<b>" not in card
    assert header(as_list)["license"] == "cc-by-4.0"


def test_columns_are_named_once_and_described() -> None:
    for columns in TABLES.values():
        names = [column.name for column in columns]
        assert len(names) == len(set(names))
        assert all(column.description.strip() for column in columns)


def test_members_are_whole_files(with_media: Path) -> None:
    for path in (with_media / "shards").glob("*.tar"):
        with tarfile.open(path) as tar:
            for info in tar:
                assert (info.mtime, info.uname, info.mode) == (0, "", 0o644)
                if info.name.endswith(".foa.flac"):
                    stream = tar.extractfile(info)
                    assert stream is not None
                    assert soundfile.read(io.BytesIO(stream.read()))[0].shape == (8000, 4)


@pytest.mark.parametrize("name", TABLES)
def test_the_reference_shows_the_columns_that_are_written(name: str) -> None:
    text = (CHECKOUT / "docs" / "reference" / "release.md").read_text(encoding="utf-8")
    assert markdown(TABLES[name]) in text, "write the table anew from yt360.release.schema"


def test_a_takedown_while_it_is_written_leaves_no_release(tmp_path: Path) -> None:
    path = make_labelled_root(tmp_path / "root", videos=2, clips=1, seconds=1.5)
    pd.DataFrame({"video": ["video000", "video001"], "status": "kept"}).to_parquet(
        path / "manifests" / "videos.parquet"
    )
    catalog = DatasetState(Root(path), ())
    contents = contents_of(catalog)
    (path / "state").mkdir()
    bury(path / "state", ["video001"], "asked")
    with pytest.raises(UsageError, match="taken down meanwhile"):
        write_release(contents, catalog.root, tmp_path / "out")
    assert [found.name for found in tmp_path.iterdir()] == ["root"]
    assert {row["video"] for row in contents_of(catalog).clips} == {"video000"}


def labelled(tmp_path: Path) -> DatasetState:
    """Two videos, of which one may be shared, with events and a further picture each."""
    path = make_labelled_root(tmp_path / "root", videos=2, clips=1, seconds=1.5)
    videos = pd.DataFrame({"video": ["video000", "video001"], "license": ["CC BY 4.0", None], "status": "kept"})
    videos.to_parquet(path / "manifests" / "videos.parquet")
    clips = pq.read_table(path / "manifests" / "clips.parquet").to_pylist()
    event = dict.fromkeys(arrow(EVENTS).names) | {"event": 0, "split": "train", "start_s": 0.0, "end_s": 1.0}
    event |= {"azimuth_deg": 90.0, "elevation_deg": 0.0}
    events = [event | {"clip": row["clip"], "video": row["video"]} for row in clips]
    pq.write_table(pa.Table.from_pylist(events, schema=arrow(EVENTS)), path / "manifests" / "events.parquet")
    variants = []  # the picture again, under another name, behind the shard's end
    shard = path / "shards" / "train-000000.tar"
    for row in clips:
        data = shard.read_bytes()[row["video_offset"] :][: row["video_size"]]
        place = {"offset": shard.stat().st_size, "size": len(data), "digest": row["video_digest"]}
        with shard.open("ab") as stream:
            stream.write(data)
        variant = {"clip": row["clip"], "member": "view0.video.mp4", "shard": shard.name, "fov_deg": 90.0}
        variants.append(dict.fromkeys(arrow(VARIANTS).names) | variant | place)
    pq.write_table(pa.Table.from_pylist(variants, schema=arrow(VARIANTS)), path / "manifests" / "variants.parquet")
    return DatasetState(Root(path), ())


def test_events_go_with_their_clips(tmp_path: Path) -> None:
    catalog = labelled(tmp_path)
    for media in (False, True):
        out = write(catalog, tmp_path / f"{media}", policy="cc", media=media)
        events = pq.read_table(out / "manifests" / "events.parquet")
        assert events.column("clip").to_pylist() == ["video000-00000"]
        assert "has 1 sound events with directions" in (out / "README.md").read_text()
        records = {each["@id"] for each in json.loads((out / "croissant.json").read_text())["recordSet"]}
        assert "events" in records
    assert "events" in [config["config_name"] for config in header(tmp_path / "False")["configs"]]


def test_further_pictures_go_with_media(tmp_path: Path) -> None:
    catalog = labelled(tmp_path)
    out = write(catalog, tmp_path / "media", policy="cc", media=True)
    (row,) = pq.read_table(out / "manifests" / "variants.parquet").to_pylist()
    assert (row["clip"], row["member"], row["fov_deg"]) == ("video000-00000", "view0.video.mp4", 90.0)
    data = (out / "shards" / row["shard"]).read_bytes()[row["offset"] :][: row["size"]]
    assert digest_bytes(data) == row["digest"]
    (info,) = header(out)["dataset_info"]
    assert {"name": "view0.video.mp4", "dtype": {"video": {"decode": False}}} in info["features"]
    assert not (write(catalog, tmp_path / "list") / "manifests" / "variants.parquet").exists()
