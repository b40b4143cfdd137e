"""The file in which a training container says why it failed.

SageMaker shows its first 1024 characters as the job's FailureReason:
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-output.html
"""

import contextlib
import os
from pathlib import Path

_FAILURE_FILE = "failure"
_RESERVED_BYTES = 4096


def reserve_failure_file() -> None:
    """Take the room for a reason, which a full disk would not give later."""
    reserved = _reserved()
    if reserved is not None:
        with contextlib.suppress(OSError):
            # The toolkit does not make the folder, and calls a job without the file a success.
            reserved.parent.mkdir(parents=True, exist_ok=True)
            reserved.write_bytes(b" " * _RESERVED_BYTES)


def report_failure(sentence: str) -> None:
    """Where the toolkit keeps its output folder; by hand there is none, and stderr has the sentence."""
    reserved = _reserved()
    if reserved is None:
        return
    file = reserved.with_name(_FAILURE_FILE)
    with contextlib.suppress(OSError):
        if file.exists():  # of several processes, the first that failed knows why
            reserved.unlink(missing_ok=True)
            return
        if not reserved.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            reserved.touch()
        content = sentence.encode()[:_RESERVED_BYTES]
        with reserved.open("r+b") as room:
            room.write(content)
            room.truncate()
        reserved.rename(file)


def give_up_failure_file() -> None:
    """There was no failure: the room is not needed."""
    reserved = _reserved()
    if reserved is not None:
        reserved.unlink(missing_ok=True)


def _reserved() -> Path | None:
    """One a process: several of a job share the folder."""
    folder = os.environ.get("SM_OUTPUT_DIR")
    return Path(folder, f".{_FAILURE_FILE}-{os.getpid()}") if folder else None
