"""What if every layer sees the maps of all layers before it? DenseNet.

Source: Huang, Liu, van der Maaten & Weinberger (2016), "Densely Connected Convolutional Networks",
https://arxiv.org/abs/1608.06993, section 3, figures 1 and 2, table 1; for CIFAR: table 2.
Differs from the paper: the initial weights are Keras' defaults, and the nets for CIFAR have no
dropout (the paper has 0.2 where it trains without augmentation).
"""

from numbers import Integral

import keras
from keras import KerasTensor, layers

from cnnbook.models._checks import (
    check_arguments,
    check_imagenet,
    check_side,
    check_widths,
    checked_builder,
    is_choice,
)
from cnnbook.models._parts import IMAGENET, standardized, take_official_weights

# Layers of each of the four dense blocks, table 1.
BLOCKS = {121: (6, 12, 24, 16), 169: (6, 12, 32, 32), 201: (6, 12, 48, 32)}
# Red, green, blue of the training images, in units of 255: means, standard deviations.
CIFAR = ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))


@checked_builder
def build_densenet(
    depth: int = 121,
    image_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    weights: str | None = None,
) -> keras.Model:
    """Build an uncompiled DenseNet for ImageNet, growth rate 32.

    Parameters with 121, 169, 201 layers: 8,062,504, 14,307,880, 20,242,984.

    Args:
        depth: Number of layers with weights (without the normalisations): 121, 169 or 201.
        image_shape: (height, width, 3) of one image, at least 29 x 29.
        num_classes: Width of the last layer, 2 or more.
        weights: None, or "imagenet": those of keras.applications (needs the internet once), for
            1000 classes.

    Returns:
        A functional model from images (batch, height, width, 3), RGB of 0 to 255, to float32 logits
        (batch, num_classes). Layers: "rescaling", "conv1_pad", "conv1", "conv1_norm", "conv1_relu",
        "pool1_pad", "pool1", in each layer of a block "dense_block1_layer1_norm1", "_relu1",
        "_conv1" (1x1), "_norm2", "_relu2", "_conv2" (3x3), "dense_block1_layer1"
        (all maps so far, joined), between two blocks "transition1_norm", "_relu", "_conv", "_pool",
        last "norm", "relu", "average", "logits".

    Raises:
        ValueError: If an argument is outside what is said above.

    Example:
        >>> build_densenet(161)
        Traceback (most recent call last):
        ValueError: `depth` must be 121, 169 or 201; got 161.
    """
    check_arguments(image_shape, num_classes, rgb=True)
    if not is_choice(depth, BLOCKS):
        raise ValueError(f"`depth` must be 121, 169 or 201; got {depth}.")
    check_side(image_shape, 29, "less would leave nothing for the last of five halvings")
    check_imagenet(weights, image_shape, num_classes)

    images = keras.Input(image_shape, name="images")
    x = standardized(images, *IMAGENET)
    x = layers.ZeroPadding2D(3, name="conv1_pad")(x)
    x = layers.Conv2D(64, 7, strides=2, use_bias=False, name="conv1")(x)
    x = _norm_relu(x, "conv1_norm", "conv1_relu")
    x = layers.ZeroPadding2D(1, name="pool1_pad")(x)
    x = layers.MaxPooling2D(3, strides=2, name="pool1")(x)
    for block, num_layers in enumerate(BLOCKS[depth], start=1):
        x = _dense_block(x, num_layers, 32, True, f"dense_block{block}")
        if block < 4:
            x = _transition(x, x.shape[-1] // 2, f"transition{block}")
    logits = _classified(x, num_classes)
    model = keras.Model(images, logits, name=f"densenet{depth}")
    if weights == "imagenet":
        take_official_weights(model, f"DenseNet{depth}")
    return model


@checked_builder
def build_densenet_cifar(
    depth: int = 40,
    image_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    growth_rate: int = 12,
    bottleneck: bool = False,
) -> keras.Model:
    """Build an uncompiled DenseNet for small images, three equal blocks.

    1,019,722 weights are trained, 18,096 are running means and variances. The paper's DenseNet-BC,
    `build_densenet_cifar(100, bottleneck=True)`, trains 769,162.

    Args:
        depth: Number of layers with weights (without the normalisations): 4 more than a multiple
            of 3 (7, 10, ..., 40, ...), with `bottleneck` 4 more than a multiple of 6.
        image_shape: (height, width, 3) of one image, at least 4 x 4.
        num_classes: Width of the last layer, 2 or more.
        growth_rate: Maps that each layer adds, 1 or more; in the paper also 24 and 40.
        bottleneck: Whether a 1x1 convolution comes before each 3x3, transitions halve the number of
            maps, and the first convolution has twice the growth rate in place of 16.

    Returns:
        A functional model from images (batch, height, width, 3), RGB of 0 to 255, to float32 logits
        (batch, num_classes). Layers: as of `build_densenet`, but only "conv1" before the first
        block; without bottleneck only "_norm1", "_relu1", "_conv1" (3x3) in a layer of a block.

    Raises:
        ValueError: If an argument is outside what is said above.

    Example:
        >>> model = build_densenet_cifar(depth=10)
        >>> model.get_layer("dense_block1_layer2").output.shape
        (None, 32, 32, 40)
    """
    check_arguments(image_shape, num_classes, rgb=True)
    check_side(image_shape, 4, "each of two transitions halves a side")
    step = 6 if bottleneck else 3
    if not isinstance(depth, Integral):
        raise ValueError(f"`depth` must be a whole number such as 40 or 100; got {depth!r}.")
    num_layers, rest = divmod(depth - 4, step)
    if num_layers < 1 or rest:
        lower = max(4 + step, depth - rest)
        raise ValueError(
            f"`depth` must be 4 more than a multiple of {step}, for three equal blocks; got "
            f"{depth}. The nearest are {lower} and {lower + step}."
        )
    check_widths(growth_rate=growth_rate)

    images = keras.Input(image_shape, name="images")
    x = standardized(images, *CIFAR)
    filters = 2 * growth_rate if bottleneck else 16
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name="conv1")(x)
    for block in (1, 2, 3):
        x = _dense_block(x, num_layers, growth_rate, bottleneck, f"dense_block{block}")
        if block < 3:
            filters = x.shape[-1] // 2 if bottleneck else x.shape[-1]
            x = _transition(x, filters, f"transition{block}")
    logits = _classified(x, num_classes)
    return keras.Model(images, logits, name=f"densenet_cifar{depth}")


