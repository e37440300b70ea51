# %% [markdown]
# # 18. More than one machine
#
# A teacher has 600 exams on her desk, which would take her a fortnight, and the marks are due in a
# week. So she asks a colleague to take half of the pile. Will the marks be those that she would
# have given alone? What if the colleague falls ill in the middle of his half? And why does she not
# ask a hundred colleagues, to be done before lunch?
#
# A network that learns from a million photographs is in the same position. In this chapter you
# train one network in two processes (running programs, which share no memory and could as well
# stand in two cities), and then, on paper, in 1,024. At the end you can say what they must tell
# each other and how much that is, start such a training by one command, kill a part of it and still
# get the same weights, bit for bit, and reckon beforehand when a second machine cannot help you.
#
# Takes about 6 minutes<!--minutes:18_more_than_one_machine--> on two CPU cores (quick: under 45
# seconds); needs chapters 0 to 6, and for the networks of "On paper" chapter 9.

# %% tags=["setup"]
import inspect
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import namedtuple
from itertools import product
from pathlib import Path
from textwrap import dedent

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from IPython.display import Markdown
from keras import layers

from cnnbook.book.claims import claim
from cnnbook.datasets.mnist import load_mnist
from cnnbook.plots.book_style import use_book_style

# %% tags=["setup"]
QUICK = "CNNBOOK_QUICK" in os.environ  # the short run: less of everything
SMALL = ("1024", "64", "3") if QUICK else ("4096", "64", "6")
LARGE = ("4096", "256", "4")  # digits, batch and epochs, as above
SHORT = (*SMALL[:2], "3")
REPEATS = 3  # of each timed training
DRAWS = 1 if QUICK else 5  # batches by which gradients are compared
ROUNDS = 100 if QUICK else 2_000  # steps of the simulation
COUNT, SWEEPS = (2_048, 2) if QUICK else (16_384, 4)  # digits and epochs
RATES = 2.0 ** np.arange(-5, 2, 2 if QUICK else 1)
BATCHES = (32, 128, 512, 2_048)
SEEDS = (1,) if QUICK else (1, 2, 3)
use_book_style()
CROSS_ENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
kept = tempfile.TemporaryDirectory()
FOLDER = Path(kept.name)
digits = load_mnist()
images, labels = digits.train_images, digits.train_labels


# %% tags=["setup"]
IMPORTS = """
import sys

import keras
from net import build_net
from probe import Probe, use_floats

from cnnbook.datasets.mnist import load_mnist
from cnnbook.deploy.cluster import ClusterResume, Shard, join
"""
Note = namedtuple("Note", "pid wall cpu what epoch batch")


def show(columns, rows):
    """Show a table."""
    lines = [columns, [":--", *["--:"] * (len(columns) - 1)], *rows]
    return Markdown("\n".join(f"| {' | '.join(map(str, row))} |" for row in lines))


# %% tags=["setup"]
PROBE = """
import os, time
from pathlib import Path
import keras
import numpy as np
def use_floats(name):
    keras.config.set_floatx(name)
    keras.config.set_dtype_policy(name)
class Probe(keras.callbacks.Callback):
    def __init__(self, folder, rank):
        super().__init__()
        self.folder, self.rank = Path(folder), rank
        self.folder.mkdir(parents=True, exist_ok=True)
        self.diary = (self.folder / f"diary{rank}.txt").open("a")
    def note(self, *words):
        told = os.getpid(), time.time(), time.process_time(), *words
        print(*told, file=self.diary, flush=True)
    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
        self.note("begin", epoch, 0)
    def on_train_batch_end(self, batch, logs=None):
        float(logs["loss"])  # waits until it is computed
        self.note("batch", self.epoch, batch)
"""
# %% tags=["setup"]
PROBE += """
    def on_epoch_end(self, epoch, logs=None):
        self.note("done", epoch, 0)
        if self.rank == 0:
            weights = map(np.asarray, self.model.get_weights())
            np.savez(self.folder / f"after{epoch}.npz", *weights)
"""
(FOLDER / "probe.py").write_text(PROBE)


def diary(run, rank=0):
    """Return what a process noted: who, when, after how much work, and what."""
    file = FOLDER / run / f"diary{rank}.txt"
    lines = file.read_text().splitlines() if file.exists() else []
    notes = [line.split() for line in lines if len(line.split()) == 6]
    kinds = int, float, float, str, int, int
    return [
        Note(*(k(it) for k, it in zip(kinds, line, strict=True))) for line in notes
    ]


def weights_of(run, epoch=-1):
    """Return all weights after an epoch, as one long row."""
    last = int(SMALL[-1]) + epoch if epoch < 0 else epoch
    with np.load(FOLDER / run / f"after{last}.npz") as file:
        return np.concatenate([file[name].ravel() for name in file])


# %% tags=["setup"]
TERMINAL = "from cnnbook.command.main import main; main()"  # what `cnnbook` calls
began = {}  # when each run was started


def train(run, size, floats="float32", net="norm", given=SMALL, **more):
    """Do what `cnnbook train train.py -n SIZE --restarts N` does in a terminal."""
    command = [sys.executable, "-c", TERMINAL, "train", str(FOLDER / "train.py")]
    command += ["-n", str(size), "--restarts", str(more.get("restarts", 0))]
    seed = str(more.get("seed", 1))
    command += [str(FOLDER / run), floats, net, seed, *given]
    wide = {"JAX_ENABLE_X64": str(int(floats == "float64"))}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    began[run] = time.time()
    job = subprocess.Popen(command, env={**os.environ, **wide}, **pipes)
    try:
        more.get("then", lambda: None)()
        told, _ = job.communicate(timeout=400)
    finally:
        job.kill()
    if job.returncode:
        raise RuntimeError(told[-1_500:])
    return told


# %% [markdown]
# ## Two piles, one mean
#
# Does it matter that two people mark the exams? Suppose that only the average mark is wanted, so
# that each adds up one pile and tells the other a single number. Take four exams, for example, with
# the marks 2, 4, 3 and 7, whose mean is 16 / 4 = 4. In two piles, the means are (2 + 4) / 2 = 3 and
# (3 + 7) / 2 = 5, and the mean of 3 and 5 is 4 again. But this works only because the piles are
# equally high. With one exam in the first pile and three in the second, the means would be 2 and
# 4.67, and *their* mean, 3.33, would be wrong.
#
# The gradient of a batch is such a mean, because each picture has its own slope, and the batch has
# the average of them (chapter 3). So let us share out a batch. Our network has a single weight *w*,
# which is 1. For an input *x* with the target *t*, the loss is (*w x* − *t*)², and its slope is 2
# *x* (*w x* − *t*).

# %% tags=["nbval-check-output"]
x, t, w = np.array([1.0, 2, 3, 1]), np.array([2.0, 2, 5, 0]), 1.0
slopes = 2 * x * (w * x - t)
print("slopes of four examples:", slopes)
print("mean of all four:       ", slopes.mean())
halves = slopes[:2].mean(), slopes[2:].mean()
print("means of two halves:    ", *halves, "and their mean:", np.mean(halves))

# %% [markdown]
# It is −3 either way. A network of thousands of weights has thousands of slopes, and the same is
# true for each of them. Below is the network that we shall train. It reads digits, and we can build
# it with or without batch normalisation, for a reason that you will see soon.


