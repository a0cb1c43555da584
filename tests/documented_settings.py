"""What the reference says of a stage's settings, set against their declarations.

The page is generated, so a changed default, limit or unit is changed in both on purpose, or a test fails.
"""

from __future__ import annotations

from tests import CHECKOUT
from yt360.settings_reference import settings_of
from yt360.stages import REGISTRY

_PAGE = (CHECKOUT / "docs" / "reference" / "parameters.md").read_text(encoding="utf-8")


def documented(stage: str) -> list[tuple[str, ...]]:
    """Name, default, values and unit of each row in a stage's section, in order."""
    section = _PAGE.partition(f"\n## {stage}\n")[2].partition("\n## ")[0]
    rows = [line.replace("\\|", "\0").split(" | ") for line in section.splitlines() if line.startswith("| `")]
    return [tuple(cell.strip("| `").replace("\0", "|") for cell in row[:4]) for row in rows]


def declared(stage: str) -> list[tuple[str, ...]]:
    """The same of the declarations."""
    kind = REGISTRY.load(stage)
    rows = [*settings_of(kind.params_type), *settings_of(kind.thresholds_type)]
    return [(row.name, row.default, row.values, row.unit) for row in rows]
