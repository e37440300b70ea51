"""How is a measured figure written?"""


def shown_figure(value: float) -> str:
    """Write four significant digits; whole numbers with thousands separated."""
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
