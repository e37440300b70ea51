"""A chapter finds the same environment, whoever runs it and whatever his settings are."""

import os

import pytest

from cnnbook.book.environment import kernel_environment


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch, tmp_path):
    for name in [*os.environ]:
        if name != "PATH":
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.mark.parametrize(
    ("name", "theirs", "chapters"),
    [
        ("MPLBACKEND", "agg", "module://matplotlib_inline.backend_inline"),
        ("KERAS_BACKEND", "jax", "tensorflow"),
        ("LC_ALL", "xx_YY.UTF-8", "C.UTF-8"),
        ("TF_CPP_MIN_LOG_LEVEL", "0", "3"),
        ("TF_CPP_MAX_VLOG_LEVEL", "5", None),
        ("PYTHONWARNINGS", "error", None),
        ("PYTHONSTARTUP", "mine.py", None),
        ("PYTHONPATH", "there", "there"),
        ("MATPLOTLIBRC", "mine", None),
        ("COLUMNS", "20", None),
        ("NO_COLOR", "1", None),
        ("OMP_NUM_THREADS", "2", "2"),
        ("CNNBOOK_OFFLINE", "1", "1"),
        ("CNNBOOK_QUICK", "1", None),
    ],
)
def test_what_would_change_outputs_is_ours_and_the_rest_the_users(
    monkeypatch, tmp_path, name, theirs, chapters
):
    monkeypatch.setenv(name, theirs)
    assert kernel_environment(True, tmp_path).get(name) == chapters


def test_configuration_files_of_the_user_are_not_read(monkeypatch, tmp_path):
    for name in ("IPYTHONDIR", "KERAS_HOME", "MPLCONFIGDIR"):
        monkeypatch.setenv(name, "/mine")
    found = kernel_environment(True, tmp_path)
    for name in ("IPYTHONDIR", "KERAS_HOME", "MPLCONFIGDIR"):
        assert found[name].startswith(str(tmp_path)), name


@pytest.mark.parametrize("name", ["CNNBOOK_CACHE", "CNNBOOK_DATA", "TFDS_DATA_DIR"])
def test_a_place_of_data_means_the_same_in_the_folder_of_the_chapters(monkeypatch, tmp_path, name):
    monkeypatch.chdir(tmp_path)
    for written, meant in (("~/data", tmp_path / "data"), ("../data", tmp_path / "../data")):
        monkeypatch.setenv(name, written)
        assert kernel_environment(True, tmp_path)[name] == str(meant)
    monkeypatch.setenv(name, "")
    assert name not in kernel_environment(True, tmp_path)


@pytest.mark.parametrize("home", ["/nonexistent", None])
def test_without_a_home_folder_to_write_to_there_is_another(monkeypatch, tmp_path, home):
    monkeypatch.setattr("os.access", lambda *_: False)
    monkeypatch.delenv("HOME") if home is None else monkeypatch.setenv("HOME", home)
    assert kernel_environment(True, tmp_path)["HOME"] == str(tmp_path / "home")


def test_data_in_a_home_folder_that_is_only_read_is_still_found(monkeypatch, tmp_path):
    monkeypatch.setattr("os.access", lambda *_: False)
    (tmp_path / "tensorflow_datasets").mkdir()
    found = kernel_environment(True, tmp_path / "build")
    assert found["TFDS_DATA_DIR"] == str(tmp_path / "tensorflow_datasets")
    assert "CNNBOOK_CACHE" not in found


def test_the_quick_profile_is_offline_and_on_the_data_that_comes_with_the_book(
    monkeypatch, tmp_path
):
    monkeypatch.setenv("CNNBOOK_DATA", "/data")
    quick = kernel_environment(False, tmp_path)
    assert "CNNBOOK_DATA" not in quick
    assert (quick["CNNBOOK_QUICK"], quick["CNNBOOK_OFFLINE"]) == ("1", "1")
