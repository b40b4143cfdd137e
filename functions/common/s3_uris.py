"""s3://bucket/key addresses: the way that big things travel between states; what S3 says of a conflict."""

from typing import NamedTuple

from functions.common.errors import DropserveError

# A conditional write that found something there, or another write under way:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
CONFLICT_CODES = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})


class S3UriError(DropserveError):
    """Not an s3:// address."""


class S3Uri(NamedTuple):
    """A bucket and a key (which may be a prefix); `str()` gives the address back."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def parse_s3_uri(text: str) -> S3Uri:
    """`s3://bucket/key` as its parts; keys are taken as they are, never URL-decoded.

    Raises S3UriError when the scheme or the bucket is missing.
    """
    scheme, separator, rest = text.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not separator or not bucket:
        # Not the text: a signed https address, which is a secret, is what people take for one.
        raise S3UriError("this is not an S3 address; write it as s3://bucket/key")
    return S3Uri(bucket, key)
