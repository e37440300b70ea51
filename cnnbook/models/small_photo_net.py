"""How good can a small net for colour photographs be? Seven convolutions, no large dense layer.

Source: the order of the layers, convolution, pooling, batch normalisation, activation, two
convolutions a stage, is that of Jordan (2024), "94% on CIFAR-10 in 3.29 Seconds on a Single GPU",
https://arxiv.org/abs/2404.00498, section 3.
Differs from the paper: a sixteenth of its parameters; ReLU instead of GELU; the first convolution
is learned, not computed from the training images; the maps are averaged at the end.
"""

import keras
from keras import KerasTensor, layers

from cnnbook.models._checks import check_arguments, check_side, checked_builder


@checked_builder
def build_small_photo_net(
    image_shape: tuple[int, int, int] = (32, 32, 3), num_classes: int = 10, dropout: float = 0.0
) -> keras.Model:
    """Build an uncompiled CNN of three stages, 120,202 parameters for CIFAR-10.

    Args:
        image_shape: (height, width, channels) of one image, at least 8 x 8.
        num_classes: Width of the last layer, 2 or more.
        dropout: Share of values dropped before the last layer, in [0, 1).

    Returns:
        A functional model from images (batch, height, width, channels) of 0 to 255, to float32
        logits (batch, num_classes). Layers: "rescaling", "stem", "stage{1..3}_conv{1..2}", after
        each of these "..._norm" and "..._relu", "stage{1..3}_pool", "average", "dropout", "logits".

    Raises:
        ValueError: If an argument is outside what is said above.

    Example:
        >>> model = build_small_photo_net()
        >>> model.count_params(), model.get_layer("stage3_pool").output.shape
        (120202, (None, 4, 4, 64))
    """
    check_arguments(image_shape, num_classes, dropout)
    check_side(image_shape, 8, "each of three poolings halves a side")

    images = keras.Input(image_shape, name="images")
    x = layers.Rescaling(1 / 127.5, offset=-1, name="rescaling")(images)
    x = layers.Conv2D(32, 3, padding="same", activation="relu", name="stem")(x)
    for stage, filters in enumerate((32, 48, 64), start=1):
        x = _conv_norm_relu(x, filters, f"stage{stage}_conv1", pool=f"stage{stage}_pool")
        x = _conv_norm_relu(x, filters, f"stage{stage}_conv2")
    x = layers.GlobalAveragePooling2D(name="average")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="small_photo_net")


def _conv_norm_relu(x: KerasTensor, filters: int, name: str, pool: str = "") -> KerasTensor:
    """Convolve, pool if a name for the pooling is given, normalise, cut below zero.

    Pooling comes before the normalisation, which on a CPU would otherwise take longer than the
    convolution. With Keras' momentum of 0.99 the first hundreds of batches would predict nothing.
    (batch, h, w, c) to (batch, h, w, filters), with `pool` (batch, h // 2, w // 2, filters).
    """
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=name)(x)
    if pool:
        x = layers.MaxPooling2D(2, name=pool)(x)
    x = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)
