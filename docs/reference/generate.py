"""Writes the generated reference pages and the JSON schemas: `python docs/reference/generate.py`."""

from __future__ import annotations

import json
from pathlib import Path

from yt360.cli import commands_reference
from yt360.cli.main import group
from yt360.cli.params import SCHEMAS, markdown, schema_of

TOP = Path(__file__).resolve().parents[2]


def generated() -> dict[Path, str]:
    """Every generated file with its content."""
    files = {
        TOP / "docs/reference/parameters.md": markdown(),
        TOP / "docs/reference/commands.md": commands_reference.markdown(group),
    }
    for which in SCHEMAS:
        text = json.dumps(schema_of(which), indent=1, ensure_ascii=False) + "\n"
        files[TOP / f"pipelines/schema/{which}.schema.json"] = text
    return files


if __name__ == "__main__":
    for path, text in generated().items():
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(TOP))
