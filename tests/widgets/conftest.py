"""What the tests of all widgets share."""

import ipywidgets
import pytest


@pytest.fixture
def made():
    """The widgets that are made during a test."""
    made = []
    ipywidgets.Widget.on_widget_constructed(made.append)
    yield made
    ipywidgets.Widget.on_widget_constructed(None)
