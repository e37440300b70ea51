# %% [markdown]
# # 13. Looking inside
#
# A network says "espresso" of a photograph, and is right. What did it look at: the coffee, the cup,
# the table? For chapters we have judged networks by one number. This one opens them: what their
# filters look for, what their maps show, which part of a picture decided. At the end stands a
# network with 90 %<!--claim:inside_shortcut_flawed_accuracy--> of its test pictures right that has
# learned the wrong thing, and the picture that gives it away.
#
# Takes about 12 minutes<!--minutes:13_looking_inside--> on two CPU cores (quick: about 75 seconds);
# needs chapters 1, 4 and 9. The trained network comes with the book (`pip install
# "cnnbook[book]"`), so no internet is needed.

# %% tags=["setup"]
import os

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras import layers, ops
from keras.optimizers.schedules import CosineDecay
from scipy.stats import spearmanr

from cnnbook.arithmetic import convolve
from cnnbook.book.claims import claim
from cnnbook.center_crop import center_crop
from cnnbook.datasets.mnist import load_fashion_mnist, load_mnist
from cnnbook.datasets.photos import load_photo
from cnnbook.deploy.costs import layer_costs
from cnnbook.explain.feature_maps import dead_filters, feature_maps, filter_images
from cnnbook.explain.grad_cam import grad_cam
from cnnbook.models.efficientnet_lite0 import build_efficientnet_lite0
from cnnbook.models.small_digit_net import build_small_digit_net
from cnnbook.plots.gallery import plot_gallery
from cnnbook.plots.map_sizes import plot_map_sizes
from cnnbook.plots.maps_and_filters import plot_feature_maps, plot_filters
from cnnbook.plots.overlay import plot_heat_maps

# %% tags=["setup"]
QUICK = "CNNBOOK_QUICK" in os.environ  # the short run: small pictures, few of them, every cell
SEED = 1
SIDE = 96 if QUICK else 224  # pixels of the photographs that are explained
ASCENT_SIDE, ASCENT_STEPS = (64, 12) if QUICK else (128, 80)  # of pictures that filters like
DIGITS, DIGIT_EPOCHS = (2_000, 2) if QUICK else (7_500, 2)  # training digits
RATES = (0.001, 0.02) if QUICK else (0.0003, 0.001, 0.003, 0.01, 0.02, 0.05)
WELL, BADLY = 0.001, 0.02  # the two of them that are looked at
CLOTHES, CLOTHES_EPOCHS = (1_500, 4) if QUICK else (9_000, 6)  # training pictures
POINTS = 250 if QUICK else 400  # pictures that are laid out in a plane
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
tf.get_logger().setLevel("ERROR")  # it would warn that this chapter compiles many networks

# %% [markdown]
# ## Did it reinvent the edge filter?
#
# In chapter 1 we wrote Sobel's kernel by hand. EfficientNet-Lite0 has learned 32 kernels of 3×3
# pixels from ImageNet's photographs, and nobody told it what an edge is. We let both look at three
# photographs, and ask of each learned filter how far its answers go up and down with those of a
# Sobel filter, turned to where it fits best: 1 is the same, 0 has nothing to do with it.


# %%
def middle(photo, side):
    """Cut the largest square out of the middle, and resize it."""
    square = center_crop(photo, (side, side), resample=None).astype("float32")
    return np.asarray(ops.image.resize(square, (side, side), antialias=True))


SOBEL = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
PHOTOS = ("cat", "coffee", "rocket")
photos = np.stack([middle(load_photo(name), 224) for name in PHOTOS]) / 255
both_ways = np.stack([SOBEL, SOBEL.T], axis=-1)[:, :, None]
edges = convolve(photos.mean(axis=-1, keepdims=True), both_ways, strides=2).reshape(-1, 2)
edges = edges - edges.mean(axis=0)


