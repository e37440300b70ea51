"""Each file of the package can be copied out alone, and its docstring examples run there."""

import ast
import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "cnnbook"
COMMAND_LINE = {
    "cli.py",
    "cli_book.py",
    "cli_data.py",
    "cli_models.py",
    "cli_prepare.py",
}  # a program, not a helper: may import its siblings
MODULES = sorted(
    path for path in PACKAGE.rglob("*.py") if path.name not in {"__init__.py", *COMMAND_LINE}
)

# Runs in a process that cannot see the package: imports each copied file alone, runs its examples.
VISITOR = """
import doctest, importlib.util, json, os, sys
sys.modules["cnnbook"] = None
results = {}
for path in json.load(sys.stdin):
    os.chdir(os.path.dirname(path))
    spec = importlib.util.spec_from_file_location("copied", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["copied"] = module
    try:
        spec.loader.exec_module(module)
        runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS)
        for test in doctest.DocTestFinder().find(module, "copied"):
            runner.run(test)
        results[path] = [runner.failures, runner.tries]
    except Exception as error:
        results[path] = f"{type(error).__name__}: {error}"
with open(os.environ["RESULTS"], "w") as file:
    json.dump(results, file)
"""


@pytest.fixture(scope="module")
def visit(tmp_path_factory):
    """Copy each module into an empty folder of its own and try it there."""
    copies = {}
    for path in MODULES:
        folder = tmp_path_factory.mktemp(path.stem)
        copies[path] = folder / path.name
        copies[path].write_text(path.read_text())
    results = tmp_path_factory.mktemp("results") / "results.json"
    run = subprocess.run(
        [sys.executable, "-c", VISITOR],
        input=json.dumps([str(copy) for copy in copies.values()]),
        env={**os.environ, "RESULTS": str(results)},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    found = json.loads(results.read_text())
    return {path: found[str(copy)] for path, copy in copies.items()} | {"log": run.stdout}


@pytest.mark.slow
@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_copied_file_imports_and_its_examples_run(visit, path):
    assert isinstance(visit[path], list), visit[path]
    assert visit[path][0] == 0, visit["log"]


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add("cnnbook" if node.level else node.module.split(".")[0])
    return found - sys.stdlib_module_names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_no_module_imports_a_sibling_and_its_docstring_names_what_to_install(path):
    spelled = {
        "PIL": "pillow",
        "tensorflow_datasets": "tensorflow-datasets",
        "sklearn": "scikit-learn",
    }
    docstring = " ".join(ast.get_docstring(ast.parse(path.read_text())).lower().split())
    assert "this file stands alone: copy it" in docstring
    promise = docstring.partition("this file stands alone")[2]
    for package in imports(path):
        assert package != "cnnbook"
        assert spelled.get(package, package).lower() in promise


def functions_by_name() -> dict[str, list[tuple[str, str]]]:
    """Every top-level function and class of the copyable modules: name -> (module, syntax tree)."""
    found = defaultdict(list)
    for path in MODULES:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                found[node.name].append((path.stem, ast.dump(node)))
    return {name: twins for name, twins in found.items() if len(twins) > 1}


def test_a_helper_that_two_files_need_is_the_same_word_for_word():
    different = [
        f"{name} in {', '.join(module for module, _ in twins)}"
        for name, twins in functions_by_name().items()
        if len({tree for _, tree in twins}) > 1
    ]
    assert not different
