"""The peer that SageMaker's containers run: its PyTorch handler, request by request, behind a threaded
server.

`python -m support.serving_toolkit PORT MODEL_DIR SETTINGS`; SETTINGS is JSON: `{"threads"}`, torch's for each
request. The artefact's `code` folder has to be in PYTHONPATH.
"""

import json
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import torch
from sagemaker_pytorch_serving_container.handler_service import HandlerService


class _Processor:
    def __init__(self, content_type: str) -> None:
        self.headers = {"Content-Type": content_type, "Accept": "application/json"}

    def get_request_properties(self) -> dict[str, str]:
        return self.headers

    def report_status(self, code: int, reason_phrase: str | None = None) -> None:
        """Every photo of the benchmark is a good one."""

    def add_response_property(self, key: str, value: str) -> None:
        """The content type is JSON."""


class _Context:
    """`ts.context.Context` as far as the handler uses it."""

    def __init__(self, model_dir: str) -> None:
        self.system_properties = {"model_dir": model_dir, "gpu_id": None}
        self.request_processor = [_Processor("image/jpeg")]

    def set_response_status(self, code: int = 200, phrase: str = "", idx: int = 0) -> None:
        self.request_processor[idx].report_status(code, phrase)

    def set_response_content_type(self, idx: int, value: str) -> None:
        self.request_processor[idx].add_response_property("content-type", value)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    service: HandlerService
    model_dir: str
    threads: int

    def setup(self) -> None:
        # Of this connection's thread: torch keeps the number for each thread.
        torch.set_num_threads(self.threads)
        super().setup()

    def do_GET(self) -> None:
        self._send(b"")

    def do_POST(self) -> None:
        body = bytearray(self.rfile.read(int(self.headers["Content-Length"])))
        (answer,) = self.service.handle([{"body": body}], _Context(self.model_dir))
        self._send(answer.encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """No line a request."""

    def _send(self, body: bytes) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main(port: int, model_dir: str, settings: dict[str, Any]) -> None:
    """Serve until killed."""
    service = HandlerService()
    service.initialize(_Context(model_dir))
    _Handler.service, _Handler.model_dir, _Handler.threads = service, model_dir, settings["threads"]
    _Server(("127.0.0.1", port), _Handler).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3]))
