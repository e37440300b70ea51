"""What is LeNet-5 with ReLU? Conv-pool-conv-pool: a pooling behind each convolution; any blocks.

Of the other first CNNs, `mnist_cnn` pools once, `cifar_tutorial` has a third convolution.

Source: the idea is LeNet-5's: LeCun, Bottou, Bengio & Haffner (1998), "Gradient-Based Learning
Applied to Document Recognition", https://doi.org/10.1109/5.726791, section II.B; filters and widths
of later tutorials.
Differs from the paper: ReLU, max pooling, one dense layer with dropout, filters see all maps.
"""

from collections.abc import Sequence

import keras
from keras import layers

from cnnbook.models._checks import check_arguments, check_side, checked_builder, is_choice

Block = tuple[int, int, str, int]


@checked_builder
def build_lenet_relu(
    image_shape: tuple[int, int, int] = (28, 28, 1),
    num_classes: int = 10,
    blocks: Sequence[Block] = ((64, 3, "valid", 2), (128, 3, "valid", 2)),
    dense_units: int = 1024,
    dropout: float = 0.4,
) -> keras.Model:
    """Build an uncompiled CNN of convolution-and-pooling blocks that returns logits.

    Args:
        image_shape: (height, width, channels) of one image; large enough for `blocks`.
        num_classes: Width of the last layer, 2 or more.
        blocks: For each block (filters, kernel size, padding, pool size); padding is "valid" or
            "same", the pool's stride its size.
        dense_units: Width of the hidden dense layer; 0 leaves it and its dropout out.
        dropout: Share of values dropped after the dense layer, in [0, 1).

    Returns:
        A functional model from images (batch, height, width, channels) of 0 to 255, to float32
        logits (batch, num_classes). Layers: "rescaling", "conv1", "pool1", "conv2", "pool2", ...,
        "flatten", "dense", "dropout", "logits".

    Raises:
        ValueError: If an argument is outside what is said above.

    Example:
        >>> model = build_lenet_relu()
        >>> model.get_layer("pool2").output.shape
        (None, 5, 5, 128)
    """
    check_arguments(image_shape, num_classes, dropout)
    _check_blocks(blocks, image_shape)
    if dense_units < 0:
        raise ValueError(f"`dense_units` must be 0, for no such layer, or more; got {dense_units}.")

    images = keras.Input(image_shape, name="images")
    x = layers.Rescaling(1 / 255, name="rescaling")(images)
    for number, (filters, kernel_size, padding, pool_size) in enumerate(blocks, start=1):
        name = f"conv{number}"
        x = layers.Conv2D(filters, kernel_size, 1, padding, activation="relu", name=name)(x)
        x = layers.MaxPooling2D(pool_size, name=f"pool{number}")(x)
    x = layers.Flatten(name="flatten")(x)
    if dense_units:
        x = layers.Dense(dense_units, activation="relu", name="dense")(x)
        x = layers.Dropout(dropout, name="dropout")(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="lenet_relu")


def _check_blocks(blocks: Sequence[Block], image_shape: tuple[int, int, int]) -> None:
    """Refuse blocks that are none, and images that the blocks would use up."""
    rows: Sequence[object] = blocks if isinstance(blocks, (list, tuple)) else [blocks]
    for block in rows:
        if not _is_block(block):
            raise ValueError(
                "`blocks` must each be (filters, kernel size, 'valid' or 'same', pool size); "
                f"got {block}. A block of LeNet's kind is (6, 5, 'valid', 2)."
            )
    smallest = 1  # side of the last map, then of the map before it, back to the image
    for _, kernel_size, padding, pool_size in reversed(blocks):
        smallest = smallest * pool_size + (kernel_size - 1 if padding == "valid" else 0)
    advice = "Enlarge the images, pool less or pad with 'same'."
    check_side(image_shape, smallest, "these `blocks` use up a smaller one", advice)


def _is_block(block: object) -> bool:
    """Tell whether it is (filters, kernel size, padding, pool size)."""
    if not isinstance(block, (list, tuple)) or len(block) != 4:
        return False
    filters, kernel_size, padding, pool_size = block
    numbers = all(isinstance(n, int) and n > 0 for n in (filters, kernel_size, pool_size))
    return numbers and is_choice(padding, ("valid", "same"))
