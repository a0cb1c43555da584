"""A stand-in for Hugging Face's hub: as much of its HTTP interface as one upload and one download ask for."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class StandIn:
    """``files``: path -> content of the one repository; ``asked``: (method, path) of every request."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.created: list[dict[str, object]] = []
        self.asked: list[tuple[str, str]] = []
        self.endpoint = ""


@contextmanager
def stand_in() -> Iterator[StandIn]:
    hub = StandIn()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *words: object) -> None:
            pass

        def _answer(self, value: object, status: int = 200) -> None:
            data = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _body(self) -> bytes:
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))

        def do_POST(self) -> None:
            body = self._body()
            hub.asked.append(("POST", self.path))
            if self.path == "/api/repos/create":
                asked = json.loads(body)
                hub.created.append(asked)
                self._answer({"url": f"{hub.endpoint}/{asked['organization']}/{asked['name']}"})
            elif self.path == "/api/validate-yaml":
                self._answer({"errors": [], "warnings": []})
            elif "/preupload/" in self.path:
                files = json.loads(body)["files"]
                self._answer(
                    {"files": [{"path": one["path"], "uploadMode": "regular", "shouldIgnore": False} for one in files]}
                )
            elif "/commit/" in self.path:
                for line in body.decode().splitlines():
                    each = json.loads(line)
                    if each["key"] == "file":
                        hub.files[each["value"]["path"]] = base64.b64decode(each["value"]["content"])
                self._answer(
                    {"commitUrl": f"{hub.endpoint}/user/tiny/commit/{COMMIT}", "commitOid": COMMIT, "success": True}
                )
            else:
                self._answer({"error": "not found"}, 404)

        def do_GET(self) -> None:
            self._get(with_body=True)

        def do_HEAD(self) -> None:
            self._get(with_body=False)

        def _get(self, *, with_body: bool) -> None:
            hub.asked.append((self.command, self.path))
            file = re.fullmatch(r"/[^/]+/[^/]+/resolve/[^/]+/(.+)", self.path.partition("?")[0])
            if file and file[1] in hub.files:
                data = hub.files[file[1]]
                self.send_response(200)
                self.send_header("X-Repo-Commit", COMMIT)
                self.send_header("ETag", f'"{hashlib.sha1(data).hexdigest()}"')
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if with_body:
                    self.wfile.write(data)
            elif self.path.startswith("/api/models/user/tiny/tree/") and hub.files:
                self._answer(
                    [
                        {"type": "file", "path": name, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
                        for name, data in hub.files.items()
                    ]
                )
            elif self.path.startswith("/api/models/user/tiny") and hub.files:
                siblings = [{"rfilename": name} for name in hub.files]
                self._answer({"id": "user/tiny", "modelId": "user/tiny", "sha": COMMIT, "siblings": siblings})
            else:
                self.send_response(404)
                self.send_header("X-Error-Code", "RepoNotFound")
                self.send_header("Content-Length", "0")
                self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
