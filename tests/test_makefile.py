"""The two commands fail with one clear line when something is missing."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def make(tmp_path):
    """Run make in an empty copy of the project that has no .venv."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    outer = {"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "PYTHON"}  # of the make that runs these tests
    environment = {name: value for name, value in os.environ.items() if name not in outer}
    return lambda *words: subprocess.run(
        ["make", *words], cwd=tmp_path, env=environment, capture_output=True, text=True
    )


def python_that(tmp_path: Path, code: str) -> str:
    """Write a program that stands in for Python and does only what the code says."""
    program = tmp_path / "python-stand-in"
    program.write_text(f"#!/bin/sh\n{code}\n")
    program.chmod(0o755)
    return f"PYTHON={program}"


def test_make_alone_lists_the_targets(make):
    listed = [line.split()[1] for line in make().stdout.splitlines()]
    assert listed == [
        *("help", "setup", "book", "pdf", "check", "test", "test-long", "test-lowest"),
        *("test-backends", "lab", "notebooks", "claims", "data", "bench", "clean"),
    ]


@pytest.mark.parametrize("target", ["book", "test"])
def test_without_python_one_line_says_what_to_do(make, target):
    run = make(target, "PYTHON=no-such-python")
    assert run.returncode != 0
    [line] = (run.stdout + run.stderr).strip().splitlines()
    assert "no-such-python is missing or is not Python 3.11 to 3.13" in line
    assert f"make {target} PYTHON=/its/path" in line


@pytest.mark.parametrize("words", [("-n", "test"), ("test", "-n"), ("--dry-run", "-k", "check")])
def test_to_ask_what_would_be_done_does_nothing(make, tmp_path, words):
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "kept").touch()
    run = make(*words, python_that(tmp_path, f"touch {tmp_path}/called"))
    assert run.returncode == 0
    assert "-m venv --clear .venv" in run.stdout
    assert (tmp_path / ".venv" / "kept").exists()
    assert not (tmp_path / "called").exists()


def test_an_old_python_is_refused_in_one_line(make, tmp_path):
    run = make("test", python_that(tmp_path, "exit 0"))
    [line] = (run.stdout + run.stderr).strip().splitlines()
    assert "not Python 3.11 to 3.13" in line


def test_a_python_without_venv_says_which_package_it_needs(make, tmp_path):
    run = make("test", python_that(tmp_path, 'case "$2" in *version*) echo 1;; *) exit 1;; esac'))
    [line] = (run.stdout + run.stderr).strip().splitlines()
    assert "python3-venv" in line


def test_a_failed_installation_says_so_last(make, tmp_path):
    code = (
        'case "$2" in *import*) echo 1;; venv) mkdir -p .venv/bin;'
        ' printf "#!/bin/sh\\necho no network >&2\\nexit 1\\n" > .venv/bin/pip;'
        " chmod +x .venv/bin/pip;; esac"
    )
    run = make("test", python_that(tmp_path, code))
    assert run.returncode != 0
    *_, said, last = run.stderr.strip().splitlines()
    assert said == "no network"
    assert "pip could not install the packages" in last
    assert not (tmp_path / ".venv" / "ready").exists()
