"""The sums of a CNN against worked cases, Keras and plain loops."""

import keras
import numpy as np
import pytest

from cnnbook.arithmetic import convolve, count_parameters, output_size, pool, receptive_field

random = np.random.default_rng(0)


# --- output_size -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((4, 2, 0, 1), 3),  # 4x4 with a 2x2 filter
        ((7, 3, 0, 2), 3),
        ((5, 3, 1, 1), 5),  # "same" by a ring of zeros
        ((227, 11, 0, 4), 55),  # AlexNet, first layer
        ((224, 7, 3, 1), 224),
        ((10, 3, 0, 7), 2),
        ((3, 3, 0, 9), 1),  # one stop, whatever the stride
        ((1, 1, 0, 1), 1),
    ],
)
def test_output_size_of_cases_worked_by_hand(arguments, expected):
    assert output_size(*arguments) == expected


def test_output_size_is_the_number_of_windows_that_a_loop_counts():
    for size in range(1, 12):
        for kernel_size in range(1, size + 1):
            for padding in range(3):
                for strides in range(1, 5):
                    padded = size + 2 * padding
                    starts = range(0, padded - kernel_size + 1, strides)
                    if starts[-1] + kernel_size == padded:
                        assert output_size(size, kernel_size, padding, strides) == len(starts)
                    else:
                        with pytest.raises(ValueError, match="must divide"):
                            output_size(size, kernel_size, padding, strides)


def test_an_output_that_is_not_whole_names_the_sum_and_the_nearest_choices():
    with pytest.raises(
        ValueError,
        match=r"= 7; got 2, an output of 4\.5\. .*: input_size 9 or 11, or strides 1 or 7\.$",
    ):
        output_size(10, 3, padding=0, strides=2)


def test_padding_is_offered_where_it_helps():
    with pytest.raises(ValueError, match=r"input_size 11 or 14, or padding 1, or strides 1 or 7"):
        output_size(12, 5, padding=0, strides=3)


def test_every_choice_offered_is_valid():
    for size, kernel_size, padding, strides in random.integers(1, 14, (400, 4)).tolist():
        names = ("input_size", "kernel_size", "padding", "strides")
        given = dict(zip(names, (size, kernel_size, padding, strides), strict=True))
        try:
            output_size(**given)
        except ValueError as error:
            if "choices" not in str(error):
                continue
            for choice in str(error).split("choices: ")[1].rstrip(".").split(", or "):
                name, *values = choice.replace(" or ", " ").split()
                for value in values:
                    assert output_size(**given | {name: int(value)}) >= 1


def test_a_filter_larger_than_the_padded_input_says_which_padding_helps():
    with pytest.raises(ValueError, match=r"`kernel_size` must be at most .* = 6; got 9.*padding 3"):
        output_size(4, 9, padding=1)
    assert output_size(4, 9, padding=3) == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [("input_size", 0), ("kernel_size", 0), ("padding", -1), ("strides", 0), ("strides", 1.5)],
)
def test_output_size_refuses_what_is_no_count(name, value):
    with pytest.raises(ValueError, match=rf"`{name}` must be a whole number.*got {value}"):
        output_size(**{"input_size": 5, "kernel_size": 3, name: value})


# --- convolve ----------------------------------------------------------------------------------


def keras_convolution(images, kernels, strides, padding, bias):
    layer = keras.layers.Conv2D(kernels.shape[3], kernels.shape[:2], strides, padding)
    layer.build(images.shape)
    layer.set_weights([kernels, bias])
    return np.asarray(layer(images))


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("strides", [1, 2, 3, 5])
@pytest.mark.parametrize("kernel", [(1, 1), (2, 2), (3, 3), (5, 2), (4, 6)])
@pytest.mark.parametrize("image", [(7, 6), (8, 11)])
def test_convolve_equals_keras(image, kernel, strides, padding):
    images = random.normal(size=(2, *image, 3)).astype("float32")
    kernels = random.normal(size=(*kernel, 3, 4)).astype("float32")
    bias = random.normal(size=4).astype("float32")
    np.testing.assert_allclose(
        convolve(images, kernels, strides, padding, bias),
        keras_convolution(images, kernels, strides, padding, bias),
        atol=1e-5,
    )


def test_convolve_equals_five_nested_loops():
    images, kernels = random.normal(size=(2, 5, 6, 3)), random.normal(size=(3, 2, 3, 4))
    expected = np.zeros((2, 3, 5, 4))
    for image in range(2):
        for row in range(3):
            for column in range(5):
                for number in range(4):
                    patch = images[image, row : row + 3, column : column + 2]
                    expected[image, row, column, number] = (patch * kernels[..., number]).sum()
    np.testing.assert_allclose(convolve(images, kernels), expected)


