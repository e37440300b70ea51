# %% [markdown]
# # 1. Convolution
#
# How can a network look at a picture without a weight for every pixel? It slides a few numbers,
# a *kernel*, across the picture and asks the same question everywhere: is there an edge here?
# The figure below shows nine numbers that answer it. This chapter builds the operation from a
# loop, counts what it costs, and ends at the layer that Keras calls `Conv2D`.
#
# Takes about 1 minute<!--minutes:01_convolution--> on two CPU cores (quick: under 30 seconds);
# needs no other chapter, no GPU, and one embedded photograph.

# %% tags=["setup"]
import matplotlib.pyplot as plt
import numpy as np
from keras import layers

from cnnbook.arithmetic import convolve, count_parameters, output_size, pool, receptive_field
from cnnbook.book.claims import claim
from cnnbook.datasets.photos import load_photo
from cnnbook.plots.connections import connect_dense, connect_window, plot_connections
from cnnbook.plots.gallery import plot_gallery
from cnnbook.plots.kernel import plot_kernel
from cnnbook.plots.stops import plot_stops
from cnnbook.plots.timeline import plot_timeline
from cnnbook.widgets.convolution import convolution_widget

# %% tags=["setup"]
# Nothing is trained in this chapter: a quick run and a full run are the same.
PHOTO = "coffee"  # or "cat", "rocket"
SHRINK = 5  # blocks of 5×5 pixels become one, large enough to be seen
VERTICAL_EDGES = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])  # Sobel's kernel

# %% tags=["hide-input"]
photo = pool(load_photo(PHOTO)[None], SHRINK, mode="average")[0].round().astype("uint8")
pixels = photo / 255  # in this chapter 0 to 1, as fractions
grey = pixels.mean(axis=-1)
edges = convolve(grey[None, :, :, None], VERTICAL_EDGES[:, :, None, None])[0, :, :, 0]
figure = plot_kernel(
    grey, VERTICAL_EDGES, edges, "Red where it turns brighter to the right, blue where darker"
)

# %% [markdown]
# ## Why not a dense layer?
#
# In a *dense* layer, each neuron has one weight for every number that comes in. A colour picture of
# 32×32 pixels is 3,072<!--claim:conv_dense_weights_32--> numbers, one of 200×200 pixels is
# 120,000<!--claim:conv_dense_weights_200-->: so many weights for *one* neuron, and a layer has
# hundreds. It is also blind to position: shuffle the pixels of all pictures in the same way, and a
# dense layer learns just as well. That two pixels touch means nothing to it.

# %% tags=["nbval-check-output"]
claim("conv_dense_weights_32", count_parameters(32 * 32 * 3, 1, bias=False), equals=3072)
claim("conv_dense_weights_200", count_parameters(200 * 200 * 3, 1, bias=False), equals=120_000)
print(f"1,000 dense neurons on this photograph: {count_parameters(photo.size, 1000):,} parameters")
print(f"64 filters of 3×3 on it, or any other:  {count_parameters(3, 64, 3):,} parameters")

# %% [markdown]
# ## Neighbours only
#
# In pictures, what belongs together lies together. So connect an output only with the inputs
# around it. Orange marks what one output sees: everything in a dense layer, three neighbours in a
# window of 3. On a grid of 6×6 each output sees a patch of 3×3 (less at the border), and
# of 1,296<!--claim:conv_dense_connections--> connections
# 256<!--claim:conv_window_connections--> are left, each one multiplication.
#
# Then the second idea. The patch means the same everywhere, so *all outputs share one set of
# weights*: the 256 connections have 9 weights between them, on a grid of any size.

# %% tags=["hide-input"]
row = {
    "dense: 64 connections and weights": connect_dense((8,), (8,)),
    "window of 3: 22 connections, 3 weights": connect_window((8,), 3),
}
grid = {
    "dense: 1,296 connections and weights": connect_dense((6, 6), (6, 6)),
    "patches of 3×3: 256 connections, 9 weights": connect_window((6, 6), 3),
}
on_a_row = plot_connections(row, highlight=(3,), title="A window sees few inputs")
on_a_grid = plot_connections(grid, highlight=(2, 3), title="On a grid the window is a patch")
dense, window = (graph.number_of_edges() for graph in grid.values())
claim("conv_dense_connections", dense, equals=1296)
claim("conv_window_connections", window, equals=256)

