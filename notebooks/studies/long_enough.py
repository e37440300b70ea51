"""Does a cure for overfitting work, and how long does it take? Three nets on the same clothes.

Chapter 15 shows with them that a cure can be judged too early: a net that is given changed pictures
and dropout learns slower, so that with few batches it is behind one that learns by heart. Each run
goes on with the same rate to the end and is asked on the way, so that one run tells of all budgets.
For each budget the chapter takes, for each net alike, the rate with the best mean on the validation
pictures, and for a net at its best the budget as well.
"""

import keras

from cnnbook.datasets.augmentation import make_augmentation
from cnnbook.datasets.mnist import load_fashion_mnist
from cnnbook.datasets.pipeline import make_pipeline
from cnnbook.models.small_digit_net import build_small_digit_net

RUNS = {
    f"{net}, rate {rate}, seed {seed}": {"net": net, "rate": rate, "seed": seed}
    for net in ("tiny", "large", "cured")
    for rate in (0.0005, 0.0015, 0.0045)
    for seed in (1, 2, 3)
}
PICTURES, BATCH_SIZE = 4_000, 64
BUDGETS = (125, 250, 500, 750, 1_000, 1_500, 2_000, 3_000, 4_000)  # batches
STEP = 125  # batches from one look at the budget to the next
NETS = {  # filters, dropout, changes of the pictures
    "tiny": ((1, 1, 2), 0.0, None),
    "large": ((32, 64, 128), 0.0, None),
    "cured": (
        (32, 64, 128),
        0.3,
        {
            "horizontal_flip": True,
            "translation": 0.05,
            "cutout": 0.3,
            "fill_mode": "constant",
        },
    ),
}


def run(net: str, rate: float, seed: int) -> dict:
    """Train one net; say after each budget what it gets right, of known pictures and others."""
    clothes = load_fashion_mnist()
    filters, dropout, changes = NETS[net]
    keras.utils.set_random_seed(seed)
    model = build_small_digit_net(filters=filters, dropout=dropout)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(rate)
    model.compile(optimizer, loss, metrics=["accuracy"], steps_per_execution=25)
    images, labels = (
        clothes.train_images[:PICTURES],
        clothes.train_labels[:PICTURES],
    )
    augment = make_augmentation(**changes, seed=seed) if changes else None
    batches = make_pipeline(
        images, labels, BATCH_SIZE, training=True, augment=augment, seed=seed
    )
    parts = {
        "train": (images[:2_000], labels[:2_000]),
        "validation": (clothes.validation_images, clothes.validation_labels),
        "test": (clothes.test_images, clothes.test_labels),
    }
    found = {name: [] for name in parts}

    def ask(epoch: int, logs: dict) -> None:
        if (epoch + 1) * STEP in BUDGETS:
            for name, part in parts.items():
                _, right = model.evaluate(*part, batch_size=500, verbose=0)
                found[name].append(right)

    model.fit(
        batches.repeat().rebatch(BATCH_SIZE, drop_remainder=True),
        steps_per_epoch=STEP,
        epochs=BUDGETS[-1] // STEP,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=ask)],
        shuffle=False,
        verbose=0,
    )
    return {"budgets": list(BUDGETS), **found}
