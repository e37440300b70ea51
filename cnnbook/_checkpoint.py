"""How is the state of a training kept in one file, whole or not at all, and told from damage?

The file begins with a line that names its format, the SHA-256 of the line after it, and that line:
JSON, in which arrays stand as their own SHA-256. Their bytes follow.
"""

import contextlib
import hashlib
import json
import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from cnnbook._checks import shown
from cnnbook._machine import not_the_file, reason_of

FORMAT = b"cnnbook training 1"
Arrays = dict[str, np.ndarray]


def as_plain(value: Any, arrays: Arrays) -> Any:
    """Return numbers, text, arrays, and lists and dictionaries of them, for JSON.

    Arrays go into `arrays`, under what stands for them: equal ones once.

    Raises:
        TypeError: If there is something else.
    """
    if isinstance(value, np.generic) and value.dtype.kind in "biuf":
        return value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        arrays[digest := _digest(value)] = value
        return {"sha256": digest}
    if isinstance(value, (list, tuple)):
        return [as_plain(item, arrays) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: as_plain(item, arrays) for key, item in value.items()}
    raise TypeError(type(value).__name__)


def from_plain(value: Any, arrays: Arrays) -> Any:
    """Return what `as_plain` was given; tuples are lists."""
    if isinstance(value, list):
        return [from_plain(item, arrays) for item in value]
    if isinstance(value, dict):
        if value.keys() == {"sha256"}:
            return arrays[value["sha256"]].copy()
        return {key: from_plain(item, arrays) for key, item in value.items()}
    return value


def write_state(path: Path, state: Any, arrays: Arrays, held: str = "What it held") -> None:
    """Write a state beside the file of the last one, and put it in its place when it is on disk.

    `held` is what an error calls the last one.

    Raises:
        OSError: If that fails; the last file is as it was, and nothing lies beside it.
    """
    kinds = [[digest, str(array.dtype), array.shape] for digest, array in arrays.items()]
    header = json.dumps({"state": state, "arrays": kinds}).encode()
    lines = [FORMAT, hashlib.sha256(header).hexdigest().encode(), header, b""]
    part = path.with_name(path.name + ".part")
    try:
        _write_through(part, [b"\n".join(lines), *(array.tobytes() for array in arrays.values())])
        part.replace(path)
        _flush_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        kept = f" {held} is kept." if path.exists() else ""
        words = f"{shown(path)} cannot be written ({reason_of(error)}).{kept}"
        told = OSError(f"{words} Make room or see to the folder, and run the same again.")
        told.errno = error.errno
        raise told from error


def _write_through(path: Path, parts: Iterable[bytes]) -> None:
    with path.open("wb") as file:
        for part in parts:
            file.write(part)
        file.flush()
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    """Put a new name on disk too, where folders can be opened."""
    if hasattr(os, "O_DIRECTORY"):
        place = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(place)
        finally:
            os.close(place)


def read_state(path: Path) -> tuple[Any, Arrays]:
    """Return what `write_state` has written.

    Raises:
        OSError: If the file cannot be read, is something else, or has changed since.
    """
    return state_of(read_content(path), path)


def read_content(path: Path) -> bytes:
    """Return the bytes of a file, or say why they cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise not_the_file(error, path) or error from error


def state_of(content: bytes, path: Path) -> tuple[Any, Arrays]:
    """Return the state that the content of a file is; see `read_state`."""
    if not content.startswith(FORMAT + b"\n"):
        kind = "of another version of cnnbook" if content.startswith(FORMAT[:-1]) else "no training"
        raise OSError(f"{shown(path)} is {kind}: name another `folder`, or remove the file.")
    damaged = OSError(
        f"{shown(path)} is damaged: its content has another SHA-256 than when it was written."
        " Put a copy of it back, or remove it and begin anew."
    )
    digest, _, rest = content[len(FORMAT) + 1 :].partition(b"\n")
    header = rest.partition(b"\n")[0]
    if hashlib.sha256(header).hexdigest().encode() != digest:
        raise damaged
    known = json.loads(header)
    arrays: Arrays = {}
    place = len(FORMAT) + len(digest) + len(header) + 3
    for name, dtype, shape in known["arrays"]:
        count = math.prod(shape)
        if place + count * np.dtype(dtype).itemsize > len(content):
            raise damaged
        arrays[name] = np.frombuffer(content, dtype, count, place).reshape(shape)
        place += arrays[name].nbytes
        if _digest(arrays[name]) != name:
            raise damaged
    if place != len(content):
        raise damaged
    return known["state"], arrays


def _digest(array: np.ndarray) -> str:
    """Return the SHA-256 of an array, with its type and shape."""
    return hashlib.sha256(f"{array.dtype} {array.shape}".encode() + array.tobytes()).hexdigest()
