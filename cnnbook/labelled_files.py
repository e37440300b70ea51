"""Which pictures on disk, and what is on each? One record for folders, lists and photo sets.

`list_image_files`, `list_mapping_file`, `load_cats_vs_dogs` and `load_flowers` make it;
`make_image_pipeline` and `bottleneck_features` read the pictures of it when their turn comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from cnnbook._checks import checked, expanded


@dataclass(frozen=True, eq=False, repr=False)
class LabelledFiles:
    """Paths of pictures, the label of each, and the names of the classes.

    Attributes:
        paths: One file each; text becomes paths.
        labels: (count,) whole numbers, below the number of classes; or (count, ...) of other
            finite numbers, such as shares of classes.
        class_names: The name of each class.

    Raises:
        ValueError: If there is not one label a path, or a label is none of the classes or not
            finite.

    Example:
        >>> files = LabelledFiles(["1.jpg", "2.jpg", "3.jpg"], [0, 1, 1], ("cat", "dog"))
        >>> len(files), files.select(slice(2))
        (3, LabelledFiles(2 files of the classes cat, dog))
    """

    paths: list[Path]
    labels: np.ndarray
    class_names: tuple[str, ...]
    # `checked` takes whatever has these, such as one that a copied file has made.
    _fields: ClassVar[tuple[str, ...]] = ("paths", "labels", "class_names")

    def __post_init__(self) -> None:
        """Look whether the three belong together."""
        made = _three(self.paths, self.labels, self.class_names)
        vars(self).update(zip(self._fields, made, strict=True))

    def __len__(self) -> int:
        """Count the pictures."""
        return len(self.paths)

    def __repr__(self) -> str:
        """Say how many there are, on one line."""
        return f"LabelledFiles({len(self):,} files of the classes {', '.join(self.class_names)})"

    @checked
    def select(self, rows: np.ndarray | slice) -> LabelledFiles:
        """Return some of the pictures, with their labels.

        Args:
            rows: Their numbers, one boolean a picture, or a slice such as `slice(100)`.

        Raises:
            ValueError: If there are no such pictures.
        """
        if not isinstance(rows, slice):
            rows = np.asarray(rows, None if np.size(rows) else int)  # of [] that would be float
        try:
            chosen = np.atleast_1d(np.arange(len(self))[rows])
        except (IndexError, TypeError) as error:
            words = f"`rows` must choose among {len(self):,} pictures, by numbers from 0, by as"
            raise ValueError(f"{words} many booleans, or by a slice; {error}.") from error
        paths = [self.paths[row] for row in chosen]
        return LabelledFiles(paths, self.labels[chosen], self.class_names)


@checked
def _three(
    paths: Sequence, labels: np.ndarray, class_names: Sequence[str]
) -> tuple[list[Path], np.ndarray, tuple[str, ...]]:
    """Return the three as the record keeps them, if they belong together.

    Args:
        paths: Names of files, a single one in brackets.
        labels: The place in `class_names` of each picture's class, which class_names.index finds.
        class_names: One name a class.
    """
    for path in paths:  # here, since `checked` would take a second for 100,000 of them
        if not isinstance(path, (str, Path)):
            words = f"`paths` must be a list, each text or a path; got {type(path).__name__}."
            raise ValueError(f"{words} Images are for make_pipeline.")
    labels, names = np.asarray(labels), tuple(map(str, class_names))
    if labels.shape[:1] != (len(paths),):
        words = "`paths` and `labels` must have the same length; got"
        raise ValueError(f"{words} {len(paths)} paths and {len(np.atleast_1d(labels))} labels.")
    if labels.size and labels.dtype.kind not in "iuf":
        words = f"`labels` must be whole numbers or shares; got {labels.dtype}."
        raise ValueError(f"{words} labels.astype(int) makes numbers of them.")
    if not np.isfinite(labels).all():
        raise ValueError(
            "`labels` must be finite; got nan or infinity. Select files that have one."
        )
    is_class = labels.size == len(paths) > 0 and (labels.ndim == 1 or labels.dtype.kind in "iu")
    if is_class and not (
        0 <= labels.min() <= labels.max() < len(names) and (labels % 1 == 0).all()
    ):
        words = f"`labels` must be 0 to {len(names) - 1}, one of {len(names)} classes; got"
        raise ValueError(f"{words} {labels.min()} to {labels.max()}. Number the classes from 0.")
    return [path if isinstance(path, Path) else expanded(path) for path in paths], labels, names
