"""Whatever a stranger's text holds, the screen gets none of its control characters."""

import ast
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.progress import Progress, TextColumn
from rich.text import Text

import deploy_scripts
import deploy_scripts.screen as screen_module
from deploy_scripts import cli
from deploy_scripts.errors import CliError
from deploy_scripts.screen import SafeConsole, Screen, cell, cell_of_lines, make_table, print_error
from drops.text import is_unsafe

pytestmark = pytest.mark.slow

UNCLEAN = [
    "\x1b[2J",
    "\x1b]0;owned\x07",
    "\x1b]8;;https://evil.example\x1b\\",
    "\x9b31m",
    "\x90q",
    "\r",
    "\x08",
    "\x7f",
    "\u202egpj",
    "\u2066",
    "\u200b",
    "\u2028",
    "\udcff",
    "[red]",
    ":bomb:",
]
IDS = [ascii(text) for text in UNCLEAN]


def tables(screen: Screen, text: str) -> None:
    table = make_table("name", "lines", "raw")
    table.add_row(cell(text), cell_of_lines([text, text]), Text(text))
    screen.show(table)


def moving(screen: Screen, text: str) -> None:
    with screen.moving(text) as say:
        say(text)


def progress(screen: Screen, text: str) -> None:
    with Progress(TextColumn("{task.description}", markup=False), console=screen.console) as bar:
        bar.add_task(text)


OUTPUTS: list[Callable[[Screen, str], None]] = [
    lambda screen, text: screen.say(text),
    lambda screen, text: screen.say(text, style="bold"),
    lambda screen, text: screen.say_lines(text, indent=9),
    lambda screen, text: screen.done(text),
    lambda screen, text: screen.mark("!", "red", text),
    lambda screen, text: screen.console.print(Text(text)),
    tables,
    moving,
    progress,
]


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log gets every step of what moves, not one in five seconds."""
    monkeypatch.setattr(screen_module, "_LOG_PAUSE_S", 0)


def shown(write: Callable[[Screen, str], None], text: str, *, terminal: bool) -> str:
    screen, file = Screen(), io.StringIO()
    screen.console = SafeConsole(
        file=file, force_terminal=terminal, color_system=None, width=200, highlight=False, _environ={}
    )
    write(screen, text)
    return file.getvalue()


@pytest.mark.parametrize("write", OUTPUTS)
@pytest.mark.parametrize("unclean", UNCLEAN, ids=IDS)
def test_no_output_lets_a_control_character_through(
    write: Callable[[Screen, str], None], unclean: str
) -> None:
    output = shown(write, f"a{unclean}b", terminal=False)

    assert not any(is_unsafe(character) for character in output if character != "\n")
    assert output.encode()


@pytest.mark.parametrize("write", OUTPUTS)
@pytest.mark.parametrize("unclean", UNCLEAN, ids=IDS)
def test_nor_on_a_terminal(write: Callable[[Screen, str], None], unclean: str) -> None:
    """A terminal gets rich's own control codes, and only those: the same as of a harmless text."""
    own = shown(write, "ab", terminal=True)
    output = shown(write, f"a{unclean}b", terminal=True)

    assert {character for character in output if is_unsafe(character)} <= {
        character for character in own if is_unsafe(character)
    }
    assert (f"a{unclean}b" in output) == unclean.isprintable()
    sequence = re.compile(r"\x1b[^a-zA-Z]*[a-zA-Z]")
    assert set(sequence.findall(output)) <= set(sequence.findall(own))


@pytest.mark.parametrize("write", [OUTPUTS[0], OUTPUTS[3], OUTPUTS[4]])
def test_a_line_end_of_a_name_begins_no_line(write: Callable[[Screen, str], None]) -> None:
    assert shown(write, "a\n✓ Audit passed", terminal=False).count("\n") == 1


def test_an_emoji_and_other_scripts_stay(capsys: pytest.CaptureFixture[str]) -> None:
    Screen().say("Möwe 日本 👩\u200d🔬 נורת ")

    assert capsys.readouterr().out == "Möwe 日本 👩\u200d🔬 נורת \n"


