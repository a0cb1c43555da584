from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("torch")

import yt360
from tests.segmentation.spheres import CATEGORIES
from tests.stages.fakes import Dataset
from tests.stages.segment_fakes import with_segment
from yt360 import sphere
from yt360.dataset.manifest import ClipRow, read_table
from yt360.dataset.members import MemberReader
from yt360.dataset.panoptic import view_labels
from yt360.dataset.perspective_crop import DrawnView, crop_labels
from yt360.engine import pipeline, recipe
from yt360.engine.stage import Item
from yt360.engine.state import ledger
from yt360.engine.verify import verify
from yt360.errors import ItemError, UsageError
from yt360.hashing import digest_bytes
from yt360.publishing.manifests import publish
from yt360.segmentation import ClipMaps
from yt360.stages.segment import Segment, SegmentParams, read_at_rate

VIDEOS = {"aaa": 2, "bbb": 1, "ccc": 0}


class MappedDataset(Dataset):
    def __init__(self, folder: Path, registry: Any = None, **segment: Any) -> None:
        super().__init__(folder)
        self.registry = registry or with_segment()
        self.segment = segment

    def recipe(self, videos: Any, **parameters: Any) -> Any:
        names = ("chunk", "segment", "split", "shard")
        stages = {"crawl": {"videos": videos}} | {name: parameters.get(name, {}) for name in names}
        stages["segment"] = {"model": "world-fpn", "rate_hz": 4.0, **self.segment, **parameters.get("segment", {})}
        return recipe.build({"stages": stages}, self.registry, [], where="test")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> MappedDataset:
    made = MappedDataset(tmp_path_factory.mktemp("mapped"))
    assert not made.run(VIDEOS).failed
    return made


def clips(dataset: Dataset) -> pd.DataFrame:
    return pd.read_parquet(dataset.root.manifests / "clips.parquet").set_index("clip")


def test_maps_are_in_the_shards_where_the_manifest_says(dataset: MappedDataset) -> None:
    table = clips(dataset)
    assert len(table) == 3
    for name, row in table.iterrows():
        path = dataset.root.path / "shards" / row["shard"]
        data = path.read_bytes()[row["panoptic_offset"] :][: row["panoptic_size"]]
        assert digest_bytes(data) == row["panoptic_digest"]
        with tarfile.open(path) as tar:
            member = tar.extractfile(f"{name}.panoptic.zip")
            assert member is not None
            assert member.read() == data
        maps = ClipMaps(data)
        assert (len(maps), maps.rate_hz, maps.info["clip"]) == (4, 4.0, name)
        assert (row["panoptic_maps"], row["panoptic_rate_hz"], row["panoptic_model"]) == (4, 4.0, "colours")
        assert maps.read(0).ids.shape == (row["height"], row["width"])
        assert maps.categories == CATEGORIES


def test_everything_verifies_and_a_rerun_does_nothing(dataset: MappedDataset) -> None:
    before = dataset.bytes()
    assert not verify(dataset.catalog(VIDEOS), workers=1).damaged
    assert dataset.run(VIDEOS).worked == 0
    assert dataset.bytes() == before


def test_damaged_map_is_made_again(tmp_path: Path) -> None:
    dataset = MappedDataset(tmp_path)
    dataset.run({"aaa": 1})
    before = dataset.bytes()
    path = next((dataset.root.path / "data" / "segment").rglob("*.zip"))
    path.write_bytes(path.read_bytes()[:-50])
    assert [damage.stage for damage in verify(dataset.catalog({"aaa": 1}), workers=1).damaged] == ["segment"]
    dataset.run({"aaa": 1})
    assert dataset.bytes() == before


