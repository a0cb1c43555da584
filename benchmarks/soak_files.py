"""Files that a person gives to yt360, what reads each of them, and a part that damages them."""

from __future__ import annotations

import json
import pickle
import tarfile
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import safetensors.numpy
import torch
from torch import nn

from benchmarks.soak_room import Soak
from yt360 import shipped
from yt360.crawling import attrition, cookies_file, info, sources, tables
from yt360.dataset.manifest import read_manifest
from yt360.dataset.schema import MANIFESTS, arrow
from yt360.engine import recipe
from yt360.errors import UsageError, Yt360Error
from yt360.evaluation.results import read_result
from yt360.filters.evaluation.labels import read_labels
from yt360.models import published
from yt360.models.folder import load_into, read_model, without_front_end
from yt360.models.spectrogram import SpatialSpectrogram
from yt360.segmentation.checkpoint import read_arrays
from yt360.segmentation.coco import CocoFolder
from yt360.stages import REGISTRY
from yt360.stages.shard import read_members
from yt360.training import checkpoints
from yt360.training.recipe import load_recipe

_SLOW_S = 20.0


def _small_model() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 3))


def _resume(folder: Path) -> None:
    """What a run of training reads of a checkpoint to go on."""
    model = _small_model()
    tensors, _ = read_model(folder)
    load_into(model, without_front_end(tensors), folder)
    checkpoints.read_state(folder)
    checkpoints.read_optimiser(folder, model, torch.optim.Adam(model.parameters()))


def _convert(path: Path) -> None:
    """What `yt360 model convert` reads. A whole model takes seconds to make: this one has a foreign name in it."""
    try:
        with tempfile.TemporaryDirectory() as out:
            published.convert(path, Path(out) / "model")
    except UsageError as error:
        if "which no released model has" not in str(error):
            raise


READERS: dict[str, Callable[[Path], object]] = {
    "recipe.yaml": lambda path: recipe.load(path, REGISTRY),
    "training.yaml": load_recipe,
    "list.txt": lambda path: list(sources.expand_sources(str(path), lambda address: iter(()))),
    "table.csv": tables.read_table,
    "labels.tsv": read_labels,
    "cookies.txt": cookies_file.read,
    "info.json": lambda path: info.sanitise(info.read(path)),
    "coco.json": CocoFolder,
    "attrition.json": attrition.read_report,
    "result.json": read_result,
    "checkpoint.pkl": read_arrays,
    "checkpoint.safetensors": read_arrays,
    "released.pt": _convert,
    **{
        f"training/{name}": lambda path: _resume(path.parent)
        for name in ("config.json", "model.safetensors", "optimiser.safetensors", "state.json")
    },
    "shard.tar": read_members,
    "manifests/clips.parquet": lambda path: read_manifest(str(path.parent.parent), "clips"),
}


def make_files(folder: Path) -> dict[str, Path]:
    """One whole file for each reader, by name."""
    texts = {
        "recipe.yaml": shipped.recipe("run", "yt360").read_text(encoding="utf-8"),
        "training.yaml": shipped.recipe("train", "tiny").read_text(encoding="utf-8"),
        "list.txt": "https://h.test/a.mp4\nname=https://h.test/b.mkv\ndQw4w9WgXcQ\n",
        "table.csv": "video,start,end,split\ndQw4w9WgXcQ,0,10,train\nAAAAAAAAAAA,1.5,9,test\n",
        "labels.tsv": "a\tkeep\nb\tstill\n",
        "cookies.txt": "# Netscape HTTP Cookie File\nh.test\tFALSE\t/\tFALSE\t0\tSID\tx\n",
        "info.json": json.dumps({"id": "a", "title": "t", "duration": 3.5, "formats": [{"format_id": "1"}]}),
        "coco.json": json.dumps(
            {
                "categories": [{"id": 1, "name": "person", "isthing": 1}],
                "images": [{"id": 1, "file_name": "a.jpg"}],
                "annotations": [{"image_id": 1, "file_name": "a.png", "segments_info": [{"id": 1, "category_id": 1}]}],
            }
        ),
        "attrition.json": json.dumps({"videos": {"a": "whole"}, "total": {}}),
        "result.json": json.dumps(
            {"format": 1, **{key: {} for key in ("measures", "settings", "model", "data")}, "task": "t", "row": "r"}
        ),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "checkpoint.pkl").write_bytes(pickle.dumps({"model": {"a": np.zeros((3, 4), np.float32)}}))
    safetensors.numpy.save_file({"a": np.zeros((3, 4), np.float32)}, folder / "checkpoint.safetensors")
    torch.save({"model": {"foreign": torch.zeros(4, 3)}, "epoch": 3}, folder / "released.pt")
    _write_checkpoint(folder)
    with tarfile.open(folder / "shard.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
        tar.add(folder / "info.json", "a.json")
    (folder / "manifests").mkdir()
    table = pa.Table.from_pylist([], schema=arrow(MANIFESTS["clips"]))
    pq.write_table(table, folder / "manifests" / "clips.parquet", write_page_checksum=True)
    return {name: folder / name for name in READERS}


def _write_checkpoint(folder: Path) -> None:
    """A checkpoint as training leaves it, of a network of one layer, as ``folder/training``."""
    recipe = load_recipe(shipped.recipe("train", "tiny"))
    model = _small_model()
    optimiser = torch.optim.Adam(model.parameters())
    model(torch.ones(1, 4)).sum().backward()
    optimiser.step()
    whole = checkpoints.write_checkpoint(
        folder / "made", recipe, checkpoints.State(interval={"loss": 1.0}), model,
        SpatialSpectrogram(recipe.sound), optimiser, keep=1,
    )  # fmt: skip
    whole.rename(folder / "training")


class Files:
    """What a person gives, damaged."""

    def __init__(self, soak: Soak) -> None:
        self._soak, self._folder = soak, soak.folder / "files"
        self._folder.mkdir()
        self._whole = {name: path.read_bytes() for name, path in make_files(self._folder).items()}
        for name, reader in READERS.items():
            reader(self._folder / name)

    def once(self) -> None:
        soak = self._soak
        name = soak.chance.choice(sorted(READERS))
        path = self._folder / name
        for _ in range(20):
            path.write_bytes(self._whole[name])
            way = soak.damaged(path)
            soak.tried["given files damaged"] += 1
            started = time.monotonic()
            try:
                READERS[name](path)
            except Yt360Error:
                pass
            except Exception as error:
                where = traceback.extract_tb(error.__traceback__)[-1]
                soak.found(f"files: {name} ({way}): {type(error).__name__}: {str(error)[:200]} ({where.name})")
            if time.monotonic() - started > _SLOW_S:
                soak.found(f"files: {name} ({way}): took {time.monotonic() - started:.0f} s")
        path.write_bytes(self._whole[name])
