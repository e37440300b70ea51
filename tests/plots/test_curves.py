"""plot_learning_curves: what is drawn, read back from the axes."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from cnnbook.plots.curves import plot_learning_curves


@pytest.fixture
def histories():
    return {
        "small": {"accuracy": [0.5, 0.7], "val_accuracy": [0.6, 0.65], "val_loss": [2, 1]},
        "large": {"accuracy": [0.8, 0.9, 0.99], "val_accuracy": [0.7, 0.75, 0.76]},
    }


def lines_by_label(figure):
    return {line.get_label(): line for line in figure.axes[0].lines}


def test_every_value_is_drawn_at_its_epoch_counted_from_one(histories):
    lines = lines_by_label(plot_learning_curves(histories))
    assert len(lines) == 4
    np.testing.assert_array_equal(lines["large, training"].get_xdata(), [1, 2, 3])
    np.testing.assert_array_equal(lines["large, training"].get_ydata(), [0.8, 0.9, 0.99])
    np.testing.assert_array_equal(lines["small, validation"].get_ydata(), [0.6, 0.65])


def test_training_is_dashed_and_validation_solid(histories):
    for label, line in lines_by_label(plot_learning_curves(histories)).items():
        assert line.get_linestyle() == ("--" if label.endswith("training") else "-")


def test_models_differ_in_colour_and_in_marker(histories):
    lines = lines_by_label(plot_learning_curves(histories))
    small, large = lines["small, training"], lines["large, training"]
    assert small.get_color() == lines["small, validation"].get_color() != large.get_color()
    assert small.get_marker() != large.get_marker()


def test_the_gap_between_both_is_shaded(histories):
    small, large = plot_learning_curves(histories).axes[0].collections
    assert small.get_datalim(plt.gca().transData).y0 == pytest.approx(0.5)
    assert large.get_datalim(plt.gca().transData).y1 == pytest.approx(0.99)


def test_without_validation_there_is_one_line_and_no_shade():
    axes = plot_learning_curves({"a": {"loss": [3.0, 2.0]}}, metric="loss").axes[0]
    assert len(axes.lines) == 1
    assert not axes.collections


def test_a_single_epoch_is_visible():
    axes = plot_learning_curves({"a": {"accuracy": [0.5], "val_accuracy": [0.4]}}).axes[0]
    assert all(line.get_marker() not in ("", "None", None) for line in axes.lines)


def test_labels_legend_and_title(histories):
    axes = plot_learning_curves(histories, title="Both learn").axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "accuracy")
    assert axes.get_title() == "Both learn"
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend == list(lines_by_label(axes.figure))


def test_an_underscore_is_no_part_of_a_label():
    axes = plot_learning_curves({"a": {"top_5_error": [0.1]}}, metric="top_5_error").axes[0]
    assert axes.get_ylabel() == "top 5 error"


def test_epochs_are_whole_numbers():
    figure = plot_learning_curves({"a": {"accuracy": [0.5, 0.6]}})
    ticks = figure.axes[0].get_xticks()
    np.testing.assert_array_equal(ticks, ticks.round())


def test_ten_models_can_be_drawn():
    histories = {str(index): {"accuracy": [0.1, 0.2]} for index in range(10)}
    assert len(plot_learning_curves(histories).axes[0].lines) == 10


def test_no_history_says_what_to_pass():
    with pytest.raises(ValueError, match=r"`histories` must hold at least one.*fitted\.history"):
        plot_learning_curves({})


def test_an_unknown_metric_lists_the_known_ones(histories):
    del histories["small"]["accuracy"]
    histories["small"]["loss"] = [2, 1]
    with pytest.raises(ValueError, match=r"`metric`.*'small' has no 'accuracy', only \['loss'\]"):
        plot_learning_curves(histories)


def test_a_history_without_epochs_is_named():
    with pytest.raises(ValueError, match=r"'idle' has no epoch\. Train it first"):
        plot_learning_curves({"idle": {"accuracy": []}})


def test_validation_of_another_length_is_refused():
    history = {"accuracy": [0.1, 0.2, 0.3], "val_accuracy": [0.2]}
    with pytest.raises(ValueError, match="'a' has 3 of 'accuracy' but 1 of 'val_accuracy'"):
        plot_learning_curves({"a": history})


HISTORY = {"accuracy": [0.7, 0.9], "val_accuracy": [0.8, 0.85]}


class Fitted:
    """What `fit` returns."""

    history = HISTORY


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (Fitted(), "model"),
        (HISTORY, "model"),
        ({"net": Fitted()}, "net"),
        ({3: HISTORY}, "3"),
    ],
)
def test_what_fit_returns_may_be_passed_as_it_is(given, name):
    lines = plot_learning_curves(given).axes[0].lines
    assert [line.get_label() for line in lines] == [f"{name}, training", f"{name}, validation"]


@pytest.mark.parametrize("given", [[Fitted()], {"net": HISTORY, "b": []}, "history", {"a": 3}])
def test_what_is_no_history_is_refused_in_one_line(given):
    with pytest.raises(ValueError, match=r'must be histories by name; .*Pass \{"name": fitted\}'):
        plot_learning_curves(given)


@pytest.mark.parametrize("values", [["0.1", "0.2"], [None, 0.2]])
@pytest.mark.parametrize("key", ["accuracy", "val_accuracy"])
def test_what_is_no_number_is_refused(values, key):
    history = {"accuracy": [0.1, 0.2], key: values}
    with pytest.raises(ValueError, match=f"must hold numbers; 'net' has .* as '{key}'"):
        plot_learning_curves({"net": history})
