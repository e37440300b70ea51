"""The commands `models` and `summary`: every network of the package, with its true parameters."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest
from typer.testing import CliRunner

from cnnbook.command.main import app
from cnnbook.command.models import NETWORKS, build, lines_of_blocks

MODELS = Path(__file__).parents[2] / "cnnbook" / "models"


@pytest.fixture
def run():
    return lambda *words: CliRunner().invoke(app, list(words))


def test_every_builder_of_the_package_is_listed():
    builders = {
        (path.stem, node.name)
        for path in MODELS.glob("*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("build_")
        if node.args.args  # one without is another of the file, trained
    }
    assert builders == {(network.module, network.builder) for network in NETWORKS.values()}


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_a_listed_network_has_the_parameters_that_the_list_says(name):
    try:
        assert build(name).count_params() == NETWORKS[name].parameters
    finally:
        keras.backend.clear_session()


def test_the_list_has_a_line_a_network_that_says_how_to_build_it(run):
    lines = run("models").output.splitlines()
    assert len(lines) == len(NETWORKS)
    [line] = [line for line in lines if line.startswith("vgg16 ")]
    assert line.split() == ["vgg16", "138,357,544", "cnnbook.models.vgg:", "build_vgg(depth=16)"]


def test_a_summary_has_the_layers_with_their_map_sizes(run):
    output = run("summary", "lenet5").output
    assert all(word in output for word in ("c3 (Conv2D)", "(None, 10, 10, 16)", "61,706"))


def test_a_summary_by_blocks_has_their_sizes_parameters_and_work(run):
    lines = run("summary", "lenet5", "--blocks").output.splitlines()
    rows = {line.split()[0]: line.split()[1:] for line in lines[1:]}
    assert rows["c3"][:7] == ["10", "x", "10", "x", "16", "2,416", "0.24"]
    assert rows["c3"][7] == "━" * 12  # of 20: 24 of 42 parts of the work
    assert rows["in"] == ["all", "61,706", "0.42"]
    assert "f6_tanh" not in rows and max(map(len, lines)) <= 100


@pytest.mark.slow
def test_a_block_is_one_line_with_the_sum_of_its_layers():
    model = build("vit-cifar")
    lines = lines_of_blocks(model)
    block = [line.split() for line in lines if line.startswith("block1 ")]
    # 12 x 48 x 48 and 13 x 48 weights; 65 tokens, which also compare and mix each other.
    weights, work = 12 * 48 * 48 + 13 * 48, 65 * 12 * 48 * 48 + 2 * 65 * 65 * 48
    assert block == [["block1", "65", "x", "48", f"{weights:,}", f"{work / 1e6:.2f}", block[0][-1]]]
    assert set(block[0][-1]) == {"━"} and len(block[0][-1]) == 5
    assert lines[-1].split()[:3] == ["in", "all", "119,194"]


def test_a_network_that_is_not_there_gets_a_suggestion(run):
    result = run("summary", "lenet")
    assert result.exit_code == 1
    assert "There is no network 'lenet'. Did you mean 'lenet5'?" in result.output


@pytest.mark.slow
@pytest.mark.parametrize(("encoding", "corner"), [("cp1252", "+"), ("utf-8", "┏")])
def test_a_summary_has_plain_lines_where_the_terminal_has_no_others(encoding, corner):
    code = "from cnnbook.command.main import main; main()"
    run = subprocess.run(
        [sys.executable, "-c", code, "summary", "lenet5"],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        encoding=encoding,
    )
    assert run.returncode == 0
    assert run.stdout.splitlines()[1].startswith(corner)
    assert "\\u" not in run.stdout