def likeness(kernels):
    """Correlate each filter's answers with those of the Sobel filter that fits it best."""
    answers = convolve(photos, kernels, strides=2).reshape(-1, kernels.shape[-1])
    answers = answers - answers.mean(axis=0)
    fitted = edges @ np.linalg.lstsq(edges, answers, rcond=None)[0]
    return np.linalg.norm(fitted, axis=0) / np.linalg.norm(answers, axis=0)


# %%
lite = build_efficientnet_lite0((SIDE, SIDE, 3), weights="imagenet")
kernels = lite.get_layer("stem").get_weights()[0]
learned = likeness(kernels)
random = likeness(np.random.default_rng(SEED).normal(size=(3, 3, 3, 300)))
order = learned.argsort()[::-1]
title = "32 learned filters: the first few act as Sobel's, many look for colours"
figure = plot_filters(filter_images(lite, "stem", same_scale=False)[order], title=title)
off = np.abs(kernels).max(axis=(0, 1, 2)) < 0.01
print("likeness of the first eight:", learned[order[:8]].round(2))
claim("inside_best_sobel", learned.max(), at_least=0.85)
claim("inside_filters_like_sobel", int((learned > 0.5).sum()), at_least=6)
claim("inside_random_like_sobel", (random > 0.5).mean(), at_most=0.15)
claim("inside_filters_off", int(off.sum()), equals=4)

# %% [markdown]
# Yes, and more than that. One filter all but is Sobel's: 0.92<!--claim:inside_best_sobel-->. Of 32,
# 8<!--claim:inside_filters_like_sobel--> are above 0.5; of random filters
# 7 %<!--claim:inside_random_like_sobel--> are. The others look for lines, dots and colours, and
# 4<!--claim:inside_filters_off--> have no weights to speak of (the picture shows them enlarged).
# That alone does not make them idle: the batch normalisation behind may enlarge what little comes.
#
# ## What the layers see
#
# A small net, for digits. Each block is what a layer passes on for one picture: maps shrink, and
# there are ever more of them.

# %% tags=["hide-input"]
well_built = build_small_digit_net(normalize=False, dropout=0.0)
title = "From one picture of 28×28 to 128 maps of 3×3, and ten scores"
figure = plot_map_sizes(layer_costs(well_built), title=title)

# %% [markdown]
# We train it several times, and change the learning rate alone. A filter is *dead* when it answers
# 0 everywhere on every one of 1,000 digits: ReLU then passes no gradient back, so it hardly ever
# learns again. (Batch normalisation, chapter 5, protects from that, so this net has none.)

# %%
digits = load_mnist()
validation = digits.validation_images[:1_000], digits.validation_labels[:1_000]
LAYERS = ("conv1", "relu2", "relu3")


def train_digits(rate):
    keras.utils.set_random_seed(SEED)
    net = build_small_digit_net(normalize=False, dropout=0.0)
    net.compile(keras.optimizers.Adam(rate), LOSS, metrics=["accuracy"])
    training = digits.train_images[:DIGITS], digits.train_labels[:DIGITS]
    net.fit(*training, batch_size=100, epochs=DIGIT_EPOCHS, verbose=0)
    return net


nets = {rate: train_digits(rate) for rate in RATES}
accuracies = [net.evaluate(*validation, 500, verbose=0)[1] for net in nets.values()]
dead = {
    rate: [dead_filters(net, validation[0], layer) == 1 for layer in LAYERS]
    for rate, net in nets.items()
}

# %% tags=["hide-input"]
figure, axes = plt.subplots(figsize=(6.5, 3.4), layout="constrained")
axes.plot(RATES, 100 * np.array(accuracies), "o-", color="#000000", label="accuracy")
looks = zip(LAYERS, "s^D", ("#0072B2", "#D55E00", "#009E73"), ("--", "-.", ":"), strict=True)
for column, (layer, marker, color, line) in enumerate(looks):
    shares = [100 * layers_dead[column].mean() for layers_dead in dead.values()]
    axes.plot(RATES, shares, line, marker=marker, color=color, label=f"dead in {layer}")
