# %% [markdown]
# # 3. How a network learns
#
# In chapter 1 we wrote down nine numbers, and they found the edges of a photograph. We could do
# that because we knew what an edge is. But what is a 4? Some have an open top and some a closed
# one, some lean over, and some look almost like a 9. Even a very simple network that reads digits
# holds 7,850 numbers, its weights, and nobody knows what to write there.
#
# So we let the computer find the numbers. In this chapter you write the loop that does it, first
# for one weight, then for nine, and then for thousands, and you can check the first steps in your
# head. On the way you meet the five words that every training script is full of: *loss*,
# *gradient*, *learning rate*, *batch* and *epoch*. At the end you can train a network of your own,
# and say what each line of the training is for.
#
# Takes about 5 minutes<!--minutes:03_how_a_network_learns--> on two CPU cores (quick: under 45
# seconds); needs chapters 0 and 1.

# %% tags=["setup"]
import os
from itertools import islice

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras import layers

from cnnbook.book.claims import claim
from cnnbook.datasets.mnist import load_mnist
from cnnbook.datasets.photos import load_photo
from cnnbook.plots.book_style import use_book_style

# %% tags=["setup"]
QUICK = (
    "CNNBOOK_QUICK" in os.environ
)  # the short run: less of everything, every cell
SEED, EPOCHS, DRAWS = 1, (1 if QUICK else 3), (3 if QUICK else 20)
STARTS, PAIR_STEPS = (
    (20, 200) if QUICK else (100, 500)
)  # for the puzzle of two pixels
LONG_EPOCHS = 2 if QUICK else 10  # for the comparison at the end
RATES, SEEDS = ((0.5,), (1,)) if QUICK else ((0.2, 0.5, 1.0), (1, 2, 3))
use_book_style()
digits = load_mnist()

# %% tags=["hide-input", "photo"] alt="Six handwritten fours: open and closed, upright and slanted, thick and thin"
fours = digits.train_images[digits.train_labels == 4]
figure, row = plt.subplots(1, 6, figsize=(7.2, 1.3))
for axes, four in zip(row, fours, strict=False):
    axes.imshow(four[:, :, 0], cmap="gray_r")
    axes.axis("off")
plt.show()

# %% [markdown]
# **Figure 3.1. Six times a 4.** Six images of the kind that the network is going to learn from. A
# person reads each of them at once, but it is hard to say in rules what they have in common.
#
# ## A network with one weight
#
# A network learns one weight in the same way as a hundred million, and the whole procedure fits
# into one sentence: **measure how wrong the network is, find out which small change of each weight
# would make it less wrong, make that change, and start again.**

# %% tags=["hide-input"]
TOP = {0: "some\nexamples", 2.3: "the network\nand its weights"}
TOP |= {4.5: "its\nanswers", 6.1: "the loss:\nhow wrong?", 8: "the right\nanswers"}
BOTTOM = {2.3: "the step: change\neach weight a little"}
BOTTOM |= {6.1: "the gradient: a slope\nfor each weight"}
ARROWS = [((0.55, 1), (1.6, 1)), ((3.08, 1), (4.05, 1)), ((4.96, 1), (5.48, 1))]
ARROWS += [((7.5, 1), (6.7, 1))]
BACK = [
    ((6.1, 0.69), (6.1, 0.3)),
    ((5.1, 0), (3.2, 0)),
    ((2.3, 0.31), (2.3, 0.69)),
]

