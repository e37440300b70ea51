"""How good can a small net for digits be? Few filters early, batch normalisation, no dense layers.

Our own, of known parts: convolutions followed by batch normalisation, Ioffe & Szegedy (2015),
https://arxiv.org/abs/1502.03167; strides in the place of pooling, Springenberg, Dosovitskiy, Brox &
Riedmiller (2014), https://arxiv.org/abs/1412.6806; one mean a map at the end, Lin, Chen & Yan
(2013), https://arxiv.org/abs/1312.4400.

This file stands alone: copy it, it needs only Keras.
"""

import keras
from keras import layers


def build_small_digit_net(
    image_shape: tuple[int, int, int] = (28, 28, 1), num_classes: int = 10, dropout: float = 0.0
) -> keras.Model:
    """Build an uncompiled CNN of five convolutions, 113,290 parameters for MNIST.

    The first layer already halves the sides, for most of the time of a CNN goes into its large
    maps.

    Args:
        image_shape: (height, width, channels) of one image, any size.
        num_classes: Width of the last layer, 2 or more.
        dropout: Share of the values before the last layer that is dropped, in [0, 1).

    Returns:
        A functional model from images (batch, height, width, channels) with values 0 to 255, to
        float32 logits (batch, num_classes). Layers are named "rescaling", "conv1", "conv1_norm",
        "conv1_relu", ..., "pool", "dropout", "logits".

    Raises:
        ValueError: If an argument is outside what is said above.

    Example:
        >>> model = build_small_digit_net()
        >>> model.get_layer("conv5_relu").output.shape
        (None, 7, 7, 80)
    """
    _check_arguments(image_shape, num_classes, dropout)
    images = keras.Input(image_shape, name="images")
    x = layers.Rescaling(1 / 255, name="rescaling")(images)
    stages = [(32, 5, 2), (32, 3, 1), (64, 3, 2), (64, 3, 1), (80, 3, 1)]  # filters, size, stride
    for number, (filters, size, stride) in enumerate(stages, start=1):
        name = f"conv{number}"
        x = conv_norm(x, filters, size, stride, name=name)
        x = layers.ReLU(name=f"{name}_relu")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="small_digit_net")


def conv_norm(
    x: keras.KerasTensor, filters: int, kernel: int = 3, stride: int = 1, *, name: str
) -> keras.KerasTensor:
    """Convolution without bias, then batch normalisation (which has one)."""
    x = layers.Conv2D(filters, kernel, stride, padding="same", use_bias=False, name=name)(x)
    return layers.BatchNormalization(name=f"{name}_norm")(x)


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
