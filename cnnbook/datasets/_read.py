"""The one way of reading a picture: in training, evaluation and prediction alike."""

import io
import math
import re
import stat
import warnings
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from cnnbook._checks import checked, shown
from cnnbook._machine import not_the_file, reason_of
from cnnbook.center_crop import center_crop
from cnnbook.labelled_files import LabelledFiles

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP")
MAX_PIXELS = 50_000_000
MAX_BYTES = 200_000_000
# How files of pictures begin: those that can be read, and others.
READABLE = re.compile(rb"\xff\xd8\xff|\x89PNG\r\n|GIF8[79]a|BM.{4}\0{4}|RIFF.{4}WEBP", re.DOTALL)
OTHERS = {
    "HEIC or AVIF": re.compile(rb".{4}ftyp(hei|hev|mif|msf|avi|crx)", re.DOTALL),
    "TIFF": re.compile(rb"II[*+]\0|MM\0[*+]"),  # and the raw kinds .dng, .nef, .cr2, .arw
    "JPEG XL or JPEG 2000": re.compile(rb"\xff\x0a|\xff\x4f\xff|\0\0\0\x0c(JXL|jP)"),
    "PSD or EPS": re.compile(rb"8BPS|%!PS-Adobe.*EPS|\xc5\xd0\xd3\xc6"),
    "SVG": re.compile(rb"\s*<svg"),
    "HTML or SVG": re.compile(rb"\s*<"),
}
# Of a JPEG: what comes before the pixels, and what of it is extra. Exif turns, Adobe tells colours.
SEGMENT = re.compile(rb"\xff[\xc0-\xd9\xdb-\xfe]")
EXTRA_SEGMENT = re.compile(
    rb"\xff([\xe0\xe2-\xed\xef\xfe]|\xe1(?!..Exif)|\xee(?!..Adobe.{7}))", re.DOTALL
)
TURNS: dict[object, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


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
        ValueError: If a size is below 1.
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
    """Refuse a size below one pixel."""
    if min(image_size) < 1:
        raise ValueError(f"`image_size` must be (height, width), at least 1; got {image_size}.")


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


def load_picture(content: bytes, as_a_dot: bool = False) -> Image.Image:
    """Decode a picture, where need be without the blocks beside its pixels, which may be broken.

    With `as_a_dot` all of a JPEG is unpacked, but little computed.
    """
    try:
        return _load(content, as_a_dot)
    except Exception as error:
        bare = _without_extras(content)
        if isinstance(error, MemoryError) or bare == content:
            raise
    return _load(bare, as_a_dot)


def _load(content: bytes, as_a_dot: bool) -> Image.Image:
    picture = _identified(content)
    if math.prod(picture.size) > MAX_PIXELS:
        raise ValueError(f"{math.prod(picture.size):,} pixels; the limit is {MAX_PIXELS:,} pixels")
    try:
        if as_a_dot:
            picture.draft("L", (1, 1))
        picture.load()
    except OSError:
        _try_memory(math.prod(picture.size))
        raise
    return picture


def _identified(content: bytes) -> Image.Image:
    """Open a picture that may be read, and decode nothing yet; a ValueError says why it may not."""
    if not content:
        raise ValueError("the file is empty")
    try:
        return Image.open(io.BytesIO(content), formats=FORMATS)
    except UnidentifiedImageError:
        if content.startswith((b"\xff\xd8", b"\x89PNG", b"GIF8", b"BM", b"RIFF")):
            raise ValueError("its header is damaged or cut short") from None
        looks = f"; it looks like {kind}" if (kind := looks_like(content)) else ""
        raise ValueError(f"it is none of {', '.join(FORMATS)}{looks}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ValueError(f"too many pixels; the limit is {MAX_PIXELS:,} pixels") from None
    except OSError:  # of libwebp, before the size is known
        _try_memory(MAX_PIXELS)
        raise


def looks_like(content: bytes) -> str:
    """Name the kind of a file that cannot be read by how it begins; nothing where it is unknown."""
    return next((kind for kind, start in OTHERS.items() if start.match(content)), "")


def _try_memory(pixels: int) -> None:
    """Raise a MemoryError where a picture has no room: decoders then call a whole one broken."""
    np.empty(16 * pixels, np.uint8)


def _upright(picture: Image.Image) -> Image.Image:
    """Turn a photo as its camera says, if that can be read; pixels are whole without."""
    try:
        turn = TURNS.get(picture.getexif().get(0x0112))
    except Exception as error:  # Pillow raises many kinds on broken blocks
        if isinstance(error, MemoryError):
            raise
        return picture
    return picture if turn is None else picture.transpose(turn)


def _without_extras(content: bytes) -> bytes:
    """Leave out what a PNG or JPEG file holds beside its pixels, but for how to turn it."""
    kept, at = [], 0
    if content.startswith(b"\x89PNG"):
        kept, at = [content[:8]], 8
        while at < len(content):
            chunk = content[at : at + 12 + int.from_bytes(content[at : at + 4])]
            is_sound = zlib.crc32(chunk[4:-4]) == int.from_bytes(chunk[-4:])
            # Those of pixels have a capital letter; of the others one is of clear colours.
            kind, is_turn = chunk[4:8], chunk[4:8] == b"eXIf" and is_sound
            if kind[:1].isupper() or kind == b"tRNS" or is_turn:
                kept.append(chunk)
            at += len(chunk)
    elif content.startswith(b"\xff\xd8"):
        kept, at = [content[:2]], 2
        while SEGMENT.match(content, at):
            segment = content[at : at + 2 + int.from_bytes(content[at + 2 : at + 4])]
            if not EXTRA_SEGMENT.match(segment):
                kept.append(segment)
            at += len(segment)
    return b"".join([*kept, content[at:]])
