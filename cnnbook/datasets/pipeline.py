"""How do arrays become batches, in the right order?

Shuffle, batch, augment, prefetch: shuffled before, batches differ from epoch to epoch; whole
batches are augmented faster; evaluation neither shuffles nor augments nor drops the last batch.
"""

import functools
import os
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from cnnbook._checks import checked
from cnnbook.datasets._batches import as_they_come, change_batch


@checked
def make_pipeline(
    images: np.ndarray,
    labels: np.ndarray,
    batch_size: int = 128,
    *,
    training: bool = False,
    augment: Callable | None = None,
    seed: int = 0,
) -> tf.data.Dataset:
    """Make a dataset of (images, labels) batches.

    Args:
        images: (count, height, width, channels), any type.
        labels: (count,) or (count, ...).
        batch_size: Images a batch; the last batch may be smaller.
        training: Shuffle anew in each epoch, and augment. Off for evaluation.
        augment: A Keras layer or a function from a batch of images to a batch of images, or one
            with a parameter named `labels`, which takes both and returns both. It is called with
            `training=True` if it has such a parameter. Unused in evaluation.
        seed: Of the shuffle.

    Returns:
        A `tf.data.Dataset` that yields every image exactly once an epoch.

    Raises:
        ValueError: If there are no images, the lengths differ, or `batch_size` is below 1.

    Example:
        >>> images, labels = np.zeros((5, 8, 8, 1), "uint8"), np.arange(5)
        >>> [len(batch) for batch, _ in make_pipeline(images, labels, batch_size=2)]
        [2, 2, 1]
    """
    if not (np.ndim(images) and np.ndim(labels)):
        raise ValueError("`images` and `labels` must be several; pass image[None] and [label].")
    if len(images) == 0:
        raise ValueError("`images` is empty; a pipeline needs at least one image.")
    if len(images) != len(labels):
        found = f"got {len(images)} images and {len(labels)} labels"
        raise ValueError(f"`images` and `labels` must have the same length; {found}.")
    if batch_size < 1:
        raise ValueError(f"`batch_size` must be at least 1; got {batch_size}.")
    dataset = tf.data.Dataset.from_tensor_slices((images, labels))
    if training:
        dataset = dataset.shuffle(len(images), seed=seed, reshuffle_each_iteration=True)
    dataset = dataset.batch(batch_size)
    if training and augment is not None:
        change = functools.partial(change_batch, augment)
        dataset = dataset.map(change, num_parallel_calls=os.cpu_count())
    return as_they_come(dataset.prefetch(2))
