"""How does one take a single file along? It is written so that it stands alone, with its tests."""

from __future__ import annotations

import ast
import io
import re
import shutil
import subprocess
import sys
import textwrap
import tokenize
from collections import Counter
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import partial
from pathlib import Path

from cnnbook import __version__
from cnnbook.book._flatten import flatten
from cnnbook.book._needs import Name, Needs
from cnnbook.book._syntax import IMPORTS, Part

PACKAGE = Path(__file__).resolve().parents[1]
OFFERED_OF_THE_BOOK = "claims"  # of the room that makes the book, the one file that a reader calls
INSTALLED_AS = {"PIL": "pillow", "sklearn": "scikit-learn"}
SKIP = '''

@pytest.fixture(autouse=True)
def data_stayed_behind(monkeypatch):
    """Skip what asks for the data of cnnbook, which was not copied."""
    for name in {readers}:
        monkeypatch.setattr(copied_file, name, lambda *_: pytest.skip("data/ was not copied"))


import pytest
from {package} import {name} as copied_file
'''


def list_modules() -> dict[str, dict[str, str]]:
    """Return what can be copied: room, name, and the question that the file answers."""
    rooms: dict[str, dict[str, str]] = {}
    for name, path in _offered().items():
        room = path.parent.name
        words = " ".join((ast.get_docstring(ast.parse(_read(path))) or "").split())
        sentence = re.match(r".*?[.?!](?=\s|$)", words)
        rooms.setdefault(room, {})[name] = sentence[0] if sentence else words
    return rooms


def copy_modules(names: list[str], folder: Path, force: bool = False) -> list[str]:
    """Write modules as files that stand alone, and the tests of each beside it: all or none.

    Returns:
        A line for each file: what it needs.

    Raises:
        ValueError: If there is no module of a name, or two would be one file.
        OSError: If a file is there already, unless `force` is set, or cannot be written.
    """
    files: dict[Path, str] = {}
    lines = []
    for name in names:
        for file, (text, line) in copy_of(name).items():
            if folder / file in files:
                raise ValueError(f"Two modules would be {file}: copy them into two folders.")
            files[folder / file] = text
            lines.append(f"{folder / file}: {line}")
    there = [str(path) for path in files if path.exists()]
    if there and not force:
        raise FileExistsError(
            f"Nothing was written, for this is there already: {', '.join(there)}."
            " Take another folder with --to, or overwrite with --force."
        )
    folder.mkdir(parents=True, exist_ok=True)
    beside = {path: path.with_name(f".{path.name}.partial") for path in files}
    try:
        for path, text in files.items():
            beside[path].write_text(text, encoding="utf-8")
        for path in files:
            beside[path].replace(path)
    finally:
        for path in beside.values():
            path.unlink(missing_ok=True)
    return lines


def copy_of(name: str) -> dict[str, tuple[str, str]]:
    """Return the files that a module becomes, each with its text and what it needs.

    Raises:
        ValueError: If there is no module of this name.
    """
    path = _path_of(name)
    module = ".".join(path.with_suffix("").relative_to(PACKAGE.parent).parts)
    needs = Needs(module, partial(_source, home=path.stem, hosts={module}))
    text, names = flatten(needs)
    header = f"Copied from cnnbook {__version__}, module {module}; it stands alone."
    readers = [part.node.name for part in needs.parts if _reads_its_place(part)]
    note = "; the data that comes with cnnbook, its folder data/, is not in it" if readers else ""
    files = {path.name: _finished(text, header, path.stem, note)}
    tests = _tests_of(path)
    if tests is None:
        return {
            path.name: (files[path.name][0], f"{files[path.name][1]}; it has no tests of its own")
        }
    skip = SKIP.format(readers=readers, package=module.rpartition(".")[0], name=path.stem)
    text, left_out = _copied_tests(tests, path.stem, names, skip if readers else "")
    header = f"Tests of {path.name}, copied from cnnbook {__version__}."
    if left_out:
        header += f" Left out, for they need its repository: {', '.join(left_out)}."
    note = f"; {len(left_out)} tests need the repository and were left out" if left_out else ""
    return files | {tests.name: _finished(text, header, path.stem, note)}


def _offered() -> dict[str, Path]:
    """Return the modules that can be copied; of a name in two rooms, each with its room."""
    paths = [
        path
        for path in sorted(PACKAGE.glob("*.py")) + sorted(PACKAGE.glob("*/*.py"))
        if path.name[0] != "_" and path.parent.name not in ("command", "book")
    ]
    paths.append(PACKAGE / "book" / f"{OFFERED_OF_THE_BOOK}.py")
    often = Counter(path.stem for path in paths)
    return {
        path.stem if often[path.stem] == 1 else f"{path.parent.name}/{path.stem}": path
        for path in paths
    }


