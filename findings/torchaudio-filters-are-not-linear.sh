#!/usr/bin/env bash
# torchaudio 2.11.1, functional.highpass_biquad and the other biquads, on float audio. A high-pass against wind is a linear
# filter, and a tensor of floats has room above 1. Expected: filter(2 x) is 2 filter(x), and a rotation of first-order
# ambisonics may come before or after the filter. Seen: every biquad cuts its output at -1 and +1, without a word and without
# an argument to stop it (lfilter beneath has one, clamp=True). It meets sound that was normalised to unit variance first, as
# many models take it, N3D (1.73 W in a directional channel), int16 samples turned to floats, and sums of stems. Each channel is
# cut by itself: here the source moves by thirteen degrees, and rotating before or after the filter are two sounds.
# Source: torchaudio's documentation of highpass_biquad: "Design biquad highpass filter and perform filtering"; its lfilter
# documents clamp, the biquads do not name it.
# REUSE_SITE=SITE-PACKAGES takes torch from there instead of installing it (5.5 GB).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
site=$("$work/venv/bin/python" -c 'import site; print(site.getsitepackages()[0])')
if [ -n "${REUSE_SITE:-}" ]; then echo "$REUSE_SITE" > "$site/zz_reuse.pth"; torch=(); else torch=(torch==2.14.1 numpy==2.4.6); fi
"$work/venv/bin/pip" install -q --no-compile --disable-pip-version-check "${torch[@]}" torchaudio==2.11.1 scipy==1.17.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import math
import sys

import torch
import torchaudio
from scipy import signal
from torchaudio import functional as A

RATE = 24000


def must(holds, what):
    if not holds:
        sys.exit(f"CHANGED: {what}")


def azimuth(foa):
    w, y, _, x = foa.double()
    return math.degrees(math.atan2((y * w).sum(), (x * w).sum()))


filters = {"highpass_biquad": lambda x: A.highpass_biquad(x, RATE, 80.0), "lowpass_biquad": lambda x: A.lowpass_biquad(x, RATE, 8000.0),
           "bandpass_biquad": lambda x: A.bandpass_biquad(x, RATE, 1000.0, 0.2),
           "equalizer_biquad": lambda x: A.equalizer_biquad(x, RATE, 1000.0, 6.0),
           "treble_biquad": lambda x: A.treble_biquad(x, RATE, 6.0), "bass_biquad": lambda x: A.bass_biquad(x, RATE, 6.0)}
source = torch.randn(RATE, generator=torch.Generator().manual_seed(0))
print(f"torchaudio {torchaudio.__version__}, torch {torch.__version__}")
print("Expected: filter(8 x) = 8 filter(x), largest value above 1.")
for name, apply in filters.items():
    small, large = apply(source / 8), apply(source)
    error = (large - 8 * small).abs().max().item()
    print(f"Seen: {name:18} largest value {large.abs().max().item():.3f}, filter(8 x) - 8 filter(x) up to {error:.2f}")
    must(small.abs().max() < 1 and large.abs().max() == 1 and error > 0.5, f"{name} does not clip")

side = math.radians(70)                                     # W of unit variance; N3D: directional channels times sqrt(3)
foa = torch.stack([source, 3 ** 0.5 * math.sin(side) * source, 0 * source, 3 ** 0.5 * math.cos(side) * source])
out = filters["highpass_biquad"](foa)
b, a = signal.iirfilter(2, 80.0, btype="highpass", fs=RATE)
linear = torch.from_numpy(signal.lfilter(b, a, foa.double().numpy()))
cut = (out.abs() == 1).any(0).double().mean().item()
print(f"Seen: ambisonics, a source at 70.0: after scipy's filter {azimuth(linear):.1f}, after torchaudio's {azimuth(out):.1f}; "
      f"{cut:.0%} of the samples cut")
must(abs(azimuth(linear) - 70) < 0.01 and abs(azimuth(out) - 70) > 3 and cut > 0.2, "the source stays")


def turn(sound, degrees):
    w, y, z, x = sound
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return torch.stack([w, c * y + s * x, z, c * x - s * y])


before, after = filters["highpass_biquad"](turn(foa, 50)), turn(out, 50)
apart = ((before - after).square().mean() / after.square().mean()).sqrt().item()
print(f"Seen: rotation before and after the filter differ by {apart:.0%} (RMS)")
must(apart > 0.1, "the order does not matter")
must(A.lfilter(source, torch.tensor([1.0, 0.0]), torch.tensor([1.0, 0.0]), clamp=False).abs().max() > 3, "lfilter clips anyway")
PY
