"""Each check of the state machine goes red on a mistake of its kind."""

from typing import Any

import pytest

from deploy_scripts.verify_aws.machine import calls, interpreter, language, price
from deploy_scripts.verify_aws.machine.endings import ending_problems
from deploy_scripts.verify_aws.machine.refusal import Refusal
from deploy_scripts.verify_aws.machine.run import NotADefinitionError, checked
from deploy_scripts.verify_aws.machine.scenario import Scenario
from deploy_scripts.verify_aws.machine.scenarios import STRAIGHT_RUN, scenarios
from tests.unit.deploy_scripts.verify_aws.conftest import Seeded

STORIES = {scenario.name: scenario for scenario in scenarios()}
LATE = STORIES["an endpoint that answers otherwise"]


def refused(state: str, *, ending: Any = "failed", error: str | None = "RunFailed") -> Scenario:
    return STRAIGHT_RUN.but(f"{state} refused", ending, error, {state: Refusal(interpreter.UNNAMED)})


def lead(state: str, way: str, target: str) -> Any:
    def change(states: dict[str, Any]) -> None:
        if way == "Catch":
            states[state]["Catch"][-1]["Next"] = target
        else:
            states[state][way] = target

    return change


def keep_lock(states: dict[str, Any]) -> None:
    states["Release deploy lock"]["Arguments"]["ExpressionAttributeValues"][":holder"] = {"S": "me"}


def forget_catch(states: dict[str, Any]) -> None:
    del states["Notify"]["Catch"]


def wait_for_ever(states: dict[str, Any]) -> None:
    del states["Endpoint in service?"]["Choices"][1]


def spoil_pointer(states: dict[str, Any]) -> None:
    states["Restore live endpoint"]["Arguments"]["Value"] = "{% $string({'endpoint_name': $release_name}) %}"


@pytest.mark.parametrize(
    ("change", "scenario", "problem"),
    [
        (lead("Accept model", "Catch", "Record outcome"), LATE, "is left behind"),
        (lead("Audit IAM", "Catch", "Switch live endpoint"), refused("Audit IAM"), "the execution ended in"),
        (lead("Record outcome", "Next", "Which outcome?"), STRAIGHT_RUN, "nobody was told"),
        (forget_catch, refused("Notify", ending="live", error=None), f"ended in {interpreter.UNNAMED}"),
        (keep_lock, STRAIGHT_RUN, "the deploy lock was not released"),
        (wait_for_ever, STORIES["an endpoint that never comes"], "did not end within 10,000 states"),
        (spoil_pointer, STORIES["a switch that fails"], "the live pointer names an endpoint that is gone"),
        (lambda states: None, STRAIGHT_RUN.but("x", "rejected", None, {}), "not rejected"),
    ],
)
def test_a_run_that_does_not_end_as_designed_is_told(
    seeded: Seeded, change: Any, scenario: Scenario, problem: str
) -> None:
    definition = interpreter.prepared(seeded(change))
    sound = interpreter.prepared(seeded())
    with checked(definition):
        found = ending_problems(scenario, interpreter.play(definition, scenario))
        before = ending_problems(scenario, interpreter.play(sound, scenario))
    assert any(problem in sentence for sentence in found), found
    assert scenario.name == "x" or before == []


def test_every_task_is_refused_with_each_error_that_it_names(seeded: Seeded) -> None:
    definition = interpreter.prepared(seeded())
    with checked(definition):
        stories = {STRAIGHT_RUN: interpreter.play(definition, STRAIGHT_RUN)}
    names = [each.name for each in interpreter.refused(definition, stories)]
    assert len(names) == len(set(names)) > 200
    assert "Acquire deploy lock refused with DynamoDB.ConditionalCheckFailedException" in names
    assert "Create model refused once with SageMaker.AmazonSageMakerException" in names
    assert "Create model refused once with States.Timeout" not in names
    assert f"Accept model refused with {interpreter.UNNAMED}" in names


def test_a_definition_that_aws_would_not_take_is_refused_before_a_run(seeded: Seeded) -> None:
    subject = seeded(lead("Notify", "Next", "Nowhere"))
    assert "there is no state Nowhere" in interpreter.check(subject).problems[0]
    with (
        pytest.raises(NotADefinitionError, match="errorOutput"),
        checked(
            interpreter.prepared(seeded(lambda s: s["Notify"].update(Output="{% $states.errorOutput %}")))
        ),
    ):
        pass


def test_what_the_api_would_refuse_is_told(seeded: Seeded, monkeypatch: pytest.MonkeyPatch) -> None:
    def spoil(states: dict[str, Any]) -> None:
        states["Create endpoint"]["Arguments"]["EndpointNam"] = "x"
        states["Create model"]["Retry"][0]["ErrorEquals"].append("SageMaker.ThrottlingException")
        name = states["Initialize run"]["Assign"]["release_name"]
        states["Initialize run"]["Assign"]["release_name"] = name.replace("-' &", "-" + 40 * "x" + "-' &")
        arguments = states["Train on SageMaker"]["Arguments"]
        states["Train on SageMaker"]["Arguments"] = arguments.replace("'File'", "('fi' & 'le')")

    monkeypatch.setitem(calls.STRAIGHT, "Describe endpoint", {"EndpointStatus": "InService", "Status": 1})
    problems = "\n".join(calls.check(seeded(spoil)).problems)
    for problem in (
        "Create endpoint: EndpointNam is not an argument of CreateEndpointInput",
        "Create model: AWS never sends SageMaker.ThrottlingException",
        "characters of at most 63: dropserve-xxx",
        "Train on SageMaker: AlgorithmSpecification.TrainingInputMode is 'file', which is none of its values",
        "answers.py, Describe endpoint: DescribeEndpointOutput has no Status",
    ):
        assert problem in problems


def test_a_straight_run_with_many_states_is_told(seeded: Seeded, monkeypatch: pytest.MonkeyPatch) -> None:
    result = price.check(seeded())
    assert result.problems == ()
    assert result.counted.startswith("63 transitions and 60 of 5 minutes' waiting, USD 0.0031 a run")
    monkeypatch.setattr(price, "MOST_TRANSITIONS", 50)
    assert price.check(seeded()).problems == ("a straight run has 63 transitions, more than 50",)


@pytest.mark.slow
def test_each_program_reads_the_language(seeded: Seeded) -> None:
    def spoil(states: dict[str, Any]) -> None:
        states["Create model"]["Retry"][0]["MaxAttempts"] = "four"
        states["Notify"]["Next"] = "Nowhere"

    problems = language.check(seeded(spoil)).problems
    for program in ("asl-validator", "statelint", "AWS's language service"):
        assert any(program in problem for problem in problems), problems
    assert language.check(seeded()).problems == ()
