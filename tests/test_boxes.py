"""Boxes against squares counted by hand, a double loop, TensorFlow and the evaluation of COCO."""

import contextlib
import io

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings, strategies

from cnnbook.boxes import (
    intersection_over_union,
    mean_average_precision,
    non_maximum_suppression,
    precision_recall,
)


def random_boxes(random, count, room=60, most=30):
    corners = random.uniform(0, room, (count, 2))
    return np.concatenate([corners, corners + random.uniform(1, most, (count, 2))], axis=1)


@pytest.mark.parametrize(
    ("box", "other", "expected"),
    [
        ((0, 0, 4, 4), (0, 0, 4, 4), 1),
        ((0, 0, 4, 4), (2, 0, 6, 4), 8 / 24),
        ((0, 0, 4, 4), (2, 2, 6, 6), 4 / 28),
        ((0, 0, 4, 4), (1, 1, 3, 3), 4 / 16),  # one within the other
        ((0, 0, 4, 4), (4, 0, 8, 4), 0),  # they only touch
        ((0, 0, 4, 4), (9, 9, 12, 12), 0),
        ((0, 0, 0, 0), (0, 0, 0, 0), 0),  # no area at all
        ((-3, -3, 1, 1), (-1, -1, 1, 1), 4 / 16),
    ],
)
def test_intersection_over_union_by_hand(box, other, expected):
    assert intersection_over_union([box], [other])[0, 0] == pytest.approx(expected)
    assert intersection_over_union([other], [box])[0, 0] == pytest.approx(expected)


def test_whole_boxes_are_as_if_their_pixels_were_counted():
    random = np.random.default_rng(0)
    boxes = np.round(random_boxes(random, 30))
    found = intersection_over_union(boxes[:10], boxes[10:])
    pixels = np.zeros((30, 100, 100), bool)
    for picture, (left, top, right, bottom) in zip(pixels, boxes.astype(int), strict=True):
        picture[top:bottom, left:right] = True
    for row in range(10):
        for column in range(20):
            one, other = pixels[row], pixels[10 + column]
            assert found[row, column] == pytest.approx((one & other).sum() / (one | other).sum())


def test_without_boxes_there_is_an_empty_table():
    assert intersection_over_union([], [[0, 0, 1, 1]]).shape == (0, 1)
    assert intersection_over_union(np.zeros((2, 4)), np.zeros((0, 4))).shape == (2, 0)


@settings(max_examples=50, deadline=None)
@given(seed=strategies.integers(0, 10_000), max_iou=strategies.sampled_from([0.0, 0.3, 0.5, 0.9]))
def test_suppression_of_one_class_is_that_of_tensorflow(seed, max_iou):
    random = np.random.default_rng(seed)
    boxes, scores = random_boxes(random, 25), random.permutation(25) / 25
    theirs = tf.image.non_max_suppression(boxes, scores, 25, max_iou).numpy()
    ours = non_maximum_suppression(boxes, scores, np.zeros(25, int), max_iou)
    np.testing.assert_array_equal(ours, theirs)


def test_suppression_leaves_other_classes_and_equal_scores_in_their_order():
    same = [[0, 0, 10, 10]] * 4
    assert non_maximum_suppression(same, [0.5, 0.9, 0.9, 0.1], [1, 2, 2, 3]).tolist() == [1, 0, 3]
    assert non_maximum_suppression([], [], []).tolist() == []


def test_a_box_goes_only_if_it_is_above_the_limit():
    boxes = [[0, 0, 4, 4], [2, 0, 6, 4]]  # 1/3
    assert len(non_maximum_suppression(boxes, [0.9, 0.8], [0, 0], 1 / 3)) == 2
    assert len(non_maximum_suppression(boxes, [0.9, 0.8], [0, 0], 0.33)) == 1


def test_a_box_that_was_dropped_drops_no_other():
    chain = [[0, 0, 10, 10], [4, 0, 14, 10], [8, 0, 18, 10]]  # neighbours 6/14, the ends 2/18
    assert non_maximum_suppression(chain, [0.9, 0.8, 0.7], [0, 0, 0], 0.4).tolist() == [0, 2]


