"""A Sphinx extension: figures with their captions, terms with their sentences, formulas.

`_dress.py` has prepared the notebooks. Here a picture, its caption and its code become one figure;
the first use of each term of the glossary becomes a link; formulas become MathML, so that no page
needs a script for them.
"""

import html
import re
from collections.abc import Iterator
from typing import Any

from docutils import nodes
from docutils.utils.math import latex2mathml

from cnnbook.book._glossary import Term, find_terms

NO_TERMS = ("glossary", "claims", "index", "reference/")  # pages that explain, or only list
FORMULA = '<div class="formula" tabindex="0" role="group" aria-label="Formula">{}</div>'


def _html(text: str) -> nodes.raw:
    return nodes.raw("", text, format="html")


def dress_figures(app: Any, doctree: nodes.document, docname: str) -> None:
    """Make a figure of each picture of a code cell, with its caption, and its code folded."""
    prepared: list[nodes.Node] = []
    for cell in list(doctree.findall(_is_cell)):
        tags = _tags(cell)
        drawn = [output for output in _outputs(cell) if list(output.findall(nodes.image))]
        hidden = "drawing" in tags
        if cell.parent is None or not (drawn or hidden):
            continue
        if hidden and not drawn and _prepares(cell):
            prepared.append(cell)
            cell.parent.remove(cell)
            continue
        shown = drawn or list(_outputs(cell))
        for output in shown:
            output.parent.remove(output)
            for picture in output.findall(nodes.image):
                _let_size(picture)
        _tidy(cell)
        kind = "photo" if "photo" in tags else "chart"
        parent, place = cell.parent, cell.parent.index(cell)
        caption = _caption(parent, place + 1)
        code: list[nodes.Node] = [cell] if list(cell.findall(nodes.literal_block)) else []
        title = "figure" if drawn else "table" if shown else ""
        after = _folded_code([*prepared, *code], title) if hidden and code else []
        prepared = []
        new = [] if hidden else code
        if shown and not drawn:
            new = [_html('<div class="cell_output">'), *shown, _html("</div>"), *after]
        for number, output in enumerate(drawn):
            is_last = number == len(drawn) - 1
            new += _figure(output, kind, caption if is_last else None, after if is_last else [])
        parent[place : place + 1 + bool(caption and drawn)] = new if shown else after


def _let_size(picture: nodes.Element) -> None:
    """Let the page say how large a picture is: a size from the notebook makes a link of it."""
    for name in ("width", "height", "scale"):
        picture.attributes.pop(name, None)


def _is_cell(node: nodes.Node) -> bool:
    return isinstance(node, nodes.container) and node.get("nb_element") == "cell_code"


def _tags(cell: nodes.Element) -> set[str]:
    return {name.removeprefix("tag_") for name in cell["classes"]}


def _outputs(cell: nodes.Element) -> Iterator[nodes.Element]:
    for part in cell.children:
        if isinstance(part, nodes.Element) and "cell_output" in part.get("classes", ()):
            yield from (it for it in list(part.children) if isinstance(it, nodes.Element))


def _tidy(cell: nodes.Element) -> None:
    """Remove the frame of outputs that are elsewhere now."""
    for part in list(cell.children):
        is_frame = isinstance(part, nodes.Element) and "cell_output" in part.get("classes", ())
        if is_frame and not part.children:
            cell.remove(part)


def _caption(parent: nodes.Element, place: int) -> nodes.Element | None:
    """Return the paragraph at this place if it begins with **Figure N.M. ...**."""
    after = parent[place] if place < len(parent) else None
    if not isinstance(after, nodes.paragraph):
        return None
    bold = next((it for it in after.children if it.astext().strip()), None)
    is_caption = isinstance(bold, nodes.strong) and bold.astext().startswith("Figure ")
    return after if is_caption else None


def _figure(
    output: nodes.Element, kind: str, caption: nodes.Element | None, code: list[nodes.Node]
) -> list[nodes.Node]:
    name = ""
    if caption and (number := re.match(r"Figure ([\w.]*\w)", caption.astext())):
        name = f' id="figure-{number[1].replace(".", "-")}"'
    below = [_html("<figcaption>"), caption, _html("</figcaption>")] if caption else []
    start = _html(f'<figure class="plate {kind}"{name}><div class="cell_output">')
    return [start, output, _html("</div>"), *below, *code, _html("</figure>")]


