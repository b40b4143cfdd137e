"""The Step Functions Data Science SDK, widened by the fields of the Amazon States Language that it lacks.

The SDK's last release knows neither ResultSelector nor a Retry's MaxDelaySeconds and JitterStrategy:
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
"""

import logging
import os
import sys
import warnings
from enum import Enum
from typing import Any

# Importing the SDK replaces the root logger's level and the exception hook, and prints: put all three back.
os.environ.setdefault("SAGEMAKER_SUPPRESS_V2_WARNING", "1")
_root_level, _hook = logging.root.level, sys.excepthook
logging.getLogger("sagemaker.config").setLevel(logging.ERROR)
with warnings.catch_warnings():
    # It imports pkg_resources, which setuptools is about to drop; setuptools is pinned for it.
    warnings.simplefilter("ignore", UserWarning)
    from stepfunctions import steps
# It warns of every Choice in a chain whose default it sets, which is what a chain is for.
logging.getLogger("stepfunctions").setLevel(logging.ERROR)

logging.root.setLevel(_root_level)
sys.excepthook = _hook

Catch = steps.Catch
Chain = steps.Chain
Choice = steps.Choice
ChoiceRule = steps.ChoiceRule
Fail = steps.Fail
Graph = steps.Graph
Pass = steps.Pass
State = steps.states.State
Succeed = steps.Succeed
Wait = steps.Wait


class _LaterField(Enum):
    """Fields of the language that came after the SDK; a value becomes its PascalCase name."""

    RESULT_SELECTOR = "result_selector"
    MAX_DELAY_SECONDS = "max_delay_seconds"
    JITTER_STRATEGY = "jitter_strategy"


class Task(steps.Task):  # type: ignore[misc]
    """A Task that may also have a `result_selector`."""

    def allowed_fields(self) -> list[Enum]:
        return [*super().allowed_fields(), _LaterField.RESULT_SELECTOR]


class Retry(steps.Retry):  # type: ignore[misc]
    """A retrier that may also have `max_delay_seconds` and `jitter_strategy`."""

    def allowed_fields(self) -> list[Enum]:
        return [*super().allowed_fields(), _LaterField.MAX_DELAY_SECONDS, _LaterField.JITTER_STRATEGY]


def definition(start: Any, *, comment: str, timeout_s: int) -> dict[str, Any]:
    """The state machine that begins at `start`, as the dictionary that the service takes."""
    graph: dict[str, Any] = Graph(start, comment=comment, timeout_seconds=timeout_s).to_dict()
    return graph
