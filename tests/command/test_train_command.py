"""The command `cnnbook train`: what it starts, and what it refuses."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cnnbook.command.main import app

CLUSTER = Path(__file__).parents[2] / "docs" / "cluster"
command = importlib.import_module("cnnbook.command.train")


@pytest.fixture
def run():
    return lambda *words: CliRunner().invoke(app, ["train", *map(str, words)])


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "train.py"
    path.write_text("import sys; print('heard', *sys.argv[1:]); sys.exit('fail' in sys.argv)")
    return path


def test_options_stand_anywhere_and_words_of_the_script_behind_two_strokes(run, script):
    result = run(script, "a", "-n", "2", "--restarts", "1", "--", "--epochs")
    assert result.exit_code == 0
    assert sorted(result.stdout.splitlines()) == ["[0] heard a --epochs", "[1] heard a --epochs"]
    result = run(script, "fail", "--restarts", "1")
    assert (result.exit_code, result.stdout) == (1, "[0] heard fail\n" * 2)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["missing.py"], "missing.py is no file. Name a script of Python."),
        (["train.py", "-n", "0"], "`size` must be 1 to 1,024"),
        (["train.py", "--restarts", "-1"], "`restarts` 0 or more"),
        (["train.py", "--engine", "rey"], "There is no engine 'rey'. Did you mean 'ray'?"),
    ],
)
def test_what_cannot_be_trained_is_one_line(run, script, monkeypatch, words, said):
    monkeypatch.chdir(script.parent)
    result = subprocess.run(
        [sys.executable, "-c", "from cnnbook.command.main import main; main()", "train", *words],
        capture_output=True,
        text=True,
    )
    assert (result.returncode, result.stdout) == (1, "")
    assert said in result.stderr and result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("lacks", "extra", "words"), [("jax", "cluster", []), ("ray", "ray", ["--engine", "ray"])]
)
def test_a_missing_package_is_one_line_with_its_extra(
    run, script, monkeypatch, lacks, extra, words
):
    find = lambda name: None if name == lacks else object()  # noqa: E731
    monkeypatch.setattr("cnnbook.command._say.find_spec", find)
    result = run(script, *words)
    assert result.exit_code == 1
    assert result.stderr == f"This needs {lacks}: pip install 'cnnbook[{extra}]'\n"


def test_under_ray_it_hands_on_what_it_was_told(run, script, monkeypatch):
    given = []
    monkeypatch.setattr("cnnbook.command._say.find_spec", lambda name: object())
    monkeypatch.setattr(command, "launch_on_ray", lambda *words: given.append(words) or 3)
    assert run(script, "a", "--engine", "ray", "--workers", "4", "--restarts", "1").exit_code == 3
    assert given == [(script, ["a"], 4, 1)]


def test_the_command_imports_neither_keras_nor_jax():
    code = (
        "import sys, cnnbook.command.train; print({'tensorflow', 'keras', 'jax'} & {*sys.modules})"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout == "set()\n"


def test_the_batch_file_of_slurm_has_what_it_needs():
    """As sbatch reads it: options before the first command."""
    text = (CLUSTER / "job.sbatch").read_text()
    subprocess.run(["bash", "-n", CLUSTER / "job.sbatch"], check=True)
    assert text.startswith("#!/bin/bash\n#SBATCH ")
    head, _, body = text.partition("\n\n")
    options = dict(re.findall(r"^#SBATCH --([\w-]+)=(\S+)", head, re.MULTILINE))
    assert int(options["ntasks-per-node"]) * int(options["nodes"]) > 1
    assert "requeue" in head and "#SBATCH" not in body
    assert "export KERAS_BACKEND=jax" in body
    [step] = re.findall(r"^srun (.*)$", body, re.MULTILINE)
    assert step == "--kill-on-bad-exit=1 python train.py"
    assert (CLUSTER / step.split()[-1]).is_file()


@pytest.mark.slow
def test_the_example_trains_in_two_processes_and_goes_on(tmp_path):
    code = "from cnnbook.command.main import main; main()"
    words = [sys.executable, "-c", code, "train", CLUSTER / "train.py", "-n", "2"]
    told = {"cwd": tmp_path, "capture_output": True, "text": True}
    first = subprocess.run(words, **told)
    assert first.returncode == 0, first.stderr
    assert first.stdout.count("[0] Epoch ") == 2 and "[1] Epoch" not in first.stdout
    [accuracy] = re.findall(r"\[0\] Test accuracy: (\S+)", first.stdout)
    assert float(accuracy) > 0.85
    assert {path.name for path in (tmp_path / "runs" / "first").iterdir()} >= {
        *("training.state", "model.keras")
    }
