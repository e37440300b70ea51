"""How does one machine run a script as several processes, and lose none of them?

Each is told by Keras' variables `KERAS_DISTRIBUTION_*` who it is, and has one thread to compute
with: so that two processes do the work of two cores, and their sums have a fixed order.
"""

import contextlib
import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from typing import IO

from cnnbook._checks import checked, shown
from cnnbook.deploy._defaults import DEFAULTS, check_world

# Linux: the process dies with the one that has started it, however that dies.
TIED = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 9)
if os.getppid() == int(sys.argv[1]):
    os.execvp(sys.argv[2], sys.argv[2:])
"""
Lines = queue.SimpleQueue[tuple[int, str, str]]


@checked
def launch(command: Sequence[str], size: int, restarts: int = 0) -> int:
    """Run a command as several processes of this machine, until all have ended well or one has not.

    What they write is shown line by line, with the rank of each before it. When one fails, the
    others are killed at once, and all start again as often as `restarts` says. They are killed,
    too, when an exception ends this function, such as by Ctrl-C, and on Linux when this process
    dies.

    Args:
        command: Words, such as (sys.executable, "train.py", "--epochs", "4").
        size: How many processes, 1 to 1,024.
        restarts: 0 or more.

    Returns:
        The exit status of the process that failed last, 128 and its number for a signal; 0 if none.

    Raises:
        ValueError: If an argument is not as said above.
        OSError: If there is no such program.

    Example:
        >>> launch([sys.executable, "-c", "import os; print(os.environ['KERAS_BACKEND'])"], 1)
        [0] jax
        0
    """
    given = list(command)
    if not given or not given[0]:
        raise ValueError("`command` must have a word at least, such as sys.executable.")
    check_world(restarts, size=size)
    if shutil.which(given[0]) is None:
        words = f"There is no program {shown(given[0])}. `command` must begin with one"
        raise FileNotFoundError(f"{words}, such as sys.executable.")
    for turn in range(restarts + 1):
        begun = time.monotonic()
        rank, status = _run_once(given, size)
        if status == 0:
            return 0
        how = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended: {status}"
        again = f"Starting again, {turn + 1} of {restarts}." if turn < restarts else ""
        seconds = time.monotonic() - begun
        words = f"Rank {rank} {how} after {seconds:.0f} s; all are ended. {again}".strip()
        print(words, file=sys.stderr, flush=True)
    return status if status > 0 else 128 - status


def _run_once(command: list[str], size: int) -> tuple[int, int]:
    """Run all once; return the rank and the status of the first that failed, or a status of 0."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    lines: Lines = queue.SimpleQueue()
    started: list[subprocess.Popen[str]] = []
    readers: list[threading.Thread] = []
    try:
        for rank in range(size):
            started.append(_start(command, rank, size, address))
            for name in ("stdout", "stderr"):
                pipe = getattr(started[rank], name)
                readers.append(threading.Thread(target=_hand_on, args=(pipe, rank, name, lines)))
                readers[-1].start()
        while True:
            _show(lines, seconds=0.1)
            ended = [(rank, process.poll()) for rank, process in enumerate(started)]
            failed = [(rank, status) for rank, status in ended if status]
            if failed:  # of several, one that was killed is the cause
                return min(failed, key=lambda each: each[1] > 0)
            if all(status == 0 for _, status in ended):
                return 0, 0
    finally:
        for process in started:
            _kill(process)
        for reader in readers:  # what a dead process has written is still to come
            reader.join(timeout=2)
        _show(lines)
        for process in started:
            for pipe in filter(None, (process.stdout, process.stderr)):
                pipe.close()


def _start(command: list[str], rank: int, size: int, address: str) -> subprocess.Popen[str]:
    names = {"JOB_ADDRESSES": address, "NUM_PROCESSES": str(size), "PROCESS_ID": str(rank)}
    told = {f"KERAS_DISTRIBUTION_{name}": value for name, value in names.items()}
    tied = [sys.executable, "-I", "-S", "-c", TIED, str(os.getpid())]
    return subprocess.Popen(
        [*(tied if sys.platform == "linux" else []), *command],
        env={**DEFAULTS, **os.environ, "KERAS_BACKEND": "jax", **told},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,  # Ctrl-C reaches this process alone, and a kill its children too
    )


def _hand_on(pipe: IO[str], rank: int, name: str, lines: Lines) -> None:
    """Hand on what a process writes, and at its end an empty line without end."""
    with contextlib.suppress(ValueError):  # closed
        for line in pipe:
            lines.put((rank, name, line))
    lines.put((rank, name, ""))


def _show(lines: Lines, seconds: float = 0) -> None:
    """Print the lines that have come, and wait for the first."""
    for rank, name, line in _come(lines, seconds):
        if line:
            print(f"[{rank}] {line.rstrip()}", file=getattr(sys, name), flush=True)


def _come(lines: Lines, seconds: float) -> Iterator[tuple[int, str, str]]:
    with contextlib.suppress(queue.Empty):
        yield lines.get(timeout=seconds) if seconds else lines.get_nowait()
        while True:
            yield lines.get_nowait()


def _kill(process: subprocess.Popen[str]) -> None:
    """End a process and those that it has started, and wait for it."""
    with contextlib.suppress(OSError):  # they have ended
        os.killpg(process.pid, signal.SIGKILL) if hasattr(os, "killpg") else process.kill()
    process.wait()
