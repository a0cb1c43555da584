"""Hostile text: what is stored is bounded, cannot reorder what a reader sees, and holds no secret."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yt360.crawling.text import clean_text, public_url, redact
from yt360.hashing import safe_id

ANY_TEXT = st.text(st.characters(codec=None), max_size=400)


@given(ANY_TEXT, st.integers(1, 200))
def test_clean_text_is_bounded_and_storable(text: str, limit: int) -> None:
    cleaned = clean_text(text, limit)
    assert len(cleaned) <= limit
    cleaned.encode("utf-8")
    assert all(unicodedata.category(character) not in ("Cc", "Cs") for character in cleaned)
    assert not set(cleaned) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\ufeff")


def test_reordering_characters_are_taken_out() -> None:
    assert clean_text("invoice\u202egpj.exe") == "invoicegpj.exe"


def test_ten_thousand_characters_are_cut() -> None:
    assert clean_text("x" * 10_000, 500) == "x" * 499 + "…"


def test_letters_of_every_language_and_emoji_stay() -> None:
    title = "Zürich 360° — 日本語 עברית 👩\u200d🚀"
    assert clean_text(title) == title


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:pw@example.org:8080/a.mp4?X-Amz-Signature=1#t", "https://example.org:8080/a.mp4"),
        ("https://www.youtube.com/watch?v=AAAAAAAAAAA&pp=xyz", "https://www.youtube.com/watch?v=AAAAAAAAAAA"),
        ("https://rr3---sn-x.googlevideo.com/videoplayback/id/1/sig/S", "https://rr3---sn-x.googlevideo.com/"),
        ("http://[::1", "(an address that cannot be read)"),
    ],
)
def test_public_url(url: str, shown: str) -> None:
    assert public_url(url) == shown


@pytest.mark.parametrize(
    "text",
    [
        "Cookie: SID=TOPSECRET; HSID=TOPSECRET",
        "po_token=TOPSECRET",
        "visitor_data: TOPSECRET",
        "youtube:po_token=mweb.gvs+TOPSECRETabc",
        "proxy http://me:TOPSECRET@10.0.0.1:3128/ refused",
        "got https://x.test/a?sig=TOPSECRET",
        "\x1b[0;31mERROR:\x1b[0m access_token = TOPSECRET",
    ],
)
def test_redact_hides_secrets(text: str) -> None:
    assert "TOPSECRET" not in redact(text)


@given(ANY_TEXT)
def test_redact_takes_anything(text: str) -> None:
    json.dumps(redact(text)).encode()


@given(ANY_TEXT)
def test_item_ids_are_one_safe_path_component(text: str) -> None:
    name = safe_id(text)
    assert 0 < len(name) <= 120
    assert not set(name) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
