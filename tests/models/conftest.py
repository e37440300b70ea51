"""Large networks come and go here: what one file of tests built is forgotten before the next."""

import gc

import keras
import pytest


@pytest.fixture(autouse=True, scope="module")
def forget_networks():
    """Drop the graphs and weights that Keras and Python still hold."""
    yield
    keras.utils.clear_session()
    gc.collect()
