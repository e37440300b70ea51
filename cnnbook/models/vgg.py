"""How far does one get with 3x3 convolutions and nothing else? VGG.

Source: Simonyan & Zisserman (2014), "Very Deep Convolutional Networks for Large-Scale Image
Recognition", https://arxiv.org/abs/1409.1556, table 1: columns A, B, D and E.
Differs from the paper: weights start as Keras starts them. The official ones are VGG16's and
VGG19's of keras.applications, which have no dropout.
"""

import keras
from keras import layers, ops

from cnnbook.models._checks import check_arguments, check_side, checked_builder, is_choice
from cnnbook.models._parts import take_official_weights

# How many convolutions each of the five blocks has.
CONVOLUTIONS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}


@checked_builder
def build_vgg(
    depth: int = 16,
    image_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    dropout: float = 0.5,
    weights: str | None = None,
) -> keras.Model:
    """Build an uncompiled VGG, 138,357,544 parameters with 16 layers.

    Args:
        depth: Number of layers with weights: 11, 13, 16 or 19.
        image_shape: (height, width, 3) of one image, at least 32 x 32.
        num_classes: Width of the last layer, 2 or more.
        dropout: Share of values dropped after each hidden dense layer, in [0, 1).
        weights: None, or "imagenet": those of keras.applications (530 or 550 MB, once), for 16 or
            19 layers and the default `image_shape` and `num_classes`.

    Returns:
        A functional model from RGB images (batch, height, width, 3) of 0 to 255, to float32 logits
        (batch, num_classes). Layers: "mean", "block1_conv1", ..., "block5_pool", "flatten", "fc1",
        "dropout1", "fc2", "dropout2", "logits".

    Raises:
        ValueError: If an argument is outside what is said above.

    Example:
        >>> model = build_vgg(11, image_shape=(32, 32, 3), num_classes=10)
        >>> model.get_layer("block5_conv2").output.shape
        (None, 2, 2, 512)
    """
    check_arguments(image_shape, num_classes, dropout, rgb=True)
    _check_choice(depth, image_shape, num_classes, weights)

    images = keras.Input(image_shape, name="images")
    x = ops.flip(images, axis=-1)  # RGB to BGR
    x = layers.Rescaling(1.0, offset=(-103.939, -116.779, -123.68), name="mean")(x)
    for block, convolutions in enumerate(CONVOLUTIONS[depth], start=1):
        filters = min(64 * 2 ** (block - 1), 512)
        for conv in range(1, convolutions + 1):
            name = f"block{block}_conv{conv}"
            x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=name)(x)
        x = layers.MaxPooling2D(2, name=f"block{block}_pool")(x)
    x = layers.Flatten(name="flatten")(x)
    for number in (1, 2):
        x = layers.Dense(4096, activation="relu", name=f"fc{number}")(x)
        x = layers.Dropout(dropout, name=f"dropout{number}")(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    model = keras.Model(images, logits, name=f"vgg{depth}")
    if weights == "imagenet":
        take_official_weights(model, f"VGG{depth}")
    return model


def _check_choice(
    depth: int, image_shape: tuple[int, int, int], num_classes: int, weights: str | None
) -> None:
    """Refuse what no VGG can be, and official weights for what is not official."""
    if not is_choice(depth, CONVOLUTIONS):
        raise ValueError(f"`depth` must be 11, 13, 16 or 19; got {depth!r}.")
    check_side(image_shape, 32, "each of five poolings halves the sides", "Enlarge the images.")
    if not is_choice(weights, (None, "imagenet")):
        raise ValueError(f'`weights` must be None or "imagenet"; got {weights!r}.')
    if weights == "imagenet":
        if depth not in (16, 19):
            raise ValueError(f'`weights="imagenet"` needs depth 16 or 19; got {depth}.')
        if tuple(image_shape) != (224, 224, 3) or num_classes != 1000:
            raise ValueError(
                '`weights="imagenet"` needs images of (224, 224, 3) and 1000 classes; got '
                f'{image_shape} and {num_classes}. Build it so, and put a new head on "dropout2".'
            )
