from __future__ import annotations

import pytest

from tests.documented_settings import declared, documented
from yt360.filters.stills import thresholds
from yt360.filters.stills.thresholds import StillsThresholds


def test_defaults_and_limits_are_those_of_the_reference() -> None:
    assert len(documented("stills")) > 3
    assert declared("stills") == documented("stills")


@pytest.mark.parametrize("names", [["weak_share"], sorted(thresholds._GONE)])
def test_thresholds_that_decided_nothing_are_named_and_ignored(
    names: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    given = {**dict.fromkeys(names, 0.5), "still_probability": 0.8}
    assert StillsThresholds.model_validate(given) == StillsThresholds(still_probability=0.8)
    assert [record.getMessage().split()[3] for record in caplog.records] == names
