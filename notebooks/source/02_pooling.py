# %% [markdown]
# # 2. Pooling
#
# A feature map says, to the pixel, where a filter has found its pattern. To read a digit or name
# an animal, does a network need to know it that exactly? And what does it cost to forget a little?
#
# Takes about 3 minutes<!--minutes:02_pooling--> on two CPU cores (quick: under 30 seconds); needs
# chapter 1, and the digits and photographs that come with the book.

# %% tags=["setup"]
import os

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras import layers

from cnnbook.arithmetic import convolve, count_parameters, output_size, pool, receptive_field
from cnnbook.book.claims import claim
from cnnbook.datasets.mnist import load_mnist
from cnnbook.datasets.photos import load_photo
from cnnbook.plots.gallery import plot_gallery

# %% tags=["setup"]
QUICK = "CNNBOOK_QUICK" in os.environ  # the short run: less data, every cell
WINDOW = 4  # pixels along each side, where we look at what is lost
KNOWN_DIGITS = 500 if QUICK else 2000  # digits that the nearest-neighbour reader remembers
MOVED_DIGITS = 200 if QUICK else 1000  # digits that we shift and let it read
TRAINING_DIGITS = 1000 if QUICK else 7500  # for the three small networks
EPOCHS = 2 if QUICK else 3
SEEDS = (0,) if QUICK else (0, 1, 2)  # each network is trained once a seed

# %% [markdown]
# ## A photograph with fewer values
#
# **Pooling** lays a window on the picture, keeps one number for it, and moves on. Below, a
# photograph is cut into windows of 2×2, 4×4 and 8×8 pixels, and of each window only the largest
# value survives. We draw that value over its whole window.

# %% tags=["hide-input"]
camera = load_photo("camera")[None].astype("float32")  # (1, 512, 512, 1)


def spread(pooled, window):
    return pooled.repeat(window, axis=1).repeat(window, axis=2)


remains = [camera[0]] + [spread(pool(camera, window), window)[0] for window in (2, 4, 8)]
figure = plot_gallery(
    np.array(remains) / 255,
    titles=["all values", "1 in 4", "1 in 16", "1 in 64"],
    inches=2.0,
    title="One value in 64 is enough to see a man with a camera",
)

# %% [markdown]
# What is where stays; the exact place and the fine texture go. We shall measure both.
#
# ## By hand
#
# Four rows of four numbers, ones but for four places. Windows of 2×2 that touch and do not overlap
# (the **stride**, the step from window to window, is 2 as well) give two rows of two. Which?

