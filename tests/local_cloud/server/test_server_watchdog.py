"""Child processes end with their server, also when the watchdog is killed before it, with it or after it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from local_cloud.guarded_groups import GuardedGroups, kill_left_behind
from local_cloud.processes import Process, Processes
from tests.support.waiting import wait_until

# A server in small: a child, a watchdog that is killed, another child; then it says who is there, and waits.
SERVER = """
import json, os, signal, sys, time
from pathlib import Path
from local_cloud.guarded_groups import GuardedGroups
from local_cloud.processes import Processes

folder = Path(sys.argv[1])
groups = GuardedGroups(folder / "groups", touched_at_end=folder / "mark")
processes = Processes(groups)
start = lambda: processes.spawn(["sleep", "600"], env={}, cwd=folder, log_file=folder / "log").pid
children = [start()]
first = groups.watchdog_pid
os.kill(first, signal.SIGKILL)
children.append(start())
while groups.watchdog_pid == first:
    time.sleep(0.01)
children.append(start())
print(json.dumps({"children": children, "watchdog": groups.watchdog_pid}), flush=True)
time.sleep(600)
"""


@pytest.fixture
def server(tmp_path: Path) -> "subprocess.Popen[str]":
    (tmp_path / "mark").touch()
    os.utime(tmp_path / "mark", (0, 0))
    return subprocess.Popen([sys.executable, "-c", SERVER, str(tmp_path)], stdout=subprocess.PIPE, text=True)


def _is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _told(server: "subprocess.Popen[str]") -> tuple[list[int], int]:
    assert server.stdout
    told = json.loads(server.stdout.readline())
    return told["children"], told["watchdog"]


def test_a_killed_watchdog_is_replaced_and_told_of_all(
    tmp_path: Path, server: "subprocess.Popen[str]"
) -> None:
    children, _ = _told(server)
    server.kill()
    server.communicate()
    wait_until(lambda: all(map(_is_gone, children)))
    assert (tmp_path / "mark").stat().st_mtime > 0


@pytest.mark.parametrize("order", ["watchdog first", "server first"])
def test_what_is_left_when_both_are_killed_at_once_ends_at_the_next_start(
    tmp_path: Path, server: "subprocess.Popen[str]", order: str
) -> None:
    children, watchdog = _told(server)
    # Stopped: neither sees the other's end.
    for pid in (server.pid, watchdog):
        os.kill(pid, signal.SIGSTOP)
    for pid in (watchdog, server.pid) if order == "watchdog first" else (server.pid, watchdog):
        os.kill(pid, signal.SIGKILL)
    server.communicate()
    assert not any(map(_is_gone, children))

    kill_left_behind(tmp_path / "groups")
    wait_until(lambda: all(map(_is_gone, children)))
    assert not (tmp_path / "groups").exists()


def test_a_number_that_another_process_has_now_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as stranger:
        (tmp_path / "groups").write_text(json.dumps({stranger.pid: time.time() - 1000}))
        kill_left_behind(tmp_path / "groups")
        assert stranger.poll() is None
        stranger.kill()


@pytest.mark.parametrize("content", ["", "[]", "{", '{"x": 1}', '{"1": null}'])
def test_a_damaged_list_of_groups_does_no_harm(tmp_path: Path, content: str) -> None:
    (tmp_path / "groups").write_text(content)
    kill_left_behind(tmp_path / "groups")
    assert not (tmp_path / "groups").exists()


def test_programs_start_while_the_watchdog_is_killed_again_and_again(tmp_path: Path) -> None:
    groups = GuardedGroups()
    processes = Processes(groups)

    def start() -> Process:
        return processes.spawn(["sleep", "600"], env={}, cwd=tmp_path, log_file=tmp_path / "log")

    children = []
    for _ in range(5):
        with contextlib.suppress(ProcessLookupError):  # the next one is not there yet
            os.kill(groups.watchdog_pid, signal.SIGKILL)
        children.append(start())
    assert [child.poll() for child in children] == [None] * 5
    processes.close()
    wait_until(lambda: all(_is_gone(child.pid) for child in children))
