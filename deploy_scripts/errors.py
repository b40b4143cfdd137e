"""What went wrong, told to a person: one sentence, and what to do."""

import errno
import os
from collections.abc import Iterable

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's own name
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

# A path may be the person's own, or in the folder that dropserve works in.
_OWN_FOLDER = "DROPSERVE_HOME names dropserve's own folder, XDG_CACHE_HOME that of fetched photos."
_CHECK = f"Check that the path is right, and that you may read or write it. {_OWN_FOLDER}"
_FILE_IN_THE_WAY = f"A folder is wanted there: move the file away. {_OWN_FOLDER}"
_DISK_FULL = f"Make room on the disk. {_OWN_FOLDER}"
_FILE_ADVICE = {
    errno.EEXIST: _FILE_IN_THE_WAY,
    errno.ENOTDIR: _FILE_IN_THE_WAY,
    errno.ENOSPC: _DISK_FULL,
    errno.EDQUOT: _DISK_FULL,
}


class CliError(Exception):
    """A fault that a person can correct.

    `message` is one sentence: what was wrong, and where; `details` are lines below it.
    `advice` says what to do.
    """

    def __init__(self, message: str, advice: str = "", details: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice
        self.details = tuple(details)


def is_error(error: ClientError, *codes: str) -> bool:
    """Whether AWS answered with one of these error codes."""
    return error.response["Error"].get("Code") in codes


def explain(error: Exception) -> CliError:
    """Any exception as a sentence and an advice."""
    if isinstance(error, CliError):
        return error
    if isinstance(error, ClientError):
        return _explain_client_error(error)
    if isinstance(error, BotoCoreError):
        return _explain_botocore_error(error)
    return _explain_other_error(error)


def _explain_other_error(error: Exception) -> CliError:
    # By its name: boto3 would be imported for it, which `--help` need not pay.
    if type(error).__module__ == "boto3.exceptions":
        return CliError(
            f"S3 did not take it: {_on_one_line(error)}", "Run it again with --debug for the details."
        )
    match error:
        case OSError(filename=str() | bytes() as name, strerror=str() as fault, errno=number):
            return CliError(
                f"{os.fsdecode(name)} cannot be used: {fault}.",
                _FILE_ADVICE.get(number or 0, _CHECK),
            )
        case UnicodeEncodeError(object=text):
            return CliError(
                f"{text!r} holds characters that are not UTF-8.",
                "Rename what is called so: AWS takes names in UTF-8 only.",
            )
        case _:
            return CliError(
                f"Something unexpected went wrong: {type(error).__name__}: {_on_one_line(error)}",
                "Run it again with --debug for the traceback.",
            )


def _explain_botocore_error(error: BotoCoreError) -> CliError:
    match error:
        case ProfileNotFound():
            return CliError(f"{error}.", "Name a profile of ~/.aws/config: --profile NAME.")
        case NoCredentialsError() | SSOError() | TokenRetrievalError():
            return CliError(
                f"AWS credentials are missing or have expired ({error}).",
                "Sign in (aws sso login, aws configure) or name a profile: --profile NAME.",
            )
        case NoRegionError():
            return CliError("No AWS region is set.", "Add --region NAME, or set one for the profile.")
        case ConnectionError():
            return CliError(
                f"The cloud does not answer: {error}",
                "On a laptop start it with `dropserve up`; on AWS check the network and the region.",
            )
        case _:
            return CliError(
                f"AWS could not be asked: {_on_one_line(error)}", "Run it again with --debug for the details."
            )


def _explain_client_error(error: ClientError) -> CliError:
    code = error.response["Error"].get("Code", "")
    message = error.response["Error"].get("Message", "")
    if code in {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "UnrecognizedClientException",
    }:
        advice = "Sign in again (aws sso login, aws configure) or name a profile: --profile NAME."
    elif code in {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}:
        advice = "Ask for this permission, or use a profile that has it: --profile NAME."
    else:
        advice = "Run it again with --debug for the details."
    return CliError(f"AWS refused {error.operation_name}: {code}: {message}", advice)


def _on_one_line(error: Exception) -> str:
    """botocore lists what is wrong with a call on lines of their own."""
    return " ".join(str(error).split())