def _dense_block(
    x: KerasTensor, num_layers: int, growth_rate: int, bottleneck: bool, name: str
) -> KerasTensor:
    """Let each layer see all maps so far, and join its few new maps to them.

    Figure 1. Maps (batch, h, w, c) to (batch, h, w, c + num_layers * growth_rate).
    """
    for layer in range(1, num_layers + 1):
        place = f"{name}_layer{layer}"
        new, last = _norm_relu(x, f"{place}_norm1", f"{place}_relu1"), f"{place}_conv1"
        if bottleneck:
            new = layers.Conv2D(4 * growth_rate, 1, use_bias=False, name=last)(new)
            new, last = _norm_relu(new, f"{place}_norm2", f"{place}_relu2"), f"{place}_conv2"
        new = layers.Conv2D(growth_rate, 3, padding="same", use_bias=False, name=last)(new)
        x = layers.Concatenate(name=place)([x, new])
    return x


def _transition(x: KerasTensor, filters: int, name: str) -> KerasTensor:
    """Mix the maps and halve their sides: (batch, h, w, c) to (batch, h // 2, w // 2, filters)."""
    x = _norm_relu(x, f"{name}_norm", f"{name}_relu")
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_conv")(x)
    return layers.AveragePooling2D(2, name=f"{name}_pool")(x)


def _classified(x: KerasTensor, num_classes: int) -> KerasTensor:
    """Turn maps (batch, h, w, c) into logits (batch, num_classes)."""
    x = _norm_relu(x, "norm", "relu")
    x = layers.GlobalAveragePooling2D(name="average")(x)
    return layers.Dense(num_classes, dtype="float32", name="logits")(x)


def _norm_relu(x: KerasTensor, norm_name: str, relu_name: str) -> KerasTensor:
    """Normalise and cut below zero: here this comes before each convolution, not after it.

    The running means forget one tenth a batch, as in the authors' Torch.
    """
    x = layers.BatchNormalization(momentum=0.9, epsilon=1.001e-5, name=norm_name)(x)
    return layers.ReLU(name=relu_name)(x)
