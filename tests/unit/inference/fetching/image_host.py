"""Small servers for the tests: an image host over http or https, and the AWS calls of the function."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = Callable[[BaseHTTPRequestHandler], None]


class LocalServer:
    """Serves what `replies` says for a path without its query; keeps every request it saw."""

    def __init__(self, replies: dict[str, Reply], tls: ssl.SSLContext | None = None) -> None:
        self.replies = replies
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler_class())
        self._server.daemon_threads = True
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]

    @contextmanager
    def running(self) -> Iterator["LocalServer"]:
        # A failed TLS handshake is part of some tests, not a traceback to print.
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def url(self, path: str, host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    def _handler_class(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.body = body
                outer.requests.append((self.command, self.path, dict(self.headers), body))
                outer.replies[self.path.partition("?")[0]](self)

            do_GET = answer  # noqa: N815  (http.server's name)
            do_POST = answer  # noqa: N815  (http.server's name)

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        return Handler


def send(
    body: bytes = b"", *, status: int = 200, headers: dict[str, str] | None = None, declare: int | None = None
) -> Reply:
    """A whole answer; `declare` is the Content-Length to claim when it is not the true one."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body) if declare is None else declare))
        for name, value in (headers or {}).items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = True

    return reply


def send_json(document: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    content_type = {"Content-Type": "application/x-amz-json-1.1"}
    return send(json.dumps(document).encode(), status=status, headers={**content_type, **(headers or {})})


def redirect(location: str, status: int = 302) -> Reply:
    return send(status=status, headers={"Location": location})


def send_chunked(chunks: Iterable[bytes]) -> Reply:
    """An answer of unknown length, for as long as the client listens."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        try:
            for chunk in chunks:
                handler.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            handler.wfile.write(b"0\r\n\r\n")
        except OSError:
            handler.close_connection = True

    return reply


def send_raw(pieces: Iterable[bytes]) -> Reply:
    """Bytes as they come, without a status line of our own."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        try:
            for piece in pieces:
                handler.wfile.write(piece)
        except OSError:
            pass
        handler.close_connection = True
        handler.connection.shutdown(socket.SHUT_RDWR)

    return reply
