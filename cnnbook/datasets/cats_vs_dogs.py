"""Cats against dogs, and five flowers: where are the photos, and which are for what?

Looks in the folder that the variable CNNBOOK_DATA names, in the cache (CNNBOOK_CACHE, or
~/.cache/cnnbook), and for a copy that TensorFlow Datasets (TFDS) has prepared. Paths and labels
are returned: decoded, the photos would take 420 MB. `make_image_pipeline` of the file
image_pipeline.py reads them when their turn comes.

Source: Elson, Douceur, Howell & Saul (2007), "Asirra: A CAPTCHA that Exploits Interest-Aligned
Manual Image Categorization".

This file stands alone: copy it, it needs only NumPy, and tensorflow-datasets for a copy of TFDS.
"""

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath
from typing import NamedTuple

import numpy as np

CATS_AND_DOGS = ("cat", "dog")
FLOWERS = ("daisy", "dandelion", "rose", "sunflower", "tulip")
TRAIN, TEST = range(1000), range(1000, 1400)  # numbers of the photos of each class
ONE_DAY = 24 * 3600
WAYS_OUT = {
    "cats_vs_dogs": (
        "get train.zip from https://www.kaggle.com/c/dogs-vs-cats/data or the zip file from"
        " https://www.microsoft.com/en-us/download/details.aspx?id=54765, and run:"
        " cnnbook data prepare cats_vs_dogs FILE.zip",
        "set CNNBOOK_DATA to a folder that holds cats_vs_dogs/train/cat, cats_vs_dogs/train/dog,"
        " cats_vs_dogs/test/cat and cats_vs_dogs/test/dog",
        "go online and let TFDS download all 25,000 photos (800 MB):"
        " tfds.builder('cats_vs_dogs').download_and_prepare()",
    ),
    "flowers": (
        f"put photos (.jpg) of {', '.join(FLOWERS)} into the folders flowers/train/daisy to"
        " flowers/test/tulip, and set CNNBOOK_DATA to the folder that holds flowers",
    ),
}


class PhotoSplits(NamedTuple):
    """Paths of photos and labels (count,) int64, in three parts."""

    train_paths: list[Path]
    train_labels: np.ndarray
    validation_paths: list[Path]
    validation_labels: np.ndarray
    test_paths: list[Path]
    test_labels: np.ndarray
    class_names: tuple[str, ...]
    source: str


def load_cats_vs_dogs() -> PhotoSplits:
    """Find the photos of cats (label 0) and dogs (label 1), and say where.

    Looks for cats_vs_dogs/{train,test}/{cat,dog}. From a copy of TFDS the photos 0 to 999 of each
    class are taken for training and 1000 to 1399 for the test, once, into the cache; it lacks some.

    Returns:
        Paths of .jpg files, in the order of their names, and labels. Of 1,000 training and 400 test
        photos of each class: 1,600 for training, 400 for validation, 800 for the test. Validation
        gets a fifth of each class of the folder train, those whose content has the smallest
        SHA-256: the same on every machine. Equal photos of a class stay together.

    Raises:
        FileNotFoundError: If there is no copy; lists every place tried, and ways out.
        OSError: If a copy is broken: names the folder and what is wrong with it.
    """
    return _load("cats_vs_dogs", "Cats and dogs", CATS_AND_DOGS)


def load_flowers() -> PhotoSplits:
    """Find photos of five flowers, labels 0 to 4, and say where.

    Looks for flowers/{train,test}/{daisy,dandelion,rose,sunflower,tulip}, and not at TFDS; as
    `load_cats_vs_dogs` in everything else.
    """
    return _load("flowers", "Flowers", FLOWERS)


def _load(name: str, title: str, class_names: tuple[str, ...]) -> PhotoSplits:
    tried = []
    for source, folder, reason in _places(name):
        if folder and any((folder / part).is_dir() for part in ("train", "test")):
            splits = _list_parts(folder, class_names, source)
            train, validation, test = (f"{len(splits[part]):,}" for part in (0, 2, 4))
            print(
                f"{title} from {source}: {train} training, {validation} validation and {test} test"
                " photos."
            )
            return splits
        tried.append(f"  - {source}: {reason}")
    ways = [f"  {number}. {way}" for number, way in enumerate(WAYS_OUT[name], start=1)]
    first = f"{title} are nowhere to be found. Tried, in this order:"
    raise FileNotFoundError("\n".join([first, *tried, "Ways out:", *ways]))


