"""The quick check agrees with the reader about what is broken."""

import io

import numpy as np
import pytest
from PIL import Image

from cnnbook.datasets.check_images import find_broken_images
from cnnbook.datasets.image_folder import read_image


def picture(kind="JPEG", side=64, **options):
    stream = io.BytesIO()
    noise = np.random.default_rng(side).integers(0, 256, (side, side, 3), np.uint8)
    Image.fromarray(noise).convert(options.pop("mode", "RGB")).save(stream, kind, **options)
    return stream.getvalue()


JPEG = picture()
GOOD = {
    "1.jpg": JPEG,
    "progressive.jpg": picture(progressive=True),
    "grey.jpg": picture(mode="L"),
    "cmyk.jpg": picture(mode="CMYK"),
    "more after the end.jpg": JPEG + b"more",
    "ü.png": picture("PNG"),
    "\udcff.webp": picture("WEBP"),
}
BAD = {
    "empty.jpg": b"",
    "html.jpg": b"<html>",
    "half.jpg": JPEG[: len(JPEG) // 2],
    "99 percent.jpg": JPEG[: len(JPEG) * 99 // 100],
    "without the last two.jpg": JPEG[:-2],
    "header.jpg": JPEG[:20],
    "half.png": picture("PNG")[:1000],
}


def write(folder, files):
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in files]


def test_good_pictures_pass_and_jpegs_are_not_read_a_second_time(tmp_path):
    paths, asked = write(tmp_path, GOOD), []
    assert find_broken_images(paths, lambda path: asked.append(path) or read_image(path)) == {}
    assert {path.suffix for path in asked} <= {".png", ".webp", ".jpg"}
    assert tmp_path / "1.jpg" not in asked


def test_broken_pictures_are_named_in_order_with_the_words_of_the_reader(tmp_path):
    paths = write(tmp_path, BAD | GOOD)
    broken = find_broken_images(paths[::-1], read_image)
    assert list(broken) == paths[: len(BAD)][::-1]
    for path, words in broken.items():
        with pytest.raises(OSError, match="is no picture that can be read") as caught:
            read_image(path)
        assert str(caught.value) == words


def test_a_header_of_too_many_pixels_is_left_to_the_reader(tmp_path):
    at = JPEG.index(b"\xff\xc0") + 5
    huge = JPEG[:at] + b"\xff\xff\xff\xff" + JPEG[at + 4 :]
    (path,) = write(tmp_path, {"huge.jpg": huge})
    assert "the limit is 50,000,000" in find_broken_images([path], read_image)[path]


def test_cut_anywhere_both_agree(tmp_path):
    cuts = {f"{at}.jpg": JPEG[:at] for at in range(0, len(JPEG), 97)}
    assert len(find_broken_images(write(tmp_path, cuts), read_image)) == len(cuts)


def test_missing_files_and_no_files(tmp_path):
    assert "No such file" in find_broken_images([tmp_path / "x"], read_image)[tmp_path / "x"]
    assert find_broken_images([], read_image) == {}