# %% tags=["nbval-check-output"]
grid = np.ones((4, 4), "float32")
grid[0, 3], grid[2, 0], grid[2, 3], grid[3, 1] = 4, 2, 5, 3
largest = np.zeros((2, 2))
for row in range(2):
    for column in range(2):
        window = grid[2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
        largest[row, column] = window.max()
print(grid, largest, sep="\n\n")

# %% [markdown]
# The upper left window holds nothing but ones, the upper right one a 4. That is **max pooling**;
# with `window.mean()` it would be **average pooling**. `cnnbook.arithmetic.pool` does both for a
# whole batch `(batch, height, width, channels)`.
#
# So does Keras, without any training: a layer is a function, and a model of one pooling layer a
# small calculating machine. Our grid lacks the batch and the channel axis;
# `expand_dims` puts them on, `squeeze` takes them off. In one dimension, `MaxPooling1D` wants
# `(batch, steps, channels)`. It takes the same grid for four series of four steps: four rows stay,
# and each row halves.

# %% tags=["nbval-check-output"]
batch = np.expand_dims(grid, (0, -1))  # (4, 4) -> (1, 4, 4, 1): one picture, one channel
series = np.expand_dims(grid, -1)  # (4, 4) -> (4, 4, 1): four series, one channel
plane, line = keras.Input((4, 4, 1)), keras.Input((4, 1))
machine_2d = keras.Model(plane, layers.MaxPooling2D(pool_size=2)(plane))
machine_1d = keras.Model(line, layers.MaxPooling1D(pool_size=2)(line))
by_max = machine_2d.predict(batch, verbose=0)
by_average = layers.AveragePooling2D(pool_size=2)(batch).numpy()  # without a model, too
print("2-D, maximum:", by_max.squeeze((0, -1)), sep="\n")
print("2-D, average:", by_average.squeeze((0, -1)), sep="\n")
print("1-D, maximum:", machine_1d.predict(series, verbose=0).squeeze(-1), sep="\n")
claim("pool_max_difference_to_keras", np.abs(pool(batch) - by_max).max(), equals=0)
difference = np.abs(pool(batch, mode="average") - by_average).max()
claim("pool_average_difference_to_keras", difference, equals=0)

# %% [markdown]
# ## Channels stay, and there are no parameters
#
# A convolution mixes all channels. Pooling keeps them apart: each is pooled as if it were alone, so
# depth in equals depth out. There is nothing to learn in a maximum or a mean, hence no parameters.
# Windows of 2×2 with stride 2 keep 25 %<!--claim:pool_share_kept--> of the values, so the layers
# behind have less to do, and they see farther: three 3×3 convolutions look at
# 7<!--claim:pool_field_without--> pixels along each axis, and at
# 18<!--claim:pool_field_with--> with a pooling layer after the first and the second.

# %% tags=["nbval-check-output"]
coffee = load_photo("coffee")[None].astype("float32")
layer = layers.MaxPooling2D(pool_size=2)
pooled = layer(coffee).numpy()
red_alone = layer(coffee[..., :1]).numpy()
print(coffee.shape, "->", pooled.shape)
print("red comes out the same alone:", np.array_equal(pooled[..., :1], red_alone))
claim("pool_parameters", layer.count_params(), equals=0)
claim("pool_share_kept", pooled.size / coffee.size, equals=0.25)
claim("pool_field_without", receptive_field([(3, 1), (3, 1), (3, 1)]), equals=7)
claim("pool_field_with", receptive_field([(3, 1), (2, 2), (3, 1), (2, 2), (3, 1)]), equals=18)

# %% [markdown]
# ## Maximum or average, and what is lost
#
# How well does the one value that is kept stand for its window? We pool the photograph, spread the
# result out again, and take the root of the mean squared difference. The average must win: no other
# number has a smaller squared distance to the values it replaces. The maximum is never below them,
# so it brightens the picture.
#
# But a network pools feature maps, and there the question is another one: has the filter found its
# pattern anywhere in here? A thin edge fills few pixels of a window. The maximum reports it at full
# strength; the average dilutes it with the nothing around.

# %%
edge_filter = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], "float32").reshape(3, 3, 1, 1)
edges = np.maximum(convolve(camera, edge_filter, padding="same"), 0)  # dark left, light right
losses = {}
for mode in ("average", "max"):
    back = spread(pool(camera, WINDOW, mode=mode), WINDOW)
    losses[mode] = np.sqrt(np.mean((back - camera) ** 2))
claim("pool_photo_loss_average", losses["average"], at_most=15)
claim("pool_photo_loss_max", losses["max"], at_least=25)
peaks, means = pool(edges, WINDOW), pool(edges, WINDOW, mode="average")
strong = peaks > np.quantile(peaks, 0.95)  # the twentieth of the windows with the strongest edges
claim("pool_edge_left_by_average", (means[strong] / peaks[strong]).mean(), at_most=0.5)

# %% tags=["hide-input"]
figure, cells = plt.subplots(2, 3, figsize=(8, 4.8), layout="constrained")
for row, maps in zip(cells, (camera, edges), strict=True):
    detail = maps[:, 56:216, 150:342]
    shown = [detail, pool(detail, WINDOW, mode="average"), pool(detail, WINDOW)]
    for cell, picture in zip(row, shown, strict=True):
        cell.imshow(picture[0], cmap="gray", vmin=0, vmax=detail.max())
        cell.axis("off")
