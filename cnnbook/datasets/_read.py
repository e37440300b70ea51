"""The one way of reading a picture: in training, evaluation and prediction alike."""

import io
import math
import stat
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from cnnbook._checks import checked, shown
from cnnbook.center_crop import center_crop
from cnnbook.labelled_files import LabelledFiles

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP")
MAX_PIXELS = 50_000_000
MAX_BYTES = 200_000_000


@checked
def read_image(path: str | Path, image_size: tuple[int, int] | None = None) -> np.ndarray:
    """Read one picture: the one way of reading, in training, evaluation and prediction.

    Photos are turned upright (EXIF). All kinds become RGB: transparency is laid on white, 16-bit
    values keep their upper 8 bits, an animation gives its first picture and a warning, colour
    profiles are ignored. The ending of the name does not count.

    Args:
        path: A JPEG, PNG, GIF, BMP or WebP file of at most 50 million pixels and 200 MB.
        image_size: (height, width) to resize to, bilinear; None keeps the size.

    Returns:
        (height, width, 3) uint8.

    Raises:
        ValueError: If a size is below 1.
        OSError: If the file is no picture, or only a part of one: names the file.
    """
    picture = _open(path)
    if image_size is not None:
        check_size(image_size)
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
    return center_crop(_open(path), image_size)


def read_images(files: LabelledFiles, image_size: tuple[int, int]) -> np.ndarray:
    """Read all pictures, resized: (count, height, width, 3) uint8."""
    check_size(image_size)
    images = np.empty((len(files), *image_size, 3), np.uint8)
    for index, path in enumerate(files.paths):
        images[index] = read_image(path, image_size)
    return images


def check_size(image_size: tuple[int, int]) -> None:
    """Refuse a size below one pixel."""
    if min(image_size) < 1:
        raise ValueError(f"`image_size` must be (height, width), at least 1; got {image_size}.")


def _open(path: str | Path) -> Image.Image:
    """Read and decode a file; raise an OSError that names it where that is not possible."""
    try:
        status = Path(path).stat()
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("it is no regular file")
        if status.st_size > MAX_BYTES:
            raise ValueError(f"{status.st_size:,} bytes; the limit is {MAX_BYTES:,}")
        return _decode(Path(path).read_bytes(), shown(path))
    except Exception as error:  # Pillow raises a dozen kinds on damaged files
        found = f"is no picture that can be read ({reason_of(error)})"
        raise OSError(f"{shown(path)} {found}; repair, replace or remove it.") from error


def _decode(content: bytes, name: str) -> Image.Image:
    """Decode the content of a picture file, as `read_image` promises, but for the resizing."""
    picture = open_picture(content)
    if getattr(picture, "is_animated", False) and picture.format in FORMATS:
        warnings.warn(f"{name} is an animation: its first picture is used.", stacklevel=5)
    picture.load()
    ImageOps.exif_transpose(picture, in_place=True)
    if picture.mode.startswith("I"):  # grey in 16 bits, which Pillow would clip
        return Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8)).convert("RGB")
    if picture.has_transparency_data:
        white = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(white, picture.convert("RGBA")).convert("RGB")
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def open_picture(content: bytes) -> Image.Image:
    """Open a picture that may be read, and decode nothing yet; a ValueError says why it may not."""
    if not content:
        raise ValueError("the file is empty")
    try:
        picture = Image.open(io.BytesIO(content), formats=FORMATS)
    except UnidentifiedImageError:
        if content.startswith((b"\xff\xd8", b"\x89PNG", b"GIF8", b"BM", b"RIFF")):
            raise ValueError("its header is damaged or cut short") from None
        looks = "; it looks like HTML or SVG" if content.lstrip()[:1] == b"<" else ""
        raise ValueError(f"it is none of {', '.join(FORMATS)}{looks}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ValueError(f"too many pixels; the limit is {MAX_PIXELS:,} pixels") from None
    if math.prod(picture.size) > MAX_PIXELS:
        raise ValueError(f"{math.prod(picture.size):,} pixels; the limit is {MAX_PIXELS:,} pixels")
    return picture


def reason_of(error: BaseException) -> str:
    """Say on one line what an error says."""
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(reason.split()).rstrip(".")
