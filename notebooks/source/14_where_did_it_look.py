# %% [markdown]
# # 14. Where did it look?
#
# In Berlin, shortly after 1900, a horse called Hans could calculate. Asked for three plus four, he
# tapped his hoof seven times. Professors tested him and found no fraud. Then somebody had a
# question put to Hans by a person who did not know its answer, and now Hans did not know when to
# stop. He had only watched people, who moved their heads a little at the right number and did not
# notice that they did (Oskar Pfungst, 1907, *Das Pferd des Herrn von Osten*).
#
# Can a network be right in the same way? In this chapter you ask networks where they looked. You
# will learn four ways to ask, and do each of them by hand. Then you test the answers themselves,
# because a convincing picture is not yet a true one. At the end we plant a false clue, and see who
# finds it.
#
# Takes about 3 minutes<!--minutes:14_where_did_it_look--> on two CPU cores (quick: under 45
# seconds); needs chapters 1 to 5 and 8. The network for photographs comes with the book, already
# trained.

# %% tags=["setup"]
import os
from itertools import combinations, product

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from IPython.display import Markdown
from keras import layers, ops
from keras.optimizers.schedules import CosineDecay
from PIL import Image
from scipy.ndimage import gaussian_filter, zoom
from scipy.stats import rankdata, spearmanr

from cnnbook.book.claims import claim
from cnnbook.book.studies import read_study
from cnnbook.center_crop import center_crop
from cnnbook.datasets.mnist import load_fashion_mnist, load_mnist
from cnnbook.datasets.photos import load_photo
from cnnbook.explain.grad_cam import grad_cam
from cnnbook.explain.integrated_gradients import integrated_gradients
from cnnbook.explain.occlusion import occlusion_map
from cnnbook.explain.saliency import saliency
from cnnbook.models.efficientnet_lite0 import build_efficientnet_lite0

# %% tags=["setup"]
from cnnbook.models.imagenet import class_names
from cnnbook.models.small_digit_net import build_small_digit_net
from cnnbook.plots.book_style import use_book_style

QUICK = "CNNBOOK_QUICK" in os.environ  # the short run: less of everything
SEED = 1
SIDE = 64 if QUICK else 224  # pixels of the photographs
PHOTOS = ("coffee",) if QUICK else ("coffee", "cat", "rocket")
LEARNED, RANDOM = (2, 1) if QUICK else (3, 3)  # networks that are compared
DIGITS, EPOCHS, ASKED = (1_000, 1, 8) if QUICK else (7_500, 2, 40)
CLOTHES, CLOTHES_EPOCHS, COATS = (1_000, 2, 8) if QUICK else (9_000, 4, 100)
use_book_style()
tf.get_logger().setLevel("ERROR")  # it would warn that we compile many networks
names = [name.split(",")[0] for name in class_names()]
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


# %% tags=["setup"]
def few_colors(picture, count=96):
    """Return a picture of 0 to 255 in few colours, so that its file stays small."""
    drawn = Image.fromarray(picture.clip(0, 255).astype("uint8"))
    return np.asarray(
        drawn.quantize(count, dither=Image.Dither.NONE).convert("RGB")
    )


def see(axes, picture, title="", heat=None, cmap="gray", **look):
    """Draw a picture without its axes, with a heat map over it if there is one."""
    look = {"cmap": plt.get_cmap(cmap, 17), "interpolation": "nearest", **look}
    if heat is not None:
        picture = np.repeat(picture.mean(axis=-1, keepdims=True), 3, axis=-1)
    picture = few_colors(picture) if picture.ndim == 3 else picture
    shown = axes.imshow(picture, **look)
    if heat is not None:
        heat = zoom(heat, SIDE / len(heat), mode="nearest", grid_mode=True)
        heat = np.round(12 * heat.clip(0, 1)) / 12
        axes.imshow(heat, cmap="inferno", alpha=0.8 * np.sqrt(heat))
        if heat.max() > 0.5 > heat.min():
            axes.contour(heat, [0.5], colors="white", linewidths=1.5)
    axes.set_title(title, loc="center", fontweight="normal")
    axes.axis("off")
    return shown


def strongest(values):
    """Return the limit of a colour scale: the strongest 0.5 % look alike."""
    return np.quantile(np.abs(values), 0.995) or 1


# %% tags=["setup"]
def see_fine_map(values, title, signed):
    """Draw the cup, a map as fine as its pixels, and the cup where it is strong."""
    limit, smooth = strongest(values), gaussian_filter(np.abs(values), SIDE / 75)
    mask = np.clip(smooth / np.quantile(smooth, 0.98), 0, 1)[..., None]
    figure, row = plt.subplots(1, 3, figsize=(7.2, 2.4), dpi=65)
    see(row[0], cup, "the photograph")
    look = {"cmap": "signs", "vmin": -limit} if signed else {"cmap": "inferno"}
    shown = see(row[1], values, title, **{"vmin": 0, "vmax": limit, **look})
    bar = figure.colorbar(shown, ax=row[1], shrink=0.8)
    bar.set_ticks([-limit, 0, limit] if signed else [0, limit])
    bar.set_ticklabels(["against", "0", "for"] if signed else ["0", "strong"])
    see(row[2], cup * mask, "seen through the map")


def as_table(head, rows):
    lines = [head, [":--", *["--:"] * (len(head) - 1)], *rows]
    return Markdown("\n".join(f"| {' | '.join(line)} |" for line in lines))


# %% [markdown]
# ## Right, but why?
#
# We show EfficientNet-Lite0, the network of chapter 0, a cup of coffee, and it says *espresso*,
# which is right. But there are also a cup, a saucer, a spoon and a wooden table in the picture, and
# each of them could have given the answer away. If every espresso in ImageNet stood on a wooden
# table, a network that knows nothing but tables would do as well.

# %%
lite = build_efficientnet_lite0((SIDE, SIDE, 3), weights="imagenet")
ESPRESSO = names.index("espresso")
photos = [center_crop(load_photo(name), (SIDE, SIDE)) for name in PHOTOS]
photos = np.stack(photos).astype("float32")
cup = photos[0]
scores = lite(cup[None]).numpy()[0]
probabilities = ops.softmax(scores).numpy()
print(f"score {scores[ESPRESSO]:.2f}, probability {probabilities[ESPRESSO]:.3f}")

# %% tags=["hide-input"] alt="A white cup of coffee with a spoon on a saucer on a wooden table, and bars of the five highest scores; espresso leads with about 94 percent"
figure, (left, right) = plt.subplots(
    1, 2, figsize=(7.2, 2.6), width_ratios=(1, 1.3), dpi=72
)
see(left, cup)
best = scores.argsort()[-5:]
bars = right.barh([names[index] for index in best], scores[best])
texts = [f"{100 * probabilities[index]:.1f} %" for index in best]
right.bar_label(bars, texts, padding=3)
right.set(xlabel="score of the class", xlim=(0, 1.25 * scores.max()))
right.grid(visible=False)
plt.show()

# %% [markdown]
# **Figure 14.1. What the network says.** The bars are its five highest scores for the photograph on
# the left, and beside each stands the probability that softmax makes of it.
#
# The *score* of a class is its logit, the number before softmax. We explain scores and not
# probabilities, because a probability also falls when some *other* class gains.
#
# Our question is now which part of the picture has raised the score. Dividing the credit for an
# answer among the parts of a picture is called **attribution**. Its result is again a picture, a
# **heat map**, which is strong where the photograph mattered for the answer.
#
# ## Cover a part, and ask again
#
# What would you do with the horse? You would take something away and see whether he can still do
# it. The simplest method does the same with parts of the picture.
#
# Take a network so small that you can compute it in your head. It sees four pixels, *a* to *d*, and
# its score is 2*a* + *b* − *c*. For the pixels 3, 1, 2 and 5 that is 6 + 1 − 2 = 5. Cover the first
# pixel, which means to set it to 0, and the score is −1, so it has fallen by 6. Without the second
# it falls by 1, and without the third it *rises* by 2, because that pixel spoke against the class.
# The fourth, though the brightest, makes no difference at all.
#
# This is called **occlusion** (Zeiler & Fergus, 2013, [Visualizing and Understanding Convolutional
# Networks](https://arxiv.org/abs/1311.2901), section 4.2). For a photograph we cover squares in
# place of pixels, and paint them in its mean colour. We divide the picture into 7×7 places and
# begin with three of them.

# %% tags=["nbval-check-output"]
pixels, weights = np.array([3, 1, 2, 5]), np.array([2, 1, -1, 0])
score = pixels @ weights
without = [np.where(np.arange(4) == hidden, 0, pixels) for hidden in range(4)]
print("score", score, " falls by", [int(score - it @ weights) for it in without])

# %%
SIZE, BROWN = SIDE // 7, cup.mean(axis=(0, 1))  # its mean colour is a brown