# %% tags=["hide-input"] alt="A loop of boxes: images, network, answers, loss, gradient, step, and back to the network"
figure, axes = plt.subplots(figsize=(7.2, 1.9))
for start, end in ARROWS + BACK:
    look = {
        "arrowstyle": "-|>",
        "lw": 2,
        "color": "C1" if (start, end) in BACK else "C0",
    }
    look |= {"mutation_scale": 16, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", end, start, arrowprops=look)
for y, row, color in ((1, TOP, "#DCEAF4"), (0, BOTTOM, "#FBE3D6")):
    for x, text in row.items():
        box = {
            "boxstyle": "round,pad=0.45",
            "facecolor": color,
            "edgecolor": "none",
        }
        axes.text(x, y, text, ha="center", va="center", bbox=box)
axes.axis("off")
axes.set(xlim=(-0.75, 8.75), ylim=(-0.45, 1.45))
plt.show()

# %% [markdown]
# **Figure 3.2. Training is a loop.** Along the top (blue) the network answers, and the loss says
# how wrong its answers are. Along the bottom (orange) the way leads back from the loss to one
# slope for each weight, and from the slopes to slightly better weights.
#
# Let us begin with a problem so small that we can follow every number. A camera has delivered a
# photograph that is far too dark, and we want a network that brightens it. The smallest one
# imaginable will do: it multiplies each pixel by a single weight *w*.
#
# To learn *w*, it needs examples: inputs together with the answers that we want, which are called
# **targets**. Two pixels are enough, one with a brightness of 0.2 that should have 0.5, and one
# with 0.4 that should have 1.0. You see at once that *w* ought to be 2.5, but the network does
# not, and so it starts at *w* = 1.

# %% tags=["nbval-check-output"]
inputs = np.array([0.2, 0.4])  # two pixels of the dark photograph
targets = np.array([0.5, 1.0])  # how bright they should be
print("answers at w = 1:", 1.0 * inputs, "   errors:", 1.0 * inputs - targets)

# %% [markdown]
# The answers miss their targets by −0.3 and by −0.6. To improve on that, the computer needs a
# single number that it can bring down. So we square the errors, which makes too dark count as much
# as too bright, and take their mean:
#
# > ((−0.3)² + (−0.6)²) / 2 = (0.09 + 0.36) / 2 = 0.225
#
# A number that says how wrong the answers are is called a **loss**. The more wrong they are, the
# larger it becomes. This particular one is known as the **mean squared error**, and it is 0 when
# every answer hits its target. For digits we shall need a different one, but nothing else will
# change.


# %% tags=["nbval-check-output"]
def loss(w):
    return np.mean((w * inputs - targets) ** 2)


for w in (1.0, 2.0, 2.5, 3.0):
    print(f"w = {w}: loss {loss(w):.3f}")

# %% [markdown]
# ## The gradient: which way is down?
#
# The loss falls as *w* approaches 2.5 and rises again beyond it. Drawn for every possible *w*, it
# is a valley, and learning means walking to its lowest point. The network, however, cannot see the
# valley. It is like a hiker in thick fog, who can only feel with one foot which way the ground
# falls. We can do the same: change *w* by a tiny amount and see how the loss responds.

# %% tags=["nbval-check-output"]
nudge = 0.001
slope_by_hand = (loss(1.0 + nudge) - loss(1.0)) / nudge
print(f"slope of the loss at w = 1: {slope_by_hand:.3f}")

# %% tags=["hide-input"] alt="A valley, a dot on its left side, and a short straight line through the dot that slopes down to the right"
figure, axes = plt.subplots(figsize=(7.2, 2.5))
every_w = np.linspace(0.4, 4.6, 200)
axes.plot(every_w, [loss(w) for w in every_w])
axes.plot([0.5, 1.5], [loss(1.0) + 0.15, loss(1.0) - 0.15], color="C1")
axes.plot(1.0, loss(1.0), "o", color="C1", markersize=9)
axes.text(1.15, 0.25, "here we stand: w = 1, slope −0.3", color="C1")
axes.annotate(
    "w = 2.5", (2.5, 0), (2.5, 0.12), ha="center", arrowprops={"arrowstyle": "->"}
)
axes.set(xlabel="weight w", ylabel="loss")
plt.show()

# %% [markdown]
# **Figure 3.3. The valley.** The loss for every weight. The straight orange line has the slope of
# the ground at the dot, which is all that the hiker can feel.
#
# The slope is −0.3. If *w* grows by 0.1, for example, the loss falls by about 0.03. The minus sign
# is the useful part, because it tells us that a *larger* weight would make the network less wrong.
# This slope is the **gradient** of the loss. A network with many weights has one slope for each of
# them, and *gradient* then means the whole list.
#
# Now that we know the direction, we move *against* the slope, by an amount proportional to it:
#
# > new *w* = *w* − rate × slope
#
# The factor in front is called the **learning rate**. With a rate of 1, the first step leads from
# 1.0 to 1.0 − 1 × (−0.3) = 1.3, and the loss falls from 0.225 to 0.144. At the new place we ask for
# the slope again and take the next step, and repeating this is all that **gradient descent** means.
#
# From here on TensorFlow finds the slopes for us. We hand it the weight as a `Variable`, which is
# a number that may change. It records every operation of the loss on a *tape*, and afterwards
# works out the slope from the record. This is known as **automatic differentiation**, and we shall
# soon look inside it.


# %% tags=["nbval-check-output"]
def slope(w):
    w = tf.Variable(w)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((w * inputs - targets) ** 2)
    return float(tape.gradient(loss, w))


print(f"slope by TensorFlow: {slope(1.0):.3f}")


# %% tags=["nbval-check-output"]
def descend(rate, steps, w=1.0):
    path = [w]
    for _ in range(steps):
        w = w - rate * slope(w)
        path.append(w)
    return np.array(path)


path = descend(rate=1.0, steps=10)
print("w after each step:", path.round(2))

# %% tags=["hide-input", "photo"] alt="A valley with dots that come down its side, and a photograph of a cat that brightens over ten steps"
dark = 0.4 * load_photo("cat")[::3, 75:375:3] / 255
every_w, shape = np.linspace(0.4, 4.6, 200), [["valley", 0, 1], ["valley", 3, 10]]
layout = {"figsize": (7.2, 3.4), "width_ratios": (1.75, 1, 1)}
figure, axes = plt.subplot_mosaic(shape, **layout)
axes["valley"].plot(every_w, [loss(w) for w in every_w])
axes["valley"].plot(path, [loss(w) for w in path], "o-")
axes["valley"].set(
    xlabel="weight w", ylabel="loss", title="ten steps into the valley"
)
for step in (0, 1, 3, 10):
    axes[step].imshow(np.clip(path[step] * dark, 0, 1), interpolation="nearest")
    axes[step].set_title(f"step {step}: w = {path[step]:.2f}")
    axes[step].axis("off")
plt.show()

# %% [markdown]
# **Figure 3.4. A network with one weight learns.** Left: each dot is the weight after one more
# step. The steps become shorter by themselves, because the ground is flatter near the bottom.
# Right: the same weights on the whole photograph, although they were learned from two pixels only.
#
# When further steps hardly change the loss any more, a training has reached **convergence**. Ours
# is still on its way after ten steps, at *w* = 2.34, but after thirty it has come to
# 2.50<!--claim:learn_weight_after_thirty_steps-->.
#
# ## The learning rate: how far?
#
# How long should the steps be? Training does not tell us, because the rate is not one of the
# weights. It is a **hyperparameter**, which is a choice that you make and training does not. So we
# change the rate and nothing else.

# %% tags=["hide-input"] alt="The same valley four times: short steps, a quick arrival, a zigzag inwards, and a zigzag outwards"
FOUR = {
    0.2: "it crawls",
    3: "it arrives",
    9: "it overshoots",
    10.6: "it climbs out",
}
figure, row = plt.subplots(1, 4, figsize=(7.2, 2.4), sharey=True)
every_w = np.linspace(-1.6, 6.6, 200)
for axes, (rate, what) in zip(row, FOUR.items(), strict=True):
    walk = descend(rate, steps=8)
    axes.plot(every_w, [loss(w) for w in every_w])
    axes.plot(walk, [loss(w) for w in walk], "o-", markersize=4, linewidth=1)
    axes.plot(1, loss(1), "o", markersize=10, fillstyle="none", color="0.3")
    axes.set(title=f"rate {rate}:\n{what}", xlabel="weight w", ylim=(-0.1, 1.8))
row[0].set_ylabel("loss")
plt.show()

# %% [markdown]
# **Figure 3.5. One valley, one start (ring), eight steps, and four learning rates.** At 0.2 the
# steps are so short that all eight together cover little more than a quarter of the way. At 3 the
# walk reaches the bottom after a few. At 9 each step leads across the valley, though a little
# lower than before. At 10.6 each one ends a little *higher*, and the loss grows without end.
#
# In this valley you can work out why. The slope is 0.2 × (*w* − 2.5), so a rate of 5 takes away
# the whole distance to the bottom in one step. A rate of 10 takes away twice the distance, and
# lands exactly as far away on the other side. Smaller rates come nearer, and larger ones move
# away.
#
# When the loss of a real network explodes, or does not move at all, suspect the learning rate
# first. Chapter 5 shows how to search for a good one.
#
# Our valley has a single bottom. The loss of a larger network can have many hollows, and the walk
# may end in a **local minimum**, from which no small step leads down, although there is a deeper
# place elsewhere.
#
# In the pages of this book you can walk yourself: choose a rate, let the ball roll, and drag it to
# another start. Below it, a small version of our network for digits learns before your
# eyes.<!--live:train-->
#
# ## Backpropagation: all slopes in one walk back
#
# Nudging a million weights one after the other would take a million runs of the network for a
# single step. How can the tape find all the slopes at once?
#
# Take a weight *w* = 3, an input *x* = 2 and a bias *b* = −1. The network multiplies and adds, so
# its answer is 3 × 2 − 1 = 5. If the target is 4, then the error is 1, and so is its square, the
# loss.
#
# Now think of these operations as gears, each of which turns the next. If you turn *w* a little,
# the product turns *x* = 2 times as far. The sum and the error turn as far as the product. The
# square turns 2 times as far as the error, because the slope of a square is two times the number
# itself, and here that number is 1.
#
# Gears in a row multiply: 2 × 1 × 1 × 2 = 4, so the loss changes 4 times as fast as *w*. This is
# the **chain rule**, which says that the slope of several operations in a row is the product of
# their slopes. You can check it with a nudge. At *w* = 3.01 the answer is 5.02, so the error is
# 1.02 and the loss is 1.0404, which is about 4 × 0.01 more than before.

# %% tags=["hide-input"]
PLACES = {"w": (0, 1.4), "x": (0, -1.4), "×": (1.6, 0), "b": (3.2, -1.7)}
PLACES |= {"+": (3.2, 0), "− 4": (4.7, 0), "square": (6.45, 0), "loss": (8, 0)}
GRAPH = [("w", "×", "3", "4"), ("x", "×", "2", "6"), ("×", "+", "6", "2")]
GRAPH += [
    ("b", "+", "−1", "2"),
    ("+", "− 4", "5", "2"),
    ("− 4", "square", "1", "2"),
]
GRAPH += [("square", "loss", "1", "1")]
TEXT = {"ha": "center", "va": "center"}
BOX = {"boxstyle": "round,pad=0.4", "edgecolor": "none"}
ARROW = {
    "arrowstyle": "-|>",
    "color": "0.6",
    "shrinkA": 19,
    "shrinkB": 19,
    "lw": 1.5,
}

# %% tags=["hide-input"] alt="A chain of operations from w, x and b to the loss, with a number above and a slope below each arrow"
figure, axes = plt.subplots(figsize=(7.2, 2.5))
for start, end, value, back in GRAPH:
    axes.annotate("", PLACES[end], PLACES[start], arrowprops=ARROW)
    x, y = np.mean([PLACES[start], PLACES[end]], axis=0)
    right, up = (0.35, 0) if start == "b" else (0, 0.36)
    axes.text(x - right, y + up, value, color="C0", weight="bold", **TEXT)
    axes.text(x + right, y - up, f"({back})", color="C1", weight="bold", **TEXT)
for name, place in PLACES.items():
    face = "#DCEAF4" if name in "wxb" else "#eeeeea"
    axes.text(*place, name, bbox=BOX | {"facecolor": face}, **TEXT)
for x, slope_of_box in ((4.7, "× 1"), (6.45, "× 2")):
    axes.text(x, -0.75, slope_of_box, color="C1", **TEXT)
axes.text(8.4, 1.4, "values, from left to right →", color="C0", ha="right")
axes.text(
    8.4, -1.7, "← (slopes of the loss), from right to left", color="C1", ha="right"
)
axes.set(xlim=(-0.3, 8.5), ylim=(-2.1, 1.9))
axes.axis("off")
plt.show()

# %% [markdown]
# **Figure 3.6. From the loss back to three numbers.** In blue stands the value that passes along
# each arrow from left to right. In orange and in parentheses stands how fast the loss changes with
# this value, worked out from right to left. Each box multiplies by its own slope: the square by 2,
# “− 4” and “+” by 1, and “×” by its other input.
#
# A calculation drawn as boxes and arrows is a **computational graph**. The tape keeps such a
# graph, and walks through it once, backwards. It begins with 1 at the loss, and multiplies by the
# slope of each operation that it passes. When it arrives at the product, the number is 2. From
# there it is one multiplication to *w*, because 2 × *x* = 4, and one to *x*, because 2 × *w* = 6.
# However many weights there are, no part of the way is walked twice. This is **backpropagation**.
#
# Two more rules take us a long way; every other operation brings a slope of its own. If a number is
# used in several places, each place sends a slope back, and they are *added*: in *w* × *w*, each
# sends back the other *w*, together 2*w*. That is how a kernel learns, whose weights are used at
# every pixel. And a ReLU has a slope of 1 where it lets a number pass, and of 0 where it does not.
# Now we do the walk by hand, and let the tape check it.

# %% tags=["nbval-check-output"]
w, x, b = (tf.Variable(value) for value in (3.0, 2.0, -1.0))
with tf.GradientTape() as tape:
    error = w * x + b - 4  # forward: 6, then 5, then 1
    squared = error**2
back = 2 * error  # back through the square, the target and the sum
print(f"by hand:     w {back * x:.0f}, x {back * w:.0f}, b {back:.0f}")
slopes = tape.gradient(squared, [w, x, b])
print("by the tape: w {:.0f}, x {:.0f}, b {:.0f}".format(*slopes))

# %% [markdown]
# ## Sobel's kernel, found again
#
# Can the loop find the nine numbers that we wrote down in chapter 1? Suppose that somebody gives
# us a photograph and a picture of its vertical edges, but not the kernel that made it. Then the
# photograph is the input, each pixel of the other picture is a target, and the nine weights start
# as random numbers.
#
# We change one thing beforehand, and subtract the mean brightness from the photograph. The edges
# stay the same, because Sobel's numbers add up to 0, but the loop gets on much faster. Exercise 9
# shows the difference, and its solution explains it. In the code, `None` adds the axes that
# `conv2d` wants: image and channel for the photograph, channel and filter for the kernel.
# `assign_sub` subtracts from a variable, and so it *is* the formula of the step.

# %%
rocket = (
    load_photo("rocket").mean(axis=-1)[::2, ::2] / 255
)  # grey, every second pixel
photo = (rocket - rocket.mean()).astype("float32")[None, :, :, None]
SOBEL = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], "float32")


