"""What the server tells: all videos, one of them, what other thresholds would do, clips in ranges, whole videos."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import fsspec
import numpy as np
import pytest
import soundfile

from tests.stages.fakes import FAKES, Dataset
from tests.view.conftest import TOKEN, Served, Serving
from tests.view.many_videos import many_videos, recipe_of
from yt360.crawling.failures import KINDS
from yt360.crawling.removed_ids import bury, removed_ids
from yt360.engine import recipe
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.storage import Root
from yt360.engine.worker import redecide
from yt360.filters.evaluation.scores import SCORES, combined
from yt360.media.picture import VideoDecodeSpec
from yt360.media.sound import FoaDecodeSpec
from yt360.stages import REGISTRY
from yt360.view import server, viewed_root
from yt360.view.clip_payload import Member
from yt360.view.forgetting import Forgetting
from yt360.view.source_segments import NO_DIRECTIONS, SegmentFiles, SourceSegment, SourceVideo
from yt360.view.video_table import video_table
from yt360.view.viewed_root import ViewedRoot

COUNT = 40


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Root:
    return many_videos(tmp_path_factory.mktemp("many") / "root", COUNT)


@pytest.fixture(scope="module")
def served(serve: Serving, root: Root) -> Served:
    return serve(root)


@pytest.fixture(scope="module")
def clips(serve: Serving, tmp_path_factory: pytest.TempPathFactory) -> Served:
    """Videos that were cut into clips, in shards."""
    made = Dataset(tmp_path_factory.mktemp("clips") / "root")
    made.run({"one": 2, "two": 1}, workers=1)
    return serve(made.root, FAKES)


def get(served: Served, path: str, **headers: str) -> tuple[int, Any, bytes]:
    """Status, headers and content of an answer."""
    joined = f"{served.base}{path}{'&' if '?' in path else '?'}token={TOKEN}"
    request = urllib.request.Request(joined, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def told(served: Served, path: str) -> Any:
    status, _, data = get(served, path)
    assert status == 200, data
    return json.loads(data)


def column(table: Any, name: str) -> list[str]:
    coded = table["columns"][name]
    return [coded["words"][code] for code in coded["codes"]]


def test_every_video_is_in_the_table_with_its_end_and_why(served: Served) -> None:
    table = told(served, "/api/videos")
    assert table["count"] == COUNT
    ends = dict(
        zip(
            table["columns"]["id"],
            zip(column(table, "state"), column(table, "stage"), column(table, "reason"), strict=True),
            strict=True,
        )
    )
    assert ends["video00000"] == ("failed", "crawl", "private")
    assert ends["video00001"] == ("filtered", "validate", "no-ambisonics")
    assert ends["video00002"] == ("filtered", "stills", "still")
    assert ends["video00003"] == ("filtered", "voiceover", "voice-over")
    assert ends["video00005"][:2] == ("waiting", "split")  # nothing was split yet
    assert column(table, "license")[:4] == ["", "CC BY", "CC BY", ""]
    assert table["columns"]["clips"][5] == 2
    assert table["words"]["private"] == KINDS["private"].meaning
    assert table["columns"]["title"][7].startswith("<img")


def test_margins_are_those_by_which_a_run_decides(root: Root) -> None:
    catalog = DatasetState(root, recipe_of().stages)
    table = video_table(catalog)
    margins = dict(zip(table["columns"]["id"], table["columns"]["margin"], strict=True))
    for name, stage in (("video00003", "voiceover"), ("video00002", "stills")):
        expected = combined(catalog.stages[stage], catalog.records(stage)[name])
        assert margins[name] == pytest.approx(expected, abs=1e-4)
    assert margins["video00000"] is None
    assert margins["video00001"] is None  # dropped for no score
    assert -1 < margins["video00005"] < 0


@pytest.mark.parametrize("score", [score for score in SCORES if score.setting], ids=lambda score: score.setting)
def test_a_score_names_the_threshold_that_it_goes_by(score: Any) -> None:
    stage = next(
        each
        for each in recipe.build(
            {"stages": {"crawl": {}, "validate": {}, "stills": {}, "voiceover": {}}}, REGISTRY, [], where="test"
        ).stages
        if each.name == score.stage
    )
    value: Any = stage.thresholds
    for name in score.setting.split("."):
        value = getattr(value, name)
    assert value == score.threshold(stage)


def test_other_thresholds_change_what_redeciding_would(served: Served, root: Root) -> None:
    answer = told(served, "/api/redecide?stage=voiceover&omni=0.3")
    changed = next(
        stage
        for stage in recipe.of_root(root.recipe, REGISTRY, ["voiceover.thresholds.omni=0.3"]).stages
        if stage.name == "voiceover"
    )
    catalog = DatasetState(root, recipe_of().stages)
    records = list(catalog.records("voiceover").values())
    then = {record.item: redecide(changed, record, 2).status for record in records}
    assert answer["then"] == {
        "kept": list(then.values()).count("done"),
        "dropped": list(then.values()).count("filtered"),
    }
    assert answer["now"] == {
        "kept": sum(r.status == "done" for r in records),
        "dropped": sum(r.status == "filtered" for r in records),
    }
    assert {each["id"] for each in answer["changes"]} == {r.item for r in records if then[r.item] != r.status}
    assert answer["changed"] > 0
    assert told(served, "/api/redecide?stage=voiceover&omni=0.66")["changed"] == 0
    assert len(list((root.ledger / "voiceover").iterdir())) == 1  # nothing was written


@pytest.mark.parametrize(
    "query",
    [
        "stage=voiceover&omni=2",
        "stage=voiceover&nobody=1",
        "stage=voiceover&omni=[1",
        "stage=nobody&omni=1",
        "stage=voiceover",
        "omni=0.5",
        "stage=duplicates&x=1",
        "stage=crawl&source=1",
    ],
)
def test_a_threshold_that_is_none_is_refused_in_words(served: Served, query: str) -> None:
    status, _, data = get(served, f"/api/redecide?{query}")
    assert status == 400
    assert json.loads(data)["error"]


def test_one_video_with_what_was_measured(served: Served) -> None:
    video = told(served, "/api/videos/video00003")
    assert video["verdict"] == "filtered"
    assert [step["stage"] for step in video["steps"]] == ["crawl", "validate", "stills", "voiceover"]
    scores = {score["name"]: score for score in video["steps"][-1]["scores"]}
    assert scores["added to W"]["value"] == pytest.approx(0.97)
    assert scores["added to W"]["threshold"] == 0.66
    assert video["steps"][-1]["meaning"] == "speech was added to the recording"
    assert video["segments"] == 0
    assert "facts" in video["notes"][0]  # there is no such file
    assert get(served, "/api/videos/nobody")[0] == 404
    status, _, data = get(served, "/api/videos/video00003/segments/0/video.mp4")
    assert (status, json.loads(data)["kind"]) == (400, "corrupt")


def test_the_dataset_with_the_thresholds_in_force(served: Served) -> None:
    dataset = told(served, "/api/dataset")
    assert dataset["name"] == "root"
    assert dataset["last"] == "2026-01-02T03:04:05.000+00:00"
    stages = {stage["name"]: stage for stage in dataset["stages"]}
    assert stages["voiceover"]["thresholds"]["omni"] == 0.66
    assert stages["crawl"]["counts"] == {"done": 36, "failed": 4}


def test_a_new_record_is_seen(serve: Serving, tmp_path: Path) -> None:
    held = many_videos(tmp_path / "root", 10)
    served = serve(held)
    before = told(served, "/api/videos")
    path = next((held.ledger / "voiceover").glob("*"))
    path.rename(path.with_name("moved-" + path.name))
    served.viewed._looked = 0.0
    assert told(served, "/api/videos") == before  # the same records in another file
    (held.ledger / "voiceover" / ("moved-" + path.name)).unlink()
    served.viewed._looked = 0.0
    assert "voiceover" in column(told(served, "/api/videos"), "stage")


def test_clips_are_served_in_ranges(clips: Served) -> None:
    status, headers, whole = get(clips, "/api/clips/one-00000/video.mp4")
    assert (status, headers["content-type"], headers["accept-ranges"]) == (200, "video/mp4", "bytes")
    status, headers, part = get(clips, "/api/clips/one-00000/video.mp4", Range="bytes=10-19")
    assert (status, part, headers["content-range"]) == (206, whole[10:20], f"bytes 10-19/{len(whole)}")
    assert get(clips, "/api/clips/one-00000/video.mp4", Range="bytes=-5")[2] == whole[-5:]
    assert get(clips, "/api/clips/one-00000/video.mp4", Range=f"bytes={len(whole) - 3}-")[2] == whole[-3:]
    assert get(clips, "/api/clips/one-00000/video.mp4", Range=f"bytes={len(whole)}-")[0] == 416
    assert get(clips, "/api/clips/one-00000/video.mp4", Range="bytes=5-2")[0] == 416
    assert get(clips, "/api/clips/one-00000/video.mp4", Range="lines=1-2")[2] == whole
    assert get(clips, "/api/clips/one-00000/video.mp4", Range=f"bytes={'9' * 5000}-")[2] == whole
    assert told(clips, "/api/clips/one-00000") == told(clips, "/api/clips/one-00000/clip.json")
    assert get(clips, "/api/clips/one-00000/secret.txt")[0] == 404
    status, _, data = get(clips, "/api/clips/one-0000")
    assert (status, "one-00000" in json.loads(data)["error"]) == (404, True)


def write_tone(path: Path, channels: int) -> None:
    """Twelve seconds: a picture whose brightness is its second, and a tone in each channel of another strength."""
    time_s = np.arange(12 * 8000) / 8000
    tone = np.sin(2 * np.pi * 400 * time_s)
    soundfile.write(path.with_suffix(".wav"), np.stack([tone / (2 + k) for k in range(channels)], axis=1), 8000)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"crf": "10", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 64, 32, "yuv420p"
        for number in range(120):
            picture = np.full((32, 64, 3), 20 * (number // 10), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> SourceVideo:
    path = tmp_path_factory.mktemp("source") / "video.mkv"
    write_tone(path, 4)
    foa = FoaDecodeSpec(4, 8000, "sound", order=(0, 2, 3, 1))  # as it came: W X Y Z
    return SourceVideo("video", path, VideoDecodeSpec(64, 32, "h264"), 10, 12.0, path.with_suffix(".wav"), foa)


def test_a_whole_video_is_played_in_pieces_in_our_order(source: SourceVideo, tmp_path: Path) -> None:
    assert source.segments == 2
    piece = SourceSegment(source, 1)
    files = SegmentFiles(tmp_path)
    about = json.loads(files.get(piece, "clip.json")[0].read_bytes())
    assert (about["duration_s"], about["start_s"], about["picture"]["frames"]) == (2.0, 10.0, 20)
    samples, rate_hz = soundfile.read(files.get(piece, "sound.wav")[0])
    assert (samples.shape, rate_hz) == ((96_000, 4), 48_000)
    peaks = np.abs(samples[2000:-2000]).max(axis=0)
    assert peaks == pytest.approx([1 / 2, 1 / 4, 1 / 5, 1 / 3], rel=0.02)  # W Y Z X
    with av.open(str(files.get(piece, "video.mp4")[0])) as container:
        gray = [frame.to_ndarray(format="gray").mean() for frame in container.decode(video=0)]
    assert len(gray) == 20
    assert gray[0] == pytest.approx(200, abs=3)
    assert gray[15] == pytest.approx(220, abs=3)
    for name in set(about["members"].values()) - {"sound.wav", "video.mp4"}:
        assert json.loads(files.get(piece, name)[0].read_bytes())
    with pytest.raises(KeyError):
        files.get(piece, "../secret")
    with pytest.raises(KeyError):
        SourceSegment(source, 2)


def test_pieces_that_are_long_ago_make_room(source: SourceVideo, tmp_path: Path) -> None:
    files = SegmentFiles(tmp_path, most_bytes=1_500_000)
    first = files.get(SourceSegment(source, 0), "sound.wav")[0]
    data = first.read_bytes()
    second = files.get(SourceSegment(source, 1), "sound.wav")[0]
    assert (first.is_file(), second.is_file()) == (False, True)
    assert files.get(SourceSegment(source, 0), "sound.wav")[0].read_bytes() == data


def test_what_was_made_of_a_video_goes_when_it_is_taken_down(source: SourceVideo, root: Root, tmp_path: Path) -> None:
    """Pieces of it stayed in a folder of the server, and were played, until it ended."""
    routes = server.Routes(ViewedRoot(root, REGISTRY), server.LabelFiles(tmp_path / "l.tsv", "ann"), tmp_path / "own")
    files = routes._pieces
    fetched = tmp_path / "own" / "0123" / "video.mkv"
    fetched.parent.mkdir(parents=True)
    fetched.write_bytes(b"of a store")
    other = replace(source, video="other")
    paths = [files.get(SourceSegment(each, 0), "sound.wav")[0] for each in (source, other)]
    taken_down = Root(tmp_path / "root")
    taken_down.create()
    with Forgetting(taken_down, lambda: removed_ids(taken_down.state), routes.forget, every_s=0.05):
        assert all(path.is_file() for path in paths)
        bury(taken_down.state, ["video"], "")
        deadline = time.monotonic() + 20
        while paths[0].parents[1].exists() and time.monotonic() < deadline:
            time.sleep(0.02)
    assert [path.is_file() for path in paths] == [False, True]
    assert not fetched.exists()
    with pytest.raises(KeyError):
        files.get(SourceSegment(source, 0), "sound.wav")
    assert files.get(SourceSegment(other, 0), "sound.wav")[0].is_file()


def test_what_is_made_while_its_video_is_taken_down_goes(source: SourceVideo, tmp_path: Path) -> None:
    files = SegmentFiles(tmp_path)

    class Slow(SourceSegment):
        def read(self, name: str) -> Member:
            files.forget({"video"})
            return super().read(name)

    with pytest.raises(KeyError):
        files.get(Slow(source, 0), "sound.wav")
    assert not list(tmp_path.iterdir())


def test_notes() -> None:
    assert "first channel" in NO_DIRECTIONS


def test_a_root_in_a_store_is_viewed_like_a_folder(
    clips: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    store = fsspec.filesystem("memory")
    store.put(str(clips.viewed.root.path) + "/", "/bucket/viewed/", recursive=True)
    try:
        root = Root("memory://bucket/viewed")
        root.require()
        viewed = ViewedRoot(root, FAKES)
        table = json.loads(viewed.videos())
        assert table["columns"]["id"] == json.loads(clips.viewed.videos())["columns"]["id"]
        assert viewed.payload("one-00010").read("video.mp4") == clips.viewed.payload("one-00010").read("video.mp4")
    finally:
        store.rm("/bucket", recursive=True)


def test_a_large_root_is_read_by_a_process_of_its_own(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    here = ViewedRoot(root, REGISTRY)
    there = ViewedRoot(root, REGISTRY)
    assert here.videos()
    monkeypatch.setattr(viewed_root, "_MANY", COUNT)
    monkeypatch.setattr(viewed_root, "video_table", None)  # this process must not
    assert (there.videos(), there.dataset()) == (here.videos(), here.dataset())
