"""How the server is set: by the environment variables of SageMaker's containers, and by the machine."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from training.job.cores import count_cores

_THREADS_PER_CORE = 2


class SettingError(ValueError):
    """An environment variable has no usable value; the message says which and what it takes."""


@dataclass(frozen=True)
class Settings:
    """Where the model lies, where to listen, how many compute, and the limits.

    The engine computes `streams` photos at a time, each on a core. More `threads` than that decode meanwhile,
    and wait for it: with two a core, a server on two cores answered a tenth more requests than with one.

    At most `max_requests` with `max_bytes` are here at a time, about a second of work. A computation begins
    within `wait_limit_s`. `limit_s` bounds how long a request may come, and from then on its answer: later,
    InvokeEndpoint has told its caller of an error already
    (https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html). Requests must bring
    `access_key` unless it is empty: on one machine, web pages and other users can reach the port too.
    """

    model_dir: Path
    host: str
    port: int
    threads: int
    streams: int = 1
    limit_s: float = 60.0
    wait_limit_s: float = 5.0
    max_requests: int = 128
    max_bytes: int = 256 << 20
    access_key: str = field(default="", repr=False)


def read_settings(environment: Mapping[str, str]) -> Settings:
    """From SM_MODEL_DIR, SERVE_HOST, SAGEMAKER_BIND_TO_PORT and SERVE_ACCESS_KEY. Raises SettingError."""
    port = environment.get("SAGEMAKER_BIND_TO_PORT") or "8080"
    if not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise SettingError(f"SAGEMAKER_BIND_TO_PORT is {port!r}; it takes a number from 1 to 65535")
    cores = count_cores()
    return Settings(
        model_dir=Path(environment.get("SM_MODEL_DIR") or "/opt/ml/model"),
        host=environment.get("SERVE_HOST") or "127.0.0.1",
        port=int(port),
        threads=_THREADS_PER_CORE * cores,
        streams=cores,
        max_requests=64 * max(2, cores),
        access_key=environment.get("SERVE_ACCESS_KEY", ""),
    )