# %% tags=["network"]
def build_net(norm=True, filters=16):
    digits = keras.Input((28, 28, 1))
    x = layers.Rescaling(1 / 255)(digits)
    x = layers.Conv2D(filters, 3, strides=2, use_bias=False)(x)
    x = layers.BatchNormalization()(x) if norm else x
    x = layers.ReLU()(x)
    x = layers.Conv2D(2 * filters, 3, strides=2, activation="relu")(x)
    return keras.Model(digits, layers.Dense(10)(layers.Flatten()(x)))


# %%
def gradient(model, some):
    with tf.GradientTape() as tape:
        logits = model(images[some], training=True)
        loss = CROSS_ENTROPY(labels[some], logits)
    slopes = tape.gradient(loss, model.trainable_variables)
    return np.concatenate([slope.numpy().ravel() for slope in slopes])


def mean_of_parts(model, some, parts):
    return np.mean([gradient(model, it) for it in np.split(some, parts)], axis=0)


# %%
keras.utils.set_random_seed(1)
plain, batch = build_net(norm=False), np.arange(64)
whole, shared = gradient(plain, batch), mean_of_parts(plain, batch, 2)
print(f"{len(whole):,} slopes, of which the largest is {abs(whole).max():.3f}")
print(f"they differ by {abs(shared - whole).max():.1e} at most")

# %% [markdown]
# So the two halves give the gradient of the whole batch, as far as float32 can tell, which keeps
# about seven digits (chapter 0). This is the idea of **data parallel training**. Each **worker**,
# which is a process of its own, holds the *whole* network, and looks at its own part of every
# batch. Then all workers average their gradients and take the same step. If they began with the
# same weights, they still have the same weights after it, so after the start nobody needs to send
# weights.

# %% tags=["hide-input"]
BOXES = {
    (0, 2): ("digits 1 to 32", "0.93"),
    (0, 1): ("worker 0: all weights,\ngradient of its half", "#dcebf5"),
    (2, 2): ("digits 33 to 64", "0.93"),
    (2, 1): ("worker 1: all weights,\ngradient of its half", "#dcebf5"),
    (1, 1): ("the mean of\nboth gradients", "#fbe3d6"),
    (0, 0): ("the same step:\nthe same new weights", "#dcebf5"),
    (2, 0): ("the same step:\nthe same new weights", "#dcebf5"),
}
WAYS = [((0, 1.8), (0, 1.3)), ((2, 1.8), (2, 1.3)), ((0.36, 1), (0.74, 1))]
WAYS += [((1.64, 1), (1.26, 1)), ((0.8, 0.7), (0.3, 0.3)), ((1.2, 0.7), (1.7, 0.3))]
WAYS += [((0, 0.7), (0, 0.3)), ((2, 0.7), (2, 0.3))]

# %% tags=["hide-input"] alt="Two columns, one for each worker: a half of the digits goes in, both gradients go to the middle, and their mean comes back to both"
_, axes = plt.subplots(figsize=(7.2, 3))
for (column, row), (text, color) in BOXES.items():
    look = {"boxstyle": "round,pad=0.45", "facecolor": color, "edgecolor": "none"}
    axes.text(column, row, text, ha="center", va="center", bbox=look)
for begin, end in WAYS:
    color = "C0" if begin[0] == end[0] else "C1"
    look = {"arrowstyle": "-|>", "lw": 2, "color": color, "mutation_scale": 14}
    axes.annotate("", end, begin, arrowprops=look)
axes.set(xlim=(-0.55, 2.55), ylim=(-0.4, 2.3))
axes.axis("off")
plt.show()

# %% [markdown]
# **Figure 18.1. Who holds what, and what travels.** Each column is a worker. Only the gradients
# travel (orange), once in every step: as many numbers as there are weights that learn, however
# large the batch is. Blue stays within a machine.
#
# A network that is too large for one machine needs another plan, **model parallelism**, where each
# machine holds a piece of the network. CNNs rarely need it, so this chapter leaves it at that.

# %% tags=["claims"]
claim("machines_slope_of_the_whole", slopes.mean(), equals=-3)
claim("machines_slope_of_the_halves", np.mean(halves), equals=-3)
difference = abs(shared - whole).max() / abs(whole).max()
claim("machines_halves_differ_from_whole", difference, at_most=1e-5)

# %% [markdown]
# ## What half a batch does not know
#
# Some teachers mark "on a curve", which means that they compare an exam with the others of their
# pile. In the pile of 2 and 4, the 4 is one above the average, but among all four exams it is
# exactly average. So if each teacher curves her own pile, the marks are no longer those of one
# teacher.
#
# Batch normalisation marks on a curve, too (chapter 5). It subtracts the mean of the batch from
# each value, and divides by the standard deviation. But what is the mean of a batch of which half
# is in another machine? Let us compare three networks: one without batch normalisation, ours, which
# has it behind a convolution, and one that has it behind a dense layer. We cut batches into 2 to 32
# parts, each of which knows only its own mean. Then we ask how far the mean of the parts' gradients
# is from the gradient of the whole batch. (The distance between two such long rows of numbers is
# the root of the sum of their squared differences, and we compare it with the length of the
# gradient.)


# %%
def build_dense():
    digits = keras.Input((28, 28, 1))
    x = layers.Dense(32)(layers.Flatten()(layers.Rescaling(1 / 255)(digits)))
    x = layers.ReLU()(layers.BatchNormalization()(x))
    return keras.Model(digits, layers.Dense(10)(x))


def distance(model, some, parts):
    whole = gradient(model, some)
    apart = mean_of_parts(model, some, parts) - whole
    return np.linalg.norm(apart) / np.linalg.norm(whole)


# %%
PARTS = (2, 8) if QUICK else (2, 4, 8, 16, 32)
nets = {"without batch normalisation": plain, "behind a convolution": build_net()}
nets["behind a dense layer"] = build_dense()
apart = {name: np.zeros((DRAWS, len(PARTS))) for name in nets}
for name, net in nets.items():
    for draw, at in np.ndindex(apart[name].shape):
        some = np.arange(64 * draw, 64 * draw + 64)
        apart[name][draw, at] = distance(net, some, PARTS[at])

# %% tags=["hide-input"] alt="Distance against the number of workers, on a logarithmic axis: one curve near a ten-millionth, one that climbs from a hundredth to a tenth, one that climbs above one"
_, axes = plt.subplots(figsize=(7.2, 3.1))
for (name, values), mark in zip(apart.items(), "so^", strict=True):
    [line] = axes.plot(PARTS, np.median(values, axis=0), mark + "-", label=name)
    for row in values:
        axes.plot(PARTS, row, mark, color=line.get_color(), alpha=0.4, ms=4)
axes.set(xscale="log", yscale="log", xlabel="workers that share 64 digits")
axes.set_xticks(PARTS, PARTS)
axes.minorticks_off()
axes.set(ylim=(1e-8, 10), ylabel="distance, 1 = as long\nas the gradient itself")
axes.legend(loc="center left", bbox_to_anchor=(0, 0.42))
plt.show()

# %% [markdown]
# **Figure 18.2. The mean of gradients, when each worker normalises alone.** Each small mark is one
# batch of 64 digits, and lines go through the medians. Only without batch normalisation do the
# parts give what the whole gives. Both axes are logarithmic.
#
# With two workers, the gradient of our network is off by
# 3 %<!--claim:machines_two_workers_conv_distance-->, and that of the dense one by
# 23 %<!--claim:machines_two_workers_dense_distance-->. Perhaps it matters how many values a mean is
# made of. Behind the convolution, each channel has 13 × 13 places in each of 32 digits, which are
# 5,408 values. Behind the dense layer there are only 32.
#
# One can live with that. Goyal and others (2017, [Accurate, Large Minibatch SGD: Training ImageNet
# in 1 Hour](https://arxiv.org/abs/1706.02677), section 2.3) let each worker normalise its own 32
# pictures on purpose, however many workers there are. The other way is to compute means and
# variances over all workers, which costs more messages. Which way does Keras go? We shall find out
# by training.

