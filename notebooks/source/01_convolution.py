# %% [markdown]
# # 1. Convolution
#
# Cut a small square hole into a sheet of cardboard, so that only a tiny piece of a
# photograph shows through it. Now slide the sheet across the picture, row by row.
# At each stop you write down one number: how much brighter is this piece on its
# right side than on its left? When you have been everywhere, your notes form a
# picture too, and the outlines of things stand out in it.
#
# The networks of this book are built around this trick, and for one question they
# need only nine numbers. But how can nine numbers find an edge? In this chapter you
# will do it by hand first. At the end you will be able to write the operation as a
# loop, and to predict how large its result is and what it costs. Then you can read
# the arguments of `Conv2D`, which is how Keras calls it.
#
# Takes about 1 minute<!--minutes:01_convolution--> on two CPU cores (quick: under
# 30 seconds); needs no other chapter, no GPU, and one embedded photograph.

# %% tags=["setup"]
import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers
from matplotlib.patches import Rectangle

from cnnbook.arithmetic import (
    convolve,
    count_parameters,
    output_size,
    pool,
    receptive_field,
)
from cnnbook.book.claims import claim
from cnnbook.datasets.photos import load_photo
from cnnbook.deploy.costs import layer_costs
from cnnbook.plots.book_style import use_book_style
from cnnbook.plots.connections import (
    connect_dense,
    connect_window,
    plot_connections,
)
from cnnbook.plots.kernel_steps import plot_kernel_steps
from cnnbook.plots.stops import plot_stops
from cnnbook.plots.timeline import plot_timeline
from cnnbook.widgets.convolution import convolution_widget

# %% tags=["setup"]
# Nothing is trained in this chapter: a quick run and a full run are the same.
use_book_style()
# Blocks of 5×5 pixels become one, so that single pixels can be seen.
photo = (
    pool(load_photo("coffee")[None], 5, mode="average")[0].round().astype("uint8")
)
pixels = (photo / 255).astype("float32")  # bytes become fractions from 0 to 1
grey = pixels.astype(float).mean(axis=-1)


def see(axes, picture, title="", **look):
    """Draw a picture without its axes; grey from 0 to 1, unless told otherwise."""
    axes.set_title(title)
    axes.axis("off")
    look = {
        "cmap": "gray",
        "vmin": 0,
        "vmax": 1,
        "interpolation": "nearest",
        **look,
    }
    return axes.imshow(picture, **look)


# %% tags=["setup"]
def square(axes, corner, side, **look):
    """Draw a square by the corner with its smallest x and y."""
    look = {"facecolor": "white", "edgecolor": "0.4", **look}
    axes.add_patch(Rectangle(corner, side, side, **look))


def signs(largest):
    """Colours for values with a sign: orange below 0, white at 0, blue above."""
    return {"cmap": "signs", "vmin": -largest, "vmax": largest}


# %% [markdown]
# ## A window that asks one question
#
# Let us begin with a picture so small that we can follow every number. It has five
# rows of five pixels, and each pixel is one number, its brightness. The ground has
# a brightness of 2, and in the upper right corner there is something brighter, with
# a brightness of 7.

# %%
small = np.full((5, 5), 2)
small[:3, 3:] = 7  # the upper three rows, from the fourth column on
print(small)

# %% [markdown]
# Our question is written down as a small grid of numbers as well, which is called a
# **kernel**. This one asks: "is it brighter on the right than on the left?"
#
# ```text
# -1  0  1
# -2  0  2
# -1  0  1
# ```
#
# Each of its numbers is a **weight**: it says how much the pixel below it counts,
# and whether it counts for or against. Here we choose the weights ourselves, while
# in a network they are found by training.
#
# Lay the kernel on the upper left corner of the picture. The part that lies below
# it is called a **patch**. Multiply each pixel of the patch by its weight, and add
# up the nine products. All pixels are 2 there, so the left column gives −2 − 4 − 2
# = −8 and the right column gives +8. The sum is 0, because nothing changes between
# left and right.
#
# Now move the kernel by one pixel to the right. Its left column still gives −8, but
# its right column has reached the bright part and gives 7 + 14 + 7 = 28. The answer
# is 20. Nine numbers have found an edge.

# %% tags=["hide-input", "photo"] alt="Three copies of a grid of five by five pixels, each with the kernel's nine numbers on one patch, and below each the map with the answer: 0, then 20, then 15."
VERTICAL_EDGES = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
figure = plot_kernel_steps(small, VERTICAL_EDGES, [(0, 0), (0, 1), (1, 1)])
plt.show()

# %% [markdown]
# **Figure 1.1. The kernel lies on its patch and gives one number.** In the orange
# frame, each pixel is multiplied by the small number in its corner, and the sum is
# written into the framed square below. From left to right the kernel lies on even
# ground, on the edge, and one row further down, where only two of its three rows
# reach the edge.
#
# To multiply two lists of numbers pair by pair and to add up the products is called
# a **dot product**. The patch and the kernel are such lists here, so each answer is
# the dot product of the kernel and one patch. When we take it at every place of the
# picture, we do a **convolution**, and the grid of the answers is called a
# **feature map**. It is a map in the everyday sense of the word, since it shows
# where in the picture something was found.
#
# In code we need two loops, one over the rows and one over the columns, and a
# single line for the sum.


# %%
def slide(image, kernel):
    height, width = kernel.shape
    rows = image.shape[0] - height + 1
    columns = image.shape[1] - width + 1
    answers = np.zeros((rows, columns))
    for row in range(rows):
        for column in range(columns):
            patch = image[row : row + height, column : column + width]
            answers[row, column] = (patch * kernel).sum()
    return answers


# %% tags=["nbval-check-output"]
print(slide(small, VERTICAL_EDGES))

# %% [markdown]
# The map is smaller than the picture, because a window of three pixels has only
# three places in a row of five. You can also see how the answers fade out towards
# the bottom, because fewer and fewer rows of the kernel reach the edge there.
#
# ## The same window on a photograph
#
# Next we take a photograph of a cup, in grey, with pixels from 0 (black) to 1
# (white). Our nine numbers have a name: they are **Sobel's kernel**, which Irwin
# Sobel and Gary Feldman proposed in a talk in
# [1968](https://www.researchgate.net/publication/239398674_An_Isotropic_3x3_Image_Gradient_Operator).
# If we turn it by a quarter, it asks whether the picture becomes brighter
# *downwards*. As a third kernel we take 25 equal weights that add up to 1. Its
# answer is the mean of a patch, and so it should blur the picture.

