from __future__ import annotations

import pickle

from yt360.dataset.recent import RecentlyUsed


def test_what_was_used_longest_ago_makes_room() -> None:
    asked: list[str] = []
    kept = RecentlyUsed[bytes](10, len)

    def made(key: str, size: int) -> bytes:
        asked.append(key)
        return bytes(size)

    def get(key: str, size: int) -> int:
        return len(kept.get(key, lambda: made(key, size)))

    for key, size in (
        ("a", 5),
        ("b", 5),
        ("a", 5),
        ("c", 5),
        ("a", 5),
        ("b", 5),
        ("d", 11),
        ("b", 5),
        ("e", 10),
        ("e", 10),
    ):
        assert get(key, size) == size
    assert asked == ["a", "b", "c", "b", "d", "e"]


def test_a_copy_for_another_process_is_empty_and_has_the_same_bound() -> None:
    kept = RecentlyUsed[bytes](4, len)
    kept.get("a", lambda: b"1234")
    other = pickle.loads(pickle.dumps(kept))
    assert other.get("a", lambda: b"5678") == b"5678"
    assert other.get("b", lambda: b"123") == b"123"
    assert other.get("a", lambda: b"9") == b"9"
