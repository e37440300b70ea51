"""What is a first CNN for digits? Conv-conv-pool: two convolutions, one pooling behind both.

Of the other two first CNNs, `lenet_relu` pools after each convolution, and `cifar_tutorial` has
three convolutions with a pooling between each two.

Source: the MNIST CNN among the examples of Keras 1 and 2 (`mnist_cnn.py`), 1,199,882 parameters.
Differs from the source: rescales inside the model and returns logits.
"""

import keras
import numpy as np
from keras import layers

from cnnbook.models._checks import check_arguments, check_side, check_widths, checked_builder


@checked_builder
def build_mnist_cnn(
    image_shape: tuple[int, int, int] = (28, 28, 1),
    num_classes: int = 10,
    filters: tuple[int, int] = (32, 64),
    dense_units: int = 128,
    dropout: float | tuple[float, float] = (0.25, 0.5),
) -> keras.Model:
    """Build an uncompiled CNN: two 3x3 convolutions, one pooling, one hidden dense layer.

    Nearly all its parameters are in the dense layer: with large images it grows beyond use.

    Args:
        image_shape: (height, width, channels) of one image, at least 6 x 6.
        num_classes: Width of the last layer, 2 or more.
        filters: Number of filters of the first and the second convolution.
        dense_units: Width of the hidden dense layer.
        dropout: Share of values dropped after the pooling and after the dense layer, each in
            [0, 1), or one for both.

    Returns:
        A functional model from images (batch, height, width, channels) of 0 to 255, to float32
        logits (batch, num_classes). Layers: "rescaling", "conv1", "conv2", "pool", "dropout1",
        "flatten", "dense", "dropout2", "logits".

    Raises:
        ValueError: If an argument is outside what is said above.

    Example:
        >>> model = build_mnist_cnn()
        >>> model.get_layer("pool").output.shape
        (None, 12, 12, 64)
    """
    rates = [float(rate) for rate in np.broadcast_to(dropout, 2)]
    check_arguments(image_shape, num_classes, *rates)
    check_widths(filters=filters, dense_units=dense_units)
    check_side(image_shape, 6, "two convolutions take 4 off a side, the pooling halves the rest")

    images = keras.Input(image_shape, name="images")
    x = layers.Rescaling(1 / 255, name="rescaling")(images)
    x = layers.Conv2D(filters[0], 3, activation="relu", name="conv1")(x)
    x = layers.Conv2D(filters[1], 3, activation="relu", name="conv2")(x)
    x = layers.MaxPooling2D(2, name="pool")(x)
    x = layers.Dropout(rates[0], name="dropout1")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(dense_units, activation="relu", name="dense")(x)
    x = layers.Dropout(rates[1], name="dropout2")(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="mnist_cnn")
