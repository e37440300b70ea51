"""One folder a class: how do pictures on a disk become arrays?"""

import os
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from cnnbook._checks import checked, shown
from cnnbook.datasets._read import read_center_crop, read_image, read_images
from cnnbook.labelled_files import LabelledFiles

__all__ = [
    "list_image_files",
    "load_image_folder",
    "read_center_crop",
    "read_image",
    "scan_image_folder",
]

SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp")
OTHER_PICTURES = (
    *(".tif", ".tiff", ".heic", ".heif", ".avif", ".jxl", ".jp2", ".svg", ".eps", ".psd"),
    *(".ppm", ".pgm", ".ico", ".tga", ".raw", ".dng", ".cr2", ".nef"),
)
SHAPE = "put the pictures into one folder a class: cat/1.jpg, dog/1.jpg"


@checked
def load_image_folder(
    folder: str | Path,
    image_size: tuple[int, int] = (160, 160),
    *,
    class_names: Sequence[str] | None = None,
    allow_outside: bool = False,
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Load every picture below a folder that has one folder a class.

    Folders within a class folder belong to that class. Hidden files are passed over. Files and
    classes are in the order of their names' characters, on every file system.

    Args:
        folder: Holds one folder a class, at least two.
        image_size: (height, width) in pixels that every picture is resized to.
        class_names: What the classes must be, such as those of the training pictures; or None.
        allow_outside: Follow links to files outside of `folder`.

    Returns:
        Images (count, height, width, 3) uint8 as of `read_image`, labels (count,) int64, and the
        class names, which are those of the folders.

    Raises:
        ValueError: If there are fewer than two classes, or others than `class_names`.
        OSError: If `folder` is missing, a class is empty, or a picture cannot be read: names it.
    """
    files = list_image_files(folder, class_names=class_names, allow_outside=allow_outside)
    return read_images(files, image_size), files.labels, files.class_names


@checked
def list_image_files(
    folder: str | Path, *, class_names: Sequence[str] | None = None, allow_outside: bool = False
) -> LabelledFiles:
    """List the pictures of each class; see `load_image_folder`."""
    classes, problems = scan_image_folder(folder, allow_outside)
    name, count = shown(Path(folder)), len(classes)
    if count < 2:
        raise ValueError(f"{name} must hold at least two class folders; it has {count}; {SHAPE}.")
    if class_names is not None and tuple(classes) != tuple(class_names):
        wanted = f"{', '.join(class_names)}, as `class_names` says"
        found = ", ".join(map(shown, classes))
        raise ValueError(f"{name} must have the classes {wanted}; it has {found}.")
    if empty := ", ".join(shown(label) for label, files in classes.items() if not files):
        add = f"add some ({', '.join(SUFFIXES)}) or remove the folders"
        raise FileNotFoundError(f"{name}: no pictures in the class folders {empty}; {add}.")
    if problems:
        raise OSError("; ".join(problems[:10]) + f" ({len(problems)} such files in all).")
    labels = np.repeat(np.arange(len(classes)), [len(files) for files in classes.values()])
    paths = [path for files in classes.values() for path in files]
    return LabelledFiles(paths, labels, tuple(classes))


@checked
def scan_image_folder(
    folder: str | Path, allow_outside: bool = False
) -> tuple[dict[str, list[Path]], list[str]]:
    """List the pictures of each class; for the arguments, see `load_image_folder`.

    Returns:
        The files of each class, and a line for each other picture and each link that leads nowhere.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"`folder` must exist; got {shown(folder)}; {SHAPE}.")
    root, start = os.path.realpath(folder), len(os.fspath(folder / "x")) - 1
    folders = [each for each in os.scandir(folder) if each.is_dir(follow_symlinks=False)]
    names = [each.name for each in sorted(folders, key=_by_name) if not _is_hidden(each.name)]
    classes: dict[str, list[Path]] = {name: [] for name in names}
    entries = list(_walk(folder))
    # A link to one of these adds nothing; of links to the same picture, one counts.
    seen = {os.path.join(root, it.path[start:]) for it in entries if not it.is_symlink()}
    problems = []
    for entry in entries:
        suffix = os.path.splitext(entry.name)[1].lower()
        label, _, rest = entry.path[start:].partition(os.sep)
        real = os.path.realpath(entry.path) if entry.is_symlink() else ""
        inside = not real or os.path.commonpath([root, real]) == root
        name, is_folder = shown(entry.path), bool(real) and os.path.isdir(real)
        if inside if is_folder else suffix not in (*SUFFIXES, *OTHER_PICTURES):
            continue
        if real and not os.path.exists(real):
            problems.append(f"{name} is a link to nothing ({shown(real)}): remove it")
        elif not inside and (is_folder or not allow_outside):
            advice = "copy what it leads to; with allow_outside=True links to files are followed"
            problems.append(f"{name} is a link that leaves the folder (to {shown(real)}): {advice}")
        elif suffix in OTHER_PICTURES:
            problems.append(f"{name} is of a kind that is not read: save it as JPEG or PNG")
        elif not rest:
            problems.append(f"{name} lies in no class folder: {SHAPE}")
        elif real not in seen:
            classes.setdefault(label, []).append(Path(entry.path))
            seen.add(real or entry.path)
    return classes, problems


def _is_hidden(name: str) -> bool:
    """Tell whether an operating system or an editor keeps this for itself."""
    return name.startswith(".") or name == "__MACOSX"


def _by_name(entry: os.DirEntry) -> tuple[str, str]:
    """Sort key: the same on a file system that stores accents apart from their letters."""
    path = entry.path.replace(os.sep, "/")
    return path if path.isascii() else unicodedata.normalize("NFC", path), path


def _walk(folder: str | Path) -> Iterator[os.DirEntry]:
    """Yield all visible files and links below a folder in the order of their names."""
    found, waiting = [], [folder]
    while waiting:
        place = waiting.pop()
        try:
            entries = [entry for entry in os.scandir(place) if not _is_hidden(entry.name)]
        except OSError as error:
            raise OSError(f"{shown(place)} cannot be listed: {error.strerror}.") from error
        for entry in entries:
            is_folder = entry.is_dir(follow_symlinks=False)
            waiting.append(entry.path) if is_folder else found.append(entry)
    yield from sorted(found, key=_by_name)
