"""What do callbacks share that keep the whole state of a training, and go on from there?"""

import contextlib
import sys
import warnings
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np

from cnnbook._checkpoint import Arrays, as_plain, from_plain, read_state, write_state
from cnnbook._checks import shown
from cnnbook._hold import hold, release
from cnnbook._settings import differences, settings_of, versions

# The model, and a number of which Keras turns the sign when it first looks at a metric.
NOT_KEPT = {"_model", "params", "min_delta"}


class Batches(Protocol):
    """What makes the batches of an epoch, in an order that its number alone says."""

    steps: int
    described: dict[str, Any]

    def begin(self, epoch: int) -> None:
        """Set the order of an epoch."""

    def is_drawn(self) -> bool:
        """Tell whether the epoch has had all its batches."""


class Keeping(keras.callbacks.Callback):
    """Keep the state of a training after each epoch in a folder, and go on from there.

    Args:
        folder: Made if it is missing.
        batches: Their order is set at the beginning of each epoch.
        keeps: Write, which one of several processes does; each goes on from there.
    """

    # Its work for a batch may wait.
    async_safe = True
    ADVICE = "Pass `resume.batches`"

    def __init__(self, folder: Path, batches: Batches, keeps: bool = True) -> None:
        super().__init__()
        self._path, self._batches, self._keeps = folder / "training.state", batches, keeps
        self._done = 0

    def set_model(self, model: keras.Model) -> None:
        """Move behind all other callbacks, for what is kept is what they leave."""
        super().set_model(model)
        group = sys._getframe(1).f_locals.get("self")
        if isinstance(group, keras.callbacks.CallbackList):
            self._others = [each for each in group.callbacks if each is not self]
            group.callbacks = [*self._others, self]
            self._group = weakref.ref(group)

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Go on where the folder's training was, or keep how this one begins."""
        given, steps = self.params["steps"], self._batches.steps
        if given != steps:
            words = f"`fit` must be given `batches`, which are {steps}; it has {given} an epoch"
            raise ValueError(f"{words}. {self.ADVICE}, and leave out `steps_per_epoch`.")
        if self._keeps:
            hold(self._path.parent, self._group)
        try:
            self._begin()
        except BaseException:
            self._release()
            raise

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Set the order of the pictures."""
        self.model._initial_epoch = None  # or it would be that of the next `fit` too
        if epoch != self._done:
            words = f"`initial_epoch` must be left out; {shown(self._path)} goes on at {self._done}"
            raise ValueError(f"{words}, got {epoch}.")
        self._batches.begin(epoch)
        self._last_batch = -1

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Note how far the epoch is."""
        self._last_batch = max(batch, self._last_batch)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Keep the state, unless a callback has ended the training within the epoch."""
        if self._last_batch + 1 < self._batches.steps:
            return
        if not self._batches.is_drawn():
            words = f"`fit` must be given `batches` of this {type(self).__name__}; it was given"
            raise ValueError(f"{words} other data, whose order nobody knows. {self.ADVICE}.")
        self._done = epoch + 1
        self._keep(is_over=bool(self.model.stop_training))

    def on_train_end(self, logs: dict | None = None) -> None:
        """Let others train in the folder."""
        self.model._initial_epoch = None
        self._release()

    def _release(self) -> None:
        if self._keeps:
            release(self._path.parent)

    def _begin(self) -> None:
        """Restore what the folder keeps, or keep the beginning."""
        self._described = settings_of(self.model, self._batches.described)
        self._done, is_over = 0, False
        self._at_first = {name: _countings(each) for name, each in self._named_others()}
        if (found := self._found()) is not None:
            is_over = self._restore(*found)
        self.model._initial_epoch = self.params["epochs"] if is_over else self._done

    def _found(self) -> tuple[dict[str, Any], Arrays] | None:
        """Return what the folder keeps; if it keeps nothing, let it keep the beginning."""
        if self._path.exists():
            return read_state(self._path)
        self._keep(is_over=False)
        return None

    def _restore(self, state: dict[str, Any], arrays: Arrays) -> bool:
        """Set all to what was kept, and tell whether the training was over, or refuse."""
        where, epochs = shown(self._path), self.params["epochs"]
        if found := differences(state["described"], self._described):
            more = f"; and {len(found) - 6} more" if len(found) > 6 else ""
            words = f"`folder` has another training, {where}: {'; '.join(found[:6])}{more}"
            raise ValueError(f"{words}. Set all as it was, or name another `folder`.")
        if state["done"] > epochs:
            words = f"`epochs` must be {state['done']} or more, which {where} has; got {epochs}"
            raise ValueError(f"{words}. Name another `folder` to begin anew.")
        if state["versions"] != (now := self._versions()):
            words = f"{where} was made with {state['versions']}, and goes on with {now}"
            warnings.warn(f"{words}: the same to a few digits, not bit for bit.", stacklevel=2)
        for variable, value in zip(self._variables(), state["variables"], strict=True):
            variable.assign(from_plain(value, arrays))
        for name, callback in self._named_others():
            for attribute, value in state["callbacks"].get(name, {}).items():
                setattr(callback, attribute, from_plain(value, arrays))
        self._done = state["done"]
        return bool(state["over"])

    def _versions(self) -> str:
        """Say what computes; with something else, results differ in their last digits."""
        return versions()

    def _keep(self, is_over: bool) -> None:
        """Write the state, if this process does."""
        if not self._keeps:
            return
        arrays: Arrays = {}
        changed = {}
        for name, callback in self._named_others():
            now, first = _countings(callback), self._at_first[name]
            new = [each for each in now if each not in first or now[each] != first[each]]
            changed[name] = {each: as_plain(vars(callback)[each], arrays) for each in new}
        values = [np.asarray(keras.ops.convert_to_numpy(each)) for each in self._variables()]
        state = {
            "described": self._described,
            "versions": self._versions(),
            "done": self._done,
            "over": is_over,
            "variables": as_plain(values, arrays),
            "callbacks": changed,
        }
        held = f"What it held, the state after epoch {self._done - 1},"
        write_state(self._path, state, arrays, held)

    def _variables(self) -> list[Any]:
        """Return all that the network and its optimizer hold, seeds of layers included."""
        optimizer = self.model.optimizer
        if not optimizer.built:
            optimizer.build(self.model.trainable_variables)
        return [*self.model.variables, *optimizer.variables]

    def _named_others(self) -> Iterator[tuple[str, keras.callbacks.Callback]]:
        """Yield the other callbacks, each by its class and its number in that class."""
        names = [type(each).__name__ for each in self._others]
        for place, name in enumerate(names):
            yield f"{name} {names[:place].count(name)}", self._others[place]


def _countings(callback: keras.callbacks.Callback) -> dict[str, Any]:
    """Return what a callback holds, as far as it is numbers, text, arrays and lists of them."""
    found = {}
    for name in vars(callback).keys() - NOT_KEPT:
        with contextlib.suppress(TypeError):
            found[name] = as_plain(vars(callback)[name], {})
    return found