# %% [markdown]
# ## The sliding window by hand
#
# Lay the kernel on a patch, multiply number by number, add up, move on by one pixel.
# We try it on a small picture, dark on the left and bright on the right.


# %%
def slide(image, kernel):
    height, width = kernel.shape
    rows, columns = image.shape[0] - height + 1, image.shape[1] - width + 1
    answers = np.zeros((rows, columns))
    for row in range(rows):
        for column in range(columns):
            patch = image[row : row + height, column : column + width]
            answers[row, column] = (patch * kernel).sum()
    return answers


# %% tags=["nbval-check-output"]
small = np.array([[0, 0, 1, 1, 1]] * 5)
products = small[0:3, 0:3] * VERTICAL_EDGES
print("first patch:", small[0:3, 0:3].tolist())
print("times kernel:", products.tolist(), "adds up to", products.sum())
print(slide(small, VERTICAL_EDGES))

# %% [markdown]
# The picture is 5×5, the answer 3×3, for a window of 3 has three places in a row of 5. The answer
# is 4 where the patch holds the edge and 0 where the patch is flat. Such a map of
# answers is a *feature map*.
#
# `convolve` of `cnnbook.arithmetic` does the same without a loop over pixels, for many pictures,
# channels and kernels at once. Its shapes are those of Keras: pictures
# `(batch, height, width, channels)`, kernels `(height, width, channels in, filters)`.


# %%
def apply(image, kernel, **options):
    """Convolve one grey picture with one kernel."""
    return convolve(image[None, :, :, None], kernel[:, :, None, None], **options)[0, :, :, 0]


difference = np.abs(slide(grey, VERTICAL_EDGES) - apply(grey, VERTICAL_EDGES)).max()
claim("conv_loop_against_package", difference, at_most=1e-12)

# %% [markdown]
# ## Blur and edges on a photograph
#
# The numbers in the kernel decide what it does. 25 equal weights that add up to 1 give the mean of
# each 5×5 patch: a blur. Weights of both signs that add up to 0 answer only where something
# changes. Turn Sobel's kernel by a quarter, and it finds horizontal edges.

# %%
blur = np.full((5, 5), 1 / 25)
blurred = plot_kernel(grey, blur, apply(grey, blur), "A mean over 5×5 pixels blurs")
HORIZONTAL_EDGES = VERTICAL_EDGES.T
edges = apply(grey, HORIZONTAL_EDGES)
figure = plot_kernel(grey, HORIZONTAL_EDGES, edges, "Red where it turns brighter downwards")

# %% [markdown]
# Before networks learned them, people designed such kernels. A convolutional network starts with
# random numbers and *learns* them, as chapter 4 shows.
#
# The pages of this book, which `make book` makes, have a kernel whose numbers you can change, on
# this photograph or on a picture of your own.<!--live:kernel-->
#
# ## Convolution, or cross-correlation?
#
# What we slid is, strictly, a *cross-correlation*:
# `answer[r, c] = Σ image[r + i, c + j] · kernel[i, j]`. The *convolution* of mathematics has minus
# signs, `image[r - i, c - j]`: it turns the kernel by 180° first. One bright pixel tells them
# apart: the convolution copies the kernel to that place, the cross-correlation copies it turned.

# %% tags=["nbval-check-output"]
point = np.zeros((5, 5), int)
point[2, 2] = 1
numbers = np.arange(1, 10).reshape(3, 3)
print("cross-correlation:", slide(point, numbers).astype(int).tolist())
print("convolution:      ", slide(point, numbers[::-1, ::-1]).astype(int).tolist())
print("NumPy correlate:  ", np.correlate([0, 0, 1, 0, 0], [1, 2, 3], "valid"))
print("NumPy convolve:   ", np.convolve([0, 0, 1, 0, 0], [1, 2, 3], "valid"))

