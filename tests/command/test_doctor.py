"""`cnnbook doctor`: what is here, what is missing, what to do."""

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
