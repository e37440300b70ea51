"""The rules that keep the repository small, copyable and clean."""

import ast
import io
import re
import subprocess
import tokenize
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "cnnbook").rglob("*.py"))
# Every place a copy may be, every check, and no sibling to call: docs/decisions/0004. One layer for
# all changes of a picture, whose resampling is two compiled functions that resize, too:
# docs/decisions/0014 and 0019.
LONGER = {"mnist.py": 190, "augmentation.py": 181}


def lines_of_code(source: str) -> set[int]:
    """Numbers of the lines that hold code: no blank, no comment, no docstring, no table."""
    skipped = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in skipped and token.string:
            lines |= set(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            lines -= set(range(node.lineno, node.end_lineno + 1))
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, (ast.Tuple, ast.Dict)):
            lines -= set(range(node.lineno, node.end_lineno + 1))
    return lines


def test_lines_of_code_leaves_out_docstrings_comments_blanks_and_tables():
    source = '"""Doc\nstring."""\n\n# comment\nx = 1\ny = """a\nb"""\nTABLE = (\n    1,\n)\n'
    assert lines_of_code(source) == {5, 6, 7}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_has_150_lines_of_code_at_most_and_a_function_50(path):
    source = path.read_text()
    lines = lines_of_code(source)
    assert len(lines) <= LONGER.get(path.name, 150)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            size = len(lines & set(range(node.lineno, node.end_lineno + 1)))
            builder = node.name.startswith("build_") and "models" in path.parts
            assert size <= (45 if builder else 50), node.name
            if builder:
                assert len(node.args.args) + len(node.args.kwonlyargs) <= 5, node.name


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_public_functions_are_documented_and_typed_and_nothing_asserts(path):
    for node in ast.walk(ast.parse(path.read_text())):
        assert not isinstance(node, ast.Assert), f"line {node.lineno}"
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), node.name
            assert all(argument.annotation for argument in node.args.args), node.name


def test_every_module_has_a_test_file():
    names = {path.stem for path in (ROOT / "tests").rglob("test_*.py")}
    # The work behind two commands is tested through them.
    missing = [
        path.stem
        for path in MODULES
        if path.name not in {"__init__.py", "cli_book.py"} and f"test_{path.stem}" not in names
    ]
    assert not missing


def test_conda_installs_what_pyproject_says_and_nothing_of_its_own():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = (ROOT / "environment.yml").read_text().split("dependencies:")[1].split()
    packages = [line for line in lines if line != "-"]
    assert packages == ["python=3.11", "pip", "pip:", "-e", ".[dev]"]
    assert project["requires-python"].startswith(">=3.11")
    assert "dev" in project["optional-dependencies"]


def test_every_dependency_has_a_lower_and_an_upper_bound():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    requirements = [*project["dependencies"], *(r for name in extras for r in extras[name])]
    for requirement in requirements:
        if not requirement.startswith("cnnbook["):
            assert re.fullmatch(r"[a-z0-9-]+>=[\d.]+,<[\d.]+", requirement), requirement


def test_the_users_packages_are_all_there():
    text = (ROOT / "pyproject.toml").read_text()
    for package in (
        "tensorflow",
        "tensorflow-datasets",
        "matplotlib",
        "jupyter",
        "nbval",
        "pytest",
    ):
        assert f'"{package}>=' in text


def test_no_tracked_file_names_a_machines_folder_or_a_registry():
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout
    hosts = ("pypi" + ".org", "python" + "hosted.org", "registry.npm" + "js", "deb.debian" + ".org")
    folders = re.compile(r"(?<![\w.])/(?:work|root|farm|home/\w+|tmp/\w{6,})/")
    for name in files.splitlines():
        path = ROOT / name
        if path.suffix in {".gz", ".png", ".jpg"} or not path.is_file():
            continue
        text = path.read_text(encoding="utf-8")
        assert not folders.search(text), f"{name}: {folders.search(text)}"
        assert not any(host in text for host in hosts), name
