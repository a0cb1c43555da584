"""WAVE files that say they are ambisonics."""

from __future__ import annotations

import struct
import uuid
from pathlib import Path

import pytest

from yt360.media.containers.riff import read_riff
from yt360.media.containers.spatial import FUMA_ORDERING

B_FORMAT = {
    "integers": uuid.UUID("00000001-0721-11d3-8644-c8c1ca000000"),
    "floats": uuid.UUID("00000003-0721-11d3-8644-c8c1ca000000"),
}
"""As "The AMB Ambisonic File Format" prints them."""


def _wave(path: Path, subformat: bytes) -> Path:
    form = struct.pack("<HHIIHHHHI", 0xFFFE, 4, 48_000, 4 * 4 * 48_000, 16, 32, 22, 32, 0) + subformat
    chunks = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", 16) + bytes(16)
    path.write_bytes(b"RIFF" + struct.pack("<I", len(chunks)) + chunks)
    return path


@pytest.mark.parametrize("kind", B_FORMAT)
def test_the_subformat_of_b_format_states_fuma(tmp_path: Path, kind: str) -> None:
    path = _wave(tmp_path / "x.amb", B_FORMAT[kind].bytes_le)
    with path.open("rb") as file:
        found = read_riff(file, path.stat().st_size)
    assert found.sounds[0].order == 1
    assert found.sounds[0].channel_ordering == FUMA_ORDERING


def test_plain_floats_state_nothing(tmp_path: Path) -> None:
    path = _wave(tmp_path / "x.wav", uuid.UUID("00000003-0000-0010-8000-00aa00389b71").bytes_le)
    with path.open("rb") as file:
        found = read_riff(file, path.stat().st_size)
    assert found.sounds[0].order is None
