#!/usr/bin/env bash
# slab 1.8.2 (soundlab, spatial hearing) with sofar 1.3.0: a SOFA file (SimpleFreeFieldHRIR) whose source at
# azimuth 90 is louder in the left ear, as AES69 has it (azimuth counter-clockwise, +90 is left), read by
# slab.HRTF; slab's own KEMAR; and Binaural.at_azimuth. Expected: one library, one sign. Seen: HRTF.sources
# and get_source_idx count to the LEFT (azimuth 90 is louder in the left ear, in the file and in KEMAR), while
# at_azimuth(+90) is louder on the RIGHT. Why it matters: a stimulus made by at_azimuth(a) and one by the HRTF
# at a are mirror images, and labels of a set made with both contradict each other. Sources: AES69 (SOFA):
# spherical coordinates, azimuth counter-clockwise from x to y; slab's documentation of at_azimuth ("negative
# numbers refer to sources to the left").
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT; cd "$d"
python3 -m venv v
v/bin/pip -q install slab==1.8.2 sofar==1.3.0 h5netcdf==1.8.2 h5py==3.16.0 numpy==2.4.6 scipy==1.17.1
cat > t.py <<'P'
import importlib.metadata, sys
import numpy as np, slab, sofar

print("slab", importlib.metadata.version("slab"), "sofar", sofar.__version__)
s = sofar.Sofa("SimpleFreeFieldHRIR")
azimuths = np.arange(0, 360, 30)
ir = np.zeros((len(azimuths), 2, 256))
ir[:, 0, 20], ir[:, 1, 20] = 0.55 + 0.5 * np.sin(np.radians([azimuths, -azimuths]))
s.SourcePosition = np.stack([azimuths, 0 * azimuths, 1.2 + 0 * azimuths], 1).astype(float)
s.Data_IR, s.Data_SamplingRate, s.ReceiverPosition = ir, 48000, np.array([[0, 0.09, 0], [0, -0.09, 0]])
sofar.write_sofa("a.sofa", s)

def left_minus_right(sound):
    left, right = 10 * np.log10((np.asarray(sound.data) ** 2).mean(0))
    return float(left - right)

def by_hrtf(hrtf):
    at = hrtf.sources.vertical_polar
    k = int(np.argmin(np.abs(at[:, 0] - 90) + np.abs(at[:, 1])))
    noise = slab.Sound.pinknoise(duration=0.5, samplerate=hrtf.samplerate)
    return left_minus_right(hrtf.apply(k, noise)), at[k, :2]

file, at = by_hrtf(slab.HRTF("a.sofa"))
kemar, kemar_at = by_hrtf(slab.HRTF.kemar())
panned = left_minus_right(slab.Binaural.pinknoise(duration=0.5, samplerate=44100).at_azimuth(90))
print("expected: the same ear is louder in all three, left minus right in dB:")
print("seen, HRTF of the SOFA file at %s: %+.1f" % (at, file))
print("seen, HRTF of KEMAR at %s: %+.1f" % (kemar_at, kemar))
print("seen, Binaural.at_azimuth(90): %+.1f" % panned)
if file < 3 or kemar < 3:
    sys.exit("CHANGED: azimuth 90 of an HRTF is not on the left")
if panned > -3:
    sys.exit("CHANGED: at_azimuth(90) is not on the right")
print("still so")
P
nice -n 15 v/bin/python t.py
