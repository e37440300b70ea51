"""How few parameters does a good net need? SqueezeNet: AlexNet's accuracy with a fiftieth of them.

Source: Iandola, Han, Moskewicz, Ashraf, Dally & Keutzer (2016), "SqueezeNet: AlexNet-level accuracy
with 50x fewer parameters and <0.5MB model size", https://arxiv.org/abs/1602.07360, figures 1 and 2,
table 1; version 1.1 is the authors', https://github.com/forresti/SqueezeNet. The net for
small images is not in the paper.
Differs from the paper: images are 227 x 227, as in the authors' files; from table 1's 224 its maps
of 111 x 111 do not follow. RGB, where those files take BGR. The last convolution of version 1.0 has
no padding, as in the paper; the file has a ring of one pixel there.
"""

import keras
from keras import layers

from cnnbook.models._checks import (
    check_arguments,
    check_side,
    check_widths,
    checked_builder,
    is_choice,
)

# Variant: filters and kernel size of the first convolution, fire modules after which the maps are
# halved, least side of an image. Version 1.1 halves earlier, and so has less to compute.
VARIANTS = {"1.0": (96, 7, (4, 8), 21), "1.1": (64, 3, (3, 5), 17)}
# Fire modules 2 to 9: filters that squeeze, filters of each of the two sizes that expand.
FIRES = {n: (16 * (n // 2), 64 * (n // 2)) for n in range(2, 10)}


@checked_builder
def build_squeezenet(
    variant: str = "1.0",
    image_shape: tuple[int, int, int] = (227, 227, 3),
    num_classes: int = 1000,
    dropout: float = 0.5,
) -> keras.Model:
    """Build an uncompiled SqueezeNet: 1,248,424 parameters (1.0) or 1,235,496 (1.1).

    It has no dense layer: the last convolution makes one map a class, and the mean of a map is the
    logit. As published, a ReLU comes before the mean: no logit is below zero.

    Args:
        variant: "1.0", the paper's, or "1.1", which the authors found as good, with 388 million
            multiplications an image instead of 833.
        image_shape: (height, width, 3) of one image, at least 21 x 21; in version 1.1, 17 x 17.
        num_classes: Maps of the last convolution, 2 or more.
        dropout: Share of values dropped before the last convolution, in [0, 1).

    Returns:
        A functional model from images (batch, height, width, 3), RGB of 0 to 255, to float32 logits
        (batch, num_classes), 0 or more. Layers: "mean", "conv1", "pool1", "fire2_squeeze",
        "fire2_expand1x1", "fire2_expand3x3", "fire2" (both joined), ..., "fire9", "dropout",
        "conv10", "logits"; "pool4", "pool8" (1.0) or "pool3", "pool5" (1.1), with "_pad" before.

    Raises:
        ValueError: If an argument is outside what is said above.

    Example:
        >>> model = build_squeezenet("1.1")
        >>> model.count_params(), model.get_layer("fire9").output.shape
        (1235496, (None, 14, 14, 512))
    """
    check_arguments(image_shape, num_classes, dropout, rgb=True)
    if not is_choice(variant, VARIANTS):
        raise ValueError(f'`variant` must be "1.0" or "1.1", a string; got {variant!r}.')
    filters, kernel_size, pooled_fires, least_side = VARIANTS[variant]
    check_side(image_shape, least_side, f"the strides of version {variant} need them")

    images = keras.Input(image_shape, name="images")
    x = layers.Rescaling(1.0, offset=[-123.0, -117.0, -104.0], name="mean")(images)
    x = layers.Conv2D(filters, kernel_size, strides=2, activation="relu", name="conv1")(x)
    x = _overhanging_pool(x, "pool1")
    for number, (squeeze, expand) in FIRES.items():
        x = _fire_module(x, squeeze, expand, f"fire{number}")
        if number in pooled_fires:
            x = _overhanging_pool(x, f"pool{number}")
    x = layers.Dropout(dropout, name="dropout")(x)
    x = layers.Conv2D(num_classes, 1, activation="relu", name="conv10")(x)
    logits = layers.GlobalAveragePooling2D(dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name=f"squeezenet_{variant.replace('.', '_')}")


@checked_builder
def build_squeezenet_cifar(
    image_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    squeeze: int = 6,
    expand: int = 28,
) -> keras.Model:
    """Build an uncompiled SqueezeNet for small images: the eight fire modules, halved only twice.

    It is no net of the paper; by default it has 122,994 parameters. Nothing is dropped, and no ReLU
    stands behind the last convolution: logits may be below zero.

    Args:
        image_shape: (height, width, channels) of one image, at least 4 x 4.
        num_classes: Maps of the last convolution, 2 or more.
        squeeze: Filters that squeeze in the first pair of fire modules, 1 or more; twice, three and
            four times as many in the next pairs. (16 in the paper.)
        expand: Filters of each of the two sizes that expand, likewise. (64 in the paper.)

    Returns:
        A functional model from images (batch, height, width, channels) of 0 to 255, to float32
        logits (batch, num_classes). Layers: "rescaling", "conv1", "fire2_squeeze", ..., "fire9",
        "pool3", "pool5", "conv10", "logits".

    Raises:
        ValueError: If an argument is outside what is said above.

    Example:
        >>> model = build_squeezenet_cifar()
        >>> model.count_params(), model.get_layer("fire9").output.shape
        (122994, (None, 8, 8, 224))
    """
    check_arguments(image_shape, num_classes)
    check_side(image_shape, 4, "each of two poolings halves a side")
    check_widths(squeeze=squeeze, expand=expand)

    images = keras.Input(image_shape, name="images")
    x = layers.Rescaling(1 / 127.5, offset=-1, name="rescaling")(images)
    x = layers.Conv2D(2 * expand, 3, padding="same", activation="relu", name="conv1")(x)
    for number in FIRES:
        x = _fire_module(x, squeeze * (number // 2), expand * (number // 2), f"fire{number}")
        if number in (3, 5):
            x = _overhanging_pool(x, f"pool{number}")
    x = layers.Conv2D(num_classes, 1, name="conv10")(x)
    logits = layers.GlobalAveragePooling2D(dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="squeezenet_cifar")


def _fire_module(x: keras.KerasTensor, squeeze: int, expand: int, name: str) -> keras.KerasTensor:
    """Squeeze the maps into a few, then expand these by filters of 1x1 and of 3x3.

    Most parameters are in 3x3 filters, which now see few maps.
    Figure 1. Maps (batch, h, w, c) to (batch, h, w, 2 * expand).
    """
    few = layers.Conv2D(squeeze, 1, activation="relu", name=f"{name}_squeeze")(x)
    one = layers.Conv2D(expand, 1, activation="relu", name=f"{name}_expand1x1")(few)
    last = f"{name}_expand3x3"
    three = layers.Conv2D(expand, 3, padding="same", activation="relu", name=last)(few)
    return layers.Concatenate(name=name)([one, three])


def _overhanging_pool(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Keep the largest of 3x3 values at every second place; the last window may hang over.

    So Caffe does it, in which the net was published. The zeros added at the far sides never win:
    all maps have passed a ReLU. Maps (batch, h, w, c) to (batch, h // 2, w // 2, c).
    """
    x = layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"{name}_pad")(x)
    return layers.MaxPooling2D(3, strides=2, name=name)(x)
