"""The tests run in the quick profile, offline, on the embedded data, wherever they run.

Tests of real data ask for the fixture `real_data`.
"""

import gc
import os
from pathlib import Path

import pytest

# The processes of `pytest -n` inherit what this file leaves, so the folder goes to another name.
REAL_DATA = os.environ.pop("CNNBOOK_DATA", None) or os.environ.get("CNNBOOK_DATA_OF_THE_TESTS")
if REAL_DATA:
    os.environ["CNNBOOK_DATA_OF_THE_TESTS"] = REAL_DATA
os.environ["CNNBOOK_QUICK"] = "1"
os.environ["CNNBOOK_OFFLINE"] = "1"
os.environ["MPLBACKEND"] = "agg"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ.pop("CNNBOOK_CLAIMS_RECORD", None)


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
