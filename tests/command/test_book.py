"""`cnnbook book` and `cnnbook claims` where something that they need is missing."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cnnbook.command.main import app


@pytest.fixture
def run():
    return lambda *words: CliRunner().invoke(app, list(words))


def test_without_the_repository_the_book_says_where_the_chapters_are(run, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "cnnbook.command._say.__file__", str(tmp_path / "site" / "cnnbook" / "command" / "_say.py")
    )
    result = run("book")
    assert result.exit_code == 1
    assert "clone it" in result.output


@pytest.mark.parametrize("command", ["book", "claims"])
def test_without_the_extra_book_one_line_names_it(run, monkeypatch, tmp_path, command):
    (tmp_path / "notebooks" / "source").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    for package in ("jupytext", "nbclient", "sphinx"):
        monkeypatch.setitem(sys.modules, package, None)
    result = run(command)
    assert result.exit_code == 1
    lacks = "jupytext, nbclient" + ", sphinx" * (command == "book")
    assert result.stderr == f"This needs {lacks}: pip install 'cnnbook[book]'\n"


@pytest.mark.slow
@pytest.mark.parametrize("package", ["jupytext", "nbformat", "nbclient"])
def test_without_the_extra_book_its_modules_say_so_too(package):
    code = f"import sys; sys.modules[{package!r}] = None; import cnnbook.book.build"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    last = answer.stderr.splitlines()[-1]
    assert last == f"ModuleNotFoundError: {package} is missing: pip install 'cnnbook[book]'"


MAIN = [sys.executable, "-c", "from cnnbook.command.main import main; main()"]
CHAPTER = "# %% [markdown]\n# # A chapter\n\n# %%\n{}\n"
SLOW = "import time\n\ntime.sleep(600)"


def start(folder, chapters, *words, **environment):
    (folder / "notebooks" / "source").mkdir(parents=True)
    for name, code in chapters.items():
        source = folder / "notebooks" / "source" / f"{name}.py"
        source.write_text(CHAPTER.format(code), encoding="utf-8")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    environment = {**os.environ, **environment}
    return subprocess.Popen([*MAIN, "book", *words], cwd=folder, env=environment, **pipes)


def kernels(folder):
    """Ids of the processes that work for the chapters of a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_text()
            if "ipykernel" in words and (process / "cwd").resolve() == folder / "notebooks":
                found.append(int(process.name))
    return found


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="asks Linux for processes")
@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGKILL", -9)])
def test_a_signal_in_a_chapter_leaves_what_was_done_one_line_and_no_kernel(tmp_path, name, status):
    run = start(tmp_path, {"01_one": "1 + 1", "02_two": SLOW}, "--update")
    assert "01_one" in run.stdout.readline()
    while not kernels(tmp_path):
        time.sleep(0.1)
    time.sleep(2)
    run.send_signal(signal.Signals[name])
    said, told = run.communicate(timeout=20)
    assert run.returncode == status
    if name != "SIGKILL":
        assert told.startswith("Stopped by") and told.count("\n") == 1
        assert "02_two" in said and "with their outputs: build/failed/02_two.ipynb." in said
        assert "Chapters done: 01_one." in said
    end = time.monotonic() + 10  # a kernel looks every second whether its parent lives
    while kernels(tmp_path) and time.monotonic() < end:
        time.sleep(0.2)
    assert not kernels(tmp_path)
    assert not list(tmp_path.rglob("*.partial"))
    assert (tmp_path / "notebooks" / "01_one.ipynb").exists()


@pytest.mark.slow
def test_the_settings_of_a_user_change_no_chapter(tmp_path):
    home = tmp_path / "home"
    for file, text in {
        ".keras/keras.json": '{"image_data_format": "channels_first", "floatx": "float16"}',
        ".ipython/profile_default/startup/mine.py": "print('mine')",
        ".config/matplotlib/matplotlibrc": "figure.figsize: 1, 1",
        "startup.py": "print('mine')",
    }.items():
        (home / file).parent.mkdir(parents=True, exist_ok=True)
        (home / file).write_text(text)
    code = """\
import keras
import matplotlib.pyplot as plt

plt.plot([1, 2])
plt.show()
print(keras.backend.backend(), keras.config.image_data_format(), keras.config.floatx())
print(tuple(plt.rcParams["figure.figsize"]), "ä")"""
    theirs = {
        **{"HOME": str(home), "MPLBACKEND": "agg", "KERAS_BACKEND": "jax", "MATPLOTLIBRC": "mine"},
        **{"LC_ALL": "xx_YY.UTF-8", "PYTHONSTARTUP": str(home / "startup.py")},
        **{"TF_CPP_MAX_VLOG_LEVEL": "1", "PYTHONWARNINGS": "always"},
        **dict.fromkeys(("IPYTHONDIR", "KERAS_HOME", "MPLCONFIGDIR", "PYTHONUTF8"), ""),
    }
    run = start(tmp_path, {"01_one": code}, "--update", **theirs)
    said, told = run.communicate(timeout=120)
    assert run.returncode == 0, said + told
    kept = (tmp_path / "notebooks" / "01_one.ipynb").read_text(encoding="utf-8")
    assert "tensorflow channels_last float32" in kept and "(6.4, 4.8) ä" in kept
    assert kept.count('"image/png"') == 1 and "mine" not in kept
