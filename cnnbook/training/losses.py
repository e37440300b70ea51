"""How wrong is a classifier? Two losses by hand, one number an image.

Cross-entropy asks that the probability of the true class be high, without end. The hinge asks that
the true class lead by a margin, and is then content.

Source: Weston & Watkins (1999), "Support Vector Machines for Multi-Class Pattern Recognition",
https://www.esann.org/sites/default/files/proceedings/legacy/es1999-461.pdf, for the sum over wrong
classes; Crammer & Singer (2001), "On the Algorithmic Implementation of Multiclass Kernel-based
Vector Machines", https://www.jmlr.org/papers/v2/crammer01a.html, for the largest of them.
"""

from typing import Literal

import numpy as np

from cnnbook._checks import checked


@checked
def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Compute -log of the probability that softmax gives to the true class.

    Equal to `keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="none")`.

    Args:
        logits: (count, num_classes), any finite numbers; large ones do not overflow.
        labels: (count,) whole numbers, the true class of each image.

    Returns:
        (count,) float64, 0 or more; log(num_classes) where all logits are equal.

    Raises:
        ValueError: If shapes do not fit or a label is none of the classes.

    Example:
        >>> cross_entropy([[10, -5, 5]], [0]).round(4)
        array([0.0067])
    """
    logits, labels = _check("logits", logits, labels)
    shifted = logits - logits.max(axis=1, keepdims=True)  # the same softmax, and exp <= 1
    return np.log(np.exp(shifted).sum(axis=1)) - _of_class(shifted, labels)


@checked
def multiclass_hinge(
    scores: np.ndarray,
    labels: np.ndarray,
    margin: float = 1.0,
    wrong_classes: Literal["sum", "largest"] = "sum",
) -> np.ndarray:
    """Compute by how much the wrong classes come closer to the true one than the margin.

    Args:
        scores: (count, num_classes), any finite numbers.
        labels: (count,) whole numbers, the true class of each image.
        margin: The lead that the true class should have, above 0.
        wrong_classes: "sum" adds max(0, wrong - true + margin) over all wrong classes; "largest"
            takes the largest, as `keras.losses.CategoricalHinge` does with margin 1 where no wrong
            score is below 0.

    Returns:
        (count,) float64, 0 or more.

    Raises:
        ValueError: If shapes do not fit, or an argument is outside what is said above.

    Example:
        >>> multiclass_hinge([[10, -5, 5]], [0], margin=10)  # 0 for the -5, and 5 for the 5
        array([5.])
    """
    if margin <= 0:
        raise ValueError(f"`margin` must be above 0; got {margin}. 1 is usual.")
    if wrong_classes not in ("sum", "largest"):
        raise ValueError(f"`wrong_classes` must be 'sum' or 'largest'; got {wrong_classes!r}.")
    scores, labels = _check("scores", scores, labels)
    shortfalls = np.maximum(0, scores - _of_class(scores, labels)[:, None] + margin)
    np.put_along_axis(shortfalls, labels[:, None], 0, axis=1)  # the true class is no rival
    return shortfalls.sum(axis=1) if wrong_classes == "sum" else shortfalls.max(axis=1)


def _of_class(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The score of the true class of each image."""
    return np.take_along_axis(scores, labels[:, None], axis=1)[:, 0]


def _check(name: str, scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scores, labels = np.asarray(scores, "float64"), np.asarray(labels)
    if scores.ndim != 2 or scores.shape[1] < 2:
        words = f"`{name}` must be (count, num_classes) with 2 classes or more; got"
        raise ValueError(f"{words} shape {scores.shape}. Write [[10, -5, 5]] for one image.")
    if not (abs(scores) < 1e300).all():
        raise ValueError(f"`{name}` must be finite; got nan or infinity. Look for their source.")
    if labels.shape != scores.shape[:1] or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"`labels` must be {len(scores)} whole numbers, one an image; got shape {labels.shape}"
            f" of {labels.dtype}. Of one-hot rows take labels.argmax(axis=1)."
        )
    if labels.size and not (labels.min() >= 0 and labels.max() < scores.shape[1]):
        words = f"`labels` must be 0 to {scores.shape[1] - 1}; got"
        raise ValueError(f"{words} {labels.min()} to {labels.max()}. Number the classes from 0.")
    return scores, labels
