"""A stand-in for Lambda's runtime: reads a JSON list of events on stdin, writes the answers to a file."""

import json
import sys
from pathlib import Path

from functions.inference.handler import handler
from tests.support.lambda_context import LambdaContext


def context(number: int, left_ms: int = 20_000) -> LambdaContext:
    """The runtime's, of the function behind its alias."""
    request_id = f"00000000-0000-4000-8000-{number:012}"
    return LambdaContext("dropserve-inference", alias="live", request_id=request_id, left_ms=left_ms)


if __name__ == "__main__":
    events = json.load(sys.stdin)
    answers = [handler(event, context(number)) for number, event in enumerate(events)]
    Path(sys.argv[1]).write_text(json.dumps(answers))
