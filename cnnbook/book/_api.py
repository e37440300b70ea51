"""What does the package offer? Functions and classes as their files say, without importing them.

The decision behind it is docs/decisions/0030: to import TensorFlow for the signatures takes longer
than all else, and shows decorators and aliases where a reader wants words.
"""

from __future__ import annotations

import ast
import re
import textwrap
from copy import deepcopy
from doctest import DocTestParser
from functools import cache
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).resolve().parents[1]
SECTIONS = ("Args", "Attributes", "Returns", "Yields", "Raises", "Example")
DEFINES = (ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)
METHODS_OF_KERAS = ("build", "call", "compute_output_shape", "get_config", "update_step")


class Item(NamedTuple):
    """A function, a class, a method or an attribute of a class."""

    kind: str  # as the directive of Sphinx
    name: str
    signature: str
    types: dict[str, str]  # of its arguments; "return" for what comes out
    docstring: str
    members: tuple[Item, ...] = ()


@cache
def tree_of(module: str) -> ast.Module:
    """Parse a module of this package."""
    path = PACKAGE.parent.joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(path.read_text(encoding="utf-8"))


def definitions(module: str) -> dict[str, ast.stmt]:
    """Return what a module defines at its top, by name, in its order."""
    found: dict[str, ast.stmt] = {}
    for node in tree_of(module).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", node)]
        for target in targets if isinstance(node, DEFINES) else ():
            found[getattr(target, "id", getattr(target, "name", ""))] = node
    return found


def imports_in(tree: ast.Module) -> dict[str, tuple[str, str]]:
    """Return what a file takes from this package: module and name, by local name."""
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {
        alias.asname or alias.name: (node.module or "", alias.name)
        for node in nodes
        for alias in node.names
        if (node.module or "").partition(".")[0] == "cnnbook"
    }


def first_names() -> dict[str, str]:
    """Return the names that `cnnbook` itself has, and the module of each."""
    stub = ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8"))
    return {name: module for name, (module, _) in imports_in(stub).items()}


@cache
def items_of(module: str) -> list[Item]:
    """Return the public functions and classes of a module, and the classes that they return."""
    own, taken = definitions(module), imports_in(tree_of(module))
    kinds = (ast.FunctionDef, ast.ClassDef)
    public = [name for name in own if name[:1] != "_" and isinstance(own[name], kinds)]
    if isinstance(listed := own.get("__all__"), ast.Assign):
        public = ast.literal_eval(listed.value)
    items = [item for name in public if (item := _item(*_defined_in(module, name)))]
    used = set(re.findall(r"\w+", " ".join(t for item in items for t in item.types.values())))
    shown = {item.name for item in items}
    for name in sorted(used & {*taken, *own} - shown):
        home, original = _defined_in(module, name)
        is_private = home == module or "._" in home
        if is_private and isinstance(definitions(home).get(original), ast.ClassDef):
            items += filter(None, [_item(home, original)])
    return items


def _defined_in(module: str, name: str) -> tuple[str, str]:
    """Follow a name to the module that defines it."""
    while name not in definitions(module) and name in imports_in(tree_of(module)):
        module, name = imports_in(tree_of(module))[name]
    return module, name


def _item(module: str, name: str) -> Item | None:
    node = definitions(module).get(name)
    if isinstance(node, ast.FunctionDef):
        return _function(module, node, "function")
    return _class(module, node) if isinstance(node, ast.ClassDef) else None


def _function(module: str, node: ast.FunctionDef, kind: str) -> Item:
    """Read a function; the first argument of a method goes without saying."""
    node = deepcopy(node)
    arguments, spelled = node.args, _Spelled(module)
    if kind != "function" and arguments.args:
        arguments.args = arguments.args[1:]
    types = {}
    for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        if argument.annotation:
            argument.annotation = spelled.visit(argument.annotation)
            types[argument.arg] = ast.unparse(argument.annotation)
    signature = f"({ast.unparse(arguments)})"
    if node.returns and node.name != "__init__":
        types["return"] = ast.unparse(spelled.visit(node.returns))
        signature += f" -> {types['return']}"
    is_property = any(ast.unparse(mark).endswith("property") for mark in node.decorator_list)
    if is_property:
        kind, signature = "property", f":type: {types.get('return', '')}"
    return Item(kind, node.name, signature, types, ast.get_docstring(node) or "")


