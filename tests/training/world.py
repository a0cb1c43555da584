"""Tiny shards with known content, written straight to tar and Parquet: discs that sound from where they are."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import soundfile

from yt360 import ambisonics, sphere
from yt360.training.recipe import TrainingRecipe, parse_recipe

COLOURS = np.array([[230, 40, 40], [40, 220, 60], [50, 80, 240], [240, 220, 40], [230, 60, 230], [60, 230, 230]])


@dataclass(frozen=True)
class Thing:
    """A disc of a colour and a pitch at a direction (radians)."""

    kind: int
    azimuth: float
    elevation: float


def paint(things: list[Thing], height: int, width: int, frames: int, rng: np.random.Generator) -> np.ndarray:
    """Frames (frames, height, width, 3): discs of 25° radius over a smooth background, with a little noise."""
    rays = sphere.pixel_vectors(height, width)
    picture = np.clip(110 + 40 * rays @ rng.normal(size=(3, 3)), 0, 255)
    for thing in things:
        near = rays @ sphere.unit_vector(thing.azimuth, thing.elevation) > np.cos(np.radians(25))
        picture[near] = COLOURS[thing.kind % len(COLOURS)]
    noise = rng.normal(0, 4, (frames, height, width, 1))
    return np.clip(picture[None] + noise, 0, 255).astype(np.uint8)


def sound_of(things: list[Thing], samples: int, rate: int, rng: np.random.Generator) -> np.ndarray:
    """AmbiX (4, samples): each thing an amplitude-modulated narrow noise around its own pitch."""
    time = np.arange(samples) / rate
    foa = np.zeros((4, samples), np.float32)
    for thing in things:
        pitch = 300 * 1.7**thing.kind
        carrier = np.sin(2 * np.pi * pitch * time + np.cumsum(rng.normal(0, 0.05, samples)))
        foa += ambisonics.encode(0.2 * carrier, thing.azimuth, thing.elevation).astype(np.float32)
    return foa + rng.normal(0, 1e-3, foa.shape).astype(np.float32)


def encode_video(frames: np.ndarray, fps: int = 16) -> bytes:
    stream_bytes = io.BytesIO()
    with av.open(stream_bytes, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=fps, options={"crf": "20", "g": "16", "flags": "+cgop"})
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], "yuv420p"
        stream.codec_context.thread_count = 1
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return stream_bytes.getvalue()


def encode_sound(foa: np.ndarray, rate: int = 24000) -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, foa.T, rate, format="FLAC", subtype="PCM_16")
    return stream.getvalue()


def make_root(
    root: Path,
    *,
    videos: int = 6,
    clips: int = 2,
    seconds: float = 2.0,
    size: tuple[int, int] = (64, 128),
    rate: int = 24000,
    fps: int = 16,
    things: int = 1,
    test_videos: int = 0,
    seed: int = 0,
) -> Path:
    """A root with ``videos`` training and ``test_videos`` test videos in one shard a split."""
    rng = np.random.default_rng(seed)
    rows = []
    (root / "shards").mkdir(parents=True)
    (root / "manifests").mkdir()
    for split, first, count in (("train", 0, videos), ("test", videos, test_videos)):
        shard = f"{split}-000000.tar"
        if not count:
            continue
        with tarfile.open(root / "shards" / shard, "w", format=tarfile.USTAR_FORMAT) as archive:
            for video in range(first, first + count):
                for number in range(clips):
                    scene = [
                        Thing(
                            int(rng.integers(len(COLOURS))) if things > 1 else video % len(COLOURS),
                            rng.uniform(-np.pi, np.pi),
                            rng.uniform(-0.5, 0.5),
                        )
                        for _ in range(things)
                    ]
                    frames = paint(scene, *size, round(seconds * fps), rng)
                    foa = sound_of(scene, round(seconds * rate), rate, rng)
                    clip = f"video{video:03d}-{number * 10:05d}"
                    row: dict[str, Any] = {"clip": clip, "video": f"video{video:03d}", "split": split, "shard": shard}
                    for member, data in (
                        ("video.mp4", encode_video(frames, fps)),
                        ("foa.flac", encode_sound(foa, rate)),
                        ("json", b"{}"),
                    ):
                        info = tarfile.TarInfo(f"{clip}.{member}")
                        info.size = len(data)
                        archive.addfile(info, io.BytesIO(data))
                        name = member.split(".")[0]
                        padded = -(-len(data) // 512) * 512
                        row |= {f"{name}_offset": archive.offset - padded, f"{name}_size": len(data)}
                        row[f"{name}_digest"] = hashlib.blake2b(data, digest_size=20).hexdigest()
                    rows.append(
                        row
                        | {
                            "start_s": number * 10.0,
                            "duration_s": seconds,
                            "frames": len(frames),
                            "fps": float(fps),
                            "height": size[0],
                            "width": size[1],
                            "samples": foa.shape[1],
                            "sample_rate_hz": rate,
                            "convention": "ambix",
                        }
                    )
    pq.write_table(pa.Table.from_pylist(rows), root / "manifests" / "clips.parquet")
    return root


def edit_manifest(root: Path, change: Callable[[list[dict[str, Any]]], None]) -> None:
    """Rewrite clips.parquet with ``change(rows)`` applied in place."""
    path = root / "manifests" / "clips.parquet"
    rows = pq.read_table(path).to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows), path)


def tiny(**changes: Any) -> TrainingRecipe:
    """A recipe of the smallest sensible size; ``section={...}`` changes keys of a section, other values replace."""
    fields: dict[str, Any] = {
        "name": "tiny",
        "data": {"clips_per_video": 2, "workers": 0, "picture_s": 0.25},
        "views": {"size": 16},
        "sound": {"features": "logmel", "hop": 960, "mels": 16, "statistics_samples": 4},
        "model": {"width": 2, "depth": 10, "projection": 8},
        "phases": [
            {"name": "avc", "objective": "avc", "views": 1, "batch": 4, "translators": False, "steps": 3},
            {"name": "avsa", "objective": "avsa", "views": 2, "batch": 4, "translators": True, "steps": 4},
        ],
        "evaluation": {"views": 2, "batch": 2, "clips_per_video": 1},
        "run": {"log_every": 1, "checkpoint_every": 2, "device": "cpu"},
    }
    for name, value in changes.items():
        fields[name] = fields[name] | value if isinstance(value, dict) and name in fields else value
    return parse_recipe(fields, "test")