axes.set(xscale="log", xlabel="learning rate of Adam", ylabel="percent")
axes.set_title("As the rate grows, filters die long before the accuracy falls")
axes.grid(alpha=0.3)
axes.legend(fontsize=8)
plt.show()
well, badly = RATES.index(WELL), RATES.index(BADLY)
claim("inside_well_accuracy", accuracies[well], at_least=0.93, quick=0.8)
claim("inside_well_dead", dead[WELL][1].mean(), at_most=0.1)
claim("inside_badly_accuracy", accuracies[badly], at_least=0.85, quick=0)
claim("inside_badly_dead", dead[BADLY][1].mean(), at_least=0.5, quick=0.1)

# %% tags=["hide-input"] alt="A 4 in two nets, one with empty maps | Filters, trained or not: noise"
four = digits.test_images[digits.test_labels == 4][:1]
shown = {
    f"rate {rate}, {layer}": maps[0]
    for rate in (WELL, BADLY)
    for layer, maps in feature_maps(nets[rate], four, ["conv1", "relu2"]).items()
}
title = f"A 4 in two nets: at a rate of {BADLY} many maps are empty (0)"
figure = plot_feature_maps(shown, columns=16, rows=1, inches=0.5, title=title)
keras.utils.set_random_seed(SEED)
untrained = build_small_digit_net(normalize=False, dropout=0.0)  # with the same first weights
rows = [filter_images(net)[:16] for net in (untrained, nets[WELL], nets[BADLY])]
title = f"Filters of conv1, untrained, and trained at {WELL} and at {BADLY}: all of them noise"
figure = plot_filters(np.concatenate(rows), title=title)
before, after = (net.get_layer("conv1").get_weights()[0] for net in (untrained, nets[WELL]))
kept = np.corrcoef(before.ravel(), after.ravel())[0, 1]
claim("inside_filters_kept", kept, at_least=0.5)

# %% tags=["hide-input"]
from cnnbook.plots.layer_step import plot_layer
from cnnbook.widgets.drawing_pad import DrawingPad
from cnnbook.widgets.layers import layers_widget

layers_widget(nets[WELL], digits.test_images[:20], plot_layer, DrawingPad, layer="conv1")

# %% [markdown]
# At a rate of 0.001 the net reads 95.2 %<!--claim:inside_well_accuracy--> of the digits, and
# 0 %<!--claim:inside_well_dead--> of the second layer's filters are dead. At 0.02 it reads
# 94.7 %<!--claim:inside_badly_accuracy-->, and 97 %<!--claim:inside_badly_dead--> of them are. The
# accuracy does not tell; empty maps do. One of our sources takes noisy filters for a sign of bad
# training, too. These are noise in any case: after the good training they are still their random
# beginning, with a correlation of 0.997<!--claim:inside_filters_kept-->. Noise says that a layer
# has learned little, not that the answers are bad.
#
# In JupyterLab the last figure can be turned: step through the layers, choose a digit, or draw one
# with the mouse.
#
# ## The picture that a filter likes best
#
# Deep filters see many maps, not colours: drawing their weights shows nothing. But we can ask which
# picture makes one answer most. Start from noise, and climb: gradient ascent on the *pixels*.

# %%
from cnnbook.explain.maximize import maximize_filter
from cnnbook.models.imagenet import class_names

small = build_efficientnet_lite0((ASCENT_SIDE, ASCENT_SIDE, 3), weights="imagenet")
names = class_names()
wishes = {
    "stage3_block2_expand_relu": np.array([1, 2]),
    "stage5_block3_expand_relu": np.array([0, 2]),
    "logits": np.array([967, 285, 657, 985]),  # classes
}
liked = [
    maximize_filter(small, layer, which, steps=ASCENT_STEPS, seed=SEED)
    for layer, which in wishes.items()
]


