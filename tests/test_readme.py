"""What the README promises: eight lines that train, the figure that they print, real claims."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_first_lines_of_code_are_eight():
    assert README.index("```python") < 100
    assert len([line for line in BLOCKS[0].splitlines() if line.strip()]) == 8


@pytest.mark.slow
def test_the_first_lines_of_code_train_offline_and_print_the_figure(tmp_path):
    environment = {**os.environ, "CNNBOOK_OFFLINE": "1"}
    environment.pop("CNNBOOK_DATA", None)
    command = [sys.executable, "-c", BLOCKS[0]]
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-2000:]
    measured = float(re.findall(r"([\d.]+)% of the test digits", run.stdout)[-1])
    printed = float(re.search(r"\*\*([\d.]+) %\*\* of the test digits", README)[1])
    assert measured == pytest.approx(printed, abs=1.0)  # five seeds are off by 0.5 at most


def test_the_claim_that_is_shown_stands_in_a_chapter():
    call = BLOCKS[1].splitlines()[0]
    name, value = re.match(r'claim\("(\w+)", (\w+), ', call).groups()
    sources = "".join(path.read_text() for path in (ROOT / "notebooks" / "source").glob("*.py"))
    kept = re.search(rf'claim\("{name}", {value}, (.*?)(?:, \*\*data)?\)', sources)
    assert kept and kept[1] in call


def test_the_table_of_chapters_has_every_chapter_and_its_number():
    rows = re.findall(
        r"^\| \[(\d+)\. .*?\]\((notebooks/(\d\d)_\w+\.ipynb)\) \|", README, re.MULTILINE
    )
    kept = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
    assert [Path(path).name for _, path, _ in rows] == kept
    assert all(int(number) == int(prefix) for number, _, prefix in rows)


def test_the_targets_and_the_commands_that_it_names_exist():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"`make ([a-z-]+)`", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    listed = {path.stem for path in (ROOT / "cnnbook" / "command").glob("[!_]*.py")}
    for command in re.findall(r"cnnbook (book|copy|models|summary|doctor|data)\b", README):
        assert command in listed or command == "summary", command
