"""Which figures does a cell check, and how is that shown to a reader who asks?"""

import ast
import html
import re
from collections.abc import Mapping, Sequence

from cnnbook.book._figures import shown_figure
from cnnbook.book._kernel import Node, nbformat

PRINTED = re.compile(r"^claim (\w+) = .*: holds\n?", re.MULTILINE)  # what `claim` says


def claimed(cell: Node) -> list[str]:
    """Return the names of the claims that a code cell made when it ran."""
    texts = (output.get("text", "") for output in cell.get("outputs", ()))
    return [name for text in texts for name in PRINTED.findall(text)]


def claims_html(entries: Mapping[str, Mapping], machine: str) -> str:
    """Return the table of claims: what was measured, what must hold, with which data, and where."""
    rows = []
    for name, entry in entries.items():
        words = html.escape(name.replace("_", " "))
        bound = f"{entry['rule']} {shown_figure(entry['bound'])}"
        data = html.escape(entry["source"] or "none, or the book's own")
        cells = [f"<span>{words}</span>", shown_figure(entry["value"]), bound, data]
        titles = ("figure", "measured", "must be", "data")
        row = (f'<td data-label="{it}">{cell}</td>' for it, cell in zip(titles, cells, strict=True))
        rows.append(f"<tr>{''.join(row)}</tr>")
    head = "".join(f'<th scope="col">{it}</th>' for it in ("figure", "measured", "must be", "data"))
    profile = next((entry["profile"] for entry in entries.values()), "full")
    return (
        '<div class="pst-scrollable-table-container"><table class="table checked">'
        f"<caption>Measured in the {html.escape(profile)} run on {html.escape(machine)}.</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def without_claims(cell: Node, elsewhere: str) -> tuple[Node | None, Node | None]:
    """Split a code cell in what a learner reads and what checks it.

    Args:
        cell: Left as it is.
        elsewhere: The code of all other cells. A value that is computed for the claims alone goes
            with them.

    Returns:
        Both parts as cells, or None for a part that is empty. What claims printed is in the second.
    """
    numbers, lines = _lines_of_claims(cell.source, elsewhere), cell.source.splitlines()
    kinds: tuple[list[str], list[str]] = ([], [])
    for number, line in enumerate(lines, start=1):
        kinds[number in numbers].append(line)
    read, checks = ("\n".join(kind).strip("\n") for kind in kinds)
    outputs, printed = [], ""
    for output in cell.outputs:
        if "text" in output:
            printed += "".join(match[0] for match in PRINTED.finditer(output.text))
            if not (rest := PRINTED.sub("", output.text)).strip():
                continue
            output = nbformat.from_dict({**output, "text": rest})
        outputs.append(output)
    said = [nbformat.v4.new_output("stream", text=printed)] if printed else []
    whole = _with(cell, read, outputs) if read or outputs else None
    claims = _with(cell, checks, said) if checks or said else None
    return whole, claims


def _with(cell: Node, source: str, outputs: list[Node]) -> Node:
    return nbformat.from_dict({**cell, "source": source, "outputs": outputs})


def _lines_of_claims(source: str, elsewhere: str) -> set[int]:
    """Return the numbers of the lines that only claim, and of what serves them alone."""
    lines, body, numbers = source.splitlines(), ast.parse(source).body, set[int]()
    claims = [statement for statement in body if _only_claims([statement])]
    for statement in reversed(body):  # what a value is computed from may serve the claims, too
        rest = "\n".join(ast.unparse(it) for it in body if it not in [*claims, statement])
        read = "\n".join(ast.unparse(it) for it in claims)
        if claims and _serves(statement, read, f"{rest}\n{elsewhere}"):
            claims.append(statement)
    for statement in claims:
        first = statement.lineno
        while first > 1 and lines[first - 2].startswith("#"):
            first -= 1
        numbers |= set(range(first, (statement.end_lineno or first) + 1))
    return numbers


def _only_claims(body: Sequence[ast.stmt]) -> bool:
    """Are these statements calls of `claim`, or loops and conditions of such calls?"""
    return all(
        (isinstance(it, ast.Expr) and ast.unparse(it.value).startswith("claim("))
        or (isinstance(it, (ast.For, ast.If)) and _only_claims(it.body))
        for it in body
    )


def _serves(statement: ast.stmt, claims: str, others: str) -> bool:
    """Is this an assignment of names that the claims read, and nothing else does?"""
    if not isinstance(statement, ast.Assign):
        return False
    names = {
        node.id
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    read, kept = (any(re.search(rf"\b{it}\b", text) for it in names) for text in (claims, others))
    return read and not kept
