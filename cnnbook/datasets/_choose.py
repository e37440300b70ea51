"""Which pictures are set apart? It depends on their content, so that every machine agrees."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from cnnbook._checks import shown
from cnnbook._machine import not_the_file


def content_digest(path: str | Path, salt: bytes = b"") -> bytes:
    """Return the SHA-256 of a salt and the content of a file."""
    try:
        return hashlib.sha256(salt + Path(path).read_bytes()).digest()
    except (OSError, MemoryError, ValueError) as error:  # the last of a name with a zero byte
        told = not_the_file(error, path)
        raise told or OSError(f"{shown(path)} cannot be read: {error}.") from error


def smallest_of_each(digests: Sequence[bytes], groups: np.ndarray, count: Callable) -> np.ndarray:
    """Mark, in each group, those whose digests are the smallest: `count` of the group's size."""
    marks = np.zeros(len(digests), bool)
    for group in np.unique(groups):
        members = np.flatnonzero(groups == group)
        own = [digests[index] for index in members.tolist()]
        # Equal ones stay together: rather, a few less are marked.
        first_beyond = sorted(own)[count(len(own))]
        marks[members] = [digest < first_beyond for digest in own]
    return marks
