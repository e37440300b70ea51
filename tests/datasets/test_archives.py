"""Archives: cases 1 to 4 and 19 to 26 of the bad data. Good ones are unpacked, all or nothing."""

import errno
import gzip
import io
import os
import posixpath
import stat
import struct
import tarfile
import unicodedata
import zipfile
from pathlib import Path, PureWindowsPath

import pytest

from cnnbook.datasets import archives
from cnnbook.datasets.archives import UnsafeArchiveError, extract_archive, read_gzip

FILES = {"train/cat/1.jpg": b"cat" * 50, "train/dog/2.jpg": b"dog" * 70, "README": b""}


def make_zip(path, files=FILES):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name) if isinstance(name, str) else name
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    return path


def make_tar(path, files=FILES, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.size = len(content) if info.isreg() else 0
            archive.addfile(info, io.BytesIO(content))
    return path


def tar_entry(name, kind, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def content_of(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def refused(tmp_path, unchanged):
    """Check that an archive is refused with these words, and that nothing is left."""

    def check(archive, words, kind=UnsafeArchiveError):
        with unchanged(tmp_path), pytest.raises(kind, match=words) as caught:
            extract_archive(archive, tmp_path / "out")
        assert Path(archive).stem in str(caught.value)
        assert "\n" not in str(caught.value)

    return check


# Good ones ------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [make_zip, make_tar, lambda path: make_tar(path, mode="w")])
def test_a_good_archive_is_unpacked_whole_and_nothing_else_is_left(tmp_path, make):
    archive = make(tmp_path / "archive")
    assert extract_archive(archive, tmp_path / "new" / "out") == tmp_path / "new" / "out"
    assert content_of(tmp_path / "new" / "out") == FILES
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["out"]


def test_folders_dots_and_odd_names_are_fine(tmp_path):
    files = {"./": b"", "./a/": b"", "./a/ü 'q\".txt": b"1", "b..c/...": b"2", "日本/x\ny": b"3"}
    archive = make_zip(tmp_path / "a.zip", files)
    extract_archive(archive, tmp_path / "out")
    assert sorted(content_of(tmp_path / "out").values()) == [b"1", b"2", b"3"]
    with tarfile.open(tmp_path / "b.tar", "w") as file:
        file.add(tmp_path / "out", ".")
    extract_archive(tmp_path / "b.tar", tmp_path / "again")
    assert content_of(tmp_path / "again") == content_of(tmp_path / "out")


def test_permissions_of_the_archive_are_not_taken_over(tmp_path):
    info = zipfile.ZipInfo("run.sh")
    info.external_attr = (stat.S_IFREG | 0o4777) << 16
    extract_archive(make_zip(tmp_path / "a.zip", {info: b"x"}), tmp_path / "out")
    assert (tmp_path / "out/run.sh").stat().st_mode & 0o7111 == 0


def test_an_existing_folder_is_left_alone(tmp_path, refused):
    (tmp_path / "out").mkdir()
    refused(make_zip(tmp_path / "out.zip"), "out exists already", FileExistsError)


def test_read_gzip_returns_the_content(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"content"))
    assert read_gzip(tmp_path / "a.gz") == b"content"


# Damage ---------------------------------------------------------------------------------------


GZIP_DAMAGE = {
    "case_1_cut_short": (lambda c: c[:-9], "ended before the end-of-stream marker"),
    "case_2_html": (lambda c: b"<html>404</html>", "Not a gzipped file.*looks like an HTML page"),
    "case_3_wrong_crc": (lambda c: c[:-8] + b"1234" + c[-4:], "CRC check failed"),
    "case_3_garbage_after": (lambda c: c + b"garbage", "Not a gzipped file"),
    "case_4_empty": (lambda c: b"", r"is empty \(0 bytes\)"),
}


@pytest.mark.parametrize("case", GZIP_DAMAGE)
def test_a_damaged_gz_is_named(tmp_path, case, unchanged):
    spoil, words = GZIP_DAMAGE[case]
    path = tmp_path / "file.gz"
    path.write_bytes(spoil(gzip.compress(os.urandom(5000))))
    if case == "case_4_empty":
        assert gzip.decompress(path.read_bytes()) == b""  # the standard library accepts it
    else:
        with pytest.raises((EOFError, gzip.BadGzipFile)):
            gzip.decompress(path.read_bytes())
    with unchanged(tmp_path), pytest.raises(OSError, match=f"file.gz.*{words}"):
        read_gzip(path)


@pytest.mark.parametrize("case", GZIP_DAMAGE)
def test_case_23_a_damaged_tar_gz_leaves_nothing(tmp_path, case, refused):
    archive = make_tar(tmp_path / "a.tar.gz", {"1": os.urandom(200_000), "2": b"x"})
    archive.write_bytes(GZIP_DAMAGE[case][0](archive.read_bytes()))
    if case != "case_4_empty":
        with pytest.raises((EOFError, gzip.BadGzipFile)):
            gzip.decompress(archive.read_bytes())
    refused(archive, "damaged|empty", OSError)


def test_case_23_a_truncated_zip_leaves_nothing(tmp_path, refused):
    archive = make_zip(tmp_path / "a.zip")
    archive.write_bytes(archive.read_bytes()[:-30])
    assert not zipfile.is_zipfile(archive)
    refused(archive, "damaged, cut short or no archive", OSError)


def test_case_22_a_wrong_crc_of_a_late_member_leaves_no_early_ones(tmp_path, refused):
    archive = make_zip(tmp_path / "a.zip", {f"d/{i}.bin": os.urandom(3000) for i in range(4)})
    content = bytearray(archive.read_bytes())
    content[content.index(b"d/3.bin") + 200] ^= 255
    archive.write_bytes(content)
    with zipfile.ZipFile(archive) as file:
        assert file.testzip() == "d/3.bin"
    refused(archive, "damaged.*(Bad CRC-32|invalid|Error -3).*Get it again", OSError)


def test_a_missing_archive_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="none.zip is no file that exists"):
        extract_archive(tmp_path / "none.zip", tmp_path / "out")


# Harm -----------------------------------------------------------------------------------------


EVIL = ["../../evil", "/evil", "a/../../evil", "a/..", "C:\\evil", "..\\evil", "C:evil", "a//b"]


@pytest.mark.parametrize("name", EVIL)
@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_case_19_a_name_that_leaves_the_folder_refuses_the_whole(tmp_path, refused, make, name):
    archive = make(tmp_path / "archive", {"good": b"1", name: b"2"})
    with (zipfile.ZipFile if make is make_zip else tarfile.open)(archive) as file:
        names = file.namelist() if make is make_zip else file.getnames()
    assert name in names  # the writer did not clean it
    windows = PureWindowsPath(name)
    leaves = posixpath.normpath(name).startswith(("/", "..")) or windows.drive
    assert leaves or ".." in windows.parts or name == "a//b"
    refused(archive, "leaves the folder or is no name")


LINKS = {
    "case_20_link_outside": [("d", tarfile.SYMTYPE, ".."), ("d/evil", tarfile.REGTYPE, "")],
    "case_20_link_and_file_through_it": [
        ("d", tarfile.SYMTYPE, "."),
        ("d/file", tarfile.REGTYPE, ""),
    ],
    "case_20_hard_link_outside": [("passwd", tarfile.LNKTYPE, "/etc/passwd")],
    "case_25_device": [("null", tarfile.CHRTYPE, "")],
    "case_25_fifo": [("pipe", tarfile.FIFOTYPE, "")],
    "case_25_block_device": [("disk", tarfile.BLKTYPE, "")],
}


@pytest.mark.parametrize("case", LINKS)
def test_links_and_devices_in_a_tar_refuse_the_whole(tmp_path, refused, case):
    members = {tar_entry(*entry): b"x" for entry in LINKS[case]}
    archive = make_tar(tmp_path / "a.tar.gz", {"good": b"1"} | members)
    with tarfile.open(archive) as file:
        assert not all(info.isreg() for info in file)
    refused(archive, "is a link, a device or a sparse file")


def test_case_20_a_link_in_a_zip_refuses_the_whole(tmp_path, refused):
    info = zipfile.ZipInfo("link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    archive = make_zip(tmp_path / "a.zip", {"good": b"1", info: b"/etc/passwd"})
    with zipfile.ZipFile(archive) as file:
        assert stat.S_ISLNK(file.getinfo("link").external_attr >> 16)
    refused(archive, "'link' is a link or a device")


def test_case_25_an_encrypted_member_refuses_the_whole(tmp_path, refused):
    archive = make_zip(tmp_path / "a.zip", {"secret": b"1"})
    content = bytearray(archive.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\1\2") + 8] |= 1
    archive.write_bytes(content)
    with zipfile.ZipFile(archive) as file, pytest.raises(RuntimeError, match="password"):
        file.read("secret")
    refused(archive, "'secret' is encrypted")


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_case_21_a_bomb_is_refused_by_what_it_declares(tmp_path, refused, make):
    archive = make(tmp_path / "bomb", {"1": b"x", "zeros": bytes(30 * 2**20)})
    assert archive.stat().st_size * 100 < 30 * 2**20
    refused(archive, "it unpacks to 31,457,281 bytes; for its size 10,485,760 are allowed")


def test_case_21_a_bomb_that_lies_about_its_size_is_refused_by_what_comes_out(tmp_path, refused):
    """Through the stream: the header of a tar is true for tarfile, but packs 30 MB of zeros."""
    archive = tmp_path / "bomb.tar.gz"
    plain = make_tar(tmp_path / "plain.tar", {"1": b"x"}, mode="w").read_bytes()
    archive.write_bytes(gzip.compress(plain + bytes(30 * 2**20)))
    with tarfile.open(archive) as file:
        assert sum(info.size for info in file) == 1
    assert len(gzip.decompress(archive.read_bytes())) > 30 * 2**20 > 100 * archive.stat().st_size
    refused(archive, "unpacks to more than is allowed")


def test_case_21_a_zip_that_declares_less_than_it_holds_is_refused(tmp_path, refused):
    archive = make_zip(tmp_path / "a.zip", {"zeros": bytes(100_000)})
    content = bytearray(archive.read_bytes())
    for at in (22, content.index(b"PK\1\2") + 24):
        assert struct.unpack_from("<I", content, at) == (100_000,)
        struct.pack_into("<I", content, at, 10)
    archive.write_bytes(content)
    with zipfile.ZipFile(archive) as file, pytest.raises(zipfile.BadZipFile):
        file.read("zeros")
    refused(archive, "damaged", OSError)


def test_case_21_many_tiny_members_are_refused(tmp_path, refused, monkeypatch):
    monkeypatch.setattr(archives, "MAX_MEMBERS", 50)
    for make in (make_zip, make_tar):
        archive = make(tmp_path / "many", {str(i): b"" for i in range(51)})
        with (zipfile.ZipFile if make is make_zip else tarfile.open)(archive) as file:
            assert len(file.namelist() if make is make_zip else file.getnames()) > 50
        refused(archive, "it has 51 members or more; the limit is 50")
        archive.unlink()


def test_case_21_an_archive_in_an_archive_stays_packed(tmp_path):
    inner = make_zip(tmp_path / "inner.zip").read_bytes()
    extract_archive(make_zip(tmp_path / "outer.zip", {"inner.zip": inner}), tmp_path / "out")
    assert content_of(tmp_path / "out") == {"inner.zip": inner}


@pytest.mark.parametrize(
    "names",
    [("a.jpg", "a.jpg"), ("a.jpg", "A.JPG"), ("é", "e\u0301"), ("a", "a/b"), ("a/b", "A")],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_case_24_names_that_are_one_on_some_disk_refuse_the_whole(tmp_path, refused, names):
    def top(name):  # one and the same file at the top, on a disk that takes a and A for one
        return unicodedata.normalize("NFC", name).casefold().partition("/")[0]

    tar = make_tar(tmp_path / "a.tar.gz", {tarfile.TarInfo(name): b"x" for name in names})
    with tarfile.open(tar) as file:
        assert len({top(name) for name in file.getnames()}) == 1
    refused(tar, "is there twice")
    packed = make_zip(tmp_path / "a.zip", {zipfile.ZipInfo(name): b"x" for name in names})
    with zipfile.ZipFile(packed) as file:
        assert len({top(name) for name in file.namelist()}) == 1
    refused(packed, "is there twice")


def test_a_name_longer_than_a_file_system_takes_is_refused(tmp_path, refused):
    refused(make_zip(tmp_path / "a.zip", {"x" * 256: b"1"}), "is longer than 255 bytes")


def test_case_26_a_full_disk_leaves_nothing(tmp_path, monkeypatch, unchanged):
    archive = make_zip(tmp_path / "a.zip")
    really_open = Path.open

    def on_a_full_disk(path, mode="r", *rest, **more):
        if "x" in mode and path.name == "2.jpg":
            raise OSError(errno.ENOSPC, "No space left on device")
        return really_open(path, mode, *rest, **more)

    monkeypatch.setattr(Path, "open", on_a_full_disk)
    with pytest.raises(OSError, match="No space left"):
        (tmp_path / "2.jpg").open("xb")
    words = rf"28\] {tmp_path} has no room for what {archive} holds"
    with unchanged(tmp_path), pytest.raises(OSError, match=words):
        extract_archive(archive, tmp_path / "out")
