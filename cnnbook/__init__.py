"""A book on convolutional neural networks that runs.

The names that one wants first are here, each imported when it is asked for: `cnnbook.load_mnist`;
`dir(cnnbook)` lists them. All else is imported from its file; this is the table of contents:

- `cnnbook.arithmetic`: the sums of a CNN in NumPy: output size, convolution, pooling, parameters
- `cnnbook.devices`: what will this run on?
- `cnnbook.datasets`: what goes in? digits, clothes, CIFAR, scenes, folders; augmentation
- `cnnbook.labelled_files`: which pictures are on disk, and what is on each?
- `cnnbook.boxes`: do two boxes agree, and how good is a detector?
- `cnnbook.center_crop`: the middle of a picture, at another size
- `cnnbook.models`: what computes? one family of networks a file
- `cnnbook.training`: how does it learn? losses, first weights, optimisers, features, transfer
- `cnnbook.explain`: why that answer? model and images in, arrays out
- `cnnbook.plots`: show me: arrays in, Matplotlib figures out
- `cnnbook.widgets`: let me turn it: figures with sliders, in Jupyter
- `cnnbook.deploy`: how do others use it? costs, latency, files, a server
- `cnnbook.book`: how is the book made? claims, notebooks, pages
- `cnnbook.command`: the command `cnnbook`

`cnnbook copy NAME` writes a file that stands alone, with what it needs; `cnnbook copy` lists them.
"""

import difflib
import importlib
import re
from pathlib import Path

__version__ = "0.1.0"

# The names that one wants first stand in the file for type checkers; they are imported when used.
_STUB = Path(__file__).with_name("__init__.pyi").read_text(encoding="utf-8")
_FILES = {name: file for file, name in re.findall(r"from (\S+) import (\w+) as", _STUB)}
__all__ = [*_FILES]


def __getattr__(name: str) -> object:
    """Import one of the names when it is asked for."""
    if name not in _FILES:
        advice = "`dir(cnnbook)` lists those there are; files are imported by their own names."
        for close in difflib.get_close_matches(name, _FILES, n=1):
            advice = f"Did you mean {close!r}?"
        raise AttributeError(f"module 'cnnbook' has no name {name!r}. {advice}")
    file = importlib.import_module(_FILES[name])
    return globals().setdefault(name, getattr(file, name))


def __dir__() -> list[str]:
    """List the names, those that are not imported yet among them."""
    return sorted({*globals(), *_FILES})
