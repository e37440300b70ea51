"""How did the Inception module go on? By splitting its filters: Inception v3.

Source: Szegedy, Vanhoucke, Ioffe, Shlens & Wojna (2015), "Rethinking the Inception Architecture for
Computer Vision", https://arxiv.org/abs/1512.00567, sections 3 and 6, figures 5 to 7 and 10.
Differs from the paper: this is the authors' released form, and that of `keras.applications`. The
second half of its stem is a 1x1 and a 3x3 convolution and a pooling, where table 1 has three 3x3
convolutions; the modules at 35 x 35 keep one 5x5 filter, and the first gives 256 maps, not 288.
There is no auxiliary classifier and no dropout.
"""

from collections.abc import Sequence

import keras
from keras import KerasTensor, layers

from cnnbook.models._checks import check_arguments, check_imagenet, check_side, checked_builder
from cnnbook.models._parts import take_official_weights

# Of each convolution: filters, and the kernel size (a side, or height and width).
Size = int | tuple[int, int]
Chain = Sequence[tuple[int, Size]]


@checked_builder
def build_inception_v3(
    image_shape: tuple[int, int, int] = (299, 299, 3),
    num_classes: int = 1000,
    weights: str | None = None,
) -> keras.Model:
    """Build an uncompiled Inception v3: 23,851,784 parameters, 48 layers deep.

    Args:
        image_shape: (height, width, channels) of one image, at least 75 x 75.
        num_classes: Width of the last layer, 2 or more.
        weights: None, or "imagenet": those of keras.applications (needs the internet once), for 3
            channels and 1000 classes.

    Returns:
        A functional model from images (batch, height, width, channels) of 0 to 255, to float32
        logits (batch, num_classes). Layers: "rescaling", "stem_conv1" to "stem_conv5",
        "stem_pool1", "stem_pool2", in each module "mixed0_1x1_conv1", "mixed0_5x5_conv1",
        "mixed0_5x5_conv2", ..., "mixed0_pool", "mixed0_pool_conv1", "mixed0" (all joined), ...,
        "mixed10", "average", "logits"; "_norm" and "_relu" stand behind each convolution.

    Raises:
        ValueError: If an argument is outside what is said above.

    Example:
        >>> model = build_inception_v3((75, 75, 3), num_classes=10)
        >>> model.get_layer("mixed10").output.shape
        (None, 1, 1, 2048)
    """
    check_arguments(image_shape, num_classes)
    check_side(image_shape, 75, "less would leave nothing for the last of five strides")
    check_imagenet(weights, image_shape, num_classes)

    images = keras.Input(image_shape, name="images")
    x = layers.Rescaling(1 / 127.5, offset=-1, name="rescaling")(images)
    x = _conv_norm(x, 32, 3, "stem_conv1", strides=2, padding="valid")
    x = _conv_norm(x, 32, 3, "stem_conv2", padding="valid")
    x = _conv_norm(x, 64, 3, "stem_conv3")
    x = layers.MaxPooling2D(3, strides=2, name="stem_pool1")(x)
    x = _conv_norm(x, 80, 1, "stem_conv4", padding="valid")
    x = _conv_norm(x, 192, 3, "stem_conv5", padding="valid")
    x = layers.MaxPooling2D(3, strides=2, name="stem_pool2")(x)

    for number, pool_filters in enumerate((32, 64, 64)):  # 35 x 35
        x = _module_of_squares(x, pool_filters, f"mixed{number}")
    x = _module_that_halves(x, [(384, 3)], [(64, 1), (96, 3), (96, 3)], "mixed3")
    for number, filters in enumerate((128, 160, 160, 192), start=4):  # 17 x 17
        x = _module_of_bars(x, filters, f"mixed{number}")
    bars: Chain = [(192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3)]
    x = _module_that_halves(x, [(192, 1), (320, 3)], bars, "mixed8")
    for number in (9, 10):  # 8 x 8
        x = _module_of_forks(x, f"mixed{number}")

    x = layers.GlobalAveragePooling2D(name="average")(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    model = keras.Model(images, logits, name="inception_v3")
    if weights == "imagenet":
        take_official_weights(model, "InceptionV3")
    return model


def _module_of_squares(x: KerasTensor, pool_filters: int, name: str) -> KerasTensor:
    """Look through 1x1, through 5x5, through two 3x3 filters in a row, and at a pooling.

    Figure 5, with a 5x5 filter left in it; (batch, h, w, c) to (batch, h, w, 224 + pool_filters).
    """
    branches = [
        _chain(x, [(64, 1)], f"{name}_1x1"),
        _chain(x, [(48, 1), (64, 5)], f"{name}_5x5"),
        _chain(x, [(64, 1), (96, 3), (96, 3)], f"{name}_3x3_twice"),
        _pooled(x, pool_filters, f"{name}_pool"),
    ]
    return layers.Concatenate(name=name)(branches)


def _module_of_bars(x: KerasTensor, filters: int, name: str) -> KerasTensor:
    """Split each 7x7 filter into one of 1x7 and one of 7x1: 14 weights instead of 49.

    Figure 6 with n = 7. Maps (batch, h, w, c) to (batch, h, w, 768).
    """
    wide, tall = (filters, (1, 7)), (filters, (7, 1))
    branches = [
        _chain(x, [(192, 1)], f"{name}_1x1"),
        _chain(x, [(filters, 1), wide, (192, (7, 1))], f"{name}_7x7"),
        _chain(x, [(filters, 1), tall, wide, tall, (192, (1, 7))], f"{name}_7x7_twice"),
        _pooled(x, 192, f"{name}_pool"),
    ]
    return layers.Concatenate(name=name)(branches)


def _module_of_forks(x: KerasTensor, name: str) -> KerasTensor:
    """Look through 1x3 and 3x1 filters side by side: the widest module, for the smallest maps.

    Figure 7. Maps (batch, h, w, c) to (batch, h, w, 2048).
    """
    branches = [
        _chain(x, [(320, 1)], f"{name}_1x1"),
        _fork(_chain(x, [(384, 1)], f"{name}_3x3"), f"{name}_3x3"),
        _fork(_chain(x, [(448, 1), (384, 3)], f"{name}_3x3_twice"), f"{name}_3x3_twice"),
        _pooled(x, 192, f"{name}_pool"),
    ]
    return layers.Concatenate(name=name)(branches)


def _module_that_halves(x: KerasTensor, short: Chain, long: Chain, name: str) -> KerasTensor:
    """Halve the maps by two branches of convolutions and by a pooling at once.

    Figure 10; (batch, h, w, c) to (batch, (h - 1) // 2, (w - 1) // 2, filters of both + c).
    """
    branches = [
        _halving_chain(x, short, f"{name}_short"),
        _halving_chain(x, long, f"{name}_long"),
        layers.MaxPooling2D(3, strides=2, name=f"{name}_pool")(x),
    ]
    return layers.Concatenate(name=name)(branches)


def _chain(x: KerasTensor, convolutions: Chain, name: str) -> KerasTensor:
    """Apply convolutions one after another: (batch, h, w, c) to (batch, h, w, last filters)."""
    for number, (filters, kernel_size) in enumerate(convolutions, start=1):
        x = _conv_norm(x, filters, kernel_size, f"{name}_conv{number}")
    return x


def _halving_chain(x: KerasTensor, convolutions: Chain, name: str) -> KerasTensor:
    """Apply convolutions one after another, the last at every second place and without padding."""
    *before, (filters, kernel_size) = convolutions
    x = _chain(x, before, name)
    name = f"{name}_conv{len(convolutions)}"
    return _conv_norm(x, filters, kernel_size, name, strides=2, padding="valid")


def _fork(x: KerasTensor, name: str) -> KerasTensor:
    """Apply filters of 1x3 and of 3x1 side by side: (batch, h, w, c) to (batch, h, w, 768)."""
    tines = [_conv_norm(x, 384, (1, 3), f"{name}_1x3"), _conv_norm(x, 384, (3, 1), f"{name}_3x1")]
    return layers.Concatenate(name=f"{name}_fork")(tines)


def _pooled(x: KerasTensor, filters: int, name: str) -> KerasTensor:
    """Average 3x3 neighbours, then mix the maps: (batch, h, w, c) to (batch, h, w, filters)."""
    x = layers.AveragePooling2D(3, strides=1, padding="same", name=name)(x)
    return _chain(x, [(filters, 1)], name)


def _conv_norm(
    x: KerasTensor, filters: int, size: Size, name: str, strides: int = 1, padding: str = "same"
) -> KerasTensor:
    """Convolve, normalise without a learned scale, cut below zero."""
    x = layers.Conv2D(filters, size, strides, padding, use_bias=False, name=name)(x)
    x = layers.BatchNormalization(scale=False, name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)
