# %% [markdown]
# # 16. Small and fast
#
# A photograph on your screen knows 256 shades of grey. Nature has many more, but nobody misses the
# shade between two of them. A weight of your network, in contrast, may take about four thousand
# million different values. What happens if we print the network like a photograph, with 256 values
# and not one more?
#
# Your network has to leave home now. It lives in a notebook, on a computer with a fan, and it is
# meant to work on a telephone, which has a small battery, little memory, and no Python.
#
# In this chapter you round a network by hand until it breaks. At the end you can predict how large
# a file will be, write it in four forms, and measure what each costs in right answers and brings in
# time.
#
# Takes about 3 minutes<!--minutes:16_small_and_fast--> on two CPU cores (quick: under 45 seconds);
# needs chapters 0 to 4, and for one section the photographs of chapter 11 or their stand-in.

# %% tags=["setup"]
import base64
import os
import subprocess
import sys
import tempfile
import time
import warnings
import zlib
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from IPython.display import Markdown
from keras import ops
from scipy.stats import binomtest

from cnnbook.book.claims import claim
from cnnbook.center_crop import center_crop
from cnnbook.datasets.cats_vs_dogs import load_cats_vs_dogs
from cnnbook.datasets.image_folder import read_center_crop
from cnnbook.datasets.mnist import load_mnist
from cnnbook.datasets.photos import load_photo
from cnnbook.deploy.costs import layer_costs
from cnnbook.deploy.export import export_litert, export_onnx
from cnnbook.deploy.latency import load_litert, load_onnx, measure_latency

# %% tags=["setup"]
from cnnbook.models.dense import build_dense_net
from cnnbook.models.efficientnet_lite0 import build_efficientnet_lite0
from cnnbook.models.lenet5 import build_lenet5
from cnnbook.models.small_digit_net import (
    build_small_digit_net,
    build_trained_digit_net,
)
from cnnbook.plots.book_style import use_book_style

QUICK = "CNNBOOK_QUICK" in os.environ  # the short run: less of everything
SEED, POINTS = 1, 100
SEEDS = (1,) if QUICK else (1, 2, 3)  # of the networks that are trained
TESTS = 1_000 if QUICK else 10_000  # digits
TRAINED = 2_000 if QUICK else 55_000  # digits that networks learn from
CALIBRATION = 50 if QUICK else 200  # digits that are shown beforehand
BITS = (8, 4, 2) if QUICK else (8, 7, 6, 5, 4, 3, 2)
ROUNDS, CALLS = (2, 3) if QUICK else (9, 30)  # of a race; calls in each round
SIDE = 64 if QUICK else 224  # pixels, of photographs
WALKED = 200 if QUICK else 2_000  # digits that walk through rounded maps
PHOTOS, SHOWN = (8, 4) if QUICK else (400, 100)  # that are asked; shown beforehand
use_book_style()
warnings.simplefilter("ignore")  # TensorFlow says that its interpreter will move
tf.get_logger().setLevel("ERROR")
kept = tempfile.TemporaryDirectory()
FOLDER = Path(kept.name)

# %% tags=["setup"]
digits = load_mnist()
DATA = {"source": digits.source}
test_images = digits.test_images[:TESTS]
test_labels = digits.test_labels[:TESTS]
TESTS = len(test_labels)  # the small data that comes with the book has fewer
WALKED = min(WALKED, TESTS)
shown = digits.train_images[:CALIBRATION]


def as_table(head, rows):
    lines = [head, [":--", *["--:"] * (len(head) - 1)], *rows]
    return Markdown(
        "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
    )


def errors(logits):
    """Count the test digits that are read wrong."""
    return int((logits.argmax(axis=1) != test_labels[: len(logits)]).sum())


def ask(model, images=test_images):
    return model.predict(images, batch_size=500, verbose=0)


# %% [markdown]
# ## Where do the bytes go?
#
# The network of this chapter is the one from chapter 0, which reads digits and is trained already.
# You can foretell the size of its file: count the parameters, and multiply by the bytes of each.
# Keras stores a parameter as *float32*, a number with a decimal point in 32 bits, or four bytes,
# and we ask each layer how many it has.

# %%
net = build_trained_digit_net()
costs = [row for row in layer_costs(net) if row.parameters]
rows = [
    [row.name, f"{row.parameters:,}", f"{4 * row.parameters:,}"] for row in costs
]
total = sum(row.parameters for row in costs)
as_table(
    ["layer", "parameters", "bytes"],
    [*rows, ["all", f"{total:,}", f"{4 * total:,}"]],
)

# %% [markdown]
# (From a folded cell: `ask` returns the logits of the test digits, `errors` counts wrong answers,
# and `shown` holds 200 training digits.) More than two thirds of the parameters belong to one
# layer, `conv3`, so it decides the size of the file. The whole file has
# 421,160 bytes<!--claim:small_bytes_of_weights-->, which is no trouble to a telephone. But the
# larger network that we meet below needs 18.8 million<!--claim:small_photo_millions_of_bytes-->,
# and there are apps with several of them.
#
# Bytes are not only a matter of storage, because every weight must be fetched from memory before it
# can be multiplied, and fetching costs time and, on a battery, energy. With one byte a weight, the
# same memory delivers four weights instead of one. So there are two hopes, a smaller file and a
# faster answer. You will see that one of them can be relied on, and the other cannot.
#
# How many of the 32 bits are needed? A float32 has about seven decimal digits, so a weight is known
# to about a ten-millionth of itself. Yet dropout in chapter 6 set whole units to 0 while the
# network learned, and it read digits all the same. A single weight can hardly matter to the seventh
# digit.

# %% tags=["claims"]
claim("small_parameters", total, equals=105_290)
claim("small_bytes_of_weights", 4 * total, equals=421_160)
share = max(row.parameters for row in costs) / total
claim("small_share_of_conv3", share, at_least=0.67)

# %% [markdown]
# ## Eight weights and a ruler
#
# Suppose that you must tell a friend the length of eight sticks by telephone, and the friend only
# understands whole numbers. You agree on a ruler first, for example one with a mark every
# centimetre. Then you call out the nearest mark for each stick: 50, 31, 127. What you lose is at
# most half the distance between two marks.
#
# A byte holds a whole number from −128 to 127, which programmers call **int8**. We want a ruler
# whose last mark, 127, lies at the largest weight, without its sign. The other end is then −127,
# and −128 stays unused, so that 0 is in the middle of 255 marks. If this weight is 1.27, the marks
# are 0.01 apart, and this distance is the *scale*. Now divide each weight by the scale, and round.

# %% tags=["nbval-check-output"]
weights = np.array([0.50, -0.31, 1.27, 0.02, -0.90, 0.004, 0.743, -1.10])
scale = abs(weights).max() / 127
stored = np.rint(weights / scale).astype("int8")
print("stored:  ", stored)
print("restored:", stored * scale)

# %% [markdown]
# You can check each of them in your head. Six weights come back exactly, 0.743 has become 0.74, and
# 0.004 has become 0, because it is closer to that mark than to the next. The eight weights now take
# eight bytes and one scale, and storing and computing with such whole numbers is called
# **quantisation**. The scale is set by the largest weight, which is good for the large ones, while
# a small weight may vanish.

# %% tags=["hide-input"] alt="Two horizontal rulers from minus 1.3 to 1.3 with eight orange dots each; the upper ruler has 15 marks and each dot is joined to a mark beside it, the lower has 255 marks and the dots lie on them"
figure, axes = plt.subplots(figsize=(7.2, 2.2))
for row, bits in enumerate((4, 8)):
    most = 2 ** (bits - 1) - 1
    step = abs(weights).max() / most
    marks = step * np.arange(-most, most + 1)
    axes.vlines(
        marks, row + 0.05, row + 0.3, color="0.6", lw=1 if bits == 4 else 0.5
    )
    nearest = step * np.rint(weights / step)
    for weight, mark in zip(weights, nearest, strict=True):
        axes.plot([weight, mark], [row - 0.25, row + 0.05], color="C1", lw=1)
    axes.plot(weights, [row - 0.25] * len(weights), "o", color="C1")
    axes.plot(nearest, [row + 0.05] * len(weights), "|", color="C0", ms=9, mew=2)