def test_clip_whose_maps_cannot_be_made_stays_without_them_until_they_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real stage, and no weights anywhere: named, counted, and in the dataset all the same."""
    monkeypatch.setenv("YT360_CACHE", str(tmp_path / "cache"))
    real = MappedDataset(tmp_path / "root", with_segment("yt360.stages.segment:Segment"))
    missing: dict[str, Any] = {"segment": {"model": "panoptic-fpn-r101", "weights": "http://127.0.0.1:9/none.pkl"}}
    result = real.run({"aaa": 1}, **missing)
    assert [(record.kind, record.stage) for record in result.failed] == [("no-model", "segment")]
    assert "panoptic-fpn-r101: the weights are not on this machine; fetch http://127.0.0.1:9" in result.failed[0].error
    assert clips(real)["panoptic_offset"].isna().all()
    assert len(clips(real)) == 1
    fake = MappedDataset(tmp_path / "root")
    assert not fake.run({"aaa": 1}).failed
    assert (clips(fake)["panoptic_maps"] == 4).all()


def test_every_sample_has_the_member_of_maps_once_one_has(dataset: MappedDataset, tmp_path: Path) -> None:
    """Hugging Face datasets refused the tar, or dropped all maps, by what the first five samples have."""
    some = MappedDataset(tmp_path, with_segment("tests.stages.segment_fakes:BlindSegment"))
    result = some.run(VIDEOS)
    assert [record.item for record in result.failed] == ["aaa-00010"]
    table = clips(some)
    assert table["panoptic_offset"].notna().to_dict() == {"aaa-00000": True, "aaa-00010": False, "bbb-00000": True}
    for path in (some.root.path / "shards").glob("*.tar"):
        with tarfile.open(path) as tar:
            names = tar.getnames()
            if "aaa-00010.panoptic.zip" in names:
                member = tar.extractfile("aaa-00010.panoptic.zip")
                assert member is not None
                assert len(ClipMaps(member.read())) == 0
        keys = {name.partition(".")[0] for name in names}
        assert len(names) == 4 * len(keys)
    assert yt360.open(some.root.path)["aaa-00010"].panoptic(0.0) is None
    assert not verify(some.catalog(VIDEOS), workers=1).damaged
    before = some.bytes()
    again = MappedDataset(tmp_path)
    options = pipeline.Options(workers=1, min_free_bytes=0, retry="failed")
    assert not pipeline.run(again.recipe(VIDEOS), again.root, options, publish=publish).failed
    assert again.bytes() != before
    assert again.bytes() == dataset.bytes(), "nothing of the stand-in stays once there are maps"


WRONG = {
    "weights": ({"model": "panoptic-fpn-r101", "weights": "/none/r101.pkl"}, r"/none/r101\.pkl: expected the weights"),
    "weights of the demo": ({"model": "world-fpn", "weights": "/none/w.safetensors"}, "expected the weights"),
    "folder": ({"model": "transformers:/none/eomt"}, "expected the folder of a model"),
    "word for a device": ({"model": "world-fpn", "device": "gpu"}, "expected auto, cpu, cuda"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_setting_stops_the_run_before_its_first_video(wrong: str, tmp_path: Path) -> None:
    """It was found out after the crawl, clip by clip."""
    settings, words = WRONG[wrong]
    real = MappedDataset(tmp_path / "root", with_segment("yt360.stages.segment:Segment"))
    with pytest.raises(UsageError, match=words):
        real.run({"aaa": 1}, segment=settings)
    assert not list(real.root.ledger.rglob("*.*"))
    assert not real.root.recipe.exists()


def test_what_only_a_worker_can_find_wrong_stops_the_run_before_its_first_clip(tmp_path: Path) -> None:
    """A file that is no checkpoint, a device that is not there: each clip failed, and stayed so."""
    (tmp_path / "no-checkpoint.safetensors").write_bytes(b"something else")
    real = MappedDataset(tmp_path / "root", with_segment("yt360.stages.segment:Segment"))
    settings = {"model": "world-fpn", "weights": str(tmp_path / "no-checkpoint.safetensors")}
    with pytest.raises(UsageError, match=r"stage segment: .*no-checkpoint\.safetensors: expected a whole checkpoint"):
        real.run({"aaa": 1}, segment=settings)
    assert not list(ledger.read(real.root.ledger / "segment"))
    assert len(list(ledger.read(real.root.ledger / "chunk"))) == 1


def test_without_a_model_there_are_no_maps_and_nothing_waits(tmp_path: Path) -> None:
    dataset = MappedDataset(tmp_path, model="none")
    result = dataset.run({"aaa": 1})
    assert [stage.planned for stage in result.stages if stage.stage == "segment"] == [0]
    assert clips(dataset)["panoptic_offset"].isna().all()


def test_clip_waits_for_its_maps(tmp_path: Path) -> None:
    """A run that stopped before segment was done: no shard is written that would have to be written again."""
    dataset = MappedDataset(tmp_path)
    made = dataset.recipe({"aaa": 1})
    options = pipeline.Options(workers=1, min_free_bytes=0)
    for name in ("crawl", "chunk", "split", "shard"):
        pipeline.run(made, dataset.root, options, only=name, publish=publish)
    assert not list((dataset.root.path / "shards").glob("*.tar"))
    pipeline.run(made, dataset.root, options, publish=publish)
    assert (clips(dataset)["panoptic_maps"] == 4).all()


def test_how_it_runs_is_no_part_of_the_key() -> None:
    item = Item("a-00000", "a")
    usual = Segment(SegmentParams()).key(item)
    for same in ({"batch": 1}, {"device": "cpu"}, {"channels_last": True}, {"weights": "elsewhere.pkl"}):
        assert Segment(SegmentParams(**same)).key(item) == usual
    for other in ({"model": "panoptic-fpn-r50"}, {"rate_hz": 2}, {"way": "views"}, {"track": False}, {"sha256": "ab"}):
        assert Segment(SegmentParams(**other)).key(item) != usual


def test_unknown_model_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected panoptic-fpn-r101, panoptic-fpn-r50, world-fpn"):
        MappedDataset(tmp_path, model="yolo").recipe({"aaa": 1})


def test_clip_that_does_not_decode_is_an_item_error(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"no video")
    with pytest.raises(ItemError, match="expected a clip's picture"):
        list(read_at_rate(path, 4.0))


def test_training_reads_maps_by_the_same_view_as_the_picture(dataset: MappedDataset) -> None:
    row = read_table(str(dataset.root.path)).to_pylist()[0]
    clip = ClipRow(**{name: value for name, value in row.items() if name not in ("split", "convention")})
    reader = MemberReader(str(dataset.root.path))
    view = DrawnView(sphere.View(2.9, 0.4, 1.5, 1.5), flip=True, gain=1.0, corners=False)
    found = view_labels(reader, clip, [0.0, 0.5], view, 24)
    maps = ClipMaps(reader.maps(clip))
    whole = np.stack([maps.read(0).ids, maps.read(2).ids])
    np.testing.assert_array_equal(found, crop_labels(whole, view, 24))
    assert set(np.unique(found)) <= set(np.unique(whole))
