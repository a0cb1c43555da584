#!/usr/bin/env bash
# decord 0.6.0: AudioReader(path, mono=False) of an AmbiX file: four channels W, Y, Z, X, each with a tone of its own,
# two seconds of float WAVE. Expected: rows are channels, row 0 is W; and mono=True of a sound field is W, or at least
# does not favour a direction. Seen: the shape is right (4, n) and no error is raised, but row 0 holds W for its first
# quarter, then Y, Z and X, each from its own beginning: rows are laid down a quarter of their length apart. Stereo
# likewise: row 0 is a quarter of the left channel and then three quarters of the right. With mono=True four channels
# are mixed as loudspeakers front left, front right, front centre and back: 0.71 W + 0.71 Y + Z + 0.5 X, a microphone
# that points up and to the left. Only files of one channel come out as they are. Why it matters: decord's readers are
# in many video-language and audio-visual training code bases (it is one of the video backends of transformers); the
# default mono=True hides the fault, and a loader that asks for all channels trains on sound that jumps between
# channels in time, with plausible spectra. Source: decord's documentation of AudioReader: "mono: bool, whether to
# convert to mono"; its arrays are said to be of the shape (channels, samples).
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT; cd "$d"
python3 -m venv v
v/bin/pip -q install decord==0.6.0 soundfile==0.14.0 numpy==2.4.6
cat > t.py <<'P'
import sys
import decord, numpy as np, soundfile

RATE_HZ, N = 48000, 96000
time = np.arange(N) / RATE_HZ
print("decord", decord.__version__)

def levels(row, channels):
    """How loud the tone of each channel is in a stretch of one row."""
    at = np.arange(len(row)) / RATE_HZ
    return [float(abs(np.exp(-2j * np.pi * 500 * (c + 1) * at) @ row) * 2 / len(row) / 0.2) for c in range(channels)]

changed = []
for channels, names in ((1, "M"), (2, "LR"), (4, "WYZX")):
    tones = [0.2 * np.sin(2 * np.pi * 500 * (c + 1) * time) for c in range(channels)]
    soundfile.write("in.wav", np.stack(tones, 1).astype(np.float32), RATE_HZ, subtype="FLOAT")
    rows = decord.AudioReader("in.wav", mono=False)[:].asnumpy()
    mono = decord.AudioReader("in.wav", mono=True)[:].asnumpy()[0]
    # Each quarter of row 0, a hundred samples away from where something else begins.
    heard = ["".join(name for name, level in zip(names, levels(part[100:-100].astype(float), channels)) if level > 0.5)
             for part in np.split(rows[0, :N], 4)]
    mixed = [round(level, 2) for level in levels(mono[:N].astype(float), channels)]
    print("%d channels: shape %s, quarters of row 0: %s; mono: %s"
          % (channels, rows.shape, ", ".join(heard), " + ".join("%.2f %s" % pair for pair in zip(mixed, names))))
    want = {1: ["M"] * 4, 2: ["L", "R", "R", "R"], 4: ["W", "Y", "Z", "X"]}[channels]
    weights = {1: [1], 2: [0.71, 0.71], 4: [0.71, 0.71, 1, 0.5]}[channels]
    if rows.shape != (channels, N) or heard != want or not np.allclose(mixed, weights, atol=0.02):
        changed.append(str(channels))
if changed:
    sys.exit("CHANGED: files of %s channels" % ", ".join(changed))
print("still so")
P
nice -n 15 v/bin/python t.py
