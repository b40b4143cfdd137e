"""The peer LitServe with our network: `python -m support.serving_litserve PORT MODEL_DIR SETTINGS`.

SETTINGS is JSON: `{"workers", "max_batch_size", "batch_timeout", "threads"}`. The network is the one that
ours serves: folded, at the same precision, with memory kept; so only the serving differs. LitServe gets the
photos as plain bytes and ZeroMQ queues, which is kinder than its examples (JSON or forms, a manager's
queues).
"""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import litserve
import torch
from fastapi import Depends
from fastapi import Request as HttpRequest
from fastapi.responses import Response

TRAINING = Path(__file__).resolve().parents[2] / "training"
sys.path.insert(0, str(TRAINING))

import inference  # noqa: E402 - training's modules are siblings


async def _body(request: HttpRequest) -> bytes:
    return await request.body()


class Classify(litserve.LitAPI):
    """Decode, one forward pass for the batch, JSON."""

    def __init__(self, model_dir: str, threads: int, **options: Any) -> None:
        super().__init__(**options)
        self._model_dir = model_dir
        self._threads = threads

    def setup(self, device: str) -> None:
        torch.set_num_threads(self._threads)
        self._model = inference.model_fn(self._model_dir)

    def decode_request(self, request: Annotated[bytes, Depends(_body)]) -> Any:
        return self._model.classifier.preprocessing.decode(request)

    def batch(self, inputs: list[Any]) -> list[Any]:
        return inputs

    def predict(self, pixels: Any) -> list[Any]:
        alone = not isinstance(pixels, list)
        logits = self._model.logits([pixels] if alone else pixels)
        probabilities = (logits / self._model.classifier.temperature).softmax(1)
        rows = list(zip(logits.tolist(), probabilities.tolist(), strict=True))
        return rows[0] if alone else rows

    def unbatch(self, output: list[Any]) -> list[Any]:
        return output

    def encode_response(self, output: Any) -> Response:
        scores, probabilities = output
        answer = {
            "classes": self._model.classifier.classes,
            "scores": scores,
            "probabilities": probabilities,
        }
        return Response(json.dumps(answer), media_type="application/json")


def main(port: int, model_dir: str, settings: dict[str, Any]) -> None:
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
    main(int(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3]))
