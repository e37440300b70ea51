# %% [markdown]
# # 5. What makes training work
#
# A friend sends you a network. It has the same layers as yours, it is given the same digits, and
# its code runs without an error. Yours reads nine digits in ten after a few seconds. Hers has been
# at it all night, and still gives every image the same answer.
#
# What can differ between such twins? Only numbers that hardly anybody looks at: how large the
# pixels are, with which weights the network began, how long its steps are. As in an old radio,
# nothing is broken, but one knob is turned too far.
#
# In this chapter you turn these knobs. You will watch a signal die away in twenty layers, and
# another one explode. At the end you can find out why a training is stuck, get it going again,
# and compare two trainings without fooling yourself.
#
# Takes about 19 minutes<!--minutes:05_what_makes_training_work--> on two CPU cores with the whole
# of MNIST, and less with the digits that come with the book (quick: under 45 seconds); needs
# chapters 3 and 4.

# %% tags=["setup"]
import os
from collections import namedtuple
from functools import partial

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from IPython.display import Markdown
from keras import initializers, layers, optimizers

from cnnbook.book.claims import claim
from cnnbook.datasets.mnist import load_mnist
from cnnbook.datasets.photos import load_photo
from cnnbook.datasets.pipeline import make_pipeline
from cnnbook.datasets.preprocessing import (
    MeanImage,
    PCAWhitening,
    Standardize,
    ZCAWhitening,
)
from cnnbook.devices import recommend_precision
from cnnbook.models.small_digit_net import build_small_digit_net
from cnnbook.plots.book_style import use_book_style
from cnnbook.training.initializers import SparseConnections

# %% tags=["setup"]
QUICK = "CNNBOOK_QUICK" in os.environ  # the short run: less of everything
CHOOSING_SEED, SEEDS = 0, (1,) if QUICK else (1, 2, 3)
IMAGES, EPOCHS, BATCH_SIZE = (500, 2, 50) if QUICK else (5_000, 10, 50)
DEPTH, DEEP_IMAGES = (3, 500) if QUICK else (20, 2_000)  # of the deep nets
CHOOSING = 500 if QUICK else 10_000  # at most so many digits choose, or judge
MOST = 1 if QUICK else None  # how many sides a long race has
FINAL_EPOCHS = 1 if QUICK else 12  # of the last section, on nearly all of MNIST
STEPS = EPOCHS * IMAGES // BATCH_SIZE
use_book_style()
tf.get_logger().setLevel("ERROR")  # it would warn that we compile many networks
digits = load_mnist()
training = digits.train_images / np.float32(255), digits.train_labels
pixels, labels = (part[:IMAGES] for part in training)
choosing = tuple(part[IMAGES:][:CHOOSING] for part in training)
unseen = digits.validation_images / np.float32(255), digits.validation_labels
judging = tuple(part[:CHOOSING] for part in unseen)
CROSS_ENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
DATA = {"source": digits.source}  # for the claims
Side = namedtuple("Side", "tried rate runs")  # one side of a race
LOOKS = [*zip(["C0", "C1", "C2", "C4", "C3"], "os^vD", strict=True)]


# %% tags=["hide-input"]
def table_of(sides):
    """Show which rates each side tried, which one it chose, and what that gave."""
    head = "| | accuracy on the choosing digits, %, at each rate "
    head += "| its rate | judged, % |"
    rows = [head, "|:--|:--|--:|--:|"]
    for name, side in sides.items():
        pairs = [f"{rate:g}: {100 * it:.1f}" for rate, it in side.tried.items()]
        ends = 100 * ends_of(side)
        spread = f"{ends.mean():.1f} ({ends.min():.1f} to {ends.max():.1f})"
        cells = [name, ", ".join(pairs), f"**{side.rate:g}**", spread]
        rows.append(f"| {' | '.join(cells)} |")
    return Markdown("\n".join(rows))


def ends_of(side):
    return np.array([run["unseen"] for run in side.runs])


# %% tags=["hide-input"]
def draw_race(sides, lowest):
    """Draw what each side reached at each rate, and the judged runs at its own."""
    shape = {"width_ratios": (3, 2), "figsize": (7.2, 3.2)}
    _, (left, right) = plt.subplots(1, 2, **shape)
    for place, side in enumerate(sides.values()):
        look = dict(zip(("color", "marker"), LOOKS[place], strict=True))
        left.plot([*side.tried], 100 * np.array([*side.tried.values()]), **look)
        best = 100 * side.tried[side.rate]
        left.plot(side.rate, best, "o", color="0.4", fillstyle="none", ms=12)
        ends = 100 * ends_of(side)
        right.plot(ends, [place] * len(ends), **look, linestyle="none", alpha=0.8)
    left.set(xscale="log", xlabel="learning rate", ylim=(lowest, None))
    left.set_ylabel("accuracy, choosing digits, %")
    right.set(xlabel="accuracy, judging digits, %", ylim=(len(sides) - 0.5, -0.5))
    right.set_yticks(range(len(sides)), sides)
    right.grid(axis="x")


# %% [markdown]
# ## A fair race
#
# You divide the pixels of a network by 255, train it again, and it reads much better. So it was the
# pixels. Or was it? Perhaps the old learning rate only happens to fit the new pixels better.
#
# The smallest network of chapter 3 shows how close the two are tied together. It has one weight
# *w* = 1. A pixel of brightness 0.4 comes in, its target is 1.0, and so the answer 0.4 has an
# error of −0.6. The slope of the squared error is 2 × (−0.6) × 0.4 = −0.48. Now let the same
# pixel come in as a byte, 0.4 × 255 = 102. For the same answer the weight must be 1/255, and the
# slope becomes 2 × (−0.6) × 102 = −122.4. It is 255 times as steep, although the weight, from
# 1/255 to 2.5/255, has only a 255th of the way to go. So the rate has to be 255 × 255 = 65,025
# times as small.
#
# In a larger network the factor is another one, because only the first layer sees the pixels. But
# if you change something and keep the rate, you may be measuring the rate. So we follow three rules.
#
# 1. **The same budget.** All sides see the same digits equally often, in batches of 50.
# 2. **A rate of its own.** Each side tries several rates with a random seed of 0, and takes the
#    one that reads best. (The lists below are the result of wider searches.)
# 3. **A judge who did not choose.** Three new seeds train at this rate, and are judged by other
#    digits than those by which it was chosen.
#
# The networks learn from the first 5,000 training digits. The next 10,000 are our *choosing
# digits*, and the validation set are our *judging digits*. The test set stays in its drawer until
# the last section. A run begins with new weights and an optimiser that has forgotten the last run:


# %%
def restart(net, seed):
    keras.utils.set_random_seed(seed)
    fresh = keras.Model.from_config(net.get_config())  # the same, with new weights
    net.set_weights(fresh.get_weights())
    for variable in net.optimizer.variables:
        variable.assign(keras.ops.zeros_like(variable))


# %%
def train(net, rate, seed, unseen, images=pixels):
    restart(net, seed)
    if rate is not None:
        net.optimizer.learning_rate = rate
    options = {"batch_size": BATCH_SIZE, "epochs": EPOCHS, "verbose": 0}
    history = net.fit(images, labels[: len(images)], **options).history
    answers = np.argmax(net(unseen[0]), axis=1)
    return history | {"unseen": np.mean(answers == unseen[1])}


# %% [markdown]
# A race gets some rates and a function that runs one training:


