"""A book on convolutional neural networks that runs.

Import from the file that you would copy; this page is the table of contents.

- `cnnbook.arithmetic`: the sums of a CNN in NumPy: output size, convolution, pooling, parameters
- `cnnbook.devices`: what will this run on?
- `cnnbook.claims`: a figure of the book, checked
- `cnnbook.datasets`: what goes in? MNIST, Fashion-MNIST, CIFAR, folders of images, photographs
- `cnnbook.preprocessing`: centring, scaling and whitening of images, as Keras layers
- `cnnbook.initializers`: sparse first weights
- `cnnbook.losses`: cross-entropy and hinge by hand
- `cnnbook.optimizers`: Adam in one pass over the weights
- `cnnbook.timing`: images per second, seconds to a goal, time left
- `cnnbook.costs`: what does a network cost, layer by layer?
- `cnnbook.models`: what computes? one family of networks a file
- `cnnbook.augmentation`: many pictures out of one, in training only
- `cnnbook.features`, `cnnbook.transfer`: what a trained network knows, used for something else
- `cnnbook.explain`: why that answer? model and images in, arrays out
- `cnnbook.plots`: show me: arrays in, Matplotlib figures out
- `cnnbook.widgets`: turn it yourself: figures with sliders, in Jupyter
- `cnnbook.export`, `cnnbook.latency`: a model as a file for LiteRT or ONNX, and how soon it answers
"""

__version__ = "0.1.0"
