"""Another deployment over one that serves: what changes reaches callers, what nobody names stays."""

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture
def changed(dropserve: Any, first_release: dict[str, Any]) -> Iterator[Any]:
    """The deployment with three other parameters; afterwards as it was."""
    names = ("DeniedHosts", "ReservedConcurrency", "ProvisionedConcurrency")
    deploy(dropserve, **dict(zip(names, ("evil.example", "8", "2"), strict=True)))
    yield dropserve
    deploy(dropserve, **dict(zip(names, ("", "6", "3"), strict=True)))
    assert concurrency(dropserve) == (6, 3)


def last_update(dropserve: Any) -> Any:
    (stack,) = dropserve.client("cloudformation").describe_stacks(StackName="dropserve")["Stacks"]
    return stack["LastUpdatedTime"]


def deploy(dropserve: Any, **parameters: str) -> None:
    options = [option for name, value in parameters.items() for option in ("--parameter", f"{name}={value}")]
    result = dropserve.run("deploy", *options)
    assert result.returncode == 0, result.stdout + result.stderr


def concurrency(dropserve: Any) -> tuple[int, int]:
    found = dropserve.json("status")["concurrency"]
    assert found["provisioned_status"] == "READY"
    return found["reserved"], found["provisioned"]


def denied_hosts(dropserve: Any) -> str:
    """Of the version that answers callers."""
    alias = dropserve.outputs["InferenceFunctionAliasArn"]
    found = dropserve.client("lambda").get_function_configuration(FunctionName=alias)
    return str(found["Environment"]["Variables"]["DENIED_HOSTS"])


def test_a_parameter_reaches_callers_and_stays_with_the_next_deployment(
    changed: Any, first_release: dict[str, Any]
) -> None:
    live, updated = changed.live_release(), last_update(changed)
    deploy(changed)
    assert last_update(changed) == updated
    assert denied_hosts(changed) == "evil.example"
    assert concurrency(changed) == (8, 2)
    assert changed.live_release() == live


def test_values_that_do_not_go_together_are_refused(dropserve: Any) -> None:
    result = dropserve.run("deploy", "--parameter", "ProvisionedConcurrency=7")
    assert result.returncode == 1
    assert "ProvisionedConcurrency is 7, and ReservedConcurrency only 6." in result.stderr


def test_a_dry_run_builds_no_image(dropserve: Any) -> None:
    unnamed = ("--parameter", "ServingImageUri=", "--parameter", "TrainingImageUri=")

    shown = dropserve.json("deploy", "--dry-run", "--skip-preflight", *unnamed)["changes"]

    told = [line.split(" for ")[0] for line in shown["Container images to build"]]
    assert told == ["serve", "train"]
    stacks = dropserve.client("cloudformation").describe_stacks()["Stacks"]
    assert "dropserve-images" not in {each["StackName"] for each in stacks}


def test_a_dry_run_shows_what_would_change_and_changes_nothing(
    dropserve: Any, first_release: dict[str, Any]
) -> None:
    updated = last_update(dropserve)

    shown = dropserve.json("deploy", "--dry-run", "--parameter", "Contact=me@example.org")["changes"]

    assert shown["Parameters"] == ["Contact: (nothing) -> me@example.org"]
    static = [line for line in shown["Resources"] if "only if" not in line and "Version" not in line]
    assert static == ["~ InferenceFunction (AWS::Lambda::Function): Description; Environment"]
    assert shown["Permissions"] == []
    assert last_update(dropserve) == updated
