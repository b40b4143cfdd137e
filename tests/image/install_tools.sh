#!/bin/sh
# What builds and runs container images without a Docker engine: packages of Debian and Ubuntu. Needs root.
set -eu
missing=""
for program in "$@"; do
    command -v "$program" > /dev/null || missing="$missing $program"
done
[ -n "$missing" ] || exit 0
echo "Installing$missing ..." >&2
apt-get update -qq
# shellcheck disable=SC2086 - one word a package
DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends $missing > /dev/null
