"""What is compiled on TensorFlow: fused functions (ops/fusion.py), or the whole training step."""

import math

import tensorflow as tf

from yt8m_attention.errors import UserError

# Size of a fused function's largest array from which compiling pays; it takes about a second for each shape. The
# published attention scores, 128 bags x 120 frames x 8 heads = 122,880, must be above it: sparsemax gains most of all.
# So are two smaller arrays: of scoring a batch of segments (256 x 5 frames x 64 of sound) and of AudioSet's bags
# (128 x 10 frames x 64). The scores of a single head (15,360) stay below.
LEAST_SIZE = 1 << 16
# What an unknown size is taken for: it is the batch's.
_UNKNOWN = 128


def whole_step(jit_compile, replicas=1):
    """Whether the whole step is compiled.

    Args:
      jit_compile: the value of --jit_compile; "auto": on one GPU, since on a CPU it is slower.
      replicas: over how many devices the step is spread.

    Raises:
      UserError: where it is wanted of several replicas on a CPU, in which XLA's programs do not run.
    """
    gpu = bool(tf.config.list_logical_devices("GPU"))
    if jit_compile == "on" and replicas > 1 and not gpu:
        raise UserError(f"--jit_compile=on: XLA does not compile a step of {replicas} replicas on a CPU; give "
                        "--jit_compile=off, or --distribution=one")  # fmt: skip
    return jit_compile == "on" or (jit_compile == "auto" and gpu and replicas == 1)


def sums_in_order():
    """For this process: the same numbers have the same sum, to the last bit.

    TensorFlow would make one operation (AddN) of a sum of several terms, which begins with the term whose memory is
    free first.
    """
    tf.config.optimizer.set_experimental_options({"arithmetic_optimization": False})


def xla(function):
    """a fused function as one XLA program, compiled once for each shape; its gradient too, where one is asked for.

    Small arrays are left to TensorFlow's operations.
    """
    compiled = tf.function(function, jit_compile=True)

    def call(*tensors):
        tensors = [None if tensor is None else tf.convert_to_tensor(tensor) for tensor in tensors]  # of variables
        large = any(_size(tensor) >= LEAST_SIZE for tensor in tensors if tensor is not None)
        return compiled(*tensors) if large else function(*tensors)

    return call


def _size(tensor):
    return math.prod(_UNKNOWN if n is None else n for n in tensor.shape)
