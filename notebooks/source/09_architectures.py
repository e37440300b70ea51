# %% [markdown]
# # 9. A gallery of architectures
#
# Chapter 7 stacked equal blocks. What else can be built of convolutions, and what did it bring?
# Most networks of this chapter answer a question that an earlier one left open. We take them
# roughly in the order of their years, write out the one new piece of each, show that it is the
# piece in `cnnbook/models`, and at the end measure them all.
#
# Takes about 18 minutes<!--minutes:09_architectures--> on two CPU cores (quick: about 90 seconds);
# needs chapters 1 to 7, and CIFAR-10 or its stand-in as chapter 8 does.

# %% tags=["setup"]
import os
import tempfile
import time
from collections import namedtuple
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from IPython.display import Markdown, display
from keras import layers, ops
from keras.optimizers.schedules import CosineDecay

from cnnbook.arithmetic import count_parameters, output_size, receptive_field
from cnnbook.book.claims import claim
from cnnbook.datasets.cifar import load_cifar10
from cnnbook.datasets.mnist import load_fashion_mnist, load_mnist
from cnnbook.datasets.photos import load_photo
from cnnbook.datasets.pipeline import make_pipeline
from cnnbook.deploy.costs import layer_costs
from cnnbook.devices import recommend_precision
from cnnbook.plots.gallery import plot_gallery
from cnnbook.plots.layer_graph import plot_layer_graph

# %% tags=["setup"]
QUICK = "CNNBOOK_QUICK" in os.environ  # the short run: small images, few of them, every cell
SEED = 1
DEPTHS = (8, 14) if QUICK else (20, 56)  # of the plain and the residual nets
BATCH_SIZE, STEPS, WINDOWS = (16, 2, 4) if QUICK else (32, 40, 12)  # of their training
PEAK_RATE = 0.1
SIDE = 80 if QUICK else None  # of the pictures in the table; None: as published
REPEATS = 2 if QUICK else 9  # of each timing
TURNED = 600 if QUICK else 8_000  # digits, for the spatial transformer
UPRIGHT_EPOCHS, TURN_EPOCHS = (1, 1) if QUICK else (3, 10)
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
tf.get_logger().setLevel("ERROR")  # it would warn that this chapter compiles many networks

# %% [markdown]
# ## Six years of a contest
#
# In ImageNet's yearly contest a network learns from 1.2 million photographs of 1,000 classes. Its
# *top-5 error* is the share of new photographs whose class is not among its five best guesses. The
# figures are of the winners, without outside data, from Russakovsky et al. (2015,
# https://arxiv.org/abs/1409.0575) and, for 2014 and 2015, He et al. (2015, table 5). Winners
# average several networks; the right picture has the depth of the deepest. From 2012 to 2013 no
# layer was added.

# %% tags=["hide-input"]
winners = {  # year: name, layers, top-5 error in percent; the first two had no deep network
    2010: ("NEC", None, 28.2),
    2011: ("XRCE", None, 25.8),
    2012: ("AlexNet", 8, 16.4),
    2013: ("Clarifai", 8, 11.7),
    2014: ("GoogLeNet", 22, 6.66),
    2015: ("ResNet", 152, 3.57),
}
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), sharey=True, layout="constrained")
left.plot(list(winners), [error for _, _, error in winners.values()], "o-", color="#0072B2")
left.axhline(5.1, color="#D55E00", linestyle="--", label="a person who practised")
for year, (name, depth, error) in winners.items():
    near = {"textcoords": "offset points", "xytext": (5, 6 if error > 5 else -13), "fontsize": 8}
    left.annotate(name, (year, error), **near)
    if depth:
        right.plot(depth, error, "o", color="#0072B2")
        right.annotate(f"{name}, {year}", (depth, error), **near)
left.set(xlabel="year", ylabel="top-5 error, %", ylim=(0, 32), xlim=(2009.7, 2015.9))
left.legend(fontsize=8)
right.set(xlabel="layers with weights", xscale="log", xlim=(6, 400))
right.set_xticks([8, 22, 152], ["8", "22", "152"], minor=False)
right.minorticks_off()
figure.suptitle("Deep networks came in 2012; then errors fell as depth grew", fontsize=11)
plt.show()

# %% [markdown]
# (One of our sources has AlexNet win in 2013. It was 2012.) From here on, `check` holds our piece
# against the package's: it cuts the latter out of its network, gives both the same weights, and
# compares what they give.
#
# ## LeNet-5 (1998): can every layer learn?
#
# Fukushima's neocognitron (1980, https://doi.org/10.1007/BF00344251) had the two kinds of cells
# that Hubel and Wiesel found in cats: S-cells look for one pattern each, C-cells accept it a little
# to the side, and both repeat. Today they are called convolution and pooling. In its form of 1988
# the first layer has 12<!--claim:arch_neocognitron_planes--> planes of 19×19 S-cells, each for a
# line in one direction. But its layers learned one after another: without labels at first, later
# from examples that a teacher chose for each layer. In LeNet-5 (LeCun et al. 1998,
# http://yann.lecun.com/exdb/publis/) gradient descent goes through all of them.


