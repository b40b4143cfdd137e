"""`python -m local_cloud`: serve a local AWS in the foreground until SIGTERM or Ctrl-C."""

import argparse
import logging
import sys
from pathlib import Path

from local_cloud.containers import Containers, ContainersFileError, read_containers
from local_cloud.ministack_adapter.patch_points import UnsupportedMinistackError
from local_cloud.server.server import ServerError, serve
from local_cloud.services.service_quotas.catalogue import QUOTA_SETS


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 0 after a signal, 1 when the server cannot start."""
    parser = argparse.ArgumentParser(prog="python -m local_cloud", description=__doc__)
    parser.add_argument("--port", type=int, default=4566, help="0: any free port (default: 4566)")
    parser.add_argument("--state-dir", type=Path, required=True, help="where everything is kept")
    parser.add_argument("--containers", type=Path, help="JSON file: which programs stand for which images")
    parser.add_argument(
        "--quotas", choices=QUOTA_SETS, help="what the account may have (default: as before, or usual)"
    )
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("local_cloud").setLevel(logging.INFO)
    try:
        containers = read_containers(options.containers) if options.containers else Containers()
        serve(options.port, options.state_dir, containers, options.quotas)
    except (ContainersFileError, ServerError, UnsupportedMinistackError) as error:
        print(f"local_cloud: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
