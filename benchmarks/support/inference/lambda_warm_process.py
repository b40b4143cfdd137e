"""Warm requests in one process: python -I -S lambda_warm_process.py IMAGE_URL FOLDER...

The last line on stderr is JSON: median milliseconds of a whole request, of one whose fetch and endpoint cost
nothing, and of what checking and preparing the image takes of that.
"""

import importlib
import json
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

_REQUESTS = 400


def main() -> None:
    """Measure, report."""
    url, *folders = sys.argv[1:]
    sys.path[:0] = [*folders, str(Path(__file__).parent)]
    handler: Any = importlib.import_module("functions.inference.handler")
    images = importlib.import_module("functions.inference.images")
    with urllib.request.urlopen(url) as reply:  # noqa: S310 - our own server
        photo = reply.read()
    event = {"url": url}
    whole_ms = _median_ms(lambda: _answered(handler, event))
    handler._predictor = _free_of_waiting(handler._predictor(), photo)
    own_ms = _median_ms(lambda: _answered(handler, event))
    image_ms = _median_ms(lambda: images.prepare_image(photo, max_pixels=40_000_000))
    print(json.dumps({"whole_ms": whole_ms, "own_ms": own_ms, "own_image_ms": image_ms}), file=sys.stderr)


def _answered(handler: Any, event: dict[str, str]) -> None:
    answer = handler.handler(event, importlib.import_module("lambda_process").Context())
    if answer["statusCode"] != 200:
        raise RuntimeError(answer["body"])


def _free_of_waiting(predictor: Any, photo: bytes) -> Callable[[], Any]:
    """The predictor with a fetch, an endpoint and a pointer that answer from memory."""
    release = predictor.live_pointer.current()
    scores = predictor.endpoint.invoke(
        release.endpoint_name,
        importlib.import_module("functions.inference.images").prepare_image(photo, max_pixels=40_000_000),
        importlib.import_module("functions.inference.fetching.deadlines").Deadline.after(30),
    )

    class Memory:
        max_bytes = predictor.fetcher.max_bytes

        def fetch(self, *_: Any) -> bytes:
            return photo

        def invoke(self, *_: Any, explain: bool) -> Any:
            return scores

        def current(self) -> Any:
            return release

    memory = Memory()
    quick = predictor._replace(fetcher=memory, endpoint=memory, live_pointer=memory)
    return lambda: quick


def _median_ms(work: Callable[[], None]) -> float:
    times = []
    for _ in range(_REQUESTS):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return round(median(times) * 1000, 3)


if __name__ == "__main__":
    main()
