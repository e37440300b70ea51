# %% [markdown]
# # 10. Smaller, denser, newer
#
# Eight friends go on the same journey, and each may take one suitcase of twenty kilograms. One of
# them rolls her shirts, one takes a single thick book, and another eight thin ones. All suitcases
# weigh the same. But who has packed best, and whose suitcase is the easiest to carry?
#
# The parameters of a network are such a suitcase, and the work for one picture is the carrying.
# People have asked what else a block can be, and some of their answers are in your telephone. In
# this chapter you build such blocks, and count by hand what they save. Then eight networks with
# equal suitcases learn from the same photographs, and you can say what such a race shows, and what
# it does not.
#
# Takes about 2 minutes<!--minutes:10_smaller_denser_newer--> on two CPU cores (quick: under 45
# seconds); needs chapters 5 to 9, and CIFAR-10 or its stand-in, as chapter 8 does.

# %% tags=["setup"]
import os
from collections import defaultdict, namedtuple

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from IPython.display import Markdown
from keras import layers, ops
from keras.optimizers.schedules import CosineDecay

from cnnbook.arithmetic import count_parameters
from cnnbook.book.claims import claim
from cnnbook.book.studies import read_study
from cnnbook.center_crop import center_crop
from cnnbook.datasets.cifar import load_cifar10
from cnnbook.datasets.mnist import load_fashion_mnist, load_mnist
from cnnbook.datasets.photos import load_photo
from cnnbook.datasets.pipeline import make_pipeline
from cnnbook.deploy.costs import layer_costs
from cnnbook.deploy.latency import measure_latency
from cnnbook.models.alexnet import build_alexnet

# %% tags=["setup"]
from cnnbook.models.convnext import (
    LayerScale,
    build_convnext,
    build_convnext_cifar,
)
from cnnbook.models.densenet import build_densenet, build_densenet_cifar
from cnnbook.models.efficientnet_lite0 import build_efficientnet_lite0
from cnnbook.models.mobilenet_v2 import (
    build_mobilenet_v2,
    build_mobilenet_v2_cifar,
)
from cnnbook.models.resnet import build_resnet
from cnnbook.models.resnet_cifar import build_resnet_cifar
from cnnbook.models.resnext import build_resnext, build_resnext_cifar
from cnnbook.models.se_resnet import build_se_resnet, build_se_resnet_cifar
from cnnbook.models.small_photo_net import build_small_photo_net
from cnnbook.models.spatial_transformer import (
    AffineSampler,
    build_spatial_transformer,
)
from cnnbook.models.squeezenet import build_squeezenet
from cnnbook.models.vgg import build_vgg
from cnnbook.models.vit import build_vit, build_vit_cifar
from cnnbook.plots.book_style import use_book_style

# %% tags=["setup"]
QUICK = "CNNBOOK_QUICK" in os.environ  # the short run: less of everything
SEED, POINTS = 1, 100
DIGITS, TURN_EPOCHS = (500, 1) if QUICK else (8_000, 10)
TESTED = 300 if QUICK else 10_000  # test pictures
SIDE, REPEATS = (72, 1) if QUICK else (224, 9)  # of the table of costs
use_book_style()
tf.get_logger().setLevel("ERROR")  # it would warn that we compile many networks
PALE, DARK = "#9ecae1", "#3182bd"
ARROW = {"arrowstyle": "-|>", "color": "0.4"}


# %% tags=["setup"]
def agree(block, network, before, last):
    """Give our block the weights of the package's, and compare what they give."""
    start, end = (network.get_layer(name).output for name in (before, last))
    package = keras.Model(start, end)
    maps = keras.Input(package.input_shape[1:], name="maps")
    ours = keras.Model(maps, block(maps))
    ours.set_weights(package.get_weights())
    values = np.random.default_rng(SEED).random((2, *maps.shape[1:]), "float32")
    same = np.allclose(ours(values), package(values), atol=1e-4)
    print(f"ours: {ours.count_params():,} parameters, ", end="")
    print(f"the package's: {package.count_params():,}; same answers: {same}")
    if not same:
        raise ArithmeticError(f"ours is not the {last} of {network.name}")
    return ours


def work_of(inputs, outputs):
    """Count the multiply-adds between two places of a network, for one picture."""
    model = keras.Model(inputs, outputs)
    return sum(row.multiply_adds for row in layer_costs(model))


# %% tags=["setup"]
def draw_block(axes, rows, title, most):
    """Draw layers from top to bottom, each as wide as it has maps."""
    for place, (_, parts) in enumerate(rows):
        left = -sum(maps for maps, _ in parts) / 2
        for maps, color in parts:
            axes.barh(-place, maps, 0.5, left, color=color, edgecolor="white")
            left += maps
        if place:
            ends = (0, 0.27 - place), (0, 0.73 - place)
            axes.annotate("", *ends, arrowprops=ARROW)
    axes.set_yticks(
        [-place for place in range(len(rows))], [text for text, _ in rows]
    )
    axes.set(title=title, xticks=[], xlim=(-0.55 * most, 0.55 * most))
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)


def as_table(head, rows):
    lines = [head, [":--", *["--:"] * (len(head) - 1)], *rows]
    return Markdown(
        "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
    )


# %% [markdown]
# ## Keep it beside the rest
#
# A residual block adds its result to what came in, and chapter 9 showed how much that helps. But if
# you mix blue paint with yellow, nobody can pour the blue out again. If you put the two pots side
# by side, you still have both.
#
# For example, a pixel of two maps holds 3 and 5, and the result of a block is 1 and −2. Their sum
# is 4 and 3, which might just as well have come from 2 and 2. If we join them instead, the pixel
# holds 3, 5, 1 and −2, and later layers can see all four numbers. The price is that the maps become
# more and more.
#
# A **dense block** works like this. Each of its layers sees the maps of all layers before it in the
# block, and joins a few new ones to them; how many is called the **growth rate**. Let a block begin
# with 16 maps and add 12 with each of three layers. They see 16, 28 and 40 maps, so their 3×3
# filters have 9 × 12 × (16 + 28 + 40) = 9,072 weights, and 52 maps come out. Three ordinary layers
# that lead to as many maps, 16 to 52, 52 to 52 and 52 to 52, have 56,160.
#
# A network of such blocks is a **DenseNet** (Gao Huang et al., 2016, [Densely connected
# convolutional networks](https://arxiv.org/abs/1608.06993)). In Keras the block is a loop, in which
# batch normalisation and ReLU come *before* each convolution.


# %%
def conv(x, filters, size, **more):
    options = {"padding": "same", "use_bias": False} | more
    return layers.Conv2D(filters, size, **options)(x)


def dense_block(x, num_layers, growth_rate):
    for _ in range(num_layers):
        new = layers.BatchNormalization(epsilon=1.001e-5)(x)
        new = conv(layers.ReLU()(new), growth_rate, 3)
        x = layers.Concatenate()([x, new])
    return x


# %% [markdown]
# The folded function `agree` takes the same block out of the package's network, gives ours its
# weights, and compares what both make of random maps. (Beside the 9,072 weights there are four
# numbers of batch normalisation for each of 84 maps.)

# %% tags=["nbval-check-output"]
package = build_densenet_cifar(depth=13)
place = "conv1", "dense_block1_layer3"
ours = agree(lambda x: dense_block(x, 3, 12), package, *place)

# %% tags=["hide-input"] alt="Two stacks of horizontal bars: on the left four bars of equal width, on the right bars that grow from 16 to 52 maps, each made of coloured parts that go on to the bottom"
COLORS = ("0.75", "C0", "C1", "C2")
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.7), width_ratios=(1, 2))
rows = [("16 maps", [(16, "0.75")])]
rows += [(f"sum {number}", [(16, "0.75")]) for number in (1, 2, 3)]
draw_block(left, rows, "residual", most=26)
for number in (1, 2, 3):
    left.text(0, -number, "mixed", ha="center", va="center")
rows = []
for number in range(4):
    parts = [(16, COLORS[0]), *((12, COLORS[n]) for n in range(1, number + 1))]
    rows.append((f"{16 + 12 * number} maps", parts))
draw_block(right, rows, "dense", most=52)
plt.show()

# %% [markdown]
# **Figure 10.1. A sum and a join.** Each bar is what a layer finds, and its length is the number of
# maps. On the left, each result is mixed into the same 16 maps. On the right, each layer adds 12
# maps in a new colour, and the older colours arrive at the bottom unchanged.
#
# Maps are kept only *within* a block: between two blocks, 1×1 filters mix them all, and a pooling
# makes them smaller.

# %% tags=["claims"]
weights = [9 * 12 * maps for maps in (16, 28, 40)]
claim("newer_dense_block_weights", sum(weights), equals=9_072)
norms = 4 * (16 + 28 + 40)
claim(
    "newer_dense_block_parameters", ours.count_params(), equals=sum(weights) + norms
)
claim("newer_dense_block_maps", ours.output_shape[-1], equals=52)
claim("newer_instead_of_dense_block", 9 * 52 * (16 + 52 + 52), equals=56_160)

