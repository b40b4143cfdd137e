"""Every command, path and link of the pages is real, and every command in a code block is run by a test."""

import importlib.util
import re
import subprocess
from pathlib import Path

import botocore.session
import pytest
import typer
from botocore import xform_name
from typer.exceptions import Exit, TyperException

from deploy_scripts.cli import make_app
from tests.support.documentation import PAGES, PROJECT, Command, commands, inline_codes, links, split

COMMANDS = commands()
COMMAND_LINE = typer.main.get_command(make_app())

# A command in a code block -> the test that runs it, and what that test's file says.
RUN_BY = {
    r"make demo": ("tests/end_to_end/drops/test_demo.py", 'dropserve.json("demo")'),
    r"dropserve env": ("tests/end_to_end/test_examples.py", "with_aws_variables"),
    r"aws s3 cp flowers.zip .*": ("tests/end_to_end/test_examples.py", "test_the_readmes_three_ways_in"),
    r"dropserve watch": ("tests/end_to_end/test_examples.py", "test_the_readmes_three_ways_in"),
    r"aws stepfunctions start-execution .*": (
        "tests/end_to_end/test_examples.py",
        "test_the_readmes_three_ways_in",
    ),
    r"dropserve run --key drops/flowers.zip .*": (
        "tests/end_to_end/test_examples.py",
        "test_the_readmes_three_ways_in",
    ),
    r"echo .*": ("tests/end_to_end/test_examples.py", "test_the_readmes_three_ways_in"),
    r"aws lambda invoke .*": ("tests/end_to_end/test_examples.py", "test_the_readmes_three_ways_in"),
    r"aws s3 cp --recursive autumn .*": ("tests/end_to_end/operations/test_scoring.py", "put_object"),
    r"dropserve score( s3://.*| --resume JOB)": (
        "tests/end_to_end/operations/test_scoring.py",
        '"score", "--resume"',
    ),
    r"dropserve predict .*": ("tests/end_to_end/test_examples.py", "test_the_readmes_three_ways_in"),
    r"dropserve run --key drops/flowers/_SUCCESS": (
        "tests/end_to_end/drops/test_folder_drops.py",
        '"run", "--key", key',
    ),
    r"dropserve doctor .*": (
        "tests/unit/deploy_scripts/commands/test_doctor_command.py",
        'invoke("doctor", examined',
    ),
    r"dropserve drop .* --review review.csv": (
        "tests/unit/deploy_scripts/operations/drops/test_reviews.py",
        "review_dataset",
    ),
    r"dropserve review( --(page|apply) .*)": (
        "tests/unit/deploy_scripts/commands/test_review_command.py",
        'invoke("review", ',
    ),
    r"dropserve deploy --parameter CaptureShare=.*": (
        "tests/end_to_end/test_examples.py",
        "change_of_a_parameter",
    ),
    r"dropserve audit( --file .*)?": ("tests/end_to_end/test_examples.py", "commands_for_an_audit"),
    r"aws iam get-account-authorization-details": (
        "tests/end_to_end/test_examples.py",
        "commands_for_an_audit",
    ),
    r"dropserve cost( --(compare|photos) ?.*)?": (
        "tests/unit/deploy_scripts/commands/test_cost_command.py",
        "commands_for_costs",
    ),
    r"dropserve console": ("tests/end_to_end/console/conftest.py", '"console", "--no-browser"'),
    r"dropserve capacity( --(apply|reset))?": (
        "tests/end_to_end/operations/test_capacity.py",
        'json("capacity", "--',
    ),
    r"dropserve drift( --(page|today) ?.*)?": (
        "tests/end_to_end/operations/test_drift.py",
        '"drift", "--today"',
    ),
    r"dropserve drift --approve .*": (
        "tests/end_to_end/operations/test_drift.py",
        '"drift", "--approve", approval',
    ),
    r"dropserve verify": ("tests/end_to_end/deployments/test_verifying.py", '"verify", "--stack"'),
    r"dropserve pause": ("tests/end_to_end/operations/test_pausing.py", 'json("pause")'),
    r"dropserve resume": ("tests/end_to_end/operations/test_pausing.py", 'json("resume")'),
    r"dropserve janitor( --yes)?": (
        "tests/end_to_end/operations/test_replacing_a_release.py",
        '"janitor", "--yes"',
    ),
    r"dropserve releases": ("tests/end_to_end/operations/test_replacing_a_release.py", 'json("releases")'),
    r"dropserve rollback( --to .*)?": (
        "tests/end_to_end/operations/test_replacing_a_release.py",
        'run("rollback")',
    ),
    r"aws sagemaker (create-model-package-group|list-model-packages) .*": (
        "tests/faults/releases/test_model_registry.py",
        "test_a_released_model_becomes_an_approved_version",
    ),
    r"dropserve deploy --parameter ModelPackageGroupName=pets": (
        "tests/faults/releases/test_model_registry.py",
        "test_a_released_model_becomes_an_approved_version",
    ),
    r"dropserve verify-permissions": (
        "tests/end_to_end/deployments/test_verify_permissions.py",
        "verify-permissions",
    ),
    r"dropserve deploy --dry-run --parameter .*": (
        "tests/end_to_end/deployments/test_deploying_again.py",
        '"deploy", "--dry-run"',
    ),
    r"dropserve deploy --parameter MaxCostUsd=5": (
        "tests/end_to_end/test_examples.py",
        "change_of_a_parameter",
    ),
    r"dropserve deploy --dry-run --parameter Contact=.*": (
        "tests/end_to_end/deployments/test_deploying_again.py",
        '"--dry-run", "--parameter", "Contact=me@example.org"',
    ),
    r"dropserve deploy --dry-run --stage prod": (
        "tests/end_to_end/deployments/test_settings_file.py",
        '"deploy", "--dry-run", "--stage", "prod"',
    ),
    r"dropserve status --stage prod": (
        "tests/end_to_end/deployments/test_settings_file.py",
        '"status", "--stage", "prod"',
    ),
    r"dropserve up --quotas new-account": (
        "tests/end_to_end/deployments/test_new_account.py",
        '"--quotas", "new-account"',
    ),
    r"dropserve preflight": ("tests/end_to_end/deployments/test_new_account.py", '"preflight", *ARM'),
    r"dropserve deploy --parameter EndpointInstanceType=ml.m6g.large .*": (
        "tests/end_to_end/deployments/test_new_account.py",
        '"deploy", *ARM, *ON_EC2',
    ),
    r"aws service-quotas request-service-quota-increase .*": (
        "tests/end_to_end/deployments/test_new_account.py",
        'program="aws"',
    ),
    r"(sh|python) examples/drop_data\.\w+ .*": ("tests/end_to_end/test_examples.py", "test_drop_data"),
    r"(sh|python) examples/start_run\.\w+ .*": ("tests/end_to_end/test_examples.py", "test_start_run"),
    r"(sh|python) examples/ask\.\w+ .*": ("tests/end_to_end/test_examples.py", "test_ask"),
}
# A command in a code block that no test runs -> why.
NOT_RUN = {
    r"make test": "it is what runs this test",
    r"make setup": "it has made what runs this test",
    r"source \.venv/bin/activate": "a shell's own",
    r"\.venv/bin/python -m state_machines\.render": "a test compares what it writes",
    r"\.venv/bin/python -m deploy_scripts\.account_checks\.page": "a test compares what it writes",
    r".* --target aws .*": "needs an AWS account",
    r"dropserve cost --live .*": "needs an AWS account",
    r"aws cloudformation create-stack --stack-name dropserve-github .*": "needs an AWS account",
    r"dropserve deploy --weights .*": "needs a file of weights that no package ships",
    r"dropserve run -p backbone=resnet18": "needs a file of weights that no package ships",
}
# A file of the project, told by its ending.
_NAMES = re.compile(r"[\w.*-]+\.(?:py|sh|yaml|yml|toml|lock|in|md|ipynb)")
_FOLDERS = {path.name for path in PROJECT.iterdir() if path.is_dir()} - {".git"}


