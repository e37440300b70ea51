"""How does one training picture become many, each still true to its label?

Brightness, contrast and cutout are Keras' own layers. Flip, rotation, shear, zoom and shift, in
Keras a layer each that blurs what the one before left, are *one* resampling here. Keras'
`RandomCrop` cuts a whole batch at one place, its `RandomShear` holds the upper left corner, its
`GaussianNoise` takes deviations up to 1 (values reach 255), and no layer shifts the channels apart.

Source: Krizhevsky, Sutskever & Hinton (2012), "ImageNet Classification with Deep Convolutional
Neural Networks", section 4.1, for crops, mirror images and shifted colours. DeVries & Taylor
(2017), "Improved Regularization of Convolutional Neural Networks with Cutout",
https://arxiv.org/abs/1708.04552.
Differs from the sources: colours are shifted channel by channel, not along the principal
components of all pixels; the square of cutout lies wholly within the picture.
"""

import math
from collections.abc import Callable
from typing import Any, Literal

import keras
import numpy as np
from keras import ops

from cnnbook._checks import checked
from cnnbook._tensors import by_numbers, is_foreign, tell_range
from cnnbook.datasets._resample import Tensor, as_type, resample
from cnnbook.datasets._shares import class_shares

CHANGES = {  # of each: the smallest value, the largest, and the one that changes nothing
    **dict.fromkeys(("horizontal_flip", "vertical_flip"), (False, True, False)),
    **{"rotation": (0, 180, 0), "zoom": (0, 0.9, 0), "shear": (0, 1, 0), "translation": (0, 1, 0)},
    "crop": (0.05, 1, 1),
    **dict.fromkeys(("brightness", "contrast", "color", "noise", "cutout"), (0, 1, 0)),
}
GEOMETRY = tuple(CHANGES)[:7]
FILL_MODES = ("reflect", "nearest", "constant")


@checked
def make_augmentation(
    *,
    horizontal_flip: bool = False,
    vertical_flip: bool = False,
    rotation: float = 0.0,
    zoom: float = 0.0,
    shear: float = 0.0,
    translation: float = 0.0,
    crop: float = 1.0,
    brightness: float = 0.0,
    contrast: float = 0.0,
    color: float = 0.0,
    noise: float = 0.0,
    cutout: float = 0.0,
    fill_mode: Literal["reflect", "nearest", "constant"] = "reflect",
    fill_value: float = 0.0,
    seed: int | None = None,
) -> keras.layers.Layer:
    """Make one layer, for a model or a pipeline, of the changes that are asked for.

    It takes (batch, height, width, channels), integers or floats in [0, 255], and returns the same
    shape, type and range; an array of another range gets a warning. Without `training=True`, as in
    `evaluate` and `predict`, it returns its input. Each number is the largest change; what happens
    to a picture is drawn evenly, for each anew, between none and that, to both sides.

    Args:
        horizontal_flip: Swap left and right, for half of the pictures.
        vertical_flip: Swap top and bottom, for half of them.
        rotation: About the centre, in degrees.
        zoom: Share of the size: 0.3 shows things from 1 / 1.3 to 1 / 0.7 times as large.
        shear: How far the top slides against the bottom, in shares of the height.
        translation: Shift down and across, each in shares of the side.
        crop: Side, in shares of the picture's, of a window that is cut out and enlarged.
        brightness: Added to all values, in shares of 255.
        contrast: Share by which values move away from the picture's mean, or towards it.
        color: Added to each channel on its own, in shares of 255.
        noise: Standard deviation of what is added to each value, in shares of 255.
        cutout: Side of a square that is always painted over, in shares of the picture's side.
        fill_mode: What lies beyond the border: a mirror image ("reflect"), the outermost pixels
            ("nearest"), or `fill_value` ("constant").
        fill_value: For "constant", and for the square of cutout; 0 is black.
        seed: Fixes the changes of one call after the other; a parallel pipeline calls in no fixed
            order. Default: drawn by Python's generator, which `keras.utils.set_random_seed` sets.

    Returns:
        An `Augmentation`.

    Raises:
        ValueError: If a number is out of range, or no change is asked for.

    Example:
        >>> import numpy as np
        >>> augment = make_augmentation(horizontal_flip=True, rotation=10, brightness=0.2)
        >>> images = np.zeros((8, 28, 28, 3), "uint8")
        >>> tuple(augment(images, training=True).shape)
        (8, 28, 28, 3)
        >>> np.array_equal(augment(images, training=False), images)
        True
    """
    changes = {name: value for name, value in locals().items() if name != "seed"}
    for name, (low, high, _) in {**CHANGES, "fill_value": (0, 255, 0)}.items():
        if not low <= changes[name] <= high:
            raise ValueError(f"`{name}` must be between {low} and {high}; got {changes[name]}.")
    if fill_mode not in FILL_MODES:
        choices = ", ".join(map(repr, FILL_MODES))
        raise ValueError(f"`fill_mode` must be one of {choices}; got {fill_mode!r}.")
    if all(changes[name] == nothing for name, (_, _, nothing) in CHANGES.items()):
        raise ValueError("`make_augmentation` needs at least one change; got none. Name one.")
    return Augmentation(changes, seed=seed)


