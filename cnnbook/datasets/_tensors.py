"""What layers and changes do with tensors that they cannot read, and with numbers that look odd."""

import math
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np


def is_foreign(tensor: Any) -> bool:
    """Tell whether a tensor is tf.data's, and Keras runs on something else."""
    library: Any = sys.modules.get("tensorflow")
    if library is None or keras.backend.backend() == "tensorflow":
        return False
    return bool(library.is_symbolic_tensor(tensor))


def by_numbers(
    function: Callable[..., Sequence[Any]],
    tensors: Sequence[Any],
    kinds: Sequence[tuple[Any, str]],
) -> list[Any]:
    """Compute with Keras, on what it runs on, inside a graph of tf.data; arrays go between them.

    `kinds` are shape and type of each result.
    """
    import tensorflow

    def compute(*arrays: np.ndarray) -> list[np.ndarray]:
        pairs = zip(function(*arrays), kinds, strict=True)
        return [np.asarray(keras.ops.convert_to_numpy(one), dtype) for one, (_, dtype) in pairs]

    results = tensorflow.numpy_function(compute, tensors, [dtype for _, dtype in kinds])
    pairs = zip(results, kinds, strict=True)
    return [tensorflow.ensure_shape(result, shape) for result, (shape, _) in pairs]


def insist(holds: Any, words: str, values: Any) -> None:
    """Raise a ValueError where a condition does not hold; in TensorFlow's graphs, when they run."""
    try:
        is_wrong = not bool(holds)
    except TypeError:  # no numbers yet
        if keras.backend.backend() == "tensorflow":
            sys.modules["tensorflow"].debugging.Assert(holds, [words])
        return
    if is_wrong:
        values = keras.ops.convert_to_numpy(values)
        raise ValueError(f"{words}; got {values.min()} to {values.max()}.")


def tell_range(images: np.ndarray, highest: float, reason: str, largest: float = math.inf) -> None:
    """Warn of images from 0 to 1, or around 0, where others reach `highest`; and of far larger."""
    if not images.size or images.dtype.kind not in "biuf":
        return
    low, high = float(images.min()), float(images.max())
    is_small = low < high < highest / 10 and (low < 0 or high <= 1)
    if is_small or high > 1.1 * largest:  # resizing makes pixels a little brighter than white
        words = f"`images` have values from {low:.3g} to {high:.3g}, and {reason}"
        warnings.warn(f"{words}. Give all on one scale, 0 to 255 as on disk.", stacklevel=3)
