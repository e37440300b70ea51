"""What did the first widely used CNN look like?

Source: LeCun, Bottou, Bengio & Haffner (1998), "Gradient-Based Learning Applied to Document
Recognition", Proceedings of the IEEE 86, pages 2278-2324, http://yann.lecun.com/exdb/publis/,
figure 2 and section II-B.
Differs from the paper, as the usual modern form does: pooling takes the plain mean of four values,
with no trained coefficient, bias and squashing (-44 parameters); each map of C3 sees all six maps
of S2, not those of a hand-made table (+900); the last layer is dense, not ten distances to
hand-drawn 7 x 12 digits (+850): 61,706 parameters, not 60,000. Activation: tanh(a), not 1.7159
tanh(2/3 a).
"""

import keras
from keras import layers

from cnnbook.models._checks import check_arguments, checked_builder


@checked_builder
def build_lenet5(
    image_shape: tuple[int, int, int] = (28, 28, 1), num_classes: int = 10
) -> keras.Model:
    """Build an uncompiled LeNet-5, 61,706 parameters for digits.

    Args:
        image_shape: (height, width, channels) of one image. A side below 32 pixels gets a black rim
            up to 32, as the paper's digits had; a longer side is taken as it is.
        num_classes: Width of the last layer, 2 or more.

    Returns:
        A functional model from images (batch, height, width, channels) of 0 to 255, bright ink on
        black, to float32 logits (batch, num_classes). Layers, named as in the figure: "rim",
        "rescaling", "c1", "s2", "c3", "s4", "c5", "flatten", "f6", "logits".

    Raises:
        ValueError: If an argument is outside what is said above.

    Example:
        >>> model = build_lenet5()
        >>> model.count_params(), model.get_layer("s4").output.shape
        (61706, (None, 5, 5, 16))
    """
    check_arguments(image_shape, num_classes)
    missing = [max(0, 32 - side) for side in image_shape[:2]]
    rim = [(pixels // 2, pixels - pixels // 2) for pixels in missing]

    images = keras.Input(image_shape, name="images")
    x = layers.ZeroPadding2D(rim, name="rim")(images)
    # Black becomes -0.1 and white 1.175: over a digit, mean 0 and variance 1, about.
    x = layers.Rescaling(1.275 / 255, offset=-0.1, name="rescaling")(x)
    x = layers.Conv2D(6, 5, activation="tanh", name="c1")(x)
    x = layers.AveragePooling2D(2, name="s2")(x)
    x = layers.Conv2D(16, 5, activation="tanh", name="c3")(x)
    x = layers.AveragePooling2D(2, name="s4")(x)
    x = layers.Conv2D(120, 5, activation="tanh", name="c5")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(84, activation="tanh", name="f6")(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="lenet5")