@keras.saving.register_keras_serializable(package="cnnbook")
class Augmentation(keras.layers.Layer):
    """The layer that `make_augmentation` makes; it computes in float32 under any dtype policy.

    Args:
        changes: All arguments of `make_augmentation` but the seed, by name.
        seed: As there.

    Attributes:
        resizes: Whether pixels are moved, so that `change_and_resize` can do both at once.
    """

    @checked
    def __init__(self, changes: dict[str, Any], seed: int | None = None, **keywords: Any) -> None:
        if changes.keys() != {*CHANGES, "fill_mode", "fill_value"}:
            raise ValueError("`changes` must be those of `make_augmentation`; call it instead.")
        super().__init__(**{"dtype": "float32", **keywords}, autocast=False)
        # NumPy's numbers Keras does not take, and cannot save.
        changes = {name: np.asarray(value).item() for name, value in changes.items()}
        seed = None if seed is None else int(seed)
        self.changes, self.seed = changes, seed
        self.asked = [name for name, (*_, nothing) in CHANGES.items() if changes[name] != nothing]
        self.resizes = not set(self.asked).isdisjoint(GEOMETRY)
        self.only_moves = set(self.asked).issubset(GEOMETRY)
        self.generator = keras.random.SeedGenerator(seed)
        # A seed of its own for each layer: equal seeds would draw equal numbers.
        seeds = [None if seed is None else seed + number for number in (1, 2, 3)]
        known = [{"seed": one, "dtype": "float32", "data_format": "channels_last"} for one in seeds]
        self.brightness = keras.layers.RandomBrightness(changes["brightness"], **known[0])
        # Keras' RandomContrast(0.3) only raises the contrast; a pair lowers and raises it.
        self.contrast = keras.layers.RandomContrast((changes["contrast"],) * 2, **known[1])
        # RandomErasing takes shares of the area, where cutout has a side, and two probabilities.
        painted = {"scale": (changes["cutout"] ** 2,) * 2, "fill_value": changes["fill_value"]}
        self.cutout = keras.layers.RandomErasing((1.0, 1.0), **painted, **known[2])

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Build Keras' layers."""
        for layer in (self.brightness, self.contrast, self.cutout):
            layer.build(input_shape)

    def __call__(self, images: Any, *rest: Any, **keywords: Any) -> Any:
        """Call Keras on numbers where tf.data has a tensor that it cannot read."""
        if is_foreign(images):
            kind = images.shape, images.dtype.name
            return by_numbers(self, [images], [kind], *rest, **keywords)
        if isinstance(images, np.ndarray) and (keywords.get("training") or any(rest)):
            self.check_range(images)
        return super().__call__(images, *rest, **keywords)

    def check_range(self, images: np.ndarray) -> None:
        """Warn of images that are not from 0 to 255, if their values are to change."""
        if not self.only_moves:
            tell_range(images, 255, "changes are measured in shares of 255", largest=255)

    def call(self, images: Tensor, training: bool = False) -> Tensor:
        """Map (batch, height, width, channels) to the same shape and type."""
        if len(images.shape) != 4:
            found = f"got {tuple(images.shape)}. For one image pass image[None]"
            raise ValueError(f"`images` must have shape (batch, height, width, channels); {found}.")
        if not training:
            return images
        dtype = keras.backend.standardize_dtype(images.dtype)
        if self.resizes:
            images = self._resample(images, dtype, ops.shape(images)[:3])
        return self._change_values(images, dtype)

    def change_and_resize(
        self, pixels: Tensor, sizes: Tensor, image_size: tuple[int, int]
    ) -> Tensor:
        """Change pictures of several sizes as in training, and resize them in the same resampling.

        Nothing is averaged: a picture of more than twice `image_size` should be shrunk before.

        Args:
            pixels: (count, channels), of all pictures one after the other; more may follow.
            sizes: (batch, 2) int32, height and width of each picture.
            image_size: (height, width) of the new ones, of (batch, height, width, channels).
        """
        dtype = keras.backend.standardize_dtype(pixels.dtype)
        if is_foreign(pixels):
            kind = (None, *image_size, pixels.shape[-1]), dtype
            return by_numbers(self.change_and_resize, [pixels, sizes], [kind], image_size)
        new_shape = ops.shape(sizes)[0], *image_size
        moved = self._resample(pixels, dtype, new_shape, sizes, image_size)
        return self._change_values(moved, dtype)

    def _resample(self, images: Tensor, dtype: str, new_shape: Any, *sizes: Any) -> Tensor:
        """Move pixels; they have their last type then, unless values change after it."""
        fill = self.changes["fill_mode"], float(self.changes["fill_value"])
        dtype = dtype if self.only_moves else "float32"
        return resample(images, self._matrices(*new_shape), *fill, dtype, *sizes)

    def _change_values(self, changed: Tensor, dtype: str) -> Tensor:
        """Do what leaves pixels where they are, and convert to `dtype`."""
        if self.only_moves:
            return changed
        shape = ops.shape(changed)
        changed = ops.cast(changed, "float32")
        for name in ("brightness", "contrast"):
            changed = getattr(self, name)(changed, training=True) if name in self.asked else changed
        if "color" in self.asked:
            shifts = self.changes["color"] * self._draw(shape[0], 1, 1, shape[3])
            changed = ops.clip(changed + 255 * shifts, 0, 255)
        if "noise" in self.asked:
            spread = 255 * self.changes["noise"]
            noise = keras.random.normal(shape, 0.0, spread, "float32", seed=self.generator)
            changed = ops.clip(changed + noise, 0, 255)
        if "cutout" in self.asked:
            changed = self.cutout(changed, training=True)
        return as_type(changed, dtype)

    def _draw(self, *shape: int) -> Tensor:
        """Numbers drawn evenly from -1 to 1."""
        return keras.random.uniform(shape, -1.0, 1.0, dtype="float32", seed=self.generator)

    def _matrices(self, count: int, height: int, width: int) -> Tensor:
        """Draw ways (count, 2, 3) from new (x, y, 1) to old (x, y), in pixels from the centre."""
        have, draws = self.changes, ops.unstack(self._draw(9, count), num=9)
        mirror = [
            ops.where(draw < 0, -1.0, 1.0) if have[f"{way}_flip"] else ops.ones_like(draw)
            for way, draw in (("horizontal", draws[0]), ("vertical", draws[1]))
        ]
        turn, slide = math.radians(have["rotation"]) * draws[2], have["shear"] * draws[3]
        scale = have["crop"] * (1 + have["zoom"] * draws[4])
        cos, sin = scale * ops.cos(turn), scale * ops.sin(turn)
        # scale * rotation @ [[1, slide], [0, 1]] @ diag(mirror)
        across = [cos * mirror[0], (cos * slide - sin) * mirror[1]]
        down = [sin * mirror[0], (sin * slide + cos) * mirror[1]]
        for row, size, shift, place in ((across, width, *draws[5:7]), (down, height, *draws[7:])):
            share = have["translation"] * shift + (1 - have["crop"]) / 2 * place
            row.append(share * ops.cast(size, "float32"))  # a tensor where pictures vary in size
        return ops.stack([ops.stack(across, axis=1), ops.stack(down, axis=1)], axis=1)

    def get_config(self) -> dict:
        """Describe the layer so that it can be made again."""
        return {**super().get_config(), "changes": dict(self.changes), "seed": self.seed}


