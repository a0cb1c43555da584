"""A local server that plays YouTube and a plain file host, with faults on demand, and what it offers."""

from __future__ import annotations

import json
import random
import socket
import threading
import time
import urllib.parse
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Served:
    """A file and its faults. ``refuse``: status codes of the first answers, then all is well."""

    data: bytes
    etag: str = '"1"'
    kind: str = "application/octet-stream"
    refuse: list[int] = field(default_factory=list)
    refuse_head: int = 0
    retry_after_s: int | None = None
    drop_after: list[int] = field(default_factory=list)
    bytes_per_s: float | None = None
    say_length: bool = True


@dataclass
class Request:
    at: float
    method: str
    path: str
    span: str
    sent: int = 0


class Tube:
    """Use as a context manager; ``base`` is its address. ``files`` by path, ``videos`` by id, ``lists`` by address."""

    def __init__(self) -> None:
        self.files: dict[str, Served] = {}
        self.videos: dict[str, Any] = {}
        self.lists: dict[str, Any] = {}
        self.requests: list[Request] = []
        self.lock = threading.Lock()
        self.in_flight = 0
        self.most_in_flight = 0
        tube = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_HEAD(self) -> None:
                tube.answer(self, head=True)

            def do_GET(self) -> None:
                tube.answer(self, head=False)

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self) -> Tube:
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def asked(self, prefix: str, method: str = "GET") -> list[Request]:
        return [one for one in self.requests if one.path.startswith(prefix) and one.method == method]

    def answer(self, handler: BaseHTTPRequestHandler, head: bool) -> None:
        path = handler.path.split("?")[0]
        request = Request(time.time(), handler.command, handler.path, handler.headers.get("Range", ""))
        with self.lock:
            self.requests.append(request)
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            if path.startswith("/info/"):
                self._info(handler, path.removeprefix("/info/"))
            elif path == "/list":
                query = urllib.parse.parse_qs(urllib.parse.urlsplit(handler.path).query)
                self._json(handler, self.lists.get(query["url"][0]))
            else:
                self._file(handler, self.files.get(urllib.parse.unquote(path)), head, request)
        finally:
            with self.lock:
                self.in_flight -= 1

    def _info(self, handler: BaseHTTPRequestHandler, name: str) -> None:
        value = self.videos.get(name)
        with self.lock:
            if isinstance(value, list):  # one answer after the other; the last one stays
                value = value.pop(0) if len(value) > 1 else value[0]
        if isinstance(value, int):
            handler.send_error(value)
            return
        self._json(handler, value)

    def _json(self, handler: BaseHTTPRequestHandler, value: Any) -> None:
        if value is None:
            handler.send_error(404)
            return
        body = json.dumps(value).encode()
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def _file(self, handler: BaseHTTPRequestHandler, one: Served | None, head: bool, request: Request) -> None:
        if one is None:
            handler.send_error(404)
            return
        if head and one.refuse_head:
            handler.send_error(one.refuse_head)
            return
        with self.lock:
            status = one.refuse.pop(0) if one.refuse and not head else 200
        if status != 200:
            handler.send_response(status)
            if one.retry_after_s is not None:
                handler.send_header("Retry-After", str(one.retry_after_s))
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        start, total = 0, len(one.data)
        if request.span.startswith("bytes="):
            start = int(request.span.removeprefix("bytes=").split("-")[0])
            if start >= total:
                handler.send_response(416)
                handler.send_header("Content-Range", f"bytes */{total}")
                handler.send_header("Content-Length", "0")
                handler.end_headers()
                return
        handler.send_response(206 if request.span else 200)
        handler.send_header("Content-Type", one.kind)
        handler.send_header("ETag", one.etag)
        if request.span:
            handler.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        if one.say_length:
            handler.send_header("Content-Length", str(total - start))
        else:
            handler.send_header("Connection", "close")
            handler.close_connection = True
        handler.end_headers()
        if head:
            return
        body = one.data[start:]
        with self.lock:
            cut = one.drop_after.pop(0) if one.drop_after else None
        if cut is not None:
            body = body[:cut]
        for at in range(0, len(body), 16_384):
            handler.wfile.write(body[at : at + 16_384])
            request.sent += len(body[at : at + 16_384])
            if one.bytes_per_s:
                time.sleep(16_384 / one.bytes_per_s)
        if cut is not None:
            handler.wfile.flush()
            handler.connection.shutdown(socket.SHUT_RDWR)


