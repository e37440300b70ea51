"""`cnnbook data verify PATH`: what a reader sees, and the exit status a script sees."""

import errno
import gzip
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image
from typer.testing import CliRunner

from cnnbook.command.main import app


@pytest.fixture
def verify():
    def run(*arguments):
        return CliRunner().invoke(app, ["data", "verify", *map(str, arguments)])

    return run


@pytest.fixture
def pets(tmp_path):
    root = tmp_path / "pets"
    random = np.random.default_rng(0)
    for index in range(24):
        part, label = ("train", "test")[index % 2], ("cat", "dog")[index // 2 % 2]
        path = root / part / label / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (40, 40, 3), np.uint8)).save(path)
    return root


def listing(folder):
    return sorted((path, path.lstat().st_mtime_ns) for path in folder.rglob("*"))


def test_good_pictures_give_counts_a_verdict_and_status_0(verify, pets):
    before = listing(pets)
    result = verify(pets)
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "train: 12 (cat 6, dog 6)",
        "test: 12 (cat 6, dog 6)",
        "sizes: 40 to 40 pixels high, 40 to 40 wide",
        "24 items read: this data may be trained on.",
    ]
    assert listing(pets) == before


def test_one_part_alone_is_read_as_one(verify, pets):
    assert "all: 12 (cat 6, dog 6)" in verify(pets / "train").output


def test_bad_pictures_give_their_names_a_verdict_and_status_1(verify, pets):
    (pets / "train/cat/0.png").write_bytes(b"<html>")
    shutil.copy(pets / "train/dog/2.png", pets / "test/dog/2.png")
    before = listing(pets)
    result = verify(pets)
    assert result.exit_code == 1
    for words in (
        "ERROR: unreadable: 1",
        "train/cat/0.png is no picture that can be read",
        "ERROR: the same picture in two parts: 1",
        f"{pets}/train/dog/2.png and {pets}/test/dog/2.png",
        "this data must not be trained on as it is",
    ):
        assert words in result.output
    assert listing(pets) == before


def test_ten_of_a_kind_are_shown_and_all_are_counted(verify, pets):
    for path in (pets / "train").rglob("*.png"):
        path.write_bytes(b"")
    result = verify(pets)
    assert "ERROR: unreadable: 12" in result.output
    assert "... and 2 more (all are in --json)" in result.output
    assert result.output.count("the file is empty") == 10
    report = json.loads(verify(pets, "--json").output)
    assert len(report["errors"]["unreadable"]) == 12


def test_json_says_the_same_for_programs(verify, pets):
    good = verify(pets, "--json")
    assert good.exit_code == 0
    report = json.loads(good.output)
    assert report["may_be_trained_on"] is True
    assert report["counts"]["train"] == {"cat": 6, "dog": 6}
    (pets / "train/cat/0.png").write_bytes(b"")
    bad = verify(pets, "--json")
    assert bad.exit_code == 1
    assert json.loads(bad.output)["unreadable"] == [str(pets / "train/cat/0.png")]


def test_quarantine_moves_what_cannot_be_read_and_says_so(verify, pets, tmp_path):
    (pets / "train/cat/0.png").write_bytes(b"")
    result = verify(pets, "--quarantine", tmp_path / "away")
    assert result.exit_code == 1
    target = tmp_path / "away/train/cat/0.png"
    assert f"moved {pets}/train/cat/0.png to {target}" in result.output
    assert target.read_bytes() == b""
    assert not (pets / "train/cat/0.png").exists()
    assert verify(pets).exit_code == 0


def test_quarantine_overwrites_nothing_and_lies_outside(verify, pets, tmp_path):
    (pets / "train/cat/0.png").write_bytes(b"")
    (tmp_path / "away/train/cat").mkdir(parents=True)
    (tmp_path / "away/train/cat/0.png").write_bytes(b"precious")
    result = verify(pets, "--quarantine", tmp_path / "away")
    assert "is there already; nothing was overwritten. Choose another folder." in result.output
    assert (tmp_path / "away/train/cat/0.png").read_bytes() == b"precious"
    result = verify(pets, "--quarantine", pets / "away")
    assert "must lie outside of" in result.output
    assert (pets / "train/cat/0.png").exists()


def test_empty_classes_links_and_loose_pictures_are_reported_together(verify, pets):
    (pets / "train/fox").mkdir()
    (pets / "train/cat/link.png").symlink_to("/etc/hostname")
    shutil.copy(pets / "test/cat/1.png", pets / "test/loose.png")
    result = verify(pets)
    assert result.exit_code == 1
    for words in ("train: fox", "link that leaves the folder", "lies in no class folder"):
        assert words in result.output
    assert "ERROR: not in the list: 2" in result.output


