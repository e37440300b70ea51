"""What does a deeper CNN look like that is built of equal blocks?

Source: blocks of two 3x3 convolutions and a pooling are those of VGG: Simonyan & Zisserman (2014),
"Very Deep Convolutional Networks for Large-Scale Image Recognition",
https://arxiv.org/abs/1409.1556, table 1.
Differs from the paper: three blocks, not five, two convolutions in each, narrower dense layers.
"""

from collections.abc import Sequence

import keras
from keras import layers

from cnnbook.models._checks import check_arguments, check_side, check_widths, checked_builder


@checked_builder
def build_deep_blocks(
    image_shape: tuple[int, int, int] = (28, 28, 1),
    num_classes: int = 10,
    filters: Sequence[int] = (64, 128, 256),
    dense_units: Sequence[int] = (768, 256),
    dropout: float = 0.0,
) -> keras.Model:
    """Build an uncompiled CNN of conv-conv-pool blocks that returns logits.

    The default has 3,113,930 parameters, 1,144,256 in convolutions, 1,969,674 in dense layers.

    Args:
        image_shape: (height, width, channels) of one image; a side at least 2 to the power of the
            number of blocks, since each halves it.
        num_classes: Width of the last layer, 2 or more.
        filters: For each block the number of filters of both its convolutions.
        dense_units: Width of each hidden dense layer.
        dropout: Share of values dropped after each hidden dense layer, in [0, 1).

    Returns:
        A functional model from images (batch, height, width, channels) of 0 to 255, to float32
        logits (batch, num_classes). Layers: "rescaling", "block1_conv1", "block1_conv2",
        "block1_pool", ..., "flatten", "dense1", "dropout1", ..., "logits".

    Raises:
        ValueError: If an argument is outside what is said above.

    Example:
        >>> model = build_deep_blocks(dense_units=(8,))
        >>> model.get_layer("block3_pool").output.shape
        (None, 3, 3, 256)
    """
    check_arguments(image_shape, num_classes, dropout)
    check_widths(filters=filters, dense_units=dense_units)
    reason = f"each of the {len(filters)} blocks halves the sides"
    check_side(image_shape, 2 ** len(filters), reason, "Enlarge the images or use fewer blocks.")

    images = keras.Input(image_shape, name="images")
    x = layers.Rescaling(1 / 255, name="rescaling")(images)
    for block, width in enumerate(filters, start=1):
        for conv in (1, 2):
            name = f"block{block}_conv{conv}"
            x = layers.Conv2D(width, 3, padding="same", activation="relu", name=name)(x)
        x = layers.MaxPooling2D(2, name=f"block{block}_pool")(x)
    x = layers.Flatten(name="flatten")(x)
    for number, units in enumerate(dense_units, start=1):
        x = layers.Dense(units, activation="relu", name=f"dense{number}")(x)
        x = layers.Dropout(dropout, name=f"dropout{number}")(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="deep_blocks")
