"""Why that answer? A model and images in, NumPy arrays out; `cnnbook.plots` draws them."""
