"""How do the bytes of a picture become pixels? In one way for files, and for what is sent to us."""

import errno
import io
import math
import re
import warnings
import zlib
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from PIL import Image, UnidentifiedImageError

Result = TypeVar("Result")
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP")
SIGNS = (b"\xff\xd8", b"\x89PNG", b"GIF8", b"BM", b"RIFF")  # how each of them begins
MAX_PIXELS = 50_000_000
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


def load_picture(
    content: bytes, as_a_dot: bool = False, max_pixels: int = MAX_PIXELS
) -> Image.Image:
    """Decode a picture; of a JPEG `as_a_dot` unpacks all, but computes little."""
    try:
        return _heedless(lambda: _load_once(content, as_a_dot, max_pixels))
    except Exception as error:
        bare = _without_extras(content)
        if isinstance(error, MemoryError) or bare == content:
            raise
    return _load_once(bare, as_a_dot, max_pixels)


def as_rgb(picture: Image.Image) -> Image.Image:
    """Turn a photo upright and make RGB of it, as `read_image` promises."""
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


def _heedless(read: Callable[[], Result]) -> Result:
    """Read the same where warnings are errors: Pillow has some of blocks beside the pixels."""
    try:
        return read()
    except Warning:
        with warnings.catch_warnings():  # only then, for it changes what other threads do
            warnings.simplefilter("ignore")
            return read()


def _load_once(content: bytes, as_a_dot: bool, max_pixels: int) -> Image.Image:
    """Decode a picture that may be read; a ValueError says why it may not."""
    if not content:
        raise ValueError("the file is empty")
    pixels = max_pixels  # until the header says
    try:
        picture = Image.open(io.BytesIO(content), formats=FORMATS)
        pixels = math.prod(picture.size)
        if pixels > max_pixels:
            raise ValueError(f"{pixels:,} pixels; the limit is {max_pixels:,} pixels")
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
        raise ValueError(f"too many pixels; the limit is {max_pixels:,} pixels") from None
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
