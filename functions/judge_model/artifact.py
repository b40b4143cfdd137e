"""Reads what a training left in output.tar.gz, in memory: nothing of it is ever written to a path."""

import gzip
import io
import re
import tarfile
import zlib
from pathlib import PurePosixPath

from contracts.bucket import (
    ACCEPTANCE,
    ACCEPTANCE_PHOTO,
    DOCTOR,
    METRICS,
    MODEL_CARD,
    PREDICTIONS,
    REPORT,
    REVIEW,
)
from functions.common.errors import DropserveError

FILES = (METRICS, REPORT, ACCEPTANCE, PREDICTIONS)
OPTIONAL_FILES = (MODEL_CARD, DOCTOR, REVIEW)
# The report carries its pictures inside; a thousand classes make about 20 MB.
MAX_PACKED_BYTES = 64 * 1024**2
MAX_UNPACKED_BYTES = 256 * 1024**2


class ArtifactError(DropserveError):
    """What the training left cannot be judged; the message says what is missing or odd, and where."""


def read_artifact(packed: bytes, *, where: str) -> dict[str, bytes]:
    """The FILES of an output.tar.gz and its acceptance photos, by name; all else in it is passed over.

    OPTIONAL_FILES are among them where they are there. Raises ArtifactError when it is no such archive,
    unpacks to too much, or lacks one of FILES.
    """
    try:
        with gzip.open(io.BytesIO(packed)) as stream:
            unpacked = stream.read(MAX_UNPACKED_BYTES + 1)
        if len(unpacked) > MAX_UNPACKED_BYTES:
            raise ArtifactError(f"{where} unpacks to over {MAX_UNPACKED_BYTES // 1024**2} MiB; train again")
        files = _read_members(unpacked)
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise ArtifactError(f"{where} is damaged or no gzipped tar archive ({error}); train again") from error
    missing = [name for name in FILES if name not in files]
    if missing:
        raise ArtifactError(f"{where} lacks {', '.join(missing)}; look at the log of the training job")
    return files


def _read_members(unpacked: bytes) -> dict[str, bytes]:
    files = {}
    with tarfile.open(fileobj=io.BytesIO(unpacked), mode="r:") as archive:
        for member in archive:
            # `./metrics.json` is the same file; a link is not, and a sparse member may claim any size.
            name = str(PurePosixPath(member.name))
            known = name in (*FILES, *OPTIONAL_FILES) or re.fullmatch(ACCEPTANCE_PHOTO, name)
            wanted = known and member.isreg() and not member.issparse()
            content = archive.extractfile(member) if wanted else None
            if content:
                files[name] = content.read()
    return files
