"""Stopwatch: a clock set by hand, and what is printed where."""

import io
import math
import re

import keras
import numpy as np
import pytest

from cnnbook.training import stopwatch as timing
from cnnbook.training.stopwatch import Stopwatch


@pytest.fixture
def clock(monkeypatch):
    """Time that passes only when a test says so."""

    class Clock:
        now = 100.0

    monkeypatch.setattr(timing.time, "perf_counter", lambda: Clock.now)
    return Clock


def play(clock, watch, accuracies, steps=4, first_step=3.0, step=0.5, validation=1.0, jump=1):
    """An imagined training: the first call slow, validation after each epoch."""
    watch.set_params({"epochs": len(accuracies), "steps": steps})
    watch.on_train_begin()
    for epoch, accuracy in enumerate(accuracies):
        watch.on_epoch_begin(epoch)
        for batch in range(jump - 1, steps, jump):
            clock.now += first_step if (epoch, batch) == (0, jump - 1) else step * jump
            watch.on_train_batch_end(batch)
        clock.now += validation
        watch.on_epoch_end(epoch, {"loss": 0.5, "val_accuracy": accuracy})


def test_images_per_second_leave_out_the_first_step_and_validation(clock):
    watch = Stopwatch(images_per_epoch=400)
    play(clock, watch, [0.5, 0.6, 0.7])
    # 100 images a step of 0.5 s: 300 images in 1.5 s, then 400 in 2 s
    assert watch.images_per_second == [200, 200, 200]
    assert watch.first_step_seconds == 3


def test_several_steps_in_one_call_are_counted_as_several(clock):
    watch = Stopwatch(images_per_epoch=400)
    play(clock, watch, [0.5, 0.6], jump=2)
    assert watch.images_per_second == [200, 200]


def test_an_epoch_that_is_one_call_has_no_rate_at_first(clock):
    watch = Stopwatch(images_per_epoch=400)
    play(clock, watch, [0.5, 0.6], jump=4)
    assert math.isnan(watch.images_per_second[0]) and watch.images_per_second[1] == 200


@pytest.mark.parametrize(
    ("goal", "seconds"),
    [
        (0.5, 5.5),  # 3 + 3 * 0.5 + 1
        (0.6, 8.5),  # and 4 * 0.5 + 1
        (0.7, 11.5),
        (0.71, None),
    ],
)
def test_seconds_to_the_goal_are_all_that_passed(clock, goal, seconds):
    watch = Stopwatch(400, goal=goal)
    play(clock, watch, [0.5, 0.6, 0.7])
    assert watch.seconds_to_goal == seconds


def test_the_goal_counts_when_it_is_first_reached(clock):
    watch = Stopwatch(400, goal=0.6)
    play(clock, watch, [0.5, 0.6, 0.3, 0.9])
    assert watch.seconds_to_goal == 8.5


def test_the_lines(clock, capsys):
    play(clock, Stopwatch(400, goal=0.6), [0.5, 0.61, 0.7])
    assert capsys.readouterr().out.splitlines() == [
        "epoch 1/3       200 images/s   val_accuracy 0.5000   5 s left",
        "epoch 2/3       200 images/s   val_accuracy 0.6100   reached 0.6 after 8.5 s   3 s left",
        "epoch 3/3       200 images/s   val_accuracy 0.7000",
    ]


def test_time_left_is_that_of_the_epochs_without_graph_building(clock, capsys):
    play(clock, Stopwatch(400), [0.5] * 11, first_step=60)
    left = re.findall(r"(\d+) s left", capsys.readouterr().out)
    # 3 s an epoch; after the first, three steps and a validation: 2.5 s an epoch
    assert [int(seconds) for seconds in left] == [25, 27, 24, 21, 18, 15, 12, 9, 6, 3]


def test_a_second_training_starts_anew(clock):
    watch = Stopwatch(400, goal=0.6)
    play(clock, watch, [0.6, 0.6])
    play(clock, watch, [0.5])
    assert watch.images_per_second == [200]
    assert watch.seconds_to_goal is None


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_kept_outputs_have_no_trace_of_progress(clock, capsys):
    play(clock, Stopwatch(400), [0.5, 0.6], step=5)
    kept = capsys.readouterr()
    assert "\r" not in kept.out and "\x1b" not in kept.out and not kept.err
    assert kept.out.count("\n") == 2


def test_a_terminal_counts_batches_and_then_shows_only_the_lines(clock, monkeypatch):
    monkeypatch.setattr(timing.sys, "stdout", terminal := Terminal())
    play(clock, Stopwatch(400), [0.5, 0.6], step=5)
    written = terminal.getvalue()
    assert "\r\x1b[Kepoch 1: batch 2/4" in written
    seen = [line.split("\r\x1b[K")[-1] for line in written.split("\n")]
    assert [line[:9] for line in seen] == ["epoch 1/2", "epoch 2/2", ""]


