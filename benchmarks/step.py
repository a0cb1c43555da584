"""How long an optimiser step takes, against a plain PyTorch loop over the same modules, and what a H100 should need.

    python -m benchmarks.step [--recipe RECIPE] [--videos 2] [--repeats 6] [--device cpu|cuda] [--threads N]
        [--root DIR] [--json FILE]

Random pictures and sound of the recipe's shapes; no data is read. Ours and the plain loop take turns in one process,
so that both meet the same machine. On a CPU the time is that of the processor: with ``--threads 1`` it is that of an
idle machine whatever else runs, while several threads wait for each other, which counts. (Torch convolves fewer than
16 views by another, slower way where there is one thread: ``--videos 4``.) Printed besides: videos a second; the share
of the roofline, that is of what one large matrix product reaches on this device in the recipe's precision; and, with
``--root`` (a finished dataset), which share of the time steps wait for data. On a GPU: ``--device cuda --videos 28``
with the recipe that will be trained (its precision, channels_last and compile are used); then the table's derived
column can be compared with what is measured. ``--json``: rows (name, value, peer, ratio, bar, spread).
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.worlds import machine
from yt360.dataset import manifest
from yt360.models.audio_visual import AudioVisualModel
from yt360.models.picture_input import PictureInput
from yt360.models.spectrogram import SpatialSpectrogram
from yt360.training.batch_plan import BatchPlan, fit_batches
from yt360.training.checkpoints import State
from yt360.training.loader import data_loader
from yt360.training.recipe import TrainingRecipe, load_recipe
from yt360.training.samples import Batch
from yt360.training.step import TrainStep

RECIPE = Path(__file__).parents[1] / "pipelines" / "train" / "avsa.yaml"
H100_BF16_FLOPS = 989e12
"""Dense bf16 peak of the H100 SXM, from its data sheet."""
DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
STEP_BAR, WAIT_BAR = 1.15, 0.05
UTILISATION = (0.15, 0.35)
"""Share of the peak that 3D convolutions of this size are assumed to reach: the derived column's range."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", type=Path, default=RECIPE)
    parser.add_argument("--videos", type=int, default=2, help="videos a batch")
    parser.add_argument("--repeats", type=int, default=6)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, help="of a CPU; as many as cores if not given")
    parser.add_argument("--root", help="a finished dataset to measure the wait for data on")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    if arguments.threads is not None:
        torch.set_num_threads(arguments.threads)
    recipe = load_recipe(arguments.recipe)
    number, videos = len(recipe.phases) - 1, arguments.videos
    # Random batches are made of views.
    with_views = recipe.model_copy(update={"run": recipe.run.model_copy(update={"device_views": False})})
    batch = random_batch(recipe, number, videos).to(device)

    spectrogram = SpatialSpectrogram(recipe.sound).to(device)
    train_step = TrainStep(with_views, number, device, spectrogram)
    train_step.prepare()
    train_step.model.train()
    plain = plain_loop(recipe, number, spectrogram, batch, device)
    ours, theirs = in_turn([lambda: train_step.step(1, [batch]), plain], arguments.repeats, device)
    pairs = [their / our for our, their in zip(ours, theirs, strict=True)]
    step_s = statistics.median(ours)
    reached, roof = flop_of_step(recipe, number, videos) / step_s, matrix_flops(recipe, device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else machine()
    print(f"{name}, recipe {recipe.name}, {videos} videos x {recipe.phases[number].views} views a step")
    print(f"{step_s:8.3f} s a step   yt360 (median of {arguments.repeats}): {videos / step_s:.1f} videos/s")
    print(f"{statistics.median(theirs):8.3f} s a step   plain PyTorch loop over the same modules")
    print(f"{statistics.median(pairs):8.3f} times its speed ({min(pairs):.3f} to {max(pairs):.3f}, aim {STEP_BAR})")
    print(f"{reached / roof:8.3f} of the roofline ({reached / 1e12:.2f} of {roof / 1e12:.2f} TFLOP/s)")
    rows = [
        row("training step", step_s, statistics.median(theirs), statistics.median(pairs), STEP_BAR, pairs),
        row("share of the roofline", reached, roof, reached / roof, None, [reached / roof]),
    ]
    if arguments.root:
        waited = data_wait(recipe, arguments.root, device, arguments.repeats)
        print(f"{waited:8.3f} of the time waits for data (aim: below {WAIT_BAR} on a GPU)")
        rows.append(row("share of the time that waits for data", waited, 1.0, waited, WAIT_BAR, [waited]))
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1))
    low, high = UTILISATION
    print(f"\nDerived for one H100 in bf16 ({H100_BF16_FLOPS / 1e12:.0f} TFLOP/s peak, {low:.0%} to {high:.0%} of it):")
    print("phase     batch  TFLOP/step  s/step         videos/s the loader must bring")
    for index, phase in enumerate(recipe.phases):
        flop = flop_of_step(recipe, index, phase.batch)
        slow, fast = (flop / (H100_BF16_FLOPS * share) for share in UTILISATION)
        print(
            f"{phase.name:8}  {phase.batch:5}  {flop / 1e12:10.2f}  {fast:.3f} to {slow:.3f}  "
            f"{phase.batch / slow:.0f} to {phase.batch / fast:.0f}"
        )


