"""Nothing is installed that is not pinned by its hash, and no lock names an index or a registry."""

import base64
import hashlib
import io
import json
import re
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from state_machines.asl_validator import InstallError, install

PROJECT = Path(__file__).parents[3]
PYTHON_LOCKS = [
    "requirements.lock",
    "benchmarks/cloudsplaining.lock",
    "deploy_scripts/verify_aws/pins/python.lock",
]
NPM_LOCKS = [
    "state_machines/asl_validator/package-lock.json",
    "deploy_scripts/verify_aws/pins/npm/package-lock.json",
]


@pytest.mark.parametrize("name", PYTHON_LOCKS)
def test_every_python_package_has_its_hashes(name: str) -> None:
    text = (PROJECT / name).read_text("utf-8")
    entries = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(entries) > 10
    for entry in entries:
        assert re.match(r"[A-Za-z0-9._-]+==\S+", entry), entry
        assert "--hash=sha256:" in entry, entry
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links", text)


@pytest.mark.parametrize("name", NPM_LOCKS)
def test_every_npm_package_has_its_hash_and_no_address(name: str) -> None:
    packages = json.loads((PROJECT / name).read_text("utf-8"))["packages"]
    del packages[""]  # the package that needs the others
    assert packages
    for path, package in packages.items():
        assert package["integrity"].startswith("sha512-"), path
        assert "resolved" not in package, path


def test_the_makefile_installs_by_hash() -> None:
    """But for torch's own builds, which a person asks for by TORCH_BACKEND, and dropserve itself."""
    lines = re.sub(r"\\\n", "", (PROJECT / "Makefile").read_text("utf-8")).splitlines()
    installs = [
        line
        for line in lines
        if re.search(r"\$\(INSTALL\)|\b(pip3?|npm|uv|apt(-get)?) (install|ci|add)\b", line)
    ]
    unpinned = [
        line for line in installs if "--require-hashes" not in line and not line.startswith("INSTALL :=")
    ]
    assert len(installs) >= 4
    assert len(unpinned) == 2
    assert all("--torch-backend" in line or "--editable ." in line for line in unpinned)


@pytest.mark.parametrize(
    "folder", ["benchmarks", "deploy_scripts", "functions", "local_cloud", "state_machines"]
)
def test_no_program_fetches_and_runs_a_package_by_name(folder: str) -> None:
    for file in [*(PROJECT / folder).rglob("*.py"), *(PROJECT / folder).rglob("*.sh")]:
        assert not re.search(r"\b(npx|uvx|pipx)\b", file.read_text("utf-8")), file


class Registry(BaseHTTPRequestHandler):
    """An npm registry that has version 1.0.0 of `tiny`."""

    archive = b""

    def do_GET(self) -> None:
        port = self.server.server_address[1]
        dist = {
            "tarball": f"http://127.0.0.1:{port}/tiny/-/tiny-1.0.0.tgz",
            "integrity": integrity(self.archive),
        }
        document = {"name": "tiny", "versions": {"1.0.0": {"name": "tiny", "version": "1.0.0", "dist": dist}}}
        body = self.archive if self.path.endswith(".tgz") else json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Registry]]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Registry) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{server.server_address[1]}/")
        monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
        monkeypatch.setenv("npm_config_fetch_retries", "0")
        yield Registry
        server.shutdown()


def integrity(archive: bytes) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode()


def package(script: str) -> bytes:
    """An npm archive of `tiny`, which would run `script` as it is installed."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        text = json.dumps({"name": "tiny", "version": "1.0.0", "scripts": {"install": script}}).encode()
        member = tarfile.TarInfo("package/package.json")
        member.size = len(text)
        tar.addfile(member, io.BytesIO(text))
    return buffer.getvalue()


def write_lock(folder: Path, archive: bytes) -> Path:
    folder.mkdir()
    manifest = {"name": "needs-tiny", "dependencies": {"tiny": "1.0.0"}}
    pin = {"version": "1.0.0", "integrity": integrity(archive)}
    lock = {"name": "needs-tiny", "lockfileVersion": 3, "packages": {"": manifest, "node_modules/tiny": pin}}
    (folder / "package.json").write_text(json.dumps(manifest))
    (folder / "package-lock.json").write_text(json.dumps(lock))
    return folder


def test_what_the_lock_pins_is_installed_and_none_of_its_scripts_run(
    registry: type[Registry], tmp_path: Path
) -> None:
    registry.archive = package(f"touch {tmp_path / 'sprung'}")
    lock = write_lock(tmp_path / "lock", registry.archive)

    installed = install(tmp_path / "into", lock)

    assert (installed / "node_modules" / "tiny" / "package.json").is_file()
    assert not (tmp_path / "sprung").exists()
    assert install(tmp_path / "into", lock) == installed


def test_another_archive_than_the_pinned_one_is_not_installed(
    registry: type[Registry], tmp_path: Path
) -> None:
    """The registry's own word for it counts for nothing."""
    lock = write_lock(tmp_path / "lock", package("true"))
    registry.archive = package("echo changed")

    with pytest.raises(InstallError, match="EINTEGRITY"):
        install(tmp_path / "into", lock)

    assert not list((tmp_path / "into").rglob("tiny"))
