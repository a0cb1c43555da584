"""What a data worker does now, against an earlier build on the same clips in the same run.

    python -m benchmarks.loader_pairs [--root DIR] [--out DIR] [--against ac3c3dc] [--rounds 5] [--samples 120]
        [--json FILE]

The earlier build is checked out beside this one (`git worktree`); both read the same finished dataset (as
`benchmarks.loader` makes it) in turn, each in a process of its own on one core. CPU time of a sample of four
views, made in batches of four as a data loader asks for them (not so the earlier build's workers, which made single
samples: what stacked them is in its last row alone); the median of the rounds, and the least and greatest ratio of a
pair. Digests of members were checked before. ``--json``: the ratios as a list of rows (name, value, peer, ratio, bar,
spread).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).parents[1]
BATCH = 4
PHASE = {"name": "avsa", "objective": "avsa", "views": 4, "batch": 28, "translators": True, "steps": 1}
FIELDS = {"name": "loader", "phases": [PHASE]}

DECODE, WORKER, WHOLE = "decoding alone", "worker: decode, crop, colours", "up to network input, on the CPU"
UNCUT, UNCUT_DECODE = "worker: decode for device views", "decoding alone for device views"
ON_DEVICE = "device views, on this CPU"

RATIOS: tuple[tuple[str, str, float | None], ...] = (
    (WORKER, WORKER, None),
    (WORKER, UNCUT, 1.7),
    (WHOLE, WHOLE, 1.5),
    (DECODE, DECODE, None),
)
"""Row of the earlier build, row of this one, and the least ratio that is aimed at."""
SHARE_BAR = 0.92


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root")
    parser.add_argument("--out", type=Path, default=Path("benchmark-data/loader"))
    parser.add_argument("--against", default="ac3c3dc")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--samples", type=int, default=120)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--probe", choices=["earlier", "now"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.probe:
        probe = now if arguments.probe == "now" else earlier
        print(json.dumps(probe(arguments.root, arguments.samples)))
        return
    from benchmarks.worlds import dataset, machine

    root = arguments.root or str(
        dataset(arguments.out, videos=8, seed=101, duration_s=24.0, size="224x448", test_share=0.25)
    )
    rounds: dict[str, list[dict[str, float]]] = {"earlier": [], "now": []}
    with checked_out(arguments.against) as old:
        for _ in range(arguments.rounds):
            for build, folder in (("earlier", old), ("now", CHECKOUT)):
                rounds[build].append(run_probe(build, folder, root, arguments.samples))
    print(f"{machine()}; {arguments.rounds} rounds of {arguments.samples} samples; CPU time")
    for build, name in (("earlier", arguments.against), ("now", "this build")):
        for what in rounds[build][0]:
            print(f"{statistics.median(each[what] for each in rounds[build]):8.2f} ms  {name}: {what}")
    rows = [compared(rounds["earlier"], rounds["now"], peer, own, bar, arguments.against) for peer, own, bar in RATIOS]
    rows.append(compared(rounds["now"], rounds["now"], UNCUT_DECODE, UNCUT, SHARE_BAR, "decoding alone"))
    for row in rows:
        least, greatest = row["spread"]
        aim = "" if row["bar"] is None else f", aim {row['bar']}"
        print(f"x {row['ratio']:.2f} ({least:.2f} to {greatest:.2f}{aim})  {row['name']}, against {row['peer_name']}")
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1))


def compared(
    peers: list[dict[str, float]], ours: list[dict[str, float]], peer: str, own: str, bar: float | None, peer_name: str
) -> dict[str, Any]:
    """A row: medians in milliseconds of CPU time, and the median, least and greatest ratio of a pair."""
    pairs = [a[peer] / b[own] for a, b in zip(peers, ours, strict=True)]
    return {
        "name": own,
        "value": statistics.median(each[own] for each in ours),
        "peer": statistics.median(each[peer] for each in peers),
        "peer_name": peer_name,
        "unit": "ms of CPU time a sample",
        "ratio": statistics.median(pairs),
        "bar": bar,
        "spread": [min(pairs), max(pairs)],
        "pairs": len(pairs),
    }


@contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """A work tree of an earlier commit for as long as it is needed."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / commit
        git = ["git", "-C", str(CHECKOUT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(folder), commit], check=True)
        try:
            yield folder
        finally:
            subprocess.run([*git, "remove", "--force", str(folder)], check=True)


