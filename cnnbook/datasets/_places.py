"""Where may a data set be? Each place is asked in turn; what is made is whole, or not there."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import tempfile
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from cnnbook._checks import shown
from cnnbook._machine import folder_of, kind_and_reason, not_the_file, reason_of, sweep
from cnnbook.datasets._choose import smallest_of_each

T = TypeVar("T")
Arrays = list[np.ndarray]
Words = tuple[str, ...]
SET = "Where data is, and is kept, say the variables CNNBOOK_DATA, CNNBOOK_CACHE, TFDS_DATA_DIR."


class ImageSplits(NamedTuple):
    """Images (count, height, width, channels) uint8 and labels (count,) int64, in three parts."""

    train_images: np.ndarray
    train_labels: np.ndarray
    validation_images: np.ndarray
    validation_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    class_names: Words
    source: str
    passed_by: Words = ()  # the places that had no copy, each with the reason


class NotHereError(Exception):
    """This place holds no copy; look in the next one."""


def data_folder() -> Path:
    """Return the folder that the variable CNNBOOK_DATA names."""
    if not os.environ.get("CNNBOOK_DATA"):
        raise NotHereError("the variable CNNBOOK_DATA is not set")
    folder = folder_of("CNNBOOK_DATA")
    os.scandir(folder).close()  # where it cannot be listed, no small copy takes its place
    return folder


def cache_folder() -> Path:
    """Return the folder that data is kept in which was made from a copy elsewhere."""
    return folder_of("CNNBOOK_CACHE", "~/.cache/cnnbook")


def tfds_folder() -> Path:
    """Return the folder that TensorFlow Datasets (TFDS) prepares data in."""
    return folder_of("TFDS_DATA_DIR", "~/tensorflow_datasets")


def tfds_beside_data() -> list[Path]:
    """Return where TFDS may have prepared data below the folder that CNNBOOK_DATA names."""
    return [data_folder(), data_folder() / "tensorflow_datasets"]


def first_available(
    what_is: str, places: Mapping[str, Callable[[], T]], ways_out: Iterable[str]
) -> tuple[str, T, Words]:
    """Return the first place that has a copy, what it holds, and why those before have none."""
    reasons: list[str] = []
    for place, read in places.items():
        try:
            return place, read(), tuple(reasons)
        except OSError as error:
            if not error.strerror:  # one of ours, which says all already
                raise
            what = shown(error.filename or "a folder")
            told = type(error)(f"{place}: {what} cannot be used ({reason_of(error)}). {SET}")
            told.errno = error.errno
            raise told from error
        except (NotHereError, RuntimeError) as reason:
            if isinstance(reason, RuntimeError) and "home" not in str(reason):
                raise  # of another kind than where there is no home folder
            reasons.append(f"{place}: {reason}")
    lines = [f"{what_is} nowhere to be found. Tried, in this order:"]
    lines += [f"  - {reason}" for reason in reasons]
    lines += ["Ways out:", *(f"  {number}. {way}" for number, way in enumerate(ways_out, start=1))]
    raise FileNotFoundError("\n".join(lines))


def tfds_places(name: str, host: str, label_key: str = "label") -> dict[str, Callable[[], Arrays]]:
    """Return the three places where TensorFlow Datasets may have a copy, each with its reader."""
    return {
        "CNNBOOK_DATA/tensorflow_datasets": lambda: _read_tfds(name, label_key, tfds_beside_data()),
        "the prepared TFDS copy": lambda: _read_tfds(name, label_key, [tfds_folder()]),
        "a download through TFDS": lambda: _download_tfds(name, label_key, tfds_folder(), host),
    }


def prepared_by_tfds(name: str, roots: Iterable[Path], where: object) -> Path:
    """Return the first folder in which TFDS has prepared a data set; a message says `where`."""
    for root in roots:  # where TFDS was killed, it leaves a folder "incomplete.ABC_3.0.2"
        if inside(root / name) and any((root / name).glob("[0-9]*/dataset_info.json")):
            return root
    raise NotHereError(f"no prepared {name} in {where}")


def inside(folder: Path) -> list[Path]:
    """List a folder, if there is one; raise an OSError where a permission or a disk forbids it."""
    with contextlib.suppress(FileNotFoundError):
        return sorted(folder.iterdir())
    return []


def broken_tfds(folder: Path, error: Exception) -> Exception:
    """Say what is wrong with a copy that TFDS has prepared, and what to do."""
    told = None if isinstance(error, FileNotFoundError) else not_the_file(error, folder)
    found = f"holds a TFDS copy that cannot be read ({kind_and_reason(error)})"
    return told or OSError(f"{folder} {found}. Move it away and prepare it again.")


def _read_tfds(name: str, label_key: str, roots: Sequence[Path]) -> Arrays:
    """Read train images, train labels, test images and test labels as TFDS has prepared them."""
    root = prepared_by_tfds(name, roots, where=roots[-1])
    import tensorflow_datasets as tfds

    options = {"data_dir": root, "download": False, "batch_size": -1}
    try:
        parts = tfds.load(name, split=["train", "test"], **options)
        return [part[key].numpy() for part in parts for key in ("image", label_key)]
    except Exception as error:
        raise broken_tfds(root / name, error) from error


def _download_tfds(name: str, label_key: str, folder: Path, host: str) -> Arrays:
    """Let TFDS download and prepare; ask first whether the host answers (TFDS waits 3 minutes)."""
    if "CNNBOOK_OFFLINE" in os.environ:
        raise NotHereError("the variable CNNBOOK_OFFLINE forbids it")
    try:
        if not urllib.request.getproxies():
            socket.create_connection((host, 443), timeout=5).close()
    except OSError as error:
        raise NotHereError(f"no network: {host} does not answer ({error})") from None
    try:
        import tensorflow_datasets as tfds
        from filelock import FileLock

        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f".{name}.lock"):  # of two at once, one works and one waits
            sweep((folder / name).glob("incomplete.??????_*"))
            tfds.builder(name, data_dir=folder).download_and_prepare()
    except Exception as error:
        if isinstance(error, MemoryError):
            raise
        raise NotHereError(f"it failed ({kind_and_reason(error)})") from error
    return _read_tfds(name, label_key, [folder])


@contextlib.contextmanager
def made_whole(folder: Path) -> Iterator[Path]:
    """Give a place to write in; it becomes the folder when all is written, or nothing is left."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    start = f".{folder.name}.incomplete-"
    sweep(folder.parent.glob(f"{start}*"))
    with tempfile.TemporaryDirectory(prefix=start, dir=folder.parent) as temporary:
        content = Path(temporary) / "content"
        yield content
        try:
            content.replace(folder)
        except OSError:  # where another process was faster, its folder stays
            if not (folder.is_dir() and any(folder.iterdir())):
                raise


def split_and_announce(
    title: str, source: str, arrays: Arrays, class_names: Words, passed_by: Words = ()
) -> ImageSplits:
    """Set the validation images apart, and print one line: which source, how many images.

    Validation gets the training images whose pixels have the smallest SHA-256, 5,000 of a whole
    set, 1,000 of a small one: the same on every machine.
    """
    images, labels, test_images, test_labels = arrays
    digests = [hashlib.sha256(image.tobytes()).digest() for image in images]
    count = 5_000 if len(images) >= 50_000 else min(1_000, len(images) // 5)
    is_validation = smallest_of_each(digests, np.zeros(len(images)), lambda total: count)
    for_training = images[~is_validation], labels[~is_validation].astype(np.int64)
    for_validation = images[is_validation], labels[is_validation].astype(np.int64)
    for_test = test_images.copy(), test_labels.astype(np.int64)
    splits = ImageSplits(*for_training, *for_validation, *for_test, class_names, source, passed_by)
    train, validation, test = (f"{len(labels):,}" for labels in splits[1:6:2])
    counts = f"{train} training, {validation} validation and {test} test"
    failed = [f"({reason})" for reason in passed_by if "it failed" in reason]
    print(f"{title} from {source}: {counts} images.", *failed)
    return splits
