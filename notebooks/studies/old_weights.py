"""What may old weights do, and what does it bring? Batch norm that learns, and the guide tried.

Chapter 12 asks two things of EfficientNet-Lite0 with the weights of ImageNet.

"norms": all of its layers learn from 100 photographs each of cats and of dogs, 96x96 pixels,
mirrored at random, in batches of 20. Batch normalisation is "frozen"; or it "learns", as Keras has
it: batches are normalised by their own means and spreads, the stored ones move, and so do gammas
and betas; or of it only the "scales" learn, that is gammas and betas, while the stored means and
spreads are used and stay. The short form, 4 epochs at the constant rate 0.0001, is that of the
book's first edition; at rate 0 nothing but the stored means and spreads can move. The long form has
12 epochs and a rate of its own for each side.

"guide": four ways with few pictures (200) and with many (3,000, beyond the 2,000 where the advice
of `transfer_advice` changes), like ImageNet's (CIFAR-10) and unlike them (Fashion-MNIST), all of
them enlarged to 64x64 pixels and never changed: a head on the last features, a head on those of
stage 5, the last two stages tuned, all layers tuned. Batch normalisation stays frozen. Both tunings
begin with the same trained head, and see each picture equally often.

Seed 0 chooses: for each side the rate, or for heads the weight decay, with the highest accuracy on
validation pictures at the end; of equals the smaller rate, or the larger decay. Where that is the
largest or the smallest that was tried, the next one in the same steps is tried, too, once. Seed 0
does not touch the test pictures, and the seeds 1 to 3, with other training pictures, read them.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from keras.optimizers.schedules import CosineDecay

from cnnbook.datasets.cats_vs_dogs import load_cats_vs_dogs
from cnnbook.datasets.cifar import load_cifar10
from cnnbook.datasets.image_folder import read_center_crop
from cnnbook.datasets.mnist import load_fashion_mnist
from cnnbook.datasets.pipeline import make_pipeline
from cnnbook.models.efficientnet_lite0 import build_efficientnet_lite0
from cnnbook.training.transfer import attach_head, build_head, unfreeze_from

RUNS = (
    {
        f"norms {way}, rate {rate}, {epochs} epochs, seed {seed}": {
            **{"question": "norms", "way": way, "rate": rate},
            **{"epochs": epochs, "seed": seed},
        }
        for way, rates, epochs, seeds in (
            ("frozen", [0.0001, 0.0003, 0.001, 0.003], 12, [0]),
            ("learn", [0.0003, 0.001, 0.003], 12, [0]),
            ("frozen", [0.0001], 4, [1, 2, 3]),
            ("learn", [0.0001], 4, [1, 2, 3]),
            ("learn", [0.0], 4, [1, 2, 3]),
            ("scales", [0.0001], 4, [1, 2, 3]),
        )
        for rate in rates
        for seed in seeds
    }
    | {
        f"{data}, {' and '.join(few)}, {number}, seed {seed}": {
            **{"question": "guide", "data": data, "few": few, "many": many},
            **{"seed": seed},
        }
        for data in ("CIFAR-10", "Fashion-MNIST")
        for number, few, many, seeds in (
            (
                "kept",
                {
                    "head": [1.0, 0.3, 0.1, 0.03, 0.01, 0.003],
                    "early head": [1.0, 0.3, 0.1, 0.03, 0.01, 0.003],
                    "fine-tune": [0.001, 0.003, 0.01],
                },
                {
                    "head": [1.0, 0.3, 0.1, 0.03, 0.01, 0.003],
                    "early head": [1.0, 0.3, 0.1, 0.03, 0.01, 0.003],
                    "fine-tune": [0.001, 0.003, 0.01],
                },
                [0],
            ),
            ("rate 0.001", {"retrain": [0.001]}, {"retrain": [0.001]}, [0]),
            ("rate 0.003", {"retrain": [0.003]}, {"retrain": [0.003]}, [0]),
            ("rate 0.01", {"retrain": [0.01]}, {"retrain": [0.01]}, [0]),
        )
        for seed in seeds
    }
    | {
        f"{data}, {' and '.join(few)}, {number}, seed {seed}": {
            **{"question": "guide", "data": data, "few": few, "many": many},
            **{"seed": seed},
        }
        for data, number, few, many, seeds in (
            (
                "Fashion-MNIST",
                "chosen",
                {"head": [0.03], "early head": [0.03], "fine-tune": [0.003]},
                {"head": [0.01], "early head": [0.01], "fine-tune": [0.003]},
                [1, 2, 3],
            ),
            (
                "Fashion-MNIST",
                "rate 0.003",
                {"retrain": [0.003]},
                {"retrain": [0.003]},
                [1, 2, 3],
            ),
            (
                "CIFAR-10",
                "rate 0.0003",
                {"retrain": [0.0003]},
                {"retrain": [0.0003]},
                [0],
            ),
            (
                "CIFAR-10",
                "chosen",
                {"head": [0.3], "early head": [0.3], "fine-tune": [0.01]},
                {"head": [0.1], "early head": [0.01], "fine-tune": [0.003]},
                [1, 2, 3],
            ),
            (
                "CIFAR-10",
                "rate 0.001",
                {"retrain": [0.001]},
                {"retrain": [0.001]},
                [1, 2, 3],
            ),
            ("CIFAR-10", "rate 0.03", {"fine-tune": [0.03]}, {}, [0]),
        )
        for seed in seeds
    }
)
BATCH_SIZE, START_DECAY = 20, 0.03
PHOTOS, PHOTO_SIDE = 100, 96  # of each class; pixels
COUNTS, EPOCHS, SIDE = {"few": 20, "many": 300}, {"few": 20, "many": 3}, 64
JUDGED = {"validation": 90, "test": 100}  # pictures of each class
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def some_of_each(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Return indices of `count` pictures of each class, drawn at random, one of each in turn."""
    random = np.random.default_rng(seed)
    groups = [np.flatnonzero(labels == kind) for kind in np.unique(labels)]
    return np.stack(
        [random.permutation(group)[:count] for group in groups], axis=1
    ).ravel()


