#!/usr/bin/env bash
# miniaudio 1.71 (Python binding) reading four channels that libsndfile wrote (soundfile 0.14.0): first-order
# ambisonics W Y Z X as WAV, FLAC and Ogg Vorbis, asked for with the file's own number of channels and rate.
# Expected: the file's channels, whatever holds them. Seen: WAV and FLAC come out as they are; Vorbis comes
# out mixed: .71 W + .18 Z, .71 Y + .18 X, .35 (W + Y), .35 (Z + X). Its Vorbis decoder calls four channels
# front left, front right, rear left, rear right, the output's four are front left, front right, front
# centre, back centre, and loudspeakers that do not match are mixed, though the number of channels does.
# Reading the same file by miniaudio.vorbis_read_file gives the channels as they are. Why it matters: the
# number of channels and the loudness look right, and no direction is: what came from the left and what came
# from the right are now one omnidirectional sum in two channels. Sources: Vorbis I specification, section
# 4.3.9 (four channels: quadraphonic); miniaudio's manual on channel maps and conversion.
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT; cd "$d"
python3 -m venv v
v/bin/pip -q install miniaudio==1.71 numpy==2.4.6 soundfile==0.14.0
cat > t.py <<'P'
import sys
import miniaudio, numpy as np, soundfile as sf

print("miniaudio", miniaudio.__version__, "libsndfile", sf.__libsndfile_version__)
TONES = (300, 500, 900, 1300)
t = np.arange(96000) / 48000
x = np.stack([0.2 * np.sin(2 * np.pi * f * t) for f in TONES], 1)

def gains(samples):
    """Of each channel that came out: how much of W, Y, Z and X is in it."""
    y = np.asarray(samples, dtype=float).reshape(-1, 4)[24000:72000]
    return (np.abs(np.fft.rfft(y.T, axis=1))[:, list(TONES)] / 24000 / 0.2).round(2)

def decoded(name):
    asked = dict(output_format=miniaudio.SampleFormat.FLOAT32, nchannels=4, sample_rate=48000)
    return gains(miniaudio.decode_file(name, **asked).samples)

found = {}
for name, form, coding in (("a.wav", "WAV", "PCM_16"), ("a.flac", "FLAC", "PCM_16"), ("a.ogg", "OGG", "VORBIS")):
    sf.write(name, x, 48000, format=form, subtype=coding)
    assert miniaudio.get_file_info(name).nchannels == 4
    found[name] = decoded(name)
direct = gains(np.asarray(miniaudio.vorbis_read_file("a.ogg").samples) / 32768)
print("expected: rows (channels out) of the unit matrix over W, Y, Z, X for each file")
for name, matrix in found.items():
    print("seen,", name, matrix.tolist())
print("seen, a.ogg by vorbis_read_file", direct.tolist())
unit = np.eye(4)
if any(np.abs(found[name] - unit).max() > 0.02 for name in ("a.wav", "a.flac")):
    sys.exit("CHANGED: WAV or FLAC no longer come out as they are")
if np.abs(direct - unit).max() > 0.02:
    sys.exit("CHANGED: vorbis_read_file no longer gives the file's channels")
if np.abs(found["a.ogg"] - [[1, 0, 0.25, 0], [0, 1, 0, 0.25], [0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5]]).max() > 0.02:
    sys.exit("CHANGED: Vorbis is mixed in another way, or not at all")
print("still so")
P
nice -n 15 v/bin/python t.py
