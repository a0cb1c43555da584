"""Ten thousand videos for real: how soon the page lists them, and the memory of the server."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import CHECKOUT
from tests.view.many_videos import many_videos
from tests.view.pages import Page, until

COUNT = 10_000
MOST_MB = 300
MOST_S = 2.0


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[subprocess.Popen[str], str]]:
    folder = tmp_path_factory.mktemp("large")
    root = many_videos(folder / "root", COUNT)
    command = [
        sys.executable,
        "-m",
        "yt360",
        "view",
        "--root",
        str(root.path),
        "--no-browser",
        "--labels",
        folder / "l.tsv",
    ]
    with subprocess.Popen([str(word) for word in command], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        yield running, running.stdout.readline().strip()
        running.send_signal(signal.SIGINT)
        running.wait(60)


def memory_mb(pid: int, name: str) -> float:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) / 1024


@pytest.mark.slow
def test_the_list_opens_soon_and_the_server_stays_small(
    process: tuple[subprocess.Popen[str], str], browser: Any
) -> None:
    running, address = process
    took = []
    for _ in range(3):  # the machine may be busy with something else
        page = Page(browser).open(address)
        took.append(page.js("return performance.getEntriesByName('list')[0].startTime") / 1000)
    assert page.text(".found") == "10,000 videos"
    page.js("document.querySelectorAll('.row')[2].click()")
    until(lambda: page.texts(".step"), "an open video", 60)
    page.js("document.querySelector('[data-tab=thresholds]').click()")
    card = "[...document.querySelectorAll('.score')].find((e) => e.textContent.startsWith('added to W'))"
    page.js(f"const s = {card}.querySelector('input'); s.value = 0.3; s.dispatchEvent(new Event('input'))")
    until(lambda: "A run would keep" in page.js(f"return {card}.textContent"), "the answer", 120)
    now_mb, peak_mb = memory_mb(running.pid, "VmRSS"), memory_mb(running.pid, "VmHWM")
    print(f"list after {min(took):.2f} s; server {now_mb:.0f} MB now, {peak_mb:.0f} MB at most")
    assert min(took) < MOST_S
    assert now_mb < MOST_MB
