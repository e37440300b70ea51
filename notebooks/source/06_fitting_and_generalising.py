# %% [markdown]
# # 6. Fitting and generalising
#
# Two pupils prepare for an examination with the same book of solved exercises. One looks for the
# rule behind the solutions. The other learns the book by heart, misprints included. Ask both an
# exercise from the book, and you may even take the second for the better one. Ask them something
# new, and the difference comes out.
#
# A network can be either pupil, and it is often first the one and then the other. In this chapter
# you watch both, in networks that are too small, about right and too large. Then you try what
# helps: to stop in time, to keep the weights small, to disturb the units, to ask for less
# certainty, and to bring more pictures. At the end you can tell from two curves what a training
# lacks, choose a remedy, and go on with a training that was killed.
#
# Takes about 13 minutes<!--minutes:06_fitting_and_generalising--> on two CPU cores (quick: under
# 45 seconds); needs chapters 3 to 5.

# %% tags=["setup"]
import os
import tempfile
import warnings
from collections import namedtuple
from functools import cache, partial
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from IPython.display import Markdown
from keras import layers, optimizers, regularizers
from keras.constraints import MaxNorm
from keras.optimizers import Adam, AdamW
from keras.regularizers import L1L2

from cnnbook.book.claims import claim
from cnnbook.datasets.mnist import load_mnist
from cnnbook.plots.book_style import use_book_style
from cnnbook.training.losses import cross_entropy, multiclass_hinge
from cnnbook.training.resume import ExactResume

# %% tags=["setup"]
QUICK = (
    "CNNBOOK_QUICK" in os.environ
)  # the short run: less of everything, every cell
COUNT, EPOCHS, PATIENCE = (250, 2, 1) if QUICK else (2_000, 100, 10)
TRIES = 1 if QUICK else 9  # strengths of each competitor: all
SEEDS, TRIAL_SEED = ((1,), 0) if QUICK else ((1, 2, 3), 0)
WIDTHS = (4, 16, 512) if QUICK else (4, 8, 16, 32, 64, 128, 256, 512)
RATES = (0.008,) if QUICK else (0.002, 0.008, 0.032, 0.128)
use_book_style()
tf.get_logger().setLevel("ERROR")  # it would warn that this chapter compiles a lot
warnings.filterwarnings("ignore", "Even though the `tf.config")
tf.config.run_functions_eagerly(QUICK)  # compiling does not pay for few batches
CROSS_ENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
digits = load_mnist()
DATA = {"source": digits.source}  # for the claims
MOST = 500 if QUICK else len(digits.train_labels)
SIZES = [size for size in (COUNT, 2 * COUNT, 4 * COUNT, 8 * COUNT) if size <= MOST]

# %% [markdown]
# ## Two pupils
#
# The book of the two pupils has three exercises: what belongs to 1, to 2 and to 3? Its solutions
# are 2, 4 and 7, of which the last is a misprint, because the rule is to double the number. One
# pupil has found the rule. The other knows the list by heart, and for a number that is not in it,
# gives the solution of the nearest one that is.

# %% tags=["nbval-check-output"]
book, new_numbers = {1: 2, 2: 4, 3: 7}, {4: 8, 5: 10}
by_rule = {number: 2 * number for number in (*book, *new_numbers)}
by_heart = {number: book[min(number, 3)] for number in (*book, *new_numbers)}
for name, answers in {"by rule": by_rule, "by heart": by_heart}.items():
    known = np.mean([abs(answers[it] - book[it]) for it in book])
    new = np.mean([abs(answers[it] - new_numbers[it]) for it in new_numbers])
    print(f"{name:8}  mean error in the book {known:.2f}, on new numbers {new:.2f}")

# %% [markdown]
# In the book, the pupil with the list makes no error at all, while the rule misses the misprint,
# by 1. On new numbers it is the other way round: the list says 7 both times, which misses 8 by 1
# and 10 by 3. The book alone cannot tell us who has understood.
#
# Doing well on what one has never seen is called **generalisation**, and it is what we want of a
# network. Learning the training pictures by heart, so that the network does well on them and worse
# on new ones, is called **overfitting**. The opposite is **underfitting**, which means that the
# network does badly even on its training pictures, because it has learned too little.
#
# Underfitting can be seen on the training pictures, but overfitting cannot. For that we need
# pictures from which the network does not learn: the validation set. So far we have used it to
# choose, and now we use it to watch.
#
# ## A book with misprints
#
# To meet the two pupils in a network, we give it a book with misprints. We take a few training
# digits, and three in ten of them get a wrong label, at random. Wrong labels are known as *label
# noise*, and large collections are seldom free of it. Ours are so many because we want to see
# within seconds what otherwise takes hours. The validation digits keep their true labels.
#
# We also make the digits smaller, by average pooling over squares of 4×4 pixels (chapter 2). That
# leaves 7×7 numbers, which is just enough to read, and a network with 49 inputs trains in no time.


# %%
def shrink(images):
    squares = images.reshape(-1, 7, 4, 7, 4) / np.float32(255)
    return squares.mean(axis=(2, 4)).reshape(-1, 49)


def misprint(labels, share, seed=0):
    random = np.random.default_rng(seed)
    hit = random.random(len(labels)) < share
    other = (
        labels + random.integers(1, 10, len(labels))
    ) % 10  # never the true one
    return np.where(hit, other, labels)


# %%
pixels, truth = shrink(digits.train_images), digits.train_labels
printed = misprint(truth, share=0.3)  # what the network is told
training = (pixels[:COUNT], printed[:COUNT])
validation = (shrink(digits.validation_images), digits.validation_labels)
watched = tuple(part[:2_000] for part in validation)  # enough to look at often
misprints = printed[:COUNT] != truth[:COUNT]
print(f"{misprints.sum()} of {COUNT:,} training digits have a wrong label")

# %% tags=["hide-input"] alt="Ten digits of seven times seven pixels with the labels that the network is told; the wrong ones have a cross and the true digit beside it"
figure, grid = plt.subplots(2, 5, figsize=(7.2, 3.4))
page = zip(grid.flat, pixels, printed, truth, strict=False)
for axes, picture, told, true in page:
    axes.imshow(picture.reshape(7, 7), "gray")
    axes.axis("off")
    axes.set_title(f"“{told}”" if told == true else f"“{told}” ✗ ({true})")
plt.show()

# %% [markdown]
# **Figure 6.1. Ten of the training digits.** Above each stands the label that the network is told.
# A cross marks a misprint, with the true digit in parentheses, which the network does not get. It
# can only learn the misprints one by one, because no rule leads to them.
#
# The networks of this chapter have one hidden layer, and at first we vary only its number of units.


# %%
def build(units, between=(), **options):
    hidden = layers.Dense(units, activation="relu", **options)
    logits = layers.Dense(10, **options)
    return keras.Sequential([keras.Input((49,)), hidden, *between, logits])


def judge(model, images, labels):
    logits = model(images)
    right = np.mean(logits.numpy().argmax(axis=1) == labels)
    return float(CROSS_ENTROPY(labels, logits)), right


# %% [markdown]
# We train with Adam, and the learning rate falls to 0 along a cosine (chapter 5), so that every
# curve becomes flat at its end. Whether the network has then learned all it can is another
# question, which exercise 5 asks. For networks as small as ours, Keras' `fit` would spend most of
# its time on preparations. So we use the loop of chapter 3, and `tf.function` turns a whole epoch
# into one computation. `model.losses` is an empty list for now; later a price for large weights
# will stand there.


