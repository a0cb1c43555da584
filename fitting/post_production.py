"""Fits the classifier of post-production on what ``fitting.post_production_data`` made, and writes its weights.

    python -m fitting.post_production DATA… [--out yt360/filters/post_production/classifier.npz]

The weights beside the classifier came from 53 files of seeds 0 to 60, made before the mixes had invented instruments
and flawed microphones, and from seeds 1 to 3, 2000, 2001, 2003, 2004, 2006 and 2007, made with both and counted three
times: a fit on this version's data alone gives other weights. Files numbered 900 to 999 are for choosing
thresholds; nothing of ``benchmarks/filters.py`` is seen.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from yt360.filters.post_production import classifier
from yt360.filters.post_production.segment_features import COLUMNS, mirrored
from yt360.synth.mixes import POST

KINDS = {"omni": ("voice-w", "music-w"), "front": ("voice-front",), "bed": ("bed-30", "bed-45", "bed-60", "bed-90")}
VALIDATION = range(900, 1000)
"""Numbers of files that are not fitted on."""

FAINT_DB = -3.0
"""Fainter layers teach nothing: neither heard as post-production nor clean."""


Examples = tuple[np.ndarray, ...]
"""What :func:`load` gives."""


class Network(nn.Module):
    """As :mod:`yt360.filters.post_production.classifier` computes it."""

    def __init__(self, width: int = 96, hidden: int = 48) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(COLUMNS, width), nn.Linear(width, hidden)
        self.each = nn.Linear(hidden, len(KINDS))
        self.last = nn.Linear(2 * hidden, len(KINDS))
        self.drop_input, self.drop = nn.Dropout(0.1), nn.Dropout(0.3)

    def forward(self, vectors: torch.Tensor, loud: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Video scores ``(n, kinds)`` and segment scores ``(n, segments, kinds)`` as logits."""
        inside = self.drop(torch.relu(self.first(self.drop_input(vectors))))
        inside = torch.relu(self.second(inside))
        mask = loud[..., None].float()
        mean = (inside * mask).sum(1) / mask.sum(1).clamp(min=1)
        spread = ((inside - mean[:, None]) ** 2 * mask).sum(1) / mask.sum(1).clamp(min=1)
        pooled = torch.cat([mean, torch.sqrt(spread + 1e-4)], dim=1)
        return self.last(self.drop(pooled)), self.each(inside)


def load(paths: list[Path]) -> Examples:
    """Vectors, loudness, targets and weights by kind; a layer that is too faint has weight 0."""
    parts = [np.load(path) for path in paths]
    most = max(part["loud"].shape[1] for part in parts)
    vectors = np.concatenate([_padded(part["vectors"], most) for part in parts]).astype(np.float32)
    loud = np.concatenate([_padded(part["loud"], most) for part in parts])
    levels = np.concatenate([part["levels_db"] for part in parts])
    targets, weights = np.zeros((len(vectors), len(KINDS)), np.float32), np.ones((len(vectors), len(KINDS)), np.float32)
    for column, members in enumerate(KINDS.values()):
        level = np.nan_to_num(levels[:, [POST.index(name) for name in members]], nan=-99).max(axis=1)
        targets[:, column] = level > FAINT_DB
        weights[(level > -90) & (level <= FAINT_DB), column] = 0
    return vectors, loud, targets, weights, levels


def _padded(values: np.ndarray, segments: int) -> np.ndarray:
    """With silent segments behind, up to a number of them."""
    missing = segments - values.shape[1]
    return np.pad(values, [(0, 0), (0, missing), *[(0, 0)] * (values.ndim - 2)])


def fit(data: list[Path], epochs: int, seeds: int) -> dict[str, np.ndarray]:
    """Weights of ``seeds`` networks, whose logits are averaged."""
    paths = [path for folder in data for path in sorted(folder.glob("*.npz"))]
    train = load([path for path in paths if int(path.stem) not in VALIDATION])
    held = load([path for path in paths if int(path.stem) in VALIDATION])
    everything = train[0][train[1]]
    mean, scale = everything.mean(axis=0), everything.std(axis=0) + 0.05
    networks = [_fit_one(seed, train, held, mean, scale, epochs) for seed in range(seeds)]
    weights = {"mean": mean, "scale": scale}
    for number, network in enumerate(networks):
        for name, value in network.state_dict().items():
            weights[f"{number}.{name}"] = value.numpy()
    _report(weights, held)
    return {
        name: value.astype(np.float32 if name in ("mean", "scale") else np.float16) for name, value in weights.items()
    }


def _fit_one(seed: int, train: Examples, held: Examples, mean: np.ndarray, scale: np.ndarray, epochs: int) -> Network:
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = Network()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=3e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=epochs * (len(train[0]) // 64))
    loss_of = nn.BCEWithLogitsLoss(reduction="none")
    for _ in range(epochs):
        network.train()
        order = rng.permutation(len(train[0]))
        for batch in np.array_split(order[: len(order) // 64 * 64], len(order) // 64):
            vectors = train[0][batch]
            flip = rng.random(len(batch)) < 0.5
            vectors[flip] = mirrored(vectors[flip].reshape(-1, COLUMNS)).reshape(vectors[flip].shape)
            # A stretch of the mix, so that short videos are known too.
            length = int(rng.integers(3, vectors.shape[1] + 1))
            begin = int(rng.integers(0, vectors.shape[1] - length + 1))
            inputs = torch.from_numpy((vectors[:, begin : begin + length] - mean) / scale)
            loud = torch.from_numpy(train[1][batch][:, begin : begin + length])
            targets, weights = torch.from_numpy(train[2][batch]), torch.from_numpy(train[3][batch])
            whole, each = network(inputs.clamp(-6, 6), loud)
            loss = (loss_of(whole, targets) * weights).mean()
            spread = targets[:, None].expand_as(each)
            parts = (loss_of(each, spread) * weights[:, None] * loud[..., None]).mean()
            optimizer.zero_grad()
            (loss + 0.3 * parts).backward()
            optimizer.step()
            schedule.step()
    return network.eval()


def _report(weights: dict[str, np.ndarray], held: Examples) -> None:
    network = classifier.Classifier(weights)
    scores = np.array([network.video(vectors, loud) for vectors, loud in zip(held[0], held[1], strict=True)])
    for column, (kind, members) in enumerate(KINDS.items()):
        clean = scores[(held[2].sum(axis=1) == 0) & (held[3].min(axis=1) > 0), column]
        line = f"{kind}: clean {len(clean)}, 97th percentile {np.quantile(clean, 0.97):.2f}; recall there"
        for name in members:
            level = held[4][:, POST.index(name)]
            for low, high in ((-3, 0), (0, 3), (3, 6), (6, 10)):
                found = scores[(level >= low) & (level < high), column] >= np.quantile(clean, 0.97)
                line += f" {name}@{low}..{high} {found.mean():.2f}({found.size})"
        print(line)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="+", help="folders; one that is named twice counts twice")
    parser.add_argument("--out", type=Path, default=classifier.WEIGHTS)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--networks", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    weights: dict[str, Any] = fit(arguments.data, arguments.epochs, arguments.networks)
    np.savez_compressed(arguments.out, **weights)
    print(f"wrote {arguments.out} ({arguments.out.stat().st_size} bytes)")


if __name__ == "__main__":
    main()
