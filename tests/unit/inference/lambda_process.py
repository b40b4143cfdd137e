"""A stand-in for Lambda's runtime: contexts, new workers, and a program that answers a JSON list of events.

It reads them on stdin and writes the answers to the file that it is told.
"""

import json
import sys
from pathlib import Path

from functions.inference import clients, handler
from tests.support.lambda_context import LambdaContext


def context(number: int, left_ms: int = 20_000) -> LambdaContext:
    """The runtime's, of the function behind its alias."""
    request_id = f"00000000-0000-4000-8000-{number:012}"
    return LambdaContext("dropserve-inference", alias="live", request_id=request_id, left_ms=left_ms)


def forget() -> None:
    """Forget settings, clients and the pointer, as a new worker's process would not have them."""
    for cached in (
        handler._settings,
        handler._predictor,
        clients.session,
        clients._runtime_client,
        clients.pointer_client,
        clients._image_client,
    ):
        cached.cache_clear()


if __name__ == "__main__":
    events = json.load(sys.stdin)
    answers = [handler.handler(event, context(number)) for number, event in enumerate(events)]
    Path(sys.argv[1]).write_text(json.dumps(answers))
