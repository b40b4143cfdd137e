"""The model server: SageMaker's contract for a model container, on any machine.

`python -m training.serve` serves the artefact in $SM_MODEL_DIR (/opt/ml/model) on $SERVE_HOST (127.0.0.1) and
$SAGEMAKER_BIND_TO_PORT (8080). One process: its event loop speaks HTTP, its threads compute.
"""

import asyncio
import gc
import io
import logging
import os
import signal
from collections.abc import Callable
from dataclasses import replace

import uvicorn
from PIL import Image

from training.export.graph import Graph
from training.export.served_model import ServedModel, load_served_model
from training.serving.app import InferenceApp
from training.serving.connection import BoundedConnection
from training.serving.metrics import Metrics
from training.serving.pool import Pool
from training.serving.settings import SettingError, Settings, read_settings

# SageMaker keeps connections open between requests, and kills a container 30 s after SIGTERM.
_IDLE_S, GRACE_S = 75, 20
# One photo gains little from more cores.
_LONE_CORES = 4

logger = logging.getLogger("serve")

Models = tuple[ServedModel, ServedModel]
"""For requests side by side, and for one alone."""


def main() -> int:
    """Serve until SIGTERM or SIGINT; the exit status is 1 when the model cannot be loaded."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    try:
        settings = read_settings(os.environ)
    except SettingError as error:
        logger.error("%s", error)
        return 1
    # The HTTP server drains at a signal and then raises it again, for these handlers.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _signal, _frame: None)
    server = Server(settings)
    with asyncio.Runner(loop_factory=server.http.config.get_loop_factory()) as runner:
        return runner.run(server.serve())


def load_models(settings: Settings) -> Models:
    """From the artefact's folder. Raises ArtefactError."""
    folder, streams = settings.model_dir, settings.streams
    model = load_served_model(lambda name: (folder / name).read_bytes(), streams, one_photo=True)
    lone = Graph(model.graph.model, 1, cores_each=min(streams, _LONE_CORES))
    return model, replace(model, graph=lone)


class Server:
    """An HTTP server and what it answers from; not started."""

    def __init__(self, settings: Settings, load: Callable[[Settings], Models] = load_models) -> None:
        self._settings = settings
        self._load = load
        metrics = Metrics()
        self._pool = Pool(settings, metrics)
        self._app = InferenceApp(self._pool, metrics, settings)
        config = uvicorn.Config(
            self._app.app,
            host=settings.host,
            port=settings.port,
            http=BoundedConnection,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            timeout_keep_alive=_IDLE_S,
            timeout_graceful_shutdown=GRACE_S,
        )
        self.http = uvicorn.Server(config)

    async def serve(self) -> int:
        """Load the model while /ping says 503, serve, drain; the exit status."""
        loading = asyncio.create_task(self._prepare())
        await self.http.serve()
        failed = loading.done() and not loading.result()
        loading.cancel()
        self._pool.stop()
        return 1 if failed else 0

    async def _prepare(self) -> bool:
        try:
            self._pool.start(*await asyncio.to_thread(self._load, self._settings))
            for count in (self._settings.threads, 1):
                await asyncio.gather(*[self._warm_up() for _ in range(count)])
        except Exception as error:
            logger.exception("the model cannot be loaded: %s", error)
            self.http.should_exit = True
            return False
        # What is loaded by now stays: the collector need not look at it again.
        gc.freeze()
        self._app.ready = True
        logger.info("the model is ready, %d threads", self._settings.threads)
        return True

    async def _warm_up(self) -> None:
        """A made photo through the whole path; raises what it would be answered."""
        buffer = io.BytesIO()
        Image.effect_noise((320, 240), 60).convert("RGB").save(buffer, "JPEG")
        await self._pool.answer(buffer.getvalue(), "image/jpeg", "", asyncio.Future())


if __name__ == "__main__":
    status = main()
    # A thread that is stuck must not keep the process.
    logging.shutdown()
    os._exit(status)
