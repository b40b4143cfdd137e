"""How the endpoint is set: by the environment variables of SageMaker's containers, and by the machine."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cores import count_cores

# What InvokeEndpoint takes: BodyBlob in the sagemaker-runtime model of botocore.
MAX_BODY_BYTES = 6_291_456
# A model container has to answer within this; later, InvokeEndpoint has told its caller of an error already.
# https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
LIMIT_S = 60.0
GRACE_S = 20
# A full queue is about a second of work: who waits longer does so for workers that were lost, and is told to
# come back while its own time to wait is not over.
WAIT_LIMIT_S = 5.0

_DEFAULT_PORT = 8080
# More processes of one model gain nothing that threads would not, and each holds a copy of it.
_MOST_WORKERS = 8


class SettingError(ValueError):
    """An environment variable has no usable value; the message says which and what it takes."""


@dataclass(frozen=True)
class ServeSettings:
    """Where the model lies, the port, and how the machine's cores are shared out.

    `max_requests` and `max_bytes` (of bodies) bound what waits or is computed; `wait_limit_s` bounds how long
    until a worker takes it. `limit_s` bounds the arrival of a request's body and, from then on, its answer.
    Requests must bring `access_key` as their header X-Serve-Access-Key, unless it is empty: on one machine,
    web pages and other users can reach the port too.
    """

    model_dir: Path
    port: int
    workers: int
    cores: int
    limit_s: float = LIMIT_S
    wait_limit_s: float = WAIT_LIMIT_S
    max_requests: int = 128
    max_bytes: int = 256 << 20
    access_key: str = field(default="", repr=False)


def read_settings(environment: Mapping[str, str]) -> ServeSettings:
    """Settings from SM_MODEL_DIR, SAGEMAKER_BIND_TO_PORT, SAGEMAKER_MODEL_SERVER_WORKERS and ..._TIMEOUT.

    SERVE_ACCESS_KEY is the access key. Raises SettingError.
    """
    model_dir = environment.get("SM_MODEL_DIR")
    if not model_dir:
        raise SettingError("SM_MODEL_DIR is not set; it names the folder of an unpacked model.tar.gz")
    cores = count_cores()
    workers = _positive(environment, "SAGEMAKER_MODEL_SERVER_WORKERS", min(cores, _MOST_WORKERS))
    return ServeSettings(
        Path(model_dir),
        _positive(environment, "SAGEMAKER_BIND_TO_PORT", _DEFAULT_PORT),
        workers,
        cores,
        float(_positive(environment, "SAGEMAKER_MODEL_SERVER_TIMEOUT", int(LIMIT_S))),
        # About a second of work for each worker.
        max_requests=64 * max(2, workers),
        access_key=environment.get("SERVE_ACCESS_KEY", ""),
    )


def _positive(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name) or str(default)
    if not text.isdecimal() or int(text) < 1:
        raise SettingError(f"{name} is {text!r}; it takes a whole number from 1 on")
    return int(text)
