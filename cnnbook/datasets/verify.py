"""May a network be trained on these pictures? Each one is read, and every problem reported.

Errors forbid training, such as the same picture in two classes or in two parts (a test picture
among the training pictures makes the test worthless); warnings do not. Nothing is changed.
"""

import hashlib
import itertools
import os
import unicodedata
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cnnbook._checks import checked, shown
from cnnbook._decode import FORMATS, SIGNS
from cnnbook.datasets._read import ENDINGS

MAX_IMBALANCE = 10  # pictures of the largest class to those of the smallest
SMALL = 32  # pixels of the shorter side that most networks need
TRAILERS = {"JPEG": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82"}
MOVING = {"GIF": b"NETSCAPE2.0", "PNG": b"acTL", "WEBP": b"ANIM"}
_Found = tuple[tuple[int, ...], bytes, list[str]] | OSError


class Picture(NamedTuple):
    """One file, its class, and its part ("train", "test", or "all" where there is one)."""

    path: Path
    label: str
    part: str


class Report(NamedTuple):
    """What was found: counts[part][label], sizes (smallest, largest), and problems by kind.

    Unreadable are files whose content is to blame, and not a permission, a disk or a network.
    """

    num_images: int
    counts: dict[str, dict[str, int]]
    sizes: dict[str, tuple[int, int]]
    errors: dict[str, list[str]]
    warnings: dict[str, list[str]]
    unreadable: list[Path]

    @property
    def may_be_trained_on(self) -> bool:
        """True where there is no error."""
        return not self.errors


@checked
def verify_pictures(
    pictures: Iterable[Picture],
    read: Callable[[Path], np.ndarray],
    class_names: dict[str, list[str]] | None = None,
    progress: Callable[[int], object] = lambda count: None,
) -> Report:
    """Read every picture and report every problem.

    Args:
        pictures: All files of all parts; may be lazy.
        read: From a path to an array (height, width, 3); raises OSError where it cannot, with an
            `errno` where the file is not to blame.
        class_names: The classes of each part, also those without a picture.
        progress: Called with the number of pictures read so far.

    Returns:
        The report. Problems are in the order of the pictures, each with its path.

    Raises:
        MemoryError: If there is too little memory: no picture is to blame for that.
    """
    counts = {part: dict.fromkeys(labels, 0) for part, labels in (class_names or {}).items()}
    errors, notices = defaultdict(list), defaultdict(list)
    first: dict[bytes, Picture] = {}
    shapes, unreadable = [], []
    for number, (picture, found) in enumerate(_inspect_all(pictures, read), start=1):
        progress(number)
        labels = counts.setdefault(picture.part, {})
        labels[picture.label] = labels.get(picture.label, 0) + 1
        if isinstance(found, OSError):
            kind = "too large" if "the limit is" in str(found) else "unreadable"
            errors["cannot be read now" if found.errno else kind].append(str(found))
            unreadable += [] if found.errno else [picture.path]
            continue
        shape, digest, unusual = found
        shapes.append(shape)
        for kind in unusual:
            notices[kind].append(shown(picture.path))
        other = first.setdefault(digest, picture)
        line = f"{shown(other.path)} and {shown(picture.path)}"
        if other.part != picture.part:
            errors["the same picture in two parts"].append(line)
        elif other.label != picture.label:
            errors["the same picture in two classes"].append(line)
        elif other is not picture:
            notices["the same picture twice in a class"].append(line)
    _check_classes(counts, errors, notices)
    total = sum(sum(labels.values()) for labels in counts.values())
    sides = zip(("height", "width"), zip(*shapes, strict=True), strict=False)  # none of no picture
    sizes = {name: (min(values), max(values)) for name, values in sides}
    return Report(total, counts, sizes, dict(errors), dict(notices), unreadable)


def _inspect_all(pictures: Iterable[Picture], read: Callable) -> Iterator[tuple[Picture, _Found]]:
    """Inspect in several threads, a thousand at a time, in order."""
    pictures = iter(pictures)
    with warnings.catch_warnings(), ThreadPoolExecutor(os.cpu_count()) as pool:
        warnings.simplefilter("ignore")  # what the reader warns of is in the report
        while some := list(itertools.islice(pictures, 1000)):
            parts = [some[start : start + 50] for start in range(0, len(some), 50)]
            found = pool.map(lambda part: [_inspect(it.path, read) for it in part], parts)
            yield from zip(some, itertools.chain.from_iterable(found), strict=True)


def _inspect(path: Path, read: Callable[[Path], np.ndarray]) -> _Found:
    """Return the size of one picture, the hash of its pixels and what is unusual; or the error."""
    try:
        pixels = read(path)
        digest = hashlib.sha256(pixels.tobytes() + repr(pixels.shape).encode()).digest()
        return pixels.shape[:2], digest, _notices_of(path, pixels.shape)
    except OSError as error:
        return error


def _notices_of(path: Path, shape: tuple[int, ...]) -> list[str]:
    """List what is unusual about a file that can be read."""
    content = path.read_bytes()
    pairs = zip(FORMATS, SIGNS, strict=True)
    kind = next((name for name, start in pairs if content.startswith(start)), "other")
    unusual = {
        "name with a wrong ending": ENDINGS.get(path.suffix.lower()) != kind,
        "animation (first picture used)": kind in MOVING and MOVING[kind] in content[:2000],
        "bytes after the end": kind in TRAILERS and not content.endswith(TRAILERS[kind]),
        f"shorter side under {SMALL} pixels": min(shape[:2]) < SMALL,
    }
    return [name for name, is_so in unusual.items() if is_so]


def _check_classes(counts: dict[str, dict[str, int]], errors: dict, notices: dict) -> None:
    """Look at the classes of each part: none empty, at least two, the same ones, balanced."""
    reference = next(iter(counts.values()), {})
    for part, labels in counts.items():
        if empty := [shown(label) for label, count in labels.items() if not count]:
            errors["class without a picture"].append(f"{part}: {', '.join(empty)}")
        if len(labels) < 2:
            names = ", ".join(map(shown, labels))
            errors["fewer than two classes"].append(f"{part}: {names or 'none'}")
        if differ := sorted(labels.keys() ^ reference.keys()):
            names = ", ".join(map(shown, differ))
            errors["other classes than in the first part"].append(f"{part}: {names}")
        looks = Counter(unicodedata.normalize("NFKC", label).casefold().strip() for label in labels)
        if alike := [name for name, count in looks.items() if count > 1]:
            notices["classes of nearly one name"].append(f"{part}: {', '.join(map(shown, alike))}")
        ranked = Counter({label: count for label, count in labels.items() if count}).most_common()
        if ranked and ranked[0][1] > MAX_IMBALANCE * ranked[-1][1]:
            counted = [f"{count:,} of {shown(label)}" for label, count in (ranked[0], ranked[-1])]
            notices["imbalance"].append(f"{part}: {', '.join(counted)}")