# %% [markdown]
# ## Squeeze before you look
#
# How few parameters will do? Imagine 96 guests who want to tell something to 128 others: if they
# first agree on 16 speakers, much less has to be said.
#
# In a network the guests are maps. A layer with 128 filters of 3×3 on 96 maps has 9 × 96 × 128
# weights and 128 biases, which is 110,720<!--claim:arch_instead_of_fire_parameters--> parameters. A
# **fire module** squeezes the 96 maps into 16 by 1×1 filters, and then expands those: 64 maps come
# from 1×1 filters and 64 from 3×3 filters.
#
# | part | parameters |
# |:--|--:|
# | squeeze, 1×1, 96 to 16 maps | 96 × 16 + 16 = 1,552 |
# | expand, 1×1, 16 to 64 maps | 16 × 64 + 64 = 1,088 |
# | expand, 3×3, 16 to 64 maps | 9 × 16 × 64 + 64 = 9,280 |
#
# Together they have 11,920<!--claim:arch_fire_parameters--> parameters, about a ninth of the
# ordinary layer.


# %% tags=["nbval-check-output"]
def fire(x, squeeze, expand):
    options = {"use_bias": True, "activation": "relu"}
    few = conv(x, squeeze, 1, **options)
    both = [conv(few, expand, size, **options) for size in (1, 3)]
    return layers.Concatenate()(both)


squeezenet = build_squeezenet("1.0", image_shape=(64, 64, 3))
ours = agree(lambda x: fire(x, 16, 64), squeezenet, "pool1", "fire2")

# %% tags=["hide-input"] alt="A wide bar of 96 maps, below it a narrow one of 16, and at the bottom a bar of 128 maps in two colours"
figure, axes = plt.subplots(figsize=(7.2, 1.9))
rows = [
    ("96 maps come in", [(96, "0.75")]),
    ("squeeze: 16 filters of 1×1", [(16, PALE)]),
]
rows.append(("expand: 64 of 1×1, 64 of 3×3", [(64, PALE), (64, DARK)]))
draw_block(axes, rows, "", most=128)
for x, text in ((-32, "1×1"), (32, "3×3")):
    axes.text(
        x, -2, text, ha="center", va="center", color="black" if x < 0 else "white"
    )
plt.show()

# %% [markdown]
# **Figure 10.2. A fire module.** Bars are as long as there are maps. The expensive 3×3 filters, in
# dark blue, see only the 16 squeezed maps, and they make only half of the new ones.
#
# **SqueezeNet** has eight such modules, and no dense layer at the end (Forrest Iandola et al.,
# 2016, [AlexNet-level accuracy with 50x fewer parameters](https://arxiv.org/abs/1602.07360),
# version 1.0). Its authors found it as accurate as AlexNet, with
# 49 times<!--claim:arch_alexnet_to_squeezenet--> fewer parameters.

# %% tags=["claims"]
claim("arch_fire_parameters", ours.count_params(), equals=11_920)
claim(
    "arch_instead_of_fire_parameters", count_parameters(96, 128, 3), equals=110_720
)

# %% [markdown]
# ## Who needs to see whom?
#
# In AlexNet you met *groups*: in some layers, the filters on one graphics card did not see the maps
# on the other. So each filter had half the depth, and the layer half the weights. What if we do it
# on purpose?
#
# Let four maps go into four filters of 3×3. If each filter sees all maps, the layer has 4 × 4 × 9 =
# 144 weights. In two groups each filter sees two maps, which makes 4 × 2 × 9 = 72, and in four
# groups it sees one map, which makes 36. With *g* groups, weights and work shrink to one part in
# *g*.


# %%
def grouped(x, filters, groups):
    parts = ops.split(x, groups, axis=-1)
    few = filters // groups
    return layers.Concatenate()([conv(part, few, 3) for part in parts])


# %% tags=["nbval-check-output"]
maps = keras.Input((6, 6, 4))
ours = keras.Model(maps, grouped(maps, 4, groups=2))
of_keras = keras.Model(maps, conv(maps, 4, 3, groups=2))
of_keras.set_weights([np.concatenate(ours.get_weights(), axis=-1)])
values = np.random.default_rng(SEED).random((1, 6, 6, 4), "float32")
print(ours.count_params(), of_keras.count_params(), end=" ")
print(np.allclose(ours(values), of_keras(values), atol=1e-5))

# %% [markdown]
# What do you do with the weights that you save? **ResNeXt** buys more maps with them (Saining Xie
# et al., 2016, [Aggregated residual transformations](https://arxiv.org/abs/1611.05431)). A
# bottleneck block of ResNet-50 goes from 256 maps to 64 and back, with 256 × 64 + 9 × 64 × 64 + 64
# × 256 = 69,632<!--claim:newer_bottleneck_weights--> weights. In 32 groups of four maps, the inside
# can be twice as wide for nearly the same price: 256 × 128 + 9 × 4 × 128 + 128 × 256
# = 70,144<!--claim:newer_resnext_weights-->.
#
# ### One filter for each map
#
# In the extreme, there are as many groups as maps. Such a layer is called a **depthwise
# convolution**. It looks at the neighbours in each map, but it cannot combine two maps any more, so
# a 1×1 convolution usually follows. Both together are a **depthwise separable convolution**
# (Laurent Sifre, 2014, in his thesis; in wide use since François Chollet, 2016,
# [Xception](https://arxiv.org/abs/1610.02357)).
#
# How much does it save? An ordinary layer that turns *M* maps into *N* with filters of *k*×*k*
# takes k² × M × N multiplications at each place. The depthwise one takes k² × M, and the 1×1
# convolution M × N. Divide their sum by k² × M × N, and you get
#
# > depthwise separable / ordinary = 1/N + 1/k²
#
# For example, from 32 to 64 maps with 3×3 filters it is 288 + 2,048 = 2,336 instead of 18,432. That
# is 1/64 + 1/9, or about one part in eight.

# %% tags=["nbval-check-output"]
maps = keras.Input((28, 28, 32))
ordinary = conv(maps, 64, 3)
depthwise = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(maps)
separable = conv(depthwise, 64, 1)
before, after = work_of(maps, ordinary), work_of(maps, separable)
print(f"{after:,} / {before:,} = {after / before:.5f}")
print(f"1/64 + 1/9 = {1 / 64 + 1 / 9:.5f}")

# %% tags=["hide-input"] alt="Three grids of eight times eight squares, completely filled, filled in four blocks of two times two, and filled on the diagonal only; beside them two falling curves of the saving"
figure, row = plt.subplots(1, 4, figsize=(7.2, 2.3), width_ratios=(1, 1, 1, 1.5))
titles = ("ordinary", "four groups", "depthwise")
for axes, title, groups in zip(row, titles, (1, 4, 8), strict=False):
    group_of = np.arange(8) * groups // 8
    seen = group_of[:, None] == group_of
    axes.pcolormesh(np.where(seen, 0.7, 0), cmap="Blues", vmin=0, vmax=1, ec="0.8")
    axes.set(title=title, xlabel="map", aspect="equal", xticks=[], yticks=[])
    axes.invert_yaxis()
row[0].set_ylabel("filter")
filters = np.arange(4, 257)
for size, color in ((3, "C0"), (7, "C1")):
    row[3].plot(filters, POINTS * (1 / filters + 1 / size**2), color=color)
    row[3].text(270, POINTS / size**2, f"{size}×{size}", color=color, va="center")
row[3].set(xlabel="filters N", ylabel="work left, %", ylim=(0, 40), xlim=(0, 350))
row[3].set(title="what is left", xticks=(0, 128, 256))
plt.show()

# %% [markdown]
# **Figure 10.3. Which filter sees which map, and what is left of the work.** A blue square means
# that the filter of this row sees the map of this column. On the right is 1/N + 1/k² for two sizes
# of filters. For 3×3 filters it hardly depends on N from about 64 on.
#

# %% tags=["claims"]
claim("newer_bottleneck_weights", 2 * 256 * 64 + 9 * 64 * 64, equals=69_632)
claim("newer_resnext_weights", 2 * 256 * 128 + 9 * 4 * 128, equals=70_144)
claim("newer_grouped_weights", ours.count_params(), equals=72)
claim("newer_separable_share", after / before, equals=1 / 64 + 1 / 9)

# %% [markdown]
# ## A block turned inside out
#
# A telephone has little memory, so the maps that go from block to block should be few. But few maps
# are in danger. If a pixel holds the numbers 2 and −3, a ReLU leaves 2 and 0, so the −3 is gone,
# and −7 would have left the same.
#
# Now let a 1×1 convolution first make four maps of the two, each number once as it is and once with
# the opposite sign. They are 2, −2, −3 and 3, and the ReLU leaves 2, 0, 0 and 3. Nothing is lost,
# because 2 − 0 and 0 − 3 give both numbers back.
#
# We try it, much as the next network's authors did, with points in a plane, which are two numbers
# each. A random 1×1 convolution makes `width` maps of them, a ReLU cuts these, and we look for the
# best way back that a linear layer can find.


