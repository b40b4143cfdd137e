"""A new value of a parameter is a new version of the function, by SAM's own transform; an old one is none."""

import copy
from typing import Any

import pytest
from samtranslator.translator.transform import transform

from deploy_scripts.cloudformation.function_versions import publish_every_change
from deploy_scripts.cloudformation.sam_template import read_template, replace_local_files
from deploy_scripts.project import TEMPLATE


class NoPolicies:
    """The managed policies of an account; the template names none."""

    def load(self) -> dict[str, str]:
        return {}


def version_of(parameters: dict[str, str], *, key: str = "functions/one.zip") -> str:
    """The logical id of the inference function's version: CloudFormation publishes where it is a new one."""
    template = read_template(TEMPLATE)
    replace_local_files(template, lambda path: {"Bucket": "code", "Key": key})
    publish_every_change(template, parameters)
    resources: dict[str, Any] = transform(copy.deepcopy(template), {}, NoPolicies())["Resources"]
    (version,) = [
        name
        for name, each in resources.items()
        if each["Type"] == "AWS::Lambda::Version" and name.startswith("InferenceFunction")
    ]
    assert resources["InferenceFunctionAliaslive"]["Properties"]["FunctionVersion"] == {
        "Fn::GetAtt": [version, "Version"]
    }
    return version


@pytest.fixture(autouse=True)
def region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")


def test_a_version_changes_with_the_code_and_with_what_the_function_is_told() -> None:
    first = version_of({})
    assert version_of({"DeniedHosts": "evil.example"}) != first
    assert version_of({"PythonRuntime": "python3.13"}) != first  # in Globals
    assert version_of({}, key="functions/two.zip") != first


def test_a_version_stays_when_nothing_of_the_function_changes() -> None:
    first = version_of({})
    assert version_of({"DeniedHosts": ""}) == first  # its default
    assert version_of({"MaxInstances": "3"}) == first
    assert version_of({}) == first
