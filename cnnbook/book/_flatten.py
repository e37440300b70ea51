"""How does a module become one file? What it needs of others is joined on, as text."""

from __future__ import annotations

import builtins
import itertools
import re
import sys
import textwrap
from collections import defaultdict
from collections.abc import Iterable, Iterator

from cnnbook.book._needs import Name, Needs
from cnnbook.book._syntax import DEFINITIONS, Import, Part


def flatten(needs: Needs) -> tuple[str, dict[Name, str]]:
    """Write the file that a module becomes.

    Returns:
        The text, and what is in it, under which name.
    """
    imports = _imports(needs)
    names = _names(needs, imports)
    text, previous = needs.root.docstring + _import_lines(imports, needs), None
    for part in _in_order(needs):
        comment = part.above.lstrip("\n")
        gap = len(part.above) - len(comment)
        if part.before is not previous or previous is None:
            defines = any(isinstance(each and each.node, DEFINITIONS) for each in (part, previous))
            gap = 2 if defines else 1
        if part.module is not needs.root:  # headlines stay where they were
            comment = comment.rpartition("\n\n")[2]
        text += "\n" * gap + _renamed(needs, names, part, comment + part.text)
        previous = part
    return text, names


def _in_order(needs: Needs) -> Iterator[Part]:
    """Yield first what the module needs as soon as it is imported, then the module, then the rest.

    What is called when the module is imported, such as a decorator, needs what its body needs.
    """
    ours = [part for part in needs.parts if part.module is needs.root]
    first = set(needs.effects)
    todo = [(part, 0) for part in (*ours, *first)]
    while todo:
        for part in set(needs.of(*todo.pop())) - first:
            first.add(part)
            todo.append((part, 1))
    others = [part for part in needs.parts if part.module is not needs.root]
    yield from (part for part in others if part in first)
    yield from ours
    yield from (part for part in others if part not in first)


def _imports(needs: Needs) -> set[Import]:
    """Collect what stays an import; of `import a.b` and `import a.c` the one that is used."""
    imports: set[Import] = set()
    for use, _, found in itertools.chain.from_iterable(map(needs.linked, needs.parts)):
        if isinstance(found, list):
            dotted = ".".join(use.names) + "."
            imports |= {i for i in found if dotted.startswith(i.module + ".")} or set(found)
    return {i for i in imports if not (i.for_types and i._replace(for_types=False) in imports)}


def _names(needs: Needs, imports: set[Import]) -> dict[Name, str]:
    """Give each definition a name that nothing else has, its own where that is free."""
    root = needs.root.name
    names = {(root, name): name for name in needs.root.defined}
    taken = set(needs.root.defined) | set(dir(builtins))
    for local in {each.local for each in imports}:
        same = [each for each in imports if each.local == local]
        tops = {each.module.partition(".")[0] for each in same if not each.name}
        meant = tops if tops == {local} else {(each.module, each.name) for each in same}
        if len(meant) > 1 or local in needs.root.defined:
            raise ValueError(f"{root}: two things are named {local}; rename one.")
        taken.add(local)
    for part in needs.parts:  # an attribute that would become a name which is local there
        for use, _, found in needs.linked(part):
            if isinstance(found, tuple) and use.names[0] not in ("", found[1]):
                taken |= {found[1]} & part.local
    for part in needs.parts:
        for name in part.names:
            if (key := (part.module.name, name)) not in names:
                stem = part.module.name.rpartition(".")[2].strip("_")
                is_free = name not in taken or name in part.imported
                names[key] = name if is_free else f"_{stem}_{name.strip('_')}"
                if names[key] in taken and name not in part.imported:
                    raise ValueError(f"{root}: two things are named {names[key]}; rename one.")
                taken.add(names[key])
    return names


def _renamed(needs: Needs, names: dict[Name, str], part: Part, text: str) -> str:
    """Call everything in a part as it is called in the file."""
    changes = {name: names[part.module.name, name] for name in part.names}
    for use, length, found in needs.linked(part):
        if found and use.names[0]:
            new = names[found] if isinstance(found, tuple) else found[0].local
            changes[".".join(use.names[:length])] = new
    changes = {old: new for old, new in changes.items() if old != new}
    for old in changes.keys() & part.local - part.names:
        raise ValueError(f"{part.module.name}: two things are named {old}; rename one.")
    olds = "|".join(sorted(map(re.escape, changes), key=len, reverse=True))
    pattern = rf"(?m)^(?:{olds})\b|(?<![\w.])(?:{olds})\b(?!\s*=[^=])"
    return re.sub(pattern, lambda match: changes[match[0]], text) if changes else text


def _import_lines(imports: set[Import], needs: Needs) -> str:
    """Write the imports, sorted as ruff sorts them."""
    for_types = {each for each in imports if each.for_types}
    added = ["__future__.annotations"] * needs.is_future + ["typing.TYPE_CHECKING"] * bool(
        for_types
    )
    for each in added:
        module, _, name = each.partition(".")
        imports = imports | {Import(module, name, name)}
    text = _sorted_imports(imports - for_types, needs.home)
    if for_types:
        text += "\nif TYPE_CHECKING:\n"
        text += textwrap.indent(_sorted_imports(for_types, needs.home), "    ")
    return "\n" * bool(text) + text


def _sorted_imports(imports: Iterable[Import], home: str) -> str:
    lines: list[tuple[int, bool, str, tuple[int, str], str]] = []
    plain: dict[str, list[str]] = defaultdict(list)

    def add(module: str, names: list[str], line: str) -> None:
        top = module.partition(".")[0]
        section = 0 if top == "__future__" else 1 if top in sys.stdlib_module_names else 2
        lines.append(
            (3 if top == home else section, bool(names), module.lower(), _member(*names[:1]), line)
        )

    for each in imports:
        as_local = "" if each.local == each.module.partition(".")[0] else f" as {each.local}"
        if not each.name:
            add(each.module, [], f"import {each.module}{as_local}\n")
        elif each.local == each.name:
            plain[each.module].append(each.name)
        else:
            line = f"from {each.module} import {each.name} as {each.local}\n"
            add(each.module, [each.name], line)
    for module, names in plain.items():
        names = sorted(set(names), key=_member)
        line = f"from {module} import {', '.join(names)}\n"
        if len(line) > 101:
            each_line = "".join(f"    {name},\n" for name in names)
            line = f"from {module} import (\n{each_line})\n"
        add(module, names, line)
    sections = itertools.groupby(sorted(set(lines)), lambda line: line[0])
    return "\n".join("".join(line[-1] for line in section) for _, section in sections)


def _member(name: str = "") -> tuple[int, str]:
    """Constants, then classes, then the rest, each by the alphabet."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    return kind, name.lower()
