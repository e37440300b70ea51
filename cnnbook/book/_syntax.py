"""What does a module bind, and what does each of its statements use? Its text is kept."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from importlib.util import resolve_name
from typing import Any, NamedTuple

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
IMPORTS = (ast.Import, ast.ImportFrom)


class Import(NamedTuple):
    """What a name stands for that comes from another module, or is one."""

    module: str
    name: str  # "" for the module itself
    local: str
    for_types: bool = False


class Use(NamedTuple):
    """A name, with the attributes behind it."""

    names: tuple[str, ...]
    depth: int  # how many functions must be called before it is read
    is_hint: bool = False


class Part:
    """One statement at the top of a module, with the comments above it."""

    def __init__(self, module: Module, node: Any, above: int) -> None:
        decorators = getattr(node, "decorator_list", [])
        start = min(each.lineno for each in (node, *decorators)) - 1
        self.module, self.node = module, node
        self.before = module.parts[-1] if module.parts else None
        self.above = "".join(module.lines[above:start])
        self.text = "".join(module.lines[start : node.end_lineno])
        self.is_fixture = any("fixture" in ast.unparse(each) for each in decorators)
        self.uses = list(dict.fromkeys(_uses(node)))
        self.names, self.imported, self.local = _bound(node)


class Module:
    """A module, taken apart. Imports of `inside` modules count as if all stood at its top."""

    def __init__(self, name: str, source: str, inside: Callable[[str], object]) -> None:
        self.name, self.inside, self.docstring, self.is_future = name, inside, "", False
        self.imports: dict[str, list[Import]] = {}
        self.parts: list[Part] = []
        self.lines = self._without_inner_imports(source)
        end = 0
        for node in ast.parse("".join(self.lines)).body:
            if isinstance(node, IMPORTS):
                self._bind(node)
            elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
                for each in node.body:
                    self._bind(each, for_types=True)
            elif not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
                self.parts.append(Part(self, node, end))
            elif self.parts:  # said of the constant above it
                self.parts[-1].text += "".join(self.lines[end : node.end_lineno])
            else:
                self.docstring = "".join(self.lines[: node.end_lineno])
            end = node.end_lineno or 0
        self.defined: dict[str, list[Part]] = {}
        for part in self.parts:
            for defined in part.names:
                self.defined.setdefault(defined, []).append(part)

    def _without_inner_imports(self, source: str) -> list[str]:
        """Cut imports of `inside` modules out of functions, and note them."""
        lines = source.splitlines(keepends=True)
        for parent in ast.walk(ast.parse(source)):
            body = getattr(parent, "body", None)
            if isinstance(parent, ast.Module) or not isinstance(body, list):
                continue
            gone = [each for each in body if self._is_inner(each)]
            for each in gone:
                self._bind(each)
                for number in range(each.lineno - 1, each.end_lineno):
                    lines[number] = ""
            if gone and len(gone) == len(body):
                lines[gone[0].lineno - 1] = " " * gone[0].col_offset + "pass\n"
        return "".join(lines).splitlines(keepends=True)

    def _is_inner(self, node: ast.stmt) -> bool:
        if isinstance(node, ast.Import):
            return all(self.inside(alias.name) is not None for alias in node.names)
        return isinstance(node, ast.ImportFrom) and self.inside(self._from(node)) is not None

    def _from(self, node: ast.ImportFrom) -> str:
        return resolve_name("." * node.level + (node.module or ""), self.name.rpartition(".")[0])

    def _bind(self, node: ast.stmt, for_types: bool = False) -> None:
        """Note what an import binds."""
        for alias in node.names if isinstance(node, IMPORTS) else []:
            module, name = alias.name, ""
            local = alias.asname or module.partition(".")[0]
            if isinstance(node, ast.ImportFrom):
                module, name, local = self._from(node), alias.name, alias.asname or alias.name
            if name == "*":
                raise ValueError(f"{self.name}, line {node.lineno}: `import *` cannot be copied.")
            self.is_future |= module == "__future__"
            self.imports.setdefault(local, []).append(Import(module, name, local, for_types))


def _bound(node: ast.AST) -> tuple[set[str], set[str], set[str]]:
    """Return what a statement binds in its module, what of that it imports, and all it binds."""
    inner = list(ast.walk(node))
    stored = {
        each.id for each in inner if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
    }
    local = stored | {each.arg for each in inner if isinstance(each, ast.arg)}
    if isinstance(node, DEFINITIONS):
        return {node.name}, set(), local
    imported: set[str] = set()
    for each in inner:
        if isinstance(each, ast.comprehension):
            stored -= {name.id for name in ast.walk(each.target) if isinstance(name, ast.Name)}
        elif isinstance(each, IMPORTS):
            imported |= {alias.asname or alias.name.partition(".")[0] for alias in each.names}
    defined = {each.name for each in inner if isinstance(each, DEFINITIONS)}
    return stored | imported | defined, imported, local


def _uses(node: ast.AST, depth: int = 0, is_hint: bool = False) -> Iterator[Use]:
    """Yield the names in a statement, of the module and of functions, and the parameters."""
    chain: list[Any] = [node]
    while isinstance(chain[0], ast.Attribute):
        chain.insert(0, chain[0].value)
    if isinstance(chain[0], ast.Name):
        yield Use((chain[0].id, *(each.attr for each in chain[1:])), depth, is_hint)
        return
    if isinstance(node, ast.arg):
        yield Use(("", node.arg), depth)  # pytest looks it up among the fixtures
    elif isinstance(node, ast.Constant) and is_hint and isinstance(node.value, str):
        yield from _uses(ast.parse(node.value, mode="eval"), depth, is_hint=True)
    elif isinstance(node, ast.Subscript) and is_hint and "Literal" in ast.unparse(node.value):
        yield from _uses(node.value, depth, is_hint)
        return
    for field, value in ast.iter_fields(node):
        inside = depth + (field == "body" and isinstance(node, FUNCTIONS))
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _uses(child, inside, is_hint or field in ("annotation", "returns"))