def train_head(
    features: np.ndarray, labels: np.ndarray, classes: int, decay: float
) -> list[np.ndarray]:
    """Return kernel and bias of a linear layer, by 300 steps of gradient descent."""
    mean, scale = features.mean(axis=0), features.std()
    x = np.column_stack(
        [(features - mean) / scale, np.ones(len(features), "float32")]
    )
    one_hot = np.eye(classes, dtype="float32")[labels]
    weights = velocity = np.zeros((x.shape[1], classes), "float32")
    for _ in range(300):
        logits = x @ weights
        scores = np.exp(logits - logits.max(axis=1, keepdims=True))
        error = scores / scores.sum(axis=1, keepdims=True) - one_hot
        velocity = 0.9 * velocity - 0.03 * (x.T @ error / len(x) + decay * weights)
        weights = weights + velocity
    kernel = weights[:-1] / scale
    return [kernel, weights[-1] - mean @ kernel]


def old_base(side: int) -> keras.Model:
    """Build the old network without its head: pictures to 1,280 numbers."""
    old = build_efficientnet_lite0((side, side, 3), weights="imagenet")
    return keras.Model(old.input, old.get_layer("average").output)


def plan(rate: float, steps: int) -> CosineDecay:
    """Climb to the rate for a tenth of the steps, and fall to 0 along a cosine."""
    warm = steps // 10
    return CosineDecay(0.0, steps - warm, warmup_target=rate, warmup_steps=warm)


class AsInUse(keras.layers.Layer):
    """Call a network as in use, also in training: `fit` overrides a plain `training=False`."""

    def __init__(self, base: keras.Model) -> None:
        super().__init__()
        self.base = base

    def call(self, images: tf.Tensor) -> tf.Tensor:
        """Return its features."""
        return self.base(images, training=False)


