# %% [markdown]
# # 0. Before you start
#
# What does this book need, what will it do on your machine, and how can you tell whether a sentence
# in it is true? This preface runs, like every chapter: what it prints is what your machine has.
#
# Takes about 1 minute<!--minutes:00_before_you_start--> on two CPU cores (quick: under 30 seconds);
# needs nothing but the installation.

# %% tags=["setup"]
import os

import keras
import numpy as np

import cnnbook
from cnnbook.book.claims import ClaimError, claim
from cnnbook.datasets.mnist import load_mnist
from cnnbook.devices import describe_devices, recommend_precision, require_gpu
from cnnbook.models.dense import build_dense_net
from cnnbook.plots.gallery import plot_gallery

# %% tags=["setup"]
QUICK = "CNNBOOK_QUICK" in os.environ  # the short profile: less data, every cell
SHOWN_DIGITS = 16

# %% [markdown]
# ## What runs where
#
# Everything here runs on a CPU, without a GPU and without the internet. The network code is Keras
# 3, and in the chapters TensorFlow computes for it. (The networks of the package run on JAX and
# PyTorch as well; the chapters do not.) This is what they find:

# %%
print(describe_devices())

# %% [markdown]
# This book teaches what five texts on convolutional networks taught from 2017 to 2022, and measures
# their figures again; it calls them its sources. One warns that a CPU can be 20 times slower than a
# GPU. That is why the networks here are small. If you have a GPU, look first whether Keras sees it.
# Where work of your own cannot do without one, `require_gpu` stops it at the start, and says what
# to do.

# %%
try:
    require_gpu()
    print("There is a GPU, and Keras will use it.")
except RuntimeError as error:
    print(error)

# %% [markdown]
# Calculating with 16 bits a number (`bfloat16`) instead of 32 makes training faster where the
# processor has units for it, and slower where it has not. So do not guess: `recommend_precision`
# trains a small network in both formats, for about a second. It names the policy for
# `keras.config.set_dtype_policy`, and sets nothing; a chapter that sets one says so.

# %%
precision = recommend_precision()
print(precision)

# %% [markdown]
# ## Two profiles
#
# **Full** is what you get when you open a chapter and run it, and what the kept outputs show.
# **Quick** uses less data and fewer epochs, and still runs every cell: `make book` and the tests
# use it. One environment variable is the switch; each chapter that trains reads it in its settings.

# %%
print("CNNBOOK_QUICK is", "set: this is the quick profile" if QUICK else "not set: full profile")

# %% [markdown]
# ## Which data
#
# Loaders look in four places and say which one they took: the folder that the variable
# `CNNBOOK_DATA` names, a copy prepared by TensorFlow Datasets (TFDS), a download through TFDS
# (unless `CNNBOOK_OFFLINE` is set), and last the small copy that comes with the book; where there
# is none, the chapter makes a stand-in. With those, accuracies are others, and claims expect less.
# In a terminal, `cnnbook doctor` lists what you have.

# %%
digits = load_mnist()

# %% [markdown]
# In the whole book, a batch of pictures has the axes `(batch, height, width, channels)`: one
# channel for grey, three for red, green and blue. Loaders give whole numbers from 0 to 255
# (`uint8`), as stored in files, and labels that count from 0.

# %% tags=["nbval-check-output"]
images, labels = digits.train_images[:SHOWN_DIGITS], digits.train_labels[:SHOWN_DIGITS]
print(images.shape, images.dtype, "from", images.min(), "to", images.max())
print(labels.shape, "classes:", *digits.class_names)

# %% tags=["hide-input"]
names = [digits.class_names[label] for label in labels]
figure = plot_gallery(images, titles=names, title="Digits to learn from, with their labels")

# %% [markdown]
# Networks take these numbers as they are: each begins with a layer that rescales them, so that a
# saved network carries its preprocessing along. They end in **logits**, one number a class, of any
# size and sign; the largest names the class. `softmax` turns logits into probabilities. The network
# below is a **perceptron**: for each class it weights every pixel and adds up. It is not trained
# yet, so that the ten probabilities of a picture mean nothing, but they sum to 1.

# %% tags=["nbval-check-output"]
network = build_dense_net(hidden_units=())
print([layer.name for layer in network.layers])
logits = network(images)
probabilities = keras.ops.softmax(logits, axis=-1)
print(logits.shape, "sums:", np.unique(keras.ops.sum(probabilities, axis=-1).numpy().round(5)))

# %% [markdown]
# ## How to read a claim
#
# Figures in books go stale. Here, a cell states what it measured and the bound that it must keep:
# a perceptron on these pictures has 784 weights and a bias for each of ten classes, together
# 7,850<!--claim:start_perceptron_parameters-->.

# %% tags=["nbval-check-output"]
claim("start_perceptron_parameters", network.count_params(), equals=7850)

# %% [markdown]
# A claim that does not hold stops the notebook with a `ClaimError`, and with it the tests. We catch
# this one to show it:

# %%
try:
    claim("start_perceptron_is_large", network.count_params(), at_least=1_000_000)
except ClaimError as error:
    print("ClaimError:", error)

# %% [markdown]
# Bounds may depend on the profile and on the data, for the quick run and the small copy reach less.
# A full run on the whole data writes all values down, and a test compares each figure in the prose
# with that record. Figures of other authors are called theirs.
#
# ## Three uses
#
# - **Follow along.** `make lab` opens the chapters. Change something, run it, and see which claim
#   breaks. Exercises stand at the end of each chapter, their solutions folded away below.
# - **Run the chapters as tests.** `make test` runs all of them, compares outputs that must not
#   change, and checks every claim: after an update of Keras it tells you what no longer holds.
# - **Copy what you need.** A command copies a file of `cnnbook`, with all that it uses of the
#   others:

# %% tags=["nbval-check-output"]
print(cnnbook.__doc__.strip().splitlines()[-1])

# %% [markdown]
# ## What you saw
#
# - What your machine has, and which number format is faster on it.
# - Pictures are `uint8`, 0 to 255, `(batch, height, width, channels)`; networks return logits.
# - A figure with a claim is measured again whenever its chapter runs.
#
# ## Exercises
#
# 1. How many numbers does the training set take, and how many MB as `uint8` and as `float32`?
# 2. Claim that the 16 pictures above show at least 5 different digits.
#
# ## Solutions
#
# 1: One byte a pixel as stored, four as `float32`: why pictures stay `uint8` until they are used.

# %% tags=["solution"]
pixels = digits.train_images.size
print(f"{pixels:,} numbers, {pixels / 1e6:.0f} MB as uint8, {pixels * 4 / 1e6:.0f} MB as float32")

# %% [markdown]
# 2: The name must be new in the book; the value is counted, not typed.

# %% tags=["solution"]
claim("start_different_digits", len(np.unique(labels)), at_least=5, source=digits.source)
