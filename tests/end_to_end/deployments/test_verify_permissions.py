"""The template's roles have what the scenarios show that they use, and nothing more."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from deploy_scripts.cloudformation.sam_template import read_template
from deploy_scripts.permissions.comparison import compare
from deploy_scripts.permissions.exemptions import read_exemptions
from deploy_scripts.permissions.recording import Recording, load_recording
from deploy_scripts.permissions.template_roles import Role, Statement, read_roles
from deploy_scripts.project import PROGRAMS, TEMPLATE

# It takes one to two minutes on two idle cores.
LIMIT_S = 540
pytestmark = [pytest.mark.extended, pytest.mark.timeout(LIMIT_S + 60)]


@dataclass(frozen=True)
class Verified:
    """The one run of these tests: what it said and what it wrote."""

    exit_code: int
    errors: str
    document: dict[str, Any]
    folder: Path

    @property
    def recording(self) -> Recording:
        return load_recording(self.folder / "recording.json")

    @property
    def roles(self) -> list[Role]:
        return read_roles(read_template(TEMPLATE), self.recording.values)


# Two functions only read what they are given: what Lambda does in their names is all that their roles allow.
CALL_NOTHING = ("ReadInputRole", "ReadFailureRole")


@pytest.fixture(scope="module")
def verified(tmp_path_factory: pytest.TempPathFactory) -> Verified:
    folder = tmp_path_factory.mktemp("verification")
    program = [str(PROGRAMS / "dropserve"), "verify-permissions", "--output", str(folder / "out"), "--json"]
    result = subprocess.run(program, capture_output=True, text=True, check=False, timeout=LIMIT_S)
    assert result.stdout, result.stderr
    return Verified(result.returncode, result.stderr, json.loads(result.stdout), folder / "out")


def test_every_role_is_proved(verified: Verified) -> None:
    assert verified.exit_code == 0, verified.errors
    assert verified.document["proved"]
    assert len(verified.document["scenarios"]) == 16
    for role in verified.document["roles"]:
        assert bool(role["used"]) != (role["role"] in CALL_NOTHING), role["role"]
        assert not role["lacking"]
        assert all(each["reason"] for each in role["unused"])


def test_the_least_policy_of_each_role_is_the_templates(verified: Verified) -> None:
    for role in verified.roles:
        least = json.loads((verified.folder / f"{role.name}.json").read_text())
        assert least["Statement"] == [each.document(each.actions, each.resources) for each in role.statements]


def test_any_action_that_is_taken_out_is_named(verified: Verified) -> None:
    calls, exemptions = verified.recording.calls, read_exemptions()
    taken = 0
    for role in verified.roles:
        own = [exemption for exemption in exemptions if exemption.role == role.name]
        for narrowed, action in _each_without_one_action(role):
            found = compare([narrowed], calls, own)
            named = {call.action for use in found.roles for call in use.lacking}
            named |= {exemption.action for exemption in found.needless}
            assert action in named, (role.name, action)
            taken += 1
    assert taken > 80


def test_an_action_or_a_resource_too_many_is_named(verified: Verified) -> None:
    for role in (each for each in verified.roles if each.name not in CALL_NOTHING):
        first, *rest = role.statements
        for widened, named in (
            (replace(first, actions=(*first.actions, "s3:DeleteBucket")), "s3:DeleteBucket"),
            (
                replace(first, resources=(*first.resources, "arn:aws:s3:::elsewhere")),
                "arn:aws:s3:::elsewhere",
            ),
        ):
            found = compare([Role(role.name, (widened, *rest))], verified.recording.calls, read_exemptions())
            assert named in {each.name for each in found.roles[0].unused if each.reason is None}


def _each_without_one_action(role: Role) -> Iterator[tuple[Role, str]]:
    for number, statement in enumerate(role.statements):
        for action in statement.actions:
            rest = tuple(each for each in statement.actions if each != action)
            narrowed = [replace(statement, actions=rest)] if rest else []
            yield Role(role.name, _spliced(role.statements, number, narrowed)), action


def _spliced(statements: tuple[Statement, ...], number: int, by: list[Statement]) -> tuple[Statement, ...]:
    return (*statements[:number], *by, *statements[number + 1 :])
