"""A line a picture: how does a mapping file of paths and labels become arrays?

Each line holds a path (as seen from the folder of the mapping file), a tab, and the number of the
class: `photos/cat.1.jpg<TAB>0`.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cnnbook._checks import checked, shown
from cnnbook.datasets._read import check_size, read_images
from cnnbook.labelled_files import LabelledFiles


@checked
def load_mapping_file(
    mapping_file: str | Path,
    image_size: tuple[int, int] = (160, 160),
    *,
    class_names: Sequence[str] | None = None,
    allow_outside: bool = False,
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Load every picture that a mapping file names, in the order of its lines.

    Args:
        mapping_file: UTF-8 text, with or without a byte order mark, any line ends.
        image_size: (height, width) in pixels that every picture is resized to.
        class_names: The name of each class: labels must be below their number. None names them
            "0", "1" and so on; then every class up to the highest must have a picture.
        allow_outside: Accept pictures outside of the folder of the mapping file.

    Returns:
        Images (count, height, width, 3) uint8, labels (count,) int64, and the class names.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a size is below 1, or `class_names` is empty.
        OSError: If lines are wrong, or a picture cannot be read: names the lines or the picture.
    """
    check_size(image_size)
    files = list_mapping_file(mapping_file, class_names=class_names, allow_outside=allow_outside)
    return read_images(files, image_size), files.labels, files.class_names


@checked
def list_mapping_file(
    mapping_file: str | Path,
    *,
    class_names: Sequence[str] | None = None,
    allow_outside: bool = False,
) -> LabelledFiles:
    """List the picture and the label of each line; see `load_mapping_file`."""
    pictures, problems = scan_mapping_file(mapping_file, class_names, allow_outside)
    if problems:
        found = f"{'; '.join(problems[:10])} ({len(problems)} problems in all)"
        raise OSError(f"{shown(mapping_file)}: {found}. A line is: path, tab, number of the class.")
    labels = np.array([label for _, label in pictures], np.int64)
    names = map(str, range(labels.max() + 1)) if class_names is None else class_names
    return LabelledFiles([path for path, _ in pictures], labels, tuple(names))


@checked
def scan_mapping_file(
    mapping_file: str | Path, class_names: Sequence[str] | None = None, allow_outside: bool = False
) -> tuple[list[tuple[Path, int]], list[str]]:
    """Return path and label of good lines, and all that is wrong; see `load_mapping_file`."""
    file, name = Path(mapping_file), shown(mapping_file)
    if class_names is not None and not len(class_names):
        raise ValueError("`class_names` is empty; give one name a class, or None.")
    if not file.is_file():
        raise FileNotFoundError(f"`mapping_file` must be a file that exists; got {name}.")
    try:
        lines = file.read_text(encoding="utf-8-sig").rstrip().split("\n")
    except UnicodeDecodeError as error:
        found = f"is no UTF-8 text (byte {error.start:,}), as a mapping file must be"
        raise OSError(f"{name} {found}; save it as UTF-8.") from None
    root, seen = os.path.realpath(file.parent), dict[str, int]()
    pictures, problems = [], []
    for number, line in enumerate(lines if lines != [""] else [], start=1):
        path, _, word = line.rstrip("\r").partition("\t")
        real = os.path.realpath(Path(root, path.replace("\0", "")))
        problem = _line_problem(line, word, len(class_names) if class_names is not None else None)
        if not problem and not allow_outside and os.path.commonpath([root, real]) != root:
            problem = f"{shown(path)} leaves the folder; copy the file, or pass allow_outside=True"
        if not problem and not os.path.isfile(real):  # noqa: PTH113 (which raises where a name is too long)
            problem = f"there is no file {shown(path)}"
            if path != path.strip(" \"'") or "\\" in path:
                problem += " (part folders by /, without spaces or quotes around a path)"
        if not problem and real in seen:
            problem = f"{shown(path)} is named in line {seen[real]} already"
        if problem:
            problems.append(f"line {number}: {problem}")
        else:
            seen[real] = number
            pictures.append((Path(real), int(word)))
    labels = {label for _, label in pictures}
    if not problems and not pictures:
        problems = ["it names no picture"]
    elif not problems and class_names is None:
        absent = sorted(set(range(min(max(labels), len(pictures)) + 1)) - labels)
        problems = [f"no picture has label {label}; pass `class_names`" for label in absent]
    return pictures, problems


def _line_problem(line: str, word: str, num_classes: int | None) -> str | None:
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
    if not (word.strip().isascii() and word.strip().removeprefix("-").isdigit()):
        return f"label {shown(word.strip())!r} is no number"
    if len(word) < 12 and 0 <= int(word) < (2**31 if num_classes is None else num_classes):
        return None
    legal = "0 or more" if num_classes is None else f"from 0 to {num_classes - 1}"
    return f"label {word.strip()} must be {legal}"