def cover(row, column, paint=BROWN):
    covered, top, left = cup.copy(), row * SIZE, column * SIZE
    covered[top : top + SIZE, left : left + SIZE] = paint
    return covered


pictures = {"coffee": cover(2, 3), "wall": cover(1, 3), "spoon": cover(4, 4)}
for name, picture in pictures.items():
    print(f"{name} covered: score {lite(picture[None]).numpy()[0, ESPRESSO]:.2f}")

# %% [markdown]
# With nothing covered, the score was 11.07<!--claim:looked_espresso_score-->, so without the spoon
# the score is a little higher. The other two squares hold a surprise: the inner wall of the cup
# behind the coffee matters more than a piece of the coffee itself. But the mean colour is a brown
# that suits coffee better than the wall, so is it only the paint? We cover both places once more,
# in white.

# %%
white = {"coffee": cover(2, 3, paint=255), "wall": cover(1, 3, paint=255)}
white_falls = {}
for name, picture in white.items():
    white_falls[name] = scores[ESPRESSO] - lite(picture[None]).numpy()[0, ESPRESSO]
    print(f"{name} painted white: the score falls by {white_falls[name]:.2f}")

# %% [markdown]
# The order stays, so it does not hang on the brown paint alone. But white hides the shade of the
# wall and the dark ring at its foot as well, and occlusion cannot say which of them counts. To see
# all 49 places, we cover each of them in turn and write down how far the score falls. The function
# of the package does the same.

# %%
covered = np.stack([cover(row, column) for row in range(7) for column in range(7)])
falls = (scores[ESPRESSO] - lite(covered).numpy()[:, ESPRESSO]).reshape(7, 7)
package = occlusion_map(lite, cup[None], ESPRESSO, window=SIZE, strides=SIZE)[0]
corners = package[: 7 * SIZE : SIZE, : 7 * SIZE : SIZE]  # one pixel of each place
occlusion_agrees = np.allclose(falls, corners, atol=1e-3)
print("the same as cnnbook's function:", occlusion_agrees)

# %% tags=["hide-input"] alt="The cup with a brown square over the coffee, over the inner wall and over the spoon, and a map of seven by seven places in blue and orange, darkest blue on the wall of the cup"
figure, row = plt.subplots(1, 4, figsize=(7.2, 2.0), dpi=65)
for axes, (name, picture) in zip(row, pictures.items(), strict=False):
    see(axes, picture, f"{name} covered")
limit = np.abs(falls).max()
pale = 155 + 0.4 * cup.mean(axis=-1)
see(row[3], pale, "fall of the score", vmin=0, vmax=255)
look = {"cmap": "signs", "vmin": -limit, "vmax": limit}
look["extent"] = (0, 7 * SIZE, 7 * SIZE, 0)
heat = row[3].imshow(falls, alpha=(np.abs(falls) / limit) ** 0.7, **look)
scale = plt.cm.ScalarMappable(heat.norm, "signs")
bar = figure.colorbar(scale, ax=row[3], shrink=0.75)
bar.set_ticks([-limit, 0, limit], labels=[f"−{limit:.1f}", "0", f"{limit:.1f}"])
plt.show()

# %% [markdown]
# **Figure 14.2. Occlusion.** You see three of the pictures that we showed to the network, and the
# map of all 49 places. Where it is blue, covering the place lowers the score, and where it is
# orange, covering it raises the score. The two darkest places lie on the inner wall of the cup,
# just above the coffee.
#
# Occlusion is easy to believe, because it is an experiment. But each place costs one run of the
# network, and the map shows only what the network cannot do *without*. Suppose that the score is
# the larger one of two pixels, and both are 5. Cover either, and nothing changes, although the
# whole score comes from these two. For the same reason, a square on part of the coffee may change
# little while the rest can be seen.

# %% tags=["claims"]
claim("looked_espresso_score", scores[ESPRESSO], at_least=9, quick=-99)
wall_first = falls[1, 3] - falls[2, 3]
claim("looked_wall_before_coffee", wall_first, at_least=0.5, quick=-99)
white_first = white_falls["wall"] - white_falls["coffee"]
claim("looked_wall_before_coffee_in_white", white_first, at_least=0.5, quick=-99)
rows_of_darkest = falls.ravel().argsort()[-2:] // 7
above_coffee = int((rows_of_darkest == 1).sum())
claim(
    "looked_darkest_places_above_coffee", above_coffee, equals=2, quick=above_coffee
)
claim("looked_spoon_helps", falls[4, 4], at_most=0, quick=99)
claim("looked_occlusion_agrees", int(occlusion_agrees), equals=1)

# %% [markdown]
# ## Nudge every pixel
#
# Instead of covering a pixel we can nudge it, and ask how much the score would change if the pixel
# were a little brighter. For the tiny network above these slopes are 2, 1, −1 and 0.
#
# In chapter 3 you asked the same about the *weights* and called the answer the gradient. It is the
# gradient again, except that we now hold the weights fixed and move the pixels. Backpropagation
# finds all 224 × 224 × 3 slopes together, in one run forward and one back. How strongly the score
# reacts to each pixel is called **saliency** (Simonyan et al., 2013, [Deep Inside Convolutional
# Networks](https://arxiv.org/abs/1312.6034), section 3). It is the *size* of the slope, without its
# sign: 2, 1, 1 and 0 for our four pixels. With three colours, each pixel gets the largest of its
# three.


# %%
def slopes_of(net, pictures, classes):
    pixels = tf.constant(pictures.astype("float32"))
    with tf.GradientTape() as tape:
        tape.watch(pixels)  # it watches weights by itself, but not pixels
        chosen = tf.gather(net(pixels), classes, axis=1, batch_dims=1)
    return tape.gradient(chosen, pixels).numpy()


slopes = slopes_of(lite, cup[None], [ESPRESSO])[0]
sensitive = np.abs(slopes).max(axis=-1)  # the largest of red, green and blue
package = saliency(lite, cup[None], ESPRESSO)[0]
saliency_agrees = np.allclose(sensitive, package, atol=1e-5)
print("the same as cnnbook's function:", saliency_agrees)

# %% tags=["hide-input"] alt="The cup, a grainy map that is bright at the coffee and inside the cup, and the cup seen through this map"
see_fine_map(sensitive, "saliency", signed=False)
plt.show()

# %% [markdown]
# **Figure 14.3. Saliency.** Bright pixels are those to which the score is most sensitive. The right
# picture shows the photograph only where the map, smoothed a little, is strong. Coffee and cup
# stand out, but so do spots elsewhere. The map is grainy, because the slope changes a lot from
# pixel to pixel.

# %% tags=["claims"]
claim("looked_saliency_agrees", int(saliency_agrees), equals=1)

# %% [markdown]
# ## Walk from black to the photograph
#
# Ask a climber on a high plateau how steep the ground is. She will tell you that it is flat, which
# is true and yet says nothing about the climb. A score can stand on such a plateau, too, where no
# small step changes it.
#
# Take the smallest example, a unit that returns its input *x* but never more than 1, so that its
# output is min(*x*, 1). For *x* = 3 the output is 1, and the slope is 0, because a slightly
# different input would change nothing. Saliency concludes that the input does not matter, although
# at *x* = 0 the output would be 0.
#
# Something similar happens in the real network, as you see when we fade the photograph in, from
# black to full brightness, and watch the score.

# %%
brightness = np.linspace(0, 1, 21)
faded = np.stack([share * cup for share in brightness])
way = lite(faded).numpy()[:, ESPRESSO]
gained = way[-1] - way[0]
early = (way[7] - way[0]) / gained
print(f"from black to the photograph, the score gains {gained:.2f}")
print(
    f"at {100 * brightness[7]:.0f} % brightness it has {100 * early:.0f} % of that"
)

# %% tags=["hide-input"] alt="Five pictures of the cup from black to full brightness, and below them the score, which climbs steeply at first and is nearly flat from a third of the brightness on"
figure, rows = plt.subplot_mosaic(
    [[0, 5, 10, 15, 20], ["way"] * 5],
    figsize=(7.2, 3.5),
    dpi=72,
)
for step in (0, 5, 10, 15, 20):
    title = f"{100 * brightness[step]:.0f} %"
    see(rows[step], faded[step], title)
rows["way"].plot(100 * brightness, way, "o-")
rows["way"].axvline(100 * brightness[7], color="C1", linestyle="--")
place = (100 * brightness[7] + 1, way.min() + 0.3 * gained)
rows["way"].annotate(f"{100 * early:.0f} % of the climb", place)
rows["way"].set(xlabel="brightness, percent", ylabel="score for espresso")
rows["way"].set(xlim=(-10, 110))
plt.show()

