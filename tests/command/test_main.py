"""The command line, as a reader meets it."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from cnnbook.command.main import app


@pytest.fixture
def run():
    return lambda *words: CliRunner().invoke(app, list(words))


def test_importing_the_package_and_its_command_line_imports_no_tensorflow_and_no_keras():
    code = "import sys, cnnbook.command.main; print({'tensorflow', 'keras'} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout == "set()\n"


@pytest.mark.parametrize("words", ["", "--help", "data list"])
def test_without_the_extra_cli_one_line_names_it(words):
    code = "import sys; sys.modules['typer'] = None; from cnnbook.command.main import main; main()"
    answer = subprocess.run(
        [sys.executable, "-c", code, *words.split()], capture_output=True, text=True
    )
    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr == "The command cnnbook needs typer: pip install 'cnnbook[cli]'\n"


def test_help_names_every_command(run):
    shown = run("--help").output
    assert all(word in shown for word in ("doctor", "data", "book", "claims", "copy", "study"))


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["docter"], "doctor"),
        (["data", "verfy"], "verify"),
        (["data", "prepare", "cifar-10"], "cifar10"),
    ],
)
def test_a_name_that_is_nearly_right_gets_a_suggestion(run, words, meant):
    result = run(*words)
    assert result.exit_code != 0
    assert f"Did you mean '{meant}'?" in result.output


def test_data_list_says_where_each_set_comes_from(run, monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    shown = run("data", "list").output
    assert "mnist: MNIST from the embedded copy: 7,500 training" in shown
    assert "cifar10: not on this machine" in shown


@pytest.mark.parametrize("reason", ["offline", "no network", "TFDS"])
def test_data_prepare_says_why_only_the_embedded_copy_is_here(run, monkeypatch, tmp_path, reason):
    def unreachable(*_, **__):
        raise OSError("[Errno 101] Network is unreachable")

    def not_found(*_, **__):
        raise ConnectionError("404")

    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    proxies = {"https": "proxy"} if reason == "TFDS" else {}
    monkeypatch.setattr("urllib.request.getproxies", lambda: proxies)
    monkeypatch.setattr("socket.create_connection", unreachable)
    monkeypatch.setattr("tensorflow_datasets.builder", not_found)
    if reason != "offline":
        monkeypatch.delenv("CNNBOOK_OFFLINE")
    result = run("data", "prepare", "mnist")
    assert result.exit_code == 1
    words = {
        "offline": "the variable CNNBOOK_OFFLINE forbids it",
        "no network": "no network: storage.googleapis.com does not answer ([Errno 101] Network is"
        " unreachable)",
        "TFDS": "it failed (ConnectionError: 404)",
    }
    assert result.stderr.splitlines() == [
        "The whole of mnist could not be had: only the embedded copy is here. Tried before:",
        "  - CNNBOOK_DATA/mnist: the variable CNNBOOK_DATA is not set",
        "  - CNNBOOK_DATA/tensorflow_datasets: the variable CNNBOOK_DATA is not set",
        f"  - the prepared TFDS copy: no prepared mnist in {tmp_path}",
        f"  - a download through TFDS: {words[reason]}",
        "Go online, unset CNNBOOK_OFFLINE, and run this again.",
    ]


def test_data_prepare_offline_is_an_error_that_says_what_to_do(run, monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    for name, words in (("mnist", "only the embedded copy"), ("cifar10", "Ways out")):
        result = run("data", "prepare", name)
        assert result.exit_code == 1
        assert words in result.output
