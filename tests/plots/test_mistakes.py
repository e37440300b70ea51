"""plot_mistakes: which pictures are drawn, in which order, and what stands above them."""

import numpy as np
import pytest

from cnnbook.plots.mistakes import _percent, plot_mistakes

NAMES = ["cat", "dog", "emu"]


@pytest.fixture
def case():
    """Six grey images, number i of the value i: 1, 2, 4 and 5 are mistakes, 4 the worst."""
    images = np.ones((6, 4, 5, 1), "uint8") * np.arange(6, dtype="uint8")[:, None, None, None]
    labels = np.array([0, 0, 1, 2, 2, 1])
    probabilities = np.array(
        [
            [0.8, 0.1, 0.1],
            [0.3, 0.6, 0.1],
            [0.5, 0.4, 0.1],
            [0.0, 0.3, 0.7],
            [0.99, 0.0, 0.01],
            [0.3, 0.3, 0.4],
        ]
    )
    return images, labels, probabilities


def drawn(figure):
    return [int(axes.images[0].get_array().max()) for axes in figure.axes if axes.images]


def test_only_mistakes_are_drawn_the_worst_first(case):
    figure = plot_mistakes(*case, NAMES)
    # Of 1 and 5 the true class got 0.3 both times; 1 was surer of the wrong one.
    assert drawn(figure) == [4, 1, 5, 2]
    assert figure.get_suptitle() == "4 of 6 images were taken for another class"


def test_above_stands_what_was_said_and_what_is_true_with_their_probabilities(case):
    titles = [axes.get_title() for axes in plot_mistakes(*case, NAMES).axes]
    assert titles[0] == "cat? 99 %\nemu: 1 %"
    assert titles[1] == "dog? 60 %\ncat: 30 %"


def test_no_more_than_asked_for_and_unused_cells_are_blank(case):
    figure = plot_mistakes(*case, NAMES, count=3, columns=2, title="Birds")
    assert drawn(figure) == [4, 1, 5]
    assert not figure.axes[3].axison
    assert figure.get_suptitle() == "Birds"


def test_no_mistake_is_said(case):
    images, labels, _ = case
    figure = plot_mistakes(images, labels, np.eye(3)[labels], NAMES)
    assert figure.axes[0].texts[0].get_text() == "no mistakes"
    assert figure.get_suptitle() == "0 of 6 images were taken for another class"
    assert not drawn(figure)


@pytest.mark.parametrize(
    ("probability", "text"),
    [
        (0, "0 %"),
        (1, "100 %"),
        (0.5, "50 %"),
        (0.0004, "< 0.1 %"),
        (0.004, "0.4 %"),
        (0.9996, "> 99.9 %"),
        (0.996, "99.6 %"),
        (0.984, "98 %"),
        (np.float32(0.25), "25 %"),
    ],
)
def test_what_is_nearly_certain_is_not_called_certain(probability, text):
    assert _percent(probability) == text


def test_logits_are_refused(case):
    images, labels, probabilities = case
    for wrong in (20 * probabilities, probabilities - 0.5, np.log(probabilities + 1e-9)):
        with pytest.raises(ValueError, match=r"`probabilities` must be .*keras.ops.softmax"):
            plot_mistakes(images, labels, wrong, NAMES)
    with pytest.raises(ValueError, match=r"`probabilities` must be .*got shape \(6,\)"):
        plot_mistakes(images, labels, probabilities[:, 0], NAMES)


def test_what_does_not_fit_is_refused(case):
    images, labels, probabilities = case
    with pytest.raises(ValueError, match=r"`images` must be .*images\[..., None\]"):
        plot_mistakes(images[..., 0], labels, probabilities, NAMES)
    with pytest.raises(ValueError, match=r"\(6, 3\); got 5 and 3"):
        plot_mistakes(images[:5], labels, probabilities, NAMES)
    with pytest.raises(ValueError, match=r"\(6, 3\); got 6 and 2"):
        plot_mistakes(images, labels, probabilities, NAMES[:2])
    with pytest.raises(ValueError, match=r"`labels` must be one whole number .*argmax\(axis=1\)"):
        plot_mistakes(images, np.eye(3)[labels], probabilities, NAMES)
    with pytest.raises(ValueError, match="`labels` must be 0 to 2; got 1 to 3"):
        plot_mistakes(images, labels + 1, probabilities, NAMES)
    with pytest.raises(ValueError, match="`count` and `columns` must be 1 or more; got 0 and 8"):
        plot_mistakes(images, labels, probabilities, NAMES, count=0)
