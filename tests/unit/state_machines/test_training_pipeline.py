"""The rendered workflow: fresh, valid for every API that it calls, and bounded everywhere."""

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonata import Jsonata

from state_machines.language.arguments import argument_problems
from state_machines.language.expressions import is_computed, returned_type, syntax_problems
from state_machines.language.sdk import jsonata, without_nothing
from state_machines.language.variables import variable_problems
from state_machines.render import (
    ASL_FILE,
    DOCS,
    README,
    STEPS_FILE,
    docs_with_graphs,
    readme_with_picture,
    rendered,
    rendered_steps,
)
from state_machines.training_pipeline import training_pipeline

DEFINITION = training_pipeline()
STATES: dict[str, Any] = DEFINITION["States"]
SWITCH = "Switch live endpoint"
TASKS = {name: state for name, state in STATES.items() if state["Type"] == "Task"}


def targets(state: dict[str, Any]) -> set[str]:
    branches = [*state.get("Choices", []), *state.get("Catch", [])]
    found = {state.get("Next"), state.get("Default"), *(branch["Next"] for branch in branches)}
    return {name for name in found if name}


def reachable(start: str) -> set[str]:
    seen, waiting = set(), [start]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(targets(STATES[name]))
    return seen


def test_the_committed_file_is_what_the_code_renders() -> None:
    assert ASL_FILE.read_text() == rendered(), "run: python -m state_machines.render"
    assert STEPS_FILE.read_text() == rendered_steps(), "run: python -m state_machines.render"


def test_every_state_is_in_one_step_of_the_map() -> None:
    document = json.loads(rendered_steps())
    steps = [step for stage in document["stages"] for step in stage["steps"]] + document["aside"]
    states = [state for step in steps for state in step["states"]] + document["finish"]
    assert sorted(states) == sorted(json.loads(rendered())["States"])


def test_the_pictures_in_readme_and_docs_are_the_workflows() -> None:
    again = "run: python -m state_machines.render"
    assert readme_with_picture(README.read_text()) == README.read_text(), again
    assert docs_with_graphs(DOCS.read_text()) == DOCS.read_text(), again


def test_every_parameter_fits_the_api_that_its_task_calls() -> None:
    assert argument_problems(DEFINITION) == []


@pytest.mark.parametrize(
    ("task", "change", "problem"),
    [
        ("Delete candidate model", {"ModelNam": "x"}, "ModelNam is not an argument"),
        ("Create endpoint", {"EndpointName": "{% 1 + 2 %}"}, "EndpointName takes a string"),
        ("Register scaling target", {"ServiceNamespace": "sagemakr"}, "ServiceNamespace is 'sagemakr'"),
        ("Register scaling target", {"MinCapacity": "1"}, "MinCapacity takes a integer"),
    ],
)
def test_a_wrong_parameter_is_named(task: str, change: dict[str, Any], problem: str) -> None:
    definition = copy.deepcopy(DEFINITION)
    definition["States"][task]["Arguments"].update(change)
    found = argument_problems(definition)
    assert len(found) == 1
    assert found[0].startswith(f"{task}: {problem}")


@pytest.mark.parametrize(
    ("task", "old", "new", "problem"),
    [
        ("Create model", "'ModelName'", "'ModelNam'", "ModelName is missing"),
        ("Create model", "'Image':", "'Imag':", "PrimaryContainer.Imag is not an argument"),
        ("Train on SageMaker", "'File'", "'file'", "AlgorithmSpecification.TrainingInputMode is 'file'"),
        ("Train on EC2", "'MinCount': 1", "'MinCount': '1'", "MinCount takes a integer"),
        ("Create model", "($release_name)", "($count([1]))", "ModelName takes a string"),
        ("Train on EC2", "'DeviceName'", "'Device'", "BlockDeviceMappings[0].Device is not an argument"),
    ],
)
def test_a_wrong_parameter_in_an_expression_of_all_is_named(
    task: str, old: str, new: str, problem: str
) -> None:
    definition = copy.deepcopy(DEFINITION)
    state = definition["States"][task]
    assert old in state["Arguments"]
    state["Arguments"] = state["Arguments"].replace(old, new)
    assert f"{task}: {problem}" in "\n".join(argument_problems(definition))


