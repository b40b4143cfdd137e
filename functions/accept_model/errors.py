"""Why a fresh endpoint is not released."""

from functions.common.errors import DropserveError


class AcceptanceError(DropserveError):
    """The endpoint does not answer test photos, or not as the served graph did in training."""
