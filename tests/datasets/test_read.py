"""The one reader: windows, broken blocks beside whole pixels, troubles of the machine."""

import errno
import io
import os
import struct
import warnings
import zlib
from pathlib import Path

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


# Broken blocks beside whole pixels ----------------------------------------------------------------

PIXELS = np.random.default_rng(0).integers(0, 256, (8, 16, 3), np.uint8)


def saved(kind, **options):
    stream = io.BytesIO()
    Image.fromarray(PIXELS).save(stream, kind, **options)
    return stream.getvalue()


def turned(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


def chunk(kind, data, is_sound=True):
    check = zlib.crc32(kind + data) ^ (not is_sound)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)


def png_with(*chunks):
    return saved("PNG")[:33] + b"".join(chunks) + saved("PNG")[33:]


LONG = zlib.compress(bytes(3_000_000))
BROKEN_BLOCKS = {
    "EXIF of a PNG": saved("PNG", exif=b"garbage garbage"),
    "EXIF of a WebP": saved("WEBP", lossless=True, exif=b"garbage garbage"),
    "EXIF of a JPEG": saved("JPEG", quality=95, exif=b"Exif\0\0garbage garbage"),
    "orientation 0": saved("PNG", exif=turned(0)),
    "orientation 9": saved("PNG", exif=turned(9)),
    "orientation cut": saved("PNG", exif=turned(6)[:20]),
    "sum of a text": png_with(chunk(b"tEXt", b"a\0b", is_sound=False)),
    "sum of a time": png_with(chunk(b"tIME", bytes(7), is_sound=False)),
    "a text too long": png_with(chunk(b"zTXt", b"a\0\0" + LONG)),
    "XMP too long": png_with(chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + LONG)),
    "a profile too long": png_with(chunk(b"iCCP", b"a\0\0" + LONG)),
    "a profile that is empty": png_with(chunk(b"iCCP", b"a\0")),
    "a size too short": png_with(chunk(b"pHYs", b"abc")),
    "an animation without parts": png_with(chunk(b"acTL", b"abc")),
}


@pytest.mark.parametrize("case", BROKEN_BLOCKS)
def test_a_broken_block_beside_the_pixels_does_not_reject_them(tmp_path, case):
    (tmp_path / "a").write_bytes(BROKEN_BLOCKS[case])
    whole = "JPEG" if BROKEN_BLOCKS[case].startswith(b"\xff\xd8") else "PNG"
    (tmp_path / "whole").write_bytes(saved(whole, **({"quality": 95} if whole == "JPEG" else {})))
    np.testing.assert_array_equal(read_image(tmp_path / "a"), read_image(tmp_path / "whole"))


def test_a_photo_is_upright_though_another_block_of_it_is_broken(tmp_path):
    exif = chunk(b"eXIf", turned(3)[6:])
    (tmp_path / "a").write_bytes(png_with(exif, chunk(b"tEXt", b"a", is_sound=False)))
    np.testing.assert_array_equal(read_image(tmp_path / "a"), PIXELS[::-1, ::-1])


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_a_photo_is_upright_though_its_block_is_cut_short(tmp_path, order, kind):
    """The name of the maker should begin at a byte that is not there."""
    block = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}IH", 8, 2)
    block += struct.pack(f"{order}HHII", 0x010F, 2, 50, 9999)
    block += struct.pack(f"{order}HHIHH", 0x0112, 3, 1, 3, 0) + bytes(4)
    (tmp_path / "a").write_bytes(
        saved(kind, exif=block, **({"lossless": True} if kind == "WEBP" else {}))
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of the maker
        np.testing.assert_array_equal(read_image(tmp_path / "a"), PIXELS[::-1, ::-1])


@pytest.mark.parametrize("action", ["ignore", "error"])
def test_the_pixels_are_the_same_where_warnings_are_errors(tmp_path, action):
    """Pillow warns of a block that is cut, and of two orientations where one should be."""
    start = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1)
    two = start + struct.pack("<HHIHH", 0x0112, 3, 2, 3, 3) + bytes(4)
    with Image.open(io.BytesIO(saved("JPEG"))) as picture:
        whole = np.array(picture)
    for block, pixels in ((two, whole[::-1, ::-1]), (start + bytes(8), whole)):
        (tmp_path / "a").write_bytes(saved("JPEG", exif=block))
        with warnings.catch_warnings():
            warnings.simplefilter(action)
            np.testing.assert_array_equal(read_image(tmp_path / "a"), pixels)


def test_what_is_broken_in_the_pixels_still_is(tmp_path):
    """Also where a block beside them is broken too; and so are colours that may be clear."""
    text = chunk(b"tEXt", b"a", is_sound=False)
    for content in (png_with(text)[:-80], png_with(chunk(b"tRNS", b"a")), png_with(text)[40:]):
        (tmp_path / "a").write_bytes(content)
        with pytest.raises(OSError, match="is no picture that can be read"):
            read_image(tmp_path / "a")


# Troubles of the machine --------------------------------------------------------------------------


@pytest.mark.parametrize("number", [errno.EACCES, errno.EMFILE, errno.EIO, errno.ESTALE])
def test_what_the_machine_refuses_is_no_fault_of_the_picture(tmp_path, monkeypatch, number):
    Image.new("RGB", (20, 20)).save(tmp_path / "a.png")

    def refuse(path):
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(OSError, match=r"a.png cannot be read now \(.* no fault") as caught:
        read_image(tmp_path / "a.png")
    assert (caught.value.errno, type(caught.value)) == (number, type(OSError(number, "")))


def test_too_little_memory_is_no_fault_of_the_picture(tmp_path, monkeypatch):
    """Decoders call a whole picture broken, where they get no memory: so that is asked for."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    for name in ("a.jpg", "a.webp"):
        Image.fromarray(noise).save(tmp_path / name)
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content[: len(content) // 2])
        with pytest.raises(OSError, match="is no picture that can be read"):
            read_image(tmp_path / name)
    monkeypatch.setattr(_read.np, "empty", lambda *_: (_ for _ in ()).throw(MemoryError))
    for name in ("a.jpg", "a.webp"):
        with pytest.raises(MemoryError, match=f"not enough memory to read .*{name}"):
            read_image(tmp_path / name)


def test_a_reader_that_pillow_could_not_load_is_no_fault_of_the_picture(tmp_path, monkeypatch):
    """It passes over an import that fails, such as for memory or open files."""
    Image.new("RGB", (20, 20)).save(tmp_path / "a.webp")
    read_image(tmp_path / "a.webp")
    monkeypatch.delitem(Image.OPEN, "WEBP")
    with pytest.raises(
        OSError, match=r"a.webp cannot be read now \(Pillow could not load"
    ) as caught:
        read_image(tmp_path / "a.webp")
    assert caught.value.errno == errno.ENOMEM


@pytest.mark.parametrize("size", [(10**6, 10**6), (2**31, 1), (1, 50_000_001)])
def test_a_size_that_no_memory_holds_is_refused(size):
    with pytest.raises(ValueError, match=r"`image_size` .*50,000,000 pixels in all; got \("):
        read_image("no_such_file.png", size)


def test_a_size_is_refused_before_the_file_is_looked_for():
    for read in (read_image, read_center_crop):
        with pytest.raises(ValueError, match="`image_size` must be"):
            read("no_such_file.jpg", (0, 8))