@pytest.mark.parametrize("unclean", [*UNCLEAN, "\n"], ids=[*IDS, "newline"])
def test_an_error_is_one_clean_line_with_its_details(
    unclean: str, capsys: pytest.CaptureFixture[str]
) -> None:
    print_error(CliError(f"a{unclean}b", f"do {unclean}", [f"x{unclean}", f"y{unclean}"]))

    lines = capsys.readouterr().err.split("\n")
    assert len(lines) == 5 and lines[0].startswith("Error: a")
    assert not any(is_unsafe(character) for line in lines for character in line)


@pytest.mark.parametrize("unclean", UNCLEAN, ids=IDS)
def test_json_is_ascii_and_means_the_same(unclean: str, capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(as_json=True)
    screen.put_json({unclean: unclean})
    document = capsys.readouterr().out
    screen.put_json_line({unclean: unclean})
    line = capsys.readouterr().out

    assert json.loads(document) == json.loads(line) == {unclean: unclean}
    assert line.count("\n") == 1
    for text in (document, line):
        assert text.isascii() and text.replace("\n", "").isprintable()


def test_a_message_of_a_log_begins_no_entry(capsys: pytest.CaptureFixture[str]) -> None:
    Screen().say_lines("10:00:00 one\n10:00:01 forged\r\n\x1b[2J\tlast", indent=9)

    assert capsys.readouterr().out.splitlines() == [
        "10:00:00 one",
        "         10:00:01 forged",
        "         \\x1b[2J        last",
    ]


def test_nothing_but_the_screen_prints() -> None:
    """`env` prints for a shell's eval, `make licences` for make, `match_events` for who asked it.

    `local_target` writes zeros to see whether there is room; `console/page.py` writes what it receives.
    """
    root = Path(deploy_scripts.__file__).parent
    programs = ("commands/local_cloud/env.py", "packaging/licences.py", "verify_aws/template/match_events.py")
    programs += ("local_target.py", "console/page.py")
    allowed = {root / name for name in ("screen.py", *programs)}
    forbidden = {"print", "echo", "secho", "write", "Console"}
    found = []
    for file in sorted(set(root.rglob("*.py")) - allowed):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                if name in forbidden and ast.unparse(node) != "Console(target)":
                    found.append(f"{file.relative_to(root)}:{node.lineno} {ast.unparse(node.func)}")

    assert not found


@pytest.fixture
def dropserve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    """Runs the command's own main() here, as a process whose home is empty; its exit status and stderr."""

    def run(*arguments: str) -> tuple[int, str]:
        stderr = io.TextIOWrapper(io.BytesIO(), "utf-8", errors="strict")
        with monkeypatch.context() as process:
            for name in list(os.environ):
                process.delenv(name)
            for name, value in {"DROPSERVE_HOME": tmp_path, "HOME": tmp_path, "PATH": ""}.items():
                process.setenv(name, str(value))
            process.setattr(sys, "argv", ["dropserve", *arguments])
            process.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "utf-8", errors="strict"))
            process.setattr(sys, "stderr", stderr)
            with pytest.raises(SystemExit) as ended:
                cli.main()
            stderr.flush()
        status = ended.value.code
        assert isinstance(status, int)
        return status, stderr.buffer.getvalue().decode()  # type: ignore[attr-defined]

    return run


def run_dropserve(home: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "deploy_scripts.cli", *map(os.fsencode, arguments)],
        env={"DROPSERVE_HOME": str(home), "HOME": str(home), "PATH": ""},
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["drop", "a", "b\x1b[2Jc"],
        ["fr\x1b[2Job"],
        ["runs", "--n\x1b[2Jo"],
        ["drop", "no\x1b[2Jthing.zip"],
        ["drop", "no\udcffthing.zip"],
        ["audit", "--file", "no\nthing\x9b.json"],
        ["run", "-p", "x\x1b[2J"],
        ["logs", "--minutes", "\x1b[2J"],
        ["status", "--target", "\x1b[2J"],
        ["status", "--stack", "\u202ename"],
        ["deploy", "--weights", "resnet18=/no\x1b[2J.pth"],
        ["verify-permissions", "--recording", "/no\x1b[2J.json"],
    ],
    ids=ascii,
)
def test_a_wrong_argument_is_told_without_obeying_it(
    dropserve: Callable[..., tuple[int, str]], arguments: list[str]
) -> None:
    status, error = dropserve(*arguments)

    assert status in {1, 2}
    assert error.startswith("Error: ")
    assert not any(is_unsafe(character) for character in error if character != "\n")
    assert "unexpected went wrong" not in error
    assert error.count("\n") <= 3


