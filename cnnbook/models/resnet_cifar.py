"""Do more layers always help? Plain and residual networks for 32x32 images, alike but for the sum.

Source: He, Zhang, Ren & Sun (2015), "Deep Residual Learning for Image Recognition",
https://arxiv.org/abs/1512.03385, section 4.2 and table 6: 6n + 2 layers, shortcuts of option A
(the input itself, or every second pixel of it with channels of zeros added), which cost no weights.
Differs from the paper: pixels are scaled to -1 to 1; the paper subtracts the mean image.

This file stands alone: copy it, it needs only Keras.
"""

import keras
from keras import layers

FIRST_WEIGHTS = "he_normal"


def build_resnet_cifar(
    depth: int = 20,
    image_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    residual: bool = True,
) -> keras.Model:
    """Build an uncompiled ResNet for small images, or the plain net without its shortcuts.

    The paper's table 6 has 20, 32, 44, 56 and 110 layers with 0.27, 0.46, 0.66, 0.85 and 1.7
    million parameters. Trainable here: 269,722, 464,154, 658,586, 853,018 and 1,727,962, with
    shortcuts or without.

    Args:
        depth: Layers with weights, 6n + 2: 8, 14, 20, 26, 32, ...
        image_shape: (height, width, channels) of one image, of any size. The last maps are 4 times
            smaller than the image.
        num_classes: Width of the last layer, 2 or more.
        residual: Whether each block adds its input to its output. False gives the plain net.

    Returns:
        A functional model from images (batch, height, width, channels) with values 0 to 255, to
        float32 logits (batch, num_classes). Layers are named "rescaling", "conv1", "conv1_norm",
        "conv1_relu", then for stages 1 to 3 and blocks 1 to n "stage1_block1_conv1" and "_conv2"
        with "_norm" and "_relu" behind, "stage1_block1_add", "stage1_block1_relu", last "average",
        "logits".

    Raises:
        ValueError: If an argument is outside what is said above.

    Example:
        >>> model = build_resnet_cifar(8)
        >>> model.get_layer("stage3_block1_relu").output.shape
        (None, 8, 8, 64)
    """
    _check_arguments(image_shape, num_classes)
    if not isinstance(depth, int) or depth < 8 or depth % 6 != 2:
        raise ValueError(
            "`depth` must be 6n + 2: 20, 32, 44, 56 or 110 as in the paper, or 8, 14, 26, ...; got "
            f"{depth}. The first and the last layer are single, each of three stages has 2n."
        )

    images = keras.Input(image_shape, name="images")
    x = layers.Rescaling(1 / 127.5, offset=-1, name="rescaling")(images)
    x = padded_conv_norm(x, 16, 3, "conv1")
    x = layers.ReLU(name="conv1_relu")(x)
    for stage, filters in enumerate((16, 32, 64), start=1):
        for number in range(1, depth // 6 + 1):
            name = f"stage{stage}_block{number}"
            strides = 2 if number == 1 and stage > 1 else 1
            shortcut = x
            x = padded_conv_norm(x, filters, 3, f"{name}_conv1", strides)
            x = layers.ReLU(name=f"{name}_conv1_relu")(x)
            x = padded_conv_norm(x, filters, 3, f"{name}_conv2")
            if residual:
                if strides == 2:
                    shortcut = halved_and_widened(shortcut, name)
                x = layers.Add(name=f"{name}_add")([shortcut, x])
            x = layers.ReLU(name=f"{name}_relu")(x)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name=f"{'resnet' if residual else 'plain'}{depth}")


def halved_and_widened(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Take every second pixel, and as many channels of zeros as there are channels.

    Maps (batch, h, w, c) to (batch, ceil(h / 2), ceil(w / 2), 2c).
    """
    x = layers.MaxPooling2D(1, strides=2, name=f"{name}_every_second")(x)
    zeros = layers.Rescaling(0.0, name=f"{name}_zeros")(x)
    return layers.Concatenate(name=f"{name}_shortcut")([x, zeros])


def padded_conv_norm(
    x: keras.KerasTensor,
    filters: int,
    size: int,
    name: str,
    strides: int = 1,
    use_bias: bool = False,
) -> keras.KerasTensor:
    """Convolve with zeros around the maps, then normalise over the batch.

    Maps (batch, h, w, c) to (batch, ceil(h / strides), ceil(w / strides), filters). With strides,
    Keras' padding="same" would lay fewer zeros on the left than on the right, and the values that
    the filters take as their centres would not be those that the shortcut takes.
    """
    padding = "same"
    if size > 1 and strides > 1:
        x = layers.ZeroPadding2D(size // 2, name=f"{name}_pad")(x)
        padding = "valid"
    x = layers.Conv2D(
        filters,
        size,
        strides,
        padding,
        use_bias=use_bias,
        kernel_initializer=FIRST_WEIGHTS,
        name=name,
    )(x)
    return layers.BatchNormalization(epsilon=1.001e-5, name=f"{name}_norm")(x)


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
