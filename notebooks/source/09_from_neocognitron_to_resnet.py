# %% [markdown]
# # 9. From the neocognitron to ResNet
#
# A sentence is whispered from child to child along a row. With eight children it usually arrives,
# but with fifty-six nobody recognises it at the other end, although each child only had to repeat
# what it heard. Now hand the first child a slip of paper with the sentence on it. Everyone passes
# the slip on, and may add a remark. How long may the row be now?
#
# Networks had the same trouble: a famous one of 1998 had five layers of weights, one of 2014 had
# twenty-two, and then adding layers stopped helping. In this chapter you follow seven networks,
# each of which answers a question that an earlier one left open. You will write out the new piece
# of each, and see the row of children fail and recover. At the end you can read the diagram of a
# famous network, and say what each block is for and what it costs.
#
# Takes about 2 minutes<!--minutes:09_from_neocognitron_to_resnet--> on two CPU cores (quick: under
# 45 seconds); needs chapters 5 to 8, and the photographs of chapter 8 or their stand-in.

# %% tags=["setup"]
import os
from collections import defaultdict, namedtuple
from functools import partial
from itertools import pairwise, product

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from IPython.display import Markdown
from keras import layers, ops
from keras.optimizers.schedules import CosineDecay
from numpy.lib.stride_tricks import sliding_window_view

from cnnbook.arithmetic import count_parameters, output_size, receptive_field
from cnnbook.book.claims import claim
from cnnbook.book.studies import read_study
from cnnbook.datasets.cifar import load_cifar10
from cnnbook.datasets.mnist import load_fashion_mnist, load_mnist
from cnnbook.datasets.pipeline import make_pipeline
from cnnbook.deploy.costs import layer_costs
from cnnbook.models.alexnet import build_alexnet
from cnnbook.models.googlenet import build_googlenet, naive_inception_module
from cnnbook.models.inception_v3 import build_inception_v3
from cnnbook.models.lenet5 import build_lenet5

# %% tags=["setup"]
from cnnbook.models.neocognitron import build_neocognitron
from cnnbook.models.resnet import build_resnet
from cnnbook.models.resnet_cifar import build_resnet_cifar
from cnnbook.models.vgg import build_vgg
from cnnbook.plots.book_style import use_book_style
from cnnbook.plots.map_sizes import plot_map_sizes

QUICK = "CNNBOOK_QUICK" in os.environ  # the short run: small pictures, every cell
SEED, POINTS = 1, 100
SEEDS = (1,) if QUICK else (1, 2, 3)  # of the slopes at the start
DEPTHS = (8, 14) if QUICK else (20, 56)
PICTURES, EPOCHS, BATCH_SIZE = (256, 1, 64) if QUICK else (10_000, 12, 64)
AT_ONCE = 4 if QUICK else 16  # steps that Keras takes in one go
use_book_style()
tf.get_logger().setLevel("ERROR")  # it would warn that we build many networks
CROSS_ENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
LAYER, JOIN, POOL, MAPS = "#9ecae1", "#f4a582", "#fdd0a2", "#eeeeee"  # of boxes
COSTS = {}  # network: pixels a side, parameters, multiply-adds


def side(pixels):
    return 80 if QUICK else pixels


def note_costs(name, model):
    work = sum(layer.multiply_adds for layer in layer_costs(model))
    COSTS[name] = model.input_shape[1], model.count_params(), work


# %% tags=["setup"]
def draw_boxes(axes, boxes, arrows, width=1.7, height=0.7):
    """Draw {name: (x, y, text, color)}, and arrows (from, to, way)."""
    for x, y, text, color in boxes.values():
        corner = (x - width / 2, y - height / 2)
        look = {"facecolor": color, "edgecolor": "#555555"}
        axes.add_patch(plt.Rectangle(corner, width, height, **look))
        axes.text(x, y, text, ha="center", va="center", fontsize=9, linespacing=1.1)
    for start, end, way in arrows:
        (x, y, *_), (to_x, to_y, *_) = boxes[start], boxes[end]
        tail, head, shape = (x + width / 2, y), (to_x - width / 2, to_y), "arc3"
        if way == "over":  # in a bow above the boxes between
            tail, head = (x, y + height / 2), (to_x, to_y + height / 2)
            shape = "arc3,rad=-0.25"
        if way == "down":
            tail, shape = (x, y - height / 2), "angle,angleA=-90,angleB=0"
        if way == "up":
            head, shape = (to_x, to_y - height / 2), "angle,angleA=0,angleB=-90"
        look = {"arrowstyle": "-|>", "color": "#333333", "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", head, tail, arrowprops=look | {"connectionstyle": shape})
    axes.set_aspect("equal")
    axes.axis("off")


# %% tags=["setup"]
Side = namedtuple("Side", "tried rate runs")  # seed 0 at each rate; the others


def sides_of(study):
    """Read a record: for each network its rates, the chosen one, its runs."""
    found = defaultdict(lambda: defaultdict(dict))
    for run in read_study(study).values():
        its = run["settings"]
        name = f"{its['net']}-{its['depth']}"
        found[name][its["rate"]][its["seed"]] = run["result"]
    sides = {}
    for name, rates in found.items():
        tried = {rate: it[0] for rate, it in sorted(rates.items()) if 0 in it}
        rate = min(tried, key=lambda rate: tried[rate]["train_loss"])
        runs = [it for seed, it in sorted(rates[rate].items()) if seed > 0]
        sides[name] = Side(tried, rate, runs)
    return sides


def ends_of(side, what):
    return POINTS * np.array([run[what] for run in side.runs])


def spread(values, digits=1):
    ends = f"{values.min():.{digits}f} to {values.max():.{digits}f}"
    return f"{values.mean():.{digits}f} ({ends})"


# %% [markdown]
# ## A contest, and its winners
#
# Suppose that you show a network a picture of a tabby cat, and it offers five names: tiger, lynx,
# tabby, dog, fox. Its first guess is wrong, but the right name is among the five. So this picture
# counts as an error for the **top-1 error**, the share of pictures whose first guess is wrong, but
# not for the **top-5 error**, the share whose class is not among the five best guesses.
#
# From 2010 to 2017 there was a yearly contest on *ImageNet*, with 1.2 million photographs of 1,000
# classes to learn from. It was judged by the top-5 error on photographs whose labels no team had.
# The figure has the winners, and what was new in each.

# %% tags=["hide-input"] alt="Eight horizontal bars, one for each year from 2010 to 2017; they shrink from 28 to 2 percent, and beside each stands the winner and what was new"
WINNERS = {  # year: top-5 error in percent, the winner and what was new
    2010: (28.2, "NEC: features that people designed"),
    2011: (25.8, "XRCE: better features of that kind"),
    2012: (16.4, "AlexNet: eight layers that learn, on two graphics cards"),
    2013: (11.7, "Clarifai: hardly deeper, other sizes of filters"),
    2014: (6.66, "GoogLeNet: 22 layers, in modules"),
    2015: (3.57, "ResNet: 152 layers, with sums"),
    2016: (2.99, "Trimps-Soushen: several known networks together"),
    2017: (2.25, "SENet: maps are weighed by what they hold (chapter 10)"),
}
figure, axes = plt.subplots(figsize=(7.2, 3.2))
errors = [error for error, _ in WINNERS.values()]
axes.barh(list(WINNERS), errors, color=["0.75"] * 2 + ["C0"] * 6)
for year, (error, text) in WINNERS.items():
    axes.text(error + 0.4, year, f"{error:g} %  {text}", va="center")
axes.set(xlim=(0, 58), ylim=(2017.6, 2009.4), yticks=list(WINNERS), xticks=[])
axes.set_xlabel("top-5 error of the winner")
axes.spines["bottom"].set_visible(False)
axes.grid(False)
plt.show()

# %% [markdown]
# **Figure 9.1. Eight years of a contest.** Grey bars are winners without a deep network. The error
# falls every year, but not always because of depth. In 2013, for example, the winner was designed
# with a method of Zeiler and Fergus, whose own network was no deeper.
#
# The numbers come from the contest's own report (Russakovsky et al., 2015, [ImageNet Large Scale
# Visual Recognition Challenge](https://arxiv.org/abs/1409.0575)), from the papers below, and for
# 2016 from the [contest's page](https://image-net.org/challenges/LSVRC/2016/results). For 2013 see
# Zeiler and Fergus (2013, [Visualizing and understanding convolutional
# networks](https://arxiv.org/abs/1311.2901)), for 2017 Hu et al. (2017, [Squeeze-and-Excitation
# Networks](https://arxiv.org/abs/1709.01507)). Every winner from 2012 on was an **ensemble**, that
# is, several networks whose answers are averaged, and each looked at several cut-outs of the
# picture. So these bars say what a team could do, and not what one network does in one look.
#
# For each network below you will write its new piece yourself. The function `compare` then cuts the
# same piece out of the package's network, gives both the same weights and the same random input,
# and asks whether they give the same.


