"""What the filters cost: times faster than real time on one core, decoding included.

Part of ``python -m benchmarks.filters``. CPU seconds of this process and its decoders: other work on the machine
does not count.
"""

from __future__ import annotations

import json
import resource
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.media_scenes import make_scene
from yt360.engine.stage import Context, Item, Stage
from yt360.media import ffmpeg
from yt360.stages.fingerprint import Fingerprint
from yt360.stages.stills import Stills
from yt360.stages.voiceover import Voiceover

SECONDS = 300
HEIGHT, WIDTH = 1080, 2160


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _video(path: Path) -> None:
    """Five minutes of 1080 rows with a moving world and four channels of Opus, key frames every five seconds."""
    frames = make_scene(8, HEIGHT, WIDTH).frames(8)
    loop = ["-stream_loop", "-1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{WIDTH}x{HEIGHT}", "-r", "8"]
    raw, sound = path.with_suffix(".rgb"), path.with_suffix(".f32")
    raw.write_bytes(frames.tobytes())
    rng = np.random.default_rng(0)
    noise = (
        rng.standard_normal((48_000 * 20, 4)).astype("<f4")
        * 0.05
        * (1 + np.sin(np.arange(48_000 * 20) / 9000))[:, None]
    )
    sound.write_bytes(np.ascontiguousarray(noise, "<f4").tobytes())
    heard = ["-stream_loop", "-1", "-f", "f32le", "-ar", "48000", "-ch_layout", "ambisonic 1", "-i", str(sound)]
    coding = ["-r", "24", "-c:v", "libx264", "-preset", "ultrafast", "-crf", "28", "-g", "120", "-pix_fmt", "yuv420p"]
    opus = ["-c:a", "libopus", "-mapping_family", "2", "-b:a", "384k"]
    ffmpeg.run([*loop, "-i", str(raw), *heard, "-t", str(SECONDS), *coding, *opus, "-y", str(path)], timeout_s=900)


def measure() -> list[list[str]]:
    """Rows of the table."""
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "v.mkv"
        _video(path)
        facts = {
            "picture_reading": {"height": HEIGHT, "width": WIDTH, "projection": "equirectangular"},
            "sound_reading": {"channels": 4, "sample_rate_hz": 48_000},
            "start_s": 0.0,
            "end_s": float(SECONDS),
        }
        (path.parent / "facts.json").write_text(json.dumps(facts))
        item = Item("v", "v", files={"video": path, "facts": path.parent / "facts.json"})
        bars = (("audio filters", Voiceover(), ">= 60"), ("stills, 1080 rows", Stills(), ">= 30"))
        for words, stage, bar in (*bars, ("fingerprint, 1080 rows", Fingerprint(), "")):
            _warm(stage)
            began = _cpu_s()
            stage.process(item, Context(path.parent, path.parent))
            spent = _cpu_s() - began
            rows.append([words, f"{SECONDS} s", f"{SECONDS / spent:.0f} x real time ({spent:.1f} CPU s)", bar])
    return rows


def _warm(stage: Stage) -> None:
    """What a worker loads once is not a cost of each video."""
    if isinstance(stage, Voiceover):
        from yt360.filters.post_production import measurement

        measurement.measure([np.random.default_rng(0).standard_normal((4, 96_000)).astype(np.float32)])
