"""train.py in an image that has torch, but not all else that train.py needs: AWS's own for PyTorch.

sagemaker-training runs it with train.py's arguments. AWS's torch stays, which was built for the image's CUDA.
"""

import sys
from pathlib import Path

from training.job.pinned_packages import TRAINING_PINS, InstallError, become_training, install

PACKAGES = Path("/opt/dropserve/packages")


def main(arguments: list[str], packages: Path = PACKAGES) -> str:
    """Why it could not; it does not come back when it could."""
    try:
        install(TRAINING_PINS, packages)
    except InstallError as error:
        return str(error)
    become_training(packages, arguments, {})
    raise AssertionError("train.py did not start")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