# %% tags=["claims"]
middle = {name: np.median(values, axis=0) for name, values in apart.items()}
without, conv, dense = middle.values()
claim("machines_without_norm_distance", without.max(), at_most=1e-5)
claim("machines_two_workers_conv_distance", conv[0], at_least=0.01)
claim("machines_two_workers_dense_distance", dense[0], at_least=0.05)
claim("machines_dense_to_conv_distance", dense[0] / conv[0], at_least=5, quick=2)
claim("machines_32_to_2_workers_distance", conv[-1] / conv[0], at_least=3, quick=2)

# %% [markdown]
# ## A dozen lines
#
# Keras leaves its sums to another library: TensorFlow, PyTorch or JAX. Its `fit` runs in several
# processes on JAX, and not on TensorFlow ([Keras issue
# 20585](https://github.com/keras-team/keras/issues/20585)). This notebook's own Keras runs on
# TensorFlow, and cannot change that on its way, so what we train now are programs of their own,
# which our command starts on JAX. We write the network to a file, and beside it the script that
# trains it.

# %% tags=["network"]
SCRIPT = """
    world = join()
    folder, floats, net = sys.argv[1:4]
    seed, count, batch_size, epochs = map(int, sys.argv[4:])
    use_floats(floats)
    keras.utils.set_random_seed(seed)
    model = build_net(norm=net != "plain", filters=64 if net == "wide" else 16)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss)
    digits = load_mnist()
    images, labels = digits.train_images[:count], digits.train_labels[:count]
    batches = Shard(images, labels, batch_size, world)
    callbacks = [Probe(folder, world.rank), ClusterResume(folder, batches)]
    model.fit(batches, epochs=epochs, shuffle=False, verbose=0, callbacks=callbacks)
"""
(FOLDER / "train.py").write_text(IMPORTS + dedent(SCRIPT))
head = "import keras\nfrom keras import layers\n\n\n"
_ = (FOLDER / "net.py").write_text(head + inspect.getsource(build_net))

# %% [markdown]
# Three lines are new to you, all from `cnnbook.deploy.cluster`; the others would train on one
# machine, too.
#
# - `join()` finds the other processes, tells Keras to compute with them, and returns how many there
#   are (`world.size`) and which of them this is (`world.rank`, counted from 0).
# - `Shard` cuts out this worker's part of every batch. The order of the pictures depends on a seed
#   and the number of the epoch alone, so all workers agree on it without a word, and two of them
#   together see the very batches that one would see.
# - `ClusterResume` keeps the whole state after each epoch, as `ExactResume` did for one process in
#   chapter 6. The next section is about that.
#
# (`Probe` and `use_floats` are ours: the one writes down times and weights for the figures, the
# other sets how many digits numbers keep. `shuffle=False` leaves the order to `Shard`.) In a
# terminal you would type
#
# ```
# cnnbook train train.py -n 2
# ```
#
# followed by what the script wants to know, and this starts the script twice. Our function `train`
# does the same. We train once in one process and once in two, for six epochs on 4,096 digits, with
# the same batches of 64.

# %%
train("one", size=1)
told = train("two", size=2)
gap = abs(weights_of("two") - weights_of("one"))
print(f"{len(gap):,} numbers, of which {np.sum(gap == 0):,} are exactly equal")
print(f"the largest difference is {gap.max():.1e}")

# %% [markdown]
# Two processes have learned what one would have learned, up to about the sixth digit behind the
# point. But why not exactly? A computer rounds after every sum, and so it matters in which order it
# adds.

# %% tags=["nbval-check-output"]
print((0.1 + 0.2) + 0.3, "and", 0.1 + (0.2 + 0.3))

# %% [markdown]
# One process adds up the 64 slopes in one order, and two add up 32 each and then the two sums. If
# this is the whole story, then numbers with more digits must agree to more digits. So we train
# again in *float64*, which keeps about sixteen digits, both with and without batch normalisation.

# %%
VARIANTS = {"float32": ("float32", "norm"), "float64": ("float64", "norm")}
VARIANTS["float64, no batch norm"] = "float64", "plain"
pairs = {("float32", 1): ("one", "two")}
for name, seed in [] if QUICK else [*product(VARIANTS, SEEDS)][1:]:
    pairs[name, seed] = f"one {name} {seed}", f"two {name} {seed}"
    for run, size in zip(pairs[name, seed], (1, 2), strict=True):
        train(run, size, *VARIANTS[name], SHORT, seed=seed)
EPOCHS = range(int(SHORT[-1]))
gaps = {
    key: [abs(weights_of(two, at) - weights_of(one, at)).max() for at in EPOCHS]
    for key, (one, two) in pairs.items()
}

# %% tags=["hide-input"] alt="Largest difference of a weight after each epoch, on a logarithmic axis: six curves begin near a ten-millionth, of which some climb, and three stay near the sixteenth digit"
_, axes = plt.subplots(figsize=(7.2, 3.2))
looks = dict(
    zip(VARIANTS, zip("os^", ("C0", "C1", "C2"), strict=True), strict=True)
)
for (name, seed), values in gaps.items():
    mark, color = looks[name]
    label, size = name if seed == 1 else None, {"float32": 9}.get(name, 5)
    look = {"color": color, "ms": size, "lw": 1.2, "label": label}
    axes.plot(np.array(EPOCHS) + 1, values, mark + "-", **look)
for bits, text in ((24, "rounding of float32"), (53, "rounding of float64")):
    axes.axhline(2.0**-bits, color="0.6", lw=1, ls=":")
    look = {"fontsize": 9, "color": "0.4", "va": "top", "ha": "right"}
    axes.text(len(EPOCHS) + 0.35, 0.6 * 2.0**-bits, text, **look)
axes.set(yscale="log", ylim=(1e-18, 1e2), xlim=(0.8, len(EPOCHS) + 0.4))
axes.set(xlabel="epoch", ylabel="largest difference\nof a weight")
axes.set_xticks(np.array(EPOCHS) + 1)
axes.legend(loc="upper right", ncols=3)
plt.show()

# %% [markdown]
# **Figure 18.3. One process against two.** After each epoch, the largest difference between a
# weight trained in one process and the same weight trained in two, with three seeds each. The
# dotted lines are the rounding errors of a number near 1 in float32 and in float64.
#
# In float64 without batch normalisation, all weights agree up to
# digit 15<!--claim:machines_digits_of_float64--> behind the point, so nothing but rounding tells
# two processes from one. With batch normalisation it is
# digit 6<!--claim:machines_digits_of_float64_with_norm--> with the middle one of three seeds, as
# far as in float32 (6<!--claim:machines_digits_of_float32-->). The reason is in Keras: on JAX it
# computes this layer in float32, whatever we ask for.
#
# Differences of that size may also grow. A weight that is slightly off gives gradients that are
# slightly off, and so on from step to step. In 2<!--claim:machines_runs_where_it_grew--> of the six
# comparisons with batch normalisation, some weight is off by more than a ten-thousandth in the end.
# Which ones these are depends on the seed, and we saw it change with the CPU.
#
# Now you can answer the question from before. If each worker normalised its half alone, then the
# very first gradient would be off by about 3 %, as above, and the weights with it. But after a
# whole epoch no weight is off by as much as a thousandth, with any seed, so the workers must share
# their means and variances. JAX treats both halves as one long array, and the mean of an array is
# the mean of all of it.