# %%
def compile_epoch(model, optimizer, loss, images, labels):
    optimizer.build(model.trainable_variables)  # room for its running means

    @tf.function
    def epoch(order):
        for batch in tf.reshape(order, (-1, 50)):  # fifty digits a step
            some, told = tf.gather(images, batch), tf.gather(labels, batch)
            with tf.GradientTape() as tape:
                total = loss(told, model(some, training=True)) + sum(model.losses)
            slopes = tape.gradient(total, model.trainable_variables)
            optimizer.apply(slopes, model.trainable_variables)

    return epoch


# %% [markdown]
# After each epoch we write down four numbers: loss and accuracy on the training digits, *with*
# their misprints, and then both on the validation digits. These are the columns 0 to 3 of a
# history. Whenever the validation loss is lower than ever before, we also keep a copy of the
# weights, which we shall soon need.

# %%
Run = namedtuple("Run", "model history best")  # best: a copy of the weights


def learn(make, data, seed, rate=0.008, loss=CROSS_ENTROPY, optimizer=Adam):
    keras.utils.set_random_seed(seed)
    model, random, rows, best = make(), np.random.default_rng(seed), [], None
    falling = optimizers.schedules.CosineDecay(rate, EPOCHS * len(data[0]) // 50)
    epoch = compile_epoch(model, optimizer(falling), loss, *data)
    for _ in range(EPOCHS):
        epoch(random.permutation(len(data[0])))
        rows.append((*judge(model, *data), *judge(model, *watched)))
        if rows[-1][2] == min(row[2] for row in rows):
            best = model.get_weights()
    return Run(model, np.array(rows), best)


# %% [markdown]
# ## Too small, right, too large
#
# How many units are right? Each width gets the learning rate with which it comes furthest on its
# *training* digits. We ask about these because we want to see every network at its end, with all
# that it can learn. Otherwise we might take an unfinished network for a small one. Then we train
# each width with three new seeds.


# %%
@cache
def of_width(units, rate, seed):
    return learn(lambda: build(units), training, seed, rate)


rates, widths = {}, {}
for units in WIDTHS:
    ends = {
        rate: of_width(units, rate, TRIAL_SEED).history[-1, 0] for rate in RATES
    }
    rates[units] = min(ends, key=ends.get)
    widths[units] = [of_width(units, rates[units], seed) for seed in SEEDS]
print("the rate of each width:", rates)

# %% tags=["hide-input"] alt="Three charts of training and validation loss: in the first both stay high, in the second both are lower, in the third training falls far down while validation climbs"
figure, row = plt.subplots(1, 3, figsize=(7.2, 3.0), sharey=True)
NAMES = {
    4: "4 units: too small",
    16: "16 units: about right",
    512: "512 units: too large",
}
for axes, (units, name) in zip(row, NAMES.items(), strict=True):
    for run in widths[units]:
        axes.plot(
            range(1, EPOCHS + 1), run.history[:, 0], "--", color="0.5", lw=1.2
        )
        axes.plot(range(1, EPOCHS + 1), run.history[:, 2], color="C0", lw=1.2)
    axes.set(title=name, xlabel="epoch", ylim=(0, 2.5))
row[0].set_ylabel("loss")
row[0].legend(row[0].lines[:2], ("training", "validation"), loc="lower left")
plt.show()

# %% [markdown]
# **Figure 6.2. Three networks, from beginning to end.** Dashed: the loss on the training digits,
# with their misprints. Solid: the loss on the validation digits, whose labels are true. Each line
# is one of three seeds.
#
# With 4 units, both losses fall for some twenty epochs and then stay where they are, higher than
# in the other charts. At its end this network reads only
# 51 %<!--claim:training_underfit_accuracy--> of its own training digits as they are printed,
# although seven in ten of the labels are true. More epochs would not help it, as exercise 5
# shows, because it is too small: it underfits.
#
# With 512 units, the training loss falls and falls. But the validation loss has its lowest point
# early, and from there it climbs to 1.5 times<!--claim:training_overfit_loss_rise--> as much. This
# network overfits, and you see it where the two curves turn away from each other.
#
# In the first two charts the validation loss is *lower* than the training loss, which may
# surprise you. But only the training labels have misprints, and whoever does not repeat them pays
# for each. Let us look at the misprinted digits alone. What does each network answer to them:
# what the book says, or what they are?

# %%
told = {}
for units in NAMES:
    answers = [
        run.model(training[0]).numpy().argmax(axis=1) for run in widths[units]
    ]
    answers = np.array(answers)[:, misprints]
    repeats = np.mean(answers == training[1][misprints])
    reads = np.mean(answers == truth[:COUNT][misprints])
    told[units] = repeats, reads
    print(f"{units:3} units: {repeats:.2f} as printed, {reads:.2f} as they are")

# %% [markdown]
# The network with 16 units reads 76 %<!--claim:fitting_misprints_read_by_16--> of these digits
# truly, although nobody has ever told it their true labels. The one with 512 units repeats
# 91 %<!--claim:fitting_misprints_repeated_by_512--> of the misprints. So we have met both pupils:
# one knows the rule, and the other has learned the list by heart.
#
# ### Where it bends
#
# How complicated a relation a network is able to learn is called its **capacity**. It grows with the
# number of parameters. So let us double the units again and again, from 4 to 512, and see how many
# digits each network reads at its end. We also draw how many it read at its best epoch, the one with
# the lowest validation loss.

# %% tags=["hide-input"]
at_end = {
    it: np.array([run.history[-1] for run in runs]) for it, runs in widths.items()
}
at_best = {
    units: np.array([run.history[run.history[:, 2].argmin()] for run in runs])
    for units, runs in widths.items()
}
RULE = 100 * (1 - misprints.mean())  # right, as printed, for whoever knows the rule
CURVES = {
    "training digits, as printed": (at_end, 1, "0.5", "s--"),
    "validation, at the end": (at_end, 3, "C0", "o-"),
    "validation, at the best epoch": (at_best, 3, "C2", "^:"),
}

# %% tags=["hide-input"] alt="Accuracy against the number of hidden units: the training line climbs to almost 100 percent, validation rises, falls and rises a little again"
figure, axes = plt.subplots(figsize=(7.2, 3.4))
for name, (values, column, color, look) in CURVES.items():
    means = [100 * values[units][:, column].mean() for units in WIDTHS]
    axes.plot(WIDTHS, means, look, color=color, label=name)
    for units in WIDTHS:
        right = 100 * values[units][:, column]
        axes.plot(
            [units] * len(right), right, look[0], color=color, alpha=0.5, ms=4
        )
axes.set(
    xscale="log", xlabel="hidden units", ylabel="right, percent", ylim=(30, 102)
)
axes.set_xticks(WIDTHS, [f"{units:,}" for units in WIDTHS])
axes.minorticks_off()
axes.axhline(RULE, color="0.5", lw=1, label="the rule alone, as printed")
axes.legend(loc="lower right", ncols=2)
plt.show()

# %% [markdown]
# **Figure 6.3. Eight widths.** Small marks are single seeds, and lines go through their means. The
# dashed line climbs all the way, and after 32 units crosses what the rule alone would get right
# (thin line). The solid line is high from 8 to 32 units and low from 64 on.
#
# Up to 16 units, training and validation climb together. Beyond 32, the dashed line goes on
# alone. Whoever knows the rule, and nothing else, gets 70 in 100 of the printed labels right, so
# what lies above that is learned by heart. With 16 units 78.2 %<!--claim:fitting_right_by_16-->
# of the validation digits are read rightly at the end, with 512 only
# 73.1 %<!--claim:fitting_right_by_512-->, and with 64 to 256 even fewer. Widths of 8 and 32 do
# nearly as well as 16. Each of the three runs with 16 units is ahead of each run with 512.
#
# Two things do not fit so simple a story. First, the solid line rises at its right end. There the
# chosen rate is smaller, too, as the printed list says, so our figure cannot tell which of the
# two is the reason. Others have measured a second rise of very large networks and call it double
# descent (Nakkiran et al., 2019, [Deep double descent: where bigger models and more data
# hurt](https://arxiv.org/abs/1912.02292)). Second, the dotted line hardly falls: at its best
# epoch, the network of 512 units reads 85 %<!--claim:fitting_512_at_best_epoch-->. So 512 units
# are too many only if one trains to the end.
#
# From now on you can read a pair of curves:
#
# | you see | it is | try |
# |:--|:--|:--|
# | both losses still fall | an unfinished training | more epochs |
# | both stay above what others reach, whatever the rate | underfitting | more units, or more layers |
# | training falls, validation turns up | overfitting | more pictures, or what this chapter shows next |
# | training does not move at all | a fault | pixels, first weights, rate (chapter 5) |
#
# ## Stop in time
#
# The dotted line of Figure 6.3 is a hint. At its best epoch, even the large network was a good
# pupil, and it became the other one only later. So why not stop there?
#
# The difficulty is that one knows the best epoch only afterwards, since the validation loss goes up
# and down a little all the time. A simple rule is to wait: stop when the loss has not been lower
# than its best for a number of epochs, which is called the patience. Then go back to the weights of
# the best epoch. This is **early stopping**. Try it in your head on the seven losses below before
# you read what comes out.


# %% tags=["nbval-check-output"]
def stop_early(losses, patience):
    best = 0
    for epoch, loss in enumerate(losses):
        if loss < losses[best]:
            best = epoch
        if epoch - best == patience:
            break
    return f"stopped after epoch {epoch + 1}, best epoch {best + 1}"


losses = [0.9, 0.7, 0.6, 0.65, 0.62, 0.7, 0.5]
for patience in (2, 4):
    print(f"patience {patience}:", stop_early(losses, patience))

# %% [markdown]
# With a patience of 2, the training ends after epoch 5, and never gets to the better epoch 7. A
# patience of 4 survives the small bump, and pays for it with more epochs.
#
# Keras has two callbacks for this. `EarlyStopping` does what our function does, and brings the best
# weights back. `ModelCheckpoint` writes the network to disk whenever it is better than before, and
# such a file with the state of a training is called a **checkpoint**. Callbacks belong to `fit`, so
# we use it here, and let the rate stay at 0.008, because nobody knows beforehand how long this
# training will be.

# %%
folder = Path(tempfile.mkdtemp())
stop = keras.callbacks.EarlyStopping(
    "val_loss", patience=PATIENCE, restore_best_weights=True
)
save = keras.callbacks.ModelCheckpoint(
    folder / "best.keras", "val_loss", save_best_only=True
)
keras.utils.set_random_seed(SEEDS[0])
model = build(512)
model.compile(Adam(0.008), CROSS_ENTROPY, metrics=["accuracy"])
options = {"validation_data": validation, "callbacks": [stop, save], "verbose": 0}
fitted = model.fit(*training, 50, epochs=EPOCHS, **options).history

# %%
ran, best = len(fitted["loss"]), int(np.argmin(fitted["val_loss"]))
print(f"stopped after epoch {ran}, best epoch {best + 1}")
last, restored = fitted["val_accuracy"][-1], judge(model, *validation)[1]
print(f"validation accuracy: last weights {last:.3f}, best {restored:.3f}")
saved = keras.saving.load_model(folder / "best.keras")
same = np.array_equal(saved(validation[0]), model(validation[0]))
print("the file on disk holds the same network:", same)

# %% [markdown]
# Instead of 100 epochs, this training took 22<!--claim:fitting_epochs_until_stop-->. With the weights
# of its best epoch it reads 84.3 %<!--claim:fitting_best_weights_accuracy--> of the validation
# digits, and with the last ones 76.8 %<!--claim:fitting_last_weights_accuracy-->. The better number
# flatters a little, because the epoch was chosen by the very same digits. Later we shall ask the test
# set.
#
# ### Killed, and continued
#
# Checkpoints have a second use, for example when the power fails in the ninth hour of a training.
# The weights of hour eight are on disk, so can we go on as if nothing had happened? Not with the
# weights alone, because the optimiser keeps running means as well, the order of the pictures was
# drawn at random, and so was much else. `ExactResume` of the package keeps all that after each
# epoch. We let the power fail in the middle of an epoch, and compare with a training that was never
# disturbed.


# %%
class PowerFailure(keras.callbacks.Callback):
    epoch = -1

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == (3, 2):  # both are counted from 0
            raise RuntimeError("the power fails in epoch 4")


# %%
def train_in(name, seed, *more):
    keras.utils.set_random_seed(seed)  # for the first weights
    model, ran = build(64), []
    model.compile(Adam(0.002), CROSS_ENTROPY)
    resume = ExactResume(folder / name, *training, batch_size=50, seed=0)
    count = keras.callbacks.LambdaCallback(
        lambda epoch, logs: ran.append(epoch + 1)
    )
    options = {"callbacks": [resume, count, *more], "shuffle": False, "verbose": 0}
    model.fit(resume.batches, epochs=6, **options)
    return model.get_weights(), ran


# %%
undisturbed, ran_first = train_in("first", 1)
try:
    train_in("second", 1, PowerFailure())
except RuntimeError as error:
    print(error)
continued, ran_last = train_in(
    "second", 2
)  # other first weights: they must not count
pairs = zip(undisturbed, continued, strict=True)
difference = max(np.abs(one - other).max() for one, other in pairs)
print("undisturbed: epochs", ran_first, "  continued: epochs", ran_last)
print("largest difference of two weights:", difference)

# %% [markdown]
# It is 0<!--claim:fitting_resumed_difference-->: not nearly the same weights, but the same to the
# last bit (on one machine, without a GPU). The last call found the checkpoint of epoch 3 in its
# folder, and took up epoch 4 from its beginning. It even began with other random weights, and these
# were replaced. Our power failure was only an exception, but a process that is really killed leaves
# the same file behind.

# %% tags=["claims"]
share = {units: values.mean(axis=0) for units, values in at_end.items()}
narrow = {"at_most": 0.6, "quick": 1, "embedded": 0.65, **DATA}
claim("training_underfit_accuracy", share[4][1], **narrow)
rises = [run.history[-1, 2] / run.history[:, 2].min() for run in widths[512]]
claim("training_overfit_loss_rise", np.mean(rises), at_least=1.2, quick=0, **DATA)
claim("fitting_misprints_read_by_16", told[16][1], at_least=0.5, quick=0, **DATA)
claim(
    "fitting_misprints_repeated_by_512", told[512][0], at_least=0.8, quick=0, **DATA
)
# %% tags=["claims"]
ends = {units: share[units][3] for units in WIDTHS}
worst, best_of_wide = at_end[16][:, 3].min(), at_end[512][:, 3].max()
claim(
    "fitting_16_lead_over_512",
    worst - best_of_wide,
    at_least=0.02,
    quick=-1,
    **DATA,
)
claim("fitting_16_lead_over_4", ends[16] - ends[4], at_least=0.05, quick=-1, **DATA)
claim("fitting_right_by_16", ends[16], at_least=0.75, quick=0, **DATA)
claim("fitting_right_by_512", ends[512], at_most=0.75, quick=1, **DATA)
tops = {units: values[:, 3].mean() for units, values in at_best.items()}
more = {"at_least": tops[16] - 0.02, "quick": 0, **DATA}
claim("fitting_512_at_best_epoch", tops[512], **more)
lowest = min(tops[units] for units in WIDTHS if units > 16)
claim("fitting_lowest_at_best_epoch", lowest, **more)
# %% tags=["claims"]
dip = max(ends[units] for units in WIDTHS if 32 < units < 512 or QUICK)
claim("fitting_second_rise", ends[512] - dip, at_least=0.02, quick=-1, **DATA)
rims = sum(rate in (RATES[0], RATES[-1]) for rate in rates.values())
claim("fitting_rates_at_the_rim", rims, at_most=0, quick=9, **DATA)
claim("fitting_rate_of_the_race", rates[512], equals=0.008, **DATA)
claim("fitting_resumed_difference", float(difference), equals=0)
claim("fitting_resumed_epochs", len(ran_last), equals=3)
claim("fitting_epochs_until_stop", ran, at_most=60, **DATA)
least = last + 0.01
claim("fitting_best_weights_accuracy", restored, at_least=least, quick=0, **DATA)
claim("fitting_last_weights_accuracy", last, at_most=restored, quick=1, **DATA)

# %% [markdown]
# ## Keep the weights small
#
# Early stopping catches the network before it learns by heart. Could we also make it unable to? To
# give two digits that look almost alike very different answers, as a misprint demands, a network
# needs large weights, while a simple rule gets along with small ones. So let us put a price on
# large weights.
#
# Take a single weight, which the data would like to be 3, so that their loss is (*w* − 3)². Now we
# add a penalty of *w*². At *w* = 3 the sum is 0 + 9, and at *w* = 0 it is 9 + 0. In the middle, at
# *w* = 1.5, it is only 2.25 + 2.25. There it is lowest, so half of the weight is left. If the data
# wish for 0.4 instead, then half of that is left, too.
#
# With the penalty |*w*|, the size of the weight without its sign, something else happens. Its slope
# is 1, however small the weight may be. From 3 the weight comes down to 2.5, where the slope of the
# loss, 2 × (2.5 − 3) = −1, just balances it. A wish of 0.4 is too weak for that: even at *w* = 0 the
# loss pulls with no more than 0.8, so the weight becomes 0.

# %% tags=["nbval-check-output"]
every_w = np.linspace(-1, 4, 50_001)  # in steps of 0.0001
for wish in (3.0, 0.4):
    for name, penalty in {"w²": every_w**2, "|w|": np.abs(every_w)}.items():
        total = (every_w - wish) ** 2 + penalty
        left = every_w[total.argmin()] + 0.0
        print(f"wish {wish}, penalty {name:3}: {left:.2f} is left")

# %% tags=["hide-input"] alt="Two charts of the weight that is left: under L2 a flatter straight line, under L1 a line that is zero in the middle"
figure, row = plt.subplots(1, 2, figsize=(7.2, 2.9), sharey=True)
wishes = np.linspace(-3, 3, 241)
left = {"penalty w²": wishes / 2}
left["penalty |w|"] = np.sign(wishes) * np.maximum(np.abs(wishes) - 0.5, 0)
for axes, (name, values) in zip(row, left.items(), strict=True):
    axes.plot(wishes, wishes, "--", color="0.6", label="without a penalty")
    axes.plot(wishes, values, color="C0", label="with it")
    for wish in (3.0, 0.4):
        axes.plot(wish, values[np.abs(wishes - wish).argmin()], "o", color="C1")
    axes.set(title=name, xlabel="weight that the data wish for")
row[0].set_ylabel("weight that is left")
row[0].legend(loc="upper left")
plt.show()

# %% [markdown]
# **Figure 6.4. What a penalty leaves of a weight.** Left: under the penalty *w*² every weight is
# halved. Right: under |*w*| every weight loses 0.5 of its size, and smaller ones become 0. Orange dots are
# the two examples, wishes of 3 and of 0.4.
#
# Anything that makes learning by heart harder, and is meant to help on new pictures, is called
# **regularisation**. To add the squares of all weights to the loss, times a small factor, is **L2
# regularisation**, and to add their sizes is **L1 regularisation**. Both together are known as
# **elastic net** (Zou and Hastie, 2005, [Regularization and variable selection via the elastic
# net](https://doi.org/10.1111/j.1467-9868.2005.00503.x)). The factor, which was 1 in our example,
# is the *strength* of the penalty, and you have to choose it. In Keras a layer takes
# `kernel_regularizer=regularizers.L2(0.001)`, and its penalty appears in `model.losses`, which our
# loop adds up.
#
# ### Weight decay
#
# There is a more direct way to keep weights small, which is to pull each of them a little towards 0
# in every step. That is called **weight decay**, and it may look like L2 under another name. A
# penalty of strength *s* has the slope 2 × *s* × *w*, so with SGD it pulls a weight in proportion
# to its size, as decay does. But Adam divides each slope by its usual size (chapter 5), and the
# penalty's share is divided along with the rest.
#
# Let us follow one step, from *w* = 1, at a rate of 0.1. The loss has a slope of 1, and the penalty,
# of strength 0.1, one of 0.2. SGD steps to 1 − 0.1 × 1.2 = 0.88. Adam's first step is as long as the
# rate, whatever the slope is, so it arrives at 0.90, *as it would without the penalty*. Weight decay
# of 0.2 takes another 0.1 × 0.2 × 1 = 0.02 off, with either optimiser.

# %% tags=["nbval-check-output"]
SIDES = {
    "SGD, L2": (optimizers.SGD(0.1), 0.1),
    "SGD, weight decay": (optimizers.SGD(0.1, weight_decay=0.2), 0),
    "Adam, L2": (Adam(0.1), 0.1),
    "Adam, weight decay": (AdamW(0.1, weight_decay=0.2), 0),
}
for name, (optimizer, strength) in SIDES.items():
    weight = keras.Variable(1.0)
    slope = tf.constant(1.0 + 2 * strength)  # of the loss, and of the penalty
    optimizer.apply([slope], [weight])
    print(f"{name:18} 1.00 → {float(weight):.2f}")
    SIDES[name] = float(weight)

# %% [markdown]
# So with plain SGD, decay is L2 with twice the factor, and with Adam the two are different
# things. Adam with decay is the AdamW of chapter 5 (Loshchilov and Hutter, 2017, [Decoupled
# weight decay regularization](https://arxiv.org/abs/1711.05101)).
#
# ### Max norm
#
# One may also simply forbid large weights. **Max norm** looks at all weights that lead into one
# unit, and when their length, the root of the sum of their squares, exceeds a limit, it shortens
# them together. Two weights of 3 and 4 have the length 5, because 9 + 16 = 25. With a limit of 1
# they become 0.6 and 0.8. In Keras that is `kernel_constraint=keras.constraints.MaxNorm(1)`, and it
# acts after every step.

# %% tags=["hide-input", "nbval-check-output"]
incoming = np.array([[3.0], [4.0]], "float32")  # two inputs, one unit
shortened = MaxNorm(1.0)(incoming).numpy().ravel()
print(f"length {np.linalg.norm(incoming):.0f}, shortened to {shortened.round(2)}")

# %% tags=["claims"]
apart = {
    it: abs(SIDES[f"{it}, L2"] - SIDES[f"{it}, weight decay"])
    for it in ("SGD", "Adam")
}
claim("fitting_sgd_l2_against_decay", apart["SGD"], at_most=1e-6)
claim("fitting_adam_l2_against_decay", apart["Adam"], at_least=0.0199)

# %% [markdown]
# ## Disturb the units
#
# A football team trains every day with only half of its players, drawn by lot. No one can rely on
# a particular other, and each learns to be useful in many teams. **Dropout** does the same to a
# layer (Srivastava et al., 2014, [Dropout: a simple way to prevent neural networks from
# overfitting](https://jmlr.org/papers/v15/srivastava14a.html)). In every training step, and for
# each picture anew, it sets each output to 0 with a probability *p*. The hope is that a misprint
# becomes hard to remember, because the units that would remember it are rarely all present.
#
# When the network is used, all units play, and then more arrives at the next layer than it is used
# to. Take four outputs of 2, 4, 6 and 8, and *p* = ½. All of them add up to 20, but if, for example,
# only the second and third are kept, it is 10. **Inverted dropout** makes up for this during
# training: it divides what it keeps by 1 − *p*, here 8 and 12, and the sum is 20 again. With the
# first two kept it would be 12, so this holds only on average. Let us take a million ones.

# %% tags=["nbval-check-output"]
random, outputs, p = np.random.default_rng(0), np.ones(1_000_000), 0.5
kept = random.random(outputs.size) >= p
print(f"dropout:          mean {(outputs * kept).mean():.2f}")
print(f"inverted dropout: mean {(outputs * kept / (1 - p)).mean():.2f}")
by_keras = layers.Dropout(p, seed=0)(np.ones((1, 1_000)), training=True)
print("Keras makes of ones:", np.unique(by_keras).tolist())

# %% [markdown]
# Keras' layer is of the inverted kind, as it makes twos of the ones that it keeps. It needs to know
# whether the network is in training, and that is what `training=True` in our loop says. Otherwise
# the layer hands on what it gets.
#
# ## Ask for less certainty
#
# What does a loss want? Cross-entropy wants the probability of the true class to be 1, and since
# softmax never quite gets there, it pulls for ever. That is how a network becomes certain even of
# misprints. But there are losses that are content earlier.
#
# The **hinge loss** wants the score of the true class to lead each wrong class by a **margin**, and
# adds up what is missing. Take the scores 10, −5 and 5, where the first class is the true one, and
# a margin of 10. The lead over −5 is 15, so nothing is missing. The lead over 5 is only 5, so
# another 5 are missing, and the loss is 0 + 5 = 5.
#
# **Label smoothing** keeps the cross-entropy, but moves the target (Szegedy et al., 2015,
# [Rethinking the Inception architecture](https://arxiv.org/abs/1512.00567)). It takes a share, say
# 0.1, away from the true class and divides it among all. With three classes the target 1, 0, 0
# becomes 0.933, 0.033, 0.033. A network that is *more* certain than 0.933 is now wrong again.

# %% tags=["nbval-check-output"]
scores, true, margin = np.array([10.0, -5.0, 5.0]), 0, 10
missing = [float(max(0, scores[it] - scores[true] + margin)) for it in (1, 2)]
hinge = sum(missing)
print("hinge loss:", " + ".join(map(str, missing)), "=", hinge)
chances = np.exp(scores) / np.exp(scores).sum()
target = 0.9 * np.eye(3)[true] + 0.1 / 3
print(f"cross-entropy: {-np.log(chances[true]):.4f}")
print(f"the same with smoothed labels: {-(target * np.log(chances)).sum():.4f}")
by_keras = keras.losses.CategoricalCrossentropy(
    from_logits=True, label_smoothing=0.1
)
print(f"Keras agrees: {float(by_keras(np.eye(3)[[true]], scores[None])):.4f}")

# %% tags=["hide-input"] alt="Three losses against the lead of the true class: cross-entropy falls for ever, the hinge is 0 from its margin on, the smoothed loss has a lowest point and rises again"
lead = np.linspace(-3, 8, 221)
pairs, first, second = (
    np.stack([lead, 0 * lead], 1),
    np.zeros(221, int),
    np.ones(221, int),
)
plain, opposite = cross_entropy(pairs, first), cross_entropy(pairs, second)
mixed = 0.95 * plain + 0.05 * opposite
LOSSES = {"cross-entropy": (plain, "C0", "-")}
LOSSES["hinge, margin 1"] = (multiclass_hinge(pairs, first), "0.5", "--")
LOSSES["smoothed by 0.1"] = (mixed, "C1", "-.")
figure, axes = plt.subplots(figsize=(7.2, 3.0))
for name, (values, color, look) in LOSSES.items():
    axes.plot(lead, values, look, color=color, label=name)
axes.plot(lead[mixed.argmin()], mixed.min(), "o", color="C1")
axes.set(
    xlabel="lead of the true class over the other", ylabel="loss", ylim=(-0.1, 4)
)
axes.legend(loc="upper right")
plt.show()

# %% [markdown]
# **Figure 6.5. What three losses want.** For two classes. Cross-entropy falls on for ever, though
# less and less. The hinge is content from its margin of 1 on. The smoothed loss is lowest at a lead
# of about 3 (dot), and beyond it the network pays for being too certain.
#
# The hinge comes in two kinds. Ours adds up all wrong classes (Weston and Watkins, 1999, [Support
# vector machines for multi-class pattern
# recognition](https://www.esann.org/sites/default/files/proceedings/legacy/es1999-461.pdf)), and
# `multiclass_hinge` of the package does the same. Keras' `CategoricalHinge` looks only at the
# highest wrong score (at 0 if all are below 0), with a margin of 1. The hinge is at home in
# another method, the *support vector machine*, which looks for the widest gap between two
# classes, while cross-entropy is usual for networks.

# %% tags=["claims"]
claim("training_hinge_of_the_example", hinge, equals=5)
package = multiclass_hinge(scores[None], np.array([true]), margin=margin)[0]
claim("training_hinge_of_the_package", package, equals=5)
claim("fitting_smoothed_lead", lead[mixed.argmin()], equals=2.95)

# %% [markdown]
# ## A fair race
#
# Which of all these helps most? We let them race with the network of 512 units that learned
# misprints by heart. To be fair, each tries several strengths, and keeps the one that reads most
# validation digits with one seed. Then three new seeds show what it is worth.
#
# Everything else is the same for all: the digits, the epochs, the learning rate of 0.008 at which
# the network learned its misprints, and the weights of the *last* epoch. A rate of its own might
# help one or the other. But for the network without a remedy a smaller rate would be no gift but a
# trick, as exercise 6 shows: it leaves less time to learn misprints. Early stopping is shown at its
# best, as with endless patience. It has the same 100 epochs, and then takes the weights of the best
# one.
#
# The hinge stays out, because it is a loss of its own and has no strength to choose. In the code,
# `LAYERS` says what each competitor puts into the network, `TRAINING` what it changes about the
# training, and `answers_of` whose weights count in the end. The elastic net gets the same factor
# for both its parts.


# %%
LABELS = {"with misprints": printed, "with true labels": truth}


def smoothed_by(strength):
    options = {"from_logits": True, "label_smoothing": strength}
    loss = keras.losses.CategoricalCrossentropy(**options)
    return lambda labels, logits: loss(tf.one_hot(labels, 10), logits)


# %%
LAYERS = {  # what goes into the network
    "L2": lambda strength: {"kernel_regularizer": regularizers.L2(strength)},
    "L1": lambda strength: {"kernel_regularizer": regularizers.L1(strength)},
    "elastic net": lambda strength: {
        "kernel_regularizer": L1L2(strength, strength)
    },
    "max norm": lambda limit: {"kernel_constraint": MaxNorm(limit)},
    "dropout": lambda p: {"between": [layers.Dropout(p)]},
}


# %%
TRAINING = {  # what goes into its training
    "weight decay": lambda decay: {"optimizer": partial(AdamW, weight_decay=decay)},
    "label smoothing": lambda strength: {"loss": smoothed_by(strength)},
}


@cache
def race(kind, strength, seed, count=COUNT, labels="with misprints"):
    if kind == "early stopping":  # the same training, but other weights count
        return race("none", 0, seed, count, labels)
    layout = LAYERS[kind](strength) if kind in LAYERS else {}
    more = TRAINING[kind](strength) if kind in TRAINING else {}
    data = pixels[:count], LABELS[labels][:count]
    return learn(lambda: build(512, **layout), data, seed, **more)


# %%
def answers_of(kind, run, images):
    model = build(512)
    stopped = kind == "early stopping"
    model.set_weights(run.best if stopped else run.model.get_weights())
    return model(images).numpy().argmax(axis=1)


# %%
GRID = {"none": [0], "early stopping": [0], "max norm": [1, 2, 4, 8, 16]}
GRID |= {it: [0.0001, 0.0003, 0.001, 0.003] for it in ("L2", "L1", "elastic net")}
GRID |= {"weight decay": [0.1, 0.3, 1, 3]}
GRID |= {"dropout": [0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95]}
GRID |= {"label smoothing": [0.1, 0.5, 0.9, 0.98, 0.995, 0.999]}


def try_strengths(kind, labels="with misprints"):
    reads = {}
    for strength in GRID[kind][:TRIES]:
        run = race(kind, strength, TRIAL_SEED, COUNT, labels)
        right = answers_of(kind, run, validation[0]) == validation[1]
        reads[strength] = round(float(np.mean(right)), 3)
    return max(reads, key=reads.get), reads


# %%
tried = {kind: try_strengths(kind) for kind in GRID}
for kind, (best, reads) in tried.items():
    print(f"{kind:15} {best:<6} of {reads}")
winner = max(tried, key=lambda kind: max(tried[kind][1].values()))
strengths = {labels: try_strengths(winner, labels) for labels in LABELS}
print(f"{winner}, with true labels: {strengths['with true labels']}")

# %% [markdown]
# Each best strength, where there is one to choose, lies between two others that read fewer
# digits, so the grids are wide enough. Remember what help all of them had: strengths and best
# epochs were chosen on digits with true labels. The last line belongs to the next section. Now
# all choices are made, and we open the drawer with the test set.

# %%
test = (shrink(digits.test_images), digits.test_labels)


def on_test(kind, strength, count=COUNT, labels="with misprints"):
    runs = [race(kind, strength, seed, count, labels) for seed in SEEDS]
    right = [np.mean(answers_of(kind, run, test[0]) == test[1]) for run in runs]
    return 100 * np.array(right)  # percent, one value a seed


tested = {kind: on_test(kind, best) for kind, (best, _) in tried.items()}

# %% tags=["hide-input"]
HEAD = ("competitor", "strength", "right on the test set", "lowest to highest")
TABLE = [f"| {' | '.join(HEAD)} | misprints repeated |", "|:--|--:|--:|--:|--:|"]
repeated = {}
for kind in sorted(tested, key=lambda kind: -tested[kind].mean()):
    finals = [race(kind, tried[kind][0], seed) for seed in SEEDS]
    old = np.array(
        [answers_of(kind, run, training[0])[misprints] for run in finals]
    )
    repeated[kind] = 100 * np.mean(old == training[1][misprints])
    right = tested[kind]
    spread = f"{right.min():.1f} to {right.max():.1f}"
    numbers = f"{right.mean():.1f} % | {spread} | {repeated[kind]:.0f} %"
    TABLE.append(f"| {kind} | {tried[kind][0] or 'none'} | {numbers} |")
Markdown("\n".join(TABLE))

# %% tags=["hide-input"] alt="Dots of the test accuracy of nine competitors, sorted: without regularisation far to the left of all others"
ranked = sorted(tested, key=lambda kind: tested[kind].mean())
figure, axes = plt.subplots(figsize=(7.2, 3.6))
for place, kind in enumerate(ranked):
    color = "C1" if kind == "none" else "C0"
    axes.plot(tested[kind], [place] * len(SEEDS), "o", color=color, alpha=0.6)
    axes.plot(tested[kind].mean(), place, "|", color=color, ms=16, mew=2)
axes.set_yticks(range(len(ranked)), ranked)
axes.grid(axis="x")
axes.set(xlabel="right on the test set, percent")
plt.show()

# %% [markdown]
# **Figure 6.6. The race.** Each dot is one of three seeds, and each bar is their mean. All eight
# remedies lie to the right of the network without any (orange). Most of them are close together, far
# away from it.
#
# Without a remedy, the network reads 73.7 %<!--claim:training_by_heart--> of the test digits, and
# with dropout 88.2 %<!--claim:training_with_dropout-->. The table also says how many of the misprints
# each network repeats. With dropout, only 7 %<!--claim:fitting_misprints_with_dropout--> are left of
# them, although nobody has said which labels are wrong.
#
# Do not make too much of the order of neighbours. The seeds agree well, but all of them learned
# from the same 2,000 digits, and others might change it. What the race does show is that many
# roads lead out of learning by heart, and that the simplest goes most of the way: the weights of
# the best epoch reach 85.3 %<!--claim:fitting_with_early_stopping-->.
#
# Label smoothing is a special case. At the customary strength of 0.1 it helped nothing in our
# trial. It was best at 0.995<!--claim:fitting_best_smoothing-->, where the printed class has a
# target of 0.1045 and every other class one of 0.0995. Perhaps it helps then because learning a
# misprint hardly lowers the loss any more.
#
# ### What became of the weights
#
# To see what the remedies have done to the weights, we compare the first layer before training and
# after it, for one seed.

# %% tags=["hide-input"] alt="Eight histograms of the weights of the first layer, with the weights before training as an outline: without regularisation they are spread wide, under L1 nearly all are close to 0"
keras.utils.set_random_seed(SEEDS[0])
before = build(512).layers[0].kernel.numpy().ravel()
kernels = {
    kind: race(kind, best, SEEDS[0]).model.layers[0].kernel.numpy().ravel()
    for kind, (best, _) in tried.items()
    if kind != "early stopping"
}
bins = np.linspace(-1, 1, 82)  # one of them has 0 in its middle
figure, grid = plt.subplots(2, 4, figsize=(7.2, 3.9), sharex=True, sharey=True)
for axes, (kind, kernel) in zip(grid.flat, kernels.items(), strict=True):
    axes.hist(np.clip(kernel, -1, 1), bins, color="C0", alpha=0.6)
    axes.hist(before, bins, histtype="step", color="0.4")
    share = np.mean(np.abs(kernel) < 0.001)
    axes.set(title=f"{kind}: {100 * share:.0f} %", yscale="log")
for axes in grid[1]:
    axes.set_xlabel("weight")
for axes in grid[:, 0]:
    axes.set_ylabel("number of weights")
plt.show()

# %% [markdown]
# **Figure 6.7. The weights of the first layer.** Filled: after training, on a logarithmic axis.
# Outline: before, the same in every chart. Weights beyond ±1 are counted in the outermost bars.
# Above each chart stands the share of weights within 0.001 of 0.
#
# Left alone, the weights spread far beyond where they began. L1 leaves
# 93 %<!--claim:training_l1_weights_near_zero--> of them within 0.001 of 0, as Figure 6.4 made us
# expect. The 55 %<!--claim:fitting_l2_weights_near_zero--> of L2 may surprise you, because L2
# only shrinks. One reason may be Adam, which does not let a fading pull fade where the data want
# nothing. But small weights are not the whole secret. The network with dropout has much larger
# ones than that with L2, and reads no worse.

# %% tags=["claims"]
near_zero = {kind: np.mean(np.abs(it) < 0.001) for kind, it in kernels.items()}
l1, l2 = near_zero["L1"], near_zero["L2"]
claim("training_l1_weights_near_zero", l1, at_least=0.75, quick=0, **DATA)
claim("fitting_l2_weights_near_zero", l2, at_most=l1 - 0.1, quick=1, **DATA)
spread = {kind: it.std() for kind, it in kernels.items()}
times = spread["dropout"] / spread["L2"]
claim("fitting_dropout_weights_to_l2", times, at_least=2, quick=0, **DATA)
mean = {kind: right.mean() / 100 for kind, right in tested.items()}
claim("training_by_heart", mean["none"], at_most=0.8, quick=1, **DATA)
KINDS = {"dropout": "training_with_dropout", "L1": "training_with_l1"}
for kind in mean:
    name = KINDS.get(kind, f"fitting_with_{kind.replace(' ', '_').lower()}")
    if kind != "none":  # each is far ahead of the best run without
        least = tested["none"].max() / 100 + 0.08
        claim(name, mean[kind], at_least=least, quick=0, **DATA)

# %% tags=["claims"]
rim = [kind for kind, grid in GRID.items() if tried[kind][0] in (grid[0], grid[-1])]
claim("fitting_strengths_at_the_rim", len(rim) - 2, at_most=0, quick=9, **DATA)
usual = tried["label smoothing"][1][0.1] - tried["none"][1][0]
claim("fitting_usual_smoothing_gain", usual, at_most=0.01, quick=1, **DATA)
best = tried["label smoothing"][0]
claim("fitting_best_smoothing", best, at_least=0.98, quick=0, **DATA)
left = repeated["dropout"] / 100
claim("fitting_misprints_with_dropout", left, at_most=0.3, quick=1, **DATA)

# %% [markdown]
# ## Or simply more digits
#
# All remedies so far change how a network learns. One could also give it a longer book. How many
# digits is regularisation worth? We let the network of 512 units learn from two, four and eight times
# as many digits, for equally many epochs and without any regularisation. Its rival is dropout, the
# best of the trial, on 2,000 digits.
#
# We do so twice, once with three misprints in ten as before, and once with true labels. For the true
# labels, the strength was chosen anew above, before the test set was opened.

# %%
with_dropout, without, stopped = {}, {}, {}
for labels in LABELS:
    strength = strengths[labels][0]
    with_dropout[labels] = on_test(winner, strength, COUNT, labels)
    for count in SIZES:
        without[labels, count] = on_test("none", 0, count, labels)
        stopped[labels, count] = on_test("early stopping", 0, count, labels)
        means = without[labels, count].mean(), stopped[labels, count].mean()
        print(
            f"{count:6,} digits {labels}: {means[0]:.1f}, best epoch {means[1]:.1f}"
        )
    print(f"{winner} on {COUNT:,} digits: {with_dropout[labels].mean():.1f}")

# %% tags=["hide-input"] alt="Two charts of accuracy against the number of training digits: with misprints the last weights never reach the level of dropout, but those of the best epoch do; with true labels twice the digits pass it"
LINES = (("last weights", without, "C1", "o-"), ("best epoch", stopped, "C2", "^:"))
figure, row = plt.subplots(1, 2, figsize=(7.2, 3.2), sharey=True)
for axes, labels in zip(row, LABELS, strict=True):
    for name, found, color, look in LINES:
        means = [found[labels, count].mean() for count in SIZES]
        axes.plot(SIZES, means, look, color=color, label=f"no remedy, {name}")
        for count in SIZES:
            right = found[labels, count]
            axes.plot([count] * len(right), right, look[0], color=color, alpha=0.4)
    axes.axhline(with_dropout[labels].mean(), color="C0", ls="--")
    right, label = with_dropout[labels], f"{winner}, {COUNT:,} digits"
    axes.plot([COUNT] * len(right), right, "s", color="C0", label=label)
    axes.set(title=labels, xscale="log", xlabel="training digits")
    axes.set_xticks(SIZES, [f"{count:,}" for count in SIZES])
    axes.minorticks_off()
row[0].set_ylabel("right on the test set, percent")
row[1].legend(loc="lower right")
plt.show()

# %% [markdown]
# **Figure 6.8. What is regularisation worth in digits?** Orange and green: the network without a
# remedy, from more and more digits, with the weights of its last and of its best epoch. Blue:
# dropout on 2,000 digits, and the level that it reaches.
#
# With misprints, dropout on 2,000 digits beats even eight times as many digits, if the network
# learns these to the end: 82.9 %<!--claim:fitting_none_with_most_digits-->. The additional digits
# bring misprints of their own. But look at the green line, which stops at the best epoch. Twice
# as many digits bring it to the level of dropout, with
# 88.7 %<!--claim:fitting_stopped_with_twice-->. Four times as many bring it no further, but eight
# times as many lead well above that level, to
# 93.1 %<!--claim:fitting_stopped_with_most_digits-->.
#
# With true labels, dropout gains no more than 0.5<!--claim:fitting_gain_true_labels--> percentage
# points, while twice as many digits gain 2.2<!--claim:fitting_gain_of_twice_the_digits-->. And here
# the green line lies *below* the orange one: to stop at the lowest loss costs
# 0.7<!--claim:fitting_stopping_loses_true_labels--> points on 2,000 digits. The validation loss
# climbs although more digits are read rightly, because the network becomes ever more certain of its
# few mistakes. So when the two disagree, stop by the number that you care about.
#
# Dropout could keep this network from learning what was wrong, but it could not show it what it had
# not seen. So first ask what your training lacks. Often both are within reach, and chapter 11 shows
# how to make more pictures of those that you have.
#
# All this was measured with one small network, on digits, and with misprints in three of ten labels.
# The numbers will be others for your data, but the way to find them is the same.

# %% tags=["claims"]
MIXED, CLEAN = LABELS
found = without[MIXED, SIZES[-1]].mean() / 100
least = with_dropout[MIXED].min() / 100 - 0.02
bounds = {"at_most": least, "quick": 1, "embedded": 1, **DATA}
claim("fitting_none_with_most_digits", found, **bounds)
level = with_dropout[MIXED].mean() / 100
twice, most = (stopped[MIXED, size].mean() / 100 for size in (SIZES[1], SIZES[-1]))
claim("fitting_stopped_with_twice", twice, at_least=level - 0.01, quick=0, **DATA)
claim("fitting_twice_above_dropout", twice - level, at_most=0.02, quick=1, **DATA)
bounds = {"at_least": level + 0.02, "quick": 0, "embedded": level, **DATA}
claim("fitting_stopped_with_most_digits", most, **bounds)
base = without[CLEAN, COUNT].mean()
gain, by_digits = (
    with_dropout[CLEAN].mean() - base,
    without[CLEAN, 2 * COUNT].mean() - base,
)
claim("fitting_gain_true_labels", gain, at_most=by_digits / 2, quick=99, **DATA)
claim("fitting_gain_of_twice_the_digits", by_digits, at_least=1, quick=-99, **DATA)
loses = base - stopped[CLEAN, COUNT].mean()
claim("fitting_stopping_loses_true_labels", loses, at_least=0.2, quick=-99, **DATA)
is_dropout = int(winner == "dropout")
claim("fitting_best_trial_is_dropout", is_dropout, at_least=1, quick=0, **DATA)

# %% [markdown]
# ## What you learned
#
# | word | what it means | in Keras |
# |:--|:--|:--|
# | generalisation | doing well on what one has never seen | `model.evaluate(...)` on new pictures |
# | underfitting | learning too little, even of the training pictures | both losses stay high |
# | overfitting | learning the training pictures by heart | validation loss turns up |
# | capacity | how much a network can learn | `Dense(512)` |
# | early stopping | ending when validation does not improve | `EarlyStopping(restore_best_weights=True)` |
# | checkpoint | a file with the state of a training | `ModelCheckpoint(save_best_only=True)` |
# | L2, L1, elastic net | a price on large weights, in the loss | `kernel_regularizer=regularizers.L2(...)` |
# | weight decay | a pull towards 0 in each step | `AdamW(weight_decay=...)` |
# | max norm | a limit to the weights of a unit | `kernel_constraint=MaxNorm(...)` |
# | inverted dropout | random zeros in training, the rest enlarged | `Dropout(0.5)` |
# | hinge loss, margin | wants a lead, and is then content | `CategoricalHinge()` |
# | label smoothing | targets below 1 | `CategoricalCrossentropy(label_smoothing=0.1)` |
#
# ## Exercises
#
# 1. *By hand.* The data wish for a weight of −2, so their loss is (*w* + 2)². What is left of it
#    under a penalty of *w*², and what under |*w*|?
# 2. *By hand.* The scores are 2, 1 and 4, the first class is the true one, and the margin is 1. What
#    is the hinge loss? Which target does label smoothing by 0.3 give each of the three classes?
# 3. *By hand.* What is the smallest patience with which `stop_early` gets to the last of the
#    losses 0.8, 0.5, 0.6, 0.7, 0.55, 0.4?
# 4. *Predict, then run.* Ask the dropout network of the race for the test digits twice, as usual,
#    and then twice with `training=True`. In which case do answers change?
# 5. *Change it.* Train the network of 4 units for twice as many epochs (`EPOCHS` is what `learn`
#    looks at). Does it still underfit?
# 6. *Change it.* Train the network of 512 units, without regularisation, at a rate of 0.0005. It
#    reads more validation digits than in the race. Has it found the rule, or is there another
#    reason?
# 7. *Break it.* Give L2 a strength of 0.1. What do you expect of both losses? What does the network
#    answer?

# %% [markdown] tags=["solution"]
# 1. Half of it is left under *w*², which is −1. Under |*w*| it loses 0.5 of its size, and −1.5 is
#    left. There the loss has the slope 2 × (−1.5 + 2) = 1, and the penalty, which falls towards 0,
#    the slope −1.
# 2. The lead over 1 is 1, as wanted, so nothing is missing. The class with 4 leads by 2 instead of
#    trailing by 1, so 3 are missing, and the loss is 3. The smoothed targets are 0.7 + 0.1 = 0.8 for
#    the true class, and 0.1 for each of the others.
# 3. With 4. The best epoch before is the second, and three epochs that are not better follow it. A
#    patience of 3 would give up after the third of them, and 4 just survives.
# 4. As usual the answers are the same each time, because the layer hands on what it gets. With
#    `training=True` other units are set to 0 in each call, so each time another part of the
#    network answers. Nearly a quarter of the answers change.
# 5. It does. Its training accuracy hardly moves, so it was not unfinished but too small.
# 6. By our measure it has: it repeats hardly any misprints. But no remedy made it do so. It has
#    not come to its end, because there was no time to learn the misprints, and so a small rate
#    works like early stopping here. Beware of comparisons in which one side merely had less time
#    to overfit.
# 7. Both stay near ln 10 = 2.30, the loss of somebody who guesses. The price of weights is so
#    high that almost nothing is left of them, and the network says the same to every digit. Too
#    much regularisation is underfitting.

# %% tags=["solution"]
model = race("dropout", tried["dropout"][0], SEEDS[0]).model
for mode in (False, True):
    twice = [model(test[0], training=mode).numpy().argmax(axis=1) for _ in range(2)]
    changed = 100 * np.mean(twice[0] != twice[1])
    print(f"4. training={mode}: {changed:.1f} % of the test answers change")
EPOCHS *= 2
longer = [
    learn(lambda: build(4), training, seed, rates[4]).history for seed in SEEDS
]
EPOCHS //= 2
longer = np.mean([history[-1] for history in longer], axis=0)
print("5. training loss and accuracy, then validation:", longer.round(3))
print("   after half as many epochs:", at_end[4].mean(axis=0).round(3))
slow = learn(lambda: build(512), training, SEEDS[0], rate=0.0005)
old = slow.model(training[0]).numpy().argmax(axis=1)[misprints]
share_repeated = np.mean(old == training[1][misprints])
print(f"6. validation {slow.history[-1, 3]:.3f}, repeats {share_repeated:.2f}")
run = race("L2", 0.1, SEEDS[0])
answers = answers_of("L2", run, test[0])
print("7. losses", run.history[-1, [0, 2]].round(2), "answers", np.unique(answers))

# %% tags=["claims"]
moved = longer[1] - at_end[4][:, 1].mean()
claim("fitting_four_units_longer", abs(moved), at_most=0.03, quick=1, **DATA)
slower = slow.history[-1, 3] - of_width(512, 0.008, SEEDS[0]).history[-1, 3]
claim("fitting_slower_reads_more", slower, at_least=0.05, quick=-1, **DATA)
claim("fitting_slower_repeats", share_repeated, at_most=0.2, quick=1, **DATA)
