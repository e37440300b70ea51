"""Labels as shares of classes, if they are labels of these classes."""

import sys
from typing import Any

import keras
import numpy as np
from keras import ops


def class_shares(labels: Any, num_classes: int, images: Any) -> Any:
    """Return rows of shares with the sum 1, of whole numbers or of such rows; refuse other labels.

    In a graph of TensorFlow they are refused when it runs, where Keras compiles for another
    backend not at all.
    """
    labels = labels if hasattr(labels, "shape") else np.asarray(labels)
    batch = tuple(np.shape(images)[:1])
    if tuple(labels.shape) not in (batch, (*batch, num_classes)):
        words = f"`labels` must have shape (batch,) or (batch, {num_classes}); got"
        raise ValueError(f"{words} {tuple(labels.shape)} for images {tuple(np.shape(images))}.")
    shares = given = ops.convert_to_tensor(labels)
    if len(labels.shape) == 1:  # what is none of the classes gets a row of zeros
        classes = ops.cast(given, "int32")
        is_whole = ops.cast(ops.equal(ops.cast(classes, given.dtype), given), "float32")
        shares = ops.one_hot(classes, num_classes) * is_whole[:, None]
    shares = ops.cast(shares, "float32")
    are_right = ops.all(abs(ops.sum(shares, axis=1) - 1) < 1e-3) & ops.all(shares >= 0)
    rule = f"`labels` must be 0 to {num_classes - 1}, one of {num_classes} classes, or rows of"
    rule += " shares, 0 or more, with the sum 1; number the classes from 0"
    try:
        is_wrong = not bool(are_right)
    except TypeError:  # there are no numbers yet
        if keras.backend.backend() == "tensorflow":
            sys.modules["tensorflow"].debugging.Assert(are_right, [rule])
        return shares
    if is_wrong:
        numbers = ops.convert_to_numpy(given)
        raise ValueError(f"{rule}; got {numbers.min()} to {numbers.max()}.")
    return shares
