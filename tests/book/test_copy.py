"""Each module of the package, taken along alone: what comes with it, and whether it works there."""

import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from cnnbook.book import _copies
from cnnbook.book._flatten import Flat
from cnnbook.book.copy import copy_modules, list_modules

ROOT = Path(__file__).parents[2]
ROOMS = list_modules()
SIX = ["grad_cam", "mnist", "losses", "resnet", "image_pipeline", "gallery"]


# How a module is flattened, on small packages -----------------------------------------------------


def flat(**modules):
    """Flatten toy.root, with what it needs of the other modules of toy."""
    sources = {f"toy.{name}": textwrap.dedent(text) for name, text in modules.items()}
    return Flat("toy.root", sources.get).text()


def run(text):
    """Run a file that nothing else can be imported from."""
    assert not re.search(r"import .*\btoy\b|from toy", text), text
    names = {"__name__": "copied"}
    exec(compile(text, "copied", "exec"), names)
    return names


GROUND = '''
"""Not copied."""

import json
import math
import os.path
import os

LIMIT = 3  # of what is unused
HALF = 0.5
"""What a half is."""


# A comment that goes
# with the function.
def half(value):
    """Take the half."""
    return math.floor(value * HALF)


def unused(value=LIMIT):
    return json.dumps(value) + os.sep
'''


def test_what_is_used_comes_along_with_its_comments_and_nothing_else_does():
    text = flat(_ground=GROUND, root='"""Mine."""\n\nfrom toy._ground import half\n\nX = half(9)\n')
    assert run(text)["X"] == 4
    assert text.startswith('"""Mine."""\n\nimport math\n\n')
    assert 'HALF = 0.5\n"""What a half is."""\n' in text
    assert "# A comment that goes\n# with the function.\ndef half(value):\n" in text
    for word in ("Not copied", "LIMIT", "unused", "json", "os"):
        assert word not in text


@pytest.mark.parametrize("module", ["_ground", "between"])
def test_a_name_may_come_over_several_files(module):
    between = "from toy._ground import half, unused\n\n__all__ = ['half']\n"
    root = (
        f"from toy.{module} import half\n\n\ndef of_9(f=half):\n    return f(9)\n\n\nX = of_9()\n"
    )
    text = flat(_ground=GROUND, between=between, root=root)
    assert run(text)["X"] == 4
    assert "unused" not in text


def test_what_a_module_offers_of_others_comes_along():
    text = flat(_ground=GROUND, root="from toy._ground import half\n\n__all__ = ['half']\n")
    assert run(text)["half"](9) == 4


@pytest.mark.parametrize(
    "root",
    [
        "from toy._ground import half as cut\nX = cut(9)",
        "from toy import _ground\nX = _ground.half(9)",
        "import toy._ground\nX = toy._ground.half(9)",
        "import toy._ground as under\nX = under.half(9)",
    ],
)
def test_only_one_way_to_import_can_be_flattened(root):
    with pytest.raises(
        ValueError, match=r"toy.root: import .* by `from toy.room.file import name`"
    ):
        flat(_ground=GROUND, root=root)


def test_an_import_inside_a_function_is_refused():
    root = "def f():\n    from toy._ground import half\n\n    return half(9)\n"
    with pytest.raises(ValueError, match="toy.root: import from toy. at the top"):
        flat(_ground=GROUND, root=root)


def test_the_module_comes_first_where_python_allows_it_and_the_rest_behind():
    ground = """
    import functools

    WORDS = {"a": 1}


    class Base:
        size = 3


    def loud(function):
        @functools.wraps(function)
        def speak(*arguments):
            return look_up(function(*arguments))

        return speak


    def look_up(word):
        return WORDS[word]


    def first(values):
        return values[0]
    """
    root = """
    from toy._ground import Base, first, loud


    class Mine(Base):
        pass


    @loud
    def letter(values):
        return first(values)
    """
    text = flat(_ground=ground, root=root)
    names = run(text)
    assert (names["Mine"].size, names["letter"](["a", "b"])) == (3, 1)
    order = ["class Base", "def loud", "class Mine", "def letter", "WORDS =", "def look_up"]
    places = [text.index(words) for words in [*order, "def first"]]
    assert places == sorted(places)


def test_what_is_called_on_import_finds_all_that_it_needs():
    ground = "TABLE = {1: 2}\n\n\ndef look(key):\n    return TABLE[key]\n"
    root = "from toy._ground import look\n\n\ndef make():\n    return look(1)\n\n\nX = make()\n"
    assert run(flat(_ground=ground, root=root))["X"] == 2


