"""The log of a training on EC2: in CloudWatch Logs while the training runs, whole, and in nobody's way."""

import signal
import time
from contextlib import suppress

import psutil
import pytest

from tests.support.waiting import wait_until
from tests.unit.training.ec2.ec2_machine import JOB, LOG_GROUP, TOKEN, Machine, stub_packages
from training.ec2.log_shipper import Event, LogFile, next_batch

# A train.py may wait for what the fake cloud holds.
WAITING = """
import os, pathlib, sys, time
CLOUD = pathlib.Path(os.environ["FAKE_AWS"])
STREAM = CLOUD / "streams" / "dropserve" / "ec2-training" / "dropserve-run-0"
def wait_for(path, text):
    for _ in range(300):
        if path.exists() and text in path.read_text():
            return
        time.sleep(0.1)
    sys.exit(f"{text} never came")
"""


def test_the_lines_are_there_while_the_training_runs(quick: Machine) -> None:
    quick.put_training(
        WAITING + "print('phase=features images_done=1 images_total=2', flush=True)\n"
        "wait_for(STREAM, 'images_done=1 images_total=2')\nprint('test_accuracy=0.9')\n"
    )
    run = quick.start()
    assert run.returncode == 0, run.stdout + run.stderr
    assert quick.log() == ["phase=features images_done=1 images_total=2", "test_accuracy=0.9"]


def test_the_token_is_in_no_line(quick: Machine) -> None:
    quick.put_training("import os\nprint(dict(os.environ))\nprint('the last line')\n")
    assert quick.start().returncode == 0
    assert quick.log()[-1] == "the last line"
    assert TOKEN not in "".join(quick.log())


def test_the_stream_of_a_failed_training_ends_with_the_reason(quick: Machine) -> None:
    stub_packages(quick, pip="raise ImportError")
    assert quick.start().returncode == 1
    assert quick.log() == ["this machine has no Python 3.11 or newer with pip"]


def test_the_stream_of_a_stopped_training_has_its_last_words(quick: Machine) -> None:
    quick.put_training(
        WAITING + "import signal\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('saved my work', end=''), sys.exit(143)))\n"
        "print('at work', flush=True)\nwait_for(STREAM, 'nothing more')\n"
    )
    process = quick.boot_in_background()
    until_logged(quick, "at work")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 143
    assert quick.log() == ["at work", "saved my work"]
    assert quick.shutdowns() == ["-h now"]


def until_logged(machine: Machine, message: str) -> None:
    wait_until(lambda: message in machine.log())


@pytest.mark.parametrize("operation", ["create_log_stream", "put_log_events"])
def test_log_lines_are_retried_after_an_outage_that_is_told_once(quick: Machine, operation: str) -> None:
    quick.refuse(**{operation: "ThrottlingException"})
    quick.put_training(
        WAITING + "print('before', flush=True)\n"
        "wait_for(CLOUD / 'refused', '-log-')\ntime.sleep(1)\n"
        "(CLOUD / 'refuse').unlink()\nprint('after', flush=True)\n"
    )
    run = quick.start()
    assert run.returncode == 0, run.stdout + run.stderr
    first, complaint, last = quick.log()
    assert (first, last) == ("before", "after")
    assert complaint.startswith(
        "ec2_log_shipper: CloudWatch Logs took no lines: An error occurred (Throttling"
    )


def test_a_stream_that_is_there_already_is_written_to(quick: Machine) -> None:
    """A call that made it may have been cut short before its answer."""
    stream = quick.folder / "cloud" / "streams" / LOG_GROUP.strip("/") / JOB
    stream.parent.mkdir(parents=True)
    stream.touch()
    quick.put_training("print('hello')\n")
    assert quick.start().returncode == 0
    assert quick.log() == ["hello"]


def test_a_log_outage_stops_no_training(quick: Machine) -> None:
    quick.refuse(create_log_stream="AccessDeniedException")
    quick.put_training("print('hello')\n", LAST_ATTEMPTS_S=1)
    run = quick.start()
    assert run.returncode == 0, run.stdout + run.stderr
    assert len(quick.calls("send-task-success")) == 1
    assert quick.log() == []
    assert quick.shutdowns() == ["-h now"]


def test_a_batch_that_is_refused_for_itself_does_not_hold_up_the_others(quick: Machine) -> None:
    quick.refuse(put_log_events="InvalidParameterException")
    quick.put_training(
        WAITING + "print('poison', flush=True)\n"
        "wait_for(CLOUD / 'refused', 'put-log-events')\n(CLOUD / 'refuse').unlink()\nprint('after')\n"
    )
    assert quick.start().returncode == 0
    # The complaint may come before or after what the training says next.
    complaint, said = sorted(quick.log(), key=lambda line: line == "after")
    assert "(InvalidParameterException)" in complaint
    assert said == "after"


def test_many_lines_long_lines_and_every_alphabet_arrive_whole(quick: Machine) -> None:
    quick.put_training(
        "import sys\n"
        "for number in range(25_000): print(number)\n"
        "print('日本語é😀' * 60_000)\n"
        "print()\n"
        "print('progress 1\\rprogress 2\\r')\n"
        "sys.stdout.flush()\nsys.stdout.buffer.write(b'not utf-8: \\xff\\nno line end')\n"
    )
    run = quick.start(PYTHONIOENCODING="utf-8", LC_ALL="C.UTF-8")
    assert run.returncode == 0, run.stdout + run.stderr
    log = quick.log()
    assert log[:25_000] == [str(number) for number in range(25_000)]
    *parts, progress, other, last = log[25_000:]
    assert len(parts) > 1
    assert "".join(parts) == "日本語é😀" * 60_000
    assert (progress, other, last) == ("progress 1\rprogress 2", "not utf-8: \ufffd", "no line end")


def test_a_batch_spans_less_than_a_day_and_keeps_the_order() -> None:
    day_ms = 24 * 3600 * 1000
    events = [Event(0, "a"), Event(day_ms - 1, "b"), Event(day_ms, "c")]
    assert next_batch(events) == events[:2]
    assert next_batch(events[1:]) == events[1:]
    assert next_batch([]) == []


def test_a_clock_that_is_set_back_does_not_reverse_the_lines(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path_factory.mktemp("log") / "boot.log"
    path.write_text("first\n")
    file = LogFile(path)
    monkeypatch.setattr(time, "time", lambda: 2000.0)
    first = file.read()
    with path.open("a") as log:
        log.write("second\n")
    monkeypatch.setattr(time, "time", lambda: 1000.0)
    assert [*first, *file.read()] == [Event(2_000_000, "first"), Event(2_000_000, "second")]


def test_the_shipper_ends_with_a_boot_script_that_was_killed(quick: Machine) -> None:
    quick.put_training(WAITING + "print('at work', flush=True)\nwait_for(STREAM, 'the end')\n")
    process = quick.boot_in_background()
    until_logged(quick, "at work")
    children = psutil.Process(process.pid).children(recursive=True)
    (shipper,) = [child for child in children if "log_shipper.py" in " ".join(child.cmdline())]
    process.kill()
    try:
        shipper.wait(timeout=60)
    finally:
        for child in children:
            with suppress(psutil.NoSuchProcess):
                child.kill()
        process.communicate()
