"""The text of a module that stands alone, and of its tests."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from cnnbook import __version__
from cnnbook.book._flatten import flatten
from cnnbook.book._needs import Name, Needs
from cnnbook.book._syntax import IMPORTS, Module, Part

PACKAGE = Path(__file__).resolve().parents[1]
INSTALLED_AS = {"PIL": "pillow", "sklearn": "scikit-learn", "IPython": "ipython"}
SKIP = '''

@pytest.fixture(autouse=True)
def data_stayed_behind(monkeypatch):
    """Skip what asks for the data of cnnbook, which was not copied."""
    for name in {readers}:
        monkeypatch.setattr(copied_file, name, lambda *_: pytest.skip("data/ was not copied"))


import pytest
from {package} import {name} as copied_file
'''


def copies_of(path: Path) -> dict[str, tuple[str, str]]:
    """Return the files that a module becomes by name: its text, and what is to be said of it."""
    module = ".".join(path.with_suffix("").relative_to(PACKAGE.parent).parts)
    needs = Needs(module, _source)
    text, names = flatten(needs)
    readers = [part.node.name for part in needs.parts if _reads_its_place(part)]
    header = f"Copied from cnnbook {__version__}, module {module}; it stands alone."
    note = "; the data that comes with cnnbook, its folder data/, is not in it" if readers else ""
    tests = _tests_of(path)
    if tests is None:
        note += "; no tests of it came with cnnbook"
    files = {path.name: _finished(text, header, path.stem, note)}
    if tests:
        skip = SKIP.format(
            readers=json.dumps(readers), package=module.rpartition(".")[0], name=path.stem
        )
        text, left_out = _copied_tests(tests, path.stem, names, skip if readers else "")
        header = f"Tests of {path.name}, copied from cnnbook {__version__}."
        if left_out:
            header += f" Left out, for they need its repository: {', '.join(left_out)}."
            note = f"; tests left out, for they need the repository: {len(left_out)}"
        files[tests.name] = _finished(text, header, path.stem, note if left_out else "")
    return files


def _source(name: str) -> str | None:
    """Return the source of a module of the package, None for any other."""
    first, *rest = name.split(".")
    path = PACKAGE.joinpath(*rest)
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if first == "cnnbook" and file.is_file():
            return file.read_text("utf-8")
    return None


def _tests_of(path: Path) -> Path | None:
    """Find the tests of a module: in an installed package, or in the repository."""
    below = path.parent.relative_to(PACKAGE)
    for tests in (PACKAGE / "_tests", PACKAGE.parent / "tests"):
        if (file := tests / below / f"test_{path.stem}.py").is_file():
            return file
    return None


def _copied_tests(
    path: Path, home: str, names: Mapping[Name, str], skip: str
) -> tuple[str, list[str]]:
    """Write tests that import from a copied file; return them, and the names of those left out."""
    hosts = {module for module, _ in names}
    sources = {path.stem: path.read_text("utf-8") + skip}
    also: list[Name] = []
    for number, folder in enumerate(path.parents[:3]):  # the nearest first: its fixtures count
        if (file := folder / "conftest.py").is_file():
            conftest = f"conftest{number}"
            text = file.read_text("utf-8")
            fixtures = [p for p in Module(conftest, text, _source).parts if p.is_fixture]
            also += [(conftest, p.node.name) for p in fixtures if "autouse=True" in p.text]
            also.append((conftest, ""))  # and what it sets
            for nearer in sources:  # pytest finds them; in one file they are imported
                for part in fixtures:
                    sources[nearer] += f"\nfrom {conftest} import {part.node.name}\n"
            sources[conftest] = text

    def find(name: str) -> str | None:
        beside = path.parent / f"{name}.py"
        if name not in sources and not beside.is_file():
            return _source(name)
        return _at_home(sources.get(name) or beside.read_text("utf-8"), home, hosts)

    def stays(part: Part) -> bool:
        names_us = re.search(r"\bcnnbook\.\w|(from|import) cnnbook", part.text)
        is_test = not part.module.name.startswith("cnnbook")
        return _reads_its_place(part) or bool(is_test and names_us)

    needs = Needs(path.stem, find, (home, names), stays, also)
    return flatten(needs)[0], sorted(n for n in needs.left_out if n.startswith("test_"))


def _reads_its_place(part: Part) -> bool:
    return any(use.names[0] == "__file__" for use in part.uses)


def _at_home(source: str, home: str, hosts: set[str]) -> str:
    """In the strings of a program, call modules that are in a copied file by its name."""
    strings = set()
    for node in ast.walk(ast.parse(source)):
        is_text = isinstance(node, ast.JoinedStr) or isinstance(getattr(node, "value", 0), str)
        if is_text and "cnnbook." in ast.unparse(node):
            strings.add(ast.get_source_segment(source, node) or "")
    for text in (text for text in strings if text[-1:] in ("'", '"')):
        fresh = text
        for module in sorted(hosts, key=len, reverse=True):
            package, _, name = module.rpartition(".")
            alone = f"import {home}" if name == home else f"import {home} as {name}"
            fresh = re.sub(rf"from {package} import {name}\b(?= as )", f"import {home}", fresh)
            fresh = re.sub(rf"from {package} import {name}\b", alone, fresh)
            fresh = re.sub(rf"\b{re.escape(module)}\b", home, fresh)
        source = source.replace(text, fresh)
    return source


def _finished(text: str, header: str, home: str, note: str) -> tuple[str, str]:
    """Put the header on, format where ruff is installed, and say what to install."""
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, IMPORTS):
            module = getattr(node, "module", None)
            names |= {(module or alias.name).partition(".")[0] for alias in node.names}
    names -= sys.stdlib_module_names | {home}
    packages = sorted(INSTALLED_AS.get(name, name.replace("_", "-")) for name in names)
    needed = f"pip install {' '.join(packages)}" if packages else "needs Python alone"
    if "keras" in packages and "tensorflow" not in packages:
        needed += " and, for Keras, one of tensorflow, jax and torch"
    lines = (header, "SPDX-License-Identifier: Apache-2.0", f"To use it: {needed}.")
    fill = partial(textwrap.fill, width=100, initial_indent="# ", subsequent_indent="# ")
    text = "\n".join(map(fill, lines)) + "\n" + text
    if ruff := shutil.which("ruff", path=str(Path(sys.executable).parent)) or shutil.which("ruff"):
        command = [ruff, "format", "--isolated", "--line-length=100", "-"]
        text = subprocess.run(
            command, input=text, capture_output=True, text=True, check=True
        ).stdout
    return text, needed + note
