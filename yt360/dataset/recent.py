"""What was read last, within a bound of bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class RecentlyUsed(Generic[Value]):
    """Keeps the values used last, up to ``limit_bytes`` in total. A copy sent to another process starts empty.

    >>> kept = RecentlyUsed[bytes](8, len)
    >>> kept.get("a", lambda: b"12345"), kept.get("a", lambda: b"not asked")
    (b'12345', b'12345')
    >>> kept.get("b", lambda: b"123456")  # no room for both
    b'123456'
    >>> kept.get("a", lambda: b"asked again")  # larger than the limit: not kept
    b'asked again'
    """

    def __init__(self, limit_bytes: int, size: Callable[[Value], int]) -> None:
        self._limit, self._size = limit_bytes, size
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._bytes = 0

    def __reduce__(self) -> tuple[type[RecentlyUsed[Value]], tuple[int, Callable[[Value], int]]]:
        return type(self), (self._limit, self._size)

    @property
    def keeps(self) -> bool:
        """Whether anything may be kept at all.

        >>> RecentlyUsed[bytes](0, len).keeps
        False
        """
        return self._limit > 0

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value of ``key``; ``make`` is asked for it where it is not kept."""
        if key in self._values:
            self._values.move_to_end(key)
            return self._values[key]
        value = make()
        if self._size(value) <= self._limit:
            self._values[key] = value
            self._bytes += self._size(value)
        while self._bytes > self._limit:
            self._bytes -= self._size(self._values.popitem(last=False)[1])
        return value
