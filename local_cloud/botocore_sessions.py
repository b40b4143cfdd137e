"""Sessions of botocore that share what they read of a service: its model takes a twentieth of a second."""

from functools import cache

from botocore.loaders import Loader
from botocore.session import Session


def new_session() -> Session:
    """A session with handlers of its own."""
    session = Session()
    session.register_component("data_loader", _loader())
    return session


@cache
def _loader() -> Loader:
    loader: Loader = Session().get_component("data_loader")
    return loader
