"""The state machine in an interpreter of others: every story, and every Task refused with every error."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from contracts.workflow import Status
from deploy_scripts.verify_aws.check import Result, Subject
from deploy_scripts.verify_aws.machine.endings import ending_problems
from deploy_scripts.verify_aws.machine.refusal import InTurn, Refusal
from deploy_scripts.verify_aws.machine.run import NotADefinitionError, Run, checked, run
from deploy_scripts.verify_aws.machine.scenario import ROLLBACK_FAILED, SWITCH_FAILED, Scenario
from deploy_scripts.verify_aws.machine.scenarios import scenarios
from deploy_scripts.verify_aws.machine.scoring import played, scoring_problems
from deploy_scripts.verify_aws.template.example_values import substituted

# Loops end soon, and there is a canary.
SHORT = {"PollLimit": "2", "BakeSeconds": "15", "CanaryPercent": "10", "CanarySeconds": "15"}
UNNAMED = "Made.UpException"
# Tasks whose refusal changes nothing about how a run ends. Of all others, the run fails.
GOES_ON = frozenset(
    {
        *("Read current version", "Read current version before deploy", "Describe live endpoint"),
        *("Start new run", "Start new run before release", "Delete endpoint configuration"),
        *("Create endpoint log group", "Set log retention"),
        *("Record newest drop", "Describe previous endpoint", "Deregister previous scaling"),
        *("Delete previous endpoint", "Delete previous configuration", "Delete previous model"),
        *("Record replaced release", "Describe candidate endpoint", "Deregister candidate scaling"),
        *("Delete candidate endpoint", "Delete candidate configuration", "Delete candidate model"),
        *("Stop lost job on SageMaker", "Stop lost job on demand"),
        *("Describe training instances", "Terminate training instances", "Release deploy lock"),
        *("Notify", "Register model", "Record model version"),
        *("Approve model version", "Reject model version", "Reject replaced model version"),
        *("Read release rollback request", "Read release alarms", "Test release"),
        *("Read canary rollback request", "Read canary alarms", "Test canary"),
        *("Read wrong answers", "Read rollback failure", "Record restored release"),
        *("Create endpoint log group again", "Set log retention again"),
        *("Deregister scaling to pause", "Delete endpoint to pause", "Delete endpoint to resume"),
    }
)
# (state, error) -> how the run ends and in which error, where it is neither.
_OTHERWISE: dict[tuple[str, str], tuple[Status, str | None]] = {
    ("Claim drop", "DynamoDB.ConditionalCheckFailedException"): ("duplicate", None),
    ("Read live release", "Ssm.ParameterNotFoundException"): ("live", None),
    ("Read applied capacity", "Ssm.ParameterNotFoundException"): ("live", None),
    ("Read applied capacity again", "Ssm.ParameterNotFoundException"): ("resumed", None),
    ("Read lock holder", "Sfn.ExecutionDoesNotExistException"): ("live", None),
    ("Read live pointer", "Ssm.ParameterNotFoundException"): ("failed", None),
    ("Read release to pause", "Ssm.ParameterNotFoundException"): ("rejected", None),
    ("Read lock holder to pause", "Sfn.ExecutionDoesNotExistException"): ("paused", None),
    ("Test release", "AcceptanceError"): ("rolled_back", "RunRolledBack"),
    ("Test canary", "AcceptanceError"): ("rolled_back", "RunRolledBack"),
    ("Read release to roll back", "Ssm.ParameterNotFoundException"): ("restored", None),
    ("Read lock holder to roll back", "Sfn.ExecutionDoesNotExistException"): ("restored", None),
}
# What meets only an execution that has claimed nothing: scenarios.py has its story.
_OF_A_STORY = {"Record outcome": {"DynamoDB.ConditionalCheckFailedException"}}
# Without their answer nothing can be cleaned up, and the execution fails so.
_CLEANING = ("Read run to clean up", "Read live pointer")


def prepared(subject: Subject, **changes: str) -> dict[str, Any]:
    """The definition with a deployment's values, of which `changes` are other ones."""
    text = substituted(json.dumps(subject.definition), subject.main, {**SHORT, **changes})
    definition: dict[str, Any] = json.loads(text)
    return definition


