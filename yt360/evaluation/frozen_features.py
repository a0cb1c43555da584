"""Frozen features of train and test samples, made once a model and kept, for every task that needs no more.

Each block of samples is a file of its own, so a stopped run goes on where it was, and several
processes share the work without doing a sample twice. What a block holds does not depend on their number.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from torch import Tensor
from torch.utils.data import Dataset

from yt360 import ambisonics, sphere
from yt360.dataset.manifest import ClipRow, ClipSplit
from yt360.dataset.members import MemberReader
from yt360.dataset.perspective_crop import DrawnView
from yt360.dataset.settings import PublishedBehaviour, SampleSettings
from yt360.dataset.views import sound_matrix
from yt360.errors import UsageError
from yt360.evaluation.alone import Extract, alone
from yt360.evaluation.pretrained import Pretrained
from yt360.evaluation.samples import (
    TURNS,
    RequestDataset,
    blocks_of,
    draw_requests,
    judge_unreadable,
    read_blocks,
    videos_of,
)
from yt360.files import atomic_write, parse_json
from yt360.hashing import digest_json
from yt360.models.settings import SpectrogramSettings
from yt360.models.tensor_files import save_tensors
from yt360.training.batch_plan import Request
from yt360.training.distributed import Processes, barrier
from yt360.training.samples import make_sample

_MADE_AS = 4
"""Features that a version before kept are made again when this is raised."""


@dataclass(frozen=True)
class Turn:
    """A way to turn the sound away from the picture: by an angle of size in [``low_deg``, ``high_deg``], either way,
    about the vertical axis (``yaw``) or the left-right axis (``pitch``) of the whole sphere."""

    axis: str
    low_deg: float
    high_deg: float

    @property
    def name(self) -> str:
        return f"{self.axis} {self.low_deg:g}-{self.high_deg:g}°"

    def draw(self, rng: np.random.Generator) -> float:
        """An angle in radians."""
        return math.radians(rng.uniform(self.low_deg, self.high_deg)) * float(rng.choice([-1, 1]))

    def rotation(self, angle: float) -> NDArray[np.float64]:
        """What turns the sound field by ``angle``."""
        return sphere.yaw_rotation(angle) if self.axis == "yaw" else sphere.pitch_rotation(angle)


ANY_YAW = Turn("yaw", 0, 180)
"""The published negative: yaw drawn from U(-180°, 180°)."""

ANGLES = tuple(
    Turn(axis, low, high)
    for axis, edges in (("yaw", (5, 15, 30, 45, 60, 90, 120, 150, 180)), ("pitch", (5, 15, 30, 60, 90)))
    for low, high in itertools.pairwise(edges)
)
"""Bins of the harder variant."""


@dataclass
class Bank:
    """Features of ``n`` samples with ``k`` views each, float16 as stored.

    ``video`` and ``sound`` (n, k, features); ``turned`` (n, turns, k, features): the sound's features after
    each turn, by ``angles`` (n, turns) radians; ``directions`` (n, k, 3); ``videos`` (n,): the sample's video.
    """

    video: Tensor
    sound: Tensor
    turned: Tensor
    angles: Tensor
    directions: Tensor
    videos: NDArray[np.int64]
    unreadable: tuple[tuple[str, str], ...] = ()
    extra: dict[str, Tensor] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.videos)


@dataclass
class Extractor:
    """Makes banks of a model's features below ``folder``; ``settings`` say how samples are made."""

    pretrained: Pretrained
    settings: SampleSettings
    root: str
    folder: Path
    group: Processes
    seed: int
    batch: int
    stopped: Callable[[], bool] = lambda: False
    said: Callable[[str, int, int], None] = lambda what, done, total: None

    def bank(self, split: ClipSplit, kind: int, clips_per_video: int, turns: Sequence[Turn], number: int = 0) -> Bank:
        """Features of ``clips_per_video`` samples of each video of a split (see :func:`draw_requests`)."""
        requests = draw_requests(split, clips_per_video, self.seed, kind, number)
        reader = MemberReader(self.root, verify=self.settings.data.verify_digests)
        make = partial(make_views, settings=self.settings, reader=reader)
        extract = partial(
            _features, requests=requests, turns=tuple(turns), switches=self.settings.behaviour, seed=self.seed
        )
        identity = [
            split.digest,
            split.name,
            kind,
            clips_per_video,
            number,
            [turn.name for turn in turns],
            how(self.settings, self.pretrained.origin.sound),
        ]
        dataset = RequestDataset(requests, split, make)
        tensors, unreadable = self.run(dataset, len(requests), alone(extract), identity, f"features of {split.name}")
        index = tensors.pop("index").numpy()
        return Bank(
            **{name: tensors.pop(name) for name in ("video", "sound", "turned", "angles", "directions")},
            videos=videos_of(split, requests)[index],
            unreadable=unreadable,
            extra=tensors,
        )

    def run(
        self, dataset: Dataset[Any], total: int, extract: Extract, identity: Any, what: str
    ) -> tuple[dict[str, Tensor], tuple[tuple[str, str], ...]]:
        """What ``extract`` makes of the ``total`` samples, in order, with their ``index``; and what could not be read.

        ``identity``: JSON of all that the outcome depends on besides the model, the seed and the size of blocks.
        """
        folder = self.folder / digest_json([_MADE_AS, self.pretrained.digest, self.seed, self.batch, identity])
        folder.mkdir(parents=True, exist_ok=True)
        count = -(-total // self.batch)
        blocks = blocks_of(total, self.batch, self.group.rank, self.group.world)
        missing = [block for block in blocks if not _whole(_path(folder, block[0]))]
        for block in read_blocks(dataset, missing, self.settings.data.workers, self.pretrained.device):
            found: dict[str, Tensor] = {}
            if block.tensors:
                with torch.inference_mode():
                    found = extract(self.pretrained, block.tensors) | {"index": block.tensors["index"]}
            _write(_path(folder, block.number), found, [[each.clip, each.error] for each in block.unreadable])
            self.said(what, block.number + 1, count)
            if self.stopped():
                raise Stopped
        barrier()
        return _read_all([_path(folder, number) for number in range(count)], total)


class Stopped(Exception):  # noqa: N818 - a request, not an error
    """The run was asked to stop; what was made is kept."""


def how(settings: SampleSettings, sound: SpectrogramSettings) -> list[Any]:
    """All that features of a sample depend on besides the model, its clip and its random numbers."""
    data = settings.data.model_dump(mode="json", exclude={"workers", "verify_digests", "clips_per_video"})
    parts = (settings.views, settings.behaviour, sound)
    return [data, settings.view_count, *(part.model_dump(mode="json") for part in parts)]


def samples_digest(settings: SampleSettings, split: ClipSplit, seed: int, clips_per_video: int) -> str:
    """Digest of the test samples that a result was measured on: rows of one table must agree in it."""
    data = settings.data.model_dump(mode="json", include={"picture_s", "frames_per_second", "sound_s"})
    views = settings.views.model_dump(mode="json", include={"elevation_deg", "aspect", "energy_share"})
    return digest_json([split.digest, seed, clips_per_video, data, views, settings.view_count])


def make_views(
    request: Request, clip: ClipRow, *, settings: SampleSettings, reader: MemberReader
) -> dict[str, NDArray[Any]]:
    """A request's sample as training makes it."""
    sample = make_sample(request, clip, settings, reader)
    return {name: getattr(sample, name) for name in ("pictures", "sound", "matrices", "directions")}


def draw_angles(request: Request, turns: Sequence[Turn], seed: int) -> list[float]:
    """The angle of each turn for a request: the same for every model."""
    return [
        turn.draw(np.random.default_rng((seed, TURNS, *request.seed[1:], place))) for place, turn in enumerate(turns)
    ]


def turned_matrices(matrices: Tensor, rotations: NDArray[np.floating], switches: PublishedBehaviour) -> Tensor:
    """``matrices`` (b, k, 4, 4) after the sound field was turned by ``rotations`` (b, t, 3, 3): (b, t, k, 4, 4).

    The turn acts on the channels as the model's loader reads them: behind what ``switches.channels`` does to them.
    """
    straight = DrawnView(sphere.View(0.0, 0.0, 1.0, 1.0), flip=False, gain=1.0, corners=False)
    loader = sound_matrix(straight, switches).astype(np.float64)
    flat = rotations.reshape(-1, 3, 3)
    turns = np.array([ambisonics.rotation_matrix(each) for each in flat]).reshape(*rotations.shape[:2], 4, 4)
    turns = np.linalg.inv(loader) @ turns @ loader
    return matrices[:, None] @ torch.from_numpy(turns.astype(np.float32)).to(matrices.device)[:, :, None]


def _features(
    pretrained: Pretrained,
    batch: dict[str, Tensor],
    *,
    requests: Sequence[Request],
    turns: Sequence[Turn],
    switches: PublishedBehaviour,
    seed: int,
) -> dict[str, Tensor]:
    count, views = batch["pictures"].shape[:2]
    pictures, spectrograms = pretrained.inputs(batch)
    video = pretrained.model.video(pictures).view(count, views, -1)
    sound = pretrained.model.sound(spectrograms).view(count, views, -1)
    own = [requests[int(index)] for index in batch["index"]]
    angles = np.array([draw_angles(request, turns, seed) for request in own], np.float64).reshape(count, -1)
    turned = sound.new_empty(count, 0, views, sound.shape[-1])
    if turns:
        rotations = np.array([[t.rotation(a) for t, a in zip(turns, row, strict=True)] for row in angles])
        matrices = turned_matrices(batch["matrices"], rotations, switches)
        spectrograms = pretrained.spectrogram(batch["sound"], matrices.flatten(1, 2)).flatten(0, 1)
        parts = [pretrained.model.sound(part) for part in spectrograms.split(max(1, len(video) * views))]
        turned = torch.cat(parts).view(count, len(turns), views, -1)
    return {
        "video": video.half(),
        "sound": sound.half(),
        "turned": turned.half(),
        "angles": torch.from_numpy(angles).float(),
        "directions": batch["directions"],
    }


def _path(folder: Path, number: int) -> Path:
    return folder / f"{number:06d}.safetensors"


def _whole(path: Path) -> bool:
    try:
        with safe_open(str(path), "pt"):
            return True
    except (OSError, SafetensorError):
        return False


def _write(path: Path, tensors: dict[str, Tensor], bad: Sequence[Sequence[str]]) -> None:
    metadata = {"unreadable": json.dumps(list(bad))}
    atomic_write(path, lambda partial: save_tensors(partial, tensors, metadata))


def _read_all(paths: Sequence[Path], total: int) -> tuple[dict[str, Tensor], tuple[tuple[str, str], ...]]:
    parts: dict[str, list[Tensor]] = {}
    bad: list[tuple[str, str]] = []
    for path in paths:
        try:
            with safe_open(str(path), "pt") as block:
                for name in block.keys():  # noqa: SIM118 - not a dictionary
                    parts.setdefault(name, []).append(block.get_tensor(name))
                bad += [(str(clip), str(error)) for clip, error in parse_json((block.metadata() or {})["unreadable"])]
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            raise UsageError(
                f"{path}: a block of features cannot be read ({error}); remove it and run again"
            ) from error
    judge_unreadable(bad, total)
    return {name: torch.cat(values) for name, values in parts.items()}, tuple(bad)
