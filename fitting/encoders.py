"""Encoders drawn at random, for films on which something is fitted: from good to worse than anybody uploads."""

from __future__ import annotations

import numpy as np

Passes = tuple[tuple[str, ...], ...]

_FAST = ("-c:v", "libx264", "-preset", "veryfast")
_VP9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-row-mt", "0")
_AV1 = ("-c:v", "libsvtav1", "-svtav1-params", "lp=1")


def drawn(rng: np.random.Generator) -> tuple[str, Passes]:
    """A name, and what is done to a film: one encoder, or a person's and then a platform's.

    Half of all films are at the low end, where what moves and what an encoder makes of noise are hardest to tell apart.
    """
    low = rng.random() < 0.5
    kind = str(rng.choice(["h264", "h264 rate", "vp9", "vp9 rate", "av1"]))
    key = ("-g", str(int(rng.choice([20, 40, 120]))))
    rate_k = int(rng.uniform(100, 200) if low else rng.uniform(200, 700))
    if kind == "h264":
        last: tuple[str, ...] = (*_FAST, "-crf", str(int(rng.integers(30, 40) if low else rng.integers(20, 31))))
    elif kind == "h264 rate":
        last = (*_FAST, "-b:v", f"{rate_k}k", "-maxrate", f"{rate_k * 3 // 2}k", "-bufsize", f"{2 * rate_k}k", *key)
    elif kind == "vp9":
        crf = int(rng.integers(45, 60) if low else rng.integers(30, 46))
        last = (*_VP9, "-cpu-used", str(int(rng.integers(6, 9))), "-b:v", "0", "-crf", str(crf), *key)
    elif kind == "vp9 rate":
        last = (*_VP9, "-cpu-used", str(int(rng.integers(6, 9))), "-b:v", f"{rate_k}k", *key)
    else:
        crf = int(rng.integers(52, 63) if low else rng.integers(35, 53))
        last = (*_AV1, "-preset", str(int(rng.integers(10, 13))), "-crf", str(crf), *key)
    edited = (*_FAST, "-crf", str(int(rng.integers(17, 27))))
    passes = (edited, last) if rng.random() < 0.6 else (last,)
    return f"{kind}{' low' if low else ''}{' twice' if len(passes) > 1 else ''}", passes
