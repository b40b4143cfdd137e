"""A batch's part of the result, written once: what an earlier execution has scored is not scored again."""

import json
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from functions.common.s3_uris import CONFLICT_CODES
from functions.score_photos.batches import Batch, Photo

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MAX_TRIES = 3


class Part(NamedTuple):
    """`lines` by the photos' keys; `etag` is None where there is no part yet."""

    lines: dict[str, dict[str, Any]]
    etag: str | None

    def to_do(self, batch: Batch) -> list[Photo]:
        """The photos without a lasting line."""
        return [photo for photo in batch.photos if self.lines.get(photo.key, {"again": True}).get("again")]


class Parts(NamedTuple):
    """The parts of a job, in this bucket."""

    bucket: str
    s3: "S3Client"

    def complete(
        self, batch: Batch, make: Callable[[list[Photo]], list[dict[str, Any]]]
    ) -> dict[str, dict[str, Any]]:
        """The batch's lines, once they are written; `make` gives those of the photos that lack one.

        Raises botocore's errors, that of a conflict after MAX_TRIES others were quicker.
        """
        for left in reversed(range(MAX_TRIES)):
            part = self.read(batch)
            to_do = part.to_do(batch)
            if not to_do:
                return part.lines
            made = {line["key"]: line for line in make(to_do)}
            lines = {**part.lines, **made}
            try:
                self._write(batch, part, lines)
            except ClientError as error:
                if error.response["Error"]["Code"] not in CONFLICT_CODES or not left:
                    raise
            else:
                return lines
        raise AssertionError("the last try returns or raises")

    def read(self, batch: Batch) -> Part:
        """The part as it is; empty where there is none, which a listing tells by a right to parts alone."""
        if not self.s3.list_objects_v2(Bucket=self.bucket, Prefix=batch.part_key, MaxKeys=1)["KeyCount"]:
            return Part({}, None)
        reply = self.s3.get_object(Bucket=self.bucket, Key=batch.part_key)
        lines = [json.loads(line) for line in reply["Body"].read().splitlines()]
        return Part({line["key"]: line for line in lines}, reply["ETag"])

    def _write(self, batch: Batch, part: Part, lines: dict[str, dict[str, Any]]) -> None:
        body = "".join(json.dumps(lines[photo.key]) + "\n" for photo in batch.photos if photo.key in lines)
        put = partial(
            self.s3.put_object,
            Bucket=self.bucket,
            Key=batch.part_key,
            Body=body.encode(),
            ContentType="application/jsonl",
        )
        if part.etag is None:
            put(IfNoneMatch="*")
        else:
            put(IfMatch=part.etag)
