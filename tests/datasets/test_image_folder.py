"""Folders of pictures: what is read, in which order, and what a bad folder is told."""

import io
import os
import re
import struct
import tempfile
import unicodedata
import zlib
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, UnidentifiedImageError

from cnnbook.datasets.image_folder import (
    find_parts,
    list_image_files,
    load_image_folder,
    read_image,
    scan_image_folder,
)


def save(path, colour=(200, 30, 60), size=(8, 6), **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path, **options)


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


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


def test_case_49_a_missing_folder_says_how_it_should_look(tmp_path):
    assert not (tmp_path / "nowhere").exists()
    with pytest.raises(FileNotFoundError, match=r"nowhere.*one folder a class"):
        load_image_folder(tmp_path / "nowhere")


def test_case_49_an_empty_folder_says_how_it_should_look(tmp_path):
    assert names_in(tmp_path) == []
    with pytest.raises(ValueError, match=r"two class folders.*one folder a class"):
        load_image_folder(tmp_path)
    assert names_in(tmp_path) == []


def test_case_49_pictures_of_no_class_say_how_it_should_look(tmp_path, unchanged):
    save(tmp_path / "1.jpg")
    assert names_in(tmp_path) == ["1.jpg"]
    with unchanged(tmp_path), pytest.raises(ValueError, match=r"one folder a class"):
        load_image_folder(tmp_path)


def test_a_size_below_one_is_refused(pets):
    with pytest.raises(ValueError, match=r"`image_size` must be \(height, width\)"):
        load_image_folder(pets, (0, 8))


def test_real_photos_are_read(real_data):
    images, labels, class_names = load_image_folder(real_data / "flowers" / "test", (32, 32))
    assert class_names == ("daisy", "dandelion", "rose", "sunflower", "tulip")
    assert list(np.bincount(labels)) == [50] * 5
    assert images.shape == (250, 32, 32, 3)


# Kinds of pictures: golden pixels, worked out by hand ---------------------------------------------

GREY16 = np.array([[0, 255, 256, 0x80FF, 65535]], np.uint16)


def png(*chunks):
    """A PNG file from its chunks, by hand, so that no library decides what is in it."""
    content = b"\x89PNG\r\n\x1a\n"
    for kind, data in chunks:
        check = zlib.crc32(kind + data)
        content += struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)
    return content


def png_of(width, height, bits, colour, rows, *extra):
    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    packed = zlib.compress(b"".join(b"\0" + row for row in rows))
    return png((b"IHDR", head), *extra, (b"IDAT", packed), (b"IEND", b""))


PALETTE = (b"PLTE", bytes([255, 0, 0, 0, 0, 255]))
GOLDEN_PNG = {
    "case_39_grey": (png_of(2, 1, 8, 0, [b"\x00\x80"]), [(0,) * 3, (128,) * 3]),
    "case_39_one_bit": (png_of(2, 1, 1, 0, [b"\x40"]), [(0,) * 3, (255,) * 3]),
    "case_39_two_bits": (png_of(2, 1, 2, 0, [b"\x60"]), [(85,) * 3, (170,) * 3]),
    "case_39_palette": (png_of(2, 1, 8, 3, [b"\x01\x00"], PALETTE), [(0, 0, 255), (255, 0, 0)]),
    "case_39_palette_with_a_clear_entry": (
        png_of(2, 1, 8, 3, [b"\x01\x00"], PALETTE, (b"tRNS", b"\xff\x00")),
        [(255, 255, 255), (255, 0, 0)],
    ),
    "case_39_grey_with_a_clear_value": (
        png_of(2, 1, 8, 0, [b"\x00\x80"], (b"tRNS", b"\x00\x80")),
        [(0,) * 3, (255,) * 3],
    ),
    "case_39_grey_alpha_on_white": (
        png_of(3, 1, 8, 4, [b"\x00\xff\x00\x00\x64\x80"]),
        [(0,) * 3, (255,) * 3, (177,) * 3],
    ),
    "case_39_colour_alpha_on_white": (
        png_of(2, 1, 8, 6, [b"\xc8\x00\x00\xff\xc8\x00\x00\x00"]),
        [(200, 0, 0), (255, 255, 255)],
    ),
    "case_40_grey_in_16_bits": (
        png_of(5, 1, 16, 0, [GREY16.astype(">u2").tobytes()]),
        [(0,) * 3, (0,) * 3, (1,) * 3, (128,) * 3, (255,) * 3],
    ),
    "case_40_colour_in_16_bits": (
        png_of(1, 1, 16, 2, [b"\x12\x34\x80\xff\xff\x00"]),
        [(0x12, 0x80, 0xFF)],
    ),
}
WHITE_LEFT = np.repeat(np.array([[255, 0]], np.uint8), 8, axis=1).repeat(8, axis=0)  # 8 by 16
# The corner that the white left half of a stored picture comes to, by the EXIF standard.
UPRIGHT = {1: "left", 2: "right", 3: "right", 4: "left", 5: "top", 6: "top", 7: "bottom"}
UPRIGHT[8] = "bottom"


