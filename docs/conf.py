"""How `make docs` builds these pages: Sphinx with MyST, so that they read alike there and in a checkout."""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent))

project = "yt360"
author = "The yt360 authors"
project_copyright = "The yt360 authors, Apache-2.0"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_copybutton"]
root_doc = "index"
# The entry in a checkout; here its text is that of the index.
exclude_patterns = ["README.md"]

myst_heading_anchors = 3
myst_enable_extensions = ["deflist"]

autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "undoc-members": True}

html_theme = "furo"
html_title = "yt360"
html_show_sourcelink = False
html_show_sphinx = False

# Pages outside this folder, and where they stand in the site.
_OUTSIDE = {
    "manifests/README.md": "reference/manifests.md",
    "yt360/models/weights/avsa-procedural-world/README.md": "reference/avsa-procedural-world.md",
    "THIRD_PARTY.md": "reference/third-party.md",
}


def _with_pages_from_outside(_: Any, docname: str, source: list[str]) -> None:
    if docname == "index":
        source[0] = (DOCS / "README.md").read_text(encoding="utf-8") + source[0]
    up = "../" * docname.count("/")
    for outside, inside in _OUTSIDE.items():
        if docname == inside.removesuffix(".md"):
            source[0] = (DOCS.parent / outside).read_text(encoding="utf-8").replace("](../docs/", f"]({up}")
        source[0] = source[0].replace(f"]({up}../{outside}", f"]({up}{inside}")


def _signature_as_written(_: Any, what: str, name: str, thing: Any, *rest: Any) -> tuple[str, str | None] | None:
    """Types as the source has them (``NDArray[Any]``), not as numpy spells them out."""
    if what not in ("function", "method", "class"):
        return None
    try:
        signature = inspect.signature(thing)
    except (TypeError, ValueError):
        return None
    if what == "method":
        signature = signature.replace(parameters=[p for p in signature.parameters.values() if p.name != "self"])
    written, _, returned = re.sub(r"(: |-> )'([^']*)'", r"\1\2", str(signature)).partition(" -> ")
    return written, returned or None


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("autodoc-process-signature", _signature_as_written)
    app.connect("source-read", _with_pages_from_outside)
