"""Real recordings as files through ``stills`` and ``voiceover``: nothing that a camera filmed and heard is dropped.

Part of ``python -m benchmarks.filters`` (``real``). Files are those beside the checkout; what is absent is named.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from benchmarks.filters_tables import row
from benchmarks.other_hands import fields, films
from benchmarks.other_hands.sources import SHARED
from yt360.engine.stage import Context, Done, Item, Stage
from yt360.media.inspect import inspect_media
from yt360.stages.stills import Stills
from yt360.stages.voiceover import Voiceover

HEARD = tuple(name for names in fields.RECORDINGS.values() for name in names if name.endswith(".webm"))
"""Clips with the sound field that was recorded with them."""

SEEN = tuple(dict.fromkeys([*HEARD, *films.CLIPS, "media/aieThfuvmtY_151.webm", "media/kqAZkf5Odyw_80.mp4"]))
"""Clips whose picture a camera filmed (two: or flew through, or joined from such)."""


def measure() -> list[list[str]]:
    """Rows of the table: all, and each that is dropped with its reason."""
    rows: list[list[str]] = []
    heard = (*HEARD, "media/aieThfuvmtY_151.webm")
    for stage, names in ((Stills(), SEEN), (Voiceover(), heard)):
        kept, dropped, missing = 0, [], [name for name in names if not (SHARED / name).exists()]
        for name in (name for name in names if name not in missing):
            reason = _reason(stage, SHARED / name)
            kept += reason is None
            dropped += [[f"    dropped: {Path(name).stem}", reason, "", ""]] if reason is not None else []
        rows.append(row(f"kept by {stage.name}", kept, len(names) - len(missing), "all"))
        rows += dropped + [[f"left out: {name}", "", "", ""] for name in missing]
    return rows


def _reason(stage: Stage, path: Path) -> str | None:
    with tempfile.TemporaryDirectory() as scratch:
        facts = Path(scratch) / "facts.json"
        facts.write_text(json.dumps(inspect_media(path).facts()))
        outcome = stage.process(
            Item("v", "v", files={"video": path, "facts": facts}), Context(Path(scratch), Path(scratch))
        )
        assert isinstance(outcome, Done), path
        verdict = stage.decide(json.loads(json.dumps(outcome.measures)))
    return None if verdict is None else f"{verdict.reason}: {verdict.detail}"