# %% [markdown]
# Keras, PyTorch and this book compute the first and use the name of the second. A network does not
# mind: it learns the weights turned. You must mind when you take a kernel from elsewhere: a blur is
# the same when turned by 180°, but Sobel's kernel changes its sign, and red and blue swap.
#
# ## Stride, padding and the size of the output
#
# Along one axis, let a filter of F pixels move in steps of S pixels (the *stride*) over an input of
# W pixels with P zeros put at each end (the *padding*). It stops at `(W - F + 2P) / S + 1` places.
# In JupyterLab the first figure below has sliders: change kernel, stride and padding, and watch the
# sizes.

# %% tags=["hide-input"]
cases = [(10, 3, 0, 1), (10, 3, 1, 1), (11, 3, 0, 2), (10, 3, 0, 2)]  # W, F, P, S
figure = plot_stops(cases, "Padding adds stops, a stride skips some; the last case does not fit")
convolution_widget({"coffee": photo, "grey": grey}, strides=2, padding=1)

# %% [markdown]
# With stride 1, odd F and P = (F - 1) / 2, the output is as large as the input. Keras calls this
# `padding="same"`, and no padding `"valid"`. The price: at the border the kernel sees zeros that
# nobody photographed, and finds an edge there, the -3 and -4 below.
#
# The last case has no whole answer. One of the book's five sources gives this example and
# computes 5.5; it is 4.5<!--claim:conv_size_of_the_source-->. It also calls F the number of
# filters. F is the *size* of a filter; the number of filters is the depth of the output, and not in
# the formula.
#
# `output_size` refuses the case. Keras takes it, rounds down and never reads the last pixel. With
# "same" it rounds up, `ceil(W / S)`; an odd zero goes to the end.

# %% tags=["nbval-check-output"]
print(apply(small, VERTICAL_EDGES, padding="same").astype(int))
claim("conv_size_of_the_source", (10 - 3 + 2 * 0) / 2 + 1, equals=4.5)
try:
    output_size(input_size=10, kernel_size=3, padding=0, strides=2)
except ValueError as error:
    print(error)
for padding in ("valid", "same"):
    layer = layers.Conv2D(filters=1, kernel_size=3, strides=2, padding=padding)
    print("Keras,", padding, layer.compute_output_shape((1, 10, 10, 1)))

# %% [markdown]
# ## Channels, filters and parameters
#
# A colour picture is three matrices, one each for red, green and blue. A *filter* has a kernel for
# each of them; it adds up all products and one more number, its *bias*. So one filter makes one
# map, however many channels come in. Below are 4×4 pixels at the rim of the cup. A 2×2 filter stops
# at 3×3 places; here its 12 weights are 1/12, so it takes a mean. Of each 2×2 answers the largest
# is kept: *pooling*, chapter 2.

# %% tags=["nbval-check-output"]
rim = photo[30:34, 40:44]
means = convolve(rim[None], np.full((2, 2, 3, 1), 1 / 12))
largest = pool(means, pool_size=2, strides=1)
print("picture", rim.shape, "map", means.shape[1:], "after pooling", largest.shape[1:])
claim("conv_parameters_of_5x5x3", count_parameters(inputs=3, outputs=1, kernel_size=5), equals=76)

# %% tags=["hide-input"]
matrices = [*np.moveaxis(rim, -1, 0), means[0, :, :, 0], largest[0, :, :, 0]]
names = ["red", "green", "blue", "2×2 filter: mean of 12", "2×2 pooling: largest"]
figure, panels = plt.subplots(1, 5, figsize=(8, 2), layout="constrained")
figure.suptitle("Three channels go in, one map comes out", fontsize=10)
for axes, name, matrix in zip(panels, names, matrices, strict=True):
    axes.imshow(matrix, cmap="gray", vmin=0, vmax=255)
    axes.set_title(name, fontsize=8)
    axes.axis("off")
    for (down, right), value in np.ndenumerate(matrix):
        ink = "black" if value > 128 else "white"
        axes.text(right, down, f"{value:.0f}", color=ink, ha="center", va="center", fontsize=8)