def slide(kernel):
    return tf.nn.conv2d(photo, kernel, strides=1, padding="VALID")


edges = slide(SOBEL[:, :, None, None])  # the targets; the loop sees only these

# %% tags=["nbval-check-output"]
noise = np.random.default_rng(SEED).normal(size=(3, 3, 1, 1))
kernel = tf.Variable(noise, dtype="float32")
on_the_way = {}
for step in range(201):
    if step in (0, 5, 20, 50, 200):
        on_the_way[step] = kernel.numpy()[:, :, 0, 0]
    with tf.GradientTape() as tape:
        squared = tf.reduce_mean((slide(kernel) - edges) ** 2)
    kernel.assign_sub(
        8.0 * tape.gradient(squared, kernel)
    )  # the step, at a rate of 8
print(on_the_way[200].round(1) + 0.0)

# %% tags=["hide-input", "photo"] alt="A rocket and its edges, and below them a kernel of nine numbers that turns from noise into Sobel's"
shape = [["photo"] * 5 + ["edges"] * 5, np.repeat([*on_the_way], 2).tolist()]
figure, axes = plt.subplot_mosaic(shape, figsize=(7.2, 4.2), height_ratios=(1.9, 1))
axes["photo"].imshow((40 * rocket).round(), cmap="gray", interpolation="nearest")
axes["photo"].set_title("the photograph")
look = {"cmap": "signs", "vmin": -3, "vmax": 3, "interpolation": "nearest"}
seen = axes["edges"].imshow(edges[0, :, :, 0].numpy().round(1), **look)
figure.colorbar(seen, ax=axes["edges"], ticks=[-3, 0, 3], shrink=0.8)
axes["edges"].set_title("its edges: the targets")
for step, values in on_the_way.items():
    axes[step].imshow(values, **look)
    axes[step].set_title(f"step {step}")
    for place, value in np.ndenumerate(values.round(1) + 0.0):
        text = f"{value:.1f}".replace("-", "−")
        axes[step].text(*place[::-1], text, ha="center", va="center")
for each in axes.values():
    each.set(xticks=[], yticks=[])
    each.spines[:].set_visible(False)
plt.show()

