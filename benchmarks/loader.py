"""How many samples a second one core makes, up to tensors ready for the networks, and where the time goes.

    python -m benchmarks.loader --root DIR [--samples 200] [--views 4] [--json]

``--root`` is a finished dataset (448x224 clips at 16 fps for numbers comparable to the README's).
Everything runs on one core: reading, decoding, cropping, colour, then normalisation, spectrograms and stacking on
the CPU. Peers do one part of the work on the same decoded frames or the same sound; those that are
not installed are left out.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch

from yt360 import sphere
from yt360.training import manifest
from yt360.training.decode import decode_frames, decode_sound
from yt360.training.features import PictureInput, SpatialSpectrogram
from yt360.training.plan import Request
from yt360.training.recipe import parse_recipe
from yt360.training.samples import Collate, Sample, SampleDataset, draw_moments
from yt360.training.shards import MemberReader
from yt360.training.views import PAD, continue_sphere, crop_frames, draw_views

BATCH = 4


def cpu_seconds(call: Callable[[int], object], count: int) -> float:
    """CPU seconds of one ``call(index)``, which other programs on the machine do not change much."""
    call(0)
    began = time.process_time()
    for index in range(count):
        call(index)
    return (time.process_time() - began) / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", required=True)
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--views", type=int, default=4)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)

    phase = {
        "name": "avsa",
        "objective": "avsa",
        "views": arguments.views,
        "batch": 28,
        "translators": True,
        "steps": 1,
    }
    recipe = parse_recipe({"name": "loader", "phases": [phase]}, "the benchmark")
    split = manifest.load_split(arguments.root, "train", recipe.data, recipe.sound.sample_rate_hz)
    reader = MemberReader(arguments.root)
    dataset, collate = SampleDataset(recipe, arguments.root, [split]), Collate(recipe, [split])
    spectrogram, pictures = SpatialSpectrogram(recipe.sound), PictureInput()
    rng = np.random.default_rng(0)
    drawn = [int(rng.integers(len(split.clips))) for _ in range(arguments.samples)]

    def request(index: int) -> Request:
        return Request("train", drawn[index % len(drawn)], 0, 1, (0, 1, 0, 0, index))

    def network_input(index: int) -> None:
        made = [dataset[request(index * BATCH + slot)] for slot in range(BATCH)]
        assert all(isinstance(sample, Sample) for sample in made), made
        batch = collate(made)
        pictures(batch.pictures)
        spectrogram(batch.sound, batch.matrices)

    def decode(index: int) -> None:
        clip = split.clips[drawn[index % len(drawn)]]
        moment = draw_moments(rng, clip, recipe, 1)[0]
        decode_frames(reader.video(clip), clip, moment.frames, pad=PAD)
        decode_sound(reader.sound(clip), clip, moment.sound_start, recipe.sound.sample_rate_hz)

    clip = split.clips[drawn[0]]
    frames = decode_frames(reader.video(clip), clip, range(8), pad=PAD)
    continue_sphere(frames)
    plain = np.ascontiguousarray(frames[:, PAD:-PAD, PAD:-PAD])
    sound = decode_sound(reader.sound(clip), clip, 0, recipe.sound.sample_rate_hz)
    views = draw_views(rng, 64, recipe.views, recipe.behaviour.model_copy(update={"margin": 0}), augment=True)
    size, made = recipe.views.size, dataset[request(0)]
    assert isinstance(made, Sample)
    one = collate([made])

    count = max(10, arguments.samples // 4)
    whole = cpu_seconds(network_input, max(3, arguments.samples // BATCH)) / BATCH
    decoding = cpu_seconds(decode, arguments.samples)
    parts = {
        "sample (read, decode, crop; what a worker does)": cpu_seconds(
            lambda i: dataset[request(i)], arguments.samples
        ),
        "read and decode alone": decoding,
        "one view of 8 frames": cpu_seconds(lambda i: crop_frames(frames, views[i % 64], size), count),
        "normalisation, all views": cpu_seconds(lambda _: pictures(one.pictures), count),
        "log-mels, all views": cpu_seconds(lambda _: spectrogram(one.sound, one.matrices), count),
    }
    rows = {
        "samples_per_s": 1 / whole,
        "share_of_decoding_alone": decoding / whole,
        "milliseconds": {name: 1e3 * seconds for name, seconds in parts.items()},
        "peers_milliseconds": peers(plain, sound, [view.view for view in views], size, count),
    }
    if arguments.json:
        print(json.dumps(rows))
        return
    print(f"{rows['samples_per_s']:.1f} samples/s a core, {arguments.views} views each, up to network input")
    print(f"{rows['share_of_decoding_alone']:.2f} of what decoding alone allows")
    for name, value in (rows["milliseconds"] | rows["peers_milliseconds"]).items():
        print(f"{value:9.2f} ms  {name}")


def peers(frames: np.ndarray, sound: np.ndarray, views: list[sphere.View], size: int, count: int) -> dict[str, float]:
    """Milliseconds of one view of 8 frames, or of the log-mels of one view, by other means."""
    found: dict[str, Callable[[int], object]] = {
        "cv2.remap with yt360.sphere's maps (one view)": lambda i: [
            sphere.crop(frame, views[i % 64], (size, size)) for frame in frames
        ]
    }
    try:
        import py360convert

        def perspective(index: int) -> object:
            view = views[index % 64]
            fov = (np.degrees(view.horizontal_fov), np.degrees(view.vertical_fov))
            look = (-np.degrees(view.azimuth), np.degrees(view.elevation))
            return [py360convert.e2p(frame, fov, *look, (size, size)) for frame in frames]

        found["py360convert.e2p (one view)"] = perspective
    except ImportError:
        pass
    try:
        import librosa

        def log_mels(_: int) -> object:
            mels = [librosa.feature.melspectrogram(y=y, sr=24000, n_fft=512, hop_length=240, power=1.0) for y in sound]
            return [librosa.power_to_db(mel, top_db=100) for mel in mels]

        found["librosa log-mels (one view)"] = log_mels
    except ImportError:
        pass
    times = {name: 1e3 * cpu_seconds(call, max(3, count // 4)) for name, call in found.items()}
    times["ffmpeg v360 (one view, process included, wall clock)"] = _ffmpeg(frames, views[0], size)
    return times


def _ffmpeg(frames: np.ndarray, view: sphere.View, size: int) -> float:
    import subprocess

    from yt360.media.ffmpeg import executable

    height, width = frames.shape[1:3]
    look = f"yaw={-np.degrees(view.azimuth)}:pitch={np.degrees(view.elevation)}"
    fov = f"h_fov={np.degrees(view.horizontal_fov)}:v_fov={np.degrees(view.vertical_fov)}"
    command = [str(Path(executable())), "-v", "error", "-threads", "1", "-filter_threads", "1", "-f", "rawvideo"]
    command += ["-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-i", "-"]
    command += ["-vf", f"v360=e:flat:{look}:{fov}:w={size}:h={size}", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    began = time.perf_counter()
    for _ in range(5):
        subprocess.run(command, input=frames.tobytes(), stdout=subprocess.PIPE, check=True)
    return 1e3 * (time.perf_counter() - began) / 5


if __name__ == "__main__":
    main()
