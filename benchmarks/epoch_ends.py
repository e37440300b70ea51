"""What does TensorFlow's autotuning of the input cost at the end of an epoch?

    python benchmarks/epoch_ends.py

One small network learns four epochs at a time, fed in three ways: by `fit` from the arrays, by a
`tf.data` pipeline as TensorFlow makes it, and by `make_pipeline`, which is the same pipeline with
the autotuning off. The ways take turns, so that noise hits all alike. The autotuning wakes up 0.01,
0.03, 0.07 s and so on after the start, each time after twice the time; as an epoch may have to wait
for it, each round has longer epochs than the one before, up to twice the first.
"""

import argparse
import os
import statistics
import time
from functools import partial

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from bench_tools import in_turns, keep, spread

from cnnbook.datasets.pipeline import make_pipeline
from cnnbook.models.small_digit_net import build_small_digit_net

BATCH_SIZE, EPOCHS = 64, 4
OURS = "make_pipeline"


def feeds_of(images: np.ndarray, labels: np.ndarray) -> dict[str, dict]:
    """The arguments of `fit`, for each way."""
    pipeline = tf.data.Dataset.from_tensor_slices((images, labels)).shuffle(len(images))
    ours = make_pipeline(images, labels, BATCH_SIZE, training=True)
    return {
        "fit on arrays": {"x": images, "y": labels, "batch_size": BATCH_SIZE},
        "tf.data, autotuned": {"x": pipeline.batch(BATCH_SIZE).prefetch(2), "shuffle": False},
        OURS: {"x": ours, "shuffle": False},
    }


def measure(batches: int, rounds: int) -> dict[str, list[float]]:
    """Milliseconds a batch of each way, from the call of `fit` to its return."""
    model = build_small_digit_net()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, steps_per_execution=16)
    random = np.random.default_rng(0)
    times = {}
    for number in range(rounds):
        steps = round(batches * (1 + number / rounds))
        images = random.random((steps * BATCH_SIZE, 28, 28, 1), np.float32)
        labels = random.integers(0, 10, len(images))

        def milliseconds(feed: dict, steps: int = steps) -> float:
            start = time.perf_counter()
            model.fit(**feed, epochs=EPOCHS, verbose=0)
            return 1e3 * (time.perf_counter() - start) / steps / EPOCHS

        feeds = feeds_of(images, labels)
        runs = {way: partial(milliseconds, feed) for way, feed in feeds.items()}
        for way, [value] in in_turns(runs, 1, warm_up=number == 0).items():
            times.setdefault(way, []).append(value)
    return times


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batches", type=int, default=32, help="of the first round")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--try-out", action="store_true", help="do not keep the result")
    options = parser.parse_args()
    times = measure(options.batches, options.rounds)
    for way, values in times.items():
        print(f"{way:20} {spread(values):>22} ms a batch, mean {statistics.mean(values):.1f}")
    if not options.try_out:
        keep("epoch_ends", {"rounds": options.rounds, "ms_a_batch": times})


if __name__ == "__main__":
    main()