# %% [markdown]
# **Figure 3.7. The loop finds Sobel's kernel.** Above, the input and the targets: blue where the
# photograph turns brighter to the right, and orange where it turns darker. Below, the nine weights
# after so many steps. After 5 steps the whole left column is negative. After 20 the columns add up
# to about −3.7, 0.6 and 3.1, on their way to −4, 0 and 4.
#
# After 200 steps no weight is further than 0.02<!--claim:learn_sobel_error--> from Sobel's. Nobody
# told the loop what an edge is: it saw a picture and the answers, and that was enough. The
# networks of chapter 4 find all their kernels in this way, with one difference. Nobody can draw
# the targets of their kernels, so only the digit at the end is known, and backpropagation passes
# the slopes from there back to each kernel.
#
# Here the targets came from a kernel of 3×3, so a loss of 0 was possible. In general it is not.
#
# ## Softmax regression: ten scores for a digit
#
# Now we return to the digits, and first divide them. The network learns from the **training set**
# of 55,000 images. Another 5,000, the **validation set**, are never learned from. They tell us how
# well the network reads what it has not seen, and we make our choices by them. But a choice can
# also be lucky with these very images, so a third part, the *test set*, stays in a drawer until
# all choices are made.
#
# The simplest network for digits works as follows. To score one class, it multiplies each of the
# 784 pixels by a weight of its own, adds everything up, and adds a bias. The result is the
# **logit** of that class. With ten classes, there are 10 × (784 + 1) = 7,850 numbers to learn. As
# you saw in chapter 0, softmax then turns the ten logits into ten probabilities, and so the
# network is called **softmax regression**.

# %%
pixels = digits.train_images.reshape(-1, 784).astype("float32") / 255
labels = digits.train_labels
unseen = digits.validation_images.reshape(-1, 784).astype("float32") / 255
weights, bias = tf.Variable(tf.zeros((784, 10))), tf.Variable(tf.zeros(10))


def start_again(seed):
    keras.utils.set_random_seed(seed)
    weights.assign(tf.random.normal((784, 10), stddev=0.01))  # small random numbers
    bias.assign(tf.zeros(10))


start_again(SEED)

# %% [markdown]
# We also need a loss that fits classes. Why not simply count the wrong answers? Because a tiny
# nudge of a weight hardly ever changes which logit is the largest, so that the slope of this count
# is 0 almost everywhere. What should an answer cost that gave the right digit the probability *p*?
# Nothing if *p* is 1, and more and more without limit as *p* goes to 0, because to be sure and
# wrong is the worst that an answer can be. The negative logarithm, −ln *p*, does just that, and
# this loss is called **cross-entropy**:
#
# | the right digit got a probability of | 1.00 | 0.90 | 0.50 | 0.10 | 0.01 |
# |:--|--:|--:|--:|--:|--:|
# | cross-entropy | 0.00 | 0.11 | 0.69 | 2.30 | 4.61 |
#
# For example, the three logits 2, 1 and 0 become the probabilities 0.665, 0.245 and 0.090. If the
# first class is the right one, the loss is −ln 0.665 = 0.41. The target is often written as a row
# with a 1 at the right class and 0 elsewhere, which is called **one-hot**. The loss then
# multiplies this row by the logarithms, adds up and changes the sign. Keras has
# `CategoricalCrossentropy` for such rows, and `SparseCategoricalCrossentropy` for the numbers of
# the classes, which we use. `from_logits=True` says that softmax has still to be done.

# %% tags=["nbval-check-output"]
CROSS_ENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
logits, one_hot = np.array([2.0, 1.0, 0.0]), np.array([1, 0, 0])
probabilities = np.exp(logits) / np.exp(logits).sum()  # softmax
by_hand = -(one_hot * np.log(probabilities)).sum()
by_keras = float(CROSS_ENTROPY(np.array([0]), logits[None]))
print("probabilities", probabilities.round(3))
print(f"cross-entropy {by_hand:.4f} by hand, {by_keras:.4f} by Keras")

# %% [markdown]
# The table also tells us where training must begin. A network that knows nothing gives each of ten
# digits a probability of about 0.1, so its loss is about ln 10 = 2.30, and with *K* classes ln
# *K*. If you see something far off, the first logits are too large, or something is wrong.


# %%
def loss_of(images, labels):
    logits = images @ weights + bias
    return CROSS_ENTROPY(labels, logits)


first_loss = float(loss_of(pixels, labels))
print(f"loss before training: {first_loss:.2f}")

# %% [markdown]
# ## Batches and epochs
#
# To find the exact gradient, we would have to run all 55,000 training images through the network
# for a single step. But a cook who wants to know whether the soup needs salt does not eat the
# whole pot. One spoonful is enough, provided that the pot was stirred. In the same way we look at
# only a few images, drawn at random, and call them a **batch**. Their number is the **batch
# size**.
#
# How good is the direction that a batch gives us? We compare it with the exact one by the cosine
# of the angle between them: 1 means the same direction, 0 a right angle.


# %%
def gradient_of(some):
    with tf.GradientTape() as tape:
        loss = loss_of(pixels[some], labels[some])
    return tape.gradient(loss, weights).numpy().ravel()


def cosine(first, second):
    return first @ second / np.linalg.norm(first) / np.linalg.norm(second)


# %%
random, exact = np.random.default_rng(SEED), gradient_of(slice(None))
agreement = {}
for size in (10, 100, 1_000):
    draws = random.integers(len(labels), size=(DRAWS, size))
    agreement[size] = np.mean([cosine(gradient_of(some), exact) for some in draws])
    print(f"a batch of {size:5,}: cosine {agreement[size]:.2f}")

# %% [markdown]
# At the start of training, 100 images give a cosine of 0.77<!--claim:learn_cosine_of_100_images-->,
# so the direction is about 40 degrees off. It still leads downhill, for one 550th of the
# images. Later single directions usually agree less. Gradient descent with random batches is called
# **stochastic gradient descent**, or **SGD**, where *stochastic* means "by chance".
#
# In practice the batches are not drawn afresh for each step. Instead we mix the images like a pack
# of cards, which is called **shuffling**, and deal them out a hundred at a time. When the pack is
# used up, the network has seen each image exactly once, and this is an **epoch**. Here it takes
# 55,000 / 100 = 550 steps. Then we shuffle again, and the next epoch begins.
#
# Now you know every word in the loop. Look for the five of the opening.

# %% tags=["hide-input"]
losses, templates = [], {0: weights.numpy()}  # for the figures below


def record(loss):
    losses.append(float(loss))
    if len(losses) in (10, 100, 550, 1_650):
        templates[len(losses)] = weights.numpy()


# %%
def deal(batch_size, epochs=1):
    for _ in range(epochs):
        order = random.permutation(len(labels))  # shuffle the pack
        for start in range(0, len(labels), batch_size):
            yield order[start : start + batch_size]


# %%
def train(batches, learning_rate=0.5):
    for batch in batches:
        with tf.GradientTape() as tape:
            loss = loss_of(pixels[batch], labels[batch])
        slopes = tape.gradient(loss, [weights, bias])
        weights.assign_sub(learning_rate * slopes[0])  # the step
        bias.assign_sub(learning_rate * slopes[1])
        record(loss)  # for the figures