def row(
    name: str, value: float, peer: float, ratio: float, bar: float | None, spread: Sequence[float]
) -> dict[str, object]:
    """A row for ``--json``."""
    least, greatest = min(spread), max(spread)
    return {"name": name, "value": value, "peer": peer, "ratio": ratio, "bar": bar, "spread": [least, greatest]}


def matrix_flops(recipe: TrainingRecipe, device: torch.device) -> float:
    """FLOP a second of one large matrix product in the recipe's precision: the best of five."""
    size, kind = (8192 if device.type == "cuda" else 1024), DTYPES[recipe.run.precision]
    factor = torch.randn(size, size, device=device).to(kind)
    (seconds,) = in_turn([lambda: factor @ factor], 5, device)
    return 2 * size**3 / min(seconds)


def data_wait(recipe: TrainingRecipe, root: str, device: torch.device, steps: int) -> float:
    """Which share of ``steps`` steps on batches of ``root`` passes before the data are there, as a run counts it."""
    recipe = recipe.model_copy(update={"shrink_batch": True})
    names = (recipe.data.train_split, recipe.data.test_split)
    splits = [manifest.load_split(root, name, recipe.data, recipe.sound.sample_rate_hz) for name in names]
    recipe, _ = fit_batches(recipe, len(splits[0].videos))
    number = len(recipe.phases) - 1
    spectrogram = SpatialSpectrogram(recipe.sound).to(device)
    train_step = TrainStep(recipe, number, device, spectrogram)
    train_step.prepare()
    train_step.model.train()
    stream = iter(data_loader(recipe, root, splits, BatchPlan(recipe, *splits), State(phase=number), device))
    waited = began = 0.0
    for index in range(steps + 1):
        if index == 1:  # the first starts the workers
            waited, began = 0.0, time.perf_counter()
        asked = time.perf_counter()
        batch = next(stream).to(device)
        waited += time.perf_counter() - asked
        train_step.step(index + 1, [batch])
        if device.type == "cuda":
            torch.cuda.synchronize()
    return waited / (time.perf_counter() - began)


