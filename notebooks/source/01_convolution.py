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

# %%
VERTICAL_EDGES = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
print(VERTICAL_EDGES)

# %% [markdown]
# Each of its numbers is a **weight**: it says how much the pixel that it covers
# counts, and whether it counts for or against. The middle row counts double,
# because it is nearest to the pixel that we ask about. Here we choose the weights
# ourselves, while in a network they are found by training.
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
# **feature map**, because it shows where in the picture something was found.
#
# In code we need two loops, and a single line for the sum.


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
# The map is smaller than the picture, because a window of three pixels has only three places in a
# row of five. The first row says 20 twice, since the window touches the same edge from two places.
# Towards the bottom the answers fade out, because fewer and fewer rows of the kernel reach the edge
# there.
#
# ## The same window on a photograph
#
# Next we take a photograph of a cup, which we have shrunk to 80 rows of 120 pixels,
# so that you can see single ones. In our code `photo` holds its bytes, from 0 to
# 255, and `pixels` the same as fractions from 0 (black) to 1 (white). We begin with
# `grey`, the mean of its three colours.
#
# Our nine numbers have a name: they are **Sobel's kernel**, which Irwin Sobel and
# Gary Feldman proposed in a talk in
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
look = {"shrink": 0.9, "aspect": 25}
figure.colorbar(drawn, ax=(three, four), label="answer", extend="both", **look)
figure.colorbar(one.images[0], ax=(one, two), label="brightness", **look)
plt.show()

# %% [markdown]
# **Figure 1.2. One photograph, three kernels.** Below on the left, the map is blue
# where the picture becomes brighter to the right, and orange where it becomes
# darker. Look at the rim of the cup: its left and right sides stand out in the left
# map, its upper and lower sides in the right one. Even surfaces are almost white.
# The arrows on the bar say that some answers lie beyond it.
#
# Two rules tell you what to expect of a kernel. If its weights add up to 0, as
# those of Sobel's kernel do, it answers 0 on every even surface, and shows only
# changes. If they add up to 1, as those of the blur do, an even surface keeps its
# brightness.
#
# On the pages of this book you can write nine numbers of your own, and watch what
# they do to a photograph of ours or of yours. Three settings there have names that
# come later in this chapter, so leave them as they are. Pixels run from 0 to 255
# there. Try first what happens when you swap all signs. Then find a kernel that makes
# the picture half as bright, and changes nothing else.<!--live:kernel-->
#
# ### Convolution, or cross-correlation?
#
# In the convolution of mathematics the kernel is turned by 180 degrees before it
# slides. What we computed, without turning, is called **cross-correlation**. A
# picture with a single bright pixel shows the difference.

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
# simply learns the same weights turned. You must mind, however, when you take a
# kernel from another book: if you turn Sobel's, blue and orange swap.
#
# ## Why not connect everything?
#
# We chose our weights by hand, but a network finds its own. Before it can, we must
# decide how many there are, and which pixels each of them meets. A network is made
# of steps, called **layers**, each of which takes numbers in and hands numbers on.
# A layer is made of **units**, and each unit computes one number: it multiplies its
# inputs by weights and adds up the products.
#
# The plainest choice is to connect everything with everything. In a **dense
# layer**, each unit looks at every number that comes in, with a weight of its own
# for each. For a colour picture of 200×200 pixels, which has three numbers a pixel,
# that makes 120,000<!--claim:conv_dense_weights_200--> weights for *one* unit. All
# numbers that training has to find are called **parameters**.
#
# ### A dense layer is blind to neighbourhood
#
# The number of weights is not the only trouble. Imagine that the pixels of all your
# photographs are *shuffled* like a pack of cards, always in the same way. A dense
# unit gives the same answer as before, as soon as we put its weights into the same
# order:

# %% tags=["nbval-check-output"]
random = np.random.default_rng(1)
weights = random.integers(-9, 10, size=photo[..., 0].size)
row_of_pixels = photo[..., 0].ravel().astype(int)
order = random.permutation(weights.size)
print("photograph as it is:", (weights * row_of_pixels).sum())
print("pixels shuffled:    ", (weights[order] * row_of_pixels[order]).sum())