def _prepares(cell: nodes.Element) -> bool:
    """Does the cell below draw with what this one makes, which shows nothing itself?"""
    place = cell.parent.index(cell) + 1
    below = cell.parent[place] if place < len(cell.parent) else None
    is_drawing = below is not None and _is_cell(below) and "drawing" in _tags(below)
    return is_drawing and not list(_outputs(cell))


def _folded_code(cells: list[nodes.Node], of: str) -> list[nodes.Node]:
    title = f"Code of this {of}" if of else "Code for later"
    kind = "figure-code" if of else "later"
    start = f'<details class="fold machinery {kind}"><summary>{title}</summary>'
    return [_html(start), *cells, _html("</details>")]


def name_sections(app: Any, doctree: nodes.document, docname: str) -> None:
    """Tell the style sheet which sections are exercises."""
    for section in doctree.findall(nodes.section):
        if section[0].astext() in ("Check yourself", "Exercises"):
            section["classes"].append("exercises")


def link_terms(app: Any, doctree: nodes.document, docname: str) -> None:
    """Link the first use of each term, in prose, to its sentence in the glossary."""
    terms: dict[str, Term] = app.config.cnnbook_terms
    if not terms or docname.startswith(NO_TERMS) or app.builder.format != "html":
        return
    seen = set[str]()
    for text in list(doctree.findall(nodes.Text)):
        if _is_prose(text):
            _link(text, terms, seen, app.builder.get_relative_uri(docname, "glossary"))


def _is_prose(text: nodes.Text) -> bool:
    """Is this within a paragraph, and in no link, code, formula or title?"""
    node, in_paragraph = text.parent, False
    while node is not None:
        if isinstance(node, (nodes.title, nodes.reference, nodes.literal, nodes.math, nodes.raw)):
            return False
        if isinstance(node, (nodes.literal_block, nodes.math_block, nodes.footnote)):
            return False
        in_paragraph = in_paragraph or isinstance(node, nodes.paragraph)
        node = node.parent
    return in_paragraph


def _link(text: nodes.Text, terms: dict[str, Term], seen: set[str], page: str) -> None:
    whole, place, parts = text.astext(), 0, list[nodes.Node]()
    for term, start, end in find_terms(whole, terms):
        if term.name in seen:
            continue
        seen.add(term.name)
        address = f"{page}#{term.anchor}"
        link = nodes.reference("", whole[start:end], internal=True, refuri=address)
        link["classes"] = ["term"]
        parts += [nodes.Text(whole[place:start]), link]
        place = end
    if parts:
        text.parent.replace(text, [*parts, nodes.Text(whole[place:])])


def _inline_formula(translator: Any, node: nodes.math) -> None:
    translator.body.append(str(latex2mathml.tex2mathml(node.astext())))
    raise nodes.SkipNode


def _formula(translator: Any, node: nodes.math_block) -> None:
    translator.body.append(FORMULA.format(latex2mathml.tex2mathml(node.astext(), as_block=True)))
    raise nodes.SkipNode


def describe(app: Any, pagename: str, template: str, context: dict, doctree: Any) -> None:
    """Give each page a description of its own, for those who find it in a list."""
    words = app.config.cnnbook_descriptions.get(pagename)
    if words:
        meta = f'<meta name="description" content="{html.escape(words)}">'
        context["metatags"] = f"{context.get('metatags', '')}\n{meta}"


def setup(app: Any) -> dict[str, Any]:
    """Tell Sphinx what is here."""
    for name in ("terms", "descriptions"):
        app.add_config_value(f"cnnbook_{name}", {}, "html")
    app.add_html_math_renderer("mathml", (_inline_formula, None), (_formula, None))
    app.connect("doctree-resolved", dress_figures)
    app.connect("doctree-resolved", name_sections)
    app.connect("doctree-resolved", link_terms)
    app.connect("html-page-context", describe)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
