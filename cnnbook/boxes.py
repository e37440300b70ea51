"""How well do boxes agree, which of them say the same, and how good is a detector?

A box is left, top, right, bottom in pixels; edges lie between pixels, so the width is right − left.

Source: Everingham et al. (2010), "The PASCAL Visual Object Classes (VOC) Challenge",
https://doi.org/10.1007/s11263-009-0275-4, for the rule that a box counts once; Lin et al. (2014),
"Microsoft COCO: Common Objects in Context", https://arxiv.org/abs/1405.0312, whose evaluation
reads the curve at 101 recalls.

Differs from the paper: COCO takes at most 100 boxes of a picture, and here all count.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cnnbook._checks import checked

RECALLS = np.linspace(0, 1, 101)


class PrecisionRecall(NamedTuple):
    """What a detector finds of one class, as the score that is asked for goes down.

    Attributes:
        precision: (found,) of the boxes up to here, the share that is right.
        recall: (found,) of all true boxes, the share that was found up to here.
        scores: (found,) from the highest to the lowest.
        average_precision: 0 to 1: the mean, over the recalls 0, 0.01, ... 1, of the best precision
            at this recall or a higher one; nan where no box of the class is true.
    """

    precision: np.ndarray
    recall: np.ndarray
    scores: np.ndarray
    average_precision: float


@checked
def intersection_over_union(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Divide the area that two boxes share by the area that they cover together, for each pair.

    Args:
        boxes: (count, 4), left, top, right, bottom in pixels.
        others: (number, 4), the same.

    Returns:
        (count, number) float64, 0 to 1; 0 where both have no area.

    Raises:
        ValueError: If a shape is another, or a box ends before it begins.

    Example:
        >>> intersection_over_union([[0, 0, 4, 4]], [[2, 0, 6, 4], [0, 0, 4, 4], [4, 4, 5, 5]])
        array([[0.33333333, 1.        , 0.        ]])
    """
    boxes, others = _as_boxes("boxes", boxes)[:, None], _as_boxes("others", others)[None]
    corner = np.maximum(boxes[..., :2], others[..., :2])
    sides = np.minimum(boxes[..., 2:], others[..., 2:]) - corner
    shared = np.maximum(sides, 0).prod(axis=-1)
    areas = [(its[..., 2:] - its[..., :2]).prod(axis=-1) for its in (boxes, others)]
    together = areas[0] + areas[1] - shared
    return np.divide(shared, together, out=np.zeros_like(shared), where=together > 0)


@checked
def non_maximum_suppression(
    boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray, max_iou: float = 0.5
) -> np.ndarray:
    """Keep the best box of each thing: drop boxes that overlap a better one of their class.

    Args:
        boxes: (count, 4), left, top, right, bottom in pixels.
        scores: (count,) the higher, the surer.
        classes: (count,) whole numbers.
        max_iou: A box is dropped if its intersection over union with a better one is above this;
            0 to 1.

    Returns:
        (kept,) int64, numbers of the boxes that stay, the best first; of equal ones the earlier.

    Raises:
        ValueError: If lengths differ, or an argument is outside what is said above.

    Example:
        >>> boxes = [[0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10]]
        >>> non_maximum_suppression(boxes, [0.8, 0.9, 0.7], [3, 3, 3])
        array([1, 2])
    """
    boxes, scores = _scored("boxes", boxes, scores)
    classes = _as_classes("classes", classes, len(boxes))
    if not 0 <= max_iou <= 1:
        raise ValueError(f"`max_iou` must be 0 to 1; got {max_iou}. 0.5 is usual.")
    kept: list[int] = []
    waiting = np.argsort(-scores, kind="stable")
    while len(waiting):
        best, waiting = waiting[0], waiting[1:]
        kept.append(int(best))
        overlap = intersection_over_union(boxes[[best]], boxes[waiting])[0]
        waiting = waiting[(overlap <= max_iou) | (classes[waiting] != classes[best])]
    return np.array(kept, "int64")


@checked
def precision_recall(
    true_boxes: Sequence[np.ndarray],
    found_boxes: Sequence[np.ndarray],
    scores: Sequence[np.ndarray],
    min_iou: float = 0.5,
) -> PrecisionRecall:
    """Follow precision and recall of the boxes of one class, from the surest box to the last.

    The boxes of a picture are taken from the surest down. Each is right if it overlaps a true box
    that no surer one has taken already; of several it takes the one that it fits best.

    Args:
        true_boxes: For each picture (things, 4), left, top, right, bottom in pixels.
        found_boxes: For each picture (found, 4), the same.
        scores: For each picture (found,).
        min_iou: The intersection over union from which on a box is right; above 0, up to 1.

    Returns:
        PrecisionRecall, over all pictures. Without boxes found, arrays are empty.

    Raises:
        ValueError: If lengths differ, or an argument is outside what is said above.

    Example:
        >>> truth = [[[0, 0, 10, 10], [20, 0, 30, 10]]]
        >>> found = [[[0, 0, 10, 9], [50, 50, 60, 60], [20, 0, 30, 10]]]
        >>> curve = precision_recall(truth, found, [[0.9, 0.8, 0.7]])
        >>> curve.precision.round(2), curve.recall, round(curve.average_precision, 3)
        (array([1.  , 0.5 , 0.67]), array([0.5, 0.5, 1. ]), 0.835)
    """
    if not len(true_boxes) == len(found_boxes) == len(scores):
        counts = f"{len(true_boxes)}, {len(found_boxes)} and {len(scores)}"
        words = "`true_boxes`, `found_boxes` and `scores` must have one item for each picture; got"
        raise ValueError(f"{words} {counts}.")
    if not 0 < min_iou <= 1:
        raise ValueError(f"`min_iou` must be above 0 and at most 1; got {min_iou}. 0.5 is usual.")
    rights, sure, num_true = [np.zeros(0, bool)], [np.zeros(0)], 0
    for truth, boxes, its_scores in zip(true_boxes, found_boxes, scores, strict=True):
        truth = _as_boxes("true_boxes", truth)
        boxes, its_scores = _scored("found_boxes", boxes, its_scores)
        order = np.argsort(-its_scores, kind="stable")
        rights.append(_is_right(intersection_over_union(boxes[order], truth), min_iou))
        sure.append(its_scores[order])
        num_true += len(truth)
    all_scores = np.concatenate(sure)
    order = np.argsort(-all_scores, kind="stable")
    right = np.concatenate(rights)[order].cumsum()
    precision, recall = right / np.arange(1, len(right) + 1), right / max(1, num_true)
    best_from_here = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0)
    average = best_from_here[np.searchsorted(recall, RECALLS)].mean() if num_true else np.nan
    return PrecisionRecall(precision, recall, all_scores[order], float(average))


