"""What is a first CNN for colour photos? Conv-pool-conv-pool-conv: a third without a pooling.

Of the other first CNNs, `mnist_cnn` pools once, after two convolutions, `lenet_relu` after each.

Source: the net of TensorFlow's tutorial "Convolutional Neural Network (CNN)",
https://www.tensorflow.org/tutorials/images/cnn, 122,570 parameters.
Differs from the source: rescales inside the model.
"""

import keras
from keras import layers

from cnnbook.models._checks import check_arguments, check_side, checked_builder


@checked_builder
def build_cifar_tutorial_net(
    image_shape: tuple[int, int, int] = (32, 32, 3), num_classes: int = 10
) -> keras.Model:
    """Build an uncompiled CNN of three convolutions, two poolings and two dense layers.

    Args:
        image_shape: (height, width, channels) of one image, at least 18 x 18.
        num_classes: Width of the last layer, 2 or more.

    Returns:
        A functional model from images (batch, height, width, channels) of 0 to 255, to float32
        logits (batch, num_classes). Layers: "rescaling", "conv1", "pool1", "conv2", "pool2",
        "conv3", "flatten", "dense", "logits".

    Raises:
        ValueError: If an argument is outside what is said above.

    Example:
        >>> model = build_cifar_tutorial_net()
        >>> model.count_params(), model.get_layer("flatten").output.shape
        (122570, (None, 1024))
    """
    check_arguments(image_shape, num_classes)
    check_side(image_shape, 18, "three convolutions take 2 off a side, two poolings halve it")

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
