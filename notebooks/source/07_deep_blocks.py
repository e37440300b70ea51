# %% [markdown]
# # 7. Deep blocks
#
# Two runners race a hundred metres, once, and one of them wins by a hundredth of a second. Is she
# the faster runner? Perhaps this track suited her better, or perhaps it was simply her day. You
# would let them run again, and on another track, before you believed it.
#
# With networks we are less careful: one reads 99.5 % of the test digits and another 99.2 %, and the
# first is called the better one. In this chapter you build a runner of three blocks of one kind,
# deeper than anything you have built so far. You find out what its depth sees and costs, and let it
# race against the CNN of chapter 4. At the end you can tell a better network from a lucky one.
#
# Takes about 12 minutes<!--minutes:07_deep_blocks--> on two CPU cores with the whole of MNIST
# (quick: under 45 seconds); needs chapters 3 to 6.

# %% tags=["setup"]
import os
import tempfile
import time
import warnings
from collections import namedtuple
from itertools import combinations, product

import keras
import keras_tuner
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from IPython.display import Markdown
from keras import layers
from keras.optimizers.schedules import CosineDecay
from matplotlib.patches import Rectangle
from scipy.stats import binom, binomtest

from cnnbook.arithmetic import receptive_field
from cnnbook.book.claims import claim
from cnnbook.book.studies import read_study
from cnnbook.datasets.mnist import load_mnist
from cnnbook.datasets.pipeline import make_pipeline
from cnnbook.deploy.costs import layer_costs
from cnnbook.models.deep_blocks import build_deep_blocks
from cnnbook.models.mnist_cnn import build_mnist_cnn

# %% tags=["setup"]
from cnnbook.plots.book_style import use_book_style
from cnnbook.plots.map_sizes import plot_map_sizes
from cnnbook.training.optimizers import FusedAdam

QUICK = "CNNBOOK_QUICK" in os.environ  # the short run: less data, every cell
BATCH_SIZE, TIMED = (32, 2) if QUICK else (64, 32)  # batches to take the time of
BUILDERS = {"deep": build_deep_blocks, "flat": build_mnist_cnn}
FEW, FEW_EPOCHS = (90, 1) if QUICK else (1_000, 5)  # of the experiments at the end
RATES = (0.004,) if QUICK else (0.001, 0.004, 0.016)
BENCH_SEEDS = (1,) if QUICK else (1, 2, 3)
use_book_style()
tf.get_logger().setLevel("ERROR")  # it would warn that we compile many networks
keras.config.set_dtype_policy("float32" if QUICK else "mixed_bfloat16")
CROSS_ENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
digits = load_mnist()
DATA = {"source": digits.source}  # for the claims
training = digits.train_images, digits.train_labels
validation = digits.validation_images, digits.validation_labels
test = digits.test_images, digits.test_labels
OFFICIAL = len(test[1]) == 10_000  # the test images that the record tells of
if QUICK:
    training = tuple(part[:96] for part in training)
    validation = tuple(part[:100] for part in validation)

# %% tags=["setup"]
WHAT = "net", "epochs", "peak", "dropout", "seed"  # the settings of a run
record = {
    tuple(run["settings"][it] for it in WHAT): run["result"]
    for run in read_study("deep_or_flat").values()
}
SEEDS = sorted({seed for *_, seed in record} - {0})  # 0 is the one that chooses
LONG = max(epochs for _, epochs, *_ in record)  # of the flat net
Side = namedtuple("Side", "net epochs tried own right color marker")
RACERS = {"deep": ("deep", 1, "C0", "o")}
RACERS["flat, one epoch"] = "flat", 1, "0.6", "s"
RACERS["flat, same time"] = "flat", LONG, "C1", "^"


def side_of(net, epochs, color, marker):
    tried = {
        (peak, dropout): result["validation"]
        for (*its, peak, dropout, seed), result in record.items()
        if (*its, seed) == (net, epochs, 0)
    }
    own = max(tried, key=tried.get)  # each of its seeds must be on record with this
    right = [right_of(record[net, epochs, *own, seed]) for seed in SEEDS]
    return Side(net, epochs, tried, own, right, color, marker)


# %% tags=["setup"]
def right_of(result):
    """Say for each of the 10,000 test images whether it was read rightly."""
    right = np.ones(10_000, bool)
    right[[int(place) for place in result["wrong"]]] = False
    return right


sides = {name: side_of(*racer) for name, racer in RACERS.items()}
accuracies = {
    name: 100 * np.array([right.mean() for right in side.right])
    for name, side in sides.items()
}

# %% [markdown]
# ## A block
#
# The classical CNN of chapter 4 convolves twice, pools once, and leaves the rest to its dense
# layers. In this chapter we call it the flat net. Behind its pooling a value sees a square of 6×6
# pixels, which is enough for a piece of a stroke. Anything larger, for example the ring of a 9, is
# left to the dense layers. How could the convolutions themselves see more?
#
# They would if their kernels had 5×5 weights instead of 3×3. But there is a second way, and you can
# find it with a pencil. Take a row of pixels of which only one is bright, and a kernel of the
# weights 1, 1 and 1. When you slide the kernel over the row, the single 1 becomes 1 1 1. Now slide
# it over that as well:

# %% tags=["nbval-check-output"]
row = np.array([0, 0, 0, 0, 1, 0, 0, 0, 0])
once = np.convolve(row, [1, 1, 1], "same")
twice = np.convolve(once, [1, 1, 1], "same")
print(row, once, twice, sep="\n")

# %% [markdown]
# After two steps the bright pixel has reached five numbers. Seen from the other end, each number
# has by then looked at five pixels. In a picture, two kernels of 3×3 see as far as one of 5×5, but
# they have 2 × 9 = 18 weights instead of 25. There is a second gain. With nothing in between, the
# two would be no more than the single kernel 1 2 3 2 1. Since we put a ReLU between them, they can
# do what no single kernel can.
#
# ### Three blocks
#
# Our **block** is made of this: two *same* convolutions, which keep the size of the map, and a
# pooling, which halves it. As the maps become smaller, we can afford more of them, and double the
# filters from 64 to 128 and to 256. Such blocks are known from Simonyan and Zisserman (2014, “Very
# Deep Convolutional Networks for Large-Scale Image Recognition”, https://arxiv.org/abs/1409.1556).
#
# Before you run the next cells, work out the sizes behind each block (half of 7 is rounded down).
# And how many parameters does the first block have? Its first convolution has 64 × (9 × 1 + 1) =
# 640 of them, and its second has 64 × (9 × 64 + 1) = 36,928.


# %%
def block(x, filters, number):
    options = {"padding": "same", "activation": "relu"}
    for conv in (1, 2):
        name = f"block{number}_conv{conv}"
        x = layers.Conv2D(filters, 3, name=name, **options)(x)
    return layers.MaxPooling2D(2, name=f"block{number}_pool")(x)


# %% tags=["network"]
def build_deep(dropout=0.0):
    images = keras.Input((28, 28, 1), name="images")
    x = layers.Rescaling(1 / 255, name="rescaling")(images)
    for number, filters in enumerate((64, 128, 256), start=1):
        x = block(x, filters, number)
    x = layers.Flatten(name="flatten")(x)
    for number, units in enumerate((768, 256), start=1):
        x = layers.Dense(units, activation="relu", name=f"dense{number}")(x)
        x = layers.Dropout(dropout, name=f"dropout{number}")(x)
    logits = layers.Dense(10, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="deep")


# %% tags=["nbval-check-output"]
keras.utils.set_random_seed(1)
deep, flat = build_deep(), build_mnist_cnn(dropout=0)
costs = {"deep": layer_costs(deep), "flat": layer_costs(flat)}
for layer in costs["deep"]:
    if layer.name.startswith("block"):
        size = "×".join(map(str, layer.output_shape))
        print(f"{layer.name:12} {size:10} {layer.parameters:9,} parameters")
