# %% [markdown]
# # 0. Before you start
#
# Write a 7 on a slip of paper. A child of six reads it at a glance, and so does anybody who has
# never seen your handwriting before. Now try to write that down as a program: how long may the
# upper stroke be, how slanted the lower one, and what if there is a bar through the middle? Such
# rules were written, but they worked only for people who wrote neatly.
#
# The programs of this book have no such rules. They were shown thousands of examples, digits or
# photographs, and worked out by themselves what to look for. In this chapter you will watch two of
# them at work, and you will find out what you need in order to build your own. At the end you can
# run every chapter on your machine, and you can see where a number in the text comes from.
#
# Takes about 1 minute<!--minutes:00_before_you_start--> on two cores of an ordinary processor (quick:
# under 30 seconds); needs nothing but the installation.

# %% tags=["setup"]
import keras
import matplotlib.pyplot as plt
import numpy as np

from cnnbook.book.claims import ClaimError, claim
from cnnbook.datasets.mnist import load_mnist
from cnnbook.datasets.photos import load_photo
from cnnbook.devices import describe_devices, recommend_precision, require_gpu
from cnnbook.models.efficientnet_lite0 import build_efficientnet_lite0
from cnnbook.models.imagenet import classify
from cnnbook.models.small_digit_net import build_trained_digit_net
from cnnbook.plots.book_style import use_book_style

# %% tags=["setup"]
use_book_style()


def attempt(check, *given, **bounds):
    """Check a claim, and print the error if it does not hold."""
    try:
        check(*given, **bounds)
    except ClaimError as error:
        print("ClaimError:", error)


# %% [markdown]
# ## A network that reads digits
#
# We begin at the end, with a program that is finished. It is a **network**: a calculation in many
# steps that turns a picture into an answer. The formulas of these steps were written by people, but
# the numbers in them were not. They were found by **training**, which means that the network was
# shown many pictures together with the right answers, and that its numbers were changed a little
# after each look, until nearly all of its own answers were right as well.
#
# The pictures come from **MNIST**, a collection of 70,000 digits that employees of the American
# census office and high-school students wrote by hand around 1990. Such a collection of examples is
# called a **data set**. The right answer that comes with each picture is its **label**. Let us load
# the part of the data set that our network has never been shown.

# %%
digits = load_mnist()

# %%
images, labels = digits.test_images, digits.test_labels
print(images.shape, images.dtype, "from", images.min(), "to", images.max())
print(labels.shape, labels.dtype, "from", labels.min(), "to", labels.max())

# %% [markdown]
# The first number says how many pictures there are: 10,000, or fewer if you have only the digits
# that come with this book. Each has 28 rows of 28 pixels. The last 1 says that a pixel is a single
# number, its brightness, whereas a colour picture would have three, for red, green and blue. A
# network takes many pictures at once, and it takes them in this layout: `(pictures, rows, columns,
# colours)`. As in the files of your camera, the pixels are whole numbers from 0 (black) to 255
# (white). Such a number fits into one byte, and NumPy calls it **uint8**.
#
# Now we ask the network about the first picture. It has ten possible answers, the digits 0 to 9,
# which are called its **classes**, and it gives a score to each of them.

# %%
network = build_trained_digit_net()
scores = network(images[:1])
print(np.round(scores, 1))

# %% [markdown]
# The places count from 0, so the highest score, in the eighth place, is the one of the 7, and the
# answer is 7. But how sure is the network? Scores are hard to compare, because they can be of any
# size, and negative too. So we turn them into probabilities, which lie between 0 and 1 and add up
# to 1. A power of *e*, a number of about 2.7, is positive even for a negative score: the power for
# −1 is 0.37. So we raise *e* to the power of each score, and divide each result by the sum of all.
# Take only three classes with the scores 0, 1 and 2. The powers are 1, 2.7 and 7.4, which is 11.1
# together, and so the three probabilities are 1/11.1, 2.7/11.1 and 7.4/11.1, or 9 %, 24 % and 67 %.
# This formula is called **softmax**.

# %% tags=["nbval-check-output"]
three = np.exp([0, 1, 2]) / np.exp([0, 1, 2]).sum()
print("three classes:", three.round(2))
probabilities = keras.ops.softmax(scores).numpy()
print(f"the digit: {probabilities.argmax()}, with {probabilities.max():.0%}")
print("its label:", labels[0])

