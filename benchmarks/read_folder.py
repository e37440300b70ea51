"""Opening 10,000 small JPEGs: this book's way against Keras'.

    python benchmarks/read_folder.py

All in one run, on the same files, in turns, after one unmeasured turn. Keras lists the folder with
`image_dataset_from_directory` and passes once over it. This book lists it with `list_image_files`
and passes once over the batches of `make_image_pipeline` (whose resizing averages, where Keras'
skips pixels). Beside them: `verify_pictures`, which checks every picture and compares all contents.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import keras
from bench_tools import keep, make_photos

from cnnbook.datasets.image_folder import list_image_files, read_image
from cnnbook.datasets.image_pipeline import make_image_pipeline
from cnnbook.datasets.verify import Picture, verify_pictures


def keras_pass(folder: Path, size: tuple[int, int]) -> int:
    """List and read with Keras."""
    dataset = keras.utils.image_dataset_from_directory(
        folder, image_size=size, batch_size=128, shuffle=False, verbose=False
    )
    return sum(len(labels) for _, labels in dataset)


def our_pass(folder: Path, size: tuple[int, int]) -> int:
    """List and read with this book."""
    batches = make_image_pipeline(list_image_files(folder), size, 128)
    return sum(len(labels) for _, labels in batches)


def verify_pass(folder: Path, size: tuple[int, int]) -> int:
    """Read and compare all with this book."""
    files = list_image_files(folder)
    names = [files.class_names[label] for label in files.labels]
    pictures = [Picture(path, name, "all") for path, name in zip(files.paths, names, strict=True)]
    report = verify_pictures(pictures, read_image)
    return report.num_images if report.may_be_trained_on else 0


def main() -> None:
    """Print the seconds of each turn and the median as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--side", type=int, default=96, help="pixels of the files")
    parser.add_argument("--size", type=int, default=64, help="pixels of the batches")
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args()
    ways = {
        "keras, one pass": keras_pass,
        "cnnbook, one pass": our_pass,
        "cnnbook, verify": verify_pass,
    }
    seconds = {name: [] for name in ways}
    with tempfile.TemporaryDirectory() as folder:
        make_photos(Path(folder), options.count, 10, (options.side, options.side), (12, 12))
        for turn in range(options.turns + 1):
            for name, run in ways.items():
                start = time.perf_counter()
                found = run(Path(folder), (options.size, options.size))
                taken = time.perf_counter() - start
                if found != options.count:
                    raise SystemExit(f"{name} read {found} of {options.count} pictures")
                if turn:
                    seconds[name].append(round(taken, 2))
    medians = {name: statistics.median(taken) for name, taken in seconds.items()}
    result = {"pictures": options.count, "seconds": seconds, "medians": medians}
    print(json.dumps(result))
    keep("read_folder", result)


if __name__ == "__main__":
    main()
