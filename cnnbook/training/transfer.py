"""How does a network that has learned one thing learn another, from few pictures?

Keep what it knows about pictures in general, its base, and put a new head on it: train the head
alone, or, slowly, layers of the base as well.

Source: Donahue et al. (2013), "DeCAF: A Deep Convolutional Activation Feature for Generic Visual
Recognition", https://arxiv.org/abs/1310.1531; Yosinski, Clune, Bengio & Lipson (2014), "How
transferable are features in deep neural networks?", https://arxiv.org/abs/1411.1792. The guide:
Karpathy et al., "Transfer Learning", https://cs231n.github.io/transfer-learning/.
"""

from typing import NamedTuple

import keras
from keras import layers

from cnnbook._checks import checked
from cnnbook._layers import check_called, find_layer, nodes, sublayers

# Chapter 12 tried 200 and 3,000: with 200 a head was about a point behind the tuning of all layers,
# with 3,000 it was 2 to 8.
FEW_IMAGES = 2_000


class Advice(NamedTuple):
    """What to try first with a pretrained network, and why; each a sentence."""

    strategy: str
    """ "head", "early head" or "fine-tune"."""
    what: str
    why: str

    def __str__(self) -> str:
        """One line for people."""
        return f"{self.strategy}: {self.what} {self.why}"


ADVICE = {
    # (few images, similar to those the network knows)
    (True, True): Advice(
        "head",
        "Compute the features of the last layer but one once, and train a small head on them.",
        "The features fit already, and to tune more with so few images brings little.",
    ),
    (True, False): Advice(
        "early head",
        "Train a small head on the features of a layer in the middle.",
        "Late layers know what they were trained on, early ones see edges and textures, which all"
        " pictures have.",
    ),
    (False, True): Advice(
        "fine-tune",
        "Train a new head, then all layers with it, with a small learning rate.",
        "There are enough images to adapt all layers, and they nearly fit already.",
    ),
    (False, False): Advice(
        "fine-tune",
        "Train a new head, then all layers with it, with a small learning rate.",
        "There are enough images, and old weights are a better start than random ones.",
    ),
}


@checked
def build_head(
    num_features: int, num_classes: int, hidden_units: int = 1024, dropout: float = 0.3
) -> keras.Model:
    """Build the last layers of a classifier, to be trained on bottleneck features.

    Args:
        num_features: Length of the features of one image.
        num_classes: Width of the last layer, 2 or more: two classes have two logits.
        hidden_units: Width of a dense layer with ReLU and dropout before it; 0 leaves both out,
            which is multinomial logistic regression, hard to beat with few images.
        dropout: Share of the hidden units that is dropped in training, in [0, 1).

    Returns:
        An uncompiled functional model named "new_head", from features (batch, num_features) to
        float32 logits (batch, num_classes), with layers "hidden", "dropout" and "logits".

    Raises:
        ValueError: If an argument is outside what is said above.

    Example:
        >>> build_head(1280, 2, hidden_units=0).count_params()
        2562
    """
    if num_features < 1 or hidden_units < 0 or not 0 <= dropout < 1:
        raise ValueError(
            "`num_features` must be 1 or more, `hidden_units` 0 or more, `dropout` at least 0 and"
            f" less than 1; got {num_features}, {hidden_units} and {dropout}."
        )
    if num_classes < 2:
        words = f"`num_classes` must be 2 or more; got {num_classes}."
        raise ValueError(f"{words} Yes or no are two classes: of one unit softmax is always 1.")
    x = features = keras.Input((int(num_features),), name="features")  # Keras takes no NumPy's
    if hidden_units:
        x = layers.Dense(int(hidden_units), activation="relu", name="hidden")(x)
        x = layers.Dropout(float(dropout), name="dropout")(x)
    logits = layers.Dense(int(num_classes), dtype="float32", name="logits")(x)
    return keras.Model(features, logits, name="new_head")


@checked
def attach_head(base: keras.Model, head: keras.Model) -> keras.Model:
    """Put a head, trained or not, on a base, and freeze the base.

    Both share their weights with it. Training changes the head alone, until `unfreeze_from`; what
    else uses the base finds it frozen, too. Dropout in the base goes on, and changes no weight.

    Args:
        base: A functional model from images to (batch, features).
        head: A model from such features to logits, such as that of `build_head`.

    Returns:
        An uncompiled functional model from images to logits: the layers of the base, and the head.

    Raises:
        ValueError: If the two do not fit together, or the base has a layer that cannot be frozen.

    Example:
        >>> images = keras.Input((8, 8, 3))
        >>> base = keras.Model(images, layers.GlobalAveragePooling2D()(images))
        >>> attach_head(base, build_head(3, 10)).output_shape
        (None, 10)
    """
    if not getattr(base, "outputs", None) or not getattr(head, "inputs", None):
        raise ValueError(
            f"`base` and `head` must be functional models; got {type(base).__name__} and"
            f" {type(head).__name__}. Build them with keras.Model(inputs, outputs)."
        )
    given, taken = base.outputs[0].shape, head.inputs[0].shape
    if len(base.outputs) != 1 or given != taken:
        advice = "build the head for these features: build_head(base.output_shape[-1], ...)"
        if len(given) == 4:
            advice = "end the base in a number a map: layers.GlobalAveragePooling2D()(base.output)"
        raise ValueError(f"`head` takes {taken}, `base` gives {given}; {advice}.")
    if head.name in {layer.name for layer in base.layers}:
        words = f"`head` must have a name of its own; `base` has a layer {head.name!r} already."
        raise ValueError(f'{words} Write head.name = "new_head".')
    _check_frozen("base", [layer for _, layer in nodes(base)])
    base.trainable = False
    images = base.inputs[0] if len(base.inputs) == 1 else base.inputs
    return keras.Model(images, head(base.outputs[0]), name=f"{base.name}_{head.name}")