# %%
def check(block, network, before, last):
    """Build our block, give it the weights of the package's, and compare the two."""
    start, end = (network.get_layer(name).output for name in (before, last))
    package = keras.Model(start, end)
    maps = keras.Input(package.input_shape[1:], name="maps")
    ours = keras.Model(maps, block(maps))
    ours.set_weights(package.get_weights())
    values = np.random.default_rng(SEED).random((2, *maps.shape[1:]), "float32")
    same = np.allclose(ours(values), package(values), atol=1e-5)
    print(f"ours: {ours.count_params():,} parameters", end="; ")
    print(f"{network.name}, {last}: {package.count_params():,}; same outputs: {same}")
    if not same:
        raise ArithmeticError(f"ours is not the {last} of {network.name}")
    return ours


# %%
from cnnbook.models.neocognitron import build_neocognitron

digits = load_mnist()
neocognitron = build_neocognitron()
s_cells = keras.Model(neocognitron.input, neocognitron.get_layer("s1").output)
four = digits.train_images[digits.train_labels == 4][:1].astype("float32")
digit = ops.image.resize(four, (19, 19), antialias=True)
planes = np.moveaxis(np.asarray(s_cells(digit))[0], -1, 0)
claim("arch_neocognitron_planes", len(planes), equals=12)
pictures = np.concatenate([np.asarray(digit)[..., 0] / 255, (planes / planes.max()) ** 0.5])
titles = ["the digit", *(f"plane {number}" for number in range(1, 13))]
title = "Each plane of S-cells answers to strokes of one direction, where they are"
figure = plot_gallery(pictures, titles, columns=7, inches=1.1, title=title)

# %% tags=["nbval-check-output"]
from cnnbook.models.lenet5 import build_lenet5


def lenet(x):
    x = layers.ZeroPadding2D(2)(x)  # from 28 to 32 pixels, so that strokes are far from the rim
    x = layers.Rescaling(1.275 / 255, offset=-0.1)(x)
    for filters in (6, 16):
        x = layers.Conv2D(filters, 5, activation="tanh")(x)
        x = layers.AveragePooling2D(2)(x)
    x = layers.Conv2D(120, 5, activation="tanh")(x)
    x = layers.Dense(84, activation="tanh")(layers.Flatten()(x))
    return layers.Dense(10)(x)


ours = check(lenet, build_lenet5(), "images", "logits")
claim("arch_lenet5_parameters", ours.count_params(), equals=61_706)

# %% [markdown]
# ## AlexNet (2012): does it work on photographs?
#
# LeNet-5 read cheques. (Its usual form today, the one above, has
# 61,706<!--claim:arch_lenet5_parameters--> parameters, the paper's 60,000.) Photographs of 1,000
# classes took data, two graphics cards, and new means beside old ones (Krizhevsky, Sutskever &
# Hinton 2012, https://papers.nips.cc/paper/4824-imagenet-classification-with-deep-convolutional-neural-networks):
# five convolutions and three dense layers, ReLU instead of tanh, dropout, SGD with momentum and
# weight decay, and a normalisation over neighbouring maps, which VGG's authors found useless. Each
# card held half of the filters, and in some layers they saw only their own card's maps. In the
# second convolution that leaves 307,456<!--claim:arch_groups_parameters--> parameters of
# 614,656<!--claim:arch_without_groups_parameters-->. Such *groups* outlived the reason for them.

# %%
from cnnbook.models.alexnet import build_alexnet


def two_groups(x):
    halves = []
    for gpu, half in enumerate(ops.split(x, 2, axis=-1), start=1):
        conv = layers.Conv2D(128, 5, padding="same", activation="relu", name=f"conv2_gpu{gpu}")
        halves.append(conv(half))
    return layers.Concatenate(name="conv2")(halves)


ours = check(two_groups, build_alexnet(), "pool1", "conv2")
claim("arch_groups_parameters", ours.count_params(), equals=307_456)
claim("arch_without_groups_parameters", count_parameters(96, 256, 5), equals=614_656)
figure = plot_layer_graph(layer_costs(ours), title="AlexNet's second convolution, on two cards")

# %% [markdown]
# ## VGG (2014): how large should filters be?
#
# AlexNet has filters of 11×11, 5×5 and 3×3. Why these? VGG (Simonyan & Zisserman 2014,
# https://arxiv.org/abs/1409.1556) has 3×3 and nothing else. Three of them in a row, with
# stride 1, see 7<!--claim:arch_three_3x3_see--> pixels, as one 7×7 filter does, for
# 45 %<!--claim:arch_weights_saved--> fewer weights, and with three ReLUs instead of one. (One of
# our sources says that they equal a 7×7 filter with stride 4: that gives maps of another size.
# Another has VGG start with 32 and 48 filters: look at the widths.)

# %%
from cnnbook.models.vgg import build_vgg


def vgg_block(x, filters, convolutions):
    for number in range(1, convolutions + 1):
        name = f"conv{number}"
        x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=name)(x)
    return layers.MaxPooling2D(2, name="pool")(x)


