"""The one way of reading a picture: in training, evaluation and prediction alike."""

import errno
import io
import math
import re
import stat
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image, UnidentifiedImageError

from cnnbook._checks import checked, shown
from cnnbook._machine import not_the_file, reason_of
from cnnbook.center_crop import center_crop
from cnnbook.labelled_files import LabelledFiles

Result = TypeVar("Result")
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP")
SIGNS = (b"\xff\xd8", b"\x89PNG", b"GIF8", b"BM", b"RIFF")  # how each of them begins
# What files of each are called; the first six are the usual ones.
ENDINGS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".gif": "GIF", ".bmp": "BMP"}
ENDINGS |= {".webp": "WEBP", **dict.fromkeys((".jfif", ".jpe", ".pjpeg", ".pjp", ".mpo"), "JPEG")}
ENDINGS |= {".apng": "PNG", ".dib": "BMP"}
MAX_PIXELS = 50_000_000
MAX_BYTES = 200_000_000
# How files of pictures begin: those that can be read, and others.
READABLE = re.compile(rb"\xff\xd8\xff|\x89PNG\r\n|GIF8[79]a|BM.{4}\0{4}|RIFF.{4}WEBP", re.DOTALL)
OTHERS = {
    "HEIC or AVIF": rb"(?s).{4}ftyp(hei|hev|mif|msf|avi|crx)",
    "TIFF": rb"II[*+]\0|MM\0[*+]",  # and what cameras call .dng, .nef, .cr2, .arw
    "JPEG XL, JPEG 2000 or PSD": rb"\xff\x0a|\xff\x4f\xff|\0\0\0\x0c(JXL|jP)|8BPS",
    "HTML or SVG": rb"\s*<",
}
# What EXIF says of how to turn a photo, and in which place of a block: of little and big numbers.
TURNS = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE"}
TURNS |= {6: "ROTATE_270", 7: "TRANSVERSE", 8: "ROTATE_90"}
ORIENTATION = re.compile(
    rb"(?s)(?:Exif\0\0)?(?:II\*\0\x08\0\0\0..(?:.{12})*?\x12\x01\x03\0\x01\0\0\0(.)\0"
    rb"|MM\0\*\0\0\0\x08..(?:.{12})*?\x01\x12\0\x03\0\0\0\x01\0(.))"
)


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
    picture = load_picture(content)
    if getattr(picture, "is_animated", False) and picture.format in FORMATS:
        warnings.warn(f"{name} is an animation: its first picture is used.", stacklevel=5)
    picture = _upright(picture)
    if picture.mode.startswith("I"):  # grey in 16 bits, which Pillow would clip
        return Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8)).convert("RGB")
    if picture.has_transparency_data:
        white = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(white, picture.convert("RGBA")).convert("RGB")
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _upright(picture: Image.Image) -> Image.Image:
    """Turn a photo as its camera says, if that can be read; the pixels are whole without."""
    try:
        turn = _heedless(lambda: picture.getexif().get(0x0112))
    except MemoryError:
        raise
    except Exception:  # the block is broken
        turn = None
    if turn is None and (found := ORIENTATION.match(picture.info.get("exif", b""))):
        turn = (found[1] or found[2])[0]  # Pillow looks no further than to the first fault
    return picture.transpose(Image.Transpose[TURNS[turn]]) if turn in TURNS else picture


def load_picture(content: bytes, as_a_dot: bool = False) -> Image.Image:
    """Decode a picture; of a JPEG `as_a_dot` unpacks all, but computes little."""
    try:
        return _heedless(lambda: _load_once(content, as_a_dot))
    except Exception as error:
        bare = _without_extras(content)
        if isinstance(error, MemoryError) or bare == content:
            raise
    return _load_once(bare, as_a_dot)


def _heedless(read: Callable[[], Result]) -> Result:
    """Read the same where warnings are errors: Pillow has some of blocks beside the pixels."""
    try:
        return read()
    except Warning:
        with warnings.catch_warnings():  # only then, for it changes what other threads do
            warnings.simplefilter("ignore")
            return read()


def _load_once(content: bytes, as_a_dot: bool) -> Image.Image:
    """Decode a picture that may be read; a ValueError says why it may not."""
    if not content:
        raise ValueError("the file is empty")
    pixels = MAX_PIXELS  # until the header says
    try:
        picture = Image.open(io.BytesIO(content), formats=FORMATS)
        pixels = math.prod(picture.size)
        if pixels > MAX_PIXELS:
            raise ValueError(f"{pixels:,} pixels; the limit is {MAX_PIXELS:,} pixels")
        if as_a_dot:
            picture.draft("L", (1, 1))
        picture.load()
    except KeyError as error:
        if error.args[0] in FORMATS:  # which Pillow could not import, and said nothing
            raise OSError(errno.ENOMEM, f"Pillow could not load its reader of {error}") from None
        raise
    except UnidentifiedImageError:
        if content.startswith(SIGNS):
            raise ValueError("its header is damaged or cut short") from None
        looks = f"; it looks like {kind}" if (kind := looks_like(content)) else ""
        raise ValueError(f"it is none of {', '.join(FORMATS)}{looks}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ValueError(f"too many pixels; the limit is {MAX_PIXELS:,} pixels") from None
    except OSError:  # libjpeg and libwebp call a picture broken where memory is short: is it?
        np.empty(16 * pixels, np.uint8)
        raise
    return picture


def looks_like(content: bytes) -> str:
    """Name the kind of a file that cannot be read by how it begins; nothing where it is unknown."""
    return next((kind for kind, start in OTHERS.items() if re.match(start, content)), "")


def _without_extras(content: bytes) -> bytes:
    """Leave out of a PNG what may be broken beside its pixels, but for how to turn it."""
    if not content.startswith(b"\x89PNG"):
        return content
    kept, at = [content[:8]], 8
    while at < len(content):
        chunk = content[at : at + 12 + int.from_bytes(content[at : at + 4])]
        is_sound = zlib.crc32(chunk[4:-4]) == int.from_bytes(chunk[-4:])
        # Those of pixels have a capital letter; of the others one is of clear colours.
        if chunk[4:5].isupper() or chunk[4:8] in (b"tRNS", b"eXIf"[: 4 * is_sound]):
            kept.append(chunk)
        at += len(chunk)
    return b"".join(kept)
