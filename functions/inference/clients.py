"""The AWS clients of the request path: quick to make, and with limits far shorter than the common ones.

Made by botocore itself: importing boto3 takes as long as the rest of a cold start's AWS code together.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, cast

from botocore.config import Config
from botocore.exceptions import DataNotFoundError, UnknownServiceError
from botocore.loaders import Loader
from botocore.session import Session

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient
    from mypy_boto3_ssm import SSMClient

CONNECT_TIMEOUT_S = 1
# botocore's own models of these clients and no other; deploy_scripts/packaging/service_models.py makes it.
SHIPPED_MODELS = Path(__file__).with_name("service_models")

# A session makes one client at a time.
_making = RLock()


class _ShippedModels(Loader):
    """Botocore's loader lists 400 services twice for each client, and parses 1.2 MB of endpoints.

    A file that is not shipped, as one of a format that only a newer botocore knows, is botocore's own.
    """

    def __init__(self) -> None:
        super().__init__(extra_search_paths=[str(SHIPPED_MODELS)], include_default_search_paths=False)
        self._whole = Loader()

    def load_data_with_path(self, name: str) -> tuple[dict[str, Any], str]:
        try:
            return super().load_data_with_path(name)
        except DataNotFoundError:
            if "/" in name:  # of a service: what it may lack was merged into the shipped model
                raise
            return self._whole.load_data_with_path(name)

    def load_service_model(
        self, service_name: str, type_name: str, api_version: str | None = None
    ) -> Mapping[str, Any]:
        wanted = (service_name, type_name, api_version)
        try:
            model: Mapping[str, Any] = super().load_service_model(*wanted)
        except (DataNotFoundError, UnknownServiceError):
            model = self._whole.load_service_model(*wanted)
        return model

    def is_builtin_path(self, path: str) -> bool:
        """They are: what is elsewhere counts as a user's own endpoints, which take precedence."""
        return True


@cache
def session() -> Session:
    """The session of all clients; it reads the shipped models where there are some: in a function's zip."""
    made = Session()
    if SHIPPED_MODELS.is_dir():
        made.register_component("data_loader", _ShippedModels())
    return made


def runtime_client(read_timeout_s: int) -> "SageMakerRuntimeClient":
    """A client that never retries by itself: endpoint.py does, and knows how much time is left."""
    with _making:
        return _runtime_client(read_timeout_s)


@cache
def _runtime_client(read_timeout_s: int) -> "SageMakerRuntimeClient":
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S, read_timeout=read_timeout_s, retries={"total_max_attempts": 1}
    )
    return cast("SageMakerRuntimeClient", session().create_client("sagemaker-runtime", config=config))


@cache
def pointer_client() -> "SSMClient":
    """A client that gives up soon: the last known pointer is then a good answer."""
    return cast("SSMClient", session().create_client("ssm", config=_soon()))


def image_client() -> "S3Client":
    """A client for images in the data bucket."""
    with _making:
        return _image_client()


@cache
def _image_client() -> "S3Client":
    return cast("S3Client", session().create_client("s3", config=_soon()))


def capture_client() -> "S3Client":
    """A client that writes a photo at once or not at all: an answer waits for it."""
    with _making:
        return _capture_client()


@cache
def _capture_client() -> "S3Client":
    config = Config(connect_timeout=CONNECT_TIMEOUT_S, read_timeout=1, retries={"total_max_attempts": 1})
    return cast("S3Client", session().create_client("s3", config=config))


def _soon() -> Config:
    return Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=2,
        retries={"mode": "standard", "total_max_attempts": 2},
    )
