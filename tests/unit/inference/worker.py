"""A worker that has not answered anything yet, within the process of the tests."""

from functions.inference import clients, handler


def forget() -> None:
    """Forget settings, clients and the pointer, as a new worker's process would not have them."""
    for cached in (
        handler._settings,
        handler._predictor,
        clients.session,
        clients._runtime_client,
        clients.pointer_client,
        clients._image_client,
    ):
        cached.cache_clear()