# %%
def race(rates, run):
    tried = {}
    for rate in rates[len(rates) // 2 :][:1] if QUICK else rates:
        tried[rate] = run(rate, CHOOSING_SEED, choosing)["unseen"]
    best = max(tried, key=tried.get)
    return Side(tried, best, [run(best, seed, judging) for seed in SEEDS])


# %% [markdown]
# The first race is between pixels from 0 to 1 and plain bytes, with a dense net of 64 hidden units
# and SGD. (`steps_per_execution` only saves time.)


# %%
def dense_net():
    images = keras.Input((28, 28, 1))
    hidden = layers.Dense(64, activation="relu")(layers.Flatten()(images))
    return keras.Model(images, layers.Dense(10)(hidden))


def with_optimizer(net, optimizer):
    options = {"metrics": ["accuracy"], "steps_per_execution": STEPS // EPOCHS}
    net.compile(optimizer=optimizer, loss=CROSS_ENTROPY, **options)
    optimizer.build(net.trainable_variables)
    return net


# %%
def run_on(net, layer):
    """Return a function that trains on pixels which went through a layer first."""
    images = np.array(layer(pixels))

    def run(rate, seed, unseen):
        changed = np.array(layer(unseen[0])), unseen[1]
        return train(net, rate, seed, changed, images)

    return run


# %%
net = with_optimizer(dense_net(), optimizers.SGD())
RATES = (0.01, 0.03, 0.1, 0.3, 1, 3)
of_pixels = {"from 0 to 1": race(RATES, run_on(net, layers.Identity()))}
byte_rates = (3e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3)
on_bytes = run_on(net, layers.Rescaling(255))
of_pixels["bytes, 0 to 255"] = race(byte_rates, on_bytes)
shared = on_bytes(of_pixels["from 0 to 1"].rate, SEEDS[0], judging)
print(f"bytes at the rate of pixels: {shared['unseen']:.3f}")

# %% tags=["hide-input"]
table_of(of_pixels)

# %% tags=["hide-input"] alt="Two humps over a logarithmic axis of learning rates, thousands of times apart, and on the right the accuracies that both reach"
draw_race(of_pixels, 0)
plt.show()

# %% [markdown]
# **Figure 5.1. The same digits in other numbers.** Left: what the network reads at each rate;
# rings mark the rates that were chosen. Right: three runs of each side at its own rate. Bytes
# learn best at a far smaller rate, and end below.
#
# At the rate of the other side bytes end at
# 12 %<!--claim:training_bytes_at_the_rate_of_pixels-->. But at a rate of their own,
# 3,000<!--claim:training_rates_apart--> times as small, they reach
# 80 %<!--claim:training_on_bytes-->.
#
# Even so, pixels from 0 to 1 do better, with 93 %<!--claim:training_on_pixels-->, so this is more
# than a matter of the rate. Keras' weights, for example, are made for inputs of about 1. With
# bytes the network starts at a loss of 126<!--claim:training_first_loss_of_bytes-->, where 2.3
# would be right: it is sure of random answers, and has to unlearn them first.

# %% tags=["claims"]
restart(net, SEEDS[0])
first_loss = float(CROSS_ENTROPY(labels, net(255 * pixels)))
last = {name: ends_of(side).mean() for name, side in of_pixels.items()}
rates_apart = of_pixels["from 0 to 1"].rate / of_pixels["bytes, 0 to 255"].rate
at_pixels_rate = shared["unseen"]
claim("training_bytes_at_the_rate_of_pixels", at_pixels_rate, at_most=0.3)
claim("training_rates_apart", rates_apart, at_least=300)
claim("training_on_bytes", last["bytes, 0 to 255"], at_least=0.7, quick=0.2)
claim("training_on_pixels", last["from 0 to 1"], at_least=0.85, quick=0.2)
claim("training_first_loss_of_bytes", first_loss, at_least=20)
of_both = [ends_of(side) for side in of_pixels.values()]
lead = of_both[0].min() - of_both[1].max()
claim("training_pixels_lead_bytes", lead, at_least=0.02, quick=-1, **DATA)

# %% [markdown]
# ## Pixels: centre, scale, whiten
#
# Take a pixel that is 1, 1, 5 and 5 in four images. Its mean is 3, and if we subtract it, −2, −2,
# 2 and 2 remain. Subtracting the average of all training images in this way is called **mean
# image subtraction**.
#
# How far do the values scatter around their mean? Square the four distances and average them: (4 +
# 4 + 4 + 4) / 4 = 4. This number is the **variance**, and its square root, 2, is the **standard
# deviation**. Divide by it, and the pixel becomes −1, −1, 1 and 1. Both steps together are called
# **standardisation**, and layers in `cnnbook.datasets.preprocessing` do them.

# %% tags=["nbval-check-output"]
values = np.array([1.0, 1, 5, 5])
centred = values - values.mean()
variance = (centred**2).mean()
print(f"variance {variance}, standardised {centred / np.sqrt(variance)}")
layer = Standardize()
layer.adapt(values[:, None])
print("by the layer:", np.array(layer(values[:, None])).ravel())

# %% [markdown]
# In the corners no training digit has any ink, so the standard deviation is 0 there. Our layer
# leaves such pixels alone. Keras' `Normalization` divides by a tiny number, and a stray mark in the
# validation set becomes 9,450,980<!--claim:training_largest_with_keras-->.
#
# ### Whitening
#
# Neighbouring pixels mostly say the same: where one has ink, the next one usually has ink as well.
# Take four images in which two pixels both have the values −1, −1, 1 and 1. Multiply them image by
# image, and average: (1 + 1 + 1 + 1) / 4 = 1. If the second pixel had −1, 1, −1 and 1, the average
# would be 0. This average is the **covariance**. It is above 0 if two pixels rise together, and 0
# if a rise of one says nothing about the other.

# %% tags=["hide-input"] alt="Three clouds of dots: long and slanted, long and level, and round"
grey = load_photo("cat").mean(axis=-1) / 255
rng = np.random.default_rng(0)
rows, columns = (rng.integers(0, side - 3, 600) for side in grey.shape)
pair = np.stack([grey[rows, columns], grey[rows, columns + 3]], axis=1)
pair = pair - pair.mean(axis=0)
turn, spread, _ = np.linalg.svd(pair.T @ pair / len(pair), hermitian=True)
clouds = {"centred": pair, "turned": pair @ turn}
clouds["scaled"] = pair @ turn / np.sqrt(spread)
figure, row = plt.subplots(1, 3, figsize=(7.2, 2.7))
names = [("left pixel", "right pixel")]
names += [("first direction", "second direction")] * 2
for axes, (title, cloud), (x, y) in zip(row, clouds.items(), names, strict=True):
    axes.plot(*cloud.T, ".", alpha=0.35)
    limits = -1.1 * np.abs(cloud).max(), 1.1 * np.abs(cloud).max()
    axes.set(title=title, xlabel=x, ylabel=y, xlim=limits, ylim=limits)
    axes.set_aspect("equal")
plt.show()

# %% [markdown]
# **Figure 5.2. Two pixels, turned and scaled.** Each dot stands for two pixels of a photograph,
# three apart. Left: they rise together. Middle: the axes are turned until the first one follows
# the cloud. Right: each direction is divided by its standard deviation, so both scatter by 1,
# apart from a few dots far out.
#
# Turning the axes so that the first shows as much of the variance as possible, the second as much
# of the rest, and so on, is called **PCA**, *principal component analysis*. The **singular value
# decomposition**, SVD for short, finds these directions in the table of all covariances. If each
# direction is then divided by its standard deviation, the result is called **whitening**. For all
# 784 pixels it takes five lines. The 1e-5 protects us from dividing by 0.

# %%
flat = pixels.reshape(len(pixels), -1).astype(float)
centred = flat - flat.mean(axis=0)  # minus the mean image
covariance = centred.T @ centred / (len(flat) - 1)
directions, variances, _ = np.linalg.svd(covariance, hermitian=True)
by_hand = centred @ directions / np.sqrt(variances + 1e-5)
share_of_100 = variances[:100].sum() / variances.sum()
print(f"the first 100 directions have {100 * share_of_100:.0f} % of the variance")

# %%
whiten = PCAWhitening(components=100)
whiten.adapt(pixels)
by_layer = np.array(whiten(pixels))
difference = np.abs(np.abs(by_layer) - np.abs(by_hand[:, :100])).max()
print(f"the layer differs by {difference:.0e}, apart from signs, which are free")

# %% [markdown]
# **ZCA whitening** turns the axes back afterwards, so that we can look at what comes out.

# %%
forms = {"as they are": layers.Identity(), "minus the mean": MeanImage()}
forms |= {"standardised": Standardize(), "ZCA, 100": ZCAWhitening(100)}
forms["ZCA, all"] = ZCAWhitening()
for layer in forms.values():
    if hasattr(layer, "adapt"):
        layer.adapt(pixels)

# %% tags=["hide-input", "photo"] alt="Three digits in five forms: grey, with a ghost of the mean image, with bright rims, as edges, and as edges in noise"
figure, grid = plt.subplots(3, 5, figsize=(7.2, 3.9))
for column, (name, layer) in zip(grid.T, forms.items(), strict=True):
    pictures = np.array(layer(unseen[0][:3]))[..., 0]
    limit = np.percentile(np.abs(pictures), 99.5)
    for axes, picture in zip(column, pictures / limit, strict=True):
        drawn = axes.imshow(picture, "signs", vmin=-1, vmax=1)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    column[0].set_title(name, fontsize=9.5)
bar = figure.colorbar(drawn, ax=grid, shrink=0.6, ticks=[-1, 0, 1])
bar.set_label("value, as a share of the largest in its column")
plt.show()

# %% [markdown]
# **Figure 5.3. Three digits in five forms.** Blue is above 0, orange below. Standardised, a pixel
# that seldom has ink weighs most. Whitening in 100 directions surrounds the strokes with ripples.
# In all directions it leaves thin outlines, and specks everywhere, because it also enlarges what
# hardly varies.
#
# Does any of it help? We race all five. “ZCA, 100” keeps only the first 100 directions, which have
# 92 %<!--claim:training_share_of_100_directions--> of the variance.

# %%
of_forms = {"as they are": of_pixels["from 0 to 1"]}
for name in list(forms)[1:][:MOST]:
    of_forms[name] = race(RATES, run_on(net, forms[name]))

# %% tags=["hide-input"]
table_of(of_forms)

# %% tags=["hide-input"] alt="Five curves of accuracy over the learning rate, four close together and one far below, and the judged runs of each"
draw_race(of_forms, 60)
plt.show()

# %% [markdown]
# **Figure 5.4. Five forms, each at its own rate.** The highest points of four curves lie close
# together, although at different rates. Whitening in all directions stays far below them.
#
# Subtracting the mean brings the network from 92.6 %<!--claim:training_on_pixels--> to
# 93.8 %<!--claim:training_on_centred-->. Standardised pixels and the first 100 whitened
# directions end where plain pixels end. Whitening in all directions is a warning: the network
# reads 100.0 %<!--claim:training_on_whitened_itself--> of the digits that it learned from, but
# only 84 %<!--claim:training_on_whitened--> of the others. Most of the 784 directions are nearly
# empty, and what little they hold, mostly noise, is now as large as everything else. The 1e-5
# does not prevent this, but exercise 5 does.

# %% tags=["claims"]
keras_layer = layers.Normalization(axis=(1, 2, 3))
keras_layer.adapt(pixels)
claim("training_largest_with_keras", np.max(keras_layer(unseen[0])), at_least=1e5)
claim("training_whitening_by_hand_difference", difference, at_most=1e-3)
claim("training_share_of_100_directions", share_of_100, at_least=0.85)

# %% tags=["claims"]
ends = {name: ends_of(side) for name, side in of_forms.items()}
last = {name: values.mean() for name, values in ends.items()}
mean = last["minus the mean"]
claim("training_on_centred", mean, at_least=0.9, embedded=0.85, quick=0.2, **DATA)
if not QUICK:
    lead = ends["minus the mean"].min() - ends["as they are"].max()
    claim("training_centred_lead", lead, at_least=0, embedded=-1, **DATA)
    claim("training_on_standardised", last["standardised"], at_least=0.85)
    whitened = last["ZCA, all"]
    claim("training_on_whitened", whitened, at_most=0.88, embedded=0.9, **DATA)
    itself = np.mean([run["accuracy"][-1] for run in of_forms["ZCA, all"].runs])
    claim("training_on_whitened_itself", itself, at_least=0.99)
    others = (
        np.array([last["standardised"], last["ZCA, 100"]]) - last["as they are"]
    )
    furthest = np.abs(others).max()
    claim("training_others_differ", furthest, at_most=0.01, embedded=0.05, **DATA)

# %% [markdown]
# ## First weights, forward
#
# Twenty children stand in a row and pass on a message. If each speaks half as loud as the one
# before, the last whispers with 1/2²⁰ of the first voice, about a millionth. If each speaks twice
# as loud, the row ends in a shout a million times as loud. Only when every child keeps the loudness
# does the message arrive.
#
# A deep network is such a row, and the weights that it starts with decide how loud each layer
# speaks. To choose them is called **initialisation**. Suppose that a unit adds up *n* inputs, its
# **fan-in**, each multiplied by a random weight of mean 0 and variance *v*. We measure loudness
# by the *mean square*. With four inputs of 1 and random weights of ±0.5, for example, that of the
# sum is 1, which is *n* × *v* = 4 × 0.25 times that of the inputs. The ReLU turns the negative
# half into 0, which halves it. So a layer multiplies the mean square by *n* × *v* / 2.
#
# To get 1, we need *v* = 2/*n*. This is **He initialisation** (He, Zhang, Ren and Sun 2015,
# [Delving deep into rectifiers](https://arxiv.org/abs/1502.01852)). With 200 inputs, for example,
# *v* is 0.01 and the standard deviation 0.1. Twice that makes *v* four times as large, and the
# outputs twice as large, layer after layer.
#
# Keras' own choice is **Glorot initialisation** (Glorot and Bengio 2010, [Understanding the
# difficulty of training deep feedforward neural
# networks](https://proceedings.mlr.press/v9/glorot10a.html)). It takes 2 / (fan-in +
# **fan-out**), where the fan-out says how many units read each number. With 200 of both that is
# half of what He takes, so each layer speaks √0.5 = 0.71 times as loud. It leaves out the halving
# by the ReLU. *Sparse* weights (Martens 2010, [Deep learning via Hessian-free
# optimization](https://www.cs.toronto.edu/~jmartens/docs/Deep_HessianFree.pdf)) connect each unit
# with only 10 to 15 inputs; the others begin at 0. Ours have a variance of 2/15. Here are seven
# ways to begin, each a function that makes an initialiser. (The names hold from the second layer
# on; the first has 784 inputs.)


# %%
def normal(deviation):
    return initializers.RandomNormal(0, deviation)


STARTS = {"zeros": initializers.Zeros}
STARTS |= {"constant": partial(initializers.Constant, 0.005)}
STARTS |= {"half of He": partial(normal, 0.05), "twice He": partial(normal, 0.2)}
STARTS |= {"Glorot": initializers.GlorotNormal, "He": initializers.HeNormal}
STARTS |= {"sparse, 15": partial(SparseConnections, 15)}


# %% [markdown]
# We send 200 digits through 20 layers of 200 units, by hand, and measure the size of the outputs of
# each layer, the root of their mean square.


# %%
def size_of(values):
    return float(np.sqrt(np.mean(np.square(values))))


def sizes_forward(start, seed):
    keras.utils.set_random_seed(seed)
    x, sizes = pixels[:200].reshape(200, -1), []
    for _ in range(20):
        kernel = np.array(start()((x.shape[1], 200)))
        x = np.maximum(x @ kernel, 0)
        sizes.append(size_of(x))
    return sizes


# %%
forward = {}
for name, start in STARTS.items():
    forward[name] = runs = [sizes_forward(start, seed) for seed in SEEDS]
    print(f"{name:12} layer 1: {runs[0][0]:.1e}, layer 20: {runs[0][-1]:.1e}")

# %% tags=["hide-input"]
SHOWN = {"twice He": ("C1", "s"), "He": ("C0", "o"), "sparse, 15": ("C2", "^")}
SHOWN |= {"Glorot": ("C4", "v"), "half of He": ("C3", "D")}


def draw_sizes(axes, sizes, shown=SHOWN):
    """Draw sizes layer by layer, a line for each seed, with names at the right."""
    for name, (color, marker) in shown.items():
        look = {"color": color, "marker": marker, "markersize": 4, "linewidth": 1}
        lines = axes.plot(range(1, 21), np.transpose(sizes[name]), **look)
        lines[0].set_label(name)
    axes.set(yscale="log", xlabel="layer", xticks=[1, 5, 10, 15, 20])


# %% tags=["hide-input"] alt="Sizes over twenty layers: one kind of start rises to a million, two stay level, two fall to a thousandth and a millionth"
figure, axes = plt.subplots(figsize=(7.2, 3.3))
draw_sizes(axes, forward)
axes.set_ylabel("size of the outputs")
axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()

# %% [markdown]
# **Figure 5.5. How loud each layer speaks.** A line for each of three seeds, on a logarithmic axis.
# Weights twice as large as He's shout, weights half as large fall silent, and Glorot's become
# quieter, too. He's and the sparse ones stay level.
#
# From one layer to the next, the measured outputs change by 1.97<!--claim:training_factor_twice-->
# with weights twice as large as He's, by 0.49<!--claim:training_factor_half--> with half of them,
# by 0.70<!--claim:training_factor_glorot--> with Glorot's, and by
# 0.99<!--claim:training_factor_he--> with He's own. A factor of 0.7 does little harm in three
# layers, but in twenty it leaves a thousandth.
#
# ### Constants, and why they are useless
#
# Two starts are missing in the figure. Zeros let nothing through at all. A constant of 0.005 looks
# perfect, because 200 × 0.005 = 1 keeps the size exactly. But think of two units that begin with
# equal weights. They see the same inputs, so they give the same answer, get the same slope, take
# the same step, and are equal again. First weights must be random so that units can become
# different, which is called **symmetry breaking**.
#
# Biases may begin at 0. Some people prefer 0.01, so that more ReLUs let something pass at first. A
# unit whose sum is below 0 for every image is a **dead unit**: it returns 0, and no slope comes
# back to revive it.

# %% tags=["claims"]
some = {name: runs for name, runs in forward.items() if name != "zeros"}
ends = {n: np.mean([run[-1] / run[0] for run in runs]) for n, runs in some.items()}
claim("training_fan_in_last_to_first", ends["He"], at_least=0.3)
claim("training_sparse_last_to_first", ends["sparse, 15"], at_least=0.2)
claim("training_too_large_last_to_first", ends["twice He"], at_least=1e5)
claim("training_too_small_last_to_first", ends["half of He"], at_most=1e-5)
claim("training_glorot_last_to_first", ends["Glorot"], at_most=1e-2)
factors = {name: end ** (1 / 19) for name, end in ends.items()}
claim("training_factor_twice", factors["twice He"], at_least=1.8)
claim("training_factor_half", factors["half of He"], at_most=0.6)
claim("training_factor_glorot", factors["Glorot"], at_most=0.8)
claim("training_factor_he", factors["He"], at_least=0.95)
claim("training_factor_he_off", abs(factors["He"] - 1), at_most=0.05)
claim("training_constant_keeps_size", abs(ends["constant"] - 1), at_most=0.01)
claim("training_zeros_let_through", max(forward["zeros"][0]), equals=0.0)

# %% [markdown]
# ## First weights, backward
#
# Learning needs a second message. As you saw in Figure 3.6, the slope of the loss is passed back
# from the answer, and each layer multiplies it by its weights. In a row of single units with
# weights of 0.5, for example, three layers leave 0.5 × 0.5 × 0.5 = 0.125 of it, and twenty a
# millionth.
#
# When slopes shrink on the way back until hardly anything is left, one speaks of **vanishing
# gradients**. When they grow until one step throws the weights far away, they are **exploding
# gradients**. We build the 20 layers in Keras, and let the tape tell us the slope of the loss at
# the output of each.


# %%
def deep_net(start, normalise=False, depth=20):
    images = keras.Input((28, 28, 1))
    x = layers.Flatten()(images)
    for _ in range(depth):
        x = layers.Dense(200, kernel_initializer=start())(x)
        if normalise:  # the next section
            x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.ReLU()(x)
    return keras.Model(images, layers.Dense(10, kernel_initializer=start())(x))


# %%
def sizes_backward(start, seed, normalise=False):
    keras.utils.set_random_seed(seed)
    net = deep_net(start, normalise)
    relus = [it.output for it in net.layers if isinstance(it, layers.ReLU)]
    insides = keras.Model(net.input, [*relus, net.output])
    with tf.GradientTape() as tape:
        *outputs, logits = insides(pixels[:200], training=True)
        loss = CROSS_ENTROPY(labels[:200], logits)
    return [size_of(slopes) for slopes in tape.gradient(loss, outputs)]


backward = {n: [sizes_backward(STARTS[n], seed) for seed in SEEDS] for n in SHOWN}

# %% tags=["hide-input"] alt="Sizes of slopes over twenty layers, read from right to left: one kind explodes, two stay level, two vanish"
figure, axes = plt.subplots(figsize=(7.2, 3.3))
compared = {
    n: [np.divide(it, it[-1]) for it in runs] for n, runs in backward.items()
}
draw_sizes(axes, compared)
axes.set_ylabel("size of the slopes,\nlayer 20 = 1")
axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()

# %% [markdown]
# **Figure 5.6. The way back.** The size of the slopes at each layer, compared with layer 20; read
# it from right to left. Twice He explodes, half of He vanishes, and so, more slowly, does Glorot.
#
# The factors are as before, because each layer has as many inputs as outputs:
# 2.00<!--claim:training_back_twice-->, 0.50<!--claim:training_back_half-->,
# 0.70<!--claim:training_back_glorot--> and, with He's weights, 1.00<!--claim:training_back_he-->.
# And both messages count, because the slope of a weight is its input times the slope that comes
# back.
#
# ### Does it matter for learning?
#
# We train the 20 layers on 2,000 digits, from each start at its own rate. A wider search showed
# where to look, so three rates a side will do.

# %%
DEEP_RATES = {"twice He": (1e-9, 1e-8, 1e-7), "Glorot": (0.03, 0.1, 0.3)}
DEEP_RATES["half of He"] = 0.03, 0.3, 3
of_starts, trained = {}, {}
names = ("He", "Glorot", "half of He", "sparse, 15", "twice He", "constant")
for name in names[:MOST]:
    net = with_optimizer(deep_net(STARTS[name], depth=DEPTH), optimizers.SGD())
    run = partial(train, net, images=pixels[:DEEP_IMAGES])
    rates = DEEP_RATES.get(name, (0.01, 0.03, 0.1))
    of_starts[name], trained[name] = race(rates, run), net

# %% tags=["hide-input"]
table_of(of_starts)

# %% [markdown]
# Two starts learn: with He's weights the network reads 83 %<!--claim:training_deep_he-->, and with
# sparse ones 85 %<!--claim:training_deep_sparse-->. Twice He's weights need a rate of a
# hundred-millionth, and get 28 %<!--claim:training_deep_twice-->. Half of them get
# 10 %<!--claim:training_deep_half-->, which is guessing. Even Glorot's, which Keras takes if you
# say nothing, end at 23 %<!--claim:training_deep_glorot-->. So none of the rates that we tried
# makes up for these starts within 400 steps.
#
# The constants reach 26 %<!--claim:training_constant_accuracy-->. Equal units can do no more than
# one: after all those steps the weights of the 200 units of the first layer still differ by
# 0.0<!--claim:training_constant_units_differ_by-->.
#
# Where slopes explode now and then, **gradient clipping** may help: it shortens a gradient that
# is too long. With a limit of 1, (3, 4), which has the length 5, becomes (0.6, 0.8). In Keras
# that is `SGD(rate, global_clipnorm=1.0)`.
#
# ### Why not a smoother bend?
#
# Older networks have an S-shaped function in place of the ReLU: the **sigmoid**, which squeezes
# every number to between 0 and 1, or **tanh**, between −1 and 1. The steepest slope of a sigmoid is
# 1/4, so ten of them pass back at most (1/4)¹⁰, less than a millionth, unless the weights make up
# for it. Far from 0 both are flat and pass back almost nothing, which is called **saturation**. A
# ReLU has a slope of exactly 1 where it lets a number pass. Its flat side has a cure, too: a
# **leaky ReLU** turns a negative number into a small fraction of itself.

# %% tags=["claims"]
ways = {n: np.mean([it[0] / it[-1] for it in runs]) for n, runs in backward.items()}
claim("training_exploding_gradient", ways["twice He"], at_least=1e5)
claim("training_vanishing_gradient", ways["half of He"], at_most=1e-5)
factors = {name: way ** (1 / 19) for name, way in ways.items()}
claim("training_back_twice", factors["twice He"], at_least=1.8)
claim("training_back_half", factors["half of He"], at_most=0.6)
claim("training_back_glorot", factors["Glorot"], at_most=0.8)
claim("training_back_he", factors["He"], at_least=0.95)
claim("training_back_he_off", abs(factors["He"] - 1), at_most=0.05)

# %% tags=["claims"]
deep = {name: ends_of(side) for name, side in of_starts.items()}
he = deep["He"].mean()
claim("training_deep_he", he, at_least=0.7, embedded=0.5, quick=0.05, **DATA)
if not QUICK:
    sparse, glorot, half, twice, constant = (
        deep[name].mean()
        for name in ("sparse, 15", "Glorot", "half of He", "twice He", "constant")
    )
    claim("training_deep_sparse", sparse, at_least=0.6, embedded=0.4, **DATA)
    claim("training_deep_glorot", glorot, at_most=0.4, embedded=0.6, **DATA)
    claim("training_deep_half", half, at_most=0.15, **DATA)
    claim("training_deep_twice", twice, at_most=0.5, embedded=0.7, **DATA)
    claim("training_deep_twice_rate", of_starts["twice He"].rate, at_most=1e-6)
    claim("training_constant_accuracy", constant, at_most=0.4, embedded=0.5, **DATA)
    kernel = trained["constant"].layers[2].kernel.numpy()
    differ = np.ptp(kernel, axis=1).max()
    claim("training_constant_units_differ_by", differ, at_most=1e-4)

# %% [markdown]
# ## Batch normalisation
#
# If the size of the outputs matters so much, why not set it right after each layer? We know how,
# from standardising pixels. **Batch normalisation** (Ioffe and Szegedy 2015, [Batch
# normalization](https://arxiv.org/abs/1502.03167)) does it inside the network, for each unit over
# the images of the batch.
#
# Suppose that a unit gives 1, 1, 5 and 5 for the four images of a batch. As before, −1, −1, 1 and 1
# come out. But perhaps the next layer would prefer other numbers. So each unit gets two numbers to
# learn: *gamma*, by which the result is multiplied, and *beta*, which is added. With gamma 3 and
# beta 10 we get 7, 7, 13 and 13. In a convolution, each channel has one gamma and one beta, and is
# measured over all its places.
#
# A network in use has perhaps one image, and no batch to measure. For that case the layer keeps
# **running means**, which follow the batches: new = 0.9 × old + 0.1 × mean of the batch. They
# start at 0, so after our batch we have 0.9 × 0 + 0.1 × 3 = 0.3. The running variance starts at
# 1.

# %% tags=["nbval-check-output"]
outputs = np.array([[1.0], [1], [5], [5]])
gamma, beta = np.array([3.0]), np.array([10.0])
mean, variance = outputs.mean(axis=0), outputs.var(axis=0)
by_hand_normalised = gamma * (outputs - mean) / np.sqrt(variance + 1e-3) + beta
layer = layers.BatchNormalization(momentum=0.9, epsilon=1e-3)
layer.build(outputs.shape)
layer.set_weights([gamma, beta, np.zeros(1), np.ones(1)])  # running ones last
by_layer = layer(outputs, training=True)
print("by hand: ", by_hand_normalised.ravel().round(2))
print("by layer:", by_layer.numpy().ravel().round(2))
print("running mean:", layer.moving_mean.numpy().round(2))

# %% [markdown]
# Keras calls the 0.9 `momentum` (that of optimisers is another) and takes 0.99, which needs
# several hundred batches to forget the 0 at the beginning, so we take 0.9.
#
# ### What it does to the slopes
#
# We put it behind each of the 20 dense layers, before the ReLU, and repeat the walk back.

# %%
normalised = {"twice He": 0, "He": 0, "half of He": 0}
for name in normalised:
    runs = [sizes_backward(STARTS[name], seed, normalise=True) for seed in SEEDS]
    normalised[name] = runs
    print(f"{name:10} layer 1 to layer 20: {runs[0][0] / runs[0][-1]:.0f}")

# %% tags=["hide-input"] alt="Left three lines that fan out over six powers of ten, right the same three starts close together, rising gently to the left"
figure, row = plt.subplots(1, 2, figsize=(7.2, 3.2), sharey=True)
three = {name: SHOWN[name] for name in normalised}
titles = ("without", "with batch normalisation")
for axes, title, runs in zip(row, titles, (backward, normalised), strict=True):
    relative = {n: [np.divide(it, it[-1]) for it in runs[n]] for n in three}
    draw_sizes(axes, relative, three)
    axes.set_title(title)
row[0].set_ylabel("size of the slopes,\nlayer 20 = 1")
row[1].legend(loc="upper right")
plt.show()

# %% [markdown]
# **Figure 5.7. Batch normalisation and the way back.** The slopes at each layer, as in Figure 5.6.
# Left: without it, the three starts are worlds apart. Right: with it, they lie on one another, and
# grow a little towards the first layers.
#
# The size of the first weights no longer matters to what passes back, because whatever factor
# they bring is divided out again. One thing is not cured: on the way back the slopes grow by a
# factor of 1.21<!--claim:training_norm_factor--> in each layer, so that much deeper networks
# explode (Yang and others 2019, [A mean field theory of batch
# normalization](https://arxiv.org/abs/1902.08129)). Does it help learning?

# %%
of_normalised = {}
norm_rates = [(0.3, 1, 3), (0.03, 0.1, 0.3), (0.1, 0.3, 1)]
for name, rates in list(zip(normalised, norm_rates, strict=True))[:MOST]:
    net = deep_net(STARTS[name], normalise=True, depth=DEPTH)
    net = with_optimizer(net, optimizers.SGD())
    run = partial(train, net, images=pixels[:DEEP_IMAGES])
    of_normalised[f"{name}, normalised"] = race(rates, run)

# %% tags=["hide-input"]
table_of(of_normalised)

# %% [markdown]
# Half of He's weights could learn nothing before. Now they reach
# 85 %<!--claim:training_with_batch_norm-->, and twice He's weights
# 83 %<!--claim:training_norm_twice-->. With He's own the gain is small, from
# 83 %<!--claim:training_deep_he--> to 84 %<!--claim:training_norm_he-->, and the runs of both
# sides overlap. So in this race batch normalisation does not make a good start better. It makes a
# bad one harmless, if the rate is chosen for it.

# %% tags=["claims"]
ways = {
    n: np.mean([it[0] / it[-1] for it in runs]) for n, runs in normalised.items()
}
factors = {name: way ** (1 / 19) for name, way in ways.items()}
claim("training_norm_factor", np.mean([*factors.values()]), at_least=1.1)
apart = max(factors.values()) / min(factors.values())
claim("training_norm_factors_apart", apart, at_most=1.05)
by_hand_differs = np.abs(by_layer.numpy() - by_hand_normalised).max()
claim("training_batch_norm_by_hand_difference", by_hand_differs, at_most=1e-4)
if not QUICK:
    ends = [ends_of(side).mean() for side in of_normalised.values()]
    claim("training_norm_twice", ends[0], at_least=0.7, embedded=0.5, **DATA)
    claim("training_norm_he", ends[1], at_least=0.7, embedded=0.5, **DATA)
    claim("training_with_batch_norm", ends[2], at_least=0.7, embedded=0.5, **DATA)
    gain = abs(ends[1] - deep["He"].mean())
    claim("training_norm_gain_of_he", gain, at_most=0.06, embedded=0.3, **DATA)
    with_norm = ends_of(list(of_normalised.values())[1])
    overlap = min(deep["He"].max(), with_norm.max())
    overlap -= max(deep["He"].min(), with_norm.min())
    claim("training_norm_runs_overlap", overlap, at_least=0, embedded=-1, **DATA)

# %% [markdown]
# ## The learning rate: test the range
#
# To try every rate is thorough, but slow. On an unknown road you find out how fast you can drive
# by speeding up little by little until the car begins to swerve. A **range test** (Smith 2015,
# [Cyclical learning rates](https://arxiv.org/abs/1506.01186)) does the same: for a hundred
# batches the rate rises by the same factor from batch to batch, from far too small to far too
# large, and we watch the loss.
#
# From here on we use a small CNN of two convolutions with strides.


# %%
def small_cnn():
    x = images = keras.Input((28, 28, 1))
    for filters in (16, 32):
        x = layers.Conv2D(filters, 3, strides=2, activation="relu")(x)
    return keras.Model(images, layers.Dense(10)(layers.Flatten()(x)))


# %%
def range_test(net, rates, seed):
    restart(net, seed)
    order, losses = np.random.default_rng(seed).permutation(IMAGES), []
    for step, rate in enumerate(rates):
        batch = np.take(order, range(50 * step, 50 * step + 50), mode="wrap")
        net.optimizer.learning_rate = rate
        net.reset_metrics()  # or Keras returns the mean since the last epoch
        losses.append(net.train_on_batch(pixels[batch], labels[batch]))
    return np.array(losses)


# %%
tester = small_cnn()
tester.compile(optimizer=optimizers.SGD(), loss=CROSS_ENTROPY)
test_rates = np.geomspace(1e-3, 10, 20 if QUICK else 100)
tests = [range_test(tester, test_rates, seed) for seed in SEEDS]
smooth = [np.convolve(np.clip(it, 0, 4), np.ones(7) / 7, "valid") for it in tests]
middle = test_rates[3:-3]  # the middle of each seven
before = [np.gradient(it)[: it.argmin() + 1] for it in smooth]  # the first fall
steepest = [middle[slopes.argmin()] for slopes in before]
lowest = [middle[it.argmin()] for it in smooth]
print("the loss falls most steeply at", np.round(steepest, 3))
print("and is lowest at", np.round(lowest, 3))

# %% tags=["hide-input"] alt="Losses of three seeds over a rising rate: level, a steep fall, a low stretch with spikes, and an explosion"
figure, axes = plt.subplots(figsize=(7.2, 3.0))
curves = zip(SEEDS, smooth, steepest, ("C0", "C2", "C4"), strict=False)
for seed, losses, rate, color in curves:
    axes.plot(middle, losses, color=color, label=f"seed {seed}")
    axes.plot(rate, np.interp(rate, middle, losses), "o", color="C1", markersize=8)
axes.plot([], [], "o", color="C1", markersize=8, label="steepest fall")
axes.axhline(np.log(10), color="0.6", linestyle="--", label="guessing")
axes.set(xscale="log", xlabel="learning rate", ylabel="loss, mean of 7 batches")
axes.legend(loc="upper left")
plt.show()

# %% [markdown]
# **Figure 5.8. A range test.** The loss while the rate rises, with three seeds. At first the steps
# are too short to matter. Then the loss falls, most steeply at the orange dots. Soon the curves
# turn, jump about, and end at guessing or above.
#
# How should you read it? The lowest point is tempting, but there the fall has ended. A safer
# choice is where the loss falls *most steeply*, because there each step gains most. Our three
# seeds put it between 0.18<!--claim:training_range_lowest--> and
# 0.42<!--claim:training_range_highest-->, so run the test more than once, begin with the
# smallest, and race it against its double. In the race of the next section a constant rate of
# 0.4<!--claim:training_constant_rate--> comes out best, and twice that ruins the network.

# %% tags=["claims"]
claim("training_range_lowest", min(steepest), at_least=0.03)
claim("training_range_highest", max(steepest), at_most=0.8)
claim("training_range_spread", max(steepest) / min(steepest), at_most=4)

# %% [markdown]
# ## Schedules side by side
#
# A ship goes full speed on the open sea, and slows down before the pier. It is the same with
# steps: long ones cover the ground, but only short ones come to rest at the bottom of the valley.
# A plan that changes the rate during a training is a **learning-rate schedule**. Keras accepts a
# class that looks up the rate of each step:


# %%
class Listed(optimizers.schedules.LearningRateSchedule):
    def __init__(self, steps):
        self.rates = tf.Variable(tf.zeros(steps), trainable=False)

    def __call__(self, step):
        return tf.gather(self.rates, tf.cast(step, "int32"))


# %% [markdown]
# We compare five plans. Each is a curve over the progress *t* of a training, from 0 to 1, and by
# its rate we mean the highest one.
#
# - *Constant*: always the same.
# - *Step*: a tenth of it after half of the training, and a hundredth after three quarters.
# - **Cosine decay**: (1 + cos π*t*) / 2, which falls slowly, then fast, then slowly again. In the
#   middle it is (1 + cos 90°) / 2 = 0.5.
# - Cosine with **warm-up**: for the first tenth the rate climbs in a straight line from 0, because
#   the first slopes are the wildest.
# - **One cycle** (Smith and Topin 2017, [Super-convergence](https://arxiv.org/abs/1708.07120)):
#   up for three tenths of the training, then down to 0.


# %%
def cosine(t):
    return (1 + np.cos(np.pi * t)) / 2


t = np.arange(STEPS) / STEPS
PLANS = {"constant": np.ones(STEPS)}
PLANS["step"] = np.select([t < 0.5, t < 0.75], [1, 0.1], 0.01)
PLANS["cosine"] = cosine(t)
PLANS["warm-up, cosine"] = np.where(t < 0.1, t / 0.1, cosine((t - 0.1) / 0.9))
up, down = 0.04 + 0.96 * cosine(1 - t / 0.3), cosine((t - 0.3) / 0.7)
PLANS["one cycle"] = np.where(t < 0.3, up, down)
keras_plan = optimizers.schedules.CosineDecay(1.0, STEPS)
differ = [float(keras_plan(step)) - PLANS["cosine"][step] for step in range(STEPS)]
print(f"Keras' CosineDecay differs by {np.abs(differ).max():.0e}")

# %%
listed = Listed(STEPS)
net = with_optimizer(small_cnn(), optimizers.SGD(listed))


def train_by(net, listed, plan, rate, seed, unseen):
    listed.rates.assign(rate * plan.astype("float32"))
    return train(net, None, seed, unseen)


PEAKS = (0.2, 0.4, 0.8, 1.6)
of_plans = {}
for name in ("constant", "cosine") if QUICK else PLANS:
    of_plans[name] = race(PEAKS, partial(train_by, net, listed, PLANS[name]))

# %% tags=["hide-input"]
table_of(of_plans)

# %% tags=["hide-input"] alt="Left five curves of the learning rate over the training, right the accuracies of three runs for each"
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.2), width_ratios=(3, 2))
lines = ("-", "--", "-", "--", "-")
for place, (name, plan) in enumerate(PLANS.items()):
    color, marker = LOOKS[place]
    left.plot(100 * t, plan, lines[place], color=color)
    ends = 100 * ends_of(of_plans[name]) if name in of_plans else []
    right.plot(ends, [place] * len(ends), marker, color=color, alpha=0.8)