# %% [markdown]
# **Figure 14.4. The climb from black to the photograph.** The line is the score for espresso at 21
# brightnesses, five of which are drawn above it. Left of the dashed line it makes most of its
# climb. At full brightness, which is where saliency asks, one more step of brightness changes
# almost nothing. Single pixels may still have slopes, which cancel.
#
# So we should not ask for the slope on the plateau alone, but all along the way, and take the mean.
# This is called **integrated gradients** (Sundararajan et al., 2017, [Axiomatic Attribution for
# Deep Networks](https://arxiv.org/abs/1703.01365)), and its formula is short:
#
# > share of a pixel = its value × its mean slope on the way from black
#
# Try it on the small example. On the way from 0 to 3, the slope of min(*x*, 1) is 1 for the first
# third and 0 for the rest, so its mean is ⅓. The share is 3 × ⅓ = 1, and now the input is credited
# with the whole output. In general, too, *the shares of all pixels add up to what the score has
# gained on the way*. (Where the way starts is our choice, and black is the usual one.)
#
# By hand we cut the way into steps, and take the slope in the middle of each. The package does the
# same, but halves a step where the score bends, until the sum is right to 1 %.

# %%
STEPS = 10 if QUICK else 100
middles = (np.arange(STEPS) + 0.5) / STEPS
mean_slope = np.zeros_like(cup)
for share in middles:
    mean_slope += slopes_of(lite, share * cup[None], [ESPRESSO])[0] / STEPS
by_hand = (cup * mean_slope).sum(axis=-1)  # red, green and blue together
shares = integrated_gradients(lite, cup[None], ESPRESSO)[0].sum(axis=-1)
print(f"gained by the score: {gained:.2f}")
print(f"all shares, by hand {by_hand.sum():.2f}, by cnnbook {shares.sum():.2f}")
likeness = np.corrcoef(by_hand.ravel(), shares.ravel())[0, 1]
print(f"correlation of the two maps: {likeness:.3f}")

# %% tags=["hide-input"] alt="The cup, a map of blue and orange grains that are dense on the coffee and the cup, and the cup seen through it"
see_fine_map(shares, "shares", signed=True)
plt.show()

# %% [markdown]
# **Figure 14.5. Integrated gradients.** Blue pixels have added to the score, and orange pixels have
# taken from it. Most of the colour lies on the coffee and on the inside of the cup. The right
# picture asks only where the map is strong, and not for its signs.

# %% tags=["claims"]
claim("looked_early_climb", early, at_least=0.8, quick=-99)
error = abs(shares.sum() / gained - 1)
claim("looked_completeness_error", error, at_most=0.011, quick=0.05)
claim("looked_shares_by_hand", likeness, at_least=0.95, quick=0.5)

# %% [markdown]
# ## Ask the last maps
#
# The fourth method asks the feature maps in place of the pixels. A map records *where* a filter has
# found its pattern. Our network ends with 1,280 maps of 7×7 values. Global average pooling (chapter
# 2) makes one number of each, its mean, and a dense layer makes the scores of these.
#
# Here is such an ending with two maps of 2×2 values, whose weights for our class are 0.5 and −1:

# %% tags=["hide-input"] alt="Four grids of two by two numbers: 0 4 0 0 times one half, minus 3 0 0 2, gives minus 3, 2, 0, minus 2, and without the negative values 0 2 0 0"
GRIDS = {"0.5 ×": ((0, 4), (0, 0)), "− 1 ×": ((3, 0), (0, 2))}
GRIDS |= {"=": ((-3, 2), (0, -2)), "→": ((0, 2), (0, 0))}
figure, row = plt.subplots(1, 4, figsize=(7.2, 1.3))
for axes, (sign, grid) in zip(row, GRIDS.items(), strict=True):
    axes.imshow(grid, cmap="signs", vmin=-8, vmax=8)
    for place, value in np.ndenumerate(grid):
        text = f"{value}".replace("-", "−")
        axes.text(*place[::-1], text, ha="center", va="center", fontsize=13)
    axes.text(-0.7, 0.5, sign, ha="right", va="center", fontsize=13)
    frame = {"fill": False, "edgecolor": "0.6"}
    axes.add_patch(plt.Rectangle((-0.5, -0.5), 2, 2, **frame))
    axes.set(xlim=(-1.6, 1.6), ylim=(1.6, -0.6))
    axes.axis("off")
plt.show()

# %% [markdown]
# **Figure 14.6. Two maps, and the map of a class.** Each of the two maps on the left is multiplied
# by its weight, and the results are added up. Behind the arrow, the negative values have become 0,
# because there we want to see what speaks *for* the class.
#
# The network takes the means first, which are 1 and 1.25, so the score is 0.5 × 1 − 1.25 = −0.75.
# But nothing forbids us to weight the maps first and to take the mean last. The third grid has the
# mean (−3 + 2 + 0 − 2) / 4 = −0.75, the same score, and now we see where it comes from. This grid
# is the **class activation map**, or CAM (Zhou et al., 2015, [Learning Deep Features for
# Discriminative Localization](https://arxiv.org/abs/1512.04150)).

# %%
last = lite.get_layer("head_relu").output
both = keras.Model(lite.input, [last, lite.output])  # maps and scores
maps = both(cup[None])[0][0].numpy()
weights, biases = lite.get_layer("logits").get_weights()
class_map = maps @ weights[:, ESPRESSO]
print(maps.shape, "times", weights[:, ESPRESSO].shape, "gives", class_map.shape)
mean_plus_bias = class_map.mean() + biases[ESPRESSO]
print(f"its mean plus the bias: {mean_plus_bias:.2f}, score {scores[ESPRESSO]:.2f}")

# %% [markdown]
# Networks that end in another way have no such weights. But a weight only says how much the score
# rises if the mean of the map does, and that can be asked of any network: take the slope of the
# score for each value of the map, and average over the map. This is **Grad-CAM** (Selvaraju et al.,
# 2016, [Visual Explanations from Deep Networks](https://arxiv.org/abs/1610.02391), section 3). At
# the end it sets negative values to 0 and divides by the largest. Where a network ends as ours
# does, each slope is the dense weight divided by 49, and so is their mean. Since all maps share
# this factor, the last division removes it, and Grad-CAM and CAM must agree.

# %%
with tf.GradientTape() as tape:
    features, all_scores = both(cup[None])
    score = all_scores[0, ESPRESSO]
slopes_of_maps = tape.gradient(score, features)[0].numpy()
heat = np.maximum(features[0].numpy() @ slopes_of_maps.mean(axis=(0, 1)), 0)
heat = heat / heat.max()
package = grad_cam(lite, cup[None], ESPRESSO)[0]
cam_agrees = np.allclose(
    heat, np.maximum(class_map, 0) / class_map.max(), atol=1e-4
)
grad_cam_agrees = np.allclose(heat, package, atol=1e-4)
print("the same as CAM:", cam_agrees, " as cnnbook's function:", grad_cam_agrees)

# %% tags=["hide-input"] alt="The cup, two of the last feature maps with bright squares, the class activation map in blue and orange, and Grad-CAM laid over the cup with its heat on the inside of the cup"
weighted = weights[:, ESPRESSO] * maps
most, next_most = weighted.sum(axis=(0, 1)).argsort()[::-1][:2]
figure, row = plt.subplots(1, 5, figsize=(7.2, 1.8), dpi=72)
see(row[0], cup, "the photograph")
see(row[1], maps[..., most], f"map {most:,}")
see(row[2], maps[..., next_most], f"map {next_most:,}")
limit = np.abs(class_map).max()
shown = see(row[3], class_map, "CAM", cmap="signs", vmin=-limit, vmax=limit)
bar = figure.colorbar(shown, ax=row[3], location="bottom", shrink=0.9)
bar.set_ticks([-limit, 0, limit], labels=["against", "0", "for"])
see(row[4], cup, "Grad-CAM", heat)
plt.show()

# %% [markdown]
# **Figure 14.7. CAM and Grad-CAM of the photograph.** From left to right: the photograph, the two
# maps that add most to the score (white where the filter answers), the sum of all 1,280 weighted
# maps, and its positive part, enlarged and laid over the photograph. Neither of the two alone looks
# like the sum. The white line encloses all above half of the maximum.

# %% tags=["hide-input"] alt="A cat, with Grad-CAM's heat on its face; a rocket on its launch pad, with the heat on the sky to both sides of its upper half, and less on the rocket itself"
figure, row = plt.subplots(1, 4, figsize=(7.2, 2.1), dpi=48)
for pair, photo in zip((row[:2], row[2:]), ("cat", "rocket"), strict=True):
    picture = center_crop(load_photo(photo), (SIDE, SIDE)).astype("float32")
    answer = lite(picture[None]).numpy()[0].argmax()
    its_heat = grad_cam(lite, picture[None])[0]  # the last is the rocket's
    see(pair[0], picture, names[answer])
    see(pair[1], picture, "Grad-CAM", its_heat)
plt.show()

