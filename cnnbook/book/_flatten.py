"""How does a module become one file? What it uses of others of the package is put into it, as text.

Within the package one writes `from cnnbook.room.file import name` at the top of a file, and no file
that others use does anything when it is imported. So a name means the same everywhere, nothing has
to be renamed, and statements can be moved. What is written otherwise is refused.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from cnnbook.book._imports import Import, import_lines

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


class Part:
    """One statement at the top of a module, with the comments above it."""

    def __init__(self, module: Module, node: ast.stmt, text: str) -> None:
        self.module, self.text, self.uses = module, text, _uses(node)
        stored = [each for each in ast.walk(node) if isinstance(each, ast.Name)]
        self.names = {each.id for each in stored if isinstance(each.ctx, ast.Store)}
        if isinstance(node, ast.Assign) and not self.names:  # to an attribute of what is there
            known = {name for part in module.parts for name in part.names}
            self.names = known & {*_uses(node.targets[0])}
        self.is_definition = isinstance(node, DEFINITIONS)
        if isinstance(node, DEFINITIONS):
            self.names = {node.name}
        if "__all__" in self.names:  # what it lists is wanted as well
            self.uses |= dict.fromkeys(ast.literal_eval(node.value), 1)  # type: ignore[attr-defined]


class Module:
    """A module taken apart: its docstring, its statements, and what it imports."""

    def __init__(self, name: str, source: str) -> None:
        self.name, self.docstring, self.imports = name, "", dict[str, Import]()
        self.parts: list[Part] = []
        lines, end = source.splitlines(keepends=True), 0
        for node in ast.parse(source).body:
            text, end = "".join(lines[end : node.end_lineno]), node.end_lineno or 0
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                self._bind(node.body, for_types=True)
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                self._bind([node])
            elif not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Constant):
                self.parts.append(Part(self, node, text.lstrip("\n")))
            elif self.parts:  # said of the constant above it
                self.parts[-1].text += text
            else:
                self.docstring = text

    def _bind(self, nodes: list[ast.stmt], for_types: bool = False) -> None:
        for node in nodes:
            for alias in node.names if isinstance(node, (ast.Import, ast.ImportFrom)) else ():
                local = alias.asname or alias.name.partition(".")[0]
                found = Import(alias.name, "", local, for_types)
                if isinstance(node, ast.ImportFrom):
                    found = Import(node.module or "", alias.name, local, for_types)
                self.imports[local] = found


class Flat:
    """A module with all that it needs of the package, and no more.

    Args:
        root: Its name.
        find: Gives the source of a module that is to be flattened in, None for any other.
        given: For tests: what an import becomes where the file that they test has it.
        stays: For tests: tells what cannot be copied; what needs that is left out with it.
        also: For tests: further names that the module imports and that come along.
    """

    def __init__(
        self,
        root: str,
        find: Callable[[str], str | None],
        given: Callable[[Import], Import | None] = lambda each: None,
        stays: Callable[[Part], bool] = lambda part: False,
        also: Iterable[str] = (),
    ) -> None:
        self.find, self.given, self.modules = find, given, dict[str, Module]()
        self.package = root.partition(".")[0] + "."
        self.root = self._load(root)
        brought = (self._resolve(self.root, name) for name in also)
        wanted = [*self.root.parts, *(part for part in brought if isinstance(part, Part))]
        every = self._closure(wanted)
        lost = {part for part in every if stays(part)}
        while more := {part for part in every if lost & {*self.needed(part)}} - lost:
            lost |= more
        self.left_out = {name for part in lost for name in part.names if part.module is self.root}
        self.parts = self._closure(part for part in wanted if part not in lost)
        found = {self._resolve(each.module, name) for each in self.parts for name in each.uses}
        found |= {each.module.imports.get("annotations") for each in self.parts}  # of __future__
        self.imports = {each for each in found if isinstance(each, Import)}
        if any(each.for_types for each in self.imports):
            self.imports.add(Import("typing", "TYPE_CHECKING", "TYPE_CHECKING"))
        for module in self.modules.values():
            others = module is not self.root and module.name.startswith(self.package)
            if others and not all(part.names for part in module.parts):
                raise ValueError(f"{module.name} does something when it is imported.")
        if late := [p for p in self.parts if re.search(rf"\n +from {self.package}", p.text)]:
            raise ValueError(f"{late[0].module.name}: import from {self.package} at the top.")

    def _load(self, name: str) -> Module:
        if name not in self.modules:
            source = self.find(name)
            if source is None:
                raise ValueError(f"there is no module {name}.")
            module = Module(name, source)
            for each in module.imports.values():
                if self.find(each.module) is not None and not self.given(each):
                    self._load(each.module)
            self.modules[name] = module  # behind those that it imports
        return self.modules[name]

    def _resolve(self, module: Module, name: str) -> Part | Import | None:
        """Follow a name to the statement that binds it, or to an import that stays one."""
        for part in module.parts:
            if name in part.names:
                return part
        found = module.imports.get(name)
        if found is None or self.given(found):
            return found and self.given(found)
        inside = f"{found.module}.".startswith(self.package)
        if self.find(found.module) is None and not inside:
            return found
        if not found.name or found.local != found.name or self.find(found.module) is None:
            way = f"from {self.package}room.file import name"
            raise ValueError(f"{module.name}: import what {found.local} stands for by `{way}`.")
        if (there := self._resolve(self._load(found.module), found.name)) is None:
            raise ValueError(f"{module.name}: {found.module} has no {found.name}.")
        return there

    def needed(self, part: Part, depth: int = 99) -> Iterator[Part]:
        """Yield what a part needs; at depth 0 when it is defined, at depth 1 when it is called."""
        for name, level in part.uses.items():
            found = self._resolve(part.module, name) if level <= depth else None
            if isinstance(found, Part) and found is not part:
                yield from (each for each in found.module.parts if name in each.names)

    def _closure(self, parts: Iterable[Part]) -> list[Part]:
        """Return parts and all that they need, in the order of the modules and of their lines."""
        todo, found = list(parts), set[Part]()
        while todo:
            if (part := todo.pop()) not in found:
                found.add(part)
                todo += self.needed(part)
        every = itertools.chain.from_iterable(module.parts for module in self.modules.values())
        return [part for part in every if part in found]

    def text(self, home: str = "") -> str:
        """Write the file: what is needed at once, then the module itself, then the rest.

        Raises:
            ValueError: If two of all that have one name, which in one file they cannot.
        """
        homes = {(name, each.module) for each in self.parts for name in each.names}
        meant = {(each.local, each._replace(for_types=False)) for each in self.imports}
        often = Counter(name for name, _ in (*homes, *meant))
        if clash := [name for name, count in often.items() if count > 1]:
            raise ValueError(f"{self.root.name}: two things are named {clash[0]}; rename one.")
        own = [part for part in self.parts if part.module is self.root]
        reached = {(part, 0) for part in own}
        todo = [*reached]
        while todo:
            more = {(part, 1) for part in self.needed(*todo.pop())} - reached
            reached |= more
            todo += more
        first = {part for part, _ in reached}
        before = [part for part in self.parts if part in first - {*own}]
        behind = [part for part in self.parts if part not in first]
        text = self.root.docstring + "\n" + import_lines(self.imports, home)
        last: Part | None = None
        for part in (*before, *own, *behind):
            is_close = last is not None and last.module is part.module and not last.is_definition
            gap = 0 if is_close else 1 if last is None else 2
            text += "\n" * (2 if part.is_definition else gap) + part.text
            last = part
        return text


def _uses(node: ast.AST, depth: int = 0) -> dict[str, int]:
    """Return the names in a statement; with each, how many calls must come before it is read."""
    found: dict[str, int] = {}
    if isinstance(node, (ast.Name, ast.arg)):
        found[node.id if isinstance(node, ast.Name) else node.arg] = depth
    for field, value in ast.iter_fields(node):
        inside = depth + (field == "body" and isinstance(node, FUNCTIONS))
        for child in value if isinstance(value, list) else [value]:
            for name, level in (_uses(child, inside) if isinstance(child, ast.AST) else {}).items():
                found[name] = min(level, found.get(name, level))
    return found
