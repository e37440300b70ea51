# %% [markdown]
# # 13. What has it learned?
#
# At an airport, a dog sniffs at suitcases and barks at some of them. It is right nearly every time,
# but it cannot tell you what it smells. To find out, you could examine its nose, or walk beside it
# and write down where it slows down. You could put those suitcases side by side at which it barked
# loudest, or pack one yourself, so that it barks as loud as it ever can. And you could ask which
# suitcases smell alike to it.
#
# A network is such a dog, and in this chapter you will ask all five questions of networks that read
# digits, name photographs and sort clothes. At the end you can read a kernel, draw its maps, find
# the filters that never answer, make the picture that a filter likes best, and lay out a thousand
# pictures as a network sees them. For each of these pictures you will also know what it does *not*
# show.
#
# Takes about 5 minutes<!--minutes:13_what_has_it_learned--> on two CPU cores (quick: under 45
# seconds); needs chapters 1 to 5. Which part of *one* photograph decided its answer is the question
# of chapter 14.

# %% tags=["setup"]
import os
import warnings

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from IPython.display import Markdown
from keras import layers
from keras.optimizers.schedules import CosineDecay
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from cnnbook.arithmetic import convolve
from cnnbook.book.claims import claim
from cnnbook.center_crop import center_crop
from cnnbook.datasets.mnist import load_fashion_mnist, load_mnist
from cnnbook.datasets.photos import load_photo
from cnnbook.explain.embedding import embed, project
from cnnbook.explain.feature_maps import (
    dead_filters,
    feature_maps,
    filter_images,
)
from cnnbook.explain.maximize import maximize_filter

# %% tags=["setup"]
from cnnbook.models.efficientnet_lite0 import build_efficientnet_lite0
from cnnbook.models.imagenet import class_names
from cnnbook.models.small_digit_net import (
    build_small_digit_net,
    build_trained_digit_net,
)
from cnnbook.plots.book_style import use_book_style
from cnnbook.plots.layer_step import plot_layer
from cnnbook.widgets.drawing_pad import DrawingPad
from cnnbook.widgets.layers import layers_widget

QUICK = "CNNBOOK_QUICK" in os.environ  # the short run: less of everything
SEED, SEEDS = 1, (1,) if QUICK else (1, 2, 3)
SIDE = 96 if QUICK else 224  # pixels of the photographs
TRIES = 10 if QUICK else 100  # layers of random filters
MADE_SIDE, STEPS = (64, 2) if QUICK else (112, 80)  # of pictures that we make
DIGITS, EPOCHS = (1_000, 1) if QUICK else (7_500, 2)
SLOW, FAST = 0.001, 0.01  # two of the learning rates
RATES = (SLOW, FAST) if QUICK else (SLOW, 0.003, FAST, 0.02, 0.05)
FEW_RATES = (SLOW,) if QUICK else (SLOW, 0.003, FAST)  # of the frozen layer
CLOTHES, CLOTHES_EPOCHS = (1_000, 2) if QUICK else (9_000, 6)
LIMITS = (0, 100) if QUICK else (90, 98)  # of an axis
POINTS, TURNS = (150, 500) if QUICK else (1_000, 1_000)  # of maps of points
CROSS_ENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

# %% tags=["setup"]
use_book_style()
names = [name.split(",")[0] for name in class_names()]
tf.get_logger().setLevel("ERROR")  # it would warn that we compile many networks
warnings.filterwarnings("ignore", "Even though the `tf.config")
if QUICK:
    tf.config.run_functions_eagerly(True)  # compiling does not pay for few steps
digits = load_mnist()
DATA = {"source": digits.source}  # for the claims
training = digits.train_images[:DIGITS], digits.train_labels[:DIGITS]
LAST = 1_000 if QUICK else 5_000
validation = (
    digits.validation_images[:LAST],
    digits.validation_labels[:LAST],
)
four = digits.validation_images[digits.validation_labels == 4][0]