# %%
def compare(piece, network, before, last):
    start, end = (network.get_layer(name).output for name in (before, last))
    theirs = keras.Model(start, end)
    maps = keras.Input(theirs.input_shape[1:])
    ours = keras.Model(maps, piece(maps))
    ours.set_weights(theirs.get_weights())
    values = np.random.default_rng(SEED).random((2, *maps.shape[1:]), "float32")
    same = np.allclose(ours(values), theirs(values), atol=1e-4)
    print(f"{ours.count_params():,} parameters, the same answers: {same}")
    return ours.count_params(), int(same)


# %% [markdown]
# ## The neocognitron (1980): can cells be copied?
#
# In chapter 1 you met the cells that Hubel and Wiesel found in the cat. A simple cell answers to a
# line of one direction at one place, and a complex cell accepts that line a little to the side.
# Fukushima built a network of such cells, the **neocognitron** (1980, [Neocognitron: a
# self-organizing neural network model](https://doi.org/10.1007/BF00344251)). Its *S-cells* look for
# a pattern, its *C-cells* blur what the S-cells found, and both kinds repeat; today we call them
# convolution and pooling. In its [form of 1988](https://doi.org/10.1016/0893-6080%2888%2990014-7),
# whose sizes we use, the first layer has 12<!--claim:arch_neocognitron_planes--> planes for lines
# of eight directions. The four directions that lie between horizontal, vertical and diagonal take
# two patterns each to draw with 3×3 pixels.
#
# To decide, an S-cell compares the *shape* of what it sees with its pattern, whatever the
# brightness. Take a vertical line of three ones: with itself it shares 3 pixels, and 3 / (√3 · √3)
# is 1, a perfect match. With a diagonal it shares only the middle, so the match is 1/3. An S-cell
# of the first layer answers where the match is above 1.7/2.7 = 0.63, and so it ignores the
# diagonal.


# %%
def s_cells(picture, patterns, r=1.7):
    windows = sliding_window_view(np.pad(picture, 1), (3, 3))
    overlap = np.einsum("yxij,pij->yxp", windows, patterns) / 9
    strength = np.sqrt(np.mean(windows**2, axis=(2, 3)) + 1e-6)
    sought = np.sqrt(np.mean(patterns**2, axis=(1, 2)) + 1e-6)
    needed = r / (1 + r) * strength[..., None] * sought
    return r * np.maximum(0, (1 + 100 * overlap) / (1 + 100 * needed) - 1)


# %% tags=["setup"]
digits = load_mnist()
four = digits.train_images[digits.train_labels == 4][:1].astype("float32")
digit = np.array(ops.image.resize(four, (19, 19), antialias=True))  # its size
neocognitron = build_neocognitron()
first_layer = neocognitron.get_layer("s1")
patterns = np.moveaxis(first_layer.get_weights()[0][:, :, 0], -1, 0)

# %% tags=["nbval-check-output"]
ours = s_cells(digit[0, ..., 0] / 255, patterns)
theirs = keras.Model(neocognitron.input, first_layer.output)(digit)[0]
print("planes of S-cells:", ours.shape)
print("the same answers:", np.allclose(ours, theirs, atol=1e-3))

# %% tags=["hide-input"] alt="A hand-written four on the left; beside it four small patterns of lines, horizontal, rising, vertical and falling, and below each the plane of cells, bright where the four has a stroke of that direction"
titles = ("horizontal", "rising", "vertical", "falling")
spots = [[".", *titles], ["digit", *(f"cells {name}" for name in titles)]]
ratios = {"height_ratios": (0.5, 1), "figsize": (7.2, 2.6)}
figure, axes = plt.subplot_mosaic(spots, **ratios)
axes["digit"].imshow(digit[0, ..., 0], "gray")
axes["digit"].set_title("the digit")
look = {"cmap": "inferno", "vmin": 0, "vmax": ours[..., :4].max()}
for number, name in enumerate(titles):
    axes[name].imshow(patterns[number], "gray", vmax=1.2)
    axes[name].set_title(name, loc="center")
    shown = axes[f"cells {name}"].imshow(ours[..., number], **look)
bar = {"ax": [axes[f"cells {name}"] for name in titles], "shrink": 0.9}
figure.colorbar(shown, label="answer", **bar)
for each in axes.values():
    each.set(xticks=[], yticks=[])
    each.grid(False)
plt.show()

# %% [markdown]
# **Figure 9.2. Four patterns, and what their S-cells answer.** The pattern of each plane stands
# above it, and its cells are bright mostly where the digit has a stroke of that direction. A few
# cells for falling lines answer inside the thick strokes as well. The same pattern is used at every
# place, just as in a convolution.
#
# The later layers learned, too, but not from errors. In 1980 the cell that answered most strongly
# took what it saw as its pattern, without any labels, and in 1988 a teacher chose examples for each
# layer. So no layer was told what the layers above it needed.

# %% tags=["claims"]
claim("arch_neocognitron_planes", len(patterns), equals=12)
same = int(np.allclose(ours, theirs, atol=1e-3))
claim("arch_neocognitron_same", same, equals=1)

# %% [markdown]
# ## LeNet-5 (1998): can every layer learn from the error?
#
# Backpropagation gives that message to every layer (chapter 3). LeCun and others trained a
# convolutional network with it in 1989 ([Backpropagation applied to handwritten zip code
# recognition](https://doi.org/10.1162/neco.1989.1.4.541)). **LeNet-5**, which read cheques, became
# its best-known form (LeCun, Bottou, Bengio and Haffner, 1998, [Gradient-based learning applied to
# document recognition](http://yann.lecun.com/exdb/publis/)). Its layers are those of chapter 4:
# convolutions of 5×5, poolings that take the mean, and dense layers at the end, all with tanh.


# %% tags=["network"]
def lenet(x):
    x = layers.ZeroPadding2D(2)(
        x
    )  # 28 pixels become 32, so strokes are off the rim
    x = layers.Rescaling(1.275 / 255, offset=-0.1)(x)
    x = layers.Conv2D(6, 5, activation="tanh")(x)
    x = layers.AveragePooling2D(2)(x)
    x = layers.Conv2D(16, 5, activation="tanh")(x)
    x = layers.AveragePooling2D(2)(x)
    x = layers.Conv2D(120, 5, activation="tanh")(x)  # sees its 5×5 maps whole
    x = layers.Flatten()(x)
    x = layers.Dense(84, activation="tanh")(x)
    return layers.Dense(10)(x)


# %% [markdown]
# Count before you run it: the convolutions have 6 · (25 + 1) = 156, 16 · (150 + 1) = 2,416 and 120
# · (400 + 1) = 48,120 parameters. The dense layers have 84 · 121 = 10,164 and 10 · 85 = 850.

# %% tags=["nbval-check-output"]
print(156 + 2_416 + 48_120 + 10_164 + 850, "by hand")
lenet5 = build_lenet5()
lenet_parameters, lenet_same = compare(lenet, lenet5, "images", "logits")

# %% tags=["hide-input"] alt="LeNet-5 as a row of blocks: maps of 28, 14, 10, 5 and 1 pixels a side, from 6 to 120 of them, then bars of 84 and 10 numbers"
drawn = ("rim", "c1", "s2", "c3", "s4", "c5", "f6", "logits")
plot_map_sizes([row for row in layer_costs(lenet5) if row.name in drawn])
plt.show()

# %% [markdown]
# **Figure 9.3. LeNet-5.** Blocks are maps, and bars are plain numbers. The names are those of the
# paper, with C for a convolution and S for a pooling.
#
# This form has 61,706<!--claim:arch_lenet5_parameters--> parameters, while the paper counts 60,000.
# Its second convolution leaves out some connections, by a table made by hand, its poolings have 44
# weights, and it ends in distances to drawn digits. `cnnbook/models/lenet5.py` lists such
# differences, as the file of each network does.

# %% tags=["claims"]
note_costs("LeNet-5", lenet5)
claim("arch_lenet5_parameters", lenet_parameters, equals=61_706)
claim("arch_lenet5_same", lenet_same, equals=1)

# %% [markdown]
# ## AlexNet (2012): does it work for photographs?
#
# Digits are small and grey, and there are ten of them. For 1,000 classes of photographs **AlexNet**
# took about a thousand times as many parameters, 1.2 million pictures to learn from, and graphics
# cards, which are built for such sums (Krizhevsky, Sutskever and Hinton, 2012, [ImageNet
# classification with deep convolutional neural
# networks](https://papers.nips.cc/paper/4824-imagenet-classification-with-deep-convolutional-neural-networks)).
# It has five convolutions and three dense layers, and you know its ReLU, dropout and weight decay
# from chapters 5 and 6. New was **local response normalisation**, which makes a number smaller when
# its neighbours in other maps are large. Two years later the authors of VGG, below, found that it
# brought them nothing.
#
# One trick came from need, because a card had 3 gigabytes of memory, too little for the whole
# network. So it was cut in two. Each card held half of the filters, and in some layers these saw
# only the maps on their own card. This is a **grouped convolution**: the channels are divided into
# groups that do not see each other.
#
# How much does that save? The second convolution has 256 filters of 5×5 for 96 maps, so undivided
# it would have 256 · (25 · 96 + 1) parameters. Divided, each filter sees only 48 maps, which makes
# 256 · (25 · 48 + 1), about half. The multiplications are halved, too.


