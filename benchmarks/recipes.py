"""What time_to_accuracy.py compares: networks and how they are trained, nothing of how it is timed.

Ours were chosen on validation images; the others are what their authors publish as examples.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """How one network is trained."""

    title: str
    worker: str
    """The script that trains it: accuracy_keras.py or accuracy_torch.py."""
    net: str
    """The name of its builder there."""
    epochs: int
    """Length of the run, and of the schedule if there is one."""
    share: float = 1.0
    """Of the batches of an epoch: the rest is left out."""
    batch_size: int = 128
    peak_rate: float | None = None
    """Adam's rate at the top of its schedule (up from 0, down to 0); None: constant, default."""
    rising: float = 0.2
    """The share of the steps in which the rate rises."""
    beta_1: float = 0.9
    beta_2: float = 0.999
    moved: bool = False
    """Each training image is turned, stretched and shifted a little, anew every time."""
    smoothing: float = 0.0
    """The share of each label that is spread over all classes."""
    dropout: float | None = None
    """Of our net; None where the net has its own."""
    normalize: bool = False
    """Batch normalisation in our net."""
    recommended: bool = False
    """Number format by `recommend_precision()`, `FusedAdam`, `make_pipeline`, and 16 steps a call;
    False: Keras' defaults."""


RECIPES = {
    "short": Recipe(
        "small digit net, 3/4 of an epoch (ours)",
        "accuracy_keras.py",
        "small_digit_net",
        epochs=1,
        share=0.75,
        peak_rate=0.006,
        rising=0.1,
        beta_1=0.8,
        beta_2=0.95,
        smoothing=0.1,
        dropout=0.0,
        recommended=True,
    ),
    "long": Recipe(
        "small digit net, 12 epochs (ours)",
        "accuracy_keras.py",
        "small_digit_net",
        epochs=12,
        peak_rate=0.004,
        beta_2=0.95,
        moved=True,
        dropout=0.2,
        normalize=True,
        recommended=True,
    ),
    "classical": Recipe(
        "classical net, Keras defaults", "accuracy_keras.py", "classical", epochs=16
    ),
    "example": Recipe(
        "Keras' small example net, Keras defaults", "accuracy_keras.py", "example", epochs=16
    ),
    "torch": Recipe(
        "classical net, as PyTorch's MNIST example",
        "accuracy_torch.py",
        "classical",
        epochs=14,
        batch_size=64,
    ),
}
