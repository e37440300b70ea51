"""CIFAR's own Python files: how are they read without running what they may hold?

They are pickles, and a pickle can run any program. Here it may make dictionaries, lists, strings,
numbers and NumPy arrays, and nothing else.

Source: Krizhevsky, "The CIFAR-10 dataset", https://www.cs.toronto.edu/~kriz/cifar.html.

This file stands alone: copy it, it needs only NumPy.
"""

import codecs
import io
import pickle
from pathlib import Path

import numpy as np

ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): np._core.multiarray._reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): np._core.multiarray._reconstruct,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): codecs.encode,
}
MAX_BYTES = 200_000_000


class RestrictedUnpickler(pickle._Unpickler):
    """An unpickler that knows arrays and plain values only.

    It is the one written in Python: eight bytes can make the one written in C ask for gigabytes.
    What it would make room for before it reads, a bytearray, it reads as bytes.
    """

    dispatch = pickle._Unpickler.dispatch | {pickle.BYTEARRAY8[0]: pickle._Unpickler.load_binbytes8}

    def find_class(self, module: str, name: str) -> object:
        """Return one of the five allowed functions and classes, or refuse."""
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is not allowed")
        return ALLOWED[module, name]


def read_cifar_batch(path: str | Path, label_key: str = "labels") -> tuple[np.ndarray, np.ndarray]:
    """Read one file such as data_batch_1, test_batch (CIFAR-10), train or test (CIFAR-100).

    Args:
        path: The file.
        label_key: "labels" for CIFAR-10; "fine_labels" or "coarse_labels" for CIFAR-100.

    Returns:
        Images (count, 32, 32, 3) uint8 and labels (count,) int64.

    Raises:
        FileNotFoundError: If there is no such file.
        OSError: If it is empty, damaged, no CIFAR batch, or asks for anything but plain values.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} is no file that exists.")
    try:
        if not 0 < path.stat().st_size <= MAX_BYTES:
            raise ValueError(f"it has {path.stat().st_size:,} bytes")
        content = io.BytesIO(path.read_bytes())
        batch = RestrictedUnpickler(content, encoding="bytes").load()
        if not isinstance(batch, dict) or not {b"data", label_key.encode()} <= batch.keys():
            raise ValueError(f"it is no dictionary with data and {label_key}")
        pixels, labels = np.asarray(batch[b"data"]), np.asarray(batch[label_key.encode()])
        if pixels.dtype != np.uint8 or pixels.shape != (len(labels), 3072):
            raise ValueError(
                f"data is {pixels.dtype} of shape {pixels.shape}; expected uint8 of"
                f" ({len(labels)}, 3072)"
            )
        return pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), labels.astype(np.int64)
    except Exception as error:  # a damaged pickle raises almost anything
        reason = " ".join(str(error).split()) or type(error).__name__
        raise OSError(
            f"{path} is no CIFAR batch that can be read: {reason}."
            " Nothing of it was run; get it again from its maker."
        ) from error
