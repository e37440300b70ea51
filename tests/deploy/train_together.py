"""A script for the tests: trains a small network in this world, and dies where it is told to.

What it is told is JSON, its only argument. Of `deaths`, the first is for the first start, and so
on: {"rank": 1, "batch": 9}, with "raise" an exception, or {"keeping": 2, "moment": ...}.
"""

import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path

import keras
import numpy as np
from keras import layers

from cnnbook import _checkpoint
from cnnbook.deploy.cluster import ClusterResume, Shard, join

STEPS, EPOCHS = 6, 4
MOMENTS = ("half is written", "all is written", "it has its name")


def main(folder, out, deaths=()):
    world = join()
    starts = Path(f"{folder}.starts.{world.rank}")
    with starts.open("a") as file:
        file.write(f"{time.time()}\n")
    number = starts.read_text().count("\n") - 1
    death = dict(deaths[number]) if number < len(deaths) else {}
    chance = np.random.default_rng(0)
    images = chance.integers(0, 256, (50, 8, 8, 1)).astype("uint8")
    batches = Shard(images, np.arange(50) % 3, 8, world, seed=3)
    keras.utils.set_random_seed(7)
    model = network()
    resume = ClusterResume(folder, batches)
    others = [keras.callbacks.EarlyStopping("loss", patience=9)]
    if "batch" in death and death["rank"] == world.rank:
        others.append(Death(death, folder))
    if "keeping" in death and world.rank == 0:
        die_when_keeping(death, resume, folder)
    fitted = model.fit(
        batches, epochs=EPOCHS, shuffle=False, verbose=0, callbacks=[resume, *others]
    )
    values = [np.asarray(each) for each in [*model.variables, *model.optimizer.variables]]
    digest = hashlib.sha256(b"".join(value.tobytes() for value in values)).hexdigest()
    accuracy = model.evaluate(images, np.arange(50) % 3, verbose=0)[1]  # by all of them
    found = {"digest": digest, "history": fitted.history, "accuracy": accuracy}
    Path(f"{out}.{world.rank}").write_text(json.dumps(found))
    if world.rank == 0:
        model.save(f"{out}.keras")
    words = [name for name in ("tensorflow", "torch") if name in sys.modules]
    print(f"{world} has finished, with {words or 'JAX alone'}")


def network():
    """Dropout draws within it, and batch norm has averages."""
    images = keras.Input((8, 8, 1))
    x = layers.Conv2D(4, 3)(layers.Rescaling(1 / 255)(images))
    x = layers.Flatten()(layers.ReLU()(layers.BatchNormalization()(x)))
    model = keras.Model(images, layers.Dense(3)(layers.Dropout(0.3)(x)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    rate = keras.optimizers.schedules.CosineDecay(0.01, 40)
    model.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
    return model


def die(folder, words):
    """Note when and where, and be killed, or raise."""
    with Path(f"{folder}.deaths").open("a") as file:
        file.write(f"{time.time()} {words}\n")
    if words.endswith("raises"):
        raise ArithmeticError("told to raise")
    os.kill(os.getpid(), signal.SIGKILL)


class Death(keras.callbacks.Callback):
    """The end of this process after a batch, counted from the first of all."""

    def __init__(self, death, folder):
        super().__init__()
        self.death, self.folder = death, folder

    def on_epoch_begin(self, epoch, logs=None):
        self.before = epoch * STEPS

    def on_train_batch_end(self, batch, logs=None):
        if self.before + batch + 1 == self.death["batch"]:
            words = f"rank {self.death['rank']} after batch {self.death['batch']}"
            die(self.folder, words + (" raises" if "raise" in self.death else ""))


def die_when_keeping(death, resume, folder):
    """Let this process die, or its disk be full, when it keeps the state of an epoch."""
    write, flush = _checkpoint._write_through, _checkpoint._flush_folder

    def die_at(here):
        if resume._done == death["keeping"] and here == death["moment"]:
            die(folder, f"epoch {resume._done}, when {here}")

    def write_and_die(path, parts):
        content = b"".join(parts)
        if resume._done == death["keeping"] and death["moment"] == "the disk is full":
            path.symlink_to("/dev/full")
        write(path, [content[: len(content) // 2]])
        die_at(MOMENTS[0])
        write(path, [content])
        die_at(MOMENTS[1])

    _checkpoint._write_through = write_and_die
    _checkpoint._flush_folder = lambda place: (die_at(MOMENTS[2]), flush(place))


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
