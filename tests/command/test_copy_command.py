"""`cnnbook copy`: what a reader sees. What is copied, and how, is in tests/book/test_copy.py."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from cnnbook.command.main import app


@pytest.fixture
def copy():
    return lambda *words: CliRunner().invoke(app, ["copy", *map(str, words)])


def test_alone_it_lists_what_there_is_by_room(copy):
    lines = copy().output.splitlines()
    assert lines[lines.index("explain") + 3].split(maxsplit=1) == [
        "grad_cam",
        "Which part of a picture raised the score of a class?",
    ]
    assert "book" in lines and "command" not in lines
    assert not any(line.split()[0].startswith("_") for line in lines)


def test_a_file_stands_alone_and_a_line_says_what_to_install(copy, tmp_path):
    result = copy("arithmetic", "--to", tmp_path / "mine")
    assert result.exit_code == 0, result.output
    module, tests = result.output.splitlines()
    assert module == f"{tmp_path}/mine/arithmetic.py: pip install numpy"
    assert tests.startswith(f"{tmp_path}/mine/test_arithmetic.py: pip install ")
    code = "import sys; sys.modules['cnnbook'] = None\n"
    code += "from arithmetic import output_size as f; print(f(5, 3))"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path / "mine", capture_output=True, text=True
    )
    assert ran.stdout == "3\n", ran.stderr


def test_nothing_is_overwritten_without_force(copy, tmp_path):
    (tmp_path / "arithmetic.py").write_text("mine")
    result = copy("arithmetic", "--to", tmp_path)
    assert (result.exit_code, (tmp_path / "arithmetic.py").read_text()) == (1, "mine")
    assert f"this is there already: {tmp_path}/arithmetic.py." in result.stderr
    assert copy("arithmetic", "--to", tmp_path, "--force").exit_code == 0
    assert "def output_size" in (tmp_path / "arithmetic.py").read_text()


def test_an_unknown_name_gets_a_suggestion(copy, tmp_path):
    result = copy("grad_cma", "--to", tmp_path)
    assert result.exit_code == 1
    assert "There is no module 'grad_cma'. Did you mean 'grad_cam'?" in result.stderr
    assert result.stderr.count("\n") == 1
