"""The rules that keep the repository small, shared and clean."""

import ast
import io
import re
import subprocess
import tokenize
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "cnnbook").rglob("*.py"))
NAMES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in MODULES
}
# Which rooms each room may look into, apart from itself. In the first six lines nobody may look at
# anybody; every room may look at what lies at the top.
PICTURES = {"datasets", "models", "training", "explain", "plots", "widgets"}
MAY_LOOK_INTO: dict[str, set[str]] = {
    "datasets": set(),
    "models": set(),
    "training": set(),
    "explain": set(),
    "plots": set(),
    "widgets": {"explain", "plots"},
    "deploy": PICTURES,
    "book": PICTURES | {"deploy"},
    "command": PICTURES | {"deploy", "book"},
}
PROGRAMS = {
    "book",
    "command",
}  # their files call each other; those of the other rooms share `_*.py`


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
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(
            node.value, (ast.Tuple, ast.Dict)
        ):
            lines -= set(range(node.lineno, node.end_lineno + 1))
    return lines


def test_lines_of_code_leaves_out_docstrings_comments_blanks_and_tables():
    source = '"""Doc\nstring."""\n\n# comment\nx = 1\ny = """a\nb"""\nTABLE = (\n    1,\n)\n'
    assert lines_of_code(source) == {5, 6, 7}


