"""`dropserve verify` says what it costs before it makes anything, and refuses what is too dear."""

from typing import Any

import pytest
from typer.testing import CliRunner

from deploy_scripts import cli
from deploy_scripts.account_checks.confirmation import Outcome
from deploy_scripts.account_checks.estimate import LIMIT_H, REMOVAL_H, estimate
from deploy_scripts.account_checks.trial import Trial
from deploy_scripts.aws import Aws
from deploy_scripts.commands.checks import verify
from deploy_scripts.costs.component import SHIPPED
from deploy_scripts.costs.month import monthly_cost
from deploy_scripts.costs.usage import Usage
from deploy_scripts.errors import CliError
from functions.common.prices import HOURS_A_MONTH
from tests.support.documentation import PROJECT


class OnAws:
    """The command with AWS in the place of which nothing is asked; `trials` are those that were begun."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
        self.trials: list[Trial] = []
        self.standing: dict[str, str] = {}
        self.left: list[str] | None = []
        self.outcomes = [Outcome("drop", "A drop starts a run", "ok", "it began")]
        session: Any = type("Session", (), {"region_name": "us-east-1"})()
        monkeypatch.setattr(verify, "connect", lambda target: Aws(session, target=target, endpoint_url=None))
        monkeypatch.setattr(verify, "find_status", lambda aws: self.standing.get(aws.stack))
        monkeypatch.setattr(verify, "confirm_all", self._confirm_all)
        monkeypatch.setenv("DROPSERVE_HOME", str(tmp_path))

    def _confirm_all(self, trial: Trial, **_: Any) -> list[Outcome]:
        self.trials.append(trial)
        trial.left = self.left
        return self.outcomes

    def run(self, *options: str, answer: str = "") -> Any:
        return CliRunner().invoke(cli.make_app(), ["verify", "--target", "aws", *options], input=answer)


@pytest.fixture
def on_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> OnAws:
    return OnAws(monkeypatch, tmp_path)


def test_the_estimate_is_of_the_longest_that_it_may_stand() -> None:
    building, runs, standing = estimate({}, Usage(photos=30, photo_bytes=3000), SHIPPED)
    hours = {each.name: each.quantity for each in standing.components}
    assert hours["endpoint: 1 x ml.m6g.large"] == pytest.approx(LIMIT_H + REMOVAL_H)
    month = sum(each.usd or 0.0 for each in monthly_cost({}))
    assert standing.total_usd == pytest.approx(month * (LIMIT_H + REMOVAL_H) / HOURS_A_MONTH)
    assert building.total_usd > 0 and runs.total_usd > 0


def test_it_says_what_it_costs_and_asks(on_aws: OnAws) -> None:
    result = on_aws.run(answer="y\n")
    assert result.exit_code == 0, result.output
    assert "the deployment for 3 hours: $" in result.output and "Together $" in result.output
    (trial,) = on_aws.trials
    assert trial.aws.stack.startswith("verify-") and f"deployment {trial.aws.stack} " in result.output


def test_no_is_no(on_aws: OnAws) -> None:
    assert on_aws.run(answer="n\n").exit_code != 0
    assert not on_aws.trials


def test_what_may_cost_too_much_is_refused_even_with_yes(on_aws: OnAws) -> None:
    result = on_aws.run("--yes", "--max-cost", "0.1")
    assert isinstance(result.exception, CliError) and "--max-cost is $0.10" in result.exception.message
    assert not on_aws.trials
    on_aws.run("--yes", "--max-cost", "1")
    assert on_aws.trials


@pytest.mark.parametrize("standing", ["mine", "mine-images"])
def test_a_deployment_that_stands_is_not_verified(on_aws: OnAws, standing: str) -> None:
    on_aws.standing[standing] = "CREATE_COMPLETE"
    result = on_aws.run("--yes", "--stack", "mine")
    assert isinstance(result.exception, CliError) and standing in result.exception.message
    assert not on_aws.trials


@pytest.mark.parametrize("left", [None, ["bucket verify-x-1"]])
def test_what_is_left_ends_in_an_error_that_says_how_to_remove_it(
    on_aws: OnAws, left: list[str] | None
) -> None:
    on_aws.left = left
    error = on_aws.run("--yes", "--stack", "mine", "--region", "eu-west-1").exception
    assert isinstance(error, CliError) and list(error.details) == (left or [])
    assert "dropserve destroy --target aws --region eu-west-1 --stack mine --delete-data" in error.advice


def test_what_failed_ends_in_an_error(on_aws: OnAws) -> None:
    on_aws.outcomes = [Outcome("drop", "A drop starts a run", "failed", "it did not")]
    error = on_aws.run("--yes").exception
    assert isinstance(error, CliError) and error.message == "Not confirmed: drop."


def test_the_page_tells_the_estimate() -> None:
    """docs/real-account.md, for the 30 photos that the command makes."""
    total = sum(each.total_usd for each in estimate({}, Usage(photos=30, photo_bytes=4000), SHIPPED))
    page = (PROJECT / "docs" / "real-account.md").read_text("utf-8")
    assert f"about ${total:.2f} in us-east-1" in page
