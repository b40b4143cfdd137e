"""A URL that anybody may fetch for a while, as S3 would presign it."""

from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local_cloud.server.root_key import RootKey


def signed_url(root_key: RootKey, url: str, region: str, lifetime_s: int) -> str:
    """`url` without a query, signed for one GET within `lifetime_s` seconds."""
    request = AWSRequest(method="GET", url=url)
    credentials = Credentials(root_key.access_key_id, root_key.secret_access_key)
    S3SigV4QueryAuth(credentials, "s3", region, expires=lifetime_s).add_auth(request)
    return str(request.url)
