"""Preparing cats and dogs from archives as Kaggle and Microsoft make them, and from bad ones."""

import errno
import io
import json
import os
import random
import shutil
import signal
import stat
import struct
import subprocess
import sys
import time
import warnings
import zipfile
from pathlib import Path, PureWindowsPath

import numpy as np
import pytest
from PIL import Image

from cnnbook.datasets import cats_vs_dogs_archive
from cnnbook.datasets.cats_vs_dogs_archive import (
    PLACES,
    UnsafeArchiveError,
    _why_unreadable,
    prepare_cats_vs_dogs,
)


def picture(seed=0, kind="JPEG", side=24, mode="RGB", **options):
    stream = io.BytesIO()
    noise = np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)
    Image.fromarray(noise).convert(mode).save(stream, kind, **options)
    return stream.getvalue()


# Six photos of each class for training and three for the test; 9 to 11 are not wanted.
PHOTOS = {(label, number): picture(2 * number + (label == "dog")) for label in ("cat", "dog")
          for number in range(12)}  # fmt: skip
KAGGLE = {f"train/{label}.{number}.jpg": content for (label, number), content in PHOTOS.items()}
MICROSOFT = {
    f"PetImages/{label.title()}/{number}.jpg": content
    for (label, number), content in PHOTOS.items()
} | {"PetImages/Cat/Thumbs.db": b"thumbs", "readme[1].txt": b"read", "MSR-LA - 3467.docx": b"PK"}
WANTED = {
    f"{'train' if number < 6 else 'test'}/{label}/{label}.{number}.jpg": content
    for (label, number), content in PHOTOS.items()
    if number < 9
}
COUNTS = {"train/cat": 6, "train/dog": 6, "test/cat": 3, "test/dog": 3}
SIZES = {"train": 6, "test": 3}


def make_zip(path, files, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name) if isinstance(name, str) else name
            archive.writestr(info, content, method)
    return path


def make_folder(path, files):
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def content_of(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "prepared.json"
    }


@pytest.fixture
def refused(tmp_path, unchanged):
    """Check that a source is refused with these words, and that nothing is left."""

    def check(source, words, kind=OSError, sizes=SIZES):
        with unchanged(tmp_path), pytest.raises(kind, match=words) as caught:
            prepare_cats_vs_dogs(source, tmp_path / "out", **sizes)
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "out").exists()
        return str(caught.value)

    return check


# Good ones ------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [make_zip, make_folder])
@pytest.mark.parametrize("files", [KAGGLE, MICROSOFT], ids=["Kaggle", "Microsoft"])
def test_the_wanted_photos_are_copied_unchanged_and_nothing_else(tmp_path, make, files):
    source = make(tmp_path / "source", files)
    prepared = prepare_cats_vs_dogs(source, tmp_path / "new" / "pets", **SIZES)
    assert prepared == (tmp_path / "new" / "pets", COUNTS, {})
    assert content_of(prepared.folder) == WANTED
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["pets"]


@pytest.mark.parametrize("below", ["train", "PetImages"])
def test_the_folder_within_will_do_too(tmp_path, below):
    source = make_folder(tmp_path / "source", KAGGLE if below == "train" else MICROSOFT)
    prepare_cats_vs_dogs(str(source / below), str(tmp_path / "pets"), **SIZES)
    assert content_of(tmp_path / "pets") == WANTED


@pytest.mark.slow
def test_by_default_it_is_the_recipe_of_the_source_without_the_known_corrupt_file(tmp_path):
    """0 to 999 for training and 1000 to 1399 for the test, of each class."""
    files = {f"PetImages/{c}/{n}.jpg": picture() for c in ("Cat", "Dog") for n in range(1410)}
    files |= {"PetImages/Cat/666.jpg": b"", "PetImages/Dog/11702.jpg": b""}
    prepared = prepare_cats_vs_dogs(make_zip(tmp_path / "a.zip", files), tmp_path / "pets")
    assert prepared.counts == dict(zip(PLACES, (999, 1000, 400, 400), strict=True))
    assert prepared.left_out == {"PetImages/Cat/666.jpg": "known to be corrupt: 0 bytes"}
    for label in ("cat", "dog"):
        train, test = (
            {int(path.name.split(".")[1]) for path in (tmp_path / "pets" / part / label).iterdir()}
            for part in ("train", "test")
        )
        assert train == set(range(1000)) - ({666} if label == "cat" else set())
        assert test == set(range(1000, 1400))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["train/cat.666.jpg", "PetImages/Dog/666.jpg"])
