"""The photographs: sizes, colours, and what is said of an unknown or missing one."""

import numpy as np
import pytest
from PIL import Image

from cnnbook import _machine
from cnnbook.datasets.photos import PHOTOS, load_photo

SHAPES = {
    "cat": (300, 451, 3),
    "coffee": (400, 600, 3),
    "rocket": (427, 640, 3),
    "camera": (512, 512, 1),
}


@pytest.mark.parametrize(("name", "shape"), SHAPES.items())
def test_each_photo_has_its_size_and_a_full_range_of_tones(name, shape):
    photo = load_photo(name)
    assert photo.shape == shape
    assert photo.dtype == np.uint8
    assert photo.min() < 20
    assert photo.max() > 230


def test_the_coffee_is_red_brown_so_channels_are_in_the_order_rgb():
    red, green, blue = load_photo("coffee").mean((0, 1))
    assert red > green > blue


def test_the_list_of_photos_is_the_documented_one():
    assert set(PHOTOS) == set(SHAPES)


def test_the_reader_may_draw_into_the_picture():
    photo = load_photo("cat")
    photo[:10] = 0
    assert load_photo("cat")[:10].any()


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match="`name` must be one of cat, coffee, rocket, camera; got"):
        load_photo("dog")


def test_a_missing_file_says_where_it_was_looked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(_machine, "embedded_folders", lambda: [tmp_path])
    words = f"{tmp_path / 'photos' / 'cat.png'} is not there; take the folder data/"
    with pytest.raises(FileNotFoundError, match=words):
        load_photo("cat")


def test_pixels_are_those_of_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(_machine, "embedded_folders", lambda: [tmp_path / "none", tmp_path])
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (4, 3), (1, 2, 3)).save(tmp_path / "photos" / "cat.png")
    np.testing.assert_array_equal(load_photo("cat"), np.full((3, 4, 3), (1, 2, 3)))
