"""What does ``yt360 inspect`` make of hostile files? Mutations of whole files, each looked into as the command does.

    python -m benchmarks.media_fuzz [--files N] [--seed N]

Prints how many files ended how, the longest time, and the most memory that one process held. Every file must come
to a verdict or to a failure with a kind; a crash of the process that opened it is a kind, too, and ends nothing else.
"""

from __future__ import annotations

import argparse
import struct
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmarks.media_containers import (
    box,
    encode,
    equi,
    full_box,
    grid_mesh,
    insert_boxes,
    mshp,
    sa3d,
    spherical_xml,
    st3d,
    sv3d,
    vexu,
)
from benchmarks.media_iamf import mux_iamf
from benchmarks.media_layouts import B_FORMAT, chan, write_caf
from yt360.cli.isolated_inspection import inspect_isolated

BOXES = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"stsz", b"stts", b"stsc", b"stco", b"sv3d", b"proj",
         b"prhd", b"equi", b"mshp", b"SA3D", b"uuid", b"hdlr", b"avc1", b"mdat", b"vexu", b"chan", b"iacb")  # fmt: skip
SIZES = (0, 1, 7, 8, 0x7FFFFFFF, 0xFFFFFFFF)
BOMB = b"<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'>" + b"".join(
    f"<!ENTITY {chr(98 + k)} '{f'&{chr(97 + k)};' * 10}'>".encode() for k in range(9)
) + b"]><x>&j;</x>"  # fmt: skip


def originals(folder: Path) -> list[bytes]:
    """Whole files with all the metadata that is parsed: MOV with PCM, MP4 with a mesh, WebM, an XML and a mesh bomb."""
    frames = np.zeros((4, 32, 64, 3), np.uint8)
    frames[:, 8:24, 20:40] = 200
    sound = 0.1 * np.random.default_rng(0).standard_normal((4, 12_000))
    mov = encode(folder / "a.mov", frames=frames, sound=sound, audio="pcm")
    insert_boxes(mov, b"vide", st3d(1), sv3d(equi(left=0.1), yaw_deg=5))
    insert_boxes(mov, b"vide", spherical_xml(), in_track=True)
    insert_boxes(mov, b"vide", vexu(b"equi", b"over", eyes=3))
    insert_boxes(mov, b"soun", sa3d([0, 2, 3, 1]), full_box(b"chan", chan(0, labels=(3, 1, 2, 9))))
    mesh = encode(folder / "b.mp4", frames=frames, sound=sound, audio="aac")
    insert_boxes(mesh, b"vide", sv3d(mshp(grid_mesh(360, steps=12))))
    webm = encode(folder / "c.webm", frames=frames, video="vp9", sound=sound, audio="opus")
    bombs = encode(folder / "d.mp4", frames=frames)
    insert_boxes(bombs, b"vide", sv3d(mshp(full_box(b"mesh", bytes(64 << 20)))))
    entity = bytes.fromhex("ffcc8263f8554a938814587a02521fdd")
    insert_boxes(bombs, b"vide", box(b"uuid", entity, BOMB), in_track=True)
    deep = encode(folder / "e.mp4", frames=frames)
    nested = b""
    for _ in range(2000):
        nested = box(b"proj", nested)
    insert_boxes(deep, b"vide", box(b"sv3d", nested))
    iamf = mux_iamf(folder / "f.mp4", sound, 48_000, codec="flac")
    caf = write_caf(folder / "g.caf", sound, 48_000, chan(B_FORMAT, 4))
    return [path.read_bytes() for path in (mov, mesh, webm, bombs, deep, iamf, caf)]


def mutate(data: bytes, rng: np.random.Generator) -> bytes:
    """Cut anywhere or at a structure, overwrite, repeat, let boxes contain themselves or state impossible sizes."""
    out = bytearray(data)
    places = [place for name in BOXES if (place := out.find(name)) >= 4]
    place = int(rng.choice(places)) if places else int(rng.integers(4, len(out)))
    kind = rng.integers(7)
    if kind == 0:
        return bytes(out[: rng.integers(1, len(out))])
    if kind == 1:
        return bytes(out[: place + int(rng.integers(-4, 12))])
    if kind == 2:
        for _ in range(rng.integers(1, 12)):
            out[rng.integers(len(out))] = rng.integers(256)
    elif kind == 3:
        out[place - 4 : place] = struct.pack(">I", int(rng.choice([*SIZES, len(data) * 2])))
    elif kind == 4:
        start = int(rng.integers(len(out)))
        out[start:start] = out[start : start + int(rng.integers(1, 400))] * 3
    elif kind == 5:
        # A few fields behind a box header: counts, sizes of pictures, channel numbers.
        at = place + 4 + int(rng.integers(0, 40))
        out[at : at + 4] = struct.pack(">I", int(rng.choice([0, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF])))
    else:
        start = int(rng.integers(len(out)))
        out[start : start + 64] = rng.integers(0, 256, 64).astype(np.uint8).tobytes()
    return bytes(out)


@dataclass
class Findings:
    """How the files ended, by verdict or kind of failure; the longest took ``longest_s``."""

    ends: Counter[str] = field(default_factory=Counter)
    longest_s: float = 0.0
    peak_mb: float = 0.0


def attack(count: int, seed: int, folder: Path) -> Findings:
    """Inspect ``count`` mutated files. Memory is that of a child and its ffmpeg together."""
    rng = np.random.default_rng(seed)
    whole = originals(folder)
    found = Findings()
    path = folder / "hostile"
    for k in tqdm(range(count), unit="file"):
        path.write_bytes(mutate(whole[k % len(whole)], rng))
        started = time.monotonic()
        report = inspect_isolated(str(path), of_many=True)
        found.longest_s = max(found.longest_s, time.monotonic() - started)
        found.peak_mb = max(found.peak_mb, report.get("memory_mb", 0))
        found.ends[report["error"]["kind"] if "error" in report else report["verdict"]] += 1
    return found


def main() -> None:
    """Attack, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=510)
    parser.add_argument("--seed", type=int, default=360)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = attack(options.files, options.seed, Path(folder))
    print("\n".join(f"{end:20s} {number:5d}" for end, number in found.ends.most_common()))
    print(f"longest {found.longest_s:.1f} s, most memory of a child and its ffmpeg {found.peak_mb:.0f} MB")


if __name__ == "__main__":
    main()