# %% [markdown]
# A sum does not depend on the order of its terms. So a dense layer knows the
# *position* of every pixel, but it is blind to *neighbourhood*: nothing in it says
# which pixels touch each other. A window of 3×3 pixels, however, has lost its
# meaning once the pixels are shuffled. In chapter 4 we train both kinds of network
# on shuffled digits.
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
# **Figure 1.3. Eight outputs on eight inputs.** In orange you see what one output looks at. On the
# left it is connected with every input, and on the right with three neighbours. Unlike before,
# there are as many outputs as inputs, so at each end the window hangs over the border, and one
# connection is missing.


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
# is connected with all 36 inputs, which makes 36 · 36 =
# 1,296<!--claim:conv_dense_connections--> connections. With patches of 3×3 (right)
# it is connected with nine, or with fewer at the border. A row of six outputs then
# has 16 connections, and the whole grid has 16 · 16 =
# 256<!--claim:conv_window_connections-->.
#
# The second idea is called **weight sharing**. An edge looks the same at the top of
# a picture as at the bottom, so why should each unit learn anew what an edge is?
# All units use the same weights. The 256 connections of Figure 1.4 have just nine
# weights between them. This is the sheet of cardboard again: one question, asked
# everywhere.
#
# ## Colour: three grids in, one map out
#
# You can think of a colour photograph as three grids that lie on top of each other:
# one for red, one for green and one for blue. Each of them is called a **channel**.
# Our photograph is therefore an array of 80 × 120 × 3 numbers. An array with any
# number of axes is called a **tensor**.
#
# A window on such a picture needs one kernel for each channel, and such a set of
# kernels is called a **filter**. Each kernel slides over its own channel, and then
# the three answers for a place are added up. Finally the filter adds one more
# number, its **bias**, which shifts all answers up or down. So one filter makes
# *one* map, however many channels come in.
#
# Take a picture of 4×4 pixels that has a red spot in one corner, and a filter of
# 2×2. It counts red for, blue against, and green not at all. With a bias of −4, the
# four red numbers of a patch must *together* exceed the four blue ones by more than
# 4, or the answer is not positive.


# %%
def apply_filter(picture, kernels, bias):
    answers = bias
    for channel in range(picture.shape[-1]):
        answers = answers + slide(picture[..., channel], kernels[..., channel])
    return answers


# %% tags=["nbval-check-output"]
red = np.ones((4, 4), int)
red[2:, 2:] = 8
tiny = np.stack([red, np.ones((4, 4), int), np.ones((4, 4), int)], axis=-1)
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
    square(axes, (2, 2), 2 if size == 4 else 1, **frame)
    axes.set(xlim=(-0.1, size + 0.1), ylim=(size + 0.1, -0.1), aspect="equal")
    axes.set_title(name)
    axes.axis("off")
plt.show()

# %% [markdown]
# **Figure 1.5. A filter of 2×2 on three channels.** In the orange frame, red gives
# 8 + 8 + 8 + 8 = 32, green counts nothing, and blue gives −4. With the bias of −4
# the answer is 24. In the upper left corner red and blue cancel out, so that only
# the bias is left, and the answer is −4.
#
# ### Many filters, many maps
#
# One question is not enough. Therefore a layer holds many filters, which all look
# at the same picture. Their maps are the channels of what the next layer sees.


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
# **Figure 1.6. Filters and maps.** Above, one filter of 5×5 has 5 · 5 · 3 = 75
# weights and one bias, 76<!--claim:conv_parameters_of_5x5x3--> parameters. It
# covers the pale square on the left, through all three channels, and its answer is
# the orange square on the right. Below, eight filters give eight maps. The number
# of parameters does not depend on the size of the picture.
#
# ### What it costs, in parameters and in work
#
# Parameters must be stored and learned, but a layer costs work as well. Work is
# counted in **multiply-adds**, that is, in multiplications, each with the addition
# that follows it. For a single answer on our photograph, a dense unit multiplies
# all 80 · 120 · 3 numbers, but a filter of 3×3 only the 3 · 3 · 3 in its window.
# For whole layers we chose 1,000 dense units and 64 filters:
#
# | | 1,000 dense units | 64 filters of 3×3 |
# |:--|--:|--:|
# | multiply-adds for one answer | 28,800<!--claim:conv_work_of_one_unit--> | 27<!--claim:conv_work_of_one_answer--> |
# | parameters | 28,801,000<!--claim:conv_parameters_dense--> | 1,792<!--claim:conv_parameters_filters--> |
# | answers | 1,000 | 589,056<!--claim:conv_answers_of_filters--> |
# | multiply-adds, millions | 28.8<!--claim:conv_millions_of_work_dense--> | 15.9<!--claim:conv_millions_of_work_filters--> |
#
# Cheap single answers are what locality is for. The layer of filters has
# 16,072<!--claim:conv_times_fewer_parameters--> times fewer parameters, and that is what weight
# sharing is for. It saves no work, however: each of the many answers must still be computed,
# whoever shares its weights.
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
# kernels that you know. It is the same for each channel, and we divide it by 3,
# because the filter adds up three channels and we want their mean.

