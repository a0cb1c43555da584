"""Who wrote something, in a name: so that another process can tell whether its writer may still be alive.

A mark names the process-id space (host, boot and namespace) and the process. Only a process of the same
space is ever called gone; about another host nothing is known, so what it left is kept.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import socket
from pathlib import Path

_MARK = re.compile(r"~([0-9a-f]{8})\.(\d+)~")


@functools.cache
def _space() -> str:
    """Process ids mean the same to those who share host name, boot and process-id namespace."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:
        boot = namespace = ""
    return hashlib.blake2b(f"{socket.gethostname()} {boot} {namespace}".encode(), digest_size=4).hexdigest()


def mark() -> str:
    """``~SPACE.PID~`` of this process, to be put into a file's name or a lease."""
    return f"~{_space()}.{os.getpid()}~"


def is_marked(name: str) -> bool:
    """Whether any process of yt360 marked this name."""
    return _MARK.search(name) is not None


def is_gone(name: str) -> bool:
    """Whether the writer marked in ``name`` has certainly ended. Without a mark, or from elsewhere: ``False``."""
    match = _MARK.search(name)
    if match is None or match[1] != _space():
        return False
    try:
        state = Path("/proc", match[2], "stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return True
    return state in "ZX"


def is_from_here(name: str) -> bool:
    """Whether the writer marked in ``name`` is or was a process that this one could see."""
    match = _MARK.search(name)
    return match is not None and match[1] == _space()
