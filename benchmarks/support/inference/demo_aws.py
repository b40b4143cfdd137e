"""What the function calls: an image host, SSM, PutObject, and InvokeEndpoint before a model server.

python -m benchmarks.support.inference.demo_aws PHOTOS_FOLDER MODEL_PORT prints its port.
/photo/N is the N-th photo of the folder.
"""

import http.client
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from benchmarks.support.inference.lambda_stubs import PARAMETER

_connections = threading.local()


class Handler(BaseHTTPRequestHandler):
    """One connection; the class's own fields are set by `main`."""

    protocol_version = "HTTP/1.1"
    # Head and body in one packet: in two, the second waits 40 ms for the first's acknowledgement.
    wbufsize = -1
    photos: list[bytes]
    model_port: int

    def do_GET(self) -> None:
        """A photo."""
        self._send(200, self.photos[int(self.path.rpartition("/")[2])], "image/jpeg")

    def do_PUT(self) -> None:
        """PutObject."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self._send(200, b"", "application/xml")

    def handle_expect_100(self) -> bool:
        """At once: a client that writes an object waits for it."""
        goes_on = super().handle_expect_100()
        self.wfile.flush()
        return goes_on

    def do_POST(self) -> None:
        """GetParameter or InvokeEndpoint."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/":
            self._send(200, json.dumps(PARAMETER).encode(), "application/x-amz-json-1.1")
            return
        try:
            status, answer = self._ask_model(body)
        except (OSError, http.client.HTTPException):
            status, answer = 503, b"{}"
        if status == 200:
            self._send(200, answer, "application/json")
            return
        # As SageMaker tells of what its container answered: ModelError in botocore's model.
        error = {
            "Message": "m",
            "OriginalStatusCode": status,
            "OriginalMessage": answer.decode(errors="replace"),
        }
        self._send(424, json.dumps(error).encode(), "application/json", {"x-amzn-errortype": "ModelError"})

    def _ask_model(self, body: bytes) -> tuple[int, bytes]:
        if not hasattr(_connections, "model"):
            _connections.model = http.client.HTTPConnection("127.0.0.1", self.model_port, timeout=60)
        model = _connections.model
        headers = {"Content-Type": self.headers["Content-Type"], "Accept": "application/json"}
        try:
            model.request("POST", "/invocations", body, headers)
            reply = model.getresponse()
            return reply.status, reply.read()
        except (OSError, http.client.HTTPException):
            model.close()
            raise

    def _send(self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


def main() -> None:
    """Serve until killed."""
    Handler.photos = [file.read_bytes() for file in sorted(Path(sys.argv[1]).iterdir())]
    Handler.model_port = int(sys.argv[2])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
