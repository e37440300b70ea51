"""What does a ResNet lack of a transformer's recipe? ConvNeXt: large depthwise kernels, few norms.

Source: Liu, Mao, Wu, Feichtenhofer, Darrell & Xie (2022), "A ConvNet for the 2020s",
https://arxiv.org/abs/2201.03545: section 3 (filters and blocks of each variant), figure 4 (the
block), table 9 (map sizes, 28.6 million parameters, 4.5 thousand million multiply-adds). Parameters
to the last one: keras.applications.ConvNeXtTiny, whose weights fit.
Differs from the paper: the first weights are Keras' defaults; nothing is dropped unless asked for.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import KerasTensor, layers

from cnnbook._checks import checked
from cnnbook.models._checks import (
    check_arguments,
    check_imagenet,
    check_rates,
    check_side,
    check_widths,
    checked_builder,
    is_choice,
)
from cnnbook.models._parts import IMAGENET, standardized, take_official_weights

# Blocks and maps of the four stages.
VARIANTS = {
    "tiny": ((3, 3, 9, 3), (96, 192, 384, 768)),
    "small": ((3, 3, 27, 3), (96, 192, 384, 768)),
    "base": ((3, 3, 27, 3), (128, 256, 512, 1024)),
    "large": ((3, 3, 27, 3), (192, 384, 768, 1536)),
    "xlarge": ((3, 3, 27, 3), (256, 512, 1024, 2048)),
}
OFFICIAL = {"xlarge": "ConvNeXtXLarge"} | {
    name: f"ConvNeXt{name.title()}" for name in ("tiny", "small", "base", "large")
}


@keras.saving.register_keras_serializable(package="cnnbook")
class LayerScale(layers.Layer):
    """Multiply each map by a number of its own, which is learned; the shape stays.

    Args:
        start: What all of them are at first: so small that a block at first hands its input on.
        **keywords: What every Keras layer takes, such as name.

    Raises:
        ValueError: If an argument is of another type.
    """

    @checked
    def __init__(self, start: float = 1e-6, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.start = start

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make a number a map."""
        constant = keras.initializers.Constant(self.start)
        self.gamma = self.add_weight(shape=input_shape[-1:], initializer=constant, name="gamma")

    def call(self, maps: KerasTensor) -> KerasTensor:
        """Multiply."""
        return maps * self.gamma

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Say that the shape stays."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Say how to build this layer again."""
        return super().get_config() | {"start": self.start}


@checked_builder
def build_convnext(
    variant: str = "tiny",
    image_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    drop_path_rate: float = 0.0,
    weights: str | None = None,
) -> keras.Model:
    """Build an uncompiled ConvNeXt that returns logits.

    Parameters of tiny, small, base, large and xlarge: 28,589,128, 50,223,688, 88,591,464,
    197,767,336 and 350,196,968; all of them are trained. Those of keras.applications become ours by
    `[values.reshape(own.shape) for values, own in zip(theirs.get_weights(), ours.weights)]`.

    Args:
        variant: "tiny", "small", "base", "large" or "xlarge".
        image_shape: (height, width, 3) of one image, at least 32 x 32; the last maps are 32 times
            smaller.
        num_classes: Width of the last layer, 2 or more.
        drop_path_rate: Share of the images whose last block hands its input on in training, in
            [0, 1); earlier blocks have less, the first 0. The paper has 0.1, 0.4 and, from "base"
            on, 0.5.
        weights: None, or "imagenet": those of keras.applications (needs the internet once), for
            1000 classes.

    Returns:
        A functional model from images (batch, height, width, 3), RGB of 0 to 255, to float32 logits
        (batch, num_classes). Layers: "rescaling", "stem_conv", "stem_norm", before the stages 2 to
        4 "stage2_down_norm", "stage2_down_conv", in each block "stage1_block1_depthwise", "_norm",
        "_expand", "_project", "_scale", "_add"; "average", "norm", "logits".

    Raises:
        ValueError: If an argument is outside what is said above.

    Example:
        >>> model = build_convnext(image_shape=(64, 64, 3), num_classes=10)
        >>> model.get_layer("stage4_block3_add").output.shape
        (None, 2, 2, 768)
    """
    check_arguments(image_shape, num_classes, rgb=True)
    if not is_choice(variant, VARIANTS):
        raise ValueError(f"`variant` must be {str([*VARIANTS])[1:-1]}; got {variant!r}.")
    check_side(image_shape, 32, "patches of 4 x 4 are halved three times")
    check_rates(drop_path_rate=drop_path_rate)
    check_imagenet(weights, image_shape, num_classes)

    blocks, filters = VARIANTS[variant]
    images = keras.Input(image_shape, name="images")
    x = _patches(standardized(images, *IMAGENET), 4, filters[0])
    x = _stages(x, blocks, filters, drop_path_rate)
    model = keras.Model(images, _averaged_logits(x, num_classes), name=f"convnext_{variant}")
    if weights == "imagenet":
        take_official_weights(model, OFFICIAL[variant])
    return model