# %% tags=["claims"]
def digits_of(name):
    """Return up to which digit the weights agree, for each seed, in order."""
    ends = [values[-1] for (its, _), values in gaps.items() if its == name]
    return sorted(int(-np.log10(max(end, 1e-18))) for end in ends)


claim(
    "machines_digits_of_float32",
    np.median(digits_of("float32")),
    at_least=4,
    quick=2,
)
pids = {diary("two", rank)[0].pid for rank in (0, 1)}
claim("machines_processes_of_two", len(pids), equals=2)
if not QUICK:
    norm, none = digits_of("float64"), digits_of("float64, no batch norm")
    claim("machines_digits_of_float64", none[0], at_least=12)
    claim("machines_digits_of_float64_with_norm", np.median(norm), at_most=9)
    claim("machines_digits_that_norm_costs", none[0] - norm[-1], at_least=4)
    grew = sum(digit < 4 for digit in norm + digits_of("float32"))
    claim("machines_runs_where_it_grew", grew, at_most=5)
early = max(values[0] for values in gaps.values())
claim("machines_off_after_an_epoch", early, at_most=1e-3)

# %% [markdown]
# ## One of them is killed
#
# Among a hundred colleagues, somebody falls ill a hundred times as often as a teacher who works
# alone. If all the marks had to be given anew each time, a large team would never be done. Going on
# after a machine has failed, without beginning anew, is called **fault tolerance**.
#
# What must be kept for that? Weights alone are not enough, as you saw in chapter 6, because Adam
# has its running means, dropout has its seeds, and the pictures have their order. `ClusterResume`
# writes all of that into a checkpoint after each epoch. Worker 0 does it for all, since all have
# the same. It writes a new file beside the old one, and puts it in the old one's place only when it
# is safely on the disk. So whenever somebody pulls the plug, there is one whole checkpoint.
#
# Let us pull it. We start the same training again, watch the diary of worker 1, and kill it in the
# middle of an epoch. `SIGKILL` is a signal that no process can catch, so worker 1 can neither tidy
# up nor say goodbye to the other. With `--restarts 1` our command ends all workers as soon as one
# has failed, and starts all of them again, at most once.


# %%
def kill_in(run, rank, epoch, batch):
    until = time.time() + 300
    while time.time() < until:
        for note in diary(run, rank):
            if (note.what, note.epoch, note.batch) == ("batch", epoch, batch):
                return os.kill(note.pid, signal.SIGKILL)
        time.sleep(0.01)


# %%
count, size, epochs = map(int, SMALL)
step = epochs // 2, count // size // 2  # an epoch, and a batch in its middle
told = train("killed", 2, restarts=1, then=lambda: kill_in("killed", 1, *step))
print(next(line for line in told.splitlines() if "killed by" in line))
same = weights_of("killed") == weights_of("two")
print(f"{same.sum():,} of {len(same):,} numbers are the same, bit for bit")


# %% tags=["hide-input"]
def progress(run, rank):
    """Return seconds since the start, and steps done, of each process of a rank."""
    notes, lines, each = diary(run, rank), [], int(SMALL[0]) // int(SMALL[1])
    for pid in dict.fromkeys(note.pid for note in notes):
        mine = [it for it in notes if it.pid == pid and it.what != "done"]
        steps = [it.epoch * each + it.batch + (it.what == "batch") for it in mine]
        lines.append(([it.wall - began[run] for it in mine], steps))
    return lines


# %% tags=["hide-input"] alt="Steps done against seconds: a first line climbs, breaks off at a cross, and after a pause a second line begins at the last multiple of an epoch below the cross and climbs to the end"
_, axes = plt.subplots(figsize=(7.2, 3.2))
each = int(SMALL[0]) // int(SMALL[1])
axes.set_yticks(each * np.arange(int(SMALL[2]) + 1))
for rank, look in ((0, {"lw": 4, "alpha": 0.35}), (1, {"ls": "--", "color": "C0"})):
    for place, (seconds, steps) in enumerate(progress("killed", rank)):
        name = None if place else f"worker {rank}"
        axes.plot(seconds, steps, **({"color": "C0"} | look), label=name)
first, second = progress("killed", 1)
cross = first[0][-1], first[1][-1]
axes.plot(*cross, "X", color="C1", ms=11, label="worker 1 is killed")
axes.plot([cross[0], second[0][0]], [cross[1], second[1][0]], ":", color="0.5")
axes.axvspan(0, first[0][0], color="0.93", lw=0)
axes.axvspan(cross[0], second[0][0], color="0.93", lw=0)
axes.set(xlabel="seconds since the start", ylabel="steps done", xlim=(0, None))
axes.legend(loc="upper left")
plt.show()

# %% [markdown]
# **Figure 18.4. A training that was killed.** Grey: nothing is trained, because both processes
# start. The first step takes long, because the network is compiled in it. Each line across is the
# end of an epoch, where a checkpoint is kept. At the cross, worker 1 is killed. Worker 0 cannot go
# on without its gradients, so both start again at the last checkpoint, which is the line below the
# cross.
#
# The end is the same, bit for bit: 0<!--claim:machines_bits_after_the_kill--> weights differ from
# those of the training that nobody disturbed. This time not even the rounding differs, because the
# same two workers, each on one core of the CPU, add in the same order. What was lost is half an
# epoch and the time of a start. On a real cluster you would keep a checkpoint every so many
# minutes.

