"""S3, SSM and the endpoint as far as a batch of photos needs them."""

import hashlib
import io
import json
import threading
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from functions.common.s3_uris import S3Uri
from functions.inference.endpoint import EndpointClient
from functions.inference.errors import ImageNotFoundError
from functions.inference.fetching.deadlines import Deadline
from functions.inference.live_release import LivePointer
from functions.score_photos.batches import Batch, Photo
from functions.score_photos.scoring import PhotoScorer

RUN, OTHER_RUN = "0" * 32, "1" * 32
ANSWER = {"classes": ["cat", "dog"], "scores": [1.0, 2.0], "probabilities": [0.25, 0.75]}


def client_error(code: str, status: int) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "Operation",
    )


class FakeS3:
    """Objects by their keys, with conditional writes."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.before_write: Callable[[], None] = lambda: None

    def list_objects_v2(self, *, Bucket: str, Prefix: str, MaxKeys: int) -> dict[str, Any]:  # noqa: N803
        return {"KeyCount": min(MaxKeys, sum(key.startswith(Prefix) for key in self.objects))}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        return {"Body": io.BytesIO(self.objects[Key]), "ETag": self._etag(Key)}

    def put_object(self, *, Key: str, Body: bytes, **condition: str) -> None:  # noqa: N803
        self.before_write()
        if condition.get("IfNoneMatch") == "*" and Key in self.objects:
            raise client_error("PreconditionFailed", 412)
        if "IfMatch" in condition and condition["IfMatch"] != self._etag(Key):
            raise client_error("PreconditionFailed", 412)
        self.objects[Key] = Body

    def _etag(self, key: str) -> str:
        return hashlib.sha256(self.objects[key]).hexdigest()


class FakeEndpoint:
    """SSM's pointer, and the runtime behind it; `answers` are given in turn, the last one stays."""

    def __init__(self, *answers: Any, pointer: dict[str, Any] | None = None) -> None:
        self.answers = list(answers) or [ANSWER]
        self.pointer = release() if pointer is None else pointer
        self.asked: list[str] = []
        self.photos_a_call: list[int] = []
        self.at_once = 0
        self._inside = 0
        self._lock = threading.Lock()

    def get_parameter(self, *, Name: str) -> dict[str, Any]:  # noqa: N803
        return {"Parameter": {"Value": json.dumps(self.pointer)}}

    def invoke_endpoint(
        self,
        *,
        EndpointName: str,  # noqa: N803
        Body: bytes,  # noqa: N803
        ContentType: str,  # noqa: N803
        Accept: str,  # noqa: N803
    ) -> dict[str, Any]:
        together = json.loads(Body)["instances"] if ContentType == "application/json" else None
        with self._lock:
            self.asked.append(EndpointName)
            self.photos_a_call.append(1 if together is None else len(together))
            self._inside += 1
            self.at_once = max(self.at_once, self._inside)
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        try:
            given = answer() if callable(answer) else answer
            if isinstance(given, Exception):
                raise given
            if together is not None and "predictions" not in given:
                one = {name: value for name, value in given.items() if name != "classes"}
                given = {"classes": given["classes"], "predictions": [one] * len(together)}
            return {"Body": io.BytesIO(json.dumps(given).encode())}
        finally:
            with self._lock:
                self._inside -= 1


def release(run_id: str = RUN, **fields: Any) -> dict[str, Any]:
    name = f"dropserve-{run_id}"
    return {"release": name, "endpoint_name": name, "run_id": run_id, **fields}


def batch(*keys: str) -> Batch:
    return Batch("job-1", "photos", tuple(Photo(key, f"etag of {key}") for key in keys))


def scorer(endpoint: Any, images: dict[str, bytes]) -> PhotoScorer:
    def read(uri: S3Uri, deadline: Deadline) -> bytes:
        if uri.key not in images:
            raise ImageNotFoundError("there is no object of this key")
        return images[uri.key]

    return PhotoScorer(
        read_image=read,
        live_pointer=LivePointer("/dropserve/live", cache_s=60, ssm=lambda: endpoint),
        endpoint=EndpointClient(lambda _: endpoint),
        max_image_pixels=1_000_000,
        decoding=threading.Lock(),
    )
