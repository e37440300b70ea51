"""read_center_crop: the window it cuts out, and that it reads as everything else does."""

import numpy as np
import pytest
from PIL import Image

from cnnbook.datasets import _read
from cnnbook.datasets.image_folder import read_center_crop, read_image


@pytest.mark.parametrize(("height", "width"), [(20, 30), (30, 20), (7, 101)])
def test_the_middle_is_cut_out_and_nothing_is_squeezed(tmp_path, height, width):
    """A square in the middle, of red, in a picture of blue."""
    side, image = min(height, width), np.zeros((height, width, 3), np.uint8)
    image[..., 2] = 255
    top, left = (height - side) // 2, (width - side) // 2
    image[top : top + side, left : left + side] = (255, 0, 0)
    Image.fromarray(image).save(tmp_path / "a.png")
    found = read_center_crop(tmp_path / "a.png", (10, 10))
    assert (found.shape, found.dtype) == ((10, 10, 3), np.uint8)
    assert (found[1:-1, 1:-1] == (255, 0, 0)).all()


def test_a_picture_of_the_right_proportions_is_read_as_everywhere_else(tmp_path):
    """Equal to the one reader of the data sets, for each kind of picture."""
    colours = np.random.default_rng(0).integers(0, 256, (24, 36, 4), np.uint8)
    picture = Image.fromarray(colours)
    kinds = {
        "rgba.png": picture,
        "rgb.jpg": picture.convert("RGB"),
        "grey.jpg": picture.convert("L"),
        "two.bmp": picture.convert("1"),
        "palette.gif": picture.convert("RGB").convert("P"),
        "cmyk.jpg": picture.convert("CMYK"),
        "deep.png": Image.fromarray(colours[..., 0].astype(np.uint16) * 257),
        "grey_alpha.png": picture.convert("LA"),
        "lossy.webp": picture,
    }
    for name, kind in kinds.items():
        kind.save(tmp_path / name)
    turned = Image.Exif()
    turned[0x0112] = 6
    picture.convert("RGB").rotate(90, expand=True).save(tmp_path / "turned.jpg", exif=turned)
    for path in sorted(tmp_path.iterdir()):
        assert read_image(path).shape == (24, 36, 3)
        for size in ((24, 36), (8, 12), (48, 72)):
            np.testing.assert_array_equal(
                read_center_crop(path, size), read_image(path, size), path.name
            )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"<html>", "it looks like HTML"),
        (b"\x89PNG\r\n\x1a\n12", "its header is damaged or cut short"),
    ],
)
def test_what_is_no_picture_is_named_with_the_reason(tmp_path, content, words):
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(OSError, match=rf"a.png is no picture that can be read \(.*{words}"):
        read_center_crop(path, (8, 8))


def test_too_large_files_and_what_is_no_file_are_refused_unread(tmp_path, monkeypatch):
    Image.new("RGB", (20, 20)).save(tmp_path / "a.png")
    with pytest.raises(OSError, match="it is no regular file"):
        read_center_crop(tmp_path, (8, 8))
    monkeypatch.setattr(_read, "MAX_PIXELS", 399)
    with pytest.raises(OSError, match="400 pixels; the limit is 399"):
        read_center_crop(tmp_path / "a.png", (8, 8))
    monkeypatch.setattr(_read, "MAX_BYTES", 50)
    with pytest.raises(OSError, match="bytes; the limit is 50"):
        read_center_crop(tmp_path / "a.png", (8, 8))


@pytest.mark.parametrize("side", [1, 3, 7, 33, 97])
def test_windows_stay_inside_of_pictures_of_every_size(tmp_path, side):
    for width in range(1, 60):
        Image.new("RGB", (width, side), "red").save(tmp_path / "a.png")
        found = read_center_crop(tmp_path / "a.png", (13, 17))
        assert (found == (255, 0, 0)).all()