def in_blocks() -> list[Command]:
    return [command for command in COMMANDS if command.in_block]


def tracked_files() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    return listed.stdout.splitlines()


FILES = tracked_files()


def test_the_pages_have_commands() -> None:
    assert len(in_blocks()) > 30
    assert {command.words[0] for command in COMMANDS} >= {"dropserve", "make", "aws", "sh", "python"}


@pytest.mark.parametrize("command", in_blocks(), ids=str)
def test_a_command_in_a_block_is_run_by_a_test_or_says_why_not(command: Command) -> None:
    runs = [pattern for pattern in RUN_BY if re.fullmatch(pattern, str(command))]
    reasons = [pattern for pattern in NOT_RUN if re.fullmatch(pattern, str(command))]
    assert runs or reasons, f"{command.page}: name the test that runs `{command}`, or why none does"


@pytest.mark.parametrize("pattern", NOT_RUN)
def test_a_reason_is_of_a_command_that_is_there(pattern: str) -> None:
    assert any(re.fullmatch(pattern, str(command)) for command in in_blocks())


@pytest.mark.parametrize("pattern", RUN_BY)
def test_the_test_that_runs_a_command_is_there(pattern: str) -> None:
    file, text = RUN_BY[pattern]
    assert text in (PROJECT / file).read_text("utf-8")
    assert any(re.fullmatch(pattern, str(command)) for command in in_blocks())


def dropserve_commands() -> list[Command]:
    """All but `dropserve COMMAND`, which stands for any."""
    ours = [command for command in COMMANDS if command.words[0] == "dropserve" and len(command.words) > 1]
    return [command for command in ours if command.words[1] != "COMMAND"]