# %%
def two_groups(x):
    halves = []
    for half in ops.split(x, 2, axis=-1):  # 48 maps for each card
        conv = layers.Conv2D(128, 5, padding="same", activation="relu")
        halves.append(conv(half))
    return layers.Concatenate()(halves)


# %% tags=["nbval-check-output"]
grouped = build_alexnet(image_shape=(67, 67, 3), num_classes=10)  # a small one
in_groups, groups_same = compare(two_groups, grouped, "pool1", "conv2")
undivided = count_parameters(96, 256, kernel_size=5)
print(f"{undivided:,} without groups")

# %% tags=["hide-input"] alt="Boxes from left to right: 96 maps divide into two halves of 48; each half goes through 128 filters of five times five, and the two results are joined to 256 maps"
boxes = {"in": (0, 0, "96 maps\n27×27", MAPS)}
for card, y in ((1, 0.6), (2, -0.6)):
    boxes[f"half {card}"] = (2.6, y, f"48 maps,\ncard {card}", MAPS)
    boxes[f"conv {card}"] = (5.2, y, "5×5 conv,\n128 filters", LAYER)
boxes["join"] = (7.8, 0, "joined:\n256 maps", JOIN)
arrows = [("in", f"half {card}", "") for card in (1, 2)]
arrows += [(f"half {card}", f"conv {card}", "") for card in (1, 2)]
arrows += [(f"conv {card}", "join", "") for card in (1, 2)]
figure, axes = plt.subplots(figsize=(7.2, 1.7))
draw_boxes(axes, boxes, arrows)
axes.set(xlim=(-1, 8.8), ylim=(-1.05, 1.05))
plt.show()

# %% [markdown]
# **Figure 9.4. AlexNet's second convolution, on two cards.** The filters of card 1 never see the
# maps of card 2. The cards exchange their maps only before the third convolution and before the
# dense layers.
#
# So groups leave 307,456<!--claim:arch_groups_parameters-->
# of 614,656<!--claim:arch_without_groups_parameters--> parameters. The paper makes one slip: it
# says that pictures have 224 pixels, but a filter of 11 with a stride of 4 then stops at (224 − 11)
# / 4 + 1 = 54.25 places. With 227 pixels it is 55.

# %% tags=["claims"]
claim("arch_groups_parameters", in_groups, equals=307_456)
claim("arch_groups_same", groups_same, equals=1)
claim("arch_without_groups_parameters", undivided, equals=614_656)
claim("arch_alexnet_places", output_size(227, 11, strides=4), equals=55)
whole = build_alexnet(image_shape=(side(227), side(227), 3))
small = 24_265_064 if QUICK else None
claim(
    "arch_alexnet_parameters", whole.count_params(), equals=60_965_224, quick=small
)
del whole
tower = build_alexnet("single_tower", image_shape=(side(224), side(224), 3))
note_costs("AlexNet (2014)", tower)  # one look of this form was measured
del tower

# %% [markdown]
# ## VGG (2014): how large should a filter be?
#
# AlexNet has filters of 11×11, 5×5 and 3×3, and nobody said why. The authors of **VGG** made nearly
# all of them 3×3, and stacked more of them instead (Simonyan and Zisserman, 2014, [Very deep
# convolutional networks](https://arxiv.org/abs/1409.1556)).
#
# Compare two ways to see 5×5 pixels, with c maps in and c maps out. One convolution of 5×5 takes 25
# · c · c weights. Two convolutions of 3×3 in a row see as much, as Figure 1.11 showed, and they
# take 2 · 9 · c · c = 18 · c · c. So you save 28 %, and get a second ReLU on the way. Three of them
# see 7<!--claim:arch_three_3x3_see--> pixels, and save 45 %<!--claim:arch_weights_saved--> of the
# weights of one 7×7.


# %%
def vgg_block(x, filters=128, convolutions=2):
    for _ in range(convolutions):
        conv = layers.Conv2D(filters, 3, padding="same", activation="relu")
        x = conv(x)
    return layers.MaxPooling2D(2)(x)


# %% tags=["nbval-check-output"]
vgg13 = build_vgg(13, image_shape=(32, 32, 3), num_classes=10)
vgg_block_parameters, vgg_same = compare(
    vgg_block, vgg13, "block1_pool", "block2_pool"
)
print("filters:", [vgg13.get_layer(f"block{n}_conv1").filters for n in range(1, 6)])
thrice = output_size(output_size(output_size(227, 3), 3), 3)
print("227 pixels: three 3×3 leave", thrice, "and one 7×7", output_size(227, 7))
print("one 7×7 with a stride of 4 leaves", output_size(227, 7, strides=4))

# %% tags=["hide-input"] alt="Two rows of boxes: a block of VGG with two convolutions and a pooling; below it the five blocks of VGG-16 with 64 to 512 filters and the three dense layers"
block = {"in": (0, 1.3, "64 maps\n112×112", MAPS)}
block |= {f"conv {n}": (2.2 * n, 1.3, "3×3 conv,\n128", LAYER) for n in (1, 2)}
block["pool"] = (6.6, 1.3, "2×2 max\npooling", POOL)
block["out"] = (8.8, 1.3, "128 maps\n56×56", MAPS)
names = list(block)
arrows = [(a, b, "") for a, b in pairwise(names)]
whole = {}
sizes = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))
for n, (count, filters) in enumerate(sizes):
    whole[f"block {n}"] = (1.76 * n, 0, f"{count} conv,\n{filters}", LAYER)
whole["dense"] = (8.8, 0, "3 dense", "#a1d99b")
names = list(whole)
more = [(a, b, "") for a, b in pairwise(names)]
figure, axes = plt.subplots(figsize=(7.2, 1.85))
draw_boxes(axes, block | whole, arrows + more, width=1.45)
axes.set(xlim=(-0.9, 9.7), ylim=(-0.6, 1.9))
plt.show()

# %% [markdown]
# **Figure 9.5. A block of VGG, and VGG-16.** Above is the second block: two convolutions that keep
# the size, and a pooling that halves it. Below are all five blocks, with the number of their
# convolutions and filters. Thirteen convolutions and three dense layers have weights, which gives
# the 16 in its name.
#
# It is sometimes said that three of 3×3 equal one of 7×7 with a stride of 4. The last printed line
# shows the error: that one leaves only 56 places of 221. VGG-16
# has 138,357,544<!--claim:arch_vgg_16_parameters--> parameters, of which
# 89 %<!--claim:arch_vgg16_dense_share--> sit in the three dense layers. At four bytes each they
# fill 553 MB<!--claim:arch_vgg16_file-->, and not the 599 that one sometimes reads.

# %% tags=["claims"]
claim("arch_three_3x3_see", receptive_field([(3, 1)] * 3), equals=7)
three, one = (
    n * count_parameters(64, 64, f, bias=False) for n, f in ((3, 3), (1, 7))
)
claim("arch_weights_saved", round(1 - three / one, 2), equals=0.45)
claim("arch_vgg_block_parameters", vgg_block_parameters, equals=221_440)
claim("arch_vgg_block_same", vgg_same, equals=1)
claim("arch_vgg_stride_leaves", output_size(227, 7, strides=4), equals=56)
vgg16 = build_vgg(16, image_shape=(side(224), side(224), 3))
note_costs("VGG-16", vgg16)
vgg_parameters = vgg16.count_params()
small = 43_985_704 if QUICK else None
claim("arch_vgg_16_parameters", vgg_parameters, equals=138_357_544, quick=small)
dense = sum(
    vgg16.get_layer(name).count_params() for name in ("fc1", "fc2", "logits")
)
share = round(dense / vgg_parameters, 2)
claim("arch_vgg16_dense_share", share, equals=0.89, quick=0.67)
few = {"quick": 150}
claim("arch_vgg16_file", 4 * vgg_parameters / 1e6, at_least=550, **few)
claim("arch_vgg16_file_at_most", 4 * vgg_parameters / 1e6, at_most=557)
del vgg16

# %% [markdown]
# ## GoogLeNet (2014): must a deep network be so expensive?
#
# **GoogLeNet** beat VGG in the same contest, with
# 8.7 times<!--claim:arch_googlenet_saves_parameters--> fewer parameters than AlexNet (Szegedy et
# al., 2014, [Going deeper with convolutions](https://arxiv.org/abs/1409.4842), which says 12).
# First, it takes the mean of each last map, instead of the two large dense layers. Second, it has a
# filter of 1×1. Both ideas are from Lin, Chen and Yan (2013, [Network in
# network](https://arxiv.org/abs/1312.4400)).
#
# What can a filter see in a single pixel? It sees all its channels. Let one pixel have the values
# 2, 0, 1 and 3 in four maps, and let the filter have the weights 1, 1, 0 and −1. It gives 2 + 0 + 0
# − 3 = −1. So a **pointwise convolution**, a convolution of 1×1, mixes the maps of each pixel. With
# 16 such filters, 192 maps become 16 mixtures.
#
# That makes other filters cheap, because a convolution of 5×5 from 192 maps to 32 has 25 · 192 · 32
# = 153,600 weights. With 16 mixtures in between it is 192 · 16 + 25 · 16 · 32 = 3,072 + 12,800 =
# 15,872, almost ten times fewer. Because the path is narrow in the middle, one speaks of a
# bottleneck. An **Inception module** does not choose a size of filter at all. It has several side
# by side, the large ones behind bottlenecks, and stacks their maps.