def test_a_ground_floor_that_acts_when_it_is_imported_is_refused():
    ground = "import sys\n\nKNOWN = {}\nsys.flattened = True\n"
    with pytest.raises(ValueError, match="toy._ground does something when it is imported"):
        flat(_ground=ground, root="from toy._ground import KNOWN\n\nX = KNOWN\n")


def test_an_import_that_may_fail_stays_as_it_is():
    root = """
    try:
        import json
    except ModuleNotFoundError:
        raise SystemExit("no json") from None

    X = json.loads("[1]")
    """
    text = flat(root=root)
    assert run(text)["X"] == [1]
    assert "    import json\n" in text


def test_hints_for_types_alone_bring_what_they_name():
    ground = "class Record(list):\n    pass\n\n\nclass Unused:\n    pass\n"
    root = """
    from __future__ import annotations

    from typing import TYPE_CHECKING, Literal

    if TYPE_CHECKING:
        from collections.abc import Sequence
        from pathlib import Path

        from toy._ground import Record


    def read(path: Sequence[int], how: Literal["Unused"] = "Unused") -> list[Record]:
        return []
    """
    text = flat(_ground=ground, root=root)
    assert "class Record" in text and "class Unused" not in text
    assert "from __future__ import annotations\n\nfrom typing import TYPE_CHECKING, Lit" in text
    assert "\nif TYPE_CHECKING:\n    from collections.abc import Sequence\n\n" in text
    assert "Path" not in text
    assert run(text)["read"]([]) == []


@pytest.mark.parametrize(
    ("modules", "words"),
    [
        (
            {"_a": "from os import sep as x\nY = x", "root": "from toy._a import Y\nx = Y"},
            "two things are named x; rename one",
        ),
        (
            {
                "_a": "import json as x\nY = x",
                "root": "import math as x\nfrom toy._a import Y\nZ = x, Y",
            },
            "two things are named x; rename one",
        ),
        (
            {"_a": "def _f():\n    pass\nY = _f", "root": "from toy._a import Y\n_f = Y"},
            "two things are named _f; rename one",
        ),
        ({"_a": "X = 1", "root": "from toy._a import Y\nZ = Y"}, "toy._a has no Y"),
    ],
)
def test_what_cannot_be_flattened_is_an_error_that_says_why(modules, words):
    with pytest.raises(ValueError, match=words):
        flat(**modules)


# How files are written ----------------------------------------------------------------------------


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A package of three modules with tests; what it has in cnnbook/, a copy may need."""
    files = {
        "cnnbook/__init__.py": "",
        "cnnbook/_shared.py": "NAMES = ('one', 'two')\n\n\ndef unused():\n    pass\n",
        "cnnbook/room/__init__.py": "",
        "cnnbook/room/_below.py": GROUND,
        "cnnbook/room/mine.py": '"""What is mine? Half."""\n\nfrom cnnbook._shared import NAMES\n'
        "from cnnbook.room._below import half\n\n\ndef mine():\n    return half(9), NAMES\n",
        "cnnbook/room/same.py": '"""One."""\n',
        "cnnbook/other/same.py": '"""The other."""\n\nfrom PIL import Image\n\nX = Image\n',
        "cnnbook/book/claims.py": '"""Claims?"""\n',
        "cnnbook/book/build.py": '"""Not for readers."""\n',
        "conftest.py": "import os\n\nimport pytest\n\nos.environ['CNNBOOK_TOY'] = '1'\n\n\n"
        "@pytest.fixture\ndef nine():\n    return 9\n\n\n"
        "@pytest.fixture\ndef ten():\n    return 10\n",
        "tests/room/conftest.py": "import pytest\n\n\n@pytest.fixture\ndef eight(nine):\n"
        "    return nine - 1\n\n\n@pytest.fixture(autouse=True)\ndef noted(monkeypatch):\n"
        "    monkeypatch.setenv('CNNBOOK_NOTED', '1')\n",
        "tests/room/helper.py": "def double(value):\n    return 2 * value\n\n\n"
        "def unused():\n    pass\n",
        "tests/room/test_mine.py": '''"""Mine is tested."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from helper import double

from cnnbook.other.same import X
from cnnbook.room import _below, mine as module
from cnnbook.room.mine import mine

HERE = Path(__file__).parent


@pytest.mark.parametrize("number", [4])
def test_half(number, eight):
    assert mine()[0] == number == double(eight) // 4
    assert os.environ["CNNBOOK_TOY"] == os.environ["CNNBOOK_NOTED"] == "1"


