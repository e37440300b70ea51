"""Which imports does a copied file have, and what must be installed for them?"""

import ast
import itertools
import sys
import textwrap
from typing import NamedTuple

INSTALLED_AS = {"PIL": "pillow", "sklearn": "scikit-learn", "IPython": "ipython"}


class Import(NamedTuple):
    """What a name stands for that comes from elsewhere."""

    module: str
    name: str  # "" for the module itself
    local: str
    for_types: bool = False


def import_lines(imports: set[Import], home: str) -> str:
    """Write imports as ruff sorts them, those from the file at home last."""
    groups: dict[tuple[bool, int, bool, str, str], list[str]] = {}
    for module, name, local, for_types in imports:
        package = module.partition(".")[0]
        section = 0 if package == "__future__" else 1 if package in sys.stdlib_module_names else 2
        section += module == home
        alias = f" as {local}" if local not in (name, module, package) else ""
        key = (for_types, section, bool(name), module.lower(), module)
        groups.setdefault(key, []).append((name or module) + alias)
    text = ""
    for for_types, keys in itertools.groupby(sorted(groups), lambda key: key[0]):
        sections = itertools.groupby(keys, lambda key: key[1])
        blocks = ("".join(_line(key, groups[key]) for key in section) for _, section in sections)
        lines = "\n".join(blocks)
        text += "\nif TYPE_CHECKING:\n" + textwrap.indent(lines, "    ") if for_types else lines
    return text


def _line(key: tuple[bool, int, bool, str, str], names: list[str]) -> str:
    """Write one import, over several lines where it is long."""
    if not key[2]:
        return "".join(f"import {name}\n" for name in sorted(names))
    line = f"from {key[4]} import {', '.join(sorted(names, key=_member))}\n"
    if len(line) + 4 * key[0] <= 101:
        return line
    inner = "".join(f"    {name},\n" for name in sorted(names, key=_member))
    return f"from {key[4]} import (\n{inner})\n"


def _member(name: str) -> tuple[int, str]:
    """Constants, then classes, then the rest, each by the alphabet."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    return kind, name.lower()


def what_to_install(text: str, home: str) -> str:
    """Say which packages a file needs, but for the one at home beside it."""
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            module = getattr(node, "module", None)
            names |= {(module or alias.name).partition(".")[0] for alias in node.names}
    names -= sys.stdlib_module_names | {home}
    packages = sorted(INSTALLED_AS.get(name, name.replace("_", "-")) for name in names)
    needed = f"pip install {' '.join(packages)}" if packages else "needs Python alone"
    if "keras" in packages and "tensorflow" not in packages:
        needed += " and, for Keras, one of tensorflow, jax and torch"
    return needed
