"""Serves auth and inference for the parts that measure no streams and therefore need no C compiler."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import orjson

_REPLY = b'data: {"token":"Deep.","gpu":0}\n\ndata: {"done":true}\n\n'


class _Handler(BaseHTTPRequestHandler):
    """Accepts every bearer token as the name of its user, and replies with one token."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer("application/json", b'{"status":"ok"}')

    def do_POST(self) -> None:
        body = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/generate":
            self._answer("text/event-stream", _REPLY)
        else:
            claims = {"valid": True, "user": {"id": body["token"]}, "claims": {"sub": body["token"]}}
            self._answer("application/json", orjson.dumps(claims))

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, media_type: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def running_stub_services() -> Generator[int]:
    """Runs both services in a thread, and yields their common port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()
