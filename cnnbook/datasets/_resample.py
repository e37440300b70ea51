"""Pictures read anew at other places, each between the four pixels around: one resampling."""

import functools
from typing import Any, TypeAlias

import keras
from keras import ops

Tensor: TypeAlias = keras.KerasTensor


def as_type(values: Tensor, dtype: str) -> Tensor:
    """Convert floats; to whole numbers by rounding."""
    return ops.cast(ops.round(values) if "int" in dtype else values, dtype)


def resample(
    images: Tensor, matrices: Tensor, fill_mode: str, fill_value: float, dtype: str, *sizes: Any
) -> Tensor:
    """Read each new pixel where its picture's matrix says; with `sizes` as `change_and_resize`."""
    found = _neighbors(None if sizes else images, matrices, fill_mode, *sizes)
    pixels = ops.reshape(images, (-1, ops.shape(images)[-1]))
    return _blend(pixels, *found, fill_mode, fill_value, dtype)


def _neighbors(
    images: Tensor, matrices: Tensor, fill_mode: str, sizes: Any = None, image_size: Any = None
) -> tuple[list[Tensor], list[Tensor], Tensor]:
    """Find the four old pixels around the place where each new one is read.

    Returns their numbers among all (upper left and right, lower left and right), the shares of the
    right and the lower ones, and whether the place is in the picture: (batch, height, width) each.
    """
    if sizes is None:
        count, *image_size, _ = ops.shape(images)
        sizes = ops.broadcast_to(ops.cast(ops.stack(image_size), "int32"), (count, 2))
    height, width = image_size
    old_height, old_width = (sizes[:, side, None, None] for side in (0, 1))
    start = ops.cumsum(sizes[:, 0] * sizes[:, 1]) - sizes[:, 0] * sizes[:, 1]
    ratios = ops.cast(sizes, "float32") / ops.cast(ops.stack(image_size), "float32")
    matrices = matrices * ops.flip(ratios, axis=1)[:, :, None]
    middle_y, middle_x, middle_down, middle_across = (
        (ops.cast(side, "float32") - 1) / 2 for side in (old_height, old_width, height, width)
    )
    across = ops.arange(width, dtype="float32") - middle_across
    down = ops.arange(height, dtype="float32")[:, None] - middle_down

    def between(row: int, middle: Tensor) -> tuple[Tensor, ...]:
        a, b, c = (matrices[:, row, column, None, None] for column in range(3))
        place = a * across + (b * down + c + middle)
        is_inside = abs(place - middle) < middle + 0.5
        if fill_mode == "reflect":  # the edge of the outermost pixel is the mirror
            place = 2 * middle + 0.5 - abs(2 * middle + 1 - abs(place + 0.5))
        place = ops.clip(place, 0, 2 * middle)
        first = ops.floor(place)
        second = ops.minimum(first + 1, 2 * middle)
        return ops.cast(first, "int32"), ops.cast(second, "int32"), place - first, is_inside

    left, right, to_right, is_inside_x = between(0, middle_x)
    upper, lower, to_lower, is_inside_y = between(1, middle_y)
    above, below = (start[:, None, None] + row * old_width for row in (upper, lower))
    corners = [above + left, above + right, below + left, below + right]
    return corners, [to_right, to_lower], is_inside_x & is_inside_y


def _blend(
    pixels: Tensor, corners: Any, shares: Any, is_inside: Any, mode: str, value: float, dtype: str
) -> Tensor:
    """Interpolate between the pixels that `_neighbors` found."""
    found = [ops.cast(_take(pixels, corner), "float32") for corner in corners]
    to_right, to_lower = (share[..., None] for share in shares)
    above, below = (one + to_right * (other - one) for one, other in (found[:2], found[2:]))
    seen = above + to_lower * (below - above)
    if mode == "constant":
        seen = ops.where(is_inside[..., None], seen, value)
    return as_type(seen, dtype)


_take = functools.partial(ops.take, axis=0)
if keras.backend.backend() == "tensorflow":
    import tensorflow

    # Compiled into one loop each, which is much faster. In a single function the places would be
    # found anew for each channel; and `ops.take` asks what is negative.
    _take = tensorflow.gather
    _compiled = tensorflow.function(jit_compile=True, reduce_retracing=True)
    _neighbors, _blend = _compiled(_neighbors), _compiled(_blend)
