# %% [markdown]
# # 12. Transfer learning
#
# A violinist borrows a viola. It has a string that she does not know, but after an afternoon she
# plays a tune on it. She brings her ear, her fingers and her notes along, so that only the
# difference is left to learn.
#
# In this chapter a network that has looked at a million photographs learns a new question from ten
# cats and ten dogs. You will also see how one number destroys it within a minute, and how it gets
# worse although no gradient has touched it. And it will tell you which of your labels to doubt. At
# the end you can teach a trained network a task of your own, and choose which of its layers may
# learn, and how fast.
#
# Takes about 15 minutes<!--minutes:12_transfer_learning--> on two CPU cores (quick: under 45
# seconds); needs chapters 3, 5 to 8, 10 and 11. Without the photographs, which may not be copied
# into this book, it runs on a stand-in, and says so.

# %% tags=["setup"]
import os
import tempfile
import time
import warnings
from collections import defaultdict
from functools import partial
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from IPython.display import Markdown
from keras import layers, ops
from keras.optimizers.schedules import CosineDecay
from PIL import Image

from cnnbook.book.claims import claim
from cnnbook.book.studies import read_study
from cnnbook.datasets.cats_vs_dogs import (
    PhotoSplits,
    load_cats_vs_dogs,
    load_flowers,
)

# %% tags=["setup"]
from cnnbook.datasets.image_folder import read_center_crop
from cnnbook.datasets.mnist import load_fashion_mnist
from cnnbook.datasets.photos import load_photo
from cnnbook.datasets.pipeline import make_pipeline
from cnnbook.labelled_files import LabelledFiles
from cnnbook.models.efficientnet_lite0 import build_efficientnet_lite0
from cnnbook.models.imagenet import class_names, classify
from cnnbook.models.small_photo_net import build_small_photo_net
from cnnbook.plots.book_style import use_book_style
from cnnbook.training.features import bottleneck_features
from cnnbook.training.transfer import (
    attach_head,
    build_head,
    transfer_advice,
    unfreeze_from,
)

# %% tags=["setup"]
QUICK = "CNNBOOK_QUICK" in os.environ  # the short run: small pictures, every cell
SEED, POINTS = 1, 100
SEEDS = (1,) if QUICK else (1, 2, 3)
SIDE = 64 if QUICK else 224  # pixels, where only the last layer learns
SMALL_SIDE = 64 if QUICK else 96  # pixels, where others learn, too
COUNTS = (4, 16) if QUICK else (10, 30, 100, 300, 1_000)  # pictures of each class
CHOICES = range(1 if QUICK else 5)  # of these pictures
FRESH_COUNTS = (4, 16) if QUICK else (10, 100, 1_000)
FRESH_STEPS = 4 if QUICK else 500  # batches, for a network with random weights
PER_KIND = 20 if QUICK else 100  # clothes of each kind, some with wrong labels
TUNED, EPOCHS = (8, 1) if QUICK else (100, 4)  # pictures of each class
FLOWERS = 5 if QUICK else 10  # of each kind
RATE, FAST = 0.0001, 0.01  # for all layers
CLOTHES = (16, 10, 10)  # of each kind, in the short run
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
kept = tempfile.TemporaryDirectory()  # of your own folder the next run could read
FOLDER = Path(kept.name)
use_book_style()
tf.get_logger().setLevel("ERROR")  # it would warn that we compile many networks


# %% tags=["setup"]
def some_of_each(labels, count, seed=SEED, kinds=None):
    """Indices of so many pictures of each class, drawn at random."""
    random = np.random.default_rng(seed)
    kinds = np.unique(labels) if kinds is None else kinds
    groups = [np.flatnonzero(labels == kind) for kind in kinds]
    return np.concatenate([random.permutation(group)[:count] for group in groups])


def clothes_as_files(kinds, counts):
    """Some of Fashion-MNIST as picture files in random colours; labels 0, 1, ..."""
    random, parts = np.random.default_rng(SEED), []
    names = [clothes.class_names[kind] for kind in kinds]
    for part, count in zip(("train", "validation", "test"), counts, strict=True):
        images = getattr(clothes, f"{part}_images")
        labels = getattr(clothes, f"{part}_labels")
        chosen = some_of_each(labels, count, kinds=kinds)
        paths = [FOLDER / f"{part}_{index}.png" for index in chosen]
        for path, image in zip(paths, images[chosen] / 255, strict=True):
            dark, light = random.integers(0, 100, 3), random.integers(156, 256, 3)
            pixels = dark + (light - dark) * image
            Image.fromarray(pixels.astype("uint8")).save(path)
        labels = np.searchsorted(kinds, labels[chosen])
        parts.append(LabelledFiles(paths, labels, names))
    return PhotoSplits(*parts, "an embedded stand-in, coloured clothes")


# %% tags=["setup"]
def find(load, kinds, counts):
    """Load photographs, or make a stand-in; in the short run always."""
    try:
        return clothes_as_files(kinds, CLOTHES) if QUICK else load()
    except FileNotFoundError as error:
        print("Ways out:", str(error).partition("Ways out:")[2])
        print(
            "Clothes stand in now, so your figures will not be those of the text.\n"
        )
        return clothes_as_files(kinds, counts)


def as_table(head, rows):
    lines = [head, [":--"] + ["--:"] * (len(head) - 1), *rows]
    return Markdown("\n".join("| " + " | ".join(line) + " |" for line in lines))


def spread(values, digits=1):
    values = np.asarray(values)
    ends = f"{values.min():.{digits}f} to {values.max():.{digits}f}"
    return f"{values.mean():.{digits}f} ({ends})"


def draw_band(axes, x, runs, name, color, marker):
    """Draw the mean of some runs, and a band from the lowest to the highest."""
    runs = np.atleast_2d(runs)
    look = {"color": color, "marker": marker, "label": name}
    axes.plot(x, runs.mean(axis=0), **look)
    axes.fill_between(
        x, runs.min(axis=0), runs.max(axis=0), color=color, alpha=0.15
    )


# %% [markdown]
# ## What the old network knows
#
# In chapter 0 you met EfficientNet-Lite0, which was trained on the 1.3 million photographs of
# ImageNet, with 1,000 classes. A network that comes to us like this is called **pretrained**, and
# to use it as the start for another task is **transfer learning**. Our task is to tell cats from
# dogs, and first we ask whether that is even new to the network.
#
# Suppose that it gives a photograph the probabilities 0.5 for tabby, 0.2 for Egyptian cat and 0.1
# for beagle. We can add up what belongs together: 0.7 for all cats and 0.1 for all dogs, so it says
# "cat".

# %%
network = build_efficientnet_lite0((SIDE, SIDE, 3), weights="imagenet")
for name, probability in classify(network, load_photo("cat"), top=4):
    print(f"{probability:.2f}  {name}")

# %% tags=["nbval-check-output"]
names = class_names()
DOGS, CATS = slice(151, 269), slice(281, 286)
print("cats:", "; ".join(name.split(",")[0] for name in names[CATS]))
dogs = [name.split(",")[0] for name in names[DOGS]]
print("dogs:", "; ".join(dogs[:3]), "...", dogs[-1])

# %% tags=["hide-input", "photo"] alt="Two rows of five pictures: the first row shows cats and dogs, the second row one flower of each of five kinds"
clothes = load_fashion_mnist()
near = find(load_cats_vs_dogs, (5, 7), (900, 100, 200))
others = find(load_flowers, (0, 2, 3, 4, 6), (160, 40, 50))
DATA = {"source": near.source}  # for the claims
ON_BOTH = {"source": f"{near.source}, {others.source}"}
figure, grid = plt.subplots(2, 5, figsize=(7.2, 3.3))
for row, splits in zip(grid, (near, others), strict=True):
    part = splits.train
    each = some_of_each(part.labels, 3, seed=4)
    chosen = each[:5] if splits is near else each[::3]
    for axes, index in zip(row, chosen, strict=True):
        photo = read_center_crop(part.paths[index], (64, 64))
        axes.imshow(photo, interpolation="nearest")
        axes.set_title(part.class_names[part.labels[index]])
        axes.axis("off")
plt.show()

# %% [markdown]
# **Figure 12.1. Our pictures.** Above are cats and dogs, about which the network will be asked.
# Below are the flowers that we shall show it later, to find out what it has lost.
#
# So cats and dogs are anything but new: 118<!--claim:transfer_dog_classes--> of the network's
# classes are breeds of dogs, and 5<!--claim:transfer_cat_classes--> are house cats. Keep this in
# mind whenever a text shows how well transfer learning works on them. We use 1,000 photographs of
# each, 800 to learn from and 200 for validation, and 400 more of each for the test (Elson and
# others, 2007, [Asirra](https://doi.org/10.1145/1315245.1315291)).

