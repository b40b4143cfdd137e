"""Which container image trains: the deployment's own, or one that knows GPUs."""

from dataclasses import dataclass

PROGRAM = "training/train.py"
# Puts the pinned packages that AWS's image lacks beside it, and becomes train.py.
PROGRAM_IN_AWS_IMAGE = "training/install_and_train.py"


@dataclass(frozen=True)
class ContainerImages:
    """The addresses that the deployment was given."""

    serving: str
    training: str
    gpu_training: str

    def for_training(self, *, gpu: bool) -> str:
        return self.gpu_training if gpu else self.training


def training_program(image_uri: str) -> str:
    """What sagemaker-training is to run in this image."""
    repository = image_uri.partition("/")[2].partition(":")[0].partition("@")[0]
    # AWS's Deep Learning Containers for PyTorch: their repository has one word.
    return PROGRAM_IN_AWS_IMAGE if repository == "pytorch" else PROGRAM


def installs_packages(image_uri: str) -> bool:
    """Whether what runs in this image gets packages from the internet first."""
    return training_program(image_uri) == PROGRAM_IN_AWS_IMAGE