# %%
chosen = []
for angle in np.radians(np.arange(0, 360, 45)):
    kernel = np.cos(angle) * VERTICAL_EDGES + np.sin(angle) * HORIZONTAL_EDGES
    chosen.append(np.stack([kernel / 3] * 3, axis=-1))  # the same for each channel
by_hand = [apply_filter(pixels, kernels, bias=0) for kernels in chosen]
filters, by_hand = np.stack(chosen, axis=-1), np.stack(by_hand, axis=-1)
activations = np.maximum(0, by_hand)
print("rows, columns, channels in, filters:", filters.shape)
print("rows, columns, maps:", activations.shape)

# %% tags=["hide-input", "photo"] alt="A signed map of edges, the curve of ReLU, which is flat below 0 and rises above it, and the same map behind it, in which only the positive answers are left."
figure, (left, middle, right) = plt.subplots(
    1, 3, figsize=(7.2, 2.3), width_ratios=(1.5, 1, 1.5)
)
see(left, by_hand[..., 0], "before ReLU", **signs(2.5))
middle.plot([-2.5, 0, 2.5], [0, 0, 2.5], color="C0")
middle.set(title="ReLU", xlabel="answer", ylabel="activation", aspect="equal")
drawn = see(right, activations[..., 0], "after ReLU", **signs(2.5))
bar = figure.colorbar(drawn, ax=right, shrink=0.8, extend="both")
bar.set_label("answer, activation")
plt.show()

# %% [markdown]
# **Figure 1.7. What ReLU does.** On the left are the answers of a filter, and on
# the right its activations, in the same colours. Where the picture becomes darker
# to the right, the orange answers have turned into 0, which is white. Now the map
# says only where its own kind of edge was found. A few values lie beyond the bar.
#
# In Keras, `Conv2D(8, 3)` means eight filters of 3×3. It takes many pictures at
# once, so its tensors have four axes: pictures, rows, columns, channels. Therefore
# `pixels[None]` makes our photograph a stack of one picture, and `build` says that
# any number of pictures of any size will come, but with three channels. We hand the
# layer our weights instead of letting it learn its own, and compare.

# %% tags=["nbval-check-output"]
layer = layers.Conv2D(8, 3, activation="relu")
layer.build((None, None, None, 3))
layer.set_weights([filters, np.zeros(8)])  # the filters, and a bias for each
maps = np.asarray(layer(pixels[None]))[0]
print("Keras gives what our loops give:", np.allclose(maps, activations, atol=1e-5))
print("parameters:", layer.count_params(), "=", 8 * (27 + 1))

# %% tags=["hide-input", "photo"] alt="Eight maps of the same cup. In each one, the parts of the rim where the picture turns brighter in one direction are blue."
figure, grid = plt.subplots(2, 4, figsize=(7.2, 4.4), dpi=72)
names = ["right", "right and down", "down", "left and down"]
names += ["left", "left and up", "up", "right and up"]
for axes, name, number in zip(grid.flat, names, range(8), strict=True):
    drawn = see(axes, maps[:58, 25:90, number], name, **signs(2.5))
bar = figure.colorbar(drawn, ax=grid, location="bottom", aspect=50, extend="max")
bar.set_label("activation")
bar.ax.set_xlim(0, 2.5)
plt.show()

