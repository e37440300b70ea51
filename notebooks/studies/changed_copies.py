"""What are changed copies of few pictures worth, and what does a wrong change cost?

Chapter 11 asks it three times. "photographs" are those of CIFAR-10, few of them, unchanged or
changed in one of several ways, and more of them as the yardstick. "pets" are cats and dogs for the
layers that our source takes, made affordable: 48 pixels instead of 150, a quarter of the filters.
"digits" are those of MNIST. All sides of one kind take equally many steps of 50 pictures. Each side
tries its rates with seed 0, and takes the one with which most validation pictures are right at the
end; if that is the smallest or the largest, it tries on. Only then it trains with seeds 1 to 3, and
only these networks see the test pictures. How strong a change or mixup is was set beforehand.
"""

import keras
import numpy as np
from keras.optimizers.schedules import CosineDecay

from cnnbook.datasets.augmentation import make_augmentation, make_mixup
from cnnbook.datasets.cats_vs_dogs import load_cats_vs_dogs
from cnnbook.datasets.cifar import load_cifar10
from cnnbook.datasets.image_pipeline import make_image_pipeline
from cnnbook.datasets.mnist import load_mnist
from cnnbook.datasets.pipeline import make_pipeline
from cnnbook.models.mnist_cnn import build_mnist_cnn
from cnnbook.models.small_digit_net import build_small_digit_net

RUNS = {
    f"{kind}: {side}, {count} pictures, {steps} steps": {
        **{"kind": kind, "side": side, "change": change},
        **{"count": count, "steps": steps, "rates": rates, "seeds": [1, 2, 3]},
    }
    for shift in ({"horizontal_flip": True, "translation": 0.125},)
    for both in ({"rotation": 15, "translation": 0.1},)
    for values in ({"brightness": 0.2, "contrast": 0.3, "color": 0.1},)
    for kind, rates, sides in (
        (
            "photographs",
            [0.001, 0.003, 0.009],
            (
                ("as they are", {}, 2_000, 2_400),
                ("mirrored and shifted", shift, 2_000, 2_400),
                ("colours, too", {**shift, **values}, 2_000, 2_400),
                ("mixup", {"mixup": 1.0}, 2_000, 2_400),
                ("as they are", {}, 4_000, 2_400),
                ("as they are", {}, 8_000, 2_400),
                ("as they are", {}, 2_000, 600),
                ("mirrored and shifted", shift, 2_000, 600),
            ),
        ),
        (
            "digits",
            [0.001, 0.003, 0.009],
            (
                ("as they are", {}, 2_000, 500),
                ("turned by 15", {"rotation": 15}, 2_000, 500),
                ("turned by 45", {"rotation": 45}, 2_000, 500),
                ("turned by 90", {"rotation": 90}, 2_000, 500),
                ("turned by 180", {"rotation": 180}, 2_000, 500),
                ("shifted", {"translation": 0.1}, 2_000, 500),
                ("cropped", {"crop": 0.8}, 2_000, 500),
                ("as they are", {}, 300, 500),
                ("as they are", {}, 100, 500),
                ("turned and shifted", both, 2_000, 500),
                ("turned and shifted", both, 300, 500),
                ("turned and shifted", both, 100, 500),
            ),
        ),
        (
            "pets",
            [0.0003, 0.001, 0.003],
            (
                ("as they are", {}, 1_600, 1_200),
                (
                    "mirrored, zoomed, sheared",
                    {"horizontal_flip": True, "zoom": 0.3, "shear": 0.3},
                    *(1_600, 1_200),
                ),
            ),
        ),
    )
    for side, change, count, steps in sides
}
POINTS, AT_ONCE = 12, 25  # points of a curve, steps that Keras takes in one go
LOOKS = {  # at the test digits
    "turned by 15": {"rotation": 15},
    "turned by 180": {"rotation": 180},
    "shifted": {"translation": 0.1},
    "cropped": {"crop": 0.8},
}
FILL_MODES = {"digits": "constant", "photographs": "reflect", "pets": "reflect"}


