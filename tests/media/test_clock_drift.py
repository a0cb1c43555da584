"""The drift of a clock behind rounded time stamps."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from benchmarks.media_stamps import Fault, build
from yt360.media.clock_drift import drift_ppm, samples_of

MILLISECOND = 48.0


def stamped(ppm: float, length: int = 1024, count: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Samples in front of packets, and their stamps rounded to a millisecond."""
    at = np.arange(count) * float(length)
    return at, np.round(at * (1 + 1e-6 * ppm) / MILLISECOND) * MILLISECOND


@pytest.mark.parametrize("length", [960, 1024, 1536])
@pytest.mark.parametrize("ppm", [-2000.0, -500.0, 300.0, 900.0])
def test_all_stamps_together_bound_the_line(ppm: float, length: int) -> None:
    assert drift_ppm(*stamped(ppm, length), MILLISECOND) == pytest.approx(ppm, abs=20)


@pytest.mark.parametrize("ppm", [0.0, 50.0, 5000.0])
def test_rounding_and_wrong_rates_are_no_drift(ppm: float) -> None:
    assert drift_ppm(*stamped(ppm), MILLISECOND) == 0.0


def test_a_jump_is_no_drift() -> None:
    at, stamps = stamped(0.0)
    stamps[150:] += 4 * MILLISECOND
    assert drift_ppm(at, stamps, MILLISECOND) == 0.0


def test_few_stamps_tell_nothing() -> None:
    at, stamps = stamped(2000.0, length=24_000, count=7)
    assert drift_ppm(at, stamps, MILLISECOND) == 0.0


@pytest.mark.parametrize("codec", ["opus", "flac", "pcm", "float", "big", "ac3", "eac3", "wavpack"])
def test_packets_tell_how_many_samples_they_hold(tmp_path: Path, codec: str) -> None:
    path = build(tmp_path / "x.mkv", codec, Fault(), seconds=2.0, video=None).path
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        told, decoded = [], []
        for packet in container.demux(stream):
            if packet.size:
                told.append(samples_of(stream.codec.name, bytes(packet)[:32], packet.size, stream.channels))
                decoded.append(sum(frame.samples for frame in packet.decode()))
    assert len(told) > 3
    assert told[1:-1] == decoded[1:-1]  # ends are cut


@pytest.mark.parametrize(
    ("codec", "packet", "samples"),
    [
        ("opus", bytes([0x00]), 480), ("opus", bytes([0x19]), 5760), ("opus", bytes([0x7B, 0x83]), 2880),
        ("flac", bytes([0xFF, 0xF8, 0x60, 0, 0x05, 0x7F, *range(10)]), 128),
        ("flac", bytes([0xFF, 0xF8, 0x70, 0, 0xC2, 0x80, 0x01, 0x00, *range(8)]), 257),
        ("flac", bytes(16), 0), ("wavpack", bytes(32), 0), ("vorbis", bytes(32), 0), ("opus", b"", 0),
        ("eac3", bytes([0x0B, 0x77, 0x40, 0, 0x30]), 0), ("eac3", bytes([0x0B, 0x77, 0, 0, 0x10]), 512),
        ("eac3", bytes([0x0B, 0x77, 0, 0, 0xC0]), 1536),
    ],
)  # fmt: skip
def test_lengths_of_single_packets(codec: str, packet: bytes, samples: int) -> None:
    assert samples_of(codec, packet, len(packet), 2) == samples
