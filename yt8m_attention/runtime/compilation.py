"""XLA compilation on TensorFlow: of fused functions (ops/fusion.py), or of the whole training step."""

import math
from collections.abc import Callable

import tensorflow as tf

from yt8m_attention.aliases import Tensor
from yt8m_attention.errors import UserError

# Compile a fused function if its largest array has at least this size; compiling takes about a second for each shape.
# These arrays must be above the limit, since XLA speeds them up:
#   attention scores of the published network, 128 bags x 120 frames x 8 heads (sparsemax gains most);
#   a batch of scored segments, 256 x 5 frames x 64 audio features;
#   AudioSet's bags, 128 x 10 frames x 64.
# The scores of a single head (15,360) are below.
LEAST_SIZE = 1 << 16
# Assumed for an unknown dimension, which is the batch size.
_UNKNOWN = 128


def whole_step(jit_compile: str, replicas: int = 1) -> bool:
    """Returns whether XLA compiles the whole training step.

    Args:
      jit_compile: the value of --jit_compile. "auto" compiles on one GPU only, since it is slower on a CPU.
      replicas: number of devices that share the step.

    Raises:
      UserError: for "on" with several replicas on a CPU, which XLA does not support.
    """
    gpu = bool(tf.config.list_logical_devices("GPU"))
    if jit_compile == "on" and replicas > 1 and not gpu:
        raise UserError(f"--jit_compile=on: XLA does not compile a step of {replicas} replicas on a CPU; give "
                        "--jit_compile=off, or --distribution=one")  # fmt: skip
    return jit_compile == "on" or (jit_compile == "auto" and gpu and replicas == 1)


def sums_in_order() -> None:
    """Makes the sum of the same numbers bit-equal in every run of this process.

    By default TensorFlow merges a sum of several terms into one operation (AddN), whose order of addition depends on
    which term's memory is free first.
    """
    tf.config.optimizer.set_experimental_options({"arithmetic_optimization": False})


def xla(function: Callable) -> Callable:
    """Compiles a fused function and its gradient with XLA, once for each shape.

    Calls with small arrays run as plain TensorFlow operations.
    """
    compiled = tf.function(function, jit_compile=True)

    def call(*arguments: Tensor):
        tensors = [None if value is None else tf.convert_to_tensor(value) for value in arguments]  # of variables too
        large = any(_size(tensor) >= LEAST_SIZE for tensor in tensors if tensor is not None)
        return compiled(*tensors) if large else function(*tensors)

    return call


def _size(tensor):
    return math.prod(_UNKNOWN if n is None else n for n in tensor.shape)
