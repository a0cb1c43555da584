#!/usr/bin/env bash
# pedalboard 0.9.26 and four channels of first-order ambisonics (W Y Z X, SN3D), one sound at azimuth 120, elevation 20. Expected:
# effects that are one gain over time (Limiter, Compressor), or a codec that takes four channels without a word, change how the
# sound is, not where it is; an effect that cannot do four channels says so, as MP3Compressor does ("only supports mono or
# stereo audio"). Seen: Limiter and Compressor follow each channel by itself, so the loudest, W, is turned down most: the source
# moves by more than ten degrees and the length of the intensity over the energy of W is 1.4 to 1.6, where a sound field
# cannot have more than 1. GSMFullRateCompressor mixes the four into one and writes it to all four: every source is then at
# azimuth 45, elevation 35.3, length 1.73. No error, no warning, right shape. As augmentation before training this teaches wrong
# directions; BrickwallLimiter, Gain, HighpassFilter, Reverb, Delay, Chorus and Resample keep the direction exactly.
# Source: pedalboard's docstrings of Limiter, Compressor and GSMFullRateCompressor, which do not mention channels.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-compile --disable-pip-version-check pedalboard==0.9.26 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import pedalboard as pb


def must(holds, what):
    if not holds:
        sys.exit(f"CHANGED: {what}")


def direction(foa):
    """(azimuth, elevation in degrees, length of the mean intensity over the energy of W)."""
    w, y, z, x = foa.astype(float)
    v = np.array([x @ w, y @ w, z @ w]) / (w @ w)
    length = np.linalg.norm(v)
    return np.degrees(np.arctan2(v[1], v[0])), np.degrees(np.arcsin(v[2] / length)), length


RATE = 24000
azimuth, elevation = np.radians(120), np.radians(20)
gains = [1, np.sin(azimuth) * np.cos(elevation), np.sin(elevation), np.cos(azimuth) * np.cos(elevation)]
swell = 0.55 + 0.45 * np.sin(4 * np.pi * np.arange(2 * RATE) / RATE)
foa = np.outer(gains, np.random.default_rng(0).standard_normal(2 * RATE) * 0.1 * swell).astype(np.float32)

print(f"pedalboard {version('pedalboard')}")
print("Expected: azimuth 120.0, elevation 20.0, length 1.00 in each line, or an error.")
effects = {"Gain": pb.Gain(6), "HighpassFilter": pb.HighpassFilter(100), "Reverb": pb.Reverb(), "Delay": pb.Delay(0.001),
           "Chorus": pb.Chorus(), "Resample": pb.Resample(8000), "BrickwallLimiter": pb.BrickwallLimiter(-30),
           "Limiter": pb.Limiter(-30),
           "Compressor": pb.Compressor(-40, 4), "GSMFullRateCompressor": pb.GSMFullRateCompressor()}
seen = {}
for name, effect in effects.items():
    out = effect(foa, RATE)
    must(out.shape == foa.shape, f"{name} gives the shape {out.shape}")
    seen[name] = direction(out)
    print(f"Seen: {name:22} azimuth {seen[name][0]:6.1f}, elevation {seen[name][1]:5.1f}, length {seen[name][2]:.2f}")

for name in ("Gain", "HighpassFilter", "Reverb", "Delay", "Chorus", "Resample", "BrickwallLimiter"):
    must(np.allclose(seen[name], (120, 20, 1), atol=0.05), f"{name} moves the source, too")
for name in ("Limiter", "Compressor"):
    must(seen[name][0] > 128 and seen[name][1] > 28 and seen[name][2] > 1.3, f"{name} leaves the source where it is")
must(np.allclose(seen["GSMFullRateCompressor"], (45, 35.26, 3 ** 0.5), atol=0.05), "GSM keeps channels apart")
try:
    pb.MP3Compressor()(foa, RATE)
    sys.exit("CHANGED: MP3Compressor takes four channels")
except ValueError as error:
    print(f"MP3Compressor refuses: {error}")
PY