@pytest.mark.parametrize("case", GOLDEN_PNG)
def test_each_kind_of_png_has_these_pixels(tmp_path, case, unchanged):
    content, pixels = GOLDEN_PNG[case]
    (tmp_path / "a.png").write_bytes(content)
    bits, colour = content[24:26]
    assert (bits, colour) != (8, 2)  # that would be RGB in 8 bits
    assert (bits == 16) == case.startswith("case_40")
    with unchanged(tmp_path):
        found = read_image(tmp_path / "a.png")
    assert found.dtype == np.uint8
    assert [tuple(map(int, pixel)) for pixel in found[0]] == pixels


def test_case_40_sixteen_bits_are_what_tensorflow_makes_of_them(tmp_path):
    content, _ = GOLDEN_PNG["case_40_grey_in_16_bits"]
    (tmp_path / "a.png").write_bytes(content)
    oracle = tf.io.decode_image(content, channels=3).numpy()
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), oracle)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_case_42_photos_are_upright_whatever_the_camera_wrote(
    tmp_path, orientation, suffix, unchanged
):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(WHITE_LEFT).convert("RGB").save(tmp_path / f"a.{suffix}", exif=exif)
    with Image.open(tmp_path / f"a.{suffix}") as stored:
        assert stored.getexif()[0x0112] == orientation
        assert stored.size == (16, 8)  # Pillow alone does not turn it
    with unchanged(tmp_path):
        pixels = read_image(tmp_path / f"a.{suffix}")
    assert pixels.shape == ((8, 16, 3) if orientation < 5 else (16, 8, 3))
    sides = {
        "left": pixels[:, :3],
        "right": pixels[:, -3:],
        "top": pixels[:3],
        "bottom": pixels[-3:],
    }
    bright = [side for side, part in sides.items() if part.min() > 240]
    assert bright == [UPRIGHT[orientation]]


def test_case_39_cmyk_is_inverted_as_adobe_stores_it(tmp_path):
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "a.jpg", quality=100)
    assert b"Adobe" in (tmp_path / "a.jpg").read_bytes()
    np.testing.assert_allclose(read_image(tmp_path / "a.jpg")[8, 8], (255, 0, 0), atol=3)


def test_case_39_a_grey_jpeg_has_three_equal_channels(tmp_path):
    Image.new("L", (16, 16), 77).save(tmp_path / "a.jpg")
    with Image.open(tmp_path / "a.jpg") as stored:
        assert stored.mode == "L"
    np.testing.assert_array_equal(read_image(tmp_path / "a.jpg"), np.full((16, 16, 3), 77))


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_case_41_an_animation_gives_its_first_picture_and_a_warning(tmp_path, suffix, unchanged):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    options = {"lossless": True} if suffix == "webp" else {}
    path = tmp_path / f"a.{suffix}"
    frames[0].save(path, save_all=True, append_images=frames[1:], **options)
    with Image.open(path) as picture:
        assert picture.n_frames == 2
    with (
        unchanged(tmp_path),
        pytest.warns(UserWarning, match=rf"a.{suffix} is an animation: its first picture"),
    ):
        pixels = read_image(path)
    np.testing.assert_array_equal(pixels, np.full((8, 8, 3), (255, 0, 0)))


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1), (3, 2)])
def test_case_44_tiny_pictures_are_resized(tmp_path, size):
    Image.new("RGB", size, (9, 99, 199)).save(tmp_path / "a.png")
    assert struct.unpack(">II", (tmp_path / "a.png").read_bytes()[16:24]) == size
    np.testing.assert_array_equal(
        read_image(tmp_path / "a.png", (32, 48)), np.full((32, 48, 3), (9, 99, 199))
    )