# %% [markdown]
# An answer to a picture whose label the network is not told is a **prediction**. One right
# prediction proves little, of course. We let it read all of the pictures and count how often its
# highest score belongs to the label.

# %%
probabilities = keras.ops.softmax(network.predict(images, verbose=0)).numpy()
share_right = np.mean(probabilities.argmax(axis=1) == labels)
print(f"read correctly: {share_right:.1%}")

# %% tags=["hide-input"] alt="Five digits, and below each the ten probabilities of the network"
sure = probabilities.max(axis=1)
shown = [*(np.argmax(labels == digit) for digit in (2, 5, 7, 8)), sure.argmin()]
figure, rows = plt.subplots(2, 5, figsize=(7.2, 3.2), height_ratios=(1, 1.15))
for place, (above, below) in zip(shown, rows.T, strict=True):
    above.imshow(images[place], cmap="gray")
    above.axis("off")
    said = probabilities[place].argmax()
    above.set_title(f"says {said} ({sure[place]:.0%})", loc="center")
    colors = ["C1" if digit == labels[place] else "C0" for digit in range(10)]
    below.bar(range(10), probabilities[place], color=colors)
    below.set(xticks=range(10), ylim=(0, 1), yticks=[0, 0.5, 1])
    below.tick_params(axis="x", labelsize=9, length=0)
    below.tick_params(labelleft=below is rows[1, 0])
rows[1, 0].set_ylabel("probability")
figure.supxlabel("class", fontsize=10.5)
plt.show()

# %% [markdown]
# **Figure 0.1. What the network says of five digits.** The bars are the ten probabilities of the
# picture below which they stand, and the bar of the right answer is orange. Above each picture you
# read what the network says, and how sure it is. The last picture is the one, among all of them, of
# which it is least sure. If the orange bar is not the highest there, it is wrong.
#
# Of all the pictures it read at least 99 %<!--claim:start_digits_read--> correctly. If you read this
# book in a browser, you can draw a digit yourself on its first page, where the same network
# answers, and chapter 4 follows a digit through its steps. The network was told which pictures are
# sevens, but never what makes a 7. Everything that it knows about that is in its numbers, and there
# are 105,290<!--claim:start_digit_net_numbers--> of them.

# %% tags=["claims"]
claim("start_digits_read", share_right, at_least=0.99, source=digits.source)
claim("start_digit_net_numbers", network.count_params(), equals=105_290)

# %% [markdown]
# ## A network that has seen a million photographs
#
# Digits are easy: white strokes on black, all of one size. What about a photograph? The second
# network learned from **ImageNet**, a data set of 1.3 million photographs in 1,000 classes, among
# them 120 breeds of dogs. We show it a photograph that comes with this book and ask for the five
# classes with the highest probabilities. They are often called its *top five*.

# %%
photo = load_photo("coffee")
photo_network = build_efficientnet_lite0(weights="imagenet")
top_five = classify(photo_network, photo, top=5)
for name, probability in top_five:
    print(f"{probability:6.1%}  {name}")

# %% tags=["hide-input"] alt="A cup of coffee, and bars for the five most probable classes"
figure, (left, right) = plt.subplots(
    1, 2, figsize=(7.2, 2.6), width_ratios=(1.1, 1), dpi=55
)
left.imshow(photo)
left.axis("off")
names = [name.split(",")[0] for name, _ in top_five]
right.barh(names, [share for _, share in top_five], color=["C1"] + ["C0"] * 4)
right.invert_yaxis()
right.grid(visible=False)
right.set(xlim=(0, 1), xlabel="probability")
plt.show()

# %% [markdown]
# **Figure 0.2. What it sees in a cup of coffee.** On the left is the photograph, and on the right
# are the five classes, out of a thousand, to which the network gives the highest probabilities. The
# orange bar is its answer. The other four are things that one might meet on a table, too.
#
# What happens in between is little more than multiplying and adding, hundreds of millions of times.
# Why such sums should find anything in a picture is the subject of chapters 1 and 2. How the
# numbers in them are found is the subject of chapter 3.

# %% tags=["claims"]
claim("start_top_class_is_espresso", int(names[0] == "espresso"), equals=1)