# %% [markdown]
# **Figure 1.8. Eight filters, eight maps.** Only the cup is shown, in the colours
# of Figure 1.7. The title says in which direction the picture must become brighter.
# Follow the rim from map to map: each filter picks out another part of it.
#
# ### Why an activation function?
#
# Think of the filter that answers 20 to our small picture. If we put a minus before every pixel, so
# that light and dark swap, it answers −20. This is so for every kernel: change the sign of all
# pixels, or add two pictures, and the same happens to its answers. Such a layer is called *linear*,
# leaving the bias aside. Two linear layers on top of each other are linear again. For example, two
# kernels of 3×3 do no more than one kernel of 5×5 can do (exercise 6).
#
# With a ReLU behind the first layer, the two pictures give 20 and 0. No single
# kernel can do that, because its two answers would differ only in sign. So now two
# layers do more than one.
#
# ### Break it on purpose: bytes
#
# Our pixels were fractions, but picture files hold bytes (`uint8`). What if we
# forget to convert them? It depends on who does the sum.

# %% tags=["nbval-check-output"]
print("NumPy: 10 - 20 =", np.array([10], "uint8") - np.array([20], "uint8"))
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
# If both numbers are bytes, NumPy's result is a byte too. It cannot be negative, so it starts again
# from the top, and 10 − 20 becomes 246. Our own loop escapes, because its kernel does not hold
# bytes, but its answers are 255<!--claim:conv_bytes_in_our_loop--> times too large. The bare layer
# of Keras refuses bytes. But as soon as the same layer is part of a model, Keras converts them
# silently, and the sums are again 255<!--claim:conv_bytes_against_fractions--> times too large. In
# chapter 4 you will meet a network that failed to learn from bytes, with the settings it was given.
# Most networks of this book therefore begin with a layer `Rescaling(1 / 255)`, which divides them.
#
# ## Padding and stride: how large is the map?
#
# On a row of W pixels, a window of K pixels begins at the left end. From the first
# stop to the last, the window moves W − K pixels, one a step, so it makes W − K + 1
# stops. For W = 5 and K = 3 that makes three, as in Figure 1.1. Two things may
# bother us: each layer makes the map a little smaller, and at other times we want
# it much smaller, to save work. Therefore the convolution has two settings.
#
# The **padding** puts P zeros at each end before the window begins. The **stride**
# S is the step by which the window moves on. With both, the number of stops is
#
# > (W − K + 2P) / S + 1
#
# In words: the room to move, divided by the length of a step, and one more for the
# place where the window starts.

# %% tags=["hide-input"] alt="Four rows of squares with the stops of a window of three below them: without padding 8 stops, with padding 10, with stride 2 five stops, and a last case in which one pixel is never reached."
cases = [(10, 3, 0, 1), (10, 3, 1, 1), (11, 3, 0, 2), (10, 3, 0, 2)]  # W, K, P, S
figure = plot_stops(cases)
for axes in figure.axes:
    axes.set_title(axes.get_title(loc="left").replace("-", "−"))
for text in figure.legends[0].get_texts():
    text.set_text(text.get_text().replace("filter", "window"))
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
# an odd K it is P = (K − 1) / 2. In code, padding and stride add two short steps to
# our loop.


# %%
def slide_with(image, kernel, stride=1, padding=0):
    padded = np.pad(image, padding)  # zeros all around
    return slide(padded, kernel)[::stride, ::stride]


# %% tags=["nbval-check-output"]
print(slide_with(small, VERTICAL_EDGES, padding=1).astype(int))

# %% [markdown]
# Padding has a price. In the middle you find the old answers, but at the border the
# kernel takes the step between the zeros and the picture for an edge.
#
# What about the last case of Figure 1.9? Its sum is
# 4.5<!--claim:conv_size_of_the_source-->, and there is no half stop. The book's own
# function refuses such a case. With `valid` Keras rounds down. With `same` it does
# not use a fixed P: it adds just as many zeros as are needed for W / S stops,
# rounded up, whatever K is. Here these are 10 / 2 = 5 stops. At a stride above 1 the
# two ends may then get different numbers of zeros.

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
# its answers depends on more pixels than fit into its own window. This is why first
# layers can find only small things, such as edges, and later ones larger things.
#
# Let us count, in a single row. An answer of the second layer sees three answers of
# the first, and each of these sees three pixels. Yet the three windows overlap, so
# that together they cover only five pixels.

