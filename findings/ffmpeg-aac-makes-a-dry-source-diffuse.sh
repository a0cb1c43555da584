#!/usr/bin/env bash
# ffmpeg 9.0.2 (imageio-ffmpeg 0.8.1), its own AAC encoder at 256 kbit/s for four channels of first-order
# ambisonics (ACN/SN3D, labelled "4.0"): one pink noise, one direction (azimuth 60, elevation 20), no room.
# Expected: 64 kbit/s a channel keeps the diffuseness (1 - |intensity| / energy, as in DirAC) of a single
# plane wave near its true 0. Seen: it is 0.04 or less below 4 kHz and over 0.4 (up to 0.9) from 4 kHz on: the
# encoder replaces noisy bands by noise that each channel makes for itself (perceptual noise substitution, on
# by default), so that W, Y, Z, X are no longer one wave. With -aac_pns 0 and -aac_is 0 at the same rate
# diffuseness stays under 0.2. Why it matters: a dry source measures like a reverberant room or a diffuse
# field, in just the range where ears and networks look for direction; labels of diffuseness or
# direct-to-reverberant ratio made from such files are those of the codec. Sources: ISO/IEC 14496-3
# (perceptual noise substitution, intended for noise within a channel); "ffmpeg -h encoder=aac" (aac_pns,
# default true); V. Pulkki, Spatial Sound Reproduction with Directional Audio Coding, JAES 55 (2007), for
# diffuseness.
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT; cd "$d"
python3 -m venv v
v/bin/pip -q install imageio-ffmpeg==0.8.1 numpy==2.4.6 soundfile==0.14.0
cat > t.py <<'P'
import subprocess, sys
import imageio_ffmpeg, numpy as np, soundfile as sf

FF, SR = imageio_ffmpeg.get_ffmpeg_exe(), 48000
print(subprocess.run([FF, "-version"], capture_output=True, text=True).stdout.splitlines()[0])
n = 4 * SR
F = np.fft.rfftfreq(1024, 1 / SR)
spectrum = np.fft.rfft(np.random.default_rng(3).standard_normal(n))
pink = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 80)))
pink *= 0.08 / pink.std()
az, el = np.radians(60), np.radians(20)
gains = np.array([1, np.sin(az) * np.cos(el), np.sin(el), np.cos(az) * np.cos(el)])
sf.write("in.wav", pink[:, None] * gains, SR, subtype="PCM_24")
BANDS = ((200, 1000), (1000, 4000), (4000, 8000), (8000, 12000), (12000, 16000))

def diffuseness(foa):
    frames = np.lib.stride_tricks.sliding_window_view(foa, 1024, axis=0)[::512] * np.hanning(1024)
    s, out = np.fft.rfft(frames), []
    for low, high in BANDS:
        b = s[..., (F >= low) & (F < high)]
        intensity = np.real(np.conj(b[:, :1]) * b[:, 1:]).sum((0, 2))
        out.append(1 - np.linalg.norm(intensity) / (0.5 * (np.abs(b) ** 2).sum()))
    return np.array(out)

def coded(*options):
    subprocess.run([FF, "-y", "-v", "error", "-channel_layout", "4.0", "-i", "in.wav", "-c:a", "aac",
                    "-b:a", "256k", *options, "out.m4a"], check=True)
    raw = subprocess.run([FF, "-v", "error", "-i", "out.m4a", "-f", "f32le", "-"], check=True,
                         capture_output=True).stdout
    return diffuseness(np.frombuffer(raw, np.float32).reshape(-1, 4))

source, usual, clean = diffuseness(sf.read("in.wav")[0]), coded(), coded("-aac_pns", "0", "-aac_is", "0")
print("bands (Hz):                 ", *BANDS)
print("expected: diffuseness near 0 everywhere; source:", source.round(2))
print("seen, AAC 256k:                                 ", usual.round(2))
print("seen, AAC 256k, -aac_pns 0 -aac_is 0:           ", clean.round(2))
if source.max() > 0.01 or usual[:2].max() > 0.1:
    sys.exit("CHANGED: the low bands are diffuse as well")
if usual[2:].min() < 0.4:
    sys.exit("CHANGED: above 4 kHz the source stays a plane wave")
if clean.max() > 0.2:
    sys.exit("CHANGED: without noise substitution it is diffuse too")
print("still so")
P
nice -n 15 v/bin/python t.py
