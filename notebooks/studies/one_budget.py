"""What is each kind of block worth if all get the same? Eight small nets on CIFAR-10.

Chapter 10 gives eight families of networks about 120,000 parameters each, equal within a tenth, the
same 10,000 photographs, the same changes of them, the same number of epochs, the same optimiser and
the same search for a rate. The statistics of batch normalisation, where a net has it, forget a
tenth at each step: with Keras' hundredth, they would lag behind so few steps. To save time they see
24x24 pixels of each photograph: a part cut out by chance in training, and the middle afterwards.
Runs with seed 0 have a shorter training, and choose the peak rate of each family by the validation
pictures. Only the others see the test pictures.
"""

import time

import keras
import numpy as np
import tensorflow as tf
from keras.optimizers.schedules import CosineDecay

from cnnbook.datasets.cifar import load_cifar10
from cnnbook.datasets.pipeline import make_pipeline
from cnnbook.models.convnext import build_convnext_cifar
from cnnbook.models.densenet import build_densenet_cifar
from cnnbook.models.mobilenet_v2 import build_mobilenet_v2_cifar
from cnnbook.models.resnet_cifar import build_resnet_cifar
from cnnbook.models.resnext import build_resnext_cifar
from cnnbook.models.se_resnet import build_se_resnet_cifar
from cnnbook.models.small_photo_net import build_small_photo_net
from cnnbook.models.vit import build_vit_cifar

RUNS = {
    f"{family}, rate {rate}, seed {seed}": {
        **{"family": family, "rate": rate, "seed": seed},
        **{"pictures": 10_000, "epochs": 6 if seed else 2},
    }
    for families, rates, seeds in (
        (
            (
                *("plain", "ResNet", "SE-ResNet", "ResNeXt"),
                *("DenseNet", "MobileNetV2", "ConvNeXt", "ViT"),
            ),
            (0.001, 0.003, 0.01, 0.03),
            (0,),
        ),
        (("DenseNet", "MobileNetV2", "ViT"), (0.003,), (1, 2, 3)),
        (
            ("plain", "ResNet", "SE-ResNet", "ResNeXt", "ConvNeXt"),
            (0.01,),
            (1, 2, 3),
        ),
    )
    for family in families
    for rate in rates
    for seed in seeds
}


SHAPE = (24, 24, 3)


def build(family: str) -> keras.Model:
    """Build the small net of a family."""
    if family == "plain":
        return build_small_photo_net(SHAPE)
    if family == "ResNet":
        return build_resnet_cifar(14, SHAPE, filters=13)
    if family == "SE-ResNet":
        return build_se_resnet_cifar(14, SHAPE, filters=13, reduction=4)
    if family == "ResNeXt":
        return build_resnext_cifar(SHAPE, cardinality=4, width=4, filters=9)
    if family == "DenseNet":
        return build_densenet_cifar(19, SHAPE, growth_rate=9)
    if family == "MobileNetV2":
        return build_mobilenet_v2_cifar(SHAPE)
    return (build_convnext_cifar if family == "ConvNeXt" else build_vit_cifar)(
        SHAPE
    )


def cut_and_mirror(pictures: tf.Tensor) -> tf.Tensor:
    """Cut 24x24 pixels out of each picture, (batch, 32, 32, 3), by chance, and mirror half."""
    count, numbers = tf.shape(pictures)[0], tf.range(24)
    is_mirrored = tf.random.uniform((count, 1)) < 0.5
    rows = tf.random.uniform((count, 1), 0, 9, tf.int32) + numbers
    columns = tf.random.uniform((count, 1), 0, 9, tf.int32)
    columns += tf.where(is_mirrored, 23 - numbers, numbers)
    cut = tf.gather(pictures, rows, axis=1, batch_dims=1)
    return tf.gather(cut, columns, axis=2, batch_dims=1)


def middle(pictures: np.ndarray) -> np.ndarray:
    """Cut the middle out of each picture."""
    return pictures[:, 4:28, 4:28]


def run(family: str, rate: float, pictures: int, epochs: int, seed: int) -> dict:
    """Train the net of one family.

    Args:
        family: "plain", "ResNet", "SE-ResNet", "ResNeXt", "DenseNet", "MobileNetV2", "ConvNeXt" or
            "ViT".
        rate: Peak of AdamW's rate: it climbs for a fifth of the steps, and falls along a cosine.
        pictures: How many training pictures are used.
        epochs: Passes over them.
        seed: Of weights, order and changes; with 0 the test pictures are not touched.
    """
    photos = load_cifar10()
    if len(photos.train_images) < pictures:
        raise ValueError(
            f"The study needs all of CIFAR-10; this is {photos.source}."
        )
    keras.utils.set_random_seed(seed)
    model = build(family)
    for (
        layer
    ) in model.layers:  # means and spreads that keep up with a few hundred steps
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.9
    images, labels = photos.train_images[:pictures], photos.train_labels[:pictures]
    batches = make_pipeline(
        images, labels, 64, training=True, augment=cut_and_mirror, seed=seed
    )
    steps = epochs * len(batches)
    plan = CosineDecay(
        0.0, steps - steps // 5, warmup_target=rate, warmup_steps=steps // 5
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.AdamW(plan, weight_decay=0.05)
    model.compile(optimizer, loss, metrics=["accuracy"], steps_per_execution=16)
    checks = make_pipeline(
        middle(photos.validation_images), photos.validation_labels, 500
    )
    start = time.perf_counter()
    fit = model.fit(
        batches, epochs=epochs, validation_data=checks, shuffle=False, verbose=0
    )
    seconds = time.perf_counter() - start
    curve = {
        name: np.round(values, 5).tolist() for name, values in fit.history.items()
    }
    trained = sum(int(np.prod(each.shape)) for each in model.trainable_variables)
    result = {"curve": curve, "validation": curve["val_accuracy"][-1]}
    result |= {"parameters": trained, "seconds": round(seconds, 1)}
    if seed == 0:
        return result
    known = model.evaluate(middle(images), labels, batch_size=500, verbose=0)
    test = model.evaluate(
        middle(photos.test_images), photos.test_labels, batch_size=500, verbose=0
    )
    return result | {"train": known[1], "test": test[1]}
