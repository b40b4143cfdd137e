"""The names of both buckets: free, or this account's."""

from collections.abc import Iterator

from botocore.exceptions import ClientError

from deploy_scripts.cloudformation.artifacts_bucket import artifacts_bucket_name
from deploy_scripts.cloudformation.sam_template import name_retained, read_template
from deploy_scripts.errors import is_error
from deploy_scripts.preflight.finding import Finding
from deploy_scripts.preflight.intent import Intent
from deploy_scripts.project import TEMPLATE

NAME = "bucket"


def check(intent: Intent) -> Iterator[Finding]:
    """A name is taken all over AWS: https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html"""
    retained = name_retained(read_template(TEMPLATE), intent.aws.pseudo_parameters)
    for bucket in (artifacts_bucket_name(intent.aws), *retained["AWS::S3::Bucket"]):
        yield _name(intent, bucket)


def _name(intent: Intent, bucket: str) -> Finding:
    try:
        intent.aws.s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=intent.aws.account_id)
    except ClientError as error:
        if is_error(error, "404", "NoSuchBucket"):
            return Finding(NAME, "ok", f"{bucket} is free")
        if is_error(error, "403"):
            return Finding(
                NAME,
                "fail",
                f"{bucket} is another account's, or you may not list it (s3:ListBucket).",
                "Deploy under another name (--stack NAME), or ask for this permission.",
            )
        if is_error(error, "301"):
            return Finding(NAME, "fail", f"{bucket} lies in another region.", "Use another --stack NAME.")
        raise
    return Finding(NAME, "ok", f"{bucket} is this account's")