for cell, name in zip(cells[0], ("all values", "average of 4×4", "maximum of 4×4"), strict=True):
    cell.set_title(name)
title = figure.suptitle("The average is truer to the photograph, the maximum to its edges")

# %% [markdown]
# The average is off by 14.1<!--claim:pool_photo_loss_average--> grey levels, the maximum by
# 27.8<!--claim:pool_photo_loss_max-->. On the edge map we asked for the peaks: where they are
# highest, the average leaves 36 %<!--claim:pool_edge_left_by_average--> of them, the maximum by its
# nature all. That is one reason why classifiers mostly take the maximum between their layers;
# trained networks, too, were better with it (Scherer, Müller & Behnke 2010, "Evaluation of Pooling
# Operations in Convolutional Architectures for Object Recognition",
# https://doi.org/10.1007/978-3-642-15825-4_10).
#
# ## Sizes
#
# A window of `F` pixels with stride `S` stops at `(W - F) / S + 1` places along an axis of `W`
# pixels: the formula of chapter 1 without padding. Where that is no whole number, Keras does not
# complain. With `padding="valid"`, the default, it rounds down and never looks at the pixels left
# over. With `padding="same"` it lets windows hang over the rim, which gives `W / S`, rounded up.
#
# In the second cell the largest value of a 5×5 map stands in its last corner, and "valid" misses
# it. `cnnbook.arithmetic.output_size` is stricter and tells you. Note what hangs over the rim under
# "same": no zeros, as around a convolution, but nothing. A zero would have won against every −9.

# %% tags=["nbval-check-output"]
print(" W  F  S  formula  valid  same")
for width, window, stride in ((28, 2, 2), (6, 3, 3), (7, 3, 2), (5, 2, 2), (6, 3, 2), (7, 2, 2)):
    image = keras.Input((width, width, 1))
    valid = layers.MaxPooling2D(window, stride)(image).shape[1]
    same = layers.MaxPooling2D(window, stride, padding="same")(image).shape[1]
    formula = (width - window) / stride + 1
    print(f"{width:2} {window:2} {stride:2} {formula:8} {valid:6} {same:5}")

# %% tags=["nbval-check-output"]
odd = np.full((1, 5, 5, 1), -9, "float32")
odd[0, 4, 4, 0] = -1
for padding in ("valid", "same"):
    print(padding, layers.MaxPooling2D(2, padding=padding)(odd).numpy().squeeze(), sep="\n")
try:
    output_size(5, kernel_size=2, strides=2)
except ValueError as error:
    print(error)

# %% [markdown]
# In the row `7 3 2` the windows **overlap**, since the stride is smaller, and a pixel where they
# meet can win more than once. AlexNet pools so; its authors report 0.4 points less error in the
# first guess (top-1) than with 2×2 and stride 2 (Krizhevsky, Sutskever & Hinton 2012, "ImageNet
# Classification with Deep Convolutional Neural Networks", section 3.4).
#
# ## What forgetting buys: small shifts
#
# Move the picture by a pixel, and every value of a feature map stands elsewhere. But a maximum that
# is still in its window comes out of the pooling unmoved. This is called invariance to small
# translations, and often promised in larger words than it deserves.
#
# Each digit is shifted to the right by 0 to 4 pixels. Four edge filters make its feature maps,
# which we keep whole, or reduce: by a stride (keep every second or fourth value, as a strided
# convolution would), by average, or by maximum. How far does the digit move from itself, where 1 is
# the distance to another digit? And does a reader who remembers unshifted digits still recognise
# it, by the nearest one in memory?

