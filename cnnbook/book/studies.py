"""What was measured in runs that take longer than a chapter may?

A study is a file `notebooks/studies/NAME.py`. It has `RUNS`, a dictionary from the name of a run to
its settings, and a function `run`, which takes the settings of one by keyword, sets its own seed,
and returns what it measured as JSON can hold it. `cnnbook study NAME` does each run in a process of
its own and keeps it in `NAME.json` beside the study as soon as it is done, so that a study that was
stopped goes on where it was. A chapter reads the record, and says that it does.

Each run is kept with the SHA-256 of the code that it ran: that of the study and of all functions of
this package that it needs, without comments and docstrings, and without the modules that check
arguments: they refuse, or pass on the same values. A test compares them.
"""

import ast
import hashlib
import json
import re
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeGuard

from cnnbook._checks import checked, shown
from cnnbook._machine import found_above
from cnnbook.book._api import PACKAGE
from cnnbook.book._files import BookError, locked, read_json, read_text, write_whole
from cnnbook.book._flatten import Flat
from cnnbook.book._imports import import_lines
from cnnbook.book._python import last_words, run_python
from cnnbook.book.record import describe_machine, versions_of_packages

__all__ = ["BookError", "hash_of_chapter", "hash_of_code", "read_study", "run_study", "study_names"]
FOLDER = Path("notebooks", "studies")
DEFINE = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign)
READS = re.compile(r"\bread_study\(\"(\w+)\"")
STUDY = "cnnbook.study"  # what a study is called while it is taken apart
ONE_RUN = """
import json, runpy, sys
from pathlib import Path
study = runpy.run_path(sys.argv[1])
result = study["run"](**study["RUNS"][sys.argv[2]])
Path(sys.argv[3]).write_text(json.dumps(result, allow_nan=False), encoding="utf-8")
"""


@checked
def read_study(name: str, folder: Path | None = None) -> dict[str, dict[str, Any]]:
    """Return the runs of a study that are on record.

    Args:
        name: Of the study, as its file is called.
        folder: The project; by default it is looked for from the working folder upwards.

    Returns:
        For each run, in the order of the study: its `settings`, what was measured as `result`, its
        `seconds`, the `versions` of packages, the `machine` and the SHA-256 of the `code`.

    Raises:
        OSError: If there is no such record; the message says how to make it.
        BookError: If the record is broken.
    """
    file = FOLDER / f"{name}.json"
    record = folder / file if folder else found_above(file)
    if not record.is_file():
        advice = f"`cnnbook study {name}` makes it, which takes long"
        raise FileNotFoundError(f"{file} is not in {shown(folder or Path.cwd())}; {advice}.")
    return read_json(record)


@checked
def study_names(folder: Path) -> list[str]:
    """List the studies of a project."""
    return sorted(path.stem for path in (folder / FOLDER).glob("*.py"))


@checked
def hash_of_code(study: Path) -> str:
    """Return the SHA-256 of what a study runs: its code, and what that needs of the package.

    Raises:
        BookError: If it, or what it needs, imports from the package what cannot be followed.
    """

    def find(module: str) -> str | None:
        if module == STUDY:
            return read_text(study)
        file = PACKAGE.parent.joinpath(*module.split(".")).with_suffix(".py")
        if not module.startswith(PACKAGE.name) or not file.is_file():
            return None
        return _with_plain_imports(read_text(file))

    try:
        flat = Flat(STUDY, find, lambda each: each if each.module.endswith("._checks") else None)
    except ValueError as error:
        raise BookError(f"cannot tell what {shown(study)} runs: {error}") from None
    text = import_lines(flat.imports, "") + "\n".join(part.text for part in flat.parts)
    return hashlib.sha256(_code_alone(text).encode()).hexdigest()


@checked
def hash_of_chapter(folder: Path, source: Path) -> str:
    """Return the SHA-256 of what a chapter runs, and of the records of studies that it reads.

    Raises:
        BookError: As `hash_of_code` does.
    """
    records = [folder / FOLDER / f"{name}.json" for name in READS.findall(read_text(source))]
    parts = [hash_of_code(source), *(read_text(path) for path in records if path.exists())]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@checked
