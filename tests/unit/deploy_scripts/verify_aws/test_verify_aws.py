"""Sizes, dates, what is accepted, and the one line that each check prints."""

from datetime import date
from pathlib import Path

import pytest

from deploy_scripts.verify_aws import __main__ as program
from deploy_scripts.verify_aws import sizes, support
from deploy_scripts.verify_aws.accepted import Accepted, Finding, read_accepted, sift
from deploy_scripts.verify_aws.check import Result
from tests.unit.deploy_scripts.verify_aws.conftest import Seeded


@pytest.mark.slow
def test_what_is_over_its_limit_is_told(seeded: Seeded) -> None:
    result = sizes.check(seeded())
    assert result.problems == ()
    assert any(note.startswith("longest run's history: ") for note in result.notes)
    subject = seeded(
        lambda states: states["Notify"].update(Comment="x" * 2**20),
        texts={
            "MaxValue: 1000": "MaxValue: 1300",
            "POWERTOOLS_LOG_LEVEL: INFO": f"POWERTOOLS_LOG_LEVEL: {'x' * 4096}",
            'Description: "dropserve:': f'Description: "{"x" * 1024}:',
            'Resource: [!GetAtt DataBucket.Arn, !Sub "${DataBucket.Arn}/*"]': 'Resource: "*"',
            'Statement: [{Effect: Allow, Principal: {Service: !Sub "ec2.': "Statement: [{Sid: "
            f"{'x' * 2048}, Effect: Allow, Principal: {{Service: !Sub "
            '"ec2.',
            '"ssm:PutParameter"]': f'"ssm:{"x" * 10_240}"]',
            '- wildcard: "drops/*.zip"': f'- wildcard: "drops/{"x" * 2048}*.zip"',
        },
    )
    problems = "\n".join(sizes.check(subject).problems)
    for name in (
        "TrainingPipeline's definition: 1,",
        "longest run's history: 2",
        "InferenceFunction's variables: ",
        "template.yaml's description: ",
        "Ec2TrainingRole's trust policy: ",
        "TrainingPipelineRole's inline policies: ",
        "DropRule's pattern: ",
    ):
        assert name in problems


def test_support_that_ends_within_half_a_year_is_told(seeded: Seeded) -> None:
    assert support.check(seeded(today=date(2026, 11, 29))).problems == ()
    (first, second) = support.check(seeded(today=date(2027, 3, 1))).problems
    assert "is supported until 2027-07-20, in 141 days, by https://" in first
    assert second.startswith("pytorch:2.13")
    assert len(support.check(seeded(today=date(2029, 5, 1))).problems) == 8


def test_what_nobody_dated_is_told(seeded: Seeded) -> None:
    subject = seeded(texts={"Default: python3.12": "Default: python3.99"})
    assert "say in support.py until when python3.99 is supported" in support.check(subject).problems


def test_the_dates_of_the_containers_are_those_of_their_base(
    seeded: Seeded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = support.DOCKERFILE.read_text("utf-8").replace("python:3.13-slim-trixie", "python:3.14-slim-forky")
    (tmp_path / "Dockerfile").write_text(newer, "utf-8")
    monkeypatch.setattr(support, "DOCKERFILE", tmp_path / "Dockerfile")
    problems = support.check(seeded()).problems
    assert problems == (
        "training/Dockerfile dates no Python 3.14",
        "training/Dockerfile dates no (forky)",
    )


def test_what_is_accepted_is_no_problem_and_what_is_not_found_any_more_is_one() -> None:
    findings = [Finding("R1", "Bucket", "is open"), Finding("R1", "Queue", "is open")]
    assert sift(findings, [Accepted("R1", ("Buck*",), "why")]) == (1, ("R1 Queue: is open",))
    assert sift(findings, [Accepted("R1", ("*",), "why")]) == (2, ())
    (problem,) = sift(findings, [Accepted("R1", ("*", "Topic"), "why")])[1]
    assert problem == "accepted_findings.yaml accepts R1 of Topic, which is not found any more"


@pytest.mark.parametrize("name", ["statelint", "cfn-lint", "checkov", "policies"])
def test_everything_accepted_has_a_reason(name: str) -> None:
    entries = read_accepted(name)
    assert entries
    for entry in entries:
        assert len(entry.reason) > 40
        assert entry.where


def test_each_check_prints_a_line_and_a_red_one_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    checks = {
        "checkov": lambda _: Result("2 templates", notes=("a note",)),
        "sizes": lambda subject: Result(f"on {subject.today}", ("one is too large",)),
    }
    monkeypatch.setattr(program, "CHECKS", checks)
    assert program.main(["checkov"]) == 0
    assert program.main(["--today", "2030-01-02", "--notes"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "ok     checkov      2 templates",
        "verify-aws: 1 ok, 0 failed in 0 s",
        "ok     checkov      2 templates",
        "         - a note",
        "FAILED sizes        on 2030-01-02",
        "         one is too large",
        "verify-aws: 1 ok, 1 failed in 0 s: sizes",
    ]
    with pytest.raises(SystemExit):
        program.main(["nothing"])
