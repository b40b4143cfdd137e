"""`dropserve verify` on the local cloud: all is confirmed, and nothing is left, even when it is stopped."""

import json
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from deploy_scripts.account_checks.removal import find_left
from deploy_scripts.account_checks.running import CONFIRMATIONS, REMOVAL
from deploy_scripts.aws import Aws, Target
from deploy_scripts.project import PROGRAMS
from tests.support.waiting import wait_until

# A minute on two idle cores, several beside other work.
LIMIT_S = 540
pytestmark = [pytest.mark.extended, pytest.mark.slow, pytest.mark.timeout(LIMIT_S + 60)]


def cloud_of(dropserve: Any, stack: str) -> Aws:
    variables = dropserve.json("env")
    session = boto3.Session(
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        region_name=variables["AWS_REGION"],
    )
    return Aws(session, target=Target(stack=stack), endpoint_url=variables["AWS_ENDPOINT_URL"])


def kinds_left(dropserve: Any, stack: str) -> set[str]:
    return {
        each.rpartition(" ")[0].partition(f" {stack}")[0]
        for each in find_left(cloud_of(dropserve, stack), [])
    }


def test_everything_is_confirmed_and_nothing_is_left(dropserve: Any) -> None:
    before = dropserve.live_release()

    result = subprocess.run(
        [str(PROGRAMS / "dropserve"), "verify", "--stack", "verify-all", "--json"],
        env=dropserve.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_S,
    )

    assert result.returncode == 0, result.stdout + result.stderr
    found = json.loads(result.stdout)

    outcomes = {each["name"]: (each["status"], each["told"]) for each in found["confirmations"]}
    assert list(outcomes) == [each.name for each in (*CONFIRMATIONS, *REMOVAL)]
    assert {status for status, _ in outcomes.values()} == {"ok"}, outcomes
    assert found["left"] == []
    assert "AlarmHigh" in outcomes["scaling alarms"][1]
    assert "from version 1 to 2" in outcomes["parameter change"][1]
    assert "the execution was stopped" in outcomes["stopped execution"][1]
    assert (dropserve.home / "reports" / "verify-all" / "verify.md").exists()
    assert dropserve.live_release() == before


@pytest.fixture
def begun(dropserve: Any) -> Iterator[subprocess.Popen[str]]:
    """A verification whose stack is there."""
    process = subprocess.Popen(
        [str(PROGRAMS / "dropserve"), "verify", "--stack", "verify-stopped"],
        env=dropserve.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    wait_until(lambda: "stack" in kinds_left(dropserve, "verify-stopped"))
    yield process
    process.kill()


def test_nothing_is_left_of_one_that_was_stopped(dropserve: Any, begun: subprocess.Popen[str]) -> None:
    assert kinds_left(dropserve, "verify-stopped") >= {"stack", "bucket"}
    begun.send_signal(signal.SIGTERM)
    output, _ = begun.communicate(timeout=LIMIT_S / 2)
    assert "it was stopped by hand" in output
    assert "nothing left" in output and "Still there" not in output
    assert kinds_left(dropserve, "verify-stopped") == set()
