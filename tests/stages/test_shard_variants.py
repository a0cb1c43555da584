"""Further members of clips: in shards, in the manifest, and by `yt360.open`."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import yt360
from tests.stages.variant_fakes import VariantDataset
from yt360.dataset.schema import VARIANTS, arrow
from yt360.engine import pipeline
from yt360.engine.verify import verify
from yt360.errors import ItemError, UsageError
from yt360.hashing import digest_bytes
from yt360.publishing import shard_card
from yt360.publishing.manifests import check_manifests, publish

VIDEOS = {"alpha": 2, "beta": 1}
SETTINGS: dict[str, Any] = {"split": {"test_share": 0.4}, "shard": {"target_mb": 0.2}}
MEMBERS = ["large.foa.flac", "stereo.flac", "view0.video.mp4"]


@pytest.fixture
def made(tmp_path: Path) -> VariantDataset:
    dataset = VariantDataset(tmp_path / "root")
    dataset.run(VIDEOS, **SETTINGS)
    return dataset


def _table(dataset: VariantDataset) -> pd.DataFrame:
    return pd.read_parquet(dataset.root.manifests / "variants.parquet")


def test_each_is_where_the_manifest_says(made: VariantDataset) -> None:
    table = pq.read_table(made.root.manifests / "variants.parquet")
    assert table.schema == arrow(VARIANTS)
    rows = table.to_pylist()
    assert [(row["clip"], row["member"]) for row in rows] == [
        (clip, member) for clip in ("alpha-00000", "alpha-00010", "beta-00000") for member in MEMBERS
    ]
    for row in rows:
        path = made.root.path / "shards" / row["shard"]
        data = path.read_bytes()[row["offset"] : row["offset"] + row["size"]]
        assert digest_bytes(data) == row["digest"]
        with tarfile.open(path) as tar:
            member = tar.extractfile(f"{row['clip']}.{row['member']}")
            assert member is not None
            assert member.read() == data
            keys = [name.partition(".")[0] for name in tar.getnames()]
        assert keys == sorted(keys)
        assert len(keys) == 6 * len(set(keys))
    assert not verify(made.catalog(VIDEOS, **SETTINGS), workers=1).damaged
    assert check_manifests(made.catalog(VIDEOS, **SETTINGS)) == []


def test_open_reads_them(made: VariantDataset) -> None:
    data = yt360.open(made.root.path)
    assert len(data.variants) == 9
    clip = data["beta-00000"]
    assert list(clip.variants) == MEMBERS
    view, sound, ears = (clip.variants[name] for name in ("view0.video.mp4", "large.foa.flac", "stereo.flac"))
    assert view.frames(0.5).shape == (8, 32, 48, 3)
    assert abs(view.frames()[3].astype(int) - (200, 30, 30)).max() < 12
    assert (view.metadata["azimuth_deg"], sound.metadata["azimuth_deg"]) == (90.0, None)
    assert sound.sound().shape == (4, 16000)
    np.testing.assert_array_equal(ears.sound(0.25, 0.5), sound.sound()[:2, 4000:12000])
    assert "48x32 at 16 fps" in repr(view)
    with pytest.raises(UsageError, match="is no picture"):
        sound.frames()
    with pytest.raises(UsageError, match="is no sound"):
        view.sound()
    for start_s, duration_s in ((-0.1, None), (1.0, None), (0.5, 0.6), (0.5, 0.0)):
        with pytest.raises(UsageError, match="is not inside"):
            ears.sound(start_s, duration_s)
    assert data.split("train")[0].variants


def test_damage_is_an_item_error(made: VariantDataset) -> None:
    row = _table(made).iloc[0]
    path = made.root.path / "shards" / row["shard"]
    data = bytearray(path.read_bytes())
    data[row["offset"] + row["size"] // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ItemError, match=r"large\.foa\.flac in .* has digest"):
        yt360.open(made.root.path)[row["clip"]].variants["large.foa.flac"].sound()


@pytest.mark.parametrize("change", [{"shard": "../x.tar"}, {"offset": -1}, {"size": 1 << 40}])
def test_a_manifest_that_leads_astray_is_refused(made: VariantDataset, change: dict[str, Any]) -> None:
    path = made.root.manifests / "variants.parquet"
    rows = [{**row, **change} for row in pq.read_table(path).to_pylist()]
    pq.write_table(pa.Table.from_pylist(rows, schema=arrow(VARIANTS)), path)
    with pytest.raises(ItemError, match="cannot be"):
        yt360.open(made.root.path)["beta-00000"].variants["stereo.flac"].sound()


def test_rows_stay_while_chunk_waits_and_go_when_there_are_none(made: VariantDataset) -> None:
    rows, shards = _table(made), made.bytes()
    options = pipeline.Options(workers=1, min_free_bytes=0)
    waiting = {**SETTINGS, "chunk": {"tone_hz": 300.0}}
    pipeline.run(made.recipe(VIDEOS, **waiting), made.root, options, only="shard", publish=publish)
    pd.testing.assert_frame_equal(_table(made), rows)
    assert {name for name, data in made.bytes().items() if data != shards[name]} == {"manifests/videos.parquet"}
    made.run(VIDEOS, **SETTINGS, chunk={"variants": False})
    assert not (made.root.manifests / "variants.parquet").exists()
    assert check_manifests(made.catalog(VIDEOS, **SETTINGS, chunk={"variants": False})) == []
    data = yt360.open(made.root.path)
    assert (len(data.variants), data[0].variants) == (0, {})
    made.run(VIDEOS, **SETTINGS)
    assert made.bytes() == shards


def test_hugging_face_is_told_of_them(made: VariantDataset) -> None:
    for path in shard_card.paths(made.root):
        text = path.read_text()
        assert all(f"- name: {name}\n" in text for name in ("foa.flac", "video.mp4", *MEMBERS))
