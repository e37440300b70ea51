"""How do arrays become batches, in the right order?

Shuffle, batch, augment, prefetch: shuffled before, batches differ from epoch to epoch; whole
batches are augmented faster; evaluation neither shuffles nor augments nor drops the last batch.
"""

import functools
import os
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from cnnbook._arrays import check_arrays
from cnnbook._batches import as_they_come, change_batch
from cnnbook._checks import checked


@checked
def make_pipeline(
    images: np.ndarray,
    labels: np.ndarray,
    batch_size: int = 128,
    *,
    training: bool = False,
    augment: Callable | None = None,
    num_classes: int | None = None,
    seed: int = 0,
) -> tf.data.Dataset:
    """Make a dataset of (images, labels) batches.

    Args:
        images: (count, height, width, channels), any type, finite. The networks of
            `cnnbook.models` take values of 0 to 255, as they are on disk.
        labels: (count,) or (count, ...), finite; whole numbers, one an image, are 0 or more.
        batch_size: Images a batch; the last batch may be smaller.
        training: Shuffle anew in each epoch, and augment. Off for evaluation.
        augment: A Keras layer or a function from a batch of images to a batch of images, or one
            with a parameter named `labels`, which takes both and returns both. It is called with
            `training=True` if it has such a parameter. Unused in evaluation.
        num_classes: If given, labels must be 0 to num_classes - 1, or (count, num_classes) shares:
            `fit` with `jit_compile=True` makes nan, without a word, of a label that is no class.
        seed: Of the shuffle.

    Returns:
        A `tf.data.Dataset` that yields every image exactly once an epoch.

    Raises:
        ValueError: If there are no images, the lengths differ, `batch_size` is below 1, or images
            or labels are outside what is said above.

    Example:
        >>> images, labels = np.zeros((5, 8, 8, 1), "uint8"), np.arange(5)
        >>> [len(batch) for batch, _ in make_pipeline(images, labels, batch_size=2)]
        [2, 2, 1]
    """
    check_arrays(images, labels, batch_size, num_classes)
    check_range = getattr(augment, "check_range", None)
    if training and check_range:
        check_range(np.asarray(images))
    dataset = tf.data.Dataset.from_tensor_slices((images, labels))
    if training:
        dataset = dataset.shuffle(len(images), seed=int(seed), reshuffle_each_iteration=True)
    dataset = dataset.batch(min(batch_size, len(images)))
    if training and augment is not None:
        change = functools.partial(change_batch, augment)
        dataset = dataset.map(change, num_parallel_calls=os.cpu_count())
    return as_they_come(dataset.prefetch(2))
