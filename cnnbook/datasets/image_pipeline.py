"""How do 100,000 pictures become batches without filling the memory?

Only paths and labels are kept; a batch is read when its turn comes, by several threads. Shuffle,
read and batch, augment, prefetch. A layer that moves pixels resizes the pictures as well, in one
resampling.

This file stands alone: copy it, it needs only NumPy, Pillow and TensorFlow.
"""

import functools
import inspect
import io
import math
import os
import stat
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP")
MAX_PIXELS = 50_000_000
MAX_BYTES = 200_000_000


def make_image_pipeline(
    paths: Sequence[str | Path],
    labels: np.ndarray,
    image_size: tuple[int, int] = (160, 160),
    batch_size: int = 32,
    *,
    training: bool = False,
    augment: Callable | None = None,
    seed: int = 0,
) -> tf.data.Dataset:
    """Make a dataset of (images, labels) batches from files, read when they are needed.

    Args:
        paths: One picture file each.
        labels: (count,) or (count, ...).
        image_size: (height, width) in pixels that every picture is resized to.
        batch_size: Images a batch; the last batch may be smaller.
        training: Shuffle anew in each epoch, and augment. Off for evaluation.
        augment: A Keras layer or a function from a batch of images to a batch of images, or one
            with a parameter named `labels`, which takes both and returns both. It is called with
            `training=True` if it has such a parameter. One with `resizes=True`, as
            `make_augmentation` makes where pixels are moved, gets pictures of their own sizes, and
            has a method `change_and_resize(pixels, sizes, image_size)`. Unused in evaluation.
        seed: Of the shuffle.

    Returns:
        A `tf.data.Dataset` that yields every picture exactly once an epoch, as `read_image` reads
        it, or as `augment` resizes and changes it: (batch, height, width, 3) uint8. Iterating
        raises `tf.errors.InvalidArgumentError` that names the file where a picture cannot be read.

    Raises:
        ValueError: If there are no paths, the lengths differ, or a size is below 1.
    """
    if len(paths) == 0:
        raise ValueError("`paths` is empty; a pipeline needs at least one picture.")
    if len(paths) != len(labels):
        raise ValueError(
            f"`paths` and `labels` must have the same length; got {len(paths)} paths and"
            f" {len(labels)} labels."
        )
    if min(*image_size, batch_size) < 1:
        raise ValueError(
            f"`image_size` and `batch_size` must be at least 1; got {image_size} and {batch_size}."
        )
    labels = np.asarray(labels)

    resizes = training and getattr(augment, "resizes", False)
    read_one = read_below_twice if resizes else read_image
    kinds = (*((tf.uint8, tf.int32) if resizes else (tf.uint8,)), labels.dtype, tf.string)

    def read_batch(rows: np.ndarray) -> tuple:
        try:
            pictures, problem = [read_one(paths[row], image_size) for row in rows], ""
        except OSError as error:
            pictures, problem = [np.zeros((*image_size, 3), np.uint8)] * len(rows), str(error)
        images = one_after_the_other(pictures) if resizes else [np.stack(pictures)]
        return *images, labels[rows], problem

    def read(indices: tf.Tensor) -> tuple[tf.Tensor, ...]:
        *images, targets, problem = tf.numpy_function(read_batch, [indices], kinds)
        targets.set_shape((None, *labels.shape[1:]))
        with tf.control_dependencies([tf.debugging.Assert(problem == "", [problem])]):
            shapes = [(None, 3), (None, 2)] if resizes else [(None, *image_size, 3)]
            return *map(tf.ensure_shape, images, shapes), targets

    dataset = tf.data.Dataset.range(len(paths))
    if training:
        dataset = dataset.shuffle(len(paths), seed=seed, reshuffle_each_iteration=True)
    dataset = dataset.batch(batch_size).map(read, num_parallel_calls=os.cpu_count())
    if training and augment is not None:
        change = functools.partial(resize_batch, image_size) if resizes else change_batch
        dataset = dataset.map(functools.partial(change, augment), num_parallel_calls=2)
    options = tf.data.Options()
    options.autotune.enabled = False  # it may hold up the end of an epoch, for as long as that took
    return dataset.prefetch(2).with_options(options)


def read_below_twice(path: str | Path, image_size: tuple[int, int]) -> np.ndarray:
    """Read a picture, each side as it is or shrunk by a whole number to at most twice its size."""
    picture = read_image(path)
    down, across = (math.ceil(picture.shape[side] / (2 * image_size[side])) for side in (0, 1))
    if down == across == 1:
        return picture
    return np.asarray(Image.fromarray(picture).reduce((across, down)))


