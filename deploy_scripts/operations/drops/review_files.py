"""A person's review.csv on this machine."""

from pathlib import Path

from deploy_scripts.errors import CliError
from drops.limits import MAX_TABLE_BYTES
from drops.review import Decision, Refusal, ReviewError, read_review


def read_review_file(file: Path, advice: str) -> tuple[list[Decision], list[Refusal]]:
    """The decisions, and the lines that are none. Raises CliError, with `advice`, when it cannot be read."""
    try:
        if file.stat().st_size > MAX_TABLE_BYTES:
            raise CliError(f"{file} is over {MAX_TABLE_BYTES // 1024**2} MiB.", advice)
        return read_review(file.read_text("utf-8"))
    except OSError as error:
        raise CliError(f"{file} cannot be read: {error.strerror}.", advice) from error
    except (ReviewError, UnicodeDecodeError) as error:
        raise CliError(f"{file} is no review: {error}.", advice) from error
