"""Do more layers always help? Plain and residual networks for 32x32 images, alike but for the sum.

Source: He, Zhang, Ren & Sun (2015), "Deep Residual Learning for Image Recognition",
https://arxiv.org/abs/1512.03385, section 4.2 and table 6: 6n + 2 layers, shortcuts of option A
(the input itself, or every second pixel of it with channels of zeros added), which cost no weights.
Differs from the paper: pixels are scaled to -1 to 1; the paper subtracts the mean image.
"""

from functools import partial

import keras
from keras import KerasTensor, layers

from cnnbook.models._checks import (
    check_arguments,
    check_cifar_depth,
    check_widths,
    checked_builder,
)
from cnnbook.models._parts import halved_and_widened, padded_conv_norm, residual_stages

START = "he_normal"  # how the convolutions' weights are drawn


@checked_builder
def build_resnet_cifar(
    depth: int = 20,
    image_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    residual: bool = True,
    filters: int = 16,
) -> keras.Model:
    """Build an uncompiled ResNet for small images, or the plain net without its shortcuts.

    Table 6 has 20, 32, 44, 56 and 110 layers with 0.27, 0.46, 0.66, 0.85 and 1.7 million
    parameters; trainable here, with shortcuts or not: 269,722, 464,154, 658,586, 853,018 and
    1,727,962.

    Args:
        depth: Layers with weights, 6n + 2: 8, 14, 20, 26, 32, ...
        image_shape: (height, width, channels) of one image, of any size; the last maps are 4 times
            smaller.
        num_classes: Width of the last layer, 2 or more.
        residual: Whether each block adds its input to its output. False gives the plain net.
        filters: Of each convolution of the first stage, 1 or more; the next stages have twice and
            four times as many.

    Returns:
        A functional model from images (batch, height, width, channels) of 0 to 255, to float32
        logits (batch, num_classes). Layers: "rescaling", "conv1", "conv1_norm", "conv1_relu", for
        stages 1 to 3, blocks 1 to n "stage1_block1_conv1" and "_conv2" with "_norm" and "_relu"
        behind, "stage1_block1_add", "_relu", last "average", "logits".

    Raises:
        ValueError: If an argument is outside what is said above.

    Example:
        >>> model = build_resnet_cifar(8)
        >>> model.get_layer("stage3_block1_relu").output.shape
        (None, 8, 8, 64)
    """
    check_arguments(image_shape, num_classes)
    check_cifar_depth(depth)
    check_widths(filters=filters)

    images = keras.Input(image_shape, name="images")
    x = layers.Rescaling(1 / 127.5, offset=-1, name="rescaling")(images)
    x = padded_conv_norm(x, filters, 3, "conv1", kernel_initializer=START)
    x = layers.ReLU(name="conv1_relu")(x)
    block = partial(_two_convolutions, residual=residual)
    x = residual_stages(x, [depth // 6] * 3, block, filters, first=1)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name=f"{'resnet' if residual else 'plain'}{depth}")


def _two_convolutions(
    x: KerasTensor, filters: int, strides: int, name: str, residual: bool
) -> KerasTensor:
    """Convolve twice, and add the input where that is wanted.

    Maps (batch, h, w, c) to (batch, ceil(h / strides), ceil(w / strides), filters).
    """
    shortcut = x
    x = padded_conv_norm(x, filters, 3, f"{name}_conv1", strides, kernel_initializer=START)
    x = layers.ReLU(name=f"{name}_conv1_relu")(x)
    x = padded_conv_norm(x, filters, 3, f"{name}_conv2", kernel_initializer=START)
    if residual:
        shortcut = halved_and_widened(shortcut, name) if strides == 2 else shortcut
        x = layers.Add(name=f"{name}_add")([shortcut, x])
    return layers.ReLU(name=f"{name}_relu")(x)