# %%
def inception(x):
    conv = partial(layers.Conv2D, padding="same", activation="relu")
    few_for_3x3, few_for_5x5 = conv(96, 1)(x), conv(16, 1)(x)
    pooled = layers.MaxPooling2D(3, strides=1, padding="same")(x)
    branches = [conv(64, 1)(x), conv(128, 3)(few_for_3x3)]
    branches += [conv(32, 5)(few_for_5x5), conv(32, 1)(pooled)]
    return layers.Concatenate()(branches)


# %%
def naive(x):  # the same without bottlenecks
    conv = partial(layers.Conv2D, padding="same", activation="relu")
    pooled = layers.MaxPooling2D(3, strides=1, padding="same")(x)
    branches = [conv(64, 1)(x), conv(128, 3)(x), conv(32, 5)(x), pooled]
    return layers.Concatenate()(branches)


# %% tags=["nbval-check-output"]
googlenet = build_googlenet(image_shape=(side(224), side(224), 3))
module, module_same = compare(inception, googlenet, "pool2", "inception3a")
start = keras.Input((28, 28, 192), name="pool2")
row_3a = (64, 96, 128, 16, 32, 32)  # of the paper's table 1
without = keras.Model(start, naive_inception_module(start, row_3a, "naive3a"))
naive_module, naive_same = compare(naive, without, "pool2", "naive3a")

# %% tags=["hide-input"] alt="An Inception module: 192 maps go into four branches, of which two have a bottleneck of one times one before filters of three times three and five times five, one a pooling and a one times one behind it; all are joined to 256 maps"
boxes = {"in": (0, 0.4, "192 maps", MAPS), "a": (4.6, 1.7, "1×1 conv, 64", LAYER)}
boxes["join"] = (9.2, 0.4, "joined:\n256 maps", JOIN)
for name, y, few, size, many in (("b", 0.5, 96, 3, 128), ("c", -0.5, 16, 5, 32)):
    boxes[f"few {name}"] = (3.2, y, f"1×1 conv, {few}", LAYER)
    boxes[name] = (6.0, y, f"{size}×{size} conv, {many}", LAYER)
boxes["few d"] = (3.2, -1.5, "3×3 pooling", POOL)
boxes["d"] = (6.0, -1.5, "1×1 conv, 32", LAYER)
arrows = [("in", "a", ""), *((f"few {n}", n, "") for n in "bcd")]
arrows += [("in", f"few {n}", "") for n in "bcd"] + [
    (n, "join", "") for n in "abcd"
]
figure, axes = plt.subplots(figsize=(7.2, 2.7))
draw_boxes(axes, boxes, arrows, width=1.9)
axes.set(xlim=(-1.1, 10.3), ylim=(-2, 2.2))
plt.show()

# %% [markdown]
# **Figure 9.6. The first Inception module, 3a.** Blue boxes are convolutions with their number of
# filters. Both large filters stand behind a bottleneck of 1×1, and the pooling has one behind it.
# At the end all maps are stacked: 64 + 128 + 32 + 32 = 256.
#
# The module has 163,696<!--claim:arch_inception_parameters--> parameters, and without bottlenecks
# it would have 387,296<!--claim:arch_naive_inception_parameters-->. Worse, it would then give 416
# maps instead of 256, because the pooling passes on all 192, so that the next module starts with
# more.

# %% tags=["claims"]
claim("arch_inception_parameters", module, equals=163_696)
claim("arch_inception_same", module_same, equals=1)
claim("arch_naive_inception_parameters", naive_module, equals=387_296)
claim("arch_naive_inception_same", naive_same, equals=1)
claim("arch_naive_maps", without.output_shape[-1], equals=416)
note_costs("GoogLeNet", googlenet)
claim("arch_googlenet_parameters", googlenet.count_params(), equals=6_998_552)
times = 60_965_224 / 6_998_552
claim("arch_googlenet_saves_parameters", times, at_least=8)
del googlenet, without

# %% [markdown]
# ## Inception v3 (2015): can a filter be split?
#
# Sobel's kernel, which you know from chapter 1, is a product: the column 1, 2, 1 smooths, and the
# row −1, 0, 1 takes differences. So you may first slide the row and then the column, with six
# weights instead of nine. Not every kernel can be split in this way, but a network may learn to do
# with those that can.

# %% tags=["nbval-check-output"]
column, row = np.array([1, 2, 1]), np.array([-1, 0, 1])
print(column[:, None] * row)

# %% [markdown]
# **Inception v3** does so with 7×7. A convolution of 1×7 and one of 7×1 behind it have 14 weights
# for each pair of maps, instead of 49 (Szegedy et al., 2015, [Rethinking the Inception
# architecture](https://arxiv.org/abs/1512.00567)). This is called a **factorised convolution**. One
# branch of a module looks like this, with batch normalisation, which AlexNet, VGG and GoogLeNet did
# not have.


