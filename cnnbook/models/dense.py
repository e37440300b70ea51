"""How far do dense layers get on images? The perceptron and nets with hidden layers.

Source: the MLP among the examples of Keras 1 and 2 (`mnist_mlp.py`), 669,706 parameters.
Differs from the source: rescales inside the model and returns logits.
"""

from collections.abc import Sequence

import keras
from keras import layers

from cnnbook.models._checks import check_arguments, checked_builder


@checked_builder
def build_dense_net(
    image_shape: tuple[int, int, int] = (28, 28, 1),
    num_classes: int = 10,
    hidden_units: Sequence[int] = (512, 512),
    dropout: float = 0.2,
) -> keras.Model:
    """Build an uncompiled net of dense layers that returns logits.

    Args:
        image_shape: (height, width, channels) of one image.
        num_classes: Width of the last layer, 2 or more.
        hidden_units: Width of each hidden layer; none, `()`, is a perceptron.
        dropout: Share of values dropped after each hidden layer, in [0, 1).

    Returns:
        A functional model from images (batch, height, width, channels) of 0 to 255, to float32
        logits (batch, num_classes). Layers: "rescaling", "flatten", "dense1", "dropout1", ...,
        "logits".

    Raises:
        ValueError: If an argument is outside what is said above.

    Example:
        >>> perceptron = build_dense_net(hidden_units=())
        >>> perceptron.count_params()
        7850
    """
    check_arguments(image_shape, num_classes, dropout)
    if any(units < 1 for units in hidden_units):
        got = f"got {tuple(hidden_units)}. For no hidden layer pass `()`."
        raise ValueError(f"`hidden_units` must each be 1 or more; {got}")

    images = keras.Input(image_shape, name="images")
    x = layers.Rescaling(1 / 255, name="rescaling")(images)
    x = layers.Flatten(name="flatten")(x)
    for number, units in enumerate(hidden_units, start=1):
        x = layers.Dense(units, activation="relu", name=f"dense{number}")(x)
        x = layers.Dropout(dropout, name=f"dropout{number}")(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="dense_net" if hidden_units else "perceptron")
