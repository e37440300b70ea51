"""A book on convolutional neural networks that runs.

The names that one wants first are here, each imported when it is asked for: `cnnbook.load_mnist`;
`dir(cnnbook)` lists them. All else is imported from its file; this is the table of contents:

- `cnnbook.arithmetic`: the sums of a CNN in NumPy: output size, convolution, pooling, parameters
- `cnnbook.devices`: what will this run on?
- `cnnbook.datasets`: what goes in? digits, clothes, CIFAR, folders of pictures; augmentation
- `cnnbook.labelled_files`: which pictures are on disk, and what is on each?
- `cnnbook.center_crop`: the middle of a picture, at another size
- `cnnbook.models`: what computes? one family of networks a file
- `cnnbook.training`: how does it learn? losses, first weights, optimisers, features, transfer
- `cnnbook.explain`: why that answer? model and images in, arrays out
- `cnnbook.plots`: show me: arrays in, Matplotlib figures out
- `cnnbook.widgets`: let me turn it: figures with sliders, in Jupyter
- `cnnbook.deploy`: how do others use it? costs, latency, files for LiteRT and ONNX
- `cnnbook.book`: how is the book made? claims, notebooks, pages
- `cnnbook.command`: the command `cnnbook`

`cnnbook copy NAME` writes a file that stands alone, with what it needs; `cnnbook copy` lists them.
"""

import difflib
import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

_FILES = {
    "LabelledFiles": "labelled_files",
    "bottleneck_features": "training.features",
    "build_mnist_cnn": "models.mnist_cnn",
    "build_resnet": "models.resnet",
    "build_small_digit_net": "models.small_digit_net",
    "classify": "models.imagenet",
    "describe_devices": "devices",
    "grad_cam": "explain.grad_cam",
    "list_image_files": "datasets.image_folder",
    "load_image_folder": "datasets.image_folder",
    "load_mnist": "datasets.mnist",
    "make_augmentation": "datasets.augmentation",
    "make_image_pipeline": "datasets.image_pipeline",
    "make_pipeline": "datasets.pipeline",
    "plot_confusion_matrix": "plots.confusion",
    "plot_gallery": "plots.gallery",
    "plot_learning_curves": "plots.curves",
    "recommend_precision": "devices",
}
__all__ = [*_FILES]

if TYPE_CHECKING:  # the same for editors and type checkers; a test compares
    from cnnbook.datasets.augmentation import make_augmentation as make_augmentation
    from cnnbook.datasets.image_folder import list_image_files as list_image_files
    from cnnbook.datasets.image_folder import load_image_folder as load_image_folder
    from cnnbook.datasets.image_pipeline import make_image_pipeline as make_image_pipeline
    from cnnbook.datasets.mnist import load_mnist as load_mnist
    from cnnbook.datasets.pipeline import make_pipeline as make_pipeline
    from cnnbook.devices import describe_devices as describe_devices
    from cnnbook.devices import recommend_precision as recommend_precision
    from cnnbook.explain.grad_cam import grad_cam as grad_cam
    from cnnbook.labelled_files import LabelledFiles as LabelledFiles
    from cnnbook.models.imagenet import classify as classify
    from cnnbook.models.mnist_cnn import build_mnist_cnn as build_mnist_cnn
    from cnnbook.models.resnet import build_resnet as build_resnet
    from cnnbook.models.small_digit_net import build_small_digit_net as build_small_digit_net
    from cnnbook.plots.confusion import plot_confusion_matrix as plot_confusion_matrix
    from cnnbook.plots.curves import plot_learning_curves as plot_learning_curves
    from cnnbook.plots.gallery import plot_gallery as plot_gallery
    from cnnbook.training.features import bottleneck_features as bottleneck_features
else:

    def __getattr__(name: str) -> object:
        """Import one of the names when it is asked for."""
        if name not in _FILES:
            advice = "`dir(cnnbook)` lists those there are; files are imported by their own names."
            for close in difflib.get_close_matches(name, _FILES, n=1):
                advice = f"Did you mean {close!r}?"
            raise AttributeError(f"module 'cnnbook' has no name {name!r}. {advice}")
        file = importlib.import_module("." + _FILES[name], __name__)
        return globals().setdefault(name, getattr(file, name))

    def __dir__() -> list[str]:
        """List the names, those that are not imported yet among them."""
        return sorted({*globals(), *_FILES})
