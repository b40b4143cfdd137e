"""Buildah: builds and runs container images without a Docker engine. Needs root.

Its containers share this machine's network.
"""

import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

# How this machine's package registry is reached and trusted, where it is not by the defaults.
_MACHINE_FILES = [Path("/etc/ssl/certs"), Path("/etc/pip.conf")]
_UV_CACHE = "/host-uv-cache"


@dataclass(frozen=True)
class Buildah:
    """A store of images of its own, in a folder."""

    store: Path
    architecture: str
    driver: str

    @classmethod
    def open(cls, store: Path, architecture: str) -> "Buildah":
        """With the driver that works in this folder: an overlay cannot lie on another one."""
        for driver in ("overlay", "vfs"):
            buildah = cls(store, architecture, driver)
            try:
                buildah._run("rm", buildah._run("from", "scratch"))
            except subprocess.CalledProcessError:
                continue
            return buildah
        raise RuntimeError("buildah works with no storage driver here; it needs root")

    def remove_all(self) -> None:
        """The store with all its images."""
        self._run("rmi", "--all", "--force")
        shutil.rmtree(self.store)

    def build(self, context: Path, tag: str, *options: str) -> None:
        """A failed build prints the end of its log. Raises CalledProcessError."""
        command = self._command("build", "--quiet", "--arch", self.architecture, "--tag", tag, *options)
        result = subprocess.run(
            [*command, str(context)], check=False, env=self._environment(), capture_output=True, text=True
        )
        if result.returncode:
            print(result.stderr[-4000:])
        result.check_returncode()

    def build_target(self, context: Path, target: str, base: str) -> None:
        """One target of a Dockerfile on a base of this store; packages may come from uv's cache.

        Raises CalledProcessError.
        """
        cache = Path(os.environ.get("UV_CACHE_DIR") or Path.home() / ".cache" / "uv")
        cache.mkdir(parents=True, exist_ok=True)
        options = ["--target", target, "--build-arg", f"BASE={base}"]
        options += ["--build-arg", f"UV_CACHE_DIR={_UV_CACHE}", "--volume", f"{cache}:{_UV_CACHE}"]
        for file in filter(Path.exists, _MACHINE_FILES):
            options += ["--volume", f"{file}:{file}:ro"]
        self.build(context, target, *options)

    @contextmanager
    def container(self, image: str) -> Iterator["Container"]:
        """A container whose files are there and in which nothing runs yet."""
        name = self._run("from", image)
        try:
            yield Container(self, name, Path(self._run("mount", name)))
        finally:
            self._run("rm", name)

    def configuration(self, image: str) -> dict[str, object]:
        """What the image says of itself: Env, Cmd, Labels, ..."""
        described = json.loads(self._run("inspect", "--type", "image", image))
        configuration: dict[str, object] = described["OCIv1"]["config"]
        return configuration

    def _run(self, *arguments: str) -> str:
        return subprocess.run(
            self._command(*arguments), env=self._environment(), check=True, stdout=subprocess.PIPE, text=True
        ).stdout.strip()

    def _command(self, *arguments: str) -> list[str]:
        return ["buildah", "--root", f"{self.store}/root", "--runroot", f"{self.store}/run", *arguments]

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "BUILDAH_ISOLATION": "chroot", "STORAGE_DRIVER": self.driver}


@dataclass(frozen=True)
class Container:
    """`root` is its file system, as this machine sees it."""

    buildah: Buildah
    name: str
    root: Path

    def start(
        self,
        *command: str,
        volumes: Mapping[Path, str],
        environment: Mapping[str, str] | None = None,
        user: str = "0:0",
        log: Path,
    ) -> subprocess.Popen[str]:
        """Run a command with folders of this machine at places of its own (`/opt/ml:ro`)."""
        options = ["--user", user]
        for folder, place in volumes.items():
            options += ["--volume", f"{folder}:{place}"]
        for name, value in (environment or {}).items():
            options += ["--env", f"{name}={value}"]
        with log.open("w") as output:
            return subprocess.Popen(
                self.buildah._command("run", *options, self.name, "--", *command),
                env=self.buildah._environment(),
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
            )

    def size_bytes(self, folder: str) -> int:
        """Of all files below a folder of the container; a link counts nothing."""
        files = (self.root / folder.strip("/")).rglob("*")
        return sum(file.lstat().st_size for file in files if file.is_file() and not file.is_symlink())

    def compressed_bytes(self, folder: str, to: Path) -> int:
        """Of a folder of the container as a registry keeps it: a gzipped tar."""
        with tarfile.open(to, "w:gz", compresslevel=6) as archive:
            archive.add(self.root / folder.strip("/"), folder.strip("/"))
        return to.stat().st_size


def program_of(process: subprocess.Popen[str]) -> psutil.Process:
    """The command itself, below buildah's own processes, which do not pass signals on."""
    program = psutil.Process(process.pid)
    while children := program.children():
        program = children[0]
    return program