# %%
HORIZONTAL_EDGES = VERTICAL_EDGES.T
BLUR = np.full((5, 5), 1 / 25)
blurred = slide(grey, BLUR)
vertical = slide(grey, VERTICAL_EDGES)
horizontal = slide(grey, HORIZONTAL_EDGES)
print("photograph", grey.shape, " blurred", blurred.shape, " edges", vertical.shape)

# %% tags=["hide-input", "photo"] alt="A grey photograph of a cup on a saucer, the same blurred, and two maps of its edges in blue and orange: one for vertical and one for horizontal edges."
figure, ((one, two), (three, four)) = plt.subplots(2, 2, figsize=(7.2, 5.1), dpi=72)
see(one, grey, "the photograph")
see(two, blurred, "blurred: the mean of 5×5 pixels")
see(three, vertical, "brighter to the right?", **signs(2.5))
drawn = see(four, horizontal, "brighter downwards?", **signs(2.5))
figure.colorbar(drawn, ax=(three, four), label="answer", shrink=0.9, aspect=25)
figure.colorbar(
    one.images[0], ax=(one, two), label="brightness", shrink=0.9, aspect=25
)
plt.show()

# %% [markdown]
# **Figure 1.2. One photograph, three kernels.** Below on the left, the map is blue
# where the picture becomes brighter to the right, and orange where it becomes
# darker. Look at the rim of the cup: its left and right sides stand out in the left
# map, its upper and lower sides in the right one. Even surfaces are almost white.
#
# Two rules tell you what to expect of a kernel. If its weights add up to 0, as
# those of Sobel's kernel do, it answers 0 on every even surface, and shows only
# changes. If they add up to 1, as those of the blur do, an even surface keeps its
# brightness.
#
# On the pages of this book you can write nine numbers of your own, and watch what
# they do to a photograph of ours or of yours. Try first what happens when you swap
# all signs. Then find a kernel that leaves the picture exactly as it
# is.<!--live:kernel-->
#
# ### Convolution, or cross-correlation?
#
# A mathematician would object to the name. In the convolution of mathematics the
# kernel is turned by 180 degrees before it slides. What we computed, without
# turning, is called **cross-correlation**. A picture with a single bright pixel
# shows the difference.

# %% tags=["nbval-check-output"]
point = np.zeros((5, 5), int)
point[2, 2] = 1
numbers = np.arange(1, 10).reshape(3, 3)
print("the kernel:       ", numbers.tolist())
print("cross-correlation:", slide(point, numbers).astype(int).tolist())
print("convolution:      ", slide(point, numbers[::-1, ::-1]).astype(int).tolist())

# %% [markdown]
# The convolution copies the kernel to the place of the bright pixel, and the
# cross-correlation copies it turned. Keras, PyTorch and this book compute a
# cross-correlation and call it a convolution. A network does not mind, since it
# would simply learn the same weights turned. You must mind, however, when you take
# a kernel from another book. A blur stays the same when it is turned, but Sobel's
# kernel changes its sign, so that blue and orange swap.
#
# ## Why not connect everything?
#
# We chose our weights by hand, but a network finds its own. Therefore somebody has
# to decide which weights there are to be found. A network is made of steps, called
# **layers**, each of which takes numbers in and hands numbers on. A layer is made
# of **units**, and each unit computes one number: it multiplies its inputs by
# weights and adds up the products.
#
# The plainest choice is to connect everything with everything. In a **dense
# layer**, each unit looks at every number that comes in, with a weight of its own
# for each. For a colour picture of 32×32 pixels, which has three numbers a pixel,
# that makes 3,072<!--claim:conv_dense_weights_32--> weights. For 200×200 pixels it
# makes 120,000<!--claim:conv_dense_weights_200-->, and all of them belong to *one*
# unit, while a layer may have hundreds. All numbers that training has to find are
# called **parameters**.
#
# ### A dense layer is blind to neighbourhood
#
# The number of weights is not the only trouble. Imagine that the pixels of all your
# photographs are *shuffled* like a pack of cards, always in the same way. You would
# see nothing but noise. A dense unit, however, gives the same answer as before, as
# soon as we put its weights into the same order:

# %% tags=["nbval-check-output"]
random = np.random.default_rng(1)
weights = random.integers(-9, 10, size=photo[..., 0].size)
row_of_pixels = photo[..., 0].ravel().astype(int)
order = random.permutation(weights.size)
print("photograph as it is:", (weights * row_of_pixels).sum())
print("pixels shuffled:    ", (weights[order] * row_of_pixels[order]).sum())

# %% [markdown]
# A sum does not depend on the order of its terms. So a dense layer is not blind to
# *position*, because it has a weight of its own for every pixel. It is blind to
# *neighbourhood*: nothing in it says which pixels touch each other. A window of 3×3
# pixels, on the other hand, has lost its meaning once the pixels are shuffled. Does
# this matter for what a network can learn? We shall find out in chapter 4, where we
# train both kinds of network on shuffled digits.
#
# ### Look at neighbours only, and ask everywhere the same
#
# Two ideas lead from the dense layer back to our window. The first one is
# *locality*. What belongs together in a picture mostly lies close together, so we
# connect each unit with a small patch only.

# %% tags=["hide-input"] alt="Two rows of eight outputs above eight inputs. Left, the marked output is connected with all eight inputs; right, with three neighbours."
in_a_row = {
    "dense: 64 connections": connect_dense((8,), (8,)),
    "a window of 3: 22 connections": connect_window((8,), 3),
}
figure = plot_connections(in_a_row, highlight=(3,))
figure.set_size_inches(7.2, 2.1)
figure.set_dpi(75)
plt.show()

# %% [markdown]
# **Figure 1.3. Eight outputs on eight inputs.** In orange you see what one output
# looks at. On the left it is connected with every input, and on the right with
# three neighbours. At the two ends the window hangs over the border, where one
# connection each is missing.


