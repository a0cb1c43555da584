"""Weights from a server on this machine that misbehaves, a path, and a cache folder."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from yt360.errors import UsageError
from yt360.segmentation import weights
from yt360.segmentation.weights import MissingWeightsError, TransferError, fetch, find

CONTENT = np.random.default_rng(0).bytes(3_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server:
    """``cut``: bytes after which each reply breaks off; ``ranges``: whether it knows how to go on."""

    def __init__(self) -> None:
        self.cut: int | None = None
        self.ranges = True
        self.status = 200
        self.asked: list[str | None] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = self.headers.get("Range")
                outer.asked.append(asked)
                if outer.status != 200:
                    self.send_error(outer.status)
                    return
                start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and outer.ranges else 0
                if start >= len(CONTENT):
                    self.send_error(416)
                    return
                body = CONTENT[start:]
                self.send_response(206 if start else 200)
                self.send_header("Content-Length", str(len(body)))
                if start:
                    self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
                self.end_headers()
                self.wfile.write(body[: outer.cut])

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._http.server_port}/model.pkl"

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YT360_CACHE", str(tmp_path / "cache"))


def test_address_is_fetched_once_and_then_found_in_the_cache(server: Server) -> None:
    path = find("some-model", server.url, SHA256)
    assert path.read_bytes() == CONTENT
    assert find("some-model", server.url, SHA256) == path
    assert len(server.asked) == 1


def test_broken_transfers_go_on_where_they_stopped(server: Server, tmp_path: Path) -> None:
    server.cut = 1_100_000
    fetch(server.url, tmp_path / "model.pkl", SHA256)
    assert (tmp_path / "model.pkl").read_bytes() == CONTENT
    assert server.asked == [None, "bytes=1100000-", "bytes=2200000-"]


def test_server_that_cannot_go_on_is_asked_for_the_whole(server: Server, tmp_path: Path) -> None:
    (tmp_path / "model.pkl.part").write_bytes(b"old")
    server.ranges = False
    fetch(server.url, tmp_path / "model.pkl", SHA256)
    assert (tmp_path / "model.pkl").read_bytes() == CONTENT


def test_part_longer_than_the_file_is_thrown_away(server: Server, tmp_path: Path) -> None:
    (tmp_path / "model.pkl.part").write_bytes(CONTENT + b"more")
    fetch(server.url, tmp_path / "model.pkl", SHA256)
    assert (tmp_path / "model.pkl").read_bytes() == CONTENT


def test_truncated_download_never_takes_the_files_place(server: Server, tmp_path: Path) -> None:
    server.cut = 1000
    with pytest.raises(TransferError, match="the connection ended after 4000 of 3000000 bytes"):
        fetch(server.url, tmp_path / "model.pkl", SHA256)
    assert not (tmp_path / "model.pkl").exists()
    server.cut = None
    fetch(server.url, tmp_path / "model.pkl", SHA256)
    assert server.asked[-1] == "bytes=4000-"
    assert (tmp_path / "model.pkl").read_bytes() == CONTENT


def test_wrong_digest_is_named_and_nothing_is_left(server: Server, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"expected SHA-256 abc, found {SHA256}; fetch the file again"):
        find("some-model", server.url, "abc")
    assert not list((tmp_path / "cache").rglob("*.p*"))


@pytest.mark.parametrize("status", [404, 503])
def test_refusal_says_what_to_fetch_and_where_to_put_it(server: Server, tmp_path: Path, status: int) -> None:
    server.status = status
    with pytest.raises(MissingWeightsError) as raised:
        find("some-model", server.url)
    message = str(raised.value)
    assert f"fetch {server.url} elsewhere and put it at {tmp_path}/cache/weights/some-model-model.pkl" in message
    assert len(server.asked) == (1 if status == 404 else 4)


def test_no_weights_and_no_network_names_the_published_file(tmp_path: Path) -> None:
    with pytest.raises(MissingWeightsError) as raised:
        find("panoptic-fpn-r101", download=False)
    url = "https://dl.fbaipublicfiles.com/detectron2/COCO-PanopticSegmentation/panoptic_fpn_R_101_3x/139514519/"
    assert f"fetch {url}model_final_cafdb1.pkl elsewhere" in str(raised.value)
    assert f"put it at {tmp_path}/cache/weights/model_final_cafdb1.pkl" in str(raised.value)
    target = tmp_path / "cache" / "weights" / "model_final_cafdb1.pkl"
    target.parent.mkdir(parents=True)
    target.write_bytes(b"x")
    assert find("panoptic-fpn-r101", download=False) == target
    target.with_suffix(".safetensors").write_bytes(b"x")
    assert find("panoptic-fpn-r101", download=False).suffix == ".safetensors"


def test_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected the weights of panoptic-fpn-r50, found no such file"):
        find("panoptic-fpn-r50", str(tmp_path / "nothing.pkl"))


def test_published_weights_carry_their_licence() -> None:
    assert {each.licence for each in weights.PUBLISHED.values()} == {"CC BY-SA 3.0"}