vgg = build_vgg(13, image_shape=(64, 64, 3), num_classes=10)
ours = check(lambda x: vgg_block(x, 128, 2), vgg, "block1_pool", "block2_pool")
figure = plot_layer_graph(layer_costs(ours), title="A VGG block")
print("filters:", [vgg.get_layer(f"block{number}_conv1").filters for number in range(1, 6)])
three, one = (count * count_parameters(64, 64, f, bias=False) for count, f in ((3, 3), (1, 7)))
claim("arch_three_3x3_see", receptive_field([(3, 1)] * 3), equals=7)
claim("arch_weights_saved", round(1 - three / one, 2), equals=0.45)
thrice = output_size(output_size(output_size(227, 3), 3), 3)
sizes = thrice, output_size(227, 7), output_size(227, 7, strides=4)
print("of 227 pixels: three 3×3 leave {}, 7×7 {}, 7×7 with stride 4 {}".format(*sizes))
dense = count_parameters(7 * 7 * 512, 4096) + count_parameters(4096, 4096)
dense += count_parameters(4096, 1000)
claim("arch_vgg16_dense_share", round(dense / 138_357_544, 2), equals=0.89)

# %% [markdown]
# ## GoogLeNet (2014): must it be so expensive?
#
# VGG-16 has 138,357,544<!--claim:arch_vgg_16_parameters--> parameters,
# 89 %<!--claim:arch_vgg16_dense_share--> of them in dense layers. GoogLeNet (Szegedy et al. 2014,
# https://arxiv.org/abs/1409.4842) takes the mean of each last map instead. And it does not choose
# a size of filter: its *Inception module* has all of them side by side, and joins their maps. That
# alone would make ever more maps, so 1×1 convolutions first mix the maps into fewer. In the first
# module that leaves 163,696<!--claim:arch_inception_parameters--> of
# 387,296<!--claim:arch_naive_inception_parameters--> parameters.
#
# Inception v3 (Szegedy et al. 2015, https://arxiv.org/abs/1512.00567) goes on: a 7×7 filter becomes
# 1×7 and 7×1. It is another network, with another paper, which one of our sources mixes up.

# %%
from cnnbook.models.googlenet import build_googlenet, naive_inception_module


def conv(x, filters, size, name):
    return layers.Conv2D(filters, size, padding="same", activation="relu", name=name)(x)


def inception(x):
    pooled = layers.MaxPooling2D(3, strides=1, padding="same", name="pool")(x)
    few_for_3x3, few_for_5x5 = conv(x, 96, 1, "3x3_reduce"), conv(x, 16, 1, "5x5_reduce")
    branches = [conv(x, 64, 1, "1x1"), conv(few_for_3x3, 128, 3, "3x3")]
    branches += [conv(few_for_5x5, 32, 5, "5x5"), conv(pooled, 32, 1, "pool_projection")]
    return layers.Concatenate(name="join")(branches)


def naive_inception(x):
    pooled = layers.MaxPooling2D(3, strides=1, padding="same", name="pool")(x)
    branches = [conv(x, 64, 1, "1x1"), conv(x, 128, 3, "3x3"), conv(x, 32, 5, "5x5"), pooled]
    return layers.Concatenate(name="join")(branches)


maps = keras.Input((28, 28, 192), name="pool2")
row_3a = (64, 96, 128, 16, 32, 32)  # of the paper's table 1; the naive module leaves out some
naive = keras.Model(maps, naive_inception_module(maps, row_3a, "inception3a"), name="naive")
ours = check(naive_inception, naive, "pool2", "inception3a")
claim("arch_naive_inception_parameters", ours.count_params(), equals=387_296)
figure = plot_layer_graph(layer_costs(ours), title="Module 3a, naive")
ours = check(inception, build_googlenet(), "pool2", "inception3a")
claim("arch_inception_parameters", ours.count_params(), equals=163_696)
figure = plot_layer_graph(layer_costs(ours), title="Module 3a, with reductions")

# %% [markdown]
# ## ResNet (2015): why not a hundred layers?
#
# Because deeper nets, beyond some twenty layers, got *worse*, and not from overfitting: worse on
# their own training images. Yet a deeper net could do as well if only its additional layers
# passed on what they get. He et al. (2015, https://arxiv.org/abs/1512.03385) make that easy. A
# *residual block* adds its input to its output: layers that do nothing pass everything on, and the
# gradient finds a way past them.
#
# See for yourself: nets of 20 and 56 layers from the paper's section 4.2, with the sums and without
# (*plain*), alike in all else. Each sees 15,360 pictures, every one once, so nothing can be learned
# by heart. We watch the accuracy on the training pictures, from window to window of 1,280.

# %%
from cnnbook.models.resnet_cifar import build_resnet_cifar


def residual_block(x, filters):
    change = layers.Conv2D(filters, 3, padding="same", use_bias=False, name="conv1")(x)
    change = layers.BatchNormalization(epsilon=1.001e-5, name="norm1")(change)
    change = layers.ReLU(name="relu1")(change)
    change = layers.Conv2D(filters, 3, padding="same", use_bias=False, name="conv2")(change)
    change = layers.BatchNormalization(epsilon=1.001e-5, name="norm2")(change)
    return layers.ReLU(name="relu2")(layers.Add(name="add")([x, change]))


resnet = build_resnet_cifar(8)
ours = check(lambda x: residual_block(x, 16), resnet, "conv1_relu", "stage1_block1_relu")
figure = plot_layer_graph(layer_costs(ours), title="A residual block")