def test_case_46_the_content_counts_and_not_the_ending(tmp_path):
    Image.new("RGB", (4, 4), (1, 2, 3)).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.jpg")
    with Image.open(tmp_path / "a.jpg") as picture:
        assert picture.format == "PNG"
    np.testing.assert_array_equal(read_image(tmp_path / "a.jpg"), np.full((4, 4, 3), (1, 2, 3)))


def test_case_36_bytes_after_the_end_are_accepted_in_silence(tmp_path, capfd, unchanged):
    save(tmp_path / "a.jpg", size=(32, 32))
    clean = read_image(tmp_path / "a.jpg")
    with (tmp_path / "a.jpg").open("ab") as file:
        file.write(b"\0\0\xff\xd8 and more")
    assert not (tmp_path / "a.jpg").read_bytes().endswith(b"\xff\xd9")  # the end of a JPEG
    with unchanged(tmp_path):
        np.testing.assert_array_equal(read_image(tmp_path / "a.jpg"), clean)
    assert capfd.readouterr() == ("", "")


def test_case_37_a_flipped_bit_in_a_jpeg_gives_other_pixels_and_no_error(tmp_path, unchanged):
    """Nothing can tell: that is why data sets have checksums. The test says that we know."""
    path = tmp_path / "a.jpg"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    Image.fromarray(noise).save(path, quality=95)
    clean, content = read_image(path), bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert tf.io.decode_jpeg(bytes(content)).shape == (64, 64, 1)  # TensorFlow sees nothing
    with unchanged(tmp_path):
        assert (read_image(path) != clean).any()


# Files that are no pictures -----------------------------------------------------------------------


def jpeg(size=(64, 64)):
    stream = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    Image.fromarray(noise).save(stream, "JPEG")
    return stream.getvalue()


def good_png():
    stream = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(stream, "PNG")
    return stream.getvalue()


def spoilt(content, at):
    return content[:at] + bytes([content[at] ^ 255]) + content[at + 1 :]


def saved_as(kind):
    stream = io.BytesIO()
    Image.new("RGB", (8, 8)).save(stream, kind)
    return stream.getvalue()