left.set(xlabel="progress of the training, %", ylabel="rate, highest = 1")
right.set(xlabel="accuracy, judging digits, %", ylim=(4.5, -0.5))
right.set_yticks(range(5), PLANS)
right.grid(axis="x")
plt.show()

# %% [markdown]
# **Figure 5.9. Five plans, and what they reach.** Left: the rate over the training, as a share of
# its highest value, in the colours of the right side. Right: three runs of each plan at its own
# rate. One constant run falls behind.
#
# Two of the three constant runs end as high as the others, but the third reads only
# 92.4 %<!--claim:training_constant_worst-->, perhaps because its last steps are as long as the
# first. The worst run of the four falling plans reads 95.0 %<!--claim:training_falling_worst-->.
# So none of the twelve runs that slow down before the pier has slipped, and one of three that do
# not.
#
# A rate of 0.8 ruins the network at once, unless the rate climbs to it little by little: then it
# survives, and reads 95.2 %<!--claim:training_warm_up_at_high_rate--> of the choosing digits.
# Which way of slowing down is best, this race does not tell. The means of the four differ by
# 0.3<!--claim:training_falling_plans_differ--> digits in 100, and the three runs of the cosine by
# 0.6<!--claim:training_cosine_runs_differ-->. The famous one cycle, with
# 95.5 %<!--claim:training_one_cycle-->, is ahead by no more.

