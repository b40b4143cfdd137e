"""Several processes that share the feature pass: which one this is, and what they tell each other.

torchrun starts them (`torchrun --nproc-per-node 2 -m training.train ...`), or SageMaker does, one on each
instance of a job. Each computes every so-many-th batch; the first one gets all of them in order and
goes on alone. What they tell each other lies in memory, not on a GPU: gloo carries it everywhere.
"""

import io
import ipaddress
import json
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import distributed

from training.failures import DatasetError, TrainingError, describe_error
from training.features.feature_file import Batch
from training.job.cores import count_cores
from training.job.stop_signal import StoppedError, StopSignal

# The longest that one process waits for another: the instances of a job do not start all at once.
TIMEOUT = timedelta(minutes=10)
# SageMaker's PyTorch container names this port too: any port is free between the instances of a job.
_SAGEMAKER_PORT = 7777

Value = TypeVar("Value")


class ProcessLostError(TrainingError):
    """Another process ended, or was silent for too long."""


@dataclass(frozen=True)
class Ranks:
    """Which process (from 0) of how many this is, among all and on its own machine."""

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0
    local_world_size: int = 1


class ProcessGroup:
    """The processes of a run, seen from one of them; by itself, one that is alone."""

    def __init__(self, ranks: Ranks | None = None, stop: StopSignal | None = None) -> None:
        self.ranks = ranks or Ranks()
        self._stop = stop or StopSignal()

    @property
    def is_rank_zero(self) -> bool:
        """Whether this is the one that gets all features, trains the head and writes every file."""
        return self.ranks.rank == 0

    @property
    def cores(self) -> int:
        """The cores of this machine that are this process's share."""
        return max(1, count_cores() // self.ranks.local_world_size)

    def assert_same_config(self, fingerprint: str) -> None:
        """Raises DatasetError in the first process when another one has other photos, weights or settings."""
        if not self.is_rank_zero:
            self._send(fingerprint, 0)
            return
        for other in self._others():
            if self._receive(other) != fingerprint:
                raise DatasetError(
                    f"process {other + 1} of {self.ranks.world_size} has other photos, weights or settings "
                    "than the first, or another torch or kind of device; give every process the same "
                    "(on SageMaker: channels with the S3DataDistributionType FullyReplicated)"
                )

    def broadcast(self, value: Value) -> Value:
        """The first process's `value`: tensors, numbers, text, lists and dicts of them."""
        if not self.is_rank_zero:
            return self._receive(0)  # type: ignore[no-any-return]
        for other in self._others():
            self._send(value, other)
        return value

    def shard(self, work: list[Value]) -> list[Value]:
        """The items that this process computes."""
        return work[self.ranks.rank :: self.ranks.world_size]

    def collect(self, own: Iterator[Batch], count: int) -> Iterator[Batch]:
        """In the first process: all `count` batches in order, its own and those that others hand over.

        Raises the error that another process met, or ProcessLostError.
        """
        for number in range(count):
            owner = number % self.ranks.world_size
            yield Batch(**self._receive(owner)) if owner else next(own)
        self.broadcast(None)

    def hand_over(self, own: Iterator[Batch]) -> None:
        """In the others: give each batch to the first process, and stay until that has all of them."""
        for batch in own:
            # Before a batch, which the first waits for: after the last one, nobody would hear of it.
            self._stop.check()
            self._send(vars(batch), 0)
        self.broadcast(None)

    def report_to_rank_zero(self, error: Exception) -> None:
        """Let the first process end with the error that ends this one, if it still listens."""
        if self.is_rank_zero or isinstance(error, ProcessLostError):
            return
        try:
            self._send_message(
                {"error": describe_error(error), "stopped": isinstance(error, StoppedError)}, 0
            )
        except RuntimeError:
            return

    def _others(self) -> range:
        return range(1, self.ranks.world_size)

    def _send(self, value: Any, other: int) -> None:
        with self._connection(other):
            self._send_message({"value": value}, other)

    def _send_message(self, message: dict[str, Any], other: int) -> None:
        buffer = io.BytesIO()
        torch.save(message, buffer)
        content = torch.frombuffer(bytearray(buffer.getvalue()), dtype=torch.uint8)
        distributed.send(torch.tensor([len(content)]), other)
        distributed.send(content, other)

    def _receive(self, other: int) -> Any:
        size = torch.zeros(1, dtype=torch.long)
        with self._connection(other):
            distributed.recv(size, other)
            content = torch.empty(int(size), dtype=torch.uint8)
            distributed.recv(content, other)
        message = torch.load(io.BytesIO(content.numpy().tobytes()), weights_only=True)
        if "error" in message:
            raise (StoppedError if message["stopped"] else TrainingError)(message["error"])
        return message["value"]

    @contextmanager
    def _connection(self, other: int) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            self._stop.check()  # then the other one was told to stop as well
            raise ProcessLostError(
                f"process {other + 1} of {self.ranks.world_size} ended before the features were computed, "
                f"or was silent for {TIMEOUT.total_seconds():.0f} s; its log says more"
            ) from error


@contextmanager
def join_process_group(environment: Mapping[str, str], stop: StopSignal) -> Iterator[ProcessGroup]:
    """The other processes that the environment speaks of, and the way to them while the block runs.

    An error that leaves the block in one process ends the first one too. Raises ProcessLostError when they
    do not all come within TIMEOUT.
    """
    ranks = read_ranks(environment)
    group = ProcessGroup(ranks, stop)
    if ranks.world_size == 1:
        yield group
        return
    _connect(environment, ranks)
    try:
        yield group
    except Exception as error:
        group.report_to_rank_zero(error)
        raise
    finally:
        distributed.destroy_process_group()


def read_ranks(environment: Mapping[str, str]) -> Ranks:
    """From the variables of torchrun, else of SageMaker's training toolkit; a process alone without both.

    https://docs.pytorch.org/docs/stable/elastic/run.html#environment-variables
    """
    if "RANK" in environment:
        names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
        return Ranks(*(int(environment[name]) for name in names))
    hosts = _sagemaker_hosts(environment)
    return Ranks(hosts.index(environment["SM_CURRENT_HOST"]), len(hosts)) if hosts else Ranks()


def _connect(environment: Mapping[str, str], ranks: Ranks) -> None:
    interface = environment.get("SM_NETWORK_INTERFACE_NAME")
    if _is_loopback(_rendezvous_address(environment)) or (
        not interface and ranks.world_size == ranks.local_world_size
    ):
        # gloo would look up the machine's name, which not every machine can.
        interface = "lo0" if sys.platform == "darwin" else "lo"
    if interface:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", interface)
    try:
        distributed.init_process_group(
            "gloo",
            rank=ranks.rank,
            world_size=ranks.world_size,
            timeout=TIMEOUT,
            **_rendezvous(environment, ranks),
        )
    except (RuntimeError, OSError) as error:
        raise ProcessLostError(
            f"the {ranks.world_size} processes of the training did not find each other within "
            f"{TIMEOUT.total_seconds():.0f} s: {error}"
        ) from error


def _rendezvous(environment: Mapping[str, str], ranks: Ranks) -> dict[str, Any]:
    """Where the processes meet, as init_process_group wants it.

    Where that is this machine itself, nobody else is to reach it: torch's own store listens on every
    interface.
    """
    # torchrun's agent has a store of its own.
    if "RANK" in environment and environment.get("TORCHELASTIC_USE_AGENT_STORE") == "True":
        return {"init_method": "env://"}
    address = _rendezvous_address(environment)
    port = environment.get("MASTER_PORT", _SAGEMAKER_PORT)
    if not _is_loopback(address):
        return {"init_method": "env://" if "RANK" in environment else f"tcp://{address}:{port}"}
    listener = None
    if ranks.rank == 0:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listener = socket.create_server((address, int(port)), family=family).detach()
    # torch names it in its documentation, but not in its stubs.
    store = distributed.TCPStore(  # type: ignore[attr-defined]
        address, int(port), ranks.world_size, ranks.rank == 0, TIMEOUT, master_listen_fd=listener
    )
    return {"store": store}


def _rendezvous_address(environment: Mapping[str, str]) -> str:
    hosts = _sagemaker_hosts(environment)
    return environment.get("MASTER_ADDR", hosts[0] if hosts else "")


def _is_loopback(address: str) -> bool:
    try:
        return address == "localhost" or ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _sagemaker_hosts(environment: Mapping[str, str]) -> list[str]:
    hosts: list[str] = json.loads(environment.get("SM_HOSTS", "[]"))
    return hosts