# %%
def there_and_back(points, width, random):
    wide = np.maximum(points @ random.normal(size=(2, width)), 0)
    known = np.column_stack([wide, np.ones(len(wide))])  # the ones: a bias
    weights = np.linalg.lstsq(known, points, rcond=None)[0]
    return known @ weights


# %%
turns = np.linspace(0.5, 3 * np.pi, 200)
spiral = np.column_stack([turns * np.cos(turns), turns * np.sin(turns)])
spiral = (spiral - spiral.mean(axis=0)) / spiral.std(axis=0)
lost = {}
for width in (2, 4, 12):
    random = np.random.default_rng(SEED)
    trials = [there_and_back(spiral, width, random) for _ in range(200)]
    lost[width] = np.mean((np.array(trials) - spiral) ** 2)
    print(f"{width:2} maps: {POINTS * lost[width]:4.1f} % of the variance is lost")

# %% tags=["hide-input"] alt="A spiral of points from blue to yellow, and what is left of it after two, four and twelve maps: a bent line, a crumpled spiral, and a spiral much like the first"
figure, row = plt.subplots(1, 4, figsize=(7.2, 2.0), sharex=True, sharey=True)
random = np.random.default_rng(SEED)
pictures = {"as it was": spiral}
for width in lost:
    tries = [there_and_back(spiral, width, random) for _ in range(51)]
    errors = [np.mean((trial - spiral) ** 2) for trial in tries]
    pictures[f"{width} maps"] = tries[np.argsort(errors)[25]]  # a typical one
for axes, (title, points) in zip(row, pictures.items(), strict=True):
    axes.scatter(*points.T, s=7, c=turns, cmap="viridis")
    axes.set(title=title, aspect="equal", xticks=[], yticks=[])
plt.show()

# %% [markdown]
# **Figure 10.4. What a ReLU leaves of a spiral.** Its points went through 2, 4 and 12 random maps
# and a ReLU, and the best linear layer brought them back to the plane. Colour runs along the spiral
# from inside to outside. Of 51 draws the one with the median error is drawn. With two maps much is
# folded together; with twelve the spiral survives.
#
# With as many maps as numbers, 35 %<!--claim:newer_lost_with_two_maps--> of the variance is lost on
# average, and with six times as many 0.1 %<!--claim:newer_lost_with_twelve_maps-->. So the ReLU
# belongs into the wide part, and the narrow end of a block should have none. That end is called a
# **linear bottleneck**. The whole block is an **inverted residual block**, because it is narrow
# outside and wide inside, where the bottleneck block of chapter 9 is the other way round.
# **MobileNetV2** consists of such blocks, with depthwise convolutions in the wide part (Mark
# Sandler et al., 2018, [Inverted residuals and linear
# bottlenecks](https://arxiv.org/abs/1801.04381)).  `ReLU(6)` also cuts whatever lies above 6, so
# that few bits can hold it.


# %%
def norm_relu6(x):
    return layers.ReLU(6)(layers.BatchNormalization()(x))


def inverted_residual(x, widen):
    few = x.shape[-1]
    inside = norm_relu6(conv(x, widen * few, 1))
    filtered = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(inside)
    narrow = conv(norm_relu6(filtered), few, 1)
    return layers.Add()([x, layers.BatchNormalization()(narrow)])  # no ReLU


# %% tags=["nbval-check-output"]
mobile = build_mobilenet_v2(image_shape=(64, 64, 3))
place = "stage2_block1_project_norm", "stage2_block2_add"
ours = agree(lambda x: inverted_residual(x, widen=6), mobile, *place)
print(24 * 144 + 9 * 144 + 144 * 24, "of them are weights")

# %% tags=["claims"]
claim("newer_lost_with_two_maps", lost[2], at_least=0.25)
claim("newer_lost_with_twelve_maps", lost[12], at_most=0.01)
claim("newer_inverted_parameters", ours.count_params(), equals=9_456)

# %% [markdown]
# ## Twice the work: where to put it?
#
# If your telephone becomes twice as fast, should the network be deeper or wider, or get larger
# pictures? Twice as many layers take twice the work. But twice as many maps take four times the
# work, because there are twice as many filters *and* each is twice as deep. And a picture with
# twice the side has four times the places.


# %% tags=["nbval-check-output"]
def stack_work(depth, width, side):
    x = maps = keras.Input((side, side, width))
    for _ in range(depth):
        x = conv(x, width, 3)
    return work_of(maps, x)


base = stack_work(10, 40, 40)
twice = {"depth": (20, 40, 40), "width": (10, 80, 40), "side": (10, 40, 80)}
twice["a bit of each"] = (12, 44, 46)  # 1.2, 1.1 and 1.15 times as much
for name, sizes in twice.items():
    print(f"{name:14} {stack_work(*sizes) / base:.2f} times the work")

# %% [markdown]
# The last line is the answer of **EfficientNet** (Mingxing Tan and Quoc Le, 2019, [Rethinking model
# scaling](https://arxiv.org/abs/1905.11946)). For each doubling of the work, the depth grows by a
# factor of 1.2, the width by 1.1 and the side by 1.15, and 1.2 × 1.1² × 1.15² is about 1.9. This is
# **compound scaling**, whose factors come from a small grid search (chapter 7). The first network
# was found by a program that tried out many designs, which is called **neural architecture
# search**.

# %% tags=["claims"]
scaled = stack_work(*twice["a bit of each"]) / base
claim("newer_compound_work", scaled, at_least=1.9)
claim("newer_compound_work_at_most", scaled, at_most=1.95)

# %% [markdown]
# ## Which maps? The picture decides
#
# So far each block does the same to every picture, whether it shows a ship or a cat. A sound
# engineer first listens to each channel, and then turns some up and others down.
#
# Let two maps have the means 1 and 3. One hidden unit subtracts the first mean from the second and
# gets 2. Two outputs make −2 and 2 of it, and a sigmoid (chapter 5) turns these into 0.12 and 0.88.
# We multiply the maps by these shares, so the quiet map is turned down, and the loud one stays
# nearly as it is.
#
# This is **squeeze-and-excitation**, or SE (Jie Hu et al., 2017, [Squeeze-and-excitation
# networks](https://arxiv.org/abs/1709.01507)). The two small dense layers are learned.


# %%
def squeeze_and_excite(x, hidden):
    means = layers.GlobalAveragePooling2D(keepdims=True)(x)
    few = layers.Dense(hidden, activation="relu")(means)
    shares = layers.Dense(x.shape[-1], activation="sigmoid")(few)
    return layers.Multiply()([x, shares])


# %% tags=["nbval-check-output"]
maps = keras.Input((2, 2, 2))
tiny = keras.Model(maps, squeeze_and_excite(maps, hidden=1))
tiny.set_weights(
    [np.array([[-1], [1]]), np.zeros(1), np.array([[-1, 1]]), np.zeros(2)]
)
quiet, loud = np.array([[1, 0], [2, 1]]), np.array([[4, 2], [3, 3]])
changed = np.array(tiny(np.stack([quiet, loud], axis=-1)[None].astype("float32")))
print(changed[0, ..., 0].round(2).tolist(), changed[0, ..., 1].round(2).tolist())
package = build_se_resnet_cifar(8, reduction=4)
place = "stage1_block1_conv2_norm", "stage1_block1_scale"
ours = agree(lambda x: squeeze_and_excite(x, hidden=4), package, *place)

# %% tags=["hide-input"] alt="Two small maps of four numbers, their means 1 and 3, the shares 0.12 and 0.88, and the same maps multiplied: the first nearly zero, the second almost as before"
figure, axes = plt.subplots(figsize=(7.2, 2.5))
text, arrow = {"ha": "center", "va": "center"}, {"arrowstyle": "->"}
shares = 1 / (1 + np.exp([2.0, -2.0]))
for y, grid, share in ((1.3, quiet, shares[0]), (0, loud, shares[1])):
    for left, values in ((0, grid), (6, grid * share)):
        for (row, column), value in np.ndenumerate(values):
            x, low = left + 0.8 * column, y - 0.5 * row
            color = plt.get_cmap("Blues")(value / 6)
            axes.add_patch(plt.Rectangle((x, low), 0.8, 0.5, fc=color, ec="0.6"))
            axes.text(x + 0.4, low + 0.25, f"{value:.2g}", **text)
    axes.text(2.6, y, f"mean {grid.mean():.0f}", **text)
    axes.text(4.9, y, f"× {share:.2f}", **text)
    for end in (1.3, 0):
        axes.annotate("", (4.4, end), (3.15, y), arrowprops=arrow)
words = ["two maps", "squeeze", "dense layers", "excite", "what goes on"]
for x, word in zip((0.8, 2.6, 3.8, 4.95, 6.8), words, strict=True):
    axes.text(x, 2.05, word, weight="bold", **text)
axes.set(xlim=(-0.1, 7.8), ylim=(-0.6, 2.2))
axes.axis("off")
plt.show()

