"""A model server for one machine: the endpoint's wire protocol, by the code that lies in the artefact.

Each worker predicts on one core: workers do not wait for each other, as the threads of one prediction would.

`SM_MODEL_DIR=FOLDER python serve.py` listens on 127.0.0.1:$SAGEMAKER_BIND_TO_PORT (8080). On AWS the serving
container has a server of its own and calls the same four functions of `code/inference.py`.
"""

import importlib.util
import json
import logging
import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

# What InvokeEndpoint takes: BodyBlob in the sagemaker-runtime model of botocore.
MAX_BODY_BYTES = 6_291_456
# Requests that wait or are answered; more get 503, which clients retry, instead of an ever longer wait.
MAX_REQUESTS = 64
IDLE_TIMEOUT_S = 60
GRACE_S = 20

logger = logging.getLogger("serve")


class Context:
    """The request context that the functions of `inference.py` get, as a model server gives it."""

    def __init__(self) -> None:
        self.status = int(HTTPStatus.OK)

    def set_response_status(self, code: int, phrase: str = "") -> None:
        """The phrase that goes with a code is known here already."""
        self.status = int(code)


@dataclass(frozen=True)
class Answer:
    """An HTTP answer: status, body, and the body's content type."""

    status: int
    body: bytes
    content_type: str = "application/json"

    @classmethod
    def error(cls, status: HTTPStatus, sentence: str) -> "Answer":
        """`{"error": sentence}`."""
        return cls(int(status), json.dumps({"error": sentence}).encode())


class Model:
    """The artefact's functions on a few worker threads; ready once `load` has returned."""

    def __init__(self, model_dir: Path, workers: int) -> None:
        self._model_dir = model_dir
        # Threads that stay: torch sets up its own threads anew for each thread that computes.
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="predict")
        self._slots = threading.BoundedSemaphore(MAX_REQUESTS)
        self._functions: Any = None
        self._model: Any = None
        self.ready = False

    def load(self) -> None:
        """Import `code/inference.py` and let it load, and warm, the model. Raises what that raises."""
        self._functions = _import_inference(self._model_dir / "code")
        self._model = self._pool.submit(self._functions.model_fn, str(self._model_dir)).result()
        self.ready = True

    def answer(self, body: bytes, content_type: str, accept: str) -> Answer:
        """The functions' answer; 503 while too many others wait, 500 when the functions fail."""
        if not self._slots.acquire(blocking=False):
            return Answer.error(HTTPStatus.SERVICE_UNAVAILABLE, "too many requests wait already; try again")
        try:
            return self._pool.submit(self._transform, body, content_type, accept).result()
        except Exception:
            logger.exception("a request failed")
            return Answer.error(HTTPStatus.INTERNAL_SERVER_ERROR, "the model failed; see the server's log")
        finally:
            self._slots.release()

    def _transform(self, body: bytes, content_type: str, accept: str) -> Answer:
        context = Context()
        data = self._functions.input_fn(body, content_type, context)
        prediction = self._functions.predict_fn(data, self._model, context)
        text, answer_type = self._functions.output_fn(prediction, accept)
        return Answer(context.status, text.encode(), answer_type)


class Server(ThreadingHTTPServer):
    """A thread a connection; it counts the requests in work, so that a stop can wait for them."""

    daemon_threads = True
    # Else connections of a burst are reset while the first ones are accepted.
    request_queue_size = 128

    def __init__(self, port: int, model: Model) -> None:
        self.model = model
        self._in_work = 0
        self._idle = threading.Condition()
        super().__init__(("127.0.0.1", port), Handler)

    def begin_request(self) -> None:
        """Count a request in."""
        with self._idle:
            self._in_work += 1

    def end_request(self) -> None:
        """Count a request out."""
        with self._idle:
            self._in_work -= 1
            self._idle.notify_all()

    def wait_until_idle(self, timeout_s: float) -> bool:
        """Whether every request was answered within the time."""
        with self._idle:
            return self._idle.wait_for(lambda: self._in_work == 0, timeout_s)


