# %% [markdown]
# # 4. A first CNN on MNIST
#
# Does a network that knows which pixels are neighbours read handwriting better than one that does
# not, and what does it cost? This chapter trains the networks that four of our five sources propose
# for handwritten digits, all but the deepest (chapter 7), from a perceptron to a CNN with
# 18,960,138<!--claim:mnist_wide_parameters--> parameters, all on the same pictures. One table at
# the end sets what we measured beside what the sources say. One of the networks fails as printed,
# one crawls, and one works by luck: why is half of what there is to learn.
#
# Takes about 20 minutes<!--minutes:04_first_cnn_on_mnist--> on two CPU cores with the whole of
# MNIST, and less with the digits that come with the book (quick: under 90 seconds); needs chapters
# 1 and 2.

# %% tags=["setup"]
import json
import os
import tempfile
import time
from collections import Counter, defaultdict, namedtuple
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from IPython.display import Markdown
from keras import layers
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from cnnbook.arithmetic import count_parameters, output_size
from cnnbook.book.claims import claim
from cnnbook.datasets.mnist import load_mnist
from cnnbook.datasets.pipeline import make_pipeline
from cnnbook.devices import recommend_precision
from cnnbook.models.dense import build_dense_net
from cnnbook.models.lenet_relu import build_lenet_relu
from cnnbook.models.mnist_cnn import build_mnist_cnn
from cnnbook.plots.confusion import plot_confusion_matrix
from cnnbook.plots.curves import plot_learning_curves
from cnnbook.plots.gallery import plot_gallery
from cnnbook.training.optimizers import FusedAdam

# %% tags=["setup"]
QUICK = "CNNBOOK_QUICK" in os.environ  # the short run: less data, every cell
SEED = 1  # of everything that is trained once
SEEDS = (1, 2) if QUICK else (1, 2, 3)  # of what is trained again to see the spread
PERCEPTRON_SEEDS = (1, 2, 3, 4, 5)  # the perceptron takes a second
CNN_BATCHES = 30 if QUICK else 200  # of 100 images each
LOG_PARTS = 3 if QUICK else 10  # the log of the first CNN has so many points
SLOW_BATCHES = 40 if QUICK else 2_000  # a tenth of what its source asks for
DENSE_EPOCHS = 2 if QUICK else 5
DEEP_EPOCHS = 3 if QUICK else 6
WIDE_EPOCHS = 1 if QUICK else 2
QUICK_SIZES = {"train": 1_500, "validation": 500, "test": 500}  # images in the short run
tf.get_logger().setLevel("ERROR")  # it would warn that this chapter compiles many networks

# %% [markdown]
# ## The digits
#
# MNIST (LeCun, Cortes and Burges) holds digits written by census employees and high-school
# students, 28×28 grey pixels each. The loader splits them in three. We train on the first part and
# choose on the second (*validation*). The *test* images stay in the drawer until all networks are
# trained: whoever picks the best of many by its test result has measured luck as well.

# %%
digits = load_mnist()
if QUICK:
    smaller = {
        f"{part}_{kind}": getattr(digits, f"{part}_{kind}")[:size]
        for part, size in QUICK_SIZES.items()
        for kind in ("images", "labels")
    }
    digits = digits._replace(**smaller)
training = (digits.train_images, digits.train_labels)
validation = (digits.validation_images, digits.validation_labels)
titles = [digits.class_names[label] for label in digits.train_labels[:16]]
figure = plot_gallery(
    digits.train_images[:16], titles, inches=1.1, title="No two hands write the same digit"
)


