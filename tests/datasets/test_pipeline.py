"""The pipeline: shuffle, batch, augment, prefetch, and nothing lost in evaluation."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from cnnbook.datasets.pipeline import make_pipeline


def numbered(count):
    """Image k is filled with k, and so is its label."""
    labels = np.arange(count)
    return np.broadcast_to(labels[:, None, None, None], (count, 2, 2, 1)).astype("uint8"), labels


def labels_of(dataset):
    return [int(label) for _, labels in dataset for label in labels]


@pytest.mark.parametrize(("count", "size"), [(10, 4), (7, 7), (5, 8), (1, 1), (13, 1)])
def test_evaluation_keeps_every_image_once_and_in_order(count, size):
    dataset = make_pipeline(*numbered(count), batch_size=size)
    assert labels_of(dataset) == list(range(count))
    assert [len(labels) for _, labels in dataset][-1] == (count % size or size)


def test_training_gives_every_image_once_an_epoch_in_another_order_each_time():
    dataset = make_pipeline(*numbered(100), batch_size=32, training=True)
    first, second = labels_of(dataset), labels_of(dataset)
    assert sorted(first) == sorted(second) == list(range(100))
    assert len({tuple(first), tuple(second), tuple(range(100))}) == 3


def test_the_shuffle_reaches_over_the_whole_set():
    """A small buffer would leave the first batch among the first images."""
    first = labels_of(make_pipeline(*numbered(200), 10, training=True))[:10]
    assert max(first) > 100


def test_the_seed_fixes_the_order():
    runs = [
        labels_of(make_pipeline(*numbered(50), training=True, seed=s)) for s in (3, np.int16(3), 4)
    ]
    assert runs[0] == runs[1] != runs[2]


@pytest.mark.parametrize("training", [True, False])
def test_images_stay_with_their_labels(training):
    for images, labels in make_pipeline(*numbered(40), 7, training=training):
        np.testing.assert_array_equal(images[:, 0, 0, 0], labels)


def test_the_order_is_shuffle_batch_augment_prefetch():
    dataset = make_pipeline(*numbered(10), 4, training=True, augment=tf.identity)
    steps = []
    while dataset is not None:
        steps.append(type(dataset).__name__)
        dataset = getattr(dataset, "_input_dataset", None)
    wanted = ["Options", "Prefetch", "ParallelMap", "Batch", "Shuffle", "TensorSlice"]
    assert [name.strip("_").removesuffix("Dataset") for name in steps] == wanted


@pytest.mark.parametrize("training", [True, False])
def test_no_autotuning_holds_up_the_end_of_an_epoch(training):
    dataset = make_pipeline(*numbered(10), 4, training=training, augment=tf.identity)
    assert dataset.options().autotune.enabled is False


def test_augmentation_sees_whole_batches_and_leaves_labels_alone():
    shapes = []

    def brighten(images):
        shapes.append(images.shape.as_list())
        return images + 100

    dataset = make_pipeline(*numbered(10), 4, training=True, augment=brighten)
    for images, labels in dataset:
        np.testing.assert_array_equal(images[:, 0, 0, 0], labels + 100)
    assert shapes == [[None, 2, 2, 1]]


def test_evaluation_does_not_augment():
    def forbidden(images):
        raise RuntimeError("augmented in evaluation")

    assert labels_of(make_pipeline(*numbered(5), augment=forbidden)) == [0, 1, 2, 3, 4]


def test_a_keras_layer_is_called_in_training_mode():
    images, labels = numbered(64)
    layer = keras.layers.RandomFlip("horizontal")
    images = images.copy()
    images[:, :, 0] = 0
    batch, _ = next(iter(make_pipeline(images, labels, 64, training=True, augment=layer)))
    flipped = (batch[1:, 0, 1, 0].numpy() == 0).mean()  # image 0 is all zeros
    assert 0.2 < flipped < 0.8


def turn_round(images, labels):
    return images[::-1], labels[::-1] + 100


def test_a_change_with_labels_gets_both_and_returns_both():
    dataset = make_pipeline(*numbered(10), 4, training=True, augment=turn_round)
    for images, labels in dataset:
        np.testing.assert_array_equal(images[:, 0, 0, 0] + 100, labels)
    assert sorted(labels_of(dataset)) == list(range(100, 110))


def test_evaluation_does_not_change_labels():
    assert labels_of(make_pipeline(*numbered(5), 4, augment=turn_round)) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    "augment",
    [
        lambda images, training: images + (100 if training else 0),
        lambda images, training=False: images + (100 if training else 0),
        lambda images, amount=100: images + amount,
    ],
)
def test_a_function_is_told_of_training_if_it_asks_and_other_parameters_keep_their_default(augment):
    [(images, labels)] = make_pipeline(*numbered(5), 5, training=True, augment=augment)
    np.testing.assert_array_equal(images[:, 0, 0, 0], labels + 100)


class Swap(keras.layers.Layer):
    """Turns the batch round, labels too, in training."""

    def call(self, images, labels, training=False):
        return (images[::-1], labels[::-1] + 100) if training else (images, labels)


def test_a_layer_that_takes_labels_is_called_in_training_mode():
    [(images, labels)] = make_pipeline(*numbered(5), 5, training=True, augment=Swap())
    np.testing.assert_array_equal(images[:, 0, 0, 0] + 100, labels)


def test_types_and_further_label_axes_stay():
    images, labels = numbered(4)
    batch, targets = next(iter(make_pipeline(images, np.eye(4)[labels])))
    assert (batch.dtype, targets.shape) == (tf.uint8, (4, 4))


WHOLE = r"`labels` must be whole numbers, 0 to 2, or 3 shares each, with the sum 1; got"


@pytest.mark.parametrize(
    ("pixel", "labels", "num_classes", "words"),
    [
        (np.nan, [0, 1, 2], None, "`images` must be finite; got nan or infinity"),
        (-np.inf, [0, 1, 2], None, "`images` must be finite"),
        (7, [0, np.nan, 2], None, "`labels` must be finite"),
        (7, np.full((3, 3), np.inf), None, "`labels` must be finite"),
        (7, [0, -1, 2], None, "`labels` must be 0 or more; got -1 to 2"),
        (7, [[0], [-1], [2]], None, "`labels` must be 0 or more; got -1 to 2"),
        (7, [0, 99, 2], 3, f"{WHOLE} 0 to 99"),
        (7, [1, 2, 3], 3, f"{WHOLE} 0 to 3"),
        (7, [0.0, 1.5, 2.0], 3, WHOLE),
        (7, np.eye(4)[:3], 3, rf"{WHOLE} 0.0 to 1.0, of shape \(3, 4\)"),
        (7, -np.eye(3), 3, f"{WHOLE} -1.0 to"),
        (7, np.ones((3, 3)), 3, f"{WHOLE} 0.0 to 1.0"),
        (7, [0, 1, 1], 1, "`num_classes` must be 2 or more, or None; got 1"),
    ],
)
def test_values_that_would_train_to_nan_are_refused(pixel, labels, num_classes, words):
    images = np.full((3, 2, 2, 1), 7, "float32")
    images[1, 0, 1] = pixel
    with pytest.raises(ValueError, match=words):
        make_pipeline(images, np.array(labels), num_classes=num_classes)


@pytest.mark.parametrize(
    "labels", [[0, 2, 1], [[0], [2], [1]], np.eye(3), np.uint8([0, 2, 1]), np.full((3, 3), 1 / 3)]
)
def test_classes_and_shares_of_classes_pass(labels):
    dataset = make_pipeline(np.zeros((3, 2, 2, 1), "uint8"), np.array(labels), num_classes=3)
    np.testing.assert_array_equal(next(iter(dataset))[1], labels)


@pytest.mark.parametrize(
    "labels", [[True, False, True], [-0.5, 2.0, 7.0], [[-3, 1], [2, 5], [0, 0]], np.zeros((3, 0))]
)
def test_labels_that_are_no_classes_pass_where_none_are_counted(labels):
    make_pipeline(np.zeros((3, 2, 2, 1), "uint8"), np.array(labels))


@pytest.mark.parametrize(
    ("counts", "batch_size", "words"),
    [
        ((0, 0), 1, "`images` is empty"),
        ((8, 7), 1, "same length; got 8 images and 7 labels"),
        ((4, 4), 0, "`batch_size` must be at least 1; got 0"),
        ((4, 4), -3, "`batch_size` must be at least 1; got -3"),
    ],
)
def test_impossible_arguments_are_named(counts, batch_size, words):
    images, labels = numbered(counts[0])[0], numbered(counts[1])[1]
    with pytest.raises(ValueError, match=words):
        make_pipeline(images, labels, batch_size)


@pytest.mark.parametrize("augment", [lambda images: None, lambda images, labels: images])
def test_what_gives_no_images_back_is_no_augmentation(augment):
    with pytest.raises(ValueError, match="`augment` must return a batch of images, and with"):
        make_pipeline(*numbered(4), training=True, augment=augment)


def test_a_batch_may_be_larger_than_any_number_of_images():
    assert [len(batch) for batch, _ in make_pipeline(*numbered(4), 2**70)] == [4]
