"""The server's temporary files, in one folder of its own: nothing of them outlives it for long.

What a killed server left is removed beside the next one's start. `rm` takes a fraction of the time of
shutil.rmtree, and the unpacked functions are tens of thousands of files.
"""

import os
import subprocess
import tempfile
import threading
from pathlib import Path


def claim(folder: Path) -> None:
    """Every temporary file of this process is made in `folder` from now on. Raises OSError."""
    if folder.exists():
        folder.rename(folder.with_name(f"{folder.name}-left-{os.getpid()}"))
    for left in folder.parent.glob(f"{folder.name}-left-*"):
        threading.Thread(target=remove, args=(left,), name="remove-left", daemon=True).start()
    folder.mkdir(parents=True)
    tempfile.tempdir = str(folder)


def remove(folder: Path) -> None:
    """The folder is gone afterwards, whatever else is being removed in it."""
    subprocess.run(["rm", "-rf", "--", str(folder)], check=False)