def run_study(folder: Path, name: str, say: Callable) -> None:
    """Do each run of a study that is not on record with the code and the settings of today.

    Each is kept as soon as it is done; runs that the study no longer has are dropped.

    Raises:
        BookError: If a run failed, with its last line, or returned what JSON cannot hold.
    """
    study, record = (folder / FOLDER / f"{name}.{kind}" for kind in ("py", "json"))
    runs, code = _runs_of(study), hash_of_code(study)
    for number, (title, settings) in enumerate(runs.items(), start=1):
        say(f"[{number}/{len(runs)}] {title:<40}", nl=False)
        kept = read_json(record).get(title) if record.exists() else None
        if kept and (kept["code"], kept["settings"]) == (code, settings):
            say(f" {kept['seconds']:7.1f} s   kept")
            continue
        start = time.perf_counter()
        result = _result_of(folder, study, title)
        seconds = round(time.perf_counter() - start, 1)
        if hash_of_code(study) != code:
            raise BookError(f"{shown(study)} or what it imports has changed; start again.")
        versions = versions_of_packages()
        entry = {"settings": settings, "result": result, "seconds": seconds}
        entry |= {"versions": versions, "machine": describe_machine(), "code": code}
        _add_to_record(folder, record, {title: entry}, runs)
        say(f" {seconds:7.1f} s")
    _add_to_record(folder, record, {}, runs)


def _add_to_record(folder: Path, record: Path, fresh: dict[str, Any], runs: Iterable[str]) -> None:
    """Add to the record, and leave out what is no run of the study."""
    with locked(folder / "build"):
        found = (read_json(record) if record.exists() else {}) | fresh
        known = {title: found[title] for title in runs if title in found}
        write_whole({record: json.dumps(known, indent=1, allow_nan=False) + "\n"})


def _code_alone(text: str) -> str:
    """Return code without comments, docstrings, layout, order, and the settings of runs.

    What is only defined may stand anywhere: which file it came from says where it stands.
    """
    tree = ast.parse(text)
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, kinds) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    body = [node for node in tree.body if not _is_runs(node)]
    defined = sorted(ast.unparse(node) for node in body if isinstance(node, DEFINE))
    done = [ast.unparse(node) for node in body if not isinstance(node, DEFINE)]
    return "\n".join([*defined, *done])


def _with_plain_imports(text: str) -> str:
    """Put what a module tries to import, and else says how to install, among its imports."""
    tree = ast.parse(text)
    tried = [node for node in tree.body if isinstance(node, ast.Try)]
    if not any(isinstance(node.body[0], (ast.Import, ast.ImportFrom)) for node in tried):
        return text
    plain = [node.body if node in tried else [node] for node in tree.body]
    return ast.unparse(ast.Module([node for nodes in plain for node in nodes], []))


def _is_runs(node: ast.stmt) -> TypeGuard[ast.Assign]:
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "RUNS"


def _runs_of(study: Path) -> dict[str, dict[str, Any]]:
    """Read the settings of a study without running it."""
    rule = f"{shown(study)} must have RUNS = {{name: settings}} at its top"
    for node in ast.parse(read_text(study)).body:
        if _is_runs(node):
            try:
                return eval(ast.unparse(node.value), {})  # the project's own file
            except NameError as error:
                raise BookError(f"{rule}, of Python's own names alone; {error}.") from None
    raise BookError(f"{rule}; there is none.")


def _result_of(folder: Path, study: Path, title: str) -> Any:
    """Do one run in a process of its own."""
    with tempfile.TemporaryDirectory() as temporary:
        answer = Path(temporary, "result.json")
        words = ONE_RUN, str(study.resolve()), title, str(answer)
        done = run_python(folder / "build", "-c", *words)
        if done.returncode:
            raise BookError(f"run {title!r} of {shown(study)} failed: {last_words(done)}")
        return json.loads(answer.read_text(encoding="utf-8"))