def test_no_other_file_with_the_number_of_a_corrupt_one_is_excused(tmp_path, refused, name):
    assert name not in KAGGLE
    files = {f"{c}.{n}.jpg": picture() for c in ("cat", "dog") for n in range(700)}
    del files["cat.666.jpg" if "cat" in name else "dog.666.jpg"]
    archive = make_zip(tmp_path / "a.zip", files | {name: b""})
    refused(archive, rf"1 files are no whole photos: '{name}' \(0 bytes\)",
            sizes={"train": 690, "test": 10})  # fmt: skip


GOOD = {
    "PNG": picture(1, "PNG"),
    "GIF": picture(1, "GIF"),
    "BMP": picture(1, "BMP"),
    "WebP": picture(1, "WEBP"),
    "grey": picture(1, mode="L"),
    "CMYK": picture(1, mode="CMYK"),
    "progressive": picture(1, progressive=True),
    "case_36 bytes after the end": picture(1) + b"more",
}


@pytest.mark.parametrize("kind", GOOD)
def test_what_can_be_decoded_is_a_photo_whatever_its_name(tmp_path, kind):
    source = make_folder(tmp_path / "source", KAGGLE | {"train/dog.7.jpg": GOOD[kind]})
    prepare_cats_vs_dogs(source, tmp_path / "pets", **SIZES)
    assert (tmp_path / "pets/test/dog/dog.7.jpg").read_bytes() == GOOD[kind]


@pytest.mark.parametrize("make", [make_zip, make_folder])
def test_case_52_hidden_folders_and_files_are_passed_over(tmp_path, make):
    hidden = dict.fromkeys((".pets.incomplete-1/train/cat/cat.0.jpg", "train/._cat.0.jpg"), b"?")
    source = make(tmp_path / "source", KAGGLE | hidden | {"a/.b/Cat/1.jpg": b"?"})
    prepare_cats_vs_dogs(source, tmp_path / "pets", **SIZES)
    assert content_of(tmp_path / "pets") == WANTED


def test_a_dot_before_each_name_is_fine(tmp_path):
    files = {f"./{name}": content for name, content in KAGGLE.items()}
    prepare_cats_vs_dogs(make_zip(tmp_path / "a.zip", files), tmp_path / "pets", **SIZES)
    assert content_of(tmp_path / "pets") == WANTED


def test_a_few_numbers_that_do_not_occur_are_named(tmp_path):
    files = {name: content for name, content in KAGGLE.items() if "dog.4." not in name}
    prepared = prepare_cats_vs_dogs(make_zip(tmp_path / "a.zip", files), tmp_path / "o", **SIZES)
    assert prepared.counts == COUNTS | {"train/dog": 5}
    assert prepared.left_out == {"dog.4.jpg": "does not occur"}


def test_part_of_the_real_photos(tmp_path, real_data):
    source = real_data / "cats_vs_dogs" / "train"
    prepared = prepare_cats_vs_dogs(source, tmp_path / "pets", train=80, test=20)
    assert sum(prepared.counts.values()) + len(prepared.left_out) == 200
    assert "cat.0.jpg" in prepared.left_out
    assert len(prepared.left_out) < 10
    for path in (tmp_path / "pets").rglob("*.jpg"):
        assert path.read_bytes() == (source / path.parent.name / path.name).read_bytes()


# Again ----------------------------------------------------------------------------------------


