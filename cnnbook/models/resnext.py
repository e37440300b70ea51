"""Wider, deeper, or in more groups? ResNeXt splits the 3x3 convolution of a block into 32.

Source: Xie, Girshick, Dollár, Tu & He (2017), "Aggregated Residual Transformations for Deep Neural
Networks", https://arxiv.org/abs/1611.05431: table 1 (the net of 50 layers), figure 3c (the block),
section 5 (strides in the 3x3 convolution); the net for CIFAR: section 5.3 and table 7. Parameters
to the last one: torchvision's documentation of resnext50_32x4d.
Differs from the paper: the first weights have the paper's variance, but are uniform.
"""

from functools import partial

import keras
from keras import KerasTensor, layers, ops

from cnnbook.models._checks import check_arguments, check_widths, checked_builder, is_choice
from cnnbook.models._parts import (
    BOTTLENECKS,
    IMAGENET,
    padded_conv_norm,
    photo_stem,
    residual_stages,
    standardized,
)


@keras.saving.register_keras_serializable(package="cnnbook")
class GroupedConv2D(layers.Conv2D):
    """Convolve groups of maps each by itself; `groups` and all else as in Conv2D.

    Conv2D can do that, too, but has to be compiled for TensorFlow on a CPU, and then took 50 to 200
    times as long in a training step (decision 38). This one makes a convolution of each group and
    joins what they give. Its kernel is that of Conv2D, (height, width, maps / groups, filters).
    """

    def convolution_op(self, inputs: KerasTensor, kernel: KerasTensor) -> KerasTensor:
        """Convolve each group; Keras adds the bias."""
        axis = -1 if self.data_format == "channels_last" else 1
        parts = ops.split(inputs, self.groups, axis), ops.split(kernel, self.groups, -1)
        options = self.strides, self.padding, self.data_format, self.dilation_rate
        joined = [ops.conv(maps, own, *options) for maps, own in zip(*parts, strict=True)]
        return ops.concatenate(joined, axis)


@checked_builder
def build_resnext(
    depth: int = 50,
    image_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    cardinality: int = 32,
    width: int = 4,
) -> keras.Model:
    """Build an uncompiled ResNeXt that returns logits.

    Trainable parameters of 50 layers with 32 groups of 4 maps: 25,028,904, as published;
    `count_params` adds the running means and variances: 25,097,128. Of 101 layers: 44,177,704.

    Args:
        depth: Layers with weights on the way through the blocks: 50, 101 or 152.
        image_shape: (height, width, 3) of one image, any size; the last maps are 32 times smaller.
        num_classes: Width of the last layer, 2 or more.
        cardinality: Groups of each 3x3 convolution, 1 or more.
        width: Maps of each group in the first of four stages, 1 or more; twice as many in each next
            one. With 1 group of 64 it is ResNet-50.

    Returns:
        A functional model from images (batch, height, width, 3), RGB of 0 to 255, to float32 logits
        (batch, num_classes). Layers: "rescaling", "conv1", "pool1", for stages 2 to 5 as in
        "stage2_block1_conv1", "_conv2" (the grouped one), "_conv3", "_shortcut", "_add", "_relu";
        "average", "logits". Behind convolutions stand "_norm" and "_relu".

    Raises:
        ValueError: If an argument is outside what is said above.

    Example:
        >>> model = build_resnext(image_shape=(64, 64, 3), num_classes=10)
        >>> tuple(model.get_layer("stage2_block1_conv2").kernel.shape)
        (3, 3, 4, 128)
    """
    check_arguments(image_shape, num_classes, rgb=True)
    if not is_choice(depth, BOTTLENECKS):
        raise ValueError(f"`depth` must be 50, 101 or 152; got {depth}.")
    check_widths(cardinality=cardinality, width=width)

    images = keras.Input(image_shape, name="images")
    x = photo_stem(standardized(images, *IMAGENET))
    block = partial(_grouped_block, groups=cardinality, inner=cardinality * width / 64)
    x = residual_stages(x, BOTTLENECKS[depth], block)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name=f"resnext{depth}_{cardinality}x{width}d")


@checked_builder
def build_resnext_cifar(
    image_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    cardinality: int = 8,
    width: int = 64,
    filters: int = 64,
) -> keras.Model:
    """Build an uncompiled ResNeXt-29 for small images: three stages of three blocks.

    The paper's has 34.4 million parameters (8 x 64d; 34,426,698 are trained here).

    Args:
        image_shape: (height, width, channels) of one image, of any size; the last maps are 4 times
            smaller.
        num_classes: Width of the last layer, 2 or more.
        cardinality: Groups of each 3x3 convolution, 1 or more.
        width: Maps of each group in the first stage, 1 or more; the next have twice and four times
            as many.
        filters: Of the first convolution, 1 or more; what leaves the stages has 4, 8 and 16 times
            as many maps.

    Returns:
        A functional model from images (batch, height, width, channels) of 0 to 255, to float32
        logits (batch, num_classes). Layers: "rescaling", "conv1", and from "stage1_block1_conv1" on
        as in `build_resnext`.

    Raises:
        ValueError: If an argument is outside what is said above.

    Example:
        >>> model = build_resnext_cifar(width=4, filters=8)
        >>> model.get_layer("stage3_block3_relu").output.shape
        (None, 8, 8, 128)
    """
    check_arguments(image_shape, num_classes)
    check_widths(cardinality=cardinality, width=width, filters=filters)

    images = keras.Input(image_shape, name="images")
    x = layers.Rescaling(1 / 127.5, offset=-1, name="rescaling")(images)
    x = padded_conv_norm(x, filters, 3, "conv1")
    x = layers.ReLU(name="conv1_relu")(x)
    block = partial(_grouped_block, groups=cardinality, inner=cardinality * width / filters)
    x = residual_stages(x, (3, 3, 3), block, filters, first=1)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name=f"resnext29_{cardinality}x{width}d")


def _grouped_block(
    x: KerasTensor, filters: int, strides: int, name: str, groups: int, inner: float
) -> KerasTensor:
    """Add what a grouped 3x3 convolution between two of 1x1 makes of the input.

    Between the two lie `inner` times as many maps as there are filters. Maps (batch, h, w, c) to
    (batch, ceil(h / strides), ceil(w / strides), 4 * filters).
    """
    shortcut, between = x, round(filters * inner)
    if x.shape[-1] != 4 * filters:
        shortcut = padded_conv_norm(x, 4 * filters, 1, f"{name}_shortcut", strides)
    x = padded_conv_norm(x, between, 1, f"{name}_conv1")
    x = layers.ReLU(name=f"{name}_conv1_relu")(x)
    x = layers.ZeroPadding2D(1, name=f"{name}_conv2_pad")(x)
    start = {"use_bias": False, "kernel_initializer": "he_uniform"}
    x = GroupedConv2D(between, 3, strides, groups=groups, name=f"{name}_conv2", **start)(x)
    x = layers.BatchNormalization(epsilon=1.001e-5, name=f"{name}_conv2_norm")(x)
    x = layers.ReLU(name=f"{name}_conv2_relu")(x)
    x = padded_conv_norm(x, 4 * filters, 1, f"{name}_conv3")
    x = layers.Add(name=f"{name}_add")([shortcut, x])
    return layers.ReLU(name=f"{name}_relu")(x)