# %%
digits = load_mnist()  # we use its validation images: the test images wait for chapter 4
source = digits.source
lesson = digits.train_images[:TRAINING_DIGITS], digits.train_labels[:TRAINING_DIGITS]
turned = edge_filter.transpose(1, 0, 2, 3)
edge_filters = np.concatenate([edge_filter, -edge_filter, turned, -turned], axis=-1)


def edge_maps(images, shift=0):
    canvas = np.pad(images, ((0, 0), (5, 5), (5, 5), (0, 0))).astype("float32") / 255
    return np.maximum(convolve(np.roll(canvas, shift, axis=2), edge_filters), 0)


known = edge_maps(digits.train_images[:KNOWN_DIGITS])
moved = [edge_maps(digits.validation_images[:MOVED_DIGITS], shift) for shift in range(5)]
print(known.shape, "and, for each of 5 shifts,", moved[0].shape)

# %%
known_labels = digits.train_labels[:KNOWN_DIGITS]
moved_labels = digits.validation_labels[:MOVED_DIGITS]


def measure(reduce):
    """Return how far digits move, and how many are read, for each shift."""
    memory = reduce(known).reshape(len(known), -1)
    now = [reduce(maps).reshape(len(maps), -1) for maps in moved]
    between_digits = np.linalg.norm(now[0] - np.roll(now[0], 1, axis=0), axis=1).mean()
    change = [np.linalg.norm(each - now[0], axis=1).mean() / between_digits for each in now]
    nearest = [((memory**2).sum(axis=1) - 2 * each @ memory.T).argmin(axis=1) for each in now]
    accuracy = [np.mean(known_labels[found] == moved_labels) for found in nearest]
    return np.array(change), np.array(accuracy)


# %%
results = {("all values", 1): measure(lambda maps: maps)}
for window in (2, 4):
    results["stride", window] = measure(lambda maps, w=window: maps[:, ::w, ::w])
    results["average", window] = measure(lambda maps, w=window: pool(maps, w, mode="average"))
    results["max", window] = measure(lambda maps, w=window: pool(maps, w))
for (kind, window), (change, accuracy) in results.items():
    print(f"{kind:10} {window}  moved {change.round(2)}  read {accuracy.round(2)}")

# %% tags=["hide-input"]
styles = {"all values": "o:", "stride": "s--", "average": "^-.", "max": "D-"}
colors = {"all values": "black", "stride": "#E69F00", "average": "#0072B2", "max": "#D55E00"}
figure, panels = plt.subplots(2, 2, figsize=(9, 5.6), sharex=True, sharey="row", layout="tight")
for (upper, lower), window in zip(panels.T, (2, 4), strict=True):
    for kind, style in styles.items():
        change, accuracy = results[kind, 1 if kind == "all values" else window]
        upper.plot(change, style, color=colors[kind], label=kind)
        lower.plot(accuracy, style, color=colors[kind], label=kind)
    upper.set_title(f"windows of {window}×{window}")
    lower.set(xlabel="shift (pixels)", xticks=range(5))
panels[0, 0].set_ylabel("distance moved\n(1: another digit)")
panels[1, 0].set_ylabel("share read correctly")
panels[0, 0].legend()
title = figure.suptitle("Pooling softens a shift of a pixel or two; a stride does not")

# %% tags=["claims"]
moved_by, read = ({key: pair[i] for key, pair in results.items()} for i in (0, 1))  # by shift
claim("pool_moved_all_values", moved_by["all values", 1][1], at_least=0.5, source=source)
claim("pool_moved_stride4", moved_by["stride", 4][1], at_least=0.5, source=source)
claim("pool_moved_max2", moved_by["max", 2][1], at_most=0.53, source=source)
claim("pool_moved_max4", moved_by["max", 4][1], at_most=0.46, source=source)
claim("pool_moved_average4", moved_by["average", 4][1], at_most=0.46, source=source)
claim("pool_read_all_values_unmoved", read["all values", 1][0], at_least=0.75, source=source)
claim("pool_read_max4_unmoved", read["max", 4][0], at_least=0.82, source=source)
claim("pool_read_all_values", read["all values", 1][2], at_most=0.65, source=source)
claim("pool_read_max2", read["max", 2][2], at_least=0.55, source=source)
claim("pool_read_max4", read["max", 4][2], at_least=0.7, source=source)