labels = ["4 bits, 15 marks", "8 bits, 255 marks"]
axes.set(yticks=(0, 1), ylim=(1.5, -0.5), xlabel="weight")
axes.set_yticklabels(labels)
axes.grid(False)
plt.show()

# %% [markdown]
# **Figure 16.1. Eight weights on two rulers.** Orange dots are the weights, grey strokes the marks,
# and blue the nearest mark of each weight. With 4 bits the weights have to move visibly. With 8
# bits the marks lie so close that you hardly see a difference. Two dots near 0 overlap: 0.004 and
# 0.02.
#
# ## The point that stands for zero
#
# Weights lie on both sides of zero, but most maps do not. After a ReLU no value is negative, so a
# ruler from −127 to 127 would waste its left half. Therefore we shift it: the lowest mark, −128,
# shall stand for 0, and the highest, 127, for the largest value. Say that this is 5.1. Then 255
# steps cover 5.1, the scale is 0.02, and the number −128 is the **zero point**, the whole number
# that stands for 0.
#
# With this, everything is two lines. To store a value, divide by the scale, round, and add the zero
# point, and to restore it, go backwards. A value beyond the last mark is cut off there. If the
# lowest value is not 0, it gets −128 all the same, and the zero point is −128 − lowest / scale,
# rounded.


# %%
def quantise(values, scale, zero=0):
    marks = np.rint(np.asarray(values) / scale) + zero
    return np.clip(marks, -128, 127).astype("int8")


def restore(stored, scale, zero=0):
    return scale * (stored.astype("int32") - zero)


# %% tags=["nbval-check-output"]
values = [0, 1, 2, 5.1, 0.5, 3, 0, 1.5]
marks = quantise(values, 0.02, zero=-128)
print("stored: ", marks)
beyond = restore(quantise([6.0], 0.02, zero=-128), 0.02, zero=-128)
print(f"6.0 becomes {beyond[0]:.1f}")

# %% [markdown]
# The zero point also makes sure that 0 itself is stored exactly, which matters, since padding adds
# zeros around every map. **LiteRT**, a program that runs networks on telephones, uses the same two
# lines (Google, [LiteRT 8-bit quantization
# specification](https://ai.google.dev/edge/litert/models/quantization_spec)). They go back to a
# paper by Jacob and others (2017, [Quantization and Training of Neural Networks for Efficient
# Integer-Arithmetic-Only Inference](https://arxiv.org/abs/1712.05877)).
#
# Does a sum of products survive this? We multiply our eight weights with these eight values. With
# whole numbers we subtract the zero point, multiply and add, and use the two scales only once, at
# the end.

# %% tags=["nbval-check-output"]
exact = weights @ np.array(values)
whole = stored.astype("int32") @ (marks.astype("int32") + 128)
print(f"with fractions {exact:.3f}, with whole numbers {whole}")
print(f"{whole} · 0.01 · 0.02 = {whole * 0.01 * 0.02:.3f}")

# %% [markdown]
# The two differ by 0.012<!--claim:small_eight_weights_off-->, and you can say where it went: it is
# 0.004 times 3, the weight that was rounded away. The sum itself needs more room than a byte. Even
# one product can be as large as 127 · 255 = 32,385. With a sign, 16 bits end at 32,767, so two such
# products do not fit, and the sum is kept in 32. But its factors are bytes, and many processors can
# multiply several bytes in the time of one float32.

# %% tags=["claims"]
off = float(exact - whole * 0.01 * 0.02)
claim("small_eight_weights_off", round(off, 6), equals=0.012)
claim("small_lost_weight", int(stored[5]), equals=0)
claim("small_zero_is_kept", int(restore(marks[:1], 0.02, -128)[0] == 0), equals=1)

# %% [markdown]
# ## A whole layer in whole numbers
#
# Now we do the same with the last layer of the network. It has 1,152 inputs and 10 outputs, so it
# has 11,520 weights, and the inputs are maps that went through a ReLU. One question is left: how
# large do these inputs get? The weights lie before us, but the inputs depend on the picture. So we
# show the network some training digits and note the largest value.

# %%
body = keras.Model(net.input, net.get_layer("flatten").output)
kernel, bias = (np.asarray(it) for it in net.get_layer("logits").weights)
reach = ask(body, shown).max()
map_scale = reach / 255
weight_scales = abs(kernel).max(axis=0) / 127  # one for each class
whole_kernel = np.rint(kernel / weight_scales).astype("int8")
print(f"largest value {reach:.2f}, so the marks are {map_scale:.4f} apart")

# %% [markdown]
# Every class has a scale of its own here, because nothing forces the ten to share one. With one
# scale for all of them, a class with small weights would have to make do with few marks. Now the
# layer computes with whole numbers, as above, for all test digits.

# %%
features = ask(body)
marks = quantise(features, map_scale, zero=-128)
sums = (marks.astype("int32") + 128) @ whole_kernel.astype("int32")
by_hand = sums * map_scale * weight_scales + bias
exact = features @ kernel + bias
changed = (by_hand.argmax(axis=1) != exact.argmax(axis=1)).sum()
print(f"largest sum {abs(sums).max():,}")
print(f"logits differ by {abs(by_hand - exact).max():.2f} at most")
print(f"{changed} of {len(exact):,} answers changed")

# %% [markdown]
# The largest of the logits, without its sign, is 83<!--claim:small_logits_reach-->, and the largest
# difference is 0.36<!--claim:small_layer_logits_off-->. Of all the
# answers, 0<!--claim:small_layer_changed--> changed. An answer is the class with the largest logit,
# and the largest usually leads by far more than rounding can take away. Only where two classes are
# close can rounding decide, and there the network was less sure. (LiteRT also stores the bias as a
# whole number, of 32 bits, and rounds the result to a byte for the next layer.)

# %% [markdown]
# ## One ruler for each filter
#
# In the layer above each class got its own scale. Is that worth the trouble? We look at two
# convolutions, and take the largest weight of each filter.

# %% tags=["setup"]
lite0 = build_efficientnet_lite0((SIDE, SIDE, 3), weights="imagenet")
depthwise = lite0.get_layer("stage1_block1_depthwise")


def factors_of(norm):
    """Return by what batch normalisation multiplies each map."""
    return norm.gamma / ops.sqrt(norm.moving_variance + norm.epsilon)


factors = factors_of(lite0.get_layer("stage1_block1_depthwise_norm"))
folded = np.asarray(depthwise.kernel * factors[:, None])
filters = net.get_layer("conv3").kernel * factors_of(net.get_layer("norm3"))
largest = {
    "conv3": abs(np.asarray(filters)).max(axis=(0, 1, 2)),
    "depthwise": abs(folded).max(axis=(0, 1)).ravel(),
}
largest = {name: np.sort(values) for name, values in largest.items()}

# %% tags=["hide-input"] alt="Two panels of bars sorted by size, one bar a filter: on the left 128 bars that differ little, on the right 32 bars of which four are tall and the others low; a line lies at the height of the largest"
figure, panels = plt.subplots(1, 2, figsize=(7.2, 2.6))
titles = {"conv3": "conv3, for digits", "depthwise": "a depthwise layer of Lite0"}
for axes, (name, values) in zip(panels, largest.items(), strict=True):
    axes.bar(range(len(values)), values / values[-1], width=1, color="C0")
    axes.axhline(1, color="C1")
    axes.text(0, 1.02, "the ruler, if all share one", va="bottom", color="C1")
    axes.set(title=titles[name], xlabel="filter, sorted", ylim=(0, 1.2))
panels[0].set_ylabel("largest weight, relative")
plt.show()

# %% [markdown]
# **Figure 16.2. Filters of one layer differ in size.** Each blue bar is the largest weight of one
# filter, without its sign. If all shared one ruler, it would have to reach the orange line, and a
# filter with a short bar would use only its lowest marks, which on the right is nearly every one.
#
# For this reason LiteRT, too, gives each filter of a convolution its own scale. With 8 bits it
# would hardly matter in our `conv3`, because the largest filter is only
# 4.5 times<!--claim:small_filters_differ--> the smallest. But in a depthwise convolution of
# EfficientNet-Lite0 (chapter 10) one filter is 10 times<!--claim:small_depthwise_filters_differ-->
# as large as the median. (Behind both layers stands a batch normalisation, which multiplies each
# filter by a factor of its own. Both panels have it multiplied in, as LiteRT does it.) The scales
# cost little, since even with a zero point beside each they are about a fiftieth of `conv3` as
# int8.