# %% [markdown]
# ## What runs where
#
# You need no special machine for this book, only Python (3.11 to 3.13) and, for the installation, the
# internet. Three commands in the folder of the book do the rest; the README says how to do without
# `make`, as on Windows.
#
# ```text
# make setup    once, 2 to 4 minutes: installs everything into the folder .venv
# make lab      opens the chapters in Jupyter, where you can run and change them
# make book     runs every chapter in a short form, and makes these pages
# ```
#
# Every chapter runs on an ordinary processor, the **CPU**, without the internet and within about 20
# minutes. Two libraries do the work. **Keras** gives us the parts of which we build networks, and
# **TensorFlow** does the sums. This is what they find on the machine on which this page was made,
# or on yours, if you run it:

# %%
print(describe_devices())

# %% [markdown]
# Large networks are trained on a **GPU**, a chip that was made for the graphics of games and does
# thousands of simple sums at the same time. On a CPU their training takes many times as long. (One
# of the texts whose experiments this book repeats says 20 times; we had no GPU to measure it.) This
# is why the networks that we train are small. If you do have a GPU and it is missing in the lines
# above, `require_gpu` tells you why, and what to do about it. In a program of your own that cannot
# do without one, put it into the first line.

# %%
try:
    require_gpu()
    print("There is a GPU, and Keras will use it.")
except RuntimeError as error:
    print(error)

# %% [markdown]
# Without a GPU, one thing can still make training faster; on a first reading you may skip it.
# Networks usually compute with numbers of 32 bits, called **float32**. Some processors have
# circuits for numbers of 16 bits, called **bfloat16**, which keep only two or three digits. Using
# these for most of the work, while the numbers of the network itself stay at 32 bits, is known as
# **mixed precision**. Other processors become *slower* that way. You need not know which kind you
# have, because `recommend_precision` tries both, in about a second, and most of the chapters that
# train for long act on its answer.

# %%
print(recommend_precision())

# %% [markdown]
# ## Long runs and short runs
#
# A chapter that you open in Jupyter and run does everything that its text reports. That is the
# *full* run. To try a chapter quickly, set the variable `CNNBOOK_QUICK` to 1 before you start
# Jupyter. The *quick* run goes through every cell as well, but it uses fewer pictures and trains
# less, so its results differ from those in the text. The tests of this book run quickly, too.
#
# The data can be large or small as well. Ten thousand digits, 12,000 pictures of clothes and four
# photographs come with this book, so that everything works without the internet. If you have the
# complete data sets, or let TensorFlow download them, the loaders take those and say so. The
# command `cnnbook doctor` lists what you have.
#
# One more thing makes two runs differ. Training begins with random numbers, and it shuffles the
# pictures. A chapter therefore sets a **random seed**, the number from which the random generator
# starts, so that you get the same “random” numbers as we did. Even so, your processor may round in
# another way than ours, and the last digits of a result may come out differently. For this reason
# each claim leaves the result some room.
#
# ## How a number in this book is checked
#
# Numbers in books go stale. A library changes, and a result that was right last year cannot be
# reproduced today. So the results that we measured for this book are not merely typed. A line of
# code, a *claim*, states what was measured and which bound it has to keep. On the web page you find
# the claims of a section folded away in a line such as "2 numbers checked". What happens when one
# of them does not hold? We try it, with the bold claim that our network never misreads a digit:

# %%
attempt(claim, "start_never_wrong", share_right, at_least=1.0)

