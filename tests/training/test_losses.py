"""The losses against the example of a source, Keras, scikit-learn and cases worked by hand."""

import keras
import numpy as np
import pytest
from sklearn.metrics import hinge_loss

from cnnbook.training.losses import cross_entropy, multiclass_hinge

RNG = np.random.default_rng(0)
SCORES = RNG.normal(scale=3, size=(200, 7))
LABELS = RNG.integers(0, 7, 200)


def test_the_example_of_the_source_gives_exactly_five():
    assert multiclass_hinge([[10, -5, 5]], [0], margin=10).tolist() == [5.0]


@pytest.mark.parametrize(
    ("label", "margin", "expected"),
    [
        (0, 1, 0),  # the lead is 5 and 15
        (0, 5, 0),  # exactly at the margin
        (0, 20, 15 + 5),  # 5 - 10 + 20 and -5 - 10 + 20
        (1, 1, 16 + 11),
        (2, 1, 6 + 0),
    ],
)
def test_hinge_worked_by_hand(label, margin, expected):
    assert multiclass_hinge([[10, -5, 5]], [label], margin).tolist() == [expected]


def test_the_largest_instead_of_the_sum():
    assert multiclass_hinge([[10, -5, 5]], [0], 20, wrong_classes="largest").tolist() == [15.0]


def test_hinge_is_the_double_loop():
    expected = [
        sum(max(0, row[j] - row[label] + 2.5) for j in range(7) if j != label)
        for row, label in zip(SCORES, LABELS, strict=True)
    ]
    np.testing.assert_allclose(multiclass_hinge(SCORES, LABELS, 2.5), expected, atol=1e-12)


def test_the_largest_is_scikit_learns_multiclass_hinge():
    expected = hinge_loss(LABELS, SCORES, labels=np.arange(7))
    largest = multiclass_hinge(SCORES, LABELS, wrong_classes="largest")
    assert largest.mean() == pytest.approx(expected, abs=1e-12)


def test_the_largest_is_keras_where_a_wrong_score_is_positive():
    scores = np.abs(SCORES)
    expected = keras.losses.CategoricalHinge(reduction=None)(np.eye(7)[LABELS], scores)
    largest = multiclass_hinge(scores, LABELS, wrong_classes="largest")
    np.testing.assert_allclose(largest, expected, atol=1e-5)


def test_keras_counts_a_negative_wrong_score_as_zero():
    """What the docstring says of Keras: -5 counts as 0, so a lead of 5.5 seems to be 0.5."""
    keras_hinge = keras.losses.CategoricalHinge(reduction=None)
    assert float(keras_hinge([[1.0, 0.0]], [[0.5, -5.0]])[0]) == 0.5
    assert multiclass_hinge([[0.5, -5.0]], [0]).tolist() == [0.0]


def test_with_two_classes_both_kinds_are_keras_hinge_of_the_difference():
    scores, labels = SCORES[:, :2], LABELS % 2
    expected = keras.losses.Hinge(reduction=None)(
        np.where(labels == 1, 1.0, -1.0)[:, None], scores[:, 1:] - scores[:, :1]
    )
    for kind in ("sum", "largest"):
        found = multiclass_hinge(scores, labels, wrong_classes=kind)
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_cross_entropy_is_keras():
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=None)
    np.testing.assert_allclose(cross_entropy(SCORES, LABELS), loss(LABELS, SCORES), atol=1e-5)


def test_cross_entropy_of_equal_logits_is_the_log_of_the_number_of_classes():
    np.testing.assert_allclose(cross_entropy(np.full((1, 10), 3.0), [4]), np.log(10))


def test_cross_entropy_of_probabilities_worked_by_hand():
    """Softmax of log probabilities gives them back."""
    logits = np.log([[0.25, 0.5, 0.25], [0.1, 0.2, 0.7]])
    np.testing.assert_allclose(cross_entropy(logits, [1, 0]), [np.log(2), np.log(10)])


def test_large_logits_neither_overflow_nor_vanish():
    with np.errstate(all="raise", under="ignore"):
        assert cross_entropy([[1e4, 0.0], [-1e4, 0.0]], [1, 1]).tolist() == [1e4, 0.0]


def test_one_number_an_image_and_none_for_none():
    for loss in (cross_entropy, multiclass_hinge):
        assert loss(SCORES, LABELS).shape == (200,)
        assert loss(np.zeros((0, 3)), np.zeros(0, int)).shape == (0,)


def test_the_scores_are_left_alone():
    scores = SCORES.copy()
    multiclass_hinge(scores, LABELS)
    cross_entropy(scores, LABELS)
    np.testing.assert_array_equal(scores, SCORES)


@pytest.mark.parametrize("loss", [cross_entropy, multiclass_hinge])
@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        ([1.0, 2.0], [0], r"\(count, num_classes\).*got shape \(2,\)"),
        ([[1.0]], [0], r"2 classes or more; got shape \(1, 1\)"),
        ([[1.0, 2.0]], [0, 1], r"`labels` must be 1 whole numbers.*got shape \(2,\)"),
        ([[1.0, 2.0]], [[0, 1]], r"one-hot rows take labels.argmax"),
        ([[1.0, 2.0]], [0.0], r"whole numbers.*of float64"),
        ([[1.0, 2.0]], [2], "`labels` must be 0 to 1; got 2 to 2"),
        ([[1.0, 2.0]], [-1], "`labels` must be 0 to 1; got -1 to -1"),
        ([[1.0, np.nan]], [0], "` must be finite; got nan or infinity"),
        ([[1e308, -1e308]], [1], "` must be finite; got nan or infinity"),
        ([[1.0, np.inf]], [0], "` must be finite; got nan or infinity"),
    ],
)
def test_unusable_scores_or_labels(loss, scores, labels, message):
    with pytest.raises(ValueError, match=message):
        loss(scores, labels)


def test_unusable_margin_or_kind():
    for margin in (0, -1, np.nan, np.inf):
        with pytest.raises(ValueError, match="`margin` must be (above 0|a finite number); got"):
            multiclass_hinge(SCORES, LABELS, margin)
    with pytest.raises(ValueError, match="`wrong_classes` must be 'sum' or 'largest'; got 'mean'"):
        multiclass_hinge(SCORES, LABELS, wrong_classes="mean")