# %% tags=["claims"]
ends = {name: ends_of(side) for name, side in of_plans.items()}
means = {name: 100 * values.mean() for name, values in ends.items()}
best = of_plans["constant"].rate
claim("training_constant_rate", best, at_least=0.1)
if not QUICK:
    constant, *falling = ends.values()
    worst = np.min(falling)
    claim(
        "training_constant_worst", constant.min(), at_most=0.945, embedded=1, **DATA
    )
    claim("training_falling_worst", worst, at_least=0.94, embedded=0.85, **DATA)
    lead = worst - constant.min()
    claim("training_falling_worst_lead", lead, at_least=0.01, embedded=-1, **DATA)
    one_cycle = ends["one cycle"].mean()
    claim("training_one_cycle", one_cycle, at_least=0.91, embedded=0.85, **DATA)
    spread = np.ptp([means[name] for name in list(PLANS)[1:]])
    claim("training_falling_plans_differ", spread, at_most=0.6, embedded=5, **DATA)
    others = [means[name] for name in PLANS if name != "one cycle"]
    ahead, spread = means["one cycle"] - max(others), 100 * np.ptp(ends["cosine"])
    claim("training_cosine_runs_differ", spread, at_least=0.2, embedded=0, **DATA)
    claim("training_one_cycle_ahead", ahead, at_most=spread, embedded=5, **DATA)

