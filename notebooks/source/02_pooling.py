# %% [markdown]
# # 2. Pooling
#
# You see a friend at the far end of a long street. Her face covers so small a part
# of your eye that you can make out neither her eyelashes nor the pattern of her
# scarf, and still you know at once who she is. Most of what you would see from
# nearby is not needed for that. But which part is needed, and which may be thrown
# away?
#
# A network faces the same question after each convolution. Its feature maps say to
# the pixel where a pattern was found, which is more than anyone needs in order to
# tell a 4 from a 9. So networks throw most of these numbers away.
#
# At the end of this chapter you can shrink a map by hand, predict the size of what
# comes out, and say what survives when a picture moves a little. You will also have
# let four networks compete that differ in how they shrink their maps.
#
# Takes about 14 minutes<!--minutes:02_pooling--> on two CPU cores (quick: under 30
# seconds); needs chapter 1, and the digits and photographs that come with the book.

# %% tags=["setup"]
import os

import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers
from matplotlib.colors import ListedColormap

from cnnbook.arithmetic import (
    convolve,
    count_parameters,
    output_size,
    pool,
    receptive_field,
)
from cnnbook.book.claims import claim
from cnnbook.datasets.mnist import load_mnist
from cnnbook.datasets.photos import load_photo
from cnnbook.plots.book_style import use_book_style

# %% tags=["setup"]
QUICK = "CNNBOOK_QUICK" in os.environ  # the short run: less data, every cell
KNOWN_DIGITS = 500 if QUICK else 2_000  # what the reader of shifted digits knows
MOVED_DIGITS = 200 if QUICK else 1_000  # digits that we shift and let it read
LESSONS = 1_000 if QUICK else 7_500  # digits that each network learns from
PASSES = 2 if QUICK else 40  # at most so many times does it go through them
STEP_SIZES = (0.004,) if QUICK else (0.002, 0.004, 0.008, 0.016, 0.032)
SEEDS = (1,) if QUICK else (1, 2, 3)  # each network runs once a seed
SHADE_OF = {"pixels": "0.6", "convolution": "C0", "pooling": "C1"}
SHADES = ListedColormap(["#cfe3f1", "#fbdcc8", "#cfe9e0", "#e4e4e4"])  # of windows
SOBEL = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], "float32")  # of chapter 1
use_book_style()

# %% [markdown]
# ## A photograph with fewer values
#
# How would you make do with fewer pixels? The simplest way is to keep every second
# one along each axis and to skip the rest. But a thin line may happen to run
# through the pixels that are skipped, and then it disappears without a trace.
#
# Newspapers have a better way. There are thermometers in every village, but the
# weather map has room for only one number in each county, and so it prints the
# highest temperature that was measured anywhere in the county, or perhaps the mean
# of all. Either way you learn how warm it was around there, but no longer in which
# village.
#
# We can treat a photograph in the same way. We cut it into square windows, which
# are our counties, and let one number speak for all the pixels of a window. Let
# this be the largest one for now.

# %% tags=["hide-input"] alt="A vertical line on 12×12 pixels; the same without every second pixel, empty; and with maxima, where the line is there and wider."
thin = np.zeros((1, 12, 12, 1))
thin[0, 1:11, 7] = 1
shown = {"all values": thin, "every second value": thin[:, ::2, ::2]}
shown["largest of each window"] = pool(thin, 2)
figure, row = plt.subplots(1, 3, figsize=(7.2, 2.3))
for axes, (title, picture) in zip(row, shown.items(), strict=True):
    axes.pcolormesh(
        picture[0, ..., 0], cmap="gray_r", edgecolors="0.8", linewidth=0.5
    )
    axes.set(title=title, aspect="equal", anchor="W")
    axes.axis("off")
plt.show()

# %% [markdown]
# **Figure 2.1. A thin line.** On the left it is one pixel wide. If we keep every
# second pixel along each axis, the line is gone, because it stood between those
# that we kept. On the right each number is the largest of a window of 2×2, and the
# line is still there.
#
# Next we do the same to a photograph, and draw each number over its whole window.

# %% tags=["hide-input"] alt="The head of a man with a camera, four times, with ever larger squares of a single grey."
camera = load_photo("camera")[None].astype("float32")  # one grey picture, 512×512
detail = camera[:, 48:208, 144:304]
figure, row = plt.subplots(1, 4, figsize=(7.2, 2.05), dpi=72)
for axes, window in zip(row, (1, 2, 4, 8), strict=True):
    axes.imshow(pool(detail, window)[0], cmap="gray", vmin=0, vmax=255)
    axes.set_title("all values" if window == 1 else f"1 in {window**2}")
    axes.axis("off")
plt.show()

# %% [markdown]
# **Figure 2.2. One value for each window.** Part of a photograph, 160 pixels wide,
# and the same part with the largest value of each window of 2×2, 4×4 and 8×8
# pixels. Even with one value in 64 you can still tell the dark hair, the face and
# the white collar.
#
# Making a picture or a map smaller is called **downsampling**. What stood on the
# left is still on the left, but the exact places are lost, and so is the texture.
# Whether that is a pity or a relief depends on what we want to know.
#
# ## One number for each window, by hand
#
# To see exactly what happens, four rows of four numbers are enough. They are all
# ones, except for a 2, a 3, a 4 and a 5. We cut them into four windows of 2×2 and
# let the largest number speak for each window. Which four numbers will be left?

# %% tags=["nbval-check-output"]
grid = np.ones((4, 4), "float32")
grid[0, 3], grid[2, 0], grid[2, 3], grid[3, 1] = 4, 2, 5, 3
print(grid)

# %% [markdown]
# The upper left window holds nothing but ones, so its largest value is 1. In the
# upper right window there is a 4, and it wins. Below, the 3 wins against the 2,
# while the 5 has no rival. So we keep 1 and 4 in the upper row, and 3 and 5 in the
# lower one.
#
# Replacing each window by one number is called **pooling**, and taking the largest
# is **max pooling**. If we take the mean instead, it is **average pooling**, which
# makes (1 + 4 + 1 + 1) / 4 = 1.75 of the upper right window. As with a convolution,
# the *stride* says how far it is from one window to the next. Here it is 2, as
# large as the window, so that the windows touch without overlapping.


