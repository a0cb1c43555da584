"""Which samples an evaluation looks at, the same for every model, and a loader that names what it could not read."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from yt360.dataset.manifest import ClipRow, ClipSplit
from yt360.errors import ItemError, UsageError, Yt360Error
from yt360.training.batch_plan import Request

TRAIN, TEST, TURNS, PARTNERS, HEAD = 1, 2, 3, 4, 5
"""First number after the seed in the seeds of what is drawn."""

_BAD_SHARE = 0.01


def draw_requests(split: ClipSplit, clips_per_video: int, seed: int, kind: int, number: int = 0) -> list[Request]:
    """``clips_per_video`` samples of each video, in order of the videos; ``number`` tells rounds apart.

    The clips of a video take turns in random order, so that they come equally often. What is drawn
    depends on the seed and on the place of the video in the split, on nothing of a model.
    """
    requests = []
    for video, clips in enumerate(split.clips_of):
        rng = np.random.default_rng((seed, kind, number, video))
        order = np.concatenate([rng.permutation(clips) for _ in range(-(-clips_per_video // len(clips)))])
        requests += [
            Request(split.name, int(clip), video, (seed, kind, number, video, place), augment=kind == TRAIN)
            for place, clip in enumerate(order[:clips_per_video])
        ]
    return requests


def videos_of(split: ClipSplit, requests: Sequence[Request]) -> NDArray[np.int64]:
    """Number of each request's video in the split, ``(n,)``."""
    return np.array([request.video for request in requests], np.int64)


@dataclass(frozen=True)
class Unreadable:
    """A sample that could not be made."""

    index: int
    clip: str
    error: str


Make = Callable[[Request, ClipRow], dict[str, NDArray[Any]]]


class RequestDataset(Dataset[Any]):
    """Item ``i``: what ``make`` makes of request ``i``, with its ``index``; or :class:`Unreadable`, never an error."""

    def __init__(self, requests: Sequence[Request], split: ClipSplit, make: Make) -> None:
        self._requests, self._clips, self._make = requests, split.clips, make

    def __getitem__(self, index: int) -> dict[str, Any] | Unreadable:
        request = self._requests[index]
        clip = self._clips[request.clip]
        try:
            return {"index": np.int64(index), **self._make(request, clip)}
        except ItemError as error:
            return Unreadable(index, clip.clip, str(error))


@dataclass(frozen=True)
class SampleBlock:
    """``tensors`` of the readable samples, stacked, among them ``index``; and those that could not be read."""

    number: int
    tensors: dict[str, torch.Tensor]
    unreadable: tuple[Unreadable, ...]


def collate(made: Sequence[dict[str, Any] | Unreadable]) -> tuple[dict[str, torch.Tensor], tuple[Unreadable, ...]]:
    good = [sample for sample in made if isinstance(sample, dict)]
    tensors = {name: torch.from_numpy(np.stack([sample[name] for sample in good])) for name in good[0]} if good else {}
    return tensors, tuple(sample for sample in made if isinstance(sample, Unreadable))


def read_blocks(
    dataset: Dataset[Any], blocks: Sequence[tuple[int, Sequence[int]]], workers: int, device: torch.device
) -> Iterator[SampleBlock]:
    """The ``blocks`` (number, indices into ``dataset``) in their order, by ``workers`` processes."""
    loader = DataLoader(
        dataset,
        batch_sampler=[list(indices) for _, indices in blocks],
        collate_fn=collate,
        num_workers=workers if len(blocks) > 1 else 0,
        multiprocessing_context="forkserver" if workers and len(blocks) > 1 else None,
        worker_init_fn=_start_worker if workers and len(blocks) > 1 else None,
        pin_memory=device.type == "cuda",
    )
    for (number, _), (tensors, unreadable) in zip(blocks, loader, strict=True):
        moved = {name: value.to(device, non_blocking=True) for name, value in tensors.items()}
        yield SampleBlock(number, moved, unreadable)


def _start_worker(_: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)


def judge_unreadable(unreadable: Sequence[tuple[str, str]], total: int) -> None:
    """Stop where more than 1 % of the samples (clip, error) could not be read; fewer are left out and named."""
    if len(unreadable) > _BAD_SHARE * total:
        clip, error = unreadable[0]
        raise Yt360Error(
            f"{len(unreadable)} of {total} samples cannot be read, first of clip {clip}: {error}. "
            "Run yt360 verify on the root and make the named clips again"
        )


def blocks_of(total: int, size: int, rank: int, world: int) -> list[tuple[int, range]]:
    """This process's share of 0 … ``total``, in blocks that do not depend on the number of processes."""
    starts = range(0, total, size)
    return [
        (number, range(start, min(start + size, total)))
        for number, start in enumerate(starts)
        if number % world == rank
    ]


def need_two_videos(split: ClipSplit, root: str) -> None:
    """Raise :class:`UsageError` where a split cannot serve an evaluation."""
    if len(split.videos) < 2:
        raise UsageError(
            f"{root}: the split {split.name!r} holds {len(split.videos)} usable "
            f"video{'' if len(split.videos) == 1 else 's'}, expected at least 2. Of few videos, test needs a larger "
            f"share (yt360 split --root {root} -p test_share=0.3, then yt360 shard --root {root}, and train again: "
            "some of them change sides); or name other splits with --set data.train_split=… and data.test_split=…"
        )