# %% tags=["claims"]
claim("transfer_dog_classes", len(names[DOGS]), equals=118)
claim("transfer_cat_classes", len(names[CATS]), equals=5)
sizes = [len(part) // 2 for part in (near.train, near.validation, near.test)]
claim(
    "transfer_test_photos_of_each",
    sizes[-1],
    equals=400,
    quick=10,
    embedded=200,
    **DATA,
)

# %% [markdown]
# ## Everything but the last layer
#
# All layers of the network but one turn the photograph into 1,280 numbers, and the last layer only
# multiplies these by weights and adds up. Each of the 1,280 numbers is a **feature**: it describes
# the picture, for example by how much fur there is in it. The layers that compute them are the
# **backbone**, and the layer behind them, which turns features into answers, is the **head**.
#
# Take two features, say 3 for fur and 1 for a long snout. A head for cats with the weights 1 and −2
# gives 3 · 1 − 1 · 2 = 1. For a dog with 3 and 2 it gives −1. The features are the same for every
# question, and only the head knows what is asked. So we keep the backbone and exchange the head.

# %% tags=["hide-input"] alt="Boxes from left to right: a photograph, a long grey box for the old layers with a note that they stay as they are, a box of 1,280 features, and an orange box for the new head with two answers; a dashed arrow leads from the features to the old head with 1,000 answers"
figure, axes = plt.subplots(figsize=(7.2, 1.9))
boxes = [
    (0.6, 0, 1.0, "photo", "#f6f6f6", "-"),
    (9.8, 0, 1.0, "cat 0.9\ndog 0.1", "#f6f6f6", "-"),
]
boxes += [(2.9, 0, 2.6, "backbone: 49\nconvolutions, frozen", "#dddddd", "-")]
boxes += [(5.6, 0, 1.35, "1,280\nfeatures", "#9ecae1", "-")]
boxes += [(7.8, 0, 1.5, "new head,\nlearns", "#f4a582", "-")]
boxes += [(7.8, -1.1, 1.5, "old head,\n1,000 classes", "#f6f6f6", ":")]
for x, y, width, text, fill, line in boxes:
    look = {"facecolor": fill, "edgecolor": "#555555", "linestyle": line}
    axes.add_patch(plt.Rectangle((x - width / 2, y - 0.4), width, 0.8, **look))
    axes.text(x, y, text, ha="center", va="center", fontsize=9)
for start, end in ((1.1, 1.6), (4.2, 4.92), (6.28, 7.05), (8.55, 9.3)):
    axes.annotate("", (end, 0), (start, 0), arrowprops={"arrowstyle": "-|>"})
look = {"arrowstyle": "-|>", "linestyle": ":"}
axes.annotate("", (7.05, -1.1), (5.9, -0.4), arrowprops=look)
axes.set(xlim=(0, 10.4), ylim=(-1.6, 0.5))
axes.axis("off")
plt.show()

# %% [markdown]
# **Figure 12.2. A new head on an old backbone.** The backbone turns every photograph into 1,280
# features. The old head (dotted) made 1,000 classes of them, and a new one makes two. Only the new
# head learns.
#
# A layer whose weights training may not change is called **frozen**. With all of its layers frozen,
# the backbone is a **feature extractor** (Donahue and others, 2013,
# [DeCAF](https://arxiv.org/abs/1310.1531)), and its features of a photograph never change. So we
# compute them once, and keep them on disk. These stored numbers are called **bottleneck features**,
# because all that the head learns of a picture must pass through them.

# %%
base = keras.Model(network.input, network.get_layer("average").output)
paths = near.train.paths + near.validation.paths
labels = np.concatenate([near.train.labels, near.validation.labels])
features_of = partial(bottleneck_features, base, cache_folder=FOLDER / "features")
seconds = []
for _ in range(2):
    start = time.perf_counter()
    features = features_of(paths, read_center_crop)
    seconds.append(time.perf_counter() - start)
print(f"{features.shape[0]:,} pictures, {features.shape[1]:,} numbers each:")
print(f"{seconds[0]:.1f} s, the second time {seconds[1]:.2f} s")

# %% [markdown]
# The first time takes 24 seconds<!--claim:transfer_feature_seconds-->, the
# second 0.1<!--claim:transfer_cached_seconds-->. From now on, a new head costs hardly anything.
#
# Before we train anything, we let the old head answer, and add up its dogs and its cats.

# %%
test_features = features_of(near.test, read_center_crop)
kernel, bias = network.get_layer("logits").get_weights()
probabilities = ops.softmax(test_features @ kernel + bias).numpy()
dog, cat = (probabilities[:, each].sum(axis=1) for each in (DOGS, CATS))
untrained = np.mean((dog > cat) == near.test.labels)
print(f"without any training of ours: {untrained:.3f}")

# %% [markdown]
# It is right for 92 %<!--claim:transfer_untrained_accuracy--> of the test photographs, without a
# single example of ours, and that is the number to beat.

# %% tags=["claims"]
claim("transfer_feature_seconds", seconds[0], at_most=90, quick=600)
claim("transfer_cached_seconds", seconds[1], at_most=2, quick=60)
claim("transfer_untrained_accuracy", untrained, at_least=0.88, quick=0, **DATA)

# %% [markdown]
# ## A new head, by hand
#
# A single layer of weights with softmax, trained with cross-entropy, is the softmax regression of
# chapter 3, and its more common name is **logistic regression**. On features it is as little work
# as on pixels, so NumPy will do. We subtract the mean of each feature first, so that the head sees
# only how a picture differs from the others, and divide all features by one number, their standard
# deviation. A column of ones becomes the bias. And we use momentum and weight decay (chapters 5 and
# 6), because there are 1,280 weights for each class, but perhaps only 20 pictures.


# %%
def softmax(scores):
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


# %%
def train_head(features, labels, num_classes=2, decay=0.03):
    mean, scale = features.mean(axis=0), features.std()
    x = np.column_stack([(features - mean) / scale, np.ones(len(features))])
    targets = np.eye(num_classes)[labels]
    weights = velocity = np.zeros((x.shape[1], num_classes))
    for _ in range(300):
        error = softmax(x @ weights) - targets
        slope = x.T @ error / len(x) + decay * weights
        velocity = 0.9 * velocity - 0.03 * slope
        weights = weights + velocity
    kernel = weights[:-1] / scale
    return kernel, weights[-1] - mean @ kernel  # so that the mean is subtracted


# %%
def accuracy(head, features, labels):
    scores = features @ head[0] + head[1]
    return np.mean(scores.argmax(axis=1) == labels)


by_hand = train_head(features, labels)
trained = accuracy(by_hand, test_features, near.test.labels)
print(f"with a head of our own: {trained:.3f}")

# %% [markdown]
# With all 2,000 photographs this head is right for 99.1 %<!--claim:transfer_accuracy--> of the test
# photographs. In Keras the same head is a dense layer. `attach_head` puts it onto the backbone.

# %%
head = build_head(1280, 2, hidden_units=0)
head.set_weights(by_hand)
classifier = attach_head(base, head)
few = [read_center_crop(path, (SIDE, SIDE)) for path in near.test.paths[:8]]
logits = test_features[:8] @ by_hand[0] + by_hand[1]
same = np.allclose(classifier(np.stack(few)), logits, atol=1e-3)
learned = sum(weight.shape.num_elements() for weight in head.trainable_weights)
print("network with head, and features with matrices: the same logits:", same)
print(f"{classifier.count_params():,} parameters, of which we trained {learned:,}")

# %% [markdown]
# So 2,562<!--claim:transfer_trained_parameters--> of 3.4 million parameters are ours. Tutorials
# often put more between features and answers, for example 1,024 units with dropout. To see whether
# they help, we train both heads on the same photographs, and compare them on validation
# photographs.

# %%
count = len(near.train.paths)
seen, unseen = (
    (features[part], labels[part]) for part in (slice(count), slice(count, None))
)
hidden_runs = []
for seed in SEEDS:
    keras.utils.set_random_seed(seed)
    wide = build_head(1280, 2)  # 1,024 units, and dropout of 0.3
    wide.compile("adam", LOSS, metrics=["accuracy"])
    wide.fit(*seen, epochs=3 if QUICK else 12, verbose=0)
    hidden_runs.append(wide.evaluate(*unseen, verbose=0)[1])


# %%
straight = accuracy(train_head(*seen), *unseen)
print(f"1,024 units {np.mean(hidden_runs):.4f}, linear {straight:.4f}")

# %% [markdown]
# The wide head gets 99.8 %<!--claim:transfer_hidden_head_accuracy--> (mean of three seeds), and the
# linear head 99.8 %<!--claim:transfer_linear_head_accuracy-->. So nothing was left to gain.

# %% tags=["claims"]
looser = {"embedded": 0.9, "quick": 0.4, **DATA}
claim("transfer_accuracy", trained, at_least=0.985, **looser)
claim("transfer_logits_agree", int(same), equals=1)
claim("transfer_trained_parameters", learned, equals=2_562)
hidden = np.mean(hidden_runs)
claim("transfer_hidden_head_accuracy", hidden, at_least=0.975, **looser)
claim("transfer_linear_head_accuracy", straight, at_least=0.975, **looser)
gap = abs(POINTS * (hidden - straight))
claim("transfer_hidden_head_gap", gap, at_most=1, embedded=5, quick=60, **DATA)

# %% [markdown]
# ## A head that cannot learn
#
# A tutorial (one of the sources of this book) gives its head a *single* unit with softmax, since
# cat or dog is a yes or no. Softmax of two scores a and b is eᵃ / (eᵃ + eᵇ). If there is only a, it
# is eᵃ / eᵃ. Take any number for a before you read on.

# %%
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    numbers = keras.Input((1280,))
    x = layers.Dense(1024, activation="relu")(numbers)
    x = layers.Dropout(0.3)(x)
    one_unit = keras.Model(numbers, layers.Dense(1, activation="softmax")(x))
    one_unit.compile("rmsprop", "categorical_crossentropy")
    one_unit.fit(features, labels[:, None].astype("float32"), epochs=2, verbose=0)
    answers = one_unit.predict(test_features, verbose=0)[:, 0]
print("all answers:", np.unique(answers))
for text in {" ".join(str(warning.message).split())[:77] for warning in said}:
    print("Keras:", text, "...")

# %% [markdown]
# Every answer is 1<!--claim:transfer_one_unit_output-->, whatever the weights are. So everything is
# a dog, the accuracy is 50 %<!--claim:transfer_one_unit_accuracy-->, and no training can change
# that. Today's Keras warns, but it trains on. Take two units with softmax, as we do, or a single
# one with a sigmoid.

# %% tags=["claims"]
share = np.mean(answers.round() == near.test.labels)
claim("transfer_one_unit_output", answers.min(), equals=1)
claim("transfer_one_unit_accuracy", share, equals=0.5)
warned = int(any("softmax" in str(warning.message) for warning in said))
claim("transfer_keras_warns", warned, equals=1)

# %% [markdown]
# ## How many pictures does it take?
#
# How many photographs does our network need? We draw 10 to 1,000 photographs of each class, five
# times, train a head on each choice, and measure on all test photographs. The five choices of 1,000
# are all the same.
#
# A beginner learns from the same photographs: the small network of chapter 8, with random weights.
# It gets 64×64 pixels, mirrored at random, and Adam with a rate that falls along a cosine. Each of
# its runs takes 500 batches of 32.


# %%
def with_features(count, choice):
    chosen = some_of_each(labels, count, choice)
    head = train_head(features[chosen], labels[chosen])
    return accuracy(head, test_features, near.test.labels)


curves = [[with_features(count, choice) for count in COUNTS] for choice in CHOICES]
print("10 and 1,000 of each:", np.mean(curves, axis=0)[[0, -1]].round(3))

# %% tags=["setup"]
size = (32, 32) if QUICK else (64, 64)
small_images = np.stack([read_center_crop(path, size) for path in paths])
small_tests = np.stack([read_center_crop(path, size) for path in near.test.paths])
MIRROR = tf.image.random_flip_left_right
small_net = build_small_photo_net((*size, 3), num_classes=2)
options = {"metrics": ["accuracy"], "run_eagerly": QUICK}  # a few steps only
small_net.compile(
    keras.optimizers.Adam(CosineDecay(0.002, FRESH_STEPS)), LOSS, **options
)
small_net.optimizer.build(small_net.trainable_variables)


def forget_steps(optimizer):
    """Set its speeds, means and counters to 0; a rate that is a number, too."""
    for variable in optimizer.variables:
        variable.assign(ops.zeros_like(variable))


def start_anew(net, seed):
    """Give the small network other random weights."""
    keras.utils.set_random_seed(seed)
    fresh = build_small_photo_net((*size, 3), num_classes=2)
    net.set_weights(fresh.get_weights())
    forget_steps(net.optimizer)


# %%
def from_nothing(count, seed):
    start_anew(small_net, seed)
    chosen = some_of_each(labels, count, seed)
    some = small_images[chosen], labels[chosen]
    batches = make_pipeline(*some, 32, training=True, augment=MIRROR, seed=seed)
    batches = batches.repeat().rebatch(32, drop_remainder=True)
    small_net.fit(batches, steps_per_epoch=FRESH_STEPS, shuffle=False, verbose=0)
    tests = small_tests, near.test.labels
    return small_net.evaluate(*tests, batch_size=100, verbose=0)[1]


# %%
fresh_curves = [
    [from_nothing(count, seed) for count in FRESH_COUNTS] for seed in SEEDS
]
print("with random weights:", np.mean(fresh_curves, axis=0).round(3))

# %% tags=["hide-input"] alt="Accuracy on test pictures over the number of training pictures of each class: the line of the pretrained network lies near 99 percent from ten pictures on, that of the network with random weights rises slowly from near 50 percent"
figure, axes = plt.subplots(figsize=(7.2, 3.1))
draw_band(
    axes, COUNTS, POINTS * np.array(curves), "old backbone, new head", "C0", "o"
)
percents = POINTS * np.array(fresh_curves)
draw_band(axes, FRESH_COUNTS, percents, "small net, random weights", "C1", "s")
look = {"color": "0.35", "linestyle": ":", "label": "old network, untrained"}
axes.axhline(POINTS * untrained, **look)
axes.set(xscale="log", xlabel="training pictures of each class")
axes.set(ylabel="accuracy on test pictures, %")
axes.set_xticks(COUNTS, [f"{count:,}" for count in COUNTS])
axes.minorticks_off()
axes.legend(loc="center left", bbox_to_anchor=(0.02, 0.52))
plt.show()

# %% [markdown]
# **Figure 12.3. Few pictures, with and without an old backbone.** Lines are means, and bands reach
# from the lowest run to the highest. The dotted line is the old network with its own head.
#
# Ten of each suffice for 98 %<!--claim:transfer_accuracy_10-->. With 100 it is
# 98.8 %<!--claim:transfer_accuracy_100-->, and with all 1,000
# 99.1 %<!--claim:transfer_accuracy_1000-->. Which ten you have makes a difference of
# 1.1 points<!--claim:transfer_spread_10-->.
#
# The beginner gets 58 %<!--claim:transfer_nothing_10--> with ten of each, little more than a coin,
# and 77 %<!--claim:transfer_nothing_1000--> with 1,000. That is not the most that one can learn
# from them, because this network is small, sees 64×64 pixels where the old one sees 224×224, and
# had only 500 batches. Chapter 11 trains another one longer and with augmentation, but that, too,
# stays behind what the old backbone gets with ten of each.

# %% tags=["claims"]
curves, fresh_means = np.array(curves), np.mean(fresh_curves, axis=0)
few, most = curves.mean(axis=0)[[0, -1]]
hundred = curves.mean(axis=0)[COUNTS.index(100) if 100 in COUNTS else -1]
looser = {"embedded": 0.8, "quick": 0.5, **DATA}
claim("transfer_accuracy_10", few, at_least=0.97, **looser)
claim("transfer_accuracy_100", hundred, at_least=0.975, **looser)
claim("transfer_accuracy_1000", most, at_least=0.985, **looser)
any_share = {"embedded": 1, "quick": 1, **DATA}
claim("transfer_nothing_10", fresh_means[0], at_most=0.65, **any_share)
claim("transfer_nothing_1000", fresh_means[-1], at_most=0.9, **any_share)
between = POINTS * np.ptp(curves, axis=0)[0]
claim("transfer_spread_10", between, at_most=5, embedded=20, quick=60, **DATA)
gap = POINTS * (curves[:, 0].min() - np.max(fresh_curves))
no_bound = {"embedded": -100, "quick": -100, **DATA}
claim("transfer_ten_beat_a_thousand", gap, at_least=5, **no_bound)

# %% [markdown]
# ## The most certain mistakes
#
# The head is wrong for only a few of the 800 test photographs. You learn most from those mistakes
# of which it is most certain, so let us look at them.

# %%
certainty = softmax(test_features @ by_hand[0] + by_hand[1])
wrong = certainty[np.arange(len(certainty)), 1 - near.test.labels]
print(np.sum(wrong > 0.5), "mistakes; how sure it is of the most certain ones:")
worst = wrong.argsort()[::-1][:5]
print(wrong[worst].round(2))

# %% tags=["hide-input", "photo"] alt="Five photographs in a row, above each its label and what the network says; the first, labelled cat, shows a brown and white dog behind a wire fence, the second, labelled dog, a white cat on a woman's lap"
figure, row = plt.subplots(1, 5, figsize=(7.2, 1.9))
for axes, index in zip(row, worst, strict=True):
    label, path = near.test.labels[index], near.test.paths[index]
    axes.imshow(read_center_crop(path, (96, 96)), interpolation="nearest")
    text = f"label: {near.class_names[label]}\nsaid: {near.class_names[1 - label]}"
    axes.set_title(f"{text}, {wrong[index]:.2f}", fontsize=9, fontweight="normal")
    axes.axis("off")
plt.show()

# %% [markdown]
# **Figure 12.4. The five most certain mistakes.** Above each photograph stand its label, and what
# the head says with which probability. Look at the first two. Who is right, the label or the head?
#
# The first photograph (if you have the photographs) is labelled as a cat, and shows a dog behind a
# fence. The second is labelled as a dog, and shows a cat with its owner. So the head is right, and
# of its 7 mistakes<!--claim:transfer_mistakes--> two are mistakes of the labels. Wrong labels are
# called **label noise**, and hardly any data set is free of them. In ten well-known test sets, on
# average at least 3.3 labels in 100 are estimated to be wrong (Northcutt, Athalye and Mueller,
# 2021, [Pervasive label errors](https://arxiv.org/abs/2103.14749)).
#
# ### Letting the network name them
#
# Can the network name the doubtful ones among thousands of labels? It must not have learned from
# the label that it is to judge, so we divide the pictures into five parts, and judge each part by a
# head that was trained on the other four.
#
# Now suppose that pictures with the label "coat" get on average 0.7 for coat. A picture with the
# label "shirt" gets 0.75 for coat: the network is surer of a coat than it usually is of coats, so
# we suspect the label. Another shirt gets only 0.6 for coat. Coat is its best guess, but less than
# is usual for coats, so that we let the label stand. This rule, with a bar of its own for each
# class, is the core of **confident learning** (Northcutt, Jiang and Chuang, 2021, [Confident
# learning](https://arxiv.org/abs/1911.00068)).


# %%
def suspects(features, labels, kinds, seed=SEED):
    part = np.random.default_rng(seed).permutation(len(labels)) % 5
    p = np.zeros((len(labels), kinds))
    for each in range(5):
        rest, asked = part != each, features[part == each]
        head = train_head(features[rest], labels[rest], kinds)
        p[part == each] = softmax(asked @ head[0] + head[1])
    usual = [p[labels == kind, kind].mean() for kind in range(kinds)]
    sure = np.where(p >= usual, p, 0)  # 0 where it is less sure than usual
    named = sure.argmax(axis=1)
    return (sure.max(axis=1) > 0) & (named != labels), named


# %% [markdown]
# To judge that rule, we need labels of which we *know* that they are wrong. So we take the clothes
# of Fashion-MNIST that come with this book, enlarge them to 64×64 pixels, and exchange one label in
# ten, or one in five, for a random other one. Real errors confuse things that look alike, and are
# harder to find.

# %% tags=["setup"]
TINY = 64
if SIDE == TINY:
    tiny_base = base
else:
    tiny = build_efficientnet_lite0((TINY, TINY, 3), weights="imagenet")
    tiny_base = keras.Model(tiny.input, tiny.get_layer("average").output)


def clothes_features(part, count):
    """Features and labels of some clothes of each kind, and the clothes."""
    known = getattr(clothes, f"{part}_labels")
    chosen = some_of_each(known, count)
    images = getattr(clothes, f"{part}_images")[chosen]
    large = np.asarray(ops.image.resize(images, (TINY, TINY)))
    large = np.repeat(large, 3, axis=-1)  # grey, for a network that sees colours
    seen = tiny_base.predict(large, batch_size=100, verbose=0)
    return seen, known[chosen], images


worn, true_labels, pictures = clothes_features("train", PER_KIND)
asked = clothes_features("test", 10 if QUICK else 100)[:2]


# %%
def exchange_some(labels, seed, share):
    random = np.random.default_rng(seed)
    exchanged = random.random(len(labels)) < share
    others = (labels + random.integers(1, 10, len(labels))) % 10
    return np.where(exchanged, others, labels), exchanged


# %%
def try_noise(share, seed):
    given, exchanged = exchange_some(true_labels, seed, share)
    doubted, named = suspects(worn, given, 10, seed)
    row = [doubted[exchanged].mean(), exchanged[doubted].mean()]
    everything = np.ones(len(given), bool)
    ways = (given, everything), (given, ~doubted), (true_labels, everything)
    for told, use in ways:
        head = train_head(worn[use], told[use], 10)
        row.append(accuracy(head, *asked))
    return row, (given, exchanged, doubted, named)


# %%
noise = defaultdict(list)
for share in (0.2, 0.1):  # the last one is drawn below
    for seed in SEEDS:
        row, last = try_noise(share, seed)
        noise[share].append(row)
    found = np.mean(noise[share], axis=0)[0]
    print(f"{share:.0%} exchanged, of which found: {found:.2f}")

# %% tags=["hide-input"]
names_of = [
    "exchanged labels that are suspected",
    "suspects that were exchanged",
]
names_of += ["test clothes right: trained on all labels as given"]
names_of += ["... trained on the unsuspected", "... trained on all true labels"]
columns = []
for share in (0.1, 0.2):
    values = POINTS * np.array(noise[share]).T
    columns.append([spread(each) for each in values])
rows = [[name, *cells] for name, *cells in zip(names_of, *columns, strict=True)]
head = ["share in %, mean of the seeds (lowest to highest)", "one in ten"]
as_table([*head, "one in five"], rows)

# %% tags=["hide-input"] alt="Two rows of five grey pieces of clothing, above each the label given and the label proposed; in the first row most labels given are plainly wrong, in the second row one can doubt"
figure, grid = plt.subplots(2, 5, figsize=(7.2, 3.6))
given, exchanged, doubted, named = last
planted, own = (
    np.flatnonzero(doubted & exchanged),
    np.flatnonzero(doubted & ~exchanged),
)
for row, chosen in zip(grid, (planted, own), strict=True):
    for axes in row:
        axes.axis("off")
    for axes, index in zip(row, chosen[:: max(1, len(chosen) // 5)], strict=False):
        axes.imshow(pictures[index, ..., 0], "gray_r")
        text = f"given: {clothes.class_names[given[index]]}"
        text += f"\nproposed: {clothes.class_names[named[index]]}"
        axes.set_title(text, fontsize=9, fontweight="normal")
plt.show()

# %% [markdown]
# **Figure 12.5. Suspects.** Above are clothes whose label we had exchanged, and below are others
# that were suspected with their true label. Most of the upper ones are plain mistakes, but the
# lower ones are mostly of kinds that look alike, and of some we could not say ourselves what they
# are.
#
# When one label in ten is exchanged, the rule finds 77 %<!--claim:transfer_noise_found--> of these,
# and of its suspects 37 %<!--claim:transfer_noise_right--> have indeed been exchanged, while of all
# labels only 10 % have. Is it worth the trouble? On test clothes a head that learns from the
# unsuspected is 1.7 points<!--claim:transfer_noise_gain--> better than one that learns from all
# labels as they are given. The true labels would bring
# 3.5 points<!--claim:transfer_noise_at_stake-->, so a part of what is at stake is won. With one
# label in five exchanged, 8.3 points<!--claim:transfer_noise_at_stake_of_fifth--> are at stake,
# and 4.9<!--claim:transfer_noise_gain_of_fifth--> of them are won. (More weight decay might win a
# part of this, too, as exercise 6 shows.)
#
# And our photographs? The same rule can judge those of the test, too.

# %%
doubted_photos, _ = suspects(features, labels, 2)
print(doubted_photos.sum(), "suspects among the photographs to learn from")
usual = [certainty[near.test.labels == kind, kind].mean() for kind in (0, 1)]
doubted_tests = wrong >= np.take(usual, 1 - near.test.labels)
print(doubted_tests.sum(), "suspects among those for the test")

# %% [markdown]
# Of the test photographs it suspects 2<!--claim:transfer_test_suspects-->, and they are the dog and
# the cat with the wrong labels. Of the 2,000 to learn from it
# suspects 2<!--claim:transfer_suspects--> as well (`np.flatnonzero(doubted_photos)` gives their
# places in `paths`). But these are a puppy and a young dog, and labelled as dogs. So a suspect is a
# reason to look, and not a verdict. Look at the labels of the *test* first, because a wrong one
# there counts a right answer as a mistake.

# %% tags=["claims"]
mistakes = int(np.sum(wrong > 0.5))
claim("transfer_mistakes", mistakes, at_most=12, embedded=100, quick=20, **DATA)
found, right, noisy, cleaned, true = np.mean(noise[0.1], axis=0)
claim("transfer_noise_found", found, at_least=0.5, quick=0)
claim("transfer_noise_right", right, at_least=0.3, quick=0)
gain = POINTS * (cleaned - noisy)
claim("transfer_noise_gain", gain, at_least=0, quick=-100)
stake = POINTS * (true - noisy)
claim("transfer_noise_at_stake", stake, at_least=1, quick=-100)
claim("transfer_noise_left", stake - gain, at_least=0, quick=-100)
*_, noisy, cleaned, true = np.mean(noise[0.2], axis=0)
claim(
    "transfer_noise_gain_of_fifth",
    POINTS * (cleaned - noisy),
    at_least=0.5,
    quick=-100,
)
stake = POINTS * (true - noisy)
claim("transfer_noise_at_stake_of_fifth", stake, at_least=2, quick=-100)
few = {"embedded": 400, "quick": 40, **DATA}
claim("transfer_suspects", int(doubted_photos.sum()), at_most=10, **few)
claim("transfer_test_suspects", int(doubted_tests.sum()), at_most=5, **few)
are_two = set(np.flatnonzero(doubted_tests)) == set(worst[:2])
any_answer = {"embedded": 0, "quick": 0, **DATA}
claim("transfer_suspects_are_the_two", int(are_two), at_least=1, **any_answer)

# %% [markdown]
# ## Letting old layers learn
#
# So far only the head has learned. But the last layers may learn with it, or even all layers. To go
# on with the training of old layers, in small steps, is called **fine-tuning** (Girshick and
# others, 2014, [R-CNN](https://arxiv.org/abs/1311.2524); Yosinski and others, 2014, [How
# transferable are features in deep neural networks?](https://arxiv.org/abs/1411.1792)).
#
# A new head with random weights makes large errors, and their slopes would shake the old layers as
# well. So we train the head first, on features, and only then let the others follow it.
#
# Say by *name* which layers learn, and not by number. The same tutorial, for example, freezes "the
# first 25 layers" of VGG16, so that only the last block learns. Let us count them.

# %% tags=["nbval-check-output"]
shape = {"include_top": False, "input_shape": (64, 64, 3)}
vgg = keras.applications.VGG16(weights=None, **shape)
for layer in vgg.layers[:25]:
    layer.trainable = False
left = len(vgg.trainable_weights)
print(len(vgg.layers), "layers; left to learn:", left)
print(unfreeze_from(vgg, "block5_conv1"))
try:
    unfreeze_from(vgg, "block6_conv1")
except ValueError as error:
    print(error)

# %% [markdown]
# VGG16 without its head has only 19<!--claim:transfer_vgg16_layers--> layers, so the first 25 are
# all of them, and 0<!--claim:transfer_vgg16_left_to_learn--> weights would learn. Python does not
# mind such a slice, but a name that does not exist is an error.
#
# Now we do it with our network. Each run starts with 100 photographs of each class and with a head
# trained on their features. The pictures have 96×96 pixels here, because to train all layers is far
# more work than to compute features. They are mirrored at random. Four epochs follow, in batches of
# 20, with the rate of the tutorial, 0.0001, and momentum. Either all layers learn, or the last two
# of seven stages (chapter 10), but batch normalisation stays frozen in both; the next section shows
# why. Two more runs for each choice of photographs let all layers learn ten and a hundred times as
# fast.

# %% tags=["setup"]
old = build_efficientnet_lite0((SMALL_SIDE, SMALL_SIDE, 3), weights="imagenet")
small_base = keras.Model(old.input, old.get_layer("average").output)
old_weights = small_base.get_weights()
tunable = attach_head(small_base, build_head(1280, 2, hidden_units=0))


def read_all(paths):
    size = SMALL_SIDE, SMALL_SIDE
    return np.stack([read_center_crop(path, size) for path in paths])


def small_features(pictures):
    return small_base.predict(pictures, batch_size=100, verbose=0)


judged = read_all(near.validation.paths), near.validation.labels
judged_features = small_features(judged[0])
of_seed, head_alone, head_knows = {}, [], []  # photographs, labels and a head
for seed in SEEDS:
    chosen = some_of_each(near.train.labels, TUNED, seed)
    pictures = read_all([near.train.paths[index] for index in chosen])
    some = near.train.labels[chosen]
    its_features = small_features(pictures)
    start = train_head(its_features, some)
    of_seed[seed] = pictures, some, start
    head_alone.append(accuracy(start, judged_features, judged[1]))
    head_knows.append(accuracy(start, its_features, some))


# %%
def prepare(first_layer):
    unfreeze_from(tunable, first_layer)
    sgd = keras.optimizers.SGD(momentum=0.9)
    tunable.compile(sgd, LOSS, metrics=["accuracy"], run_eagerly=QUICK)
    sgd.build(tunable.trainable_variables)


# %%
def tune(seed, rate):
    pictures, labels, head = of_seed[seed]
    tunable.set_weights([*old_weights, *head])
    forget_steps(tunable.optimizer)
    tunable.optimizer.learning_rate = rate
    options = {"training": True, "augment": MIRROR, "seed": seed}
    batches = make_pipeline(pictures, labels, 20, **options)
    checks = make_pipeline(*judged, 100)
    options = {"epochs": EPOCHS, "shuffle": False, "verbose": 0}
    return tunable.fit(batches, validation_data=checks, **options).history


# %%
WAYS = {  # name: the first layer that learns, and the rate
    "last stages": ("stage6_block1_expand", RATE),  # 5 of 16 blocks
    "all layers": ("stem", RATE),
    "all layers, ×10": ("stem", 10 * RATE),
    "all layers, ×100": ("stem", FAST),
}


# %%
tuned, weights_after = defaultdict(list), defaultdict(list)
for way, (first_layer, rate) in WAYS.items():
    prepare(first_layer)
    for seed, start in zip(SEEDS, head_alone, strict=True):
        tuned[way].append([start, *tune(seed, rate)["val_accuracy"]])
        weights_after[way].append(tunable.get_weights()[: len(old_weights)])
    print(f"{way:16}", POINTS * np.mean(tuned[way], axis=0).round(4))

# %% tags=["hide-input"] alt="Validation accuracy over four epochs: the lines for the last stages and for all layers at the small rate and at ten times that rate stay level at about 93 percent, while the line for a hundred times the rate falls to 50 percent within the first epoch"
figure, axes = plt.subplots(figsize=(7.2, 2.9))
looks = zip(WAYS, ("C2", "C0", "C4", "C1"), "so^d", strict=True)
for way, color, marker in looks:
    runs = POINTS * np.array(tuned[way])
    draw_band(axes, range(EPOCHS + 1), runs, way, color, marker)
axes.axhline(50, color="0.6", linestyle=":", label="a coin")
axes.set(xlabel="epochs of fine-tuning", ylabel="validation accuracy, %")
axes.set_xticks(range(EPOCHS + 1))
axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()

# %% [markdown]
# **Figure 12.6. Slow and fast.** At 0 stands the head alone, on features. Lines are means of three
# choices of photographs, and bands reach from the lowest to the highest. Three of the lines hardly
# leave their start, so they partly lie on each other. At a hundred times the small rate the network
# falls to the level of a coin.
#
# At this size the head alone gets 93 %<!--claim:transfer_small_head_accuracy-->. The better of the
# two slow ways gains 0.6 points<!--claim:transfer_tuning_gain-->. That is two photographs of 400,
# and the better of two ways was picked, so this is no finding, although the tutorial calls tuning
# the last block the best way of all. The head was already right for
# 100 %<!--claim:transfer_head_knows--> of its 200 photographs, so there was little error to learn
# from. Even ten times the rate leaves the network at 93 %<!--claim:transfer_tenfold_accuracy-->.
# But a hundred times the rate leaves it at 50 %<!--claim:transfer_fast_accuracy-->.

# %% tags=["claims"]
means = {way: np.mean(runs, axis=0)[-1] for way, runs in tuned.items()}
slow, tenfold, fast = (means[way] for way in WAYS if "all" in way)
alone, knows = np.mean(head_alone), np.min(head_knows)
loss = {"at_most": 3, "embedded": 10, "quick": 90, **DATA}
gain = POINTS * (max(slow, means["last stages"]) - alone)
claim(
    "transfer_small_head_accuracy",
    alone,
    at_least=0.9,
    embedded=0.8,
    quick=0.3,
    **DATA,
)
claim("transfer_slow_loss", POINTS * (alone - slow), **loss)
loss = {"at_least": -2, "embedded": -10, "quick": -90, **DATA}
claim("transfer_slow_loss_at_least", POINTS * (alone - slow), **loss)
claim("transfer_head_knows", knows, at_least=0.99, embedded=0.9, quick=0.5, **DATA)
least = {"embedded": 0.5, "quick": 0, **DATA}
claim("transfer_tenfold_accuracy", tenfold, at_least=0.88, **least)
claim("transfer_fast_accuracy", fast, at_most=0.6, embedded=1, quick=1, **DATA)
claim("transfer_tuning_gain", gain, at_least=-1, embedded=-5, quick=-50, **DATA)
most = {"embedded": 100, "quick": 100, **DATA}
claim("transfer_tuning_gain_at_most", gain, at_most=2, **most)
claim("transfer_vgg16_layers", len(vgg.layers), equals=19)
claim("transfer_vgg16_left_to_learn", left, equals=0)

# %% [markdown]
# ### What was lost?
#
# Did the largest rate only confuse cats and dogs, or has the network lost more? We ask it about
# something that it was not tuned on: the five kinds of flowers. For each backbone we train a new
# head on ten photographs of each kind, and test it on others.

# %%
rows = some_of_each(others.train.labels, FLOWERS)
flowers = read_all([others.train.paths[index] for index in rows])
flower_tests = read_all(others.test.paths)
still_known = defaultdict(list)
for way in ("old network", "all layers", "all layers, ×10", "all layers, ×100"):
    for weights in weights_after.get(way, [old_weights]):
        small_base.set_weights(weights)
        known = small_features(flowers), others.train.labels[rows]
        asked = small_features(flower_tests), others.test.labels
        still_known[way].append(accuracy(train_head(*known, 5), *asked))
    print(f"{way:16} flowers: {spread(POINTS * np.array(still_known[way]))} %")

# %% [markdown]
# With the old backbone the head names 48 %<!--claim:transfer_flowers_old--> of the flowers, where a
# guess is right for 20 %. After slow tuning on cats and dogs it is still
# 48 %<!--claim:transfer_flowers_slow-->, and at ten times the rate
# 47 %<!--claim:transfer_flowers_tenfold-->. At a hundred times the rate it is only
# 20 %<!--claim:transfer_flowers_fast-->. All weights are still finite numbers, so nothing has
# overflowed. But they say nothing about pictures any more: this training has destroyed the network,
# which knows neither the flowers nor the cats and dogs that it was shown.
#
# If a network learns the new task well and loses the old one, that is called **catastrophic
# forgetting** (McCloskey and Cohen, 1989, [Catastrophic interference in connectionist
# networks](https://doi.org/10.1016/S0079-7421%2808%2960536-8)). We do not see it here: two of the
# rates keep both, and the third loses both.

# %% tags=["claims"]
shares = [np.mean(it) for it in still_known.values()]
old_share, slow_share, tenfold_share, fast_share = shares
loose = {"embedded": 0.1, "quick": 0, **ON_BOTH}
claim("transfer_flowers_old", old_share, at_least=0.4, **loose)
claim("transfer_flowers_slow", slow_share, at_least=0.35, **loose)
claim("transfer_flowers_tenfold", tenfold_share, at_least=0.35, **loose)
finite = [np.isfinite(it).all() for run in weights_after[way] for it in run]
any_answer = {"embedded": 0, "quick": 0, **DATA}
claim("transfer_fast_weights_finite", int(all(finite)), at_least=1, **any_answer)
loose = {"embedded": 1, "quick": 1, **ON_BOTH}
claim("transfer_flowers_fast", fast_share, at_most=0.35, **loose)

# %% [markdown]
# ## Batch normalisation that learns
#
# What a fast rate destroys is plain to see. The best-known trap of fine-tuning is not: you freeze
# nothing, take a very small rate, and the network gets worse although its weights hardly move.
#
# Let one unit of the old network have, over a million photographs, the running mean 10 and the
# standard deviation 2 (chapter 5). It gives 14 for our cat, and batch normalisation makes (14 − 10)
# / 2 = 2 of it. But a layer that learns normalises each batch by the batch itself. If all pictures
# of the batch have furry animals on them, its mean may be 14, and 0 comes out for the same cat. The
# head has learned what 2 means, and now sees 0.
#
# And this does not end with the training. Each batch pulls the running mean along, with Keras'
# momentum of 0.99 (the share of the old value that is kept) to 0.99 · 10 + 0.01 · 14 = 10.04. That
# is little, but in four epochs our 200 photographs make 40 batches. Then only 0.99⁴⁰ = 67 % of the
# old value is left, and the mean is 0.67 · 10 + 0.33 · 14 = 11.3. With the old standard deviation,
# even in use the cat now gets (14 − 11.3) / 2 = 1.3 in place of 2.
#
# We need no training to see whether it matters, because we can simply *call* the network as `fit`
# does, with 40 batches of 20 photographs, and change no weight at all. (By weights we mean what
# gradients change. `get_weights` of Keras gives the running means and variances as well.)


# %%
def show_batches(pictures, seed):
    random = np.random.default_rng(seed)
    for _ in range(EPOCHS):
        order = random.permutation(len(pictures))
        for start in range(0, len(order), 20):
            small_base(pictures[order[start : start + 20]], training=True)


# %%
def change_after_batches(seed):
    """Points of validation accuracy: with the head as it is, and with a new one."""
    pictures, some, head = of_seed[seed]
    small_base.set_weights(old_weights)
    start = accuracy(head, small_features(judged[0]), judged[1])
    show_batches(pictures, seed)
    changed = small_features(judged[0])
    new_head = train_head(small_features(pictures), some)
    ends = [accuracy(each, changed, judged[1]) for each in (head, new_head)]
    return [POINTS * (end - start) for end in ends]


# %%
after = {}
for way, learns in (("frozen", False), ("learns", True)):
    for layer in small_base.layers:
        layer.trainable = learns
    after[way] = np.array([change_after_batches(seed) for seed in SEEDS])
    old_head, new_head = (spread(points) for points in after[way].T)
    print(f"{way}: {old_head} points, with a new head {new_head}")

# %% [markdown]
# With frozen layers nothing changes. Those that may learn cost
# 3.8 points<!--claim:transfer_seen_costs--> of validation accuracy, although no weight has moved
# and no error was ever computed. Does only the head no longer fit? A new head, trained on the
# changed features, still lacks 3.3 points<!--claim:transfer_new_head_costs-->, so that the features
# themselves have become worse.
#
# What moved, then? A study, whose record comes with the book, let all layers learn from 100
# photographs of each class, four epochs at the rate 0.0001, with three seeds each and in four ways:
#
# - batch normalisation is frozen;
# - only its gammas and betas learn (chapter 5), while the running means and variances stay and are
#   used;
# - it learns, as Keras has it;
# - it learns, but at the rate 0, so that nothing but the running means and variances can move.

# %% tags=["setup"]
record = [
    (run["settings"], run["result"]) for run in read_study("old_weights").values()
]


def short_runs(way, rate=RATE):
    """The runs of 4 epochs, one for each seed."""
    wanted = {"question": "norms", "way": way, "rate": rate, "epochs": 4}
    return [result for its, result in record if wanted.items() <= its.items()]


NORMS = {  # what it is called here: the runs
    "frozen": short_runs("frozen"),
    "gamma, beta learn": short_runs("scales"),
    "it learns": short_runs("learn"),
    "it learns, rate 0": short_runs("learn", 0.0),
}


def of_norms(way, what):
    """For each seed of a way: a curve from the start on, or the last value."""
    if what == "validation":
        curves = [
            [it["at_start"], *it["curve"]["val_accuracy"]] for it in NORMS[way]
        ]
        return POINTS * np.array(curves)
    if what == "training":
        return POINTS * np.array([it["curve"]["accuracy"][-1] for it in NORMS[way]])
    return POINTS * np.array([it["test"]["accuracy"] for it in NORMS[way]])


# %% tags=["hide-input"] alt="Validation accuracy over four epochs: two lines that lie on each other stay at 93 percent; two others fall steadily, to 89 percent at rate 0 and to 88 percent where weights and statistics learn"
figure, axes = plt.subplots(figsize=(7.2, 3.0))
looks = zip(NORMS, ("C0", "C2", "C1", "C4"), "osd^", strict=True)
for way, color, marker in looks:
    draw_band(axes, range(5), of_norms(way, "validation"), way, color, marker)
axes.set(xlabel="epochs", ylabel="validation accuracy, %", xticks=range(5))
axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), title="batch normalisation")
plt.show()

# %% [markdown]
# **Figure 12.7. What batch normalisation may do.** Means of three seeds, and bands from the lowest
# to the highest. Both upper lines use the old running means, and lie on each other. Both lower ones
# let them move, and fall from epoch to epoch.

# %% tags=["hide-input"]
rows = []
for way, runs in NORMS.items():
    counts = [
        runs[0]["moved"][kind] for kind in ("kernels", "scales", "statistics")
    ]
    moved = [f"{count} of {total}" for count, total in counts]
    accuracies = [of_norms(way, "training"), of_norms(way, "validation")[:, -1]]
    accuracies.append(of_norms(way, "test"))
    rows.append([way, *moved, *(spread(each) for each in accuracies)])
head = [
    "batch norm",
    "kernels that moved",
    "gammas and betas that moved",
    "running statistics that moved",
]
as_table([*head, "training, %", "validation, %", "test, %"], rows)

# %% [markdown]
# When batch normalisation learns, the network ends at 88 %<!--claim:transfer_norm_accuracy--> of
# the validation photographs. That is 5.0 points<!--claim:transfer_norm_costs--> less than when it
# is frozen, and with each of the three seeds it is
# 4.0 points<!--claim:transfer_norm_costs_at_least--> or more. Most of this comes from the running
# statistics, because at rate 0, where they alone
# move, 4.0<!--claim:transfer_norm_statistics_alone--> of these points are lost already. With the
# old statistics and at this rate, gammas and betas change the result by only
# 0.2 points<!--claim:transfer_norm_scales-->.
#
# The training accuracy is odder still. Frozen, the network ends with all 200 training photographs
# right. When batch normalisation learns, at rate 0, `fit` finds only
# 57 %<!--claim:transfer_norm_training_at_rate_0--> of the same photographs right, with the same
# weights. For in training each photograph is normalised together with 19 others, and the head has
# never seen features made like this. At the small rate the weights then follow these errors, and
# `fit` ends at 64 %<!--claim:transfer_norm_training-->.

# %% [markdown]
# Are the batches too small? Means of only 20 pictures are uncertain. We let the head judge its own
# training photographs once more, normalised as in training: in batches of 20, and then all in a
# single batch.

# %%
in_batches = defaultdict(list)
for length in (20, 2 * TUNED):
    for seed in SEEDS:
        pictures, some, head = of_seed[seed]
        small_base.set_weights(old_weights)
        order = np.random.default_rng(seed).permutation(len(pictures))
        batches = np.split(order, range(length, len(order), length))
        seen = [small_base(pictures[batch], training=True) for batch in batches]
        share = accuracy(head, np.concatenate(seen), some[order])
        in_batches[length].append(POINTS * share)
    print(f"in batches of {length}: {spread(in_batches[length])} % right")

# %% [markdown]
# In batches of 20 it is right for 56 %<!--claim:transfer_in_batches_of_20-->, and in one batch of
# 200 for 58 %<!--claim:transfer_in_one_batch-->. So the size of the batch is hardly to blame. These
# pictures have other means and variances than those for which the old weights were learned, perhaps
# because they have only 96 pixels. We did not measure why.

# %% tags=["claims"]
ends = {way: of_norms(way, "validation")[:, -1] for way in NORMS}
costs = ends["frozen"] - ends["it learns"]
claim("transfer_norm_accuracy", ends["it learns"].mean() / POINTS, at_most=0.91)
claim("transfer_norm_costs", costs.mean(), at_least=1)
claim("transfer_norm_costs_at_least", costs.min(), at_least=0.5)
lost = ends["frozen"] - ends["it learns, rate 0"]
claim("transfer_norm_statistics_alone", lost.mean(), at_least=1)
share = lost.mean() / costs.mean()
claim("transfer_norm_statistics_share", share, at_least=0.5)
scales = np.abs(ends["frozen"] - ends["gamma, beta learn"])
claim("transfer_norm_scales", scales.mean(), at_most=0.75)
training = of_norms("it learns", "training").mean() / POINTS
claim("transfer_norm_training", training, at_most=0.8)
training = of_norms("it learns, rate 0", "training").mean() / POINTS
claim("transfer_norm_training_at_rate_0", training, at_most=0.75)
training = of_norms("frozen", "training").min() / POINTS
claim("transfer_norm_training_frozen", training, at_least=0.99)
tests = of_norms("frozen", "test") - of_norms("it learns", "test")
claim("transfer_norm_test_costs", tests.mean(), at_least=1)
moved = [it["moved"] for it in NORMS["it learns, rate 0"]]
weights_moved = max(it["kernels"][0] + it["scales"][0] for it in moved)
claim("transfer_norm_weights_moved_at_rate_0", weights_moved, equals=0)
claim("transfer_norm_statistics_moved", moved[0]["statistics"][0], equals=98)

# %% tags=["claims"]
changed = np.abs(after["frozen"][:, 0]).max()
claim("transfer_seen_frozen", changed, equals=0)
looser = {"embedded": -100, "quick": -100, **DATA}
costs, lacks = -after["learns"].mean(axis=0)
claim("transfer_seen_costs", costs, at_least=1, **looser)
claim("transfer_new_head_costs", lacks, at_least=1, **looser)
any_share = {"embedded": 1, "quick": 1, **DATA}
twenty, whole = (np.mean(shares) / POINTS for shares in in_batches.values())
claim("transfer_in_batches_of_20", twenty, at_most=0.75, **any_share)
claim("transfer_in_one_batch", whole, at_most=0.75, **any_share)
apart = abs(whole - twenty)
claim("transfer_batches_apart", apart, at_most=0.05, **any_share)

# %% [markdown]
# ### A line that does nothing
#
# An earlier version of this chapter made the same comparison and found no harm at all, and the
# reason is worth knowing. The layers had been frozen one by one, and a single line was to thaw them
# all.

# %% tags=["nbval-check-output"]
toy = keras.Sequential([keras.Input((1,)), layers.BatchNormalization(name="norm")])
norm = toy.get_layer("norm")
norm.trainable = False
toy.trainable = True  # it already was: nothing happens
print("learns after the line:", norm.trainable)
for layer in toy.layers:
    layer.trainable = True
print("learns when set itself:", norm.trainable)

# %% [markdown]
# The model counted as trainable all the time, so with TensorFlow setting it again did nothing, and
# batch normalisation stayed frozen in the run that was called "batch norm learns". So count
# afterwards what moved, as the table does.
#
# ### With more time
#
# Is the rate to blame, or the short training? In a longer form of the study each side had 12
# epochs, several rates that rise and then fall along a cosine, and one seed. Frozen, the best of
# them keeps the 95 %<!--claim:transfer_norm_long_frozen--> of its start (with other photographs
# than above). When batch normalisation learns, the network is right for up to
# 98 %<!--claim:transfer_norm_long_training--> of its training photographs, normalised by their
# batches. In use, on validation photographs, it ends at 88 %<!--claim:transfer_norm_long_learns-->
# at best, and had 91 %<!--claim:transfer_norm_long_learns_early--> after four epochs. (After all
# 120 batches its running statistics are still 0.99¹²⁰ = 30 % old.) At the largest rate, 0.003, the
# order is reversed: frozen, the network ends at 78 %<!--claim:transfer_norm_long_reversed-->, the
# other at 88 %. So in these runs, one for each rate, the network whose batch normalisation learns
# survived a rate that was too large for the frozen one, and lost accuracy at smaller rates.
#
# With many pictures this may turn out otherwise. With a few hundred pictures leave batch
# normalisation frozen, as `unfreeze_from` does by itself.

# %% tags=["claims"]
long = defaultdict(list)
for its, result in record:
    if its["question"] == "norms" and its["epochs"] == 12:
        curve = result["curve"]
        ends = result["validation"], curve["accuracy"][-1], result["at_start"]
        long[its["way"]].append((*ends, max(curve["val_accuracy"]), its["rate"]))
frozen_ends, learning_ends = (np.array(long[way]) for way in ("frozen", "learn"))
best_frozen, best_learns = (it[:, 0].max() for it in (frozen_ends, learning_ends))
claim("transfer_norm_long_frozen", best_frozen, at_least=0.93)
claim("transfer_norm_long_learns", best_learns, at_most=0.92)
best = learning_ends[:, 1].max()
claim("transfer_norm_long_training", best, at_least=0.9)
claim("transfer_norm_long_costs", POINTS * (best_frozen - best_learns), at_least=1)
start = frozen_ends[0, 2]
claim("transfer_norm_long_gain", POINTS * (best_frozen - start), at_most=1)
highest = learning_ends[:, 3].max()
claim("transfer_norm_long_learns_early", highest, at_most=0.93)
fast = frozen_ends[frozen_ends[:, 4] == 0.003][0, 0]
claim("transfer_norm_long_reversed", fast, at_most=0.85)
ahead = learning_ends[learning_ends[:, 4] == 0.003][0, 0] - fast
claim("transfer_norm_long_reversed_by", POINTS * ahead, at_least=2)

# %% [markdown]
# ## A guide, tested
#
# A usual guide asks two questions (Karpathy and others, [Transfer
# learning](https://cs231n.github.io/transfer-learning/), notes of a Stanford course). Are there few
# pictures or many? And are they like those that the network knows? `transfer_advice` gives its
# answers.

# %% tags=["nbval-check-output"]
for count in (200, 3_000):
    for similar in (True, False):
        likeness = "like" if similar else "unlike"
        print(f"{count:,} pictures, {likeness} ImageNet's:")
        advice = transfer_advice(count, similar)
        print(f"    {advice.strategy}: {advice.what}")

# %% [markdown]
# An *early head*, which it advises once, stands on the mean of each of the 112 maps of stage 5,
# after two thirds of the network. Edges and textures are found in all pictures, but whiskers are
# not.
#
# The study took pictures like ImageNet's (CIFAR-10) and pictures unlike them (Fashion-MNIST),
# enlarged to 64×64 pixels, and 200 and 3,000 of each set, its ten classes together. Between the two
# lies the border of 2,000 at which `transfer_advice` changes its mind. Four ways then had their
# chance: a head, an early head, the last two stages tuned, and all layers tuned. In runs with seed
# 0 we chose, by validation pictures, the rate of each tuning and the weight decay of each head.
# Runs with three other seeds, and other training pictures, were then asked about 1,000 test
# pictures. Both tunings start with the same trained head and see each picture equally often, 20
# times where they are few and 3 times where they are many. Batch normalisation stays frozen. For
# the intervals in the figure, one way is subtracted from the other picture by picture, right (1) or
# wrong (0), and 1.96 standard errors of these differences reach to either side. So they cover other
# test pictures, but not other training pictures.

# %% tags=["setup"]
STRATEGIES = ("head", "early head", "last stages", "all layers")
IN_STUDY = {
    "fine-tune": "last stages",
    "retrain": "all layers",
}  # how it calls them
SIZES = {"few": 200, "many": 3_000}
PICTURES = ("CIFAR-10", "Fashion-MNIST")
CASES = [(data, amount) for data in PICTURES for amount in SIZES]
tried, found = defaultdict(dict), defaultdict(dict)
for its, result in record:
    if its["question"] == "guide":
        for amount, way in ((it, way) for it in SIZES for way in result[it]):
            case = its["data"], amount, IN_STUDY.get(way, way)
            for rate, reached in result[amount][way].items():
                if its["seed"] == 0:
                    tried[case][float(rate)] = reached["validation"]
                else:
                    found[case][float(rate), its["seed"]] = reached["test"]["hits"]


def chosen_rate(case):
    """The best of seed 0; of equals the larger decay, or the smaller rate."""
    sign = 1 if "head" in case[-1] else -1
    return max(tried[case], key=lambda rate: (tried[case][rate], sign * rate))


def bits_of(digits):
    return np.unpackbits(np.frombuffer(bytes.fromhex(digits), "uint8"))[:1_000]


# %% tags=["setup"]
right = {}  # (data, amount), way: for each seed, which pictures were right
for case, runs in found.items():
    rate = chosen_rate(case)
    hits = [bits_of(it) for (of, _), it in sorted(runs.items()) if of == rate]
    if hits:
        right[case[:2], case[2]] = np.array(hits, float)


def advised(case):
    data, amount = case
    strategy = transfer_advice(SIZES[amount], data == "CIFAR-10").strategy
    return {"fine-tune": "all layers"}.get(strategy, strategy)


# %% tags=["setup"]
def lead(case, way, other):
    """The lead in points, and 1.96 standard errors: paired, seeds averaged."""
    each = POINTS * (right[case, way] - right[case, other]).mean(axis=0)
    return each.mean(), 1.96 * each.std() / np.sqrt(len(each))


MARKERS, COLORS = "osD^", ("C0", "C4", "C2", "C1")
LOOKS = dict(zip(STRATEGIES, zip(MARKERS, COLORS, strict=True), strict=True))


def draw_way(left, right_side, case, way, place, y):
    """Draw accuracies on the left, and on the right the lead of the advised way."""
    marker, color = LOOKS[way]
    shares, label = POINTS * right[case, way].mean(axis=1), None if place else way
    left.plot([shares.min(), shares.max()], [y, y], color=color, linewidth=1.5)
    left.plot(shares.mean(), y, marker, color=color, label=label, markersize=6)
    if way == advised(case):
        left.plot(shares.mean(), y, "o", color="0.2", mfc="none", markersize=13)
    else:
        gain, reach = lead(case, advised(case), way)
        look = {"fmt": marker, "color": color, "markersize": 6}
        right_side.errorbar(gain, y, xerr=reach, **look)


def shown(lead_and_reach):
    return "{:+.1f} ± {:.1f}".format(*lead_and_reach).replace("-", "−")


# %% tags=["hide-input"] alt="Four rows, for few and many pictures like and unlike those of ImageNet; on the left the test accuracy of four ways with the advised one ringed, on the right the lead of the advised way over each other one, with intervals around zero"
figure, both = plt.subplots(1, 2, figsize=(7.2, 3.6), sharey=True)
for place, case in enumerate(CASES):
    for step, way in enumerate(STRATEGIES):
        draw_way(*both, case, way, place, place + 0.16 * (step - 1.5))
names_of = [f"{SIZES[amount]:,}, {data}" for data, amount in CASES]
both[0].set(yticks=range(4), yticklabels=names_of, ylim=(3.6, -0.6))
both[0].set_xlabel("test accuracy, %")
both[1].set_xlabel("lead of the advised way, points")
both[1].axvline(0, color="0.4", linestyle=":")
figure.legend(loc="outside upper center", ncols=4)
plt.show()

# %% [markdown]
# **Figure 12.8. The guide and its rivals.** Left: the accuracy of each way on 1,000 test pictures,
# the mean of three seeds with a line from the lowest to the highest. A ring marks what the guide
# advises. Right: its lead over each of the other three ways, with a 95 % interval.

# %% tags=["hide-input"]
rows = []
for case in CASES:
    best = max(STRATEGIES, key=lambda way: right[case, way].mean())
    shares = [f"{POINTS * right[case, way].mean():.1f}" for way in STRATEGIES]
    over = (
        "itself"
        if best == advised(case)
        else shown(lead(case, advised(case), best))
    )
    name = f"{SIZES[case[1]]:,} of {case[0]}"
    rows.append([name, *shares, advised(case), best, over])
head = ["pictures", *(f"{way}, %" for way in STRATEGIES)]
as_table([*head, "advised", "best", "advised − best, points"], rows)

# %% [markdown]
# With 200 pictures like ImageNet's the guide advises a head, which gets
# 55.7 %<!--claim:transfer_guide_near_head-->. With 200 unlike them the early head is
# 3.3 points<!--claim:transfer_guide_far_early_gain--> ahead of the late one (with each of the three
# seeds by 2.2<!--claim:transfer_guide_far_early_gain_seeds--> or more), so here the advice of the
# guide is borne out. With 3,000 pictures both heads fall behind: all layers are ahead of the better
# head by 8.4 points<!--claim:transfer_guide_near_many_lead--> on CIFAR-10, and
# by 1.9<!--claim:transfer_guide_far_many_lead--> on clothes.
#
# The notes advise against tuning on few pictures, for fear of overfitting. Here all layers were
# level or ahead in all four rows, with few pictures by
# 1.2 points<!--claim:transfer_guide_worst_loss--> at most. So these runs show no number of pictures
# below which a head is better. But a head takes seconds, and no rate can go wrong. On few pictures
# of CIFAR-10 the rate chosen for the last stages did well with two seeds, but with the third it
# destroyed the network, which then got 10 %<!--claim:transfer_guide_destroyed-->, a guess.
#
# To tune only the last stages where pictures are many and similar costs
# 3.4 points<!--claim:transfer_guide_stages_lose--> here. Take the guide as the way to try first,
# and let your own validation pictures decide.

# %% tags=["claims"]
few_near, many_near, few_far, many_far = CASES
mean = {key: POINTS * hits.mean() for key, hits in right.items()}
losses = [
    max(mean[case, way] for way in STRATEGIES) - mean[case, advised(case)]
    for case in CASES
]
claim("transfer_guide_worst_loss", max(losses), at_most=2)
near_head = mean[few_near, "head"] / POINTS
claim("transfer_guide_near_head", near_head, at_least=0.4)
gain, reach = lead(few_far, "early head", "head")
claim("transfer_guide_far_early_gain", gain, at_least=1)
claim("transfer_guide_far_early_gain_from", gain - reach, at_least=0)
early, late = (right[few_far, way].mean(axis=1) for way in ("early head", "head"))
least = POINTS * (early - late).min()
claim("transfer_guide_far_early_gain_seeds", least, at_least=1)
for case, short in ((many_near, "near"), (many_far, "far")):
    best = max(("head", "early head"), key=lambda way: mean[case, way])
    gain, reach = lead(case, "all layers", best)
    claim(f"transfer_guide_{short}_many_lead", gain, at_least=1)
    claim(f"transfer_guide_{short}_many_lead_from", gain - reach, at_least=0)

# %% tags=["claims"]
no_harm = [
    mean[case, "all layers"] - mean[case, advised(case)]
    for case in (few_near, few_far)
]
claim("transfer_guide_all_layers_do_no_harm", min(no_harm), at_least=-0.5)
destroyed = right[few_near, "last stages"].mean(axis=1)
claim("transfer_guide_destroyed", destroyed.min(), at_most=0.12)
claim("transfer_guide_not_destroyed", np.median(destroyed), at_least=0.5)
loss, reach = lead(many_near, "all layers", "last stages")
claim("transfer_guide_stages_lose", loss, at_least=1)
claim("transfer_guide_stages_lose_from", loss - reach, at_least=0)

# %% [markdown]
# ## Break it on purpose
#
# Our network expects pixels from 0 to 255, which its first layer scales itself, and its colours in
# the order red, green, blue. We show it 100 of the test photographs in three other forms: red and
# blue exchanged, grey, and divided by 255. Which of them do you expect to harm?

# %%
part = some_of_each(near.test.labels, 10 if QUICK else 50)
crops = [read_center_crop(near.test.paths[it], (SIDE, SIDE)) for it in part]
pixels = np.stack(crops).astype("float32")
grey = np.repeat(pixels.mean(axis=-1, keepdims=True), 3, axis=-1)
forms = {"as they are": pixels, "blue, green, red": pixels[..., ::-1]}
forms |= {"grey": grey, "divided by 255 before": pixels / 255}
shares = {}
for name, form in forms.items():
    seen = base.predict(form, batch_size=50, verbose=0)
    shares[name] = accuracy(by_hand, seen, near.test.labels[part])
    print(f"{name:22} {shares[name]:.2f}")

# %% [markdown]
# Without colours it still gets 98 %<!--claim:transfer_grey_accuracy-->, and with red and blue
# exchanged 99 %<!--claim:transfer_reversed_accuracy-->, so for cats and dogs it hardly needs colour
# (one photograph is a point). But if somebody has divided the pixels by 255 already, as chapter 5
# advises, all pictures are nearly black to it. Then it guesses, and gets
# 50 %<!--claim:transfer_divided_accuracy-->, without any error message.  The models of
# keras.applications have a `preprocess_input` each, and in some it is built in.

# %% tags=["claims"]
some = {"embedded": 0.4, "quick": 0.2, **DATA}
claim("transfer_grey_accuracy", shares["grey"], at_least=0.9, **some)
claim(
    "transfer_reversed_accuracy", shares["blue, green, red"], at_least=0.9, **some
)
worse = shares["as they are"] - min(shares["grey"], shares["blue, green, red"])
any_share = {"embedded": POINTS, "quick": POINTS, **DATA}
claim("transfer_points_lost_without_colour", POINTS * worse, at_most=5, **any_share)
divided = shares["divided by 255 before"]
claim("transfer_divided_accuracy", divided, at_most=0.75, quick=1, **DATA)

# %% [markdown]
# ## What you learned
#
# | word | what it means | where |
# |:--|:--|:--|
# | transfer learning, pretrained | a network trained for one task is the start for another | `weights="imagenet"` |
# | feature, backbone, head | a number that describes a picture; the layers that compute it; those that turn it into an answer | `keras.Model(network.input, layer.output)`, `attach_head` |
# | frozen layer, feature extractor | may not change; a backbone of such layers | `layer.trainable = False` |
# | bottleneck features | features computed once and stored | `bottleneck_features` |
# | logistic regression | one layer of weights with softmax | `layers.Dense`, `train_head` |
# | label noise | labels that are wrong | `suspects` |
# | confident learning | finding them by pictures about which the network is surer than usual of another class | `suspects` |
# | fine-tuning | old layers go on learning, in small steps | `unfreeze_from`, then `compile` |
# | catastrophic forgetting | the new task is learned well, and the old one is lost | not seen here; test an old task, too |
# | batch normalisation that learns | replaces the old statistics by those of the new pictures, for which the old weights were not made | `layer.trainable` of each `BatchNormalization` |
#
# ## Exercises
#
# 1. *By hand.* A backbone gives 2,048 features, and you want to tell five kinds of mushrooms apart.
#    How many parameters has a linear head, and how many has one with 1,024 hidden units?
# 2. *By hand.* A running mean is 10, and its momentum is 0.9. Four batches with the mean 14 come.
#    Where is it then? How many batches would take it as far with a momentum of 0.99?
# 3. *Predict, then run.* A mirrored cat is a cat. Average the features of each test photograph and
#    of its mirror image (`features_of` takes pictures as well). How much do you expect it to bring?
# 4. *Change it.* Older work puts a linear *support vector machine* on features: the same layer of
#    weights, where the score of each class has a target of 1 or −1 and shall lie beyond it (a hinge
#    loss of each score by itself: max(0, 1 − target · score)). Change two lines of `train_head` for
#    it. Does it matter?
# 5. *Change it.* Build the head of one unit that can learn, with a sigmoid. How many parameters has
#    it?
# 6. *Break it.* Exchange the labels of 10 and of 40 % of all 2,000 photographs at random. (a) How
#    many test photographs does the head get right after each? (b) At 10 %, how many without its
#    suspects? (c) How many after each with a weight decay of 1, and all labels?

# %% [markdown] tags=["solution"]
# 1. 5 · (2,048 + 1) = 10,245. With hidden units it is 1,024 · 2,049 + 5 · 1,025 = 2,103,301, which
#    is 205 times as many.
# 2. The distance to 14 shrinks to 0.9⁴ = 0.66 of itself, so the mean is 14 − 4 · 0.66 = 11.4. With
#    0.99 it takes 42<!--claim:transfer_batches_as_far--> batches, as 0.99⁴² = 0.66.
# 3. It changes the accuracy by 0.1 points<!--claim:transfer_mirror_gain-->, which is about one
#    photograph of 800. A second look cannot help much where the first is nearly always right.
# 4. The head with the hinge loss gets 99.2 %<!--claim:transfer_hinge_accuracy-->, so on this task
#    the loss hardly matters. Razavian and others (2014, [CNN features
#    off-the-shelf](https://arxiv.org/abs/1403.6382)) used such machines on features of a network
#    for ImageNet, and did well on many tasks.
# 5. 1,281 parameters: one weight for each feature and a bias. It gets
#    98.8 %<!--claim:transfer_sigmoid_accuracy-->.
# 6. With 10 % of wrong labels it gets 94 %<!--claim:transfer_tenth_wrong--> of the test
#    photographs, and without its suspects again 98 %<!--claim:transfer_tenth_cleaned-->. With 40 %
#    it gets 63 %<!--claim:transfer_forty_wrong-->. Yet to 87 %<!--claim:transfer_forty_by_heart-->
#    of its own photographs it answers with the label that it was given, of which only 60 % are
#    right. So it has learned wrong labels by heart, since 1,280 weights are many for 2,000
#    photographs. With a weight decay of 1 it gets 98 %<!--claim:transfer_tenth_decay--> and
#    83 %<!--claim:transfer_forty_decay-->, where leaving out the suspects gets 98 % and
#    72 %<!--claim:transfer_forty_cleaned-->. So more decay can do what cleaning does, or more.

# %% tags=["solution"]
print(f"1. {5 * 2_049:,} and {1_024 * 2_049 + 5 * 1_025:,} parameters")
as_far = round(4 * np.log(0.9) / np.log(0.99))
print(f"2. {14 - 4 * 0.9**4:.1f}; {as_far} batches")
tests = [read_center_crop(path, (SIDE, SIDE)) for path in near.test.paths]
mirrored = features_of(np.stack(tests)[:, :, ::-1])
both = accuracy(by_hand, (test_features + mirrored) / 2, near.test.labels)
print(f"3. {POINTS * (both - trained):+.2f} points")


def train_hinge(features, labels, decay=0.03):
    mean, scale = features.mean(axis=0), features.std()
    x = np.column_stack([(features - mean) / scale, np.ones(len(features))])
    targets = 2 * np.eye(2)[labels] - 1  # 1 for the class, −1 for the other
    weights = velocity = np.zeros((x.shape[1], 2))
    for _ in range(300):
        error = -targets * (targets * (x @ weights) < 1)  # of max(0, 1 − margin)
        slope = x.T @ error / len(x) + decay * weights
        velocity = 0.9 * velocity - 0.03 * slope
        weights = weights + velocity
    kernel = weights[:-1] / scale
    return kernel, weights[-1] - mean @ kernel


# %% tags=["solution"]
hinge = accuracy(train_hinge(features, labels), test_features, near.test.labels)
print(f"4. {POINTS * hinge:.1f} % with the hinge loss")
keras.utils.set_random_seed(SEED)
yes_or_no = keras.Sequential([keras.Input((1280,)), layers.Dense(1, "sigmoid")])
yes_or_no.compile("adam", "binary_crossentropy", metrics=["accuracy"])
yes_or_no.fit(features, labels, epochs=3 if QUICK else 20, verbose=0)
_, of_sigmoid = yes_or_no.evaluate(test_features, near.test.labels, verbose=0)
print(f"5. {yes_or_no.count_params():,} parameters, {POINTS * of_sigmoid:.1f} %")
random, survived = np.random.default_rng(SEED), {}
for share in (0.1, 0.4):
    given = np.where(random.random(len(labels)) < share, 1 - labels, labels)
    doubted, _ = suspects(features, given, 2)
    heads = {"all": train_head(features, given)}
    heads["unsuspected"] = train_head(features[~doubted], given[~doubted])
    heads["decay of 1"] = train_head(features, given, decay=1.0)
    for way, head in heads.items():
        survived[share, way] = accuracy(head, test_features, near.test.labels)
        print(f"6. {share:.0%} wrong, {way}: {POINTS * survived[share, way]:.1f} %")
by_heart = accuracy(heads["all"], features, given)
print(f"   answers as the given labels, at 40 %: {POINTS * by_heart:.1f} %")

# %% tags=["claims"]
claim("transfer_batches_as_far", as_far, equals=42)
gain = POINTS * (both - trained)
claim("transfer_mirror_gain", gain, at_least=-1, embedded=-3, quick=-20, **DATA)
most = {"embedded": 5, "quick": 20, **DATA}
claim("transfer_mirror_gain_at_most", gain, at_most=1, **most)
looser = {"embedded": 0.8, "quick": 0.4, **DATA}
claim("transfer_hinge_accuracy", hinge, at_least=0.98, **looser)
claim("transfer_sigmoid_accuracy", of_sigmoid, at_least=0.98, **looser)
claim("transfer_one_unit_parameters", yes_or_no.count_params(), equals=1_281)
any_share = {"embedded": 1, "quick": 1, **DATA}
claim("transfer_tenth_wrong", survived[0.1, "all"], at_most=0.97, **any_share)
claim("transfer_forty_wrong", survived[0.4, "all"], at_most=0.8, **any_share)

# %% tags=["claims"]
any_share = {"embedded": 0, "quick": 0, **DATA}
of_tenth, of_forty = (
    [survived[share, way] for way in ("unsuspected", "decay of 1")]
    for share in (0.1, 0.4)
)
claim("transfer_tenth_cleaned", of_tenth[0], at_least=0.965, **any_share)
claim("transfer_tenth_decay", of_tenth[1], at_least=0.965, **any_share)
claim("transfer_forty_cleaned", of_forty[0], at_least=0.5, **any_share)
claim("transfer_forty_decay", of_forty[1], at_least=0.8, **any_share)
bounds = {"embedded": -POINTS, "quick": -POINTS, **DATA}
gain = POINTS * (of_tenth[0] - survived[0.1, "all"])
claim("transfer_tenth_gain", gain, at_least=1, **bounds)
gain = POINTS * (of_forty[1] - of_forty[0])
claim("transfer_forty_decay_leads", gain, at_least=2, **bounds)
claim("transfer_forty_by_heart", by_heart, at_least=0.75, **any_share)