# %%
def summarise(grid, of_window):
    rows, columns = grid.shape[0] // 2, grid.shape[1] // 2
    answers = np.zeros((rows, columns))
    for row in range(rows):
        for column in range(columns):
            window = grid[2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
            answers[row, column] = of_window(window)
    return answers


# %% tags=["nbval-check-output"]
print("largest:", summarise(grid, np.max), sep="\n")
print("mean:", summarise(grid, np.mean), sep="\n")

# %% tags=["hide-input"] alt="A grid of 4×4 numbers in four colours, and two grids of 2×2 numbers in the same colours."
shown = {"a map of 4×4": grid, "max pooling": summarise(grid, np.max)}
shown["average pooling"] = summarise(grid, np.mean)
figure, axes = plt.subplots(figsize=(7.2, 2.5))
for left, (title, values) in zip((0, 5.5, 9), shown.items(), strict=True):
    size = len(values)
    of_windows = np.kron([[0, 1], [2, 3]], np.ones((size // 2, size // 2)))
    edges = np.arange(size + 1)
    look = {"cmap": SHADES, "edgecolors": "white", "linewidth": 2}
    axes.pcolormesh(edges + left, edges, of_windows, **look)
    axes.text(left, -0.25, title, weight="bold")
    for (down, right), value in np.ndenumerate(values):
        wins = value in (3, 4, 5) and title != "average pooling"
        look = {"ha": "center", "va": "center", "fontsize": 14}
        look["weight"] = "bold" if wins else "normal"
        axes.text(left + right + 0.5, down + 0.5, f"{value:g}", **look)
axes.set(aspect="equal", xlim=(0, 12), ylim=(4.05, -0.7))
axes.axis("off")
plt.show()

# %% [markdown]
# **Figure 2.3. Pooling by hand.** Each colour is one window of 2×2 on the left, and
# the one number that speaks for it on the right. The winners are bold. The maximum
# is always a number of the window itself, while the mean is usually one that was
# not there before.
#
# ## Keras as a calculating machine
#
# Keras has pooling among its layers. Such a layer needs no training at all, because
# it is simply a function. A network that consists of nothing else is a small
# calculating machine, into which we can feed our sixteen numbers.
#
# There is one obstacle. Keras expects a whole pile of pictures, each with its
# channels, so the shape has to be `(pictures, height, width, channels)`, whereas
# our grid has only a height and a width. `expand_dims` puts in an axis of length 1
# wherever we want one, and afterwards `squeeze` takes such axes out again. The
# method `predict` asks a network for its answer.


# %% tags=["nbval-check-output"]
def answer_of(layer, values):
    entrance = keras.Input(values.shape[1:])
    machine = keras.Model(entrance, layer(entrance))
    return machine.predict(values, verbose=0)


pictures = np.expand_dims(grid, (0, -1))  # one picture, one channel
by_keras = answer_of(layers.MaxPooling2D(pool_size=2), pictures)
print(grid.shape, "->", pictures.shape, "->", by_keras.shape)
print(by_keras.squeeze())

# %% [markdown]
# These are the four numbers that we found by hand. For the means, write
# `AveragePooling2D` instead. And if you only want to try out a layer, you need no
# network: `layers.MaxPooling2D(2)(pictures)` gives the same numbers.
#
# There is also a version for series, for example for a sound or for the
# temperatures of a day. `MaxPooling1D` pools along a single axis, and it wants the
# shape `(series, steps, channels)`. To this layer, our grid looks like four series
# of four steps each. What will it make of the last row, which is 1 3 1 1?

# %% tags=["nbval-check-output"]
series = np.expand_dims(grid, -1)  # four series, one channel
series_by_keras = answer_of(layers.MaxPooling1D(pool_size=2), series)
print(series_by_keras.squeeze(-1))

# %% [markdown]
# All four rows stay, and each has become half as long. The last one is now 3 1.

# %% tags=["claims"]
claim(
    "pool_max_difference_to_keras",
    np.abs(pool(pictures) - by_keras).max(),
    equals=0,
)
by_layer = layers.AveragePooling2D(pool_size=2)(pictures).numpy()
by_function = pool(pictures, mode="average")
claim(
    "pool_average_difference_to_keras",
    np.abs(by_function - by_layer).max(),
    equals=0,
)
by_hand = grid.reshape(4, 2, 2).max(axis=2)
difference = np.abs(by_hand - series_by_keras.squeeze(-1)).max()
claim("pool_series_difference_to_keras", difference, equals=0)

# %% [markdown]
# ## Channels stay, and there is nothing to learn
#
# A convolution mixes all channels of its input, as you know from chapter 1. Pooling
# does not: it treats each channel as if it were alone, so that as many come out as
# went in. So the red channel of a photograph has to come out the same with or
# without company.

# %% tags=["nbval-check-output"]
coffee = load_photo("coffee")[None].astype("float32")
layer = layers.MaxPooling2D(pool_size=2)
pooled = layer(coffee).numpy()
red_alone = layer(coffee[..., :1]).numpy()
print(coffee.shape, "->", pooled.shape, "with", layer.count_params(), "parameters")
print("red comes out the same alone:", np.array_equal(pooled[..., :1], red_alone))

# %% [markdown]
# The layer has no parameters, because there is nothing about a maximum that one
# could learn. The depth stays as well, so that 16 maps of 28×28 become 16 maps of
# 14×14. Windows of 2×2 with a stride of 2 keep 25 %<!--claim:pool_share_kept--> of
# the values, so the next convolution has only a quarter of the places to visit, and
# a quarter of the multiply-adds to do.
#
# There is a second effect. Behind a pooling layer, two neighbouring values stand
# for places that are two pixels apart. A kernel of 3×3 still covers three of them
# along each axis, but these three now stand for six values of the map before. So
# the *receptive field*, which is the part of the picture that one value depends on,
# grows faster.
#
# We can count it along one axis. Each layer adds its window less one, times the
# distance between its inputs in the picture. The first convolution sees 3 pixels.
# The pooling adds 1, which makes 4, and from now on neighbours are 2 pixels apart.
# Therefore the next convolution adds 2 · 2, which makes 8. The second pooling adds
# 1 · 2, the distance becomes 4, and the last convolution adds 2 · 4.
# `receptive_field` of `cnnbook.arithmetic` does the same sum.

# %% tags=["nbval-check-output"]
convolution, pooling = (3, 1), (2, 2)  # the window and the stride of each layer
plain = [convolution, convolution, convolution]
with_pooling = [convolution, pooling, convolution, pooling, convolution]
print([receptive_field(plain[:depth]) for depth in (1, 2, 3)])
print([receptive_field(with_pooling[:depth]) for depth in (1, 2, 3, 4, 5)])

# %% tags=["hide-input"] alt="Two pyramids of cells. The left one is 7 cells wide at its base, the right one 18."
ROWS = {"without pooling": [("pixels", 7, 1)], "with pooling": [("pixels", 18, 1)]}
ROWS["without pooling"] += [("convolution", count, 1) for count in (5, 3, 1)]
ROWS["with pooling"] += [("convolution", 16, 1), ("pooling", 8, 2)]
ROWS["with pooling"] += [
    ("convolution", 6, 2),
    ("pooling", 3, 4),
    ("convolution", 1, 4),
]
figure, pair = plt.subplots(1, 2, figsize=(7.2, 2.4), width_ratios=(7, 18))
for axes, (title, rows) in zip(pair, ROWS.items(), strict=True):
    for height, (name, count, width) in enumerate(rows):
        starts = (np.arange(count) - count / 2) * width
        cells = [(start + 0.06, width - 0.12) for start in starts]
        axes.broken_barh(cells, (height - 0.36, 0.72), facecolor=SHADE_OF[name])
    axes.set_yticks(range(len(rows)), [name for name, _, _ in rows])
    axes.set(title=f"{title}: {rows[0][1]} pixels", ylim=(-0.5, 5.5), xticks=[])
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
plt.show()

# %% [markdown]
# **Figure 2.4. How far one value looks.** The single value at the top depends on
# all the cells below it, and so in the end on the pixels of the bottom row. Where
# cells are wide, neighbours stand for places that are far apart. Three convolutions
# alone reach 7<!--claim:pool_field_without--> pixels along each axis, and with two
# pooling layers between them they reach 18<!--claim:pool_field_with-->.

# %% tags=["claims"]
claim("pool_parameters", layer.count_params(), equals=0)
claim("pool_share_kept", pooled.size / coffee.size, equals=0.25)
claim("pool_field_without", receptive_field(plain), equals=7)
claim("pool_field_with", receptive_field(with_pooling), equals=18)

# %% [markdown]
# ## Which size comes out?
#
# A window of K pixels that moves by S pixels at a time stops at
#
# > (W − K) / S + 1
#
# places along a row of W pixels. This is the formula of chapter 1 without padding:
# the room to move, divided by the length of a step, and one more for the place
# where the window starts. For example, a map that is 28 pixels wide, with windows
# of 2 and a stride of 2, becomes (28 − 2) / 2 + 1 = 14 wide.
#
# But what if the steps do not fit? With five pixels and windows of 2, the formula
# says 2.5. Keras does not complain about it, and what it does depends on `padding`:


# %% tags=["nbval-check-output"]
def keras_size(width, window, stride, padding):
    picture = keras.Input((width, width, 1))
    return layers.MaxPooling2D(window, stride, padding=padding)(picture).shape[1]


print(" W  K  S  formula  valid  same")
for width, window, stride in ((28, 2, 2), (6, 3, 3), (7, 3, 2), (5, 2, 2)):
    sizes = [keras_size(width, window, stride, way) for way in ("valid", "same")]
    formula = (width - window) / stride + 1
    print(f"{width:2} {window:2} {stride:2} {formula:8} {sizes[0]:6} {sizes[1]:5}")

# %% tags=["hide-input"] alt="Three rows of pixels, with bars below them that mark the places of the windows."
CASES = {"windows of 3, stride 2:\nthey overlap": (7, 3, (0, 2, 4))}
CASES["windows of 2, valid:\na pixel is never seen"] = (5, 2, (0, 2))
CASES["windows of 2, same:\nthe last one hangs over"] = (5, 2, (0, 2, 4))
figure, row = plt.subplots(1, 3, figsize=(7.2, 1.6), width_ratios=(7, 6, 6))
for axes, (title, (width, window, starts)) in zip(row, CASES.items(), strict=True):
    seen = {start + place for start in starts for place in range(window)}
    for pixel in range(width):
        color = "C0" if pixel in seen else "white"
        axes.bar(pixel + 0.5, 0.9, 0.9, color=color, edgecolor="0.4")
    for number, start in enumerate(starts):
        axes.barh(
            -0.35 - 0.35 * number, window - 0.2, 0.22, start + 0.1, color="C1"
        )
    axes.set(title=title, xlim=(-0.2, max(width, 6) + 0.2), ylim=(-1.4, 1))
    axes.axis("off")
plt.show()

# %% [markdown]
# **Figure 2.5. Where windows stop.** The squares are the pixels of one row, and
# each orange bar is a place of the window. In the middle, the last pixel (white)
# lies in no window, so its value cannot matter. On the right, the last window hangs
# over the rim.
#
# With `"valid"`, which is the default, Keras rounds down and never looks at the pixels that are
# left over. A network may lose the last row of every map in this way, without a word, so compute
# its sizes once by hand. With `"same"` windows may hang over the rim, at the end or at both ends,
# and W / S values come out, rounded up.
#
# In the picture on the left the windows overlap, because the stride is smaller than
# the window. *AlexNet*, the network that won the ImageNet contest of 2012, pools
# like this. Its authors report 0.4 points fewer errors in the first guess than with
# windows of 2×2 (Krizhevsky, Sutskever and Hinton 2012, [ImageNet Classification
# with Deep Convolutional Neural
# Networks](https://papers.nips.cc/paper/4824-imagenet-classification-with-deep-convolutional-neural-networks),
# section 3.4).
#
# ## Maximum or average: which is truer?
#
# How well does one number stand for sixteen? We pool in windows of 4×4 with `pool`,
# the book's own function for what we did by hand, draw each number over its whole
# window again, and ask how far the result is from what was there. In one number: we
# square all the differences, take their mean, and then the root. We do this for the
# photograph and for the edge map that Sobel's kernel makes of it.

# %%
edges = np.maximum(convolve(camera, SOBEL[:, :, None, None], padding="same"), 0)


def off_by(maps, mode):
    pooled = pool(maps, 4, mode=mode)
    drawn_again = pooled.repeat(4, axis=1).repeat(4, axis=2)
    return np.sqrt(np.mean((drawn_again - maps) ** 2))


for mode in ("average", "max"):
    photo_off, edges_off = off_by(camera, mode), off_by(edges, mode)
    print(
        f"{mode:8} photograph off by {photo_off:.1f}   edges off by {edges_off:.1f}"
    )

# %% tags=["hide-input"] alt="A photograph and its edge map, each in full, with averages and with maxima of 4×4 pixels."
figure, grid_of_axes = plt.subplots(2, 3, figsize=(7.2, 4.3), dpi=60)
parts = {"gray": camera[:, 56:216, 150:342], "gray_r": edges[:, 56:216, 150:342]}
for row, (cmap, part) in zip(grid_of_axes, parts.items(), strict=True):
    shown = [part, pool(part, 4, mode="average"), pool(part, 4)]
    for axes, picture in zip(row, shown, strict=True):
        axes.imshow(picture[0], cmap=cmap, vmin=0, vmax=np.quantile(part, 0.998))
        axes.axis("off")
for axes, name in zip(
    grid_of_axes[0], ("all values", "average", "maximum"), strict=True
):
    axes.set_title(name)
plt.show()

# %% [markdown]
# **Figure 2.6. A photograph and its edge map, pooled in windows of 4×4.** In the
# lower row, dark means a strong edge. The maximum makes the photograph brighter,
# and it keeps the edges strong but makes them fat. The average keeps their widths
# better, but lets them fade.
#
# The average is truer to both of them. On the photograph it is off by
# 14.1<!--claim:pool_photo_loss_average--> grey levels, and the maximum by
# 27.8<!--claim:pool_photo_loss_max-->. On the edge map, where more than half of the values are 0
# and the largest, at the padded rim, is 948, it is 43.7<!--claim:pool_edges_loss_average--> against
# 93.8<!--claim:pool_edges_loss_max-->. This is no accident, because no number is closer to the
# values of a window than their mean, if closeness is measured by squares. Take the upper right
# window of our grid, with the values 1, 4, 1 and 1. Their mean squared distance to the mean, 1.75,
# is 1.69, and to the maximum, 4, it is 6.75.
#
# Then why would anyone take the maximum? A network may ask something else: *has the
# filter found its pattern anywhere in here?* An edge is thin and fills only a few
# pixels of its window. The maximum reports it at full strength, while the average
# dilutes it with the empty pixels around it. Where the edges are strongest, the
# average leaves 36 %<!--claim:pool_edge_left_by_average--> of their strength. The
# maximum pays for keeping the peaks with fat edges: strong values, those above 200,
# now cover 3.4 times<!--claim:pool_edges_fattened--> as much of the map.
#
# So the average keeps what a map looks like, and the maximum keeps its peaks.
# Scherer, Müller and Behnke compared networks that pool by the maximum with
# networks that pool by a kind of average, and the maximum came out ahead (2010,
# "Evaluation of Pooling Operations in Convolutional Architectures for Object
# Recognition", https://doi.org/10.1007/978-3-642-15825-4_10).

# %% tags=["claims"]
claim("pool_photo_loss_average", off_by(camera, "average"), at_most=15)
claim("pool_photo_loss_max", off_by(camera, "max"), at_least=25)
claim("pool_edges_loss_average", off_by(edges, "average"), at_most=50)
claim("pool_edges_loss_max", off_by(edges, "max"), at_least=80)
peaks, means = pool(edges, 4), pool(edges, 4, mode="average")
strong = peaks > np.quantile(peaks, 0.95)  # the twentieth with the strongest edges
claim(
    "pool_edge_left_by_average", (means[strong] / peaks[strong]).mean(), at_most=0.5
)
claim(
    "pool_edges_fattened", (peaks > 200).mean() / (edges > 200).mean(), at_least=2
)

# %% [markdown]
# ## Who is heard?
#
# Here is another way to see the difference. We nudge a single number of our grid
# upwards by a hundredth, and ask how much of this nudge arrives in the pooled
# numbers. A share of 1 means that the nudge comes through in full, and 0 means that
# nobody hears of it. Then we do the same with each of the other numbers.


# %% tags=["nbval-check-output"]
def heard(grid, of_window, nudge=0.01):
    shares = np.zeros(grid.shape)
    for place in np.ndindex(grid.shape):
        nudged = grid.copy()
        nudged[place] += nudge
        rise = summarise(nudged, of_window) - summarise(grid, of_window)
        shares[place] = rise.sum() / nudge
    return shares.round(2)


by_maximum, by_average = heard(grid, np.max), heard(grid, np.mean)
print("maximum:", by_maximum, "average:", by_average, sep="\n")

# %% [markdown]
# Under the maximum, the 4, the 3 and the 5 are heard in full, while the numbers
# that they beat are not heard at all. In the upper left window four ones are tied,
# so that each of them would win if it alone grew ever so little. Under the average,
# every number is heard, but only with a quarter of a voice.
#
# As you will see in chapter 3, networks learn from just such nudges. A value that
# is not heard adds nothing to the correction of the kernel that made it, so with
# max pooling a kernel learns from the winner of each window only.

# %% tags=["claims"]
claim("pool_winner_is_heard", by_maximum[2, 3], equals=1)
claim("pool_loser_is_heard", by_maximum[2, 0], equals=0)
claim("pool_average_is_heard", by_average[2, 0], equals=0.25)

# %% [markdown]
# ## What forgetting buys: small shifts
#
# Move a picture by one pixel, and every value of a feature map stands in another
# place, as you saw in chapter 1. What does pooling do about this? Let us try it
# first on a single row with one strong value. We move it along, and look at the
# maxima of its windows of 2, and at what is left if we skip every second value
# instead.

# %% tags=["nbval-check-output"]
row = np.array([0, 0, 5, 0, 0, 0, 0, 0])
for shift in (0, 1, 2):
    moved = np.roll(row, shift)
    print(
        moved, " maximum", moved.reshape(4, 2).max(axis=1), " skipping", moved[::2]
    )

# %% [markdown]
# Moved by one pixel, the 5 is still in the same window, and the row of maxima does
# not notice. Moved by two, it enters the next window, and the maxima move as well.
# Skipping fares worse, because the 5 vanishes after one step and is back after the
# next. And of the stripes 1 0 1 0 1 0, skipping would make an even 1 1 1. Such
# sudden changes and false patterns, which come from leaving values out, are called
# **aliasing**.
#
# In chapter 1 the maps were equivariant, which means that they move along with the
# picture. Now we ask for more. If moving a picture does not change the answer at
# all, we speak of **translation invariance**. Pooling is often said to bring it,
# but our row shows that it does so only for small shifts, and only with luck: the 5
# could just as well have stood at the end of its window. So how much does pooling
# help on the whole?
#
# ### Digits on the move
#
# We shift handwritten digits to the right by up to four pixels. Four edge filters
# make feature maps of each digit: Sobel's kernel, which answers where it becomes
# brighter to the right, and the same kernel for the other three directions. We keep
# these maps whole, or reduce them in one of three ways: by skipping, by averages or
# by maxima.

# %%
digits = load_mnist()
down = SOBEL.T
edge_filters = np.stack([SOBEL, -SOBEL, down, -down], axis=-1)[:, :, None, :]


def edge_maps(images, shift=0):
    room = ((0, 0), (5, 5), (5, 5), (0, 0))  # so that nothing leaves the picture
    canvas = np.pad(images, room).astype("float32") / 255
    return np.maximum(convolve(np.roll(canvas, shift, axis=2), edge_filters), 0)


# %%
known = edge_maps(digits.train_images[:KNOWN_DIGITS])
known_labels = digits.train_labels[:KNOWN_DIGITS]
to_move = digits.validation_images[:MOVED_DIGITS]
moved_labels = digits.validation_labels[:MOVED_DIGITS]
moved = [edge_maps(to_move, shift) for shift in range(5)]

# %% [markdown]
# Now we measure two things, and the function `measure`, which is folded away below,
# does it. The first is how far a digit moves away from itself: we subtract its maps
# before the shift from those after it, square the differences, add them up, and
# take the root. Such a distance is 1 if it is as large as the mean distance between
# two different pictures. The second is whether a very simple reader still
# recognises the digit. This reader knows the maps of some digits that were not
# shifted. It looks for the one that is most like the new digit, its **nearest
# neighbour**, and repeats its label.


# %% tags=["hide-input"]
def distance(maps, others):
    return np.linalg.norm(maps - others, axis=1).mean()


def measure(reduce):
    memory = reduce(known).reshape(len(known), -1)
    now = [reduce(maps).reshape(len(maps), -1) for maps in moved]
    another = distance(now[0], np.roll(now[0], 1, axis=0))
    change = [distance(maps, now[0]) / another for maps in now]
    squares = (memory**2).sum(axis=1)  # |a - b|² = |a|² - 2ab + |b|²
    nearest = [(squares - 2 * maps @ memory.T).argmin(axis=1) for maps in now]
    return change, [
        np.mean(known_labels[found] == moved_labels) for found in nearest
    ]


# %%
results = {("all values", 1): measure(lambda maps: maps)}
for window in (2, 4):
    results["skip", window] = measure(lambda maps, w=window: maps[:, ::w, ::w])
    for kind, mode in (("average", "average"), ("maximum", "max")):
        way = {"pool_size": window, "mode": mode}
        results[kind, window] = measure(lambda maps, way=way: pool(maps, **way))

# %% tags=["hide-input"] alt="Four charts over the shift in pixels: distances moved above, shares read below, for windows of 2×2 and 4×4."
LOOKS = {"all values": {"color": "0.75", "linewidth": 7}}
LOOKS["skip"] = {"color": "black", "linestyle": "--", "marker": "s", "linewidth": 1}
LOOKS["average"] = {"color": "C0", "marker": "o"}
LOOKS["maximum"] = {"color": "C1", "marker": "D"}
figure, panels = plt.subplots(2, 2, figsize=(7.2, 4.6), sharex=True, sharey="row")
for (upper, lower), window in zip(panels.T, (2, 4), strict=True):
    for kind, look in LOOKS.items():
        change, read = results[kind, 1 if kind == "all values" else window]
        upper.plot(change, label=kind, **look)
        lower.plot(100 * np.array(read), **look)
    upper.set_title(f"windows of {window}×{window}")
    lower.set(xlabel="shift (pixels)", xticks=range(5), ylim=(0, 100))
panels[0, 0].set_ylabel("distance moved\n(1: another picture)")
panels[1, 0].set_ylabel("read correctly (%)")
panels[0, 0].legend(loc="lower right")
plt.show()

# %% [markdown]
# **Figure 2.7. Digits on the move.** Above: how far a digit moves away from itself,
# where less is better. Below: the share of digits that the reader still recognises.
# The dashed line of skipping lies on the broad grey line of all values, except at
# the lower right, where it mostly lies below. Averages and maxima of 4×4 help most.
#
# A shift by one pixel moves the whole maps 0.59<!--claim:pool_moved_all_values-->
# of the way to another picture. With maxima of 4×4 it is
# 0.40<!--claim:pool_moved_max4-->, and with averages about the same. Skipping to
# every fourth value changes almost nothing, with
# 0.58<!--claim:pool_moved_stride4-->, although it throws away just as many numbers.
# So it is not the forgetting as such that helps, but the summing up.
#
# When the digits move by two pixels, the reader of whole maps falls from
# 90 %<!--claim:pool_read_all_values_unmoved--> to 55 %<!--claim:pool_read_all_values-->. With
# maxima of 4×4 it falls only from 93 %<!--claim:pool_read_max4_unmoved--> to
# 82 %<!--claim:pool_read_max4-->. Averages do as well for one pixel, but less well for more.
#
# So the promise holds within limits. Larger windows help longer, but a shift by
# four pixels moves even the maxima of 4×4 as far as another picture.

# %% tags=["claims"]
moved_by, read_at = (
    {key: pair[i] for key, pair in results.items()} for i in (0, 1)
)
data = {"source": digits.source}
moved_by_one = {key: change[1] for key, change in moved_by.items()}
claim("pool_moved_all_values", moved_by_one["all values", 1], at_least=0.55, **data)
claim("pool_moved_stride4", moved_by_one["skip", 4], at_least=0.53, **data)
claim("pool_moved_max2", moved_by_one["maximum", 2], at_most=0.53, **data)
claim("pool_moved_max4", moved_by_one["maximum", 4], at_most=0.46, **data)
difference = abs(moved_by_one["average", 4] - moved_by_one["maximum", 4])
claim("pool_moved_average4_against_max4", difference, at_most=0.06, **data)
claim("pool_moved_max4_by_four", moved_by["maximum", 4][4], at_least=0.95, **data)

# %% tags=["claims"]
unmoved = {key: read[0] for key, read in read_at.items()}
read = {key: read[2] for key, read in read_at.items()}
claim(
    "pool_read_all_values_unmoved", unmoved["all values", 1], at_least=0.75, **data
)
claim("pool_read_max4_unmoved", unmoved["maximum", 4], at_least=0.82, **data)
claim("pool_read_all_values", read["all values", 1], at_most=0.65, **data)
claim("pool_read_max4", read["maximum", 4], at_least=0.7, **data)
margin = read["maximum", 4] - read["average", 4]
claim("pool_read_max4_above_average4", margin, at_least=0.01, quick=-0.05, **data)
source = digits.source

# %% [markdown]
# ## Pool, or take a stride?
#
# Pooling is not the only way to halve a map. A convolution that moves by two pixels
# at a time does so as well, and it is called a **strided convolution**. It can be
# used in two ways. Either the convolution that looks for patterns takes the stride
# itself, so that three quarters of its answers are never computed. Or a second
# convolution, of 2×2 with a stride of 2, stands in the place of the pooling, and
# the network has to learn how to sum up a window.
#
# Which way is best? We let four small networks read digits, and each of them halves
# its maps twice, in its own way. For a fair race, all have to see equally much. A
# kernel of 3×3 followed by pooling of 2×2 looks at 4×4 pixels, and so the network
# with the stride gets kernels of 4×4.


# %% tags=["network"]
def build_net(kind):
    images = keras.Input((28, 28, 1))
    x = layers.Rescaling(1 / 255)(images)
    for filters in (8, 16):
        if kind == "stride":
            x = layers.Conv2D(filters, 4, 2, padding="same", activation="relu")(x)
        else:
            x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        if kind == "maximum":
            x = layers.MaxPooling2D(2)(x)
        elif kind == "average":
            x = layers.AveragePooling2D(2)(x)
        elif kind == "learned sum":
            x = layers.Conv2D(filters, 2, 2, activation="relu")(x)
    return keras.Model(images, layers.Dense(10)(layers.Flatten()(x)))


# %% [markdown]
# | network | each of its two stages | it sees | parameters | multiply-adds |
# |:--|:--|--:|--:|--:|
# | maximum | convolution 3×3, ReLU, max pooling | 10×10 | 9,098<!--claim:pool_net_parameters_max--> | 290,080<!--claim:pool_net_work_max--> |
# | average | convolution 3×3, ReLU, average pooling | 10×10 | 9,098<!--claim:pool_net_parameters_average--> | 290,080<!--claim:pool_net_work_average--> |
# | learned sum | convolution 3×3, ReLU, convolution 2×2 with stride 2, ReLU | 10×10 | 10,402<!--claim:pool_net_parameters_learning--> | 390,432<!--claim:pool_net_work_learning--> |
# | stride | convolution 4×4 with stride 2, ReLU | 10×10 | 10,050<!--claim:pool_net_parameters_skipping--> | 133,280<!--claim:pool_net_work_skipping--> |
#
# Not everything could be made equal. The networks differ in their parameters and in
# their number of layers. The learned sum costs a third more multiply-adds than
# pooling, and the stride less than half, which is the point of it. Finally, a ReLU
# is not *linear*, as chapter 1 showed, and neither is a maximum, but a mean is. So
# in each stage *maximum* and *learned sum* have two steps that are not linear, and
# *average* and *stride* have one.

# %% tags=["claims"]
NAMES = {"maximum": "max", "average": "average"}
NAMES |= {"learned sum": "learning", "stride": "skipping"}
SIZES = {"max": (9_098, 290_080), "average": (9_098, 290_080)}
SIZES |= {"learning": (10_402, 390_432), "skipping": (10_050, 133_280)}
for kind, name in NAMES.items():
    net, work, stack = build_net(kind), 0, []
    for each in net.layers:
        if each.weights:
            places = int(np.prod(each.output.shape[1:-1]))
            work += places * int(np.prod(each.kernel.shape))
        if hasattr(each, "strides"):
            window = getattr(each, "kernel_size", None) or each.pool_size
            stack.append((window[0], each.strides[0]))
    claim(f"pool_net_parameters_{name}", net.count_params(), equals=SIZES[name][0])
    claim(f"pool_net_work_{name}", work, equals=SIZES[name][1])
    claim(f"pool_net_sees_{name}", receptive_field(stack), equals=10)

# %% [markdown]
# ### The rules of the race
#
# Each network has to find its weights from labelled digits. How it does that is the
# subject of chapter 3, and here the function `train_one`, which is folded away
# below, does it for us. A network learns in small steps, whose size somebody has to
# choose. What suits one network may not suit another, so each of them tries five
# step sizes, each twice the one before, and keeps the best of these.
#
# There are three piles of digits. From the first, the networks learn. The second
# one decides about the step size, and about the end, which comes when six more
# passes through the first pile have not helped to read more of the second. The
# third pile is the exam, and nobody looks at it before all is decided. (Later
# chapters call them *training set*, *validation set* and *test set*.) Since the
# weights begin at random, each network runs three times, with three *seeds*.

# %% tags=["hide-input"]
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
first_pile = digits.train_images[:LESSONS], digits.train_labels[:LESSONS]
second_pile = digits.validation_images[:3_000], digits.validation_labels[:3_000]


def train_one(kind, step_size, seed):
    """Return a trained network, and what it read after each pass."""
    keras.utils.set_random_seed(seed)
    net = build_net(kind)
    net.compile(keras.optimizers.Adam(step_size), loss=LOSS, metrics=["accuracy"])
    rules = {"patience": 6, "mode": "max", "restore_best_weights": True}
    stop = keras.callbacks.EarlyStopping("val_accuracy", **rules)
    options = {"validation_data": second_pile, "validation_batch_size": 500}
    options |= {
        "batch_size": 64,
        "epochs": PASSES,
        "callbacks": [stop],
        "verbose": 0,
    }
    return net, net.fit(*first_pile, **options).history["val_accuracy"]


# %%
runs = {}
for kind in ("maximum", "average", "learned sum", "stride"):
    trials = {size: max(train_one(kind, size, seed=0)[1]) for size in STEP_SIZES}
    best = max(trials, key=trials.get)
    runs[kind] = [train_one(kind, best, seed) for seed in SEEDS]
    passes = [len(read) for _, read in runs[kind]]
    print(f"{kind:11} best step size {best}, passes {passes}")

# %% [markdown]
# Now everything is decided, and the exam may begin. We ask a second question with
# it. Do networks that pool read *shifted* digits better than the others? In their
# lessons, they have seen none. We stop at two pixels, because beyond that more
# digits leave the picture.


# %%
def share_read(net, shift):
    room = ((0, 0), (0, 0), (shift, 0), (0, 0))  # empty columns on the left
    moved = np.pad(digits.test_images, room)[:, :, :28]
    answers = net.predict(moved, batch_size=500, verbose=0).argmax(axis=1)
    return np.mean(answers == digits.test_labels)


exam = {}
for kind, taught in runs.items():
    exam[kind] = np.array(
        [[share_read(net, s) for s in range(3)] for net, _ in taught]
    )
    print(f"{kind:11} read correctly: {(100 * exam[kind][:, 0]).round(2)} %")

# %% tags=["hide-input"] alt="Left: what was read of the second pile so far, three lines a network. Right: what was read in the exam, three marks a network."
LOOKS["learned sum"] = {"color": "C2", "marker": "^", "linestyle": "-."}
LOOKS["stride"] = LOOKS["skip"]
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3), width_ratios=(6, 5))
for place, (kind, taught) in enumerate(runs.items()):
    look = LOOKS[kind] | {"linewidth": 1.2}
    for _, read in taught:
        passes, so_far = range(1, len(read) + 1), 100 * np.maximum.accumulate(read)
        left.plot(passes, so_far, markevery=[-1], **look)
    in_exam, color = 100 * exam[kind][:, 0], look["color"]
    look |= {"linestyle": "none", "markersize": 7, "alpha": 0.8}
    right.plot([place] * len(in_exam), in_exam, **look)
    right.hlines(in_exam.mean(), place - 0.35, place + 0.35, color=color)
    right.text(place, in_exam.min() - 0.1, kind, color=color, ha="center", va="top")
left.set(xlabel="passes through the first pile", ylabel="read correctly (%)")
left.set(title="second pile, best so far", ylim=(92, 98.5))
right.set(title="exam", xticks=[], xlim=(-0.7, 3.6))
right.margins(y=0.25)
plt.show()

# %% [markdown]
# **Figure 2.8. The race.** Left: the most that each network has read of the second
# pile so far, one line a seed, with a mark at its end. Right: what it reads in the
# exam, with one mark a seed and a bar at their mean; this scale is finer. All six
# runs that pool end above all six that use strided convolutions.
#
# In the exam, the network with the maximum reads
# 97.6 %<!--claim:pool_accuracy_max--> of the digits, and the one with the average
# 97.5 %<!--claim:pool_accuracy_average-->. The difference between these two is
# smaller than the one between seeds, so we cannot tell which is better. The learned
# sum reads 96.9 %<!--claim:pool_accuracy_learning-->, and the stride
# 96.5 %<!--claim:pool_accuracy_skipping-->. Both stay behind in each of their three
# runs, and the learned sum is a little ahead of the stride.
#
# Neither work nor parameters nor steps that are not linear explain this alone. The learned sum has
# most of the first two and does not win, while the average has as few steps that are not linear as
# the stride, and yet does better. Perhaps it helps that pooling need not learn how to sum up a
# window, but we have not tested this guess, and it is one task and one size of network.
# Springenberg and others tried both ways to take a stride, with kernels of 3×3 and on other
# pictures, and lost about a point at most (2014, "Striving for Simplicity: The All Convolutional
# Net", https://arxiv.org/abs/1412.6806).

# %% tags=["hide-input"] alt="What the four networks read over the shift in pixels, each with a band."
figure, axes = plt.subplots(figsize=(7.2, 2.9))
for kind, shares in exam.items():
    axes.plot(100 * shares.mean(axis=0), label=kind, **LOOKS[kind])
    color = LOOKS[kind]["color"]
    lowest, highest = 100 * shares.min(axis=0), 100 * shares.max(axis=0)
    axes.fill_between(
        range(3), lowest, highest, color=color, alpha=0.15, linewidth=0
    )
axes.set(xlabel="shift (pixels)", ylabel="read correctly (%)", xticks=range(3))
axes.legend(loc="lower left")
plt.show()

# %% [markdown]
# **Figure 2.9. The exam, shifted.** What the networks read when the digits of the exam move to the
# right. Lines are means of three seeds, and bands reach from the lowest to the highest of them. The
# network with the maximum falls least, and the one with the average comes next. The bands of the
# other two overlap.
#
# The maximum helps here as well. When the digits move by two pixels, which costs
# 1.4 %<!--claim:pool_digits_cut--> of them a little ink at the rim, the network
# with the maximum still reads 91.8 %<!--claim:pool_shifted_max--> of them, and the
# one with the stride 87.0 %<!--claim:pool_shifted_skipping-->. The average lies
# between them, and the learned sum cannot be told from the stride.
#
# ### What networks do today
#
# The stride has an advantage that our race did not count, because it needs less
# than half of the work. The *ResNets* of 2015, very deep networks which are still
# in use, shrink mostly by strided convolutions: ResNet-50 halves its maps five
# times, once by max pooling near its beginning and four times by a stride (He et
# al. 2015, "Deep Residual Learning for Image Recognition",
# https://arxiv.org/abs/1512.03385). They learn from a million photographs and not
# from a few thousand digits, so our race says nothing against them. At their end
# they pool once more, as follows.

# %% tags=["claims"]
right = {NAMES[kind]: shares[:, 0] for kind, shares in exam.items()}
means = {name: shares.mean() for name, shares in right.items()}
floors = {"max": 0.97, "average": 0.97, "learning": 0.95, "skipping": 0.95}
for name, bound in floors.items():
    bounds = {"at_least": bound, "embedded": bound - 0.02, "quick": 0.3}
    claim(f"pool_accuracy_{name}", means[name], **bounds, source=source)
bounds = {"at_least": 0.005, "embedded": -0.01, "quick": -0.5, "source": source}
claim("pool_gain_over_skipping", means["max"] - means["skipping"], **bounds)
claim("pool_gain_over_learning", means["max"] - means["learning"], **bounds)
difference = abs(means["max"] - means["average"])
bounds = {"at_most": 0.005, "embedded": 0.015, "quick": 0.5, "source": source}
claim("pool_max_against_average", difference, **bounds)
strided = max(means["learning"], means["skipping"])
bounds = {"at_least": 0.002, "embedded": -0.02, "quick": -0.5, "source": source}
claim("pool_gain_of_average", means["average"] - strided, **bounds)
shifted = {NAMES[kind]: shares[:, 2].mean() for kind, shares in exam.items()}
bounds = {"embedded": 0.5, "quick": 0.2, "source": source}
claim("pool_shifted_max", shifted["max"], at_least=0.85, **bounds)
at_rim = (digits.test_images[:, :, -2:] > 0).any(axis=(1, 2, 3)).mean()
claim("pool_digits_cut", at_rim, at_most=0.02, source=source)
claim("pool_shifted_skipping", shifted["skipping"], at_least=0.8, **bounds)
bounds = {"at_least": 0.02, "embedded": -0.1, "quick": -0.5, "source": source}
claim("pool_shifted_gain", shifted["max"] - shifted["skipping"], **bounds)

# %% [markdown]
# ## One number for each map
#
# A network ends with a decision, and a dense layer makes it from a plain list of numbers. How do
# maps become a list? The usual way is to **flatten** them: to write down all their numbers one
# after another. It is costly: 64 maps of 7×7 make a list of 3,136 numbers, and ten classes then
# need 31,370<!--claim:pool_flatten_head_parameters--> parameters.
#
# The other way is to pool once more, with a window as large as the whole map. Each
# map becomes a single number, its mean. This is called **global average pooling**
# (Lin, Chen and Yan 2013, "Network In Network", https://arxiv.org/abs/1312.4400).
# The list now has 64 numbers, and ten classes need only
# 650<!--claim:pool_global_head_parameters--> parameters. Besides, it no longer
# matters how large the picture was:

# %% tags=["nbval-check-output"]
whole = layers.GlobalAveragePooling2D()
for name in ("cat", "coffee"):
    photo = load_photo(name)[None].astype("float32")
    print(name, photo.shape, "->", whole(photo).numpy().shape)

# %% [markdown]
# Each photograph becomes three numbers, one for each channel.
#
# What does this forget? It forgets *where*, completely. Let us give our simple
# reader nothing but the mean of each of the four edge maps.

# %%
change, read = measure(lambda maps: maps.mean(axis=(1, 2)))
print(f"moved by {max(change):.2f} at most, read correctly: {100 * read[0]:.0f} %")

# %% [markdown]
# A shift no longer changes anything: true invariance, as long as nothing comes near the rim and no
# stride came before. But the reader gets only 37 %<!--claim:pool_read_global--> of the digits
# right, because four numbers, which say how much edge there is in each direction, are all that is
# left of them. For this reason networks usually reduce their maps to means only at the end. By then
# each of hundreds of maps has found something more telling than an edge, and *whether* it is there
# matters more than where.
#
# So what may be thrown away? The exact place may, in small portions, as long as
# something sums up each window. With few examples, a maximum or a mean did this
# best in our race. Large networks have learned to live with strides.

# %% tags=["claims"]
claim(
    "pool_flatten_head_parameters", count_parameters(7 * 7 * 64, 10), equals=31_370
)
claim("pool_global_head_parameters", count_parameters(64, 10), equals=650)
claim("pool_moved_global", max(change), at_most=1e-3, source=source)
claim("pool_read_global", read[0], at_most=0.5, source=source)

# %% [markdown]
# ## What you learned
#
# | word | what it means | in Keras |
# |:--|:--|:--|
# | max pooling | the largest value of each window | `MaxPooling2D(2)` |
# | average pooling | the mean of each window | `AveragePooling2D(2)` |
# | valid, same | leave pixels over, or hang over the rim | `padding=` |
# | strided convolution | a convolution that halves its map itself | `Conv2D(16, 3, strides=2)` |
# | flatten | write all maps into one list | `Flatten()` |
# | global average pooling | the mean of each whole map | `GlobalAveragePooling2D()` |
# | aliasing | sudden changes because values are left out | what strides can bring |
# | translation invariance | moving the picture changes nothing | `GlobalAveragePooling2D()`, nearly |
#
# ## Exercises
#
# 1. *By hand.* The rows of a map are 3 1 0 2, then 5 1 4 0, then 2 2 8 6, and then
#    0 4 1 1. Pool it in windows of 2×2, by the maximum and by the average. Then
#    pool the four results once more. What do the two last numbers tell you about
#    the whole map?
# 2. *By hand.* The first convolution of AlexNet has kernels of 11×11 and a stride
#    of 4, and it works on 227 pixels. Three poolings of 3×3 with a stride of 2
#    follow, and the convolutions between them keep the size. Which four sizes does
#    the map take?
# 3. *Predict, then run.* A map of 5×5 holds −9 everywhere, except for a −1 in its
#    last corner. What does `MaxPooling2D(2)` make of it, with `padding="valid"` and
#    with `"same"`? Does Keras put zeros around the map, as it does for a
#    convolution?
# 4. *Change it.* Keras has no layer for the *smallest* value of each window. Make
#    one out of `MaxPooling2D`. What will it do to the strokes of our digits, which
#    are white on black?
# 5. *Break it.* Pool a digit in windows of 2×2 and 4×4, and then of 7×7. When can
#    you no longer read it? Then pool it by 2×2 again and again, and find out why
#    `pool` stops. What does Keras say to our `grid` without its two extra axes?
# 6. *Explore.* Zhang (2019, [Making Convolutional Networks Shift-Invariant
#    Again](https://arxiv.org/abs/1904.11486)) takes the maximum of 2×2 with a stride of 1, blurs
#    the result with the kernel 1 2 1 / 2 4 2 / 1 2 1, divided by 16, and only then skips every
#    second value. Measure how far a shift of one pixel moves a digit then. Is it the blur that
#    helps?

# %% [markdown] tags=["solution"]
# 1. The maxima are 5, 4, 4 and 8, and the largest of them is 8. The means are 2.5,
#    1.5, 2 and 4, and their mean is 2.5. These are the maximum and the mean of all
#    sixteen numbers: the largest of the largest is the largest, and the mean of
#    means is the mean, since all windows are equally large. So pooling twice by 2×2
#    is pooling once by 4×4.

# %% [markdown] tags=["solution"]
# 2. They are 55, 27, 13 and 6, because (227 − 11) / 4 + 1 = 55, (55 − 3) / 2 + 1 =
#    27, and so on. The paper itself says 224 pixels, with which the steps do not
#    fit.

# %% tags=["solution", "nbval-check-output"]
sizes = [output_size(227, kernel_size=11, strides=4)]
for _ in range(3):
    sizes.append(output_size(sizes[-1], kernel_size=3, strides=2))
print(sizes)
claim("pool_alexnet_last_map", sizes[-1], equals=6)

# %% [markdown] tags=["solution"]
# 3. With "valid" all four numbers are −9, since the last row and the last column
#    lie in no window. With "same" there are nine numbers, and the last one is −1.
#    No zeros are put around, because a zero would have won against every −9. What
#    hangs over the rim simply does not count.

# %% tags=["solution", "nbval-check-output"]
odd = np.full((1, 5, 5, 1), -9, "float32")
odd[0, 4, 4, 0] = -1
for padding in ("valid", "same"):
    print(
        padding,
        layers.MaxPooling2D(2, padding=padding)(odd).numpy().squeeze(),
        sep="\n",
    )

# %% [markdown] tags=["solution"]
# 4. The smallest value is the largest one of the negated map, negated back. A
#    window is now black as soon as one of its pixels is, so that strokes become
#    thinner and thin ones vanish. The digits lose about half of their brightness,
#    while the maximum gives them half as much again.

# %% tags=["solution"]
smallest = -layers.MaxPooling2D(2)(-pictures).numpy()
print(
    "by hand the same:", np.array_equal(smallest.squeeze(), summarise(grid, np.min))
)
some = digits.validation_images[:100].astype("float32")
for name, pooled in (("smallest", -pool(-some)), ("largest", pool(some))):
    print(f"{name} values: {pooled.mean() / some.mean():.2f} times the brightness")

# %% [markdown] tags=["solution"]
# 5. It depends on the digit. At 2×2 all three can be read. The 1 is lost at 4×4,
#    while you can still guess the 4 at 7×7. Pooled again and again, 28 becomes 14,
#    7, 3 and 1. From 7 to 3 a row and a column are lost without a word, and in the
#    end the window does not fit any more. Keras counts the axes of the grid, finds
#    two of them, and says so.

# %% tags=["solution"]
figure, panels = plt.subplots(3, 4, figsize=(7.2, 5.4), dpi=60)
for row, digit in zip(panels, digits.validation_images[:3], strict=True):
    for axes, window in zip(row, (1, 2, 4, 7), strict=True):
        axes.imshow(pool(digit[None], window)[0], cmap="gray_r", vmin=0, vmax=255)
        axes.set_title(f"{window}×{window}")
        axes.axis("off")
plt.show()

# %% tags=["solution", "nbval-check-output"]
maps = digits.validation_images[:1]
try:
    while True:
        print(maps.shape)
        maps = pool(maps)
except ValueError as error:
    print(error)
try:
    layers.MaxPooling2D(2, name="pooling")(grid)
except ValueError as error:
    print(error)

# %% [markdown] tags=["solution"]
# 6. By 0.40<!--claim:pool_moved_blurred-->, where plain maxima of 2×2 let it move
#    by 0.48<!--claim:pool_moved_max2-->. But each blurred value depends on 4×4
#    values. Plain maxima of 4×4 with a stride of 2 depend on as many, and with them
#    it is 0.41<!--claim:pool_moved_wide_max-->. So for this measure the wider view
#    helps, whether by blur or by maximum.

# %% tags=["solution"]
blur = np.outer([1, 2, 1], [1, 2, 1]).reshape(3, 3, 1, 1).astype("float32") / 16


def blurred_max(maps):
    dense = pool(maps, pool_size=2, strides=1)
    channels = [
        convolve(dense[..., [c]], blur, strides=2, padding="same") for c in range(4)
    ]
    return np.concatenate(channels, axis=-1)


change, read = measure(blurred_max)
print("moved", np.round(change, 2), " read", np.round(read, 2))
wide, _ = measure(lambda maps: pool(maps, pool_size=4, strides=2))
print("plain maxima of 4×4 with a stride of 2 moved", np.round(wide, 2))
claim("pool_moved_blurred", change[1], at_most=0.45, source=source)
claim("pool_moved_wide_max", wide[1], at_most=0.45, source=source)
