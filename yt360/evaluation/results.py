"""Results on disk: one JSON file a task in a run folder, written in one step; ``yt360 tables`` reads them."""

from __future__ import annotations

import json
import math
import platform
import shlex
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from yt360 import __version__
from yt360.errors import UsageError
from yt360.evaluation.intervals import Measure
from yt360.files import atomic_write_text, parse_json

FORMAT = 1
_FOLDER = "results"
_MAX_RESULT_BYTES = 1 << 24


def result_path(out: Path, name: str) -> Path:
    """Where the result of a task lies in a run folder."""
    return out / _FOLDER / f"{name}.json"


def write_result(out: Path, name: str, fields: Mapping[str, Any]) -> Path:
    """Write a task's result: ``fields`` and what every result says (versions, command, platform)."""
    import torch

    path = result_path(out, name)
    record = {
        "format": FORMAT,
        "name": name,
        **fields,
        "command": command(),
        "versions": {"yt360": __version__, "torch": torch.__version__, "python": platform.python_version()},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write_text(path, json.dumps(_plain(record), indent=1, allow_nan=False) + "\n")
    return path


def read_result(path: Path) -> dict[str, Any]:
    """A result; :class:`UsageError` when the file is not one of this format."""
    try:
        if path.stat().st_size > _MAX_RESULT_BYTES:
            raise UsageError(f"{path}: a result is at most 16 MiB")
        record = parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{path}: expected a result of yt360 evaluate, found: {error}") from error
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        found = record.get("format") if isinstance(record, dict) else type(record).__name__
        raise UsageError(f"{path}: expected a result of format {FORMAT}, found {found!r}: evaluate again")
    missing = [key for key in ("task", "row", "measures", "settings", "model", "data") if key not in record]
    shapes = all(isinstance(record.get(key), dict) for key in ("measures", "settings", "model", "data"))
    if missing or not shapes:
        raise UsageError(f"{path}: not a whole result ({', '.join(missing) or 'wrong types'}): evaluate again")
    return record


def find_results(folders: list[Path]) -> Iterator[Path]:
    """All results below folders, in order of their names; :class:`UsageError` for a folder that is not there."""
    for folder in folders:
        if not folder.is_dir():
            raise UsageError(f"{folder}: expected a folder with outputs of yt360 evaluate, found nothing")
        yield from sorted(folder.rglob(f"{_FOLDER}/*.json"))


def command() -> str:
    """The command line of this process, as a person would type it."""
    words = sys.argv if Path(sys.argv[0]).name not in ("-c", "-m") else ["yt360", *sys.argv[1:]]
    name = Path(words[0]).name
    return shlex.join(["yt360" if name in ("yt360", "cli.py", "__main__.py") else name, *words[1:]])


def _plain(value: Any) -> Any:
    """JSON values only: measures as objects, not-a-number as null."""
    if isinstance(value, Measure):
        return _plain(value.to_json())
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