# %% [markdown]
# One pixel moves the whole maps 0.59<!--claim:pool_moved_all_values--> of the way to another digit.
# A 2×2 maximum makes that 0.48<!--claim:pool_moved_max2-->, a 4×4 one
# 0.40<!--claim:pool_moved_max4-->, a 4×4 average 0.38<!--claim:pool_moved_average4-->. A stride of
# 4, with 0.58<!--claim:pool_moved_stride4-->, hardly helps: it drops values unseen. A shift of two
# pixels brings the reader of whole maps from 90 %<!--claim:pool_read_all_values_unmoved--> down to
# 55 %<!--claim:pool_read_all_values-->. After the 4×4 maximum it falls from
# 93 %<!--claim:pool_read_max4_unmoved--> to 82 %<!--claim:pool_read_max4-->, after the 2×2 one to
# 67 %<!--claim:pool_read_max2-->. So the promise holds within its bounds: the help is real and
# partial, and larger windows help longer; but four pixels move even the 4×4 maxima as far as
# another digit lies.
#
# ## The gradient: the winner takes it
#
# Nudge the largest value of a window, and the output follows; nudge another, and nothing happens.
# So in training the winner gets the whole gradient and the others none, while the average hands
# each of its four a quarter.
#
# In the upper left window four ones tie. Mathematics leaves open who wins; here it is the first.
# By hand, in the second cell, we let those who tie share, as `tf.reduce_max` does: the same values,
# another gradient. It matters little: in a network most ties are windows of zeros behind a ReLU,
# which stops their gradient anyway.

# %%
pixels = tf.Variable(batch)
gradients = {}
for mode, layer in (("max", layers.MaxPooling2D(2)), ("average", layers.AveragePooling2D(2))):
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(pixels))
    gradients[mode] = tape.gradient(total, pixels).numpy()
    print(gradients[mode].squeeze((0, -1)))
claim("pool_gradient_total_max", gradients["max"].sum(), equals=4)
claim("pool_gradient_total_average", gradients["average"].sum(), equals=4)

# %% tags=["nbval-check-output"]
winners = (batch == spread(by_max, 2)).astype("float32")
by_hand = winners / spread(4 * pool(winners, mode="average"), 2)  # divided by how many tie
with tf.GradientTape() as tape:
    total = tf.reduce_sum(tf.reduce_max(tf.reshape(pixels, (2, 2, 2, 2)), axis=(1, 3)))
shared = tape.gradient(total, pixels).numpy()
print(by_hand.squeeze((0, -1)))
claim("pool_gradient_shared_difference", np.abs(by_hand - shared).max(), equals=0)

# %% [markdown]
# ## The alternative: a convolution with a stride
#
# A convolution with stride 2 shrinks its own map. Either the convolution we have takes the stride
# and computes only every second place ("skipping"), or a further layer stands where the pooling
# stood and *learns* how to sum up a window, for a price in parameters ("learning"; Springenberg et
# al. 2014, "Striving for Simplicity: The All Convolutional Net", https://arxiv.org/abs/1412.6806).
# We train three small networks, alike but for this.


# %%
def build_net(shrink_by):
    images = keras.Input((28, 28, 1))
    x = layers.Rescaling(1 / 255)(images)
    for filters in (16, 32):
        stride = 2 if shrink_by == "skipping" else 1
        x = layers.Conv2D(filters, 3, stride, padding="same", activation="relu")(x)
        if shrink_by == "max pooling":
            x = layers.MaxPooling2D(2)(x)
        elif shrink_by == "learning":
            x = layers.Conv2D(filters, 2, strides=2, activation="relu")(x)
    return keras.Model(images, layers.Dense(10)(layers.Flatten()(x)))


