"""``yt360.ClipDataset``: random views of a dataset's clips for a torch ``DataLoader``."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from pydantic import ValidationError

from yt360.dataset.cutting import draw_sample
from yt360.dataset.dataset import open_dataset
from yt360.dataset.decoding import ClipDecoder
from yt360.dataset.manifest import ClipRow, load_split
from yt360.dataset.members import MemberReader
from yt360.dataset.settings import DataSettings, SampleSettings, ViewSettings
from yt360.errors import UsageError
from yt360.settings import misfit

try:
    import torch
    from torch.utils.data import Dataset as TorchDataset
    from torch.utils.data import get_worker_info
except ImportError as error:
    raise UsageError(f"ClipDataset needs torch ({error}): pip install 'yt360[train]'") from error


class ClipDataset(TorchDataset[Any]):
    """Item ``i``: ``views`` random views of a random moment of clip ``i``, drawn as in training.

    A dictionary that torch's default ``collate`` stacks:

    * ``frames`` (views, 3, T, size, size) uint8 RGB in [0, 255];
    * ``foa`` (views, 4, N) float32 AmbiX (W Y Z X), turned to each view: the middle of the picture is on +X;
    * ``rotation`` (views, 3, 3) float32, takes directions of the clip to those of the view; ``azimuth`` and
      ``elevation`` (views,) float32 of the view in radians; ``fov`` (views, 2) float32, horizontal and vertical;
    * ``flip`` (views,) bool: picture and sound are mirrored left to right after the rotation;
    * ``clip``, ``video``: their ids; ``start_s``: where in the clip the sound begins; ``index``: i.

    ``location``: as for :func:`yt360.open`. ``split``: ``train``, ``test``, or ``None`` for all clips. ``picture_s``
    of picture at ``fps`` frames a second lie at a random place inside ``sound_s`` of sound. ``augment``: random flips,
    gains and colours. ``transform``: called with each item. Clips shorter than an item are left out.

    Equal ``seed``, epoch and index give equal items, with any number of workers; :meth:`set_epoch` makes new ones.
    A clip that cannot be read raises :class:`yt360.errors.ItemError`, which names it.

    >>> clips = ClipDataset(root, split="train", views=2, picture_s=0.25, size=32)
    >>> item = clips[0]
    >>> len(clips), tuple(item["frames"].shape), tuple(item["foa"].shape), item["clip"]
    (2, (2, 3, 4, 32, 32), (2, 4, 24000), 'video000-00000')
    """

    def __init__(
        self,
        location: str | os.PathLike[str],
        split: str | None = "train",
        *,
        views: int = 4,
        picture_s: float = 0.5,
        sound_s: float = 1.0,
        fps: float = 16.0,
        size: int = 112,
        augment: bool = True,
        seed: int = 0,
        transform: Callable[[dict[str, Any]], Any] | None = None,
        verify: bool = True,
    ) -> None:
        try:
            self.settings = SampleSettings(
                data=DataSettings(picture_s=picture_s, sound_s=sound_s, frames_per_second=fps),
                views=ViewSettings(size=size),
                view_count=views,
            )
        except ValidationError as error:
            raise misfit(error, "ClipDataset: the options do not fit") from error
        if seed < 0:
            raise UsageError(f"ClipDataset: seed must not be negative, found {seed}")
        self.augment, self.seed, self.transform = augment, seed, transform
        data = open_dataset(location)
        self.location = data.location
        self._clips = _usable(data.location, [split] if split is not None else list(data.splits), self.settings.data)
        self._reader = MemberReader(data.location, verify=verify)
        # Shared with workers, so that those that live on through epochs see the new one.
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()

    def set_epoch(self, epoch: int) -> None:
        """Draw other moments and views from now on, the same ones for the same ``epoch``.

        >>> clips = ClipDataset(root, views=1, size=32)
        >>> first = clips[0]["frames"]
        >>> clips.set_epoch(1)
        >>> bool((clips[0]["frames"] == first).all())
        False
        """
        self._epoch.fill_(epoch)

    def __len__(self) -> int:
        return len(self._clips)

    def __getitem__(self, index: int) -> Any:
        if not -len(self) <= index < len(self):
            raise IndexError(f"{self.location}: no item {index}: there are {len(self)}")
        if get_worker_info() is not None:
            cv2.setNumThreads(1)
        index = int(index) % len(self)
        clip = self._clips[index]
        rng = np.random.default_rng((self.seed, int(self._epoch), index))
        sample = draw_sample(rng, ClipDecoder(self._reader, clip), self.settings, augment=self.augment)
        views = [drawn.view for drawn in sample.views]
        item = {
            # Not copied into that order: collating items does it.
            "frames": torch.from_numpy(sample.pictures).permute(0, 4, 1, 2, 3),
            "foa": torch.from_numpy(sample.matrices @ sample.sound),
            "rotation": torch.from_numpy(np.stack([view.rotation for view in views]).astype(np.float32)),
            "azimuth": torch.tensor([view.azimuth for view in views]),
            "elevation": torch.tensor([view.elevation for view in views]),
            "fov": torch.tensor([[view.horizontal_fov, view.vertical_fov] for view in views]),
            "flip": torch.tensor([drawn.flip for drawn in sample.views]),
            "clip": clip.clip,
            "video": clip.video,
            "start_s": sample.moments[0].sound_start / clip.sample_rate_hz,
            "index": index,
        }
        return item if self.transform is None else self.transform(item)


class _OpenCvThreads:
    """Stops OpenCV's threads while a process forks: a forked worker would wait for ever for those of its parent."""

    def __init__(self) -> None:
        self._count = cv2.getNumThreads()
        os.register_at_fork(before=self._stop, after_in_parent=self._restore)

    def _stop(self) -> None:
        self._count = cv2.getNumThreads()
        cv2.setNumThreads(1)

    def _restore(self) -> None:
        cv2.setNumThreads(self._count)


_THREADS = _OpenCvThreads()


def _usable(location: str, splits: list[str], data: DataSettings) -> tuple[ClipRow, ...]:
    """The clips of some splits that hold an item; all of one sample rate, because items are stacked."""
    dataset = open_dataset(location)
    rates = {int(rate) for name in splits for rate in dataset.split(name).clips["sample_rate_hz"]}
    if len(rates) > 1:
        raise UsageError(
            f"{location}: its clips have sound at {sorted(rates)} Hz; items of several rates cannot be stacked: "
            "make the clips again with one rate (yt360 chunk and shard)"
        )
    found = [load_split(location, name, data, rate) for rate in rates for name in splits]
    return tuple(clip for part in found for clip in part.clips)
