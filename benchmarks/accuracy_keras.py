"""A worker of time_to_accuracy.py: trains one recipe with one seed in Keras.

It prints a line of JSON after each epoch. The clock starts before the network is built and stops
while test images are looked at: building graphs counts, importing and loading data do not.
"""

import argparse
import contextlib
import json
import sys
import time

import keras
import numpy as np
import tensorflow as tf
from keras import layers, optimizers
from recipes import RECIPES, Recipe

from cnnbook.datasets.mnist import load_mnist
from cnnbook.datasets.pipeline import make_pipeline
from cnnbook.devices import recommend_precision
from cnnbook.models.mnist_cnn import build_mnist_cnn
from cnnbook.models.small_digit_net import build_small_digit_net
from cnnbook.training.optimizers import FusedAdam


def build_example() -> keras.Model:
    """The net of Keras' "Simple MNIST convnet", 34,826 parameters."""
    images = keras.Input((28, 28, 1))
    x = layers.Rescaling(1 / 255)(images)
    x = layers.Conv2D(32, 3, activation="relu")(x)
    x = layers.MaxPooling2D(2)(x)
    x = layers.Conv2D(64, 3, activation="relu")(x)
    x = layers.MaxPooling2D(2)(x)
    x = layers.Flatten()(x)
    x = layers.Dropout(0.5)(x)
    return keras.Model(images, layers.Dense(10)(x))


def build(recipe: Recipe) -> keras.Model:
    """The recipe's network, not compiled."""
    if recipe.net == "small_digit_net":
        return build_small_digit_net(dropout=recipe.dropout, normalize=recipe.normalize)
    return {"classical": build_mnist_cnn, "example": build_example}[recipe.net]()


def move(images: tf.Tensor) -> tf.Tensor:
    """Turn by up to 10 degrees, stretch by up to a tenth, shift by up to 2 pixels, as chapter 5."""

    def up_to(limit: float) -> tf.Tensor:
        return tf.random.uniform(tf.shape(images)[:1], -limit, limit)

    turn, stretch, middle = up_to(np.radians(10)), tf.exp(up_to(0.1)), 13.5
    a, b = stretch * tf.cos(turn), stretch * tf.sin(turn)
    right, down = middle * (1 - a + b) + up_to(2), middle * (1 - b - a) + up_to(2)
    matrix = tf.stack([a, -b, right, b, a, down, 0 * a, 0 * a], axis=1)
    return keras.ops.image.affine_transform(tf.cast(images, tf.float32), matrix)


class TestAfterEachEpoch(keras.callbacks.Callback):
    """Stops the clock, tests, prints a line, starts the clock again."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, start: float):
        super().__init__()
        self.images, self.labels, self.start, self.testing = images, labels, start, 0.0

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Print seconds of training so far and the accuracy on all test images."""
        now = time.perf_counter()
        logits = self.model.predict(self.images, batch_size=1000, verbose=0)
        line = {
            "epoch": epoch + 1,
            "seconds": now - self.start - self.testing,
            "test_accuracy": float(np.mean(logits.argmax(axis=1) == self.labels)),
        }
        print(json.dumps(line), flush=True)
        self.testing += time.perf_counter() - now


class StopAfter(keras.callbacks.Callback):
    """Ends the run early without changing its schedule."""

    def __init__(self, epochs: int):
        super().__init__()
        self.epochs = epochs

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Stop after the last epoch asked for."""
        self.model.stop_training = epoch + 1 >= self.epochs


def train(recipe: Recipe, seed: int, max_epochs: int) -> None:
    """Train, and print a line an epoch."""
    with contextlib.redirect_stdout(sys.stderr):
        digits = load_mnist()
    images = np.concatenate([digits.train_images, digits.validation_images])
    labels = np.concatenate([digits.train_labels, digits.validation_labels])
    choosing = time.perf_counter()
    if recipe.recommended:
        keras.config.set_dtype_policy(recommend_precision().policy)
    facts = {
        "images": len(images),
        "policy": keras.config.dtype_policy().name,
        "choosing_policy_seconds": time.perf_counter() - choosing,
    }

    keras.utils.set_random_seed(seed)
    start = time.perf_counter()
    model = build(recipe)
    steps_per_epoch = round(recipe.share * -(-len(images) // recipe.batch_size))
    steps = steps_per_epoch * recipe.epochs
    rising = int(recipe.rising * steps)
    rate = 0.001  # Keras' own default
    if recipe.peak_rate:
        rate = optimizers.schedules.CosineDecay(
            0.0, steps - rising, warmup_target=recipe.peak_rate, warmup_steps=rising
        )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    if recipe.smoothing:  # Keras' loss for integer labels has none
        labels = keras.utils.to_categorical(labels, 10)
        loss = keras.losses.CategoricalCrossentropy(True, label_smoothing=recipe.smoothing)
    adam = FusedAdam if recipe.recommended else optimizers.Adam
    model.compile(
        optimizer=adam(rate, beta_1=recipe.beta_1, beta_2=recipe.beta_2),
        loss=loss,
        metrics=["accuracy"],
        steps_per_execution=16 if recipe.recommended else 1,
    )
    print(json.dumps(facts | {"parameters": model.count_params()}), flush=True)
    test = TestAfterEachEpoch(digits.test_images, digits.test_labels, start)
    options = {"verbose": 0, "epochs": recipe.epochs, "callbacks": [test, StopAfter(max_epochs)]}
    if recipe.recommended:
        change = move if recipe.moved else None
        data = make_pipeline(
            images, labels, recipe.batch_size, training=True, augment=change, seed=seed
        )
        model.fit(data.take(steps_per_epoch), shuffle=False, **options)
    else:
        model.fit(images, labels, batch_size=recipe.batch_size, **options)


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", choices=RECIPES)
    parser.add_argument("seed", type=int)
    parser.add_argument("max_epochs", type=int)
    options = parser.parse_args()
    train(RECIPES[options.recipe], options.seed, options.max_epochs)


if __name__ == "__main__":
    main()