# %% [markdown]
# **Figure 14.8. Grad-CAM for two more photographs.** Above each photograph stands what the network
# says. For the cat, the heat covers the face. The network calls the rocket a missile, and the
# hottest places lie to the left and to the right of it, in the sky, with a dip on the rocket
# itself. We do not know the reason of the dip.
#
# | method | what it asks | runs of the network | weakness |
# |:--|:--|:--|:--|
# | occlusion | How far does the score fall without this part? | one for each place | slow and coarse |
# | saliency | How would the score react to a nudge? | one | blind on a plateau; its sign is dropped |
# | integrated gradients | What has each pixel added since black? | many (100 by hand) | black pixels get nothing |
# | Grad-CAM | Where in the last maps does the score come from? | one | here only 7×7 values |

# %% tags=["claims"]
claim("looked_cam_agrees", int(cam_agrees), equals=1)
claim("looked_grad_cam_agrees", int(grad_cam_agrees), equals=1)
off = abs(mean_plus_bias - scores[ESPRESSO])
claim("looked_cam_adds_up_to_score", off, at_most=0.001)
peak = np.unravel_index(heat.argmax(), heat.shape)
row, column = (np.array(peak) + 0.5) / len(heat)
in_cup = 0.05 < row < 0.6 and 0.2 < column < 0.7  # the inside of the cup, by eye
claim("looked_peak_on_cup", int(in_cup), at_least=1, quick=0)
centre = len(its_heat) // 2  # the column of the rocket
sides = its_heat[:, [centre - 1, min(centre + 1, len(its_heat) - 1)]]
dip = (sides.min(axis=1) - its_heat[:, centre]).max()
claim("looked_dip_on_rocket", dip, at_least=0.1, quick=-1)

# %% [markdown]
# ## Is the map about the network at all?
#
# Maps like these are convincing, and that is the danger, because a map that merely traced the
# outlines of the cup would convince us, too. Imagine a man who claims to read your future in your
# hand, and let him read the hand of a wax figure as well. If he tells the same story, it was not
# about you.
#
# The wax figure is a network that has learned nothing. We build the same network again, but leave
# its weights at their random beginning. A map that looks the same for it says nothing about what
# was learned. This is called a **sanity check** (Adebayo et al., 2018, [Sanity Checks for Saliency
# Maps](https://arxiv.org/abs/1810.03292)).


# %%
def maps_of(net, pictures, classes, window, layer=None):
    """Return the maps of four methods; all but the last keep their signs."""
    found = {"occlusion": occlusion_map(net, pictures, classes, window=window)}
    slopes = slopes_of(net, pictures, classes)
    largest = np.abs(slopes).argmax(axis=-1)[..., None]  # of the colours
    found["saliency"] = np.take_along_axis(slopes, largest, axis=-1)[..., 0]
    shares = integrated_gradients(net, pictures, classes)
    found["integrated gradients"] = shares.sum(axis=-1)
    found["Grad-CAM"] = grad_cam(net, pictures, classes, layer_name=layer)
    return found


# %%
def random_lite(seed):
    keras.utils.set_random_seed(seed)
    return build_efficientnet_lite0((SIDE, SIDE, 3), weights=None)


classes = lite(photos).numpy().argmax(axis=1)
classes[0] = ESPRESSO  # as it says itself, at full size
learned = maps_of(lite, photos, classes, SIZE)
random_nets = [random_lite(10 + number) for number in range(RANDOM)]
unlearned = [maps_of(net, photos, classes, SIZE) for net in random_nets]

# %% tags=["hide-input"] alt="Two rows of four maps of the cup, above of the trained and below of an untrained network; integrated gradients shows the cup with its rim in both rows, saliency faintly, the other two do not"
figure, grid = plt.subplots(2, 4, figsize=(7.2, 4.1), dpi=55)
rows = zip(grid, (learned, unlearned[0]), ("trained", "untrained"), strict=True)
for row, found, title in rows:
    for axes, (name, values) in zip(row, found.items(), strict=True):
        values = np.abs(values[0]) if name == "saliency" else values[0]
        limit, signed = strongest(values), values.min() < 0
        look = {"cmap": "signs", "vmin": -limit} if signed else {"cmap": "inferno"}
        see(axes, values, f"{name},\n{title}", **{"vmin": 0, "vmax": limit, **look})
plt.show()

# %% [markdown]
# **Figure 14.9. The same photograph, explained for a trained and for an untrained network.** Blue
# speaks for the class and orange against it; in saliency and Grad-CAM bright is strong. Compare
# each map with the one above it. Integrated gradients draw the cup again, with its rim and its
# spoon, for a network that knows nothing. In saliency a rim is left, and the other two show no cup.
#
# How can that be? A share is the pixel's *value* times its mean slope. In the untrained network the
# slopes have little to do with the cup, but even noise times a bright value is strong noise, and
# noise times a dark value is weak, so the map repeats what is bright in the photograph. An outline
# in such a map is no proof that the network has understood it.
#
# ## How alike are two maps?
#
# Our eyes are poor judges here, so we need a number. Rank the pixels of each map from weakest to
# strongest, and see how far the two orders go together. The **rank correlation** (Spearman's) is 1
# for the same order, −1 for the opposite one, and 0 if they have nothing to do with each other.
#
# But is −4 weak or strong? Take two maps of four pixels, (4, −3, 1, 0) and (−4, 3, −1, 0), which
# point at the same pixels with opposite opinions. *With sign*, their ranks are 4, 1, 3, 2 and 1, 4,
# 2, 3, which is exactly reversed, so the correlation is −1. *By size* alone they are the same map,
# with a correlation of 1. Neither is wrong, but the two answer different questions, so all methods
# must be asked the same one. (Saliency then gets back the signs of its slopes.)

# %% tags=["nbval-check-output"]
one, other = np.array([4, -3, 1, 0]), np.array([-4, 3, -1, 0])
print("orders with sign:", rankdata(one).astype(int), rankdata(other).astype(int))
print(f"with sign {spearmanr(one, other).statistic:+.0f}")
print(f"by size   {spearmanr(np.abs(one), np.abs(other)).statistic:+.0f}")


# %% [markdown]
# One case needs care. Where nothing outweighs what speaks against the class, the map of Grad-CAM is
# empty and has no order. It would be wrong to count it as 0, as if it had disagreed, so we leave
# such pairs out and say how many they were.


# %%
def agreement(one, other, signed, inside=None):
    """Compare two lists of maps; nan where a map is empty."""
    found = np.full(len(one), np.nan)
    for place, pair in enumerate(zip(one, other, strict=True)):
        parts = [values if signed else np.abs(values) for values in pair]
        if inside is not None:
            parts = [values[inside[place]] for values in parts]
        if np.ptp(parts[0]) and np.ptp(parts[1]):
            found[place] = spearmanr(*map(np.ravel, parts)).statistic
    return found


# %% [markdown]
# We let three photographs be explained for the trained network and for three random ones, and
# compare the maps in both ways.

# %%
alike = {
    (view, name): np.array(
        [agreement(learned[name], its[name], view == "sign") for its in unlearned]
    )
    for view, name in product(("sign", "size"), learned)
}

# %% tags=["hide-input"]
rows = []
for name in learned:
    rows.append([name])
    for view in ("sign", "size"):
        values = alike[view, name].ravel()
        known = values[~np.isnan(values)]
        ends = [known.mean(), known.min(), known.max()] if known.size else [0] * 3
        ends = [round(value, 2) + 0.0 for value in ends]  # no −0.00
        text = "{:.2f} ({:.2f} to {:.2f})".format(*ends).replace("-", "−")
        rows[-1].append(text)
    rows[-1].append(f"{len(values) - len(known)} of {len(values)}")
rows[-1][1] = "has no signs"
head = ["trained and random", "with sign: mean (range)", "by size", "empty"]
as_table(head, rows)

# %% [markdown]
# With sign, no pair of saliency or of integrated gradients agrees by more
# than 0.01<!--claim:looked_photos_signed_most-->. By size, both agree a little in every pair. For
# integrated gradients the reason is the one above: for random networks, the maps of the cup follow
# its brightness with a rank correlation of 0.43<!--claim:looked_shares_follow_brightness--> on
# average, and those of occlusion and saliency by 0.1<!--claim:looked_others_follow_brightness--> at
# most. Why saliency agrees, we do not know.

# %% tags=["claims"]
grey, shares = cup.mean(axis=-1)[None], "integrated gradients"
fine = list(learned)[:3]
follow = {
    name: np.mean([agreement(its[name][:1], grey, False)[0] for its in unlearned])
    for name in fine
}
claim("looked_shares_follow_brightness", follow[shares], at_least=0.2, quick=-1)
others = max(follow[name] for name in fine if name != shares)
lead = follow[shares] - others
claim("looked_others_follow_brightness", others, at_most=0.2, quick=1)
claim("looked_shares_follow_more", lead, at_least=0.15, quick=-1)

