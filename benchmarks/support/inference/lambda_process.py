"""A new process as Lambda's runtime starts one: imports a handler, answers one event, says how long it took.

python -I -S lambda_process.py MODULE EVENT FOLDER...: the folders are all that can be imported from, beside
Python's own library. The last line on stderr is JSON: seconds to import, to answer, and the status code.
"""

import importlib
import json
import sys
import time

# What the template gives the inference function.
TIMEOUT_S = 30


class Context:
    """The part of Lambda's context that the functions read."""

    function_name = "dropserve-inference"
    function_version = "1"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:dropserve-inference:live"
    aws_request_id = "00000000-0000-4000-8000-000000000001"

    def __init__(self) -> None:
        self._ends_at = time.monotonic() + TIMEOUT_S

    def get_remaining_time_in_millis(self) -> int:
        """Lambda's own name."""
        return int((self._ends_at - time.monotonic()) * 1000)


def main() -> None:
    """Import, answer, report."""
    module, event, *sys.path[:0] = sys.argv[1:]
    started = time.perf_counter()
    handler = importlib.import_module(module).handler
    imported = time.perf_counter()
    answer = handler(json.loads(event), Context())
    answered = time.perf_counter()
    figures = {
        "import_s": imported - started,
        "answer_s": answered - imported,
        "status": answer["statusCode"],
    }
    print(json.dumps(figures), file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
