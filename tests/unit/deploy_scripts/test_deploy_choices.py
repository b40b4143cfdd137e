"""What a deployment cannot use is refused before anything is deployed."""

from pathlib import Path
from typing import Any, cast

import pytest

from deploy_scripts.aws import Aws
from deploy_scripts.errors import CliError
from deploy_scripts.stack_deployment import DeployChoices, deploy


class Untouched:
    """No AWS: a test fails when it is asked for anything."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was asked for")


@pytest.mark.parametrize("name", ["AllowedHosts", "DeniedHosts", "AllowedPrivateHosts"])
@pytest.mark.parametrize(
    "entry", ["https://evil.example", "a.example;b.example", "10.0.0.0/8", "evil.example:80"]
)
def test_an_entry_that_is_no_host_is_named_with_its_parameter(name: str, entry: str) -> None:
    choices = DeployChoices(parameters={name: f"good.example, {entry}"})

    with pytest.raises(CliError, match=f"{name} is malformed: '{entry}' is no host"):
        deploy(cast(Aws, Untouched()), choices, say=print, warn=print)


@pytest.mark.parametrize(
    ("text", "fault"),
    [("[]", "is not JSON of the form"), ('{"suppressions": [{}]}', "must have exactly check")],
)
def test_malformed_suppressions_are_named(tmp_path: Path, text: str, fault: str) -> None:
    file = tmp_path / "own.json"
    file.write_text(text)

    with pytest.raises(CliError, match=rf"--suppressions: .*{file}.* {fault}"):
        deploy(cast(Aws, Untouched()), DeployChoices(suppressions=file), say=print, warn=print)