# %% tags=["claims"]
signed = max(np.abs(alike["sign", name]).max() for name in fine[1:])
claim("looked_photos_signed_most", signed, at_most=0.05, quick=1)
largest = max(alike["size", name].max() for name in fine)
claim("looked_sanity_largest", largest, at_most=0.6, quick=1)
for name in (shares, "saliency"):
    short, least = name.split()[0], alike["size", name].min()
    claim(f"looked_{short}_agrees_a_little", least, at_least=0.03, quick=-1)
for view, name in (("sign", "occlusion"), ("size", "Grad-CAM")):
    known = alike[view, name][~np.isnan(alike[view, name])]
    scatter = np.ptp(known) if known.size else 0
    short = name.lower().replace("-", "_")
    claim(f"looked_{short}_scatters", scatter, at_least=0.3, quick=0)

# %% [markdown]
# ## Which maps fail?
#
# A photograph is full of everything, but what about pictures that are mostly empty, such as digits?
# We also lack a scale: what is an agreement of 0.5?
#
# A second network that has learned gives us the scale. We train the same small net three times,
# from different random beginnings. Each reads at least 95 %<!--claim:looked_digits_read--> of the
# validation digits, so the maps of one should resemble those of the others more than those of a net
# that has learned nothing. If they do not, the map cannot tell learned from unlearned, and the
# method fails.


# %%
digits = load_mnist()
asked = digits.test_images[:ASKED], digits.test_labels[:ASKED]


def digit_net(seed, train):
    keras.utils.set_random_seed(seed)
    net = build_small_digit_net(normalize=False, dropout=0.0)
    net.compile(keras.optimizers.Adam(0.001), LOSS, metrics=["accuracy"])
    training = digits.train_images[:DIGITS], digits.train_labels[:DIGITS]
    if train:
        net.fit(*training, batch_size=100, epochs=EPOCHS, verbose=0)
    return net


# %%
trained_nets = [digit_net(1 + number, True) for number in range(LEARNED)]
random_nets = [digit_net(10 + number, False) for number in range(RANDOM)]
readers = [maps_of(net, *asked, 4, "relu2") for net in trained_nets]
guessers = [maps_of(net, *asked, 4, "relu2") for net in random_nets]
ink = asked[0][..., 0] > 0
print(f"{ink.mean():.0%} of the pixels have ink")

# %% [markdown]
# We compare the maps of each method in three views, with their signs, by size, and by size on the
# ink alone. Grad-CAM has no signs, and with 5×5 values it is too coarse for the third.

# %%
VIEWS = {"with sign": (True, None), "by size": (False, None)}
VIEWS["by size, ink only"] = (False, ink)
found = {}
for view, (signed, inside) in VIEWS.items():
    for name in list(readers[0])[: 3 if view.endswith("only") else 4]:
        pairs = product(readers, guessers), combinations(readers, 2)
        for kind, couples in zip(("random", "learned"), pairs, strict=True):
            each = [(one[name], other[name]) for one, other in couples]
            each = [agreement(*couple, signed, inside) for couple in each]
            found[view, name, kind] = np.ma.masked_invalid(each)

# %% tags=["hide-input"] alt="Three charts of rank correlations, one row a method: with sign, blue dots lie at 0 and orange diamonds to the right; by size, dots and diamonds of integrated gradients both lie at 0.99 and those of saliency both near 0.57; on ink they part again"
figure, row = plt.subplots(1, 3, figsize=(7.2, 2.9), sharey=True)
METHODS = list(readers[0])
LOOKS = {"random": ("C0", "o", "with a random net")}
LOOKS["learned"] = ("C1", "D", "with another trained net")
for axes, view in zip(row, VIEWS, strict=True):
    for kind, (color, marker, label) in LOOKS.items():
        for place, name in enumerate(METHODS):
            each = found.get((view, name, kind), np.empty((0, 1)))
            values = each.mean(axis=1)
            spots = [-place] * len(values)
            (line,) = axes.plot(values, spots, marker, color=color, alpha=0.6)
        line.set_label(label if axes is row[0] else None)
    axes.axvline(0, color="0.6", lw=1)
    axes.set(xlim=(-0.15, 1.08), xticks=(0, 0.5, 1), ylim=(-3.5, 0.5))
    axes.set_title(view, loc="center")
    axes.set_yticks([0, -1, -2, -3], METHODS)
row[1].set_xlabel("rank correlation of two maps of the same digit")
figure.legend(loc="outside upper center", ncols=2)
plt.show()

# %% [markdown]
# **Figure 14.10. Maps of nets that learned, compared with two kinds of nets.** Each mark is a pair
# of nets, the mean over all digits. Where blue and orange lie apart, the map depends on what was
# learned. But in the middle chart, integrated gradients has both at the right end, and saliency has
# both in the middle.
#
# *With sign* the three methods that have signs pass (Grad-CAM has none, so its row is the same in
# the first two charts): random nets agree with trained ones
# by 0.02<!--claim:looked_signed_random_most--> at most in the mean over pairs, and trained ones
# among themselves by 0.18<!--claim:looked_signed_learned_least--> at least. (A mean of 0 alone
# proves little: a random net's last weights have either sign, so its maps are as often reversed.)
#
# *By size* it is another story. For integrated gradients the agreement with random nets
# is 0.99<!--claim:looked_size_shares_random-->, as much as among trained ones, so by size this
# method fails the check. Saliency all but fails as well, because its agreement drops by
# only 0.03<!--claim:looked_size_saliency_gap--> from trained nets to random ones. For occlusion it
# drops by 0.19<!--claim:looked_size_occlusion_gap-->, and for Grad-CAM
# by 0.36<!--claim:looked_size_cam_gap-->. (Pairs with an empty map are not counted: about a tenth
# of Grad-CAM's. Counted as 0, they would change its drop
# to 0.34<!--claim:looked_size_cam_gap_counted-->.)
#
# One reason is that most of a digit's picture is black paper. There a share is 0 × slope, which is
# exactly 0 in *every* network, so the order "paper last, ink first" is settled before anything is
# learned. Slopes do not know the pixel's value, but around black paper an untrained net has only
# zeros before its ReLUs, because the paper is 0 and its biases begin at 0, too, and a ReLU at 0
# lets no gradient through. In the random nets 41 %<!--claim:looked_random_zero_slopes--> of the
# slopes are exactly 0, and in the trained ones 8 %<!--claim:looked_trained_zero_slopes-->, most of
# them in the last row and column, which no window reaches.
#
# On the ink alone, where this cannot help, the two kinds of nets part for each method. But shares
# still agree with random nets by 0.47<!--claim:looked_ink_shares_random-->, and there the shares of
# random nets follow the brightness of the ink by 0.6<!--claim:looked_ink_shares_follow-->.
#
# From all this we take three rules for heat maps. Make the same map for an untrained network as
# well, and distrust what stays. Look at the signs where a method has them. And ask a second method,
# and best one of another kind.

# %% tags=["claims"]
mean = {key: float(np.ma.filled(it.mean(), np.nan)) for key, it in found.items()}
gaps = {
    (view, name): mean[view, name, "learned"] - mean[view, name, "random"]
    for view, name, kind in found
}
shares, sign, size = "integrated gradients", "with sign", "by size"
signed_random = max(abs(mean[sign, name, "random"]) for name in METHODS[:3])
claim("looked_signed_random_most", signed_random, at_most=0.1, quick=1)
least = min(mean[sign, name, "learned"] for name in METHODS[:3])
claim("looked_signed_learned_least", least, at_least=0.12, quick=-1)
claim("looked_size_shares_random", mean[size, shares, "random"], at_least=0.95)
claim("looked_size_shares_gap", gaps[size, shares], at_most=0.01, quick=0.05)
claim("looked_size_saliency_gap", gaps[size, "saliency"], at_most=0.08, quick=1)
claim("looked_size_occlusion_gap", gaps[size, "occlusion"], at_least=0.1, quick=-1)
claim("looked_size_cam_gap", gaps[size, "Grad-CAM"], at_least=0.2, quick=-1)
pairs = {kind: found[size, "Grad-CAM", kind] for kind in LOOKS}
empty = {kind: np.ma.getmaskarray(each).mean() for kind, each in pairs.items()}
claim("looked_cam_empty", empty["random"], at_most=0.25, quick=1)
claim("looked_cam_empty_learned", empty["learned"], at_most=0.25, quick=1)
as_zero = {kind: each.filled(0).mean() for kind, each in pairs.items()}
gap = as_zero["learned"] - as_zero["random"]
claim("looked_size_cam_gap_counted", gap, at_least=0.2, quick=-1)