def bytes_of(name: str, size: int) -> bytes:
    """Reproducible noise that looks like no web page."""
    return b"\x1aE\xdf\xa3" + random.Random(name).randbytes(size - 4)


def picture(itag: str, note: str, height: int, ext: str = "mp4", codec: str = "avc1.64", **more: Any) -> dict[str, Any]:
    """A picture-only format as yt-dlp's YouTube extractor lists it."""
    return {
        "format_id": itag,
        "format_note": note,
        "height": height,
        "width": height * 16 // 9,
        "fps": 30,
        "ext": ext,
        "vcodec": codec,
        "acodec": "none",
        "container": f"{ext}_dash",
        "protocol": "https",
        **more,
    }


def sound(itag: str, note: str, channels: int, ext: str, codec: str, **more: Any) -> dict[str, Any]:
    """A sound-only format as yt-dlp's YouTube extractor lists it."""
    return {
        "format_id": itag,
        "format_note": note,
        "audio_channels": channels,
        "asr": 48_000,
        "ext": ext,
        "vcodec": "none",
        "acodec": codec,
        "container": f"{ext}_dash",
        "protocol": "https",
        **more,
    }


SOUNDS = [
    sound("251", "medium", 2, "webm", "opus", tbr=130),
    sound("140", "medium", 2, "m4a", "mp4a.40.2", tbr=129),
    sound("338", "high, ambisonics_quad", 4, "webm", "opus", tbr=480),
    sound("339", "high, ambisonics_quad", 4, "webm", "vorbis", tbr=450),
    sound("327", "high, ambisonics_5_1", 6, "m4a", "mp4a.40.2", tbr=256),
    sound("380", "high", 6, "m4a", "ac-3", tbr=384),
    sound("328", "high", 6, "m4a", "ec-3", tbr=384),
]
PICTURES = [
    picture("244", "480s, mesh", 480, "webm", "vp9", tbr=500),
    picture("247", "720s, mesh", 720, "webm", "vp9", tbr=1500),
    picture("248", "1080s, mesh", 1080, "webm", "vp9", tbr=2600),
    picture("137", "1080s, mesh", 1080, "mp4", "avc1.640028", tbr=4000),
    picture("399", "1080s, equi", 1080, "mp4", "av01.0.08M.08", tbr=2000),
    picture("313", "2160s, mesh", 2160, "webm", "vp9", tbr=18_000),
]
HLS = [
    picture("270", "", 1078, "mp4", "avc1.640028", protocol="m3u8_native", tbr=4500, format_note=None),
    picture("232", "", 718, "mp4", "avc1.64001f", protocol="m3u8_native", tbr=2300, format_note=None),
]


def offer(tube: Tube, name: str, formats: list[dict[str, Any]], size: int = 20_000, **info: Any) -> None:
    """Let ``tube`` have a video with these formats, each with bytes of its own."""
    listed = []
    for one in formats:
        path = f"/media/{name}/{one['format_id']}?expire=1&sig=SIGNED&lmt=17"
        if one["protocol"].startswith("http"):
            data = bytes_of(f"{name}/{one['format_id']}", size)
            tube.files[path.split("?")[0]] = Served(data)
            listed.append({**one, "url": path, "filesize": len(data)})
        else:
            listed.append({**one, "url": f"{path}&hls=1"})
    tube.videos[name] = {"title": f"Title of {name}", "duration": 60, "formats": listed, **info}
