"""What happens to a picture in a network, layer by layer? A slider to step through them.

Source: Zeiler & Fergus (2013), "Visualizing and Understanding Convolutional Networks",
https://arxiv.org/abs/1311.2901, for looking at the maps of all layers.
"""

import functools
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

import keras
import numpy as np
from matplotlib.figure import Figure

try:
    import ipywidgets
    import traitlets
except ModuleNotFoundError:
    raise ModuleNotFoundError("widgets need ipywidgets: pip install ipywidgets") from None

from cnnbook._checks import checked
from cnnbook._layers import as_array, check_model_images, listening, nodes
from cnnbook.widgets._figures import AS_LARGE_AS_IT_IS, as_mimebundle, as_png

Plot = Callable[..., Figure]
Pad = Callable[[], ipywidgets.DOMWidget]


class LayersWidget(traitlets.HasTraits):
    """A picture, or a drawing, on its way through a network; `layers_widget` makes it.

    `picture` (its number), `layer` (its name) and `drawing` (a matrix as high and wide as the
    pictures, or None) may be set: sliders and figure follow.
    """

    picture, layer, drawing = traitlets.Int(0), traitlets.Unicode(), traitlets.Any(None)

    def __init__(
        self, model: keras.Model, images: np.ndarray, names: list[str], plot: Plot, pad: Pad | None
    ) -> None:
        super().__init__()
        self.model, self.images, self.class_names = model, images, names
        self.plot, self.make_pad = plot, pad
        every = nodes(model, inside=False)
        self.layers = {path: layer for path, layer in every if not hasattr(layer, "layers")}
        self.look()

    @traitlets.validate("picture", "layer")
    def _check(self, proposal: dict[str, Any]) -> object:
        name, value = proposal["trait"].name, proposal["value"]
        choices = self.outputs if name == "layer" else range(len(self.images))
        if value not in choices:
            names = ", ".join(map(str, choices))
            raise ValueError(f"`{name}` must be one of: {names}; got {value!r}.")
        return value

    @property
    def image(self) -> np.ndarray:
        """What the network gets, (height, width, channels)."""
        image: np.ndarray = self.images[self.picture]
        return image if self.drawing is None else 0 * image + self.drawing[..., None]

    def look(self) -> None:
        """Run the network; keep what every layer returns, and the probability of each class."""
        heard: dict[str, Any] = {}  # in the order of their work
        with ExitStack() as stack:
            for path, layer in self.layers.items():
                keep = functools.partial(heard.__setitem__, path)
                stack.enter_context(listening(layer, keep))
            answer = self.model(self.image[None].astype("float32"), training=False)
        maps = [path for path, out in heard.items() if len(getattr(out, "shape", ())) in (2, 4)]
        self.outputs = {path: as_array(heard[path])[0] for path in maps}
        scores = as_array(answer)[0]
        if scores.min() < 0 or abs(scores.sum() - 1) > 1e-3:  # logits, not yet probabilities
            scores = np.exp(scores - scores.max())
        self.probabilities = scores / scores.sum()

    def draw(self) -> Figure:
        """Draw the picture, what the layer makes of it, and the answer of the network."""
        number, kind = [*self.outputs].index(self.layer) + 1, type(self.layers[self.layer]).__name__
        names = {
            "class_names": self.class_names,
            "picture": f"picture {self.picture}" if self.drawing is None else "your drawing",
            "layer": f"{number} of {len(self.outputs)}, {self.layer} ({kind})",
        }
        return self.plot(self.image, self.outputs[self.layer], self.probabilities, **names)

    @traitlets.observe("picture", "layer", "drawing")
    def _follow(self, change: dict[str, Any]) -> None:
        """Look again if need be, and draw. To choose a picture wipes the drawing."""
        if change["name"] == "picture" and self.drawing is not None:
            self.drawing = None  # which comes back here
            return
        if change["name"] != "layer":
            self.look()
        if "controls" in vars(self):
            self.controls["figure"].value = as_png(self.draw())
            if self.drawing is None and "pad" in self.controls:
                self.controls["pad"].ink = b""

    @functools.cached_property
    def controls(self) -> dict[str, ipywidgets.Widget]:
        """The sliders, the pad if any and the live picture, by name; made when first used."""
        controls = {
            "picture": ipywidgets.IntSlider(max=len(self.images) - 1, description="picture"),
            "layer": ipywidgets.SelectionSlider(options=list(self.outputs), description="layer"),
            "figure": ipywidgets.Image(value=as_png(self.draw()), layout=AS_LARGE_AS_IT_IS),
        }
        for name in ("picture", "layer"):
            traitlets.link((self, name), (controls[name], "value"))
        if self.make_pad:
            pad = controls["pad"] = self.make_pad()
            pad.observe(lambda _: self.set_trait("drawing", pad.image(self.image.shape)), "ink")
        return controls

    @functools.cached_property
    def box(self) -> ipywidgets.VBox:
        """What a live notebook shows: sliders and pad side by side, the picture below."""
        picture, layer, figure, *pad = self.controls.values()
        return ipywidgets.VBox([ipywidgets.HBox([ipywidgets.VBox([picture, layer]), *pad]), figure])

    def __repr__(self) -> str:
        shown = f"picture {self.picture}" if self.drawing is None else "drawing"
        answer = self.class_names[self.probabilities.argmax()]
        return f"<{shown} in layer {self.layer} of {self.model.name}, answer {answer}>"

    _repr_mimebundle_ = as_mimebundle


