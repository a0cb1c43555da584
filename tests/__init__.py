"""The tests of yt360; they mirror the package.

``CHECKOUT`` is this checkout. ``SHARED`` is a folder of recordings that may lie beside it; tests that need it skip
where it is absent.
"""

import os
from pathlib import Path

# A test is too small to be worth several cores, and `make test` runs a process on each: threads that wait for each
# other would only take its time. numpy and torch read these when they are imported, which is after this.
for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"):
    os.environ.setdefault(_threads, "1")

CHECKOUT = Path(__file__).resolve().parents[1]
SHARED = CHECKOUT.parent / "shared"
