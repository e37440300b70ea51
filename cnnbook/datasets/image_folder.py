"""One folder a class: how do pictures on a disk become arrays?

This file stands alone: copy it, it needs only NumPy and Pillow.
"""

import io
import math
import os
import stat
import unicodedata
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp")
OTHER_PICTURES = (
    *(".tif", ".tiff", ".heic", ".heif", ".avif", ".jxl", ".jp2", ".svg", ".eps", ".psd"),
    *(".ppm", ".pgm", ".ico", ".tga", ".raw", ".dng", ".cr2", ".nef"),
)
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP")
MAX_PIXELS = 50_000_000
MAX_BYTES = 200_000_000
SHAPE = "put the pictures into one folder a class: cat/1.jpg, dog/1.jpg"


def load_image_folder(
    folder: str | Path,
    image_size: tuple[int, int] = (160, 160),
    class_names: tuple[str, ...] | None = None,
    allow_outside: bool = False,
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Load every picture below a folder that has one folder a class.

    Folders within a class folder belong to that class. Files are read in the order of their
    names, hidden files are passed over, pictures are turned upright (EXIF) and made RGB.

    Args:
        folder: Holds one folder a class, at least two.
        image_size: (height, width) in pixels that every picture is resized to.
        class_names: What the classes must be, such as those of the training pictures; None
            takes the names as they are.
        allow_outside: Follow links to files outside of `folder`.

    Returns:
        Images (count, height, width, 3) uint8, labels (count,) int64, and the class names, which
        are the names of the folders in alphabetical order.

    Raises:
        FileNotFoundError: If `folder` is missing, or a class has no pictures.
        ValueError: If there are fewer than two classes, other ones than `class_names`, or a size
            below 1.
        OSError: If a picture cannot be read: names the file.
    """
    if min(image_size) < 1:
        raise ValueError(f"`image_size` must be (height, width), at least 1; got {image_size}.")
    files = list_image_files(folder, class_names, allow_outside)
    paths = [path for class_files in files.values() for path in class_files]
    images = np.empty((len(paths), *image_size, 3), np.uint8)
    for index, path in enumerate(paths):
        images[index] = read_image(path, image_size)
    counts = [len(class_files) for class_files in files.values()]
    return images, np.repeat(np.arange(len(files)), counts), tuple(files)


def list_image_files(
    folder: str | Path, class_names: tuple[str, ...] | None = None, allow_outside: bool = False
) -> dict[str, list[Path]]:
    """List the pictures of each class, both in the order of their names.

    The order is that of the names' characters, on every file system. For the rest, see
    `load_image_folder`.
    """
    classes, problems = scan_image_folder(folder, allow_outside)
    if len(classes) < 2:
        raise ValueError(
            f"{shown(folder)} must hold at least two class folders; it has {len(classes)}; {SHAPE}."
        )
    if class_names is not None and tuple(classes) != tuple(class_names):
        raise ValueError(
            f"{shown(folder)} must have the classes {', '.join(class_names)}, as `class_names`"
            f" says; it has {', '.join(map(shown, classes))}."
        )
    empty = [shown(name) for name, files in classes.items() if not files]
    if empty:
        raise FileNotFoundError(
            f"{shown(folder)}: no pictures in the class folders {', '.join(empty)}; add some"
            f" ({', '.join(SUFFIXES)}) or remove the folders."
        )
    if problems:
        raise OSError("; ".join(problems[:10]) + f" ({len(problems)} such files in all).")
    return classes


def scan_image_folder(
    folder: str | Path, allow_outside: bool = False
) -> tuple[dict[str, list[Path]], list[str]]:
    """List the pictures of each class, and all that cannot stay as it is.

    Returns:
        The files of each class, and one line for each link that leads outside or nowhere, each
        loose picture and each picture of a kind that is not read.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"`folder` must exist; got {shown(folder)}; {SHAPE}.")
    root, start = os.path.realpath(folder), len(os.fspath(folder / "x")) - 1
    classes = {
        entry.name: []
        for entry in sorted(os.scandir(folder), key=by_name)
        if entry.is_dir(follow_symlinks=False) and not is_hidden(entry.name)
    }
    entries = list(walk(folder))
    # A link to one of these adds nothing; of links to the same picture, one counts.
    seen = {os.path.join(root, it.path[start:]) for it in entries if not it.is_symlink()}
    problems = []
    for entry in entries:
        suffix = os.path.splitext(entry.name)[1].lower()
        label, _, rest = entry.path[start:].partition(os.sep)
        real = os.path.realpath(entry.path) if entry.is_symlink() else None
        inside = real is None or os.path.commonpath([root, real]) == root
        name, is_folder = shown(entry.path), real is not None and os.path.isdir(real)
        if inside if is_folder else suffix not in (*SUFFIXES, *OTHER_PICTURES):
            continue
        if real and not os.path.exists(real):
            problems.append(f"{name} is a link to nothing ({shown(real)}): remove it")
        elif not inside and (is_folder or not allow_outside):
            problems.append(
                f"{name} is a link that leaves the folder (to {shown(real)}): copy what it leads"
                " to; with allow_outside=True links to files are followed"
            )
        elif suffix in OTHER_PICTURES:
            problems.append(f"{name} is of a kind that is not read: save it as JPEG or PNG")
        elif not rest:
            problems.append(f"{name} lies in no class folder: {SHAPE}")
        elif real not in seen:
            classes.setdefault(label, []).append(Path(entry.path))
            seen.add(real or entry.path)
    return classes, problems


def is_hidden(name: str) -> bool:
    """Tell whether an operating system or an editor keeps this for itself."""
    return name.startswith(".") or name == "__MACOSX"


def by_name(entry: os.DirEntry) -> tuple[str, str]:
    """Sort key: the same on a file system that stores accents apart from their letters."""
    path = entry.path.replace(os.sep, "/")
    return path if path.isascii() else unicodedata.normalize("NFC", path), path


def walk(folder: str | Path) -> Iterator[os.DirEntry]:
    """Yield all visible files and links below a folder in the order of their names."""
    found, waiting = [], [folder]
    while waiting:
        place = waiting.pop()
        try:
            entries = [entry for entry in os.scandir(place) if not is_hidden(entry.name)]
        except OSError as error:
            raise OSError(f"{shown(place)} cannot be listed: {error.strerror}.") from error
        for entry in entries:
            is_folder = entry.is_dir(follow_symlinks=False)
            waiting.append(entry.path) if is_folder else found.append(entry)
    yield from sorted(found, key=by_name)


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
