"""Which heat maps find a stamp that gives a class away? And what cures the network?

Chapter 14 teaches a small net with coats that all have a red stamp. Here are four such trainings:
without stamps, with them, with the corner of the stamp covered, and with stamps on half of all
other clothes as well. Runs with seed 0 choose the rate of each side, by validation pictures that
look like its own training pictures. Only the others see the test pictures.

All maps are read in the same four ways: with their signs (what speaks most for a coat?) and by size
(what counts most, for or against?), both as they are and smoothed.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from keras.optimizers.schedules import CosineDecay
from scipy.ndimage import uniform_filter

from cnnbook.datasets.mnist import load_fashion_mnist
from cnnbook.explain.grad_cam import grad_cam
from cnnbook.explain.integrated_gradients import integrated_gradients
from cnnbook.explain.occlusion import occlusion_map

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
SIDE, CORNER = 28, 6  # pixels: of a picture, and of its corner, both ways
SMOOTH = 5  # pixels a side, of which a smoothed map takes the mean


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


def answers_of(net: keras.Model, pictures: np.ndarray) -> np.ndarray:
    """Return the class that each picture gets."""
    return net.predict(pictures, batch_size=500, verbose=0).argmax(axis=1)


def slopes_of(net: keras.Model, pictures: np.ndarray) -> np.ndarray:
    """Return the slopes of the score for "coat", one for each colour of each pixel."""
    pixels = tf.constant(pictures.astype("float32"))
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        scores = net(pixels)[:, COAT]
    return tape.gradient(scores, pixels).numpy()


def maps_of(net: keras.Model, coats: np.ndarray) -> dict[str, np.ndarray]:
    """Explain "coat" by each method, with the signs that it has, as wide as the pictures."""
    slopes = slopes_of(net, coats)
    largest = np.abs(slopes).argmax(axis=-1)[..., None]  # of the three colours
    maps = {
        "occlusion": occlusion_map(net, coats, COAT, window=4),
        "saliency": np.take_along_axis(slopes, largest, axis=-1)[..., 0],
        "saliency, best colour": slopes.max(axis=-1),
        "integrated gradients": integrated_gradients(net, coats, COAT).sum(axis=-1),
        "Grad-CAM": grad_cam(net, coats, COAT, "relu3"),
        "Grad-CAM at relu1": grad_cam(net, coats, COAT, "relu1"),
    }
    return {
        name: values.repeat(SIDE // values.shape[1], 1).repeat(
            SIDE // values.shape[2], 2
        )
        for name, values in maps.items()
    }


def share_in_corner(maps: np.ndarray) -> float:
    """Say how many of the maps have a value above 0, and the largest one in the corner."""
    flat = maps.reshape(len(maps), -1)
    rows, columns = np.divmod(flat.argmax(axis=1), maps.shape[2])
    is_there = (rows < CORNER) & (columns < CORNER) & (flat.max(axis=1) > 0)
    return float(is_there.mean())


def shares_found(
    net: keras.Model, coats: np.ndarray
) -> dict[str, dict[str, float]]:
    """Say for each way to read a map and each method how many maps point at the corner."""
    found = {}
    for name, values in maps_of(net, coats).items():
        for way, read in {"with sign": values, "by size": np.abs(values)}.items():
            smooth = uniform_filter(read, (0, SMOOTH, SMOOTH), mode="constant")
            for ending, maps in {"": read, ", smoothed": smooth}.items():
                found.setdefault(way + ending, {})[name] = share_in_corner(maps)
    return found


def run(side: str, rate: float, seed: int) -> dict:
    """Train once; say what validation shows, and with seeds above 0, what the test does."""
    clothes = load_fashion_mnist()
    pictures, labels = clothes.train_images[:COUNT], clothes.train_labels[:COUNT]
    net = train(as_taught(side, pictures, labels, 1_000), labels, rate, seed)
    checks = clothes.validation_images[:CHECKS], clothes.validation_labels[:CHECKS]
    answers = answers_of(net, as_taught(side, *checks, 1_001))
    result = {"validation": float((answers == checks[1]).mean())}
    if seed == 0:
        return result
    pictures, labels = clothes.test_images[:TESTS], clothes.test_labels[:TESTS]
    is_coat = labels == COAT
    for name, stamped in {"clean": labels < 0, "stamped": is_coat}.items():
        right = answers_of(net, in_colour(pictures, stamped)) == labels
        result[f"accuracy, {name}"] = float(right.mean())
        result[f"coats, {name}"] = float(right[is_coat].mean())
    for name, stamped in {"clean": labels < 0, "stamped": ~is_coat}.items():
        answers = answers_of(net, in_colour(pictures, stamped))[~is_coat]
        right = answers == labels[~is_coat]
        result[f"others, {name}"] = float(right.mean())
        result[f"others called coat, {name}"] = float((answers == COAT).mean())
    coats = in_colour(pictures, is_coat)[is_coat][:COATS]
    return result | {"found": shares_found(net, coats)}