# %% [markdown]
# **Figure 10.5. Squeeze and excite.** Each map becomes its mean, two dense layers make a share of 0
# to 1 for each map out of all the means, and the maps are multiplied by their shares. Here the
# quiet map is nearly silenced.
#
# What does it cost? For *C* maps and *C*/16 hidden units, the two dense layers have about C²/8
# weights. We add them up for ResNet-50, which without them or convolution biases has 25,557,032
# parameters.

# %% tags=["nbval-check-output"]
added = 0
for blocks, maps in ((3, 256), (4, 512), (6, 1024), (3, 2048)):
    hidden = maps // 16
    added += blocks * count_parameters(maps, hidden)
    added += blocks * count_parameters(hidden, maps)
print(f"{added:,} more parameters")

# %% [markdown]
# That is 9.9 %<!--claim:newer_se_more_parameters--> more. But it adds almost nothing to the work,
# because a dense layer on the means computes once for the whole picture, and not at every place.

# %% tags=["claims"]
claim("newer_se_more_parameters", added / 25_557_032, at_least=0.09)
claim("newer_se_share_of_the_loud_map", shares[1], at_least=0.88)
claim("newer_se_share_of_the_quiet_map", shares[0], at_most=0.12)

# %% [markdown]
# ## Where to look? The picture decides
#
# When a page lies askew in front of you, you turn it before you read. None of our networks can do
# that, so to them a turned digit is another shape, to be learned anew. In a **spatial
# transformer**, a small network first says how to turn the picture, a *sampler* turns it, and only
# then the real network looks (Max Jaderberg et al., 2015, [Spatial transformer
# networks](https://arxiv.org/abs/1506.02025)). It is no relation of the transformers below.
#
# The small network gives six numbers, *a* to *f*. Each pixel (x, y) of the new picture is fetched
# from the place (a x + b y + c, d x + e y + f) of the old one, where both count from −1 to 1. For
# example, 1, 0, 0, 0, 1, 0 leaves the picture as it is. Such a rule is an **affine
# transformation**, and it can shift, turn, scale and slant.
#
# What if the place lies between two pixels, say a quarter of the way from 10 to 20? Then the
# sampler takes 0.75 × 10 + 0.25 × 20 = 12.5. In the plane it weighs four pixels by nearness, which
# is called **bilinear interpolation**. Because nearness changes gradually, there is a gradient, and
# the small network can learn from the labels of the digits alone.


# %%
def sample(picture, a, b, c, d, e, f):
    along, pixels = np.linspace(-1, 1, len(picture)), np.arange(len(picture))
    x, y = np.meshgrid(along, along)
    to_pixels = (len(picture) - 1) / 2  # from -1 to 1, to pixels
    columns = (a * x + b * y + c + 1) * to_pixels
    rows = (d * x + e * y + f + 1) * to_pixels
    near_columns = np.maximum(0, 1 - abs(columns[..., None] - pixels))
    near_rows = np.maximum(0, 1 - abs(rows[..., None] - pixels))
    return np.einsum("ijr,rc,ijc->ij", near_rows, picture, near_columns)


# %% tags=["nbval-check-output"]
print(sample(np.array([[10.0, 20], [10, 20]]), 1, 0, 0.5, 0, 1, 0)[0, 0])
random, sampler = np.random.default_rng(SEED), AffineSampler()
picture, theta = random.random((28, 28)), random.normal(0, 0.7, 6)
of_package = sampler(
    picture[None, ..., None].astype("float32"), theta[None].astype("float32")
)
print(np.allclose(sample(picture, *theta), of_package[0, ..., 0], atol=1e-4))

# %% [markdown]
# Does it help? A network that learned upright digits fails on turned ones, but it may be enough to
# let it learn from turned digits. Without that baseline (chapter 4) a comparison says nothing about
# spatial transformers.
#
# So we turn digits by up to 60 degrees to either side, anew in each epoch. A 6 and a 9, turned
# towards each other, still stay 180 − 60 − 60 = 60 degrees apart.


# %%
def turn(pictures, angles):
    cosine, sine, zero = ops.cos(angles), ops.sin(angles), ops.zeros_like(angles)
    theta = ops.stack([cosine, -sine, zero, sine, cosine, zero], axis=1)
    return sampler(ops.cast(pictures, "float32"), theta)


def turn_anyhow(pictures):
    count, most = tf.shape(pictures)[:1], np.pi / 3  # 60 degrees
    return turn(pictures, tf.random.uniform(count, -most, most))


# %% [markdown]
# Four networks learn from the same 8,000 digits for ten epochs. The *plain* one has two
# convolutions, each with a pooling, and a dense layer. Another of its kind learns *upright* digits
# only. The *spatial transformer* is the plain one with a small network in front of it, and *wide*
# is plain with more filters, so that it has about as many parameters as the spatial transformer.
# Each chose its rate among the same four with seed 0, by validation digits (*upright* by upright
# ones). The record (`cnnbook study turned_digits`) has three other seeds, which were tested on
# turned digits. One of them we train here.

# %% tags=["setup"]
digits = load_mnist()
Side = namedtuple("Side", "tried rate runs")  # seed 0 at each rate; the others


def sides_of(study, kind):
    """Read a record: for each kind of network what was tried, and what came out."""
    found = defaultdict(lambda: defaultdict(dict))
    for run in read_study(study).values():
        its = run["settings"]
        found[its[kind]][its["rate"]][its["seed"]] = run["result"]
    sides = {}
    for name, rates in found.items():
        tried = {rate: rates[rate][0]["validation"] for rate in sorted(rates)}
        best = max(tried, key=tried.get)
        runs = [rates[best][seed] for seed in sorted(rates[best]) if seed]
        sides[name] = Side(tried, best, runs)
    return sides


def ends_of(side, what="test"):
    return POINTS * np.array([run[what] for run in side.runs])


def beyond(value, values):
    """Say how far a value lies outside a range, in points."""
    return float(max(values.min() - value, value - values.max(), 0))


# %% tags=["setup"]
def spread(values, digits=1):
    ends = f"{values.min():.{digits}f} to {values.max():.{digits}f}"
    return f"{values.mean():.{digits}f} ({ends})"


def marked(side):
    """List what seed 0 reached at each rate; the chosen one is bold."""
    cells = (
        f"{rate:g}: {POINTS * tried:.1f}" for rate, tried in side.tried.items()
    )
    return ", ".join(
        f"**{cell}**" if rate == side.rate else cell
        for rate, cell in zip(side.tried, cells, strict=True)
    )


LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
turned_sides = sides_of("turned_digits", "side")


# %%
def learn_turned(net, rate):
    some = digits.train_images[:DIGITS], digits.train_labels[:DIGITS]
    options = {"training": True, "augment": turn_anyhow, "seed": SEED}
    batches = make_pipeline(*some, 64, **options)
    plan = CosineDecay(rate, TURN_EPOCHS * len(batches))
    net.compile(keras.optimizers.Adam(plan), LOSS)
    net.fit(batches, epochs=TURN_EPOCHS, shuffle=False, verbose=0)


keras.utils.set_random_seed(SEED)
upright_maker = build_spatial_transformer()
learn_turned(upright_maker, turned_sides["transformer"].rate)

# %%
random = np.random.default_rng(1)
labels = digits.test_labels[:TESTED]
angles = random.uniform(-np.pi / 3, np.pi / 3, len(labels)).astype("float32")
turned = turn(digits.test_images[:TESTED], angles).numpy()
inside = [
    upright_maker.get_layer(it).output for it in ("theta", "sampler", "logits")
]
look = keras.Model(upright_maker.input, inside)
thetas, moved, logits = look.predict(turned, batch_size=500, verbose=0)
live = np.mean(logits.argmax(axis=1) == labels)
print(f"read by the live network: {POINTS * live:.1f} %")

# %% tags=["hide-input"]
names = {"upright": "plain, learned upright digits", "plain": "plain"}
names |= {"wide": "wide", "transformer": "spatial transformer"}
rows = []
for side, name in names.items():
    its = turned_sides[side]
    count = f"{its.runs[0]['parameters']:,}"
    rows.append([name, count, marked(its), spread(ends_of(its))])
head = ["network", "parameters", "validation at each rate, %", "test, turned, %"]
as_table(head, rows)

# %% tags=["hide-input"] alt="Four rows of ten small digits: ten turned digits, the same as the spatial transformer hands them on, one 7 at ten angles, and what becomes of it"
chosen = [np.flatnonzero(labels == label)[0] for label in range(10)]
sevens = np.repeat(digits.test_images[chosen[7]][None], 10, axis=0)
sevens = turn(
    sevens, np.linspace(-np.pi / 3, np.pi / 3, 10, dtype="float32")
).numpy()
kinds = {"given": turned[chosen] / 255, "handed on": moved[chosen]}
kinds |= {"given ": sevens / 255, "handed on ": look(sevens)[1].numpy()}
figure, grid = plt.subplots(4, 10, figsize=(7.2, 3.1))
for row, (name, pictures) in zip(grid, kinds.items(), strict=True):
    for axes, picture in zip(row, pictures, strict=True):
        axes.imshow(picture[..., 0], "gray_r", vmin=0, vmax=1)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    row[0].set_ylabel(name.strip(), rotation=0, ha="right", va="center")
