"""A base with Debian's own Python, in place of the public image that the Dockerfile names."""

import re
import shutil
import subprocess
from pathlib import Path

from tests.container_images.buildah import Buildah

# The public image has the headers of its Python, too: one package is compiled.
_PACKAGES = "python3,python3-pip,libpython3-dev,ca-certificates"
BASE = "localhost/base"


def make_base(buildah: Buildah, dockerfile: Path, archives: Path) -> str:
    """The name of an image with the Debian release that the Dockerfile's base has.

    Its archive is kept in a folder. Raises CalledProcessError.
    """
    suite = debian_release(dockerfile)
    archive = archives / f"{suite}-{buildah.architecture}.tar"
    archives.mkdir(parents=True, exist_ok=True)
    if not archive.is_file():
        unfinished = archive.with_suffix(".unfinished.tar")
        command = ["mmdebstrap", "--quiet", "--variant=apt", f"--include={_PACKAGES}"]
        command += [f"--architectures={buildah.architecture}", suite, str(unfinished), find_mirror()]
        subprocess.run(command, check=True)
        unfinished.rename(archive)
    context = buildah.store / "base"
    context.mkdir(parents=True)
    shutil.copyfile(archive, context / "base.tar")
    (context / "Dockerfile").write_text("FROM scratch\nADD base.tar /\n")
    buildah.build(context, BASE)
    return BASE


def debian_release(dockerfile: Path) -> str:
    """`trixie`, of `ARG BASE=.../python:3.13-slim-trixie`."""
    found = re.search(r"^ARG BASE=\S+/python:[\d.]+-slim-(\w+)$", dockerfile.read_text("utf-8"), re.MULTILINE)
    assert found, f"{dockerfile} names no slim Python image as its base"
    return found[1]


def find_mirror(folder: Path = Path("/etc/apt")) -> str:
    """Where this machine gets Debian's packages from."""
    for file in [*sorted(folder.glob("sources.list.d/*.sources")), folder / "sources.list"]:
        text = file.read_text("utf-8") if file.is_file() else ""
        if found := re.search(r"^(?:URIs:|deb(?: \[.*\])?)\s+(http\S+)", text, re.MULTILINE):
            return found[1]
    raise RuntimeError(f"no mirror of Debian is named below {folder}")