def imported(source: str, known: set[str], module: str = "") -> set[tuple[str, str]]:
    """Return what a file imports of this package, wherever in it: pairs of module and name.

    The name is empty where the module itself is meant. `import_module("cnnbook...")` counts; of
    `import_module(f"cnnbook.models.{name}")` the package counts that it names.
    """
    pairs = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            pairs |= {(alias.name, "") for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = node.module or ""
            if node.level:
                start = ".".join([*module.split(".")[: -node.level], *([start] if start else [])])
            for name in (alias.name for alias in node.names):
                whole = f"{start}.{name}"
                pairs.add((whole, "") if whole in known else (start, name))
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            text = (
                node.args[0].values[0] if isinstance(node.args[0], ast.JoinedStr) else node.args[0]
            )
            if isinstance(text, ast.Constant):
                pairs.add((text.value.rstrip("."), ""))
    return {pair for pair in pairs if pair[0].split(".")[0] == "cnnbook"}


def test_imported_finds_lazy_typed_relative_and_named_imports():
    known = {"cnnbook.plots", "cnnbook.plots.curves", "cnnbook.plots._bars"}
    source = (
        "import cnnbook.plots.curves\nif TYPE_CHECKING:\n    from cnnbook.plots import curves\n"
        "def f():\n    from cnnbook.plots.curves import plot_curves\n    from . import _bars\n"
        "    from ._bars import bar\n    import numpy\n    import_module('cnnbook.plots')\n"
        "    importlib.import_module(f'cnnbook.models.{name}')\n"
    )
    assert imported(source, known, "cnnbook.plots.runs") == {
        ("cnnbook.plots.curves", ""),
        ("cnnbook.plots.curves", "plot_curves"),
        ("cnnbook.plots._bars", ""),
        ("cnnbook.plots._bars", "bar"),
        ("cnnbook.plots", ""),
        ("cnnbook.models", ""),
    }


def room_of(module: str) -> str:
    """The room of `cnnbook.plots.curves` is plots; that of `cnnbook.devices` is the top, ''."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in MAY_LOOK_INTO else ""


def is_private(module: str) -> bool:
    return any(part.startswith("_") for part in module.split("."))


def faults_of_arrow(module: str, target: str, name: str) -> str:
    """Say what is wrong with one import, or nothing."""
    room, other = room_of(module), room_of(target)
    if other and other != room and other not in MAY_LOOK_INTO.get(room, ()) and module != "cnnbook":
        return f"`{room or 'the top'}` may not look into `{other}`"
    if other and other != room and is_private(target):
        return "a private file of another room"
    if name.startswith("_") and not name.startswith("__"):
        return "a private name of another file"
    public = not is_private(module) and not is_private(target)
    if other and other == room and public and room not in PROGRAMS:
        return "files of one room share what lies in its `_*.py`"
    return ""


@pytest.mark.parametrize(
    ("module", "target", "name", "fault"),
    [
        ("cnnbook.plots.curves", "cnnbook.models.vgg", "", "may not look into `models`"),
        ("cnnbook.explain._listen", "cnnbook.plots.curves", "", "may not look into `plots`"),
        ("cnnbook.deploy.export", "cnnbook.command.main", "", "may not look into `command`"),
        ("cnnbook.arithmetic", "cnnbook.plots._bars", "", "`the top` may not look into `plots`"),
        ("cnnbook.widgets.layers", "cnnbook.plots._bars", "bar", "a private file of another room"),
        ("cnnbook.plots.runs", "cnnbook.plots.curves", "", "share what lies in its `_*.py`"),
        ("cnnbook.book.build", "cnnbook.book.pages", "_page", "a private name"),
        ("cnnbook.book.build", "cnnbook.book.pages", "page", ""),
        ("cnnbook.plots.runs", "cnnbook.plots._bars", "bar", ""),
        ("cnnbook.plots.runs", "cnnbook._checks", "checked", ""),
        ("cnnbook.widgets.layers", "cnnbook.plots.curves", "plot_curves", ""),
        ("cnnbook.command.main", "cnnbook", "__version__", ""),
    ],
)
def test_an_arrow_in_the_wrong_direction_is_seen(module, target, name, fault):
    found = faults_of_arrow(module, target, name)
    assert fault in found
    assert bool(fault) == bool(found)


def test_every_arrow_goes_the_right_way():
    assert {room_of(module) for module in NAMES} == {"", *MAY_LOOK_INTO}
    faults = [
        f"{module} imports {target} {name}: {fault}"
        for module, path in NAMES.items()
        for target, name in sorted(imported(path.read_text(), set(NAMES), module))
        if (fault := faults_of_arrow(module, target, name))
    ]
    assert not faults, "\n".join(faults)


def test_no_file_imports_itself_on_a_detour():
    arrows = {
        module: {target for target, _ in imported(path.read_text(), set(NAMES), module)}
        for module, path in NAMES.items()
    }
    while ends := [module for module, targets in arrows.items() if not targets & set(arrows)]:
        for module in ends:
            del arrows[module]
    assert not arrows, f"among these is a circle: {sorted(arrows)}"


def test_chapters_and_benchmarks_import_only_what_is_public():
    for path in [*(ROOT / "notebooks").rglob("*.py"), *(ROOT / "benchmarks").glob("*.py")]:
        for target, name in imported(path.read_text(), set(NAMES)):
            assert target in NAMES, f"{path.name}: {target}"
            assert not is_private(target) and not is_private(name), f"{path.name}: {target} {name}"


def definitions(source: str) -> dict[str, str]:
    """Return the body of each function and class of a file, whatever words its writer chose."""
    found = {}
    for node in ast.parse(source).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            name, node.name, words = node.name, "definition", {}
            for each in ast.walk(node):
                if isinstance(each, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(each):
                    each.body = each.body[1:] or [ast.Pass()]
                if isinstance(each, ast.arg):
                    words[each.arg], each.annotation = f"word{len(words)}", None
                if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
                    words.setdefault(each.id, f"word{len(words)}")
                each.returns = None
            body = ast.unparse(node)
            found[name] = re.sub(
                r"\w+", lambda word, words=words: words.get(word[0], word[0]), body
            )
    return found


def written_twice(sources: dict[str, str]) -> list[str]:
    """List definitions that have the name of another, or four lines and more that are another's."""
    places = defaultdict(list)
    for file, source in sources.items():
        for name, body in definitions(source).items():
            places[f"def {name}"].append(f"{file} {name}")
            if body.count("\n") >= 4:
                places[body].append(f"{file} {name}")
    return sorted({" and ".join(found) for found in places.values() if len(found) > 1})


def test_written_twice_sees_a_name_and_a_body_with_other_words():
    one = 'def f(a):\n    """Say."""\n    b = a\n    c = b\n    d = c\n    return d\n'
    same = "def g(x: int):\n    y = x\n    z = y\n    w = z\n    return w\n"
    other = "def h(x: int):\n    y = x\n    z = x\n    w = z\n    return w\n"
    assert written_twice({"one": one, "same": same, "other": other}) == ["one f and same g"]
    assert written_twice({"one": one, "again": "def f():\n    pass\n"}) == ["one f and again f"]
    assert not written_twice({"one": "def f(a):\n    return a\n", "two": "def g(a):\n    return a"})


def test_nothing_is_written_twice():
    twice = written_twice({name: path.read_text() for name, path in NAMES.items()})
    assert not twice, "\n".join(twice)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: "/".join(path.parts[-2:]))
def test_a_module_has_150_lines_of_code_at_most_and_a_function_50(path):
    source = path.read_text()
    lines = lines_of_code(source)
    assert len(lines) <= 150
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            size = len(lines & set(range(node.lineno, node.end_lineno + 1)))
            builder = node.name.startswith("build_") and "models" in path.parts
            assert size <= (45 if builder else 50), node.name
            if builder:
                assert len(node.args.args) + len(node.args.kwonlyargs) <= 5, node.name


@pytest.mark.parametrize("path", MODULES, ids=lambda path: "/".join(path.parts[-2:]))
def test_public_functions_are_documented_and_typed_and_nothing_asserts(path):
    for node in ast.walk(ast.parse(path.read_text())):
        assert not isinstance(node, ast.Assert), f"line {node.lineno}"
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), node.name
            assert node.returns, node.name
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            assert all(argument.annotation for argument in arguments), node.name