# %% [markdown]
# One exact step and one epoch of batches look at the same number of images. We compare what they
# reach from the same start, at a rate of 0.5.

# %%
after_steps = {}
for name, batches in (("one exact step", [slice(None)]), ("one epoch", deal(100))):
    start_again(SEED)
    train(batches)
    after_steps[name] = float(loss_of(pixels, labels))
    print(f"after {name}: loss {after_steps[name]:.2f}")

# %% tags=["hide-input"]
start_again(SEED)
losses, templates = (
    [],
    {0: weights.numpy()},
)  # for the figures below, from the start

# %% [markdown]
# The exact step brings the loss from 2.30 down to
# 1.83<!--claim:learn_loss_after_one_exact_step-->, and the 550 rough steps to
# 0.31<!--claim:learn_loss_after_550_steps-->.
#
# How well does it read? To find out, we start once more from the same weights, show it the
# validation set after each epoch, and count the right answers. Their share is called the
# **accuracy**.


# %%
def accuracy(images, labels):
    answers = np.argmax(images @ weights + bias, axis=1)
    return np.mean(answers == labels)


accuracies = []
for epoch in range(1, EPOCHS + 1):
    train(deal(batch_size=100))
    accuracies.append(accuracy(unseen, digits.validation_labels))
    print(
        f"after epoch {epoch}: {100 * accuracies[-1]:.1f} % of the digits are right"
    )

# %% tags=["hide-input"] alt="A trembling curve that falls steeply from 2.3 and then slowly, over the steps of three epochs"
figure, axes = plt.subplots(figsize=(7.2, 2.7))
axes.plot(losses, color="0.6", alpha=0.5, linewidth=0.7, label="each batch")
smooth = np.convolve(losses, np.ones(50) / 50, mode="valid")
axes.plot(
    np.arange(len(smooth)) + 25, smooth, color="C0", label="mean of 50 batches"
)
axes.axhline(np.log(10), color="C1", linestyle="--", label="guessing: 2.30")
for epoch in range(1, EPOCHS + 1):
    end = epoch * len(losses) // EPOCHS
    axes.vlines(end, 0, 1.5, color="0.4", linewidth=0.8, linestyle=":")
    axes.text(end - 10, 1.0, f"end of\nepoch {epoch}", ha="right")
axes.set(xlabel="step", ylabel="loss", ylim=(0, 2.4), xlim=(0, len(losses)))
axes.legend(loc="upper center", ncols=3, bbox_to_anchor=(0.5, 0.92))
plt.show()

# %% [markdown]
# **Figure 3.8. The loss, step by step.** It starts at 2.30, as it must, and falls below 0.5 within
# the first hundred steps. The grey line trembles because some batches are harder to read than
# others. So judge a training by the blue mean, and never by a single batch.

# %% tags=["hide-input", "photo"] alt="The weights for 0 and for 3 as pictures: noise at first, then a digit after ten steps, which later breaks up into patches"
shape = {"figsize": (7.2, 2.8), "squeeze": False}
figure, grid = plt.subplots(2, len(templates), **shape)
for row, digit in zip(grid, (0, 3), strict=True):
    for axes, (step, columns) in zip(row, templates.items(), strict=True):
        template = columns[:, digit].reshape(28, 28)
        drawn = axes.imshow(
            template / np.abs(template).max(), "signs", vmin=-1, vmax=1
        )
        axes.set(xticks=[], yticks=[], title=f"step {step:,}" if digit == 0 else "")
        axes.spines[:].set_visible(False)
    row[0].set_ylabel(f"weights for “{digit}”")
bar = figure.colorbar(drawn, ax=grid, shrink=0.7, ticks=[-1, 0, 1])
bar.set_label("weight, as a share of\nthe largest in its picture")
plt.show()

# %% [markdown]
# **Figure 3.9. Templates emerge from noise.** The 784 weights of a digit, laid out as an image.
# Ink on a blue pixel speaks for the digit, and ink on an orange pixel against it. After ten steps
# you recognise both digits. Later they break up into patches, because the weights mark what tells
# a digit from the others, and not what it looks like.
#
# Why do digits appear at all? For cross-entropy behind softmax, the slope of a weight is (*p* −
# target) × pixel, negative for the right digit, and the step subtracts it. So each image adds its
# ink to the weights of its own digit and takes it away from those of the others, and the more so,
# the more wrong the answer was.
#
# One of the sources of this book stops after 200 batches of 100 images, at the same rate. We do so
# as well, with five seeds, and keep the results for the end.

# %%
after_200 = []
for seed in (1, 2, 3, 4, 5):
    start_again(seed)
    train(islice(deal(batch_size=100, epochs=3), 200))  # the first 200 batches
    after_200.append((weights.numpy(), bias.numpy()))
    right = accuracy(unseen, digits.validation_labels)
    print(f"seed {seed}: {100 * right:.1f} % of the validation set is right")

# %% [markdown]
# ### The same in Keras
#
# You will not have to write this loop again, because Keras has it built in:

# %%
model = keras.Sequential([keras.Input((28, 28, 1)), layers.Rescaling(1 / 255)])
model.add(layers.Flatten())
model.add(layers.Dense(10))
model.compile(
    optimizer=keras.optimizers.SGD(learning_rate=0.5),
    loss=CROSS_ENTROPY,
    metrics=["accuracy"],
)
# %% [markdown]
# `Sequential` puts layers in a row. `Rescaling` multiplies every pixel by 1/255, `Flatten` turns the
# 28×28 pixels into a row of 784, and `Dense(10)` holds our weights and biases. `compile` says by
# which rule to step, which loss to bring down and what else to report. `fit` is the loop, and it
# keeps a record of each epoch, its `history`.

# %%
training = (digits.train_images, digits.train_labels)
validation = (digits.validation_images, digits.validation_labels)
options = {"batch_size": 100, "epochs": EPOCHS, "validation_data": validation}
history_of_keras = model.fit(*training, **options, verbose=0).history
print("accuracy after each epoch:", np.round(history_of_keras["val_accuracy"], 3))

# %% [markdown]
# Keras reaches nearly the same accuracy. Its random start and its shuffling differ from ours.
# `SGD` is one **optimiser**, that is, one rule for the step. You will often meet two refinements
# of it: *momentum*, which lets the walk keep some of its speed, and *Adam*, which also gives each
# weight a step length of its own. Chapter 5 compares them.
#
# ## Why a line is not enough
#
# Softmax regression lays one template on the image for each digit. Are there questions that no
# weights can answer in this way? Here is one with two pixels, each either black (0) or white (1):
# *do they differ?* The answer should be 1 if they do, and 0 if not.
#
# This question is known as XOR, for "exclusive or". Let us try it with one unit, which computes
# *v* × left + *w* × right + bias. Two black pixels must give 0, so the bias is 0. If only the left
# pixel is white, the answer must be 1, so *v* = 1, and for the same reason *w* = 1. But then two
# white pixels give 2, although they do not differ. By the mean squared error, the best that such a
# unit can do is to answer 0.5 to everything. Even a threshold does not help: it draws a straight
# line across the middle of Figure 3.10, and no straight line has both squares on one side and both
# circles on the other.
#
# Would a second layer help? Put 2*x* + 1 into 3*x* − 4, and you get 3 × (2*x* + 1) − 4 = 6*x* − 1,
# another straight line. However many such layers you stack, they can do no more than a single one.
# What is missing is a bend, and the simplest is the ReLU of chapter 1, which turns negative
# numbers into 0. One ReLU looks at left − right, a second one at right − left, and their sum is
# the answer. You can check all four cases in your head.