# %% [markdown]
# A 5×5 filter on 3 channels has 5·5·3 = 75 weights and a bias,
# 76<!--claim:conv_parameters_of_5x5x3--> parameters, for pictures of any size. Eight filters give
# eight feature maps (another source says twelve): the output is as deep as there are filters.
#
# We build eight, edge filters in steps of 45°, and set negative answers to zero. That is *ReLU*,
# the usual activation; it leaves to each filter the edges that turn brighter in its direction.

# %%
angles = np.arange(0, 360, 45)
turned = [
    np.cos(angle) * VERTICAL_EDGES + np.sin(angle) * HORIZONTAL_EDGES
    for angle in np.radians(angles)
]
filters = np.stack(turned, axis=-1)[:, :, None].repeat(3, axis=2) / 3  # the same for each channel
maps = np.maximum(0, convolve(pixels[None], filters)[0])
print("picture", pixels.shape, "filters", filters.shape, "maps", maps.shape)
names = [f"{angle}°" for angle in angles]
title = "Eight maps: 0° brightens to the right, 90° downwards"
figure = plot_gallery(np.moveaxis(maps, -1, 0) / 2, names, columns=4, inches=1.22, title=title)

# %% [markdown]
# ## The same in Keras
#
# `Conv2D(8, 3)` means 8 filters of 3×3. We put our numbers in, and our maps come out.

# %%
layer = layers.Conv2D(8, 3, activation="relu")
layer.build((None, None, None, 3))
layer.set_weights([filters, np.zeros(8)])
answer = np.asarray(layer(pixels[None].astype("float32")))[0]
difference = np.abs(answer - maps).max()
claim("conv_keras_against_numpy", difference, at_most=1e-5)
claim("conv_keras_parameters", layer.count_params(), equals=count_parameters(3, 8, kernel_size=3))

# %% [markdown]
# ## What one output sees: the receptive field
#
# Stack layers, and the windows add up. We light one pixel and send it through layers of 3×3: after
# one layer 3×3 outputs feel it, then 5×5, then 7×7. Read backwards, an output of the third layer
# sees 7×7 pixels. So early layers can find only small things such as edges, later ones what is made
# of them; at the end, dense layers decide.

# %%
spreads = [np.pad(point, 2)[None, :, :, None]]
for _ in range(3):
    spreads.append(convolve(spreads[-1], np.ones((3, 3, 1, 1)), padding="same"))
pictures = np.concatenate([spread / spread.max() for spread in spreads])
names = ["one pixel lit", "1 layer: 3×3", "2 layers: 5×5", "3 layers: 7×7"]
title = "Three layers of 3×3 reach 7×7 pixels; most ways lead through the middle"
figure = plot_gallery(pictures, names, inches=1.8, title=title)

# %% [markdown]
# This is the idea of VGG, a network of chapter 9: three layers of 3×3 see what one of 7×7 sees,
# with 110,592<!--claim:conv_weights_three_3x3--> weights for 64 channels instead of
# 200,704<!--claim:conv_weights_one_7x7-->, and three activations instead of one. The source with
# the twelve maps says that such a stack at stride 1 equals one 7×7 at *stride 4*. It does not: on
# 31×31 pixels the stack gives 25×25 outputs, the 7×7 at stride 4 gives 7×7. Even at stride 1 only
# the field is equal; the activations in between make another function of it (exercise 3).

# %% tags=["nbval-check-output"]
stack = [(3, 1), (3, 1), (3, 1)]  # (filter size, stride) of each layer
print("receptive field:", receptive_field(stack), "and", receptive_field([(7, 1)]))
claim("conv_weights_three_3x3", 3 * count_parameters(64, 64, 3, bias=False), equals=110_592)
claim("conv_weights_one_7x7", count_parameters(64, 64, 7, bias=False), equals=200_704)
size = 31
for kernel_size, strides in stack:
    size = output_size(size, kernel_size, strides=strides)
