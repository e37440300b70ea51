"""How does a training go on after it was killed, as if nothing had happened?

What comes out is the same, bit for bit, on one machine with CPUs: weights, History, and the best
weights of EarlyStopping. Keras' `BackupAndRestore` keeps weights and optimizer, but neither the
order of the pictures, nor the seeds of dropout, nor what other callbacks have counted.

Source: Keras 3, `callbacks/backup_and_restore.py`, for how a callback tells `fit` where to begin.
"""

import contextlib
import sys
import warnings
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

from cnnbook._batches import check_arrays
from cnnbook._checks import checked, shown
from cnnbook.training._checkpoint import Arrays, as_plain, from_plain, read_state, write_state
from cnnbook.training._epochs import Epochs
from cnnbook.training._hold import hold, release
from cnnbook.training._settings import differences, settings_of, versions

# The model, and a number of which Keras turns the sign when it first looks at a metric.
NOT_KEPT = {"_model", "params", "min_delta"}


class ExactResume(keras.callbacks.Callback):
    """Keep the whole state of a training after each epoch, and go on from there.

    Give `batches` to `fit`, and this among its callbacks. The same program, run again, goes on with
    the epoch in which it was killed, or returns at once when all are done or a callback has ended
    the training. A disk that is full ends it with an error, and the last state stays.

    Network, `compile`, images and the settings below must be those of before; `epochs`, callbacks
    and the folder's place may change. Not looked at are `class_weight`, validation data, and code
    of your own in layers and losses. A layer that draws with `tf.random` does not repeat itself.

    Args:
        folder: Made if it is missing; holds the file `training.state`.
        images: (count, ...) finite, of any type; held in memory.
        labels: (count,) or (count, ...), finite; whole numbers, one an image, are 0 or more.
        batch_size: Images a batch, 1 or more; the last batch may be smaller.
        augment: A Keras layer or a function from a batch of images to one, as in `make_pipeline`,
            also with `labels`. One that draws with TensorFlow has a parameter `seed`, without
            default: two whole numbers for `tf.random.stateless_*`, others for each batch.
        seed: 0 or more. With the number of the epoch it alone says how batches are shuffled and
            changed.

    Attributes:
        batches: For `fit`, with `shuffle=False`, a `tf.data.Dataset` of (images, labels).

    Raises:
        ValueError: If an argument is not as said above, `augment` draws what nobody can repeat, or
            the folder holds a training of something else; the message lists the differences.
        OSError: If the folder cannot be used, its file is damaged, another training uses it, or the
            disk is full.

    Example:
        >>> def train(epochs):
        ...     images = keras.Input((6,))
        ...     outputs = keras.layers.Dense(1)(keras.layers.Dropout(0.5)(images))
        ...     model = keras.Model(images, outputs)
        ...     model.compile("adam", "mse")
        ...     resume = ExactResume("runs/first", np.eye(6), np.arange(6), batch_size=4)
        ...     words = {"callbacks": [resume], "shuffle": False, "verbose": 0}
        ...     return model.fit(resume.batches, epochs=epochs, **words).history["loss"]
        >>> first = train(epochs=2)
        >>> both = train(epochs=3)
        >>> len(both), both[:2] == first
        (3, True)
    """

    # Its work for a batch may wait.
    async_safe = True

    @checked
    def __init__(
        self,
        folder: str | Path,
        images: np.ndarray,
        labels: np.ndarray,
        batch_size: int = 128,
        *,
        augment: Callable | None = None,
        seed: int = 0,
    ):
        check_arrays(images, labels, batch_size)
        if seed < 0:
            raise ValueError(f"`seed` must be 0 or more; got {seed}.")
        super().__init__()
        arrays = np.asarray(images), np.asarray(labels)
        self._path = Path(folder) / "training.state"
        self._epochs = Epochs(*arrays, int(batch_size), augment, int(seed))
        self.batches = self._epochs.dataset
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
        given, steps = self.params["steps"], self._epochs.steps
        if given != steps:
            words = f"`fit` must be given `batches`, which are {steps}; it has {given} an epoch"
            raise ValueError(f"{words}. Leave out `steps_per_epoch`, and pass `resume.batches`.")
        hold(self._path.parent, self._group)
        try:
            self._begin()
        except BaseException:
            release(self._path.parent)
            raise

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Set the order of the pictures."""
        self.model._initial_epoch = None  # or it would be that of the next `fit` too
        if epoch != self._done:
            words = f"`initial_epoch` must be left out; {shown(self._path)} goes on at {self._done}"
            raise ValueError(f"{words}, got {epoch}.")
        self._epochs.begin(epoch)
        self._last_batch = -1

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Note how far the epoch is."""
        self._last_batch = max(batch, self._last_batch)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Keep the state, unless a callback has ended the training within the epoch."""
        if self._last_batch + 1 < self._epochs.steps:
            return
        if not self._epochs.is_drawn():
            words = "`fit` must be given `batches` of this ExactResume; it was given other data"
            raise ValueError(f"{words}, whose order nobody knows. Pass `resume.batches`.")
        self._done = epoch + 1
        self._keep(is_over=bool(self.model.stop_training))

    def on_train_end(self, logs: dict | None = None) -> None:
        """Let others train in the folder."""
        self.model._initial_epoch = None
        release(self._path.parent)

    def _begin(self) -> None:
        """Restore what the folder keeps, or keep the beginning."""
        self._described = settings_of(self.model, self._epochs.described)
        self._done, is_over = 0, False
        self._at_first = {name: _countings(each) for name, each in self._named_others()}
        if self._path.exists():
            is_over = self._restore(*read_state(self._path))
        else:
            self._keep(is_over=False)
        self.model._initial_epoch = self.params["epochs"] if is_over else self._done

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
        if state["versions"] != versions():
            words = f"{where} was made with {state['versions']}, and goes on with {versions()}"
            warnings.warn(f"{words}: the same to a few digits, not bit for bit.", stacklevel=2)
        for variable, value in zip(self._variables(), state["variables"], strict=True):
            variable.assign(from_plain(value, arrays))
        for name, callback in self._named_others():
            for attribute, value in state["callbacks"].get(name, {}).items():
                setattr(callback, attribute, from_plain(value, arrays))
        self._done = state["done"]
        return bool(state["over"])

    def _keep(self, is_over: bool) -> None:
        arrays: Arrays = {}
        changed = {}
        for name, callback in self._named_others():
            now, first = _countings(callback), self._at_first[name]
            new = [each for each in now if each not in first or now[each] != first[each]]
            changed[name] = {each: as_plain(vars(callback)[each], arrays) for each in new}
        values = [np.asarray(keras.ops.convert_to_numpy(each)) for each in self._variables()]
        state = {
            "described": self._described,
            "versions": versions(),
            "done": self._done,
            "over": is_over,
            "variables": as_plain(values, arrays),
            "callbacks": changed,
        }
        write_state(self._path, state, arrays)

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