class Curve(keras.callbacks.Callback):
    """Keep loss and accuracy on known and on validation pictures, after each part of a training."""

    def __init__(self, known: tuple, validation: tuple) -> None:
        super().__init__()
        self.sets = {"known": known, "validation": validation}
        self.points = {
            f"{name}_{what}": []
            for name in self.sets
            for what in ("loss", "accuracy")
        }

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Look at both."""
        for name, (images, labels) in self.sets.items():
            loss, accuracy = self.model.evaluate(
                images, labels, batch_size=500, verbose=0
            )
            self.points[f"{name}_loss"].append(round(loss, 5))
            self.points[f"{name}_accuracy"].append(round(accuracy, 5))


def read_pictures(kind: str) -> list[tuple]:
    """Read training, validation and test pictures, and their labels as shares of classes."""
    if kind == "pets":
        found, parts = load_cats_vs_dogs(), []
        for files in (found.train, found.validation, found.test):
            batches = make_image_pipeline(files, (48, 48), 100)
            parts.append(
                (np.concatenate([images for images, _ in batches]), files.labels)
            )
        mixed = np.random.default_rng(0).permutation(
            len(parts[0][0])
        )  # cats come first
        parts[0] = tuple(each[mixed] for each in parts[0])
    else:
        found = load_cifar10() if kind == "photographs" else load_mnist()
        if len(found.train_images) < 45_000:
            raise ValueError(
                f"The study needs the whole data set; this is {found.source}."
            )
        parts = [
            (getattr(found, f"{part}_images"), getattr(found, f"{part}_labels"))
            for part in ("train", "validation", "test")
        ]
    classes = np.eye(2 if kind == "pets" else 10, dtype="float32")
    return [(images, classes[labels]) for images, labels in parts]


def build(kind: str) -> keras.Model:
    """Build the network of a kind of pictures."""
    if kind == "pets":
        return build_mnist_cnn((48, 48, 3), 2, (16, 32), 128, (0.3, 0.3))
    if kind == "photographs":
        return build_small_digit_net((32, 32, 3), dropout=0.0)
    return build_small_digit_net()


def train(
    kind: str,
    training: tuple,
    change: dict,
    rate: float,
    steps: int,
    seed: int,
    *more: Curve,
) -> keras.Model:
    """Train one network: the rate rises for a tenth of the steps, then falls along a cosine to 0.

    Args:
        kind: Of the pictures: "photographs", "digits" or "pets".
        training: Pictures and shares of classes.
        change: Arguments of `make_augmentation`, or {"mixup": its alpha}.
        rate: Its peak.
        steps: Of 50 pictures.
        seed: Of weights, order and changes.
        *more: Callbacks.
    """
    keras.utils.set_random_seed(seed)
    model, augment = build(kind), None
    if "mixup" in change:
        augment = make_mixup(training[1].shape[1], alpha=change["mixup"], seed=seed)
    elif change:
        augment = make_augmentation(**change, fill_mode=FILL_MODES[kind], seed=seed)
    rise = steps // 10
    plan = CosineDecay(0.0, steps - rise, warmup_target=rate, warmup_steps=rise)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(plan)
    model.compile(
        optimizer, loss, metrics=["accuracy"], steps_per_execution=AT_ONCE
    )
    batches = make_pipeline(
        *training, 50, training=True, augment=augment, seed=seed
    ).repeat()
    parts = POINTS if more else 1
    options = {
        "epochs": parts,
        "steps_per_epoch": steps // parts,
        "callbacks": list(more),
    }
    model.fit(batches, shuffle=False, verbose=0, **options)
    return model


def logits_of(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Ask for the scores of all classes."""
    return model.predict(images, batch_size=500, verbose=0)


def share_right(scores: np.ndarray, labels: np.ndarray) -> float:
    """Compare the highest scores with the labels, which are shares of classes."""
    return float(np.mean(scores.argmax(axis=1) == labels.argmax(axis=1)))


def look_at_digits(model: keras.Model, test: tuple, changed: dict) -> dict:
    """Read the test digits as they are and changed; count the answers for each class."""
    scores, table = logits_of(model, test[0]), np.zeros((10, 10), int)
    np.add.at(table, (test[1].argmax(axis=1), scores.argmax(axis=1)), 1)
    looks = {
        name: share_right(logits_of(model, images), test[1])
        for name, images in changed.items()
    }
    return {
        "test": share_right(scores, test[1]),
        "answers": table.tolist(),
        "looks": looks,
    }


def look_at_photos(model: keras.Model, test: tuple) -> dict:
    """Ask about the test photographs, about their mirror images, and add up the scores."""
    one, other = logits_of(model, test[0]), logits_of(model, test[0][:, :, ::-1])
    same = float(np.mean(one.argmax(axis=1) == other.argmax(axis=1)))
    both = share_right(one + other, test[1])
    return {
        "test": share_right(one, test[1]),
        "two_looks": both,
        "same_answer": same,
    }


def run(
    kind: str,
    side: str,
    change: dict,
    count: int,
    steps: int,
    rates: list,
    seeds: list,
) -> dict:
    """Choose the rate of one side, train it with several seeds, and ask about the test pictures.

    Args:
        kind: Of the pictures.
        side: Its name.
        change: See `train`.
        count: Pictures to learn from.
        steps: See `train`.
        rates: To try with seed 0, each the same multiple of the one before.
        seeds: Of the networks that see the test pictures.
    """
    training, validation, test = read_pictures(kind)
    training = training[0][:count], training[1][:count]
    few = [
        (images[:1_000], labels[:1_000])
        for images, labels in (training, validation)
    ]

    def trained(rate: float, seed: int) -> tuple[keras.Model, dict]:
        curve = Curve(*few)
        more = () if kind == "digits" else (curve,)
        model = train(kind, training, change, rate, steps, seed, *more)
        known, new = (
            share_right(logits_of(model, it[0]), it[1])
            for it in (training, validation)
        )
        return model, {
            "rate": rate,
            "seed": seed,
            "known": known,
            "validation": new,
        } | ({"curve": curve.points} if more else {})

    tried, waiting = {}, list(rates)
    while waiting:
        for rate in waiting:
            tried[rate] = trained(rate, 0)[1]
        best = max(sorted(tried), key=lambda rate: tried[rate]["validation"])
        factor = rates[1] / rates[0]
        waiting = [best / factor] * (best == min(tried)) + [best * factor] * (
            best == max(tried)
        )
        waiting = [float(f"{rate:.2g}") for rate in waiting]
    changed = {}
    if kind == "digits":
        for name, look in LOOKS.items():
            layer = make_augmentation(**look, fill_mode="constant", seed=0)
            parts = np.array_split(test[0], 10)
            changed[name] = np.concatenate(
                [layer(part, training=True) for part in parts]
            )
    runs = []
    for seed in seeds:
        model, found = trained(best, seed)
        seen = (
            look_at_digits(model, test, changed)
            if changed
            else look_at_photos(model, test)
        )
        runs.append(found | seen)
    return {
        "rate": best,
        "tried": [tried[rate] for rate in sorted(tried)],
        "runs": runs,
    }
