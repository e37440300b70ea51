"""One folder a class: how do pictures on a disk become arrays?

This file stands alone: copy it, it needs only NumPy and Pillow.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp")


def load_image_folder(
    folder: str | Path, image_size: tuple[int, int] = (160, 160)
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Load every picture below a folder that has one folder a class.

    Folders within a class folder belong to that class. Files are read in the order of their
    names, hidden files are passed over, pictures are turned upright (EXIF) and made RGB.

    Args:
        folder: Holds one folder a class, at least two.
        image_size: (height, width) in pixels that every picture is resized to.

    Returns:
        Images (count, height, width, 3) uint8, labels (count,) int64, and the class names, which
        are the names of the folders in alphabetical order.

    Raises:
        FileNotFoundError: If `folder` is missing, or a class has no pictures.
        ValueError: If there are fewer than two classes, or a size below 1.
        OSError: If a picture cannot be read: names the file.
    """
    if min(image_size) < 1:
        raise ValueError(
            f"`image_size` must be (height, width), each at least 1; got {image_size}."
        )
    files = list_image_files(folder)
    paths = [path for class_files in files.values() for path in class_files]
    images = np.empty((len(paths), *image_size, 3), np.uint8)
    for index, path in enumerate(paths):
        images[index] = read_image(path, image_size)
    counts = [len(class_files) for class_files in files.values()]
    return images, np.repeat(np.arange(len(files)), counts), tuple(files)


def list_image_files(folder: str | Path) -> dict[str, list[Path]]:
    """List the pictures of each class, both in the order of their names."""
    folder = Path(folder)
    shape = "put the pictures into one folder a class: cat/1.jpg, dog/1.jpg"
    if not folder.is_dir():
        raise FileNotFoundError(f"`folder` must be a folder that exists; got {folder}; {shape}.")
    visible = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    classes = {
        path.name: [
            file
            for file in sorted(path.rglob("*"))
            if file.suffix.lower() in SUFFIXES and not file.name.startswith(".")
        ]
        for path in visible
        if path.is_dir()
    }
    if len(classes) < 2:
        loose = sum(path.suffix.lower() in SUFFIXES for path in visible)
        raise ValueError(
            f"{folder} must hold at least two class folders; it has {len(classes)}, and {loose}"
            f" pictures of no class; {shape}."
        )
    empty = [name for name, files in classes.items() if not files]
    if empty:
        raise FileNotFoundError(
            f"{folder}: no pictures in the class folders {', '.join(empty)}; add some"
            f" ({', '.join(SUFFIXES)}) or remove the folders."
        )
    return classes


def read_image(path: str | Path, image_size: tuple[int, int]) -> np.ndarray:
    """Read one picture upright, in RGB, resized: (height, width, 3) uint8.

    Raises:
        OSError: If the file is no picture, or only a part of one: names the file.
    """
    try:
        with Image.open(path) as picture:
            upright = ImageOps.exif_transpose(picture).convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise OSError(
            f"{path} is no picture that can be read ({error}); repair, replace or remove it."
        ) from error
    height, width = image_size
    return np.asarray(upright.resize((width, height), Image.Resampling.BILINEAR))
