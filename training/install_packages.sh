#!/bin/sh
# A step of the Dockerfile: adds the pinned packages of /tmp/requirements.txt, and nothing else, to /opt/venv.
set -eu
uv=/opt/installer/bin/uv
[ -d /opt/venv ] || "$uv" venv --quiet --python "$(command -v python3)" /opt/venv
# The base's own certificates: a base with a company's certificate then trusts it.
"$uv" pip install --quiet --python /opt/venv/bin/python --system-certs --link-mode copy --compile-bytecode \
    --no-deps --require-hashes --build-constraints /tmp/requirements.txt --requirement /tmp/requirements.txt
