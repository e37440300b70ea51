"""How many photos a second are read, resized and changed at random, ready for a network?

    python benchmarks/augment_photos.py

From JPEGs of 200x266 pixels to batches of 32 at 160x160, each picture mirrored, turned by up to 10
degrees, zoomed and sheared by up to 0.3. Each way is a process of its own; the parent goes round
them and asks one after the other for one pass over all photos, so that only one works at a time.
"""

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import NamedTuple

from bench_tools import Worker, in_turns, keep, make_photos, spread
from throughput import ratios

BATCH_SIZE = 32
IMAGE_SIZE = (160, 160)
PHOTO_SIZE = (200, 266)  # of the files, which have about the bytes of real ones
DEGREES, ZOOM, SHEAR = 10, 0.3, 0.3
KERAS, TORCH = "augment_photos_keras.py", "augment_photos_torch.py"


class Way(NamedTuple):
    """A worker and what it is told."""

    title: str
    script: str
    setting: str


WAYS = {
    "cnnbook": Way("make_image_pipeline with make_augmentation", KERAS, "cnnbook"),
    "layers": Way("Keras: four layers, one for each change", KERAS, "layers"),
    "legacy": Way("Keras: ImageDataGenerator (legacy)", KERAS, "legacy"),
    "torch_0": Way("PyTorch DataLoader with Pillow, no workers", TORCH, "0"),
    "torch_2": Way("PyTorch DataLoader with Pillow, 2 workers", TORCH, "2"),
    "read": Way("make_image_pipeline, nothing changed", KERAS, "read"),
}


def measure(folder: Path, count: int, rounds: int) -> dict[str, list[float]]:
    """Photos a second of each way, round by round."""
    workers = {name: Worker(way.script, way.setting, str(folder)) for name, way in WAYS.items()}

    def rate(name: str) -> float:
        done = workers[name].ask("pass")
        if done["photos"] != count:
            raise SystemExit(f"{name} gave {done['photos']} of {count} photos")
        return count / done["seconds"]

    rates = in_turns({name: lambda name=name: rate(name) for name in WAYS}, rounds)
    for worker in workers.values():
        worker.end()
    return rates


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--photos", type=Path, help="a folder of class folders of JPEGs instead")
    parser.add_argument("--try-out", action="store_true", help="do not keep the result")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder, count = options.photos or Path(made), options.count
        if options.photos:
            count = len(list(folder.glob("*/*.jpg")))
        else:
            make_photos(folder, count, 2, PHOTO_SIZE, (20, 27))
        rates = measure(folder, count, options.rounds)
    against = {name: ratios(rates, name) for name in ("legacy", "torch_2")}
    for name, values in rates.items():
        times = ", ".join(f"{ratio[name]:.2f}x {to}" for to, ratio in against.items())
        print(f"{WAYS[name].title:44} {spread(values):>24} photos/s, {times}")
    result = {"photos": count, "rounds": options.rounds, "photos_per_second": rates}
    if not options.try_out:
        keep("augment_photos", result)
    if not statistics.median(rates["read"]) > statistics.median(rates["cnnbook"]):
        print("note: changing the photos took no time that could be measured")


if __name__ == "__main__":
    main()