# %% tags=["hide-input"] alt="Two planes of six by six outputs above six by six inputs. Left, the marked output is connected with all 36 inputs; right, with a patch of three by three."
def only_one(graph, output):
    """Leave out all connections but those of one output: 1,296 lines hide all."""
    graph = graph.copy()
    others = [edge for edge in graph.edges if edge[1] != ("output", output)]
    graph.remove_edges_from(others)
    return graph


dense, patches = connect_dense((6, 6), (6, 6)), connect_window((6, 6), 3)
on_a_grid = {"dense: 36 of 1,296 connections": only_one(dense, (2, 3))}
on_a_grid["patches of 3×3: 9 of 256 connections"] = only_one(patches, (2, 3))
figure = plot_connections(on_a_grid, highlight=(2, 3))
figure.set_size_inches(7.2, 3.0)
figure.set_dpi(75)
plt.show()

# %% [markdown]
# **Figure 1.4. One output on a grid of 6×6.** In a dense layer (left) each output
# is connected with all 36 inputs. With patches of 3×3 (right) it is connected with
# nine, or with fewer at the border, so that of
# 1,296<!--claim:conv_dense_connections--> connections only
# 256<!--claim:conv_window_connections--> are left.
#
# The second idea is called **weight sharing**. An edge looks the same at the top of
# a picture as at the bottom, so why should each unit learn anew what an edge is?
# All units use the same weights. The 256 connections of Figure 1.4 have just nine
# weights between them, and on a larger grid there would still be nine. This is the
# sheet of cardboard again: one question, asked everywhere.
#
# ## Colour: three grids in, one map out
#
# A colour photograph has three numbers for each pixel. You can think of it as three
# grids that lie on top of each other: one for red, one for green and one for blue.
# Each of them is called a **channel**. Our photograph is therefore an array of 80 ×
# 120 × 3 numbers. An array with any number of axes is called a **tensor**.
#
# A window on such a picture has a depth, too. It needs one kernel for each channel,
# and such a set of kernels is called a **filter**. Each kernel slides over its own
# channel, and then the three answers for a place are added up. Finally the filter
# adds one more number, its **bias**, which shifts all answers up or down. So one
# filter makes *one* map, however many channels come in.
#
# Take a picture of 4×4 pixels with a red spot in its middle, and a filter of 2×2.
# It counts red for, blue against, and green not at all. With a bias of −4 it
# answers 0 where red leads by exactly 4.


# %%
def apply_filter(picture, kernels, bias):
    answers = bias
    for channel in range(picture.shape[-1]):
        answers = answers + slide(picture[..., channel], kernels[..., channel])
    return answers


# %% tags=["nbval-check-output"]
red = np.array([[1, 1, 1, 1], [1, 8, 8, 1], [1, 8, 8, 1], [1, 1, 1, 1]])
tiny = np.stack([red, np.full((4, 4), 1), np.full((4, 4), 1)], axis=-1)
redness = np.stack([np.full((2, 2), weight) for weight in (1, 0, -1)], axis=-1)
answers = apply_filter(tiny, redness, bias=-4)
print("picture", tiny.shape, " filter", redness.shape, " map", answers.shape)

# %% tags=["hide-input"] alt="Three grids of four by four numbers, red, green and blue, each with a frame around the same patch of two by two, and the map of three by three answers."
COLORS = {"red: all × 1": "#e99a93", "green: all × 0": "#a7d3a6"}
COLORS |= {"blue: all × −1": "#9fc0e6", "sum − 4": "white"}
grids = [*np.moveaxis(tiny, -1, 0), answers.astype(int)]
figure, row = plt.subplots(1, 4, figsize=(7.2, 2.2), width_ratios=(4, 4, 4, 3))
for axes, grid, name in zip(row, grids, COLORS, strict=True):
    size = len(grid)
    for (down, right), value in np.ndenumerate(grid):
        square(axes, (right, down), 1, facecolor=COLORS[name])
        text, middle = f"{value}".replace("-", "−"), (right + 0.5, down + 0.5)
        axes.text(*middle, text, ha="center", va="center", color="black")
    frame = {"facecolor": "none", "edgecolor": "C1", "linewidth": 3, "zorder": 3}
    square(axes, (1, 1), 2 if size == 4 else 1, **frame)
    axes.set(xlim=(-0.1, size + 0.1), ylim=(size + 0.1, -0.1), aspect="equal")
    axes.set_title(name)
    axes.axis("off")
plt.show()

# %% [markdown]
# **Figure 1.5. A filter of 2×2 on three channels.** In the orange frame, red gives
# 8 + 8 + 8 + 8 = 32, green counts nothing, and blue gives −4. With the bias of −4
# the answer is 24, in the middle of the map. The 4×4 pixels have become 3×3
# answers.
#
# ### Many filters, many maps
#
# One question is not enough. Therefore a layer holds many filters, which all look
# at the same picture, and their maps lie on top of each other like the channels of
# a picture. For the next layer they *are* its channels.


# %% tags=["hide-input"]
def draw_sheets(axes, left, count, side, color, text):
    """Draw as many sheets behind each other, and a text below them."""
    for sheet in reversed(range(count)):
        square(axes, (left + 0.16 * sheet, 0.16 * sheet), side, facecolor=color)
    axes.text(left + side / 2 + 0.08 * count, -0.25, text, ha="center", va="top")


