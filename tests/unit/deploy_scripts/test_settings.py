"""dropserve.toml: which stage counts, what it brings, and how its faults are told."""

import json
from pathlib import Path
from typing import Any, cast, get_args

import pytest
from jsonschema import Draft7Validator
from typer.testing import CliRunner

from contracts.training_job import ARCHITECTURES
from deploy_scripts import cli
from deploy_scripts.aws import Aws, Target, TargetName
from deploy_scripts.commands.checks import verify as verify_command
from deploy_scripts.commands.deployment import cost as cost_command
from deploy_scripts.commands.deployment import deploy as deploy_command
from deploy_scripts.commands.deployment import status as status_command
from deploy_scripts.container_images.provide import ImageBuilder
from deploy_scripts.errors import CliError
from deploy_scripts.project import ROOT
from deploy_scripts.settings.file import SCHEMA, read_settings
from deploy_scripts.settings.stage import Stage, choose_stage
from deploy_scripts.stack_deployment import DeployChoices, choices_of, deploy

TWO_STAGES = """
[defaults]
target = "aws"
region = "eu-west-1"
[defaults.parameters]
NotificationEmail = "ops@example.org"
MaxInstances = 2

[stages.dev]
stack = "dropserve-dev"
[stages.dev.parameters]
EndpointKind = "serverless"
RetireWhenIdle = true
MinAccuracy = 0.6

[stages.prod]
region = "eu-central-1"
profile = "prod"
architecture = "arm64"
image_builder = "podman"
suppressions = "answered/for.json"
[stages.prod.weights]
resnet18 = "resnet18.pth"
[stages.prod.parameters]
MaxInstances = 6
"""


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    (tmp_path / "resnet18.pth").write_bytes(b"weights")
    return write(tmp_path, TWO_STAGES)


def write(folder: Path, text: str) -> Path:
    file = folder / "dropserve.toml"
    file.write_text(text)
    return file


def choose(file: Path, name: str | None = None, **options: str) -> Stage:
    return choose_stage(file, name, options)


def test_a_stage_stands_over_the_defaults(settings: Path) -> None:
    dev, prod = choose(settings, "dev"), choose(settings, "prod")

    assert dev.target == Target("aws", None, "eu-west-1", "dropserve-dev")
    assert prod.target == Target("aws", "prod", "eu-central-1", "dropserve")
    assert dev.parameters == {
        "NotificationEmail": "ops@example.org",
        "MaxInstances": "2",
        "EndpointKind": "serverless",
        "RetireWhenIdle": "true",
        "MinAccuracy": "0.6",
    }
    assert prod.parameters == {"NotificationEmail": "ops@example.org", "MaxInstances": "6"}
    assert prod.weights == {"resnet18": settings.parent / "resnet18.pth"}
    assert prod.suppressions == settings.parent / "answered" / "for.json"
    assert prod.sources["MaxInstances"] == f"{settings} [stages.prod.parameters]"
    assert prod.sources["NotificationEmail"] == f"{settings} [defaults.parameters]"


def test_options_win_over_the_file(settings: Path) -> None:
    stage = choose(settings, "prod", region="us-east-1", target="local")
    assert stage.target == Target("local", "prod", "us-east-1", "dropserve")
    assert stage.told == f"Stage prod of {settings}: profile prod [stages.prod]"

    choices = choices_of(stage, parameters={"MaxInstances": "9"}, architecture="x86_64")

    assert choices.parameters == {"NotificationEmail": "ops@example.org", "MaxInstances": "9"}
    assert (choices.architecture, choices.image_builder) == ("x86_64", "podman")
    assert "MaxInstances" not in choices.sources
    assert choices_of(stage).architecture == "arm64"


