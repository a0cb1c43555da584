#!/usr/bin/env bash
# torch 2.14.1's torch.onnx.export (onnxscript 0.7.2, onnxruntime 1.32.0) and torch.atan2, with which a model says where a
# sound is: azimuth = atan2(Y, X). ONNX has no such operator, so both exporters build it from Div, Atan and Where. Expected:
# the exported model gives what the model gives, as it does for the other operators of such a model. Seen: at
# Y = 0, X < 0 (straight behind: the edge of the picture; in 16 or 24 bits the Y of a dry sound panned there is exactly 0)
# torch says +180 degrees and the exported model -180: in an equirectangular picture the column goes from the first to the
# last, in a table of azimuths 180 becomes -180. With dynamo=False, silence (Y = X = 0) is NaN where torch says 0. A comparison
# on random inputs never meets either case.
# Source: torch.onnx.verification's documentation, which verifies that an exported model is functionally equivalent;
# IEEE 754-2019, 9.2.1: atan2(+0, x) is +pi for x < 0, atan2(+0, +0) is +0. The NaN is pytorch/pytorch issue 162570.
# REUSE_SITE=SITE-PACKAGES takes torch from there instead of installing it (5.5 GB).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
site=$("$work/venv/bin/python" -c 'import site; print(site.getsitepackages()[0])')
if [ -n "${REUSE_SITE:-}" ]; then echo "$REUSE_SITE" > "$site/zz_reuse.pth"; torch=(); else torch=(torch==2.14.1); fi
"$work/venv/bin/pip" install -q --no-compile --disable-pip-version-check "${torch[@]}" onnx==1.23.2 onnxscript==0.7.2 onnxruntime==1.32.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import logging
import sys

import numpy as np
import onnx
import onnxruntime
import torch

logging.disable(logging.WARNING)


class Azimuth(torch.nn.Module):
    def forward(self, y, x):
        return torch.atan2(y, x)


def must(holds, what):
    if not holds:
        sys.exit(f"CHANGED: {what}")


places = {"front": (0, 1), "left": (1, 0), "right": (-1, 0), "behind": (0, -1), "behind, a hair to the left": (1e-20, -1),
          "silence": (0, 0)}
y, x = torch.tensor(list(places.values()), dtype=torch.float32).T.contiguous()
torch_says = np.degrees(Azimuth()(y, x).numpy())


def exported(dynamo):
    torch.onnx.export(Azimuth(), (y, x), "azimuth.onnx", dynamo=dynamo, input_names=["y", "x"], verbose=False)
    onnx.checker.check_model("azimuth.onnx")
    session = onnxruntime.InferenceSession("azimuth.onnx", providers=["CPUExecutionProvider"])
    operators = [node.op_type for node in onnx.load("azimuth.onnx").graph.node if node.op_type != "Constant"]
    return np.degrees(session.run(None, {"y": y.numpy(), "x": x.numpy()})[0]), operators


new, operators = exported(dynamo=True)
old, _ = exported(dynamo=False)
print(f"torch {torch.__version__}, onnxruntime {onnxruntime.__version__}; atan2 became {', '.join(operators)}")
print("Expected: three equal columns.")
print(f"Seen: {'':28}{'torch':>8}{'dynamo=True':>14}{'dynamo=False':>14}")
for row in zip(places, torch_says, new, old):
    print("      {:28}{:8.1f}{:14.1f}{:14.1f}".format(*row))

where = {name: number for number, name in enumerate(places)}
for result, name in ((new, "dynamo=True"), (old, "dynamo=False")):
    for place in ("front", "left", "right", "behind, a hair to the left"):
        must(abs(result[where[place]] - torch_says[where[place]]) < 1e-3, f"{name}: {place} is wrong, too")
    must(abs(result[where["behind"]] + 180) < 1e-3, f"{name}: straight behind is {result[where['behind']]}")
must(abs(torch_says[where["behind"]] - 180) < 1e-3, "torch itself says otherwise")
must(torch_says[where["silence"]] == 0 and new[where["silence"]] == 0, "dynamo=True: silence is not 0")
must(np.isnan(old[where["silence"]]), "dynamo=False: silence is a number")

column = np.floor((0.5 - np.array([torch_says, new]) / 360) * 2048).clip(0, 2047)[:, where["behind"]].astype(int)
print(f"Column of 'behind' in a picture of 2048: torch {column[0]}, exported {column[1]}")
must(list(column) == [0, 2047], "the columns agree")
PY