def test_case_61_classes_that_differ_between_train_and_test_are_an_error(verify, pets):
    (pets / "test/dog").rename(pets / "test/dogs")
    names = [{each.name for each in (pets / part).iterdir()} for part in ("train", "test")]
    assert names[0] != names[1]
    before = listing(pets)
    result = verify(pets)
    assert result.exit_code == 1
    assert "ERROR: other classes than in the first part: 1\n  test: dog, dogs\n" in result.output
    assert listing(pets) == before


@pytest.mark.parametrize("make", [lambda path: path.mkdir(), lambda path: None])
def test_an_empty_or_missing_folder_is_an_error(verify, tmp_path, make):
    make(tmp_path / "none")
    result = verify(tmp_path / "none")
    assert result.exit_code == 1
    assert "holds no pictures" in result.output or "does not exist" in result.output


def test_a_mapping_file_is_read_with_the_problems_of_its_lines(verify, pets):
    path = pets / "map.txt"
    path.write_text("train/cat/0.png\t0\ntrain/dog/2.png\t1\n")
    assert verify(path).exit_code == 0
    path.write_text("train/cat/0.png\t0\ntrain/dog/2.png\t1\nnone.png\t1\n../x.png\t0\n")
    result = verify(path)
    assert result.exit_code == 1
    assert "line 3: there is no file none.png" in result.output
    assert "line 4: ../x.png leaves the folder" in result.output


def test_idx_files_are_read_and_counted(verify, tmp_path):
    images = bytes([0, 0, 8, 3, *(0, 0, 0, 2), *(0, 0, 0, 1), *(0, 0, 0, 1), 7, 9])
    labels = bytes([0, 0, 8, 1, *(0, 0, 0, 2), 1, 0])
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))
    assert verify(tmp_path).exit_code == 0
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels)[:-5])
    result = verify(tmp_path)
    assert result.exit_code == 1
    assert "train-labels-idx1-ubyte.gz is cut short" in result.output
    assert "train: 2 images, 0 labels" in result.output


@pytest.mark.slow
def test_case_31_a_corrupted_record_of_a_tfds_copy_is_found(verify, tmp_path):
    builder = tfds.builder("mnist", data_dir=tmp_path)
    example = {"image": np.zeros((28, 28, 1), np.uint8), "label": 1}
    builder._split_generators = lambda *_: {"train": ((i, example) for i in range(5))}
    offline = tfds.download.DownloadConfig(try_download_gcs=False)
    builder.download_and_prepare(download_config=offline)
    result = verify(tmp_path)
    assert "mnist 3.0.1 train: 5" in result.output
    assert result.exit_code == 0
    record = next(tmp_path.rglob("*.tfrecord*"))
    content = bytearray(record.read_bytes())
    content[60] ^= 255
    record.write_bytes(content)
    with pytest.raises(tf.errors.DataLossError):
        list(tf.data.TFRecordDataset(str(record)))
    before = listing(tmp_path)
    result = verify(tmp_path)
    assert result.exit_code == 1
    assert "DataLossError" in result.output
    assert listing(tmp_path) == before


@pytest.mark.slow
def test_the_progress_bar_is_drawn_on_a_terminal_alone(pets):
    code = "from cnnbook.command.main import main; main()"
    command = [sys.executable, "-c", code, "data", "verify", str(pets)]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.stderr == ""
    master, slave = os.openpty()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=slave, check=True)
    os.close(slave)
    assert b"24 of 24 pictures" in os.read(master, 10_000)
    os.close(master)


def test_the_photos_for_tests_may_be_trained_on(verify, real_data):
    result = verify(real_data / "flowers")
    assert result.exit_code == 0, result.output
    assert "train: 1,000 (daisy 200, dandelion 200, rose 200, sunflower 200, tulip 200)" in (
        result.output
    )


# Parts --------------------------------------------------------------------------------------------


def test_parts_are_told_from_classes_whatever_their_names(verify, pets):
    """And twins in two of them are found, since they are read as parts."""
    (pets / "train").rename(pets / "training_set")
    (pets / "seg_test").mkdir()
    (pets / "test").rename(pets / "seg_test" / "seg_test")
    result = verify(pets)
    assert result.exit_code == 0
    for words in (
        "training_set: 12 (cat 6, dog 6)\nseg_test: 12 (cat 6, dog 6)\n",
        "warning: folders that are parts, not classes: 2\n",
        "24 items read: this data is fit for training, one part at a time.",
    ):
        assert words in result.output
    shutil.copy(pets / "training_set/cat/0.png", pets / "seg_test/seg_test/cat/0.png")
    assert "ERROR: the same picture in two parts: 1" in verify(pets).output


