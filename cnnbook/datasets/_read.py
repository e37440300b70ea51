"""The one way of reading a picture: in training, evaluation and prediction alike."""

import math
import re
import stat
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from cnnbook._checks import checked, shown
from cnnbook._decode import FORMATS, MAX_PIXELS, as_rgb, load_picture
from cnnbook._machine import not_the_file, reason_of
from cnnbook.center_crop import center_crop
from cnnbook.labelled_files import LabelledFiles

# What files of each are called; the first six are the usual ones.
ENDINGS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".gif": "GIF", ".bmp": "BMP"}
ENDINGS |= {".webp": "WEBP", **dict.fromkeys((".jfif", ".jpe", ".pjpeg", ".pjp", ".mpo"), "JPEG")}
ENDINGS |= {".apng": "PNG", ".dib": "BMP"}
MAX_BYTES = 200_000_000
# How files of pictures begin: those that can be read, and others.
READABLE = re.compile(rb"\xff\xd8\xff|\x89PNG\r\n|GIF8[79]a|BM.{4}\0{4}|RIFF.{4}WEBP", re.DOTALL)


@checked
def read_image(path: str | Path, image_size: tuple[int, int] | None = None) -> np.ndarray:
    """Read one picture: the one way of reading, in training, evaluation and prediction.

    Photos are turned upright (EXIF). All kinds become RGB: transparency is laid on white, 16-bit
    values keep their upper 8 bits, an animation gives its first picture and a warning, colour
    profiles are ignored, and so are broken blocks beside the pixels. The ending of the name does
    not count.

    Args:
        path: A JPEG, PNG, GIF, BMP or WebP file of at most 50 million pixels and 200 MB.
        image_size: (height, width) to resize to, bilinear; None keeps the size.

    Returns:
        (height, width, 3) uint8.

    Raises:
        ValueError: If a size is below 1, or beyond 50 million pixels.
        OSError: If the file is no picture, or only a part of one: names the file. Where the machine
            is to blame, for a permission or a disk, the error has an `errno`.
        MemoryError: If there is too little memory.
    """
    if image_size is not None:
        check_size(image_size)
    picture = _open(path)
    if image_size is not None:
        picture = picture.resize((image_size[1], image_size[0]), Image.Resampling.BILINEAR)
    return np.asarray(picture)


@checked
def read_center_crop(path: str | Path, image_size: tuple[int, int]) -> np.ndarray:
    """Read the largest window in the middle of a picture with the proportions of `image_size`.

    Networks for ImageNet are used to such windows. For the rest it is as `read_image`.

    Args:
        path: A JPEG, PNG, GIF, BMP or WebP file of at most 50 million pixels and 200 MB.
        image_size: (height, width) in pixels that the window is resized to, bilinear.

    Returns and raises what `read_image` does.
    """
    check_size(image_size)
    return center_crop(_open(path), image_size)


def read_images(files: LabelledFiles, image_size: tuple[int, int]) -> np.ndarray:
    """Read all pictures, resized: (count, height, width, 3) uint8."""
    images = np.empty((len(files), *image_size, 3), np.uint8)
    for index, path in enumerate(files.paths):
        images[index] = read_image(path, image_size)
    return images


def check_size(image_size: tuple[int, int]) -> None:
    """Refuse a size below one pixel, or beyond what is read."""
    if min(image_size) < 1 or math.prod(image_size) > MAX_PIXELS:
        limit = f"and not more than {MAX_PIXELS:,} pixels in all"
        must = f"must be (height, width), at least 1, {limit}"
        raise ValueError(f"`image_size` {must}; got {image_size}.")


def _open(path: str | Path) -> Image.Image:
    """Read and decode a file; raise an error that names it where that is not possible."""
    try:
        status = Path(path).stat()
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("it is no regular file")
        if status.st_size > MAX_BYTES:
            raise ValueError(f"{status.st_size:,} bytes; the limit is {MAX_BYTES:,}")
        return _decode(Path(path).read_bytes(), shown(path))
    except Exception as error:  # Pillow raises a dozen kinds on damaged files
        if told := not_the_file(error, path):
            raise told from error
        found = f"is no picture that can be read ({reason_of(error)})"
        raise OSError(f"{shown(path)} {found}; repair, replace or remove it.") from error


def _decode(content: bytes, name: str) -> Image.Image:
    """Decode the content of a picture file, as `read_image` promises, but for the resizing."""
    picture = load_picture(content, max_pixels=MAX_PIXELS)
    if getattr(picture, "is_animated", False) and picture.format in FORMATS:
        warnings.warn(f"{name} is an animation: its first picture is used.", stacklevel=5)
    return as_rgb(picture)
