"""Folders of pictures: what is read, in which order, and what a bad folder is told."""

import numpy as np
import pytest
from PIL import Image

from cnnbook.datasets.image_folder import load_image_folder


def save(path, colour=(200, 30, 60), size=(8, 6), **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path, **options)


@pytest.fixture
def pets(tmp_path):
    """Four cats, two dogs; one dog in a folder within its folder."""
    for index in range(4):
        save(tmp_path / "cat" / f"{index}.png", (10 * index, 0, 0))
    save(tmp_path / "dog" / "1.png", (0, 100, 0))
    save(tmp_path / "dog" / "puppies" / "2.png", (0, 200, 0))
    return tmp_path


def test_classes_and_files_come_in_the_order_of_their_names(pets):
    images, labels, class_names = load_image_folder(pets, (6, 8))
    assert class_names == ("cat", "dog")
    assert list(labels) == [0, 0, 0, 0, 1, 1]
    assert images.shape == (6, 6, 8, 3)
    assert (images.dtype, labels.dtype) == (np.uint8, np.int64)
    assert list(images[:, 0, 0, 0]) == [0, 10, 20, 30, 0, 0]
    assert list(images[:, 0, 0, 1]) == [0, 0, 0, 0, 100, 200]


def test_size_is_height_then_width(pets):
    assert load_image_folder(pets, (12, 5))[0].shape == (6, 12, 5, 3)


def test_hidden_files_and_other_kinds_are_passed_over(pets):
    for name in (".hidden.png", "._0.png", ".DS_Store", "notes.txt", "Thumbs.db"):
        (pets / "cat" / name).write_bytes(b"no picture")
    save(pets / ".ipynb_checkpoints" / "1.png")
    assert len(load_image_folder(pets, (6, 8))[0]) == 6


def test_photos_are_turned_upright(pets):
    picture = Image.new("RGB", (8, 6), (0, 0, 0))
    picture.paste((255, 255, 255), (0, 0, 4, 6))  # the left half is white
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise: left becomes top
    picture.save(pets / "cat" / "0.png", exif=exif)
    image = load_image_folder(pets, (8, 6))[0][0]
    assert image[0].min() == 255
    assert image[-1].max() == 0


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"\x89PNG\r\n\x1a\n"])
def test_an_unreadable_picture_is_named(pets, content):
    (pets / "dog" / "1.png").write_bytes(content)
    with pytest.raises(OSError, match=r"dog/1\.png"):
        load_image_folder(pets)


def test_a_picture_cut_in_half_is_named(pets):
    path = pets / "dog" / "photo.jpg"
    Image.effect_noise((64, 64), 60).convert("RGB").save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(OSError, match=r"dog/photo\.jpg"):
        load_image_folder(pets)


def test_an_empty_class_folder_is_named(pets):
    (pets / "parrot").mkdir()
    with pytest.raises(FileNotFoundError, match="parrot"):
        load_image_folder(pets)


def test_a_missing_folder_says_how_it_should_look(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere.*one folder a class"):
        load_image_folder(tmp_path / "nowhere")


def test_an_empty_folder_says_how_it_should_look(tmp_path):
    with pytest.raises(ValueError, match=r"two class folders.*one folder a class"):
        load_image_folder(tmp_path)


def test_pictures_of_no_class_say_how_it_should_look(tmp_path):
    save(tmp_path / "1.jpg")
    with pytest.raises(ValueError, match=r"one folder a class"):
        load_image_folder(tmp_path)


def test_one_class_is_too_few(tmp_path):
    save(tmp_path / "cat" / "1.png")
    with pytest.raises(ValueError, match="two class folders"):
        load_image_folder(tmp_path)


def test_a_size_below_one_is_refused(pets):
    with pytest.raises(ValueError, match=r"`image_size` must be \(height, width\)"):
        load_image_folder(pets, (0, 8))


def test_real_photos_are_read(real_data):
    images, labels, class_names = load_image_folder(real_data / "flowers" / "test", (32, 32))
    assert class_names == ("daisy", "dandelion", "rose", "sunflower", "tulip")
    assert list(np.bincount(labels)) == [50] * 5
    assert images.shape == (250, 32, 32, 3)
