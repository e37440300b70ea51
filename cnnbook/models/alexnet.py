"""Which network began the boom of deep learning, in 2012? AlexNet.

Source: Krizhevsky, Sutskever & Hinton (2012), "ImageNet Classification with Deep Convolutional
Neural Networks", https://papers.nips.cc/paper/4824-imagenet-classification-with-deep-convolutional-neural-networks,
figure 2 and section 3. The single tower: Krizhevsky (2014), "One weird trick for parallelizing
convolutional neural networks", https://arxiv.org/abs/1404.5997.
Differs from the papers: the input is 227 x 227, since the paper's 224 x 224 do not give its maps of
55 x 55; the mean colour of ImageNet is taken off, not a mean image; weights start as Keras starts
them; responses are normalised over all maps of a layer, not over one GPU's. The single tower, as in
PyTorch, has none, and 256 filters in "conv4"; its paper says 384 (61,838,248 parameters).
"""

import keras
from keras import KerasTensor, layers, ops

from cnnbook.models._checks import check_arguments, check_side, checked_builder, is_choice
from cnnbook.models._parts import LocalResponseNormalization

FILTERS = dict.fromkeys(("grouped", "ungrouped"), (96, 256, 384, 384, 256))
FILTERS["single_tower"] = (64, 192, 384, 256, 256)


@checked_builder
def build_alexnet(
    variant: str = "grouped",
    image_shape: tuple[int, int, int] = (227, 227, 3),
    num_classes: int = 1000,
    dropout: float = 0.5,
) -> keras.Model:
    """Build an uncompiled AlexNet, 60,965,224 parameters as published.

    Args:
        variant: "grouped", the original, in which two GPUs held half of the filters each, and
            exchanged maps only before the third convolution and the dense layers; "ungrouped", on
            one GPU (62,378,344 parameters); "single_tower" of 2014 (61,100,840), for 224 x 224 too.
        image_shape: (height, width, 3) of one image, at least 67 x 67 (single tower: 63 x 63).
        num_classes: Width of the last layer, 2 or more.
        dropout: Share of values dropped after each hidden dense layer, in [0, 1).

    Returns:
        A functional model from RGB images (batch, height, width, 3) of 0 to 255, to float32 logits
        (batch, num_classes). Layers: "mean", "conv1", "norm1", "pool1", "conv2", "norm2", "pool2",
        "conv3", "conv4", "conv5", "pool5", "flatten", "fc6", "dropout6", "fc7", "dropout7",
        "logits"; single tower: no norms; grouped: "conv2", "conv4", "conv5" join "conv2_gpu1",
        "conv2_gpu2" ...

    Raises:
        ValueError: If an argument is outside what is said above.

    Example:
        >>> model = build_alexnet(image_shape=(67, 67, 3), num_classes=2)
        >>> model.get_layer("conv1").output.shape, model.get_layer("pool5").output.shape
        ((None, 15, 15, 96), (None, 1, 1, 256))
    """
    check_arguments(image_shape, num_classes, dropout, rgb=True)
    if not is_choice(variant, FILTERS):
        raise ValueError(f"`variant` must be one of {str([*FILTERS])[1:-1]}; got {variant!r}.")
    side = 63 if variant == "single_tower" else 67
    check_side(image_shape, side, "after conv1 and three poolings a 32nd of it is left")
    filters, groups = FILTERS[variant], 2 if variant == "grouped" else 1

    images = keras.Input(image_shape, name="images")
    x = layers.Rescaling(1.0, offset=(-123.68, -116.779, -103.939), name="mean")(images)
    if variant == "single_tower":
        x = layers.ZeroPadding2D(2, name="rim")(x)
    x = layers.Conv2D(filters[0], 11, strides=4, activation="relu", name="conv1")(x)
    if variant != "single_tower":
        x = LocalResponseNormalization(name="norm1")(x)
    x = layers.MaxPooling2D(3, strides=2, name="pool1")(x)
    x = _convolution(x, filters[1], 5, groups, "conv2")
    if variant != "single_tower":
        x = LocalResponseNormalization(name="norm2")(x)
    x = layers.MaxPooling2D(3, strides=2, name="pool2")(x)
    x = _convolution(x, filters[2], 3, 1, "conv3")
    x = _convolution(x, filters[3], 3, groups, "conv4")
    x = _convolution(x, filters[4], 3, groups, "conv5")
    x = layers.MaxPooling2D(3, strides=2, name="pool5")(x)
    x = layers.Flatten(name="flatten")(x)
    for number in (6, 7):
        x = layers.Dense(4096, activation="relu", name=f"fc{number}")(x)
        x = layers.Dropout(dropout, name=f"dropout{number}")(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name=f"alexnet_{variant}")


def _convolution(x: KerasTensor, filters: int, size: int, groups: int, name: str) -> KerasTensor:
    """Convolve; with two groups, each half of the filters sees only one half of the maps.

    Maps (batch, h, w, c) to (batch, h, w, filters).
    (Conv2D has `groups` for this, but Keras must compile it for TensorFlow to run it on a CPU.)
    """
    if groups == 1:
        return layers.Conv2D(filters, size, padding="same", activation="relu", name=name)(x)
    halves = [
        _convolution(half, filters // groups, size, 1, f"{name}_gpu{gpu}")
        for gpu, half in enumerate(ops.split(x, groups, axis=-1), start=1)
    ]
    return layers.Concatenate(name=name)(halves)