def test_no_file_leaves_everything_as_usual(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    stage = choose_stage(None, None, {"target": None, "stack": None})
    assert stage.target == Target()
    assert choices_of(stage) == DeployChoices()


def test_the_file_of_the_current_folder_is_found(settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(settings.parent)
    assert choose_stage(None, "dev", {}).target.stack == "dropserve-dev"


@pytest.mark.parametrize(
    ("text", "region"),
    [('[stages.one]\nregion = "a"', "a"), ('[defaults]\nregion = "b"', "b"), ("", None)],
    ids=["only stage", "only defaults", "empty"],
)
def test_where_there_is_no_choice_none_is_asked_for(tmp_path: Path, text: str, region: str | None) -> None:
    assert choose(write(tmp_path, text)).target.region == region


def test_several_stages_and_none_named_are_listed(settings: Path) -> None:
    with pytest.raises(CliError, match=r"dropserve.toml has the stages dev, prod\.") as failure:
        choose(settings)
    assert failure.value.advice == "Say which: --stage NAME."


def test_a_stage_that_is_not_there_is_told_with_those_that_are(settings: Path) -> None:
    with pytest.raises(CliError, match="has no stage stage; it has dev, prod"):
        choose(settings, "stage")


def test_a_stage_without_a_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CliError, match=r"no dropserve\.toml here, and --stage dev"):
        choose_stage(None, "dev", {})


KEYS = "target, profile, region, stack, architecture, image_builder, suppressions, weights, parameters"
A_VALUE = "a text in quotes or a number or true or false"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('[stages.prod]\nregoin = "x"', f"[stages.prod] regoin: there is no such key; there are {KEYS}."),
        ("[stage.prod]", "[stage]: there is no such table; there are defaults, stages."),
        ("[stages.prod]\nregion = 5", "[stages.prod] region: 5 must be a text in quotes."),
        (
            '[stages.prod]\nregion = ""',
            "[stages.prod] region: it is empty: write a value, or leave the key out.",
        ),
        ('[defaults]\ntarget = "AWS"', '[defaults] target: "AWS" is not one of local, aws.'),
        ('[stages."my stage"]', "[stages] my stage: this is no name: letters, digits, - and _ only."),
        ("stages = 3", "[stages]: 3 must be a table."),
        (
            "[stages.prod.parameters]\nAllowedHosts = ['a', 'b']",
            f'[stages.prod.parameters] AllowedHosts: ["a", "b"] must be {A_VALUE}.',
        ),
        (
            "[stages.prod.parameters]\nContact = 2026-01-01",
            f'[stages.prod.parameters] Contact: "2026-01-01" must be {A_VALUE}.',
        ),
    ],
)
def test_a_fault_is_told_by_table_and_key(tmp_path: Path, text: str, fault: str) -> None:
    file = write(tmp_path, text)
    with pytest.raises(CliError) as failure:
        read_settings(file)
    assert failure.value.message == f"{file} cannot be used:"
    assert sorted(failure.value.details) == [fault]
    assert failure.value.advice


def test_every_fault_is_told(tmp_path: Path) -> None:
    with pytest.raises(CliError) as failure:
        read_settings(write(tmp_path, "[defaults]\nregion = 1\nstack = 2\nno = 3"))
    assert [line.split(":")[0] for line in failure.value.details] == [
        "[defaults] no",
        "[defaults] region",
        "[defaults] stack",
    ]


def test_what_is_no_toml_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(CliError, match=r"dropserve.toml is not TOML: .*line 2"):
        read_settings(write(tmp_path, "[defaults]\nregion = eu-west-1\n"))


def test_what_is_not_utf_8_is_told(tmp_path: Path) -> None:
    file = tmp_path / "dropserve.toml"
    file.write_bytes(b'[defaults]\nregion = "\xff"\n')
    with pytest.raises(CliError, match="is not UTF-8"):
        read_settings(file)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[stages.prod]\nstack = "Prod"', r"toml \[stages.prod\] stack: 'Prod' cannot be the name"),
        ('[defaults.weights]\nresnet18 = "no.pth"', r"toml \[defaults.weights\] resnet18: there is no file"),
    ],
)
def test_a_value_that_cannot_be_used_is_told_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(CliError, match=message):
        choose(write(tmp_path, text))