def one_after_the_other(pictures: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Put the pixels of pictures of several sizes into one array, and say the sizes.

    Returns:
        (count, 3) uint8, and (batch, 2) int32. The count is a power of the root of two, so that
        few are ever seen: operations are compiled for each anew. The last pixels are arbitrary.
    """
    sizes = np.array([picture.shape[:2] for picture in pictures], np.int32)
    count = int(sizes.prod(axis=1).sum())
    pixels = np.empty((math.ceil(2 ** (math.ceil(2 * math.log2(count)) / 2)), 3), np.uint8)
    np.concatenate([picture.reshape(-1, 3) for picture in pictures], out=pixels[:count])
    return pixels, sizes


def resize_batch(
    image_size: tuple[int, int],
    augment: Callable,
    pixels: tf.Tensor,
    sizes: tf.Tensor,
    labels: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Change and resize the pictures of a training batch."""
    return augment.change_and_resize(pixels, sizes, image_size), labels


def change_batch(augment: Callable, images: tf.Tensor, labels: tf.Tensor) -> tuple:
    """Change the images of a training batch, and the labels where `augment` asks for `labels`."""
    parameters = inspect.signature(getattr(augment, "call", augment)).parameters
    offered = {"training": True, "labels": labels}
    changed = augment(images, **{name: offered[name] for name in offered if name in parameters})
    return changed if "labels" in parameters else (changed, labels)


# From here on image_folder.py, mapping_file.py and image_pipeline.py say the same, word for word.


def shown(path: str | Path) -> str:
    """Return a path for a message: on one line, and printable whatever its bytes are."""
    text = str(path)
    return text if text.isprintable() else ascii(text)


def read_image(path: str | Path, image_size: tuple[int, int] | None = None) -> np.ndarray:
    """Read one picture: the one way of reading, in training, evaluation and prediction.

    Photos are turned upright (EXIF). All kinds become RGB: transparency is laid on white, 16-bit
    values keep their upper 8 bits, an animation gives its first picture and a warning, colour
    profiles are ignored. What counts is the content, not the ending of the name.

    Args:
        path: A JPEG, PNG, GIF, BMP or WebP file of at most 50 million pixels and 200 MB.
        image_size: (height, width) to resize to, bilinear; None keeps the size.

    Returns:
        (height, width, 3) uint8.

    Raises:
        OSError: If the file is no picture, or only a part of one: names the file.
    """
    try:
        file = path if isinstance(path, Path) else Path(path)
        if not stat.S_ISREG((status := file.stat()).st_mode):
            raise ValueError("it is no regular file")
        if status.st_size > MAX_BYTES:
            raise ValueError(f"{status.st_size:,} bytes; the limit is {MAX_BYTES:,}")
        picture = decode_image(file.read_bytes(), shown(path))
        if image_size is not None:
            picture = picture.resize(image_size[::-1], Image.Resampling.BILINEAR)
    except Exception as error:  # Pillow raises a dozen kinds on damaged files
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        reason = " ".join(reason.split())
        raise OSError(
            f"{shown(path)} is no picture that can be read ({reason}); repair, replace or remove"
            " it."
        ) from error
    return np.asarray(picture)


def decode_image(content: bytes, name: str) -> Image.Image:
    """Decode the content of a picture file, as `read_image` promises, but for the resizing."""
    if not content:
        raise ValueError("the file is empty")
    try:
        picture = Image.open(io.BytesIO(content), formats=FORMATS)
    except Image.UnidentifiedImageError:
        if content.startswith((b"\xff\xd8", b"\x89PNG", b"GIF8", b"BM", b"RIFF")):
            raise ValueError("its header is damaged or cut short") from None
        looks = "; it looks like HTML or SVG" if content.lstrip()[:1] == b"<" else ""
        raise ValueError(f"it is none of {', '.join(FORMATS)}{looks}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ValueError(f"too many pixels; the limit is {MAX_PIXELS:,}") from None
    if math.prod(picture.size) > MAX_PIXELS:
        raise ValueError(f"{math.prod(picture.size):,} pixels; the limit is {MAX_PIXELS:,}")
    if getattr(picture, "is_animated", False) and picture.format in FORMATS:
        warnings.warn(f"{name} is an animation: its first picture is used.", stacklevel=3)
    picture.load()
    ImageOps.exif_transpose(picture, in_place=True)
    if picture.mode.startswith("I"):  # grey in 16 bits, which Pillow would clip
        return Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8)).convert("RGB")
    if picture.has_transparency_data:
        white = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(white, picture.convert("RGBA")).convert("RGB")
    return picture if picture.mode == "RGB" else picture.convert("RGB")
