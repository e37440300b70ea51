"""How does a network fit a telephone? Wide maps are filtered one by one, and stored narrow.

Source: Sandler, Howard, Zhu, Zhmoginov & Chen (2018), "MobileNetV2: Inverted Residuals and Linear
Bottlenecks", https://arxiv.org/abs/1801.04381, table 2 (the net) and figure 4d (the block).
Differs from the paper: nothing that we know of. Where it is silent, as on the epsilon of the batch
normalisation, this is keras.applications.MobileNetV2, whose weights fit.

This file stands alone: copy it, it needs only Keras.
"""

import keras
from keras import layers

# Table 2: expansion, filters, blocks, strides of the first block.
STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def build_mobilenet_v2(
    image_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    weights: str | None = None,
) -> keras.Model:
    """Build an uncompiled MobileNetV2 of width 1 that returns logits.

    It has 3,538,984 parameters, 3,504,872 of them trainable: the paper's "3.4M".

    Args:
        image_shape: (height, width, channels) of one image, of any size. The last maps are 32
            times smaller than the image.
        num_classes: Width of the last layer, 2 or more.
        weights: None, or "imagenet": those of keras.applications (needs the internet once), for 3
            channels and 1000 classes.

    Returns:
        A functional model from RGB images (batch, height, width, channels) with values 0 to 255,
        to float32 logits (batch, num_classes). Layers are named "rescaling", "stem", then for
        stages 1 to 7, the rows of the paper's table 2, "stage2_block1_expand", "_depthwise",
        "_project" and "_add", last "head", "average", "logits"; "_norm" and "_relu" stand behind.

    Raises:
        ValueError: If an argument is outside what is said above.

    Example:
        >>> model = build_mobilenet_v2(image_shape=(64, 64, 3), num_classes=10)
        >>> model.get_layer("head_relu").output.shape
        (None, 2, 2, 1280)
    """
    _check_arguments(image_shape, num_classes)
    if weights is not None and (weights, image_shape[2], num_classes) != ("imagenet", 3, 1000):
        raise ValueError(
            '`weights` must be None, or "imagenet" with 3 channels and 1000 classes; got '
            f"{weights!r} with {image_shape[2]} and {num_classes}. Build with 3 and 1000, repeat "
            'grey channels (np.repeat), and put a new head on the layer "average".'
        )

    images = keras.Input(image_shape, name="images")
    x = layers.Rescaling(1 / 127.5, offset=-1, name="rescaling")(images)
    x = layers.Conv2D(32, 3, 2, padding="same", use_bias=False, name="stem")(x)
    x = norm_relu6(x, "stem")
    for stage, (expansion, filters, blocks, strides) in enumerate(STAGES, start=1):
        for number in range(1, blocks + 1):
            name = f"stage{stage}_block{number}"
            x = inverted_residual(x, expansion, filters, strides if number == 1 else 1, name)
    x = layers.Conv2D(1280, 1, use_bias=False, name="head")(x)
    x = norm_relu6(x, "head")
    x = layers.GlobalAveragePooling2D(name="average")(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    model = keras.Model(images, logits, name="mobilenet_v2")
    if weights == "imagenet":
        build_official = keras.applications.MobileNetV2
        official = build_official(weights="imagenet", classifier_activation=None)
        model.set_weights(official.get_weights())
    return model


def inverted_residual(
    x: keras.KerasTensor, expansion: int, filters: int, strides: int, name: str
) -> keras.KerasTensor:
    """Widen the maps, filter each alone, narrow them without an activation; add where sizes match.

    Maps (batch, h, w, c) to (batch, ceil(h / strides), ceil(w / strides), filters).
    """
    shortcut = x
    if expansion > 1:
        width = expansion * x.shape[-1]
        x = layers.Conv2D(width, 1, use_bias=False, name=f"{name}_expand")(x)
        x = norm_relu6(x, f"{name}_expand")
    x = layers.DepthwiseConv2D(
        3, strides, padding="same", use_bias=False, name=f"{name}_depthwise"
    )(x)
    x = norm_relu6(x, f"{name}_depthwise")
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_project")(x)
    x = batch_norm(x, f"{name}_project")
    if x.shape == shortcut.shape:
        x = layers.Add(name=f"{name}_add")([shortcut, x])
    return x


def norm_relu6(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Normalise over the batch and cut below 0 and above 6; the shape stays."""
    return layers.ReLU(6, name=f"{name}_relu")(batch_norm(x, name))


def batch_norm(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Normalise over the batch; the shape stays."""
    return layers.BatchNormalization(momentum=0.999, epsilon=1e-3, name=f"{name}_norm")(x)


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