@checked_builder
def build_convnext_cifar(
    image_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    filters: Sequence[int] = (16, 32, 64),
    num_blocks: Sequence[int] = (2, 3, 2),
    drop_path_rate: float = 0.0,
) -> keras.Model:
    """Build an uncompiled ConvNeXt for small images: patches of 2 x 2, any number of stages.

    It is no net of the paper; by default it has 120,506 parameters.

    Args:
        image_shape: (height, width, channels) of one image, at least 2 x 2, and twice as large for
            each stage after the first.
        num_classes: Width of the last layer, 2 or more.
        filters: Maps of each stage, 1 or more.
        num_blocks: How many blocks each stage has, 1 or more; as many numbers as in `filters`.
        drop_path_rate: As in `build_convnext`.

    Returns:
        A functional model from images (batch, height, width, channels) of 0 to 255, to float32
        logits (batch, num_classes). Layers: as in `build_convnext`.

    Raises:
        ValueError: If an argument is outside what is said above.

    Example:
        >>> model = build_convnext_cifar()
        >>> model.count_params(), model.get_layer("stage3_block2_add").output.shape
        (120506, (None, 4, 4, 64))
    """
    check_arguments(image_shape, num_classes)
    if not filters or len(filters) != len(num_blocks):
        raise ValueError(
            "`num_blocks` must have as many numbers as `filters`, one a stage and at least one; "
            f"got {num_blocks} with {filters}."
        )
    check_widths(filters=filters, num_blocks=num_blocks)
    check_side(image_shape, 2 ** len(filters), "patches of 2 x 2 are halved before each next stage")
    check_rates(drop_path_rate=drop_path_rate)

    images = keras.Input(image_shape, name="images")
    x = layers.Rescaling(1 / 127.5, offset=-1, name="rescaling")(images)
    x = _stages(_patches(x, 2, filters[0]), num_blocks, filters, drop_path_rate)
    return keras.Model(images, _averaged_logits(x, num_classes), name="convnext_cifar")


def _patches(x: KerasTensor, side: int, filters: int) -> KerasTensor:
    """Make a vector of each patch: (batch, h, w, c) to (batch, h // side, w // side, filters)."""
    x = layers.Conv2D(filters, side, strides=side, name="stem_conv")(x)
    return layers.LayerNormalization(epsilon=1e-6, name="stem_norm")(x)


def _stages(
    x: KerasTensor, blocks: Sequence[int], filters: Sequence[int], drop_path_rate: float
) -> KerasTensor:
    """Put the blocks of all stages in a row; between two stages halve the sides and widen."""
    step, rate = drop_path_rate / max(1, sum(blocks) - 1), 0.0
    for stage, (count, width) in enumerate(zip(blocks, filters, strict=True), start=1):
        if stage > 1:
            name = f"stage{stage}_down"
            x = layers.LayerNormalization(epsilon=1e-6, name=f"{name}_norm")(x)
            x = layers.Conv2D(width, 2, strides=2, name=f"{name}_conv")(x)
        for number in range(1, count + 1):
            x = _convnext_block(x, rate, f"stage{stage}_block{number}")
            rate += step
    return x


def _convnext_block(x: KerasTensor, drop_path_rate: float, name: str) -> KerasTensor:
    """Filter each map alone with 7x7, mix the maps at each place, add what came in.

    Figure 4. The shape (batch, h, w, c) stays. Dense layers work at each place as convolutions of
    1x1 would.
    """
    shortcut, width = x, x.shape[-1]
    x = layers.DepthwiseConv2D(7, padding="same", name=f"{name}_depthwise")(x)
    x = layers.LayerNormalization(epsilon=1e-6, name=f"{name}_norm")(x)
    x = layers.Dense(4 * width, activation="gelu", name=f"{name}_expand")(x)
    x = layers.Dense(width, name=f"{name}_project")(x)
    x = LayerScale(name=f"{name}_scale")(x)
    if drop_path_rate:
        x = layers.Dropout(drop_path_rate, noise_shape=(None, 1, 1, 1), name=f"{name}_drop")(x)
    return layers.Add(name=f"{name}_add")([shortcut, x])


def _averaged_logits(x: KerasTensor, num_classes: int) -> KerasTensor:
    """Turn maps (batch, h, w, c) into logits (batch, num_classes)."""
    x = layers.GlobalAveragePooling2D(name="average")(x)
    x = layers.LayerNormalization(epsilon=1e-6, name="norm")(x)
    return layers.Dense(num_classes, dtype="float32", name="logits")(x)
