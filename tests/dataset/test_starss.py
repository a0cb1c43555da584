"""Recordings in the layout of STARSS23: what is found, read and refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from yt360.dataset.starss import EventLabel, find_recordings, read_labels
from yt360.errors import UsageError


def add(
    folder: Path, name: str, labels: str = "0,1,0,90,-10,150\n", *, channels: int = 4, seconds: float = 1.0
) -> None:
    sound, table = folder / "foa_dev" / f"{name}.wav", folder / "metadata_dev" / f"{name}.csv"
    for path in (sound, table):
        path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(sound, np.zeros((round(seconds * 24000), channels)), 24000, subtype="PCM_16")
    table.write_text(labels)


def test_the_challenge_s_folders_are_splits(tmp_path: Path) -> None:
    add(tmp_path, "dev-train-sony/fold3_room21_mix001")
    add(tmp_path, "dev-train-tau/fold3_room4_mix001", seconds=1.01)
    add(tmp_path, "dev-test-tau/fold4_room2_mix001")
    video = tmp_path / "video_dev" / "dev-train-tau" / "fold3_room4_mix001.mp4"
    video.parent.mkdir(parents=True)
    video.write_bytes(b"")
    found = find_recordings(tmp_path)
    assert [(each.name, each.split, each.video, each.frames) for each in found] == [
        ("dev-test-tau/fold4_room2_mix001", "test", None, 10),
        ("dev-train-sony/fold3_room21_mix001", "train", None, 10),  # twelve of STARSS23 have no picture
        ("dev-train-tau/fold3_room4_mix001", "train", video, 11),
    ]
    assert [each.name for each in find_recordings(tmp_path, "test")] == ["dev-test-tau/fold4_room2_mix001"]


def test_labels_with_and_without_distance_in_order_of_frames(tmp_path: Path) -> None:
    """The lines of the README of STARSS23, which writes spaces, and those of 2022."""
    path = tmp_path / "labels.csv"
    path.write_text("11,     1,  2,   10, -20, 243\n10,     1,  1,  -50,  30, 180\n\n13,8,0,-40,0\n")
    assert read_labels(path) == [
        EventLabel(10, 1, 1, -50, 30, 180),
        EventLabel(11, 1, 2, 10, -20, 243),
        EventLabel(13, 8, 0, -40, 0),
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("frame,class,source,azimuth,elevation", "expected frame,class,source,azimuth,elevation"),
        ("1,2,3,4", "expected frame,class,source,azimuth,elevation"),
        ("1,2,3,4,5,6,7", "expected frame,class,source,azimuth,elevation"),
        ("1,2,3,nan,5", "expected frame,class,source,azimuth,elevation"),
        ("1,2,3,181,5", "within ±180"),
        ("1,2,3,180,-91", "within ±90"),
        ("-1,2,3,0,0", "from 0"),
        ("99999999,2,3,0,0", "from 0"),
        ("1,1000,3,0,0", "from 0"),
    ],
)
def test_a_line_that_cannot_be_is_named(line: str, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(f"0,0,0,180,-90\n{line}\n")
    with pytest.raises(UsageError, match=f"labels.csv:2: .*{expected}"):
        read_labels(path)


def test_what_is_no_such_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected recordings in the layout of STARSS23"):
        find_recordings(tmp_path)
    add(tmp_path / "a", "dev-train-sony/mix001")
    with pytest.raises(UsageError, match="found none"):
        find_recordings(tmp_path / "a", "test")
    (tmp_path / "a" / "metadata_dev" / "dev-train-sony" / "mix001.csv").unlink()
    with pytest.raises(UsageError, match=r"expected the labels of mix001\.wav"):
        find_recordings(tmp_path / "a")
    add(tmp_path / "b", "dev-train-sony/mix001", channels=2)
    with pytest.raises(UsageError, match="expected four channels of AmbiX"):
        find_recordings(tmp_path / "b")
    add(tmp_path / "c", "somewhere/mix001")
    with pytest.raises(UsageError, match="expected a folder called dev-train"):
        find_recordings(tmp_path / "c")
    add(tmp_path / "d", "dev-train-sony/mix001")
    (tmp_path / "d" / "foa_dev" / "dev-train-sony" / "mix001.wav").write_bytes(b"RIFF")
    with pytest.raises(UsageError, match="expected sound as WAV"):
        find_recordings(tmp_path / "d")