# %% tags=["claims"]
if not QUICK:
    constant, step, alone, warm, cycle = (of_plans[n].tried[0.8] for n in PLANS)
    cold = max(constant, step, alone)
    claim("training_no_warm_up_at_high_rate", cold, at_most=0.2, embedded=1, **DATA)
    claim("training_warm_up_at_high_rate", warm, at_least=0.9, embedded=0, **DATA)
    claim(
        "training_one_cycle_at_high_rate", cycle, at_least=0.9, embedded=0, **DATA
    )

# %% [markdown]
# ## Optimisers side by side
#
# A schedule changes the rate for all weights alike. An optimiser can do more, because it
# remembers earlier slopes. Think of a valley that is long and narrow, like a gutter. SGD bounces
# from wall to wall, and hardly moves along. A heavy ball keeps the pushes along the gutter, and
# they add up.
#
# **Momentum** lets a weight roll like such a ball, with a speed that keeps nine tenths of itself in
# each step. If the slope stays at −1 and the rate is 1, the speed grows from 1 to 1.9, then to
# 2.71, and in the end to 10. So momentum takes longer steps, and wants a smaller rate.
#
# | optimiser | in a sentence | its step |
# |:--|:--|:--|
# | SGD | goes against the slope | *w* ← *w* − rate × slope |
# | **momentum** | rolls like a ball | speed ← 0.9 × speed − rate × slope; *w* ← *w* + speed |
# | **Nesterov momentum** | rolls, and adds the next bit of rolling at once | the same speed; *w* ← *w* + 0.9 × speed − rate × slope |
# | **Adam** | rolls, and divides each step by the size of the weight's slopes lately | *m* ← 0.9 *m* + 0.1 slope; *v* ← 0.999 *v* + 0.001 slope²; *w* ← *w* − rate × *m* / √*v* |
# | **AdamW** | is Adam, and shrinks each weight a little | Adam's step; *w* ← *w* − rate × 0.004 × *w* |
#
# Adam (Kingma and Ba 2014, [Adam](https://arxiv.org/abs/1412.6980)) has two ancestors. **Adagrad**
# divides by the size of *all* slopes so far, so that its steps become ever shorter, and **RMSprop**
# by that of the recent ones. Chapter 6 says why AdamW (Loshchilov and Hutter 2017, [Decoupled
# weight decay regularization](https://arxiv.org/abs/1711.05101)) shrinks the weights.
#
# One detail is missing: both means of Adam start at 0 and are too small at first, so they are
# corrected. Try it on a first slope of 2: *m* is 0.1 × 2 = 0.2, and divided by 1 − 0.9 = 0.1 it
# becomes 2. In the same way *v* becomes 4, and its root 2. So the first step is 2/2 = 1 times the
# rate, whatever the slope.