def test_again_nothing_is_touched_and_the_same_is_said(tmp_path, unchanged):
    files = {name: content for name, content in KAGGLE.items() if "dog.4." not in name}
    archive = make_zip(tmp_path / "a.zip", files)
    first = prepare_cats_vs_dogs(archive, tmp_path / "pets", **SIZES)
    with unchanged(tmp_path):
        assert prepare_cats_vs_dogs(archive, tmp_path / "pets", **SIZES) == first
    archive.unlink()
    assert prepare_cats_vs_dogs(archive, tmp_path / "pets", **SIZES) == first


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "pets").mkdir()
    prepare_cats_vs_dogs(make_zip(tmp_path / "a.zip", KAGGLE), tmp_path / "pets", **SIZES)
    assert content_of(tmp_path / "pets") == WANTED


def a_photo_is_gone(folder):
    (folder / "test/dog/dog.8.jpg").unlink()


def another_photo_is_there(folder):
    shutil.copy(folder / "test/dog/dog.8.jpg", folder / "test/dog/dog.9.jpg")


def the_report_is_gone(folder):
    (folder / "prepared.json").unlink()


def the_report_is_cut_short(folder):
    (folder / "prepared.json").write_text("{")


def the_report_is_something_else(folder):
    (folder / "prepared.json").write_text("[1]")


def it_is_a_file(folder):
    shutil.rmtree(folder)
    folder.write_text("mine")


OTHER = [
    *(a_photo_is_gone, another_photo_is_there, the_report_is_gone, the_report_is_cut_short),
    *(the_report_is_something_else, it_is_a_file),
]


@pytest.mark.parametrize("change", OTHER, ids=lambda change: change.__name__)
def test_what_is_something_else_is_left_alone_and_an_error(tmp_path, unchanged, change):
    archive = make_zip(tmp_path / "a.zip", KAGGLE)
    prepare_cats_vs_dogs(archive, tmp_path / "pets", **SIZES)
    change(tmp_path / "pets")
    words = r"pets exists, but its prepared\.json says .*, expected .*Move it away"
    with unchanged(tmp_path), pytest.raises(FileExistsError, match=words):
        prepare_cats_vs_dogs(archive, tmp_path / "pets", **SIZES)


@pytest.mark.parametrize("sizes", [{"train": 5, "test": 3}, {"train": 6, "test": 2}])
def test_other_numbers_than_before_are_an_error(tmp_path, unchanged, sizes):
    archive = make_zip(tmp_path / "a.zip", KAGGLE)
    prepare_cats_vs_dogs(archive, tmp_path / "pets", **SIZES)
    words = f"says .'train': 6, 'test': 3.*expected .'train': {sizes['train']}"
    with unchanged(tmp_path), pytest.raises(FileExistsError, match=words):
        prepare_cats_vs_dogs(archive, tmp_path / "pets", **sizes)


# Non-images -----------------------------------------------------------------------------------


