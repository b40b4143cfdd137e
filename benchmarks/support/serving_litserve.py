"""The peer LitServe with our engine: `python -m benchmarks.support.serving_litserve PORT MODEL_DIR SETTINGS`.

SETTINGS is JSON: `{"workers", "max_batch_size", "batch_timeout", "threads"}`. Graph, decoder and answer are
those that ours serves; so only the serving differs. LitServe gets the photos as plain bytes and ZeroMQ
queues, which is kinder than its examples (JSON or forms, a manager's queues).
"""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import litserve
from fastapi import Depends
from fastapi import Request as HttpRequest
from fastapi.responses import Response

from training.export.graph import Graph
from training.export.served_model import load_served_model


async def _body(request: HttpRequest) -> bytes:
    return await request.body()


class Classify(litserve.LitAPI):  # type: ignore[misc]  # it has no types
    """Decode, one pass for the batch, JSON."""

    def __init__(self, model_dir: Path, threads: int, **options: Any) -> None:
        super().__init__(**options)
        self._model_dir = model_dir
        self._threads = threads
        self._one_photo = options["max_batch_size"] == 1

    def setup(self, device: str) -> None:
        model = load_served_model(
            lambda name: (self._model_dir / name).read_bytes(), 1, one_photo=self._one_photo
        )
        self._model = model
        self._graph = Graph(model.graph.model, 1, cores_each=self._threads)

    def decode_request(self, request: Annotated[bytes, Depends(_body)]) -> Any:
        return self._model.description.preprocessing.decode(request)

    def batch(self, inputs: list[Any]) -> list[Any]:
        return inputs

    def predict(self, pixels: Any) -> Any:
        alone = not isinstance(pixels, list)
        scores = self._graph.run([pixels] if alone else pixels)
        rows = list(zip(scores.tolist(), self._model.probabilities(scores).tolist(), strict=True))
        return rows[0] if alone else rows

    def unbatch(self, output: list[Any]) -> list[Any]:
        return output

    def encode_response(self, output: Any) -> Response:
        scores, probabilities = output
        answer = {"classes": self._model.classes, "scores": scores, "probabilities": probabilities}
        return Response(json.dumps(answer), media_type="application/json")


def main(port: int, model_dir: Path, settings: dict[str, Any]) -> None:
    """Serve until killed."""
    api = Classify(
        model_dir,
        settings["threads"],
        max_batch_size=settings["max_batch_size"],
        batch_timeout=settings["batch_timeout"],
        api_path="/invocations",
    )
    server = litserve.LitServer(
        api,
        accelerator="cpu",
        workers_per_device=settings["workers"],
        healthcheck_path="/ping",
        fast_queue=True,
        timeout=60,
    )
    server.run(host="127.0.0.1", port=port, num_api_servers=1, generate_client_file=False, log_level="error")


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3]))