# %% tags=["claims"]
claim("small_layer_logits_off", float(abs(by_hand - exact).max()), at_most=1.5)
claim(
    "small_layer_off_is_not_zero", float(abs(by_hand - exact).max()), at_least=0.001
)
claim("small_layer_changed", int(changed), at_most=10)
claim("small_layer_largest_sum", int(abs(sums).max()), at_least=2**15, quick=2**15)
claim("small_logits_reach", float(abs(exact).max()), at_least=30)
claim("small_filters_differ", largest["conv3"][-1] / largest["conv3"][0], at_most=6)
ratio = largest["depthwise"][-1] / np.median(largest["depthwise"])
claim("small_depthwise_filters_differ", float(ratio), at_least=5)

# %% [markdown]
# ## Too short a ruler, or too long
#
# The pictures that we showed beforehand are the **calibration data**. (Chapter 15 uses the word
# calibration for something else, for probabilities that mean what they say.) They decide where the
# ruler for a map ends. What if they decide badly? If the ruler is too short, large values are cut
# off, and if it is too long, its marks lie so far apart that small values are all called 0. We
# round the three maps behind a ReLU in our network, and leave the weights alone.


# %%
def walk(images, change):
    x = images.astype("float32")
    for layer in net.layers[1:]:
        x = layer(x, training=False)
        if layer.name in ("conv1", "relu2", "relu3"):
            x = change(layer.name, x)
    return np.asarray(x)


# %% [markdown]
# `walk` sends pictures from layer to layer, and lets us change a map on the way. First we only note
# how large the maps get. Then we round them with rulers from a twentieth of this length up to
# twenty times that length.

# %%
reaches = {}


def note(name, x):
    reaches[name] = float(ops.max(x))
    return x


def errors_with(length, bits):
    def round_map(name, x):
        step = length * reaches[name] / (2**bits - 1)
        return step * ops.clip(ops.round(x / step), 0, 2**bits - 1)

    return errors(walk(test_images[:WALKED], round_map))


# %%
walk(shown, note)
print({name: round(reach, 1) for name, reach in reaches.items()})
lengths = [0.05, 0.07, 0.1, 0.14, 0.2, 0.35, 0.5, 0.7, 1, 1.4, 2, 3.5, 5, 10, 20]
if QUICK:
    lengths = [0.05, 0.5, 1, 5, 20]
wrong = {bits: [errors_with(it, bits) for it in lengths] for bits in (8, 4)}

# %% tags=["hide-input"] alt="Errors against the length of the ruler on a logarithmic axis: with 8 bits a wide flat valley that rises only at the far left, with 4 bits a narrow valley that rises steeply on both sides"
figure, axes = plt.subplots(figsize=(7.2, 3))
for bits, marker in ((8, "o"), (4, "s")):
    shares = POINTS * np.array(wrong[bits]) / WALKED
    axes.plot(lengths, shares, marker, ls="-", label=f"{bits} bits", ms=4)
unrounded = errors(exact[:WALKED])
axes.axhline(POINTS * unrounded / WALKED, color="0.4", ls=":", label="unrounded")
axes.axvline(1, color="0.4", lw=1)
axes.text(1.05, 110, "as measured", va="top", color="0.4")
axes.set(xscale="log", yscale="log", ylim=(0.4, 150))
axes.set_xticks([0.05, 0.2, 1, 5, 20], ["0.05", "0.2", "1", "5", "20"])
axes.set_yticks([0.5, 1, 5, 20, 100], ["0.5", "1", "5", "20", "100"])
axes.minorticks_off()
axes.set(xlabel="length of the ruler, times the largest value", ylabel="errors, %")
axes.legend(loc="upper left", bbox_to_anchor=(0.16, 1))
plt.show()

# %% [markdown]
# **Figure 16.3. Rulers for the maps, from too short to too long.** Three maps of the network are
# rounded, and its weights are not. Blue are 8 bits and orange are 4. To the left values are cut
# off, and to the right the marks are too far apart.
#
# With 8 bits the length hardly matters over a wide range. A ruler of half the length, which cuts
# off the largest values, changes the errors by -0.10 points<!--claim:small_half_8_bits-->. One of
# twenty times the length leaves 13 steps for what really occurs, and it costs
# 0.00 points<!--claim:small_long_8_bits-->. With 4 bits there are only 16 marks, or 15 steps, in
# all. At five times the length three of them are used, which costs
# 19 points<!--claim:small_long_4_bits-->. And far too short a ruler ruins both: at a twentieth of
# the length even 8 bits lose 69 points<!--claim:small_short_8_bits-->.
#
# So for this network calibration data need not be many, and with 8 bits a rough length will do. But
# they must be like the pictures to come. For example, pictures taken at night do not tell how
# strong the values get by day. You will break a file in this way at the end of the chapter.

# %% tags=["claims"]
more = {
    bits: dict(
        zip(lengths, POINTS * (np.array(its) - unrounded) / WALKED, strict=True)
    )
    for bits, its in wrong.items()
}
claim("small_half_8_bits", float(more[8][0.5]), at_most=0.5, quick=3)
claim("small_long_8_bits", float(more[8][20]), at_most=0.5, quick=3)
claim("small_long_4_bits", float(more[4][5]), at_least=5, quick=1)
claim("small_short_8_bits", float(more[8][0.05]), at_least=20)

# %% [markdown]
# ## How many bits does it take?
#
# Eight bits are what processors like, but how many does the network itself need? We round the
# weights of all its layers to fewer and fewer bits, once with one scale a layer, and once with one
# for each filter. The maps stay as they are, so that we see what the weights alone do.


# %%
def round_weights(layer, bits, each_filter):
    kernel, *bias = layer.get_weights()
    most = 2 ** (bits - 1) - 1
    axes = tuple(range(kernel.ndim - 1)) if each_filter else None
    step = abs(kernel).max(axis=axes, keepdims=True) / most
    layer.set_weights([step * np.rint(kernel / step), *bias])


# %%
exactly, to_points = errors(exact), POINTS / TESTS  # errors; points for each
wrong_bits, rounded_logits = {False: [], True: []}, {}
for each_filter, line in wrong_bits.items():
    for bits in BITS:
        rounded = build_trained_digit_net()
        for name in ("conv1", "conv2", "conv3", "logits"):
            round_weights(rounded.get_layer(name), bits, each_filter)
        rounded_logits[each_filter, bits] = ask(rounded)
        line.append(errors(rounded_logits[each_filter, bits]))
print("one scale a layer: ", wrong_bits[False])
print("one scale a filter:", wrong_bits[True])

# %% tags=["hide-input"] alt="Errors in percent against bits from 8 down to 2, two lines: both flat down to 4 bits, then both rise steeply, the one with a scale for each filter later"
figure, axes = plt.subplots(figsize=(7.2, 3))
for each_filter, marker in ((False, "s"), (True, "o")):
    shares = to_points * np.array(wrong_bits[each_filter])
    label = "one scale for each filter" if each_filter else "one scale for a layer"
    color = "C0" if each_filter else "C1"
    axes.plot(BITS, shares, marker, ls="-", color=color, label=label)
axes.axhline(to_points * exactly, color="0.4", ls=":", label="unrounded")
axes.set(yscale="log", xlabel="bits a weight", ylabel="errors, %", ylim=(0.4, 100))
axes.set_yticks([0.5, 1, 5, 20, 80], ["0.5", "1", "5", "20", "80"])
axes.minorticks_off()
axes.set_xticks(BITS)
axes.invert_xaxis()
axes.legend(loc="upper left")
plt.show()

