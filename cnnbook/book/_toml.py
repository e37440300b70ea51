"""How are the lists that people write for the book, in TOML, read and checked?"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cnnbook._checks import shown
from cnnbook.book._files import BookError, read_text

KINDS = {str: "text", int: "a whole number", list: "a list of texts"}


def read_toml(path: Path) -> dict[str, Any]:
    """Read a file; a BookError says where it is broken."""
    try:
        return tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise BookError(f"{shown(path)}: {error}. Write it as its neighbours are.") from None


def read_tables(
    path: Path, table: str, needed: Mapping[str, type], more: Mapping[str, type] | None = None
) -> list[dict[str, Any]]:
    """Read the tables of one name, each with the fields that it must or may have.

    Args:
        path: The file.
        table: What each begins with, between `[[` and `]]`.
        needed: The kind of each field that must be there, and not empty: `str`, `int` or `list`.
        more: The kinds of fields that may be there.

    Raises:
        BookError: If the file or a table is broken: file, place, rule, what is there, what to do.
    """
    content = read_toml(path)
    tables = content.get(table)
    if list(content) != [table] or not isinstance(tables, list):
        got = ", ".join(content) or "nothing"
        raise BookError(
            f"{shown(path)}: it must have tables `[[{table}]]` and nothing else; got {got}."
            f" Begin each {table} with [[{table}]]."
        )
    for number, entry in enumerate(tables, start=1):
        if fault := _fault_of_table(entry, needed, more or {}):
            raise BookError(f"{shown(path)}, {table} {number}{_named(entry, needed)}: {fault}")
    return tables


def _named(entry: Any, needed: Mapping[str, type]) -> str:
    """Return the first field of an entry, by which people find it."""
    value = entry.get(next(iter(needed))) if isinstance(entry, dict) else None
    return f" ({shown(value)})" if isinstance(value, str) and value else ""


def _fault_of_table(entry: Any, needed: Mapping[str, type], more: Mapping[str, type]) -> str:
    """Say what is wrong with the fields of one table, or nothing."""
    if not isinstance(entry, dict):
        return f"it must be a table; got {shown(entry)}. Write one field a line."
    fields = {**needed, **more}
    if unknown := next((name for name in entry if name not in fields), None):
        return f"there is no field `{unknown}`. The fields are {', '.join(fields)}."
    for name, kind in fields.items():
        value: Any = entry.get(name)
        if value is None and name in more:
            continue
        texts = value if kind is list and isinstance(value, list) else [value]
        good = type(value) is kind and texts != []
        if kind is not int:
            good = good and all(isinstance(each, str) and each.strip() for each in texts)
        if not good:
            got = "nothing" if value in (None, "", []) else shown(value)
            return f"`{name}` must be {KINDS[kind]}; got {got}. Add `{name} = ...` there."
    return ""
