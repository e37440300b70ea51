"""Which part of a picture does a network see? The middle, with nothing squeezed.

This file stands alone: copy it, it needs only NumPy and Pillow.
"""

import io
import math
import stat
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP")
MAX_PIXELS = 50_000_000
MAX_BYTES = 200_000_000


def read_center_crop(path: str | Path, image_size: tuple[int, int]) -> np.ndarray:
    """Read the largest window in the middle of a picture with the proportions of `image_size`.

    Networks for ImageNet are used to such windows. For the rest it is `read_image` of
    image_folder.py: photos are turned upright (EXIF), all kinds become RGB, transparency is laid
    on white.

    Args:
        path: A JPEG, PNG, GIF, BMP or WebP file of at most 50 million pixels and 200 MB.
        image_size: (height, width) in pixels that the window is resized to, bilinear.

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
        window = ImageOps.fit(picture, image_size[::-1], Image.Resampling.BILINEAR)
    except Exception as error:  # Pillow raises a dozen kinds on damaged files
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        reason = " ".join(reason.split())
        raise OSError(
            f"{shown(path)} is no picture that can be read ({reason}); repair, replace or remove"
            " it."
        ) from error
    return np.asarray(window)


# These two are those of image_folder.py, word for word.


def shown(path: str | Path) -> str:
    """Return a path for a message: on one line, and printable whatever its bytes are."""
    text = str(path)
    return text if text.isprintable() else ascii(text)


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
