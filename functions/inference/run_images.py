"""Images that a run has put into the data bucket."""

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as AwsConnectionError

from functions.common.s3_uris import S3Uri
from functions.inference.errors import ImageHostError, ImageNotFoundError, ImageTooLargeError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_ABSENT_CODES = {"NoSuchKey", "404"}


def read_run_image(uri: S3Uri, *, max_bytes: int, s3: "S3Client") -> bytes:
    """The object's bytes. Raises ImageNotFoundError, ImageTooLargeError, ImageHostError."""
    try:
        reply = s3.get_object(Bucket=uri.bucket, Key=uri.key)
        if reply["ContentLength"] > max_bytes:
            raise ImageTooLargeError(
                f"{uri} has {reply['ContentLength']} bytes; at most {max_bytes} are taken"
            )
        return reply["Body"].read()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in _ABSENT_CODES:
            raise ImageNotFoundError(f"there is no object {uri}") from error
        raise ImageHostError(f"{uri} cannot be read: {code}") from error
    except (AwsConnectionError, HTTPClientError) as error:
        raise ImageHostError(f"{uri} cannot be read: S3 does not answer") from error