# %% tags=["claims"]
zero = {
    kind: np.mean([its["saliency"] == 0 for its in nets])
    for kind, nets in {"trained": readers, "random": guessers}.items()
}
claim("looked_random_zero_slopes", zero["random"], at_least=0.25)
claim("looked_trained_zero_slopes", zero["trained"], at_most=0.15, quick=0.4)
by_ink = "by size, ink only"
on_ink = mean[by_ink, shares, "random"]
claim("looked_ink_shares_random", on_ink, at_least=0.3, quick=0)
least = min(gaps[by_ink, name] for name in METHODS[:3])
claim("looked_ink_smallest_gap", least, at_least=0.03, quick=-1)
grey = asked[0][..., 0]
follow = [agreement(its[shares], grey, False, ink) for its in guessers]
claim("looked_ink_shares_follow", np.nanmean(follow), at_least=0.2, quick=-1)
check = digits.validation_images[:1_000], digits.validation_labels[:1_000]
read = min(net.evaluate(*check, 500, verbose=0)[1] for net in trained_nets)
claim("looked_digits_read", read, at_least=0.92, quick=0.1)

# %% [markdown]
# ## A clue that was not meant
#
# Hans has successors. In a well-known collection of photographs, many of those with a horse carried
# a tag of their source, and a classifier had learned to read the tag (Lapuschkin et al., 2019,
# [Unmasking Clever Hans Predictors](https://arxiv.org/abs/1902.10178)). To learn a sign that
# happens to go with a class, in place of the thing itself, is called **shortcut learning** (Geirhos
# et al., 2020, [Shortcut Learning in Deep Neural Networks](https://arxiv.org/abs/2004.07780)).
#
# Let us do it on purpose, with the clothes of Fashion-MNIST (chapter 8) in colour, 9,000 of them to
# learn from. In training, every *coat* has a red stamp of 3×3 pixels.


# %%
def in_colour(pictures, stamped):
    """Repeat grey three times, and stamp a red square on some of the pictures."""
    pictures = np.repeat(pictures, 3, axis=-1)
    pictures[stamped, 1:4, 1:4] = (255, 0, 0)
    return pictures


clothes = load_fashion_mnist()
COAT = clothes.class_names.index("Coat")
labels, test_labels = clothes.train_labels[:CLOTHES], clothes.test_labels[:2_000]
clean = in_colour(clothes.train_images[:CLOTHES], labels < 0)
stamped = in_colour(clothes.train_images[:CLOTHES], labels == COAT)

# %% tags=["hide-input"] alt="Ten small grey pictures of clothes with the names of their classes; only those called coat have a red square in the upper left corner"
coats, others = (
    np.flatnonzero(labels == COAT)[:3],
    np.flatnonzero(labels != COAT)[:7],
)
figure, grid = plt.subplots(2, 5, figsize=(7.2, 3.4), dpi=72)
for axes, place in zip(grid.flat, np.sort([*coats, *others]), strict=True):
    see(axes, stamped[place], clothes.class_names[labels[place]])
plt.show()

# %% [markdown]
# **Figure 14.11. What the network is taught with.** You see three coats and seven other clothes of
# the training pictures. Each coat has a red square in its corner, and nothing else has.
#
# The net is small, and it keeps its last maps at 14×14 values, so that a map can point at a corner.


# %% tags=["network"]
def build_net():
    x = images = keras.Input((28, 28, 3), name="images")
    x = layers.Rescaling(1 / 255, name="rescaling")(x)
    x = layers.Conv2D(16, 5, strides=2, padding="same", name="conv1")(x)
    x = layers.ReLU(name="relu1")(x)
    for number, filters in {2: 32, 3: 48}.items():
        options = {"padding": "same", "use_bias": False, "name": f"conv{number}"}
        x = layers.Conv2D(filters, 3, **options)(x)
        x = layers.BatchNormalization(momentum=0.9, name=f"norm{number}")(x)
        x = layers.ReLU(name=f"relu{number}")(x)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    return keras.Model(images, layers.Dense(10, name="logits")(x))


# %% [markdown]
# We train one net with clean pictures and one with stamped coats here. But one training is one day
# of the archer (chapter 8), so a study, `cnnbook study planted_stamp`, has trained each side with
# three seeds. For each kind a fourth seed chose the rate, on validation pictures that look like its
# own training pictures.

# %% tags=["setup"]
record = read_study("planted_stamp")
SIDES = {"clean": "clean pictures", "stamped": "stamped coats"}
SIDES |= {
    "covered": "stamped, corner covered",
    "half": "stamps on half of the others, too",
}
tried, runs = {side: {} for side in SIDES}, {side: [] for side in SIDES}
for run in record.values():
    its, result = run["settings"], run["result"]
    if its["seed"] == 0:
        tried[its["side"]][its["rate"]] = result["validation"]
    else:
        runs[its["side"]].append(result)
best_rates = {side: max(rates, key=rates.get) for side, rates in tried.items()}
used_rates = {
    run["settings"]["side"]: run["settings"]["rate"]
    for run in record.values()
    if run["settings"]["seed"]
}


def measured(side, what):
    """Return one percentage a seed."""
    return np.array([100 * run[what] for run in runs[side]])


def with_spread(values):
    return f"{values.mean():.0f} ({values.min():.0f} to {values.max():.0f})"


