"""The wheel, built by way of the source archive: what is in it, and that it works without the checkout."""

import json
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from deploy_scripts.project import ROOT
from dropserve import __version__
from tests.package.installs import Install, make_install, uv

pytestmark = pytest.mark.timeout(900)

TREE = "dropserve/_project/"
# One of each kind of file that is no Python.
DATA_FILES = [
    "deploy_scripts/console/static/console.css",
    "deploy_scripts/console/static/vendor/htmx-LICENSE.txt",
    "deploy_scripts/console/templates/frame.html",
    "deploy_scripts/template.yaml",
    "deploy_scripts/images_template.yaml",
    "deploy_scripts/permission_exemptions.yaml",
    "functions/iam_audit/policy/aws_actions.txt",
    "functions/iam_audit/reports/report_template.html",
    "functions/iam_audit/suppressions.json",
    "requirements.lock",
    "schemas/inference.openapi.json",
    "schemas/plan.schema.json",
    "state_machines/training_pipeline.asl.json",
    "state_machines/training_pipeline.steps.json",
    "training/Dockerfile",
    "training/ec2/boot.sh",
    "training/install_packages.sh",
]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`uv build` packs the source archive first, and builds the wheel from nothing but that."""
    folder = tmp_path_factory.mktemp("built")
    where = ("--python", sys.executable, "--no-build-isolation", "--offline", "--out-dir", folder)
    uv("build", "--quiet", *where, ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_no_package_but_dropserve_comes_to_lie_in_site_packages(names: set[str]) -> None:
    assert {name.split("/")[0] for name in names} == {"dropserve", f"dropserve-{__version__}.dist-info"}


def test_the_wheel_has_every_file_that_programs_read(names: set[str]) -> None:
    assert {TREE + file for file in DATA_FILES} <= names
    assert "dropserve/py.typed" in names


def test_the_wheel_has_the_repositorys_files_and_no_others(names: set[str]) -> None:
    """No test, no benchmark, no cache, nothing that a build or a person left there."""
    folders = [
        "contracts",
        "deploy_scripts",
        "drops",
        "functions",
        "local_cloud",
        "schemas",
        "state_machines",
        "training",
    ]
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *folders]
    listed = subprocess.check_output(command, cwd=ROOT, text=True).splitlines()
    here = {name for name in listed if (ROOT / name).is_file()}
    inside = {name.removeprefix(TREE) for name in names if name.startswith(TREE)}

    assert inside == here | {"requirements.lock"}
    assert not [name for name in names if "tests/" in name or "benchmarks/" in name]


def test_the_metadata_says_what_it_is_and_what_it_needs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (file,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = Parser().parsestr(archive.read(file).decode())
    needs = metadata.get_all("Requires-Dist") or []
    always = [need for need in needs if "extra ==" not in need]

    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata.get_all("Provides-Extra") == ["local"]
    assert [need for need in needs if need.startswith("torch==")] and not [
        need for need in always if need.startswith(("torch", "ministack", "openvino"))
    ]
    assert not [need for need in needs if need.startswith(("pytest", "ruff", "mypy", "litserve"))]


@pytest.fixture(scope="module")
def lean(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Install:
    """`pip install dropserve`, with no extra."""
    return make_install(wheel, tmp_path_factory.mktemp("lean"))


def test_the_command_tells_its_version(lean: Install) -> None:
    assert lean.run("--version").stdout == f"dropserve {__version__}\n"
    assert lean.run("-m", "dropserve", "--version", program="python").stdout == f"dropserve {__version__}\n"


def test_what_needs_the_extra_says_so_in_one_sentence(lean: Install) -> None:
    result = lean.run("up")

    assert result.returncode == 1
    assert result.stderr.startswith("Error: This needs the extra `local`, which is not installed:")
    assert result.stderr.endswith("Install it: pip install 'dropserve[local]'\n")


def test_an_audit_and_a_deployment_to_aws_need_no_extra(lean: Install) -> None:
    authorization = lean.folder / "account.json"
    authorization.write_text(
        json.dumps({"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": [], "Policies": []})
    )

    audited = lean.run("audit", "--file", authorization, "--html", lean.folder / "audit.html")
    deployed = lean.run("deploy", "--target", "aws", "--region", "eu-west-1")

    assert audited.returncode == 0, audited.stderr
    assert "<html" in (lean.folder / "audit.html").read_text()
    assert deployed.returncode == 1
    assert "Preflight failed: credentials" in deployed.stderr


def test_the_console_needs_no_extra(lean: Install) -> None:
    """All of its pages are there by then: it is the deployment that is missing."""
    result = lean.run("console", "--no-browser")

    assert result.returncode == 1
    assert result.stderr.startswith("Error: The local cloud is not running.")


def test_the_demo_runs_from_an_empty_folder_and_leaves_the_install_alone(wheel: Path, tmp_path: Path) -> None:
    full = make_install(wheel, tmp_path, extra="local")
    probe = f"open({str(ROOT / 'pyproject.toml')!r})"
    full.run("-c", probe, program="python")
    assert full.opened_in_checkout() == [str(ROOT / "pyproject.toml")]  # the watch works
    full.opened_log.unlink()
    before = full.files()

    try:
        demo = full.run("demo", "--json")
        assert demo.returncode == 0, demo.stderr
        answer = json.loads(demo.stdout)
        cloud = json.loads(full.run("status", "--json").stdout)
    finally:
        down = full.run("down")

    assert (answer["status"], len(answer["predictions"])) == ("live", 5)
    assert cloud["outputs"]
    assert down.returncode == 0, down.stderr
    assert (full.folder / ".dropserve" / "cloud").is_dir()
    assert full.files() == before
    assert full.opened_in_checkout() == []