def test_a_second_box_on_the_same_thing_is_wrong():
    truth, twice = [[[0, 0, 10, 10]]], [[[0, 0, 10, 10], [0, 0, 10, 9]]]
    curve = precision_recall(truth, twice, [[0.6, 0.9]])
    assert curve.scores.tolist() == [0.9, 0.6]
    assert curve.precision.tolist() == [1, 0.5] and curve.recall.tolist() == [1, 1]
    assert curve.average_precision == 1  # the recall is complete before the second


def test_four_boxes_by_hand():
    """Right, wrong, right, right, of four that are there: 1, 1/2, 2/3, 3/4."""
    truth = [[[0, 0, 10, 10], [20, 0, 30, 10]], [[0, 0, 10, 10], [50, 50, 60, 60]]]
    found = [[[0, 0, 10, 10], [40, 40, 50, 50], [20, 0, 30, 10]], [[0, 0, 10, 10]]]
    curve = precision_recall(truth, found, [[0.9, 0.8, 0.7], [0.6]])
    np.testing.assert_allclose(curve.precision, [1, 1 / 2, 2 / 3, 3 / 4])
    np.testing.assert_allclose(curve.recall, [1 / 4, 1 / 4, 2 / 4, 3 / 4])
    # The best from here on: 1 for the recalls 0 to 0.25, then 3/4 to 0.75, and 0 for 25 recalls.
    assert curve.average_precision == pytest.approx((26 * 1 + 50 * 0.75) / 101)


def test_nothing_found_nothing_true_and_nothing_at_all():
    assert precision_recall([[[0, 0, 1, 1]]], [[]], [[]]).average_precision == 0
    assert np.isnan(precision_recall([[]], [[[0, 0, 1, 1]]], [[0.5]]).average_precision)
    assert np.isnan(mean_average_precision([], [], [], [], []))
    assert precision_recall([[]], [[[0, 0, 1, 1]]], [[0.5]]).precision.tolist() == [0]


def detector(seed, pictures=12, num_classes=3):
    """What a fair detector would say: true boxes, moved, some missing, some invented."""
    random = np.random.default_rng(seed)
    truths, kinds, found, labels, scores = [], [], [], [], []
    for _ in range(pictures):
        boxes = random_boxes(random, random.integers(0, 6))
        classes = random.integers(0, num_classes, len(boxes))
        seen = random.random(len(boxes)) < 0.8
        moved = boxes[seen] + random.normal(0, 1, (seen.sum(), 4))
        moved[:, 2:] = np.maximum(moved[:, 2:], moved[:, :2] + 0.5)
        invented = random_boxes(random, random.integers(0, 4))
        doubles = moved[:1]
        its = np.concatenate([moved, invented, doubles])
        more = random.integers(0, num_classes, len(invented))
        truths.append(boxes)
        kinds.append(classes)
        found.append(its)
        labels.append(np.concatenate([classes[seen], more, classes[seen][:1]]))
        scores.append(random.permutation(1000)[: len(its)] / 1000)
    return truths, kinds, found, labels, scores


