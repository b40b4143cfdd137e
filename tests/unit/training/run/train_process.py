"""train.py in processes of its own that need not import torch anew: they are forked from one that has."""

import multiprocessing
import os
import sys
from collections.abc import Mapping
from multiprocessing.connection import Connection

# On macOS, a fork of a process that has loaded the system's own libraries may not use them.
_CONTEXT = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
_CONTEXT.set_forkserver_preload(["training.train"])


class TrainProcess:
    """A running `train.main()`; `before` is Python that runs first, where `train` is imported."""

    def __init__(
        self, arguments: list[str], *, before: str = "", variables: Mapping[str, str] | None = None
    ) -> None:
        reading, writing = _CONTEXT.Pipe(duplex=False)
        self._process = _CONTEXT.Process(
            target=_main, args=(arguments, before, dict(variables or {}), writing), daemon=True
        )
        self._process.start()
        writing.close()
        self.stdout = os.fdopen(os.dup(reading.fileno()))
        reading.close()

    @property
    def pid(self) -> int:
        assert self._process.pid
        return self._process.pid

    def poll(self) -> int | None:
        """The exit status, or minus the signal that ended it; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout_s: float) -> int:
        self._process.join(timeout_s)
        status = self.poll()
        assert status is not None, f"it still runs after {timeout_s} s"
        return status

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def close(self) -> None:
        """End it, if it still runs."""
        self._process.kill()
        self._process.join()
        self.stdout.close()


def _main(arguments: list[str], before: str, variables: Mapping[str, str], output: Connection) -> None:
    from training import train

    os.dup2(output.fileno(), sys.stdout.fileno())
    os.environ.update(variables)
    sys.argv = ["train.py", *arguments]
    exec(before, {"train": train})
    sys.exit(train.main())
