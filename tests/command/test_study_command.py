"""The command `cnnbook study` lists, does and refuses; what it does is tested beside studies."""

import pytest
from typer.testing import CliRunner

from cnnbook.command.main import app


@pytest.fixture
def run(tmp_path, monkeypatch):
    (tmp_path / "notebooks" / "source").mkdir(parents=True)
    (tmp_path / "notebooks" / "studies").mkdir()
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(app, ["study", *words])


def write(tmp_path, name, result):
    text = f'RUNS = {{"only": {{"seed": 1}}}}\n\n\ndef run(seed):\n    return {result}\n'
    (tmp_path / "notebooks" / "studies" / f"{name}.py").write_text(text)


def test_without_a_name_it_lists_what_there_is(run, tmp_path):
    assert run().output == "There are no studies yet.\n"
    write(tmp_path, "depth", 1)
    write(tmp_path, "width", 1)
    assert run().output == "depth\nwidth\n"


def test_it_does_the_runs_and_says_what_is_kept(run, tmp_path):
    write(tmp_path, "depth", "seed + 1")
    assert run("depth").output.startswith("[1/1] only ")
    assert run("depth").output.endswith("kept\n")
    assert '"result": 2' in (tmp_path / "notebooks" / "studies" / "depth.json").read_text()


def test_an_unknown_study_and_one_that_fails_are_one_line(run, tmp_path):
    write(tmp_path, "depth", "1 / 0")
    assert "There is no study 'dept'. Did you mean 'depth'?" in run("dept").stderr
    failed = run("depth")
    assert failed.exit_code == 1
    assert "run 'only' of" in failed.stderr
    assert failed.stderr.count("\n") == 1
