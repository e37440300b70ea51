"""What all tests of bad data share: a folder is after the test what it was before."""

import contextlib
import hashlib
from pathlib import Path

import pytest


def listing(folder):
    """Every path below a folder: its kind, its time and its content."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        readable = path.is_file() and not path.is_symlink() and status.st_mode & 0o400
        content = hashlib.sha256(path.read_bytes()).hexdigest() if readable else None
        found[path.relative_to(folder)] = (status.st_mode, status.st_mtime_ns, content)
    return found


@pytest.fixture
def unchanged():
    """Return a context: `with unchanged(folder): ...` fails where the folder was changed.

    It is after what it was before, `but` for files of these names, which may be there or not.
    """

    @contextlib.contextmanager
    def check(folder, but=()):
        before = listing(folder)
        assert before, "the folder of a test of bad data is not empty"
        yield
        after = listing(folder)
        for name in but:  # a lock
            after.pop(Path(name), None)
        assert after == before

    return check
