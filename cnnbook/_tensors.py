"""What layers and changes do with tensors that they cannot read, and with numbers that look odd."""

import math
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


def is_foreign(tensor: Any) -> bool:
    """Tell whether a tensor is tf.data's, and Keras, if it is in use, runs on something else."""
    library: Any = sys.modules.get("tensorflow")
    keras: Any = sys.modules.get("keras")
    if library is None or keras is None or keras.backend.backend() == "tensorflow":
        return False
    return bool(library.is_symbolic_tensor(tensor))


def by_numbers(
    function: Callable[..., Any],
    tensors: Sequence[Any],
    kinds: Sequence[tuple[Any, str]],
    *arguments: Any,
    **keywords: Any,
) -> Any:
    """Compute with Keras, on what it runs on, inside a graph of tf.data; arrays go between them.

    `kinds` are shape and type of each result. What follows goes to the function as it is.
    """
    import keras
    import tensorflow

    def compute(*arrays: np.ndarray) -> list[np.ndarray]:
        results = function(*arrays, *arguments, **keywords)
        pairs = zip(results if len(kinds) > 1 else [results], kinds, strict=True)
        return [np.asarray(keras.ops.convert_to_numpy(one), dtype) for one, (_, dtype) in pairs]

    results = tensorflow.numpy_function(compute, tensors, [dtype for _, dtype in kinds])
    shaped = tuple(map(tensorflow.ensure_shape, results, [shape for shape, _ in kinds]))
    return shaped if len(kinds) > 1 else shaped[0]


def tell_range(images: np.ndarray, highest: float, reason: str, largest: float = math.inf) -> None:
    """Warn of images from 0 to 1, or around 0, where others reach `highest`; and of far larger."""
    if not images.size or images.dtype.kind not in "biuf":
        return
    low, high = float(images.min()), float(images.max())
    is_small = low < high < highest / 10 and (low < 0 or high <= 1)
    if is_small or high > 1.1 * largest:  # resizing makes pixels a little brighter than white
        words = f"`images` have values from {low:.3g} to {high:.3g}, and {reason}"
        warnings.warn(f"{words}. Give all on one scale, 0 to 255 as on disk.", stacklevel=3)
