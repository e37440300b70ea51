"""`cnnbook doctor`: what is here, what is missing, what to do."""

import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from cnnbook.command.main import app


@pytest.fixture
def run():
    return lambda *words: CliRunner().invoke(app, list(words))


@pytest.mark.slow
def test_doctor_names_versions_devices_and_data(run, monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    shown = run("doctor").output
    for words in ("tensorflow 2", "CPU:", "GPU", "mnist: MNIST from", "prepare cifar10"):
        assert words in shown


def test_doctor_says_when_cnnbook_data_names_no_folder(run, monkeypatch, tmp_path):
    monkeypatch.setenv("CNNBOOK_DATA", str(tmp_path / "nowhere"))
    assert "CNNBOOK_DATA names a folder that does not exist" in run("data", "verify").output


@pytest.fixture
def few(monkeypatch):
    """Ask for nothing that takes time."""
    monkeypatch.setattr("cnnbook.command.doctor._ask_devices", lambda: "CPU: one")
    monkeypatch.setattr("cnnbook.command.doctor.report_data", list)


@pytest.mark.parametrize(
    ("said", "found", "advice"),
    [
        ('{"image_data_format": "channels_first"}', "channels_first (", "channels_last: say so in"),
        ('{"floatx": "float16"}', "floatx of Keras: float16 (", "for floatx float32: say so in"),
        ('{"backend": "tensorfow"}', "Keras: Keras' backend must be", "says 'tensorfow'. Change"),
        ('{"backend": ', "keras.json is no JSON)", "mend or delete keras.json"),
    ],
)
def test_doctor_names_what_keras_is_told(run, few, monkeypatch, tmp_path, said, found, advice):
    (tmp_path / "keras.json").write_text(said)
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    shown = run("doctor").output
    before, after = shown.split("What to do")
    assert found in before and f"KERAS_HOME={tmp_path}" in before
    assert advice in after


def test_doctor_names_other_settings_that_chapters_feel(run, few, monkeypatch, tmp_path):
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.setenv("LC_ALL", "xx_XX.UTF-8")
    monkeypatch.setenv("HOME", str(tmp_path / "nowhere"))
    shown = run("doctor").output
    assert "  MPLBACKEND=agg\n" in shown and "nowhere cannot be written" in shown
    assert "LC_ALL or LANG names is not installed" in shown and "set HOME to a folder" in shown


@pytest.mark.slow
@pytest.mark.parametrize("words", [["copy"], ["models"], ["summary", "lenet5"]])
def test_a_backend_that_is_misspelt_is_one_line_where_one_is_needed(words):
    code = "from cnnbook.command.main import main; main()"
    run = subprocess.run(
        [sys.executable, "-c", code, *words],
        env={**os.environ, "KERAS_BACKEND": "tensorfow"},
        capture_output=True,
        text=True,
    )
    is_needed = words[0] == "summary"
    assert run.returncode == is_needed
    assert ("the variable KERAS_BACKEND says 'tensorfow'" in run.stderr) == is_needed
    assert "Traceback" not in run.stderr
