"""The README's table of failures is that of the code."""

from __future__ import annotations

import re

from tests import CHECKOUT
from yt360.crawling.failures import KINDS

README = CHECKOUT / "README.md"


def test_every_kind_of_failure_and_its_rule_stand_in_the_readme() -> None:
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| ([^|]+) \| (soon|later|never)[^|]*\|$", README.read_text(), re.MULTILINE)
    assert rows == [(kind.name, kind.meaning, kind.retry) for kind in KINDS.values()]
