"""The tests run in the quick profile, offline, on the embedded data, wherever they run.

Tests of real data ask for the fixture `real_data`.
"""

import gc
import os
import queue
import signal
import time
from pathlib import Path

import pytest

from cnnbook.book.environment import kernel_environment

# A job in the background, or one under `nohup`, ignores these, and its children would too.
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# The processes of `pytest -n` inherit what this file leaves, so the folder goes to another name.
REAL_DATA = os.environ.pop("CNNBOOK_DATA", None) or os.environ.get("CNNBOOK_DATA_OF_THE_TESTS")
if REAL_DATA:
    os.environ["CNNBOOK_DATA_OF_THE_TESTS"] = REAL_DATA
environment = kernel_environment(full=False, folder=Path(__file__).parent / "build" / "kernel")
for name in os.environ.keys() - environment.keys():
    del os.environ[name]
os.environ.update(environment)  # what chapters have, nbval's kernels inherit
os.environ["CNNBOOK_QUICK"] = "1"
os.environ["CNNBOOK_OFFLINE"] = "1"
os.environ["MPLBACKEND"] = "agg"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"


def pytest_configure(config):
    """Let nbval look every second whether its kernel lives, else it waits as for a slow cell."""
    if not config.pluginmanager.hasplugin("nbval"):
        return
    from nbval.kernel import RunningKernel

    wait = RunningKernel.get_message

    def get_message(self, stream, timeout=None):
        end = time.monotonic() + (timeout or 0)
        while True:
            try:
                left = max(0.0, end - time.monotonic())
                return wait(self, stream, timeout=1 if timeout is None else min(1, left))
            except queue.Empty:
                if not self.is_alive():
                    raise RuntimeError("the kernel died in this cell; enough memory?") from None
                if timeout is not None and time.monotonic() >= end:
                    raise

    RunningKernel.get_message = get_message


@pytest.fixture
def real_data(monkeypatch):
    """The folder of real data, also set as CNNBOOK_DATA for the one test."""
    if REAL_DATA is None:
        pytest.skip("needs the real data: set CNNBOOK_DATA to its folder")
    monkeypatch.setenv("CNNBOOK_DATA", REAL_DATA)
    return Path(REAL_DATA)


def pytest_collection_finish():
    """What is imported stays: Python need not look through it for garbage after every test file.

    That halves the processor's time for the quick tests.
    """
    gc.collect()
    gc.freeze()
