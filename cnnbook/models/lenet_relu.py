"""What does a CNN look like that alternates convolution and pooling?

Source: the idea is LeNet-5's: LeCun, Bottou, Bengio & Haffner (1998),
"Gradient-Based Learning Applied to Document Recognition",
https://doi.org/10.1109/5.726791, section II.B. Filters and widths are those
that later tutorials settled on.
Differs from the paper: ReLU, max pooling without weights, one dense layer with
dropout, every filter sees all maps.

This file stands alone: copy it, it needs only Keras.
"""

from collections.abc import Sequence

import keras
from keras import layers


def build_lenet_relu(
    image_shape: tuple[int, int, int] = (28, 28, 1),
    num_classes: int = 10,
    blocks: Sequence[tuple[int, int, str, int]] = ((64, 3, "valid", 2), (128, 3, "valid", 2)),
    dense_units: int = 1024,
    dropout: float = 0.4,
) -> keras.Model:
    """Build an uncompiled CNN of convolution-and-pooling blocks that returns logits.

    Args:
        image_shape: (height, width, channels) of one image; how large it must
            be follows from `blocks`.
        num_classes: Width of the last layer, 2 or more.
        blocks: For each block (filters, kernel size, padding, pool size);
            padding is "valid" or "same", the pool's stride is its size.
        dense_units: Width of the hidden dense layer; 0 leaves it and its
            dropout out.
        dropout: Share of values dropped after the dense layer, in [0, 1).

    Returns:
        A functional model from images (batch, height, width, channels) with
        values 0 to 255, to float32 logits (batch, num_classes). Layers are
        named "rescaling", "conv1", "pool1", "conv2", "pool2", ..., "flatten",
        "dense", "dropout", "logits".

    Raises:
        ValueError: If an argument is outside what is said above.

    Example:
        >>> model = build_lenet_relu()
        >>> model.get_layer("pool2").output.shape
        (None, 5, 5, 128)
    """
    _check_arguments(image_shape, num_classes, dropout)
    _check_blocks(blocks, image_shape)

    images = keras.Input(image_shape, name="images")
    x = layers.Rescaling(1 / 255, name="rescaling")(images)
    for number, (filters, kernel_size, padding, pool_size) in enumerate(blocks, start=1):
        x = layers.Conv2D(
            filters, kernel_size, padding=padding, activation="relu", name=f"conv{number}"
        )(x)
        x = layers.MaxPooling2D(pool_size, name=f"pool{number}")(x)
    x = layers.Flatten(name="flatten")(x)
    if dense_units:
        x = layers.Dense(dense_units, activation="relu", name="dense")(x)
        x = layers.Dropout(dropout, name="dropout")(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="lenet_relu")


def _check_blocks(
    blocks: Sequence[tuple[int, int, str, int]], image_shape: tuple[int, int, int]
) -> None:
    """Refuse blocks that are none, and images that the blocks would use up."""
    smallest = 1  # side of the last map, then of the map before it, back to the image
    for block in reversed(blocks):
        if len(block) != 4 or block[2] not in ("valid", "same"):
            raise ValueError(
                "`blocks` must each be (filters, kernel size, 'valid' or 'same', pool size); "
                f"got {block}. A block of LeNet's kind is (6, 5, 'valid', 2)."
            )
        _, kernel_size, padding, pool_size = block
        smallest = smallest * pool_size + (kernel_size - 1 if padding == "valid" else 0)
    if min(image_shape[:2]) < smallest:
        raise ValueError(
            f"`image_shape` must be at least {smallest} x {smallest} pixels for these `blocks`; "
            f"got {image_shape}. Enlarge the images, pool less or pad with 'same'."
        )


def _check_arguments(
    image_shape: tuple[int, int, int], num_classes: int, *dropout_rates: float
) -> None:
    """Refuse impossible arguments before any layer is built."""
    if len(image_shape) != 3 or not all(isinstance(n, int) and n > 0 for n in image_shape):
        raise ValueError(
            "`image_shape` must be (height, width, channels), three whole numbers above 0; got "
            f"{image_shape}. For an array of images it is `images.shape[1:]`."
        )
    if num_classes < 2:
        raise ValueError(
            f"`num_classes` must be 2 or more; got {num_classes}. Yes or no are two classes."
        )
    for rate in dropout_rates:
        if not 0 <= rate < 1:
            raise ValueError(
                f"`dropout` must be 0 or more and less than 1; got {rate}. It is the share of "
                "values set to zero in training: 0 switches it off."
            )
