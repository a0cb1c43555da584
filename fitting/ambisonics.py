"""Fits the likelihoods of :mod:`yt360.media.ambisonic.model`: what kind of signal four channels are.

    python -m fitting.ambisonics make OUT --speech DIR --music DIR [--sounds 1200] [--part 0/1]
    python -m fitting.ambisonics fit OUT yt360/media/ambisonic/model.json [--jobs 2]

``make`` simulates sounds (:mod:`fitting.sound_fields`, :mod:`fitting.four_channels`), some through a lossy codec, and
keeps their covariances and short spectra. ``fit`` measures them and stretches of them, fields also turned, mixed, with
W low, in N3D, with W elsewhere, as capsules, decoded to loudspeakers (alone, or under other feeds) and as a pair of
microphones taken twice, and fits networks of one hidden layer; the temperature is the one that is right on a fifth of
the sounds that was left out. Nothing of ``benchmarks/`` and no recording of a sound field is used: these judge.

Material: prompts of Debian's asterisk-core-sounds-{en,fr}-g722 as voices, music of supertux-data and
frozen-bubble-data. Every seed is fixed, by the number of a sound or of a network. A sound is made again where the code
that makes it, a library or the material is another (:func:`origin`), and ``fit`` takes no mixture of them: on one
machine the same commands write the same bytes, those of the weights in the repository. ``make`` takes 40 CPU seconds
for the material and 0.28 for a sound, ``fit`` 150; ``--part`` and ``--jobs`` share them between processes.
"""

from __future__ import annotations

import argparse
import hashlib
import inspect
import itertools
import json
import multiprocessing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import av
import numpy as np
import scipy
import torch
from numpy.typing import NDArray

from fitting import four_channels, recordings, sound_fields
from fitting.four_channels import MAKERS, doubled, layouts, pair, w_elsewhere
from yt360 import ambisonics, sphere
from yt360.errors import UsageError
from yt360.media.ambisonic import lags
from yt360.media.ambisonic import tiles as spectra
from yt360.media.ambisonic.hypotheses import ROOT2, ROOT3
from yt360.media.ambisonic.measures import NAMES, absent_channels, all_features
from yt360.media.ambisonic.tiles import covariance_tiles, line_spectra, short_spectra
from yt360.synth import ensemble, mixes, voices

SIGNALS = tuple(MAKERS)
_TURNS = (
    "field", "feeds", "field", "spaced", "capsules", "field", "differences", "field", "feeds", "copies", "field",
    "mono-in-w", "field", "independent", "spaced", "copies", "capsules", "differences", "feeds", "spaced",
)  # fmt: skip
"""Signals that are made, in turn; those that follow from a field are not."""

Row = tuple[list[float], int, int]
_VARIANTS, _FOLDS = 3, 5
_CODED = 0.25
_MAKING: tuple[ModuleType, ...] = (
    four_channels, sound_fields, mixes, ensemble, voices, ambisonics, sphere, spectra, lags
)  # fmt: skip
_HIDDEN, _STEPS, _BATCH, _NOISE, _DECAY, _SEEDS = 32, 2500, 512, 0.4, 2e-3, 3
_FLOOR = 2e-4
_SHORTER = 4.0
"""Power of white noise in a line of the short spectra, against one of the longer ones."""


def origin(material: mixes.Material) -> str:
    """Digest of all that the sounds follow from beside their number: the code that makes them, libraries, material."""
    digest = hashlib.sha256(inspect.getsource(make).encode())
    for module in _MAKING:
        digest.update(inspect.getsource(module).encode())
    digest.update(f"{np.__version__} {scipy.__version__} {av.__version__} {av.library_versions}".encode())
    for recording in (*material.speech, *material.music):
        digest.update(np.ascontiguousarray(recording).tobytes())
    return digest.hexdigest()[:16]


