"""Is a net of equal blocks better than a flat one? On as many images, and in as much time.

Chapter 7 compares three sides: the deep net in one epoch, the flat net in one epoch, and the flat
net in as many epochs as take the time of the deep one. Runs with seed 0 choose peak rate and
dropout of each side by the validation images. Only the others see the test images.
"""

import keras
import numpy as np
from keras.optimizers.schedules import CosineDecay

from cnnbook.datasets.mnist import load_mnist
from cnnbook.datasets.pipeline import make_pipeline
from cnnbook.models.deep_blocks import build_deep_blocks
from cnnbook.models.mnist_cnn import build_mnist_cnn
from cnnbook.training.optimizers import FusedAdam

RUNS = {
    f"{net}, {epochs} epochs, peak {peak}, dropout {dropout}, seed {seed}": {
        "net": net,
        "epochs": epochs,
        "peak": peak,
        "dropout": dropout,
        "seed": seed,
    }
    for net, epochs, peaks, dropouts, seeds in (
        ("deep", 1, (0.0005, 0.001, 0.002), (0.0,), (0,)),
        ("deep", 1, (0.001,), (0.0,), (1, 2, 3, 4, 5)),
        ("flat", 1, (0.0005, 0.001, 0.002, 0.004, 0.008, 0.016), (0.0,), (0,)),
        ("flat", 1, (0.008,), (0.0,), (1, 2, 3, 4, 5)),
        ("flat", 7, (0.001, 0.002, 0.004), (0.0, 0.4), (0,)),
        ("flat", 7, (0.002,), (0.4,), (1, 2, 3, 4, 5)),
    )
    for dropout in dropouts
    for peak in peaks
    for seed in seeds
}
BUILDERS = {"deep": build_deep_blocks, "flat": build_mnist_cnn}
BATCH_SIZE = 64


def one_cycle(peak: float, steps: int) -> CosineDecay:
    """Let the rate climb for a tenth of the steps, and fall along a cosine to 0."""
    warm_up = steps // 10
    return CosineDecay(
        0.0, steps - warm_up, warmup_target=peak, warmup_steps=warm_up
    )


def run(net: str, epochs: int, peak: float, dropout: float, seed: int) -> dict:
    """Train once; say which share of the validation images is read, and which test images not."""
    digits = load_mnist()
    if len(digits.train_images) < 50_000:
        raise ValueError(
            f"The study needs the whole of MNIST; this is {digits.source}."
        )
    keras.config.set_dtype_policy("mixed_bfloat16")
    keras.utils.set_random_seed(seed)
    model = BUILDERS[net](dropout=dropout)
    training = digits.train_images, digits.train_labels
    batches = make_pipeline(*training, BATCH_SIZE, training=True, seed=seed)
    rate = one_cycle(peak, epochs * len(batches))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(
        FusedAdam(rate), loss, metrics=["accuracy"], steps_per_execution=16
    )
    checks = make_pipeline(digits.validation_images, digits.validation_labels, 500)
    fit = model.fit(
        batches, epochs=epochs, validation_data=checks, shuffle=False, verbose=0
    )
    curve = {
        name: np.round(values, 5).tolist() for name, values in fit.history.items()
    }
    result = {"curve": curve, "validation": curve["val_accuracy"][-1]}
    if seed == 0:
        return result
    answers = model.predict(digits.test_images, batch_size=500, verbose=0).argmax(
        axis=1
    )
    wrong = np.flatnonzero(answers != digits.test_labels)
    return result | {"wrong": {int(place): int(answers[place]) for place in wrong}}
