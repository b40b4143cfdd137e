"""SIGTERM: the machine is wanted back. Whoever works in a loop asks where the work so far can be saved."""

import signal
from types import FrameType

from training.failures import TrainingError


class StoppedError(TrainingError):
    """The run was told to stop; what was done is saved where there is a checkpoint folder."""


class StopSignal:
    """Remembers that a stop was asked for. SageMaker leaves 120 seconds from SIGTERM to SIGKILL:
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StopTrainingJob.html
    """

    def __init__(self) -> None:
        self.requested = False

    def listen(self) -> None:
        """Take SIGTERM as a request from now on; to be called by the main thread."""
        signal.signal(signal.SIGTERM, self._on_signal)

    def request(self) -> None:
        """Ask for a stop."""
        self.requested = True

    def check(self) -> None:
        """Raises StoppedError when a stop was asked for."""
        if self.requested:
            raise StoppedError("the training was stopped by SIGTERM before it had finished")

    def _on_signal(self, _signal: int, _frame: FrameType | None) -> None:
        self.request()