def make(out: Path, material: mixes.Material, number: int, made_of: str) -> None:
    """One sound: its name and covariances. One that is there is kept if it has the same :func:`origin`."""
    path = out / f"{number:05d}.npz"
    if path.is_file() and _origin_of(path) == made_of:
        return
    rng = np.random.default_rng((2026, number))
    name = _TURNS[number % len(_TURNS)]
    seconds = float(np.exp(rng.uniform(np.log(0.8), np.log(10))))
    sound: NDArray[Any] = MAKERS[name](rng, round(seconds * mixes.RATE_HZ), material)
    sound = sound / max(1e-9, float(np.abs(sound).max())) * 10 ** (rng.uniform(-30, -1) / 20)
    if rng.random() < _CODED and seconds > 1.5:
        sound = mixes.delivered(sound.astype(np.float32), str(rng.choice(["opus", "vorbis", "aac"])))
    sound = sound.astype(np.float64)
    heard = Heard.of(sound)
    partial = path.with_suffix(".partial.npz")
    tiles, lines = heard.tiles.astype(np.complex64), heard.lines.astype(np.complex64)
    np.savez(partial, tiles=tiles, short=heard.short, lines=lines, name=name, origin=made_of)
    partial.rename(path)


def held_out(number: int) -> bool:
    """Whether a sound is left out of the fit: all of every fifth turn, so that some of each signal are."""
    return number // len(_TURNS) % _FOLDS == 0


def turned(rng: np.random.Generator, name: str) -> NDArray[np.float64]:
    """A matrix ``(4, 4)`` that makes of a field what ``name`` says."""
    if name == "field-w-low":
        return np.diag([1 / ROOT2, 1, 1, 1])
    if name == "field-n3d":
        return np.diag([1, ROOT3, ROOT3, ROOT3])
    if name == "w-elsewhere":
        return w_elsewhere(rng)
    if name == "copies":
        return np.asarray(doubled(rng) @ pair(rng))
    omni = rng.uniform(0.4, 0.6)
    if name == "capsules":
        corners = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / ROOT3
        return np.concatenate([np.full((4, 1), omni), (1 - omni) * corners], axis=1)[rng.permutation(4)]
    azimuth = layouts(rng)  # decoded to loudspeakers
    return np.stack([np.full(4, omni), (1 - omni) * np.sin(azimuth), np.zeros(4), (1 - omni) * np.cos(azimuth)], axis=1)


