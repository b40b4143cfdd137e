"""Images built by a program of this machine: what it is told, and that no secret is among its arguments."""

import base64
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from deploy_scripts.container_images.local_builders import LocalBuilder, build_here
from deploy_scripts.container_images.registry import Image
from deploy_scripts.errors import CliError

HOST = "000000000000.dkr.ecr.us-east-1.amazonaws.com"
IMAGES = [Image("serve", "arm64", "0123"), Image("train", "x86_64", "0123")]
# Notes its arguments and what it reads; fails at the word that FAIL_AT names.
PROGRAM = f"""#!{sys.executable}
import json, os, sys
with open({{calls!r}}, "a") as file:
    file.write(json.dumps([sys.argv[1:], sys.stdin.read()]) + "\\n")
if sys.argv[1] == os.environ.get("FAIL_AT"):
    sys.exit("it is broken")
"""


@pytest.fixture
def calls(tmp_path: Path, stubbed: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the three programs note their calls."""
    file = tmp_path / "calls"
    for name in ("docker", "podman", "buildah"):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(PROGRAM.format(calls=str(file)))
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    stubbed.aws.account_id = "000000000000"
    token = base64.b64encode(b"AWS:secret-of-the-registry").decode()
    stubbed.answer("ecr", "get_authorization_token", {"authorizationData": [{"authorizationToken": token}]})
    return file


def read(calls: Path) -> list[tuple[list[str], str]]:
    return [(arguments, stdin) for arguments, stdin in map(json.loads, calls.read_text().splitlines())]


@pytest.mark.parametrize("builder", ["docker", "podman", "buildah"])
def test_it_logs_in_by_stdin_and_out_in_the_end(
    stubbed: Any, calls: Path, tmp_path: Path, builder: LocalBuilder
) -> None:
    build_here(stubbed.aws, IMAGES, builder=builder, context=tmp_path, say=lambda _: None)

    done = read(calls)
    assert done[0] == (["login", "--username", "AWS", "--password-stdin", HOST], "secret-of-the-registry")
    assert done[-1] == (["logout", HOST], "")
    assert "secret" not in str([arguments for arguments, _ in done])
    assert len(done) == 2 + len(IMAGES) * (1 if builder == "docker" else 2)


def test_docker_pushes_what_it_builds_with_dockers_manifest(
    stubbed: Any, calls: Path, tmp_path: Path
) -> None:
    build_here(stubbed.aws, IMAGES, builder="docker", context=tmp_path, say=lambda _: None)

    serve, train = read(calls)[1][0], read(calls)[2][0]
    assert serve[:6] == ["buildx", "build", "--platform", "linux/arm64", "--target", "serve"]
    assert train[:6] == ["buildx", "build", "--platform", "linux/amd64", "--target", "train"]
    output = f"type=image,name={HOST}/dropserve/serve:0123-arm64,push=true,oci-mediatypes=false"
    assert serve[6:] == ["--provenance=false", "--sbom=false", "--output", output, str(tmp_path)]


@pytest.mark.parametrize("builder", ["podman", "buildah"])
def test_the_others_build_and_push_with_dockers_manifest(
    stubbed: Any, calls: Path, tmp_path: Path, builder: LocalBuilder
) -> None:
    build_here(stubbed.aws, IMAGES[:1], builder=builder, context=tmp_path, say=lambda _: None)

    uri = f"{HOST}/dropserve/serve:0123-arm64"
    build, push = read(calls)[1][0], read(calls)[2][0]
    what = ["--platform", "linux/arm64", "--target", "serve", "--tag", uri, str(tmp_path)]
    assert build == ["build", "--format", "docker", *what]
    assert push == ["push", "--format", "v2s2", uri]


def test_a_build_that_fails_shows_its_last_lines_and_logs_out(
    stubbed: Any, calls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIL_AT", "build")
    with pytest.raises(CliError) as failure:
        build_here(stubbed.aws, IMAGES, builder="podman", context=tmp_path, say=lambda _: None)
    assert failure.value.message == "podman build ended with exit status 1:"
    assert failure.value.details == ("it is broken",)
    assert [arguments[0] for arguments, _ in read(calls)] == ["login", "build", "logout"]


def test_a_builder_that_is_missing_is_named(
    stubbed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CliError, match="buildah is not on this machine"):
        build_here(stubbed.aws, IMAGES, builder="buildah", context=tmp_path, say=lambda _: None)