# %% tags=["nbval-check-output"]
adam, weight = optimizers.Adam(0.1), keras.Variable(1.0)
w, m, v = 1.0, 0.0, 0.0
for step, slope in enumerate([2.0, -1.0, 0.5], start=1):
    m = 0.9 * m + 0.1 * slope  # which way, lately
    v = 0.999 * v + 0.001 * slope**2  # how large, lately
    size = np.sqrt(v / (1 - 0.999**step))
    w = w - 0.1 * m / (1 - 0.9**step) / (size + 1e-7)
    adam.apply([keras.ops.convert_to_tensor(slope)], [weight])
    print(f"after step {step}: by hand {w:.4f}, Keras {float(weight):.4f}")


# %% tags=["hide-input"]
STEEP = np.array([1.0, 25.0])  # the valley is 25 times as steep across as along


def walk(kind, rate, steps=25):
    path, speed, m, v = [np.array([-9.0, 1.2])], 0.0, 0.0, 0.0
    for step in range(1, steps + 1):
        slope = STEEP * path[-1]
        speed = 0.9 * speed - rate * slope
        m, v = 0.9 * m + 0.1 * slope, 0.999 * v + 0.001 * slope**2
        size = np.sqrt(v / (1 - 0.999**step)) + 1e-7
        moves = {"SGD": -rate * slope, "momentum": speed}
        moves |= {"Nesterov momentum": 0.9 * speed - rate * slope}
        moves |= {"Adam": -rate * m / (1 - 0.9**step) / size}
        path.append(path[-1] + moves[kind])
    return np.array(path)


