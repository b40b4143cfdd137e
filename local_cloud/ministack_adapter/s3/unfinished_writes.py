"""What a sudden end left half written in S3's folder: put right before the emulator reads it.

An object is two files, its bytes and a sidecar that names its versions. Both are written beside the old ones,
then take their places, the bytes first: a sidecar that still waits alone is the end of a write, any other
unfinished file the beginning of one.
"""

import os
from pathlib import Path

SIDECAR = ".meta.json"
# No object's file ends so: the emulator gives such keys other names.
UNFINISHED = ".tmp"
WAITING_SIDECAR = f"{SIDECAR}.next{UNFINISHED}"


def put_right(data_dir: Path) -> None:
    """Ends the writes that had begun to take their places, and removes the others. Raises OSError."""
    for parent, _, names in os.walk(data_dir):
        for name in names:
            if name.endswith(WAITING_SIDECAR):
                _end(Path(parent, name.removesuffix(WAITING_SIDECAR)))
        for name in names:
            if name.endswith(UNFINISHED):
                Path(parent, name).unlink(missing_ok=True)


def _end(file: Path) -> None:
    if not Path(f"{file}{UNFINISHED}").exists():
        Path(f"{file}{WAITING_SIDECAR}").replace(f"{file}{SIDECAR}")