def _class(module: str, node: ast.ClassDef) -> Item:
    """Read a class: what makes it, its fields, and the methods that are for readers."""
    functions = [each for each in node.body if isinstance(each, ast.FunctionDef)]
    made = _maker(module, node)
    fields = {
        each.target.id: ast.unparse(_Spelled(module).visit(each.annotation))
        for each in node.body
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
        if each.target.id[0] != "_"
    }
    if made is not None:
        maker = _function(module, made, "method")
        signature, types = maker.signature, maker.types
    else:
        signature = ", ".join(f"{name}: {kind}" for name, kind in fields.items())
        signature, types = f"({signature})" if signature else "", fields
    methods = [each for each in functions if each.name[0] != "_" and not _is_machinery(each, node)]
    members = tuple(_function(module, each, "method") for each in methods)
    return Item("class", node.name, signature, types, ast.get_docstring(node) or "", members)


def _maker(module: str, node: ast.ClassDef) -> ast.FunctionDef | None:
    """Find what makes an object of a class, or of the one that it extends."""
    for each in node.body:
        if isinstance(each, ast.FunctionDef) and each.name == "__init__":
            return each
    bases = (definitions(module).get(ast.unparse(base)) for base in node.bases)
    return next((_maker(module, base) for base in bases if isinstance(base, ast.ClassDef)), None)


def _is_machinery(method: ast.FunctionDef, owner: ast.ClassDef) -> bool:
    """Tell whether Keras calls this and no reader does."""
    bases = " ".join(map(ast.unparse, owner.bases))
    is_callback = "Callback" in bases and method.name.startswith("on_")
    return is_callback or method.name in METHODS_OF_KERAS


class _Spelled(ast.NodeTransformer):
    """Writes out the names that private files give to types."""

    def __init__(self, module: str) -> None:
        self.module = module

    def visit_Name(self, node: ast.Name) -> ast.AST:
        home, name = _defined_in(self.module, node.id)
        found = definitions(home).get(name) if home.startswith("cnnbook.") else None
        is_alias = isinstance(found, ast.Assign) and not isinstance(found.value, ast.Call)
        return _Spelled(home).visit(deepcopy(found.value)) if is_alias else node  # type: ignore[union-attr]


def first_words(docstring: str) -> tuple[str, str]:
    """Part the first paragraph of a docstring: its question, and the answer that may follow."""
    words = " ".join(docstring.partition("\n\n")[0].split())
    found = re.match(r"(.+?[.?!:])(?=\s[A-Z`]|$)\s*(.*)", words) or re.match("(.*)()", words)
    return (found[1], found[2]) if found else (words, "")


def sections_of(docstring: str) -> tuple[str, dict[str, str]]:
    """Part a docstring in Google's style: its prose, and the text of each section."""
    prose, *rest = re.split(rf"^({'|'.join(SECTIONS)}):\s*\n", docstring, flags=re.M)
    sections = {}
    for name, text in zip(rest[::2], rest[1::2], strict=True):
        inside, *after = re.split(r"^(?=\S)", text, maxsplit=1, flags=re.M)
        sections[name] = textwrap.dedent(inside).strip("\n")
        prose = "\n\n".join([prose.strip(), *after])
    return prose.strip(), sections


def entries_of(section: str) -> dict[str, str]:
    """Part a section of `name: words` into its entries."""
    found = re.split(r"^(\*{0,2}[\w.]+(?:, [\w.]+)*):(?: |$)", section, flags=re.M)[1:]
    return {
        name: " ".join(text.split()) for name, text in zip(found[::2], found[1::2], strict=True)
    }


def examples_of(section: str) -> list[tuple[str, str]]:
    """Part an example into code, and what it shows; code that shows nothing joins the next."""
    blocks: list[tuple[str, str]] = []
    code = ""
    for example in DocTestParser().get_examples(section):
        code += example.source
        if example.want:
            blocks, code = [*blocks, (code, example.want)], ""
    return [*blocks, (code, "")] if code else blocks
