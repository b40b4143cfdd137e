"""The processor of an instance type, by its name."""

import re

from contracts.training_job import Architecture

# Series, generation, attributes; and a suffix for some machines of many GPUs, named after these.
# https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html
_FAMILY = re.compile(r"(?:ml\.)?[a-z]+\d+(?P<attributes>[a-z]*)(?:-(?P<gpus>[a-z]+)\d+)?\.[a-z0-9-]+")


def architecture_of(instance_type: str) -> Architecture:
    """Of `ml.m6g.large` or `m6g.large`. Raises ValueError for what is no name of an instance type."""
    match = _FAMILY.fullmatch(instance_type)
    if not match:
        raise ValueError(f"{instance_type!r} is no instance type")
    # The attribute g is Graviton; Grace, which AWS sells with Blackwell GPUs as GB200, is ARM as well.
    return "arm64" if "g" in match["attributes"] or match["gpus"] == "gb" else "x86_64"
