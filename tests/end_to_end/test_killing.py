"""A killed server takes all that it started with it."""

import os
import signal
from collections.abc import Callable
from typing import Any

import psutil


def test_nothing_is_left_of_a_killed_cloud(
    other_dropserve: Any, other_processes: Callable[[], list[psutil.Process]]
) -> None:
    cloud = other_dropserve.json("up", "--port", "0")
    other_dropserve.json("audit")  # so that a function's worker stands
    processes = other_processes()
    assert len(processes) > 1

    os.kill(cloud["pid"], signal.SIGKILL)
    _, alive = psutil.wait_procs(processes, timeout=20)

    assert not alive
    assert other_dropserve.run("status").returncode == 1
