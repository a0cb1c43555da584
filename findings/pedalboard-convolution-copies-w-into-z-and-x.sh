#!/usr/bin/env bash
# pedalboard 0.9.26: four channels of ambisonics W Y Z X, shape (4, n), through Convolution (one impulse of
# one channel, as for a microphone's or loudspeaker's response, mix=1) and through Reverb. Expected: each
# channel is convolved with the response, or an exception, as from MP3Compressor ("only supports mono or
# stereo audio"). Seen, without a word: Convolution gives W, Y, W, W: channels from the third on are copies of
# the first one's result (so with 3 and 6 channels as well), and Z and X are gone; Reverb with wet_level=1 and
# dry_level=0 gives back its input bit by bit, while with two channels it does what it should. Why it matters:
# a source anywhere becomes one above and in front (Z = X = W), or an augmentation by reverberation does
# nothing at all; shape, length and level look right. Sources: pedalboard's documentation of Convolution
# ("suitable for things like speaker simulation or reverb modeling") and Reverb, which name no limit; its
# issues 97 and 304 (more than two channels were refused before).
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT; cd "$d"
python3 -m venv v
v/bin/pip -q install pedalboard==0.9.26 numpy==2.4.6
cat > t.py <<'P'
import sys
import numpy as np, pedalboard

SR = 48000
print("pedalboard", pedalboard.__version__)
ir = np.zeros((1, 4800), np.float32)
ir[0, 480] = 1                                                       # a delay of 10 ms

def sources(channels):
    """Which channel of the input (delayed) each channel of the output is."""
    x = np.random.default_rng(0).standard_normal((channels, SR)).astype(np.float32) * 0.1
    y = pedalboard.Convolution(ir, mix=1.0, sample_rate=SR)(x, SR)
    if y.shape != x.shape:
        sys.exit("CHANGED: shape %s" % (y.shape,))
    c = np.corrcoef(np.concatenate([y[:, 2000:40000], x[:, 1520:39520]]))[:channels, channels:]
    return [int(row.argmax()) if row.max() > 0.99 else None for row in c]

def reverb(channels):
    x = np.random.default_rng(1).standard_normal((channels, SR)).astype(np.float32) * 0.1
    return float(np.abs(pedalboard.Reverb(room_size=0.9, wet_level=1.0, dry_level=0.0)(x, SR) - x).max())

try:
    seen = {n: sources(n) for n in (2, 3, 4, 6)}
    change = {n: reverb(n) for n in (2, 4)}
except (ValueError, RuntimeError) as e:
    sys.exit("CHANGED: it raises: %s" % e)
print("expected: Convolution gives channels", {n: list(range(n)) for n in seen}, "; Reverb changes the sound")
print("seen:     Convolution gives channels", seen)
print("seen:     Reverb changes samples by up to", change)
if seen[2] != [0, 1] or change[2] < 0.05:
    sys.exit("CHANGED: two channels are not right either")
if seen[3] != [0, 1, 0] or seen[4] != [0, 1, 0, 0] or seen[6] != [0, 1, 0, 0, 0, 0]:
    sys.exit("CHANGED: Convolution does something else")
if change[4] != 0:
    sys.exit("CHANGED: Reverb acts on four channels")
print("still so")
P
nice -n 15 v/bin/python t.py
