"""info.json keeps what is useful and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yt360.crawling import info
from yt360.errors import ItemError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)
FIELDS = st.sampled_from(["id", "title", "description", "duration", "tags", "formats", "webpage_url", "channel", "fps"])

RAW = {
    "id": "AAAAAAAAAAA",
    "title": "<b>A\u202eB</b>\x00",
    "description": "one\ntwo",
    "duration": 61.5,
    "license": "Creative Commons Attribution license (reuse allowed)",
    "webpage_url": "https://user:pw@www.youtube.com/watch?v=AAAAAAAAAAA&token=TOPSECRET",
    "http_headers": {"Cookie": "TOPSECRET"},
    "cookies": "TOPSECRET",
    "epoch": 1_700_000_000,
    "_filename": "/home/me/x.mp4",
    "formats": [{"format_id": "338", "url": "https://x/?sig=TOPSECRET", "cookies": "TOPSECRET", "audio_channels": 4}],
}


def test_useful_fields_stay_and_secrets_go() -> None:
    kept = info.sanitise(RAW)
    assert kept["title"] == "<b>AB</b>"
    assert kept["description"] == "one\ntwo"
    assert kept["license"].startswith("Creative Commons")
    assert kept["webpage_url"] == "https://www.youtube.com/watch?v=AAAAAAAAAAA"
    assert kept["formats"] == [{"format_id": "338", "audio_channels": 4}]
    text = json.dumps(kept)
    for secret in ("TOPSECRET", "pw@", "/home/me", "1700000000"):
        assert secret not in text


def test_same_info_gives_the_same_bytes(tmp_path: Path) -> None:
    info.write(tmp_path / "a", info.sanitise(RAW))
    info.write(tmp_path / "b", info.sanitise({**dict(reversed(RAW.items())), "epoch": 5}))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(FIELDS, JSON, max_size=6))
def test_any_info_can_be_kept(raw: dict[str, object]) -> None:
    assert len(json.dumps(info.sanitise(raw), allow_nan=False)) < 100_000


def test_thousand_formats_and_long_texts_are_bounded() -> None:
    raw = {"title": "x" * 10_000, "tags": ["y" * 10_000] * 1000, "formats": [{"format_id": "z" * 10_000}] * 5000}
    assert len(json.dumps(info.sanitise(raw))) < 120_000


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000])
def test_file_that_is_no_info_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.info.json").write_text(text)
    with pytest.raises(ItemError, match=r"a\.info\.json"):
        info.read(tmp_path / "a.info.json")