plt.show()

# %% [markdown]
# **Figure 10.6. What the spatial transformer does.** Above are ten turned digits, and the same as
# the sampler hands them on. Below is one 7 at ten angles from −60 to 60 degrees, and what becomes
# of it.
#
# The network that learned upright digits reads 73 %<!--claim:arch_turned_accuracy_without--> of the
# turned ones. But the same network reads 96.8 %<!--claim:newer_turned_accuracy_plain--> once it has
# learned from turned digits, so that is what a spatial transformer has to beat. It reaches
# 97.5 %<!--claim:arch_turned_accuracy-->, and its worst run is
# 0.6 points<!--claim:newer_turned_lead--> ahead of the best run of *plain* and *wide*. So it does
# help here, but by a point and not by twenty-five. It is also deeper than its rivals, and a deeper
# one without a sampler we did not try.
#
# As given, digits typically lie 30 degrees<!--claim:arch_turned_before--> from the mean direction
# of their class, and behind the sampler 13 degrees<!--claim:arch_turned_after-->. Nobody told it
# what upright is, so it makes the digits of a class more alike.

# %% tags=["claims"]
data = {"source": digits.source}
turned_ends = {name: ends_of(side) for name, side in turned_sides.items()}
of_transformer = turned_ends["transformer"]
claim(
    "arch_turned_accuracy_without",
    turned_ends["upright"].mean() / POINTS,
    at_most=0.8,
)
claim(
    "newer_turned_accuracy_plain",
    turned_ends["plain"].mean() / POINTS,
    at_least=0.9,
)
claim("arch_turned_accuracy", of_transformer.mean() / POINTS, at_least=0.9)
others = max(turned_ends["plain"].max(), turned_ends["wide"].max())
claim("newer_turned_lead", of_transformer.min() - others, at_least=0.1)
before, after = (
    np.array([run[f"spread_{when}"] for run in turned_sides["transformer"].runs])
    for when in ("before", "after")
)
claim("arch_turned_before", before.mean(), at_least=28)
claim("arch_turned_after", after.mean(), at_most=20)
outside = beyond(POINTS * live, of_transformer)
claim("newer_turned_live_outside", outside, at_most=1, quick=99, embedded=5, **data)

# %% [markdown]
# ## Whom to ask? The picture decides
#
# A filter sees its neighbours and nobody else. To learn that the wheel on the left belongs to the
# wheel on the right takes many layers. In a waiting room you would simply call out: who has lost a
# glove like this one? You listen most to those whose glove fits.
#
# Cut a picture into four patches: two of sky, a leaf and the sun. Each is described by four
# numbers, which say how blue, green, yellow and brown it is. Sky is 2, 0, 0, 0, the leaf 0, 2, 0,
# 0, and the sun 0, 0, 2, 0. How well two patches fit is told by their dot product, divided by 2,
# the square root of the length of the lists, so that long lists do not give larger scores. Sky fits
# sky with 4 / 2 = 2, and the others with 0.
#
# Softmax turns the scores of the first patch into shares. Since e² is about 7.4, they are 7.4, 7.4,
# 1 and 1 of 16.8, or 0.44, 0.44, 0.06 and 0.06. With these shares the patch takes the mean of all
# four. It becomes blue 0.44 × 2 + 0.44 × 2 = 1.76, with a touch of green and yellow.

# %% tags=["nbval-check-output"]
patches = np.array([[2, 0, 0, 0], [2, 0, 0, 0], [0, 2, 0, 0], [0, 0, 2, 0]])


def shares_of(scores):
    powers = np.exp(scores)
    return powers / powers.sum(axis=1, keepdims=True)


shares = shares_of(patches @ patches.T / np.sqrt(4))
print(shares.round(2))
print("the first patch becomes", (shares @ patches)[0].round(2))