def test_a_case_worked_by_hand():
    image = np.arange(1, 10).reshape(1, 3, 3, 1)
    kernel = np.array([[1, 2], [3, 4]]).reshape(2, 2, 1, 1)
    # 1*1 + 2*2 + 4*3 + 5*4 = 37, then 47, 67 and 77
    assert convolve(image, kernel)[0, :, :, 0].tolist() == [[37, 47], [67, 77]]


def test_the_kernel_is_not_flipped():
    impulse = np.zeros((1, 5, 5, 1))
    impulse[0, 2, 2] = 1
    kernel = np.arange(9.0).reshape(3, 3, 1, 1)
    answer = convolve(impulse, kernel)[0, :, :, 0]
    np.testing.assert_array_equal(answer, kernel[::-1, ::-1, 0, 0])


def test_an_odd_zero_goes_to_the_right_and_the_bottom():
    image, kernel = np.ones((1, 2, 2, 1)), np.ones((2, 2, 1, 1))
    assert convolve(image, kernel, padding="same")[0, :, :, 0].tolist() == [[4, 2], [2, 1]]


def test_whole_numbers_do_not_wrap_around():
    image = np.full((1, 2, 2, 1), 255, "uint8")
    kernel = np.full((2, 2, 1, 1), -1, "int8")
    assert convolve(image, kernel).item() == -4 * 255


@pytest.mark.parametrize("kind", ["uint8", "float16", "float32"])
def test_small_types_become_float32(kind):
    assert convolve(np.ones((1, 2, 2, 1), kind), np.ones((1, 1, 1, 1), kind)).dtype == "float32"


def test_an_image_smaller_than_its_kernel_works_with_same_padding():
    assert convolve(np.ones((1, 1, 2, 1)), np.ones((5, 5, 1, 1)), padding="same").tolist() == [
        [[[2], [2]]]
    ]


def test_no_images_give_no_outputs_of_the_right_shape():
    assert convolve(np.ones((0, 5, 5, 3)), np.ones((3, 3, 3, 2))).shape == (0, 3, 3, 2)


def test_the_images_are_left_as_they_were():
    images = random.normal(size=(1, 4, 4, 1))
    before = images.copy()
    convolve(images, np.ones((3, 3, 1, 1)), padding="same", bias=np.ones(1))
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": np.ones((4, 4))}, r"`images` must have 4 axes .*\(4, 4\)"),
        ({"kernels": np.ones((3, 3, 2, 1))}, r"`kernels` .* 1 channels .*\(3, 3, 2, 1\)"),
        ({"kernels": np.ones((3, 3))}, r"`kernels` must be .*\(3, 3\)"),
        ({"kernels": np.ones((5, 2, 1, 1))}, r"`images` .* 5x2 window; got 4x4"),
        ({"strides": 0}, "`strides` must be a whole number, at least 1; got 0"),
        ({"padding": "full"}, "`padding` must be 'valid' or 'same'; got 'full'"),
        ({"bias": np.ones(3)}, r"`bias` .* \(2,\); got shape \(3,\)"),
    ],
)
def test_convolve_says_what_does_not_fit(changes, message):
    arguments = {"images": np.ones((1, 4, 4, 1)), "kernels": np.ones((3, 3, 1, 2))}
    with pytest.raises(ValueError, match=message):
        convolve(**arguments | changes)


# --- pool --------------------------------------------------------------------------------------


def test_the_matrix_of_ones_with_a_two_a_three_a_four_and_a_five():
    matrix = np.array([[1, 1, 1, 4], [1, 1, 1, 1], [2, 1, 1, 5], [1, 3, 1, 1]])
    assert pool(matrix.reshape(1, 4, 4, 1))[0, :, :, 0].tolist() == [[1, 4], [3, 5]]


@pytest.mark.parametrize("mode", ["max", "average"])
@pytest.mark.parametrize(("size", "strides"), [(2, None), (2, 1), (3, 2), (3, 3), (1, 2), (5, 4)])
def test_pool_equals_keras(mode, size, strides):
    images = random.normal(size=(2, 7, 8, 3)).astype("float32")
    kind = {"max": keras.layers.MaxPooling2D, "average": keras.layers.AveragePooling2D}[mode]
    expected = np.asarray(kind(size, strides)(images))
    np.testing.assert_allclose(pool(images, size, strides, mode), expected, atol=1e-6)


def test_negative_values_survive_max_pooling():
    assert pool(np.full((1, 2, 2, 1), -3)).item() == -3


