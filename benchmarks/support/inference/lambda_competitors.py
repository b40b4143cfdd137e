"""The functions whose cold starts are compared, each as the folders that Lambda would import it from."""

import compileall
import json
import os
import shutil
import site
import subprocess
import sys
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.support.processes import ProgramError
from deploy_scripts.packaging.dependencies import Runtime
from deploy_scripts.packaging.functions import build_function

_SUPPORT = Path(__file__).parent
# boto3 and what it needs: https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html
_RUNTIME_PACKAGES = ("boto3", "botocore", "jmespath", "s3transfer", "urllib3", "dateutil", "six.py")
# What Powertools' parser needs.
_PARSER_PACKAGES = ("pydantic", "pydantic_core", "annotated_types", "typing_inspection")


@dataclass(frozen=True)
class ColdStart:
    """One new process: seconds until its answer is there, those of import and answer, and of processor."""

    wall_s: float
    import_s: float
    answer_s: float
    cpu_s: float


@dataclass(frozen=True)
class Competitor:
    """A handler's module and the folders that it is imported from."""

    module: str
    folders: tuple[Path, ...]

    def start(self, event: str, environment: dict[str, str]) -> ColdStart:
        """A new process that imports the handler and answers one event. Raises ProgramError."""
        program = [_SUPPORT / "lambda_process.py", self.module, event, *self.folders]
        began = time.perf_counter()
        # The interpreter itself, without a virtual environment's start-up files: Lambda has none.
        process = subprocess.Popen(
            [Path(sys.executable).resolve(), "-I", "-S", *map(str, program)],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr  # noqa: S101 - it is a pipe
        said = []
        for line in process.stderr:
            said.append(line)
            if line.startswith('{"import_s"'):
                break
        wall_s = time.perf_counter() - began
        process.stderr.close()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        figures = _figures(said)
        return ColdStart(wall_s, figures["import_s"], figures["answer_s"], used.ru_utime + used.ru_stime)


def build_competitors(folder: Path) -> dict[str, Competitor]:
    """ours: the zip that is deployed. reference: its one file. usual: ours with the shortcuts undone."""
    runtime = _copied(_RUNTIME_PACKAGES, folder / "runtime")
    ours = folder / "ours"
    archive = build_function("inference", Runtime.of_this_machine(), into=folder / "build")
    zipfile.ZipFile(archive).extractall(ours)
    reference = folder / "reference"
    reference.mkdir()
    shutil.copy(_SUPPORT / "reference_lambda.py", reference)
    compileall.compile_dir(reference, quiet=1)
    usual = _copied(_PARSER_PACKAGES, folder / "usual")
    shutil.copytree(ours, usual, dirs_exist_ok=True)
    shutil.copy(_SUPPORT / "usual_lambda.py", usual)
    shutil.rmtree(usual / "functions" / "inference" / "service_models")
    for cache in [*usual.rglob("__pycache__")]:
        shutil.rmtree(cache)
    return {
        "ours": Competitor("functions.inference.handler", (ours, runtime)),
        "reference": Competitor("reference_lambda", (reference, runtime)),
        "usual": Competitor("usual_lambda", (usual, runtime)),
    }


def _copied(packages: tuple[str, ...], folder: Path) -> Path:
    """Installed packages, copied and compiled as Lambda's runtime has them."""
    folder.mkdir()
    for name in packages:
        source = Path(site.getsitepackages()[0]) / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
        else:
            shutil.copy(source, folder)
    compileall.compile_dir(folder, quiet=1)
    return folder


def _figures(said: list[str]) -> dict[str, float]:
    try:
        figures: dict[str, float] = json.loads(said[-1])
    except (IndexError, ValueError) as error:
        raise ProgramError(f"the function did not start: {''.join(said)[-2000:]}") from error
    if figures["status"] != 200:
        raise ProgramError(f"the function answered {figures['status']}: {''.join(said)[-2000:]}")
    return figures