ready_made = build_deep_blocks()
ready_made.set_weights(deep.get_weights())
some = validation[0][:4]
same = np.array_equal(deep(some), ready_made(some))
print("the package's network gives the same logits:", same)

# %% tags=["hide-input"] alt="Seven boxes from left to right: the maps shrink from 28 to 3 pixels a side and grow from 1 to 256 in number"
Shown = namedtuple("Shown", "name output_shape")
names = {"images": "images"}
for number in (1, 2, 3):
    names[f"block{number}_conv2"] = f"block {number}_convolved"
    names[f"block{number}_pool"] = f"block {number}_pooled"
rows = [row for row in costs["deep"] if row.name in names]
plot_map_sizes([Shown(names[row.name], row.output_shape) for row in rows])
plt.show()

# %% [markdown]
# **Figure 7.1. Three blocks.** The sides of the maps are to scale. Their number is drawn as its
# root, so that four times as many make a box twice as thick. The last 3×3×256 numbers go to two
# dense layers of 768 and 256 units, and from there to ten logits.
#
# Altogether the deep net has 3,113,930<!--claim:deep_parameters--> parameters. From now on we take
# the package's builder, `build_deep_blocks`, in which the number of blocks can be chosen.

# %% tags=["claims"]
claim("deep_parameters", deep.count_params(), equals=3_113_930)

# %% [markdown]
# ## What depth sees, and what it costs
#
# How far does a value behind the third block look back? We count along one side. A value behind the
# first block sees 1 pixel, plus 2 for each of the two kernels, plus 1 for the pooling, which makes
# 6. From there on, neighbours are two pixels apart. So each kernel of the second block adds 4 and
#    its pooling adds 2, and we arrive at 6 + 4 + 4 + 2 = 16. In the third block everything counts
#    twice as much again: 16 + 8 + 8 + 4 = 36.

# %% tags=["nbval-check-output"]
one_block = [(3, 1), (3, 1), (2, 2)]  # kernel size and stride of each layer
for number in (1, 2, 3):
    field = receptive_field(one_block * number)
    print(f"behind block {number}: {field} pixels")

# %% tags=["hide-input", "photo"] alt="A handwritten 9 three times, with a small square on a piece of its stroke, a larger one around half of it, and one that is larger than the picture"
nine = validation[0][np.flatnonzero(validation[1] == 9)[0], ..., 0]
figure, row = plt.subplots(1, 3, figsize=(7.2, 2.7))
titles = ("flat net, and block 1", "behind block 2", "behind block 3")
for axes, field, title in zip(row, (6, 16, 36), titles, strict=True):
    axes.imshow(nine, "gray", extent=(0, 28, 28, 0))
    look = {"fill": False, "edgecolor": "C1", "linewidth": 2.5}
    corner = 14 - field / 2
    axes.add_patch(Rectangle((corner, corner), field, field, **look))
    axes.set(title=f"{title}: {field}×{field}", xlim=(-5, 33), ylim=(33, -5))
    axes.title.set_fontsize(9.5)
    axes.axis("off")
plt.show()

# %% [markdown]
# **Figure 7.2. What one value sees.** The orange square is the receptive field of a value around
# the middle of the map. After one block, as in the flat net, it holds a piece of a stroke, after
# two a large part of the digit, and after three more than the whole picture.
#
# ### Four ways to count the cost
#
# What do we pay for that? You can count the parameters, the multiplications for an image, or the
# numbers that each layer hands on to the next. Or you can simply take the time. Let us do all four,
# and express them in units of the flat net.


# %%
def seconds_a_batch(model):
    some = [part[: TIMED * BATCH_SIZE] for part in training]
    batches = make_pipeline(*some, BATCH_SIZE, training=True)
    model.compile(FusedAdam(), CROSS_ENTROPY, steps_per_execution=16)
    model.fit(batches, shuffle=False, verbose=0)  # takes longer: it compiles
    start = time.perf_counter()
    model.fit(batches, shuffle=False, verbose=0)
    return (time.perf_counter() - start) / TIMED


# %%
parameters, work, handed_on = {}, {}, {}
for net, rows in costs.items():
    parameters[net] = sum(row.parameters for row in rows)
    work[net] = sum(row.multiply_adds for row in rows)
    made = [row for row in rows if row.kind in ("Conv2D", "MaxPooling2D", "Dense")]
    handed_on[net] = sum(np.prod(row.output_shape) for row in made)
seconds = {"deep": seconds_a_batch(deep), "flat": seconds_a_batch(flat)}
print("multiplications for an image:", {net: f"{n:,}" for net, n in work.items()})
print("milliseconds a batch:", {n: round(1000 * s) for n, s in seconds.items()})

# %% tags=["hide-input"] alt="Four bars: parameters and numbers handed on of the deep net are nearly three times those of the flat net, its seconds and multiplications are more"
times = {"parameters": parameters, "numbers handed on": handed_on}
times |= {"seconds for a batch": seconds, "multiplications": work}
times = {name: count["deep"] / count["flat"] for name, count in times.items()}
figure, axes = plt.subplots(figsize=(7.2, 2.2))
bars = axes.barh([*times], [*times.values()], color=["0.6", "0.6", "C0", "0.6"])
axes.bar_label(bars, [f"{value:.1f}" for value in times.values()], padding=4)
axes.axvline(1, color="C1", linestyle="--")
axes.set(xlabel="deep net, in units of the flat net", ylim=(3.6, -0.6))
axes.grid(axis="y", visible=False)
plt.show()

# %% [markdown]
# **Figure 7.3. What the deep net costs.** Each bar says how many times as much the deep net needs
# as the flat one, whose need is the dashed line at 1. The time, in blue, was measured on this
# machine for a step of training.
#
# The deep net has 2.6<!--claim:deep_parameters_to_flat--> times the parameters of the flat one, but
# it does 9.8<!--claim:deep_work_to_flat--> times the multiplications. Its blocks hold only
# 37 %<!--claim:deep_share_of_parameters_in_blocks--> of its parameters and do
# 98 %<!--claim:deep_share_of_work_in_blocks--> of the work, because a filter uses its few weights
# again at every place. So the number of parameters does not tell you how long you will wait.
#
# The multiplications do not tell you either, because the deep net takes
# only 7.4<!--claim:deep_time_to_flat--> times as long. For example, a computer also writes down
# what each layer hands on, and moves every parameter. Of these the deep net has not even three
# times as many, as the two upper bars show. So take the time as well.

# %% tags=["claims"]
in_blocks = [it for it in costs["deep"] if it.name.startswith("block")]
share = sum(it.parameters for it in in_blocks) / parameters["deep"]
share_of_work = sum(it.multiply_adds for it in in_blocks) / work["deep"]
claim("deep_parameters_to_flat", round(times["parameters"], 2), equals=2.6)
claim("deep_work_to_flat", round(times["multiplications"], 1), equals=9.8)
claim("deep_share_of_parameters_in_blocks", round(share, 2), equals=0.37)
claim("deep_share_of_work_in_blocks", round(share_of_work, 2), equals=0.98)
claim("deep_handed_on_to_flat", round(times["numbers handed on"], 1), equals=2.9)
claim("deep_time_to_flat", times["seconds for a batch"], at_most=9, quick=99)
claim("deep_time_above_flat", times["seconds for a batch"], at_least=2, quick=0)

