"""How can a network of 50 or 152 layers still be trained? Each block adds to what it was given.

Source: He, Zhang, Ren & Sun (2015), "Deep Residual Learning for Image Recognition",
https://arxiv.org/abs/1512.03385: table 1 (the five nets), figure 5 (the two blocks); shortcuts of
option B, a 1x1 convolution where the size of the maps changes.
Differs from the paper: the mean colour of ImageNet is subtracted, not the mean image; the first
weights have the paper's variance, but are uniform, not Gaussian. As in keras.applications, whose
weights fit, the convolutions of the nets of 50 layers and more have superfluous biases.
"""

import keras
from keras import KerasTensor, layers

from cnnbook.models._checks import check_arguments, checked_builder, is_choice
from cnnbook.models._parts import (
    BOTTLENECKS,
    padded_conv_norm,
    photo_stem,
    residual_stages,
    take_official_weights,
)

# Depth: blocks in the stages 2 to 5. From 50 layers on a block has three convolutions, not two.
BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)} | BOTTLENECKS
MEAN_BGR = (103.939, 116.779, 123.68)


@checked_builder
def build_resnet(
    depth: int = 50,
    image_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    weights: str | None = None,
) -> keras.Model:
    """Build an uncompiled ResNet that returns logits.

    The paper gives multiply-adds: 1.8, 3.6, 3.8, 7.6 and 11.3 thousand millions for 18, 34, 50, 101
    and 152 layers. `count_params`, with moving means and variances: 11,699,112, 21,814,696,
    25,636,712, 44,707,176, 60,419,944; trainable with 18 and 34 layers: 11,689,512 and 21,797,672.

    Args:
        depth: Layers with weights on the way through the blocks: 18, 34, 50, 101 or 152.
        image_shape: (height, width, 3) of one image, any size; the last maps are 32 times smaller.
        num_classes: Width of the last layer, 2 or more.
        weights: None, or "imagenet": those of keras.applications (needs the internet once), for 50,
            101 and 152 layers and 1000 classes.

    Returns:
        A functional model from RGB images (batch, height, width, 3) of 0 to 255, to float32 logits
        (batch, num_classes). Layers: "mean", "conv1", "conv1_norm", "conv1_relu", "pool1", for
        stages 2 to 5 (conv2_x to conv5_x of table 1) as in "stage2_block1_conv1", with "_norm",
        "_relu" behind, "stage2_block1_shortcut", "_shortcut_norm", "_add", "_relu"; "average",
        "logits".

    Raises:
        ValueError: If an argument is outside what is said above.

    Example:
        >>> model = build_resnet(18, image_shape=(64, 64, 3), num_classes=10)
        >>> model.get_layer("stage5_block2_relu").output.shape
        (None, 2, 2, 512)
    """
    check_arguments(image_shape, num_classes, rgb=True)
    _check_resnet(depth, num_classes, weights)
    block = _basic_block if depth < 50 else _bottleneck_block
    images = keras.Input(image_shape, name="images")
    x = keras.ops.flip(images, axis=-1)  # RGB to BGR, in which the published weights were trained
    x = layers.Rescaling(1.0, offset=[-mean for mean in MEAN_BGR], name="mean")(x)
    x = photo_stem(x, use_bias=depth >= 50)
    x = residual_stages(x, BLOCKS[depth], block)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    model = keras.Model(images, logits, name=f"resnet{depth}")
    if weights == "imagenet":
        take_official_weights(model, f"ResNet{depth}")
    return model


def _basic_block(x: KerasTensor, filters: int, strides: int, name: str) -> KerasTensor:
    """Add to the input what two 3x3 convolutions make of it: the nets of 18 and 34 layers.

    Maps (batch, h, w, c) to (batch, ceil(h / strides), ceil(w / strides), filters).
    """
    shortcut = x
    if x.shape[-1] != filters:
        shortcut = padded_conv_norm(x, filters, 1, f"{name}_shortcut", strides)
    x = padded_conv_norm(x, filters, 3, f"{name}_conv1", strides)
    x = layers.ReLU(name=f"{name}_conv1_relu")(x)
    x = padded_conv_norm(x, filters, 3, f"{name}_conv2")
    x = layers.Add(name=f"{name}_add")([shortcut, x])
    return layers.ReLU(name=f"{name}_relu")(x)


def _bottleneck_block(x: KerasTensor, filters: int, strides: int, name: str) -> KerasTensor:
    """Add what a narrow 3x3 convolution between two of 1x1 makes of the input: 50 layers and more.

    Maps (batch, h, w, c) to (batch, ceil(h / strides), ceil(w / strides), 4 * filters).
    """
    shortcut = x
    if x.shape[-1] != 4 * filters:
        shortcut = padded_conv_norm(x, 4 * filters, 1, f"{name}_shortcut", strides, use_bias=True)
    x = padded_conv_norm(x, filters, 1, f"{name}_conv1", strides, use_bias=True)
    x = layers.ReLU(name=f"{name}_conv1_relu")(x)
    x = padded_conv_norm(x, filters, 3, f"{name}_conv2", use_bias=True)
    x = layers.ReLU(name=f"{name}_conv2_relu")(x)
    x = padded_conv_norm(x, 4 * filters, 1, f"{name}_conv3", use_bias=True)
    x = layers.Add(name=f"{name}_add")([shortcut, x])
    return layers.ReLU(name=f"{name}_relu")(x)


def _check_resnet(depth: int, num_classes: int, weights: str | None) -> None:
    """Refuse a net that is not in the table, and weights that do not fit."""
    if not is_choice(depth, BLOCKS):
        raise ValueError(
            f"`depth` must be {str([*BLOCKS])[1:-1]}; got {depth}. For 20 to 110 layers and small "
            "images there is build_resnet_cifar."
        )
    if weights is not None and (not is_choice(weights, ["imagenet"]) or depth < 50):
        raise ValueError(
            '`weights` must be None, or "imagenet" with a depth of 50, 101 or 152; got '
            f"{weights!r} with {depth}."
        )
    if weights is not None and num_classes != 1000:
        raise ValueError(
            f'`num_classes` must be 1000 with weights="imagenet"; got {num_classes}. Build with '
            '1000, and put a new head on the layer "average".'
        )
