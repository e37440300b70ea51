"""Cats against dogs: how do two archives of 25,000 photos become the 2,800 of a small task?

Source: Elson, Douceur, Howell & Saul (2007), "Asirra: A CAPTCHA that Exploits Interest-Aligned
Manual Image Categorization". 25,000 of its photos are in Kaggle's train.zip
(https://www.kaggle.com/c/dogs-vs-cats/data) and in Microsoft's kagglecatsanddogs_5340.zip
(https://www.microsoft.com/en-us/download/details.aspx?id=54765).
"""

import functools
import json
import os
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

from cnnbook._checks import checked
from cnnbook._decode import MAX_PIXELS, load_picture
from cnnbook._machine import folder_of, not_the_file, reason_of
from cnnbook.datasets._places import cache_folder, made_whole

PLACES = ("train/cat", "train/dog", "test/cat", "test/dog")
# train/cat.0.jpg in one archive, PetImages/Cat/0.jpg in the other; hidden folders do not count.
NAME = re.compile(
    r"(?:\./)?(?:[^./][^/]*/)*(cat|dog)[./]([0-9]{1,9})\.(?:p?jpe?g|jpe|jfif|pjp)", re.IGNORECASE
)
KNOWN_CORRUPT = ("cat/666.jpg", "dog/11702.jpg")  # 0 bytes each in Microsoft's archive
PHOTOS_OF_A_CLASS = 12_500
SOURCES = "Kaggle's train.zip, Microsoft's kagglecatsanddogs zip, or a folder with either's content"
REPORT = "prepared.json"
MAX_PHOTO_BYTES = 20_000_000
MAX_TOTAL = 4 * 2**30
MAX_RATIO = 100  # unpacked to packed; JPEG pictures have 1, a bomb 1,000
ALWAYS_ALLOWED = 10 * 2**20
MAX_LACKING = 0.2  # of the numbers of a class; some recipes delete 7 % of the photos

Place = str | Path
Entries = Iterator[tuple[str, Callable[[], IO[Any]]]]


class UnsafeArchiveError(OSError):
    """An archive holds something that could do harm, and was refused as a whole."""


class PreparedPhotos(NamedTuple):
    """A folder, the number of photos in each of its parts, and what was left out, and why."""

    folder: Path
    counts: dict[str, int]
    left_out: dict[str, str]


@checked
def prepare_cats_vs_dogs(
    zip_or_folder: Place, target: Place | None = None, *, train: int = 1000, test: int = 400
) -> PreparedPhotos:
    """Make the folders {train,test}/{cat,dog} of the first photos of each class: all, or nothing.

    Every photo is decoded before it is copied, unchanged, as cat.0.jpg, dog.0.jpg and so on. Left
    out are two files that are corrupt in Microsoft's archive, and numbers that do not occur.

    Args:
        zip_or_folder: Kaggle's train.zip, Microsoft's kagglecatsanddogs zip, or a folder with
            either's content. It is only read.
        target: The folder to make; None for that in which `load_cats_vs_dogs` looks first. One
            made before, with the same numbers, stays as it is.
        train: Numbers 0 to train - 1 of each class are for training,
        test: and as many after them for the test.

    Returns:
        The folder; how many photos are in its "train/cat" and so on; what was left out, and why.

    Raises:
        ValueError: If `train` or `test` is below 1, or both are more than the photos of a class.
        FileNotFoundError: If `zip_or_folder` does not exist.
        FileExistsError: If `target` is something else already.
        UnsafeArchiveError: If a name in the archive leaves the folder, or it unpacks to too much.
        OSError: If the archive is damaged, other files are no photos, a photo is there twice, more
            than a fifth of a class is missing, or the disk is full or read-only.
    """
    source = Path(zip_or_folder)
    if min(train, test) < 1 or train + test > PHOTOS_OF_A_CLASS:
        found = f"got {train} and {test}, of {PHOTOS_OF_A_CLASS:,} photos of a class"
        raise ValueError(f"`train` and `test` must be at least 1; {found}.")
    usual = folder_of("CNNBOOK_DATA") if os.environ.get("CNNBOOK_DATA") else cache_folder()
    target = Path(target or usual / "cats_vs_dogs").absolute()
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        return _read_report(target, train, test)
    if not source.exists():
        raise FileNotFoundError(f"{source} does not exist; give {SOURCES}.")
    entries = _folder_entries(source) if source.is_dir() else _zip_entries(source)
    try:
        with made_whole(target) as content:
            _write_photos(content, entries, source, train, test)
    except OSError as error:
        if not error.errno:  # the source is to blame
            raise
        words = f"{target} cannot be made ({error.strerror}); take a folder with room to write"
        raise OSError(error.errno, words) from error
    return _read_report(target, train, test)