def test_a_terminal_without_the_tick_shows_its_escape(tmp_path: Path) -> None:
    program = (
        "from deploy_scripts.screen import Screen, keep_printing\nkeep_printing()\nScreen().done('Möwe')"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONIOENCODING": "ascii", "PATH": ""},
        capture_output=True,
        check=True,
    )

    assert result.stdout == b"\\u2713 M\\xf6we\n"


def test_a_process_tells_a_strange_argument_as_main_does(
    tmp_path: Path, dropserve: Callable[..., tuple[int, str]]
) -> None:
    arguments = ["drop", "no\udcffth\x1b[2Jing.zip"]
    result = run_dropserve(tmp_path, *arguments)

    assert (result.returncode, result.stderr.decode()) == dropserve(*arguments)


def test_a_wrong_use_has_its_own_exit_status_and_success_is_zero(tmp_path: Path) -> None:
    assert run_dropserve(tmp_path, "drop").returncode == 2
    assert run_dropserve(tmp_path).returncode == 2
    assert run_dropserve(tmp_path, "--help").returncode == 0
    assert run_dropserve(tmp_path, "runs").returncode == 1


def files_that_are_none(folder: Path) -> dict[str, Any]:
    made = {
        "absent": folder / "absent",
        "folder": folder / "folder",
        "empty": folder / "empty",
        "binary": folder / "binary",
        "deep": folder / "deep",
        "list": folder / "list",
        "loop": folder / "loop",
        "long": folder / ("x" * 300),
    }
    made["folder"].mkdir()
    made["empty"].touch()
    made["binary"].write_bytes(bytes(range(256)))
    made["deep"].write_bytes(b"[" * 200_000)
    made["list"].write_text("[1]", "utf-16")
    made["loop"].symlink_to(made["loop"])
    return made


@pytest.mark.parametrize("kind", ["absent", "folder", "empty", "binary", "deep", "list", "loop", "long"])
@pytest.mark.parametrize(
    "arguments",
    [
        ["audit", "--file", "FILE"],
        ["audit", "--file", "GOOD", "--suppressions", "FILE"],
        ["verify-permissions", "--recording", "FILE"],
        ["deploy", "--weights", "resnet18=FILE"],
        ["drop", "FILE"],
    ],
    ids=lambda arguments: "-".join(arguments[:2]),
)
def test_a_file_that_is_none_is_told_in_a_sentence(
    tmp_path: Path, dropserve: Callable[..., tuple[int, str]], kind: str, arguments: list[str]
) -> None:
    file = files_that_are_none(tmp_path)[kind]
    good = tmp_path / "good.json"
    lists = ("RoleDetailList", "UserDetailList", "GroupDetailList", "Policies")
    good.write_text(json.dumps({name: [] for name in lists}))

    status, error = dropserve(
        *(each.replace("FILE", str(file)).replace("GOOD", str(good)) for each in arguments)
    )

    assert status == 1
    assert error.startswith("Error: ")
    assert "unexpected went wrong" not in error
    assert error.count("\n") <= 3


@pytest.mark.parametrize("target", ["folder", "no/such/folder/page.html"])
def test_a_report_that_cannot_be_written_is_told_in_a_sentence(
    tmp_path: Path, dropserve: Callable[..., tuple[int, str]], target: str
) -> None:
    (tmp_path / "folder").mkdir()
    good = tmp_path / "good.json"
    lists = ("RoleDetailList", "UserDetailList", "GroupDetailList", "Policies")
    good.write_text(json.dumps({name: [] for name in lists}))

    status, error = dropserve("audit", "--file", str(good), "--html", str(tmp_path / target))

    assert status == 1
    assert f"{target} cannot be used: " in error
