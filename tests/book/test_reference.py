"""Pages of the reference: what the docstrings say, nothing forgotten, and files to take along."""

import ast
import inspect
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from cnnbook.book import _api, _reference
from cnnbook.book._api_pages import Writer, cell, commented
from cnnbook.book.copy import copy_modules, list_modules

ROOT = Path(__file__).parents[2]
COUNT = sum(map(len, list_modules().values()))
CONF = """
project = "cnnbook"
extensions = ["myst_nb"]
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
html_theme = "basic"
add_module_names = False
toc_object_entries_show_parents = "hide"
python_maximum_signature_line_length = 76
suppress_warnings = ["config.cache"]
"""


@pytest.fixture(scope="module")
def pages():
    """The pages, with a stand-in for the files to take along, which take seconds to write."""
    with pytest.MonkeyPatch.context() as patch:
        files = {"x.py": ("x = 1\n", "pip install numpy"), "test_x.py": ("", "")}
        patch.setattr(_reference, "_copies", lambda: dict.fromkeys(_reference.all_modules(), files))
        return _reference.reference_pages(ROOT)


@pytest.mark.slow
def test_every_file_that_can_be_copied_has_a_page_and_a_place_in_the_contents(pages):
    rooms = list_modules()
    for room, names in rooms.items():
        listed = pages[f"reference/{room}/index"]
        for name in names:
            page = f"reference/{room}/{name.split('/')[-1]}"
            assert page in pages
            assert f"</{page}>`" in pages["reference/index"] and f"</{page}>`" in listed
            assert f"\n{page.split('/')[-1]} <{page.split('/')[-1]}>" in listed
        assert f"\n{room}/index\n" in pages["reference/index"]
    assert len(pages) == COUNT + len(rooms) + 2  # the index, and the engine


def test_each_name_that_one_wants_first_is_there_with_what_it_does(pages):
    stub = (ROOT / "cnnbook" / "__init__.pyi").read_text()
    names = re.findall(r"import (\w+) as", stub)
    first = pages["reference/index"].partition("## The names")[2].partition("\n## ")[0]
    assert re.findall(r"\{py:obj\}`(\w+) <", first) == names
    assert "\n: Compute a coarse heat map" in first


@pytest.mark.parametrize("module", ["cnnbook.arithmetic", "cnnbook.training.losses"])
def test_signatures_are_those_that_python_knows(module, pages):
    loaded = import_module(module)
    functions = [item for item in _api.items_of(module) if item.kind == "function"]
    assert functions
    for item in functions:
        known = inspect.signature(getattr(loaded, item.name))
        read = ast.parse(f"def f{item.signature}: ...").body[0].args
        named = [*read.posonlyargs, *read.args, *read.kwonlyargs]
        assert [argument.arg for argument in named] == [*known.parameters]
        defaults = [p.default for p in known.parameters.values() if p.default is not p.empty]
        values = [*read.defaults, *(it for it in read.kw_defaults if it is not None)]
        assert [ast.literal_eval(value) for value in values] == defaults


def test_all_that_a_file_offers_is_on_its_page(pages):
    for page, text in pages.items():
        if page.count("/") == 2 and not page.endswith("index"):
            module = page.removeprefix("reference/").replace("/", ".")
            module = f"cnnbook.{module.removeprefix('cnnbook.')}"
            tree = ast.parse((ROOT / f"{module.replace('.', '/')}.py").read_text())
            kinds = (ast.FunctionDef, ast.ClassDef)
            public = [it.name for it in tree.body if isinstance(it, kinds) and it.name[0] != "_"]
            assert public, module
            for name in public:
                assert re.search(rf"\{{py:(function|class)\}} {name}\b", text), f"{module}.{name}"


def test_a_chapter_that_imports_a_file_is_linked_and_no_other(pages):
    for page in ("explain/grad_cam", "datasets/mnist", "plots/reliability"):
        module = "cnnbook." + page.replace("/", ".")
        uses = {
            path.stem
            for path in (ROOT / "notebooks" / "source").glob("*.py")
            if re.search(rf"^from {module} import", path.read_text(), re.MULTILINE)
        }
        text = pages[f"reference/{page}"]
        assert {*re.findall(r"</(\d\w+)>`", text)} == uses
        assert ("## Used in these chapters" in text) == bool(uses)


def test_names_of_the_package_lead_to_their_pages_but_not_to_themselves(pages):
    text = pages["reference/datasets/image_folder"]
    assert "{py:obj}`load_image_folder <cnnbook.datasets.image_folder.load_image_folder>`" in text
    own = text.partition("{py:function} load_image_folder")[2].partition("``````")[0]
    assert "{py:obj}`class_names" not in own and "{py:obj}`load_image_folder" not in own