@checked
def layers_widget(
    model: keras.Model,
    images: np.ndarray,
    plot: Plot,
    make_pad: Pad | None = None,
    *,
    class_names: Sequence[Any] | None = None,
    layer: str | None = None,
) -> LayersWidget:
    """Show what every layer of a trained network makes of a picture, or of a drawing.

    Args:
        model: Any built model of one input that returns one score or probability a class.
        images: (count, height, width, 1 or 3), values in [0, 255]; a few, to choose from.
        plot: Draws a step, such as `plot_layer` of `cnnbook.plots.layer_step`: it gets picture,
            values and probabilities, and as keywords `class_names`, `picture` and `layer`.
        make_pad: Gives a widget to draw on, such as `DrawingPad` of `cnnbook.widgets.drawing_pad`.
            It has `ink`, changed by each stroke and empty when wiped, and `image(shape)`, the
            drawing from 0 to 255 or None. Called only where somebody can draw. Default: none.
        class_names: One a class. Default: 0, 1, 2 and so on.
        layer: The name or path to start with. Default: the first layer with more than three maps.

    Returns:
        A widget, to be the last line of a cell. Its `outputs` are what each layer returns,
        (height, width, maps) or (units,), and `probabilities` the answer.

    Raises:
        ValueError: If images, model or names do not fit together, or there is no such layer.

    Example:
        >>> images = keras.Input((8, 8, 1))
        >>> x = keras.layers.Conv2D(4, 3, name="conv1")(images)
        >>> x = keras.layers.GlobalAveragePooling2D(name="mean")(x)
        >>> model = keras.Model(images, keras.layers.Dense(10, name="logits")(x), name="small")
        >>> widget = layers_widget(model, np.zeros((2, 8, 8, 1)), plot=lambda *_, **names: Figure())
        >>> widget
        <picture 0 in layer conv1 of small, answer 0>
        >>> widget.outputs["conv1"].shape
        (6, 6, 4)
    """
    pictures = check_model_images(model, images)
    returned: Any = getattr(model, "output_shape", None)
    if pictures.shape[3] not in (1, 3):
        words = "`images` must be (count, height, width, 1 or 3), to be drawn; got"
        raise ValueError(f"{words} {pictures.shape}.")
    if not isinstance(returned, tuple) or len(returned) != 2 or returned[1] < 2:
        words = "`model` must return (batch, classes), of two classes or more;"
        raise ValueError(f"{words} it returns {returned}.")
    names = [*map(str, range(returned[1]) if class_names is None else class_names)]
    if len(names) != returned[1]:
        raise ValueError(f"`class_names` must hold {returned[1]}, one a class; got {len(names)}.")
    widget = LayersWidget(model, pictures, names, plot, make_pad)
    many = [path for path, values in widget.outputs.items() if values.shape[2:] > (3,)]
    widget.layer = layer or [*many, *widget.outputs][0]
    return widget
