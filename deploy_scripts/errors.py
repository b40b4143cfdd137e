"""What went wrong, told to a person: one sentence, and what to do."""

import errno

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

_ANOTHER = "name another folder by DROPSERVE_HOME (by XDG_CACHE_HOME for fetched photos)."
_FILE_IN_THE_WAY = f"A folder is wanted there: move the file away, or {_ANOTHER}"
_NOT_WRITABLE = f"Make it writable, or {_ANOTHER}"
_DISK_FULL = f"Make room on the disk, or {_ANOTHER}"
_FILE_ADVICE = {
    errno.ENOENT: f"Check the path, or {_ANOTHER}",
    errno.EEXIST: _FILE_IN_THE_WAY,
    errno.ENOTDIR: _FILE_IN_THE_WAY,
    errno.EACCES: _NOT_WRITABLE,
    errno.EPERM: _NOT_WRITABLE,
    errno.EROFS: _NOT_WRITABLE,
    errno.ENOSPC: _DISK_FULL,
    errno.EDQUOT: _DISK_FULL,
}


class CliError(Exception):
    """A fault that a person can mend.

    `message` is one sentence: what was wrong, and where. `advice` says what to do.
    """

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice


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
    if isinstance(error, OSError) and error.filename and error.errno in _FILE_ADVICE:
        return CliError(f"{error.filename}: {error.strerror}.", _FILE_ADVICE[error.errno])
    return CliError(
        f"Something unexpected went wrong: {type(error).__name__}: {error}",
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
            return CliError(f"AWS could not be asked: {error}", "Run it again with --debug for the details.")


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
