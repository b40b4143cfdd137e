"""One instance of an endpoint: a serving process behind a port of its own."""

import http.client
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local_cloud.processes import Process, Processes
from local_cloud.services.sagemaker.host import free_port

_HOST = "127.0.0.1"
# https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html: /ping within 2 s
_PING_TIMEOUT_S = 2.0
_STOP_GRACE_S = 5.0
# SageMaker alone reaches its containers; here others reach the port too, and a server may ask for this.
_ACCESS_VARIABLE, _ACCESS_HEADER = "SERVE_ACCESS_KEY", "x-serve-access-key"


@dataclass(frozen=True)
class Answer:
    """What the container answered; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class NotReachedError(Exception):
    """The request did not reach the container: another instance may take it."""


class NoAnswerError(Exception):
    """The container got the request and ended, or broke off, without an answer."""


class Instance:
    """Runs `command` with SAGEMAKER_BIND_TO_PORT in its environment, in a scratch folder."""

    def __init__(self, command: tuple[str, ...], environment: Mapping[str, str], folder: Path) -> None:
        self.id = f"i-{secrets.token_hex(8)}"
        self.log_file = folder / f"{self.id}.log"
        self.in_flight = 0
        self._access_key = secrets.token_hex(32)
        self._command = command
        self._environment = environment
        self._scratch = folder / self.id
        self._port = 0
        self._process: Process | None = None

    def start(self, processes: Processes) -> None:
        """Starts the process on a port that is free now."""
        self._scratch.mkdir(parents=True, exist_ok=True)
        self._port = free_port()
        environment = {
            **self._environment,
            "SAGEMAKER_BIND_TO_PORT": str(self._port),
            _ACCESS_VARIABLE: self._access_key,
            "HOME": str(self._scratch),
        }
        self._process = processes.spawn(
            self._command, env=environment, cwd=self._scratch, log_file=self.log_file
        )

    def is_running(self) -> bool:
        """Whether the process has not ended."""
        return self._process is not None and self._process.poll() is None

    def is_healthy(self) -> bool:
        """Whether GET /ping answers 200 in time."""
        try:
            return self._request("GET", "/ping", {}, None, _PING_TIMEOUT_S).status == 200
        except (NotReachedError, NoAnswerError, TimeoutError):
            return False

    def invoke(self, headers: Mapping[str, str], body: bytes, timeout_s: float) -> Answer:
        """POST /invocations. Raises NotReachedError, NoAnswerError, or TimeoutError after `timeout_s`."""
        return self._request("POST", "/invocations", headers, body, timeout_s)

    def stop(self) -> None:
        """Ends the process; does nothing when it has ended."""
        if self._process is not None:
            self._process.stop(_STOP_GRACE_S)

    def _request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, timeout_s: float
    ) -> Answer:
        connection = http.client.HTTPConnection(_HOST, self._port, timeout=timeout_s)
        try:
            connection.connect()
        except OSError as error:
            raise NotReachedError(str(error)) from error
        try:
            callers = {name: value for name, value in headers.items() if name.lower() != _ACCESS_HEADER}
            connection.request(method, path, body, {**callers, _ACCESS_HEADER: self._access_key})
            response = connection.getresponse()
            answer_headers = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, answer_headers, response.read())
        except TimeoutError:
            raise
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswerError(str(error)) from error
        finally:
            connection.close()