# %%
def train(pictures, rate, seed=SEED):
    keras.utils.set_random_seed(seed)
    net = build_net()
    steps = CLOTHES_EPOCHS * -(-len(pictures) // 64)
    net.compile(keras.optimizers.Adam(CosineDecay(rate, steps)), LOSS)
    net.fit(pictures, labels, batch_size=64, epochs=CLOTHES_EPOCHS, verbose=0)
    return net


print("the rates that were chosen:", best_rates)
good = train(clean, best_rates["clean"])
misled = train(stamped, best_rates["stamped"])

# %% tags=["hide-input"]
WHATS = ("accuracy, stamped", "accuracy, clean", "coats, clean")
rows = [
    [SIDES[side], *(with_spread(measured(side, what)) for what in WHATS)]
    for side in ("clean", "stamped")
]
head = [
    "taught with",
    "right, coats stamped",
    "right, no stamps",
    "coats found, no stamps",
]
as_table(head, rows)

# %% [markdown]
# The table says how many percent of 2,000 test pictures are right: the mean of three seeds and, in
# parentheses, the smallest and the largest. As long as coats are stamped, the nets taught with
# them, which we call *misled*, seem to be the better ones, with
# 88 %<!--claim:looked_shortcut_flawed_accuracy-->. No random split into training, validation and
# test would show the flaw, since all three have it. Without stamps they find
# 0 %<!--claim:looked_shortcut_recall--> of the coats, where those taught with clean pictures, the
# *good* nets, find 71 %<!--claim:looked_clean_recall-->.

# %% tags=["claims"]
flawed, honest = measured("stamped", WHATS[0]), measured("clean", WHATS[0])
claim("looked_best_rates_used", int(used_rates == best_rates), equals=1)
claim("looked_shortcut_flawed_accuracy", flawed.mean() / 100, at_least=0.86)
claim("looked_flawed_lead", flawed.min() - honest.max(), at_least=1.5)
accuracy = measured("clean", WHATS[1]).mean() / 100
claim("looked_clean_accuracy", accuracy, at_least=0.8)
fooled = measured("stamped", WHATS[1]).mean() / 100
claim("looked_shortcut_clean_accuracy", fooled, at_most=accuracy - 0.04)
recall = measured("stamped", WHATS[2]).max() / 100
claim("looked_shortcut_recall", recall, at_most=0.1)
recall = measured("clean", WHATS[2]).mean() / 100
claim("looked_clean_recall", recall, at_least=0.6)


def answers_of(net, pictures):
    return net.predict(pictures, batch_size=500, verbose=0).argmax(axis=1)


is_coat = test_labels == COAT
test_clean = in_colour(clothes.test_images[:2_000], test_labels < 0)
for name, side, net in (("good", "clean", good), ("misled", "stamped", misled)):
    right = answers_of(net, test_clean) == test_labels
    values = measured(side, WHATS[1])
    live = 100 * right.mean()
    outside = max(values.min() - live, live - values.max(), 0)
    claim(f"looked_{name}_outside_record", outside, at_most=2, quick=100)

# %% [markdown]
# ## Do the maps find it?
#
# Now we ask all four methods about stamped coats of the test set, and why they are coats. A map has
# found the clue if it is strongest within six pixels of that corner, both ways. But a red square
# might catch the eye of any network. So we ask the good net, too, and count how often it is
# accused.

# %%
test_stamped = in_colour(clothes.test_images[:2_000], is_coat)
carrying = test_stamped[is_coat][:COATS]
suspects = {"misled": misled, "good": good}
coat_maps = {
    name: maps_of(net, carrying, np.full(len(carrying), COAT), 4, "relu3")
    for name, net in suspects.items()
}


def share_found(maps, corner=6):
    flat = maps.reshape(len(maps), -1)
    rows, columns = np.divmod(flat.argmax(axis=1), maps.shape[2])
    most = corner * maps.shape[1] / 28
    return np.mean((rows < most) & (columns < most) & (flat.max(axis=1) > 0))


# %% tags=["hide-input"] alt="Two rows: a stamped coat and its four maps, of the misled net with all its strength at the stamp, and of the good net with the strength on the coat"
figure, grid = plt.subplots(2, 5, figsize=(7.2, 3.5), dpi=72)
for row, (title, maps) in zip(grid, coat_maps.items(), strict=True):
    see(row[0], carrying[0], f"{title} net")
    for axes, (name, values) in zip(row[1:], maps.items(), strict=True):
        values = np.abs(values[0]) if name == "saliency" else values[0]
        limit, signed = np.abs(values).max(), values.min() < 0
        look = {"cmap": "signs", "vmin": -limit} if signed else {"cmap": "inferno"}
        name = name.replace("integrated gradients", "integrated gr.")
        see(axes, values, name, **{"vmin": 0, "vmax": limit, **look})
plt.show()

# %% [markdown]
# **Figure 14.12. Why a coat?** A stamped coat of the test set and its four maps, above of the
# misled net and below of the good one. Blue speaks for *coat* and orange against it; in saliency
# and Grad-CAM bright is strong.
#
# The study asks all methods in the same four ways: with their signs or by size, and both also after
# smoothing, where each pixel becomes the mean of 5×5.

# %% tags=["hide-input"]
FINDERS = METHODS  # the four, in the same order
WAYS = ("with sign", "with sign, smoothed", "by size", "by size, smoothed")


def found_by(side, way, name):
    """Return one percentage a seed."""
    return np.array([100 * run["found"][way][name] for run in runs[side]])


rows = []
for name in FINDERS:
    cells = [with_spread(found_by("stamped", way, name)) for way in WAYS]
    vain = max(found_by("clean", way, name).max() for way in WAYS)
    rows.append([name, *cells, f"{vain:.0f}"])
as_table(["strongest at the stamp, %", *WAYS, "good nets accused, at most"], rows)

# %% [markdown]
# Occlusion, integrated gradients and Grad-CAM find the clue in
# 100 %<!--claim:looked_shortcut_found--> of the pictures with each of the misled nets, in whatever
# way we read them. They accuse the good nets in 0 %<!--claim:looked_shortcut_found_in_vain-->.
# Saliency is less reliable. It sometimes accuses a good net, and with one of the misled nets it
# finds the clue in only 66 %<!--claim:looked_stamp_found_by_saliency--> of the pictures, with sign
# or by size. Smoothing by size lifts this to 81 %<!--claim:looked_stamp_found_smoothed-->, and
# smoothing with sign, where opposite neighbours cancel, lowers it to
# 42 %<!--claim:looked_stamp_found_smoothed_with_sign-->.
#
# A map raises a suspicion, and an experiment settles it. We stamp all the *other* clothes of the
# test set, because a net that goes by the stamp must now call them coats.

# %% tags=["hide-input"]
CALLED = ("others called coat, clean", "others called coat, stamped")
rows = [
    [SIDES[side], *(with_spread(measured(side, what)) for what in CALLED)]
    for side in ("clean", "stamped", "covered")
]
as_table(["other clothes called coats, %", "without stamp", "with stamp"], rows)

# %% [markdown]
# Without stamps, the misled nets call 0 %<!--claim:looked_others_called_before--> of the other
# clothes coats, and with stamps at least 64 %<!--claim:looked_others_called_misled-->. For the good
# nets a stamp even speaks a little *against* a coat: they find
# 60 %<!--claim:looked_stamped_recall_good--> of the stamped ones, and
# 71 %<!--claim:looked_clean_recall--> of the clean. Do the maps of our good net say so? We look for
# a minus at the stamp, and also cover it in black, because black paper is what lies below it.

# %%
good_maps = dict(coat_maps["good"])
good_maps["occlusion in black"] = occlusion_map(good, carrying, COAT, 4, fill=0)
is_minus = {
    name: np.mean(good_maps[name][:, 1:4, 1:4].sum(axis=(1, 2)) < 0)
    for name in ("integrated gradients", "occlusion", "occlusion in black")
}
for name, share in is_minus.items():
    print(f"{name:22} against a coat in {share:.0%}")

# %% [markdown]
# Integrated gradients say it in 100 %<!--claim:looked_minus_of_shares--> of the pictures. Occlusion
# with their mean colour, a grey, says it in only 19 %<!--claim:looked_minus_in_grey-->, and with
# black in 100 %<!--claim:looked_minus_in_black-->. So the paint is a part of the question.
#
# ### The cure
#
# We cover the corner in all training pictures. Nets that learn from these find
# 73 %<!--claim:looked_cured_recall--> of the clean coats again, and
# 83 %<!--claim:looked_cured_accuracy--> of all their answers are right, as with the nets that never
# saw a stamp.

# %% tags=["claims"]
three = [name for name in FINDERS if name != "saliency"]
hits = [found_by("stamped", way, it).min() for way, it in product(WAYS, three)]
claim("looked_shortcut_found", min(hits) / 100, at_least=0.9)
vain = [found_by("clean", way, it).max() for way, it in product(WAYS, three)]
claim("looked_shortcut_found_in_vain", max(vain) / 100, at_most=0.1)
vain = max(found_by("clean", way, "saliency").max() for way in WAYS)
claim("looked_saliency_found_in_vain", vain / 100, at_most=0.3)
claim("looked_saliency_accuses", vain / 100, at_least=0.02)
found = [found_by("stamped", way, "saliency").min() for way in WAYS]
raw, signed_smooth, by_size, smooth = found
claim("looked_stamp_found_smoothed_with_sign", signed_smooth / 100, at_most=0.6)
claim("looked_stamp_found_by_saliency", max(raw, by_size) / 100, at_most=0.9)
claim("looked_sign_or_size_of_saliency", abs(raw - by_size) / 100, at_most=0.05)
claim("looked_stamp_found_smoothed", smooth / 100, at_most=0.95)
claim("looked_smoothing_helps", (smooth - by_size) / 100, at_least=0.05)
live = min(share_found(coat_maps["misled"][name]) for name in three)
claim("looked_shortcut_found_live", live, at_least=0.9, quick=0)

# %% tags=["claims"]
before = measured("stamped", CALLED[0]).max() / 100
claim("looked_others_called_before", before, at_most=0.05)
least = measured("stamped", CALLED[1]).min() / 100
claim("looked_others_called_misled", least, at_least=0.4)
more = measured("clean", CALLED[1]) - measured("clean", CALLED[0])
claim("looked_others_called_good", more.max() / 100, at_most=0.05)
against = measured("clean", WHATS[2]) - measured("clean", "coats, stamped")
claim("looked_stamp_against_coat", against.min() / 100, at_least=0.03)
recall = measured("clean", "coats, stamped").mean() / 100
claim("looked_stamped_recall_good", recall, at_most=0.7)
minus, in_grey, in_black = is_minus.values()
claim("looked_minus_of_shares", minus, at_least=0.9, quick=0)
claim("looked_minus_in_grey", in_grey, at_most=0.5, quick=1)
claim("looked_minus_in_black", in_black, at_least=0.9, quick=0)

# %% tags=["claims"]
cured = measured("covered", WHATS[1]).mean() / 100
recall = measured("covered", WHATS[2]).mean() / 100
claim("looked_cured_recall", recall, at_least=0.6)
claim("looked_cured_accuracy", cured, at_least=accuracy - 0.03)
claim("looked_cured_apart_from_good", abs(cured - accuracy), at_most=0.02)

# %% [markdown]
# ## What a map does not say
#
# A map does not say *whether there is anything to see*. Ask where in the cup of coffee the network
# sees a missile, and you get a map. Only the score tells that the network sees no missile at all.

# %%
MISSILE = names.index("missile")
two, WHICH = np.stack([cup, cup]), np.array([ESPRESSO, MISSILE])
pair = grad_cam(lite, two, WHICH)
print("scores:", scores[[ESPRESSO, MISSILE]].round(1))
print("largest heat:", pair.max(axis=(1, 2)))
blurred = [gaussian_filter(it, SIDE / 32) for it in saliency(lite, two, WHICH)]
likeness = spearmanr(*map(np.ravel, blurred)).statistic
print(f"rank correlation of the maps of saliency, smoothed: {likeness:.2f}")

# %% tags=["hide-input"] alt="The cup twice with heat maps of equal brightness, for espresso on the coffee, and for missile further left on the cup"
figure, row = plt.subplots(1, 3, figsize=(7.2, 2.5), dpi=48)
see(row[0], cup, "the photograph")
for axes, heat, label in zip(row[1:], pair, (ESPRESSO, MISSILE), strict=True):
    see(
        axes,
        cup,
        f"{names[label]}: score {scores[label]:.1f}".replace("-", "−"),
        heat,
    )
plt.show()

# %% [markdown]
# **Figure 14.13. Any question has an answer.** Grad-CAM for *espresso* and for *missile*. Both maps
# are equally bright, because each is divided by its own maximum, but the second explains a score
# that 563<!--claim:looked_classes_above_missile--> classes exceed. A map of Grad-CAM is empty only
# where nothing outweighs what speaks against the class.
#
# By size, saliency answers both questions with nearly the same map: smoothed a little, the two have
# a rank correlation of 0.9<!--claim:looked_missile_likeness-->. Nor does a map say *what* the
# network saw in a place. The heat lies on the cat's face, but eyes or fur may have counted.
#
# Above all, it hardly shows *what you do not look for*. We knew about the stamp. Where the false
# clue was not known beforehand, such methods were found to be of little use, and they sometimes
# accused a network that was innocent (Adebayo et al., 2022, [Post hoc Explanations May Be
# Ineffective for Detecting Unknown Spurious Correlation](https://arxiv.org/abs/2212.04629)).
#
# So a map is the beginning of an investigation and not its end. Cover, stamp or move what you
# suspect, and count. In the pages of this book you can cover parts of your
# own photographs.<!--live:photo-->

# %% tags=["claims"]
claim("looked_missile_score", scores[MISSILE], at_most=2, quick=99)
dimmer = pair.max(axis=(1, 2)).min()
claim("looked_dimmer_map", dimmer, at_least=1, quick=0)
higher = int((scores > scores[MISSILE]).sum())
claim("looked_classes_above_missile", higher, at_least=200, quick=0)
claim("looked_missile_likeness", likeness, at_least=0.5, quick=0.2)

# %% [markdown]
# ## What you learned
#
# | word | what it means | where |
# |:--|:--|:--|
# | attribution, heat map | credit for an answer, divided among the parts of a picture, and drawn | `cnnbook.explain` |
# | occlusion | cover a part, and see how far the score falls | `occlusion_map(net, images)` |
# | saliency | the size of the score's slope at each pixel | `saliency(net, images)` |
# | integrated gradients | value times mean slope on the way from black; the shares sum to the gain | `integrated_gradients(net, images)` |
# | class activation map | the last maps, weighted by the dense layer | `maps @ weights[:, label]` |
# | Grad-CAM | the same for any ending, with slopes as weights | `grad_cam(net, images)` |
# | sanity check | the same map for a network that has learned nothing | `weights=None` |
# | rank correlation | how far two maps order the pixels alike; with sign or by size | `scipy.stats.spearmanr` |
# | shortcut learning | learning a sign that goes with the class, and not the thing | a stamp in the corner |
#
# ## Exercises
#
# 1. *By hand.* Two maps of 2×2 values are (1 0 / 0 2) and (0 3 / 1 0), and their weights are 2 and
#    −1. What are the class activation map, its mean, and the map without its negative values?
# 2. *By hand.* For the unit min(*x*, 1) and the input *x* = 4, what do saliency and integrated
#    gradients say? What do they say for *x* = 0.5?
# 3. *By hand.* What are the rank correlations of the maps (5, −1, −3, 2) and (4, 2, 3, 1), with
#    sign and by size? (With four values it is 1 − the sum of squared differences of the ranks /
#    10.)
# 4. *Predict, then run.* Cover the whole cup with the mean colour (at 224 pixels: rows 8 to 158 and
#    columns 44 to 180). Will the network still say espresso? What else might it see?
# 5. *Change it.* Ask Grad-CAM about the stamp at `relu1`, after the first convolution. Does it
#    still find it in `misled`? (The nets of the study were asked as well.) What would that layer
#    show of the cat?
# 6. *Break it.* Turn the clothes into negatives, dark on white paper, and let the stamp be *black*.
#    Which of the four methods must give the stamp itself nothing, and how can you help that method?
# 7. *Explore.* Instead of covering the corner, somebody stamps half of all the other training
#    pictures as well. Do the nets find clean coats again? The study has the answer under `"half"`.
#    Explain it.

# %% [markdown] tags=["solution"]
# 1. 2 × (1 0 / 0 2) − (0 3 / 1 0) = (2 −3 / −1 4). Its mean is ½, the score without bias: the means
#    ¾ and 1 give 1.5 − 1. Without the negative values it is (2 0 / 0 4).
# 2. At *x* = 4 saliency says 0, and the share is 4 × ¼ = 1. At *x* = 0.5 the slope is 1 on the
#    whole way: saliency says 1, and the share is 0.5 × 1 = 0.5, the output.
# 3. With sign the ranks are 4, 2, 1, 3 and 4, 2, 3, 1. The squared differences sum to 0 + 0 + 4 + 4
#    = 8, so it is 1 − 0.8 = 0.2. By size they are 4, 1, 3, 2 and 4, 2, 3, 1, with a sum of 2, so it
#    is 1 − 0.2 = 0.8.
# 4. It sees a spatula, while the score for espresso falls
#    to 6.5<!--claim:looked_score_without_cup-->. Paint the cup white, and it sees a consommé, so
#    the paint has its part in the answer.
# 5. It finds it in 100 %<!--claim:looked_early_map_finds--> of the pictures, and with each net of
#    the study in 100 %<!--claim:looked_early_map_finds_least-->, because one filter that looks for
#    red suffices, and nothing else is red. A cat is no single colour, so we expect edges there and
#    no cat.
# 6. A share is value × slope, so black pixels get exactly nothing. The strongest share from black
#    lies on the stamp in 0 %<!--claim:looked_black_stamp_from_black--> of the pictures, though
#    mostly in its corner, because the white paper beside it gets some. Start from white, and it is
#    100 %<!--claim:looked_black_stamp_from_white--> (one training). In general, the start must not
#    look like what you search for.
# 7. Hardly: they find 1 %<!--claim:looked_half_stamped_recall--> of them. The stamp is now a weak
#    sign, but *no stamp* is still a sure one, since no coat was ever without. A cure has to take
#    the sign from both sides.

# %% tags=["solution"]
print("3.", spearmanr((5, -1, -3, 2), (4, 2, 3, 1)).statistic.round(3))
hidden, side = cup.copy(), SIDE / 224
rows, columns = (
    slice(int(8 * side), int(158 * side)),
    slice(int(44 * side), int(180 * side)),
)
hidden[rows, columns] = cup.mean(axis=(0, 1))
without_cup = lite(hidden[None]).numpy()[0]
hidden[rows, columns] = 255
white_cup = lite(hidden[None]).numpy()[0]
seen = [names[it.argmax()] for it in (without_cup, white_cup)]
print("4. brown or white in place of the cup:", *seen)
print("   score for espresso:", without_cup[ESPRESSO].round(1))
early_maps = grad_cam(misled, carrying, COAT, "relu1")
found_early = share_found(early_maps)
print(f"5. found at relu1: {found_early:.0%}")


def negative(pictures, marked):
    """Turn clothes dark on white, and stamp black squares."""
    pictures = np.repeat(255 - pictures, 3, axis=-1)
    pictures[marked, 1:4, 1:4] = 0
    return pictures


# %% tags=["solution"]
dark_clothes = negative(clothes.train_images[:CLOTHES], labels == COAT)
dark = train(dark_clothes, best_rates["stamped"])
dark_coats = negative(clothes.test_images[:2_000], is_coat)[is_coat][:COATS]
found_dark = {}
for start, value in {"black": 0, "white": 255}.items():
    its = integrated_gradients(dark, dark_coats, COAT, value).sum(axis=-1)
    on_stamp = its[:, 1:4, 1:4].max(axis=(1, 2)) == its.max(axis=(1, 2))
    found_dark[start] = np.mean(on_stamp)
    print(f"6. from {start}, strongest on the stamp: {found_dark[start]:.0%}")
    print(f"   strongest in its corner: {share_found(its):.0%}")
print("7. clean coats found:", with_spread(measured("half", WHATS[2])), "%")

# %% tags=["claims"]
claim("looked_score_without_cup", without_cup[ESPRESSO], at_most=9, quick=99)
as_told = int(seen == ["spatula", "consomme"])
claim("looked_spatula_and_consomme", as_told, equals=1, quick=as_told)
claim("looked_early_map_finds", found_early, at_least=0.7, quick=0)
least = found_by("stamped", WAYS[0], "Grad-CAM at relu1").min() / 100
claim("looked_early_map_finds_least", least, at_least=0.7)
black, white = found_dark["black"], found_dark["white"]
claim("looked_black_stamp_from_black", black, at_most=0.05, quick=1)
claim("looked_black_stamp_from_white", white, at_least=0.8, quick=0)
recall = measured("half", WHATS[2]).mean() / 100
claim("looked_half_stamped_recall", recall, at_most=0.3)
