"""Which part of the recipe for CIFAR-10 is worth what? Each part is taken away by itself.

Chapter 8 trains the net of TensorFlow's tutorial as it is printed, and a net of its own with a
recipe of four parts: changed pictures, a plan for the rate, weight decay, label smoothing. Runs
with seed 0 choose the rate of each side by the validation pictures. Only the others see the test
pictures.
"""

import keras
import numpy as np
import tensorflow as tf
from keras.optimizers.schedules import CosineDecay

from cnnbook.datasets.cifar import load_cifar10
from cnnbook.datasets.pipeline import make_pipeline
from cnnbook.models.cifar_tutorial import build_cifar_tutorial_net
from cnnbook.models.small_photo_net import build_small_photo_net

RUNS = {
    f"{net} without {without}, {pictures} pictures, rate {rate}, seed {seed}": {
        **{"net": net, "without": without, "rate": rate, "seed": seed},
        **{"epochs": epochs, "pictures": pictures},
    }
    for net, without, rates, seeds, epochs, pictures in (
        ("source", "all", (0.0001, 0.0003, 0.0006, 0.001, 0.003), (0,), 10, 45_000),
        ("source", "all", (0.0006, 0.001), (1, 2, 3), 10, 45_000),
        ("source", "nothing", (0.02, 0.05, 0.1, 0.2), (0,), 16, 45_000),
        ("source", "nothing", (0.1,), (1, 2, 3), 16, 45_000),
        ("ours", "nothing", (0.2,), (1, 2, 3), 16, 45_000),
        ("ours", "nothing", (0.2,), (1, 2, 3), 10, 10_000),
        ("ours", "nothing", (0.05, 0.1, 0.2, 0.4), (0,), 10, 10_000),
        ("ours", "changes", (0.1, 0.2, 0.4, 0.8, 1.6, 3.2), (0,), 10, 10_000),
        ("ours", "changes", (1.6,), (1, 2, 3), 10, 10_000),
        ("ours", "plan", (0.025, 0.05, 0.1, 0.2), (0,), 10, 10_000),
        ("ours", "smoothing", (0.05, 0.1, 0.2, 0.4), (0,), 10, 10_000),
        ("ours", "decay", (0.1, 0.2, 0.4), (0,), 10, 10_000),
        ("ours", "plan", (0.1,), (1, 2, 3), 10, 10_000),
        ("ours", "smoothing", (0.1,), (1, 2, 3), 10, 10_000),
        ("ours", "decay", (0.2,), (1, 2, 3), 10, 10_000),
        ("source", "nothing", (0.02, 0.05, 0.1), (0,), 10, 10_000),
        ("source", "nothing", (0.05,), (1, 2, 3), 10, 10_000),
    )
    for rate in rates
    for seed in seeds
}
BUILDERS = {"source": build_cifar_tutorial_net, "ours": build_small_photo_net}


def shift_and_mirror(pictures: tf.Tensor) -> tf.Tensor:
    """Shift each picture by up to four pixels, and mirror half; (batch, 32, 32, 3) both."""
    count, numbers = tf.shape(pictures)[0], tf.range(32)
    padded = tf.pad(pictures, [[0, 0], [4, 4], [4, 4], [0, 0]])
    is_mirrored = tf.random.uniform((count, 1)) < 0.5
    rows = tf.random.uniform((count, 1), 0, 9, tf.int32) + numbers
    columns = tf.random.uniform((count, 1), 0, 9, tf.int32)
    columns += tf.where(is_mirrored, 31 - numbers, numbers)
    cut = tf.gather(padded, rows, axis=1, batch_dims=1)
    return tf.gather(cut, columns, axis=2, batch_dims=1)


def make_optimizer(
    rate: float, steps: int, without: str
) -> keras.optimizers.Optimizer:
    """Make Adam as it is printed, or SGD with a plan and weight decay, or without one of them."""
    if without == "all":
        return keras.optimizers.Adam(rate)
    warm_up = steps // 5
    plan = CosineDecay(
        0.0, steps - warm_up, warmup_target=rate, warmup_steps=warm_up
    )
    decay = None if without == "decay" else 0.002
    rates = rate if without == "plan" else plan
    return keras.optimizers.SGD(
        rates, momentum=0.9, nesterov=True, weight_decay=decay
    )


def run(
    net: str, without: str, rate: float, epochs: int, pictures: int, seed: int
) -> dict:
    """Train once, without one part of the recipe or without all of them.

    Args:
        net: "ours" or "source".
        without: "nothing", "changes", "plan", "decay", "smoothing", or "all": as it is printed.
        rate: Peak of the plan, or the rate where there is no plan.
        epochs: Passes over the training pictures.
        pictures: How many of them are used.
        seed: Of weights, order and changes; with 0 the test pictures are not touched.
    """
    photos, one_hot = load_cifar10(), np.eye(10, dtype="float32")
    keras.config.set_dtype_policy("mixed_bfloat16")
    keras.utils.set_random_seed(seed)
    model, as_printed = BUILDERS[net](), without == "all"
    images, labels = (
        photos.train_images[:pictures],
        one_hot[photos.train_labels[:pictures]],
    )
    change = None if without in ("all", "changes") else shift_and_mirror
    options = {"batch_size": 32 if as_printed else 128, "seed": seed}
    batches = make_pipeline(
        images, labels, training=True, augment=change, **options
    )
    smoothing = 0.0 if without in ("all", "smoothing") else 0.1
    loss = keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=smoothing
    )
    optimizer = make_optimizer(rate, epochs * len(batches), without)
    model.compile(optimizer, loss, metrics=["accuracy"], steps_per_execution=16)
    checks = make_pipeline(
        photos.validation_images, one_hot[photos.validation_labels], 500
    )
    fit = model.fit(
        batches, epochs=epochs, validation_data=checks, shuffle=False, verbose=0
    )
    curve = {
        name: np.round(values, 5).tolist() for name, values in fit.history.items()
    }
    result = {"curve": curve, "validation": curve["val_accuracy"][-1]}
    if seed == 0:
        return result
    answers = model.predict(photos.test_images, batch_size=500, verbose=0).argmax(
        axis=1
    )
    table = np.zeros(
        (10, 10), int
    )  # a row for each class, a column for each answer
    np.add.at(table, (photos.test_labels, answers), 1)
    return result | {
        "test": float(np.mean(answers == photos.test_labels)),
        "answers": table.tolist(),
    }