# %% tags=["hide-input"] alt="A long narrow valley four times: a zigzag, two wide swings, and a path that swings back"
def mean_loss(path):
    return (STEEP * path**2).sum(axis=1).mean() / 2


x, y = np.meshgrid(np.linspace(-10, 10, 61), np.linspace(-2, 2, 41))
figure, grid = plt.subplots(2, 2, figsize=(7.2, 3.8), sharex=True, sharey=True)
kinds = ("SGD", "momentum", "Nesterov momentum", "Adam")
for axes, kind in zip(grid.flat, kinds, strict=True):
    rates = np.geomspace(1e-3, 3, 60)
    rate = min(rates, key=lambda rate: mean_loss(walk(kind, rate)))
    axes.contour(x, y, x**2 + 25 * y**2, 5, colors="0.7", linewidths=0.7)
    axes.plot(*walk(kind, rate).T, "o-", markersize=3, linewidth=1)
    axes.plot(0, 0, "+", color="C1", markersize=12)
    axes.set(title=f"{kind}, rate {rate:.2g}", ylim=(-2, 2))
    axes.grid(False)
for axes in grid[1]:
    axes.set_xlabel("first weight")
for axes in grid[:, 0]:
    axes.set_ylabel("second weight")
plt.show()

# %% [markdown]
# **Figure 5.10. Four walks through a gutter.** Twenty-five steps from the same start, each at the
# rate that keeps its mean loss lowest. Lines connect places of equal loss. SGD bounces, and then
# crawls. Momentum swings longer, but gets to the bottom (cross). All but SGD roll past it and
# turn back.
#
# For the race we take the small CNN and the cosine plan.

# %%
ball = partial(optimizers.SGD, momentum=0.9)
RACERS = {"momentum": (ball, (0.08, 0.16, 0.32))}
RACERS["Nesterov"] = partial(ball, nesterov=True), (0.08, 0.16, 0.32)
RACERS["Adam"] = optimizers.Adam, (0.008, 0.016, 0.032)
RACERS["AdamW"] = optimizers.AdamW, (0.008, 0.016, 0.032)
of_racers = {"SGD": of_plans["cosine"]}  # it has run already
for name, (optimizer, rates) in list(RACERS.items())[:MOST]:
    listed = Listed(STEPS)
    net = with_optimizer(small_cnn(), optimizer(listed))
    of_racers[name] = race(rates, partial(train_by, net, listed, PLANS["cosine"]))

# %% tags=["hide-input"]
table_of(of_racers)

# %% tags=["hide-input"] alt="Loss of five optimisers over ten epochs, and the accuracies of their judged runs"
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.2), width_ratios=(3, 2))
epochs = range(1, EPOCHS + 1)
for place, side in enumerate(of_racers.values()):
    color, marker = LOOKS[place]
    for run in side.runs:
        left.plot(epochs, run["loss"], marker + "-", color=color, lw=1, ms=4)
    ends = 100 * ends_of(side)
    right.plot(ends, [place] * len(ends), marker, color=color, alpha=0.8)
left.set(
    xlabel="epoch", ylabel="loss, training digits", yscale="log", xticks=epochs
)
right.set(xlabel="accuracy, judging digits, %", ylim=(4.5, -0.5))
right.set_yticks(range(len(of_racers)), of_racers)
right.grid(axis="x")
plt.show()

# %% [markdown]
# **Figure 5.11. Five optimisers, each at its own rate.** Left: the loss over the epochs, which is
# called a **learning curve**, for three runs of each. Right: the same runs on the judging digits.
# Adam and AdamW lead in both.
#
# The rate of momentum is 2.5<!--claim:training_sgd_to_momentum--> times as small as SGD's, and
# Adam's 25<!--claim:training_sgd_to_adam--> times.
#
# Momentum and Nesterov end within 0.3<!--claim:training_momentum_lead--> digits in 100 of SGD.
# Adam leads SGD by 1.0<!--claim:training_adam_lead_late-->, more than its own runs differ, and
# AdamW is as good as Adam. So in this race a step length for each weight was worth more than a
# rolling ball.

# %% tags=["claims"]
ends = {name: ends_of(side) for name, side in of_racers.items()}
means = {name: 100 * values.mean() for name, values in ends.items()}
if not QUICK:
    own = {name: side.rate for name, side in of_racers.items()}
    claim("training_sgd_to_momentum", own["SGD"] / own["momentum"], at_least=2)
    claim("training_sgd_to_adam", own["SGD"] / own["Adam"], at_least=5)
    rolling = [abs(means[name] - means["SGD"]) for name in ("momentum", "Nesterov")]
    claim("training_momentum_lead", max(rolling), at_most=0.6, embedded=5, **DATA)
    adam_ahead = means["Adam"] - max(means["momentum"], means["Nesterov"])
    claim(
        "training_adam_ahead_of_balls", adam_ahead, at_least=0, embedded=-5, **DATA
    )
    lead = means["Adam"] - means["SGD"]
    claim("training_adam_lead_late", lead, at_least=0.3, embedded=-5, **DATA)
    beyond = lead - 100 * np.ptp(ends["Adam"])
    claim("training_adam_lead_beyond", beyond, at_least=0, embedded=-9, **DATA)
    apart = abs(means["AdamW"] - means["Adam"])
    claim("training_adamw_to_adam", apart, at_most=0.4, embedded=5, **DATA)

# %% tags=["claims"]
if not QUICK:
    races = {**of_pixels, **of_forms, **of_starts, **of_normalised, **of_plans}
    races |= of_racers
    rims = [
        name
        for name, side in races.items()
        if side.rate in (min(side.tried), max(side.tried))
    ]
    rims = [name for name in rims if name != "half of He"]  # it guesses at each
    claim("training_rates_at_the_rim", len(rims), at_most=0, embedded=99, **DATA)


# %% [markdown]
# ## All of it together
#
# Now we put the knobs where they belong, in one network that learns from nearly all of MNIST:
# three convolutions, pixels from 0 to 1, He's weights, batch normalisation, Adam, and a cosine
# with warm-up. *Dropout* (chapter 6) sets a share of the numbers to 0 in each training step. And
# because a digit that is turned or moved a little is still the same digit, each image is changed
# by chance before the network sees it (chapter 11):


# %%
def move(images, degrees=10, zoom=0.1, shift=2):
    def random(limit):
        return tf.random.uniform(tf.shape(images)[:1], -limit, limit)

    angle, scale = random(np.radians(degrees)), tf.exp(random(zoom))
    cos, sin = scale * tf.cos(angle), scale * tf.sin(angle)
    x = 13.5 * (1 - cos + sin) + random(shift)  # turns about the middle
    y = 13.5 * (1 - sin - cos) + random(shift)
    rows = tf.stack([cos, -sin, x, sin, cos, y, 0 * x, 0 * x], axis=1)
    images = tf.cast(images, tf.float32)
    return keras.ops.image.affine_transform(images, rows)