def test_max_keeps_the_type_and_average_does_not_wrap_around():
    image = np.full((1, 2, 2, 1), 255, "uint8")
    assert pool(image).dtype == "uint8"
    assert pool(image, mode="average").item() == 255


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pool_size": 0}, "`pool_size` must be a whole number, at least 1; got 0"),
        ({"pool_size": 5}, "at least as large as the 5x5 window; got 4x4"),
        ({"strides": 0}, "`strides` must be a whole number, at least 1; got 0"),
        ({"mode": "min"}, "`mode` must be 'max' or 'average'; got 'min'"),
        ({"images": np.ones((4, 4, 1))}, r"`images` must have 4 axes .*\(4, 4, 1\)"),
    ],
)
def test_pool_says_what_does_not_fit(changes, message):
    with pytest.raises(ValueError, match=message):
        pool(**{"images": np.ones((1, 4, 4, 1))} | changes)


# --- receptive_field ---------------------------------------------------------------------------


def reach_of_the_first_output(layers, length=200):
    """Push each input pixel alone through filters of ones and see which ones arrive."""
    outputs = np.eye(length).reshape(length, 1, length, 1)
    for kernel_size, strides in layers:
        rows = np.ones((1, kernel_size, 1, 1))
        outputs = convolve(outputs, rows)[:, :, ::strides]
    arrived = np.flatnonzero(outputs[:, 0, 0, 0])
    return arrived[-1] - arrived[0] + 1


@pytest.mark.parametrize(
    "layers",
    [
        [],
        [(5, 1)],
        [(3, 1)] * 3,
        [(3, 4)] * 3,
        [(3, 1), (3, 1), (2, 2), (3, 1), (3, 1), (2, 2), (3, 1)],
        [(11, 4), (3, 2), (5, 1)],
        [(1, 2), (3, 1)],
    ],
)
def test_the_receptive_field_is_what_an_impulse_reaches(layers):
    assert receptive_field(layers) == reach_of_the_first_output(layers)


def test_the_receptive_field_of_vgg16_before_its_dense_layers_is_that_of_the_article():
    two, three = [(3, 1)] * 2 + [(2, 2)], [(3, 1)] * 3 + [(2, 2)]
    assert receptive_field(two * 2 + three * 3) == 212  # Araujo et al. 2019, table


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([3, 1], r"\(kernel_size, strides\) pairs; got 3"),
        ([(3, 1), (3, 0)], r"`layers\[1\] strides` must be a whole number, at least 1; got 0"),
        ([(0, 1)], r"`layers\[0\] kernel_size` .* got 0"),
    ],
)
def test_receptive_field_says_which_layer_is_no_layer(layers, message):
    with pytest.raises(ValueError, match=message):
        receptive_field(layers)


# --- count_parameters --------------------------------------------------------------------------


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("layer", "dimensions", "kernel_size"),
    [
        (keras.layers.Conv1D, 1, (3,)),
        (keras.layers.Conv2D, 2, 5),
        (keras.layers.Conv2D, 2, (1, 7)),
        (keras.layers.Conv3D, 3, (2, 3, 4)),
    ],
)
def test_parameters_of_a_convolution_are_those_that_keras_counts(
    layer, dimensions, kernel_size, bias
):
    built = layer(8, kernel_size, use_bias=bias)
    built.build((None, *(9,) * dimensions, 3))
    assert count_parameters(3, 8, kernel_size, bias) == built.count_params()


@pytest.mark.parametrize("bias", [True, False])
def test_parameters_of_a_dense_layer_are_those_that_keras_counts(bias):
    layer = keras.layers.Dense(10, use_bias=bias)
    layer.build((None, 784))
    assert count_parameters(784, 10, bias=bias) == layer.count_params()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inputs": 0}, "`inputs` .* got 0"),
        ({"outputs": 2.5}, "`outputs` .* got 2.5"),
        ({"kernel_size": (3, 0)}, "`kernel_size` .* got 0"),
    ],
)
def test_count_parameters_refuses_what_is_no_count(changes, message):
    with pytest.raises(ValueError, match=message):
        count_parameters(**{"inputs": 3, "outputs": 8, "kernel_size": 3} | changes)


def test_counts_of_small_types_do_not_wrap_around():
    """NumPy's own sums do: 200 + 200 is 144 in uint8."""
    small = np.uint8
    assert output_size(small(200), small(5), small(100)) == 396
    with pytest.raises(ValueError, match="`kernel_size` must be at most"):
        output_size(small(5), small(28))
    assert receptive_field(np.array([(3, 2)] * 9, small)) == 1023
    assert count_parameters(small(200), small(200), np.array([5, 5], small)) == 1_000_200
    assert count_parameters(np.int32(100_000), np.int32(100_000), bias=False) == 10**10
    pixels = np.zeros((1, 300, 300, 1))
    assert pool(pixels, small(200), small(100)).shape == (1, 2, 2, 1)
    assert convolve(pixels, np.zeros((3, 3, 1, 1)), small(2), "same").shape == (1, 150, 150, 1)
