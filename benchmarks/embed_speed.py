"""How fast is `yt360 embed` against decoding alone, and how much memory does it take?

    python -m benchmarks.embed_speed [--model NAME] [--minutes 10] [--out DIR] [--json]

A file of 1920x1080 pixels at 30 frames a second (H.264) with first-order ambisonics (Opus) is embedded by the command
line with its usual options. Decoding alone: ffmpeg reads every frame of its picture on one thread and throws it away.
Both are measured in CPU seconds, in the same run and on one core, so that a busy machine slows them alike. ``--model``
is a model folder, or a name that `yt360 embed` takes; without it a network as small as the one that comes with yt360,
with weights that mean nothing. Memory is what all processes of the command hold together (PSS), at its peak.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import torch

from benchmarks.media_containers import encode, equi, insert_boxes, sa3d, st3d, sv3d
from benchmarks.media_scenes import make_scene
from benchmarks.media_sounds import foa_scene
from benchmarks.worlds import machine
from yt360.media.ffmpeg import executable
from yt360.models.audio_visual import AudioVisualModel
from yt360.models.folder import model_tensors, write_model
from yt360.models.spectrogram import SpatialSpectrogram
from yt360.training.recipe import parse_recipe

_FPS, _PART_S, _SAMPLE_EVERY_S = 30, 10, 0.2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--out", type=Path, default=Path("benchmark-data/embed-speed"))
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    media = make_media(out / f"{arguments.minutes:g}-minutes.mp4", arguments.minutes)
    model = arguments.model or str(small_model(out / "model"))
    features = out / "features.parquet"
    features.unlink(missing_ok=True)
    decode = [executable(), "-v", "error", "-threads", "1", "-i", str(media), "-map", "0:v:0", "-f", "null", "-"]
    embed = [sys.executable, "-m", "yt360", "embed", str(media), "--model", model, "--out", str(features), "-q"]
    core = min(os.sched_getaffinity(0))
    alone_s, _ = measured(decode, core)
    embed_s, peak_mb = measured(embed, core)
    found = {
        "seconds of video": 60 * arguments.minutes,
        "decoding alone, CPU s": round(alone_s, 1),
        "embed, CPU s": round(embed_s, 1),
        "speed against decoding alone": round(alone_s / embed_s, 2),
        "peak memory, MB": round(peak_mb),
    }
    print(json.dumps({"machine": machine(), **found}) if arguments.json else machine())
    if not arguments.json:
        for name, value in found.items():
            print(f"{name:<30} {value}")


def make_media(path: Path, minutes: float) -> Path:
    """The file, if it is not there: ten seconds of a turning scene with grain at 12 Mbit/s, again and again."""
    if path.is_file():
        return path
    rng = np.random.default_rng(0)
    still = make_scene(3, 960, 1920).frames(1)[0]
    still = np.pad(still, ((60, 60), (0, 0), (0, 0)), mode="edge")
    grain = rng.integers(-2, 3, (8, *still.shape[:2], 1)).astype(np.int16)
    raw, sound, part = (path.with_name(name) for name in ("raw.rgb", "part.opus.mp4", "part.mp4"))
    with raw.open("wb") as stream:
        for k in range(_FPS * _PART_S):
            turned = np.roll(still, 4 * k, axis=1) + grain[k % len(grain)]
            stream.write(np.clip(turned, 0, 255).astype(np.uint8).tobytes())
    encode(sound, sound=foa_scene(rng, _PART_S * 48_000), rate_hz=48_000)
    picture = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "1920x1080", "-r", str(_FPS), "-i", str(raw)]
    coded = ["-c:v", "libx264", "-preset", "veryfast", "-b:v", "12M", "-pix_fmt", "yuv420p", "-c:a", "copy"]
    subprocess.run([executable(), "-v", "error", *picture, "-i", str(sound), *coded, "-y", str(part)], check=True)
    raw.unlink()
    sound.unlink()
    again = ["-stream_loop", str(max(0, round(6 * minutes) - 1)), "-i", str(part), "-c", "copy", "-y", str(path)]
    subprocess.run([executable(), "-v", "error", *again], check=True)
    part.unlink()
    insert_boxes(path, b"vide", st3d(0), sv3d(equi()))
    insert_boxes(path, b"soun", sa3d([0, 1, 2, 3]))
    return path


def small_model(folder: Path) -> Path:
    """A network of the size of the one that comes with yt360."""
    phase = {"name": "avsa", "objective": "avsa", "views": 2, "batch": 2, "translators": True, "steps": 1}
    recipe = parse_recipe(
        {
            "name": "small",
            "data": {"picture_s": 0.0625},
            "views": {"size": 48},
            "sound": {"features": "logmel+intensity", "n_fft": 1024, "hop": 800, "mels": 32},
            "model": {"width": 12, "depth": 10, "projection": 64, "translator": {"depth": 1}},
            "phases": [phase],
        },
        "benchmark",
    )
    torch.manual_seed(0)
    network = AudioVisualModel(recipe.model, recipe.sound.channels, translators=True, whole_video=False)
    write_model(folder, model_tensors(network, SpatialSpectrogram(recipe.sound)), recipe.description(), "# small\n")
    return folder


def measured(command: list[str], core: int) -> tuple[float, float]:
    """CPU seconds of a command on one core, and the most memory (MB) that its processes held together."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    process = subprocess.Popen(
        command, env={**os.environ, **threads}, preexec_fn=lambda: os.sched_setaffinity(0, {core})
    )
    peak = [0.0]
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_SAMPLE_EVERY_S):
            peak[0] = max(peak[0], held_mb(process.pid))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    code = process.wait()
    ended.set()
    watcher.join()
    if code:
        raise SystemExit(f"{' '.join(command)}: exit code {code}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, peak[0]


def held_mb(pid: int) -> float:
    """Memory of a process and all its descendants: each page once, shared ones in shares."""
    total = 0.0
    waiting = [pid]
    while waiting:
        one = waiting.pop()
        try:
            for line in Path(f"/proc/{one}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) / 1e3
            for task in Path(f"/proc/{one}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
        except (OSError, ValueError):
            continue  # it ended meanwhile
    return total


if __name__ == "__main__":
    main()
