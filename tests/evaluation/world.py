"""The tiny world of the training tests with panoptic maps: each disc a thing of its colour, the rest one stuff."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.training.world import COLOURS, make_root
from yt360.dataset.decoding import decode_frames
from yt360.dataset.manifest import ClipRow, load_split
from yt360.dataset.settings import DataSettings
from yt360.events.clip_events import ClipEvents, Event
from yt360.segmentation.clip_maps import clip_maps_bytes
from yt360.segmentation.maps import Category, PanopticMap, PanopticSegment, from_ids

CATEGORIES = (Category(1, "ground", False), *(Category(100 + k, f"disc {k}", True) for k in range(len(COLOURS))))

EVENT = Event(3, (40.0, 41.0), (10.0, 10.0), (0.2, 0.3), (-20.0, -21.0), (0.9, 0.8), label="speech", probability=0.7)
"""The event of every clip of :func:`make_labelled_root`: two frames from 0.3 s on."""


def disc_map(picture: np.ndarray) -> PanopticMap:
    """The map of a frame ``(H, W, 3)``: pixels near a disc's colour are that disc."""
    distance = np.abs(picture[:, :, None].astype(int) - COLOURS[None, None]).max(axis=-1)
    kind = np.where(distance.min(axis=-1) < 45, distance.argmin(axis=-1) + 1, 0)
    segments = [PanopticSegment(1, 1, False, 1.0, 0)] + [
        PanopticSegment(k + 2, 100 + k, True, 1.0, 0) for k in range(len(COLOURS))
    ]
    return from_ids((kind + 1).astype(np.int32), segments)


def make_labelled_root(root: Path, **settings: Any) -> Path:
    """:func:`tests.training.world.make_root` with maps and events for each clip, in the same shards."""
    make_root(root, **settings)
    path = root / "manifests" / "clips.parquet"
    rows = pq.read_table(path).to_pylist()
    splits = {row["split"] for row in rows}
    clips = {clip.clip: clip for name in splits for clip in load_split(str(root), name, DataSettings(), 24000).clips}
    summaries = []
    for row in rows:
        clip: ClipRow = clips[row["clip"]]
        shard = root / "shards" / clip.shard
        whole = shard.read_bytes()
        video = whole[clip.video_offset : clip.video_offset + clip.video_size]
        frames = decode_frames(video, clip, range(0, clip.frames, 8))
        data = clip_maps_bytes(clip.clip, [disc_map(f) for f in frames], clip.fps / 8, CATEGORIES, {"model": "discs"})
        row |= {"panoptic_offset": len(whole), "panoptic_size": len(data)}
        row["panoptic_digest"] = hashlib.blake2b(data, digest_size=20).hexdigest()
        heard = ClipEvents(clip.clip, 20, (EVENT,), {"tagger": "none"}).to_bytes()
        row |= {"events_offset": len(whole) + len(data), "events_size": len(heard), "events": 1}
        row["events_digest"] = hashlib.blake2b(heard, digest_size=20).hexdigest()
        shard.write_bytes(whole + data + heard)
        summaries.append(
            {"clip": clip.clip, "event": 0, "video": clip.video, "split": row["split"], "start_s": EVENT.start_s}
            | {"end_s": EVENT.end_s, "azimuth_deg": 40.0, "elevation_deg": 10.0, "label": EVENT.label}
        )
    pq.write_table(pa.Table.from_pylist(summaries), root / "manifests" / "events.parquet")
    pq.write_table(pa.Table.from_pylist(rows), path)
    return root