# %% tags=["hide-input"]
def coloured_clothes(count):
    """The stand-in of chapter 8: clothes in a random light colour on a random dark one."""
    clothes, random = load_fashion_mnist(), np.random.default_rng(SEED)
    grey = clothes.train_images[:count] / np.float32(255)
    grey = np.pad(grey, ((0, 0), (2, 2), (2, 2), (0, 0)))
    size = (len(grey), 1, 1, 3)
    dark, light = (random.integers(low, low + 100, size).astype("float32") for low in (0, 156))
    pictures = (dark + (light - dark) * grey).astype("uint8")
    return clothes._replace(train_images=pictures, source="an embedded stand-in, coloured clothes")


seen = WINDOWS * STEPS * BATCH_SIZE
try:
    photos = load_cifar10()
except FileNotFoundError:
    photos = coloured_clothes(seen)
    print("CIFAR-10 is not here: this run uses coloured clothes, and its figures differ.")
shown = (photos.train_images[:seen], photos.train_labels[:seen])
precision = recommend_precision()
print(precision)


# %%
def train(depth, residual):
    """Train one net; return its accuracy in each window."""
    keras.utils.set_random_seed(SEED)
    net = build_resnet_cifar(depth, residual=residual)
    up, down = int(0.2 * WINDOWS * STEPS), int(0.8 * WINDOWS * STEPS)
    rate = CosineDecay(0.0, down, warmup_target=PEAK_RATE, warmup_steps=up)
    optimizer = keras.optimizers.SGD(rate, momentum=0.9)
    net.compile(optimizer, LOSS, metrics=["accuracy"], run_eagerly=QUICK)  # few steps: no graph
    batches = make_pipeline(*shown, BATCH_SIZE, training=True, seed=SEED).repeat()
    start, options = time.perf_counter(), {"verbose": 0, "shuffle": False}
    fitted = net.fit(batches, steps_per_epoch=STEPS, epochs=WINDOWS, **options)
    speed = seen / (time.perf_counter() - start)
    print(f"{net.name:9} {net.count_params():9,} parameters, {speed:4.0f} images a second")
    return fitted.history["accuracy"]


keras.config.set_dtype_policy(precision.policy)
forms = {"plain": False, "residual": True}
curves = {f"{form}, {d} layers": train(d, forms[form]) for form in forms for d in DEPTHS}
keras.config.set_dtype_policy("float32")

# %% tags=["hide-input"]
figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
looks = [
    ("#D55E00", "o", "-"),
    ("#D55E00", "s", "--"),
    ("#0072B2", "^", "-"),
    ("#0072B2", "D", "--"),
]
pictures = STEPS * BATCH_SIZE * np.arange(1, WINDOWS + 1)
for (name, accuracies), (colour, marker, line) in zip(curves.items(), looks, strict=True):
    axes.plot(pictures, 100 * np.array(accuracies), line, color=colour, marker=marker, label=name)
axes.set(xlabel="pictures seen", ylabel="training accuracy, %")
axes.set_title("Without sums, more layers learn less")
axes.legend(fontsize=8)
axes.grid(alpha=0.3)
plt.show()

ends = [100 * np.mean(accuracies[-3:]) for accuracies in curves.values()]  # the last quarter
(plain_20, plain_56, residual_20, residual_56), data = ends, {"source": photos.source}
claim("arch_plain_20", plain_20 / 100, at_least=0.3, embedded=0.4, quick=0, **data)
claim("arch_plain_56", plain_56 / 100, at_most=0.45, embedded=0.75, quick=1, **data)
claim("arch_plain_loses", plain_20 - plain_56, at_least=4, embedded=4, quick=-50, **data)
claim("arch_residual_56", residual_56 / 100, at_least=0.3, embedded=0.4, quick=0, **data)
claim("arch_residual_loses", residual_20 - residual_56, at_most=8, embedded=10, quick=50, **data)
claim("arch_sums_bring", residual_56 - plain_56, at_least=4, embedded=4, quick=-50, **data)

# %% [markdown]
# In the last quarter the plain net of 20 layers has 33 %<!--claim:arch_plain_20--> of its pictures
# right, that of 56 layers 16 %<!--claim:arch_plain_56-->: 18 points<!--claim:arch_plain_loses-->
# fewer. With sums 56 layers have 39 %<!--claim:arch_residual_56-->:
# 23 points<!--claim:arch_sums_bring--> more than without, and
# 6.6 points<!--claim:arch_residual_loses--> fewer than 20 layers with sums. (In the paper, after
# 64,000 steps instead of our 480, the deeper residual net is ahead.) Networks for ImageNet save
# work: from 50 layers on, a block's 3×3 convolution stands between two of 1×1, on a quarter of the
# maps.
#
# ## DenseNet (2016): why add, when one can keep?
#
# A sum cannot be taken apart again. DenseNet (Huang et al. 2016, https://arxiv.org/abs/1608.06993)
# *joins*: each layer sees the maps of all layers before it, unmixed, and adds a few of its own,
# here 12. Because nothing is lost, layers can be narrow.

# %%
from cnnbook.models.densenet import build_densenet, build_densenet_cifar


