"""5,000 classes with names of 255 characters, through the real functions, from the drop to an answer."""

import importlib.util
import io
import json
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

pytestmark = [pytest.mark.cloud, pytest.mark.timeout(900)]

ROOT = str(Path(__file__).resolve().parents[3])
CLASSES = 5000
PHOTOS_PER_CLASS = 5
STATE_LIMIT_BYTES = 262_144
LAMBDA_LIMIT_BYTES = 6 * 1024**2
# A photo as far as the inspection looks at it.
PHOTO = b"\xff\xd8\xff\xe0" + bytes(60)

# What training leaves, for the classes that it finds in the drop.
TRAIN = """
import json, os, pathlib, shutil, zipfile
data = pathlib.Path(os.environ["SM_CHANNEL_DATASET"], "dataset.zip")
labels = sorted({name.split("/")[0] for name in zipfile.ZipFile(data).namelist()})
count = len(labels)
here, output = pathlib.Path(__file__).parent, pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"])
metrics = json.loads((here / "metrics.json").read_text())
per_class = [{**metrics["per_class"][0], "label": label} for label in labels]
metrics |= {
    "run_id": json.loads(os.environ["SM_HPS"])["run-id"],
    "classes": labels,
    "per_class": per_class,
    "confusion_matrix": "MATRIX",
    "images": {"train": 3 * count, "valid": count, "test": count},
}
row = "[" + ",".join(["0"] * count) + "]"
matrix = "[" + ",".join([row] * count) + "]"
(output / "metrics.json").write_text(json.dumps(metrics).replace('"MATRIX"', matrix))
(output / "report.html").write_text("<html></html>")
(output / "test_predictions.jsonl").write_text("{}\\n")
(output / "acceptance").mkdir()
shutil.copy(here / "photo.jpg", output / "acceptance/00.jpg")
likely = [*labels[-1:], *labels[:4]]
answers = [{"label": label, "probability": int(label == labels[-1])} for label in likely]
photo = {"file": "acceptance/00.jpg", "photo": "1.jpg", "label": labels[-1], "predictions": answers}
sample = {"schema_version": 1, "run_id": metrics["run_id"], "precision": "float32", "architecture": "x86_64"}
(output / "acceptance.json").write_text(json.dumps({**sample, "photos": [photo]}))
pathlib.Path(os.environ["SM_MODEL_DIR"], "classes.json").write_text(json.dumps(labels))
"""


@pytest.fixture
def real(stage: Any) -> Iterator[Any]:
    """The stage with this repository's own functions, all but the audit."""
    stage.use_real(
        "inference",
        "inspect_dataset",
        "plan_training",
        "judge_model",
        "accept_model",
        QUIET_S="5",
        ARTIFACTS_BUCKET=stage.name,
        TRAINING_CODE_KEY="many/sourcedir.tar.gz",
        ENDPOINT_INSTANCE_TYPE="ml.m5.large",
        SERVING_IMAGE_URI="dropserve-serve",
        TRAINING_IMAGE_URI="dropserve-train",
        GPU_TRAINING_IMAGE_URI="dropserve-train",
    )
    s3 = stage.client("s3")
    s3.put_object(Bucket=stage.name, Key="many/sourcedir.tar.gz", Body=training_code())
    s3.put_object(Bucket=stage.name, Key="weights/efficientnet_lite0.pth", Body=b"weights")
    yield stage


def training_code() -> bytes:
    parts = {"train.py": TRAIN.encode(), "metrics.json": sound_metrics(), "photo.jpg": small_jpeg()}
    files = {f"training/{name}": body for name, body in parts.items()}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, body in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(body)
            archive.addfile(member, io.BytesIO(body))
    return buffer.getvalue()


def sound_metrics() -> bytes:
    """The metrics.json that the tests of the judge go by."""
    file = Path(ROOT, "tests/unit/judge_model/trainings.py")
    spec = importlib.util.spec_from_file_location("trainings", file)
    assert spec and spec.loader
    trainings = importlib.util.module_from_spec(spec)
    sys.modules["trainings"] = trainings
    spec.loader.exec_module(trainings)
    return json.dumps(trainings.make_metrics()).encode()


def small_jpeg() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), (200, 120, 40)).save(buffer, "JPEG")
    return buffer.getvalue()


def drop_of(label: Callable[[int], str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(CLASSES):
            for photo in range(PHOTOS_PER_CLASS):
                archive.writestr(f"{label(number)}/{photo}.jpg", PHOTO)
    return buffer.getvalue()


def largest_data(stage: Any, execution: str) -> int:
    """Bytes of the largest input, output or result in an execution's history."""
    pages = stage.client("stepfunctions").get_paginator("get_execution_history")
    events = pages.paginate(executionArn=execution).build_full_result()["events"]
    texts = [
        details[field]
        for event in events
        for details in event.values()
        if isinstance(details, dict)
        for field in ("input", "output", "parameters")
        if isinstance(details.get(field), str)
    ]
    return max(len(text.encode()) for text in texts)


def test_five_thousand_classes_of_255_characters_go_live_and_are_answered(real: Any) -> None:
    s3 = real.client("s3")
    s3.put_object(
        Bucket=real.name, Key="drops/many.zip", Body=drop_of(lambda number: f"{number:04d}" + "x" * 251)
    )
    run = real.run({"key": "drops/many.zip"})
    assert run.item["status"] == "live", run.item["reason"]
    assert largest_data(real, run.execution) < STATE_LIMIT_BYTES // 4

    s3.put_object(Bucket=real.name, Key="uploads/photo.jpg", Body=small_jpeg())
    reply = real.client("lambda").invoke(
        FunctionName=f"{real.inference}:live",
        Payload=json.dumps({"s3_uri": f"s3://{real.name}/uploads/photo.jpg"}),
    )
    text = reply["Payload"].read()
    answer = json.loads(text)
    assert answer["statusCode"] == 200
    assert len(text) <= LAMBDA_LIMIT_BYTES
    assert len(json.loads(answer["body"])["classes"]) == CLASSES


def test_a_refusal_that_names_thousands_of_long_names_is_not_lost(real: Any) -> None:
    """Each of three names in the sentence has 60,000 characters."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(8):
            archive.writestr(f"{number}" + "\N{DOG FACE}" * 15_000 + "/1.jpg", PHOTO)
    real.client("s3").put_object(Bucket=real.name, Key="drops/long.zip", Body=buffer.getvalue())
    run = real.run({"key": "drops/long.zip"})
    assert run.item["status"] == "rejected"
    assert 40 < len(run.item["reason"]) < 1100
    assert largest_data(real, run.execution) < STATE_LIMIT_BYTES // 4
