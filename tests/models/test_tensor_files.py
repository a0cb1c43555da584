from __future__ import annotations

from pathlib import Path

import torch
from safetensors import safe_open

from yt360.models.tensor_files import read_tensors, save_tensors


def test_equal_tensors_and_metadata_give_equal_bytes(tmp_path: Path) -> None:
    tensors = {"b": torch.arange(5), "a": torch.ones(2, 3)}
    metadata = {f"key {number}": f'ü "{number}"\n\u0001' for number in range(8)}
    found: set[bytes] = set()
    for names in (metadata, dict(reversed(metadata.items())), metadata):
        path = tmp_path / f"{len(found)}.safetensors"
        save_tensors(path, tensors, names)
        found.add(path.read_bytes())
        with safe_open(str(path), "pt") as stream:
            assert stream.metadata() == metadata
        assert all(torch.equal(read_tensors(path)[name], value) for name, value in tensors.items())
    assert len(found) == 1