# %% tags=["claims"]
claim("machines_bits_after_the_kill", np.sum(~same), equals=0)
pids = [len({note.pid for note in diary("killed", rank)}) for rank in (0, 1)]
claim("machines_processes_of_each_rank", min(pids), equals=2)
notes = diary("killed")
again = {note.epoch for note in notes if note.pid != notes[0].pid}
claim("machines_epochs_that_were_lost", epochs // 2 - min(again), equals=0)

# %% [markdown]
# ## How the mean gets round
#
# How do four workers get the mean of four gradients? They could all send theirs to one of them. But
# that one would receive three gradients and send three answers while the others wait, and with a
# hundred workers it would take 33 times as long.
#
# Imagine instead four people at a round table, each with four slips of paper, *a* to *d*, and a
# number on each slip. Everybody wants to know the four sums. In each turn all do the same at once:
# they hand *one* number to the neighbour on the right, who adds it to her own slip of that letter.
# Person 0 begins with *a*, person 1 with *b*, and so on, and in the next turn everybody hands on
# the number that has just grown. After three turns each of them holds one finished sum. In three
# more turns the finished sums go round, and everybody copies what comes. (Divided by four, the sums
# are the means.) Adding up in such a way that all have the sum in the end is called **all-reduce**,
# and this way of doing it is a *ring* (Pitch Patarasuk and Xin Yuan, 2009,
# https://doi.org/10.1016/j.jpdc.2008.09.002).


# %%
def ring(held, turns=None):
    held, sent = held.copy(), 0
    count = len(held)
    for turn in range(2 * (count - 1) if turns is None else turns):
        before = held.copy()  # all hand on at the same moment
        for giver in range(count):
            taker, slip = (giver + 1) % count, (giver - turn) % count
            old = before[taker, slip] if turn < count - 1 else 0
            held[taker, slip] = old + before[giver, slip]
            sent += 1
    return held, sent / count


# %% tags=["nbval-check-output"]
held = np.array([[1, 2, 3, 4], [5, 6, 7, 8], [9, 1, 2, 3], [4, 5, 6, 7]])
sums, sent = ring(held)
print(sums)
print(f"each holds 4 numbers and has sent {sent:.0f}")

# %% tags=["hide-input"] alt="Three tables of four rows and four columns: the numbers at first, after three turns with one finished sum in each row, and after six turns with all sums in all rows"
_, row = plt.subplots(1, 3, figsize=(7.2, 2.5))
for axes, turns in zip(row, (0, 3, 6), strict=True):
    now, _ = ring(held, turns)
    for (person, slip), value in np.ndenumerate(now):
        done = value == held[:, slip].sum()
        look = {"facecolor": "C0" if done else "0.9", "edgecolor": "white", "lw": 2}
        axes.add_patch(plt.Rectangle((slip, person), 1, 1, **look))
        look = {"color": "white" if done else "0.3", "ha": "center", "va": "center"}
        axes.text(slip + 0.5, person + 0.5, value, **look)
    axes.set(xlim=(0, 4), ylim=(4, 0), aspect="equal", title=f"after {turns} turns")
    axes.set_xticks(np.arange(4) + 0.5, "abcd")
    axes.set_yticks(np.arange(4) + 0.5, range(4))
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
row[0].set_ylabel("person")
plt.show()

# %% [markdown]
# **Figure 18.5. Four people, four slips each.** Blue: a finished sum. Follow column *a* in the
# first three turns: 1 grows to 6, 15 and 19. In three more turns, everybody copies the finished
# sums.
#
# Each person has sent 6 numbers, which is 1.5 times as many as there are slips. Let us count for
# *n* workers. They cut their gradient into *n* pieces, and a slip stands for one piece. A slip is
# therefore 1/*n* of the gradient, and there are 2 (*n* − 1) turns, so each sends
#
# > 2 (*n* − 1) / *n* times the gradient
#
# which is 1 for two, 1.5 for four and 1.998 for 1,024. So each of a thousand workers has only a
# third more to send than each of four, and nobody has more than the others.

# %% tags=["claims"]
claim("machines_ring_is_right", np.sum(sums != held.sum(axis=0)), equals=0)
claim("machines_ring_sent_by_each", sent, equals=6)
_, sent_by_8 = ring(np.arange(64).reshape(8, 8))
claim("machines_ring_of_8_sends", sent_by_8 / 8, equals=1.75)

# %% [markdown]
# ## On paper, up to 1,024
#
# If nobody has much more to send, why are 1,024 workers not 1,024 times as fast? Three things hold
# them up.
#
# - **Bandwidth** is how many bytes a line carries in a second. Makers count bits, of which a byte
#   has eight, so a line of 10 Gbit/s carries 1.25 GB. A gradient in float32 has four bytes for each
#   weight, and it has to pass almost twice.
# - Latency, the time until an answer comes (chapter 17), is here what each of the 2 (*n* − 1) turns
#   takes, however short the message.
# - All wait for the slowest in every step, and in a large crowd somebody always stumbles. Such a
#   worker is a **straggler**.
#
# There is one help. Backpropagation finds the slopes of the last layer first, so these can travel
# while it still works on the layers before. By a rule of thumb the way backward takes two thirds of
# a step. For that long travel costs nothing, so it is *hidden*, and only the rest makes the step
# longer.
#
# In this section each worker looks at as many pictures in a step as it would alone. With perfect
# sharing a step would therefore take as long as before, and do *n* times the work. We divide the
# time of a step on one worker by the time of a step among many. This share is the **scaling
# efficiency**. Our simulation draws a time for each worker and step, and waits for the slowest: the
# time is `compute` on average, and a `jitter` of 0.05 varies it by about 5 %.


# %%
def ring_seconds(size, workers, speed, latency):
    moved = 2 * (workers - 1) / workers * size
    return moved / speed + 2 * (workers - 1) * latency


def efficiency(compute, travel, workers, hidden=0.0, jitter=0.0):
    rng = np.random.default_rng(18)
    times = compute * rng.lognormal(0, jitter, (ROUNDS, workers))
    slowest = times.max(axis=1).mean()
    return times.mean() / (slowest + max(0, travel - hidden * compute))


# %% [markdown]
# ### Against what was published
#
# Apart from the latency and the two thirds, all numbers that we put in were published, and we
# fitted none.
#
# | network, its gradient | pictures a second on one Tesla P100 | batch | line of a machine |
# |:--|--:|--:|--:|
# | Inception V3, 96 MB | 142 | 64 | 25 Gbit/s, for 4 GPUs |
# | VGG-16, 554 MB | 154 | 64 | 25 Gbit/s, for 4 GPUs |
# | ResNet-50, 102 MB | 195 | 32 | 50 Gbit/s, for 8 GPUs |
#
# The speeds are of 2017 ([TensorFlow's
# benchmarks](https://github.com/tensorflow/docs/blob/master/site/en/r1/guide/performance/benchmarks.md)).
# The first two systems are those of Horovod, a program for all-reduce ([its
# benchmarks](https://github.com/horovod/horovod/blob/master/docs/benchmarks.rst)), and the third is
# that of Goyal and others (section 4.3). The workers of a machine share its line. But they stand
# beside each other in the ring, so it enters each machine once, and we may reckon as if each had
# the whole line. For the latency we take 10 µs a turn, as in [NVIDIA's own
# table](https://github.com/NVIDIA/nccl/blob/master/src/graph/tuning.cc) (9.6 in 2020, 14 later).
#
# Take VGG-16 with two workers, for example. Its gradient of 554 MB travels for 0.18 s at 3.1 GB/s,
# and a step takes 64 / 154 = 0.42 s. With nothing hidden, the efficiency is 0.42 / 0.60 = 70 %,
# where the dashed line in the middle begins.

# %%
GIGABIT, LATENCY = 1e9 / 8, 10e-6
WORKERS = 2 ** np.arange(1, 11)
SYSTEMS = {  # bytes of the gradient, seconds of a step, bytes a second
    "Inception V3": (4 * 23.9e6, 64 / 142, 25 * GIGABIT),
    "VGG-16": (4 * 138.4e6, 64 / 154, 25 * GIGABIT),
    "ResNet-50": (4 * 25.6e6, 32 / 195, 50 * GIGABIT),
}

# %%
bands = {}
for name, (size, compute, speed) in SYSTEMS.items():
    travel = [ring_seconds(size, n, speed, LATENCY) for n in WORKERS]
    bands[name] = [
        [efficiency(compute, s, n, h) for s, n in zip(travel, WORKERS, strict=True)]
        for h in (0, 2 / 3)
    ]

# %%
PUBLISHED = [  # network, workers, efficiency
    ("Inception V3", 128, 0.90),
    ("Inception V3", 512, 0.90),
    ("VGG-16", 128, 0.79),
    ("VGG-16", 512, 0.68),
    ("ResNet-50", 256, 0.90),
]
inside = 0
for name, workers, told in PUBLISHED:
    low, high = (band[int(np.log2(workers)) - 1] for band in bands[name])
    inside += low <= told <= high
    print(f"{name:12} {workers:4}: {told:.0%}, simulated {low:.0%} to {high:.0%}")

# %% tags=["hide-input"] alt="Three charts of efficiency against workers up to 1,024, each with a band between nothing hidden and two thirds hidden, and published values inside the bands"
_, row = plt.subplots(1, 3, figsize=(7.2, 2.9), sharey=True)
for axes, (name, (low, high)) in zip(row, bands.items(), strict=True):
    axes.fill_between(WORKERS, 100 * np.array(low), 100 * np.array(high), alpha=0.2)
    axes.plot(WORKERS, 100 * np.array(high), label="two thirds hidden")
    axes.plot(WORKERS, 100 * np.array(low), "C0--", label="nothing hidden")
    seen = [(n, 100 * share) for net, n, share in PUBLISHED if net == name]
    axes.plot(*zip(*seen, strict=True), "D", color="C1", ls="", label="published")
    axes.set(xscale="log", title=name, xlabel="workers", ylim=(40, 103))
    axes.set_xticks([2, 16, 128, 1_024], ["2", "16", "128", "1,024"])
    axes.minorticks_off()
row[0].set_ylabel("efficiency, %")
row[0].legend(loc="lower left")
plt.show()

# %% [markdown]
# **Figure 18.6. The simulation and what was published.** If line and GPUs were all that counts, a
# system would lie in the blue band: on the dashed line if nothing is hidden, on the solid line if
# the whole way backward (two thirds of a step) is used. Orange: Horovod with 128 and 512 GPUs, and,
# on the right, Goyal and others with 256. Goyal and others compare with 8 GPUs, not with one.
#
# All 5<!--claim:machines_published_inside--> published values lie within their band. The order is
# right as well: VGG-16 suffers most, because its gradient has 554 MB, and its steps are not long
# enough to make up for it. But so wide a band is a weak test, and Goyal and others hid most of the
# travel, by a quicker way than a ring. By our model they should have lost almost nothing. Nor do
# the bands explain why VGG-16 fell from 79 % to 68 % between 128 and 512 GPUs (the 79 % is from
# [its author's own page](https://github.com/alsrgv/horovod)), since its band hardly moves. Perhaps
# that was the stragglers. Let us see what they cost, with lines that take no time at all.

# %% tags=["hide-input"]
JITTERS = (0.02, 0.05, 0.1)
slow = {j: [efficiency(1, 0, n, jitter=j) for n in (1, *WORKERS)] for j in JITTERS}
shown = {1: "2", 3: "8", 7: "128", 9: "512", 10: "1,024"}
rows = [
    [f"{100 * jitter:.0f} %", *(f"{100 * slow[jitter][at]:.0f} %" for at in shown)]
    for jitter in JITTERS
]
show(["a step varies by", *(f"{n} workers" for n in shown.values())], rows)

# %% [markdown]
# If steps vary by 5 %, then 1,024 workers spend
# 85 %<!--claim:machines_efficiency_5_percent_jitter--> of their time on work, and wait for the
# rest. But this, too, gets worse only slowly, by 2 points<!--claim:machines_jitter_128_to_512-->
# from 128 workers to 512. So this does not explain the fall of VGG-16 either. Our simulation leaves
# out much of a real cluster: other traffic on the same lines, the way from the GPU to the network,
# photographs that come late from the disk, and workers that are slow for long.

# %% tags=["claims"]
claim("machines_published_inside", inside, equals=len(PUBLISHED))
claim("machines_efficiency_5_percent_jitter", slow[0.05][10], at_most=0.9)
points = 100 * (slow[0.05][7] - slow[0.05][9])
claim("machines_jitter_128_to_512", points, at_most=4)
vgg = bands["VGG-16"]
claim("machines_vgg_band_falls_by", 100 * (vgg[1][6] - vgg[1][8]), at_most=4)

# %% [markdown]
# ## What it costs here
#
# Our two cores cannot draw that curve, but they can show what sharing itself costs. One, two and
# four processes do the same work: our network with four times as many filters, and 4,096 digits in
# batches of 256. But what shall we measure? Four processes on two cores have to take turns, so a
# clock on the wall would tell us about the cores. Instead we ask each process how many seconds it
# has *computed*, which is its CPU time, and add them up. The seconds of one process, divided by
# those of all, are the efficiency in this section.
#
# There is a catch. Of a batch of 256, each of two processes has a part of 128, and each of four has
# 64, and a core may compute faster with small batches or with large ones. So we also train one
# process whose whole batch is such a part, and compare with that one, too. We begin after the first
# epoch, so that starting and compiling do not count.


# %%
def cpu_seconds(run, size):
    total = 0
    for rank in range(size):
        done = [note.cpu for note in diary(run, rank) if note.what == "done"]
        total += done[-1] - done[0]
    return total


# %%
WORK = [(1, 256), (2, 256), (4, 256), (1, 128), (1, 64)]  # processes, batch
runs = {
    (size, 256): ["one" if size == 1 else "two"] for size in (1, 2)
}  # short run
if not QUICK:
    runs = {it: [f"{it}, {turn}" for turn in range(REPEATS)] for it in WORK}
    for turn in range(REPEATS):
        for size, batch_size in WORK:
            given = (LARGE[0], str(batch_size), LARGE[2])
            train(runs[size, batch_size][turn], size, net="wide", given=given)
costs = {it: [cpu_seconds(run, it[0]) for run in each] for it, each in runs.items()}
middle = {it: np.median(each) for it, each in costs.items()}


# %% tags=["hide-input"]
def wall_seconds(run):
    done = [note.wall for note in diary(run) if note.what == "done"]
    return done[-1] - done[0]


rows = []
for (size, batch_size), each in costs.items():
    clock = np.median([wall_seconds(run) for run in runs[size, batch_size]])
    rows.append([size, batch_size, batch_size // size, f"{np.median(each):.1f}"])
    rows[-1] += [f"{min(each):.1f} to {max(each):.1f}", f"{clock:.1f}"]
columns = ["processes", "batch", "digits for each", "CPU seconds", "three runs"]
show([*columns, "seconds on the wall"], rows)

# %% [markdown]
# Compared with one process and the same batches of 256, two have an efficiency
# of 1.00<!--claim:machines_efficiency_of_two-->, and four
# of 0.58<!--claim:machines_efficiency_of_four-->. Compared with one process whose batch is their
# part, it is 0.76<!--claim:machines_efficiency_of_two_by_parts-->
# and 0.39<!--claim:machines_efficiency_of_four_by_parts-->. In the two trainings of figure 18.3,
# with the small network and batches of 64, two processes had
# only 0.27<!--claim:machines_efficiency_of_small_steps--> (one run). Perhaps the many meetings cost
# so much, perhaps what Keras does in each step besides computing, which every process does anew.

# %% tags=["claims"]
small = cpu_seconds("one", 1) / cpu_seconds("two", 2)
claim("machines_efficiency_of_small_steps", small, at_most=0.7, quick=10)
two = middle[1, 256] / middle[2, 256]
claim("machines_efficiency_of_two", two, at_least=0.5, quick=0.01)
if not QUICK:
    claim(
        "machines_efficiency_of_four", middle[1, 256] / middle[4, 256], at_least=0.3
    )
    by_parts = middle[1, 128] / middle[2, 256], middle[1, 64] / middle[4, 256]
    claim("machines_efficiency_of_two_by_parts", by_parts[0], at_least=0.5)
    claim("machines_efficiency_of_four_by_parts", by_parts[1], at_least=0.3)
    claim("machines_large_steps_to_small_steps", two / small, at_least=1.3)

# %% [markdown]
# ## A larger batch wants another rate
#
# Since large steps make messages cheap, people who add workers usually leave each of them as many
# pictures as before, so that with *n* workers the batch is *n* times as large. That has a price
# which is easy to overlook, because an epoch now has fewer steps. While the slope hardly changes,
# *k* short steps lead to the same place as a *k* times longer one. With a batch that is *k* times
# as large, multiply the learning rate by *k*: this is the **linear scaling rule** (Goyal and
# others, section 2.1).
#
# We test it on a small network with two hidden layers, with plain SGD and equally many epochs. For
# each of four sizes of the batch we try seven rates, and judge them by the validation digits.

# %%
total = min(COUNT, len(images)) // 2_048 * 2_048
pixels = tf.constant(images[:total].reshape(-1, 784) / np.float32(255))
answers = tf.constant(labels[:total].astype("int32"))
unseen = digits.validation_images.reshape(-1, 784) / np.float32(255)
hidden = [layers.Dense(64, activation="relu") for _ in range(2)]
learner = keras.Sequential([keras.Input((784,)), *hidden, layers.Dense(10)])


# %%
@tf.function(
    input_signature=[tf.TensorSpec((None, None), "int64"), tf.TensorSpec(())]
)
def one_epoch(order, rate):
    for batch in order:
        with tf.GradientTape() as tape:
            logits = learner(tf.gather(pixels, batch), training=True)
            loss = CROSS_ENTROPY(tf.gather(answers, batch), logits)
        weights = learner.trainable_variables
        slopes = tape.gradient(loss, weights)
        for weight, slope in zip(weights, slopes, strict=True):
            weight.assign_sub(rate * slope)


# %%
def loss_after(size, rate, seed):
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    learner.set_weights(keras.models.clone_model(learner).get_weights())
    for _ in range(SWEEPS):
        order = rng.permutation(total).reshape(-1, size)
        one_epoch(tf.constant(order), tf.constant(rate, tf.float32))
    loss = float(CROSS_ENTROPY(digits.validation_labels, learner(unseen)))
    return loss if loss < 10 else 10.0  # it has failed, however badly


# %%
losses = {size: np.zeros((len(SEEDS), len(RATES))) for size in BATCHES}
for size, table in losses.items():
    for row, column in np.ndindex(table.shape):
        table[row, column] = loss_after(size, RATES[column], SEEDS[row])

# %% tags=["hide-input"] alt="Left: validation loss against the rate, one curve a batch size; the curves are shifted to the right as batches grow, and all fail at a rate of 2. Right: against the rate divided by the batch, where their left parts lie on each other"
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.4), sharey=True)
for (size, values), mark in zip(losses.items(), "os^D", strict=True):
    middle = np.median(values, axis=0)
    for axes, x in ((left, RATES), (right, RATES * 32 / size)):
        [line] = axes.plot(x, middle, mark + "-")
        for row in values:
            axes.plot(x, row, mark, color=line.get_color(), alpha=0.4, ms=4)
for axes in (left, right):
    axes.set(xscale="log", yscale="log", ylim=(0.12, 4))
    axes.set_yticks([0.2, 0.5, 1, 2], ["0.2", "0.5", "1", "2"])
    axes.minorticks_off()
left.set(xlabel="learning rate", ylabel="validation loss")
left.set_xticks([1 / 32, 1 / 8, 1 / 2, 2], ["1/32", "1/8", "1/2", "2"])
right.set_xlabel("learning rate × 32 / batch")
names = [f"batch of {size:,}" for size in BATCHES]
figure.legend(
    left.lines[:: 1 + len(SEEDS)], names, loc="outside upper center", ncols=4
)
plt.show()

# %% [markdown]
# **Figure 18.7. Four sizes of batches, each at seven rates.** Small marks are seeds, lines go
# through their medians. Left: the larger the batch, the higher the rate that it takes to reach the
# same loss, but all fail at 2. Right: the same values against the rate × 32 / batch. Now the
# falling parts meet, except for 2,048. (A loss of 2.3 is guessing.)
#
# The right chart is the rule at work: where the curves begin to fall, the rate for each picture
# decides. On our grid of factors of two, a batch of 128 does best at
# 4 times<!--claim:machines_best_rate_128_to_32--> the rate of 32 (whose two best rates hardly
# differ), and about as well. The left chart shows where the rule ends. At a rate of 2 every batch
# fails, however large it is, and already at 1 each does worse than at 0.5. So a batch of 512, for
# which the rule asks for a rate of 2 (the batch of 32 does best at 1/8), cannot follow it, at least
# not in four epochs and without help. Its best loss is
# 1.6 times<!--claim:machines_loss_512_to_32--> that of 32, because it takes few steps, and they
# cannot be longer.
#
# For ResNet-50 on ImageNet this end came at about 8,000 pictures a batch (Goyal and others, figure
# 1). They needed a warm-up, too: five epochs in which the rate climbs.

# %% tags=["claims"]
middle = {
    size: np.nan_to_num(np.median(each, axis=0), nan=np.inf)
    for size, each in losses.items()
}
best = {size: each.min() for size, each in middle.items()}
rate = {size: RATES[each.argmin()] for size, each in middle.items()}
claim("machines_best_rate_128_to_32", rate[128] / rate[32], at_least=3, quick=0.1)
at_rate = [middle[32 * k][RATES.tolist().index(k / 32)] for k in (1, 4, 16)]
apart = max(at_rate) / min(at_rate)
claim("machines_falling_parts_apart", apart, at_most=1.5, quick=100)
claim("machines_loss_of_32_at_best", best[32], at_most=0.25, quick=2)
claim("machines_loss_of_128_at_best", best[128], at_most=0.3, quick=2.2)
claim("machines_loss_512_to_32", best[512] / best[32], at_least=1.2, quick=0.2)
at_2 = min(each[-1] for each in middle.values())
claim("machines_least_loss_at_rate_2", at_2, at_least=1, quick=0.3)
if not QUICK:
    worse = min(each[-2] / each[-3] for each in middle.values())
    claim("machines_loss_at_1_to_half", worse, at_least=1)

# %% [markdown]
# ## When not to do it
#
# Now we can reckon. The seconds of a training are its pictures, divided by the pictures a second.
# Several workers divide that by their number times their efficiency. The speeds are those from
# above, in batches of 64 for each worker, and as much is hidden as can be. (For ResNet-50 in
# batches of 64 the table of TensorFlow has 219 a second.) With 256 workers, batches of 64 would
# make 16,384, too many, so each takes 32.


# %%
def hours(pictures, batch, compute, workers=1, size=0, speed=25 * GIGABIT):
    travel = ring_seconds(size, workers, speed, LATENCY) if workers > 1 else 0
    share = efficiency(compute, travel, workers, hidden=2 / 3)
    return pictures / (workers * batch / compute * share) / 3_600


IMAGENET = 90 * 1.28e6  # pictures of 90 epochs
RESNET = {"batch": 64, "compute": 64 / 219, "size": 4 * 25.6e6}
SMALLER = {"batch": 32, "compute": 32 / 195, "size": 4 * 25.6e6}
VGG = {"batch": 64, "compute": 64 / 154, "size": 4 * 138.4e6}

# %% tags=["hide-input"]
alone, together = (diary(run)[-1].wall - began[run] for run in ("one", "two"))
rows = [["4,096 digits, our small network, here", f"{alone:.0f} s"]]
rows[0] += ["2 processes", f"{together:.0f} s"]
slowly = hours(IMAGENET, **RESNET, workers=2, speed=GIGABIT)
quickly = {8: hours(IMAGENET, **RESNET, workers=8)}
quickly[256] = hours(IMAGENET, **SMALLER, workers=256)
one = {"ResNet-50": hours(IMAGENET, **RESNET), "VGG-16": hours(IMAGENET, **VGG)}
vgg_slowly = hours(IMAGENET, **VGG, workers=2, speed=GIGABIT)
plans = [("ResNet-50", "2, an office line of 1 Gbit/s", slowly)]
plans += [("VGG-16", "2, an office line of 1 Gbit/s", vgg_slowly)]
plans += [("ResNet-50", f"{n}, 25 Gbit/s", it) for n, it in quickly.items()]
for net, how, result in plans:
    rows.append([f"ImageNet, {net}, 90 epochs", f"{one[net]:.0f} h", how])
    rows[-1].append(f"{result:.0f} h" if result > 5 else f"{result:.1f} h")
show(["data set and network", "one worker", "several", "then, at best"], rows)

# %% [markdown]
# The first row is measured here, and the others are computed.
#
# - **If it is done before the kettle boils, leave it on one machine.** Our digits and small network
#   were done sooner by one process than by two, start included (one run).
# - **If the line is slow, two machines are slower than one.** Over an office line, two workers with
#   ResNet-50 take 1.6 times<!--claim:machines_office_resnet--> as long as one alone, and with
#   VGG-16 it is 5.5 times<!--claim:machines_office_vgg-->. So before you buy anything, divide the
#   gradient by the bandwidth (for more than a few workers, twice the gradient), and compare that
#   with the time of a step.
# - **If it takes a week, and the line is fast, do it.** On paper, eight workers turn six days into
#   18 hours at best. Goyal and others took 29 hours, with slower GPUs, and one hour with 256, [as
#   the maker of the GPUs
#   told](https://developer.nvidia.com/blog/facebook-trains-imagenet-in-1-hour/). So sharing went
#   well, but measure the speed of your own worker.
# - Before all that, look for the cheap gains: a better rate (chapter 5), a trained network to begin
#   with (chapter 12), or a GPU.
#
# The script stays the same elsewhere. On a cluster that is managed by Slurm, a program which hands
# out machines to those who wait for them, `srun` starts it (there is a sample in `docs/cluster`).
# On a Ray cluster (chapter 17) it is `cnnbook train train.py --engine ray --workers 8`. On GPUs,
# install the JAX that is made for them, and set `JAX_PLATFORMS=cuda`. We have tried Ray on CPUs
# alone, Slurm with its variables set by hand, and no GPU.

# %% tags=["claims"]
claim("machines_office_resnet", slowly / one["ResNet-50"], at_least=1)
claim("machines_office_vgg", vgg_slowly / one["VGG-16"], at_least=2)
claim("machines_hours_of_one", one["ResNet-50"], at_least=140)
claim("machines_hours_of_eight", quickly[8], at_most=24)
claim("machines_digits_two_to_one", together / alone, at_least=1, quick=0.3)

# %% [markdown]
# ## What you learned
#
# | word | what it means | where you meet it |
# |:--|:--|:--|
# | data parallel training | all hold the network, and each has a part of every batch | `join`, `Shard` |
# | worker | one of the processes that train together | `cnnbook train -n 2` |
# | model parallelism | each machine holds a piece of the network | very large networks |
# | fault tolerance | to go on after a failure | `ClusterResume`, `--restarts 3` |
# | all-reduce | to add up so that all have the sum | after every step |
# | bandwidth | bytes a line carries in a second | `ring_seconds` |
# | straggler | the one for whom all others wait | `jitter` |
# | scaling efficiency | what is left of a worker's time for the work itself | figure 18.6 |
# | linear scaling rule | a batch *k* times as large, a rate *k* times as large | figure 18.7 |
#
# ## Exercises
#
# 1. *By hand.* Two workers have 48 and 16 pictures of a batch of 64. The first finds a slope of
#    1.0, the second one of 2.0, each as the mean of its own pictures. What is the slope of the
#    batch? What would the plain mean be?
# 2. *By hand.* The piles (2, 4) and (3, 7) have means and variances. Is the mean of the two means
#    the mean of all four? Is the mean of the two variances the variance of all four? What is
#    missing?
# 3. *By hand.* Eight workers share a gradient of 400 MB over lines of 10 Gbit/s. How long does the
#    ring take? (Leave the latency out.) How long if one of them, over its one line, first receives
#    all others' gradients and then answers?
# 4. *By hand.* A machine fails once a year on average (8,760 hours). How often does one of 256
#    fail? An epoch takes four hours, and a checkpoint is kept after each. How much work does a
#    failure cost on average, and is that much?
# 5. *Predict, then run.* With which bandwidth would two workers with VGG-16 just be as fast as one?
#    Two thirds of a step can be hidden. Reckon first, then vary the speed in `hours(IMAGENET,
#    **VGG, workers=2, speed=5 * GIGABIT)`.
# 6. *Change it.* Give the simulation a jitter of 3 %, with 512 workers and as much hidden as can
#    be, and compare Inception V3 with the published 90 %. May you conclude that the GPUs jittered
#    by 3 %?
# 7. *Break it.* Run `mean_of_parts(plain, batch, [16])`, which makes parts of 16 and 48. Then let
#    the workers *add* their gradients instead of averaging them, and say which learning rate would
#    mend that.

# %% [markdown] tags=["solution"]
# 1. (48 × 1.0 + 16 × 2.0) / 64 = 1.25. The plain mean would be 1.5, because it lets each picture of
#    the second worker count three times as much. This is why `Shard` wants batches that all workers
#    can share equally.
# 2. The means are 3 and 5, and their mean is 4, which is right. The variances are 1 and 4, with the
#    mean 2.5, but that of all four is (4 + 0 + 1 + 9) / 4 = 3.5. Missing is the variance of the two
#    means, 1. So workers that share their statistics must send means *and* variances (or mean
#    squares).
# 3. Each sends 2 × 7/8 × 400 MB = 700 MB. The line carries 1,250 MB a second, so it takes 0.56
#    seconds. The one in the middle would receive 2,800 MB, in 2.24 seconds, and then send as much,
#    4.48 seconds in all.
# 4. Every 8,760 / 256 = 34 hours. On average half an epoch is lost, two hours, which is 6 % of the
#    work, and the start comes on top. Keeping a checkpoint every half hour makes it 0.7 %.
# 5. Two are as fast as one at an efficiency of one half: what travels and is not hidden takes as
#    long as the step, 0.416 s. So the travel is 5/3 of that, 0.69 s, for 554 MB: 0.8 GB/s, or 6.4
#    Gbit/s.
# 6. It gives about 91 %, close to the published value. But so would no jitter with a part of the
#    travel not hidden, or many things that we left out. One number cannot tell two causes apart.
# 7. With unequal parts the mean is wrong, as in exercise 1, and by far more than rounding. The sum
#    of two gradients is twice their mean, so half the learning rate mends it for plain SGD. (Adam
#    divides by the size of the gradient, and would hardly notice.)

# %% tags=["solution"]
for gigabits in (1, 5, 6.4, 8, 25):
    result = hours(IMAGENET, **VGG, workers=2, speed=gigabits * GIGABIT)
    print(f"5. {gigabits:4} Gbit/s: {result / one['VGG-16']:.2f} times as long")
size, compute, speed = SYSTEMS["Inception V3"]
travel = ring_seconds(size, 512, speed, LATENCY)
for jitter in (0, 0.03):
    result = efficiency(compute, travel, 512, hidden=2 / 3, jitter=jitter)
    print(f"6. jitter {jitter:.0%}: {result:.0%}")
uneven = mean_of_parts(plain, batch, [16])
print(f"7. off by {np.linalg.norm(uneven - whole) / np.linalg.norm(whole):.2f}")
added = sum(gradient(plain, half) for half in np.split(batch, 2))
ratio = np.linalg.norm(added) / np.linalg.norm(whole)
print(f"   the sum is {ratio:.2f} times as long")
