"""What made a model's answer? Found out by running it once, whatever it is built of."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import keras
import numpy as np

from cnnbook._layers import as_array, replaced, run, sublayers

# What turns scores into probabilities, or their logarithms, along an axis. Each can be undone.
SQUASHING: dict[str, Callable[[Any, int], Any]] = {
    "softmax": lambda scores, axis: keras.ops.softmax(scores, axis),
    "sigmoid": lambda scores, axis: keras.ops.sigmoid(scores),
    "log_softmax": lambda scores, axis: keras.ops.log_softmax(scores, axis),
}


class Step(NamedTuple):
    """One use of a layer, of the activation in one, or of an operation such as `x / 2`."""

    owner: Any
    attribute: str
    again: Callable[[Any], Any]  # with another tensor
    given: list[Any]
    made: Any


def traced(model: keras.Model, images: np.ndarray) -> tuple[Any, dict[int, Step]]:
    """Return the scores that a model answers, and which step made which tensor, by its `id`."""
    steps: dict[int, Step] = {}
    with ExitStack() as stack:
        for owner in {id(part): part for part in _parts_of(model)}.values():
            for attribute in ("call", "activation", "convert_input"):
                if callable(getattr(owner, attribute, None)):
                    noting = _noting(steps, owner, attribute)
                    stack.enter_context(replaced(owner, attribute, noting))
        return scores_of(run(model, images.astype("float32"))), steps


def scores_of(answer: Any) -> Any:
    """Return the output that counts, the first of several."""
    if isinstance(answer, dict) and len(answer) > 1:
        raise ValueError(
            f"`model` must return class scores alone, or first in a list; it returns a dictionary"
            f" of {', '.join(map(str, answer))}. Pass keras.Model(model.input, model.output[NAME])."
        )
    return keras.tree.flatten(answer)[0]


def origins(
    steps: dict[int, Step], made: Any, *, through: bool = False
) -> tuple[list[tuple[str, Step]], list[Step | None]]:
    """Walk back from a tensor to what squashes scores, and to what else comes from weights.

    Returns:
        The steps that squash, with how, none if it is to walk `through` them; and the steps with
        weights, None for what cannot be seen.
    """
    squashing, learned, todo, seen = [], [], [made], set[int]()
    while todo:
        tensor = todo.pop()
        if id(tensor) in seen:
            continue
        seen.add(id(tensor))
        step = steps.get(id(tensor))
        if step and not through and (how := _how_it_squashes(step)):
            squashing.append((how, step))
        elif step is None or getattr(step.owner, "weights", None):
            learned.append(step)
        else:
            todo += step.given
    return squashing, learned


def _parts_of(model: Any) -> Iterator[Any]:
    """Yield all layers, and what is none but computes or makes 16 bits of 32, at any depth."""
    for part in [*getattr(model, "operations", ()), *sublayers(model)]:
        yield part
        if isinstance(part, keras.layers.Layer):
            yield part.dtype_policy
            yield from _parts_of(part)


def _noting(steps: dict[int, Step], owner: Any, attribute: str) -> Callable[..., Any]:
    """Return what computes the same and notes it; of layers in layers the innermost counts."""
    compute = getattr(owner, attribute)

    def noting(*arguments: Any, **keywords: Any) -> Any:
        answer = compute(*arguments, **keywords)
        values = keras.tree.flatten([arguments, keywords])
        given = [value for value in values if keras.ops.is_tensor(value)]

        def again(tensor: Any) -> Any:
            def put(value: Any) -> Any:
                return tensor if keras.ops.is_tensor(value) else value

            others = keras.tree.map_structure(put, [arguments, keywords])
            return compute(*others[0], **others[1])

        for made in keras.tree.flatten(answer):
            if not any(made is value for value in given):
                steps.setdefault(id(made), Step(owner, attribute, again, given, made))
        return answer

    return noting


def _how_it_squashes(step: Step) -> str | None:
    """Try a step on scores of its own: is it one of `SQUASHING`?"""
    shapes = {tuple(tensor.shape) for tensor in (*step.given, step.made)}
    learned = step.attribute == "call" and getattr(step.owner, "weights", None)
    if learned or len(step.given) != 1 or len(shapes) != 1 or None in (shape := shapes.pop()):
        return None
    dtype = keras.backend.standardize_dtype(step.given[0].dtype)
    tried = np.random.default_rng(0).normal(0, 2, (3, *shape))
    pairs = [(scores, step.again(keras.ops.convert_to_tensor(scores, dtype))) for scores in tried]
    wide = [axis for axis, size in enumerate(shape) if axis and size > 1]
    for how in SQUASHING:
        for axis in wide if "softmax" in how else [-1]:
            if all(is_squashed(how, scores, got, axis) for scores, got in pairs):
                return how
    return None


def is_squashed(how: str, scores: Any, got: Any, axis: int = 1) -> bool:
    """Whether scores give this in one way of squashing, but for rounding."""
    wanted, found = as_array(SQUASHING[how](keras.ops.cast(scores, "float32"), axis)), as_array(got)
    largest = np.abs(found).max() * (0.02 if "16" in str(got.dtype) else 1e-3)
    return bool((np.abs(found - wanted) <= largest).all())
