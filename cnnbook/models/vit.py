"""Can a network see without convolutions? The vision transformer: patches that ask each other.

Source: Dosovitskiy, Beyer, Kolesnikov and others (2021), "An Image is Worth 16x16 Words:
Transformers for Image Recognition at Scale", https://arxiv.org/abs/2010.11929: figure 1, section
3.1 with equations 1 to 4, table 1 (the variants); appendix B.1 (dropout). Parameters to the last
one: torchvision's documentation of vit_b_16. What the paper leaves open, as the epsilon, is as in
https://github.com/google-research/vision_transformer.
Differs from the paper: the last layer does not start with zeros; the biases do.
"""

import keras
from keras import KerasTensor, layers, ops

from cnnbook.models._checks import check_arguments, check_widths, checked_builder, is_choice

# Table 1: blocks, width, heads; and the side of a patch.
VARIANTS = {
    "B/16": (12, 768, 12, 16),
    "B/32": (12, 768, 12, 32),
    "L/16": (24, 1024, 16, 16),
    "L/32": (24, 1024, 16, 32),
    "H/14": (32, 1280, 16, 14),
}


@keras.saving.register_keras_serializable(package="cnnbook")
class ClassToken(layers.Layer):
    """Put a vector that is learned before the others: (batch, n, width) to (batch, n + 1, width).

    It stands for no patch. What the others tell it is what the answer is read from.
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the vector, of zeros."""
        self.token = self.add_weight(shape=input_shape[-1:], initializer="zeros", name="token")

    def call(self, tokens: KerasTensor) -> KerasTensor:
        """Put it first."""
        count, _, width = ops.shape(tokens)
        return ops.concatenate([ops.broadcast_to(self.token, (count, 1, width)), tokens], axis=1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Say that there is one more."""
        batch, count, width = input_shape
        return batch, None if count is None else count + 1, width


@keras.saving.register_keras_serializable(package="cnnbook")
class Positions(layers.Layer):
    """Add to each vector one for its place, which is learned; (batch, n, width) stays.

    Attention does not know where its tokens come from. This tells it.
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make a vector a place, of small random numbers."""
        small = keras.initializers.RandomNormal(stddev=0.02)
        shape = input_shape[1:]
        self.positions = self.add_weight(shape=shape, initializer=small, name="positions")

    def call(self, tokens: KerasTensor) -> KerasTensor:
        """Add."""
        return tokens + self.positions

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Say that the shape stays."""
        return input_shape


@checked_builder
def build_vit(
    variant: str = "B/16",
    image_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    dropout: float = 0.1,
) -> keras.Model:
    """Build an uncompiled vision transformer that returns logits.

    Parameters at 224 x 224 of B/16, B/32, L/16, L/32 and H/14: 86,567,656, 88,224,232,
    304,326,632, 306,535,400 and 632,045,800. Other sizes have more or fewer places to learn.

    Args:
        variant: "B/16", "B/32", "L/16", "L/32" or "H/14": base, large or huge, and the side of a
            patch.
        image_shape: (height, width, channels) of one image; patches must divide both sides.
        num_classes: Width of the last layer, 2 or more.
        dropout: Share of values dropped after the positions, attention and dense layers, in [0, 1).

    Returns:
        A functional model from images (batch, height, width, channels), RGB of 0 to 255, to float32
        logits (batch, num_classes). Layers: "rescaling", "patches", "tokens" (the same in a row),
        "class_token", "positions", for each block "block1_norm1", "block1_attention",
        "block1_add1", "block1_norm2", "block1_expand", "block1_project", "block1_add2"; "norm",
        "logits". Where something is dropped, "..._dropout" stands behind.

    Raises:
        ValueError: If an argument is outside what is said above.

    Example:
        >>> build_vit("S/16")
        Traceback (most recent call last):
        ValueError: `variant` must be 'B/16', 'B/32', 'L/16', 'L/32', 'H/14'; got 'S/16'.
    """
    check_arguments(image_shape, num_classes, dropout)
    if not is_choice(variant, VARIANTS):
        raise ValueError(f"`variant` must be {str([*VARIANTS])[1:-1]}; got {variant!r}.")
    blocks, width, heads, side = VARIANTS[variant]
    _check_patches(image_shape, side, "variant")

    images = keras.Input(image_shape, name="images")
    x = _tokens(images, side, width, dropout)
    for number in range(1, blocks + 1):
        x = _encoder_block(x, heads, dropout, f"block{number}")
    logits = _logits_of_token(x, num_classes)
    return keras.Model(images, logits, name=f"vit_{variant.replace('/', '').lower()}")


@checked_builder
def build_vit_cifar(
    image_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    patch_size: int = 4,
    width: int = 48,
    num_blocks: int = 4,
) -> keras.Model:
    """Build an uncompiled vision transformer for small images: one head for 16 numbers of a token.

    It is no net of the paper; by default it has 119,194 parameters. Nothing is dropped.

    Args:
        image_shape: (height, width, channels) of one image; patches must divide both sides.
        num_classes: Width of the last layer, 2 or more.
        patch_size: Side of a patch, 1 or more.
        width: Numbers of a token, a multiple of 16.
        num_blocks: How many blocks there are, 1 or more.

    Returns:
        A functional model from images (batch, height, width, channels) of 0 to 255, to float32
        logits (batch, num_classes). Layers: as in `build_vit`.

    Raises:
        ValueError: If an argument is outside what is said above.

    Example:
        >>> model = build_vit_cifar()
        >>> model.count_params(), model.get_layer("block4_add2").output.shape
        (119194, (None, 65, 48))
    """
    check_arguments(image_shape, num_classes)
    check_widths(patch_size=patch_size, width=width, num_blocks=num_blocks)
    if width % 16:
        raise ValueError(
            f"`width` must be a multiple of 16, the width of a head; got {width}. The nearest are "
            f"{max(16, width // 16 * 16)} and {max(32, width // 16 * 16 + 16)}."
        )
    _check_patches(image_shape, patch_size, "patch_size")

    images = keras.Input(image_shape, name="images")
    x = _tokens(images, patch_size, width)
    for number in range(1, num_blocks + 1):
        x = _encoder_block(x, width // 16, 0.0, f"block{number}")
    return keras.Model(images, _logits_of_token(x, num_classes), name="vit_cifar")


def _check_patches(image_shape: tuple[int, int, int], side: int, argument: str) -> None:
    """Refuse images of which a part of a patch would be left over."""
    if image_shape[0] % side or image_shape[1] % side:
        height, width = (max(side, round(n / side) * side) for n in image_shape[:2])
        raise ValueError(
            f"`image_shape` must have sides that patches of {side} x {side} divide, as "
            f"`{argument}` says; got {image_shape}. Crop or enlarge the images, "
            f"for example to {height} x {width}."
        )


def _tokens(images: KerasTensor, side: int, width: int, dropout: float = 0.0) -> KerasTensor:
    """Make a vector of each patch, put one for the class before them, add those of the places.

    Equation 1. (batch, height, width, channels) to (batch, patches + 1, width).
    """
    x = layers.Rescaling(1 / 127.5, offset=-1, name="rescaling")(images)
    x = layers.Conv2D(width, side, strides=side, name="patches")(x)
    x = layers.Reshape((-1, width), name="tokens")(x)
    x = Positions(name="positions")(ClassToken(name="class_token")(x))
    return _dropped(x, dropout, "positions")


def _encoder_block(x: KerasTensor, heads: int, dropout: float, name: str) -> KerasTensor:
    """Let the tokens ask each other, then think each by itself; add both times what came in.

    Equations 2 and 3. The shape (batch, tokens, width) stays.
    """
    shortcut, width = x, x.shape[-1]
    x = layers.LayerNormalization(epsilon=1e-6, name=f"{name}_norm1")(x)
    x = layers.MultiHeadAttention(heads, width // heads, name=f"{name}_attention")(x, x)
    x = _dropped(x, dropout, f"{name}_attention")
    shortcut = x = layers.Add(name=f"{name}_add1")([shortcut, x])
    x = layers.LayerNormalization(epsilon=1e-6, name=f"{name}_norm2")(x)
    x = layers.Dense(4 * width, activation="gelu", name=f"{name}_expand")(x)
    x = layers.Dense(width, name=f"{name}_project")(_dropped(x, dropout, f"{name}_expand"))
    x = _dropped(x, dropout, f"{name}_project")
    return layers.Add(name=f"{name}_add2")([shortcut, x])


def _dropped(x: KerasTensor, rate: float, name: str) -> KerasTensor:
    """Drop some values in training, if any."""
    return layers.Dropout(rate, name=f"{name}_dropout")(x) if rate else x


def _logits_of_token(x: KerasTensor, num_classes: int) -> KerasTensor:
    """Read the answer from the class token: (batch, tokens, width) to (batch, num_classes)."""
    x = layers.LayerNormalization(epsilon=1e-6, name="norm")(x)
    return layers.Dense(num_classes, dtype="float32", name="logits")(x[:, 0])