# %%
def first_batches(num_batches, batch_size, seed):
    """Images and labels for so many batches, shuffled; no image twice before each came once."""
    num_images, random = num_batches * batch_size, np.random.default_rng(seed)
    passes = -(-num_images // len(training[0]))
    order = np.concatenate([random.permutation(len(training[0])) for _ in range(passes)])
    return training[0][order[:num_images]], training[1][order[:num_images]]


Run = namedtuple("Run", "model seconds history")
runs = defaultdict(list)  # the name of a system -> its runs, one a seed

# %% [markdown]
# ## The perceptron, from its parts
#
# The smallest classifier multiplies the 784 pixels by a matrix and adds a bias: ten numbers come
# out, the **logits**. Softmax makes probabilities of them. **Cross-entropy** is the negative
# logarithm of the probability that the true class got: 0 for a sure and correct answer, large for
# a sure and wrong one. By hand, with the true class as a one-hot row, and by Keras, which takes the
# class number:

# %% tags=["nbval-check-output"]
CROSS_ENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

logits, one_hot = np.array([2.0, 1.0, 0.0]), np.array([1, 0, 0])
probabilities = np.exp(logits) / np.exp(logits).sum()
by_hand = -(one_hot * np.log(probabilities)).sum()
by_keras = float(CROSS_ENTROPY(np.array([0]), logits[None]))
print("probabilities", probabilities.round(3))
print(f"cross-entropy {by_hand:.4f} by hand, {by_keras:.4f} by Keras")

# %% [markdown]
# Learning means to change the weights against the gradient of this loss. Our source does it in
# TensorFlow 1, where code only described a computation: *placeholders* stood for images to come,
# and a *session* ran the description. Today a line computes when Python reaches it. Variables are
# still variables; arguments have replaced placeholders; `GradientTape` records what is computed, in
# order to differentiate it; and `tf.function` turns the step into the graph that a session ran.
#
# As in the source, we take 200 batches of 100 images and draw the first weights from a normal
# distribution, here of standard deviation 0.01 (exercise 1 tries 1). We do it with five seeds. Each
# result moves into the same network in Keras: a perceptron is a dense net without hidden layers.

# %%
weights, bias = tf.Variable(tf.zeros((784, 10))), tf.Variable(tf.zeros(10))


@tf.function
def perceptron_step(images, labels, rate=0.5):
    pixels = tf.reshape(tf.cast(images, tf.float32) / 255, (-1, 784))
    with tf.GradientTape() as tape:
        logits = pixels @ weights + bias
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        loss = tf.reduce_mean(losses)
    gradients = tape.gradient(loss, [weights, bias])
    weights.assign_sub(rate * gradients[0])
    bias.assign_sub(rate * gradients[1])
    return loss


# %%
for seed in PERCEPTRON_SEEDS:
    keras.utils.set_random_seed(seed)
    weights.assign(tf.random.normal(weights.shape, stddev=0.01))
    bias.assign(tf.random.normal(bias.shape, stddev=0.01))
    images, labels = first_batches(200, 100, seed)
    start = time.perf_counter()
    for first in range(0, len(images), 100):
        perceptron_step(images[first : first + 100], labels[first : first + 100])
    seconds = time.perf_counter() - start
    perceptron = build_dense_net(hidden_units=())
    perceptron.set_weights([weights, bias])
    perceptron.compile(loss=CROSS_ENTROPY, metrics=["accuracy"])
    loss, accuracy = perceptron.evaluate(*validation, batch_size=500, verbose=0)
    runs["perceptron"].append(Run(perceptron, seconds, {"val_accuracy": [accuracy]}))
    print(f"seed {seed}: validation loss {loss:.3f}, accuracy {accuracy:.3f}")

# %% tags=["hide-input"]
templates = weights.numpy().T.reshape(10, 28, 28)
strongest = np.abs(templates).max(axis=(1, 2), keepdims=True)
figure = plot_gallery(
    0.5 + 0.5 * templates / strongest,
    digits.class_names,
    columns=10,
    inches=0.9,
    title="One template a digit: white speaks for it, black against",
)

# %% [markdown]
# Each column of the weight matrix has one number a pixel, so it can be drawn: the perceptron lays
# one template on the image for each digit. What is shifted, slanted or written in another style no
# longer fits.
#
# ## A dense net, and one function that trains
#
# Two hidden layers let combinations of pixels count. From here on Keras computes the loss, the
# gradients and the steps, 20 of them (`steps_per_execution`) each time Python is asked, for small
# nets wait longer for Python than they compute. The function below only keeps time and writes
# down what comes out. Its seconds include compiling, and a look at the validation images after
# each epoch. `fit` would take the arrays as they are, too; `make_pipeline` of this book shuffles
# and batches them in the same way, but leaves out a tuning of TensorFlow's for which the end of an
# epoch may have to wait. First we ask whether 16-bit numbers pay on this machine (chapter 0): under
# `mixed_bfloat16`, layers compute in 16 bits, weights and logits keep 32.

# %%
precision = recommend_precision()
keras.config.set_dtype_policy(precision.policy)
print(precision)


def train(name, model, optimizer, batch_size, data=training, **options):
    model.compile(optimizer, CROSS_ENTROPY, metrics=["accuracy"], steps_per_execution=20)
    batches = make_pipeline(*data, batch_size, training=True)
    options |= {"validation_data": make_pipeline(*validation, 500), "verbose": 0}
    start = time.perf_counter()
    history = model.fit(batches, shuffle=False, **options).history
    seconds = time.perf_counter() - start
    runs[name].append(Run(model, seconds, history))
    print(f"{name}: {seconds:.0f} s, validation accuracy {history['val_accuracy'][-1]:.4f}")


keras.utils.set_random_seed(SEED)
train("dense net", build_dense_net(), "adam", 128, epochs=DENSE_EPOCHS)

# %% [markdown]
# ## The first CNN, layer by layer
#
# Now the neighbours count. A *valid* 3×3 convolution takes two pixels off each side length, pooling
# halves it and rounds down (chapters 1 and 2). Before you run the second cell, work out the sizes
# from 28 to the flattened vector, and the layer that has most of the parameters.

# %%
keras.utils.set_random_seed(SEED)
images = keras.Input((28, 28, 1), name="images")
x = layers.Rescaling(1 / 255, name="rescaling")(images)
x = layers.Conv2D(64, 3, activation="relu", name="conv1")(x)
x = layers.MaxPooling2D(2, name="pool1")(x)
x = layers.Conv2D(128, 3, activation="relu", name="conv2")(x)
x = layers.MaxPooling2D(2, name="pool2")(x)
x = layers.Flatten(name="flatten")(x)
x = layers.Dense(1024, activation="relu", name="dense")(x)
x = layers.Dropout(0.4, name="dropout")(x)
logits = layers.Dense(10, dtype="float32", name="logits")(x)
cnn = keras.Model(images, logits, name="first_cnn")

# %% tags=["nbval-check-output"]
side = output_size(output_size(28, 3) // 2, 3) // 2
by_formula = {
    "conv1": count_parameters(1, 64, 3),
    "conv2": count_parameters(64, 128, 3),
    "dense": count_parameters(side * side * 128, 1024),
    "logits": count_parameters(1024, 10),
}
for layer in cnn.layers:
    print(f"{layer.name:9} {layer.output.shape[1:]!s:13} {layer.count_params():9,}")
same = all(cnn.get_layer(name).count_params() == count for name, count in by_formula.items())
print("by formula the same:", same)
claim("mnist_first_cnn_parameters", sum(by_formula.values()), equals=3_362_570)
ready_made = build_lenet_relu()
ready_made.set_weights(cnn.get_weights())
pictures = digits.validation_images[:8]
print(
    "cnnbook's builder gives the same logits:", np.array_equal(cnn(pictures), ready_made(pictures))
)

# %% [markdown]
# ## Watching it with TensorBoard
#
# TensorBoard is a page that shows what a training wrote down: scalars, histograms of the weights,
# the graph of the layers. A callback writes them once an epoch, so we cut the 200 batches of the
# source into ten short epochs.
#
# To see the page, run `tensorboard --logdir FOLDER` in a terminal, with the name of the folder that
# the cell makes, and open `http://localhost:6006`; or in Jupyter `%load_ext tensorboard` and
# `%tensorboard --logdir FOLDER`. A page needs somebody to look, so here we read the files back and
# draw the same three things. Training accuracy lies below validation at first: it is averaged over
# an epoch in which the network improves, and dropout is on.

# %%
keras.utils.set_random_seed(SEED)
log_folder = Path(tempfile.mkdtemp())
recorder = keras.callbacks.TensorBoard(log_folder, histogram_freq=1, write_graph=True)
batches = first_batches(CNN_BATCHES, 100, SEED)
parts = {"epochs": LOG_PARTS, "steps_per_epoch": CNN_BATCHES // LOG_PARTS}
train("conv-pool-conv-pool", cnn, "adam", 100, batches, callbacks=[recorder], **parts)


# %% tags=["hide-input"]
def open_log(part):
    return EventAccumulator(str(log_folder / part), {"tensors": 0}).Reload()


def read_log(log, tag):
    return np.array([tf.make_ndarray(event.tensor_proto) for event in log.Tensors(tag)])


training_log, validation_log = open_log("train"), open_log("validation")
scalars = {
    "accuracy": read_log(training_log, "epoch_accuracy"),
    "val_accuracy": read_log(validation_log, "epoch_accuracy"),
}
figure = plot_learning_curves({"first CNN": scalars}, title="Steep at first, then ever flatter")
figure.axes[0].set(xlabel="part of the training")
plt.show()

# %% tags=["hide-input"]
figure, axes = plt.subplots(1, 4, figsize=(9, 2.6), layout="constrained")
looks = {1: {"color": "#D55E00", "linestyle": "--"}, LOG_PARTS: {"color": "#0072B2"}}
for cell, name in zip(axes, ["conv1", "conv2", "dense", "logits"], strict=True):
    histograms = read_log(training_log, f"{name}/kernel/histogram")
    for part, look in looks.items():
        left, right, count = histograms[part - 1].T
        density = count / count.sum() / (right - left)
        cell.stairs(density, [*left, right[-1]], label=f"after part {part}", **look)
    cell.set(title=name, xlabel="weight", yticks=[])
    cell.locator_params(axis="x", nbins=4)
axes[0].set_ylabel("density")
figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper right", ncols=2)
figure.suptitle("Weights start in a box and grow tails", x=0.02, ha="left")
plt.show()

# %% tags=["hide-input"]
stored = tf.make_ndarray(training_log.Tensors("keras")[0].tensor_proto).item()
graph = json.loads(stored)["config"]["layers"]
figure, axes = plt.subplots(figsize=(9, 1.2), layout="constrained")
for place, layer in enumerate(graph):
    text = f"{layer['class_name']}\n{layer['name']}"
    box = {"boxstyle": "round", "facecolor": "white"}
    axes.text(place, 0, text, ha="center", va="center", fontsize=6.5, bbox=box)
axes.plot([0, len(graph) - 1], [0, 0], color="grey", zorder=0)
axes.set(
    xlim=(-0.5, len(graph) - 0.5), ylim=(-1, 1), title="The graph is a chain, from left to right"
)
axes.axis("off")
plt.show()

# %% [markdown]
# ## A bug that still learns
#
# The source of this CNN gives its last layer a ReLU and hands the result to softmax as logits.
# Below zero a ReLU is flat. Take a digit of the first class, let that class have the logit -2, and
# see the gradient of the loss by the three logits. The linear logit is pushed up, hard. Behind the
# ReLU it gets no gradient, though the answer is wrong.
#
# Before training, 50 %<!--claim:mnist_relu_share_cut--> of the logits are below zero and so cut. A
# class whose logit is below zero for every image is lost: its weights stand still, and only a
# change in the layers before could lift it, by accident. Who is lost is luck. The source's 97.38 %
# needs a start that loses none, for each lost class is about a tenth of the digits.

# %% tags=["nbval-check-output"]
logits = tf.Variable([[-2.0, 1.0, 3.0]])
for name, last in {"linear": tf.identity, "ReLU": tf.nn.relu}.items():
    with tf.GradientTape() as tape:
        loss = CROSS_ENTROPY(tf.constant([0]), last(logits))
    slopes = ", ".join(f"{slope:5.2f}" for slope in tape.gradient(loss, logits).numpy()[0] + 0)
    print(f"{name:6} loss {loss:.2f}, gradient {slopes}")

# %%
share_cut, classes_lost = [], []
for seed in SEEDS:
    keras.utils.set_random_seed(seed)
    network = build_lenet_relu()
    share_cut.append(np.mean(network(validation[0][:500]) < 0))
    cut = keras.Model(network.input, layers.ReLU(dtype="float32")(network.output))
    batches = first_batches(CNN_BATCHES, 100, seed)
    train("the same, ReLU on logits", cut, "adam", 100, batches)
    logits = cut.predict(validation[0], batch_size=500, verbose=0)
    classes_lost.append([digit for digit in range(10) if not logits[:, digit].any()])
print("digits whose logit is 0 for every image, by seed:", classes_lost)
claim("mnist_relu_share_cut", np.mean(share_cut), at_least=0.3)
claim("mnist_relu_classes_lost", sum(map(len, classes_lost)), at_least=1)

# %% [markdown]
# ## A network that does not learn as printed, and one that crawls
#
# The next has 8 and 16 filters of 5×5 pixels and 6,394<!--claim:mnist_small_net_parameters-->
# parameters. Its source reads digits as colour pictures (grey in all three channels) and feeds the
# pixels as they are, 0 to 255. Watch the loss of the first 30 batches.


# %%
def build_small_net(scale):
    blocks = ((8, 5, "same", 2), (16, 5, "same", 3))
    network = build_lenet_relu((28, 28, 3), 10, blocks, dense_units=0)
    network.get_layer("rescaling").scale = scale
    grey = keras.Input((28, 28, 1))
    return keras.Model(grey, network(layers.Concatenate()([grey] * 3)))


images, labels = first_batches(30, 64, SEED)
histories = {}
for name, scale in {"pixels 0 to 255, as printed": 1, "pixels 0 to 1": 1 / 255}.items():
    keras.utils.set_random_seed(SEED)
    network = build_small_net(scale)
    network.compile(keras.optimizers.SGD(0.2), CROSS_ENTROPY)
    starts = range(0, len(images), 64)
    losses = [network.train_on_batch(images[i : i + 64], labels[i : i + 64]) for i in starts]
    histories[name] = {"cross-entropy": losses}
title = "With pixels up to 255 the loss explodes, then stands still"
figure = plot_learning_curves(histories, "cross-entropy", title)
figure.axes[0].set(xlabel="batch", yscale="log")
plt.show()

# %% [markdown]
# Pixels 255 times as large make gradients far larger, at a learning rate made for small ones. The
# first steps throw the weights so far that the ReLU of the second convolution lets nothing through
# any more. All images then look alike, only the last bias still learns, and every image gets the
# same answer.
#
# Scaling repairs it. But with a rate of 0.2 up to the last batch, the result depends on where the
# last steps happened to land; a rate that falls to zero over the epoch settles it.
#
# The second network looks fine: 32 and 64 filters of 5×5, a dense layer of 1,024. But its source
# trains it by plain SGD at a rate of 0.001, for 20,000 batches. We run a tenth of them: enough to
# see how slowly it learns, not where it would end.

# %%
keras.utils.set_random_seed(SEED)
printed = build_small_net(1)
train("small net, pixels 0 to 255", printed, keras.optimizers.SGD(0.2), 64)
inner = printed.layers[-1]
last_maps = keras.Model(inner.input, inner.get_layer("pool2").output)
values = last_maps(np.repeat(validation[0][:500], 3, axis=-1))
print("values above 0 behind the second ReLU:", int(np.sum(values > 0)))
print("answers given:", np.unique(printed.predict(validation[0], verbose=0).argmax(axis=1)))
claim("mnist_small_net_parameters", printed.count_params(), equals=6394)
num_steps = -(-len(digits.train_images) // 64)
for seed in SEEDS:
    keras.utils.set_random_seed(seed)
    sgd = keras.optimizers.SGD(0.2)
    train("small net, pixels 0 to 1", build_small_net(1 / 255), sgd, 64)
    falling = keras.optimizers.SGD(keras.optimizers.schedules.PolynomialDecay(0.2, num_steps, 0))
    train("small net, falling rate", build_small_net(1 / 255), falling, 64)

# %%
keras.utils.set_random_seed(SEED)
blocks = ((32, 5, "same", 2), (64, 5, "same", 2))
slow = build_lenet_relu(blocks=blocks, dropout=0.5)
batches = first_batches(SLOW_BATCHES, 100, SEED)
train("5×5 net, rate 0.001", slow, keras.optimizers.SGD(0.001), 100, batches)

# %% [markdown]
# ## Two convolutions before one pooling
#
# The last two networks convolve twice before they pool. The first is the classical small CNN of
# Keras. Its source leaves the training open, so we chose it on validation: Adam, with a rate that
# falls from 0.002 to 0. The second is twice as wide, with 1,024 units in the dense layer; its
# source trains two epochs and reports 99.02 %. After each batch Adam moves all of its 19 million
# weights. Keras does that in a dozen passes over them; `FusedAdam` of this book takes the same step
# in one. One run could be luck, so we take several seeds. A seed fixes the first weights and the
# order of the images; rounding on another machine it does not.

# %%
keras.utils.set_random_seed(SEED)
num_steps = DEEP_EPOCHS * -(-len(digits.train_images) // 128)
falling = keras.optimizers.Adam(keras.optimizers.schedules.PolynomialDecay(0.002, num_steps, 0))
train("conv-conv-pool", build_mnist_cnn(), falling, 128, epochs=DEEP_EPOCHS)
for seed in SEEDS:
    keras.utils.set_random_seed(seed)
    wide = build_mnist_cnn(filters=(64, 128), dense_units=1024, dropout=(0.3, 0.3))
    train("wide conv-conv-pool", wide, FusedAdam(), 128, epochs=WIDE_EPOCHS)

# %% [markdown]
# ## The drawer is opened, once

# %%
test = (digits.test_images, digits.test_labels)
accuracies = {
    name: [run.model.evaluate(*test, batch_size=500, verbose=0)[1] for run in group]
    for name, group in runs.items()
}
mean = {name: np.mean(values) for name, values in accuracies.items()}
systems = {  # what we did, the source's accuracy, and the words it says it in
    "perceptron": ("SGD 0.5, 200 batches of 100", 0.90, "about 90 %"),
    "dense net": (f"Adam, epochs: {DENSE_EPOCHS}", 0.96, "about 96 %"),
    "conv-pool-conv-pool": (f"Adam, {CNN_BATCHES} batches of 100, log", None, "our repair"),
    "the same, ReLU on logits": (f"Adam, {CNN_BATCHES} batches of 100", 0.9738, "97.38 %"),
    "small net, pixels 0 to 255": ("SGD 0.2, epochs: 1", 0.11, "error 0.89"),
    "small net, pixels 0 to 1": ("SGD 0.2, epochs: 1", None, "our repair"),
    "small net, falling rate": ("SGD 0.2 to 0, epochs: 1", None, "our second repair"),
    "5×5 net, rate 0.001": (f"SGD 0.001, {SLOW_BATCHES:,} batches of 100", None, "no figure"),
    "conv-conv-pool": (f"Adam 0.002 to 0, epochs: {DEEP_EPOCHS}", 0.99, "near 99 %, 10 minutes"),
    "wide conv-conv-pool": (f"Adam, epochs: {WIDE_EPOCHS}", 0.9902, "99.02 %"),
}

# %% tags=["hide-input"]
table = ["| system | training | parameters | seconds a run | test accuracy, % | the source |"]
table.append("|:--|:--|--:|--:|:--|:--|")
for name, (recipe, _, words) in systems.items():
    parameters = runs[name][0].model.count_params()
    seconds = np.mean([run.seconds for run in runs[name]])
    values = [100 * accuracy for accuracy in accuracies[name]]
    found = f"{np.mean(values):.2f}"
    if len(values) > 1:
        found += f" ({min(values):.2f} to {max(values):.2f})"
    table.append(f"| {name} | {recipe} | {parameters:,} | {seconds:.1f} | {found} | {words} |")
Markdown("\n".join(table))

# %% tags=["hide-input"] alt="Errors of ten systems: ours, one dot a seed, and the sources'"
figure, axes = plt.subplots(figsize=(8.5, 4), layout="constrained")
for row, (name, (_, said, _)) in enumerate(systems.items()):
    errors = [100 * (1 - accuracy) for accuracy in accuracies[name]]
    ours = axes.plot(errors, [row] * len(errors), "o", color="#0072B2", alpha=0.7)
    if said:
        source = axes.plot(100 * (1 - said), row, "D", color="#D55E00", fillstyle="none")
keys = ["measured here, one dot a seed", "the source's figure"]
figure.legend([*ours, *source], keys, loc="outside lower right", ncols=2)
axes.set_yticks(range(len(systems)), systems)
axes.invert_yaxis()
axes.set(xscale="log", xticks=[1, 2, 5, 10, 20, 50, 100], xticklabels=[1, 2, 5, 10, 20, 50, 100])
axes.set_xlabel("errors, percent of the test images")
axes.set_title(f"Fewest errors: {max(mean, key=mean.get)}")
plt.show()

# %% [markdown]
# Parentheses give the lowest and the highest of several seeds. Each figure must keep its bound, or
# the next cell stops the chapter. And the last line: is the source's 99.02 % for the wide network a
# result that one can count on? Its 10,000 test images alone leave a standard error of
# 0.1 points<!--claim:mnist_test_standard_error-->.

# %% tags=["hide-input"]
bounds = {  # the name of the claim, and the bounds of a full, an embedded and a quick run
    "perceptron": ("mnist_perceptron_accuracy", 0.90, 0.89, 0.80),
    "dense net": ("mnist_dense_accuracy", 0.97, 0.92, 0.75),
    "conv-pool-conv-pool": ("mnist_conv_pool_accuracy", 0.9738, 0.965, 0.75),
    "small net, falling rate": ("mnist_small_net_accuracy", 0.97, 0.90, 0.50),
    "conv-conv-pool": ("mnist_conv_conv_pool_accuracy", 0.99, 0.965, 0.75),
    "wide conv-conv-pool": ("mnist_wide_accuracy", 0.986, 0.95, 0.75),
}
data = {"source": digits.source}
for system, (name, full, embedded, quick) in bounds.items():
    claim(name, mean[system], at_least=full, embedded=embedded, quick=quick, **data)
claim("mnist_as_printed_accuracy", mean["small net, pixels 0 to 255"], at_most=0.2, **data)
slow = mean["5×5 net, rate 0.001"]
claim("mnist_slow_accuracy", slow, at_most=0.90, embedded=0.90, quick=0.3, **data)
error_ratio = {name: (1 - mean[name]) / (1 - mean["dense net"]) for name in mean}
deep, small = (error_ratio[name] for name in ("conv-conv-pool", "small net, falling rate"))
claim("mnist_error_ratio", deep, at_most=0.6, embedded=0.6, quick=1, **data)
claim("mnist_small_net_error_ratio", small, at_most=1, embedded=1.5, quick=2, **data)
claim("mnist_wide_parameters", wide.count_params(), equals=18_960_138)
claim("mnist_test_standard_error", 100 * (0.9902 * 0.0098 / 10_000) ** 0.5, at_most=0.1)
low, *_, high = sorted(accuracies["wide conv-conv-pool"])
place = "below" if low > 0.9902 else "above" if high < 0.9902 else "inside"
print(f"wide network: {low:.4f} to {high:.4f}; the source's 0.9902 lies {place} this spread")

# %% [markdown]
# ## What it still gets wrong
#
# We take the run with the best *validation* accuracy. Rows are what was written, columns what was
# read. The counts of single mistakes are small: another seed may put another pair of digits first.

# %% alt="A confusion matrix of the ten digits: few mistakes beside the diagonal"
every_run = [run for group in runs.values() for run in group]
best = max(every_run, key=lambda run: run.history["val_accuracy"][-1]).model


def read(model, images):
    logits = model.predict(images, batch_size=500, verbose=0)
    probabilities = keras.ops.softmax(logits).numpy()
    return probabilities.argmax(axis=1), probabilities


answers, probabilities = read(best, test[0])
wrong = answers != test[1]
[((true, taken), _)] = Counter(zip(test[1][wrong], answers[wrong], strict=True)).most_common(1)
title = f"Most often, a {true} is read as a {taken}"
figure = plot_confusion_matrix(test[1], answers, digits.class_names, title=title)

# %% tags=["hide-input"]
worst = probabilities[np.arange(len(test[1])), test[1]].argsort()[:16]
titles = [
    f"{test[1][i]} read as {answers[i]}\n{100 * probabilities[i].max():.1f} % sure" for i in worst
]
figure = plot_gallery(
    test[0][worst], titles, inches=1.1, title="Where the true digit got the lowest probability"
)

# %% [markdown]
# Some of these would divide people, too. But look at the percentages: these are the worst of all
# test images, chosen for it, and on most of them the network is wrong and almost sure. Training
# rewards honest probabilities on the training images only; chapter 13 measures how honest they are.
#
# ## Save, load, read one digit
#
# One file keeps layers, weights and the rescaling. Networks take batches: a single image needs a
# first axis of length 1, `image[None]`. We take the validation digit of which the network is least
# sure.

# %% alt="The digit of which the network is least sure, and its ten probabilities"
with tempfile.TemporaryDirectory() as folder:
    best.save(Path(folder) / "digits.keras")
    loaded = keras.saving.load_model(Path(folder) / "digits.keras")
least_sure = read(best, validation[0])[1].max(axis=1).argmin()
image, label = (part[least_sure] for part in validation)
[answer], [chances] = read(loaded, image[None])
print("loaded, it gives the same logits:", np.array_equal(loaded(image[None]), best(image[None])))
figure, (left, right) = plt.subplots(1, 2, figsize=(6, 2.2), layout="constrained")
left.imshow(image, cmap="gray")
left.axis("off")
right.bar(digits.class_names, chances, color="#0072B2")
right.set(xlabel="digit", ylabel="probability", ylim=(0, 1), title=f"A {label}, read as {answer}")
plt.show()

# %% [markdown]
# A smaller network of the same kind answers in the pages of this book. Draw a digit there, and
# follow every number on its way from the picture to the answer.<!--live:digits-->
#
# ## Break it on purpose
#
# The validation digits, black on white, as on paper. People read them as well as before; the
# network falls to 48 %<!--claim:mnist_negative_accuracy-->. Nothing in its training said that ink
# may be dark.

# %%
negatives = 255 - validation[0]
answers, probabilities = read(best, negatives)
titles = [f"read as {answers[i]}\n{100 * probabilities[i].max():.1f} % sure" for i in range(8)]
figure = plot_gallery(
    negatives[:8], titles, inches=1.1, title="It has only ever seen white on black"
)
claim("mnist_negative_accuracy", (answers == validation[1]).mean(), at_most=0.6)

# %% [markdown]
# ## What you saw
#
# - Convolution pays: with less than twice the parameters of the dense net, `conv-conv-pool` makes
#   0.3<!--claim:mnist_error_ratio--> times its errors. The small net, with a hundredth of the
#   parameters, makes 0.8<!--claim:mnist_small_net_error_ratio--> times; but the rates of both fall
#   to zero, and the dense net's does not. At a steady rate the small net makes more errors than it.
# - Networks can fail in silence (ReLU on logits, unscaled pixels) or crawl (a rate too small). The
#   loss of the first batches and the distribution of the answers show it.
# - One run is a sample. Several seeds, choice by validation, one look at the test set.
#
# ## Exercises
#
# 1. Start the perceptron with a standard deviation of 1 instead of 0.01. What do 200 batches reach,
#    and why?
# 2. Give the 5×5 net a rate of 0.1 and a tenth of the batches.
#
# ## Solutions
#
# 1. Ten random templates with weights of size 1 give logits of size 10: sure, wrong, and 200 steps
#    do not suffice to unlearn them. Pixels that are hardly ever white keep their noise.

# %% tags=["solution"]
weights.assign(tf.random.normal(weights.shape, stddev=1.0, seed=SEED))
bias.assign(tf.zeros(10))
images, labels = first_batches(200, 100, SEED)
for first in range(0, len(images), 100):
    perceptron_step(images[first : first + 100], labels[first : first + 100])
pixels = validation[0].reshape(-1, 784) / 255
answers = (pixels @ weights.numpy() + bias.numpy()).argmax(axis=1)
print(f"validation accuracy {np.mean(answers == validation[1]):.3f}")

# %% [markdown]
# 2. A tenth of the steps at a hundred times the rate, and it passes its former self. Chapter 5
#    shows how to search for a rate.

# %% tags=["solution"]
keras.utils.set_random_seed(SEED)
faster = build_lenet_relu(blocks=blocks, dropout=0.5)
batches = first_batches(SLOW_BATCHES // 10, 100, SEED)
train("5×5 net, rate 0.1", faster, keras.optimizers.SGD(0.1), 100, batches)