# %% tags=["hide-input"] alt="Three rows of squares. One answer of layer 2 stands above three answers of layer 1, and these above five pixels with the numbers 1, 2, 3, 2, 1; lines show the windows."
figure, axes = plt.subplots(figsize=(7.2, 2.3))
for height, name in enumerate(("picture", "layer 1", "layer 2")):
    low = 1.7 * height
    axes.text(-4.3, low + 0.5, name, ha="right", va="center")
    for place in range(height - 3, 4 - height):
        is_seen = abs(place) <= 2 - height
        square(
            axes, (place - 0.5, low), 1, facecolor="#f6c9a8" if is_seen else "white"
        )
        ways = 3 - abs(place) if height == 0 else 1
        axes.text(
            place, low + 0.5, ways if is_seen else "", ha="center", va="center"
        )
        for side in (-1, 1) if height and is_seen else ():
            ends = [place + 0.5 * side, place + 1.5 * side], [low, low - 0.7]
            axes.plot(*ends, color="C1", linewidth=1.5)
axes.set(xlim=(-6, 6), ylim=(-0.1, 4.5), aspect="equal")
axes.axis("off")
plt.show()

# %% [markdown]
# **Figure 1.10. One answer, three answers, five pixels.** Two orange lines below
# each square show its window. The numbers say in how many ways a square reaches the
# answer at the top. The pixel in the middle lies in all three windows, so it has
# three ways, but a pixel at the end has one.
#
# Each further layer of 3×3 adds one pixel on either side, so that three layers see
# 7×7 pixels. The part of the picture that can influence an answer is called its
# **receptive field**.
#
# Its pixels do not count alike, as the numbers in the figure show. To count on, we
# light a single pixel, send it through layers whose weights are all 1, and see in
# how many ways it reaches each *answer*. That turns the question round, but the
# counts are the same, because the window reaches equally far to both sides.

# %% tags=["nbval-check-output"]
row = [0, 0, 0, 1, 0, 0, 0]
for number in (1, 2, 3):
    row = np.convolve(row, [1, 1, 1], mode="same")  # zeros at both ends
    print(f"after layer {number}:", row.tolist())

# %% tags=["hide-input"] alt="Grids of 3 by 3, 5 by 5 and 7 by 7 numbers, largest in the middle: 1, 9 and 49."
ways, ways_after = np.pad(point, 1), []
for reach in (1, 2, 3):
    ways = slide_with(ways, np.ones((3, 3)), padding=1)
    field = slice(3 - reach, 4 + reach)
    ways_after.append(ways[field, field].astype(int))
share = ways_after[-1] / ways_after[-1].sum()
figure, row = plt.subplots(1, 3, figsize=(7.2, 2.6))
for axes, counts in zip(row, ways_after, strict=True):
    side, middle = len(counts), len(counts) // 2
    title = f"{middle} layer{'s' * (side > 3)}: {side}×{side} pixels"
    see(axes, counts, title, cmap="Blues", vmax=1.6 * counts.max())
    axes.set(xlim=(middle - 3.6, middle + 3.6), ylim=(middle + 3.6, middle - 3.6))
    for (down, right), value in np.ndenumerate(counts):
        look = {"ha": "center", "va": "center", "color": "black", "fontsize": 10}
        axes.text(right, down, value, **look)
plt.show()

# %% [markdown]
# **Figure 1.11. The same counts on a grid.** Each side of the field grows by two
# pixels with each layer of 3×3. The number of ways is largest in the middle.
#
# For three layers the middle pixel has 49 of 729 ways, or
# 6.7 %<!--claim:conv_share_of_the_middle-->. The middle 3×3 pixels together have
# 49.5 %<!--claim:conv_share_of_the_middle_nine-->, just under a half. (In a trained
# network the weights are not all 1.)
#
# To use several layers of 3×3 instead of one larger window is the idea of *VGG*, a
# network of 2014 that you will meet in chapter 9. Three of them see what one layer
# of 7×7 sees. With 64 channels in and out they have 3 · (3 · 3 · 64 · 64) =
# 110,592<!--claim:conv_weights_three_3x3--> weights, instead of 7 · 7 · 64 · 64 =
# 200,704<!--claim:conv_weights_one_7x7-->. It is a trade, however. With fewer
# weights the stack cannot imitate every layer of 7×7, but with activation functions
# in between it can do what no single layer does.
#
# ## Move the picture, and the map moves with it
#
# Weight sharing guarantees something that a dense layer would have to learn.
# Suppose that you photograph the cup twice, and turn the camera a little in
# between, so that the cup stands ten pixels further to the left. Every patch of the
# cup meets the same nine weights as before. So the map must be the same, only ten
# pixels further to the left. This property is called **translation equivariance**.
# We test it with two squares, cut out of our photograph ten pixels apart.

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
    title = ("map of the blue frame", "map of the orange frame")[number]
    drawn = see(axes[number + 2], answers, title, **signs(2.5))