def test_what_an_expression_does_not_give_is_left_out() -> None:
    fields = {
        "Name": 'it\'s "quoted" \\d ${Here}',
        "Network": jsonata("$plan.vpc_config"),
        "Nested": [
            {"Kept": jsonata("$plan.kept"), "Gone": jsonata("$plan.gone"), "Number": 1, "Flag": False}
        ],
        "Else": jsonata("$plan.kept = 2 ? 'two'"),
    }
    expression = Jsonata.jsonata(without_nothing(fields)[2:-2].strip())
    expression.assign("plan", {"kept": [1]})
    nested = [{"Kept": [1], "Number": 1, "Flag": False}]
    assert expression.evaluate(None) == {"Name": fields["Name"], "Nested": nested}
    expression.assign("plan", {"vpc_config": {"Subnets": ["a"]}, "kept": 2})
    assert expression.evaluate(None) == {
        "Name": fields["Name"],
        "Network": {"Subnets": ["a"]},
        "Nested": [{"Kept": 2, "Number": 1, "Flag": False}],
        "Else": "two",
    }


def test_a_missing_parameter_is_named() -> None:
    definition = copy.deepcopy(DEFINITION)
    del definition["States"]["Create serverless configuration"]["Arguments"]["ProductionVariants"]
    assert argument_problems(definition) == ["Create serverless configuration: ProductionVariants is missing"]


@pytest.mark.parametrize("name", TASKS)
def test_every_task_has_a_timeout_a_bounded_retry_with_jitter_and_a_catch(name: str) -> None:
    task = TASKS[name]
    assert task["TimeoutSeconds"] > 0
    assert task["Retry"]
    for retrier in task["Retry"]:
        # A quota has room again once another training has ended.
        is_quota = retrier["ErrorEquals"] == ["SageMaker.ResourceLimitExceededException"]
        assert 0 < retrier["MaxAttempts"] <= (100 if is_quota else 20)
        assert retrier["JitterStrategy"] == "FULL"
        assert retrier["MaxDelaySeconds"] <= 600
    assert task["Catch"][-1]["ErrorEquals"] == ["States.ALL"]


def test_every_state_is_reachable_and_every_path_can_end() -> None:
    assert reachable(DEFINITION["StartAt"]) == set(STATES)
    ends = {name for name, state in STATES.items() if state["Type"] in ("Succeed", "Fail")}
    for name in STATES:
        assert reachable(name) & ends


def test_every_loop_that_waits_counts_its_rounds() -> None:
    waits = {name for name, state in STATES.items() if state["Type"] == "Wait" and name in loops()}
    assert waits == {
        "Wait for upload",
        "Wait for EC2 capacity",
        "Wait for deploy lock",
        "Wait for endpoint",
        "Wait for provisioned concurrency",
        "Wait for deploy lock to pause",
        "Wait for endpoint to go",
        "Wait for endpoint to settle",
        "Wait for endpoint again",
        "Wait for provisioned concurrency again",
        "Wait for deploy lock to roll back",
        "Wait to watch canary",
        "Wait to watch release",
    }
    for name in waits:
        in_the_loop = [each for each in reachable(name) if name in reachable(each)]
        conditions = json.dumps([STATES[each].get("Choices") for each in in_the_loop])
        if "watch" in name:
            assert STATES[name]["Assign"] == {"looks": "{% $looks - 1 %}"}
            assert "$looks > 0" in conditions
            continue
        own = {"Wait for upload": "upload_waits", "Wait for EC2 capacity": "capacity_waits"}
        count = own.get(name, "polls")
        assert STATES[name]["Assign"] == {count: f"{{% ${count} + 1 %}}"}
        limits = {"polls": "> $settings.poll_limit", "upload_waits": ">= 720", "capacity_waits": "< 24"}
        assert f"${count} {limits[count]}" in conditions


def loops() -> set[str]:
    return {name for name in STATES if any(name in reachable(target) for target in targets(STATES[name]))}


def test_before_the_switch_an_error_cleans_up_and_after_it_none_does() -> None:
    before = [name for name in TASKS if SWITCH in reachable(name) and name != SWITCH]
    # Without an answer there is no newer version to give way to.
    newer_version_answers = {"Newer version?", "Newer version before deploy?"}
    for name in before:
        any_error = TASKS[name]["Catch"][-1]["Next"]
        # Some calls may fail without harm: their answers only choose what comes next.
        without_logs = {"Set log retention", "Serverless endpoint?"}
        watching = {"Read canary alarms", "Roll back canary?", "Watched canary?", "Read canary failure"}
        harmless = {"Wait for deploy lock", "Create model", *without_logs, *newer_version_answers, *watching}
        if any_error.endswith(" there already?"):
            any_error = STATES[any_error]["Default"]
        again = {"Create endpoint configuration", "Train on SageMaker", "Train on demand"}
        registering = {"Canary first?"}
        ended = {
            "Wait for deploy lock to roll back",
            "Read failure",
            "Read claim failure",
            "Spot training?",
            "Initialize run",
        }
        assert any_error in {*ended, *again, *harmless, *registering}
    assert "Delete candidate endpoint" in reachable("Read canary failure")
    assert "Delete candidate endpoint" in reachable("Read failure")
    for name in reachable("Rolled back by hand?"):
        assert "candidate" not in name