@checked
def make_mixup(num_classes: int, *, alpha: float = 0.2, seed: int | None = None) -> Callable:
    """Make a function that blends each picture with another of its batch, and the labels alike.

    It is Keras' `MixUp`, which would make a matrix of (batch, batch) of integer labels; here they
    become shares of classes first.

    Args:
        num_classes: Number of classes, 2 or more.
        alpha: Of the Beta(alpha, alpha) distribution of shares: at 1 all are equally likely, below
            it most pairs are nearly one picture.
        seed: As in `make_augmentation`.

    Returns:
        A function for the `augment` of a pipeline, of images and (batch,) integers or (batch,
        num_classes) shares, to float32 images and shares, each row with the sum 1.

    Raises:
        ValueError: If a number is too small; by the function, if labels have another shape, are
            none of the classes, or shares below 0 or without the sum 1. In a pipeline TensorFlow
            raises InvalidArgumentError with the same words.

    Source: Zhang, Cisse, Dauphin & Lopez-Paz (2018), "mixup: Beyond Empirical Risk Minimization",
    https://arxiv.org/abs/1710.09412.

    Example:
        >>> images, labels = keras.ops.zeros((4, 8, 8, 1)), keras.ops.arange(4)
        >>> images, shares = make_mixup(num_classes=4)(images, labels)
        >>> tuple(shares.shape), round(float(keras.ops.sum(shares)), 5)
        ((4, 4), 4.0)
    """
    if num_classes < 2:
        raise ValueError(f"`num_classes` must be 2 or more; got {num_classes}.")
    if alpha <= 0:
        raise ValueError(f"`alpha` must be above 0; got {alpha}. 0.2 is usual.")
    seed = None if seed is None else int(seed)
    layer = keras.layers.MixUp(alpha, "channels_last", seed=seed, dtype="float32")

    @checked
    def mixup(images: np.ndarray, labels: np.ndarray) -> tuple:
        if is_foreign(images):
            kinds = [(images.shape, "float32"), ((images.shape[0], num_classes), "float32")]
            return by_numbers(mixup, [images, labels], kinds)
        shares = class_shares(labels, num_classes, images)
        mixed = layer({"images": ops.convert_to_tensor(images), "labels": shares}, training=True)
        return mixed["images"], mixed["labels"]

    return mixup