@pytest.mark.parametrize(
    ("parameter", "message"),
    [
        (
            "MaxInstancez = 3",
            r"The template has no parameter MaxInstancez \(.*toml \[defaults.parameters\]\)",
        ),
        ('DeniedHosts = "10.0.0.0/8"', r"DeniedHosts \(.*toml \[defaults.parameters\]\) is malformed"),
        ("MinInstances = 7", "MinInstances is 7, and MaxInstances only 6"),
    ],
)
def test_parameters_of_the_file_are_checked_as_those_of_options(
    tmp_path: Path, stubbed: Any, parameter: str, message: str
) -> None:
    stubbed.refuse("cloudformation", "describe_stacks", "ValidationError", "no stack")
    stubbed.aws.account_id = "000000000000"
    choices = choices_of(choose(write(tmp_path, f"[defaults.parameters]\n{parameter}")))
    with pytest.raises(CliError, match=message):
        deploy(cast(Aws, stubbed.aws), choices, say=print, warn=print)


def test_the_schema_knows_the_choices_of_the_options() -> None:
    schema = json.loads(SCHEMA.read_text())
    Draft7Validator.check_schema(schema)
    properties = schema["definitions"]["settings"]["properties"]
    assert properties["target"]["enum"] == list(get_args(TargetName))
    assert properties["architecture"]["enum"] == list(ARCHITECTURES)
    assert properties["image_builder"]["enum"] == list(get_args(ImageBuilder))


def test_the_example_can_be_used() -> None:
    file = ROOT / "examples" / "dropserve.toml"
    stages = read_settings(file)["stages"]
    assert {choose(file, name).target.name for name in stages} == {"local", "aws"}


# -- commands


@pytest.fixture
def run(settings: Path) -> Any:
    return lambda command, *options: CliRunner().invoke(
        cli.make_app(), [command, "--settings", str(settings), *options]
    )


def test_commands_work_on_the_stage(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Target] = []

    def open_deployment(target: Target) -> Any:
        asked.append(target)
        raise CliError("enough")

    monkeypatch.setattr(status_command, "open_deployment", open_deployment)
    run("status", "--stage", "prod")
    run("status", "--stage", "prod", "--region", "us-east-1", "--stack", "other")
    assert asked == [
        Target("aws", "prod", "eu-central-1", "dropserve"),
        Target("aws", "prod", "us-east-1", "other"),
    ]


def test_deploy_says_its_stage_and_gives_all_of_it(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[DeployChoices] = []
    monkeypatch.setattr(deploy_command, "connect", lambda target: target)
    monkeypatch.setattr(
        deploy_command, "deploy_stack", lambda aws, choices, say, warn: given.append(choices) or {}
    )

    result = run("deploy", "--stage", "dev", "--skip-preflight", "--parameter", "MaxInstances=4")

    assert result.exit_code == 0, result.exception
    assert (
        "target aws [defaults], region eu-west-1 [defaults], stack dropserve-dev [stages.dev]"
        in result.stdout
    )
    assert given[0].parameters["MaxInstances"] == "4"
    assert given[0].parameters["EndpointKind"] == "serverless"


def test_verify_takes_the_account_of_the_stage_and_never_its_deployment(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Target] = []

    def connect(target: Target) -> Any:
        asked.append(target)
        raise CliError("enough")

    monkeypatch.setattr(verify_command, "connect", connect)
    run("verify", "--stage", "dev")
    run("verify", "--stage", "dev", "--stack", "mine")
    assert asked[0].region == "eu-west-1"
    assert asked[0].stack.startswith("verify-")
    assert asked[1].stack == "mine"


def test_cost_is_that_of_the_stage(run: Any) -> None:
    document = json.loads(run("cost", "--stage", "dev", "--json").stdout)
    assert document["region"] == "eu-west-1"
    assert not any(
        "ml.m6g" in each["name"] for section in document["sections"] for each in section["components"]
    )
    assert cost_command.REFERENCE_REGION != "eu-west-1"