def test_a_failed_switch_is_undone_before_the_candidate_is_torn_down() -> None:
    assert [catch["Next"] for catch in STATES[SWITCH]["Catch"]] == ["Restore live endpoint"]
    restore = STATES["Restore live endpoint"]
    # Which release is live is not known then: the clean-up reads it.
    assert [catch["Next"] for catch in restore["Catch"]] == ["Live release unknown"]
    assert STATES["Live release unknown"]["Type"] == "Fail"
    assert "Delete candidate endpoint" in reachable(restore["Next"])


def endings() -> Iterator[tuple[str, str]]:
    """(state, where it goes on) for every way on which a state sets the outcome of the run."""
    for name, state in STATES.items():
        for branch in (state, *state.get("Choices", []), *state.get("Catch", [])):
            if "outcome" in branch.get("Assign", {}):
                yield name, branch.get("Next") or branch["Default"]


@pytest.mark.parametrize("which", ["canary", "release"])
def test_what_cannot_be_looked_at_takes_no_release_back(which: str) -> None:
    for name in (f"Read {which} rollback request", f"Read {which} alarms", f"Test {which}"):
        catches = {error: each["Next"] for each in STATES[name]["Catch"] for error in each["ErrorEquals"]}
        assert catches.pop("States.ALL") == STATES[name]["Next"]
        assert catches == ({"AcceptanceError": "Read wrong answers"} if name.startswith("Test") else {})


def test_a_release_that_cannot_be_taken_back_is_left_to_the_clean_up() -> None:
    (catch,) = STATES["Roll back"]["Catch"]
    last_resort = STATES[catch["Next"]]
    assert last_resort["Default"] == "Release to take back"
    assert STATES["Release to take back"]["Type"] == "Fail"


def test_a_release_that_the_clean_up_cannot_take_back_is_not_torn_down() -> None:
    (stays,) = STATES["Rollback by clean-up?"]["Choices"]
    assert stays["Next"] == "Read rollback failure"
    assert "Delete candidate endpoint" not in reachable("Read rollback failure")


def test_whoever_may_hold_the_lock_releases_it() -> None:
    holders = reachable("Acquire deploy lock")
    with_lock = [(name, target) for name, target in endings() if name in holders]
    assert {name for name, _ in with_lock} >= {
        *("Read failure", "Audit blocks release?", SWITCH, "Model better?", "Deploy lock free?"),
        *("Newer version before deploy?", "Folder changed before release?"),
    }
    for _, target in with_lock:
        assert "Release deploy lock" in reachable(target)


def test_every_ending_leads_to_the_ledger() -> None:
    assert len(list(endings())) > 20
    for _, target in endings():
        assert "Record outcome" in reachable(target)


def test_every_expression_can_be_parsed() -> None:
    assert syntax_problems(DEFINITION) == []
    broken = copy.deepcopy(DEFINITION)
    broken["States"]["Model better?"]["Choices"][0]["Condition"] = "{% $verdict.promote = ( %}"
    (problem,) = syntax_problems(broken)
    assert problem.startswith("Model better?: $verdict.promote = (: ")


def test_no_state_reads_a_variable_that_may_be_unassigned() -> None:
    assert variable_problems(DEFINITION) == []


@pytest.mark.parametrize(
    ("state", "variable", "first_problem"),
    [
        ("Initialize run", "release_begun", "Release begun?: $release_begun may be unassigned"),
        ("Describe live endpoint", "instance_count", "Create endpoint configuration: $instance_count may be"),
        ("Plan training", "plan", "Plan affordable?: $plan may be unassigned"),
    ],
)
def test_a_variable_that_one_way_leaves_unassigned_is_named(
    state: str, variable: str, first_problem: str
) -> None:
    definition = copy.deepcopy(DEFINITION)
    del definition["States"][state]["Assign"][variable]
    assert any(problem.startswith(first_problem) for problem in variable_problems(definition))


# Variables that are true or false wherever they are assigned.
FLAGS = ("release_begun", "lock_acquired", "unfinished", "capacity_lacking")


def test_every_condition_is_a_boolean() -> None:
    for state in STATES.values():
        for rule in state.get("Choices", []):
            is_flag = rule["Condition"] in [f"{{% ${flag} %}}" for flag in FLAGS]
            assert is_computed(rule["Condition"])
            assert is_flag or returned_type(rule["Condition"]) is bool, rule["Condition"]


