"""How does a network fit a telephone? Wide maps are filtered one by one, and stored narrow.

Source: Sandler, Howard, Zhu, Zhmoginov & Chen (2018), "MobileNetV2: Inverted Residuals and Linear
Bottlenecks", https://arxiv.org/abs/1801.04381, table 2 (the net) and figure 4d (the block). The net
for small images is not in the paper.
Differs from the paper: nothing; where it is silent, as on the normalisation's epsilon, this is
keras.applications.MobileNetV2, whose weights fit.
"""

import keras
from keras import layers

from cnnbook.models._checks import (
    check_arguments,
    check_imagenet,
    check_widths,
    checked_builder,
)
from cnnbook.models._parts import inverted_residual, norm_relu6, take_official_weights

# Table 2: expansion, filters, blocks, strides of the first block.
STAGES = (
    *((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2)),
    *((6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)),
)
# Of the net for small images: expansion, filters in units of the stem's, blocks, strides.
SMALL = ((1, 1, 1, 1), (6, 1.5, 2, 1), (6, 2, 3, 2), (6, 4, 3, 2))
MOMENTUM = 0.999  # of the running means and variances


@checked_builder
def build_mobilenet_v2(
    image_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    weights: str | None = None,
) -> keras.Model:
    """Build an uncompiled MobileNetV2 of width 1: 3,538,984 parameters, 3,504,872 trainable.

    Args:
        image_shape: (height, width, channels) of one image; the last maps are 32 times smaller.
        num_classes: Width of the last layer, 2 or more.
        weights: None, or "imagenet": those of keras.applications (needs the internet once), for 3
            channels and 1000 classes.

    Returns:
        A functional model from RGB images (batch, height, width, channels) of 0 to 255, to float32
        logits (batch, num_classes). Layers: "rescaling", "stem", for stages 1 to 7, the rows of
        table 2, "stage2_block1_expand", "_depthwise", "_project", "_add", "head", "average",
        "logits"; "_norm" and "_relu" stand behind.

    Raises:
        ValueError: If an argument is outside what is said above.

    Example:
        >>> model = build_mobilenet_v2(image_shape=(64, 64, 3), num_classes=10)
        >>> model.get_layer("head_relu").output.shape
        (None, 2, 2, 1280)
    """
    check_arguments(image_shape, num_classes)
    check_imagenet(weights, image_shape, num_classes)

    images = keras.Input(image_shape, name="images")
    x = layers.Rescaling(1 / 127.5, offset=-1, name="rescaling")(images)
    x = layers.Conv2D(32, 3, 2, padding="same", use_bias=False, name="stem")(x)
    x = norm_relu6(x, "stem", MOMENTUM)
    for stage, (expansion, filters, blocks, strides) in enumerate(STAGES, start=1):
        for number in range(1, blocks + 1):
            row = (3, strides if number == 1 else 1, expansion, filters)
            x = inverted_residual(x, row, f"stage{stage}_block{number}", MOMENTUM)
    x = layers.Conv2D(1280, 1, use_bias=False, name="head")(x)
    x = norm_relu6(x, "head", MOMENTUM)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    model = keras.Model(images, logits, name="mobilenet_v2")
    if weights == "imagenet":
        take_official_weights(model, "MobileNetV2")
    return model


@checked_builder
def build_mobilenet_v2_cifar(
    image_shape: tuple[int, int, int] = (32, 32, 3), num_classes: int = 10, filters: int = 12
) -> keras.Model:
    """Build an uncompiled MobileNetV2 for small images: nine blocks, halved only twice.

    It is no net of the paper; by default it has 125,746 parameters, of which
    119,602 are trained.

    Args:
        image_shape: (height, width, channels) of one image; the last maps are 4 times smaller.
        num_classes: Width of the last layer, 2 or more.
        filters: Of the stem and the first stage, 1 or more; the next stages have 1.5, 2 and 4 times
            as many, the head 16 times.

    Returns:
        A functional model from images (batch, height, width, channels) of 0 to 255, to float32
        logits (batch, num_classes). Layers: as in `build_mobilenet_v2`, of four stages.

    Raises:
        ValueError: If an argument is outside what is said above.

    Example:
        >>> model = build_mobilenet_v2_cifar()
        >>> model.count_params(), model.get_layer("stage4_block3_add").output.shape
        (125746, (None, 8, 8, 48))
    """
    check_arguments(image_shape, num_classes)
    check_widths(filters=filters)

    images = keras.Input(image_shape, name="images")
    x = layers.Rescaling(1 / 127.5, offset=-1, name="rescaling")(images)
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name="stem")(x)
    x = norm_relu6(x, "stem")
    for stage, (expansion, times, blocks, strides) in enumerate(SMALL, start=1):
        for number in range(1, blocks + 1):
            row = (3, strides if number == 1 else 1, expansion, round(filters * times))
            x = inverted_residual(x, row, f"stage{stage}_block{number}")
    x = layers.Conv2D(16 * filters, 1, use_bias=False, name="head")(x)
    x = norm_relu6(x, "head")
    x = layers.GlobalAveragePooling2D(name="average")(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="mobilenet_v2_cifar")
