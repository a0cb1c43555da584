"""Loads a release with HF datasets and mlcroissant, offline, in a process of its own; prints what they saw as JSON."""

from __future__ import annotations

import json
import os
import sys
import tempfile


def main(folder: str) -> None:
    with tempfile.TemporaryDirectory() as home:
        # mlcroissant 1.1 caches what it takes out of tars by their relative paths, whatever folder they are in.
        os.environ |= {"HF_HOME": home, "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "CROISSANT_CACHE": home}
        print(json.dumps({"datasets": datasets_of(folder), "croissant": croissant_of(folder)}))


def datasets_of(folder: str) -> dict[str, object]:
    import datasets

    datasets.disable_progress_bars()
    found: dict[str, object] = {}
    for streaming in (False, True):
        loaded = datasets.load_dataset(folder, streaming=streaming)
        found[f"splits, streaming {streaming}"] = {
            split: [(row.get("__key__") or row["clip"], _sizes(row)) for row in rows] for split, rows in loaded.items()
        }
    features = next(iter(loaded.values())).features
    found["features"] = {name: str(feature) for name, feature in features.items()}
    if "clip" in features:
        videos = datasets.load_dataset(folder, "videos")
        found["videos"] = {split: list(rows["video"]) for split, rows in videos.items()}
    return found


def _sizes(row: dict[str, object]) -> dict[str, int]:
    """Bytes of the members; what is a mapping has them inside."""
    inside = {
        name: value["bytes"] if isinstance(value, dict) and "bytes" in value else value for name, value in row.items()
    }
    return {name: len(value) for name, value in inside.items() if isinstance(value, bytes)}


def croissant_of(folder: str) -> dict[str, object]:
    import mlcroissant

    described = mlcroissant.Dataset(f"{folder}/croissant.json")  # raises where the description is not valid
    issues = described.metadata.issues
    records = {}
    for record_set in described.metadata.record_sets:
        rows = list(described.records(record_set.uuid))
        records[record_set.uuid] = [len(rows), sorted({key.partition("/")[2] for row in rows for key in row})]
    return {"errors": sorted(issues.errors), "warnings": sorted(issues.warnings), "records": records}


if __name__ == "__main__":
    main(sys.argv[1])