def random_batch(recipe: TrainingRecipe, number: int, videos: int) -> Batch:
    """A batch of phase ``number`` that holds noise."""
    views, size = recipe.phases[number].views, recipe.views.size
    samples = round(recipe.data.sound_s * recipe.sound.sample_rate_hz)
    generator = torch.Generator().manual_seed(0)
    return Batch(
        split="train",
        phase=number,
        step=1,
        clips=tuple(f"noise{index}" for index in range(videos)),
        bad=(),
        pictures=torch.randint(
            0, 256, (videos, views, recipe.data.frames, size, size, 3), dtype=torch.uint8, generator=generator
        ),
        sound=torch.randn(videos, 1, 4, samples, generator=generator) * 0.1,
        matrices=torch.eye(4).expand(videos, views, 4, 4).contiguous(),
        directions=functional.normalize(torch.randn(videos, views, 3, generator=generator), dim=-1),
    )


def plain_loop(
    recipe: TrainingRecipe, number: int, spectrogram: SpatialSpectrogram, batch: Batch, device: torch.device
) -> Callable[[], object]:
    """A step as one would write it first: encoders, translators, heads, cross-entropy, Adam."""
    phase = recipe.phases[number]
    model = AudioVisualModel(
        recipe.model, recipe.sound.channels, translators=phase.translators, whole_video=phase.objective == "avc"
    ).to(device)
    model.train()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-4, weight_decay=1e-5)
    pictures = PictureInput(recipe.model.picture_scale).to(device)

    def step() -> float:
        optimiser.zero_grad()
        video_input, sound_input = pictures(batch.pictures).contiguous(), spectrogram(batch.sound, batch.matrices)
        videos, views = video_input.shape[:2]
        with torch.autocast(device.type, torch.bfloat16, enabled=recipe.run.precision == "bf16"):
            video = model.video(video_input.flatten(0, 1)).view(videos, views, -1)
            sound = model.sound(sound_input.flatten(0, 1)).view(videos, views, -1)
            pairs = [(model.video_head(video), model.sound_head(sound))]
            if phase.translators:
                from_sound = model.sound_to_video(sound, batch.directions)
                from_video = model.video_to_sound(video, batch.directions)
                pairs = [
                    (model.video_prediction_head(from_sound), model.video_head(video)),
                    (model.sound_prediction_head(from_video), model.sound_head(sound)),
                ]
        loss = torch.zeros((), device=device)
        for prediction, target in pairs:
            prediction = functional.normalize(prediction.float().flatten(0, 1), dim=-1)
            target = functional.normalize(target.float().flatten(0, 1), dim=-1)
            labels = torch.arange(len(target), device=device)
            loss = loss + functional.cross_entropy(prediction @ target.T / 0.07, labels) / len(pairs)
        loss.backward()
        optimiser.step()
        return loss.item()

    return step


def in_turn(calls: list[Callable[[], object]], repeats: int, device: torch.device) -> list[list[float]]:
    """Seconds of each call, of the processor on a CPU; calls take turns, the first warms up and is not counted."""
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    seconds: list[list[float]] = [[] for _ in calls]
    for turn in range(repeats + 1):
        for index in range(len(calls)):
            which = (index + turn) % len(calls)
            began = clock()
            calls[which]()
            if device.type == "cuda":
                torch.cuda.synchronize()
            if turn:
                seconds[which].append(clock() - began)
    return seconds


def flop_of_step(recipe: TrainingRecipe, number: int, videos: int) -> float:
    """FLOP of one step of phase ``number``, counted on one video: three passes of the forward."""
    phase = recipe.phases[number]
    with FakeTensorMode():
        model = AudioVisualModel(
            recipe.model, recipe.sound.channels, translators=phase.translators, whole_video=phase.objective == "avc"
        ).eval()
        size, views = recipe.views.size, phase.views
        frames = round(recipe.data.sound_s * recipe.sound.sample_rate_hz) // recipe.sound.hop
        video = torch.empty(1, views, 3, recipe.data.frames, size, size)
        sound = torch.empty(1, views, recipe.sound.channels, frames, recipe.sound.mels)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            model(video, sound, torch.empty(1, views, 3))
    return float(3 * videos * counter.get_total_flops())


if __name__ == "__main__":
    main()
