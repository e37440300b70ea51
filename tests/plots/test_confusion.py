"""plot_confusion_matrix: counts, percent and colours, read back from the axes."""

import numpy as np
import pytest

from cnnbook.plots.confusion import plot_confusion_matrix

NAMES = ["cat", "dog", "owl"]
LABELS = np.array([0, 0, 0, 0, 1, 1, 2, 2])
PREDICTIONS = np.array([0, 0, 1, 2, 1, 0, 2, 2])
# Counted by hand from the two rows above: true class down, predicted class across.
COUNTS = [[2, 1, 1], [1, 1, 0], [0, 0, 2]]
PERCENT = [[50, 25, 25], [50, 50, 0], [0, 0, 100]]


def numbers(figure):
    """Return the written numbers at their places; an empty text counts as zero."""
    size = round(len(figure.axes[0].texts) ** 0.5)
    matrix = np.full((size, size), np.nan)
    for text in figure.axes[0].texts:
        column, row = text.get_position()
        matrix[row, column] = float(text.get_text() or 0)
    return matrix


def test_rows_are_true_classes_and_columns_predictions():
    figure = plot_confusion_matrix(LABELS, PREDICTIONS, NAMES)
    np.testing.assert_array_equal(numbers(figure), COUNTS)
    axes = figure.axes[0]
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("true class", "predicted class")
    assert [text.get_text() for text in axes.get_yticklabels()] == NAMES
    assert [text.get_text() for text in axes.get_xticklabels()] == NAMES


def test_percent_sums_to_a_hundred_in_each_row():
    figure = plot_confusion_matrix(LABELS, PREDICTIONS, NAMES, normalize=True)
    np.testing.assert_array_equal(numbers(figure), PERCENT)


def test_the_diagonal_takes_no_part_in_the_colours():
    picture = plot_confusion_matrix(LABELS, PREDICTIONS, NAMES).axes[0].images[0]
    np.testing.assert_array_equal(picture.get_array().mask, np.eye(3, dtype=bool))
    assert picture.get_clim() == (0, 1)


def test_the_colours_are_those_of_the_numbers():
    picture = plot_confusion_matrix(LABELS, PREDICTIONS, NAMES, normalize=True).axes[0].images[0]
    mistakes = ~np.eye(3, dtype=bool)
    np.testing.assert_array_equal(picture.get_array()[mistakes], np.array(PERCENT)[mistakes])
    assert picture.get_clim() == (0, 50)


@pytest.mark.parametrize("normalize", [False, True])
def test_a_class_that_does_not_occur_has_a_row_of_zeros(normalize):
    figure = plot_confusion_matrix([0, 0], [0, 2], NAMES, normalize=normalize)
    np.testing.assert_array_equal(numbers(figure)[1], [0, 0, 0])


def test_a_perfect_classifier_can_be_drawn():
    figure = plot_confusion_matrix([0, 1, 2], [0, 1, 2], NAMES)
    np.testing.assert_array_equal(numbers(figure), np.eye(3))


def test_one_image_is_enough():
    assert numbers(plot_confusion_matrix([2], [0], NAMES)).sum() == 1


def test_numbers_are_legible_on_dark_and_on_light():
    labels, predictions = [0] * 9 + [1] + [2] * 20, [1] * 9 + [2] + [2] * 20
    figure = plot_confusion_matrix(labels, predictions, NAMES)
    colors = {text.get_text(): text.get_color() for text in figure.axes[0].texts if text.get_text()}
    assert colors == {"9": "white", "1": "black", "20": "black"}


@pytest.mark.slow
def test_a_hundred_classes_are_drawn_without_numbers_on_a_page():
    classes = np.arange(100)
    figure = plot_confusion_matrix(classes, classes, [f"c{index}" for index in classes])
    assert not figure.axes[0].texts
    assert max(figure.get_size_inches()) <= 9


def test_the_bar_names_the_unit():
    units = [
        plot_confusion_matrix(LABELS, PREDICTIONS, NAMES, normalize).axes[1].get_ylabel()
        for normalize in (False, True)
    ]
    assert units == ["mistakes, images", "mistakes, percent of the true class"]


def test_the_bar_counts_whole_images():
    ticks = plot_confusion_matrix(LABELS, PREDICTIONS, NAMES).axes[1].get_yticks()
    np.testing.assert_array_equal(ticks, np.round(ticks))


def test_title_is_drawn():
    figure = plot_confusion_matrix(LABELS, PREDICTIONS, NAMES, title="Dogs pass for cats")
    assert figure.axes[0].get_title() == "Dogs pass for cats"


@pytest.mark.parametrize("name", ["labels", "predictions"])
@pytest.mark.parametrize("value", [-1, 3])
def test_a_class_without_a_name_is_refused(name, value):
    arguments = {"labels": [0, 1], "predictions": [0, 1], name: [0, value]}
    with pytest.raises(ValueError, match=f"`{name}` must be indices.*0 to 2; got .*{value}"):
        plot_confusion_matrix(**arguments, class_names=NAMES)


@pytest.mark.parametrize("name", ["labels", "predictions"])
@pytest.mark.parametrize("value", [np.zeros((2, 3)), np.array([0.2, 0.8]), np.array("cat")])
def test_logits_and_probabilities_are_refused(name, value):
    arguments = {"labels": [0, 1], "predictions": [0, 1], name: value}
    with pytest.raises(ValueError, match=rf"`{name}` must be one integer.*argmax\(axis=1\)"):
        plot_confusion_matrix(**arguments, class_names=NAMES)


def test_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match="`predictions` must be as many as `labels`, 2; got 3"):
        plot_confusion_matrix([0, 1], [0, 1, 1], NAMES)


def test_nothing_to_count_is_refused():
    with pytest.raises(ValueError, match="`labels` must hold at least one class; got none"):
        plot_confusion_matrix(np.array([], "int64"), np.array([], "int64"), NAMES)