# %% tags=["nbval-check-output"]
pairs = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32")
differ = np.array([[0], [1], [1], [0]], "float32")
with_bias = np.column_stack([pairs, np.ones(4)])
line = np.linalg.lstsq(with_bias, differ, rcond=None)[
    0
]  # the line with the least loss
print("the best line:", (with_bias @ line).ravel().round(3))

left, right = pairs.T
by_hand = np.maximum(left - right, 0) + np.maximum(right - left, 0)
print("two ReLUs:    ", by_hand)

# %% [markdown]
# The two ReLUs form a **hidden layer**. It lies between the input and the answer, and has no
# targets of its own. We have just written its weights by hand. Can the loop find them, too? It
# starts from random weights, takes 500 steps at a rate of 0.1, and has succeeded if its loss is
# below 0.01. Since the start may matter, we try 100 starts side by side, with two, four and eight
# hidden units. The first axis counts these networks, whose slopes do not mix.


# %%
def random_weights(units):
    network = []
    for inputs, outputs in ((2, units), (units, 1)):
        start = tf.random.normal((STARTS, inputs, outputs))
        network += [tf.Variable(start), tf.Variable(tf.zeros((STARTS, 1, outputs)))]
    return network


def answer(inputs, network):
    weights, biases, last_weights, last_bias = network
    hidden = tf.nn.relu(inputs @ weights + biases)
    return hidden @ last_weights + last_bias


# %%
def train_pairs(network):
    for _ in range(PAIR_STEPS):
        with tf.GradientTape() as tape:
            errors = answer(pairs, network) - differ
            of_each = tf.reduce_mean(
                errors**2, axis=(1, 2)
            )  # a loss for each start
        slopes = tape.gradient(of_each, network)
        for part, its_slopes in zip(network, slopes, strict=True):
            part.assign_sub(0.1 * its_slopes)
    return of_each.numpy()


# %%
keras.utils.set_random_seed(SEED)
solved = {}
for units in (2, 4, 8):
    network = random_weights(units)
    last_losses = train_pairs(network)
    solved[units] = np.mean(last_losses < 0.01)
    print(
        f"{units} hidden units: {100 * solved[units]:.0f} % of the starts succeed"
    )

# %% tags=["hide-input", "photo"] alt="Two bends that add up to a V; the trained answer over all pairs of pixels; starts that succeed"
figure, (bends, plane, bars) = plt.subplots(1, 3, figsize=(7.2, 2.6))
x, side = np.linspace(-1, 1, 201), np.linspace(-0.2, 1.2, 71, dtype="float32")
bends.plot(x, np.abs(x), color="0.6", linewidth=5, label="their sum")
bends.plot(x, np.maximum(x, 0), label="ReLU(left − right)")
bends.plot(x, np.maximum(-x, 0), "--", label="ReLU(right − left)")
bends.set(xlabel="left − right", ylabel="output", title="by hand", ylim=(-0.05, 2))
bends.legend(loc="upper center", fontsize=9)
grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
values = answer(grid, network)[np.argmin(last_losses)].numpy().reshape(71, 71)
look = {"origin": "lower", "extent": (-0.2, 1.2, -0.2, 1.2), "vmin": 0, "vmax": 1}
shades = plane.imshow(values, cmap="Greys", **look)
figure.colorbar(shades, ax=plane, ticks=[0, 1])
for pair, look in zip(pairs, ("C1o", "C0s", "C0s", "C1o"), strict=True):
    plane.plot(*pair, look, markersize=9, markeredgecolor="white")
plane.set(xlabel="left pixel", ylabel="right pixel", title="answer, 8 units")
plane.set(xticks=[0, 1], yticks=[0, 1])
plane.grid(visible=False)
bars.bar(["2", "4", "8"], 100 * np.array([*solved.values()]))
bars.set(xlabel="hidden units", title="starts that succeed, %", ylim=(0, 100))
plt.show()

# %% [markdown]
# **Figure 3.10. Two bends do what no line can.** Left: the sum of two ReLUs is a V. Middle: what
# the best network with eight hidden units has learned; its answer is near 1 (dark) at the two blue
# squares, where the pixels differ, and near 0 at the two orange circles. Right: more hidden units
# let more starts succeed.
#
# Two units are enough in principle, but only 15 %<!--claim:learn_pairs_two_units--> of our starts
# find their weights. The others are stuck, in a local minimum or on a flat plateau. A ReLU that
# answers 0 to all four pairs, for example, passes no slope back, so its own weights stand still.
# With eight units there are spare ones, and 86 %<!--claim:learn_pairs_eight_units--> succeed. So
# it can help to have more hidden units than the task needs.
#
# ## What a hidden layer adds
#
# Does the bend help with digits as well? We put 128 hidden units between the pixels and the ten
# logits. Without them, the same network is softmax regression. Chapter 4 trains a larger one, with
# two hidden layers.


# %%
def build(hidden_units):
    model = keras.Sequential([keras.Input((28, 28, 1)), layers.Rescaling(1 / 255)])
    model.add(layers.Flatten())
    if hidden_units:
        model.add(layers.Dense(hidden_units, activation="relu"))
    model.add(layers.Dense(10))
    return model


# %%
def learn(hidden_units, rate, seed):
    keras.utils.set_random_seed(seed)
    model = build(hidden_units)
    model.compile(keras.optimizers.SGD(rate), CROSS_ENTROPY, metrics=["accuracy"])
    options = {"epochs": LONG_EPOCHS, "validation_data": validation, "verbose": 0}
    return model, model.fit(*training, batch_size=100, **options).history


# %% [markdown]
# For a fair comparison, both see the same number of images, and each gets a learning rate of its
# own, chosen by the validation set with a seed that we do not use again. Then we train each
# network with three new seeds.

# %%
runs = {}
for hidden_units in (0, 128):
    reached = {}
    for rate in RATES:
        _, history = learn(hidden_units, rate, seed=0)
        reached[rate] = round(history["val_accuracy"][-1], 4)
    best_rate = max(reached, key=reached.get)
    print(f"{hidden_units} hidden units: rate {best_rate} is best of {reached}")
    runs[hidden_units] = [learn(hidden_units, best_rate, seed) for seed in SEEDS]

# %% [markdown]
# Now all choices are made, and we open the drawer with the test set, once, for everything that
# this chapter has trained.

# %%
test_pixels = digits.test_images.reshape(-1, 784).astype("float32") / 255
logits_of = {"200 batches": [test_pixels @ w + b for w, b in after_200]}
for hidden_units, several in runs.items():
    models = [model for model, _ in several]
    logits = [model.predict(digits.test_images, verbose=0) for model in models]
    logits_of[f"{hidden_units} hidden units"] = logits