print("outputs of 31 pixels:", size, "and, at stride 4,", output_size(31, 7, strides=4))

# %% [markdown]
# ## Move the picture, and the map moves with it
#
# Shared weights have a consequence: what a filter finds in one place, it finds in any other. This
# is *translation equivariance*. We cut the same scene out twice, the second time a few pixels
# further to the right, and compare the maps where they overlap.


# %%
def gap_after_move(pixels_right, strides=1, padding="valid"):
    """Difference of the two maps, laid over each other to the nearest step."""
    first, second = grey[10:60, 20:70], grey[10:60, 20 + pixels_right : 70 + pixels_right]
    first = apply(first, VERTICAL_EDGES, strides=strides, padding=padding)
    second = apply(second, VERTICAL_EDGES, strides=strides, padding=padding)
    steps = pixels_right // strides
    return np.abs(first[:, steps:] - second[:, : first.shape[1] - steps])


gaps = {
    "moved by 5": gap_after_move(5),
    "moved by 5, zeros around": gap_after_move(5, padding="same"),
    "moved by 4, stride 2": gap_after_move(4, strides=2),
    "moved by 5, stride 2": gap_after_move(5, strides=2),
}
claim("conv_equivariance_gap", gaps["moved by 5"].max(), at_most=1e-12)

# %% tags=["hide-input"]
figure, panels = plt.subplots(1, 4, figsize=(9, 2.7), layout="constrained")
figure.suptitle("Zeros break the agreement at the border, a stride between two steps")
for axes, (name, gap) in zip(panels, gaps.items(), strict=True):
    drawn = axes.imshow(gap, vmin=0, vmax=1, cmap="cividis")
    axes.set_title(f"{name}\nlargest difference {gap.max():.2f}", fontsize=9)
    axes.axis("off")
bar = figure.colorbar(drawn, ax=panels, shrink=0.7, label="difference", extend="max")

# %% [markdown]
# It holds exactly inside the picture, and breaks in two places: at the *border*, where the padded
# zeros now lie beside other pixels; and with a *stride*, when the move is no multiple of it.
#
# ## Break it on purpose
#
# Our pixels were fractions. Do the same sum with the bytes of the file and it goes silently wrong:
# a byte counts from 0 to 255, so 10 - 20 becomes 246.

# %%
red = photo[..., 0]
wrong = red[:, 1:] - red[:, :-1]
right = apply(red, np.array([[-1, 1]]))
names = ["bytes: 10 - 20 = 246", "true difference, without sign, times 3"]
title = "With bytes, every small fall turns into a bright pixel"
figure = plot_gallery(
    np.stack([wrong, 3 * np.abs(right)]).astype(int), names, inches=4, title=title
)
try:
    layer(photo[None])
except ValueError as error:
    print("Conv2D on bytes:", str(error).splitlines()[0])

# %% [markdown]
# `convolve` turns bytes into floating point numbers first. Keras' `Conv2D` refuses them with an
# error; the networks of this book begin with a `Rescaling` layer, which takes bytes.
#
# ## A short history
#
# In 1962 Hubel and Wiesel described cells in the visual cortex of the cat that answer to an edge of
# one direction in one small part of the view, their *receptive field* (simple cells), and others
# that let the edge move a little (complex cells). Fukushima's neocognitron of 1980 copied both:
# S-cells that share their weights across a plane, C-cells that blur the position. A later version,
# for digits, began with 12 planes of 19×19 S-cells: in our words, 12 filters on a picture of 19×19.
# What it lacked was a way to learn all layers from the error at the end: backpropagation.

