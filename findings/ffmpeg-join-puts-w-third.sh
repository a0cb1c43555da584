#!/usr/bin/env bash
# ffmpeg 9.0.2 (imageio-ffmpeg 0.8.1): four mono files W, Y, Z, X (an editor's export, or the tracks of a
# recorder) are joined by join=inputs=4 with channel_layout=4.0. Expected: the inputs in their order, as
# amerge does, and as join itself does for "quad" and "ambisonic 1". Seen: Y Z W X, exit status 0. A mono
# input is the channel FC by its layout, so join first gives the first input to the output's FC, which is
# third in 4.0, and fills FL and FR with what is left. Every channel is there once and unchanged in level, so
# nothing but the direction tells: W Y Z X of a source in front (W = X) becomes a file whose "W" is Y, silent.
# Why it matters: 4.0 is the layout that ffmpeg itself gives to four channels without a label and to AAC;
# joining for AAC needs map=0.0-FL|1.0-FR|2.0-FC|3.0-BC. Source: ffmpeg's documentation of join (without map
# it looks for "an unused matching input channel" first, then for the first unused one): the rule is written
# down, what it does to four mono files is not.
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT; cd "$d"
python3 -m venv v
v/bin/pip -q install imageio-ffmpeg==0.8.1 numpy==2.4.6 soundfile==0.14.0
cat > t.py <<'P'
import subprocess, sys
import imageio_ffmpeg, numpy as np, soundfile as sf

FF = imageio_ffmpeg.get_ffmpeg_exe()
print(subprocess.run([FF, "-version"], capture_output=True, text=True).stdout.splitlines()[0])
TONES = dict(W=300, Y=700, Z=1300, X=2300)
t, inputs = np.arange(48000) / 48000, []
for name, f in TONES.items():
    sf.write(name + ".wav", 0.2 * np.sin(2 * np.pi * f * t), 48000)
    inputs += ["-i", name + ".wav"]

def order(graph):
    subprocess.run([FF, "-y", "-v", "error", *inputs, "-filter_complex", graph, "-c:a", "pcm_f32le", "out.wav"],
                   check=True)
    levels = np.abs(np.fft.rfft(sf.read("out.wav")[0].T, axis=1))[:, list(TONES.values())]
    return " ".join(list(TONES)[k] for k in levels.argmax(1))

graphs = {"amerge=inputs=4": "W Y Z X", "join=inputs=4:channel_layout=quad": "W Y Z X",
          "join=inputs=4:channel_layout=ambisonic 1": "W Y Z X", "join=inputs=4:channel_layout=4.0": "Y Z W X",
          "join=inputs=4:channel_layout=4.0:map=0.0-FL|1.0-FR|2.0-FC|3.0-BC": "W Y Z X"}
print("expected: W Y Z X from each")
changed = False
for graph, known in graphs.items():
    seen = order(graph)
    print("seen, %s: %s" % (graph, seen))
    changed |= seen != known
if changed:
    sys.exit("CHANGED: another order than before")
print("still so")
P
nice -n 15 v/bin/python t.py