# %% [markdown]
# ## A fair race
#
# Before two runners start, they have to agree on the distance. If each network looks once at every
# training image, we learn who gets more out of one look. But the flat net is done long before the
# deep one, and could look again. If both may train for the same time instead, we learn who is
# further after so much time on this processor. Both races are fair, so we run both, and the flat
# net starts twice:
#
# - **deep**: one epoch;
# - **flat, one epoch**: one look at each image, like the deep net;
# - **flat, same time**: 7 epochs<!--claim:deep_flat_epochs-->, which here take about as long as the
#   one of the deep net.
#
# The rest is as in chapter 5: Adam (as `FusedAdam`, which is faster) in batches of 64, 16-bit
# numbers (chapter 0), and a rate that climbs for the first tenth of the steps and then falls along
# a cosine. How high it climbs, its peak, is up to each side. The deep net tries three peaks, and
# the flat net with one epoch six, because its best lay at the rim of the first few. The one that
# trains longer also tries dropout. Three peaks, with and without it, make 3 × 2 = 6 trainings, and
# trying every combination of a few values in this way is called **grid search**. All this is done
# with seed 0, and the validation set chooses. Then five new seeds train with what was chosen, and
# only these read the test images.
#
# ### A study, and a run of your own
#
# With three times five seeds that makes 3 + 6 + 6 + 15 = 30<!--claim:deep_runs--> trainings, too
# many for a chapter. So they were run once, with the same steps as you see here, and their results
# come with the book. We call such a record a study, and `cnnbook study deep_or_flat` makes it anew.
# To check it, we now train seed 1 of each side again.


