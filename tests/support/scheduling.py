"""Which tests one worker takes: those of a file, and all that share the deployment of end_to_end/."""

from xdist.scheduler import LoadScopeScheduling

# They have clouds of their own.
_APART = ("test_killing.py", "test_verify_permissions.py")


class Scheduling(LoadScopeScheduling):
    """Hands out files in the order of their collection; a second deployment costs more than it saves."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        folder, _, name = file.rpartition("/")
        return folder if folder.endswith("end_to_end") and name not in _APART else file
