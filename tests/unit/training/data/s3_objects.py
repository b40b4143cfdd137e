"""S3 as far as training asks it for one version of an object, over HTTP."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

DELETED = b"a delete marker"


@dataclass
class S3Objects:
    """(bucket/key, version id) -> bytes; `broken` answers end in the middle, as often as it says."""

    objects: dict[tuple[str, str], bytes] = field(default_factory=dict)
    broken: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    denied: set[str] = field(default_factory=set)
    url: str = ""

    def answer(self, path: str, version_id: str, if_match: str) -> tuple[int, str, bytes]:
        """Status, error code and body of GetObject."""
        self.asked[path] += 1
        found = self.objects.get((path, version_id))
        if path in self.denied:
            return 403, "AccessDenied", b""
        if found is None:
            return 404, "NoSuchVersion", b""
        if found is DELETED:
            return 405, "MethodNotAllowed", b""
        if if_match != etag(found):
            return 412, "PreconditionFailed", b""
        return 200, "", found


def etag(body: bytes) -> str:
    """Not MD5, as a multipart upload's is not."""
    return f'"{len(body)}-{sum(body) % 997}"'


@contextmanager
def serve(s3: S3Objects) -> Iterator[S3Objects]:
    """The objects at `url`, while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            address = urlsplit(self.path)
            path = unquote(address.path).lstrip("/")
            version_id = parse_qs(address.query).get("versionId", [""])[0]
            status, code, body = s3.answer(path, version_id, self.headers.get("If-Match", ""))
            if code:
                body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if s3.broken[path] > 0 and not code:
                s3.broken[path] -= 1
                self.wfile.write(body[: len(body) // 2])
                self.close_connection = True
                return
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    s3.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield s3
    finally:
        server.shutdown()
        server.server_close()