def test_patched(monkeypatch):
    monkeypatch.setattr(_below, "HALF", 1)
    assert mine() == (9, ("one", "two"))
    monkeypatch.setattr("cnnbook.room._below.HALF", 2)
    assert module.mine()[0] == 18


def test_in_a_process():
    code = "from cnnbook.room.mine import mine; from cnnbook.room import mine as m; print(m.mine())"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout == "(4, ('one', 'two'))\\n", answer.stderr


def test_not_in_the_copy():
    assert _below.unused().startswith("3")


def reads():
    return HERE.name


def test_of_the_repository():
    assert reads() == "room"


@pytest.fixture
def room():
    return HERE


def test_of_a_fixture_of_the_repository(room):
    assert room.is_dir()


def test_of_another_module():
    assert "cnnbook.room.same" not in sys.modules
''',
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr("cnnbook.book.copy.PACKAGE", tmp_path / "cnnbook")
    return tmp_path


def pytest_there(folder, *words):
    """Run copied tests, where nothing of the package can be imported."""
    code = "import sys, pytest; sys.modules['cnnbook'] = None; sys.exit(pytest.main(sys.argv[1:]))"
    options = ["-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(folder)]
    command = [sys.executable, "-c", code, *options, "-W", "ignore", *words]
    environment = {name: value for name, value in os.environ.items() if "CNNBOOK_" not in name}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.slow
def test_a_copy_and_its_tests_work_where_the_package_is_not(toy, tmp_path):
    lines = copy_modules(["mine"], tmp_path / "new" / "folder")
    folder = tmp_path / "new" / "folder"
    assert lines == [
        f"{folder}/mine.py: needs Python alone",
        f"{folder}/test_mine.py: pip install pytest;"
        " tests left out, for they need the repository: 4",
    ]
    assert sorted(path.name for path in folder.iterdir()) == ["mine.py", "test_mine.py"]
    text = (folder / "mine.py").read_text()
    assert text.startswith(
        "# Copied from cnnbook 0.1.0, module cnnbook.room.mine; it stands alone.\n"
    )
    assert "# SPDX-License-Identifier: Apache-2.0\n# To use it: needs Python alone\n" in text
    assert "unused" not in text
    tests = (folder / "test_mine.py").read_text()
    assert "import mine as _below\nimport mine as module\nfrom mine import mine\n" in tests
    left_out = "test_not_in_the_copy, test_of_a_fixture_of_the_repository, test_of_another_module,"
    assert left_out in tests.replace("\n# ", " ")
    assert "def ten" not in tests and "def double" in tests and "HERE" not in tests
    result = pytest_there(folder)
    assert "3 passed" in result.stdout, result.stdout


@pytest.mark.slow
def test_an_installed_package_has_its_tests_within(toy, tmp_path):
    (toy / "tests").rename(toy / "cnnbook" / "_tests")
    (toy / "conftest.py").rename(toy / "cnnbook" / "_tests" / "conftest.py")
    copy_modules(["room/mine"], tmp_path / "new")
    assert "3 passed" in pytest_there(tmp_path / "new").stdout


def test_where_there_are_no_tests_the_module_comes_alone_and_a_line_says_so(toy, tmp_path):
    [line] = copy_modules(["other/same"], tmp_path / "new")
    assert line.endswith("same.py: pip install pillow; no tests of it came with cnnbook")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["same.py"]


def test_a_file_that_is_there_stays_and_nothing_is_written_unless_forced(toy, tmp_path):
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "test_mine.py").write_text("precious")
    with pytest.raises(OSError, match=r"Nothing was written.*new/test_mine\.py.*--force"):
        copy_modules(["room/same", "mine"], tmp_path / "new")
    assert [path.read_text() for path in (tmp_path / "new").iterdir()] == ["precious"]
    copy_modules(["room/same", "mine"], tmp_path / "new", force=True)
    assert len(list((tmp_path / "new").iterdir())) == 3
    assert "precious" not in (tmp_path / "new" / "test_mine.py").read_text()


def test_a_disk_that_is_full_halfway_leaves_nothing(toy, tmp_path, monkeypatch):
    write = Path.write_text

    def full(path, text, **options):
        if "test_mine" in path.name:
            raise OSError(28, "No space left on device")
        return write(path, text, **options)

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        copy_modules(["mine"], tmp_path / "new")
    assert not list((tmp_path / "new").iterdir())


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["mien"], r"There is no module 'mien'\. Did you mean 'mine'\? `cnnbook copy` lists them"),
        (["_below"], "There is no module '_below'"),
        (["build"], "There is no module 'build'"),
        (["same"], "There is no module 'same'. Did you mean '(room|other)/same'"),
        (["room/same", "other/same"], r"Two modules would be .*same\.py: copy them into two"),
        ("mine", "`names` must be a list, each text"),
    ],
)
def test_a_name_that_is_none_is_an_error_that_helps(toy, tmp_path, names, words):
    with pytest.raises(ValueError, match=words):
        copy_modules(names, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_the_list_has_rooms_with_the_first_sentence_of_each_module(toy):
    assert list_modules() == {
        "other": {"other/same": "The other."},
        "room": {"mine": "What is mine?", "room/same": "One."},
        "book": {"claims": "Claims?"},
    }


# Every module of the package ----------------------------------------------------------------------

# Imports each copy of a folder where the package cannot be seen, and runs its examples.
VISITOR = """
import doctest, importlib, json, pathlib, sys
sys.modules["cnnbook"] = None
sys.path.insert(0, ".")
results = {}
for path in sorted(pathlib.Path().glob("*.py")):
    if not path.name.startswith("test_"):
        try:
            module = importlib.import_module(path.stem)
            runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
            for test in doctest.DocTestFinder().find(module, path.stem):
                runner.run(test)
            results[path.stem] = [runner.failures, runner.tries]
        except Exception as error:
            results[path.stem] = f"{type(error).__name__}: {error}"
pathlib.Path("results.json").write_text(json.dumps(results))
"""


@pytest.fixture(scope="module")
def copies(tmp_path_factory):
    """Every module that a reader may want, and its tests, in a folder a room."""
    folder = tmp_path_factory.mktemp("copies")
    for room, modules in ROOMS.items():
        copy_modules([*modules], folder / room)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("room", ROOMS)
def test_each_module_imports_alone_and_its_examples_run(copies, room):
    command = [sys.executable, "-c", VISITOR]
    ran = subprocess.run(command, cwd=copies / room, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr[-2000:]
    results = json.loads((copies / room / "results.json").read_text())
    assert results.keys() == {name.rpartition("/")[2] for name in ROOMS[room]}
    for name, found in results.items():
        examples = (copies / room / f"{name}.py").read_text().count(">>> ")
        assert found == [0, examples], f"{name}: {found}\n{ran.stdout[-3000:]}"


@pytest.mark.slow
def test_the_copies_are_as_ruff_wants_them(copies):
    # What is excused in the project; and methods of private files, which now stand in public ones.
    ignored = '{"test_*.py" = ["D", "PT018", "RUF043"], "*.py" = ["D102"],'
    ignored += ' "image_folder.py" = ["PTH"], "test_image_pipeline.py" = ["PTH", "RUF100"],'
    ignored += ' "serve.py" = ["RUF100"]}'
    options = ["--config", str(ROOT / "pyproject.toml"), "--config", f"src = {[*ROOMS]}"]
    check = ["check", "--config", f"lint.extend-per-file-ignores = {ignored}", "--no-cache"]
    for words in (check, ["format", "--check", "--no-cache"]):
        ran = subprocess.run(
            [sys.executable, "-m", "ruff", *words, *options, "."],
            cwd=copies,
            capture_output=True,
            text=True,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr


def test_without_ruff_the_text_is_clean_already(monkeypatch, tmp_path):
    copy_modules(["losses"], tmp_path / "with")
    monkeypatch.setattr(_copies.shutil, "which", lambda *_, **__: None)
    copy_modules(["losses"], tmp_path / "without")
    for path in (tmp_path / "with").iterdir():
        assert (tmp_path / "without" / path.name).read_text() == path.read_text()


@pytest.mark.slow
def test_a_loader_of_data_says_that_the_data_is_not_in_its_copy(tmp_path):
    module, tests = copy_modules(["mnist"], tmp_path)
    assert module.endswith("; the data that comes with cnnbook, its folder data/, is not in it")
    assert "the_embedded_files_have_the_bytes" in (tmp_path / "test_mnist.py").read_text()
    assert re.search(r"tests left out, for they need the repository: \d", tests)


@pytest.mark.slow
def test_the_tests_of_six_modules_pass_beside_them(tmp_path):
    copy_modules(SIX, tmp_path)
    ran = pytest_there(tmp_path, "-m", "not slow")
    assert ran.returncode == 0, ran.stdout[-3000:]


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("room", ROOMS)
def test_the_tests_of_every_module_pass_beside_it(copies, room):
    ran = pytest_there(copies / room)
    assert ran.returncode == 0, ran.stdout[-3000:]
