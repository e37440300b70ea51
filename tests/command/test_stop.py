"""What ends a command early: a signal, an error; each is one line, and every `finally` runs."""

import os
import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.slow

START = """
import os, signal, sys, time
from cnnbook.command import main
@main.app.command("wait")
def wait():
"""
WAIT = """
    try:
        print("ready", flush=True)
        time.sleep(30)
    finally:
        print("tidy")
"""


def start(body=WAIT, **environment):
    code = f"{START}{body}\nmain.main()"
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    words = [sys.executable, "-c", code, "wait"]
    return subprocess.Popen(words, env={**os.environ, **environment}, **pipes)


@pytest.mark.parametrize(
    ("name", "status", "line"),
    [
        ("SIGINT", 130, "Stopped by Ctrl-C."),
        ("SIGTERM", 143, "Stopped by SIGTERM."),
        ("SIGHUP", 129, "Stopped by SIGHUP, the terminal is gone."),
    ],
)
def test_a_signal_is_one_line_and_its_status_and_what_must_be_tidied_is(name, status, line):
    run = start()
    assert run.stdout.readline() == "ready\n"
    run.send_signal(signal.Signals[name])
    run.send_signal(signal.Signals[name])  # as `timeout` does
    assert run.communicate(timeout=20) == ("tidy\n", f"{line}\n")
    assert run.returncode == status


def test_a_signal_before_the_command_has_begun_is_one_line_as_well(tmp_path):
    (tmp_path / "typer.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    run = start(PYTHONPATH=os.pathsep.join([str(tmp_path), *sys.path]))
    assert run.communicate(timeout=20) == ("", "Stopped by Ctrl-C.\n")
    assert run.returncode == 130


def test_a_second_signal_ends_a_command_that_is_slow_to_tidy_up():
    run = start(WAIT.replace('print("tidy")', 'print("tidying", flush=True); time.sleep(30)'))
    assert run.stdout.readline() == "ready\n"
    run.send_signal(signal.SIGINT)
    assert run.stdout.readline() == "tidying\n"
    time.sleep(1.1)
    run.send_signal(signal.SIGTERM)
    assert run.communicate(timeout=10) == ("", "")
    assert run.returncode == -signal.SIGTERM


def test_a_signal_that_is_ignored_stays_so():
    words = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
    body = "    os.kill(os.getpid(), signal.SIGHUP); print('done')"
    code = f"{words}{START}{body}\nmain.main()"
    run = subprocess.run([sys.executable, "-c", code, "wait"], capture_output=True, text=True)
    assert (run.returncode, run.stdout, run.stderr) == (0, "done\n", "")


def test_a_signal_that_comes_while_an_object_is_deleted_is_not_lost():
    body = """
    class Dying:
        def __del__(self):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)
    Dying()
    time.sleep(20)
"""
    run = start(body)
    assert run.communicate(timeout=15) == ("", "Stopped by Ctrl-C.\n")
    assert run.returncode == 130


@pytest.mark.parametrize(
    ("raised", "line"),
    [
        (
            "OSError(28, 'No space left on device', '/a')",
            "[Errno 28] No space left on device: '/a'",
        ),
        ("MemoryError()", "The memory of this machine is not enough. Close other programs,"),
        ("ModuleNotFoundError('No module named a.')", "No module named a. Run `cnnbook doctor`"),
        ("ValueError('`a` must be 1;\\n got 2.')", "`a` must be 1; got 2."),
        ("KeyError('a')", "KeyError: 'a' Set CNNBOOK_DEBUG=1 to see where."),
    ],
)
def test_an_error_is_one_line_and_on_demand_a_traceback(raised, line):
    run = start(f"    raise {raised}")
    said = run.communicate(timeout=20)[1]
    assert said.startswith(line) and said.count("\n") == 1
    assert run.returncode == 1
    run = start(f"    raise {raised}", CNNBOOK_DEBUG="1")
    assert "Traceback" in run.communicate(timeout=20)[1]


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_names_are_printed_whatever_the_terminal_can_write(encoding):
    text = "cat \\u732b \\udc80 \\u2501"
    run = start(f"    main.typer.echo('{text}')", PYTHONIOENCODING=encoding)
    said, errors = run.communicate(timeout=20)
    assert run.returncode == 0 and said.startswith("cat ")
    if encoding == "cp1252":
        assert said == text + "\n"
        assert errors.startswith(
            "Signs that cannot be written in cp1252 stand as \\uXXXX. Set PYTHON"
        )
        assert errors.count("\n") == 1
    else:
        assert errors == ""


def test_a_pipe_that_is_closed_and_a_full_disk_are_no_traceback():
    code = "from cnnbook.command.main import main; main()"
    words = f"{sys.executable} -c '{code}' models"
    closed = f"{words} | true; exit ${{PIPESTATUS[0]}}"
    run = subprocess.run(["bash", "-c", closed], capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (1, "")
    full = subprocess.run(["bash", "-c", f"{words} > /dev/full"], capture_output=True, text=True)
    assert full.stderr == "[Errno 28] No space left on device\n"


@pytest.mark.parametrize("variable", ["NO_COLOR", "SOME_COLOR"])
def test_no_color_is_heeded_in_a_terminal(variable):
    master, terminal = os.openpty()
    code = "from cnnbook.command.main import main; main()"
    words = [sys.executable, "-c", code, "copy"]
    run = subprocess.run(words, stdout=terminal, env={**os.environ, variable: "1"})
    os.close(terminal)
    said = os.read(master, 10_000)
    os.close(master)
    assert run.returncode == 0 and b"cnnbook" in said
    assert (b"\x1b[" in said) == (variable != "NO_COLOR")
