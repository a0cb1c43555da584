"""Cards for Hugging Face ``datasets`` in a root and its ``shards/``: they say what a shard's members are.

Left to itself ``datasets`` takes every ``.flac`` for one signal, and ``row["foa.flac"]["array"]`` is the mean of W, Y,
Z and X: a microphone that is deaf to exactly right and exactly back. With a card the member is bytes, ``["array"]`` is
refused, and which members there are does not depend on the first five samples.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from yt360.dataset.schema import CLIPS
from yt360.engine.state.record import Record
from yt360.engine.storage import Root
from yt360.files import atomic_write_text
from yt360.stages.shard import Shard
from yt360.stages.shard_members import MEMBERS, OPTIONAL, extensions

CARD = "README.md"

_OURS = "# Written by yt360 shard: it is brought up to date with the shards as long as this line stands.\n"

_NOT_IN_JSON = ("split", "shard")
"""Columns of the clip manifest that ``KEY.json`` does not have, beside those of places and digests."""

_TYPES: dict[pa.DataType, str] = {
    pa.string(): "string",
    pa.int32(): "int32",
    pa.int64(): "int64",
    pa.float64(): "float64",
    pa.bool_(): "bool",
}
"""Arrow's types by the names that Hugging Face ``datasets`` has for them."""

_TEXT = """\
# Clips of 360° video with first-order ambisonics

WebDataset tars: the members of a clip are neighbours and share its name up to the first dot. `KEY.foa.flac` holds four
channels, AmbiX: **W Y Z X**, SN3D; they are no loudspeakers, and their mean is deaf to the right and to the back.
`datasets` hands them on as bytes:

```python
import io, datasets, soundfile

row = datasets.load_dataset("THIS FOLDER", split="{split}")[0]
foa, rate_hz = soundfile.read(io.BytesIO(row["foa.flac"]["bytes"]), dtype="float32", always_2d=True)
foa = foa.T  # (4, samples): W Y Z X
```
"""


def paths(root: Root) -> dict[Path, str]:
    """Where the cards of a root lie, and where the shards are from there."""
    shards = str(Shard.flat_folder)
    return {root.path / shards / CARD: "", root.path / CARD: f"{shards}/"}


def is_own(path: Path) -> bool:
    """Whether a card is somebody's own, which is left alone; a file that says nothing is nobody's."""
    if path.name != CARD or not path.is_file():
        return False
    text = path.read_bytes()
    return bool(text.strip(b"\0 \t\r\n")) and _OURS.encode() not in text


def features(members: Collection[str]) -> list[dict[str, Any]]:
    """The ``features`` of ``dataset_info`` for samples with these members, by the names of a clip's outputs.

    >>> [each["name"] for each in features(["foa", "video"])]
    ['foa.flac', 'video.mp4', '__key__', '__url__']
    """
    types: dict[str, dict[str, Any]] = {
        "flac": {"dtype": {"audio": {"decode": False}}},
        "json": {"struct": _json_fields()},
        "zip": {"dtype": "binary"},
        "mp4": {"dtype": "video"},
    }
    names = extensions(members).values()
    found = [{"name": name, **types[name.rpartition(".")[2]]} for name in names]
    return [*found, {"name": "__key__", "dtype": "string"}, {"name": "__url__", "dtype": "string"}]


def _json_fields() -> list[dict[str, str]]:
    return [
        {"name": column.name, "dtype": _TYPES[column.type]}
        for column in CLIPS
        if column.name not in _NOT_IN_JSON
        and not column.name.endswith(("_offset", "_size", "_digest"))
        and not column.name.startswith("panoptic_")
    ]


def text(splits: Sequence[str], members: Collection[str], shards: str = "") -> str:
    """The card of shards of these splits, whose samples have these members; ``shards`` leads to their folder."""
    files = [{"split": split, "path": f"{shards}{split}-*.tar"} for split in splits]
    header = {
        "configs": [{"config_name": "default", "data_files": files}],
        "dataset_info": {"features": features(members)},
    }
    stated = yaml.safe_dump(header, sort_keys=False, allow_unicode=True)
    return f"---\n{_OURS}{stated}---\n{_TEXT.format(split=splits[0])}"


def write(root: Root, splits: Sequence[str], members: Collection[str]) -> None:
    """Bring the cards in line with the shards; one that is somebody's own is left alone."""
    for file, shards in paths(root).items():
        if is_own(file):
            continue
        found = file.read_bytes() if file.is_file() else b""
        made = text(splits, members, shards) if splits else ""
        if not made:
            file.unlink(missing_ok=True)
        elif found != made.encode():
            atomic_write_text(file, made)


def members_of(records: Collection[Record], rows: Collection[Mapping[str, Any]]) -> list[str]:
    """The members that samples have: by the records of the shards, and the rows of clips in those that wait."""
    found = {name for record in records for name in record.meta.get("stood_for", ())}
    found |= {name for record in records for member in record.measures["members"] for name in member}
    found |= {name for row in rows for name in OPTIONAL if row.get(f"{name}_offset") is not None}
    found |= {name for name in MEMBERS if name not in OPTIONAL}
    return list(extensions(found))
