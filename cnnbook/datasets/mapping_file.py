"""A line a picture: how does a mapping file of paths and labels become arrays?

Each line holds a path (as seen from the folder of the mapping file), a tab, and the number of the
class: `photos/cat.1.jpg<TAB>0`.

This file stands alone: copy it, it needs only NumPy and Pillow.
"""

import io
import math
import os
import stat
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP")
MAX_PIXELS = 50_000_000
MAX_BYTES = 200_000_000


def load_mapping_file(
    mapping_file: str | Path,
    image_size: tuple[int, int] = (160, 160),
    class_names: tuple[str, ...] | None = None,
    allow_outside: bool = False,
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Load every picture that a mapping file names, in the order of its lines.

    Args:
        mapping_file: UTF-8 text, with or without a byte order mark, any line ends.
        image_size: (height, width) in pixels that every picture is resized to.
        class_names: The name of each class: labels must be below their number. None names the
            classes "0", "1" and so on, and then every class up to the highest must have a picture.
        allow_outside: Accept pictures outside of the folder of the mapping file.

    Returns:
        Images (count, height, width, 3) uint8, labels (count,) int64, and the class names.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a size is below 1.
        OSError: If lines are wrong, or a picture cannot be read: names the lines or the picture.
    """
    if min(image_size) < 1:
        raise ValueError(
            f"`image_size` must be (height, width), each at least 1; got {image_size}."
        )
    paths, labels, class_names = list_mapping_file(mapping_file, class_names, allow_outside)
    images = np.empty((len(paths), *image_size, 3), np.uint8)
    for index, path in enumerate(paths):
        images[index] = read_image(path, image_size)
    return images, labels, class_names


def list_mapping_file(
    mapping_file: str | Path,
    class_names: tuple[str, ...] | None = None,
    allow_outside: bool = False,
) -> tuple[list[Path], np.ndarray, tuple[str, ...]]:
    """Return the path and the label of each line, and the class names; see `load_mapping_file`."""
    pictures, problems = scan_mapping_file(mapping_file, class_names, allow_outside)
    name = shown(mapping_file)
    if not problems and not pictures:
        problems = ["it names no picture"]
    labels = np.array([label for _, label in pictures], np.int64)
    if not problems and class_names is None:
        absent = sorted(set(range(min(labels.max(), len(labels)) + 1)) - set(labels.tolist()))
        problems = [f"no picture has label {label}; pass `class_names`" for label in absent]
    if problems:
        raise OSError(
            f"{name}: {'; '.join(problems[:10])} ({len(problems)} problems in all). A line is:"
            " path, tab, number of the class."
        )
    if class_names is None:
        class_names = tuple(str(label) for label in range(labels.max() + 1))
    return [path for path, _ in pictures], labels, tuple(class_names)


def scan_mapping_file(
    mapping_file: str | Path,
    class_names: tuple[str, ...] | None = None,
    allow_outside: bool = False,
) -> tuple[list[tuple[Path, int]], list[str]]:
    """Return the path and label of each good line, and what is wrong with each other line."""
    mapping_file = Path(mapping_file)
    if not mapping_file.is_file():
        raise FileNotFoundError(
            f"`mapping_file` must be a file that exists; got {shown(mapping_file)}."
        )
    try:
        lines = mapping_file.read_text(encoding="utf-8-sig").rstrip().split("\n")
    except UnicodeDecodeError as error:
        raise OSError(
            f"{shown(mapping_file)} is no UTF-8 text (byte {error.start:,}); save it as UTF-8."
        ) from None
    root = os.path.realpath(mapping_file.parent)
    seen: dict[str, int] = {}
    pictures, problems = [], []
    for number, line in enumerate(lines if lines != [""] else [], start=1):
        path, _, word = line.rstrip("\r").partition("\t")
        real = os.path.realpath(Path(root, path.replace("\0", "")))
        problem = line_problem(line, word, len(class_names) if class_names is not None else None)
        if not problem and not allow_outside and os.path.commonpath([root, real]) != root:
            problem = f"{shown(path)} leaves the folder; copy the file, or pass allow_outside=True"
        if not problem and not os.path.isfile(real):  # noqa: PTH113 (which raises where a name is too long)
            problem = f"there is no file {shown(path)}"
        if not problem and real in seen:
            problem = f"{shown(path)} is named in line {seen[real]} already"
        if problem:
            problems.append(f"line {number}: {problem}")
        else:
            seen[real] = number
            pictures.append((Path(real), int(word)))
    return pictures, problems


def line_problem(line: str, word: str, num_classes: int | None) -> str | None:
    """Say what is wrong with one line, but for its path; None where nothing is."""
    if not line.strip():
        return "it is empty"
    if "\0" in line:
        return "it holds a zero byte"
    columns = line.count("\t") + 1
    if columns == 1 and " " in line.strip():
        return "no tab; spaces do not part path and label"
    if columns != 2:
        return f"{columns} columns instead of 2"
    if not (word.strip().isascii() and word.strip().lstrip("-").isdigit()):
        return f"label {shown(word.strip())!r} is no number"
    highest = 2**31 if num_classes is None else num_classes
    if not (len(word) < 12 and 0 <= int(word) < highest):
        legal = "0 or more" if num_classes is None else f"from 0 to {num_classes - 1}"
        return f"label {word.strip()} must be {legal}"
    return None


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
