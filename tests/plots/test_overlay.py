"""plot_heat_maps: what lies over the pictures, read back from the axes."""

import numpy as np
import pytest

from cnnbook.plots.overlay import plot_heat_maps


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (2, 20, 30, 3)).astype("uint8")


@pytest.fixture
def corner():
    """Heat in the pixel at the top right of 4 x 6."""
    heat = np.zeros((2, 4, 6))
    heat[:, 0, 5] = 8
    return heat


def lines_drawn(axes):
    """All corners of the contour lines, (n, 2)."""
    paths = [path for lines in axes.collections for path in lines.get_paths()]
    return np.concatenate(
        [path.vertices for path in paths if len(path.vertices)] or [np.zeros((0, 2))]
    )


def test_a_row_has_the_image_and_each_map_over_a_grey_copy(images, corner):
    figure = plot_heat_maps(images, {"cam": corner, "other": corner}, titles=["a", "b"], title="T")
    assert figure.axes[0].get_gridspec().get_geometry() == (2, 3)
    for index, row in enumerate(np.reshape(figure.axes, (2, 3))):
        np.testing.assert_array_equal(row[0].images[0].get_array(), images[index])
        for axes in row[1:]:
            np.testing.assert_allclose(axes.images[0].get_array(), images[index].mean(axis=2))
            assert axes.images[0].get_clim() == (0, 255)
            assert len(axes.images) == 2
    names = [[axes.get_title() for axes in row] for row in np.reshape(figure.axes, (2, 3))]
    assert names == [["a", "cam", "other"], ["b", "", ""]]
    assert figure.get_suptitle() == "T"


@pytest.mark.slow
def test_a_coarse_map_covers_the_whole_picture_where_it_belongs(images, corner):
    axes = plot_heat_maps(images, {"cam": corner}).axes[1]
    picture, heat = axes.images
    assert list(heat.get_extent()) == list(picture.get_extent()) == [0, 30, 20, 0]
    values = heat.get_array()
    assert values.shape == (20, 30)
    assert values[0, -1] == values.max() == pytest.approx(8)
    assert (values[10:] == 0).all() and (values[:, :20] == 0).all()
    np.testing.assert_allclose(values[0, 20:23], 0, atol=1e-6)
    # Halfway between the centres of two old pixels it is halfway between their values.
    assert values[0, 24:26].mean() == pytest.approx(4, abs=0.9)


def test_a_line_goes_around_all_above_half_of_the_maximum(images, corner):
    line = lines_drawn(plot_heat_maps(images, {"cam": corner}).axes[1])
    assert len(line)
    assert line[:, 0].min() == pytest.approx(25, abs=0.5)
    assert line[:, 1].max() == pytest.approx(5, abs=0.5)


def test_the_less_a_map_says_the_more_the_picture_shows(images, corner):
    opacity = plot_heat_maps(images, {"cam": corner}).axes[1].images[1].get_alpha()
    assert opacity[0, -1] == pytest.approx(0.9)
    assert opacity[-1, 0] == 0


def test_a_map_of_zeros_leaves_the_picture_alone(images, corner):
    axes = plot_heat_maps(images, {"cam": 0 * corner}).axes[1]
    assert len(axes.images) == 1
    assert not axes.collections


def test_a_map_of_one_value_has_no_line(images):
    axes = plot_heat_maps(images, {"cam": np.ones((2, 4, 6))}).axes[1]
    assert len(axes.images) == 2
    assert not axes.collections


def test_signs_are_red_for_and_blue_against(images, corner):
    corner[:, 3, 0] = -2
    heat = plot_heat_maps(images, {"cam": corner}).axes[1].images[1]
    assert heat.get_clim() == (-8, 8)
    assert heat.get_array()[-1, 0] == -2
    red, _, blue, _ = heat.cmap(heat.norm(8.0))
    assert red > blue
    assert plot_heat_maps(images, {"a": corner.clip(0)}).axes[1].images[1].cmap.name == "plasma"


def test_a_map_that_only_speaks_against_has_a_line_too(images, corner):
    line = lines_drawn(plot_heat_maps(images, {"cam": -corner}).axes[1])
    assert line[:, 0].min() == pytest.approx(25, abs=0.5)


def test_channels_are_added_up_and_a_fine_map_stays_as_it_is(images):
    shares = np.random.default_rng(1).normal(0, 1, (2, 20, 30, 3))
    axes = plot_heat_maps(images, {"shares": shares}).axes[1]
    np.testing.assert_allclose(axes.images[1].get_array(), shares[0].sum(axis=2), atol=1e-5)
    assert not axes.collections


def test_a_single_strong_pixel_does_not_outshine_a_fine_map(images):
    heat = np.ones((2, 20, 30))
    heat[:, 3, 3] = 1000
    assert plot_heat_maps(images, {"a": heat}).axes[1].images[1].get_clim() == (0, 1)
    only = np.zeros((2, 20, 30))
    only[:, 3, 3] = 1000
    assert plot_heat_maps(images, {"a": only}).axes[1].images[1].get_clim() == (0, 1000)


def test_each_map_has_its_own_scale(images, corner):
    corner[1] *= 5
    axes = plot_heat_maps(images, {"cam": corner}).axes
    assert [axes[1].images[1].get_clim(), axes[3].images[1].get_clim()] == [(0, 8), (0, 40)]


def test_grey_images_and_floats_are_drawn():
    axes = plot_heat_maps(np.full((1, 8, 8, 1), 0.5), {}).axes
    assert axes[0].images[0].get_clim() == (0, 1)
    assert axes[0].images[0].get_cmap().name == "gray"


def test_what_does_not_fit_is_refused(images, corner):
    with pytest.raises(ValueError, match=r"`images` must be .*got shape \(20, 30, 3\)"):
        plot_heat_maps(images[0], {})
    for wrong in (corner[:1], corner[0], np.full((2, 4, 6), np.nan)):
        with pytest.raises(ValueError, match=r"one for each of the 2 images; 'cam' has shape"):
            plot_heat_maps(images, {"cam": wrong})
    with pytest.raises(ValueError, match="`titles` must hold one string an image, 2; got 1"):
        plot_heat_maps(images, {"cam": corner}, titles=["a"])