# %% tags=["hide-input", "photo"] alt="One handwritten digit, five times, turned and moved a little"
keras.utils.set_random_seed(0)
copies = move(np.repeat(digits.train_images[:1], 5, axis=0))
figure, row = plt.subplots(1, 5, figsize=(7.2, 1.6))
for axes, copy in zip(row, np.array(copies), strict=True):
    axes.imshow(copy[..., 0], cmap="gray_r")
    axes.axis("off")
plt.show()

# %% [markdown]
# **Figure 5.12. One digit, five times.** Each is the same image, turned by up to 10 degrees, made
# up to a tenth larger or smaller, and moved by up to 2 pixels.
#
# The net divides by 255 itself, and `beta_2` lets Adam's *v* forget sooner. The recipe was chosen
# on the validation digits. Now nothing is left to choose, so it may learn from those, too, and we
# open the drawer.


# %%
def learn_all(images, labels, seed):
    keras.utils.set_random_seed(seed)
    options = {"training": True, "augment": move, "seed": seed}
    batches = make_pipeline(images, labels, 128, **options)
    steps = FINAL_EPOCHS * len(batches)
    warm_up = {"warmup_target": 0.004, "warmup_steps": int(0.2 * steps)}
    plan = optimizers.schedules.CosineDecay(0.0, int(0.8 * steps), **warm_up)
    net, adam = build_small_digit_net(), optimizers.Adam(plan, beta_2=0.95)
    net.compile(optimizer=adam, loss=CROSS_ENTROPY, steps_per_execution=16)
    net.fit(batches, epochs=FINAL_EPOCHS, verbose=0, shuffle=False)
    return net


# %%
seen = [digits.train_images, digits.validation_images]
answers = [digits.train_labels, digits.validation_labels]
few = slice(300 if QUICK else None)
seen, answers = (np.concatenate(parts)[few] for parts in (seen, answers))
policy = "float32" if QUICK else recommend_precision().policy  # chapter 0
keras.config.set_dtype_policy(policy)
nets = [learn_all(seen, answers, seed) for seed in SEEDS]
keras.config.set_dtype_policy("float32")

# %%
test = digits.test_images, digits.test_labels  # opened once, after all was chosen
answers = [net.predict(test[0], 500, verbose=0).argmax(axis=1) for net in nets]
accuracies = [np.mean(it == test[1]) for it in answers]
print("test accuracy of each seed:", np.round(accuracies, 4))

# %% [markdown]
# With 105,290<!--claim:training_small_net_parameters--> parameters it reads
# 99.5 %<!--claim:training_small_net_accuracy--> of the test digits, as a mean over three seeds.
# It is a recipe and no experiment: what each knob brought, we have not measured.
#
# And your friend's network? Ask its loss which knob it is.
#
# | the loss | may mean | look at |
# |:--|:--|:--|
# | starts far above 2.3 | inputs or first weights too large | pixels, sizes of the outputs |
# | stays at 2.3, or comes back to it | rate too large, vanishing slopes, dead or equal units | range test; outputs and slopes, layer by layer |
# | grows, or is `nan` | rate too large, exploding slopes | range test, He's weights, clipping |
# | falls slowly | rate too small | range test, Adam |
# | trembles at the end | steps too long near the bottom | a rate that falls to 0 |

# %% tags=["claims"]
claim("training_small_net_parameters", nets[0].count_params(), equals=105_290)
bounds = {"at_least": 0.995, "embedded": 0.97, "quick": 0.05}
claim("training_small_net_accuracy", np.mean(accuracies), **bounds, **DATA)

# %% [markdown]
# ## What you learned
#
# | word | what it means | in Keras |
# |:--|:--|:--|
# | standardisation | mean 0 and standard deviation 1, pixel by pixel | `layers.Normalization(axis=(1, 2, 3))` |
# | initialisation | the random numbers with which weights start | `kernel_initializer="he_normal"` |
# | vanishing, exploding gradient | slopes that shrink, or grow, on the way back | the tape, layer by layer |
# | batch normalisation | each unit standardised over the batch, then gamma and beta | `layers.BatchNormalization` |
# | range test | a rising rate shows where the loss falls | `train_on_batch` |
# | learning-rate schedule | a rate for each step | `schedules.CosineDecay` |
# | optimiser | a rule for the step | `SGD(rate, momentum=0.9)`, `Adam(rate)` |
#
# ## Exercises
#
# 1. *By hand.* A layer has a fan-in of 50. Which standard deviation does He's rule give? With half
#    of it, by which factor does the size change in each layer, and by which in ten?
# 2. *By hand.* A weight starts at 0, with a rate of 0.1 and a momentum of 0.9. The slopes of three
#    steps are −1, −1 and 1. Where does the weight end, and where with plain SGD?
# 3. *Predict, then run.* A leaky ReLU multiplies negative numbers by 0.3. Which variance of the
#    weights keeps the size now? Check it through 20 layers.
# 4. *Change it.* Let RMSprop and Adagrad join the race of the optimisers, at rates of their own.
# 5. *Change it.* Raise the `epsilon` of whitening in all directions to 0.1, and race it. What does
#    that do to directions that hardly vary?
# 6. *Break it.* Put batch normalisation between the 64 units and their ReLU, and train on bytes at
#    the rate that suits pixels from 0 to 1. What will happen, and why?

# %% [markdown] tags=["solution"]
# 1. √(2/50) = 0.2. Half of it is 0.1, so *n* × *v* / 2 = 50 × 0.01 / 2 = 0.25. The mean square is
#    multiplied by 0.25, the size by its root, 0.5, and in ten layers by 1/1,024.
# 2. The speeds are 0.1, then 0.09 + 0.1 = 0.19, then 0.171 − 0.1 = 0.071, so the weight ends at
#    0.361. SGD goes to 0.1, to 0.2 and back to 0.1. The ball rolls on after the slope has turned.
# 3. Half of the mean square passes whole, and half of it times 0.3². So *n* × *v* × (1 + 0.09) / 2
#    must be 1, which gives *v* = 2 / (1.09 *n*).
# 4. Both read about as well as Adam. RMSprop has no momentum at all, so here the step length for
#    each weight seems to be what counts. (Our `restart` lets Adagrad begin at 0, where Keras
#    begins at 0.1.) The slopes differ much in size from layer to layer, and dividing by their
#    size evens this out.
# 5. It gets much better, though not quite as good as plain pixels. The epsilon is added to each
#    variance. Where the variance is far below 0.1, we now divide by √0.1, and not by its own tiny
#    root, so that noise stays small.
# 6. It reads bytes as well as other pixels. With bytes the sums are 255 times as large, but so are
#    their mean and their standard deviation, and batch normalisation divides the factor out again.
#    What the layer returns depends on its weights as before, so the slopes are the same, too.

# %% tags=["solution"]
rng = np.random.default_rng(0)
x = first = rng.normal(size=(500, 256))
for _ in range(20):
    x = x @ rng.normal(0, np.sqrt(2 / (1.09 * 256)), (256, 256))
    x = np.where(x > 0, x, 0.3 * x)
leaky = size_of(x) / size_of(first)
print(f"3. after 20 layers: {leaky:.2f} of the first size")
others = {"RMSprop": optimizers.RMSprop, "Adagrad": optimizers.Adagrad}
their_rates = {"RMSprop": (0.008, 0.016, 0.032), "Adagrad": (0.02, 0.04, 0.08)}
for name, optimizer in list(others.items())[:MOST]:
    listed = Listed(STEPS)
    net = with_optimizer(small_cnn(), optimizer(listed))
    side = race(their_rates[name], partial(train_by, net, listed, PLANS["cosine"]))
    print(f"4. {name} at {side.rate}: {ends_of(side).round(3)}")

# %% tags=["solution"]
gentle = ZCAWhitening(epsilon=0.1)
gentle.adapt(pixels)
net = with_optimizer(dense_net(), optimizers.SGD())
gently = race(RATES, run_on(net, gentle))
print(f"5. rate {gently.rate}: {ends_of(gently).round(3)}")
images = keras.Input((28, 28, 1))
x = layers.Dense(64)(layers.Flatten()(images))
x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
net = with_optimizer(keras.Model(images, layers.Dense(10)(x)), optimizers.SGD())
on_bytes = run_on(net, layers.Rescaling(255))
rate = of_pixels["from 0 to 1"].rate
rescued = on_bytes(rate, SEEDS[0], judging)["unseen"]
print(f"6. bytes at a rate of {rate}, normalised: {rescued:.3f}")
