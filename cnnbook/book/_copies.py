"""How is one module, or its tests, written as a file of its own?"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import textwrap
from functools import partial
from pathlib import Path

from cnnbook import __version__
from cnnbook.book._flatten import Flat, Part
from cnnbook.book._imports import Import, what_to_install

SKIP_WITHOUT_DATA = """
import pytest
import {home}


@pytest.fixture(autouse=True)
def data_stayed_behind(monkeypatch):
    def skip(*_):
        pytest.skip("data/ was not copied")

    monkeypatch.setattr({home}, "{reader}", skip)
"""


def _at_home(text: str, home: str, taken: set[str]) -> str:
    """Call modules that are in a copied file by its name, in code and in words."""
    text = re.sub(r"^( *)from (cnnbook[\w.]*) import (\w[\w, ]+)$", _line_by_line, text, flags=re.M)
    for module in sorted(taken, key=len, reverse=True):
        package, _, name = module.rpartition(".")
        alias = "" if name == home else f" as {name}"
        text = re.sub(rf"from {package} import {name}(?= as )", f"import {home}", text)
        text = re.sub(rf"from {package} import {name}\b", f"import {home}{alias}", text)
        text = re.sub(rf"\b{re.escape(module)}\b", home, text)
    return text


def _line_by_line(found: re.Match[str]) -> str:
    return "\n".join(f"{found[1]}from {found[2]} import {name}" for name in found[3].split(", "))


def copied_module(module: str, path: Path, package: Path) -> tuple[Flat, str, str, str]:
    """Write a module as a file; also say what it needs, and what reads data where it stands."""

    def source(name: str) -> str | None:
        first, *rest = name.split(".")
        file = package.joinpath(*rest).with_suffix(".py")
        return _read(file) if first == "cnnbook" and rest and file.is_file() else None

    flat = Flat(module, source)
    header = f"Copied from cnnbook {__version__}, module {module}; it stands alone."
    text, needed = _finished(_at_home(flat.text(), path.stem, {*flat.modules}), header, path.stem)
    reader = next((min(part.names) for part in flat.parts if "__file__" in part.uses), "")
    return flat, text, needed, reader


def copied_tests(path: Path, flat: Flat, home: str, reader: str) -> tuple[str, str]:
    """Write tests that import from a copied file; leave out those that need more than that file."""
    taken = {*flat.modules}
    sources = {"tests": _at_home(_read(path), home, taken)}
    if reader:
        sources["tests"] += SKIP_WITHOUT_DATA.format(home=home, reader=reader)
    also: list[str] = []
    for number, folder in enumerate(path.parents[:3]):  # where pytest finds fixtures
        if (file := folder / "conftest.py").is_file():
            source = _at_home(_read(file), home, taken)
            sources[f"conftest{number}"] = source
            found = re.findall(r"^@pytest\.fixture(.*)\ndef (\w+)", source, re.MULTILINE)
            also += [fixture for options, fixture in found if "autouse=True" in options]
            names = ", ".join(fixture for _, fixture in found)
            for other in {*sources} - {f"conftest{number}"} if found else ():
                sources[other] += f"\nfrom conftest{number} import {names}\n"
            settings = re.findall(r"^os\.environ\[.*\] = .*$", source, re.MULTILINE)
            sources["tests"] += "\n".join(["", *(["import os"] if settings else []), *settings, ""])

    here = {name for part in flat.parts for name in part.names} | {i.local for i in flat.imports}

    def given(found: Import) -> Import | None:
        if found.module == home and found.name and found.name not in here:
            return Import("cnnbook", found.name, found.local)  # the file does not have it
        return found if found.module == home else None

    def stays(part: Part) -> bool:
        used = [part.module.imports[name] for name in part.uses if name in part.module.imports]
        for found in used:
            if (given(found) or found).module.partition(".")[0] == "cnnbook":
                return True
            asked = re.findall(rf"\b{found.local}(?:\.|, \")(\w+)", part.text)
            if found.module == home and not found.name and not here.issuperset(asked):
                return True
        return "__file__" in part.uses or bool(re.search(r"\bcnnbook[./]", part.text))

    def find(name: str) -> str | None:
        beside = path.parent / f"{name}.py"
        return sources.get(name, _at_home(_read(beside), home, taken) if beside.is_file() else None)

    tests = Flat("tests", find, given, stays, also)
    left_out = sorted(name for name in tests.left_out if name.startswith("test_"))
    header = f"Tests of {home}.py, copied from cnnbook {__version__}."
    if left_out:
        header += f" Left out, for they need its repository: {', '.join(left_out)}."
    note = f"; tests left out, for they need the repository: {len(left_out)}" if left_out else ""
    text, needed = _finished(tests.text(home), header, home)
    return text, needed + note


def _finished(text: str, header: str, home: str) -> tuple[str, str]:
    """Put the header on, format where ruff is installed, and say what to install."""
    needed = what_to_install(text, home)
    lines = (header, "SPDX-License-Identifier: Apache-2.0", f"To use it: {needed}")
    fill = partial(textwrap.fill, width=100, initial_indent="# ", subsequent_indent="# ")
    text = "\n".join(map(fill, lines)) + "\n" + text
    if ruff := shutil.which("ruff", path=str(Path(sys.executable).parent)) or shutil.which("ruff"):
        command = [ruff, "format", "--isolated", "--line-length=100", "-"]
        run = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
        text = run.stdout
    return text, needed


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")
