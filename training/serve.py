"""A model server for one machine: the endpoint's wire protocol, by the code that lies in the artefact.

`SM_MODEL_DIR=FOLDER python serve.py` listens on 127.0.0.1:$SAGEMAKER_BIND_TO_PORT (8080). This process
speaks HTTP and keeps the queue; each worker process computes on a core of its own. On AWS the serving
container has a server of its own and calls the four functions of `code/inference.py`.
"""

import asyncio
import gc
import logging
import os
import signal
import sys
from typing import Any, cast

import uvicorn

from serving_connection import Connection
from serving_http import Endpoint
from serving_metrics import Metrics
from serving_pool import Pool
from serving_queue import Queue
from serving_settings import GRACE_S, ServeSettings, SettingError, read_settings

logger = logging.getLogger("serve")


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
    pool, config = build(settings)
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        return runner.run(serve(pool, uvicorn.Server(config)))


def build(settings: ServeSettings) -> tuple[Pool, uvicorn.Config]:
    """The workers, and the HTTP server in front of their queue; neither is started."""
    metrics = Metrics()
    queue = Queue(settings, metrics)
    pool = Pool(settings, metrics, queue)
    endpoint = Endpoint(queue, metrics, pool, settings.limit_s, settings.access_key)
    return pool, _http_config(endpoint, settings.port)


async def serve(pool: Pool, server: uvicorn.Server) -> int:
    """Load the model while /ping says 503, serve, drain; the exit status."""

    async def load() -> bool:
        loaded = await pool.start()
        # What is loaded by now stays: the collector need not look at it again.
        gc.freeze()
        server.should_exit = server.should_exit or not loaded
        return loaded

    loading = asyncio.create_task(load())
    await server.serve()
    failed = loading.done() and not loading.result()
    loading.cancel()
    await pool.stop()
    return 1 if failed or not server.started else 0


def _http_config(endpoint: Endpoint, port: int) -> uvicorn.Config:
    """Without what the endpoint does not use: websockets, proxies, a log line a request."""
    return uvicorn.Config(
        # Connections speak to it themselves, not by ASGI.
        cast(Any, endpoint),
        host="127.0.0.1",
        port=port,
        http=Connection,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=GRACE_S,
    )


if __name__ == "__main__":
    sys.exit(main())
