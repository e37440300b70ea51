"""What computes? One family of networks a file; each builder returns an uncompiled Keras model."""