def dense_block(x, num_layers, growth_rate):
    for number in range(1, num_layers + 1):
        new = layers.BatchNormalization(epsilon=1.001e-5, name=f"norm{number}")(x)
        new = layers.ReLU(name=f"relu{number}")(new)
        conv3x3 = layers.Conv2D(
            growth_rate, 3, padding="same", use_bias=False, name=f"conv{number}"
        )
        new = conv3x3(new)
        x = layers.Concatenate(name=f"join{number}")([x, new])
    return x


densenet = build_densenet_cifar(depth=10)
ours = check(lambda x: dense_block(x, 2, 12), densenet, "conv1", "dense_block1_layer2")
figure = plot_layer_graph(layer_costs(ours), title="A dense block of two layers")

# %% [markdown]
# ## SqueezeNet (2016): how few parameters will do?
#
# Iandola et al. (https://arxiv.org/abs/1602.07360) asked for AlexNet's accuracy in a small file.
# A *fire module* squeezes the maps into few by 1×1 filters; then half of the new maps come
# from 1×1, half from 3×3 filters. Maps are halved late, and there is no dense layer. This module
# has 11,408<!--claim:arch_fire_parameters--> parameters, a 3×3 convolution of the same width
# 73,856<!--claim:arch_instead_of_fire_parameters-->.

# %%
from cnnbook.models.squeezenet import build_squeezenet


def fire(x, squeeze, expand):
    few = conv(x, squeeze, 1, "squeeze")
    both = [conv(few, expand, 1, "expand1x1"), conv(few, expand, 3, "expand3x3")]
    return layers.Concatenate(name="join")(both)


ours = check(lambda x: fire(x, 16, 64), build_squeezenet("1.1"), "pool1", "fire2")
claim("arch_fire_parameters", ours.count_params(), equals=11_408)
claim("arch_instead_of_fire_parameters", count_parameters(64, 128, 3), equals=73_856)
figure = plot_layer_graph(layer_costs(ours), title="A fire module")

# %% [markdown]
# ## MobileNetV2 (2018): how little work?
#
# A telephone has little memory, and little power too. AlexNet's groups, taken to the end, are
# *depthwise* convolutions: each filter sees one map. 1×1 convolutions before and behind mix the
# maps. Sandler et al. (https://arxiv.org/abs/1801.04381) keep the maps between blocks few and widen
# them within, and they add input and output where the maps are few: a residual block turned inside
# out.
#
# EfficientNet-Lite0 (Liu 2020, https://blog.tensorflow.org/2020/03/higher-accuracy-on-vision-models-with-efficientnet-lite.html,
# after Tan & Le 2019, https://arxiv.org/abs/1905.11946) has such blocks, their numbers and widths
# found by search. It is small enough to come with the book's packages, trained on ImageNet. What
# does it see in three photographs, without the internet?

# %%
from cnnbook.models.mobilenet_v2 import build_mobilenet_v2


def inverted_residual(x, wide):
    inside = layers.Conv2D(wide, 1, use_bias=False, name="expand")(x)
    inside = layers.BatchNormalization(name="expand_norm")(inside)
    inside = layers.ReLU(6, name="expand_relu")(inside)
    inside = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="depthwise")(inside)
    inside = layers.BatchNormalization(name="depthwise_norm")(inside)
    inside = layers.ReLU(6, name="depthwise_relu")(inside)
    inside = layers.Conv2D(x.shape[-1], 1, use_bias=False, name="project")(inside)
    inside = layers.BatchNormalization(name="project_norm")(inside)
    return layers.Add(name="add")([x, inside])


mobile, ends = build_mobilenet_v2(), ("stage2_block1_project_norm", "stage2_block2_add")
ours = check(lambda x: inverted_residual(x, 144), mobile, *ends)
figure = plot_layer_graph(layer_costs(ours), title="An inverted residual block")

# %%
from cnnbook.models.efficientnet_lite0 import build_efficientnet_lite0
from cnnbook.models.imagenet import classify

lite = build_efficientnet_lite0(weights="imagenet")
expected = {"cat": "cat", "coffee": "espresso", "rocket": "missile"}
photographs = {name: load_photo(name) for name in expected}
answers = {name: classify(lite, photo, top=3) for name, photo in photographs.items()}
titles = ["\n".join(f"{n.split(',')[0]}, {p:.0%}" for n, p in best) for best in answers.values()]
small = [
    ops.image.resize(photo.astype("float32"), (120, 180), antialias=True)
    for photo in photographs.values()
]
title = "The three best guesses of EfficientNet-Lite0"
figure = plot_gallery(np.stack(small).astype("uint8"), titles, inches=1.8, title=title)
right = [word in answers[name][0][0] for name, word in expected.items()]
claim("arch_photographs_named", sum(right), equals=3)

# %% [markdown]
# ## Measured, not copied
#
# All networks in their published sizes, one at a time; each file in `cnnbook/models` says where it
# differs from its paper. *Activations*: the outputs of all Keras layers for one picture, at four
# bytes a value: more than training must keep, and to be compared with care, for a ReLU within a
# convolution (AlexNet, VGG) is not counted. *Sees*: on how many pixels a value of the last maps
# would depend, along one side, had the picture no border. *ms*: one picture on this CPU, median.
# Top-1 alone is copied: the share of right first guesses on ImageNet, from the table named, where
# some take a larger picture or average over crops; that work is in no column.

