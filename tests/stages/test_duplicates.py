"""Fingerprint and duplicates on small real files, and across items with made-up matches."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from tests.filters.duplicates.test_matching import music
from tests.stages.fakes import FAKES, context
from yt360.cli.status import summarize
from yt360.engine import pipeline, recipe
from yt360.engine.items import Filtered
from yt360.engine.recipe import Registry
from yt360.engine.stage import Blob, Context, Done, Failed, Item, Outcome, Stage
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.storage import Root
from yt360.errors import ItemError
from yt360.filters.duplicates import audio_fingerprint, visual_fingerprint
from yt360.filters.duplicates.fingerprints import VideoFingerprint
from yt360.media import ffmpeg
from yt360.publishing.manifests import build
from yt360.report.funnel import funnel
from yt360.report.history import explain
from yt360.stages import REGISTRY, duplicates
from yt360.stages.duplicates import Duplicates
from yt360.stages.fingerprint import Fingerprint, read_print, write_print
from yt360.stages.stills import Stills
from yt360.stages.voiceover import Voiceover

SOUNDS = {"a": (1, 0.0), "a_again": (1, 3.0), "b": (2, 0.0), "a_end": (1, 14.0), "c": (3, 0.0)}
"""Video -> seed of its sound, and seconds cut off its start."""


class FakePrint(Stage):
    """Fingerprints of known relations, without any media."""

    name = "fingerprint"
    inputs: ClassVar[Mapping[str, str]] = {"video": "crawl.video"}
    after = ("crawl",)

    def process(self, item: Item, context: Context) -> Outcome:
        seed, start_s = SOUNDS[item.id]
        sound = music(seed, 16.0)[round(start_s * audio_fingerprint.RATE_HZ) :]
        frames = np.zeros((1, visual_fingerprint.LENGTH), np.int8)
        write_print(
            context.workdir / "print.npz",
            VideoFingerprint(audio_fingerprint.landmarks([sound]), frames, 2.0, sound.size / audio_fingerprint.RATE_HZ),
        )
        return Done(outputs={"print": "print.npz"})


STAGES = {
    "crawl": FAKES.stages["crawl"],
    "fingerprint": "tests.stages.test_duplicates:FakePrint",
    "duplicates": REGISTRY.stages["duplicates"],
    "chunk": FAKES.stages["chunk"],
    "split": REGISTRY.stages["split"],
}


def run(folder: Path, videos: list[str], **duplicates: Any) -> tuple[pipeline.RunResult, DatasetState]:
    stages: Any = {name: {} for name in STAGES} | {
        "crawl": {"videos": dict.fromkeys(videos, 1)}, "duplicates": duplicates, "split": {"test_share": 0.5},
    }  # fmt: skip
    built = recipe.build({"stages": stages}, Registry(STAGES), [], where="test")
    root = Root(folder)
    result = pipeline.run(built, root, pipeline.Options(workers=1, min_free_bytes=0))
    return result, DatasetState(root, built.stages)


def test_copies_are_dropped_named_and_kept_on_one_side(tmp_path: Path) -> None:
    result, catalog = run(tmp_path, ["a", "a_again", "b", "c"], min_overlap_s=1.0)
    assert not result.failed
    record = catalog.records("duplicates")["a_again"]
    assert (record.status, record.reason, record.measures["group"]) == ("filtered", "duplicate", "a")
    assert "a is kept" in record.detail
    assert set(catalog.passing("duplicates")) == {"a", "b", "c"}
    again, _ = run(tmp_path, ["a", "a_again", "b", "c"], min_overlap_s=1.0)
    assert again.worked == 0


def test_a_new_copy_changes_nothing_of_the_old_ones(tmp_path: Path) -> None:
    _, before = run(tmp_path, ["a", "b", "c"], min_overlap_s=1.0)
    sides = {name: record.measures["split"] for name, record in before.passing("split").items()}
    result, after = run(tmp_path, ["a", "b", "c", "a_again"], min_overlap_s=1.0)
    assert {stage.stage: stage.worked for stage in result.stages}["duplicates"] == 1
    assert {name: after.passing("split")[name].measures["split"] for name in sides} == sides


def test_nobody_who_only_asks_matches_fingerprints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, before = run(tmp_path, ["a", "a_again"], overlap_s=1.0)
    (tmp_path / "state" / "duplicates.json").unlink()
    for name in ("matches", "read_print"):
        monkeypatch.setattr(duplicates, name, lambda *_: pytest.fail("fingerprints were looked at"))
    catalog = DatasetState(before.root, list(before.stages.values()))
    counts = {stage["stage"]: stage for stage in summarize(catalog)["stages"]}
    assert (counts["duplicates"]["done"], counts["duplicates"]["filtered"]) == (1, 1)
    assert explain(catalog, "a_again")["verdict"] == "filtered"
    assert [step.kept for step in funnel(catalog).steps if step.stage == "duplicates"] == [1]
    assert list(build(catalog)["videos"])


def test_a_fingerprint_that_cannot_be_read_fails_alone(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"torn")
    frames = np.zeros((1, visual_fingerprint.LENGTH), np.int8)
    write_print(tmp_path / "b.npz", VideoFingerprint(audio_fingerprint.landmarks([music(2, 9.0)]), frames, 2.0, 9.0))

    class AtHand:
        path = staticmethod(lambda blob: tmp_path / blob.uri)
        recall = staticmethod(lambda name: None)
        remember = staticmethod(lambda name, text: pytest.fail("half a comparison was kept"))

    worth = {"pixels": 1, "duration_s": 9.0, "uploaded": "9"}
    items = [Item(name, name, {"print": Blob(f"{name}.npz", name, 1)}, worth) for name in "ab"]
    outcomes = duplicates.Duplicates().reduce(items, AtHand())
    assert isinstance(outcomes["a"], Failed)
    assert outcomes["b"] == Done(measures={"group": "b"})


def test_a_short_shared_part_groups_without_dropping(tmp_path: Path) -> None:
    """Two seconds of sixteen are in both: nobody is a copy, and both go to one side."""
    _, catalog = run(tmp_path, ["a_again", "a_end", "b"], min_overlap_s=1.0, min_votes=4, min_covered_share=1.0)
    groups = {name: record.measures["group"] for name, record in catalog.passing("duplicates").items()}
    assert groups["a_again"] == groups["a_end"] != groups["b"]
    sides = {name: record.measures["split"] for name, record in catalog.passing("split").items()}
    assert sides["a_again"] == sides["a_end"]


def test_related_videos_are_named_in_words_three_at_most() -> None:
    related = [{"video": name, "shares": "the same picture under other sound"} for name in "abcde"]
    words = Duplicates().summary({"group": "x", "related": related})
    assert words.startswith("a has the same picture under other sound; b has")
    assert words.endswith("; so have 2 more")
    assert Duplicates().summary({"group": "x"}) == ""


def test_a_lost_comparison_is_made_again(tmp_path: Path) -> None:
    run(tmp_path, ["a", "a_again"], min_overlap_s=1.0)
    path = tmp_path / "state" / "duplicates.json"
    path.write_text("{torn")
    result, _ = run(tmp_path, ["a", "a_again"], min_overlap_s=1.0)
    assert result.worked == 0


@pytest.mark.parametrize("old", [False, True])
def test_a_comparison_that_rotted_is_made_again(tmp_path: Path, old: bool) -> None:
    """A kind of F13: what it says decides which videos are dropped."""
    run(tmp_path, ["a", "a_again"], min_overlap_s=1.0)
    path = tmp_path / "state" / "duplicates.json"
    held = json.loads(path.read_text())
    held["matches"] = []
    if old:  # earlier versions wrote no checksum, so nothing is known of theirs
        del held["checksum"]
    path.write_text(json.dumps(held))
    _, state = run(tmp_path, ["a", "a_again"], min_overlap_s=1.0, min_covered_share=0.31)
    assert len(state.passing("duplicates")) == (2 if old else 1)


def test_a_real_file_has_a_fingerprint_that_a_turned_copy_shares(tmp_path: Path) -> None:
    """Through ffmpeg: an equirectangular test picture, turned by a roll, with four channels of sound."""
    sound = music(9, 8.0)
    raw = np.repeat(sound[:, None], 4, axis=1).astype("<f4").tobytes()
    prints = []
    for name, filters in (
        ("one", "null"),
        ("two", "split[a][b];[a]crop=240:ih:0:0[l];[b]crop=80:ih:240:0[r];[r][l]hstack"),
    ):
        path = tmp_path / f"{name}.mkv"
        picture = ["-f", "lavfi", "-i", "mandelbrot=size=320x160:rate=4:end_scale=0.3", "-t", "8"]
        heard = ["-f", "f32le", "-ar", "8000", "-ch_layout", "quad", "-i", "pipe:0"]
        graph = ["-filter_complex", f"[0:v]{filters},format=yuv420p[v]", "-map", "[v]", "-map", "1:a", "-t", "8"]
        ffmpeg.run([*picture, *heard, *graph, "-g", "8", "-c:a", "pcm_s16le", "-y", str(path)], timeout_s=60, stdin=raw)
        facts = {
            "picture_reading": {"width": 320, "height": 160, "projection": "equirectangular"},
            "sound_reading": {"channels": 4, "sample_rate_hz": 8000}, "start_s": 0.0, "end_s": 8.0,
        }  # fmt: skip
        (tmp_path / "facts.json").write_text(json.dumps(facts))
        item = Item("v", "v", files={"video": path, "facts": tmp_path / "facts.json"})
        outcome = Fingerprint().process(item, context(tmp_path))
        assert isinstance(outcome, Done)
        prints.append(read_print(tmp_path / outcome.outputs["print"]))
    assert len(prints[0].frames) >= 3
    np.testing.assert_array_equal(prints[0].landmarks, prints[1].landmarks)
    alike = visual_fingerprint.similarity(prints[0].frames, prints[1].frames)
    assert np.diag(alike).min() > 0.9


def test_a_fingerprint_from_what_stills_and_voiceover_left_is_the_one_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, raw = tmp_path / "v.mkv", np.repeat(music(9, 8.0)[:, None], 4, axis=1).astype("<f4").tobytes()
    picture = ["-f", "lavfi", "-i", "mandelbrot=size=320x160:rate=4:end_scale=0.3", "-t", "8"]
    heard = ["-f", "f32le", "-ar", "8000", "-ch_layout", "quad", "-i", "pipe:0", "-t", "8", "-pix_fmt", "yuv420p"]
    ffmpeg.run([*picture, *heard, "-c:a", "pcm_s16le", "-y", str(path)], timeout_s=60, stdin=raw)
    facts = {
        "picture_reading": {"width": 320, "height": 160, "projection": "equirectangular"},
        "sound_reading": {"channels": 4, "sample_rate_hz": 8000}, "start_s": 0.0, "end_s": 8.0,
    }  # fmt: skip
    (tmp_path / "facts.json").write_text(json.dumps(facts))
    item = Item("v", "v", files={"video": path, "facts": tmp_path / "facts.json"})
    prints: list[VideoFingerprint] = []
    left: dict[str, Path] = {}
    for stage, name in ((Fingerprint(), ""), (Stills(), "look"), (Voiceover(), "peaks"), (Fingerprint(), "")):
        outcome = stage.process(Item("v", "v", files={**item.files, **left}), context(tmp_path))
        assert isinstance(outcome, Done)
        if name:
            left[name] = tmp_path / outcome.outputs[name]
        else:
            prints.append(read_print(tmp_path / outcome.outputs["print"]))
        if len(left) == 2:
            monkeypatch.setattr("yt360.stages.fingerprint.read_frames", None)
            monkeypatch.setattr("yt360.stages.fingerprint.read_sound", None)
    assert len(prints[0].frames) == len(prints[1].frames) == 4
    assert np.diag(visual_fingerprint.similarity(prints[0].frames, prints[1].frames)).min() > 0.9
    same = {tuple(each) for each in prints[0].peaks.tolist()} & {tuple(each) for each in prints[1].peaks.tolist()}
    assert len(same) > 0.97 * len(prints[0].peaks)


@pytest.mark.parametrize("content", [b"", b"no arrays", b"PK\x03\x04torn"])
def test_a_damaged_fingerprint_is_found(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "print.npz").write_bytes(content)
    with pytest.raises(ItemError, match=r"print\.npz"):
        read_print(tmp_path / "print.npz")


@pytest.mark.parametrize(
    ("offset_s", "words"),
    [(0.0, "in best; best"), (0.049, "in best; best"), (0.05, "(0.1 s later)"), (-0.5, "(0.5 s earlier)")],
)
def test_a_copy_says_where_it_begins_from_a_twentieth_of_a_second_on(offset_s: float, words: str) -> None:
    copy = {"video": "best", "covered": 0.8, "offset_s": offset_s, "speed": 1.0, "mirrored": False}
    found = duplicates._outcome("best", copy, [])
    assert isinstance(found, Filtered)
    assert found.detail.startswith("80% of it is also in best")
    assert words in found.detail


def test_the_sharpest_then_longest_then_earliest_copy_is_the_best() -> None:
    def copy(name: str, pixels: int, duration_s: float, uploaded: str) -> Item:
        return Item(name, name, meta={"pixels": pixels, "duration_s": duration_s, "uploaded": uploaded})

    copies = [
        copy("e", 100, 60.0, "20200101"),
        copy("d", 200, 50.0, "20200101"),
        copy("c", 200, 60.0, "20200102"),
        copy("b", 200, 60.0, "20200101"),
        copy("a", 200, 60.0, "20200101"),
    ]
    assert [item.id for item in sorted(copies, key=duplicates._worth)] == ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("peaks", (4, 3)), ("peaks", (4, 1)), ("peaks", (4,)), ("peaks", (2, 2, 2)),
        ("landmarks", (4, 3)), ("landmarks", (4, 1)), ("landmarks", (4,)),
        ("frames", (4, visual_fingerprint.LENGTH + 1)), ("frames", (4, visual_fingerprint.LENGTH - 1)),
        ("frames", (4,)),
    ],
)  # fmt: skip
def test_arrays_of_another_shape_are_no_fingerprint(tmp_path: Path, name: str, shape: tuple[int, ...]) -> None:
    arrays: dict[str, Any] = {
        "peaks": np.zeros((4, 2), np.int32),
        "landmarks": np.zeros((4, 2), np.int32),
        "frames": np.zeros((4, visual_fingerprint.LENGTH), np.float32),
        "seconds": np.array([2.0, 8.0]),
    }
    np.savez(tmp_path / "print.npz", **arrays)
    assert read_print(tmp_path / "print.npz").duration_s == 8.0
    np.savez(tmp_path / "print.npz", **(arrays | {name: np.zeros(shape, np.int32)}))
    with pytest.raises(ItemError, match=r"expected a fingerprint, found: .* of the shape"):
        read_print(tmp_path / "print.npz")
