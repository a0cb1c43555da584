"""Trains a head on frozen features of labelled recordings, keeps it in a folder, and measures it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from yt360 import sphere
from yt360.dataset.starss import LabelledRecording, find_recordings, read_labels
from yt360.errors import UsageError
from yt360.evaluation.doa.frozen import feature_size, recording_features, ring_rotations
from yt360.evaluation.doa.head import DoaHead
from yt360.evaluation.doa.settings import DoaSettings, parse_settings
from yt360.evaluation.doa.targets import event_targets, found_frames, reference_frames, track_loss
from yt360.evaluation.localisation_scores import Frame, LocalisationScorer, LocalisationScores
from yt360.files import atomic_write, atomic_write_text
from yt360.hashing import digest_json
from yt360.models.avsa_model import AVSAModel
from yt360.models.folder import load_into, read_json
from yt360.models.tensor_files import read_tensors, save_tensors

WEIGHTS, ABOUT, FEATURES = "head.safetensors", "head.json", "features"
FORMAT = "yt360-doa-head"

Said = Callable[[str, int, int], None]
"""Gets a text, and how many of how many are done."""


@dataclass(frozen=True)
class TrainedHead:
    """A head, what it was trained with, and the digest of the model whose features it knows."""

    head: DoaHead
    settings: DoaSettings
    classes: int
    model: str


@dataclass(frozen=True)
class DoaResult:
    """DCASE's scores of ``recordings``, and what was found in each: name -> frames."""

    scores: LocalisationScores
    recordings: int
    found: dict[str, list[Frame]]


def train_head(
    model: AVSAModel, data: Path, out: Path, settings: DoaSettings | None = None, *, said: Said | None = None
) -> TrainedHead:
    """Train on the split ``train`` below ``data`` and leave the head in the folder ``out``.

    The encoders stay as they are. Features that were computed lie in ``out/features`` and are used again. Raises
    :class:`UsageError` for data that do not fit.
    """
    settings, said = settings or DoaSettings(), said or _silent
    recordings = find_recordings(data, "train")
    weights = _digest(model)
    labels = [read_labels(each.labels) for each in recordings]
    if not any(labels):
        raise UsageError(f"{data}: expected labels in metadata_dev, found none in {len(recordings)} recordings")
    classes = 1 + max(event.label for events in labels for event in events)
    examples = []
    for number, (recording, events) in enumerate(zip(recordings, labels, strict=True), 1):
        features = recording_features(model, recording, settings, out / FEATURES, weights)
        references = reference_frames(events, len(features) * settings.frames)
        examples.append((features, *event_targets(references, classes, settings.tracks)))
        said(f"features of {recording.name}", number, len(recordings))
    torch.manual_seed(settings.seed)
    trained = TrainedHead(_head(model, settings, classes), settings, classes, weights)
    _fit(trained.head, examples, settings, said)
    _save(out, trained)
    return trained


