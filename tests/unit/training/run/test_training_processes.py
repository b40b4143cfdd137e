"""Several processes that share the feature pass give what one gives, and end together."""

import contextlib
import ipaddress
import json
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.waiting import wait_until
from tests.unit.training.made_photos import Trained, make_jpeg, write_photos
from tests.unit.training.run.test_training_interruption import assert_same_result, in_folder
from tests.unit.training.run.train_process import TrainProcess
from training.arguments import parse_arguments
from training.job.distributed import Ranks, read_ranks
from training.job.stop_signal import StoppedError, StopSignal
from training.train import train

TORCHRUN = Path(sys.executable).with_name("torchrun")
END_S = 180
_IMPORTS = """
import datetime, os, time
from training.features import extraction
from training.job import distributed
"""


def has_ipv6() -> bool:
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            return False
    return True


def free_port() -> int:
    """None of those that the system gives to connections: one could take it before the processes do."""
    while True:
        port = random.randrange(15_000, 30_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("", port))
            return port


class Group:
    """Processes that torchrun would start, each with a program and folders of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self.processes: list[TrainProcess] = []

    def start(
        self,
        *command_lines: list[str],
        before: Mapping[int, str] | None = None,
        address: str = "127.0.0.1",
        hosts: list[str] | None = None,
    ) -> None:
        """`before` is Python that a process, by its number from 0, runs before train.py's main.

        They meet at `address`, as torchrun's do, or at the first of SageMaker's `hosts`.
        """
        for rank, arguments in enumerate(command_lines):
            variables: dict[str, object] = {
                "RANK": rank,
                "WORLD_SIZE": len(command_lines),
                "LOCAL_RANK": rank,
            }
            variables |= {"LOCAL_WORLD_SIZE": len(command_lines), "MASTER_ADDR": address}
            if hosts:
                variables = {"SM_HOSTS": json.dumps(hosts), "SM_CURRENT_HOST": hosts[rank]}
            variables |= {"MASTER_PORT": self._port, "SM_OUTPUT_DIR": self._folder / f"failure-{rank}"}
            self.processes.append(
                TrainProcess(
                    arguments,
                    before=_IMPORTS + (before or {}).get(rank, ""),
                    variables={name: str(value) for name, value in variables.items()},
                )
            )

    def statuses(self) -> list[int]:
        return [process.wait(END_S) for process in self.processes]

    def failure(self, rank: int) -> str:
        return (self._folder / f"failure-{rank}" / "failure").read_text("utf-8")


@pytest.fixture
def group(tmp_path: Path) -> Iterator[Group]:
    group = Group(tmp_path)
    yield group
    for process in group.processes:
        process.close()


def test_two_processes_give_the_model_and_metrics_of_one(weights: Path, tmp_path: Path) -> None:
    dataset = write_photos(tmp_path / "dataset", count=24)
    for number in range(6):  # in batches of every process
        (dataset / "blue" / f"cut{number}.jpg").write_bytes(make_jpeg("blue", 50 + number)[:700])
    one = Trained(dataset, weights, tmp_path / "model-1", tmp_path / "output-1")
    train(parse_arguments(one.arguments(views=2), {}))

    two = Trained(dataset, weights, tmp_path / "model-2", tmp_path / "output-2")
    command = [TORCHRUN, "--standalone", "--nproc-per-node", "2", "-m", "training.train"]
    run = subprocess.run(
        [*command, *two.arguments(views=2)], check=False, capture_output=True, text=True, timeout=END_S
    )
    assert run.returncode == 0, run.stderr
    assert "process=2/2" in run.stdout
    assert_same_result(two, one)
    assert len(two.metrics()["excluded_images"]) == 6


def test_a_process_that_fails_ends_all_with_its_sentence(
    trained: Trained, group: Group, tmp_path: Path
) -> None:
    run = in_folder(trained, tmp_path)
    lines = [run.arguments(), run.arguments(dataset=tmp_path / "nothing"), run.arguments()]
    group.start(*lines)
    assert group.statuses() == [1, 1, 1]
    sentence = f"the dataset folder {tmp_path / 'nothing'} does not exist"
    assert [group.failure(0), group.failure(1)] == [sentence, sentence]
    assert group.failure(2).startswith("process 1 of 3 ended before the features were computed")
    assert not run.model.exists()


@pytest.mark.parametrize("lost", [0, 1])
def test_a_process_that_dies_ends_the_other(
    trained: Trained, group: Group, tmp_path: Path, lost: int
) -> None:
    die = "extraction.compute_batch = lambda *_: os._exit(9)"
    run = in_folder(trained, tmp_path)
    group.start(run.arguments(), run.arguments(), before={lost: die})
    other = 1 - lost
    assert group.statuses()[other] == 1
    assert group.failure(other).startswith(f"process {lost + 1} of 2 ended before the features were computed")
    assert not run.model.exists()


def test_a_silent_process_times_out(trained: Trained, group: Group, tmp_path: Path) -> None:
    short = "distributed.TIMEOUT = datetime.timedelta(seconds=2)"
    hang = "extraction.compute_batch = lambda *_: time.sleep(600)"
    run = in_folder(trained, tmp_path)
    group.start(run.arguments(), run.arguments(), before={0: short, 1: hang})
    assert group.processes[0].wait(END_S) == 1
    assert "was silent for 2 s" in group.failure(0)


def test_a_process_with_other_photos_is_refused(trained: Trained, group: Group, tmp_path: Path) -> None:
    """What it computes would be taken for the features of other photos."""
    run = in_folder(trained, tmp_path)
    other = write_photos(tmp_path / "other", count=11)
    group.start(run.arguments(), run.arguments(dataset=other))
    assert group.statuses() == [1, 1]
    assert group.failure(0).startswith("process 2 of 2 has other photos")


@pytest.mark.parametrize("told", [{0, 1}, {1}])
def test_a_stop_saves_a_checkpoint_that_one_process_resumes(
    trained: Trained, group: Group, tmp_path: Path, told: set[int]
) -> None:
    slow = "compute_batch = extraction.compute_batch\n"
    slow += "extraction.compute_batch = lambda *given: (time.sleep(2), compute_batch(*given))[1]\n"
    run = in_folder(trained, tmp_path)
    arguments = run.arguments(checkpoint_dir=tmp_path / "checkpoints")
    group.start(arguments, arguments, before={1: slow})
    output = group.processes[0].stdout
    while not output.readline().startswith("phase=features images_done=16"):
        assert group.processes[0].poll() is None
    for rank in told:  # the first one waits for the other's batch now
        group.processes[rank].send_signal(signal.SIGTERM)
    assert group.statuses() == [143, 143]
    assert "stopped by SIGTERM" in group.failure(0)
    assert not run.model.exists()
    train(parse_arguments(arguments, {}))
    assert_same_result(run, trained)


def test_two_processes_resume_the_checkpoint_of_one_and_the_first_writes(
    trained: Trained, group: Group, tmp_path: Path, stop_at: Callable[[str], StopSignal]
) -> None:
    runs = [in_folder(trained, tmp_path / name) for name in ("first", "second")]
    first, second = (run.arguments(checkpoint_dir=run.model.parent / "checkpoints") for run in runs)
    with pytest.raises(StoppedError):
        train(parse_arguments(first, {}), stop_at("phase=features images_done=16"))
    group.start(first, second)
    assert "resumed=True" in group.processes[0].stdout.read()
    assert group.statuses() == [0, 0]
    assert_same_result(runs[0], trained)
    assert not (tmp_path / "second").exists()


@pytest.mark.parametrize(
    "meeting",
    [
        {"address": "127.0.0.1"},
        {"address": "localhost"},
        pytest.param({"address": "::1"}, marks=pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")),
        {"hosts": ["127.0.0.1", "127.0.0.2"]},
        {"hosts": ["127.0.0.2", "127.0.0.3"]},
    ],
)
def test_processes_of_one_machine_listen_to_that_machine_only(
    trained: Trained, group: Group, tmp_path: Path, meeting: Any
) -> None:
    met = [tmp_path / "first-met", tmp_path / "second-met"]
    hang = "extraction.compute_batch = lambda *_: (open({!r}, 'w').close(), time.sleep(900))"
    run = in_folder(trained, tmp_path)
    before = {rank: hang.format(str(file)) for rank, file in enumerate(met)}
    group.start(run.arguments(), run.arguments(), before=before, **meeting)

    def have_met() -> bool:
        for process in group.processes:
            assert process.poll() is None, process.stdout.read()
        return all(file.exists() for file in met)

    wait_until(have_met, timeout_s=END_S)
    addresses = {
        connection.laddr.ip
        for process in group.processes
        for connection in psutil.Process(process.pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert addresses
    assert all(ipaddress.ip_address(address).is_loopback for address in addresses), addresses


def test_ranks_are_those_of_torchrun_or_of_sagemaker() -> None:
    assert read_ranks({}) == Ranks(0, 1, 0, 1)
    hosts = {"SM_HOSTS": json.dumps(["algo-1", "algo-2"]), "SM_CURRENT_HOST": "algo-2"}
    assert read_ranks(hosts) == Ranks(1, 2, 0, 1)
    torchrun = {"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}
    assert read_ranks({**hosts, **torchrun}) == Ranks(3, 4, 1, 2)
    assert read_ranks({"SM_HOSTS": '["algo-1"]', "SM_CURRENT_HOST": "algo-1"}) == Ranks()
