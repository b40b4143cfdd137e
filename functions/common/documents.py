"""Documents that pass between parts (inspection, plan, metrics, verdict, audit), each with a schema."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from functions.common.errors import DocumentError
from functions.common.json_text import parse_json
from functions.common.s3_uris import S3Uri

# The same folder in the repository and in a function's zip.
SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"


@cache
def _schema(kind: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((SCHEMAS / f"{kind}.schema.json").read_text())
    return schema


def check_document(kind: str, document: dict[str, Any]) -> dict[str, Any]:
    """The document itself, once it matches `schemas/<kind>.schema.json`.

    Raises DocumentError, which names the kind, the field and the rule that it breaks.
    """
    # Only here: the command line goes by the functions' rules, too, and has no Powertools. No start of the
    # inference function pays for it later: that one reads no document.
    from aws_lambda_powertools.utilities.validation import SchemaValidationError, validate  # noqa: PLC0415

    try:
        validate(event=document, schema=_schema(kind))
    except SchemaValidationError as error:
        raise DocumentError(f"the {kind} document is malformed: {error.validation_message}") from error
    return document


def put_document(kind: str, document: dict[str, Any], uri: S3Uri, *, s3: Any) -> str:
    """Check and write a JSON document; gives its address back."""
    body = json.dumps(check_document(kind, document), indent=1).encode()
    s3.put_object(Bucket=uri.bucket, Key=uri.key, Body=body, ContentType="application/json")
    return str(uri)


def parse_document(kind: str, text: bytes, *, where: str) -> dict[str, Any]:
    """A document from its JSON text. Raises DocumentError, which names `where` it came from."""
    try:
        document = parse_json(text)
    except ValueError as error:
        raise DocumentError(f"{where} is not JSON: {error}") from error
    return check_document(kind, document)


def read_optional(uri: S3Uri, *, s3: Any) -> bytes | None:
    """An object's bytes; None when it is not there."""
    try:
        data: bytes = s3.get_object(Bucket=uri.bucket, Key=uri.key)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchKey":
            raise
        return None
    return data