def _fit(head: DoaHead, examples: Sequence[tuple[Tensor, Tensor, Tensor]], settings: DoaSettings, said: Said) -> None:
    head.fit(torch.cat([features.flatten(0, 1) for features, _, _ in examples]))
    rng = np.random.default_rng(settings.seed)
    optimiser = torch.optim.AdamW(head.parameters(), settings.learning_rate, weight_decay=settings.weight_decay)
    steps = len(_batches(examples, settings, np.random.default_rng(0)))
    epochs = settings.passes(steps)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs * steps)
    head.train()
    for epoch in range(1, epochs + 1):
        losses = []
        for batch in _batches(examples, settings, rng):
            features, vectors, counts = (torch.stack(each) for each in zip(*batch, strict=True))
            loss = track_loss(head(features), vectors, counts)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            clip_grad_norm_(head.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            losses.append(float(loss.detach()))
        said(f"epoch {epoch}, loss {np.mean(losses):.4f}", epoch, epochs)
    head.eval()


def _batches(
    examples: Sequence[tuple[Tensor, Tensor, Tensor]], settings: DoaSettings, rng: np.random.Generator
) -> list[list[tuple[Tensor, Tensor, Tensor]]]:
    """Stretches of ``sequence`` windows (of the shortest recording, if that is shorter), in random order."""
    length = min(settings.sequence, min(len(features) for features, _, _ in examples))
    stretches = []
    for features, vectors, counts in examples:
        offset = int(rng.integers(len(features) % length + 1))
        for start in range(offset, len(features) - length + 1, length):
            frames = slice(start * settings.frames, (start + length) * settings.frames)
            stretches.append((features[start : start + length], vectors[frames], counts[frames]))
    order = rng.permutation(len(stretches))
    return [
        [stretches[place] for place in order[first : first + settings.batch]]
        for first in range(0, len(order), settings.batch)
    ]


def evaluate_head(
    model: AVSAModel,
    trained: TrainedHead,
    data: Path,
    *,
    split: str = "test",
    cache: Path,
    said: Said | None = None,
) -> DoaResult:
    """DCASE's scores of a head on the recordings of a ``split`` below ``data``.

    Raises :class:`UsageError` where ``model`` is not the one whose features the head was trained on.
    """
    said = said or _silent
    if _digest(model) != trained.model:
        raise UsageError(
            "expected the model whose features the head was trained on, found other weights: name that one"
        )
    recordings = find_recordings(data, split)
    scorer, found = LocalisationScorer(), {}
    for number, recording in enumerate(recordings, 1):
        references = reference_frames(read_labels(recording.labels), recording.frames)
        found[recording.name] = find_sources(model, trained, recording, cache)
        scorer.add(references, found[recording.name])
        said(recording.name, number, len(recordings))
    return DoaResult(scorer.scores(), len(recordings), found)


@torch.no_grad()
def find_sources(model: AVSAModel, trained: TrainedHead, recording: LabelledRecording, cache: Path) -> list[Frame]:
    """What a head finds in each frame of a recording."""
    settings = trained.settings
    features = recording_features(model, recording, settings, cache, trained.model)
    vectors = trained.head(features[None])[0].numpy()[: recording.frames]
    return found_frames(vectors, settings.threshold, settings.merge_deg)


def write_estimates(path: Path, frames: Sequence[Frame]) -> None:
    """Sources as DCASE's tools read them: frame, class, source, azimuth, elevation in whole degrees, no header."""
    lines = []
    for number, frame in enumerate(frames):
        for label in sorted(frame):
            for source, vector in enumerate(frame[label]):
                azimuth, elevation = _degrees(vector)
                lines.append(f"{number},{label},{source},{azimuth:.0f},{elevation:.0f}\n")
    atomic_write_text(path, "".join(lines))


def _degrees(vector: NDArray[np.float64]) -> tuple[float, float]:
    azimuth, elevation = sphere.direction(vector)
    return float(np.degrees(azimuth)), float(np.degrees(elevation))


def read_head(folder: Path, model: AVSAModel) -> TrainedHead:
    """The head in a folder of :func:`train_head`. Raises :class:`UsageError` for anything else."""
    about = read_json(folder / ABOUT)
    if about.get("format") != FORMAT:
        raise UsageError(f"{folder / ABOUT}: expected a head of yt360 doa train, found {about.get('format')!r}")
    settings = parse_settings(about.get("settings"), str(folder / ABOUT))
    classes, weights = about.get("classes"), about.get("model")
    if not isinstance(classes, int) or not 1 <= classes <= 1000 or not isinstance(weights, str):
        raise UsageError(
            f"{folder / ABOUT}: expected a number of classes from 1 to 1000 and the digest of a model, found "
            f"{classes!r} and {weights!r}"
        )
    head = _head(model, settings, classes)
    load_into(head, read_tensors(folder / WEIGHTS), folder / WEIGHTS)
    return TrainedHead(head.eval(), settings, classes, weights)


def _save(out: Path, trained: TrainedHead) -> None:
    atomic_write(out / WEIGHTS, lambda partial: save_tensors(partial, trained.head.state_dict()))
    about = {
        "format": FORMAT,
        "settings": trained.settings.model_dump(mode="json"),
        "classes": trained.classes,
        "model": trained.model,
    }
    atomic_write_text(out / ABOUT, json.dumps(about, indent=1) + "\n")


def scores_json(result: DoaResult) -> dict[str, Any]:
    """Plain values."""
    return {"recordings": result.recordings, **asdict(result.scores)}


def _head(model: AVSAModel, settings: DoaSettings, classes: int) -> DoaHead:
    return DoaHead(
        feature_size(model, settings),
        torch.from_numpy(ring_rotations(settings)),
        classes,
        frames=settings.frames,
        tracks=settings.tracks,
        hidden=settings.hidden,
        dropout=settings.dropout,
    )


def _digest(model: AVSAModel) -> str:
    """Of everything that makes a model's features."""
    digest = hashlib.blake2b(digest_json(model.config.to_json()).encode(), digest_size=20)
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode() + value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _silent(text: str, done: int, total: int) -> None:
    pass
