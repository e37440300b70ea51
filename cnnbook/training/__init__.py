"""How does it learn? Losses, first weights, optimisers, features of trained networks, transfer."""
