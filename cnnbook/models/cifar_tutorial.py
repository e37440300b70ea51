"""What is a small first CNN for colour images of 32x32 pixels?

Source: the net of TensorFlow's tutorial "Convolutional Neural Network (CNN)",
https://www.tensorflow.org/tutorials/images/cnn, 122,570 parameters; found in many articles since.
Differs from the source: rescales inside the model.

This file stands alone: copy it, it needs only Keras.
"""

import keras
from keras import layers


def build_cifar_tutorial_net(
    image_shape: tuple[int, int, int] = (32, 32, 3), num_classes: int = 10
) -> keras.Model:
    """Build an uncompiled CNN of three convolutions, two poolings and two dense layers.

    Args:
        image_shape: (height, width, channels) of one image, at least 18 x 18.
        num_classes: Width of the last layer, 2 or more.

    Returns:
        A functional model from images (batch, height, width, channels) with values 0 to 255, to
        float32 logits (batch, num_classes). Layers are named "rescaling", "conv1", "pool1",
        "conv2", "pool2", "conv3", "flatten", "dense", "logits".

    Raises:
        ValueError: If an argument is outside what is said above.

    Example:
        >>> model = build_cifar_tutorial_net()
        >>> model.count_params(), model.get_layer("flatten").output.shape
        (122570, (None, 1024))
    """
    _check_arguments(image_shape, num_classes)
    if min(image_shape[:2]) < 18:
        raise ValueError(
            "`image_shape` must be at least 18 x 18 pixels: each convolution takes 2 off a side, "
            f"each of two poolings halves the rest; got {image_shape}. Enlarge or pad the images."
        )

    images = keras.Input(image_shape, name="images")
    x = layers.Rescaling(1 / 255, name="rescaling")(images)
    x = layers.Conv2D(32, 3, activation="relu", name="conv1")(x)
    x = layers.MaxPooling2D(2, name="pool1")(x)
    x = layers.Conv2D(64, 3, activation="relu", name="conv2")(x)
    x = layers.MaxPooling2D(2, name="pool2")(x)
    x = layers.Conv2D(64, 3, activation="relu", name="conv3")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(64, activation="relu", name="dense")(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="cifar_tutorial_net")


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
