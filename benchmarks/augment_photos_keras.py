"""A worker of augment_photos.py: passes over the photos with Keras and TensorFlow.

python benchmarks/augment_photos_keras.py cnnbook|read|layers|legacy FOLDER
"""

import contextlib
import io
import math
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import keras
import tensorflow as tf
from augment_photos import BATCH_SIZE, DEGREES, IMAGE_SIZE, SHEAR, ZOOM
from bench_tools import serve

from cnnbook.datasets.augmentation import make_augmentation
from cnnbook.datasets.image_folder import list_image_files
from cnnbook.datasets.image_pipeline import make_image_pipeline


def of_this_book(folder: Path, augment: Callable | None) -> tf.data.Dataset:
    """The pipeline of the book, with or without changes."""
    options = {"training": True, "augment": augment}
    return make_image_pipeline(list_image_files(folder), IMAGE_SIZE, BATCH_SIZE, **options)


def of_keras_layers(folder: Path) -> tf.data.Dataset:
    """Keras' reader and its layers, mapped in parallel and prefetched, as its guides have it."""
    dataset = keras.utils.image_dataset_from_directory(
        folder, image_size=IMAGE_SIZE, batch_size=BATCH_SIZE, verbose=False
    )
    change = keras.layers.Pipeline(
        [
            keras.layers.RandomFlip("horizontal"),
            keras.layers.RandomRotation(DEGREES / 360),
            keras.layers.RandomZoom(ZOOM),
            keras.layers.RandomShear(x_factor=SHEAR),
        ]
    )
    dataset = dataset.map(
        lambda images, labels: (change(images, training=True), labels),
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    return dataset.prefetch(tf.data.AUTOTUNE)


def of_the_generator(folder: Path) -> Callable[[], Iterable]:
    """The legacy generator, which never ends by itself."""
    generator = tf.keras.preprocessing.image.ImageDataGenerator(
        horizontal_flip=True,
        rotation_range=DEGREES,
        zoom_range=ZOOM,
        shear_range=math.degrees(math.atan(SHEAR)),
        fill_mode="reflect",
    )
    with contextlib.redirect_stdout(io.StringIO()):  # it prints how many images it found
        batches = generator.flow_from_directory(folder, IMAGE_SIZE, batch_size=BATCH_SIZE)
    return lambda: (batches[number] for number in range(len(batches)))


def main() -> None:
    """Build, and then serve."""
    setting, folder = sys.argv[1], Path(sys.argv[2])
    if setting == "legacy":
        batches = of_the_generator(folder)
    else:
        change = make_augmentation(horizontal_flip=True, rotation=DEGREES, zoom=ZOOM, shear=SHEAR)
        datasets = {
            "cnnbook": lambda: of_this_book(folder, change),
            "read": lambda: of_this_book(folder, None),
            "layers": lambda: of_keras_layers(folder),
        }
        dataset = datasets[setting]()

        def batches() -> Iterable:
            return dataset

    def answer(line: str) -> dict:
        start = time.perf_counter()
        photos = sum(len(labels) for _, labels in batches())
        return {"photos": photos, "seconds": time.perf_counter() - start}

    serve(answer)


if __name__ == "__main__":
    main()
