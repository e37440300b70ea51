"""Do more layers help? Plain and residual nets of 20 and 56 layers, alike but for the sums.

Chapter 9 shows with them what "degradation" is: a deeper plain net that is worse on the pictures
that it learned from. The nets are those of `build_resnet_cifar` (He et al. 2015, section 4.2), made
sixteen times cheaper: 8, 16 and 32 filters instead of 16, 32 and 64, and a first convolution that
moves by two pixels, so that the maps have 16, 8 and 4 pixels a side instead of 32, 16 and 8. The
question is what a net makes of the pictures that it learns from, so runs with seed 0 choose the
peak rate of each net by its loss on them at the end. (By the validation pictures, large rates win
for the residual nets, which learn less by heart with them.) Only other seeds see the test pictures.
"""

import keras
import numpy as np
from keras import layers
from keras.optimizers.schedules import CosineDecay

from cnnbook.datasets.cifar import load_cifar10
from cnnbook.datasets.pipeline import make_pipeline

RUNS = {
    f"{net}-{depth}, rate {rate}, seed {seed}": {
        **{"net": net, "depth": depth, "rate": rate, "seed": seed},
    }
    for net, depth, rates, seeds in (
        ("plain", 20, (0.01, 0.03, 0.1, 0.3), (0,)),
        ("plain", 56, (0.003, 0.01, 0.03, 0.1, 0.3), (0,)),
        ("residual", 20, (0.01, 0.03, 0.1, 0.3, 1.0), (0,)),
        ("residual", 56, (0.01, 0.03, 0.1, 0.3, 1.0), (0,)),
        ("plain", 20, (0.03,), (1, 2, 3)),
        ("plain", 56, (0.01,), (1, 2, 3)),
        ("residual", 20, (0.1,), (1, 2, 3)),
        ("residual", 56, (0.1,), (1, 2, 3)),
    )
    for rate in rates
    for seed in seeds
}
PICTURES, EPOCHS, BATCH_SIZE = 10_000, 12, 64


def conv_norm(
    x: keras.KerasTensor, filters: int, strides: int = 1
) -> keras.KerasTensor:
    """Convolve 3x3, and normalise over the batch."""
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(
        filters, 3, strides, use_bias=False, kernel_initializer="he_normal"
    )(x)
    return layers.BatchNormalization(epsilon=1.001e-5)(x)


def build(depth: int, residual: bool, filters: int, strides: int) -> keras.Model:
    """Build a net of 6n + 2 layers; with 16 filters and strides of 1 it is the paper's."""
    images = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(images)
    x = layers.ReLU()(conv_norm(x, filters, strides))
    for stage in range(3):
        for block in range(depth // 6):
            step = 2 if stage and not block else 1
            y = layers.ReLU()(conv_norm(x, filters * 2**stage, step))
            y = conv_norm(y, filters * 2**stage)
            if residual:
                y = layers.Add()([halved_and_widened(x) if step == 2 else x, y])
            x = layers.ReLU()(y)
    return keras.Model(images, layers.Dense(10)(layers.GlobalAveragePooling2D()(x)))


def halved_and_widened(x: keras.KerasTensor) -> keras.KerasTensor:
    """Take every second pixel, and as many channels of zeros as there are channels."""
    x = layers.MaxPooling2D(1, strides=2)(x)
    return layers.Concatenate()([x, layers.Rescaling(0.0)(x)])


def finite(values: list) -> list:
    """Round the numbers of a list; what is no finite number becomes None."""
    return [round(float(it), 5) if np.isfinite(it) else None for it in values]


def run(net: str, depth: int, rate: float, seed: int) -> dict:
    """Train one net; say what it gets right among the pictures that it learned from, and others.

    Args:
        net: "plain" or "residual".
        depth: Layers with weights.
        rate: Peak of the plan: it climbs for a tenth of the steps, and falls along a cosine to 0.
        seed: Of weights and order; with 0 the test pictures are not touched.
    """
    photos = load_cifar10()
    if len(photos.train_images) < PICTURES:
        raise ValueError(
            f"The study needs all of CIFAR-10; this is {photos.source}."
        )
    keras.utils.set_random_seed(seed)
    model = build(depth, net == "residual", filters=8, strides=2)
    images, labels = photos.train_images[:PICTURES], photos.train_labels[:PICTURES]
    batches = make_pipeline(images, labels, BATCH_SIZE, training=True, seed=seed)
    steps = EPOCHS * len(batches)
    plan = CosineDecay(
        0.0, steps - steps // 10, warmup_target=rate, warmup_steps=steps // 10
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD(plan, momentum=0.9)
    model.compile(optimizer, loss, metrics=["accuracy"], steps_per_execution=16)
    checks = make_pipeline(photos.validation_images, photos.validation_labels, 500)
    fit = model.fit(
        batches,
        epochs=EPOCHS,
        validation_data=checks,
        validation_freq=2,
        shuffle=False,
        verbose=0,
    )
    curve = {name: finite(values) for name, values in fit.history.items()}
    known = model.evaluate(images, labels, batch_size=500, verbose=0)
    result = {
        "curve": curve,
        "train_loss": finite(known)[0],
        "train": known[1],
        "validation": curve["val_accuracy"][-1],
    }
    if seed == 0:
        return result
    test = model.evaluate(
        photos.test_images, photos.test_labels, batch_size=500, verbose=0
    )
    return result | {"test": test[1]}
