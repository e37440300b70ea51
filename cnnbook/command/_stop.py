"""What ends a command before it is done, a signal or an error: one line, and nothing half."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import Any

from cnnbook.devices import keras_settings

SIGNALS = {"SIGINT": "Ctrl-C", "SIGTERM": "SIGTERM", "SIGHUP": "SIGHUP, the terminal is gone"}
AT_ONCE = 1.0  # seconds; what comes earlier is the same wish: `timeout` sends each signal twice


class Stopped(KeyboardInterrupt):
    """A signal asks this process to end: each `finally` runs, no `except Exception` stops it."""


def catch_signals() -> list[signal.Signals]:
    """Turn signals into `Stopped`, raised where the program is; a second one ends it at once.

    Signals that are ignored stay so, as `nohup` wants it.

    Returns:
        The signal that came is put in here, should the exception be lost on its way.
    """
    came: list[signal.Signals] = []
    first = 0.0

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal first
        if not came:
            came.append(signal.Signals(number))
            first = time.monotonic()
            raise Stopped(came[0].name)
        if time.monotonic() - first > AT_ONCE:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    def unraisable(lost: Any) -> None:  # it met a `__del__`, which nothing gets out of
        if not isinstance(lost.exc_value, Stopped):
            return sys.__unraisablehook__(lost)
        again = threading.Timer(0.05, os.kill, [os.getpid(), came.pop()])
        again.daemon = True
        again.start()

    sys.unraisablehook = unraisable
    for name in SIGNALS:  # Windows has no SIGHUP
        number = getattr(signal, name, None)
        if number and signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, stop)
    return came


def one_line(error: Exception) -> str:
    """Say what went wrong; errors of ours, and those of files, are clear by themselves."""
    text = " ".join(str(error).split())
    if isinstance(error, MemoryError):
        return "The memory of this machine is not enough. Close other programs, and try again."
    if isinstance(error, ModuleNotFoundError):
        return f"{text} Run `cnnbook doctor`: it says what is missing."
    if isinstance(error, (OSError, ImportError)) or (
        isinstance(error, ValueError) and text.startswith("`")
    ):
        return text
    hint = "Set CNNBOOK_DEBUG=1 to see where."
    return f"{type(error).__name__}: {text[:300]} {hint}"


def backend_fault() -> str:
    """Say what Keras was told that it cannot do, nothing if it can: its own words are many."""
    try:
        keras_settings()
    except ValueError as error:
        return str(error)
    return ""


def is_debugging() -> bool:
    """Whether whole tracebacks are asked for."""
    return bool(os.environ.get("CNNBOOK_DEBUG"))