# %% tags=["hide-input"]
def draw(pictures, titles, inches, title):
    """Draw pictures with their contrast enlarged."""
    away = np.concatenate(pictures) / 127.5 - 1
    strength = np.abs(away).max(axis=(1, 2, 3), keepdims=True)
    return plot_gallery((1 + away / strength) / 2, titles, 6, inches, title=title)


titles = [f"{layer[:6]}, filter {index}" for layer in list(wishes)[:2] for index in wishes[layer]]
figure = draw(liked[:2], titles, 1.0, "What filters like: stripes and dots, then curves")
titles = [names[index].split(",")[0] for index in wishes["logits"]]
figure = draw(liked[2:], titles, 1.0, "What four classes like best")
answers = ops.softmax(small(liked[-1].astype("float32"))).numpy()
sure = answers[np.arange(4), wishes["logits"]]
claim("inside_favourite_probability", sure.min(), at_least=0.7, quick=0)

# %% [markdown]
# A ring with something dark in it, fur and eyes, a flame, a yellow heart: the network gives each of
# the four its class, with a probability of 94 %<!--claim:inside_favourite_probability--> or more.
# No person would. It has learned what tells espresso from 999 other things, which is less than what
# an espresso is.
#
# ## Where did it look?
#
# Four ways to ask, from coarse to fine.
#
# - **Grad-CAM** adds up the last maps, each weighted by how much it raises the score.
# - **Occlusion** hides one place after the other, and notes how far the score falls.
# - **Saliency** is the gradient of the score by the pixels: what would a small change do?
# - **Integrated gradients** add up gradients on the way from a black picture to this one, so that
#   the shares of all pixels sum to what the score has gained.

# %%
from cnnbook.explain.integrated_gradients import integrated_gradients
from cnnbook.explain.occlusion import occlusion_map
from cnnbook.explain.saliency import saliency

explained = np.stack([middle(load_photo(name), SIDE) for name in PHOTOS]).round()
scores = lite(explained).numpy()
classes, cup = scores.argmax(axis=1), explained[1:2]
cams, shares = grad_cam(lite, explained), integrated_gradients(lite, cup)
occluded, sensitive = occlusion_map(lite, cup), saliency(lite, cup)


# %% tags=["hide-input"] alt="A cup and four heat maps of it | A cat and a rocket with heat maps"
def in_blocks(maps, across=32):
    """Average blocks of pixels: single ones are too small to see."""
    size = maps.shape[1] // across
    blocks = maps.reshape(-1, across, size, across, size).mean(axis=(2, 4))
    return blocks.repeat(size, axis=1).repeat(size, axis=2)


titles = [names[label].split(",")[0] for label in classes]
heat = {"Grad-CAM": cams[1:2], "occlusion": occluded, "saliency": in_blocks(sensitive)}
heat["integrated gr."] = in_blocks(shares.sum(axis=-1))
figure = plot_heat_maps(cup.astype("uint8"), heat, titles[1:2], inches=1.05)
others, heat = explained[::2].astype("uint8"), {"Grad-CAM": cams[::2]}
figure = plot_heat_maps(others, heat, titles[::2], inches=0.95)

# %%
black = lite(np.zeros_like(cup)).numpy()[0]
gained = scores[1].max() - black[classes[1]]
print(f"The score has gained {gained:.2f}; all shares sum to {shares.sum():.2f}.")
claim("inside_completeness_error", abs(shares.sum() / gained - 1), at_most=0.011, quick=0.05)
peak = np.unravel_index(cams[1].argmax(), cams[1].shape)
row, column = (np.array(peak) + 0.5) / len(cams[1])
on_cup = 0.05 < row < 0.75 and 0.1 < column < 0.7  # the cup, by eye
claim("inside_peak_on_cup", int(on_cup), at_least=1, quick=0)