def draw_filters(axes, count, text):
    """Draw filters in two rows, each as three small sheets, and a text below."""
    for number in range(count):
        left, low = 4.1 + 0.85 * (number % 4), 1.25 - 0.9 * (number // 4)
        left, low = (5.5, 0.8) if count == 1 else (left, low)
        for sheet in (2, 1, 0):
            corner = (left + 0.09 * sheet, low + 0.09 * sheet)
            square(axes, corner, 0.45, facecolor="#f6c9a8")
    axes.text(5.75, -0.25, text, ha="center", va="top")


# %% tags=["hide-input"] alt="Two rows of blocks. Above, three channels of 32 by 32 and a filter of 5 by 5 by 3 give one map of 28 by 28. Below, eight such filters give eight maps."
WORDS = {1: "1 filter of 5×5×3\n75 weights + 1 bias = 76"}
WORDS[8] = "8 filters of 5×5×3\n8 · 76 = 608 parameters"
figure, rows = plt.subplots(2, 1, figsize=(7.2, 4.6), height_ratios=(3.5, 4.1))
for axes, count in zip(rows, (1, 8), strict=True):
    draw_sheets(axes, 0, 3, 2, "#cfe3f2", "picture of 32×32\n3 channels")
    square(axes, (0.6, 1.25), 0.31, facecolor="#f6c9a8")  # a patch
    draw_filters(axes, count, WORDS[count])
    maps_of = "1 map" if count == 1 else "8 maps"
    draw_sheets(axes, 9, count, 1.75, "#d5ead5", f"{maps_of}\nof 28×28")
    axes.plot(9.62, 1.17, "s", color="C1", markersize=4)  # its answer
    for left in (2.7, 7.9):
        arrow = {"arrowstyle": "-|>", "color": "0.4", "mutation_scale": 16}
        axes.annotate("", (left + 0.9, 1.1), (left, 1.1), arrowprops=arrow)
    top = 2.4 if count == 1 else 3.0
    axes.set(xlim=(-0.1, 12.1), ylim=(-1.1, top), aspect="equal")
    axes.axis("off")
plt.show()

# %% [markdown]
# **Figure 1.6. Filters and maps.** Above, one filter of 5×5 looks at all three
# channels at once, so it has 5 · 5 · 3 = 75 weights and one bias. The orange patch
# on the left becomes the orange answer on the right. Below, eight filters give
# eight maps. The number of parameters does not depend on the size of the picture.
#
# A filter of this kind has 76<!--claim:conv_parameters_of_5x5x3--> parameters, and
# eight of them have 608. (One of the five texts that this book measures anew says
# that eight filters give twelve maps. They give eight.)
#
# ### What it costs, in parameters and in work
#
# Parameters are one cost of a layer, since they must be stored and learned. Work is
# another. It is counted in **multiply-adds**, that is, in multiplications, each
# with the addition that follows it. A filter of 3×3 on three channels needs 27 of
# them for each answer. Here are 64 such filters on our photograph, beside a dense
# layer of 1,000 units.

# %% tags=["nbval-check-output"]
inputs, outputs = 80 * 120 * 3, 78 * 118 * 64
costs = {"dense": (1_000, 1_000 * (inputs + 1), 1_000 * inputs)}
costs["filters"] = (outputs, 64 * (27 + 1), outputs * 27)
print("         outputs   parameters   multiply-adds")
for name, (outputs, parameters, work) in costs.items():
    print(f"{name:8}{outputs:8,} {parameters:12,} {work:15,}")

# %% [markdown]
# The filters have 16,000 times fewer parameters, and that is what weight sharing is
# for. They do not save nearly as much work. With
# 15.9 million<!--claim:conv_millions_of_work_filters--> multiply-adds they still need
# more than half of the 28.8 million<!--claim:conv_millions_of_work_dense--> of the
# dense layer, because we get many more answers from them, and each answer must be
# computed. A single answer is cheap, and that is what locality is for: it costs 27
# multiply-adds instead of 28,800.
#
# ## From the window to a layer of Keras
#
# A **convolutional layer** consists of filters with their biases, and in most
# networks one more step follows. The **activation function** is a simple function
# through which each answer goes before it is handed on. The commonest one is called
# **ReLU** (*rectified linear unit*). It leaves positive numbers as they are and
# turns negative ones into 0, so that 20 stays 20, and −15 becomes 0. What the layer
# hands on for a particular picture are its **activations**.
#
# We build eight filters for edges in eight directions. Each is a mixture of the two
# kernels that you know, and it is the same for each channel.

# %%
chosen = []
for angle in np.radians(np.arange(0, 360, 45)):
    kernel = np.cos(angle) * VERTICAL_EDGES + np.sin(angle) * HORIZONTAL_EDGES
    chosen.append(np.stack([kernel / 3] * 3, axis=-1))  # the same for each channel
by_hand = [apply_filter(pixels, kernels, bias=0) for kernels in chosen]
filters, by_hand = np.stack(chosen, axis=-1), np.stack(by_hand, axis=-1)
activations = np.maximum(0, by_hand)
print("filters", filters.shape, " maps", activations.shape)

# %% tags=["hide-input", "photo"] alt="A signed map of edges, the curve of ReLU, which is flat below 0 and rises above it, and the same map behind it, in which only the positive answers are left."
figure, (left, middle, right) = plt.subplots(
    1, 3, figsize=(7.2, 2.1), width_ratios=(1.5, 1, 1.5)
)
drawn = see(left, by_hand[..., 0], "before ReLU", **signs(2.5))
figure.colorbar(drawn, ax=left, shrink=0.75)
middle.plot([-2.5, 0, 2.5], [0, 0, 2.5], color="C0")
middle.set(title="ReLU", xlabel="answer", ylabel="activation", aspect="equal")
drawn = see(right, activations[..., 0], "after ReLU", cmap="inferno", vmax=2.5)
figure.colorbar(drawn, ax=right, shrink=0.75)
plt.show()

# %% [markdown]
# **Figure 1.7. What ReLU does.** On the left are the answers of a filter, with
# their signs, and on the right its activations. Where the picture becomes darker to
# the right, the orange answers have turned into 0, which is black here. Now the map
# says only where its own kind of edge was found.
#
# In Keras, `Conv2D(8, 3)` means eight filters of 3×3. It takes many pictures at
# once, so its tensors have four axes: pictures, rows, columns, channels. We hand it
# our weights instead of letting it learn its own, and compare.

# %% tags=["nbval-check-output"]
layer = layers.Conv2D(8, 3, activation="relu")
layer.build((None, None, None, 3))  # any number of pictures of any size
layer.set_weights([filters, np.zeros(8)])  # the filters, and a bias for each
maps = np.asarray(layer(pixels[None]))[0]
print("Keras gives what our loops give:", np.allclose(maps, activations, atol=1e-5))
package = convolve(pixels[None], filters)[0]  # the same, without loops
print("so does cnnbook.arithmetic:", np.allclose(package, by_hand, atol=1e-5))
print("parameters:", layer.count_params())

# %% tags=["hide-input", "photo"] alt="Eight maps of the same cup. In each one, the parts of the rim and the saucer that turn brighter in one direction are bright."
figure, grid = plt.subplots(2, 4, figsize=(7.2, 3.9), dpi=72)
names = ["right", "right and down", "down", "left and down"]
names += ["left", "left and up", "up", "right and up"]
for axes, name, number in zip(grid.flat, names, range(8), strict=True):
    drawn = see(axes, maps[..., number], name, cmap="inferno", vmax=1.2)
figure.colorbar(drawn, ax=grid, label="activation", location="bottom", aspect=50)
plt.show()

# %% [markdown]
# **Figure 1.8. Eight filters, eight maps.** The title says in which direction the
# picture must become brighter. Follow the rim of the cup from map to map: each
# filter picks out another part of it.
#
# ### What a stack of layers can be
#
# Why not leave the activation function out? Without it, and leaving the bias aside,
# a layer is *linear*: a picture twice as bright gives answers twice as large, and
# the negative of a picture gives the negative answers. Two linear layers on top of
# each other are linear again. In fact, a kernel of 3×3 behind another one does what
# a single kernel of 5×5 does (exercise 6). The reverse is not true. In a kernel of
# 5×5 you may choose 25 weights freely, but two kernels of 3×3 have only 18 between
# them. So most kernels of 5×5 cannot be taken apart in this way.
#
# With a ReLU between the two, you get something new. The negative picture no longer
# gives the negative answers, and so no single kernel can do the same. This is why
# an activation function stands between the layers.
#
# ### Break it on purpose: bytes
#
# Our pixels were fractions, but picture files hold bytes (`uint8`), whole numbers
# from 0 to 255. What if we forget to convert them? It depends on who does the sum.

# %% tags=["nbval-check-output"]
ten, twenty = np.array([10, 20], "uint8")
print("NumPy: 10 - 20 =", np.subtract(ten, twenty, dtype="uint8"))
try:
    layer(photo[None])
except ValueError as error:
    start = str(error).index("Incompatible")
    print("layer:", str(error)[start : start + 52])
model = keras.Sequential([keras.Input(photo.shape), layer])
of_bytes = model.predict(photo[None], verbose=0)[0]
ratio = of_bytes.max() / maps.max()
print(f"model: no message, and answers {ratio:.0f} times as large")

# %% [markdown]
# In NumPy a byte cannot be negative, so it starts again from the top, and a small
# fall turns into a bright 246. The bare layer of Keras refuses bytes. But as soon
# as the same layer is part of a model, Keras converts the bytes silently, and we
# get sums that are 255 times too large. No message tells you so. In chapter 4 you
# will meet a network that failed to learn for this reason. Most networks of this
# book therefore begin with a layer `Rescaling(1 / 255)`, which takes bytes and
# divides them.
#
# ## Padding and stride: how large is the map?
#
# On a row of W pixels, a window of F pixels first stops at the left end, and it can
# move on until its right side reaches the right end. In between lie W − F pixels,
# so there are W − F + 1 stops. For W = 5 and F = 3 that makes three, as you saw in
# Figure 1.1. If we stack twenty layers, we lose a rim at each of them, and
# sometimes we want a smaller map than that. Therefore the convolution has two
# settings.
#
# The **padding** puts P zeros at each end before the window begins. The **stride**
# S is the step by which the window moves on. With both, the number of stops is
#
# > (W − F + 2P) / S + 1
#
# In words: the room to move, divided by the length of a step, and one more for the
# place where the window starts.

# %% tags=["hide-input"] alt="Four rows of squares with the stops of a window of three below them: without padding 8 stops, with padding 10, with stride 2 five stops, and a last case in which one pixel is never reached."
cases = [(10, 3, 0, 1), (10, 3, 1, 1), (11, 3, 0, 2), (10, 3, 0, 2)]  # W, F, P, S
figure = plot_stops(cases)
figure.set_size_inches(7.2, 3.8)
plt.show()

# %% [markdown]
# **Figure 1.9. Where a window of 3 stops.** Each orange bar is one stop of the
# window. Above on the right, one zero at each end brings the number of stops back
# to that of the pixels. Below, a stride of 2 leaves out every second stop, and in
# the last case the window never reaches the last pixel.
#
# In Keras, no padding is called **valid padding**, `padding="valid"`. The rim that
# keeps the size at a stride of 1 is called **same padding**, `padding="same"`; for
# an odd F it is P = (F − 1) / 2. In code, padding and stride add two short steps to
# our loop.


# %%
def slide_with(image, kernel, stride=1, padding=0):
    padded = np.pad(image, padding)  # zeros all around
    return slide(padded, kernel)[::stride, ::stride]


# %% tags=["nbval-check-output"]
print(slide_with(small, VERTICAL_EDGES, padding=1).astype(int))

# %% [markdown]
# Padding has a price. In the middle you find the old answers. At the border,
# however, the kernel sees zeros that nobody photographed, and takes the step
# between them and the picture for an edge.
#
# What about the last case of Figure 1.9? Its sum is
# 4.5<!--claim:conv_size_of_the_source-->, and there is no half stop. (The text that
# this example comes from computes 5.5. It also calls F the number of filters, but F
# is their *size*. Their number is the number of maps, and it does not enter into
# this formula.) The book's own function refuses such a case, while Keras rounds
# down, or up if the padding is "same".

# %% tags=["nbval-check-output"]
try:
    output_size(input_size=10, kernel_size=3, padding=0, strides=2)
except ValueError as error:
    refusal = str(error)
    print(refusal)
for padding in ("valid", "same"):
    halved = layers.Conv2D(filters=1, kernel_size=3, strides=2, padding=padding)
    print("Keras,", padding, halved.compute_output_shape((1, 10, 10, 1)))

# %% [markdown]
# A third setting, the **dilation**, leaves gaps between the weights. With a
# dilation of 2, for example, the nine weights of a 3×3 kernel are spread over 5×5
# pixels.
#
# ## How far does one answer see?
#
# The window of a filter is small. How can a network see a whole cup with it? The
# second layer does not look at pixels, but at the maps of the first one. So each of
# its answers depends on more pixels than fit into its own window. This is why the
# first layers of a network can find only small things, such as edges, and later
# ones larger things that are made of them. In many networks dense layers at the end
# then draw the conclusion.
#
# Let us count, in a single row. An answer of the second layer sees three answers of
# the first, and each of these sees three pixels. Yet 3 + 3 is not the right sum,
# because the three windows overlap: together they cover five pixels. Each further
# layer of 3×3 adds one pixel on either side, so that three layers see 7×7 pixels.
# The part of the picture that can influence an answer is called its **receptive
# field**.
#
# The pixels in it do not count alike. After two layers, the one in the middle lies
# in all three windows, and so it can reach the answer in three ways, but a pixel at
# the end in one way only. To count the ways, we light one pixel and send it through
# layers whose weights are all 1.

# %% tags=["nbval-check-output"]
ways = np.pad(point, 1)
ways_after = []
for number in (1, 2, 3):
    ways = slide_with(ways, np.ones((3, 3)), padding=1)
    ways_after.append(
        ways[3 - number : 4 + number, 3 - number : 4 + number].astype(int)
    )
    print(f"after layer {number}, ways along one row:", ways_after[-1][0].tolist())
share = ways_after[-1] / ways_after[-1].sum()
print(f"middle pixel {share[3, 3]:.3f}, middle 3×3 {share[2:5, 2:5].sum():.3f}")

# %% tags=["hide-input"] alt="Grids of 3 by 3, 5 by 5 and 7 by 7 numbers, largest in the middle: 1, 9 and 49."
figure, row = plt.subplots(1, 3, figsize=(7.2, 2.6))
for axes, counts in zip(row, ways_after, strict=True):
    side = len(counts)
    title = f"{side // 2} layer{'s' * (side > 3)}: {side}×{side} pixels"
    see(axes, counts, title, cmap="Blues", vmax=1.6 * counts.max())
    middle = side // 2
    axes.set(xlim=(middle - 3.6, middle + 3.6), ylim=(middle + 3.6, middle - 3.6))
    for (down, right), value in np.ndenumerate(counts):
        axes.text(
            right, down, value, ha="center", va="center", color="black", fontsize=10
        )
plt.show()

# %% [markdown]
# **Figure 1.10. In how many ways each pixel reaches one answer.** The field grows
# by two pixels with each layer of 3×3. The number of ways is largest in the middle,
# where after three layers 49 of 729 ways begin.
#
# For three layers the middle pixel has 6.7 %<!--claim:conv_share_of_the_middle-->
# of all the ways, which is more than any other. The middle 3×3 pixels together have
# 49.5 %<!--claim:conv_share_of_the_middle_nine-->, just under a half. So the middle
# counts most, but it is not all. (In a trained network the weights are not all 1,
# of course, and the true influence of a pixel depends on them.)
#
# This is the idea of *VGG*, a network of 2014 that you will meet in chapter 9.
# Three layers of 3×3 see what one layer of 7×7 sees. With 64 channels in and out of
# each layer they have 110,592<!--claim:conv_weights_three_3x3--> weights together,
# instead of 200,704<!--claim:conv_weights_one_7x7-->, and three activation
# functions instead of one. It is a trade, however, and not the same thing for less.
# With fewer weights the stack cannot imitate every layer of 7×7, but with the
# functions in between it can do what no single layer does. (One of our texts says
# that the stack equals a 7×7 layer with a *stride of 4*. On 31×31 pixels the stack
# gives 25×25 answers and that layer 7×7.)
#
# ## Move the picture, and the map moves with it
#
# Weight sharing has a consequence that no dense layer has. Suppose that you
# photograph the cup twice, and turn the camera a little to the right in between, so
# that the cup stands ten pixels further to the left. Every patch of the cup meets
# the same nine weights as before. So the map must be the same as well, only ten
# pixels further to the left. This property is called **translation equivariance**.
#
# We test it with two squares that are cut out of our photograph, the second one ten
# pixels further to the right.

# %% tags=["hide-input", "photo"] alt="The photograph with two frames, one ten pixels right of the other; the two pieces in the frames; and their maps, in which the cup lies ten pixels further left in the second."
MOVE = 10
pieces = [grey[10:60, start : start + 50] for start in (20, 20 + MOVE)]
spots = [["scene", "scene", 0, 1], ["scene", "scene", 2, 3]]
figure, axes = plt.subplot_mosaic(spots, figsize=(7.2, 3.9), dpi=72)
see(axes["scene"], grey, "the scene, and two frames")
for start, color, line in ((20, "C0", "-"), (20 + MOVE, "C1", "--")):
    frame = {"fill": False, "edgecolor": color, "linestyle": line, "linewidth": 2.5}
    axes["scene"].add_patch(Rectangle((start - 0.5, 9.5), 50, 50, **frame))
for number, piece in enumerate(pieces):
    see(axes[number], piece, ("blue frame", "orange frame")[number])
    answers = slide(piece, VERTICAL_EDGES)
    drawn = see(
        axes[number + 2], answers, ("its map", "its map")[number], **signs(2.5)
    )
figure.colorbar(
    drawn, ax=[*axes.values()], label="answer of the kernel", shrink=0.8
)
plt.show()

# %% [markdown]
# **Figure 1.11. Two frames and their maps.** In the orange frame, the cup stands
# ten pixels further to the left than in the blue one. In the maps on the right its
# edges have moved by the same ten pixels.
#
# To measure it, we lay the second map over the first, ten pixels further to the
# right, and subtract.


# %%
def gap_after_move(move, stride=1, padding=0):
    pieces = [grey[10:60, start : start + 50] for start in (20, 20 + move)]
    options = {"stride": stride, "padding": padding}
    one, two = (slide_with(piece, VERTICAL_EDGES, **options) for piece in pieces)
    steps = (
        move // stride
    )  # by how many answers the second map is laid further right
    return np.abs(one[:, steps:] - two[:, : one.shape[1] - steps])


# %%
CASES = {"moved by 10": (10,), "moved by 10, zeros around": (10, 1, 1)}
CASES |= {"moved by 10, stride 2": (10, 2), "moved by 9, stride 2": (9, 2)}
gaps = {name: gap_after_move(*case) for name, case in CASES.items()}
for name, gap in gaps.items():
    print(f"{name:26} largest difference {gap.max():.2f}")

# %% [markdown]
# Without padding and stride, the maps agree exactly. They still agree with a stride
# of 2, as long as the move is a multiple of the stride. In the other two cases
# equivariance is broken, and the figure shows where.

# %% tags=["hide-input", "photo"] alt="Two maps of differences. Left, black but for a bright column at each side. Right, coarse pixels, bright along the edges of the cup."
figure, row = plt.subplots(1, 2, figsize=(7.2, 2.9))
for axes, name in zip(
    row, ("moved by 10, zeros around", "moved by 9, stride 2"), strict=True
):
    drawn = see(axes, gaps[name], name, cmap="inferno", vmax=4)
figure.colorbar(drawn, ax=row, label="difference of the maps")
plt.show()

# %% [markdown]
# **Figure 1.12. Where the two maps differ.** With padding (left) they differ in one
# column at each side, where the zeros lie beside other pixels than before. With a
# stride of 2 (right) they differ along the edges of the cup, because a move of nine
# pixels falls between two stops of the window.
#
# So what a filter has learned in one place it knows in every place, except at a
# padded border and between two strides. In chapter 2 you will see what becomes of
# this when a network throws numbers away.
#
# ## Where the idea comes from
#
# In 1962, David Hubel and Torsten Wiesel described what nerve cells in the visual
# cortex of a cat respond to. A **simple cell** answers to an edge of one direction
# in one small part of the view, which is its receptive field. A **complex cell**
# answers to the same edge, but lets it move a little. In 1980 Kunihiko Fukushima
# built both into a network, the *neocognitron*: its S-cells share their weights
# across the picture, and its C-cells allow for small moves. A later version, for
# digits, began with 12 planes of 19×19 S-cells. In our words these are 12 maps of
# 19×19.
#
# What the neocognitron lacked was a way to learn all its layers from the errors at
# the end. That way is *backpropagation*, which finds out for every weight how it
# should change, and you will write it in chapter 3. In 1989 Yann LeCun and others
# joined the two, and their network read zip codes.

# %% tags=["hide-input"]
EVENTS = [
    (1943, "McCulloch & Pitts: a neuron as a sum with a threshold"),
    (1958, "Rosenblatt: the perceptron learns its weights"),
    (1960, "Kelley: gradients, passed backwards along a flight path"),
    (1962, "Hubel & Wiesel: simple and complex cells in the visual cortex"),
    (1965, "Ivakhnenko & Lapa: networks of many layers, trained one by one"),
    (1980, "Fukushima: the neocognitron, with S-cells and C-cells"),
    (1986, "Rumelhart, Hinton & Williams: backpropagation (a report in 1985)"),
    (1989, "LeCun and others: a convolutional network reads zip codes"),
    (1998, "LeCun, Bottou, Bengio & Haffner: LeNet-5"),
    (2006, "Chellapilla, Puri & Simard: convolution on a graphics processor"),
    (2012, "Krizhevsky, Sutskever & Hinton: AlexNet wins the ImageNet challenge"),
    (2015, "He, Zhang, Ren & Sun: residual networks of 152 layers"),
]

# %% tags=["hide-input"] alt="A line of years from 1943 to 2015 with twelve events beside it."
figure = plot_timeline(EVENTS)
figure.set_size_inches(7.2, 3.9)
figure.set_dpi(75)
figure.axes[0].grid(False)
for text in figure.axes[0].texts:
    text.set_fontsize(10)
plt.show()

# %% [markdown]
# **Figure 1.13. From one neuron to 152 layers.** The years on the left are drawn to
# scale. Some of these names return in chapter 3, which is about learning, and in
# chapter 9, which is about famous networks.
#
# To read on: Hubel & Wiesel (1962), [Receptive fields, binocular interaction and
# functional architecture in the cat's visual
# cortex](https://doi.org/10.1113/jphysiol.1962.sp006837). Fukushima (1980),
# [Neocognitron](https://doi.org/10.1007/BF00344251). LeCun et al. (1989),
# [Backpropagation applied to handwritten zip code
# recognition](https://doi.org/10.1162/neco.1989.1.4.541). Dumoulin & Visin (2016),
# [A guide to convolution arithmetic for deep
# learning](https://arxiv.org/abs/1603.07285), with a picture for every case.
#
# ## What you learned
#
# | word | what it means | in Keras |
# |:--|:--|:--|
# | kernel, weight | a small grid of numbers that slides over a picture; one of them | `Conv2D(kernel_size=...)` |
# | filter, bias | a kernel for each channel, and a number that is added | `Conv2D(filters=...)`, `use_bias` |
# | feature map | the answers of one filter, one for each place | one channel of the output |
# | dense layer | each unit has a weight for every input | `Dense(units)` |
# | weight sharing | all places use the same weights | what `Conv2D` does |
# | activation function, ReLU | what each answer goes through; max(0, answer) | `activation="relu"` |
# | padding, stride | zeros around the picture; length of a step | `padding="same"`, `strides=2` |
# | receptive field | the pixels that can influence one answer | grows with each layer |
# | translation equivariance | the map moves with the picture | holds for `Conv2D`, but not at a padded border or between strides |

# %% [markdown]
# ## Exercises
#
# 1. *By hand.* Let the kernel for horizontal edges slide over our small picture of
#    5×5. What is the first row of its map, and what the middle row? Can you say
#    beforehand which sign the answers have?
# 2. *By hand.* Digits have 28×28 pixels. Which padding keeps this size with a
#    filter of 5×5? Which strides fit without padding?
# 3. *By hand.* How many parameters does `Conv2D(16, 5, padding="same")` have on a
#    colour picture of 32×32, and how many multiply-adds does it need?
# 4. *Predict, then run.* A kernel of 3×3 has a 1 in the middle of its right column,
#    and zeros everywhere else. What does it do to the photograph?
# 5. *Change it.* Build a kernel that *sharpens*: it answers with twice the pixel
#    minus the mean of its 3×3 patch. What must its numbers add up to, so that even
#    surfaces keep their brightness?
# 6. *Break it.* Without an activation function, two layers of 3×3 are one layer of
#    5×5. Find its kernel for a blur of 3×3 behind Sobel's kernel, and check it on
#    the photograph. Does it still work with a ReLU in between?
# 7. *Explore.* In JupyterLab, run the last cell of the solutions, and move its
#    sliders. Which stride and which padding give a map of 40×60 for a kernel of
#    3×3?

# %% [markdown] tags=["solution"]
# 1. The first row is 0 0 0, since nothing changes downwards there, and the middle
#    row is 0 −5 −15. No answer can be positive, because on the way down this
#    picture becomes darker or stays as it is.
# 2. P = (5 − 1) / 2 = 2. Without padding, the stride must divide 28 − 5 = 23, which
#    is a prime number, so only 1 and 23 fit.
# 3. Each filter has 5 · 5 · 3 = 75 weights and a bias, so there are 16 · 76 = 1,216
#    parameters. With same padding there are 32 · 32 · 16 = 16,384 answers of 75
#    multiply-adds each, which makes 1,228,800.

# %% tags=["solution", "nbval-check-output"]
print(slide(small, HORIZONTAL_EDGES).astype(int).tolist())
print("padding:", [rings for rings in range(28) if output_size(28, 5, rings) == 28])
print("strides:", [steps for steps in range(1, 24) if (28 - 5) % steps == 0])
print("parameters:", count_parameters(inputs=3, outputs=16, kernel_size=5))
print("multiply-adds:", 32 * 32 * 16 * 75)

# %% [markdown] tags=["solution"]
# 4. Each answer is the pixel to the right of the patch's middle. So the whole
#    photograph moves by one pixel to the left, and nothing else changes.
# 5. To 1, as those of a blur do. The middle weight is 2 − 1/9, and the other eight
#    are −1/9 each. At edges, as those of the spoon, the picture now swings beyond
#    its old brightness on both sides, and that is what looks sharp.

# %% tags=["solution"]
right_neighbour = np.zeros((3, 3))
right_neighbour[1, 2] = 1
print("moved:", np.array_equal(slide(grey, right_neighbour), grey[1:-1, 2:]))
sharpen = -np.full((3, 3), 1 / 9)
sharpen[1, 1] += 2
print("the numbers add up to", sharpen.sum().round(6))
spoon = grey[42:72, 55:100]
sharp = slide(spoon, sharpen)
print(f"brightness: {spoon.min():.2f} to {spoon.max():.2f}", end=", ")
print(f"sharpened: {sharp.min():.2f} to {sharp.max():.2f}")

# %% [markdown] tags=["solution"]
# 6. A bright pixel, sent through both, shows the kernel of 5×5, turned by 180
#    degrees. With a ReLU in between it fails. No other kernel can do it either: a
#    single kernel answers to the negative picture with the negative of its answer,
#    but a ReLU lets no negative numbers through.
# 7. A stride of 2 with a padding of 1. The sums are 40.5 and 60.5, and the map has
#    the whole numbers below.

# %% tags=["solution", "nbval-check-output"]
BLUR_3 = np.full((3, 3), 1 / 9)
bright = np.zeros((9, 9))
bright[4, 4] = 1
both = slide(slide(bright, VERTICAL_EDGES), BLUR_3)[::-1, ::-1]
print((both * 9).round().astype(int))
in_two_steps = slide(slide(grey, VERTICAL_EDGES), BLUR_3)
with_relu = slide(np.maximum(0, slide(grey, VERTICAL_EDGES)), BLUR_3)
print("without ReLU:", np.allclose(slide(grey, both), in_two_steps))
print("with ReLU:   ", np.allclose(slide(grey, both), with_relu))

# %% tags=["solution"]
convolution_widget({"coffee": photo}, strides=2, padding=1)

# %% tags=["claims"]
for name, side, weights_of_one in (("32", 32, 3072), ("200", 200, 120_000)):
    unit = layers.Dense(1, use_bias=False)
    unit.build((None, side * side * 3))
    claim(f"conv_dense_weights_{name}", unit.count_params(), equals=weights_of_one)
claim("conv_dense_connections", dense.number_of_edges(), equals=1296)
claim("conv_window_connections", patches.number_of_edges(), equals=256)
claim("conv_loop_against_package", np.abs(by_hand - package).max(), at_most=1e-5)
claim("conv_keras_against_numpy", np.abs(maps - activations).max(), at_most=1e-5)
claim(
    "conv_keras_parameters", layer.count_params(), equals=count_parameters(3, 8, 3)
)

# %% tags=["claims"]
one_filter = layers.Conv2D(1, 5)
one_filter.build((None, 32, 32, 3))
claim("conv_parameters_of_5x5x3", one_filter.count_params(), equals=76)
claim("conv_bytes_against_fractions", ratio, equals=255)
told = float(refusal.split("an output of ")[1].split(". ")[0])
claim("conv_size_of_the_source", told, equals=4.5)
images, numbers_in = keras.Input((80, 120, 3)), keras.Input((80 * 120 * 3,))
work = layer_costs(keras.Model(images, layers.Conv2D(64, 3)(images)))[
    -1
].multiply_adds
claim("conv_millions_of_work_filters", work / 1e6, at_most=16)
ten = layer_costs(keras.Model(numbers_in, layers.Dense(10)(numbers_in)))[-1]
claim("conv_millions_of_work_dense", 100 * ten.multiply_adds / 1e6, equals=28.8)

# %% tags=["claims"]
claim("conv_share_of_the_middle", share[3, 3], at_most=0.1)
claim("conv_share_of_the_middle_nine", share[2:5, 2:5].sum(), at_most=0.5)
claim(
    "conv_weights_three_3x3",
    3 * count_parameters(64, 64, 3, bias=False),
    equals=110_592,
)
claim(
    "conv_weights_one_7x7", count_parameters(64, 64, 7, bias=False), equals=200_704
)
claim("conv_field_of_three_3x3", receptive_field([(3, 1)] * 3), equals=7)
claim("conv_equivariance_gap", gaps["moved by 10"].max(), at_most=1e-12)
claim(
    "conv_equivariance_gap_border",
    gaps["moved by 10, zeros around"].max(),
    at_least=0.5,
)
claim(
    "conv_equivariance_gap_stride", gaps["moved by 9, stride 2"].max(), at_least=0.5
)