def test_types_of_private_files_are_written_out_and_what_they_return_is_shown(pages):
    assert "ClassIndex" not in pages["reference/explain/grad_cam"]
    assert "class_index: int | np.ndarray" in pages["reference/explain/grad_cam"]
    assert "{py:class} ImageSplits(train_images: np.ndarray" in pages["reference/datasets/mnist"]


def test_a_docstring_comes_apart_as_google_means_it():
    text = (
        "Do it.\n\nMore words.\n\nArgs:\n    one: First,\n        long.\n    *rest: Others.\n\n"
        "Returns:\n    A number.\n\nRaises:\n    ValueError: If not.\n\nAs `other` does.\n"
    )
    prose, sections = _api.sections_of(text)
    assert prose == "Do it.\n\nMore words.\n\nAs `other` does."
    assert _api.entries_of(sections["Args"]) == {"one": "First, long.", "*rest": "Others."}
    assert _api.entries_of(sections["Raises"]) == {"ValueError": "If not."}
    assert sections["Returns"] == "A number."


def test_an_example_is_a_cell_without_signs_that_nobody_can_copy():
    lines = ">>> x = 1\n>>> if x:\n...     print(x)\n1\n>>> y = 2\n"
    blocks = _api.examples_of(lines)
    assert blocks == [("x = 1\nif x:\n    print(x)\n", "1\n"), ("y = 2\n", "")]
    shown = cell(blocks[0])
    assert "python\n\nx = 1\nif x:\n    print(x)\n```" in shown and ":class: output\n\n1\n" in shown
    assert "cell_output" not in cell(blocks[1])


def test_prose_keeps_signs_that_mean_something_to_markdown_and_links_addresses():
    prose = Writer("m", {"thing": "{doc}`thing </t>`"}).prose
    assert prose("a <b and $5, `thing`, `<b>`") == r"a \<b and \$5, {doc}`thing </t>`, `<b>`"
    assert prose("see https://x.org/a_b). Then") == "see <https://x.org/a_b>). Then"
    assert prose("https://x.org/long-\nname: so") == "<https://x.org/long-name>: so"


def test_the_engine_is_shown_whole(pages):
    source = (ROOT / "cnnbook/book/web/live/engine.js").read_text()
    text = pages["reference/engine"].replace("`", "").replace("\\", "")
    for line in source.replace("`", "").replace("\\", "").splitlines():
        words = re.sub(r"^\s*// ?", "", line).strip() if line.startswith("//") else line.strip()
        assert words.removeprefix("// ") in text
    assert pages["reference/engine"].count("```{code-block} js") > 10


def test_a_comment_after_an_empty_line_is_prose_and_one_within_code_stays():
    text = "// A title.\n\n// Why f() is so.\nfunction f() {\n  // inside\n  return 1;\n}\n"
    shown = commented(text)
    assert "Why `f()` is so." in shown
    assert "```{code-block} js\n\nfunction f() {\n  // inside\n  return 1;\n}\n```" in shown


@pytest.mark.slow
def test_downloads_are_what_cnnbook_copy_writes(tmp_path, monkeypatch):
    monkeypatch.setattr(
        _reference, "all_modules", lambda: ["cnnbook.arithmetic", "cnnbook.training.losses"]
    )
    _reference._copies.cache_clear()
    files = _reference.reference_files()
    _reference._copies.cache_clear()
    copy_modules(["arithmetic", "losses"], tmp_path)
    places = {"arithmetic": "cnnbook", "losses": "training"}
    assert files == {
        f"reference/{room}/{name}.py": (tmp_path / f"{name}.py").read_text()
        for stem, room in places.items()
        for name in (stem, f"test_{stem}")
    }


@pytest.mark.slow
def test_sphinx_has_no_complaint_and_shows_arguments_as_a_list(pages, tmp_path):
    source, built = tmp_path / "source", tmp_path / "built"
    for name, text in pages.items():
        path = source / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    chapters = sorted(path.stem for path in (ROOT / "notebooks" / "source").glob("*.py"))
    for name in chapters:
        (source / f"{name}.md").write_text(f"# {name}\n")
    toctree = "\n".join([*chapters, "reference/index"])
    (source / "index.md").write_text(f"# Book\n\n```{{toctree}}\n{toctree}\n```\n")
    (source / "conf.py").write_text(CONF)
    words = ["-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", source, built]
    run = subprocess.run([sys.executable, *words], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    page = (built / "reference" / "explain" / "grad_cam.html").read_text()
    assert 'id="cnnbook.explain.grad_cam.grad_cam"' in page
    assert 'content="Which part of a picture raised the score of a class? Grad-CAM, a' in page
    assert re.search(r"<dt>.*layer_name.*</dt>\s*<dd>\s*<p>Of a layer that returns maps", page)
    assert "&gt;&gt;&gt;" not in page
    for path in built.glob("reference/*/*.html"):
        text = path.read_text()
        assert "{py:" not in text and "{doc}" not in text and "```" not in text, path.name
