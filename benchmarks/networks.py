"""Shared parts of the benchmarks of training and scoring: device, published network, its input, cost of its products.

TensorFlow and JAX are imported in the functions that use them, because no benchmark needs both.
"""

import keras
import numpy as np

from benchmarks import harness
from yt8m_attention import config, schema
from yt8m_attention.models import registry
from yt8m_attention.runtime import memory

SEGMENT_CLASSES = 1000
SEGMENT_FRAMES, BAG_FRAMES = schema.SEGMENT_SIZE, config.Sampling().num_frames


def model_config(quick):
    """Returns the published network: 8 heads, a mixture of experts, 3862 classes; --quick: a quarter of the sizes."""
    if not quick:
        return config.Model()
    return config.Model(num_classes=965, num_heads=4, hidden_size=256)


def build(model, policy="float32"):
    """Builds a network with random weights, and with batch statistics like a trained network."""
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
    """Selects as many classes as segments are rated for, evenly spread."""
    count = min(SEGMENT_CLASSES, model.num_classes // 3)
    return np.linspace(0, model.num_classes - 1, count).astype(int)


def arrays(model, rows, frames, seed=0):
    """Makes a random batch as NumPy arrays."""
    rng = np.random.default_rng(seed)
    return {
        "frames": rng.integers(0, 256, (rows, frames, model.features.total), dtype=np.uint8),
        "mask": np.ones((rows, frames), bool),
        "labels": (rng.random((rows, model.num_classes)) < 3 / model.num_classes).astype(np.uint8),
        "rated": np.ones((rows, model.num_classes), bool),
    }


def batch(model, rows, frames):
    """Makes the same batch as TensorFlow tensors."""
    import tensorflow as tf

    return {name: tf.constant(array) for name, array in arrays(model, rows, frames).items()}


def training_operations(network, model):
    """Counts floating point operations of the matrix products of one video in a step: forward, and twice backward."""
    dummy = f"gate_kernel_{model.moe_num_mixtures}"
    kernels = [w for w in network.trainable_weights if len(w.shape) == 2 and not w.path.endswith(dummy)]
    rows = [BAG_FRAMES if "_stream/" in w.path else model.num_heads for w in kernels]
    return 3 * 2 * sum(n * int(np.prod(w.shape)) for n, w in zip(rows, kernels, strict=True))


def scoring_operations(folded, frames):
    """Counts floating point operations of the folded matrix products of one segment."""
    by_frame = [kernel for s in folded.streams for kernel in (s.kernel, s.gate_kernel)] + folded.hidden_kernels
    classifier = folded.classifier
    by_head = [classifier.gate.kernel, classifier.classify.kernel, classifier.classify.gate.kernel]
    count = [sum(int(np.prod(kernel.shape)) for kernel in kernels) for kernels in (by_frame, by_head)]
    return 2 * (frames * count[0] + folded.heads * count[1])


def accelerated():
    """Whether the backend uses an accelerator."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.default_backend() != "cpu"
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))


def short_type():
    """Returns the 16-bit type that the device multiplies: bfloat16, float16 (P100), or None."""
    if keras.backend.backend() == "jax" or not accelerated():
        return "bfloat16"
    from yt8m_attention.runtime import precision

    policy = precision.choose("auto")
    return None if policy == "float32" else policy.removeprefix("mixed_")


def peak_memory_mb():
    """Returns the peak memory so far in MiB: of the accelerator if there is one, otherwise of this process."""
    if not accelerated():
        return memory.peak_mb()
    if keras.backend.backend() == "jax":
        import jax

        return jax.local_devices()[0].memory_stats()["peak_bytes_in_use"] / 2**20
    from yt8m_attention.runtime import profiling

    return profiling.peak_memory_mb()


class Products:
    """Measures floating point operations per second of large matrix products, in float32 or the 16-bit type."""

    CHAINED = 4  # dependent products per read-back, which hides the cost of starting them

    def __init__(self, quick):
        size, columns = (256, 1024) if quick else (8192, 8192) if accelerated() else (1024, 8192)
        self._operations = self.CHAINED * 2 * size * size * columns
        types = [t for t in ("float32", short_type()) if t]
        self._pairs = [  # scaled so that results stay near 1, for float16
            (
                keras.random.normal((size, size), stddev=size**-0.5, dtype=t),
                keras.random.normal((size, columns), dtype=t),
            )
            for t in types
        ]
        self.rate()

    def rate(self):
        return self._operations / min(harness.seconds(lambda p=p: self._chain(*p)) for p in self._pairs * 3)

    def _chain(self, factor, product):
        for _ in range(self.CHAINED):
            product = keras.ops.matmul(factor, product)
        keras.ops.convert_to_numpy(product[:1, :1])


def limit(quick, cost):
    """Returns the side of matrix products alone, for `harness.interleave`.

    Args:
      quick: whether the products are small.
      cost: function without arguments -> floating point operations per unit of the benchmark.
    """
    return harness.lazily(lambda: (Products(quick), cost()), lambda state: state[0].rate() / state[1])