def _places(name: str) -> Iterator[tuple[str, Path | None, str]]:
    """Yield each place: what it is called, where it is, why it is passed by if nothing is there."""
    roots = []
    if os.environ.get("CNNBOOK_DATA"):
        data = Path(os.environ["CNNBOOK_DATA"]).expanduser()
        roots = [data, data / "tensorflow_datasets"]
        yield f"CNNBOOK_DATA/{name}", data / name, f"no train and test in {data / name}"
    else:
        yield f"CNNBOOK_DATA/{name}", None, "the variable CNNBOOK_DATA is not set"
    try:
        cache = Path(os.environ.get("CNNBOOK_CACHE") or "~/.cache/cnnbook").expanduser() / name
        roots.append(Path(os.environ.get("TFDS_DATA_DIR", "~/tensorflow_datasets")).expanduser())
    except RuntimeError as error:  # there is no home folder
        yield "the cache", None, str(error)
        return
    yield "the cache", cache, f"no train and test in {cache}"
    if name == "cats_vs_dogs":
        # TFDS leaves a folder "incomplete.ABC_4.0.1" behind when it is killed.
        found = [root for root in roots if any((root / name).glob("[0-9]*/dataset_info.json"))]
        if found:
            _copy_tfds(found[0], cache)
        places = " or ".join(map(str, roots))
        yield "the prepared TFDS copy", cache, f"no prepared {name} in {places}"


def _list_parts(folder: Path, class_names: tuple[str, ...], source: str) -> PhotoSplits:
    """List the photos of both parts, and set those for validation apart."""
    parts, problems = [], []
    for part in ("train", "test"):
        groups = [sorted((folder / part / label).glob("[!.]*.jpg")) for label in class_names]
        empty = zip(class_names, groups, strict=True)
        problems += [f"{part}/{label} holds no .jpg file" for label, group in empty if not group]
        counts = [len(group) for group in groups]
        parts.append([path for group in groups for path in group])
        parts.append(np.repeat(np.arange(len(class_names)), counts))
    train_paths, train_labels, test_paths, test_labels = parts
    problems += [
        f"{path} has 0 bytes" for path in train_paths + test_paths if not path.stat().st_size
    ]
    if problems:
        raise OSError(
            f"{folder} is no whole copy: {'; '.join(problems[:10])} ({len(problems)} problems in"
            " all). Move it away, and prepare it again."
        )
    is_validation = _smallest_fifth(train_paths, train_labels)
    return PhotoSplits(
        [path for path, other in zip(train_paths, is_validation, strict=True) if not other],
        train_labels[~is_validation],
        [path for path, this in zip(train_paths, is_validation, strict=True) if this],
        train_labels[is_validation],
        test_paths,
        test_labels,
        class_names,
        source,
    )


def _smallest_fifth(paths: list[Path], labels: np.ndarray) -> np.ndarray:
    """Mark the fifth of each class whose content has the smallest SHA-256."""
    digests = [hashlib.sha256(path.read_bytes()).digest() for path in paths]
    marks = np.zeros(len(paths), bool)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        first_beyond = sorted(digests[index] for index in members)[len(members) // 5]
        marks[members] = [digests[index] < first_beyond for index in members]
    return marks


def _copy_tfds(root: Path, folder: Path) -> None:
    """Write the photos that are wanted of a TFDS copy into a folder: all of them, or nothing."""
    import tensorflow_datasets as tfds

    folder.parent.mkdir(parents=True, exist_ok=True)
    sweep(folder)
    prefix = f".{folder.name}.incomplete-"
    with tempfile.TemporaryDirectory(prefix=prefix, dir=folder.parent) as temporary:
        content = Path(temporary) / "content"
        try:
            decoders = {"image": tfds.decode.SkipDecoding()}  # the JPEG file as it is
            photos = tfds.load(
                "cats_vs_dogs", split="train", data_dir=root, download=False, decoders=decoders
            )
            for photo in tfds.as_numpy(photos):
                label = CATS_AND_DOGS[photo["label"]]
                number = int(PureWindowsPath(photo["image/filename"].decode()).stem)
                if number in TRAIN or number in TEST:  # of PetImages/Cat/7.jpg it is 7
                    place = content / ("train" if number in TRAIN else "test") / label
                    place.mkdir(parents=True, exist_ok=True)
                    (place / f"{label}.{number}.jpg").write_bytes(photo["image"])
            if len(list(content.glob("*/*"))) < 4:
                raise ValueError("it lacks all photos 0 to 999 or 1000 to 1399 of a class")
        except OSError:  # of the disk that is written to
            raise
        except Exception as error:  # TFDS and TensorFlow raise many kinds
            raise OSError(
                f"{root / 'cats_vs_dogs'} holds a TFDS copy that cannot be read"
                f" ({type(error).__name__}: {str(error).partition(chr(10))[0]}). Move it away and"
                " prepare it again."
            ) from error
        try:
            content.replace(folder)
        except OSError:
            if not folder.is_dir():  # otherwise another process was faster
                raise


def sweep(folder: Path) -> None:
    """Remove what processes that were killed more than a day ago left beside the folder."""
    for path in folder.parent.glob(f".{folder.name}.incomplete-*"):
        if time.time() - path.stat().st_mtime > ONE_DAY:
            shutil.rmtree(path, ignore_errors=True)
