"""join_scores: a scoring job -> its result in S3, and a summary of it."""

import os
import re
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from contracts.bucket import scores_key
from contracts.scoring import JOB_ID, PARTS, SUMMARY
from functions.common.clients import client
from functions.common.documents import put_document
from functions.common.environment import read_text
from functions.common.errors import DropserveError
from functions.common.observability import logger, tracer
from functions.common.s3_uris import S3Uri
from functions.join_scores.joining import newest_lines, write_results

READS_AT_ONCE = 8


class JobError(DropserveError):
    """The event names no job."""


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """{"job", "bucket", "prefix"} -> the document of schemas/scoring_summary.schema.json.

    Raises SettingsError, JobError, botocore's errors.
    """
    job, bucket, prefix = (event.get(name) for name in ("job", "bucket", "prefix"))
    if not isinstance(job, str) or not re.fullmatch(JOB_ID, job) or not isinstance(bucket, str):
        raise JobError('the event must be {"job": ..., "bucket": ..., "prefix": ...}')
    data_bucket, s3 = read_text(os.environ, "DATA_BUCKET"), client("s3")
    lines = newest_lines(_parts(data_bucket, job, s3))
    with tempfile.TemporaryDirectory() as folder:
        joined = write_results(lines, bucket, Path(folder))
        for name, file in joined.files.items():
            s3.upload_file(str(file), data_bucket, scores_key(job, name))
    summary = {
        "job": job,
        "photos_at": str(S3Uri(bucket, prefix or "")),
        "results_at": str(S3Uri(data_bucket, scores_key(job))),
        "photos": joined.photos,
        "scored": joined.scored,
        "failures": joined.failures,
        "again": joined.again,
        "releases": joined.releases,
        "joined_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    put_document("scoring_summary", summary, S3Uri(data_bucket, scores_key(job, SUMMARY)), s3=s3)
    logger.info("joined", extra={"summary": summary})
    return summary


def _parts(bucket: str, job: str, s3: Any) -> Iterator[bytes]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=scores_key(job, PARTS))
    keys = [found["Key"] for page in pages for found in page.get("Contents", [])]
    with ThreadPoolExecutor(READS_AT_ONCE, thread_name_prefix="part") as threads:
        yield from threads.map(lambda key: s3.get_object(Bucket=bucket, Key=key)["Body"].read(), keys)
