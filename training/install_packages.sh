#!/bin/sh
# A step of the Dockerfile: adds the pinned packages of one part ($1), and nothing else, to /opt/venv.
set -eu
cd /opt/installer
[ -d /opt/venv ] || bin/uv venv --quiet --python "$(command -v python3)" /opt/venv
# The base's own certificates: a base with a company's certificate then trusts it.
bin/uv pip install --quiet --python /opt/venv/bin/python --system-certs --link-mode copy --compile-bytecode \
    --no-deps --require-hashes --build-constraints "$1_requirements.txt" --requirement "$1_requirements.txt"
