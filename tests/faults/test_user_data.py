"""What a run brings into the boot of an EC2 instance stays a value, whatever characters are in it."""

import base64
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from state_machines.common.settings import SETTINGS
from state_machines.language.sdk import jsonata
from state_machines.stages.train import user_data

pytestmark = pytest.mark.cloud

HOSTILE = [
    "it's",
    "'; touch ran; '",
    "$(touch ran)",
    "`touch ran`",
    '"; touch ran; "',
    "a\ntouch ran\n",
    "\\",
    "!! * ~ {} {0}",
    "'\n../../code\ts3://bucket/elsewhere/",
]
NAMES = ("JOB_NAME", "PLAN_URI", "TASK_TOKEN")


@pytest.mark.parametrize("value", HOSTILE)
def test_no_value_of_a_run_is_code_in_user_data(stage: Any, tmp_path: Path, value: str) -> None:
    expression = jsonata(user_data())
    expression = expression.replace("$states.context.Task.Token", "$release_name")
    expression = expression.replace("$states.context.State.RetryCount", "0")
    script = SETTINGS["ec2_user_data"]
    variables = {
        "settings": {"ec2_user_data": [line.replace("${Ec2BootUri}", "s3://a/boot.sh") for line in script]},
        "release_name": value,
        "capacity_waits": 0,
        "plan": {"plan_uri": value, "stopping_condition": {"MaxRuntimeInSeconds": 60}},
    }
    states = {
        "A": {"Type": "Pass", "Assign": variables, "Next": "P"},
        "P": {"Type": "Pass", "Output": {"user_data": expression}, "End": True},
    }
    answer = stage.bench.run({"QueryLanguage": "JSONata", "StartAt": "A", "States": states}, {})

    (tmp_path / "bin").mkdir()
    commands = {
        # `aws s3 cp --only-show-errors FROM TO`
        "aws": 'printf "#!/bin/bash\\n%s\\n" "env -0 >environment" >"$5"',
        "shutdown": ":",
    }
    for name, line in commands.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/bash\n{line}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    script = tmp_path / "user-data"
    script.write_bytes(base64.b64decode(answer["user_data"]))
    script.chmod(0o700)
    environment = {"HOME": str(tmp_path), "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    subprocess.run([str(script)], env=environment, check=True, cwd=tmp_path)

    lines = (tmp_path / "environment").read_text().split("\0")
    seen = dict(line.split("=", 1) for line in lines if line)
    # $(...) takes line ends off the end of what a command says.
    expected = {"JOB_NAME": f"{value}-0", "PLAN_URI": value.rstrip("\n"), "TASK_TOKEN": value.rstrip("\n")}
    assert {name: seen[f"DROPSERVE_{name}"] for name in NAMES} == expected
    assert seen["DROPSERVE_DEADLINE_S"] == "60"
    assert not (tmp_path / "ran").exists()
