"""What a model answers, before softmax and in its layers, and what may be asked of one."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import keras
import numpy as np

from cnnbook._checks import as_array_of_any
from cnnbook._layers import Images, as_array, check_model_images, listening, replaced, run
from cnnbook.explain._trace import Step, is_squashed, origins, scores_of, traced

BATCH_PIXELS = 400_000  # of the images that are computed at once: 7 photos of 224 x 224
ClassIndex = int | np.ndarray | object | None  # any: `_classes` says best what is wrong
Logits = Callable[[Any], Any]  # images to float32 scores, (count, classes)


@contextmanager
def asked(
    model: keras.Model, images: Images, class_index: ClassIndex
) -> Iterator[tuple[np.ndarray, np.ndarray, Logits]]:
    """Give the images, the class that is asked of each, and what computes logits; or refuse.

    Softmax and sigmoid are left out for a while: where they are sure, they are flat. A model of
    one score has two classes: the score speaks for class 1, its negative for class 0. The class is
    -1 where it is the one that the model prefers.
    """
    known = check_model_images(model, images)
    classes = _classes(class_index, len(known))
    if not model.built:
        run(model, known[:1].astype("float32"))
    answer, steps = traced(model, known[:1])
    shape = tuple(getattr(answer, "shape", ()))
    if len(shape) != 2 or shape[0] != 1 or classes.max() >= max(2, shape[1]):
        raise ValueError(
            "`class_index` must be below the number of classes, and `model` return scores (count,"
            f" classes); got class {classes.max()} and scores of shape {shape} for one image. One"
            " score is of two classes."
        )
    if not np.isfinite(as_array(answer)).all():
        raise ValueError("`model` must return finite scores; got nan or inf. Was it trained well?")

    def logits(pixels: Any) -> Any:
        scores = keras.ops.cast(scores_of(run(model, pixels)), "float32")
        return keras.ops.concatenate([-scores, scores], 1) if shape[1] == 1 else scores

    with ExitStack() as stack:
        squashing, others = origins(steps, answer)
        hows, ends = {how for how, _ in squashing}, [step[:2] for _, step in squashing]
        used = [step for step in steps.values() if step[:2] in ends]
        is_all = bool(squashing) and not others
        is_undone = is_all and len(used) == len(squashing) and len(hows) == 1
        if is_undone:
            for step in used:
                stack.enter_context(replaced(*step[:2], lambda scores, *_, **__: scores))
            scores, steps = traced(model, known[:1])
            before, others = origins(steps, scores)
            is_undone = is_squashed(hows.pop(), scores, answer) and (not before or bool(others))
        if not is_undone and (is_all or _is_sure(answer, steps)):
            raise ValueError(
                "`model` must return logits, or end in a softmax or sigmoid of its own, which is"
                " left out; it returns probabilities, and what made them cannot be taken back."
                " Pass a model that returns logits."
            )
        yield known, classes, logits


def heard_values(
    model: keras.Model, images: np.ndarray, layers: list[keras.layers.Layer], end: int = 1
) -> Iterator[list[np.ndarray]]:
    """Yield, batch by batch, what each of the layers returns; with `end` 0, what each gets."""
    with ExitStack() as stack:
        heard = [stack.enter_context(listening(layer)) for layer in layers]
        for part in parts(images):
            run(model, images[part].astype("float32"))
            pairs = zip(heard, layers, strict=True)
            yield [as_array(tensor_of(values, end, layer)) for values, layer in pairs]


def tensor_of(heard: list[Any], end: int, layer: keras.layers.Layer) -> Any:
    """Return what a layer was heard to get or return, or say why there is nothing to look at."""
    try:
        if keras.ops.is_tensor(heard[end]):
            as_array(heard[end][0])
            return heard[end]
    except Exception:  # it was not heard, or is but the plan of a tensor
        pass
    raise ValueError(
        f"`model` must run {layer.name!r} on one tensor to show it; it does not run it, or on"
        " several, or inside a compiled function. Name another layer."
    )


def class_scores(logits: Logits, images: Any, classes: np.ndarray) -> tuple[Any, np.ndarray]:
    """Return each image's score of its class, and the classes; -1 stands for the preferred one."""
    scores = logits(images)
    preferred = keras.ops.convert_to_numpy(keras.ops.argmax(scores, axis=1))
    classes = np.where(classes < 0, preferred, classes)
    return keras.ops.take_along_axis(scores, classes[:, None], axis=1)[:, 0], classes


def parts(images: np.ndarray) -> Iterator[slice]:
    """Yield the images' batches as slices: the larger the images, the fewer at once."""
    size = min(256, max(1, BATCH_PIXELS // (images.shape[1] * images.shape[2])))
    for start in range(0, len(images), size):
        yield slice(start, start + size)


def _classes(class_index: ClassIndex, count: int) -> np.ndarray:
    """Return one class an image, -1 for the one that the model prefers."""
    classes = as_array_of_any(-1 if class_index is None else class_index)
    fits = classes.dtype.kind in "iu" and classes.shape in ((), (count,))
    if not fits or (class_index is not None and classes.min() < 0):
        raise ValueError(
            f"`class_index` must be one whole number from 0, one for each of the {count} images, or"
            f" None for the class that the model prefers; got {' '.join(str(class_index).split())}."
        )
    return np.broadcast_to(classes.clip(max=2**31 - 1).astype(int), count)


def _is_sure(answer: Any, steps: dict[int, Step]) -> bool:
    """Whether scores look like probabilities, and are not what Keras makes of weights or sums."""
    found, step = as_array(answer), steps.get(id(answer))
    if found.min() < 0 or found.max() > 1:
        return False
    if found.shape[1] > 1:
        is_linear = step and getattr(step.owner, "activation", None) is keras.activations.linear
        rounding = 0.02 if "16" in str(answer.dtype) else 1e-4
        return not is_linear and bool(abs(found.sum() - 1) < rounding)
    maker = step and (type(step.owner) if step.attribute == "call" else step.owner.activation)
    unknown = (None, keras.layers.Lambda, keras.activations.hard_sigmoid)
    return maker in unknown or not maker.__module__.startswith("keras.")
