"""What makers of batches share: a batch is changed, and nothing holds one up."""

import inspect
from collections.abc import Callable
from typing import Any

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
