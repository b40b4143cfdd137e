"""The state folder is its owner's alone."""

import contextlib
import os
from pathlib import Path

OTHERS = 0o077


def keep_private(folder: Path) -> None:
    """Takes every right of other users from the folder and all that is in it, and from what comes.

    Raises PermissionError when something in it is another user's.
    """
    os.umask(OTHERS)
    _take_rights(folder)
    for parent, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            _take_rights(Path(parent, name))


def _take_rights(path: Path) -> None:
    # What a process of before still removes may be gone by now.
    with contextlib.suppress(FileNotFoundError):
        mode = path.lstat().st_mode
        if mode & OTHERS and not path.is_symlink():
            path.chmod(mode & 0o7777 & ~OTHERS)