# %% [markdown]
# **Figure 16.4. Fewer bits for the weights.** The line of round dots has a scale for each filter,
# and the line of squares has one scale for each layer. The round dots stay close to the dotted line
# of the unrounded network as far as 4 bits, and then they rise.
#
# At 8 bits, with one scale for each filter, 0<!--claim:small_8_bits_wrong--> answers become wrong
# and 1<!--claim:small_8_bits_right--> become right, a difference that coins could make: the test of
# chapter 7 gives p = 1.00<!--claim:small_8_bits_p-->. Even 4 bits, which is 15 different values,
# cost only 0.04 points<!--claim:small_4_bits_lost-->. At 3 bits it matters who shares a ruler.
# There the network misses 6.6 times<!--claim:small_3_bits_shared--> as many digits with one scale a
# layer as with one for each filter. With 2 bits a weight can only be −1, 0 or 1 times the scale,
# and many of the answers are wrong.
#
# This is one network for an easy task, and harder tasks have less to spare. It was also trained
# without any thought of rounding. If too much is lost, one can round during training already, so
# that the network gets used to it; this is the second half of the paper by Jacob and others.

# %% tags=["claims"]
by_bits = {
    each: dict(zip(BITS, line, strict=True)) for each, line in wrong_bits.items()
}
right_before = exact.argmax(axis=1) == test_labels
right_after = rounded_logits[True, 8].argmax(axis=1) == test_labels
became_wrong = int((right_before & ~right_after).sum())
became_right = int((right_after & ~right_before).sum())
p = 1.0
if became_wrong + became_right:
    p = binomtest(became_wrong, became_wrong + became_right).pvalue
claim("small_8_bits_wrong", became_wrong, at_most=15)
claim("small_8_bits_right", became_right, at_most=15)
claim("small_8_bits_p", float(p), at_least=0.05)
lost = to_points * (by_bits[True][4] - exactly)
claim("small_4_bits_lost", float(lost), at_most=0.25, quick=1)
few = 2 if QUICK else 3
ratio = by_bits[False][few] / by_bits[True][few]
claim("small_3_bits_shared", ratio, at_least=1.5, quick=1, embedded=1.1, **DATA)
claim("small_2_bits_errors", by_bits[True][2] / len(features), at_least=0.3)

# %% [markdown]
# ## One file, no Python
#
# A telephone has no Keras, but it can have a small program that opens one file and computes what is
# in it. LiteRT, which was called TensorFlow Lite until 2024, is such a program for telephones and
# smaller things. **ONNX** is a format for networks that many programs can open, among them ONNX
# Runtime, which answers over the web in chapter 17. `cnnbook` writes both, and since the
# preprocessing is a layer of our networks, it goes along, so that the file takes pixels from 0 to
# 255.
#
# We write LiteRT files in four forms. With *float32* everything stays as it is. With *float16* each
# weight is stored in two bytes, with about three decimal digits, and is turned back before it is
# used. With *dynamic* quantisation the weights of all but small layers are int8, and the maps are
# measured and rounded anew at each call. In a file of *int8* the maps are bytes as well, and their
# rulers come from calibration data. Only this last form suits a chip that cannot compute with
# fractions at all.

# %%
FORMS = {
    "float32": {},
    "float16": {"weights": "float16"},
    "dynamic": {"weights": "int8"},
    "int8": {"int8_images": shown},
}
files = {}
for form, options in FORMS.items():
    files[form] = export_litert(net, FOLDER / f"digits_{form}.tflite", **options)
files["ONNX"] = export_onnx(net, FOLDER / "digits.onnx")

# %% [markdown]
# ## What does a form cost?
#
# We open each file with one thread, ask it for all test digits, and compare with Keras.

# %%
programs = {"Keras": lambda images: ask(net, images)}
for form, file in files.items():
    load = load_onnx if form == "ONNX" else load_litert
    programs[form] = load(file, threads=1)
