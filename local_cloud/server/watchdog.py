"""The watchdog: a small process that outlives the server for a moment, to kill what the server left.

It reads process group ids from its standard input: `+<id>` to guard, `-<id>` to forget. The end of
the input means that the server is gone, however it went; then every guarded group is killed, and the file
that may be named as its argument gets the time of the end, unless the server has removed it.
Run as a script by `guarded_groups.py`; it must import nothing but the standard library.
"""

import contextlib
import os
import signal
import sys


def main() -> None:
    # Ctrl-C and `kill` are for the server; the watchdog goes when the server has gone.
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        if line[0] == "+":
            groups.add(group)
        else:
            groups.discard(group)
    # No byte is written: the disk may be full. One that has a time is of a server before.
    for file in sys.argv[1:]:
        with contextlib.suppress(OSError):
            if not os.stat(file).st_mtime:  # noqa: PTH116 - pathlib takes a while to import
                os.utime(file)
    for group in groups:
        # PermissionError is what macOS says of a group that holds only zombies.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
