"""What did the last full run measure, and does the prose say the same?

A figure in the prose carries an invisible marker: `99.1 %<!--claim:mnist_cnn_test_accuracy-->`,
`122,570<!--claim:e_net_parameters-->`, or for the time that a chapter takes,
`12 minutes<!--minutes:04_first_cnn_on_mnist-->`. The record has the measured values.
"""

import json
import math
import os
import platform
import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from types import EllipsisType
from typing import Any

from cnnbook._checks import checked, shown
from cnnbook.book._figures import shown_figure
from cnnbook.book._files import RESTORE, BookError, read_json

MARKER = re.compile(r"<!--(?P<kind>claim|minutes):(?P<name>\w+)-->")
FIGURE = re.compile(
    r"(?P<figure>-?\d[\d,]*(?:\.\d+)?)(?P<unit> ?%| minutes?| [a-zA-Z]+)?" + MARKER.pattern
)
Record = dict[str, dict]
PACKAGES = ("keras", "tensorflow", "numpy", "matplotlib")

FIELDS: dict[str, dict[str, tuple[type, ...]]] = {
    "claims": {
        **dict.fromkeys(("value", "bound"), (int, float)),
        **dict.fromkeys(("notebook", "rule", "profile"), (str,)),
        "source": (str, type(None)),
    },
    "notebooks": {
        **{"seconds": (int, float), "versions": (dict,), "machine": (str,)},
        "code": (str, EllipsisType),  # older records have none
    },
}


@checked
def read_record(path: Path) -> Record:
    """Read the record, or an empty one where there is none yet; a BookError says what is broken."""
    if not path.exists():
        return {"claims": {}, "notebooks": {}}
    record = read_json(path)
    if fault := next(_faults(record), ""):
        raise BookError(f"{shown(path)}: {fault}; {RESTORE}.")
    return record


def _faults(record: Any) -> Iterator[str]:
    for part, fields in FIELDS.items():
        entries = record.get(part) if isinstance(record, dict) else None
        if not isinstance(entries, dict):
            yield f"there is no table {part!r}"
            return
        for name, entry in entries.items():
            for field, kinds in fields.items():
                value = entry.get(field, ...) if isinstance(entry, dict) else ...
                if type(value) not in kinds or (type(value) is float and not math.isfinite(value)):
                    yield f"{part}, {name}: its {field!r} is missing or of a wrong kind"


@checked
def add_run(
    record: Record, notebook: str, seconds: float, claims: list[dict], code: str = ""
) -> list[str]:
    """Replace what the record says of one notebook; `code` is the SHA-256 of what it ran.

    Returns the names of claims that another notebook has: then nothing is replaced.
    """
    others = {name: it for name, it in record["claims"].items() if it["notebook"] != notebook}
    fresh = {entry["name"]: {"notebook": notebook, **entry} for entry in claims}
    if taken := sorted(others.keys() & fresh.keys()):
        return taken
    for entry in fresh.values():
        del entry["name"]
    record["claims"] = dict(sorted((others | fresh).items()))
    record["notebooks"][notebook] = {
        "seconds": round(seconds, 1),
        "versions": versions_of_packages(),
        "machine": describe_machine(),
        "code": code,
    }
    record["notebooks"] = dict(sorted(record["notebooks"].items()))
    return []


@checked
def versions_of_packages() -> dict[str, str]:
    """Return the versions of the packages on which what is measured depends."""
    return {package: metadata.version(package) for package in PACKAGES}


@checked
def describe_machine() -> str:
    """Name the processor and what it has, in one line."""
    processor = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        processor = next(line for line in lines if line.startswith("model name")).split(": ")[1]
    except (OSError, StopIteration):
        pass
    python = platform.python_version()
    return f"{processor}, {os.cpu_count()} cores, {platform.system()}, Python {python}"


def record_as_text(record: Record) -> str:
    """Return what is written of a record."""
    return json.dumps(record, indent=1, allow_nan=False) + "\n"


@checked
def refresh_figures(text: str, record: Record) -> tuple[str, list[str]]:
    """Rewrite every marked figure of a text as the record has it.

    A figure keeps its number of decimals; a percent sign multiplies by 100; whole numbers of
    1,000 and more get commas.

    Returns:
        The text, and a line for each figure that differed or is not in the record, and for each
        marker that stands behind no figure.

    Example:
        >>> record = {"claims": {"accuracy": {"value": 0.9912}}, "notebooks": {}}
        >>> refresh_figures("about 98.7 %<!--claim:accuracy--> correct", record)
        ('about 99.1 %<!--claim:accuracy--> correct', ['accuracy: 98.7 -> 99.1'])
    """
    changes = []

    def measured(match: re.Match) -> str:
        figure, unit, kind, name = match.groups("")
        entries = record["claims" if kind == "claim" else "notebooks"]
        if name not in entries:
            changes.append(f"{name}: not in the record")
            return match[0]
        if kind == "minutes":
            value = max(1, round(entries[name]["seconds"] / 60))
            unit = unit and (" minute" if value == 1 else " minutes")
        else:
            value = entries[name]["value"] * (100 if "%" in unit else 1)
        if not math.isfinite(value):
            changes.append(f"{name}: the record has {value}, which is no figure")
            return match[0]
        decimals = len(figure.partition(".")[2])
        fresh = f"{value:,.{decimals}f}"
        if fresh != figure:
            changes.append(f"{name}: {figure} -> {fresh}")
        return f"{fresh}{unit}<!--{kind}:{name}-->"

    ends = {match.end() for match in FIGURE.finditer(text)}
    for marker in MARKER.finditer(text):
        if marker.end() not in ends:
            changes.append(f"{marker['name']}: no figure before the marker, on its line")
    return FIGURE.sub(measured, text), changes


@checked
def claims_table(record: Record) -> str:
    """Show the record as a table in Markdown, one row a claim."""
    rows = ["| claim | value | must be | run | data | chapter |", "|---|---|---|---|---|---|"]
    for name, entry in record["claims"].items():
        value, bound = shown_figure(entry["value"]), shown_figure(entry["bound"])
        cells = [f"`{name}`", value, f"{entry['rule']} {bound}", entry["profile"]]
        rows.append(f"| {' | '.join([*cells, entry['source'] or '', entry['notebook']])} |")
    return "\n".join(rows) + "\n"