# %%
from cnnbook.models.inception_v3 import build_inception_v3
from cnnbook.models.resnet import build_resnet

networks = {  # year, builder, side of the picture, top-1 in percent, its source
    "LeNet-5": (1998, build_lenet5, 28, None, "(digits)"),
    "AlexNet": (2012, build_alexnet, 227, 59.3, "Krizhevsky 2012, table 2; 10 crops"),
    "VGG-16": (2014, build_vgg, 224, 74.4, "Simonyan 2014, table 3; whole picture"),
    "GoogLeNet": (2014, build_googlenet, 224, 71, "Szegedy 2015, table 3; 1 crop"),
    "Inception v3": (2015, build_inception_v3, 299, 78.8, "Szegedy 2015, table 3; 1 crop"),
    "ResNet-50": (2015, build_resnet, 224, 77.15, "He 2015, table 3; 10 crops"),
    "DenseNet-121": (2016, build_densenet, 224, 74.98, "Huang 2016, table 3; 1 crop"),
    "SqueezeNet": (2016, build_squeezenet, 227, 57.5, "Iandola 2016, table 2"),
    "MobileNetV2": (2018, build_mobilenet_v2, 224, 72.0, "Sandler 2018, table 4"),
    "EfficientNet-Lite0": (2020, build_efficientnet_lite0, 224, 75.1, "Liu 2020, project page"),
}

# %%
Costs = namedtuple("Costs", "parameters work activations file ms sees")  # millions; MB; ms; pixels


def measure(build, side):
    """Build a network, measure what it costs, and forget it."""
    keras.utils.clear_session()
    image_shape = (28, 28, 1) if side == 28 else (SIDE or side, SIDE or side, 3)
    model = build(image_shape=image_shape)
    rows = layer_costs(model)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.weights.h5"
        model.save_weights(path)
        file_size = path.stat().st_size
    picture = np.random.default_rng(SEED).integers(0, 256, (1, *image_shape)).astype("float32")
    predict, stops = model if QUICK else model.predict_on_batch, []
    for _ in range(REPEATS + 2):  # the first two make the graph, and warm up
        predict(picture)
        stops.append(time.perf_counter())
    values = sum(int(np.prod(row.output_shape)) for row in rows)
    work = sum(row.multiply_adds for row in rows)
    sees = [row.receptive_field for row in rows if row.receptive_field][-1]
    millions = [n / 1e6 for n in (model.count_params(), work, 4 * values, file_size)]
    return Costs(*millions, 1000 * np.median(np.diff(stops)[1:]), sees)


costs = {name: measure(build, side) for name, (_, build, side, *_) in networks.items()}

# %% tags=["hide-input"]
table = ["| network | year | parameters, M | multiply-adds, M | activations, MB | file, MB | ms |"]
table[0] += " sees | top-1, % | source of top-1 |"
table.append("|:--|--:|--:|--:|--:|--:|--:|--:|--:|:--|")
for name, (year, _, _, top1, source) in networks.items():
    cost = costs[name]
    cells = [name, year, f"{cost.parameters:.2f}", f"{cost.work:,.1f}", f"{cost.activations:.1f}"]
    cells += [f"{cost.file:.1f}", f"{cost.ms:.1f}", cost.sees, top1 or "", source]
    table.append("| " + " | ".join(str(cell) for cell in cells) + " |")
display(Markdown("\n".join(table)))

counts = {"AlexNet": (60_965_224, 24_265_064), "VGG-16": (138_357_544, 43_985_704)}
counts |= {"GoogLeNet": (6_998_552,), "SqueezeNet": (1_248_424,)}
for name, (published, *smaller) in counts.items():
    key = f"arch_{name.lower().replace('-', '_')}_parameters"
    claim(key, round(1e6 * costs[name].parameters), equals=published, quick=(smaller or [None])[0])

# %% tags=["hide-input"]
figure, axes = plt.subplots(figsize=(7.5, 4.2), layout="constrained")
below, left = {"SqueezeNet", "DenseNet-121", "MobileNetV2"}, {"ResNet-50", "VGG-16"}  # the names
for name, (_, _, _, top1, _) in networks.items():
    if top1 is not None:
        place, area = (costs[name].work / 1000, top1), 5 * costs[name].parameters
        axes.scatter(*place, area, color="#0072B2", alpha=0.5, edgecolor="#000000")
        away = (-7 if name in left else 6, -14 if name in below else 7)
        align = {"ha": "right" if name in left else "left", "textcoords": "offset points"}
        axes.annotate(name, place, away, fontsize=8, **align)
axes.set(xscale="log", xlabel="multiply-adds, billion", ylabel="top-1 on ImageNet, %")
axes.xaxis.set_major_formatter("{x:g}")
axes.margins(x=0.15)
axes.set(ylim=(54, 82), title="The same accuracy for a fraction of the work (area: parameters)")
axes.grid(alpha=0.3)
plt.show()


