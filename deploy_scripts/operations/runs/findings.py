"""What the inspection of a run's drop found, for a person to see."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from contracts.bucket import INSPECTION, run_key
from contracts.limits import MAX_SENTENCE_CHARACTERS
from deploy_scripts.errors import CliError, is_error
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.s3_documents import read_json
from deploy_scripts.screen import Screen
from drops.problems import MAX_NAMES
from drops.text import printable

_LONGEST_NAME = 120


@dataclass(frozen=True)
class Finding:
    """One problem of an inspection.json: an `error` refused the drop, a `warning` did not."""

    code: str
    severity: str
    message: str
    names: tuple[str, ...] = ()


def read_findings(deployment: Deployment, run_id: str) -> list[Finding]:
    """Errors first; none where the run has no inspection. Raises CliError when it cannot be understood."""
    uri = f"s3://{deployment.bucket}/{run_key(run_id, INSPECTION)}"
    try:
        problems = read_json(deployment, uri).get("problems", [])
        found = [_finding(each) for each in problems]
    except ClientError as error:
        if is_error(error, "NoSuchKey", "404"):
            return []
        raise
    except (KeyError, TypeError, AttributeError) as error:
        raise CliError(
            f"{uri} is no inspection: {error!r}.", "Run the pipeline on the drop again."
        ) from error
    return sorted(found, key=lambda finding: finding.severity != "error")


def show_findings(screen: Screen, findings: Sequence[Finding], *, with_names: bool = False) -> None:
    """A line each; on request the names, as far as the message does not say them already."""
    for finding in findings:
        style = "red" if finding.severity == "error" else "yellow"
        message = printable(finding.message, MAX_SENTENCE_CHARACTERS)
        screen.mark("!", style, f"{finding.severity}: {message}")
        if with_names:
            _show_names(screen, finding)


def _show_names(screen: Screen, finding: Finding) -> None:
    said = printable(finding.message)
    for name in [name for name in finding.names if printable(name) not in said][:MAX_NAMES]:
        screen.say(f"    {printable(name, _LONGEST_NAME)}")


def _finding(problem: Mapping[str, Any]) -> Finding:
    return Finding(
        code=str(problem["code"]),
        severity=str(problem["severity"]),
        message=str(problem["message"]),
        names=tuple(map(str, problem.get("names", ()))),
    )
