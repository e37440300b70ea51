"""How good can a small CNN for digits be that trains in two or three minutes on two CPU cores?

Our own, of known parts: three unpadded convolutions and one pooling, as in LeCun, Bottou, Bengio &
Haffner (1998), "Gradient-Based Learning Applied to Document Recognition",
https://doi.org/10.1109/5.726791; a stride in the first convolution, since most of the time of a CNN
goes into its large maps; first weights scaled for ReLU, He, Zhang, Ren & Sun (2015), "Delving Deep
into Rectifiers", https://arxiv.org/abs/1502.01852; batch normalisation, Ioffe & Szegedy (2015),
https://arxiv.org/abs/1502.03167, where the maps are small already; it learns without, too.
"""

import keras
from keras import layers

from cnnbook._digit_weights import digit_weights
from cnnbook.models._checks import check_arguments, check_side, check_widths, checked_builder


@checked_builder
def build_small_digit_net(
    image_shape: tuple[int, int, int] = (28, 28, 1),
    num_classes: int = 10,
    filters: tuple[int, int, int] = (32, 64, 128),
    dropout: float = 0.2,
    normalize: bool = True,
) -> keras.Model:
    """Build an uncompiled CNN of three convolutions, 105,290 parameters for MNIST.

    Args:
        image_shape: (height, width, channels) of one image, at least 19 x 19.
        num_classes: Width of the last layer, 2 or more.
        filters: Number of filters of each of the three convolutions.
        dropout: Share of values dropped before the last layer, in [0, 1).
        normalize: Whether batch normalisation takes the place of the biases of the last two
            convolutions; without it 104,714 parameters.

    Returns:
        A functional model from images (batch, height, width, channels) of 0 to 255, to float32
        logits (batch, num_classes). Layers: "rescaling", "conv1", "conv2", "pool", "norm2",
        "relu2", "conv3", "norm3", "relu3", "flatten", "dropout", "logits".

    Raises:
        ValueError: If an argument is outside what is said above.

    Example:
        >>> model = build_small_digit_net()
        >>> model.count_params(), model.get_layer("conv3").output.shape
        (105290, (None, 3, 3, 128))
    """
    check_arguments(image_shape, num_classes, dropout)
    check_widths(filters=filters)
    check_side(image_shape, 19, "convolutions take 4, 2, 2 off a side, stride and pooling halve it")

    images = keras.Input(image_shape, name="images")
    start = {"kernel_initializer": "he_normal"}
    x = layers.Rescaling(1 / 255, name="rescaling")(images)
    x = layers.Conv2D(filters[0], 5, strides=2, activation="relu", name="conv1", **start)(x)
    x = layers.Conv2D(filters[1], 3, use_bias=not normalize, name="conv2", **start)(x)
    x = layers.MaxPooling2D(2, name="pool")(x)
    x = _relu_after_norm(x, 2, normalize)
    x = layers.Conv2D(filters[2], 3, use_bias=not normalize, name="conv3", **start)(x)
    x = _relu_after_norm(x, 3, normalize)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="small_digit_net")


def build_trained_digit_net() -> keras.Model:
    """Build the digit net of the book's pages; it is trained, and can read digits at once.

    It learned from 53,500 digits of MNIST, turned, stretched, shifted, thinned and thickened by
    chance, and reads 99.4 % of the official test digits (data/digit_net/record.json).

    Returns:
        The model of `build_small_digit_net()`, uncompiled: from images (batch, 28, 28, 1) of 0 to
        255, white ink on black, centred as in MNIST, to float32 logits (batch, 10).

    Raises:
        OSError: If the file of the weights is not there, or is not the one that came with the book.
    """
    model, weights = build_small_digit_net(), digit_weights()
    for layer in model.layers:
        for variable in layer.weights:
            if (name := f"{layer.name}/{variable.name}") in weights:
                variable.assign(weights[name])
    return model


def _relu_after_norm(x: keras.KerasTensor, number: int, normalize: bool) -> keras.KerasTensor:
    """Normalise if asked to, then cut below zero."""
    if normalize:  # with Keras' momentum of 0.99 the first hundreds of batches predict nothing
        x = layers.BatchNormalization(momentum=0.9, name=f"norm{number}")(x)
    return layers.ReLU(name=f"relu{number}")(x)