bar = figure.colorbar(drawn, ax=[*axes.values()], shrink=0.8, extend="both")
bar.set_label("answer of the kernel")
plt.show()

# %% [markdown]
# **Figure 1.12. Two frames and their maps.** In the orange frame, the cup stands
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
    steps = move // stride  # by how many answers the second map lies further right
    return np.abs(one[:, steps:] - two[:, : one.shape[1] - steps])


# %%
CASES = {
    "moved by 10": {"move": 10},
    "moved by 10, zeros around": {"move": 10, "padding": 1},
    "moved by 10, stride 2": {"move": 10, "stride": 2},
    "moved by 9, stride 2": {"move": 9, "stride": 2},
}
gaps = {name: gap_after_move(**case) for name, case in CASES.items()}
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
# **Figure 1.13. Where the two maps differ.** With padding (left) they differ in one column at each
# side, where the window of one map covers zeros and that of the other covers pixels. With a stride
# of 2 (right) they differ along the edges of the cup, because a move of nine pixels falls between
# two stops of the window.
#
# So what a filter has learned in one place it knows in every place, except at a
# padded border and between two strides.
#
# ## Where the idea comes from
#
# In 1962, David Hubel and Torsten Wiesel described what nerve cells in the visual
# cortex of a cat respond to. A **simple cell** answers to an edge of one direction
# in one small part of the view, which is its receptive field. A **complex cell**
# answers to the same edge, but lets it move a little. In 1980 Kunihiko Fukushima
# built both into a network, the *neocognitron*, and tried it on five digits: its
# S-cells share their weights across the picture, and its C-cells allow for small
# moves. The version of 1988 began with 12 planes of 19×19 S-cells, in our words 12
# maps.
#
# What the neocognitron lacked was a way to learn all its layers from the errors at
# the end. That way is *backpropagation*, which finds out for every weight how it
# should change, and you will write it in chapter 3. In 1986 and 1987 it trained
# small networks with shared weights. In 1989 Yann LeCun and others did it for real
# pictures, and their network read zip codes.

