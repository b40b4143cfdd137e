"""One run of the state machine in sfnx's interpreter (https://github.com/iwamot/sfnx, docs/testing.md).

It interprets JSONata state machines, and its authors measured on AWS what it does. Neither a Wait nor a Retry
waits in it, and a Timeout comes only when a scenario asks for it. Expressions go through jsonata-python, as
in the local cloud: their language has no second opinion here.
"""

import functools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

from jsonata.parser import Parser
from sfnx import testing

from deploy_scripts.verify_aws.machine.refusal import InTurn, Refusal


class NotADefinitionError(Exception):
    """Step Functions would not take this definition, or the interpreter does not know a part of it."""


@dataclass(frozen=True)
class Run:
    """What a run did, in order; `refused` are places in `calls`; `error` is what the execution ended in."""

    states: tuple[str, ...]
    calls: tuple[testing.Call, ...]
    refused: frozenset[int]
    error: str | None
    cause: str | None

    def calls_of(self, api: str, *, answered: bool = False) -> list[Mapping[str, Any]]:
        """The arguments of every call of an API, whichever integration made it: `sagemaker:createModel`."""
        return [
            arguments(call)
            for number, call in enumerate(self.calls)
            if api_of(call.resource) == api and not (answered and number in self.refused)
        ]


def api_of(resource: str) -> str:
    """`sagemaker:createTrainingJob` of its ARN with `aws-sdk:` and `.sync`; a function's ARN stays."""
    if not resource.startswith("arn:aws:states:::"):
        return resource
    return resource.removeprefix("arn:aws:states:::").removeprefix("aws-sdk:").partition(".")[0]


def arguments(call: testing.Call) -> Mapping[str, Any]:
    return call.arguments if isinstance(call.arguments, Mapping) else {}


@contextmanager
def checked(definition: Mapping[str, Any]) -> Iterator[None]:
    """Checks the definition once: each run would do it again, in twice the time that it takes itself.

    Each expression is parsed once as well, which took half of the time. Raises NotADefinitionError.
    """
    try:
        testing.check(definition)
    except (testing.InvalidDefinition, testing.Unsupported) as error:
        raise NotADefinitionError(str(error)) from error
    parse = functools.cache(functools.partial(Parser.parse, Parser()))
    parse_once = mock.patch.object(Parser, "parse", lambda _, *arguments: parse(*arguments))
    with mock.patch.object(testing, "check"), parse_once:
        yield


def run(definition: Mapping[str, Any], execution_input: Any, answers: Mapping[str, Any]) -> Run:
    """Each Task is answered by what `answers` has for its state, and by {} when there is nothing.

    An answer is a value, a function of the call, a Refusal, or some of these InTurn.
    """
    asked: dict[str, int] = {}
    made: list[bool] = []

    def answer(call: testing.Call) -> object:
        number = asked[call.state] = asked.get(call.state, 0) + 1
        given = answers.get(call.state, {})
        if isinstance(given, InTurn):
            given = given.answers[min(number, len(given.answers)) - 1]
        made.append(not isinstance(given, Refusal))
        if isinstance(given, Refusal):
            raise testing.Failure(given.error, given.cause)
        return given(call) if callable(given) else given

    try:
        execution = testing.run(definition, execution_input, answer)
    except AssertionError as endless:
        return Run((), (), frozenset(), "no end", str(endless))
    refused = frozenset(number for number, answered in enumerate(made) if not answered)
    return Run(execution.states, execution.calls, refused, execution.error, execution.cause)
