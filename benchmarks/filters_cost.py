"""What the filters cost: CPU seconds on one core, decoding included, each handing on what it leaves for the next.

Part of ``python -m benchmarks.filters``. CPU seconds of this process and its decoders: other work on the machine
does not count. A long video is made here, a short one is a recording of ``../shared/media``. ``python -m
benchmarks.filters_cost FILE ...`` measures other files.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.media_scenes import make_scene
from yt360.engine.stage import Context, Done, Item, Stage
from yt360.media import ffmpeg
from yt360.media.inspect import inspect_media
from yt360.stages.fingerprint import Fingerprint
from yt360.stages.frame_of_reference import FrameOfReference
from yt360.stages.stills import Stills
from yt360.stages.voiceover import Voiceover

SECONDS = 300
HEIGHT, WIDTH = 1080, 2160
RECORDING = Path(__file__).parents[1] / "../shared/media/G8pABGosD38l_17.webm"
BARS = {"voiceover": 60.0, "stills": 30.0}
"""Times faster than real time that a stage is to be on the long video."""


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
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "v.mkv"
        _video(path)
        rows = costs(path)
    if RECORDING.exists():
        rows += costs(RECORDING)
    return rows


def costs(path: Path) -> list[list[str]]:
    """One row a stage in the order of the pipeline, and their sum."""
    facts = inspect_media(path).facts()
    length_s, rows, total = facts["end_s"] - facts["start_s"], [], 0.0
    with tempfile.TemporaryDirectory() as scratch:
        files = {"video": path, "facts": Path(scratch) / "facts.json"}
        files["facts"].write_text(json.dumps(facts))
        for stage in (Stills(), Voiceover(), FrameOfReference(), Fingerprint()):
            folder = Path(scratch) / stage.name
            folder.mkdir()
            _warm(stage)
            item = Item("v", "v", files={name: file for name, file in files.items() if name in stage.inputs})
            began = _cpu_s()
            outcome = stage.process(item, Context(folder, folder))
            spent = _cpu_s() - began
            assert isinstance(outcome, Done)
            wanted = [spelled.rstrip("?").split(".") for spelled in Fingerprint.inputs.values()]
            files |= {name: folder / file for name, file in outcome.outputs.items() if [stage.name, name] in wanted}
            total += spent
            bar = f">= {BARS[stage.name]:g} x real time" if stage.name in BARS and length_s > 60 else ""
            words = f"{length_s / spent:.0f} x real time ({spent:.2f} CPU s)"
            rows.append([f"{stage.name}, {facts['picture_reading']['height']} rows", f"{length_s:.0f} s", words, bar])
    rows.append(["all of these", f"{length_s:.0f} s", f"{length_s / total:.0f} x real time ({total:.2f} CPU s)", ""])
    return rows


def _warm(stage: Stage) -> None:
    """What a worker loads once is not a cost of each video."""
    if isinstance(stage, Voiceover):
        from yt360.filters.post_production import measurement

        measurement.measure([np.random.default_rng(0).standard_normal((4, 96_000)).astype(np.float32)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    for path in parser.parse_args().files:
        for row in costs(path):
            print(" | ".join([path.name, *row]), flush=True)


if __name__ == "__main__":
    main()
