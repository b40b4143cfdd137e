"""`dropserve drift`: its table, its page and its approval; the bucket is made."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from deploy_scripts import cli
from deploy_scripts.commands.releases import drift as drift_command
from deploy_scripts.errors import CliError
from tests.unit.drift_review.accounts import ALIKE, SHIFTED, Account
from tests.unit.drift_review.test_drift_page import review_of


class Bucket(Account):
    """With the page, too."""

    def download_file(self, bucket: str, key: str, file: str) -> None:
        assert (bucket, key) == ("data", "reviews/drift/drift.html")
        Path(file).write_text("the page", "utf-8")


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Bucket:
    bucket = Bucket()
    deployment = SimpleNamespace(bucket="data", aws=SimpleNamespace(s3=bucket))
    monkeypatch.setattr(drift_command, "open_deployment", lambda _: deployment)
    return bucket


def keep(bucket: Bucket, document: dict[str, Any]) -> None:
    bucket.objects[f"reviews/drift/{document['day']}.json"] = json.dumps(document).encode()


def invoke(*arguments: object) -> Any:
    return CliRunner().invoke(cli.make_app(["drift", "capacity"]), ["drift", *map(str, arguments)])


def test_the_reviews_are_shown_a_day_a_line(bucket: Bucket) -> None:
    started = {"started": True, "reason": "", "execution_arn": "arn"}
    for document in (
        review_of(ALIKE, 0),
        {**review_of(SHIFTED, 1), "retraining": started},
        {**review_of(SHIFTED, 2), "retraining": {**started, "started": False, "reason": "it waits"}},
        {**review_of({"confidence": [1] * 5}, 3), "reason": "too few \x1b[31m"},
    ):
        keep(bucket, document)

    lines = invoke().stdout.splitlines()

    shown = {day: next(line for line in lines if day in line) for day in ("-01", "-02", "-03", "-04")}
    assert "5.0%" in shown["-01"] and "no drift" in shown["-01"]
    assert "58.3% !" in shown["-02"] and "drift, a training was started" in shown["-02"]
    assert shown["-03"].rstrip().endswith("drift")
    assert "too few" in shown["-04"] and "\x1b" not in shown["-04"]
    assert [each["day"] for each in json.loads(invoke("--days", 2, "--json").stdout)] == [
        "2026-01-03",
        "2026-01-04",
    ]


def test_the_page_is_written_once_there_is_one(bucket: Bucket, tmp_path: Path) -> None:
    page = tmp_path / "drift.html"
    assert isinstance(invoke("--page", page).exception, CliError)
    assert "No day was reviewed yet" in invoke().output
    keep(bucket, review_of(ALIKE, 0))
    assert invoke("--page", page).exit_code == 0
    assert page.read_text("utf-8") == "the page"


def test_an_approval_starts_a_training_or_says_why_not(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = {"started": True, "reason": "", "execution_arn": "arn"}
    monkeypatch.setattr(drift_command, "approve_retraining", lambda _, text: {**done, "reason": text})
    assert json.loads(invoke("--approve", "text", "--json").stdout) == {**done, "reason": "text"}
    done["started"] = False
    refused = invoke("--approve", "it was started")
    assert isinstance(refused.exception, CliError) and "it was started" in str(refused.exception)