on_test = {}
for name, several in logits_of.items():
    right = [np.mean(each.argmax(axis=1) == digits.test_labels) for each in several]
    on_test[name] = 100 * np.array(right)
    print(f"{name}: {np.mean(right):.4f} right, runs {np.round(right, 4)}")

# %% tags=["hide-input"] alt="Errors over the epochs, and errors on the test set: the hidden layer makes far fewer of both"
figure, (curves, dots) = plt.subplots(1, 2, figsize=(7.2, 3.2), width_ratios=(3, 2))
epochs, colors = np.arange(1, LONG_EPOCHS + 1), {0: "C1", 128: "C0"}
for hidden_units, several in runs.items():
    look = {"color": colors[hidden_units], "linewidth": 1.2, "markersize": 4}
    for _, history in several:
        seen, new = (np.array(history[key]) for key in ("accuracy", "val_accuracy"))
        curves.plot(epochs, 100 - 100 * new, "o-" if hidden_units else "s-", **look)
        curves.plot(epochs - 0.5, 100 - 100 * seen, "--", **look)
curves.set(xlabel="epoch", ylabel="errors, percent", yscale="log", xticks=epochs)
curves.set_yticks([0.5, 1, 2, 5, 10], ["0.5", "1", "2", "5", "10"])
lines = [curves.lines[place] for place in (0, 2 * len(SEEDS), -1)]
names = "no hidden layer", "128 hidden units", "dashed: training set"
curves.legend(lines, names, loc="lower left", fontsize=9)
curves.set_title("while they learn")
for place, right in enumerate(on_test.values()):
    color, marks = ("0.4", "C1", "C0")[place], "Dso"[place]
    dots.plot([place] * len(right), 100 - right, marks, color=color, alpha=0.7)
dots.set_xticks(range(3), ["200\nbatches", "no hidden\nlayer", "128 hidden\nunits"])
dots.set(ylim=(0, 11), xlim=(-0.5, 2.5), title="on the test set")
plt.show()

# %% [markdown]
# **Figure 3.11. What a hidden layer adds.** Left, on a logarithmic scale: errors on the validation
# set (solid) and on the training set (dashed, in the middle of each epoch, over which Keras
# averages them). Each line is one of three seeds. Right: errors on the test set, one mark a run.
#
# | network | numbers to learn | right on the test set | runs |
# |:--|--:|--:|--:|
# | softmax regression, 200 batches | 7,850 | 90.4 %<!--claim:mnist_perceptron_accuracy--> | 5 |
# | softmax regression, 10 epochs | 7,850 | 92.1 %<!--claim:learn_softmax_accuracy--> | 3 |
# | 128 hidden units, 10 epochs | 101,770<!--claim:learn_hidden_parameters--> | 97.7 %<!--claim:learn_hidden_accuracy--> | 3 |
#
# The hidden layer leaves 0.29<!--claim:learn_hidden_error_ratio--> times as many errors as softmax
# regression has after the same number of epochs. Its worst run is far better than the best run
# without it.
#
# Look at the dashed lines, too. With the hidden layer, the training errors almost disappear, while
# the validation errors fall far more slowly. A widening gap is the first sign of *overfitting*, of
# learning the training images by heart (chapter 6). Without the hidden layer the gap is about half
# as wide, but both lines stay high, because it does not even fit its training images.
#
# As the table shows, a hidden layer is not free. And the network still does not know which pixels
# are neighbours, until chapter 4 gives it this knowledge.

# %% tags=["claims"]
claim("learn_first_slope_error", abs(slope_by_hand + 0.3), at_most=0.001)
claim("learn_slope_by_tape", round(slope(1.0), 6), equals=-0.3)
after_thirty = descend(1.0, 30)[-1]
claim("learn_weight_after_thirty_steps", after_thirty, at_least=2.49)
claim("learn_distance_after_thirty_steps", abs(after_thirty - 2.5), at_most=0.01)
claim("learn_sobel_error", np.abs(on_the_way[200] - SOBEL).max(), at_most=0.1)
claim("learn_first_loss_error", abs(first_loss - np.log(10)), at_most=0.1)
claim("learn_cosine_of_100_images", agreement[100], at_least=0.6)
exact_step, epoch_of_batches = after_steps.values()
claim("learn_loss_after_one_exact_step", exact_step, at_least=1.5)
claim("learn_loss_after_550_steps", epoch_of_batches, at_most=0.5, quick=1)
kept = history_of_keras["val_accuracy"][-1]
data = {"at_least": 0.9, "quick": 0.8, "source": digits.source}
claim("learn_accuracy_of_our_loop", accuracies[-1], **data)
claim("learn_accuracy_of_keras", kept, **data)
claim("learn_keras_differs", abs(kept - accuracies[-1]), at_most=0.02, quick=0.05)

# %% tags=["claims"]
claim("learn_pairs_two_units", solved[2], at_most=0.4, quick=0.6)
claim("learn_pairs_eight_units", solved[8], at_least=0.6, quick=0.4)
shares = [right / 100 for right in on_test.values()]
after, without, hidden = (np.mean(each) for each in shares)
bounds = {"at_least": 0.9, "embedded": 0.89, "quick": 0.8, "source": digits.source}
claim("mnist_perceptron_accuracy", after, **bounds)
bounds = {"at_least": 0.97, "embedded": 0.92, "quick": 0.8, "source": digits.source}
claim("learn_hidden_accuracy", hidden, **bounds)
# %% tags=["claims"]
ratio, bounds = (1 - hidden) / (1 - without), {"embedded": 0.8, "quick": 1.2}
claim(
    "learn_hidden_error_ratio", ratio, at_most=0.5, **bounds, source=digits.source
)
ends = {
    key: [run["accuracy"][-1] - run["val_accuracy"][-1] for _, run in several]
    for key, several in runs.items()
}
gap = 100 * (np.mean(ends[128]) - np.mean(ends[0]))  # percentage points
claim(
    "learn_gap_grows", gap, at_least=0.5, embedded=0, quick=-9, source=digits.source
)
worst = (
    shares[2].min() - shares[1].max()
)  # the worst run of the one, the best of the other
claim(
    "learn_hidden_worst_lead", worst, at_least=0.02, quick=-1, source=digits.source
)
bounds = {"at_least": 0.91, "embedded": 0.89, "quick": 0.8, "source": digits.source}
claim("learn_softmax_accuracy", without, **bounds)
claim("learn_hidden_parameters", runs[128][0][0].count_params(), equals=101_770)

