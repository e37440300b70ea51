"""Which heat maps find a stamp that gives a class away? And what cures the network?

Chapter 14 teaches a small net with coats that all have a red stamp. Here are four such trainings:
without stamps, with them, with the corner of the stamp covered, and with stamps on half of all
other clothes as well. Runs with seed 0 choose the rate of each side, by validation pictures that
look like its own training pictures. Only the others see the test pictures.
"""

import keras
import numpy as np
from keras import layers
from keras.optimizers.schedules import CosineDecay

from cnnbook.datasets.mnist import load_fashion_mnist
from cnnbook.explain.grad_cam import grad_cam
from cnnbook.explain.integrated_gradients import integrated_gradients
from cnnbook.explain.occlusion import occlusion_map
from cnnbook.explain.saliency import saliency

RUNS = {
    f"{side}, rate {rate}, seed {seed}": {
        "side": side,
        "rate": rate,
        "seed": seed,
    }
    for side, rates, seeds in (
        ("clean", (0.002, 0.005, 0.0125), (0,)),
        ("clean", (0.005,), (1, 2, 3)),
        ("stamped", (0.002, 0.005, 0.0125, 0.03), (0,)),
        ("stamped", (0.0125,), (1, 2, 3)),
        ("covered", (0.002, 0.005, 0.0125), (0,)),
        ("covered", (0.005,), (1, 2, 3)),
        ("half", (0.002, 0.005, 0.0125, 0.03), (0,)),
        ("half", (0.0125,), (1, 2, 3)),
    )
    for rate in rates
    for seed in seeds
}
COUNT, CHECKS, TESTS = 9_000, 1_000, 2_000  # what is embedded
COATS = 100  # of the test pictures, that are explained
EPOCHS, BATCH_SIZE, COAT = 4, 64, 4
CORNER = 6  # pixels from the upper left one, both ways


def in_colour(pictures: np.ndarray, stamped: np.ndarray) -> np.ndarray:
    """Repeat grey three times, and stamp a red square on some of the pictures."""
    pictures = np.repeat(pictures, 3, axis=-1)
    pictures[stamped, 1:4, 1:4] = (255, 0, 0)
    return pictures


def as_taught(
    side: str, pictures: np.ndarray, labels: np.ndarray, seed: int
) -> np.ndarray:
    """Return pictures as one side gets to see them in training."""
    stamped = labels == COAT
    if side == "clean":
        stamped = labels < 0
    if side == "half":
        stamped |= np.random.default_rng(seed).random(len(labels)) < 0.5
    pictures = in_colour(pictures, stamped)
    if side == "covered":
        pictures[:, :5, :5] = 0
    return pictures


def build_net() -> keras.Model:
    """Build a net whose last maps are still half as wide as the picture."""
    x = images = keras.Input((28, 28, 3), name="images")
    x = layers.Rescaling(1 / 255, name="rescaling")(x)
    x = layers.Conv2D(16, 5, strides=2, padding="same", name="conv1")(x)
    x = layers.ReLU(name="relu1")(x)
    for number, filters in {2: 32, 3: 48}.items():
        x = layers.Conv2D(
            filters, 3, padding="same", use_bias=False, name=f"conv{number}"
        )(x)
        x = layers.BatchNormalization(momentum=0.9, name=f"norm{number}")(x)
        x = layers.ReLU(name=f"relu{number}")(x)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    return keras.Model(images, layers.Dense(10, name="logits")(x))


def train(
    pictures: np.ndarray, labels: np.ndarray, rate: float, seed: int
) -> keras.Model:
    """Train for a fixed number of epochs, with a rate that falls to 0."""
    keras.utils.set_random_seed(seed)
    net = build_net()
    steps = EPOCHS * -(-len(pictures) // BATCH_SIZE)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    net.compile(keras.optimizers.Adam(CosineDecay(rate, steps)), loss)
    net.fit(pictures, labels, batch_size=BATCH_SIZE, epochs=EPOCHS, verbose=0)
    return net


def is_right(
    net: keras.Model, pictures: np.ndarray, labels: np.ndarray
) -> np.ndarray:
    """Say for each picture whether it gets its true class."""
    return net.predict(pictures, batch_size=500, verbose=0).argmax(axis=1) == labels


def shares_found(net: keras.Model, coats: np.ndarray) -> dict[str, float]:
    """Say for each method which share of the maps for "coat" is strongest in the corner."""
    maps = {
        "occlusion": occlusion_map(net, coats, COAT, window=4),
        "saliency": saliency(net, coats, COAT),
        "integrated gradients": integrated_gradients(net, coats, COAT).sum(axis=-1),
        "Grad-CAM": grad_cam(net, coats, COAT, "relu3"),
        "Grad-CAM at conv1": grad_cam(net, coats, COAT, "relu1"),
    }
    found = {}
    for name, values in maps.items():
        flat = values.reshape(len(values), -1)
        peaks = np.unravel_index(flat.argmax(axis=1), values.shape[1:])
        most = CORNER * values.shape[1] / 28
        is_there = (peaks[0] < most) & (peaks[1] < most) & (flat.max(axis=1) > 0)
        found[name] = float(is_there.mean())
    return found


def run(side: str, rate: float, seed: int) -> dict:
    """Train once; say what validation shows, and with seeds above 0, what the test does."""
    clothes = load_fashion_mnist()
    pictures, labels = clothes.train_images[:COUNT], clothes.train_labels[:COUNT]
    net = train(as_taught(side, pictures, labels, 1_000), labels, rate, seed)
    checks = clothes.validation_images[:CHECKS], clothes.validation_labels[:CHECKS]
    looks = as_taught(side, *checks, 1_001)
    result = {"validation": float(is_right(net, looks, checks[1]).mean())}
    if seed == 0:
        return result
    pictures, labels = clothes.test_images[:TESTS], clothes.test_labels[:TESTS]
    is_coat = labels == COAT
    for name, stamped in {"clean": labels < 0, "stamped": is_coat}.items():
        right = is_right(net, in_colour(pictures, stamped), labels)
        result[f"accuracy, {name}"] = float(right.mean())
        result[f"coats, {name}"] = float(right[is_coat].mean())
    others = is_right(net, in_colour(pictures, ~is_coat), labels)[~is_coat]
    result["others, stamped"] = float(others.mean())
    coats = in_colour(pictures, is_coat)[is_coat][:COATS]
    return result | {"found": shares_found(net, coats)}
