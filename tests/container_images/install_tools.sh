#!/bin/sh
# Installs Debian's packages ($@) that build and run container images without a Docker engine. Needs root.
set -eu
missing=""
for package in "$@"; do
    command -v "$package" > /dev/null || dpkg -s "$package" > /dev/null 2>&1 || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
echo "Installing$missing ..." >&2
apt-get update -qq
# shellcheck disable=SC2086 - one word a package
DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends $missing > /dev/null
