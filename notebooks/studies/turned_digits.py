"""Does a spatial transformer help to read turned digits, beside a net that simply learns from them?

Chapter 10 gives digits, turned by up to 60 degrees to either side and anew in each epoch, to three
nets: a small CNN ("plain"), one with as many parameters as the third ("wide"), and a spatial
transformer before the small CNN ("transformer"). A fourth, "upright", is the small CNN that learns
from digits that are not turned. Runs with seed 0 choose the rate of each side by validation digits;
only the others see the test digits.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops
from keras.optimizers.schedules import CosineDecay

from cnnbook.datasets.mnist import load_mnist
from cnnbook.datasets.pipeline import make_pipeline
from cnnbook.models.spatial_transformer import (
    AffineSampler,
    build_spatial_transformer,
)

RUNS = {
    f"{side}, rate {rate}, seed {seed}": {
        **{"side": side, "rate": rate, "seed": seed},
        **{"digits": 8_000, "epochs": 10},
    }
    for side, rates, seeds in (
        *(
            (side, (0.001, 0.003, 0.01, 0.03), (0,))
            for side in ("upright", "plain", "wide", "transformer")
        ),
        *(("upright", (0.01,), (1, 2, 3)), ("plain", (0.01,), (1, 2, 3))),
        *(("wide", (0.003,), (1, 2, 3)), ("transformer", (0.003,), (1, 2, 3))),
    )
    for rate in rates
    for seed in seeds
}
MOST = np.pi / 3  # the largest turn, to either side: 60 degrees
FILTERS = {"upright": (32, 64), "plain": (32, 64), "wide": (43, 87)}


def build(side: str) -> keras.Model:
    """Build one of the nets: two convolutions, each with a pooling, and a dense layer."""
    if side == "transformer":
        return build_spatial_transformer()
    x = images = keras.Input((28, 28, 1), name="images")
    x = layers.Rescaling(1 / 255)(x)
    for number, filters in enumerate(FILTERS[side], start=1):
        x = layers.Conv2D(filters, 3, activation="relu", name=f"conv{number}")(x)
        x = layers.MaxPooling2D(2)(x)
    logits = layers.Dense(10, name="logits")(layers.Flatten()(x))
    return keras.Model(images, logits, name=side)


def turn(pictures: tf.Tensor, angles: tf.Tensor) -> tf.Tensor:
    """Turn each picture by its angle, in radians."""
    cosine, sine, zero = ops.cos(angles), ops.sin(angles), ops.zeros_like(angles)
    theta = ops.stack([cosine, -sine, zero, sine, cosine, zero], axis=1)
    return AffineSampler()(ops.cast(pictures, "float32"), theta)


def turn_anyhow(pictures: tf.Tensor) -> tf.Tensor:
    """Turn each picture by an angle of its own, from -60 to 60 degrees."""
    return turn(pictures, tf.random.uniform(tf.shape(pictures)[:1], -MOST, MOST))


def turned_for_good(
    pictures: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Turn each picture once; return the angles, too."""
    angles = np.random.default_rng(seed).uniform(-MOST, MOST, len(pictures))
    angles = angles.astype("float32")
    parts = [slice(n, n + 1_000) for n in range(0, len(pictures), 1_000)]
    turned = [np.asarray(turn(pictures[part], angles[part])) for part in parts]
    return np.concatenate(turned), angles


def spread_of_turns(turns: np.ndarray, labels: np.ndarray) -> float:
    """Return how far digits typically lie from the mean direction of their class, in degrees."""
    off = np.zeros(len(turns))
    for label in range(10):
        its = labels == label
        middle = np.angle(np.exp(1j * turns[its]).mean())
        off[its] = np.abs(np.angle(np.exp(1j * (turns[its] - middle))))
    return float(np.degrees(np.median(off)))


def run(side: str, rate: float, digits: int, epochs: int, seed: int) -> dict:
    """Train one net on turned digits, or on upright ones, and ask it about turned ones.

    Args:
        side: "plain", "wide", "transformer" or "upright".
        rate: Peak of Adam's rate, which falls along a cosine.
        digits: How many training digits are used.
        epochs: Passes over them.
        seed: Of weights, order and angles; with 0 the test digits are not touched.
    """
    mnist = load_mnist()
    keras.utils.set_random_seed(seed)
    model = build(side)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    images, labels = mnist.train_images[:digits], mnist.train_labels[:digits]
    change = None if side == "upright" else turn_anyhow
    batches = make_pipeline(
        images, labels, 64, training=True, augment=change, seed=seed
    )
    plan = CosineDecay(rate, epochs * len(batches))
    model.compile(
        keras.optimizers.Adam(plan),
        loss,
        metrics=["accuracy"],
        steps_per_execution=25,
    )
    pictures = mnist.validation_images
    if side != "upright":  # it chooses its rate by what it learns: upright digits
        pictures = turned_for_good(pictures, 0)[0]
    checks = make_pipeline(pictures, mnist.validation_labels, 500)
    fit = model.fit(
        batches, epochs=epochs, validation_data=checks, shuffle=False, verbose=0
    )
    curve = {
        name: np.round(values, 5).tolist() for name, values in fit.history.items()
    }
    result = {"curve": curve, "validation": curve["val_accuracy"][-1]}
    result["parameters"] = model.count_params()
    if seed == 0:
        return result
    turned, angles = turned_for_good(mnist.test_images, 1)
    said = model.predict(turned, batch_size=500, verbose=0).argmax(axis=1)
    result["test"] = float(np.mean(said == mnist.test_labels))
    if side == "transformer":
        theta = keras.Model(model.input, model.get_layer("theta").output)
        a, b, _, d, e, _ = theta.predict(turned, batch_size=500, verbose=0).T
        back = np.arctan2(d - b, a + e)  # the turn in it, beside size and slant
        result["spread_before"] = spread_of_turns(angles, mnist.test_labels)
        result["spread_after"] = spread_of_turns(angles + back, mnist.test_labels)
    return result