# %%
def seven_by_seven(x):
    for filters, size in ((128, 1), (128, (1, 7)), (192, (7, 1))):
        x = layers.Conv2D(filters, size, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization(scale=False)(x)
        x = layers.ReLU()(x)
    return x


# %% tags=["nbval-check-output"]
pixels = 75 if QUICK else 299
inception_v3 = build_inception_v3(image_shape=(pixels, pixels, 3))
_, bars_same = compare(
    seven_by_seven, inception_v3, "mixed3", "mixed4_7x7_conv3_relu"
)
in_bars = 7 * 128 * 128 + 7 * 128 * 192
print(f"{in_bars:,} weights in the bars, {49 * 128 * 192:,} in one 7×7")

# %% tags=["hide-input"] alt="On the left a column of three cells times a row of three cells gives a square of nine with Sobel's numbers; on the right a column of seven times a row of seven gives a square of 49 empty cells"
figure, axes = plt.subplots(figsize=(7.2, 2.3))
tall, wide = np.full((7, 1), np.nan), np.full((1, 7), np.nan)
pair = (column[:, None], row[None])
tables = [*zip((0, 2.2, 6.4), (*pair, pair[0] * pair[1]), strict=True)]
tables += [(11.5, tall), (13.7, wide), (21.9, tall * wide)]
for left, table in tables:
    for (y, x), value in np.ndenumerate(table):
        look = {"facecolor": LAYER if 1 in table.shape else MAPS, "edgecolor": "w"}
        corner = left + x, (7 - len(table)) / 2 + y
        axes.add_patch(plt.Rectangle(corner, 1, 1, **look))
        text = "" if np.isnan(value) else f"{value:.0f}".replace("-", "−")
        axes.text(*np.add(corner, 0.5), text, ha="center", va="center")
for x, sign in ((1.6, "×"), (5.8, "="), (13.1, "×"), (21.3, "=")):
    axes.text(x, 3.5, sign, ha="center", va="center", fontsize=13)
axes.set(xlim=(-0.2, 29.2), ylim=(7.1, -0.1), aspect="equal")
axes.axis("off")
plt.show()

# %% [markdown]
# **Figure 9.7. Bars instead of squares.** On the left is Sobel's kernel as a column times a row. On
# the right a column and a row of seven reach as far as a square of 7×7. They have 14 weights
# instead of 49. One column times one row gives only kernels that can be split. But 128 maps stand
# between the two, and without the ReLU there a filter would add 128 such products.
#
#

# %% tags=["claims"]
claim("arch_bars_same", bars_same, equals=1)
claim("arch_bars_weights", in_bars, equals=286_720)
note_costs("Inception v3", inception_v3)
del inception_v3

# %% [markdown]
# ## Why not simply more layers?
#
# From 8 to 16 and 22 layers the networks got better, so why should one not take 56? One answer
# would be overfitting, because more layers have more weights. Let us look at a case where that
# cannot be the answer. We take networks of equal blocks for CIFAR-10, called *plain*: a first
# convolution, then three stages with 8, 16 and 32 filters of 3×3, and the mean of each map at the
# end. One has 20 layers with weights, the other 56. `residual` and `normalise` are switches that we
# shall need later.


# %%
def conv(x, filters, strides=1, normalise=True):
    start = {"use_bias": False, "kernel_initializer": "he_normal"}
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(filters, 3, strides, **start)(x)
    return layers.BatchNormalization(epsilon=1.001e-5)(x) if normalise else x


# %% tags=["network"]
def build(depth, residual, normalise=True, filters=8, strides=2):
    images = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(images)
    x = layers.ReLU()(conv(x, filters, strides, normalise))
    for stage in range(3):
        for block in range(depth // 6):
            step = 2 if stage and not block else 1  # halve the maps once a stage
            y = layers.ReLU()(conv(x, filters * 2**stage, step, normalise))
            y = conv(y, filters * 2**stage, 1, normalise)
            if residual:
                y = layers.Add()([shortcut(x, step), y])
            x = layers.ReLU()(y)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(images, layers.Dense(10)(x))


# %%
def shortcut(x, step):  # explained below
    if step == 1:
        return x
    x = layers.MaxPooling2D(1, strides=2)(x)  # every second pixel
    zeros = layers.Rescaling(0.0)(x)
    return layers.Concatenate()([x, zeros])  # twice as many maps


# %% [markdown]
# With 16 filters and without the stride of 2 these would be the networks of the paper that we come
# to now, He, Zhang, Ren and Sun (2015, [Deep residual learning for image
# recognition](https://arxiv.org/abs/1512.03385)). Ours take a sixteenth of the work, so that many
# trainings fit on two cores.

# %% tags=["nbval-check-output"]
noise = np.random.default_rng(SEED).integers(0, 256, (2, 32, 32, 3))
twins = []
for residual in (False, True):
    paper = build_resnet_cifar(20, residual=residual)
    ours = build(20, residual, filters=16, strides=1)
    paper.set_weights(ours.get_weights())
    same = np.allclose(ours(noise), paper(noise), atol=1e-4)
    print(f"{paper.name}: {ours.count_params():,} parameters, same answers: {same}")
    twins.append(int(same))

# %% tags=["setup"]
try:
    photos = load_cifar10()
except FileNotFoundError:  # the stand-in of chapter 8, in short
    clothes, random, parts = load_fashion_mnist(), np.random.default_rng(SEED), {}
    for part, most in {"train": 10_000, "validation": 1_000, "test": 1_000}.items():
        grey = getattr(clothes, f"{part}_images")[:most] / np.float32(255)
        grey = np.pad(grey, ((0, 0), (2, 2), (2, 2), (0, 0)))
        dark = random.integers(0, 100, (len(grey), 1, 1, 3))
        light = random.integers(156, 256, (len(grey), 1, 1, 3))
        parts[f"{part}_images"] = (dark + (light - dark) * grey).astype("uint8")
        parts[f"{part}_labels"] = getattr(clothes, f"{part}_labels")[:most]
    photos = clothes._replace(**parts, source="an embedded stand-in")
    print("CIFAR-10 is not here, so this run uses a stand-in, coloured clothes.")
DATA = {"source": photos.source}  # for the claims
sides = sides_of("how_deep")

# %% [markdown]
# Each network learned from 10,000 photographs for 12 epochs, by SGD with momentum 0.9 in batches of
# 64 pictures. Its rate climbs for a tenth of the steps and then falls along a cosine. As in chapter
# 8, this is a study, and `cnnbook study how_deep` makes it anew. We ask what a network makes of the
# pictures that it *learns from*. So for each network we took the peak rate with the smallest
# training loss in a run with seed 0, bold in the table, and trained with three other seeds at that
# rate. The rows "new" have the validation accuracy of seed 0, not bold because it did not choose,
# and at the end the test accuracy, measured once.


# %% tags=["hide-input"]
def as_table(head, rows):
    lines = [head, [":--", *["--:"] * (len(head) - 1)], *rows]
    return Markdown("\n".join(f"| {' | '.join(line)} |" for line in lines))


# %% tags=["hide-input"]
def study_table(names):
    rates = sorted({rate for name in names for rate in sides[name].tried})
    rows = []
    for name in names:
        its = sides[name]
        for title, what, end in (
            ("training", "train", "train"),
            ("new", "validation", "test"),
        ):
            cells = {r: f"{POINTS * run[what]:.1f}" for r, run in its.tried.items()}
            if what == "train":  # by which its rate was chosen
                cells[its.rate] = f"**{cells[its.rate]}**"
            cells = [cells.get(rate, "") for rate in rates]
            rows.append([f"{name}, {title}", *cells, spread(ends_of(its, end))])
    return as_table(
        ["right, %", *(f"{rate:g}" for rate in rates), "seeds 1 to 3"], rows
    )


# %% tags=["hide-input"]
study_table(["plain-20", "plain-56"])


# %% tags=["hide-input"]
def draw_pair(names):
    """Draw the curves of two networks, in training and in validation."""
    _, row = plt.subplots(1, 2, figsize=(7.2, 3.0), sharey=True)
    whats = {"training pictures": "accuracy", "validation pictures": "val_accuracy"}
    for axes, (title, what) in zip(row, whats.items(), strict=True):
        for name, color, line in zip(names, ("C0", "C1"), ("--", "-"), strict=True):
            for number, run in enumerate(sides[name].runs):
                values = POINTS * np.array(run["curve"][what], float)
                last = len(run["curve"]["accuracy"])
                epochs = np.linspace(last / len(values), last, len(values))
                label = None if number else name
                axes.plot(epochs, values, line, color=color, lw=1.3, label=label)
        axes.set(
            title=title, xlabel="epoch", xticks=range(2, last + 1, 2), ylim=(5, 100)
        )
    row[0].set_ylabel("right, percent")
    row[0].legend(loc="upper left")


# %% tags=["hide-input"] alt="Learning curves over twelve epochs for plain networks of 20 and 56 layers, three of each; with training and with validation pictures the deeper ones stay far below"
draw_pair(["plain-20", "plain-56"])
plt.show()

# %% [markdown]
# **Figure 9.8. Two plain networks, three seeds each.** Dashed blue lines have 20 layers, solid
# orange ones 56, each at its own best rate. On the left one counts while the weights still change,
# so the curves end a little below the table. The deeper network is worse on the right, on new
# pictures, but also on the left, on those that it learns from.
#
# After training, the network of 20 layers knows 62 %<!--claim:arch_plain_20--> of its training
# pictures, and that of 56 layers 27 %<!--claim:arch_plain_56-->. The worst of the shallow runs is
# 29 points<!--claim:arch_plain_loses--> ahead of the best deep one. At each of the four rates that
# both tried, too, the deeper network is behind. Overfitting cannot be the reason, because it would
# show as the opposite: *more* of the training pictures right.
#
# This is strange, because the deep network could do as well, if in each stage its first 6
# convolutions were those of the shallow one and the other 12 passed on what they get. Such weights
# exist, but the training does not find them. He and his coauthors called this **degradation**.
# Their own plain networks lost a few points only, but these are wider, saw more pictures and
# trained far longer.

# %% tags=["claims"]
plain_20, plain_56 = (
    ends_of(sides[f"plain-{depth}"], "train") for depth in (20, 56)
)
claim("arch_twins_same", sum(twins), equals=2)
claim("arch_plain_20", plain_20.mean() / POINTS, at_least=0.5)
claim("arch_plain_56", plain_56.mean() / POINTS, at_most=0.45)
claim("arch_plain_loses", plain_20.min() - plain_56.max(), at_least=5)


def leads(one, other):
    """Return by how many points a net is ahead in training, at each rate."""
    mine, its = sides[one].tried, sides[other].tried
    both = [rate for rate in mine if rate in its]
    return [POINTS * (mine[rate]["train"] - its[rate]["train"]) for rate in both]


claim(
    "arch_plain_loses_at_each_rate", min(leads("plain-20", "plain-56")), at_least=5
)

# %% [markdown]
# ## What a step does to each layer
#
# The children in the row garble the sentence a little at each place. For a network, the message
# that matters is the slope of the loss, which runs from the last layer back to the first. In
# chapter 5 you saw it vanish or explode when the first weights were wrong. Here they are He's, and
# there is batch normalisation as well, so should it not arrive safely?
#
# A slope is large or small compared with the weights that it is to change. If the weights of a
# layer have the length 2 (the root of the sum of their squares), their slope the length 4, and the
# rate is 0.1, then the step has the length 0.1 · 4 = 0.4, which is a fifth of the weights. So we
# divide the length of the slope by that of the weights, here 4 / 2 = 2, and call it the *pull* on a
# layer. The rate times the pull is the share by which a step moves it, and a rate that climbs from
# 0 keeps the first steps small.


# %%
def pulls(depth, residual, normalise, seed):
    keras.utils.set_random_seed(seed)
    net = build(depth, residual, normalise)
    kernels = [it.kernel for it in net.layers if isinstance(it, layers.Conv2D)]
    with tf.GradientTape() as tape:
        logits = net(photos.train_images[:200], training=True)
        loss = CROSS_ENTROPY(photos.train_labels[:200], logits)
    slopes = tape.gradient(loss, [kernel.value for kernel in kernels])
    pairs = zip(slopes, kernels, strict=True)
    return np.array([tf.norm(slope) / tf.norm(it.value) for slope, it in pairs])


# %%
KINDS = {"plain": False, "residual": True}
at_start = {}
for kind, depth, normalise in product(KINDS, DEPTHS, (True, False)):
    runs = [pulls(depth, KINDS[kind], normalise, seed) for seed in SEEDS]
    at_start[kind, depth, normalise] = np.array(runs)
for (kind, depth, normalise), runs in at_start.items():
    if normalise:
        first, last = np.exp(np.log(runs[:, [0, -1]]).mean(axis=0))
        print(f"{kind}-{depth}: first convolution {first:.2f}, last {last:.3f}")

# %% tags=["hide-input"] alt="Two charts of the pull on each layer, on a logarithmic scale; with batch normalisation the plain net of 56 layers rises steeply towards its first layer; without it, the plain net lies far below and the residual net far above"
figure, row = plt.subplots(1, 2, figsize=(7.2, 3.4), sharey=True)
for axes, normalise in zip(row, (True, False), strict=True):
    for (kind, depth, with_norm), runs in at_start.items():
        if with_norm == normalise:
            look = {"color": "C2" if kind == "residual" else "0.45"}
            look["linestyle"] = "-" if depth == DEPTHS[1] else "--"
            numbers = np.arange(1, runs.shape[1] + 1)
            axes.plot(numbers, runs.T, lw=0.5, alpha=0.6, **look)
            middle, name = np.exp(np.log(runs).mean(axis=0)), f"{kind}-{depth}"
            axes.plot(numbers, middle, lw=1.8, label=name, **look)
    axes.set(xlabel="layer, from first to last", yscale="log")
    axes.set_title(f"with{'' if normalise else 'out'} batch normalisation")
row[0].set_ylabel("pull: length of the slope\n/ length of the weights")
figure.legend(
    *row[0].get_legend_handles_labels(), loc="outside lower center", ncols=4
)
plt.show()

# %% [markdown]
# **Figure 9.9. The pull on each layer, before the first step.** Grey is plain, green has the sums
# of the next section, and dashed lines have 20 layers. Thick lines are means over three seeds. On
# the left, only the plain network of 56 layers pulls its first layers a thousand times harder than
# its last. On the right, without batch normalisation, plain networks have tiny but nearly even
# pulls, and residual-56 has huge ones.
#
# In the plain network of 56 layers the slopes explode: the pull on the first convolution is
# 1,619 times<!--claim:arch_pull_plain_56--> that on the last, while with 20 layers it is
# 5 times<!--claim:arch_pull_plain_20-->. They explode *because of* batch normalisation. Without it
# the pull on the first of 56 is only 1.9 times<!--claim:arch_pull_plain_even--> that on the last,
# but all pulls are tiny. Yang et al. (2019, [A mean field theory of batch
# normalization](https://arxiv.org/abs/1902.08129)) derived this. So at the start no rate suits all
# layers: with one that is right for the last, a step throws the first far away, and with one that
# is right for the first, the last hardly moves. Even at the best of five rates, the run with seed 0
# knows only 29 %<!--claim:arch_plain_56_best-->.
#
# But this is the start only. After a single step the slopes are more even, as Yang et al. found. He
# et al. report slopes of healthy length in their plain networks, unlike ours, and suspect that such
# networks learn far too slowly. So we have not shown that this pull is the reason.


# %% tags=["claims"]
def uneven(kind, depth, normalise=True):
    """Return how many times the pull on the first layer is that on the last."""
    runs = at_start[kind, depth, normalise]
    return np.exp(np.mean(np.log(runs[:, 0] / runs[:, -1])))


few, deep = DEPTHS
claim("arch_pull_plain_56", uneven("plain", deep), at_least=300, quick=0, **DATA)
claim("arch_pull_plain_20", uneven("plain", few), at_most=30, quick=999, **DATA)
claim(
    "arch_pull_residual_56", uneven("residual", deep), at_most=50, quick=999, **DATA
)
weak = np.max(at_start["plain", deep, False])
claim("arch_pull_plain_unnormalised", weak, at_most=0.05, quick=99, **DATA)
strong = np.min(at_start["residual", deep, False])
claim("arch_pull_residual_unnormalised", strong, at_least=50, quick=0, **DATA)
even = uneven("plain", deep, False)
claim("arch_pull_plain_even", even, at_most=10, quick=999, **DATA)
best = max(run["train"] for run in sides["plain-56"].tried.values())
claim("arch_plain_56_best", best, at_most=0.45)

# %% [markdown]
# ## ResNet (2015): and if a layer only adds?
#
# Now for the slip of paper. A block that has to pass something on must learn to repeat it, and that
# is hard for layers that start with random weights. So let the block *add* to what it was given.
# Say that 2 comes in, and the layers of the block make 0.5 of it. Then 2 + 0.5 = 2.5 goes on. If
# they make 0, then 2 goes on, and nothing is lost.
#
# On the way back the sum helps as well. Suppose that the layers of each block pass back a tenth of
# the slope. Three blocks in a row leave 0.1 · 0.1 · 0.1 = 0.001 of it. With sums each block passes
# back 1 + 0.1 of it, and three leave 1.1 · 1.1 · 1.1 = 1.331. (This slope vanishes, while ours
# exploded. What the sums do to that, we shall measure.)
#
# Such a block is a **residual block**, because its layers learn only the rest, the *residue*. The
# path around them is a **skip connection**, and a network of such blocks a **ResNet**. Six of them,
# of up to 152 layers, won the contest of 2015 together.


# %%
def residual_block(x, filters=16):
    y = layers.ReLU()(conv(x, filters))
    y = conv(y, filters)
    return layers.ReLU()(layers.Add()([x, y]))


# %% [markdown]
# A sum needs equal shapes, so where the maps are halved and doubled in number, the path around
# cannot just pass them on. Our `shortcut` above takes every second pixel and adds maps of zeros,
# which costs no weights. The large networks have a **projection shortcut** there, a 1×1 convolution
# with a stride of 2. They also have a bottleneck, as GoogLeNet has. A **bottleneck block** first
# reduces the number of maps with 1×1 filters, works on the few, and then widens them again.
#
# How much does that save? Two convolutions of 3×3 with 256 maps have 2 · 9 · 256 · 256 = 1,179,648
# weights. A bottleneck of 64 maps has 256 · 64 + 9 · 64 · 64 + 64 · 256 = 69,632, which is 17 times
# fewer.


# %%
def bottleneck(x, filters=128, strides=2):
    def conv_norm(x, filters, size, strides=1):
        x = layers.Conv2D(filters, size, strides, padding="same")(x)
        return layers.BatchNormalization(epsilon=1.001e-5)(x)

    around = conv_norm(x, 4 * filters, 1, strides)  # the projection
    y = layers.ReLU()(conv_norm(x, filters, 1, strides))
    y = layers.ReLU()(conv_norm(y, filters, 3))
    y = conv_norm(y, 4 * filters, 1)
    return layers.ReLU()(layers.Add()([around, y]))


# %% tags=["nbval-check-output"]
resnet8 = build_resnet_cifar(8)
basic_parameters, basic_same = compare(
    residual_block, resnet8, "conv1_relu", "stage1_block1_relu"
)
resnet50 = build_resnet(50, image_shape=(side(224), side(224), 3))
narrow, narrow_same = compare(
    bottleneck, resnet50, "stage2_block3_relu", "stage3_block1_relu"
)

# %% tags=["hide-input"] alt="Two rows of boxes. Above, a residual block: two convolutions of three times three, a sum, and an arrow that leads around both. Below, a bottleneck block of three convolutions with a projection on the path around"
parts = {"in": (0, 2.2, "16 maps", MAPS), "+": (7.5, 2.2, "sum", JOIN)}
for name, x in (("a", 2.5), ("b", 5)):
    parts[name] = x, 2.2, "3×3 conv,\n16", LAYER
parts |= {"in 2": (0, 0, "256 maps\n56×56", MAPS), "+ 2": (10, 0, "sum", JOIN)}
for name, x, size, filters in (
    ("c", 2.5, 1, 128),
    ("d", 5, 3, 128),
    ("e", 7.5, 1, 512),
):
    parts[name] = x, 0, f"{size}×{size} conv,\n{filters}", LAYER
parts["around"] = 5, -1.2, "1×1 conv,\n512", LAYER
arrows = [(*pair.split(), "") for pair in ("in a", "a b", "b +", "c d", "d e")]
arrows += [("in", "+", "over"), ("in 2", "c", ""), ("e", "+ 2", "")]
arrows += [("in 2", "around", "down"), ("around", "+ 2", "up")]
figure, axes = plt.subplots(figsize=(7.2, 3.4))
draw_boxes(axes, parts, arrows)
axes.text(3.75, 3.6, "the input itself", ha="center", va="bottom", fontsize=9)
axes.text(7.9, -1.1, "projection, to 28×28", ha="center", va="bottom", fontsize=9)
axes.set(xlim=(-1, 11), ylim=(-1.7, 4.0))
plt.show()

# %% [markdown]
# **Figure 9.10. A residual block and a bottleneck block.** Above, the input goes on unchanged and
# is added. Below, the first block of ResNet-50's second stage halves the maps and doubles their
# number, so the path around is a convolution as well. So it is in the first block of each stage. In
# all others it is the input itself. Batch normalisations and ReLUs are left out.
#
# Now the same experiment once more, with the sums. Nothing else differs, not even the number of
# weights, because our `shortcut` has none. We also train residual-20 here with seed 1, for which
# the record has 89.6 %<!--claim:arch_recorded_twin-->, to see how far repeats of one training
# differ.

# %% tags=["hide-input"]
study_table(["residual-20", "residual-56"])

# %% tags=["setup"]
known = photos.train_images[:PICTURES], photos.train_labels[:PICTURES]
if QUICK:
    cut = {
        f"{part}_{kind}"
        for part in ("validation", "test")
        for kind in ("images", "labels")
    }
    photos = photos._replace(**{name: getattr(photos, name)[:200] for name in cut})


# %%
def train(depth, residual, rate):
    keras.utils.set_random_seed(SEED)
    net = build(depth, residual)
    batches = make_pipeline(*known, BATCH_SIZE, training=True, seed=SEED)
    steps = EPOCHS * len(batches)
    warm_up = {"warmup_target": rate, "warmup_steps": max(1, steps // 10)}
    plan = CosineDecay(0.0, steps - warm_up["warmup_steps"], **warm_up)
    optimizer = keras.optimizers.SGD(plan, momentum=0.9)
    options = {"metrics": ["accuracy"], "steps_per_execution": AT_ONCE}
    net.compile(optimizer, CROSS_ENTROPY, **options)
    net.fit(batches, epochs=EPOCHS, shuffle=False, verbose=0)
    return net


# %%
live = train(DEPTHS[0], residual=True, rate=sides["residual-20"].rate)
_, live_known = live.evaluate(*known, batch_size=500, verbose=0)
tests = photos.test_images, photos.test_labels
_, live_test = live.evaluate(*tests, batch_size=500, verbose=0)
print(f"training pictures {100 * live_known:.1f} %, test {100 * live_test:.1f} %")

# %% tags=["hide-input"] alt="Learning curves over twelve epochs for residual networks of 20 and 56 layers, three of each; with training pictures the deeper ones end higher, with validation pictures both end close together"
draw_pair(["residual-20", "residual-56"])
plt.show()

# %% [markdown]
# **Figure 9.11. The same networks with sums.** Axes and colours are those of Figure 9.8. Now the
# deeper network, orange, ends a little ahead on the pictures that it learns from. On new pictures
# it still ends behind, at this rate.
#
# With sums, 56 layers know 92 %<!--claim:arch_residual_56--> of the training pictures and 20 layers
# 90 %<!--claim:arch_residual_20-->. The deeper network is no longer behind but a little ahead: by
# 0.6 points<!--claim:arch_residual_gains--> between the nearest two runs, and with seed 0 at each
# of the five rates. So sums cure degradation here.
#
# They do not cure overfitting: 10,000 photographs are few, and we used neither weight decay nor
# changed copies. The deeper network recognises 52 %<!--claim:arch_residual_56_test--> of the test
# pictures and the shallower one 55 %<!--claim:arch_residual_20_test-->. In validation, with seed 0,
# the deeper is behind at 4<!--claim:arch_residual_behind_in_validation--> of 5 rates, and ahead at
# the largest, 1.0. But depth can pay on new pictures, too: in the paper, with all photographs and
# both remedies, 56 layers err on 6.97 % of the test pictures and 20 layers on 8.75 %.
#
# Figure 9.9 shows what changed at the start. With sums and batch normalisation the pull on the
# first convolution of 56 is only 9 times<!--claim:arch_pull_residual_56--> that on the last. But
# evenness is not all: plain-20 is as even and learns far less. Sums without batch normalisation we
# did not train: each block adds to what comes in, so the numbers grow from block to block until
# even the smallest pull is 494<!--claim:arch_pull_residual_unnormalised-->.

# %% tags=["claims"]
residual_20, residual_56 = (
    ends_of(sides[f"residual-{n}"], "train") for n in (20, 56)
)
claim("arch_residual_20", residual_20.mean() / POINTS, at_least=0.8)
claim("arch_residual_56", residual_56.mean() / POINTS, at_least=0.8)
claim("arch_residual_gains", residual_56.min() - residual_20.max(), at_least=0.1)
least = min(leads("residual-56", "residual-20"))
claim("arch_residual_gains_at_each_rate", least, at_least=0.1)
claim("arch_sums_bring", residual_56.min() - plain_56.max(), at_least=20)
test_20, test_56 = (ends_of(sides[f"residual-{n}"], "test") for n in (20, 56))
claim("arch_residual_20_test", test_20.mean() / POINTS, at_least=0.45)
claim("arch_residual_56_test", test_56.mean() / POINTS, at_least=0.45)
behind = test_20.min() - test_56.max()
claim("arch_residual_deeper_behind_on_test", behind, at_least=0)

# %% tags=["claims"]
tried_20, tried_56 = (sides[f"residual-{n}"].tried for n in (20, 56))
behind = [
    rate
    for rate, run in tried_56.items()
    if run["validation"] < tried_20[rate]["validation"]
]
claim("arch_residual_behind_in_validation", len(behind), equals=4)
ahead = tried_56[1.0]["validation"] - tried_20[1.0]["validation"]
claim("arch_residual_ahead_at_the_largest_rate", ahead, at_least=0)


def beyond(value, values):
    """Say how far a value lies outside a range, in points."""
    return float(max(values.min() - value, value - values.max(), 0))


allowed = {"quick": 99, "embedded": 99, **DATA}
claim("arch_recorded_twin", residual_20[0] / POINTS, at_least=0.85)
off = abs(POINTS * live_known - residual_20[0])
claim("arch_live_training_off_its_record", off, at_most=3, **allowed)
off = beyond(POINTS * live_test, test_20)
claim("arch_live_test_outside_spread", off, at_most=2, **allowed)
claim("arch_basic_block_parameters", basic_parameters, equals=4_736)
claim("arch_blocks_same", basic_same + narrow_same, equals=2)

# %% [markdown]
# ## What does it cost, and what does it bring?
#
# Parameters and multiply-adds we count ourselves, for one picture of the size that each network
# takes. The accuracy on ImageNet we cannot measure here, because its photographs are not free to
# copy, so it is taken from others. A network gets better if it looks at ten cut-outs of a picture
# and averages, but that is ten times the work. So the table has only what one look brings, the
# **single crop**, a cut-out from the middle of the picture.

# %% tags=["setup"]
note_costs("ResNet-50", resnet50)
resnet_50_parameters = resnet50.count_params()
del resnet50
if not QUICK:  # it takes long to build
    resnet152 = build_resnet(152)
    note_costs("ResNet-152", resnet152)
    del resnet152

# %% tags=["hide-input"]
ONE_LOOK = {  # year, layers with weights on the longest path, top-1
    "LeNet-5": (1998, 5, ""),
    "AlexNet (2014)": (2014, 8, 56.5),
    "VGG-16": (2014, 16, 71.3),
    "GoogLeNet": (2014, 22, 71),
    "Inception v3": (2015, 48, 77.9),
    "ResNet-50": (2015, 50, 74.9),
    "ResNet-152": (2015, 152, 76.6),
}
rows = []
for name, (pixels, parameters, work) in COSTS.items():
    year, depth, top_1 = ONE_LOOK[name]
    costs = pixels, f"{parameters / 1e6:.2f}", f"{work / 1e6:,.1f}"
    rows.append([str(it) for it in (name, year, depth, *costs, top_1)])
head = ["network", "year", "layers on the longest path", "pixels a side"]
head += ["parameters, M", "multiply-adds, M", "top-1, one look, %"]
as_table(head, rows)

# %% [markdown]
# The **top-1** accuracies of VGG, Inception v3 and the ResNets are those of the weights that Keras
# offers ([Keras Applications](https://keras.io/api/applications/); its [older
# list](https://github.com/keras-team/keras-applications) says that they are of a single center
# crop), and that of GoogLeNet is from table 3 of the paper of Inception v3. AlexNet stands here in
# its form of 2014, without groups and for one card, because one look of it was measured
# ([Torchvision's
# AlexNet](https://pytorch.org/vision/stable/models/generated/torchvision.models.alexnet.html)).

# %% tags=["hide-input"] alt="Six networks as circles: multiply-adds to the right on a logarithmic scale, accuracy upwards, and the area of a circle for the parameters; VGG-16 lies far to the right without lying high"
figure, axes = plt.subplots(figsize=(7.2, 3.6))
for name, (_, parameters, work) in COSTS.items():
    top_1 = ONE_LOOK[name][-1]
    if top_1:
        place = work / 1e9, top_1
        axes.scatter(*place, 6 * parameters / 1e6, color="C0", alpha=0.5)
        axes.plot(*place, "k.", ms=4)
        away = {"VGG-16": (-18, -16), "ResNet-50": (-9, 5)}  # to the left
        text = {"ha": "right" if name in away else "left"}
        text["textcoords"] = "offset points"
        axes.annotate(name, place, away.get(name, (14, 5)), **text)
axes.set(xscale="log", xlabel="multiply-adds for one look, thousand millions")
axes.set(ylabel="top-1 accuracy of one look, %", xlim=(0.3, 40), ylim=(52, 82))
axes.set_xticks([0.5, 1, 2, 5, 10, 20], ["0.5", "1", "2", "5", "10", "20"])
axes.minorticks_off()
plt.show()

# %% [markdown]
# **Figure 9.12. One look: work against accuracy.** A dot is a network, and the area around it shows
# its parameters. The networks were trained in different ways, so not every difference comes from
# the layers.
#
# VGG-16 does 10 times<!--claim:arch_vgg_to_googlenet_work--> the work of GoogLeNet for the same
# accuracy. ResNet-50 is deeper than both, and yet VGG-16 does
# 4.0 times<!--claim:arch_vgg_to_resnet_work--> its work, too. So depth is only one factor.
# Bottlenecks keep the 3×3 filters narrow, and an early stride keeps the maps small. At 4 bytes
# each, the parameters of ResNet-50 fill 102.5 MB<!--claim:arch_resnet50_file-->.
#
# The table does not show time, because a processor also has to fetch the numbers that it
# multiplies.

# %% tags=["claims"]
vgg_work = COSTS["VGG-16"][-1]
claim("arch_vgg_to_googlenet_work", vgg_work / COSTS["GoogLeNet"][-1], at_least=8)
claim("arch_vgg_to_resnet_work", vgg_work / COSTS["ResNet-50"][-1], at_least=3)
claim("arch_resnet50_file", 4 * resnet_50_parameters / 1e6, at_most=105)
claim("arch_resnet50_file_at_least", 4 * resnet_50_parameters / 1e6, at_least=101)

# %% [markdown]
# ## Break it on purpose
#
# A sum checks shapes, but it is kinder than you may like. What happens if the two paths have 16 and
# 32 maps, and what if one has 16 and the other only a single map?

# %% tags=["nbval-check-output"]
sixteen, single = keras.Input((8, 8, 16)), keras.Input((8, 8, 1))
try:
    layers.Add()([sixteen, conv(sixteen, 32)])
except ValueError:
    print("16 + 32 maps: refused")
print("16 + 1 maps:", layers.Add()([sixteen, single]).shape)

# %% [markdown]
# The first is refused, which tells you that a projection is missing. The second works without a
# word, because Keras adds the single map to each of the sixteen. No message tells you of such a
# fault, so look at the shapes of both paths, with `net.summary()`.
#
# ## What you learned
#
# | word | what it means | where |
# |:--|:--|:--|
# | top-1, top-5 error | the right class is not the first, or not among the first five guesses | `keras.metrics.SparseTopKCategoricalAccuracy` |
# | ensemble | several networks whose answers are averaged | `keras.layers.Average` |
# | single crop | one cut-out from the middle of a picture, so one look | `layers.CenterCrop` |
# | neocognitron, LeNet-5 | the first network of S- and C-cells; the first CNN in wide use | `build_neocognitron`, `build_lenet5` |
# | AlexNet, grouped convolution | eight layers on two cards; groups of maps that do not see each other | `Conv2D(..., groups=2)` |
# | local response normalisation | dividing by the strength of neighbouring maps | `build_alexnet` |
# | VGG | blocks of 3×3 convolutions | `build_vgg` |
# | GoogLeNet, Inception module | filters of several sizes side by side | `Concatenate` |
# | pointwise convolution | 1×1: mixes the maps of each pixel | `Conv2D(filters, 1)` |
# | Inception v3, factorised convolution | 1×7 and 7×1 instead of 7×7 | `Conv2D(filters, (1, 7))` |
# | degradation | a deeper plain network is worse on its own training pictures | `read_study("how_deep")` |
# | residual block, skip connection, ResNet | layers that add to what came in; the path around them; a network of these | `Add` |
# | projection shortcut | a 1×1 convolution on the path around | `Conv2D(filters, 1, 2)` |
# | bottleneck block | narrow, 3×3, wide again | `build_resnet(50)` |
#
# ## Exercises
#
# 1. *By hand.* AlexNet's second convolution has two groups. How many parameters would it have with
#    four?
# 2. *Predict, then run.* `build_googlenet(reductions=False)` builds GoogLeNet without bottlenecks.
#    How many times as many parameters do you expect, and does the number of maps grow from module
#    to module? (Use pictures of 32 pixels.)
# 3. *By hand.* A bottleneck block goes from 512 maps to 128 and back. How many weights has it, and
#    how many have two convolutions of 3×3 with 512 maps?
# 4. *By hand.* The blocks of VGG-19 have 2, 2, 4, 4 and 4 convolutions. How many megabytes do its
#    parameters fill, at four bytes each? (Start from VGG-16.)
# 5. *Change it.* Let the path around each block pass on only half of its input. What pull do you
#    expect at the start, on the first and the last convolution of 56?
# 6. *Break it.* Silence one block after the other in the network `live`: set gamma and beta of its
#    last batch normalisation to 0, so that only the input goes on. How much does each block matter?

# %% [markdown] tags=["solution"]
# 1. Each filter would see 24 maps: 256 · (25 · 24 + 1) = 153,856. The weights are halved again, but
#    each filter still has one bias.
# 2. There are 14 times<!--claim:arch_naive_to_reduced--> as many parameters. Each module adds its
#    filters to all the maps that came in, so 4,944 arrive at the end instead of 1,024, and every
#    filter on the way is that much deeper.
# 3. 512 · 128 + 9 · 128 · 128 + 128 · 512 = 278,528, and 2 · 9 · 512 · 512 = 4,718,592. That is 17
#    times as many, as with 256 maps, because all widths were doubled.
# 4. 575 MB<!--claim:arch_vgg19_megabytes-->. To VGG-16 come one convolution of 256 maps, with 256 ·
#    (9 · 256 + 1) parameters, and two of 512, with 512 · (9 · 512 + 1) each. The dense layers stay
#    the same, and fill 495 MB.
# 5. One might expect that the slope now vanishes, since half of a half of a half is little. But it
#    explodes again, because batch normalisation makes up for what the halving takes away. The pull
#    on the first convolution is 301 times<!--claim:arch_pull_halved--> that on the last, which lies
#    between the plain and the residual network. So it matters that the path passes on everything.
# 6. In this one network some blocks matter more than others: without the most important one,
#    accuracy falls by 19 points<!--claim:arch_silenced_most-->, and without the least important by
#    7 points<!--claim:arch_silenced_least-->, although nothing was trained again. (Which blocks
#    these are changes from training to training.) In a plain network a silent layer would pass on
#    nothing at all, and the answer would no longer depend on the picture.

# %% tags=["solution"]
print(f"1. {256 * (25 * 24 + 1):,} parameters")
naive_net = build_googlenet((32, 32, 3), reductions=False)
times = naive_net.count_params() / 6_998_552
maps = naive_net.get_layer("inception5b").output.shape[-1]
print(f"2. {times:.1f} times as many parameters, {maps:,} maps")
print(f"3. {512 * 128 * 2 + 9 * 128**2:,} and {18 * 512**2:,} weights")
channels, total = (
    3,
    count_parameters(7 * 7 * 512, 4096) + count_parameters(4096, 4096),
)
total += count_parameters(4096, 1000)
for filters, count in zip((64, 128, 256, 512, 512), (2, 2, 4, 4, 4), strict=True):
    for _ in range(count):
        total += count_parameters(channels, filters, 3)
        channels = filters
print(f"4. {total:,} parameters, {4 * total / 1e6:.0f} MB")
whole_path = shortcut


def shortcut(x, step):
    return layers.Rescaling(0.5)(whole_path(x, step))


halved = np.array([pulls(DEPTHS[1], True, True, seed) for seed in SEEDS])
shortcut = whole_path
print(
    "5. pulls on the first and the last convolution:",
    halved[:, [0, -1]].round(3).tolist(),
)

# %% tags=["solution"]
norms = [it for it in live.layers if isinstance(it, layers.BatchNormalization)]
some = photos.validation_images[:2_000], photos.validation_labels[:2_000]
_, whole_net = live.evaluate(*some, batch_size=500, verbose=0)
print(f"6. whole: {100 * whole_net:.1f} %")
losses = []
for block in range(len(norms) // 2):
    norm = norms[2 * block + 2]
    kept = norm.get_weights()
    norm.set_weights([0 * kept[0], 0 * kept[1], *kept[2:]])
    _, without = live.evaluate(*some, batch_size=500, verbose=0)
    norm.set_weights(kept)
    losses.append(POINTS * (whole_net - without))
    per_stage = len(norms) // 6
    stage, number = block // per_stage + 1, block % per_stage + 1
    print(f"   without block {number} of stage {stage}: {-losses[-1]:+.1f} points")

# %% tags=["claims"]
claim("arch_naive_to_reduced", round(times), equals=14)
claim("arch_vgg19_megabytes", round(4 * total / 1e6), equals=575)
claim("arch_naive_last_maps", maps, equals=4_944)
ratio = np.exp(np.mean(np.log(halved[:, 0] / halved[:, -1])))
bounds = {"quick": 0, "embedded": 0, **DATA}
claim("arch_pull_halved", ratio, at_least=50, **bounds)
between = uneven("plain", deep) / ratio
claim("arch_pull_halved_below_plain", between, at_least=1.5, **bounds)
above = ratio / uneven("residual", deep)
claim("arch_pull_halved_above_residual", above, at_least=1.5, **bounds)
claim(
    "arch_silenced_most", max(losses), at_least=8, quick=-99, embedded=-99, **DATA
)
less = {"at_most": 9, "quick": 99, "embedded": 99, **DATA}
claim("arch_silenced_least", min(losses), **less)
del naive_net