def test_an_instance_that_is_launched_again_has_another_token() -> None:
    assert "$states.context.State.RetryCount" in name_in("Train on EC2", "ClientToken")


@pytest.mark.parametrize("where", ["on SageMaker", "on demand"])
def test_a_training_job_whose_answer_was_lost_is_stopped_before_another_trains(where: str) -> None:
    """A call that is tried again asks for the same name, which SageMaker gives once."""
    train, stop = f"Train {where}", f"Stop lost job {where}"
    name = name_in(train, "TrainingJobName")
    assert "RetryCount" not in name
    assert TASKS[stop]["Arguments"]["TrainingJobName"] == f"{{% {name} %}}"
    taken, other = TASKS[train]["Catch"]
    assert taken["ErrorEquals"] == ["SageMaker.ResourceInUseException"]
    (rule,) = STATES[taken["Next"]]["Choices"]
    assert (rule["Next"], STATES[taken["Next"]]["Default"]) == (stop, other["Next"])
    following = {"training_job_try": "{% $training_job_try + 1 %}"}
    ways = (TASKS[stop], *TASKS[stop]["Catch"])
    assert [(way["Next"], way["Assign"]) for way in ways] == [(train, following)] * 2


_VCPUS = "You have requested more vCPU capacity than your current vCPU limit of {} allows"


@pytest.mark.parametrize(
    ("sentence", "status", "lacking"),
    [
        ("We currently do not have sufficient g5.xlarge capacity in the zone you requested", 500, True),
        ("Insufficient capacity.", 500, True),
        (_VCPUS.format(32), 400, True),
        (_VCPUS.format(0), 400, False),
        ("You have requested more instances (1) than your current instance limit of 10 allows", 400, True),
        ("You have requested more instances (1) than your current instance limit of 0 allows", 400, False),
        ("There are not enough free addresses in subnet 'subnet-0a' to satisfy the requested", 400, True),
        ("Your request for accessing resources in this region is being validated, and you will", 400, True),
        ("An internal error has occurred", 500, False),
        ("Your requested instance type (g5.xlarge) is not supported in your requested zone", 400, False),
        ("You are not authorized to perform this operation.", 403, False),
    ],
)
def test_an_instance_is_waited_for_where_ec2_may_have_room_for_it_later(
    sentence: str, status: int, lacking: bool
) -> None:
    refused, _ = TASKS["Train on EC2"]["Catch"]
    assert refused["ErrorEquals"] == ["Ec2.Ec2Exception"]
    expression = Jsonata.jsonata(refused["Assign"]["capacity_lacking"][2:-2].strip())
    cause = f"{sentence} (Service: Ec2, Status Code: {status}, Request ID: 1)"
    expression.assign("states", {"errorOutput": {"Error": "Ec2.Ec2Exception", "Cause": cause}})
    assert expression.evaluate(None) is lacking


def test_what_ec2_has_no_room_for_fails_in_the_end_with_its_sentence() -> None:
    again, given_up = STATES["EC2 capacity lacking?"]["Choices"]
    assert STATES[again["Next"]]["Next"] == "Train on EC2"
    assert given_up["Next"] == STATES["EC2 capacity lacking?"]["Default"]
    expression = Jsonata.jsonata(given_up["Assign"]["error"]["Cause"][2:-2].strip())
    expression.assign("error", {"Error": "Ec2.Ec2Exception", "Cause": "Insufficient capacity."})
    assert re.search("half a day .* Insufficient capacity", expression.evaluate(None))


def name_in(task: str, field: str) -> str:
    """The expression of a name, in the one that makes all the arguments of a Task."""
    named = re.search(rf"'{field}': \((.*?)\), '", TASKS[task]["Arguments"])
    assert named is not None
    return named[1]


@pytest.mark.parametrize("which", ["candidate", "previous"])
def test_an_endpoint_is_left_alone_only_when_sagemaker_says_that_there_is_none(which: str) -> None:
    """A DescribeEndpoint that is throttled says nothing of an endpoint that costs money."""
    (catch,) = STATES[f"Describe {which} endpoint"]["Catch"]
    assert "Could not find endpoint" in catch["Assign"]["endpoint_gone"]
    gone = STATES[catch["Next"]]
    assert [rule["Next"] for rule in gone["Choices"]] == [f"Delete {which} configuration"]
    assert gone["Default"] == STATES[f"Describe {which} endpoint"]["Next"] == f"Deregister {which} scaling"
    assert f"Delete {which} endpoint" in reachable(gone["Default"])
