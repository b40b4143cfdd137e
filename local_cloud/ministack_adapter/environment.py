"""What ministack reads from the environment when it is imported: to be set before anything imports it."""

import os
from pathlib import Path

from local_cloud.defaults import ACCOUNT_ID, REGION

# A function must run with nothing but its own files, so the server's paths do not go on to it.
UNWANTED_PREFIXES = ("AWS_", "PYTHONPATH", "VIRTUAL_ENV")


def prepare(port: int, state_dir: Path) -> None:
    """Sets the variables of this process, which functions inherit; forgets the user's own AWS settings."""
    for name in [name for name in os.environ if name.startswith(UNWANTED_PREFIXES)]:
        del os.environ[name]
    os.environ.update(
        {
            "GATEWAY_PORT": str(port),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_ACCOUNT_ID": ACCOUNT_ID,
            "MINISTACK_REGION": REGION,
            "AUTH": "false",
            "LOG_LEVEL": "WARNING",
            "PERSIST_STATE": "1",
            "STATE_DIR": str(state_dir / "state"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(state_dir / "s3"),
            # No listener beside the one HTTP port.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            # Never a container: ministack removes containers of other servers when it finds Docker.
            "DOCKER_HOST": "unix:///nonexistent",
            "LAMBDA_EXECUTOR": "local",
            # AWS's own default: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
            "LAMBDA_ACCOUNT_CONCURRENCY": "1000",
            # Calls to this very address go straight, whatever proxy there is.
            "NO_PROXY": ",".join(filter(None, [os.environ.get("NO_PROXY", ""), "127.0.0.1,localhost"])),
            "no_proxy": ",".join(filter(None, [os.environ.get("no_proxy", ""), "127.0.0.1,localhost"])),
            # The user's profiles and the instance's role are not for this cloud.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
    )