# %% [markdown]
# ## What you learned
#
# | word | what it means | in our loop | in Keras |
# |:--|:--|:--|:--|
# | loss | how wrong the answers are, in one number | `loss_of(...)` | `compile(loss=...)` |
# | gradient | the slope of the loss, for each weight | `tape.gradient(...)` | inside `fit` |
# | backpropagation | all slopes in one walk back through the graph | the tape | inside `fit` |
# | learning rate | how far to step against the slope | `learning_rate` | `SGD(learning_rate=...)` |
# | batch | the images that one step looks at | `batch` | `fit(batch_size=...)` |
# | epoch | as many steps as it takes to see each image once | one `deal(...)` | `fit(epochs=...)` |
# | hidden layer | numbers between input and answer, with a bend | `tf.nn.relu(...)` | `Dense(128, "relu")` |
#
# ### Where the words come from
#
# Backpropagation became known through Rumelhart, Hinton and Williams (1986, [Learning
# representations by back-propagating errors](https://doi.org/10.1038/323533a0)). One of the sources
# of this book calls softmax regression a **perceptron**. Rosenblatt, who coined the word (1958,
# [The perceptron: a probabilistic model](https://doi.org/10.1037/h0042519)), meant a whole network
# whose units answer yes or no. Today the word mostly means one such unit, with the rule that he
# published a few years later: change the weights only after a mistake.
#
# In TensorFlow 1, for which it was written, *placeholders* stood for images to come, and a
# *session* later ran what the code described. Today lines just compute.
#
# ## Exercises
#
# 1. *By hand.* A third pixel has a brightness of 0.1 and should have 0.3. What is the loss of all
#    three pixels at *w* = 1, and what is it at *w* = 2.5?
# 2. *By hand.* A unit multiplies *x* = 1 by *v* = 2, a ReLU follows, and then a multiplication by
#    *w* = 3. The target is 4, and the loss is the square of the error. Walk back to *w* and to *v*.
#    What becomes of both slopes if *v* is −2 instead?
# 3. *By hand.* Where do the 101,770 numbers of the network with 128 hidden units come from?
# 4. *By hand.* You have 600 images, and train for 4 epochs with batches of 50. How many steps is that?
# 5. *By hand.* A network with two classes gives both the logit 0. What is the cross-entropy?
# 6. *Predict, then run.* At a rate of 5, one step led from *w* = 1 to 2.5. Is one step still enough
#    from *w* = 7?
# 7. *Change it.* Train softmax regression for one epoch with batches of 10, and then, from new
#    weights, with batches of 1,000. Which takes longer, and which reads better? Why?
# 8. *Break it.* Set all weights of the network with the hidden layer to 0 before you train it for
#    an epoch. How well does it read? Softmax regression can start at 0. What is the difference?
# 9. *Explore.* Give the loop for Sobel's kernel the raw photograph, without subtracting the mean.
#    What happens at a rate of 8? Find a rate that works. How far does it get in 200 steps?

# %% [markdown] tags=["solution"]
# 1. At *w* = 1 the third error is −0.2, so the loss is (0.09 + 0.36 + 0.04) / 3 = 0.163. At *w* =
#    2.5 only the third pixel is wrong, by −0.05, and the loss is 0.0025 / 3 = 0.0008. No single
#    weight suits all three pixels, so even the bottom of this valley lies above 0.
# 2. The answer is 6, the error 2 and the loss 4, so 2 × 2 = 4 comes back. The slope of *w* is 4 ×
#    2 = 8, since the ReLU has handed on 2. The slope of *v* is 4 × 3 × 1 × 1 = 12. With *v* = −2 the
#    ReLU hands on 0 and is flat there, so both slopes are 0: nothing is learned, although the answer
#    is wrong by 4.
# 3. The hidden layer has 784 × 128 weights and 128 biases, and the last one 128 × 10 weights and 10
#    biases: 100,352 + 128 + 1,280 + 10 = 101,770.
# 4. An epoch has 600 / 50 = 12 steps, so 4 epochs have 48.
# 5. Both probabilities are ½, so it is −ln ½ = ln 2 = 0.69.
# 6. Yes. At *w* = 7 the slope is 0.2 × 4.5 = 0.9, and 5 × 0.9 = 4.5 leads straight to 2.5. At this
#    rate one step takes away the whole distance, whatever it is. Below is the walk from *w* = 1.

# %% tags=["solution", "nbval-check-output"]
print("at a rate of 5:", descend(rate=5.0, steps=2).round(3))
v, w = tf.Variable(2.0), tf.Variable(3.0)
for start in (2.0, -2.0):
    v.assign(start)
    with tf.GradientTape() as tape:
        squared = (w * tf.nn.relu(v * 1.0) - 4) ** 2
    by_w, by_v = np.array(tape.gradient(squared, [w, v])) + 0.0
    print(f"v = {start:.0f}: slope of w {by_w:.0f}, slope of v {by_v:.0f}")

# %% [markdown] tags=["solution"]
# 7. In our run, both end below the batches of 100, but for opposite reasons. Batches of 1,000
# leave time for only 55 steps, which are too few at this rate. Batches of 10 take 5,500 steps,
# about ten times as many as batches of 100, but each direction is so rough that at this rate the
# weights never settle. A tenth of the rate helps, as the last line shows.

# %% tags=["solution"]
for size, rate in ((10, 0.5), (1_000, 0.5), (10, 0.05)):
    start_again(SEED)
    train(deal(size), rate)
    right = accuracy(unseen, digits.validation_labels)
    print(f"batches of {size:,} at a rate of {rate}: {100 * right:.1f} % right")

# %% [markdown] tags=["solution"]
# 8. It says the same digit to every image. All hidden units give 0, so the weights behind them get
#    no slope, and nothing comes back through weights of 0. Only the ten last biases learn. Even
#    with other equal weights, all hidden units would get equal slopes and stay equal for ever,
#    because they have no targets of their own. Unequal weights break the tie, and small random ones
#    are the simplest. In softmax regression each logit has a target of its own, so its slopes (*p*
#    − target) × pixel differ from the first step on.

# %% tags=["solution"]
model = build(128)
model.set_weights([np.zeros_like(part) for part in model.get_weights()])
model.compile(keras.optimizers.SGD(0.5), CROSS_ENTROPY, metrics=["accuracy"])
model.fit(*training, batch_size=100, verbose=0)
_, right = model.evaluate(*validation, verbose=0)
print(f"from zeros: {100 * right:.1f} % right")
print("hidden weights that are still 0:", np.mean(model.get_weights()[0] == 0))

# %% [markdown] tags=["solution"]
# 9. At a rate of 8 the weights overflow within the 200 steps. At a rate of 1 the loop comes down,
# but after 200 steps one weight is still 0.6 away from Sobel's. No pixel of the raw photograph is
# negative, so a change of the brightness as a whole outweighs all differences between neighbours.
# The valley is steep in that one direction, which limits the rate, and almost flat in others.

# %% tags=["solution"]
raw = rocket.astype("float32")[None, :, :, None]
raw_edges = tf.nn.conv2d(raw, SOBEL[:, :, None, None], 1, "VALID")
for rate in (8.0, 1.0):
    kernel.assign(noise)
    for _ in range(200):
        with tf.GradientTape() as tape:
            error = tf.nn.conv2d(raw, kernel, 1, "VALID") - raw_edges
            squared = tf.reduce_mean(error**2)
        kernel.assign_sub(rate * tape.gradient(squared, kernel))
    distance = np.abs(kernel.numpy()[:, :, 0, 0] - SOBEL).max()
    print(f"rate {rate}: the worst weight is off by {distance:.2f}")