# %% tags=["hide-input"]
EVENTS = [
    (1943, "McCulloch & Pitts: a neuron as a sum with a threshold"),
    (1958, "Rosenblatt: the perceptron learns its weights"),
    (1960, "Kelley: gradients, passed backwards through the stages of a flight path"),
    (1962, "Hubel & Wiesel: simple and complex cells in the visual cortex of the cat"),
    (1965, "Ivakhnenko & Lapa: networks of many layers, trained one layer at a time"),
    (1980, "Fukushima: the neocognitron, with S-cells and C-cells"),
    (1986, "Rumelhart, Hinton & Williams: backpropagation (a report in 1985)"),
    (1989, "LeCun and others: a convolutional network learns zip codes by backpropagation"),
    (1998, "LeCun, Bottou, Bengio & Haffner: LeNet-5"),
    (2006, "Chellapilla, Puri & Simard: a convolutional network on a graphics processor"),
    (2012, "Krizhevsky, Sutskever & Hinton: AlexNet wins the ImageNet challenge"),
    (2015, "He, Zhang, Ren & Sun: residual networks of 152 layers"),
]
figure = plot_timeline(EVENTS, "72 years from one neuron to 152 layers")

# %% [markdown]
# To read: Hubel & Wiesel (1962), [Receptive fields, binocular interaction and functional
# architecture in the cat's visual cortex](https://doi.org/10.1113/jphysiol.1962.sp006837).
# Fukushima (1980), [Neocognitron](https://doi.org/10.1007/BF00344251). LeCun et al. (1989),
# [Backpropagation applied to handwritten zip code
# recognition](https://doi.org/10.1162/neco.1989.1.4.541). Dumoulin & Visin (2016), [A guide to
# convolution arithmetic for deep learning](https://arxiv.org/abs/1603.07285), all in pictures.
#
# ## What you saw
#
# 1. A convolution slides one small set of weights over all places: few parameters, neighbours only.
# 2. `(W - F + 2P) / S + 1` is the size of a map; the number of filters is the number of maps.
# 3. Move the picture and the map moves with it, except at padded borders and between strides.
#
# ## Exercises
#
# 1. Build a kernel that *sharpens*: twice the pixel minus the mean of its 3×3 patch. What must its
#    numbers add up to, so that flat parts keep their brightness?
# 2. Digits have 28×28 pixels. Which padding keeps this size with a filter of 5×5? Which strides fit
#    without padding?
# 3. Without activations, two layers of 3×3 are one layer of 5×5. Find its kernel for a 3×3 blur
#    after Sobel's kernel, and check it on the photograph. Does it still work with a ReLU between?
#
# ## Solutions
#
# **1.** To 1, as those of a blur do.

# %% tags=["solution"]
sharpen = -np.full((3, 3), 1 / 9)
sharpen[1, 1] += 2
print("the numbers add up to", sharpen.sum().round(6))
spoon = grey[42:72, 55:100]
figure = plot_kernel(spoon, sharpen, apply(spoon, sharpen).clip(0, 1), "The edges stand out")

# %% [markdown]
# **2.** P = (5 - 1) / 2 = 2. Without padding the stride must divide 28 - 5 = 23, a prime number.

# %% tags=["solution", "nbval-check-output"]
print("padding:", [padding for padding in range(28) if output_size(28, 5, padding) == 28])
print("strides:", [strides for strides in range(1, 24) if (28 - 5) % strides == 0])

# %% [markdown]
# **3.** One bright pixel copies the kernel, turned by 180°. With a ReLU no single kernel does it:
# its answer to the negative picture would be the negative answer, and a ReLU gives none of those.

# %% tags=["solution", "nbval-check-output"]
blur = np.full((3, 3), 1 / 9)
point = np.zeros((9, 9))
point[4, 4] = 1
both = apply(apply(point, VERTICAL_EDGES), blur)[::-1, ::-1]
print((both * 9).round().astype(int))
edges = apply(grey, VERTICAL_EDGES)
print("without ReLU:", np.allclose(apply(grey, both), apply(edges, blur)))
print("with ReLU:   ", np.allclose(apply(grey, both), apply(np.maximum(0, edges), blur)))