sizes = {"Keras": 4 * total} | {
    form: it.stat().st_size for form, it in files.items()
}
logits = {}
for form, program in programs.items():
    parts = np.array_split(test_images, len(test_images) // 100)
    logits[form] = np.concatenate([program(part) for part in parts])

# %% tags=["hide-input"]
rows, changed, accuracies, away = [], {}, {}, {}
for form, its in logits.items():
    changed[form] = int(
        (its.argmax(axis=1) != logits["Keras"].argmax(axis=1)).sum()
    )
    accuracies[form] = 1 - errors(its) / len(its)
    away[form] = float(abs(its - logits["Keras"]).max())
    numbers = f"{sizes[form]:,}", f"{POINTS * accuracies[form]:.2f}"
    rows.append([form, *numbers, changed[form], f"{away[form]:.2g}"])
head = ["form", "bytes", "right, %", "answers changed", "logits differ by"]
as_table(head, rows)

# %% tags=["hide-input"] alt="Six horizontal bars of file sizes: Keras, float32 and ONNX about 420 kilobytes, float16 half of that, dynamic and int8 a little more than a quarter; beside each stand its right answers in percent"
figure, axes = plt.subplots(figsize=(7.2, 2.6))
order = ["Keras", "ONNX", *FORMS]
axes.barh(order, [sizes[form] / 1e3 for form in order], color="C0")
for row, form in enumerate(order):
    text = f"{sizes[form] / 1e3:.0f} kB, {POINTS * accuracies[form]:.2f} % right"
    axes.text(sizes[form] / 1e3 + 5, row, text, va="center")
axes.set(xlabel="kB (for Keras, the parameters alone)", xlim=(0, 640))
axes.invert_yaxis()
axes.grid(axis="y", visible=False)
plt.show()

# %% [markdown]
# **Figure 16.5. What a form of file saves, and what it costs.** Bars are the bytes of a file, and
# beside them stands the share of test digits that is read right. Your forecast was good: two bytes
# a weight give half of the file, and one byte a little more than a quarter.
#
# Both float32 files give the logits of Keras to 0.00006<!--claim:small_float_files_differ_by-->,
# and the rest comes from multiplying batch normalisation into the kernels and from the order of the
# sums. Float16 changes 0<!--claim:small_float16_changed--> answers. The kernels of this network
# came with the book as float16, which makes it easier, so we shall ask other networks, too. Int8
# changes 4<!--claim:small_int8_changed--> answers, and not all of them for the worse. Its file is
# 3.6 times<!--claim:small_int8_smaller--> smaller than that of float32, and not quite four times,
# because the file also lists the layers, holds the scales, and leaves four bytes to each bias.
#
# Does it worry you that some logits of int8 differ by 21<!--claim:small_int8_logits_off-->? The
# ruler of the output ends at the lowest and at the highest logit of the calibration data, and what
# lies beyond is cut off. Of 100,000 logits 49<!--claim:small_cut_below--> lie at its lower end, all
# of them of classes that lost, and 7<!--claim:small_cut_above--> at its upper end. What decides is
# the lead of the winner over the next class. In the median digit this
# is 16<!--claim:small_median_lead-->, and int8 changes it by 0.1<!--claim:small_lead_moved-->.
#
# Is this the same as what we did by hand? LiteRT lets us look into the file, where the kernel of
# the last layer is an array of int8 with a scale for each class. Of its 11,520 whole
# numbers, 0<!--claim:small_numbers_unlike_ours--> differ from ours. The map before it has the zero
# point −128, and a scale that differs from ours by 0.00 %<!--claim:small_scale_unlike_ours-->. So
# there is no secret in the file.

# %% tags=["setup"]
inside = tf.lite.Interpreter(str(files["int8"]), num_threads=1)
inside.allocate_tensors()
wanted = {"kernel": (10, 1152), "map": (1, 1152)}
found = {}
for tensor in inside.get_tensor_details():
    for name, shape in wanted.items():
        if tuple(tensor["shape"]) == shape and tensor["dtype"] == np.int8:
            found[name] = tensor
theirs = inside.get_tensor(found["kernel"]["index"]).T
theirs_map = found["map"]["quantization_parameters"]
step, zero = inside.get_output_details()[0]["quantization"]
ends = [(end - zero) * step for end in (-127.99, 126.99)]  # of the output's ruler
del inside

# %% tags=["claims"]
claim("small_keras_accuracy", accuracies["Keras"], at_least=0.985, quick=0.97)
both = max(away[form] for form in ("float32", "ONNX"))
claim("small_float_files_differ_by", both, at_most=5e-4)
claim("small_float16_changed", changed["float16"], at_most=5)
claim("small_float16_smaller", sizes["float32"] / sizes["float16"], at_least=1.9)
claim("small_int8_changed", changed["int8"], at_most=100)
was_right, is_right = (
    logits[form].argmax(axis=1) == test_labels for form in ("Keras", "int8")
)
better = int((is_right & ~was_right).sum())
claim(
    "small_int8_changed_to_right", better, at_least=1, quick=0, embedded=0, **DATA
)
claim("small_int8_logits_off", away["int8"], at_least=2)
winner = np.arange(TESTS), logits["Keras"].argmax(axis=1)

# %% tags=["claims"]
second, best = np.sort(logits["Keras"], axis=1)[:, -2:].T
rivals = logits["int8"].copy()
rivals[winner] = -np.inf
lead = logits["int8"][winner] - rivals.max(axis=1)
moved = float(np.median(abs(lead - (best - second))))
claim("small_lead_moved", moved, at_most=2)
cut_below = logits["int8"] <= ends[0]
claim("small_cut_below", int(cut_below.sum()), at_least=1, quick=0)
claim("small_cut_below_winners", int(cut_below[winner].sum()), equals=0)
cut_above = int((logits["int8"] >= ends[1]).sum())
claim("small_cut_above", cut_above, at_most=1_000)
claim("small_median_lead", float(np.median(best - second)), at_least=8)
is_float16 = net.get_layer("conv3").kernel.numpy()
is_float16 = np.mean(is_float16 == is_float16.astype("float16"))
claim("small_kernel_is_float16_already", float(is_float16), equals=1)
claim("small_int8_smaller", sizes["float32"] / sizes["int8"], at_least=3.5)
claim("small_dynamic_smaller", sizes["float32"] / sizes["dynamic"], at_least=3.5)
claim("small_dynamic_changed", changed["dynamic"], at_most=100)
unlike = int((theirs != whole_kernel).sum())
claim("small_numbers_unlike_ours", unlike, at_most=100)
claim("small_zero_point_of_the_map", int(theirs_map["zero_points"][0]), equals=-128)
off = POINTS * abs(float(theirs_map["scales"][0]) / map_scale - 1)
claim("small_scale_unlike_ours", off, at_most=1)

# %% [markdown]
# ## Does it hold for other networks?
#
# One network proves little, so we train three of them anew: a dense one, LeNet-5, and the small
# network of this chapter, for one epoch each and with three seeds. One epoch is short, and the rate
# is the same for all of them. We do not want to know here which network is best, but only how much
# of its own accuracy each loses as int8.

# %%
DIGIT_NETS = {"dense": build_dense_net, "LeNet-5": build_lenet5}
DIGIT_NETS["small net"] = build_small_digit_net
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
images, labels = digits.train_images[:TRAINED], digits.train_labels[:TRAINED]
trained = {}
for name, seed in [(name, seed) for name in DIGIT_NETS for seed in SEEDS]:
    keras.utils.set_random_seed(seed)
    model = trained[name, seed] = DIGIT_NETS[name]()
    rate = keras.optimizers.schedules.CosineDecay(0.002, len(images) // 64)
    model.compile(keras.optimizers.Adam(rate), LOSS)
    model.fit(images, labels, batch_size=64, verbose=0)

# %% [markdown]
# After the int8 file we round the weights of each network to float16 in place, and count how many
# answers that changes.

# %%
points_lost, right, changed_by_16 = {}, {}, {}
for key, model in trained.items():
    file = export_litert(model, FOLDER / "other.tflite", int8_images=shown)
    before, after = ask(model), load_litert(file)(test_images)
    right[key] = POINTS - to_points * errors(before)
    points_lost[key] = to_points * (errors(after) - errors(before))
    whole_weights = model.get_weights()
    model.set_weights([it.astype("float16") for it in whole_weights])
    by_16 = ask(model).argmax(axis=1) != before.argmax(axis=1)
    changed_by_16[key] = int(by_16.sum())
    model.set_weights(whole_weights)

# %% tags=["hide-input"]
rows = []
for name in DIGIT_NETS:
    best = ", ".join(f"{right[name, seed]:.2f}" for seed in SEEDS)
    lost = ", ".join(f"{points_lost[name, seed]:+.2f}" for seed in SEEDS)
    half = ", ".join(str(changed_by_16[name, seed]) for seed in SEEDS)
    count = f"{trained[name, SEEDS[0]].count_params():,}"
    rows.append([name, count, best, lost, half])
head = ["network", "parameters", "right in Keras, %", "points lost as int8"]
as_table([*head, "answers changed as float16"], rows)

# %% [markdown]
# The worst of all these trainings, and of the network above, loses
# 0.04 points<!--claim:small_int8_loss-->. Some gain, by up to
# 0.01 points<!--claim:small_int8_gain-->, as one expects if rounding pushes a few undecided digits
# to one side or the other. Float16 changes at most 0<!--claim:small_float16_changed_most--> answers
# of 10,000, and saves half of the bytes, so for storage it is a bargain. On MNIST, then, even one
# byte is enough. MNIST is easy, however, and photographs will come below.

# %% tags=["claims"]
own = POINTS * (accuracies["Keras"] - accuracies["int8"])
all_lost = [*points_lost.values(), own]
claim(
    "small_int8_loss", max(all_lost), at_most=0.5, embedded=0.7, quick=1.5, **DATA
)
claim(
    "small_int8_gain", -min(all_lost), at_least=0.01, embedded=-1, quick=-5, **DATA
)
most = max(changed_by_16.values())
claim("small_float16_changed_most", most, at_most=10)
claim("small_networks_asked", len(all_lost), equals=10, quick=4)
least = min(right.values())
claim("small_trained_right", least, at_least=93, embedded=80, quick=50, **DATA)

# %% [markdown]
# ## Is it faster?
#
# *Latency* is the time from a question to its answer (chapter 15). We let all six programs answer
# for one digit, and for 32 at once. They race in turns, so that a moment in which the computer is
# busy with something else meets all of them. Each round gives the median of several calls, and the
# spread of the rounds tells you how far to trust them.


# %%
def race(programs, pictures):
    times = {form: [] for form in programs}
    for _ in range(ROUNDS):
        for form, program in programs.items():
            its = measure_latency(program, pictures, repeats=CALLS, warm_up=2)
            times[form].append(its.median_ms)
    return times


programs["Keras"] = net.predict_on_batch
one, many = race(programs, test_images[:1]), race(programs, test_images[:32])


# %% tags=["hide-input"]
def draw_race(axes, times):
    for row, its in enumerate(times.values()):
        axes.plot(its, [row] * len(its), "o", color="C0", ms=4, alpha=0.5)
        axes.plot(np.median(its), row, "|", color="C1", ms=16, mew=2.5)
    axes.set_yticks(range(len(times)), times)
    axes.set(ylim=(len(times) - 0.5, -0.5), xscale="log", xlabel="milliseconds")
    axes.xaxis.set_major_locator(plt.LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(plt.NullFormatter())
    axes.grid(axis="x")


# %% tags=["hide-input"] alt="Two panels with a row of blue dots for each of six programs, on a logarithmic axis of milliseconds; for one digit Keras lies far to the right of the others, for 32 digits the distance is smaller"
figure, panels = plt.subplots(1, 2, figsize=(7.2, 2.8), sharey=True)
for axes, times, title in zip(
    panels, (one, many), ("1 digit", "32 digits"), strict=True
):
    draw_race(axes, times)
    axes.set_title(title)
plt.show()

# %% [markdown]
# **Figure 16.6. Six programs race.** Each blue dot is the median of one round, and the orange
# stroke is the median of the rounds, on a logarithmic axis. The times belong to the computer that
# made this page, with one thread for each file, and Keras as it comes.
#
# For one digit Keras takes 19 times<!--claim:small_keras_to_litert_time--> as long as LiteRT with
# the same float32 weights. Most of this is not arithmetic, because Keras looks at the question,
# copies it and chooses what to run before it computes. This fits with the smaller lead for 32
# digits, 1.5 times<!--claim:small_keras_to_litert_batch-->, although there Keras may also profit
# from a second core.
#
# Among the files themselves, the order is a matter of the processor. Here, for one digit, int8
# takes 0.56 times<!--claim:small_int8_to_float32_time--> as long as float32, and dynamic takes
# 0.44 times<!--claim:small_dynamic_to_float32_time-->. On another computer either may be larger or
# smaller than 1. So nothing in this book rests on these two numbers, and nothing that you plan
# should, either. Run the cell on the machine that will do the work.


# %% tags=["claims"]
def times_as_long(times, slow, fast):
    return float(np.median(times[slow]) / np.median(times[fast]))


ratio = times_as_long(one, "Keras", "float32")
claim("small_keras_to_litert_time", ratio, at_least=2, quick=1)
in_a_batch = times_as_long(many, "Keras", "float32")
claim("small_keras_to_litert_batch", in_a_batch, at_most=ratio / 1.5, quick=99)
# The two below are told, and not promised: any machine has its own.
ratio = times_as_long(one, "int8", "float32")
claim("small_int8_to_float32_time", ratio, at_most=20, quick=99)
ratio = times_as_long(one, "dynamic", "float32")
claim("small_dynamic_to_float32_time", ratio, at_most=20, quick=99)

# %% [markdown]
# ## A network for photographs
#
# EfficientNet-Lite0 (chapter 10) was made for telephones. It has
# 45 times<!--claim:small_photo_times_as_large--> as many parameters as our digit network and knows
# the 1,000 classes of ImageNet. We have no labelled pictures of ImageNet, but cats and dogs are
# among its classes: 118 breeds of dogs, and five kinds of domestic cats. So we ask it for
# photographs of cats and dogs, and see which of these classes has the largest logit, without
# training anything.

# %% tags=["setup"]
CATS, DOGS = slice(281, 286), slice(151, 269)  # among the classes of ImageNet


def some(files, count):
    paths = files.paths[:: len(files.paths) // count][:count]
    return np.stack([read_center_crop(path, (SIDE, SIDE)) for path in paths])


def crops(seed, count):
    """Cut-outs of photographs that come with the book."""
    random, pictures = np.random.default_rng(seed), []
    for number in range(count):
        photo = load_photo(("cat", "coffee", "rocket")[number % 3])
        size = int(random.uniform(0.5, 1) * min(photo.shape[:2]))
        y, x = (random.integers(0, side - size + 1) for side in photo.shape[:2])
        pictures.append(
            center_crop(photo[y : y + size, x : x + size], (SIDE, SIDE))
        )
    return np.stack(pictures)


# %% tags=["setup"]
try:
    photos = load_cats_vs_dogs()
    asked, before = some(photos.test, PHOTOS), some(photos.train, SHOWN)
    step = len(photos.test.paths) // PHOTOS
    is_dog = photos.test.labels[::step][:PHOTOS]
    PHOTO_DATA = {"source": photos.source}
except FileNotFoundError:
    print("Cut-outs of three photographs stand in for cats and dogs.")
    asked, before, is_dog = crops(1, PHOTOS), crops(2, SHOWN), None
    PHOTO_DATA = {"source": "cut-outs of embedded photographs"}


# %%
photo_forms = FORMS | {"int8": {"int8_images": before}}
if QUICK:  # each export of this network takes long
    photo_forms = {form: photo_forms[form] for form in ("float32", "int8")}
photo_programs, photo_sizes = {"Keras": lite0.predict_on_batch}, {}
for form, options in photo_forms.items():
    file = export_litert(lite0, FOLDER / f"lite0_{form}.tflite", **options)
    photo_programs[form] = load_litert(file, threads=1)
    photo_sizes[form] = file.stat().st_size

# %%
answers, dogs = {}, {}
for form, program in photo_programs.items():
    its = np.concatenate([program(picture[None]) for picture in asked])
    answers[form] = its.argmax(axis=1)
    dogs[form] = its[:, DOGS].max(axis=1) > its[:, CATS].max(axis=1)
photo_times = race(photo_programs, asked[:1])

# %% tags=["hide-input"]
rows, other_class, other_animal = [], {}, {}
for form in photo_programs:
    other_class[form] = POINTS * np.mean(answers[form] != answers["Keras"])
    other_animal[form] = POINTS * np.mean(dogs[form] != dogs["Keras"])
    size = f"{photo_sizes[form] / 1e6:.1f}" if form in photo_sizes else ""
    known = (
        "" if is_dog is None else f"{POINTS * np.mean(dogs[form] == is_dog):.1f}"
    )
    its = photo_times[form]
    spread = f"{np.median(its):.1f} ({min(its):.1f} to {max(its):.1f})"
    numbers = f"{other_class[form]:.1f}", f"{other_animal[form]:.1f}"
    rows.append([form, size, known, *numbers, spread])
head = [
    "form",
    "MB",
    "cat or dog right, %",
    "another class, %",
    "another animal, %",
]
as_table([*head, "ms for one photograph"], rows)

# %% tags=["hide-input"] alt="Five rows of blue dots for Keras and four forms of file on a logarithmic axis of milliseconds for one photograph, with an orange stroke for the median of each"
figure, axes = plt.subplots(figsize=(7.2, 2.4))
draw_race(axes, photo_times)
axes.set_xlabel("milliseconds for one photograph")
plt.show()

# %% [markdown]
# **Figure 16.7. The race again, with a large network.** Read it as Figure 16.6, and compare the two
# orders. The times belong to the computer that made this page.
#
# The file of int8 has 5.3 MB<!--claim:small_photo_int8_file--> instead of
# 18.6 MB<!--claim:small_photo_float32_file-->. Rounding is no longer free here. For
# 8.0 %<!--claim:small_photo_other_class--> of the photographs int8 names another of the 1,000
# classes than Keras does. If it has to choose between cat and dog, it changes its mind for only
# 0.5 %<!--claim:small_photo_int8_loss-->. So what you lose depends on what you ask. Count the
# changed answers to *your* question, since a published accuracy answers another one.
#
# In time, the lead of LiteRT over Keras is smaller than for digits: Keras takes
# 2.5 times<!--claim:small_photo_keras_to_litert--> as long as float32. The larger network has more
# arithmetic, beside which Keras' preparations weigh less, and Keras may use a second core for it.
# We have not separated the two. Now look at dynamic. For a digit it took
# 0.44 times<!--claim:small_dynamic_to_float32_time--> as long as float32, and here it takes
# 1.4 times<!--claim:small_photo_dynamic_to_float32_time-->. The two ratios need not agree, so
# measure the network that you will use.

# %% tags=["claims"]
parameters = lite0.count_params()
claim("small_photo_millions_of_bytes", 4 * parameters / 1e6, at_least=18.7)
claim("small_photo_times_as_large", parameters / total, at_least=44)
claim("small_photo_int8_file", photo_sizes["int8"] / 1e6, at_most=6)
claim("small_photo_float32_file", photo_sizes["float32"] / 1e6, at_least=18)
share = other_class["int8"] / POINTS
other = {"embedded": 0.6, "quick": 1, **PHOTO_DATA}
claim("small_photo_other_class", share, at_most=0.2, **other)
share = other_animal["int8"] / POINTS
other = {"embedded": 0.3, "quick": 1, **PHOTO_DATA}
claim("small_photo_int8_loss", share, at_most=0.05, **other)
claim("small_photo_not_free", other_class["int8"], at_least=1, quick=0)
fewer = other_class["int8"] / 2 - other_animal["int8"]
claim("small_photo_animals_change_less", fewer, at_least=0, quick=-POINTS)
claim("small_photo_float32_other_class", other_class["float32"], at_most=0.5)
ratio = times_as_long(photo_times, "Keras", "float32")
digit_ratio = times_as_long(one, "Keras", "float32")
claim("small_photo_keras_to_litert", ratio, at_most=digit_ratio / 1.5, quick=99)
claim("small_photo_litert_ms", np.median(photo_times["float32"]), at_most=200)
form = "int8" if QUICK else "dynamic"
ratio = times_as_long(photo_times, form, "float32")
claim("small_photo_dynamic_to_float32_time", ratio, at_most=20, quick=99)

# %% [markdown]
# ## The program is larger than the network
#
# Chapter 15 found that most of the memory belongs to the program and not to the network. So let us
# ask the operating system how much memory a fresh Python needs at most, if it opens our digit file
# with ONNX Runtime and answers once, and then the same for Keras.

# %%
DIGIT = "import sys, numpy as np; digit = np.zeros((1, 28, 28, 1), 'float32')\n"
with_onnx = """import onnxruntime
onnxruntime.InferenceSession(sys.argv[1]).run(None, {"images": digit})
"""
with_keras = """import keras
keras.models.load_model(sys.argv[1]).predict_on_batch(digit)
"""
ASK = {"ONNX Runtime": DIGIT + with_onnx, "Keras": DIGIT + with_keras}
net.save(FOLDER / "digits.keras")
network_files = {"ONNX Runtime": files["ONNX"], "Keras": FOLDER / "digits.keras"}

# %% tags=["setup"]
PEAK = """
for line in open("/proc/self/status"):  # how Linux tells of a process
    if line.startswith("VmHWM"):
        print(int(line.split()[1]) / 1000)
"""


def peak_megabytes(program, *arguments):
    command = [sys.executable, "-c", program + PEAK, *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(ended.stdout.split()[-1])


def seconds_and_peak(program, *arguments):
    start = time.perf_counter()
    peak = peak_megabytes(program, *arguments)
    return time.perf_counter() - start, peak


peaks = {}
if Path("/proc/self/status").is_file():
    peaks["Python alone"] = seconds_and_peak("")
    for name, program in ASK.items():
        if not (QUICK and name == "Keras"):  # its start takes long
            peaks[name] = seconds_and_peak(program, network_files[name])

# %%
rows = [[name, f"{it[1]:.0f}", f"{it[0]:.1f}"] for name, it in peaks.items()]
as_table(["program", "memory at most, MB", "seconds from start to answer"], rows)

# %% [markdown]
# Python alone is the first row (the table needs Linux). The whole process with ONNX Runtime takes
# 59 MB<!--claim:small_onnx_program_mb-->, and with Keras and TensorFlow
# 785 MB<!--claim:small_keras_program_mb-->, for a network of 0.4 MB. From the start to the answer
# Keras takes 33.2 times<!--claim:small_keras_start_to_onnx--> as long. So for a network as small as
# ours you gain far more memory by changing the program than by rounding the weights. On a telephone
# there is no Python either, and LiteRT alone is meant to be smaller still. We cannot measure that
# here, because our LiteRT is a part of TensorFlow.

# %% tags=["claims"]
if peaks:
    claim("small_onnx_program_mb", peaks["ONNX Runtime"][1], at_most=200)
    more = peaks["ONNX Runtime"][1] - peaks["Python alone"][1]
    claim("small_onnx_program_more_than_net", more, at_least=4)
if "Keras" in peaks:
    claim("small_keras_program_mb", peaks["Keras"][1], at_least=200)
    started = peaks["Keras"][0] / peaks["ONNX Runtime"][0]
    claim("small_keras_start_to_onnx", started, at_least=2)

# %% [markdown]
# ## And on a telephone?
#
# Nothing above was measured on a telephone, so it says little about yours. A telephone has fast and
# slow cores, often a chip for networks, and no fan. LiteRT comes with a program that measures on
# the device itself (Google, [LiteRT performance
# measurement](https://ai.google.dev/edge/litert/models/measurement)). With an Android telephone on
# a cable it is copied and started like this:
#
# ```
# adb push net.tflite benchmark_model /data/local/tmp
# adb shell chmod +x /data/local/tmp/benchmark_model
# adb shell /data/local/tmp/benchmark_model --graph=/data/local/tmp/net.tflite --num_threads=4
# ```
#
# It tells the time to open the file, the time of the first answers and of the later ones, and the
# memory. Write down the telephone and the number of threads. Measure float32 as well, or you will
# not know what int8 has brought. Go on for some minutes, since a warm telephone slows down. Give
# the median and the spread, as we did. And check the answers there, too, for a chip may round in
# its own way.
#
# What can one expect? Those who published EfficientNet-Lite0 measured it on a Pixel 4 of 2019, with
# four threads of its processor: 12 ms as float32, and 6.5 ms as int8. On ImageNet its top-1
# accuracy fell from 75.1 to 74.4 % (Google, 2020,
# [EfficientNet-Lite](https://github.com/tensorflow/tpu/blob/master/models/official/efficientnet/lite/README.md)).
# So there int8 was about twice as fast, for 0.7 points.
#
# ## Other ways to be small
#
# Instead of rounding weights one can leave some out, which is called **pruning**. The smallest
# weights of each layer are set to 0, because they change the sums least. If we do this to our
# network without training it again, half of the weights cost
# 1.1 points<!--claim:small_half_pruned_lost-->, and nine tenths cost
# 90 points<!--claim:small_most_pruned_lost-->. Han and others removed about nine tenths of
# AlexNet's weights without loss, but they went on training with those that were left (2015,
# [Learning both Weights and Connections for Efficient Neural
# Networks](https://arxiv.org/abs/1506.02626)). Zeros do not make an ordinary file smaller, unless
# it is compressed, nor an ordinary multiplication faster, so for speed one usually removes whole
# filters.


# %%
def prune(layer, share):
    kernel, *bias = layer.get_weights()
    cut = np.quantile(abs(kernel), share)
    layer.set_weights([np.where(abs(kernel) < cut, 0, kernel), *bias])


# %%
points_pruned = {}
for share in (0.5, 0.9):
    pruned = build_trained_digit_net()
    for name in ("conv1", "conv2", "conv3", "logits"):
        prune(pruned.get_layer(name), share)
    points_pruned[share] = to_points * (errors(ask(pruned)) - exactly)
print(
    "points lost:", {key: round(float(it), 2) for key, it in points_pruned.items()}
)

# %% [markdown]
# **Distillation** is the third way. A small network learns from the probabilities of a large one,
# and not from labels alone, since "a 7, but it could be a 1" says more than "a 7" (Hinton and
# others, 2015, [Distilling the Knowledge in a Neural Network](https://arxiv.org/abs/1503.02531)).
# And the best way is often the simplest, which is a smaller network to begin with (chapter 10).
# Rounding, pruning, distillation and a smaller network can be combined, and each must be measured.

# %% tags=["claims"]
claim("small_half_pruned_lost", float(points_pruned[0.5]), at_most=5, quick=20)
lost_most = float(points_pruned[0.9])
claim("small_most_pruned_lost", lost_most, at_least=10)

# %% [markdown]
# ## The network in this page
#
# The smallest computer for a network may be a web page. On the pages of this book the digit network
# runs in your browser, without any server. It is exported like the files above: the kernels are
# stored as float16, all the other numbers as float32, and the bytes are written as text, because a
# page that is opened from a disk may not load anything else. Four letters of such text carry three
# bytes.

# %%
content = b""
for layer in net.layers:
    for array in layer.get_weights():
        form = "float16" if array.ndim > 1 else "float32"  # kernels have more axes
        content += array.astype(form).tobytes()
text = base64.b64encode(content)
print(f"{len(content):,} bytes, {len(text):,} letters")

# %% [markdown]
# The kernels of this network were rounded to float16 once, when it came into the book, so the page
# answers with the very weights that you have rounded and raced in this chapter. It loads
# 283 kB<!--claim:small_page_kilobytes--> of text for this network, and a photograph is often
# larger. Int8 would halve this again, but then the page would have to know about rulers. Nobody
# notices the difference of 140 kB, so float16 is small enough here, and the simplest form that is
# small enough is the right one.
#
# Draw a digit below, and these very numbers answer.<!--live:digits-->

# %% tags=["claims"]
claim("small_page_kilobytes", len(text) / 1e3, at_most=300)
claim("small_page_kilobytes_at_least", len(text) / 1e3, at_least=270)

# %% [markdown]
# ## Break it on purpose
#
# The export can tell when calibration pictures are divided by 255 already, because then none of
# them has a pixel above 1. It cannot tell when they were taken at night. What does a file read by
# day, whose inner rulers were made for digits of four dark shades, 0 to 3? (The export adds one
# white pixel, so that the ruler of the input fits any picture.)

# %% tags=["nbval-check-output"]
try:
    export_litert(net, FOLDER / "scaled.tflite", int8_images=shown / 255)
except ValueError as error:
    print(error)

# %%
night = export_litert(net, FOLDER / "night.tflite", int8_images=shown // 64)
by_day = load_litert(night)(test_images)
print(f"{POINTS - to_points * errors(by_day):.1f} % right")

# %% [markdown]
# The file reads 96.6 %<!--claim:small_night_accuracy--> of the digits, and it gives no warning. The
# large values lie beyond its rulers and were cut off, so it misses
# 6 times<!--claim:small_night_errors--> as many digits as the file that was calibrated by day. So
# no file should leave the house before it has answered for pictures whose answers you know, on the
# device that will do the work.

# %% tags=["claims"]
night_right = 1 - errors(by_day) / len(by_day)
claim("small_night_accuracy", night_right, at_most=0.98)
times = errors(by_day) / errors(logits["int8"])
claim("small_night_errors", times, at_least=2, quick=1.5)

# %% [markdown]
# ## What you learned
#
# | word | what it means | where |
# |:--|:--|:--|
# | int8 | a whole number from −128 to 127, in one byte | `numpy.int8` |
# | quantisation | storing and computing with small whole numbers and a scale | `np.rint(weights / scale)` |
# | zero point | the whole number that stands for 0 | `quantise(values, scale, zero)` |
# | calibration data | typical pictures that show how large each map gets | `export_litert(..., int8_images=...)` |
# | LiteRT | a program for networks on telephones and other devices | `export_litert`, `load_litert` |
# | ONNX | a file format that many programs can open | `export_onnx`, `load_onnx` |
# | float16, dynamic, int8 | weights of two bytes; of one byte; maps of one byte as well | `export_litert(..., weights=...)` |
# | pruning | setting the weights to 0 that hardly matter | `np.where(abs(kernel) < cut, 0, kernel)` |
# | distillation | a small network learns the probabilities of a large one | |
#
# ## Exercises
#
# 1. *By hand.* The values of a map lie between −2.0 and 3.1. Which scale and which zero point does
#    it get, and how are 1.0 and 4.0 stored?
# 2. *By hand.* A network has 25.6 million parameters. How large is its file as float32, as float16
#    and as int8? Does the smallest one fit into 30 MB?
# 3. *Predict, then run.* Take `conv3` of `trained["small net", 1]`, and compress its kernel with
#    `len(zlib.compress(kernel.tobytes()))`: as float32 and as int8, before and after pruning nine
#    tenths of it. Which of the four gets smallest?
# 4. *Change it.* How small can a digit network get? Train `build_small_digit_net(filters=(4, 8,
#    16), dropout=0)` for an epoch, and export it as int8.
# 5. *Break it.* Multiply the first filter of `conv3` by 200, and make up for it in `norm3`: its
#    moving mean by 200, its moving variance by 40,000. In float32 the answers stay the same. Then
#    round `conv3` with `round_weights`. What happens with 8 bits, and one scale for the layer or
#    one for each filter? And why would a LiteRT file hardly notice your change?
# 6. *Predict, then run.* Calibrate the file of int8 with a single digit, and then with ten. How
#    many answers change, and which figure of this chapter could have told you?

# %% [markdown] tags=["solution"]
# 1. The span is 5.1 and has 255 steps, so the scale is 0.02. −2.0 must become −128, and it is −100
#    steps from 0, so the zero point is −28. Then 1.0 is stored as 50 − 28 = 22. 4.0 would be 172,
#    which is beyond the ruler, so it is cut off to 127 and comes back as 3.1.
# 2. 102.4 MB, 51.2 MB and 25.6 MB, so the smallest fits, with some room for scales and the
#    description of the layers.
# 3. Unrounded weights hardly compress, because their last digits look like chance. Pruned int8 is
#    smallest: most of its bytes are 0, so what is left is 5 %<!--claim:small_pruned_and_zipped-->
#    of the float32 kernel. Think of the accuracy, though.
# 4. It has 9.6 kB<!--claim:small_tiny_kilobytes--> and reads 97.8 %<!--claim:small_tiny_accuracy-->
#    of the digits. A larger part of the file is now the description of the layers.
# 5. With one scale for the layer, the other 127 filters have to make do with a ruler that is
#    180 times<!--claim:small_ruler_too_long--> too long in the median, so most of their weights
#    become 0. The network then misses 41 %<!--claim:small_outlier_shared--> of the digits. With a
#    scale for each filter it misses 0.6 %<!--claim:small_outlier_apart-->, as if nothing had
#    happened. The export multiplies the factors of `norm3` into the filters before it rounds, and
#    there your 200 is divided out again.
# 6. One digit changes 3<!--claim:small_calibrated_with_one--> answers of 10,000, and ten
#    change 1<!--claim:small_calibrated_with_ten-->. The largest value behind `relu3` is
#    0.70 times<!--claim:small_reach_of_one_digit--> as large for this one digit as for all 200, and
#    Figure 16.3 shows that 8 bits forgive a ruler of half the length (though it leaves the ruler of
#    the logits alone).

# %% tags=["solution"]
print("1.", quantise([1.0, 4.0], 0.02, zero=-28))
print("2.", [25.6e6 * it / 1e6 for it in (4, 2, 1)], "MB")
fresh = trained["small net", SEEDS[0]].get_layer("conv3").kernel.numpy()
pruned_filters = np.where(abs(fresh) < np.quantile(abs(fresh), 0.9), 0, fresh)
zipped = {}
for name, array in {"whole": fresh, "pruned": pruned_filters}.items():
    as_int8 = np.rint(array / abs(array).max(axis=(0, 1, 2)) * 127).astype("int8")
    for form, its in {"float32": array, "int8": as_int8}.items():
        zipped[name, form] = len(
            zlib.compress(np.ascontiguousarray(its).tobytes(), 9)
        )
        print("3.", name, form, f"{zipped[name, form]:,} bytes")
smallest = min(zipped, key=zipped.get) == ("pruned", "int8")
claim("small_pruned_int8_is_smallest", int(smallest), equals=1)
share = zipped["pruned", "int8"] / fresh.nbytes
claim("small_pruned_and_zipped", share, at_most=0.12)

# %% tags=["solution"]
keras.utils.set_random_seed(SEED)
tiny = build_small_digit_net(filters=(4, 8, 16), dropout=0)
tiny.compile(keras.optimizers.Adam(0.005), LOSS)
tiny.fit(images, labels, batch_size=64, verbose=0)
file = export_litert(tiny, FOLDER / "tiny.tflite", int8_images=shown)
tiny_right = 1 - errors(load_litert(file)(test_images)) / TESTS
print(f"4. {file.stat().st_size / 1e3:.1f} kB, {POINTS * tiny_right:.1f} % right")
outlier = {}
for each_filter in (False, True):
    broken = build_trained_digit_net()
    conv, norm = broken.get_layer("conv3"), broken.get_layer("norm3")
    kernel, *bias = conv.get_weights()
    gamma, beta, mean, variance = norm.get_weights()
    kernel[..., 0] *= 200
    tops = abs(kernel).max(axis=(0, 1, 2))
    mean[0], variance[0] = 200 * mean[0], 40_000 * variance[0]
    conv.set_weights([kernel, *bias])
    norm.set_weights([gamma, beta, mean, variance])
    round_weights(conv, 8, each_filter)
    outlier[each_filter] = errors(ask(broken)) / len(features)
print("5.", outlier)

# %% tags=["solution"]
sets = {"one": shown[:1], "ten": shown[:10]}
unlike = {}
for name, its in sets.items():
    file = export_litert(net, FOLDER / "few.tflite", int8_images=its)
    its = load_litert(file)(test_images).argmax(axis=1)
    unlike[name] = int((its != logits["Keras"].argmax(axis=1)).sum())
of_one = float(ask(body, shown[:1]).max() / reach)
print("6.", unlike, f"reach of one digit: {of_one:.2f} of that of all")

# %% tags=["claims"]
claim(
    "small_tiny_kilobytes",
    (FOLDER / "tiny.tflite").stat().st_size / 1e3,
    at_most=25,
)
claim(
    "small_tiny_accuracy", tiny_right, at_least=0.9, embedded=0.6, quick=0.3, **DATA
)
claim("small_ruler_too_long", float(tops[0] / np.median(tops)), at_least=100)
claim("small_outlier_shared", outlier[False], at_least=0.1)
claim("small_outlier_apart", outlier[True], at_most=0.02)
claim("small_calibrated_with_one", unlike["one"], at_most=50)
claim("small_calibrated_with_ten", unlike["ten"], at_most=50)
claim("small_reach_of_one_digit", of_one, at_least=0.3)