class Handler(BaseHTTPRequestHandler):
    """GET /ping and POST /invocations."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE_TIMEOUT_S
    # Headers and body leave in one packet, at once: without this each answer waits for an acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: Server

    def do_GET(self) -> None:
        """Health."""
        if self.path != "/ping":
            self._send(Answer.error(HTTPStatus.NOT_FOUND, f"there is no {self.path}; GET /ping"))
        elif self.server.model.ready:
            self._send(Answer(int(HTTPStatus.OK), b""))
        else:
            self._send(Answer.error(HTTPStatus.SERVICE_UNAVAILABLE, "the model is still loading"))

    def do_POST(self) -> None:
        """Prediction."""
        self.server.begin_request()
        try:
            self._send(self._predict())
        finally:
            self.server.end_request()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Nothing for each request: what goes wrong is logged where it happens."""

    def _predict(self) -> Answer:
        # A body that is not read would be taken for the next request.
        self.close_connection = True
        if self.path != "/invocations":
            return Answer.error(HTTPStatus.NOT_FOUND, f"there is no {self.path}; POST /invocations")
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            return Answer.error(HTTPStatus.LENGTH_REQUIRED, "the request says no Content-Length")
        if int(length) > MAX_BODY_BYTES:
            return Answer.error(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"the image has {int(length)} bytes; the limit is {MAX_BODY_BYTES}",
            )
        body = self.rfile.read(int(length))
        self.close_connection = not self._keeps_alive()
        if not self.server.model.ready:
            return Answer.error(HTTPStatus.SERVICE_UNAVAILABLE, "the model is still loading")
        return self.server.model.answer(
            body, self.headers.get("Content-Type", ""), self.headers.get("Accept", "*/*")
        )

    def _keeps_alive(self) -> bool:
        wish = self.headers.get("Connection", "").lower()
        return wish != "close" and (self.request_version >= "HTTP/1.1" or wish == "keep-alive")

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        if answer.status == HTTPStatus.SERVICE_UNAVAILABLE:
            self.send_header("Retry-After", "1")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(answer.body)
        self.wfile.flush()


def main() -> int:
    """Serve until SIGTERM or SIGINT; the exit status is 1 when the model cannot be loaded."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    model_dir = os.environ.get("SM_MODEL_DIR")
    if not model_dir:
        logger.error("SM_MODEL_DIR is not set; it names the folder of an unpacked model.tar.gz")
        return 1
    server = Server(int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080")), Model(Path(model_dir), _workers()))
    os.environ["OMP_NUM_THREADS"] = "1"  # read by torch when the artefact's code imports it
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _signal, _frame: stop.set())
    threading.Thread(target=server.serve_forever, name="accept", daemon=True).start()
    status = _load(server)
    if status == 0:
        stop.wait()
        _finish(server)
    return status


def _load(server: Server) -> int:
    started = time.monotonic()
    try:
        server.model.load()
    except Exception:
        logger.exception("the model cannot be loaded")
        return 1
    logger.info("serving on port %d after %.1f s", server.server_port, time.monotonic() - started)
    return 0


def _finish(server: Server) -> None:
    """Accept nothing more, and answer what was accepted."""
    server.shutdown()
    if not server.wait_until_idle(GRACE_S):
        logger.warning("stopped with requests unanswered after %d s", GRACE_S)
    server.server_close()


def _import_inference(code_dir: Path) -> Any:
    """The artefact's `inference` module; its imports come from beside it, not from beside this file."""
    sys.path.insert(0, str(code_dir))
    spec = importlib.util.spec_from_file_location("inference", code_dir / "inference.py")
    if spec is None or spec.loader is None:
        raise ImportError(f"{code_dir} has no inference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _workers() -> int:
    """Predictions at a time: $SERVE_THREADS, else as many as this process may use CPUs."""
    wish = os.environ.get("SERVE_THREADS", "")
    if wish.isdecimal() and int(wish) > 0:
        return int(wish)
    affinity = getattr(os, "sched_getaffinity", None)  # macOS has none
    return len(affinity(0)) if affinity else os.cpu_count() or 1


if __name__ == "__main__":
    sys.exit(main())
