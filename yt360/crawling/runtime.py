"""The JavaScript runtime that yt-dlp needs for YouTube: found, or explained."""

from __future__ import annotations

from collections.abc import Sequence

from yt_dlp.globals import supported_js_runtimes


def find_runtime(wanted: Sequence[str]) -> str:
    """Name and version of the first of ``wanted`` that is installed and new enough; empty when none is.

    yt-dlp looks beside the Python interpreter first, where the ``deno`` package puts its binary.
    """
    for name in wanted:
        kind = supported_js_runtimes.value.get(name)
        found = kind(path=None).info if kind is not None else None
        if found is not None and found.supported:
            return f"{found.name} {found.version}"
    return ""


def explain_missing(wanted: Sequence[str]) -> str:
    """What to do when :func:`find_runtime` found none."""
    return (
        f"no JavaScript runtime found (looked for {', '.join(wanted) or 'none: crawl.access.js_runtimes is empty'}): "
        "YouTube shows yt-dlp fewer formats without one, often none with ambisonic sound; `pip install deno` puts one "
        "beside Python, or install node 22 or newer"
    )