def let_all_learn(base: keras.Model, way: str) -> keras.Model:
    """Put a head of two logits on a base, and let all layers learn, batch norm as `way` says."""
    head = build_head(1280, 2, hidden_units=0)
    model = attach_head(base, head)
    unfreeze_from(model, "stem")
    if way == "frozen":
        return model
    for layer in base.layers:  # one by one: of the model it is set already
        layer.trainable = True
    if way == "learn":
        return model
    images = keras.Input(base.input_shape[1:])
    return keras.Model(images, head(AsInUse(base)(images)))


def finite(values: list) -> list:
    """Round the numbers of a list; what is no finite number becomes None."""
    return [round(float(it), 5) if np.isfinite(it) else None for it in values]


def moved(base: keras.Model, before: list[np.ndarray]) -> dict:
    """Count which weights and stored statistics differ from before: [moved, all] of each kind."""
    kinds = {"gamma": "scales", "beta": "scales"}
    kinds |= {"moving_mean": "statistics", "moving_variance": "statistics"}
    counts = {"kernels": [0, 0], "scales": [0, 0], "statistics": [0, 0]}
    for weight, old in zip(base.weights, before, strict=True):
        count = counts[kinds.get(weight.name, "kernels")]
        count[0] += int(not np.array_equal(weight, old))
        count[1] += 1
    return counts


def norms(way: str, rate: float, epochs: int, seed: int) -> dict:
    """Train all layers on few cats and dogs."""
    photos = load_cats_vs_dogs()
    size = PHOTO_SIDE, PHOTO_SIDE

    def read(part, indices):
        return np.stack([read_center_crop(part.paths[it], size) for it in indices])

    chosen = some_of_each(photos.train.labels, PHOTOS, seed)
    training = read(photos.train, chosen), photos.train.labels[chosen]
    judged = photos.validation
    validation = read(judged, range(len(judged))), judged.labels
    keras.utils.set_random_seed(seed)
    base = old_base(PHOTO_SIDE)
    before = base.get_weights()
    features = base.predict(training[0], batch_size=100, verbose=0)
    start = train_head(features, training[1], 2, START_DECAY)
    model = let_all_learn(base, way)
    model.layers[-1].set_weights(start)
    batches = make_pipeline(
        *training,
        BATCH_SIZE,
        training=True,
        augment=tf.image.random_flip_left_right,
        seed=seed,
    )
    peak = rate if epochs == 4 else plan(rate, epochs * len(batches))
    optimizer = keras.optimizers.SGD(peak, momentum=0.9)
    model.compile(optimizer, LOSS, metrics=["accuracy"])
    checks = make_pipeline(*validation, 100)
    at_start = model.evaluate(checks, verbose=0)[1]
    fit = model.fit(
        batches,
        validation_data=checks,
        validation_freq=1 if epochs == 4 else 4,
        epochs=epochs,
        shuffle=False,
        verbose=0,
    )
    curve = {name: finite(values) for name, values in fit.history.items()}
    result = {"at_start": at_start, "curve": curve}
    result |= {"validation": curve["val_accuracy"][-1]}
    result |= {"moved": moved(base, before)}
    if seed == 0:
        return result
    tests = read(photos.test, range(len(photos.test)))
    return result | {"test": hits(model, tests, photos.test.labels)}


def hits(model: keras.Model, inputs: np.ndarray, labels: np.ndarray) -> dict:
    """Say which answers are right: their share, and a bit for each in hexadecimal digits."""
    right = (
        model.predict(inputs, batch_size=100, verbose=0).argmax(axis=1) == labels
    )
    return {
        "accuracy": right.mean().item(),
        "hits": np.packbits(right).tobytes().hex(),
    }


def enlarged(images: np.ndarray) -> np.ndarray:
    """Enlarge pictures to 64x64 pixels and three channels."""
    images = np.repeat(images, 4 - images.shape[-1], axis=-1)  # grey: thrice
    parts = [
        np.rint(ops.image.resize(images[at : at + 500], (SIDE, SIDE)))
        for at in range(0, len(images), 500)
    ]
    return np.concatenate(parts).astype("uint8")


