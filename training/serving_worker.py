"""One worker of the endpoint: a process that loads the model and answers batches of requests, one at a time.

`python serving_worker.py MODEL_DIR FD CORES` talks over the socket FD in the frames of serving_wire.py. First
it says `{"precision", "batch_saving_s", "lone_threads"}`; then each frame of requests
`{"threads", "requests": [[content type, accept], ...]}` with their bodies is answered by
`{"answers": [[status, content type], ...], "seconds"}` with theirs. It ends when the socket closes.
"""

import gc
import importlib.util
import io
import logging
import os
import signal
import socket
import sys
import time
from http import HTTPStatus
from pathlib import Path
from typing import Any

from serving_wire import ClosedError, pack_frame, read_frame

_JPEG = "image/jpeg"
_WARM_PHOTOS = 4
_TURNS = 7
# All cores for one photo have to be clearly faster: they wait for each other on a busy machine.
_MIN_GAIN = 1.1

logger = logging.getLogger("serve.worker")

Request = tuple[bytes, str, str]
"""Body, content type and accepted content type."""
Answer = tuple[int, str, bytes]
"""HTTP status, content type and body."""

_FAULT: Answer = (
    int(HTTPStatus.INTERNAL_SERVER_ERROR),
    "application/json",
    b'{"error": "the model failed; see the server\'s log"}',
)


class Model:
    """The artefact's model behind the functions of its `code/inference.py`."""

    def __init__(self, model_dir: Path) -> None:
        self._functions = _import_inference(model_dir / "code")
        self._model = self._functions.model_fn(str(model_dir))
        self.precision = str(getattr(self._model, "precision", "float32"))

    def answer(self, requests: list[Request]) -> list[Answer]:
        """One answer a request; when the model fails on all of them, each is tried by itself."""
        try:
            return self._predict(requests)
        except Exception:
            if len(requests) == 1:
                logger.exception("a request failed")
                return [_FAULT]
        return [self.answer([request])[0] for request in requests]

    def _predict(self, requests: list[Request]) -> list[Answer]:
        parsed = [self._functions.input_fn(body, content_type) for body, content_type, _ in requests]
        predictions = self._functions.predict_batch(parsed, self._model)
        answers = []
        for prediction, (_, _, accept) in zip(predictions, requests, strict=True):
            text, content_type = self._functions.output_fn(prediction, accept)
            status = int(getattr(prediction, "status", HTTPStatus.OK))
            answers.append((status, content_type, text if isinstance(text, bytes) else text.encode()))
        return answers


def main(model_dir: str, descriptor: int, cores: int) -> int:
    """Serve until the socket closes; the exit status is 1 when the model cannot be loaded."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    # The server drains and then closes the socket; a signal to the whole group must not end its workers.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    connection = socket.socket(fileno=descriptor)
    try:
        model = Model(Path(model_dir))
        report = warm_up(model, cores)
    except Exception:
        logger.exception("the model cannot be loaded")
        return 1
    # What is loaded by now stays: the collector need not look at it again.
    gc.freeze()
    try:
        _send(connection, report, [])
        while True:
            _serve_batch(connection, model)
    except ClosedError:
        return 0


def warm_up(model: Model, cores: int) -> dict[str, Any]:
    """Answer made photos through the whole path, and measure what decides how requests are put together.

    `batch_saving_s`: seconds that a request costs less when it shares a batch with others.
    `lone_threads`: how many threads answer a single photo the fastest.
    """
    photo: Request = (_made_photo(), _JPEG, "application/json")
    (status, _, text), *_ = model.answer([photo])
    if status != HTTPStatus.OK:
        raise RuntimeError(f"the warm-up was answered by {status}: {text.decode()}")
    alone_s, together_s, shared_s = _measure(model, photo, cores)
    saving_s = alone_s - (together_s - alone_s) / (_WARM_PHOTOS - 1)
    return {
        "precision": model.precision,
        "batch_saving_s": round(max(0.0, saving_s), 6),
        "lone_threads": cores if alone_s > _MIN_GAIN * shared_s else 1,
    }


def _measure(model: Model, photo: Request, cores: int) -> tuple[float, float, float]:
    """Seconds of a photo on one core, of several on one core, and of a photo on all cores.

    The shortest of some turns each: what other programs do meanwhile matters little.
    """
    ways = [([photo], 1), ([photo] * _WARM_PHOTOS, 1), ([photo], cores)]
    seconds: list[list[float]] = [[] for _ in ways]
    # The first turn sets up the kernels.
    for turn in range(_TURNS + 1):
        for (requests, threads), taken in zip(ways, seconds, strict=True):
            _use_threads(threads)
            started = time.perf_counter()
            model.answer(requests)
            if turn:
                taken.append(time.perf_counter() - started)
    _use_threads(1)
    alone_s, together_s, shared_s = map(min, seconds)
    return alone_s, together_s, shared_s


def _serve_batch(connection: socket.socket, model: Model) -> None:
    message, bodies = read_frame(connection)
    started = time.perf_counter()
    _use_threads(message["threads"])
    requests = [(body, *kinds) for body, kinds in zip(bodies, message["requests"], strict=True)]
    answers = model.answer(requests)
    seconds = time.perf_counter() - started
    kinds = [[status, content_type] for status, content_type, _ in answers]
    _send(connection, {"answers": kinds, "seconds": seconds}, [body for _, _, body in answers])


def _send(connection: socket.socket, message: dict[str, Any], blobs: list[bytes]) -> None:
    try:
        connection.sendall(b"".join(pack_frame(message, blobs)))
    except OSError as error:
        raise ClosedError from error


def _use_threads(count: int) -> None:
    """Threads of one forward pass; the artefact's code has imported torch, unless it needs none."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.get_num_threads() != count:
        torch.set_num_threads(count)


def _made_photo() -> bytes:
    from PIL import Image  # noqa: PLC0415 - from the path that _import_inference has set

    buffer = io.BytesIO()
    Image.effect_noise((320, 240), 60).convert("RGB").save(buffer, "JPEG")
    return buffer.getvalue()


def _import_inference(code_dir: Path) -> Any:
    """The artefact's `inference` module; its imports come from beside it, not from beside this file."""
    sys.path.insert(0, str(code_dir))
    spec = importlib.util.spec_from_file_location("inference", code_dir / "inference.py")
    if spec is None or spec.loader is None:
        raise ImportError(f"{code_dir} has no inference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not hasattr(module, "predict_batch"):
        raise ImportError(f"{code_dir / 'inference.py'} has no function predict_batch: train the model again")
    return module


if __name__ == "__main__":
    code = main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    # Nothing is left to save, and taking torch down takes its time.
    logging.shutdown()
    os._exit(code)