def answers_of(net, images):
    """Return the class that a network gives to each image."""
    parts = np.array_split(images, max(1, len(images) // 1_000))
    return np.concatenate([np.array(net(part)).argmax(axis=1) for part in parts])


def accuracy_of(net, images, labels):
    return np.mean(answers_of(net, images) == labels)


# %% tags=["setup"]
def middle(name, side):
    """Cut the largest square out of a photograph, and resize it."""
    photo = load_photo(name)
    square = center_crop(photo, (side, side), resample=None).astype("float32")
    shape = {"size": (side, side), "antialias": True}
    return np.asarray(keras.ops.image.resize(square, **shape)).round()


def tiles_of(names):
    """Cut photographs into squares of 224 pixels that do not overlap."""
    tiles = []
    for photo in map(load_photo, names):
        photo = np.broadcast_to(photo, (*photo.shape[:2], 3))  # grey: three times
        rows, columns = (size // 224 for size in photo.shape[:2])
        for y, x in np.ndindex(rows, columns):
            tiles.append(photo[y * 224 : y * 224 + 224, x * 224 : x * 224 + 224])
    return np.stack(tiles)


def bare(axes, picture, title="", **look):
    """Draw a picture, without numbers along its sides."""
    axes.set(xticks=[], yticks=[])
    axes.set_title(title, fontsize=9.5, fontweight="normal", loc="center")
    axes.spines[:].set_visible(False)
    return axes.imshow(picture, **{"interpolation": "nearest", **look})


# %% tags=["setup"]
def write_numbers(axes, values, form="{:.2f}"):
    """Write each value into its square, dark on light and light on dark."""
    picture = axes.images[0]
    for (y, x), value in np.ndenumerate(np.round(values, 2) + 0.0):
        red, green, blue, _ = picture.cmap(picture.norm(value))
        is_light = 0.3 * red + 0.6 * green + 0.1 * blue > 0.5
        look = {"ha": "center", "va": "center", "fontsize": 9}
        text = form.format(value).replace("-", "−")
        axes.text(x, y, text, color="black" if is_light else "white", **look)


def spread(values, digits=1, scale=100):
    """Say the mean of several runs, and the lowest and the highest."""
    low, mean, high = scale * np.array(
        [np.min(values), np.mean(values), np.max(values)]
    )
    if len(values) == 1:
        return f"{mean:.{digits}f}"
    return f"{mean:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def stretched(picture):
    """Enlarge the contrast around grey, in eight steps a colour."""
    away = picture / 127.5 - 1
    return np.round((1 + away / np.abs(away).max()) * 3.5) / 7


def show(columns, rows):
    """Show a table."""
    lines = [columns, [":--", *["--:"] * (len(columns) - 1)], *rows]
    return Markdown("\n".join(f"| {' | '.join(map(str, row))} |" for row in lines))


# %% [markdown]
# ## One kernel, number by number
#
# Let us begin with the nose, and with a network that you know. The one of chapter 0 reads
# 99.4 %<!--claim:inside_reader_accuracy--> of the test digits, and it comes with the book. Its
# first layer has 32 filters, and because a digit is grey, each of them is a single kernel of 5×5
# weights.

# %% tags=["nbval-check-output"]
reader = build_trained_digit_net()
kernels, biases = reader.get_layer("conv1").get_weights()
kernels = np.moveaxis(kernels[:, :, 0], -1, 0)
print(f"{len(kernels)} kernels of {kernels.shape[1:]}")

# %% [markdown]
# You can read a kernel as a wish, because a positive weight wants ink at its place, and a negative
# one wants none. So a kernel of 2×2 with −1 on the left and 1 on the right gives 2 if there is ink
# on the right only, but 0 if there is ink everywhere: 1 + 1 − 1 − 1.
#
# Which of the 32 wants ink on the right? For each, we subtract the weights of the two left columns
# from those of the two right ones, and take the largest. Then we look for the place on a 4 where
# this kernel answers most, and multiply by hand. The layer moves its window by two pixels at a
# time, and its pixels go from 0 to 1.

# %%
leaning = (kernels[..., 3:] - kernels[..., :2]).sum(axis=(1, 2))
index = leaning.argmax()
kernel = kernels[index]
answers = feature_maps(reader, four[None], "conv1")["conv1"][0, ..., index]
y, x = np.unravel_index(answers.argmax(), answers.shape)
patch = four[2 * y : 2 * y + 5, 2 * x : 2 * x + 5, 0] / 255
by_hand = np.sum(patch * kernel) + biases[index]
print(f"filter {index}, by hand {by_hand:.3f}, in its map {answers[y, x]:.3f}")

# %% tags=["hide-input"] alt="A handwritten 4 with an orange frame around five times five pixels; the same pixels with their numbers; and a kernel with 25 numbers, mostly orange on the left and blue on the right"
figure, (left, inner, right) = plt.subplots(1, 3, figsize=(7.2, 2.7))
bare(left, four[..., 0], "a 4", cmap="gray")
frame = {"fill": False, "edgecolor": "C1", "linewidth": 2}
left.add_patch(plt.Rectangle((2 * x - 0.5, 2 * y - 0.5), 5, 5, **frame))
bare(inner, patch, "the pixels in the frame", cmap="gray", vmin=0, vmax=1)
write_numbers(inner, patch)
limit = np.abs(kernel).max()
bare(right, kernel, f"kernel {index}", cmap="signs", vmin=-limit, vmax=limit)
write_numbers(right, kernel)
plt.show()

# %% [markdown]
# **Figure 13.1. A trained kernel and its favourite place on a 4.** In the kernel, blue wants ink
# and orange wants none. Multiply each pixel by the weight at the same place, add up all 25 products
# and the bias, 0.090, and you get 0.81, which the layer computed as well.
#
# What is it *for*? Most of its weights on the left are negative, and more of those on the right are
# positive, so it answers where dark ground ends on the right. The single weights look arbitrary.

# %% tags=["claims"]
test = digits.test_images, digits.test_labels
if QUICK:
    test = digits.test_images[:1_000], digits.test_labels[:1_000]
read = accuracy_of(reader, *test)
claim("inside_reader_accuracy", read, at_least=0.99, quick=0.97, **DATA)
error = abs(float(by_hand) - float(answers[y, x]))
claim("inside_kernel_by_hand_error", error, at_most=1e-3)

# %% [markdown]
# ## Is noise a bad sign?
#
# One of the two rows below shows the first eight kernels of this network. The other is pure chance:
# it was drawn from a random generator, as kernels are before training. Can you tell which is which?

# %% tags=["hide-input"] alt="Two rows of eight kernels of five times five coloured squares; neither row shows a clear pattern"
random = np.random.default_rng(SEED)
drawn = random.normal(0, kernels.std(), (8, 5, 5))
limit = np.abs(kernels[:8]).max()
figure, grid = plt.subplots(2, 8, figsize=(7.2, 2.0))
for name, row, pictures in zip("AB", grid, (drawn, kernels), strict=True):
    row[0].set_ylabel(f"row {name}")
    for axes, picture in zip(row, pictures, strict=False):
        shown = bare(axes, picture, cmap="signs", vmin=-limit, vmax=limit)
figure.colorbar(shown, ax=grid, label="weight")
plt.show()

# %% [markdown]
# **Figure 13.2. Trained, or drawn by chance?** Blue weights want ink, and orange ones want none.
# The trained row is B. In some of its kernels, squares of one colour lie together, but you have to
# look for it.
#
# You may read that noisy kernels in a first layer can mean too little training (for example in the
# [course notes of CS231n](https://cs231n.github.io/understanding-cnn/)). But this network looks
# noisy, and it reads nearly everything. So we test it on a smaller scale. For two epochs we train
# networks of the same form, without batch normalisation, on 7,500 digits, and then some more whose
# first layer is *frozen*, which means that training may not change it, so that its kernels stay as
# chance made them.


# %%
def train_digits(rate, seed, frozen=False):
    keras.utils.set_random_seed(seed)
    net = build_small_digit_net(normalize=False, dropout=0.0)
    net.get_layer("conv1").trainable = not frozen
    net.start = net.get_layer("conv1").get_weights()[0]  # its first kernels
    net.compile(keras.optimizers.Adam(rate), CROSS_ENTROPY)
    net.fit(*training, batch_size=100, epochs=EPOCHS, verbose=0)
    return net


learning = {(rate, s): train_digits(rate, s) for rate in RATES for s in SEEDS}
frozen = {
    (rate, s): train_digits(rate, s, True) for rate in FEW_RATES for s in SEEDS
}

# %% [markdown]
# Did the kernels that were free to learn move at all? A kernel is a list of 25 numbers, and what it
# wants depends on the direction of this list, not on its length. To compare two directions there is
# the **cosine similarity**: multiply the lists number by number, add up, and divide by both
# lengths. The lists (3, 4) and (4, 3), for example, both have length 5, and (12 + 12) / (5 × 5) =
# 0.96. It is 1 for the same direction, 0 for a right angle, and −1 for the opposite.


# %%
def cosine(first, second):
    lengths = np.linalg.norm(first, axis=0) * np.linalg.norm(second, axis=0)
    return (first * second).sum(axis=0) / lengths


def turned(net):
    """How far do the 32 kernels still point where they began?"""
    now = net.get_layer("conv1").get_weights()[0]
    return cosine(net.start.reshape(25, 32), now.reshape(25, 32)).mean()


print("(3, 4) and (4, 3):", cosine(np.array([3, 4]), np.array([4, 3])))
kept = {rate: [turned(learning[rate, s]) for s in SEEDS] for rate in FEW_RATES}

# %% tags=["hide-input"]
scores = {}
for side, nets in {"frozen": frozen, "learning": learning}.items():
    for rate in FEW_RATES:
        its = [accuracy_of(nets[rate, s], *validation) for s in SEEDS]
        scores[side, rate] = its
rows = []
for rate in FEW_RATES:
    sides = [spread(scores[side, rate]) for side in ("frozen", "learning")]
    rows.append([rate, *sides, spread(kept[rate], 3, 1)])
columns = ("rate", "first layer frozen, %", "learning, %", "cosine with its start")
show(columns, rows)

# %% [markdown]
# The table shows the accuracy on validation digits, as a mean of three seeds with the lowest and
# the highest. At the usual rate of 0.001, a first layer that learns keeps its direction almost
# completely: the cosine is 0.997<!--claim:inside_filters_kept-->, so these kernels *are* still
# noise. Each side then takes its best rate, and is judged once by the test digits. With frozen
# kernels it reads 96.7 %<!--claim:inside_frozen_accuracy--> of them, and with learning ones
# 96.8 %<!--claim:inside_unfrozen_accuracy-->.
#
# So the notes are right: noise can mean that the first layer has learned little. But after two
# epochs it does not say that the answers are bad, because the layers behind it can work with many
# kinds of kernels. Longer training, or photographs, may ask for more.

# %% tags=["claims"]
slow_kept = np.mean(kept[SLOW])
claim("inside_filters_kept", slow_kept, at_least=0.9, **DATA)
moved = min(
    np.abs(it.start - it.get_layer("conv1").get_weights()[0]).max()
    for it in learning.values()
)
claim("inside_learning_kernels_moved", moved, at_least=1e-4)
stayed = max(
    np.abs(it.start - it.get_layer("conv1").get_weights()[0]).max()
    for it in frozen.values()
)
claim("inside_frozen_kernels_moved", stayed, equals=0.0)
tests = {}
for side, nets in {"frozen": frozen, "learning": learning}.items():
    best = max(FEW_RATES, key=lambda rate: np.mean(scores[side, rate]))
    tests[side] = np.array([accuracy_of(nets[best, s], *test) for s in SEEDS])
more = {"quick": 0.2, "embedded": 0.9, **DATA}
claim("inside_frozen_accuracy", tests["frozen"].mean(), at_least=0.94, **more)
claim("inside_unfrozen_accuracy", tests["learning"].mean(), at_least=0.94, **more)
lead = 100 * (tests["learning"].mean() - tests["frozen"].mean())
more = {"quick": 99, "embedded": 3, **DATA}
claim("inside_points_of_learned_kernels", lead, at_most=1.5, **more)

# %% [markdown]
# ## Filters that look at photographs
#
# EfficientNet-Lite0 has learned from more than a million photographs (chapter 0), and its first
# layer, called `stem`, has 32 filters of 3×3 pixels. A photograph has three channels, so each
# filter is a stack of three kernels, one for red, one for green and one for blue, and its answer is
# the sum of all 27 products.
#
# Nobody told this network what an edge is, so has it found Sobel's kernel, as our single filter did
# in chapter 3? We let both look at three photographs and compare their answers. The **correlation**
# of two rows of numbers says how far they go up and down together: it is 1 for (1, 2, 3) and (2, 4,
# 6), −1 for (1, 2, 3) and (6, 4, 2), and near 0 if neither says anything about the other.

# %%
lite = build_efficientnet_lite0((SIDE, SIDE, 3), weights="imagenet")
photos = np.stack([middle(name, SIDE) for name in ("cat", "coffee", "rocket")])
pixels = (photos - 127) / 128  # as the network rescales them: from −1 to 1
stem = lite.get_layer("stem").get_weights()[0]
SOBEL = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
both = np.stack([SOBEL, SOBEL.T], axis=-1)[:, :, None]
grey = pixels.mean(axis=-1, keepdims=True)
edges = convolve(grey, both, strides=2).reshape(-1, 2)
print("answers of the two Sobel kernels:", edges.shape)

# %% [markdown]
# A mixture of the upright and the lying Sobel kernel finds edges of any direction. So for each
# learned filter we take the mixture whose answers fit its own best (`pinv` finds it), and the
# correlation between the two.

# %%
centred = (edges - edges.mean(axis=0)).astype("float32")
best_fit = np.linalg.pinv(centred)


def likeness(filters):
    answers = convolve(pixels, filters, strides=2).reshape(-1, filters.shape[-1])
    answers = answers - answers.mean(axis=0)
    fitted = centred @ (best_fit @ answers)
    return np.linalg.norm(fitted, axis=0) / np.linalg.norm(answers, axis=0)


learned = likeness(stem)
print("above 0.5:", np.sum(learned > 0.5), "of", len(learned))

# %% [markdown]
# Are 8 of 32 many? We have to know what chance gives, so we make a hundred layers of 32 filters for
# each of four kinds. *Random* filters have any weights. In *balanced* ones the 27 weights add up to
# 0, and in those *balanced by colour* the nine of each colour do. *Shuffled* filters are the
# trained ones with their nine places mixed up, colours and all. So their sums stay, and only the
# shape is lost.

# %%
random = np.random.default_rng(SEED)


def by_chance(kind):
    if kind == "shuffled":
        filters = stem.reshape(9, 3, 32).transpose(2, 0, 1)
        mixed = [random.permutation(places) for places in filters]
        return np.stack(mixed, axis=-1).reshape(stem.shape)
    weights = random.normal(size=stem.shape).astype("float32")
    sums_to_zero = {"balanced": (0, 1, 2), "balanced by colour": (0, 1)}
    if kind in sums_to_zero:
        weights -= weights.mean(axis=sums_to_zero[kind])
    return weights


# %% tags=["hide-input"]
KINDS = ("random", "balanced", "balanced by colour", "shuffled")
chance = {
    kind: np.stack([likeness(by_chance(kind)) for _ in range(TRIES)])
    for kind in KINDS
}
rows = [["trained", np.sum(learned > 0.5), f"{learned.max():.2f}"]]
for kind, its in chance.items():
    above, best = np.sum(its > 0.5, axis=1), its.max(axis=1)
    cells = (f"{above.mean():.1f} ({above.min()} to {above.max()})",)
    rows.append([kind, *cells, f"{np.median(best):.2f}"])
show(("filters", "of 32 above 0.5", "the best of 32 (median)"), rows)

# %% tags=["hide-input"] alt="Two rows, each with three kernels of nine numbers for red, green and blue and the map of a coffee cup: above an edge filter whose weights are mostly on green, below a colour filter whose kernels differ in sign"
sums = stem.sum(axis=(0, 1))
colour_filter = (sums.std(axis=0)).argmax()
figure, grid = plt.subplots(2, 4, figsize=(7.2, 3.9), dpi=72)
for row, which in zip(grid, (learned.argmax(), colour_filter), strict=True):
    limit = np.abs(stem[..., which]).max()
    titles = ("for red", "for green", "for blue")
    for axes, channel, title in zip(row, range(3), titles, strict=False):
        values = stem[:, :, channel, which]
        bare(axes, values, title, cmap="signs", vmin=-limit, vmax=limit)
        write_numbers(axes, values)
    row[0].set_ylabel(f"filter {which}")
    answer = convolve(pixels[1:2], stem[..., which : which + 1], strides=2)[
        0, ..., 0
    ]
    limit = np.quantile(np.abs(answer), 0.995)
    drawn = bare(
        row[3], answer, "its answers", cmap="signs", vmin=-limit, vmax=limit
    )
    figure.colorbar(drawn, ax=row[3], shrink=0.8)
plt.show()

# %% [markdown]
# **Figure 13.3. An edge filter and a colour filter.** Above stands the filter that is most like
# Sobel's. Most of its weight is on green, where one side is positive and the other negative.
# Below, the kernels for green and blue have opposite signs all over. On the right is what each
# answers to a cup of coffee.

# %% tags=["hide-input"] alt="Above, thirty-two small filters in colour with a number above each: first stripes, then spots and patches of one colour, at the end four marked off. Below, the sorted correlations of the trained filters as dots, close to the band of the shuffled ones"
order = learned.argsort()[::-1]
off = np.abs(stem).max(axis=(0, 1, 2)) < 0.01
order = [*order[~off[order]], *np.flatnonzero(off)]
tiles = filter_images(lite, "stem", same_scale=False)
upper, lower = plt.figure(figsize=(7.2, 6.8)).subfigures(2, 1, height_ratios=(5, 3))
for axes, which in zip(upper.subplots(4, 8).flat, order, strict=True):
    bare(axes, tiles[which], "off" if off[which] else f"{learned[which]:.2f}")
axes, rank = lower.subplots(), np.arange(1, 33)
ranked = {kind: -np.sort(-its, axis=1) for kind, its in chance.items()}
band = np.quantile(ranked["shuffled"], (0.05, 0.95), axis=0)
axes.fill_between(rank, *band, color="0.85")
for (kind, its), line in zip(ranked.items(), (":", "--", "-.", "-"), strict=True):
    axes.plot(rank, its.mean(axis=0), line, color="0.45", label=kind)
axes.plot(rank, -np.sort(-learned), "o", color="C0", label="trained")
axes.axhline(0.5, color="C1", lw=1)
axes.set(xlabel="filters of a layer, the best first", ylabel="correlation")
axes.legend(fontsize=9, loc="upper left", bbox_to_anchor=(1.01, 1))
plt.show()

# %% [markdown]
# **Figure 13.4. All 32 filters of the first layer, and what chance gives.** Grey in a tile is a
# weight of 0, and each tile has its own scale. Above it stands its correlation with a Sobel filter.
# Tiles marked "off" have no weight above 0.01. Below, dots are the trained filters, lines the means
# of a hundred layers, the band holds 90 % of the shuffled layers, and the orange line marks 0.5.
#
# The best trained filter reaches 0.92<!--claim:inside_best_sobel-->,
# and 8<!--claim:inside_filters_like_sobel--> of the 32 are above 0.5. Of the random filters only
# 6 %<!--claim:inside_random_like_sobel--> are, so it looks as if training has found edges. But most
# random filters answer to brightness. The balanced ones give 0 for plain grey, and of these
# 25 %<!--claim:inside_balanced_like_sobel--> are above 0.5; balanced by colour, even
# 86 %<!--claim:inside_colours_like_sobel--> are. And a shuffled layer
# has 7.9<!--claim:inside_shuffled_like_sobel--> such filters on average, and mostly a best one
# above 0.92.
#
# By this measure, then, the trained filters are *not* more like Sobel's than shuffled ones. What
# counts is how nearly the nine weights of each colour add up to 0, because the shape can be
# shuffled and as many filters pass. Some may still look for edges, but a high correlation is no
# evidence of it. But
# 4<!--claim:inside_filters_off--> have hardly any weights, and what these are good for we shall see
# soon.

# %% tags=["claims"]
claim("inside_best_sobel", learned.max(), at_least=0.85)
claim("inside_filters_like_sobel", int((learned > 0.5).sum()), at_least=6)
shares = {kind: np.mean(its > 0.5) for kind, its in chance.items()}
claim("inside_random_like_sobel", shares["random"], at_most=0.15, quick=0.25)
claim("inside_balanced_like_sobel", shares["balanced"], at_least=0.18, quick=0.12)
by_colour = shares["balanced by colour"]
claim("inside_colours_like_sobel", by_colour, at_least=0.6, quick=0.5)
like_sobel = np.sum(chance["shuffled"] > 0.5, axis=1)
claim("inside_shuffled_like_sobel", like_sobel.mean(), at_least=6, quick=4)
# If the trained filters were above chance, these two shares would be near 0.
as_many = np.mean(like_sobel >= np.sum(learned > 0.5))
claim("inside_shuffled_as_many", as_many, at_least=0.2, quick=0)
as_good = np.mean(chance["shuffled"].max(axis=1) >= learned.max())
claim("inside_shuffled_as_good", as_good, at_least=0.5, quick=0)
claim("inside_filters_off", int(off.sum()), equals=4)

# %% [markdown]
# ## Maps, layer by layer
#
# Deeper filters do not read colours, but the maps below them, and often hundreds of these. A
# drawing of their weights would tell you little. So we walk beside the dog: we show it a photograph
# and draw the feature maps, which say *where* each filter answered, and how much. In these layers
# an answer lies between 0 and 6, because its activation function, *ReLU6*, is a ReLU that also cuts
# off what is above 6.

# %%
DEPTHS = {"stem_relu": "stem", "stage2_block2_expand_relu": "stage 2"}
DEPTHS |= {"stage4_block1_expand_relu": "stage 4"}
DEPTHS |= {"stage5_block3_expand_relu": "stage 5", "head_relu": "last"}
maps = feature_maps(lite, photos, [*DEPTHS])
for name, values in maps.items():
    height, width, count = values.shape[1:]
    print(f"{DEPTHS[name]:8} {count:5,} maps of {height}×{width}", end=", ")
    print(f"above 0: {np.mean(values > 0):.0%}")

# %% [markdown]
# Of each layer we draw those four maps that vary most over the photograph of the cat. This choice
# favours what is striking.

# %% tags=["hide-input"] alt="Five rows, one a layer: a cat at the resolution of the layer and four maps, first with fur and outlines, then with ears and eyes, at the end with a few bright squares"
figure, grid = plt.subplots(5, 5, figsize=(7.2, 7.0), dpi=72)
for row, (name, title) in zip(grid, DEPTHS.items(), strict=True):
    values = maps[name][0]
    factor = SIDE // len(values)
    blocks = photos[0][: len(values) * factor, : len(values) * factor]
    blocks = blocks.reshape(len(values), factor, len(values), factor, 3)
    bare(
        row[0],
        blocks.mean(axis=(1, 3)) // 8 / 31,
        f"{len(values)}×{len(values)} pixels",
    )
    row[0].set_ylabel(title)
    varied = values.std(axis=(0, 1)).argsort()[::-1][:4]
    for axes, which in zip(row[1:], varied, strict=True):
        look = {"cmap": plt.get_cmap("inferno", 6), "vmin": 0, "vmax": 6}
        drawn = bare(axes, values[..., which], f"map {which}", **look)
figure.colorbar(drawn, ax=grid, label="answer", shrink=0.4, aspect=30)
plt.show()

# %% [markdown]
# **Figure 13.5. The cat, layer by layer.** On the left you see the photograph with as many pixels
# as the maps of that layer have. All maps share one scale, in steps of 1. The stem draws fur and
# outlines, later ones are mostly patchy, and the last one only shows in
# which part of the picture its filters answer.
#
# On the way, the answers become rarer. In the stem, 71 %<!--claim:inside_above_zero_first--> of all
# values are above 0, and in the last layer only 7 %<!--claim:inside_above_zero_last-->. This fits
# the idea that deep filters look for rarer things, but three photographs are few, and stage 2 has
# more answers than the stem. A map alone does not tell you what the filter looks for, either.
#
# In JupyterLab you can play with the following figure: step through the layers of our digit reader,
# choose a digit, or draw one with the mouse.

# %% tags=["hide-input"] alt="A handwritten digit, its 32 maps in the first layer, and bars for the ten classes"
layers_widget(
    reader, digits.test_images[:20], plot_layer, DrawingPad, layer="conv1"
)

# %% [markdown]
# **Figure 13.6. A digit in the first layer of the reader.** Each tile is the map of one of the 32
# kernels. All tiles share a scale, so you can see which kernels answer strongly.

# %% tags=["claims"]
above = [np.mean(values > 0) for values in maps.values()]
claim("inside_above_zero_first", above[0], at_least=0.5)
claim("inside_above_zero_last", above[-1], at_most=0.2, quick=0.4)

# %% [markdown]
# ## Units that never answer
#
# A dead unit, as you know from chapter 5, gives 0 for every picture, and gets no slope that could
# revive it. To see how one dies, take a unit with one weight of 1, no bias, and inputs from 1 to 3,
# so that it answers 1 to 3. Now a step that is too long makes the weight −2. All sums are below 0,
# the ReLU makes them 0, the slope is 0 as well, and from now on nothing moves.
#
# So one would expect more dead units at higher learning rates, and CS231n's notes call empty maps a
# possible symptom of these. We ask the networks that we have trained above. A
# filter counts as dead if it answers nowhere on any of the validation digits.


# %%
def is_dead(net, layer, images):
    maps = feature_maps(net, images, layer)[layer]
    return ~(maps > 0).any(axis=(0, 1, 2))


some = validation[0][:1_000]
net = learning[FAST, SEED]
package = dead_filters(net, some, "relu2") == 1
print("as cnnbook has it:", np.array_equal(is_dead(net, "relu2", some), package))
LAYERS = ("conv1", "relu2", "relu3")
dead, accuracies = {}, {}
for run, net in learning.items():
    dead[run] = [is_dead(net, layer, validation[0]).mean() for layer in LAYERS]
    accuracies[run] = accuracy_of(net, *validation)

# %% tags=["hide-input"] alt="Two charts over the learning rate: accuracy rises, is highest at 0.003, and falls steeply after 0.02; the share of dead filters of the second layer jumps to three quarters at 0.01"
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.1))
means = [100 * np.mean([accuracies[rate, s] for s in SEEDS]) for rate in RATES]
left.plot(RATES, means, "-", color="C0")
for rate, seed in accuracies:
    left.plot(rate, 100 * accuracies[rate, seed], "o", color="C0", alpha=0.6)
left.set(title="What it reads", ylabel="validation accuracy, %", ylim=LIMITS)
looks = zip(("C2", "C1", "C4"), ("s:", "^-", "D--"), strict=True)
for number, (color, line) in enumerate(looks):
    each = {run: 100 * shares[number] for run, shares in dead.items()}
    means = [np.mean([each[rate, s] for s in SEEDS]) for rate in RATES]
    right.plot(RATES, means, line, color=color, label=f"layer {number + 1}")
    for (rate, _), share in each.items():
        right.plot(rate, share, line[0], color=color, alpha=0.4)
right.set(title="What is dead", ylabel="dead filters, %", ylim=(-3, 103))
right.legend()
for axes in (left, right):
    axes.set(xscale="log", xlabel="learning rate of Adam")
    axes.set_xticks(RATES, [f"{rate:g}" for rate in RATES])
    axes.minorticks_off()
plt.show()

# %% [markdown]
# **Figure 13.7. What networks read, and what is dead in them.** Lines go through the means of three
# seeds; single ones are pale. From 0.003 to 0.01 the second layer loses three quarters of its
# filters, and the accuracy hardly changes. Beyond 0.02 it falls out of the left chart.
#
# At a rate of 0.001, the mean accuracy is 94.8 %<!--claim:inside_well_accuracy-->, and in the
# second layer 0 %<!--claim:inside_well_dead--> of the filters are dead. At 0.01,
# 77 %<!--claim:inside_fast_dead--> are dead, but the network reads
# 96.1 %<!--claim:inside_fast_accuracy-->, which is *more*. The faster rate simply gets further in
# two epochs, and the few filters that are left can do the work. Best of all is 0.003, where the
# second layer has no dead filters. At 0.02, 96 %<!--claim:inside_badly_dead--> are dead, and
# 94.0 %<!--claim:inside_badly_accuracy--> is read.
#
# So in the second layer dead filters are a sign of a high rate, and a poor one of the accuracy.
# (The third has some at every rate.) What they tell you is how much of the network is in use. So we
# cut the dead ones out.

# %%
net = learning[FAST, SEED]
alive = np.flatnonzero(~is_dead(net, "relu2", validation[0]))
sizes = (32, len(alive), 128)
cut = build_small_digit_net(filters=sizes, normalize=False, dropout=0.0)
first, bias1, second, bias2, third, *rest = net.get_weights()
second, bias2, third = second[..., alive], bias2[alive], third[:, :, alive]
cut.set_weights([first, bias1, second, bias2, third, *rest])
print(f"{len(alive)} of 64 filters, {cut.count_params():,} parameters left")
new_digits = training[0]  # on these we did not look for dead filters
same = np.mean(answers_of(net, new_digits) == answers_of(cut, new_digits))
print(f"the same answer for {same:.2%} of other digits")

# %% [markdown]
# The answers stay the same, because a filter that gives only zeros adds nothing to the next layer.
# What is left is 16<!--claim:inside_alive_filters--> of 64 filters and
# 34 %<!--claim:inside_parameters_left--> of the parameters.

# %% tags=["hide-input"] alt="Two rows of eight maps of a handwritten 4; above, all show strokes, below, most are empty and marked with a 0"
figure, grid = plt.subplots(2, 8, figsize=(7.2, 2.1))
for row, rate in zip(grid, (SLOW, FAST), strict=True):
    values = feature_maps(learning[rate, SEED], four[None], "relu2")["relu2"][0]
    row[0].set_ylabel(f"rate {rate:g}")
    for axes, which in zip(row, range(8), strict=True):
        look = {"cmap": "inferno", "vmin": 0, "vmax": values.max()}
        drawn = bare(axes, values[..., which], **look)
        if not values[..., which].any():
            axes.text(2, 2, "0", color="white", ha="center", va="center")
    figure.colorbar(drawn, ax=row, aspect=8)
plt.show()

# %% [markdown]
# **Figure 13.8. The first eight maps of the second layer for a 4.** Each row has its own scale, and
# maps that are empty have a 0. In the lower network most maps are empty for every digit, and yet it
# reads better than the upper one.
#
# ### The four that are off
#
# Even a famous network has dead filters. The four of EfficientNet-Lite0 have next to no weights,
# but a batch normalisation stands behind them, which could enlarge the little that comes. A pixel
# is between −1 and 1 here, so a filter's sum is at most the sum of its weights without their signs.
# If even that stays below 0 after the normalisation, no picture whatever can wake the filter.

# %%
norm = lite.get_layer("stem_norm")
scale, shift, mean, variance = norm.get_weights()
gain = scale / np.sqrt(variance + norm.epsilon)
at_most = np.abs(stem).sum(axis=(0, 1, 2)) * np.abs(gain)
highest = at_most - mean * gain + shift
print("can never answer:", np.flatnonzero(highest <= 0))
print("without weights: ", np.flatnonzero(off))

# %% [markdown]
# These are the same four filters. So they have been dead for every user of this network since it
# was published.

# %% tags=["claims"]
kinds = {"slow": SLOW, "fast": FAST, "badly": RATES[-2 if len(RATES) > 3 else -1]}
reads = {kind: [accuracies[rate, s] for s in SEEDS] for kind, rate in kinds.items()}
lost = {kind: [dead[rate, s][1] for s in SEEDS] for kind, rate in kinds.items()}
low = {"quick": 0, "embedded": 0.85, **DATA}
claim("inside_well_accuracy", np.mean(reads["slow"]), at_least=0.93, **low)
claim("inside_well_dead", np.mean(lost["slow"]), at_most=0.1, **DATA)
claim("inside_fast_accuracy", np.mean(reads["fast"]), at_least=0.94, **low)
some_dead = {"quick": 0, "embedded": 0.3, **DATA}
claim("inside_fast_dead", np.mean(lost["fast"]), at_least=0.6, **some_dead)
claim("inside_badly_accuracy", np.mean(reads["badly"]), at_least=0.85, **low)
claim("inside_badly_dead", np.mean(lost["badly"]), at_least=0.85, **some_dead)
more = 100 * (np.mean(reads["fast"]) - np.mean(reads["slow"]))
bounds = {"quick": -99, "embedded": -3, **DATA}
claim("inside_points_with_dead_filters", more, at_least=0.3, **bounds)

# %% tags=["claims"]
if not QUICK:
    best = max(
        RATES, key=lambda rate: np.mean([accuracies[rate, s] for s in SEEDS])
    )
    claim("inside_best_rate", best, equals=0.003)
    its = np.mean([dead[best, s][1] for s in SEEDS])
    claim("inside_best_rate_dead", its, at_most=0.1)
    last = np.mean([accuracies[RATES[-1], s] for s in SEEDS])
    claim("inside_too_fast_accuracy", last, at_most=0.8)
claim("inside_same_answers_without_dead", same, at_least=0.998, quick=0.9)
few = {"quick": 64, "embedded": 40, **DATA}
claim("inside_alive_filters", len(alive), at_most=24, **few)
left_over = cut.count_params() / net.count_params()
few = {"quick": 1, "embedded": 0.8, **DATA}
claim("inside_parameters_left", left_over, at_most=0.6, **few)
never = int(np.array_equal(np.flatnonzero(highest <= 0), np.flatnonzero(off)))
claim("inside_off_filters_are_dead", never, equals=1)

# %% [markdown]
# ## Favourites among real pictures
#
# The third question was at which suitcases the dog barks loudest. For a filter that is easy to ask:
# run it over many photographs, and cut out the places where it answered most. We cut four
# photographs into ten squares, take the best place of each, and sort them. We measure *before* the
# ReLU6, so that answers above 6 can still be told apart.

# %%
WISHES = {("stage3_block2_expand", 1): 48, ("stage3_block2_expand", 2): 48}
WISHES[("stage5_block3_expand", 0)] = 112  # how much we cut out, in pixels
squares = tiles_of(("cat", "coffee", "rocket", "camera"))[:, :SIDE, :SIDE]


def best_places(layer, which):
    answers = feature_maps(lite, squares, layer + "_norm")[layer + "_norm"]
    answers = answers[..., which]
    peaks = answers.reshape(len(answers), -1).argmax(axis=1)
    places = np.unravel_index(peaks, answers.shape[1:])
    return answers, np.stack([*places, answers.max(axis=(1, 2))], axis=1)


# %% [markdown]
# Favourites are extremes, which can mislead. So behind the four favourites we also show a place
# where the filter answers just half as much as at its best one.

# %% tags=["hide-input"] alt="Three rows of five cut-outs: lying borders of light and dark, bright spots, and a head, eyes and a tripod"
figure, grid = plt.subplots(3, 5, figsize=(7.2, 4.9), dpi=72)
real = {}
for row, ((layer, which), size) in zip(grid, WISHES.items(), strict=True):
    answers, places = best_places(layer, which)
    real[layer, which] = answers
    step, size = SIDE // answers.shape[1], min(size, SIDE)
    best = places[:, 2].argsort()[::-1][:4]
    chosen = [(number, *places[number]) for number in best]
    half = np.abs(answers - answers.max() / 2).argmin()
    at = np.unravel_index(half, answers.shape)
    chosen.append((*at, answers[at]))
    row[0].set_ylabel(f"{layer[:5]} {layer[5]}, filter {which}")
    for axes, (number, y, x, value) in zip(row, chosen, strict=True):
        top = int(np.clip((y + 0.5) * step - size / 2, 0, SIDE - size))
        start = int(np.clip((x + 0.5) * step - size / 2, 0, SIDE - size))
        window = squares[number, top : top + size, start : start + size]
        window = window[:: max(1, size // 48), :: max(1, size // 48)]
        bare(axes, window, f"{value:.1f}" + " (half)" * (axes is row[4]))
plt.show()

# %% [markdown]
# **Figure 13.9. Favourite places of three filters.** Above each stands the answer. Filter 1 of
# stage 3 likes lying borders, filter 2 bright spots, and in stage 5 you see a head, two eyes and a
# tripod. In the last column the answer is half of the best. This can be more than the fourth
# favourite's, because each square enters only one favourite, but this place may come from any
# square.
#
# It is tempting to call the filter of stage 5 an eye filter. But its best place by far shows an ear
# and a collar, and its fourth favourite a tripod, and it answers above 0 at
# 11 %<!--claim:inside_eye_filter_above_zero--> of all places in the ten squares. The filter also
# sees more of the picture than our frame. With a hundred photographs of buttons it might look like
# a button filter, too. Favourites are therefore a good way to *guess* what a filter looks for, but
# a guess has to be tested on pictures that were not chosen by their answer.

# %% tags=["claims"]
eyes = np.mean(real["stage5_block3_expand", 0] > 0)
claim("inside_eye_filter_above_zero", eyes, at_most=0.3, quick=1)

# %% [markdown]
# ## The picture that a filter likes best
#
# Now we pack a suitcase: instead of searching among photographs we *make* a picture to which a
# filter answers as strongly as possible. Take a filter of two weights, (1, −1), and a picture of
# two pixels, both 100, so that its answer is 100 − 100 = 0. The slope of the answer is 1 for the
# first pixel and −1 for the second, which are just the weights. A step uphill gives, for example,
# (150, 50) and an answer of 100, and the end is white beside black, (255, 0). So the favourite
# patch of a first-layer filter is white where its weight is positive, and black where it is
# negative.
#
# For a deep filter nobody can read the slopes off, but backpropagation computes them, for the
# pixels just as for the weights. Going uphill instead of down is called **gradient ascent**, and
# making a picture in this way **activation maximisation** (Erhan et al., 2009, technical report
# 1341, University of Montreal). We divide the slopes by their size, because otherwise the steps
# would be tiny, and make the steps smaller towards the end.


# %%
def climb(look, which, picture, steps):
    for step in range(steps):
        pixels = tf.constant(picture, tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            answer = tf.reduce_mean(look(pixels)[..., which])
        slopes = tape.gradient(answer, pixels).numpy()
        pace = 8 * max(1 - step / steps, 0.1)  # in grey levels
        size = np.sqrt((slopes**2).mean())
        picture = np.clip(picture + pace * slopes / size, 0, 255)
    return picture


# %% [markdown]
# What counts is the mean answer over all places, before the ReLU6, and we start with a grey picture
# that has a little noise. The package has the same loop as `maximize_filter`, with three more
# settings that we switch off for now.

# %%
small = build_efficientnet_lite0((MADE_SIDE, MADE_SIDE, 3), weights="imagenet")
LAYER, FILTER, SHORT = "stage3_block2_expand", 2, 4 if QUICK else 20
look = keras.Model(small.input, small.get_layer(LAYER + "_norm").output)
noise = np.random.default_rng(SEED).normal(0, 10, (1, MADE_SIDE, MADE_SIDE, 3))
made = climb(look, FILTER, 127.5 + noise, SHORT)
before, after = (np.mean(look(it)[..., FILTER]) for it in (127.5 + noise, made))
OFF = {"jitter": 0, "blur": 0, "decay": 0}
options = {"steps": SHORT, "seed": SEED, **OFF}
package = maximize_filter(look, LAYER + "_norm", FILTER, **options)
agreement = np.corrcoef(made.ravel(), package.ravel())[0, 1]
print(f"answer {before:.2f} before, {after:.2f} after; correlation {agreement:.4f}")

# %% [markdown]
# ### What the three settings contribute
#
# Left alone, the climb ends in a glitter that no photograph has, and three things are commonly done
# about it. *Jitter* shifts the picture a little at random before each step, and back afterwards.
# *Blur* mixes a blurred copy into it, and *decay* draws each pixel towards grey (Yosinski et al.,
# 2015, [Understanding neural networks through deep
# visualization](https://arxiv.org/abs/1506.06579); shifting is due to Mordvintsev et al., 2015). We
# switch on one at a time, with three seeds and three filters.

# %%
SHIFT = MADE_SIDE // 16
SETTINGS = {"nothing": {}, "jitter": {"jitter": SHIFT}, "blur": {"blur": 0.3}}
SETTINGS |= {"decay": {"decay": 0.01}}
SETTINGS["all three"] = {"jitter": SHIFT, "blur": 0.3, "decay": 0.01}
deep = keras.Model(small.input, small.get_layer("stage5_block3_expand_norm").output)
TARGETS = {"stage3_block2_expand_norm": [1, 2], "stage5_block3_expand_norm": [0]}
made = {}
for name, seed in ((name, seed) for name in SETTINGS for seed in SEEDS):
    options = {**OFF, **SETTINGS[name], "steps": STEPS, "seed": seed}
    for layer, which in TARGETS.items():
        net = look if layer.startswith("stage3") else deep
        made[name, seed, layer] = maximize_filter(net, layer, which, **options)

# %% tags=["hide-input"] alt="Three rows of five made pictures: stripes, dots and a maze with curls; without settings they glitter, with jitter they have larger patterns, with blur they are soft, with decay they look as without"
figure, grid = plt.subplots(3, 5, figsize=(7.2, 4.7), dpi=72)
for column, name in zip(grid.T, SETTINGS, strict=True):
    pictures = np.concatenate([made[name, SEED, layer] for layer in TARGETS])
    for axes, picture in zip(column, pictures, strict=True):
        bare(axes, stretched(picture[:64, :64]))
    column[0].set_title(name, fontsize=10, fontweight="normal", loc="center")
for row, name in zip(grid, ("stage 3, 1", "stage 3, 2", "stage 5, 0"), strict=True):
    row[0].set_ylabel(name)
plt.show()

# %% [markdown]
# **Figure 13.10. What the filters of Figure 13.9 like best, with and without help.** You see a
# corner of each picture, in eight steps a colour. Each is stretched on its own until its strongest
# colour reaches the end of the scale, so you cannot compare contrasts. You see lying stripes, dots,
# and a maze with curls. Jitter makes the pattern larger, blur makes it softer, and decay changes
# little.
#
# The eye sees a difference, so let us measure it. *Roughness* compares neighbouring pixels: it is 1
# for pure noise, and near 0 if neighbours are alike. *After a shift* says which share of the answer
# is left when the finished picture moves by three pixels, and *contrast* is the standard deviation
# in grey levels.


# %%
def roughness(pictures):
    values = pictures.astype(float)
    down, across = ((np.diff(values, axis=axis) ** 2).mean() for axis in (1, 2))
    return (down + across) / 4 / values.var(axis=(1, 2)).mean()


def answer_to(pictures, layer):
    net = look if layer.startswith("stage3") else deep
    means = np.mean(net(pictures), axis=(1, 2))
    return means[range(len(pictures)), TARGETS[layer]].mean()


# %%
def measure(setting):
    its = [(run[2], them) for run, them in made.items() if run[0] == setting]
    answers = [answer_to(them, layer) for layer, them in its]
    moved = [(layer, np.roll(them, (3, 3), axis=(1, 2))) for layer, them in its]
    shifted = [answer_to(them, layer) for layer, them in moved]
    share = np.divide(shifted, answers).mean()
    rough = np.mean([roughness(them) for _, them in its])
    return np.mean(answers), share, rough, np.mean([them.std() for _, them in its])


measured = {setting: measure(setting) for setting in SETTINGS}

# %% tags=["hide-input"]
rows = [
    [
        name,
        f"{answer:.2f}",
        f"{100 * share:.0f} %",
        f"{rough:.2f}",
        f"{contrast:.0f}",
    ]
    for name, (answer, share, rough, contrast) in measured.items()
]
show(("setting", "answer", "after a shift", "roughness", "contrast"), rows)

# %% [markdown]
# Without any help the answer is highest, but it hangs on the exact position: after a shift of three
# pixels, only 25 %<!--claim:inside_shifted_plain--> of it is left. With jitter it is
# 103 %<!--claim:inside_shifted_jitter-->, so jitter makes the picture one that the filter likes as
# much after this shift. Blur takes the glitter away: roughness falls from
# 0.69<!--claim:inside_rough_plain--> to 0.25<!--claim:inside_rough_blur-->, and most of the
# contrast goes, too. Decay, as weak as here, lowers the contrast by
# 15 %<!--claim:inside_decay_contrast--> and changes little else.
#
# Each of them costs some of the answer: with all three, 56 %<!--claim:inside_answer_all--> of it is
# left. So at its exact place the unaided picture is liked best, and after the shift those with
# jitter. Whenever you see such a picture, ask what was done to it.

# %% tags=["claims"]
plain, jittered, blurred, decayed, whole = measured.values()
claim("inside_climb_as_package", agreement, at_least=0.9)
claim("inside_shifted_plain", plain[1], at_most=0.65, quick=2)
claim("inside_shifted_jitter", jittered[1], at_least=0.85, quick=-9)
claim("inside_rough_plain", plain[2], at_least=0.6, quick=0)
claim("inside_rough_blur", blurred[2], at_most=0.4, quick=2)
fall = 1 - decayed[3] / plain[3]
claim("inside_decay_contrast", fall, at_least=0.05, quick=-9)
claim("inside_decay_roughness", abs(decayed[2] - plain[2]), at_most=0.05, quick=9)
claim("inside_decay_shift", abs(decayed[1] - plain[1]), at_most=0.1, quick=9)
share = whole[0] / plain[0]
claim("inside_answer_all", share, at_most=0.8, quick=99)

# %% [markdown]
# ### What a class likes best
#
# The last layer has a unit for each class, and we can ask these as well.

# %%
WANTED = [
    names.index(it) for it in ("espresso", "Egyptian cat", "missile", "daisy")
]
liked = {}
for name in ("nothing", "all three"):
    for seed in SEEDS:
        options = {**OFF, **SETTINGS[name], "steps": STEPS, "seed": seed}
        liked[name, seed] = maximize_filter(small, "logits", WANTED, **options)


# %%
def probabilities_of(pictures):
    probabilities = keras.ops.softmax(small(pictures.astype("float32")))
    return probabilities.numpy()[range(4), WANTED]


sure = {run: probabilities_of(pictures) for run, pictures in liked.items()}
for run, probabilities in sure.items():
    print(run, probabilities.round(3))

# %% tags=["hide-input"] alt="Two rows of four made pictures for espresso, Egyptian cat, missile and daisy: above glitter, below softer lines, with a flower-like centre for the daisy"
figure, grid = plt.subplots(2, 4, figsize=(7.2, 4.1), dpi=72)
for row, name in zip(grid, ("nothing", "all three"), strict=True):
    row[0].set_ylabel(name)
    each = zip(row, liked[name, SEED], WANTED, sure[name, SEED], strict=True)
    for axes, picture, wanted, probability in each:
        title = f"{names[wanted]}: {100 * probability:.1f} %"
        bare(axes, stretched(picture), title)
plt.show()

# %% [markdown]
# **Figure 13.11. What four classes like best.** Above without help, below with jitter, blur and
# decay, each stretched in the same way, and with the probability that the network gives the class.
# Below you may find petals around a centre for the daisy, but hardly an espresso, and above there
# is mostly glitter, though the daisy has a burst of rays.
#
# Without any help, the network gives the wanted class 97 %<!--claim:inside_plain_probability--> or
# more to each of twelve pictures (four classes, three seeds), although you would hardly recognise
# anything in them (Nguyen et al., 2015, [Deep neural networks are easily
# fooled](https://arxiv.org/abs/1412.1897)). With all three settings, the mean is
# 90 %<!--claim:inside_favourite_probability-->, and the least sure of the twelve has only
# 45 %<!--claim:inside_least_favourite-->. So the network has learned what tells an espresso from
# 999 other things in photographs, and that is less than what an espresso is, perhaps because no
# photograph ever forced it to say no to glitter.

# %% tags=["claims"]
of_setting = {
    setting: np.concatenate(
        [it for (name, _), it in sure.items() if name == setting]
    )
    for setting in ("nothing", "all three")
}
helped, unhelped = of_setting["all three"], of_setting["nothing"]
claim("inside_favourite_probability", helped.mean(), at_least=0.5, quick=0)
claim("inside_least_favourite", helped.min(), at_most=0.95, quick=1)
claim("inside_plain_probability", unhelped.min(), at_least=0.9, quick=0)

# %% [markdown]
# ## Which pictures are alike?
#
# The last question was which suitcases smell alike to the dog. Just before it decides, a network
# describes each picture by a list of numbers, and all that the last layer does is weigh them. Such
# a list is called an **embedding** if similar pictures get similar lists. Ours has 64 numbers, and
# comes from a small network that we train on Fashion-MNIST, the clothes of chapter 8.


# %% tags=["network"]
def build_clothes_net():
    x = images = keras.Input((28, 28, 1), name="images")
    x = layers.Rescaling(1 / 255)(x)
    x = layers.Conv2D(24, 5, strides=2, padding="same", name="conv1")(x)
    x = layers.ReLU(name="relu1")(x)
    for number, filters in {2: 48, 3: 64}.items():
        conv = layers.Conv2D(filters, 3, padding="same", use_bias=False)
        x = layers.BatchNormalization(momentum=0.9, name=f"norm{number}")(conv(x))
        x = layers.ReLU(name=f"relu{number}")(x)
        if number == 2:
            x = layers.MaxPooling2D(2, name="pool")(x)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    return keras.Model(images, layers.Dense(10, name="logits")(x))


# %%
clothes = load_fashion_mnist()
pictures, labels = clothes.test_images[:POINTS], clothes.test_labels[:POINTS]
taught = clothes.train_images[:CLOTHES], clothes.train_labels[:CLOTHES]


# %%
def train_clothes(seed):
    keras.utils.set_random_seed(seed)
    net = build_clothes_net()
    rate = CosineDecay(0.005, CLOTHES_EPOCHS * -(-CLOTHES // 64))
    net.compile(keras.optimizers.Adam(rate), CROSS_ENTROPY)
    net.fit(*taught, batch_size=64, epochs=CLOTHES_EPOCHS, verbose=0)
    return net


nets = {seed: train_clothes(seed) for seed in SEEDS}
lists = {seed: embed(net, pictures) for seed, net in nets.items()}
read = [accuracy_of(net, pictures, labels) for net in nets.values()]
print(lists[SEED].shape, np.round(read, 3))

# %% [markdown]
# Nobody can look at 64 dimensions, so we have to bring them down to two. The first way is PCA,
# which you met in chapter 5: it turns the axes so that the first shows as much of the spread as
# possible, and the second as much of the rest. How much is left, we can work out for three points,
# (4, 4), (−1, −3) and (−3, −1), whose mean is (0, 0). Their squared distances from it are 32, 10
# and 10, together 52. Projected on the diagonal they are at 8/√2, −4/√2 and −4/√2, with the squares
# 32, 8 and 8. So one axis shows 48 of 52, and we say that it *explains* 92 % of the variance.

# %% tags=["nbval-check-output"]
points = np.array([[4, 4], [-1, -3], [-3, -1]])
along = points @ np.array([1, 1]) / np.sqrt(2)
explained = (along**2).sum() / (points**2).sum()
of_sklearn = PCA(2).fit(points).explained_variance_ratio_
print(f"by hand {explained:.3f}, by scikit-learn {of_sklearn.round(3)}")

# %% [markdown]
# We draw the same thousand test pictures twice: once as 784 pixels, and once as the 64 numbers of
# the network. `project` of the package is PCA to two dimensions.

# %%
flat = pictures.reshape(POINTS, -1) / 255
planes = {("pixels", "PCA"): project(flat), ("lists", "PCA"): project(lists[SEED])}
shares = {}
for name, values in {"pixels": flat, "lists": lists[SEED]}.items():
    shares[name] = PCA(2).fit(values).explained_variance_ratio_.sum()
    print(f"{name:6} two of {values.shape[1]} axes explain {shares[name]:.0%}")

# %% tags=["hide-input"]
MARKS = "os^DvPXos^"
TABLE = plt.get_cmap("tab10")


def scatter(axes, points, title, size=7):
    """Draw the pictures as points, by class; all classes in turns."""
    for turn in range(8):
        for label, name in enumerate(clothes.class_names):
            its = points[labels == label][turn::8]
            look = {"s": size, "marker": MARKS[label], "color": TABLE(label)}
            axes.scatter(*its.T, **look, lw=0, label=name)
    axes.set_title(title, fontsize=10)
    axes.grid(False)
    axes.spines[:].set_visible(True)


def name_classes(figure, axes):
    handles, names = axes.get_legend_handles_labels()
    look = {"loc": "outside lower center", "ncols": 5, "markerscale": 2}
    figure.legend(handles[:10], names[:10], fontsize=9, **look)


# %% tags=["hide-input"] alt="Two clouds of points in ten colours: on the left most classes overlap, on the right shoes, bags and tops form groups"
figure, row = plt.subplots(1, 2, figsize=(7.2, 4.3), dpi=72)
titles = ("PCA of 784 pixels", "PCA of 64 numbers of the network")
for axes, points, title in zip(row, planes.values(), titles, strict=True):
    scatter(axes, points, title)
    axes.set(xlabel="first axis", ylabel="second axis")
name_classes(figure, row[0])
plt.show()

# %% [markdown]
# **Figure 13.12. A thousand clothes in two planes.** Each point is a test picture, and colour and
# mark are its class. On the left, most classes run into each other. On the right, shoes, bags and
# tops lie apart from each other, but dresses run into the trousers, and the tops are a heap.
#
# A PCA is a shadow: it keeps straight lines, and distances can only shrink. So you may say that
# what lies far apart in it *is* far apart, but what lies together may be separated in a direction
# that you do not see. How much may be hidden, the explained share tells. For the pixels, two axes
# explain 47 %<!--claim:inside_explained_pixels--> of the variance, and for the network's numbers
# 53 %<!--claim:inside_explained_lists-->.

# %% tags=["claims"]
claim("inside_explained_toy", float(explained), at_least=0.923, quick=0.923)
claim("inside_explained_pixels", shares["pixels"], at_most=0.6)
claim("inside_explained_lists", shares["lists"], at_most=0.75, quick=1)

# %% [markdown]
# ## What a map of points may say
#
# The second way gives up distances and keeps neighbours. **t-SNE** (van der Maaten and Hinton,
# 2008, [Visualizing data using t-SNE](https://www.jmlr.org/papers/v9/vandermaaten08a.html)) works
# like the seating of a wedding: guests who know each other well want to sit together, all others
# push each other away a little, and everybody moves until nobody wants to move any more. About how
# many acquaintances each guest has is a setting, the **perplexity**, which is often 30.


# %%
def lay_out(points, perplexity=30, seed=SEED):
    values = points.reshape(len(points), -1).astype("float32")
    if values.shape[1] > 50:  # as its authors do: faster, and less noise
        values = PCA(50, random_state=0).fit_transform(values)
    options = {"init": "random", "random_state": seed, "max_iter": TURNS}
    tsne = TSNE(2, perplexity=perplexity, **options)
    one = {"limits": 1, "user_api": "openmp"}  # more threads wait for each other
    with threadpool_limits(**one):
        return tsne.fit_transform(values)


# %% [markdown]
# Before we believe such a map, we test it on a land that we know. It has three islands of 100
# points in ten dimensions. The distance from island 1 to 2 is 10, and from 2 to 3 it is 50, five
# times as far. Island 3 is also five times as wide.


# %%
def make_islands(seed):
    islands = np.random.default_rng(seed).normal(0, 1, (3, 100, 10))
    islands[2] *= 5
    islands[:, :, 0] += np.array([0, 10, 60])[:, None]
    return islands.reshape(300, 10)


def proportions(points):
    islands = points.reshape(3, 100, -1)
    gaps = np.linalg.norm(np.diff(islands.mean(axis=1), axis=0), axis=1)
    widths = islands.std(axis=1).mean(axis=1)
    return gaps[1] / gaps[0], widths[2] / widths[0]


# %%
lands = {seed: make_islands(seed) for seed in SEEDS}
drawn = {"PCA": {seed: project(land) for seed, land in lands.items()}}
for perplexity in (30, 5):
    drawn[f"t-SNE, {perplexity}"] = {
        seed: lay_out(land, perplexity, seed) for seed, land in lands.items()
    }
ratios = {"the land itself": [proportions(land) for land in lands.values()]}
ratios |= {n: [proportions(it) for it in its.values()] for n, its in drawn.items()}
for name, values in ratios.items():
    gap, width = np.mean(values, axis=0)
    print(f"{name:16} gaps 1 : {gap:.1f}, widths 1 : {width:.1f}")

# %% tags=["hide-input"] alt="Three maps of three islands: in the PCA two lie close together and the third, far away, is large; in both t-SNE maps all three are equally large and equally far apart"
figure, row = plt.subplots(1, 3, figsize=(7.2, 2.6))
for axes, (name, its) in zip(row, drawn.items(), strict=True):
    islands = its[SEED].reshape(3, 100, 2)
    for island, mark, number in zip(islands, "os^", (1, 2, 3), strict=True):
        axes.plot(*island.T, mark, ms=3, alpha=0.6, label=f"island {number}")
    axes.set(xticks=[], yticks=[])
    axes.set_title(name, fontsize=10)
    axes.spines[:].set_visible(True)
    axes.set_aspect("equal", adjustable="datalim")
figure.legend(
    *row[0].get_legend_handles_labels(), loc="outside lower center", ncols=3
)
plt.show()

# %% [markdown]
# **Figure 13.13. Three islands that we know.** The PCA draws the third as far away as it is, and
# too wide. In the t-SNE maps, with a perplexity of 30 and of 5, all three are equally large and
# equally far apart, although their points are kept together without a mistake.
#
# In the land, the gaps are as 1 to 5, and so they are in its PCA. In the maps of t-SNE they are as
# 1 to 1.0<!--claim:inside_tsne_gaps-->, and the widths as 1 to 1.0<!--claim:inside_tsne_widths-->.
# So neither gaps nor sizes can be read from such a map (Wattenberg et al., 2016, [How to use t-SNE
# effectively](https://distill.pub/2016/misread-tsne/)).

# %% tags=["claims"]
gaps, widths = np.mean(
    np.concatenate([ratios["t-SNE, 30"], ratios["t-SNE, 5"]]), axis=0
)
claim("inside_tsne_gaps", gaps, at_most=2, quick=4)
claim("inside_tsne_widths", widths, at_most=2, quick=4)
claim("inside_tsne_gaps_not_less", gaps, at_least=0.5, quick=0.25)
claim("inside_tsne_widths_not_less", widths, at_least=0.5, quick=0.25)
true_gaps, true_widths = np.mean(ratios["PCA"], axis=0)
claim("inside_pca_gaps", true_gaps, at_least=4)
claim("inside_pca_widths", true_widths, at_least=4)
claim("inside_pca_gaps_not_more", true_gaps, at_most=6)
claim("inside_pca_widths_not_more", true_widths, at_most=7)

# %% [markdown]
# ### The clothes once more
#
# It is tempting to draw the pixels by PCA and the network's numbers by t-SNE, to find the second
# map much clearer, and to give the credit to the network. But two things have changed at once. The
# fair comparison has four maps, whose neighbours we count: how often is the closest other point a
# picture of the same class?


# %%
def agree(points):
    values = points.reshape(len(points), -1).astype(float)
    squares = (values**2).sum(axis=1)
    distances = squares[:, None] + squares - 2 * values @ values.T
    np.fill_diagonal(distances, np.inf)
    return np.mean(labels[distances.argmin(axis=1)] == labels)


# %%
planes["pixels", "t-SNE"] = lay_out(flat)
tsne_lists = {seed: lay_out(values, seed=seed) for seed, values in lists.items()}
found = {"pixels": {"all": [agree(flat)], "PCA": [agree(planes["pixels", "PCA"])]}}
found["pixels"]["t-SNE"] = [agree(planes["pixels", "t-SNE"])]
found["network"] = {"all": [agree(it) for it in lists.values()]}
found["network"]["PCA"] = [agree(project(it)) for it in lists.values()]
found["network"]["t-SNE"] = [agree(it) for it in tsne_lists.values()]

# %% tags=["hide-input"]
columns = ("closest point of the same class, %", "all dimensions", "PCA", "t-SNE")
rows = [
    [name, *(spread(values) for values in its.values())]
    for name, its in found.items()
]
show(columns, rows)

# %% [markdown]
# The network has three seeds. Each column shows what the network brings: about nine points in all
# dimensions and by t-SNE, and more by PCA. Each row shows what the drawing brings, and t-SNE
# instead of PCA brings much more: for the pixels, without any network, from
# 46 %<!--claim:inside_neighbours_pixels--> to 73 %<!--claim:inside_neighbours_pixels_tsne-->, and
# for the network's numbers from 59 %<!--claim:inside_neighbours_features--> to
# 81 %<!--claim:inside_neighbours_tsne-->. So most of what looked like knowledge was the way of
# drawing: t-SNE keeps neighbours, which is what we count, and PCA loses them.

# %%
maps_of = {(30, SEED): tsne_lists[SEED]}
for perplexity, seed in ((5, 1), (100, 1), (5, 2), (30, 2), (100, 2)):
    maps_of[perplexity, seed] = lay_out(lists[SEED], perplexity, seed)

# %% tags=["hide-input"] alt="Six maps of the same thousand points in ten colours, three perplexities by two seeds: at 5 loose chains, at 100 tight clumps; the places of the groups differ"
figure, grid = plt.subplots(2, 3, figsize=(7.2, 5.4), dpi=72)
for (perplexity, seed), points in maps_of.items():
    axes = grid[seed - 1, (5, 30, 100).index(perplexity)]
    scatter(axes, points, f"perplexity {perplexity}, seed {seed}", size=5)
    axes.set(xticks=[], yticks=[])
name_classes(figure, grid[0, 0])
plt.show()

# %% [markdown]
# **Figure 13.14. The same thousand lists, six maps.** Rows differ by the random start, columns by
# the perplexity. A small perplexity draws loose chains, a large one tight clumps, and the places of
# the groups change. In all six, trousers form one group, bags another, and shirts lie among the
# other tops.
#
# What stays the same in such maps? Of the ten closest pictures in 64 dimensions, the map with
# perplexity 30 keeps 61 %<!--claim:inside_tsne_keeps-->, and a PCA keeps
# 21 %<!--claim:inside_pca_keeps-->. And the distances between classes, which meant nothing for the
# islands? Here they go along with the true ones to some degree, with a correlation
# of 0.72<!--claim:inside_tsne_class_distances-->. In the PCA, which loses more neighbours, it
# is 0.94<!--claim:inside_pca_class_distances-->. Clothes are no islands, because they overlap. But
# you know this only because we computed the true distances, and the map does not tell you which
# case you have.
#
# | | you may read | you may not read |
# |:--|:--|:--|
# | PCA | far apart means far apart; directions; the explained share | together means alike |
# | t-SNE | who is close to whom and which classes mix, if several seeds and perplexities agree | sizes, gaps, number of clumps |
# | both | | whether the network or the drawing has parted them |

# %% tags=["claims"]
of_pixels, of_lists = (
    {how: np.mean(it) for how, it in found[name].items()}
    for name in ("pixels", "network")
)
claim("inside_neighbours_pixels", of_pixels["PCA"], at_most=0.65)
claim("inside_neighbours_pixels_tsne", of_pixels["t-SNE"], at_least=0.65, quick=0.4)
claim("inside_neighbours_features", of_lists["PCA"], at_least=0.45, quick=0.2)
claim("inside_neighbours_tsne", of_lists["t-SNE"], at_least=0.75, quick=0.3)
by_drawing = of_pixels["t-SNE"] - of_pixels["PCA"]
by_network = min(found["network"]["t-SNE"]) - of_pixels["t-SNE"]
claim("inside_gain_of_drawing", by_drawing, at_least=0.15, quick=-1)
claim("inside_gain_of_network", by_network, at_least=0.03, quick=-1)
claim(
    "inside_drawing_over_network", by_drawing - by_network, at_least=0.05, quick=-1
)


# %% tags=["claims"]
def closest(points, count=10):
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    return distances.argsort(axis=1)[:, :count]


def kept_of(points):
    pairs = zip(closest(lists[SEED]), closest(points), strict=True)
    return np.mean([len(set(true) & set(drawn)) / 10 for true, drawn in pairs])


def class_distances(points):
    centres = np.stack(
        [np.median(points[labels == it], axis=0) for it in range(10)]
    )
    apart = np.linalg.norm(centres[:, None] - centres, axis=-1)
    return apart[np.triu_indices(10, 1)]


claim("inside_tsne_keeps", kept_of(maps_of[30, 1]), at_least=0.45, quick=0.3)
claim("inside_pca_keeps", kept_of(planes["lists", "PCA"]), at_most=0.35, quick=1)
true = class_distances(lists[SEED])
along = [np.corrcoef(true, class_distances(maps_of[30, s]))[0, 1] for s in (1, 2)]
claim("inside_tsne_class_distances", min(along), at_least=0.4, quick=-1)
in_pca = np.corrcoef(true, class_distances(planes["lists", "PCA"]))[0, 1]
claim("inside_pca_class_distances", in_pca, at_least=0.85, quick=0.5)
claim("inside_pca_over_tsne_distances", in_pca - max(along), at_least=0, quick=-1)

# %% [markdown]
# ## What you learned
#
# | word | what it means | where |
# |:--|:--|:--|
# | cosine similarity | do two lists of numbers point in the same direction? | `keras.losses.cosine_similarity` (with a minus) |
# | correlation | do two rows of numbers go up and down together? | `np.corrcoef` |
# | dead filter | it answers to no picture | `dead_filters(...) == 1` |
# | gradient ascent | changing something so that a number grows | `tf.GradientTape`, and add |
# | activation maximisation | making the picture that a filter or class likes best | `maximize_filter` |
# | embedding | the list of numbers by which a network describes a picture | `embed` |
# | t-SNE, perplexity | a map that keeps neighbours, and about how many | `sklearn.manifold.TSNE` |
#
# And one question for every such picture: how would it look if the opposite were true? Chance
# kernels, networks without dead filters, pictures without help, and maps of a known land answered
# it here.
#
# ## Exercises
#
# 1. *By hand.* A filter has the weights (2, −1 / 0, −1), and pixels go from 0 to 255. Which picture
#    of 2×2 pixels does it like best, and what is its answer? Which pixel will gradient ascent never
#    change?
# 2. *By hand.* Three points are (2, 2), (−2, 0) and (0, −2). Which share of the variance does the
#    diagonal explain?
# 3. *Predict, then run.* Take 300 points of pure noise in ten dimensions, and draw them with
#    `lay_out(points, 5)` and with `lay_out(points, 50)`. How many groups do you expect to see?
# 4. *Change it.* Train the digit network at a rate of 0.02 with batch normalisation
#    (`normalize=True`). How many filters of the second layer are dead now, and why?
# 5. *Break it.* Ask `climb` for the favourite picture of filter 11 of `stem_relu`. What happens,
#    and where in the code?
# 6. *Explore.* Find the eight pictures of clothes at which a filter of `relu3` in our clothes
#    network answers most, and the eight at which it answers about half as much. How many classes
#    are in each?

# %% [markdown] tags=["solution"]
# 1. (255, 0 / anything, 0), with an answer of 2 × 255 = 510. The pixel below on the left has a
#    weight of 0, so its slope is 0, and it stays as it began.
# 2. The squared distances are 8, 4 and 4, together 16. On the diagonal the points are at 4/√2,
#    −2/√2 and −2/√2, with the squares 8, 2 and 2. So it explains 12 of 16, which is 75 %.
# 3. There are no groups, but with a perplexity of 5 you will see some clumps. With 50 they melt
#    into one round cloud. So clumps at one perplexity alone prove nothing.
# 4. In our run, 0 %<!--claim:inside_dead_with_norm--> are dead, instead of nearly all. Batch
#    normalisation subtracts the mean of the sums, so at first about half of them are above 0,
#    however large the steps before were.
# 5. You get nothing but `nan`. The filter answers to no picture, so all slopes are 0, their size is
#    0, and `slopes / size` is 0/0. `maximize_filter` asks before the ReLU, and tries a random step
#    where there is no slope.
# 6. Take the mean of each map with `feature_maps(nets[1], pictures, "relu3")["relu3"].mean(axis=(1,
#    2))`. In the first filter, the favourites are of fewer classes than the others; but look at
#    several filters before you conclude.

# %% tags=["solution"] alt="The same 300 random points laid out twice by t-SNE: with a perplexity of 5 they form small clumps, and with 50 one round cloud"
small_weights = np.array([[2, -1], [0, -1]])
print("1.", int((small_weights * [[255, 0], [9, 0]]).sum()))
corners = np.array([[2, 2], [-2, 0], [0, -2]])
print("2.", PCA(2).fit(corners).explained_variance_ratio_.round(2))
nothing = np.random.default_rng(SEED).normal(size=(300, 10))
figure, row = plt.subplots(1, 2, figsize=(7.2, 3.2))
for axes, perplexity in zip(row, (5, 50), strict=True):
    axes.plot(*lay_out(nothing, perplexity).T, ".")
    axes.set(xticks=[], yticks=[], title=f"3. noise, perplexity {perplexity}")
plt.show()

# %% tags=["solution"]
keras.utils.set_random_seed(SEED)
net = build_small_digit_net(normalize=True, dropout=0.0)
net.compile(keras.optimizers.Adam(0.02), CROSS_ENTROPY)
net.fit(*training, batch_size=100, epochs=EPOCHS, verbose=0)
with_norm = is_dead(net, "relu2", validation[0]).mean()
print(f"4. dead with batch normalisation: {with_norm:.0%}")
stem_net = keras.Model(small.input, small.get_layer("stem_relu").output)
with np.errstate(invalid="ignore"):
    broken = climb(stem_net, 11, 127.5 + noise, 1)
print("5. pixels that are nan:", np.isnan(broken).mean())
means = feature_maps(nets[SEED], pictures, "relu3")["relu3"].mean(axis=(1, 2))
for which in range(3):
    order = np.abs(means[:, which] - means[:, which].max() / 2).argsort()
    first, half = means[:, which].argsort()[::-1][:8], order[:8]
    kinds = [len(np.unique(labels[it])) for it in (first, half)]
    print(f"6. filter {which}: classes among favourites and at half", *kinds)

# %% tags=["claims"]
few = {"quick": 1, "embedded": 0.5, **DATA}
claim("inside_dead_with_norm", with_norm, at_most=0.2, **few)
