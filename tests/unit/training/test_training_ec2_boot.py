"""ec2_boot.sh with an `aws` and a `shutdown` of our own: it trains, tells, and always shuts down."""

import json
import shutil
import time
from dataclasses import replace

import pytest
from ec2_machine import JOB, TOKEN, Machine, with_constants
from made_photos import Trained, write_photos

from deploy_scripts.build import training_files


def test_a_real_training_gives_what_sagemaker_would_give(machine: Machine, trained: Trained) -> None:
    machine.put_code({name: file.read_bytes() for name, file in training_files().items()})
    machine.put(
        "artifacts/weights/efficientnet_lite0.pth", (trained.weights / "efficientnet_lite0.pth").read_bytes()
    )
    shutil.rmtree(machine.folder / "cloud" / "s3" / "data" / "drops" / "pets")
    write_photos(machine.folder / "cloud" / "s3" / "data" / "drops" / "pets", count=6)
    machine.put_plan(**{"image-size": 64, "epochs": 3, "run-id": "c" * 32})

    run = machine.start()
    assert run.returncode == 0, run.stdout + run.stderr
    assert {"model.pth", "classes.json", "model.json", "code/inference.py"} <= set(
        machine.uploaded("model.tar.gz")
    )
    assert machine.uploaded("output.tar.gz") == [
        "metrics.json",
        "report.html",
        "smoke_test.jpg",
        "test_predictions.jsonl",
    ]
    assert "test_accuracy=" in run.stdout
    assert machine.shutdowns() == ["-h now"]


def test_the_state_machine_hears_where_the_model_is(quick: Machine) -> None:
    run = quick.start()
    assert run.returncode == 0, run.stdout + run.stderr
    (answer,) = quick.calls("send-task-success")
    assert answer["taskToken"] == TOKEN
    uri = f"s3://data/runs/1/training/{JOB}/output/model.tar.gz"
    assert json.loads(answer["output"]) == {"ModelArtifacts": {"S3ModelArtifacts": uri}}
    assert quick.calls("send-task-heartbeat")[0]["taskToken"] == TOKEN
    assert quick.calls("send-task-failure") == []
    assert quick.shutdowns() == ["-h now"]
    data = quick.folder / "home" / "dropserve" / JOB / "input" / "data"
    assert (data / "dataset" / "cat" / "1.jpg").read_bytes() == b"photo"
    assert (data / "weights" / "efficientnet_lite0.pth").read_bytes() == b"weights"


def test_the_training_gets_its_hyperparameters_and_no_token(quick: Machine) -> None:
    quick.put_plan(epochs=3, **{"learning-rate": 0.001, "run-id": "d e"})
    output = quick.start().stdout
    assert "arguments: --epochs 3 --learning-rate 0.001 --run-id d e\n" in output
    assert "token: None\n" in output
    assert TOKEN not in output


def test_a_failed_training_is_told_with_its_reason_and_log(quick: Machine) -> None:
    quick.put_training(
        "import os, pathlib, sys\n"
        "print('phase=read')\n"
        "pathlib.Path(os.environ['SM_OUTPUT_DIR'], 'failure').write_text('the dataset has one class')\n"
        "sys.exit('training failed')\n"
    )
    run = quick.start()
    assert run.returncode == 1
    (answer,) = quick.calls("send-task-failure")
    assert (answer["taskToken"], answer["error"]) == (TOKEN, "TrainingFailed")
    assert answer["cause"].startswith("the dataset has one class\n")
    assert "phase=read\ntraining failed\n" in answer["cause"]
    assert quick.calls("send-task-success") == []
    assert quick.shutdowns() == ["-h now"]


def test_a_download_that_fails_is_told(quick: Machine) -> None:
    (quick.folder / "cloud" / "s3" / "artifacts" / "weights" / "efficientnet_lite0.pth").unlink()
    assert quick.start().returncode == 1
    (answer,) = quick.calls("send-task-failure")
    assert "(404)" in answer["cause"]
    assert "efficientnet_lite0.pth" in answer["cause"]
    assert quick.shutdowns() == ["-h now"]


def test_the_deadline_ends_a_training_that_hangs(quick: Machine) -> None:
    quick.put_training("import time\nprint('still here', flush=True)\ntime.sleep(600)\n")
    started = time.monotonic()
    assert quick.start(DROPSERVE_DEADLINE_S="3").returncode == 143
    assert time.monotonic() - started < 100
    (answer,) = quick.calls("send-task-failure")
    assert answer["cause"].startswith("the training was not finished after 3 seconds\n")
    assert quick.shutdowns() == ["-h now"]


def test_a_training_that_does_not_end_when_told_to_is_killed(quick: Machine) -> None:
    boot = quick.folder / "ec2_boot.sh"
    boot.write_text(with_constants(quick.boot.read_text(), {"GRACE_S": 1}))
    quick.put_training(
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: time.sleep(1)\n"
    )
    assert replace(quick, boot=boot).start(DROPSERVE_DEADLINE_S="3").returncode == 143
    (answer,) = quick.calls("send-task-failure")
    assert answer["cause"].startswith("the training was not finished after 3 seconds\n")
    assert quick.shutdowns() == ["-h now"]


@pytest.mark.parametrize("error", ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"])
def test_a_training_that_nobody_waits_for_ends(quick: Machine, error: str) -> None:
    quick.put_training("import time\ntime.sleep(600)\n")
    quick.refuse(send_task_heartbeat=error)
    assert quick.start().returncode == 143
    assert quick.shutdowns() == ["-h now"]


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("DROPSERVE_PLAN_URI", "", "the variable DROPSERVE_PLAN_URI is not set"),
        ("DROPSERVE_LOG_GROUP", "", "the variable DROPSERVE_LOG_GROUP is not set"),
        ("DROPSERVE_DEADLINE_S", "soon", "DROPSERVE_DEADLINE_S is not a number of seconds"),
    ],
)
def test_a_machine_without_its_settings_says_so_and_ends(
    quick: Machine, variable: str, value: str, sentence: str
) -> None:
    assert quick.start(**{variable: value}).returncode == 1
    (answer,) = quick.calls("send-task-failure")
    assert answer["cause"].startswith(sentence)
    assert quick.shutdowns() == ["-h now"]


def test_a_channel_name_cannot_leave_its_folder(quick: Machine) -> None:
    plan_file = quick.folder / "cloud" / "s3" / "data" / "runs" / "1" / "plan.json"
    plan = json.loads(plan_file.read_text())
    plan["input_data_config"][0]["ChannelName"] = "../../escape"
    plan_file.write_text(json.dumps(plan))
    assert quick.start().returncode == 1
    (answer,) = quick.calls("send-task-failure")
    assert "the channel '../../escape' of plan.json is of a kind" in answer["cause"]


def test_no_other_user_can_read_what_it_writes(quick: Machine) -> None:
    quick.start()
    work = quick.folder / "home" / "dropserve" / JOB
    assert (work / "success.json").stat().st_mode & 0o077 == 0
    assert work.stat().st_mode & 0o077 == 0