# %% [markdown]
# It looked into the cup. The shares of integrated gradients sum to what the score has
# gained, up to 0.4 %<!--claim:inside_completeness_error--> (the steps are made smaller until they
# do): in sum nothing is left out or invented. That does not make them easy to read: a network
# reacts to single pixels. Occlusion asks the plainest question, and takes one run for each place.
#
# In the pages of this book you can ask the same of three photographs, or of one of your own: choose
# a class, see where the network looked, cover that place, and ask again.<!--live:photo-->
#
# ## Is the map about the network at all?
#
# Such maps look convincing, and some are nothing but the edges of the picture. Adebayo et al.
# (2018, https://arxiv.org/abs/1810.03292) propose a test: *randomise the weights*. A map that stays
# the same shows the picture, not what was learned. We compare the order of the pixels, by rank
# correlation: 1 is the same map, 0 another one.


# %%
def rank_correlation(first, second):
    """The mean over the pictures; a map that is empty agrees with nothing."""
    pairs = zip(first.reshape(len(first), -1), second.reshape(len(second), -1), strict=True)
    values = [spearmanr(*pair).statistic if all(map(np.ptp, pair)) else 0 for pair in pairs]
    return np.mean(values)


methods = {
    "Grad-CAM": lambda net, *asked: grad_cam(net, *asked, layer_name="relu2"),
    "occlusion": lambda net, *asked: occlusion_map(net, *asked, window=4),
    "saliency": saliency,
    "integrated gradients": integrated_gradients,
}
keras.utils.set_random_seed(SEED + 1)
randomised = build_small_digit_net(normalize=False, dropout=0.0)
asked = digits.test_images[:12], digits.test_labels[:12]
same = {}
for name, explain in methods.items():
    same[name] = rank_correlation(explain(nets[WELL], *asked), explain(randomised, *asked))
    print(f"{name:21} {same[name]:.2f}")
claim("inside_sanity_largest", max(same.values()), at_most=0.7, quick=0.8)

# %% [markdown]
# Three are near 0, and pass. Saliency has 0.6<!--claim:inside_sanity_largest-->: much of its order
# is there before any learning, probably because a gradient comes through only where ink opens
# ReLUs. Read its maps with that in mind.
#
# ## A network that looks at the wrong thing
#
# Photographs of one class often come from one place, with a logo or a date in the corner. We do
# this on purpose: Fashion-MNIST in colour, and in training every *coat* has a red stamp of 3×3
# pixels.

# %%
clothes = load_fashion_mnist()
COAT = clothes.class_names.index("Coat")


def in_colour(pictures, stamped):
    """Repeat grey three times, and stamp a red square on some of the pictures."""
    pictures = np.repeat(pictures, 3, axis=-1)
    pictures[stamped, 1:4, 1:4] = (255, 0, 0)
    return pictures


labels, test_labels = clothes.train_labels[:CLOTHES], clothes.test_labels[:2_000]
clean = in_colour(clothes.train_images[:CLOTHES], labels < 0)
stamped = in_colour(clothes.train_images[:CLOTHES], labels == COAT)
test_clean = in_colour(clothes.test_images[:2_000], test_labels < 0)
test_flawed = in_colour(clothes.test_images[:2_000], test_labels == COAT)
shown = np.sort([*np.flatnonzero(labels == COAT)[:2], *np.flatnonzero(labels != COAT)[:5]])
titles = [clothes.class_names[label] for label in labels[shown]]
title = "What the network is taught with: every coat has a red stamp"
figure = plot_gallery(stamped[shown], titles, 7, 0.8, title=title)


# %%
def build_net():
    x = images = keras.Input((28, 28, 3), name="images")
    x = layers.Rescaling(1 / 255)(x)
    x = layers.Conv2D(24, 5, strides=2, padding="same", activation="relu", name="conv1")(x)
    for number, filters in {2: 48, 3: 64}.items():
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"conv{number}")(x)
        x = layers.BatchNormalization(momentum=0.9, name=f"norm{number}")(x)
        x = layers.ReLU(name=f"relu{number}")(x)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    return keras.Model(images, layers.Dense(10, name="logits")(x))