# %% tags=["hide-input"]
EVENTS = [
    (1943, "McCulloch & Pitts: a neuron as a sum with a threshold"),
    (1958, "Rosenblatt: the perceptron learns its weights"),
    (1960, "Kelley: a flight path, improved by working backwards from its end"),
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
# **Figure 1.14. From one neuron to 152 layers.** The years on the left are drawn to
# scale. Some of these names return in chapters 3 and 9.
#
# To read on: Hubel & Wiesel (1962), [Receptive fields, binocular interaction and
# functional architecture in the cat's visual
# cortex](https://doi.org/10.1113/jphysiol.1962.sp006837). Fukushima (1980),
# [Neocognitron](https://doi.org/10.1007/BF00344251). LeCun et al. (1989),
# [Backpropagation applied to handwritten zip code
# recognition](https://doi.org/10.1162/neco.1989.1.4.541). Dumoulin & Visin (2016),
# [A guide to convolution arithmetic for deep
# learning](https://arxiv.org/abs/1603.07285).
#
# ### What other texts get wrong
#
# K is the *size* of the filters, not "the number of filters". Eight filters give eight maps, not
# twelve. And three layers of 3×3 do not equal one of 7×7 with a *stride of 4*: on 31×31 pixels the
# stack gives 25×25 answers, that layer 7×7.
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
# | translation equivariance | the map moves with the picture | holds for `Conv2D`, with the two exceptions above |

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
#    the photograph. (A hint: what does a picture with a single bright pixel give?)
#    Does it still work with a ReLU in between?
# 7. *Explore.* In the live kernel piece (in JupyterLab, the last cell of the
#    solutions), take a kernel of 3×3. Which stride and which padding give a map half
#    as high and half as wide as the picture?

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
#    photograph moves by one pixel to the left, and but for the lost rim nothing else
#    changes.
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
# 6. A kernel answers to a single bright pixel with itself, turned by 180 degrees, as you saw above.
#    So what comes out behind both layers is the kernel of 5×5 that does the work of both, and we
#    only have to turn it back. With a ReLU in between it fails, and so does every other kernel:
#    change the sign of all pixels, and a single kernel changes the sign of its answers. Behind a
#    ReLU the blur has no negative numbers to add up, so its answers cannot become negative.
# 7. A stride of 2 and a padding of 1. For the 108 pixels of the web page the sum is 54.5 (in
#    JupyterLab, 80×120 pixels give 40×60), and the map has the whole number below, 54. Without
#    padding it is 53.5, which gives 53. (In the live piece, "same" gives 54 as well.)

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
convolution_widget({"coffee": photo}, strides=1, padding=0)

# %% tags=["claims"]
for name, side, weights_of_one in (("32", 32, 3072), ("200", 200, 120_000)):
    unit = layers.Dense(1, use_bias=False)
    unit.build((None, side * side * 3))
    claim(f"conv_dense_weights_{name}", unit.count_params(), equals=weights_of_one)
claim("conv_dense_connections", dense.number_of_edges(), equals=1296)
claim("conv_window_connections", patches.number_of_edges(), equals=256)
package = convolve(pixels[None], filters)[0]  # the same, without loops
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
loud, right_size = (slide(it[..., 0], VERTICAL_EDGES) for it in (photo, pixels))
of_ours = round(loud.max() / right_size.max(), 3)
claim("conv_bytes_in_our_loop", of_ours, equals=255)
told = float(refusal.split("an output of ")[1].split(". ")[0])
claim("conv_size_of_the_source", told, equals=4.5)

# %% tags=["claims"]
images, numbers_in = keras.Input((80, 120, 3)), keras.Input((80 * 120 * 3,))
of_filters = layer_costs(keras.Model(images, layers.Conv2D(64, 3)(images)))[-1]
ten = layer_costs(keras.Model(numbers_in, layers.Dense(10)(numbers_in)))[-1]
answers_given = int(np.prod(of_filters.output_shape))
work = of_filters.multiply_adds
claim("conv_work_of_one_unit", ten.multiply_adds // 10, equals=28_800)
claim("conv_work_of_one_answer", work / answers_given, equals=27)
in_dense, in_filters = 100 * ten.parameters, of_filters.parameters
claim("conv_parameters_dense", in_dense, equals=28_801_000)
claim("conv_parameters_filters", in_filters, equals=1_792)
claim(
    "conv_times_fewer_parameters", in_dense / in_filters, equals=28_801_000 / 1_792
)
claim("conv_answers_of_filters", answers_given, equals=589_056)
claim("conv_millions_of_work_filters", work / 1e6, equals=15.904512)
claim("conv_millions_of_work_dense", 100 * ten.multiply_adds / 1e6, equals=28.8)

# %% tags=["claims"]
claim("conv_share_of_the_middle", share[3, 3], equals=49 / 729)
beyond = share[3, 3] - np.sort(share.ravel())[-2]
claim("conv_middle_above_all_others", beyond, at_least=1 / 729)
nine = ways_after[-1][2:5, 2:5].sum() / 729
claim("conv_share_of_the_middle_nine", nine, equals=361 / 729)
claim(
    "conv_weights_three_3x3",
    3 * count_parameters(64, 64, 3, bias=False),
    equals=110_592,
)
claim(
    "conv_weights_one_7x7", count_parameters(64, 64, 7, bias=False), equals=200_704
)
claim("conv_field_of_three_3x3", receptive_field([(3, 1)] * 3), equals=7)

# %% tags=["claims"]
around, even = gaps["moved by 10, zeros around"], gaps["moved by 10, stride 2"]
claim("conv_equivariance_gap", gaps["moved by 10"].max(), at_most=1e-12)
claim("conv_equivariance_gap_even_stride", even.max(), at_most=1e-12)
claim("conv_equivariance_gap_inside", around[:, 1:-1].max(), at_most=1e-12)
claim(
    "conv_equivariance_gap_border",
    around.max(),
    at_least=0.5,
)
claim(
    "conv_equivariance_gap_stride", gaps["moved by 9, stride 2"].max(), at_least=0.5
)
