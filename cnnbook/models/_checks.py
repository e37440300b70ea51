"""What builders of networks refuse before they build a layer, each in one clear line."""

import functools
from collections.abc import Callable, Container, Hashable, Sequence
from typing import Any

import keras
import numpy as np

from cnnbook._checks import P, R, checked

Shape = tuple[int, int, int]  # of an image: height, width, channels
# Of these the builders themselves say what the choices are, or what to do: of any type.
OWN_WORDS = ("image_shape", "depth", "variant", "weights", "blocks")


def checked_builder(build: Callable[P, R]) -> Callable[P, R]:
    """Make a builder refuse arguments of a wrong type, but those that it checks in its words.

    Whatever keras.json says, it builds with the channels last: layers note that when they are made.
    """

    @functools.wraps(build)
    def building(*arguments: P.args, **keywords: P.kwargs) -> R:
        users_format = keras.config.image_data_format()
        keras.config.set_image_data_format("channels_last")
        try:
            return build(*_plain(arguments), **_plain(keywords))
        finally:
            keras.config.set_image_data_format(users_format)

    hints = build.__annotations__.items()
    building.__annotations__ = {name: hint for name, hint in hints if name not in OWN_WORDS}
    return functools.wraps(build)(checked(building))


def _plain(value: Any) -> Any:
    """Return Python's numbers, as Keras wants them, for NumPy's, as `labels.max() + 1` is one."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)(map(_plain, value))
    return value.tolist() if isinstance(value, (np.generic, np.ndarray)) else value


def is_choice(value: object, choices: Container[object]) -> bool:
    """Tell whether a value is one of the choices; a list or an array never is."""
    return isinstance(value, Hashable) and value in choices


def check_arguments(image_shape: Shape, classes: int, *dropout: float, rgb: bool = False) -> None:
    """Refuse impossible arguments, and with `rgb` images of other than three channels."""
    is_shape = isinstance(image_shape, Sequence) and len(image_shape) == 3
    if not is_shape or not all(isinstance(n, int) and n > 0 for n in image_shape):
        raise ValueError(
            "`image_shape` must be (height, width, channels), three whole numbers above 0; got "
            f"{image_shape!r}. For an array of images it is `images.shape[1:]`."
        )
    if rgb and image_shape[2] != 3:
        raise ValueError(
            "`image_shape` must end in 3 (red, green, blue: a mean is taken from each), got "
            f"{image_shape}; repeat a grey channel three times: np.repeat(images, 3, axis=-1)."
        )
    if classes < 2:
        raise ValueError(
            f"`num_classes` must be 2 or more; got {classes}. Yes or no are two classes."
        )
    for rate in dropout:
        check_rates(dropout=rate)


def check_rates(**rates: float) -> None:
    """Refuse to drop a share of values that is none, or all of them."""
    for name, rate in rates.items():
        if not 0 <= rate < 1:
            raise ValueError(
                f"`{name}` must be 0 or more and less than 1; got {rate}. 0 switches it off."
            )


def check_widths(**widths: int | Sequence[int]) -> None:
    """Refuse layers of no filter or unit."""
    for name, width in widths.items():
        if np.min(width, initial=1) < 1:
            raise ValueError(f"`{name}` must be 1 or more; got {width}.")


def check_cifar_depth(depth: int) -> None:
    """Refuse depths that no residual net of three equal stages, two convolutions a block, has."""
    if not isinstance(depth, int) or depth < 8 or depth % 6 != 2:
        raise ValueError(
            "`depth` must be 6n + 2: 20, 32, 44, 56 or 110 as in the paper, or 8, 14, 26, ...; got "
            f"{depth}. The first and the last layer are single, each of three stages has 2n."
        )


def check_side(
    image_shape: Shape, side: int, reason: str, advice: str = "Enlarge or pad the images."
) -> None:
    """Refuse images of which the strides would leave nothing."""
    if min(image_shape[:2]) < side:
        raise ValueError(
            f"`image_shape` must be at least {side} x {side} pixels: {reason}; got {image_shape}."
            f" {advice}"
        )


def check_imagenet(weights: str | None, image_shape: Shape, num_classes: int) -> None:
    """Refuse weights that there are not, or that do not fit the form asked for."""
    fits = is_choice(weights, ["imagenet"]) and (image_shape[2], num_classes) == (3, 1000)
    if weights is not None and not fits:
        raise ValueError(
            '`weights` must be None, or "imagenet" with 3 channels and 1000 classes; got '
            f"{weights!r} with {image_shape[2]} and {num_classes}. Build with 3 and 1000, repeat "
            'grey channels (np.repeat), and put a new head on the layer "average".'
        )