def test_parts_without_classes_and_loose_pictures_are_reported(verify, pets):
    shutil.copy(pets / "test/cat/1.png", pets / "loose.png")
    shutil.move(pets / "test/cat/1.png", pets / "test/1.png")
    shutil.rmtree(pets / "test/cat")
    shutil.rmtree(pets / "test/dog")
    result = verify(pets)
    assert result.exit_code == 1
    for name in ("loose.png", "test/1.png"):
        assert f"{pets}/{name} lies in no class folder" in result.output


def test_an_archive_that_was_unpacked_in_itself_is_read(verify, pets, tmp_path):
    (tmp_path / "data").mkdir()
    pets.rename(tmp_path / "data" / "data")
    result = verify(tmp_path / "data")
    assert "train: 12 (cat 6, dog 6)" in result.output
    assert "warning: the class folders lie deeper: 1" in result.output


# The quarantine and the machine ------------------------------------------------------------------


@pytest.mark.parametrize("words", [("There is not enough memory to read a.png.",), ()])
def test_nothing_is_moved_where_memory_is_short(verify, pets, tmp_path, monkeypatch, words):
    def short(path):
        raise MemoryError(*words)

    monkeypatch.setattr("cnnbook.command._verify.read_image", short)
    (pets / "train/cat/0.png").write_bytes(b"")
    result = verify(pets, "--quarantine", tmp_path / "away")
    assert result.exit_code == 1
    told = "".join(words) or "There is not enough memory."
    assert result.stderr == f"{told} Nothing was moved.\n"
    assert not (tmp_path / "away").exists()


