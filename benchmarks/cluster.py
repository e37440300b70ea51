"""What does it cost to share a training among 1, 2 and 4 processes, in seconds of the processor?

    python benchmarks/cluster.py [--rounds 5] [--epochs 3]

The same images each time: a small network, batches of 128, shared out. Counted are the user's and
the system's seconds of all processes together, between the end of the first epoch, which compiles,
and the end of the last: starting is left out. What sharing costs is told by one process that has
for a batch what each of several has for its part: it takes as many steps as they do together, on
batches of the same size. The efficiency is its seconds, divided by theirs. (Against one process
with batches of 128 the ratio also says which size of batch suits a core.) Measure on a quiet
machine: processes that wait for each other spend seconds too. Needs cnnbook[cluster].
"""

import argparse
import os
import re
import statistics
import subprocess
import sys

from bench_tools import in_turns, keep, spread, table

BATCH = 128
LIMITS = {2: 0.95, 4: 0.9}  # by processes
HEADERS = (
    *(
        "processes",
        "CPU seconds:",
        "one, with a part for a batch:",
        "efficiency:",
        "must be",
        "holds",
    ),
    "against one with all:",
)


def train(epochs: int, batch_size: int) -> None:
    """Be one of the processes, and print the seconds of the processor that it took."""
    import keras
    import numpy as np
    from keras import layers

    from cnnbook.deploy.cluster import Shard, join

    world = join()
    keras.utils.set_random_seed(1)
    images = keras.Input((28, 28, 1))
    x = layers.Conv2D(32, 3, activation="relu")(layers.Rescaling(1 / 255)(images))
    x = layers.MaxPooling2D(2)(layers.Conv2D(32, 3, activation="relu")(x))
    x = layers.BatchNormalization()(layers.Conv2D(64, 3, activation="relu")(x))
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(images, layers.Dense(10)(x))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
    chance = np.random.default_rng(0)
    pixels = chance.integers(0, 256, (1024, 28, 28, 1)).astype("uint8")
    batches = Shard(pixels, chance.integers(0, 10, 1024), batch_size, world)
    seconds = []

    def note(epoch: int, logs: dict) -> None:
        times = os.times()
        seconds.append(times.user + times.system)

    noting = keras.callbacks.LambdaCallback(on_epoch_end=note)
    model.fit(batches, epochs=epochs + 1, shuffle=False, verbose=0, callbacks=[noting])
    print(f"seconds {seconds[-1] - seconds[0]:.3f}", flush=True)


def cost(size: int, epochs: int, batch_size: int = BATCH) -> float:
    """Return the seconds of the processor of all processes of one training."""
    code = "import sys; from cnnbook.deploy.launch import launch; sys.exit(launch(sys.argv[2:], "
    words = [sys.executable, __file__, "--epochs", str(epochs), "--process", str(batch_size)]
    command = [sys.executable, "-c", f"{code}int(sys.argv[1])))", str(size), *words]
    done = subprocess.run(command, capture_output=True, text=True)
    found = re.findall(r"^\[\d+\] seconds ([\d.]+)$", done.stdout, re.MULTILINE)
    if len(found) != size:
        raise SystemExit(f"{done.stdout}{done.stderr}\nThe training of {size} processes failed.")
    return sum(map(float, found))


def judged(seconds: dict[str, list[float]]) -> list[tuple[str, ...]]:
    """Return the rows of the table: medians of the rounds' ratios against what must hold."""
    rows = []
    for size, limit in LIMITS.items():
        ours, alone = seconds[f"{size} of {BATCH}"], seconds[f"1 of {BATCH // size}"]
        ratios = [one / other for one, other in zip(alone, ours, strict=True)]
        whole = [one / other for one, other in zip(seconds[f"1 of {BATCH}"], ours, strict=True)]
        holds = "yes" if statistics.median(ratios) >= limit else "no"
        told = spread(ours), spread(alone), spread(ratios, 2), f"at least {limit}", holds
        rows.append((str(size), *told, spread(whole, 2)))
    return rows


def main() -> None:
    """Measure, in turns, keep what was found, and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--process", type=int, help="be one of the processes, with this batch")
    told = parser.parse_args()
    if told.process:
        return train(told.epochs, told.process)
    sizes = [(1, BATCH), *((1, BATCH // size) for size in LIMITS), *((n, BATCH) for n in LIMITS)]
    ways = {f"{n} of {b}": lambda n=n, b=b: cost(n, told.epochs, b) for n, b in sizes}
    seconds = in_turns(ways, told.rounds, warm_up=0)
    keep("cluster", {"rounds": told.rounds, "epochs": told.epochs, "seconds": seconds})
    print(table(HEADERS, judged(seconds)))


if __name__ == "__main__":
    main()
