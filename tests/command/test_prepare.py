"""`cnnbook data prepare`: what a reader sees who has an archive; downloads are in test_main.py."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from cnnbook.command.main import app


@pytest.fixture(autouse=True)
def nothing_here(monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "no_tfds"))
    monkeypatch.setenv("CNNBOOK_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def prepare():
    return lambda *words: CliRunner().invoke(app, ["data", "prepare", *map(str, words)])


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """1,400 photos of each class, as in Microsoft's archive: one of them is corrupt."""
    stream = io.BytesIO()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(stream, "JPEG")
    path = tmp_path_factory.mktemp("archive") / "pets.zip"
    with zipfile.ZipFile(path, "w") as file:
        for label in ("Cat", "Dog"):
            for number in range(1400):
                corrupt = (label, number) == ("Cat", 666)
                content = b"" if corrupt else stream.getvalue()
                file.writestr(f"PetImages/{label}/{number}.jpg", content)
    return path


@pytest.mark.slow
def test_an_archive_becomes_a_folder_where_it_is_looked_for(prepare, archive, tmp_path):
    for _ in range(2):  # again without harm
        result = prepare("cats_vs_dogs", archive)
        assert result.exit_code == 0, result.output
        assert result.output.splitlines() == [
            f"{tmp_path}/cache/cats_vs_dogs: train/cat 999, train/dog 1,000, test/cat 400,"
            " test/dog 400; 1 left out",
            "  left out: 'PetImages/Cat/666.jpg' (known to be corrupt: 0 bytes)",
            # One photo 1,999 times: equal ones stay together, so none is for validation.
            "Cats and dogs from the cache: 1,999 training, 0 validation and 800 test photos.",
        ]


@pytest.mark.slow
def test_the_folder_of_the_variable_comes_before_the_cache(prepare, archive, tmp_path, monkeypatch):
    monkeypatch.setenv("CNNBOOK_DATA", str(tmp_path / "data"))
    assert "Cats and dogs from CNNBOOK_DATA/cats_vs_dogs" in prepare("cats_vs_dogs", archive).output
    assert (tmp_path / "data/cats_vs_dogs/train/cat/cat.0.jpg").is_file()
    assert not (tmp_path / "cache").exists()


@pytest.mark.slow
def test_another_folder_may_be_named(prepare, archive, tmp_path):
    result = prepare("cats_vs_dogs", archive, "--to", tmp_path / "pets")
    assert result.exit_code == 0, result.output
    assert f"{tmp_path}/pets: train/cat 999" in result.output
    assert {path.name for path in tmp_path.iterdir()} == {"pets"}


def test_a_bad_archive_is_one_line_and_status_1(prepare, tmp_path):
    (tmp_path / "bad.zip").write_bytes(b"<html>")
    result = prepare("cats_vs_dogs", tmp_path / "bad.zip")
    assert result.exit_code == 1
    assert "bad.zip cannot be read: File is not a zip file. Give Kaggle's" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["cats_vs_dogs", "flowers"])
def test_without_an_archive_it_says_how_to_get_one(prepare, name):
    result = prepare(name)
    assert result.exit_code == 1
    assert "nowhere to be found" in result.stderr and "  1. " in result.stderr


@pytest.mark.parametrize("words", [["mnist", "a.zip"], ["cats_vs_dogs", "--to", "x"]])
def test_an_archive_or_a_folder_that_does_not_fit_is_an_error(prepare, words):
    result = prepare(*words)
    assert result.exit_code == 1
    assert "cnnbook data prepare cats_vs_dogs train.zip --to FOLDER" in result.stderr