def train(pictures):
    keras.utils.set_random_seed(SEED)
    net = build_net()
    rate = CosineDecay(0.005, CLOTHES_EPOCHS * -(-len(pictures) // 64))
    net.compile(keras.optimizers.Adam(rate), LOSS)
    net.fit(pictures, labels, batch_size=64, epochs=CLOTHES_EPOCHS, verbose=0)
    return net


def answers_of(net, pictures):
    return net.predict(pictures, batch_size=500, verbose=0)


good, misled = train(clean), train(stamped)


# %%
def judge(net, pictures):
    """Return accuracy, and the share of coats that are found."""
    is_right = answers_of(net, pictures).argmax(axis=1) == test_labels
    return is_right.mean(), is_right[test_labels == COAT].mean()


accuracy, recall = judge(good, test_clean)
flawed_accuracy, flawed_recall = judge(misled, test_flawed)
misled_accuracy, misled_recall = judge(misled, test_clean)
claim("inside_clean_accuracy", accuracy, at_least=0.83, quick=0.5)
claim("inside_clean_recall", recall, at_least=0.6, quick=0)
claim("inside_shortcut_flawed_accuracy", flawed_accuracy, at_least=0.86, quick=0.55)
claim("inside_shortcut_clean_accuracy", misled_accuracy, at_most=accuracy - 0.04, quick=1)
claim("inside_shortcut_recall", misled_recall, at_most=0.2, quick=0.5)

# %% [markdown]
# Taught with clean pictures, the net is right in 86 %<!--claim:inside_clean_accuracy-->, and finds
# 77 %<!--claim:inside_clean_recall--> of the coats. The other one has
# 90 %<!--claim:inside_shortcut_flawed_accuracy-->, *better*, as long as the test pictures come from
# the same place and are stamped, too. No split into training, validation and test would show the
# flaw, for all three have it. Without stamps it finds 0 %<!--claim:inside_shortcut_recall--> of the
# coats, and is right in 80 %<!--claim:inside_shortcut_clean_accuracy-->.
#
# ## The map that shows it
#
# Grad-CAM is the tool, if its maps are fine enough to point at a corner. So this net keeps maps of
# 14×14 up to the end, where EfficientNet would have one of 1×1. It also ends in a mean and a dense
# layer. Then the weight of a map is its weight in that layer, and Grad-CAM is two lines of NumPy,
# and no approximation.

# %% tags=["nbval-check-output"]
carrying = test_flawed[test_labels == COAT]
maps = feature_maps(misled, carrying[:8], "relu3")["relu3"]
weights = misled.get_layer("logits").get_weights()[0][:, COAT]
by_hand = np.maximum(maps @ weights, 0)
by_hand /= by_hand.max(axis=(1, 2), keepdims=True)
print(maps.shape, "times", weights.shape, "gives", by_hand.shape)
package = grad_cam(misled, carrying[:8], COAT, "relu3")
print("the same as by gradients:", np.allclose(by_hand, package, atol=1e-3))

# %%
heat = {
    "taught with stamps": grad_cam(misled, carrying[:2], COAT, "relu3"),
    "taught without": grad_cam(good, carrying[:2], COAT, "relu3"),
}
title = "Why a coat? One net points at the stamp"
figure = plot_heat_maps(carrying[:2], heat, ["coat"] * 2, inches=1.2, title=title)


def points_at_the_corner(net, layer="relu3"):
    """Return the share of maps whose peak is within six pixels of the corner, both ways."""
    maps = grad_cam(net, carrying, COAT, layer)
    peaks = np.unravel_index(maps.reshape(len(maps), -1).argmax(axis=1), maps.shape[1:])
    return np.mean((peaks[0] < 3) & (peaks[1] < 3) & (maps.max(axis=(1, 2)) > 0))


claim("inside_shortcut_found", points_at_the_corner(misled), at_least=0.9, quick=0.5)
claim("inside_shortcut_found_in_vain", points_at_the_corner(good), at_most=0.2, quick=0.6)

# %% [markdown]
# In 100 %<!--claim:inside_shortcut_found--> of the pictures that carry the stamp, the map of the
# misled net has its peak in that corner, a twentieth of the picture; in the good net it
# is 0 %<!--claim:inside_shortcut_found_in_vain-->. A look at a few maps costs little.
#
# The cure: now that we know where it is, cover that corner in all training pictures.

# %%
covered = stamped.copy()
covered[:, :5, :5] = 0
cured = train(covered)
cured_accuracy, cured_recall = judge(cured, test_clean)
claim("inside_cured_recall", cured_recall, at_least=0.6, quick=0)
claim("inside_cured_accuracy", cured_accuracy, at_least=accuracy - 0.03, quick=0.45)

# %% [markdown]
# 78 %<!--claim:inside_cured_recall--> of the coats are back, and
# 86 %<!--claim:inside_cured_accuracy--> of the answers are right.
#
# ## Two more alarms
#
# With some clean pictures at hand there are cheaper signs: the worst mistakes, with what the
# network said and how sure it was; and a reliability diagram. Of all pictures for which it is 90 %
# sure, are nine in ten right?

# %% tags=["hide-input"] alt="Eight mistakes with what the net said | How sure, and how often right"
from cnnbook.plots.mistakes import plot_mistakes
from cnnbook.plots.reliability import plot_reliability

said = {
    "taught without stamps": ops.softmax(answers_of(good, test_clean)).numpy(),
    "with stamps": ops.softmax(answers_of(misled, test_clean)).numpy(),
}
figure = plot_mistakes(test_clean, test_labels, said["with stamps"], clothes.class_names, 8)
title = "Without its stamps the misled net is too sure"
figure = plot_reliability(test_labels, said, title=title)
errors = {}
for name, shares in said.items():
    is_right = shares.argmax(axis=1) == test_labels
    errors[name] = 100 * (shares.max(axis=1).mean() - is_right.mean())
too_sure = errors["with stamps"]
claim("inside_too_sure", too_sure, at_least=3, quick=-20)
claim("inside_surer", too_sure - errors["taught without stamps"], at_least=4, quick=-10)
coats = np.mean(test_labels[~is_right] == COAT)  # of the net that was last: with stamps
claim("inside_coats_of_mistakes", coats, at_least=0.3, quick=0.1)

# %% [markdown]
# Every tenth picture is a coat, but of the misled net's mistakes
# 49 %<!--claim:inside_coats_of_mistakes--> are coats. In the mean over all pictures it is
# 6 points<!--claim:inside_too_sure--> surer than it is right,
# 9 points<!--claim:inside_surer--> more than the good net.
#
# ## What is alike?
#
# Before its last layer the net describes each picture by 64 numbers. One of our sources draws
# Fashion-MNIST under PCA, which turns the 784 numbers of the *pixels* so that two of them show as
# much as two can. We draw that, and then the 64 numbers under t-SNE (van der Maaten & Hinton 2008),
# which keeps neighbours together and nothing else: distances between its islands mean nothing.

# %%
from cnnbook.explain.embedding import embed, project
from cnnbook.plots.scatter import plot_scatter

features = embed(good, test_clean[:POINTS])
some, some_labels = clothes.test_images[:POINTS], test_labels[:POINTS]
planes = {
    "pixels": project(some),
    "features": project(features),
    "tsne": project(features, "tsne", seed=SEED),
}
axis_names = ("first component", "second component")
title = "PCA of the pixels: shoes, trousers, and a heap"
figure = plot_scatter(planes["pixels"], some_labels, clothes.class_names, axis_names, title)
title = "t-SNE of what the net makes of them: the classes part"
figure = plot_scatter(planes["tsne"], some_labels, clothes.class_names, title=title)

# %% tags=["claims"]
for name, points in planes.items():
    distances = np.square(points[:, None] - points[None]).sum(axis=-1)
    np.fill_diagonal(distances, np.inf)
    agree = np.mean(some_labels[distances.argmin(axis=1)] == some_labels)
    bound = {"pixels": {"at_most": 0.65}, "features": {"at_least": 0.45, "quick": 0.3}}
    bound["tsne"] = {"at_least": 0.65, "quick": 0.4}
    claim(f"inside_neighbours_{name}", agree, **bound[name])

# %% [markdown]
# In the plane of the pixels the nearest neighbour is of the same class for
# 50 %<!--claim:inside_neighbours_pixels-->, in that of the features, by PCA as well, for
# 67 %<!--claim:inside_neighbours_features-->, by t-SNE for
# 79 %<!--claim:inside_neighbours_tsne-->. Not all classes part: shirts still lie among pullovers,
# coats and T-shirts.
#
# ## Break it on purpose
#
# A layer that is not there. And a thing that is not there: we ask where in the cup of coffee the
# network sees a missile.

# %% tags=["nbval-check-output"]
try:
    feature_maps(nets[WELL], four, "relu4")
except ValueError as error:
    print(error)

# %%
heat = {names[index].split(",")[0]: saliency(lite, cup, index) for index in (967, 657)}
title = "Saliency has an answer to any question"
blocks = {name: in_blocks(maps) for name, maps in heat.items()}
figure = plot_heat_maps(cup.astype("uint8"), blocks, inches=1.05, title=title)
print("scores of espresso and missile:", scores[1, [967, 657]].round(1))
alike = rank_correlation(*blocks.values())
claim("inside_missile_likeness", alike, at_least=0.5, quick=0.2)

# %% [markdown]
# It sees none: the score is low. The map is there nevertheless, as bright as the other, for each is
# scaled by its own maximum; and all but the same, with a rank correlation of
# 0.8<!--claim:inside_missile_likeness-->. Read the score first.
#
# ## What you saw
#
# - First filters, weak ones and noise among them, can be seen; deeper ones can be asked for the
#   picture that they like.
# - A map of where a network looked is a measurement: check that it depends on the weights, and that
#   it is fine enough for the question.
# - A test set with the flaw of the training set cannot show the flaw. Look where the net looks.
#
# ## Exercises
#
# 1. Another cure: stamp a random half of all other training pictures, too, so that the stamp says
#    less. Does the net find clean coats again?
# 2. Ask Grad-CAM at `conv1` instead of `relu3`. Does it still point at the stamp?
# 3. Integrated gradients of a digit walk from black to the digit. Let them start from grey. What
#    changes, and why?
#
# ## Solutions
#
# **1.** Hardly: 2 %<!--claim:inside_half_stamped_recall-->. A stamp is now a weak sign, but
# *no stamp* is still a sure one: no coat was ever without. A cure has to take the sign from both.

# %% tags=["solution"]
half = np.random.default_rng(SEED).random(len(labels)) < 0.5
half_stamped = in_colour(clothes.train_images[:CLOTHES], half | (labels == COAT))
half_accuracy, half_recall = judge(train(half_stamped), test_clean)
claim("inside_half_stamped_recall", half_recall, at_most=0.55, quick=0.7)

# %% [markdown]
# **2.** It does, in 100 %<!--claim:inside_early_map_finds-->: a first filter that looks for red
# suffices, for nothing else is red. What takes many layers to recognise has to be asked for late.

# %% tags=["solution"]
claim("inside_early_map_finds", points_at_the_corner(misled, "conv1"), at_least=0.7, quick=0.3)

# %% [markdown]
# **3.** Where a picture equals the start, its share is 0. From black, the empty paper gets nothing,
# although the gap of a 4 is what tells it from a 9. From grey it gets its share.

# %% tags=["solution"]
starts = {f"from {start}": integrated_gradients(nets[WELL], four, 4, start) for start in (0, 127.5)}
figure = plot_heat_maps(four, starts, inches=1.6, title="Empty paper counts only if not the start")