@pytest.mark.parametrize("command", dropserve_commands(), ids=str)
def test_a_command_of_dropserve_is_understood(command: Command) -> None:
    name, *arguments = command.words[1:]
    assert name in COMMAND_LINE.commands, command.page  # type: ignore[attr-defined]
    if "..." in arguments:
        return
    try:
        COMMAND_LINE.commands[name].make_context(name, arguments)  # type: ignore[attr-defined]
    except TyperException as error:
        # A sentence may name a command without what it is given.
        is_short = type(error).__name__ == "MissingParameter" and not command.in_block
        assert is_short, f"{command.page}: {command}: {error}"


@pytest.mark.parametrize("name", COMMAND_LINE.commands)  # type: ignore[attr-defined]
def test_every_command_has_help_and_a_place_in_the_pages(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Exit):
        COMMAND_LINE.commands[name].make_context(name, ["--help"])  # type: ignore[attr-defined]
    assert "Usage" in capsys.readouterr().out
    if name != "demo":
        assert any(command.words[1] == name for command in dropserve_commands())


def make_commands() -> list[Command]:
    return [command for command in COMMANDS if command.words[0] == "make"]


@pytest.mark.parametrize("command", make_commands(), ids=str)
def test_a_target_of_make_is_in_the_makefile(command: Command) -> None:
    makefile = (PROJECT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z0-9-]+):", makefile, re.MULTILINE))
    for word in command.words[1:]:
        if "=" in word:
            assert re.search(rf"^{word.partition('=')[0]}\b\s*[?:]?=", makefile, re.MULTILINE), command.page
        elif word != "...":
            assert word in targets, f"{command.page}: make {word}"


def test_every_target_has_a_place_in_the_pages() -> None:
    makefile = (PROJECT / "Makefile").read_text("utf-8")
    named = {word for command in make_commands() for word in command.words[1:]}
    assert set(re.findall(r"^([a-z0-9-]+):.*##", makefile, re.MULTILINE)) - {"help"} <= named


def modules() -> list[str]:
    """What follows `python -m`, or `torchrun ... -m`."""
    found = [
        command.words[command.words.index("-m") + 1]
        for command in COMMANDS
        if "-m" in command.words and re.search(r"python|torchrun", command.words[0])
    ]
    return sorted(set(found) - {"venv", "pip"})


@pytest.mark.parametrize("module", modules())
def test_a_module_that_is_run_is_importable(module: str) -> None:
    assert importlib.util.find_spec(module) is not None


def aws_commands() -> list[Command]:
    return [command for command in COMMANDS if command.words[0] == "aws" and len(command.words) > 2]


# Commands that aws makes of several calls.
S3_COMMANDS = {"cp", "ls", "mv", "presign", "rm", "sync"}
GLOBAL_OPTIONS = {"--output", "--query", "--region", "--profile"}


@pytest.mark.parametrize("command", aws_commands(), ids=str)
def test_a_command_of_aws_is_an_operation_with_these_parameters(command: Command) -> None:
    service, operation, *arguments = command.words[1:]
    if service == "s3":
        assert operation in S3_COMMANDS
        return
    model = botocore.session.get_session().get_service_model(service)
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    assert operation in operations, command.page
    shape = model.operation_model(operations[operation]).input_shape
    known = {f"--{xform_name(member, '-')}" for member in (shape.members if shape else ())}
    assert {word for word in arguments if word.startswith("--")} <= known | GLOBAL_OPTIONS, command.page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for link in links(page):
        if re.match(r"https?:", link):
            continue
        path, _, heading = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name} links to {link}"
        assert target.is_relative_to(PROJECT)
        if heading:
            assert heading in headings(target), f"{page.name} links to {link}"


def headings(page: Path) -> set[str]:
    """The anchors that a repository's host makes of a page's headings."""
    lines = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in lines}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_paths_in_sentences_are_in_the_tree(page: Path) -> None:
    names = {Path(file).name for file in FILES}
    for code in inline_codes(page):
        if re.fullmatch(_NAMES, code) and "*" not in code:
            assert code in names or not code.islower(), f"{page.name}: {code}"
        if is_path(code):
            assert any(PROJECT.glob(code.rstrip("/"))), f"{page.name}: {code}"


def is_path(code: str) -> bool:
    """Whether it names a place in this tree: no key in the bucket, and no name that stands for any."""
    first, slash, _ = code.partition("/")
    is_key = code.endswith((".zip", "_SUCCESS", ".jpg", ".tar"))
    return bool(
        slash
        and first in _FOLDERS - {".dropserve", ".venv"}
        and not is_key
        and re.fullmatch(r"[\w./*-]+", code)
        and not re.search(r"\b(NAME|FILE|FOLDER)\b", code)
    )


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('eval "$(dropserve env)"   # why', [("dropserve", "env")]),
        ("A=1 make demo && ls | wc -l", [("make", "demo"), ("ls",), ("wc", "-l")]),
        ("aws iam x > account.json", [("aws", "iam", "x")]),
        ("echo '{\"a b\": 1}' > e.json", [("echo", '{"a b": 1}')]),
    ],
)
def test_a_shells_line_is_taken_apart(line: str, found: list[tuple[str, ...]]) -> None:
    assert split(line) == found
