"""What a training leaves, made by hand, and a bucket to leave it in."""

import copy
import io
import tarfile
from dataclasses import dataclass, field
from typing import Any

import botocore.session
from botocore.exceptions import ClientError
from botocore.validate import validate_parameters

RUN_ID = "0123456789abcdef0123456789abcdef"
BUCKET = "data-bucket"
FOLDER = f"runs/{RUN_ID}/training/{RUN_ID}-0/output"
S3_MODEL = botocore.session.get_session().get_service_model("s3")
LIVE = {
    "release": "dropserve-old",
    "endpoint_name": "dropserve-old",
    "run_id": "f" * 32,
    "model_data_uri": f"s3://{BUCKET}/runs/{'f' * 32}/training/old-0/output/model.tar.gz",
    "accuracy": 0.8,
    "exposed_at": "2026-11-20T10:00:00Z",
}
NEWER = {**LIVE, "release": "dropserve-newer", "endpoint_name": "dropserve-newer", "run_id": "e" * 32}
LIVE_OBJECT = {"Key": f"runs/{'f' * 32}/training/old-0/output/model.tar.gz", "StorageClass": "STANDARD"}
_METRICS = {
    "schema_version": 1,
    "run_id": RUN_ID,
    "backbone": "efficientnet_lite0",
    "accuracy": 0.9,
    "top5_accuracy": 1.0,
    "loss": 0.3,
    "min_support": 5,
    "classes": ["cat", "dog"],
    "images": {"train": 60, "valid": 10, "test": 10},
    "test_split_sha256": "a" * 64,
    "per_class": [
        {"label": "cat", "precision": 1.0, "recall": 0.8, "f1": 0.89, "support": 5},
        {"label": "dog", "precision": 0.83, "recall": 1.0, "f1": 0.91, "support": 5},
    ],
    "confusion_matrix": [[4, 1], [0, 5]],
    "history": [
        {"epoch": 1, "train_loss": 0.5, "train_accuracy": 0.8, "valid_loss": 0.5, "valid_accuracy": 0.8}
    ],
    "best_epoch": 1,
    "champion": None,
    "seconds": {"read": 1.0, "features": 2.0, "head": 0.5, "evaluate": 0.5, "total": 4.0},
    "excluded_images": [{"name": "cat/1.jpg", "reason": "the same photo as cat/2.jpg"}],
    "hyperparameters": {"backbone": "efficientnet_lite0", "epochs": 60},
    "versions": {"python": "3.12.1", "torch": "2.8.0"},
}


ACCEPTANCE = {
    "schema_version": 1,
    "run_id": RUN_ID,
    "precision": "float32",
    "architecture": "x86_64",
    "photos": [
        {
            "file": "acceptance/00.jpg",
            "photo": "dog/1.jpg",
            "label": "dog",
            "predictions": [{"label": "dog", "probability": 0.9}, {"label": "cat", "probability": 0.1}],
        }
    ],
}


def make_metrics(**changes: Any) -> dict[str, Any]:
    """A sound metrics.json with some fields changed."""
    return copy.deepcopy(_METRICS) | changes


def beside_champion(accuracy: float, *, ours: int = 2, theirs: int = 1) -> dict[str, Any]:
    """The `champion` part of metrics.json for a champion that was tried."""
    return {
        "comparable": True,
        "reason": None,
        "accuracy": accuracy,
        "challenger_only_right": ours,
        "champion_only_right": theirs,
    }


OTHER_CLASSES = {
    "comparable": False,
    "reason": "the classes differ: new is 'fox'",
    "accuracy": None,
    "challenger_only_right": 0,
    "champion_only_right": 0,
}


def make_tar(files: dict[str, bytes], *, mode: str = "w:gz") -> bytes:
    """An archive of files, or of ready-made members where a value is a TarInfo."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, content in files.items():
            if isinstance(content, tarfile.TarInfo):
                archive.addfile(content)
                continue
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


@dataclass
class Bucket:
    """An S3 bucket in memory; each call is held against botocore's own shapes."""

    objects: dict[str, bytes] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    listed: list[dict[str, str]] = field(default_factory=lambda: [dict(LIVE_OBJECT)])
    """What lies there of models."""

    def put_object(self, **parameters: Any) -> None:
        validate_parameters(parameters, S3_MODEL.operation_model("PutObject").input_shape)
        self.objects[parameters["Key"]] = parameters["Body"]

    def get_object(self, **parameters: Any) -> dict[str, Any]:
        validate_parameters(parameters, S3_MODEL.operation_model("GetObject").input_shape)
        key = parameters["Key"]
        if key in self.denied or key not in self.objects:
            code = "AccessDenied" if key in self.denied else "NoSuchKey"
            raise ClientError({"Error": {"Code": code, "Message": code}}, "GetObject")
        body = self.objects[key]
        return {"Body": io.BytesIO(body), "ContentLength": len(body)}

    def list_objects_v2(self, **parameters: Any) -> dict[str, Any]:
        validate_parameters(parameters, S3_MODEL.operation_model("ListObjectsV2").input_shape)
        found = [each for each in self.listed if each["Key"].startswith(parameters["Prefix"])]
        return {"Contents": found[: parameters["MaxKeys"]]} if found else {"KeyCount": 0}
