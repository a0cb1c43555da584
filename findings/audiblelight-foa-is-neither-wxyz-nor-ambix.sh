#!/usr/bin/env bash
# AudibleLight 0.1.2 (audiblelight) over rlr-audio-propagation 0.0.1, the ray tracer of SoundSpaces: FOAListener is
# documented as "4 ambisonics channels (W, X, Y, Z) following the AmbiX convention" and names its capsules w, x, y, z.
# Expected: order W X Y Z as named, or W Y Z X as AmbiX has it, and in either reading SN3D, AmbiX's weights: a plane
# wave is as strong in the axis it comes from as in W. Seen: the responses are W Y Z X and N3D: a source in the open to
# the left is 1.732 times as strong (4.8 dB) in the second channel, "x", as in W, and absent from the third, "y". Nothing
# between the ray tracer and the written file reorders or scales them. Why it matters: read by its names, left becomes
# front, up becomes left and front becomes up; read as AmbiX, directions hold but Y, Z and X are 4.8 dB too strong, so
# everything seems more directed than it is, and a check that X, Y and Z together are as strong as W refuses the set.
# Sources: AudibleLight's docstring of micarrays.FOAListener; C. Nachbar et al., "ambiX - a suggested ambisonics format"
# (2011): ACN and SN3D.
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT; cd "$d"
python3 -m venv v
v/bin/pip -q install numpy==2.4.6 rlr-audio-propagation==0.0.1
v/bin/pip -q install --no-deps --target al audiblelight==0.1.2
cat > t.py <<'P'
import ast, pathlib, sys
import numpy as np
from _rlr_audio_propagation import ChannelLayout, ChannelLayoutType, Config
from rlr_audio_propagation import Context

# What AudibleLight says, and that it hands the ray tracer's channels on: read from its source, which pulls in much else.
source = pathlib.Path("al/audiblelight/micarrays.py").read_text()
listener = next(n for n in ast.parse(source).body if isinstance(n, ast.ClassDef) and n.name == "FOAListener")
said = " ".join(ast.get_docstring(listener).split())
print("FOAListener says:", said[said.index("4 ambisonics"):].split(".")[0])
names = next(n for n in listener.body if isinstance(n, ast.FunctionDef) and n.name == "capsule_names")
names = ast.literal_eval(names.body[0].value)
print("its channels are named", names)
if "ChannelLayoutType.Ambisonics" not in source or "AmbiX" not in ast.get_docstring(listener):
    sys.exit("CHANGED: the listener is another")

def response(place):
    """Direct sound (4,) of a source in the open; the listener stands at 0, not turned (x front, y left, z up)."""
    config = Config()
    config.indirect, config.diffraction, config.thread_count = False, False, 1
    context = Context(config)
    far = [[x, y, z] for x in (-90, 90) for y in (-90, 90) for z in (-90, 90)]
    faces = [0, 1, 3, 0, 3, 2, 4, 6, 7, 4, 7, 5, 0, 4, 5, 0, 5, 1, 2, 3, 7, 2, 7, 6, 0, 2, 6, 0, 6, 4, 1, 5, 7, 1, 7, 3]
    context.add_object()
    context.add_mesh_vertices(np.array(far, float).ravel().tolist())
    context.add_mesh_indices(faces, 3, "default")
    context.finalize_object_mesh(0)
    context.add_listener(ChannelLayout(ChannelLayoutType.Ambisonics, 4))
    context.set_listener_position(0, [0.0, 0.0, 0.0])
    context.set_listener_orientation_quaternion(0, [1.0, 0.0, 0.0, 0.0])
    context.add_source()
    context.set_source_position(0, place)
    context.simulate()
    heard = context.get_listener_source_audio(0, 0)
    return heard[:, np.argmax(np.abs(heard[0]))]

for where, place, channel in (("front", [2.0, 0, 0], 3), ("left", [0, 2.0, 0], 1), ("up", [0, 0, 2.0], 2)):
    seen = response(place)
    seen = seen / seen[0]
    print("a source %5s: channels against the first: %s" % (where, np.round(seen, 3)))
    expected = np.zeros(4)
    expected[0], expected[channel] = 1, 3**0.5
    if np.abs(seen - expected).max() > 0.02:
        sys.exit("CHANGED: it is no longer ACN and N3D")
print("order W Y Z X, weights N3D: neither (W, X, Y, Z) nor AmbiX's SN3D")
print("still so")
P
nice -n 15 v/bin/python t.py 2>/dev/null | grep -v -e "CreateContext" -e "was not found"
