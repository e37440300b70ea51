"""A book on convolutional neural networks that runs.

Import from the file that you would copy (`cnnbook copy` lists them); this page is the table of
contents.

- `cnnbook.arithmetic`: the sums of a CNN in NumPy: output size, convolution, pooling, parameters
- `cnnbook.devices`: what will this run on?
- `cnnbook.datasets`: what goes in? digits, clothes, CIFAR, folders of pictures; pipelines,
  augmentation, preprocessing
- `cnnbook.models`: what computes? one family of networks a file
- `cnnbook.training`: how does it learn? losses, first weights, optimisers, features, transfer
- `cnnbook.explain`: why that answer? model and images in, arrays out
- `cnnbook.plots`: show me: arrays in, Matplotlib figures out
- `cnnbook.widgets`: let me turn it: figures with sliders, in Jupyter
- `cnnbook.deploy`: how do others use it? costs, latency, files for LiteRT and ONNX
- `cnnbook.book`: how is the book made? claims, notebooks, pages
- `cnnbook.command`: the command `cnnbook`
"""

__version__ = "0.1.0"
