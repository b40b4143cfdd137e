"""The Step Functions Data Science SDK, widened by what the Amazon States Language got since.

The SDK's last release knows neither JSONata (Arguments, Assign, Condition) nor a Retry's MaxDelaySeconds and
JitterStrategy: https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
"""

import json
import logging
import os
import sys
import warnings
from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeAlias

# Importing the SDK replaces the root logger's level and the exception hook, and prints: put all three back.
os.environ.setdefault("SAGEMAKER_SUPPRESS_V2_WARNING", "1")
_root_level, _hook = logging.root.level, sys.excepthook
logging.getLogger("sagemaker.config").setLevel(logging.ERROR)
with warnings.catch_warnings():
    # It imports pkg_resources, which setuptools is about to drop; setuptools is pinned for it.
    warnings.simplefilter("ignore", UserWarning)
    from stepfunctions import steps

logging.root.setLevel(_root_level)
sys.excepthook = _hook

Fail = steps.Fail
State: TypeAlias = steps.states.State
Succeed = steps.Succeed

# What a state assigns: the name of a variable -> a value, in which each `{% ... %}` is evaluated.
Assign = Mapping[str, Any]


def jsonata(expression: str) -> str:
    """A value that is computed at run time."""
    return f"{{% {expression} %}}"


def without_nothing(fields: Mapping[str, Any]) -> str:
    """The fields as one expression: one whose own expression gives nothing is left out of the object.

    On its own such a field would fail the state. Objects are made so: https://docs.jsonata.org/construction
    """
    return jsonata(_literal(fields))


def _literal(value: Any) -> str:
    """JSON in JSONata's syntax, with each computed value as it is."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_quoted(name)}: {_literal(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_literal(each) for each in value) + "]"
    if isinstance(value, str):
        return f"({value[2:-2].strip()})" if value.startswith("{%") else _quoted(value)
    return json.dumps(value)


def _quoted(text: str) -> str:
    inner = json.dumps(text)[1:-1].replace("'", "\\u0027")
    return f"'{inner}'"


class _LaterField(Enum):
    """Fields of the language that came after the SDK; a value becomes its PascalCase name."""

    ARGUMENTS = "arguments"
    ASSIGN = "assign"
    OUTPUT = "output"
    MAX_DELAY_SECONDS = "max_delay_seconds"
    JITTER_STRATEGY = "jitter_strategy"


class Task(steps.Task):  # type: ignore[misc]
    """A Task with `arguments`, `assign` and `output`."""

    def allowed_fields(self) -> list[Enum]:
        return [*super().allowed_fields(), _LaterField.ARGUMENTS, _LaterField.ASSIGN, _LaterField.OUTPUT]


class Pass(steps.Pass):  # type: ignore[misc]
    """A Pass with `assign`."""

    def allowed_fields(self) -> list[Enum]:
        return [*super().allowed_fields(), _LaterField.ASSIGN]


class Wait(steps.Wait):  # type: ignore[misc]
    """A Wait with `assign`; `seconds` may be computed."""

    def allowed_fields(self) -> list[Enum]:
        return [*super().allowed_fields(), _LaterField.ASSIGN]


class Retry(steps.Retry):  # type: ignore[misc]
    """A retrier with `max_delay_seconds` and `jitter_strategy`."""

    def allowed_fields(self) -> list[Enum]:
        return [*super().allowed_fields(), _LaterField.MAX_DELAY_SECONDS, _LaterField.JITTER_STRATEGY]


class Catch(steps.Catch):  # type: ignore[misc]
    """A catcher with `assign` and `output`."""

    def allowed_fields(self) -> list[Enum]:
        return [*super().allowed_fields(), _LaterField.ASSIGN, _LaterField.OUTPUT]


class Choice(steps.Choice):  # type: ignore[misc]
    """A Choice whose rules are JSONata conditions; its own `assign` holds where none of them is true."""

    def allowed_fields(self) -> list[Enum]:
        return [*super().allowed_fields(), _LaterField.ASSIGN]

    def when(self, condition: str, then: State, assign: Assign | None = None) -> None:
        """Go to `then` where the expression `condition` is true; rules are tried in the order they came."""
        self.add_choice(_Rule(condition, assign), then)


class _Rule:
    """A rule as the SDK's Choice takes it."""

    def __init__(self, condition: str, assign: Assign | None) -> None:
        self._fields = {"Condition": jsonata(condition), **({"Assign": dict(assign)} if assign else {})}

    def to_dict(self) -> dict[str, Any]:
        return dict(self._fields)


class DistributedMap(steps.states.State):  # type: ignore[misc]
    """A Map in distributed mode: each batch of its items is an execution of its own, which begins at `start`.

    What the batches share, they get by `batch_input`: they do not see the variables of this machine.
    https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
    """

    def __init__(  # noqa: PLR0913  one keyword a field of the state
        self,
        name: str,
        *,
        label: str,
        reader: Mapping[str, Any],
        batch_items: int,
        batch_bytes: int,
        batch_input: Mapping[str, Any],
        max_concurrency: str,
        start: State,
        **fields: Any,
    ) -> None:
        super().__init__(name, "Map", **fields)
        processor = steps.Graph(start).to_dict()
        self._own = {
            "Label": label,
            "ItemReader": dict(reader),
            "ItemBatcher": {
                "MaxItemsPerBatch": batch_items,
                "MaxInputBytesPerBatch": batch_bytes,
                "BatchInput": dict(batch_input),
            },
            "MaxConcurrency": max_concurrency,
            # What fails is told photo by photo; no failure ends the others.
            "ToleratedFailurePercentage": 100,
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                **processor,
            },
        }

    def allowed_fields(self) -> list[Enum]:
        return [steps.fields.Field.Comment, _LaterField.ASSIGN, _LaterField.OUTPUT]

    def to_dict(self) -> dict[str, Any]:
        return {**super().to_dict(), **self._own}


def definition(start: State, *, comment: str, timeout_s: int) -> dict[str, Any]:
    """The state machine that begins at `start`, as the dictionary that the service takes."""
    graph: dict[str, Any] = steps.Graph(start, comment=comment, timeout_seconds=timeout_s).to_dict()
    return {"QueryLanguage": "JSONata", **graph}
