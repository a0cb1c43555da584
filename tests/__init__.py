"""The tests of yt360; they mirror the package.

``CHECKOUT`` is this checkout. ``SHARED`` is a folder of recordings that may lie beside it; tests that need it skip
where it is absent.
"""

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
SHARED = CHECKOUT.parent / "shared"
