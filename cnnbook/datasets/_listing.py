"""Which files below a folder are pictures? By their names, and by how they begin."""

import os
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from cnnbook._checks import shown
from cnnbook._decode import looks_like
from cnnbook._machine import not_the_file, reason_of
from cnnbook.datasets._read import ENDINGS, READABLE

SUFFIXES = (*ENDINGS,)[:6]
OTHER_PICTURES = (
    *(".tif", ".tiff", ".heic", ".heif", ".hif", ".avif", ".jxl", ".jp2", ".svg", ".eps", ".psd"),
    *(".ppm", ".pgm", ".ico", ".tga", ".raw", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf"),
)
# The ending without what programs append: cat.jpg.1, cat.jpg_large, cat.jpg!d, "cat.jpg (2)".
ENDING = re.compile(r"(\.[a-z]+[0-9]?)(?:[^a-z0-9.][^.]*+)?(?:\.[^a-z.]*+)*+\Z")


def why_not_listed(entry: os.DirEntry) -> str | None:
    """Say why a file is not read: nothing where it is a picture, None where it is none at all.

    A file whose name says too little is looked into, but not further than its first bytes.
    """
    name = entry.name.lower()
    suffix = "".join(name.rpartition(".")[1:])
    if suffix not in ENDINGS and (found := ENDING.search(name)):
        suffix = found[1]
    if suffix in ENDINGS:
        return ""
    if suffix in OTHER_PICTURES:
        return "is of a kind that is not read: save it as JPEG or PNG"
    try:
        if not entry.is_file():
            return None
        with Path(entry.path).open("rb") as file:
            start = file.read(32)
    except OSError as error:
        return f"cannot be read now ({reason_of(error)}): see to its permissions and the disk"
    if READABLE.match(start):
        return ""
    kind = looks_like(start)
    if kind in ("", "HTML or SVG"):
        return None
    return f"is of a kind that is not read ({kind}): save it as JPEG or PNG"


def list_pictures(folder: Path) -> tuple[list[Path], list[str]]:
    """List the pictures below a folder, and a line for each file that should be one."""
    if not folder.is_dir():
        return [], []
    reasons = [(entry.path, why_not_listed(entry)) for entry in walk(folder)]
    problems = [f"{shown(path)} {reason}" for path, reason in reasons if reason]
    return [Path(path) for path, reason in reasons if reason == ""], problems


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
            raise (not_the_file(error, place) or error) from error
        for entry in entries:
            is_folder = entry.is_dir(follow_symlinks=False)
            waiting.append(entry.path) if is_folder else found.append(entry)
    yield from sorted(found, key=by_name)
