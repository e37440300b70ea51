"""Cats against dogs, and five flowers: where are the photos, and which are for what?

Looks in the folder that the variable CNNBOOK_DATA names, in the cache (CNNBOOK_CACHE, or
~/.cache/cnnbook), and for a copy that TensorFlow Datasets (TFDS) has prepared. Returns paths, for
decoded the photos would take 420 MB; `make_image_pipeline` reads them when their turn comes.

Source: Elson, Douceur, Howell & Saul (2007), "Asirra: A CAPTCHA that Exploits Interest-Aligned
Manual Image Categorization".
"""

import contextlib
from collections.abc import Callable
from pathlib import Path, PureWindowsPath
from typing import NamedTuple

import numpy as np

from cnnbook._checks import checked
from cnnbook.datasets._choose import content_digest, smallest_of_each
from cnnbook.datasets._listing import list_pictures
from cnnbook.datasets._places import (
    NotHereError,
    broken_tfds,
    cache_folder,
    data_folder,
    first_available,
    inside,
    made_whole,
    prepared_by_tfds,
    tfds_beside_data,
    tfds_folder,
)
from cnnbook.labelled_files import LabelledFiles

CATS_AND_DOGS = ("cat", "dog")
FLOWERS = ("daisy", "dandelion", "rose", "sunflower", "tulip")
TRAIN, TEST = range(1000), range(1000, 1400)  # numbers of the photos of each class
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
    """Paths of photos and their labels, in three parts, and where they were found."""

    train: LabelledFiles
    validation: LabelledFiles
    test: LabelledFiles
    source: str

    @property
    def class_names(self) -> tuple[str, ...]:
        """The name of each class."""
        return self.train.class_names


@checked
def load_cats_vs_dogs() -> PhotoSplits:
    """Find the photos of cats (label 0) and dogs (label 1), and say where.

    Looks for cats_vs_dogs/{train,test}/{cat,dog}. From a copy of TFDS the photos 0 to 999 of each
    class are taken for training and 1000 to 1399 for the test, once, into the cache; it lacks some.

    Returns:
        Paths of the pictures, in the order of their names, and labels. Validation gets a fifth of
        each class of the folder train, chosen by content, the same on every machine: of 1,000
        training and 400 test photos of each class it is 1,600, 400 and, for the test, 800.

    Raises:
        FileNotFoundError: If there is no copy; lists every place tried, and ways out.
        OSError: If a copy is broken: names the folder and what is wrong with it.
    """
    return _load("cats_vs_dogs", "Cats and dogs", CATS_AND_DOGS)


@checked
def load_flowers() -> PhotoSplits:
    """Find photos of five flowers, labels 0 to 4, and say where.

    Looks for flowers/{train,test}/{daisy,dandelion,rose,sunflower,tulip}, and not at TFDS; as
    `load_cats_vs_dogs` in everything else.
    """
    return _load("flowers", "Flowers", FLOWERS)


def _load(name: str, title: str, class_names: tuple[str, ...]) -> PhotoSplits:
    places: dict[str, Callable[[], Path]] = {
        f"CNNBOOK_DATA/{name}": lambda: _with_parts(data_folder() / name),
        "the cache": lambda: _with_parts(cache_folder() / name),
    }
    if name == "cats_vs_dogs":
        places["the prepared TFDS copy"] = lambda: _with_parts(_copy_tfds(cache_folder() / name))
    source, folder, _ = first_available(f"{title} are", places, WAYS_OUT[name])
    splits = _list_parts(folder, class_names, source)
    train, validation, test = (f"{len(part):,}" for part in splits[:3])
    counts = f"{train} training, {validation} validation and {test} test"
    print(f"{title} from {source}: {counts} photos.")
    return splits


def _with_parts(folder: Path) -> Path:
    """Return a folder that holds photos."""
    if not {"train", "test"} & {each.name for each in inside(folder)}:
        raise NotHereError(f"no train and test in {folder}")
    return folder


def _list_parts(folder: Path, class_names: tuple[str, ...], source: str) -> PhotoSplits:
    """List the photos of both parts, and set those for validation apart."""
    parts, problems = [], []
    for part in ("train", "test"):
        groups = []
        for label in class_names:
            pictures, others = list_pictures(folder / part / label)
            groups.append(pictures)
            problems += others if pictures or others else [f"{part}/{label} holds no .jpg file"]
        paths = [path for group in groups for path in group]
        problems += [f"{path} has 0 bytes" for path in paths if not path.stat().st_size]
        labels = np.repeat(np.arange(len(class_names)), [len(group) for group in groups])
        parts.append(LabelledFiles(paths, labels, class_names))
    if problems:
        found = f"{'; '.join(problems[:10])} ({len(problems)} problems in all)"
        raise OSError(f"{folder} is no whole copy: {found}. Move it away, and prepare it again.")
    known, test = parts
    digests = [content_digest(path) for path in known.paths]
    is_validation = smallest_of_each(digests, known.labels, lambda total: total // 5)
    return PhotoSplits(known.select(~is_validation), known.select(is_validation), test, source)


def _copy_tfds(folder: Path) -> Path:
    """Write the photos that are wanted of a TFDS copy into a folder: all of them, or nothing."""
    roots = [tfds_folder()]
    with contextlib.suppress(NotHereError):
        roots = [*tfds_beside_data(), *roots]
    root = prepared_by_tfds(folder.name, roots, where=" or ".join(map(str, roots)))
    import tensorflow_datasets as tfds

    with made_whole(folder) as content:
        try:
            as_they_are = {"image": tfds.decode.SkipDecoding()}
            options = {"split": "train", "download": False, "decoders": as_they_are}
            for photo in tfds.as_numpy(tfds.load("cats_vs_dogs", data_dir=root, **options)):
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
            raise broken_tfds(root / folder.name, error) from error
    return folder
