"""What tests of data share: a folder is after the test what it was before; thirty pictures."""

import contextlib
import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


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


@pytest.fixture
def files(tmp_path):
    """Twenty cats and ten dogs; picture k is of the grey k."""
    paths = []
    for index in range(30):
        name = f"{'cat' if index < 20 else 'dog'}/{index:02}.png"
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("L", (5, 7), index).save(tmp_path / name)
        paths.append(tmp_path / name)
    return paths, np.array([0] * 20 + [1] * 10)
