#!/usr/bin/env bash
# e3nn 0.6.0 beside sphericart 2.0.4: both give real spherical harmonics "of degree l, m from -l to l", the components that AmbiX
# lists by ACN (l = 1: Y, Z, X). Expected: the harmonics of one are those of the other, and e3nn's matrix of a rotation (wigner_D,
# Irrep.D_from_matrix) turns the channels 1 to 3, or 4 to 8, of an AmbiX signal as it turns the vectors. Seen: sphericart is in the order
# of ACN; e3nn takes y for the pole, so that degree 1 is X, Y, Z. Its matrix of a quarter turn to the left leaves a source in front
# in front, in degree 2 too, and moves one on the left above one's head. Norms, orthogonality and every test of equivariance hold,
# because everything turns consistently about the wrong axis; only known directions show it. What works: e3nn's functions on
# (y, z, x) instead of (x, y, z), rotations with their rows and columns exchanged likewise; then both agree and the source goes
# left. Why it matters: equivariant networks and turned training samples for first-order sound are built with this library.
# Sources: e3nn's documentation of o3.spherical_harmonics and its page on the change of basis; AmbiX (Nachbar, Zotter, Deleflie,
# Sontacchi, Ambisonics Symposium 2011): ACN. REUSE_SITE=SITE-PACKAGES takes torch from there instead of installing it (5.5 GB).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv v
site=$(v/bin/python -c 'import site; print(site.getsitepackages()[0])')
if [ -n "${REUSE_SITE:-}" ]; then echo "$REUSE_SITE" > "$site/zz_reuse.pth"; torch=(); else torch=(torch==2.14.1); fi
v/bin/pip install -q --no-compile --disable-pip-version-check "${torch[@]}" e3nn==0.6.0 sphericart==2.0.4 numpy==2.4.6
nice v/bin/python -W ignore - <<'P'
import importlib.metadata
import math
import sys

import numpy as np
import sphericart
import torch
from e3nn import o3

print(*(f"{name} {importlib.metadata.version(name)}" for name in ("e3nn", "sphericart")))
torch.set_default_dtype(torch.float64)
front, left, up = torch.eye(3)
quarter = torch.tensor([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])  # yaw of 90 degrees: front becomes left
axes = torch.tensor([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]])  # (x, y, z) to (y, z, x)


def acn(direction, degree):
    """Components of one degree by sphericart, of norm 1."""
    all_degrees = sphericart.SphericalHarmonics(degree).compute(direction[None].numpy())[0]
    found = torch.tensor(all_degrees[degree * degree :])
    return found / found.norm()


def others(direction, degree):
    return o3.spherical_harmonics(degree, direction, normalize=True, normalization="norm")


def alike(one, two):
    return float(one @ two / one.norm() / two.norm())


changed = []
for degree in (1, 2):
    turn = o3.Irrep(degree, (-1) ** degree).D_from_matrix(quarter)
    turned = turn @ acn(front, degree)
    right = o3.Irrep(degree, (-1) ** degree).D_from_matrix(axes @ quarter @ axes.T) @ acn(front, degree)
    print(f"degree {degree}: front turned by a quarter to the left, likeness to front {alike(turned, acn(front, degree)):.3f}, "
          f"to left {alike(turned, acn(left, degree)):.3f}; with exchanged axes to left {alike(right, acn(left, degree)):.3f}")
    if alike(turned, acn(left, degree)) > 0.9:
        changed.append(f"the turn of degree {degree} is right")
    if alike(right, acn(left, degree)) < 0.999:
        changed.append(f"exchanged axes do not help in degree {degree}")
tilted = torch.tensor([1.0, 2, 3]) / math.sqrt(14)
print("(1, 2, 3) of degree 1: e3nn", np.round(others(tilted, 1).numpy() * math.sqrt(14), 3), "sphericart",
      np.round(acn(tilted, 1).numpy() * math.sqrt(14), 3))
for degree in (1, 2):
    if not torch.allclose(others(axes @ tilted, degree) / others(axes @ tilted, degree).norm(), acn(tilted, degree), atol=1e-6):
        changed.append(f"degree {degree} of (y, z, x) is not that of sphericart")
if torch.allclose(others(tilted, 1), acn(tilted, 1), atol=1e-3):
    changed.append("degree 1 is in the order of ACN")
turned = o3.Irrep("1o").D_from_matrix(quarter) @ acn(left, 1)
print("left turned by a quarter to the left: likeness to up", f"{alike(turned, acn(up, 1)):.3f}, to front {alike(turned, acn(front, 1)):.3f}")
if changed:
    sys.exit("CHANGED: " + "; ".join(changed))
print("still so")
P
