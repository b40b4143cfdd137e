"""What a function calls, on 127.0.0.1: an image host, SSM's GetParameter and SageMaker's InvokeEndpoint."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RUN_ID = "0123456789abcdef0123456789abcdef"
POINTER = {"release": f"dropserve-{RUN_ID}", "endpoint_name": f"dropserve-{RUN_ID}", "run_id": RUN_ID}
CLASSES = 133  # as many as dogImages has
_SCORES = [index / 10 for index in range(CLASSES)]
_ANSWER = {
    "classes": [f"class {index}" for index in range(CLASSES)],
    "scores": _SCORES,
    "probabilities": [score / sum(_SCORES) for score in _SCORES],
}
PARAMETER = {
    "Parameter": {"Name": "/dropserve/live", "Type": "String", "Value": json.dumps(POINTER), "Version": 1}
}


@dataclass(frozen=True)
class Stubs:
    """Where they answer."""

    port: int

    @property
    def image_url(self) -> str:
        """An image's address; its host must be allowed to be private."""
        return f"http://localhost:{self.port}/photo.jpg"

    def environment(self) -> dict[str, str]:
        """What the template and Lambda give the function, with these servers as its AWS."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_SESSION_TOKEN": "test",
            "AWS_LAMBDA_FUNCTION_NAME": "dropserve-inference",
            "LAMBDA_TASK_ROOT": "/var/task",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
            "_X_AMZN_TRACE_ID": "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
            "POWERTOOLS_SERVICE_NAME": "inference",
            "POWERTOOLS_METRICS_NAMESPACE": "dropserve",
            "LIVE_POINTER_PARAMETER": "/dropserve/live",
            "POINTER_CACHE_S": "5",
            "DATA_BUCKET": "data",
            "ALLOWED_PRIVATE_HOSTS": "localhost",
            "MAX_IMAGE_BYTES": "20000000",
            "MAX_IMAGE_PIXELS": "40000000",
            "FETCH_TIMEOUT_S": "10",
            "LOW_CONFIDENCE": "0.5",
            "CAPTURE_SHARE": "0",
            "CAPTURES_A_DAY": "1",
            "DRIFT_REVIEW": "on",
        }


@contextmanager
def running_stubs(photo: bytes) -> Iterator[Stubs]:
    """The servers, for as long as the block lasts; every image is `photo`."""
    bodies = {"POST /": json.dumps(PARAMETER).encode(), "GET /photo.jpg": photo}
    answer = json.dumps(_ANSWER).encode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body in one packet: in two, the second waits 40 ms for the first's acknowledgement.
        wbufsize = -1

        def reply(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = bodies.get(f"{self.command} {self.path}", answer)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = reply  # noqa: N815 - http.server's name
        do_POST = reply  # noqa: N815 - http.server's name

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Stubs(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
