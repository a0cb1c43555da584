"""Equal tensors and metadata give equal files: safetensors (0.8) writes metadata in an order of chance."""

from __future__ import annotations

import json
from pathlib import Path

_LENGTH_BYTES = 8


def sort_metadata(path: Path) -> None:
    """Rewrite the header of a file that was just written, its metadata in order of their names."""
    with path.open("r+b") as stream:
        length = int.from_bytes(stream.read(_LENGTH_BYTES), "little")
        held = stream.read(length)
        header = json.loads(held)
        if len(header.get("__metadata__", ())) < 2:
            return
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
        if len(text) > length:  # another way to write the same characters: as it is, it can be read
            return
        stream.seek(_LENGTH_BYTES)
        stream.write(text.ljust(length))
