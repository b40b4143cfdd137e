"""Images in the data bucket: those that people put under uploads/, and the acceptance test's under runs/."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from drops.photo_formats import SIGNATURE_BYTES
from functions.common.s3_uris import S3Uri
from functions.inference.errors import ImageHostError, ImageNotFoundError, ImageTooLargeError
from functions.inference.fetching.deadlines import Deadline
from functions.inference.image_formats import image_format

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

READ_BYTES = 256 * 1024
# Without the right to list a bucket, S3 answers 403 for what is not there: docs of GetObject, "Permissions".
_ABSENT_CODES = {"NoSuchKey", "404", "AccessDenied", "403"}


def read_s3_image(uri: S3Uri, deadline: Deadline, *, max_bytes: int, s3: "Callable[[], S3Client]") -> bytes:
    """The object's bytes, which start like an image of a supported format.

    The key stays unsaid: it may be the rest of a signed address.

    Raises ImageNotFoundError, ImageTooLargeError, NotAnImageError, ImageHostError, OutOfTimeError.
    """
    doing = "reading the object"
    deadline.left_s(doing)
    try:
        reply = s3().get_object(Bucket=uri.bucket, Key=uri.key)
        if reply["ContentLength"] > max_bytes:
            raise ImageTooLargeError(
                f"the object has {reply['ContentLength']} bytes; at most {max_bytes} are taken"
            )
        body = bytearray(reply["Body"].read(SIGNATURE_BYTES))
        image_format(body)
        while chunk := reply["Body"].read(READ_BYTES):
            deadline.left_s(doing)
            body += chunk
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in _ABSENT_CODES:
            raise ImageNotFoundError(
                f"there is no object of this key in {uri.bucket} that this function may read"
            ) from error
        raise ImageHostError(f"the object cannot be read: {code}") from error
    # BotoCoreError: no connection, a read that timed out, a body cut short.
    except BotoCoreError as error:
        raise ImageHostError("the object cannot be read: S3 does not answer") from error
    return bytes(body)