@checked
def mean_average_precision(
    true_boxes: Sequence[np.ndarray],
    true_classes: Sequence[np.ndarray],
    found_boxes: Sequence[np.ndarray],
    found_classes: Sequence[np.ndarray],
    scores: Sequence[np.ndarray],
    *,
    min_iou: float = 0.5,
) -> float:
    """Take the mean, over the classes that occur in truth, of their average precision.

    Args:
        true_boxes: For each picture (things, 4), left, top, right, bottom in pixels.
        true_classes: For each picture (things,) whole numbers.
        found_boxes: For each picture (found, 4).
        found_classes: For each picture (found,) whole numbers.
        scores: For each picture (found,).
        min_iou: The intersection over union from which on a box is right; above 0, up to 1.

    Returns:
        0 to 1, the mAP of COCO at one threshold; nan without true boxes.

    Raises:
        ValueError: If lengths differ, or an argument is outside what is said above.

    Example:
        >>> boxes = [[[0, 0, 10, 10], [20, 0, 30, 10]]]
        >>> mean_average_precision(boxes, [[1, 7]], boxes, [[1, 8]], [[0.9, 0.8]])
        0.5
    """
    lists = (true_boxes, true_classes, found_boxes, found_classes, scores)
    if len({len(each) for each in lists}) > 1:
        words = (
            "`true_boxes`, `true_classes`, `found_boxes`, `found_classes` and `scores` must have"
        )
        raise ValueError(f"{words} one item for each picture; got {[len(it) for it in lists]}.")
    truths = [
        (its := _as_boxes("true_boxes", boxes), _as_classes("true_classes", kinds, len(its)))
        for boxes, kinds in zip(true_boxes, true_classes, strict=True)
    ]
    found = [
        (
            *_scored("found_boxes", boxes, its_scores),
            _as_classes("found_classes", kinds, len(boxes)),
        )
        for boxes, its_scores, kinds in zip(found_boxes, scores, found_classes, strict=True)
    ]
    averages = []
    for label in np.unique(np.concatenate([np.zeros(0, int), *(kinds for _, kinds in truths)])):
        its_truths = [boxes[kinds == label] for boxes, kinds in truths]
        its_boxes = [boxes[kinds == label] for boxes, _, kinds in found]
        its_scores = [sure[kinds == label] for _, sure, kinds in found]
        curve = precision_recall(its_truths, its_boxes, its_scores, min_iou)
        averages.append(curve.average_precision)
    return float(np.mean(averages)) if averages else np.nan


def _is_right(overlaps: np.ndarray, min_iou: float) -> np.ndarray:
    """Tell for each box, the surest first, whether a true box is left for it."""
    free = np.ones(overlaps.shape[1], bool)
    right = np.zeros(len(overlaps), bool)
    for number, overlap in enumerate(overlaps):
        left = np.where(free, overlap, -1)
        if len(left) and left.max() >= min_iou:
            right[number], free[left.argmax()] = True, False
    return right


def _as_boxes(name: str, boxes: np.ndarray) -> np.ndarray:
    found = np.asarray(boxes, "float64")
    if found.shape == (0,):
        return np.zeros((0, 4))
    if found.ndim != 2 or found.shape[1] != 4:
        words = f"`{name}` must be (count, 4): left, top, right, bottom; got shape"
        raise ValueError(f"{words} {found.shape}. Of a single box pass [box].")
    if not np.isfinite(found).all():
        raise ValueError(f"`{name}` must be finite; got nan or infinity. Look for their source.")
    if (found[:, :2] > found[:, 2:]).any():
        wrong = found[(found[:, :2] > found[:, 2:]).any(axis=1)][0]
        words = f"`{name}` must be left, top, right, bottom, and none ends before it begins; got"
        raise ValueError(f"{words} {wrong.tolist()}. Is it left, top, width, height?")
    return found


def _as_classes(name: str, classes: np.ndarray, count: int) -> np.ndarray:
    found = np.asarray(classes)
    found = found.astype("int64") if found.shape == (0,) else found
    if found.shape != (count,) or found.dtype.kind not in "iu":
        words = f"`{name}` must be {count} whole numbers, one a box; got {found.dtype} of shape"
        raise ValueError(f"{words} {found.shape}. Of one-hot rows take argmax(axis=1).")
    return found


def _scored(name: str, boxes: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    boxes, scores = _as_boxes(name, boxes), np.asarray(scores, "float64")
    if scores.shape != (len(boxes),) or not np.isfinite(scores).all():
        words = f"`scores` must be {len(boxes)} finite numbers, one a box; got shape"
        raise ValueError(f"{words} {scores.shape}. Is there nan or infinity, or a box too many?")
    return boxes, scores