def of_coco(truths, kinds, found, labels, scores, min_iou):
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def entry(picture, number, box, label, **more):
        left, top, right, bottom = map(float, box)
        width, height = right - left, bottom - top
        sides = {"bbox": [left, top, width, height], "area": width * height, "iscrowd": 0}
        # Two classes, so that class 0 is no false "nothing".
        return {"id": number, "image_id": picture, "category_id": int(label) + 1, **sides, **more}

    true = [
        (picture, *pair)
        for picture in range(len(truths))
        for pair in zip(truths[picture], kinds[picture], strict=True)
    ]
    said = [
        (picture, *three)
        for picture in range(len(found))
        for three in zip(found[picture], labels[picture], scores[picture], strict=True)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        gold = COCO()
        gold.dataset = {
            "images": [{"id": picture} for picture in range(len(truths))],
            "categories": [{"id": label + 1} for label in range(10)],
            "annotations": [entry(p, n + 1, box, label) for n, (p, box, label) in enumerate(true)],
        }
        gold.createIndex()
        answers = COCO()
        answers.dataset = gold.dataset | {
            "annotations": [
                entry(p, n + 1, box, label, score=float(score))
                for n, (p, box, label, score) in enumerate(said)
            ]
        }
        answers.createIndex()
        judge = COCOeval(gold, answers, "bbox")
        judge.params.iouThrs, judge.params.maxDets = np.array([min_iou]), [1, 10, 1000]
        judge.evaluate()
        judge.accumulate()
    precision = judge.eval["precision"][0, :, :, 0, 2]  # recalls, classes; -1 where none is true
    return precision[:, precision[0] > -1].mean()


@pytest.mark.parametrize("min_iou", [0.5, 0.6, 0.75])
@pytest.mark.parametrize("seed", range(6))
def test_mean_average_precision_is_that_of_coco(seed, min_iou):
    case = detector(seed)
    ours = mean_average_precision(*case, min_iou=min_iou)
    assert 0.05 < ours < 0.95  # a case that says something
    assert ours == pytest.approx(of_coco(*case, min_iou), abs=1e-9)


def test_the_mean_is_over_the_classes_that_are_there():
    truths, kinds, found, labels, scores = detector(1)
    each = []
    for label in range(3):
        boxes = [its[kind == label] for its, kind in zip(truths, kinds, strict=True)]
        theirs = [its[kind == label] for its, kind in zip(found, labels, strict=True)]
        sure = [its[kind == label] for its, kind in zip(scores, labels, strict=True)]
        each.append(precision_recall(boxes, theirs, sure).average_precision)
    assert mean_average_precision(truths, kinds, found, labels, scores) == pytest.approx(
        np.mean(each)
    )
    labels = [np.where(kind == 0, 7, kind) for kind in labels]  # a class that is nowhere true
    expected = (0 + each[1] + each[2]) / 3
    assert mean_average_precision(truths, kinds, found, labels, scores) == pytest.approx(expected)


ONE = [[0, 0, 4, 4]]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: intersection_over_union([0, 0, 4, 4], ONE),
            r"`boxes` must be \(count, 4\).*\[box\]",
        ),
        (lambda: intersection_over_union(ONE, [[0, 0, 4]]), r"`others` must be \(count, 4\)"),
        (
            lambda: intersection_over_union([[10, 10, 4, 4]], ONE),
            r"before it begins; got \[10.0, .*width, height",
        ),
        (lambda: intersection_over_union([[0, 0, np.nan, 4]], ONE), "`boxes` must be finite"),
        (
            lambda: non_maximum_suppression(ONE, [0.5, 0.4], [0]),
            "`scores` must be 1 finite numbers",
        ),
        (lambda: non_maximum_suppression(ONE, [np.inf], [0]), "`scores` must be 1 finite numbers"),
        (lambda: non_maximum_suppression(ONE, [0.5], [0, 1]), "`classes` must be 1 whole numbers"),
        (lambda: non_maximum_suppression(ONE, [0.5], [0.5]), "`classes` must be 1 whole.*float64"),
        (lambda: non_maximum_suppression(ONE, [0.5], [0], 50), "`max_iou` must be 0 to 1; got 50"),
        (lambda: precision_recall([ONE], [ONE], [[0.5]], 0), "`min_iou` must be above 0"),
        (
            lambda: precision_recall([ONE], [ONE, ONE], [[0.5]]),
            "one item for each picture; got 1, 2 and 1",
        ),
        (lambda: precision_recall([ONE], [ONE], [[0.5, 0.5]]), "`scores` must be 1 finite"),
        (
            lambda: mean_average_precision([ONE], [[0]], [ONE], [[0, 1]], [[0.5]]),
            "`found_classes` must be 1",
        ),
        (
            lambda: mean_average_precision([ONE], [[0, 1]], [ONE], [[0]], [[0.5]]),
            "`true_classes` must be 1",
        ),
        (
            lambda: mean_average_precision([ONE], [[0]], [ONE], [[0]], [[]]),
            "`scores` must be 1 finite",
        ),
        (
            lambda: mean_average_precision([ONE], [[0]], [], [[0]], [[0.5]]),
            r"each picture; got \[1, 1, 0, 1, 1\]",
        ),
        (
            lambda: mean_average_precision([ONE], [[0]], [ONE], [[0]], [[1]], min_iou=2),
            "`min_iou` must be",
        ),
    ],
)
def test_impossible_arguments_are_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()
