"""Train the network that answers on the pages, and keep its weights in data/digit_net/.

    CNNBOOK_DATA=FOLDER python data/train_digit_net.py            with the whole of MNIST, 8 minutes
    CNNBOOK_DATA=FOLDER python data/train_digit_net.py --epochs 2 for a first look

The net and its recipe are those of docs/decisions/0011: turned by up to 10 degrees, stretched by
up to a tenth, shifted by up to 2 pixels. People who draw on a page use pens of every width, so a
second net also sees strokes made thicker and thinner. Which of the two is kept is decided on
validation digits, as they are and with thicker and thinner strokes; the test digits are looked at
once, after that. The 1,500 embedded test digits, which pages show and tests measure, are training
images of MNIST: they are left out here, so that the network has seen none of them.

Kernels are rounded to 16 bits before anything is measured: what is stated is what the file gives.
"""

import argparse
import json
import os
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import optimizers

from cnnbook.datasets.mnist import load_mnist
from cnnbook.datasets.pipeline import make_pipeline
from cnnbook.models.small_digit_net import build_small_digit_net

HERE = Path(__file__).parent / "digit_net"
SEED, BATCH_SIZE, PEAK = 1, 128, 0.004


def move(images: tf.Tensor) -> tf.Tensor:
    """Turn by up to 10 degrees, stretch by up to a tenth, shift by up to 2 pixels."""

    def up_to(limit: float) -> tf.Tensor:
        return tf.random.uniform(tf.shape(images)[:1], -limit, limit)

    turn, stretch, middle = up_to(np.radians(10)), tf.exp(up_to(0.1)), 13.5
    a, b = stretch * tf.cos(turn), stretch * tf.sin(turn)
    right, down = middle * (1 - a + b) + up_to(2), middle * (1 - b - a) + up_to(2)
    matrix = tf.stack([a, -b, right, b, a, down, 0 * a, 0 * a], axis=1)
    return keras.ops.image.affine_transform(tf.cast(images, tf.float32), matrix)


def with_strokes(images: tf.Tensor, amount: tf.Tensor) -> tf.Tensor:
    """Make strokes thicker (amount up to 1, a pixel on each side) or thinner (down to -1)."""
    images = tf.cast(images, tf.float32)
    thick = tf.nn.max_pool2d(images, 3, 1, "SAME")
    thin = -tf.nn.max_pool2d(-images, 3, 1, "SAME")
    up, down = tf.nn.relu(amount), tf.nn.relu(-amount)
    return images + up * (thick - images) + down * (thin - images)


def move_and_restroke(images: tf.Tensor) -> tf.Tensor:
    """Move, and change the strokes: from half a pixel thinner to a pixel thicker on each side."""
    return with_strokes(move(images), tf.random.uniform((tf.shape(images)[0], 1, 1, 1), -0.5, 1))


def train(augment: object, images: np.ndarray, labels: np.ndarray, epochs: int) -> keras.Model:
    """Train one net by the recipe; its kernels come back rounded to 16 bits."""
    keras.utils.set_random_seed(SEED)
    batches = make_pipeline(images, labels, BATCH_SIZE, training=True, augment=augment, seed=SEED)
    steps = epochs * len(batches)
    plan = optimizers.schedules.CosineDecay(
        0.0, int(0.8 * steps), warmup_target=PEAK, warmup_steps=int(0.2 * steps)
    )
    model = build_small_digit_net()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    adam = optimizers.Adam(plan, beta_2=0.95)
    model.compile(adam, loss, metrics=["accuracy"], steps_per_execution=16)
    model.fit(batches, epochs=epochs, shuffle=False, verbose=2)
    for variable in model.weights:
        if variable.name == "kernel":
            variable.assign(np.asarray(variable).astype("float16").astype("float32"))
    return model


def accuracy(model: keras.Model, images: np.ndarray, labels: np.ndarray) -> float:
    """Measure the share that is read right."""
    logits = model.predict(images, batch_size=500, verbose=0)
    return round(float(np.mean(logits.argmax(axis=1) == labels)), 4)


def embedded_test_digits() -> tuple[np.ndarray, np.ndarray]:
    """Load the 1,500 digits of the embedded test set."""
    data = os.environ.pop("CNNBOOK_DATA")
    os.environ["CNNBOOK_OFFLINE"] = "1"
    digits = load_mnist()
    os.environ["CNNBOOK_DATA"] = data
    return digits.test_images, digits.test_labels


def save(model: keras.Model) -> None:
    """Write kernels as float16, everything else as float32, named layer/variable."""
    arrays = {
        f"{layer.name}/{variable.name}": np.asarray(variable).astype(
            "float16" if variable.name == "kernel" else "float32"
        )
        for layer in model.layers
        for variable in layer.weights
        if "seed" not in variable.name
    }
    HERE.mkdir(exist_ok=True)
    np.savez(HERE / "weights.npz", **arrays)


def main() -> None:
    """Train both nets, keep the better one, say how good it is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=12)
    epochs, start = parser.parse_args().epochs, time.perf_counter()
    digits = load_mnist()
    unseen = embedded_test_digits()
    kept_out = {image.tobytes() for image in unseen[0]}
    is_new = np.array([image.tobytes() not in kept_out for image in digits.train_images])
    images, labels = digits.train_images[is_new], digits.train_labels[is_new]
    checks = {"plain": digits.validation_images}
    for name, amount in (("thin", -0.5), ("thick", 0.7), ("thicker", 1.0)):
        checks[name] = np.asarray(with_strokes(digits.validation_images, amount))
    nets, results = {}, {}
    for name, augment in (("moved", move), ("moved_and_restroked", move_and_restroke)):
        nets[name] = train(augment, images, labels, epochs)
        results[name] = {
            check: accuracy(nets[name], pictures, digits.validation_labels)
            for check, pictures in checks.items()
        }
        print(name, results[name], flush=True)
    best = max(results, key=lambda name: sum(results[name].values()))
    save(nets[best])
    record = {
        "trained_on": len(images),
        "epochs": epochs,
        "seed": SEED,
        "kept": best,
        "validation_accuracy": results,
        "test_images": len(digits.test_images),
        "test_accuracy": accuracy(nets[best], digits.test_images, digits.test_labels),
        "embedded_test_accuracy": accuracy(nets[best], *unseen),
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
    }
    (HERE / "record.json").write_text(json.dumps(record, indent=1) + "\n")
    print(json.dumps(record, indent=1), f"{time.perf_counter() - start:.0f} s", sep="\n")


if __name__ == "__main__":
    main()
