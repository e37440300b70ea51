"""What does a net look like that uses filters of several sizes side by side? GoogLeNet.

Source: Szegedy, Liu, Jia, Sermanet, Reed, Anguelov, Erhan, Vanhoucke & Rabinovich (2014), "Going
Deeper with Convolutions", https://arxiv.org/abs/1409.4842, figures 2 and 3, table 1, section 5.
Differs from the paper: the last pooling averages whatever map there is, so images of any size will
do. The paper gives no constants for the normalisation and no mean: Caffe's are used, but RGB, not
BGR. The column "params" of table 1 does not fit its widths (4c: 463K, by its widths 510,104).
"""

import keras
from keras import KerasTensor, layers

from cnnbook._checks import checked
from cnnbook.models._checks import check_arguments, check_side, checked_builder
from cnnbook.models._parts import LocalResponseNormalization

# Filters of each module, as in a row of table 1:
# 1x1, reduction before 3x3, 3x3, reduction before 5x5, 5x5, projection after the pooling.
Row = tuple[int, int, int, int, int, int]
MODULES: dict[str, Row] = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}


@checked_builder
def build_googlenet(
    image_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    auxiliary_heads: bool = False,
    reductions: bool = True,
    dropout: float = 0.4,
) -> keras.Model:
    """Build an uncompiled GoogLeNet (Inception v1): 6,998,552 parameters, 22 layers deep.

    Args:
        image_shape: (height, width, 3) of one image, at least 17 x 17; with auxiliary heads at
            least 65 x 65.
        num_classes: Width of the last layer, 2 or more.
        auxiliary_heads: Whether to add the paper's two classifiers behind the modules 4a and 4d,
            which help the gradient into the early layers: 13,378,280 parameters, three outputs.
            Train with `loss_weights=[1, 0.3, 0.3]` and the labels three times; afterwards
            `keras.Model(model.input, model.outputs[0])` leaves the heads out.
        reductions: Whether 1x1 convolutions thin the maps before the 3x3 and 5x5 filters and after
            the pooling (figure 2b). Without them (figure 2a, the "naive" module) each module adds
            its filters to all the maps that came in: 97,526,008 parameters.
        dropout: Share of values dropped before the last layer, in [0, 1).

    Returns:
        A functional model from images (batch, height, width, 3), RGB of 0 to 255, to float32 logits
        (batch, num_classes); with auxiliary heads to a list of three. Layers: "mean", "conv1",
        "pool1", "norm1", "conv2_reduce", "conv2", "norm2", "pool2", "inception3a_1x1",
        "_3x3_reduce", "_3x3", "_5x5_reduce", "_5x5", "_pool", "_pool_projection", "inception3a"
        (the four branches joined), ..., "inception5b", "average", "dropout", "logits"; the heads
        "auxiliary4a_pool", "_conv", "_flatten", "_dense", "_dropout", "_logits".

    Raises:
        ValueError: If an argument is outside what is said above.

    Example:
        >>> model = build_googlenet()
        >>> model.count_params(), model.get_layer("inception5b").output.shape
        (6998552, (None, 7, 7, 1024))
    """
    check_arguments(image_shape, num_classes, dropout, rgb=True)
    check_side(image_shape, 17, "below that the last of five halvings has one pixel left")
    if auxiliary_heads:
        check_side(image_shape, 65, "`auxiliary_heads` pool maps of 5 x 5, a 16th of a side")

    images = keras.Input(image_shape, name="images")
    x = layers.Rescaling(1.0, offset=[-123.0, -117.0, -104.0], name="mean")(images)
    x = _relu_conv(x, 64, 7, "conv1", strides=2)
    x = layers.MaxPooling2D(3, strides=2, padding="same", name="pool1")(x)
    x = LocalResponseNormalization(k=1.0, alpha=1e-4 / 5, name="norm1")(x)
    x = _relu_conv(x, 64, 1, "conv2_reduce")
    x = _relu_conv(x, 192, 3, "conv2")
    x = LocalResponseNormalization(k=1.0, alpha=1e-4 / 5, name="norm2")(x)
    x = layers.MaxPooling2D(3, strides=2, padding="same", name="pool2")(x)

    module = _inception_module if reductions else naive_inception_module
    auxiliary_logits = []
    for place, filters in MODULES.items():
        x = module(x, filters, f"inception{place}")
        if place in ("3b", "4e"):
            x = layers.MaxPooling2D(3, strides=2, padding="same", name=f"pool{place[0]}")(x)
        if place in ("4a", "4d") and auxiliary_heads:
            auxiliary_logits.append(_auxiliary_head(x, num_classes, f"auxiliary{place}"))

    x = layers.GlobalAveragePooling2D(name="average")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    outputs = [logits, *auxiliary_logits] if auxiliary_heads else logits
    return keras.Model(images, outputs, name="googlenet")


