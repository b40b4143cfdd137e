"""Each function's zip is reproducible and runs on nothing but itself and what Lambda's runtime brings."""

import site
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from deploy_scripts.errors import CliError
from deploy_scripts.packaging.archives import sha256_of
from deploy_scripts.packaging.build import SUPPRESSIONS, build
from deploy_scripts.packaging.bytecode import find_python
from deploy_scripts.packaging.dependencies import Runtime
from deploy_scripts.packaging.functions import build_function, function_names
from deploy_scripts.packaging.locked_packages import locked_requirements

pytestmark = pytest.mark.slow

# boto3 and what it needs come with it: https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html
RUNTIME_PACKAGES = ("boto3", "botocore", "jmespath", "s3transfer", "urllib3", "dateutil", "six.py")
# What the template sets; importing a handler asks nobody.
ENVIRONMENT = {
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "POWERTOOLS_METRICS_NAMESPACE": "dropserve",
    "POWERTOOLS_SERVICE_NAME": "test",
    "POWERTOOLS_TRACE_DISABLED": "true",
}


@pytest.fixture(scope="session")
def build_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("build")


@pytest.fixture(scope="session")
def runtime_packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runtime")
    for name in RUNTIME_PACKAGES:
        (folder / name).symlink_to(Path(site.getsitepackages()[0]) / name)
    return folder


@pytest.mark.parametrize("name", function_names())
def test_a_zip_imports_with_its_own_files_and_boto3_only(
    name: str, build_folder: Path, runtime_packages: Path, tmp_path: Path
) -> None:
    archive = build_function(name, Runtime.of_this_machine(), into=build_folder)
    zipfile.ZipFile(archive).extractall(tmp_path)
    program = (
        f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(runtime_packages)!r}]\n"
        f"from functions.{name}.handler import handler\n"
        f"import functions; assert functions.__file__.startswith({str(tmp_path)!r}), functions.__file__\n"
        "assert callable(handler)"
    )

    # -I and -S: no site-packages, no current folder, no PYTHON* variables.
    result = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stderr


def test_a_zip_is_the_same_bytes_each_time_and_in_each_folder(build_folder: Path, tmp_path: Path) -> None:
    name = function_names()[0]
    first = sha256_of(build_function(name, Runtime.of_this_machine(), into=build_folder))

    assert sha256_of(build_function(name, Runtime.of_this_machine(), into=build_folder)) == first
    assert sha256_of(build_function(name, Runtime.of_this_machine(), into=tmp_path)) == first


def test_a_zip_is_made_again_only_when_what_it_is_made_of_has_changed(
    build_folder: Path, tmp_path: Path
) -> None:
    name = function_names()[0]
    own = tmp_path / "own.py"
    runtime = Runtime.of_this_machine()

    def made_at() -> int:
        return build_function(name, runtime, into=build_folder).stat().st_ino

    first = made_at()
    assert made_at() == first
    for content in ("x = 1\n", "x = 2\n"):
        own.write_text(content)
        build_function(name, runtime, into=build_folder, own_files={"functions/own.py": own})
        archive = zipfile.ZipFile(build_folder / f"{name}.zip")
        assert archive.read("functions/own.py").decode() == content
    # A damaged one is no reason to fail.
    (build_folder / f"{name}.zip").write_bytes(b"no zip")
    build_function(name, runtime, into=build_folder)
    assert zipfile.ZipFile(build_folder / f"{name}.zip").testzip() is None


def test_a_zip_holds_one_function_what_is_shared_and_no_boto3(build_folder: Path) -> None:
    name, other = function_names()[:2]
    names = zipfile.ZipFile(build_function(name, Runtime.of_this_machine(), into=build_folder)).namelist()

    assert f"functions/{name}/handler.py" in names
    assert "functions/common/documents.py" in names
    assert any(entry.startswith("schemas/") for entry in names)
    assert any(entry.endswith(".pyc") for entry in names)
    assert not [entry for entry in names if entry.startswith((f"functions/{other}/", "boto3/", "botocore/"))]


def test_own_suppressions_are_in_the_audits_zip_and_in_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "deploy_scripts.packaging.build.function_names", lambda: ["iam_audit", "read_failure"]
    )
    file = tmp_path / "own.json"
    file.write_text('{"suppressions": []}\n')
    built = build(Runtime.of_this_machine(), say=lambda _: None, suppressions=file)

    audit = zipfile.ZipFile(built.functions["iam_audit"])
    assert audit.read(SUPPRESSIONS) == file.read_bytes()
    assert SUPPRESSIONS not in zipfile.ZipFile(built.functions["read_failure"]).namelist()


def test_a_zip_for_arm_holds_arm_binaries_and_only_bytecode_of_its_python(build_folder: Path) -> None:
    runtime = Runtime.of_lambda("arm64")
    names = zipfile.ZipFile(build_function(function_names()[0], runtime, into=build_folder)).namelist()

    binaries = [entry for entry in names if entry.endswith(".so")]
    assert binaries
    assert all("cpython-312-aarch64-linux" in entry for entry in binaries)
    bytecode = [entry for entry in names if entry.endswith(".pyc")]
    assert bool(bytecode) == bool(find_python("3.12"))
    assert all(entry.endswith(".cpython-312.pyc") for entry in bytecode)


def test_a_stand_in_for_a_python_that_is_not_there_compiles_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in = tmp_path / "python3.9"
    stand_in.write_text("#!/bin/sh\nexit 127\n")
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert find_python("3.9") is None
    assert find_python("3.8") is None
    assert find_python(Runtime.of_this_machine().python) == sys.executable


def test_the_locks_own_pins_and_hashes_are_used() -> None:
    text = locked_requirements(["wrapt", "aws-lambda-powertools"])

    lines = text.splitlines()
    assert lines[0].startswith("aws-lambda-powertools==3.")
    assert any(line.startswith("wrapt==") for line in lines)
    assert all(line.startswith("    --hash=sha256:") or "==" in line for line in lines)


def test_a_package_that_the_lock_does_not_pin_is_named(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text("wrapt==1.0 \\\n    --hash=sha256:00\n    # via somebody\n")

    assert locked_requirements(["wrapt"], lock) == "wrapt==1.0 \\\n    --hash=sha256:00\n"
    with pytest.raises(CliError, match=r"requirements\.lock does not pin pillow"):
        locked_requirements(["wrapt", "pillow"], lock)
