"""Which arrays does this .npz file hold, and can it be trusted?

This file stands alone: copy it, it needs only NumPy.
"""

import math
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

MAX_MEMBER = 4 * 2**30  # bytes of one array
MAX_RATIO = 100  # of an array to what the file holds of it


def load_npz(path: str | Path, keys: Sequence[str]) -> dict[str, np.ndarray]:
    """Load the named arrays; never unpickle, and never allocate what the file cannot hold.

    Args:
        path: A file as `np.savez` or `np.savez_compressed` write it.
        keys: The arrays that it must hold.

    Returns:
        The arrays by their keys.

    Raises:
        FileNotFoundError: If there is no such file.
        OSError: If it is empty, cut short, no .npz file, lacks a key, or holds Python objects or
            an array that is larger than it can be.
    """
    path = Path(path)
    again = "Get it again, or save it again with np.savez."
    if not path.is_file():
        raise FileNotFoundError(f"{path} is no file that exists. {again}")
    if path.stat().st_size == 0:
        raise OSError(f"{path} is empty (0 bytes). {again}")
    try:
        with zipfile.ZipFile(path) as archive:
            found = {name.removesuffix(".npy"): name for name in archive.namelist()}
            missing = [key for key in keys if key not in found]
            if missing:
                raise ValueError(f"it lacks {', '.join(missing)}; it holds {', '.join(found)}")
            return {key: read_member(archive, found[key]) for key in keys}
    except (
        *(OSError, EOFError, ValueError, TypeError, KeyError, SyntaxError, OverflowError),
        *(zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, MemoryError),
    ) as error:
        with path.open("rb") as file:
            looks = " It looks like text or a web page." if file.read(64).isascii() else ""
        raise OSError(
            f"{path} ({path.stat().st_size:,} bytes) is no .npz file that can be read:"
            f" {' '.join(str(error).split()) or type(error).__name__}.{looks} {again}"
        ) from error


def read_member(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """Read one array, after a look at the size that its header declares."""
    stored = archive.getinfo(name).compress_size
    with archive.open(name) as file:
        version = npy.read_magic(file)
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read_header(file)
    if dtype.hasobject:
        raise ValueError(f"{name} holds Python objects, which could run a program")
    size = math.prod(shape) * dtype.itemsize
    if size > MAX_MEMBER and size > MAX_RATIO * stored:
        raise ValueError(f"{name} declares {size:,} bytes and stores {stored:,}")
    if size > archive.getinfo(name).file_size:
        raise ValueError(f"{name} declares {size:,} bytes; its entry holds fewer")
    with archive.open(name) as file:
        array = npy.read_array(file, allow_pickle=False)
        if file.read(1):
            raise ValueError(f"{name} goes on after its {size:,} bytes")
    return array
