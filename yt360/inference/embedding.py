"""Features of recordings: of one, and of many into one table (what was done is kept, what fails costs itself only)."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor

from yt360.errors import UsageError, Yt360Error
from yt360.files import atomic_write
from yt360.hashing import digest_bytes, digest_json
from yt360.inference.embedding_settings import EmbeddingSettings
from yt360.inference.features_table import SCHEMA, rows_of, write_features
from yt360.inference.processor import AVSAProcessor
from yt360.inference.recording import Recording
from yt360.models.avsa_model import AVSAModel, Features
from yt360.models.each_alone import each_alone


@dataclass(frozen=True)
class Source:
    """A recording that is opened when its turn comes. ``identity``: what its features depend on (JSON)."""

    name: str
    identity: Any
    open: Callable[[], Recording]


@dataclass
class Embedded:
    """``rows`` that were written; ``failed``: (name, message) of what could not be read."""

    rows: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)


class Embedder:
    """A model with what is asked of it."""

    def __init__(self, model: AVSAModel, settings: EmbeddingSettings) -> None:
        self.model, self.settings = model, settings
        self.processor = AVSAProcessor(model.processor_settings)

    @classmethod
    def load(cls, folder: str | Path, settings: EmbeddingSettings, *, device: str = "cpu") -> Embedder:
        """Of a model folder. Raises :class:`UsageError` where there is none."""
        return cls(AVSAModel.from_pretrained(folder, device=device), settings)

    @cached_property
    def about(self) -> dict[str, Any]:
        """What a table of features says of itself: settings, digest of the weights, input."""
        found = {"model": weights_digest(self.model), "input": self.processor.settings.to_json()}
        return self.settings.to_json() | found

    @property
    def model_digest(self) -> str:
        """Digest of the model with what is made of recordings for it."""
        return digest_json([self.about["model"], self.about["input"]])

    def rows(self, name: str, recording: Recording, starts_s: Sequence[float] | None = None) -> pa.Table:
        """The rows of one recording, ``source`` being ``name``; of some moments, if they are given.

        Raises :class:`UsageError` where it is shorter than one moment, and for kinds that the model does not have.
        """
        asked = self.settings
        starts = self.processor.starts(recording, asked.every_s) if starts_s is None else list(starts_s)
        if not starts:
            raise UsageError(
                f"{name}: expected at least {self.processor.settings.sound_s:g} s with picture and sound, found "
                f"{recording.end_s - recording.begin_s:.2f} s"
            )
        tables = []
        batches = self.processor.batches(recording, starts, asked.directions_deg, asked.batch, fov_deg=asked.fov_deg)
        for some, inputs in batches:
            features = moments_alone(self.model, inputs)
            tables.append(rows_of(name, some, asked.directions_deg, features, asked.modalities))
        return pa.concat_tables(tables).unify_dictionaries()


def embed(
    sources: Sequence[Source],
    embedder: Embedder,
    out: Path,
    *,
    said: Callable[[str, int], None] = lambda name, moments: None,
) -> Embedded:
    """Write the features of all sources, in their order, to ``out`` (see :data:`features_table.SCHEMA`).

    Each source's rows are kept in a folder beside ``out`` until all are there, so that an interrupted call goes on
    where it was. A source that cannot be read is left out and named. ``said`` hears of each source and its moments.
    """
    parts = out.with_name(f".{out.name}.parts")
    found = Embedded()
    whole: list[Path] = []
    for source in sources:
        path = parts / f"{digest_json([source.name, source.identity, embedder.about])}.parquet"
        try:
            if not _is_whole(path):
                table = embedder.rows(source.name, source.open())
                atomic_write(path, lambda partial, table=table: _write_part(partial, table))  # type: ignore[misc]
            whole.append(path)
            said(source.name, _moments_in(path, embedder.settings))
        except Yt360Error as error:
            found.failed.append((source.name, str(error)))
            said(source.name, 0)
    if whole:
        found.rows = write_features(out, (pq.read_table(path) for path in whole), embedder.about)
        if not found.failed:
            shutil.rmtree(parts)
    return found


def moments_alone(model: AVSAModel, inputs: Mapping[str, Tensor]) -> Features:
    """``model(**inputs)``, moment by moment: what one gives depends on no other and not on the number of threads."""

    def one(place: int) -> Features:
        with torch.inference_mode():  # threads do not inherit it
            features: Features = model(**{name: value[place : place + 1] for name, value in inputs.items()})
            return features

    found = each_alone(one, range(len(inputs["sound"])), device=model.spectrogram.mean.device.type)
    columns = zip(*found, strict=True)
    return Features(*(None if column[0] is None else torch.cat(list(column)) for column in columns))  # type: ignore[arg-type]


def _write_part(path: Path, table: pa.Table) -> None:
    pq.write_table(table, path, write_page_checksum=True)


def _is_whole(path: Path) -> bool:
    """Whether all of a part can be read as it was written; one that cannot is made again."""
    try:
        table = pq.read_table(path, page_checksum_verification=True)
        table.validate(full=True)
    except (OSError, ValueError, pa.ArrowException):
        return False
    return bool(table.schema.equals(SCHEMA, check_metadata=False))


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
