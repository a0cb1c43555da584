"""Makes a file of each kind that yt360 writes, by the code that writes it: ``python -m tests.every_output FOLDER``."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from tests.stages.fakes import context
from yt360.dataset.schema import MANIFESTS, arrow
from yt360.engine.stage import Blob, Done, Item, Stage
from yt360.hashing import digest_file
from yt360.media.png import write_png
from yt360.models.tensor_files import save_tensors
from yt360.publishing import manifests
from yt360.report import cases
from yt360.stages.annotate import Annotate, AnnotateParams
from yt360.stages.chunk import Chunk
from yt360.stages.chunk_settings import ChunkParams
from yt360.stages.fingerprint import Fingerprint
from yt360.stages.frame_of_reference import FrameOfReference
from yt360.stages.segment import Segment, SegmentParams
from yt360.stages.shard import Shard
from yt360.stages.stills import Stills
from yt360.stages.validate import Validate
from yt360.stages.voiceover import Voiceover
from yt360.synth import VideoSpec, render_video


def make(folder: Path) -> dict[str, str]:
    """Digests of the files, by their paths below ``folder``."""
    truth = render_video(VideoSpec(21, 0, "", 3.0, 224, 448, 16.0), folder / "world")
    video = {"video": folder / "world" / "media" / truth.files[0]}
    sound = {"sound": folder / "world" / "media" / truth.files[1]} if len(truth.files) > 1 else {}
    validated = _done(Validate(), folder, "v", video | sound)
    files = video | sound | {"facts": folder / "validate" / validated.outputs["facts"]}
    seen, heard = _done(Stills(), folder, "v", files), _done(Voiceover(), folder, "v", files)
    shared = {"look": folder / "stills" / seen.outputs["look"], "peaks": folder / "voiceover" / heard.outputs["peaks"]}
    _done(FrameOfReference(), folder, "v", files | {"look": shared["look"]})
    _done(Fingerprint(), folder, "v", files | shared)
    (child,) = _done(Chunk(ChunkParams(clip_s=2.0, min_clip_s=2.0)), folder, "v", files).children
    clip = {f"{child.id}.{name}": folder / "chunk" / file for name, file in child.outputs.items()}
    segment = Segment(SegmentParams(model="world-fpn", rate_hz=1.0, device="cpu"))
    segment.setup()
    mapped = _done(segment, folder, child.id, {"video": clip[f"{child.id}.video"]})
    clip[f"{child.id}.panoptic"] = folder / "segment" / mapped.outputs["panoptic"]
    annotate = Annotate(AnnotateParams(enabled=True))
    annotate.setup()
    events = _done(annotate, folder, child.id, {name: clip[f"{child.id}.{name}"] for name in ("foa", "panoptic")})
    clip[f"{child.id}.events"] = folder / "annotate" / events.outputs["events"]
    _done(Shard(), folder, "train-000000", clip, clips=[child.id])
    _others(folder / "others", child.meta)
    made = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in made}


def _done(stage: Stage, folder: Path, item: str, files: dict[str, Path], **meta: object) -> Done:
    """What a stage makes of files, in a folder of its name."""
    work = folder / stage.name
    work.mkdir()
    inputs = {name: Blob(str(path), digest_file(path), path.stat().st_size) for name, path in files.items()}
    outcome = stage.process(Item(item, item, inputs=inputs, files=files, meta=meta), context(work))
    assert isinstance(outcome, Done), outcome
    return outcome


def _others(folder: Path, clip: object) -> None:
    """Parquet, PNG, safetensors, and the report's JPEG and Ogg."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    rows = [{name: value for name, value in dict(clip).items() if name in arrow(MANIFESTS["clips"]).names}]  # type: ignore[call-overload]
    manifests._write(folder / "clips.parquet", pa.Table.from_pylist(rows * 50, schema=arrow(MANIFESTS["clips"])))
    picture = rng.integers(0, 255, (64, 128, 3), np.uint8)
    write_png(folder / "picture.png", picture)
    (folder / "picture.jpg").write_bytes(base64.b64decode(cases._jpeg(picture).partition(",")[2]))
    foa = 0.1 * rng.standard_normal((4, 48000)).astype(np.float32)
    cases._excerpt(foa, folder)
    save_tensors(folder / "x.safetensors", {"x": torch.arange(9.0), "y": torch.ones(2)}, {"b": "1", "a": "2", "c": "3"})


if __name__ == "__main__":
    print(json.dumps(make(Path(sys.argv[1]))))