@checked
def unfreeze_from(model: keras.Model, layer_name: str) -> list[str]:
    """Let a layer and all behind it learn, in the order of `model.layers`, and no other.

    Batch normalisation stays as it is, wherever it lies: its means and variances come from many
    images. Those of a small batch of others would change what every later layer gets to see.
    A layer that is used before and behind stays, too; not so what a layer of your own changes in
    training by itself. Compile the model afterwards, with a small learning rate: Keras notes then
    what can be trained.

    Args:
        model: With the pretrained layers in it, or in a model or a wrapper in it, at any depth.
        layer_name: Of the first layer that is to learn, or of a model that is a layer; write
            "model/layer" if several models have a layer of this name.

    Returns:
        The names of all layers with weights that learn now, as "model/layer" where nested, each
        once.

    Raises:
        ValueError: If no layer or several have this name, lists close names; if the model was never
            called, or a layer that would have to stay cannot be frozen.

    Example:
        >>> images = keras.Input((8,))
        >>> x = layers.Dense(4, name="early")(images)
        >>> x = layers.Dense(4, name="late")(layers.BatchNormalization(name="norm")(x))
        >>> unfreeze_from(keras.Model(images, x), "norm")
        ['late']
    """
    check_called(model)
    pairs = list(nodes(model))
    named = [layer for path, layer in pairs if path == layer_name]
    first = named[0] if named else find_layer(model, layer_name)
    paths: dict[keras.Layer, str] = {}
    learns: dict[keras.Layer, bool] = {}  # of a layer that is met several times the first counts
    for path, layer in pairs:
        paths.setdefault(layer, path)
        is_behind = layer is first or first in learns
        learns.setdefault(layer, is_behind and not isinstance(layer, layers.BatchNormalization))
    _check_frozen("model", [layer for layer in learns if not learns[layer]])
    # What is set of a layer is set of all in it: those that have no layers in them come last, and
    # of these those that stay, of which others may hold weights.
    for layer in [model, *learns]:
        if within := [each for _, each in nodes(layer)]:
            layer.trainable = layer is model or any(learns[each] for each in (layer, *within))
            for weight in _own(layer):
                weight.trainable = weight.trainable and learns.get(layer, False)
    leaves = [layer for layer in learns if not sublayers(layer)]
    for layer in sorted(leaves, key=lambda each: not learns[each]):
        layer.trainable = learns[layer]
    return [path for layer, path in paths.items() if any(w.trainable for w in _own(layer))]


def _own(layer: keras.Layer) -> list[keras.Variable]:
    """Return the weights of a layer that are none of a layer in it."""
    others = {id(weight) for each in sublayers(layer) for weight in each.weights}
    return [weight for weight in layer.weights if id(weight) not in others]


def _check_frozen(argument: str, frozen: list[keras.Layer]) -> None:
    """Refuse what changes its weights in training, whatever `trainable` says."""
    for layer in frozen:
        if isinstance(layer, layers.SpectralNormalization):
            raise ValueError(
                f"`{argument}` must have layers that can stay as they are; {layer.name!r} divides"
                " its kernel in each step of training, frozen or not. Put the layer in it in its"
                " place, or let it learn."
            )


@checked
def transfer_advice(num_images: int, similar: bool) -> Advice:
    """Say what to try first, in the four cases of the usual guide, which chapter 12 tries.

    Args:
        num_images: For training, all classes together. Up to `FEW_IMAGES` are few.
        similar: Whether they are like those that the network was trained on: photographs of
            things and animals for ImageNet; not x-rays, drawings, maps or digits.

    Returns:
        An `Advice`; printed, it is one line.

    Raises:
        ValueError: If there is no image.

    Example:
        >>> transfer_advice(200, similar=True).strategy
        'head'
    """
    if num_images < 1:
        raise ValueError(f"`num_images` must be 1 or more; got {num_images}: len(train_images).")
    return ADVICE[num_images <= FEW_IMAGES, bool(similar)]
