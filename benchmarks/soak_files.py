"""Files that a person gives to yt360, and what reads each of them."""

from __future__ import annotations

import json
import pickle
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import safetensors.numpy

from yt360 import shipped
from yt360.crawling import attrition, cookies_file, info, sources, tables
from yt360.dataset.manifest import read_manifest
from yt360.dataset.schema import MANIFESTS, arrow
from yt360.engine import recipe
from yt360.evaluation.results import read_result
from yt360.filters.evaluation.labels import read_labels
from yt360.models.folder import read_model
from yt360.segmentation.checkpoint import read_arrays
from yt360.segmentation.coco import CocoFolder
from yt360.stages import REGISTRY
from yt360.stages.shard import read_members
from yt360.training.recipe import load_recipe

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
    "model/model.json": lambda path: read_model(path.parent),
    "model/model.safetensors": lambda path: read_model(path.parent),
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
    (folder / "model").mkdir()
    (folder / "model" / "model.json").write_text(json.dumps({"format": 1, "model": {}}))
    safetensors.numpy.save_file({"w": np.zeros((4, 4), np.float32)}, folder / "model" / "model.safetensors")
    with tarfile.open(folder / "shard.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
        tar.add(folder / "info.json", "a.json")
    (folder / "manifests").mkdir()
    table = pa.Table.from_pylist([], schema=arrow(MANIFESTS["clips"]))
    pq.write_table(table, folder / "manifests" / "clips.parquet", write_page_checksum=True)
    return {name: folder / name for name in READERS}