def test_a_function_for_readers_explains_its_arguments():
    """What has no need of that is no function for readers, and begins with an underscore."""
    faults = [
        f"{module}.{node.name}"
        for module, path in NAMES.items()
        if not is_private(module) and room_of(module) not in PROGRAMS
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
        if (node.args.args or node.args.kwonlyargs)
        and not re.search(r"Args:|[Ss]ee\s+`", ast.get_docstring(node))
    ]
    assert not faults, "\n".join(faults)


def file_of_tests(module: str) -> Path:
    """Find the tests of a module; a file of tests has a name of its own, whatever its room."""
    path = NAMES[module].relative_to(ROOT / "cnnbook")
    command = ROOT / "tests" / path.with_name(f"test_{path.stem}_command.py")
    return command if command.is_file() else command.with_name(f"test_{path.name}")


def test_every_module_has_a_test_file():
    """Private files are tested through those that use them."""
    modules = [module for module in NAMES if not is_private(module) and "." in module]
    missing = [
        module
        for module in modules
        if NAMES[module].name != "__init__.py" and not file_of_tests(module).is_file()
    ]
    # `cnnbook claims` is what `cnnbook book` does last, and is tested with it.
    assert missing == ["cnnbook.command.claims"]


def is_slow(node: ast.FunctionDef) -> bool:
    """Tell whether the marks of a test say that it is slow or long."""
    marks = [ast.unparse(mark) for mark in node.decorator_list]
    return any(re.match(r"pytest\.mark\.(slow|long)\b", mark) for mark in marks)


def quick_tests(source: str) -> list[str]:
    """Name the tests of a file that `make check` runs."""
    body = ast.parse(source).body
    for node in body:
        if re.match(r"pytestmark = .*\bmark\.(slow|long)\b", ast.unparse(node)):
            return []
    return [
        node.name
        for node in body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and not is_slow(node)
    ]


def test_quick_tests_leaves_out_marked_functions_and_files():
    some = "@pytest.mark.parametrize('x', [pytest.param(1, marks=pytest.mark.slow), 2])\n"
    source = "@pytest.mark.slow\ndef test_a(): ...\n" + some + "def test_b(x): ...\n"
    assert quick_tests(source) == ["test_b"]
    assert quick_tests("pytestmark = pytest.mark.slow\n" + source) == []
    assert quick_tests("pytestmark = [pytest.mark.long]\n" + source) == []


def test_make_check_runs_something_of_every_module():
    files = {file_of_tests(module) for module in NAMES if NAMES[module].name != "__init__.py"}
    texts = {path.name: path.read_text() for path in files if path.is_file()}
    assert not sorted(name for name, text in texts.items() if not quick_tests(text))


def test_conda_installs_what_pyproject_says_and_nothing_of_its_own():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = (ROOT / "environment.yml").read_text().split("dependencies:")[1].split()
    packages = [line for line in lines if line != "-"]
    assert packages == ["python=3.11", "pip", "pip:", "-e", ".[dev]"]
    assert project["requires-python"].startswith(">=3.11")
    assert "dev" in project["optional-dependencies"]


def requirements() -> dict[str, list[str]]:
    """Read what each extra asks for; that of '' is what everybody gets."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {"": project["dependencies"], **project["optional-dependencies"]}


def test_every_dependency_has_a_lower_bound_and_the_next_major_as_the_upper():
    for requirement in (each for extra in requirements().values() for each in extra):
        if not requirement.startswith(("cnnbook[", "torch>=")):  # torch: one release for CPUs
            found = re.fullmatch(r"[a-z0-9-]+(?:\[\w+\])?>=([\d.]+),<(\d+)", requirement)
            assert found, requirement
            assert int(found[1].split(".")[0]) < int(found[2]), requirement


def test_the_helpers_need_few_packages_and_every_extra_is_there():
    names = [re.match(r"[a-z-]+", requirement)[0] for requirement in requirements()[""]]
    assert names == [
        *("filelock", "importlib-resources", "keras", "matplotlib", "numpy", "pillow"),
        *("tensorflow", "tensorflow-datasets"),
    ]
    assert list(requirements()) == [
        *("", "cli", "book", "serve", "cluster", "ray", "test", "dev", "backends", "bench"),
    ]


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


BINARY = {".gz", ".png", ".jpg", ".woff2", ".ttf", ".npz"}


def test_no_tracked_file_names_a_machines_folder_or_a_registry():
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout
    hosts = ("pypi" + ".org", "python" + "hosted.org", "registry.npm" + "js", "deb.debian" + ".org")
    folders = re.compile(r"(?<![\w.])/(?:work|root|farm|home/\w+|tmp/\w{6,})/")
    for name in files.splitlines():
        path = ROOT / name
        if path.suffix in BINARY or not path.is_file():
            continue
        text = path.read_text(encoding="utf-8")
        assert not folders.search(text), f"{name}: {folders.search(text)}"
        assert not any(host in text for host in hosts), name


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_sections_of_docstrings_stand_on_lines_of_their_own(path):
    found = re.findall(r"^ +(?:Args|Returns|Raises|Yields|Example): \w.*", path.read_text(), re.M)
    assert not found
