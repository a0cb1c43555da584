#!/usr/bin/env bash
# The Audio Definition Model's common definitions (ITU-R BS.2094, as EBU's renderer ear 2.1.0 carries them) have packs for
# ambisonics in FuMa weights: AP_00040021 is named "3D_order1_FuMa". FuMa (Furse-Malham) is both weights and an order,
# W X Y Z; the definitions of the other two families say both in their names (SN3D_ACN, N3D_ACN). Expected of a pack
# that is named FuMa: its channels are W X Y Z. Seen: FuMa_W, FuMa_Y, FuMa_Z, FuMa_X - the order of ACN with the weights
# of FuMa; the second order likewise goes by ACN, and not R S T U V. Why it matters: a writer that numbers the tracks of
# a FuMa recording W X Y Z along the pack states X as Y, Y as Z and Z as X: the scene turns, front to the left, left to
# the top. Each track has to be given its own channel format by name. Source: ITU-R BS.2094-2, "Common definitions for
# the audio definition model"; Malham, "Higher order Ambisonic systems" (2003), for the order W X Y Z R S T U V.
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT; cd "$d"
python3 -m venv v
v/bin/pip -q install ear==2.1.0
cat > t.py <<'P'
import importlib.metadata, sys
from ear.fileio.adm.adm import ADM
from ear.fileio.adm.common_definitions import load_common_definitions

print("ear", importlib.metadata.version("ear"))
adm = ADM()
load_common_definitions(adm)
packs = {pack.audioPackFormatName: pack for pack in adm.audioPackFormats}
seen = {}
for name in ("3D_order1_FuMa", "3D_order2_FuMa", "3D_order1_SN3D_ACN"):
    pack = packs[name]
    channels = pack.audioChannelFormats
    blocks = [channel.audioBlockFormats[0] for channel in channels]
    seen[name] = [(channel.audioChannelFormatName, block.order, block.degree) for channel, block in zip(channels, blocks)]
    print(pack.id, name, "->", ", ".join("%s (order %d, degree %d)" % channel for channel in seen[name]))
print("expected of 3D_order1_FuMa: FuMa_W, FuMa_X, FuMa_Y, FuMa_Z")
if [name for name, _, _ in seen["3D_order1_FuMa"]] != ["FuMa_W", "FuMa_Y", "FuMa_Z", "FuMa_X"]:
    sys.exit("CHANGED: the pack has another order")
if [degree for _, _, degree in seen["3D_order1_FuMa"]] != [0, -1, 0, 1]:
    sys.exit("CHANGED: the channels mean something else")
print("still so")
P
nice -n 15 v/bin/python t.py
