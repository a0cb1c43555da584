"""UCF-101 and HMDB-51 out of generated data sets of the official layout."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yt360.errors import ItemError, UsageError
from yt360.evaluation.recipe import ActionTask, parse_evaluation
from yt360.evaluation.results import read_result
from yt360.evaluation.runner import evaluate
from yt360.evaluation.tasks import action_data
from yt360.evaluation.tasks.action import TestClips, TrainClips, centre_crop, random_crop
from yt360.evaluation.tasks.action_data import decode_at, load_fold, take

CLASSES = ("Archery", "Biking")
SMALL = {"frames": 4, "size": 16, "clips": 3, "clips_per_video": 2}


def write_video(path: Path, colour: int, *, frames: int = 20, rate: int = 25, size: tuple[int, int] = (48, 64)) -> None:
    """An AVI whose red says the class and whose green counts the frames."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=rate, options={"qscale": "2"})
        stream.height, stream.width, stream.pix_fmt = *size, "yuv420p"
        for number in range(frames):
            picture = np.zeros((*size, 3), np.uint8)
            picture[..., 0], picture[..., 1] = colour, 8 * number % 256
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def make_ucf(root: Path, videos: int = 4) -> Path:
    lists = root / "ucfTrainTestlist"
    lists.mkdir(parents=True)
    (lists / "classInd.txt").write_text("".join(f"{k + 1} {name}\r\n" for k, name in enumerate(CLASSES)))
    names = [f"{c}/v_{c}_g{k:02d}_c01.avi" for c in CLASSES for k in range(videos)]
    for name in names:
        write_video(root / "UCF-101" / name, 220 if name.startswith(CLASSES[0]) else 30)
    for fold in (1, 2, 3):
        test = [name for name in names if f"_g{fold:02d}_" in name]
        train = [f"{name} {CLASSES.index(name.split('/')[0]) + 1}" for name in names if name not in test]
        (lists / f"trainlist{fold:02d}.txt").write_text("\n".join(train) + "\n")
        (lists / f"testlist{fold:02d}.txt").write_text("\n".join(test) + "\n")
    return root


def make_hmdb(root: Path) -> Path:
    lists = root / "testTrainMulti_7030_splits"
    lists.mkdir(parents=True)
    for k, name in enumerate(("brush_hair", "cartwheel")):
        videos = [f"some video #{number}.avi" for number in range(3)]
        for video in videos:
            write_video(root / "hmdb51_org" / name / video, 220 if k else 30, frames=8)
        for fold in (1, 2, 3):
            uses = [str((number + fold) % 3) for number in range(3)]
            text = "".join(f"{video} {use} \n" for video, use in zip(videos, uses, strict=True))
            (lists / f"{name}_test_split{fold}.txt").write_text(text)
    return root