def _write_photos(folder: Path, entries: Entries, source: Path, train: int, test: int) -> None:
    """Write the photos with the wanted numbers, and a report; raise where too much is wrong."""
    taken, left_out, broken = dict[str, str](), dict[str, str](), []
    for place in PLACES:
        (folder / place).mkdir(parents=True)
    for name, opener in entries:
        match = NAME.fullmatch(name)
        if not match or int(match[2]) >= train + test:
            continue
        label, number = match[1].lower(), int(match[2])
        photo = f"{label}.{number}.jpg"
        if photo in taken:
            raise OSError(f"{source} has {photo} twice: {taken[photo]!r} and {name!r}.")
        taken[photo], content = name, _read_limited(source, name, opener)
        problem = _why_unreadable(content)
        if problem and name.lower().endswith(KNOWN_CORRUPT):
            left_out[name] = f"known to be corrupt: {problem}"
        elif problem:
            broken.append(f"{name!r} ({problem})")
        else:
            (folder / ("train" if number < train else "test") / label / photo).write_bytes(content)
    if broken:
        words = f"{source}: {len(broken):,} files are no whole photos: {', '.join(broken[:10])}"
        raise OSError(f"{words}. Get it again; or unpack it, remove them, and give the folder.")
    for place in PLACES:
        numbers = range(train) if place.startswith("train") else range(train, train + test)
        photos = [f"{place[-3:]}.{number}.jpg" for number in numbers]
        lacking = [photo for photo in photos if photo not in taken]
        if len(lacking) > MAX_LACKING * len(photos):
            words = f"{source} lacks {len(lacking):,} of the {len(photos):,} photos of {place}"
            raise OSError(f"{words} ({photos[0]} to {photos[-1]}); give {SOURCES}.")
        left_out |= dict.fromkeys(lacking, "does not occur")
    report = {"train": train, "test": test, "counts": _count_photos(folder), "left_out": left_out}
    (folder / REPORT).write_text(json.dumps(report, indent=1), encoding="utf-8")


def _count_photos(folder: Path) -> dict[str, int]:
    return {place: len(list((folder / place).glob("[!.]*.jpg"))) for place in PLACES}


def _read_report(folder: Path, train: int, test: int) -> PreparedPhotos:
    """Read what was made, if it is what is wanted, and still there."""
    counts = _count_photos(folder)
    expected = {"train": train, "test": test, "counts": counts}
    try:
        report = json.loads((folder / REPORT).read_text(encoding="utf-8"))
        left_out = report.pop("left_out")
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        report, left_out = None, {}
    if report != expected:
        words = f"{folder} exists, but its {REPORT} says {report}, expected {expected}"
        raise FileExistsError(f"{words}. Move it away, or take another folder.")
    return PreparedPhotos(folder, counts, left_out)


def _why_unreadable(content: bytes) -> str:
    """Say why this is no photo that can be decoded; nothing where it is one."""
    if not content:
        return "0 bytes"
    if len(content) > MAX_PHOTO_BYTES:
        return f"more than {MAX_PIXELS:,} pixels or {MAX_PHOTO_BYTES:,} bytes"
    try:
        load_picture(content, as_a_dot=True)
    except MemoryError:
        raise
    except Exception as error:  # Pillow raises a dozen kinds on damaged files
        return reason_of(error).removeprefix("it is ")
    return ""


def _zip_entries(path: Path) -> Entries:
    """Yield each name in a zip file and what opens it, after a look at all that it declares."""
    try:
        archive = zipfile.ZipFile(path)
    except Exception as error:  # zipfile raises a dozen kinds on damaged files
        if told := not_the_file(error, path):
            raise type(told)(str(told)) from error  # without a number: the target is not to blame
        raise OSError(f"{path} cannot be read: {reason_of(error)}. Give {SOURCES}.") from error
    with archive:
        names = [info.orig_filename for info in archive.infolist()]
        total = sum(info.file_size for info in archive.infolist())
        limit = min(MAX_TOTAL, max(MAX_RATIO * path.stat().st_size, ALWAYS_ALLOWED))
        reasons = [f"the name {name!r} leaves the folder" for name in names if _leaves(name)]
        if total > limit:
            reasons.append(f"it unpacks to {total:,} bytes; for its size {limit:,} are allowed")
        if reasons:
            words = f"{path} was refused as a whole: {reasons[0]}"
            raise UnsafeArchiveError(f"{words}. Get it from its maker again.")
        for info in archive.infolist():
            yield info.filename, functools.partial(archive.open, info)


def _leaves(name: str) -> bool:
    """Tell whether a name leads out of the folder it is unpacked in, on any system."""
    name = name.replace("\\", "/")
    return ".." in name.split("/") or name.startswith("/") or ":" in name[:2]


def _folder_entries(folder: Path) -> Entries:
    """Yield the name of each file below a folder and what opens it; links are not followed."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path.relative_to(folder).as_posix(), functools.partial(path.open, "rb")


def _read_limited(source: Path, name: str, opener: Callable[[], IO[Any]]) -> bytes:
    """Read one file, but not more than a photo may have."""
    try:
        with opener() as file:
            return file.read(MAX_PHOTO_BYTES + 1)
    except Exception as error:  # zipfile and zlib raise a dozen kinds on damaged files
        if told := not_the_file(error, f"{name!r} of {source}"):
            raise type(told)(str(told)) from error
        reason = f"{name!r} cannot be read: {reason_of(error)}"
        raise OSError(f"{source} is damaged: {reason}. Get it again.") from error
