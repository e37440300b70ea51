"""Several processes of one machine: each knows who it is, and none outlives the others."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cnnbook.deploy.launch import launch

ME = "import os, sys, time; rank = int(os.environ['KERAS_DISTRIBUTION_PROCESS_ID']);"
# Writes its number and that of a child, and waits.
WAITS = "import subprocess; child = subprocess.Popen(['sleep', '60']);"
WAITS += "open(f'{rank}.pid', 'w').write(f'{os.getpid()} {child.pid}');"
ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


def run(code, size=2, restarts=0):
    return launch([sys.executable, "-c", ME + code], size, restarts)


def is_alive(number):
    """Tell whether a process is there and no zombie."""
    stat = Path(f"/proc/{number}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def numbers(count=2):
    """Wait until all have written theirs, and return them."""
    for _ in range(400):
        files = [Path(f"{rank}.pid") for rank in range(count)]
        if all(file.exists() and len(file.read_text().split()) == 2 for file in files):
            return [int(word) for file in files for word in file.read_text().split()]
        time.sleep(0.05)
    raise AssertionError("they did not start")


def wait_until_gone(processes):
    """Return the seconds until all are gone, 5 at most."""
    begun = time.monotonic()
    while any(map(is_alive, processes)):
        assert time.monotonic() - begun < 5
        time.sleep(0.02)


def test_each_is_told_who_it_is_and_lines_have_its_rank(capfd):
    names = "JOB_ADDRESSES", "NUM_PROCESSES", "PROCESS_ID"
    code = f"print(*[os.environ['KERAS_DISTRIBUTION_' + name] for name in {names}], flush=True);"
    code += "print(os.environ['KERAS_BACKEND'], os.environ['OMP_NUM_THREADS'], file=sys.stderr)"
    assert run(code, 3) == 0
    output = capfd.readouterr()
    lines = sorted(output.out.splitlines())
    address = lines[0].split()[1]
    assert address.startswith("127.0.0.1:")
    assert lines == [f"[{rank}] {address} 3 {rank}" for rank in range(3)]
    assert sorted(output.err.splitlines()) == [f"[{rank}] jax 1" for rank in range(3)]


def test_long_output_and_a_last_line_without_end_are_whole(capfd):
    assert run("print('x' * 300_000); print('a\\xff\\n' * 5_000, end='end')", 1) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[0] == "[0] " + "x" * 300_000 and lines[-1] == "[0] end" and len(lines) == 5_002


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        ("rank == 1 and sys.exit(7); time.sleep(60)", 7, "Rank 1 ended: 7 after"),
        ("rank == 0 and 1 / 0; time.sleep(60)", 1, "ZeroDivisionError"),
        ("rank == 1 and os.kill(os.getpid(), 9); time.sleep(60)", 137, "killed by SIGKILL after"),
        ("rank == 1 and (time.sleep(0.5), sys.exit(3))", 3, "Rank 1 ended: 3 after"),
    ],
)
def test_when_one_ends_badly_all_are_ended_soon(capfd, code, status, words):
    begun = time.monotonic()
    assert run(code) == status
    assert time.monotonic() - begun < 5
    assert words in capfd.readouterr().err


@ON_LINUX
def test_what_a_process_has_started_ends_with_it():
    assert run(WAITS + "rank == 1 and (time.sleep(0.5), sys.exit(1)); time.sleep(60)") == 1
    wait_until_gone(numbers())


def test_all_start_again_as_often_as_is_said_and_find_another_port(capfd):
    code = "open(f'{rank}.txt', 'a').write(os.environ['KERAS_DISTRIBUTION_JOB_ADDRESSES'] + ' ');"
    code += "rank == 1 and len(open('1.txt').read().split()) < 3 and sys.exit(1)"
    assert run(code, 2, restarts=5) == 0
    assert len(set(Path("1.txt").read_text().split())) == 3
    assert "Starting again, 2 of 5." in capfd.readouterr().err
    assert run("sys.exit(4)", 1, restarts=1) == 4
    assert capfd.readouterr().err.count("Rank 0 ended: 4") == 2


LAUNCHER = """
import sys
from cnnbook.deploy.launch import launch
launch([sys.executable, "-c", sys.argv[1]], 2)
"""


@ON_LINUX
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_when_the_launcher_is_ended_however_nobody_is_left(number):
    code = ME + WAITS + "time.sleep(60)"
    known = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}  # a copy is not installed
    words = [sys.executable, "-c", LAUNCHER, code]
    launcher = subprocess.Popen(words, env=known, stderr=subprocess.DEVNULL)
    try:
        processes = numbers()
        launcher.send_signal(number)
        assert launcher.wait(5) != 0
        wait_until_gone(processes[::2])  # of their children a signal to the launcher says nothing
    finally:
        launcher.kill()
        launcher.wait()
        for process in processes:
            if is_alive(process):
                os.kill(process, signal.SIGKILL)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([], 2), "`command` must have a word"),
        ((["python"], 0), "`size` must be 1 to 1,024"),
        ((["python"], 1025), "`size` must be 1 to 1,024"),
        ((["python"], 1, -1), "`restarts` 0 or more; got 1 and -1"),
        (("python", 1), "`command` must be a list"),
    ],
)
def test_what_cannot_be_launched_is_one_line(arguments, words):
    with pytest.raises(ValueError, match=words):
        launch(*arguments)


def test_a_command_that_is_none_is_one_line():
    with pytest.raises(OSError, match="There is no program no-such-command. `command` must begin"):
        launch(["no-such-command"], 1)