def play(definition: Mapping[str, Any], scenario: Scenario) -> Run:
    return run(definition, scenario.input, scenario.answers)


def scenarios_played(definition: Mapping[str, Any]) -> list[Run]:
    """The stories without the refusals. Raises NotADefinitionError."""
    with checked(definition):
        return [play(definition, scenario) for scenario in scenarios()]


def check(subject: Subject) -> Result:
    """Every scenario ends as designed, and between them they pass every state."""
    definition = prepared(subject)
    try:
        with checked(definition):
            stories = {scenario: play(definition, scenario) for scenario in scenarios()}
            refusals = {scenario: play(definition, scenario) for scenario in refused(definition, stories)}
        scoring = played(subject)
    except NotADefinitionError as error:
        return Result("no scenario", (f"AWS would not take it: {error}",))
    runs = {**stories, **refusals}
    problems = [each for scenario, made in runs.items() for each in ending_problems(scenario, made)]
    passed = {state for made in runs.values() for state in made.states}
    missed = sorted(definition["States"].keys() - passed)
    problems += [f"no scenario comes to {state}: write one in scenarios.py" for state in missed]
    problems += scoring_problems(subject, scoring)
    counted = (
        f"{len(runs)} runs ({len(stories)} stories, {len(refusals)} refusals of {_tasks(definition)} Tasks), "
        f"{len(scoring)} of the scoring"
    )
    return Result(counted, tuple(problems))


def _tasks(definition: Mapping[str, Any]) -> int:
    return sum(state["Type"] == "Task" for state in definition["States"].values())


def refused(definition: Mapping[str, Any], stories: Mapping[Scenario, Run]) -> Iterator[Scenario]:
    """For each Task, in the first story that calls it: refused for good, and once where it is retried."""
    for state, task in definition["States"].items():
        story = next((each for each, made in stories.items() if _asks(made, state)), None)
        if task["Type"] == "Task" and story:
            retried = {error for retrier in task["Retry"] for error in retrier["ErrorEquals"]}
            for error in sorted(_errors(task) - _OF_A_STORY.get(state, set())):
                yield _for_good(story, state, error)
                if error in retried:
                    yield _once(story, state, error)


def _asks(made: Run, state: str) -> bool:
    return any(call.state == state and number not in made.refused for number, call in enumerate(made.calls))


def _errors(task: Mapping[str, Any]) -> set[str]:
    handlers = [*task["Retry"], *task["Catch"]]
    named = {error for handler in handlers for error in handler["ErrorEquals"]} - {"States.ALL"}
    beats = {"States.HeartbeatTimeout"} if "HeartbeatSeconds" in task else set()
    return named | beats | {"States.Timeout", UNNAMED}


def _for_good(story: Scenario, state: str, error: str) -> Scenario:
    usual: tuple[Status | None, str | None] = ("failed", "RunFailed")
    ending, end_error = _OTHERWISE.get((state, error), usual)
    if (state, error) not in _OTHERWISE and state in GOES_ON:
        ending, end_error = story.ending, story.error
    elif state in _CLEANING and (state, error) not in _OTHERWISE:
        ending, end_error = None, "CleanUpFailed"
    elif state == "Record duplicate":
        ending, end_error = "duplicate", "LedgerFailed"
    elif state == "Record outcome":
        ending, end_error = story.ending, "LedgerFailed"
    elif state.startswith("Restore live endpoint"):
        ending, end_error = "running", SWITCH_FAILED
    elif state == "Roll back":
        ending, end_error = "running", ROLLBACK_FAILED
    return story.but(f"{state} refused with {error}", ending, end_error, {state: Refusal(error)})


def _once(story: Scenario, state: str, error: str) -> Scenario:
    before = story.answers.get(state, {})
    after = before.answers if isinstance(before, InTurn) else (before,)
    changes = {state: InTurn((Refusal(error), *after))}
    return story.but(f"{state} refused once with {error}", story.ending, story.error, changes)
