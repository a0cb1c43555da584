#!/usr/bin/env bash
# Loudness (ITU-R BS.1770, LUFS) of first-order ambisonics, one sound at different places, by pyloudnorm 0.2.0 and by ebur128 of
# ffmpeg 9.0.2 (imageio-ffmpeg 0.8.1). Expected: one number, wherever the sound is, since turning the head makes nothing
# louder; and one number from both tools. Seen: pyloudnorm weights channels by their place in an array, as L R C Ls Rs, so the
# fourth, X, counts 1.5 dB more: front and back are 0.8 LU louder than left and up. ffmpeg goes by the name of the layout:
# "4.0" does the same, "quad" (as FLAC and Vorbis call four channels) raises Z and X, and a WAV without a channel mask is guessed to be
# 4.0. Only "ambisonic 1" is the same in all directions. And that is 3 LU above W, which alone is what an omnidirectional microphone
# hears. So a rotation as augmentation changes the loudness that a gate or a normalisation sees, and a file copied from WAV to
# FLAC has another loudness.
# Source: BS.1770 weights loudspeakers by their position (1.41 for surrounds), which ambisonic channels do not have; pyloudnorm's
# docstring gives its order of up to five channels, the last two being the surrounds.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-compile --disable-pip-version-check pyloudnorm==0.2.0 numpy==2.4.6 scipy==1.17.1 \
    soundfile==0.14.0 imageio-ffmpeg==0.8.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import re
import subprocess
import sys
from importlib.metadata import version

import imageio_ffmpeg
import numpy as np
import pyloudnorm
import soundfile as sf

RATE = 48000
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()


def must(holds, what):
    if not holds:
        sys.exit(f"CHANGED: {what}")


def ebur128(sound, layout=None):
    sf.write("sound.wav", sound, RATE, subtype="FLOAT")
    named = ["-channel_layout", layout] if layout else []
    text = subprocess.run([FFMPEG, "-hide_banner", "-nostats", *named, "-i", "sound.wav", "-af", "ebur128", "-f", "null", "-"],
                          capture_output=True, text=True, check=True).stderr
    return float(re.findall(r"I:\s+(-?[\d.]+) LUFS", text)[-1])


source = np.random.default_rng(0).standard_normal(6 * RATE) * 0.05
meters = {"pyloudnorm": pyloudnorm.Meter(RATE).integrated_loudness, "ambisonic 1": lambda foa: ebur128(foa, "ambisonic 1"),
          "quad": lambda foa: ebur128(foa, "quad"), "4.0": lambda foa: ebur128(foa, "4.0"), "WAV, no layout": ebur128}
print(f"pyloudnorm {version('pyloudnorm')}, ffmpeg {imageio_ffmpeg.get_ffmpeg_version()}")
print("Expected: one number in all lines and columns.")
print("Seen:  " + "".join(f"{name:>16}" for name in meters))
seen = {}
for place, (azimuth, elevation) in {"front": (0, 0), "left": (90, 0), "back": (180, 0), "up": (0, 90)}.items():
    a, e = np.radians(azimuth), np.radians(elevation)
    foa = np.outer(source, [1, np.sin(a) * np.cos(e), np.sin(e), np.cos(a) * np.cos(e)])
    seen[place] = {name: meter(foa) for name, meter in meters.items()}
    print(f"{place:7}" + "".join(f"{value:16.1f}" for value in seen[place].values()))

alone = ebur128(source)
print(f"W alone: {alone:.1f} LUFS")
raised = {"pyloudnorm": {"front", "back"}, "ambisonic 1": set(), "quad": {"front", "back", "up"}, "4.0": {"front", "back"},
          "WAV, no layout": {"front", "back"}}
for name, places in raised.items():
    for place in seen:
        more = seen[place][name] - seen["left"][name]
        must(abs(more - (0.8 if place in places else 0)) < 0.11, f"{name}: {place} is {more:.1f} LU above left")
must(abs(seen["left"]["ambisonic 1"] - alone - 3) < 0.11, "ambisonics are not 3 LU above W")
PY
