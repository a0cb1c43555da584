"""How many samples a second one core makes, up to tensors ready for the networks, and where the time goes.

    python -m benchmarks.loader [--root DIR] [--out DIR] [--samples 200] [--views 4] [--json]

``--root`` is a finished dataset; without it a procedural one is made in ``--out`` (448x224 clips at
16 fps). Everything runs on one core: reading, decoding, cropping, colour, then normalisation,
spectrograms and stacking on the CPU. Times are CPU seconds. Peers do the same work, or one part of
it, on the same clips; those that are not installed are named and left out. "The published loader's
way" is the chain that the published code runs (PyAV, roll and fancy indexing, PIL colour jitter,
librosa), written anew from its description.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import cv2
import librosa
import numpy as np
import py360convert
import soundfile
import torch
from PIL import Image
from torchvision.transforms import ColorJitter
from torchvision.transforms.functional import to_tensor

from benchmarks.worlds import dataset, machine
from yt360 import sphere
from yt360.dataset import manifest
from yt360.dataset.cutting import draw_moments
from yt360.dataset.decoding import decode_frames, decode_sound
from yt360.dataset.members import MemberReader
from yt360.dataset.perspective_crop import PAD, continue_sphere, crop_frames
from yt360.dataset.views import draw_views
from yt360.media.ffmpeg import executable
from yt360.models.picture_input import PictureInput
from yt360.models.spectrogram import SpatialSpectrogram
from yt360.training.batch_plan import Request
from yt360.training.recipe import parse_recipe
from yt360.training.samples import Sample, SampleDataset

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
    parser.add_argument("--root")
    parser.add_argument("--out", type=Path, default=Path("benchmark-data/loader"))
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--views", type=int, default=4)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    root = arguments.root or str(
        dataset(arguments.out, videos=8, seed=101, duration_s=24.0, size="224x448", test_share=0.25)
    )

    phase = {
        "name": "avsa",
        "objective": "avsa",
        "views": arguments.views,
        "batch": 28,
        "translators": True,
        "steps": 1,
    }
    recipe = parse_recipe({"name": "loader", "phases": [phase]}, "the benchmark")
    split = manifest.load_split(root, "train", recipe.data, recipe.sound.sample_rate_hz)
    reader = MemberReader(root)
    samples = SampleDataset(recipe, root, [split])
    spectrogram, pictures = SpatialSpectrogram(recipe.sound), PictureInput()
    rng = np.random.default_rng(0)
    drawn = [int(rng.integers(len(split.clips))) for _ in range(arguments.samples)]

    def request(index: int) -> Request:
        return Request("train", drawn[index % len(drawn)], 0, (0, 1, 0, 0, index), augment=True)

    def network_input(index: int) -> None:
        batch = samples.__getitems__([request(index * BATCH + slot) for slot in range(BATCH)])
        assert not batch.bad, batch.bad
        pictures(batch.pictures)
        spectrogram(batch.sound, batch.matrices)

    def decode(index: int) -> None:
        clip = split.clips[drawn[index % len(drawn)]]
        moment = draw_moments(rng, clip, recipe.data, 1)[0]
        decode_frames(reader.video(clip), clip, moment.frames, pad=PAD)
        decode_sound(reader.sound(clip), clip, moment.sound_start, recipe.sound.sample_rate_hz)

    clip = split.clips[drawn[0]]
    frames = decode_frames(reader.video(clip), clip, range(8), pad=PAD)
    continue_sphere(frames)
    plain = np.ascontiguousarray(frames[:, PAD:-PAD, PAD:-PAD])
    sound = decode_sound(reader.sound(clip), clip, 0, recipe.sound.sample_rate_hz)
    views = draw_views(rng, 64, recipe.views, recipe.behaviour.model_copy(update={"margin": 0}), augment=True)
    size, made = recipe.views.size, samples[request(0)]
    assert isinstance(made, Sample)
    one = samples.__getitems__([request(0)])

    def digests(index: int) -> None:
        clip = split.clips[drawn[index % len(drawn)]]
        fresh = MemberReader(root)
        fresh.video(clip), fresh.sound(clip)
        fresh.close()

    count = max(10, arguments.samples // 4)
    whole = cpu_seconds(network_input, max(3, arguments.samples // BATCH)) / BATCH
    decoding = cpu_seconds(decode, arguments.samples)
    parts = {
        "sample (read, decode, crop; what a worker does)": cpu_seconds(
            lambda i: samples[request(i)], arguments.samples
        ),
        "read and decode alone": decoding,
        "reading and checking digests (a clip's first time in a process)": cpu_seconds(digests, arguments.samples),
        "one view of 8 frames": cpu_seconds(lambda i: crop_frames(frames, views[i % 64], size), count),
        "normalisation, all views": cpu_seconds(lambda _: pictures(one.pictures), count),
        "log-mels, all views": cpu_seconds(lambda _: spectrogram(one.sound, one.matrices), count),
    }
    published = PublishedWay(reader, split, recipe.views.size, arguments.views)
    rows: dict[str, Any] = {
        "machine": machine(),
        "samples_per_s": 1 / whole,
        "share_of_decoding_alone": decoding / whole,
        "published_way_samples_per_s": 1 / cpu_seconds(lambda i: published.sample(rng, drawn[i % len(drawn)]), 12),
        "milliseconds": {name: 1e3 * seconds for name, seconds in parts.items()},
        "peers_milliseconds": peers(reader.video(clip), plain, sound, [view.view for view in views], size, count),
    }
    if arguments.json:
        print(json.dumps(rows))
        return
    print(rows["machine"])
    print(f"{rows['samples_per_s']:.1f} samples/s a core, {arguments.views} views each, up to network input")
    print(f"{rows['share_of_decoding_alone']:.2f} of what decoding alone allows")
    print(f"{rows['published_way_samples_per_s']:.1f} samples/s a core the published loader's way")
    for name, value in (rows["milliseconds"] | rows["peers_milliseconds"]).items():
        print(f"{value:9.2f} ms  {name}")


class PublishedWay:
    """A sample as the published loader makes it: every step in PyAV, numpy, PIL and librosa, view by view."""

    def __init__(self, reader: MemberReader, split: manifest.ClipSplit, size: int, views: int) -> None:
        self.reader, self.split, self.size, self.views = reader, split, size, views
        self.jitter = ColorJitter(0.4, 0.4, 0.4, 0.2)

    def sample(self, rng: np.random.Generator, number: int) -> None:
        clip = self.split.clips[number]
        start_s = rng.uniform(0, clip.frames / clip.fps - 1.0)
        frames = self.frames(self.reader.video(clip), start_s, 8)
        with soundfile.SoundFile(io.BytesIO(self.reader.sound(clip))) as file:
            file.seek(int(start_s * clip.sample_rate_hz))
            sound = file.read(clip.sample_rate_hz, dtype="float32").T
        for _ in range(self.views):
            longitude, latitude, field = rng.uniform(0, 1), rng.uniform(0.33, 0.66), rng.uniform(0.07, 0.25)
            crops = [self.jitter(Image.fromarray(self.crop(frame, longitude, latitude, field))) for frame in frames]
            tensor = torch.stack([to_tensor(crop) for crop in crops], dim=1)
            (tensor - torch.tensor([0.485, 0.456, 0.406])[:, None, None, None]).div_(0.225)
            turned = (rng.normal(size=(4, 4)).astype(np.float32) @ sound) * rng.uniform(0.9, 1.1)
            mels = librosa.feature.melspectrogram(
                y=turned, sr=24000, n_fft=512, hop_length=240, power=1.0, pad_mode="reflect"
            )
            [librosa.power_to_db(mel, top_db=100) for mel in mels]

    def frames(self, data: bytes, start_s: float, count: int) -> list[np.ndarray]:
        found: list[np.ndarray] = []
        with av.open(io.BytesIO(data), "r") as container:
            stream = container.streams.video[0]
            assert stream.time_base is not None, "video has a time base"
            container.seek(int(start_s / stream.time_base), stream=stream)
            for frame in container.decode(stream):
                if frame.time >= start_s:
                    found.append(frame.to_rgb().to_ndarray())
                if len(found) == count:
                    break
        return found

    def crop(self, frame: np.ndarray, longitude: float, latitude: float, field: float) -> np.ndarray:
        """Bilinear gnomonic picture by rolling the frame and indexing it with integer arrays."""
        height, width = frame.shape[:2]
        frame = np.roll(frame, int((0.5 - longitude) * width), axis=1)
        u, v = np.meshgrid(*2 * [np.linspace(-np.pi * field, np.pi * field, self.size, endpoint=False)])
        rho = np.hypot(u, v) + 1e-12
        c, tilt = np.arctan(rho), (0.5 - latitude) * np.pi
        elevation = np.arcsin(np.cos(c) * np.sin(tilt) - v * np.sin(c) * np.cos(tilt) / rho)
        azimuth = np.arctan2(u * np.sin(c), rho * np.cos(tilt) * np.cos(c) + v * np.sin(tilt) * np.sin(c))
        x, y = (azimuth / (2 * np.pi) + 0.5) * width, (0.5 - elevation / np.pi) * height
        left, top = np.floor(x).astype(int), np.floor(y).astype(int)
        a, b = (x - left)[..., None], (y - top)[..., None]
        rows, columns = [np.clip(top + n, 0, height - 1) for n in (0, 1)], [(left + n) % width for n in (0, 1)]
        above = frame[rows[0], columns[0]] * (1 - a) + frame[rows[0], columns[1]] * a
        below = frame[rows[1], columns[0]] * (1 - a) + frame[rows[1], columns[1]] * a
        return np.asarray(above * (1 - b) + below * b, np.uint8)


def peers(
    mp4: bytes, frames: np.ndarray, sound: np.ndarray, views: list[sphere.View], size: int, count: int
) -> dict[str, float]:
    """Milliseconds of one view of 8 frames, or of the log-mels of one view, by other means."""
    found: dict[str, Callable[[int], object]] = {
        "cv2.remap with yt360.sphere's maps (one view)": lambda i: [
            sphere.crop(frame, views[i % 64], (size, size)) for frame in frames
        ]
    }

    def perspective(index: int) -> object:
        view = views[index % 64]
        fov = (np.degrees(view.horizontal_fov), np.degrees(view.vertical_fov))
        look = (-np.degrees(view.azimuth), np.degrees(view.elevation))
        return [py360convert.e2p(frame, fov, *look, (size, size)) for frame in frames]

    found["py360convert.e2p (one view)"] = perspective

    def log_mels(_: int) -> object:
        mels = librosa.feature.melspectrogram(y=sound, sr=24000, n_fft=512, hop_length=240, power=1.0)
        return [librosa.power_to_db(mel, top_db=100) for mel in mels]

    found["librosa log-mels (one view)"] = log_mels
    try:
        from torchcodec.decoders import VideoDecoder

        # The libraries of ffmpeg that it needs are looked for when the first decoder is made.
        VideoDecoder(mp4)
    except (ImportError, RuntimeError, OSError) as error:
        print(f"torchcodec is left out: {str(error).splitlines()[0]:.100}", file=sys.stderr)
    else:
        found["torchcodec, 8 frames (compare with reading and decoding)"] = lambda _: VideoDecoder(
            mp4, num_ffmpeg_threads=1
        ).get_frames_in_range(40, 48)
    times = {name: 1e3 * cpu_seconds(call, max(3, count // 4)) for name, call in found.items()}
    times["ffmpeg v360 (one view, process included, wall clock)"] = _ffmpeg(frames, views[0], size)
    return times


def _ffmpeg(frames: np.ndarray, view: sphere.View, size: int) -> float:
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
