"""The bucket with what a deployment needs before its stack: code, state machine, template, weights."""

import json
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from contracts.training_job import weights_key
from deploy_scripts.aws import Aws
from deploy_scripts.errors import CliError, is_error
from deploy_scripts.packaging.archives import sha256_of
from deploy_scripts.partition import Partition


def artifacts_bucket_name(aws: Aws) -> str:
    return f"{aws.stack}-artifacts-{aws.account_id}-{aws.region}"


def bucket_exists(aws: Aws, bucket: str) -> bool:
    """Raises CliError when the name belongs to another account."""
    try:
        aws.s3.head_bucket(Bucket=bucket)
    except ClientError as error:
        if is_error(error, "404", "NoSuchBucket"):
            return False
        if is_error(error, "403"):
            raise CliError(
                f"The bucket {bucket} exists and is not yours to use.",
                "Deploy under another name: --stack NAME.",
            ) from error
        raise
    return True


class ArtifactsBucket:
    """Uploads under names that tell the content, so that what is there is never sent again."""

    def __init__(self, aws: Aws) -> None:
        self.name = artifacts_bucket_name(aws)
        self._aws = aws
        self.uploaded: list[str] = []

    def ensure(self, key: str = "") -> None:
        """Make the bucket if need be: private, versioned, encrypted, reached by TLS only.

        `key` is the ARN of the key for what is uploaded from now on; S3's own without it.
        Raises CliError when the name belongs to another account.
        """
        s3 = self._aws.s3
        if not bucket_exists(self._aws, self.name):
            self._create()
        s3.put_public_access_block(
            Bucket=self.name,
            PublicAccessBlockConfiguration={
                "BlockPublicAcls": True,
                "IgnorePublicAcls": True,
                "BlockPublicPolicy": True,
                "RestrictPublicBuckets": True,
            },
        )
        s3.put_bucket_versioning(Bucket=self.name, VersioningConfiguration={"Status": "Enabled"})
        s3.put_bucket_encryption(
            Bucket=self.name,
            ServerSideEncryptionConfiguration={"Rules": [_encryption(key)]},
        )
        s3.put_bucket_policy(
            Bucket=self.name, Policy=json.dumps(tls_only_policy(self.name, self._aws.partition))
        )

    def upload(self, file: Path, *, folder: str) -> str:
        """Upload `<folder>/<stem>-<sha256>.<ending>` unless it is there; gives the key."""
        stem, dot, ending = file.name.partition(".")
        return self._upload_as(file, f"{folder}/{stem}-{sha256_of(file)[:16]}{dot}{ending}")

    def upload_weights(self, backbone: str, file: Path) -> str:
        """Upload `weights/<backbone>.pth` unless the same file is there; gives the key."""
        return self._upload_as(file, weights_key(backbone))

    def url(self, key: str) -> str:
        """The address by which CloudFormation reads an object."""
        return f"https://s3.{self._aws.region}.{self._aws.partition.dns_suffix}/{self.name}/{key}"

    def _upload_as(self, file: Path, key: str) -> str:
        digest = sha256_of(file)
        if self._digest_there(key) != digest:
            self._aws.s3.upload_file(str(file), self.name, key, ExtraArgs={"Metadata": {"sha256": digest}})
            self.uploaded.append(key)
        return key

    def _digest_there(self, key: str) -> str | None:
        try:
            return self._aws.s3.head_object(Bucket=self.name, Key=key)["Metadata"].get("sha256")
        except ClientError as error:
            if is_error(error, "404", "NoSuchKey"):
                return None
            raise

    def _create(self) -> None:
        # us-east-1 is the one region that must not be named.
        elsewhere: Any = {}
        if self._aws.region != "us-east-1":
            elsewhere = {"CreateBucketConfiguration": {"LocationConstraint": self._aws.region}}
        self._aws.s3.create_bucket(Bucket=self.name, **elsewhere)


def _encryption(key: str) -> Any:
    if not key:
        return {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    by_default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    # One call of KMS for many objects: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html
    return {"ApplyServerSideEncryptionByDefault": by_default, "BucketKeyEnabled": True}


def tls_only_policy(bucket: str, partition: Partition) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html"""
    arn = f"arn:{partition.name}:s3:::{bucket}"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "TlsOnly",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [arn, f"{arn}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }
