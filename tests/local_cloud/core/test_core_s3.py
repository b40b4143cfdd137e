"""S3 where the emulator's own differs from AWS's."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.cloud_bench import unique


def test_a_range_of_one_version_is_only_that_range(cloud_client: Callable[..., Any]) -> None:
    s3, bucket = cloud_client("s3"), unique("versions")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")["VersionId"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"abcdefghij")
    answer = s3.get_object(Bucket=bucket, Key="k", VersionId=first, Range="bytes=2-4")
    assert (answer["Body"].read(), answer["ContentRange"]) == (b"234", "bytes 2-4/10")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=first, Range="bytes=-3")["Body"].read() == b"789"
    with pytest.raises(ClientError, match="InvalidRange"):
        s3.get_object(Bucket=bucket, Key="k", VersionId=first, Range="bytes=10-")