def _path_of(name: str) -> Path:
    offered = _offered()
    whole = {f"{path.parent.name}/{path.stem}": path for path in offered.values()}
    if name in (every := whole | offered):
        return every[name]
    near = get_close_matches(name, every, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"There is no module {name!r}.{hint} `cnnbook copy` lists them.")


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _source(name: str, home: str, hosts: set[str]) -> str | None:
    """Return the source of a module of the package; in its examples, a copied file has its name."""
    first, *rest = name.split(".")
    path = PACKAGE.joinpath(*rest)
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if first == "cnnbook" and file.is_file():
            return re.sub(
                r"(?m)^ *(>>>|\.\.\.) .*$",
                lambda match: _at_home(match[0], home, hosts),
                _read(file),
            )
    return None


def _at_home(text: str, home: str, hosts: set[str]) -> str:
    """Call modules that are in a copied file by its name."""
    for module in sorted(hosts, key=len, reverse=True):
        package, _, name = module.rpartition(".")
        as_name = home if name == home else f"{home} as {name}"
        text = re.sub(rf"from {package} import {name}\b(?= as )", f"import {home}", text)
        text = re.sub(rf"from {package} import {name}\b", f"import {as_name}", text)
        text = re.sub(rf"\b{re.escape(module)}\b", home, text)
    return text


def _tests_of(path: Path) -> Path | None:
    """Find the tests of a module: in the repository, or in an installed package."""
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
    above = [folder / "conftest.py" for folder in path.parents[:3]]
    sources = {path.stem: _read(path) + skip}
    sources |= {f"conftest{n}": _read(file) for n, file in enumerate(above) if file.is_file()}
    also: list[Name] = []
    shared: dict[str, list[str]] = {}
    for name in sources.keys() - {path.stem}:
        for part in Needs(
            name, lambda each: sources.get(each), stays=lambda part: False
        ).root.parts:
            if part.is_fixture:
                shared.setdefault(name, []).append(part.node.name)
                also += [(name, part.node.name)] if "autouse=True" in part.text else []
        also.append((name, ""))
    for name in sources:  # pytest finds fixtures in the files above; here they are imported
        for other in sorted(shared):
            if other > name or name == path.stem:
                sources[name] += f"\nfrom {other} import {', '.join(shared[other])}\n"
    sources = {
        name: _in_strings(text, lambda s: _at_home(s, home, hosts))
        for name, text in sources.items()
    }

    def find(name: str) -> str | None:
        beside = path.parent / f"{name}.py"
        if name in sources or not beside.is_file():
            return sources.get(name, _source(name, home, hosts))
        return _in_strings(_read(beside), lambda text: _at_home(text, home, hosts))

    def stays(part: Part) -> bool:
        is_ours = part.module.name.startswith("cnnbook")
        return _reads_its_place(part) or (
            not is_ours and bool(re.search(r"\bcnnbook\.\w|(from|import) cnnbook", part.text))
        )

    needs = Needs(path.stem, find, (home, names), stays, also)
    return flatten(needs)[0], sorted(n for n in needs.left_out if n.startswith("test_"))


def _reads_its_place(part: Part) -> bool:
    return any(use.names[0] == "__file__" for use in part.uses)


def _in_strings(text: str, change: Callable[[str], str]) -> str:
    """Change the strings of a program, and leave its code as it is."""
    lines = text.splitlines(keepends=True)
    kinds = {tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
    for token in reversed(list(tokenize.generate_tokens(io.StringIO(text).readline))):
        if token.type in kinds and (fresh := change(token.string)) != token.string:
            (first, start), (last, end) = token.start, token.end
            whole = lines[first - 1][:start] + fresh + lines[last - 1][end:]
            lines[first - 1 : last] = whole.splitlines(keepends=True)
    return "".join(lines)


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
    lines = (header, "SPDX-License-Identifier: Apache-2.0", f"To use it: {needed}")
    fill = partial(textwrap.fill, width=100, initial_indent="# ", subsequent_indent="# ")
    text = "\n".join(map(fill, lines)) + "\n" + text
    if ruff := shutil.which("ruff", path=str(Path(sys.executable).parent)) or shutil.which("ruff"):
        command = [ruff, "format", "--isolated", "--line-length=100", "-"]
        text = subprocess.run(
            command, input=text, capture_output=True, text=True, check=True
        ).stdout
    return text, needed + note
