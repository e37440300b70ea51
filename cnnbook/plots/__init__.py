"""Show me: arrays in, Matplotlib figures out. Nothing here knows a model."""
