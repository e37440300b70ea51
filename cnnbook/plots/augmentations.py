"""What does each random change make of a picture? One row a change, several draws of each."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from cnnbook._checks import checked
from cnnbook.plots._arguments import check_bytes, check_counts
from cnnbook.plots._draw import draw_picture, make_panels, plain


@checked
@plain
def plot_augmentations(
    image: np.ndarray,
    changes: Mapping[Any, Callable[..., Any]],
    columns: int = 6,
    *,
    inches: float = 1.1,
    title: str | None = None,
) -> Figure:
    """Draw what each change makes of one picture, several times.

    Args:
        image: (height, width, 1) or (height, width, 3), values 0 to 255.
        changes: By name, Keras layers, called with `training=True`, or functions. Each gets a batch
            of `columns` equal pictures and returns as many, of any size.
        columns: Draws of each change.
        inches: Width of one picture.
        title: What the whole figure shows, drawn above all rows.

    Returns:
        The figure: a row for each change, its name to the left. Values outside 0 to 255 are drawn
        as the nearest of these. Nothing is shown or saved here.

    Raises:
        ValueError: If an argument, or what a change returns, is not what is said above.

    Example:
        >>> figure = plot_augmentations(np.zeros((8, 8, 1)), {"brighter": lambda x: x + 9}, 3)
        >>> len(figure.axes)
        3
    """
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[-1] not in (1, 3) or image.size == 0:
        words = f"`image` must have shape (height, width, 1 or 3); got {image.shape}."
        raise ValueError(f"{words} Of a batch pass images[0].")
    check_bytes("image", image)
    if not changes:
        raise ValueError("`changes` must name at least one change; got none.")
    check_counts(columns=columns)
    width = columns * inches + 0.1 + 0.07 * max(len(str(name)) for name in changes)
    height = len(changes) * inches * image.shape[0] / image.shape[1] + (0.3 if title else 0)
    figure, panels = make_panels(len(changes), columns, (width, height), title)
    figure.set_layout_engine("constrained", w_pad=0.02, h_pad=0.02, wspace=0, hspace=0)
    for row, (name, change) in zip(panels, changes.items(), strict=True):
        same = np.repeat(image[None], columns, axis=0)  # anew: a change may work in place
        is_layer = hasattr(change, "compute_output_spec")
        changed = np.asarray(change(same, training=True) if is_layer else change(same))
        count = len(changed) if changed.ndim else 0
        if count != columns:
            words = f"`changes` must return as many pictures as they get; {name!r} got"
            raise ValueError(f"{words} {columns} and returned {count}.")
        if changed.shape[3:] not in ((1,), (3,)) or not np.isfinite(changed).all():
            words = "`changes` must return finite (height, width, 1 or 3);"
            raise ValueError(f"{words} {name!r} returned {changed.dtype} of shape {changed.shape}.")
        for cell, picture in zip(row, changed, strict=True):
            draw_picture(cell, np.rint(picture.clip(0, 255)).astype(np.uint8))
            cell.set(xticks=[], yticks=[])
            cell.spines[:].set_visible(False)
        row[0].set_ylabel(name, fontsize=8, rotation=0, ha="right", va="center")
    return figure
