"""Which maps matter for this image? Squeeze-and-excitation weighs each of them.

Source: Hu, Shen, Albanie, Sun & Wu (2018), "Squeeze-and-Excitation Networks",
https://arxiv.org/abs/1709.01507: figure 3 (the block), table 1 (the net of 50 layers), table 2
(multiply-adds); the nets for CIFAR, of ResNet-110's blocks: section 5.1. Parameters as counted by
https://github.com/osmr/imgclsmob from the authors' weights.
Differs from the paper: pixels are standardised, not only freed of the mean; the first weights of
convolutions have the paper's variance, but are uniform in the nets for ImageNet.
"""

from functools import partial

import keras
from keras import KerasTensor, layers

from cnnbook.models._checks import (
    check_arguments,
    check_cifar_depth,
    check_widths,
    checked_builder,
    is_choice,
)
from cnnbook.models._parts import (
    BOTTLENECKS,
    IMAGENET,
    halved_and_widened,
    padded_conv_norm,
    photo_stem,
    residual_stages,
    standardized,
)


@checked_builder
def build_se_resnet(
    depth: int = 50,
    image_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    reduction: int = 16,
) -> keras.Model:
    """Build an uncompiled SE-ResNet that returns logits.

    Trainable parameters, as published, of 50, 101 and 152 layers: 28,088,024, 49,326,872 and
    66,821,848; `count_params` adds the running means and variances: 28,141,144, 49,432,216 and
    66,973,272.

    Args:
        depth: Layers with weights on the way through the blocks: 50, 101 or 152.
        image_shape: (height, width, 3) of one image, any size; the last maps are 32 times smaller.
        num_classes: Width of the last layer, 2 or more.
        reduction: How many times fewer units than maps the hidden layer of a gate has, 1 or more.

    Returns:
        A functional model from images (batch, height, width, 3), RGB of 0 to 255, to float32 logits
        (batch, num_classes). Layers: "rescaling", "conv1", "pool1", for stages 2 to 5 as in
        "stage2_block1_conv1", "_conv2", "_conv3", "_squeeze", "_reduce", "_excite" (the weights of
        the maps, 0 to 1), "_scale", "_shortcut", "_add", "_relu"; "average", "logits". Behind
        convolutions stand "_norm" and "_relu".

    Raises:
        ValueError: If an argument is outside what is said above.

    Example:
        >>> model = build_se_resnet(image_shape=(64, 64, 3), num_classes=10)
        >>> model.get_layer("stage5_block3_excite").output.shape
        (None, 1, 1, 2048)
    """
    check_arguments(image_shape, num_classes, rgb=True)
    if not is_choice(depth, BOTTLENECKS):
        raise ValueError(f"`depth` must be 50, 101 or 152; got {depth}.")
    check_widths(reduction=reduction)

    images = keras.Input(image_shape, name="images")
    x = photo_stem(standardized(images, *IMAGENET))
    x = residual_stages(x, BOTTLENECKS[depth], partial(_bottleneck_se_block, reduction=reduction))
    x = layers.GlobalAveragePooling2D(name="average")(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name=f"se_resnet{depth}")


@checked_builder
def build_se_resnet_cifar(
    depth: int = 20,
    image_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    filters: int = 16,
    reduction: int = 16,
) -> keras.Model:
    """Build an uncompiled SE-ResNet for small images: `build_resnet_cifar` with a gate a block.

    Args:
        depth: Layers with weights but for the gates, 6n + 2: 8, 14, 20, ..., in the paper 110.
        image_shape: (height, width, channels) of one image, of any size; the last maps are 4 times
            smaller.
        num_classes: Width of the last layer, 2 or more.
        filters: Of each convolution of the first stage, 1 or more; the next stages have twice and
            four times as many.
        reduction: How many times fewer units than maps the hidden layer of a gate has, 1 or more;
            one unit stays in any case.

    Returns:
        A functional model from images (batch, height, width, channels) of 0 to 255, to float32
        logits (batch, num_classes). Layers: "rescaling", "conv1", for stages 1 to 3 as in
        "stage1_block1_conv1", "_conv2", "_squeeze", "_reduce", "_excite", "_scale", "_add",
        "_relu"; "average", "logits". Behind convolutions stand "_norm" and "_relu".

    Raises:
        ValueError: If an argument is outside what is said above.

    Example:
        >>> model = build_se_resnet_cifar(8, reduction=4)
        >>> model.get_layer("stage3_block1_reduce").output.shape
        (None, 1, 1, 16)
    """
    check_arguments(image_shape, num_classes)
    check_cifar_depth(depth)
    check_widths(filters=filters, reduction=reduction)

    images = keras.Input(image_shape, name="images")
    x = layers.Rescaling(1 / 127.5, offset=-1, name="rescaling")(images)
    x = padded_conv_norm(x, filters, 3, "conv1", kernel_initializer="he_normal")
    x = layers.ReLU(name="conv1_relu")(x)
    block = partial(_basic_se_block, reduction=reduction)
    x = residual_stages(x, [depth // 6] * 3, block, filters, first=1)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name=f"se_resnet_cifar{depth}")


def _bottleneck_se_block(
    x: KerasTensor, filters: int, strides: int, name: str, reduction: int
) -> KerasTensor:
    """Add what three convolutions and a gate make of the input: the nets for ImageNet.

    Maps (batch, h, w, c) to (batch, ceil(h / strides), ceil(w / strides), 4 * filters).
    """
    shortcut = x
    if x.shape[-1] != 4 * filters:
        shortcut = padded_conv_norm(x, 4 * filters, 1, f"{name}_shortcut", strides)
    x = padded_conv_norm(x, filters, 1, f"{name}_conv1", strides)
    x = layers.ReLU(name=f"{name}_conv1_relu")(x)
    x = padded_conv_norm(x, filters, 3, f"{name}_conv2")
    x = layers.ReLU(name=f"{name}_conv2_relu")(x)
    x = padded_conv_norm(x, 4 * filters, 1, f"{name}_conv3")
    x = _squeeze_and_excite(x, reduction, name)
    x = layers.Add(name=f"{name}_add")([shortcut, x])
    return layers.ReLU(name=f"{name}_relu")(x)


def _basic_se_block(
    x: KerasTensor, filters: int, strides: int, name: str, reduction: int
) -> KerasTensor:
    """Add what two convolutions and a gate make of the input: the nets for small images.

    Maps (batch, h, w, c) to (batch, ceil(h / strides), ceil(w / strides), filters).
    """
    shortcut = halved_and_widened(x, name) if strides == 2 else x
    x = padded_conv_norm(x, filters, 3, f"{name}_conv1", strides, kernel_initializer="he_normal")
    x = layers.ReLU(name=f"{name}_conv1_relu")(x)
    x = padded_conv_norm(x, filters, 3, f"{name}_conv2", kernel_initializer="he_normal")
    x = _squeeze_and_excite(x, reduction, name)
    x = layers.Add(name=f"{name}_add")([shortcut, x])
    return layers.ReLU(name=f"{name}_relu")(x)


def _squeeze_and_excite(x: KerasTensor, reduction: int, name: str) -> KerasTensor:
    """Weigh each map by a number of 0 to 1 that two dense layers make of the means of all maps.

    Figure 3. The shape (batch, h, w, c) stays.
    """
    channels = x.shape[-1]
    few = max(1, channels // reduction)
    gate = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_squeeze")(x)
    gate = layers.Dense(few, activation="relu", name=f"{name}_reduce")(gate)
    gate = layers.Dense(channels, activation="sigmoid", name=f"{name}_excite")(gate)
    return layers.Multiply(name=f"{name}_scale")([x, gate])