def test_what_cannot_be_read_now_stays_where_it_is(verify, pets, tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("cnnbook.command._verify.read_image", refuse)
    before = listing(pets)
    result = verify(pets, "--quarantine", tmp_path / "away")
    assert result.exit_code == 1
    assert "ERROR: cannot be read now: 24" in result.output
    assert listing(pets) == before


def test_a_picture_is_moved_to_another_disk(verify, pets, tmp_path, monkeypatch):
    really = os.rename

    def rename(source, target):
        if str(source).startswith(str(pets)):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        really(source, target)

    (pets / "train/cat/0.png").write_bytes(b"half")
    monkeypatch.setattr("os.rename", rename)
    assert "moved" in verify(pets, "--quarantine", tmp_path / "away").output
    assert (tmp_path / "away/train/cat/0.png").read_bytes() == b"half"
    assert not (pets / "train/cat/0.png").exists()


def test_a_full_disk_loses_nothing_and_what_was_moved_is_said(verify, pets, tmp_path, monkeypatch):
    for name in ("train/cat/0.png", "train/dog/2.png"):
        (pets / name).write_bytes(b"half")
    really = shutil.move

    def full(source, target):
        if source.name == "2.png":
            target.write_bytes(b"ha")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return really(source, target)

    monkeypatch.setattr("shutil.move", full)
    result = verify(pets, "--quarantine", tmp_path / "away")
    assert result.exit_code == 1
    assert f"moved {pets}/train/cat/0.png to" in result.output
    assert "train/dog/2.png was not moved to" in result.output
    assert "(No space left on device); it stays" in result.output
    assert (pets / "train/dog/2.png").read_bytes() == b"half"
    files = [path for path in (tmp_path / "away").rglob("*") if path.is_file()]
    assert files == [tmp_path / "away/train/cat/0.png"]


def test_a_wrong_quarantine_is_refused_before_anything_is_read(verify, pets, monkeypatch):
    monkeypatch.setattr("cnnbook.command._verify.verify_path", lambda *_, **__: 1 / 0)
    monkeypatch.chdir(pets.parent)
    for wrong in (pets / "away", pets, pets / ".." / "pets", pets.parent, "."):
        result = verify(pets, "--quarantine", wrong)
        assert result.stderr.count("\n") == 1
        assert f"must lie outside of {pets}, and not hold it" in result.stderr


def test_a_file_in_place_of_the_quarantine_is_one_line_and_nothing_is_moved(verify, pets, tmp_path):
    (pets / "train/cat/0.png").write_bytes(b"")
    (tmp_path / "file").write_text("precious")
    result = verify(pets, "--quarantine", tmp_path / "file")
    assert result.stderr.startswith(f"{pets}/train/cat/0.png was not moved to {tmp_path}/file/")
    assert (tmp_path / "file").read_text() == "precious"
    assert (pets / "train/cat/0.png").exists()


# Names and places ---------------------------------------------------------------------------------


def test_idx_files_may_be_unpacked(verify, tmp_path):
    images = bytes([0, 0, 8, 3, *(0, 0, 0, 2), *(0, 0, 0, 1), *(0, 0, 0, 1), 7, 9])
    labels = bytes([0, 0, 8, 1, *(0, 0, 0, 2), 1, 0])
    (tmp_path / "train-images.idx3-ubyte").write_bytes(images)
    (tmp_path / "train-labels-idx1-ubyte(1).gz").write_bytes(gzip.compress(labels))
    result = verify(tmp_path)
    assert result.exit_code == 0
    assert "train-images.idx3-ubyte: 2 (items 2)" in result.output
    (tmp_path / "train-images.idx3-ubyte").write_bytes(images[:-1])
    assert "train-images.idx3-ubyte: its header promises 2 bytes" in verify(tmp_path).output


def test_a_tilde_is_the_home_folder_for_paths_and_variables(verify, pets, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (pets / "train/cat/0.png").write_bytes(b"")
    result = verify("~/pets", "--quarantine", "~/away")
    assert f"moved {pets}/train/cat/0.png to {tmp_path}/away/train/cat/0.png" in result.output
    monkeypatch.setenv("CNNBOOK_DATA", "~/pets")
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    result = verify()
    assert result.exit_code == 0
    assert f"CNNBOOK_DATA: {tmp_path}/pets" in result.output


def test_data_that_may_not_be_read_is_not_called_broken(verify, tmp_path, monkeypatch):
    (tmp_path / "mnist").mkdir()
    monkeypatch.setenv("CNNBOOK_DATA", str(tmp_path))

    def refuse(*_):
        raise PermissionError(13, "Permission denied", "mnist")

    monkeypatch.setattr("cnnbook.datasets.mnist._read_four", refuse)
    result = verify()
    assert result.exit_code == 1
    assert (
        "mnist: cannot be read now: CNNBOOK_DATA/mnist: mnist cannot be used (Permission"
        in result.output
    )
    assert "make the files of mnist readable" in result.stderr


def test_what_a_mapping_file_cannot_be_loaded_for_is_an_error_here_as_well(verify, pets):
    path = pets / "train/map.txt"
    lines = "cat/0.png\t0\ndog/2.png\t2\n"
    for text, words in (("", "it names no picture"), (lines, "no picture has label 1")):
        path.write_text(text)
        result = verify(path)
        assert result.exit_code == 1
        assert words in result.output
    assert (
        "is no UTF-8 text (byte 0), as a mapping file must be"
        in verify(pets / "train/cat/0.png").stderr
    )


def test_idx_files_of_every_set_below_are_counted_pair_by_pair(verify, tmp_path):
    images = bytes([0, 0, 8, 3, *(0, 0, 0, 2), *(0, 0, 0, 1), *(0, 0, 0, 1), 7, 9])
    labels = bytes([0, 0, 8, 1, *(0, 0, 0, 2), 1, 0])
    for start in ("mnist/train", "emnist/emnist-letters-train", "fashion/train"):
        path = tmp_path / start
        path.parent.mkdir()
        path.with_name(f"{path.name}-images-idx3-ubyte").write_bytes(images)
        path.with_name(f"{path.name}-labels-idx1-ubyte").write_bytes(labels)
    result = verify(tmp_path)
    assert (result.exit_code, result.output.splitlines()[-1][:13]) == (0, "6 items read:")
    fewer = bytes([*labels[:7], 1, 1])
    (tmp_path / "emnist/emnist-letters-train-labels-idx1-ubyte").write_bytes(fewer)
    result = verify(tmp_path)
    assert f"{tmp_path}/emnist/emnist-letters-train: 2 images, 1 labels" in result.output
    assert result.exit_code == 1


def test_the_list_of_data_says_what_is_to_be_done(monkeypatch, tmp_path):
    monkeypatch.setenv("CNNBOOK_DATA", str(tmp_path / "nowhere"))
    result = CliRunner().invoke(app, ["data", "list"])
    assert (
        f"  - CNNBOOK_DATA names a folder that does not exist: {tmp_path}/nowhere" in result.output
    )
