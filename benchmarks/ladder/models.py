"""The models of the ladder as training recipes: alike in all but the one thing that each differs in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

VIEWS = 4
"""Of a video in the objectives that compare several, as in the paper."""

ENERGY_SHARE = 0.7
"""Of the views that look towards the sound while a model is trained, whatever it is trained for. (It is judged on views
that look everywhere alike.)"""


@dataclass(frozen=True)
class Budget:
    """What every model gets alike: ``steps`` of ``views`` views each. ``rates``: the step size of Adam by objective,
    each chosen among equally many on worlds that are not judged (``tuning.py``)."""

    steps: int
    views: int
    width: int
    rates: dict[str, float]


AVC, AVC_POOLED, AVTS, AVSA = "avc", "avc-pooled", "avts", "avsa"
"""Without translators ("no transf." of the paper's table 1), so that the objective alone differs."""

NO_CURRICULUM, TRANSFORMER, MLP = "avsa-nocurriculum", "avsa-transformer", "avsa-mlp"
AVC_LOGMEL, AVSA_LOGMEL = "avc-logmel", "avsa-logmel"
UNTRAINED, SHUFFLED = "avc-untrained", "avsa-shuffled"
"""Controls: one step too small to change anything; training on pairs that do not belong together."""

MODELS = (AVC, AVC_POOLED, AVTS, AVSA, NO_CURRICULUM, TRANSFORMER, MLP, AVC_LOGMEL, AVSA_LOGMEL, UNTRAINED, SHUFFLED)


def objective_of(model: str) -> str:
    """``avc``, ``avts`` or ``avsa``."""
    return model.partition("-")[0]


def recipe(model: str, seed: int, budget: Budget, made_hz: int, *, device: str = "auto") -> dict[str, Any]:
    """A training recipe; as the paper's but for size.

    One view of many videos for AVC, several of fewer for the rest, so that a step always holds as many views. AVSA has
    half of its steps as AVC (the curriculum), as in the paper; translators, if any, come with the other half.
    """

    def phase(objective: str, views: int, steps: int, *, translators: bool = False) -> dict[str, Any]:
        return {
            "name": objective,
            "objective": objective,
            "views": views,
            "batch": budget.views // views,
            "translators": translators,
            "steps": steps,
            "learning_rate": budget.rates[objective_of(model)],
            "schedule": "cosine",
        }

    half = budget.steps // 2
    phases = {
        AVC: [phase("avc", 1, budget.steps)],
        AVC_LOGMEL: [phase("avc", 1, budget.steps)],
        UNTRAINED: [phase("avc", 1, 1) | {"learning_rate": 1e-12}],
        AVC_POOLED: [phase("avc", VIEWS, budget.steps)],
        AVTS: [phase("avts", VIEWS, budget.steps)],
        NO_CURRICULUM: [phase("avsa", VIEWS, budget.steps)],
    }.get(
        model,
        [phase("avc", 1, half), phase("avsa", VIEWS, budget.steps - half, translators=model in (TRANSFORMER, MLP))],
    )
    return {
        "name": f"ladder-{model}",
        "seed": seed,
        "phases": phases,
        "data": {
            "clips_per_video": 4,
            "workers": 0,
            "picture_s": 0.0625,
            "sound_s": 0.75,
            "verify_digests": False,
        },
        "views": {"size": 32, "energy_share": ENERGY_SHARE, "jitter": [0, 0, 0, 0]},
        "sound": {
            "sample_rate_hz": made_hz,
            "n_fft": 256,
            "hop": 400,
            "mels": 32,
            "features": "logmel" if model in (AVC_LOGMEL, AVSA_LOGMEL) else "logmel+intensity",
            "statistics_samples": 128,
        },
        "model": {
            "width": budget.width,
            "depth": 10,
            "projection": 64,
            "translator": {"kind": "mlp" if model == MLP else "transformer", "dropout": 0.0},
        },
        "evaluation": {
            "every": max(1, budget.steps // 5),
            "views": VIEWS,
            "batch": 32,
            "clips_per_video": 1,
        },
        "run": {
            "device": device,
            "threads": 1,
            "log_every": max(1, budget.steps // 20),
            "checkpoint_every": max(1, budget.steps // 4),
            "keep": 1,
            "channels_last": True,
        },
    }
