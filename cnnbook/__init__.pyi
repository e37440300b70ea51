from cnnbook.datasets.augmentation import make_augmentation as make_augmentation
from cnnbook.datasets.image_folder import list_image_files as list_image_files
from cnnbook.datasets.image_folder import load_image_folder as load_image_folder
from cnnbook.datasets.image_pipeline import make_image_pipeline as make_image_pipeline
from cnnbook.datasets.mnist import load_mnist as load_mnist
from cnnbook.datasets.pipeline import make_pipeline as make_pipeline
from cnnbook.devices import describe_devices as describe_devices
from cnnbook.devices import recommend_precision as recommend_precision
from cnnbook.explain.grad_cam import grad_cam as grad_cam
from cnnbook.labelled_files import LabelledFiles as LabelledFiles
from cnnbook.models.imagenet import classify as classify
from cnnbook.models.mnist_cnn import build_mnist_cnn as build_mnist_cnn
from cnnbook.models.resnet import build_resnet as build_resnet
from cnnbook.models.small_digit_net import build_small_digit_net as build_small_digit_net
from cnnbook.plots.confusion import plot_confusion_matrix as plot_confusion_matrix
from cnnbook.plots.curves import plot_learning_curves as plot_learning_curves
from cnnbook.plots.gallery import plot_gallery as plot_gallery
from cnnbook.training.features import bottleneck_features as bottleneck_features

__version__: str