# %% tags=["claims"]
claim("arch_vgg16_file", costs["VGG-16"].file, at_least=550, quick=150)
claim("arch_resnet50_file", costs["ResNet-50"].file, at_most=105)
few, many = np.array(costs["SqueezeNet"]), np.array(costs["AlexNet"])
claim("arch_alexnet_to_squeezenet", (many / few)[0], at_least=45, quick=15)
times = np.array(costs["DenseNet-121"]) / np.array(costs["ResNet-50"])
claim("arch_densenet_to_resnet_parameters", times[0], at_most=0.33)
claim("arch_densenet_to_resnet_activations", times[2], at_least=1)
times = np.array(costs["VGG-16"]) / np.array(costs["MobileNetV2"])
claim("arch_vgg_to_mobilenet_work", times[1], at_least=45, quick=20)
claim("arch_vgg_to_mobilenet_time", times[4], at_least=2, quick=0.2)

# %% [markdown]
# SqueezeNet has 49 times<!--claim:arch_alexnet_to_squeezenet--> fewer parameters than AlexNet.
# (Its authors found both equally good; in the table AlexNet has the help of ten crops.)
# DenseNet-121 has
# 31 %<!--claim:arch_densenet_to_resnet_parameters--> of ResNet-50's parameters, but, each joined
# copy counted, 1.3 times<!--claim:arch_densenet_to_resnet_activations--> its activations. VGG-16
# does 51 times<!--claim:arch_vgg_to_mobilenet_work--> the work of MobileNetV2 in
# 10 times<!--claim:arch_vgg_to_mobilenet_time--> the time: depthwise filters fetch much and compute
# little. One of our sources allows 50 ms on a telephone and 10 ms on a server; measure on yours.
# Another has ResNet fill 102 MB, and VGG 599. We find 103 MB<!--claim:arch_resnet50_file--> and
# 554 MB<!--claim:arch_vgg16_file-->.
#
# ## The spatial transformer (2015): what if the picture is turned?
#
# All these networks see a turned digit as another shape, to be learned anew. Jaderberg et al.
# (https://arxiv.org/abs/1506.02025) let a small net look first and give six numbers: where each
# pixel (x, y) of an upright picture comes from, (a x + b y + c, d x + e y + f). A *sampler* fetches
# them, weighing the four pixels around by nearness. Nearness has a slope, so the gradient passes,
# and the small net can learn from the names of the digits alone.
#
# To see it work, a classifier learns upright digits, and is then frozen. Before it we put the
# transformer, and give it digits that are turned by up to 90° to either side, anew in every epoch.
# Nobody tells it by how much. It can help by turning them back; with six numbers it may also shift,
# stretch and slant them.

# %% tags=["nbval-check-output"]
from cnnbook.models.spatial_transformer import AffineSampler, build_spatial_transformer


def sample(picture, theta):
    """Fetch each pixel of a square picture from where theta says."""
    a, b, c, d, e, f = theta
    along, pixels = np.linspace(-1, 1, len(picture)), np.arange(len(picture))
    x, y = np.meshgrid(along, along)
    columns, rows = ((a * x + b * y + c), (d * x + e * y + f))
    to_pixels = (len(picture) - 1) / 2
    near_columns = np.maximum(0, 1 - abs((columns[..., None] + 1) * to_pixels - pixels))
    near_rows = np.maximum(0, 1 - abs((rows[..., None] + 1) * to_pixels - pixels))
    return np.einsum("ijr,rc,ijc->ij", near_rows, picture, near_columns)


random, sampler = np.random.default_rng(SEED), AffineSampler()
picture, theta = random.random((28, 28)), random.normal(0, 0.7, 6)
package = sampler(picture[None, ..., None].astype("float32"), theta[None].astype("float32"))
print("six numbers, two samplers, one result:", end=" ")
print(np.allclose(sample(picture, theta), package[0, ..., 0], atol=1e-5))


# %%
def turn(pictures, angles):
    cosine, sine, zero = ops.cos(angles), ops.sin(angles), ops.zeros_like(angles)
    theta = ops.stack([cosine, -sine, zero, sine, cosine, zero], axis=1)
    return sampler(ops.cast(pictures, "float32"), theta)


def turn_anyhow(pictures):
    return turn(pictures, tf.random.uniform(tf.shape(pictures)[:1], -np.pi / 2, np.pi / 2))


keras.utils.set_random_seed(SEED)
training = (digits.train_images[:TURNED], digits.train_labels[:TURNED])
x = images = keras.Input((28, 28, 1))
x = layers.Rescaling(1 / 255)(x)
for name, filters in {"conv1": 32, "conv2": 64}.items():
    x = layers.Conv2D(filters, 3, activation="relu", name=name)(x)
    x = layers.MaxPooling2D(2)(x)
alone = keras.Model(images, layers.Dense(10, name="logits")(layers.Flatten()(x)))
alone.compile("adam", LOSS)
alone.fit(*training, batch_size=64, epochs=UPRIGHT_EPOCHS, verbose=0)

# %%
transformer = build_spatial_transformer()
for name in ("conv1", "conv2", "logits"):
    layer = transformer.get_layer(name)
    layer.set_weights(alone.get_layer(name).get_weights())
    layer.trainable = False