def run_probe(build: str, folder: Path, root: str, samples: int) -> dict[str, float]:
    """One round of one build, in a process that finds its packages in ``folder``."""
    command = [sys.executable, __file__, "--probe", build, "--root", root, "--samples", str(samples)]
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(folder)}
    done = subprocess.run(command, env={**os.environ, **threads}, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def milliseconds(call: Callable[[int], object], count: int) -> float:
    """CPU milliseconds of a call."""
    for index in range(4):
        call(index)
    began = time.process_time()
    for index in range(count):
        call(index)
    return 1e3 * (time.process_time() - began) / count


def drawn(split: Any, samples: int) -> list[int]:
    """Numbers of the clips that samples are of."""
    import numpy as np

    return [int(number) for number in np.random.default_rng(0).integers(len(split.clips), size=samples)]


def one_thread() -> None:
    import cv2
    import torch

    torch.set_num_threads(1)
    cv2.setNumThreads(1)


def now(root: str, count: int) -> dict[str, float]:
    """The rows of this build."""
    import numpy as np

    from yt360.dataset import manifest
    from yt360.dataset.cutting import draw_moments, sound_samples
    from yt360.dataset.decoding import decode_frames, decode_planes, decode_sound
    from yt360.dataset.members import MemberReader
    from yt360.dataset.perspective_crop import PAD
    from yt360.models.picture_input import PictureInput
    from yt360.models.spectrogram import SpatialSpectrogram
    from yt360.training.batch_plan import Request
    from yt360.training.device_views import DeviceViews
    from yt360.training.recipe import parse_recipe
    from yt360.training.samples import SampleDataset

    one_thread()
    recipe = parse_recipe(FIELDS, "the benchmark")
    on_device = parse_recipe({**FIELDS, "run": {"device_views": True}}, "the benchmark")
    split = manifest.load_split(root, "train", recipe.data, recipe.sound.sample_rate_hz)
    reader, chosen = MemberReader(root), drawn(split, count)
    moments = [
        draw_moments(np.random.default_rng((0, 1, 0, 0, index)), split.clips[number], recipe.data, 1)[0]
        for index, number in enumerate(chosen)
    ]  # those that the workers draw: how much is decoded depends on where a window begins
    samples = sound_samples(recipe.data, recipe.sound.sample_rate_hz)
    cut, uncut = SampleDataset(recipe, root, [split]), SampleDataset(on_device, root, [split])
    spectrogram, pictures = SpatialSpectrogram(recipe.sound), PictureInput()
    views = DeviceViews(recipe.views.size, corners=False)

    def request(index: int) -> Request:
        return Request("train", chosen[index % count], 0, (0, 1, 0, 0, index), augment=True)

    def decode(index: int, picture: Callable[..., object]) -> None:
        clip, moment = split.clips[chosen[index % count]], moments[index % count]
        picture(reader.open_video(clip), clip, moment.frames)
        decode_sound(reader.open_sound(clip), clip, moment.sound_start, samples)

    def requests(index: int) -> list[Request]:
        return [request(index * BATCH + slot) for slot in range(BATCH)]

    def network_input(index: int) -> None:
        batch = cut.__getitems__(requests(index))
        pictures(batch.pictures)
        spectrogram(batch.sound, batch.matrices)

    for number in range(len(split.clips)):
        for each in (cut, uncut):
            each[Request("train", number, 0, (0, 1, 0, 0, 0), augment=True)]
    network_input(0)  # large blocks that were freed make later ones cheap: both builds begin after some
    held = uncut.__getitems__(requests(0))
    given = (held.planes, held.rays, held.flips, held.colours)
    return {
        DECODE: milliseconds(lambda i: decode(i, lambda *what: decode_frames(*what, pad=PAD)), count),
        WORKER: milliseconds(lambda i: cut.__getitems__(requests(i)), count // BATCH) / BATCH,
        WHOLE: milliseconds(network_input, count // BATCH) / BATCH,
        UNCUT_DECODE: milliseconds(lambda i: decode(i, decode_planes), count),
        UNCUT: milliseconds(lambda i: uncut.__getitems__(requests(i)), count // BATCH) / BATCH,
        ON_DEVICE: milliseconds(lambda _: views(*given), count // BATCH) / BATCH,
    }


def earlier(root: str, count: int) -> dict[str, float]:
    """The same rows of commit ac3c3dc, whose modules had other names."""
    import importlib

    import numpy as np

    named = {
        name: importlib.import_module(f"yt360.training.{name}")
        for name in ("manifest", "decode", "features", "plan", "recipe", "samples", "shards", "views")
    }
    one_thread()
    recipe = named["recipe"].parse_recipe(FIELDS, "the benchmark")
    split = named["manifest"].load_split(root, "train", recipe.data, recipe.sound.sample_rate_hz)
    reader, chosen = named["shards"].MemberReader(root), drawn(split, count)
    rng = np.random.default_rng(0)
    moments = [named["samples"].draw_moments(rng, split.clips[number], recipe, 1)[0] for number in chosen]
    cut, collate = named["samples"].SampleDataset(recipe, root, [split]), named["samples"].Collate(recipe, [split])
    spectrogram, pictures = named["features"].SpatialSpectrogram(recipe.sound), named["features"].PictureInput()

    def request(index: int) -> Any:
        return named["plan"].Request("train", chosen[index % count], 0, 1, (0, 1, 0, 0, index))

    def decode(index: int) -> None:
        clip, moment = split.clips[chosen[index % count]], moments[index % count]
        named["decode"].decode_frames(reader.video(clip), clip, moment.frames, pad=named["views"].PAD)
        named["decode"].decode_sound(reader.sound(clip), clip, moment.sound_start, recipe.sound.sample_rate_hz)

    def network_input(index: int) -> None:
        batch = collate([cut[request(index * BATCH + slot)] for slot in range(BATCH)])
        pictures(batch.pictures)
        spectrogram(batch.sound, batch.matrices)

    for number in range(len(split.clips)):
        cut[named["plan"].Request("train", number, 0, 1, (0, 1, 0, 0, 0))]
    network_input(0)
    return {
        DECODE: milliseconds(decode, count),
        WORKER: milliseconds(lambda i: cut[request(i)], count),
        WHOLE: milliseconds(network_input, count // BATCH) / BATCH,
    }


if __name__ == "__main__":
    main()