JPEG, PNG = picture(5, side=64), picture(5, "PNG", side=64)
HUGE = JPEG[: JPEG.index(b"\xff\xc0") + 5] + b"\xff\xff\xff\xff"
HUGE += JPEG[JPEG.index(b"\xff\xc0") + 9 :]
NO_PHOTOS = {
    "case_33_empty": (b"", "0 bytes"),
    "case_34_html": (b"<html>404</html>", "none of JPEG, PNG"),
    "case_34_text": (b"a cat", "none of JPEG, PNG"),
    "case_34_program": (b"\x7fELF" + bytes(500), "none of JPEG, PNG"),
    "case_35_half": (JPEG[: len(JPEG) // 2], "truncated"),
    "case_35_99_percent": (JPEG[: len(JPEG) * 99 // 100], "truncated"),
    "case_35_last_two_bytes": (JPEG[:-2], "truncated"),
    "case_38_half_png": (PNG[: len(PNG) // 2], "truncated"),
    "case_43_huge": (HUGE, "50,000,000 pixels|decompression bomb"),
    "case_45_tiff": (picture(1, "TIFF"), "none of JPEG, PNG"),
}


def decodes(content):
    """Whether Pillow decodes all of it, for a kind and a size that the package promises to read."""
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as it:
            it.load()
            return True
    except Exception:
        return False


@pytest.mark.slow
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("make", [make_zip, make_folder])
@pytest.mark.parametrize("case", NO_PHOTOS)
def test_a_file_that_is_no_photo_is_named_and_nothing_is_made(tmp_path, refused, make, case):
    content, words = NO_PHOTOS[case]
    assert not decodes(content)
    source = make(tmp_path / "source", KAGGLE | {"train/dog.7.jpg": content})
    refused(source, rf"source: 1 files are no whole photos: 'train/dog\.7\.jpg' \(.*({words})")


def test_what_is_not_wanted_is_not_even_read(tmp_path):
    files = KAGGLE | {"train/dog.9.jpg": b"<html>", "notes.txt": b"a cat"}
    prepare_cats_vs_dogs(make_zip(tmp_path / "a.zip", files), tmp_path / "pets", **SIZES)
    assert content_of(tmp_path / "pets") == WANTED


def test_ten_are_named_and_all_are_counted(tmp_path, refused):
    said = refused(make_zip(tmp_path / "a.zip", dict.fromkeys(KAGGLE, b"?")), "18 files are no")
    assert said.count("none of JPEG") == 10


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_cut_anywhere_is_found_out_as_by_decoding_it_whole(progressive):
    """The shortcut (grey, an eighth of the size) finds what whole decoding finds."""
    content = picture(3, side=40, progressive=progressive)
    assert _why_unreadable(content) == ""
    for length in range(0, len(content), 7):
        assert not decodes(content[:length])
        assert _why_unreadable(content[:length])


def test_a_damaged_jpeg_gives_one_line_and_no_other_error():
    chance = random.Random(0)
    content = picture(3, side=40)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(300):
            spoilt = bytearray(content)
            for _ in range(5):
                spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
            assert "\n" not in _why_unreadable(bytes(spoilt))


# Harm -----------------------------------------------------------------------------------------


EVIL = [
    *("../../evil", "/evil", "a/../../evil", "a/..", "C:\\evil", "..\\evil", "C:evil"),
    *("../train/cat.1.jpg", "/train/cat.1.jpg", "\\\\server\\share\\cat.1.jpg"),
]


@pytest.mark.parametrize("name", EVIL)
def test_case_19_a_name_that_leaves_the_folder_refuses_the_whole(tmp_path, refused, name):
    archive = make_zip(tmp_path / "a.zip", KAGGLE | {name: b"2"})
    with zipfile.ZipFile(archive) as file:
        assert name in file.namelist()  # the writer did not clean it
    assert ".." in name or name.startswith("/") or PureWindowsPath(name).drive
    refused(archive, r"a\.zip was refused as a whole: the name .* leaves", UnsafeArchiveError)


def test_names_with_dots_that_stay_inside_are_fine(tmp_path):
    files = KAGGLE | {
        "train/a..b": b"",
        "...": b"",
        "train/": b"",
        "__MACOSX/train/._cat.0.jpg": b"",
    }
    prepare_cats_vs_dogs(make_zip(tmp_path / "a.zip", files), tmp_path / "pets", **SIZES)
    assert content_of(tmp_path / "pets") == WANTED


def test_case_20_a_link_in_a_zip_is_no_photo(tmp_path, refused):
    info = zipfile.ZipInfo("train/dog.7.jpg")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    files = {name: content for name, content in KAGGLE.items() if name != info.filename}
    archive = make_zip(tmp_path / "a.zip", files | {info: b"/etc/hostname"})
    refused(archive, r"'train/dog\.7\.jpg' \(none of JPEG")


def test_case_21_a_bomb_is_refused_by_what_it_declares(tmp_path, refused):
    archive = make_zip(tmp_path / "a.zip", KAGGLE | {"zeros": bytes(30 * 2**20)})
    assert archive.stat().st_size * 100 < 30 * 2**20
    refused(archive, r"unpacks to 31,\d+,\d+ bytes; for its size 10,485,760", UnsafeArchiveError)


def test_case_21_a_zip_that_declares_less_than_it_holds_is_refused(tmp_path, refused):
    archive = make_zip(tmp_path / "a.zip", KAGGLE | {"train/dog.7.jpg": bytes(100_000)})
    content = bytearray(archive.read_bytes())
    for start, size_at in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        name_at = 30 if start == b"PK\3\4" else 46
        at = next(
            at
            for at in range(len(content))
            if content[at : at + 4] == start
            and content[at + name_at : at + name_at + 15] == b"train/dog.7.jpg"
        )
        assert struct.unpack_from("<I", content, at + size_at) == (100_000,)
        struct.pack_into("<I", content, at + size_at, 10)
    archive.write_bytes(content)
    refused(archive, r"is damaged: 'train/dog\.7\.jpg' cannot be read: Bad CRC")


@pytest.mark.parametrize("make", [make_zip, make_folder])
def test_no_more_of_a_file_is_read_than_a_photo_may_have(tmp_path, refused, monkeypatch, make):
    lengths = []
    monkeypatch.setattr(cats_vs_dogs_archive, "MAX_PHOTO_BYTES", 5000)
    monkeypatch.setattr(
        cats_vs_dogs_archive,
        "_why_unreadable",
        lambda content: lengths.append(len(content)) or _why_unreadable(content),
    )
    long = picture(1) + bytes(10_000)
    source = make(tmp_path / "source", KAGGLE | {"train/dog.7.jpg": long})
    refused(source, r"dog\.7\.jpg' \(more than 50,000,000 pixels or 5,000 bytes\)")
    assert max(lengths) == 5001


DAMAGE = {
    "case_4_empty": (lambda content: b"", "cannot be read: File is not a zip file"),
    "case_2_html": (lambda content: b"<html>404</html>", "cannot be read: File is not a zip file"),
    "case_23_cut_short": (lambda content: content[:-30], "cannot be read: File is not a zip file"),
    "case_23_a_hole": (
        lambda content: content[:500] + content[900:],
        "is damaged: .* cannot be read",
    ),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_archive_is_named(tmp_path, refused, case):
    archive = make_zip(tmp_path / "a.zip", KAGGLE)
    spoil, words = DAMAGE[case]
    archive.write_bytes(spoil(archive.read_bytes()))
    refused(archive, rf"a\.zip .*({words})")


def test_case_22_a_wrong_crc_of_a_late_photo_leaves_no_early_ones(tmp_path, refused):
    archive = make_zip(tmp_path / "a.zip", KAGGLE, zipfile.ZIP_STORED)
    content = bytearray(archive.read_bytes())
    content[content.index(b"train/dog.8.jpg") + 400] ^= 255
    archive.write_bytes(content)
    with zipfile.ZipFile(archive) as file:
        assert file.testzip() == "train/dog.8.jpg"
    refused(
        archive, r"a\.zip is damaged: 'train/dog\.8\.jpg' cannot be read: Bad CRC-32 .*Get it again"
    )


def test_case_25_an_encrypted_photo_refuses_the_whole(tmp_path, refused):
    archive = make_zip(tmp_path / "a.zip", KAGGLE)
    content = bytearray(archive.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\1\2") + 8] |= 1
    archive.write_bytes(content)
    with zipfile.ZipFile(archive) as file, pytest.raises(RuntimeError, match="password"):
        file.read("train/cat.0.jpg")
    refused(archive, r"'train/cat\.0\.jpg' cannot be read: .*encrypted")


@pytest.mark.parametrize("twin", ["copy/cat.1.jpg", "Train/CAT.1.JPG", "cat/1.jpg", "cat.01.jpg"])
@pytest.mark.parametrize("make", [make_zip, make_folder])
def test_case_24_a_photo_that_is_there_twice_is_an_error(tmp_path, refused, make, twin):
    source = make(tmp_path / "source", KAGGLE | {twin: picture(99)})
    said = refused(source, r"source has cat\.1\.jpg twice: ")
    assert repr(twin) in said and "'train/cat.1.jpg'" in said


def test_more_than_a_fifth_of_a_class_lacking_is_an_error_with_the_numbers(tmp_path, refused):
    files = {name: content for name, content in KAGGLE.items() if "dog.7." not in name}
    words = r"a.zip lacks 1 of the 3 photos of test/dog \(dog\.6\.jpg to dog\.8\.jpg\); give Kaggle"
    refused(make_zip(tmp_path / "a.zip", files), words)


def test_the_outer_archive_of_kaggle_is_said_not_to_be_the_one(tmp_path, refused):
    inner = make_zip(tmp_path / "train.zip", KAGGLE).read_bytes()
    outer = make_zip(tmp_path / "dogs-vs-cats.zip", {"train.zip": inner, "test1.zip": b""})
    refused(outer, r"lacks 6 of the 6 photos of train/cat .*give Kaggle's train\.zip")


def test_case_53_links_in_a_folder_are_not_followed(tmp_path, refused):
    source = make_folder(tmp_path / "source", KAGGLE)
    (tmp_path / "elsewhere.jpg").write_bytes(picture())
    (source / "train/dog.7.jpg").unlink()
    (source / "train/dog.7.jpg").symlink_to(tmp_path / "elsewhere.jpg")
    refused(source, "lacks 1 of the 3 photos of test/dog")


def test_a_pipe_in_a_folder_is_no_photo_and_does_not_block(tmp_path):
    source = make_folder(tmp_path / "source", KAGGLE)
    (source / "train/dog.5.jpg").unlink()
    os.mkfifo(source / "train/dog.5.jpg")
    prepared = prepare_cats_vs_dogs(source, tmp_path / "pets", **SIZES)
    assert list(prepared.left_out) == ["dog.5.jpg"]


def test_case_51_odd_names_come_on_one_line(tmp_path, refused):
    files = KAGGLE | {"a\nb/dog.7.jpg": picture(99)}
    refused(make_folder(tmp_path / "source", files), r"twice: 'a\\nb/dog\.7\.jpg'")


# The disk and other processes -----------------------------------------------------------------


@pytest.mark.parametrize("name", ["file", "file/in/it"])
def test_a_file_where_the_folder_should_be_is_named(tmp_path, name):
    (tmp_path / "file").write_text("precious")
    archive = make_zip(tmp_path / "a.zip", KAGGLE)
    with pytest.raises(OSError, match=r"file exists, but|it cannot be made \(Not a dir"):
        prepare_cats_vs_dogs(archive, tmp_path / name, train=6, test=3)
    assert (tmp_path / "file").read_text() == "precious"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT])
def test_cases_26_and_27_a_full_or_read_only_disk_is_said_and_nothing_is_left(
    tmp_path, monkeypatch, refused, number
):
    archive = make_zip(tmp_path / "a.zip", KAGGLE)
    really_write = Path.write_bytes

    def write(path, content):
        if path.name == "dog.7.jpg":
            raise OSError(number, os.strerror(number))
        return really_write(path, content)

    monkeypatch.setattr(Path, "write_bytes", write)
    refused(archive, rf"out cannot be made \({os.strerror(number)}\); take a folder with room")


def test_a_file_that_may_not_be_read_is_named_and_the_target_is_not_blamed(
    tmp_path, monkeypatch, refused
):
    source = make_folder(tmp_path / "source", KAGGLE)
    really_open = Path.open

    def forbid(path, *rest, **more):
        if path.name == "dog.7.jpg" and rest == ("rb",):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return really_open(path, *rest, **more)

    monkeypatch.setattr(Path, "open", forbid)
    refused(source, r"'train/dog\.7\.jpg' of .*source cannot be read now \(Permission denied\)")


SLOWLY = """
import sys, time
from cnnbook.datasets import cats_vs_dogs_archive as archive
def check(content):
    print("one", flush=True)
    time.sleep(0.2)
    return ""
archive._why_unreadable = check
archive.prepare_cats_vs_dogs(sys.argv[1], sys.argv[2], train=6, test=3)
"""


@pytest.mark.slow
def test_case_28_killed_while_preparing_the_next_run_succeeds(tmp_path):
    archive, target = make_zip(tmp_path / "a.zip", KAGGLE), tmp_path / "pets"
    command = [sys.executable, "-c", SLOWLY, str(archive), str(target)]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert [first.stdout.readline() for _ in range(4)] == ["one\n"] * 4
    first.send_signal(signal.SIGKILL)
    first.communicate(timeout=60)
    assert not target.exists()
    (left,) = tmp_path.glob(".pets.incomplete-*")
    assert prepare_cats_vs_dogs(archive, target, **SIZES).counts == COUNTS
    assert left.is_dir()  # of today: it may be another process at work
    shutil.rmtree(target)
    os.utime(left, times=(time.time() - 2 * 86400,) * 2)
    prepare_cats_vs_dogs(archive, target, **SIZES)
    assert {path.name for path in tmp_path.iterdir()} == {"a.zip", "pets"}


def test_case_29_of_two_at_once_both_succeed(tmp_path, monkeypatch):
    archive, target = make_zip(tmp_path / "a.zip", KAGGLE), tmp_path / "pets"
    really_write = cats_vs_dogs_archive._write_photos
    results = []

    def let_the_other_be_faster(*arguments):
        really_write(*arguments)
        monkeypatch.setattr(cats_vs_dogs_archive, "_write_photos", really_write)
        results.append(prepare_cats_vs_dogs(archive, target, **SIZES))

    monkeypatch.setattr(cats_vs_dogs_archive, "_write_photos", let_the_other_be_faster)
    results.append(prepare_cats_vs_dogs(archive, target, **SIZES))
    assert results == [(target, COUNTS, {})] * 2
    assert content_of(target) == WANTED
    assert {path.name for path in tmp_path.iterdir()} == {"a.zip", "pets"}


# Arguments ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sizes", [{"train": 0}, {"test": 0}, {"train": -3}, {"train": 12_101}, {"test": 10**30}]
)
def test_numbers_below_one_are_an_error(tmp_path, sizes):
    with pytest.raises(ValueError, match="`train` and `test` must be at least 1; got"):
        prepare_cats_vs_dogs(tmp_path / "a.zip", tmp_path / "pets", **sizes)


def test_a_missing_source_is_named_with_what_to_give(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.zip does not exist; give Kaggle's train"):
        prepare_cats_vs_dogs(tmp_path / "none.zip", tmp_path / "new" / "pets")
    assert not (tmp_path / "new").exists()


def test_the_report_beside_the_photos_is_for_people_too(tmp_path):
    prepare_cats_vs_dogs(make_zip(tmp_path / "a.zip", KAGGLE), tmp_path / "pets", **SIZES)
    report = json.loads((tmp_path / "pets/prepared.json").read_text())
    assert report == {"train": 6, "test": 3, "counts": COUNTS, "left_out": {}}


def test_photos_with_endings_that_browsers_give_are_taken(tmp_path):
    """They hold JPEG, and are called .jpg in the folder that is made."""
    source = make_folder(tmp_path / "source", KAGGLE)
    (source / "train" / "cat.0.jpg").rename(source / "train" / "cat.0.jfif")
    prepared = prepare_cats_vs_dogs(source, tmp_path / "out", train=6, test=3)
    assert prepared.left_out == {}
    assert (tmp_path / "out" / "train" / "cat" / "cat.0.jpg").is_file()


def test_too_little_memory_is_no_fault_of_a_photo(tmp_path, monkeypatch):
    source = make_folder(tmp_path / "source", KAGGLE)

    def refuse(content, as_a_dot):
        raise MemoryError

    monkeypatch.setattr(cats_vs_dogs_archive, "load_picture", refuse)
    with pytest.raises(MemoryError):
        prepare_cats_vs_dogs(source, tmp_path / "out", train=6, test=3)
    assert not (tmp_path / "out").exists()


def test_wrong_numbers_are_refused_before_any_place_is_looked_at(monkeypatch):
    monkeypatch.setenv("CNNBOOK_DATA", "~no-such-user/data")
    with pytest.raises(ValueError, match="`train` and `test` must be at least 1"):
        prepare_cats_vs_dogs("nowhere.zip", train=0)
