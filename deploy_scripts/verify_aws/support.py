"""Until when AWS and others fix what runs on AWS: red half a year before the first of these days."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

from deploy_scripts.container_images.aws_images import END_OF_SUPPORT, GPU_TRAINING_IMAGE
from deploy_scripts.container_images.codebuild import ENVIRONMENTS
from deploy_scripts.project import ROOT
from deploy_scripts.verify_aws.check import Result, Subject
from functions.plan_training.machine_images import CPU_IMAGE, GPU_IMAGE

NOTICE = timedelta(days=183)
DOCKERFILE = ROOT / "training" / "Dockerfile"
_LAMBDA = "https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html"
_DLAMI = "https://docs.aws.amazon.com/dlami/latest/devguide/dlami-support-policy-table.html"
_AL2023 = "https://docs.aws.amazon.com/linux/al2023/ug/release-cadence.html"
# What is used, by its very name -> the day, and who says so. Read on 2026-11-29.
_ENDS: dict[str, tuple[date, str]] = {
    "python3.12": (date(2028, 10, 31), _LAMBDA),
    "python3.13": (date(2029, 6, 30), _LAMBDA),
    # A framework's version is patched for a year; this one's image for containers came on 2026-07-20.
    GPU_IMAGE.parameter: (date(2027, 7, 20), _DLAMI),
    CPU_IMAGE.parameter: (date(2029, 6, 30), _AL2023),
    # CodeBuild announces no day; they consist of Amazon Linux 2023.
    "aws/codebuild/amazonlinux-x86_64-standard:5.0": (date(2029, 6, 30), _AL2023),
    "aws/codebuild/amazonlinux-aarch64-standard:3.0": (date(2029, 6, 30), _AL2023),
}
_COMMENT = re.compile(r"^# end of support: (\d{4}-\d\d-\d\d) (.+), (https://\S+)$", re.MULTILINE)
_BASE = re.compile(r"^ARG BASE=\S+:([\d.]+)-slim-(\w+)$", re.MULTILINE)


class Ending(NamedTuple):
    what: str
    day: date
    source: str


def check(subject: Subject) -> Result:
    """Nothing's support ends within half a year of `subject.today`."""
    dockerfile = DOCKERFILE.read_text("utf-8")
    used = list(_used(subject))
    problems = [f"say in support.py until when {name} is supported" for name in used if name not in _ENDS]
    problems += _base_problems(dockerfile)
    endings = [Ending(name, *_ENDS[name]) for name in used if name in _ENDS]
    endings += [Ending(what, date.fromisoformat(day), url) for day, what, url in _COMMENT.findall(dockerfile)]
    source = "https://github.com/aws/deep-learning-containers/tree/main/docs/src/data"
    endings.append(Ending(GPU_TRAINING_IMAGE, END_OF_SUPPORT, source))
    for ending in endings:
        if ending.day - NOTICE <= subject.today:
            left = (ending.day - subject.today).days
            problems.append(
                f"{ending.what} is supported until {ending.day}, in {left} days, by {ending.source}"
            )
    first = min(endings, key=lambda each: each.day)
    notes = tuple(f"{each.what} until {each.day}" for each in sorted(endings, key=lambda each: each.day))
    counted = f"{len(endings)} of them; first is {first.what} on {first.day}"
    return Result(counted, tuple(problems), notes)


def _used(subject: Subject) -> Iterator[str]:
    yield subject.main["Parameters"]["PythonRuntime"]["Default"]
    yield CPU_IMAGE.parameter
    yield GPU_IMAGE.parameter
    yield from {image for _, image in ENVIRONMENTS.values()}


def _base_problems(dockerfile: str) -> list[str]:
    """The Dockerfile's dates are those of its base."""
    base, dated = _BASE.search(dockerfile), [what for _, what, _ in _COMMENT.findall(dockerfile)]
    if not base:
        return ["training/Dockerfile: ARG BASE is no image of Python on Debian"]
    wanted = (f"Python {base[1]}", f"({base[2]})")
    return [
        f"training/Dockerfile dates no {each}" for each in wanted if not any(each in what for what in dated)
    ]