# %% [markdown]
# An error like this stops the chapter. (Here a function of ours, `attempt`, has caught it and
# printed what it says. *Full profile* is the full run, and *data: any* says that the bound holds
# for the large and the small data.) When a chapter has run in full, all values are written down,
# and a test compares each marked number in the prose with that record. Results of other authors are
# not measured by us, and the text says whose they are.
#
# ## How to read a chapter
#
# Each chapter asks one question. It starts with a picture or with an attempt that anybody would
# make, then comes an example that is small enough to be followed in your head, and only after that
# the name that experts use for it. New words are **bold** where they are explained, and on the web
# page you can touch a word later on to see its sentence from the glossary again.
#
# Code that you need in order to understand is shown. Code that merely draws a figure or imports a
# library is folded away, and a click opens it. At the end there are exercises, and a few of them
# need nothing but a pencil. Please try at least one before you open the solutions, since one learns
# to train networks as one learns to swim.
#
# There are three ways to use the book:
#
# - **Read and run.** `make lab` opens the chapters in Jupyter. Change a number, run the cell again,
#   and see what happens.
# - **Run the chapters as tests.** `make test` runs all of them quickly, and checks every claim
#   against a bound for the quick run. After an update of Keras it tells you what has broken. To
#   measure the numbers of the text again takes hours (`make notebooks`).
# - **Copy what you need.** `cnnbook copy grad_cam` writes one function and everything that it uses
#   into a file of its own, which works without this package.
#
# ## What you learned
#
# | word | what it means | where you meet it |
# |:--|:--|:--|
# | network | a calculation that turns a picture into an answer | `build_trained_digit_net()` |
# | training | the search for its numbers, by showing pictures and labels | chapter 3 |
# | data set, label | examples, and the right answer for each | `load_mnist()` |
# | class | one of the possible answers | the digits 0 to 9 |
# | prediction | the answer to a picture whose label is not told | `network.predict(...)` |
# | softmax | turns scores into probabilities | `keras.ops.softmax(...)` |
# | uint8 | a whole number from 0 to 255 in one byte | `images.dtype` |
# | CPU, GPU | the ordinary processor, and the one for many sums at a time | `describe_devices()` |
# | random seed | where the random generator starts | `keras.utils.set_random_seed(...)` |
#
# ## Exercises
#
# 1. *By hand.* A network with three classes gives the scores 0, 0 and 0. What does softmax make of
#    them? And what, roughly, does it make of 10, 0 and 0? (The tenth power of *e* is about 22,000.)
# 2. *By hand.* How many bytes do 1,000 of these pictures take as `uint8`, and how many as `float32`?
# 3. *Predict, then run.* Add 100 to all ten scores of a digit. How will the probabilities change?
# 4. *Change it.* Show the second network another photograph: `load_photo` also knows "cat",
#    "rocket" and "camera". The last one is grey, and `np.repeat(photo, 3, axis=-1)` gives it the
#    three colours that the network wants.
# 5. *Explore.* `images[:, ::-1, ::-1]` turns all pictures by half a turn. Which digits does the
#    network still read, and what does it make of a 6?

# %% [markdown] tags=["solution"]
# 1. Three equal scores become three equal probabilities, 1/3 each. For 10, 0 and 0, the powers are
#    22,000, 1 and 1. The first class gets 22,000 of 22,002, so nearly 1.
# 2. 1,000 × 28 × 28 = 784,000 pixels take as many bytes as `uint8`. A `float32` has four bytes, so
#    that the same pictures take 3,136,000. This is why pictures stay `uint8` until they are used.
# 3. They do not change. Each power of *e* becomes *e*¹⁰⁰ times as large, their sum does too, and the
#    factor cancels. Only the differences between scores matter.
# 4. The cat becomes a tiger cat, an Egyptian cat or a tabby, and only the three together are sure.
#    The rocket becomes a missile, but the two classes of missiles together get just under half of
#    the probability. ImageNet has no class for rockets, which may be why. The man with a camera
#    becomes a tripod. That is no mistake, for there is one in the picture, but it is not what you
#    would have said first.
# 5. Turned by half, 0, 1 and 8 look as before, and the network reads nearly all of them. Many a 5
#    does so as well. A 2 ought to, but the network most often takes it for an 8: what looks alike
#    to you need not look alike to it. A 6 becomes a 9 and a 9 a 6, and it is right to say so. A 3
#    or a 7 it has never seen this way, yet it must choose one of its ten classes. The list below
#    shows the most frequent answer to each digit, and how frequent it is.

# %% tags=["solution"]
same = np.allclose(keras.ops.softmax(scores + 100), probabilities[:1], atol=1e-4)
print("3: the same probabilities:", same)

# %% tags=["solution"]
for name in ("cat", "rocket", "camera"):
    other = load_photo(name)
    other = other if other.shape[-1] == 3 else np.repeat(other, 3, axis=-1)
    for it, share in classify(photo_network, other, top=3):
        print(f"4: {name}: {share:4.0%} {it}")

# %% tags=["solution"]
turned = network.predict(images[:, ::-1, ::-1], verbose=0).argmax(axis=1)
for digit in range(10):
    answers, counts = np.unique(turned[labels == digit], return_counts=True)
    said, share = answers[counts.argmax()], counts.max() / counts.sum()
    print(f"5: a {digit}, turned, is read as {said} in {share:.0%}")
