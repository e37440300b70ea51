"""Tiles of feature maps and filters, read back from the pictures."""

import numpy as np
import pytest

from cnnbook.plots.maps_and_filters import plot_feature_maps, plot_filters


def sheet(axes):
    """The picture of one layer, nan where nothing is drawn."""
    return np.ma.filled(axes.images[0].get_array().astype(float), np.nan)


@pytest.fixture
def maps():
    """Five maps of 20 x 30, number i all of the value i."""
    return np.ones((20, 30, 5)) * np.arange(5)


def test_every_map_is_a_tile_in_order(maps):
    picture = sheet(plot_feature_maps({"conv1": maps}, columns=3).axes[0])
    assert picture.shape == (20 + 1 + 20, 30 + 1 + 30 + 1 + 30)
    for index in range(5):
        top, left = 21 * (index // 3), 31 * (index % 3)
        np.testing.assert_array_equal(picture[top : top + 20, left : left + 30], index)
    assert np.isnan(picture[20]).all() and np.isnan(picture[:, 30]).all()
    assert np.isnan(picture[21:, 62:]).all()


def test_a_tile_shows_its_map_upright():
    values = np.arange(12.0 * 13).reshape(12, 13, 1)
    np.testing.assert_array_equal(sheet(plot_feature_maps({"a": values}).axes[0]), values[..., 0])


def test_small_maps_are_enlarged_so_that_lines_stay_thin():
    values = np.arange(4.0).reshape(2, 2, 1)
    picture = sheet(plot_feature_maps({"a": values}).axes[0])
    np.testing.assert_array_equal(picture, values[..., 0].repeat(6, axis=0).repeat(6, axis=1))


def test_layers_stand_below_each_other_with_their_counts(maps):
    figure = plot_feature_maps({"a": maps, "b": maps[:9, :8]}, columns=2, rows=2, title="Maps")
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["a: 4 of 5 maps of 20 × 30", "b: 4 of 5 maps of 9 × 8"]
    assert figure.get_suptitle() == "Maps"
    assert [np.nanmax(sheet(axes)) for axes in figure.axes] == [3, 3]


def test_one_scale_for_all_maps_of_a_layer_from_zero_to_its_largest(maps):
    first, second = plot_feature_maps({"a": maps, "b": 10 * maps}, columns=2, rows=1).axes
    assert first.images[0].get_clim() == (0, 4)
    assert second.images[0].get_clim() == (0, 40)
    assert first.images[0].get_cmap().name == "viridis"


def test_a_layer_with_signs_is_red_and_blue_about_zero(maps):
    drawn = plot_feature_maps({"a": maps - 3}).axes[0].images[0]
    assert drawn.get_clim() == (-3, 3)
    red, _, blue, _ = drawn.cmap(drawn.norm(3.0))
    assert red > blue


def test_a_silent_map_is_marked_in_its_middle(maps):
    maps[..., 3] = 0
    axes = plot_feature_maps({"a": maps}, columns=3).axes[0]
    marked = {text.get_position(): text.get_text() for text in axes.texts}
    assert marked == {(14.5, 9.5): "0", (14.5, 30.5): "0"}  # maps 0 and 3


def test_a_layer_that_is_all_zero_is_drawn():
    axes = plot_feature_maps({"a": np.zeros((3, 3, 2))}).axes[0]
    assert len(axes.texts) == 2
    assert axes.images[0].get_clim() == (0, 1)


def test_maps_that_are_none_are_refused(maps):
    with pytest.raises(ValueError, match="`maps` must hold at least one layer; got none"):
        plot_feature_maps({})
    for wrong in (maps[None], maps[..., 0], maps[..., :0], np.full((2, 2, 1), np.nan)):
        with pytest.raises(ValueError, match=r"'a' has shape \(.*Of a batch take values\[0\]"):
            plot_feature_maps({"a": wrong})
    with pytest.raises(ValueError, match="`columns` and `rows` must be 1 or more; got 0 and 2"):
        plot_feature_maps({"a": maps}, columns=0)


def test_coloured_filters_keep_their_colours():
    filters = np.random.default_rng(0).random((3, 12, 12, 3))
    picture = sheet(plot_filters(filters, columns=2).axes[0])
    assert picture.shape == (25, 25, 3)
    np.testing.assert_array_equal(picture[:12, 13:], filters[1])
    np.testing.assert_array_equal(picture[13:, :12], filters[2])
    np.testing.assert_array_equal(picture[13:, 12:], 1)


def test_grey_filters_share_the_scale_from_zero_to_one():
    drawn = plot_filters(np.full((2, 12, 12, 1), 0.5)).axes[0].images[0]
    assert drawn.get_array().shape == (12, 25)
    assert drawn.get_clim() == (0, 1)
    assert drawn.get_cmap().name == "gray"


def test_filters_of_many_channels_have_a_row_each_and_a_tile_a_channel():
    filters = np.random.default_rng(0).random((4, 12, 12, 9))
    axes = plot_filters(filters, columns=5, rows=3).axes[0]
    picture = sheet(axes)
    assert picture.shape == (3 * 13 - 1, 5 * 13 - 1)
    np.testing.assert_array_equal(picture[26:, 13:25], filters[2, :, :, 1])
    assert axes.get_title(loc="left").startswith("a row for each of 3 filters")


def test_what_does_not_fit_is_left_out():
    filters = np.random.default_rng(0).random((9, 12, 12, 1))
    assert sheet(plot_filters(filters, columns=2, rows=3).axes[0]).shape == (38, 25)


def test_filters_that_are_none_are_refused():
    for shape in [(5, 5, 3), (0, 5, 5, 3)]:
        with pytest.raises(ValueError, match=r"`filters` must be .*at least one; got shape"):
            plot_filters(np.zeros(shape))
    with pytest.raises(ValueError, match="got 2 and 0"):
        plot_filters(np.zeros((1, 5, 5, 3)), columns=2, rows=0)
