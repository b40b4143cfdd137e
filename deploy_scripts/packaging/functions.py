"""Builds each function's zip: its code, the code that it shares with others, the schemas, its packages."""

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path

from deploy_scripts.packaging.archives import files_below, make_zip, note_of, sha256_of
from deploy_scripts.packaging.bytecode import compile_folder, find_python
from deploy_scripts.packaging.dependencies import Runtime, install_packages
from deploy_scripts.packaging.service_models import write_service_models
from deploy_scripts.packaging.shared_code import shared_files
from deploy_scripts.project import ROOT

# Powertools with its tracer and validation. boto3 and botocore come with Lambda's runtime.
SHARED_PACKAGES = (
    "aws-lambda-powertools",
    "aws-xray-sdk",
    "fastjsonschema",
    "jmespath",
    "typing-extensions",
    "wrapt",
)
OWN_PACKAGES: dict[str, tuple[str, ...]] = {"inference": ("pillow",), "score_photos": ("pillow",)}
# Another function's code that one ships: there is one way to ask the endpoint about a photo.
OTHERS_CODE: dict[str, tuple[str, ...]] = {"score_photos": ("inference",)}
# For a function whose cold start people wait for: the AWS operations that its clients know, by service.
# HeadBucket: how botocore finds a bucket of another region.
OWN_OPERATIONS: dict[str, dict[str, tuple[str, ...]]] = {
    "inference": {
        "sagemaker-runtime": ("InvokeEndpoint",),
        "ssm": ("GetParameter",),
        "s3": ("GetObject", "HeadBucket", "PutObject"),
    }
}


def function_names() -> list[str]:
    """Every folder of functions/ with a handler."""
    return sorted(path.parent.name for path in (ROOT / "functions").glob("*/handler.py"))


def build_function(
    name: str, runtime: Runtime, *, into: Path, own_files: Mapping[str, Path] | None = None
) -> Path:
    """`<into>/<name>.zip`; the same code, pins and runtime give the same bytes, and nothing to do again.

    `own_files`, by their names in the zip, come in the place of the packaged ones.
    """
    packages = install_packages(
        (*SHARED_PACKAGES, *OWN_PACKAGES.get(name, ())), runtime, into=into / "packages"
    )
    code = {
        **files_below(ROOT / "functions" / "common", prefix="functions/common/"),
        **_function_code(name),
        **shared_files(),
        **files_below(ROOT / "schemas", prefix="schemas/", pattern="*.schema.json"),
        "functions/__init__.py": ROOT / "functions" / "__init__.py",
        **(own_files or {}),
    }
    if name in OWN_OPERATIONS:
        models = into / "service_models" / name
        shutil.rmtree(models, ignore_errors=True)
        write_service_models(OWN_OPERATIONS[name], models)
        code |= files_below(models, prefix=f"functions/{name}/service_models/")
    python = find_python(runtime.python)
    zip_file = into / f"{name}.zip"
    made_of = _digest(code, packages, python)
    if note_of(zip_file) == made_of:
        return zip_file
    if python:
        code = _with_bytecode(code, into / "compiled" / name, python)
    return make_zip(code, zip_file, base=_zip_packages(packages), note=made_of)


def _digest(code: Mapping[str, Path], packages: Path, python: str | None) -> str:
    """Of all that a zip is made of, with the code that makes it; the packages' folder is named after them."""
    makers = {f"({path.name})": path for path in Path(__file__).parent.glob("*.py")}
    files = sorted((name, sha256_of(path)) for name, path in {**code, **makers}.items())
    return hashlib.sha256(repr((packages.name, python, files)).encode()).hexdigest()


def _function_code(name: str) -> dict[str, Path]:
    return {
        file: path
        for folder in (name, *OTHERS_CODE.get(name, ()))
        for file, path in files_below(ROOT / "functions" / folder, prefix=f"functions/{folder}/").items()
    }


def _zip_packages(packages: Path) -> Path:
    """The packages' zip beside their folder: most functions have the same ones."""
    zip_file = packages.with_suffix(".zip")
    return zip_file if zip_file.exists() else make_zip(files_below(packages, caches=True), zip_file)


def _with_bytecode(code: dict[str, Path], folder: Path, python: str) -> dict[str, Path]:
    """The code and its .pyc files, as copied into the folder."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, source in code.items():
        copy = folder / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)
    compile_folder(folder, python)
    return files_below(folder, caches=True)
