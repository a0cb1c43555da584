"""A browser and a server for the tests of the page. Without Chromium they skip."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.view.player_page import chromium, page, recordings, served
from yt360.engine.storage import Root
from yt360.stages import REGISTRY
from yt360.view import server
from yt360.view.viewed_root import ViewedRoot

TOKEN = "token-of-the-tests"


@dataclass
class Served:
    """A running server: its address without and with the token, where labels go, and the root as it holds it."""

    base: str
    address: str
    labels: Path
    viewed: ViewedRoot


class Serving:
    """Starts servers and stops them at the end."""

    def __init__(self, scratch: Path) -> None:
        self._scratch, self._count = scratch, 0
        self._stop: list[Any] = []

    def __call__(
        self, root: Root, registry: Any = REGISTRY, person: str = "ann", others: tuple[Path, ...] = ()
    ) -> Served:
        self._count += 1
        folder = self._scratch / str(self._count)
        folder.mkdir()
        viewed = ViewedRoot(root, registry)
        viewed.videos()
        labels = server.LabelFiles(folder / "labels.tsv", person, others)
        app = server.app_of(server.Routes(viewed, labels, folder), TOKEN, "127.0.0.1")
        listening = server.listen("127.0.0.1", 0)
        running = server.server_of(app)
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + 30
        while not running.started and time.monotonic() < deadline:
            time.sleep(0.02)
        address = server.address_of(listening, TOKEN)

        def stop() -> None:
            running.should_exit = True
            thread.join(10)
            listening.close()

        self._stop.append(stop)
        return Served(address.partition("/?")[0], address, folder / "labels.tsv", viewed)

    def close(self) -> None:
        for stop in self._stop:
            stop()


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    serving = Serving(tmp_path_factory.mktemp("served"))
    yield serving
    serving.close()


def start_browser() -> Any:
    """Headless Chromium, driven by Selenium; skips without one."""
    programs = [shutil.which(name) for name in ("chromium", "chromedriver")]
    if not all(programs):
        pytest.skip("needs chromium and chromedriver (apt install chromium chromium-driver)")
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = programs[0]
    for word in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--force-color-profile=srgb",
                 "--autoplay-policy=no-user-gesture-required", "--disable-gpu", "--enable-unsafe-swiftshader",
                 "--hide-scrollbars"):  # fmt: skip
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(programs[1]))
    driver.set_window_size(1400, 900)
    driver.set_script_timeout(60)
    return driver


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser; the page's errors are in its log."""
    driver = start_browser()
    yield driver
    driver.quit()


@pytest.fixture(scope="package")
def player_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A browser on a page with nothing but the player, ``window.player``."""
    folder = page(tmp_path_factory.mktemp("player"))
    with chromium() as driver:
        recordings(folder)
        with served(folder) as address:
            driver.get(f"{address}/index.html")
            yield driver
