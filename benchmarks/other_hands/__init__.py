"""Material for judging that other hands made: generators, recordings and pictures that no rule or limit was fitted on.

Nothing here imports :mod:`yt360.synth`, :mod:`fitting`, or what :mod:`benchmarks.media_sounds` and
:mod:`benchmarks.media_scenes` draw, and nothing in :mod:`fitting` or in the package imports this: a test holds both.
``requirements-other-hands.txt`` lists what it needs; a row whose package or recording is absent is named as left out.
"""

from __future__ import annotations


class LeftOutError(Exception):
    """A row cannot be made here; says what is missing."""