# %% tags=["hide-input"] alt="A picture of four coloured patches, a table of four times four shares in which the two sky patches attend to each other with 0.44, and the four patches in their new, slightly mixed colours"
colors = [[130, 185, 240], [115, 190, 125], [250, 220, 90], [150, 110, 70]]
words, both = ("sky", "sky", "leaf", "sun"), {"ha": "center", "va": "center"}
figure, row = plt.subplots(1, 3, figsize=(7.2, 2.5), width_ratios=(1, 1.5, 1))
for axes, mixed in ((row[0], patches), (row[2], shares @ patches)):
    axes.imshow((mixed / 2 @ np.array(colors) / 255).reshape(2, 2, 3))
    for number, word in enumerate(words):
        axes.text(number % 2, number // 2, word, **both)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
row[1].imshow(shares, "Blues", vmin=0, vmax=1)
for (asks, asked), share in np.ndenumerate(shares):
    color = "white" if share > 0.6 else "black"
    row[1].text(asked, asks, f"{share:.2f}", color=color, **both)
row[1].set(xlabel="is asked", ylabel="asks")
row[1].set_xticks(range(4), words)
row[1].set_yticks(range(4), words)
for axes, title in zip(row, ("before", "shares", "after"), strict=True):
    axes.set_title(title)
    axes.grid(visible=False)
plt.show()

# %% [markdown]
# **Figure 10.7. Four patches ask each other.** Each row of the table belongs to a patch that asks,
# and adds up to 1, but for rounding. The two patches of sky listen mostly to each other, and leaf
# and sun to themselves. On the right everybody has become a mixture of what they heard.
#
# One thing is missing. You may *ask* for something other than you *are*: a wheel asks for the body
# of a car, and not for another wheel. So three learned matrices make three lists of each patch. The
# *query* is what it asks for, the *key* is what it can be found by, and the *value* is what it
# tells. A fourth matrix works on the result. All this together is **self-attention** (Ashish
# Vaswani et al., 2017, [Attention is all you need](https://arxiv.org/abs/1706.03762)). On it rests
# the *transformer*, a network for texts, in which words ask each other. Usually several such
# conversations go on at once, and their results are added up.


# %%
def attend(x, to_query, to_key, to_value, to_output):
    query, key, value = x @ to_query, x @ to_key, x @ to_value
    scores = query @ key.T / np.sqrt(key.shape[1])
    return shares_of(scores) @ value @ to_output


# %% tags=["nbval-check-output"]
layer = layers.MultiHeadAttention(num_heads=2, key_dim=4, use_bias=False)
tokens = patches.astype("float32")
of_keras = layer(tokens[None], tokens[None])
query, key, value, output = layer.get_weights()
print("queries of two heads:", query.shape, " outputs:", output.shape)
matrices = [(query[:, h], key[:, h], value[:, h], output[h]) for h in (0, 1)]
by_hand = sum(attend(tokens, *its) for its in matrices)
print("the same:", np.allclose(by_hand, of_keras[0], atol=1e-5))

# %% [markdown]
# The price is that everybody is compared with everybody. Twice the side of a picture means four
# times as many patches, and 16 times as many scores.

# %% tags=["claims"]
claim("newer_attention_sky_to_sky", shares[0, 1], at_least=0.44)
claim("newer_attention_blue", (shares @ patches)[0, 0], at_least=1.76)

# %% [markdown]
# ## An image is worth 196 words
#
# The **vision transformer** consists of such conversations (Alexey Dosovitskiy et al., 2020, [An
# image is worth 16x16 words](https://arxiv.org/abs/2010.11929)). It cuts a picture of 224×224 into
# 14 × 14 = 196 patches. Each has 16 × 16 × 3 = 768 pixel values, of which a dense layer makes 768
# new numbers. Attention does not know where a patch lies, so a learned list of numbers for each
# place is added. One more list, the **class token**, belongs to no patch. It asks and is asked like
# the others, and from it the answer is read in the end.
#
# A block then has two halves, and each adds its result to what came in, as in a residual block. In
# the first half the patches ask each other. In the second each goes through two dense layers by
# itself, with a **GELU** between them, which is a ReLU with a soft bend: 2 becomes 1.95, and −1
# becomes −0.16. Before each half comes a **layer normalisation**. It gives the numbers of each
# patch mean 0 and spread 1, for this patch alone, where batch normalisation does it for each map
# over the whole batch.


# %%
def transformer_block(x, heads):
    width = x.shape[-1]
    normed = layers.LayerNormalization(epsilon=1e-6)(x)
    asked = layers.MultiHeadAttention(heads, width // heads)(normed, normed)
    x = layers.Add()([x, asked])
    normed = layers.LayerNormalization(epsilon=1e-6)(x)
    wide = layers.Dense(4 * width, activation="gelu")(normed)
    return layers.Add()([x, layers.Dense(width)(wide)])


# %% tags=["nbval-check-output"]
package = build_vit_cifar()
place = "block1_add2", "block2_add2"
ours = agree(lambda x: transformer_block(x, heads=3), package, *place)

# %% tags=["hide-input", "photo"] alt="A photograph of a cat with a grid over it, and beside it six of its patches in a row, followed by the words class token and an arrow to twelve blocks"
cat = center_crop(load_photo("cat"), (224, 224), 0.875)
size = {"figsize": (7.2, 2.6), "width_ratios": (1, 2), "dpi": 70}
figure, (left, right) = plt.subplots(1, 2, **size)
left.imshow(cat)
left.hlines(np.arange(0, 225, 16) - 0.5, -0.5, 223.5, color="white", lw=0.6)
left.vlines(np.arange(0, 225, 16) - 0.5, -0.5, 223.5, color="white", lw=0.6)
tiles = cat.reshape(14, 16, 14, 16, 3).swapaxes(1, 2).reshape(196, 16, 16, 3)
for number, tile in enumerate(tiles[90:96]):
    right.imshow(tile, extent=(1.15 * number, 1.15 * number + 1, 2, 3))
text = {"ha": "center", "va": "center"}
right.text(7.4, 2.5, "...", **text)
right.text(-0.9, 2.5, "class\ntoken", **text)
words = ("+ a list for each place", "twelve blocks", "class token: 1,000 logits")
for y, word in zip((1.2, 0.1, -1.0), words, strict=True):
    right.annotate("", (3.4, y + 0.3), (3.4, y + 0.75), arrowprops=ARROW)
    right.text(3.4, y, word, **text)
right.set(xlim=(-1.6, 8), ylim=(-1.4, 3.1), aspect="equal")
left.axis("off")
right.axis("off")
plt.show()

# %% [markdown]
# **Figure 10.8. A picture as a row of patches.** On the left are the 196 patches of a photograph,
# and on the right six of them, enlarged, in the row that the network gets.
#
# Nothing in it says that neighbouring patches belong together, so it has to learn that from
# pictures. With ImageNet alone, its authors found it less accurate than ResNets of similar size,
# and ahead of them only after it had seen far more pictures.

# %% [markdown]
# ## From ResNet to ConvNeXt, one step at a time
#
# Soon vision transformers were ahead of CNNs on several benchmarks. But was it the attention, or
# all that had changed along with it? Zhuang Liu and others changed ResNet-50 in small steps until
# it resembled *Swin*, a vision transformer whose patches ask only their neighbourhood, but without
# attention (2022, [A ConvNet for the 2020s](https://arxiv.org/abs/2201.03545)). The first step
# changed no layer at all. Trained as one trains a transformer, with AdamW, more epochs and stronger
# changes of the pictures, it rose from 76.1 % to 78.8 % top-1 accuracy. So a part of the gain is
# new training.
#
# Two steps outside the block, other numbers of blocks and a first layer of patches, brought 79.5 %.
# We follow the block through the next steps, where the maps have 14 pixels a side. Each row of
# `STEPS` has the number of maps that come in, then three layers (`all` is an ordinary convolution,
# `each` a depthwise one; side and filters follow), and what the authors measured for the whole
# network.

# %%
many, wide = ("all", 1, 1024), ("all", 1, 1536)
narrow = ("all", 1, 384)
STEPS = {"start": (1024, [("all", 1, 256), ("all", 3, 256), many], 79.5)}
STEPS["depthwise"] = (1024, [("all", 1, 256), ("each", 3, 256), many], 78.3)
STEPS["wider"] = (1536, [narrow, ("each", 3, 384), wide], 80.5)
STEPS["inside out"] = (384, [wide, ("each", 3, 1536), narrow], 80.6)
STEPS["depthwise first"] = (384, [("each", 3, 384), wide, narrow], 79.9)
STEPS["7×7 filters"] = (384, [("each", 7, 384), wide, narrow], 80.6)


# %%
def build_step(few, rows):
    x = maps = keras.Input((14, 14, few))
    for kind, size, filters in rows:
        each = layers.DepthwiseConv2D(size, padding="same", use_bias=False)
        x = each(x) if kind == "each" else conv(x, filters, size)
    return keras.Model(maps, x)


# %% tags=["nbval-check-output"]
blocks = {name: build_step(few, rows) for name, (few, rows, _) in STEPS.items()}
for name, (*_, accuracy) in STEPS.items():
    count = blocks[name].count_params()
    million = work_of(blocks[name].input, blocks[name].output) / 1e6
    print(f"{name:16} {count:9,} weights, {million:3.0f} million, {accuracy} %")

# %% tags=["hide-input"] alt="Three blocks as stacks of bars: ResNet is wide, narrow, narrow, wide; the one turned inside out is narrow, wide, wide, narrow; ConvNeXt is narrow, narrow with the depthwise layer first, wide, narrow"
figure, row = plt.subplots(1, 3, figsize=(7.2, 2.6))
looks = {"all": DARK, "each": "C1"}
for axes, name in zip(row, ("start", "inside out", "7×7 filters"), strict=True):
    few, rows, _ = STEPS[name]
    bars = [(f"{few} maps", [(few, "0.75")])]
    for kind, size, filters in rows:
        color = PALE if size == 1 else looks[kind]
        bars.append((f"{size}×{size}: {filters}", [(filters, color)]))
    title = {"start": "ResNet", "7×7 filters": "ConvNeXt"}.get(name, name)
    draw_block(axes, bars, title, most=1_536)
plt.show()

# %% [markdown]
# **Figure 10.9. A block on its way.** Bars are as long as there are maps, grey for what comes in,
# light blue for 1×1, dark blue for an ordinary 3×3 and orange for a depthwise layer. In the middle
# the block is turned inside out, as in MobileNetV2. On the right the depthwise layer comes first.
#
# A depthwise layer in place of the ordinary one halves the weights and costs accuracy, but more
# maps bring more than was lost. At the narrow place the depthwise layer is so cheap that filters of
# 7×7 cost hardly anything more, and win back 0.7 points. The steps after that change few weights:
# one GELU in place of three ReLUs, one layer normalisation in place of three batch normalisations,
# and a layer of its own where the maps become smaller. With them the authors reached 82.0 %. The
# result is called **ConvNeXt**.


# %%
def convnext_block(x):
    width = x.shape[-1]
    near = layers.DepthwiseConv2D(7, padding="same")(x)  # asks the neighbours
    normed = layers.LayerNormalization(epsilon=1e-6)(near)
    wide = layers.Dense(4 * width, activation="gelu")(normed)
    narrow = layers.Dense(width)(wide)
    return layers.Add()([x, LayerScale()(narrow)])  # a learned factor a map


# %% tags=["nbval-check-output"]
package = build_convnext_cifar()
scale = package.get_layer("stage1_block2_scale")
scale.gamma.assign(ops.ones_like(scale.gamma))  # else the block would hardly matter
place = "stage1_block1_add", "stage1_block2_add"
ours = agree(convnext_block, package, *place)

# %% [markdown]
# Compare it with `transformer_block`. A dense layer works at each place of the maps by itself, as a
# 1×1 convolution does, so the second half is the same. The main difference is the asking, because
# here each place asks the 49 places around it, in a fixed way and map by map. There is also one sum
# in place of two.

# %% tags=["claims"]
counts = {name: block.count_params() for name, block in blocks.items()}
claim("newer_step_resnet", counts["start"], equals=1_114_112)
claim("newer_step_depthwise", counts["depthwise"], equals=526_592)
claim("newer_step_large_filters", counts["7×7 filters"], equals=1_198_464)
more = counts["7×7 filters"] / counts["depthwise first"]
claim("newer_step_large_to_small_filters", more, at_most=1.02)

# %% [markdown]
# ## What do they cost?
#
# Here are the published networks, for pictures of 224×224 (AlexNet and SqueezeNet: 227).
# *Parameters* are those that training changes. *Activations* are the outputs of all Keras layers
# for one picture, at four bytes a number, and *ms* is the time for one picture on this CPU. Only
# top-1 accuracy is copied. It comes from six years and many recipes, so it does not compare blocks:
# ResNet-50 alone has other values in chapter 9 and in the section before.

# %% tags=["setup"]
NETS = {  # year, builder, top-1 in percent, where that stands
    "AlexNet": (2012, build_alexnet, None, ""),
    "VGG-16": (2014, build_vgg, None, ""),
    "ResNet-50": (2015, build_resnet, 75.2, "Hu, table 2"),
    "DenseNet-121": (2016, build_densenet, 75.0, "Huang, table 3"),
    "SqueezeNet": (2016, build_squeezenet, 57.5, "Iandola, table 2"),
    "ResNeXt-50": (2016, build_resnext, 77.8, "Xie, table 3"),
    "SE-ResNet-50": (2017, build_se_resnet, 76.7, "Hu, table 2"),
    "MobileNetV2": (2018, build_mobilenet_v2, 72.0, "Sandler, table 4"),
    "EfficientNet-Lite0": (2020, build_efficientnet_lite0, 75.1, "Google, README"),
    "ViT-B/16": (2020, build_vit, 77.9, "Dosovitskiy, table 5; 384 pixels"),
    "ConvNeXt-T": (2022, build_convnext, 82.1, "Liu, table 1"),
}
if QUICK:  # those that the text compares
    few = ("AlexNet", "VGG-16", "ResNet-50", "DenseNet-121", "SqueezeNet")
    NETS = {name: NETS[name] for name in (*few, "MobileNetV2")}
Costs = namedtuple("Costs", "parameters work activations ms")


def norms_of(net):
    return [it for it in net.layers if isinstance(it, layers.BatchNormalization)]


def trained_numbers(net):
    return sum(int(np.prod(it.shape)) for it in net.trainable_variables)


# %% tags=["setup"]
def measure(build, side):
    """Build a network, measure what it costs, and forget it."""
    keras.utils.clear_session()
    shape = (side, side, 3)
    net = build(image_shape=shape)
    rows = layer_costs(net)
    values = sum(int(np.prod(row.output_shape)) for row in rows)
    work = sum(row.multiply_adds for row in rows)
    picture = np.random.default_rng(SEED).integers(0, 256, (1, *shape))
    predict = net if QUICK else net.predict_on_batch
    options = {"repeats": REPEATS, "warm_up": 0 if QUICK else 2}
    ms = measure_latency(predict, picture.astype("float32"), **options).median_ms
    return Costs(trained_numbers(net), work, 4 * values, ms)


odd = {"AlexNet": SIDE + 3, "SqueezeNet": SIDE + 3}  # 227 pixels, as published
costs = {name: measure(it[1], odd.get(name, SIDE)) for name, it in NETS.items()}

# %% tags=["hide-input"]
rows = []
for name, (year, _, top1, source) in NETS.items():
    its = costs[name]
    cells = [name, year, f"{its.parameters / 1e6:.2f}", f"{its.work / 1e9:.2f}"]
    cells += [f"{its.activations / 1e6:.0f}", f"{its.ms:.0f}"]
    rows.append([*cells, f"{top1} ({source})" if top1 else ""])
head = ["network", "year", "parameters, million", "multiply-adds, billion"]
as_table([*head, "activations, MB", "ms", "top-1, %"], rows)

# %% [markdown]
# A light suitcase need not be easy to carry. SqueezeNet has
# 49 times<!--claim:arch_alexnet_to_squeezenet--> fewer parameters than AlexNet, but
# 1.1 times<!--claim:newer_squeezenet_to_alexnet_work--> its work. DenseNet-121 has
# 31 %<!--claim:arch_densenet_to_resnet_parameters--> of the parameters of ResNet-50 and yet
# 1.3 times<!--claim:arch_densenet_to_resnet_activations--> its activations, as join, normalisation
# and ReLU rewrite all maps. And VGG-16 does 51 times<!--claim:arch_vgg_to_mobilenet_work--> the
# work of MobileNetV2 in only 9 times<!--claim:arch_vgg_to_mobilenet_time--> the time. One reason
# may be that depthwise filters fetch much and compute little, but this comparison cannot separate
# it from others. (One run.)

# %% tags=["claims"]
few, many = costs["SqueezeNet"], costs["AlexNet"]
ratio = many.parameters / few.parameters
claim("arch_alexnet_to_squeezenet", ratio, at_least=45, quick=15)
ratio = few.work / many.work
claim("newer_squeezenet_to_alexnet_work", ratio, at_least=1.05, quick=0.5)
squeezenet_parameters = build_squeezenet("1.0").count_params()
claim("arch_squeezenet_parameters", squeezenet_parameters, equals=1_248_424)
dense, residual = costs["DenseNet-121"], costs["ResNet-50"]
ratio = dense.parameters / residual.parameters
claim("arch_densenet_to_resnet_parameters", ratio, at_most=0.33)
ratio = dense.activations / residual.activations
claim("arch_densenet_to_resnet_activations", ratio, at_least=1)
large, mobile_costs = costs["VGG-16"], costs["MobileNetV2"]
ratio = large.work / mobile_costs.work
claim("arch_vgg_to_mobilenet_work", ratio, at_least=45, quick=20)
times = large.ms / mobile_costs.ms
claim("arch_vgg_to_mobilenet_time", times, at_least=2, quick=0.1)
claim("newer_work_saved_to_time_saved", ratio / times, at_least=1.5, quick=0.1)

# %% [markdown]
# ## One budget for all
#
# Now the eight friends meet with their suitcases. Each family gets about 120,000 parameters, equal
# within a tenth. Seven have blocks of this chapter or the one before, and *plain* is our network of
# chapter 8. The training is alike, too: 10,000 photographs of CIFAR-10, six epochs in batches of
# 64, AdamW with weight decay, a warm-up and a cosine. To save time, the networks see 24×24 pixels
# of each photograph, in training cut out and mirrored by chance. Each family tried the same four
# rates with seed 0, in a training of two epochs, and validation chose. Three other seeds trained at
# that rate, and only they saw the test pictures. We call a family *ahead* of another only if its
# worst run beats the best run of the other.

# %% tags=["setup"]
budget_sides = sides_of("one_budget", "family")
HUES = ("#585d64", "C0", "C2", "C4", "#b08900", "#c2457a", "C1", "#4f9bd9")
LIVE, SHAPE = "ConvNeXt", (24, 24, 3)
PICTURES, EPOCHS = (256, 1) if QUICK else (10_000, 6)
FAMILIES = {
    "plain": lambda: build_small_photo_net(SHAPE),
    "ResNet": lambda: build_resnet_cifar(14, SHAPE, filters=13),
    "SE-ResNet": lambda: build_se_resnet_cifar(14, SHAPE, filters=13, reduction=4),
    "ResNeXt": lambda: build_resnext_cifar(
        SHAPE, cardinality=4, width=4, filters=9
    ),
    "DenseNet": lambda: build_densenet_cifar(19, SHAPE, growth_rate=9),
    "MobileNetV2": lambda: build_mobilenet_v2_cifar(SHAPE),
    "ConvNeXt": lambda: build_convnext_cifar(SHAPE),
    "ViT": lambda: build_vit_cifar(SHAPE),
}

# %% tags=["setup"]
try:
    photos = load_cifar10()
except FileNotFoundError:  # clothes in one colour each, on a background in another
    photos, random = load_fashion_mnist(), np.random.default_rng(SEED)
    for part in ("train", "test"):
        grey = getattr(photos, f"{part}_images") / np.float32(255)
        grey = np.pad(grey, ((0, 0), (2, 2), (2, 2), (0, 0)))
        dark, light = (
            random.integers(n, n + 100, (len(grey), 1, 1, 3)) for n in (0, 156)
        )
        colored = (dark + (light - dark) * grey).astype("uint8")
        photos = photos._replace(**{f"{part}_images": colored})
    photos = photos._replace(source="an embedded stand-in, coloured clothes")


# %% tags=["setup"]
def cut_and_mirror(pictures):
    """Cut 24 by 24 pixels out of each picture by chance, and mirror half."""
    count, numbers = tf.shape(pictures)[0], tf.range(24)
    is_mirrored = tf.random.uniform((count, 1)) < 0.5
    rows = tf.random.uniform((count, 1), 0, 9, tf.int32) + numbers
    columns = tf.random.uniform((count, 1), 0, 9, tf.int32)
    columns += tf.where(is_mirrored, 23 - numbers, numbers)
    cut = tf.gather(pictures, rows, axis=1, batch_dims=1)
    return tf.gather(cut, columns, axis=2, batch_dims=1)


# %%
nets = {name: build() for name, build in FAMILIES.items()}
parameters = {name: trained_numbers(net) for name, net in nets.items()}
work = {name: work_of(net.input, net.output) / 1e6 for name, net in nets.items()}
for name in nets:
    print(f"{name:12} {parameters[name]:,} parameters, ", end="")
    print(f"{work[name]:4.1f} million multiply-adds")

# %% [markdown]
# The suitcases weigh the same, but the heaviest work is
# 6.8 times<!--claim:newer_most_to_least_work--> the lightest. All runs stand in a record (`cnnbook
# study one_budget` makes it anew, in three hours), and we train one family here as well.


# %%
def learn_photos(net, rate, pictures, epochs):
    some = photos.train_images[:pictures], photos.train_labels[:pictures]
    options = {"training": True, "augment": cut_and_mirror, "seed": SEED}
    batches = make_pipeline(*some, 64, **options)
    steps = epochs * len(batches)
    warm_up = {"warmup_target": rate, "warmup_steps": steps // 5}
    plan = CosineDecay(0.0, steps - steps // 5, **warm_up)
    adam = keras.optimizers.AdamW(plan, weight_decay=0.05)
    for norm in norms_of(net):
        norm.momentum = 0.9  # means that keep up with so few steps
    net.compile(adam, LOSS, metrics=["accuracy"], steps_per_execution=16)
    net.fit(batches, epochs=epochs, shuffle=False, verbose=0)


# %%
keras.utils.set_random_seed(SEED)
live_net = FAMILIES[LIVE]()
learn_photos(live_net, budget_sides[LIVE].rate, PICTURES, EPOCHS)
middles = photos.test_images[:TESTED, 4:28, 4:28]
live = live_net.evaluate(middles, photos.test_labels[:TESTED], 500, verbose=0)[1]
print(f"{LIVE}, live: {POINTS * live:.1f} % of the test pictures")

# %% tags=["hide-input"]
order = sorted(FAMILIES, key=lambda name: -ends_of(budget_sides[name]).mean())
rows = []
for name in order:
    its = budget_sides[name]
    cells = [name, f"{parameters[name]:,}", f"{work[name]:.1f}"]
    ends = (spread(ends_of(its, what)) for what in ("train", "test"))
    rows.append([*cells, marked(its), *ends])
head = ["family", "parameters", "multiply-adds, million"]
as_table([*head, "validation at each rate, %", "training, %", "test, %"], rows)

# %% tags=["hide-input"] alt="On the left eight points with three small marks each: test accuracy against multiply-adds of one picture; on the right eight curves of validation accuracy over the epochs"
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 4.2), sharey=True)
look_of = dict(zip(FAMILIES, zip("osD^vPX*", HUES, strict=True), strict=True))
for name, (marker, color) in look_of.items():
    its, look = budget_sides[name], {"color": color, "marker": marker, "ms": 6}
    ends = ends_of(its)
    left.plot([work[name]] * len(ends), ends, lw=1, label=name, **look)
    curves = [run["curve"]["val_accuracy"] for run in its.runs]
    curve = POINTS * np.mean(curves, axis=0)
    right.plot(range(1, len(curve) + 1), curve, lw=1, **look)
left.set(xscale="log", xlabel="multiply-adds of a picture, million")
left.set(ylabel="right, percent", xticks=(3, 5, 10, 20), xlim=(2, 30))
left.xaxis.set_major_formatter("{x:g}")
left.minorticks_off()
left.set_title("test, at the end")
right.set(xlabel="epoch", title="validation, on the way")
figure.legend(loc="outside lower center", ncols=4)
plt.show()

# %% [markdown]
# **Figure 10.10. Eight families on one budget.** On the left each mark is the test accuracy of one
# seed, over the work for one picture, and a line joins the three seeds of a family. On the right is
# the validation accuracy on the way there, as the mean of the seeds, with the same marks.
#
# Nothing in this chapter is ahead of *plain*, which reaches 66 %<!--claim:newer_budget_plain-->:
# its worst run is 1.4 points<!--claim:newer_budget_plain_leads--> better than the best run of any
# other family. Behind it ResNet, SE-ResNet, DenseNet and MobileNetV2 end within
# 1.2 points<!--claim:newer_budget_middle_spread--> of each other. SE-ResNet and ResNet differ by
# little but a block, and SE-ResNet is ahead by 0.2 points<!--claim:newer_budget_se_leads-->, but on
# validation pictures they overlap. The newest families are last, with
# 50 %<!--claim:newer_budget_convnext--> for ConvNeXt and 47 %<!--claim:newer_budget_vit--> for the
# vision transformer. But these two also do the least work.
#
# So the race shows who leads after six passes over few pictures, not who is best in the end:
# training accuracy is low, too.
#
# What does the picture not show? A few minutes of training say nothing about ImageNet, where
# ConvNeXt and vision transformers are large and learn for days. The left panel shows work, not
# time. And each family is *one* network, which differs in depth, width and first layer as well;
# *plain* follows one made for quick training on CIFAR-10.

# %% tags=["claims"]
claim(
    "newer_most_to_least_work", max(work.values()) / min(work.values()), at_least=5
)
fewest, most = min(parameters.values()), max(parameters.values())
claim("newer_most_to_fewest_parameters", most / fewest, at_most=1.1)
budget_ends = {name: ends_of(side) for name, side in budget_sides.items()}
seeds = min(len(ends) for ends in budget_ends.values())
claim("newer_budget_fewest_seeds", seeds, equals=3)
of_plain, of_se = budget_ends["plain"], budget_ends["SE-ResNet"]
claim("newer_budget_plain", of_plain.mean() / POINTS, at_least=0.6)
best = max(ends.max() for name, ends in budget_ends.items() if name != "plain")
claim("newer_budget_plain_leads", of_plain.min() - best, at_least=0)
middle = [budget_ends[name] for name in ("ResNet", "DenseNet", "MobileNetV2")]
apart = np.ptp(np.concatenate([*middle, of_se]))
claim("newer_budget_middle_spread", apart, at_most=3)
leads = of_se.min() - budget_ends["ResNet"].max()
claim("newer_budget_se_leads", leads, at_least=0)
newest = {name: budget_ends[name].mean() / POINTS for name in ("ConvNeXt", "ViT")}
claim("newer_budget_convnext", newest["ConvNeXt"], at_most=0.58)
claim("newer_budget_vit", newest["ViT"], at_most=0.58)

# %% tags=["claims"]
outside = beyond(POINTS * live, budget_ends[LIVE])
bounds = {"quick": 99, "embedded": 99, "source": photos.source}
claim("newer_budget_live_outside", outside, at_most=2, **bounds)

# %% [markdown]
# ## What you learned
#
# | word | what it means | where |
# |:--|:--|:--|
# | dense block, growth rate | layers see all maps so far and join a few new ones | `build_densenet()` |
# | fire module | squeeze by 1×1 filters, then expand by 1×1 and 3×3 | `build_squeezenet()` |
# | depthwise (separable) convolution | a filter for each map (and 1×1 filters to mix them) | `layers.DepthwiseConv2D` |
# | inverted residual block | narrow outside, without a ReLU there, and wide inside | `build_mobilenet_v2()` |
# | compound scaling | depth, width and side grow together | `build_efficientnet_lite0()` |
# | ResNeXt | a bottleneck block in groups | `build_resnext()` |
# | squeeze-and-excitation | maps are turned up or down by the means of all | `build_se_resnet()` |
# | spatial transformer | a small network moves the picture first | `build_spatial_transformer()` |
# | self-attention | each patch takes a mean of all, by how well query and key fit | `layers.MultiHeadAttention` |
# | vision transformer | attention and dense layers on patches | `build_vit()` |
# | layer normalisation, GELU | normalises each patch by itself; a soft ReLU | `layers.LayerNormalization`, `ops.gelu` |
# | ConvNeXt | much the same with depthwise 7×7 in place of attention | `build_convnext()` |
#
# ## Exercises
#
# 1. *By hand.* A dense block begins with 24 maps and has four layers and a growth rate of 8. How
#    many maps come out, and how many weights do its 3×3 filters have?
# 2. *By hand.* An ordinary layer has 100 filters of 5×5 on 100 maps. What share of its
#    multiplications does a depthwise separable convolution take? Which of its two parts takes more?
# 3. *Predict, then run.* Exchange the second and the third patch, `patches[[0, 2, 1, 3]]`, and let
#    the four ask each other again. What happens to the result? What does that mean for a vision
#    transformer without the lists for the places?
# 4. *Change it.* Squeeze to 48 maps instead of 16 in the fire module, and expand as before. How
#    many parameters has it then, and is it still worth it?
# 5. *Break it.* Turn the test digits by 180 degrees with `turn` (it wants an angle in radians for
#    each, as float32), and ask the spatial transformer. Which digits does it still read, and what
#    does it say of a 6?

# %% [markdown] tags=["solution"]
# 1. 24 + 4 × 8 = 56 maps come out. The layers see 24, 32, 40 and 48 maps, and 9 × 8 × 144 = 10,368.
# 2. 1/100 + 1/25 = 5 %. At each place the depthwise part takes 25 × 100 = 2,500 multiplications,
#    and the 1×1 part 100 × 100 = 10,000, so the 1×1 part costs four times as much.
# 3. The results are exchanged in the same way and otherwise stay the same. A vision transformer
#    without places could not tell a picture from the same patches in any other order.
# 4. 96 × 48 + 48 for the squeeze, 48 × 64 + 64 and 9 × 48 × 64 + 64 for the rest are 35,504
#    parameters, about a third of the ordinary layer. As before, about four of five are in the 3×3
#    filters.
# 5. It still reads most 1s and 8s, but only about half of the 0s, 2s and 5s. It takes most of the
#    6s for 9s, and that is no mistake of the network: turned by 180 degrees, a 6 is a 9.

# %% tags=["solution"]
print("1.", 24 + 4 * 8, 9 * 8 * sum((24, 32, 40, 48)))
print(f"2. {1 / 100 + 1 / 25:.2f}")
exchanged = patches[[0, 2, 1, 3]]
result = shares_of(exchanged @ exchanged.T / 2) @ exchanged
print("3.", np.allclose(result, (shares @ patches)[[0, 2, 1, 3]]))
wider = count_parameters(96, 48, 1) + count_parameters(48, 64, 1)
print(f"4. {wider + count_parameters(48, 64, 3):,}")
over = turn(
    digits.test_images[:TESTED], np.full(len(labels), np.pi, "float32")
).numpy()
said = upright_maker.predict(over, batch_size=500, verbose=0).argmax(axis=1)
for label in range(10):
    its = said[labels == label]
    best = np.bincount(its, minlength=10).argmax()
    print(f"5. {label}: {np.mean(its == label):.2f} right, mostly read as {best}")