def _inception_module(x: KerasTensor, filters: Row, name: str) -> KerasTensor:
    """Look with three sizes of filter and a pooling, each after or before a 1x1 convolution.

    Figure 2b. Maps (batch, h, w, c) to (batch, h, w, sum of the four branches' filters).
    """
    one, reduce_three, three, reduce_five, five, projection = filters
    branch1 = _relu_conv(x, one, 1, f"{name}_1x1")
    branch2 = _relu_conv(x, reduce_three, 1, f"{name}_3x3_reduce")
    branch2 = _relu_conv(branch2, three, 3, f"{name}_3x3")
    branch3 = _relu_conv(x, reduce_five, 1, f"{name}_5x5_reduce")
    branch3 = _relu_conv(branch3, five, 5, f"{name}_5x5")
    branch4 = layers.MaxPooling2D(3, strides=1, padding="same", name=f"{name}_pool")(x)
    branch4 = _relu_conv(branch4, projection, 1, f"{name}_pool_projection")
    return layers.Concatenate(name=name)([branch1, branch2, branch3, branch4])


@checked
def naive_inception_module(x: KerasTensor, filters: Row, name: str) -> KerasTensor:
    """Look with three sizes of filter and a pooling, straight at all the maps that come in.

    Figure 2a: leaves out the reductions and the projection.

    Args:
        x: Maps, (batch, height, width, channels).
        filters: A row of six numbers, as in table 1; those of reductions and projection are unused.
        name: Of the module; its layers' names begin with it.

    Returns:
        Maps, (batch, height, width, filters of the three sizes + channels).
    """
    one, _, three, _, five, _ = filters
    branch1 = _relu_conv(x, one, 1, f"{name}_1x1")
    branch2 = _relu_conv(x, three, 3, f"{name}_3x3")
    branch3 = _relu_conv(x, five, 5, f"{name}_5x5")
    branch4 = layers.MaxPooling2D(3, strides=1, padding="same", name=f"{name}_pool")(x)
    return layers.Concatenate(name=name)([branch1, branch2, branch3, branch4])


def _auxiliary_head(x: KerasTensor, num_classes: int, name: str) -> KerasTensor:
    """Classify from halfway: maps (batch, h, w, c) to logits (batch, num_classes)."""
    x = layers.AveragePooling2D(5, strides=3, name=f"{name}_pool")(x)
    x = _relu_conv(x, 128, 1, f"{name}_conv")
    x = layers.Flatten(name=f"{name}_flatten")(x)
    x = layers.Dense(1024, activation="relu", name=f"{name}_dense")(x)
    x = layers.Dropout(0.7, name=f"{name}_dropout")(x)
    return layers.Dense(num_classes, dtype="float32", name=f"{name}_logits")(x)


def _relu_conv(x: KerasTensor, filters: int, size: int, name: str, strides: int = 1) -> KerasTensor:
    """Convolve and cut below zero; a side keeps its length, or is halved with `strides=2`."""
    return layers.Conv2D(filters, size, strides, "same", activation="relu", name=name)(x)
