"""plot_kernel_steps: what is drawn, read back from the axes, against sums worked by hand."""

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from cnnbook.arithmetic import convolve
from cnnbook.plots.kernel_steps import plot_kernel_steps

SOBEL = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])


@pytest.fixture
def image():
    image = np.full((5, 5), 2)
    image[:3, 3:] = 7
    return image


def numbers(axes):
    """Return the texts without those of the kernel, which begin with a ×."""
    return [text.get_text() for text in axes.texts if not text.get_text().startswith("×")]


def frames(axes):
    """Return left, top, width and height of each frame, rounded."""
    patches = [each for each in axes.patches if isinstance(each, Rectangle) and not each.get_fill()]
    return [
        tuple(round(float(it), 1) for it in (*each.get_xy(), each.get_width(), each.get_height()))
        for each in patches
    ]


def test_each_answer_is_the_sum_worked_by_hand(image):
    figure = plot_kernel_steps(image, SOBEL, [(0, 0), (0, 1), (1, 1), (2, 2)])
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["answer: 0", "answer: 20", "answer: 15", "answer: 5"]


def test_all_answers_are_those_of_a_convolution():
    random = np.random.default_rng(0)
    image, kernel = random.integers(-9, 10, (4, 5)), random.integers(-9, 10, (2, 3))
    expected = convolve(image[None, :, :, None], kernel[:, :, None, None])[0, :, :, 0]
    for place, value in np.ndenumerate(expected):
        [axes] = plot_kernel_steps(image, kernel, [place]).axes
        assert axes.get_title() == f"answer: {value:.3g}".replace("-", "−")


def test_bytes_do_not_overflow():
    image = np.array([[200, 100]], "uint8")
    assert plot_kernel_steps(image, np.array([[-1, 1]]), [(0, 0)]).axes[0].get_title() == (
        "answer: −100"
    )


def test_pixels_and_the_answers_so_far_are_written(image):
    first, second = plot_kernel_steps(image, SOBEL, [(0, 0), (0, 1)]).axes
    pixels = [str(value) for value in image.ravel()]
    assert numbers(first) == [*pixels, "0"]
    assert numbers(second) == [*pixels, "0", "20"]


def test_the_kernel_stands_on_its_patch(image):
    [axes] = plot_kernel_steps(image, SOBEL, [(1, 2)]).axes
    factors = {
        tuple(int(it) for it in text.get_position()[::-1]): text.get_text()
        for text in axes.texts
        if text.get_text().startswith("×")
    }
    assert factors == {
        (1 + row, 2 + column): f"×{value}".replace("-", "−")
        for (row, column), value in np.ndenumerate(SOBEL)
    }


def test_patch_and_answer_have_a_frame_each_and_are_joined(image):
    [axes] = plot_kernel_steps(image, SOBEL, [(1, 2)]).axes
    patch, answer = frames(axes)
    assert patch == (2, 1, 3, 3)
    assert answer == (1 + 2, 5.8 + 1, 1, 1)
    ends = [line.get_xydata().round(1).tolist() for line in axes.lines]
    assert ends == [[[2, 4], [3, 6.8]], [[5, 4], [4, 6.8]]]


def test_the_figure_is_as_wide_as_the_text_with_three_places_and_has_a_title(image):
    figure = plot_kernel_steps(image, SOBEL, [(0, 0), (0, 1), (0, 2)], title="An edge")
    assert figure.get_figwidth() == pytest.approx(7.2)
    assert figure.get_suptitle() == "An edge"


def test_an_even_picture_is_drawn():
    figure = plot_kernel_steps(np.ones((1, 1)), np.ones((1, 1)), [(0, 0)])
    assert figure.axes[0].get_title() == "answer: 1"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"image": np.ones((5, 5, 1))}, r"`image` must be finite numbers.*\(5, 5, 1\)"),
        ({"kernel": np.ones(3)}, r"`kernel` must be finite numbers.*\(3,\)"),
        ({"image": np.full((5, 5), np.nan)}, "`image` must be finite numbers"),
        ({"image": np.ones((9, 9))}, r"`image` must be at most 8×8.*\(9, 9\)"),
        ({"kernel": np.ones((6, 6))}, r"`kernel` fit in it.*\(6, 6\)"),
        ({"places": [(0, 3)]}, r"from \(0, 0\) to \(2, 2\), where the kernel fits; got \(0, 3\)"),
        ({"places": [(-1, 0)]}, r"`places` must be pairs.*got \(-1, 0\)"),
        ({"places": [(0.5, 0)]}, r"`places` must be pairs.*got \(0.5, 0\)"),
        ({"places": [1]}, "`places` must be pairs.*got 1"),
        ({"places": np.full((1, 2, 2), 8)}, r"got array\(\[\[8, 8\], \[8, 8\]\]\)"),
        ({"places": []}, "`places` must hold 1 to 4 pairs.*got 0"),
        ({"places": [(0, 0)] * 5}, "`places` must hold 1 to 4 pairs.*got 5"),
    ],
)
def test_what_cannot_be_drawn_says_why(image, changes, words):
    arguments = {"image": image, "kernel": SOBEL, "places": [(0, 0)]}
    with pytest.raises(ValueError, match=words):
        plot_kernel_steps(**arguments | changes)
