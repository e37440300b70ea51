"""One folder a class: how do pictures on a disk become arrays?"""

import os
import re
import unicodedata
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from cnnbook._checks import checked, shown
from cnnbook.datasets._listing import SUFFIXES, by_name, is_hidden, walk, why_not_listed
from cnnbook.datasets._read import check_size, read_center_crop, read_image, read_images
from cnnbook.labelled_files import LabelledFiles

__all__ = [
    "find_parts",
    "list_image_files",
    "load_image_folder",
    "read_center_crop",
    "read_image",
    "scan_image_folder",
]

_EXTRA = (
    r"(?:[\W\d_]|data|set|split|seg|images?|imgs?|pictures?|pics?|photos?|folder|samples?|all)*"
)
_NAMED = r"(?:train(?:ing)?|test(?:ing)?|val(?:id(?:ation)?)?|dev|eval(?:uation)?|hold[\W_]?out)"
PART = re.compile(f"(?:{_EXTRA}{_NAMED})+{_EXTRA}", re.IGNORECASE)
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
        ValueError: If there are fewer than two classes, or others than `class_names`, or folders
            are parts, such as train and test, and no classes. Of parts of which one is for
            training, that one is read, with a warning; what `class_names` names are classes.
        OSError: If `folder` is missing, a class is empty, or a picture cannot be read: names it.
    """
    check_size(image_size)
    files = list_image_files(folder, class_names=class_names, allow_outside=allow_outside)
    return read_images(files, image_size), files.labels, files.class_names


@checked
def list_image_files(
    folder: str | Path, *, class_names: Sequence[str] | None = None, allow_outside: bool = False
) -> LabelledFiles:
    """List the pictures of each class; see `load_image_folder`."""
    classes, problems = scan_image_folder(folder, allow_outside)
    is_named = class_names is not None and _composed(classes) == _composed(class_names)
    if parts := {} if is_named else find_parts(folder, classes):
        training = _training_part(folder, parts)
        return list_image_files(training, class_names=class_names, allow_outside=allow_outside)
    name, count = shown(Path(folder)), len(classes)
    if count < 2:
        raise ValueError(f"{name} must hold at least two class folders; it has {count}; {SHAPE}.")
    if class_names is not None and not is_named:
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


def _composed(names: Iterable[str]) -> list[str]:
    """Return names as they look: some file systems store accents apart from their letters."""
    return [unicodedata.normalize("NFC", name) for name in names]


def _training_part(folder: str | Path, parts: dict[str, Path]) -> Path:
    """Choose the part for training, with a warning; refuse where there is none."""
    found = f"{shown(folder)} must hold at least two class folders; it holds parts"
    found += f": {', '.join(map(shown, parts))}"
    training = [place for part, place in parts.items() if "train" in part.lower()]
    if len(parts) == 1 or len(training) != 1:
        chosen = shown(next(iter(parts.values())))
        raise ValueError(f"{found}. Give one, such as {chosen}; or name classes in `class_names`.")
    warnings.warn(f"{found}. Only {shown(training[0])} is read; give each by itself.", stacklevel=4)
    return training[0]


@checked
def find_parts(folder: str | Path, classes: Mapping[str, Sequence[Path]]) -> dict[str, Path]:
    """Find out whether folders are parts, such as train and test, rather than classes.

    Parts are named so and hold folders; or the folders in all of them have the same names; or a
    single folder holds all folders.

    Args:
        folder: What holds the folders.
        classes: The pictures of each folder in it, as `scan_image_folder` lists them.

    Returns:
        For each part, the folder that holds its class folders. Nothing if they are classes.
    """
    deep = {}  # where the pictures are of what holds them in folders alone
    for label, paths in classes.items():
        holders = set(map(os.path.dirname, paths))
        if holders and os.fspath(Path(folder, label)) not in holders:
            deep[label] = holders
    named = {label for label in classes if PART.fullmatch(label)}
    # Numbers are no names of classes: in such folders large sets are kept by the thousand.
    names = [
        {
            name
            for name in map(os.path.basename, each)
            if not (name.isdigit() or PART.fullmatch(name))
        }
        for each in deep.values()
    ]
    alike = 1 < len(set.intersection(*names) if names else ()) >= len(set().union(*names)) / 2
    if not (
        (len(named) > 1 and (named == classes.keys() or named & deep.keys()))
        or (len(deep) == len(classes) and (alike or len(deep) == 1))
    ):
        return {}
    above = {
        label: [os.path.dirname(place) for place in holders] for label, holders in deep.items()
    }
    places = {label: os.path.commonpath(above[label]) for label in deep}
    return {label: Path(places.get(label, Path(folder, label))) for label in classes}


@checked
def scan_image_folder(
    folder: str | Path, allow_outside: bool = False
) -> tuple[dict[str, list[Path]], list[str]]:
    """List the pictures of each class; for the arguments, see `load_image_folder`.

    Returns:
        The files of each class, and a line for each other picture, each link that leads nowhere,
        and each folder that is a part among classes.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"`folder` must be one that exists; got {shown(folder)}; {SHAPE}.")
    root, start = os.path.realpath(folder), len(os.path.join(folder, ""))
    folders = [each for each in os.scandir(folder) if each.is_dir(follow_symlinks=False)]
    names = [each.name for each in sorted(folders, key=by_name) if not is_hidden(each.name)]
    classes: dict[str, list[Path]] = {name: [] for name in names}
    entries = list(walk(folder))
    # A link to one of these adds nothing; of links to the same picture, one counts.
    files = [it.path[start:] for it in entries if not it.is_symlink()]
    seen = {os.path.join(root, path): path.partition(os.sep)[0] for path in files}
    problems, within = [], dict[str, set[str]]()
    for entry in entries:
        label, _, rest = entry.path[start:].partition(os.sep)
        real = os.path.realpath(entry.path) if entry.is_symlink() else ""
        inside = not real or os.path.commonpath([root, real]) == root
        name, is_folder = shown(entry.path), bool(real) and os.path.isdir(real)
        problem = why_not_listed(entry) if not is_folder else None if inside else ""
        if problem is None:
            continue
        if real and not os.path.exists(real):
            problems.append(f"{name} is a link to nothing ({shown(real)}): remove it")
        elif not inside and (is_folder or not allow_outside):
            advice = "copy what it leads to; with allow_outside=True links to files are followed"
            problems.append(f"{name} is a link that leaves the folder (to {shown(real)}): {advice}")
        elif problem:
            problems.append(f"{name} {problem}")
        elif not rest:
            problems.append(f"{name} lies in no class folder: {SHAPE}")
        elif seen.get(real, label) != label:
            advice = f"remove the one or the other ({shown(real)})"
            problems.append(f"{name} is a link to a picture of another class: {advice}")
        elif real not in seen:
            classes.setdefault(label, []).append(Path(entry.path))
            seen[real or entry.path] = label
            within.setdefault(label, set()).update(rest.split(os.sep)[-2:-1])
    for label, names_within in within.items():
        if len(inner := sorted(filter(PART.fullmatch, names_within))) > 1:
            advice = f"make it {shown(inner[0])}/{shown(label)} and so on"
            problems.append(f"{shown(folder / label)} holds parts ({', '.join(inner)}): {advice}")
        twins = names_within & classes.keys() - {label}
        if sum(not each.isdigit() for each in twins) > 1 or (twins and PART.fullmatch(label)):
            name, alike = shown(folder / label), ", ".join(sorted(map(shown, twins)))
            problems.append(
                f"{name} holds folders with the names of classes ({alike}): move it away"
            )
    return classes, problems