def rows(out: Path, jobs: int = 1) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Features ``(n, features)``, signals and numbers of the sounds they come from."""
    paths = sorted(out.glob("?????.npz"))
    origins = {_origin_of(path) for path in paths}
    if len(origins) != 1:
        raise UsageError(f"{out}: sounds of {len(origins)} different makings; run make again, it replaces what is old")
    measure = partial(rows_of, paths=paths)
    if jobs > 1:
        with multiprocessing.Pool(jobs) as pool:
            found = pool.map(measure, paths, chunksize=16)
    else:
        found = list(map(measure, paths))
    x, y, numbers = zip(*itertools.chain(*found), strict=True)
    return np.array(x), np.array(y), np.array(numbers)


@dataclass(frozen=True)
class Heard:
    """A sound as it is measured: covariances ``(bands, times, 4, 4)``, short spectra ``(bands, times, 4, lines)``,
    covariances of lines ``(blocks, lines, 4, 4)``."""

    tiles: NDArray[np.complex128]
    short: NDArray[np.complex64]
    lines: NDArray[np.complex128]

    @staticmethod
    def of(sound: NDArray[np.float64]) -> Heard:
        """Measure channels ``(4, n)`` at the rate of mixes."""
        found = line_spectra(sound, mixes.RATE_HZ)
        tiles, short = covariance_tiles(found, mixes.RATE_HZ), short_spectra(sound, mixes.RATE_HZ)
        return Heard(tiles, short, lags.line_covariances(found))

    def through(self, matrix: NDArray[np.float64]) -> Heard:
        """The same with a matrix ``(4, 4)`` applied to its channels."""
        return Heard(
            matrix @ self.tiles @ matrix.T, matrix.astype(np.float32) @ self.short, matrix @ self.lines @ matrix.T
        )

    def part(self, start: int, length: int) -> Heard:
        """``length`` tiles from tile ``start`` on, and what else is of that time; a block of lines at least."""
        each = self.short.shape[1] / self.tiles.shape[1]
        first, last = round(start * each), round((start + length) * each)
        blocks = len(self.lines) / self.tiles.shape[1]
        block = min(len(self.lines) - 1, round(start * blocks))
        lines = self.lines[block : max(block + 1, round((start + length) * blocks))]
        return Heard(self.tiles[:, start : start + length], self.short[:, first:last], lines)

    def mixed(self, other: Heard, gain: float) -> Heard:
        """With another sound that has nothing to do with it, as long as the shorter one; ``gain`` is one of power."""
        times = min(self.tiles.shape[1], other.tiles.shape[1])
        brief = min(self.short.shape[1], other.short.shape[1])
        blocks = min(len(self.lines), len(other.lines))
        return Heard(
            self.tiles[:, :times] + gain * other.tiles[:, :times],
            self.short[:, :brief] + np.float32(gain**0.5) * other.short[:, :brief],
            self.lines[:blocks] + gain * other.lines[:blocks],
        )

    def with_noise(self, rng: np.random.Generator, power: NDArray[np.float64]) -> Heard:
        """With white noise of ``power`` ``(4,)`` in a line of the longer spectra, in each channel by itself."""
        size = (2, *self.short.shape)
        real, imaginary = rng.standard_normal(size, np.float32) * np.sqrt(_SHORTER * power / 2)[:, None]
        short = (self.short + real + 1j * imaginary).astype(np.complex64)
        return Heard(self.tiles + np.diag(power), short, self.lines + np.diag(power))


def rows_of(path: Path, paths: list[Path]) -> list[Row]:
    """Rows of one sound: as it is, and stretches of it with noise; fields are turned, and mixed with other fields.

    Covariances of independent sounds add, so this is exact. The mate of a sound that is left out is left out, too.
    """
    number, rng = int(path.stem), np.random.default_rng((7, int(path.stem)))
    whole, name = _stored(path)
    found = _row(whole, name, number)
    for variant in range(_VARIANTS):
        changed = whole
        if name == "field":
            flat = not np.einsum("btii->i", whole.tiles).real[2]
            turn = np.eye(4)
            turn[1:, 1:] = _rotation(rng, flat=flat)
            changed = changed.through(turn)
            apart = held_out(number)
            others = [one for one in paths if one != path and held_out(int(one.stem)) == apart]
            if others and rng.random() < 0.4:
                mate, kind = _stored(others[int(rng.integers(len(others)))])
                if kind == "field":
                    changed = changed.mixed(mate, 10 ** (rng.uniform(-2, 1)))
        if name == "feeds" and rng.random() < 0.4:  # a room or a reverberation beside the sources
            changed = _with_room(rng, changed, [one for one in paths if _beside(one, number)])
        changed = _stretch(rng, changed)
        if name == "feeds" and rng.random() < 0.4:  # loudspeakers share what is between them
            changed = changed.through(np.eye(4) + rng.uniform(0, 0.8, (4, 4)) * (rng.random((4, 4)) < 0.35))
        if name in ("feeds", "independent") and rng.random() < 0.5:
            changed = changed.through(np.diag(10 ** (rng.uniform(-12, 0, 4) / 20)))
        if name == "field" and variant == 0:
            for other in ("field-w-low", "field-n3d", "w-elsewhere", "capsules", "feeds", "copies"):
                if other in ("capsules", "feeds", "copies") and rng.random() < 0.6:
                    continue
                found += _row(whole.through(turned(rng, other)), other, number)
        elif name == "field":  # what is read as a field most easily, in short and noisy forms too
            other = str(rng.choice(["capsules", "field-w-low", "w-elsewhere"]))
            found += _row(changed.through(turned(rng, other)), other, number)
        matrix = np.eye(4)
        other = name
        if name in ("feeds", "spaced", "independent") and rng.random() < 0.1:  # two of them taken for a pair
            other, matrix = "copies", doubled(rng) @ np.eye(4)[rng.permutation(4)[:2]]
        if name == "field":
            other = str(rng.choice(["field", "field", "field-w-low", "field-n3d", "w-elsewhere"]))
            matrix = np.eye(4) if other == "field" else turned(rng, other)
        found += _row(changed.through(matrix), other, number)
    return found


def _beside(path: Path, number: int) -> bool:
    """Whether a sound is a field that may be laid under the one of that number."""
    other = int(path.stem)
    return _TURNS[other % len(_TURNS)] == "field" and held_out(other) == held_out(number)


def _with_room(rng: np.random.Generator, heard: Heard, fields: list[Path]) -> Heard:
    """Loudspeakers with one of ``fields`` decoded to them as well, 20 dB weaker to 3 dB stronger."""
    if not fields:
        return heard
    room = _stored(fields[int(rng.integers(len(fields)))])[0].through(turned(rng, "feeds"))
    power, under = (
        max(1e-12, float(np.einsum("btii->", one.tiles).real) / one.tiles.shape[1]) for one in (heard, room)
    )
    return heard.mixed(room, power / under * 10 ** rng.uniform(-2, 0.3))


def _stored(path: Path) -> tuple[Heard, str]:
    with np.load(path) as stored:
        heard = Heard(stored["tiles"].astype(complex), stored["short"], stored["lines"].astype(complex))
        return heard, str(stored["name"])


def _origin_of(path: Path) -> str:
    with np.load(path) as stored:
        return str(stored["origin"])


def _rotation(rng: np.random.Generator, *, flat: bool) -> NDArray[np.float64]:
    """A random rotation of Y, Z and X; around the vertical only where there is no height."""
    turn = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    if flat:
        angle = rng.uniform(0, 2 * np.pi)
        turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    return np.asarray(turn)


def _stretch(rng: np.random.Generator, heard: Heard) -> Heard:
    """A part of the time, maybe with noise in the channels that are live."""
    times = heard.tiles.shape[1]
    length = max(min(times, 4), round(times * rng.uniform(0.3, 1)))
    part = heard.part(int(rng.integers(0, times - length + 1)), length)
    if rng.random() < 0.3:
        power = np.einsum("btii->i", part.tiles).real / max(1, part.tiles.shape[0] * length)
        noise = power.max() * 10 ** rng.uniform(-5, -2) * (power > 1e-5 * power.max()) * rng.uniform(0.4, 1.5, 4)
        part = part.with_noise(rng, noise)
    return part


def _row(heard: Heard, name: str, number: int) -> list[Row]:
    power = np.maximum(np.einsum("btii->i", heard.tiles).real, 0)
    silent = absent_channels([float(value) for value in 10 * np.log10(power + 1e-20)])
    measured = all_features(heard.tiles, [heard.short], [heard.lines], silent)
    return [([measured[each] for each in NAMES], SIGNALS.index(name), number)] if measured else []


def fit(x: NDArray[np.float64], y: NDArray[np.int64], apart: NDArray[np.bool_]) -> dict[str, Any]:
    """The model as JSON values; every signal counts alike. ``apart`` are rows that are left out."""
    low, high = np.quantile(x[~apart], [0.003, 0.997], axis=0)
    clipped = np.clip(x, low, high)
    mean, scale = clipped[~apart].mean(axis=0), np.maximum(clipped[~apart].std(axis=0), 1e-3)
    inputs, target = torch.tensor((clipped - mean) / scale, dtype=torch.float32), torch.tensor(y)
    share = torch.bincount(target[~apart], minlength=len(SIGNALS)).float()
    weight = 1 / share.clamp(min=1)
    fitted = torch.tensor(np.flatnonzero(~apart))
    nets = []
    for seed in range(_SEEDS):
        torch.manual_seed(seed)
        into, out = torch.nn.Linear(x.shape[1], _HIDDEN), torch.nn.Linear(_HIDDEN, len(SIGNALS))
        optimizer = torch.optim.AdamW([*into.parameters(), *out.parameters()], 5e-3, weight_decay=0)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, _STEPS)
        for _ in range(_STEPS):
            chosen = fitted[torch.randint(len(fitted), (_BATCH,))]
            noisy = inputs[chosen] + _NOISE * torch.randn(_BATCH, x.shape[1])
            loss = torch.nn.functional.cross_entropy(out(torch.tanh(into(noisy))), target[chosen], weight)
            loss = loss + _DECAY * (into.weight.square().sum() + out.weight.square().sum()) / len(SIGNALS)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        nets.append((into, out))
    # Several fits side by side are one network: its hidden layers joined, its outputs averaged.
    with torch.no_grad():
        first = torch.cat([into.weight for into, _ in nets]).T, torch.cat([into.bias for into, _ in nets])
        last = (
            torch.cat([out.weight for _, out in nets], dim=1).T / _SEEDS,
            torch.stack([out.bias for _, out in nets]).mean(dim=0),
        )
        logits = torch.tanh(inputs @ first[0] + first[1]) @ last[0] + last[1]
    temperature = _temperature(logits[apart], target[apart], weight) if apart.any() else 1.0
    return {
        "features": list(NAMES), "signals": list(SIGNALS), "low": _rounded(low), "high": _rounded(high),
        "mean": _rounded(mean), "scale": _rounded(scale),
        "layers": [{"weights": _rounded(w), "bias": _rounded(b)} for w, b in (first, last)],
        "temperature": round(temperature, 4), "floor": _FLOOR,
    }  # fmt: skip


def _rounded(values: Any) -> Any:
    return np.round(np.asarray(values, float), 4).tolist()


def _temperature(logits: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> float:
    grid = np.geomspace(0.5, 4, 60)
    losses = [float(torch.nn.functional.cross_entropy(logits / t, target, weight)) for t in grid]
    return float(grid[int(np.argmin(losses))])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["make", "fit"])
    parser.add_argument("out", type=Path)
    parser.add_argument("model", type=Path, nargs="?", help="with fit: where the model goes")
    parser.add_argument("--speech", type=Path, help="with make: a folder with a folder a speaker")
    parser.add_argument("--music", type=Path, help="with make: pieces of music")
    parser.add_argument("--sounds", type=int, default=1200)
    parser.add_argument("--part", default="0/1", help="with make: K/N, every Nth sound from the Kth")
    parser.add_argument("--jobs", type=int, default=1, help="with fit: processes that measure")
    arguments = parser.parse_args()
    if arguments.what == "make":
        arguments.out.mkdir(parents=True, exist_ok=True)
        speech, music = recordings.voices(arguments.speech), recordings.pieces(arguments.music)
        material = mixes.Material("fitting", speech, music)
        made_of = origin(material)
        first, step = (int(value) for value in arguments.part.split("/"))
        for number in range(first, arguments.sounds, step):
            make(arguments.out, material, number, made_of)
        return
    torch.set_num_threads(1)  # sums in another order are other sums
    x, y, numbers = rows(arguments.out, arguments.jobs)
    model = fit(x, y, np.array([held_out(int(number)) for number in numbers]))
    arguments.model.write_text(json.dumps(model) + "\n", encoding="utf-8")
    print(f"{len(np.unique(numbers))} sounds, {len(x)} rows, temperature {model['temperature']}")


if __name__ == "__main__":
    main()
