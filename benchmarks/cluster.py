"""What does it cost to share a training among 1, 2 and 4 processes, in seconds of the processor?

    python benchmarks/cluster.py [--rounds 5]

The same images each time, in the same batches of 128, shared out: by a small network, whose step is
over soon, and by the deep blocks of chapter 7. Counted are the user's and the system's seconds of
all processes together, between the end of the first epoch, which compiles, and the end of the last:
starting is left out. The efficiency is the seconds of one process that trains alone, divided by
theirs. It also says a little about which size of batch suits a core: so the last column has one
process whose batch is the part that each of several has, and which takes as many more steps.
Measure on a quiet machine: processes that wait for each other spend seconds too. Needs
cnnbook[cluster].
"""

import argparse
import os
import re
import statistics
import subprocess
import sys

from bench_tools import in_turns, keep, spread, table

BATCH = 128
EPOCHS = {"small": 3, "deep blocks": 1}  # of 1,024 images, after the first
LIMITS = {2: 0.95, 4: 0.9}  # by processes, for the deep blocks
HEADERS = (
    *("network", "processes", "CPU seconds:", "one with the same batches:", "efficiency:"),
    *("must be", "holds", "to one with a part for a batch:"),
)


def train(net: str, batch_size: int) -> None:
    """Be one of the processes, and print the seconds of the processor that it took."""
    import keras
    import numpy as np
    from keras import layers

    from cnnbook.deploy.cluster import Shard, join
    from cnnbook.models.deep_blocks import build_deep_blocks

    world = join()
    keras.utils.set_random_seed(1)
    if net == "small":
        images = keras.Input((28, 28, 1))
        x = layers.Conv2D(32, 3, activation="relu")(layers.Rescaling(1 / 255)(images))
        x = layers.MaxPooling2D(2)(layers.Conv2D(32, 3, activation="relu")(x))
        x = layers.BatchNormalization()(layers.Conv2D(64, 3, activation="relu")(x))
        model = keras.Model(images, layers.Dense(10)(layers.GlobalAveragePooling2D()(x)))
    else:
        model = build_deep_blocks()
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
    model.fit(batches, epochs=EPOCHS[net] + 1, shuffle=False, verbose=0, callbacks=[noting])
    print(f"seconds {seconds[-1] - seconds[0]:.3f}", flush=True)


def cost(net: str, size: int, batch_size: int) -> float:
    """Return the seconds of the processor of all processes of one training."""
    code = "import sys; from cnnbook.deploy.launch import launch; sys.exit(launch(sys.argv[2:], "
    words = [sys.executable, __file__, "--net", net, "--batch", str(batch_size)]
    command = [sys.executable, "-c", f"{code}int(sys.argv[1])))", str(size), *words]
    done = subprocess.run(command, capture_output=True, text=True)
    found = re.findall(r"^\[\d+\] seconds ([\d.]+)$", done.stdout, re.MULTILINE)
    if len(found) != size:
        raise SystemExit(f"{done.stdout}{done.stderr}\nThe training of {size} processes failed.")
    return sum(map(float, found))


def judged(seconds: dict[str, list[float]]) -> list[tuple[str, ...]]:
    """Return the rows of the table: medians of the rounds' ratios against what must hold."""
    rows = []
    for net in EPOCHS:
        for size, limit in LIMITS.items():
            ours = seconds[f"{net}, {size} of {BATCH}"]
            alone, parts = (seconds[f"{net}, 1 of {b}"] for b in (BATCH, BATCH // size))
            ratios = [one / other for one, other in zip(alone, ours, strict=True)]
            told = f"at least {limit}", "yes" if statistics.median(ratios) >= limit else "no"
            apart = [one / other for one, other in zip(parts, ours, strict=True)]
            must = told if net == "deep blocks" else ("", "")
            found = spread(ours), spread(alone), spread(ratios, 2), *must
            rows.append((net, str(size), *found, spread(apart, 2)))
    return rows


def main() -> None:
    """Measure, in turns, keep what was found, and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--net", choices=EPOCHS, help="be one of the processes, with this network")
    parser.add_argument("--batch", type=int, default=BATCH, help="its batches")
    told = parser.parse_args()
    if told.net:
        return train(told.net, told.batch)
    sizes = [(1, BATCH), *((1, BATCH // size) for size in LIMITS), *((n, BATCH) for n in LIMITS)]
    ways = {
        f"{net}, {n} of {b}": lambda net=net, n=n, b=b: cost(net, n, b)
        for net in EPOCHS
        for n, b in sizes
    }
    seconds = in_turns(ways, told.rounds, warm_up=0)
    keep("cluster", {"rounds": told.rounds, "epochs": EPOCHS, "seconds": seconds})
    print(table(HEADERS, judged(seconds)))


if __name__ == "__main__":
    main()