def test_a_terminal_is_written_to_twice_a_second_at_most(clock, monkeypatch):
    monkeypatch.setattr(timing.sys, "stdout", terminal := Terminal())
    play(clock, Stopwatch(400), [0.5], steps=1000, first_step=0.01, step=0.01)  # 10 s
    assert 15 <= terminal.getvalue().count("batch") <= 20


@pytest.fixture
def model():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(2)(inputs))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss=loss, metrics=["accuracy"])
    return model


@pytest.mark.slow
def test_with_keras(model, capsys):
    images, labels = np.ones((50, 4)), np.zeros(50)
    watch = Stopwatch(50, goal=0.0)
    data = {"validation_data": (images, labels), "callbacks": [watch]}
    history = model.fit(images, labels, batch_size=16, epochs=3, verbose=0, **data).history
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and "s left" not in lines[-1]
    assert f"val_accuracy {history['val_accuracy'][2]:.4f}" in lines[2]
    assert all(rate > 0 for rate in watch.images_per_second)
    assert watch.first_step_seconds <= watch.seconds_to_goal


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Your input ran out of data")  # Keras, where a generator ends
def test_with_a_dataset_of_unknown_length(model, monkeypatch):
    monkeypatch.setattr(timing.sys, "stdout", terminal := Terminal())
    batches = [(np.ones((5, 4)), np.zeros(5))] * 3
    watch = Stopwatch(15, metric="accuracy")
    model.fit((batch for batch in batches), shuffle=False, verbose=0, callbacks=[watch])
    assert "accuracy" in terminal.getvalue() and len(watch.images_per_second) == 1


@pytest.mark.parametrize("options", [{"validation_freq": 2}, {"validation_freq": [2, 4]}])
@pytest.mark.slow
def test_epochs_without_validation_say_so_and_training_goes_on(model, capsys, options):
    data = np.ones((4, 4)), np.zeros(4)
    watch = Stopwatch(4, goal=0.0)
    model.fit(*data, validation_data=data, epochs=4, verbose=0, callbacks=[watch], **options)
    lines = capsys.readouterr().out.splitlines()
    assert ["no validation, no val_accuracy" in line for line in lines] == [True, False] * 2
    assert "reached 0 after" in lines[1] and len(watch.images_per_second) == 4


@pytest.mark.slow
def test_a_training_without_validation_says_so(model, capsys):
    model.fit(np.ones((4, 4)), np.zeros(4), verbose=0, callbacks=[Stopwatch(4)])
    assert "no validation, no val_accuracy" in capsys.readouterr().out


@pytest.mark.parametrize("metric", ["val_acuracy", "acuracy", "val_val_loss"])
@pytest.mark.parametrize("validated", [False, True])
def test_a_metric_that_never_comes_is_told_in_the_first_epoch(metric, validated):
    watch = Stopwatch(4, metric=metric)
    watch.set_params({"epochs": 2, "steps": 1})
    watch.on_train_begin()
    watch.on_epoch_begin(0)
    watch.on_train_batch_end(0)
    logs = {"accuracy": 0.5, "loss": 0.5}
    logs |= {f"val_{name}": value for name, value in logs.items()} if validated else {}
    known = r"\['accuracy', 'loss', 'val_accuracy', 'val_loss'\]"
    with pytest.raises(ValueError, match=f"{known}, and a number; got '{metric}'.*_data"):
        watch.on_epoch_end(0, logs)


@pytest.mark.parametrize(
    ("metric", "values", "reached"),
    [
        ("val_loss", [0.9, 0.5, 0.2], 1),
        ("mean_absolute_error", [0.5, 0.1], 0),
        ("accuracy", [0.4, math.nan, 0.6], 2),
        ("loss", [math.nan, math.nan], None),
    ],
)
def test_losses_and_errors_reach_a_goal_from_above(clock, metric, values, reached):
    watch = Stopwatch(4, metric=metric, goal=0.5)
    watch.set_params({"epochs": len(values), "steps": 1})
    watch.on_train_begin()
    for epoch, value in enumerate(values):
        watch.on_epoch_begin(epoch)
        clock.now += 1
        watch.on_train_batch_end(0)
        watch.on_epoch_end(epoch, {"loss": value, metric: value})
    assert watch.seconds_to_goal == (None if reached is None else reached + 1)


def test_a_clock_that_stands_still_gives_no_rate(clock):
    watch = Stopwatch(400)
    play(clock, watch, [0.5, 0.6], step=0.0)
    assert all(map(math.isnan, watch.images_per_second))


@pytest.mark.parametrize("count", [0, -5])
def test_no_images(count):
    with pytest.raises(ValueError, match=f"`images_per_epoch` must be 1 or more; got {count}"):
        Stopwatch(count)


def test_before_any_training_nothing_is_measured():
    watch = Stopwatch(images_per_epoch=20)
    assert watch.images_per_second == []
    assert watch.first_step_seconds is watch.seconds_to_goal is None