# %%
def train(net, epochs, peak, dropout, seed, beta_2=0.999, loss=CROSS_ENTROPY):
    keras.utils.set_random_seed(seed)
    model = BUILDERS[net](dropout=dropout)
    steps = epochs * -(-len(training[0]) // BATCH_SIZE)  # rounded up
    climb = {"warmup_target": peak, "warmup_steps": steps // 10}
    rate = CosineDecay(0.0, steps - steps // 10, **climb)
    adam = FusedAdam(rate, beta_2=beta_2)
    model.compile(adam, loss, steps_per_execution=16)
    batches = make_pipeline(*training, BATCH_SIZE, training=True, seed=seed)
    model.fit(batches, epochs=epochs, shuffle=False, verbose=0)
    return model


# %%
def test_accuracy(model):
    images, labels = (part[: 100 if QUICK else None] for part in test)
    answers = model.predict(images, 500, verbose=0).argmax(axis=1)
    return 100 * np.mean(answers == labels)


live, minutes = {}, {}
for name, side in sides.items():
    start = time.perf_counter()
    model = train(side.net, side.epochs, *side.own, seed=1)  # own peak, dropout
    minutes[name] = (time.perf_counter() - start) / 60
    live[name] = test_accuracy(model)
    print(f"{name}: {minutes[name]:.1f} min, test accuracy {live[name]:.2f} %")

# %% [markdown]
# This is the record of all five seeds, and in the last two columns what has just run:

# %% tags=["hide-input"]
head = "| | epochs | peak | dropout | validation, %, seed 0 | "
head += f"test, %, seeds 1 to {len(SEEDS)} | mean | just now, seed 1 | minutes |"
table = [head, "|:--|--:|--:|--:|--:|:--|--:|--:|--:|"]
for name, side in sides.items():
    cells = [name, side.epochs, side.own[0], side.own[1] or "none"]
    cells += [f"{100 * side.tried[side.own]:.2f}"]
    cells += [f"{accuracies[name].min():.2f} to {accuracies[name].max():.2f}"]
    cells += [f"**{accuracies[name].mean():.2f}**", f"{live[name]:.2f}"]
    cells += [f"{minutes[name]:.1f}"]
    table.append(f"| {' | '.join(map(str, cells))} |")
Markdown("\n".join(table))

# %% tags=["hide-input"] alt="Left: curves of validation accuracy over the peak rates; that of the flat net with one epoch lies lowest and comes closest to the others at the largest peaks. Right: the test accuracies of five seeds of each side"
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.3), width_ratios=(3, 2))
for place, (name, side) in enumerate(sides.items()):
    look = {"color": side.color, "marker": side.marker}
    right.plot(accuracies[name], [place] * len(SEEDS), **look, ls="none", alpha=0.7)
    for dropout, line in ((0.0, "-"), (0.4, "--")):
        found = {p: 100 * it for (p, d), it in side.tried.items() if d == dropout}
        peaks = sorted(found)
        left.plot(peaks, [found[peak] for peak in peaks], line, **look)
    best = side.own[0], 100 * side.tried[side.own]
    left.plot(*best, "o", color="0.4", fillstyle="none", ms=13)
    if OFFICIAL and not QUICK:
        right.plot(live[name], place + 0.22, "D", color=side.color, mfc="none")
rates = sorted({peak for side in sides.values() for peak, _ in side.tried})
left.set(xscale="log", xlabel="peak rate", ylabel="accuracy, validation, %")
left.set_xticks(rates, [f"{rate:g}" for rate in rates], rotation=45)
left.minorticks_off()
right.set(xlabel="accuracy, test, %", ylim=(2.6, -0.5))
right.set_yticks(range(3), [name.replace(", ", ",\n") for name in sides])
right.grid(axis="x")
plt.show()

# %% [markdown]
# **Figure 7.4. The race.** Left: what each side (colours as on the right) reads of the validation
# set at each peak, without dropout (solid) and, for the longest training, with it (dashed). Rings
# mark the choices. Right: filled marks are the five seeds of the record on the test set, a hollow
# one what ran just now.
#
# On average over five seeds, the deep net reads 99.22 %<!--claim:deep_accuracy--> of the test
# digits after a single look at each training image. The flat net reads
# 98.91 %<!--claim:deep_flat_one_epoch_accuracy--> after one look, and
# is 0.31<!--claim:deep_lead_over_flat--> percentage points behind. In the same time it is another
# story: the flat net reads 99.26 %<!--claim:deep_flat_accuracy-->, and is ahead,
# by 0.04<!--claim:deep_flat_lead_in_the_same_time--> points.
#
# The left chart shows how easily one could have told another story. At the peak of 0.001, which the
# deep net chose, the flat net with one epoch reads 0.5<!--claim:deep_lead_at_the_same_rate-->
# points less of the validation digits. Its own peak is eight times as high, and there seed 0 nearly
# reaches the deep net. The five new seeds stay 0.25<!--claim:deep_lead_on_validation--> points
# behind, because the winner of a search was also lucky. With one rate for both, depth would have
# got credit that is partly due to rates.
#
# Now the doubts begin. Would these differences be there with other digits, and with other seeds?

# %% tags=["claims"]
mean = {name: values.mean() for name, values in accuracies.items()}
claim("deep_flat_epochs", LONG, equals=7)
claim("deep_seeds", len(SEEDS), equals=5)
chosen = sum(len(side.tried) for side in sides.values())
claim("deep_runs", len(record), equals=chosen + 3 * len(SEEDS))
if not QUICK:
    as_long = minutes["flat, same time"] / minutes["deep"]
    claim("deep_flat_time_to_deep", as_long, at_least=0.75)
    claim("deep_flat_time_at_most", as_long, at_most=1.25)
rims = [s.own[0] in (min(s.tried)[0], max(s.tried)[0]) for s in sides.values()]
claim("deep_rates_at_the_rim", sum(rims), at_most=0)
claim("deep_accuracy", round(mean["deep"] / 100, 4), equals=0.9922)
one_epoch = mean["flat, one epoch"] / 100
claim("deep_flat_one_epoch_accuracy", round(one_epoch, 4), equals=0.9891)
flat_long = mean["flat, same time"] / 100
claim("deep_flat_accuracy", round(flat_long, 4), equals=0.9926)
in_time = mean["flat, same time"] - mean["deep"]
claim("deep_flat_lead_in_the_same_time", in_time, at_least=0.01)
claim("deep_gap_in_the_same_time", abs(in_time), at_most=0.06)
claim("deep_lead_over_flat", mean["deep"] - 100 * one_epoch, at_least=0.2)

# %% tags=["claims"]
deep_side, flat_side = sides["deep"], sides["flat, one epoch"]
same_rate = deep_side.tried[deep_side.own] - flat_side.tried[deep_side.own]
claim("deep_lead_at_the_same_rate", 100 * same_rate, at_least=0.4)
own_rates = deep_side.tried[deep_side.own] - flat_side.tried[flat_side.own]
claim("deep_lead_at_own_rates", 100 * own_rates, at_most=0.1)
reached = [
    np.mean([record[s.net, 1, *s.own, seed]["validation"] for seed in SEEDS])
    for s in (deep_side, flat_side)
]
claim("deep_lead_on_validation", 100 * (reached[0] - reached[1]), at_least=0.15)
claim("deep_peak_of_flat_to_deep", flat_side.own[0] / deep_side.own[0], equals=8)

# %% tags=["claims"]
outside = [
    max(values.min() - live[name], live[name] - values.max(), 0)
    for name, values in accuracies.items()
]
claim("deep_live_outside_the_record", max(outside), at_most=0.15, quick=100, **DATA)

# %% [markdown]
# ## One number by itself
#
# A cook tastes a spoonful of the soup and judges the whole pot. Our 10,000 test digits are such a
# spoonful, and with other digits the network would have scored a little more or less. But how much
# is a little?
#
# Let us try it with small numbers. A network reads 9 in 10 of all digits that people write, and we
# show it 100 of them. Over many test sets of *n* images, the share *s* that it reads scatters
# around the truth. Its standard deviation (chapter 5) is called its **standard error**. A single
# image counts 1 or 0, and its variance is *s* × (1 − *s*), here 0.9 × 0.1² + 0.1 × 0.9² = 0.09. The
# mean of *n* such numbers has an *n*-th of that, and so
#
# > standard error = √(*s* × (1 − *s*) / *n*) = √(0.09 / 100) = 0.03
#
# It would be nothing unusual if the network read 87 or 93 of the 100. Let the computer check it
# with a hundred thousand spoonfuls:

# %%
random = np.random.default_rng(1)
counts = random.binomial(100, 0.9, size=100_000)  # how many of 100 are read
print(f"standard deviation of the shares: {(counts / 100).std():.4f}")
within = np.mean(np.abs(counts - 90) <= 6)
print(f"at most 6 away from 90: {100 * within:.0f} % of them")

# %% [markdown]
# Nearly all lie within two standard errors of the truth.
#
# We can turn this round: when we have measured a share but do not know the truth, we go two
# standard errors (for 95 %, 1.96) to both sides of what we measured. A range that is made by such a
# rule, so that it catches the truth about 95 times in 100, is called a **confidence interval**.


# %%
def reach(share, n):
    return 1.96 * np.sqrt(share * (1 - share) / n)


scores = random.binomial(10_000, 0.995, size=5_000) / 10_000
caught = np.abs(scores - 0.995) <= reach(scores, 10_000)
print(f"intervals that catch the truth: {100 * caught.mean():.1f} %")

# %% tags=["hide-input"] alt="Forty vertical bars along a level line at 99.5 percent; nearly all of them cross it"
figure, axes = plt.subplots(figsize=(7.2, 2.7))
for place, (score, hit) in enumerate(zip(scores[:40], caught, strict=False)):
    look = {"color": "0.6", "fmt": "o"} if hit else {"color": "C2", "fmt": "X"}
    bar = 100 * reach(score, 10_000)
    size = {"markersize": 4 if hit else 8, "elinewidth": 1.5 if hit else 3}
    axes.errorbar(place + 1, 100 * score, bar, **look, **size)
axes.axhline(99.5, color="0.3", linestyle="--", linewidth=1)
axes.set(xlabel="imagined test set", ylabel="accuracy, %", xlim=(0, 41))
plt.show()

# %% [markdown]
# **Figure 7.5. Forty imagined test sets.** Each has 10,000 images, and the network reads exactly
# 99.5 % of all images in the world (dashed). Dots are what it scores, bars the confidence
# intervals. Those that miss the truth are green, with a cross.
#
# Over 5,000 such test sets, our rule catches the truth 95.4 %<!--claim:deep_intervals_that_catch-->
# of the time, about as promised. In real life you have only one interval.
#
# ### Slips in a hat
#
# There is also a way that needs no formula, and it is called the **bootstrap** (Efron 1979,
# “Bootstrap Methods: Another Look at the Jackknife”, https://doi.org/10.1214/aos/1176344552). Write
# the result of each test image, right or wrong, on a slip of paper, and put all the slips into a
# hat. Draw one, note it, and put it back, until you have drawn as many as there are slips. Some
# slips come twice and others not at all, and so you have a slightly different test set.
#
# With ten slips, for example, of which one says “wrong”, this one is never drawn with a chance of
# 0.9¹⁰ = 35 %, and then the new test set has no mistake at all. We let the computer draw 2,000 such
# test sets, and keep the middle 95 % of their accuracies.


# %%
def middle_95(values):
    draws = [random.choice(values, len(values)).mean() for _ in range(2_000)]
    return np.percentile(draws, [2.5, 97.5])


intervals = {}
for name in ("deep", "flat, one epoch"):
    right = sides[name].right[0]  # of each test image: read or not, seed 1
    low, high = intervals[name] = 100 * middle_95(right)
    share, formula = 100 * right.mean(), 100 * reach(right.mean(), 10_000)
    print(f"{name}: {share:.2f} ± {formula:.2f} %, slips {low:.2f} to {high:.2f} %")

# %% [markdown]
# Both ways agree, so that we can use the slips where we have no formula. They say that 10,000
# images fix the accuracy of this deep net to about 0.17<!--claim:deep_half_width--> points up or
# down, and that of the flat net to 0.2<!--claim:deep_flat_half_width-->.
#
# Could we now simply ask whether the intervals of two networks overlap? That would be too strict,
# and would forget something: both have read the same images.

# %% tags=["claims"]
claim("deep_intervals_that_catch", caught.mean(), at_least=0.93)
half = {name: (high - low) / 2 for name, (low, high) in intervals.items()}
claim("deep_half_width", half["deep"], at_most=0.2)
claim("deep_flat_half_width", half["flat, one epoch"], at_most=0.25)

# %% [markdown]
# ## One examination, two candidates
#
# Ann and Ben sit the same examination. Most questions are so easy that both solve them, and a few
# so hard that nobody does. The others decide. Say that there are eight of these, and that Ann has
# solved seven and Ben one.
#
# If both were equally good, each of the eight questions would have fallen to one or the other like
# a coin. How often would eight coins be *at least as lopsided* as seven to one? They can fall in 2⁸
# = 256 ways. In one of these all eight go to Ann, in eight of them seven do, and for Ben it is the
# same. So the answer is 2 × (1 + 8) / 256 = 18 / 256 = 0.070.

# %% tags=["nbval-check-output"]
print("by hand:", 2 * (1 + 8) / 2**8)
print("by SciPy:", binomtest(7, 8).pvalue)

# %% tags=["hide-input"] alt="Nine bars in the shape of a bell; the two outermost on each side are marked and small"
figure, axes = plt.subplots(figsize=(7.2, 2.6))
wins = np.arange(9)
ways = np.round(256 * binom.pmf(wins, 8, 0.5)).astype(int)
counted = np.abs(wins - 4) >= 3
colors, hatches = np.where(counted, "C2", "0.6"), np.where(counted, "//", "")
bars = axes.bar(wins, ways, color=colors, hatch=hatches, edgecolor="0.95")
axes.bar_label(bars, ways)
axes.set(xlabel="questions, of eight, that fall to Ann", ylabel="ways of 256")
axes.set(xticks=wins, ylim=(0, 82))
plt.show()

# %% [markdown]
# **Figure 7.6. Eight coins.** The number on each bar says in how many of the 256 ways so many coins
# fall to Ann. Hatched and green are the results that are at least as lopsided as seven to one, and
# together they have 18 ways.
#
# This is a **binomial test**, and what it gives is a **p-value**: the chance of a result at least
# as lopsided as ours, if both were equally good. When the test is used for two networks on the same
# images, it is known as the exact form of **McNemar's test** (McNemar 1947, “Note on the sampling
# error of the difference between correlated proportions or percentages”,
# https://doi.org/10.1007/BF02295996). We compare all three pairs of sides, for seed 1 of the
# record.


# %%
def compare(first, second):
    only_first = int(np.sum(first & ~second))  # read by the first network alone
    only_second = int(np.sum(second & ~first))
    p = binomtest(only_first, only_first + only_second).pvalue
    return only_first, only_second, p


results = {}
for first, second in combinations(sides, 2):
    results[first, second] = compare(sides[first].right[0], sides[second].right[0])
    ours, theirs, p = results[first, second]
    print(f"{first} against {second}: {ours} to {theirs}, p = {p:.2g}")

# %% [markdown]
# Of the 10,000 images, only 95<!--claim:deep_deciding_images--> decide between the deep net and the
# flat net of one epoch. The others add to the luck in each accuracy, since a test set can have more
# or fewer hard images. But this luck was the same for both networks, and it cancels out if we put
# the *differences* into the hat: +1 if only the deep net is right, −1 if only the flat net is, and
# otherwise 0.

# %%
first, second = (sides[name].right[0] for name in ("deep", "flat, one epoch"))
difference = first.astype(int) - second.astype(int)
low, high = 100 * middle_95(difference)
print(f"lead {100 * difference.mean():.2f} points, {low:.2f} to {high:.2f}")

# %% [markdown]
# This is the lead of one pair of networks, and its interval leaves out zero. Had the two read
# different test sets, the interval would be 1.4<!--claim:deep_gain_of_pairing--> times as long.
#
# ### What p is, and what it is not
#
# A difference with a p-value below 0.05 is by custom called **statistically significant**. Our p
# says how surprising these results would be *if* the two networks were equally good. It is not the
# chance that they are. Nor does it say whether a lead is large: with enough images, the smallest
# lead is significant. And a large p does not prove that two networks are equal, because there may
# have been too few images.
#
# Beware, too, of asking often. In 20 comparisons in which there is nothing to find, up to one on
# average will have a p below 0.05. The remedy is to divide this limit by the number of questions,
# which is called the **Bonferroni correction**. For our three comparisons we ask for a p below 0.05
# / 3 = 0.017, and 2<!--claim:deep_significant_pairs--> of them have it: those with the flat net of
# a single epoch.

# %% tags=["claims"]
*deciding, p = results["deep", "flat, one epoch"]
claim("deep_deciding_images", sum(deciding), at_least=30)
narrower = np.hypot(*half.values()) / ((high - low) / 2)
claim("deep_gain_of_pairing", narrower, at_least=1.1)
claim("deep_p_of_seven_to_one", binomtest(7, 8).pvalue, equals=18 / 256)
significant = {pair for pair, (*_, p) in results.items() if p < 0.05 / len(results)}
claim("deep_significant_pairs", len(significant), equals=2)
one_look = {pair for pair in results if "flat, one epoch" in pair}
claim("deep_other_significant_pairs", len(significant ^ one_look), equals=0)

# %% [markdown]
# ## The other luck
#
# All this was about the track, that is, the luck of the test images. But what about the form of the
# day? McNemar's test compares two *trained networks*, and not the ways of building and training
# them, which we call **recipes**. The same recipe with another seed gives another network. So let
# us compare each deep net with each flat one, and also networks of the *same* recipe with one
# another, where there is nothing to find but luck.

# %%
KINDS = {"deep against flat, one epoch": ("deep", "flat, one epoch")}
KINDS["deep against flat, same time"] = "deep", "flat, same time"
p_values = {"the same recipe": []}
for side in sides.values():
    for pair in combinations(side.right, 2):  # seeds 1 and 2, 1 and 3, ...
        p_values["the same recipe"].append(compare(*pair)[2])
for kind, names in KINDS.items():
    pairs = product(*(sides[name].right for name in names))
    p_values[kind] = [compare(*pair)[2] for pair in pairs]
for kind, values in p_values.items():
    print(f"{kind}: {sum(p < 0.05 for p in values)} of {len(values)} below 0.05")

# %% tags=["hide-input"] alt="Three rows of marks over a logarithmic axis of p-values. Most of those of the deep net against the flat one with one epoch lie left of a line at 0.05, most of the others right of it"
figure, axes = plt.subplots(figsize=(7.2, 2.9))
rows = [*KINDS, "the same recipe"]
for place, kind in enumerate(rows):
    color, marker = [("C0", "o"), ("C1", "^"), ("0.5", "s")][place]
    values = np.sort(p_values[kind])
    heights = place + np.resize([-0.24, 0.0, 0.24], len(values))
    axes.plot(values, heights, marker, color=color, alpha=0.7)
axes.axvline(0.05, color="C2", linestyle="--")
axes.text(0.05, -0.55, "0.05", ha="center", va="bottom", color="0.35")
axes.set(xscale="log", xlabel="p-value of McNemar's test", ylim=(2.6, -0.5))
axes.set_yticks(range(3), [row.replace(", ", ",\n") for row in rows])
axes.grid(axis="x")
plt.show()

# %% [markdown]
# **Figure 7.7. Different recipes, and the same.** Each mark is a pair of networks, and the further
# left it lies, the more surprising their difference would be between equals. Above and in the
# middle: each of five deep nets against each of five flat ones. Below: pairs that differ only in
# their seed. The heights within a row mean nothing.
#
# In the lowest row the recipes are equal, and yet 3<!--claim:deep_false_alarms--> of 30 pairs lie
# left of the line, all with the same flat net. In the middle row none of the 25 does, and in the
# upper one 21<!--claim:deep_pairs_after_one_look--> do. Such pairs are no independent witnesses,
# because they share networks and one test set.
#
# Two networks of one recipe differ by up to 0.24<!--claim:deep_largest_spread_of_seeds--> points,
# by luck alone. One such pair has a p of 0.011<!--claim:deep_smallest_p_within_recipes-->, and
# somebody might have written a paper on it. So a single pair of networks tells you which of these
# two networks to use, and leaves open which recipe is better. A test that counts only images cannot
# count the seeds (Dietterich 1998, https://doi.org/10.1162/089976698300017197), and other training
# images, or another choice of the peak, would be further luck.
#
# ### Ten cards
#
# To compare recipes, write the accuracies of five deep and five flat nets on ten cards, and ask as
# we did with the coins (a **permutation test**). If both recipes were equally good, it would be
# chance which five of the cards belong to the deep nets.
#
# Let us first try it with four cards. The deep nets have 9 and 7 on theirs, and the flat ones 8 and
# 4, so that deep leads by 16 to 12. There are six ways to choose two of four cards. In four of them
# the sums are at least as lopsided: 9 + 7 and 9 + 8 to the one side, 8 + 4 and 7 + 4 to the other.
# So p is 4/6, and such a lead says nothing. With five of ten cards there are 252 ways, and the
# computer counts:


# %% tags=["nbval-check-output"]
def deal(first, second):
    cards, leads = np.concatenate([first, second]), []
    for hand in combinations(range(len(cards)), len(first)):
        others = np.delete(cards, hand)
        leads.append(cards[[*hand]].mean() - others.mean())
    ours = abs(leads[0]) - 1e-9  # the first hand is the real one; less for rounding
    return np.sum(np.abs(leads) >= ours), len(leads)


dealt = {"four cards": deal([9, 7], [8, 4])}
for name in [*sides][1:]:
    dealt[name] = deal(accuracies["deep"], accuracies[name])
for name, (ways, all_ways) in dealt.items():
    print(f"{name}: {ways} of {all_ways} ways, p = {ways / all_ways:.3f}")

# %% [markdown]
# Against the flat nets with one epoch, the five deep cards are the five highest. Only this way and
# its opposite are so lopsided, and p is 2/252 = 0.008. With three seeds a side it could not have
# been below 2/20 = 0.1. Against the flat nets with the same time the cards are mixed, and p
# is 0.21<!--claim:deep_p_of_ten_cards_in_time-->. We have asked twice, so the limit is 0.05 / 2,
# and only the first stays below it.
#
# The cards count the luck of the seeds, on these test images. For the luck of the images we put
# into the hat what each image adds to the mean lead of five nets:

# %%
lead_of_five = {}
for name in [*sides][1:]:
    lead = np.mean(sides["deep"].right, axis=0) - np.mean(sides[name].right, axis=0)
    low, high = lead_of_five[name] = 100 * middle_95(lead)
    print(f"{name}: deep leads by {100 * lead.mean():.2f}, {low:.2f} to {high:.2f}")

# %% tags=["claims"]
spreads = [np.ptp(values) for values in accuracies.values()]
claim("deep_largest_spread_of_seeds", max(spreads), at_least=0.15)
claim(
    "deep_smallest_p_within_recipes", min(p_values["the same recipe"]), at_most=0.02
)
alarms = {kind: sum(p < 0.05 for p in values) for kind, values in p_values.items()}
claim("deep_false_alarms", alarms["the same recipe"], equals=3)
first, odd, *others = sides["flat, one epoch"].right  # the odd one is of seed 2
false = sum(compare(odd, each)[2] < 0.05 for each in (first, *others))
claim("deep_false_alarms_of_one_net", false, equals=3)
claim(
    "deep_pairs_after_one_look", alarms["deep against flat, one epoch"], equals=21
)
claim(
    "deep_pairs_in_the_same_time", alarms["deep against flat, same time"], equals=0
)
ahead = min(accuracies["deep"]) - max(accuracies["flat, one epoch"])
claim("deep_ahead_after_one_look", ahead, at_least=0.01)
p_of_cards = [dealt[name][0] / dealt[name][1] for name in [*sides][1:]]
claim("deep_p_of_ten_cards", p_of_cards[0], equals=2 / 252)
claim("deep_p_of_ten_cards_in_time", p_of_cards[1], at_least=0.1)
claim("deep_least_lead_of_five", lead_of_five["flat, one epoch"][0], at_least=0.05)
low, high = lead_of_five["flat, same time"]
claim("deep_most_lead_in_the_same_time", high, at_least=0)
claim("deep_least_lead_in_the_same_time", low, at_most=0)

# %% [markdown]
# ## Is the better one better?
#
# Here is our answer, and it has two halves. After *one look at each image*, and with these peaks,
# the deep recipe is better on MNIST. Each of its five nets reads more test digits than each of the
# five flat ones, and neither the luck of the seeds nor that of the images is likely to make such a
# lead.
#
# After the *same time*, and that is the second half, we cannot tell them apart. The flat nets read
# a little more of these digits, which the luck of the seeds is enough to explain, and that of the
# images as well. This does not prove that they are equal. But the deep net has not earned its work
# here: the flat one has used its time for more looks, with dropout, and answers with about a tenth
# of the multiplications. The second half holds for our processor only. On another one the deep net
# may take fewer times as long, so that the same time would be other epochs, a race that we have not
# run.
#
# Neither half says which is better when both may train until nothing improves, because the deep net
# trained for a single epoch. So “the better one” is half a sentence. Better after what: as many
# looks, as much time, or as much work for an answer?
#
# ### A recipe for a single epoch
#
# All sides trained with Adam's usual settings, and for a single epoch others may be better. Adam's
# mean of the squared gradients looks back over about 1 / (1 − 0.999) = 1,000 steps (chapter 5),
# more than the 860 of an epoch. With `beta_2=0.95` it looks back over 20. Let us train the deep net
# in this way, with label smoothing by 0.1 (chapter 6) and a peak of 0.0015, and give the flat net
# the same changes, at the peak that it chose.


# %%
def smoothed(labels, logits):
    options = {"label_smoothing": 0.1, "from_logits": True}
    loss = keras.losses.CategoricalCrossentropy(**options)
    return loss(tf.one_hot(tf.cast(labels, "int32"), 10), logits)


peaks = {"deep": 0.0015, "flat, one epoch": sides["flat, one epoch"].own[0]}
tuned = {}
for name, peak in peaks.items():
    options = {"seed": 1, "beta_2": 0.95, "loss": smoothed}
    model = train(sides[name].net, 1, peak, 0.0, **options)
    tuned[name] = test_accuracy(model)
    print(f"{name}: {live[name]:.2f} % before, {tuned[name]:.2f} % now")

# %% [markdown]
# After one look at each image, and about 3<!--claim:deep_minutes--> minutes of training, the deep
# net reads 99.5 %<!--claim:deep_one_cycle_accuracy--> of the test digits. The flat net has gained
# as well, and reads 99.1 %<!--claim:deep_flat_tuned-->, but these are single runs and no race. We
# found the deep net's recipe in some twenty trainings, the last of them after a look at the test
# digits, and searched none for the flat net. The new recipe as a whole has brought the deep
# net 0.3<!--claim:deep_gain_of_the_recipe--> points, beside
# the 0.31<!--claim:deep_lead_over_flat--> of its depth in the first race. So look at how you train
# before you change the network.

# %% tags=["claims"]
*only_one, p = results["deep", "flat, same time"]
claim("deep_images_for_a_tenth", 400 * sum(only_one), equals=28_800)
claim("deep_minutes", minutes["deep"], at_most=8)
bounds = {"at_least": 0.993, "embedded": 0.95, "quick": 0.02}
claim("deep_one_cycle_accuracy", tuned["deep"] / 100, **bounds, **DATA)
gain = tuned["deep"] - live["deep"]
bounds = {"at_least": 0.15, "embedded": -1, "quick": -100}
claim("deep_gain_of_the_recipe", gain, **bounds, **DATA)
bounds = {"at_least": 0.985, "embedded": 0.9, "quick": 0.02}
claim("deep_flat_tuned", tuned["flat, one epoch"] / 100, **bounds, **DATA)
gain = tuned["flat, one epoch"] - live["flat, one epoch"]
claim("deep_gain_of_flat", gain, at_least=0.05, embedded=-2, quick=-100, **DATA)

# %% [markdown]
# ## The images that decide
#
# These are the first five that only the deep net reads, and the first five that only the flat net
# reads:

# %% tags=["hide-input", "photo"] alt="Ten handwritten digits in two rows, most of them badly written, each with its label and the wrong answer of one network"
pair = [sides[name] for name in ("deep", "flat, one epoch")]
wrong = [record[side.net, side.epochs, *side.own, 1]["wrong"] for side in pair]
pictures, labels = test
if not OFFICIAL:  # the embedded digits are not those of the record
    pictures, labels = np.zeros((10_000, 28, 28, 1)), ["?"] * 10_000
figure, grid = plt.subplots(2, 5, figsize=(7.2, 3.5))
for row, reads, net in ((0, 0, "flat"), (1, 1, "deep")):
    places = np.flatnonzero(pair[reads].right[0] & ~pair[1 - reads].right[0])
    for axes, place in zip(grid[row], places, strict=False):
        axes.imshow(pictures[place, ..., 0], "gray")
        answer = wrong[1 - reads][str(place)]
        axes.set_title(f"a {labels[place]}; {net}: {answer}")
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    grid[row, 0].set_ylabel(f"only {('deep', 'flat')[reads]} reads")
plt.show()

# %% [markdown]
# **Figure 7.8. Ten of the images that decide.** Above: five of the 66<!--claim:deep_only_deep-->
# that only the deep net of seed 1 reads. Below: five of the 29<!--claim:deep_only_flat--> that only
# the flat net with one epoch reads. Each has its label and the wrong answer of the other network.
#
# Would you have read them all, and as the label says?

# %% tags=["claims"]
claim("deep_only_deep", deciding[0], at_least=deciding[1] + 1)
claim("deep_only_flat", deciding[1], at_least=5)

# %% [markdown]
# ## Break it on purpose
#
# If three blocks are good, are five better? The next cell prints what a fourth block leaves. A
# fifth would have nothing to halve, and the builder says so before Keras builds anything.

# %% tags=["nbval-check-output"]
widths = (64, 128, 256, 256, 256)
four = build_deep_blocks(filters=widths[:4])
print("four blocks:", four.get_layer("block4_pool").output.shape)
try:
    build_deep_blocks(filters=widths)
except ValueError as error:
    print("five blocks:", error)

# %% [markdown]
# This mistake explains itself. The next one is silent. A rate of 0.1 is quite usual for plain SGD,
# so let us give it to Adam, from the first step on, in two passes over 2,000 digits.

# %%
keras.utils.set_random_seed(1)
broken = build_deep_blocks()
broken.compile(keras.optimizers.Adam(0.1), CROSS_ENTROPY)
some = [part[:2_000] for part in training]
weighted = [layer for layer in broken.layers if hasattr(layer, "kernel")]
inside = keras.Model(broken.input, [layer.output for layer in weighted])
for _ in range(2):
    broken.fit(*some, batch_size=32, epochs=4 if QUICK else 1, verbose=0)
    *outputs, logits = inside.predict(validation[0][:200], verbose=0)
    answers = logits.argmax(axis=1)
    print("answers given:", np.unique(answers))

# %%
above_0 = [np.mean(out > 0) for out in outputs]
for layer, share in zip(weighted, above_0, strict=False):
    print(f"{layer.name:12} {share:6.1%} of its outputs are above 0")

# %% [markdown]
# The network now gives the same answer to every image, and is right for
# 8 %<!--claim:deep_accuracy_at_a_rate_too_high--> of them. A second pass has not helped. Adam's
# first step moves each weight by about the rate (chapter 5), and most weights are smaller than 0.1
# when training starts. Such steps have emptied at least one layer, behind whose ReLU every value is
# 0. What comes after it knows nothing of the image, and no gradient gets through to what comes
# before it. Its units are dead (chapter 5), and patience will hardly wake them.

# %% tags=["claims"]
accuracy = np.mean(answers == validation[1][:200])
claim("deep_accuracy_at_a_rate_too_high", accuracy, at_most=0.3)
claim("deep_least_share_above_0", min(above_0), at_most=0)
claim("deep_answers_of_the_broken", len(np.unique(answers)), at_most=1)
fresh = [layer for layer in build_deep_blocks().layers if hasattr(layer, "kernel")]
usual = max(np.median(np.abs(layer.kernel)) for layer in fresh)
claim("deep_usual_weight_at_the_start", usual, at_most=0.1)

# %% tags=["setup"]
warnings.filterwarnings("ignore", "Even though the `tf.config")
tf.config.run_functions_eagerly(QUICK)  # compiling does not pay for few batches

# %% [markdown]
# ### A bench for races of your own
#
# Here is a bench for questions of your own, on which a race takes half a minute or so: the flat
# net, without dropout, learns from 1,000 digits for five epochs. One half of the validation set
# chooses the rate, and the other half judges.


# %%
def flat_net(filters=(32, 64), dense=(128,)):
    images = keras.Input((28, 28, 1))
    x = layers.Rescaling(1 / 255)(images)
    for count in filters:
        x = layers.Conv2D(count, 3, activation="relu")(x)
    x = layers.Flatten()(layers.MaxPooling2D(2)(x))
    for units in dense:
        x = layers.Dense(units, activation="relu")(x)
    return keras.Model(images, layers.Dense(10, dtype="float32")(x))


# %%
few = [part[:FEW] for part in training]
choosing = [part[: len(part) // 2] for part in validation]
judging = [part[len(part) // 2 :] for part in validation]


def learn(rate, seed, unseen, **changes):
    keras.utils.set_random_seed(seed)
    model = flat_net(**changes)
    falling = CosineDecay(rate, FEW_EPOCHS * len(few[0]) // 50)
    model.compile(keras.optimizers.Adam(falling), CROSS_ENTROPY)
    model.fit(*few, batch_size=50, epochs=FEW_EPOCHS, verbose=0)
    answers = model.predict(unseen[0], 500, verbose=0).argmax(axis=1)
    return 100 * np.mean(answers == unseen[1])


# %% [markdown]
# `attempt("narrow", filters=(16, 32))`, for example, would change the filters, choose a rate with
# seed 0, and train with three other seeds. `RATES` holds 0.001, 0.004 and 0.016. The first attempt
# changes nothing, and is our baseline.


# %%
def attempt(name, rates=RATES, **changes):
    tried = {rate: learn(rate, 0, choosing, **changes) for rate in rates}
    best = max(tried, key=tried.get)
    seeds = BENCH_SEEDS  # 1, 2 and 3
    found = np.array([learn(best, seed, judging, **changes) for seed in seeds])
    spread = f"{found.mean():.1f} % ({found.min():.1f} to {found.max():.1f})"
    print(f"{name}, rate {best}: {spread}")
    return found


as_it_was = attempt("as it was")

# %% [markdown]
# In the brackets are the lowest and the highest of three seeds. If the brackets of a change overlap
# with these, the luck of the seeds is enough to explain its gain. If they do not, remember that
# between equal recipes this happens once in ten times (2/20).

# %% tags=["claims"]
claim("deep_exercise_baseline", as_it_was.mean() / 100, at_least=0.9, quick=0.05)

# %% [markdown]
# ## What you learned
#
# When you compare two recipes, say what is equal, the looks or the time. Let each choose its own
# rate on the validation set, and widen the grid if the best rate lies at its rim. Train each with
# five new seeds or more. Compare pairs of networks on the same test images (McNemar), and recipes
# by their seeds (cards). And divide 0.05 by the number of questions that you ask.
#
# | word | what it means | in Python |
# |:--|:--|:--|
# | block | same convolutions, then a pooling | `padding="same"`, `MaxPooling2D(2)` |
# | grid search | trying every combination of a few values | `keras_tuner.GridSearch` |
# | standard error | how far a measured share typically is from the truth | `np.sqrt(s * (1 - s) / n)` |
# | confidence interval | a range that catches the truth in about 95 of 100 cases | 1.96 standard errors to both sides |
# | bootstrap | drawing the test set again, slip by slip | `random.choice(values, len(values))` |
# | McNemar's test | coins, for the images that only one of two networks reads | `binomtest(7, 8)` |
# | p-value | the chance of at least as lopsided a result between equals | `.pvalue` |
# | Bonferroni correction | three questions, so a third of the limit | `p < 0.05 / 3` |
# | permutation test | dealing the cards in every way | `combinations(range(10), 5)` |
# | recipe | a way to build and train; each seed makes another network | `for seed in SEEDS` |
#
# ## Exercises
#
# 1. *By hand.* Add a fourth block of 512 filters to the deep net. Which size do its maps have
#    before and after its pooling? How many parameters do its two convolutions have, and how many
#    does `dense1` have before and after?
# 2. *By hand.* Ten images decide, and fall nine to one. What is p? And how lopsided must six images
#    fall for p to be below 0.05?
# 3. *Predict, then run.* Four pairs of networks differ by ten of 10,000 images. They fall 10 to 0,
#    20 to 10, 35 to 25, and 105 to 95. Which of these are significant, and why not all, if the lead
#    is the same? (*n* coins typically differ by √*n*.) How many images would it take to show such a
#    lead between *deep* and *flat, same time*?
# 4. *Change it.* Widen the filters of the bench from 32 and 64 to 64 and 128. Is the gain more than
#    luck?
# 5. *Change it.* Add a second dense layer of 128 units. What do you expect, knowing how many
#    parameters it has?
# 6. *Change it.* Call `learn(rate, seed, judging)` with three seeds, at a rate of 0.0004 and then
#    at 0.04. Which is worth more, the right rate or the changes of exercises 4 and 5?
# 7. *Explore.* Let KerasTuner search a grid of three widths and two rates. Write a function
#    `build_from(choices)` that returns a net compiled with `metrics=["accuracy"]`, and takes values
#    such as `choices.Choice("rate", [0.0005, 0.002])`. Hand it to
#    `keras_tuner.GridSearch(build_from, "val_accuracy", overwrite=True)`, and call `search` like
#    `fit`, with `validation_data`. Why should you distrust the winner's score?
# 8. *Break it.* Compare 1,000 pairs of equally good networks: toss 60 coins for each pair, and take
#    p. How many pairs are significant, and what is the smallest p? What does that say about someone
#    who tries many networks and reports one comparison?

# %% [markdown] tags=["solution"]
# 1. The maps are 3×3 before the pooling and 1×1 after it, so 512 numbers are left. The convolutions
#    have 512 × (9 × 256 + 1) = 1,180,160 and 512 × (9 × 512 + 1) = 2,359,808 parameters. `dense1`
#    had 768 × (2,304 + 1) = 1,770,240 and now has 768 × (512 + 1) = 393,984, because so much less
#    comes in.
# 2. 2 × (1 + 10) / 2¹⁰ = 22 / 1,024 = 0.021. Of six images all must fall to one side, which gives 2
#    / 64 = 0.031. With five to one it is already 2 × (1 + 6) / 64 = 0.22.
# 3. Only the first, with p = 0.002. The others have 0.099, 0.245<!--claim:deep_p_of_35_to_25--> and
#    0.525. A lead of ten is much for ten coins, but little for 200, which typically differ by √200
#    = 14 anyway. The more two networks disagree, the less a given lead means. Let *d* of 10,000
#    images decide. Of *n* images, *d* × *n* / 10,000 do, and the lead is *n* / 1,000. This is twice
#    the root of that number when *n* is 400 × *d*. For our deep net and the flat one with the same
#    time, both of seed 1, that makes 28,800<!--claim:deep_images_for_a_tenth--> images, and even
#    then luck hides the lead in one of two test sets.
# 4. The wide net does nearly four times the work, and its mean moves
#    by 0.4<!--claim:deep_exercise_wide--> points, while the baseline itself moves
#    by 0.7<!--claim:deep_exercise_spread--> from seed to seed. Unless a gain is well above what
#    seeds do, three of them cannot tell it from luck.
# 5. The layer has 128 × (128 + 1) = 16,512 parameters, next to 1.2 million in the dense layer
#    before it. So we expect little. The mean moves by 0.4<!--claim:deep_exercise_deeper--> points,
#    and the brackets overlap.
# 6. The rate is worth more: 0.0004, with which five epochs are probably not enough,
#    costs 5.5<!--claim:deep_exercise_rate--> points, more than either change brought or cost. With
#    0.04 the best of three nets reads 12 %<!--claim:deep_exercise_too_fast-->, hardly more than the
#    deep one under “Break it on purpose”, which guesses.
# 7. The score is the best of six, each of which is the best of several epochs, all on the very
#    digits that choose. So the winner was lucky twice. Ask a judge who did not choose.
# 8. About 3 in 100. It is not 5 because p jumps: 38 to 22 gives 0.052, and 39 to 21 gives 0.027,
#    with nothing in between. The smallest p is below 0.01. If you try a thousand networks and
#    report the best comparison, you will have a small p to show even if there is nothing to find.

# %% tags=["solution"]
four = build_deep_blocks(filters=(64, 128, 256, 512))
for name in ("block4_conv1", "block4_conv2", "dense1"):
    print(f"1. {name}: {four.get_layer(name).count_params():,}")
print("2.", round(binomtest(9, 10).pvalue, 4), binomtest(6, 6).pvalue)
for first, second in ((10, 0), (20, 10), (35, 25), (105, 95)):
    p = binomtest(first, first + second).pvalue
    print(f"3. {first} to {second}: p = {p:.3f}")
wide = attempt("4. filters 64 and 128", filters=(64, 128))
deeper = attempt("5. two dense layers", dense=(128, 128))
wrong_rates = {
    rate: [learn(rate, seed, judging) for seed in BENCH_SEEDS]
    for rate in (0.0004, 0.04)
}
for rate, values in wrong_rates.items():
    print(f"6. rate {rate}:", *(f"{value:.1f} %" for value in values))
tossed = np.random.default_rng(0).binomial(60, 0.5, size=1_000)
found = np.array([binomtest(int(wins), 60).pvalue for wins in tossed])
print(f"8. {np.sum(found < 0.05)} of 1,000, the smallest p {found.min():.4f}")


# %% tags=["solution"]
def build_from(choices):
    count = choices.Choice("filters", [16, 32, 64])
    rate = choices.Choice("rate", [0.0005, 0.002])
    model = flat_net(filters=(count, 2 * count))
    adam = keras.optimizers.Adam(rate)
    model.compile(adam, CROSS_ENTROPY, metrics=["accuracy"])
    return model


with tempfile.TemporaryDirectory() as folder:
    options = {"max_trials": 1 if QUICK else 6, "seed": 1, "directory": folder}
    tuner = keras_tuner.GridSearch(build_from, "val_accuracy", **options)
    options = {"validation_data": [part[:500] for part in choosing]}
    options |= {"batch_size": 50, "verbose": 0}
    tuner.search(*few, epochs=FEW_EPOCHS, **options)
    trials = tuner.oracle.get_best_trials(6)
for trial in trials:
    print("7.", trial.hyperparameters.values, f"{trial.score:.3f}")

# %% tags=["claims"]
claim("deep_p_of_35_to_25", round(binomtest(35, 60).pvalue, 3), equals=0.245)
claim("deep_grid_best", trials[0].score, at_least=0.88, quick=0.05)
claim("deep_exercise_spread", np.ptp(as_it_was), at_most=2)
moved = [abs(values.mean() - as_it_was.mean()) for values in (wide, deeper)]
claim("deep_exercise_wide", moved[0], at_most=np.ptp(as_it_was), quick=100)
claim("deep_exercise_deeper", moved[1], at_most=2, quick=100)
apart = max(min(deeper) - max(as_it_was), min(as_it_was) - max(deeper))
claim("deep_exercise_deeper_apart", apart, at_most=0, quick=100)
cost = as_it_was.mean() - np.mean(wrong_rates[0.0004])
claim("deep_exercise_rate", cost, at_least=max(moved), quick=-100)
too_fast = max(wrong_rates[0.04]) / 100
claim("deep_exercise_too_fast", too_fast, at_most=0.3, quick=1)
claim("deep_luck_of_a_thousand", found.min(), at_most=0.01)
claim("deep_share_of_lucky_coins", np.mean(found < 0.05), at_most=0.05)
