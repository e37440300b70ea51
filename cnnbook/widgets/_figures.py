"""Where somebody sits at the notebook a widget is live; anywhere else it is a plain picture."""

import base64
import io
from typing import Any

import matplotlib.pyplot as plt
from IPython import get_ipython
from matplotlib.figure import Figure

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
AS_LARGE_AS_IT_IS = {"max_width": "100%", "align_self": "flex-start"}


def is_watched() -> bool:
    """Whether somebody sits at the notebook who could turn a slider.

    JupyterLab sends facts about the cell along with its code; programs that run notebooks, nbclient
    and nbval, send none. Other front ends are said to do as JupyterLab does; they were not tried.
    """
    shell = get_ipython()
    return bool(hasattr(shell, "get_parent") and shell.get_parent().get("metadata"))


def as_png(figure: Figure) -> bytes:
    """Return the figure as the bytes of a PNG file."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=100)
    plt.close(figure)  # else notebooks show it once more
    return file.getvalue()


def as_mimebundle(widget: Any, include: object = None, exclude: object = None) -> dict[str, Any]:
    """Return the figure of a widget and, for somebody who can turn them, its sliders."""
    live = {}
    if is_watched():
        live[WIDGET_VIEW] = widget.box._repr_mimebundle_()[WIDGET_VIEW]
    picture = widget.controls["figure"].value if live else as_png(widget.draw())
    return {"text/plain": repr(widget), "image/png": base64.b64encode(picture).decode(), **live}
