"""How do 100,000 pictures become batches without filling the memory?

Only paths and labels are kept; a batch is read when its turn comes, by several threads. A layer
that moves pixels resizes the pictures as well, in one resampling.
"""

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from cnnbook._batches import as_they_come, change_batch
from cnnbook._checks import checked
from cnnbook.datasets._read import read_image
from cnnbook.labelled_files import LabelledFiles


@checked
def make_image_pipeline(
    files: LabelledFiles,
    image_size: tuple[int, int] = (160, 160),
    batch_size: int = 32,
    *,
    training: bool = False,
    augment: Callable[..., Any] | None = None,
    seed: int = 0,
) -> tf.data.Dataset:
    """Make a dataset of (images, labels) batches from files, read when they are needed.

    Args:
        files: What `list_image_files`, `list_mapping_file` or a photo set gives, or
            LabelledFiles(paths, labels, class_names).
        image_size: (height, width) in pixels that every picture is resized to.
        batch_size: Images a batch; the last batch may be smaller.
        training: Shuffle anew in each epoch, and augment. Off for evaluation.
        augment: A Keras layer or function as for `make_pipeline`; unused in evaluation. One with
            `resizes=True`, as `make_augmentation` makes where pixels are moved, has a method
            `change_and_resize(pixels, sizes, image_size)`, for pictures of their own sizes.
        seed: Of the shuffle.

    Returns:
        A `tf.data.Dataset` that yields every picture exactly once an epoch, (batch, height, width,
        3) uint8, and raises `tf.errors.InvalidArgumentError` that names a file that is unreadable.

    Raises:
        ValueError: If there are no files, or a size is below 1.
    """
    if len(files) == 0:
        raise ValueError("`files` is empty; a pipeline needs at least one picture.")
    if min(*image_size, batch_size) < 1:
        found = f"got {image_size} and {batch_size}"
        raise ValueError(f"`image_size` and `batch_size` must be at least 1; {found}.")
    layer: Any = augment
    resizes = training and getattr(layer, "resizes", False)

    def change(*batch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        if not resizes:
            return change_batch(layer, *batch)
        pixels, sizes, labels = batch
        return layer.change_and_resize(pixels, sizes, image_size), labels

    read = _reader(files, image_size, resizes)
    dataset = tf.data.Dataset.range(len(files))
    if training:
        dataset = dataset.shuffle(len(files), seed=int(seed), reshuffle_each_iteration=True)
    dataset = dataset.batch(batch_size).map(read, num_parallel_calls=os.cpu_count())
    if training and augment is not None:
        dataset = dataset.map(change, num_parallel_calls=2)
    return as_they_come(dataset.prefetch(2))


def _reader(files: LabelledFiles, image_size: tuple[int, int], resizes: bool) -> Callable[..., Any]:
    """Return what reads a batch: from numbers of files to tensors of images and labels."""
    labels, read_one = files.labels, _read_below_twice if resizes else read_image
    kinds = (*((tf.uint8, tf.int32) if resizes else (tf.uint8,)), labels.dtype, tf.string)
    shapes = [(None, 3), (None, 2)] if resizes else [(None, *image_size, 3)]

    def read_batch(rows: np.ndarray) -> tuple[Any, ...]:
        try:
            pictures, problem = [read_one(files.paths[row], image_size) for row in rows], ""
        except OSError as error:
            pictures, problem = [np.zeros((*image_size, 3), np.uint8)] * len(rows), str(error)
        images = _one_after_the_other(pictures) if resizes else [np.stack(pictures)]
        return *images, labels[rows], problem

    def read(indices: tf.Tensor) -> tuple[tf.Tensor, ...]:
        *images, targets, problem = tf.numpy_function(read_batch, [indices], kinds)
        targets.set_shape((None, *labels.shape[1:]))
        with tf.control_dependencies([tf.debugging.Assert(problem == "", [problem])]):
            return *map(tf.ensure_shape, images, shapes), targets

    return read


def _read_below_twice(path: str | Path, image_size: tuple[int, int]) -> np.ndarray:
    """Read a picture, each side as it is or shrunk by a whole number to at most twice its size."""
    picture = read_image(path)
    down, across = (math.ceil(picture.shape[side] / (2 * image_size[side])) for side in (0, 1))
    if down == across == 1:
        return picture
    return np.asarray(Image.fromarray(picture).reduce((across, down)))


def _one_after_the_other(pictures: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Put the pixels of all pictures into one array (count, 3), and say the sizes (batch, 2)."""
    # Counts are powers of the root of two: each is compiled for anew. The last are arbitrary.
    sizes = np.array([picture.shape[:2] for picture in pictures], np.int32)
    count = int(sizes.prod(axis=1).sum())
    pixels = np.empty((math.ceil(2 ** (math.ceil(2 * math.log2(count)) / 2)), 3), np.uint8)
    np.concatenate([picture.reshape(-1, 3) for picture in pictures], out=pixels[:count])
    return pixels, sizes
