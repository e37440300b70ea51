"""How good can a small net for colour photographs be? Three residual blocks.

Source: He, Zhang, Ren & Sun (2015), "Deep Residual Learning for Image Recognition",
https://arxiv.org/abs/1512.03385, section 4.2, with one block a stage.
Differs from the paper: 20, 40 and 80 filters instead of 16, 32 and 64; shortcuts that change shape
are 1x1 convolutions.

This file stands alone: copy it, it needs only Keras.
"""

import keras
from keras import layers


def build_small_photo_net(
    image_shape: tuple[int, int, int] = (32, 32, 3), num_classes: int = 10, dropout: float = 0.0
) -> keras.Model:
    """Build an uncompiled residual CNN, 122,230 parameters for CIFAR-10.

    Args:
        image_shape: (height, width, channels) of one image, any size.
        num_classes: Width of the last layer, 2 or more.
        dropout: Share of the values before the last layer that is dropped, in [0, 1).

    Returns:
        A functional model from images (batch, height, width, channels) with values 0 to 255, to
        float32 logits (batch, num_classes). Layers are named "rescaling", "stem",
        "stage{1..3}_block1_{conv1,conv2,add,...}", "pool", "dropout", "logits".

    Raises:
        ValueError: If an argument is outside what is said above.

    Example:
        >>> model = build_small_photo_net()
        >>> model.get_layer("stage3_block1_add").output.shape
        (None, 8, 8, 80)
    """
    _check_arguments(image_shape, num_classes, dropout)
    images = keras.Input(image_shape, name="images")
    x = layers.Rescaling(1 / 127.5, offset=-1, name="rescaling")(images)
    x = conv_norm(x, filters=20, name="stem")
    x = layers.ReLU(name="stem_relu")(x)
    for stage, (filters, stride) in enumerate([(20, 1), (40, 2), (80, 2)], start=1):
        x = residual_block(x, filters, stride, name=f"stage{stage}_block1")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="small_photo_net")


def residual_block(x: keras.KerasTensor, filters: int, stride: int, name: str) -> keras.KerasTensor:
    """Two 3x3 convolutions plus a shortcut around them.

    Maps (batch, h, w, c) to (batch, ceil(h / stride), ceil(w / stride), filters).
    """
    shortcut = x
    if stride != 1 or x.shape[-1] != filters:
        shortcut = conv_norm(x, filters, 1, stride, name=f"{name}_shortcut")
    x = conv_norm(x, filters, 3, stride, name=f"{name}_conv1")
    x = layers.ReLU(name=f"{name}_relu1")(x)
    x = conv_norm(x, filters, 3, name=f"{name}_conv2")
    x = layers.Add(name=f"{name}_add")([shortcut, x])
    return layers.ReLU(name=f"{name}_relu2")(x)


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
