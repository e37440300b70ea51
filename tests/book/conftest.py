"""What the tests of pages share: one browser for each file, and one window."""

import pytest
from browser import Watched, chromium


@pytest.fixture(scope="module")
def browser():
    """A real browser; without one the tests that ask for it are skipped."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def window(browser):
    """One window for all tests that need no other."""
    watched = Watched(browser)
    yield watched
    watched.page.close()
