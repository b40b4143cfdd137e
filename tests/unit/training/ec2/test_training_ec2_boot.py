"""ec2_boot.sh with an `aws` and a `shutdown` of our own: it trains, tells, and always shuts down."""

import json
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from deploy_scripts.packaging.build import training_files, write_pins
from drops.manifest import Folder, ManifestFile, manifest_text
from functions.read_failure.reading import read_failure
from tests.unit.training.data.s3_objects import S3Objects, etag, serve
from tests.unit.training.ec2.ec2_machine import JOB, TOKEN, Machine, channel, with_constants
from tests.unit.training.made_photos import COLOURS, Trained, make_jpeg


def test_a_real_training_on_a_folder_drop_gives_what_sagemaker_would_give(
    machine: Machine, trained: Trained, tmp_path: Path
) -> None:
    files = {**training_files(), **write_pins(tmp_path)}
    machine.put_code({name: file.read_bytes() for name, file in files.items()})
    machine.put(
        "artifacts/weights/efficientnet_lite0.pth", (trained.weights / "efficientnet_lite0.pth").read_bytes()
    )
    photos = {f"{label}/{number}.jpg": make_jpeg(label, number) for label in COLOURS for number in range(6)}
    lines = [ManifestFile(name, "v1", len(body), etag(body)) for name, body in photos.items()]
    folder = Folder("data", "drops/my pets/")
    machine.put("data/snapshots/1/manifest.jsonl", manifest_text(folder, lines).encode())
    machine.put_plan(**{"image-size": 64, "epochs": 3, "run-id": "c" * 32})
    machine.change_plan(
        lambda plan: channel(plan, "dataset").update(S3Uri="s3://data/snapshots/1/manifest.jsonl")
    )
    objects = {(f"data/drops/my pets/{name}", "v1"): body for name, body in photos.items()}
    with serve(S3Objects(objects)) as s3:
        keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
        run = machine.start(AWS_ENDPOINT_URL=s3.url, NO_PROXY="127.0.0.1", **keys)
    assert run.returncode == 0, run.stdout + run.stderr
    artefact = {"graph.xml", "graph.bin", "classes.json", "model.json", "model.pth"}
    assert artefact <= set(machine.uploaded("model.tar.gz"))
    left = machine.uploaded("output.tar.gz")
    assert [name for name in left if not name.startswith("acceptance/")] == [
        "acceptance.json",
        "doctor.json",
        "metrics.json",
        "model_card.html",
        "report.html",
        "review.csv",
        "test_predictions.jsonl",
    ]
    assert "acceptance/00.jpg" in left
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
    assert (data / "dataset" / "dataset.zip").read_bytes() == b"photos"
    assert (data / "weights" / "efficientnet_lite0.pth").read_bytes() == b"weights"


def test_the_training_gets_its_hyperparameters_and_no_token(quick: Machine) -> None:
    quick.put_plan(epochs=3, **{"learning-rate": 0.001, "run-id": "d e"})
    output = quick.start().stdout
    assert "arguments: ['--epochs=3', '--learning-rate=0.001', '--run-id=d e']\n" in output
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


@pytest.mark.parametrize("archive", ["model.tar.gz", "output.tar.gz"])
def test_a_disk_that_is_full_for_an_archive_is_the_reason(quick: Machine, archive: str) -> None:
    tar = quick.folder / "bin" / "tar"
    tar.write_text(
        "#!/bin/sh\n"
        f'case "$2" in */{archive}) echo "gzip: stdout: No space left on device" >&2\n'
        'echo "tar: $2: Wrote only 4096 of 10240 bytes" >&2; exit 2 ;; esac\n'
        f'exec {shutil.which("tar")} "$@"\n'
    )
    tar.chmod(0o755)
    assert quick.start().returncode == 2
    (answer,) = quick.calls("send-task-failure")
    reason = read_failure({"Error": answer["error"], "Cause": answer["cause"]})["reason"]
    assert reason == (
        "training failed: the disk is full (gzip: stdout: No space left on device): "
        "make room on it, or train on fewer or smaller photos"
    )
    assert quick.shutdowns() == ["-h now"]


