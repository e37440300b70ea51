"""The names at the top of cnnbook: there, the right ones, and not imported before they are used."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import cnnbook


def run(code: str) -> str:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.slow
def test_import_cnnbook_imports_nothing_heavy_and_one_name_only_what_it_needs():
    heavy = "{'keras', 'tensorflow', 'numpy', 'matplotlib', 'PIL'} & set(sys.modules)"
    assert run(f"import sys, cnnbook; dir(cnnbook); print({heavy})") == "set()"
    code = f"import sys; from cnnbook import plot_gallery; print('keras' in ({heavy}))"
    assert run(code) == "False"


@pytest.mark.parametrize("name", cnnbook.__all__)
def test_each_name_is_that_of_its_file(name):
    found = getattr(cnnbook, name)
    assert callable(found) and found.__name__ == name and found.__doc__
    assert getattr(importlib.import_module(found.__module__), name) is found
    assert vars(cnnbook)[name] is found  # the next time it is just there


def test_there_is_one_name_at_least_of_each_room_for_readers():
    rooms = {getattr(cnnbook, name).__module__.split(".")[1] for name in cnnbook.__all__}
    assert rooms >= {"datasets", "models", "training", "explain", "plots", "devices"}


@pytest.mark.slow
def test_type_checkers_are_told_the_same():
    folder = Path(cnnbook.__file__).parent
    told = {
        alias.asname: node.module
        for node in ast.walk(ast.parse((folder / "__init__.pyi").read_text()))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert told == {name: getattr(cnnbook, name).__module__ for name in cnnbook.__all__}
    assert (folder / "py.typed").exists()


def test_dir_lists_all_and_a_star_imports_all():
    assert set(cnnbook.__all__) <= set(dir(cnnbook))
    assert "__version__" in dir(cnnbook)
    names: dict[str, object] = {}
    exec("from cnnbook import *", names)
    assert set(cnnbook.__all__) <= set(names)


def test_an_unknown_name_gets_a_close_one():
    with pytest.raises(AttributeError, match="no name 'plot_galery'. Did you mean 'plot_gallery'?"):
        _ = cnnbook.plot_galery
    with pytest.raises(AttributeError, match=r"no name 'zzz'. `dir\(cnnbook\)` lists those"):
        _ = cnnbook.zzz
    with pytest.raises(ImportError, match="plot_galery"):
        from cnnbook import plot_galery  # noqa: F401
    assert not hasattr(cnnbook, "__wrapped__")


def test_files_and_rooms_can_be_imported_as_ever():
    code = "from cnnbook import arithmetic; import cnnbook.plots; print(cnnbook.plots.__name__)"
    assert run(code) == "cnnbook.plots"


def test_the_table_of_contents_names_every_file_and_folder_at_the_top():
    for path in Path(cnnbook.__file__).parent.iterdir():
        if path.suffix in {".py", ""} and not path.name.startswith("_"):
            assert f"`cnnbook.{path.stem}`" in cnnbook.__doc__, path