rate = CosineDecay(0.001, TURN_EPOCHS * -(-len(training[0]) // 64))
transformer.compile(keras.optimizers.Adam(rate), LOSS)
batches = make_pipeline(*training, 64, training=True, augment=turn_anyhow, seed=SEED)
transformer.fit(batches, epochs=TURN_EPOCHS, verbose=0, shuffle=False)

labels = digits.test_labels[:2_000]
angles = random.uniform(-np.pi / 2, np.pi / 2, len(labels)).astype("float32")
turned = np.asarray(turn(digits.test_images[:2_000], angles))
inside = [transformer.get_layer(name).output for name in ("theta", "sampler", "logits")]
look = keras.Model(transformer.input, inside)
thetas, straightened, logits = look.predict(turned, batch_size=500, verbose=0)
a, b, _, d, e, _ = thetas.T
turned_back = np.arctan2(d - b, a + e)  # the turn that is in theta, besides shear and size

# %% tags=["hide-input"]
chosen = [np.flatnonzero(labels == label)[0] for label in range(10)]
sevens = np.repeat(digits.test_images[chosen[7] : chosen[7] + 1], 10, axis=0)
sevens = np.asarray(turn(sevens, np.linspace(-1.5, 1.5, 10).astype("float32")))
shown = [turned[chosen] / 255, straightened[chosen], sevens / 255, look(sevens)[1]]
title = "Ten digits as given, and as the transformer hands them on; then one 7, ten times"
figure = plot_gallery(np.concatenate(shown), columns=10, inches=0.8, title=title)
off = [abs(np.angle(np.exp(1j * turns))) for turns in (angles, angles + turned_back)]
before, after = np.degrees(np.median(off, axis=1))
answers = alone.predict(turned, batch_size=500, verbose=0), logits
without, with_it = (np.mean(scores.argmax(axis=1) == labels) for scores in answers)
data = {"source": digits.source}
claim("arch_turned_before", before, at_least=40, quick=35, **data)
claim("arch_turned_after", after, at_most=25, embedded=25, quick=60, **data)
claim("arch_turned_accuracy_without", without, at_most=0.7, embedded=0.7, quick=1, **data)
claim("arch_turned_accuracy", with_it, at_least=0.8, embedded=0.8, quick=0.1, **data)

# %% [markdown]
# Half of the digits lay more than 45 degrees<!--claim:arch_turned_before--> from upright. Behind
# the sampler it is 15 degrees<!--claim:arch_turned_after-->. The classifier alone reads
# 51 %<!--claim:arch_turned_accuracy_without--> of them, through the transformer
# 85 %<!--claim:arch_turned_accuracy-->. Some digits it shrinks, enlarges or leaves
# lying.
#
# ## Break it on purpose
#
# Five poolings halve 32 pixels to one. A smaller picture is refused. MobileNetV2's padding takes
# anything, and its last maps are one pixel wide: of nine weights of a filter, eight see zeros.

# %% tags=["nbval-check-output"]
try:
    build_vgg(image_shape=(31, 31, 3))
except ValueError as error:
    print(error)
last_maps = build_mobilenet_v2(image_shape=(16, 16, 3)).get_layer("head_relu").output
print("MobileNetV2, 16 pixels:", last_maps.shape)

# %% [markdown]
# ## What you saw
#
# - One idea each: learned layers, ReLU and groups, 3×3 filters, 1×1 filters and branches, sums,
#   joins, squeezing, depthwise filters.
# - Plain depth harms training; with sums, depth can be had.
# - Parameters, work, memory and time are four different things. Measure the one that binds you.
#
# ## Exercises
#
# 1. Which VGG has 599 MB? Count VGG-19 by formula: its blocks have 2, 2, 4, 4, 4 convolutions.
# 2. How many parameters would GoogLeNet have with naive modules?
# 3. What does EfficientNet-Lite0 see when the photographs are turned by quarters?
#
# ## Solutions
#
# **1.** None: VGG-19 has 575 MB<!--claim:arch_vgg19_megabytes-->.
# **2.** 14 times<!--claim:arch_naive_to_reduced--> as many: each module adds to all the maps that
# came in, and the next one's filters are that much deeper.

# %% tags=["solution", "nbval-check-output"]
channels, total = 3, count_parameters(7 * 7 * 512, 4096) + count_parameters(4096, 4096)
total += count_parameters(4096, 1000)
for filters, convolutions in zip((64, 128, 256, 512, 512), (2, 2, 4, 4, 4), strict=True):
    for _ in range(convolutions):
        total += count_parameters(channels, filters, 3)
        channels = filters
print(f"{total:,} parameters of four bytes")
claim("arch_vgg19_megabytes", round(4 * total / 1e6), equals=575)

# %% tags=["solution", "nbval-check-output"]
naive = build_googlenet((32, 32, 3), reductions=False)
last_maps = naive.get_layer("inception5b").output.shape[-1]
print(f"{naive.count_params():,} parameters, {last_maps:,} maps behind the last module")
claim("arch_naive_to_reduced", round(naive.count_params() / 6_998_552), equals=14)
del naive

# %% [markdown]
# **3.** Cat and cup stay what they are, though the turned cup less surely. The turned rocket is
# taken for a crane. Three photographs prove no rule.

# %% tags=["solution"]
for name, photo in photographs.items():
    for quarters in range(4):
        [(best, share)] = classify(lite, np.ascontiguousarray(np.rot90(photo, quarters)), top=1)
        print(f"{name:7} {90 * quarters:3}°: {best.split(',')[0]}, {share:.0%}")