@pytest.fixture(scope="module")
def datasets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both data sets below one root. Read only."""
    root = tmp_path_factory.mktemp("actions")
    return make_hmdb(make_ucf(root))


def test_ucf_folds_are_read_as_the_lists_say(datasets: Path) -> None:
    fold = load_fold(datasets, "ucf101", 2)
    assert fold.classes == CLASSES
    assert {video.path.name for video in fold.test} == {f"v_{name}_g02_c01.avi" for name in CLASSES}
    assert len(fold.train) == 6
    assert [video.label for video in fold.train] == [0, 0, 0, 1, 1, 1]
    assert not {video.path for video in fold.train} & {video.path for video in fold.test}


def test_hmdb_folds_leave_out_what_is_marked_unused(datasets: Path) -> None:
    fold = load_fold(datasets, "hmdb51", 1)
    assert fold.classes == ("brush_hair", "cartwheel")
    assert [(video.path.name, video.label) for video in fold.train] == [
        ("some video #0.avi", 0),
        ("some video #0.avi", 1),
    ]
    assert [video.path.name for video in fold.test] == ["some video #1.avi"] * 2


@pytest.mark.parametrize("dataset", ["ucf101", "hmdb51"])
def test_what_is_missing_says_where_to_get_and_put_it(dataset: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=rf"not there\. {dataset} needs .*https://.*unpack both into"):
        load_fold(tmp_path, dataset, 1)


def _broken() -> Iterator[tuple[str, str, str]]:
    yield "ucfTrainTestlist/trainlist01.txt", "../../etc/passwd 1\n", "CLASS/NAME.avi of a class"
    yield "ucfTrainTestlist/trainlist01.txt", "Nothing/v_x.avi 1\n", "CLASS/NAME.avi of a class"
    yield "ucfTrainTestlist/testlist01.txt", "", "names no test videos"
    yield "ucfTrainTestlist/testlist01.txt", "Biking/absent.avi\n", "absent.avi: unpack"
    yield "ucfTrainTestlist/classInd.txt", "one Archery\n", "expected lines like"
    yield "ucfTrainTestlist/classInd.txt", "1 Archery\n3 Biking\n", "without gaps"


@pytest.mark.parametrize(("file", "text", "words"), list(_broken()))
def test_broken_lists_are_named(datasets: Path, tmp_path: Path, file: str, text: str, words: str) -> None:
    (tmp_path / "ucfTrainTestlist").mkdir()
    (tmp_path / "UCF-101").symlink_to(datasets / "UCF-101")
    for path in (datasets / "ucfTrainTestlist").iterdir():
        (tmp_path / "ucfTrainTestlist" / path.name).write_bytes(path.read_bytes())
    (tmp_path / file).write_text(text)
    with pytest.raises(UsageError, match=words):
        load_fold(tmp_path, "ucf101", 1)


@given(st.text(max_size=60))
def test_no_line_of_a_list_leads_out_of_the_folder(text: str) -> None:
    lines = [line for line in text.splitlines() if line.strip()]
    original = action_data._lines
    action_data._lines = lambda path, dataset: ["1 A"] if path.name == "classInd.txt" else lines
    try:
        fold = action_data._ucf(Path("/media"), Path("/lists"), 1)
    except UsageError:
        return
    finally:
        action_data._lines = original
    for video in fold.train:
        assert video.path.parent == Path("/media/A")


def test_frames_are_those_of_their_time(tmp_path: Path) -> None:
    """Green counts frames at 25 a second: at 10 a second every 2.5th is taken; at 50 each one twice."""
    write_video(tmp_path / "video.avi", 100, frames=20)
    assert decode_at(tmp_path / "video.avi", 10, 48).shape == (8, 48, 64, 3)
    for rate in (10, 25, 50):
        frames = decode_at(tmp_path / "video.avi", rate, 24)
        assert frames.shape[1:] == (24, 32, 3)
        shown = frames[:, 12, 16, 1] / 8
        wanted = np.floor(np.arange(len(frames)) / rate * 25 + 1e-6)
        assert np.abs(shown - wanted).max() < 1.2
    assert take(frames, 38, 5).shape[0] == 5
    np.testing.assert_array_equal(take(frames, 38, 5)[-1], frames[-1])


def test_what_is_no_video_is_an_item_error(tmp_path: Path) -> None:
    (tmp_path / "x.avi").write_bytes(b"RIFF not a video")
    with pytest.raises(ItemError, match="does not decode"):
        decode_at(tmp_path / "x.avi", 16, 32)


def test_crops_have_their_size_and_the_centre_is_the_centre() -> None:
    frames = np.zeros((2, 40, 70, 3), np.uint8)
    frames[:, 18:22, 33:37] = 255
    middle = centre_crop(frames, 16)
    assert middle.shape == (2, 16, 16, 3)
    assert middle[0, 7:9, 7:9].min() > 150
    rng = np.random.default_rng(0)
    assert {random_crop(rng, frames, 16).shape for _ in range(20)} == {(2, 16, 16, 3)}


def test_clips_of_a_test_video_are_random_then_uniform(datasets: Path) -> None:
    fold = load_fold(datasets, "ucf101", 1)
    task = ActionTask(frames_per_second=25, **SMALL)  # type: ignore[arg-type]
    shown: Any = TestClips(fold.test, task, seed=0)
    trained: Any = [TrainClips(fold.train, task, 0, epoch) for epoch in (0, 1)]
    clips = shown[0]["pictures"]
    assert clips.shape == (6, 4, 16, 16, 3)
    starts = clips[:, 0, 8, 8, 1] / 8
    np.testing.assert_allclose(starts[3:], [0, 8, 16], atol=1.2)
    again = shown[0]["pictures"]
    np.testing.assert_array_equal(clips, again)
    first, second = (each[0]["pictures"] for each in trained)
    assert not np.array_equal(first, second), "every epoch draws its own clips"


@pytest.mark.parametrize(
    ("weights", "dataset"), [pytest.param("trained", "ucf101", marks=pytest.mark.slow), ("random", "hmdb51")]
)
def test_a_row_of_table_3(datasets: Path, checkpoint: Path, tmp_path: Path, weights: str, dataset: str) -> None:
    """Fine-tuning tells the two colours apart on videos it has not seen; folds are averaged."""
    # Batches large and late steps small enough that batch norm's running statistics settle, whatever the seed or CPU.
    epochs, clips = (12, 6) if dataset == "ucf101" else (1, 2)
    training = {"epochs": epochs, "batch": 6, "learning_rate": 3e-3, "milestones": [6, 9], "dropout": 0.0}
    task: dict[str, Any] = {"task": "action", "dataset": dataset, "folds": [1, 2], **SMALL, **training}
    task["clips_per_video"] = clips
    fields = {"name": "action", "tasks": [task], "weights": weights, "run": {"workers": 0, "device": "cpu"}}
    fields |= {"row": "scratch"} if weights == "random" else {}
    summary = evaluate(parse_evaluation(fields, "test"), str(datasets), checkpoint, tmp_path / "out")
    record = read_result(summary.results[0])
    assert record["row"] == ("scratch" if weights == "random" else "avsa")
    folds = record["details"]["folds"]
    assert set(folds) == {"1", "2"}
    for name in ("clip_1", "video_1"):
        mean = np.mean([fold[name]["value"] for fold in folds.values()])
        assert record["measures"][name]["value"] == pytest.approx(mean)
    if dataset == "ucf101":
        assert record["measures"]["video_1"]["value"] >= 75


def test_probes_on_actions_use_frozen_features(datasets: Path, checkpoint: Path, tmp_path: Path) -> None:
    tasks = [{"task": "knn", "labels": "ucf101", "neighbours": 3}, {"task": "probe", "labels": "ucf101"}]
    fields = {"name": "probes", "tasks": tasks, "run": {"workers": 0, "device": "cpu"}}
    summary = evaluate(parse_evaluation(fields, "test"), str(datasets), checkpoint, tmp_path / "out")
    for path in summary.results:
        assert read_result(path)["measures"]["accuracy"]["n"] == 2
