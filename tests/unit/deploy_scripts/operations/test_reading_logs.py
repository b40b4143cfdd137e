"""Which log is whose, and in which order its lines come."""

from datetime import UTC, datetime
from typing import Any

import pytest

from deploy_scripts.errors import CliError
from deploy_scripts.operations.logs.sources import LogLine, LogSource, log_sources_of, read_logs

SINCE = datetime.fromtimestamp(1000, UTC)


def event(stream: str, at_s: float, message: str) -> dict[str, Any]:
    return {"logStreamName": stream, "timestamp": int(at_s * 1000), "message": message}


def line(stream: str, at_s: float, message: str) -> LogLine:
    return LogLine(datetime.fromtimestamp(at_s, UTC), stream, message)


def test_training_is_what_ran_on_sagemaker_and_on_ec2(stubbed: Any) -> None:
    stubbed.answer(
        "logs",
        "filter_log_events",
        {"events": [event("dropserve-1/algo-1", 1001, "one"), event("dropserve-1/algo-1", 1003, "three\n")]},
        logGroupName="/aws/sagemaker/TrainingJobs",
        logStreamNamePrefix="dropserve-",
        startTime=1_000_000,
    )
    stubbed.answer(
        "logs",
        "filter_log_events",
        {"events": [event("dropserve-2-0", 1002, "two")]},
        logGroupName="/dropserve/ec2-training",
        startTime=1_000_000,
    )

    lines = read_logs(stubbed.deployment, log_sources_of(stubbed.deployment, "training"), SINCE)

    assert list(lines) == [
        line("dropserve-1/algo-1", 1001, "one"),
        line("dropserve-2-0", 1002, "two"),
        line("dropserve-1/algo-1", 1003, "three"),
    ]


def test_a_group_that_nothing_has_written_to_has_no_lines(stubbed: Any) -> None:
    stubbed.refuse("logs", "filter_log_events", "ResourceNotFoundException")

    assert list(read_logs(stubbed.deployment, [LogSource("/aws/lambda/new")], SINCE)) == []


def test_a_log_that_there_is_not_is_refused_with_those_that_there_are(stubbed: Any) -> None:
    with pytest.raises(CliError) as failure:
        log_sources_of(stubbed.deployment, "trainings")

    assert failure.value.message == "There is no log named trainings."
    assert "training, endpoint, workflow, cloud" in failure.value.advice


def test_the_logs_of_one_run(stubbed: Any) -> None:
    release = f"dropserve-{stubbed.run_id}"

    assert log_sources_of(stubbed.deployment, "training", stubbed.run_id) == [
        LogSource("/aws/sagemaker/TrainingJobs", release),
        LogSource("/dropserve/ec2-training", release),
    ]
    assert log_sources_of(stubbed.deployment, "endpoint", stubbed.run_id) == [
        LogSource(f"/aws/sagemaker/Endpoints/{release}")
    ]
    with pytest.raises(CliError, match="The log inference is not kept by run"):
        log_sources_of(stubbed.deployment, "inference", stubbed.run_id)