def test_a_full_disk_is_the_reason_where_even_the_log_lost_it(quick: Machine) -> None:
    full = quick.folder / "full"
    full.mkdir()
    (full / "sitecustomize.py").write_text(
        "import shutil, types\nshutil.disk_usage = lambda folder: types.SimpleNamespace(free=65536)\n"
    )
    quick.put_training("raise SystemExit(1)\n")
    assert quick.start(PYTHONPATH=str(full)).returncode == 1
    (answer,) = quick.calls("send-task-failure")
    work = quick.folder / "home" / "dropserve" / JOB
    assert answer["cause"].startswith(f"No space left on device below {work}\n")


def test_a_disk_that_is_full_for_the_drop_is_the_reason(quick: Machine) -> None:
    aws = quick.folder / "bin" / "aws"
    told = "download failed: s3://b/dataset.zip [Errno 28] No space left on device"
    usual = aws.read_text().removeprefix("#!/bin/sh\n")
    aws.write_text(f'#!/bin/sh\ncase "$*" in *dataset.zip*) echo "{told}" >&2; exit 1 ;; esac\n{usual}')
    assert quick.start().returncode == 1
    (answer,) = quick.calls("send-task-failure")
    assert answer["cause"].startswith(f"{told}\n")


def test_a_training_that_hangs_times_out_at_its_deadline(quick: Machine) -> None:
    quick.put_training("import time\nprint('still here', flush=True)\ntime.sleep(600)\n")
    started = time.monotonic()
    assert quick.start(DROPSERVE_DEADLINE_S="3").returncode == 143
    assert time.monotonic() - started < 100
    (answer,) = quick.calls("send-task-failure")
    assert answer["cause"].startswith("the training was not finished after 3 seconds\n")
    assert quick.shutdowns() == ["-h now"]


def test_a_training_that_ignores_sigterm_is_killed(quick: Machine) -> None:
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
def test_a_training_whose_execution_ended_stops(quick: Machine, error: str) -> None:
    quick.put_training("import time\ntime.sleep(600)\n")
    quick.refuse(send_task_heartbeat=error)
    assert quick.start().returncode == 143
    assert quick.shutdowns() == ["-h now"]


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("DROPSERVE_PLAN_URI", "", "the variable DROPSERVE_PLAN_URI is not set"),
        ("DROPSERVE_LOG_GROUP", "", "the variable DROPSERVE_LOG_GROUP is not set"),
        ("DROPSERVE_JOB_NAME", "../../elsewhere", "the variable DROPSERVE_JOB_NAME is not set"),
        ("DROPSERVE_CODE_URI", "s3://a/b\nc", "DROPSERVE_CODE_URI is no address that dropserve makes"),
        ("DROPSERVE_PLAN_URI", "--recursive", "DROPSERVE_PLAN_URI is no address that dropserve makes"),
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


def test_a_plan_with_an_address_of_somebody_else_fetches_nothing(quick: Machine) -> None:
    quick.put("data/elsewhere/train.py", b"print('somebody else is here')\n")
    quick.put("data/drops/p", b"an object")
    address = "s3://data/drops/p\n../../code\ts3://data/elsewhere/"
    quick.change_plan(lambda plan: channel(plan, "dataset").update(S3Uri=address))
    run = quick.start()
    assert run.returncode == 1
    (answer,) = quick.calls("send-task-failure")
    assert answer["cause"].startswith("the channel dataset of plan.json has")
    assert "somebody else" not in run.stdout + run.stderr
    assert "arguments:" not in run.stdout
    work = quick.folder / "home" / "dropserve" / JOB
    assert not (work / "input").exists()
    assert (work / "code" / "training" / "train.py").read_text().startswith("\nimport os, pathlib, sys\n")


def test_a_value_is_one_argument_whatever_is_in_it(quick: Machine) -> None:
    values = ["a b", "it's", '"', "$(touch x)", "`touch x`", "-rf", "--epochs=9", "a\nb\tc", "*", "../.."]
    quick.put_plan(**{f"value-{number}": value for number, value in enumerate(values)})
    run = quick.start()
    assert run.returncode == 0, run.stdout + run.stderr
    assert (
        f"arguments: {[f'--value-{number}={value}' for number, value in enumerate(values)]}\n" in run.stdout
    )


def test_no_other_user_can_read_what_it_writes(quick: Machine) -> None:
    quick.start()
    work = quick.folder / "home" / "dropserve" / JOB
    assert (work / "success.json").stat().st_mode & 0o077 == 0
    assert work.stat().st_mode & 0o077 == 0