claim("pool_net_parameters_max", build_net("max pooling").count_params(), equals=20_490)
claim("pool_net_parameters_learning", build_net("learning").count_params(), equals=25_658)


# %%
def accuracy_after_training(shrink_by, seed):
    keras.utils.set_random_seed(seed)
    net = build_net(shrink_by)
    net.compile("adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    net.fit(*lesson, batch_size=32, epochs=EPOCHS, verbose=0)
    logits = net.predict(digits.validation_images, verbose=0)
    return np.mean(logits.argmax(axis=1) == digits.validation_labels)


# %%
scores = {}
for shrink_by in ("max pooling", "learning", "skipping"):
    scores[shrink_by] = np.array([accuracy_after_training(shrink_by, seed) for seed in SEEDS])
    print(f"{shrink_by:12} accuracy for each seed {scores[shrink_by].round(3)}")
pooling, learning, skipping = (each.mean() for each in scores.values())
bounds = {"quick": 0.7, "source": source}
claim("pool_accuracy_max", pooling, at_least=0.94, embedded=0.94, **bounds)
claim("pool_accuracy_learning", learning, at_least=0.94, embedded=0.94, **bounds)
claim("pool_accuracy_skipping", skipping, at_least=0.91, embedded=0.91, **bounds)
gain = pooling - skipping  # after the few steps of a quick run it may be less than nothing
claim("pool_gain_over_skipping", gain, at_least=0.01, embedded=0.01, quick=-0.1, source=source)

# %% [markdown]
# On average over the seeds, 95.5 %<!--claim:pool_accuracy_max--> of the validation digits are right
# with pooling, 95.2 %<!--claim:pool_accuracy_learning--> with learning, and
# 92.9 %<!--claim:pool_accuracy_skipping--> with skipping. The first two differ no more than seeds
# do, but pooling has 20,490<!--claim:pool_net_parameters_max--> parameters and learning
# 25,658<!--claim:pool_net_parameters_learning-->. Skipping computes least; ResNets shrink most of
# their maps so.
#
# ## One number a channel
#
# Let the window cover the whole map, and each channel becomes one number: **global average
# pooling** (Lin, Chen & Yan 2013, "Network In Network", https://arxiv.org/abs/1312.4400). It takes
# pictures of any size, and saves parameters in front of the last layer: with 64 maps of 7×7,
# `Flatten` and ten outputs need 31,370<!--claim:pool_flatten_head_parameters-->, global pooling and
# ten outputs 650<!--claim:pool_global_head_parameters-->.

# %%
whole = layers.GlobalAveragePooling2D()
for name in ("cat", "coffee"):
    photo = load_photo(name)[None].astype("float32")
    means = whole(photo).numpy()
    print(photo.shape, "->", means.shape, np.allclose(means, photo.mean(axis=(1, 2)), rtol=1e-3))
claim("pool_flatten_head_parameters", count_parameters(7 * 7 * 64, 10), equals=31_370)
claim("pool_global_head_parameters", count_parameters(64, 10), equals=650)
change, accuracy = measure(lambda maps: maps.mean(axis=(1, 2)))
claim("pool_moved_global", change.max(), at_most=1e-3, source=source)
claim("pool_read_global", accuracy[0], at_most=0.5, source=source)

# %% [markdown]
# A shift now moves a digit by nothing but rounding. But all that is left of it are four numbers,
# how much edge there is in each direction, and the reader gets 37 %<!--claim:pool_read_global-->
# right. The goal is to forget *only* what does not matter: networks pool globally at the end, over
# hundreds of maps that have found parts and not just edges.
#
# ## Break it on purpose
#
# Leave axes out, and Keras counts them. Pool until nothing is left (28, 14, 7, then 3, with a row
# and a column lost, then 1), and `pool` says why it cannot go on. Pool with too large a window, and
# no error comes at all, only a digit that nobody reads.

# %%
try:
    layers.MaxPooling2D(2, name="pooling")(grid)  # no batch, no channels
except ValueError as error:
    print(error)
maps = digits.validation_images[:1]
try:
    while True:
        maps = pool(maps)
except ValueError as error:
    print(error)

# %% tags=["hide-input"]
windows = (1, 2, 4, 7)
pooled = [spread(pool(digits.validation_images[:3], window), window) for window in windows]
figure = plot_gallery(
    np.stack(pooled, axis=1).reshape(-1, 28, 28),  # digit by digit
    titles=[f"{window}×{window}" for window in windows] * 3,
    columns=len(windows),
    title="Small windows keep a digit, large ones leave a blot",
)

# %% [markdown]
# ## What you saw
#
# - Pooling keeps one number a window: no parameters, channels apart, one value in four at 2×2.
# - The maximum keeps what a filter has found, the average what a picture looks like; the gradient
#   goes to the winner, or to all alike.
# - It makes small shifts matter less, by a measured, moderate amount; a stride alone does not.
#
# ## Exercises
#
# 1. AlexNet's first convolution has 11×11 filters and stride 4 on 227 pixels (the paper says 224,
#    which does not fit); three poolings of 3×3 with stride 2 follow (the convolutions between keep
#    the size). Which sizes does the map take?
# 2. Keras has no layer for the minimum. Make one out of `MaxPooling2D`.
# 3. Is pooling 2×2 twice the same as pooling 4×4 once, for the maximum, and for the average?
# 4. Zhang (2019), "Making Convolutional Networks Shift-Invariant Again",
#    https://arxiv.org/abs/1904.11486, takes the maximum at stride 1, blurs, and only then drops
#    every second value. How far does a shift of one pixel move a digit then?
#
# ## Solutions
#
# 1: 55, 27, 13, 6.

# %% tags=["solution", "nbval-check-output"]
sizes = [output_size(227, kernel_size=11, strides=4)]
for _ in range(3):
    sizes.append(output_size(sizes[-1], kernel_size=3, strides=2))
print(sizes)
claim("pool_alexnet_last_map", sizes[-1], equals=6)

# %% [markdown]
# 2: The smallest value is the largest one of the negated picture, negated back.
#
# 3: Yes for both, without padding, whatever the size: both ways leave the same pixels over. The
# largest of the largest is the largest, and the mean of means is the mean, because all windows are
# equally large.

# %% tags=["solution", "nbval-check-output"]
smallest = -layers.MaxPooling2D(2)(-batch).numpy()
by_numpy = batch.reshape(2, 2, 2, 2).min(axis=(1, 3))
print("2:", np.array_equal(smallest.squeeze((0, -1)), by_numpy))

# %% tags=["solution", "nbval-check-output"]
for mode in ("max", "average"):
    twice = pool(pool(camera, 2, mode=mode), 2, mode=mode)
    print("3:", mode, np.allclose(twice, pool(camera, 4, mode=mode)))

# %% [markdown]
# 4: By 0.40<!--claim:pool_moved_blurred-->, where the plain 2×2 maximum lets it move by
# 0.48<!--claim:pool_moved_max2-->.

# %% tags=["solution"]
blur = np.outer([1, 2, 1], [1, 2, 1]).reshape(3, 3, 1, 1).astype("float32") / 16


def blurred_max(maps):
    dense = pool(maps, pool_size=2, strides=1)
    channels = [convolve(dense[..., [c]], blur, strides=2, padding="same") for c in range(4)]
    return np.concatenate(channels, axis=-1)


change, accuracy = measure(blurred_max)
print("moved", change.round(2), " read", accuracy.round(2))
claim("pool_moved_blurred", change[1], at_most=0.45, source=source)