BAD_PICTURES = {
    "case_33_zero_bytes": (b"", "the file is empty"),
    "case_34_text": (b"this is a picture", "it is none of JPEG, PNG, GIF, BMP, WEBP"),
    "case_34_html": (b"\n<!DOCTYPE html>", "it looks like HTML or SVG"),
    "case_35_half_a_jpeg": (jpeg()[: len(jpeg()) // 2], "truncated"),
    "case_35_a_jpeg_of_99_percent": (jpeg()[: len(jpeg()) * 99 // 100], "truncated"),
    "case_35_a_jpeg_without_its_last_2_bytes": (jpeg()[:-2], "truncated"),
    "case_38_half_a_png": (good_png()[: len(good_png()) // 2], "truncated|broken"),
    "case_38_a_png_with_a_wrong_crc": (spoilt(good_png(), 29), "its header is damaged"),
    "case_38_a_png_with_a_wrong_byte": (spoilt(good_png(), 3000), "broken|CRC|decod|truncated"),
    "case_43_14000_by_14000": (
        png_of(14_000, 14_000, 1, 0, [bytes(1750)] * 14_000),
        "the limit is 50,000,000",
    ),
    "case_43_60000_by_60000": (
        png_of(60_000, 60_000, 8, 0, [bytes(10)]),
        "the limit is 50,000,000",
    ),
    "case_43_9000_by_9000": (png_of(9_000, 9_000, 8, 0, [b""]), "81,000,000 pixels; the limit is"),
    "case_45_tiff": (saved_as("TIFF"), "it is none of"),
    "case_45_avif": (
        saved_as("AVIF")
        if ".avif" in Image.registered_extensions()
        else b"\0\0\0\x1cftypavif" + bytes(40),
        "it is none of",
    ),
    "case_45_heic": (b"\0\0\0\x18ftypheic" + bytes(40), "it is none of"),
    "case_45_svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "it is none of"),
    "case_45_eps": (saved_as("EPS"), "it is none of"),
}


def is_bad(case, content):
    """Tell it by TensorFlow, Pillow, or the numbers in the header."""
    if case.startswith("case_43"):
        width, height = struct.unpack(">II", content[16:24])
        return width * height > 50_000_000
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.io.decode_image(content)
    if case == "case_45_svg":
        return ElementTree.fromstring(content).tag == "{http://www.w3.org/2000/svg}svg"
    if case in ("case_45_avif", "case_45_heic"):
        return content[4:12] == b"ftyp" + case[-4:].encode()
    if case.startswith("case_45"):  # what Pillow would open
        with Image.open(io.BytesIO(content)) as picture:
            return picture.format == case.removeprefix("case_45_").upper()
    with pytest.raises((OSError, SyntaxError)), Image.open(io.BytesIO(content)) as picture:
        picture.load()
    return True


def test_a_good_picture_is_not_bad():
    for content in (jpeg(), good_png()):
        with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
            is_bad("case_35", content)
    assert not is_bad("case_43", good_png())


@pytest.mark.parametrize("case", BAD_PICTURES)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_what_is_no_picture_is_named_with_the_reason(pets, case, unchanged):
    content, words = BAD_PICTURES[case]
    path = pets / "dog" / "3.jpg"
    path.write_bytes(content)
    assert is_bad(case, content)
    with unchanged(pets), pytest.raises(OSError, match=rf"dog/3\.jpg is no picture.*({words})"):
        load_image_folder(pets)


def test_case_35_verify_of_pillow_would_not_notice(tmp_path):
    (tmp_path / "a.jpg").write_bytes(jpeg()[:-200])
    with Image.open(tmp_path / "a.jpg") as picture:
        picture.verify()
    with pytest.raises(OSError, match="truncated"):
        read_image(tmp_path / "a.jpg")


@pytest.mark.slow
def test_case_43_a_large_picture_within_the_limit_is_read(tmp_path):
    (tmp_path / "a.png").write_bytes(png_of(7_000, 7_000, 1, 0, [bytes(875)] * 7_000))
    assert read_image(tmp_path / "a.png", (8, 8)).shape == (8, 8, 3)


def test_a_file_of_too_many_bytes_is_not_even_opened(tmp_path):
    with (tmp_path / "a.jpg").open("wb") as file:
        file.truncate(300_000_000)
    with pytest.raises(OSError, match="300,000,000 bytes; the limit is 200,000,000"):
        read_image(tmp_path / "a.jpg")


@pytest.mark.parametrize("kind", ["folder", "fifo", "missing"])
def test_what_is_no_file_is_named_and_nothing_waits(tmp_path, kind):
    path = tmp_path / "a.jpg"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    with pytest.raises(
        OSError, match=r"a.jpg (is no picture.*no regular file|cannot be read now .No such)"
    ):
        read_image(path)


# Folders ----------------------------------------------------------------------------------------


def test_case_45_pictures_of_other_kinds_are_named_and_not_left_out(pets, unchanged):
    Image.new("RGB", (8, 8)).save(pets / "cat" / "scan.TIFF")
    with Image.open(pets / "cat" / "scan.TIFF") as picture:
        assert picture.format == "TIFF"
    with unchanged(pets), pytest.raises(OSError, match=r"scan.TIFF is of a kind that is not read"):
        load_image_folder(pets)


def test_case_47_an_empty_class_folder_is_named(pets, unchanged):
    (pets / "parrot").mkdir()
    (pets / "parrot" / "notes.txt").write_text("no pictures yet")
    assert names_in(pets / "parrot") == ["notes.txt"]
    with (
        unchanged(pets),
        pytest.raises(FileNotFoundError, match=r"no pictures in the class folders parrot; add"),
    ):
        load_image_folder(pets)


def test_case_48_a_single_class_is_refused(tmp_path, unchanged):
    save(tmp_path / "cat" / "1.png")
    assert names_in(tmp_path) == ["cat"]
    with unchanged(tmp_path), pytest.raises(ValueError, match="two class folders; it has 1; put"):
        load_image_folder(tmp_path)


def test_case_49_pictures_beside_class_folders_are_named(pets, unchanged):
    save(pets / "loose.jpg")
    assert names_in(pets) == ["cat", "dog", "loose.jpg"]
    with unchanged(pets), pytest.raises(OSError, match=r"loose.jpg lies in no class folder: put"):
        load_image_folder(pets)


def test_case_49_the_first_ten_and_the_number_are_said(pets):
    for index in range(15):
        save(pets / f"loose{index}.jpg")
    with pytest.raises(OSError, match=r"\(15 such files in all\)") as caught:
        load_image_folder(pets)
    assert str(caught.value).count("lies in no class folder") == 10


def test_case_50_folders_within_class_folders_belong_to_the_class(pets, unchanged):
    save(pets / "dog" / "puppies" / "brown" / "small" / "4.png")
    assert max(len(path.relative_to(pets).parts) for path in pets.rglob("*.png")) == 5
    with unchanged(pets):
        _, labels, names = load_image_folder(pets, (6, 8))
    assert names == ("cat", "dog")
    assert list(labels) == [0] * 4 + [1] * 3


ODD_NAMES = ["ü", "a b", 'it\'s "q"', "new\nline", "日本", "a" * 251, "100%", "-rf", "$HOME", "[a]"]


@pytest.mark.parametrize("name", [*ODD_NAMES, b"\xff\xfe\x80".decode("utf-8", "surrogateescape")])
def test_case_51_odd_names_are_fine_and_can_be_shown(pets, name, unchanged):
    path = pets / "cat" / f"{name}.png"
    assert not re.fullmatch(r"\w{,200}", name, re.ASCII)
    save(pets / "cat" / "new.png")
    (pets / "cat" / "new.png").rename(path)
    assert len(load_image_folder(pets, (6, 8))[0]) == 7
    path.write_bytes(b"no picture")
    with pytest.raises(UnidentifiedImageError):
        Image.open(path)
    with unchanged(pets), pytest.raises(OSError, match="is no picture") as caught:
        load_image_folder(pets, (6, 8))
    assert str(caught.value).encode("utf-8")
    assert "\n" not in str(caught.value)


def test_case_52_what_systems_leave_behind_is_no_class_and_no_picture(pets, unchanged):
    for name in ("cat/._0.jpg", "cat/.DS_Store", "cat/Thumbs.db", "dog/desktop.ini"):
        (pets / name).write_bytes(b"no picture")
        with pytest.raises(UnidentifiedImageError):
            Image.open(pets / name)
    for name in (".ipynb_checkpoints/1.png", "__MACOSX/cat/._0.jpg", ".git/a.jpg"):
        save(pets / name)
    with unchanged(pets):
        images, _, names = load_image_folder(pets, (6, 8))
    assert (len(images), names) == (6, ("cat", "dog"))


def test_case_53_a_broken_link_is_named(pets, unchanged):
    (pets / "cat" / "gone.jpg").symlink_to(pets / "nowhere.jpg")
    with pytest.raises(FileNotFoundError):
        (pets / "cat" / "gone.jpg").stat()
    with unchanged(pets), pytest.raises(OSError, match=r"cat/gone.jpg is a link to nothing"):
        load_image_folder(pets)


def test_case_53_a_loop_of_folders_ends(pets, unchanged):
    (pets / "cat" / "loop").symlink_to(pets)
    (pets / "dog" / "self.jpg").symlink_to("self.jpg")
    assert (pets / "cat/loop/cat/loop/dog/1.png").is_file()  # and so on
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        (pets / "dog" / "self.jpg").stat()
    with (
        unchanged(pets),
        pytest.raises(OSError, match=r"self.jpg is a link to nothing.*\(1 such"),
    ):
        load_image_folder(pets)
    (pets / "dog" / "self.jpg").unlink()
    with unchanged(pets):
        assert len(load_image_folder(pets, (6, 8))[0]) == 6


def test_case_53_a_link_to_a_picture_that_is_there_counts_once(pets, unchanged):
    (pets / "dog" / "same.png").symlink_to(pets / "dog" / "1.png")
    (pets / "puppy").symlink_to(pets / "dog")
    assert (pets / "dog" / "same.png").samefile(pets / "puppy" / "1.png")
    with unchanged(pets):
        _, labels, names = load_image_folder(pets, (6, 8))
    assert (list(labels), names) == ([0] * 4 + [1] * 2, ("cat", "dog"))


def test_case_53_a_link_out_of_the_folder_is_followed_only_when_asked(
    pets, tmp_path_factory, unchanged
):
    outside = tmp_path_factory.mktemp("outside")
    save(outside / "1.png")
    (pets / "cat" / "link.png").symlink_to(outside / "1.png")
    assert not (pets / "cat" / "link.png").resolve().is_relative_to(pets.resolve())
    with (
        unchanged(pets),
        unchanged(outside),
        pytest.raises(
            OSError, match=r"link.png is a link that leaves the folder \(to .*with allow"
        ),
    ):
        load_image_folder(pets)
    assert len(load_image_folder(pets, (6, 8), allow_outside=True)[0]) == 7
    (pets / "cat" / "folder").symlink_to(outside)
    with (
        unchanged(pets),
        pytest.raises(OSError, match=r"cat/folder is a link that leaves the folder"),
    ):
        load_image_folder(pets, allow_outside=True)


@pytest.mark.parametrize("closed", ["dog/2.png", "dog"])
def test_case_54_a_file_or_folder_without_permission_is_named(closed, unchanged):
    """Root may read everything: so this becomes a user who may not, for one call."""
    with tempfile.TemporaryDirectory() as folder:
        pets = Path(folder)
        pets.chmod(0o755)
        for name in ("cat/1.png", "dog/2.png"):
            save(pets / name)
        (pets / closed).chmod(0)
        root = os.geteuid() == 0
        with unchanged(pets):
            if root:
                os.seteuid(65534)
            try:
                with pytest.raises(PermissionError):
                    (pets / "dog/2.png").read_bytes()
                words = rf"/{closed} cannot be read now .Permission denied.*see to its name, perm"
                with pytest.raises(PermissionError, match=words):
                    load_image_folder(pets)
            finally:
                if root:
                    os.seteuid(0)


@pytest.mark.parametrize("trained", [("cat", "dog", "fox"), ("cat", "Dog"), ("dog", "cat")])
def test_case_61_other_classes_than_in_training_are_refused(pets, trained, unchanged):
    assert load_image_folder(pets, (6, 8), class_names=("cat", "dog"))[2] == ("cat", "dog")
    assert tuple(names_in(pets)) != trained
    words = f"must have the classes {', '.join(trained)}, .*it has cat, dog"
    with unchanged(pets), pytest.raises(ValueError, match=words):
        load_image_folder(pets, class_names=trained)


def test_class_names_are_the_same_however_a_file_system_stores_their_accents(pets):
    (pets / "cat").rename(pets / unicodedata.normalize("NFD", "Käse"))
    found = load_image_folder(pets, (6, 8), class_names=("K\u00e4se", "dog"))[2]
    assert found == (unicodedata.normalize("NFD", "Käse"), "dog")
    with pytest.raises(ValueError, match="must have the classes Kase, dog"):
        load_image_folder(pets, (6, 8), class_names=("Kase", "dog"))


def test_a_file_in_place_of_the_folder_is_not_called_missing(pets):
    path = next(pets.glob("cat/*"))
    with pytest.raises(FileNotFoundError, match="`folder` must be one that exists; got"):
        load_image_folder(path)


# Names that phones, browsers and chat programs give -----------------------------------------------

GIVEN_NAMES = [
    *(
        "a.jfif",
        "b.jpe",
        "c.pjpeg",
        "d.jpg_large",
        "e.jpg!d",
        "f",
        "g.jpg.1",
        "cat (1).JPG",
        "h.jpg ",
    ),
    *(
        "i.JPG.download",
        "j.jpg.",
        "k.jpg?w=300",
        "l.jpeg~",
        "m.jpg:orig",
        "n.2024.01.02",
        "o.jpg (2)",
    ),
    *("p.photo", "q.dib", "r.apng"),
]


def test_pictures_are_found_whatever_their_names_end_with(pets):
    for index, name in enumerate(GIVEN_NAMES):
        save(pets / "cat" / "new.png", (0, 0, index))
        (pets / "cat" / "new.png").rename(pets / "cat" / name)
    others = {"Thumbs.db": b"\xd0\xcf\x11\xe0", "a.jpg.json": b"{}", "b.txt": b"BMW cars are nice"}
    for name, content in {**others, "c.html": b"<html>", "none": b""}.items():
        (pets / "cat" / name).write_bytes(content)
    classes, problems = scan_image_folder(pets)
    assert {path.name for path in classes["cat"]} == {*GIVEN_NAMES, *(f"{i}.png" for i in range(4))}
    assert problems == []


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a", b"\0\0\0\x18ftypheic" + bytes(20), "HEIC or AVIF"),
        ("b.photo", b"\0\0\0\x1cftypavif" + bytes(20), "HEIC or AVIF"),
        ("c.1", b"II*\0" + bytes(20), "TIFF"),
        ("d.HEIC.1", b"", ""),
    ],
)
def test_pictures_of_other_kinds_are_named_whatever_their_names_end_with(pets, name, content, kind):
    (pets / "cat" / name).write_bytes(content)
    with pytest.raises(OSError, match=rf"cat/{name} is of a kind that is not read.*{kind}"):
        load_image_folder(pets)
    if content:  # and where the ending says otherwise
        (pets / "cat" / name).rename(pets / "cat" / "a.jpg")
        with pytest.raises(OSError, match=f"a.jpg is no picture.*it looks like {kind}"):
            load_image_folder(pets)


def test_a_broken_download_with_the_name_of_a_picture_is_named(pets):
    (pets / "cat" / "a.jpg_large").write_bytes(b"")
    with pytest.raises(OSError, match=r"a.jpg_large is no picture.*the file is empty"):
        load_image_folder(pets)


# Folders of parts -------------------------------------------------------------------------------


def tree(folder, *places):
    for number, place in enumerate(places):
        save(folder / place / "1.png", (number, 0, 0))
    return folder


def two_classes(*parts):
    return [f"{part}/{label}" for part in parts for label in ("cat", "dog")]


PARTS = {
    "training_set and test_set": (two_classes("training_set", "test_set"), "training_set"),
    "images in the names": (two_classes("train_images", "imgs_test"), "train_images"),
    "spaces and capitals": (two_classes("Train Data", "val"), "Train Data"),
    "years": (two_classes("train2017", "val2017"), "train2017"),
    "one lies deeper": (two_classes("seg_train/seg_train", "seg_test"), "seg_train/seg_train"),
    "another name": (two_classes("train", "data/test"), "train"),
    "some without classes": ([*two_classes("train", "val"), "test", "unlabeled/a"], "train"),
}


@pytest.mark.parametrize("case", PARTS)
def test_of_parts_the_one_for_training_is_read_and_that_is_said(tmp_path, case):
    places, training = PARTS[case]
    tree(tmp_path, *places)
    words = rf"it holds parts: .*Only .*/{training} is read"
    with pytest.warns(UserWarning, match=words):
        files = list_image_files(tmp_path)
    assert files.class_names == ("cat", "dog")
    assert {path.parent.parent for path in files.paths} == {tmp_path / training}


@pytest.mark.parametrize(
    ("places", "words"),
    [
        (two_classes("fold1", "fold2"), r"holds parts: fold1, fold2. Give one, such as .*/fold1;"),
        (two_classes("test", "val"), r"holds parts: test, val. Give one, such as .*/test;"),
        (two_classes("data"), r"at least two class folders.*Give one, such as .*/data;"),
        (two_classes("data/data"), r"at least two class folders.*Give one, such as .*/data/data;"),
    ],
)
def test_other_parts_are_refused_with_what_to_give(tmp_path, places, words, unchanged):
    tree(tmp_path, *places)
    with unchanged(tmp_path), pytest.raises(ValueError, match=words):
        load_image_folder(tmp_path)


@pytest.mark.parametrize(
    "places",
    [
        ("train", "bus", "tram"),
        ("train/steam", "train/diesel", "bus", "tram"),
        ("cat/images", "dog/images"),
        ("cat/0", "cat/1", "dog/0", "dog/1"),
        ("0/0", "0/1", "0/2", "1/0", "1/1", "1/2", "2/0", "2/1"),
        ("cat", "cat/kitten", "dog/puppy"),
        ("test tube", "train station"),
    ],
)
def test_classes_may_have_names_of_parts_and_folders_in_them(tmp_path, places):
    tree(tmp_path, *places)
    names = sorted({place.partition("/")[0] for place in places})
    assert list(list_image_files(tmp_path).class_names) == names
    assert find_parts(tmp_path, scan_image_folder(tmp_path)[0]) == {}


@pytest.mark.parametrize("part", ["val", "more", "more/deep"])
def test_a_part_among_the_classes_is_named(tmp_path, part):
    tree(tmp_path, "cat", "dog", f"{part}/cat", f"{part}/dog")
    name = part.partition("/")[0]
    with pytest.raises(
        OSError, match=rf"/{name} holds folders with the names of classes \(cat, dog"
    ):
        list_image_files(tmp_path)


def test_parts_within_the_classes_are_named_and_never_mixed(tmp_path):
    for place in ("cat/train", "cat/test", "dog/train", "dog/test"):
        save(tmp_path / place / "1.png")
    with pytest.raises(OSError, match=r"cat holds parts \(test, train\): make it test/cat and so"):
        load_image_folder(tmp_path)
    assert find_parts(tmp_path, scan_image_folder(tmp_path)[0]) == {}


def test_a_link_to_a_picture_of_another_class_is_named(pets):
    (pets / "dog" / "link.png").symlink_to(next(pets.glob("cat/*")))
    with pytest.raises(OSError, match=r"dog/link\.png is a link to a picture of another class"):
        load_image_folder(pets)


def test_what_class_names_name_are_classes(tmp_path):
    tree(tmp_path, "cat/inside", "cat/outside", "dog/inside", "dog/outside")
    with pytest.raises(ValueError, match="name classes in `class_names`"):
        list_image_files(tmp_path)
    assert len(list_image_files(tmp_path, class_names=("cat", "dog"))) == 4


def test_a_wrong_size_is_refused_before_the_folder_is_looked_for():
    for size in ((0, 8), 64, (64, 64, 3), (64.0, 64.0)):
        with pytest.raises(ValueError, match="`image_size` must be"):
            load_image_folder("no_such_folder", size)


def test_a_tilde_is_the_home_folder(pets, monkeypatch):
    monkeypatch.setenv("HOME", str(pets))
    assert len(list_image_files("~")) == 6
    assert read_image("~/dog/1.png").shape == (6, 8, 3)


@pytest.mark.parametrize("given", ["train", "./train/", "../{name}/train", ".", "./"])
def test_a_relative_folder_is_the_same_as_a_whole_path(pets, monkeypatch, given):
    (pets.parent / "train").mkdir()
    for name in ("cat", "dog"):
        (pets / name).rename(pets.parent / "train" / name)
    (pets.parent / "train").rename(pets / "train")
    monkeypatch.chdir(pets / "train" if given in (".", "./") else pets)
    found = list_image_files(given.format(name=pets.name))
    assert found.class_names == ("cat", "dog")
    whole = list_image_files(pets / "train")
    assert [path.resolve() for path in found.paths] == [path.resolve() for path in whole.paths]
