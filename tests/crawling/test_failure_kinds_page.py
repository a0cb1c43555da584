"""The table of failure kinds in the docs is that of the code."""

from __future__ import annotations

import re

from tests import CHECKOUT
from yt360.crawling.failures import KINDS

PAGE = CHECKOUT / "docs" / "reference" / "failure-kinds.md"


def test_every_kind_of_failure_and_its_rule_stand_in_the_docs() -> None:
    text = PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| ([^|]+) \| (soon|later|never)[^|]*\|$", text, re.MULTILINE)
    assert rows == [(kind.name, kind.meaning, kind.retry) for kind in KINDS.values()]
