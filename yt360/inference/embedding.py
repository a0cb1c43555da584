"""Features of many recordings: what was done is kept, what fails costs itself only."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch

from yt360.errors import UsageError, Yt360Error
from yt360.files import atomic_write
from yt360.hashing import digest_bytes, digest_json
from yt360.inference.features_table import rows_of, write_features
from yt360.inference.processor import AROUND_DEG, AVSAProcessor
from yt360.inference.recording import Recording
from yt360.models.avsa_model import AVSAModel


@dataclass(frozen=True)
class Source:
    """A recording that is opened when its turn comes. ``identity``: what its features depend on (JSON)."""

    name: str
    identity: Any
    open: Callable[[], Recording]


@dataclass(frozen=True)
class EmbeddingSettings:
    """Which moments, directions and kinds of features. ``batch`` moments pass the model together: changes no row."""

    every_s: float = 1.0
    directions_deg: tuple[tuple[float, float], ...] = AROUND_DEG
    fov_deg: float | None = None
    modalities: tuple[str, ...] = ("video", "sound", "video_embedding", "sound_embedding")
    batch: int = 4

    def to_json(self) -> dict[str, Any]:
        """What features depend on."""
        return {
            "every_s": self.every_s,
            "directions_deg": [list(each) for each in self.directions_deg],
            "fov_deg": self.fov_deg,
            "modalities": list(self.modalities),
        }


@dataclass
class Embedded:
    """``rows`` that were written; ``failed``: (name, message) of what could not be read."""

    rows: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)


def embed(
    sources: Sequence[Source],
    model: AVSAModel,
    processor: AVSAProcessor,
    out: Path,
    settings: EmbeddingSettings,
    *,
    said: Callable[[str, int], None] = lambda name, moments: None,
) -> Embedded:
    """Write the features of all sources, in their order, to ``out`` (see :data:`features_table.SCHEMA`).

    Each source's rows are kept in a folder beside ``out`` until all are there, so that an interrupted call goes on
    where it was. A source that cannot be read is left out and named. ``said`` hears of each source and its moments.
    """
    about = settings.to_json() | {"model": weights_digest(model), "input": processor.settings.to_json()}
    parts = out.with_name(f".{out.name}.parts")
    found = Embedded()
    whole: list[Path] = []
    for source in sources:
        path = parts / f"{digest_json([source.name, source.identity, about])}.parquet"
        try:
            if not _is_whole(path):
                table = _rows(source, model, processor, settings)
                atomic_write(path, lambda partial, table=table: pq.write_table(table, partial))  # type: ignore[misc]
            whole.append(path)
            said(source.name, _moments_in(path, settings))
        except Yt360Error as error:
            found.failed.append((source.name, str(error)))
            said(source.name, 0)
    if whole:
        found.rows = write_features(out, (pq.read_table(path) for path in whole), about)
        if not found.failed:
            shutil.rmtree(parts)
    return found


def _rows(source: Source, model: AVSAModel, processor: AVSAProcessor, settings: EmbeddingSettings) -> pa.Table:
    recording = source.open()
    starts = processor.starts(recording, settings.every_s)
    if not starts:
        raise UsageError(
            f"{source.name}: expected at least {processor.settings.sound_s:g} s with picture and sound, found "
            f"{recording.end_s - recording.begin_s:.2f} s"
        )
    tables = []
    batches = processor.batches(recording, starts, settings.directions_deg, settings.batch, fov_deg=settings.fov_deg)
    with torch.inference_mode():
        for some, inputs in batches:
            features = model(**inputs)
            tables.append(rows_of(source.name, some, settings.directions_deg, features, settings.modalities))
    return pa.concat_tables(tables).unify_dictionaries()


def _is_whole(path: Path) -> bool:
    try:
        pq.read_metadata(path)
    except (OSError, pa.ArrowInvalid):
        return False
    return True


def _moments_in(path: Path, settings: EmbeddingSettings) -> int:
    each = len(settings.directions_deg) * len(settings.modalities)
    return int(pq.read_metadata(path).num_rows) // each


def weights_digest(model: AVSAModel) -> str:
    """Digest of all weights and statistics of a model."""
    tensors = {**model.network.state_dict(), **model.spectrogram.state_dict()}
    parts = [
        [name, digest_bytes(tensors[name].detach().cpu().contiguous().numpy().tobytes())] for name in sorted(tensors)
    ]
    return digest_json([parts, model.config.to_json()])
