"""plot_kernel: what is drawn, read back from the axes."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import same_color

from cnnbook.plots.kernel import plot_kernel

SOBEL = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
BLUR = np.full((3, 3), 1 / 9)


@pytest.fixture
def image():
    return np.arange(30, dtype="uint8").reshape(5, 6)


def test_picture_kernel_and_result_stand_in_this_order(image):
    result = np.ones((3, 4))
    figure = plot_kernel(image, SOBEL, result, title="An edge")
    panels = figure.axes[:3]
    for axes, array in zip(panels, (image, SOBEL, result), strict=True):
        np.testing.assert_array_equal(axes.images[0].get_array(), array)
    assert [axes.get_title() for axes in panels] == ["picture, 5×6", "kernel, 3×3", "result, 3×4"]
    assert figure.get_suptitle() == "An edge"


def test_every_number_of_the_kernel_stands_in_its_square(image):
    texts = plot_kernel(image, SOBEL, image).axes[1].texts
    written = {text.get_position()[::-1]: text.get_text() for text in texts}
    assert written == {index: str(value) for index, value in np.ndenumerate(SOBEL)}


def test_fractions_are_written_short(image):
    texts = plot_kernel(image, BLUR, image).axes[1].texts
    assert {text.get_text() for text in texts} == {"0.111"}


def test_numbers_can_be_read_on_their_ground(image):
    texts = plot_kernel(image, SOBEL, image).axes[1].texts
    colour = {text.get_text(): text.get_color() for text in texts}
    assert same_color(colour["0"], "black")
    assert same_color(colour["2"], "white")
    assert same_color(colour["-2"], "white")


def test_a_large_kernel_goes_without_numbers(image):
    assert not plot_kernel(image, np.ones((9, 9)), image).axes[1].texts


def test_a_signed_result_is_red_and_blue_about_a_white_zero(image):
    drawn = plot_kernel(image, SOBEL, np.array([[-3.0, 7.0]])).axes[2].images[0]
    assert drawn.get_clim() == (-7, 7)
    red, _, blue, _ = drawn.cmap(drawn.norm(7.0))
    assert red > blue
    assert min(drawn.cmap(drawn.norm(0.0))) > 0.95


def test_a_result_without_signs_is_grey_from_zero(image):
    drawn = plot_kernel(image, BLUR, np.array([[50.0, 200.0]])).axes[2].images[0]
    assert drawn.get_clim() == (0, 200)
    assert drawn.get_cmap().name == "gray"


def test_a_result_of_zeros_is_drawn(image):
    assert plot_kernel(image, SOBEL, np.zeros((3, 4))).axes[2].images[0].get_clim() == (0, 1)


def test_the_picture_keeps_its_own_scale(image):
    assert plot_kernel(image, BLUR, image).axes[0].images[0].get_clim() == (0, 255)
    assert plot_kernel(image / 255, BLUR, image).axes[0].images[0].get_clim() == (0, 1)


def test_the_scale_of_the_result_is_shown(image):
    figure = plot_kernel(image, BLUR, image)
    assert figure.axes[2].images[0].colorbar.ax is figure.axes[3]


@pytest.mark.parametrize("channels", [1, 3])
def test_grey_and_colour_pictures_are_both_drawn(channels):
    picture = plot_kernel(np.zeros((4, 4, channels), "uint8"), BLUR, np.ones((2, 2)))
    assert picture.axes[0].images


def test_the_figure_fits_the_page(image):
    assert plot_kernel(image, BLUR, image).get_size_inches()[0] <= 9


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image": np.ones((1, 4, 4, 1))}, r"`image` .*\(1, 4, 4, 1\).*without a batch axis"),
        ({"image": np.ones((4, 4, 2))}, r"`image` .*\(4, 4, 2\)"),
        (
            {"kernel": np.ones((3, 3, 1, 8))},
            r"`kernel` must be finite, \(height, width\).*\(3, 3, 1, 8\)",
        ),
        ({"result": np.ones(3)}, r"`result` must be finite, \(height, width\).*\(3,\)"),
        ({"result": np.ones((0, 4))}, r"must hold values; got shapes .* and \(0, 4\)"),
    ],
)
def test_what_cannot_be_drawn_says_why(image, changes, message):
    arguments = {"image": image, "kernel": BLUR, "result": image}
    with pytest.raises(ValueError, match=message):
        plot_kernel(**arguments | changes)


@pytest.mark.parametrize(
    ("width", "interpolation"), [(150, "nearest"), (600, plt.rcParams["image.interpolation"])]
)
def test_pixels_are_drawn_as_squares_where_there_is_room(width, interpolation):
    picture = np.zeros((4, width))
    panels = plot_kernel(picture, BLUR, picture).axes
    assert panels[0].images[0].get_interpolation() == interpolation
    assert panels[2].images[0].get_interpolation() == interpolation
