"""How long an optimiser step takes, against a plain PyTorch loop over the same modules, and what a H100 should need.

    python -m benchmarks.step [--recipe RECIPE] [--videos 2] [--repeats 6] [--device cpu|cuda] [--json]

Random pictures and sound of the recipe's shapes; no data is read. Ours and the plain loop take turns
in one process, so that both meet the same machine. On a GPU: ``--device cuda --videos 28`` with the
recipe that will be trained (its precision, channels_last and compile are used); then the table's
derived column can be compared with what is measured.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.worlds import machine
from yt360.models.audio_visual import AudioVisualModel
from yt360.models.picture_input import PictureInput
from yt360.models.spectrogram import SpatialSpectrogram
from yt360.training.recipe import TrainingRecipe, load_recipe
from yt360.training.samples import Batch
from yt360.training.step import TrainStep

RECIPE = Path(__file__).parents[1] / "pipelines" / "train" / "avsa.yaml"
H100_BF16_FLOPS = 989e12
"""Dense bf16 peak of the H100 SXM, from its data sheet."""
UTILISATION = (0.15, 0.35)
"""Share of the peak that 3D convolutions of this size are assumed to reach: the derived column's range."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", type=Path, default=RECIPE)
    parser.add_argument("--videos", type=int, default=2, help="videos a batch")
    parser.add_argument("--repeats", type=int, default=6)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    recipe = load_recipe(arguments.recipe)
    number = len(recipe.phases) - 1
    batch = random_batch(recipe, number, arguments.videos).to(device)

    spectrogram = SpatialSpectrogram(recipe.sound).to(device)
    train_step = TrainStep(recipe, number, device, spectrogram)
    train_step.prepare()
    train_step.model.train()
    plain = plain_loop(recipe, number, spectrogram, batch, device)
    ours, theirs = in_turn([lambda: train_step.step(1, [batch]), plain], arguments.repeats, device)
    rows = {
        "machine": torch.cuda.get_device_name(device) if device.type == "cuda" else machine(),
        "recipe": recipe.name,
        "videos": arguments.videos,
        "views": recipe.phases[number].views,
        "step_s": statistics.median(ours),
        "plain_step_s": statistics.median(theirs),
        "h100": [h100(recipe, index) for index in range(len(recipe.phases))],
    }
    if arguments.json:
        print(json.dumps(rows))
        return
    print(f"{rows['machine']}, recipe {recipe.name}, {rows['videos']} videos x {rows['views']} views a step")
    print(f"{rows['step_s']:8.3f} s a step   yt360 (median of {arguments.repeats})")
    print(f"{rows['plain_step_s']:8.3f} s a step   plain PyTorch loop over the same modules")
    print(f"{rows['plain_step_s'] / rows['step_s']:8.3f} times its speed")
    low, high = UTILISATION
    print(f"\nDerived for one H100 in bf16 ({H100_BF16_FLOPS / 1e12:.0f} TFLOP/s peak, {low:.0%} to {high:.0%} of it):")
    print("phase     batch  TFLOP/step  s/step         videos/s the loader must bring")
    for row in rows["h100"]:
        slow, fast = row["seconds"]
        print(
            f"{row['phase']:8}  {row['batch']:5}  {row['tflop']:10.2f}  {fast:.3f} to {slow:.3f}  "
            f"{row['batch'] / slow:.0f} to {row['batch'] / fast:.0f}"
        )


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
    """Seconds of each call, the calls taking turns; the first turn warms up and is not counted."""
    seconds: list[list[float]] = [[] for _ in calls]
    for turn in range(repeats + 1):
        for index in range(len(calls)):
            which = (index + turn) % len(calls)
            began = time.perf_counter()
            calls[which]()
            if device.type == "cuda":
                torch.cuda.synchronize()
            if turn:
                seconds[which].append(time.perf_counter() - began)
    return seconds


def h100(recipe: TrainingRecipe, number: int) -> dict[str, object]:
    """FLOP of one step of phase ``number`` (counted on one video, three passes of the forward) and what follows."""
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
    flop = 3 * phase.batch * counter.get_total_flops()
    seconds = [flop / (H100_BF16_FLOPS * share) for share in UTILISATION]
    return {"phase": phase.name, "batch": phase.batch, "tflop": flop / 1e12, "seconds": seconds}


if __name__ == "__main__":
    main()
