"""Which pictures on disk, and what is on each? One record for folders, lists and photo sets.

`list_image_files`, `list_mapping_file`, `load_cats_vs_dogs` and `load_flowers` make it;
`make_image_pipeline` and `bottleneck_features` read the pictures of it when their turn comes.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True, eq=False)
class LabelledFiles:
    """Paths of pictures, the label of each, and the names of the classes.

    Attributes:
        paths: One file each.
        labels: (count,) whole numbers, below the number of classes; or (count, ...) of other
            numbers, such as shares of classes.
        class_names: The name of each class.

    Raises:
        ValueError: If there are not as many labels as paths, or a label is none of the classes.

    Example:
        >>> files = LabelledFiles(["cat.1.jpg", "dog.1.jpg"], [0, 1], ("cat", "dog"))
        >>> len(files), files.select([1]).paths
        (2, ['dog.1.jpg'])
    """

    paths: Sequence[str | Path]
    labels: np.ndarray
    class_names: tuple[str, ...]

    def __post_init__(self) -> None:
        """Look whether the three belong together."""
        if isinstance(self.paths, (str, Path)) or isinstance(self.class_names, str):
            raise ValueError(
                "`paths` and `class_names` must be lists, of one path or name each; got"
                f" {self.paths!r} and {self.class_names!r}. Put a single one into brackets."
            )
        paths, labels = list(self.paths), np.asarray(self.labels)
        for path in paths:
            if not isinstance(path, (str, Path)):
                raise ValueError(
                    f"`paths` must be paths; got {path!r} ({type(path).__name__}). Open files and"
                    " arrays are none: pass their names, or images to make_pipeline."
                )
        if labels.dtype.kind not in "iuf" and labels.size:
            raise ValueError(
                f"`labels` must be numbers; got {labels.dtype}. Of names take their place in"
                " `class_names`: class_names.index(name)."
            )
        if labels.shape[:1] != (len(paths),):
            count = len(labels) if labels.ndim else 1
            raise ValueError(
                f"`paths` and `labels` must have the same length; got {len(paths)} paths and"
                f" {count} labels."
            )
        object.__setattr__(self, "paths", paths)
        object.__setattr__(self, "labels", labels)
        object.__setattr__(self, "class_names", tuple(map(str, self.class_names)))
        names, is_class = self.class_names, labels.ndim == 1 and labels.dtype.kind in "iu"
        if is_class and labels.size and not 0 <= labels.min() <= labels.max() < len(names):
            raise ValueError(
                f"`labels` must be 0 to {len(names) - 1}, one of {len(names)} classes; got"
                f" {labels.min()} to {labels.max()}. Number the classes from 0."
            )

    def __len__(self) -> int:
        """Count the pictures."""
        return len(self.paths)

    def select(self, rows: Sequence[int] | np.ndarray | slice) -> LabelledFiles:
        """Return some of the pictures, with their labels.

        Args:
            rows: Their numbers, one boolean a picture, or a slice such as `slice(100)`.
        """
        chosen = np.arange(len(self.paths))[rows]
        paths = [self.paths[operator.index(row)] for row in np.atleast_1d(chosen)]
        return LabelledFiles(paths, self.labels[np.atleast_1d(chosen)], self.class_names)


def shown(path: str | Path) -> str:
    """Return a path for a message: on one line, and printable whatever its bytes are."""
    text = str(path)
    return text if text.isprintable() else ascii(text)
