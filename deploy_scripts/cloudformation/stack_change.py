"""What a deployment uploads and hands to CloudFormation; it can be tried before its images are built."""

import copy
import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy_scripts.aws import Aws
from deploy_scripts.cloudformation.artifacts_bucket import ArtifactsBucket, bucket_exists
from deploy_scripts.cloudformation.function_versions import publish_every_change
from deploy_scripts.cloudformation.sam_template import name_retained, replace_local_files
from deploy_scripts.cloudformation.stack import Accept, NothingChangedError, deploy_stack
from deploy_scripts.costs.month import idle_cost_sentence
from deploy_scripts.errors import CliError
from deploy_scripts.packaging.build import Build
from deploy_scripts.partition import in_partition
from deploy_scripts.project import STATE_MACHINES

Say = Callable[[str], None]


@dataclass(frozen=True)
class StackChange:
    """`template` as it is written; `parameters` are all but those that name images."""

    aws: Aws
    template: Mapping[str, Any]
    parameters: Mapping[str, str]
    built: Build
    bucket: ArtifactsBucket

    def apply(self, images: Mapping[str, str], accept: Accept | None, say: Say) -> None:
        """Bring the stack to it, once `accept` has agreed. Raises NothingChangedError where it has not."""
        parameters = {**self.parameters, **images}
        parameters["IdleCost"] = idle_cost_sentence(parameters, self.aws.region)
        template = copy.deepcopy(dict(self.template))
        retained = name_retained(template, self.aws.pseudo_parameters)
        url = self.bucket.url(self._upload(template, parameters))
        say(f"Uploaded {len(self.bucket.uploaded)} changed files to {self.bucket.name}")
        left = any(bucket_exists(self.aws, name) for name in retained["AWS::S3::Bucket"])
        if not deploy_stack(self.aws, url, parameters, take_up_existing=left, accept=accept, say=say):
            say("The stack is up to date")

    def ask(self, images: Mapping[str, str], accept: Accept, say: Say) -> None:
        """Only show what it would change. Raises NothingChangedError where `accept` does not agree."""
        answers: list[bool] = []

        def note(changes: list[Mapping[str, Any]], is_new: bool) -> bool:
            answers.append(accept(changes, is_new))
            return False

        try:
            self.apply(images, note, say)
        except NothingChangedError:
            if not all(answers):
                raise

    def _upload(self, template: dict[str, Any], parameters: dict[str, str]) -> str:
        """The template's key; every local file of it is uploaded and named by its own."""
        with tempfile.TemporaryDirectory() as folder:

            def upload(local_path: str) -> dict[str, str]:
                name = Path(local_path).name
                if name in STATE_MACHINES:
                    machine = Path(folder) / name
                    text = STATE_MACHINES[name].read_text("utf-8")
                    machine.write_text(in_partition(text, self.aws.partition), "utf-8")
                    key = self.bucket.upload(machine, folder="state_machines")
                else:
                    key = self.bucket.upload(_zip_of(self.built, name), folder="functions")
                return {"Bucket": self.bucket.name, "Key": key}

            replace_local_files(template, upload)
            publish_every_change(template, parameters)
            file = Path(folder) / "template.json"
            file.write_text(json.dumps(template, separators=(",", ":")))
            return self.bucket.upload(file, folder="templates")


def _zip_of(built: Build, file_name: str) -> Path:
    zips = {path.name: path for path in built.functions.values()}
    if file_name not in zips:
        raise CliError(
            f"The template names {file_name}, which no folder of functions/ builds.",
            f"There are: {', '.join(sorted(zips))}.",
        )
    return zips[file_name]
