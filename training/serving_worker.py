"""One worker of the endpoint: a process that loads the model and answers batches of requests, one at a time.

`python serving_worker.py MODEL_DIR FD CORES TRAITS` talks over the socket FD in the frames of
serving_wire.py; CORES and TRAITS are JSON, of `Cores` in serving_cores.py and of `Traits` in serving_pool.py,
or null when no worker has measured them yet. It ends when the socket closes.

| frame             | numbers                                 | blobs                                       |
|-------------------|-----------------------------------------|---------------------------------------------|
| the worker, first | `batch_saving_s`                        | precision                                   |
| a batch for it    | threads, whether all workers are busy   | of each request: content type, accept, body |
| its answer        | seconds, the HTTP status of each        | of each request: content type, body         |
"""

import gc
import importlib.util
import io
import json
import logging
import os
import signal
import socket
import statistics
import sys
import time
from http import HTTPStatus
from pathlib import Path
from typing import Any

from serving_answer import Answer
from serving_cores import Cores, WorkerPlace
from serving_wire import ClosedError, read_frame, send_frame

_JPEG, _JSON = "image/jpeg", "application/json"
_WARM_PHOTOS = 4
_TURNS = 7

logger = logging.getLogger("serve.worker")

Request = tuple[str, str, bytes]
"""Content type, accepted content type and body."""

_FAULT = Answer.error(HTTPStatus.INTERNAL_SERVER_ERROR, "the model failed; see the server's log")


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
        parsed = [self._functions.input_fn(body, content_type) for content_type, _, body in requests]
        predictions = self._functions.predict_batch(parsed, self._model)
        answers = []
        for prediction, (_, accept, _) in zip(predictions, requests, strict=True):
            text, content_type = self._functions.output_fn(prediction, accept)
            status = int(getattr(prediction, "status", HTTPStatus.OK))
            body = text if isinstance(text, bytes) else text.encode()
            answers.append(Answer(status, content_type.encode("latin-1"), body))
        return answers


def main(model_dir: str, descriptor: int, cores: Cores, traits: dict[str, Any] | None) -> int:
    """Serve until the socket closes; the exit status is 1 when the model cannot be loaded."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    # The server drains and then closes the socket; a signal to the whole group must not end its workers.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    connection = socket.socket(fileno=descriptor)
    place = WorkerPlace(cores)
    try:
        model = Model(Path(model_dir))
        warm_up(model, cores.count)
        traits = traits or measure(model)
    except Exception:
        logger.exception("the model cannot be loaded")
        return 1
    # What is loaded by now stays: the collector need not look at it again.
    gc.freeze()
    try:
        _tell_traits(connection, traits)
        while True:
            _serve_batch(connection, model, place)
    except ClosedError:
        return 0


def warm_up(model: Model, cores: int) -> None:
    """Answer a made photo through the whole path, by all cores and by one."""
    photo = _made_photo()
    # A set: one core needs it once; one thread comes last and stays.
    for threads in sorted({cores, 1}, reverse=True):
        _use_threads(threads)
        (answer,) = model.answer([photo])
        if answer.status != HTTPStatus.OK:
            raise RuntimeError(f"the warm-up was answered by {answer.status}: {answer.body.decode()}")


def measure(model: Model) -> dict[str, Any]:
    """What decides how requests are put together.

    `batch_saving_s`: seconds that a request costs less when it shares a batch with others.
    """
    photo = _made_photo()
    savings_s = []
    # What is compared stands side by side: the speed of a machine changes from one moment to the next.
    for _ in range(_TURNS):
        alone_s = _time(model, [photo])
        together_s = _time(model, [photo] * _WARM_PHOTOS)
        savings_s.append(alone_s - (together_s - alone_s) / (_WARM_PHOTOS - 1))
    return {
        "precision": model.precision,
        "batch_saving_s": round(max(0.0, statistics.median(savings_s)), 6),
    }


def _time(model: Model, requests: list[Request]) -> float:
    """Seconds until all are answered."""
    started = time.perf_counter()
    model.answer(requests)
    return time.perf_counter() - started


def _tell_traits(connection: socket.socket, traits: dict[str, Any]) -> None:
    send_frame(connection, [traits["batch_saving_s"]], [traits["precision"].encode()])


def _serve_batch(connection: socket.socket, model: Model, place: WorkerPlace) -> None:
    (threads, all_busy), blobs = read_frame(connection)
    started = time.perf_counter()
    _use_threads(int(threads))
    place.settle(all_busy=bool(all_busy))
    parts = zip(blobs[::3], blobs[1::3], blobs[2::3], strict=True)
    answers = model.answer(
        [(kind.decode("latin-1"), accept.decode("latin-1"), body) for kind, accept, body in parts]
    )
    seconds = time.perf_counter() - started
    place.fetch_server()
    numbers = (seconds, *(answer.status for answer in answers))
    send_frame(connection, numbers, [blob for _, *blobs in answers for blob in blobs])


def _use_threads(count: int) -> None:
    """Threads of one forward pass; the artefact's code has imported torch, unless it needs none."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.get_num_threads() != count:
        torch.set_num_threads(count)


def _made_photo() -> Request:
    from PIL import Image  # noqa: PLC0415 - from the path that _import_inference has set

    buffer = io.BytesIO()
    Image.effect_noise((320, 240), 60).convert("RGB").save(buffer, "JPEG")
    return _JPEG, _JSON, buffer.getvalue()


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
    folder, socket_number, cores, traits = sys.argv[1:]
    code = main(folder, int(socket_number), Cores(**json.loads(cores)), json.loads(traits))
    # Nothing is left to save, and taking torch down takes its time.
    logging.shutdown()
    os._exit(code)
