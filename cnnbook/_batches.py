"""What makers of batches share: arrays are checked, a batch is changed, nothing holds one up."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from cnnbook._tensors import is_foreign


def change_batch(
    augment: Callable[..., Any], images: tf.Tensor, labels: tf.Tensor, **more: tf.Tensor
) -> tuple:
    """Change the images of a training batch, and the labels where `augment` asks for `labels`.

    What `more` holds goes to those that have a parameter of its name, without a default.
    """
    parameters = inspect.signature(getattr(augment, "call", augment)).parameters
    needed = {name for name, each in parameters.items() if each.default is each.empty}
    offered = {"training": True, "labels": labels} | {
        name: more[name] for name in needed.intersection(more)
    }
    asked = {name: offered[name] for name in offered if name in parameters}
    try:
        changed = augment(images, **asked)
    except (NotImplementedError, TypeError) as error:
        if not is_foreign(images):
            raise
        words = "`augment` must take tensors of TensorFlow, which tf.data runs on, also where Keras"
        advice = "write it with `tf`, not `keras.ops`, or set KERAS_BACKEND=tensorflow"
        raise ValueError(f"{words} does not; {advice}.") from error
    both = changed if "labels" in parameters else (changed, labels)
    if not isinstance(both, tuple) or len(both) != 2 or not all(hasattr(x, "shape") for x in both):
        words = "`augment` must return a batch of images, and with a parameter `labels` a pair of"
        raise ValueError(f"{words} images and labels; it returned {type(changed).__name__}.")
    return both


def as_they_come(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Switch off tuning: it may hold up the end of an epoch, for as long as all before took."""
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def check_arrays(
    images: np.ndarray, labels: np.ndarray, batch_size: int, num_classes: int | None = None
) -> None:
    """Refuse arrays that make no batches, and what would train, without a word, to nonsense."""
    if not (np.ndim(images) and np.ndim(labels)):
        raise ValueError("`images` and `labels` must be several; pass image[None] and [label].")
    if len(images) == 0:
        raise ValueError("`images` is empty; a pipeline needs at least one image.")
    if len(images) != len(labels):
        found = f"got {len(images)} images and {len(labels)} labels"
        raise ValueError(f"`images` and `labels` must have the same length; {found}.")
    if batch_size < 1:
        raise ValueError(f"`batch_size` must be at least 1; got {batch_size}.")
    _check_values(np.asarray(images), np.asarray(labels), num_classes)


def _check_values(images: np.ndarray, labels: np.ndarray, num_classes: int | None) -> None:
    """Refuse what would train, without a word, to nan or to nonsense."""
    for name, values in (("images", images), ("labels", labels)):
        # nan passes through `min`, and nothing is copied.
        ends = [values.min(), values.max()] if values.size and values.dtype.kind == "f" else []
        if not np.isfinite(ends).all():
            raise ValueError(
                f"`{name}` must be finite; got nan or infinity. Look for their source."
            )
    if num_classes is not None and num_classes < 2:
        raise ValueError(f"`num_classes` must be 2 or more, or None; got {num_classes}.")
    are_classes = labels.size == len(labels) and labels.dtype.kind in "iu"
    lowest, highest = labels.min(initial=0), labels.max(initial=0)
    found = f"got {lowest} to {highest}, of shape {labels.shape}. Number the classes from 0"
    if are_classes and lowest < 0:
        raise ValueError(f"`labels` must be 0 or more; {found}.")
    is_known = are_classes and highest < (num_classes or np.inf)
    are_shares = labels.shape[1:] == (num_classes,) and lowest >= 0
    are_shares = are_shares and bool((abs(labels.sum(axis=1, dtype=float) - 1) < 1e-3).all())
    if num_classes and not is_known and not are_shares:
        words = f"`labels` must be whole numbers, 0 to {num_classes - 1}, or {num_classes} shares"
        raise ValueError(f"{words} each, with the sum 1; {found}.")
