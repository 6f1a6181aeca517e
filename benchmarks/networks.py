"""What the benchmarks of training and scoring share: the published network, its input and its products' cost.

TensorFlow is imported where it is used: on JAX nothing here needs it.
"""

import time

import keras
import numpy as np

from yt8m_attention import config, schema
from yt8m_attention.models import registry

SEGMENT_CLASSES = 1000
SEGMENT_FRAMES, BAG_FRAMES = schema.SEGMENT_SIZE, config.Sampling().num_frames


def model_config(quick):
    """Eight heads and the mixture of experts over 3862 classes; --quick: a quarter of every size."""
    if not quick:
        return config.Model()
    return config.Model(num_classes=965, num_heads=4, hidden_size=256)


def build(model, policy="float32"):
    """A network of drawn weights, with statistics like a trained one's."""
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy(policy)
    network = registry.build(model)
    keras.config.set_dtype_policy("float32")
    rng = np.random.default_rng(0)
    for weight in network.weights:
        small = 1e-3 if "input_norm" in weight.path else 1.0  # features of an l2-normalised frame are small
        if weight.path.endswith("moving_variance"):
            weight.assign(small * rng.uniform(0.5, 2.0, weight.shape))
        elif weight.path.endswith(("moving_mean", "beta")):
            weight.assign(small * rng.normal(0.0, 0.1, weight.shape))
    return network


def classes(model):
    """As many of the classes as segments are rated for, spread over them."""
    count = min(SEGMENT_CLASSES, model.num_classes // 3)
    return np.linspace(0, model.num_classes - 1, count).astype(int)


def arrays(model, rows, frames, seed=0):
    """A batch as numpy arrays."""
    rng = np.random.default_rng(seed)
    return {
        "frames": rng.integers(0, 256, (rows, frames, model.features.total), dtype=np.uint8),
        "mask": np.ones((rows, frames), bool),
        "labels": (rng.random((rows, model.num_classes)) < 3 / model.num_classes).astype(np.uint8),
        "rated": np.ones((rows, model.num_classes), bool),
    }


def batch(model, rows, frames):
    """The same as tensors of TensorFlow."""
    import tensorflow as tf

    return {name: tf.constant(array) for name, array in arrays(model, rows, frames).items()}


def training_operations(network, model):
    """Floating point operations of one video's products in a step: forward, and twice that backward."""
    dummy = f"gate_kernel_{model.moe_num_mixtures}"
    kernels = [w for w in network.trainable_weights if len(w.shape) == 2 and not w.path.endswith(dummy)]
    rows = [BAG_FRAMES if "_stream/" in w.path else model.num_heads for w in kernels]
    return 3 * 2 * sum(n * int(np.prod(w.shape)) for n, w in zip(rows, kernels, strict=True))


def scoring_operations(folded, frames):
    """Floating point operations of the folded products of one segment."""
    by_frame = [kernel for s in folded.streams for kernel in (s.kernel, s.gate_kernel)] + folded.hidden_kernels
    classifier = folded.classifier
    by_head = [classifier.gate.kernel, classifier.classify.kernel, classifier.classify.gate.kernel]
    count = [sum(int(np.prod(kernel.shape)) for kernel in kernels) for kernels in (by_frame, by_head)]
    return 2 * (frames * count[0] + folded.heads * count[1])


class Products:
    """The rate of floating point operations of a large matrix product, the highest of the given types'."""

    def __init__(self, quick, dtypes=("float32", "bfloat16")):
        import tensorflow as tf

        rows, inner, columns = (512, 256, 1024) if quick else (1024, 1024, 8192)
        self._multiply = tf.matmul
        self._operations = 2 * rows * inner * columns
        self._pairs = [
            (tf.cast(tf.random.normal((rows, inner)), t), tf.cast(tf.random.normal((inner, columns)), t))
            for t in dtypes
        ]
        self.rate()

    def rate(self):
        return max(self._operations / _seconds(lambda a=a, b=b: self._multiply(a, b)) for a, b in self._pairs)


def _seconds(product, times=3):
    """The least wall time of a few; read back, so that a GPU has finished."""
    spent = []
    for _ in range(times):
        start = time.perf_counter()
        product()[0, 0].numpy()
        spent.append(time.perf_counter() - start)
    return min(spent)
