"""How fast does it train, when does it reach the goal, and how long is left?

A Keras callback that prints one line an epoch; in a terminal it counts batches until then.

The first step builds its graph, which takes seconds and happens once: these seconds are told apart,
and not part of the images per second, nor is validation. Seconds to the goal are all that passed.
"""

import math
import re
import sys
import time

import keras
import numpy as np

from cnnbook._checks import checked


class Stopwatch(keras.callbacks.Callback):
    """Report images per second, seconds to a goal, and the time left; use with `verbose=0`.

    Args:
        images_per_epoch: Training images in an epoch, above 0.
        metric: To print and to hold against the goal, as `fit` names it. Epochs in which `fit` does
            not validate have none of those with "val_".
        goal: Report the seconds until `metric` first reached this: was as large or, of losses and
            errors, as small. Default: no goal.

    Attributes:
        images_per_second: One number an epoch; nan for one that was nothing but the first step.
        first_step_seconds: What the first step took, building the graph included.
        seconds_to_goal: Since the start of training; None until the goal is reached.

    Example:
        >>> images = keras.Input((4,))
        >>> model = keras.Model(images, keras.layers.Dense(1)(images))
        >>> model.compile("sgd", "mse")
        >>> watch = Stopwatch(images_per_epoch=6, metric="loss")
        >>> x, y = keras.ops.ones((6, 4)), keras.ops.ones((6, 1))
        >>> fitted = model.fit(x, y, batch_size=2, epochs=2, verbose=0, callbacks=[watch])
        epoch 1/2   ... images/s   loss ...
        epoch 2/2   ... images/s   loss ...
    """

    @checked
    def __init__(
        self, images_per_epoch: int, metric: str = "val_accuracy", goal: float | None = None
    ):
        if images_per_epoch < 1:
            words = f"`images_per_epoch` must be 1 or more; got {images_per_epoch}."
            raise ValueError(f"{words} It is len(train_images).")
        super().__init__()
        self.images_per_epoch, self.metric, self.goal = images_per_epoch, metric, goal
        self.on_train_begin()  # until the true one

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Start the clock."""
        self.images_per_second: list[float] = []
        self.first_step_seconds: float | None = None
        self.seconds_to_goal: float | None = None
        self._epoch_seconds: list[float] = []
        self._start = time.perf_counter()

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Note when the epoch began."""
        self._epoch, self._batches_left_out, self._batches_done = epoch, 0, 0
        self._epoch_start = self._timed_from = self._timed_until = time.perf_counter()
        self._next_progress = self._epoch_start + 0.5

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Leave the first step of all out; show progress in a terminal."""
        now = time.perf_counter()
        self._batches_done, self._timed_until = batch + 1, now
        if self.first_step_seconds is None:
            self.first_step_seconds = now - self._epoch_start
            self._timed_from, self._batches_left_out = now, batch + 1
        if sys.stdout.isatty() and now >= self._next_progress:
            self._next_progress = now + 0.5
            of = f"/{self.params['steps']}" if self.params.get("steps") else ""
            print(f"\r\x1b[Kepoch {self._epoch + 1}: batch {batch + 1}{of}", end="", flush=True)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Print the line of the epoch."""
        now, logs = time.perf_counter(), logs or {}
        value = self._value(logs)
        first_step = 0 if self.images_per_second else self.first_step_seconds or 0
        self.images_per_second.append(self._rate())
        self._epoch_seconds.append(now - self._epoch_start - first_step)
        epochs = self.params["epochs"]
        parts = [
            f"epoch {epoch + 1:{len(str(epochs))}}/{epochs}",
            f"{self.images_per_second[-1]:7,.0f} images/s",
            f"{self.metric} {value:.4f}"
            if value is not None
            else f"no validation, no {self.metric}",
        ]
        if self.seconds_to_goal is None and self._is_reached(value):
            self.seconds_to_goal = now - self._start
            parts.append(f"reached {self.goal:g} after {self.seconds_to_goal:.1f} s")
        if epochs > epoch + 1:
            known = self._epoch_seconds[1:] or self._epoch_seconds  # the very first is another
            parts.append(f"{(epochs - epoch - 1) * sum(known) / len(known):.0f} s left")
        wipe = "\r\x1b[K" if sys.stdout.isatty() else ""
        print(wipe + "   ".join(parts), flush=True)

    def _value(self, logs: dict) -> float | None:
        """Return the metric, None in an epoch that was not validated; refuse what never comes."""
        trained = [name for name in logs if not name.startswith("val_")]
        names = logs if len(trained) < len(logs) else [*logs, *(f"val_{each}" for each in trained)]
        if self.metric not in names or np.ndim(logs.get(self.metric, 0)):
            words = f"`metric` must be one of {sorted(names)}, and a number; got {self.metric!r}."
            raise ValueError(f"{words} For one with 'val_' pass `validation_data` to fit.")
        return float(logs[self.metric]) if self.metric in logs else None

    def _is_reached(self, value: float | None) -> bool:
        """Tell whether the goal is reached; of no number it is not, and of nan neither."""
        if self.goal is None or value is None:
            return False
        is_cost = re.search("loss|error|mse|mae|mape|msle|entropy|divergence", self.metric.lower())
        return value <= self.goal if is_cost else value >= self.goal

    def _rate(self) -> float:
        """Images per second of the epoch's timed batches."""
        batches = self._batches_done - self._batches_left_out
        if not batches:
            return math.nan
        images = self.images_per_epoch * batches / self._batches_done
        seconds = self._timed_until - self._timed_from
        return images / seconds if seconds else math.nan  # clocks have steps