def guide(data: str, few: dict, many: dict, seed: int) -> dict:
    """Try some of the four ways on one set of pictures, each at some rates."""
    photos = load_cifar10() if data == "CIFAR-10" else load_fashion_mnist()
    if data == "CIFAR-10" and "embedded" in photos.source:
        raise ValueError(
            f"The study needs all of CIFAR-10; this is {photos.source}."
        )
    pictures, labels = {}, {}
    for part in ("train", "validation", "test"):
        known = getattr(photos, f"{part}_labels")
        is_train = part == "train"
        count, draw = (COUNTS["many"], seed) if is_train else (JUDGED[part], 0)
        chosen = some_of_each(known, count, draw)
        labels[part] = known[chosen]
        pictures[part] = enlarged(getattr(photos, f"{part}_images")[chosen])
    keras.utils.set_random_seed(seed)
    base = old_base(SIDE)
    cut = base.get_layer("stage5_block3_add").output
    lower, upper = keras.Model(base.input, cut), keras.Model(cut, base.output)
    maps = {it: lower.predict(pictures[it], verbose=0) for it in pictures}
    known = {it: upper.predict(maps[it], verbose=0) for it in maps}
    early = {it: maps[it].mean(axis=(1, 2)) for it in maps}
    whole_or_part = {
        "retrain": (base, "stem"),
        "fine-tune": (upper, "stage6_block1_expand"),
    }
    results = {}
    for amount, ways in (("few", few), ("many", many)):
        first = (
            10 * COUNTS[amount]
        )  # one of each class in turn, so each has as many
        told = labels["train"][:first]
        start = train_head(known["train"][:first], told, 10, START_DECAY)
        results[amount] = {way: {} for way in ways}
        for way, rates in ways.items():
            for rate in rates:
                if way in whole_or_part:
                    extractor, layer = whole_or_part[way]
                    inputs = pictures if way == "retrain" else maps
                    old = extractor.get_weights()
                    keras.utils.set_random_seed(seed)
                    training = inputs["train"][:first], told
                    model = tuned(
                        extractor, layer, start, training, rate, EPOCHS[amount]
                    )
                else:
                    inputs = known if way == "head" else early
                    found = train_head(inputs["train"][:first], told, 10, rate)
                    model = build_head(inputs["train"].shape[1], 10, hidden_units=0)
                    model.set_weights(found)
                some = min(first, 1_000)
                result = hits(model, inputs["train"][:some], told[:some])
                result = {"train": result["accuracy"]}
                judged = hits(model, inputs["validation"], labels["validation"])
                result |= {"validation": judged["accuracy"]}
                if seed:
                    result |= {"test": hits(model, inputs["test"], labels["test"])}
                results[amount][way][str(rate)] = result
                if way in whole_or_part:
                    extractor.set_weights(old)
    return results


def tuned(
    extractor: keras.Model,
    layer: str,
    head: list,
    training: tuple,
    rate: float,
    epochs: int,
) -> keras.Model:
    """Put a trained head on an extractor, and let this layer and all behind it learn."""
    last = build_head(1280, 10, hidden_units=0)
    model = attach_head(extractor, last)
    last.set_weights(head)
    unfreeze_from(model, layer)
    steps = epochs * (len(training[1]) // BATCH_SIZE)
    optimizer = keras.optimizers.SGD(plan(rate, steps), momentum=0.9)
    model.compile(optimizer, LOSS)
    model.fit(*training, batch_size=BATCH_SIZE, epochs=epochs, verbose=0)
    return model


def run(question: str, seed: int, **settings) -> dict:
    """Train as the settings say; return what was measured.

    Args:
        question: "norms" or "guide".
        seed: Of the choice of pictures, their order and their changes.
        settings: "norms" has `way`, "frozen", "learn" or "scales", `rate` and `epochs`; "guide" has
            `data`, and `few` and `many`: for each way ("head", "early head", "fine-tune",
            "retrain") its rates, or, of a head, its decays.
    """
    return (norms if question == "norms" else guide)(seed=seed, **settings)
