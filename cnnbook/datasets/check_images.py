"""Which of these pictures cannot be read? The quick answer, before a long training.

JPEG files are decoded whole by TensorFlow, in parallel, to grey and at an eighth of their size: a
file that is cut short or damaged shows there. What it does not pass, and every other kind of file,
is read by the reader that training uses, which says what is wrong.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import tensorflow as tf

from cnnbook._checks import checked
from cnnbook.datasets._batches import as_they_come
from cnnbook.datasets._read import MAX_BYTES, MAX_PIXELS


@checked
def find_broken_images(
    paths: Sequence[str | Path], read: Callable[[str | Path], object]
) -> dict[str | Path, str]:
    """Check that every picture can be read.

    Args:
        paths: One file each.
        read: The reader of `image_folder`, or another; raises OSError where it cannot read.

    Returns:
        What is wrong with each picture that cannot be read, in the order of `paths`.
    """
    names = tf.data.Dataset.from_tensor_slices([os.fsencode(path) for path in paths] or [b""])
    passed = names.enumerate().map(
        lambda index, name: tf.where(_is_whole_jpeg(name), index, -1),
        num_parallel_calls=os.cpu_count(),
        deterministic=False,
    )
    passed = as_they_come(passed.ignore_errors().batch(1024))
    # What raises was dropped there, and so is not among the good ones.
    good = {int(index) for some in passed for index in some.numpy()}
    broken = {}
    for index, path in enumerate(paths):
        if index not in good:
            try:
                read(path)
            except OSError as error:
                broken[path] = str(error)
    return broken


def _is_whole_jpeg(name: tf.Tensor) -> tf.Tensor:
    """Decode a file; raises where it is no JPEG, too large, or damaged.

    All of it is read and unpacked, but only to grey, at an eighth of the size.
    """
    content = tf.io.read_file(name)
    height, width = tf.unstack(tf.io.extract_jpeg_shape(content, tf.int64)[:2])
    is_small = (height * width <= MAX_PIXELS) & (tf.strings.length(content) <= MAX_BYTES)
    with tf.control_dependencies([tf.debugging.Assert(is_small, [name])]):
        return tf.size(tf.io.decode_jpeg(content, channels=1, ratio=8)) > 0
