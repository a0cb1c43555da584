"""UCF-101 and HMDB-51 as they are published: folders of classes, and the official split files.

::

    ROOT/UCF-101/CLASS/v_CLASS_g01_c01.avi              ROOT/hmdb51_org/CLASS/NAME.avi
    ROOT/ucfTrainTestlist/classInd.txt                  ROOT/testTrainMulti_7030_splits/CLASS_test_split1.txt
    ROOT/ucfTrainTestlist/trainlist01.txt, testlist01.txt
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import av
import av.error
import numpy as np
from numpy.typing import NDArray

from yt360.errors import ItemError, UsageError

_MAX_LIST_BYTES = 1 << 24
_MAX_FRAMES = 100_000
_MAX_SIDE = 4096
_MAX_HELD_BYTES = 1 << 31

_WHERE = {
    "ucf101": "UCF-101 (UCF101.rar) and ucfTrainTestlist (UCF101TrainTestSplits-RecognitionTask.zip) from "
    "https://www.crcv.ucf.edu/data/UCF101.php",
    "hmdb51": "hmdb51_org (hmdb51_org.rar, with its classes unpacked) and testTrainMulti_7030_splits "
    "(test_train_splits.rar) from https://serre-lab.clps.brown.edu/resource/hmdb-a-large-human-motion-database/",
}
_FOLDERS = {"ucf101": ("UCF-101", "ucfTrainTestlist"), "hmdb51": ("hmdb51_org", "testTrainMulti_7030_splits")}


@dataclass(frozen=True)
class ActionVideo:
    """A video file and the number of its class."""

    path: Path
    label: int


@dataclass(frozen=True)
class Fold:
    """One official split: ``classes`` in order of their numbers, ``train`` and ``test`` videos in order of lists."""

    dataset: str
    number: int
    classes: tuple[str, ...]
    train: tuple[ActionVideo, ...]
    test: tuple[ActionVideo, ...]


def load_fold(root: Path, dataset: str, number: int) -> Fold:
    """Fold ``number`` (1 to 3) below ``root``. Raises :class:`UsageError`: what is missing, where to get and put it."""
    media, lists = (root / name for name in _FOLDERS[dataset])
    for folder in (media, lists):
        if not folder.is_dir():
            raise UsageError(f"{folder}: not there. {dataset} needs {_WHERE[dataset]}: unpack both into {root}")
    fold = _ucf(media, lists, number) if dataset == "ucf101" else _hmdb(media, lists, number)
    for part, videos in (("training", fold.train), ("test", fold.test)):
        if not videos:
            raise UsageError(f"{lists}: fold {number} names no {part} videos")
    missing = [video.path for video in fold.train + fold.test if not video.path.is_file()]
    if missing:
        raise UsageError(
            f"{media}: {len(missing)} of {len(fold.train) + len(fold.test)} videos of fold {number} are not there, "
            f"first {missing[0]}: unpack {_WHERE[dataset]} whole"
        )
    return fold


def _ucf(media: Path, lists: Path, number: int) -> Fold:
    numbers: dict[str, int] = {}
    for line in _lines(lists / "classInd.txt", "ucf101"):
        place, name = (*line.split(maxsplit=1), "")[:2]
        if not place.isdigit() or not name:
            raise UsageError(f"{lists / 'classInd.txt'}: expected lines like '1 ApplyEyeMakeup', found {line[:80]!r}")
        numbers[name.strip()] = int(place)
    if sorted(numbers.values()) != list(range(1, len(numbers) + 1)):
        raise UsageError(f"{lists / 'classInd.txt'}: expected classes numbered from 1 without gaps")
    parts = []
    for part in ("train", "test"):
        path = lists / f"{part}list{number:02d}.txt"
        videos = []
        for line in _lines(path, "ucf101"):
            name = line.split()[0]
            plain = PurePosixPath(name)
            if len(plain.parts) != 2 or ".." in plain.parts or plain.parts[0] not in numbers:
                raise UsageError(f"{path}: expected CLASS/NAME.avi of a class in classInd.txt, found {line[:80]!r}")
            videos.append(ActionVideo(media / plain, numbers[plain.parts[0]] - 1))
        parts.append(tuple(videos))
    return Fold("ucf101", number, tuple(sorted(numbers, key=lambda name: numbers[name])), parts[0], parts[1])


def _hmdb(media: Path, lists: Path, number: int) -> Fold:
    ending = f"_test_split{number}.txt"
    # What macOS unpacks beside a file (._NAME) is no list.
    paths = sorted(path for path in lists.glob(f"*{ending}") if not path.name.startswith("."))
    if not paths:
        raise UsageError(f"{lists}: no CLASS{ending} there. hmdb51 needs {_WHERE['hmdb51']}")
    classes = tuple(path.name.removesuffix(ending) for path in paths)
    parts: dict[str, list[ActionVideo]] = {"1": [], "2": []}
    for label, path in enumerate(paths):
        for line in _lines(path, "hmdb51"):
            name, use = (*line.rsplit(maxsplit=1), "")[:2]
            if use not in ("0", "1", "2") or not name or PurePosixPath(name).name != name or name == "..":
                raise UsageError(
                    f"{path}: expected lines like 'NAME.avi 1' (0 unused, 1 train, 2 test), found {line[:80]!r}"
                )
            if use in parts:
                parts[use].append(ActionVideo(media / classes[label] / name, label))
    return Fold("hmdb51", number, classes, tuple(parts["1"]), tuple(parts["2"]))


def _lines(path: Path, dataset: str) -> list[str]:
    try:
        if path.stat().st_size > _MAX_LIST_BYTES:
            raise UsageError(f"{path}: a list is at most 16 MiB")
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise UsageError(f"{path}: not there. {dataset} needs {_WHERE[dataset]}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as a list of videos ({error})") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def decode_at(path: Path, frames_per_second: float, short_side: int) -> NDArray[np.uint8]:
    """All of a video at ``frames_per_second`` ``(frames, h, w, 3)`` RGB, shorter side at most ``short_side`` pixels.

    Raises :class:`ItemError` when it does not decode, or is larger than any video of these datasets.
    """
    found: list[NDArray[np.uint8]] = []
    held = decoded = 0
    try:
        with av.open(str(path), options={"protocol_whitelist": "file"}) as container:
            if not container.streams.video:
                raise ItemError("not-media", f"{path}: expected a video, found no picture in it")
            stream = container.streams.video[0]
            stream.thread_count = 1
            rate = float(stream.average_rate or stream.guessed_rate or 25)
            for frame in container.decode(stream):
                decoded += 1
                if decoded > _MAX_FRAMES or max(frame.width, frame.height) > _MAX_SIDE or held > _MAX_HELD_BYTES:
                    raise ItemError("too-large", f"{path}: over {_MAX_FRAMES} frames, {_MAX_SIDE} pixels or 2 GiB")
                # The frames that show the moments due until the next one; a slow video shows some of them twice.
                due = math.ceil(decoded / rate * frames_per_second - 1e-6) - len(found)
                if due > 0:
                    scale = min(1.0, short_side / min(frame.width, frame.height))
                    width, height = round(frame.width * scale), round(frame.height * scale)
                    picture = np.asarray(frame.to_ndarray(format="rgb24", width=width, height=height), np.uint8)
                    found += [picture] * due
                    held += picture.nbytes * due
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise ItemError("unreadable", f"{path}: does not decode ({error})") from error
    if not found:
        raise ItemError("unreadable", f"{path}: expected a video, found no frame in it")
    if any(picture.shape != found[0].shape for picture in found):
        raise ItemError("unreadable", f"{path}: frames of different sizes")
    return np.stack(found)


def take(frames: NDArray[np.uint8], start: int, count: int) -> NDArray[np.uint8]:
    """``count`` frames from ``start`` on; a video that is too short goes on with its last one."""
    return frames[np.minimum(np.arange(start, start + count), len(frames) - 1)]
