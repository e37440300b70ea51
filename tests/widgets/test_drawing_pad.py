"""A drawing comes out where MNIST has its digits: hand-made strokes, and real digits unchanged."""

import numpy as np
import pytest

from cnnbook.datasets.mnist import load_mnist
from cnnbook.widgets.drawing_pad import SCRIPT, SIDE, DrawingPad, center_drawing


def test_a_picture_that_is_a_digit_of_mnist_already_stays_as_it_is():
    digits = load_mnist().test_images[:300, :, :, 0]
    moved = [np.abs(center_drawing(digit, 28, 28) - digit).max() for digit in digits]
    assert np.mean(np.array(moved) < 1e-9) > 0.95


def test_the_long_side_becomes_20_of_28_and_the_shape_is_kept():
    drawing = np.zeros((168, 168))
    drawing[3:103, 100:150] = 255
    image = center_drawing(drawing, 28, 28)
    rows, columns = (np.flatnonzero(image.any(axis=axis)) for axis in (1, 0))
    assert rows[0] in (4, 5) and columns[0] in (9, 10)  # the middle is between two pixels
    np.testing.assert_allclose(image[rows[0] :][:20, columns[0] :][:, :10], 255)
    assert (len(rows), len(columns)) == (20, 10)


def test_the_centre_of_mass_lies_in_the_middle_to_half_a_pixel():
    random = np.random.default_rng(0)
    for _ in range(20):
        drawing = np.zeros((100, 100))
        for top, left in random.integers(0, 60, (4, 2)):
            drawing[top : top + 30, left : left + 15] += random.integers(20, 60)
        image = center_drawing(drawing, 28, 28)
        for axis in (0, 1):
            centre = image.sum(axis=1 - axis) @ np.arange(28) / image.sum()
            assert abs(centre - 14) <= 0.5 + 1e-9


def test_a_pixel_is_the_mean_of_what_it_covers():
    drawing = np.zeros((20, 20))
    drawing[:, :10] = np.arange(20)[:, None] % 2 * 10  # lines of 0 and 10
    drawing[0, 0] = 10  # so that the box starts in this corner
    drawing[:, 10:] = 6
    image = center_drawing(drawing, 14, 14)
    assert image.max() <= 10 and image[image > 0].min() >= 5 - 1e-9
    whole = drawing.mean() * 100  # 20 x 20 pixels become 10 x 10
    assert image.sum() == pytest.approx(whole)


def test_a_dot_is_made_as_large_as_a_digit():
    drawing = np.zeros((50, 50))
    drawing[49, 0] = 7
    image = center_drawing(drawing, 28, 28)
    assert (image > 0).sum() == 400 and image.max() == pytest.approx(7)


def test_a_heavy_end_never_pushes_the_drawing_out_of_the_picture():
    drawing = np.zeros((100, 30))
    drawing[:, 0] = 1
    drawing[95:] = 255
    image = center_drawing(drawing, 28, 28)
    rows = np.flatnonzero(image.any(axis=1))
    assert rows[-1] - rows[0] + 1 == 20


def test_pictures_need_not_be_square():
    drawing = np.eye(40)
    assert center_drawing(drawing, 32, 48).shape == (32, 48)


@pytest.mark.parametrize(
    "drawing",
    [np.zeros((5, 5)), np.ones(5), np.ones((1, 5, 5)), np.full((5, 5), np.nan), 1j * np.eye(5),
     np.array([[1, -1]])],
)  # fmt: skip
def test_what_is_no_drawing_is_refused(drawing):
    with pytest.raises(
        ValueError, match="`drawing` must be (a matrix with something on it|an array of numbers)"
    ):
        center_drawing(drawing, 28, 28)


def test_an_untouched_pad_has_no_image_and_a_wiped_one_neither():
    pad = DrawingPad()
    assert pad.image((28, 28, 1)) is None
    pad.ink = bytes(SIDE * SIDE)
    assert pad.image((28, 28, 1)) is None


def test_ink_comes_row_by_row_as_the_browser_sends_it():
    ink = np.zeros((SIDE, SIDE), "uint8")
    ink[20:100, 50:60] = 255  # upright
    pad = DrawingPad(ink=memoryview(ink.tobytes()))
    image = pad.image((28, 28, 1))
    assert image.shape == (28, 28) and image.max() == 255
    assert image.any(axis=1).sum() == 20 and image.any(axis=0).sum() <= 3


def test_the_script_has_the_side_of_the_pad():
    assert SCRIPT.count(str(SIDE)) == 5
